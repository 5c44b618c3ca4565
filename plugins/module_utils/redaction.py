# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes secrets out of text that goes into a support bundle. Pure. What looks like one goes: rather too much."""

from __future__ import annotations

import re

GONE = "[removed]"

_NAMES = (
    r"(?:pass(?:word|wd|phrase)?|_pwd|secrets?|token|identitytoken|auth|credentials?|client-key-data|psk|"
    r"(?:private|secret|access|api|pre-?shared)[_-]?key|certificate-?key)"
)
# JSON may stand within a string of JSON
_QUOTE = r"\\*[\"']"
_OWN_NAME = rf"{_QUOTE}?name{_QUOTE}?[ \t]*:[ \t]*{_QUOTE}?[\w.-]*{_NAMES}[\w.-]*{_QUOTE}?"
_PATTERNS = (
    # keys in PEM, also one that was cut off
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), GONE),
    # bootstrap tokens of kubeadm
    (re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b"), GONE),
    # tokens of service accounts, and others of their kind
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), GONE),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {GONE}"),
    # user and password in a URL, with whatever @ the password has
    (re.compile(r"(://)[^/\s\"']+@"), rf"\1{GONE}@"),
    # the environment of a container: {name: ..., value: ...}; the value's further lines are indented deeper than it is
    (
        re.compile(rf"(?im)({_OWN_NAME}[ \t]*,?[ \t]*\n([ \t]*){_QUOTE}?value{_QUOTE}?[ \t]*:)[^\n]*(?:\n\2[ \t]+.*)*"),
        rf"\1 {GONE}",
    ),
    (re.compile(rf"(?i)({_OWN_NAME}[ \t]*,[ \t]*{_QUOTE}?value{_QUOTE}?[ \t]*:)[^\n]*"), rf"\1 {GONE}"),
    (re.compile(rf"(?i)(\bvalue{_QUOTE}?[ \t]*:)[^\n]*?(,?\s+|,){_OWN_NAME}"), rf"\1 {GONE}"),
    # a block of text, as in YAML
    (
        re.compile(rf"(?im)^(([ \t]*)(?:-[ \t]+)?[\"']?[\w.-]*{_NAMES}[\"']?[ \t]*:[ \t]*)[|>][^\n]*(?:\n\2[ \t]+.*)+"),
        rf"\1{GONE}",
    ),
    # an argument and its value as two items of a list
    (
        re.compile(rf"(?im)^([ \t]*-[ \t]+[\"']?--[\w-]*{_NAMES}[\"']?[ \t]*\n[ \t]*-[ \t]+)(?![\"']?--)\S.*$"),
        rf"\1{GONE}",
    ),
    (re.compile(rf"(?i)(--[\w-]*{_NAMES}{_QUOTE}?[ \t]*,\s*)(?!{_QUOTE}?--)[^\n]+"), rf"\1{GONE}"),
    # name: value and name = value on a line of their own, as in YAML, TOML and environments
    (re.compile(rf"(?im)^([ \t\-]*[\"']?[\w.-]*{_NAMES}[\"']?\s*[:=]\s*)(?!true\b|false\b)\S.*$"), rf"\1{GONE}"),
    # "name": "value" within one
    (
        re.compile(rf"(?i)({_QUOTE}[\w.-]*{_NAMES}{_QUOTE}\s*:\s*({_QUOTE}))(?!true\b|false\b)(?:(?!\2)(?:\\.|.))+"),
        rf"\1{GONE}",
    ),
    # name=value and --name value within one; a value that is a path is none
    (
        re.compile(rf"(?i)(\b[\w-]*{_NAMES}=|--[\w-]*{_NAMES}[ \t]+)(?!true\b|false\b|[/\s])[^\s,;&\"']+"),
        rf"\1{GONE}",
    ),
)


def redact(text: str) -> str:
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text
