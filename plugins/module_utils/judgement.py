# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three verdicts, what a judgement is, and how single ones make a whole. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PASS = "pass"
FAIL = "fail"
INCONCLUSIVE = "inconclusive"
VERDICTS = (PASS, FAIL, INCONCLUSIVE)
# the rule of pairs of which an end went away while they were traced
END_GONE = "end-gone"


# no slots: nodes run this, and their Python may be 3.9
@dataclass(frozen=True)
class Judgement:
    """A verdict (pass, fail, inconclusive), the sentence for it, and the short name of the rule that gave it."""

    verdict: str
    reason: str
    rule: str = ""


def count(verdicts: Iterable[str]) -> dict[str, int]:
    """How often each verdict was given."""
    counts = dict.fromkeys(VERDICTS, 0)
    for verdict in verdicts:
        counts[verdict] += 1
    return counts


def left_out(counts: Mapping[str, int], kept: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many of each verdict are not among those that are kept."""
    told = count(entry["verdict"] for entry in kept)
    return {verdict: max(0, counts[verdict] - told[verdict]) for verdict in told}


def overall(counts: Mapping[str, int]) -> str:
    """The verdict over all pairs: fail before inconclusive before pass; without any pass never pass."""
    if counts[FAIL]:
        return FAIL
    if counts[INCONCLUSIVE] or not counts[PASS]:
        return INCONCLUSIVE
    return PASS


def is_failure(counts: Mapping[str, int], fail_on: str) -> bool:
    """Whether a run with these counts fails under ``fail_on`` (inconclusive, fail, never).

    A run without a single pass proved nothing and always fails, also under never: a green run over nothing would be a
    lie, and whoever wants only the data has it in the failed result too.
    """
    if not counts[PASS]:
        return True
    if fail_on == "never":
        return False
    if fail_on == "fail":
        return bool(counts[FAIL])
    return bool(counts[FAIL] or counts[INCONCLUSIVE])
