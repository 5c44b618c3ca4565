# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run from the cluster's objects to the result."""

from __future__ import annotations

import contextlib
import json
import re
import signal
from pathlib import Path

import jsonschema
import pytest
import yaml
from fake_cluster import FakeCluster
from fake_run import SERVER, Objects, Probes
from path_samples import NAMES, cluster, node, output

from ansible_collections.podpath.kubeadm.plugins.module_utils import (
    api,
    baseline,
    observation,
    plan,
    pods,
    prober,
    proof,
    report,
    report_json,
    report_words,
    topology,
    trace,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.paths import PathUnknown
from ansible_collections.podpath.kubeadm.plugins.modules import pod_traceroute

NETWORKS = ("192.168.56.0/24",)
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text())


@pytest.fixture
def prove(monkeypatch):
    """Proves a cluster with probes that see what a test says: whether the task fails, and the result."""

    def run(nodes, probes=None, config_map=None, flannel_pods=None, error=None, **asked):
        probes = probes or Probes(nodes)
        monkeypatch.setattr(prober, "run", probes)
        warnings = []
        request = proof.Request(**{"cluster_networks": NETWORKS, **asked})
        objects = Objects(nodes, config_map, flannel_pods, error)
        made = proof.Proof(objects, request, "abc", seed=1, warn=warnings.append)
        failed, result = proof.execute(made)
        assert result["changed"] is False
        # test_documented looks at what is in them
        assert {*yaml.safe_load(pod_traceroute.RETURN), "changed"} == set(result)
        json.dumps(result)
        return failed, {**result, "warnings": warnings}

    return run


def by_pair(result):
    return {(pair["source"]["node"], pair["destination"]["node"]): pair for pair in result["pairs"]}


def test_a_healthy_cluster_is_proved(prove):
    failed, result = prove(cluster())
    assert (failed, result["verdict"], result["summary"]) == (False, "pass", {"pass": 9, "fail": 0, "inconclusive": 0})
    assert result["coverage"] == {"tried": 9, "possible": 9, "nodes": 3, "covered": 3, "skipped": []}
    assert result["cluster"] == {
        "server": SERVER,
        "nodes": 3,
        "backends": ["host-gw"],
        "families": ["ipv4"],
        "direct_routing": None,
    }
    assert result["run"]["plan"] == {"name": "mesh", "seed": None, "sample_size": None}
    assert [control["held"] for control in result["control"]] == [True, True]
    assert {row["verdict"] for row in result["nodes"]} == {"pass"}
    pair = by_pair(result)[("node-1", "node-2")]
    assert pair["source"] == {"node": "node-1", "pod": "podpath-abc-prober-node-1", "ip": "10.244.1.2"}
    assert [hop["role"] for hop in pair["expected"]["hops"]] == ["cni0", "node", "pod"]
    assert [hop["addresses"] for hop in pair["hops"]] == [["10.244.1.1"], ["192.168.56.12"], ["10.244.2.3"]]


def test_two_families_are_proved_each_by_itself(prove):
    nodes = cluster("vxlan", dual=True)
    failed, result = prove(nodes, cluster_networks=("192.168.56.0/24", "fd00:56::/64"))
    assert (failed, result["summary"]["pass"], result["coverage"]["possible"]) == (False, 18, 18)
    failed, result = prove(nodes, families=("ipv4",))
    assert (failed, result["summary"]["pass"]) == (False, 9)


def dead(source, destination):
    return output("POD", f"10.244.{NAMES.index(source)}.1", None, None, None, None)


def test_one_dead_node_fails_its_four_pairs(prove):
    others = ("controlplane", "node-1")
    traces = {pair: dead(*pair) for other in others for pair in ((other, "node-2"), ("node-2", other))}
    failed, result = prove(cluster(), Probes(cluster(), traces=traces))
    assert failed
    assert result["summary"] == {"pass": 5, "fail": 4, "inconclusive": 0}
    assert "4 fail" in result["msg"]
    assert prove(cluster(), Probes(cluster(), traces=traces), fail_on="never")[0] is False


@pytest.mark.parametrize(("fail_on", "fails"), [("inconclusive", True), ("fail", False), ("never", False)])
def test_services_that_lead_nowhere_fail_a_run_whose_pairs_all_pass_unless_only_broken_paths_shall(
    prove, fail_on, fails
):
    dead = [observation.ServiceSeen(name, "10.96.0.7", 80, False, "", "timed out") for name in NAMES]
    failed, result = prove(cluster(), Probes(cluster(), services=dead), fail_on=fail_on)
    assert (failed, result["verdict"], result["summary"]["pass"]) == (fails, "inconclusive", 9)
    assert "Services lead nowhere" in result["msg"]


@pytest.mark.parametrize(("missing", "unseen"), [("wget", "no wget"), ("httpd", "no httpd")])
def test_an_image_without_a_tool_for_tcp_lacks_that_evidence_and_passes(missing, unseen):
    cluster_of_tools = FakeCluster(cluster())
    cluster_of_tools.missing = missing
    request = proof.Request(cluster_networks=("192.168.56.0/24",))
    failed, told = proof.execute(proof.Proof(cluster_of_tools, request, "abc", seed=1))
    assert (failed, told["verdict"], told["summary"]["pass"], told["diagnosis"]) == (False, "pass", 9, [])
    for pair in told["pairs"]:
        assert not pair["evidence"]["tcp"]["observed"]
        assert not pair["evidence"]["arrival"]["observed"]
        assert unseen in pair["evidence"]["arrival"]["why"]
    assert len(told["services"]) == 3
    for service in told["services"]:
        assert (service["observed"], service["connected"], service["problem"]) == (False, False, "")
        assert unseen in service["why"]


@pytest.mark.parametrize(("lossy", "whole"), [(4, "inconclusive"), (1, "pass")])
def test_a_loss_that_only_all_echoes_of_a_node_show_keeps_the_whole_from_a_pass(prove, lossy, whole):
    """One of three lost is no measure for a pair; a third of all that a node sends and gets is one."""
    ends = [("node-1", "node-2"), ("node-2", "node-1"), ("controlplane", "node-2"), ("node-2", "controlplane")]
    lost = {"echoes": observation.Echoes(3, 2, (0.1, 0.1, 0.1), (62,))}
    failed, result = prove(cluster(), Probes(cluster(), seen=dict.fromkeys(ends[:lossy], lost)))
    assert (result["summary"]["pass"], result["verdict"], failed) == (9, whole, whole != "pass")
    assert ("lost" in result["msg"]) == failed


@pytest.mark.parametrize("protocol", ["udp", "icmp"])
def test_a_pair_says_of_what_protocol_its_probes_and_echoes_were(prove, protocol):
    seen = {
        "protocol": protocol,
        "echoes": observation.Echoes(3, 3, (0.1, 0.1, 0.1), (62,), protocol),
        "full_size": observation.FullSize(1450, 5, 5),
    }
    _failed, result = prove(cluster(), Probes(cluster(), seen={("node-1", "node-2"): seen}))
    (pair,) = (one for one in result["pairs"] if (one["source"]["node"], one["destination"]["node"]) == NAMES[1:])
    assert (pair["protocol"], pair["evidence"]["echoes"]["protocol"]) == (protocol, protocol)
    jsonschema.validate(report.build(result), SCHEMA, jsonschema.Draft202012Validator)
    known = SCHEMA["$defs"]
    assert set(pair) <= set(known["pair"]["properties"]), "the schema names all that is told"
    for name in ("echoes", "full_size"):
        assert set(pair["evidence"][name]) == set(known["evidence"]["properties"][name]["properties"])
    documented = yaml.safe_load(pod_traceroute.RETURN)["pairs"]["contains"]
    assert set(pair) == set(documented)


def test_as_many_echoes_are_sent_as_the_user_asks_for(prove):
    probes = Probes(cluster())
    prove(cluster(), probes, echoes=pod_traceroute.request(defaults(echoes=25), False).echoes)
    assert probes.settings.method.echoes == 25


@pytest.mark.parametrize("odd", [{"ready": False}, {"cordoned": True}, {"labels": {"kubernetes.io/os": "windows"}}])
def test_an_unusable_node_leaves_its_pairs_open_and_gets_no_pods(prove, odd):
    nodes = [node(0), node(1), node(2, **odd)]
    probes = Probes(nodes)
    failed, result = prove(nodes, probes)
    assert failed
    assert result["summary"] == {"pass": 4, "fail": 0, "inconclusive": 5}
    assert [entry["node"] for entry in result["coverage"]["skipped"]] == ["node-2"]
    assert "node-2" not in probes.work.placements
    assert "node-2" in by_pair(result)[("node-1", "node-2")]["reason"]
    assert prove(nodes, fail_on="fail")[0] is False


def test_the_linux_nodes_of_a_mixed_cluster_are_proved_by_the_selectors_that_are_told(prove):
    nodes = [node(0, labels={"kubernetes.io/os": "linux"}), node(1, labels={"kubernetes.io/os": "linux"}),
             node(2, labels={"kubernetes.io/os": "windows"})]
    reason = prove(nodes)[1]["coverage"]["skipped"][0]["reason"]
    selectors = [reason.rpartition(" ")[2].rstrip(".")]
    failed, result = prove(nodes, wanted=plan.Wanted(source_selectors=selectors, destination_selectors=selectors))
    assert (failed, result["summary"]["pass"], result["coverage"]["skipped"]) == (
        False, 4, [{"node": "node-2", "reason": reason}])


def test_flannel_on_the_nat_interface_fails_although_seen_and_expected_agree(prove):
    nodes = [node(index, public_ip="10.0.2.15") for index in range(3)]
    failed, result = prove(nodes)
    assert failed
    assert result["summary"] == {"pass": 3, "fail": 6, "inconclusive": 0}
    assert "10.0.2.15" in by_pair(result)[("node-1", "node-2")]["reason"]
    assert result["preflight"]


def test_pods_that_did_not_start_leave_their_pairs_open(prove):
    problem = {("peer", "node-2"): "Node node-2 cannot pull image."}
    failed, result = prove(cluster(), Probes(cluster(), problems=problem))
    assert failed
    assert by_pair(result)[("node-1", "node-2")]["reason"] == "Node node-2 cannot pull image."
    assert result["coverage"]["skipped"] == [{"node": "node-2", "reason": "Node node-2 cannot pull image."}]


def test_a_broken_prober_leaves_pairs_open_in_both_directions(prove):
    seen = {("node-1", name): {"trace": None, "problem": "exec broke"} for name in NAMES}
    failed, result = prove(cluster(), Probes(cluster(), seen=seen))
    assert failed
    found = by_pair(result)
    assert found[("node-1", "node-2")]["reason"] == "exec broke"
    assert found[("node-2", "node-1")]["verdict"] == "inconclusive"
    assert found[("controlplane", "node-2")]["verdict"] == "pass"


def test_a_pod_outside_its_nodes_pod_cidr_fails(prove):
    ends = {("prober", name): observation.End("p", {"ipv4": f"10.244.{index}.2"}) for index, name in enumerate(NAMES)}
    ends |= {("peer", name): observation.End("q", {"ipv4": f"10.244.{index}.3"}) for index, name in enumerate(NAMES)}
    ends[("peer", "node-1")] = observation.End("q", {"ipv4": "10.88.0.5"})
    _failed, result = prove(cluster(), Probes(cluster(), ends=ends))
    assert by_pair(result)[("node-2", "node-1")]["verdict"] == "fail"
    assert "10.88.0.5" in by_pair(result)[("node-1", "node-1")]["reason"]
    assert by_pair(result)[("controlplane", "node-2")]["verdict"] == "pass"


def test_a_control_that_arrives_leaves_nothing_to_pass(prove):
    arrived = output("10.244.1.254", "10.244.0.1", "192.168.56.11", "10.244.1.254")
    failed, result = prove(cluster(), Probes(cluster(), control=arrived), fail_on="never")
    assert failed
    assert result["summary"] == {"pass": 0, "fail": 0, "inconclusive": 9}
    assert "control did not fail" in by_pair(result)[("node-1", "node-2")]["reason"]


def reached_astray(source, destination, address):
    """A control by the node's own address, where vxlan has its flannel.1; at its end somebody answers, or nobody."""
    hops = (f"10.244.{NAMES.index(source)}.1", f"192.168.56.1{NAMES.index(destination)}")

    def seen(last):
        told = trace.parse(output(address, *hops, last))
        return observation.ControlSeen("ipv4", source, destination, address, told)

    return seen


def test_a_control_that_arrives_by_a_wrong_way_is_not_held_either(prove):
    """What answers for dead addresses, as proxy ARP does, answers whatever way the packets took."""
    ends = [("controlplane", "node-1", "10.244.1.254"), ("node-2", "controlplane", "10.244.0.254")]
    controls = [reached_astray(*end)(end[2]) for end in ends]
    _failed, result = prove(cluster("vxlan"), Probes(cluster("vxlan"), controls=controls))
    assert result["summary"] == {"pass": 0, "fail": 0, "inconclusive": 9}
    assert [(one["verdict"], one["held"]) for one in result["control"]] == [("fail", False)] * 2
    assert result["control"][0]["reason"].startswith("10.244.1.254 was reached all the same. ")
    assert "which no pod has, arrived (10.244.1.254 was reached" in by_pair(result)[("node-1", "node-2")]["reason"]
    assert [one["fault"] for one in result["diagnosis"]] == ["control"]
    # by the same way to nobody
    controls = [reached_astray(*end)(None) for end in ends]
    _failed, result = prove(cluster("vxlan"), Probes(cluster("vxlan"), controls=controls))
    assert (result["summary"]["pass"], [one["held"] for one in result["control"]]) == (9, [True, True])


def test_a_proof_of_one_family_does_not_ask_for_services_of_the_other():
    """The run's Service has an address in both, of which that of IPv6 leads nowhere."""
    fake = FakeCluster(cluster(dual=True))
    fake.cluster_ips = ["10.96.0.9", "fd00:10:96::9"]
    request = proof.Request(cluster_networks=NETWORKS, families=["ipv4"])
    _failed, told = proof.execute(proof.Proof(fake, request, "abc", seed=1))
    assert (told["verdict"], told["diagnosis"]) == ("pass", [])
    assert {one["address"] for one in told["services"]} == {"10.96.0.9"}


@pytest.mark.parametrize("running", [("node-1", "node-2"), ("node-2",)])
def test_controls_go_from_probers_that_run(running):
    """The first and the last node may have taints that the pods do not tolerate."""
    nodes = cluster(size=4)
    fake = FakeCluster(nodes)
    away = [one["metadata"]["name"] for one in nodes if one["metadata"]["name"] not in running]
    fake.misbehave = {f"prober {name}": {"phase": "Failed", "message": "Not tolerated."} for name in away}
    request = proof.Request(cluster_networks=("192.168.56.0/24",))
    _failed, told = proof.execute(proof.Proof(fake, request, "abc", seed=1))
    assert [(one["source"], one["held"]) for one in told["control"]] == [(name, True) for name in running]
    # across nodes a pass needs both ways
    assert told["summary"]["pass"] == len(running) ** 2
    assert {"control", "no-control"}.isdisjoint(one["fault"] for one in told["diagnosis"])


@pytest.mark.parametrize(
    ("backend", "asked", "reach"),
    [
        ("vxlan", {}, {3}),
        ("udp", {}, {5}),
        ("ipip", {"cluster_networks": ("192.168.56.10/31", "192.168.56.12/32")}, {3, 16}),
        (None, {}, {5}),
        (None, {"expected": [{"hops": [*["*"] * 5, "{destination.pod_ip}"]}]}, {6}),
    ],
)
def test_a_control_goes_as_far_as_a_pod_would_be(prove, backend, asked, reach):
    """With fewer hops it would fail whoever answers, and prove nothing."""
    probes = Probes(cluster(backend))
    with contextlib.suppress(PathUnknown):
        prove(cluster(backend), probes, **asked)
    assert {control.max_ttl for control in probes.work.controls} == reach


RACKS = ("cp-1", "cp-2", "w1-1", "w1-2", "w2-1", "w2-2")
FROM_CP, TO_CP = ({"hops": ["*", "192.0.2.1", "192.0.2.2", "{destination.pod_ip}"], end: "cp-*", "family": "ipv4"}
                  for end in ("source", "destination"))  # fmt: skip
BETWEEN = {"hops": [*(f"192.0.2.{number}" for number in range(1, 8)), "{destination.pod_ip}"], "family": "ipv4"}


@pytest.mark.parametrize(
    ("backend", "asked", "most"),
    [
        ("vxlan", {}, 5),
        ("ipip", {}, 5),
        ("udp", {}, 7),
        # nobody knows how many routers keep silent, be it between the last two nodes only
        ("ipip", {"cluster_networks": ("192.168.56.0/29", "192.168.56.8/30", "192.168.56.12/30")}, 16),
        ("ipip", {"cluster_networks": ("192.168.56.8/29",), "wanted": plan.Wanted("pairs", pairs=[RACKS[:2]])}, 5),
        # the longest paths are none of a source's first ones
        ("host-gw", {"expected": [FROM_CP, TO_CP, {**BETWEEN, "source": "w1-*", "destination": "w2-*"}]}, 10),
    ],
)
def test_traces_go_far_enough_for_every_pair_and_no_farther(prove, backend, asked, most):
    nodes = [node(index, backend, name=name) for index, name in enumerate(RACKS)]
    probes = Probes(nodes)
    with contextlib.suppress(PathUnknown):
        prove(nodes, probes, **asked)
    assert probes.settings.method.max_ttl == most
    assert {control.max_ttl for control in probes.work.controls} <= set(range(most + 1))


@pytest.mark.parametrize(
    ("backend", "asked", "silences"),
    [
        ("vxlan", {}, 0),
        ("udp", {}, 2),
        ("ipip", {"cluster_networks": ("192.168.56.11/32", "192.168.56.12/32")}, 16),
        (None, {}, 5),
        (None, {"expected": [{"hops": ["*", "{destination.bridge_ip}", "{destination.pod_ip}"]}]}, 1),
    ],
)
def test_a_silent_hop_that_belongs_to_a_path_is_no_reason_to_trace_it_again(prove, backend, asked, silences):
    """Healthy runs would take longer, and prove no more."""
    probes = Probes(cluster(backend))
    with contextlib.suppress(PathUnknown):
        prove(cluster(backend), probes, **asked)
    told = {probe.destination: probe.silences for probe in probes.work.probes["node-1"]}
    assert told["node-2"] == silences
    assert told["node-1"] == 0, "on a node there is no router"


@pytest.mark.parametrize("retraced", [True, False])
def test_a_pair_says_that_it_was_traced_again(prove, retraced):
    _failed, result = prove(cluster(), Probes(cluster(), seen={("node-1", "node-2"): {"retraced": retraced}}))
    told = {ends: pair["retraced"] for ends, pair in by_pair(result).items()}
    assert told.pop(("node-1", "node-2")) is retraced
    assert not any(told.values())
    jsonschema.validate(report.build(result), SCHEMA, jsonschema.Draft202012Validator)


def test_controls_have_addresses_all_over_a_nodes_pod_network(prove):
    """The address plugin goes round, so that an old node has pods anywhere; low ones are those of every young node."""
    probes = Probes(cluster("vxlan", dual=True))
    prove(cluster("vxlan", dual=True), probes, cluster_networks=("192.168.56.0/24", "fd00:56::/64"))
    four = probes.work.controls[0]
    assert [four.address, *four.spares] == [f"10.244.1.{number}" for number in (254, 218, 182, 146, 109, 73)]
    six = next(control for control in probes.work.controls if control.family == "ipv6")
    assert len({six.address, *six.spares}) == 6


def test_an_address_of_a_pod_that_nobody_knew_of_is_no_broken_control(prove):
    dead = observation.ControlSeen(
        "ipv4", "node-1", "node-2", "10.244.2.218",
        trace.parse(output("10.244.2.218", "10.244.1.1", None, None)), answered=("10.244.2.254",),
    )  # fmt: skip
    _failed, result = prove(cluster(), Probes(cluster(), controls=[dead]))
    assert result["summary"]["pass"] == 9
    told = [(one["address"], one["answered"], one["held"]) for one in result["control"]]
    assert told == [("10.244.2.218", ["10.244.2.254"], True)]
    assert "10.244.2.254 answered" in "".join(report_words.control_lines(result))


def test_without_a_control_nothing_passes(prove):
    _failed, result = prove(cluster(), Probes(cluster(), controls=[]))
    assert result["summary"]["pass"] == 0
    assert "no control" in result["pairs"][0]["reason"]
    assert {pair["rule"] for pair in result["pairs"]} == {"no-control"}
    assert [one["fault"] for one in result["diagnosis"]] == ["no-control"]


def test_an_api_that_goes_away_keeps_what_was_seen(prove):
    kept = {("node-1", "node-1", "ipv4"): None}

    class Partly(Probes):
        def __call__(self, *given):
            outcome = super().__call__(*given)
            outcome.observations = {key: seen for key, seen in outcome.observations.items() if key in kept}
            outcome.stopped = "The API went away."
            return outcome

    failed, result = prove(cluster(), Partly(cluster()), fail_on="never")
    assert failed
    assert result["msg"] == result["stopped"] == "The API went away."
    assert by_pair(result)[("node-1", "node-1")]["verdict"] == "pass"
    assert by_pair(result)[("node-1", "node-2")]["reason"] == "The API went away."
    failed, result = prove(cluster(), error=api.ApiUnreachable("The API is not there."))
    assert (failed, result["msg"], result["pairs"]) == (True, "The API is not there.", [])


GONE = "The peer on node-2 was evicted: low on memory."


def without_node_2(**lost):
    """The traces to node-2 as they are when its peer went away before they came, and the rest whole."""
    nobody = "  192.168.56.12  3051.200 ms !H  3051.300 ms !H"
    traces = {
        (name, "node-2"): output("POD", f"10.244.{index}.1", "192.168.56.12", nobody)
        for index, name in enumerate(NAMES[:2])
    }
    traces[("node-2", "node-2")] = output("POD", "  10.244.2.1  3051.200 ms !H  3051.300 ms !H")
    return Probes(cluster(), traces=traces, **lost)


def test_a_peer_that_went_away_in_mid_run_fails_no_pair(prove):
    failed, result = prove(cluster(), without_node_2(lost={("peer", "node-2"): GONE}))
    assert failed
    assert result["summary"] == {"pass": 6, "fail": 0, "inconclusive": 3}
    pair = by_pair(result)[("node-1", "node-2")]
    assert (pair["rule"], len(pair["hops"])) == ("end-gone", 3), "what was seen is kept"
    assert pair["reason"].startswith(GONE)
    assert [(one["fault"], one["nodes"], one["evidence"]) for one in result["diagnosis"]] == [
        ("pods-lost", ["node-2"], [GONE])
    ]
    # without it, they are broken
    assert prove(cluster(), without_node_2())[1]["summary"]["fail"] == 3


def test_a_peer_that_went_away_excuses_no_fault_that_does_not_need_it(prove):
    loop = output("POD", *["10.244.1.1"] * 5)
    probes = without_node_2(lost={("peer", "node-2"): GONE})
    probes._traces[("node-1", "node-2")] = loop
    assert by_pair(prove(cluster(), probes)[1])[("node-1", "node-2")]["rule"] == "loop"


def test_a_node_or_prober_that_went_away_leaves_its_pairs_open_and_is_the_reason(prove):
    told = "Node node-2 was deleted while the proof ran."
    probes = without_node_2(lost={("peer", "node-2"): GONE}, lost_nodes={"node-2": told})
    probes._traces[("node-1", "node-2")] = output("POD", "  10.244.1.1  0.100 ms !N  0.100 ms !N")
    _failed, result = prove(cluster(), probes)
    assert result["summary"]["fail"] == 0
    assert by_pair(result)[("node-1", "node-2")]["reason"].startswith(told)
    seen = {("node-1", name): {"trace": None, "problem": "exec broke"} for name in NAMES}
    lost = {("prober", "node-1"): "The prober on node-1 was evicted."}
    _failed, result = prove(cluster(), Probes(cluster(), seen=seen, lost=lost))
    found = by_pair(result)
    assert found[("node-1", "node-2")]["reason"] == "The prober on node-1 was evicted."
    # the way back is not shown for the same reason
    assert found[("node-2", "node-1")]["reason"].startswith("The prober on node-1 was evicted.")
    assert found[("controlplane", "node-2")]["verdict"] == "pass"


def test_what_is_left_fails_the_run_and_is_told(prove):
    failed, result = prove(cluster(), Probes(cluster(), residue=6, left="6 objects of this run are still there."))
    assert failed, "a proof that leaves something behind is no green run"
    assert (result["residue"], result["warnings"]) == (6, ["6 objects of this run are still there."])


def test_a_service_that_may_not_be_made_is_not_observed_and_the_report_says_so(prove):
    failed, result = prove(cluster(), Probes(cluster(), no_service="You may not create services."))
    assert (failed, result["services"]) == (False, [])
    built = report.build(result)
    (line,) = report_words.service_lines(built["pods"])
    assert "not observed" in line
    assert "You may not create services." in line


def test_a_signal_while_looking_is_told(prove):
    class Signalled(Objects):
        def list_nodes(self):
            signal.raise_signal(signal.SIGTERM)

    failed, result = proof.execute(proof.Proof(Signalled([]), proof.Request(), "abc"))
    assert failed
    assert "SIGTERM" in result["msg"]


def test_an_expected_node_that_the_cluster_does_not_know_is_missed(prove):
    failed, result = prove(cluster(), expected_nodes=["node-1", "node-9"])
    assert failed
    missed = {(p["source"]["node"], p["destination"]["node"]) for p in result["pairs"] if p["verdict"] != "pass"}
    assert missed == {pair for pair in missed if "node-9" in pair}
    assert len(missed) == 7
    assert all("node-9" in p["reason"] for p in result["pairs"] if p["verdict"] == "inconclusive")
    assert [(one["fault"], one["nodes"], one["pairs_total"]) for one in result["diagnosis"]] == [
        ("node-missing", ["node-9"], 7)
    ]


LINUX = ["kubernetes.io/os=linux"]


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(("fail_on", "fails"), [("inconclusive", True), ("fail", False), ("never", False)])
@pytest.mark.parametrize(
    "wanted",
    [
        {"source_selectors": LINUX, "destination_selectors": LINUX},
        {"source_selectors": LINUX},
        {"name": "ring", "source_selectors": LINUX},
        {"name": "sample", "source_selectors": LINUX, "destination_selectors": LINUX},
        {"pairs": [("node-1", "node-2"), ("node-2", "node-2")]},
    ],
)
def test_a_missing_node_keeps_the_whole_from_a_pass_where_the_plan_has_no_pair_of_it(
    prove, wanted, fail_on, fails, check_mode
):
    nodes = cluster(labels={"kubernetes.io/os": "linux"})
    asked = {"wanted": plan.Wanted(**wanted), "expected_nodes": [*NAMES, "node-9"], "check_mode": check_mode}
    failed, result = prove(nodes, fail_on=fail_on, **asked)
    assert (failed, result["verdict"]) == (fails and not check_mode, "inconclusive")
    (missed,) = (one for one in result["diagnosis"] if one["fault"] == "node-missing")
    assert "node-9" in missed["title"]
    assert "never joined" in missed["evidence"][0]
    if check_mode:
        return
    if wanted.get("destination_selectors") or wanted.get("pairs") or wanted.get("name") == "ring":
        assert {pair["verdict"] for pair in result["pairs"]} == {"pass"}
    assert "node-9" in result["msg"]
    built = report.build(result, fail_on=fail_on)
    assert (built["verdict"], built["failed"], "node-9" in built["message"]) == ("inconclusive", fails, True)
    jsonschema.validate(built, SCHEMA, jsonschema.Draft202012Validator)
    whole = prove(nodes, fail_on=fail_on, **{**asked, "expected_nodes": NAMES})[1]
    assert (whole["verdict"], whole["diagnosis"]) == ("pass", [])


def test_a_pod_network_of_the_other_family_in_flannels_configuration_is_told(prove):
    odd = {"data": {"net-conf.json": '{"Network": "fd00:10::/48", "Backend": {"Type": "host-gw"}}'}}
    failed, result = prove(cluster(), config_map=odd)
    (finding,) = result["preflight"]
    assert finding["rule"] == "pod-network-family"
    assert all(word in finding["message"] + finding["cure"] for word in ("fd00:10::/48", "Network", "IPv6Network"))
    assert (failed, result["summary"]) == (True, {"pass": 3, "fail": 0, "inconclusive": 6})
    assert [(one["fault"], one["pairs_total"]) for one in result["diagnosis"]] == [("pod-network", 6)]


DIRECT = {"data": {"net-conf.json": '{"Backend": {"Type": "vxlan", "DirectRouting": true}}'}}
ON_LINK = topology.Links(True, topology.parse_networks(NETWORKS))


def test_direct_routing_on_one_link_is_proved_by_the_node_addresses(prove):
    nodes = cluster("vxlan")
    failed, result = prove(nodes, Probes(nodes, ON_LINK), DIRECT)
    assert (failed, result["summary"]) == (False, {"pass": 9, "fail": 0, "inconclusive": 0})
    pair = by_pair(result)[("node-1", "node-2")]
    assert [hop["role"] for hop in pair["expected"]["hops"]] == ["cni0", "node", "pod"]
    assert result["cluster"]["direct_routing"] is True


def test_direct_routing_over_several_links_is_proved_per_pair(prove):
    nodes, networks = cluster("vxlan"), ("192.168.56.10/31", "192.168.56.12/32")
    links = topology.Links(True, topology.parse_networks(networks))
    failed, result = prove(nodes, Probes(nodes, links), DIRECT, cluster_networks=networks)
    assert not failed
    found = by_pair(result)
    assert [hop["role"] for hop in found[("controlplane", "node-1")]["expected"]["hops"]][1] == "node"
    assert [hop["role"] for hop in found[("node-2", "node-1")]["expected"]["hops"]][1] == "flannel.1"


def test_direct_routing_without_the_links_leaves_those_pairs_open_and_says_why(prove):
    nodes = cluster("vxlan")
    failed, result = prove(nodes, Probes(nodes, ON_LINK), DIRECT, cluster_networks=("192.168.56.10/31",))
    assert failed
    reason = by_pair(result)[("node-1", "node-2")]["reason"]
    assert "cluster_networks" in reason or "cluster network" in reason
    assert by_pair(result)[("controlplane", "node-1")]["verdict"] == "pass"


def test_without_flannels_configuration_direct_routing_is_not_assumed(prove):
    nodes = cluster("vxlan")
    failed, result = prove(nodes, Probes(nodes, ON_LINK))
    assert failed
    pair = by_pair(result)[("node-1", "node-2")]
    assert (pair["verdict"], pair["rule"]) == ("inconclusive", "direct-not-overlay"), "it may be meant"
    assert "could not be read" in pair["reason"]
    # a node that answers by a card that is nobody's InternalIP is wrong whatever the settings are
    astray = {("node-1", "node-2"): output("POD", "10.244.1.1", "172.16.0.12", "POD")}
    assert by_pair(prove(nodes, Probes(nodes, traces=astray))[1])[("node-1", "node-2")]["verdict"] == "fail"
    off = {"data": {"net-conf.json": '{"Backend": {"Type": "vxlan"}}'}}
    _failed, result = prove(nodes, Probes(nodes, ON_LINK), off)
    assert by_pair(result)[("node-1", "node-2")]["verdict"] == "fail"
    # a stated path does not depend on it
    back = {("node-2", "node-1"): output("POD", "10.244.2.0", "192.168.56.11", "POD")}
    stated = [{"hops": ["{source.overlay_ip}", "{destination.overlay_ip}", "{destination.pod_ip}"]}]
    back |= {("node-1", "node-2"): output("POD", "10.244.1.0", "10.244.2.0", "POD")}
    _failed, result = prove(nodes, Probes(nodes, traces=back), expected=stated)
    assert by_pair(result)[("node-1", "node-2")]["verdict"] == "fail"


def test_stated_paths_need_no_flannel(prove):
    nodes = cluster(None)
    traces = {
        (a, b): output("POD", f"10.244.{NAMES.index(a)}.1", f"192.168.56.{10 + NAMES.index(b)}", "POD")
        for a in NAMES
        for b in NAMES
        if a != b
    }
    stated = [{"hops": ["{source.bridge_ip}", "{destination.internal_ip}", "{destination.pod_ip}"]}]
    failed, result = prove(nodes, Probes(nodes, traces=traces), expected=stated)
    assert (failed, result["summary"]["pass"]) == (False, 9)
    assert by_pair(result)[("node-1", "node-2")]["expected"]["origin"] == "stated in expected[0]"
    failed, result = prove(nodes, Probes(nodes, traces=traces))
    assert (failed, result["summary"]) == (True, {"pass": 3, "fail": 0, "inconclusive": 6})


CALICO = ["{source.internal_ip}", "{destination.internal_ip}", "{destination.pod_ip}"]


@pytest.mark.parametrize(
    ("stated", "outside"),
    [
        ([{"hops": CALICO}], False),
        # all but one pair are still Flannel's
        ([{"hops": CALICO, "source": "node-1", "destination": "node-2"}], True),
        ([{"hops": ["{source.bridge_ip}", *CALICO[1:]]}], True),
        ([{"hops": CALICO[1:], "on_node": True}], False),
        ([], True),
    ],
)
def test_pods_have_addresses_of_their_pod_cidr_unless_the_user_stated_another_network(prove, stated, outside):
    ends = {
        (role, name): observation.End(role, {"ipv4": f"172.20.{index}.{number}"})
        for index, name in enumerate(NAMES)
        for number, role in ((2, "prober"), (3, "peer"))
    }
    traces = {
        (a, b): output(
            f"172.20.{NAMES.index(b)}.3",
            *([] if a == b else [f"192.168.56.{10 + NAMES.index(a)}", f"192.168.56.{10 + NAMES.index(b)}"]),
            f"172.20.{NAMES.index(b)}.3",
        )
        for a in NAMES
        for b in NAMES
    }
    failed, result = prove(cluster(), Probes(cluster(), traces=traces, ends=ends), expected=stated)
    found = {finding["rule"] for finding in result["preflight"]}
    assert ("pod-address-outside" in found) == outside
    if stated == [{"hops": CALICO}]:
        assert (failed, result["summary"]["pass"]) == (False, 9)


def calico(pod_network, reached=True):
    """Traces of a network that routes on a node, too, through the node's own address."""
    def pod(name):
        return f"{pod_network}.{NAMES.index(name)}.3"

    def far(name):
        return f"192.168.56.{10 + NAMES.index(name)}"

    on_node = {name: output(pod(name), far(name), *([pod(name)] if reached else [None] * 4)) for name in NAMES}
    across = {(a, b): output(pod(b), far(a), far(b), pod(b)) for a in NAMES for b in NAMES if a != b}
    return across | {(name, name): told for name, told in on_node.items()}


def ends_in(pod_network):
    return {(role, name): observation.End(role, {"ipv4": f"{pod_network}.{index}.{number}"})
            for index, name in enumerate(NAMES) for number, role in ((2, "prober"), (3, "peer"))}


class OtherNetwork(Probes):
    """Pods elsewhere, and traces as calico() has them."""

    def __init__(self, pod_network, **changes):
        reached = changes.pop("reached", True)
        super().__init__(cluster(None), traces=calico(pod_network, reached), ends=ends_in(pod_network), **changes)


@pytest.mark.parametrize("pod_network", ["10.244", "172.20"])
def test_a_sound_network_that_is_not_flannel_is_not_called_broken(prove, pod_network):
    failed, result = prove(cluster(None), OtherNetwork(pod_network))
    assert (failed, result["verdict"]) == (True, "inconclusive")
    assert result["summary"] == {"pass": 0, "fail": 0, "inconclusive": 9}
    assert {pair["rule"] for pair in result["pairs"]} == {"no-flannel"}
    assert all("expected" in pair["reason"] for pair in result["pairs"])
    (said,) = result["diagnosis"]
    assert (said["fault"], said["nodes"], said["pairs_total"]) == ("no-flannel", [*NAMES], 9)
    outside = [finding for finding in result["preflight"] if "172.20" in finding["message"]]
    assert [finding["nodes"] for finding in outside] == ([[*NAMES]] if pod_network == "172.20" else [])
    on_node = by_pair(result)[("node-1", "node-1")]["reason"]
    assert "192.168.56.11" in on_node
    assert "on_node" in on_node


def test_what_no_network_explains_stays_broken_without_flannel(prove):
    """A pod of the same node that is not reached, or takes no connection, whoever forwards in between."""
    failed, result = prove(cluster(None), OtherNetwork("10.244", reached=False))
    assert (failed, result["summary"]) == (True, {"pass": 0, "fail": 3, "inconclusive": 6})
    assert by_pair(result)[("node-1", "node-1")]["rule"] == "nothing-on-node"
    assert [one["fault"] for one in result["diagnosis"]] == ["bridge-dead", "pod-gone", "no-flannel"]
    seen = {("node-1", "node-1"): {"tcp": observation.Tcp(False, problem="Connection refused")}}
    result = prove(cluster(None), OtherNetwork("10.244", seen=seen))[1]
    assert by_pair(result)[("node-1", "node-1")]["rule"] == "tcp-failed"
    # a router on the way takes one off the TTL, which is no contradiction there
    seen = {("node-1", "node-1"): {"echoes": observation.Echoes(3, 3, (0.1, 0.1, 0.1), (63,))}}
    result = prove(cluster(None), OtherNetwork("10.244", seen=seen))[1]
    assert by_pair(result)[("node-1", "node-1")]["rule"] == "no-flannel"


def test_with_flannel_on_a_node_its_bridge_is_still_what_pods_there_must_take(prove):
    own = ("node-1", "node-1")
    result = prove(cluster(), Probes(cluster(), traces={own: calico("10.244")[own]}))[1]
    assert (by_pair(result)[own]["rule"], result["verdict"]) == ("strange-hop", "fail")
    stated = [{"hops": ["{source.bridge_ip}", "{destination.pod_ip}"], "on_node": True}]
    result = prove(cluster(None), OtherNetwork("10.244"), expected=stated)[1]
    assert by_pair(result)[own]["verdict"] == "fail", "another way than the stated one"


def test_a_cluster_of_one_node_says_that_nothing_crosses(prove):
    failed, result = prove([node(0)])
    assert (failed, result["summary"]["pass"]) == (False, 1)
    assert "single node" in result["msg"]


def test_check_mode_predicts_and_starts_nothing(prove, monkeypatch):
    nodes = cluster("vxlan")
    probes = Probes(nodes)
    failed, result = prove(nodes, probes, check_mode=True)
    assert not failed
    assert probes.work is None
    pair = by_pair(result)[("node-1", "node-2")]
    assert pair["expected"]["hops"] == [
        {"role": "cni0", "addresses": ["10.244.1.1"]},
        {"role": "flannel.1", "addresses": ["10.244.2.0"]},
        {"role": "pod", "addresses": []},
    ]
    assert "Check mode" in pair["reason"]
    assert result["summary"]["inconclusive"] == 9


@pytest.mark.parametrize(("nodes", "word"), [([], "no nodes"), ([{"metadata": {}}], "without metadata.name")])
def test_a_cluster_without_readable_nodes_is_a_sentence(prove, nodes, word):
    failed, result = prove(nodes, Probes([]), fail_on="never")
    assert failed
    assert word in result["msg"]


def test_nothing_but_unusable_nodes_is_no_success(prove):
    failed, result = prove([node(0, ready=False)], fail_on="never")
    assert failed
    assert result["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"cluster_networks": ["banana"]}, ["'banana'"]),
        ({"wanted": plan.Wanted(node="node-9")}, ["node-9"]),
        ({"expected": [{"hops": ["eth1"]}]}, ["expected[0]"]),
    ],
)
def test_bad_input_is_refused_before_anything_starts(prove, asked, words):
    probes = Probes(cluster())
    failed, result = prove(cluster(), probes, **asked)
    assert failed
    assert all(word in result["msg"] for word in words)
    assert probes.work is None


# Many pairs, a file, a baseline


def test_many_pairs_return_what_did_not_pass_and_the_file_holds_all(prove, tmp_path):
    nodes, path = cluster(size=12), tmp_path / "all.json"
    broken = {("node-11", "node-1"): dead("controlplane", "node-1")}
    wanted = plan.Wanted(name="mesh")
    _failed, result = prove(nodes, Probes(nodes, traces=broken), wanted=wanted, output_path=str(path))
    assert set(by_pair(result)) == {("node-11", "node-1"), ("node-1", "node-11")}
    document = json.loads(path.read_text())
    assert len(document["pairs"]) == 144
    for name in set(result) - {"pairs", "pairs_left_out", "warnings", "msg"}:
        assert document[name] == result[name], name
    assert (result["pairs_left_out"]["pass"], sum(document["pairs_left_out"].values())) == (142, 0)
    assert (result["output_path"], path.stat().st_mode & 0o777) == (str(path), 0o644)
    assert [file.name for file in tmp_path.iterdir()] == ["all.json"]


def test_pairs_that_are_returned_can_be_chosen(prove):
    assert len(prove(cluster(), return_pairs="failed")[1]["pairs"]) == 0
    nodes = cluster(size=12)
    assert len(prove(nodes, wanted=plan.Wanted(name="mesh"), return_pairs="all")[1]["pairs"]) == 144
    assert len(prove(nodes, wanted=plan.Wanted(name="mesh"))[1]["pairs"]) == 0


@pytest.mark.parametrize(("asked", "told", "warned"), [
    ({"return_pairs": "failed"}, 4, True), ({"return_pairs": "all"}, 144, False), ({}, 4, True),
    ({"output_path": "all.json"}, 4, False), ({"wanted": plan.Wanted(max_mesh_nodes=12)}, 8 + 8, True)])
def test_a_cluster_of_which_nothing_passes_returns_some_pairs_and_counts_the_others(
    prove, monkeypatch, tmp_path, asked, told, warned
):
    monkeypatch.setattr(proof, "MOST_RETURNED", 4)
    monkeypatch.setattr(proof, "MOST_OF_A_MESH", 8)
    monkeypatch.setattr(proof, "FEWEST_OF_A_RULE", 1)
    monkeypatch.chdir(tmp_path)
    nodes = [node(index, public_ip="10.0.2.15") for index in range(12)]
    _failed, result = prove(nodes, **{"wanted": plan.Wanted(name="mesh"), **asked})
    assert (result["summary"], len(result["pairs"])) == ({"pass": 12, "fail": 132, "inconclusive": 0}, told)
    assert sum(result["pairs_left_out"].values()) == 144 - told
    assert any("output_path" in warning for warning in result["warnings"]) == warned
    assert report.build(result)["pods"]["pairs_left_out"] == result["pairs_left_out"]
    if "output_path" in asked:
        assert len(json.loads((tmp_path / "all.json").read_text())["pairs"]) == 144


def test_a_fault_of_many_pairs_hides_no_other(prove, monkeypatch):
    monkeypatch.setattr(proof, "MOST_RETURNED", 4)
    monkeypatch.setattr(proof, "FEWEST_OF_A_RULE", 2)
    nodes = [node(index, ready=index > 0) for index in range(12)]
    one_way = {("node-8", "node-9"): output("POD", "10.244.8.1", None, None, None)}
    wanted = plan.Wanted(name="mesh")
    _failed, result = prove(nodes, Probes(nodes, traces=one_way), wanted=wanted, return_pairs="failed")
    assert [pair["verdict"] for pair in result["pairs"]] == ["inconclusive"] * 4 + ["fail", "inconclusive"]
    assert result["pairs_left_out"]["inconclusive"] == 23 - 4


def test_a_file_that_cannot_be_written_is_told_before_anything_starts(prove, tmp_path):
    probes = Probes(cluster())
    for path, word in ((tmp_path / "no" / "all.json", "No such file"), (tmp_path, "directory")):
        failed, result = prove(cluster(), probes, output_path=str(path))
        assert failed
        assert word in result["msg"]
        assert "output_path" in result["msg"]
    assert probes.work is None


def test_a_disk_that_fills_up_costs_no_result(prove, tmp_path, monkeypatch):
    def full(*given):
        raise OSError(28, "No space left on device")

    path = tmp_path / "all.json"
    path.write_text("earlier")
    monkeypatch.setattr("os.replace", full)
    failed, result = prove(cluster(), output_path=str(path))
    assert failed
    assert "No space left" in result["msg"]
    assert (len(result["pairs"]), result["output_path"]) == (9, "")
    assert path.read_text() == "earlier"
    assert [file.name for file in tmp_path.iterdir()] == ["all.json"]


def echoes(median):
    return observation.Echoes(3, 3, (median, median, median))


@pytest.fixture
def earlier(prove, tmp_path):
    path = tmp_path / "earlier.json"
    seen = {("node-1", "node-2"): {"echoes": echoes(1.0)}, ("node-2", "node-1"): {"echoes": echoes(1.0)}}
    broken = {("controlplane", "node-1"): dead("controlplane", "node-1")}
    prove(cluster(), Probes(cluster(), traces=broken, seen=seen), output_path=str(path))
    return path


def test_a_run_like_the_earlier_one_has_no_changes(prove, earlier):
    changes = prove(cluster(), Probes(cluster()), baseline_path=str(earlier))[1]["changes"]
    assert (changes["new_failures"], changes["changed_hops"], changes["missing"]) == (
        [],
        [change for change in changes["changed_hops"] if change["source"] == "controlplane"],
        [],
    )
    assert [change["source"] for change in changes["mended"]] == ["controlplane", "node-1"]


def test_what_became_worse_is_told(prove, earlier):
    seen = {("node-1", "node-2"): {"echoes": echoes(3.5)}, ("node-2", "node-1"): {"echoes": echoes(2.9)}}
    broken = {("node-2", "node-2"): output("POD", "10.244.2.1", "POD")}
    nodes = cluster()
    asked = {"wanted": plan.Wanted(pairs=[("node-1", "node-2"), ("node-2", "node-2")])}
    changes = prove(nodes, Probes(nodes, traces=broken, seen=seen), baseline_path=str(earlier), **asked)[1]["changes"]
    assert [(c["source"], c["destination"], c["verdict"]) for c in changes["new_failures"]] == [
        ("node-2", "node-2", "fail")
    ]
    assert changes["changed_hops"][0]["before"] == [["pod"]]
    assert changes["changed_hops"][0]["now"] == [["10.244.2.1"], ["pod"]]
    assert [(c["before_ms"], c["now_ms"]) for c in changes["slower"]] == [(1.0, 3.5)]
    assert (changes["compared"], changes["verdict_only"], changes["not_tried"], changes["missing"]) == (3, 0, 6, [])
    shown = baseline.diff(changes)
    assert "node-2 -> node-2 (ipv4): pass" in shown["before"]
    assert "node-1 -> node-2 (ipv4): 3.5 ms" in shown["after"]


def test_changes_of_all_pairs_are_bounded_and_counted(prove, earlier, monkeypatch):
    monkeypatch.setattr(baseline, "MOST_CHANGES", 2)
    broken = {(source, destination): dead(source, destination) for source in NAMES for destination in NAMES}
    changes = prove(cluster(), Probes(cluster(), traces=broken), baseline_path=str(earlier))[1]["changes"]
    assert (len(changes["new_failures"]), changes["left_out"]["new_failures"]) == (2, 5)
    assert "5 more: new_failures" in baseline.diff(changes)["after"]
    assert report_words.change_lines(changes, most=1)[2] == "  ... and 6 more: fails now"


def test_the_report_that_is_written_serves_as_a_baseline(prove, tmp_path):
    written = tmp_path / "paths.json"
    written.write_text(report_json.text(report.build(prove(cluster(), return_pairs="all")[1])))
    changes = prove(cluster(), baseline_path=str(written))[1]["changes"]
    assert (changes["compared"], changes["verdict_only"], changes["new_failures"]) == (9, 0, [])


def test_a_baseline_that_left_out_what_passed_still_knows_that_it_did(prove, tmp_path):
    written = tmp_path / "result.json"
    broken = {("node-1", "node-2"): dead("node-1", "node-2")}
    before = prove(cluster(), Probes(cluster(), traces=broken), return_pairs="failed")[1]
    assert len(before["pairs"]) == 2, "both ways"
    written.write_text(json.dumps(before))
    now = {("controlplane", "node-1"): dead("controlplane", "node-1")}
    changes = prove(cluster(), Probes(cluster(), traces=now), baseline_path=str(written))[1]["changes"]
    assert {(c["source"], c["destination"]) for c in changes["new_failures"]} == {
        ("controlplane", "node-1"), ("node-1", "controlplane")}
    assert {(c["source"], c["destination"]) for c in changes["mended"]} == {("node-1", "node-2"), ("node-2", "node-1")}
    assert (changes["compared"], changes["verdict_only"]) == (9, 7)
    told = report_words.change_lines(changes)
    assert "  of 7 pairs the baseline tells the verdict alone: hops and times not compared" in told


def test_pairs_that_were_not_tried_are_no_pairs_that_are_gone(prove, earlier):
    few = {"wanted": plan.Wanted(pairs=[("node-1", "node-1")])}
    changes = prove(cluster(), baseline_path=str(earlier), **few)[1]["changes"]
    assert (changes["compared"], changes["not_tried"], changes["missing"]) == (1, 8, [])
    assert report_words.change_lines(changes)[1:] == [
        "  1 pairs were compared; 8 of the baseline were not tried now"]
    gone = cluster()[:2]
    changes = prove(gone, Probes(gone), baseline_path=str(earlier))[1]["changes"]
    assert (changes["compared"], changes["not_tried"], len(changes["missing"])) == (4, 0, 5)


def test_changes_are_as_the_schema_says(prove, earlier):
    seen = {("node-1", "node-2"): {"echoes": echoes(3.5)}}
    broken = {("node-2", "node-2"): output("POD", "10.244.2.1", "POD")}
    gone = cluster()[1:]
    built = report.build(prove(gone, Probes(gone, traces=broken, seen=seen), baseline_path=str(earlier))[1])
    assert all(built["pods"]["changes"][kind] for kind in ("new_failures", "changed_hops", "slower", "missing"))
    jsonschema.validate(built, SCHEMA, jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ["cannot be read"]),
        ("{", ["no JSON"]),
        ("[]", ["no earlier result"]),
        ('{"schema_version": 1, "pairs": []}', ["schema_version 1"]),
        ('{"schema_version": 2, "pairs": []}', ["missing"]),
        ('{"schema_version": 2, "pairs": [3]}', ["no whole result"]),
        (
            '{"schema_version": 2, "pairs": [], "cluster": {"server": "x"}, "run": {"id": "1", "started": "2"}, '
            '"matrix": {"nodes": ["a"], "rows": {"ipv4": ["2p"]}}}',
            ["no whole result", "matrix"],
        ),
    ],
)
def test_what_is_no_baseline_is_refused_before_anything_starts(prove, tmp_path, text, words):
    path = tmp_path / "b.json"
    if text is not None:
        path.write_text(text)
    probes = Probes(cluster())
    failed, result = prove(cluster(), probes, baseline_path=str(path))
    assert failed
    assert all(word in result["msg"] for word in [*words, str(path)])
    assert probes.work is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda told: told["pairs"][5]["evidence"]["echoes"]["rtt_ms"].update(median="0.1"), "rtt_ms is '0.1', which"),
        (lambda told: told["pairs"][5]["evidence"].update(echoes=None), "of another kind than in a result"),
        (lambda told: told["pairs"][5].update(hops=[5]), "of another kind than in a result"),
        (lambda told: told["pairs"][5]["hops"][0].update(addresses=[5]), "hop's address is 5, which is no string"),
        (lambda told: told["pairs"][5].update(verdict=["pass"]), r"verdict is \['pass'\], which is no string"),
        (lambda told: told["pairs"][5]["source"].update(node=7), "a source is 7, which is no string"),
        (lambda told: told["pairs"][5].pop("family"), "'family' is missing"),
        (lambda told: told.update(run=None), "of another kind than in a result"),
        (lambda told: told["run"].update(started=1), "run.started is 1, which is no string"),
        (lambda told: told["cluster"].update(server=None), "cluster.server is None, which is no string"),
        (lambda told: told.update(matrix=[1]), "of another kind than in a result"),
        (lambda told: told["matrix"].update(nodes=[1, 2, 3]), "node of matrix is 1, which is no string"),
        (lambda told: told["matrix"]["rows"].update(ipv4=[5, 5, 5]), "of another kind than in a result .*got 'int'"),
    ],
)
def test_a_baseline_with_an_odd_value_is_refused_before_anything_starts(prove, earlier, change, told):
    document = json.loads(earlier.read_text())
    change(document)
    earlier.write_text(json.dumps(document))
    probes = Probes(cluster())
    failed, result = prove(cluster(), probes, baseline_path=str(earlier))
    assert failed
    assert re.match(rf"baseline {earlier} is no whole result of pod_traceroute: .*{told}", result["msg"])
    assert probes.work is None


def test_look_ahead_compares_nothing_but_still_judges_the_file(prove, earlier):
    assert prove(cluster(), baseline_path=str(earlier), check_mode=True)[1]["changes"] is None
    earlier.write_text("{")
    failed, result = prove(cluster(), baseline_path=str(earlier), check_mode=True)
    assert (failed, "no JSON" in result["msg"]) == (True, True)


def test_a_baseline_of_another_cluster_is_refused(prove, earlier):
    document = json.loads(earlier.read_text())
    document["cluster"]["server"] = "https://other:6443"
    earlier.write_text(json.dumps(document))
    failed, result = prove(cluster(), baseline_path=str(earlier))
    assert failed
    assert "https://other:6443" in result["msg"]
    assert SERVER in result["msg"]
    assert result["changes"] is None, "it is not compared"


def test_a_run_that_breaks_off_before_it_saw_the_nodes_calls_no_pair_gone(prove, earlier):
    failed, result = prove(cluster(), error=api.ClusterError("The API server refuses."), baseline_path=str(earlier))
    assert (failed, result["msg"], result["changes"]) == (True, "The API server refuses.", None)
    assert prove([], baseline_path=str(earlier))[1]["changes"] is None
    # with the nodes it compares what there is
    changes = prove(cluster(), baseline_path=str(earlier), families=("ipv4",), wanted=plan.Wanted(node="node-7"))
    assert (changes[1]["changes"]["missing"], changes[1]["changes"]["not_tried"]) == ([], 9)


def test_a_run_without_a_pair_leaves_its_baseline_as_it_was(prove, earlier):
    before = earlier.read_text()
    failed, result = prove([], baseline_path=str(earlier), output_path=str(earlier))
    assert failed
    assert result["output_path"] == ""
    assert earlier.read_text() == before
    # neither does one that planned pairs and could not trace any, by another name of the same file
    link = earlier.with_name("link.json")
    link.symlink_to(earlier)
    result = prove(cluster(), Probes(cluster(), observations={}), baseline_path=str(earlier),
                   output_path=str(link))[1]
    assert (result["coverage"]["tried"], result["summary"]["inconclusive"]) == (0, 9)
    assert (result["output_path"], earlier.read_text()) == ("", before)
    prove(cluster(), baseline_path=str(earlier), output_path=str(earlier))
    assert earlier.read_text() != before


# The module


def as_spec(options):
    keys = ("type", "required", "default", "choices", "elements")
    spec = {}
    for name, option in options.items():
        spec[name] = {key: option[key] for key in keys if key in option}
        inner = option.get("suboptions") or option.get("options")
        if inner:
            spec[name]["options"] = as_spec(inner)
    return spec


def test_documentation_and_argument_spec_agree():
    documented = yaml.safe_load(pod_traceroute.DOCUMENTATION)["options"]
    assert as_spec(documented) == as_spec(pod_traceroute.ARGUMENTS)


def defaults(**given):
    params = {}
    for name, option in pod_traceroute.ARGUMENTS.items():
        params[name] = option.get("default")
    return {**params, **given}


def test_the_defaults_of_the_module_are_those_of_the_core():
    asked = pod_traceroute.request(defaults(), False)
    assert asked == proof.Request(
        image="docker.io/library/busybox:1.35.0",
        cluster_networks=[],
        expected=[],
        expected_nodes=[],
        wanted=plan.Wanted(pairs=[], source_selectors=[], destination_selectors=[]),
    )


def test_no_tolerations_are_another_wish_than_those_that_nobody_named():
    def tolerations(**given):
        suboptions = {"tolerations": None, "resources": None, "priority_class": "", "pull_secrets": []}
        return pod_traceroute.request(defaults(pod={**suboptions, **given}), False).pod.tolerations

    assert tolerations(tolerations=[]) == []
    assert tolerations() == pods.TOLERATIONS


def test_the_sample_of_a_pair_has_as_many_echoes_as_are_sent_by_default():
    told = yaml.safe_load(pod_traceroute.RETURN)["pairs"]["sample"][0]["evidence"]["echoes"]
    assert told["sent"] == told["received"] == plan.ECHOES


@pytest.mark.parametrize(
    "given",
    [{"probes": 0}, {"probes": 7}, {"echoes": 2}, {"echoes": 101}, {"wait_timeout": 0}, {"sample_size": 0}],
    ids=str,
)
def test_a_number_out_of_range_is_refused_by_its_name(given):
    with pytest.raises(ValueError, match=next(iter(given))):
        pod_traceroute.request(defaults(**given), False)
