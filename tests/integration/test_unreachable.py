# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that cannot be reached costs no more than what it would have said. It needs no lab.

The hosts are this machine under several names, and one name behind which nobody answers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
import playbooks

DEAD = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
FAILING = "tests/integration/playbooks/failing.yml"
ENTRY = "tests/integration/playbooks/entry.yml"
EACH = "tests/integration/playbooks/each.yml"


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


# what a host outside of the run may be: dead, without the right to become root, without a Python
OUTSIDE = {
    "dead": (DEAD, "Connection refused"),
    "no root": ({"ansible_become": True, "ansible_become_user": "nobody", "ansible_become_exe": "/usr/bin/false"}, ""),
    "no python": ({"ansible_python_interpreter": "/no/such/python"}, "/no/such/python"),
}


def with_outside(tmp_path: Path, group: str, name: str, outside: dict) -> list[str]:
    sources = inventory(tmp_path)
    described = json.loads(Path(sources[0]).read_text())
    described["all"]["children"][group]["hosts"][name] = outside
    Path(sources[0]).write_text(json.dumps(described))
    return sources


@pytest.mark.parametrize(("kind", "hosts"), [*((kind, "kube_node") for kind in OUTSIDE), ("no root", "two")])
def test_a_control_plane_that_cannot_be_asked_stops_every_host_with_its_name(tmp_path, kind, hosts):
    outside, reason = OUTSIDE[kind]
    ran = playbooks.run(EACH, with_outside(tmp_path, "kube_control_plane", "one", outside), role="kubernetes",
                        entry="check", hosts_of_play=hosts)
    told = said(ran)
    assert ran.rc != 0
    assert "one cannot be asked (" in told
    assert reason in told.split("one cannot be asked (")[1]
    assert "has come to the end" not in told


def own_address() -> str:
    """An address of this machine that an inventory may name."""
    facts = json.loads(subprocess.run(["ip", "-json", "-4", "address", "show", "scope", "global"], check=True,
                                      capture_output=True, text=True).stdout)
    return facts[0]["addr_info"][0]["local"]


@pytest.mark.parametrize("kind", OUTSIDE)
def test_a_host_outside_of_the_run_that_cannot_be_asked_keeps_nobody_from_joining(tmp_path, kind):
    ran = playbooks.run(EACH, with_outside(tmp_path, "kube_node", "four", OUTSIDE[kind][0]), cmdline="--limit two",
                        role="node_address", entry="main", node_address_explicit=own_address(),
                        node_address_hosts=["two", "four"])
    assert ran.rc == 0, ran.output
    assert "four could not be asked, so nobody knows" in said(ran)


def test_a_host_that_comes_first_in_a_play_but_not_in_the_role_is_not_waited_for(tmp_path):
    by_two = {"hosts_of_play": "one:two", "hosts_of_role": ["two"]}
    ran = playbooks.run(EACH, inventory(tmp_path), role="kubernetes", entry="check", **by_two)
    assert ran.rc == 0, ran.output
    # four is outside of the play; it is asked, and is the same machine
    ran = playbooks.run(EACH, inventory(tmp_path), role="node_address", entry="main", **by_two,
                        node_address_explicit=own_address(), node_address_hosts=["two", "four"])
    assert "is the address of more than one host: four" in said(ran)
