# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module of the same name and shows how far it is, where both share a machine."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.podpath.kubeadm.plugins.module_utils.progress import describe

# Seconds. A short run says nothing at all, and a long one says something now and then.
_QUIET = 5
_INTERVAL = 5
_TICK = 0.5


class Teller:
    """Says the newest progress in a file, when it is due and there is something new."""

    def __init__(self, path: str, say: Callable[[str], Any], now: float) -> None:
        self._path, self._say = path, say
        self._due = now + _QUIET
        self._said = ""

    def tick(self, now: float) -> None:
        if now < self._due:
            return
        try:
            with open(self._path, encoding="utf-8") as file:
                said = describe(file)
        except OSError:
            return
        if said and said != self._said:
            self._said = said
            self._due = now + _INTERVAL
            self._say(said)


@contextmanager
def _told(path: str, say: Callable[[str], Any]) -> Iterator[None]:
    """Says what the file tells while the context lasts."""
    ended = threading.Event()
    teller = Teller(path, say, time.monotonic())

    def tell() -> None:
        while not ended.wait(_TICK):
            teller.tick(time.monotonic())

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class ActionModule(ActionBase):
    """The action beside podpath.kubeadm.pod_traceroute."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        wrapped = bool(self._task.async_val) and not self._connection.has_native_async
        local = self._connection.transport == "local" and not self._task.async_val
        # a user's own file is theirs to read
        if not local or self._task.check_mode or arguments.get("progress_path"):
            return {**result, **self._execute_module(module_args=arguments, task_vars=task_vars, wrap_async=wrapped)}
        with tempfile.TemporaryDirectory(prefix="podpath-") as directory:
            arguments["progress_path"] = os.path.join(directory, "progress")
            with _told(arguments["progress_path"], lambda said: Display().display(f"pod_traceroute: {said}")):
                ran = self._execute_module(module_args=arguments, task_vars=task_vars)
        # what was not asked for is not shown as if it were
        (ran.get("invocation") or {}).get("module_args", {}).pop("progress_path", None)
        return {**result, **ran}
