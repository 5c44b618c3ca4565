# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs as bits do what sets of pairs do, and a cluster of which every pair fails takes little room."""

from __future__ import annotations

import random
import tracemalloc
from collections import Counter

import pytest
from path_samples import node

from ansible_collections.podpath.kubeadm.plugins.module_utils import (
    diagnosis,
    observation,
    result,
    topology,
    trace,
    verdict,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.legs import Legs, Names, accuse, suspects
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Leg

NODES = [f"n{number}" for number in range(12)]


def some(seed, number=40):
    pick = random.Random(seed)
    return {Leg(pick.choice(NODES), pick.choice(NODES), pick.choice(("ipv4", "ipv6"))) for _ in range(number)}


@pytest.mark.parametrize("seed", range(5))
def test_legs_are_a_set_of_pairs(seed):
    names, plain, others = Names(NODES), some(seed), some(seed + 100)
    legs, more = Legs(names, plain), Legs(names, others)
    assert (set(legs), len(legs)) == (plain, len(plain))
    assert (set(legs | more), set(legs & more), set(legs - more)) == (plain | others, plain & others, plain - others)
    assert set(legs.opposite()) == {leg.opposite for leg in plain}
    assert {leg in legs for leg in plain} == {True}
    assert {leg in legs for leg in others - plain} == {False}
    assert not Legs(names)
    for name in NODES:
        assert set(legs.of(name)) == {leg for leg in plain if name in leg[:2]}
        assert set(legs.by_source().get(name, ())) == {leg for leg in plain if leg.source == name}
        assert set(legs.by_destination().get(name, ())) == {leg for leg in plain if leg.destination == name}
    assert legs.degrees() == dict(Counter(end for leg in plain for end in set(leg[:2])))
    assert legs.ends() == sorted({end for leg in plain for end in leg[:2]}, key=NODES.index)
    few = NODES[:5]
    assert set(legs.among(few)) == {leg for leg in plain if {*leg[:2]} <= {*few}}
    assert set(legs.across()) == {leg for leg in plain if leg.source != leg.destination}
    assert legs.destinations() == sorted({leg.destination for leg in plain}, key=NODES.index)


def test_their_order_is_that_of_the_nodes_whatever_comes_first():
    legs = Legs(Names(NODES), [Leg("n3", "n1"), Leg("n0", "n11"), Leg("n0", "n2"), Leg("n0", "n1", "ipv6")])
    assert list(legs) == [Leg("n0", "n2"), Leg("n0", "n11"), Leg("n3", "n1"), Leg("n0", "n1", "ipv6")]


def test_the_fewest_nodes_are_accused_and_each_pair_once():
    legs = Legs(Names(NODES), [Leg("n1", "n2"), Leg("n2", "n3"), Leg("n4", "n2"), Leg("n3", "n5"), Leg("n7", "n7")])
    assert {name: set(own) for name, own in accuse(legs).items()} == {
        "n2": {Leg("n1", "n2"), Leg("n2", "n3"), Leg("n4", "n2")}, "n3": {Leg("n3", "n5")}, "n7": {Leg("n7", "n7")}}


def test_both_ends_of_a_pair_are_suspects_where_neither_has_another():
    legs = Legs(Names(NODES), [Leg("n2", "n1"), Leg("n1", "n3"), Leg("n5", "n4"), Leg("n4", "n5"), Leg("n7", "n7")])
    assert {nodes: set(own) for nodes, own in suspects(legs).items()} == {
        ("n1",): {Leg("n2", "n1"), Leg("n1", "n3")},
        ("n4", "n5"): {Leg("n5", "n4"), Leg("n4", "n5")},
        ("n7",): {Leg("n7", "n7")},
    }


def test_a_cluster_of_which_every_pair_fails_is_held_in_little_room():
    nodes = topology.parse_nodes(node(number) for number in range(100))
    tally = result.Tally(nodes)
    tracemalloc.start()
    for source in nodes:
        for destination in nodes:
            seen = observation.Observation(trace.Trace("10.244.0.9", 5, (trace.Hop(1, (trace.Reply(),)),)))
            said = verdict.Judgement("fail", f"Pod on {destination} was never reached from {source}.", "mtu-hole")
            tally.add(verdict.Judged(Leg(source, destination), None, seen, said))
    found = diagnosis.diagnose(diagnosis.Evidence(nodes, tally))
    held, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(len(one.legs) for one in found) == 10_000
    assert held / 10_000 < 100, "bytes for a pair"
