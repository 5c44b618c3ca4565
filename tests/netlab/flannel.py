# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What flanneld programs into a node's kernel, per backend: devices, routes, neighbours and forwarding entries.

A stand-in for flanneld alone: the commands make the same kernel state, and the kernel does the forwarding. Functions
return shell scripts for a node's namespace; nothing runs here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from addressing import POD_NETWORK, POD_NETWORK_V6, Numbers

IPV4, IPV6 = "ipv4", "ipv6"
# eth1's 1500 less the outer headers; pods get the IPv4 one in both families, as Flannel writes one subnet.env
POD_MTU = {"vxlan": 1450, "host-gw": 1500, "wireguard": 1420, "ipip": 1480, "udp": 1472}
# which kernel device a backend needs; host-gw needs none
DEVICE = {"vxlan": "vxlan", "wireguard": "wireguard", "ipip": "ipip", "udp": "tun"}


@dataclass
class Flannel:
    """One flanneld: what it was told, and the address it publishes. ``public_ip`` may be a wrong one: then it is what
    the other nodes send to. ``interface``: the card its own device sits on."""

    numbers: Numbers
    backend: str
    direct_routing: bool = False
    families: Sequence[str] = (IPV4,)
    public_ip: str = ""
    interface: str = "eth1"
    wireguard_key: str = ""
    wireguard_public: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    overwritten: bool = False
    vni: int = 1
    port: int = 8472

    def __post_init__(self) -> None:
        self.public_ip = self.public_ip or self.numbers.eth1

    @property
    def public_ipv6(self) -> str:
        return self.numbers.eth1_v6

    def on_link(self, other: Flannel) -> bool:
        """What flanneld asks the kernel's route table: is the other node's address reached without a gateway?"""
        return self.interface != "eth1" or self.numbers.rack == other.numbers.rack

    def annotations(self) -> dict[str, str]:
        prefix = "flannel.alpha.coreos.com/"
        written = {
            # the udp backend writes an empty type
            prefix + "backend-type": "" if self.backend == "udp" else self.backend,
            prefix + "backend-data": "null",
            prefix + "kube-subnet-manager": "true",
        }
        if IPV4 in self.families:
            written[prefix + "public-ip"] = self.public_ip
            if self.overwritten:
                written[prefix + "public-ip-overwrite"] = self.public_ip
        elif self.backend != "vxlan":
            written[prefix + "public-ip"] = "0.0.0.0"
        if self.backend == "vxlan":
            written[prefix + "backend-data"] = f'{{"VNI":{self.vni},"VtepMAC":"{self.numbers.vtep_mac}"}}'
        if IPV6 in self.families:
            written[prefix + "public-ipv6"] = self.public_ipv6
            written[prefix + "backend-v6-data"] = (
                f'{{"VNI":{self.vni},"VtepMAC":"{self.numbers.vtep_mac_v6}"}}' if self.backend == "vxlan" else "null"
            )
        return written

    @property
    def vxlan(self) -> tuple[str, str]:
        """The devices of vxlan."""
        return f"flannel.{self.vni}", f"flannel-v6.{self.vni}"

    def devices(self) -> str:
        """The script that makes this node's own device."""
        me = self.numbers
        v4, v6 = self.vxlan
        lines = []
        if self.backend == "vxlan":
            if IPV4 in self.families:
                lines += [
                    f"link add {v4} type vxlan id {self.vni} local {self.public_ip} dev {self.interface} "
                    f"dstport {self.port} nolearning",
                    f"link set {v4} address {me.vtep_mac} mtu {POD_MTU['vxlan']}",
                    f"addr add {me.pod(0)}/32 dev {v4}",
                    f"link set {v4} up",
                ]
            if IPV6 in self.families:
                lines += [
                    f"link add {v6} type vxlan id {self.vni} local {me.eth1_v6} dev eth1 "
                    f"dstport {self.port} nolearning",
                    f"link set {v6} address {me.vtep_mac_v6} mtu {POD_MTU['vxlan'] - 20}",
                    f"addr add {me.pod_v6(0)}/128 dev {v6} nodad",
                    f"link set {v6} up",
                ]
        elif self.backend == "udp":
            lines += [
                f"addr add {me.pod(0)}/16 dev flannel0",
                f"link set flannel0 mtu {POD_MTU['udp']} up",
            ]
        elif self.backend == "ipip":
            lines += [
                f"link add flannel.ipip type ipip local {self.public_ip} dev {self.interface}",
                f"addr add {me.pod(0)}/32 dev flannel.ipip",
                "link set flannel.ipip up",
            ]
        elif self.backend == "wireguard":
            lines += [
                "link add flannel-wg type wireguard",
                f"addr add {me.pod(0)}/32 dev flannel-wg",
                "link set flannel-wg up",
                f"route add {POD_NETWORK} dev flannel-wg",
            ]
        return batch("ip", lines)

    def peer(self, other: Flannel) -> tuple[list[str], list[str]]:
        """Lines for `ip -batch` and `bridge -batch` by which this node learns of another one."""
        you = other.numbers
        v4, v6 = self.vxlan
        ip: list[str] = []
        bridge: list[str] = []
        direct = self.backend == "host-gw" or (self.direct_routing and self.on_link(other))
        if IPV4 in self.families:
            if direct:
                ip.append(f"route replace {you.pod_cidr} via {other.public_ip} dev {self.interface}")
            elif self.backend == "vxlan":
                ip.append(f"neigh replace {you.pod(0)} lladdr {you.vtep_mac} dev {v4} nud permanent")
                ip.append(f"route replace {you.pod_cidr} via {you.pod(0)} dev {v4} onlink")
                bridge.append(f"fdb replace {you.vtep_mac} dev {v4} dst {other.public_ip} self permanent")
            elif self.backend == "ipip":
                ip.append(f"route replace {you.pod_cidr} via {other.public_ip} dev flannel.ipip onlink")
        if IPV6 in self.families:
            if direct:
                ip.append(f"route replace {you.pod_cidr_v6} via {other.public_ipv6} dev eth1")
            elif self.backend == "vxlan":
                ip.append(f"neigh replace {you.pod_v6(0)} lladdr {you.vtep_mac_v6} dev {v6} nud permanent")
                ip.append(f"route replace {you.pod_cidr_v6} via {you.pod_v6(0)} dev {v6} onlink")
                bridge.append(f"fdb replace {you.vtep_mac_v6} dev {v6} dst {other.public_ipv6} self permanent")
        return ip, bridge

    def peers(self, others: Sequence[Flannel]) -> str:
        ip: list[str] = []
        bridge: list[str] = []
        for other in others:
            if other is not self:
                more_ip, more_bridge = self.peer(other)
                ip += more_ip
                bridge += more_bridge
        return batch("ip", ip) + batch("bridge", bridge)

    def masquerade(self) -> str:
        """Flannel's own rule: what leaves the pod network gets the node's address, what stays in it does not."""
        rules = [
            f"ip saddr {POD_NETWORK} ip daddr {POD_NETWORK} return",
            f"ip saddr {POD_NETWORK} ip daddr != 224.0.0.0/4 masquerade",
            f"ip saddr != {POD_NETWORK} ip daddr {POD_NETWORK} masquerade",
        ]
        rules_v6 = [
            f"ip6 saddr {POD_NETWORK_V6} ip6 daddr {POD_NETWORK_V6} return",
            f"ip6 saddr {POD_NETWORK_V6} ip6 daddr != ff00::/8 masquerade",
        ]
        text = _nat_chain("ip flannel-ipv4", rules)
        if IPV6 in self.families:
            text += _nat_chain("ip6 flannel-ipv6", rules_v6)
        return f"nft -f - <<'END'\n{text}END\n"


def _nat_chain(table: str, rules: Sequence[str]) -> str:
    lines = ["type nat hook postrouting priority srcnat;", *rules]
    return f"table {table} {{ chain postrtg {{\n" + "\n".join(lines) + "\n}\n}\n"


def batch(program: str, lines: Sequence[str]) -> str:
    """A shell script that runs lines of `ip` or `bridge` in one process; empty for none."""
    if not lines:
        return ""
    return f"{program} -batch - <<'END'\n" + "\n".join(lines) + "\nEND\n"
