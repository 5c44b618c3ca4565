# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bare nodes, for what a role does before there is a cluster."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
import playbooks

CACHE = Path(os.environ.get("PODPATH_CACHE")
             or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "podpath")


@dataclass
class Bare:
    """A lab whose nodes nobody has configured."""

    inventory: list[str]
    name: str = "test-bare"

    def play(self, playbook: str, cmdline: str = "", **variables: object) -> playbooks.Run:
        return playbooks.run(playbook, self.inventory, cmdline=cmdline, **variables)

    def node(self, name: str, command: str) -> str:
        """Run a shell command as root on a node, and give what it prints; it must succeed."""
        podman = str(CACHE / "podman" / "podman")
        ran = subprocess.run([podman, "exec", f"podpath-{self.name}-{name}", "sh", "-c", command], check=False,
                             capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def kubectl(self, arguments: str) -> str:
        return self.node("controlplane", f"kubectl --kubeconfig /etc/kubernetes/admin.conf {arguments}")

    def paths(self, **variables: object) -> tuple[playbooks.Run, dict]:
        """Prove the paths: how verify_paths went, and what it wrote into paths.json."""
        output = CACHE / "labs" / self.name / "paths.json"
        output.unlink(missing_ok=True)
        ran = self.play("playbooks/verify_paths.yml", **variables)
        assert output.exists(), ran.output
        return ran, json.loads(output.read_text())

    def remake(self) -> None:
        """New nodes, whatever a test did to the old ones."""
        for playbook in ("lab_down", "lab"):
            ran = self.play(f"playbooks/{playbook}.yml")
            assert ran.rc == 0, ran.output


@contextlib.contextmanager
def lab_of(directory: str) -> Iterator[Bare]:
    """A lab of its own for one file of tests, of tests/integration/DIRECTORY; it is gone afterwards."""
    lab = Bare(playbooks.inventories(f"inventory/article,inventory/lab,tests/integration/{directory}"),
               f"test-{directory}")
    lab.remake()
    try:
        yield lab
    finally:
        ran = lab.play("playbooks/lab_down.yml")
        assert ran.rc == 0, ran.output


@pytest.fixture(scope="session")
def bare_lab() -> Iterator[Bare]:
    lab = Bare(playbooks.inventories("inventory/article,inventory/lab,tests/integration/bare"))
    yield lab
    lab.play("playbooks/lab_down.yml")


@pytest.fixture(scope="module")
def bare(bare_lab: Bare) -> Bare:
    """New nodes for each file of tests."""
    bare_lab.remake()
    return bare_lab
