# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a join that was cut off, by what the cluster says of its host. It needs no lab: kubectl and systemctl
are stand-ins; test_unfinished.py has the real.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
import playbooks

NOT_FOUND = 'Error from server (NotFound): nodes "two" not found'
REFUSED = "The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?"


def finish(tmp_path: Path, answer: str, *, certificate: bool) -> playbooks.Run:
    """The role's tasks for such a join, where kubectl fails with this answer."""
    programs = tmp_path / "bin"
    programs.mkdir()
    # a kubelet that runs, so that none is started
    for name, does in {"kubectl": f"echo '{answer}' >&2; exit 1",
                       "systemctl": "echo LoadState=loaded; echo ActiveState=active"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    client = tmp_path / "kubelet-client-current.pem"
    if certificate:
        client.touch()
    hosts = tmp_path / "hosts.yml"
    hosts.write_text(json.dumps({"all": {
        "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
        "children": {"kube_control_plane": {"hosts": {"one": {}}}, "kube_node": {"hosts": {"two": {}}}}}}))
    return playbooks.run(
        "tests/integration/playbooks/entry.yml", [str(hosts)], role="worker", entry="finish", show="__worker_kind",
        surroundings={"PATH": f"{programs}:{os.environ['PATH']}"}, __worker_client=str(client))


@pytest.mark.parametrize(("answer", "certificate"), [(NOT_FOUND, True), (REFUSED, False)])
def test_a_join_that_came_to_no_node_is_undone(tmp_path, answer, certificate):
    ran = finish(tmp_path, answer, certificate=certificate)
    assert ran.rc == 0, ran.output
    assert "two has come to the end undo" in ran.output


def test_a_host_that_may_be_a_node_is_left_alone_where_the_api_does_not_answer(tmp_path):
    ran = finish(tmp_path, REFUSED, certificate=True)
    told = " ".join(ran.output.split())
    assert ran.rc != 0
    assert "has come to the end" not in told
    assert "two began to join in an earlier run" in told
    assert REFUSED in told
    assert "See that the API server of one runs" in told
