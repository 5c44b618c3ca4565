#!/usr/bin/python

# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_traceroute
short_description: Prove which way a host reaches the internet and the other nodes
version_added: 0.1.0
description:
  - Runs on a node and looks at the two layers of paths below the pods.
  - To the internet, the default route and the name servers must be reached by another interface than that of the
    cluster network when the host has several, and a real name must resolve.
  - To each other node, each of its node addresses must answer an ICMP echo with TTL 1, which no router forwards, and
    the route to it must go by O(interface) without a gateway. One outside of O(networks) must answer by O(interface)
    through a router, which is named.
  - It only looks, so RV(ignore:changed) is always V(false), and no verdict makes it fail; what fails is for the caller
    to decide.
options:
  host:
    description: Name of this host in the result.
    type: str
    required: true
  address:
    description: This host's own node address.
    type: str
    required: true
  other_addresses:
    description: Its node addresses of other families. Each family that the host has is looked at.
    type: list
    elements: str
    default: []
  networks:
    description: >-
      The networks of its node addresses, as CIDRs. Peers outside of them are reached through a router; without any, all
      are taken to be on the link.
    type: list
    elements: str
    default: []
  interface:
    description: Interface that carries O(address).
    type: str
    required: true
  peers:
    description: >-
      Names of the other hosts and their node addresses, one or a list with one of each family, V(null) or empty where
      not known.
    type: dict
    default: {}
  internet:
    description: Whether to look at the way to the internet at all.
    type: bool
    default: true
  internet_interface:
    description: Interface the default route must use. Empty means any but O(interface) when the host has several.
    type: str
    default: ""
  resolver_interface:
    description: Interface by which name servers must be reached. Empty means that of the default route.
    type: str
    default: ""
  lookup_name:
    description: Name to resolve.
    type: str
    default: registry.k8s.io
  timeout:
    description: Seconds to wait for an ICMP answer; silent peers are asked twice.
    type: float
    default: 1.0
  lookup_timeout:
    description: Seconds to wait for the name to resolve.
    type: float
    default: 10.0
author:
  - the podpath.kubeadm authors (@podpath)
attributes:
  check_mode:
    support: full
    description: Can run in check mode; it looks and changes nothing either way.
  diff_mode:
    support: none
    description: Will return details on what has changed when in diff mode. Nothing changes here.
notes:
  - Needs root for the raw socket, and the C(ip) command of iproute2.
seealso:
  - module: podpath.kubeadm.pod_traceroute
"""

EXAMPLES = r"""
- name: Look at the ways of this node
  podpath.kubeadm.node_traceroute:
    host: "{{ inventory_hostname }}"
    address: 192.168.56.11
    interface: eth1
    peers:
      controlplane: 192.168.56.10
      node-2: 192.168.56.12
  become: true
  register: ways
"""

RETURN = r"""
verdict:
  description: V(pass), V(fail) or V(inconclusive) over all paths.
  returned: success
  type: str
  sample: pass
summary:
  description: How many paths got each verdict.
  returned: success
  type: dict
  sample: {pass: 4, fail: 0, inconclusive: 0}
address:
  description: The host's node address, as given.
  returned: success
  type: str
  sample: 192.168.56.11
interface:
  description: Its interface, as given.
  returned: success
  type: str
  sample: eth1
underlay:
  description:
    - What the option O(podpath.kubeadm.pod_traceroute#module:underlay) takes of this node.
    - O(interface), MTUs by device (C(mtus)), and C(routes), what C(ip -j route get) says of each address of O(peers),
      or its C(dst) and the C(error).
  returned: success
  type: dict
  sample:
    interface: eth1
    mtus: {eth1: 1500, flannel.1: 1450}
    routes:
      - {dst: 192.168.56.12, dev: eth1, prefsrc: 192.168.56.11}
paths:
  description: Each path with what was expected and seen.
  returned: success
  type: list
  elements: dict
  sample:
    - source: node-1
      destination: node-2
      kind: node
      verdict: pass
      reason: One hop by eth1.
      expected: eth1 -> 192.168.56.12
      seen: eth1 -> 192.168.56.12
      rtt_ms: 0.08
      family: ipv4
"""

import ipaddress
import json
import os
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.podpath.kubeadm.plugins.module_utils import judgement, nodelayer, reach

HOSTS = "/etc/hosts"
RESOLV_CONF = "/etc/resolv.conf"
# systemd-resolved names only itself in resolv.conf; the servers it asks stand here.
RESOLVED_CONF = "/run/systemd/resolve/resolv.conf"


def nameservers(text: str) -> list[str]:
    """The IPv4 name servers of a resolv.conf."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2 or words[0] != "nameserver":
            continue
        try:
            address = ipaddress.ip_address(words[1].split("%")[0])
        except ValueError:
            continue
        if address.version == 4:
            found.append(str(address))
    return found


def configured_nameservers() -> list[str]:
    """Name servers this host asks in the end, past a local systemd-resolved."""
    servers: list[str] = []
    for path in (RESOLV_CONF, RESOLVED_CONF):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                found = nameservers(file.read())
        except OSError:
            continue
        servers = found or servers
        if any(not ipaddress.ip_address(server).is_loopback for server in servers):
            break
    return servers


def is_local(name: str, addresses: list[str]) -> bool:
    """Whether a name resolves without any name server: it stands in /etc/hosts or means this host."""
    if any(ipaddress.ip_address(address.split("%")[0]).is_loopback for address in addresses):
        return True
    try:
        with open(HOSTS, encoding="utf-8", errors="replace") as file:
            return any(name.lower() in line.split("#")[0].lower().split()[1:] for line in file)
    except OSError:
        return False


def lookup(name: str, timeout: float) -> dict[str, Any]:
    """Resolves a name as any program of this host does, but never longer than ``timeout`` seconds."""
    result: dict[str, Any] = {"name": name, "addresses": [], "rtt_ms": None, "error": f"no answer within {timeout:g} s"}

    def resolve() -> None:
        begin = time.monotonic()
        try:
            found = socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)
        except OSError as error:
            result["error"] = error.strerror or str(error)
            return
        result["rtt_ms"] = round((time.monotonic() - begin) * 1000, 3)
        result["addresses"] = sorted({entry[4][0] for entry in found})

    # The C library has no bound of its own here; the thread is a daemon and may be left behind.
    thread = threading.Thread(target=resolve, daemon=True)
    thread.start()
    thread.join(timeout)
    found = dict(result)
    return {**found, "local": is_local(name, found["addresses"])}


class Ip:
    """The ip command's JSON. Its output is what the kernel decides, which no file tells."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module
        self._command = module.get_bin_path("ip", required=True, opt_dirs=["/sbin", "/usr/sbin"])

    def _run(self, *arguments: str) -> tuple[list[dict[str, Any]], str]:
        code, out, err = self._module.run_command([self._command, "-j", *arguments])
        return ([], err.strip()) if code else (self._parsed(out, arguments), "")

    def _parsed(self, out: str, arguments: Sequence[str]) -> list[dict[str, Any]]:
        """The entries of one list, or of several, one after the other."""
        entries: list[dict[str, Any]] = []
        decoder, rest = json.JSONDecoder(), out.strip()
        try:
            while rest:
                found, end = decoder.raw_decode(rest)
                entries += found
                rest = rest[end:].lstrip()
        except (ValueError, TypeError):
            self._module.fail_json(
                msg=f"'ip -j {' '.join(arguments)}' printed no JSON; install iproute2 on this host (not busybox's ip)."
            )
        return entries

    def default_routes(self) -> list[dict[str, Any]]:
        return self._run("-4", "route", "show", "default")[0]

    def interfaces(self) -> list[dict[str, Any]]:
        return self._run("-d", "address", "show", "up")[0]

    def links(self) -> list[dict[str, Any]]:
        return self._run("link", "show")[0]

    def routes(self, addresses: Sequence[str]) -> dict[str, dict[str, Any]]:
        """By address the route to it, asked for all at once: a process for each would take seconds for 1,000 nodes."""
        asked = ("-force", "-batch", "-")
        order = "".join(f"route get {address}\n" for address in addresses)
        # what fails is asked again alone, for its error
        _code, out, _err = self._module.run_command([self._command, "-j", *asked], data=order)
        found = {route.get("dst"): route for route in self._parsed(out, asked)}
        return {address: found.get(address) or self.route(address) for address in addresses}

    def route(self, address: str) -> dict[str, Any]:
        """The route by which this host sends to an address, or the address and the error."""
        routes, error = self._run("route", "get", address)
        return {**routes[0], "dst": address} if routes else {"dst": address, "error": error or "no route was found"}


def way(route: dict[str, Any]) -> dict[str, Any]:
    """Interface and gateway of a route."""
    return {"dev": route.get("dev", ""), "gateway": route.get("gateway", ""), "error": route.get("error", "")}


def told(answer: reach.Answer) -> dict[str, Any]:
    return {"kind": answer.kind, "by": answer.by, "rtt_ms": answer.rtt_ms, "error": answer.error}


def asked(module: AnsibleModule, addresses: list[str], ttl: int, timeout: float) -> dict[str, reach.Answer]:
    """What each address answers to an echo with this TTL, asked by family."""
    answers: dict[str, reach.Answer] = {}
    for family in (4, 6):
        of = [address for address in addresses if ipaddress.ip_address(address).version == family]
        if not of:
            continue
        try:
            raw = reach.open_socket(family, ttl)
        except PermissionError:
            module.fail_json(msg="A raw socket is needed to trace to other nodes: run this module with become: true.")
        except OSError as error:
            # a kernel without IPv6
            answers |= {address: reach.Answer(reach.REFUSED, error=error.strerror or str(error)) for address in of}
            continue
        with raw:
            # no two sockets of a run share one, as each of them sees all answers
            ident = (os.getpid() * 2 + (ttl > 1)) & 0xFFFF
            answers |= reach.reach(raw, of, ident, timeout, family)
    return answers


def observe(module: AnsibleModule, params: dict[str, Any], ip: Ip, routes: dict[str, Any]) -> dict[str, Any]:
    """What ``nodelayer.judge`` judges. ``routes``: those to the peers, by address."""
    addresses = list(routes)
    observed: dict[str, Any] = {"peers": {}}
    if params["internet"]:
        observed["default_routes"] = ip.default_routes()
        observed["interfaces"] = ip.interfaces()
        observed["nameservers"] = [{"address": server, **way(ip.route(server))} for server in configured_nameservers()]
        observed["lookup"] = lookup(params["lookup_name"], params["lookup_timeout"])
    answers = asked(module, addresses, 1, params["timeout"])
    far = [address for address in addresses if not nodelayer.on_link(address, params["networks"])]
    through = asked(module, far, reach.USUAL_TTL, params["timeout"])
    for address in addresses:
        answer, taken = answers[address], way(routes[address])
        observed["peers"][address] = {**taken, **told(answer), "error": answer.error or taken["error"]}
        if address in through:
            observed["peers"][address]["through"] = told(through[address])
    return observed


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "host": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "other_addresses": {"type": "list", "elements": "str", "default": []},
            "networks": {"type": "list", "elements": "str", "default": []},
            "interface": {"type": "str", "required": True},
            "peers": {"type": "dict", "default": {}},
            "internet": {"type": "bool", "default": True},
            "internet_interface": {"type": "str", "default": ""},
            "resolver_interface": {"type": "str", "default": ""},
            "lookup_name": {"type": "str", "default": "registry.k8s.io"},
            "timeout": {"type": "float", "default": 1.0},
            "lookup_timeout": {"type": "float", "default": 10.0},
        },
        supports_check_mode=True,
    )
    params = module.params
    for name, addresses in params["peers"].items():
        for address in nodelayer.addresses_of(addresses):
            try:
                ipaddress.ip_address(address)
            except ValueError:
                module.fail_json(msg=f"peers names {address!r} as a node address of {name}, which is no address.")
    for option in ("address", "other_addresses", "networks"):
        try:
            for value in [params[option]] if option == "address" else params[option]:
                (ipaddress.ip_network if option == "networks" else ipaddress.ip_address)(value)
        except ValueError as error:
            module.fail_json(msg=f"{option}: {error}.")
    rules = nodelayer.Rules(
        interface=params["interface"],
        address=params["address"],
        others=tuple(params["other_addresses"]),
        networks=tuple(params["networks"]),
        internet=params["internet"],
        internet_interface=params["internet_interface"],
        resolver_interface=params["resolver_interface"],
    )
    ip = Ip(module)
    addresses = [address for peer in params["peers"].values() for address in nodelayer.addresses_of(peer)]
    routes = ip.routes(addresses)
    paths = nodelayer.judge(params["host"], observe(module, params, ip, routes), params["peers"], rules)
    counts = judgement.count([path["verdict"] for path in paths])
    module.exit_json(
        changed=False,
        verdict=judgement.overall(counts),
        summary=counts,
        address=params["address"],
        interface=params["interface"],
        underlay=nodelayer.underlay(params["interface"], list(routes.values()), ip.links()),
        paths=paths,
    )


if __name__ == "__main__":
    main()
