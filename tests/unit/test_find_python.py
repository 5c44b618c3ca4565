# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""make finds a Python that Ansible runs on, or says what to do."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "find-python"


def find(home: Path, path: Path, **environment: str) -> subprocess.CompletedProcess:
    # bash and the few programs that the tool itself calls
    path.mkdir(parents=True, exist_ok=True)
    for program in ("bash", "env", "sort", "cat"):
        if not (path / program).exists():
            (path / program).symlink_to(shutil.which(program))
    return subprocess.run([shutil.which("bash"), str(TOOL)], check=False, capture_output=True, text=True,
                          env={"HOME": str(home), "PATH": str(path), **environment})


def python(directory: Path, works: bool) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / "python3"
    program.write_text(f"#!/bin/sh\nexit {0 if works else 1}\n")
    program.chmod(0o755)
    return program


def test_one_under_pyenv_is_found_where_path_has_an_old_one(tmp_path):
    python(tmp_path / "bin", works=False)
    wanted = python(tmp_path / ".pyenv" / "versions" / "3.13.1" / "bin", works=True)
    ran = find(tmp_path, tmp_path / "bin")
    assert (ran.returncode, ran.stdout.strip()) == (0, str(wanted))


def test_where_there_is_none_it_says_what_to_do(tmp_path):
    ran = find(tmp_path, tmp_path / "bin")
    assert ran.returncode == 1
    assert "apt install python3 python3-venv" in ran.stderr
    assert "make PYTHON=" in ran.stderr


def test_a_named_one_that_does_not_do_is_not_replaced_by_another(tmp_path):
    python(tmp_path / "bin", works=True)
    ran = find(tmp_path, tmp_path / "bin", PYTHON="/nosuch/python3")
    assert ran.returncode == 1
    assert ran.stderr.startswith("PYTHON is /nosuch/python3, which is no Python 3.12 or newer")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="needs a Python that does")
def test_a_real_one_is_taken(tmp_path):
    assert find(tmp_path, tmp_path / "bin", PYTHON=sys.executable).stdout.strip() == sys.executable
