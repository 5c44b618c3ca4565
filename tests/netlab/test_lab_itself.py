# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab itself: nothing is left behind, however it ends; a fault is undone; nothing goes out by the NAT card."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import faults
import namespaces
import programs
import pytest
from prove import prove
from world import World

HERE = Path(__file__).parent

_HELD = f"""
import sys
sys.path[:0] = {[str(HERE), str(HERE.parents[1] / "collections")]!r}
import programs
from cluster import NetlabCluster
from world import World
world = World(programs.find(), nodes=2).__enter__()
spec = {{"nodeSelector": {{"kubernetes.io/hostname": "node-1"}},
        "containers": [{{"image": "busybox", "command": ["sh", "-c", "sleep 600"]}}]}}
template = {{"metadata": {{"labels": {{"run": "x"}}}}, "spec": spec}}
manifest = {{"kind": "Job", "metadata": {{"name": "held"}}, "spec": {{"template": template}}}}
cluster = NetlabCluster(world)
cluster.create("default", manifest)
while cluster.list_pods("default", "run=x")[0]["status"]["phase"] != "Running":
    pass
print(world.namespaces.run, *(pod.container.pid for pod in cluster._pods.values()), flush=True)
sys.stdin.read()
"""


def test_what_a_killed_run_left_is_removed_by_the_next(lab_tools: programs.Tools) -> None:
    killed = subprocess.Popen(
        [sys.executable, "-c", _HELD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    run, pod = killed.stdout.readline().split()
    try:
        assert namespaces.existing(f"{run}-")
        assert run not in namespaces.sweep(), "a run that lives was taken for a leftover"
    finally:
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
    assert namespaces.existing(f"{run}-")
    assert run in namespaces.sweep()
    assert not namespaces.existing(f"{run}-")
    # of a process that has ended and waits to be reaped, nothing but its number is left
    command = Path("/proc", pod, "cmdline")
    assert not command.exists() or not command.read_bytes()
    assert not list(namespaces.STATE.glob(f"{run}*"))


def test_a_world_that_fails_leaves_nothing(lab_tools: programs.Tools) -> None:
    world = World(lab_tools, nodes=2)
    world.hosts["node-1"].flannel.public_ip = "no address"
    with pytest.raises(namespaces.NetlabError, match="any valid address"):
        world.__enter__()
    assert not namespaces.existing(f"{world.namespaces.run}-")


def test_a_fault_is_undone(lab_tools: programs.Tools) -> None:
    with World(lab_tools) as world:
        before = _state(world)
        for fault in (
            faults.nat_interface(world),
            faults.others_address(world, "node-2", "controlplane"),
            faults.route_missing(world, "node-1", "node-2"),
            faults.neighbour_missing(world, "node-1", "node-2"),
            faults.forwarding_entry_missing(world, "node-1", "node-2"),
            faults.underlay_astray(world, "node-1", "node-2"),
            faults.underlay_gone(world, "node-1"),
            faults.underlay_small(world, "node-1"),
            faults.forwarding_off(world, "node-1"),
            faults.forward_dropped(world, "node-1"),
            faults.masqueraded(world, "node-1"),
            faults.mtu_hole(world, "node-1"),
            faults.answers_limited(world, "node-1"),
        ):
            with fault:
                assert _state(world) != before
            assert _state(world) == before


def _state(world: World) -> dict[str, str]:
    look = (
        "ip route; ip -o link | sed 's/^[0-9]*: //; s/@.*mtu/ mtu/' | sort; ip -o neigh show nud permanent | sort;"
        "bridge fdb show dev flannel.1 | sort; nft list ruleset; cat /proc/sys/net/ipv4/ip_forward;"
        "sysctl -a 2>/dev/null | grep -E 'ipv4.icmp_(msgs|ratelimit)'; true"
    )
    ports = world.lan("ip -o link | grep -o 'e1-.* mtu [0-9]*'")
    return {"lan": ports, **{name: world.do(name, look) for name in world.hosts}}


def test_nothing_goes_out_by_the_nat_card(lab_tools: programs.Tools) -> None:
    with World(lab_tools) as world:
        count = "nft -f - <<'END'\ntable netdev nat {\nchain out {\n" \
            'type filter hook egress device "eth0" priority 0;\nmeta protocol ip counter\n}\n}\nEND\n'
        world.namespaces.shells(dict.fromkeys(world.hosts, count))
        assert prove(world)["verdict"] == "pass"
        for name in world.hosts:
            assert "counter packets 0 bytes 0" in world.do(name, "nft list table netdev nat")


_FLOWS = """nft -f - <<'END'
table inet flows {
  set ports { type inet_service; flags dynamic; }
  chain out { type filter hook output priority 0; udp dport 8472 add @ports { udp sport }; }
}
END
"""


def test_echoes_are_one_flow_a_trace_of_busybox_is_another_and_each_probe_of_debians(lab_tools: programs.Tools) -> None:
    """What the documentation says of several ways between the nodes, as the port that VXLAN sends from chooses one."""
    busybox = f"{lab_tools.image}/bin/busybox"
    with World(lab_tools, nodes=2) as world:
        near, far = world.hosts["controlplane"], world.hosts["node-1"]
        for host in (near, far):
            world.do(host.name, world.pod_script(host, f"flows-{host.numbers.index}", 9))
        address = far.numbers.pod(9)

        def ports(command: str) -> set[str]:
            world.do(near.name, _FLOWS)
            world.namespaces.shell(f"flows-{near.numbers.index}", command)
            told = world.do(near.name, "nft -j list set inet flows ports; nft delete table inet flows")
            found = next(entry["set"] for entry in json.loads(told)["nftables"] if "set" in entry)
            return set(found["elem"])

        # each ping has an identifier of its own
        pings = [f"{busybox} ping -c 1 -W 1 -s {size} {address}" for size in (56, 56, 56, 1400)]
        assert len(ports("\n".join(pings))) == 1
        assert len(ports(f"{busybox} traceroute -n -q 6 -w 1 -f 3 -m 3 {address}")) == 1
        assert len(ports(f"{lab_tools.butskoy} -n -q 6 -w 1 -f 3 -m 3 {address}")) > 2


def test_it_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(programs.Missing, match="needs root: sudo -E make netlab"):
        programs.find()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    # not PATH, by which the scenarios that run beside this test find theirs
    monkeypatch.setattr(programs, "shutil", SimpleNamespace(which=lambda name: None))
    with pytest.raises(programs.Missing, match=r"needs the packages .*iproute2, .*nftables"):
        programs.find()
