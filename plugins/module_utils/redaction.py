# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes secrets out of text that goes into a support bundle. Pure. What looks like one goes: rather too much."""

from __future__ import annotations

import re

GONE = "[removed]"

_NAMES = (
    r"(?:pass(?:word|wd|phrase)?|secrets?|token|identitytoken|auth|credentials?|client-key-data|private[_-]?key|"
    r"access[_-]?key|api[_-]?key|certificate-?key)"
)
_PATTERNS = (
    # keys in PEM, also one that was cut off
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), GONE),
    # bootstrap tokens of kubeadm
    (re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b"), GONE),
    # tokens of service accounts, and others of their kind
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), GONE),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}"), rf"\1 {GONE}"),
    # user and password in a URL
    (re.compile(r"(://)[^/\s@\"']+@"), rf"\1{GONE}@"),
    # name: value and name = value on a line of their own, as in YAML, TOML and environments
    (re.compile(rf"(?im)^([\s\-]*[\"']?[\w.-]*{_NAMES}[\"']?\s*[:=]\s*)(?!true\b|false\b)\S.*$"), rf"\1{GONE}"),
    # name=value, --name value and "name":"value" within one; a value that is a path is none
    (
        re.compile(
            rf"(?i)(\b[\w-]*{_NAMES}=|--[\w-]*{_NAMES}\s+|\"[\w-]*{_NAMES}\"\s*:\s*\")(?!true\b|false\b|[/\s])[^\s,;&\"']+"
        ),
        rf"\1{GONE}",
    ),
)


def redact(text: str) -> str:
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text
