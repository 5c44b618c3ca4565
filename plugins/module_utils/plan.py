# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pairs of nodes are probed, and when, so that the kernel's ICMP limits cost no healthy hop.

Pure: names and numbers in, names and numbers out. Times are seconds.

A pair is (source node, destination node); that of a node with itself goes from its prober to its peer. Since a pass
across nodes needs the opposite trace as well, every plan holds both directions of each pair that it picks.

Linux limits the ICMP errors that a router sends to one receiver: a bucket of 6, refilled by 1 per second (IPv4,
icmp_ratelimit) or by 10 per second (IPv6). Of a prober's buckets only that of its own cni0 is shared by destinations,
as it is hop 1 of each path across nodes; hop 2 and the pod are other routers for each destination. So only hop 1 must
be paced.
"""

from __future__ import annotations

import difflib
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ansible_collections.podpath.kubeadm.plugins.module_utils import selectors
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import (
    IPV4,
    IPV6,
    Node,
    canonical,
    listed,
)

AUTO, MESH, RING, SAMPLE, PAIRS, NODE = "auto", "mesh", "ring", "sample", "pairs", "node"
NAMES = (AUTO, MESH, RING, SAMPLE, PAIRS, NODE)
MAX_MESH_NODES = 10

BURST = 6
REFILL_PER_SECOND = {IPV4: 1, IPV6: 10}
# Echoes to each pod, and the bounds of what a user may ask for: of fewer no loss can be told.
ECHOES, FEWEST_ECHOES, MOST_ECHOES = 10, 3, 100
FIRST_PORT = 33434
LAST_PORT = 65535


class PlanError(ValueError):
    """What was asked for makes no plan. The text is a sentence that names the option."""


class Leg(NamedTuple):
    """One thing to probe and to judge: a pair of nodes in one address family. It is the key of all results."""

    source: str
    destination: str
    family: str = IPV4

    @property
    def opposite(self) -> Leg:
        return Leg(self.destination, self.source, self.family)

    def __str__(self) -> str:
        return f"{self.source} -> {self.destination} ({self.family})"


@dataclass(frozen=True)
class Wanted:
    """What a user asks for. ``pairs``: (source, destination). Selectors pick nodes that match any of them."""

    name: str = AUTO
    node: str = ""
    pairs: Sequence[tuple[str, str]] = ()
    source_selectors: Sequence[str] = ()
    destination_selectors: Sequence[str] = ()
    sample_size: int | None = None
    seed: int | None = None
    max_mesh_nodes: int = MAX_MESH_NODES


@dataclass(frozen=True)
class Plan:
    """The pairs of a run: destinations by source, the same in each family. Iterating gives Legs.

    ``nodes``: how many nodes there are, of which all pairs could be made.
    """

    name: str
    destinations: Mapping[str, Sequence[str]]
    families: tuple[str, ...] = (IPV4,)
    nodes: int = 0
    seed: int | None = None
    sample_size: int | None = None

    def __iter__(self) -> Iterator[Leg]:
        for family in self.families:
            for source, destinations in self.destinations.items():
                for destination in destinations:
                    yield Leg(source, destination, family)

    def __len__(self) -> int:
        return len(self.families) * sum(len(destinations) for destinations in self.destinations.values())

    @property
    def possible(self) -> int:
        """How many pairs there are in all, in all families of the plan."""
        return self.nodes * self.nodes * len(self.families)

    @property
    def covered(self) -> frozenset[str]:
        """The nodes that stand in any pair; in every plan each of them is source and destination."""
        return frozenset(self.destinations)

    def as_dict(self) -> dict[str, str | int | None]:
        return {"name": self.name, "seed": self.seed, "sample_size": self.sample_size}


def _grouped(pairs: Iterator[tuple[str, str]], order: Mapping[str, int]) -> dict[str, list[str]]:
    """Pairs as destinations by source, both in the order of the nodes, with the opposite of each."""
    found: dict[str, set[str]] = {}
    for source, destination in pairs:
        found.setdefault(source, set()).add(destination)
        found.setdefault(destination, set()).add(source)
    ordered = sorted(found, key=order.__getitem__)
    return {source: sorted(found[source], key=order.__getitem__) for source in ordered}


def _mesh(sources: Sequence[str], destinations: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((source, destination) for source in sources for destination in destinations)


def _ring(nodes: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((node, nodes[(index + 1) % len(nodes)]) for index, node in enumerate(nodes))


def _touching(
    sources: Sequence[str], destinations: Sequence[str], usable: Callable[[str], bool], pick: random.Random
) -> Iterator[tuple[str, str]]:
    """Pairs that bring each node into one at least, usable ones with one another, as few as may be."""
    ends = set(sources), set(destinations)
    order = sorted(ends[0] | ends[1])
    pick.shuffle(order)
    order.sort(key=lambda name: not usable(name))
    waiting = dict.fromkeys(order)
    good = [[name for name in sorted(end) if usable(name)] or sorted(end) for end in ends]
    for node in order:
        if node not in waiting:
            continue
        del waiting[node]
        for mine, others in ((0, 1), (1, 0)):
            if node not in ends[mine]:
                continue
            partner = next((name for name in waiting if name in ends[others] and usable(name) == usable(node)), None)
            if partner is None or not usable(partner):
                choice = [name for name in good[others] if name != node]
                partner = pick.choice(choice) if choice else None
            if partner is None and node in ends[others]:
                partner = node
            if partner is not None:
                waiting.pop(partner, None)
                yield (node, partner) if mine == 0 else (partner, node)
                break


def _sampled(
    sources: Sequence[str], destinations: Sequence[str], size: int, usable: Callable[[str], bool], seed: int
) -> Iterator[tuple[str, str]]:
    """Pairs that touch each node, and then random ones of usable nodes, ``size`` legs with the opposite ones."""
    pick = random.Random(seed)
    chosen = set()
    legs = 0

    def weight(pair: tuple[str, str]) -> int:
        return 1 if pair[0] == pair[1] else 2

    for pair in _touching(sources, destinations, usable, pick):
        chosen |= {pair, pair[::-1]}
        legs += weight(pair)
        yield pair
    if legs > size:
        raise PlanError(f"sample_size is {size}, but {legs} pairs are needed to touch every node in both directions.")
    starts = [name for name in sources if usable(name)]
    ends = [name for name in destinations if usable(name)]
    total = len(starts) * len(ends)
    # all candidates in random order; a small part of many is not worth the list of them
    dense = size * 4 > total
    numbers = iter(pick.sample(range(total), total)) if dense else iter(lambda: pick.randrange(total), -1)
    while legs < size:
        number = next(numbers, None)
        if number is None:
            return
        pair = starts[number // len(ends)], ends[number % len(ends)]
        if pair not in chosen and legs + weight(pair) <= size:
            chosen |= {pair, pair[::-1]}
            legs += weight(pair)
            yield pair
        elif not dense and legs + 2 > size:
            return


def _selected(texts: Sequence[str], option: str, nodes: Mapping[str, Node]) -> list[str]:
    if not texts:
        return list(nodes)
    try:
        tests = [selectors.parse(text) for text in texts]
    except selectors.SelectorError as error:
        raise PlanError(f"{option}: {error}") from error
    found = [name for name, node in nodes.items() if any(test(node.labels) for test in tests)]
    if not found:
        raise PlanError(f"{option} is {', '.join(texts)}, which matches the labels of no node.")
    return found


def _known(name: str, option: str, nodes: Mapping[str, Node]) -> str:
    if name in nodes:
        return name
    if canonical(name) or ".svc" in name:
        raise PlanError(
            f"{option} is {name}, but pairs are pairs of nodes, and pods of this run are their ends. The address of a "
            "Service is no destination for a traceroute: it is translated on the way. The run connects to a Service of "
            "its own besides."
        )
    close = difflib.get_close_matches(name, nodes, 1)
    hint = f"did you mean {close[0]}?" if close else f"there are {listed(list(nodes))}."
    raise PlanError(f"{option} is {name}, which is no node of this cluster; {hint}")


def _explicit(pairs: Sequence[tuple[str, str]], nodes: Mapping[str, Node]) -> Iterator[tuple[str, str]]:
    if not pairs:
        raise PlanError("The plan is pairs, but pairs is empty: name at least one source and destination.")
    seen: dict[tuple[str, str], int] = {}
    for number, (source, destination) in enumerate(pairs):
        pair = (
            _known(source, f"pairs[{number}].source", nodes),
            _known(destination, f"pairs[{number}].destination", nodes),
        )
        if pair in seen:
            raise PlanError(
                f"pairs[{number}] is {source} to {destination}, which pairs[{seen[pair]}] is already; take one away."
            )
        seen[pair] = number
    return iter(seen)


def default_sample(nodes: int, max_mesh_nodes: int = MAX_MESH_NODES) -> int:
    """How many pairs a sample has where nobody says: as many as the largest mesh, or four for each node."""
    return max(max_mesh_nodes * max_mesh_nodes, 4 * nodes)


def choose(wanted: Wanted, nodes: Mapping[str, Node], families: Sequence[str] = (IPV4,), seed: int = 0) -> Plan:
    """The plan that a user asked for. ``seed`` serves a sample where the user gave none. Raises PlanError."""
    name = wanted.name
    if name == AUTO and wanted.pairs:
        name = PAIRS
    if name == AUTO and wanted.node:
        name = NODE
    selected = bool(wanted.source_selectors or wanted.destination_selectors)
    if selected and name in (PAIRS, NODE):
        raise PlanError(f"The plan {name} names its nodes, so source_selectors and destination_selectors mean nothing.")
    if wanted.pairs and name != PAIRS:
        raise PlanError(f"pairs is given, but the plan is {name}; leave one of them out.")
    sources = _selected(wanted.source_selectors, "source_selectors", nodes)
    destinations = _selected(wanted.destination_selectors, "destination_selectors", nodes)
    if name == AUTO:
        name = MESH if max(len(sources), len(destinations)) <= wanted.max_mesh_nodes else SAMPLE
    size = None
    if name == PAIRS:
        pairs = _explicit(wanted.pairs, nodes)
    elif name == NODE:
        if not wanted.node:
            raise PlanError("The plan is node, but node is not given: name the node that is traced against all.")
        pairs = _mesh([_known(wanted.node, "node", nodes)], list(nodes))
    elif name == RING:
        if selected and sources != destinations and wanted.destination_selectors:
            raise PlanError("A ring has no sources and destinations of its own; give source_selectors alone.")
        pairs = _ring(sources)
    elif name == SAMPLE:
        size = default_sample(len({*sources, *destinations}), wanted.max_mesh_nodes)
        size = size if wanted.sample_size is None else wanted.sample_size
        seed = seed if wanted.seed is None else wanted.seed
        pairs = _sampled(sources, destinations, size, lambda node: not nodes[node].unusable, seed)
    elif not selected:
        everyone = tuple(nodes)  # one list for all sources: a thousand nodes have a million pairs
        return Plan(MESH, dict.fromkeys(everyone, everyone), tuple(families), len(nodes))
    else:
        pairs = _mesh(sources, destinations)
    order = {node: index for index, node in enumerate(nodes)}
    return Plan(name, _grouped(pairs, order), tuple(families), len(nodes), seed if name == SAMPLE else None, size)


# When


@dataclass(frozen=True, slots=True)
class Probe:
    """One probing of a prober: its destination node, address family, seconds to wait before it starts, its first UDP
    port, and how many hops without an answer are no loss there."""

    destination: str
    family: str
    start: int
    port: int
    silences: int = 0


@dataclass(frozen=True)
class Method:
    """How a pair is probed: a traceroute with probes per hop, seconds to wait for each answer, and the highest TTL.

    Echoes to the pod tell loss and latency; no limit of the kernel touches them.
    """

    probes: int = 2
    wait: int = 1
    max_ttl: int = 5
    echoes: int = ECHOES

    @property
    def ports(self) -> int:
        """How many UDP ports one traceroute takes."""
        return self.probes * self.max_ttl


def start_of(number: int, family: str, method: Method) -> int:
    """When a prober may start its ``number``-th traceroute across nodes in a family, counted from 1.

    It brings hop 1's replies to number * probes, which must not exceed BURST and what has been refilled since, whatever
    the others do: they run side by side, and a dead one delays no other. A bucket that is full again after a second
    takes as many each second as fit into it.
    """
    if REFILL_PER_SECOND[family] >= BURST:
        return (number - 1) // (BURST // method.probes)
    excess = number * method.probes - BURST
    return max(0, -(-excess // REFILL_PER_SECOND[family]))


def schedule(source: str, targets: Sequence[tuple[str, str]], method: Method) -> list[Probe]:
    """When the prober on ``source`` starts each of its traceroutes. ``targets``: (destination node, family).

    Destinations are taken in turn from the source on, so that probers do not all meet at one node at once: a node's
    limit over all receivers (icmp_msgs_burst) is shared. Each gets UDP ports of its own, so that no traceroute takes
    another's answer for its own. Raises ValueError when a single traceroute exceeds the bucket.
    """
    if method.probes > BURST:
        raise ValueError(f"{method.probes} probes per hop exceed the kernel's burst of {BURST} ICMP errors.")
    ordered = sorted(targets, key=lambda target: (target[0] < source, target))
    probes = []
    crossed = dict.fromkeys(REFILL_PER_SECOND, 0)
    slots = (LAST_PORT - FIRST_PORT + 1) // method.ports
    for index, (destination, family) in enumerate(ordered):
        start = 0
        if destination != source:
            crossed[family] += 1
            start = start_of(crossed[family], family, method)
        probes.append(Probe(destination, family, start, FIRST_PORT + index % slots * method.ports))
    return probes
