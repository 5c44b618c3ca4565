# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults behind silence: traces that end after the source's own cni0, or get no answer at all.

Pure. One such trace tells next to nothing; what is dead with it does. Each step takes the pairs that it explains, and
leaves the others to the next: forwarding, the network of all nodes, a node, single pairs. What is dead is asked by
family, as the tunnel of one may be dead while that of the other is well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ansible_collections.podpath.kubeadm.plugins.module_utils.diagnosis_case import (
    MOST_SENTENCES,
    Diagnosis,
    Evidence,
    made,
    ranked,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.faults import CERTAIN, LIKELY, POSSIBLE
from ansible_collections.podpath.kubeadm.plugins.module_utils.legs import Legs, accuse
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Leg
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import FAMILIES, FAMILY_NAMES, listed
from ansible_collections.podpath.kubeadm.plugins.module_utils.tunnels import TUNNELS

# Rules of traces that end in silence between the nodes; the last two know on which way.
LOST = ("silent-after-source", "packets-lost", "answers-lost")


@dataclass
class _Lost:
    """Legs that end in silence between nodes. ``unexplained`` shrinks as faults claim them."""

    evidence: Evidence
    unexplained: Legs

    def claim(self, legs: Legs) -> None:
        self.unexplained = self.unexplained - legs

    def ways(self, legs: Legs) -> Legs:
        """The directions in which packets are known to be lost: those of the trace, or those of its answers."""
        answers = self.evidence.rule("answers-lost")
        return legs & self.evidence.rule("packets-lost") | (legs & answers).opposite()

    def way(self, leg: Leg) -> Leg | None:
        """That of one pair, by its own trace or else by the one the other way; None where neither tells."""
        for one in (leg, leg.opposite):
            if one in self.unexplained and one in self.evidence.rule("packets-lost"):
                return one
            if one in self.unexplained and one in self.evidence.rule("answers-lost"):
                return one.opposite
        return None


def _forwarding_off(lost: _Lost) -> list[Diagnosis]:
    """A node whose pods' traces get no answer at all, while others' traces to it end in silence, forwards nothing."""
    found = []
    for node, silent in lost.evidence.rule("nothing-answers").by_source().items():
        families = {family for source, family in lost.evidence.tally.beyond if source == node}
        if any(leg.family in families for leg in silent):
            # then it does forward, and its cni0 kept silent for another reason, as by the limit on ICMP errors
            legs = silent | silent.opposite() & lost.unexplained
            told = [
                f"Pods on {node} get no answer from their own cni0 in {len(silent):,} traces, but to other nodes their "
                "packets do pass it."
            ]
            found += ranked(
                lost.evidence, (("route-missing", LIKELY), ("forward-filter", POSSIBLE)), [node], legs, told
            )
            lost.claim(legs)
            continue
        incoming = lost.unexplained.incoming(node)
        legs = silent | incoming
        told = [f"Pods on {node} get no answer from their own cni0 in {len(silent):,} traces."]
        if incoming:
            told.append(f"{len(incoming):,} traces to pods on {node} end in silence after the source's own cni0.")
            found.append(made(lost.evidence, "forwarding-off", CERTAIN, [node], legs, told))
            lost.claim(incoming)
        else:
            candidates = (("forwarding-off", LIKELY), ("forward-filter", LIKELY))
            found += ranked(lost.evidence, candidates, [node], legs, told)
    return found


def _candidates(backend: str) -> tuple[tuple[str, str], ...]:
    """What may make a node, or all of them, unreachable to others, by backend."""
    if backend in TUNNELS:
        return (("tunnel-blocked", LIKELY), ("tunnel-stale", POSSIBLE))
    return (("network-drops", LIKELY), ("filter-drops", POSSIBLE))


def _in_words(lost: _Lost, families: Sequence[str]) -> str:
    """Families for a sentence, where they are not all that were tried."""
    tried = {family for _node, family in lost.evidence.tally.crossing}
    return "" if tried <= set(families) else f" in {' and '.join(FAMILY_NAMES[family] for family in families)}"


def _dead_between_all(lost: _Lost, family: str) -> bool:
    """Whether every traced pair across nodes is dead in a family, and that speaks against no single node."""
    crossing = {node: number for (node, own), number in lost.evidence.tally.crossing.items() if own == family}
    legs = lost.unexplained.in_families(family)
    if not legs or 2 * len(legs) != sum(crossing.values()):
        return False
    if len(crossing) == 2:
        # one way alone may be lost to the sender's own fault, both ways hardly are
        return len(legs.sources()) == 2 and not legs & lost.evidence.rule("answers-lost")
    # a node that is an end of each, as a new one with which all others were tried, is asked first
    return len(legs) not in legs.degrees().values()


def _everywhere(lost: _Lost) -> list[Diagnosis]:
    """Every pair across nodes is dead: the fault is common to all."""
    families = [family for family in FAMILIES if _dead_between_all(lost, family)]
    if not families:
        return []
    legs = lost.unexplained.in_families(*families)
    nodes = sorted(legs.ends())
    within = _in_words(lost, families)
    told = [
        f"All {len(legs):,} pairs across nodes{within} end in silence after the source's own cni0, those on a node do "
        "not."
    ]
    candidates = (_candidates(lost.evidence.backend(nodes[0]))[0],)
    where = f"between {' and '.join(nodes) if len(nodes) == 2 else 'all nodes'}{within}"
    found = ranked(lost.evidence, candidates, nodes, legs, told, where)
    lost.claim(legs)
    return found


def _one_node(lost: _Lost) -> list[Diagnosis]:
    """Nodes of which every pair with others is dead, in all families or in one."""
    found = []
    crossing = lost.evidence.tally.crossing
    counts: Counter[tuple[str, str]] = Counter()

    def count(legs: Legs, step: int) -> None:
        for family in FAMILIES:
            for end, number in legs.in_families(family).degrees().items():
                counts[end, family] += step * number

    count(lost.unexplained, 1)
    # more than both ways of a single pair
    while dead := [key for key, number in counts.items() if number == crossing[key] and number > 2]:
        totals: Counter[str] = Counter()
        for key in dead:
            totals[key[0]] += counts[key]
        node = max(sorted(totals), key=totals.__getitem__)
        families = [family for family in FAMILIES if (node, family) in dead]
        legs = lost.unexplained.of(node).in_families(*families)
        within = _in_words(lost, families)
        told = [
            f"All {len(legs):,} pairs of {node} with other nodes{within} end in silence after the source's own cni0."
        ]
        tried = sum(number for (_node, family), number in crossing.items() if family in families)
        if 2 * len(legs) == tried:
            told.append("Pairs of the other nodes with one another were not tried, so it may be that none reaches any.")
        elif len(legs) == len(lost.unexplained):
            told.append("Pairs of the other nodes with one another are not concerned.")
        ways = lost.ways(legs)
        candidates = _candidates(lost.evidence.backend(node))
        if ways.destinations() == [node]:
            told.append(f"What {node} sends arrives; what is sent to it does not, neither packets nor answers.")
        elif ways.sources() == [node]:
            told.append(f"What is sent to {node} arrives; what it sends does not.")
            candidates = (("entry-missing", LIKELY), *candidates)
        found += ranked(lost.evidence, candidates, [node], legs, told, f"at node {node}{within}")
        lost.claim(legs)
        count(legs, -1)
    return found


def _both_ways(lost: _Lost) -> list[Diagnosis]:
    """Single pairs of which the packets of both directions are known to be lost: that is no single entry's fault."""
    packets = lost.unexplained & lost.evidence.rule("packets-lost")
    found = []
    for node, legs in accuse(packets & packets.opposite()).items():
        peers = [end for end in legs.ends() if end != node]
        told = [f"Packets from {node} to {peer} are lost, and those the other way, too." for peer in peers]
        candidates = _candidates(lost.evidence.backend(node))[:1]
        if candidates[0][0] == "tunnel-blocked":
            candidates = (*candidates, ("entry-missing", POSSIBLE), ("route-missing", POSSIBLE))
        nodes = [node] if len(peers) > 1 else [node, *peers]
        where = f"between {node} and {listed(peers)}"
        found += ranked(lost.evidence, candidates, nodes, legs, told[:MOST_SENTENCES], where)
        lost.claim(legs)
    return found


def _single_pairs(lost: _Lost) -> list[Diagnosis]:
    """What is left: some pairs of nodes that otherwise work. The sender of the lost packets is asked first."""
    groups: dict[str, Legs] = {}
    told: dict[str, dict[str, None]] = {}
    arrived = lost.evidence.rule("answers-lost")
    for leg in lost.unexplained:
        way = lost.way(leg)
        sender = way.source if way else min(leg[:2])
        groups.setdefault(sender, lost.evidence.tally.none()).add(leg)
        sentences = told.setdefault(sender, {})
        if len(sentences) == MOST_SENTENCES:
            continue
        if way:
            others = "; those the other way arrive" if way.opposite in arrived else ""
            sentences[f"Packets from {way.source} to {way.destination} are lost{others}."] = None
        else:
            nobody = "nobody can say on which way packets are lost, as what arrives was not recorded."
            sentences[f"Between {leg.source} and {leg.destination} {nobody}"] = None
    found = []
    for sender, legs in groups.items():
        receivers = [end for end in legs.ends() if end != sender]
        first, second = ("entry-missing", LIKELY), ("tunnel-blocked", POSSIBLE)
        if lost.evidence.backend(sender) not in TUNNELS:
            first, second = ("network-drops", LIKELY), ("filter-drops", POSSIBLE)
        # with a default route, packets of a missing one leave by that, and nobody says that there is none
        candidates = (first, second, ("route-missing", POSSIBLE))
        where = f"between {sender} and {listed(receivers)}"
        found += ranked(lost.evidence, candidates, [sender], legs, list(told[sender]), where)
    return found


# what a filter takes, and what a node sends by a way of its own that is wrong, or not at all
_FILTERS = ("filter-drops", "filter-rejects", "forward-filter")
_ASTRAY = ("underlay", "underlay-missing", "route-missing", "neighbour-missing")


def _answers(lost: _Lost, one: Diagnosis) -> tuple[Legs, str]:
    """Legs of which a fault of others has the answers, and the sentence for it."""
    found = lost.evidence.tally.none()
    if one.fault in _FILTERS:
        # what comes for a node's pods is also what answers them
        for node in one.nodes:
            found = found | (lost.unexplained & lost.evidence.rule("answers-lost")).outgoing(node)
        return found, f"It takes the answers to {len(found):,} traces of its own pods as well."
    if one.fault in _ASTRAY:
        found = (lost.unexplained & one.legs.opposite()) - lost.evidence.rule("packets-lost")
    return found, f"The answers to {len(found):,} traces from there are lost by the same way."


def _with_answers(lost: _Lost, found: Iterable[Diagnosis]) -> Iterator[Diagnosis]:
    """What is known, with the silent legs of which the same fault has the answers."""
    for one in found:
        legs, told = _answers(lost, one)
        lost.claim(legs)
        yield replace(one, legs=one.legs | legs, evidence=(*one.evidence, told)) if legs else one


def from_silence(evidence: Evidence, known: Iterable[Diagnosis]) -> list[Diagnosis]:
    """What is known of single pairs, with the silent ones that it explains, too, and the faults behind the others."""
    lost = _Lost(evidence, evidence.rule(*LOST))
    found = list(_with_answers(lost, known))
    steps: tuple[Callable[[_Lost], list[Diagnosis]], ...] = (
        _forwarding_off,
        _everywhere,
        _one_node,
        _both_ways,
        _single_pairs,
    )
    for step in steps:
        found += step(lost)
    return found
