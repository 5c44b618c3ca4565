# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of reports in docs/images, each of a real run: make pictures, as root; with INTO=DIRECTORY there, and
with their pages.

The clusters are those of tests/netlab: nodes are network namespaces whose packets this machine's kernel forwards, and
the proof is the module's own. What is not real is said there; it is the API server above all, which the pictures name.
"""

from __future__ import annotations

import argparse
import base64
import struct
import sys
import tempfile
import zlib
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "tests" / "netlab"), str(ROOT / "collections")]

import chromium  # noqa: E402
import faults  # noqa: E402
import namespaces  # noqa: E402
import programs  # noqa: E402
from playwright.sync_api import Browser  # noqa: E402
from prove import prove  # noqa: E402
from world import World  # noqa: E402

from ansible_collections.podpath.kubeadm.plugins.filter import paths  # noqa: E402
from ansible_collections.podpath.kubeadm.plugins.module_utils import plan  # noqa: E402

IMAGES = ROOT / "docs" / "images"
# README shows them; a reader on a slow line waits for each
MOST_BYTES = 250_000
# Of a picture at most 256 colours, the most frequent ones first, and each pixel as the number of the nearest one. No
# colour is far from all of them, as a rare one may be the one that says something.
_INDEXED = """async (url) => {
  const image = new Image();
  image.src = url;
  await image.decode();
  const { width, height } = image, canvas = new OffscreenCanvas(width, height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const pixels = new Uint32Array(canvas.getImageData(0, 0, width, height).data.buffer), count = new Map();
  for (const pixel of pixels) count.set(pixel, (count.get(pixel) || 0) + 1);
  const parts = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
  const far = (a, b) => Math.hypot(...a.map((part, at) => part - b[at]));
  const frequent = [...count.keys()].sort((a, b) => count.get(b) - count.get(a)).map(parts);
  let colours, near = 4;
  do {
    near *= 1.2;
    colours = [];
    for (const one of frequent) if (!colours.some((other) => far(one, other) < near)) colours.push(one);
  } while (colours.length > 256);
  const number = new Map([...count.keys()].map((pixel) => {
    const distances = colours.map((colour) => far(parts(pixel), colour));
    return [pixel, distances.indexOf(Math.min(...distances))];
  }));
  const rows = Array.from({ length: height }, (_none, row) =>
    btoa(String.fromCharCode(...pixels.subarray(row * width, (row + 1) * width).map((pixel) => number.get(pixel)))));
  return { width, height, colours, rows };
}"""


@dataclass(frozen=True)
class Picture:
    """``blocked``: the node whose firewall drops VXLAN; ``last``: what of the page the picture ends below."""

    name: str
    nodes: int
    blocked: str = ""
    wanted: plan.Wanted = field(default_factory=plan.Wanted)
    scheme: str = "light"
    last: str = "#paths"
    width: int = 1440


PICTURES = [
    Picture("report-broken", 3, "node-2"),
    Picture("report-healthy", 3, scheme="dark"),
    # The kernel has one table of neighbours for all namespaces (net.ipv4.neigh.default.gc_thresh3, 1,024 entries): more
    # pairs of so many nodes would fill it.
    Picture("report-hundred", 100, "node-13", plan.Wanted(name="sample", sample_size=300, seed=2), width=1600),
]


def proved(tools: programs.Tools, picture: Picture) -> dict[str, Any]:
    """The module's result of a run in a world of its own."""
    with World(tools, nodes=picture.nodes) as world:
        broken = faults.vxlan_blocked(world, picture.blocked) if picture.blocked else nullcontext()
        with broken:
            return prove(world, wanted=picture.wanted, wait_timeout=300)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def indexed(browser: Browser, png: bytes) -> bytes:
    """The same picture with 256 colours, which takes a third of the bytes. Chromium writes none of that kind."""
    page = browser.new_page()
    made = page.evaluate(_INDEXED, f"data:image/png;base64,{base64.b64encode(png).decode()}")
    page.close()
    head = struct.pack(">IIBBBBB", made["width"], made["height"], 8, 3, 0, 0, 0)
    colours = bytes(part for colour in made["colours"] for part in colour)
    rows = b"".join(b"\0" + base64.b64decode(row) for row in made["rows"])
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, data)
        for kind, data in ((b"IHDR", head), (b"PLTE", colours), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    )


def drawn(browser: Browser, picture: Picture, document: dict[str, Any], scheme: str) -> bytes:
    """The page of a result from its top to the end of ``last``, as a PNG."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "paths.html")
        file.write_text(paths.path_html(paths.path_report(document)), encoding="utf-8")
        # as high as a matrix of 100 nodes is, which would be scrolled otherwise
        page = browser.new_page(viewport={"width": picture.width, "height": 2000}, color_scheme=scheme,
                                reduced_motion="reduce")
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-ready=yes]")
        end = page.locator(picture.last).evaluate("(part) => part.getBoundingClientRect().bottom + scrollY")
        shot = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": picture.width, "height": end + 20})
        page.close()
        return indexed(browser, shot)


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes the pictures of docs/images from runs in network namespaces.")
    parser.add_argument("--into", type=Path, default=IMAGES, metavar="DIRECTORY")
    parser.add_argument("--scheme", choices=["light", "dark"], help="all of them so, to look at")
    asked = parser.parse_args()
    browser_path = chromium.program()
    if not browser_path:
        sys.exit(chromium.MISSING)
    try:
        tools = programs.find()
    except programs.Missing as error:
        sys.exit(str(error))
    namespaces.sweep()
    asked.into.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        document = proved(tools, picture)
        # what docs say of a picture must be what it shows
        if document["summary"]["inconclusive"] or bool(document["summary"]["fail"]) != bool(picture.blocked):
            sys.exit(f"{picture.name} is not as it should be, so no picture was made; is this machine busy? "
                     f"{document['msg']}")
        with chromium.started(browser_path) as browser:
            shot = drawn(browser, picture, document, asked.scheme or picture.scheme)
        if len(shot) > MOST_BYTES:
            sys.exit(f"{picture.name} has {len(shot):,} bytes, more than {MOST_BYTES:,}: let it show less of the page.")
        file = asked.into / f"{picture.name}.png"
        file.write_bytes(shot)
        if asked.into.resolve() != IMAGES:
            file.with_suffix(".html").write_text(paths.path_html(paths.path_report(document)), encoding="utf-8")
        print(f"{file}: {document['msg']}", flush=True)


if __name__ == "__main__":
    main()
