# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seen against expected: pass, fail or inconclusive for a pair, and a sentence that says why.

Pure. A pass rests on the identity of every hop, never on their number. A lost probe is not a broken path, so a silent
hop on a path that arrives leaves it inconclusive; a path that does not arrive is a fail.

Hop 2 across nodes is the destination's choice: it is the address by which the destination answers, so it shows the
way *back*. Hence a pair passes only when the opposite pair shows its hop 2 as well, and a wrong hop 2 is blamed on the
other end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Pair
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import Expectation, Finding, Node
from ansible_collections.podpath.kubeadm.plugins.module_utils.trace import Hop, Trace

PASS = "pass"
FAIL = "fail"
INCONCLUSIVE = "inconclusive"

RIGHT = "right"
WRONG = "wrong"
UNSEEN = "unseen"


@dataclass(frozen=True)
class Judgement:
    """A verdict (pass, fail, inconclusive) and the sentence for it."""

    verdict: str
    reason: str


@dataclass(frozen=True)
class Attempt:
    """What is known of one pair. ``problem`` says why nothing was seen; then ``trace`` is None."""

    expectation: Expectation | None
    trace: Trace | None
    problem: str = ""


def _listed(addresses: Sequence[str]) -> str:
    return " and ".join(addresses) if addresses else "nobody"


def _first_wrong(expectation: Expectation, trace: Trace) -> tuple[int, str] | None:
    """TTL and address of the first responder that does not belong where it answered."""
    for hop in trace.hops[: len(expectation.hops)]:
        for address in hop.addresses:
            if address not in expectation.hops[hop.ttl - 1].addresses:
                return hop.ttl, address
    return None


def _describe_wrong(ttl: int, address: str, expectation: Expectation, trace: Trace, ends: tuple[Node, Node]) -> str:
    source, destination = ends
    hops = expectation.hops
    pod = hops[-1].addresses[0]
    wanted = f"{hops[ttl - 1].role} {_listed(hops[ttl - 1].addresses)}"
    told = f"Hop {ttl} is {address}, expected {wanted}"
    hop = trace.hop(ttl)
    notes = hop.notes if hop else ()
    if len(hops) == 1:
        if address == source.bridge_ip:
            if notes:
                return f"{told}: node {source.name} refuses the packet ({', '.join(notes)}); is the peer pod gone?"
            return f"{told}: the packet was routed on node {source.name} instead of bridged by cni0."
        return f"{told}: another path than the bridge of node {source.name} was taken."
    if address == pod:
        return f"{told}: the pod answers too early, so a hop is missing on the way to {destination.name}."
    if ttl == 1:
        return (
            f"{told}: the first router is not cni0 of {source.name}; look at the CNI configuration and at the default "
            "route of pods on this node."
        )
    if address == source.bridge_ip:
        return (
            f"{told}: the packet comes back to {source.name}, a loop. Two nodes with one Flannel public-ip do this; "
            f"look at {source.name}'s route to {destination.pod_cidr} and at the annotations of both nodes."
        )
    if ttl == 2:
        extra = ""
        if expectation.hops[1].role == "flannel.1" and address in destination.internal_ips:
            extra = " This is what vxlan with DirectRouting looks like, which the Node objects do not tell."
        elif expectation.hops[1].role == "node" and address == destination.overlay_ip:
            extra = " This is flannel.1, so the packets go by vxlan although the annotations say host-gw."
            if source.backend == "vxlan":
                extra = (
                    " This is flannel.1, so Flannel's DirectRouting does not find the nodes on one link; where a "
                    "router is between them, name each link in cluster_networks (node_address_cidr of a host)."
                )
        return (
            f"{told}: node {destination.name} answers by another interface; look at its route to {source.pod_cidr}."
            f"{extra}"
        )
    if address == destination.overlay_ip or address in destination.internal_ips:
        said = f" ({', '.join(notes)})" if notes else ""
        return (
            f"{told}: node {destination.name} itself answers{said} and the pod was never reached; a REJECT rule or a "
            "network policy there, or the pod is gone."
        )
    return f"{told}: a hop that does not belong to this path."


def _noted(hops: Sequence[Hop], letter: str) -> Hop | None:
    return next((hop for hop in hops if f"!{letter}" in hop.notes), None)


def _describe_dead(expectation: Expectation, trace: Trace, ends: tuple[Node, Node]) -> str:
    """Why the pod was never reached, when every address that was seen is right. Signatures are named where cheap."""
    source, destination = ends
    pod = expectation.hops[-1].addresses[0]
    told = f"Pod {pod} on {destination.name} was never reached"
    unreachable = _noted(trace.hops, "H")
    if _noted(trace.hops, "N"):
        return f"{told}: node {source.name} has no route to it (!N); look at its route to {destination.pod_cidr}."
    if unreachable and unreachable.addresses and unreachable.addresses[0] == source.bridge_ip:
        return f"{told}: node {source.name} cannot resolve the next hop (!H); look at its neighbour entries."
    if unreachable:
        return f"{told}: {_listed(unreachable.addresses)} finds nobody there (!H); the pod is gone or its cni0 port is."
    if _noted(trace.hops, "A") or _noted(trace.hops, "X"):
        return f"{told}: a firewall on the way forbids it (!A)."
    answered = [hop.ttl for hop in trace.hops if hop.addresses]
    if len(expectation.hops) == 1:
        return f"{told}: nothing answered at all; a filter between pods on this node, or cni0 is down."
    if not answered:
        return (
            f"{told}: nothing answered at all, not even cni0 of {source.name}; look at net.ipv4.ip_forward and at the "
            "filters of this node."
        )
    if max(answered) == 1:
        if expectation.hops[1].role == "flannel.1":
            how = "UDP 8472 between the nodes, FDB and neighbour entries of flannel.1"
        else:
            how = "the cluster interface, filters between the nodes"
        return (
            f"{told}: nothing came back after hop 1, so the packets are lost between {source.name} and "
            f"{destination.name} on the way there or back; look at {how}, and at net.ipv4.ip_forward on "
            f"{destination.name}."
        )
    return (
        f"{told}: {destination.name} answers at hop {max(answered)}, the pod does not; a filter (network policy, "
        f"FORWARD DROP) on {destination.name}, or the pod is gone."
    )


def judge_trace(source: Node, destination: Node, expectation: Expectation, trace: Trace) -> Judgement:
    """One trace against one expectation, whose last hop must have exactly one address."""
    hops = expectation.hops
    pod = hops[-1].addresses[0]
    ends = (source, destination)
    if trace.target != pod:
        return Judgement(INCONCLUSIVE, f"The trace goes to {trace.target}, the pod is {pod}: it proves nothing.")
    wrong = _first_wrong(expectation, trace)
    if wrong is not None:
        return Judgement(FAIL, _describe_wrong(*wrong, expectation, trace, ends))
    reached = next((hop.ttl for hop in trace.hops if pod in hop.addresses), None)
    if reached is None:
        stranger = next((hop for hop in trace.hops[len(hops) :] if hop.addresses and not hop.notes), None)
        if stranger is not None:
            return Judgement(
                FAIL,
                f"Hop {stranger.ttl} is {_listed(stranger.addresses)}, but the path should have ended at hop "
                f"{len(hops)} with pod {pod}: a detour on the way to {destination.name}.",
            )
        return Judgement(FAIL, _describe_dead(expectation, trace, ends))
    between = [hop for hop in trace.hops[len(hops) : reached - 1] if hop.addresses]
    if between:
        return Judgement(
            FAIL,
            f"The pod answers at hop {reached} after {_listed(between[0].addresses)}, expected at hop {len(hops)}: "
            "a detour.",
        )
    silent = [hop.ttl for hop in trace.hops[:reached] if not hop.addresses]
    if reached > len(hops):
        return Judgement(
            INCONCLUSIVE,
            f"The pod answers at hop {reached}, expected at hop {len(hops)}, and hop {len(hops)} is silent: either its "
            "probes were lost or there is one hop too many.",
        )
    if silent:
        return Judgement(
            INCONCLUSIVE,
            f"The pod was reached, but hop {' and '.join(str(ttl) for ttl in silent)} is silent, so nobody knows who "
            "forwards there.",
        )
    if len(hops) == 1:
        return Judgement(PASS, "The pod answers at the first hop: bridged on the node.")
    return Judgement(PASS, "Every hop is the expected one.")


def way_back(attempt: Attempt) -> str:
    """What hop 2 of a pair across nodes shows of the destination's way to the source: right, wrong or unseen."""
    if attempt.trace is None or attempt.expectation is None or len(attempt.expectation.hops) < 3:
        return UNSEEN
    hop = attempt.trace.hop(2)
    if hop is None or not hop.addresses:
        return UNSEEN
    return RIGHT if set(hop.addresses) <= set(attempt.expectation.hops[1].addresses) else WRONG


def _with_way_there(pair: Pair, own: Judgement, opposite: Attempt | None) -> Judgement:
    """A pass across nodes stands only when the opposite trace shows by which address the source sends."""
    if own.verdict != PASS or pair.source == pair.destination:
        return own
    seen = way_back(opposite) if opposite is not None else UNSEEN
    if seen == RIGHT:
        return Judgement(PASS, "Every hop is the expected one, and the opposite trace shows the same way.")
    if seen == WRONG:
        address = _listed(opposite.trace.hop(2).addresses)
        return Judgement(
            FAIL,
            f"The hops are the expected ones, but the trace from {pair.destination} shows that node {pair.source} "
            f"sends to {pair.destination} by {address}: look at {pair.source}'s route.",
        )
    return Judgement(
        INCONCLUSIVE,
        f"The hops are the expected ones, but the trace from {pair.destination} does not show by which address "
        f"{pair.source} sends, and these hops show only the way back.",
    )


def judge(
    attempts: Mapping[Pair, Attempt], nodes: Mapping[str, Node], findings: Sequence[Finding]
) -> dict[Pair, Judgement]:
    """All pairs. What a finding says bounds what a trace can show: a failed preflight is a fail even where expected and
    seen agree; an inconclusive one keeps a pair from passing, but does not excuse a broken path."""
    result = {}
    for pair, attempt in attempts.items():
        concerned = [finding for finding in findings if finding.concerns(pair.source, pair.destination)]
        worst = next((finding for finding in concerned if finding.severity == FAIL), None)
        doubt = next((finding for finding in concerned if finding.severity == INCONCLUSIVE), None)
        if worst is not None and not attempt.problem:
            result[pair] = Judgement(FAIL, f"{worst.message} {worst.cure}")
            continue
        if attempt.trace is None or attempt.expectation is None:
            reason = attempt.problem or (f"{doubt.message} {doubt.cure}" if doubt else "Nothing was seen.")
            result[pair] = Judgement(INCONCLUSIVE, reason)
            continue
        own = judge_trace(nodes[pair.source], nodes[pair.destination], attempt.expectation, attempt.trace)
        own = _with_way_there(pair, own, attempts.get(Pair(pair.destination, pair.source)))
        if doubt is not None and own.verdict == PASS:
            own = Judgement(INCONCLUSIVE, f"{doubt.message} {doubt.cure}")
        result[pair] = own
    return result


def count(verdicts: Sequence[str]) -> dict[str, int]:
    """How often each verdict was given."""
    return {name: sum(1 for verdict in verdicts if verdict == name) for name in (PASS, FAIL, INCONCLUSIVE)}


def overall(counts: Mapping[str, int]) -> str:
    """The verdict over all pairs: fail before inconclusive before pass; without any pass never pass."""
    if counts[FAIL]:
        return FAIL
    if counts[INCONCLUSIVE] or not counts[PASS]:
        return INCONCLUSIVE
    return PASS


def is_failure(counts: Mapping[str, int], fail_on: str) -> bool:
    """Whether a run with these counts fails under ``fail_on`` (inconclusive, fail, never).

    A run without a single pass proved nothing and always fails, also under never: a green run over nothing would be a
    lie, and whoever wants only the data has it in the failed result too.
    """
    if not counts[PASS]:
        return True
    if fail_on == "never":
        return False
    if fail_on == "fail":
        return bool(counts[FAIL])
    return bool(counts[FAIL] or counts[INCONCLUSIVE])
