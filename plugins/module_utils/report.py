# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both layers in one report, each bounded however many pairs and paths there are. Pure.

Its shape is written down in docs/report.schema.json; report_text, report_junit, report_markdown and report_html show
it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils import report_matrix
from ansible_collections.podpath.kubeadm.plugins.module_utils.judgement import (
    FAIL,
    INCONCLUSIVE,
    PASS,
    count,
    is_failure,
    left_out,
    overall,
)

SCHEMA_VERSION = 2
# Pairs told in full. Each takes about 1.3 kB; a mesh of 100 nodes fits. Of the hosts' own paths, which nothing plans
# and which are each host to all others, as many; each takes about 0.2 kB.
MAX_PAIRS = 10_000
# most urgent first, where not all have room
_ORDER = (FAIL, INCONCLUSIVE, PASS)
_POD_NAMES = (
    "cluster", "run", "coverage", "preflight", "nodes", "pairs", "control", "services", "no_service", "diagnosis",
    "changes", "requests", "timings", "residue", "stopped", "output_path",
)  # fmt: skip


def _urgency(entry: Mapping[str, Any]) -> int:
    return _ORDER.index(entry["verdict"])


def bounded(
    entries: Sequence[Mapping[str, Any]], most: int = MAX_PAIRS, rank: Callable[[Mapping[str, Any]], Any] = _urgency
) -> list[Mapping[str, Any]]:
    """As many entries as have room, in their own order; what did not pass takes its place first."""
    if len(entries) <= most:
        return list(entries)
    kept = sorted(range(len(entries)), key=lambda index: rank(entries[index]))[:most]
    return [entries[index] for index in sorted(kept)]


def _node_layer(results: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not results:
        return None
    hosts = []
    paths: list[Mapping[str, Any]] = []
    for host, result in results.items():
        own, known = (result or {}).get("paths"), result or {}
        if own is None:
            row = {"source": host, "destination": "all", "kind": "host", "verdict": INCONCLUSIVE, "rtt_ms": None}
            own, known = [{**row, "reason": f"Nothing came from host {host}.", "expected": "", "seen": ""}], {}
        hosts.append({"host": host, "address": known.get("address", ""), "interface": known.get("interface", ""),
                      "summary": count([path["verdict"] for path in own])})  # fmt: skip
        paths += own
    if not paths:
        return None  # one host, and its way to the internet is not asked for: there is nothing to prove
    counts = count([path["verdict"] for path in paths])
    # of those that pass, the few that lead outside before the many between hosts: the map draws cards by them
    kept = bounded(paths, rank=lambda path: (_urgency(path), path["kind"] == "node"))
    untried = sum((result or {}).get("peers_left_out") or 0 for result in results.values())
    return {"verdict": overall(counts), "summary": counts, "hosts": hosts, "paths": kept,
            "paths_left_out": left_out(counts, kept), "not_tried": untried}  # fmt: skip


def _pod_layer(result: Mapping[str, Any]) -> dict[str, Any]:
    layer = {name: result[name] for name in _POD_NAMES if name in result}
    pairs = layer.get("pairs") or []
    summary = result.get("summary") or count([])
    layer["matrix"] = result.get("matrix") or report_matrix.of_pairs(pairs, layer.get("nodes") or [], summary)
    layer["pairs"] = bounded(pairs)
    return {
        "verdict": result.get("verdict", INCONCLUSIVE),
        "message": result.get("msg", ""),
        "summary": summary,
        **layer,
        "pairs_left_out": left_out(summary, layer["pairs"]),
    }


def empty_reason(pods: Mapping[str, Any]) -> str:
    """Why there is not a single pair to show, as a sentence; empty where there is one."""
    if pods["pairs"] or any(pods["summary"].values()):
        return ""
    told = pods.get("stopped") or pods["message"]
    return f"No pair of pods was looked at, so nothing is proved. {told}".rstrip()


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
    total = {key: sum(layer["summary"][key] for layer in present.values()) for key in (PASS, FAIL, INCONCLUSIVE)}
    # A run that stopped on an error is failed whatever fail_on says; its own message tells why. Not by its "failed":
    # the caller's failed_when may have cleared that.
    stopped = "pairs" not in pod_result or bool(pod_result.get("stopped"))
    # the pods' own verdict is more than the sum of their pairs: dead Services keep it from a pass
    bad = [
        name
        for name, layer in present.items()
        if is_failure(layer["summary"], fail_on) or (fail_on == INCONCLUSIVE and layer["verdict"] != PASS)
    ]
    verdict = overall(total)
    residue = pods.get("residue") or 0
    failed = stopped or bool(residue) or (not check_mode and bool(bad))
    parts = []
    for name, layer in present.items():
        summary = layer["summary"]
        parts.append(f"{name}: {summary['pass']} pass, {summary['fail']} fail, {summary['inconclusive']} inconclusive")
    message = "; ".join(parts) + "."
    if residue:
        message = f"{message} {residue} pods of this run may still be there."
    if pods["verdict"] != PASS:
        message = f"{message} {empty_reason(pods) or pods['message']}".rstrip()
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": pods["verdict"] if verdict == PASS else verdict,
        "failed": failed,
        "fail_on": fail_on,
        "message": message,
        "summary": total,
        **layers,
    }
