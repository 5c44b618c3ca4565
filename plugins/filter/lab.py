# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the lab's roles."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ansible.errors import AnsibleFilterError

# a requirement's line in go.mod, in a block or on its own; a `replace` line has an arrow and does not match
_GO_REQUIREMENT = re.compile(r"^\s*(?:require )?(\S+) (v\S+)(?: //.*)?$", re.MULTILINE)

# Debian's, which nodes can be made of
SUITES = ("bookworm", "trixie")

# which address of a network the lab's router has
_ROUTER = 3


def go_requirements(directory: str) -> dict[str, dict[str, str]]:
    """Read every NAME/go.mod in a directory: {NAME: {module path: version}}, direct and indirect requirements."""
    files = sorted(Path(directory).glob("*/go.mod"))
    if not files:
        raise AnsibleFilterError(f"go_requirements: there is no NAME/go.mod in {directory}")
    return {file.parent.name: dict(_GO_REQUIREMENT.findall(file.read_text(encoding="utf-8"))) for file in files}


def nth_address(cidr: str, number: int) -> str:
    """The address with that number in a network: nth_address('192.168.56.0/24', 1) is '192.168.56.1'."""
    try:
        return str(ipaddress.ip_network(cidr)[number])
    except (ValueError, IndexError) as error:
        raise AnsibleFilterError(f"nth_address: no address number {number} in {cidr!r}: {error}") from error


def first_url_host(path: str) -> str:
    """Host of the first package source in an apt file, one-line or deb822 style; empty where there is none."""
    text = Path(path).read_text(encoding="utf-8")
    found = re.search(r"^(?:URIs:|deb )[^#\n]*?https?://([^/:\s]+)", text, re.MULTILINE)
    return found.group(1) if found else ""


def lab_nodes(hosts: list[str], hostvars: Mapping[str, Mapping]) -> list[dict]:
    """What the lab has to know of its hosts: [{"name": str, "address": str or None, "suite": str}, ...]."""
    return [{"name": host, "address": hostvars[host].get("ansible_host"),
             "suite": hostvars[host].get("lab_node_suite", SUITES[0])} for host in hosts]


def _port(lab_name: str, machine: str) -> str:
    """Name of a machine's port at its bridge: 10 characters, other ones in each lab.

    The kernel allows 15 characters for a network card, and all labs' ports share one namespace.
    """
    return f"pp{hashlib.sha256(f'{lab_name}/{machine}'.encode()).hexdigest()[:8]}"


def lab_networks(bridge: str, cidr: str, cidr_ipv6: str, far_bridge: str, far_cidr: str) -> list[dict]:
    """The networks of a lab, the first one and, where there is a second one, that, with what is plugged in there.

    Each has a bridge, its cidrs, this machine's addresses in it, and the router's address and port.
    """

    def network(name: str, cidrs: list[str]) -> dict:
        def numbered(number: int) -> list[str]:
            return [f"{nth_address(one, number)}/{one.split('/')[1]}" for one in cidrs]

        return {"bridge": name, "cidrs": cidrs, "host": numbered(1), "router": numbered(_ROUTER)[0],
                "router_port": _port(name, "router")}

    near = network(bridge, [one for one in (cidr, cidr_ipv6) if one])
    return [near, network(far_bridge, [far_cidr])] if far_cidr else [near]


def lab_cards(machines: list[dict], networks: list[dict]) -> list[dict]:
    """Give each machine the bridge that its eth1 is plugged into, eth1's addresses, and its routes, as `ip` takes them.

    Its number is the same in each family: beside 192.168.56.11 of a /24, number 11, stands number 11 of the IPv6
    network. To the other networks it goes by the router.
    """
    plugged = []
    for machine in machines:
        address = ipaddress.ip_address(machine["address"])
        own = next(entry for entry in networks if address in ipaddress.ip_network(entry["cidrs"][0]))
        number = int(address) - int(ipaddress.ip_network(own["cidrs"][0]).network_address)
        plugged.append({
            **machine, "bridge": own["bridge"],
            "addresses": " ".join(f"{nth_address(cidr, number)}/{cidr.split('/')[1]}" for cidr in own["cidrs"]),
            "routes": ",".join(f"{other['cidrs'][0]} via {own['router'].split('/')[0]}"
                               for other in networks if other is not own)})
    return plugged


def _network_problems(cidr: str, far: str, ipv6: str) -> list[str]:
    problems = []
    networks = []
    for variable, text, version in (("lab_cidr", cidr, 4), ("lab_far_cidr", far, 4), ("lab_cidr_ipv6", ipv6, 6)):
        if not text and variable != "lab_cidr":
            continue
        try:
            networks.append(ipaddress.ip_network(text))
        except ValueError as error:
            problems.append(f"{variable} is {text}, which is no network: {error}.")
            continue
        if networks[-1].version != version:
            problems.append(f"{variable} is {text}; an IPv{version} network is needed there.")
    if problems:
        return problems
    if far and networks[0].overlaps(networks[1]):
        problems.append(f"lab_cidr {cidr} and lab_far_cidr {far} overlap.")
    if far and ipv6:
        problems.append("lab_far_cidr and lab_cidr_ipv6 are both set; the lab's router forwards IPv4 only. Leave one.")
    return problems


def lab_problems(nodes: list[dict], cidr: str, mirror: str, backend: str, far: str = "", ipv6: str = "") -> list[str]:
    """What keeps the hosts of an inventory from becoming a lab's machines, as sentences.

    nodes: as lab_nodes gives them, the address being ansible_host. cidr: the host-only network,
    far: the second one, ipv6: that of IPv6 beside the first one, both empty where there is none.
    """
    if problems := _network_problems(cidr, far, ipv6):
        return problems
    networks = [ipaddress.ip_network(text) for text in (cidr, far) if text]
    taken = {mirror: "the lab's mirror"}
    for network in networks:
        taken[str(network[1])] = "this machine"
        if far:
            taken[str(network[_ROUTER])] = "the lab's router"
    where = " or ".join(map(str, networks))
    for node in nodes:
        name, address = node["name"], str(node.get("address") or "")
        if node["suite"] not in SUITES:
            problems.append(f"{name} has lab_node_suite {node['suite']}; the lab knows {' and '.join(SUITES)}.")
        try:
            inside = any(ipaddress.ip_address(address) in network for network in networks)
        except ValueError:
            found = address or "unset"
            problems.append(f"{name} has ansible_host {found}; the lab needs its address in {where} there.")
            continue
        if not inside:
            problems.append(f"{name} has ansible_host {address}, which is outside of the lab's network {where}.")
        elif address in taken:
            problems.append(f"{name} has ansible_host {address}, which is the address of {taken[address]}.")
        taken[address] = name
    if backend not in ("vxlan", "host-gw"):
        problems.append(f"flannel_backend is {backend}; the lab knows vxlan and host-gw.")
    return problems


def networks_in_use(networks: list[str], addresses: list[str]) -> list[str]:
    """Those of the networks in which one of the addresses lies; what is no IPv4 address is passed over."""
    used = set()
    for text in addresses:
        try:
            address = ipaddress.IPv4Address(text)
        except ValueError:
            continue
        used |= {network for network in networks if address in ipaddress.ip_network(network)}
    return [network for network in networks if network in used]


def discovery_caches(addresses: list[str]) -> list[str]:
    """Files in which kubernetes.core noted what the API servers at these addresses can do.

    It names them after the server and whoever is logged in, and keeps them in the directory for temporary files for
    good (module_utils/client/discovery.py there).
    """
    users = ["", f"-{os.getuid()}"]
    with contextlib.suppress(OSError):
        users.append(f"-{os.getlogin()}")
    names = (f"https://{address}:6443{user}" for address in addresses for user in users)
    files = (Path(tempfile.gettempdir(), f"k8srcp-{hashlib.sha256(name.encode()).hexdigest()}.json") for name in names)
    return [str(file) for file in files if file.exists()]


def free_gib(path: str) -> float:
    """Free space, in GiB, where a path lies or would lie."""
    place = Path(path)
    while not place.exists():
        place = place.parent
    return round(shutil.disk_usage(place).free / 2**30, 1)


def lab_machines(machines: list[dict], lab_name: str) -> list[dict]:
    """Give each machine its image, whose name may hold {suite}, and the name of its port at the lab's bridge."""
    return [{**machine, "image": machine["image"].format(suite=machine.get("suite")),
             "port": _port(lab_name, machine["name"])} for machine in machines]


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {
            "discovery_caches": discovery_caches,
            "first_url_host": first_url_host,
            "free_gib": free_gib,
            "go_requirements": go_requirements,
            "lab_cards": lab_cards,
            "lab_machines": lab_machines,
            "lab_nodes": lab_nodes,
            "lab_networks": lab_networks,
            "lab_problems": lab_problems,
            "networks_in_use": networks_in_use,
            "nth_address": nth_address,
        }
