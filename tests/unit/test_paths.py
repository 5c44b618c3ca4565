# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The expected path of a pair: Flannel's table in both families, DirectRouting, and stated paths."""

from __future__ import annotations

import pytest
from path_samples import cluster, node

from ansible_collections.podpath.kubeadm.plugins.module_utils import paths, stated_paths, topology
from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import Underlay

CIDRS = ["192.168.56.0/24", "fd00:56::/64"]
RACKS = ["192.168.56.10/31", "192.168.56.12/32"]


def paths_of(backend, direct=False, networks=(), pods=None, stated=None, **changes):
    nodes = topology.parse_nodes(cluster(backend, dual=True, **changes))
    links = topology.Links(direct, topology.parse_networks(networks))
    told = stated_paths.StatedPaths(stated, nodes) if stated else None
    pods = pods or {("node-2", "ipv4"): "10.244.2.7", ("node-2", "ipv6"): "fd00:244:2::7"}
    return paths.Paths(nodes, links, pods, told)


def hops(expectation):
    return [(hop.role, *hop.addresses) for hop in expectation.hops]


FIRST4, FIRST6 = ("cni0", "10.244.1.1"), ("cni0", "fd00:244:1::1")
POD4, POD6 = ("pod", "10.244.2.7"), ("pod", "fd00:244:2::7")
NODE4, NODE6 = ("node", "192.168.56.12"), ("node", "fd00:56::12")
OVERLAY4, OVERLAY6 = "10.244.2.0", "fd00:244:2::"
SILENT = ("silent",)

TABLE = [
    ("host-gw", "ipv4", [FIRST4, NODE4, POD4]),
    ("host-gw", "ipv6", [FIRST6, NODE6, POD6]),
    ("vxlan", "ipv4", [FIRST4, ("flannel.1", OVERLAY4), POD4]),
    ("vxlan", "ipv6", [FIRST6, ("flannel.1", OVERLAY6), POD6]),
    ("wireguard", "ipv4", [FIRST4, ("flannel-wg", OVERLAY4), POD4]),
    ("wireguard", "ipv6", [FIRST6, ("flannel-wg", OVERLAY6), POD6]),
    ("ipip", "ipv4", [FIRST4, ("flannel.ipip", OVERLAY4), POD4]),
    ("", "ipv4", [FIRST4, SILENT, SILENT, ("flannel0", OVERLAY4), POD4]),
]


@pytest.mark.parametrize(("backend", "family", "expected"), TABLE)
def test_across_nodes(backend, family, expected):
    assert hops(paths_of(backend).expected("node-1", "node-2", family)) == expected


@pytest.mark.parametrize("backend", ["vxlan", "host-gw", "wireguard", "ipip", "", "unheard-of", None])
def test_same_node_is_one_hop_whatever_the_backend(backend):
    for family, pod in (("ipv4", POD4), ("ipv6", POD6)):
        found = paths_of(backend).expected("node-2", "node-2", family)
        assert (hops(found), found.routers) == ([pod], 0)


def test_without_a_pod_address_the_last_hop_is_open():
    assert paths_of("vxlan").expected("node-2", "node-1").hops[-1] == paths.ExpectedHop("pod")


@pytest.mark.parametrize(
    ("backend", "family"), [("ipip", "ipv6"), ("", "ipv6"), ("unheard-of", "ipv4"), (None, "ipv4")]
)
def test_an_unknown_path_is_refused(backend, family):
    with pytest.raises(paths.PathUnknown):
        paths_of(backend).expected("node-1", "node-2", family)


def test_nodes_of_two_backends_or_without_a_pod_cidr_are_refused():
    nodes = topology.parse_nodes([node(0, "vxlan"), node(1, "host-gw"), node(2, "vxlan", pod_cidr=None)])
    for source, destination in (("controlplane", "node-1"), ("controlplane", "node-2"), ("node-2", "controlplane")):
        with pytest.raises(paths.PathUnknown):
            paths.Paths(nodes).expected(source, destination)


@pytest.mark.parametrize("backend", ["vxlan", "ipip"])
def test_direct_routing_on_one_link_goes_by_the_node_address(backend):
    path = paths_of(backend, True, ["10.1.0.0/16", *CIDRS]).expected("node-1", "node-2")
    assert hops(path) == [FIRST4, NODE4, POD4]
    assert CIDRS[0] in path.origin
    if backend == "vxlan":
        assert hops(paths_of(backend, True, CIDRS).expected("node-1", "node-2", "ipv6")) == [FIRST6, NODE6, POD6]


def test_direct_routing_with_a_router_in_between_goes_through_the_tunnel():
    path = paths_of("vxlan", True, RACKS).expected("node-1", "node-2")
    assert hops(path) == [FIRST4, ("flannel.1", OVERLAY4), POD4]
    assert "router" in path.origin


@pytest.mark.parametrize("networks", [(), ("192.168.56.10/31",), ("10.0.0.0/8",)])
def test_direct_routing_without_the_links_is_not_guessed(networks):
    with pytest.raises(paths.LinkUnknown, match=r"node-1 \(192.168.56.11\) and node-2 .*cluster_networks"):
        paths_of("vxlan", True, networks).expected("node-1", "node-2")


def test_the_nodes_own_route_decides_direct_routing_where_it_is_known():
    unknown = paths_of("vxlan", True)
    direct = unknown.expected("node-1", "node-2", underlay=Underlay("eth1"))
    assert hops(direct) == [FIRST4, NODE4, POD4]
    routed = unknown.expected("node-1", "node-2", underlay=Underlay("eth1", gateway="192.168.56.1"))
    assert hops(routed) == [FIRST4, ("flannel.1", OVERLAY4), POD4]


def test_direct_routing_changes_nothing_on_a_node_nor_with_other_backends():
    for backend in ("host-gw", "wireguard", ""):
        for other in ("node-1", "node-2"):
            assert paths_of(backend, True).expected("node-1", other) == paths_of(backend).expected("node-1", other)


def test_ipip_over_routers_is_silent_until_the_pod():
    path = paths_of("ipip", False, RACKS).expected("node-1", "node-2")
    assert hops(path) == [FIRST4, SILENT, POD4]
    assert hops(path.fitted(5)) == [FIRST4, SILENT, SILENT, SILENT, POD4]
    assert path.routers == path.fitted(5).routers == 2
    assert path.silences is None, "of a silent hop that may be several nobody knows how many"
    assert hops(paths_of("ipip", False, CIDRS).expected("node-1", "node-2"))[1] == ("flannel.ipip", OVERLAY4)


# Stated paths

CALICO = {"projectcalico.org/IPv4IPIPTunnelAddr": "10.244.99.0", "projectcalico.org/IPv4Address": "192.168.56.12/24"}


def test_a_stated_path_takes_its_addresses_from_the_nodes():
    stated = [
        {
            "source": "node-*",
            "family": "ipv4",
            "hops": [
                "{source.internal_ip}|{source.bridge_ip}",
                "*",
                "{destination.annotations[projectcalico.org/IPv4Address]}",
                "192.168.56.1",
                "{destination.pod_ip}",
            ],
        }
    ]
    found = paths_of(None, stated=stated, annotations=CALICO)
    path = found.expected("node-1", "node-2")
    assert hops(path) == [
        ("stated", "192.168.56.11", "10.244.1.1"),
        SILENT,
        ("stated", "192.168.56.12"),
        ("stated", "192.168.56.1"),
        POD4,
    ]
    assert path.origin == "stated in expected[0]"
    assert found.is_stated("node-1", "node-2", "ipv4")
    assert not found.is_stated("controlplane", "node-2", "ipv4")
    assert not found.is_stated("node-1", "node-2", "ipv6")
    assert not found.is_stated("node-2", "node-2", "ipv4"), "it holds across nodes"


def test_the_first_statement_that_holds_counts_and_on_node_ones_hold_on_a_node():
    stated = [
        {"destination": "node-2", "hops": ["{destination.public_ip}", "{destination.pod_ip}"]},
        {"hops": ["{destination.overlay_ip}", "{destination.pod_ip}"]},
        {"on_node": True, "hops": ["{source.bridge_ip}", "{destination.pod_ip}"]},
    ]
    found = paths_of("vxlan", stated=stated)
    assert hops(found.expected("node-1", "node-2"))[0] == ("stated", "192.168.56.12")
    assert hops(found.expected("node-1", "controlplane"))[0] == ("stated", "10.244.0.0")
    assert hops(found.expected("node-2", "node-2")) == [("stated", "10.244.2.1"), POD4]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"hops": []}, ["expected[0].hops", "{destination.pod_ip}"]),
        ({"hops": ["10.0.0.1"]}, ["expected[0].hops", "{destination.pod_ip}"]),
        ({"source": "nod-*", "hops": ["{destination.pod_ip}"]}, ["expected[0].source", "nod-*", "node-1"]),
        ({"hops": ["{source.bridge}", "{destination.pod_ip}"]}, ["expected[0].hops[0]", "bridge_ip"]),
        ({"hops": ["{source.pod_ip}", "{destination.pod_ip}"]}, ["expected[0].hops[0]"]),
        ({"hops": ["eth1", "{destination.pod_ip}"]}, ["expected[0].hops[0]", "'eth1'"]),
        ({"hops": ["*|10.0.0.1", "{destination.pod_ip}"]}, ["expected[0].hops[0]", "silent"]),
        ({"hops": ["{destination.pod_ip}", "{destination.pod_ip}"]}, ["expected[0].hops", "before the last one"]),
        ({"hops": ["10.0.0.1", "{destination.pod_ip}"]}, ["expected[0].hops[0]", "family: ipv4"]),
        ({"family": "ipv6", "hops": ["10.0.0.1", "{destination.pod_ip}"]}, ["family: ipv4"]),
    ],
)
def test_a_wrong_statement_is_refused_by_its_place(entry, words):
    with pytest.raises(stated_paths.StatementError) as error:
        paths_of("vxlan", stated=[entry])
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_statement_about_what_a_node_lacks_leaves_the_pair_open():
    stated = [{"hops": ["{destination.annotations[a/b]}", "{destination.pod_ip}"]}]
    with pytest.raises(paths.PathUnknown, match=r"expected\[0\].*a/b.*node-2"):
        paths_of("vxlan", stated=stated).expected("node-1", "node-2")
