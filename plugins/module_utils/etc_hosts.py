# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/etc/hosts: the lines of the cluster's nodes, other lines of the same names, and who else writes it. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Collection, Mapping
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


def _in_block(text: str, marker: str) -> list[tuple[str, bool]]:
    """Each line, and whether it lies in the block between `marker` with BEGIN and with END; those two are left out."""
    begin, end = (marker.replace("{mark}", mark) for mark in ("BEGIN", "END"))
    found = []
    inside = False
    for line in text.splitlines():
        if line.strip() in (begin, end):
            inside = line.strip() == begin
        else:
            found.append((line, inside))
    return found


def remembered(text: str, names: Collection[str], marker: str) -> dict[str, dict[str, Any]]:
    """What the block of an earlier run says of the nodes `names`, in the form that `block` takes."""
    found: dict[str, list[str]] = {}
    for line, inside in _in_block(text, marker):
        address, *words = line.split() or [""]
        if inside and words and words[0] in names:
            found.setdefault(words[0], []).append(address)
    return {name: {"address": addresses[0], "addresses": addresses} for name, addresses in found.items()}


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
    found: list[Line] = []
    for raw, inside in _in_block(text, marker):
        address, *names = raw.split("#")[0].split() or [""]
        named = sorted({owners[name.lower()] for name in names if name.lower() in owners})
        named = [node for node in named if address not in _addresses(nodes[node])]
        if inside or not named:
            continue
        spare = not any(name.startswith(("localhost", "ip6-")) for name in names)
        found.append(Line(raw, address, named, _is_loopback(address), spare))
    return [asdict(line) for line in found]


# what cloud-init takes for yes, and writes the whole file from its template then
_WHOLE = ("true", "1", "on", "yes", "template")
_SETTING = re.compile(r"(/[^:]+):\s*[\"']?manage_etc_hosts[\"']?\s*:\s*[\"']?(\w+)")


def _precedence(path: str) -> tuple[int, str]:
    """Of cloud-init's files the later has the last word: its own, the provider's, the user's."""
    own = ("/etc/cloud/cloud.cfg", "/etc/cloud/cloud.cfg.d/")
    name = path.rsplit("/", 1)[1]
    return 0 if path == own[0] else 1 if path.startswith(own[1]) else 2 if name.startswith("vendor") else 3, name


def cloud_init_warning(said: str, host: str, loopback_lines: str) -> str:
    """What cloud-init undoes at each boot, by what grep found of manage_etc_hosts in its files; empty for nothing.

    Kubernetes goes by addresses and works without /etc/hosts, so this is told and not refused.
    """
    found = [setting.groups() for line in said.splitlines() if (setting := _SETTING.match(line))]
    # within one file the last line counts, which sorting leaves at its place
    path, value = (sorted(found, key=lambda setting: _precedence(setting[0])) or [("", "")])[-1]
    whole = value.lower() in _WHOLE
    if not whole and not (value.lower() == "localhost" and loopback_lines == "comment"):
        return ""
    lost = (
        "writes /etc/hosts anew at each boot, and the names of the cluster's nodes are gone until the next run"
        if whole
        else "adds the loopback line of the host's name again at each boot"
    )
    return (
        f"{host}: cloud-init {lost}, as {path} has manage_etc_hosts: {value}. Set manage_etc_hosts to false there, and "
        "in the user data of the machine if it comes from it."
    )
