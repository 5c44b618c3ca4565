# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both layers in one report, and the report as lines that a person reads. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.judgement import INCONCLUSIVE, count, is_failure, overall

SCHEMA_VERSION = 1
_ARROW = " -> "


def _node_layer(results: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not results:
        return None
    hosts = []
    paths: list[dict[str, Any]] = []
    for host, result in results.items():
        if result and result.get("paths") is not None:
            hosts.append({"host": host, "address": result.get("address", ""), "interface": result.get("interface", "")})
            paths += result["paths"]
            continue
        hosts.append({"host": host, "address": "", "interface": ""})
        row = {"source": host, "destination": "all", "kind": "host", "verdict": INCONCLUSIVE, "rtt_ms": None}
        paths.append({**row, "reason": f"Nothing came from host {host}.", "expected": "", "seen": ""})
    if not paths:
        return None  # one host, and its way to the internet is not asked for: there is nothing to prove
    counts = count([path["verdict"] for path in paths])
    return {"verdict": overall(counts), "summary": counts, "hosts": hosts, "paths": paths}


def _pod_layer(result: Mapping[str, Any]) -> dict[str, Any]:
    names = ("summary", "coverage", "preflight", "pairs", "timings", "residue")
    known = {name: result[name] for name in names if name in result}
    counts = known.get("summary") or count([])
    return {
        "verdict": result.get("verdict", INCONCLUSIVE),
        "message": result.get("msg", ""),
        **known,
        "summary": counts,
    }


def build(
    pod_result: Mapping[str, Any],
    node_results: Mapping[str, Any] | None = None,
    fail_on: str = INCONCLUSIVE,
    check_mode: bool = False,
) -> dict[str, Any]:
    """The report: ``pod_result`` as pod_traceroute returned it (also when it failed), ``node_results`` by host.

    ``failed`` and ``message`` say how the run has to end. The rule that zero passes are no success holds per layer.
    """
    pods = _pod_layer(pod_result)
    layers = {"nodes": _node_layer(node_results), "pods": pods}
    present = {name: layer for name, layer in layers.items() if layer}
    total = {key: sum(layer["summary"][key] for layer in present.values()) for key in ("pass", "fail", "inconclusive")}
    # A run that stopped on an error is failed whatever fail_on says; its own message tells why. Not by its "failed":
    # the caller's failed_when may have cleared that.
    stopped = "pairs" not in pod_result or bool(pod_result.get("stopped"))
    bad = [name for name, layer in present.items() if is_failure(layer["summary"], fail_on)]
    residue = pods.get("residue") or 0
    failed = stopped or bool(residue) or (not check_mode and bool(bad))
    parts = []
    for name, layer in present.items():
        summary = layer["summary"]
        parts.append(f"{name}: {summary['pass']} pass, {summary['fail']} fail, {summary['inconclusive']} inconclusive")
    message = "; ".join(parts) + "."
    if residue:
        message = f"{message} {residue} pods of this run may still be there."
    if pods["verdict"] != "pass" and pods["message"]:
        message = f"{message} {pods['message']}"
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": overall(total),
        "failed": failed,
        "message": message,
        "summary": total,
        **layers,
    }


def _hop(role: str, addresses: Sequence[str], names: Mapping[str, str]) -> str:
    if not addresses:
        return role
    label = names.get(addresses[0], role) if role == "node" else role
    return f"{label} {'|'.join(addresses)}"


def expected_text(pair: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """The expected hops of a pair; ``names``: node address -> its interface, where known."""
    hops = pair["expected"]["hops"]
    return _ARROW.join(_hop(hop["role"], hop["addresses"], names) for hop in hops) or "unknown"


def seen_text(pair: Mapping[str, Any]) -> str:
    """The hops seen, short where they are what was expected, trailing silence as one star with its reach."""
    hops = pair["hops"]
    if not hops:
        return "-"
    expected = [list(hop["addresses"]) for hop in pair["expected"]["hops"]]
    if [hop["addresses"] for hop in hops] == expected:
        return f"as expected, {len(hops)} hop{'s' if len(hops) > 1 else ''}"
    texts = ["|".join(hop["addresses"]) + "".join(f" {note}" for note in hop.get("notes", [])) or "*" for hop in hops]
    silent = 0
    while len(texts) > 1 and texts[-1] == texts[-2] == "*":
        texts.pop()
        silent += 1
    if silent:
        texts[-1] = f"* (to hop {len(hops)})"
    return _ARROW.join(texts)


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _pair_ms(pair: Mapping[str, Any]) -> float | None:
    return (pair["evidence"]["echoes"].get("rtt_ms") or {}).get("median")


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of equal length as aligned lines; the first is the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return lines


def _summary_line(what: str, summary: Mapping[str, int]) -> str:
    total = sum(summary.values())
    return f"{total} {what}: {summary['pass']} pass, {summary['fail']} fail, {summary['inconclusive']} inconclusive"


def _reasons(entries: Iterable[tuple[str, str, str, str]]) -> list[str]:
    """Sentences of what did not pass, pairs with the same one together."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for source, destination, verdict, reason in entries:
        if verdict != "pass":
            grouped.setdefault((verdict, reason), []).append(f"{source}{_ARROW}{destination}")
    return [f"{verdict}  {', '.join(who)}: {reason}" for (verdict, reason), who in grouped.items()]


def lines(report: Mapping[str, Any]) -> list[str]:
    """The report for a terminal."""
    out: list[str] = []
    names: dict[str, str] = {}
    head = ("FROM", "TO", "EXPECTED", "SEEN", "MS", "VERDICT")
    nodes = report.get("nodes")
    if nodes:
        names = {host["address"]: host["interface"] for host in nodes["hosts"] if host["address"] and host["interface"]}
        rows = [head]
        for path in nodes["paths"]:
            seen = "as expected" if path["seen"] and path["seen"] == path["expected"] else path["seen"] or "-"
            ms = _milliseconds(path["rtt_ms"])
            rows.append((path["source"], path["destination"], path["expected"] or "-", seen, ms, path["verdict"]))
        out += ["NODES", *_table(rows), _summary_line("node paths", nodes["summary"])]
        out += _reasons((p["source"], p["destination"], p["verdict"], p["reason"]) for p in nodes["paths"])
        out.append("")
    pods = report["pods"]
    pairs = pods.get("pairs") or []
    rows = [head]
    for pair in pairs:
        source, destination = pair["source"]["node"], pair["destination"]["node"]
        ms = _milliseconds(_pair_ms(pair))
        rows.append((source, destination, expected_text(pair, names), seen_text(pair), ms, pair["verdict"]))
    out.append("PODS")
    if pairs:
        out += _table(rows)
    out.append(_summary_line("pod pairs", pods["summary"]))
    out += _reasons((p["source"]["node"], p["destination"]["node"], p["verdict"], p["reason"]) for p in pairs)
    if not pairs and pods["message"]:
        out.append(pods["message"])
    if pods.get("residue"):
        out.append(f"{pods['residue']} pods of this run may still be there.")
    return out
