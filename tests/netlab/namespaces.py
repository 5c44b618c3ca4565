# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces of one run: named after it, found again by a later run when this one was killed.

A run holds a lock on a file of its own as long as it lives. A file whose lock is free, and a namespace without such a
file, belong to nobody: the next run removes them. Nothing of the machine's own network is touched.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

PREFIX = "podpath-netlab-"
STATE = Path("/run/podpath-netlab")
NETNS = Path("/run/netns")
_WORKERS = 6


class NetlabError(Exception):
    """A command in a namespace failed; the text holds the command's words."""


def shell(namespace: str, script: str) -> str:
    """Runs a shell script in a namespace (its full name) and returns what it printed. Raises NetlabError."""
    enter = ["nsenter", f"--net={NETNS / namespace}", "sh", "-eu"]
    ran = subprocess.run(enter, input=script, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise NetlabError(f"In namespace {namespace}: {ran.stderr.strip() or ran.stdout.strip()}")
    return ran.stdout


class Namespaces:
    """The namespaces of one run. Names given and taken are short; ``full`` tells the kernel's."""

    def __init__(self) -> None:
        STATE.mkdir(exist_ok=True)
        self.run = secrets.token_hex(3)
        # a world's own thread may end it while the end of the session does
        self._closing = threading.Lock()
        # locked before it gets the name by which others find it
        fresh = STATE / f"{self.run}.new"
        self._lock = os.open(fresh, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        fresh.rename(STATE / f"{self.run}.lock")
        self.directory = STATE / self.run
        self.directory.mkdir()

    def full(self, name: str) -> str:
        return f"{PREFIX}{self.run}-{name}"

    def add(self, names: Iterable[str]) -> None:
        batch = "".join(f"netns add {self.full(name)}\n" for name in names)
        subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)

    def shell(self, name: str, script: str) -> str:
        return shell(self.full(name), script)

    def shells(self, scripts: Mapping[str, str]) -> dict[str, str]:
        """Runs one script in each namespace, several at once; returns what each printed."""
        with ThreadPoolExecutor(_WORKERS) as pool:
            return dict(zip(scripts, pool.map(self.shell, scripts.keys(), scripts.values()), strict=True))

    def drop(self, name: str) -> None:
        """Removes one namespace, in which no process may be left."""
        subprocess.run(["ip", "netns", "delete", self.full(name)], check=True)

    def close(self) -> None:
        """Ends the processes in this run's namespaces and removes all that the run made."""
        with self._closing:
            if self._lock < 0:
                return
            _remove(self.run)
            os.close(self._lock)
            self._lock = -1


def existing(run: str = "") -> list[str]:
    """Full names of the namespaces of a run, or of all runs."""
    return sorted(path.name for path in NETNS.glob(f"{PREFIX}{run}*"))


def _processes(names: Iterable[str]) -> list[int]:
    """Processes in any of these namespaces."""
    inodes = {(NETNS / name).stat().st_ino for name in names}
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if (entry / "ns" / "net").stat().st_ino in inodes:
                    found.append(int(entry.name))
    return found


def _remove(run: str) -> None:
    names = existing(f"{run}-")
    end = time.monotonic() + 5
    while (left := _processes(names)) and time.monotonic() < end:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    batch = "".join(f"netns delete {name}\n" for name in existing(f"{run}-"))
    # -force: one that cannot be removed, as somebody else just did it, must not keep the others
    subprocess.run(["ip", "-force", "-batch", "-"], input=batch, text=True, capture_output=True, check=False)
    if left := existing(f"{run}-"):
        raise NetlabError(f"These namespaces cannot be removed: {', '.join(left)}")
    shutil.rmtree(STATE / run, ignore_errors=True)
    (STATE / f"{run}.lock").unlink(missing_ok=True)
    with suppress(OSError):
        STATE.rmdir()  # the last one out


def sweep() -> list[str]:
    """Removes what killed runs left; returns their names."""
    runs = {path.stem for path in STATE.glob("*.lock")}
    runs |= {match[1] for name in existing() if (match := re.match(PREFIX + "([0-9a-f]+)-", name))}
    swept = []
    for run in sorted(runs):
        lock = STATE / f"{run}.lock"
        try:
            handle = os.open(lock, os.O_RDWR)
        except FileNotFoundError:
            handle = -1
        try:
            if handle >= 0:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue  # lives
        else:
            _remove(run)
            swept.append(run)
        finally:
            if handle >= 0:
                os.close(handle)
    return swept
