# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts use already: routes, addresses, and the address by which a node runs.

Pure: observations in, sentences out. Routes are entries of `ip -json route show table all`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.addresses import Address, Network, network_of

# What pod networks and kube-proxy make on a node: of course they have addresses of pods and Services.
_CLUSTER_DEVICE = re.compile(
    r"cni\d+|flannel[.-].+|veth.+|kube-ipvs\d+|kube-bridge|nodelocaldns|cali.+|vxlan\.calico|tunl\d+|cilium.+|weave.*"
)
# The kernel's own entries for each address; addresses are looked at by themselves.
_NO_ROUTE = ("local", "broadcast", "multicast", "anycast")
# A default route is no claim to a network, nor is its half, of which VPNs make two.
_DEFAULT_PREFIX = 1


@dataclass(frozen=True)
class Host:
    """What is known of one host. `member`: it is a node of a cluster already."""

    addresses: Sequence[Address]
    routes: Sequence[Mapping[str, Any]] = field(default_factory=list)
    member: bool = False


def networks_of(variable: str, value: Any) -> list[Network]:
    """The networks of a variable: one, or one of each family with a comma between them, as kubeadm takes them."""
    return [network_of(variable, item) for item in str(value).split(",")]


def _hops(route: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(route.get("nexthops") or [route])


def _gateways(route: Mapping[str, Any]) -> list[str]:
    found = [hop.get("gateway") or (hop.get("via") or {}).get("host", "") for hop in _hops(route)]
    return [gateway for gateway in found if gateway]


def _route_network(route: Mapping[str, Any]) -> Network | None:
    """The destination of a route that claims a network, or None."""
    if route.get("type", "unicast") in _NO_ROUTE or route.get("dst") in (None, "default"):
        return None
    network = ipaddress.ip_network(str(route["dst"]), strict=False)
    # link-local and multicast networks are on every interface, and no cluster's
    if network.prefixlen <= _DEFAULT_PREFIX or network.is_link_local or network.is_multicast:
        return None
    return network


def _is_the_clusters(route: Mapping[str, Any], there: Network, network: Network, host: Host, nodes: set[str]) -> bool:
    """Whether a route inside the cluster's own network is one that the pod network made."""
    if all(_CLUSTER_DEVICE.fullmatch(str(hop.get("dev", ""))) for hop in _hops(route)):
        return True
    gateways = _gateways(route)
    if not gateways or there.prefixlen <= network.prefixlen or not there.subnet_of(network):
        return False
    # host-gw: to the pods of another node by that node's address. A cluster may have nodes that this inventory has not.
    return host.member or nodes.issuperset(gateways)


def _told(route: Mapping[str, Any], there: Network) -> str:
    way = [f"via {gateway}" for gateway in _gateways(route)]
    way += [f"dev {device}" for device in dict.fromkeys(str(hop["dev"]) for hop in _hops(route) if hop.get("dev"))]
    kind = route.get("type", "unicast")
    table = route.get("table", "main")
    way += [f"({kind})"] if kind != "unicast" else []
    way += [f"in table {table}"] if table != "main" else []
    return " ".join(["route", str(there), *way])


def _uses(host: Host, network: Network, nodes: set[str], allowed: Sequence[Network]) -> list[str]:
    """What of a host lies in a network that the cluster takes for itself."""
    inside = [
        entry
        for entry in host.addresses
        if ipaddress.ip_address(entry.address) in network and not _CLUSTER_DEVICE.fullmatch(entry.interface)
    ]
    found = [f"address {entry}" for entry in inside]
    for route in host.routes:
        there = _route_network(route)
        if there is None or there.version != network.version or not there.overlaps(network) or there in allowed:
            continue
        if _is_the_clusters(route, there, network, host, nodes):
            continue
        # the route that comes with an address has been told with it
        devices = {str(hop.get("dev", "")) for hop in _hops(route)}
        if not _gateways(route) and any(
            entry.interface in devices and ipaddress.ip_address(entry.address) in there for entry in inside
        ):
            continue
        found.append(_told(route, there))
    return list(dict.fromkeys(found))


def overlap_problems(
    networks: Mapping[str, Any], hosts: Mapping[str, Host], nodes: Iterable[str], allowed: Iterable[Any] = ()
) -> list[str]:
    """A sentence for each of the cluster's own networks {variable: CIDR} that overlaps what a host uses already.

    `nodes` are the addresses of all nodes, and `allowed` the destinations of routes that the user knows of.
    """
    problems = []
    known = set(nodes)
    harmless = [network_of("node_address_allowed_routes", item) for item in allowed]
    for variable, value in networks.items():
        for network in networks_of(variable, value):
            uses = {name: _uses(host, network, known, harmless) for name, host in sorted(hosts.items())}
            told = "; ".join(f"{name}: {', '.join(found)}" for name, found in uses.items() if found)
            if told:
                problems.append(
                    f"{variable} {network} overlaps what hosts use already, so some addresses would mean two things. "
                    f"{told}. Set {variable} to a network that is used nowhere else, or, where a route does no harm, "
                    "name its destination in node_address_allowed_routes. What an earlier cluster left goes with a "
                    "reboot."
                )
    return problems


_ARGUMENT = re.compile(r"(?P<file>[^:]+):[^#]*--(?P<name>node-ip|advertise-address)[= ](?P<value>[^\s\"']+)")


def _address(text: str) -> str:
    """An address in its usual form; empty for what is none or, as 0.0.0.0, leaves the choice to the program."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    return "" if address.is_unspecified else str(address)


def running_addresses(found: str) -> dict[str, list[str]]:
    """From the lines `FILE:TEXT` that grep found: {argument and where it stands: its addresses}.

    The files are in the order in which their arguments come, so of one argument the last is the one in effect.
    """
    result: dict[str, tuple[str, list[str]]] = {}
    for line in found.splitlines():
        match = _ARGUMENT.match(line)
        values = [address for item in match["value"].split(",") if (address := _address(item))] if match else []
        if match and values:
            result[match["name"]] = (f"--{match['name']} in {match['file']}", values)
    return dict(result.values())


def _family(address: str) -> int:
    return ipaddress.ip_address(address).version


def running_problem(picked: Sequence[str], running: Mapping[str, Sequence[str]], asked: str) -> str:
    """Why the addresses that were picked cannot become those of a node that runs by others; empty where they are."""
    by_family = {_family(address): address for address in picked}
    for where, there in running.items():
        others = [address for address in there if by_family.get(_family(address), address) != address]
        if others or there[0] != picked[0]:
            return (
                f"it is a node of a running cluster by {', '.join(there)} ({where}), but {asked} picks "
                f"{', '.join(picked)}. A node's address stands in certificates, in etcd and in what other nodes know "
                f"of it, so it is not changed under a running node. Set {asked.split()[0]} so that it picks "
                f"{there[0]}, or take the node out of the cluster (kubectl drain, kubectl delete node, kubeadm reset), "
                f"{_removal(where)}and let this playbook join it anew."
            )
    return ""


def _removal(where: str) -> str:
    """A reset leaves what somebody gave the kubelet: that is to be taken away by hand."""
    return f"remove {where}, " if where.startswith("--node-ip") and "kubeadm-flags" not in where else ""


def coming_problem(picked: Sequence[str], found: Mapping[str, Sequence[str]], asked: str) -> str:
    """Why a host's Node would have others than the addresses picked: by what its kubelet was given, `found`."""
    for where, there in found.items():
        if list(there) != list(picked):
            return (
                f"{where} says {', '.join(there)}, but {asked} picks {', '.join(picked)}. It comes last on the "
                f"kubelet's command line, so the Node would get {', '.join(there)}, and Flannel with it. Remove it "
                f"there{'' if there[0] in picked else f', or set {asked.split()[0]} so that it picks {there[0]}'}."
            )
    return ""
