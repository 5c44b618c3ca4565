# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own logic: when is a lab that stands whole, and what are its parts called."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.podpath.kubeadm.plugins.filter import lab

_ROOT = Path(__file__).parents[2]
_FILE = _ROOT / "roles/lab_machines/files/lab_health.py"
_SPEC = importlib.util.spec_from_file_location("lab_health", _FILE)
lab_health = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(lab_health)

MACHINES = [{"name": "mirror", "port": "pp1", "image": "m:1", "nat": False},
            {"name": "node-1", "port": "pp2", "image": "n:1", "nat": True}]


def standing() -> dict:
    return {
        "containers": {"mirror": {"state": "running", "pid": 10, "conmon": 11, "image": "m:1"},
                       "node-1": {"state": "running", "pid": 20, "conmon": 21, "image": "n:1"}},
        "ports": {"pp1", "pp2"},
        "processes": {10: "systemd", 11: "/usr/bin/conmon -c a", 20: "systemd", 21: "/usr/bin/conmon -c b",
                      22: "slirp4netns 20 eth0"},
        "nat": {"node-1": 22},
    }


def test_a_whole_lab_has_no_problem():
    assert lab_health.problems(MACHINES, **standing()) == []


@pytest.mark.parametrize(("breaks", "sentence"), [
    (lambda lab: lab["containers"].pop("node-1"), "node-1 is missing"),
    (lambda lab: lab["containers"]["node-1"].update(state="exited"), "node-1 is exited"),
    (lambda lab: lab["processes"].pop(20), "node-1 is called running, but its first process 20 is gone"),
    (lambda lab: lab["processes"].pop(21), "node-1 has lost its supervisor, nobody would start it after a reboot"),
    (lambda lab: lab["processes"].update({21: "vim"}),
     "node-1 has lost its supervisor, nobody would start it after a reboot"),
    (lambda lab: lab["ports"].discard("pp2"), "node-1 is not plugged into the lab's bridge"),
    (lambda lab: lab["processes"].pop(22), "node-1 has no way to the outside, its eth0 is dead"),
    (lambda lab: lab["nat"].clear(), "node-1 has no way to the outside, its eth0 is dead"),
    (lambda lab: lab["containers"].update({"node-9": {}}), "node-9 is no machine of this lab"),
])
def test_what_is_broken_is_said(breaks, sentence):
    lab = standing()
    breaks(lab)
    assert lab_health.problems(MACHINES, **lab) == [sentence]


def test_a_working_lab_of_another_bundle_or_address_is_outdated_and_not_broken():
    wanted = {"addresses": "192.168.56.2/24 fd00::2/64", "routes": "192.168.57.0/24 via 192.168.56.3"}
    machines = [{**machine, **wanted} for machine in MACHINES]
    containers = {"mirror": {"image": "m:1", **wanted},
                  "node-1": {"image": "n:0", "addresses": "192.168.56.2/24", "routes": ""}}
    assert lab_health.outdated(machines, containers) == [
        "node-1 has the image n:0, wanted is n:1",
        "node-1 has the addresses 192.168.56.2/24, wanted is 192.168.56.2/24 fd00::2/64",
        "node-1 has the routes none, wanted is 192.168.57.0/24 via 192.168.56.3"]
    assert lab_health.outdated(machines, {"mirror": containers["mirror"]}) == []


A = {"name": "a", "address": "192.168.56.9", "suite": "trixie"}


@pytest.mark.parametrize(("nodes", "backend", "sentence"), [
    ([A | {"address": ""}], "vxlan", "a has ansible_host unset; the lab needs its address in"),
    ([A | {"address": "10.1.1.1"}], "vxlan", "a has ansible_host 10.1.1.1, which is outside"),
    ([A | {"address": "192.168.56.2"}], "vxlan", "which is the address of the lab's mirror"),
    ([A | {"address": "192.168.56.1"}], "vxlan", "which is the address of this machine"),
    ([A, A | {"name": "b"}], "vxlan", "the address of a"),
    ([A], "pigeon", "flannel_backend is pigeon"),
    ([A | {"suite": "sarge"}], "vxlan", "a has lab_node_suite sarge; the lab knows bookworm and trixie."),
])
def test_hosts_that_cannot_be_machines_are_named(nodes, backend, sentence):
    problems = lab.lab_problems(nodes, "192.168.56.0/24", "192.168.56.2", backend)
    assert len(problems) == 1
    assert sentence in problems[0]


def test_a_second_network_is_behind_the_router_and_the_first_may_have_ipv6():
    machines = [{"name": "near", "address": "192.168.56.11"}, {"name": "far", "address": "192.168.57.12"}]
    near, far = lab.lab_cards(machines, lab.lab_networks("pp-a", "192.168.56.0/24", "", "pf-a", "192.168.57.0/24"))
    assert (near["bridge"], near["addresses"], near["routes"]) == (
        "pp-a", "192.168.56.11/24", "192.168.57.0/24 via 192.168.56.3")
    assert (far["bridge"], far["addresses"], far["routes"]) == (
        "pf-a", "192.168.57.12/24", "192.168.56.0/24 via 192.168.57.3")
    both = lab.lab_networks("pp-a", "192.168.56.0/24", "fd00:56::/64", "pf-a", "")
    assert [network["host"] for network in both] == [["192.168.56.1/24", "fd00:56::1/64"]]
    assert lab.lab_cards(machines[:1], both)[0]["addresses"] == "192.168.56.11/24 fd00:56::b/64"
    assert lab.lab_cards(machines[:1], both)[0]["routes"] == ""


@pytest.mark.parametrize(("more", "sentence"), [
    ({"far": "192.168.57.0/24", "ipv6": "fd00:56::/64"}, "the lab's router forwards IPv4 only"),
    ({"far": "192.168.56.128/25"}, "lab_cidr 192.168.56.0/24 and lab_far_cidr 192.168.56.128/25 overlap"),
    ({"ipv6": "192.168.57.0/24"}, "lab_cidr_ipv6 is 192.168.57.0/24; an IPv6 network is needed there"),
    ({"far": "192.168.57.0/24"}, "a has ansible_host 192.168.56.3, which is the address of the lab's router"),
])
def test_networks_that_make_no_lab_are_named(more, sentence):
    nodes = [{**A, "address": "192.168.56.3"}]
    problems = lab.lab_problems(nodes, "192.168.56.0/24", "192.168.56.2", "vxlan", **more)
    assert len(problems) == 1
    assert sentence in problems[0]


def test_networks_that_this_machine_needs_are_found():
    networks = ["10.244.0.0/16", "10.96.0.0/12", "10.0.2.0/24"]
    assert lab.networks_in_use(networks, ["192.0.2.1", "10.0.2.15", "10.100.0.10", "fe80::1"]) == networks[1:]
    assert lab.networks_in_use(networks, ["192.0.2.1"]) == []


def test_go_requirements_reads_blocks_lines_and_no_replacements(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "go.mod").write_text(
        "module m\n\ngo 1.26.0\n\nrequire example.com/a v1.2.3\n\nrequire (\n\texample.com/b v0.1.0 // indirect\n)\n\n"
        "replace example.com/a => example.com/c v9.9.9\n")
    assert lab.go_requirements(str(tmp_path)) == {"one": {"example.com/a": "v1.2.3", "example.com/b": "v0.1.0"}}


def test_ports_fit_the_kernel_and_differ_between_labs():
    nodes = [{"name": name, "image": "i"} for name in ("controlplane", "node-1")]
    ports = [lab.lab_machines(nodes, name) for name in ("one", "two")]
    names = [machine["port"] for machines in ports for machine in machines]
    assert len(set(names)) == 4
    assert all(len(name) <= 15 for name in names)


def test_nodes_get_the_image_of_their_suite():
    hostvars = {"a": {"ansible_host": "192.168.56.9", "lab_node_suite": "trixie"}, "b": {}}
    nodes = lab.lab_nodes(["a", "b"], hostvars)
    assert nodes == [A, {"name": "b", "address": None, "suite": "bookworm"}]
    machines = lab.lab_machines([node | {"image": "node-{suite}:key"} for node in nodes], "one")
    assert [machine["image"] for machine in machines] == ["node-trixie:key", "node-bookworm:key"]


@pytest.mark.parametrize(("text", "host"), [
    ("Types: deb\n# http://snapshot.example/x\nURIs: http://deb.example/debian\n", "deb.example"),
    ("# deb http://old.example/d\ndeb [arch=amd64] https://deb.example:8443/d bookworm main\n", "deb.example"),
    ("Types: deb\nURIs: file:/srv\n", ""),
])
def test_first_url_host(tmp_path, text, host):
    (tmp_path / "sources").write_text(text)
    assert lab.first_url_host(str(tmp_path / "sources")) == host


def test_nth_address_outside_of_the_network_is_a_sentence():
    assert lab.nth_address("192.168.56.0/24", 2) == "192.168.56.2"
    with pytest.raises(AnsibleFilterError, match=r"no address number 9 in '192\.168\.56\.0/30'"):
        lab.nth_address("192.168.56.0/30", 9)


def test_make_lab_is_lab_up_with_the_labs_inventories():
    told = subprocess.run(["make", "--dry-run", "lab"], cwd=_ROOT, check=True, capture_output=True, text=True).stdout
    assert "tools/lab-up -i inventory/article -i inventory/lab" in told


@pytest.mark.parametrize(("breaks", "ran"), [("", 3), ("site.yml", 2), ("verify_paths.yml", 3)])
def test_a_lab_ends_with_its_proof_and_fails_with_any_playbook(tmp_path, breaks, ran):
    stub = tmp_path / "ansible-playbook"
    stub.write_text(f"""#!/bin/sh
echo "$@" >> {tmp_path}/ran
case "$*" in *playbooks/{breaks}) exit 4;; esac
""")
    stub.chmod(0o755)
    up = subprocess.run([_ROOT / "tools" / "lab-up", "-i", "one", "-i", "two"], check=False, capture_output=True,
                        text=True, env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert up.returncode == (4 if breaks else 0)
    wanted = [f"-i one -i two playbooks/{name}.yml" for name in ("lab", "site", "verify_paths")]
    assert (tmp_path / "ran").read_text().splitlines() == wanted[:ran]
