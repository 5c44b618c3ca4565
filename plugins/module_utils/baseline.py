# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run against an earlier one: what fails now, what was mended, which hops changed, what became slower."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.report_matrix import Verdicts

SCHEMA_VERSION = 2

Key = tuple[str, str, str]
# Of each kind of difference so many are told and the others counted, as all of a million pairs may fail.
MOST_CHANGES = 1000
_KINDS = ("new_failures", "mended", "changed_hops", "slower", "missing")


class BaselineError(ValueError):
    """A file cannot serve as a baseline. The text is a sentence."""


@dataclass(frozen=True, slots=True)
class Slower:
    """What counts as slower: a median that is both ``factor`` times as long and ``ms`` milliseconds longer."""

    factor: float = 3.0
    ms: float = 1.0


@dataclass(frozen=True, slots=True)
class _Was:
    verdict: str
    hops: tuple[tuple[str, ...], ...]
    median: float | None


def _text(value: Any, what: str) -> str:
    """A string, which all that is compared by name is; raises BaselineError."""
    if not isinstance(value, str):
        raise BaselineError(f"{what} is {value!r}, which is no string")
    return value


def _number(value: Any, what: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BaselineError(f"{what} is {value!r}, which is no number")
    return value


def _key(pair: Mapping[str, Any]) -> Key:
    return pair["source"]["node"], pair["destination"]["node"], pair["family"]


def _checked_key(pair: Mapping[str, Any]) -> Key:
    source, destination, family = _key(pair)
    return _text(source, "a source"), _text(destination, "a destination"), _text(family, "a family")


def _pod_hidden(pair: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """The hops seen, with the pod's own address, which is another in each run, as the word pod."""
    pod = pair["destination"]["ip"]
    return tuple(tuple("pod" if address == pod else address for address in hop["addresses"]) for hop in pair["hops"])


def _was(pair: Mapping[str, Any]) -> _Was:
    rtt = pair["evidence"]["echoes"].get("rtt_ms") or {}
    return _Was(pair["verdict"], _pod_hidden(pair), rtt.get("median"))


def _checked_was(pair: Mapping[str, Any]) -> _Was:
    """As _was, of a file that anybody may have written."""
    was = _was(pair)
    for hop in was.hops:
        for address in hop:
            _text(address, "a hop's address")
    _number(was.median, "a median of rtt_ms")
    return replace(was, verdict=_text(was.verdict, "a verdict"))


def _named(key: Key) -> dict[str, str]:
    return {"source": key[0], "destination": key[1], "family": key[2]}


@dataclass
class Earlier:
    """An earlier result, and what differs from it of the pairs that are added.

    ``pairs``: those that it tells in full; of the others it has the verdict.
    """

    path: str
    server: str
    run: Mapping[str, Any]
    pairs: dict[Key, _Was]
    verdicts: Verdicts
    slower_than: Slower
    _compared: int = 0
    _verdict_only: int = 0
    _seen: set[Key] = field(default_factory=set)
    _changes: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in _KINDS})
    _left_out: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_KINDS, 0))

    def must_be_of(self, server: str) -> None:
        """Raises BaselineError when the earlier result is another cluster's."""
        if self.server != server:
            raise BaselineError(
                f"baseline {self.path} is of the cluster at {self.server}, and this one is at {server}: their paths "
                "cannot be compared. Name a result of this cluster, or leave baseline out."
            )

    def add(self, pair: Mapping[str, Any]) -> None:
        """One pair of the present run, as it stands in a result."""
        key = _key(pair)
        self._seen.add(key)
        before = self._before(key)
        if before is None:
            return
        self._compared += 1
        now, named = _was(pair), _named(key)
        if before.verdict == "pass" and now.verdict != "pass":
            self._note("new_failures", {**named, "verdict": now.verdict, "reason": pair["reason"]})
        elif before.verdict != "pass" and now.verdict == "pass":
            self._note("mended", {**named, "before": before.verdict})
        if before.hops and now.hops and before.hops != now.hops:
            hops = {"before": [list(hop) for hop in before.hops], "now": [list(hop) for hop in now.hops]}
            self._note("changed_hops", {**named, **hops})
        if before.median is not None and now.median is not None:
            bound = max(before.median * self.slower_than.factor, before.median + self.slower_than.ms)
            if now.median > bound:
                self._note("slower", {**named, "before_ms": before.median, "now_ms": now.median})

    def _before(self, key: Key) -> _Was | None:
        if key in self.pairs:
            return self.pairs[key]
        verdict = self.verdicts.get(key)
        if verdict is None:
            return None
        self._verdict_only += 1
        return _Was(verdict, (), None)

    def _note(self, kind: str, entry: dict[str, Any]) -> None:
        if len(self._changes[kind]) < MOST_CHANGES:
            self._changes[kind].append(entry)
        else:
            self._left_out[kind] += 1

    def changes(self, nodes: Collection[str]) -> dict[str, Any]:
        """All that differs. ``nodes``: those that the cluster has now.

        ``missing``: pairs of the earlier result with a node that is gone; ``left_out``: how many of each kind are not
        told; ``compared``: how many pairs both runs have, ``verdict_only`` of them those of which the earlier result
        tells no more, and ``not_tried`` how many this run did not try, though their nodes are there.
        """
        missing, not_tried = [], 0
        others = (key for key in self.verdicts.tried() if key not in self.pairs)
        for key in chain(self.pairs, others):
            if key in self._seen:
                continue
            if key[0] in nodes and key[1] in nodes:
                not_tried += 1
            else:
                missing.append(_named(key))
        told = {**self._changes, "missing": missing[:MOST_CHANGES]}
        left_out = {**self._left_out, "missing": max(0, len(missing) - MOST_CHANGES)}
        counts = {"compared": self._compared, "verdict_only": self._verdict_only, "not_tried": not_tried}
        return {"baseline": {"path": self.path, **self.run}, **told, "left_out": left_out, **counts}


def _document(path: str) -> Mapping[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except OSError as error:
        raise BaselineError(f"baseline {path} cannot be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise BaselineError(f"baseline {path} is no JSON, so it is no earlier result of pod_traceroute.") from error
    if not isinstance(document, Mapping):
        raise BaselineError(f"baseline {path} is no earlier result of pod_traceroute.")
    # the report of both layers holds the module's result under pods, and their one version beside it
    inner = document.get("pods")
    return {"schema_version": document.get("schema_version"), **inner} if isinstance(inner, Mapping) else document


def read(path: str, slower: Slower | None = None) -> Earlier:
    """An earlier result: the file of output_path, a result as it was registered, or the report that holds it.

    Raises BaselineError.
    """
    document = _document(path)
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise BaselineError(
            f"baseline {path} has schema_version {version!r}, and only {SCHEMA_VERSION} can be compared; make a new "
            "one with this version of the collection."
        )
    incomplete = f"baseline {path} is no whole result of pod_traceroute"
    try:
        pairs = {_checked_key(pair): _checked_was(pair) for pair in document["pairs"]}
        server = _text(document["cluster"]["server"], "cluster.server")
        run = {name: _text(document["run"][name], f"run.{name}") for name in ("started", "id")}
        matrix = document.get("matrix") or {}
        for name in matrix.get("nodes") or ():
            _text(name, "a node of matrix")
        verdicts = Verdicts(matrix)
    except KeyError as error:
        raise BaselineError(f"{incomplete}: {error} is missing.") from error
    except BaselineError as error:
        raise BaselineError(f"{incomplete}: {error}.") from error
    except (TypeError, AttributeError, ValueError) as error:
        raise BaselineError(f"{incomplete}: a value in it is of another kind than in a result ({error}).") from error
    return Earlier(path, server, run, pairs, verdicts, slower or Slower())


def diff(changes: Mapping[str, Any]) -> dict[str, str]:
    """The differences as Ansible's --diff shows them: lines before, and lines now."""

    def named(entry: Mapping[str, Any]) -> str:
        return f"{entry['source']} -> {entry['destination']} ({entry['family']})"

    def path(hops: list[list[str]]) -> str:
        return " -> ".join("|".join(hop) or "*" for hop in hops)

    before: list[str] = []
    now: list[str] = []
    for entry in changes["new_failures"]:
        before.append(f"{named(entry)}: pass")
        now.append(f"{named(entry)}: {entry['verdict']}, {entry['reason']}")
    for entry in changes["mended"]:
        before.append(f"{named(entry)}: {entry['before']}")
        now.append(f"{named(entry)}: pass")
    for entry in changes["changed_hops"]:
        before.append(f"{named(entry)}: {path(entry['before'])}")
        now.append(f"{named(entry)}: {path(entry['now'])}")
    for entry in changes["slower"]:
        before.append(f"{named(entry)}: {entry['before_ms']} ms")
        now.append(f"{named(entry)}: {entry['now_ms']} ms")
    before += [f"{named(entry)}: traced" for entry in changes["missing"]]
    now += [f"{number:,} more: {kind}" for kind, number in changes["left_out"].items() if number]
    if changes["not_tried"]:
        before.append(f"{changes['not_tried']:,} pairs that are not tried now")
    return {
        "before_header": f"pod paths of {changes['baseline']['started']}",
        "after_header": "pod paths now",
        "before": "".join(f"{line}\n" for line in before),
        "after": "".join(f"{line}\n" for line in now),
    }
