# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether files can be written where a user wants them, asked before anything runs that would be lost."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def problem(path: str) -> str:
    """Why a file cannot be written there, as the end of a sentence; empty where it can."""
    file = Path(os.path.expanduser(path))
    if not file.is_absolute():
        return "is no absolute path, and roles have no directory of their own to start from"
    if file.is_dir():
        return "is a directory"
    if os.path.exists(file):
        if not file.is_file():
            return "is no regular file, and would be replaced by one"  # also /dev/null, by root
        return "" if os.access(file, os.W_OK) else "may not be written"
    parent = file.parent
    while not os.path.exists(parent):
        parent = parent.parent
    if not parent.is_dir():
        return f"cannot be made, as {parent} is no directory"
    # also false on a file system that is mounted read-only
    return "" if os.access(parent, os.W_OK | os.X_OK) else f"cannot be made, as {parent} may not be written"


def problems(wanted: Mapping[str, str]) -> list[str]:
    """Sentences on those of {variable: path} where no file can be written, and on two that want one file.

    An empty path asks for no file.
    """
    told = []
    taken: dict[str, str] = {}
    for variable, path in wanted.items():
        if not path:
            continue
        why = problem(path)
        if why:
            told.append(f"{variable} is {path}, which {why}; name another file, or make it empty for none.")
        whole = os.path.realpath(os.path.expanduser(path))
        if whole in taken:
            told.append(f"{variable} and {taken[whole]} are both {path}; name another file for one of them.")
        taken[whole] = variable
    return told
