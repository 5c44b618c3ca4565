# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seen against expected, for all pairs: pass, fail or inconclusive, by a rule, with a sentence that says why.

Pure. Hop 2 across nodes is the destination's choice: it is the address by which the destination answers, so it shows
the way *back*. Hence a pair passes only when the opposite trace shows its intermediate hops as well, and a wrong hop 2
is blamed on the other end. Where no router between can show itself, the TTL of what arrives tells the way, be it of
this pair's packets or of the answers to the opposite pair's echoes. What a preflight finding says bounds what a trace
can show. And no pair passes in a run whose control, a trace to an address that no pod has, did not fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.podpath.kubeadm.plugins.module_utils import evidence_verdict
from ansible_collections.podpath.kubeadm.plugins.module_utils.hop_verdict import judge_trace, listed_addresses
from ansible_collections.podpath.kubeadm.plugins.module_utils.judgement import (
    END_GONE,
    FAIL,
    INCONCLUSIVE,
    PASS,
    Judgement,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import ControlSeen, Observation
from ansible_collections.podpath.kubeadm.plugins.module_utils.paths import (
    POD,
    SILENT,
    Expectation,
    ExpectedHop,
    Paths,
    PathUnknown,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Leg
from ansible_collections.podpath.kubeadm.plugins.module_utils.pods import PEER, PROBER
from ansible_collections.podpath.kubeadm.plugins.module_utils.preflight import EVERY, NO_FLANNEL, Finding
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import Node, Side
from ansible_collections.podpath.kubeadm.plugins.module_utils.trace import Trace
from ansible_collections.podpath.kubeadm.plugins.module_utils.underlay import Underlays

RIGHT = "right"
WRONG = "wrong"
UNSEEN = "unseen"

_NOTHING = Observation(problem="Nothing was seen.")
_BOTH_WAYS = Judgement(PASS, "Every hop is the expected one, and the opposite trace shows the same way.", "as-expected")
_RECORDED = Judgement(
    PASS,
    "No router between the nodes can show itself on this path; the pod was reached, and what its peer recorded has "
    "passed as many routers as it should.",
    "recorded",
)
_ANSWERED = Judgement(
    PASS,
    "No router between the nodes can show itself on this path; the pod was reached, and the answers to the opposite "
    "pair's echoes, which go this way, have passed as many routers as they should.",
    "recorded",
)


# What a trace shows whatever has become of the pod at its end: all else that speaks against a pair may come of that.
_STANDS = (
    "no-route",
    "no-neighbour",
    "no-own-route",
    "router-refuses",
    "refused-astray",
    "sent-astray",
    "loop",
    "wrong-first-hop",
    "routed-on-node",
    "wrong-way-back",
    "wrong-way-there",
    "direct-not-overlay",
    "overlay-not-direct",
    "direct-there",
    "overlay-there",
    "too-early",
    "snat",
    "arrival-ttl",
    "reply-ttl",
    "underlay-interface",
    "underlay-missing",
    "underlay-mtu",
)

# what a trace on one node, and the TTLs beside it, show where the way is not that of a bridge
_OF_THE_BRIDGE = ("strange-hop", "routed-on-node", "detour", "arrival-ttl", "reply-ttl")

# a way past the tunnel, which is right where DirectRouting is on
_DIRECT = ("direct-not-overlay", "direct-there")
_DIRECT_UNKNOWN = (
    "Flannel's ConfigMap could not be read, so nobody knows whether DirectRouting is on; allow get on configmaps in "
    "Flannel's namespace (podpath-flannel in rights.yml), or state the paths in expected."
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair with all that was expected and seen of it, and what it comes to."""

    leg: Leg
    expectation: Expectation | None
    observation: Observation
    judgement: Judgement


class _Bounds:
    """The gravest finding for each pair, found by its ends: there may be as many findings as nodes."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self._by_node: dict[tuple[str, str, str, str], tuple[int, Finding]] = {}
        for number, finding in enumerate(findings):
            for family in finding.families:
                for node in finding.nodes:
                    self._by_node.setdefault((node, family, finding.scope, finding.severity), (number, finding))

    def of(self, leg: Leg, severity: str) -> Finding | None:
        scopes = (EVERY,) if leg.source == leg.destination else (EVERY, "cross")
        found = [
            entry
            for node in (leg.source, leg.destination)
            for scope in scopes
            if (entry := self._by_node.get((node, leg.family, scope, severity)))
        ]
        return min(found, key=lambda entry: entry[0])[1] if found else None

    def __bool__(self) -> bool:
        return bool(self._by_node)


def _between(expectation: Expectation) -> list[int]:
    """Indexes of the hops between the first router and the pod that can show themselves."""
    last = len(expectation.hops) - 1
    return [index for index in range(1, last) if expectation.hops[index].role != SILENT]


def way_back(expectation: Expectation | None, trace: Trace | None, known: Sequence[str] = ()) -> str:
    """What the intermediate hops of a trace show of the destination's way to the source: right, wrong or unseen.

    ``known``: the destination's addresses. An unknown one may be a second card's where the pod was reached; where it
    was not, the packets may have gone anywhere.
    """
    if trace is None or expectation is None:
        return UNSEEN
    between = _between(expectation)
    if not between:
        # nothing lies between: then having reached the pod is all there is to see
        pods = expectation.hops[-1].addresses
        reached = any(pod in hop.addresses for pod in pods for hop in trace.hops)
        return RIGHT if len(expectation.hops) <= 2 and reached else UNSEEN
    verdict = RIGHT
    arrived = any(set(hop.addresses) & set(expectation.hops[-1].addresses) for hop in trace.hops)
    for index in between:
        hop = trace.hop(index + 1)
        if hop is None or not hop.addresses or set(hop.addresses) & set(expectation.hops[-1].addresses):
            verdict = UNSEEN  # the pod itself in a router's stead shows no router's way
        elif not set(hop.addresses) <= (wanted := set(expectation.hops[index].addresses)) and not any(
            # one that answers as expected further on was only reached by a detour
            wanted.intersection(later.addresses)
            for later in trace.hops[index:]
        ):
            if arrived or set(hop.addresses) & set(known):
                return WRONG
            verdict = UNSEEN
    return verdict


@dataclass(frozen=True)
class Record:
    """All that judging needs. ``own_ips``: the probers' addresses by (node, family); ``problem``: why a pair was not
    probed, empty where it was; ``control``: what a pass comes to where it can be none, by family; ``underlays``: what
    hosts told;
    ``direct_unknown``: DirectRouting was taken to be off because nothing tells; ``lost`` and ``lost_nodes``: pods, by
    (role, node), and nodes that went away while the proof ran, each with the sentence for it."""

    nodes: Mapping[str, Node]
    paths: Paths
    observations: Mapping[Leg, Observation]
    findings: Sequence[Finding] = ()
    own_ips: Mapping[tuple[str, str], str] | None = None
    problem: Callable[[Leg], str] = lambda leg: ""
    control: Mapping[str, Judgement] | None = None
    underlays: Underlays | None = None
    direct_unknown: bool = False
    lost: Mapping[tuple[str, str], str] = field(default_factory=dict)
    lost_nodes: Mapping[str, str] = field(default_factory=dict)

    def node_gone(self, leg: Leg) -> str:
        """Why a node of a pair is not there any more."""
        return next((self.lost_nodes[node] for node in leg[:2] if node in self.lost_nodes), "")

    def gone(self, leg: Leg) -> str:
        """Why an end of a pair is not there any more: its node, the source's prober or the destination's peer."""
        return (
            self.node_gone(leg)
            or self.lost.get((PROBER, leg.source), "")
            or self.lost.get((PEER, leg.destination), "")
        )

    def seen(self, leg: Leg) -> Observation:
        """All that is known of a pair: what was probed, and what the source's host told."""
        seen = self.observations.get(leg, _NOTHING)
        return self.underlays.added(seen, leg) if self.underlays else seen

    def expectation(self, leg: Leg, seen: Observation) -> tuple[Expectation | None, str, str]:
        """The expected path, or None with the rule and the sentence for why it is not known."""
        try:
            return self.paths.expected(*leg, underlay=seen.underlay), "", ""
        except PathUnknown as error:
            return None, error.rule, str(error)


def _way_there_rule(side: Side, strangers: Sequence[str]) -> str:
    """Whether a source sends past the tunnel, through one that it should not use, or elsewhere altogether."""
    if set(strangers) <= set(side.internal_ips):
        return "direct-there"
    return "overlay-there" if strangers == [side.overlay_ip] else "wrong-way-there"


def _hidden_way(leg: Leg, there: Expectation, seen: Observation, opposite: Observation) -> Judgement:
    """A pair whose hops show nothing between the nodes: how many routers what arrives has passed tells the way."""
    source, destination, _family = leg
    if seen.arrival is not None and seen.arrival.source and seen.arrival.ttl is not None:
        return _RECORDED
    ttls = opposite.echoes.reply_ttls if opposite.echoes else ()
    odd = next((ttl for ttl in ttls if evidence_verdict.routers_passed(ttl) != there.routers), None)
    if odd is not None:
        return Judgement(
            FAIL,
            f"Answers from the pod on {source} to echoes of that on {destination} arrive there with TTL {odd}, after "
            f"{evidence_verdict.routers_passed(odd)} routers instead of {there.routers}: the way from {source} is "
            "another one.",
            "arrival-ttl",
        )
    if ttls:
        return _ANSWERED
    return Judgement(
        INCONCLUSIVE,
        f"No router between {source} and {destination} can show itself, and neither was recorded with which TTL this "
        "pair's packets arrive, nor were echoes of the opposite pair answered, so nothing tells the way.",
        "hidden-way",
    )


def _with_way_there(
    record: Record, leg: Leg, own: Judgement, expectation: Expectation, seen: Observation
) -> tuple[Judgement, Expectation | None]:
    """A pass across nodes stands only when the opposite trace shows by which address the source sends."""
    if own.verdict != PASS or leg.source == leg.destination:
        return own, expectation
    opposite = record.seen(leg.opposite)
    back, _rule, _reason = record.expectation(leg.opposite, opposite)
    source, destination, _family = leg
    if not _between(expectation) and len(expectation.hops) > 2:
        return _hidden_way(leg, expectation, seen, opposite), back
    shown = way_back(back, opposite.trace, record.nodes[source].side(leg.family).known)
    if shown == RIGHT:
        return _BOTH_WAYS, back
    if shown == WRONG and back is not None and opposite.trace is not None:
        strangers = [
            address
            for index in _between(back)
            if (hop := opposite.trace.hop(index + 1))
            for address in hop.addresses
            if address not in back.hops[index].addresses
        ]
        return Judgement(
            FAIL,
            f"The hops are the expected ones, but the trace from {destination} shows that node {source} sends to "
            f"{destination} by {listed_addresses(strangers)}: look at {source}'s route.",
            _way_there_rule(record.nodes[source].side(leg.family), strangers),
        ), back
    return Judgement(
        INCONCLUSIVE,
        f"The hops are the expected ones, but the trace from {destination} does not show by which address {source} "
        "sends, and these hops show only the way back.",
        "one-way",
    ), back


def _with_arrival(own: Judgement, seen: Observation, source: str, destination: str) -> Judgement:
    """Somebody unknown answers and the pod does not: what arrived tells whether they are on the way there or back."""
    if own.rule != "astray" or seen.arrival is None:
        return own
    if seen.arrival.source:
        told = f"The pod on {destination} did record packets, so it is {destination} that answers by that interface."
        return Judgement(FAIL, f"{own.reason} {told}", "wrong-way-back")
    told = f"The pod on {destination} recorded nothing, so the packets of {source} are lost on the way there."
    return Judgement(FAIL, f"{own.reason} {told}", "sent-astray")


def _without_flannel(record: Record, leg: Leg, own: Judgement, expectation: Expectation, trace: Trace) -> Judgement:
    """A pod that was reached on its own node by another way than Flannel's bridge: where nothing tells of Flannel, that
    may be another network's way, which routes where Flannel bridges."""
    node = record.nodes[leg.source]
    if leg.source != leg.destination or node.backend is not None or expectation.stated:
        return own
    pods = expectation.hops[-1].addresses
    if own.rule not in _OF_THE_BRIDGE or not any(pod in hop.addresses for pod in pods for hop in trace.hops):
        return own
    return Judgement(
        INCONCLUSIVE,
        f"Node {node.name} carries no Flannel annotation, so nobody knows by which way its pods reach one another, and "
        f"it is not that of Flannel's bridge: {own.reason.rstrip('.')}. With another pod network, state this path in "
        "expected with on_node (pod_paths_expected in the role); else look at the kube-flannel pod of this node.",
        NO_FLANNEL,
    )


def _judge_seen(record: Record, leg: Leg, expectation: Expectation, seen: Observation, trace: Trace) -> Judgement:
    source, destination, family = leg
    ends = record.nodes[source], record.nodes[destination]
    own = _with_arrival(judge_trace(*ends, expectation, trace, family), seen, source, destination)
    own = _without_flannel(record, leg, own, expectation, trace)
    own, back = _with_way_there(record, leg, own, expectation, seen)
    if own.rule in _DIRECT and record.direct_unknown and not (back or expectation).stated:
        own = Judgement(INCONCLUSIVE, f"{own.reason} {_DIRECT_UNKNOWN}", own.rule)
    if own.verdict == FAIL:
        return evidence_verdict.refined(own, seen, ends, family, expectation)
    own_ip = (record.own_ips or {}).get((source, family), "")
    spoken = evidence_verdict.against(ends, family, own_ip, expectation, back, seen)
    if spoken is not None and (own.verdict == PASS or spoken.verdict == FAIL):
        return _without_flannel(record, leg, spoken, expectation, trace)
    return own


def _without_its_end(record: Record, leg: Leg, own: Judgement) -> Judgement:
    """A pair whose end went away in mid-run does not fail for that. What passed until then has passed."""
    if own.verdict == PASS:
        return own
    told = record.node_gone(leg)
    if not told and own.rule not in _STANDS:
        told = record.lost.get((PEER, leg.destination), "")
    if not told and own.rule == "one-way":
        told = record.gone(leg.opposite)
    return Judgement(INCONCLUSIVE, f"{told} Until then: {own.reason}", END_GONE) if told else own


def _judge_leg(record: Record, bounds: _Bounds, leg: Leg) -> Judged:
    seen = record.seen(leg)
    expectation, unknown, why = record.expectation(leg, seen)
    problem = record.problem(leg) or (seen.problem if leg in record.observations and seen.trace is None else "")
    worst = doubt = None
    if bounds and not record.paths.is_stated(*leg):
        worst, doubt = bounds.of(leg, FAIL), bounds.of(leg, INCONCLUSIVE)

    def judged(verdict: str, reason: str, rule: str) -> Judged:
        return Judged(leg, expectation, seen, Judgement(verdict, reason, rule))

    gone = record.gone(leg) if seen.trace is None else ""
    if gone:
        return judged(INCONCLUSIVE, gone, END_GONE)
    if worst is not None and not problem:
        return judged(FAIL, f"{worst.message} {worst.cure}", worst.rule)
    if problem or seen.trace is None or expectation is None or not expectation.hops[-1].addresses:
        if problem:
            return judged(INCONCLUSIVE, problem, "not-probed")
        if doubt is not None:
            return judged(INCONCLUSIVE, f"{doubt.message} {doubt.cure}", doubt.rule)
        return judged(INCONCLUSIVE, why or "Nothing was seen.", unknown or "not-probed")
    own = _without_its_end(record, leg, _judge_seen(record, leg, expectation, seen, seen.trace))
    if own.verdict == PASS and doubt is not None:
        own = Judgement(INCONCLUSIVE, f"{doubt.message} {doubt.cure}", doubt.rule)
    if own.verdict == PASS:
        own = (record.control or {}).get(leg.family, own)
    return Judged(leg, expectation, seen, own)


def judge(legs: Iterable[Leg], record: Record) -> Iterator[Judged]:
    """All pairs, one after the other, so that a million of them need not be held at once.

    A failed preflight is a fail even where expected and seen agree; an inconclusive one keeps a pair from passing, but
    does not excuse a broken path.
    """
    bounds = _Bounds(record.findings)
    for leg in legs:
        yield _judge_leg(record, bounds, leg)


@dataclass(frozen=True, slots=True)
class Control:
    """The control, judged as any pair is. ``held``: it failed and did not reach the address, as it must."""

    seen: ControlSeen
    expectation: Expectation | None
    judgement: Judgement
    held: bool


def judge_control(seen: ControlSeen, record: Record) -> Control:
    """A trace to an address that no pod has. One that arrives shows that this run's traces prove nothing."""
    if seen.trace is None:
        return Control(seen, None, Judgement(INCONCLUSIVE, seen.problem, "not-probed"), False)
    try:
        leg = Leg(seen.source, seen.destination, seen.family)
        path = record.paths.expected(*leg, underlay=record.seen(leg).underlay)
    except PathUnknown:
        # where no path is known, it is enough that nobody answers in the address's name
        if any(seen.address in hop.addresses for hop in seen.trace.hops):
            return Control(seen, None, Judgement(PASS, f"{seen.address} answers.", "as-expected"), False)
        return Control(seen, None, Judgement(FAIL, f"{seen.address} was never reached.", "unreached"), True)
    expectation = replace(path, hops=(*path.hops[:-1], ExpectedHop(POD, (seen.address,))))
    ends = record.nodes[seen.source], record.nodes[seen.destination]
    judgement = judge_trace(*ends, expectation, seen.trace, seen.family)
    failed = judgement.verdict == FAIL
    if failed and seen.trace.reached:
        # a wrong hop on the way fails any pair; that somebody answers at its end is another matter
        judgement = replace(judgement, reason=f"{seen.address} was reached all the same. {judgement.reason}")
    return Control(seen, expectation, judgement, failed and not seen.trace.reached)


def control_problems(controls: Iterable[Control], families: Sequence[str]) -> dict[str, Judgement]:
    """What a pass of a family comes to instead; empty where a control held and none arrived."""
    problems = {}
    controls = list(controls)
    for family in families:
        own = [control for control in controls if control.seen.family == family]
        arrived = next((c for c in own if c.seen.trace is not None and not c.held), None)
        if arrived is not None:
            before = arrived.seen.answered
            also = f", as {', '.join(before)} had answered before" if before else ""
            came = "arrived" if arrived.seen.trace.reached else f"came out as {arrived.judgement.verdict}"
            problems[family] = Judgement(
                INCONCLUSIVE,
                f"The control did not fail: a trace from {arrived.seen.source} to {arrived.seen.address} on "
                f"{arrived.seen.destination}, which no pod has, {came} "
                f"({arrived.judgement.reason.rstrip('.')}){also}, so this run's traces prove nothing.",
                "control",
            )
        elif not any(control.held for control in own):
            why = next((control.judgement.reason for control in own if control.judgement.reason), "")
            problems[family] = Judgement(
                INCONCLUSIVE,
                f"There is no control in {family}: no trace to an address without a pod could be seen to fail"
                f"{f' ({why.rstrip(chr(46))})' if why else ''}, so nothing shows that these traces can.",
                "no-control",
            )
    return problems
