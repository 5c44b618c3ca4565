# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as lines for a terminal: the whole picture first, the cure last, where the eye is. Pure."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils import report, report_matrix
from ansible_collections.podpath.kubeadm.plugins.module_utils import report_words as words

# Up to this many nodes each pair is a line with its hops, as people learn from it; beyond, what did not pass is.
SMALL = 4
MOST_ROWS = 20
MOST_DIAGNOSES = 3
# of a column, unless a word in it is longer: an address
_NARROWEST = 15
_HEAD = ("FROM", "TO", "EXPECTED", "SEEN", "MS", "VERDICT")
_CODES = {"pass": "32", "fail": "1;31", "inconclusive": "33", "head": "1"}
_CELLS = {"p": (".", ""), "f": ("F", "fail"), "i": ("?", "inconclusive"), report_matrix.NOT_TRIED: (" ", "")}


class _Paint:
    """Colours words for a terminal, or leaves them as they are."""

    def __init__(self, color: bool) -> None:
        self.color = color

    def __call__(self, text: str, kind: str) -> str:
        code = _CODES.get(kind)
        return f"\033[{code}m{text}\033[0m" if self.color and code and text else text


def _plain(text: str) -> str:
    """A text of the cluster without control characters: none may move the cursor or turn on colours."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _widths(rows: Sequence[Sequence[str]], width: int) -> tuple[str, list[int]]:
    """What stands between columns, and what each takes so that a line fits; no widths where none would.

    First the gaps give way, then the widest column down to its longest word, and never the last, a verdict."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    for gap in ("  ", " "):
        if sum(widths) + len(gap) * (len(widths) - 1) <= width:
            return gap, widths
    least = [max(_NARROWEST, *(len(word) for cell in column for word in cell.split())) for column in columns]
    while sum(widths) + 2 * (len(widths) - 1) > width:
        wide = [column for column in range(len(widths) - 1) if widths[column] > least[column]]
        if not wide:
            return "", []
        widths[max(wide, key=widths.__getitem__)] -= 1
    return "  ", widths


def _cut(word: str, width: int) -> list[str]:
    """A word as pieces that fit: cut behind a colon, between addresses, and only a single group anywhere."""
    lines = [""]
    for group in re.split("(?<=[:|])", word):
        if lines[-1] and len(lines[-1]) + len(group) > width:
            lines.append("")
        lines[-1] += group
        while len(lines[-1]) > width:
            lines[-1:] = [lines[-1][:width], lines[-1][width:]]
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    """A cell as lines: a path is broken before its arrows, other text between words, and only what is too long else."""
    lines: list[str] = []
    for piece in re.split(" (?=-> )", text):
        if lines and len(lines[-1]) + 1 + len(piece) <= width:
            lines[-1] = f"{lines[-1]} {piece}"
            continue
        lines.append("")
        for word in piece.split():
            if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
                lines.append("")
            first, *others = _cut(word, width)
            lines[-1:] = [f"{lines[-1]} {first}".lstrip(), *others]
    return lines


def _paragraph(head: Sequence[str], row: Sequence[str], paint: _Paint, width: int) -> list[str]:
    """A row whose columns have no room: whose it is and its verdict, expected above seen, and what else it has."""
    ends = 2 if head[1] == "TO" else 1
    lines = _wrapped(words.ARROW.join(row[:ends]), width)
    told, rest, took = [], [], ""
    for name, cell in zip(head[ends:-1], row[ends:-1], strict=True):
        if name in ("EXPECTED", "SEEN"):
            label = f"    {name.lower()}:".ljust(len("    expected: "))
            told += [
                f"{' ' * len(label) if number else label}{line}"
                for number, line in enumerate(_wrapped(cell, width - len(label)))
            ]
        elif name != "MS":
            rest.append(f"{name.lower()} {cell}")
        elif cell:
            took = f" ({cell} ms)"
    if len(lines[-1]) + 2 + len(row[-1]) + len(took) > width:
        lines.append("  ")
    lines[-1] = f"{lines[-1]}  {paint(row[-1], row[-1])}{took}"
    return [*lines, *told, *(f"    {line}" for line in _wrapped(", ".join(rest), width - 4) if line)]


def _table(rows: Sequence[Sequence[str]], paint: _Paint, width: int) -> list[str]:
    """Rows of equal length as aligned lines of so many characters at most, the first of them the head, or each as a
    paragraph with labels where columns have no room. A last cell that is a verdict gets its colour."""
    gap, widths = _widths(rows, width)
    if not widths:
        return [line for row in rows[1:] for line in _paragraph(rows[0], row, paint, width)]
    lines: list[str] = []
    for row in rows:
        wrapped = [_wrapped(cell, room) for cell, room in zip(row, widths, strict=True)]
        for number, cells in enumerate(zip_longest(*wrapped, fillvalue="")):
            padded = [cell.ljust(room) for cell, room in zip(cells, widths, strict=True)]
            padded[-1] = paint(cells[-1], row[-1] if number == 0 else "")
            lines.append(gap.join(padded).rstrip())
    return lines


def _reasons(entries: Iterable[tuple[str, str, str]], paint: _Paint) -> list[str]:
    """Sentences of what did not pass, pairs with the same one together. Entries: who, verdict, reason."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for who, verdict, reason in entries:
        if verdict != "pass":
            grouped.setdefault((verdict, reason), []).append(who)
    lines = []
    for (verdict, reason), who in grouped.items():
        more = f" and {len(who) - MOST_ROWS} more" if len(who) > MOST_ROWS else ""
        lines.append(f"{paint(verdict, verdict)}  {', '.join(who[:MOST_ROWS])}{more}: {reason}")
    more = len(lines) - MOST_ROWS
    return [*lines[:MOST_ROWS], f"... and {more:,} more reasons"] if more > 0 else lines


def _covered(pair: Mapping[str, Any], entries: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a diagnosis tells of this pair. Of many pairs it lists some, and names its nodes."""
    own = pair["source"]["node"], pair["destination"]["node"]
    for entry in entries:
        if f"{words.ends(pair)} ({pair['family']})" in entry["pairs"]:
            return True
        if entry["pairs_total"] > len(entry["pairs"]) and not set(own).isdisjoint(entry["nodes"]):
            return True
    return False


def _undiagnosed(pods: Mapping[str, Any], families: int, paint: _Paint) -> list[str]:
    """Sentences of many pairs: each that no diagnosis covers, and of the others the first of each rule."""
    alike: dict[str, list[Mapping[str, Any]]] = {}
    alone = []
    for pair in words.not_passed(pods["pairs"]):
        if _covered(pair, pods.get("diagnosis") or []):
            alike.setdefault(pair["rule"], []).append(pair)
        else:
            alone.append(pair)
    lines = []
    for first, *others in alike.values():
        more = f" Likewise {len(others):,} more; see the diagnosis." if others else ""
        verdict = first["verdict"]
        lines.append(f"{paint(verdict, verdict)}  {words.ends(first, families)}: {first['reason']}{more}")
    return lines + _reasons(((words.ends(p, families), p["verdict"], p["reason"]) for p in alone), paint)


def _node_layer(layer: Mapping[str, Any], width: int, paint: _Paint) -> list[str]:
    paths = layer["paths"]
    shown = paths if len(layer["hosts"]) <= SMALL else words.not_passed(paths)[:MOST_ROWS]
    rows = [_HEAD]
    for path in shown:
        seen = "as expected" if path["seen"] and path["seen"] == path["expected"] else path["seen"] or "-"
        ms = words.milliseconds(path["rtt_ms"])
        rows.append((path["source"], path["destination"], path["expected"] or "-", seen, ms, path["verdict"]))
    out = [paint("NODES", "head")]
    if len(rows) > 1:
        out += _table(rows, paint, width)
    out += textwrap.wrap(words.node_paths_text(layer), width)
    told = ((f"{path['source']}{words.ARROW}{path['destination']}", path["verdict"], path["reason"]) for path in paths)
    out += _reasons(told, paint)
    return [*out, ""]


def _pair_rows(pairs: Iterable[Mapping[str, Any]], names: Mapping[str, str], families: int) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = [_HEAD]
    for pair in pairs:
        source, destination = pair["source"]["node"], pair["destination"]["node"]
        if families > 1:
            destination = f"{destination} ({pair['family']})"
        ms = words.milliseconds(words.median_ms(pair))
        rows.append(
            (source, destination, words.expected_text(pair, names), words.seen_text(pair), ms, pair["verdict"])
        )
    return rows


def matrix(names: Sequence[str], rows: Sequence[str], width: int, paint: _Paint) -> list[str]:
    """The matrix of one family with a number for each node, or nothing where it does not fit into the width."""
    digits = len(str(len(names)))
    label = max(len(name) for name in names) + digits + 2
    gap = " " if label + 2 * len(names) <= width else ""
    if label + len(names) * (1 + len(gap)) > width:
        return []
    lines = []
    for place in range(digits):
        numbers = (str(number).rjust(digits)[place] for number in range(1, len(names) + 1))
        lines.append((" " * label + gap.join(numbers)).rstrip())
    for number, (name, row) in enumerate(zip(names, rows, strict=True), 1):
        cells = (paint(*_CELLS[letter]) for letter in report_matrix.unpack(row))
        lines.append(f"{str(number).rjust(digits)} {name.ljust(label - digits - 1)}{gap.join(cells)}".rstrip())
    return lines


def _counts(nodes: Sequence[Mapping[str, Any]], width: int, paint: _Paint) -> list[str]:
    """Counts of the nodes that do not pass, worst first."""
    worst = words.worst_nodes(nodes)
    rows = [words.COUNTS_HEAD, *map(words.counts_row, worst[:MOST_ROWS])]
    out = _table(rows, paint, width) if worst else []
    ending = words.counts_ending(nodes, worst, MOST_ROWS)
    return [*out, *(part for line in ending for part in textwrap.wrap(line, width))]


def _matrices(found: Mapping[str, Any], width: int, paint: _Paint) -> list[str]:
    """The matrix of each family; that of a single node would say nothing."""
    out: list[str] = []
    for family, rows in found["rows"].items():
        drawn = matrix(found["nodes"], rows, width, paint) if len(found["nodes"]) > 1 else []
        if drawn:
            title = f"{family}: rows send, columns are reached; . pass, F fail, ? inconclusive, blank not looked at"
            out += [*textwrap.wrap(title, width), *drawn, ""]
    return out


def _large(pods: Mapping[str, Any], names: Mapping[str, str], width: int, paint: _Paint, where: str) -> list[str]:
    out = [*_counts(pods.get("nodes") or [], width, paint), ""]
    bad = words.not_passed(pods["pairs"])
    if bad:
        out += _table(_pair_rows(bad[:MOST_ROWS], names, words.family_count(pods)), paint, width)
        left_out = words.left_out_text(bad[:MOST_ROWS], pods, where)
        out += [left_out] if left_out else []
    return out


def _diagnosis(entries: Sequence[Mapping[str, Any]], paint: _Paint) -> list[str]:
    """What it looks like: less likely causes briefly, then the most likely with its evidence and, last, its cure."""
    if not entries:
        return []
    out = ["", paint("DIAGNOSIS", "head")]
    more = len(entries) - MOST_DIAGNOSES
    out += [f"{more:,} more are less likely"] if more > 0 else []
    for entry in reversed(entries[1:MOST_DIAGNOSES]):
        out.append(f"also {entry['confidence']}: {entry['title']} Cure: {' '.join(entry['cure'])}")
    first = entries[0]
    out.append(f"{paint(first['confidence'], 'fail')}: {first['title']} ({first['pairs_total']:,} pairs)")
    out += [f"  seen:    {line}" for line in first["evidence"]]
    out += [f"  confirm: {line}" for line in first["confirm"]]
    return out + [f"  {paint('cure:', 'head')}    {line}" for line in first["cure"]]


def _clean(value: Any) -> Any:
    """The same with every text made plain."""
    if isinstance(value, str):
        return value if value.isprintable() else _plain(value)
    if isinstance(value, Mapping):
        return {name: _clean(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value


def lines(built: Mapping[str, Any], width: int = 120, color: bool = False, where: str = "") -> list[str]:
    """The report for a terminal of ``width`` characters; ``where``: the file that holds what has no room here."""
    paint = _Paint(color)
    names = _clean(words.interface_names(built))
    pods = built["pods"]
    if len(pods["matrix"]["nodes"]) > SMALL:
        # of many pairs only those are shown that did not pass
        built = {**built, "pods": {**pods, "pairs": words.not_passed(pods["pairs"])}}
    built = _clean(built)
    pods = built["pods"]
    pairs, families = pods["pairs"], words.family_count(pods)
    out = _node_layer(built["nodes"], width, paint) if built.get("nodes") else []
    out.append(paint("PODS", "head"))
    out += _matrices(pods["matrix"], width, paint)
    if len(pods["matrix"]["nodes"]) > SMALL:
        out += _large(pods, names, width, paint, where)
    elif pairs:
        out += _table(_pair_rows(pairs, names, families), paint, width)
    out.append(words.summary_text("pod pairs", pods["summary"]))
    coverage = pods.get("coverage") or {}
    if coverage.get("tried") != coverage.get("possible"):
        out.append(words.coverage_text(pods))
    if len(pods["matrix"]["nodes"]) > SMALL:
        out += _undiagnosed(pods, families, paint)
    else:
        out += _reasons(((words.ends(p, families), p["verdict"], p["reason"]) for p in pairs), paint)
    empty = report.empty_reason(pods)
    out += [empty] if empty else []
    findings = pods.get("preflight") or []
    for finding in findings[:MOST_ROWS]:
        out.append(f"{paint(finding['severity'], finding['severity'])}  {finding['message']} {finding['cure']}")
    out += [f"... and {len(findings) - MOST_ROWS:,} more findings"] if len(findings) > MOST_ROWS else []
    out += words.control_lines(pods) + words.service_lines(pods) + words.change_lines(pods.get("changes"))
    if pods.get("residue"):
        out.append(f"{pods['residue']} pods of this run may still be there.")
    return out + _diagnosis(pods.get("diagnosis") or [], paint)
