# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways of the nodes themselves to one another, as their hosts' route tables tell them.

Pure. A trace between pods does not show by which card a tunnel's packets leave, nor whether they fit; the source's
route to the address by which Flannel reaches the destination (its public-ip) does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import Observation, Underlay
from ansible_collections.podpath.kubeadm.plugins.module_utils.paths import DIRECT_ROUTING
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Leg
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import (
    Flannel,
    Node,
    TopologyError,
    canonical,
    family_of,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.tunnels import device_among, tunnel


@dataclass(frozen=True, slots=True)
class HostRoutes:
    """What one host told: MTUs by device, and its routes by destination."""

    mtus: Mapping[str, int]
    routes: Mapping[str, Underlay]


def _gateway(route: Mapping[str, Any]) -> str:
    """The next hop; one of the other family stands in ``via``."""
    return str(route.get("gateway") or (route.get("via") or {}).get("host") or "")


def _mtu(route: Mapping[str, Any], mtus: Mapping[str, int]) -> int | None:
    """The smallest of what the route and its device say."""
    told = [int(metric["mtu"]) for metric in route.get("metrics") or [] if "mtu" in metric]
    device = mtus.get(str(route.get("dev", "")))
    return min([*told, *([device] if device else [])], default=None)


def _host(entry: Mapping[str, Any]) -> HostRoutes:
    usual = str(entry.get("interface") or "")
    by_family = {str(family): str(device) for family, device in (entry.get("interfaces") or {}).items()}
    mtus = {str(device): int(mtu) for device, mtu in (entry.get("mtus") or {}).items()}
    routes = {}
    for route in entry.get("routes") or []:
        address = canonical(str(route["dst"]))
        if address is None:
            raise ValueError(f"{route['dst']!r} is no address")
        routes[address] = Underlay(
            interface="" if route.get("error") else str(route.get("dev") or ""),
            mtu=_mtu(route, mtus),
            address=canonical(str(route.get("prefsrc", ""))) or "",
            gateway=_gateway(route),
            own_interface=by_family.get(family_of(address), usual),
            problem=str(route.get("error") or ""),
        )
    return HostRoutes(mtus, routes)


def parse_hosts(told: Mapping[str, Any]) -> dict[str, HostRoutes]:
    """What hosts told, by node; raises TopologyError naming the node whose entry cannot be read."""
    hosts = {}
    for name, entry in told.items():
        if not entry:
            continue  # a host that gave nothing
        try:
            hosts[name] = _host(entry)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise TopologyError(
                f"underlay of {name} cannot be read ({error}). It takes interface, mtus (by device) and routes, a list "
                "of answers of 'ip -j route get ADDRESS'."
            ) from error
    return hosts


class Underlays:
    """What hosts told of the underlay of each pair. Without any host nothing is said, as nothing was asked for.

    ``silent``: by node why it could not be asked.
    """

    def __init__(
        self,
        hosts: Mapping[str, HostRoutes],
        nodes: Mapping[str, Node],
        direct_routing: bool,
        silent: Mapping[str, str] | None = None,
        flannel: Flannel | None = None,
    ) -> None:
        self._hosts, self._nodes, self._direct, self._silent = hosts, nodes, direct_routing, silent or {}
        self._flannel = flannel

    def __bool__(self) -> bool:
        return bool(self._hosts or self._silent)

    def of(self, leg: Leg) -> tuple[Underlay | None, str]:
        """The source's route to the destination, or None and why it is not known."""
        source, destination, family = leg
        if source == destination:
            return None, "Both pods are on one node."
        host = self._hosts.get(source)
        if host is None:
            return None, self._silent.get(source) or f"The host of node {source} told nothing."
        public = self._nodes[destination].side(family).public_ip
        if public is None:
            return None, f"Flannel's annotations name no {family} address of node {destination}."
        route = host.routes.get(public)
        if route is None:
            return None, f"The host of node {source} told no route to {public}, Flannel's address of {destination}."
        return replace(route, needed_mtu=self._needed(host, leg, route)), ""

    def _needed(self, host: HostRoutes, leg: Leg, route: Underlay) -> int | None:
        """What the largest packet of the tunnel's device takes on the way; None where there is none, or none is told"""
        backend = self._nodes[leg.source].backend or ""
        if self._direct and backend in DIRECT_ROUTING and not route.gateway:
            return None
        found = tunnel(backend, leg.family, self._flannel)
        mtu = host.mtus.get(device_among(host.mtus, backend, leg.family, self._flannel))
        return mtu + found.overhead if found and mtu else None

    def added(self, seen: Observation, leg: Leg) -> Observation:
        """An observation with the underlay, or why there is none. What a prober saw itself stands."""
        if not self or seen.underlay is not None:
            return seen
        route, why = self.of(leg)
        if route is None:
            return replace(seen, unobserved={**seen.unobserved, "underlay": why})
        return replace(seen, underlay=route)
