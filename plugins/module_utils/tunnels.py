# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Flannel's backends send between nodes, by which devices, and where one looks for their entries. Pure.

host-gw has no tunnel: there the node itself tells its pods what does not fit.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import IPV4, IPV6, UDP, Flannel

TUNNELS = ("vxlan", "wireguard", "ipip", UDP)


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A backend's in one family. ``overhead``: the bytes that it adds to each packet; ``carries``: what it sends, as a
    firewall sees it; ``capture``: the same for tcpdump."""

    device: str
    overhead: int
    carries: str
    capture: str


# whatever namespace and label its pods have
_LOG = "kubectl get pods -A -o wide | grep -i flannel; kubectl -n NAMESPACE logs POD"
# Where a node's entries for another one stand, and how the two ends are compared; the placeholders are those of
# faults.py.
ENTRIES = {
    "vxlan": "bridge fdb show dev {device}; {ip} neigh show dev {device}   # on {node}: one entry with dst {address}",
    "wireguard": "wg show {device}   # on {node}: a peer with the endpoint {endpoint} and the allowed ips {cidr}",
    "ipip": "{ip} route show dev {device}   # on {node}: {cidr} via {address}",
    UDP: _LOG + "   # flanneld of {node} keeps its entries itself",
}
COMPARED = {
    "vxlan": "bridge fdb show dev {device} | grep {own_address}   # on {peer}: the MAC that 'ip link show {device}' "
    "has on {node}",
    "wireguard": "wg show {device}   # on {node} and {peer}: each one's public key is a peer of the other",
    "ipip": "{ip} route show dev {device}   # on {peer}: a route via {own_address}",
    UDP: _LOG + "   # flanneld of {peer} keeps its entries itself",
}
# of a packet of 1500 bytes, what ping counts as data
PING_DATA = {IPV4: 1472, IPV6: 1452}


def _told(backend: str, flannel: Flannel | None) -> Flannel:
    """What the ConfigMap says of this backend: of another one it does not count."""
    return flannel if flannel is not None and flannel.backend == backend else Flannel()


def _wireguard(told: Flannel, v4: bool) -> tuple[str, int, int]:
    """Device, overhead and port: flanneld makes a device for each family, or in any other mode one for both, whose
    packets go by one of the two."""
    if told.mode not in (None, "separate"):
        return "flannel-wg", 80 if told.mode == IPV6 else 60, told.port or 51820
    return ("flannel-wg", 60, told.port or 51820) if v4 else ("flannel-wg-v6", 80, told.port_v6 or 51821)


def endpoint(backend: str, family: str, addresses: Mapping[str, str], flannel: Flannel | None = None) -> str:
    """The one of a node's addresses, by family, to which a tunnel for pods of a family leads."""
    mode = _told(backend, flannel).mode
    own = addresses.get(family, "")
    if backend != "wireguard" or mode in (None, "separate"):
        return own
    if mode in (IPV4, IPV6):
        return addresses.get(mode, own)
    v4, v6 = addresses.get(IPV4, ""), addresses.get(IPV6, "")
    # as flanneld chooses it: IPv6 only where that alone is public
    public = bool(v6) and not ipaddress.ip_address(v6).is_private
    return v6 if v6 and (not v4 or (public and ipaddress.ip_address(v4).is_private)) else v4


def tunnel(backend: str, family: str, flannel: Flannel | None = None) -> Tunnel | None:
    """A backend's tunnel in a family, with the port and number of net-conf.json; None where there is none."""
    told = _told(backend, flannel)
    v4 = family == IPV4
    if backend == "vxlan":
        number = 1 if told.vni is None else told.vni
        device, overhead, port = f"flannel{'' if v4 else '-v6'}.{number}", 50 if v4 else 70, told.port or 8472
    elif backend == "wireguard":
        device, overhead, port = _wireguard(told, v4)
    elif backend == "ipip" and v4:
        return Tunnel("flannel.ipip", 20, "IP protocol 4", "ip proto 4")
    elif backend == UDP and v4:
        device, overhead, port = "flannel0", 28, told.port or 8285
    else:
        return None
    return Tunnel(device, overhead, f"UDP port {port}", f"udp port {port}")


def carried(backend: str, families: Iterable[str], flannel: Flannel | None = None) -> str:
    """What a backend sends in these families, for a sentence; empty where it has no tunnel."""
    by_family = {family: found.carries for family in families if (found := tunnel(backend, family, flannel))}
    first = next(iter(by_family.values()), "")
    last = by_family.get(IPV6, first)
    return first if last == first else f"{first} ({last.rsplit(maxsplit=1)[-1]} for IPv6)"


def device_among(names: Iterable[str], backend: str, family: str, flannel: Flannel | None = None) -> str:
    """The tunnel's device on a host that has these; empty where it has none.

    Without the ConfigMap vxlan's number is not known: then it is the only one of its kind.
    """
    found = tunnel(backend, family, flannel)
    if found is None:
        return ""
    names = list(names)
    if found.device in names:
        return found.device
    alike = []
    if backend == "vxlan" and (flannel is None or flannel.vni is None):
        alike = [name for name in names if re.fullmatch(re.escape(found.device[:-1]) + "[0-9]+", name)]
    return alike[0] if len(alike) == 1 else ""
