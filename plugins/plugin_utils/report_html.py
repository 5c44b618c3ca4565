# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One self-contained HTML page of a report. On the controller, as Jinja2 is there; the page's parts lie beside it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ansible_collections.podpath.kubeadm.plugins.module_utils import report, report_view
from ansible_collections.podpath.kubeadm.plugins.module_utils import report_words as words

PARTS = Path(__file__).parent / "report_page"
# Above this the page's data stands in it packed; below, anyone can read it there.
PACK_ABOVE = 256 * 1024
# Rows of nodes that pass, and of those that do not; the matrix has them all.
MAX_NODES = 200
# no HTML may hold these, not even escaped
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]")
# Within a script element these could end it, or end a line for an old reader of JSON.
_UNSAFE = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


def data_block(value: Any) -> tuple[str, bool]:
    """A value as text that is safe within a script element, and whether it is packed (gzip, base64)."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False).translate(_UNSAFE)
    raw = text.encode("utf-8", "replace")
    if len(raw) <= PACK_ABOVE:
        return raw.decode(), False
    return base64.b64encode(gzip.compress(raw, mtime=0)).decode(), True


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def page(built: Mapping[str, Any], where: str = "") -> str:
    """The whole page of a report; ``where``: the file that holds the pairs that have no room here."""
    style = (PARTS / "page.css").read_text(encoding="utf-8")
    script = "\n".join((PARTS / name).read_text(encoding="utf-8") for name in ("map.js", "page.js"))
    environment = Environment(
        loader=FileSystemLoader(PARTS), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    block, packed = data_block(report_view.data(built))
    pods = built["pods"]
    bad, good = report_view.sorted_nodes(built)
    rows = report_view.failing(built)
    rendered = environment.get_template("page.html.j2").render(
        # the one text that is not the collection's own and not escaped by Jinja2: data_block made it safe
        data=Markup(block),
        packed=packed,
        style=Markup(style),
        script=Markup(script),
        style_hash=Markup(_hash(style)),
        script_hash=Markup(_hash(script)),
        report=built,
        pods=pods,
        layer=built.get("nodes"),
        headline=report_view.headline(built),
        verdict=report_view.verdict(built),
        empty=report.empty_reason(pods),
        beside=report_view.beside(built),
        facts=report_view.facts(built),
        provenance=report_view.provenance(built),
        symbols=words.SYMBOLS,
        failing=rows,
        left_out=words.left_out_text(rows, pods, where),
        families=words.family_count(pods),
        bad_nodes=bad,
        good_nodes=good,
        most_nodes=MAX_NODES,
        passing=words.passing_text([*bad, *good]),
        changes=words.change_lines(pods.get("changes")),
        controls=pods.get("control") or [],
        services=words.service_lines(pods),
        services_bad=words.bad_services(pods),
    )
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", rendered)
