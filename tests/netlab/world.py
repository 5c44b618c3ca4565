# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A world of nodes in network namespaces: cards, bridges, switches, a router between racks, and pods."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import objects
from addressing import MOST_NODES, NAT_ADDRESS, NAT_GATEWAY, Numbers, network, network_v6
from flannel import DEVICE, IPV4, IPV6, POD_MTU, Flannel, batch
from namespaces import NETNS, Namespaces, NetlabError
from programs import Tools

from ansible_collections.podpath.kubeadm.plugins.module_utils import nodelayer

_LAN = "lan"
_NAT = "nat"

_ROUTER_SYSCTLS = """
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
echo 0 >/proc/sys/net/ipv4/conf/default/rp_filter
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
for card in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 >"$card"; done
echo {filter} >/proc/sys/net/bridge/bridge-nf-call-iptables
echo {filter} >/proc/sys/net/bridge/bridge-nf-call-ip6tables
"""
_NODE_SYSCTLS = _ROUTER_SYSCTLS.format(filter=1)
# a switch neither filters nor puts fragments together
_SWITCH_SYSCTLS = _ROUTER_SYSCTLS.format(filter=0)


class Unsupported(Exception):
    """This machine's kernel lacks what a backend needs. The text says what."""


@dataclass
class Host:
    """One node: its namespace, its flanneld and its pods' addresses."""

    numbers: Numbers
    flannel: Flannel
    ready: bool = True
    used: set[int] = field(default_factory=set)
    last: int = 1

    @property
    def name(self) -> str:
        return self.numbers.name

    def take(self) -> int:
        """The free pod number after the last one that was given, as the host-local plugin gives them."""
        numbers = [*range(self.last + 1, 255), *range(2, self.last + 1)]
        number = self.last = next(number for number in numbers if number not in self.used)
        self.used.add(number)
        return number


class World:
    """Nodes with Flannel, built by ``with``; see addressing.py for who has which address.

    racks: nodes are dealt out to them in turn, and a router stands between. ping_sockets: whether pods may open sockets
    of datagrams of ICMP, which containerd 2 allows, and others do not. Raises Unsupported where the kernel lacks
    the backend's device.
    """

    _open: ClassVar[set[World]] = set()
    _closed_all: ClassVar[bool] = False

    def __init__(
        self,
        tools: Tools,
        nodes: int = 3,
        backend: str = "vxlan",
        direct_routing: bool = False,
        families: Sequence[str] = (IPV4,),
        racks: int = 1,
        vni: int = 1,
        port: int = 8472,
        ping_sockets: bool = True,
    ) -> None:
        if nodes > MOST_NODES:
            raise ValueError(f"{nodes} nodes; the lab's addresses are enough for {MOST_NODES}.")
        self.tools = tools
        self.backend = backend
        self.direct_routing = direct_routing
        self.families = tuple(families)
        self.racks = racks
        self.vni, self.port = vni, port
        self.ping_sockets = ping_sockets
        self.hosts: dict[str, Host] = {}
        for index in range(nodes):
            numbers = Numbers(index, index % racks)
            flannel = Flannel(numbers, backend, direct_routing, self.families, vni=vni, port=port)
            self.hosts[numbers.name] = Host(numbers, flannel)
        # called with a pod's role and node and its namespace as soon as it runs
        self.service_proxy = True
        self.on_pod: list[Callable[[str, str, str], None]] = []
        # pods, by role and node, that the kubelet throws out when the first prober begins
        self.evicted: set[tuple[str, str]] = set()
        self._proxies: list[subprocess.Popen[str]] = []
        self._closers: list[Callable[[], None]] = []

    def __enter__(self) -> World:
        if World._closed_all:
            raise RuntimeError("The session is over.")
        self.namespaces = Namespaces()
        World._open.add(self)
        try:
            self._probe_kernel()
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def on_close(self, closer: Callable[[], None]) -> None:
        self._closers.append(closer)

    def close(self) -> None:
        for closer in self._closers:
            closer()
        self._closers = []
        self.namespaces.close()
        for proxy in self._proxies:
            proxy.wait()
            proxy.stdout.close()
        self._proxies = []
        World._open.discard(self)

    @classmethod
    def close_all(cls) -> None:
        """Closes every world of this process, also those that threads still use; no new one can be made."""
        cls._closed_all = True
        for world in list(cls._open):
            world.close()

    # Building

    def _probe_kernel(self) -> None:
        kind = DEVICE.get(self.backend)
        if kind in (None, "tun"):
            return
        self.namespaces.add(["kernel"])
        options = {"vxlan": " id 1 dstport 8472", "ipip": " local 192.0.2.1"}.get(kind, "")
        try:
            self.namespaces.shell("kernel", f"ip link add probe type {kind}{options}")
        except NetlabError as error:
            raise Unsupported(f"This kernel has no {kind} device, which Flannel's {self.backend} needs.") from error
        finally:
            self.namespaces.drop("kernel")

    def _build(self) -> None:
        spaces = self.namespaces
        spaces.add([_LAN, _NAT, *self.hosts])
        spaces.shell(_LAN, self._lan())
        spaces.shell(_NAT, batch("ip", ["link set lo up"]))
        cables = []
        for host in self.hosts.values():
            index, name = host.numbers.index, spaces.full(host.name)
            cables += [
                f"link add e1-{index} netns {spaces.full(_LAN)} type veth peer name eth1 netns {name}",
                f"link add e2-{index} netns {spaces.full(_LAN)} type veth peer name eth2 netns {name}",
                f"link add e0-{index} netns {spaces.full(_NAT)} type veth peer name eth0 netns {name}",
            ]
        spaces.shell(_LAN, batch("ip", cables))
        spaces.shell(_LAN, batch("ip", self._plugs()))
        nat = []
        for host in self.hosts.values():
            nat += [f"addr add {NAT_GATEWAY}/24 dev e0-{host.numbers.index}", f"link set e0-{host.numbers.index} up"]
        spaces.shell(_NAT, batch("ip", nat))
        flannels = [host.flannel for host in self.hosts.values()]
        if self.backend == "udp":
            # its proxy makes the device, and binds to eth1's address
            for host in self.hosts.values():
                spaces.shell(host.name, f"ip link set lo up; ip addr add {host.numbers.eth1}/24 dev eth1")
                self._start_proxy(host)
        spaces.shells(
            {
                host.name: _NODE_SYSCTLS
                + batch("ip", self._cards(host))
                + host.flannel.devices()
                + host.flannel.peers(flannels)
                + host.flannel.masquerade()
                for host in self.hosts.values()
            }
        )

    def _start_proxy(self, host: Host) -> None:
        """Flannel's udp backend forwards in user space. The process ends with its namespace."""
        peers = [
            f"{other.numbers.pod_cidr}={other.flannel.public_ip}" for other in self.hosts.values() if other is not host
        ]
        program = [sys.executable, str(Path(__file__).with_name("udp_proxy.py")), host.flannel.public_ip, *peers]
        enter = ["nsenter", f"--net={NETNS / self.namespaces.full(host.name)}"]
        proxy = subprocess.Popen([*enter, *program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self._proxies.append(proxy)
        if proxy.stdout.readline() != "ready\n":
            raise Unsupported("This machine has no /dev/net/tun, which Flannel's udp backend needs.")

    def _lan(self) -> str:
        """The switches, one per rack and one for eth2, which are the router between the racks as well."""
        lines = ["link set lo up"]
        for rack in range(self.racks):
            numbers = Numbers(0, rack)
            lines += [
                f"link add rack{rack} type bridge",
                f"link set rack{rack} up",
                f"addr add {numbers.eth1_gateway}/24 dev rack{rack}",
                f"addr add {numbers.eth1_gateway_v6}/64 dev rack{rack} nodad",
            ]
        lines += ["link add second type bridge", "link set second up"]
        return _SWITCH_SYSCTLS + batch("ip", lines)

    def _plugs(self) -> list[str]:
        lines = []
        for host in self.hosts.values():
            index = host.numbers.index
            lines += [
                f"link set e1-{index} master rack{host.numbers.rack}",
                f"link set e1-{index} up",
                f"link set e2-{index} master second",
                f"link set e2-{index} up",
            ]
        return lines

    def _cards(self, host: Host) -> list[str]:
        numbers = host.numbers
        lines = [
            "link set lo up",
            f"addr add {NAT_ADDRESS}/24 dev eth0",
            f"addr replace {numbers.eth1}/24 dev eth1",
            f"addr add {numbers.eth1_v6}/64 dev eth1 nodad",
            f"addr add {numbers.eth2}/24 dev eth2",
            "link set eth0 up",
            "link set eth1 up",
            "link set eth2 up",
            f"route add default via {NAT_GATEWAY} dev eth0",
            "link add cni0 type bridge",
            f"addr add {numbers.pod(1)}/24 dev cni0",
            f"link set cni0 mtu {POD_MTU[self.backend]} up",
        ]
        if IPV6 in self.families:
            lines.append(f"addr add {numbers.pod_v6(1)}/64 dev cni0 nodad")
        for rack in range(self.racks):
            if rack != numbers.rack:
                lines.append(f"route add {network(rack)} via {numbers.eth1_gateway}")
                lines.append(f"route add {network_v6(rack)} via {numbers.eth1_gateway_v6}")
        return lines

    # Pods

    def pod_addresses(self, host: Host, number: int) -> list[str]:
        found = {IPV4: host.numbers.pod(number), IPV6: host.numbers.pod_v6(number)}
        return [found[family] for family in self.families]

    def pod_script(self, host: Host, name: str, number: int) -> str:
        """A script, for no namespace in particular, that makes a pod's namespace and cable as the CNI plugins do."""
        full, node = self.namespaces.full(name), self.namespaces.full(host.name)
        numbers, mtu, port = host.numbers, POD_MTU[self.backend], f"veth{number}"
        inside = ["link set lo up"]
        if IPV4 in self.families:
            inside += [f"addr add {numbers.pod(number)}/24 dev eth0"]
        if IPV6 in self.families:
            inside += [f"addr add {numbers.pod_v6(number)}/64 dev eth0 nodad"]
        inside += ["link set eth0 up"]
        if IPV4 in self.families:
            inside += [f"route add default via {numbers.pod(1)}"]
        if IPV6 in self.families:
            inside += [f"route add default via {numbers.pod_v6(1)}"]
        outside = [
            f"link add {port} mtu {mtu} type veth peer name eth0 mtu {mtu} netns {full}",
            f"link set {port} master cni0",
            f"link set {port} type bridge_slave hairpin on",
            f"link set {port} up",
        ]
        ids = "0 2147483647" if self.ping_sockets else "1 0"
        ping = f"nsenter --net=/run/netns/{full} sh -c 'echo {ids} >/proc/sys/net/ipv4/ping_group_range'\n"
        return (
            f"ip netns add {full}\n"
            + batch(f"ip -n {node}", outside)
            + batch(f"ip -n {full}", inside)
            + ping
        )

    # For faults and recordings

    def do(self, node: str, script: str) -> str:
        """Runs a shell script on a node."""
        return self.namespaces.shell(node, script)

    def lan(self, script: str) -> str:
        return self.namespaces.shell(_LAN, script)

    def flanneld_restart(self) -> None:
        """Every flanneld programs its node anew, from what ``hosts`` say now."""
        flannels = [host.flannel for host in self.hosts.values()]
        remove = "".join(
            f"ip link delete {device} 2>/dev/null || true\n"
            for device in (f"flannel.{self.vni}", f"flannel-v6.{self.vni}", "flannel.ipip", "flannel-wg")
        )
        self.namespaces.shells(
            {
                host.name: remove
                + "ip route flush root 10.244.0.0/16 scope global\n"
                + host.flannel.devices()
                + host.flannel.peers(flannels)
                for host in self.hosts.values()
            }
        )

    # What the API would say

    def node_objects(self) -> list[dict[str, Any]]:
        return [objects.node(host, self.families) for host in self.hosts.values()]

    def cluster_networks(self) -> list[str]:
        cidrs = [network(rack) for rack in range(self.racks)] if IPV4 in self.families else []
        if IPV6 in self.families:
            cidrs += [network_v6(rack) for rack in range(self.racks)]
        return cidrs

    # What its hosts would say

    def underlay(self) -> dict[str, dict[str, Any]]:
        """What the module node_traceroute tells of each node's routes to the others."""
        scripts = {}
        for host in self.hosts.values():
            others = [other.numbers for other in self.hosts.values() if other is not host]
            addresses = [numbers.eth1 for numbers in others] if IPV4 in self.families else []
            addresses += [numbers.eth1_v6 for numbers in others] if IPV6 in self.families else []
            asked = [
                f"ip -j route get {one} 2>/dev/null || echo '[{{\"dst\": \"{one}\", \"error\": \"no route\"}}]'\n"
                for one in addresses
            ]
            scripts[host.name] = "".join(["ip -j link show\n", *asked])
        told = {}
        for name, text in self.namespaces.shells(scripts).items():
            links, *routes = (json.loads(line) for line in text.splitlines() if line)
            told[name] = nodelayer.underlay("eth1", [route for found in routes for route in found], links)
        return told

    def owner(self, address: str) -> Host | None:
        """The node whose pod network holds an address."""
        for host in self.hosts.values():
            cidr = host.numbers.pod_cidr if ":" not in address else host.numbers.pod_cidr_v6
            if ipaddress.ip_address(address) in ipaddress.ip_network(cidr):
                return host
        return None
