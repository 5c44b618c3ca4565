# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/etc/hosts: the lines of the cluster's nodes, and what other lines say of the same names. Pure."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


def _addresses(node: Mapping[str, Any]) -> list[str]:
    return [str(address) for address in node.get("addresses") or [node["address"]]]


def names_of(nodes: Mapping[str, Any]) -> dict[str, list[str]]:
    """{node: its name, and the part of it before the first dot where that means no other node}."""
    short = Counter(name.split(".")[0] for name in nodes)
    result = {}
    for name in sorted(nodes):
        first = name.split(".")[0]
        alias = [first] if first != name and first not in nodes and short[first] == 1 else []
        result[name] = [name, *alias]
    return result


def block(nodes: Mapping[str, Any]) -> str:
    """The lines for {name: {address, addresses}}: each address of each node with its names."""
    names = names_of(nodes)
    return "".join(f"{address} {' '.join(names[node])}\n" for node in names for address in _addresses(nodes[node]))


@dataclass(frozen=True)
class Line:
    """A line of /etc/hosts that gives a node another address than its own."""

    text: str
    address: str
    # the nodes that it names
    nodes: list[str]
    loopback: bool
    # whether it may go without taking localhost away
    spare: bool


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def other_lines(text: str, nodes: Mapping[str, Any], marker: str) -> list[dict[str, Any]]:
    """Lines outside of the block between `marker` with BEGIN and with END that give nodes other addresses."""
    owners = {name: node for node, names in names_of(nodes).items() for name in names}
    begin, end = (marker.replace("{mark}", mark) for mark in ("BEGIN", "END"))
    found: list[Line] = []
    inside = False
    for raw in text.splitlines():
        line = raw.strip()
        if line in (begin, end):
            inside = line == begin
            continue
        address, *names = line.split("#")[0].split() or [""]
        named = sorted({owners[name.lower()] for name in names if name.lower() in owners})
        named = [node for node in named if address not in _addresses(nodes[node])]
        if inside or not named:
            continue
        spare = not any(name.startswith(("localhost", "ip6-")) for name in names)
        found.append(Line(raw, address, named, _is_loopback(address), spare))
    return [asdict(line) for line in found]
