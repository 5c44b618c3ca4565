# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From which repositories of a host dnf takes a package that a role holds in its own one. Pure.

The role's repository excludes the package, which holds it. Another one of the same packages, as Docker's instructions
write it, excludes nothing, so `dnf upgrade` takes a newer one from there.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

# dnf reads no file of another name; what grep says of a file begins with it
_LINE = re.compile(r"(/etc/yum\.repos\.d/[^/:]+\.repo):(.*)")
_NO = ("0", "no", "false", "off")
# packages of sources, and those for debugging, lie beside
_OTHERS = re.compile(r"/(?:source|debug-[^/]*)/")


def _repositories(said: str) -> dict[tuple[str, str], Mapping[str, str]]:
    """{(path, name of a repository): its options}, by what grep printed of files, each line with its file before it."""
    lines: dict[str, list[str]] = {}
    for line in said.splitlines():
        if found := _LINE.fullmatch(line):
            lines.setdefault(found[1], []).append(found[2])
    repositories: dict[tuple[str, str], Mapping[str, str]] = {}
    for path, texts in lines.items():
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string("\n".join(texts))
        except configparser.Error:
            # dnf leaves such a file out, too
            continue
        repositories |= {(path, name): dict(parser.items(name)) for name in parser.sections()}
    return repositories


def _named(options: Mapping[str, str], *names: str) -> list[str]:
    return [value for name in names for value in re.split(r"[\s,]+", options.get(name, "")) if value]


def _plain(url: str) -> str:
    """A URL without scheme, password and the slash at its end."""
    return re.sub(r"^[\w.+-]+://(?:[^/@]*@)?", "", url).rstrip("/")


def _takes(options: Mapping[str, str], package: str) -> bool:
    """Whether dnf would take the package from a repository with these options."""

    def matches(*names: str) -> bool:
        return any(fnmatchcase(package, pattern) for pattern in _named(options, *names))

    if options.get("enabled", "1").strip().lower() in _NO or matches("exclude", "excludepkgs"):
        return False
    return matches("includepkgs") or not _named(options, "includepkgs")


def offering(said: str, *, own: str, base: str, package: str) -> list[str]:
    """PATH [NAME] of each repository beneath the URL `base`, but for `own`, from which dnf would take the package."""
    found = []
    for (path, name), options in _repositories(said).items():
        urls = [_plain(url) + "/" for url in _named(options, "baseurl")]
        beneath = [url for url in urls if url.startswith(_plain(base) + "/") and not _OTHERS.search(url)]
        if name != own and beneath and _takes(options, package):
            found.append(f"{path} [{name}]")
    return found
