# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths that a user states for a network that Flannel's table does not know, such as Calico or a router in between.

Pure. A statement names its nodes by pattern and its hops by templates: an address, ``*`` for a hop that stays silent,
or a fact of the source's or destination's node in braces, several of them joined by ``|`` where either may answer:

    {source.bridge_ip}   {destination.public_ip}   {destination.annotations[projectcalico.org/IPv4IPIPTunnelAddr]}

The last hop must be ``{destination.pod_ip}``: only reaching the pod proves a path.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.paths import (
    SILENT,
    STATED,
    Expectation,
    ExpectedHop,
    PathUnknown,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import (
    FAMILIES,
    Node,
    TopologyError,
    canonical,
    family_of,
    listed,
)

POD_IP = "{destination.pod_ip}"
FACTS = ("bridge_ip", "overlay_ip", "public_ip", "internal_ip")
_TEMPLATE = re.compile(
    r"\{(?P<end>source|destination)\.(?:(?P<fact>\w+)|(?P<map>annotations|labels)\[(?P<key>[^\]]+)\])\}"
)


class StatementError(TopologyError):
    """A statement of ``expected`` is wrong. The text says which, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One entry of ``expected``: the nodes it holds for, and for each hop the alternatives that may answer."""

    number: int
    sources: frozenset[str]
    destinations: frozenset[str]
    families: tuple[str, ...]
    on_node: bool
    hops: tuple[tuple[str, ...], ...]

    @property
    def named(self) -> str:
        return f"expected[{self.number}]"

    @property
    def by_pod_cidr(self) -> bool:
        """Whether any hop is one that follows from a node's podCIDR, so that its pods have addresses of that."""
        told = "|".join(part for alternatives in self.hops for part in alternatives)
        return any(f".{fact}}}" in told for fact in ("bridge_ip", "overlay_ip"))


def _nodes_of(pattern: str, key: str, named: str, nodes: Mapping[str, Node]) -> frozenset[str]:
    found = frozenset(name for name in nodes if fnmatch.fnmatchcase(name, pattern))
    if not found:
        raise StatementError(f"{named}.{key} is {pattern!r}, which no node's name matches; there are {listed(nodes)}.")
    return found


def _alternatives(hop: str, families: Sequence[str], named: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in hop.split("|"))
    for part in parts:
        if part == "*":
            if len(parts) > 1:
                raise StatementError(f"{named} is {hop!r}; * stands for a silent hop and has no alternative.")
            continue
        match = _TEMPLATE.fullmatch(part)
        if match is not None:
            if match["fact"] and match["fact"] not in FACTS and part != POD_IP:
                raise StatementError(f"{named} is {hop!r}; a node has {', '.join(FACTS)}, annotations[] and labels[].")
            continue
        address = canonical(part)
        if address is None:
            raise StatementError(
                f"{named} is {hop!r}, which is neither an address, *, nor a fact such as {{destination.public_ip}}."
            )
        if families != (family_of(address),):
            raise StatementError(
                f"{named} is {address}; say with family: {family_of(address)} that this statement "
                "holds for that family alone."
            )
    return tuple(canonical(part) or part for part in parts)


def _statement(number: int, entry: Mapping[str, Any], nodes: Mapping[str, Node]) -> Statement:
    named = f"expected[{number}]"
    families = (entry["family"],) if entry.get("family") else FAMILIES
    hops = list(entry.get("hops") or ())
    if not hops or hops[-1] != POD_IP:
        raise StatementError(f"{named}.hops must end with {POD_IP!r}: only reaching the pod proves a path.")
    if POD_IP in "|".join(hops[:-1]):
        raise StatementError(f"{named}.hops names {POD_IP!r} before the last one: a path ends where the pod answers.")
    return Statement(
        number=number,
        sources=_nodes_of(entry.get("source") or "*", "source", named, nodes),
        destinations=_nodes_of(entry.get("destination") or "*", "destination", named, nodes),
        families=families,
        on_node=bool(entry.get("on_node")),
        hops=tuple(_alternatives(hop, families, f"{named}.hops[{at}]") for at, hop in enumerate(hops)),
    )


class StatedPaths:
    """The statements of ``expected``; for a pair the first one that names it holds.

    ``entries``: dictionaries with ``source`` and ``destination`` (patterns of node names), ``family``, ``on_node``
    (whether it holds for pods on one node instead of across nodes) and ``hops``. Raises StatementError.
    """

    def __init__(self, entries: Sequence[Mapping[str, Any]], nodes: Mapping[str, Node]) -> None:
        self._nodes = nodes
        self._statements = [_statement(number, entry, nodes) for number, entry in enumerate(entries)]
        self._resolved: dict[tuple[str, str, str], tuple[str, ...]] = {}

    def rule(self, source: str, destination: str, family: str) -> Statement | None:
        for statement in self._statements:
            if (
                statement.on_node == (source == destination)
                and source in statement.sources
                and destination in statement.destinations
                and family in statement.families
            ):
                return statement
        return None

    def pods_elsewhere(self, node: str, family: str) -> bool:
        """Whether all paths of a node to others and back are stated, none by its podCIDR: then the network is another
        one than Flannel, and where its pods' addresses come from is not for the Node object to say."""
        pairs = [pair for other in self._nodes if other != node for pair in ((node, other), (other, node))]
        rules = [self.rule(*pair, family) for pair in pairs]
        return bool(rules) and all(rule is not None and not rule.by_pod_cidr for rule in rules)

    def path(self, source: str, destination: str, family: str, pod: ExpectedHop) -> Expectation | None:
        """The stated path of a pair, or None. Raises PathUnknown where a node lacks what the statement names."""
        statement = self.rule(source, destination, family)
        if statement is None:
            return None
        hops = []
        for alternatives in statement.hops[:-1]:
            if alternatives == ("*",):
                hops.append(ExpectedHop(SILENT))
                continue
            found: list[str] = []
            for part in alternatives:
                found += self._addresses(part, source, destination, family, statement)
            hops.append(ExpectedHop(STATED, tuple(dict.fromkeys(found))))
        return Expectation(f"stated in {statement.named}", (*hops, pod), len(hops), stated=True)

    def _addresses(
        self, part: str, source: str, destination: str, family: str, statement: Statement
    ) -> tuple[str, ...]:
        match = _TEMPLATE.fullmatch(part)
        if match is None:
            return (part,)
        node = self._nodes[source if match["end"] == "source" else destination]
        key = (node.name, family, part)
        if key not in self._resolved:
            self._resolved[key] = _fact(node, family, match)
        if not self._resolved[key]:
            raise PathUnknown(f"{statement.named} names {part}, which node {node.name} does not have ({family}).")
        return self._resolved[key]


def _fact(node: Node, family: str, match: re.Match[str]) -> tuple[str, ...]:
    side = node.side(family)
    if match["fact"] == "internal_ip":
        return side.internal_ips
    if match["fact"]:
        value = getattr(side, match["fact"])
        return (value,) if value else ()
    told = getattr(node, match["map"]).get(match["key"], "")
    # such annotations may carry a prefix length, as 192.168.1.1/24
    address = canonical(told.partition("/")[0])
    return (address,) if address and family_of(address) == family else ()
