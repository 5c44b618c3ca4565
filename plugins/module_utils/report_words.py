# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for parts of a report that all its formats share: pairs, hops, numbers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import in_order, listed

ARROW = " -> "
SYMBOLS = {"pass": "✓", "fail": "✗", "inconclusive": "?"}


def interface_names(report: Mapping[str, Any]) -> dict[str, str]:
    """Node addresses and the names of their interfaces, where the node layer or a route to a peer tells them."""
    names: dict[str, str] = {}
    for pair in report["pods"].get("pairs") or []:
        underlay = (pair.get("evidence") or {}).get("underlay") or {}
        if not underlay.get("address") or not underlay.get("interface"):
            continue
        # a route astray tells of its own card, not of the one that has the address
        if underlay.get("own_interface", "") in ("", underlay["interface"]):
            names[underlay["address"]] = underlay["interface"]
    for host in (report.get("nodes") or {}).get("hosts") or []:
        if host["address"] and host["interface"]:
            names[host["address"]] = host["interface"]
    return names


def _hop(role: str, addresses: Sequence[str], names: Mapping[str, str]) -> str:
    if not addresses:
        return role
    label = names.get(addresses[0], role) if role == "node" else role
    return f"{label} {'|'.join(addresses)}"


def expected_text(pair: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """The expected hops of a pair; ``names``: node address -> its interface, where known."""
    hops = pair["expected"]["hops"]
    return ARROW.join(_hop(hop["role"], hop["addresses"], names) for hop in hops) or "unknown"


def seen_text(pair: Mapping[str, Any]) -> str:
    """The hops seen, short where they are what was expected, repetition and trailing silence as one with its reach."""
    hops = pair["hops"]
    if not hops:
        return "-"
    expected = [list(hop["addresses"]) for hop in pair["expected"]["hops"]]
    if [hop["addresses"] for hop in hops] == expected:
        return f"as expected, {len(hops)} hop{'s' if len(hops) > 1 else ''}"
    texts = ["|".join(hop["addresses"]) + "".join(f" {note}" for note in hop.get("notes", [])) or "*" for hop in hops]
    repeated = 0
    while len(texts) > 1 and texts[-1] == texts[-2]:
        texts.pop()
        repeated += 1
    if repeated:
        texts[-1] = f"{texts[-1]} (to hop {len(hops)})"
    return ARROW.join(texts)


def median_ms(pair: Mapping[str, Any]) -> float | None:
    """Median round trip of the echoes to the pod, in milliseconds; None where there is none."""
    rtt = ((pair.get("evidence") or {}).get("echoes") or {}).get("rtt_ms") or {}
    return rtt.get("median")


def milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def ends(pair: Mapping[str, Any], families: int = 1) -> str:
    """A pair as ``a -> b``, with its family where there are several."""
    family = f" ({pair['family']})" if families > 1 else ""
    return f"{pair['source']['node']}{ARROW}{pair['destination']['node']}{family}"


def family_count(pods: Mapping[str, Any]) -> int:
    return len((pods.get("matrix") or {}).get("rows") or ()) or 1


def summary_text(what: str, summary: Mapping[str, int]) -> str:
    total = sum(summary.values())
    return f"{total:,} {what}: " + ", ".join(f"{summary[kind]:,} {kind}" for kind in ("pass", "fail", "inconclusive"))


def node_paths_text(layer: Mapping[str, Any]) -> str:
    """The counts of the hosts' own paths, and how many were not looked at."""
    told, untried = summary_text("node paths", layer["summary"]), layer.get("not_tried") or 0
    return f"{told}; {untried:,} more from host to host were not looked at (node_paths_max_peers)" if untried else told


def coverage_text(pods: Mapping[str, Any]) -> str:
    """Which part of all pairs was looked at; empty where that is not told."""
    coverage, plan = pods.get("coverage") or {}, (pods.get("run") or {}).get("plan") or {}
    if not coverage.get("possible"):
        return ""
    tried, possible = coverage["tried"], coverage["possible"]
    told = f"{tried:,} of {possible:,} possible pairs traced ({100 * tried / possible:.3g} %)"
    name = plan.get("name")
    if name and name != "mesh":
        seed = f", seed {plan['seed']}" if plan.get("seed") is not None else ""
        told = f"{told}, by the plan {name}{seed}"
    return told


def not_passed(pairs: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Pairs that fail, then those that are inconclusive."""
    listed = [pair for pair in pairs if pair["verdict"] != "pass"]
    return sorted(listed, key=lambda pair: pair["verdict"] != "fail")


COUNTS_HEAD = ("NODE", "OUT: PASS", "FAIL", "?", "IN: PASS", "FAIL", "?", "VERDICT")


def worst_nodes(nodes: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The nodes that do not pass, worst first."""
    bad = [node for node in nodes if node["verdict"] != "pass"]
    return sorted(bad, key=_bad_paths, reverse=True)


def _bad_paths(node: Mapping[str, Any]) -> int:
    return bad_count(node["outgoing"]) + bad_count(node["incoming"])


def passing_text(nodes: Sequence[Mapping[str, Any]]) -> str:
    """How many of the nodes pass. One whose paths fail for another node's sake does; that it has some is said."""
    good = [node for node in nodes if node["verdict"] == "pass"]
    touched = sum(1 for node in good if _bad_paths(node))
    told = f"{len(good):,} of {len(nodes):,} nodes pass"
    return f"{told}, {touched:,} of them but for paths with a node where the fault lies" if touched else told


def counts_row(node: Mapping[str, Any]) -> tuple[str, ...]:
    """A node's counts, under COUNTS_HEAD."""
    numbers = (f"{node[way][kind]:,}" for way in ("outgoing", "incoming") for kind in ("pass", "fail", "inconclusive"))
    return (node["name"], *numbers, node["verdict"])


def counts_ending(nodes: Sequence[Mapping[str, Any]], worst: Sequence[Any], most: int) -> list[str]:
    """What stands below the counts of the ``most`` worst nodes."""
    if not any(map(_bad_paths, nodes)) and not worst:
        return [f"All paths of all {len(nodes):,} nodes that were looked at pass."] if nodes else []
    more = len(worst) - most
    told = [f"... and {more:,} more nodes that do not pass"] if more > 0 else []
    return [*told, f"{passing_text(nodes)}."]


def bad_count(summary: Mapping[str, int]) -> int:
    """How many did not pass."""
    return summary["fail"] + summary["inconclusive"]


def left_out_text(shown: Sequence[Any], pods: Mapping[str, Any], where: str) -> str:
    """How many pairs that did not pass are not shown, and where they stand; empty where all are shown."""
    missing, lost = bad_count(pods["summary"]), bad_count(pods["pairs_left_out"])
    missing -= len(shown)
    if missing <= 0:
        return ""
    told = f"{missing:,} more pairs did not pass"
    if not lost or pods.get("output_path"):
        place = (pods.get("output_path") if lost else "") or where
        return f"{told}; they stand in {place}." if place else f"{told}."
    first = f"; {missing - lost:,} of them stand in {where}" if where and missing > lost else ""
    return f"{told}{first}; for all of them name a file in output_path (pod_paths_result_path in the role)."


def control_lines(pods: Mapping[str, Any]) -> list[str]:
    """The controls: a sentence each."""
    lines = []
    for control in pods.get("control") or []:
        held = "held" if control["held"] else "NOT held, so no pair can pass"
        before = control.get("answered") or []
        if before and control["held"]:
            held += f" ({', '.join(before)} answered, as other pods do)"
        lines.append(f"control ({control['family']}): {control['address']}, which no pod has, {held}. "
                     f"{control['reason']}")  # fmt: skip
    return lines


def service_lines(pods: Mapping[str, Any], most: int = 20) -> list[str]:
    """The run's Service: one sentence, or one for each node that did not reach it; at most ``most`` of them."""
    services = pods.get("services") or []
    if not services:
        why = pods.get("no_service")
        return [f"Service: not observed, as none could be made: {why}"] if why else []
    seen = [one for one in services if one.get("observed", True)]
    bad = bad_services(pods)
    address = f"{services[0]['address']}:{services[0]['port']}"
    lines = [f"Service {address}: not reached from {one['source']}: {one['problem']}" for one in bad[:most]]
    lines += [f"... and from {len(bad) - most:,} more nodes"] if len(bad) > most else []
    if seen and not bad:
        served = sorted({one["served_by"] for one in seen if one["served_by"]})
        by = f", served by {listed(served, 5)}" if served else ""
        everybody = "all " if len(seen) == len(services) else ""
        lines = [f"Service {address}: reached by TCP from {everybody}{len(seen)} nodes{by}."]
    unseen: dict[str, list[str]] = {}
    for one in services:
        if not one.get("observed", True):
            unseen.setdefault(one["why"], []).append(one["source"])
    return lines + [
        f"Service {address}: not observed from {listed(sorted(set(nodes), key=in_order), 5)}: {why}"
        for why, nodes in list(unseen.items())[:most]
    ]


def bad_services(pods: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The connections to the run's Service that were tried in vain."""
    return [one for one in pods.get("services") or [] if one.get("observed", True) and not one["connected"]]


def change_lines(changes: Mapping[str, Any] | None, most: int = 10) -> list[str]:
    """What is different from the baseline; at most ``most`` lines of each kind."""
    if not changes:
        return []
    lines = [f"since the baseline of {(changes.get('baseline') or {}).get('started', 'an unknown time')}:"]

    def pair_of(entry: Any) -> str:
        if isinstance(entry, Mapping):
            return f"{entry.get('source')}{ARROW}{entry.get('destination')}"
        return str(entry)

    def kind(name: str, word: str, told: Callable[[Any], str]) -> None:
        entries = changes.get(name) or []
        lines.extend(f"  {told(entry)}" for entry in entries[:most])
        more = len(entries) + (changes.get("left_out") or {}).get(name, 0) - most
        lines.extend([f"  ... and {more:,} more: {word}"] if more > 0 else [])

    for name, word in (("new_failures", "fails now"), ("mended", "passes now"), ("missing", "is not there now")):
        kind(name, word, lambda entry, word=word: f"{pair_of(entry)} {word}")
    kind("changed_hops", "takes another way", lambda entry: (
        f"{pair_of(entry)} takes another way: {_way(entry['before'])}, now {_way(entry['now'])}"))  # fmt: skip
    kind("slower", "is slower", lambda entry: (
        f"{pair_of(entry)} is slower: {entry['before_ms']} ms, now {entry['now_ms']} ms"))  # fmt: skip
    lines[0] += " no difference" if len(lines) == 1 else ""
    return lines + _compared(changes)


def _compared(changes: Mapping[str, Any]) -> list[str]:
    """Which pairs the comparison could not speak of."""
    compared, not_tried, verdict_only = (changes.get(name) or 0 for name in ("compared", "not_tried", "verdict_only"))
    told = []
    if not_tried:
        told.append(f"  {compared:,} pairs were compared; {not_tried:,} of the baseline were not tried now")
    if verdict_only:
        told.append(f"  of {verdict_only:,} pairs the baseline tells the verdict alone: hops and times not compared")
    return told


def _way(hops: Any) -> str:
    if isinstance(hops, str):
        return hops
    return ARROW.join(("|".join(hop) if isinstance(hop, list | tuple) else str(hop)) or "*" for hop in hops)
