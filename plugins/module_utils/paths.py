# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hops that a traceroute from a pod to a pod must show, per pair of nodes and address family.

Pure. Paths are computed from the nodes and Flannel's backend, or stated by the user. What the cluster does not tell is
an error that says so, never a guess.

| between nodes            | hop 1 | hop 2                      | then                                         |
|--------------------------|-------|----------------------------|----------------------------------------------|
| vxlan                    | cni0  | the other's flannel.1      | the pod                                      |
| host-gw, direct routing  | cni0  | the other's node address   | the pod                                      |
| wireguard                | cni0  | the other's flannel-wg     | the pod                                      |
| ipip                     | cni0  | the other's flannel.ipip   | the pod; beyond routers silence, then the pod|
| udp                      | cni0  | silence                    | silence, the other's flannel0, the pod       |

On one node cni0 is a bridge and never shows: the pod is the only hop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import Underlay
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import (
    FAMILIES,
    IPV4,
    UDP,
    Links,
    Node,
    TopologyError,
)

# Device of the other node that answers at hop 2, by backend.
OVERLAYS = {"vxlan": "flannel.1", "wireguard": "flannel-wg", "ipip": "flannel.ipip"}
BACKENDS = ("host-gw", "ipip", UDP, "vxlan", "wireguard")
IPV4_ONLY = ("ipip", UDP)
DIRECT_ROUTING = ("ipip", "vxlan")

CNI0 = "cni0"
NODE = "node"
POD = "pod"
SILENT = "silent"
STATED = "stated"


class PathUnknown(TopologyError):
    """No path can be computed for a pair. ``rule`` is a short name for why."""

    rule = "path-unknown"


class LinkUnknown(PathUnknown):
    """Whether two nodes are on one link cannot be told, and with it which of two ways their packets take."""

    rule = "link-unknown"


@dataclass(frozen=True, slots=True)
class ExpectedHop:
    """One hop: what it is (cni0, flannel.1, node, pod, silent, ...) and the addresses that may answer.

    Empty addresses: a silent hop, or one that is not known yet. ``many``: a silent hop that may stand for several.
    """

    role: str
    addresses: tuple[str, ...] = ()
    many: bool = False


@dataclass(frozen=True, slots=True)
class Expectation:
    """The hops of a pair in order, and what they were computed from.

    ``routers``: how many of them take one off a packet's TTL.
    """

    origin: str
    hops: tuple[ExpectedHop, ...]
    routers: int
    stated: bool = False

    @property
    def silences(self) -> int | None:
        """How many hops keep silent; None where one may stand for several."""
        silent = [hop for hop in self.hops if hop.role == SILENT]
        return None if any(hop.many for hop in silent) else len(silent)

    def as_dict(self) -> dict[str, Any]:
        return {
            "origin": self.origin,
            "hops": [{"role": hop.role, "addresses": list(hop.addresses)} for hop in self.hops],
        }

    def fitted(self, length: int) -> Expectation:
        """With as many silent hops as make it ``length`` hops long, where one of them may stand for several."""
        at = next((index for index, hop in enumerate(self.hops) if hop.many), None)
        more = length - len(self.hops)
        if at is None or more <= 0:
            return self
        hops = (*self.hops[:at], *(self.hops[at],) * (more + 1), *self.hops[at + 1 :])
        return Expectation(self.origin, hops, self.routers, self.stated)


_ON_NODE = "same node: the bridge forwards, nothing routes"
_FACTS = "podCIDRs and addresses of the Node objects"
_ORIGINS = {backend: f"Flannel {backend}, {_FACTS}" for backend in BACKENDS}
_SILENCE = ExpectedHop(SILENT)
_SILENCES = ExpectedHop(SILENT, many=True)


class Paths:
    """The expected path of every pair of a cluster.

    ``pods``: the peer's address by (node, family), as far as it is known; without it the last hop stays open.
    ``stated``: the user's own paths, asked first (see stated_paths).
    """

    def __init__(
        self,
        nodes: Mapping[str, Node],
        links: Links | None = None,
        pods: Mapping[tuple[str, str], str] | None = None,
        stated: Any = None,
    ) -> None:
        self._nodes = nodes
        self._stated = stated
        self._direct = bool(links and links.direct_routing)
        self._places = {name: links.places(nodes.values(), name) if links else {} for name in FAMILIES}
        self._pods = pods or {}
        # Shared by all pairs of a node, as there are a million pairs in a thousand nodes.
        self._pod_hops: dict[tuple[str, str], ExpectedHop] = {}
        self._first_hops: dict[tuple[str, str], ExpectedHop] = {}
        self._overlay_hops: dict[tuple[str, str], ExpectedHop] = {}
        self._node_hops: dict[tuple[str, str], ExpectedHop] = {}
        for node in nodes.values():
            for family in FAMILIES:
                self._add(node, family)

    def _add(self, node: Node, family: str) -> None:
        key, side = (node.name, family), node.side(family)
        pod = self._pods.get(key)
        self._pod_hops[key] = ExpectedHop(POD, (pod,) if pod else ())
        if side.bridge_ip and side.overlay_ip:
            self._first_hops[key] = ExpectedHop(CNI0, (side.bridge_ip,))
            self._overlay_hops[key] = ExpectedHop(OVERLAYS.get(node.backend or "", "flannel0"), (side.overlay_ip,))
        if side.answers:
            self._node_hops[key] = ExpectedHop(NODE, side.answers)

    def is_stated(self, source: str, destination: str, family: str) -> bool:
        """Whether the user stated this pair's path, so that nothing of Flannel matters for it."""
        return self._stated is not None and self._stated.rule(source, destination, family) is not None

    def pods_elsewhere(self, node: str, family: str) -> bool:
        """Whether a node's pods need not have addresses of its podCIDR, by what the user stated: a path between two of
        them is none that Flannel's bridge makes, whatever its hops are."""
        if self._stated is None:
            return False
        return self.is_stated(node, node, family) or self._stated.pods_elsewhere(node, family)

    def expected(
        self, source: str, destination: str, family: str = IPV4, underlay: Underlay | None = None
    ) -> Expectation:
        """The path of one pair. ``underlay``: the source's own route, which decides DirectRouting where it is known.

        Raises PathUnknown, and LinkUnknown where that is for DirectRouting.
        """
        pod = self._pod_hops[(destination, family)]
        if self._stated is not None:
            told = self._stated.path(source, destination, family, pod)
            if told is not None:
                return told
        if source == destination:
            return Expectation(_ON_NODE, (pod,), 0)
        backend = self._backend(source, destination, family)
        first = self._first_hops[(source, family)]
        if backend == UDP:
            hops = (first, _SILENCE, _SILENCE, self._overlay_hops[(destination, family)], pod)
            return Expectation(_ORIGINS[UDP], hops, 4)
        if backend == "host-gw":
            return Expectation(_ORIGINS[backend], (first, self._node_hop(destination, family), pod), 2)
        if self._direct and backend in DIRECT_ROUTING:
            on_link, link = self._on_link(source, destination, family, underlay)
            if on_link:
                origin = f"Flannel {backend} with DirectRouting, both nodes on the link {link}"
                return Expectation(origin, (first, self._node_hop(destination, family), pod), 2)
            how = f" with DirectRouting, a router between the nodes ({link})"
            return self._overlay(backend, how, (source, destination, family))
        return self._overlay(backend, "", (source, destination, family))

    def _overlay(self, backend: str, how: str, pair: tuple[str, str, str]) -> Expectation:
        source, destination, family = pair
        first, pod = self._first_hops[(source, family)], self._pod_hops[(destination, family)]
        if backend == "ipip":
            places = self._places[family]
            between = places.get(source), places.get(destination)
            if None not in between and between[0] != between[1]:
                # the tunnel's outer TTL is the inner one's: routers eat the probes, and the other node never shows
                return Expectation(f"Flannel ipip{how}, {_FACTS}, routers in between", (first, _SILENCES, pod), 2)
        origin = f"Flannel {backend}{how}, {_FACTS}" if how else _ORIGINS[backend]
        return Expectation(origin, (first, self._overlay_hops[(destination, family)], pod), 2)

    def _backend(self, source: str, destination: str, family: str) -> str:
        one, other = self._nodes[source], self._nodes[destination]
        for node in (one, other):
            if (node.name, family) not in self._first_hops:
                raise PathUnknown(f"Node {node.name} has no podCIDR of family {family}, so the path is not known.")
        if one.backend != other.backend or one.backend not in BACKENDS:
            raise PathUnknown(
                f"The path from {source} to {destination} is not known for Flannel's backends {one.backend!r} and "
                f"{other.backend!r}."
            )
        if family != IPV4 and one.backend in IPV4_ONLY:
            raise PathUnknown(f"Flannel's backend {one.backend} carries no {family}.")
        return one.backend

    def _node_hop(self, name: str, family: str) -> ExpectedHop:
        hop = self._node_hops.get((name, family))
        if hop is None:
            raise PathUnknown(f"Node {name} has no {family} InternalIP, so hop 2 is not known.")
        return hop

    def _on_link(self, source: str, destination: str, family: str, underlay: Underlay | None) -> tuple[bool, str]:
        """Whether both nodes are on one link, and what tells it. Flannel asks the node's route for a gateway."""
        if underlay is not None and underlay.interface:
            told = f"via {underlay.gateway}" if underlay.gateway else f"of {underlay.interface}"
            return not underlay.gateway, f"{told}, as {source}'s own route says"
        one, other = (self._places[family].get(name) for name in (source, destination))
        if one is None or other is None:
            ends = [self._nodes[name].side(family).public_ip or "no address" for name in (source, destination)]
            raise LinkUnknown(
                f"Flannel's DirectRouting is on, and {source} ({ends[0]}) and {destination} ({ends[1]}) are not both "
                "in a network of cluster_networks, so only their own routes tell whether packets go direct or through "
                "the tunnel. Name the network of each link in cluster_networks (node_address_cidr)."
            )
        return one == other, str(one) if one == other else f"{one} and {other}"
