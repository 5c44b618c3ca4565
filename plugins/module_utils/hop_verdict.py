# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One trace against one expected path: what the hops show, by a rule with a short name, and a sentence for it.

Pure. A pass rests on the identity of every hop, never on their number. A lost probe is not a broken path, so a silent
hop on a path that arrives leaves it inconclusive; a path that does not arrive is a fail. Who is at fault is the task of
the diagnosis, which sees all pairs; here stands what one trace alone can say.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.podpath.kubeadm.plugins.module_utils.faults import BY_FAMILY
from ansible_collections.podpath.kubeadm.plugins.module_utils.judgement import FAIL, INCONCLUSIVE, PASS, Judgement
from ansible_collections.podpath.kubeadm.plugins.module_utils.paths import NODE, OVERLAYS, SILENT, Expectation
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import IPV4, Node, Side
from ansible_collections.podpath.kubeadm.plugins.module_utils.trace import Hop, Trace

# A filter said no: administratively prohibited, in both dialects' words.
PROHIBITED = ("!A", "!X", "!<9>", "!<10>", "!<13>")
UNREACHABLE = ("!H", "!<7>")

_AS_EXPECTED = Judgement(PASS, "Every hop is the expected one.", "as-expected")
_BRIDGED = Judgement(PASS, "The pod answers at the first hop: bridged on the node.", "bridged")


@dataclass(frozen=True, slots=True)
class Case:
    """A trace with what it is judged by."""

    source: Node
    destination: Node
    family: str
    expectation: Expectation
    trace: Trace

    @property
    def pod(self) -> str:
        return self.expectation.hops[-1].addresses[0]

    @property
    def near(self) -> Side:
        return self.source.side(self.family)

    @property
    def far(self) -> Side:
        return self.destination.side(self.family)


def listed_addresses(addresses: Sequence[str]) -> str:
    return " and ".join(addresses) if addresses else "nobody"


def _fail(rule: str, reason: str) -> Judgement:
    return Judgement(FAIL, reason, rule)


def _first_wrong(case: Case) -> tuple[int, str] | None:
    """TTL and address of the first responder that does not belong where it answered."""
    for hop, expected in zip(case.trace.hops, case.expectation.hops, strict=False):
        for reply in hop.replies:
            if reply.address and reply.address not in expected.addresses:
                return hop.ttl, reply.address
    return None


def _has(notes: Sequence[str], wanted: Sequence[str]) -> bool:
    return any(note in wanted for note in notes)


# who answers at a hop
_SOURCE, _DESTINATION, _ROUTER, _STRANGER = "source", "destination", "router", "stranger"


def _belongs(hop: Hop, side: Side) -> bool:
    """Whether a node answers at a hop, or one of its pods."""
    if set(hop.addresses) & set(side.known):
        return True
    network = ipaddress.ip_network(side.pod_cidr) if side.pod_cidr else ()
    return any(ipaddress.ip_address(address) in network for address in hop.addresses)


def _teller(case: Case, hop: Hop) -> str:
    """Whose a hop is: an end's, that of a router which a stated path names, or of somebody who belongs to no path.

    Behind an answer of the destination's everybody is taken for it, as a node may have addresses that its Node object
    does not name. So may the ends of a stated path: what it names first is the source's, what stands before the pod the
    destination's.
    """
    if case.source.name == case.destination.name or _belongs(hop, case.near):
        return _SOURCE
    if any(case.pod in earlier.addresses or _belongs(earlier, case.far) for earlier in case.trace.hops[: hop.ttl]):
        return _DESTINATION
    hops = case.expectation.hops
    if hop.ttl > len(hops) or not set(hop.addresses) & set(hops[hop.ttl - 1].addresses):
        return _STRANGER
    if hop.ttl == 1:
        return _SOURCE
    return _DESTINATION if hop.ttl >= len(hops) - 1 else _ROUTER


def _refused_between(case: Case, hop: Hop, told: str, teller: str) -> Judgement | None:
    """What a machine between the nodes says no to."""
    said = f"{told}: {listed_addresses(hop.addresses)}"
    notes = f" ({', '.join(hop.notes)})" if hop.notes else ""
    source, destination, cidr = case.source.name, case.destination.name, case.far.pod_cidr
    if teller == _ROUTER:
        return _fail(
            "router-refuses",
            f"{said}, a router between {source} and {destination}, refuses it{notes}; look at its routes and filters "
            f"for {cidr}.",
        )
    if hop.ttl == 1:
        return None  # that somebody else is the pod's first router is the graver
    return _fail(
        "refused-astray",
        f"{said}, which is neither {source} nor {destination}, refuses it{notes}, so {source} sends it elsewhere, as "
        f"by its default route; look at its route to {cidr}.",
    )


def _refusal(case: Case, hop: Hop, told: str) -> Judgement | None:
    """What an annotation at a hop says, by who says it."""
    notes = hop.notes
    if "!N" not in notes and not _has(notes, UNREACHABLE + PROHIBITED):
        return None
    teller = _teller(case, hop)
    if teller in (_ROUTER, _STRANGER):
        return _refused_between(case, hop, told, teller)
    here = teller == _SOURCE
    who = case.source.name if here else case.destination.name
    if "!N" in notes and not here:
        return _fail(
            "no-own-route",
            f"{told}: node {who} has no route to its own pods (!N); look at cni0 there and at its route to "
            f"{case.far.pod_cidr}.",
        )
    if "!N" in notes:
        return _fail(
            "no-route", f"{told}: node {who} has no route to it (!N); look at its route to {case.far.pod_cidr}."
        )
    if _has(notes, UNREACHABLE):
        if here and case.source.name != case.destination.name:
            return _fail(
                "no-neighbour",
                f"{told}: node {who} cannot resolve the next hop (!H); look at its neighbour entries.",
            )
        rule = "own-pod-gone" if case.source.name == case.destination.name else "pod-gone"
        return _fail(
            rule,
            f"{told}: {listed_addresses(hop.addresses)} finds nobody there (!H); the pod is gone or its cni0 port is.",
        )
    return _fail(
        "prohibited",
        f"{told}: {listed_addresses(hop.addresses)} on {who} says that a firewall forbids it ({', '.join(notes)}).",
    )


def _wrong_on_node(case: Case, told: str, address: str, hop: Hop) -> Judgement:
    reached = any(case.pod in other.addresses for other in case.trace.hops)
    if case.source.backend is None and not reached and not hop.notes:
        # without Flannel nobody knows who belongs there, but a pod of the same node is to be reached
        return _fail(
            "nothing-on-node",
            f"Pod {case.pod} on {case.source.name} was never reached, and hop {hop.ttl} is {address}: a filter between "
            "pods on this node, or what connects them there is down.",
        )
    if address != case.near.bridge_ip:
        return _fail("strange-hop", f"{told}: another path than the bridge of node {case.source.name} was taken.")
    if hop.notes:
        return _fail(
            "own-pod-gone",
            f"{told}: node {case.source.name} refuses the packet ({', '.join(hop.notes)}); is the peer pod gone?",
        )
    return _fail(
        "routed-on-node", f"{told}: the packet was routed on node {case.source.name} instead of bridged by cni0."
    )


def _wrong_second(case: Case, told: str, address: str) -> Judgement:
    source, destination = case.source, case.destination
    role = case.expectation.hops[1].role
    if role in OVERLAYS.values() and address in case.far.internal_ips:
        return _fail(
            "direct-not-overlay",
            f"{told}: node {destination.name} answers by another interface. This is what {source.backend} with "
            "DirectRouting looks like, which the Node objects do not tell, or its route to "
            f"{case.near.pod_cidr} leads past the tunnel.",
        )
    if role == NODE and address == case.far.overlay_ip:
        extra = "so the packets go by vxlan although the annotations say host-gw."
        if source.backend in OVERLAYS:
            extra = (
                "so Flannel's DirectRouting does not find the nodes on one link; where a router is between them, name "
                "each link in cluster_networks (node_address_cidr of a host)."
            )
        return _fail(
            "overlay-not-direct",
            f"{told}: node {destination.name} answers by another interface. This is "
            f"{OVERLAYS.get(source.backend or '', 'flannel.1')}, {extra}",
        )
    reached = any(case.pod in hop.addresses for hop in case.trace.hops)
    if not reached and address not in case.far.known:
        return _fail(
            "astray",
            f"{told}, which is no known address of either node, and nothing reached the pod: node {source.name} sends "
            f"it elsewhere, as by its default route, or {destination.name} answers by another interface; look first at "
            f"{source.name}'s route to {case.far.pod_cidr}.",
        )
    return _fail(
        "wrong-way-back",
        f"{told}: node {destination.name} answers by another interface; look at its route to {case.near.pod_cidr}.",
    )


def _wrong(case: Case, ttl: int, address: str) -> Judgement:
    """A responder that does not belong where it answered."""
    hops, destination = case.expectation.hops, case.destination
    hop = case.trace.hops[ttl - 1]
    wanted = hops[ttl - 1]
    told = f"Hop {ttl} is {address}, expected {wanted.role} {listed_addresses(wanted.addresses)}"
    if case.source.name == destination.name and not case.expectation.stated:
        return _wrong_on_node(case, told, address, hop)
    if address == case.pod:
        return _fail(
            "too-early", f"{told}: the pod answers too early, so a hop is missing on the way to {destination.name}."
        )
    refusal = _refusal(case, hop, f"{told}, and pod {case.pod} on {destination.name} was never reached")
    if refusal is not None:
        return refusal
    if ttl == 1:
        return _fail(
            "wrong-first-hop",
            f"{told}: the first router is not cni0 of {case.source.name}; look at the CNI configuration and at the "
            "default route of pods on this node.",
        )
    if address == case.near.bridge_ip:
        return _fail(
            "loop",
            f"{told}: the packet comes back to {case.source.name}, a loop. Two nodes with one Flannel public-ip do "
            f"this; look at {case.source.name}'s route to {case.far.pod_cidr} and at the annotations of both nodes.",
        )
    later = next((other.ttl for other in case.trace.hops[ttl:] if set(other.addresses) & set(wanted.addresses)), None)
    if later is not None:
        return _fail(
            "strange-hop",
            f"{told}, which answers at hop {later} only: another machine is passed before {destination.name}; look at "
            f"the route of {case.source.name} to {case.far.pod_cidr}.",
        )
    if ttl == 2 and len(hops) == 3 and wanted.role != SILENT and not case.expectation.stated:
        return _wrong_second(case, told, address)
    if address == case.far.overlay_ip or address in case.far.internal_ips:
        return _fail(
            "rejected",
            f"{told}: node {destination.name} itself answers and the pod was never reached; a REJECT rule or a "
            "network policy there, or the pod is gone.",
        )
    return _fail("strange-hop", f"{told}: a hop that does not belong to this path.")


def _dead(case: Case) -> Judgement:
    """Why the pod was never reached, when every address that was seen is right."""
    source, destination, trace = case.source.name, case.destination.name, case.trace
    told = f"Pod {case.pod} on {destination} was never reached"
    for hop in trace.hops:
        refusal = _refusal(case, hop, told) if hop.notes else None
        if refusal is not None:
            return refusal
    answered = [hop.ttl for hop in trace.hops if hop.addresses]
    visible = [number for number, hop in enumerate(case.expectation.hops[:-1], 1) if hop.role != SILENT]
    if source == destination:
        return _fail(
            "nothing-on-node",
            f"{told}: nothing answered at all; a filter between pods on this node, or cni0 is down.",
        )
    if not answered:
        return _fail(
            "nothing-answers",
            f"{told}: nothing answered at all, not even cni0 of {source}; look at "
            f"{BY_FAMILY[case.family]['forwarding']} and at the filters of this node.",
        )
    if len(trace.hops) < trace.max_ttl and trace.hops[-1].addresses:
        # a traceroute ends before its highest TTL only where somebody said: port unreachable
        teller = _teller(case, trace.hops[-1])
        if teller == _ROUTER and (refusal := _refused_between(case, trace.hops[-1], told, teller)):
            return refusal
        who = source if teller == _SOURCE else destination
        return _fail(
            "rejected",
            f"{told}: {listed_addresses(trace.hops[-1].addresses)} on {who} rejects the packet in the pod's stead; a "
            "REJECT rule or a network policy there.",
        )
    if max(answered) == 1 and len(visible) > 1:
        role = case.expectation.hops[1].role
        how = "the cluster interface, filters between the nodes"
        if role == OVERLAYS["vxlan"]:
            how = "UDP 8472 (or Port of net-conf.json) between the nodes, FDB and neighbour entries of Flannel's device"
        elif role in OVERLAYS.values() or role == SILENT:
            how = f"Flannel's tunnel ({case.source.backend}) between the nodes"
        return _fail(
            "silent-after-source",
            f"{told}: nothing came back after hop 1, so the packets are lost between {source} and {destination} on the "
            f"way there or back; look at {how}, and at {BY_FAMILY[case.family]['forwarding']} on {destination}.",
        )
    last = trace.hops[max(answered) - 1]
    if _teller(case, last) == _ROUTER:
        return _fail(
            "silent-after-router",
            f"{told}: nothing came back after hop {last.ttl}, {listed_addresses(last.addresses)}, a router between "
            f"{source} and {destination}; look at its routes and filters for {case.far.pod_cidr} and for "
            f"{case.near.pod_cidr}, and at the filters of {destination}.",
        )
    return _fail(
        "silent-after-destination",
        f"{told}: {destination} answers at hop {max(answered)}, the pod does not; a filter (network policy, FORWARD "
        f"DROP) on {destination}, or the pod is gone.",
    )


def _said_no(case: Case) -> Judgement | None:
    """A path that arrives although somebody on it, or in the pod's name, refused a probe of it."""
    for hop in case.trace.hops:
        if hop.notes:
            told = (
                f"Hop {hop.ttl}, {listed_addresses(hop.addresses)}, refuses probes for pod {case.pod} on "
                f"{case.destination.name} ({', '.join(hop.notes)})"
            )
            return _refusal(case, hop, told) or Judgement(INCONCLUSIVE, f"{told}.", "refused")
    return None


def _is_as_expected(case: Case) -> bool:
    """The fast answer for the many healthy pairs: at every hop somebody answered, nobody else than expected, and
    nobody said no."""
    hops, expected = case.trace.hops, case.expectation.hops
    if len(hops) != len(expected):
        return False
    for hop, wanted in zip(hops, expected, strict=True):
        known = False
        for reply in hop.replies:
            if reply.address is not None:
                if reply.address not in wanted.addresses or reply.note:
                    return False
                known = True
        if not known:
            return False
    return True


def judge_trace(
    source: Node, destination: Node, expectation: Expectation, trace: Trace, family: str = IPV4
) -> Judgement:
    """One trace against one expectation, whose last hop must have exactly one address."""
    case = Case(source, destination, family, expectation, trace)
    pod = case.pod
    if trace.target != pod:
        return Judgement(
            INCONCLUSIVE, f"The trace goes to {trace.target}, the pod is {pod}: it proves nothing.", "other-target"
        )
    if _is_as_expected(case):
        return _BRIDGED if len(expectation.hops) == 1 else _AS_EXPECTED
    reached = next((hop.ttl for hop in trace.hops if pod in hop.addresses), None)
    if reached is not None and any(hop.many for hop in expectation.hops):
        expectation = expectation.fitted(reached)
        case = Case(source, destination, family, expectation, trace)
    hops = expectation.hops
    wrong = _first_wrong(case)
    if wrong is not None:
        return _wrong(case, *wrong)
    if reached is None:
        stranger = next((hop for hop in trace.hops[len(hops) :] if hop.addresses and not hop.notes), None)
        if stranger is not None:
            return _fail(
                "detour",
                f"Hop {stranger.ttl} is {listed_addresses(stranger.addresses)}, but the path should have ended at hop "
                f"{len(hops)} with pod {pod}: a detour on the way to {destination.name}.",
            )
        return _dead(case)
    between = [hop for hop in trace.hops[len(hops) : reached - 1] if hop.addresses]
    if between:
        return _fail(
            "detour",
            f"The pod answers at hop {reached} after {listed_addresses(between[0].addresses)}, expected at hop "
            f"{len(hops)}: a detour.",
        )
    if reached > len(hops):
        return Judgement(
            INCONCLUSIVE,
            f"The pod answers at hop {reached}, expected at hop {len(hops)}, and hop {len(hops)} is silent: either its "
            "probes were lost or there is one hop too many.",
            "late",
        )
    refusal = _said_no(case)
    if refusal is not None:
        return refusal
    silent = [
        hop.ttl
        for hop, expected in zip(trace.hops[:reached], hops, strict=False)
        if not hop.addresses and expected.role != SILENT
    ]
    if silent:
        return Judgement(
            INCONCLUSIVE,
            f"The pod was reached, but hop {' and '.join(str(ttl) for ttl in silent)} is silent, so nobody knows who "
            "forwards there.",
            "silent-hop",
        )
    return _BRIDGED if len(hops) == 1 else _AS_EXPECTED
