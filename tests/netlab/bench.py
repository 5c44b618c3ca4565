# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the time of a whole proof grows with the nodes: a table in Markdown.

Run as root: .venv/bin/python tests/netlab/bench.py [NODES ...] (3 10 30 60 without any). For each size a sample of so
many pairs per node (4), which touches every node in both directions, and up to --mesh nodes (10) all pairs. All time is
real: pods start, and packets are forwarded by this machine's kernel; the API alone is a stand-in, so its latency is not
in here.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "collections"), str(ROOT / "tests" / "scale")]

import fits  # noqa: E402
import namespaces  # noqa: E402
import programs  # noqa: E402
from prove import prove  # noqa: E402
from world import World  # noqa: E402

from ansible_collections.podpath.kubeadm.plugins.module_utils import plan  # noqa: E402

SIZES = [3, 10, 30, 60]
_HEAD = (
    "nodes", "plan", "pairs tried", "of possible", "pass", "world s", "start s", "probe s", "remove s", "proof s",
    "ms per pair", "API requests",
)

_INTRODUCTION = """\
## Proofs with real packets

Nodes are network namespaces of one machine, whose kernel forwards the packets of all of them: where there are more
nodes than cores they wait for each other, which hosts of their own do not. The API is a stand-in without latency. A
sample touches every node in both directions; the columns say how much it covers.
"""
_API = """
## Load on the API

The last column above counts every request of a run. None is made for a pair. Nodes and Flannel's pods are listed once;
a node takes one create for its prober, one for its peer and one exec; the run's pods are listed until they are
ready, once when all were heard, and until they are gone, so that these lists grow with the time that takes. There is no
watch.
`tests/unit/test_prober.py` asserts that more pairs make no more requests.
"""


def row(tools: programs.Tools, nodes: int, per_node: int | None) -> tuple[float, float, list[str]]:
    """Seconds of the proof and of its pods' start, and its line."""
    wanted = plan.Wanted(name="mesh")
    if per_node:
        wanted = plan.Wanted(name="sample", sample_size=min(nodes * per_node, nodes * nodes), seed=1)
    began = time.monotonic()
    with World(tools, nodes=nodes) as world:
        built = time.monotonic() - began
        began = time.monotonic()
        document = prove(world, wanted=wanted, wait_timeout=300)
        took = time.monotonic() - began
    coverage, timings = document["coverage"], document["timings"]
    return took, timings["start"], [
        str(nodes),
        f"{per_node} per node" if per_node else "all pairs",
        str(coverage["tried"]),
        str(coverage["possible"]),
        str(document["summary"]["pass"]),
        f"{built:.1f}",
        *(f"{timings[stage]:.1f}" for stage in ("start", "probe", "remove")),
        f"{took:.1f}",
        f"{1000 * took / max(1, coverage['tried']):.0f}",
        ", ".join(f"{verb} {count}" for verb, count in sorted(document["requests"].items())),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Times of whole proofs in network namespaces.")
    parser.add_argument("nodes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--mesh", type=int, default=10, metavar="NODES", help="all pairs up to so many nodes")
    parser.add_argument("--per-node", type=int, default=4, metavar="PAIRS", help="pairs per node of a sample")
    asked = parser.parse_args()
    try:
        tools = programs.find()
    except programs.Missing as error:
        sys.exit(str(error))
    namespaces.sweep()
    print(_INTRODUCTION)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.0f} at the start.\n")
    print("| " + " | ".join(_HEAD) + " |\n|" + "---|" * len(_HEAD))
    taken: dict[int, tuple[float, int]] = {}
    starts: dict[int, float] = {}
    for nodes in asked.nodes:
        for per_node in (asked.per_node, None) if nodes <= asked.mesh else (asked.per_node,):
            took, start, line = row(tools, nodes, per_node)
            if per_node:
                taken[nodes], starts[nodes] = (took, int(line[2])), start
            print("| " + " | ".join(line) + " |", flush=True)
    if len(taken) > 1:
        print(f"\n{fits.growth(taken)}\n\n{fits.limit(starts, os.cpu_count() or 1)}")
    print(_API)


if __name__ == "__main__":
    main()
