# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what all pairs show to the fault behind it. The table is also a lesson: each fault with what it looks like.

Traces are recordings of real packets (data/traceroute/netlab), made from node-1 to node-2 with one fault each; for
other pairs their addresses are put in. The few that are written by hand are named at the end (BY_HAND).
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from path_samples import DATA, NAMES, cluster, node, output

from ansible_collections.podpath.kubeadm.plugins.module_utils import (
    diagnosis,
    diagnosis_case,
    diagnosis_lost,
    faults,
    legs,
    observation,
    paths,
    plan,
    preflight,
    probe_shell,
    result,
    stated_paths,
    topology,
    trace,
    tunnels,
    verdict,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.judgement import END_GONE, Judgement
from ansible_collections.podpath.kubeadm.plugins.module_utils.pods import PEER_PORT

NETWORKS = topology.parse_networks(["192.168.56.0/24"])
OTHERS = ("controlplane", "node-1")
TEN = (*NAMES, *(f"node-{number}" for number in range(3, 10)))


def recorded(name, source, destination):
    """A recording as it would read between two other nodes."""
    text = (DATA / "netlab" / f"{name}.txt").read_text()
    near, far = TEN.index(source), TEN.index(destination)
    text = re.sub(r"10\.244\.([12])\.", lambda match: f"10.244.{near if match[1] == '1' else far}.", text)
    return text.replace("192.168.56.12", f"192.168.56.{10 + far}").replace("192.168.90.12", f"192.168.90.{10 + far}")


def both(*pairs):
    return [*pairs, *(pair[::-1] for pair in pairs)]


def pairs_of(name):
    return both(*((other, name) for other in NAMES if other != name))


CROSSING = [(a, b) for a in NAMES for b in NAMES if a != b]


@dataclass(frozen=True)
class Fault:
    """A fault: the traces it makes by pair (recordings by name, or the hops themselves), other evidence by pair, and
    what must be said. A pair with a family as its third is of that one alone. ``checked``: what preflight gets besides;
    ``strange_pod``: an address of the pod on node-1; ``missing``: nodes that should be there.
    """

    named: str
    says: str
    where: set[str]
    confidence: str = "certain"
    traces: dict = field(default_factory=dict)
    seen: dict = field(default_factory=dict)
    backend: str = "vxlan"
    nodes: list | None = None
    pairs: int | None = None
    also: tuple[str, ...] = ()
    checked: dict = field(default_factory=dict)
    strange_pod: str = ""
    lost: dict = field(default_factory=dict)
    links: topology.Links | None = None
    control: dict = field(default_factory=dict)
    plan: plan.Wanted | None = None
    stated: list | None = None
    missing: tuple[str, ...] = ()


def shows(recording, pairs):
    return dict.fromkeys(pairs, recording)


def pinged(name):
    """The echoes of a recording, as the shell's prober reads them."""
    return probe_shell._echoes(printed(name), "")[0]


def printed(name):
    return probe_shell._Part("0", (DATA / "netlab" / f"{name}.txt").read_text().splitlines())


def large(name):
    return probe_shell._full_size(printed(name), 1450, "")[0]


ARRIVED = {"arrival": observation.Arrival("SOURCE", 62)}
BY_ROUTER = [
    {
        "source": "node-1",
        "destination": "node-2",
        "on_node": False,
        "family": "ipv4",
        "hops": ["{source.bridge_ip}", "192.0.2.1", "{destination.internal_ip}", "{destination.pod_ip}"],
    }
]
# written by hand, as the lab of namespaces has no such world; a recording of IPv4 shows the same
SILENT_V6 = {name: (str(topology.parse_node(one).side("ipv6").bridge_ip), None, None, None, None) for name, one in zip(
    NAMES, cluster("vxlan", dual=True), strict=True
)}
IN_VAIN = {"arrival": observation.Arrival("")}
SMALL = observation.Echoes(3, 3, (0.1, 0.1, 0.1), (62,))
LARGE_LOST = {"echoes": pinged("mtu_hole.busybox-ping"), "full_size": large("mtu_hole.busybox-ping-large")}
LARGE_LOSSY = {"echoes": pinged("large_lost.busybox-ping"), "full_size": large("large_lost.busybox-ping-large")}
TOLD_AND_LOST = {"echoes": SMALL, "full_size": observation.FullSize(1450, 3, 0, 1430)}
SOME_LOST = {"echoes": observation.Echoes(20, 17, (0.1, 0.1, 0.1), (62,))}
NO_TCP = {"tcp": observation.Tcp(False, "timed out")}
TCP = {"tcp": observation.Tcp(True)}


def came(handshake):
    """What a peer records of a TCP connection."""
    return observation.Arrival("SOURCE", sources={"tcp": "SOURCE"}, handshake=handshake)


READY = [
    {"spec": {"nodeName": name}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}} for name in NAMES
]

TABLE = [
    Fault(
        "every Flannel took the NAT interface of its machine: a loop at the own gateway",
        "flannel-address",
        set(NAMES),
        traces=shows("nat_interface.busybox", CROSSING),
        nodes=[node(index, "vxlan", public_ip="10.0.2.15") for index in range(3)],
        pairs=6,
    ),
    Fault(
        "a node carries the address of another one",
        "flannel-address",
        {"node-2"},
        traces=shows("others_address.busybox", both(("controlplane", "node-2"))),
        nodes=[node(0, "vxlan"), node(1, "vxlan"), node(2, "vxlan", public_ip="192.168.56.11")],
    ),
    Fault(
        "a wrong interface of Flannel's that works: nothing shows it but the addresses",
        "flannel-address",
        set(NAMES),
        traces=shows("wrong_interface.busybox", CROSSING),
        nodes=[node(index, "vxlan", public_ip=f"192.168.90.{10 + index}") for index in range(3)],
    ),
    Fault(
        "a loop that no annotation explains",
        "loop",
        {"node-1"},
        traces=shows("nat_interface.busybox", [("node-1", "node-2")]),
    ),
    Fault(
        "the route to a node's pods is missing",
        "route-missing",
        {"node-1"},
        traces=shows("route_missing.busybox", [("node-1", "node-2")]),
    ),
    Fault(
        "the same, where the router behind the default route says that it has none: no fault of the destination's",
        "route-missing",
        {"node-1"},
        "likely",
        shows("refused_astray.busybox", [("node-1", "node-2")])
        | shows("vxlan_blocked.busybox", [("node-2", "node-1")]),
        {("node-2", "node-1"): ARRIVED},
        pairs=2,
    ),
    Fault(
        "the same, where that router takes them, and the peer recorded nothing",
        "route-missing",
        {"node-1"},
        "likely",
        shows("sent_astray.busybox", [("node-1", "node-2")])
        | shows("vxlan_blocked.busybox", [("node-2", "node-1")]),
        {("node-1", "node-2"): IN_VAIN, ("node-2", "node-1"): ARRIVED},
        pairs=2,
    ),
    Fault(
        "the same, where nobody recorded what arrives: then the peer may answer by another card",
        "route-missing",
        {"node-1"},
        "likely",
        shows("sent_astray.busybox", [("node-1", "node-2")]),
        pairs=1,
        also=("other-interface",),
    ),
    Fault(
        "the same hops, and the peer did record packets",
        "other-interface",
        {"node-2"},
        traces=shows("sent_astray.busybox", [("node-1", "node-2")]),
        seen={("node-1", "node-2"): ARRIVED},
    ),
    Fault(
        "a node has lost the route to its own pods, and says so of all packets for them",
        "own-route-missing",
        {"node-2"},
        traces=shows("own_route_missing.busybox", [(other, "node-2") for other in OTHERS]),
        pairs=2,
    ),
    Fault(
        "a router that is meant to be there says no",
        "router-stops",
        {"node-1"},
        traces=shows(("10.244.1.1", "  192.0.2.1  0.05 ms !X  0.05 ms !X"), [("node-1", "node-2")]),
        stated=BY_ROUTER,
    ),
    Fault(
        "a router that is meant to be there answers, and nobody behind it",
        "router-stops",
        {"node-1"},
        "likely",
        traces=shows(("10.244.1.1", "192.0.2.1", None, None, None), [("node-1", "node-2")]),
        stated=BY_ROUTER,
    ),
    Fault(
        "the neighbour entry of the tunnel is missing",
        "neighbour-missing",
        {"node-1"},
        traces=shows("neighbour_missing.busybox", [("node-1", "node-2")]),
    ),
    Fault(
        "the forwarding entry is missing: which of two directions is dead, the peer's record tells",
        "entry-missing",
        {"node-1"},
        "likely",
        shows("fdb_missing.busybox", [("node-1", "node-2")])
        | shows("fdb_missing_way_back.busybox", [("node-2", "node-1")]),
        {("node-1", "node-2"): IN_VAIN, ("node-2", "node-1"): ARRIVED},
        pairs=2,
        also=("tunnel-blocked", "route-missing"),
    ),
    Fault(
        "a firewall drops the tunnel on one node: all of its pairs are dead, and no others",
        "tunnel-blocked",
        {"node-2"},
        "likely",
        shows("vxlan_blocked.busybox", pairs_of("node-2")),
        pairs=4,
        also=("tunnel-stale",),
    ),
    Fault(
        "the same, where the peers' records show that what it sends arrives",
        "tunnel-blocked",
        {"node-2"},
        "likely",
        shows("vxlan_blocked.busybox", pairs_of("node-2")),
        {
            **{(other, "node-2"): IN_VAIN for other in OTHERS},
            **{("node-2", other): ARRIVED for other in OTHERS},
        },
        also=("tunnel-stale",),
    ),
    Fault(
        "the tunnel is filtered between all nodes: every pair across nodes is dead",
        "tunnel-blocked",
        set(NAMES),
        "likely",
        shows("vxlan_blocked.busybox", CROSSING),
        pairs=6,
    ),
    Fault(
        "a new node, with which alone all others were tried, is dead: nothing speaks against the others",
        "tunnel-blocked",
        {"node-2"},
        "likely",
        shows("vxlan_blocked.busybox", pairs_of("node-2")),
        pairs=4,
        also=("tunnel-stale",),
        plan=plan.Wanted(name="node", node="node-2"),
    ),
    Fault(
        "the tunnel is filtered between the two nodes that there are",
        "tunnel-blocked",
        set(OTHERS),
        "likely",
        shows("vxlan_blocked.busybox", both(OTHERS)),
        dict.fromkeys(both(OTHERS), IN_VAIN),
        nodes=cluster("vxlan", 2),
        pairs=2,
    ),
    Fault(
        "the tunnel is filtered in IPv6 alone",
        "tunnel-blocked",
        set(NAMES),
        "likely",
        {(*pair, "ipv6"): SILENT_V6[pair[0]] for pair in CROSSING},
        {(*pair, "ipv6"): IN_VAIN for pair in CROSSING},
        nodes=cluster("vxlan", dual=True),
        pairs=6,
    ),
    Fault(
        "the tunnel of one node is filtered in IPv6 alone",
        "tunnel-blocked",
        {"node-2"},
        "likely",
        {(*pair, "ipv6"): SILENT_V6[pair[0]] for pair in pairs_of("node-2")},
        {(*pair, "ipv6"): IN_VAIN if pair[1] == "node-2" else ARRIVED for pair in pairs_of("node-2")},
        nodes=cluster("vxlan", dual=True),
        pairs=4,
        also=("tunnel-stale",),
    ),
    Fault(
        "both ways of a single pair are lost: no entry of one node does that",
        "tunnel-blocked",
        {"node-1", "node-2"},
        "likely",
        shows("vxlan_blocked.busybox", both(("node-1", "node-2"))),
        dict.fromkeys(both(("node-1", "node-2")), IN_VAIN),
        pairs=2,
        also=("entry-missing", "route-missing"),
    ),
    Fault(
        "a single pair is dead, and nobody recorded what arrives: then its sender may be either",
        "entry-missing",
        {"node-1", "node-2"},
        "likely",
        shows("vxlan_blocked.busybox", both(("node-1", "node-2"))),
        pairs=2,
        also=("tunnel-blocked", "route-missing"),
    ),
    Fault(
        "host-gw in a cloud that checks source addresses",
        "network-drops",
        set(NAMES),
        "likely",
        shows("vxlan_blocked.busybox", CROSSING),
        backend="host-gw",
    ),
    Fault(
        "a node does not forward: its own pods get no answer, others' traces to it end behind their own cni0",
        "forwarding-off",
        {"node-2"},
        "certain",
        shows("source_forwarding_off.busybox", [("node-2", other) for other in OTHERS])
        | shows("dest_forwarding_off.busybox", [(other, "node-2") for other in OTHERS]),
        pairs=4,
    ),
    Fault(
        "a policy drops what comes for the pods of a node",
        "filter-drops",
        {"node-2"},
        "likely",
        shows("forward_dropped.busybox", [(other, "node-2") for other in OTHERS]),
        also=("pod-gone",),
    ),
    Fault(
        "a REJECT that answers in the pod's stead, three lines long as a healthy path",
        "filter-rejects",
        {"node-2"},
        "likely",
        shows("forward_rejected.busybox", [(other, "node-2") for other in OTHERS]),
    ),
    Fault(
        "a REJECT that says so",
        "filter-rejects",
        {"node-2"},
        "certain",
        shows("forward_prohibited.butskoy", [(other, "node-2") for other in OTHERS]),
    ),
    Fault(
        "a REJECT of the source's own node, by whichever of its addresses",
        "filter-rejects",
        {"node-1"},
        "certain",
        shows(("  192.168.56.11  0.05 ms !X  0.05 ms !X",), [("node-1", "node-2")]),
    ),
    Fault(
        "the peer's sandbox has lost its cable",
        "pod-gone",
        {"node-2"},
        traces=shows("pod_gone.busybox", [(other, "node-2") for other in OTHERS]),
    ),
    Fault(
        "the same, on a node",
        "pod-gone",
        {"node-1"},
        traces=shows("same_node_pod_gone.busybox", [("node-1", "node-1")]),
    ),
    Fault(
        "a node answers by its second card",
        "other-interface",
        {"node-2"},
        traces=shows("second_card_back.busybox", [("node-1", "node-2")]),
        backend="host-gw",
        pairs=2,
    ),
    Fault(
        "a tunnel where DirectRouting was meant",
        "direct-routing",
        {"node-2"},
        "likely",
        shows("host_gw.busybox", CROSSING) | shows("vxlan.busybox", [("node-1", "node-2")]),
        links=topology.Links(True, NETWORKS),
    ),
    Fault(
        "a tunnel where the backend has none: what another one has left",
        "tunnel-left",
        {"node-2"},
        "likely",
        shows("vxlan.busybox", [("node-1", "node-2")]),
        backend="host-gw",
        pairs=2,
    ),
    Fault(
        "a direct route where the tunnel was meant",
        "direct-routing",
        {"node-2"},
        "likely",
        shows("host_gw.busybox", [("node-1", "node-2")]),
    ),
    Fault(
        "small packets pass, large ones do not",
        "mtu",
        {"node-2"},
        seen=dict.fromkeys(pairs_of("node-2"), LARGE_LOST),
        pairs=4,
    ),
    Fault(
        "the same between all nodes: the fewest that explain all pairs are not all of them",
        "mtu",
        set(NAMES),
        seen=dict.fromkeys(CROSSING, LARGE_LOST),
        pairs=6,
    ),
    Fault(
        "the same between the two nodes that there are",
        "mtu",
        set(OTHERS),
        seen=dict.fromkeys(both(OTHERS), LARGE_LOST),
        nodes=cluster("vxlan", 2),
        pairs=2,
    ),
    Fault(
        "the same between two nodes of three: it may be at either",
        "mtu",
        {"node-1", "node-2"},
        seen=dict.fromkeys(both(("node-1", "node-2")), LARGE_LOST),
        pairs=2,
    ),
    Fault(
        "the same between a new node and all others, which alone were tried: nothing speaks against the others",
        "mtu",
        {"node-2"},
        seen=dict.fromkeys(pairs_of("node-2"), LARGE_LOST),
        plan=plan.Wanted(name="node", node="node-2"),
        pairs=4,
    ),
    Fault(
        "a router tells what fits, and that does not arrive either",
        "mtu",
        {"node-2"},
        "possible",
        seen=dict.fromkeys(pairs_of("node-2"), TOLD_AND_LOST),
        pairs=4,
    ),
    Fault(
        "source addresses are translated between pods",
        "masquerade",
        {"node-1"},
        seen={("node-1", other): {"arrival": observation.Arrival("192.168.56.11", 62)} for other in ("node-2",)},
    ),
    Fault(
        "TCP is filtered though packets reach the pod",
        "tcp-filter",
        {"node-2"},
        seen={(other, "node-2"): NO_TCP for other in OTHERS},
        pairs=2,
    ),
    Fault(
        "only the first packet of a TCP connection is recorded",
        "tcp-answers-filter",
        {"node-2"},
        "likely",
        seen={(other, "node-2"): {**NO_TCP, "arrival": came(False)} for other in OTHERS},
        pairs=2,
    ),
    Fault(
        "the same of a single pair, at either end",
        "tcp-answers-filter",
        {"node-1", "node-2"},
        "likely",
        seen={pair: {**NO_TCP, "arrival": came(False)} for pair in both(("node-1", "node-2"))},
        pairs=2,
    ),
    Fault(
        "a whole TCP connection is recorded, and not answered",
        "tcp-late",
        {"node-2"},
        "likely",
        seen={(other, "node-2"): {**NO_TCP, "arrival": came(True)} for other in OTHERS},
        pairs=2,
    ),
    Fault(
        "a TCP connection comes about at the second try",
        "tcp-late",
        {"node-2"},
        "possible",
        seen={(other, "node-2"): {"tcp": observation.Tcp(True, "timed out")} for other in OTHERS},
        pairs=2,
    ),
    Fault(
        "datagrams are lost though TCP connects",
        "udp-filter",
        {"node-2"},
        "likely",
        seen={(other, "node-2"): {"arrival": observation.Arrival("SOURCE", None, 0), **TCP} for other in OTHERS},
        pairs=2,
    ),
    Fault(
        "datagrams are refused though TCP connects",
        "udp-filter",
        {"node-2"},
        seen={
            (other, "node-2"): {"arrival": observation.Arrival("SOURCE", None, 0, refused="Connection refused"), **TCP}
            for other in OTHERS
        },
        pairs=2,
    ),
    Fault(
        "another pod has the peer's address",
        "address-taken",
        {"node-2"},
        "likely",
        seen={(other, "node-2"): {"tcp": observation.Tcp(False, "Somebody else answers at X.")} for other in OTHERS},
        pairs=2,
    ),
    Fault(
        "echoes are filtered, and nothing else",
        "echo-filter",
        {"node-2"},
        "likely",
        seen={
            (other, "node-2"): {
                "echoes": observation.Echoes(3, 0), "full_size": observation.FullSize(1450, 3, 0), **TCP
            }
            for other in OTHERS
        },
        pairs=2,
    ),
    Fault(
        "packets are lost now and then",
        "loss",
        {"node-2"},
        "likely",
        seen=dict.fromkeys(pairs_of("node-2"), SOME_LOST),
    ),
    Fault(
        "packets of a single pair are lost now and then, at either end",
        "loss",
        {"node-1", "node-2"},
        "likely",
        seen=dict.fromkeys(both(("node-1", "node-2")), SOME_LOST),
        pairs=2,
    ),
    Fault(
        "packets are lost so often that a single pair shows it",
        "loss",
        {"node-2"},
        "likely",
        shows("lossy.busybox", [("node-1", "node-2")]),
        {(other, "node-2"): {"echoes": pinged("lossy.busybox-ping")} for other in OTHERS},
    ),
    Fault(
        "large packets are lost now and then, and small ones are not",
        "loss",
        {"node-2"},
        "likely",
        seen=dict.fromkeys(pairs_of("node-2"), LARGE_LOSSY),
        pairs=4,
        also=("mtu",),
    ),
    Fault(
        "packets come back over one router more than the hops show",
        "hidden-way",
        {"node-2"},
        "likely",
        seen={("node-1", "node-2"): {"echoes": observation.Echoes(3, 3, (0.1, 0.1, 0.1), (61,))}},
    ),
    Fault(
        "packets arrive over one router more than the hops show",
        "hidden-way",
        {"node-1"},
        "likely",
        seen={("node-1", "node-2"): {"arrival": observation.Arrival("SOURCE", 61)}},
    ),
    Fault(
        "routers that no hop can show, and nobody recorded what arrived",
        "way-unseen",
        set(NAMES),
        "certain",
        backend="ipip",
        links=topology.Links(False, topology.parse_networks(["192.168.56.10/31", "192.168.56.12/32"])),
    ),
    Fault(
        "a node reaches the others by its NAT interface",
        "underlay",
        {"node-1"},
        seen={("node-1", "node-2"): {"underlay": observation.Underlay("eth0", 1500, "10.0.2.15", "10.0.2.2")}},
    ),
    Fault(
        "a node has lost its route to the others: what it sends and what it answers is lost alike",
        "underlay-missing",
        {"node-1"},
        traces=shows("vxlan_blocked.busybox", both(("node-1", "node-2"))),
        seen={
            ("node-1", "node-2"): {"underlay": observation.Underlay("", problem="no route"), **IN_VAIN},
            ("node-2", "node-1"): ARRIVED,
        },
        pairs=2,
    ),
    Fault(
        "the card's MTU is smaller than what Flannel's device makes",
        "underlay-mtu",
        {"node-1"},
        seen={("node-1", "node-2"): {"underlay": observation.Underlay("eth1", 1400, needed_mtu=1500)}},
    ),
    Fault(
        "pods of a node have another router than its cni0",
        "gateway",
        {"node-1"},
        traces=shows("bridge_address.busybox", [("node-1", "node-2")]),
    ),
    Fault(
        "pods of a node are routed to one another instead of bridged",
        "gateway",
        {"node-1"},
        "likely",
        shows("routed_on_node.busybox", [("node-1", "node-1")]),
    ),
    Fault(
        "a machine that belongs to no path is on it",
        "detour",
        {"node-1"},
        "likely",
        shows("detour.busybox", [("node-1", "node-2")]),
        backend="host-gw",
        pairs=1,
    ),
    Fault(
        "the same behind the other node",
        "detour",
        {"node-1"},
        "likely",
        shows(("10.244.1.1", "10.244.2.0", None, "172.16.0.1", "10.244.2.2"), [("node-1", "node-2")]),
    ),
    Fault(
        "a hop is missing",
        "detour",
        {"node-1"},
        "likely",
        shows(("10.244.1.1", "10.244.2.2"), [("node-1", "node-2")]),
        pairs=1,
    ),
    Fault(
        "pods of a node do not reach one another",
        "bridge-dead",
        {"node-1"},
        "likely",
        shows("same_node_pod_gone.butskoy", [("node-1", "node-1")]),
        also=("pod-gone",),
    ),
    Fault(
        "a filter takes the probes alone: TCP passes, so it is no broken path",
        "probe-filter",
        {"node-2"},
        "likely",
        shows("forward_dropped.busybox", [(other, "node-2") for other in OTHERS]),
        {(other, "node-2"): TCP for other in OTHERS},
        pairs=2,
    ),
    Fault(
        "the same at the source, before its own cni0 could answer: it forwards all else",
        "probe-filter",
        {"node-2"},
        "likely",
        shows("source_forwarding_off.busybox", [("node-2", other) for other in OTHERS]),
        {("node-2", other): TCP | {"echoes": SMALL} for other in OTHERS},
        pairs=2,
    ),
    Fault(
        "no trace past a node shows its hop, and the pods are reached: a filter for ICMP errors, or the kernel's limit",
        "errors-filter",
        {"node-2"},
        "likely",
        shows("errors_dropped.busybox", [(other, "node-2") for other in OTHERS])
        | shows("errors_dropped_at_source.busybox", [("node-2", other) for other in OTHERS]),
        pairs=4,
        also=("answers-limited",),
    ),
    Fault(
        "a router's answers are lost, and the pod is reached",
        "answers-limited",
        {"node-2"},
        "likely",
        shows("answers_limited.butskoy-icmp", [("node-1", "node-2")]),
    ),
    Fault(
        "the same at the last hop",
        "answers-limited",
        {"node-2"},
        "possible",
        shows("lossy.butskoy", [("node-1", "node-2")]),
    ),
    Fault(
        "pods get no answer from their own cni0, though others' traces to them pass: forwarding, or a filter for them",
        "forwarding-off",
        {"node-2"},
        "likely",
        shows("source_forwarding_off.busybox", [("node-2", other) for other in OTHERS]),
        pairs=2,
        also=("forward-filter",),
    ),
    Fault(
        "two nodes have podCIDRs that overlap",
        "pod-network",
        {"node-1", "node-2"},
        nodes=[node(0, "vxlan"), node(1, "vxlan"), node(2, "vxlan", pod_cidr="10.244.1.128/25")],
        traces=shows((None,) * 5, [pair for pair in CROSSING if "node-2" in pair]),
    ),
    Fault(
        "flanneld of a node runs another backend",
        "backend",
        set(NAMES),
        nodes=[node(0, "vxlan"), node(1, "vxlan"), node(2, "host-gw")],
        traces=shows((None,) * 5, [pair for pair in CROSSING if "node-2" in pair]),
    ),
    Fault(
        "no kube-flannel pod runs on a node: all paths are there, but nobody keeps them",
        "flannel-down",
        {"node-2"},
        checked={"flannel_pods": READY[:2]},
        pairs=4,
    ),
    Fault(
        "a node without Flannel's annotations: nothing tells its paths",
        "no-flannel",
        {"node-2"},
        nodes=[node(0, "vxlan"), node(1, "vxlan"), node(2, None)],
        traces=shows((None,) * 5, [pair for pair in CROSSING if "node-2" in pair])
        | shows(("192.168.56.12", "10.244.2.2"), [("node-2", "node-2")]),
        pairs=5,
    ),
    Fault(
        "another CNI configuration made the pods of a node",
        "other-cni",
        {"node-1"},
        strange_pod="10.88.0.5",
        pairs=5,
    ),
    Fault(
        "somebody answers for an address that no pod has",
        "control",
        set(),
        control={"ipv4": Judgement("inconclusive", "The control did not fail.", "control")},
        pairs=9,
    ),
    Fault(
        "no prober that runs could trace an address without a pod",
        "no-control",
        set(),
        control={"ipv4": Judgement("inconclusive", "There is no control in ipv4.", "no-control")},
        pairs=9,
    ),
    Fault(
        "a peer that was evicted in mid-run is no broken path",
        "pods-lost",
        {"node-2"},
        traces=shows("pod_gone.busybox", [(other, "node-2") for other in OTHERS]),
        lost={("peer", "node-2"): "The peer on node-2 was evicted."},
        pairs=2,
    ),
    Fault(
        "a NotReady node is not covered",
        "not-covered",
        {"node-2"},
        nodes=[node(0, "vxlan"), node(1, "vxlan"), node(2, "vxlan", ready=False)],
        pairs=5,
    ),
    Fault(
        "nodes that should be in the cluster are not",
        "node-missing",
        {"node-8", "node-9"},
        missing=("node-8", "node-9"),
        pairs=16,
    ),
    Fault(
        "the same where the plan has no pair of it",
        "node-missing",
        {"node-9"},
        missing=("node-9",),
        plan=plan.Wanted(pairs=[("node-1", "node-2")]),
        pairs=0,
    ),
]


HEALTHY = {"vxlan": "vxlan.busybox", "host-gw": "host_gw.busybox"}


def recording_of(fault, leg):
    """The recording that a pair shows, or its hops that were written by hand."""
    healthy = "same_node.busybox" if leg.source == leg.destination else HEALTHY.get(fault.backend)
    return fault.traces.get(tuple(leg)) or fault.traces.get(leg[:2]) or (healthy if leg.family == "ipv4" else None)


def observe(fault, found, leg, pods):
    recording = recording_of(fault, leg)
    if isinstance(recording, str):
        told = recorded(recording, leg.source, leg.destination)
    elif recording:
        told = output(pods[(leg.destination, leg.family)], *recording)
    else:
        hops = [hop.addresses[0] if hop.addresses else None for hop in found.expected(*leg).hops]
        told = output(hops[-1], *hops)
    own = pods[(leg.source, leg.family)]
    more = dict(fault.seen.get(tuple(leg)) or fault.seen.get(leg[:2], {}))
    if "arrival" in more and more["arrival"].source == "SOURCE":
        more["arrival"] = replace(more["arrival"], source=own, sources=dict.fromkeys(more["arrival"].sources, own))
    return observation.Observation(trace.parse(told), **more)


def found_in(fault, services=(), networks=NETWORKS):
    nodes = topology.parse_nodes(fault.nodes or cluster(fault.backend))
    nodes |= {name: topology.absent_node(name) for name in fault.missing}
    # the recordings' pods: on a node the peer is .2 as well
    families = topology.families_of(nodes.values())
    pods = {(name, "ipv4"): f"10.244.{index}.2" for index, name in enumerate(TEN)}
    if "ipv6" in families:
        pods |= {(name, "ipv6"): f"{one.side('ipv6').bridge_ip[:-1]}2" for name, one in nodes.items()}
    stated = stated_paths.StatedPaths(fault.stated, nodes) if fault.stated else None
    found = paths.Paths(nodes, fault.links, pods, stated)
    made = plan.choose(fault.plan or plan.Wanted(), nodes, families)
    seen = {leg: observe(fault, found, leg, pods) for leg in made if not {*leg} & {*fault.missing}}
    strange = [("node-1", "ipv4", fault.strange_pod)] if fault.strange_pod else []
    record = verdict.Record(
        nodes,
        found,
        seen,
        preflight.check(nodes, networks, families, **fault.checked) + preflight.pod_addresses(nodes, strange),
        pods,
        lambda leg: nodes[leg.source].unusable or nodes[leg.destination].unusable,
        fault.control,
        lost=fault.lost,
    )
    lost = {name: told for (_role, name), told in fault.lost.items()}
    tally = result.Tally(nodes)
    for judged in verdict.judge(made, record):
        tally.add(judged)
    return diagnosis.diagnose(diagnosis.Evidence(nodes, tally, record.findings, services, lost=lost)), tally


@pytest.mark.parametrize("fault", TABLE, ids=lambda fault: fault.named)
def test_the_first_diagnosis_names_the_fault_its_node_and_its_cure(fault):
    found, tally = found_in(fault)
    first = found[0]
    assert (first.fault, set(first.nodes), first.confidence) == (fault.says, fault.where, fault.confidence), found
    assert first.evidence
    assert first.confirm
    assert first.cure
    assert not any("{" in text.replace("{.items", "") for text in (first.title, *first.confirm, *first.cure))
    if fault.pairs is not None:
        assert len(first.legs) == fault.pairs
    candidates = [one.fault for one in found if set(one.legs) == set(first.legs)][1:]
    assert tuple(candidates) == fault.also
    assert any("cannot tell" in sentence for sentence in first.evidence) == bool(
        fault.also and first.fault not in ("filter-drops", "bridge-dead", "route-missing", "loss")
    )
    failing = {leg for broken in tally.broken.values() for leg in broken.failed}
    assert failing <= {leg for one in found for leg in one.legs}, "every failure is explained"


def test_every_fault_that_can_be_said_has_a_case_here():
    told = {name for fault in TABLE for name in (fault.says, *fault.also)}
    # Services have tests of their own below
    assert told | {"services-dead"} == set(faults.FAULTS)


# The signatures of path-truths: what a trace looks like, which fault made it, and what must be said of it.
SIGNATURES = {
    "nat_interface.busybox": "flannel-address",
    "others_address.busybox": "flannel-address",
    "wrong_interface.busybox": "flannel-address",
    "route_missing.busybox": "route-missing",
    "refused_astray.busybox": "route-missing",
    "sent_astray.busybox": "route-missing",
    "own_route_missing.busybox": "own-route-missing",
    "neighbour_missing.busybox": "neighbour-missing",
    "pod_gone.busybox": "pod-gone",
    "same_node_pod_gone.busybox": "pod-gone",
    "vxlan_blocked.busybox": "tunnel-blocked",
    "fdb_missing.busybox": "entry-missing",
    "dest_forwarding_off.busybox": "forwarding-off",
    "source_forwarding_off.busybox": "forwarding-off",
    "forward_dropped.busybox": "filter-drops",
    "forward_rejected.busybox": "filter-rejects",
    "forward_prohibited.butskoy": "filter-rejects",
    "second_card_back.busybox": "other-interface",
}


def test_every_signature_has_a_recording_that_is_named():
    named = {(name, fault.says) for fault in TABLE for name in fault.traces.values() if isinstance(name, str)}
    assert set(SIGNATURES.items()) <= named
    assert any(fault.says == "mtu" and LARGE_LOST in fault.seen.values() for fault in TABLE), "no trace shows this one"


# no world of the lab of namespaces makes these
BY_HAND = {"too-early", "detour", "hidden-way", "router-refuses", "silent-after-router"}


def test_every_rule_of_the_diagnosis_has_a_recorded_trace():
    recorded_rules, by_hand = set(), set()
    for fault in TABLE:
        found, tally = found_in(fault)
        for rule, leg in ((rule, leg) for rule, broken in tally.broken.items() for leg in broken.legs):
            if any(one.fault == fault.says and leg in one.legs for one in found):
                shown = recorded_rules if isinstance(recording_of(fault, leg), str) else by_hand
                shown.add(rule)
    rules = {*faults.SIGNATURES, *diagnosis_lost.LOST, "nothing-answers", "loss", END_GONE}
    assert rules - recorded_rules == BY_HAND
    assert by_hand >= BY_HAND


def test_packets_are_not_said_to_arrive_that_nobody_recorded():
    refused = shows("vxlan_blocked.busybox", [("node-1", "node-2")])
    refused |= shows("route_missing.busybox", [("node-2", "node-1")])
    found, _tally = found_in(Fault("", "", set(), traces=refused, seen={("node-1", "node-2"): IN_VAIN}))
    told = {one.evidence[0] for one in found if one.nodes == ("node-1",)}
    assert told == {"Packets from node-1 to node-2 are lost."}


def test_a_silent_pair_is_told_of_the_forwarding_of_its_family():
    fault = next(fault for fault in TABLE if fault.named == "the tunnel is filtered in IPv6 alone")
    _found, tally = found_in(replace(fault, seen={}))
    assert all("at net.ipv6.conf.all.forwarding on" in told for told in tally.reasons.values())


def test_a_family_is_named_where_the_other_is_well():
    titles = {fault.named: found_in(fault)[0][0].title for fault in TABLE if fault.says == "tunnel-blocked"}
    assert titles["the tunnel is filtered in IPv6 alone"] == "UDP port 8472 is filtered between all nodes in IPv6."
    assert titles["the tunnel of one node is filtered in IPv6 alone"].endswith("at node node-2 in IPv6.")
    assert sum("IPv" in title for title in titles.values()) == 2


def test_nodes_that_were_tried_with_a_dead_one_alone_neither_pass_nor_fail():
    alone = next(fault for fault in TABLE if fault.plan)
    found, tally = found_in(alone)
    nodes = topology.parse_nodes(cluster("vxlan"))
    told = {row["name"]: row for row in result.nodes(nodes, tally, ("ipv4",), diagnosis.blamed(found))}
    assert {name: row["verdict"] for name, row in told.items()} == {
        "controlplane": "inconclusive", "node-1": "inconclusive", "node-2": "fail"
    }
    assert "node-2, where the fault lies" in told["node-1"]["reason"]
    assert "were not tried" in found[0].evidence[1]
    assert "not concerned" not in " ".join(found[0].evidence)


def test_others_are_called_sound_only_where_they_are():
    dead = shows("vxlan_blocked.busybox", pairs_of("node-2"))
    alone, _tally = found_in(Fault("", "", set(), traces=dead))
    assert "not concerned" in alone[0].evidence[1]
    one_more = Fault("", "", set(), traces=dead | shows("vxlan_blocked.busybox", [("controlplane", "node-1")]))
    found, _tally = found_in(one_more)
    assert found[0].nodes == ("node-2",)
    assert not any("not concerned" in sentence for one in found for sentence in one.evidence)


IN, OUT, BOTH_WAYS = "in", "out", "both"


def dead_nodes(size, dead, backend="vxlan", records=True, broken=()):
    """Nodes that are dead in, out or both ways, and what the peers record where they do. ``broken``: single pairs."""
    names = TEN[:size]

    def lost(source, destination):
        return (
            dead.get(source) in (OUT, BOTH_WAYS) or dead.get(destination) in (IN, BOTH_WAYS)
            or (source, destination) in broken
        )

    crossing = [(one, other) for one in names for other in names if one != other]
    silent = [pair for pair in crossing if lost(*pair) or lost(*pair[::-1])]
    return Fault(
        "",
        "",
        set(),
        traces=shows("vxlan_blocked.busybox", silent),
        seen={pair: IN_VAIN if lost(*pair) else ARRIVED for pair in silent} if records else {},
        backend=backend,
        nodes=cluster(backend, size),
    )


def rows_of(fault, found, tally):
    nodes = topology.parse_nodes(fault.nodes or cluster(fault.backend))
    return {row["name"]: row for row in result.nodes(nodes, tally, ("ipv4",), diagnosis.blamed(found))}


THREE_PAIRS = [("controlplane", "node-1"), ("node-2", "node-3"), ("node-4", "node-5")]


@pytest.mark.parametrize("seen", ["dead", "dead-unrecorded", "mtu-hole"])
def test_three_pairs_are_no_fault_of_each_of_their_nodes(seen):
    broken = both(*THREE_PAIRS)
    fault = dead_nodes(6, {}, records=seen == "dead", broken=() if seen == "mtu-hole" else broken)
    if seen == "mtu-hole":
        fault = replace(fault, seen=dict.fromkeys(broken, LARGE_LOST))
    found, _tally = found_in(fault)
    first = {one.nodes: one for one in reversed(found)}
    assert set(first) == set(THREE_PAIRS)
    for (one, other), told in first.items():
        assert one in told.title
        assert other in told.title
        assert "each of" not in told.title


def test_a_dead_pair_beside_dead_nodes_is_told_by_itself():
    found, _tally = found_in(dead_nodes(8, {"node-4": IN, "node-5": IN, "node-6": IN},
                                        broken=both(("controlplane", "node-1"))))
    assert {one.nodes for one in found if one.fault == "tunnel-blocked"} == {
        ("node-4", "node-5", "node-6"), ("controlplane", "node-1")}


@pytest.mark.parametrize("records", [True, False])
@pytest.mark.parametrize("backend", ["vxlan", "host-gw"])
@pytest.mark.parametrize(("size", "dead"), [
    (4, {"node-2": BOTH_WAYS, "node-3": BOTH_WAYS}),
    (4, {"controlplane": IN, "node-3": IN}),
    (5, {"node-3": IN, "node-4": IN}),
    (5, {"node-1": OUT, "node-3": OUT}),
    (5, {"node-1": IN, "node-3": OUT}),
    (5, {"node-1": IN, "node-2": OUT, "node-4": BOTH_WAYS}),
    (10, {"node-3": IN, "node-4": IN, "node-7": IN}),
    (10, {"node-3": OUT, "node-4": OUT, "node-7": OUT}),
    (10, {"node-3": BOTH_WAYS, "node-4": BOTH_WAYS, "node-7": BOTH_WAYS}),
])
def test_of_several_dead_nodes_each_is_named_and_no_other(size, dead, backend, records):
    fault = dead_nodes(size, dead, backend, records)
    found, tally = found_in(fault)
    assert set(diagnosis.blamed(found)) == {node for one in found for node in one.nodes} == set(dead)
    rows = rows_of(fault, found, tally)
    assert {name for name, row in rows.items() if row["verdict"] == "fail"} == set(dead)
    assert {row["verdict"] for name, row in rows.items() if name not in dead} == {"pass"}
    wanted = "tunnel-blocked" if backend == "vxlan" else "network-drops"
    assert {node for one in found if one.fault == wanted for node in one.nodes} == set(dead)
    told = " ".join(sentence for one in found for sentence in one.evidence)
    assert "not concerned" not in told
    if records and len(dead) == 2:
        # of more the ways are too many to tell
        assert ("arrives; what is sent to it does not" in told) == (IN in dead.values())
        assert ("arrives; what it sends does not" in told) == (OUT in dead.values())


@pytest.mark.parametrize(("size", "dead"), [
    (3, {"node-1": IN, "node-2": IN}),
    (3, {"controlplane": OUT, "node-2": OUT}),
    (4, {"node-1": IN, "node-2": IN, "node-3": IN}),
])
def test_where_one_node_alone_is_well_what_arrives_tells_which(size, dead):
    """Then every pair is dead, as if something lay between them all."""
    fault = dead_nodes(size, dead)
    found, tally = found_in(fault)
    assert {node for one in found for node in one.nodes} == set(dead)
    rows = rows_of(fault, found, tally)
    (well,) = set(TEN[:size]) - set(dead)
    assert {name: row["verdict"] for name, row in rows.items()} == {**dict.fromkeys(dead, "fail"), well: "inconclusive"}
    # without records nobody knows, and all of them are named
    unseen, _tally = found_in(dead_nodes(size, dead, records=False))
    assert [set(one.nodes) for one in unseen] == [set(TEN[:size])]


def test_a_dead_node_is_seen_beside_another_fault_that_explains_pairs_of_it():
    dead = dead_nodes(5, {"node-4": IN})
    off = [other for other in TEN[:5] if other != "node-1"]
    silent = shows("source_forwarding_off.busybox", [("node-1", other) for other in off])
    silent |= shows("dest_forwarding_off.busybox", [(other, "node-1") for other in off])
    both_dead = replace(dead, traces=dead.traces | silent, seen=dead.seen | dict.fromkeys(silent, IN_VAIN))
    found, _tally = found_in(both_dead)
    assert diagnosis.blamed(found).keys() == {"node-1", "node-4"}
    assert {one.fault for one in found if one.nodes == ("node-1",)} == {"forwarding-off"}
    assert "All 6 pairs of node-4 with other nodes than node-1 end in silence" in " ".join(found[1].evidence)
    # nor does it matter that a node has no route to it
    no_route = {("node-1", "node-4"): {"underlay": observation.Underlay("", problem="no route"), **IN_VAIN}}
    found, _tally = found_in(replace(dead, seen=dead.seen | no_route))
    assert {one.fault: one.nodes for one in found if one.confidence != "possible"} == {
        "underlay-missing": ("node-1",), "tunnel-blocked": ("node-4",)
    }


def test_a_node_that_was_tried_with_dead_ones_alone_is_not_blamed():
    ring = [("node-1", "controlplane"), ("controlplane", "node-2"), ("node-2", "node-3"), ("node-3", "node-1")]
    ring += [("node-3", "node-4"), ("node-4", "node-1")]
    fault = dead_nodes(5, {"node-1": BOTH_WAYS, "node-2": BOTH_WAYS})
    found, tally = found_in(replace(fault, plan=plan.Wanted(pairs=both(*ring))))
    assert set(diagnosis.blamed(found)) == {"node-1", "node-2"}
    assert rows_of(fault, found, tally)["controlplane"]["verdict"] != "fail"


TIED = [fault for fault in TABLE if fault.where == {"node-1", "node-2"} and fault.pairs == 2 and IN_VAIN not in
        fault.seen.values()]


@pytest.mark.parametrize("fault", TIED, ids=lambda fault: fault.named)
def test_of_two_ends_that_nothing_tells_apart_both_are_told_and_that_it_is_either(fault):
    found, tally = found_in(fault)
    assert all(one.evidence[-1] == "Packets alone do not say at which of the two nodes it is." for one in found)
    assert not any("the other nodes" in one.title or "each of" in one.title.lower() for one in found)
    assert all("node-1 and node-2" in one.title or "node-1 or node-2" in one.title for one in found)
    confirm = " ".join(found[0].confirm)
    assert "192.168.56.11" in confirm or "10.244.1.0/24" in confirm
    assert "192.168.56.12" in confirm or "10.244.2.0/24" in confirm
    verdicts = {name: row["verdict"] for name, row in rows_of(fault, found, tally).items()}
    assert verdicts["controlplane"] == "pass"
    assert verdicts["node-1"] == verdicts["node-2"] != "pass"


def test_ends_that_are_tied_are_those_of_the_faults_that_no_trace_pins():
    assert {fault.says for fault in TIED} == {"entry-missing", *faults.AT_EITHER_END}


def test_a_hole_between_the_only_two_nodes_is_told_as_between_them():
    (found,), tally = found_in(next(fault for fault in TABLE if fault.says == "mtu" and fault.where == set(OTHERS)))
    assert found.title.startswith("Large packets between controlplane and node-1 are lost")
    assert tally.counts["pass"] == 2


def test_a_node_whose_own_pods_alone_reach_one_another_does_not_pass():
    """The pair on a node shows nothing of its way to others."""
    off = shows("source_forwarding_off.busybox", [("node-1", "controlplane")])
    off |= shows("dest_forwarding_off.busybox", [("controlplane", "node-1")])
    fault = Fault("", "", set(), traces=off, nodes=cluster("vxlan", 2))
    found, tally = found_in(fault)
    rows = rows_of(fault, found, tally)
    assert {name: row["verdict"] for name, row in rows.items()} == {"controlplane": "inconclusive", "node-1": "fail"}
    assert rows["controlplane"]["reason"] == (
        "No pairs of it with other nodes were tried than those with node-1, where the fault lies."
    )


def test_candidates_of_two_nodes_stand_in_their_order():
    found, _tally = found_in(dead_nodes(5, {"node-3": IN, "node-4": OUT}))
    own = [one.fault for one in found if one.nodes == ("node-4",)]
    assert own == ["entry-missing", "tunnel-blocked", "tunnel-stale"]


def test_a_single_pair_that_is_dead_one_way_is_its_senders_fault():
    fault = dead_nodes(4, {}, broken=[("node-1", "node-2")])
    found, _tally = found_in(fault)
    assert [(one.fault, one.nodes) for one in found] == [
        (name, ("node-1",)) for name in ("entry-missing", "tunnel-blocked", "route-missing")
    ]


def test_a_healthy_cluster_has_no_diagnosis():
    assert found_in(Fault("", "", set()))[0] == []


def service(source, connected):
    return observation.ServiceSeen(source, "10.96.0.7", 80, connected, "", "" if connected else "timed out")


@pytest.mark.parametrize(("dead", "confidence"), [(NAMES, "certain"), (("node-1",), "likely")])
def test_services_that_lead_nowhere_while_pods_are_reached(dead, confidence):
    seen = [service(name, name not in dead) for name in NAMES]
    (first,), _tally = found_in(Fault("", "", set()), seen)
    assert (first.fault, set(first.nodes), first.confidence) == ("services-dead", set(dead), confidence)
    assert "timed out" in first.evidence[0]


SILENT_HOP = shows(("10.244.1.1", None, "10.244.2.2"), [("node-1", "node-2")])
NO_PROOF = Judgement("inconclusive", "The control did not fail.", "control")


@pytest.mark.parametrize(("fault", "networks", "confidence"), [
    # their pods are reached all the same
    (Fault("", "", set(), traces=SILENT_HOP), NETWORKS, "likely"),
    (Fault("", "", set(), traces=SILENT_HOP, seen={("node-1", "node-2"): TCP}), NETWORKS, "likely"),
    (Fault("", "", set(), seen={("node-1", "node-2"): LARGE_LOSSY | TCP}), NETWORKS, "likely"),
    (Fault("", "", set(), seen={("node-1", "node-2"): {"arrival": observation.Arrival("SOURCE", None, 0), **TCP}}),
     NETWORKS, "likely"),
    # of preflight alone
    (Fault("", "", set()), (), "likely"),
    (Fault("", "", set(), plan=plan.Wanted(pairs=both(("node-1", "node-2")))), (), "likely"),
    # one connection may have been lost, or may have been to a pod that does not answer
    (Fault("", "", set(), seen={("node-1", "node-2"): {"tcp": observation.Tcp(True, "timed out")}}), NETWORKS,
     "possible"),
    (Fault("", "", set(), seen={("node-1", "node-2"): {"echoes": observation.Echoes(10, 4, (0.1, 0.1, 0.1), (62,))}}),
     NETWORKS, "possible"),
    (Fault("", "", set(), seen={("node-1", "node-2"): {**NO_TCP, "arrival": came(True)}}), NETWORKS, None),
    (Fault("", "", set(), control={"ipv4": NO_PROOF}), NETWORKS, None),
    (Fault("", "", set(), traces=shows("vxlan_blocked.busybox", [("node-1", "node-2")])), NETWORKS, None),
    (Fault("", "", set(), lost={("peer", "node-2"): "It was evicted."},
           traces=shows("pod_gone.busybox", [("node-1", "node-2")])), NETWORKS, None),
])
def test_dead_services_are_told_beside_pairs_that_are_open_where_their_pods_are_reached(fault, networks, confidence):
    found, tally = found_in(fault, [service(name, name != "node-1") for name in NAMES], networks)
    assert confidence is None or not tally.counts["fail"]
    told = [(one.nodes, one.confidence) for one in found if one.fault == "services-dead"]
    assert told == ([(("node-1",), confidence)] if confidence else [])
    assert confidence is None or (found[0].fault == "services-dead") == (confidence == "likely")


def test_services_that_were_not_observed_are_not_accused():
    blind = observation.ServiceSeen("node-1", "10.96.0.7", 80, False, unobserved="Image X has no wget.")
    assert found_in(Fault("", "", set()), [blind, service("node-2", True)])[0] == []
    found, _tally = found_in(Fault("", "", set()), [blind, service("node-2", False), service("controlplane", False)])
    assert [(one.fault, one.nodes, one.confidence) for one in found] == [
        ("services-dead", ("controlplane", "node-2"), "certain")
    ]


def test_a_single_pair_without_tcp_is_no_certain_filter():
    alone, _tally = found_in(Fault("", "", set(), seen={("node-1", "node-2"): NO_TCP}))
    assert [(one.fault, one.confidence, one.nodes) for one in alone] == [("tcp-filter", "likely", ("node-2",))]


def test_a_service_that_may_have_chosen_a_dead_pod_is_not_accused():
    dead = Fault("", "", set(), traces=shows("vxlan_blocked.busybox", CROSSING))
    found, _tally = found_in(dead, [service(name, False) for name in NAMES])
    assert "services-dead" not in {one.fault for one in found}


def test_a_node_of_which_other_traces_go_on_does_forward():
    silent = Fault(
        "",
        "",
        set(),
        traces=shows("source_forwarding_off.busybox", [("node-1", "node-2")])
        | shows("vxlan_blocked.busybox", [("node-2", "node-1")]),
        seen={("node-2", "node-1"): ARRIVED},
    )
    found, _tally = found_in(silent)
    assert [(one.fault, one.confidence) for one in found][:1] == [("route-missing", "likely")]
    assert not any(one.fault == "forwarding-off" for one in found)


@pytest.mark.parametrize("works", [TCP, {"echoes": SMALL}])
def test_a_node_of_which_other_packets_arrive_does_forward(works):
    """Where a filter takes all of its probes, what is dead besides is dead for another reason."""
    silent = shows("source_forwarding_off.busybox", [("node-1", other) for other in ("controlplane", "node-2")])
    found, tally = found_in(Fault("", "", set(), traces=silent, seen={("node-1", "controlplane"): works}))
    assert set(tally.broken) == {"nothing-answers", "trace-filtered", "one-way"}
    told = [(one.fault, one.nodes, [leg[1] for leg in one.legs]) for one in found]
    assert told == [
        ("route-missing", ("node-1",), ["node-2"]),
        ("forward-filter", ("node-1",), ["node-2"]),
        ("probe-filter", ("node-1",), ["controlplane"]),
    ]


def test_a_filter_for_probes_behind_a_source_that_was_once_silent_is_not_the_sources():
    hops = (None, "10.244.2.0", None, None, None)
    found, _tally = found_in(Fault("", "", set(), traces=shows(hops, [("node-1", "node-2")]),
                                   seen={("node-1", "node-2"): TCP}))
    assert [(one.fault, one.nodes) for one in found] == [("probe-filter", ("node-2",))]


@pytest.mark.parametrize(("traces", "title"), [
    (shows("forward_rejected.busybox", [(other, "node-2") for other in OTHERS]),
     "A rule on node-2 rejects packets between its pods and those of controlplane, node-1."),
    (shows(("  192.168.56.11  0.05 ms !X  0.05 ms !X",), [("node-1", "node-2")]),
     "A rule on node-1 rejects packets between its pods and those of node-2."),
])
def test_a_reject_is_told_by_both_ends_whosever_packets_it_refuses(traces, title):
    found, _tally = found_in(Fault("", "", set(), traces=traces))
    assert (found[0].fault, found[0].title) == ("filter-rejects", title)


def test_a_filter_that_takes_answers_as_well_is_one_fault():
    both_ways = Fault(
        "",
        "",
        set(),
        traces=shows("forward_rejected.busybox", [(other, "node-2") for other in OTHERS])
        | shows("vxlan_blocked.busybox", [("node-2", other) for other in OTHERS]),
        seen={("node-2", other): ARRIVED for other in OTHERS},
    )
    found, _tally = found_in(both_ways)
    assert [(one.fault, one.nodes, len(one.legs)) for one in found] == [("filter-rejects", ("node-2",), 4)]


def test_few_lost_echoes_tell_nothing_and_many_of_one_node_do():
    one_lost = {"echoes": observation.Echoes(3, 2, (0.1, 0.1, 0.1), (62,))}
    few = Fault("", "", set(), seen=dict.fromkeys(both(("node-1", "node-2")), one_lost))
    assert found_in(few)[0] == []
    many = Fault("", "", set(), seen=dict.fromkeys(pairs_of("node-2"), one_lost))
    (found,), tally = found_in(many)
    assert (found.fault, found.nodes, found.fails) == ("loss", ("node-2",), False)
    assert tally.broken == {}


@pytest.mark.parametrize(("lost", "confidence"), [(4, "possible"), (5, "likely")])
def test_a_twentieth_of_many_echoes_is_loss_where_chance_is_no_explanation(lost, confidence):
    sound = {pair: {"echoes": observation.Echoes(20, 20, (0.1, 0.1, 0.1), (62,))} for pair in CROSSING}
    lossy = {"echoes": observation.Echoes(20, 20 - lost, (0.1, 0.1, 0.1), (62,))}
    (found,), _tally = found_in(Fault("", "", set(), seen=sound | {("node-1", "node-2"): lossy}))
    assert (found.fault, found.confidence) == ("loss", confidence)


def test_hops_that_keep_silent_where_echoes_are_lost_too_are_no_limit_of_the_kernel():
    silent = shows(("10.244.2.1", None, "10.244.1.2"), [("node-2", "node-1")])
    silent |= shows(("10.244.0.1", "10.244.2.0", None, "10.244.2.2"), [("controlplane", "node-2")])
    one_lost = {"echoes": observation.Echoes(3, 2, (0.1, 0.1, 0.1), (62,))}
    sound = {pair: {"echoes": SMALL} for pair in CROSSING}

    def faults_where(*lossy):
        found, _tally = found_in(Fault("", "", set(), traces=silent, seen=sound | dict.fromkeys(lossy, one_lost)))
        return [(one.fault, one.nodes, one.confidence, len(one.legs)) for one in found]

    assert faults_where(*both(("node-1", "node-2"))) == [("loss", ("node-2",), "likely", 3)]
    # one of twelve is little: then neither is ruled out
    assert {fault for fault, *_rest in faults_where(("node-1", "node-2"))} == {"answers-limited", "loss"}
    assert {fault for fault, *_rest in faults_where()} == {"answers-limited"}


def test_a_filter_for_icmp_errors_is_not_said_of_a_node_that_showed_itself_once_or_lost_echoes():
    incoming = shows("errors_dropped.busybox", [(other, "node-2") for other in OTHERS])
    outgoing = shows("errors_dropped_at_source.busybox", [("node-2", other) for other in OTHERS])

    def said(traces, seen=None):
        found, _tally = found_in(Fault("", "", set(), traces=traces, seen=seen or {}))
        return [(one.fault, one.confidence) for one in found]

    assert said(incoming | outgoing) == [("errors-filter", "likely"), ("answers-limited", "possible")]
    assert said(incoming) == [("answers-limited", "likely")]
    assert said(incoming | dict(list(outgoing.items())[:1])) == [("answers-limited", "likely")]
    one_lost = {"echoes": observation.Echoes(3, 2, (0.1, 0.1, 0.1), (62,))}
    lossy = said(incoming | outgoing, dict.fromkeys(pairs_of("node-2"), one_lost))
    assert "errors-filter" not in {fault for fault, _confidence in lossy}


def test_all_nodes_that_filter_icmp_errors_are_told_once():
    silent = {
        (one, other): (None, None, f"10.244.{NAMES.index(other)}.2") for one, other in CROSSING
    }
    found, _tally = found_in(Fault("", "", set(), traces=silent))
    assert [(one.fault, set(one.nodes)) for one in found] == [
        ("errors-filter", set(NAMES)), ("answers-limited", set(NAMES))
    ]


@pytest.mark.parametrize(
    ("protocols", "title", "cure"),
    [
        (("udp", "udp"), "UDP probes", "let UDP ports from 33434 on with the ICMP errors that answer"),
        (("icmp", "icmp"), "ICMP probes", "let ICMP echo requests with the ICMP errors that answer them pass"),
        (("udp", "icmp"), "UDP and ICMP probes", "let UDP ports from 33434 on and ICMP echo requests with the ICMP"),
    ],
)
def test_a_filter_for_probes_is_told_by_what_the_probes_are(protocols, title, cure):
    filtered = {(other, "node-2"): {**TCP, "protocol": one} for other, one in zip(OTHERS, protocols, strict=True)}
    silent = shows("forward_dropped.busybox", filtered)
    (found, *_rest), tally = found_in(Fault("", "", set(), traces=silent, seen=filtered))
    assert (found.fault, found.nodes) == ("probe-filter", ("node-2",))
    assert title in found.title
    assert cure in found.cure[0]
    reasons = {leg[0]: tally.reasons[leg] for leg in tally.of_rules("trace-filtered")}
    assert all(f"{one.upper()} probes" in reasons[other] for other, one in zip(OTHERS, protocols, strict=True))


def test_large_packets_that_are_lost_are_summed_as_small_ones_are():
    one_lost = {"echoes": SMALL, "full_size": observation.FullSize(1450, 5, 4, late=1)}
    few = Fault("", "", set(), seen=dict.fromkeys(both(("node-1", "node-2")), one_lost))
    assert found_in(few)[0] == []
    (found,), tally = found_in(Fault("", "", set(), seen=dict.fromkeys(pairs_of("node-2"), one_lost)))
    assert (found.fault, found.nodes, found.fails, found.confidence) == ("loss", ("node-2",), False, "likely")
    assert found.evidence[0] == "4 of 20 packets of full size between node-2 and other nodes were lost."
    assert tally.broken == {}
    # what a smaller MTU costs until it is known is none
    learned = {"echoes": SMALL, "full_size": observation.FullSize(1450, 5, 4)}
    assert found_in(Fault("", "", set(), seen=dict.fromkeys(CROSSING, learned)))[0] == []


def test_a_silent_first_hop_is_the_sources():
    text = output("10.244.2.2", None, "10.244.2.0", "10.244.2.2")
    leg = plan.Leg("node-1", "node-2")
    judged = verdict.Judged(
        leg, None, observation.Observation(trace.parse(text)), verdict.Judgement("inconclusive", "", "silent-hop")
    )
    nodes = topology.parse_nodes(cluster("vxlan"))
    tally = result.Tally(nodes)
    tally.add(judged)
    (found,) = diagnosis.diagnose(diagnosis.Evidence(nodes, tally))
    assert (found.fault, found.nodes) == ("answers-limited", ("node-1",))


def test_dead_services_keep_a_run_of_good_pairs_from_a_pass_and_are_told():
    found, tally = found_in(Fault("", "", set()), [service(name, False) for name in NAMES])
    assert result.verdict(tally, [one.fault for one in found]) == "inconclusive"
    assert "Services lead nowhere" in result.message(tally, 9, 9, 3, [one.as_dict() for one in found])
    assert result.verdict(tally, []) == "pass"
    # nor do pairs that are open keep them from being told
    found, tally = found_in(Fault("", "", set(), traces=SILENT_HOP), [service("node-1", False)])
    told = result.message(tally, 9, 9, 3, [one.as_dict() for one in found])
    assert "Services lead nowhere from node-1. node-1 to node-2: The pod was reached, but hop 2 is silent" in told


def test_two_faults_at_once_are_both_named():
    two = Fault(
        "",
        "",
        set(),
        traces=shows("vxlan_blocked.busybox", pairs_of("node-2"))
        | shows("route_missing.busybox", [("node-1", "controlplane")]),
    )
    found, _tally = found_in(two)
    assert [(one.fault, one.nodes) for one in found][:2] == [
        ("route-missing", ("node-1",)),
        ("tunnel-blocked", ("node-2",)),
    ]


def many(size, fault):
    """What is found where every pair across so many nodes has the same fault."""
    nodes = topology.parse_nodes(node(index, "vxlan") for index in range(size))
    tally = result.Tally(nodes)
    crossing = [plan.Leg(source, destination) for source in nodes for destination in nodes if source != destination]
    for leg in crossing:
        bridge = nodes[leg.source].side("ipv4").bridge_ip
        seen = observation.Observation(trace.parse(output("10.244.9.9", bridge, None)))
        said = verdict.Judgement("fail", f"{leg.destination} is not reached from {leg.source}.", fault)
        tally.add(verdict.Judged(leg, None, seen, said))
    return diagnosis.diagnose(diagnosis.Evidence(nodes, tally))


@pytest.mark.parametrize(("rule", "fault", "title"), [
    ("underlay-interface", "underlay", "Each of the 40 nodes reaches the other nodes by the wrong interface."),
    ("no-route", "route-missing", "Each of the 40 nodes has no route to the pods of the other nodes."),
    ("nothing-answers", "forwarding-off", "Each of the 40 nodes forwards no packets."),
    ("tcp-failed", "tcp-filter", "TCP connections to pods on each of the 40 nodes do not come about, though packets "
                                 "reach them."),
    ("mtu-hole", "mtu", "Large packets between each of the 40 nodes and the other nodes are lost: the pods' MTU is "
                        "larger than the way carries."),
    ("silent-after-source", "tunnel-blocked", "UDP port 8472 is filtered between all nodes."),
])
def test_a_fault_of_all_nodes_is_one_diagnosis_that_counts_them(rule, fault, title):
    found, *others = many(40, rule)
    assert [one.fault for one in others] == ["forward-filter"] * (fault == "forwarding-off")
    assert (found.fault, found.title, len(found.nodes), len(found.legs)) == (fault, title, 40, 40 * 39)
    assert max(map(len, (found.title, *found.evidence, *found.confirm, *found.cure))) < 300
    assert len(found.evidence) <= 7


def test_a_fault_of_some_nodes_names_the_first_and_counts_the_others():
    dead = shows("route_missing.busybox", CROSSING)
    found, _tally = found_in(Fault("", "", set(), traces=dead))
    assert [(one.fault, one.nodes) for one in found] == [("route-missing", NAMES)]
    assert found[0].title == "Each of controlplane, node-1, node-2 has no route to the pods of the other nodes."
    assert "each of controlplane, node-1, node-2" in found[0].cure[0]
    assert "# on controlplane" in found[0].confirm[0]
    two = shows("route_missing.busybox", [("node-1", "node-2"), ("node-2", "node-1")])
    assert [one.nodes for one in found_in(Fault("", "", set(), traces=two))[0]] == [("node-1",), ("node-2",)]


WINDOWS = topology.Flannel("vxlan", port=4789, vni=4096)
V4, V6 = ("ipv4",), ("ipv6",)
SEPARATE = topology.Flannel("wireguard", port=51000, port_v6=51001, mode="separate")
# one device for both families
SINGLE = {mode: topology.Flannel("wireguard", port=51000, mode=mode) for mode in ("auto", "ipv4", "ipv6")}


@pytest.mark.parametrize(("backend", "families", "flannel", "blocked", "entries"), [
    ("vxlan", V4, None, "UDP port 8472", "bridge fdb show dev flannel.1;"),
    ("vxlan", V6, None, "UDP port 8472", "bridge fdb show dev flannel-v6.1; ip -6 neigh"),
    ("vxlan", V4 + V6, WINDOWS, "UDP port 4789", "bridge fdb show dev flannel.4096;"),
    ("wireguard", V4, WINDOWS, "UDP port 51820", "wg show flannel-wg "),
    ("wireguard", V6, None, "UDP port 51821", "wg show flannel-wg-v6 "),
    ("wireguard", V4 + V6, None, "UDP port 51820 (51821 for IPv6)", "wg show flannel-wg "),
    ("wireguard", V6, SEPARATE, "UDP port 51001", "wg show flannel-wg-v6 "),
    ("wireguard", V6, SINGLE["auto"], "UDP port 51000", "wg show flannel-wg "),
    ("wireguard", V4 + V6, SINGLE["ipv4"], "UDP port 51000", "wg show flannel-wg "),
    ("wireguard", V4, SINGLE["ipv6"], "UDP port 51000", "wg show flannel-wg "),
    ("ipip", V4, None, "IP protocol 4", "ip route show dev flannel.ipip "),
    ("", V4, None, "UDP port 8285", "kubectl get pods -A -o wide | grep -i flannel; kubectl -n NAMESPACE logs POD "),
])
def test_each_backend_and_family_has_its_own_words_and_commands(backend, families, flannel, blocked, entries):
    nodes = topology.parse_nodes(cluster(backend, dual=True))
    tally = result.Tally(nodes)
    evidence = diagnosis.Evidence(nodes, tally, flannel=flannel)
    pairs = legs.Legs(tally.names, (plan.Leg("node-1", "node-2", family) for family in families))

    def told(fault):
        return diagnosis_case.made(evidence, fault, "likely", ["node-1"], pairs)

    tunnel = told("tunnel-blocked")
    assert tunnel.title.startswith(f"{blocked} is filtered")
    assert blocked in tunnel.cure[0]
    port = blocked.lower().removesuffix(" (51821 for ipv6)").replace("protocol", "proto")
    v4 = flannel in (SINGLE["auto"], SINGLE["ipv4"]) or ("ipv4" in families and flannel is not SINGLE["ipv6"])
    assert f"tcpdump -ni any {port} and host {'192' if v4 else 'fd00'}" in tunnel.confirm[1]
    assert told("entry-missing").confirm[0].startswith(entries)
    # what the other node has is looked for by this one's address
    stale = told("tunnel-stale").confirm[0]
    assert backend == "vxlan" or "bridge" not in stale
    assert backend != "vxlan" or ("192.168.56.11" if "ipv4" in families else "fd00:56::11") in stale
    assert f"-s {1472 if 'ipv4' in families else 1452} " in told("mtu").confirm[0]


@pytest.mark.parametrize(("mode", "addresses", "leads"), [
    (None, ("192.168.56.11", "fd00:56::11"), "fd00:56::11"),
    ("separate", ("192.168.56.11", "fd00:56::11"), "fd00:56::11"),
    ("ipv4", ("192.168.56.11", "fd00:56::11"), "192.168.56.11"),
    ("ipv6", ("192.168.56.11", "fd00:56::11"), "fd00:56::11"),
    ("auto", ("192.168.56.11", "fd00:56::11"), "192.168.56.11"),
    ("auto", ("192.168.56.11", "2a00:1450::11"), "2a00:1450::11"),
    ("auto", ("8.8.4.4", "2a00:1450::11"), "8.8.4.4"),
    ("auto", ("", "fd00:56::11"), "fd00:56::11"),
])
def test_a_tunnel_for_pods_of_ipv6_leads_to_the_address_that_its_mode_takes(mode, addresses, leads):
    own = {family: address for family, address in zip(topology.FAMILIES, addresses, strict=True) if address}
    assert tunnels.endpoint("wireguard", "ipv6", own, topology.Flannel("wireguard", mode=mode)) == leads
    assert tunnels.endpoint("vxlan", "ipv6", own, topology.Flannel("wireguard", mode=mode)) == addresses[1]


@pytest.mark.parametrize("family", topology.FAMILIES)
@pytest.mark.parametrize(("mode", "overhead"), [("auto", 60), ("ipv4", 60), ("ipv6", 80)])
def test_one_device_for_both_families_adds_what_the_one_it_goes_by_takes(mode, overhead, family):
    found = tunnels.tunnel("wireguard", family, topology.Flannel("wireguard", mode=mode))
    assert (found.device, found.overhead, found.capture) == ("flannel-wg", overhead, "udp port 51820")


@dataclass(frozen=True)
class Packet:
    """What a packet is by tcpdump's words, and its addresses."""

    kinds: tuple[str, ...]
    ends: tuple[str, str]

    def shown_by(self, capture):
        """Whether it is among those that a filter of tcpdump's names."""
        return all(self._is(*term.split()) for term in capture.split(" and "))

    def _is(self, *words):
        if words[0] in ("net", "host"):
            network = ipaddress.ip_network(words[1])
            return any(ipaddress.ip_address(end) in network for end in self.ends)
        return " ".join(words) in self.kinds


def captures(one):
    """The filters of the commands with tcpdump."""
    return [found[1] for line in one.confirm if (found := re.match(r"tcpdump -ni any (.+?)   #", line))]


CAPTURED = [
    (fault, backend, family)
    for fault, one in faults.FAULTS.items()
    for backend in paths.BACKENDS
    for family in topology.FAMILIES
    if "tcpdump" in " ".join(one.confirm) and (fault != "tunnel-blocked" or tunnels.tunnel(backend, family))
]


@pytest.mark.parametrize(("fault", "backend", "family"), CAPTURED)
def test_a_capture_shows_the_packets_that_it_is_to_show(fault, backend, family):
    """Those of the run's pods, which have neither the address of a node nor that of its cni0, or the tunnel's."""
    dual = family == "ipv6"
    nodes = topology.parse_nodes(cluster(backend, dual=dual))
    tally = result.Tally(nodes)
    pairs = legs.Legs(tally.names, [plan.Leg("node-1", "node-2", family)])
    pod, node = ("fd00:244:{}::2", "fd00:56::1{}") if dual else ("10.244.{}.2", "192.168.56.1{}")
    if fault == "tunnel-blocked":
        meant = Packet((tunnels.tunnel(backend, family).capture,), (node.format(1), node.format(2)))
    else:
        meant = Packet((f"tcp port {PEER_PORT}",), (pod.format(1), pod.format(2)))
    found = captures(diagnosis_case.made(diagnosis.Evidence(nodes, tally), fault, "likely", ["node-1"], pairs))
    assert found
    for ends in (meant.ends, meant.ends[::-1]):
        assert all(Packet(meant.kinds, ends).shown_by(capture) for capture in found), found
    strangers = Packet(meant.kinds, ("203.0.113.1", "203.0.113.2"))
    assert not any(strangers.shown_by(capture) for capture in found)


# a limit of both families, by the one name
SHARED = "net.ipv4.icmp_msgs_per_sec"
OF_IPV4 = r"\biptables\b|net\.ipv4|\bip (route|neigh|rule)\b|table ip |proxy_arp|of icmp\b|-call-iptables"
OF_IPV6 = r"ip6tables|net\.ipv6|\bip -6\b|table ip6 |proxy_ndp|of icmpv6\b"


@pytest.mark.parametrize("backend", ["vxlan", "host-gw"])
@pytest.mark.parametrize("fault", faults.FAULTS)
def test_commands_are_those_of_the_family_in_which_the_fault_is(fault, backend):
    nodes = topology.parse_nodes(cluster(backend, dual=True))
    tally = result.Tally(nodes)
    evidence = diagnosis.Evidence(nodes, tally)
    told = {
        family: " ".join(
            diagnosis_case.made(
                evidence, fault, "likely", ["node-1"], legs.Legs(tally.names, [plan.Leg("node-1", "node-2", family)])
            ).confirm
        ).replace(SHARED, "")
        for family in topology.FAMILIES
    }
    assert not re.search(OF_IPV6, told["ipv4"]), told
    assert not re.search(OF_IPV4, told["ipv6"]), told
    assert bool(re.search(OF_IPV4, told["ipv4"])) == bool(re.search(OF_IPV6, told["ipv6"]))


def test_the_limits_of_icmp_errors_are_those_of_the_family():
    nodes = topology.parse_nodes(cluster("vxlan", dual=True))
    tally = result.Tally(nodes)
    pairs = legs.Legs(tally.names, [plan.Leg("node-1", "node-2", "ipv6")])
    found = diagnosis_case.made(diagnosis.Evidence(nodes, tally), "errors-filter", "likely", ["node-1"], pairs)
    assert f"sysctl net.ipv6.icmp.ratelimit net.ipv6.icmp.ratemask {SHARED}   # on node-1" in found.confirm


def test_where_ipv6_alone_was_tried_services_are_looked_for_there():
    nodes = topology.parse_nodes(cluster("vxlan", dual=True))
    tally = result.Tally(nodes, crossing=Counter({("node-1", "ipv6"): 2, ("node-2", "ipv6"): 2}))
    found = diagnosis_case.made(diagnosis.Evidence(nodes, tally), "services-dead", "likely", ["node-1"])
    assert found.confirm[1].startswith("nft list table ip6 kube-proxy || ip6tables -t nat -S KUBE-SERVICES")


def test_a_backend_without_a_tunnel_is_not_told_of_its_device():
    nodes = topology.parse_nodes(cluster("host-gw"))
    tally = result.Tally(nodes)
    pairs = legs.Legs(tally.names, [plan.Leg("node-1", "node-2")])
    found = diagnosis_case.made(diagnosis.Evidence(nodes, tally), "neighbour-missing", "certain", ["node-1"], pairs)
    assert "flannel" not in found.confirm[0]


def test_a_long_list_of_pairs_is_cut_and_counted():
    many = legs.Legs(legs.Names(), (plan.Leg(str(number), "x") for number in range(50)))
    told = diagnosis.Diagnosis("loss", "", "likely", (), many).as_dict()
    assert (len(told["pairs"]), told["pairs_total"]) == (20, 50)
    assert told["pairs"][0] == "0 -> x (ipv4)"
