# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes label selectors, as kubectl's --selector understands them. Pure.

    tier=edge, zone in (a, b), !node-role.kubernetes.io/control-plane, disk!=slow, cores>8

Requirements joined by commas must all hold. A label that is missing satisfies ``!=`` and ``notin``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Labels = Mapping[str, str]

_KEY = r"(?P<key>(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)"
_VALUE = r"(?:[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)?"
_FORMS = (
    ("absent", re.compile(rf"!\s*{_KEY}")),
    ("present", re.compile(_KEY)),
    ("compare", re.compile(rf"{_KEY}\s*(?P<operator>==|=|!=|>|<)\s*(?P<value>{_VALUE})")),
    ("set", re.compile(rf"{_KEY}\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)")),
)
# commas between parentheses separate values, others requirements
_COMMA = re.compile(r",(?![^()]*\))")


class SelectorError(ValueError):
    """A text is no label selector; the sentence quotes the part that is wrong."""


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"-?[0-9]{1,18}", text) else None


def _compare(key: str, operator: str, value: str, text: str) -> Callable[[Labels], bool]:
    if operator in ("=", "=="):
        return lambda labels: labels.get(key) == value
    if operator == "!=":
        return lambda labels: labels.get(key) != value
    bound = _number(value)
    if bound is None:
        raise SelectorError(f"{text!r} compares with {value!r}, which is no whole number.")
    sign = 1 if operator == ">" else -1

    def compares(labels: Labels) -> bool:
        number = _number(labels.get(key))
        return number is not None and sign * number > sign * bound

    return compares


def _requirement(text: str) -> Callable[[Labels], bool]:
    for form, pattern in _FORMS:
        match = pattern.fullmatch(text.strip())
        if match is None:
            continue
        key = match["key"]
        if form == "absent":
            return lambda labels: key not in labels
        if form == "present":
            return lambda labels: key in labels
        if form == "compare":
            return _compare(key, match["operator"], match["value"], text)
        values = {value.strip() for value in match["values"].split(",")}
        wrong = next((value for value in sorted(values) if not re.fullmatch(_VALUE, value)), None)
        if wrong is not None:
            raise SelectorError(f"{text.strip()!r} holds {wrong!r}, which can be no label's value.")
        if match["operator"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    raise SelectorError(
        f"{text.strip()!r} is no label selector; write one as for kubectl --selector, such as zone=a or zone in (a, b)."
    )


def parse(text: str) -> Callable[[Labels], bool]:
    """A selector to a test of labels. Raises SelectorError."""
    requirements = [_requirement(part) for part in _COMMA.split(text)]
    return lambda labels: all(requirement(labels) for requirement in requirements)
