# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from path_samples import node

from ansible_collections.podpath.kubeadm.plugins.module_utils import plan, selectors, topology


def names(size):
    return [f"n{index:03d}" for index in range(size)]


def nodes(size, unusable=(), labels=None):
    objects = [
        node(3, name=name, ready=name not in unusable, labels=(labels or {}).get(name, {})) for name in names(size)
    ]
    return topology.parse_nodes(objects)


def chosen(size=3, unusable=(), labels=None, families=("ipv4",), **wanted):
    return plan.choose(plan.Wanted(**wanted), nodes(size, unusable, labels), families, seed=1)


def pairs(made):
    return {(leg.source, leg.destination) for leg in made}


# Which pairs


def test_a_mesh_has_every_ordered_pair_once_in_each_family():
    legs = list(chosen(7, families=("ipv4", "ipv6")))
    assert len(legs) == len(set(legs)) == 98
    assert legs[0] == ("n000", "n000", "ipv4")


def test_a_mesh_of_a_thousand_nodes_holds_no_list_of_its_pairs():
    made = chosen(1000, name="mesh")
    assert len(made) == made.possible == 1_000_000
    assert len({id(destinations) for destinations in made.destinations.values()}) == 1


@pytest.mark.parametrize(("size", "name"), [(10, "mesh"), (11, "sample")])
def test_auto_is_a_mesh_up_to_its_bound_and_a_sample_above(size, name):
    assert chosen(size).name == name
    assert chosen(size, max_mesh_nodes=size).name == "mesh"


def test_a_ring_joins_each_node_with_the_next_one_both_ways():
    assert pairs(chosen(4, name="ring")) == {
        *[("n000", "n001"), ("n001", "n002"), ("n002", "n003"), ("n003", "n000")],
        *[("n001", "n000"), ("n002", "n001"), ("n003", "n002"), ("n000", "n003")],
    }


def test_a_new_node_is_traced_against_all_both_ways_and_on_itself():
    made = pairs(chosen(12, node="n003"))
    assert made == {("n003", other) for other in names(12)} | {(other, "n003") for other in names(12)}


def test_explicit_pairs_bring_their_opposites():
    made = chosen(3, pairs=[("n000", "n001"), ("n002", "n002")])
    assert (made.name, pairs(made)) == ("pairs", {("n000", "n001"), ("n001", "n000"), ("n002", "n002")})


def assert_a_good_sample(made, size, nodes_, unusable):
    legs = list(made)
    assert len(legs) == len(set(legs)) == len(made) <= size
    assert {leg.source for leg in legs} == {leg.destination for leg in legs} == set(nodes_)
    assert all(leg.opposite in made_set for made_set in [set(legs)] for leg in legs)
    usable = [name for name in nodes_ if name not in unusable]
    if len(usable) > 1:
        met = {leg.source for leg in legs if not {leg.source, leg.destination} & set(unusable)}
        assert met == set(usable), "a usable node is not left to one that cannot answer"


@given(data=st.data(), size=st.integers(2, 60), seed=st.integers(0, 2**32))
def test_a_sample_touches_every_node_in_both_directions(data, size, seed):
    unusable = data.draw(st.sets(st.sampled_from(names(size)), max_size=size // 2))
    wanted = data.draw(st.integers(2 * size, size * size + 5))
    made = chosen(size, unusable, name="sample", sample_size=wanted, seed=seed)
    assert_a_good_sample(made, wanted, names(size), unusable)
    assert (made.seed, made.sample_size) == (seed, wanted)
    assert list(chosen(size, unusable, name="sample", sample_size=wanted, seed=seed)) == list(made)


def test_a_sample_has_the_size_that_was_asked_for():
    assert len(chosen(200, name="sample", sample_size=1000, seed=3)) in (999, 1000)
    assert len(chosen(30, name="sample", sample_size=900, seed=3)) == 900
    assert len(chosen(50)) in (199, 200)


def test_seeds_differ():
    assert set(chosen(100, name="sample", seed=1)) != set(chosen(100, name="sample", seed=2))


def test_a_sample_too_small_to_touch_every_node_is_refused():
    with pytest.raises(plan.PlanError, match="sample_size is 10, but 100 pairs"):
        chosen(100, name="sample", sample_size=10)


@given(size=st.integers(2, 30), edge=st.integers(1, 29), seed=st.integers(0, 99))
def test_a_sample_of_sources_and_destinations_touches_all_of_both(size, edge, seed):
    edge = min(edge, size - 1)
    labels = {name: {"tier": "edge" if index < edge else "core"} for index, name in enumerate(names(size))}
    made = chosen(
        size,
        labels=labels,
        name="sample",
        seed=seed,
        source_selectors=["tier=edge"],
        destination_selectors=["tier=core"],
    )
    assert made.covered == set(names(size))
    assert all((leg.source < f"n{edge:03d}") != (leg.destination < f"n{edge:03d}") for leg in made)


def test_selectors_pick_sources_and_destinations():
    labels = {"n000": {"a": "x"}, "n001": {"a": "y"}, "n002": {"b": ""}}
    made = chosen(4, labels=labels, source_selectors=["a=x", "b"], destination_selectors=["a=y"])
    assert pairs(made) == {("n000", "n001"), ("n001", "n000"), ("n002", "n001"), ("n001", "n002")}


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"pairs": [("n000", "nosuch")]}, ["pairs[0].destination", "nosuch", "n000"]),
        ({"pairs": [("n0001", "n001")]}, ["pairs[0].source", "did you mean n0"]),
        ({"pairs": [("n000", "n001"), ("n001", "n000"), ("n000", "n001")]}, ["pairs[2]", "pairs[0]"]),
        ({"pairs": [("n000", "10.96.0.1")]}, ["10.96.0.1", "Service"]),
        ({"pairs": [("n000", "web.default.svc")]}, ["web.default.svc", "Service"]),
        ({"name": "pairs"}, ["pairs is empty"]),
        ({"name": "mesh", "pairs": [("n000", "n001")]}, ["pairs", "mesh"]),
        ({"name": "node"}, ["node is not given"]),
        ({"node": "n9"}, ["node is n9"]),
        ({"source_selectors": ["a=b"]}, ["source_selectors", "a=b", "no node"]),
        ({"source_selectors": ["a ~ b"]}, ["source_selectors", "'a ~ b'"]),
        ({"node": "n000", "source_selectors": ["a"]}, ["selectors"]),
        ({"name": "ring", "destination_selectors": ["kubernetes.io/hostname=n000"]}, ["ring"]),
    ],
)
def test_what_makes_no_plan_is_a_sentence(wanted, words):
    with pytest.raises(plan.PlanError) as error:
        chosen(**wanted)
    assert all(word in str(error.value) for word in words), str(error.value)


# Label selectors

LABELS = {"zone": "a", "node-role.kubernetes.io/edge": "", "cores": "16"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("zone=a", True),
        ("zone==b", False),
        ("zone!=b", True),
        ("rack!=b", True),
        ("zone in (a, b)", True),
        ("zone notin (a,b)", False),
        ("rack notin (a)", True),
        ("node-role.kubernetes.io/edge", True),
        ("!node-role.kubernetes.io/edge", False),
        ("node-role.kubernetes.io/edge=", True),
        ("cores>8,cores<17", True),
        ("zone>8", False),
        ("zone=a,!rack,cores in (8,16)", True),
    ],
)
def test_label_selectors(text, matches):
    assert selectors.parse(text)(LABELS) is matches


@pytest.mark.parametrize(
    "text", ["", "a=b=c", "zone in a", "zone in (a", "a,,b", "=a", "cores>many", "-a", "a in (b c)"]
)
def test_what_is_no_selector_is_refused(text):
    with pytest.raises(selectors.SelectorError):
        selectors.parse(text)


# When

BUCKETS = {"ipv4": (6, 1), "ipv6": (6, 10)}


def targets(size, families=("ipv4",)):
    return [(name, family) for name in names(size) for family in families]


def test_three_nodes_need_no_pause():
    for source in names(3):
        assert [probe.start for probe in plan.schedule(source, targets(3), plan.Method())] == [0, 0, 0]


@given(
    size=st.integers(1, 400),
    source=st.integers(0, 399),
    probes=st.integers(1, 6),
    families=st.sampled_from([("ipv4",), ("ipv6",), ("ipv4", "ipv6")]),
)
def test_a_simulated_bucket_loses_nothing(size, source, probes, families):
    """The kernel's own rule: a bucket of 6 tokens, refilled with time, one per reply of the prober's own router."""
    source, method = f"n{source % size:03d}", plan.Method(probes=probes)
    schedule = plan.schedule(source, targets(size, families), method)
    for family in families:
        burst, refill = BUCKETS[family]
        tokens, last = float(burst), 0
        starts = [probe.start for probe in schedule if probe.family == family and probe.destination != source]
        for start in sorted(starts):
            tokens = min(burst, tokens + (start - last) * refill) - probes
            last = start
            assert tokens >= 0


def test_each_target_is_met_once_and_has_ports_of_its_own():
    method = plan.Method()
    probes = plan.schedule("n010", targets(60, ("ipv4", "ipv6")), method)
    assert sorted((probe.destination, probe.family) for probe in probes) == sorted(targets(60, ("ipv4", "ipv6")))
    used = [port for p in probes for port in range(p.port, p.port + method.ports)]
    assert len(used) == len(set(used))
    assert max(used) <= plan.LAST_PORT


def test_ports_stay_valid_in_a_huge_cluster():
    probes = plan.schedule("n000", [(f"n{index:05d}", "ipv4") for index in range(5000)], plan.Method())
    assert max(probe.port for probe in probes) + 10 - 1 <= plan.LAST_PORT


def test_probers_take_their_destinations_in_turn():
    firsts = [plan.schedule(source, targets(9), plan.Method())[1].destination for source in names(9)]
    assert len(set(firsts)) == 9


def test_more_probes_than_the_burst_are_refused():
    with pytest.raises(ValueError, match="burst of 6"):
        plan.schedule("n000", targets(2), plan.Method(probes=7))
