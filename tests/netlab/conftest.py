# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Worlds for tests: several are built and proved at once, as a proof of a broken one mostly waits for what never comes.

Every world is closed at the end of the session, however that comes about; what a killed session left, the next removes.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import FrameType

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[2] / "collections")]

import namespaces  # noqa: E402
import programs  # noqa: E402
from scenarios import Scenario, Shown, show  # noqa: E402
from world import World  # noqa: E402

AT_ONCE = 5


def _interrupted(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def lab_tools() -> Iterator[programs.Tools]:
    """The programs, on a machine without leftovers. A machine that lacks something is told what."""
    try:
        found = programs.find()
    except programs.Missing as error:
        pytest.exit(str(error), returncode=1)
    # as Ctrl-C does it, so that the worlds are closed
    before = {number: signal.signal(number, _interrupted) for number in (signal.SIGTERM, signal.SIGHUP)}
    namespaces.sweep()
    yield found
    World.close_all()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def shown(lab_tools: programs.Tools, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Shown]]]:
    """What came of each scenario that a test of this session asks for."""
    wanted: dict[str, Scenario] = {}
    for item in request.session.items:
        scenario = getattr(item, "callspec", None) and item.callspec.params.get("scenario")
        if isinstance(scenario, Scenario):
            wanted[scenario.name] = scenario
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield {name: pool.submit(show, lab_tools, scenario) for name, scenario in wanted.items()}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        World.close_all()
        pool.shutdown()
