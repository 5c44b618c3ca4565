# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from path_samples import cluster, node

from ansible_collections.podpath.kubeadm.plugins.module_utils import topology

CIDRS = ["192.168.56.0/24"]


def parsed(*objects):
    return topology.parse_nodes(objects)


def rules(findings):
    return {(finding.rule, finding.severity) for finding in findings}


def hops(expectation):
    return [(hop.role, hop.addresses) for hop in expectation.hops]


def test_a_healthy_cluster_has_no_findings():
    assert topology.preflight(parsed(*cluster()), CIDRS) == []


def test_same_node_is_one_hop_whatever_the_backend():
    for backend in ("vxlan", "host-gw", "wireguard", None):
        one = topology.parse_node(node(1, backend))
        assert hops(topology.expected_path(one, one, "10.244.1.9")) == [("pod", ("10.244.1.9",))]


@pytest.mark.parametrize(
    ("backend", "second"), [("host-gw", ("node", ("192.168.56.12",))), ("vxlan", ("flannel.1", ("10.244.2.0",)))]
)
def test_across_nodes_is_three_hops(backend, second):
    nodes = parsed(*cluster(backend))
    path = topology.expected_path(nodes["node-1"], nodes["node-2"], "10.244.2.7")
    assert hops(path) == [("cni0", ("10.244.1.1",)), second, ("pod", ("10.244.2.7",))]


def test_without_a_pod_address_the_last_hop_is_open():
    nodes = parsed(*cluster())
    assert topology.expected_path(nodes["node-1"], nodes["node-2"], None).hops[-1].addresses == ()


@pytest.mark.parametrize("backends", [("vxlan", "host-gw"), ("wireguard", "wireguard"), ("", ""), (None, None)])
def test_an_unknown_path_is_refused(backends):
    one, two = (topology.parse_node(node(index, backend)) for index, backend in enumerate(backends))
    with pytest.raises(topology.TopologyError):
        topology.expected_path(one, two, "10.244.1.2")


def test_flannel_on_the_nat_interface_is_a_fail_for_every_reason_it_is_wrong():
    nodes = parsed(*(node(index, public_ip="10.0.2.15") for index in range(3)))
    findings = topology.preflight(nodes, CIDRS)
    assert {finding.rule for finding in findings} == {
        "public-ip-not-internal-ip",
        "public-ip-outside",
        "public-ip-duplicate",
    }
    assert all(finding.severity == topology.FAIL for finding in findings)
    assert all("10.0.2.15" in finding.message and "--iface" in finding.cure for finding in findings)
    assert "node-1" in findings[1].message or "node-1" in findings[2].message


def test_flannel_and_kubelet_agreeing_on_the_wrong_network_is_a_fail():
    nodes = parsed(*(node(i, public_ip=f"10.9.0.{i}", internal_ip=f"10.9.0.{i}") for i in range(1, 3)))
    assert rules(topology.preflight(nodes, CIDRS)) == {("public-ip-outside", topology.FAIL)}


def test_without_a_cluster_network_pairs_across_nodes_stay_open():
    (finding,) = topology.preflight(parsed(*cluster()), [])
    assert finding.rule == "no-cluster-network"
    assert finding.concerns("node-1", "node-2")
    assert not finding.concerns("node-1", "node-1")


def test_a_single_node_needs_no_cluster_network():
    assert topology.preflight(parsed(node(0)), []) == []


@pytest.mark.parametrize(
    ("changed", "rule", "severity"),
    [
        (node(1, None), "no-flannel", "inconclusive"),
        (node(1, "wireguard"), "backend-unknown", "inconclusive"),
        (node(1, ""), "backend-unknown", "inconclusive"),
        (node(1, "vxlan"), "backend-mixed", "inconclusive"),
        (node(1, public_ip=""), "public-ip-missing", "inconclusive"),
        (node(1, internal_ip="fd00::1"), "no-internal-ip", "inconclusive"),
        (node(1, pod_cidr=None), "no-pod-cidr", "inconclusive"),
        (node(1, pod_cidr="fd00:1::/64"), "no-pod-cidr", "inconclusive"),
        (node(1, pod_cidr="10.244.0.0/24"), "pod-cidr-overlap", "fail"),
        (node(1, public_ip="192.168.56.99"), "public-ip-not-internal-ip", "fail"),
    ],
)
def test_one_odd_node_is_found_and_named(changed, rule, severity):
    findings = topology.preflight(parsed(node(0), changed, node(2)), CIDRS)
    assert rules(findings) == {(rule, severity)}
    assert all("node-1" in finding.nodes and "node-1" in finding.message for finding in findings)


def test_not_ready_and_cordoned_nodes_say_why():
    assert topology.parse_node(node(0)).unusable == ""
    assert "Kubelet stopped posting" in topology.parse_node(node(1, ready=False)).unusable
    assert "cordoned" in topology.parse_node(node(1, cordoned=True)).unusable
    bare = {"metadata": {"name": "x"}}
    assert "has not reported" in topology.parse_node(bare).unusable


def test_broken_input_is_a_sentence():
    with pytest.raises(topology.TopologyError, match=r"without metadata\.name"):
        topology.parse_node({})
    with pytest.raises(topology.TopologyError, match="'banana'"):
        topology.parse_node(node(1, pod_cidr="banana"))
    with pytest.raises(topology.TopologyError, match="'banana'"):
        topology.parse_networks(["10.0.0.0/8", "banana"])
    with pytest.raises(topology.TopologyError, match="not IPv4"):
        topology.parse_networks(["fd00::/64"])


def test_only_unique_hostnames_pick_a_node():
    nodes = parsed(node(0), node(1, hostname="same"), node(2, hostname="same"))
    assert topology.unique_hostnames(nodes.values()) == {"controlplane"}


@pytest.mark.parametrize(
    ("ip", "word"), [("10.244.1.9", ""), ("10.88.0.4", "outside"), ("fd00::1", "not IPv4"), ("", "not IPv4")]
)
def test_a_pod_belongs_to_its_nodes_pod_cidr(ip, word):
    problem = topology.pod_address_problem(topology.parse_node(node(1)), ip)
    assert word in problem
    assert bool(problem) == bool(word)


def config_map(text):
    return {"kind": "ConfigMap", "data": {"net-conf.json": text}}


@pytest.mark.parametrize(
    ("text", "on"),
    [
        ('{"Backend": {"Type": "vxlan", "DirectRouting": true}}', True),
        ('{"Backend": {"Type": "vxlan", "directRouting": true}}', True),
        ('{"Backend": {"Type": "vxlan", "DirectRouting": false}}', False),
        ('{"Backend": {"Type": "vxlan"}}', False),
        ('{"Backend": 1}', False),
        ("{", False),
    ],
)
def test_direct_routing_is_read_from_flannels_configuration(text, on):
    assert topology.direct_routing(config_map(text)) is on
    assert topology.direct_routing(None) is False


def links(*cidrs):
    return topology.Links(True, topology.parse_networks(cidrs))


def test_with_direct_routing_nodes_on_one_link_go_by_the_node_address():
    nodes = parsed(*cluster("vxlan"))
    path = topology.expected_path(nodes["node-1"], nodes["node-2"], "10.244.2.7", links("10.1.0.0/16", *CIDRS))
    assert hops(path) == [("cni0", ("10.244.1.1",)), ("node", ("192.168.56.12",)), ("pod", ("10.244.2.7",))]
    assert CIDRS[0] in path.origin


@pytest.mark.parametrize("cidrs", [(), ("192.168.56.0/29", "192.168.56.11/32", "192.168.56.12/32"), ("10.0.0.0/8",)])
def test_with_direct_routing_nodes_of_different_networks_are_not_guessed(cidrs):
    nodes = parsed(*cluster("vxlan"))
    with pytest.raises(topology.LinkUnknown, match=r"node-1 \(192.168.56.11\) and node-2 .*cluster_networks"):
        topology.expected_path(nodes["node-1"], nodes["node-2"], "10.244.2.7", links(*cidrs))


def test_direct_routing_changes_nothing_on_a_node_nor_with_host_gw():
    nodes = parsed(*cluster("host-gw"))
    one, two = nodes["node-1"], nodes["node-2"]
    for other in (one, two):
        assert (hops(topology.expected_path(one, other, "10.244.2.7", links()))
                == hops(topology.expected_path(one, other, "10.244.2.7")))
