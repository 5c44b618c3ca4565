# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every room of the diagnosis shares: all that was seen, and how a fault is put into words.

Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.faults import FAULTS, TUNNELS
from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import ServiceSeen
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Leg
from ansible_collections.podpath.kubeadm.plugins.module_utils.preflight import Finding
from ansible_collections.podpath.kubeadm.plugins.module_utils.result import Tally
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


@dataclass
class Evidence:
    """All that a diagnosis goes by. ``lost``: nodes that went away in mid-run, or lost their pods, and why."""

    nodes: Mapping[str, Node]
    tally: Tally
    findings: Sequence[Finding] = ()
    services: Sequence[ServiceSeen] = ()
    lost: Mapping[str, str] = field(default_factory=dict)
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


def made(
    evidence: Evidence,
    fault: str,
    confidence: str,
    nodes: Sequence[str],
    legs: Iterable[Leg] = (),
    told: Sequence[str] = (),
    where: str = "",
    fails: bool = True,
) -> Diagnosis:
    """A fault in the words of faults.py. ``told``: what speaks for it; ``where``: the place that its title names."""
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


def reasons(judged: Sequence[Judged]) -> list[str]:
    """A few sentences of pairs, and how many pairs say the like."""
    told = list(dict.fromkeys(one.judgement.reason for one in judged[:MOST_SENTENCES]))
    more = len(judged) - MOST_SENTENCES
    return [*told, f"{more} more pairs show the same."] if more > 0 else told


def accuse(legs: Iterable[Leg]) -> dict[Leg, str]:
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


_CANNOT_TELL = "Packets alone cannot tell these apart: {}. They stand in the order in which they are met in practice."


def ranked(
    evidence: Evidence,
    candidates: Sequence[tuple[str, str]],
    nodes: Sequence[str],
    legs: Sequence[Leg],
    told: Sequence[str],
    where: str = "",
) -> list[Diagnosis]:
    """Candidates (fault, confidence) for one and the same group of pairs."""
    more = [_CANNOT_TELL.format(", ".join(fault for fault, _confidence in candidates))] if len(candidates) > 1 else []
    return [made(evidence, fault, confidence, nodes, legs, [*told, *more], where) for fault, confidence in candidates]
