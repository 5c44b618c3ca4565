# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's own routes, asked by a pod on the host's network with ``ip``, busybox's or iproute2's.

Pure: the script, and what comes out of its output, in the form that underlay.parse_hosts takes.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

# ip needs no privilege to look. Busybox's prints no JSON, nor the MTU that a route itself may set.
SCRIPT = r"""
ip addr
for address; do
  echo "=route $address"
  case $address in *:*) ip -6 route get "$address" ;; *) ip route get "$address" ;; esac 2>&1
done
echo "=done"
"""

_LINK = re.compile(r"^\d+: ([^:@\s]+)(?:@\S+)?: .*\bmtu (\d+)")
_ADDRESS = re.compile(r"^\s+inet6? ([0-9a-fA-F.:]+)")


def command(addresses: Sequence[str]) -> list[str]:
    return ["sh", "-c", 'eval "$PODPATH_ROUTES"', "podpath", *addresses]


def _route(address: str, lines: Sequence[str]) -> dict[str, Any]:
    """One answer of ``ip route get`` as ``ip -j`` would give it; what is no route is an error."""
    words = " ".join(lines).split()
    found = dict(itertools.pairwise(words))
    if "dev" not in found or words[0] in ("unreachable", "blackhole", "prohibit"):
        said = " ".join(words).removeprefix("ip: ").removeprefix("RTNETLINK answers: ")
        return {"dst": address, "error": said or "ip printed nothing"}
    route = {"dst": address, "dev": found["dev"]}
    for name, key in (("src", "prefsrc"), ("via", "gateway")):
        if name in found:
            route[key] = found[name]
    if found.get("mtu", "").isdecimal():
        route["metrics"] = [{"mtu": int(found["mtu"])}]
    return route


def _cards(lines: Sequence[str], own: Mapping[str, Sequence[str]]) -> tuple[dict[str, str], dict[str, int]]:
    """By family the device that carries the node's own addresses, and the MTUs of all devices.

    Where several devices do, nobody can tell which is meant, so that it is empty.
    """
    device = ""
    mtus = {}
    carriers: dict[str, set[str]] = {family: set() for family in own}
    for line in lines:
        link, address = _LINK.match(line), _ADDRESS.match(line)
        if link:
            device = link[1]
            mtus[device] = int(link[2])
        elif address:
            for family, addresses in own.items():
                if address[1] in addresses:
                    carriers[family].add(device)
    return {family: found.pop() if len(found) == 1 else "" for family, found in carriers.items()}, mtus


def read(output: str, own: Mapping[str, Sequence[str]]) -> tuple[dict[str, Any] | None, str]:
    """What a node told, or None and why that is not known. ``own``: the node's own addresses by family."""
    head, *rest = re.split(r"^=route ", output, flags=re.MULTILINE)
    if "=done" not in output.splitlines():
        return None, f"ip could not be run to its end: {' '.join(output.split())[:200] or 'it printed nothing'}"
    interfaces, mtus = _cards(head.splitlines(), own)
    routes = []
    for told in rest:
        address, *lines = told.splitlines()
        routes.append(_route(address, [line for line in lines if line != "=done"]))
    if not mtus:
        return None, f"ip told of no interface: {' '.join(output.split())[:200]}"
    met = {*interfaces.values(), *(route.get("dev", "") for route in routes)}
    return {
        "interfaces": interfaces,
        "mtus": {name: mtu for name, mtu in mtus.items() if name in met or name.startswith("flannel")},
        "routes": routes,
    }, ""
