# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file for all pairs of a run: written piece by piece, and there as a whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO


class OutputError(Exception):
    """The file cannot be written. The text is a sentence."""


def _sentence(path: str, error: OSError) -> str:
    return (
        f"output_path is {path}, which cannot be written ({error.strerror or error}); name a file in a directory that "
        "exists and that this user may write to (pod_paths_result_path in the role)."
    )


class ResultFile:
    """A JSON document with a long list ``pairs``, for ``path``.

    It is opened beside its place at once, so that a path that cannot be written is known before a run starts. Raises
    OutputError.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._count = 0
        if os.path.isdir(path):
            raise OutputError(f"output_path is {path}, which is a directory; name a file in it.")
        try:
            descriptor, self._temporary = tempfile.mkstemp(prefix=".podpath-", dir=os.path.dirname(path) or ".")
            self._file: TextIO = os.fdopen(descriptor, "w", encoding="utf-8")
            self._file.write('{"pairs": [')
        except OSError as error:
            raise OutputError(_sentence(path, error)) from error

    def add(self, pair: Mapping[str, Any]) -> None:
        try:
            self._file.write(",\n" if self._count else "\n")
            self._file.write(json.dumps(pair, separators=(",", ":")))
        except OSError as error:
            raise OutputError(_sentence(self.path, error)) from error
        self._count += 1

    def finish(self, rest: Mapping[str, Any]) -> None:
        """Writes all but the pairs, and puts the file in its place."""
        others = json.dumps({key: value for key, value in rest.items() if key != "pairs"}, indent=1)
        try:
            self._file.write("\n],")
            self._file.write(others[1:] + "\n")
            self._file.close()
            # as any file that a program makes; mkstemp's are for their owner alone
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(self._temporary, 0o666 & ~mask)
            os.replace(self._temporary, self.path)
        except OSError as error:
            raise OutputError(_sentence(self.path, error)) from error

    def discard(self) -> None:
        """Leaves what was there before as it was. Harmless after finish."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            os.unlink(self._temporary)
