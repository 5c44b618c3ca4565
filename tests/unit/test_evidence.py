# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen beside the hops bends a verdict; what is not seen never does."""

from __future__ import annotations

import pytest
from path_samples import cluster, node, output

from ansible_collections.podpath.kubeadm.plugins.module_utils import observation, paths, topology, trace, verdict
from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import (
    Arrival,
    Echoes,
    FullSize,
    Observation,
    Tcp,
    Underlay,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Leg

RTT = (0.1, 0.1, 0.2)
OWN = "10.244.1.2"


def judged(backend="vxlan", hops=None, networks=(), family="ipv4", nodes=None, opposite=None, **seen):
    """The pair node-1 to node-2, healthy but for what is given; the opposite one is healthy, with what was seen of it
    beside its trace."""
    nodes = topology.parse_nodes(nodes or cluster(backend, dual=True))
    ends = {
        ("node-1", "ipv4"): OWN,
        ("node-2", "ipv4"): "10.244.2.2",
        ("node-1", "ipv6"): "fd00:244:1::2",
        ("node-2", "ipv6"): "fd00:244:2::2",
    }
    links = topology.Links(False, topology.parse_networks(networks))
    found = paths.Paths(nodes, links, ends)
    leg = Leg("node-1", "node-2", family)
    observations = {}
    for one in (leg, leg.opposite):
        expected = [hop.addresses[0] if hop.addresses else None for hop in found.expected(*one).hops]
        shown = hops if hops and one == leg else expected
        beside = seen if one == leg else opposite or {}
        observations[one] = Observation(trace.parse(output(expected[-1], *shown)), **beside)
    record = verdict.Record(nodes, found, observations, own_ips=ends)
    own = next(verdict.judge([leg], record)).judgement
    return own.verdict, own.rule


SILENT = Tcp(False, "no answer within 3 s")


def came(handshake):
    """What a peer records of a TCP connection, of which no answer came back."""
    return Arrival(OWN, sources={"tcp": OWN}, handshake=handshake)


NO_ECHO = {"echoes": Echoes(3, 0), "full_size": FullSize(1450, 3, 0)}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({}, ("pass", "as-expected")),
        ({"echoes": Echoes(3, 3, RTT, (62, 62))}, ("pass", "as-expected")),
        # one of three is no measure of loss; diagnosis sums those of all pairs
        ({"echoes": Echoes(3, 2, RTT, (62,))}, ("pass", "as-expected")),
        ({"echoes": Echoes(3, 1, RTT, (62,))}, ("inconclusive", "loss")),
        ({"echoes": Echoes(4, 2, RTT, (62,))}, ("inconclusive", "loss")),
        ({"echoes": Echoes(10, 8, RTT, (62,))}, ("pass", "as-expected")),
        ({"echoes": Echoes(10, 7, RTT, (62,))}, ("inconclusive", "loss")),
        ({"echoes": Echoes(3, 3, RTT, (62, 61))}, ("fail", "reply-ttl")),
        ({"arrival": Arrival(OWN, 62)}, ("pass", "as-expected")),
        ({"arrival": Arrival(OWN, 126)}, ("pass", "as-expected")),
        ({"arrival": Arrival(OWN, 61)}, ("fail", "arrival-ttl")),
        ({"arrival": Arrival("192.168.56.11", 62)}, ("fail", "snat")),
        ({"arrival": Arrival(OWN, 62, 1450, {"udp": OWN, "tcp": "192.168.56.11"})}, ("fail", "snat")),
        ({"arrival": Arrival(OWN, 62, 1450, {"udp": OWN, "tcp": OWN})}, ("pass", "as-expected")),
        ({"arrival": Arrival("")}, ("inconclusive", "not-recorded")),
        ({"arrival": Arrival(OWN, None, 0), "tcp": Tcp(True)}, ("inconclusive", "datagrams-lost")),
        (
            {"arrival": Arrival(OWN, None, 0, refused="Connection refused"), "tcp": Tcp(True)},
            ("inconclusive", "datagrams-refused"),
        ),
        # what was sent before it listened
        ({"arrival": Arrival(OWN, 62, 1450, refused="Connection refused")}, ("pass", "as-expected")),
        ({"tcp": Tcp(True)}, ("pass", "as-expected")),
        ({"tcp": Tcp(False, "refused")}, ("fail", "tcp-failed")),
        ({"tcp": Tcp(False, "The peer of node-3 answered at 10.244.2.2, the address ...")}, ("fail", "other-answers")),
        ({"tcp": Tcp(False, "Somebody else answers at 10.244.2.2: 'x'")}, ("fail", "other-answers")),
        ({"tcp": Tcp(False, "somebody else answers there")}, ("fail", "other-answers")),
        ({"tcp": Tcp(False, "no answer within 3 s")}, ("fail", "tcp-failed")),
        ({"tcp": Tcp(False, "no answer within 3 s"), "echoes": Echoes(3, 2, RTT, (62,))}, ("inconclusive", "loss")),
        # the peer recorded the connection: its beginning, all of its handshake, or perhaps so; nothing of it
        ({"tcp": SILENT, "arrival": came(False)}, ("fail", "tcp-answers-lost")),
        ({"tcp": SILENT, "arrival": came(True)}, ("inconclusive", "tcp-late")),
        ({"tcp": SILENT, "arrival": came(None)}, ("inconclusive", "tcp-late")),
        ({"tcp": SILENT, "arrival": Arrival(OWN, 62, 1450, {"udp": OWN})}, ("fail", "tcp-failed")),
        ({"tcp": SILENT, "arrival": Arrival("")}, ("fail", "tcp-failed")),
        ({"tcp": Tcp(False, "Connection refused"), "arrival": came(True)}, ("fail", "tcp-failed")),
        ({"tcp": SILENT, "arrival": came(True), "echoes": Echoes(3, 2, RTT, (62,))}, ("inconclusive", "loss")),
        # at the second try
        ({"tcp": Tcp(True, "no answer within 3 s")}, ("inconclusive", "tcp-once")),
        ({"tcp": Tcp(True, "timed out"), "echoes": Echoes(3, 2, RTT, (62,))}, ("inconclusive", "loss")),
        ({"tcp": Tcp(False, "Connection refused"), "echoes": Echoes(3, 2, RTT, (62,))}, ("fail", "tcp-failed")),
        ({"full_size": FullSize(1450, 3, 0), "echoes": Echoes(3, 2, RTT, (62,))}, ("inconclusive", "loss")),
        # the first one is what a router answered with a smaller MTU; nothing explains a second one, nor a later one
        ({"full_size": FullSize(1450, 3, 1), "echoes": Echoes(3, 3, RTT, (62,))}, ("inconclusive", "full-size-loss")),
        ({"full_size": FullSize(1450, 3, 1), "echoes": Echoes(3, 2, RTT, (62,))}, ("inconclusive", "loss")),
        ({"full_size": FullSize(1450, 3, 1, late=2)}, ("inconclusive", "full-size-loss")),
        ({"full_size": FullSize(1450, 3, 1, late=1)}, ("inconclusive", "full-size-loss")),
        ({"full_size": FullSize(1450, 5, 3, late=2)}, ("inconclusive", "full-size-loss")),
        # a single one of several is no measure; diagnosis sums those of all pairs
        ({"full_size": FullSize(1450, 5, 3, late=1)}, ("pass", "as-expected")),
        ({"full_size": FullSize(1450, 3, 3)}, ("pass", "as-expected")),
        ({"full_size": FullSize(1450, 3, 2)}, ("pass", "as-expected")),
        ({"full_size": FullSize(1450, 5, 3, 1430)}, ("pass", "as-expected")),
        ({"full_size": FullSize(1450, 5, 2, 1430, 2)}, ("inconclusive", "full-size-loss")),
        ({"full_size": FullSize(1450, 3, 0)}, ("fail", "mtu-hole")),
        # what a router told is no arrival
        ({"full_size": FullSize(1450, 3, 2, 1430)}, ("pass", "as-expected")),
        ({"full_size": FullSize(1450, 3, 0, 1430)}, ("inconclusive", "full-size-unseen")),
        (NO_ECHO, ("inconclusive", "loss")),
        # a filter for ICMP echo, unless something of the rest was lost, too
        ({**NO_ECHO, "tcp": Tcp(True)}, ("inconclusive", "echoes-filtered")),
        ({**NO_ECHO, "echoes": Echoes(3, 0, protocol="udp"), "tcp": Tcp(True)}, ("inconclusive", "datagrams-lost")),
        ({"echoes": Echoes(3, 0), "tcp": Tcp(True)}, ("inconclusive", "echoes-filtered")),
        ({**NO_ECHO, "full_size": FullSize(1450, 3, 1), "tcp": Tcp(True)}, ("inconclusive", "loss")),
        ({**NO_ECHO, "tcp": Tcp(True), "arrival": Arrival(OWN, None, 0)}, ("inconclusive", "datagrams-lost")),
        ({**NO_ECHO, "tcp": Tcp(False, "no answer within 3 s")}, ("inconclusive", "loss")),
        ({"underlay": Underlay("eth1", 1500, "192.168.56.11")}, ("pass", "as-expected")),
        ({"underlay": Underlay("eth0", 1500, "10.0.2.15")}, ("fail", "underlay-interface")),
        # its own address, and yet by another card; another address of the card, which does no harm
        ({"underlay": Underlay("eth2", 1500, "192.168.56.11", own_interface="eth1")}, ("fail", "underlay-interface")),
        ({"underlay": Underlay("eth1", 1500, "192.168.56.99", own_interface="eth1")}, ("pass", "as-expected")),
        ({"underlay": Underlay("", own_interface="eth1", problem="unreachable")}, ("fail", "underlay-missing")),
        ({"underlay": Underlay("eth1", 1500, needed_mtu=1500)}, ("pass", "as-expected")),
        ({"underlay": Underlay("eth1", 1499, needed_mtu=1500)}, ("fail", "underlay-mtu")),
        # the cause is told, not what it makes
        (
            {"underlay": Underlay("eth1", 1400, needed_mtu=1500), "full_size": FullSize(1450, 3, 0)},
            ("fail", "underlay-mtu"),
        ),
    ],
)
def test_what_speaks_against_a_path_whose_hops_are_right(seen, expected):
    assert judged(**seen) == expected


def test_a_full_size_packet_that_ipv6_vxlan_answers_is_no_hole():
    assert judged(family="ipv6", full_size=FullSize(1450, 3, 2, 1430)) == ("pass", "as-expected")
    # where the one who sends is not told, the answer to the second one is too large for the way back
    assert judged(family="ipv6", full_size=FullSize(1450, 5, 3)) == ("pass", "as-expected")
    assert judged(family="ipv6", full_size=FullSize(1450, 5, 1)) == ("inconclusive", "full-size-loss")


def test_of_several_own_addresses_a_route_has_that_of_flannel():
    nodes = cluster("vxlan")
    nodes[1]["status"]["addresses"].append({"type": "InternalIP", "address": "10.9.0.11"})
    assert judged(nodes=nodes, underlay=Underlay("eth0", 1500, "192.168.56.11")) == ("pass", "as-expected")
    assert judged(nodes=nodes, underlay=Underlay("eth1", 1500, "10.9.0.11")) == ("fail", "underlay-interface")


OVERWRITE = "flannel.alpha.coreos.com/public-ip-overwrite"


def chosen(backend):
    """Nodes whose Flannel an administrator has put on the network 10.50.0.0/24 of a second card."""
    ips = [f"10.50.0.{10 + index}" for index in range(3)]
    return [node(index, backend, public_ip=ip, annotations={OVERWRITE: ip}) for index, ip in enumerate(ips)]


@pytest.mark.parametrize(
    ("backend", "hops", "seen", "expected"),
    [
        ("host-gw", ("10.244.1.1", "10.50.0.12", "10.244.2.2"), {}, ("pass", "as-expected")),
        # before a NAT nodes still answer by their own addresses
        ("host-gw", ("10.244.1.1", "192.168.56.12", "10.244.2.2"), {}, ("pass", "as-expected")),
        ("host-gw", ("10.244.1.1", "10.0.2.15", "10.244.2.2"), {}, ("fail", "wrong-way-back")),
        ("vxlan", None, {"underlay": Underlay("eth2", 1500, "10.50.0.11", own_interface="eth1")}, None),
        ("vxlan", None, {"underlay": Underlay("eth2", 1500, "10.50.0.11")}, None),
        ("vxlan", None, {"underlay": Underlay("eth1", 1500, "192.168.56.11", own_interface="eth1")}, None),
        (
            "vxlan",
            None,
            {"underlay": Underlay("eth0", 1500, "10.0.2.15", own_interface="eth1")},
            ("fail", "underlay-interface"),
        ),
    ],
)
def test_an_address_that_an_administrator_chose_is_the_nodes_own(backend, hops, seen, expected):
    assert judged(hops=hops, nodes=chosen(backend), **seen) == (expected or ("pass", "as-expected"))


DEAD = ("10.244.1.1", None, None, None, None)
SILENT = (None,) * 5
REFUSED = ("10.244.1.1", "10.244.2.0", None, None, None)
ASTRAY = {"underlay": Underlay("eth0", 1500, "10.0.2.15", "10.0.2.2", "eth1")}


@pytest.mark.parametrize(
    ("hops", "seen", "expected"),
    [
        (DEAD, {}, ("fail", "silent-after-source")),
        (DEAD, {"arrival": Arrival("")}, ("fail", "packets-lost")),
        (DEAD, {"arrival": Arrival(OWN, 62)}, ("fail", "answers-lost")),
        # what comes back of other packets shows that the way is there
        (DEAD, {"arrival": Arrival(OWN, 62), "tcp": Tcp(True)}, ("inconclusive", "trace-filtered")),
        (DEAD, {"arrival": Arrival(""), **ASTRAY}, ("fail", "underlay-interface")),
        (REFUSED, ASTRAY, ("fail", "silent-after-destination")),
        (DEAD, {"tcp": Tcp(False, "timed out"), "echoes": Echoes(3, 0)}, ("fail", "silent-after-source")),
        (SILENT, {"tcp": Tcp(False, "timed out"), "echoes": Echoes(3, 0)}, ("fail", "nothing-answers")),
        (SILENT, {"tcp": Tcp(True), "arrival": Arrival(OWN, 62)}, ("inconclusive", "trace-filtered")),
        (SILENT, {"echoes": Echoes(3, 3, RTT)}, ("inconclusive", "trace-filtered")),
        (REFUSED, {}, ("fail", "silent-after-destination")),
        (REFUSED, {"tcp": Tcp(True)}, ("inconclusive", "trace-filtered")),
        (REFUSED, {"echoes": Echoes(3, 3, RTT)}, ("inconclusive", "trace-filtered")),
    ],
)
def test_a_dead_trace_in_the_light_of_the_rest(hops, seen, expected):
    assert judged(hops=hops, **seen) == expected


RACKS = ("192.168.56.10/31", "192.168.56.12/32")


@pytest.mark.parametrize(
    ("hops", "seen", "expected"),
    [
        (None, {}, ("inconclusive", "hidden-way")),
        (None, {"arrival": Arrival(OWN, 62)}, ("pass", "recorded")),
        (None, {"arrival": Arrival(OWN, 60)}, ("fail", "arrival-ttl")),
        (("10.244.1.1", None, None, "10.244.2.2"), {"arrival": Arrival(OWN, 62)}, ("pass", "recorded")),
        (("10.244.1.1", "192.168.56.1", "10.244.2.2"), {"arrival": Arrival(OWN, 62)}, ("fail", "strange-hop")),
    ],
)
def test_ipip_over_routers_passes_by_what_the_peer_recorded(hops, seen, expected):
    assert judged("ipip", hops, RACKS, **seen) == expected


@pytest.mark.parametrize(
    ("seen", "opposite", "expected"),
    [
        # as a shell's prober sees it: who sent what arrives is told by TCP, and no TTL
        ({"arrival": Arrival(OWN)}, {"echoes": Echoes(10, 10, RTT, (62,))}, ("pass", "recorded")),
        ({}, {"echoes": Echoes(10, 9, RTT, (62,))}, ("pass", "recorded")),
        ({}, {"echoes": Echoes(10, 10, RTT, (61,))}, ("fail", "arrival-ttl")),
        ({}, {"echoes": Echoes(10, 10, RTT, (61, 62))}, ("fail", "arrival-ttl")),
        # the pair's own echoes tell the other way
        ({"echoes": Echoes(10, 10, RTT, (62,))}, {}, ("inconclusive", "hidden-way")),
        ({"echoes": Echoes(10, 10, RTT, (62,))}, {"echoes": Echoes(10, 0)}, ("inconclusive", "hidden-way")),
        ({"arrival": Arrival(OWN, 62)}, {"echoes": Echoes(10, 10, RTT, (61,))}, ("pass", "recorded")),
        # what speaks against a pair does so here as well
        ({"arrival": Arrival("10.0.2.15")}, {"echoes": Echoes(10, 10, RTT, (62,))}, ("fail", "snat")),
    ],
)
def test_ipip_over_routers_passes_by_the_answers_to_the_opposite_pairs_echoes(seen, opposite, expected):
    assert judged("ipip", None, RACKS, opposite=opposite, **seen) == expected


def test_the_udp_backend_is_proved_over_its_silent_hops():
    assert judged("") == ("pass", "as-expected")
    assert judged("", echoes=Echoes(3, 3, RTT, (60,))) == ("pass", "as-expected")
    assert judged("", echoes=Echoes(3, 3, RTT, (62,))) == ("fail", "reply-ttl")


def test_evidence_as_data_says_what_was_not_observed_and_why():
    told = observation.evidence(
        Observation(echoes=Echoes(3, 2, RTT, (62,)), unobserved={"tcp": "The image has no wget."}, problem="")
    )
    assert told["echoes"] == {
        "observed": True,
        "why": "",
        "sent": 3,
        "received": 2,
        "rtt_ms": {"min": 0.1, "median": 0.1, "max": 0.2},
        "reply_ttls": [62],
        "protocol": "icmp",
    }
    assert told["tcp"] == {"observed": False, "why": "The image has no wget."}
    assert observation.evidence(Observation(problem="exec broke"))["arrival"]["why"] == "exec broke"
    half = observation.evidence(Observation(arrival=Arrival(OWN)))["arrival"]
    assert half["observed"]
    assert "TTL and size were not observed" in half["why"]
    assert observation.evidence(Observation(arrival=Arrival(OWN, 62, 1450)))["arrival"]["why"] == ""
