# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels and taints of a Node: what is wrong with those asked for, and what has to change. Pure.

What was set by an earlier run and is not asked for any more is taken away; whatever others set is left alone. The API
server remembers which labels are ours (the field manager); taints are one list for everybody, so an annotation does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

MANAGER = "podpath-kubeadm-node"
ANNOTATION = "podpath.kubeadm/taints"
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")

_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
# the kubelet writes them again whenever it starts
_KUBELETS = ("kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os",
             "beta.kubernetes.io/arch")
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


def _key_problem(key: Any) -> str:
    prefix, slash, name = str(key).rpartition("/")
    if not isinstance(key, str) or not _NAME.fullmatch(name) or (slash and (
            len(prefix) > 253 or not _PREFIX.fullmatch(prefix))):
        return (f"{key!r} is no key: it is a name of up to 63 letters, digits, '-', '_' and '.', after a DNS name and "
                "a '/' if there is one")
    return ""


def problems(labels: Any, taints: Any) -> list[str]:
    """Sentences about labels and taints that the API server would refuse, or that others would write back."""
    found = []
    if not isinstance(labels, Mapping):
        found.append(f"node_labels must be a mapping of keys to values; it is {labels!r}.")
        labels = {}
    for key, value in labels.items():
        if problem := _key_problem(key):
            found.append(f"node_labels: {problem}.")
        elif key in _KUBELETS:
            found.append(f"node_labels: {key} is the kubelet's own, which would write it back.")
        elif not isinstance(value, str) or not _VALUE.fullmatch(value):
            found.append(f"node_labels: the value of {key} is {value!r}; it must be a string (in quotes) of up to 63 "
                         "letters, digits, '-', '_' and '.'.")
    if not isinstance(taints, Sequence) or isinstance(taints, str) or not all(isinstance(t, Mapping) for t in taints):
        return [*found, f"node_taints must be a list of mappings with key, effect and perhaps value; it is {taints!r}."]
    seen = set()
    for taint in taints:
        key, effect = taint.get("key"), taint.get("effect")
        if extra := set(taint) - {"key", "value", "effect"}:
            found.append(f"node_taints: a taint has key, value and effect; {key} has {', '.join(sorted(extra))}, too.")
        if problem := _key_problem(key):
            found.append(f"node_taints: {problem}.")
        elif key == _CONTROL_PLANE:
            found.append(f"node_taints: {key} is there unless the host is in kube_node, too; leave it out.")
        if effect not in EFFECTS:
            found.append(f"node_taints: the effect of {key} is {effect!r}; it must be one of {', '.join(EFFECTS)}.")
        if not isinstance(taint.get("value", ""), str) or not _VALUE.fullmatch(taint.get("value", "")):
            found.append(f"node_taints: the value of {key} is {taint.get('value')!r}; it must be a string (in quotes) "
                         "of up to 63 letters, digits, '-', '_' and '.'.")
        if (key, effect) in seen:
            found.append(f"node_taints has {key} with the effect {effect} twice.")
        seen.add((key, effect))
    return found


def _identity(taint: Mapping[str, Any]) -> tuple[str, str]:
    return str(taint.get("key")), str(taint.get("effect"))


def _plain(taint: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(taint[key]) for key in ("key", "value", "effect") if taint.get(key)}


def _our_labels(metadata: Mapping[str, Any]) -> set[str]:
    for entry in metadata.get("managedFields") or ():
        if entry.get("manager") == MANAGER and entry.get("operation") == "Apply":
            fields = (entry.get("fieldsV1") or {}).get("f:metadata", {}).get("f:labels", {})
            return {key.removeprefix("f:") for key in fields if key.startswith("f:")}
    return set()


def _our_taints(metadata: Mapping[str, Any]) -> list[tuple[str, str]]:
    try:
        said = json.loads((metadata.get("annotations") or {}).get(ANNOTATION) or "[]")
        return [(str(key), str(effect)) for key, effect in said]
    except (ValueError, TypeError):
        return []


def changes(node: Mapping[str, Any], labels: Mapping[str, str], taints: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """What a Node needs: `apply`, its metadata for a server-side apply, or {}; taints to set; taints to take away."""
    metadata = node.get("metadata") or {}
    there = {_identity(taint): _plain(taint) for taint in (node.get("spec") or {}).get("taints") or ()}
    wanted = {_identity(taint): _plain(taint) for taint in taints}
    ours, our_labels = _our_taints(metadata), _our_labels(metadata)
    identities = sorted(wanted)
    text = json.dumps([list(identity) for identity in identities])
    found_labels = metadata.get("labels") or {}
    # an apply says all that is ours each time: what it leaves out goes
    stale = (
        any(found_labels.get(key) != value for key, value in labels.items())
        or our_labels != set(labels)
        or sorted(ours) != identities
    )
    annotations = {"annotations": {ANNOTATION: text}} if identities else {}
    return {
        "apply": {"name": metadata.get("name"), "labels": dict(labels)} | annotations if stale else {},
        "present": [wanted[identity] for identity in identities if there.get(identity) != wanted[identity]],
        "absent": [there[identity] for identity in sorted(set(ours) - set(wanted)) if identity in there],
    }


def strangers(nodes: Sequence[Mapping[str, Any]], hosts: Collection[str]) -> list[str]:
    """A sentence about each Node of the cluster that is no host of the inventory, with what earlier runs left on it."""
    said = []
    for node in sorted(nodes, key=lambda node: node["metadata"]["name"]):
        metadata = node["metadata"]
        name = metadata["name"]
        if name in hosts:
            continue
        there = {_identity(taint) for taint in (node.get("spec") or {}).get("taints") or ()}
        marks = sorted(_our_labels(metadata)) + [
            ":".join(taint) for taint in sorted(_our_taints(metadata)) if taint in there]
        kept = f" It keeps what an earlier run set: {', '.join(marks)}." if marks else ""
        said.append(
            f"{name} is a Node of the cluster, but no host of the groups kube_control_plane and kube_node; it is left "
            f"as it is.{kept} If it shall go: `kubectl drain {name} --ignore-daemonsets --delete-emptydir-data`, "
            f"`kubectl delete node {name}`, and `kubeadm reset` on it."
        )
    return said


def open_control_plane(node: Mapping[str, Any]) -> str:
    """A sentence about a control plane that shall take no pods and has no taint that keeps them away; else empty."""
    if _CONTROL_PLANE in {taint.get("key") for taint in (node.get("spec") or {}).get("taints") or ()}:
        return ""
    name = node["metadata"]["name"]
    return (
        f"{name} is a control plane that takes pods, though it is not in the group kube_node, or not any more. Put it "
        f"there, or keep pods away by `kubectl taint node {name} {_CONTROL_PLANE}:NoSchedule`; those that run "
        "there stay until they are deleted."
    )
