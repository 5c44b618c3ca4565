# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of pairs in little room: a bit for each, so that a million pairs that fail take some hundred kilobytes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Leg


class Names:
    """Nodes and their numbers, shared by all sets that are compared with one another."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.all: list[str] = []
        self._numbers: dict[str, int] = {}
        for name in names:
            self.number(name)

    def number(self, name: str) -> int:
        if name not in self._numbers:
            self._numbers[name] = len(self.all)
            self.all.append(name)
        return self._numbers[name]

    def known(self, name: str) -> int | None:
        return self._numbers.get(name)


def _bits(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set, rising."""
    text = f"{mask:b}"[::-1]
    at = text.find("1")
    while at >= 0:
        yield at
        at = text.find("1", at + 1)


class Legs:
    """A set of legs, in the order of families, then of nodes. Sets that meet must share their Names."""

    def __init__(self, names: Names, legs: Iterable[Leg] = ()) -> None:
        self._names = names
        # by family and source: a bit for each destination; never 0
        self._rows: dict[tuple[str, int], int] = {}
        for leg in legs:
            self.add(leg)

    def add(self, leg: Leg) -> None:
        row = leg.family, self._names.number(leg.source)
        self._rows[row] = self._rows.get(row, 0) | 1 << self._names.number(leg.destination)

    def __iter__(self) -> Iterator[Leg]:
        names = self._names.all
        for family, source in sorted(self._rows):
            for destination in _bits(self._rows[family, source]):
                yield Leg(names[source], names[destination], family)

    def __len__(self) -> int:
        return sum(mask.bit_count() for mask in self._rows.values())

    def __bool__(self) -> bool:
        return bool(self._rows)

    def __contains__(self, leg: Leg) -> bool:
        source, destination = self._names.known(leg.source), self._names.known(leg.destination)
        if source is None or destination is None:
            return False
        return bool(self._rows.get((leg.family, source), 0) >> destination & 1)

    def _with(self, rows: Iterable[tuple[tuple[str, int], int]]) -> Legs:
        made = Legs(self._names)
        made._rows = {row: mask for row, mask in rows if mask}
        return made

    def __or__(self, other: Legs) -> Legs:
        made = self._with(self._rows.items())
        for row, mask in other._rows.items():
            made._rows[row] = made._rows.get(row, 0) | mask
        return made

    def __and__(self, other: Legs) -> Legs:
        return self._with((row, mask & other._rows.get(row, 0)) for row, mask in self._rows.items())

    def __sub__(self, other: Legs) -> Legs:
        return self._with((row, mask & ~other._rows.get(row, 0)) for row, mask in self._rows.items())

    def opposite(self) -> Legs:
        """Each leg the other way round."""
        rows: dict[tuple[str, int], int] = {}
        for (family, source), mask in self._rows.items():
            for destination in _bits(mask):
                rows[family, destination] = rows.get((family, destination), 0) | 1 << source
        return self._with(rows.items())

    def outgoing(self, node: str) -> Legs:
        number = self._names.known(node)
        return self._with((row, mask) for row, mask in self._rows.items() if row[1] == number)

    def incoming(self, node: str) -> Legs:
        number = self._names.known(node)
        bit = 0 if number is None else 1 << number
        return self._with((row, mask & bit) for row, mask in self._rows.items())

    def of(self, node: str) -> Legs:
        """Those with this node at either end."""
        return self.outgoing(node) | self.incoming(node)

    def among(self, nodes: Iterable[str]) -> Legs:
        """Those with one of these nodes at each end."""
        numbers = {number for node in nodes if (number := self._names.known(node)) is not None}
        bits = sum(1 << number for number in numbers)
        return self._with((row, mask & bits) for row, mask in self._rows.items() if row[1] in numbers)

    def across(self) -> Legs:
        """Those between two nodes."""
        return self._with((row, mask & ~(1 << row[1])) for row, mask in self._rows.items())

    def families(self) -> list[str]:
        return sorted({family for family, _source in self._rows})

    def in_families(self, *families: str) -> Legs:
        return self._with((row, mask) for row, mask in self._rows.items() if row[0] in families)

    def by_source(self) -> dict[str, Legs]:
        found: dict[str, Legs] = {}
        for (family, source), mask in sorted(self._rows.items()):
            found.setdefault(self._names.all[source], Legs(self._names))._rows[family, source] = mask
        return found

    def by_destination(self) -> dict[str, Legs]:
        found: dict[str, Legs] = {}
        for (family, source), mask in sorted(self._rows.items()):
            for destination in _bits(mask):
                own = found.setdefault(self._names.all[destination], Legs(self._names))
                own._rows[family, source] = 1 << destination
        return found

    def sources(self) -> list[str]:
        return [self._names.all[number] for number in sorted({source for _family, source in self._rows})]

    def destinations(self) -> list[str]:
        found = 0
        for mask in self._rows.values():
            found |= mask
        return [self._names.all[number] for number in _bits(found)]

    def ends(self) -> list[str]:
        """The nodes at either end, in their order."""
        found = 0
        for (_family, source), mask in self._rows.items():
            found |= mask | 1 << source
        return [self._names.all[number] for number in _bits(found)]

    def degrees(self) -> dict[str, int]:
        """By node how many legs have it at an end; that of a node with itself counts once."""
        found = dict.fromkeys(self.ends(), 0)
        for (_family, source), mask in self._rows.items():
            found[self._names.all[source]] += mask.bit_count()
            for destination in _bits(mask & ~(1 << source)):
                found[self._names.all[destination]] += 1
        return found


def accuse(legs: Legs) -> dict[str, Legs]:
    """For faults that may lie at either end: the fewest nodes that explain all pairs, each with what it explains."""
    accused: dict[str, Legs] = {}
    left, degrees = legs, legs.degrees()
    while left:
        node = min(degrees, key=lambda name: (-degrees[name], name))
        own = accused[node] = left.of(node)
        left = left - own
        for end, number in own.degrees().items():
            degrees[end] -= number
    return accused


def suspects(legs: Legs) -> dict[tuple[str, ...], Legs]:
    """The same, with both ends of a pair of which nothing tells the one from the other."""
    return {
        tuple(ends) if len(ends := own.ends()) == 2 else (node,): own for node, own in accuse(legs).items()
    }
