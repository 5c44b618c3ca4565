# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as a JSON document: indented while a person may read it, one pair or path a line where there are many.

Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# up to here a whole file is a few hundred kilobytes
INDENTED_PAIRS = 300
# what holds the many, by layer
_MANY = {"nodes": "paths", "pods": "pairs"}


def _mark(layer: str) -> str:
    return f"podpath:{layer}"


def text(built: Mapping[str, Any]) -> str:
    """The document, as docs/report.schema.json describes it."""
    many = {layer: built[layer][name] for layer, name in _MANY.items() if built.get(layer)}
    if sum(map(len, many.values())) <= INDENTED_PAIRS:
        return json.dumps(built, indent=2, ensure_ascii=False) + "\n"
    marked = {layer: {**built[layer], _MANY[layer]: _mark(layer)} for layer in many}
    text = json.dumps({**built, **marked}, indent=1, ensure_ascii=False) + "\n"
    for layer, entries in many.items():
        lines = ",\n".join(json.dumps(entry, separators=(",", ":"), ensure_ascii=False) for entry in entries)
        # by partition, as the lines may hold whatever a cluster chose
        before, _found, after = text.partition(f'"{_MANY[layer]}": "{_mark(layer)}"')
        text = f'{before}"{_MANY[layer]}": [\n{lines}\n]{after}'
    return text
