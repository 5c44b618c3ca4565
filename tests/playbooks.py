# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the collection's playbooks as a user would and look at what they did."""

from __future__ import annotations

import os
import re
import shlex
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import ansible_runner

REPOSITORY = Path(__file__).parent.parent


@dataclass
class Run:
    """How a playbook went: its return code, its output, and the tasks that changed something, {host: {task, ...}}."""

    rc: int
    output: str
    changed: dict[str, set[str]]


quote = shlex.quote


def inventories(names: str) -> list[str]:
    """Inventories as a comma-separated list, relative to the repository, as paths."""
    return [str(REPOSITORY / name) for name in names.split(",")]


def run(playbook: str, inventory: list[str], cmdline: str = "", **variables: object) -> Run:
    """Run a playbook of the repository, with more options of ansible-playbook and extra variables."""
    with tempfile.TemporaryDirectory(prefix="podpath-test-") as private:
        result = ansible_runner.run(
            private_data_dir=private, project_dir=str(REPOSITORY), playbook=str(REPOSITORY / playbook),
            inventory=inventory, extravars=variables or None, quiet=True,
            cmdline=cmdline or None,
            envvars={"ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1",
                     # molecule asks for colours, which would stand in the midst of the sentences that tests look for
                     "ANSIBLE_FORCE_COLOR": "0",
                     "PATH": os.environ["PATH"]})
        changed: dict[str, set[str]] = {}
        for event in result.events:
            data = event.get("event_data", {})
            if event["event"] == "runner_on_ok" and data["res"].get("changed"):
                changed.setdefault(data["host"], set()).add(data["task"])
        return Run(result.rc, result.stdout.read(), changed)


def support_bundle(ran: Run) -> Path:
    """The file that a run that failed says it has left; of several the last."""
    found = re.findall(r"\S+/support-\S+\.tar\.gz", ran.output)
    assert found, ran.output[-3000:]
    return Path(found[-1])


def bundled(path: Path) -> dict[str, str]:
    """What is in a support bundle, by name."""
    with tarfile.open(path) as archive:
        return {member.name.split("/", 1)[1]: archive.extractfile(member).read().decode() for member in archive}
