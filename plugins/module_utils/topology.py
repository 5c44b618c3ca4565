# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths a cluster should have, computed from its Node objects.

Pure: no Ansible, no Kubernetes, no I/O. Node objects come in as the plain dicts of the API's JSON.
First light knows IPv4 and Flannel's vxlan and host-gw backends; whatever else is met is said, never guessed.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FLANNEL = "flannel.alpha.coreos.com/"
HOSTNAME_LABEL = "kubernetes.io/hostname"
IPV4 = "ipv4"
IPV6 = "ipv6"
FAMILIES = (IPV4, IPV6)
SUPPORTED_BACKENDS = ("host-gw", "vxlan")

FAIL = "fail"
INCONCLUSIVE = "inconclusive"

CROSS = "cross"
EVERY = "every"


class TopologyError(ValueError):
    """A Node object or a network cannot be read, or no path can be computed for a pair. The text is a sentence."""


class LinkUnknown(TopologyError):
    """Whether two nodes are on one link cannot be told, and with it which of two ways their packets take."""


@dataclass(frozen=True)
class Links:
    """What DirectRouting needs: whether it is on, and the networks of nodes, each of which is taken for one link."""

    direct_routing: bool = False
    networks: tuple[ipaddress.IPv4Network, ...] = ()

    def shared(self, one: str, other: str) -> ipaddress.IPv4Network | None:
        """The network that holds both addresses."""
        both = (ipaddress.ip_address(one), ipaddress.ip_address(other))
        return next((network for network in self.networks if all(address in network for address in both)), None)


@dataclass(frozen=True)
class Node:
    """What a path needs to know of a node. Addresses are IPv4 in text form; ``unusable`` says why no pod may start."""

    name: str
    hostname: str | None
    ready: bool
    unusable: str
    internal_ips: tuple[str, ...]
    pod_cidr: str | None
    backend: str | None
    public_ip: str | None

    @property
    def bridge_ip(self) -> str | None:
        """The first host address of the podCIDR, which the bridge plugin gives to cni0."""
        return str(ipaddress.ip_network(self.pod_cidr)[1]) if self.pod_cidr else None

    @property
    def overlay_ip(self) -> str | None:
        """The network address of the podCIDR, which Flannel gives to flannel.1."""
        return str(ipaddress.ip_network(self.pod_cidr)[0]) if self.pod_cidr else None


def absent_node(name: str) -> Node:
    """A node that should be in the cluster, but that the API does not know."""
    return Node(
        name=name,
        hostname=None,
        ready=False,
        unusable=f"Node {name} is expected (it stands in the inventory), but the cluster does not know it: it was "
        "never joined, was deleted, or registered under another name.",
        internal_ips=(),
        pod_cidr=None,
        backend=None,
        public_ip=None,
    )


@dataclass(frozen=True)
class Finding:
    """Something about nodes that no trace can make good.

    ``severity`` (fail or inconclusive) is the best verdict a concerned pair can get. ``scope`` says which pairs are
    concerned: every pair of these nodes, or only those that cross from one node to another.
    """

    rule: str
    severity: str
    scope: str
    nodes: tuple[str, ...]
    message: str
    cure: str

    def concerns(self, source: str, destination: str) -> bool:
        if self.scope == CROSS and source == destination:
            return False
        return source in self.nodes or destination in self.nodes

    def as_dict(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "severity": self.severity,
            "scope": self.scope,
            "nodes": list(self.nodes),
            "message": self.message,
            "cure": self.cure,
        }


@dataclass(frozen=True)
class ExpectedHop:
    """One hop: what it is (cni0, flannel.1, node, pod) and the addresses that may answer. Empty: not known yet."""

    role: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Expectation:
    """The hops of a pair in order, and what they were computed from."""

    origin: str
    hops: tuple[ExpectedHop, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "origin": self.origin,
            "hops": [{"role": hop.role, "addresses": list(hop.addresses)} for hop in self.hops],
        }


def _is_ipv4(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 4
    except ValueError:
        return False


def parse_networks(cidrs: Iterable[str]) -> tuple[ipaddress.IPv4Network, ...]:
    """CIDRs in text form to networks; raises TopologyError naming the one that is none."""
    networks = []
    for cidr in cidrs:
        try:
            network = ipaddress.ip_network(cidr, strict=False)
        except ValueError as error:
            raise TopologyError(f"cluster_networks holds {cidr!r}, which is no network in CIDR form.") from error
        if network.version != 4:
            raise TopologyError(f"cluster_networks holds {cidr}, which is not IPv4; only IPv4 paths can be proved yet.")
        networks.append(network)
    return tuple(networks)


def _pod_cidr(name: str, spec: Mapping[str, Any]) -> str | None:
    candidates = list(spec.get("podCIDRs") or [])
    if not candidates and spec.get("podCIDR"):
        candidates = [spec["podCIDR"]]
    for cidr in candidates:
        try:
            network = ipaddress.ip_network(cidr)
        except ValueError as error:
            raise TopologyError(f"Node {name} has the podCIDR {cidr!r}, which is no network in CIDR form.") from error
        if network.version == 4:
            return str(network)
    return None


def _why_unusable(name: str, spec: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[bool, str]:
    condition = next((c for c in status.get("conditions") or [] if c.get("type") == "Ready"), None)
    if condition is None:
        return False, f"Node {name} has not reported whether it is Ready."
    if condition.get("status") != "True":
        said = condition.get("message") or condition.get("reason") or "no reason given"
        return False, f"Node {name} is not Ready: {said.rstrip('.')}."
    if spec.get("unschedulable"):
        return True, f"Node {name} is cordoned, so no pod was started there."
    return True, ""


def parse_node(obj: Mapping[str, Any]) -> Node:
    """A Node object (JSON as a dict) to a Node; raises TopologyError when it has no name or a broken podCIDR."""
    metadata = obj.get("metadata") or {}
    spec = obj.get("spec") or {}
    status = obj.get("status") or {}
    name = metadata.get("name")
    if not name:
        raise TopologyError("A Node object without metadata.name came from the API.")
    annotations = metadata.get("annotations") or {}
    ready, unusable = _why_unusable(name, spec, status)
    return Node(
        name=name,
        hostname=(metadata.get("labels") or {}).get(HOSTNAME_LABEL),
        ready=ready,
        unusable=unusable,
        internal_ips=tuple(
            entry["address"]
            for entry in status.get("addresses") or []
            if entry.get("type") == "InternalIP" and _is_ipv4(entry.get("address", ""))
        ),
        pod_cidr=_pod_cidr(name, spec),
        backend=annotations.get(FLANNEL + "backend-type"),
        public_ip=annotations.get(FLANNEL + "public-ip"),
    )


def parse_nodes(objects: Iterable[Mapping[str, Any]]) -> dict[str, Node]:
    """Node objects to Nodes by name, sorted by name."""
    nodes = [parse_node(obj) for obj in objects]
    return {node.name: node for node in sorted(nodes, key=lambda node: node.name)}


def unique_hostnames(nodes: Iterable[Node]) -> frozenset[str]:
    """Values of the label kubernetes.io/hostname that pick exactly one node."""
    seen: dict[str, int] = {}
    for node in nodes:
        if node.hostname:
            seen[node.hostname] = seen.get(node.hostname, 0) + 1
    return frozenset(value for value, count in seen.items() if count == 1)


_IFACE_CURE = (
    "Make flanneld use the node's own address (the flannel role does so by status.hostIP; by hand: --iface with that "
    "address), check node_address_cidr, and restart the kube-flannel pods."
)


def _pod_cidr_findings(nodes: Sequence[Node]) -> list[Finding]:
    findings = []
    for node in nodes:
        if node.pod_cidr is None:
            findings.append(
                Finding(
                    "no-pod-cidr",
                    INCONCLUSIVE,
                    EVERY,
                    (node.name,),
                    f"Node {node.name} has no IPv4 podCIDR, so its expected paths are not known.",
                    "Run the controller manager with --allocate-node-cidrs (kubeadm: networking.podSubnet).",
                )
            )
    with_cidr = [(node, ipaddress.ip_network(node.pod_cidr)) for node in nodes if node.pod_cidr]
    for index, (one, network) in enumerate(with_cidr):
        for other, other_network in with_cidr[index + 1 :]:
            if network.overlaps(other_network):
                findings.append(
                    Finding(
                        "pod-cidr-overlap",
                        FAIL,
                        EVERY,
                        (one.name, other.name),
                        f"The podCIDRs of {one.name} ({network}) and {other.name} ({other_network}) overlap.",
                        "Give every node a podCIDR of its own.",
                    )
                )
    return findings


def _backend_findings(nodes: Sequence[Node]) -> list[Finding]:
    findings = []
    for node in nodes:
        if node.backend is None:
            message = f"Node {node.name} carries no Flannel annotation, so flanneld has not run there."
            cure = "Look at the kube-flannel pod of this node; other pod networks than Flannel cannot be judged."
            findings.append(Finding("no-flannel", INCONCLUSIVE, CROSS, (node.name,), message, cure))
        elif node.backend not in SUPPORTED_BACKENDS:
            named = node.backend or "udp (written as an empty backend-type)"
            message = f"Node {node.name} runs Flannel's backend {named}, whose path is not known here."
            cure = f"Use one of {', '.join(SUPPORTED_BACKENDS)}."
            findings.append(Finding("backend-unknown", INCONCLUSIVE, CROSS, (node.name,), message, cure))
    backends: dict[str, list[str]] = {}
    for node in nodes:
        if node.backend in SUPPORTED_BACKENDS:
            backends.setdefault(node.backend, []).append(node.name)
    if len(backends) > 1:
        told = "; ".join(f"{backend}: {', '.join(names)}" for backend, names in sorted(backends.items()))
        findings.append(
            Finding(
                "backend-mixed",
                INCONCLUSIVE,
                CROSS,
                tuple(sorted(name for names in backends.values() for name in names)),
                f"Flannel's backend differs between nodes ({told}).",
                "Let every flanneld read the same net-conf.json and restart the kube-flannel pods.",
            )
        )
    return findings


def _address_findings(nodes: Sequence[Node], networks: Sequence[ipaddress.IPv4Network]) -> list[Finding]:
    findings = []
    holders: dict[str, list[str]] = {}
    for node in nodes:
        if node.backend is None:
            continue  # no-flannel says it already

        def add(rule: str, severity: str, message: str, name: str = node.name) -> None:
            findings.append(Finding(rule, severity, CROSS, (name,), message, _IFACE_CURE))

        if not node.public_ip or not _is_ipv4(node.public_ip):
            add("public-ip-missing", INCONCLUSIVE, f"Node {node.name} has no usable Flannel public-ip annotation.")
            continue
        holders.setdefault(node.public_ip, []).append(node.name)
        if not node.internal_ips:
            add("no-internal-ip", INCONCLUSIVE, f"Node {node.name} has no IPv4 InternalIP to check Flannel against.")
        elif node.public_ip not in node.internal_ips:
            add(
                "public-ip-not-internal-ip",
                FAIL,
                f"Flannel of node {node.name} uses {node.public_ip}, but the node's InternalIP is "
                f"{', '.join(node.internal_ips)}: it took the wrong interface.",
            )
        if networks and not any(ipaddress.ip_address(node.public_ip) in network for network in networks):
            add(
                "public-ip-outside",
                FAIL,
                f"Flannel of node {node.name} uses {node.public_ip}, which lies outside the cluster network "
                f"{', '.join(str(network) for network in networks)}.",
            )
    for address, names in sorted(holders.items()):
        if len(names) > 1:
            findings.append(
                Finding(
                    "public-ip-duplicate",
                    FAIL,
                    CROSS,
                    tuple(names),
                    f"Flannel uses the same address {address} on {', '.join(names)}, as a NAT interface that is alike "
                    "on every machine makes it do: they cannot reach each other by it.",
                    _IFACE_CURE,
                )
            )
    return findings


def preflight(nodes: Mapping[str, Node], cluster_networks: Sequence[str]) -> list[Finding]:
    """Everything about the nodes that keeps pairs from a pass, found before any pod starts.

    ``cluster_networks``: CIDRs of the node network. Agreement of what is seen with what Flannel says is not enough,
    as a wrong interface would then prove itself right; without them no pair across nodes can pass.
    Raises TopologyError for a CIDR that is none.
    """
    networks = parse_networks(cluster_networks)
    listed = list(nodes.values())
    findings = _pod_cidr_findings(listed) + _backend_findings(listed) + _address_findings(listed, networks)
    if not networks and len(listed) > 1:
        findings.append(
            Finding(
                "no-cluster-network",
                INCONCLUSIVE,
                CROSS,
                tuple(nodes),
                "No cluster network was given, so nobody can say that the nodes' addresses are the right ones.",
                "Set cluster_networks (pod_paths_cluster_networks in the role) to the CIDR of the node network.",
            )
        )
    return findings


def direct_routing(config_map: Mapping[str, Any] | None) -> bool:
    """Whether Flannel's ConfigMap turns DirectRouting on. Nodes carry no sign of it."""
    try:
        config = json.loads(((config_map or {}).get("data") or {}).get("net-conf.json", ""))
        # as Go reads it: the case of a key does not matter
        backend = {key.lower(): value for key, value in config["Backend"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    return backend.get("directrouting") is True


def _node_hop(node: Node) -> ExpectedHop:
    if not node.internal_ips:
        raise TopologyError(f"Node {node.name} has no IPv4 InternalIP, so hop 2 cannot be computed.")
    return ExpectedHop("node", (node.public_ip,) if node.public_ip in node.internal_ips else node.internal_ips)


def _vxlan_hop(source: Node, destination: Node, links: Links) -> tuple[str, ExpectedHop]:
    """Hop 2 and what it was computed from, with vxlan: through flannel.1, or direct where the nodes are on one link."""
    overlay = ExpectedHop("flannel.1", (destination.overlay_ip or "",))
    if not links.direct_routing:
        return "Flannel vxlan, podCIDRs and addresses of the Node objects", overlay
    ends = [node.public_ip or "" for node in (source, destination)]
    network = links.shared(*ends) if all(map(_is_ipv4, ends)) else None
    if network is None:
        raise LinkUnknown(
            f"Flannel's DirectRouting is on, and {source.name} ({ends[0] or 'no address'}) and {destination.name} "
            f"({ends[1] or 'no address'}) are in no common network of cluster_networks, so only their own routes tell "
            "whether packets go direct or through vxlan. Where they are on one link, name its network in "
            "cluster_networks (node_address_cidr)."
        )
    return f"Flannel vxlan with DirectRouting, both nodes on the link {network}", _node_hop(destination)


def expected_path(source: Node, destination: Node, pod_ip: str | None, links: Links | None = None) -> Expectation:
    """The hops a traceroute from a pod on ``source`` to a pod on ``destination`` must show.

    ``pod_ip`` None (check mode) leaves the last hop without an address. Raises TopologyError where it is not known, and
    LinkUnknown where that is for DirectRouting.
    """
    pod = ExpectedHop("pod", (pod_ip,) if pod_ip else ())
    if source.name == destination.name:
        # cni0 is a bridge here, not a router: it never shows.
        return Expectation("same node: the bridge forwards, nothing routes", (pod,))
    if source.bridge_ip is None or destination.overlay_ip is None:
        missing = source.name if source.bridge_ip is None else destination.name
        raise TopologyError(f"Node {missing} has no IPv4 podCIDR, so the path cannot be computed.")
    if source.backend != destination.backend or source.backend not in SUPPORTED_BACKENDS:
        raise TopologyError(
            f"The path from {source.name} to {destination.name} is not known for Flannel's backends "
            f"{source.backend!r} and {destination.backend!r}."
        )
    first = ExpectedHop("cni0", (source.bridge_ip,))
    if source.backend == "vxlan":
        origin, second = _vxlan_hop(source, destination, links or Links())
    else:
        origin, second = f"Flannel {source.backend}, podCIDRs and addresses of the Node objects", _node_hop(destination)
    return Expectation(origin, (first, second, pod))


def pod_address_problem(node: Node, pod_ip: str) -> str:
    """A sentence when a pod's address does not belong to its node's podCIDR, else an empty string."""
    if not _is_ipv4(pod_ip):
        return f"The pod on {node.name} has the address {pod_ip}, which is not IPv4."
    if node.pod_cidr and ipaddress.ip_address(pod_ip) not in ipaddress.ip_network(node.pod_cidr):
        return (
            f"The pod on {node.name} has the address {pod_ip}, which lies outside the node's podCIDR {node.pod_cidr}: "
            "another CNI configuration than Flannel's made it; look at /etc/cni/net.d of this node."
        )
    return ""
