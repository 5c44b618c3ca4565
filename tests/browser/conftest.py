# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of generated reports in Debian's Chromium. Install it with: ansible-playbook tests/browser/install.yml"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "collections"), str(ROOT / "tests" / "unit")]
SHOTS = ROOT / "artifacts" / "screenshots"

import chromium  # noqa: E402


@dataclass
class Opened:
    """A page, with all that it asked of the network and all that it complained about since it was opened."""

    page: Page
    file: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def choose(self, source: int, destination: int) -> None:
        self.page.locator(f'.cells td[data-s="{source}"][data-d="{destination}"]').first.click()

    def told(self) -> str:
        return self.page.locator("#verdict").inner_text()

    def shot(self, name: str, whole: bool = True) -> None:
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(SHOTS / f"{name}.png"), full_page=whole)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = chromium.program()
    assert program, chromium.MISSING
    with chromium.started(program) as started:
        yield started


@pytest.fixture
def opened(browser, tmp_path) -> Iterator[Callable[..., Opened]]:
    """Opens a report as a page: opened(pod_result, node_results, width=, scheme=, ...), and watches what it does."""
    from ansible_collections.podpath.kubeadm.plugins.filter import paths

    pages: list[Opened] = []
    contexts = []

    def start(result, nodes=None, width=1440, height=900, scheme="light", motion="no-preference", anchor="") -> Opened:
        file = tmp_path / f"report-{len(pages)}.html"
        file.write_text(paths.path_html(paths.path_report(result, nodes)), encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme,
                                      reduced_motion=motion)
        contexts.append(context)
        one = Opened(context.new_page(), file.as_uri())
        # the browser's own log of the network, below anything that the page could hide
        session = context.new_cdp_session(one.page)
        session.send("Network.enable")
        session.on("Network.requestWillBeSent", lambda event: one.requests.append(event["request"]["url"]))
        one.page.on("console", lambda message: one.complaints.append(f"{message.type}: {message.text}"))
        one.page.on("pageerror", lambda error: one.complaints.append(str(error)))
        one.page.goto(one.file + anchor)
        if one.page.locator("#paths").count():
            one.page.wait_for_selector("html[data-ready=yes]")
        pages.append(one)
        return one

    yield start
    for one in pages:
        assert one.complaints == []
        assert {url.partition("#")[0] for url in one.requests if not url.startswith("data:")} == {one.file}
    for context in contexts:
        context.close()
