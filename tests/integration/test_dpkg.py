# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a dpkg that was interrupted costs. It needs no lab: dpkg is a stand-in."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
import playbooks

LOCKED = "dpkg: error: dpkg frontend lock was locked by another process with pid 7"
BROKEN = "dpkg: error processing package kubelet (--configure)"
ASKED = "--force-confdef --force-confold --configure --pending, noninteractive"


@pytest.mark.parametrize(("left", "error", "asked", "goes_on", "changed"), [
    ("0004", "", ASKED, True, {"Configure what dpkg has unpacked"}),
    ("0004", LOCKED, ASKED, True, set()),
    ("0004", BROKEN, ASKED, False, set()),
    ("tmp.i", "", "", True, set()),
])
def test_what_dpkg_was_interrupted_in_is_ended_before_apt_is_asked(tmp_path, left, error, asked, goes_on, changed):
    updates, log = tmp_path / "updates", tmp_path / "asked"
    updates.mkdir()
    (updates / left).touch()
    log.touch()
    dpkg = tmp_path / "dpkg"
    fails = f"echo '{error}' >&2; exit 2" if error else ""
    dpkg.write_text(f'#!/bin/sh\necho "$*, $DEBIAN_FRONTEND" >> {log}\n{fails}\n')
    dpkg.chmod(0o755)
    hosts = tmp_path / "hosts.yml"
    hosts.write_text(json.dumps({"all": {
        "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
        "children": {"kube_node": {"hosts": {"one": {}}}}}}))
    ran = playbooks.run("tests/integration/playbooks/entry.yml", [str(hosts)], role="kubernetes", entry="dpkg",
                        surroundings={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
                        __kubernetes_dpkg_updates=str(updates))
    assert log.read_text().strip() == asked
    assert (ran.rc == 0) is goes_on, ran.output
    assert ran.changed.get("one", set()) == changed
