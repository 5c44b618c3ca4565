# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which address and interface of a host carries the cluster.

Pure: gathered facts in, addresses or sentences out. The rule is one address of each wanted family, on every host
another. The default route never picks one: on a VirtualBox machine it leads to a NAT address that all machines share.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CIDR = "node_address_cidr"
INTERFACE = "node_address_interface_name"
EXPLICIT = "node_address_explicit"

VARIABLES = (CIDR, INTERFACE, EXPLICIT)
UNSAID = (
    f"nothing says which address carries the cluster. Set {CIDR} to the network by which the nodes reach each other, "
    f"such as 192.168.56.0/24, or {INTERFACE}, or for each host {EXPLICIT}."
)

_PODS = "control_plane_pod_cidr"
_SERVICES = "control_plane_service_cidr"
# the part of the pod network that each node gets, by family; how many of them, and of Services, Kubernetes can count
_NODE_PREFIXES = {4: 24, 6: 64}
_MOST_NODE_BITS = 16
_MOST_SERVICE_BITS = 20


class AddressError(ValueError):
    """No single address of a host carries the cluster. The text is a sentence that says what was found."""


@dataclass(frozen=True, order=True)
class Address:
    interface: str
    address: str
    # the network that comes with it, as a CIDR; empty where the facts do not tell
    network: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.address} on {self.interface}"

    @property
    def family(self) -> int:
        return ipaddress.ip_address(self.address).version


@dataclass(frozen=True)
class Wanted:
    """What the variables of a host ask for. All that is given must hold; the order of families is the user's."""

    cidrs: tuple[Network, ...] = ()
    interface: str = ""
    explicit: tuple[str, ...] = ()

    def __str__(self) -> str:
        given = {
            EXPLICIT: ", ".join(self.explicit),
            INTERFACE: self.interface,
            CIDR: ", ".join(map(str, self.cidrs)),
        }
        return " and ".join(f"{variable} {value}" for variable, value in given.items() if value)


def network_of(variable: str, cidr: Any) -> Network:
    """One network of a variable, or a sentence that names the variable."""
    text = str(cidr).strip()
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        try:
            hint = f"; did you mean {ipaddress.ip_network(text, strict=False)}?"
        except ValueError:
            hint = "; write one such as 192.168.56.0/24."
        raise AddressError(f"{variable} is {text!r}, which is no network{hint}") from None


def _items(value: Any) -> list[Any]:
    """What a variable holds that may be one value, a list, or nothing."""
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _one_of_each_family(variable: str, values: Sequence[Any]) -> None:
    families = [value.version for value in values]
    if len(set(families)) < len(families):
        raise AddressError(
            f"{variable} holds {', '.join(map(str, values))}: at most one of IPv4 and one of IPv6 can be given, the "
            "primary one first. Where the nodes' network has several subnets, give each host its own."
        )


def _explicit_address(value: Any) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(str(value).strip())
    except ValueError:
        raise AddressError(
            f"{EXPLICIT} is {str(value)!r}, which is no address; write one such as 192.168.56.11, without a prefix."
        ) from None


def wanted(cidr: Any = None, interface: Any = None, explicit: Any = None) -> Wanted:
    """What a user wrote, understood, or a sentence on what is wrong with it."""
    cidrs = [network_of(CIDR, item) for item in _items(cidr)]
    own = [_explicit_address(item) for item in _items(explicit)]
    _one_of_each_family(CIDR, cidrs)
    _one_of_each_family(EXPLICIT, own)
    if not (cidrs or interface or own):
        raise AddressError(UNSAID)
    return Wanted(tuple(cidrs), str(interface or "").strip(), tuple(map(str, own)))


def is_said(variables: Mapping[str, Any]) -> bool:
    """Whether the variables of a host say at all which address carries the cluster."""
    return any(variables.get(name) for name in VARIABLES)


def _of_pods_or_services(variable: str, text: Any) -> list[Network]:
    """The networks of a variable as kubeadm takes them: IPv4, or IPv4 and IPv6 with a comma between."""
    networks = [network_of(variable, item) for item in str(text).split(",")]
    if [network.version for network in networks] not in ([4], [4, 6]):
        raise AddressError(
            f"{variable} is {str(text).strip()!r}; write one IPv4 network or, for dual stack, one of IPv4 and one of "
            "IPv6 in this order with a comma between. A cluster of IPv6 alone is not supported."
        )
    return networks


def _size_problems(variable: str, network: Network) -> list[str]:
    """What kubeadm and the API server refuse: networks that are too small, or too large to be counted."""
    prefix = _NODE_PREFIXES[network.version]
    if variable == _PODS and network.prefixlen > prefix:
        return [f"{variable} is {network}, but every node takes a /{prefix} of it; write a larger network."]
    if variable == _PODS and prefix - network.prefixlen > _MOST_NODE_BITS:
        return [
            f"{variable} is {network}; Kubernetes cannot divide it into parts of /{prefix}, one for each node, as "
            f"there are more than 2^{_MOST_NODE_BITS}. Write a /{prefix - _MOST_NODE_BITS} or a smaller one."
        ]
    bits = network.max_prefixlen - network.prefixlen
    if variable == _SERVICES and bits > _MOST_SERVICE_BITS:
        return [
            f"{variable} is {network}, too large for the API server; write a "
            f"/{network.max_prefixlen - _MOST_SERVICE_BITS} or a smaller one."
        ]
    return []


def own_network_problems(variable: str, text: Any) -> list[str]:
    """What is wrong with the networks of the pods or of the Services as such, whatever else there is."""
    try:
        networks = _of_pods_or_services(variable, text)
    except AddressError as error:
        return [str(error)]
    return [problem for network in networks for problem in _size_problems(variable, network)]


def cluster_network_problems(
    pod_cidr: Any, service_cidr: Any, node_cidrs: Iterable[Any], nodes: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """Why these networks make no cluster: no networks, of the wrong size or family, or overlapping.

    `node_cidrs` may be several, and `nodes` are the addresses of each node, the primary one first.
    """
    problems: list[str] = []
    networks: list[tuple[str, Network]] = []
    for variable, text in ((_PODS, pod_cidr), (_SERVICES, service_cidr)):
        try:
            networks += [(variable, network) for network in _of_pods_or_services(variable, text)]
        except AddressError as error:
            problems.append(str(error))
    for cidr in dict.fromkeys(map(str, node_cidrs)):
        try:
            networks.append((CIDR, network_of(CIDR, cidr)))
        except AddressError as error:
            problems.append(str(error))
    for variable, network in networks:
        problems += _size_problems(variable, network)
    for (one, first), (other, second) in itertools.combinations(networks, 2):
        if one != other and first.overlaps(second):
            problems.append(
                f"{one} {first} and {other} {second} overlap, so some addresses would mean two things. "
                f"Set {one} to a network that is used nowhere else."
            )
    return problems or _family_problems(networks, nodes or {})


def _family_problems(networks: Sequence[tuple[str, Network]], nodes: Mapping[str, Sequence[str]]) -> list[str]:
    """Where pods, Services and nodes do not have the same families; a node may have one more than its pods."""
    pods, services = ([net.version for of, net in networks if of == variable] for variable in (_PODS, _SERVICES))
    if pods != services:
        few, many = (_PODS, _SERVICES) if len(pods) < len(services) else (_SERVICES, _PODS)
        return [f"{many} has an IPv6 network, but {few} has none. For dual stack write one of each family in both."]
    problems = []
    for name, addresses in sorted(nodes.items()):
        there = [ipaddress.ip_address(address).version for address in addresses]
        lacking = [version for version in pods if version not in there]
        if lacking or there[0] != pods[0]:
            what = f"has no IPv{lacking[0]} address there" if lacking else "has IPv6 as its first one"
            problems.append(
                f"{name}: {_PODS} is of {' and '.join(f'IPv{version}' for version in pods)}, but the node is "
                f"{', '.join(addresses)} and {what}. Give {CIDR} (or {EXPLICIT}) one of each of these families, in "
                "this order."
            )
    return problems


def _devices(facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Interfaces stand beside other facts, under their own names; `device` tells them from the rest."""
    return [value for value in facts.values() if isinstance(value, Mapping) and "device" in value]


def _link_network(entry: Mapping[str, Any]) -> str:
    length = entry.get("prefix") or entry.get("netmask")
    return str(ipaddress.ip_network(f"{entry['address']}/{length}", strict=False)) if length else ""


def addresses_of(facts: Mapping[str, Any]) -> list[Address]:
    """Every address of a host that a node can have, secondary ones included, from its network facts.

    Loopback and link-local addresses are none: they mean another machine everywhere, and the kubelet refuses them.
    """
    found: set[Address] = set()
    for device in _devices(facts):
        for entry in (device.get("ipv4"), *(device.get("ipv4_secondaries") or ()), *(device.get("ipv6") or ())):
            if not isinstance(entry, Mapping) or not entry.get("address"):
                continue
            address = ipaddress.ip_address(str(entry["address"]))
            if not (address.is_loopback or address.is_link_local):
                found.add(Address(str(device["device"]), str(address), _link_network(entry)))
    return sorted(found, key=lambda entry: (entry.interface, entry.family, int(ipaddress.ip_address(entry.address))))


def _listed(everything: Iterable[Address]) -> str:
    return ", ".join(map(str, everything)) or "none at all"


def _families(want: Wanted, everything: Sequence[Address]) -> list[int]:
    """The families to pick, the primary first. An interface alone means its IPv4 address where it has one."""
    if want.explicit:
        return [ipaddress.ip_address(address).version for address in want.explicit]
    if want.cidrs:
        return [network.version for network in want.cidrs]
    there = {entry.family for entry in everything if entry.interface == want.interface}
    return [6] if there == {6} else [4]


def _criteria(want: Wanted, family: int) -> tuple[str, list[Network]]:
    """In words where an address must lie, and the network that it must lie in, for one family."""
    networks = [network for network in want.cidrs if network.version == family]
    words = [f"on {INTERFACE} {want.interface}"] if want.interface else []
    words += [f"inside {CIDR} {network}" for network in networks]
    return " and ".join(words), networks


def _explicit(want: Wanted, address: str, everything: Sequence[Address]) -> Address:
    there = [entry for entry in everything if entry.address == address]
    if not there:
        raise AddressError(
            f"{EXPLICIT} is {address}, which is no address of the host; its addresses are: {_listed(everything)}. "
            "Correct it, or give the host that address."
        )
    where, networks = _criteria(want, there[0].family)
    fits = [entry for entry in there if not want.interface or entry.interface == want.interface]
    outside = want.cidrs and not any(ipaddress.ip_address(address) in network for network in networks)
    if not fits or outside:
        where = where or f"inside {CIDR} {', '.join(map(str, want.cidrs))}"
        raise AddressError(
            f"{EXPLICIT} {there[0]} does not lie {where}. All that is given must hold: correct one of them, or leave "
            "it empty for this host."
        )
    return fits[0]


def _picked(want: Wanted, family: int, everything: Sequence[Address]) -> Address:
    """The one address of a family that the network and the interface leave."""
    where, networks = _criteria(want, family)
    inside = [
        entry
        for entry in everything
        if entry.family == family
        and (not want.interface or entry.interface == want.interface)
        and all(ipaddress.ip_address(entry.address) in network for network in networks)
    ]
    if len(inside) == 1:
        return inside[0]
    if inside:
        found = " and ".join(map(str, inside))
        raise AddressError(
            f"{len(inside)} addresses lie {where}: {found}. Narrow {CIDR} (per host if need be) until it holds exactly "
            f"one of them, or set {EXPLICIT} for this host."
        )
    raise AddressError(
        f"no address lies {where}; the host's addresses are: {_listed(everything)}. Set {CIDR} to the network by which "
        f"the nodes reach each other (or correct {INTERFACE}), or give the host an address in it."
    )


def node_addresses(facts: Mapping[str, Any], want: Wanted) -> list[Address]:
    """The addresses of a host that carry the cluster: one of each wanted family, the primary one first."""
    everything = addresses_of(facts)
    names = sorted(str(device["device"]) for device in _devices(facts))
    if want.interface and want.interface not in names:
        raise AddressError(
            f"{INTERFACE} is {want.interface}, which the host does not have; its interfaces are: "
            f"{', '.join(names) or 'none at all'}."
        )
    if want.explicit:
        return [_explicit(want, address, everything) for address in want.explicit]
    return [_picked(want, family, everything) for family in _families(want, everything)]


def duplicates(picked: Mapping[str, Sequence[Address]], present: Mapping[str, Sequence[Address]]) -> list[str]:
    """A sentence for each address that carries one host and that another one has, too, whatever for."""
    problems = []
    for address in sorted({entry.address for entries in picked.values() for entry in entries}):
        owners = sorted(
            {
                f"{host} ({entry.interface})"
                for host, entries in present.items()
                for entry in entries
                if entry.address == address
            }
        )
        hosts = [host for host, entries in present.items() if address in {entry.address for entry in entries}]
        if len(hosts) > 1:
            problems.append(
                f"{address} is the address of more than one host: {', '.join(owners)}. Either it lies in a network "
                "that the nodes do not share (VirtualBox's NAT gives every machine 10.0.2.15), or two hosts are "
                "configured alike, or two names of the inventory are one machine."
            )
    return problems


def survey(
    hosts: Iterable[tuple[str, Mapping[str, Any], Mapping[str, Any]]],
) -> tuple[dict[str, list[Address]], list[str]]:
    """The addresses of every host, and a sentence for everything that is wrong, over all of (name, facts, variables).

    The variables of a host are the arguments of `wanted`.
    """
    picked: dict[str, list[Address]] = {}
    present: dict[str, list[Address]] = {}
    problems: list[str] = []
    for name, facts, variables in hosts:
        present[name] = addresses_of(facts)
        try:
            picked[name] = node_addresses(facts, wanted(**variables))
        except AddressError as error:
            problems.append(f"{name}: {error}")
    return picked, problems + duplicates(picked, present)


def shared_defaults(hosts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A sentence for each address by which several hosts (name: facts) reach the internet: they are behind NAT."""
    owners: dict[str, list[str]] = {}
    for name, facts in sorted(hosts.items()):
        default = facts.get("default_ipv4") or {}
        if default.get("address"):
            owners.setdefault(str(default["address"]), []).append(f"{name} ({default.get('interface', '?')})")
    return [
        f"The default route of {', '.join(names)} leaves by the same address, {address}: a NAT that all of them have "
        "for themselves. The cluster does not use it; what takes a host's address from the default route would take "
        "all these hosts for one."
        for address, names in sorted(owners.items())
        if len(names) > 1
    ]
