# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flannel's own manifest, changed as data: the pod network, the backend, the interface, and nothing else."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Mapping, Sequence
from typing import Any

CONFIG_HASH = "podpath.kubeadm/config-hash"
_NODE_IP = "NODE_IP"
_IFACE = f"--iface=$({_NODE_IP})"


class ManifestError(ValueError):
    """The manifest is not the one that this patch was written for. The text says what is missing."""


def plain(value: Any) -> Any:
    """A deep copy made of plain dicts and lists only, so that nothing of the caller's is changed or carried along."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def _one(documents: Sequence[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    found = [item for item in documents if item.get("kind") == kind and item.get("metadata", {}).get("name") == name]
    if len(found) != 1:
        raise ManifestError(f"Flannel's manifest holds {len(found)} objects {kind}/{name} where one is expected")
    return found[0]


def _config_map(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return _one(documents, "ConfigMap", "kube-flannel-cfg")


def _pod_template(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return _one(documents, "DaemonSet", "kube-flannel-ds")["spec"]["template"]


def _flanneld(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    containers = _pod_template(documents)["spec"]["containers"]
    found = [container for container in containers if container.get("name") == "kube-flannel"]
    if len(found) != 1:
        raise ManifestError("the DaemonSet of Flannel's manifest has no container kube-flannel")
    return found[0]


def patch(documents: Sequence[Mapping[str, Any]], network: str, backend: str) -> list[dict[str, Any]]:
    """The documents of kube-flannel.yml for this pod network and backend, bound to each node's own address.

    flanneld takes the interface that has the address given by --iface; status.hostIP is the kubelet's node address,
    so no interface name has to be known, and nodes may name theirs differently.
    flanneld reads its configuration only when it starts, so its hash stands on the pod template: another
    configuration is another template, and the DaemonSet rolls.
    """
    result = [plain(document) for document in documents if document]
    data = _config_map(result).get("data", {})
    try:
        config = json.loads(data["net-conf.json"])
    except (KeyError, ValueError) as error:
        raise ManifestError(f"net-conf.json of Flannel's manifest cannot be read: {error}") from error
    config["Network"] = str(network)
    config["Backend"] = {**config.get("Backend", {}), "Type": str(backend)}
    data["net-conf.json"] = json.dumps(config, indent=2) + "\n"

    flanneld = _flanneld(result)
    arguments = flanneld.setdefault("args", [])
    given = [argument for argument in arguments if argument.lstrip("-").startswith(("iface", "public-ip"))]
    if given:
        raise ManifestError(f"flanneld of Flannel's manifest already has {', '.join(given)}")
    arguments.append(_IFACE)
    flanneld.setdefault("env", []).append({"name": _NODE_IP, "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}})

    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    metadata = _pod_template(result).setdefault("metadata", {})
    metadata.setdefault("annotations", {})[CONFIG_HASH] = digest
    return result


def _same_network(one: str, other: str) -> bool:
    try:
        return ipaddress.ip_network(one) == ipaddress.ip_network(other)
    except ValueError:
        return one == other


def live_problems(config_map: Mapping[str, Any], network: str, backend: str) -> list[str]:
    """Where the ConfigMap kube-flannel-cfg of a running cluster is another network or backend than what is wanted."""
    text = (config_map.get("data") or {}).get("net-conf.json", "")
    try:
        live = json.loads(text)
        there = (str(live.get("Network", "")), str((live.get("Backend") or {}).get("Type", "")))
    except (ValueError, AttributeError) as error:
        return [
            f"net-conf.json of the cluster's ConfigMap kube-flannel/kube-flannel-cfg cannot be read ({error}), so "
            "nobody knows what network it has. Mend it, or delete the ConfigMap to have it made anew."
        ]
    problems = []
    if there[1] != backend:
        problems.append(
            f"The cluster's Flannel runs with the backend {there[1]}, but flannel_backend is {backend}. Changing the "
            "backend of a running cluster is not supported yet, as pods of different nodes lose each other while it "
            f"rolls. Set flannel_backend to {there[1]}, or make the cluster anew."
        )
    if not _same_network(there[0], network):
        problems.append(
            f"The cluster's pod network is {there[0]}, but flannel_pod_cidr (control_plane_pod_cidr, unless it is set) "
            f"is {network}. The nodes have their parts of the old one, so it cannot be changed. Set it to {there[0]}, "
            "or make the cluster anew."
        )
    return problems


def images(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    """The images that Flannel's pods run, each once, in the order in which a node needs them."""
    pod = _pod_template([plain(document) for document in documents if document])["spec"]
    return list(dict.fromkeys(item["image"] for item in [*pod.get("initContainers", []), *pod["containers"]]))
