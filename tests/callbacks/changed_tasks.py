# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes down which tasks of a playbook changed which host: one line of JSON for each run, into the file PODPATH_RUNS.

Molecule runs the playbooks itself, so that tests can only know by this what a look ahead foretold and what came.
"""

from __future__ import annotations

import json
import os

from ansible import context
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: changed_tasks
    type: aggregate
    short_description: Writes down which tasks changed which host
    description: For the tests of this collection.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "changed_tasks"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook):
        self.playbook = os.path.basename(playbook._file_name)
        self.changed = {}

    def v2_runner_on_ok(self, result):
        if result.result.get("changed"):
            tasks = self.changed.setdefault(result.host.get_name(), [])
            tasks.append(result.task.get_name().split(" : ")[-1])

    def v2_playbook_on_stats(self, stats):
        failed = [host for host in stats.processed if stats.summarize(host)["failures"]]
        run = {"playbook": self.playbook, "check": context.CLIARGS["check"], "failed": failed, "changed": self.changed}
        with open(os.environ["PODPATH_RUNS"], "a", encoding="utf-8") as file:
            file.write(json.dumps(run) + "\n")
