# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from path_samples import cluster, node

from ansible_collections.podpath.kubeadm.plugins.module_utils import topology


def parsed(*objects):
    return topology.parse_nodes(objects)


def test_a_node_has_a_side_in_each_family():
    one = topology.parse_node(node(1, "vxlan", dual=True))
    assert one.side("ipv4") == topology.Side(
        "10.244.1.0/24", "10.244.1.1", "10.244.1.0", ("192.168.56.11",), "192.168.56.11"
    )
    assert one.side("ipv6") == topology.Side(
        "fd00:244:1::/64", "fd00:244:1::1", "fd00:244:1::", ("fd00:56::11",), "fd00:56::11"
    )


def test_families_are_those_with_pod_cidrs():
    assert topology.families_of(parsed(*cluster()).values()) == ("ipv4",)
    assert topology.families_of(parsed(*cluster(dual=True)).values()) == ("ipv4", "ipv6")
    assert topology.families_of(parsed(node(0, pod_cidr="fd00:1::/64")).values()) == ("ipv6",)
    assert topology.families_of(parsed(node(0, pod_cidr=None)).values()) == ("ipv4",)


def test_the_udp_backend_writes_an_empty_type():
    assert topology.parse_node(node(1, "")).backend == "udp"
    assert topology.parse_node(node(1, None)).backend is None


def test_not_ready_and_cordoned_nodes_say_why():
    assert topology.parse_node(node(0)).unusable == ""
    assert "Kubelet stopped posting" in topology.parse_node(node(1, ready=False)).unusable
    assert "cordoned" in topology.parse_node(node(1, cordoned=True)).unusable
    bare = {"metadata": {"name": "x"}}
    assert "has not reported" in topology.parse_node(bare).unusable


def test_nodes_stand_in_the_order_in_which_people_count():
    names = ("node-10", "worker", "node-2", "node-02", "10-east", "node-1.a", "node")
    found = parsed(*(node(0, name=name) for name in names))
    assert list(found) == ["10-east", "node", "node-1.a", "node-02", "node-2", "node-10", "worker"]


@pytest.mark.parametrize("ready", [True, False])
def test_a_node_of_another_system_than_linux_is_not_covered(ready):
    windows = topology.parse_node(node(1, labels={"kubernetes.io/os": "windows"}, ready=ready))
    assert windows.ready is ready
    assert "node-1 runs windows (label kubernetes.io/os)" in windows.unusable
    assert "not covered" in windows.unusable
    assert topology.parse_node(node(1, labels={"kubernetes.io/os": "linux"})).unusable == ""


def test_broken_input_is_a_sentence():
    with pytest.raises(topology.TopologyError, match=r"without metadata\.name"):
        topology.parse_node({})
    with pytest.raises(topology.TopologyError, match="'banana'"):
        topology.parse_node(node(1, pod_cidr="banana"))
    with pytest.raises(topology.TopologyError, match="'banana'"):
        topology.parse_networks(["10.0.0.0/8", "banana"])


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
        ("{", None),
    ],
)
def test_direct_routing_is_read_from_flannels_configuration(text, on):
    assert topology.parse_flannel(config_map(text)).direct_routing is on


def test_what_flannels_configuration_says_besides():
    text = '{"Network": "10.244.0.0/16", "IPv6Network": "fd00:244::/48", "Backend": {"Type": "VXLAN"}}'
    flannel = topology.parse_flannel(config_map(text))
    assert flannel.backend == "vxlan"
    assert {family: str(network) for family, network in flannel.networks.items()} == {
        "ipv4": "10.244.0.0/16",
        "ipv6": "fd00:244::/48",
    }
    assert (flannel.port, flannel.port_v6, flannel.vni) == (None, None, None)
    assert flannel.misplaced == {}
    for broken in (None, {}, {"data": None}, {"data": {"net-conf.json": "[]"}}):
        assert topology.parse_flannel(broken).backend is None


def test_a_network_of_the_other_family_is_none_for_flannel():
    text = '{"Network": "fd00:10::/48", "ipv6network": "10.244.0.0/16", "EnableIPv6": true}'
    unused = topology.parse_flannel(config_map(text.replace("true", "false")))
    assert (unused.networks, [*unused.misplaced]) == ({}, ["Network"]), "flanneld does not look at what is switched off"
    flannel = topology.parse_flannel(config_map(text))
    assert flannel.networks == {}
    assert {key: str(network) for key, network in flannel.misplaced.items()} == {
        "Network": "fd00:10::/48",
        "IPv6Network": "10.244.0.0/16",
    }


@pytest.mark.parametrize(
    ("backend", "numbers"),
    [
        ('{"Type": "vxlan", "VNI": 4096, "Port": 4789}', (4789, None, 4096)),
        ('{"Type": "vxlan", "vni": 0, "Port": "4789"}', (None, None, None)),
        ('{"Type": "wireguard", "ListenPort": 51000, "ListenPortV6": 51001}', (51000, 51001, None)),
        ('{"Type": "wireguard", "listenPort": 51000, "mode": "auto"}', (51000, None, None)),
    ],
)
def test_the_tunnels_numbers_are_read(backend, numbers):
    flannel = topology.parse_flannel(config_map(f'{{"Backend": {backend}}}'))
    assert (flannel.port, flannel.port_v6, flannel.vni) == numbers
    assert flannel.mode == ("auto" if "auto" in backend else None)
