# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/scale.md concludes from its measurements, on measurements whose conclusion is known."""

from __future__ import annotations

import sys
import tracemalloc
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "scale"))

import fits
import many_pairs


@pytest.mark.parametrize(("points", "base", "per_node"), [
    ({3: 10.0, 6: 16.0, 9: 22.0}, 4.0, 2.0),
    # not on a line: the nearest one
    ({3: 10.0, 6: 19.0, 9: 22.0}, 5.0, 2.0),
    ({10: 7.0, 20: 7.0}, 7.0, 0.0),
    ({3: 5.0}, 5.0, 0.0),
])
def test_the_line_of_times_by_nodes(points, base, per_node):
    assert fits.slope(points) == pytest.approx((base, per_node))


def test_growth_goes_from_the_fewest_to_the_most_nodes():
    assert fits.growth({10: (9.0, 40), 3: (1.6, 9), 30: (19.2, 117)}).replace("\n", " ") == (
        "From 3 to 30 nodes, 10 times as many, a sample has 13.0 times as many pairs and takes 12.0 times as long; "
        "there are 100 times as many possible pairs. So time grows with the nodes, as the pairs that are tried do."
    )


def test_growth_with_the_possible_pairs_is_told_as_what_it_is():
    told = fits.growth({3: (1.6, 9), 30: (190.0, 119)}).replace("\n", " ")
    assert told.endswith("So time grows FASTER than the pairs that are tried: each takes 9.0 times as long.")


@pytest.mark.parametrize(("most", "told"), [
    (5.0, "takes 5.0 s with 30 nodes, 16.7 times as long as with 3, for 10 times the nodes: the machine's share is"),
    (3.3, "the machine is not the limit yet"),
])
def test_the_end_of_the_bench_is_judged_by_what_was_measured(most, told):
    assert told in fits.limit({3: 0.3, 10: 0.9, 30: most}, 2).replace("\n", " ")


@pytest.mark.parametrize(("case", "passed", "found"), [
    (many_pairs.FEW, 144 - 44 + 2, ["mtu", "tunnel-blocked", "tunnel-stale"]),
    (many_pairs.LOST, 12, ["tunnel-blocked"]), (many_pairs.HOLES, 12, ["mtu"]),
    (many_pairs.ALL, 12, ["flannel-address"])])
def test_a_measured_cluster_is_broken_as_it_is_said_to_be(case, passed, found):
    measured = many_pairs.measure(12, case)
    assert (measured["summary"]["pass"], [fault for fault, _nodes, _pairs in measured["diagnosis"]]) == (passed, found)


@pytest.mark.parametrize("case", [many_pairs.FEW, many_pairs.HOLES])
def test_time_grows_with_the_pairs_and_what_is_kept_of_one_is_little(case):
    """Twice the nodes are four times the pairs; what is quadratic in pairs would take sixteen times as long."""
    def seconds(size: int) -> float:
        return sum(many_pairs.measure(size, case)["seconds"].values())

    # processor time, yet a busy neighbour may cost some: one good measurement of three proves it
    assert any(seconds(100) <= 6 * seconds(50) for _ in range(3))
    tracemalloc.start()
    try:
        many_pairs.measure(50, case)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak / 50**2 < 400, "bytes; a trace with its evidence has 1,500"
