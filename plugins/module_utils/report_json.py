# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as a JSON document: indented while a person may read it, one pair per line where there are many. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

# up to here a whole file is a few hundred kilobytes
INDENTED_PAIRS = 300
_MARK = "podpath:pairs"


def text(built: Mapping[str, Any]) -> str:
    """The document, as docs/report.schema.json describes it."""
    pairs = built["pods"]["pairs"]
    if len(pairs) <= INDENTED_PAIRS:
        return json.dumps(built, indent=2, ensure_ascii=False) + "\n"
    frame = json.dumps({**built, "pods": {**built["pods"], "pairs": _MARK}}, indent=1, ensure_ascii=False)
    lines = ",\n".join(json.dumps(pair, separators=(",", ":"), ensure_ascii=False) for pair in pairs)
    before, _mark, after = frame.partition(f'"pairs": "{_MARK}"')
    return f'{before}"pairs": [\n{lines}\n]{after}\n'
