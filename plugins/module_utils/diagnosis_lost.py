# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults behind silence: traces that end after the source's own cni0, or get no answer at all.

Pure. One such trace tells next to nothing; what is dead with it does. Each step takes the pairs that it explains, and
leaves the others to the next: forwarding, the network of all nodes, a node, single pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from ansible_collections.podpath.kubeadm.plugins.module_utils.diagnosis_case import (
    MOST_SENTENCES,
    Diagnosis,
    Evidence,
    made,
    ranked,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.faults import CERTAIN, LIKELY, POSSIBLE, TUNNELS
from ansible_collections.podpath.kubeadm.plugins.module_utils.legs import Legs
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Leg
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import listed

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
                f"Pods on {node} get no answer from their own cni0 in {len(silent):,} traces, but others of its traces "
                "do pass it."
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


def _everywhere(lost: _Lost) -> list[Diagnosis]:
    """Every pair across nodes is dead: the fault is common to all."""
    crossing = lost.evidence.tally.crossing
    legs = lost.unexplained
    if len(crossing) < 3 or 2 * len(legs) != sum(crossing.values()):
        return []
    nodes = sorted(crossing)
    told = [f"All {len(legs):,} pairs across nodes end in silence after the source's own cni0, those on a node do not."]
    candidates = (_candidates(lost.evidence.backend(nodes[0]))[0],)
    found = ranked(lost.evidence, candidates, nodes, legs, told, "between all nodes")
    lost.claim(legs)
    return found


def _one_node(lost: _Lost) -> list[Diagnosis]:
    """Nodes of which every pair with others is dead."""
    found = []
    crossing, counts = lost.evidence.tally.crossing, lost.unexplained.degrees()
    while dead := [node for node, number in counts.items() if number == crossing[node] and number > 2]:
        node = max(sorted(dead), key=counts.__getitem__)
        legs = lost.unexplained.of(node)
        told = [f"All {len(legs):,} pairs of {node} with other nodes end in silence after the source's own cni0."]
        if len(legs) == len(lost.unexplained) and 2 * len(legs) < sum(crossing.values()):
            told.append("Pairs of the other nodes with one another are not concerned.")
        ways = lost.ways(legs)
        candidates = _candidates(lost.evidence.backend(node))
        if ways.destinations() == [node]:
            told.append(f"What {node} sends arrives; what is sent to it does not, neither packets nor answers.")
        elif ways.sources() == [node]:
            told.append(f"What is sent to {node} arrives; what it sends does not.")
            candidates = (("entry-missing", LIKELY), *candidates)
        found += ranked(lost.evidence, candidates, [node], legs, told)
        lost.claim(legs)
        for end, number in legs.degrees().items():
            counts[end] -= number
    return found


def _single_pairs(lost: _Lost) -> list[Diagnosis]:
    """What is left: some pairs of nodes that otherwise work. The sender of the lost packets is asked first."""
    groups: dict[str, Legs] = {}
    told: dict[str, dict[str, None]] = {}
    for leg in lost.unexplained:
        way = lost.way(leg)
        sender = way.source if way else min(leg[:2])
        groups.setdefault(sender, lost.evidence.tally.none()).add(leg)
        sentences = told.setdefault(sender, {})
        if len(sentences) == MOST_SENTENCES:
            continue
        if way:
            sentences[f"Packets from {way.source} to {way.destination} are lost; those the other way arrive."] = None
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


# what a filter takes, and what a node sends by a way of its own that is wrong
_FILTERS = ("filter-drops", "filter-rejects", "forward-filter")
_ASTRAY = ("underlay", "underlay-missing")


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
    steps: tuple[Callable[[_Lost], list[Diagnosis]], ...] = (_forwarding_off, _everywhere, _one_node, _single_pairs)
    for step in steps:
        found += step(lost)
    return found
