# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.podpath.kubeadm.plugins.action import pod_traceroute
from ansible_collections.podpath.kubeadm.plugins.module_utils.progress import ProgressFile, describe


@pytest.fixture
def told(tmp_path):
    """(file, what was said, teller) of a run that began at 100 s."""
    said = []
    path = tmp_path / "progress"
    return ProgressFile(str(path)), said, pod_traceroute.Teller(str(path), said.append, 100.0)


def test_a_short_run_says_nothing(told):
    progress, said, teller = told
    progress("start", 4, 6)
    teller.tick(104.9)
    assert said == []


def test_a_long_run_says_the_newest_step_now_and_then(told):
    progress, said, teller = told
    progress("start", 4, 6)
    teller.tick(105.0)
    for done in range(1, 9):
        progress("probe", done, 9)
        teller.tick(105.5 + done / 10)
    assert said == ["starting pods 4/6"], "not each step"
    teller.tick(110.0)
    teller.tick(116.0)
    progress("remove", 0, 6)
    teller.tick(117.0)
    assert said == ["starting pods 4/6", "probing 8/9 pairs", "removing"], "what is not new is not said again"


def test_no_file_is_no_progress_and_no_error(told, tmp_path):
    _progress, said, teller = told
    teller.tick(200.0)
    assert said == []
    ProgressFile(str(tmp_path / "nowhere" / "progress"))("start", 0, 1)


def test_a_line_that_is_only_half_there_is_left_out():
    assert describe(['{"stage": "start", "done": 1, "total": 6}\n', '{"stage": "pro']) == "starting pods 1/6"
    assert describe(["banana\n", "[1]\n", '{"stage": "other"}\n']) == ""
