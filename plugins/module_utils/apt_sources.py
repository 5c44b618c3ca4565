# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else gives apt a repository that a role is about to add. Pure.

Two entries of one repository that name different keys make apt read no source at all, so a host's own entry is used
where it gives what is wanted, and named where it does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

# apt reads no file of another name; what grep says of a file begins with it
_LINE = re.compile(r"(/etc/apt/sources\.list(?:\.d/[\w.-]+\.(?:list|sources))?):(.*)")
_ONE_LINE = re.compile(r"(deb|deb-src)\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*(.*)")
_NO = ("no", "false", "without", "off", "disable", "0")
MARKER = "Kept by podpath.kubeadm."


@dataclass(frozen=True)
class Entry:
    """What one line or stanza of a file gives."""

    types: list[str]
    uris: list[str]
    suites: list[str]
    components: list[str]
    # none stands for all that the host has
    architectures: list[str]


def files(said: str) -> dict[str, str]:
    """{path: text} of what grep printed of apt's sources, each line with its file before it."""
    lines: dict[str, list[str]] = {}
    for line in said.splitlines():
        if found := _LINE.fullmatch(line):
            lines.setdefault(found[1], []).append(found[2])
    return {path: "\n".join(texts) for path, texts in lines.items()}


def _one_line_entries(text: str) -> Iterator[Entry]:
    for line in text.splitlines():
        if not (found := _ONE_LINE.fullmatch(line.split("#")[0].strip())):
            continue
        kind, options, uri, suite, components = found.groups()
        named = dict(option.split("=", 1) for option in (options or "").split() if "=" in option)
        yield Entry([kind], [uri], [suite], components.split(), re.findall(r"[^\s,]+", named.get("arch", "")))


def _stanza_entries(text: str) -> Iterator[Entry]:
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", kept):
        # a line that begins with a blank goes on with the field before it
        fields = {name.lower(): value.split()
                  for name, value in re.findall(r"^([\w-]+):((?:.*)(?:\n[ \t].*)*)", stanza, re.MULTILINE)}
        if (fields.get("enabled") or ["yes"])[0].lower() not in _NO:
            names = ("types", "uris", "suites", "components", "architectures")
            yield Entry(*(fields.get(name, []) for name in names))


def entries(path: str, text: str) -> list[Entry]:
    return list(_stanza_entries(text) if path.endswith(".sources") else _one_line_entries(text))


def _same(uri: str) -> str:
    """A URI as apt compares it: without scheme, password and the slash at its end."""
    return unquote(re.sub(r"^[\w.+-]+://(?:[^/@]*@)?", "", uri)).rstrip("/")


def judge(said: str, host: str, *, own: str, uri: str, suite: str, component: str, architecture: str) -> dict[str, Any]:
    """Who gives the repository to apt on `host`: {"adopted": a file that somebody else wrote, "problems": [...]}.

    `own` is the file that the role writes where nobody does.
    """
    found: Mapping[str, str] = files(said)
    foreign = {path: text for path, text in found.items() if path != own or MARKER not in text}
    others = []
    for path, text in foreign.items():
        for entry in entries(path, text):
            if suite not in entry.suites or _same(uri) not in map(_same, entry.uris):
                continue
            lacking = [
                what
                for what, given in (
                    ("deb", "deb" in entry.types),
                    (component, not component or component in entry.components),
                    (architecture, not entry.architectures or architecture in entry.architectures),
                )
                if not given
            ]
            if not lacking:
                return {"adopted": path, "problems": []}
            others.append(
                f"{host}: {path} gives {uri} to apt, but without {' and '.join(lacking)}, and apt takes no second "
                "entry of it with another key. Add that to the entry, or remove the entry."
            )
    if own in foreign:
        others.append(
            f"{host} has {own}, which podpath.kubeadm did not write and would replace. Remove it or give it another "
            "name."
        )
    return {"adopted": "", "problems": others}
