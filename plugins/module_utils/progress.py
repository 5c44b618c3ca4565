# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a run is: what a module writes into a file while it runs, and what a reader makes of it.

A module cannot say anything before it ends, but the action plugin of the same name runs beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress

_SAID = {"start": "starting pods {done}/{total}", "probe": "probing {done}/{total} pairs", "remove": "removing"}


class ProgressFile:
    """Writes each step of a run as a line of JSON. A file that cannot be written costs the progress, not the run."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._last = ("", -1)

    def __call__(self, stage: str, done: int, total: int) -> None:
        if (stage, done) == self._last:
            return
        self._last = (stage, done)
        with suppress(OSError), open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"stage": stage, "done": done, "total": total}) + "\n")


def describe(lines: Iterable[str]) -> str:
    """The newest step of these lines in words; empty where there is none. A line that is cut off is left out."""
    said = ""
    for line in lines:
        try:
            step = json.loads(line)
            said = _SAID[step["stage"]].format(**step)
        except (ValueError, LookupError, TypeError):
            continue
    return said
