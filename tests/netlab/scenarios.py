# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Worlds, sound and broken, by name, and what the proof has to say of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import faults
from flannel import IPV4, IPV6
from programs import Tools
from prove import prove
from world import Unsupported, World

from ansible_collections.podpath.kubeadm.plugins.module_utils import plan

C, A, B = "controlplane", "node-1", "node-2"
ALL = (C, A, B)
PASSED = ("pass", "as-expected")
Fault = Callable[[World], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Scenario:
    """``made``: World's arguments; ``pairs``: verdict and rule of the pairs that matter, rules that chance decides
    between joined by "|"; ``fault`` and ``nodes``: the diagnosis that must stand first; ``ahead``: those that may stand
    before it, as packets cannot tell them apart; ``tells``: what its title, commands and cures must name."""

    name: str
    made: Mapping[str, Any] = field(default_factory=dict)
    breaks: Fault = lambda world: nullcontext()
    pairs: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    fault: str = ""
    nodes: Sequence[str] = ()
    ahead: Sequence[str] = ()
    tells: Sequence[str] = ()
    family: str = IPV4
    restricted: bool = False
    request: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Shown:
    """The result of a scenario's proof; or why this kernel cannot carry it."""

    document: dict[str, Any]
    unsupported: str = ""


def show(tools: Tools, scenario: Scenario) -> Shown:
    try:
        with World(tools, **scenario.made) as world, scenario.breaks(world):
            document = prove(world, restricted=scenario.restricted, **scenario.request)
            return Shown(document)
    except Unsupported as error:
        return Shown({}, str(error))


def _incoming(node: str, said: tuple[str, str]) -> dict[tuple[str, str], tuple[str, str]]:
    return {(other, node): said for other in ALL if other != node}


def _outgoing(node: str, said: tuple[str, str]) -> dict[tuple[str, str], tuple[str, str]]:
    return {(node, other): said for other in ALL if other != node}


def _cross(said: tuple[str, str]) -> dict[tuple[str, str], tuple[str, str]]:
    return {(one, other): said for one in ALL for other in ALL if one != other}


@contextmanager
def _no_errors(world: World) -> Iterator[None]:
    with ExitStack() as stack:
        for node in world.hosts:
            stack.enter_context(faults.errors_dropped(world, node))
        yield


SOUND = [
    Scenario("vxlan"),
    Scenario("host-gw", {"backend": "host-gw"}),
    Scenario("direct-routing", {"direct_routing": True}),
    Scenario("direct-routing-two-racks", {"direct_routing": True, "racks": 2}),
    # the hosts' own routes tell who is on one link, not the networks
    Scenario("direct-routing-by-route-tables", {"direct_routing": True, "racks": 2},
             request={"cluster_networks": ["192.168.0.0/16"]}),
    Scenario("wireguard", {"backend": "wireguard"}),
    Scenario("ipip", {"backend": "ipip"}),
    Scenario("udp", {"backend": "udp"}),
    Scenario("dual-stack-vxlan", {"families": (IPV4, IPV6)}),
    Scenario("dual-stack-host-gw", {"families": (IPV4, IPV6), "backend": "host-gw"}),
    Scenario("asked-for-routes", {"families": (IPV4, IPV6)}, request={"underlay": {}, "underlay_probe": True}),
    # never on the hosts' network there
    Scenario("restricted-not-asked", restricted=True, request={"underlay": {}, "underlay_probe": True}),
    Scenario("restricted", {"families": (IPV4, IPV6)}, restricted=True),
    Scenario("restricted-without-ping-sockets", {"families": (IPV4, IPV6), "ping_sockets": False}, restricted=True),
    Scenario("one-node", {"nodes": 1}),
    *(Scenario(f"public-ip-overwrite-{backend}", {"backend": backend}, faults.second_network,
               request={"cluster_networks": ["192.168.56.0/24", "192.168.90.0/24"], "underlay": {},
                        "underlay_probe": True})
      for backend in ("vxlan", "host-gw")),
    # pods of others where a control is traced first
    Scenario("lived-in", {}, lambda world: faults.lived_in(world, (254, 218))),
    Scenario("lived-in-restricted", {}, lambda world: faults.lived_in(world, (254, 218)), restricted=True),
    # so that hops are silent, and answer once the pair is traced again
    Scenario("first-errors-lost", {}, lambda world: faults.first_errors_lost(world, B)),
    Scenario("first-errors-lost-restricted", {}, lambda world: faults.first_errors_lost(world, B), restricted=True),
    # where no router shows itself, as is stated, the TTL of what arrives tells the way
    *(Scenario(name, {}, _no_errors, restricted=restricted,
               request={"expected": [{"hops": ["*", "*", "{destination.pod_ip}"]}]})
      for name, restricted in (("hardened", False), ("hardened-restricted", True))),
]

@contextmanager
def _route_missing_without_default(world: World) -> Iterator[None]:
    with faults.no_default_route(world, A), faults.route_missing(world, A, B):
        yield


@contextmanager
def _vxlan_blocked_at(world: World, *nodes: str) -> Iterator[None]:
    with ExitStack() as stack:
        for node in nodes:
            stack.enter_context(faults.vxlan_blocked(world, node))
        yield


@contextmanager
def _vxlan_blocked_everywhere(world: World) -> Iterator[None]:
    with _vxlan_blocked_at(world, *world.hosts):
        yield


@contextmanager
def _vxlan_blocked_in_ipv6(world: World) -> Iterator[None]:
    with ExitStack() as stack:
        for node in world.hosts:
            stack.enter_context(faults.vxlan_blocked_v6(world, node))
        yield


# a cluster with Windows nodes cannot have Flannel's own numbers
WINDOWS = {"vni": 4096, "port": 4789}
LOST, UNANSWERED = ("fail", "packets-lost"), ("fail", "answers-lost")

BROKEN = [
    # Flannel's addresses
    Scenario("nat-interface", {}, faults.nat_interface, _cross(("fail", "public-ip-not-internal-ip")),
             fault="flannel-address", nodes=ALL),
    Scenario("others-address", {}, lambda world: faults.others_address(world, B, C),
             {(A, B): ("fail", "public-ip-not-internal-ip"), (C, B): ("fail", "public-ip-not-internal-ip"),
              (A, C): PASSED, (C, A): PASSED},
             fault="flannel-address", nodes=(B,)),
    Scenario("wrong-interface", {}, faults.wrong_interface, _cross(("fail", "public-ip-not-internal-ip")),
             fault="flannel-address", nodes=ALL),
    # Routes, neighbours, forwarding entries
    Scenario("route-missing", {}, _route_missing_without_default, {(A, B): ("fail", "no-route"), (B, A): UNANSWERED},
             fault="route-missing", nodes=(A,)),
    Scenario("route-missing-with-default-route", {}, lambda world: faults.route_missing(world, A, B),
             {(A, B): LOST, (B, A): UNANSWERED}, fault="entry-missing", nodes=(A,)),
    Scenario("sent-astray", {}, lambda world: faults.sent_astray(world, A, B),
             {(A, B): ("fail", "sent-astray"), (B, A): UNANSWERED, (A, C): PASSED}, fault="route-missing", nodes=(A,)),
    Scenario("refused-astray", {}, lambda world: faults.sent_astray(world, A, B, refused=True),
             {(A, B): ("fail", "refused-astray"), (B, A): UNANSWERED, (A, C): PASSED}, fault="route-missing",
             nodes=(A,)),
    Scenario("own-route-missing", {}, lambda world: faults.own_route_missing(world, B),
             _incoming(B, ("fail", "no-own-route")), fault="own-route-missing", nodes=(B,)),
    # A kernel looks for a neighbour for about three seconds, and then says !H at once of all packets that waited for
    # it; the limit on ICMP errors lets six of them pass. A traceroute heeds only what comes for the probe that it sent
    # last, a second ago at most: chance decides whether that one is among them. The unprivileged prober waits for all.
    Scenario("neighbour-missing-unprivileged", {}, lambda world: faults.neighbour_missing(world, A, B),
             {(A, B): ("fail", "no-neighbour"), (A, C): PASSED}, fault="neighbour-missing", nodes=(A,),
             restricted=True),
    Scenario("neighbour-missing", {}, lambda world: faults.neighbour_missing(world, A, B),
             {(A, B): ("fail", "no-neighbour|packets-lost")}, fault="neighbour-missing|entry-missing", nodes=(A,)),
    Scenario("forwarding-entry-missing", {}, lambda world: faults.forwarding_entry_missing(world, A, B),
             {(A, B): LOST, (B, A): UNANSWERED}, fault="entry-missing", nodes=(A,)),
    Scenario("source-forwarding-off", {}, lambda world: faults.forwarding_off(world, A),
             {**_outgoing(A, ("fail", "nothing-answers")), **_incoming(A, LOST)}, fault="forwarding-off", nodes=(A,)),
    Scenario("destination-forwarding-off", {}, lambda world: faults.forwarding_off(world, B),
             {**_outgoing(B, ("fail", "nothing-answers")), **_incoming(B, LOST)}, fault="forwarding-off", nodes=(B,)),
    Scenario("routed-by-second-card", {"backend": "host-gw"}, lambda world: faults.routed_by_second_card(world, A, B),
             {(A, B): ("fail", "wrong-way-there"), (B, A): ("fail", "wrong-way-back")},
             fault="other-interface", nodes=(A,)),
    Scenario("forwarding-off-in-ipv6", {"families": (IPV4, IPV6), "backend": "host-gw"},
             lambda world: faults.forwarding_off_v6(world, B),
             {**_outgoing(B, ("fail", "nothing-answers")), **_incoming(B, LOST)}, fault="forwarding-off", nodes=(B,),
             family=IPV6),
    # The nodes' own routes; no hop shows the first, nor a lost packet
    Scenario("underlay-astray", {}, lambda world: faults.underlay_astray(world, A, B),
             {(A, B): ("fail", "underlay-interface"), (B, A): PASSED, (A, C): PASSED}, fault="underlay", nodes=(A,)),
    Scenario("underlay-astray-asked", {}, lambda world: faults.underlay_astray(world, A, B),
             {(A, B): ("fail", "underlay-interface"), (B, A): PASSED, (A, C): PASSED}, fault="underlay", nodes=(A,),
             request={"underlay": {}, "underlay_probe": True}),
    Scenario("underlay-small-asked", {}, lambda world: faults.underlay_small(world, A),
             {**_outgoing(A, ("fail", "underlay-mtu")), (B, C): PASSED}, fault="underlay-mtu", nodes=(A,),
             request={"underlay": {}, "underlay_probe": True}),
    Scenario("underlay-gone-asked", {}, lambda world: faults.underlay_gone(world, A),
             {**_outgoing(A, ("fail", "underlay-missing")), **_incoming(A, UNANSWERED)}, fault="underlay-missing",
             nodes=(A,), request={"underlay": {}, "underlay_probe": True}),
    Scenario("underlay-gone", {}, lambda world: faults.underlay_gone(world, A),
             {**_outgoing(A, ("fail", "underlay-missing")), **_incoming(A, UNANSWERED)}, fault="underlay-missing",
             nodes=(A,)),
    Scenario("underlay-small", {}, lambda world: faults.underlay_small(world, A),
             {**_outgoing(A, ("fail", "underlay-mtu")), (B, C): PASSED}, fault="underlay-mtu", nodes=(A,)),
    Scenario("underlay-small-other-numbers", WINDOWS, lambda world: faults.underlay_small(world, A),
             {**_outgoing(A, ("fail", "underlay-mtu")), (B, C): PASSED}, fault="underlay-mtu", nodes=(A,),
             tells=("flannel.4096",)),
    # Pods
    Scenario("pod-gone", {}, lambda world: faults.pod_gone(world, B),
             {**_incoming(B, ("fail", "silent-after-destination|pod-gone")),
              (B, B): ("fail", "own-pod-gone|nothing-on-node")},
             fault="pod-gone", nodes=(B,)),
    Scenario("same-node-pod-gone", {"nodes": 1}, lambda world: faults.pod_gone(world, C),
             {(C, C): ("fail", "own-pod-gone")}, fault="pod-gone", nodes=(C,)),
    # no fault of a path, so never a fail
    Scenario("peer-evicted", {}, lambda world: faults.pod_evicted(world, B),
             {**_incoming(B, ("inconclusive", "end-gone")), (B, B): ("inconclusive", "end-gone"), (A, C): PASSED},
             fault="pods-lost", nodes=(B,)),
    Scenario("prober-evicted", {}, lambda world: faults.pod_evicted(world, B, "prober"),
             {**_incoming(B, ("inconclusive", "end-gone")), **_outgoing(B, ("inconclusive", "end-gone"))},
             fault="pods-lost", nodes=(B,)),
    # Filters
    Scenario("vxlan-blocked-at-a-node", {}, lambda world: faults.vxlan_blocked(world, B),
             {**_incoming(B, LOST), **_outgoing(B, UNANSWERED)}, fault="tunnel-blocked", nodes=(B,)),
    Scenario("vxlan-blocked-other-numbers", WINDOWS, lambda world: faults.vxlan_blocked(world, B),
             {**_incoming(B, LOST), **_outgoing(B, UNANSWERED)}, fault="tunnel-blocked", nodes=(B,),
             tells=("UDP port 4789 is", "udp port 4789", "Allow UDP port 4789")),
    # the first of two; that the other one is named, too, has a test of its own
    Scenario("vxlan-blocked-at-two-nodes", {"nodes": 4}, lambda world: _vxlan_blocked_at(world, A, B),
             {(C, A): LOST, (C, B): LOST, (B, C): UNANSWERED, (A, B): LOST, (C, "node-3"): PASSED},
             fault="tunnel-blocked", nodes=(A,)),
    Scenario("vxlan-blocked-one-way", {}, lambda world: faults.vxlan_blocked(world, B, A),
             {(A, B): LOST, (B, A): UNANSWERED}, fault="tunnel-blocked", nodes=(A,),
             ahead=("entry-missing", "route-missing")),
    Scenario("vxlan-blocked-everywhere", {}, _vxlan_blocked_everywhere, _cross(LOST), fault="tunnel-blocked",
             nodes=ALL),
    Scenario("vxlan-blocked-of-two", {"nodes": 2}, _vxlan_blocked_everywhere, {(C, A): LOST, (A, C): LOST},
             fault="tunnel-blocked", nodes=(C, A)),
    Scenario("vxlan-blocked-in-ipv6", {"families": (IPV4, IPV6)}, _vxlan_blocked_in_ipv6, _cross(LOST),
             fault="tunnel-blocked", nodes=ALL, family=IPV6, tells=("between all nodes in IPv6",)),
    Scenario("vxlan-blocked-at-a-node-in-ipv6", {"families": (IPV4, IPV6)},
             lambda world: faults.vxlan_blocked_v6(world, B), {**_incoming(B, LOST), **_outgoing(B, UNANSWERED)},
             fault="tunnel-blocked", nodes=(B,), family=IPV6),
    # all others were tried with it alone, so all that was tried is dead
    Scenario("vxlan-blocked-at-a-new-node", {}, lambda world: faults.vxlan_blocked(world, B),
             {**_incoming(B, LOST), **_outgoing(B, UNANSWERED)}, fault="tunnel-blocked", nodes=(B,),
             request={"wanted": plan.Wanted(name="node", node=B)}),
    Scenario("racks-apart", {"direct_routing": True, "racks": 2}, faults.racks_apart,
             {(C, B): PASSED, (B, C): PASSED, **_incoming(A, LOST), **_outgoing(A, LOST)}, fault="tunnel-blocked",
             nodes=(A,)),
    Scenario("forward-dropped", {}, lambda world: faults.forward_dropped(world, B),
             {**_incoming(B, ("fail", "silent-after-destination")), **_outgoing(B, UNANSWERED),
              (B, B): ("pass", "bridged")},
             fault="filter-drops", nodes=(B,)),
    Scenario("forward-rejected", {}, lambda world: faults.forward_rejected(world, B),
             _incoming(B, ("fail", "rejected")), fault="filter-rejects", nodes=(B,)),
    Scenario("forward-prohibited", {}, lambda world: faults.forward_prohibited(world, B),
             _incoming(B, ("fail", "prohibited")), fault="filter-rejects", nodes=(B,)),
    Scenario("tcp-dropped", {}, lambda world: faults.tcp_dropped(world, B),
             {**_incoming(B, ("fail", "tcp-failed")), (B, A): PASSED}, fault="tcp-filter", nodes=(B,)),
    *(Scenario(f"tcp-answers-dropped{name}", {}, lambda world: faults.tcp_answers_dropped(world, B),
               {**_incoming(B, ("fail", "tcp-answers-lost")), (B, A): PASSED}, fault="tcp-answers-filter", nodes=(B,),
               restricted=restricted)
      for name, restricted in (("", False), ("-restricted", True))),
    # no fault of a path, so never a fail
    *(Scenario(f"peer-stalled{name}", {}, lambda world: faults.peer_stalled(world, B),
               {**_incoming(B, ("inconclusive", "tcp-late")), (B, B): ("inconclusive", "tcp-late"), (B, A): PASSED},
               fault="tcp-late", nodes=(B,), restricted=restricted)
      for name, restricted in (("", False), ("-restricted", True))),
    # the unprivileged prober's trace is of ICMP, so that all its hops are right
    Scenario("datagrams-dropped", {}, lambda world: faults.datagrams_dropped(world, B),
             {**_incoming(B, ("inconclusive", "datagrams-lost")), (B, A): PASSED}, fault="udp-filter", nodes=(B,),
             restricted=True),
    Scenario("datagrams-refused", {}, lambda world: faults.datagrams_refused(world, B),
             {**_incoming(B, ("inconclusive", "datagrams-refused")), (B, A): PASSED}, fault="udp-filter", nodes=(B,),
             restricted=True),
    Scenario("echoes-dropped", {}, lambda world: faults.echoes_dropped(world, B),
             {**_incoming(B, ("inconclusive", "echoes-filtered")), (B, A): PASSED, (B, B): ("pass", "bridged")},
             fault="echo-filter", nodes=(B,)),
    # of which the unprivileged prober's trace is, too
    Scenario("echoes-dropped-unprivileged", {}, lambda world: faults.echoes_dropped(world, B),
             {**_incoming(B, ("inconclusive", "trace-filtered")), (B, A): PASSED, (B, B): ("pass", "bridged")},
             fault="probe-filter", nodes=(B,), restricted=True, tells=("the trace's ICMP probes", "let ICMP echo")),
    # and where it cannot be, what takes datagrams takes the trace
    Scenario("datagrams-dropped-without-ping-sockets", {"ping_sockets": False},
             lambda world: faults.datagrams_dropped(world, B),
             {**_incoming(B, ("inconclusive", "trace-filtered")), (B, B): ("pass", "bridged")},
             fault="probe-filter", nodes=(B,), restricted=True, tells=("the trace's UDP probes", "UDP ports")),
    # not even the source's own hop shows, and yet it forwards all else
    Scenario("probes-dropped-at-the-source", {}, lambda world: faults.probes_dropped(world, B),
             {**_outgoing(B, ("inconclusive", "trace-filtered")), **_incoming(B, ("inconclusive", "one-way")),
              (A, C): PASSED}, fault="probe-filter", nodes=(B,), tells=("the trace's UDP probes", "let UDP ports")),
    # each trace past the node lacks its hop, which the kernel's limit alone does not do
    Scenario("errors-dropped", {}, lambda world: faults.errors_dropped(world, B),
             {**_incoming(B, ("inconclusive", "silent-hop")), **_outgoing(B, ("inconclusive", "silent-hop")),
              (A, C): PASSED, (B, B): ("pass", "bridged")},
             fault="errors-filter", nodes=(B,)),
    Scenario("errors-dropped-unprivileged", {}, lambda world: faults.errors_dropped(world, B),
             {**_incoming(B, ("inconclusive", "silent-hop")), **_outgoing(B, ("inconclusive", "silent-hop")),
              (A, C): PASSED}, fault="errors-filter", nodes=(B,), restricted=True),
    # node-2 sends by the right card; the TTL of what comes back to it is a witness of its own
    Scenario("detour", {"backend": "host-gw"}, lambda world: faults.detour(world, A, B, C),
             {(A, B): ("fail", "strange-hop"), (B, A): ("fail", "reply-ttl"), (A, C): PASSED}, fault="detour",
             nodes=(A,)),
    # What no hop shows
    Scenario("mtu-hole", {}, lambda world: faults.mtu_hole(world, B),
             {**_incoming(B, ("fail", "mtu-hole")), **_outgoing(B, ("fail", "mtu-hole")), (C, A): PASSED},
             fault="mtu", nodes=(B,)),
    Scenario("mtu-hole-of-two", {"nodes": 2}, lambda world: faults.mtu_hole(world, A),
             {(C, A): ("fail", "mtu-hole"), (A, C): ("fail", "mtu-hole")}, fault="mtu", nodes=(C, A),
             tells=(f"Large packets between {C} and {A} are lost",)),
    Scenario("large-lost", {}, lambda world: faults.large_lost(world, B),
             {**_incoming(B, ("inconclusive", "full-size-loss")), **_outgoing(B, ("inconclusive", "full-size-loss")),
              (C, A): PASSED}, fault="loss", nodes=(B,)),
    Scenario("masqueraded", {}, lambda world: faults.masqueraded(world, A),
             {**_outgoing(A, ("fail", "snat")), (B, A): PASSED}, fault="masquerade", nodes=(A,)),
    Scenario("masqueraded-tcp", {}, lambda world: faults.masqueraded(world, A, "tcp"),
             {**_outgoing(A, ("fail", "snat")), (B, A): PASSED}, fault="masquerade", nodes=(A,), restricted=True),
    Scenario("no-services", {}, faults.no_service_proxy, _cross(PASSED), fault="services-dead", nodes=ALL),
    # What is no fault of a path: never a fail
    Scenario("small-mtu-told", {"backend": "host-gw"}, faults.small_mtu_told, _cross(PASSED)),
    Scenario("answers-limited", {}, lambda world: faults.answers_limited(world, B), fault="answers-limited",
             nodes=(B,)),
    Scenario("lossy", {}, lambda world: faults.lossy(world, B, 50), {}, fault="loss", nodes=(B,)),
]
