# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a run as plain data, in the form that pod_traceroute's RETURN describes. Pure."""

from __future__ import annotations

import functools
import operator
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.judgement import (
    END_GONE,
    FAIL,
    INCONCLUSIVE,
    PASS,
    VERDICTS,
    overall,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.legs import Legs, Names
from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import (
    ICMP,
    End,
    Observation,
    ServiceSeen,
    evidence,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Leg
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import FAMILIES, Node, Side, in_order, listed
from ansible_collections.podpath.kubeadm.plugins.module_utils.verdict import Control, Judged

SCHEMA_VERSION = 2
# of the collection; galaxy.yml says the same
VERSION = "0.1.0"

# the faults that no single pair shows: Services that lead nowhere, loss, and an expected node that the plan may have no
# pair of, as it has no labels; faults.py has the same
SERVICES_DEAD = "services-dead"
LOSS = "loss"
NODE_MISSING = "node-missing"

PROBER = "prober"
PEER = "peer"

Ends = Mapping[tuple[str, str], End]


def _zero() -> dict[str, int]:
    return dict.fromkeys(VERDICTS, 0)


# A diagnosis tells so many reasons of pairs; of each rule as many are kept for a node at either end.
MOST_REASONS = 5


@dataclass
class Broken:
    """The pairs that one rule kept from a pass, and what their traces tell a diagnosis.

    ``failed``: those that fail; ``refused``: the last hop is the source itself; ``mute``: the first hop is silent;
    ``unanswered``: every one is; ``hidden``: the last one before the pod is; ``looped``: the source's own cni0 answers
    again after hop 1.
    """

    legs: Legs
    failed: Legs
    refused: Legs
    mute: Legs
    unanswered: Legs
    hidden: Legs
    looped: Legs

    @classmethod
    def empty(cls, names: Names) -> Broken:
        return cls(*(Legs(names) for _ in range(7)))

    def add(self, judged: Judged, near: Side) -> None:
        leg, trace, bridge = judged.leg, judged.observation.trace, near.bridge_ip
        self.legs.add(leg)
        if judged.judgement.verdict == FAIL:
            self.failed.add(leg)
        if trace is None:
            return
        if not trace.hops[0].addresses:
            self.mute.add(leg)
        if not any(hop.addresses for hop in trace.hops):
            self.unanswered.add(leg)
        if len(trace.hops) > 2 and not trace.hops[-2].addresses:
            self.hidden.add(leg)
        if set(near.known) & set(trace.hops[-1].addresses):
            self.refused.add(leg)
        if any(bridge in hop.addresses for hop in trace.hops[1:]):
            self.looped.add(leg)


def _heard(seen: Observation) -> bool:
    """Whether the pod of a pair that was traced answered."""
    if seen.tcp is not None:
        return seen.tcp.connected
    return bool(seen.echoes is not None and seen.echoes.received) or (seen.trace is not None and seen.trace.reached)


@dataclass
class Tally:
    """Verdicts as they are counted: in all, and by node, of what goes out of it and what comes in.

    Of pairs that do not pass only bits and a few reasons are kept, as all of a million may fail. ``broken``: they, by
    the rule that said so; ``first``: the first one of each verdict, with its reason; ``reasons``: of some of them, see
    MOST_REASONS. ``tried``: how many pairs have a trace; ``met``: the nodes in them; ``crossing``: by node and
    family, how many traced pairs it has with other nodes; ``reached``: by node, how many of these pass; ``beyond``:
    sources, with the family, that do forward to another node, as a trace shows more than hop 1, or an echo or a TCP
    connection came about. ``echoes``: by node, those of its pairs with other nodes of which any came back, as sent and
    lost; ``large``: the same of those of full size, without what a smaller MTU explains; ``lossy``: the pairs that lost
    some of either. ``icmp``: pairs that do not pass and were traced by ICMP; ``heard`` and ``unheard``: those whose pod
    answered, by TCP where that was tried, and those that were traced and whose pod did not.
    """

    nodes: Mapping[str, Node]
    counts: dict[str, int] = field(default_factory=_zero)
    outgoing: dict[str, dict[str, int]] = field(default_factory=dict)
    incoming: dict[str, dict[str, int]] = field(default_factory=dict)
    broken: dict[str, Broken] = field(default_factory=dict)
    first: dict[str, tuple[Leg, str]] = field(default_factory=dict)
    reasons: dict[Leg, str] = field(default_factory=dict)
    tried: int = 0
    met: set[str] = field(default_factory=set)
    crossing: Counter[tuple[str, str]] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    beyond: set[tuple[str, str]] = field(default_factory=set)
    echoes: dict[str, tuple[int, int]] = field(default_factory=dict)
    large: dict[str, tuple[int, int]] = field(default_factory=dict)
    names: Names = field(init=False)
    lossy: Legs = field(init=False)
    icmp: Legs = field(init=False)
    heard: Legs = field(init=False)
    unheard: Legs = field(init=False)
    _told: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.names = Names(self.nodes)
        self.lossy, self.icmp, self.heard, self.unheard = (self.none() for _ in range(4))

    def none(self) -> Legs:
        """No legs, as a set that can be compared with the others."""
        return Legs(self.names)

    def union(self, several: Iterable[Legs]) -> Legs:
        return functools.reduce(operator.or_, several, self.none())

    def of_rules(self, *rules: str) -> Legs:
        """The pairs that one of these rules kept from a pass."""
        return self.union(self.broken[rule].legs for rule in rules if rule in self.broken)

    def failed(self) -> Legs:
        """The pairs that fail."""
        return self.union(broken.failed for broken in self.broken.values())

    def all_across(self, legs: Legs, families: Collection[str]) -> bool:
        """Whether these legs, all between two nodes, are every one that was traced in these families."""
        # each counts at either end
        return 2 * len(legs) == sum(number for (_node, family), number in self.crossing.items() if family in families)

    def add(self, judged: Judged) -> None:
        leg, verdict = judged.leg, judged.judgement.verdict
        self.counts[verdict] += 1
        for table, node in ((self.outgoing, leg.source), (self.incoming, leg.destination)):
            if node not in table:
                table[node] = _zero()
            table[node][verdict] += 1
        if verdict != PASS:
            self._add_broken(judged)
        elif leg.source != leg.destination:
            self.reached.update(leg[:2])
        trace, echoes = judged.observation.trace, judged.observation.echoes
        if trace is not None:
            self.tried += 1
            self.met.add(leg.source)
            self.met.add(leg.destination)
        if judged.judgement.rule == END_GONE:
            return  # what it lost tells nothing of the network
        if trace is not None and leg.source != leg.destination:
            self.crossing[leg.source, leg.family] += 1
            self.crossing[leg.destination, leg.family] += 1
            tcp = judged.observation.tcp
            answered = (echoes is not None and echoes.received) or (tcp is not None and tcp.connected)
            if answered or any(hop.addresses for hop in trace.hops[1:]):
                self.beyond.add((leg.source, leg.family))
        if echoes is not None and echoes.received:
            self._add_echoes(self.echoes, leg, echoes.sent, echoes.sent - echoes.received)
        full = judged.observation.full_size
        if full is not None and full.received:
            self._add_echoes(self.large, leg, *full.unexplained(leg.family))

    def _add_echoes(self, table: dict[str, tuple[int, int]], leg: Leg, sent: int, lost: int) -> None:
        if leg.source == leg.destination:
            return
        if lost:
            self.lossy.add(leg)
        for node in leg[:2]:
            before = table.get(node, (0, 0))
            table[node] = before[0] + sent, before[1] + lost

    def _add_broken(self, judged: Judged) -> None:
        leg, judgement = judged.leg, judged.judgement
        if judgement.rule not in self.broken:
            self.broken[judgement.rule] = Broken.empty(self.names)
        self.broken[judgement.rule].add(judged, self.nodes[leg.source].side(leg.family))
        if judged.observation.protocol == ICMP:
            self.icmp.add(leg)
        if judged.observation.trace is not None:
            (self.heard if _heard(judged.observation) else self.unheard).add(leg)
        self.first.setdefault(judgement.verdict, (leg, judgement.reason))
        kept = (judgement.rule, "source", leg.source), (judgement.rule, "destination", leg.destination)
        if any(self._told[key] < MOST_REASONS for key in kept):
            self._told.update(kept)
            self.reasons[leg] = judgement.reason


def _end(role: str, node: str, family: str, ends: Ends) -> dict[str, str]:
    end = ends.get((role, node))
    return {"node": node, "pod": end.pod if end else "", "ip": end.ips.get(family, "") if end else ""}


def pair(judged: Judged, ends: Ends) -> dict[str, Any]:
    """One pair with all that is known of it."""
    leg, expectation, trace = judged.leg, judged.expectation, judged.observation.trace
    return {
        "source": _end(PROBER, leg.source, leg.family, ends),
        "destination": _end(PEER, leg.destination, leg.family, ends),
        "family": leg.family,
        "verdict": judged.judgement.verdict,
        "rule": judged.judgement.rule,
        "reason": judged.judgement.reason,
        "expected": expectation.as_dict() if expectation else {"origin": "unknown", "hops": []},
        "hops": [hop.as_dict() for hop in trace.hops] if trace else [],
        "protocol": judged.observation.protocol if trace else "",
        "retraced": judged.observation.retraced,
        "evidence": evidence(judged.observation),
    }


def _node_verdict(
    name: str, node: Node, tally: Tally, broken: Legs, blamed: Mapping[str, str]
) -> tuple[str, str]:
    """A node's verdict and why: pairs that fail for another node's sake are not held against it."""
    own = [table.get(name, _zero()) for table in (tally.outgoing, tally.incoming)]
    total = {verdict: own[0][verdict] + own[1][verdict] for verdict in VERDICTS}
    if node.unusable:
        return INCONCLUSIVE, node.unusable
    if not sum(total.values()):
        return INCONCLUSIVE, f"The plan has no pair of node {name}."
    if name in blamed:
        return (FAIL if total[FAIL] else INCONCLUSIVE), blamed[name]
    if total[PASS] == sum(total.values()):
        return PASS, f"All {total[PASS]} pairs from and to it pass."
    others = set(broken.of(name).ends()) - {name}
    if others and others <= blamed.keys():
        where = f"{listed(sorted(others, key=in_order))}, where the fault lies"
        # that its own pods reach one another shows nothing of its way to others
        if tally.reached[name]:
            return PASS, f"Its pairs pass but for those with {where}."
        return INCONCLUSIVE, f"No pairs of it with other nodes were tried than those with {where}."
    told = f"{total[PASS]} of its {sum(total.values())} pairs pass"
    return overall(total), f"{told}; {total[FAIL]} fail, {total[INCONCLUSIVE]} are inconclusive."


def nodes(
    known: Mapping[str, Node], tally: Tally, families: Sequence[str], blamed: Mapping[str, str]
) -> list[dict[str, Any]]:
    """A row for each node. ``blamed``: nodes that a diagnosis names, with its title."""
    broken = tally.of_rules(*tally.broken)
    rows = []
    for name, node in known.items():
        sides = [node.side(family) for family in families]
        verdict, reason = _node_verdict(name, node, tally, broken, blamed)
        rows.append(
            {
                "name": name,
                "ready": node.ready,
                "pod_cidrs": [side.pod_cidr for side in sides if side.pod_cidr],
                "internal_ips": [address for side in sides for address in side.internal_ips],
                "public_ip": next((side.public_ip for side in sides if side.public_ip), None),
                "public_ips": [side.public_ip for side in sides if side.public_ip],
                "overwritten_ips": [side.public_ip for side in sides if side.overwritten],
                "backend": node.backend,
                "bridge_ips": [side.bridge_ip for side in sides if side.bridge_ip],
                "overlay_ips": [side.overlay_ip for side in sides if side.overlay_ip],
                "verdict": verdict,
                "reason": reason,
                "outgoing": tally.outgoing.get(name, _zero()),
                "incoming": tally.incoming.get(name, _zero()),
            }
        )
    return rows


def controls(judged: Iterable[Control]) -> list[dict[str, Any]]:
    return [
        {
            "family": control.seen.family,
            "source": control.seen.source,
            "address": control.seen.address,
            "answered": list(control.seen.answered),
            "verdict": control.judgement.verdict,
            "held": control.held,
            "reason": control.judgement.reason,
            "hops": [hop.as_dict() for hop in control.seen.trace.hops] if control.seen.trace else [],
        }
        for control in judged
    ]


def services(seen: Iterable[ServiceSeen]) -> list[dict[str, Any]]:
    return [
        {
            "source": service.source,
            "address": service.address,
            "port": service.port,
            "connected": service.connected,
            "served_by": service.served_by,
            "problem": service.problem,
            "observed": not service.unobserved,
            "why": service.unobserved,
        }
        for service in seen
    ]


def coverage(
    known: Mapping[str, Node], planned: frozenset[str], possible: int, tally: Tally, problems: Mapping[str, str]
) -> dict[str, Any]:
    """Pairs tried of those possible, and each node that was left out, with the reason.

    ``problems``: nodes whose pods did not run, and why.
    """
    skipped = {name: node.unusable for name, node in known.items() if node.unusable}
    for name, problem in problems.items():
        skipped.setdefault(name, problem)
    for name in known:
        if name not in planned:
            skipped.setdefault(name, f"The plan has no pair of node {name}.")
    return {
        "tried": tally.tried,
        "possible": possible,
        "nodes": len(known),
        "covered": len(tally.met),
        "skipped": [{"node": name, "reason": reason} for name, reason in skipped.items()],
    }


def message(tally: Tally, planned: int, possible: int, node_count: int, diagnosis: Sequence[Mapping[str, Any]]) -> str:
    """One sentence for the whole, with what is most likely wrong, or the first pair that did not pass."""
    counts = tally.counts
    told = (
        f"{counts[PASS]} of {planned} pairs pass, {counts[FAIL]} fail, {counts[INCONCLUSIVE]} are inconclusive"
        f"{'' if planned == possible else f' ({possible} are possible)'}."
    )
    if node_count == 1:
        told += " The cluster has a single node, so no path across nodes is proved."
    for wanted in (FAIL, INCONCLUSIVE):
        if wanted in tally.first:
            # of pairs that are open the first tells enough, but no pair tells of Services
            if diagnosis and (wanted == FAIL or diagnosis[0]["fault"] == SERVICES_DEAD):
                told += f" {diagnosis[0]['title']}"
            leg, reason = tally.first[wanted]
            return f"{told} {leg.source} to {leg.destination}: {reason}"
    # what no pair shows: Services that lead nowhere, a missing node, or loss that only all echoes together tell
    return f"{told} {diagnosis[0]['title']}" if diagnosis else told


def verdict(tally: Tally, faults: Iterable[str]) -> str:
    """Over all pairs; where all pass, but Services lead nowhere, packets are lost or a node is missing, the whole does
    not pass.

    ``faults``: those of the diagnosis, without a loss that is merely possible.
    """
    own = overall(tally.counts)
    return INCONCLUSIVE if own == PASS and {SERVICES_DEAD, LOSS, NODE_MISSING} & set(faults) else own


def facts(known: Mapping[str, Node], server: str, families: Sequence[str], direct: bool | None) -> dict[str, Any]:
    """What the cluster is."""
    return {
        "server": server,
        "nodes": len(known),
        "backends": sorted({node.backend for node in known.values() if node.backend}),
        "families": list(families),
        "direct_routing": direct,
    }


def own_ips(ends: Ends, role: str) -> dict[tuple[str, str], str]:
    """The addresses of a role's pods by (node, family)."""
    return {
        (node, family): end.ips[family]
        for (its, node), end in ends.items()
        if its == role
        for family in FAMILIES
        if family in end.ips
    }
