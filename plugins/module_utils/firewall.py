# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node must let through its firewall, and whether a list of rules does. Pure.

Each tool's rules are read into Rule (firewall_ufw, firewall_firewalld, firewall_nftables); what is judged is the same
for all. A rule that is not understood never counts as one that lets something in.
"""

from __future__ import annotations

import fnmatch
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Ports = tuple[int, int]

ALL, PART, NONE = "all", "part", "none"

# what flanneld listens on, by backend; the second of wireguard is for IPv6
_BACKEND_PORTS = {"vxlan": ["8472"], "wireguard": ["51820", "51821"]}
# wider ranges are judged as a whole
_SINGLY = 16


class FirewallError(ValueError):
    """A port, a network or a tool's answer that cannot be read. The text says which."""


def network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise FirewallError(f"{text!r} is no network or address") from error


def ports(text: str) -> Ports:
    """A port or a range of ports: 6443, 2379-2380, 2379:2380."""
    first, _, last = str(text).replace(":", "-").partition("-")
    try:
        found = int(first), int(last or first)
    except ValueError:
        found = (0, 0)
    if not 0 < found[0] <= found[1] < 65536:
        raise FirewallError(f"{text!r} is no port or range of ports such as 6443 or 30000-32767")
    return found


@dataclass(frozen=True)
class Rule:
    """One rule of a firewall. None stands for any. `where` names it to a person."""

    accept: bool
    protocols: frozenset[str] | None = None
    ports: tuple[Ports, ...] | None = None
    sources: tuple[Network, ...] | None = None
    destinations: tuple[Network, ...] | None = None
    interfaces: tuple[str, ...] | None = None
    # it has further conditions, which were not read: it may match or not
    partly: bool = False
    where: str = ""


@dataclass(frozen=True)
class Packet:
    """The first packet of what must get through: from all of a network, to all of one, at one port or at any."""

    protocol: str | None
    ports: Ports | None
    source: Network
    destination: Network | None
    # by which it comes in, empty if that is not known
    interface: str = ""


def networks_cover(having: Iterable[Network] | None, wanted: Network | None) -> str:
    if having is None:
        return ALL
    same = [net for net in having if wanted is None or net.version == wanted.version]
    if wanted is None:
        return ALL if any(net.prefixlen == 0 for net in same) else PART if same else NONE
    if any(wanted.subnet_of(net) for net in same):
        return ALL
    return PART if any(wanted.overlaps(net) for net in same) else NONE


def ports_cover(having: Iterable[Ports] | None, wanted: Ports | None) -> str:
    if having is None:
        return ALL
    if wanted is None:
        return PART
    found = list(having)
    if any(low <= wanted[0] and wanted[1] <= high for low, high in found):
        return ALL
    return PART if any(low <= wanted[1] and wanted[0] <= high for low, high in found) else NONE


def protocols_cover(having: frozenset[str] | None, wanted: str | None) -> str:
    if having is None:
        return ALL
    if wanted is None:
        return PART
    return ALL if wanted in having else NONE


def interfaces_cover(having: Iterable[str] | None, wanted: str) -> str:
    if having is None:
        return ALL
    if not wanted:
        # what passes between machines never comes in by the loopback
        return PART if set(having) - {"lo"} else NONE
    return ALL if any(fnmatch.fnmatchcase(wanted, name) for name in having) else NONE


def together(covers: Iterable[str]) -> str:
    found = set(covers)
    return NONE if NONE in found else PART if PART in found else ALL


def cover(rule: Rule, packet: Packet) -> str:
    """How much of what the packet stands for the rule matches."""
    return together(
        [
            PART if rule.partly else ALL,
            protocols_cover(rule.protocols, packet.protocol),
            ports_cover(rule.ports, packet.ports),
            networks_cover(rule.sources, packet.source),
            networks_cover(rule.destinations, packet.destination),
            interfaces_cover(rule.interfaces, packet.interface),
        ]
    )


def blocked(rules: Iterable[Rule], packet: Packet, *, default_accept: bool, default: str) -> str:
    """What stops the packet, in order of the rules; empty if it gets through."""
    for rule in rules:
        matched = cover(rule, packet)
        if rule.accept and matched == ALL:
            return ""
        # Of a rule that was not read in full nobody knows that it stops this packet; and one that bans a part of the
        # world is no obstacle to what is open for all of it.
        wide = any(net is not None and net.prefixlen == 0 for net in (packet.source, packet.destination))
        if not rule.accept and (matched == ALL or (matched == PART and not rule.partly and not wide)):
            return rule.where
    return "" if default_accept else default


def _need(
    hook: str,
    why: str,
    *,
    port: str = "",
    protocol: str = "",
    sources: Sequence[str] = (),
    open_for: Sequence[str] = (),
    destinations: Sequence[str] = (),
    interface: str = "",
) -> dict[str, Any]:
    return {
        "hook": hook,
        "port": port,
        "protocol": protocol,
        "sources": list(sources),
        "interface": interface,
        "open_for": list(open_for or sources),
        "destinations": list(destinations),
        "why": why,
    }


def needs(
    *,
    control_plane: bool,
    addresses: Sequence[str],
    interface: str,
    node_addresses: Sequence[str],
    control_plane_addresses: Sequence[str],
    node_sources: Sequence[str],
    api_sources: Sequence[str],
    node_port_sources: Sequence[str],
    pod_cidr: str,
    backend: str,
    extra_ports: Sequence[Mapping[str, Any]],
    api_port: int = 6443,
) -> list[dict[str, Any]]:
    """What must get into this host and through it.

    `sources` is what is judged: the other nodes' addresses, so that an operator's own narrow rules count. `open_for` is
    what is opened where something is missing: networks, so that a node that comes later is let in, too.
    Ports that only the host itself talks to (10257, 10259, 10248) are no need, as no firewall stops the loopback.
    """
    own = list(addresses)
    versions = {network(a).version for a in own}

    def usable(texts: Iterable[str]) -> list[str]:
        flat = [part.strip() for text in texts for part in text.split(",") if part.strip()]
        return [text for text in dict.fromkeys(flat) if network(text).version in versions]

    pods = usable([pod_cidr])
    nodes = [a for a in usable(node_addresses) if a not in own]
    masters = [a for a in usable(control_plane_addresses) if a not in own]
    opened = usable(node_sources)
    found = []

    def from_nodes(port: str, protocol: str, why: str, sources: list[str], open_for: list[str]) -> None:
        if sources:
            found.append(
                _need(
                    "input",
                    why,
                    port=port,
                    protocol=protocol,
                    sources=sources,
                    open_for=open_for,
                    destinations=own,
                    interface=interface,
                )
            )

    def from_pods(port: str, why: str) -> None:
        found.append(_need("input", why, port=port, protocol="tcp", sources=pods, destinations=own, interface="cni0"))

    if control_plane:
        from_nodes(str(api_port), "tcp", "the API server, for the other nodes", nodes, opened)
        if api := usable(api_sources):
            found.append(
                _need(
                    "input",
                    "the API server, for this controller and administrators",
                    port=str(api_port),
                    protocol="tcp",
                    sources=api,
                    destinations=own,
                    interface=interface,
                )
            )
        from_pods(str(api_port), "the API server, for this host's own pods")
        # one etcd alone talks to nobody but the API server beside it
        from_nodes("2379-2380", "tcp", "etcd, for the other control planes", masters, opened)
    from_nodes("10250", "tcp", "the kubelet: logs, exec, metrics", nodes, opened)
    from_pods("10250", "the kubelet, for metrics that pods of this host collect")
    for port in _BACKEND_PORTS.get(backend, []):
        from_nodes(port, "udp", f"Flannel's {backend}: all pod traffic between nodes", nodes, opened)
    for extra in extra_ports:
        found.append(
            _need(
                "input",
                extra.get("why") or "firewall_extra_ports",
                port=str(extra["port"]),
                protocol=extra.get("protocol") or "tcp",
                destinations=own,
                sources=usable(extra.get("sources") or ["0.0.0.0/0", "::/0"]),
            )
        )
    # A Service's port is translated before a firewall sees the packet, which is then one that is forwarded to a pod.
    outside = usable(node_port_sources)
    for pods_network in pods:
        version = network(pods_network).version
        found.append(
            _need(
                "forward",
                "what pods send, to other nodes and to the internet",
                sources=[pods_network],
                destinations=["0.0.0.0/0" if version == 4 else "::/0"],
            )
        )
        for senders, opened_for, why in (
            (nodes, opened, "what other nodes send to pods: webhooks, probes, Services"),
            (outside, outside, "NodePorts, by firewall_node_port_sources"),
        ):
            sources = [s for s in senders if network(s).version == version]
            if sources:
                found.append(
                    _need(
                        "forward",
                        why,
                        sources=sources,
                        destinations=[pods_network],
                        open_for=[s for s in opened_for if network(s).version == version],
                    )
                )
    for need in found:
        if need["port"]:
            ports(need["port"])
    return found


def packets(need: Mapping[str, Any], source: str) -> list[Packet]:
    """What has to get through for one source of a need. A few ports are taken one by one, as rules may be."""
    wanted: list[Ports | None] = [None]
    if need["port"]:
        low, high = ports(need["port"])
        wanted = [(port, port) for port in range(low, high + 1)] if high - low < _SINGLY else [(low, high)]
    origin = network(source)
    targets = [net for net in map(network, need["destinations"]) if net.version == origin.version]
    return [
        Packet(need["protocol"] or None, port, origin, target, need["interface"])
        for port in wanted
        for target in targets or [None]
    ]


def what(need: Mapping[str, Any]) -> str:
    """A need in words, without its reason."""
    sources = ", ".join(need["sources"])
    if need["hook"] == "input":
        return f"{need['port']}/{need['protocol']} from {sources}"
    target = need["destinations"][0]
    return f"forwarding from {sources} to {'anywhere' if network(target).prefixlen == 0 else target}"


def sentence(need: Mapping[str, Any], host: str) -> str:
    """What is missing, for a person."""
    verb = "forward" if need["hook"] == "forward" else "let in"
    return (
        f"{host}: {need['tool']} does not {verb} {what(need).removeprefix('forwarding ')}: "
        f"{need['why']}. It is stopped by {'; '.join(need['stopped_by'])}."
    )


def missing(tool: str, needs_: Iterable[Mapping[str, Any]], judge: Any) -> list[dict[str, Any]]:
    """The needs that `judge(hook, packet)`, which gives what stops a packet or nothing, does not let through.

    Of each only the sources that are stopped are kept; `stopped_by` tells what stops them.
    """
    found = []
    for need in needs_:
        stops = {
            source: [stop for packet in packets(need, source) if (stop := judge(need["hook"], packet))]
            for source in need["sources"]
        }
        if sources := [source for source, stop in stops.items() if stop]:
            by = list(dict.fromkeys(stop for stopped in stops.values() for stop in stopped))
            open_for = [
                net
                for net in need["open_for"]
                if any(networks_cover([network(net)], network(source)) == ALL for source in sources)
            ]
            # an address outside of every network that was named is opened by itself
            covered = [network(net) for net in open_for]
            open_for += [s for s in sources if networks_cover(covered, network(s)) != ALL]
            found.append({**need, "tool": tool, "sources": sources, "open_for": open_for, "stopped_by": by})
    return found
