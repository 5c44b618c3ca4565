# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long planning, judging and diagnosing takes for a large cluster, and how much memory: no packet is sent.

    python tests/scale/many_pairs.py         as a table in Markdown, each size in a process of its own
    python tests/scale/many_pairs.py 1000    what measure returns for that size; with a case as second argument: that

Every trace is parsed once as busybox prints it, and made again when it is judged. Cases: FEW, one node is dead, and one
more lies behind an MTU hole; LOST, the tunnel is filtered between all nodes; HOLES, all lie behind MTU holes; ALL,
Flannel took the wrong address on every node, so that every pair across nodes fails.
"""

from __future__ import annotations

import functools
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "collections"))

from ansible_collections.podpath.kubeadm.plugins.module_utils import (
    diagnosis,
    observation,
    paths,
    plan,
    preflight,
    result,
    topology,
    trace,
    verdict,
)

ECHOES = observation.Echoes(3, 3, (0.1, 0.2, 0.3), (62,))
NO_ECHOES = observation.Echoes(3, 0)
LARGE_LOST = observation.FullSize(1450, 3, 0)
SIZES = (100, 300, 1000)
DEAD = "n00001"
HOLE = "n00002"
FEW, LOST, HOLES, ALL = CASES = ("few", "lost", "holes", "all")


def node(index: int, case: str = FEW) -> dict[str, Any]:
    """A Node object of a cluster with Flannel's vxlan."""
    address = f"172.16.{index // 250}.{index % 250 + 1}"
    public = "10.0.2.15" if case == ALL else address
    name = f"n{index:05d}"
    flannel = "flannel.alpha.coreos.com/"
    return {
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name},
            "annotations": {f"{flannel}backend-type": "vxlan", f"{flannel}public-ip": public},
        },
        "spec": {"podCIDR": f"10.{index // 256}.{index % 256}.0/24"},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def printed(target: str, hops: list[str | None]) -> str:
    """What busybox prints for these hops."""
    lines = [f"traceroute to {target} ({target}), 5 hops max, 46 byte packets"]
    for ttl, hop in enumerate(hops, 1):
        lines.append(f"{ttl:2d}  {hop}  0.050 ms  0.040 ms" if hop else f"{ttl:2d}  *  *")
    return "\n".join(lines)


@functools.cache
def hop(ttl: int, address: str | None) -> trace.Hop:
    return trace.Hop(ttl, (trace.Reply(address, 0.05), trace.Reply(address, 0.04)) if address else (trace.Reply(),) * 2)


class Seen(Mapping[plan.Leg, observation.Observation]):
    """What is seen of each pair, made when it is asked for, so that not all is held at once."""

    def __init__(
        self, found: paths.Paths, legs: plan.Plan, pods: Mapping[tuple[str, str], str], case: str = FEW
    ) -> None:
        self._found, self._legs, self._pods, self._case = found, legs, pods, case

    def _is_dead(self, leg: plan.Leg) -> bool:
        return self._case == LOST or (self._case == FEW and DEAD in leg[:2])

    def _is_hole(self, leg: plan.Leg) -> bool:
        return self._case == HOLES or (self._case == FEW and HOLE in leg[:2])

    def hops(self, leg: plan.Leg) -> list[str | None]:
        hops: list[str | None] = [hop.addresses[0] for hop in self._found.expected(*leg).hops]
        return [hops[0], None, None, None, None] if self._is_dead(leg) and len(hops) > 1 else hops

    def __getitem__(self, leg: plan.Leg) -> observation.Observation:
        hops = tuple(hop(ttl, address) for ttl, address in enumerate(self.hops(leg), 1))
        seen = trace.Trace(self._pods[leg[1:]], 5, hops)
        crosses = leg.source != leg.destination
        large = LARGE_LOST if self._is_hole(leg) and crosses and not self._is_dead(leg) else None
        echoes = NO_ECHOES if self._is_dead(leg) else ECHOES
        return observation.Observation(seen, echoes=echoes if crosses else None, full_size=large)

    def __iter__(self) -> Iterator[plan.Leg]:
        return iter(self._legs)

    def __len__(self) -> int:
        return len(self._legs)


def measure(size: int, case: str = FEW) -> dict[str, Any]:
    """A mesh of ``size`` nodes: seconds of processor time by step, pairs, peak of memory (MiB), and what was found."""
    seconds: dict[str, float] = {}

    def step(name: str, begin: float) -> float:
        now = time.process_time()
        seconds[name] = round(now - begin, 2)
        return now

    now = time.process_time()
    nodes = topology.parse_nodes(node(index, case) for index in range(size))
    networks = topology.parse_networks(["172.16.0.0/12"])
    findings = preflight.check(nodes, networks)
    now = step("preflight", now)
    legs = plan.choose(plan.Wanted(name=plan.MESH), nodes)
    method = plan.Method()
    for source in nodes:
        plan.schedule(source, [(name, "ipv4") for name in nodes], method)
    now = step("plan", now)
    pods = {(name, "ipv4"): own.side("ipv4").bridge_ip + "7" for name, own in nodes.items()}
    found = paths.Paths(nodes, pods=pods)
    seen = Seen(found, legs, pods, case)
    for leg in legs:
        trace.parse(printed(pods[leg.destination, "ipv4"], seen.hops(leg)))
    now = step("parse", now)
    record = verdict.Record(nodes, found, seen, findings, pods)
    tally = result.Tally(nodes)
    for judged in verdict.judge(legs, record):
        tally.add(judged)
    now = step("judge", now)
    diagnoses = diagnosis.diagnose(diagnosis.Evidence(nodes, tally, findings))
    result.nodes(nodes, tally, ("ipv4",), diagnosis.blamed(diagnoses))
    step("diagnose", now)
    return {
        "nodes": size,
        "pairs": len(legs),
        "seconds": seconds,
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "summary": tally.counts,
        "diagnosis": [(one.fault, topology.listed(one.nodes, 1), len(one.legs)) for one in diagnoses],
    }


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]), *sys.argv[2:])))
        return
    print("## Planning, verdicts and diagnosis\n")
    print("All pairs of a cluster in which one node is dead and one lies behind an MTU hole. Every trace is parsed")
    print("once, as busybox prints it. Seconds are of one core.\n")
    table([(size, FEW) for size in SIZES])
    print("\nWhere every pair across nodes fails, a pair takes a bit here: with the tunnel filtered between all nodes,")
    print("with all of them behind MTU holes, and with Flannel's wrong address on all of them. What a run has traced")
    print("it holds besides, about 1.5 kB for a pair, which is not in here; so large a cluster is proved by samples.\n")
    table([(SIZES[-1], case) for case in (LOST, HOLES, ALL)])


def table(measured: list[tuple[int, str]]) -> None:
    """Sizes and cases as a table in Markdown."""
    steps = ("preflight", "plan", "parse", "judge", "diagnose")
    print("| nodes | pairs | " + " | ".join(steps) + " | peak memory | found |")
    print("|---" * (len(steps) + 4) + "|")
    for size, case in measured:
        ran = subprocess.run([sys.executable, __file__, str(size), case], check=True, capture_output=True, text=True)
        print(line(json.loads(ran.stdout)), flush=True)


def line(row: Mapping[str, Any]) -> str:
    seconds = " | ".join(f"{value:.2f} s" for value in row["seconds"].values())
    found = ", ".join(f"{fault} ({nodes}: {pairs:,} pairs)" for fault, nodes, pairs in row["diagnosis"])
    return f"| {row['nodes']:,} | {row['pairs']:,} | {seconds} | {row['peak_mib']} MiB | {found} |"


if __name__ == "__main__":
    main()
