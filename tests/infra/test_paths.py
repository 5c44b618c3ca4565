# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof on a real cluster: all is well, one fault at a time is made, seen and undone, all is well again."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess

import pytest
from proofs import wait_until

import playbooks
from conftest import verdicts

NODES = ("controlplane", "node-1", "node-2")
ALL = set(itertools.product(NODES, NODES))


def pairs_with(seen: dict[tuple[str, str], str], verdict: str) -> set[tuple[str, str]]:
    return {pair for pair, found in seen.items() if found == verdict}


def crossing(node: str) -> set[tuple[str, str]]:
    return {pair for pair in ALL if pair[0] != pair[1] and node in pair}


def test_all_pairs_go_the_way_they_should(lab):
    ran, paths = lab.paths()
    assert ran.rc == 0, ran.output
    assert ran.changed == {}, "it only looks"
    assert verdicts(paths) == dict.fromkeys(ALL, "pass")
    second = {"vxlan": "flannel.1", "host-gw": "node"}[lab.backend]
    for pair in paths["pods"]["pairs"]:
        same = pair["source"]["node"] == pair["destination"]["node"]
        assert [hop["role"] for hop in pair["expected"]["hops"]] == (["pod"] if same else ["cni0", second, "pod"])
        assert [hop["addresses"] for hop in pair["hops"]] == [hop["addresses"] for hop in pair["expected"]["hops"]]
        if second == "node" and not same:
            assert pair["hops"][1]["addresses"] == [lab.variables[pair["destination"]["node"]]["ansible_host"]]
        assert same or pair["evidence"]["underlay"]["interface"] == "eth1"
    assert {path["verdict"] for path in paths["nodes"]["paths"]} == {"pass"}
    assert lab.pods_left() == []


def test_nothing_of_the_lab_left_this_machine(lab):
    # before any fault: a fault may well send a packet the wrong way, and then the rule has done its work
    table = f"pp-{lab.variables['controlplane']['lab_name']}"
    rules = subprocess.run(["nft", "list", "table", "inet", table], check=True, capture_output=True, text=True).stdout
    rejecting = [line for line in rules.splitlines() if "counter" in line and "reject" in line]
    assert len(rejecting) == 1
    assert "packets 0 " in rejecting[0], rejecting


def test_dropped_vxlan_fails_that_nodes_cross_pairs_and_no_other(lab):
    if lab.backend != "vxlan":
        pytest.skip("only vxlan has a port that can be blocked")
    rule = "INPUT --protocol udp --dport 8472 --jump DROP"
    lab.nodes["node-1"].check_output(f"iptables --insert {rule}")
    try:
        ran, paths = lab.paths()
    finally:
        lab.nodes["node-1"].check_output(f"iptables --delete {rule}")
    assert ran.rc != 0
    seen = verdicts(paths)
    assert pairs_with(seen, "fail") == crossing("node-1"), seen
    assert pairs_with(seen, "pass") == ALL - crossing("node-1"), seen
    assert lab.pods_left() == []

    ran, paths = lab.paths()
    assert ran.rc == 0, ran.output
    assert verdicts(paths) == dict.fromkeys(ALL, "pass")


def test_a_card_too_small_for_the_tunnel_is_told_by_its_hosts_routes(lab):
    if lab.backend != "vxlan":
        pytest.skip("there is no tunnel")
    lab.nodes["node-1"].check_output("ip link set eth1 mtu 1400")
    try:
        ran, paths = lab.paths()
    finally:
        lab.nodes["node-1"].check_output("ip link set eth1 mtu 1500")
    assert ran.rc != 0
    # on the way in the card drops what is too large for it, so packets show that half
    failed = {(pair["source"]["node"], pair["destination"]["node"]): pair["rule"]
              for pair in paths["pods"]["pairs"] if pair["verdict"] == "fail"}
    assert failed.keys() == crossing("node-1")
    assert {rule for (source, _), rule in failed.items() if source == "node-1"} == {"underlay-mtu"}


def test_flannel_on_the_nat_address_fails_though_nothing_else_is_asked(lab):
    if lab.backend != "host-gw":
        pytest.skip("one backend is enough")
    note = "flannel.alpha.coreos.com/public-ip"
    address = lab.variables["node-1"]["ansible_host"]
    lab.kubectl(f"annotate --overwrite node node-1 {note}=10.0.2.15")
    try:
        ran, paths = lab.paths()
    finally:
        lab.kubectl(f"annotate --overwrite node node-1 {note}={address}")
    assert ran.rc != 0
    assert pairs_with(verdicts(paths), "fail") == crossing("node-1")
    reasons = [pair["reason"] for pair in paths["pods"]["pairs"] if pair["verdict"] == "fail"]
    assert all("node-1" in reason and "10.0.2.15" in reason for reason in reasons), reasons


def test_pairs_of_a_node_that_is_not_ready_are_inconclusive_and_the_others_proved(lab):
    if lab.backend != "host-gw":
        pytest.skip("one backend is enough")
    lab.nodes["node-2"].check_output("systemctl stop kubelet")
    try:
        lab.kubectl("wait --for=condition=Ready=Unknown --timeout=120s node/node-2")
        ran, paths = lab.paths()
    finally:
        lab.nodes["node-2"].check_output("systemctl start kubelet")
    assert ran.rc != 0, "an inconclusive pair fails by default"
    seen = verdicts(paths)
    with_node_2 = {pair for pair in ALL if "node-2" in pair}
    assert pairs_with(seen, "inconclusive") == with_node_2, seen
    assert pairs_with(seen, "pass") == ALL - with_node_2, seen
    reasons = [pair["reason"] for pair in paths["pods"]["pairs"] if pair["verdict"] == "inconclusive"]
    assert all("node-2" in reason for reason in reasons), reasons
    lab.kubectl("wait --for=condition=Ready --timeout=60s node/node-2")


def test_image_that_cannot_be_pulled_is_named(lab):
    if lab.backend != "host-gw":
        pytest.skip("one backend is enough")
    ran = playbooks.run("playbooks/verify_paths.yml", lab.inventory, pod_paths_image="docker.io/library/nosuch:1")
    assert ran.rc != 0
    assert "docker.io/library/nosuch:1" in ran.output
    assert "pod_paths_image" in ran.output
    assert "Traceback" not in ran.output
    assert lab.pods_left() == []


def start_and_wait_for_pods(lab) -> subprocess.Popen:
    sources = [argument for source in lab.inventory for argument in ("-i", source)]
    process = subprocess.Popen(
        ["ansible-playbook", *sources, "playbooks/verify_paths.yml", "-e", "pod_paths_wait_timeout=30"],
        cwd=playbooks.REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env={**os.environ, "ANSIBLE_CONFIG": str(playbooks.REPOSITORY / "ansible.cfg")})
    wait_until(lambda: lab.pods_left() != [], 60, "no pod of the proof appeared")
    return process


def descendants(pid: int) -> list[int]:
    """Processes below one, in whatever session they are: Ansible's workers have one of their own."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], check=True, capture_output=True, text=True).stdout
    parents = [tuple(map(int, line.split())) for line in listed.splitlines()]
    found = [pid]
    for known in found:
        found += [child for child, parent in parents if parent == known]
    return found


def test_interrupted_proof_removes_its_pods(lab):
    process = start_and_wait_for_pods(lab)
    # as a terminal does: everything in the foreground gets it
    for pid in descendants(process.pid):
        os.kill(pid, signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert "9 pass" not in said, "it was not interrupted at all"
    assert process.returncode != 0
    wait_until(lambda: lab.pods_left() == [], 15, "pods are left after SIGINT")
