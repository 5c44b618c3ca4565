# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster's objects alone show to be wrong with its pod network, before any pod starts.

Pure. Agreement of what is seen with what Flannel says is not enough for a proof, as a wrong interface would then prove
itself right; so each finding bounds the verdict of the pairs that it concerns.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.paths import BACKENDS, IPV4_ONLY
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import (
    FAMILIES,
    IPV4,
    IPV6,
    NETWORK_KEYS,
    Flannel,
    Network,
    Node,
    listed,
    of_family,
    pod_address_problem,
)

FAIL = "fail"
INCONCLUSIVE = "inconclusive"

CROSS = "cross"
EVERY = "every"

# the rule of nodes on which nothing tells of Flannel
NO_FLANNEL = "no-flannel"

_NAMES = {IPV4: "IPv4", IPV6: "IPv6"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about nodes that no trace can make good.

    ``severity`` (fail or inconclusive) is the best verdict a concerned pair can get. ``scope`` says which pairs are
    concerned: every pair of these nodes, or only those that cross from one node to another; ``families`` in which.
    """

    rule: str
    severity: str
    scope: str
    nodes: tuple[str, ...]
    message: str
    cure: str
    families: tuple[str, ...] = FAMILIES

    def concerns(self, source: str, destination: str, family: str = IPV4) -> bool:
        if family not in self.families or (self.scope == CROSS and source == destination):
            return False
        return source in self.nodes or destination in self.nodes

    def as_dict(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "severity": self.severity,
            "scope": self.scope,
            "nodes": list(self.nodes),
            "families": list(self.families),
            "message": self.message,
            "cure": self.cure,
        }


_IFACE_CURE = (
    "Make flanneld use the node's own address (the flannel role does so by status.hostIP; by hand: --iface with that "
    "address), check node_address_cidr, and restart the kube-flannel pods."
)
_RESTART_CURE = "Let every flanneld read the same net-conf.json and restart the kube-flannel pods."


def _pod_cidr_findings(nodes: Sequence[Node], family: str, flannel: Flannel) -> list[Finding]:
    findings = []
    networks: list[tuple[Network, Node]] = []
    for node in nodes:
        cidr = node.side(family).pod_cidr
        if cidr is None:
            message = f"Node {node.name} has no {_NAMES[family]} podCIDR, so its expected paths are not known."
            cure = "Run the controller manager with --allocate-node-cidrs (kubeadm: networking.podSubnet)."
            findings.append(Finding("no-pod-cidr", INCONCLUSIVE, EVERY, (node.name,), message, cure, (family,)))
        else:
            networks.append((ipaddress.ip_network(cidr), node))
    networks.sort(key=lambda entry: entry[0])
    # Networks overlap only by containing one another, and sorted, each stands right behind what contains it.
    around: list[tuple[Network, Node]] = []
    for network, node in networks:
        while around and not network.subnet_of(around[-1][0]):
            around.pop()
        if around:
            other_network, other = around[-1]
            pair = sorted(((node, network), (other, other_network)), key=lambda entry: entry[0].name)
            told = " and ".join(f"{one.name} ({its})" for one, its in pair)
            message = f"The podCIDRs of {told} overlap."
            names = tuple(one.name for one, _its in pair)
            cure = "Give every node a podCIDR of its own."
            findings.append(Finding("pod-cidr-overlap", FAIL, EVERY, names, message, cure, (family,)))
        around.append((network, node))
    whole = flannel.networks.get(family)
    outside = [(network, node) for network, node in networks if whole and not network.subnet_of(whole)]
    for network, node in outside:
        message = (
            f"Node {node.name} has the podCIDR {network}, which lies outside Flannel's own network {whole}, so other "
            "nodes do not route it."
        )
        cure = "Write the cluster's pod network (kubeadm: networking.podSubnet) into Flannel's net-conf.json."
        findings.append(Finding("pod-cidr-outside", FAIL, CROSS, (node.name,), message, cure, (family,)))
    return findings


def _network_family_findings(nodes: Sequence[Node], flannel: Flannel) -> list[Finding]:
    """Networks that net-conf.json has under the other family's key, whatever family is proved: it stops flanneld."""
    findings = []
    for family, key in NETWORK_KEYS.items():
        network = flannel.misplaced.get(key)
        if network is None:
            continue
        other = IPV6 if family == IPV4 else IPV4
        message = (
            f"Flannel's net-conf.json has {network} as {key}, which is for {_NAMES[family]}: flanneld does not start "
            "with that, and where it still runs, it started with another one."
        )
        cure = (
            f"Write {network} as {NETWORK_KEYS[other]} and the {_NAMES[family]} pod network, if there is one, as {key} "
            "(for a family without one EnableIPv4 is false, or EnableIPv6), and restart the kube-flannel pods."
        )
        names = tuple(node.name for node in nodes)
        findings.append(Finding("pod-network-family", INCONCLUSIVE, CROSS, names, message, cure))
    return findings


def _backend_findings(nodes: Sequence[Node], families: Sequence[str], flannel: Flannel) -> list[Finding]:
    findings = []
    if len(nodes) > 1 and all(node.backend is None for node in nodes):
        message = "No node carries an annotation of Flannel's, so this cluster's pod network is another one."
        cure = "State its paths in expected (pod_paths_expected in the role), or install Flannel."
        return [Finding(NO_FLANNEL, INCONCLUSIVE, CROSS, tuple(node.name for node in nodes), message, cure)]
    for node in nodes:
        if node.backend is None:
            message = f"Node {node.name} carries no Flannel annotation, so flanneld has not run there."
            cure = (
                "Look at the kube-flannel pod of this node; with another pod network than Flannel, state the paths in "
                "expected (pod_paths_expected in the role)."
            )
            findings.append(Finding(NO_FLANNEL, INCONCLUSIVE, CROSS, (node.name,), message, cure))
        elif node.backend not in BACKENDS:
            message = f"Node {node.name} runs Flannel's backend {node.backend}, whose path is not known here."
            cure = f"Use one of {', '.join(BACKENDS)}, or state the paths in expected."
            findings.append(Finding("backend-unknown", INCONCLUSIVE, CROSS, (node.name,), message, cure))
        elif node.backend in IPV4_ONLY and IPV6 in families:
            message = f"Node {node.name} runs Flannel's backend {node.backend}, which carries no IPv6."
            cure = "Use vxlan, host-gw or wireguard for a cluster with IPv6."
            findings.append(Finding("backend-ipv4-only", FAIL, CROSS, (node.name,), message, cure, (IPV6,)))
    backends: dict[str, list[str]] = {}
    for node in nodes:
        if node.backend in BACKENDS:
            backends.setdefault(node.backend, []).append(node.name)
    if len(backends) > 1:
        told = "; ".join(f"{backend}: {listed(names)}" for backend, names in sorted(backends.items()))
        concerned = tuple(sorted(name for names in backends.values() for name in names))
        message = f"Flannel's backend differs between nodes ({told})."
        findings.append(Finding("backend-mixed", INCONCLUSIVE, CROSS, concerned, message, _RESTART_CURE))
    stale = [node for node in nodes if flannel.backend and node.backend not in (None, flannel.backend)]
    if stale:
        names = tuple(node.name for node in stale)
        message = (
            f"Flannel's ConfigMap says backend {flannel.backend}, but {listed(names)} still "
            f"{'runs' if len(names) == 1 else 'run'} {', '.join(sorted({str(node.backend) for node in stale}))}."
        )
        cure = "Restart the kube-flannel pods; after a change of backend, reboot the nodes or remove the old device."
        findings.append(Finding("backend-stale", INCONCLUSIVE, CROSS, names, message, cure))
    return findings


def _inside(addresses: Iterable[str], networks: Sequence[Network]) -> bool:
    return any(ipaddress.ip_address(address) in network for address in addresses for network in networks)


def _address_findings(nodes: Sequence[Node], family: str, networks: Sequence[Network]) -> list[Finding]:
    findings = []
    holders: dict[str, list[str]] = {}
    ours = of_family(networks, family)
    for node in nodes:
        if node.backend is None or node.side(family).pod_cidr is None:
            continue  # no-flannel or no-pod-cidr says it already
        side = node.side(family)

        def add(rule: str, severity: str, message: str, name: str = node.name) -> None:
            findings.append(Finding(rule, severity, CROSS, (name,), message, _IFACE_CURE, (family,)))

        if side.public_ip is None:
            add(
                "public-ip-missing",
                INCONCLUSIVE,
                f"Node {node.name} has no usable {_NAMES[family]} address in Flannel's annotations.",
            )
            continue
        holders.setdefault(side.public_ip, []).append(node.name)
        if not side.internal_ips:
            add(
                "no-internal-ip",
                INCONCLUSIVE,
                f"Node {node.name} has no {_NAMES[family]} InternalIP to check Flannel against.",
            )
        elif side.public_ip not in side.internal_ips and not side.overwritten:
            add(
                "public-ip-not-internal-ip",
                FAIL,
                f"Flannel of node {node.name} uses {side.public_ip}, but the node's InternalIP is "
                f"{', '.join(side.internal_ips)}: it took the wrong interface.",
            )
        if ours and not _inside([side.public_ip], ours):
            add(
                "public-ip-outside",
                FAIL,
                f"Flannel of node {node.name} uses {side.public_ip}, which lies outside the cluster network "
                f"{', '.join(str(network) for network in ours)}.",
            )
        elif ours and side.internal_ips and not _inside(side.internal_ips, ours):
            message = (
                f"Node {node.name} has the InternalIP {', '.join(side.internal_ips)}, which lies outside the cluster "
                f"network {', '.join(str(network) for network in ours)}: its kubelet goes by another interface."
            )
            cure = "Start the kubelet with --node-ip and the node's address in that network."
            findings.append(Finding("internal-ip-outside", INCONCLUSIVE, CROSS, (node.name,), message, cure, (family,)))
    own = {node.name: node.side(family).internal_ips for node in nodes}
    for address, names in sorted(holders.items()):
        if len(names) > 1:
            message = (
                f"Flannel uses the same address {address} on {listed(names)}, as a NAT interface that is alike on "
                "every machine makes it do: they cannot reach each other by it."
            )
            # a node whose own address it is keeps what is its due; where none or all can say so, all are meant
            strangers = [name for name in names if address not in own[name]] or names
            blamed = tuple(strangers)
            findings.append(Finding("public-ip-duplicate", FAIL, CROSS, blamed, message, _IFACE_CURE, (family,)))
    return findings


def _ready(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    """The condition Ready of a Pod object, empty where it has none."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return next((condition for condition in conditions if condition.get("type") == "Ready"), {})


def _is_ready(pod: Mapping[str, Any]) -> bool:
    return _ready(pod).get("status") == "True"


def _flannel_pod_findings(nodes: Sequence[Node], pods: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Nodes whose kube-flannel pod is not Ready or not there. ``pods``: Pod objects.

    Where not one was found, that says nothing: k3s runs Flannel in its own process, and others label its pods as they
    like.
    """
    if not pods:
        return []
    by_node: dict[str, Mapping[str, Any]] = {}
    # one that was evicted or is on its way out stays in the list beside its successor: a Ready one counts, then any
    for pod in sorted(pods, key=lambda pod: not _is_ready(pod)):
        by_node.setdefault((pod.get("spec") or {}).get("nodeName") or "", pod)
    findings = []
    for node in nodes:
        pod = by_node.get(node.name)
        if pod is None:
            message = f"No kube-flannel pod runs on node {node.name}, so nobody keeps its routes."
        else:
            if _is_ready(pod):
                continue
            status = pod.get("status") or {}
            ready = _ready(pod)
            waiting = [
                (container.get("state") or {}).get("waiting") or {}
                for container in status.get("containerStatuses") or []
            ]
            said = next((entry["reason"] for entry in waiting if entry.get("reason")), "") or ready.get("reason") or ""
            name = (pod.get("metadata") or {}).get("name", "")
            message = f"The pod {name} on node {node.name} is not Ready{f' ({said})' if said else ''}."
        command = f"kubectl get pods -A --field-selector spec.nodeName={node.name} | grep -i flannel"
        cure = f"Look at it: {command}, and its log."
        findings.append(Finding("flannel-not-ready", INCONCLUSIVE, CROSS, (node.name,), message, cure))
    return findings


def check(
    nodes: Mapping[str, Node],
    networks: Sequence[Network],
    families: Sequence[str] = (IPV4,),
    flannel: Flannel | None = None,
    flannel_pods: Sequence[Mapping[str, Any]] | None = None,
) -> list[Finding]:
    """Everything about the nodes that keeps pairs from a pass, found before any pod starts.

    ``networks``: the networks of the nodes' own addresses; without them no pair across nodes can pass.
    ``flannel_pods``: Pod objects of Flannel's DaemonSet, None where they may not be listed, empty where none was found.
    """
    flannel = flannel or Flannel()
    everyone = list(nodes.values())
    findings = []
    for family in families:
        findings += _pod_cidr_findings(everyone, family, flannel)
    findings += _network_family_findings(everyone, flannel)
    findings += _backend_findings(everyone, families, flannel)
    for family in families:
        findings += _address_findings(everyone, family, networks)
        if not of_family(networks, family) and len(everyone) > 1:
            message = (
                f"No {_NAMES[family]} cluster network was given, so nobody can say that the nodes' addresses are the "
                "right ones."
            )
            cure = "Set cluster_networks (pod_paths_cluster_networks in the role) to the CIDR of the node network."
            findings.append(Finding("no-cluster-network", INCONCLUSIVE, CROSS, tuple(nodes), message, cure, (family,)))
    if flannel_pods is not None:
        findings += _flannel_pod_findings(everyone, flannel_pods)
    return findings


def pod_addresses(nodes: Mapping[str, Node], pods: Iterable[tuple[str, str, str]]) -> list[Finding]:
    """What the addresses of started pods show. ``pods``: (node, family, address).

    On nodes without Flannel they are not for the podCIDR to say, so that none is wrong: other networks have their own.
    """
    cure = "Remove the other CNI configuration, restart the container runtime and make the pods anew."
    findings = []
    elsewhere: dict[str, dict[str, str]] = {}
    for name, family, address in pods:
        problem = pod_address_problem(nodes[name], address, family)
        if problem and nodes[name].backend is None:
            elsewhere.setdefault(family, {}).setdefault(name, address)
        elif problem:
            findings.append(Finding("pod-address-outside", FAIL, EVERY, (name,), problem, cure, (family,)))
    for family, found in elsewhere.items():
        name, address = next(iter(found.items()))
        message = (
            f"Pods on {listed(list(found))} have {_NAMES[family]} addresses outside their node's podCIDR, such as "
            f"{address} on {name}, and no annotation of Flannel's stands there: another pod network gives them out."
        )
        cure = (
            "State its paths in expected (pod_paths_expected in the role), those between two pods of a node with "
            "on_node, or install Flannel."
        )
        findings.append(Finding(NO_FLANNEL, INCONCLUSIVE, EVERY, tuple(found), message, cure, (family,)))
    return findings
