#!/usr/bin/env python3
# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real clusters of 3, 6 and 9 nodes, from bare machines to the proof, and how the times grow with the nodes.

    tests/scale/real_lab.py [NODES ...]

Each is a lab of its own, made and taken down again (needs root, and the bundle of `make lab`). The machines share this
machine's cores, so what a cluster of as many real machines does at once is done one after the other here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fits import slope

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = "bench"


def inventory(directory: Path, count: int) -> None:
    """An inventory over inventory/article and inventory/lab with `count` nodes, the control plane among them."""
    names = ["controlplane", *(f"node-{number}" for number in range(1, count))]
    hosts = {name: {"ansible_host": f"192.168.78.{10 + number}"} for number, name in enumerate(names)}
    # beside article's, whose two workers are among them
    children = {"kube_node": {"hosts": dict.fromkeys(names[1:])}}
    variables = {"lab_name": NAME, "lab_cidr": "192.168.78.0/24", "node_address_cidr": "192.168.78.0/24"}
    (directory / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts, "children": children}}))
    (directory / "group_vars").mkdir()
    (directory / "group_vars" / "all.yml").write_text(json.dumps(variables))


def play(playbook: str, directory: Path) -> float:
    """Seconds that a playbook takes; it must succeed."""
    began = time.monotonic()
    ran = subprocess.run(
        ["ansible-playbook", "-i", "inventory/article", "-i", "inventory/lab", "-i", str(directory), playbook],
        cwd=REPOSITORY, check=False, capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(f"{playbook} failed:\n{ran.stdout[-5000:]}{ran.stderr[-2000:]}")
    return time.monotonic() - began


def measure(count: int) -> dict[str, float]:
    """Seconds by stage for a cluster of so many nodes."""
    with tempfile.TemporaryDirectory(prefix="podpath-bench-") as temporary:
        directory = Path(temporary)
        inventory(directory, count)
        play("playbooks/lab_down.yml", directory)
        try:
            play("playbooks/lab.yml", directory)
            seconds = {"site.yml": play("site.yml", directory), "again": play("site.yml", directory)}
            # the first pulls the image
            play("playbooks/verify_paths.yml", directory)
            seconds["verify_paths.yml"] = play("playbooks/verify_paths.yml", directory)
            listed = subprocess.run(
                ["ansible", "-i", "inventory/article", "-i", "inventory/lab", "-i", str(directory), "controlplane",
                 "-m", "ansible.builtin.debug", "-a", "msg={{ pod_paths_output }}"],
                cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
            paths = json.loads(Path(listed.split("msg:")[1].strip()).read_text())["pods"]
        finally:
            play("playbooks/lab_down.yml", directory)
    assert len(paths["pairs"]) == count * count, len(paths["pairs"])
    assert {pair["verdict"] for pair in paths["pairs"]} == {"pass"}
    return seconds | {"of it the pods' paths": paths["run"]["seconds"]}


def main() -> None:
    counts = [int(argument) for argument in sys.argv[1:]] or [3, 6, 9]
    print("## Real clusters\n")
    print("Labs of `make lab`, each made for its measurement. All machines share this machine's cores, so what as many")
    print("real ones do at once is done one after the other here. The proof traces all pairs. The fit is a line by")
    print("least squares.\n")
    rows: dict[int, dict[str, float]] = {}
    for count in counts:
        rows[count] = measure(count)
        if len(rows) == 1:
            print(f"| nodes | pairs | {' | '.join(rows[count])} |\n|---|---|{'---|' * len(rows[count])}")
        cells = " | ".join(f"{value:.1f} s" for value in rows[count].values())
        print(f"| {count} | {count * count} | {cells} |", flush=True)
    if len(rows) > 1:
        fits = [slope({count: row[stage] for count, row in rows.items()}) for stage in rows[counts[0]]]
        print(f"| fit | | {' | '.join(f'{base:.1f} s + {each:.1f} s per node' for base, each in fits)} |")


if __name__ == "__main__":
    main()
