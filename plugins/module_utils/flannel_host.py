# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies on a host for or against Flannel: other networks' CNI files, MTUs, and what another backend left.

Pure: files, facts, and the JSON of ``ip`` in; sentences and leftovers out.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.flannel_backends import HOST_GW, VXLAN, WIREGUARD

FLANNEL_FILE = "10-flannel.conflist"
# flanneld's own devices: of which kind they are, what they are called, and which backend makes them
_DEVICES = (
    ("vxlan", re.compile(r"flannel(-v6)?\.\d+"), VXLAN),
    ("wireguard", re.compile(r"flannel-wg(-v6)?"), WIREGUARD),
    ("ipip", re.compile(r"flannel\.ipip"), "ipip"),
    ("tun", re.compile(r"flannel\d+"), "udp"),
)
NO_BACKEND = "none"
_BRIDGE = ("bridge", "cni0")
_MTU_LINE = re.compile(r"^FLANNEL_MTU=(\d+)$", re.MULTILINE)


def plugins_of(text: str) -> list[str]:
    """The types of the plugins of a CNI configuration, a single one or a list; empty where it cannot be read."""
    try:
        config = json.loads(text)
        entries = config.get("plugins", [config])
        return [str(entry["type"]) for entry in entries if entry.get("type")]
    except (ValueError, AttributeError, TypeError):
        return []


def other_cni_problems(host: str, files: Mapping[str, str], here: bool) -> list[str]:
    """A sentence for each CNI configuration (path: content) that would take pods away from Flannel's.

    The runtime takes the first file by name. ``here``: Flannel's own is there already; then only those before it count.
    A loopback alone makes no pod network.
    """
    problems = []
    for path, text in sorted(files.items()):
        name = path.rsplit("/", 1)[-1]
        plugins = plugins_of(text)
        if name == FLANNEL_FILE or (here and name > FLANNEL_FILE) or set(plugins) == {"loopback"}:
            continue
        when = "" if name < FLANNEL_FILE else " until Flannel's is there"
        problems.append(
            f"{host}: {path} configures another pod network ({', '.join(plugins) or 'it cannot be read'}), and the "
            f"container runtime takes the first file by name, so pods would be in that network{when}. Remove that "
            "network as its own documentation says, then this file; or set flannel_allow_other_network to true."
        )
    return problems


def _interface(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """What gathered facts say of an interface."""
    found = (value for value in facts.values() if isinstance(value, Mapping) and value.get("device") == name)
    return next(found, {})


def interface_mtu(facts: Mapping[str, Any], interface: str) -> int:
    """The MTU of an interface in gathered facts, 0 where it is not known."""
    return int(_interface(facts, interface).get("mtu") or 0)


def ipv6_warning(host: str, facts: Mapping[str, Any], interface: str, addresses: Sequence[str]) -> str:
    """A sentence where flanneld may take another IPv6 address of the node's interface than the node's own.

    It is started with the node's IPv4 address, and takes the first global IPv6 address of that interface.
    ``addresses``: the node's own, of both families. Empty where there is no choice.
    """
    own = [address for address in addresses if ":" in address]
    entries = _interface(facts, interface).get("ipv6") or ()
    found = [str(entry["address"]) for entry in entries if entry.get("scope") == "global"]
    if not own or len(addresses) < 2 or len(found) < 2:
        return ""
    return (
        f"{host}: {interface} has {len(found)} global IPv6 addresses ({', '.join(found)}), and flanneld takes the "
        f"first that the kernel names, which may be another than the node's own {own[0]}; the proof would name the "
        "node then. Leave that interface the one address, or annotate the Node with "
        "flannel.alpha.coreos.com/public-ipv6-overwrite."
    )


def _sees(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a node takes another one's address for one of its own link; True where its networks are not known."""
    networks = [ipaddress.ip_network(network) for network in one.get("networks") or ()]
    return not networks or any(ipaddress.ip_address(other["address"]) in network for network in networks)


def link_problems(nodes: Mapping[str, Mapping[str, Any]], backend: str) -> list[str]:
    """A sentence where the backend needs all nodes {name: {address, networks}} on one link and they are not.

    flanneld itself only logs it, and pods of such nodes never reach each other.
    """
    if backend != HOST_GW or all(_sees(one, other) for one in nodes.values() for other in nodes.values()):
        return []
    where: dict[str, list[str]] = {}
    for name, node in sorted(nodes.items()):
        where.setdefault((node.get("networks") or ["unknown"])[0], []).append(name)
    told = "; ".join(f"{network}: {', '.join(names)}" for network, names in where.items())
    return [
        f"flannel_backend is host-gw, but the nodes are in several networks ({told}), and host-gw has no way through a "
        "router. Set it to vxlan; with flannel_direct_routing those on one link still reach each other without it."
    ]


def mtu_problems(mtus: Mapping[str, int], mtu: int) -> list[str]:
    """A sentence for each host (name: its interface's MTU) over whose interface packets of this size do not fit."""
    return [
        f"{host}: flannel_mtu is {mtu}, but the interface of the node's address has the MTU {found}; packets between "
        f"nodes would not fit. Set flannel_mtu to {found} or less, or to 0."
        for host, found in sorted(mtus.items())
        if mtu and found and mtu > found
    ]


def mtu_warnings(mtus: Mapping[str, int], mtu: int) -> list[str]:
    """A sentence when the nodes' interfaces differ and nothing evens it out."""
    known = {host: found for host, found in mtus.items() if found}
    if mtu or len(set(known.values())) < 2:
        return []
    told = ", ".join(f"{host} {found}" for host, found in sorted(known.items()))
    return [
        f"The MTU of the nodes' interfaces differs ({told}), and pods take theirs from it: large packets to the node "
        f"with the smallest get lost. Make them equal, or set flannel_mtu to {min(known.values())} (vxlan, wireguard)."
    ]


@dataclass(frozen=True)
class Leftovers:
    """What another backend left: devices, routes (as ``ip route`` takes them) and (device, MTU) to correct."""

    links: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    mtus: tuple[tuple[str, int], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.links or self.routes or self.mtus)


def _backend_of(link: Mapping[str, Any]) -> str:
    kind = (link.get("linkinfo") or {}).get("info_kind", "")
    name = str(link.get("ifname", ""))
    return next((backend for of, pattern, backend in _DEVICES if of == kind and pattern.fullmatch(name)), "")


def _is_leftover(link: Mapping[str, Any], backend: str) -> bool:
    if backend == NO_BACKEND and ((link.get("linkinfo") or {}).get("info_kind"), link.get("ifname")) == _BRIDGE:
        return True  # the CNI plugin's, of use to nobody without Flannel
    return _backend_of(link) not in ("", backend)


def subnet_mtu(text: str) -> int:
    """The MTU that flanneld wrote for pods into subnet.env, 0 where there is none."""
    found = _MTU_LINE.search(text)
    return int(found[1]) if found else 0


def _stale_route(route: Mapping[str, Any], backend: str, direct_routing: bool, own: Sequence[str]) -> bool:
    """Whether a route to another node's pods goes another way than the backend's."""
    device = route.get("dev", "")
    if backend == HOST_GW:
        return device.startswith("flannel")
    if backend == VXLAN and direct_routing:
        # either way is right: each node decides by its own routes
        return device.startswith("flannel") and device not in own
    return device not in own


def leftovers(
    backend: str,
    direct_routing: bool,
    networks: Sequence[str],
    links: Sequence[Mapping[str, Any]],
    routes: Sequence[Mapping[str, Any]],
    subnet_env: str,
) -> Leftovers:
    """What does not belong to ``backend`` on a host, from the JSON of ``ip``, link and route, and subnet.env.

    Only flanneld's own devices count, and only routes inside of the pod network that have a gateway and were made by
    no routing daemon, network manager or kernel ("boot" is what flanneld's routes are, and those of the command ip).
    "none" is no backend: all of Flannel's is left over, and the bridge of its pods.
    """
    pods = [ipaddress.ip_network(network) for network in networks]
    own = [str(link["ifname"]) for link in links if _backend_of(link) == backend]
    stale = []
    for route in routes:
        try:
            destination = ipaddress.ip_network(str(route.get("dst", "")))
        except ValueError:
            continue  # "default"
        inside = any(destination.version == pod.version and destination.subnet_of(pod) for pod in pods)
        if not inside or "gateway" not in route or route.get("protocol", "boot") != "boot":
            continue
        if _stale_route(route, backend, direct_routing, own):
            stale.append(f"{destination} via {route['gateway']} dev {route['dev']}")
    mtu = subnet_mtu(subnet_env)
    return Leftovers(
        links=tuple(str(link["ifname"]) for link in links if _is_leftover(link, backend)),
        routes=tuple(stale),
        # flanneld leaves the MTU of a vxlan device that is there already as it is; over IPv6 the kernel allows less
        mtus=tuple(
            (name, mtu)
            for name, link in ((str(link["ifname"]), link) for link in links)
            if backend == VXLAN and name in own and "-v6" not in name and mtu and link.get("mtu") != mtu
        ),
    )
