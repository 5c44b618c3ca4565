# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that run on nodes load with the Python of a node, which is older than the controller's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import ansible
import pytest

ROOT = Path(__file__).parents[2]
# the distribution's own, which on Debian 12 is that of a node
NODE_PYTHON = Path("/usr/bin/python3")


@pytest.mark.skipif(not NODE_PYTHON.exists(), reason="there is no Python but the one of the tests")
@pytest.mark.parametrize("module", ["flannel_leftovers", "node_traceroute", "support_collect"])
def test_a_module_of_the_nodes_loads_with_their_python(module):
    path = os.pathsep.join([str(ROOT / "collections"), str(Path(ansible.__file__).parents[1])])
    loaded = subprocess.run(
        [NODE_PYTHON, "-B", "-c", f"import ansible_collections.podpath.kubeadm.plugins.modules.{module}"],
        env={"PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert loaded.returncode == 0, loaded.stderr
