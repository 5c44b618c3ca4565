# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports by cluster size: seconds, memory and file sizes, and how long Chromium takes until the page is drawn.

Each size runs in a process of its own, so that its peak of memory is its own; the
generated result is part of it. With a size as argument: that one alone.
"""

from __future__ import annotations

import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "collections"), str(ROOT / "tests" / "unit"), str(ROOT / "tests" / "browser")]
SIZES = (3, 10, 30, 100, 300, 1000)
# above this the generated result leaves out pairs that pass, as the module does
WHOLE = 300
DEFAULTS = yaml.safe_load((ROOT / "roles" / "node_paths" / "defaults" / "main.yml").read_text())
MOST_PEERS = DEFAULTS["node_paths_max_peers"]


def generated(size: int, samples) -> dict:
    """A mesh of all pairs in which everything to the last node fails."""
    if size <= WHOLE:
        return samples.result(size, fault=samples.POLICY)
    bad = size - 1
    document = samples.sparse(size, 0, fault=samples.POLICY)
    failing = [samples._pair(source, bad, "vxlan", samples.POLICY, bad) for source in range(bad)]
    counts = {"pass": size * size - bad, "fail": bad, "inconclusive": 0}
    told = [
        (samples.node_name(s), samples.node_name(d), "fail" if d == bad and s != bad else "pass")
        for s in range(size)
        for d in range(size)
    ]
    nodes = samples._nodes(size, "vxlan", samples.POLICY, told)
    return {
        **document,
        "pairs": failing,
        "summary": counts,
        "verdict": "fail",
        "nodes": nodes,
        "coverage": {**document["coverage"], "tried": size * size},
    }


def timed(work: Callable[[], object]) -> tuple[float, object]:
    begin = time.perf_counter()
    made = work()
    return time.perf_counter() - begin, made


def drawn(page: str) -> float | None:
    """Seconds until Chromium has drawn the page; None where there is none."""
    import chromium

    program = chromium.program()
    if not program:
        return None
    with tempfile.TemporaryDirectory() as directory, chromium.started(program) as browser:
        file = Path(directory, "paths.html")
        file.write_text(page)
        tab = browser.new_page()
        begin = time.perf_counter()
        tab.goto(file.as_uri())
        tab.wait_for_selector("html[data-ready=yes]", timeout=120_000)
        return time.perf_counter() - begin


def measure(size: int) -> dict:
    import report_samples as samples

    from ansible_collections.podpath.kubeadm.plugins.filter import paths

    document = generated(size, samples)
    layer = samples.node_results(size, MOST_PEERS)
    joined, built = timed(lambda: paths.path_report(document, layer))
    told = [len(built["pods"]["pairs"]), len(built["nodes"]["paths"])]
    row = {"nodes": size, "pairs": size * size, "told": told, "join": joined}
    for name in ("table", "json", "junit", "markdown", "html"):
        row[name], made = timed(lambda name=name: getattr(paths, f"path_{name}")(built))
        row[f"{name}_size"] = len("\n".join(made).encode() if isinstance(made, list) else made.encode())
        if name == "junit":
            row["cases"] = made.count("<testcase")
        if name == "json":
            row["gzip_size"] = len(gzip.compress(made.encode()))
    row["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row["drawn"] = drawn(made)
    return row


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]))))
        return
    print("## Reports\n")
    print("A mesh in which nothing reaches the pods of the last node. Above 300 nodes the result leaves out pairs that")
    print(f"pass, as the module does. Each host looks at {MOST_PEERS} others at most, as node_paths does by default.")
    print("HTML includes loading Jinja2, and Chromium's time its first page.\n")
    print(
        "| nodes | pairs | pairs, host paths told in full | join | table | JSON | JUnit | Markdown | HTML | "
        "peak memory | JSON file (gzip) | JUnit cases, file | HTML file | drawn in Chromium |"
    )
    print("|---" * 14 + "|")
    for size in SIZES:
        ran = subprocess.run([sys.executable, __file__, str(size)], check=True, capture_output=True, text=True)
        row = json.loads(ran.stdout)
        seconds = " | ".join(f"{row[name]:.2f} s" for name in ("join", "table", "json", "junit", "markdown", "html"))
        page = f"{row['drawn']:.1f} s" if row["drawn"] is not None else "no Chromium here"
        print(
            f"| {size:,} | {row['pairs']:,} | {row['told'][0]:,}, {row['told'][1]:,} | {seconds} | "
            f"{row['memory']:.0f} MiB | {row['json_size'] / 1e6:.2f} MB ({row['gzip_size'] / 1e6:.2f}) | "
            f"{row['cases']:,}, {row['junit_size'] / 1e6:.2f} MB | "
            f"{row['html_size'] / 1e6:.2f} MB | {page} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
