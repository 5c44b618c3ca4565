# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A firewall that is turned on at a node of a running cluster: pods lose each other, and the next run opens it."""

from __future__ import annotations

import pytest

import playbooks
from conftest import verdicts


@pytest.mark.long
def test_ufw_on_a_running_cluster_is_opened_and_pods_are_untouched(lab):
    node = lab.nodes["node-1"]
    pods = "get pods -A -o jsonpath='{.items[*].metadata.uid}'"
    before = lab.kubectl(pods)
    node.check_output("apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install --yes -q ufw")
    try:
        node.check_output("ufw default reject routed && ufw allow 22/tcp && ufw --force enable")
        refused = playbooks.run("site.yml", lab.inventory)
        assert refused.rc != 0
        assert refused.changed == {}
        assert "node-1: ufw does not let in 10250/tcp" in " ".join(refused.output.split())
        _, paths = lab.paths()
        assert verdicts(paths)["node-1", "node-2"] != "pass"

        ran = playbooks.run("site.yml", lab.inventory, firewall_policy="open")
        assert (ran.rc, ran.changed) == (0, {"node-1": {"Open it in ufw"}}), ran.output
        proved, paths = lab.paths()
        assert proved.rc == 0, proved.output
        assert set(verdicts(paths).values()) == {"pass"}
        assert playbooks.run("site.yml", lab.inventory, firewall_policy="open").changed == {}
        assert playbooks.run("site.yml", lab.inventory).rc == 0
        assert lab.kubectl(pods) == before
    finally:
        node.check_output("ufw disable; DEBIAN_FRONTEND=noninteractive apt-get purge --yes -q ufw")
