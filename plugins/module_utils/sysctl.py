# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls: what a host has live, and which file would give it another value at the next boot. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# how `systemd-analyze cat-config sysctl.d` heads each file
_HEAD = re.compile(r"^# (/(?:etc|run|usr/lib|usr/local/lib|lib)/sysctl\.d/[^/\s]+\.conf)$")
# two names of one switch
_SAME = {"net/ipv4/ip_forward": "net/ipv4/conf/all/forwarding"}


def path(key: str) -> str:
    """The path below /proc/sys. The first separator says which one parts the names; the other is part of a name."""
    first = re.search(r"[./]", key)
    return key.translate(str.maketrans("./", "/.")) if first and first[0] == "." else key


def _same(key: str) -> str:
    return _SAME.get(path(key), path(key))


def _value(value: Any) -> str:
    return " ".join(str(int(value) if isinstance(value, bool) else value).split())


def assignments(text: str) -> list[tuple[str, str]]:
    """(key, value) of each line that sets one; a '-' before the key only forgives errors.

    Patterns are left out: a key that is set by its own name goes before them, whatever the order.
    """
    found = []
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        key = key.strip().removeprefix("-").strip()
        if equals and key and key[0] not in "#;" and not set(key) & set("*?["):
            found.append((key, _value(value)))
    return found


def leftovers(text: str, note: str, wanted: Iterable[str]) -> list[str]:
    """The keys of a file that a line which begins with `note` names, and that are not wanted any more."""
    noted = {key for line in text.splitlines() if line.startswith(note) for key in line.removeprefix(note).split()}
    gone = noted - set(wanted)
    return list(dict.fromkeys(key for key, _ in assignments(text) if key in gone))


def _files(config: str) -> list[tuple[str, str]]:
    """The files of `systemd-analyze cat-config sysctl.d`, in the order in which they are read."""
    found: list[tuple[str, list[str]]] = []
    for line in config.splitlines():
        if head := _HEAD.match(line):
            found.append((head[1], []))
        elif found:
            found[-1][1].append(line)
    return [(name, "\n".join(lines)) for name, lines in found]


def overrides(wanted: Mapping[str, Any], config: str, own_file: str, later: Mapping[str, str]) -> list[dict[str, str]]:
    """What would be read after `own_file` and gives a wanted sysctl another value: [{sysctl, wanted, found, file}].

    `config` is what `systemd-analyze cat-config sysctl.d` prints, `later` are files that are read after all of these.
    """
    own_name = own_file.rsplit("/", 1)[-1]
    after = [(name, text) for name, text in _files(config) if name.rsplit("/", 1)[-1] > own_name]
    after += [(name, text) for name, text in later.items() if name != own_file]
    keys = {_same(key): (key, _value(value)) for key, value in wanted.items()}
    last: dict[str, tuple[str, str]] = {}
    for name, text in after:
        for key, value in assignments(text):
            if _same(key) in keys:
                last[_same(key)] = (value, name)
    return [
        {"sysctl": keys[same][0], "wanted": keys[same][1], "found": value, "file": name}
        for same, (value, name) in last.items()
        if value != keys[same][1]
    ]


def override_sentences(found: Iterable[Mapping[str, str]], host: str) -> list[str]:
    return [
        f"{host}: {entry['file']} sets {entry['sysctl']} to {entry['found']}, {entry['wanted']} is wanted, and it is "
        "read last at a boot. Remove that line, or correct it."
        for entry in found
    ]


def problems(wanted: Mapping[str, Any], shown: str, host: str) -> list[str]:
    """Where what `sysctl KEY...` printed is not what is wanted."""
    live = {path(key): value for key, value in assignments(shown)}
    return [
        f"{host}: {key} is {live.get(path(key)) or 'not there'} after it was set to {_value(value)}"
        for key, value in wanted.items()
        if live.get(path(key)) != _value(value)
    ]
