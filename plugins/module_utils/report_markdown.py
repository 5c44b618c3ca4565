# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as Markdown for the summary page of a CI job. Pure. It stays far below GitHub's limit of 1 MiB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils import report_matrix, report_view
from ansible_collections.podpath.kubeadm.plugins.module_utils import report_words as words

MAX_MATRIX = 16
MAX_ROWS = 30
MAX_DIAGNOSES = 3
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$@])")
# GitHub and GitLab read ":a:" or ":100:" as an emoji anywhere but in code, and no escape helps. All names that begin
# with a digit are these; other numbers between colons are times and ports.
_IPV6 = r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{1,4})?(?![\w:])"
_EMOJI = r":(?:100|1234|8ball|(?:1st|2nd|3rd)_place_medal|[+-]1\w*|[^\W\d][\w+-]*):"
_AS_CODE = re.compile(f"(?:{_IPV6}|{_EMOJI})+")
_LETTERS = {"p": "✓", "f": "**✗**", "i": "?", report_matrix.NOT_TRIED: ""}


def _line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _literal(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def escaped(text: str) -> str:
    """A text that Markdown shows as it is, on one line: neither markup nor HTML nor a mention nor an emoji comes of it.
    Addresses of IPv6, and whatever may name an emoji, are code."""
    line, out, at = _line(text), "", 0
    for found in _AS_CODE.finditer(line):
        out += f"{_literal(line[at : found.start()])}`{found[0]}`"
        at = found.end()
    return out + _literal(line[at:])


def _code(text: str) -> str:
    """A command as code; a backtick in it must not end the code."""
    line = _line(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    pad = " " if "`" in line else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return ["", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows), ""]


def _matrix(pods: Mapping[str, Any]) -> list[str]:
    """The matrix of each family, or counts by node where there are too many for it."""
    names = pods["matrix"]["nodes"]
    if len(names) > MAX_MATRIX:
        nodes = pods.get("nodes") or []
        worst = words.worst_nodes(nodes)
        rows = [[escaped(cell) for cell in words.counts_row(node)] for node in worst[:MAX_ROWS]]
        out = _table([head.lower() for head in words.COUNTS_HEAD], rows) if worst else [""]
        for line in words.counts_ending(nodes, worst, MAX_ROWS):
            out += [escaped(line), ""]
        return out
    if len(names) < 2:
        return []
    out = []
    for family, rows in pods["matrix"]["rows"].items():
        cells = [[_LETTERS[letter] for letter in report_matrix.unpack(row)] for row in rows]
        lines = [[f"**{escaped(name)}**", *row] for name, row in zip(names, cells, strict=True)]
        out += _table([f"{family}: from, to", *(escaped(name) for name in names)], lines)
    return out


def _diagnosis(pods: Mapping[str, Any]) -> list[str]:
    out: list[str] = []
    found = pods.get("diagnosis") or []
    for entry in found[:MAX_DIAGNOSES]:
        out += ["", f"### {escaped(entry['confidence'])}: {escaped(entry['title'])}", ""]
        out += [f"- {escaped(line)}" for line in entry["evidence"]]
        out += [f"- to confirm: {_code(line)}" for line in entry["confirm"]]
        out += [f"- **cure: {escaped(line)}**" for line in entry["cure"]]
    more = len(found) - MAX_DIAGNOSES
    return [*out, "", f"{more:,} more diagnoses are less likely."] if more > 0 else out


def _preflight(pods: Mapping[str, Any]) -> list[str]:
    findings = pods.get("preflight") or []
    lines = [f"- {words.SYMBOLS[one['severity']]} {escaped(one['message'])} {escaped(one['cure'])}" for one in findings]
    return ["", "### Found before any packet was sent", "", *_bounded(lines)] if lines else []


def _bounded(lines: Sequence[str], total: int = 0) -> list[str]:
    """So many lines at most, and how many more of ``total`` (or of these) there are."""
    more = max(total, len(lines)) - MAX_ROWS
    return [*lines[:MAX_ROWS], f"- and {more:,} more"] if more > 0 else list(lines)


def _failing(built: Mapping[str, Any], where: str) -> list[str]:
    rows = report_view.failing(built)[:MAX_ROWS]
    if not rows:
        return []
    lines = [[f"{escaped(row['source'])} → {escaped(row['destination'])}",
              f"{words.SYMBOLS[row['verdict']]} {row['verdict']}", escaped(row["expected"]), escaped(row["seen"]),
              escaped(row["reason"])] for row in rows]  # fmt: skip
    out = ["### Pairs that did not pass", *_table(["pair", "verdict", "expected", "seen", "why"], lines)]
    left_out = words.left_out_text(rows, built["pods"], where)
    return [*out, escaped(left_out)] if left_out else out


def text(built: Mapping[str, Any], where: str = "") -> str:
    """The whole document; ``where``: the file that holds what has no room here."""
    pods = built["pods"]
    out = [f"## {words.SYMBOLS[report_view.verdict(built)]} {escaped(report_view.headline(built))}", ""]
    for line in report_view.beside(built):
        out += [escaped(line), ""]
    out += [f"- {escaped(name)}: {escaped(value)}" for name, value in report_view.facts(built)]
    out += _diagnosis(pods)
    out += _preflight(pods)
    out += _matrix(pods)
    out += _failing(built, where)
    layer = built.get("nodes")
    if layer:
        out += ["", f"{words.SYMBOLS[layer['verdict']]} {escaped(words.node_paths_text(layer))}", ""]
        bad = words.not_passed(layer["paths"])
        told = [f"{escaped(p['source'])} → {escaped(p['destination'])}: {escaped(p['reason'])}" for p in bad]
        out += _bounded([f"- {line}" for line in told], words.bad_count(layer["summary"]))
    out += ["", *(f"- {escaped(line.strip())}" for line in [*words.control_lines(pods), *words.service_lines(pods),
                                                        *words.change_lines(pods.get("changes"))])]  # fmt: skip
    return "\n".join(out).rstrip() + "\n"
