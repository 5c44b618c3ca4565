# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that cannot be reached costs no more than what it would have said. It needs no lab.

The hosts are this machine under several names, and one name behind which nobody answers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
import playbooks

DEAD = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
FAILING = "tests/integration/playbooks/failing.yml"
ENTRY = "tests/integration/playbooks/entry.yml"


def inventory(tmp_path: Path, *dead: str) -> list[str]:
    def hosts(*names: str) -> dict:
        return {"hosts": {name: DEAD if name in dead else {} for name in names}}

    path = tmp_path / "hosts.yml"
    path.write_text(json.dumps({"all": {
        "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable,
                 "support_directory": str(tmp_path / "bundles")},
        "children": {"kube_control_plane": hosts("one"), "kube_node": hosts("two", "three", "four")}}}))
    return [str(path)]


def said(ran: playbooks.Run) -> str:
    """What a person reads, without the breaks of lines."""
    assert "Traceback" not in ran.output
    return " ".join(ran.output.split())


@pytest.mark.parametrize("strict", [False, True])
def test_a_control_plane_that_is_down_costs_no_bundle(tmp_path, strict):
    ran = playbooks.run(FAILING, inventory(tmp_path, "one"), failing=["three", "four"], strict=strict)
    told = said(ran)
    assert ran.rc != 0
    bundle = playbooks.bundled(playbooks.support_bundle(ran))
    for host in ("three", "four"):
        assert f"{host}: Fail on purpose: {host} fails on purpose" in told
        assert {f"{host}/commands/journal-kubelet.txt", f"{host}/commands/kernel.txt"} <= bundle.keys()
    # where it does not stop with the others, a host that did not fail has nothing to say
    assert ("two/commands/kernel.txt" in bundle) is strict
    assert ("two has come to the end" in told) is not strict
    for part in ("one", "cluster"):
        assert "Connection refused" in bundle[f"{part}/not-collected.txt"]


def test_a_bundle_that_cannot_be_written_stops_nobody_else(tmp_path):
    # no directory can be made there, not even by root
    ran = playbooks.run(FAILING, inventory(tmp_path), failing=["two", "three"], support_directory="/proc/nosuch/here")
    told = said(ran)
    assert ran.rc != 0
    assert told.count("There is no support bundle: There was an issue creating /proc/nosuch") == 1
    for host in ("two", "three"):
        assert f"{host}: Fail on purpose: {host} fails on purpose" in told
    assert "four has come to the end" in told


def test_a_control_plane_in_the_play_is_asked_once(tmp_path):
    ran = playbooks.run(FAILING, inventory(tmp_path), failing=["one", "two"], hosts_of_play="all")
    bundle = playbooks.bundled(playbooks.support_bundle(ran))
    assert {"one/commands/kernel.txt", "two/commands/kernel.txt", "cluster/nodes.txt"} <= bundle.keys()
    assert "three has come to the end" in said(ran)


def test_a_node_that_died_hides_not_what_is_not_ready(tmp_path):
    waiting = [{"kind": "Node", "name": name} for name in ("three", "four")]
    ran = playbooks.run(ENTRY, inventory(tmp_path, "four"), role="flannel", entry="wait",
                        flannel_kubeconfig=str(tmp_path / "nosuch"), __flannel_cluster={"waiting": waiting})
    told = said(ran)
    assert ran.rc != 0
    assert "The last lines of the kubelet's journal on three:" in told
    assert "The last lines of the kubelet's journal on four: the host cannot be reached" in told


def test_a_control_plane_that_is_down_cannot_tell_who_has_joined_and_stops_nobody(tmp_path):
    ran = playbooks.run(ENTRY, inventory(tmp_path, "one"), role="worker", entry="ask_host")
    assert ran.rc == 0, ran.output
    for host in ("two", "three", "four"):
        assert f"{host} has come to the end" in said(ran)
