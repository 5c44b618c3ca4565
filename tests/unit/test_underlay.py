# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts' route tables as the underlay of pairs. Answers are those of iproute2 6.1."""

from __future__ import annotations

import pytest
from fake_run import Objects, Probes
from path_samples import NAMES, cluster

from ansible_collections.podpath.kubeadm.plugins.module_utils import probe_routes, prober, proof, topology, underlay
from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import Observation, Underlay
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Leg
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import Flannel

LEG = Leg("node-1", "node-2")
PLAIN = {"dst": "192.168.56.12", "dev": "eth1", "prefsrc": "192.168.56.11", "flags": [], "uid": 0, "cache": []}


def host(*routes, **mtus):
    return {"interface": "eth1", "mtus": {"eth1": 1500, **mtus}, "routes": list(routes)}


def of(told, leg=LEG, backend="vxlan", direct=False):
    nodes = topology.parse_nodes(cluster(backend, dual=True))
    return underlay.Underlays(underlay.parse_hosts(told), nodes, direct).of(leg)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Underlay("eth1", 1500, "192.168.56.11", "", "eth1")),
        ({"gateway": "192.168.56.1"}, Underlay("eth1", 1500, "192.168.56.11", "192.168.56.1", "eth1")),
        (
            {"via": {"family": "inet6", "host": "fe80::1"}},
            Underlay("eth1", 1500, "192.168.56.11", "fe80::1", "eth1"),
        ),
        ({"metrics": [{"mtu": 1400}]}, Underlay("eth1", 1400, "192.168.56.11", "", "eth1")),
        ({"dev": "eth2"}, Underlay("eth2", None, "192.168.56.11", "", "eth1")),
    ],
)
def test_an_answer_of_ip_route_get_is_read(changes, expected):
    assert of({"node-1": host({**PLAIN, **changes})}) == (expected, "")


def test_an_error_is_no_route():
    found, _why = of({"node-1": host({"dst": "192.168.56.12", "error": "Network is unreachable"})})
    assert (found.interface, found.problem) == ("", "Network is unreachable")


@pytest.mark.parametrize(
    ("backend", "family", "device", "needed"),
    [
        ("vxlan", "ipv4", {"flannel.1": 1450}, 1500),
        ("vxlan", "ipv6", {"flannel-v6.1": 1430}, 1500),
        ("wireguard", "ipv4", {"flannel-wg": 1420}, 1480),
        ("wireguard", "ipv6", {"flannel-wg-v6": 1420}, 1500),
        ("ipip", "ipv4", {"flannel.ipip": 1480}, 1500),
        ("", "ipv4", {"flannel0": 1472}, 1500),
        ("vxlan", "ipv6", {"flannel.1": 1450}, None),
        ("host-gw", "ipv4", {"flannel.1": 1450}, None),
    ],
)
def test_what_a_packet_of_flannels_device_takes(backend, family, device, needed):
    route = PLAIN if family == "ipv4" else {"dst": "fd00:56:0::12", "dev": "eth1"}
    nodes = {"node-1": host(route, **device)}
    found, why = of(nodes, Leg("node-1", "node-2", family), backend)
    assert found is not None, why
    assert found.needed_mtu == needed


@pytest.mark.parametrize(("told", "devices", "needed"), [
    (Flannel("vxlan", vni=4096), {"flannel.4096": 1450}, 1500),
    (Flannel("vxlan", vni=4096), {"flannel.1": 1450}, None),
    # net-conf.json may not be read, or is another backend's
    (None, {"flannel.4096": 1450, "flannel-v6.7": 1430}, 1500),
    (None, {"flannel.4096": 1450, "flannel.7": 1400}, None),
    (Flannel("wireguard"), {"flannel.1": 1450}, 1500),
    # of another backend
    (Flannel("wireguard", mode="auto"), {"flannel.1": 1450}, 1500),
])
def test_vxlans_device_is_found_by_its_number(told, devices, needed):
    hosts = underlay.parse_hosts({"node-1": host(PLAIN, **devices)})
    nodes = topology.parse_nodes(cluster("vxlan"))
    assert underlay.Underlays(hosts, nodes, False, flannel=told).of(LEG)[0].needed_mtu == needed


def test_a_direct_route_uses_no_tunnel_and_one_over_a_router_does():
    assert of({"node-1": host(PLAIN, **{"flannel.1": 1450})}, direct=True)[0].needed_mtu is None
    routed = {**PLAIN, "gateway": "192.168.56.1"}
    assert of({"node-1": host(routed, **{"flannel.1": 1450})}, direct=True)[0].needed_mtu == 1500


@pytest.mark.parametrize(
    ("told", "leg", "word"),
    [
        ({"node-1": host(PLAIN)}, Leg("node-1", "node-1"), "on one node"),
        ({"node-2": host(PLAIN), "node-1": {}}, LEG, "The host of node node-1 told nothing"),
        ({"node-1": host()}, LEG, "no route to 192.168.56.12"),
    ],
)
def test_what_no_host_told_is_not_observed_and_says_why(told, leg, word):
    found, why = of(told, leg)
    assert found is None
    assert word in why


def test_what_a_prober_saw_itself_stands_and_without_hosts_nothing_is_said():
    nodes = topology.parse_nodes(cluster())
    own = Observation(underlay=Underlay("eth7"))
    hosts = underlay.parse_hosts({"node-1": host(PLAIN)})
    assert underlay.Underlays(hosts, nodes, False).added(own, LEG) is own
    assert underlay.Underlays({}, nodes, False).added(Observation(), LEG) == Observation()


@pytest.mark.parametrize(
    "entry",
    [
        "eth1",
        {"routes": [{"dev": "eth1"}]},
        {"routes": [{"dst": "node-2"}]},
        {"routes": ["192.168.56.12 dev eth1"]},
        {"mtus": {"eth1": "large"}},
        {"mtus": ["eth1"]},
    ],
)
def test_what_cannot_be_read_is_refused_by_the_nodes_name(entry):
    with pytest.raises(topology.TopologyError, match=r"underlay of node-1 .* 'ip -j route get ADDRESS'"):
        underlay.parse_hosts({"node-1": entry})


# In a run


def prove(monkeypatch, told, config_map=None, networks=("192.168.56.0/24",), links=None, **asked):
    nodes = cluster("vxlan")
    monkeypatch.setattr(prober, "run", Probes(nodes, links))
    request = proof.Request(cluster_networks=networks, underlay=told, **asked)
    _failed, result = proof.execute(proof.Proof(Objects(nodes, config_map), request, "abc", seed=1))
    return result, {(pair["source"]["node"], pair["destination"]["node"]): pair for pair in result["pairs"]}


def healthy(**changes):
    """What the three hosts tell, each with a route to both others."""
    return {
        name: host(
            *({**PLAIN, "dst": f"192.168.56.{10 + n}", "prefsrc": f"192.168.56.{10 + own}"} | changes.get(f"to_{n}", {})
              for n in range(3) if n != own),
            **{"flannel.1": 1450},
        )
        for own, name in enumerate(NAMES)
    }


def test_hosts_whose_routes_are_right_pass_with_the_underlay_observed(monkeypatch):
    result, pairs = prove(monkeypatch, healthy())
    assert result["verdict"] == "pass"
    told = pairs[("node-1", "node-2")]["evidence"]["underlay"]
    assert (told["observed"], told["interface"], told["mtu"], told["needed_mtu"]) == (True, "eth1", 1500, 1500)


def test_nodes_can_be_asked_by_a_pod_where_no_host_told(monkeypatch):
    told = healthy(to_2={"dev": "eth2"})
    probes = Probes(cluster("vxlan"), underlay=told, no_underlay={"node-2": "Node node-2 could not be asked."})
    del told["node-2"]
    nodes = cluster("vxlan")
    monkeypatch.setattr(prober, "run", probes)
    request = proof.Request(
        cluster_networks=("192.168.56.0/24",), underlay={"controlplane": healthy()["controlplane"]}, underlay_probe=True
    )
    _failed, result = proof.execute(proof.Proof(Objects(nodes), request, "abc", seed=1))
    pairs = {(pair["source"]["node"], pair["destination"]["node"]): pair for pair in result["pairs"]}
    # each is asked for its routes to both others, but the one of which a host told
    assert {name: list(asked.addresses) for name, asked in probes.work.routes.items()} == {
        "node-1": ["192.168.56.10", "192.168.56.12"],
        "node-2": ["192.168.56.10", "192.168.56.11"],
    }
    assert probes.work.routes["node-1"].own == {"ipv4": ["192.168.56.11"]}
    assert pairs[("node-1", "node-2")]["rule"] == "underlay-interface"
    # what a host told stands
    assert pairs[("controlplane", "node-2")]["verdict"] == "pass"
    assert pairs[("node-2", "node-1")]["verdict"] == "pass"
    assert pairs[("node-2", "node-1")]["evidence"]["underlay"]["why"] == "Node node-2 could not be asked."


SECOND_CARD = {"type": "InternalIP", "address": "10.9.0.11"}
TWO_CARDS = """1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue qlen 1000
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue qlen 1000
    inet 192.168.56.11/24 scope global eth0
3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue qlen 1000
    inet 10.9.0.11/24 scope global eth1
    inet6 fd00:56::11/64 scope global
=route 192.168.56.12
192.168.56.12 dev {card} src {source}
=route fd00:56::12
fd00:56::12 dev eth1 src fd00:56::11
=done
"""


@pytest.mark.parametrize(
    ("public", "card", "source", "rule"),
    [
        ("192.168.56.11", "eth0", "192.168.56.11", "as-expected"),
        ("192.168.56.11", "eth1", "10.9.0.11", "underlay-interface"),
        # nobody knows which of both is meant
        ("192.168.56.77", "eth0", "192.168.56.11", "as-expected"),
        ("192.168.56.77", "eth1", "10.9.0.11", "as-expected"),
        ("192.168.56.77", "eth2", "172.16.0.11", "underlay-interface"),
    ],
)
def test_of_a_node_with_several_cards_that_of_flannels_address_counts_by_family(
    monkeypatch, public, card, source, rule
):
    nodes = cluster("vxlan", dual=True)
    annotations = nodes[1]["metadata"]["annotations"]
    annotations["flannel.alpha.coreos.com/public-ip"] = public
    if public != "192.168.56.11":
        annotations["flannel.alpha.coreos.com/public-ip-overwrite"] = public
    nodes[1]["status"]["addresses"].append(SECOND_CARD)
    probes = Probes(nodes)

    def run(cluster, settings, work, progress, guard):
        outcome = probes(cluster, settings, work, progress, guard)
        output = TWO_CARDS.format(card=card, source=source)
        outcome.underlay["node-1"], _why = probe_routes.read(output, work.routes["node-1"].own)
        return outcome

    monkeypatch.setattr(prober, "run", run)
    request = proof.Request(cluster_networks=("192.168.56.0/24", "fd00:56::/64"), underlay_probe=True)
    _failed, result = proof.execute(proof.Proof(Objects(nodes), request, "abc", seed=1))
    told = {(one["source"]["node"], one["destination"]["node"], one["family"]): one for one in result["pairs"]}
    assert told[("node-1", "node-2", "ipv4")]["rule"] == rule, told[("node-1", "node-2", "ipv4")]["reason"]
    assert told[("node-1", "node-2", "ipv6")]["rule"] == "as-expected"


def test_nodes_are_not_asked_unless_that_is_wanted(monkeypatch):
    probes = Probes(cluster("vxlan"))
    monkeypatch.setattr(prober, "run", probes)
    proof.execute(proof.Proof(Objects(cluster("vxlan")), proof.Request(), "abc", seed=1))
    assert probes.work.routes == {}
    assert not any(role == "reader" for role, _node in probes.work.wanted)


def test_a_run_without_hosts_passes_and_observes_no_underlay(monkeypatch):
    result, pairs = prove(monkeypatch, {})
    assert result["verdict"] == "pass"
    assert pairs[("node-1", "node-2")]["evidence"]["underlay"] == {"observed": False, "why": "It was not asked for."}


def test_a_route_astray_fails_pairs_whose_hops_are_right_with_node_device_and_cure(monkeypatch):
    result, pairs = prove(monkeypatch, healthy(to_2={"dev": "eth2"}))
    assert result["summary"] == {"pass": 7, "fail": 2, "inconclusive": 0}
    reason = pairs[("node-1", "node-2")]["reason"]
    assert all(word in reason for word in ("node-1", "192.168.56.12", "eth2", "eth1", "ip route get 192.168.56.12"))
    assert result["diagnosis"][0]["fault"] == "underlay"


DIRECT = {"data": {"net-conf.json": '{"Backend": {"Type": "vxlan", "DirectRouting": true}}'}}


def test_the_hosts_routes_decide_direct_routing_also_before_anything_starts(monkeypatch):
    # one wide network says that all are on one link; the route to node-2 leads over a router
    told = healthy(to_2={"gateway": "192.168.56.1"})
    _result, pairs = prove(monkeypatch, told, DIRECT, ("192.168.0.0/16",), check_mode=True)
    roles = {ends: pair["expected"]["hops"][1]["role"] for ends, pair in pairs.items() if ends[0] != ends[1]}
    assert roles[("node-1", "node-2")] == "flannel.1"
    assert roles[("node-1", "controlplane")] == "node"


def test_what_cannot_be_read_stops_the_run_before_anything_starts(monkeypatch):
    result, _pairs = prove(monkeypatch, {"node-1": "eth1"})
    assert "underlay of node-1" in result["stopped"]


def test_a_path_that_the_user_states_is_not_measured_by_flannels_addresses(monkeypatch):
    stated = {"source": "*", "destination": "*", "family": None, "on_node": False}
    hops = ["{source.bridge_ip}", "{destination.overlay_ip}", "{destination.pod_ip}"]
    told = healthy(to_2={"dev": "eth2"})
    result, _pairs = prove(monkeypatch, told, expected=[{**stated, "hops": hops}])
    assert result["verdict"] == "pass"
