# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster's own objects tell of it: its nodes in each address family, and how Flannel is configured.

Pure: no Ansible, no Kubernetes, no I/O. Objects come in as the plain dicts of the API's JSON. Addresses are strings in
the form of the ipaddress module, so that they can be compared as they are; whatever a path needs is worked out once
per node, as there are many more pairs than nodes.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FLANNEL = "flannel.alpha.coreos.com/"
HOSTNAME_LABEL = "kubernetes.io/hostname"
OS_LABEL = "kubernetes.io/os"
LINUX = "linux"
IPV4 = "ipv4"
IPV6 = "ipv6"
FAMILIES = (IPV4, IPV6)
VERSIONS = {IPV4: 4, IPV6: 6}
FAMILY_NAMES = {IPV4: "IPv4", IPV6: "IPv6"}
# Flannel writes its udp backend as an empty type.
UDP = "udp"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_ANNOTATIONS = {IPV4: ("public-ip", "public-ip-overwrite"), IPV6: ("public-ipv6", "public-ipv6-overwrite")}
# in net-conf.json
NETWORK_KEYS = {IPV4: "Network", IPV6: "IPv6Network"}


class TopologyError(ValueError):
    """A Node object or a network cannot be read, or no path can be computed for a pair. The text is a sentence."""


def canonical(text: str) -> str | None:
    """An address in the one form in which addresses are compared, or None where it is none."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def family_of(address: str) -> str:
    """The family of a canonical address."""
    return IPV6 if ":" in address else IPV4


@dataclass(frozen=True, slots=True)
class Side:
    """A node in one address family.

    ``bridge_ip``: the first host address of the podCIDR, which the bridge plugin gives to cni0. ``overlay_ip``: its
    network address, which Flannel gives to flannel.1, flannel-wg and flannel.ipip. ``public_ip`` is the address by
    which Flannel says that other nodes reach this one, ``overwritten`` that an administrator chose it.
    """

    pod_cidr: str | None = None
    bridge_ip: str | None = None
    overlay_ip: str | None = None
    internal_ips: tuple[str, ...] = ()
    public_ip: str | None = None
    overwritten: bool = False

    @property
    def own_ips(self) -> tuple[str, ...]:
        """The node's own addresses; an administrator's choice, which may be that of another card, is the first."""
        chosen = self.public_ip if self.overwritten else None
        return (chosen, *self.internal_ips) if chosen and chosen not in self.internal_ips else self.internal_ips

    @property
    def answers(self) -> tuple[str, ...]:
        """The addresses by which the node may answer on the network of the nodes."""
        return (self.public_ip,) if self.public_ip in self.internal_ips else self.own_ips

    @property
    def known(self) -> tuple[str, ...]:
        """Every address that the node is known to have."""
        named = (self.bridge_ip, self.overlay_ip, self.public_ip, *self.internal_ips)
        return tuple(address for address in named if address)


_NO_SIDE = Side()


@dataclass(frozen=True, slots=True)
class Node:
    """What a path needs to know of a node. ``unusable`` says why no pod may start there.

    ``backend`` is Flannel's, or None where its annotations are missing; ``absent``: the API does not know the node.
    """

    name: str
    hostname: str | None
    ready: bool
    unusable: str
    backend: str | None
    sides: Mapping[str, Side] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Mapping[str, str], ...] = ()
    absent: bool = False

    def side(self, family: str) -> Side:
        """The node in one family; empty where it has nothing in it."""
        return self.sides.get(family, _NO_SIDE)


def absent_node(name: str) -> Node:
    """A node that should be in the cluster, but that the API does not know."""
    return Node(
        name=name,
        hostname=None,
        ready=False,
        unusable=f"Node {name} is expected (it stands in the inventory), but the cluster does not know it: it was "
        "never joined, was deleted, or registered under another name.",
        backend=None,
        absent=True,
    )


def parse_networks(cidrs: Iterable[str]) -> tuple[Network, ...]:
    """CIDRs in text form to networks; raises TopologyError naming the one that is none."""
    networks = []
    for cidr in cidrs:
        try:
            networks.append(ipaddress.ip_network(cidr, strict=False))
        except ValueError as error:
            raise TopologyError(f"cluster_networks holds {cidr!r}, which is no network in CIDR form.") from error
    return tuple(networks)


def of_family(networks: Iterable[Network], family: str) -> tuple[Network, ...]:
    return tuple(network for network in networks if network.version == VERSIONS[family])


def _pod_cidrs(name: str, spec: Mapping[str, Any]) -> dict[str, Network]:
    """The first podCIDR of each family."""
    found: dict[str, Network] = {}
    for cidr in spec.get("podCIDRs") or [spec.get("podCIDR")]:
        if not cidr:
            continue
        try:
            network = ipaddress.ip_network(cidr)
        except ValueError as error:
            raise TopologyError(f"Node {name} has the podCIDR {cidr!r}, which is no network in CIDR form.") from error
        if network.num_addresses < 4:
            raise TopologyError(f"Node {name} has the podCIDR {cidr}, which is too small to hold a pod.")
        found.setdefault(IPV4 if network.version == 4 else IPV6, network)
    return found


def _sides(
    name: str, spec: Mapping[str, Any], status: Mapping[str, Any], annotations: Mapping[str, str]
) -> dict[str, Side]:
    cidrs = _pod_cidrs(name, spec)
    internal = [
        address
        for entry in status.get("addresses") or []
        if entry.get("type") == "InternalIP" and (address := canonical(entry.get("address", "")))
    ]
    sides = {}
    for family in FAMILIES:
        told, overwrite = (annotations.get(FLANNEL + key) for key in _ANNOTATIONS[family])
        public = canonical(told) if told else None
        # Flannel writes 0.0.0.0 on every node of a cluster that has no IPv4: that is no address, and no duplicate
        if public is not None and (family_of(public) != family or ipaddress.ip_address(public).is_unspecified):
            public = None
        network = cidrs.get(family)
        sides[family] = Side(
            pod_cidr=str(network) if network else None,
            bridge_ip=str(network[1]) if network else None,
            overlay_ip=str(network[0]) if network else None,
            internal_ips=tuple(address for address in internal if family_of(address) == family),
            public_ip=public,
            overwritten=bool(public) and canonical(overwrite or "") == public,
        )
    return sides


def _why_unusable(
    name: str, spec: Mapping[str, Any], status: Mapping[str, Any], labels: Mapping[str, str]
) -> tuple[bool, str]:
    """Whether it is Ready, and why no pod may start there."""
    ready, why = _readiness(name, spec, status)
    system = labels.get(OS_LABEL, LINUX)
    if system == LINUX:
        return ready, why
    return ready, (
        f"Node {name} runs {system} (label {OS_LABEL}), and a proof's pods need Linux, so it is not covered; choose "
        f"the others with source_selectors and destination_selectors {OS_LABEL}={LINUX}."
    )


def _readiness(name: str, spec: Mapping[str, Any], status: Mapping[str, Any]) -> tuple[bool, str]:
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
    labels = metadata.get("labels") or {}
    ready, unusable = _why_unusable(name, spec, status, labels)
    backend = annotations.get(FLANNEL + "backend-type")
    return Node(
        name=name,
        hostname=labels.get(HOSTNAME_LABEL),
        ready=ready,
        unusable=unusable,
        backend=UDP if backend == "" else backend,
        sides=_sides(name, spec, status, annotations),
        labels=labels,
        annotations=annotations,
        taints=tuple(spec.get("taints") or ()),
    )


def in_order(name: str) -> tuple[tuple[str | int, ...], str]:
    """The key by which nodes are sorted: numbers in names count as such, so that node-2 comes before node-10."""
    parts = re.split(r"([0-9]+)", name)
    return tuple(int(part) if at % 2 else part for at, part in enumerate(parts)), name


def parse_nodes(objects: Iterable[Mapping[str, Any]]) -> dict[str, Node]:
    """Node objects to Nodes by name, in the order of names."""
    nodes = [parse_node(obj) for obj in objects]
    return {node.name: node for node in sorted(nodes, key=lambda node: in_order(node.name))}


def unique_hostnames(nodes: Iterable[Node]) -> frozenset[str]:
    """Values of the label kubernetes.io/hostname that pick exactly one node."""
    seen: dict[str, int] = {}
    for node in nodes:
        if node.hostname:
            seen[node.hostname] = seen.get(node.hostname, 0) + 1
    return frozenset(value for value, count in seen.items() if count == 1)


def families_of(nodes: Iterable[Node]) -> tuple[str, ...]:
    """The families in which any node has a podCIDR; IPv4 where none has one."""
    nodes = list(nodes)
    return tuple(name for name in FAMILIES if any(node.side(name).pod_cidr for node in nodes)) or (IPV4,)


@dataclass(frozen=True, slots=True)
class Flannel:
    """Flannel's net-conf.json. ``direct_routing`` is None where it could not be read.

    ``misplaced``: by its key a network of the other family, which is none for Flannel. ``port``, ``port_v6``, ``vni``
    and ``mode`` (wireguard's) are None where it leaves them to the backend.
    """

    backend: str | None = None
    direct_routing: bool | None = None
    networks: Mapping[str, Network] = field(default_factory=dict)
    misplaced: Mapping[str, Network] = field(default_factory=dict)
    port: int | None = None
    port_v6: int | None = None
    vni: int | None = None
    mode: str | None = None


def _lowered(value: Any) -> dict[str, Any]:
    # as Go reads it: the case of a key does not matter
    return {str(key).lower(): entry for key, entry in value.items()} if isinstance(value, Mapping) else {}


def _number(backend: Mapping[str, Any], *keys: str) -> int | None:
    """The first of these that is told; 0 is what flanneld takes for nothing told."""
    told = (backend.get(key) for key in keys)
    return next((value for value in told if isinstance(value, int) and not isinstance(value, bool) and value), None)


def parse_flannel(config_map: Mapping[str, Any] | None) -> Flannel:
    """Flannel's ConfigMap to what it configures; what is not there or cannot be read is None."""
    try:
        config = _lowered(json.loads(((config_map or {}).get("data") or {}).get("net-conf.json", "")))
    except (ValueError, TypeError, AttributeError):
        return Flannel()
    backend = _lowered(config.get("backend"))
    networks: dict[str, Network] = {}
    misplaced: dict[str, Network] = {}
    for family, key in NETWORK_KEYS.items():
        try:
            network = ipaddress.ip_network(config.get(key.lower()) or "")
        except ValueError:
            continue
        if network.version == VERSIONS[family]:
            networks[family] = network
        elif family == IPV4 or config.get("enableipv6") is True:
            # flanneld reads that of IPv4 in any case
            misplaced[key] = network
    kind, mode = backend.get("type"), backend.get("mode")
    # as flanneld reads it: the case of the type does not matter either
    return Flannel(
        backend=kind.lower() if isinstance(kind, str) else None,
        direct_routing=backend.get("directrouting") is True,
        networks=networks,
        misplaced=misplaced,
        # wireguard calls its ports so
        port=_number(backend, "port", "listenport"),
        port_v6=_number(backend, "listenportv6"),
        vni=_number(backend, "vni"),
        mode=mode if isinstance(mode, str) and mode else None,
    )


@dataclass(frozen=True, slots=True)
class Links:
    """What DirectRouting needs: whether it is on, and the networks of nodes, each of which is taken for one link."""

    direct_routing: bool = False
    networks: tuple[Network, ...] = ()

    def places(self, nodes: Iterable[Node], family: str) -> dict[str, Network]:
        """By node the network that holds its public-ip, the narrowest if several do; without those in none."""
        networks = sorted(of_family(self.networks, family), key=lambda network: -network.prefixlen)
        found = {}
        for node in nodes:
            public = node.side(family).public_ip
            address = ipaddress.ip_address(public) if public else None
            place = next((network for network in networks if address is not None and address in network), None)
            if place is not None:
                found[node.name] = place
        return found


def pod_address_problem(node: Node, address: str, family: str = IPV4) -> str:
    """A sentence when a pod's address does not belong to its node's podCIDR, else an empty string."""
    own = canonical(address)
    named = FAMILY_NAMES[family]
    if own is None or family_of(own) != family:
        return f"The pod on {node.name} has the address {address!r}, which is not {named}."
    cidr = node.side(family).pod_cidr
    if cidr and ipaddress.ip_address(own) not in ipaddress.ip_network(cidr):
        return (
            f"The pod on {node.name} has the address {own}, which lies outside the node's podCIDR {cidr}: "
            "another CNI configuration than Flannel's made it; look at /etc/cni/net.d of this node."
        )
    return ""


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names for a sentence: the first few, and how many more there are."""
    names = list(names)
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")
