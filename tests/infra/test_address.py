# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of a running node stays, and what the cluster made itself is nobody else's."""

from __future__ import annotations

import json

import pytest

import playbooks


def test_another_address_for_a_running_node_is_refused_before_anything_changes(lab, name, tmp_path):
    if name == "node-2":
        pytest.skip("a control plane and a worker are enough")
    node = lab.nodes[name]
    own = lab.variables[name]["ansible_host"]
    other = own[:-2] + "1" + own[-2:]
    # this host's alone: a variable for all would ask the others for it, too
    only_here = tmp_path / "only_here.yml"
    only_here.write_text(json.dumps({"all": {"hosts": {name: {"node_address_explicit": other}}}}))
    node.check_output(f"ip address add {other}/24 dev eth1")
    try:
        ran = playbooks.run("site.yml", [*lab.inventory, str(only_here)], cmdline=f"--limit {name}")
        both = playbooks.run("site.yml", lab.inventory, cmdline=f"--check --limit {name}")
    finally:
        node.check_output(f"ip address del {other}/24 dev eth1")
    said = " ".join(ran.output.split())
    assert ran.rc != 0
    assert ran.changed == {}
    assert f"{name}: it is a node of a running cluster by {own} (--node-ip in" in said
    assert f"node_address_explicit {other} and node_address_cidr" in said
    assert "Set node_address_explicit so that it picks" in said
    assert f"{name}: 2 addresses lie inside node_address_cidr" in " ".join(both.output.split())
