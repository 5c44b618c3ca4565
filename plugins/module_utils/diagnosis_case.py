# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every room of the diagnosis shares: all that was seen, and how a fault is put into words.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.faults import AT_EITHER_END, BY_FAMILY, FAULTS
from ansible_collections.podpath.kubeadm.plugins.module_utils.legs import Legs
from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import ServiceSeen
from ansible_collections.podpath.kubeadm.plugins.module_utils.preflight import Finding
from ansible_collections.podpath.kubeadm.plugins.module_utils.result import MOST_REASONS, Tally
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import (
    FAMILIES,
    IPV4,
    Flannel,
    Node,
    Side,
    listed,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.tunnels import (
    COMPARED,
    ENTRIES,
    PING_DATA,
    carried,
    endpoint,
    tunnel,
)

MOST_PAIRS = 20
MOST_SENTENCES = MOST_REASONS
MOST_NAMES = 5
_UDP_PASSES = "UDP ports from 33434 on"
_ICMP_PASSES = "ICMP echo requests"
# from so many nodes on, one fault of each is one fault of them all
_ALIKE = 3


@dataclass(frozen=True)
class Diagnosis:
    """A fault, at which nodes, with what speaks for it, and which pairs it explains."""

    fault: str
    title: str
    confidence: str
    nodes: tuple[str, ...]
    legs: Legs
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
            "pairs": [str(leg) for leg in islice(self.legs, MOST_PAIRS)],
            "pairs_total": len(self.legs),
            "evidence": list(self.evidence),
            "confirm": list(self.confirm),
            "cure": list(self.cure),
        }


@dataclass
class Evidence:
    """All that a diagnosis goes by. ``lost``: nodes that went away in mid-run, or lost their pods, and why;
    ``flannel``: what net-conf.json says."""

    nodes: Mapping[str, Node]
    tally: Tally
    findings: Sequence[Finding] = ()
    services: Sequence[ServiceSeen] = ()
    lost: Mapping[str, str] = field(default_factory=dict)
    flannel: Flannel | None = None

    def rule(self, *rules: str) -> Legs:
        """The pairs that one of these rules kept from a pass."""
        return self.tally.of_rules(*rules)

    def backend(self, name: str) -> str:
        return self.nodes[name].backend or ""


def _named(evidence: Evidence, nodes: Sequence[str]) -> str:
    """Nodes for a sentence: by name, or as all of them where they are many."""
    if len(nodes) > MOST_NAMES and evidence.tally.met <= set(nodes):
        return f"all {len(nodes):,} nodes"
    return listed(nodes, MOST_NAMES)


def _address(side: Side) -> str:
    """By which a node is reached."""
    return side.public_ip or (side.internal_ips or ("its address",))[0]


def _values(evidence: Evidence, node: str, others: Sequence[str], peer: str, families: Sequence[str]) -> dict[str, str]:
    """What the texts of a fault speak of; the commands are of the first family."""
    family = families[0]
    side = evidence.nodes[peer].side(family)
    backend = evidence.backend(node)
    found = tunnel(backend, family, evidence.flannel)
    publics = {one: evidence.nodes[peer].side(one).public_ip for one in FAMILIES}
    addresses = {one: address for one, address in publics.items() if address}
    values = {
        "node": node,
        "peer": peer,
        "peers": listed(others, MOST_NAMES) if others else "the other nodes",
        "cidr": side.pod_cidr or "its podCIDR",
        "address": _address(side),
        "endpoint": endpoint(backend, family, addresses, evidence.flannel) or _address(side),
        "own_address": _address(evidence.nodes[node].side(family)),
        "bridge": side.bridge_ip or "its pods",
        "tunnel": carried(backend, families, evidence.flannel) if found else "the tunnel",
        "capture": found.capture if found else "ip",
        # without a tunnel it is the card that carries the node's address
        "device": found.device if found else "INTERFACE",
        "data": str(PING_DATA[family]),
        **BY_FAMILY[family],
    }
    lines = {"entries": ENTRIES, "compared": COMPARED}
    return values | {name: by_backend.get(backend, "").format(**values) for name, by_backend in lines.items()}


def _probes(evidence: Evidence, legs: Legs) -> dict[str, str]:
    """Of what protocol the probes of traces are, and what a filter must let pass for them."""
    icmp = bool(legs & evidence.tally.icmp)
    udp = not icmp or bool(legs - evidence.tally.icmp)
    passing = " and ".join([_UDP_PASSES] * udp + [_ICMP_PASSES] * icmp)
    return {
        "probes": " and ".join(["UDP"] * udp + ["ICMP"] * icmp),
        "passing": f"{passing} with the ICMP errors that answer them",
    }


_EITHER = "Packets alone do not say at which of the two nodes it is."


def _as_either(title: str, node: str, peer: str) -> dict[str, str]:
    """How a title speaks of two nodes of which it may be the one or the other."""
    between = "between {node} and {peers}" in title
    return {"node": node, "peers": peer} if between else {"node": f"{node} or {peer}"}


def made(
    evidence: Evidence,
    fault: str,
    confidence: str,
    nodes: Sequence[str],
    legs: Legs | None = None,
    told: Sequence[str] = (),
    where: str = "",
    fails: bool = True,
    either: bool = False,
) -> Diagnosis:
    """A fault in the words of faults.py. ``told``: what speaks for it; ``where``: the place that its title names;
    ``either``: it is at one of two nodes, or between them, and nothing tells more.

    Of several nodes the commands name the first, as an example; where it is either, they are there for both.
    """
    legs = evidence.tally.none() if legs is None else legs
    node = nodes[0] if nodes else next(iter(evidence.nodes))
    at, ends = set(nodes), legs.ends()
    others = [end for end in ends if end not in at]
    peer = next((end for end in (*others, *ends) if end != node), node)
    # what no pair shows is told in a family that was tried
    families = legs.families() or sorted({family for _node, family in evidence.tally.crossing}) or [IPV4]
    values = _values(evidence, node, others, peer, families)
    values |= {"nodes": _named(evidence, nodes), **_probes(evidence, legs)}
    if len(nodes) == 2 and not others:
        values["peers"] = "the other one"
    each = f"each of {values['nodes']}".replace("each of all ", "each of the ") if len(nodes) > 1 else node
    spoken = {**values, "node": each, "where": where or (f"at node {node}" if each == node else f"at {each}")}
    text = FAULTS[fault]
    title = (text.title if each == node else text.title.replace("Node {node}", "{node}")).format(**spoken)
    confirm = [line.format(**values) for line in text.confirm]
    if either:
        title = text.title.format(**spoken | _as_either(text.title, node, peer))
        confirm += [line.format(**_values(evidence, peer, [], node, families)) for line in text.confirm]
        told = [*told, _EITHER]
    return Diagnosis(
        fault=fault,
        title=title[:1].upper() + title[1:],
        confidence=confidence,
        nodes=tuple(nodes),
        legs=legs,
        evidence=tuple(told),
        confirm=tuple(dict.fromkeys(confirm)),
        cure=tuple(line.format(**spoken) for line in text.cure),
        fails=fails,
    )


def reasons(evidence: Evidence, legs: Legs) -> list[str]:
    """A few sentences of pairs, and how many pairs say the like."""
    known = evidence.tally.reasons
    told = list(dict.fromkeys(islice((known[leg] for leg in legs if leg in known), MOST_SENTENCES)))
    if legs and not told:
        return [f"{len(legs):,} pairs show it, such as {next(iter(legs))}."]
    more = len(legs) - MOST_SENTENCES
    return [*told, f"{more:,} more pairs show the same."] if more > 0 else told


_CANNOT_TELL = "Packets alone cannot tell the {} apart. They stand in the order in which they are met in practice."
_NUMBERS = {2: "two faults", 3: "three faults"}


def ranked(
    evidence: Evidence,
    candidates: Sequence[tuple[str, str]],
    nodes: Sequence[str],
    legs: Legs,
    told: Sequence[str],
    where: str = "",
    fails: bool = True,
    either: bool = False,
) -> list[Diagnosis]:
    """Candidates (fault, confidence) for one and the same group of pairs."""
    count = len(candidates)
    more = [_CANNOT_TELL.format(_NUMBERS.get(count, f"{count} faults"))] if count > 1 else []
    return [
        made(evidence, fault, confidence, nodes, legs, [*told, *more], where, fails, either)
        for fault, confidence in candidates
    ]


def _between_all(evidence: Evidence, legs: Legs) -> bool:
    """Whether these are all traced pairs across nodes, in their families, and none is an end of each: as a new one with
    which alone all others were tried, it would be asked first."""
    across = legs.across()
    families, ends = across.families(), across.degrees()
    if not ends or not evidence.tally.all_across(across, families):
        return False
    return len(ends) == 2 or len(across) not in ends.values()


def _as_one(evidence: Evidence, alike: Sequence[Diagnosis], at: Iterable[str]) -> Diagnosis:
    """The same fault, found several times, as one at the nodes ``at``."""
    first = alike[0]
    legs = evidence.tally.union(one.legs for one in alike)
    nodes = [name for name in evidence.nodes if name in set(at)]
    shared = set(first.evidence).intersection(*(one.evidence for one in alike))
    told = dict.fromkeys(one.evidence[0] for one in alike[:MOST_SENTENCES])
    more = [f"{len(alike) - MOST_SENTENCES:,} more nodes show the same."] if len(alike) > MOST_SENTENCES else []
    told = [*told, *more, *(line for line in first.evidence if line in shared and line not in told)]
    return made(evidence, first.fault, first.confidence, nodes, legs, told, fails=first.fails)


def _told_once(evidence: Evidence, group: Mapping[int, Diagnosis]) -> dict[int, Diagnosis]:
    """One fault, found at single nodes and at pairs of them, by the place at which each was found.

    That between all nodes is one of all, and that of many single nodes one of these. What is between two nodes stays
    so, as many such pairs are no fault that each of their nodes has.
    """
    first = next(iter(group.values()))
    legs = evidence.tally.union(one.legs for one in group.values())
    several = {number: one for number, one in group.items() if len(one.nodes) == 1}
    at = {one.nodes[0] for one in several.values()}
    # the fewest that explain all pairs are not all nodes, but then nothing speaks for the others
    if first.fault in AT_EITHER_END and _between_all(evidence, legs):
        several, at = dict(group), {*at, *legs.ends()}
        if at == set(first.nodes):
            return several
    elif len(several) < _ALIKE:
        return dict(group)
    # one for them all stands where the first of them stood
    one = _as_one(evidence, list(several.values()), at)
    return {number: found for number, found in group.items() if number not in several} | {min(several): one}


def joined(evidence: Evidence, found: Iterable[Diagnosis]) -> list[Diagnosis]:
    """What was found, with a fault that many nodes have told once and not for each of them."""
    groups: dict[tuple[object, ...], dict[int, Diagnosis]] = {}
    for number, one in enumerate(found):
        # of one node, or of either end of a pair
        key = (one.fault, one.confidence, one.fails) if len(one.nodes) in (1, 2) else (number,)
        groups.setdefault(key, {})[number] = one
    told: dict[int, Diagnosis] = {}
    for group in groups.values():
        told.update(_told_once(evidence, group))
    return [told[number] for number in sorted(told)]
