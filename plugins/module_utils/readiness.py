# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a cluster is ready, and what it still waits for. Pure: the API's JSON in, verdicts with reasons out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Waiting:
    """One thing that is not as it should be: what kind it is, its name, and why, in a sentence."""

    kind: str
    name: str
    reason: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.reason}"


def _name(item: Mapping[str, Any]) -> str:
    return item.get("metadata", {}).get("name", "")


def _condition(item: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    for condition in item.get("status", {}).get("conditions") or ():
        if condition.get("type") == kind:
            return condition
    return {}


def _said(entry: Mapping[str, Any], default: str) -> str:
    return ": ".join(str(entry[key]).strip() for key in ("reason", "message") if entry.get(key)) or default


def node_summary(node: Mapping[str, Any]) -> dict[str, Any]:
    status = node.get("status", {})
    addresses = [item["address"] for item in status.get("addresses") or () if item.get("type") == "InternalIP"]
    return {
        "name": _name(node),
        "address": ", ".join(addresses),
        "ready": _condition(node, "Ready").get("status") == "True",
        "version": status.get("nodeInfo", {}).get("kubeletVersion", ""),
    }


def waiting_nodes(nodes: Iterable[Mapping[str, Any]], expected: Sequence[str]) -> list[Waiting]:
    """Expected nodes that are missing or not Ready. Nodes that nobody expects are none of our business."""
    by_name = {_name(node): node for node in nodes}
    result = []
    for name in expected:
        if name not in by_name:
            result.append(Waiting("Node", name, "has not registered with the API server"))
            continue
        ready = _condition(by_name[name], "Ready")
        if ready.get("status") != "True":
            result.append(Waiting("Node", name, "not Ready: " + _said(ready, "its kubelet has reported nothing yet")))
    return result


def waiting_daemon_set(item: Mapping[str, Any]) -> list[Waiting]:
    status = item.get("status", {})
    wanted = status.get("desiredNumberScheduled", 0)
    if status.get("observedGeneration", 0) < item.get("metadata", {}).get("generation", 0):
        reason = "its last change has not been seen by the controller manager yet"
    elif not wanted:
        reason = "it is scheduled to no node"
    elif (updated := status.get("updatedNumberScheduled", 0)) < wanted:
        reason = f"{updated} of {wanted} pods are updated"
    elif (available := status.get("numberAvailable", 0)) < wanted:
        reason = f"{available} of {wanted} pods are available"
    else:
        return []
    return [Waiting("DaemonSet", _name(item), reason)]


def waiting_deployment(item: Mapping[str, Any]) -> list[Waiting]:
    status = item.get("status", {})
    wanted = item.get("spec", {}).get("replicas", 1)
    if status.get("observedGeneration", 0) < item.get("metadata", {}).get("generation", 0):
        reason = "its last change has not been seen by the controller manager yet"
    elif (updated := status.get("updatedReplicas", 0)) < wanted:
        reason = f"{updated} of {wanted} pods are updated"
    elif (available := status.get("availableReplicas", 0)) < wanted:
        reason = f"{available} of {wanted} pods are available"
    else:
        return []
    return [Waiting("Deployment", _name(item), reason)]


def _containers(pod: Mapping[str, Any]) -> Iterable[str]:
    status = pod.get("status", {})
    for item in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        state = item.get("state", {})
        done = state.get("terminated") or {}
        if "waiting" in state:
            text = f"container {item.get('name')} waits: {_said(state['waiting'], 'no reason given')}"
        elif done and done.get("exitCode") != 0:
            said = _said(done, "no reason given")
            text = f"container {item.get('name')} ended with exit code {done.get('exitCode')}: {said}"
        elif "running" in state and not item.get("ready"):
            text = f"container {item.get('name')} runs but is not ready"
        else:
            continue
        last = item.get("lastState", {}).get("terminated")
        if last:
            text += f" (before that: exit code {last.get('exitCode')}, {_said(last, 'no reason given')})"
        yield text


def warnings(events: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The warnings about each object, by its name, the newest last: what neither its status nor its containers say."""
    told: dict[str, list[str]] = {}
    # a series of events carries its time elsewhere than a single one
    for event in sorted(events, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or ""):
        if event.get("type") == "Warning":
            name = event["involvedObject"].get("name") or ""
            told.setdefault(name, []).append(_said(event, "no reason given"))
    return told


def waiting_pods(pods: Iterable[Mapping[str, Any]], warnings: Mapping[str, Sequence[str]]) -> list[Waiting]:
    """Pods that are not Ready, with what their containers or the scheduler say, and the newest warning about each."""
    result = []
    for pod in pods:
        if _condition(pod, "Ready").get("status") == "True":
            continue
        where = pod.get("spec", {}).get("nodeName")
        reasons = list(_containers(pod))
        if not where:
            reasons = ["on no node: " + _said(_condition(pod, "PodScheduled"), "not scheduled yet")]
        elif not reasons:
            reasons = [_said(_condition(pod, "Ready"), f"phase {pod.get('status', {}).get('phase', 'unknown')}")]
        if where and _name(pod) in warnings:
            reasons.append(f"event {warnings[_name(pod)][-1]}")
        prefix = f"on {where}, " if where else ""
        result.append(Waiting("Pod", _name(pod), prefix + "; ".join(reasons)))
    return result


def selector_text(item: Mapping[str, Any]) -> str:
    labels = item.get("spec", {}).get("selector", {}).get("matchLabels", {})
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def table(nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    """The nodes as lines of aligned columns."""
    rows = [("NODE", "ADDRESS", "READY", "VERSION")]
    rows += [(str(n["name"]), str(n["address"]), "yes" if n["ready"] else "no", str(n["version"])) for n in nodes]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
