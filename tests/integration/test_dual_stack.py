# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of both families: everything that follows from the nodes' addresses follows from both of them."""

from __future__ import annotations

import ipaddress
import itertools
import json
import re

import echo_pods
import pytest

import conftest

pytestmark = pytest.mark.long

NODES = {"controlplane": 10, "node-1": 11, "node-2": 12}
IPV4 = {name: f"192.168.74.{number}" for name, number in NODES.items()}
IPV6 = {name: str(ipaddress.ip_network("fd00:74::/64")[number]) for name, number in NODES.items()}


@pytest.fixture(scope="module")
def dual():
    with conftest.lab_of("dual") as lab:
        ran = lab.play("site.yml")
        assert ran.rc == 0, ran.output
        echo_pods.start(lab, "RequireDualStack")
        yield lab


def test_second_run_changes_nothing(dual):
    ran = dual.play("site.yml")
    assert (ran.rc, ran.changed) == (0, {}), ran.output


def test_both_addresses_are_the_nodes_and_everybody_follows(dual):
    for node in json.loads(dual.kubectl("get nodes -o json"))["items"]:
        name = node["metadata"]["name"]
        found = [entry["address"] for entry in node["status"]["addresses"] if entry["type"] == "InternalIP"]
        assert found == [IPV4[name], IPV6[name]]
        annotations = node["metadata"]["annotations"]
        assert annotations["flannel.alpha.coreos.com/public-ip"] == IPV4[name]
        assert annotations["flannel.alpha.coreos.com/public-ipv6"] == IPV6[name]
        assert [ipaddress.ip_network(cidr).version for cidr in node["spec"]["podCIDRs"]] == [4, 6]
    hosts = dual.node("node-1", "cat /etc/hosts").splitlines()
    assert {f"{of[name]} {name}" for of in (IPV4, IPV6) for name in NODES} <= set(hosts)
    names = dual.node("controlplane", "openssl x509 -noout -ext subjectAltName -in /etc/kubernetes/pki/apiserver.crt")
    # openssl writes IPv6 in full
    certified = {ipaddress.ip_address(address) for address in re.findall(r"IP Address:([0-9A-Fa-f.:]+)", names)}
    assert {ipaddress.ip_address(of["controlplane"]) for of in (IPV4, IPV6)} <= certified


def test_the_kernel_forwards_and_filters_both_now_and_after_a_boot(dual):
    wanted = ["net.ipv6.conf.all.forwarding", "net.bridge.bridge-nf-call-ip6tables"]
    for name in NODES:
        assert dual.node(name, f"sysctl -n {' '.join(wanted)}").split() == ["1", "1"]
        lines = dual.node(name, "cat /etc/sysctl.d/*.conf").replace(" ", "").splitlines()
        assert {f"{key}=1" for key in wanted} <= set(lines)


def test_pods_reach_each_other_and_services_by_both(dual):
    pods = echo_pods.addresses(dual)
    assert pods.keys() == NODES.keys()
    for source, (node, both) in itertools.product(NODES, pods.items()):
        assert len(both) == 2
        for address in both:
            assert echo_pods.asked(dual, source, address) == node, (source, address)
    for source, address in itertools.product(NODES, echo_pods.services(dual)):
        assert echo_pods.asked(dual, source, address, 80) in NODES, (source, address)


def test_every_pair_of_pods_goes_its_way_in_both_families(dual):
    ran, paths = dual.paths()
    assert ran.rc == 0, ran.output
    seen = {(pair["source"]["node"], pair["destination"]["node"], pair["family"]): pair["verdict"]
            for pair in paths["pods"]["pairs"]}
    assert seen == dict.fromkeys(itertools.product(NODES, NODES, ("ipv4", "ipv6")), "pass")


def test_the_proof_tells_each_family_of_the_nodes_by_itself(dual):
    _, paths = dual.paths()
    rows = [row for row in paths["nodes"]["paths"] if row["kind"] == "node"]
    assert sorted((row["source"], row["destination"], row["family"]) for row in rows) == sorted(
        (one, other, family) for one, other in itertools.permutations(NODES, 2) for family in ("ipv4", "ipv6"))
    assert {row["verdict"] for row in rows} == {"pass"}
    dual.node("node-2", "ip6tables -I INPUT -i eth1 -p icmpv6 --icmpv6-type echo-request -j DROP")
    try:
        _, paths = dual.paths(pod_paths_fail_on="never")
    finally:
        dual.node("node-2", "ip6tables -D INPUT -i eth1 -p icmpv6 --icmpv6-type echo-request -j DROP")
    bad = [row for row in paths["nodes"]["paths"] if row["verdict"] != "pass"]
    assert {(row["source"], row["destination"], row["family"]) for row in bad} == {
        ("controlplane", "node-2", "ipv6"), ("node-1", "node-2", "ipv6")}


def test_a_node_without_the_second_family_is_refused_before_anything_is_changed(dual):
    ran = dual.play("site.yml", node_address_cidr="192.168.74.0/24")
    said = " ".join(ran.output.split())
    assert ran.rc != 0
    assert ran.changed == {}
    assert "node-1: control_plane_pod_cidr is of IPv4 and IPv6" in said
    assert f"but the node is {IPV4['node-1']} and has no IPv6 address" in said
