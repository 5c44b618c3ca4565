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
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace

from ansible_collections.podpath.kubeadm.plugins.module_utils.diagnosis_case import (
    MOST_SENTENCES,
    Diagnosis,
    Evidence,
    made,
    ranked,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.faults import CERTAIN, LIKELY, POSSIBLE
from ansible_collections.podpath.kubeadm.plugins.module_utils.legs import Legs, suspects
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Leg
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import FAMILIES, FAMILY_NAMES, in_order, listed
from ansible_collections.podpath.kubeadm.plugins.module_utils.tunnels import TUNNELS

# Rules of traces that end in silence between the nodes; the last two know on which way.
LOST = ("silent-after-source", "packets-lost", "answers-lost")


@dataclass
class _Lost:
    """Legs that end in silence between nodes. ``unexplained`` shrinks as faults claim them; ``astray``: legs that their
    own source is known to send by a wrong way, or by none."""

    evidence: Evidence
    unexplained: Legs
    astray: Legs

    @property
    def silent(self) -> Legs:
        """All of silence, also such as begins before the source's own cni0."""
        return self.evidence.rule(*LOST, "nothing-answers")

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


def _all_dead(lost: _Lost, family: str) -> bool:
    """Whether every traced pair across nodes is dead in a family."""
    legs = lost.unexplained.in_families(family)
    return bool(legs) and lost.evidence.tally.all_across(legs, [family])


def _dead_one_way(lost: _Lost, family: str) -> set[str]:
    """The nodes that nothing reaches, or that reach nobody, where all pairs are dead, and what arrives tells that the
    others are well: the fewest that explain it."""
    legs = lost.unexplained.in_families(family)
    arrived = legs & lost.evidence.rule("answers-lost")
    if not arrived or not _all_dead(lost, family):
        return set()
    ways = lost.ways(legs)
    found = [
        set(dead)
        for dead, sound in ((ways.destinations(), arrived.destinations()), (ways.sources(), arrived.sources()))
        if not set(dead) & set(sound)
    ]
    return min(found, key=len, default=set())


def _dead_between_all(lost: _Lost, family: str) -> bool:
    """Whether every traced pair across nodes is dead in a family, and that speaks against no single node."""
    legs = lost.unexplained.in_families(family)
    if not _all_dead(lost, family):
        return False
    if len(legs.ends()) == 2:
        # one way alone may be lost to the sender's own fault, both ways hardly are
        return len(legs.sources()) == 2 and not legs & lost.evidence.rule("answers-lost")
    # a node that is an end of each, as a new one with which all others were tried, is asked first
    return len(legs) not in legs.degrees().values() and not _dead_one_way(lost, family)


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


def _by_end(legs: Legs) -> Counter[tuple[str, str]]:
    """By node and family how many legs have it at an end."""
    found: Counter[tuple[str, str]] = Counter()
    for family in legs.families():
        found.update({(end, family): number for end, number in legs.in_families(family).degrees().items()})
    return found


def _dead_nodes(lost: _Lost) -> dict[tuple[str, str], int]:
    """Nodes, by family, of which every pair with others is dead: with how many pairs whose other end is none of these.

    A pair whose silence another fault explains tells nothing of the node at its other end. Both ways of a single pair
    are none, as they say as much of either end.
    """
    crossing = lost.evidence.tally.crossing
    told, counts = Counter(crossing), _by_end(lost.unexplained)
    told.subtract(_by_end(lost.silent - lost.unexplained))
    told.subtract((leg.destination, leg.family) for leg in lost.astray)
    dead = {key: number for key, number in counts.items() if number == told[key] and crossing[key] > 2}
    for family in FAMILIES:
        alone = _dead_one_way(lost, family)
        if alone:
            dead = {(node, own): number for (node, own), number in dead.items() if own != family or node in alone}
        alike = lost.unexplained.in_families(family).among(node for node, own in dead if own == family)
        for end, number in alike.degrees().items():
            dead[end, family] -= number
    return dead


def _one_node(lost: _Lost) -> list[Diagnosis]:
    """Nodes of which every pair with others is dead, in all families or in one.

    Those first that are dead also with nodes which others reach: the others may only have been tried with dead ones.
    """
    found = []
    dead, counts = _dead_nodes(lost), _by_end(lost.unexplained)
    totals = {node: (0, 0) for node, _family in dead}
    for (node, family), number in dead.items():
        before = totals[node]
        totals[node] = before[0] - number, before[1] - counts[node, family]
    for node in sorted(totals, key=lambda name: (totals[name], name)):
        own = lost.unexplained.of(node)
        families = [
            family
            for family in FAMILIES
            if (node, family) in dead and (dead[node, family] or len(own.in_families(family)) > 2)
        ]
        legs = own.in_families(*families)
        if legs:
            found += _of_node(lost, node, families, legs, set(totals))
            lost.claim(legs)
    return found


def _of_node(lost: _Lost, node: str, families: Sequence[str], legs: Legs, dead: Set[str]) -> list[Diagnosis]:
    """What may be wrong with a node whose pairs with others, ``legs``, are dead in these families. ``dead``: all nodes
    of which that is so, the pairs between which do not tell at which end a direction is lost."""
    silent = (lost.silent | lost.astray).of(node).in_families(*families)

    def besides(own: Legs, word: str) -> str:
        others = [end for end in (silent - own).ends() if end != node]
        return f" {word} other nodes than {listed(others)}" if others else ""

    within = _in_words(lost, families)
    told = [
        f"All {len(legs):,} pairs of {node}{besides(legs, 'with') or ' with other nodes'}{within} end in silence after "
        "the source's own cni0."
    ]
    failed = lost.evidence.tally.failed()
    if lost.evidence.tally.all_across(legs, families):
        told.append("Pairs of the other nodes with one another were not tried, so it may be that none reaches any.")
    elif len(dead) == 1 and not failed - failed.of(node):
        told.append("Pairs of the other nodes with one another are not concerned.")
    apart = legs - legs.among(dead) or legs
    ways = lost.ways(apart)
    candidates = _candidates(lost.evidence.backend(node))
    if ways.destinations() == [node]:
        to = besides(apart, "to")
        told.append(f"What {node} sends{to} arrives; what is sent to it does not, neither packets nor answers.")
    elif ways.sources() == [node]:
        told.append(f"What is sent to {node}{besides(apart, 'by')} arrives; what it sends does not.")
        candidates = (("entry-missing", LIKELY), *candidates)
    return ranked(lost.evidence, candidates, [node], legs, told, f"at node {node}{within}")


def _both_ways(lost: _Lost) -> list[Diagnosis]:
    """Single pairs of which the packets of both directions are known to be lost: that is no single entry's fault."""
    packets = lost.unexplained & lost.evidence.rule("packets-lost")
    found = []
    for nodes, legs in suspects(packets & packets.opposite()).items():
        node = nodes[0]
        peers = [end for end in legs.ends() if end != node]
        told = [f"Packets from {node} to {peer} are lost, and those the other way, too." for peer in peers]
        candidates = _candidates(lost.evidence.backend(node))[:1]
        if candidates[0][0] == "tunnel-blocked":
            candidates = (*candidates, ("entry-missing", POSSIBLE), ("route-missing", POSSIBLE))
        where = f"between {node} and {listed(peers)}"
        found += ranked(lost.evidence, candidates, nodes, legs, told[:MOST_SENTENCES], where)
        lost.claim(legs)
    return found


def _ways_told(lost: _Lost, legs: Legs) -> list[str]:
    """On which way the packets of pairs are lost, of the first few."""
    arrived = lost.evidence.rule("answers-lost")
    told: dict[str, None] = {}
    for leg in legs:
        way = lost.way(leg)
        if way:
            others = "; those the other way arrive" if way.opposite in arrived else ""
            told[f"Packets from {way.source} to {way.destination} are lost{others}."] = None
        else:
            nobody = "nobody can say on which way packets are lost, as what arrives was not recorded."
            told[f"Between {' and '.join(sorted(leg[:2], key=in_order))} {nobody}"] = None
        if len(told) == MOST_SENTENCES:
            break
    return list(told)


def _single_pairs(lost: _Lost) -> list[Diagnosis]:
    """What is left: some pairs of nodes that otherwise work. The sender of the lost packets is asked first."""
    groups: dict[tuple[str, ...], Legs] = {}
    unknown = lost.evidence.tally.none()
    for leg in lost.unexplained:
        way = lost.way(leg)
        own = groups.setdefault((way.source,), lost.evidence.tally.none()) if way else unknown
        own.add(leg)
    for nodes, legs in suspects(unknown).items():
        groups[nodes] = groups[nodes] | legs if nodes in groups else legs
    found = []
    for nodes, legs in groups.items():
        first, second = ("entry-missing", LIKELY), ("tunnel-blocked", POSSIBLE)
        if lost.evidence.backend(nodes[0]) not in TUNNELS:
            first, second = ("network-drops", LIKELY), ("filter-drops", POSSIBLE)
        # with a default route, packets of a missing one leave by that, and nobody says that there is none
        candidates = (first, second, ("route-missing", POSSIBLE))
        receivers = [end for end in legs.ends() if end != nodes[0]]
        where = f"between {nodes[0]} and {listed(receivers)}"
        either = len(nodes) > 1
        found += ranked(lost.evidence, candidates, nodes, legs, _ways_told(lost, legs), where, either=either)
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
    known = list(known)
    astray = (one.legs for one in known if one.fault in _ASTRAY)
    lost = _Lost(evidence, evidence.rule(*LOST), evidence.tally.union(astray))
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
