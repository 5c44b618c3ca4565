# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages apt has yet to install. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable


def missing(said: str, wanted: Iterable[str]) -> list[str]:
    """Those of `wanted` (NAME or NAME=VERSION, which may have wildcards) that dpkg does not have installed so.

    `said` are lines `installed NAME VERSION`; other lines tell of packages that are not.
    """
    installed = dict(re.findall(r"^installed (\S+) (\S+)$", said, re.MULTILINE))
    asked = [(package, *package.partition("=")[::2]) for package in wanted]
    return [
        package
        for package, name, version in asked
        if name not in installed or (version and not fnmatch.fnmatchcase(installed[name], version))
    ]
