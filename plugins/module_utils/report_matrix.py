# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdicts of all pairs in little room: one text per source node and family. Pure.

A row has a letter per destination in the order of the nodes, with a number before it where it is repeated: ``2pf997p``
says pass, pass, fail, and 997 times pass. Letters: p pass, f fail, i inconclusive, ``-`` not looked at.
A million pairs that pass take 5 kB.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

NOT_TRIED = "-"
LETTERS = {"pass": "p", "fail": "f", "inconclusive": "i"}
_VERDICTS = {letter: verdict for verdict, letter in LETTERS.items()}
_RUN = re.compile(r"(\d*)([pfi-])")


def pack(letters: Iterable[str]) -> str:
    """Letters of a row as a packed row."""
    out = []
    for letter, group in groupby(letters):
        length = sum(1 for _ in group)
        out.append(f"{length if length > 1 else ''}{letter}")
    return "".join(out)


def unpack(row: str) -> str:
    """A packed row as one letter per destination."""
    return "".join(letter * int(number or 1) for number, letter in _RUN.findall(row))


class Grid:
    """A matrix that is filled pair by pair: a byte for each. What is not added keeps the letter ``default``."""

    def __init__(self, names: Sequence[str], default: str = NOT_TRIED) -> None:
        self.names = list(names)
        self._index = {name: number for number, name in enumerate(self.names)}
        self._default = default
        self._families: dict[str, list[bytearray]] = {}

    def add(self, source: str, destination: str, family: str, verdict: str) -> None:
        if family not in self._families:
            self._families[family] = [bytearray(self._default.encode() * len(self.names)) for _ in self.names]
        if source in self._index and destination in self._index:
            row = self._families[family][self._index[source]]
            row[self._index[destination]] = ord(LETTERS.get(verdict, NOT_TRIED))

    def packed(self) -> dict[str, Any]:
        """{nodes: [names], rows: {family: [packed row per node]}}"""
        rows = {name: [pack(row.decode()) for row in letters] for name, letters in sorted(self._families.items())}
        return {"nodes": self.names, "rows": rows}


class Verdicts:
    """A packed matrix, read pair by pair: (source, destination, family). An empty one has no pair.

    Raises KeyError with what is missing.
    """

    def __init__(self, matrix: Mapping[str, Any]) -> None:
        self._names = list(matrix.get("nodes") or ())
        self._index = {name: number for number, name in enumerate(self._names)}
        # a letter for each, as a million objects would take a hundred times the room
        self._rows = {name: [unpack(row) for row in rows] for name, rows in (matrix.get("rows") or {}).items()}
        for rows in self._rows.values():
            if {len(rows), *map(len, rows)} - {len(self._names)}:
                raise KeyError("a matrix with a row and a column for each node")

    def get(self, key: tuple[str, str, str]) -> str | None:
        source, destination, family = key
        if family not in self._rows or source not in self._index or destination not in self._index:
            return None
        return _VERDICTS.get(self._rows[family][self._index[source]][self._index[destination]])

    def tried(self) -> Iterator[tuple[str, str, str]]:
        for family, rows in self._rows.items():
            for source, row in zip(self._names, rows, strict=True):
                for destination, letter in zip(self._names, row, strict=True):
                    if letter != NOT_TRIED:
                        yield source, destination, family


def of_pairs(
    pairs: Sequence[Mapping[str, Any]], nodes: Sequence[Mapping[str, Any]], summary: Mapping[str, int]
) -> dict[str, Any]:
    """The matrix of a result's pairs. Where the result left out those that pass, and every pair was looked at, those
    that are not there pass; otherwise nobody knows which of them were looked at."""
    names = [node["name"] for node in nodes]
    if not names:
        names = list(dict.fromkeys(name for pair in pairs for name in (pair["source"]["node"],
                                                                       pair["destination"]["node"])))  # fmt: skip
    families = {pair["family"] for pair in pairs} or {"ipv4"}
    whole = len(names) ** 2 * len(families)
    default = LETTERS["pass"] if len(pairs) < sum(summary.values()) == whole else NOT_TRIED
    grid = Grid(names, default)
    for pair in pairs:
        grid.add(pair["source"]["node"], pair["destination"]["node"], pair["family"], pair["verdict"])
    matrix = grid.packed()
    if not matrix["rows"] and default != NOT_TRIED:
        matrix["rows"] = {"ipv4": [pack(default * len(names)) for _ in names]}
    return matrix
