# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import pytest
from path_samples import DATA, cluster, node, output

from ansible_collections.podpath.kubeadm.plugins.module_utils import (
    judgement,
    observation,
    paths,
    plan,
    preflight,
    stated_paths,
    topology,
    trace,
    verdict,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.hop_verdict import judge_trace

S1, D, D0, POD = "10.244.1.1", "192.168.56.12", "10.244.2.0", "10.244.2.2"


def nodes_of(backend):
    return topology.parse_nodes(cluster(backend))


def expected(nodes, source, destination, pod):
    return paths.Paths(nodes, pods={(destination, "ipv4"): pod}).expected(source, destination)


def judged(text, backend="host-gw", source="node-1", destination="node-2", pod=POD):
    nodes = nodes_of(backend)
    path = expected(nodes, source, destination, pod)
    return judge_trace(nodes[source], nodes[destination], path, trace.parse(text))


def recorded(name):
    return (DATA / f"{name}.txt").read_text()


@pytest.mark.parametrize(("name", "backend"), [("host_gw", "host-gw"), ("limited", "host-gw"), ("vxlan", "vxlan")])
def test_recorded_healthy_paths_pass(name, backend):
    assert judged(recorded(name), backend).verdict == "pass"


@pytest.mark.parametrize(
    ("name", "backend", "words"),
    [
        ("vxlan", "host-gw", ["node-2", "Hop 2 is 10.244.2.0", "192.168.56.12", "vxlan"]),
        ("host_gw", "vxlan", ["node-2", "Hop 2 is 192.168.56.12", "10.244.2.0", "DirectRouting"]),
        ("rejected", "vxlan", ["Hop 3 is 10.244.2.0", "node-2 itself", "REJECT"]),
        ("prohibited", "vxlan", ["Hop 3 is 10.244.2.0", "!A"]),
        ("dropped", "vxlan", ["never reached", "answers at hop 2", "node-2"]),
        ("silent_after_first", "vxlan", ["never reached", "UDP 8472", "node-1", "node-2"]),
        ("silent_after_first", "host-gw", ["never reached", "cluster interface"]),
        ("silent", "host-gw", ["never reached", "not even cni0 of node-1", "ip_forward"]),
    ],
)
def test_recorded_broken_paths_fail_with_their_signature(name, backend, words):
    found = judged(recorded(name), backend)
    assert found.verdict == "fail"
    assert all(word in found.reason for word in words), found.reason


@pytest.mark.parametrize(
    ("hops", "rule", "blamed"),
    [
        ((S1, f"  {D0}  0.1 ms !N  0.1 ms !N"), "no-own-route", "node-2 has no route to its own pods"),
        # an address of a node's that its Node object does not name, behind one that it does
        ((S1, D0, "  10.0.2.15  0.1 ms !N  0.1 ms !N"), "no-own-route", "node-2"),
        ((f"  {S1}  0.1 ms !N  0.1 ms !N",), "no-route", "node node-1"),
        ((S1, "  192.168.121.1  0.1 ms !H  0.1 ms !H"), "refused-astray", "node-1 sends it elsewhere"),
        ((S1, "  192.168.121.1  0.1 ms !X  0.1 ms !X"), "refused-astray", "node-1 sends it elsewhere"),
        # the pod itself cannot resolve its gateway
        (("  10.244.1.9  0.1 ms !H  0.1 ms !H",), "no-neighbour", "node-1"),
        (("  10.88.0.1  0.1 ms !N  0.1 ms !N",), "wrong-first-hop", "node-1"),
    ],
)
def test_who_says_no_is_not_confused_with_who_does_not(hops, rule, blamed):
    found = judged(output(POD, *hops), "vxlan")
    assert (found.rule, blamed in found.reason) == (rule, True), found


def test_recorded_pod_gone_and_missing_route():
    gone = judged(recorded("pod_gone"), pod="10.244.2.77")
    assert (gone.verdict, "!H" in gone.reason, D in gone.reason) == ("fail", True, True)
    lost = judged(recorded("no_route"), pod="10.9.2.77")
    assert lost.verdict == "fail"
    assert "no route" in lost.reason


@pytest.mark.parametrize(
    ("hops", "wanted", "word"),
    [
        ((S1, D, POD), "pass", "Every hop"),
        ((None, D, POD), "inconclusive", "hop 1 is silent"),
        ((S1, None, POD), "inconclusive", "hop 2 is silent"),
        ((None, None, POD), "inconclusive", "hop 1 and 2"),
        ((S1, D, None, POD), "inconclusive", "one hop too many"),
        ((S1, D, "192.168.56.99", POD), "fail", "192.168.56.99"),
        ((S1, "10.0.2.15", POD), "fail", "answers by another interface"),
        ((S1, f"  {D}  0.1 ms  10.0.2.15  0.2 ms", POD), "fail", "10.0.2.15"),
        (("10.88.0.1", D, POD), "fail", "first router is not cni0"),
        ((S1, POD), "fail", "too early"),
        ((POD,), "fail", "too early"),
        ((S1, S1, S1, S1, S1), "fail", "loop"),
        ((S1, None, None, None, S1), "fail", "detour"),
        ((S1, D, None, None, "192.168.56.99"), "fail", "detour"),
        ((S1, D, None, "192.168.56.99", POD), "fail", "detour"),
        ((S1, D, None, None, None), "fail", "the pod does not"),
        ((f"  {S1}  3.1 ms !H  3.1 ms !H",), "fail", "neighbour"),
        ((S1, None, None, None, POD), "inconclusive", "either its probes were lost"),
        # the right address that says no is no right hop: a filter may even speak in the pod's name
        ((S1, f"  {D}  0.1 ms !A  0.2 ms", POD), "fail", "a firewall forbids it"),
        ((S1, D, f"  {POD}  0.1 ms !A  0.2 ms !A"), "fail", "a firewall forbids it"),
        ((S1, f"  *  {D}  0.2 ms !N", POD), "fail", "no route"),
        ((S1, D, f"  {POD}  0.1 ms !  0.2 ms !"), "inconclusive", "refuses probes"),
    ],
)
def test_seen_against_expected(hops, wanted, word):
    found = judged(output(POD, *hops))
    assert (found.verdict, word in found.reason) == (wanted, True), found.reason


@pytest.mark.parametrize(
    ("hops", "wanted", "word"),
    [
        (("10.244.1.2",), "pass", "first hop"),
        ((S1, "10.244.1.2"), "fail", "routed"),
        ((f"  {S1}  3067.1 ms !H  3067.2 ms !H",), "fail", "!H"),
        (("10.9.9.9",), "fail", "bridge"),
        ((None, None, None, None, None), "fail", "nothing answered"),
        ((None, "10.244.1.2"), "inconclusive", "silent"),
        (("  10.244.1.2  0.1 ms !A  0.2 ms !A",), "fail", "a firewall forbids it"),
    ],
)
def test_on_a_node(hops, wanted, word):
    found = judged(output("10.244.1.2", *hops), destination="node-1", pod="10.244.1.2")
    assert (found.verdict, word in found.reason) == (wanted, True), found.reason


def test_a_trace_to_somebody_else_proves_nothing():
    assert judged(output("10.244.2.3", S1, D, "10.244.2.3")).verdict == "inconclusive"


def seen_of(backend="host-gw", **other):
    """Healthy observations for all nine pairs; other outputs, problems as exceptions, or observations as they are come
    as source__destination."""
    nodes = nodes_of(backend)
    pods = {(name, "ipv4"): str(node.side("ipv4").pod_cidr).replace("0/24", "9") for name, node in nodes.items()}
    found = paths.Paths(nodes, pods=pods)
    seen = {}
    for leg in plan.choose(plan.Wanted(), nodes):
        hops = [hop.addresses[0] for hop in found.expected(*leg).hops]
        key = f"{leg.source}__{leg.destination}".replace("-", "")
        told = other.get(key, output(hops[-1], *hops))
        if isinstance(told, Exception):
            told = observation.Observation(problem=str(told))
        elif isinstance(told, str):
            told = observation.Observation(trace.parse(told))
        elif told.trace is None:
            told = dataclasses.replace(told, trace=trace.parse(output(hops[-1], *hops)))
        seen[leg] = told
    return verdict.Record(
        nodes,
        found,
        seen,
        own_ips={**pods, **{(name, "ipv4"): f"{address[:-1]}2" for (name, _f), address in pods.items()}},
    )


def judged_all(record, findings=(), control=None):
    record = dataclasses.replace(record, findings=findings, control=control)
    return {tuple(found.leg[:2]): found.judgement for found in verdict.judge(record.observations, record)}


def test_a_healthy_cluster_passes_in_both_directions():
    for backend in ("host-gw", "vxlan"):
        found = judged_all(seen_of(backend))
        assert {own.verdict for own in found.values()} == {"pass"}
        assert "opposite" in found[("node-1", "node-2")].reason


def test_a_wrong_way_there_that_prints_right_is_caught_by_the_opposite_trace():
    """node-2 sends to node-1 by another interface: node-1's trace shows it, node-2's own does not."""
    astray = output("10.244.2.9", S1, "172.16.0.12", "10.244.2.9")
    found = judged_all(seen_of(node1__node2=astray))
    assert found[("node-1", "node-2")].verdict == "fail"
    assert "node-2 answers by another interface" in found[("node-1", "node-2")].reason
    assert found[("node-2", "node-1")].verdict == "fail"
    assert "node-2 sends to node-1 by 172.16.0.12" in found[("node-2", "node-1")].reason
    assert sum(1 for own in found.values() if own.verdict == "pass") == 7


@pytest.mark.parametrize(("recording", "own", "opposite"), [
    ("netlab/refused_astray.busybox", "refused-astray", "one-way"),
    ("netlab/sent_astray.busybox", "astray", "one-way"),
    ("netlab/second_card_back.busybox", "wrong-way-back", "wrong-way-there"),
])
def test_a_stranger_on_a_way_that_leads_nowhere_says_nothing_of_the_other_end(recording, own, opposite):
    text = recorded(recording).replace(POD, "10.244.2.9")
    found = judged_all(seen_of(node1__node2=text))
    assert (found["node-1", "node-2"].rule, found["node-2", "node-1"].rule) == (own, opposite)


def test_an_opposite_trace_that_shows_nothing_leaves_a_pair_open():
    found = judged_all(seen_of(node1__node2=RuntimeError("exec failed")))
    assert found[("node-1", "node-2")] == judgement.Judgement("inconclusive", "exec failed", "not-probed")
    assert found[("node-2", "node-1")].verdict == "inconclusive"


def test_an_opposite_trace_that_dies_after_hop_2_shows_enough():
    dead = output("10.244.2.9", S1, D, None, None, None)
    found = judged_all(seen_of(node1__node2=dead))
    assert found[("node-1", "node-2")].verdict == "fail"
    assert found[("node-2", "node-1")].verdict == "pass"


@pytest.mark.parametrize("first", [[], ["{source.bridge_ip}"]])
def test_a_stated_path_without_a_hop_between_needs_the_pods_to_be_reached_both_ways(first):
    nodes, pods = nodes_of("vxlan"), {("node-1", "ipv4"): "10.244.1.9", ("node-2", "ipv4"): "10.244.2.9"}
    stated = stated_paths.StatedPaths([{"hops": [*first, stated_paths.POD_IP]}], nodes)
    found = paths.Paths(nodes, pods=pods, stated=stated)
    there, back = plan.Leg("node-1", "node-2"), plan.Leg("node-2", "node-1")

    def verdicts(back_hops=None):
        seen = {}
        for leg in (there, back):
            hops = [hop.addresses[0] for hop in found.expected(*leg).hops]
            shown = back_hops if back_hops and leg == back else hops
            seen[leg] = observation.Observation(trace.parse(output(hops[-1], *shown)))
        judged = judged_all(verdict.Record(nodes, found, seen))
        return [judged[tuple(leg[:2])].verdict for leg in (there, back)]

    assert verdicts() == ["pass", "pass"]
    assert verdicts([None] * 5) == ["inconclusive", "fail"]


def test_findings_bound_what_a_trace_can_show():
    networks = topology.parse_networks(["192.168.56.0/24"])
    trap = preflight.check(topology.parse_nodes([node(0), node(1), node(2, public_ip="10.0.2.15")]), networks)
    found = judged_all(seen_of(), trap)
    for (source, destination), own in found.items():
        concerned = source != destination and "node-2" in (source, destination)
        assert own.verdict == ("fail" if concerned else "pass")
        assert not concerned or ("10.0.2.15" in own.reason and "--iface" in own.reason)


def test_an_inconclusive_finding_excuses_no_broken_path():
    doubt = preflight.check(nodes_of("host-gw"), ())
    dead = output("10.244.2.9", S1, None, None, None, None)
    found = judged_all(seen_of(node1__node2=dead), doubt)
    assert found[("node-1", "node-2")].verdict == "fail"
    assert found[("controlplane", "node-1")].verdict == "inconclusive"
    assert found[("node-1", "node-1")].verdict == "pass"


@pytest.mark.parametrize(
    ("passes", "fails", "opens", "whole", "failing"),
    [
        (9, 0, 0, "pass", set()),
        (8, 0, 1, "inconclusive", {"inconclusive"}),
        (5, 4, 0, "fail", {"inconclusive", "fail"}),
        (0, 0, 9, "inconclusive", {"inconclusive", "fail", "never"}),
        (0, 9, 0, "fail", {"inconclusive", "fail", "never"}),
        (0, 0, 0, "inconclusive", {"inconclusive", "fail", "never"}),
    ],
)
def test_counts_and_failure(passes, fails, opens, whole, failing):
    counts = judgement.count(["pass"] * passes + ["fail"] * fails + ["inconclusive"] * opens)
    assert judgement.overall(counts) == whole
    assert {
        fail_on for fail_on in ("inconclusive", "fail", "never") if judgement.is_failure(counts, fail_on)
    } == failing
