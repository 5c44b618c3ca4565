# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's run from Node objects to result, against a fake cluster."""

from __future__ import annotations

import ast
import inspect
import re
import signal

import pytest
import yaml
from fake_cluster import FakeCluster
from path_samples import NAMES, cluster, node, output

from ansible_collections.podpath.kubeadm.plugins.module_utils import api, plan, prober
from ansible_collections.podpath.kubeadm.plugins.modules import pod_traceroute

PULL = {
    "phase": "Pending",
    "containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull", "message": "no such host"}}}],
}


@pytest.fixture(autouse=True)
def no_sleep(monkeypatch):
    """Waiting costs no time, and each poll lets the clock go on by a second."""
    now = [0.0]

    def tick():
        now[0] += 1.0
        return now[0]

    real = prober.wait_for_pods, prober.remove_run
    monkeypatch.setattr(prober, "wait_for_pods", lambda *given: real[0](*given, clock=tick, sleep=lambda _s: None))
    monkeypatch.setattr(prober, "remove_run", lambda *given: real[1](*given, clock=tick, sleep=lambda _s: None))


def prove(fake, fail_on="inconclusive", check_mode=False, networks=("192.168.56.0/24",), expected_nodes=()):
    warnings = []
    proof = pod_traceroute.Proof(
        cluster=fake,
        namespace="default",
        image="busybox:1",
        method=plan.Method(),
        wait_timeout=30,
        run_id="abc",
        cluster_networks=list(networks),
        expected_nodes=list(expected_nodes),
        warn=warnings.append,
    )
    failed, result = pod_traceroute.execute(proof, fail_on, check_mode)
    result["warnings"] = warnings
    assert result["changed"] is False
    assert set(returned()) <= set(result)
    return failed, result


def returned():
    return yaml.safe_load(pod_traceroute.RETURN)


def by_pair(result):
    return {(pair["source"]["node"], pair["destination"]["node"]): pair for pair in result["pairs"]}


def test_a_healthy_cluster_is_proved_and_nothing_stays():
    fake = FakeCluster(cluster())
    failed, result = prove(fake)
    assert (failed, result["verdict"], result["summary"]) == (False, "pass", {"pass": 9, "fail": 0, "inconclusive": 0})
    assert result["coverage"] == {"tried": 9, "possible": 9, "skipped": []}
    assert len(fake.created) == 6
    assert fake.pods == {}
    assert result["residue"] == 0
    pair = by_pair(result)[("node-1", "node-2")]
    assert pair["source"] == {"node": "node-1", "pod": "podpath-abc-prober-1", "ip": "10.244.1.2"}
    assert [hop["role"] for hop in pair["expected"]["hops"]] == ["cni0", "node", "pod"]
    assert [hop["addresses"] for hop in pair["hops"]] == [["10.244.1.1"], ["192.168.56.12"], ["10.244.2.3"]]


def test_one_dead_node_fails_its_four_pairs():
    def dead(source, destination):
        bridge, pod = (f"10.244.{NAMES.index(name)}" for name in (source, destination))
        return output(f"{pod}.3", f"{bridge}.1", None, None, None, None)

    others = ("controlplane", "node-1")
    traces = {pair: dead(*pair) for other in others for pair in ((other, "node-2"), ("node-2", other))}
    fake = FakeCluster(cluster(), traces=traces)
    failed, result = prove(fake)
    assert failed
    assert result["summary"] == {"pass": 5, "fail": 4, "inconclusive": 0}
    assert "4 fail" in result["msg"]
    assert fake.pods == {}
    assert prove(FakeCluster(cluster(), traces=traces), fail_on="never")[0] is False


@pytest.mark.parametrize("odd", [{"ready": False}, {"cordoned": True}])
def test_an_unusable_node_leaves_its_pairs_open_and_gets_no_pods(odd):
    fake = FakeCluster([node(0), node(1), node(2, **odd)])
    failed, result = prove(fake)
    assert failed
    assert result["summary"] == {"pass": 4, "fail": 0, "inconclusive": 5}
    assert [entry["node"] for entry in result["coverage"]["skipped"]] == ["node-2"]
    assert all("node-2" not in str(pod["metadata"]["annotations"]) for pod in fake.created)
    assert "node-2" in by_pair(result)[("node-1", "node-2")]["reason"]
    assert prove(FakeCluster([node(0), node(1), node(2, **odd)]), fail_on="fail")[0] is False


def test_flannel_on_the_nat_interface_fails_although_seen_and_expected_agree():
    failed, result = prove(FakeCluster([node(index, public_ip="10.0.2.15") for index in range(3)]))
    assert failed
    assert result["summary"] == {"pass": 3, "fail": 6, "inconclusive": 0}
    assert "10.0.2.15" in by_pair(result)[("node-1", "node-2")]["reason"]
    assert result["preflight"]


def test_one_node_that_cannot_pull_leaves_its_pairs_open():
    fake = FakeCluster(cluster(), misbehave={f"{role} node-2": PULL for role in ("prober", "peer")})
    failed, result = prove(fake)
    assert failed
    assert result["summary"] == {"pass": 4, "fail": 0, "inconclusive": 5}
    reason = by_pair(result)[("node-1", "node-2")]["reason"]
    assert all(word in reason for word in ("node-2", "busybox:1", "no such host"))
    assert fake.pods == {}


def test_an_image_that_nobody_can_pull_names_the_variable():
    fake = FakeCluster(
        cluster(), misbehave={f"{r} {n['metadata']['name']}": PULL for r in ("prober", "peer") for n in cluster()}
    )
    failed, result = prove(fake, fail_on="never")
    assert failed
    assert all(word in result["msg"] for word in ("busybox:1", "pod_paths_image", "no such host"))
    assert result["summary"]["inconclusive"] == 9
    assert fake.pods == {}


def test_a_broken_exec_leaves_pairs_open_in_both_directions():
    failed, result = prove(FakeCluster(cluster(), exec_problems={"node-1": "exec broke"}))
    assert failed
    found = by_pair(result)
    assert found[("node-1", "node-2")]["reason"] == "exec broke"
    assert found[("node-2", "node-1")]["verdict"] == "inconclusive"
    assert found[("controlplane", "node-2")]["verdict"] == "pass"


def test_output_of_another_traceroute_is_inconclusive_and_quoted():
    _failed, result = prove(FakeCluster(cluster(), traces={("node-1", "node-1"): "traceroute6 says hello"}))
    pair = by_pair(result)[("node-1", "node-1")]
    assert pair["verdict"] == "inconclusive"
    assert "traceroute6 says hello" in pair["reason"]


def test_a_pod_outside_its_nodes_pod_cidr_fails():
    other = {
        "phase": "Running",
        "podIP": "10.88.0.5",
        "containerStatuses": [{"state": {"running": {}}}],
    }
    _failed, result = prove(FakeCluster(cluster(), misbehave={"peer node-1": other}))
    assert by_pair(result)[("node-2", "node-1")]["verdict"] == "fail"
    assert "10.88.0.5" in by_pair(result)[("node-1", "node-1")]["reason"]
    assert by_pair(result)[("controlplane", "node-2")]["verdict"] == "pass"


@pytest.mark.parametrize("verb", ["list_nodes", "create_pod", "list_pods"])
def test_an_api_that_goes_away_fails_with_all_that_is_known(verb):
    fake = FakeCluster(cluster())
    fake.fail_on = {verb: api.ApiUnreachable("The API went away.")}
    failed, result = prove(fake, fail_on="never")
    assert failed
    assert result["msg"] == "The API went away."
    assert len(result["pairs"]) == (0 if verb == "list_nodes" else 9)


def test_pods_that_may_be_left_are_counted_and_named():
    fake = FakeCluster(cluster())
    fake.fail_on = {"delete_pod": api.ApiUnreachable("The API went away.")}
    failed, result = prove(fake)
    assert failed, "a proof that leaves something behind is no green run"
    assert result["residue"] == 6
    assert "kubectl -n default delete pod -l podpath.kubeadm/run=abc" in result["warnings"][0]


def test_an_expected_node_that_the_cluster_does_not_know_is_missed():
    failed, result = prove(FakeCluster(cluster()), expected_nodes=["node-1", "node-9"])
    assert failed
    missed = {(p["source"]["node"], p["destination"]["node"]) for p in result["pairs"] if p["verdict"] != "pass"}
    assert missed == {pair for pair in missed if "node-9" in pair}
    assert len(missed) == 7
    assert all("node-9" in p["reason"] for p in result["pairs"] if p["verdict"] == "inconclusive")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_while_probing_removes_everything(number, monkeypatch):
    fake = FakeCluster(cluster())
    monkeypatch.setattr(prober, "run_probes", lambda *given: signal.raise_signal(number))
    failed, result = prove(fake, fail_on="never")
    assert failed
    assert number.name in result["msg"]
    assert fake.pods == {}
    assert result["residue"] == 0
    assert result["summary"]["inconclusive"] == 9


def test_a_signal_while_creating_removes_what_was_made():
    fake = FakeCluster(cluster())
    create = fake.create_pod

    def third(namespace, manifest):
        create(namespace, manifest)
        if len(fake.created) == 3:
            signal.raise_signal(signal.SIGTERM)

    fake.create_pod = third
    failed, result = prove(fake)
    assert failed
    assert fake.pods == {}
    assert len(fake.created) == 3
    assert result["residue"] == 0


def direct_routing_cluster():
    # the fake answers as host-gw does, which is what DirectRouting looks like on one link
    fake = FakeCluster(cluster("vxlan"))
    fake.config_map = {"data": {"net-conf.json": '{"Backend": {"Type": "vxlan", "DirectRouting": true}}'}}
    return fake


def test_direct_routing_on_one_link_is_proved_by_the_node_addresses():
    failed, result = prove(direct_routing_cluster())
    assert (failed, result["summary"]) == (False, {"pass": 9, "fail": 0, "inconclusive": 0})
    pair = by_pair(result)[("node-1", "node-2")]
    assert [hop["role"] for hop in pair["expected"]["hops"]] == ["cni0", "node", "pod"]


def test_direct_routing_over_several_networks_leaves_those_pairs_open_and_says_why():
    failed, result = prove(direct_routing_cluster(), networks=("192.168.56.10/31", "192.168.56.12/32"))
    assert failed
    assert result["summary"] == {"pass": 5, "fail": 0, "inconclusive": 4}
    reason = by_pair(result)[("node-1", "node-2")]["reason"]
    assert "DirectRouting is on" in reason
    assert "cluster_networks" in reason
    assert by_pair(result)[("controlplane", "node-1")]["verdict"] == "pass"


def test_without_flannels_configuration_direct_routing_is_not_assumed():
    fake = direct_routing_cluster()
    fake.config_map = None
    failed, result = prove(fake)
    assert failed
    assert "DirectRouting" in by_pair(result)[("node-1", "node-2")]["reason"]


def test_check_mode_predicts_and_starts_nothing():
    fake = FakeCluster(cluster("vxlan"))
    failed, result = prove(fake, check_mode=True)
    assert not failed
    assert fake.created == []
    pair = by_pair(result)[("node-1", "node-2")]
    assert pair["expected"]["hops"] == [
        {"role": "cni0", "addresses": ["10.244.1.1"]},
        {"role": "flannel.1", "addresses": ["10.244.2.0"]},
        {"role": "pod", "addresses": []},
    ]
    assert "Check mode" in pair["reason"]
    assert result["summary"]["inconclusive"] == 9


def test_leftovers_are_removed_before_anything_starts():
    fake = FakeCluster(cluster())
    settings = prober.Settings("old", "default", "busybox:1", plan.Method(), 30, 100)
    fake.create_pod("default", prober.pod_manifest(settings, "peer", 0, "node-1", {}, 1000.0))
    fake.pods["podpath-old-peer-0"]["status"] = {"phase": "Succeeded"}
    prove(fake)
    assert fake.deleted[0] == "podpath-old-peer-0"


@pytest.mark.parametrize(("nodes", "word"), [([], "no nodes"), ([{"metadata": {}}], "without metadata.name")])
def test_a_cluster_without_readable_nodes_is_a_sentence(nodes, word):
    failed, result = prove(FakeCluster(nodes), fail_on="never")
    assert failed
    assert word in result["msg"]


def test_nothing_but_unusable_nodes_is_no_success():
    failed, result = prove(FakeCluster([node(0, ready=False)]), fail_on="never")
    assert failed
    assert result["verdict"] == "inconclusive"


def test_a_cidr_that_is_none_is_refused_before_the_cluster_is_asked():
    fake = FakeCluster(cluster())
    fake.fail_on = {"list_nodes": AssertionError("must not be asked")}
    assert "'banana'" in prove(fake, networks=["banana"])[1]["msg"]


def test_documentation_and_argument_spec_agree():
    documented = yaml.safe_load(pod_traceroute.DOCUMENTATION)["options"]
    source = inspect.getsource(pod_traceroute.main)
    for name, option in documented.items():
        line = re.search(rf'"{name}": ({{.*}}),', source).group(1)
        spec = ast.literal_eval(line)
        for key in ("type", "default", "required", "choices", "elements"):
            assert spec.get(key) == option.get(key), (name, key)
    assert set(re.findall(r'^ {12}"(\w+)": {', source, re.MULTILINE)) == set(documented)
