# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records what traceroute prints in every world, for the unit tests of the parser and of the signatures.

Run as root: .venv/bin/python tests/netlab/record.py [NAME ...]. It writes, per fault and dialect,
tests/unit/data/traceroute/netlab/NAME.DIALECT.txt, the output as it came. The pair is node-1 to node-2
(10.244.1.0/24, 10.244.2.0/24), or node-1 to itself.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[2] / "collections")]

import faults  # noqa: E402
import namespaces  # noqa: E402
import programs  # noqa: E402
from flannel import IPV4, IPV6  # noqa: E402
from world import Unsupported, World  # noqa: E402

TARGET = Path(__file__).resolve().parents[1] / "unit" / "data" / "traceroute" / "netlab"
S, D = "node-1", "node-2"
Fault = Callable[[World], AbstractContextManager[None]]

# name -> (what the world is, the fault, the pair's ends)
HEALTHY: Fault = lambda world: nullcontext()  # noqa: E731
RECORDINGS: dict[str, tuple[dict, Fault, tuple[str, str]]] = {
    "vxlan": ({}, HEALTHY, (S, D)),
    "same_node": ({}, HEALTHY, (S, S)),
    "host_gw": ({"backend": "host-gw"}, HEALTHY, (S, D)),
    "direct_on_link": ({"direct_routing": True}, HEALTHY, (S, D)),
    "direct_off_link": ({"direct_routing": True, "racks": 2}, HEALTHY, (S, D)),
    "vxlan_v6": ({"families": (IPV4, IPV6)}, HEALTHY, (S, D)),
    "host_gw_v6": ({"families": (IPV4, IPV6), "backend": "host-gw"}, HEALTHY, (S, D)),
    "udp": ({"backend": "udp"}, HEALTHY, (S, D)),
    "nat_interface": ({}, faults.nat_interface, (S, D)),
    "others_address": ({}, lambda world: faults.others_address(world, D, "controlplane"), (S, D)),
    "wrong_interface": ({}, faults.wrong_interface, (S, D)),
    "wrong_interface_host_gw": ({"backend": "host-gw"}, faults.wrong_interface, (S, D)),
    "route_missing": ({}, lambda world: faults.route_missing(world, S, D), (S, D)),
    "sent_astray": ({}, lambda world: faults.sent_astray(world, S, D), (S, D)),
    "refused_astray": ({}, lambda world: faults.sent_astray(world, S, D, refused=True), (S, D)),
    "own_route_missing": ({}, lambda world: faults.own_route_missing(world, D), (S, D)),
    "neighbour_missing": ({}, lambda world: faults.neighbour_missing(world, S, D), (S, D)),
    "fdb_missing": ({}, lambda world: faults.forwarding_entry_missing(world, S, D), (S, D)),
    "fdb_missing_way_back": ({}, lambda world: faults.forwarding_entry_missing(world, D, S), (S, D)),
    "vxlan_blocked": ({}, lambda world: faults.vxlan_blocked(world, D), (S, D)),
    "source_forwarding_off": ({}, lambda world: faults.forwarding_off(world, S), (S, D)),
    "dest_forwarding_off": ({}, lambda world: faults.forwarding_off(world, D), (S, D)),
    "forward_dropped": ({}, lambda world: faults.forward_dropped(world, D), (S, D)),
    "forward_rejected": ({}, lambda world: faults.forward_rejected(world, D), (S, D)),
    "forward_prohibited": ({}, lambda world: faults.forward_prohibited(world, D), (S, D)),
    "masqueraded": ({}, lambda world: faults.masqueraded(world, S), (S, D)),
    "second_card_there": ({"backend": "host-gw"}, lambda world: faults.routed_by_second_card(world, S, D), (S, D)),
    "second_card_back": ({"backend": "host-gw"}, lambda world: faults.routed_by_second_card(world, D, S), (S, D)),
    "answers_limited": ({}, lambda world: faults.answers_limited(world, D), (S, D)),
    "errors_dropped": ({}, lambda world: faults.errors_dropped(world, D), (S, D)),
    "errors_dropped_at_source": ({}, lambda world: faults.errors_dropped(world, S), (S, D)),
    "large_lost": ({}, lambda world: faults.large_lost(world, D), (S, D)),
    "lossy": ({}, lambda world: faults.lossy(world, D, 50), (S, D)),
    "mtu_hole": ({}, lambda world: faults.mtu_hole(world, D), (S, D)),
    "pod_gone": ({}, lambda world: faults.pod_gone(world, D), (S, D)),
    "routed_on_node": ({}, lambda world: faults.routed_on_node(world, S), (S, S)),
    "bridge_address": ({}, lambda world: faults.bridge_address(world, S), (S, D)),
    "detour": ({"backend": "host-gw"}, lambda world: faults.detour(world, S, D, "controlplane"), (S, D)),
    "same_node_pod_gone": ({}, lambda world: faults.pod_gone(world, S), (S, S)),
}


def _pod(world: World, role: str, node: str) -> tuple[str, list[str]]:
    host = world.hosts[node]
    number, name = host.take(), f"{node}-{role}"
    subprocess.run(["sh", "-eu"], input=world.pod_script(host, name, number), text=True, check=True)
    for callback in world.on_pod:
        callback(role, node, name)
    return name, world.pod_addresses(host, number)


def _traces(found: programs.Tools, address: str) -> dict[str, str]:
    options = "-n -q 2 -w 1 -m 5"
    busybox = f"{found.image}/bin/busybox traceroute{'6' if ':' in address else ''}"
    return {
        "busybox": f"{busybox} {options} -p 33434 {address} 2>&1 || true",
        "butskoy": f"{found.butskoy} {options} -p 33534 {address} 2>&1 || true",
        "butskoy-icmp": f"{found.butskoy} -I {options} {address} 2>&1 || true",
        "busybox-large": f"{busybox} {options} -p 33634 {address} {1450 if ':' not in address else 1410} 2>&1 || true",
        "busybox-ping": f"{found.image}/bin/busybox ping -c 3 -W 1 {address} 2>&1 || true",
        "busybox-ping-large": f"{found.image}/bin/busybox ping -c 3 -W 1 -s 1422 {address} 2>&1 || true",
    }


def record(found: programs.Tools, name: str) -> None:
    made, fault, (source, destination) = RECORDINGS[name]
    with World(found, **made) as world, fault(world):
        if name == "route_missing":
            world.do(source, "ip route del default")
        _peer, addresses = _pod(world, "peer", destination)
        commands = _traces(found, addresses[-1])
        # a pod for each, as the kernel counts the answers it gives to one address
        probers = {_pod(world, f"prober-{dialect}", source)[0]: command for dialect, command in commands.items()}
        TARGET.mkdir(parents=True, exist_ok=True)
        for dialect, text in zip(commands, world.namespaces.shells(probers).values(), strict=True):
            (TARGET / f"{name}.{dialect}.txt").write_text(text)


def main() -> None:
    namespaces.sweep()
    found = programs.find()
    for name in sys.argv[1:] or RECORDINGS:
        try:
            record(found, name)
        except Unsupported as error:
            print(f"{name}: {error}")


if __name__ == "__main__":
    main()
