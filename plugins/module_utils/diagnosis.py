# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The most likely faults behind all pairs that did not pass.

Pure. What one trace leaves open, many together often decide: where every pair of one node is dead, the fault is that
node's; where every pair across nodes is, it lies between them all. Where packets cannot tell, the candidates stand
beside each other in the order in which they are met in practice, and that is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.faults import (
    BOTH,
    CERTAIN,
    CONFIDENCES,
    DESTINATION,
    FAULTS,
    FOUND_BEFORE,
    LIKELY,
    POSSIBLE,
    SIGNATURES,
    SOURCE,
    TUNNELS,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.judgement import FAIL, PASS
from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import ServiceSeen
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Leg
from ansible_collections.podpath.kubeadm.plugins.module_utils.preflight import Finding
from ansible_collections.podpath.kubeadm.plugins.module_utils.result import SERVICES_DEAD, Tally
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import IPV4, Node, listed
from ansible_collections.podpath.kubeadm.plugins.module_utils.verdict import Judged

MOST_PAIRS = 20
MOST_SENTENCES = 5


@dataclass(frozen=True)
class Diagnosis:
    """A fault, at which nodes, with what speaks for it, and which pairs it explains."""

    fault: str
    title: str
    confidence: str
    nodes: tuple[str, ...]
    legs: tuple[Leg, ...] = ()
    evidence: tuple[str, ...] = ()
    confirm: tuple[str, ...] = ()
    cure: tuple[str, ...] = ()
    fails: bool = True

    def as_dict(self) -> dict[str, Any]:
        return {
            "fault": self.fault,
            "title": self.title,
            "confidence": self.confidence,
            "nodes": list(self.nodes),
            "pairs": [str(leg) for leg in self.legs[:MOST_PAIRS]],
            "pairs_total": len(self.legs),
            "evidence": list(self.evidence),
            "confirm": list(self.confirm),
            "cure": list(self.cure),
        }


# Rules of traces that end in silence between the nodes; the last two know on which way.
_LOST = ("silent-after-source", "packets-lost", "answers-lost")


@dataclass
class Evidence:
    """All that a diagnosis goes by."""

    nodes: Mapping[str, Node]
    tally: Tally
    findings: Sequence[Finding] = ()
    services: Sequence[ServiceSeen] = ()
    by_rule: dict[str, list[Judged]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for judged in self.tally.broken:
            self.by_rule.setdefault(judged.judgement.rule, []).append(judged)

    def backend(self, name: str) -> str:
        return self.nodes[name].backend or ""


def _values(evidence: Evidence, node: str, others: Sequence[str], leg: Leg | None) -> dict[str, str]:
    """What the texts of a fault speak of."""
    family = leg.family if leg else IPV4
    peer = others[0] if others else node
    side = evidence.nodes[peer].side(family)
    tunnel, device = TUNNELS.get(evidence.backend(node), ("the tunnel", "flannel.1"))
    return {
        "node": node,
        "peer": peer,
        "peers": listed(others) if others else "the other nodes",
        "cidr": side.pod_cidr or "its podCIDR",
        "address": side.public_ip or (side.internal_ips or ("its address",))[0],
        "pod": side.bridge_ip or "the pod",
        "tunnel": tunnel,
        "device": device,
        "forwarding": "net.ipv4.ip_forward" if family == IPV4 else "net.ipv6.conf.all.forwarding",
        "ip": "ip" if family == IPV4 else "ip -6",
    }


def _made(
    evidence: Evidence,
    fault: str,
    confidence: str,
    nodes: Sequence[str],
    legs: Iterable[Leg] = (),
    told: Sequence[str] = (),
    where: str = "",
    fails: bool = True,
) -> Diagnosis:
    legs = tuple(legs)
    node = nodes[0] if nodes else next(iter(evidence.nodes))
    others = list(dict.fromkeys(end for leg in legs for end in leg[:2] if end not in nodes))
    values = _values(evidence, node, others, legs[0] if legs else None)
    values |= {"where": where or f"at node {node}", "nodes": listed(list(nodes))}
    text = FAULTS[fault]
    title = text.title.format(**values)
    return Diagnosis(
        fault=fault,
        title=title[:1].upper() + title[1:],
        confidence=confidence,
        nodes=tuple(nodes),
        legs=legs,
        evidence=tuple(told),
        confirm=tuple(line.format(**values) for line in text.confirm),
        cure=tuple(line.format(**values) for line in text.cure),
        fails=fails,
    )


def _reasons(judged: Sequence[Judged]) -> list[str]:
    """A few sentences of pairs, and how many pairs say the like."""
    told = list(dict.fromkeys(one.judgement.reason for one in judged[:MOST_SENTENCES]))
    more = len(judged) - MOST_SENTENCES
    return [*told, f"{more} more pairs show the same."] if more > 0 else told


# What was known before any packet was sent


def _from_findings(evidence: Evidence) -> list[Diagnosis]:
    found = []
    by_fault: dict[str, list[Finding]] = {}
    for finding in evidence.findings:
        if finding.rule in FOUND_BEFORE:
            by_fault.setdefault(FOUND_BEFORE[finding.rule], []).append(finding)
    for fault, findings in by_fault.items():
        rules = {finding.rule for finding in findings}
        nodes = list(dict.fromkeys(node for finding in findings for node in finding.nodes))
        judged = [one for rule in rules for one in evidence.by_rule.get(rule, ())]
        if not judged:
            continue
        told = [finding.message for finding in findings[:MOST_SENTENCES]]
        loops = sum(_loops(evidence, one) for one in judged)
        if loops:
            told.append(f"{loops} traces come back to their own node's cni0 at each hop, a loop, as this makes them.")
        fails = any(finding.severity == FAIL for finding in findings)
        found.append(_made(evidence, fault, CERTAIN, nodes, (one.leg for one in judged), told, fails=fails))
    return found


def _loops(evidence: Evidence, judged: Judged) -> bool:
    trace, leg = judged.observation.trace, judged.leg
    bridge = evidence.nodes[leg.source].side(leg.family).bridge_ip
    return trace is not None and any(bridge in hop.addresses for hop in trace.hops[1:])


# What single traces tell


def _accused(legs: Iterable[Leg]) -> dict[Leg, str]:
    """For faults that may lie at either end: the fewest nodes that explain all pairs, by pair."""
    left = dict.fromkeys(legs)
    accused: dict[Leg, str] = {}
    while left:
        counts = Counter(end for leg in left for end in set(leg[:2]))
        node = min(counts, key=lambda name: (-counts[name], name))
        own = [leg for leg in left if node in leg[:2]]
        accused |= dict.fromkeys(own, node)
        for leg in own:
            del left[leg]
    return accused


def _rejecter(evidence: Evidence, judged: Judged) -> str:
    """The node that said no: the source where its own cni0 did."""
    leg, trace = judged.leg, judged.observation.trace
    bridge = evidence.nodes[leg.source].side(leg.family).bridge_ip
    last = trace.hops[-1].addresses if trace else ()
    return leg.source if bridge in last else leg.destination


def _silent_router(judged: Judged) -> str:
    """The node whose answers were lost: the source where its own cni0 is silent."""
    leg, trace = judged.leg, judged.observation.trace
    return leg.destination if trace is None or trace.hops[0].addresses else leg.source


def _from_rules(evidence: Evidence) -> list[Diagnosis]:
    groups: dict[tuple[str, str], tuple[str, list[Judged]]] = {}
    for rule, signatures in SIGNATURES.items():
        judged = evidence.by_rule.get(rule, [])
        accused = _accused(one.leg for one in judged)
        for signature in signatures:
            for one in judged:
                ends = {SOURCE: one.leg.source, DESTINATION: one.leg.destination, BOTH: accused[one.leg]}
                node = ends[signature.end]
                if signature.fault == "filter-rejects":
                    node = _rejecter(evidence, one)
                elif signature.fault == "answers-limited":
                    node = _silent_router(one)
                known, members = groups.setdefault((signature.fault, node), (signature.confidence, []))
                members.append(one)
                if CONFIDENCES.index(signature.confidence) < CONFIDENCES.index(known):
                    groups[(signature.fault, node)] = signature.confidence, members
    found = []
    for (fault, node), (confidence, judged) in groups.items():
        legs = dict.fromkeys(one.leg for one in judged)
        fails = any(one.judgement.verdict == FAIL for one in judged)
        found.append(_made(evidence, fault, confidence, [node], legs, _reasons(judged), fails=fails))
    return found


# What only several traces together tell


@dataclass
class _Lost:
    """Legs that end in silence between nodes. ``unexplained`` shrinks as faults claim them."""

    evidence: Evidence
    unexplained: dict[Leg, Judged]

    def of(self, node: str) -> list[Leg]:
        return [leg for leg in self.unexplained if node in leg[:2]]

    def claim(self, legs: Iterable[Leg]) -> None:
        for leg in legs:
            self.unexplained.pop(leg, None)

    def ways(self, legs: Iterable[Leg]) -> set[tuple[str, str]]:
        """The directions in which packets are known to be lost: those of the trace, or those of its answers."""
        ways = set()
        for leg in legs:
            rule = self.unexplained[leg].judgement.rule
            if rule == "packets-lost":
                ways.add((leg.source, leg.destination))
            elif rule == "answers-lost":
                ways.add((leg.destination, leg.source))
        return ways


_CANNOT_TELL = "Packets alone cannot tell these apart: {}. They stand in the order in which they are met in practice."


def _ranked(
    evidence: Evidence,
    candidates: Sequence[tuple[str, str]],
    nodes: Sequence[str],
    legs: Sequence[Leg],
    told: Sequence[str],
    where: str = "",
) -> list[Diagnosis]:
    """Candidates (fault, confidence) for one and the same group of pairs."""
    more = [_CANNOT_TELL.format(", ".join(fault for fault, _confidence in candidates))] if len(candidates) > 1 else []
    return [_made(evidence, fault, confidence, nodes, legs, [*told, *more], where) for fault, confidence in candidates]


def _forwarding_off(lost: _Lost) -> list[Diagnosis]:
    """A node whose pods' traces get no answer at all, while others' traces to it end in silence, forwards nothing."""
    found = []
    silent: dict[str, list[Judged]] = {}
    for one in lost.evidence.by_rule.get("nothing-answers", ()):
        silent.setdefault(one.leg.source, []).append(one)
    for node, judged in silent.items():
        if any((node, one.leg.family) in lost.evidence.tally.beyond for one in judged):
            # then it does forward, and its cni0 kept silent for another reason, as by the limit on ICMP errors
            legs = [one.leg for one in judged]
            legs += [leg for one in judged if (leg := one.leg.opposite) in lost.unexplained]
            told = [
                f"Pods on {node} get no answer from their own cni0 in {len(judged)} traces, but others of its traces "
                "do pass it."
            ]
            found += _ranked(
                lost.evidence, (("route-missing", LIKELY), ("forward-filter", POSSIBLE)), [node], legs, told
            )
            lost.claim(legs)
            continue
        incoming = [leg for leg in lost.of(node) if leg.destination == node]
        legs = [*(one.leg for one in judged), *incoming]
        told = [f"Pods on {node} get no answer from their own cni0 in {len(judged)} traces."]
        if incoming:
            told.append(f"{len(incoming)} traces to pods on {node} end in silence after the source's own cni0.")
            found.append(_made(lost.evidence, "forwarding-off", CERTAIN, [node], legs, told))
            lost.claim(incoming)
        else:
            candidates = (("forwarding-off", LIKELY), ("forward-filter", LIKELY))
            found += _ranked(lost.evidence, candidates, [node], legs, told)
    return found


def _candidates(backend: str) -> tuple[tuple[str, str], ...]:
    """What may make a node, or all of them, unreachable to others, by backend."""
    if backend in TUNNELS:
        return (("tunnel-blocked", LIKELY), ("tunnel-stale", POSSIBLE))
    return (("network-drops", LIKELY), ("filter-drops", POSSIBLE))


def _everywhere(lost: _Lost) -> list[Diagnosis]:
    """Every pair across nodes is dead: the fault is common to all."""
    crossing = lost.evidence.tally.crossing
    legs = list(lost.unexplained)
    if len(crossing) < 3 or 2 * len(legs) != sum(crossing.values()):
        return []
    nodes = sorted(crossing)
    told = [f"All {len(legs)} pairs across nodes end in silence after the source's own cni0, those on a node do not."]
    candidates = (_candidates(lost.evidence.backend(nodes[0]))[0],)
    found = _ranked(lost.evidence, candidates, nodes, legs, told, "between all nodes")
    lost.claim(legs)
    return found


def _one_node(lost: _Lost) -> list[Diagnosis]:
    """Nodes of which every pair with others is dead."""
    found = []
    while lost.unexplained:
        crossing = lost.evidence.tally.crossing
        counts = Counter(end for leg in lost.unexplained for end in leg[:2])
        dead = [node for node, number in counts.items() if number == crossing[node] and number > 2]
        if not dead:
            break
        node = max(sorted(dead), key=counts.__getitem__)
        legs = lost.of(node)
        told = [f"All {len(legs)} pairs of {node} with other nodes end in silence after the source's own cni0."]
        others = len(lost.evidence.tally.crossing) - 1 - len({end for leg in legs for end in leg[:2]} - {node})
        if others >= 0 and len(crossing) > len({end for leg in legs for end in leg[:2]}) - 1:
            told.append("Pairs of the other nodes with one another are not concerned.")
        ways = lost.ways(legs)
        candidates = _candidates(lost.evidence.backend(node))
        if ways and all(destination == node for _source, destination in ways):
            told.append(f"What {node} sends arrives; what is sent to it does not, neither packets nor answers.")
        elif ways and all(source == node for source, _destination in ways):
            told.append(f"What is sent to {node} arrives; what it sends does not.")
            candidates = (("entry-missing", LIKELY), *candidates)
        found += _ranked(lost.evidence, candidates, [node], legs, told)
        lost.claim(legs)
    return found


def _single_pairs(lost: _Lost) -> list[Diagnosis]:
    """What is left: some pairs of nodes that otherwise work. The sender of the lost packets is asked first."""
    groups: dict[str, list[Leg]] = {}
    told: dict[str, list[str]] = {}
    for leg in list(lost.unexplained):
        ways = lost.ways([leg]) or lost.ways(other for other in (leg.opposite,) if other in lost.unexplained)
        sender = next(iter(ways))[0] if ways else min(leg[:2])
        groups.setdefault(sender, []).append(leg)
        if ways:
            told.setdefault(sender, []).append(
                "Packets from {} to {} are lost; those the other way arrive.".format(*next(iter(ways)))
            )
        else:
            told.setdefault(sender, []).append(
                f"Between {leg.source} and {leg.destination} nobody can say on which way packets are lost, as what "
                "arrives was not recorded."
            )
    found = []
    for sender, legs in groups.items():
        receivers = list(dict.fromkeys(end for leg in legs for end in leg[:2] if end != sender))
        first, second = ("entry-missing", LIKELY), ("tunnel-blocked", POSSIBLE)
        if lost.evidence.backend(sender) not in TUNNELS:
            first, second = ("network-drops", LIKELY), ("filter-drops", POSSIBLE)
        # with a default route, packets of a missing one leave by that, and nobody says that there is none
        candidates = (first, second, ("route-missing", POSSIBLE))
        sentences = list(dict.fromkeys(told[sender]))[:MOST_SENTENCES]
        found += _ranked(
            lost.evidence, candidates, [sender], legs, sentences, f"between {sender} and {listed(receivers)}"
        )
    return found


_FILTERS = ("filter-drops", "filter-rejects", "forward-filter")


def _with_answers(lost: _Lost, found: Iterable[Diagnosis]) -> Iterator[Diagnosis]:
    """A filter for what comes for a node's pods takes the answers to what these send as well."""
    for one in found:
        answers = [
            leg
            for leg, judged in lost.unexplained.items()
            if leg.source in one.nodes and judged.judgement.rule == "answers-lost"
        ]
        if one.fault not in _FILTERS or not answers:
            yield one
            continue
        lost.claim(answers)
        told = f"It takes the answers to {len(answers)} traces of its own pods as well."
        yield replace(one, legs=(*one.legs, *answers), evidence=(*one.evidence, told))


def _from_traces(evidence: Evidence) -> list[Diagnosis]:
    judged = [one for rule in _LOST for one in evidence.by_rule.get(rule, ())]
    lost = _Lost(evidence, {one.leg: one for one in judged})
    found = list(_with_answers(lost, _from_rules(evidence)))
    steps: tuple[Callable[[_Lost], list[Diagnosis]], ...] = (_forwarding_off, _everywhere, _one_node, _single_pairs)
    for step in steps:
        found += step(lost)
    return found


# A node's echoes tell of loss from so many lost ones on, and such a part of all; likely so from the second part on.
_FEWEST_LOST, _SLIGHT_LOSS, _LOSS = 3, 0.05, 0.1


def _from_loss(evidence: Evidence) -> list[Diagnosis]:
    """Loss, from the echoes of all pairs of a node together, as those of a single pair are few."""
    judged = {one.leg: one for one in evidence.by_rule.get("loss", ())}
    accused = _accused([*evidence.tally.lossy, *judged])
    found = []
    for node in dict.fromkeys(accused.values()):
        sent, lost = evidence.tally.echoes.get(node, (0, 0))
        own = [judged[leg] for leg, name in accused.items() if name == node and leg in judged]
        if not own and (lost < _FEWEST_LOST or lost < _SLIGHT_LOSS * sent):
            continue
        told = [f"{lost} of {sent} echoes between {node} and other nodes were lost."] if lost else []
        legs = [leg for leg, name in accused.items() if name == node]
        confidence = LIKELY if own or lost >= _LOSS * sent else POSSIBLE
        found.append(_made(evidence, "loss", confidence, [node], legs, [*told, *_reasons(own)], fails=False))
    return found


def _from_services(evidence: Evidence) -> list[Diagnosis]:
    """Services that lead nowhere from nodes whose pods reach all others: where they do not, the Service may have chosen
    a pod that cannot be reached anyway."""
    troubled = {
        one.leg.source
        for rule, judged in evidence.by_rule.items()
        if rule not in ("not-probed", "control")
        for one in judged
    }
    alive = {name for name, counts in evidence.tally.outgoing.items() if counts[PASS]} - troubled
    asked = {service.source for service in evidence.services}
    dead = sorted(
        {service.source for service in evidence.services if not service.connected and service.problem} & alive
    )
    if not dead:
        return []
    everywhere = set(dead) == asked and len(dead) > 1
    problems = [
        f"From {service.source} to {service.address} port {service.port}: {service.problem}"
        for service in evidence.services
        if service.source in dead and not service.connected
    ]
    where = "from any node" if everywhere else f"from {listed(dead)}"
    confidence = CERTAIN if everywhere else LIKELY
    if evidence.tally.counts[FAIL]:
        confidence = POSSIBLE
    return [_made(evidence, SERVICES_DEAD, confidence, dead, (), problems[:MOST_SENTENCES], where)]


def _from_the_rest(evidence: Evidence) -> list[Diagnosis]:
    """What was not looked at, or not in a way that proves anything."""
    found = []
    control = evidence.by_rule.get("control", [])
    if control:
        legs = [one.leg for one in control]
        found.append(_made(evidence, "control", CERTAIN, [], legs, _reasons(control)[:1], fails=False))
    skipped = {name: node.unusable for name, node in evidence.nodes.items() if node.unusable}
    legs = [
        one.leg
        for one in evidence.by_rule.get("not-probed", ())
        if skipped.keys() & {one.leg.source, one.leg.destination}
    ]
    if legs:
        told = list(skipped.values())[:MOST_SENTENCES]
        found.append(_made(evidence, "not-covered", CERTAIN, sorted(skipped), legs, told, fails=False))
    return found


def diagnose(evidence: Evidence) -> list[Diagnosis]:
    """The faults that explain what did not pass, the most likely first: those that break pairs before those that leave
    them open, then by how sure they are, then by how many pairs they explain."""
    found = [
        *_from_findings(evidence),
        *_from_traces(evidence),
        *_from_loss(evidence),
        *_from_services(evidence),
        *_from_the_rest(evidence),
    ]
    return sorted(found, key=lambda one: (not one.fails, CONFIDENCES.index(one.confidence), -len(one.legs)))


def blamed(found: Iterable[Diagnosis]) -> dict[str, str]:
    """The nodes at which a fault lies that is more than possible, with its title."""
    nodes: dict[str, str] = {}
    for one in found:
        if one.confidence != POSSIBLE:
            for node in one.nodes:
                nodes.setdefault(node, one.title)
    return nodes
