# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a proof that is killed outright leaves behind: it goes by itself, and sooner when it is asked to."""

from __future__ import annotations

import json
import os
import signal
import subprocess

import pytest
from proofs import MODULE, arguments, environment, prove
from test_paths import descendants, wait_until

import playbooks

KINDS = "pods,jobs,services"


def left(lab) -> list[str]:
    return lab.kubectl(f"get {KINDS} -A -o name --selector app.kubernetes.io/managed-by=podpath").split()


@pytest.fixture
def killed(lab) -> list[str]:
    """Starts a proof and kills all of it while its pods start; returns what it left."""
    if lab.backend != "vxlan":
        pytest.skip("one backend is enough")
    process = subprocess.Popen(
        ["ansible", "localhost", "-m", MODULE, "-a", json.dumps(arguments(lab, wait_timeout=5))],
        cwd=playbooks.REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, **environment()})
    wait_until(lambda: len(left(lab)) >= 13, 60, "the proof did not start all it needs")
    for pid in descendants(process.pid):
        os.kill(pid, signal.SIGKILL)
    process.wait(timeout=60)
    found = left(lab)
    assert found, "somebody was left to remove it: nothing was killed"
    return found


@pytest.mark.long
def test_what_a_killed_proof_left_vanishes_by_itself(lab, killed):
    wait_until(lambda: left(lab) == [], 240, "what a killed proof left is still there")


def test_what_a_killed_proof_left_is_removed_when_asked(lab, killed, tmp_path):
    play = tmp_path / "remove.yml"
    play.write_text(json.dumps([{
        "hosts": "kube_control_plane", "gather_facts": False,
        "tasks": [{"ansible.builtin.include_role": {"name": "podpath.kubeadm.pod_paths", "tasks_from": "remove.yml"}}],
    }]))
    ran = playbooks.run(str(play), lab.inventory)
    assert ran.rc == 0, ran.output
    assert ran.changed, "it removes, and says so"
    wait_until(lambda: left(lab) == [], 15, f"still there of {killed}")
    again = playbooks.run(str(play), lab.inventory)
    assert (again.rc, again.changed) == (0, {}), again.output


def test_another_proof_is_not_troubled_by_what_is_left(lab, killed):
    assert prove(lab)["verdict"] == "pass"
