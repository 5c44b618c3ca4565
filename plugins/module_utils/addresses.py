# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which address and interface of a host carries the cluster.

Pure: gathered facts in, addresses or sentences out. The rule is one address inside one network, on every host another.
The default route is never looked at: on a VirtualBox machine it leads to a NAT address that all machines share.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# the part of the pod network that each node gets
_NODE_PREFIX = 24


class AddressError(ValueError):
    """No single address of a host carries the cluster. The text is a sentence that says what was found."""


@dataclass(frozen=True, order=True)
class Address:
    interface: str
    address: str

    def __str__(self) -> str:
        return f"{self.address} on {self.interface}"


def _own_network(variable: str, cidr: Any) -> ipaddress.IPv4Network:
    """One IPv4 network of a variable, or a sentence that names the variable."""
    text = str(cidr).strip()
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        try:
            hint = f"; did you mean {ipaddress.ip_network(text, strict=False)}?"
        except ValueError:
            hint = "; write one such as 192.168.56.0/24."
        raise AddressError(f"{variable} is {text!r}, which is no network{hint}") from None
    if not isinstance(network, ipaddress.IPv4Network):
        raise AddressError(f"{variable} is {text!r}, an IPv6 network; only IPv4 is supported.")
    return network


def network_of(cidr: Any) -> ipaddress.IPv4Network:
    """The cluster network that a user wrote, or a sentence on what is wrong with it."""
    return _own_network("node_address_cidr", cidr)


def cluster_network_problems(pod_cidr: Any, service_cidr: Any, node_cidrs: Iterable[Any]) -> list[str]:
    """Why these networks make no cluster: no networks, too small, or overlapping. `node_cidrs` may be several."""
    problems: list[str] = []
    networks: list[tuple[str, ipaddress.IPv4Network]] = []
    named = [("control_plane_pod_cidr", pod_cidr), ("control_plane_service_cidr", service_cidr)]
    named += [("node_address_cidr", cidr) for cidr in dict.fromkeys(map(str, node_cidrs))]
    for variable, cidr in named:
        try:
            networks.append((variable, _own_network(variable, cidr)))
        except AddressError as error:
            problems.append(str(error))
    for variable, network in networks:
        if variable == "control_plane_pod_cidr" and network.prefixlen > _NODE_PREFIX:
            problems.append(
                f"{variable} is {network}, but every node takes a /{_NODE_PREFIX} of it; write a larger network."
            )
    for (one, first), (other, second) in itertools.combinations(networks, 2):
        if one != other and first.overlaps(second):
            problems.append(
                f"{one} {first} and {other} {second} overlap, so some addresses would mean two things. "
                f"Set {one} to a network that is used nowhere else."
            )
    return problems


def addresses_of(facts: Mapping[str, Any]) -> list[Address]:
    """Every IPv4 address of a host, secondary ones included, from its network facts."""
    found: set[Address] = set()
    for value in facts.values():
        # interfaces stand beside other facts, under their own names; `device` tells them from the rest
        if not isinstance(value, Mapping) or "device" not in value:
            continue
        for entry in (value.get("ipv4"), *(value.get("ipv4_secondaries") or ())):
            if isinstance(entry, Mapping) and entry.get("address"):
                found.add(Address(str(value["device"]), str(entry["address"])))
    return sorted(found)


def node_address(facts: Mapping[str, Any], cidr: Any) -> Address:
    """The one address of a host inside the cluster network."""
    network = network_of(cidr)
    everything = addresses_of(facts)
    inside = [entry for entry in everything if ipaddress.ip_address(entry.address) in network]
    if len(inside) == 1:
        return inside[0]
    if inside:
        found = " and ".join(map(str, inside))
        raise AddressError(
            f"{len(inside)} addresses lie inside node_address_cidr {network}: {found}. "
            "Narrow node_address_cidr (per host if need be) until it holds exactly one of them."
        )
    have = ", ".join(map(str, everything)) or "none at all"
    raise AddressError(
        f"no address lies inside node_address_cidr {network}; the host's addresses are: {have}. "
        "Set node_address_cidr to the network by which the nodes reach each other, or give the host an address in it."
    )


def duplicates(addresses: Mapping[str, Address]) -> list[str]:
    """A sentence for each address that more than one host has."""
    hosts: dict[str, list[str]] = {}
    for host, entry in addresses.items():
        hosts.setdefault(entry.address, []).append(f"{host} ({entry.interface})")
    return [
        f"{address} is the address of more than one host: {', '.join(sorted(names))}. "
        "Either node_address_cidr names a network that the nodes do not share (VirtualBox's NAT gives every machine "
        "10.0.2.15), or two hosts are configured alike, or two names of the inventory are one machine."
        for address, names in sorted(hosts.items())
        if len(names) > 1
    ]


def survey(hosts: Iterable[tuple[str, Mapping[str, Any], Any]]) -> tuple[dict[str, Address], list[str]]:
    """The address of every host, and a sentence for everything that is wrong, over all of (name, facts, CIDR)."""
    addresses: dict[str, Address] = {}
    problems: list[str] = []
    for name, facts, cidr in hosts:
        try:
            addresses[name] = node_address(facts, cidr)
        except AddressError as error:
            problems.append(f"{name}: {error}")
    return addresses, problems + duplicates(addresses)
