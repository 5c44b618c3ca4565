# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as JUnit XML, as CI servers show it: a case per pair and per path of the hosts, or per node and per
host where these are too many. Pure.

fail is a failure; inconclusive is an error, or skipped where the run was told not to fail on it.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils import report, report_view
from ansible_collections.podpath.kubeadm.plugins.module_utils import report_words as words
from ansible_collections.podpath.kubeadm.plugins.module_utils.judgement import overall

# A mesh of 30 nodes. GitLab reads no file above 30 MB and shows no more than some thousand cases well.
MAX_CASES = 1000
# of what could not be looked at
NOT_OBSERVED = "not observed"
# what XML 1.0 cannot hold, not even escaped
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _plain(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def _case(suite: ET.Element, name: str, outcome: tuple[str, str, str], body: str, fail_on: str) -> None:
    """outcome: verdict, rule, reason."""
    verdict, rule, reason = outcome
    # CI servers take what follows the last dot for the class and the rest for its package; no node has a _ in its name
    group, dot, owner = suite.get("name", "").partition(".")
    classname = f"{group}{dot}{owner.replace('.', '_')}"
    case = ET.SubElement(suite, "testcase", {"classname": _plain(classname), "name": _plain(name), "time": "0"})
    if verdict == "pass":
        return
    tag = "failure" if verdict == "fail" else "error" if fail_on == "inconclusive" else "skipped"
    if verdict == NOT_OBSERVED:
        tag = "skipped"  # it never counts against a run
    element = ET.SubElement(case, tag, {"message": _plain(reason)})
    if tag != "skipped":  # a skipped element has no type
        element.set("type", _plain(rule or verdict))
    element.text = _plain(body)


def _suite(root: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(root, "testsuite", {"name": _plain(name)})


def _cures(pods: Mapping[str, Any], nodes: set[str]) -> str:
    """The diagnoses that concern one of these nodes, each with its cure."""
    told = []
    for entry in pods.get("diagnosis") or []:
        if nodes & set(entry["nodes"]):
            told.append(f"{entry['confidence']}: {entry['title']} Cure: {' '.join(entry['cure'])}")
    return "\n".join(told)


def _pairs(root: ET.Element, pods: Mapping[str, Any], names: Mapping[str, str], fail_on: str) -> None:
    suites: dict[str, ET.Element] = {}
    families = words.family_count(pods)
    for pair in pods["pairs"]:
        source, destination = pair["source"]["node"], pair["destination"]["node"]
        if source not in suites:
            suites[source] = _suite(root, f"pods.{source}")
        body = [f"expected: {words.expected_text(pair, names)}", f"seen: {words.seen_text(pair)}",
                _cures(pods, {source, destination})]  # fmt: skip
        outcome = (pair["verdict"], pair.get("rule", ""), pair["reason"])
        _case(suites[source], words.ends(pair, families), outcome, "\n".join(filter(None, body)), fail_on)


def _nodes(root: ET.Element, pods: Mapping[str, Any], fail_on: str) -> None:
    suite = _suite(root, "pods by node")
    listed: dict[str, list[str]] = {}
    for pair in words.not_passed(pods["pairs"]):
        for node in {pair["source"]["node"], pair["destination"]["node"]}:
            listed.setdefault(node, []).append(f"{words.ends(pair)}: {pair['reason']}")
    for node in pods.get("nodes") or []:
        told = listed.get(node["name"], [])
        body = "\n".join([words.summary_text("outgoing", node["outgoing"]),
                          words.summary_text("incoming", node["incoming"]), *_listed(told, len(told)),
                          _cures(pods, {node["name"]})])  # fmt: skip
        _case(suite, node["name"], (node["verdict"], "", node.get("reason", "")), body, fail_on)


def _listed(told: Sequence[str], total: int) -> list[str]:
    """The first ten of so many, and how many more there are."""
    return [*told[:10], *([f"... and {total - 10:,} more"] if total > 10 else [])]


def _path(path: Mapping[str, Any]) -> str:
    return f"{path['source']}{words.ARROW}{path['destination']}"


def _paths(suite: ET.Element, layer: Mapping[str, Any], fail_on: str) -> None:
    for path in layer["paths"]:
        body = f"expected: {path['expected']}\nseen: {path['seen']}"
        _case(suite, _path(path), (path["verdict"], path["kind"], path["reason"]), body, fail_on)


def _hosts(suite: ET.Element, layer: Mapping[str, Any], fail_on: str) -> None:
    listed: dict[str, list[str]] = {}
    for path in words.not_passed(layer["paths"]):
        listed.setdefault(path["source"], []).append(f"{_path(path)}: {path['reason']}")
    for host in layer["hosts"]:
        summary, told = host["summary"], listed.get(host["host"], [])
        counted = words.summary_text("paths", summary)
        body = "\n".join([counted, *_listed(told, words.bad_count(summary))])
        verdict = overall(summary) if any(summary.values()) else "pass"  # a single host may have nothing to prove
        _case(suite, host["host"], (verdict, "", told[0] if told else counted), body, fail_on)


def _run(root: ET.Element, built: Mapping[str, Any], fail_on: str) -> ET.Element:
    """What stands for the run itself, so that a report without pairs never looks like a success without tests.

    Its properties say when it was made, against what, and how."""
    pods = built["pods"]
    suite = _suite(root, "run")
    told = ET.SubElement(suite, "properties")
    for name, value in [*report_view.facts(built), *report_view.provenance(built)]:
        ET.SubElement(told, "property", {"name": name, "value": _plain(value)})
    problem = pods.get("stopped") or report.empty_reason(pods)
    if pods.get("residue"):
        problem = f"{problem} {pods['residue']} pods of this run may still be there.".strip()
    _case(suite, "came to its end", ("fail" if problem else "pass", "stopped", problem), problem, fail_on)
    # neither proves a path broken: the run itself counts them as inconclusive, and a CI server shall not know it better
    for control in pods.get("control") or []:
        verdict = "pass" if control["held"] else "inconclusive"
        name = f"control: {control['address']}, which no pod has, is not reached"
        _case(suite, name, (verdict, "control", control["reason"]), control["reason"], fail_on)
    for service in pods.get("services") or []:
        verdict, told = "pass" if service["connected"] else "inconclusive", service["problem"]
        if not service.get("observed", True):
            verdict, told = NOT_OBSERVED, f"Not observed: {service['why']}"
        _case(suite, f"service: from {service['source']}", (verdict, "service", told), told, fail_on)
    return suite


def text(built: Mapping[str, Any]) -> str:
    """The whole XML document."""
    pods, fail_on = built["pods"], built.get("fail_on", "inconclusive")
    root = ET.Element("testsuites", {"name": "podpath"})
    run_suite = _run(root, built, fail_on)
    layer = built.get("nodes")
    if layer:
        suite = _suite(root, "nodes")
        few = len(layer["paths"]) <= MAX_CASES and not any(layer["paths_left_out"].values())
        (_paths if few else _hosts)(suite, layer, fail_on)
    if len(pods["pairs"]) <= MAX_CASES and not any(pods["pairs_left_out"].values()):
        _pairs(root, pods, words.interface_names(built), fail_on)
    else:
        _nodes(root, pods, fail_on)
    # what fails it is of no single case: loss that only all pairs together show, or that not one pair passed
    if built["failed"] and not root.findall("*/*/failure") + root.findall("*/*/error"):
        _case(run_suite, "the paths are proved", ("fail", built["verdict"], built["message"]), "", fail_on)
    run = pods.get("run") or {}
    totals = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for suite in root:
        counts = {"tests": len(suite.findall("testcase")), "failures": len(suite.findall("*/failure")),
                  "errors": len(suite.findall("*/error")), "skipped": len(suite.findall("*/skipped"))}  # fmt: skip
        for name, number in counts.items():
            suite.set(name, str(number))
            totals[name] += number
        suite.set("time", str(run.get("seconds", 0)) if suite.get("name") == "run" else "0")
        if run.get("started"):
            suite.set("timestamp", _plain(run["started"].rstrip("Z")))
    for name, number in totals.items():
        if name != "skipped":
            root.set(name, str(number))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
