# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tools/bench-proof judges, with an ansible that returns results made here. tests/infra runs it with a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "bench-proof"
ANSIBLE = """#!{python}
import json, pathlib, sys
here = pathlib.Path(__file__).parent
asked = json.loads(sys.argv[-1])
(here / "asked.json").write_text(sys.argv[-1])
results = json.loads((here / "results.json").read_text())
if results:
    pathlib.Path(asked["output_path"]).write_text(json.dumps(results.pop(0)))
    (here / "results.json").write_text(json.dumps(results))
else:
    sys.exit("The kubeconfig is not there.")
"""


def result(seconds: float, change=None) -> dict:
    pairs = []
    for source in ("node-1", "node-2"):
        for destination in ("node-1", "node-2"):
            evidence = {name: {"observed": True} for name in ("echoes", "full_size", "arrival", "tcp")}
            evidence["underlay"] = {"observed": source != destination}
            pairs.append({"source": {"node": source}, "destination": {"node": destination}, "evidence": evidence})
    told = {
        "verdict": "pass", "msg": "4 of 4 pairs pass.", "pairs": pairs, "coverage": {"tried": 4},
        "timings": {"start": 2.0, "probe": 3.0, "remove": 1.0}, "run": {"seconds": seconds},
        "services": [{"source": node, "connected": True} for node in ("node-1", "node-2")],
    }
    if change:
        change(told)
    return told


@pytest.fixture
def bench(tmp_path):
    ansible = tmp_path / "ansible"
    ansible.write_text(ANSIBLE.format(python=sys.executable))
    ansible.chmod(0o755)

    def run(*results: dict, runs: str | None = None) -> subprocess.CompletedProcess:
        (tmp_path / "results.json").write_text(json.dumps(results))
        return subprocess.run(
            [sys.executable, TOOL, "/kubeconfig", "192.168.56.0/24", *([runs] if runs else [])], check=False,
            capture_output=True, text=True, env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})

    return run


@pytest.mark.parametrize(("seconds", "code"), [((30, 5, 9.9, 20), 0), ((5, 5, 10.0, 20), 3), ((5, 11, 12, 5), 3)])
def test_the_median_of_the_runs_that_count_is_judged_and_the_worst_is_told(bench, seconds, code):
    ran = bench(*(result(one) for one in seconds))
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert f"worst {max(seconds[1:]):.2f} s" in ran.stdout
    assert f"judged: the module's median, {sorted(seconds[1:])[1]:.2f} s" in ran.stdout


def test_all_evidence_is_asked_for(bench, tmp_path):
    assert bench(result(5), result(5), runs="1").returncode == 0
    asked = json.loads((tmp_path / "asked.json").read_text())
    assert (asked["underlay_probe"], asked["cluster_networks"]) == (True, ["192.168.56.0/24"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: told["services"][1].update(connected=False), "no connection to the Service from node-2"),
        (lambda told: told["services"].clear(), "no connection to the Service from node-1"),
        (lambda told: told["pairs"][1]["evidence"]["underlay"].update(observed=False), "underlay not observed"),
        (lambda told: told["pairs"][0]["evidence"]["tcp"].update(observed=False), "tcp not observed"),
        (lambda told: told.update(verdict="fail", msg="1 of 4 pairs fails."), "1 of 4 pairs fails."),
    ],
)
def test_a_run_without_all_evidence_is_none(bench, change, said):
    ran = bench(result(5), result(5, change), runs="1")
    assert (ran.returncode, said in ran.stderr) == (1, True), ran.stderr


def test_no_result_is_told_with_what_ansible_said(bench):
    ran = bench()
    assert (ran.returncode, "The kubeconfig is not there." in ran.stderr) == (1, True)


@pytest.mark.parametrize(("given", "said"), [
    ([], "tools/bench-proof KUBECONFIG CLUSTER_NETWORK [RUNS]"), (["/kubeconfig"], "CLUSTER_NETWORK [RUNS]"),
    (["/kubeconfig", "192.168.56.0/24", "many"], "RUNS is many"),
    (["/kubeconfig", "192.168.56.0/24", "0"], "RUNS is 0")])
def test_what_it_needs_is_told(given, said):
    ran = subprocess.run([sys.executable, TOOL, *given], check=False, capture_output=True, text=True)
    assert ran.returncode != 0
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
