# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two layers of paths below pods, judged from what a host observed: host to internet, and host to host.

Pure. Observations are plain dicts of one host (see ``judge``); addresses are of IPv4 or IPv6 in text form.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.judgement import FAIL, INCONCLUSIVE, PASS

# Interfaces that software on the host makes; they are no way out of it.
_MADE_KINDS = ("vxlan", "dummy", "ipip", "wireguard", "geneve", "gre", "sit", "ifb", "nlmon")
_MADE_NAMES = ("cni", "flannel", "docker", "podman", "virbr", "kube-", "cbr", "nodelocaldns", "cali", "cilium", "tunl")


@dataclass(frozen=True)
class Rules:
    """What is wanted. ``interface``: that of the cluster network. Empty names: worked out from the host itself.

    ``address`` is the host's primary one, ``others`` those of other families, and ``networks`` (CIDRs) what is on its
    link; a peer outside of them is reached through a router. Without any, every peer is taken to be on the link.
    """

    interface: str
    address: str
    others: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    internet: bool = True
    internet_interface: str = ""
    resolver_interface: str = ""


def ways_out(interfaces: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the interfaces that can carry traffic out of the host, from ``ip -j -d address``."""
    names = []
    for entry in interfaces:
        name = entry.get("ifname", "")
        kind = (entry.get("linkinfo") or {}).get("info_kind", "")
        if "LOOPBACK" in entry.get("flags", ()) or kind in _MADE_KINDS or name.startswith(_MADE_NAMES):
            continue
        addresses = entry.get("addr_info") or []
        if any(item.get("family") == "inet" and item.get("scope") == "global" for item in addresses):
            names.append(name)
    return names


def default_route(routes: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The default route that the kernel prefers: the lowest metric, the first of equals."""
    return min(routes, key=lambda route: route.get("metric") or 0, default=None)


def _row(source: str, destination: str, kind: str, verdict: str, reason: str, **more: Any) -> dict[str, Any]:
    row = {"source": source, "destination": destination, "kind": kind, "verdict": verdict, "reason": reason}
    return {**row, "expected": "", "seen": "", "rtt_ms": None, **more}


def judge_internet(host: str, observed: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """The default route: on a host with several interfaces it must not be that of the cluster network."""
    route = default_route(observed.get("default_routes") or [])
    several = len(set(ways_out(observed.get("interfaces") or [])) | {rules.interface}) > 1
    if rules.internet_interface:
        expected = f"default route by {rules.internet_interface}"
    elif several:
        expected = f"default route not by {rules.interface}"
    else:
        expected = f"default route by {rules.interface}"
    if route is None or not route.get("dev"):
        reason = (
            f"Host {host} has no default route, so it cannot reach the internet; set one, or node_paths_internet to "
            "false where that is meant."
        )
        return _row(host, "internet", "internet", FAIL, reason, expected=expected, seen="no default route")
    dev = route["dev"]
    seen = f"{dev} via {route['gateway']}" if route.get("gateway") else dev
    if rules.internet_interface and dev != rules.internet_interface:
        reason = (
            f"The default route of {host} goes by {dev}, but node_paths_internet_interface is "
            f"{rules.internet_interface}."
        )
        return _row(host, "internet", "internet", FAIL, reason, expected=expected, seen=seen)
    if not rules.internet_interface and several and dev == rules.interface:
        reason = (
            f"The default route of {host} goes by {dev}, the interface of the cluster network, although the host has "
            f"others; if that is meant, set node_paths_internet_interface to {dev}."
        )
        return _row(host, "internet", "internet", FAIL, reason, expected=expected, seen=seen)
    reason = f"The default route goes by {dev}."
    if dev == rules.interface and not several:
        reason = f"The host has one interface, {dev}, for everything."
    return _row(host, "internet", "internet", PASS, reason, expected=expected, seen=seen)


def judge_resolver(host: str, observed: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """Name resolution: a real name resolves, and the name servers are reached by the interface of the default route."""
    lookup = observed.get("lookup") or {}
    name = lookup.get("name", "")
    route = default_route(observed.get("default_routes") or []) or {}
    wanted = rules.resolver_interface or rules.internet_interface or route.get("dev") or rules.interface
    expected = f"{name} resolves by {wanted}"
    servers = observed.get("nameservers") or []
    used = [server for server in servers if server.get("dev") and server["dev"] != "lo"]
    by = ", ".join(f"{server['dev']} {server['address']}" for server in used)
    if not by:
        by = ", ".join(server.get("address", "") for server in servers) or "no name server"
    common: dict[str, Any] = {"expected": expected, "seen": by, "rtt_ms": lookup.get("rtt_ms")}
    if not lookup.get("addresses"):
        reason = (
            f"Host {host} cannot resolve {name} (node_paths_lookup_name): {lookup.get('error') or 'no answer'}; its "
            f"name servers are {by}."
        )
        return _row(host, "names", "resolver", FAIL, reason, **common)
    if lookup.get("local"):
        reason = (
            f"Host {host} knows {name} (node_paths_lookup_name) from its own /etc/hosts, so no name server was asked; "
            "choose a name that does not stand there."
        )
        return _row(host, "names", "resolver", INCONCLUSIVE, reason, **common)
    astray = [server for server in used if server["dev"] != wanted]
    if astray:
        first = astray[0]
        reason = (
            f"Host {host} asks name server {first['address']} by {first['dev']}, expected {wanted}; if that is meant, "
            f"set node_paths_resolver_interface to {first['dev']}."
        )
        return _row(host, "names", "resolver", FAIL, reason, **common)
    if not used:
        reason = (
            f"{name} resolves, but by {by}, whose own way out is not known here; to have it proved, name a server in "
            "/etc/resolv.conf that is reached by an interface."
        )
        return _row(host, "names", "resolver", INCONCLUSIVE, reason, **common)
    return _row(
        host, "names", "resolver", PASS, f"{name} resolves, and every name server is reached by {wanted}.", **common
    )


def family_of(address: str) -> str:
    return f"ipv{ipaddress.ip_address(address).version}"


def on_link(address: str, networks: Sequence[str]) -> bool:
    """Whether an address lies in one of the networks of this host; without any nobody knows better."""
    own = [ipaddress.ip_network(network) for network in networks]
    return not own or any(ipaddress.ip_address(address) in network for network in own)


def judge_peer(
    host: str, peer: str, address: str | None, seen: Mapping[str, Any] | None, rules: Rules, family: str
) -> dict[str, Any]:
    """One other node: its node address answers a packet that no router may forward, by the cluster interface.

    One in another network answers through a router of the cluster network, which names itself.
    """
    routed = bool(address) and not on_link(str(address), rules.networks)
    expected = f"{rules.interface}{' via a router' if routed else ''} -> {address}" if address else "unknown address"
    if not address or seen is None:
        reason = f"The {family} node address of {peer} is not known, as nothing came from that host."
        return _row(host, peer, "node", INCONCLUSIVE, reason, expected=expected, family=family)
    dev, gateway = seen.get("dev") or "", seen.get("gateway") or ""
    way = f"{dev or 'no route'}{f' via {gateway}' if gateway else ''}"
    routed = routed and bool(gateway)
    answer = (seen.get("through") or {}) if routed else seen
    common: dict[str, Any] = {
        "expected": expected,
        "seen": f"{way} -> {answer.get('by') or '*'}",
        "rtt_ms": answer.get("rtt_ms"),
        "family": family,
    }

    def fail(reason: str) -> dict[str, Any]:
        return _row(host, peer, "node", FAIL, reason, **common)

    if address in (rules.address, *rules.others):
        return fail(f"{host} and {peer} have the same node address {address}.")
    if not dev:
        return fail(f"Host {host} has no route to {address} of {peer}: {seen.get('error') or 'none found'}.")
    if dev != rules.interface:
        return fail(
            f"Host {host} sends to {address} of {peer} by {dev}, expected {rules.interface}; look at its routes."
        )
    if routed:
        # the echo with TTL 1 comes back from the router, and one with a usual TTL from the node
        if answer.get("kind") == "reply" and answer.get("by") == address:
            reason = f"By {rules.interface} through router {seen.get('by') or gateway}, as it lies in another network."
            return _row(host, peer, "node", PASS, reason, **common)
        told = answer.get("error") or f"{answer.get('by') or 'nobody'} answered"
        return fail(
            f"{address} of {peer} does not answer {host} by {rules.interface} and router {gateway} ({told}): look at "
            f"the router, at the way back on {peer}, and at firewalls that drop ICMP echo."
        )
    if gateway:
        return fail(
            f"Host {host} sends to {address} of {peer} via router {gateway}, expected one hop on {rules.interface}."
        )
    kind = seen.get("kind")
    if kind == "reply" and seen.get("by") == address:
        return _row(host, peer, "node", PASS, f"One hop by {rules.interface}.", **common)
    if kind == "reply":
        return fail(f"Host {host} asked {address} of {peer}, but {seen.get('by')} answered.")
    if kind == "router":
        return fail(f"From {host} to {address} of {peer} it is more than one hop: router {seen.get('by')} is between.")
    if kind == "unreachable":
        told = seen.get("error") or f"{seen.get('by')} says so"
        return fail(f"From {host} nothing reaches {address} of {peer} by {rules.interface}: {told}.")
    return fail(
        f"{address} of {peer} does not answer {host} by {rules.interface}: the host is down, or a firewall drops ICMP "
        "echo."
    )


def addresses_of(peer: str | Sequence[str] | None) -> list[str]:
    """The addresses of a peer, which may be one, several or none."""
    return ([peer] if peer else []) if isinstance(peer, str) or peer is None else [str(item) for item in peer]


def nearest(host: str, hosts: Sequence[str], most: int) -> list[str]:
    """The other hosts, or the ``most`` that follow this one in the order of names, where the last leads to the first.

    So each host is looked at by as many as it looks at, and the work grows with the hosts and not with their square.
    """
    names = sorted({*hosts, host})
    at = names.index(host)
    return sorted([*names[at + 1:], *names[:at]][:max(0, most)])


def underlay(
    interface: str, routes: Sequence[Mapping[str, Any]], links: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What pod_traceroute's underlay takes of one host: its routes to the other nodes, and the MTUs that they meet.

    ``routes``: answers of ``ip -j route get``; ``links``: those of ``ip -j link show``, many of which are pods'.
    """
    met = {interface, *(route.get("dev", "") for route in routes)}
    mtus = {
        link["ifname"]: link["mtu"]
        for link in links
        if link.get("mtu") and (link["ifname"] in met or link["ifname"].startswith("flannel"))
    }
    return {"interface": interface, "mtus": mtus, "routes": list(routes)}


def judge(
    host: str, observed: Mapping[str, Any], peers: Mapping[str, str | Sequence[str] | None], rules: Rules
) -> list[dict[str, Any]]:
    """All rows of one host, for each peer one of each family that the host itself has.

    ``observed``: default_routes (of ``ip -j route show default``), interfaces (of ``ip -j -d address``), nameservers
    ([{address, dev, gateway}]), lookup ({name, addresses, rtt_ms, error, local}) and peers (address -> {dev, gateway,
    kind, by, rtt_ms, error, through}), where ``through`` tells of an echo that routers may forward, {kind, by, rtt_ms,
    error}. ``peers``: other hosts and their node addresses, None where not known.
    """
    rows = []
    if rules.internet:
        rows += [judge_internet(host, observed, rules), judge_resolver(host, observed, rules)]
    seen = observed.get("peers") or {}
    families = [family_of(address) for address in (rules.address, *rules.others)]
    for peer, addresses in peers.items():
        of = {family_of(address): address for address in addresses_of(addresses)}
        for family in families:
            address = of.get(family)
            rows.append(judge_peer(host, peer, address, seen.get(address) if address else None, rules, family))
    return rows
