# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import random

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import plan


def names(size):
    return [f"n{index:03d}" for index in range(size)]


def test_a_mesh_has_every_ordered_pair_once():
    pairs = plan.mesh(names(7))
    assert len(pairs) == len(set(pairs)) == 49


def test_three_nodes_need_no_pause():
    for source in names(3):
        assert [probe.start for probe in plan.schedule(source, names(3), plan.Method())] == [0, 0, 0]


@pytest.mark.parametrize("size", [1, 2, 4, 5, 8, 33, 200])
@pytest.mark.parametrize("probes", [1, 2, 3, 6])
def test_hop_1_never_sends_more_than_burst_and_elapsed_seconds(size, probes):
    source = random.Random(size * probes).choice(names(size))
    schedule = plan.schedule(source, names(size), plan.Method(probes=probes))
    starts = sorted(probe.start for probe in schedule if probe.destination != source)
    for sent, start in enumerate(starts, 1):
        assert sent * probes <= plan.BURST + start


@pytest.mark.parametrize("size", [3, 50, 400])
def test_a_simulated_bucket_loses_nothing(size):
    """The kernel's own rule: a bucket of 6 tokens, one back per second, one per reply."""
    method = plan.Method()
    tokens, last = float(plan.BURST), 0
    for probe in sorted(plan.schedule("n001", names(size), method), key=lambda probe: probe.start):
        if probe.destination == "n001":
            continue
        tokens = min(plan.BURST, tokens + (probe.start - last) * plan.REFILL_PER_SECOND)
        last = probe.start
        tokens -= method.probes
        assert tokens >= 0


def test_each_destination_is_met_once_and_has_ports_of_its_own():
    method = plan.Method()
    probes = plan.schedule("n010", names(60), method)
    assert sorted(probe.destination for probe in probes) == names(60)
    used = [port for p in probes for port in range(p.port, p.port + method.probes * method.max_ttl)]
    assert len(used) == len(set(used))
    assert max(used) <= plan.LAST_PORT


def test_ports_stay_valid_in_a_huge_cluster():
    probes = plan.schedule("n000", [f"n{index:05d}" for index in range(5000)], plan.Method())
    assert max(probe.port for probe in probes) + 10 - 1 <= plan.LAST_PORT


def test_probers_take_their_destinations_in_turn():
    firsts = [plan.schedule(source, names(9), plan.Method())[1].destination for source in names(9)]
    assert len(set(firsts)) == 9


def test_more_probes_than_the_burst_are_refused():
    with pytest.raises(ValueError, match="burst of 6"):
        plan.schedule("a", ["a", "b"], plan.Method(probes=7))


def test_the_duration_is_that_of_the_last_dead_trace():
    method = plan.Method()
    assert plan.duration(plan.schedule("n000", names(3), method), method) == 13
    assert plan.duration(plan.schedule("n000", names(5), method), method) == 15
    assert plan.duration([], method) == 13
