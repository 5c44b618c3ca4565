# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as the HTML page needs it: what its script draws, and what stands in it as text. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils import report
from ansible_collections.podpath.kubeadm.plugins.module_utils import report_words as words

MAX_LISTED = 200
# devices by which each backend sends between nodes; those of host-gw send without one
_OVERLAY = {"vxlan": "flannel.1", "wireguard": "flannel-wg", "ipip": "flannel.ipip", "udp": "flannel0", "": "flannel0"}
_VERBS = {"pass": "take the expected path", "fail": "fail", "inconclusive": "are inconclusive"}


def _outside(layer: Mapping[str, Any] | None) -> dict[str, dict[str, str]]:
    """By host: the interface of its default route and the gateway there, as the node layer saw them."""
    found = {}
    for path in (layer or {}).get("paths") or []:
        seen = path["seen"].split()
        if path["kind"] == "internet" and seen and seen[0] != "no":
            found[path["source"]] = {"name": seen[0], "via": seen[2] if len(seen) > 2 else ""}
    return found


def _nodes(built: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each node with its interfaces: name and addresses; a name is empty where nobody told it."""
    layer = built.get("nodes")
    names = words.interface_names(built)
    outside = _outside(layer)
    known = {node["name"]: node for node in built["pods"].get("nodes") or []}
    nodes = []
    for name in built["pods"]["matrix"]["nodes"]:
        node = known.get(name, {})
        addresses = list(node.get("internal_ips") or [])
        overlay = list(node.get("overlay_ips") or [])
        card = next((names[address] for address in addresses if address in names), "")
        nat = outside.get(name, {})
        nodes.append(
            {
                "name": name,
                "verdict": node.get("verdict", ""),
                "bridge": list(node.get("bridge_ips") or []),
                "overlay": {"name": _OVERLAY.get(node.get("backend", "?"), "flannel"), "ips": overlay},
                "cluster": {"name": card, "ips": addresses},
                "outside": nat if nat.get("name") != card else {},
                "public_ips": list(node.get("public_ips") or filter(None, [node.get("public_ip")])),
                "cidrs": list(node.get("pod_cidrs") or []),
            }
        )
    return nodes


def data(built: Mapping[str, Any]) -> dict[str, Any]:
    """What the page's script draws from."""
    pods = built["pods"]
    return {
        "nodes": _nodes(built),
        "rows": pods["matrix"]["rows"],
        "pairs": pods["pairs"],
        "leftOut": sum(pods["pairs_left_out"].values()),
        "more": pods.get("output_path") or "",
    }


def verdict(built: Mapping[str, Any]) -> str:
    """The verdict that stands beside the headline: a run that fails is never shown as a pass."""
    return "fail" if built["failed"] and built["verdict"] == "pass" else built["verdict"]


def _all_pass(pods: Mapping[str, Any]) -> bool:
    return pods["summary"]["pass"] == sum(pods["summary"].values())


def beside(built: Mapping[str, Any]) -> list[str]:
    """What keeps the run from a pass beside the pairs themselves, as sentences."""
    pods, layer = built["pods"], built.get("nodes")
    told = [report.empty_reason(pods) or pods.get("stopped") or ""]
    if not told[0] and pods["verdict"] != "pass" and _all_pass(pods):
        told.append(pods["message"])
    if pods.get("residue"):
        told.append(f"{pods['residue']} pods of this run may still be there.")
    bad = words.not_passed(layer["paths"]) if layer else []
    if layer and bad:
        first = f"{bad[0]['source']}{words.ARROW}{bad[0]['destination']}: {bad[0]['reason']}"
        total = words.bad_count(layer["summary"])
        more = f" And {total - 1:,} more." if total > 1 else ""
        told.append(f"Beneath the pods a path of the nodes does not pass: {first}{more}")
    return [line for line in told if line]


def _but(built: Mapping[str, Any]) -> str:
    """What a headline on pairs that all pass must not hide."""
    pods, layer = built["pods"], built.get("nodes")
    if pods.get("stopped") or pods.get("residue"):
        return ", but the run did not end well"
    if pods["verdict"] != "pass":
        return f", but the run is {pods['verdict']}"
    bad = words.bad_count(layer["summary"]) if layer else 0
    return f", but {bad:,} of {sum(layer['summary'].values()):,} node paths do not pass" if layer and bad else ""


def headline(built: Mapping[str, Any]) -> str:
    """What the run shows, as one sentence."""
    pods = built["pods"]
    empty = report.empty_reason(pods)
    if empty:
        return "Nothing is proved"
    summary = pods["summary"]
    total = sum(summary.values())
    if _all_pass(pods):
        said = f"All {total:,} pod pairs take the expected path" if total > 1 else "The pod pair takes its path"
        return f"{said}{_but(built)}"
    parts = [f"{summary[kind]:,} {_VERBS[kind]}" for kind in ("fail", "inconclusive") if summary[kind]]
    return f"{' and '.join(parts)} of {total:,} pod pairs"


def facts(built: Mapping[str, Any]) -> list[tuple[str, str]]:
    """When, against which cluster and how much of it: names and values, without those that are not known."""
    pods = built["pods"]
    cluster, run = pods.get("cluster") or {}, pods.get("run") or {}
    routing = ", DirectRouting" if cluster.get("direct_routing") else ""
    return _known(
        ("Made", _time(run.get("started", ""))),
        ("Cluster", cluster.get("server", "")),
        ("Nodes", f"{cluster['nodes']:,}" if cluster.get("nodes") else ""),
        ("Flannel", ", ".join(backend or "udp" for backend in cluster.get("backends") or []) + routing),
        ("Families", ", ".join(cluster.get("families") or [])),
        ("Covered", words.coverage_text(pods)),
        ("Took", f"{run['seconds']:g} s" if run.get("seconds") is not None else ""),
        ("podpath.kubeadm", run.get("version", "")),
    )


def provenance(built: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How the run was made, for whoever wants to repeat it."""
    pods = built["pods"]
    run = pods.get("run") or {}
    plan = run.get("plan") or {}
    seed = f" (seed {plan['seed']})" if plan.get("seed") is not None else ""
    return _known(
        ("Plan", f"{plan['name']}{seed}" if plan.get("name") else ""),
        ("Method", run.get("method", "")),
        ("Image", run.get("image", "")),
        ("Namespace", run.get("namespace", "")),
        ("Run", run.get("id", "")),
        ("Seconds", ", ".join(f"{name} {seconds:g}" for name, seconds in (pods.get("timings") or {}).items())),
        ("API requests", ", ".join(f"{number:,} {name}" for name, number in (pods.get("requests") or {}).items())),
        ("All pairs", pods.get("output_path") or ""),
    )


def _known(*told: tuple[str, Any]) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in told if value]


def _time(text: str) -> str:
    return f"{text[:10]} {text[11:16]} UTC" if len(text) == 20 and text.endswith("Z") else text


def failing(built: Mapping[str, Any]) -> list[dict[str, str]]:
    """Rows of the pairs that did not pass, bounded, with expected beside seen."""
    names = words.interface_names(built)
    pods = built["pods"]
    rows = []
    for pair in words.not_passed(pods["pairs"])[:MAX_LISTED]:
        rows.append(
            {
                "source": pair["source"]["node"],
                "destination": pair["destination"]["node"],
                "family": pair["family"],
                "verdict": pair["verdict"],
                "expected": words.expected_text(pair, names),
                "seen": words.seen_text(pair),
                "reason": pair["reason"],
            }
        )
    return rows


def sorted_nodes(built: Mapping[str, Any]) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """The nodes that do not pass, worst first, and the others."""
    nodes: Sequence[Mapping[str, Any]] = built["pods"].get("nodes") or []
    return words.worst_nodes(nodes), [node for node in nodes if node["verdict"] == "pass"]
