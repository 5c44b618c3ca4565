# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running cluster against what is wanted of Flannel there. Pure: objects of the API in, sentences out."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.podpath.kubeadm.plugins.module_utils import kubeconfig
from ansible_collections.podpath.kubeadm.plugins.module_utils.flannel_manifest import (
    CONFIG_HASH,
    Network,
    Wanted,
)

NAMESPACE = "kube-flannel"
CONFIG_MAP = "kube-flannel-cfg"
DAEMON_SET = "kube-flannel-ds"
# the name under which the role applies the manifest
_FIELD_MANAGER = "podpath-kubeadm"

# DaemonSets of other pod networks, by the names that their own manifests give them
_OTHER_NETWORKS = {
    "antrea-agent": "Antrea",
    "aws-node": "the Amazon VPC CNI",
    "calico-node": "Calico",
    "canal": "Canal",
    "cilium": "Cilium",
    "kube-ovn-cni": "Kube-OVN",
    "kube-router": "kube-router",
    "ovnkube-node": "OVN-Kubernetes",
    "weave-net": "Weave Net",
}


@dataclass(frozen=True)
class Running:
    """What a cluster's Flannel was told. ``digest``: the hash of the configuration that its pods were started for."""

    network: str
    backend: str
    direct_routing: bool
    digest: str


def _named(objects: Sequence[Mapping[str, Any]], kind: str, namespace: str, name: str) -> Mapping[str, Any] | None:
    for item in objects:
        metadata = item.get("metadata") or {}
        if item.get("kind") == kind and metadata.get("name") == name and metadata.get("namespace") == namespace:
            return item
    return None


def _digest(objects: Sequence[Mapping[str, Any]]) -> str:
    daemon_set = _named(objects, "DaemonSet", NAMESPACE, DAEMON_SET) or {}
    template = (daemon_set.get("spec") or {}).get("template") or {}
    return ((template.get("metadata") or {}).get("annotations") or {}).get(CONFIG_HASH, "")


def started_for(objects: Sequence[Mapping[str, Any]], digest: str) -> bool:
    """Whether the pods of the running Flannel were started for the configuration with this hash."""
    return _digest(objects) == digest


def _writers(item: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return (item.get("metadata") or {}).get("managedFields") or []


def restart_is_due(objects: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the role has written the ConfigMap, and a run ended before it started Flannel's pods anew for it.

    The API server notes when each writer has last changed an object, in UTC and in whole seconds, so that the texts
    compare; applying what is there already changes no time. The DaemonSet is written after the ConfigMap: by the role,
    or, where only the ConfigMap was changed by hand, by the restart. What its controller writes is its status.
    """
    config_map = _named(objects, "ConfigMap", NAMESPACE, CONFIG_MAP) or {}
    daemon_set = _named(objects, "DaemonSet", NAMESPACE, DAEMON_SET) or {}
    written = [str(entry.get("time", "")) for entry in _writers(config_map) if entry.get("manager") == _FIELD_MANAGER]
    started = [str(entry.get("time", "")) for entry in _writers(daemon_set) if not entry.get("subresource")]
    return bool(written and started) and max(written) > max(started)


def running(objects: Sequence[Mapping[str, Any]]) -> Running | None:
    """What the ConfigMap says, or None without one; raises ValueError when it cannot be read."""
    config_map = _named(objects, "ConfigMap", NAMESPACE, CONFIG_MAP)
    if config_map is None:
        return None
    config = json.loads((config_map.get("data") or {}).get("net-conf.json", ""))
    if not isinstance(config, Mapping):
        raise ValueError("it holds no object")
    backend = config.get("Backend") or {}
    networks = [
        config.get("Network") if config.get("EnableIPv4", True) else "",
        config.get("IPv6Network") if config.get("EnableIPv6") else "",
    ]
    return Running(
        network=",".join(str(network) for network in networks if network),
        backend=str(backend.get("Type", "")),
        direct_routing=bool(backend.get("DirectRouting", False)),
        digest=_digest(objects),
    )


def api_server(objects: Sequence[Mapping[str, Any]]) -> tuple[str, int] | None:
    """Host and port at which the nodes find the API server, or None where the cluster does not say.

    kube-proxy, which makes the Service addresses, cannot use them itself; kubeadm writes into its configuration where
    it finds the API server: the controlPlaneEndpoint, or the address of the first control plane. Every node lives by
    it, so it cannot be out of date as what only joins read (kube-public/cluster-info).
    """
    said = _named(objects, "ConfigMap", "kube-system", "kube-proxy") or {}
    try:
        server = urlsplit(kubeconfig.cluster_of((said.get("data") or {}).get("kubeconfig.conf", ""))[0])
        return (server.hostname, server.port or 443) if server.hostname else None
    except ValueError:
        return None


def _same_network(one: str, other: Sequence[Network]) -> bool:
    try:
        return {ipaddress.ip_network(part) for part in one.split(",")} == set(other)
    except ValueError:
        return False


def other_networks(objects: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each DaemonSet of another pod network, or of another Flannel."""
    problems = []
    for item in objects:
        if item.get("kind") != "DaemonSet":
            continue
        metadata = item.get("metadata") or {}
        name, namespace = str(metadata.get("name", "")), str(metadata.get("namespace", ""))
        network = _OTHER_NETWORKS.get(name, "")
        if name.startswith("kube-flannel") and namespace != NAMESPACE:
            network = "another Flannel"
        if network:
            problems.append(
                f"The cluster runs {network} (DaemonSet {namespace}/{name}); two pod networks on one node take each "
                "other's pods and routes. Remove it first, from the cluster and from /etc/cni/net.d of the hosts, or "
                "set flannel_allow_other_network to true where it is meant and makes no pod's network."
            )
    return problems


def node_problems(objects: Sequence[Mapping[str, Any]], asked: Wanted) -> list[str]:
    """A sentence for each node whose part of the pod network Flannel would not take."""
    problems = []
    for item in objects:
        if item.get("kind") != "Node":
            continue
        name = (item.get("metadata") or {}).get("name", "")
        spec = item.get("spec") or {}
        parts = spec.get("podCIDRs") or [part for part in [spec.get("podCIDR")] if part]
        if not parts:
            problems.append(
                f"Node {name} has no podCIDR, so Flannel cannot start there: the cluster was made without a pod "
                "network, or all parts of it are taken. Give the controller manager --allocate-node-cidrs and a "
                "--cluster-cidr that is large enough (kubeadm: networking.podSubnet)."
            )
            continue
        for part in map(ipaddress.ip_network, parts):
            network = asked.of_family(part.version)
            if network and not part.subnet_of(network):
                problems.append(
                    f"Node {name} has the podCIDR {part}, which lies outside of flannel_pod_cidr {network}, so Flannel "
                    "would not start there. Set control_plane_pod_cidr (flannel_pod_cidr, if it is set) to the network "
                    "that the cluster was made with."
                )
    return problems


def wants_change(live: Running, asked: Wanted, digest: str) -> bool:
    """Whether packets would take another way than the running Flannel was told.

    A ConfigMap that differs although the pods were started for what is wanted was changed by hand since: mending it
    changes no way.
    """
    return live.digest != digest and (live.backend, live.direct_routing) != (asked.backend, asked.direct_routing)


def _change_problem(live: Running, asked: Wanted) -> str:
    if live.backend != asked.backend:
        told = f"the backend {live.backend}, but flannel_backend is {asked.backend}"
        keep = f"flannel_backend to {live.backend}"
    else:
        told = (
            f"DirectRouting {'on' if live.direct_routing else 'off'}, but flannel_direct_routing is "
            f"{str(asked.direct_routing).lower()}"
        )
        keep = f"flannel_direct_routing to {str(live.direct_routing).lower()}"
    return (
        f"The cluster's Flannel runs with {told}. A change rolls over all nodes, one after the other, and pods of "
        "different nodes may lose each other for moments meanwhile. To have it, set flannel_allow_backend_change to "
        f"true for this run; to keep what there is, set {keep}."
    )


def live_problems(
    objects: Sequence[Mapping[str, Any]],
    asked: Wanted,
    digest: str,
    *,
    allow_change: bool = False,
    allow_other_network: bool = False,
    left_out: Sequence[str] = (),
) -> list[str]:
    """What of a running cluster forbids to apply Flannel as wanted.

    ``objects``: its Nodes and DaemonSets, and the ConfigMap kube-flannel-cfg; ``digest``: the hash of the configuration
    that is wanted; ``left_out``: nodes that this run does not reach.
    """
    problems = [] if allow_other_network else other_networks(objects)
    try:
        live = running(objects)
    except (ValueError, AttributeError) as error:
        # with this hash somebody changed it by hand since, and what is wanted is what runs
        if started_for(objects, digest):
            return problems + node_problems(objects, asked)
        return [
            *problems,
            f"net-conf.json of the cluster's ConfigMap {NAMESPACE}/{CONFIG_MAP} cannot be read ({error}), so "
            "nobody knows what network it has. Mend it, or delete the ConfigMap to have it made anew.",
        ]
    if live is None:
        return problems + node_problems(objects, asked)
    if live.digest != digest and not _same_network(live.network, asked.networks):
        problems.append(
            f"The cluster's pod network is {live.network}, but flannel_pod_cidr (control_plane_pod_cidr, unless it is "
            f"set) is {asked.network}. The nodes have their parts of the old one, so it cannot be changed. Set it to "
            f"{live.network}, or make the cluster anew."
        )
    else:
        problems += node_problems(objects, asked)
    if wants_change(live, asked, digest):
        if not allow_change:
            problems.append(_change_problem(live, asked))
        elif left_out:
            problems.append(
                f"Flannel's backend is to be changed from {live.backend} to {asked.backend}, which leaves devices and "
                f"routes behind on every node, but this run leaves out {', '.join(sorted(left_out))}. Run it for all "
                "hosts, without --limit."
            )
    return problems
