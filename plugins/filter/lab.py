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


def lab_problems(nodes: list[dict], cidr: str, mirror: str, backend: str) -> list[str]:
    """What keeps the hosts of an inventory from becoming a lab's machines, as sentences.

    nodes: as lab_nodes gives them, the address being ansible_host. cidr: the host-only network.
    """
    try:
        network = ipaddress.ip_network(cidr)
    except ValueError as error:
        return [f"lab_cidr is {cidr}, which is no network: {error}."]
    taken = {mirror: "the lab's mirror", nth_address(cidr, 1): "this machine"}
    problems = []
    for node in nodes:
        name, address = node["name"], str(node.get("address") or "")
        if node["suite"] not in SUITES:
            problems.append(f"{name} has lab_node_suite {node['suite']}; the lab knows {' and '.join(SUITES)}.")
        try:
            inside = ipaddress.ip_address(address) in network
        except ValueError:
            problems.append(f"{name} has ansible_host {address or 'unset'}; the lab needs its address in {cidr} there.")
            continue
        if not inside:
            problems.append(f"{name} has ansible_host {address}, which is outside of the lab's network {cidr}.")
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
    """Give each machine its image, whose name may hold {suite}, and the name of its port at the lab's bridge.

    A port has 10 characters, other ones in each lab: the kernel allows 15 for a network card, and all labs' ports share
    one namespace.
    """
    ports = (hashlib.sha256(f"{lab_name}/{machine['name']}".encode()).hexdigest()[:8] for machine in machines)
    return [{**machine, "image": machine["image"].format(suite=machine.get("suite")), "port": f"pp{port}"}
            for machine, port in zip(machines, ports, strict=True)]


class FilterModule:
    def filters(self) -> dict[str, object]:
        return {
            "discovery_caches": discovery_caches,
            "first_url_host": first_url_host,
            "free_gib": free_gib,
            "go_requirements": go_requirements,
            "lab_machines": lab_machines,
            "lab_nodes": lab_nodes,
            "lab_problems": lab_problems,
            "networks_in_use": networks_in_use,
            "nth_address": nth_address,
        }
