# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import readiness
from ansible_collections.podpath.kubeadm.plugins.module_utils.api import ApiRefused, ClusterError
from ansible_collections.podpath.kubeadm.plugins.modules import cluster_ready


def node(name, ready="True", **condition):
    return {
        "metadata": {"name": name},
        "status": {
            "addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": "192.168.56.10"}],
            "conditions": [
                {"type": "MemoryPressure", "status": "False"},
                {"type": "Ready", "status": ready, **condition},
            ],
            "nodeInfo": {"kubeletVersion": "v1.37.2"},
        },
    }


def reasons(waiting):
    return [str(item) for item in waiting]


def test_ready_nodes_are_not_waited_for_and_foreign_ones_do_not_matter():
    assert readiness.waiting_nodes([node("a"), node("stranger", "False")], ["a"]) == []


def test_a_node_that_is_missing_or_not_ready_is_named_with_its_reason():
    nodes = [
        node("a", "False", reason="KubeletNotReady", message="cni plugin not initialized"),
        {"metadata": {"name": "b"}},
    ]
    assert reasons(readiness.waiting_nodes(nodes, ["a", "b", "c"])) == [
        "Node a: not Ready: KubeletNotReady: cni plugin not initialized",
        "Node b: not Ready: its kubelet has reported nothing yet",
        "Node c: has not registered with the API server",
    ]


def daemon_set(**status):
    full = {"observedGeneration": 2, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3}
    return {"metadata": {"name": "ds", "generation": 2}, "status": full | status}


def deployment(**status):
    full = {"observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": 2}
    return {"metadata": {"name": "d", "generation": 1}, "spec": {"replicas": 2}, "status": full | status}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({}, None),
        ({"observedGeneration": 1}, "not been seen"),
        ({"desiredNumberScheduled": 0}, "no node"),
        ({"updatedNumberScheduled": 1}, "1 of 3 pods are updated"),
        ({"numberAvailable": 2}, "2 of 3 pods are available"),
    ],
)
def test_a_daemon_set_is_rolled_out_when_every_pod_is_new_and_available(status, said):
    found = reasons(readiness.waiting_daemon_set(daemon_set(**status)))
    assert (said in found[0]) if said else found == []


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({}, None),
        ({"observedGeneration": 0}, "not been seen"),
        ({"updatedReplicas": 1}, "1 of 2 pods are updated"),
        ({"availableReplicas": 0}, "0 of 2 pods are available"),
    ],
)
def test_a_deployment_is_ready_when_every_pod_is_new_and_available(status, said):
    found = reasons(readiness.waiting_deployment(deployment(**status)))
    assert (said in found[0]) if said else found == []


def test_a_new_object_without_status_is_waited_for():
    fresh = {"metadata": {"name": "x", "generation": 1}, "spec": {"replicas": 1}}
    assert readiness.waiting_daemon_set(fresh)
    assert readiness.waiting_deployment(fresh)


def pod(node_name="a", ready="False", **status):
    conditions = [{"type": "Ready", "status": ready, "reason": "ContainersNotReady"}, *status.pop("conditions", [])]
    spec = {"nodeName": node_name} if node_name else {}
    return {"metadata": {"name": "p"}, "spec": spec, "status": {"phase": "Pending", "conditions": conditions, **status}}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            pod(
                containerStatuses=[
                    {"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no x"}}}
                ]
            ),
            "Pod p: on a, container c waits: ImagePullBackOff: no x",
        ),
        (
            pod(initContainerStatuses=[{"name": "i", "state": {"terminated": {"exitCode": 2, "reason": "Error"}}}]),
            "Pod p: on a, container i ended with exit code 2: Error",
        ),
        (
            pod(
                containerStatuses=[
                    {
                        "name": "c",
                        "ready": False,
                        "state": {"running": {}},
                        "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": "no interface"}},
                    }
                ]
            ),
            "Pod p: on a, container c runs but is not ready (before that: exit code 1, Error: no interface)",
        ),
        (
            pod(
                node_name=None,
                conditions=[
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "taints"}
                ],
            ),
            "Pod p: on no node: Unschedulable: taints",
        ),
        (
            pod(initContainerStatuses=[{"name": "i", "state": {"terminated": {"exitCode": 0}}}]),
            "Pod p: on a, ContainersNotReady",
        ),
    ],
)
def test_a_pod_says_why_it_is_not_ready(given, said):
    assert reasons(readiness.waiting_pods([given, pod(ready="True")], {})) == [said]


def test_selector_and_table_are_text():
    assert readiness.selector_text({"spec": {"selector": {"matchLabels": {"b": "2", "a": "1"}}}}) == "a=1,b=2"
    assert readiness.table([readiness.node_summary(node("controlplane"))]) == [
        "NODE          ADDRESS        READY  VERSION",
        "controlplane  192.168.56.10  yes    v1.37.2",
    ]


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def looks(*answers):
    """A look at the cluster that answers one thing after the other, the last one for ever."""
    queue = list(answers)

    def look():
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return look


READY = cluster_ready.State()
NOT_READY = cluster_ready.State(waiting=[readiness.Waiting("Node", "a", "not Ready")])


@pytest.mark.parametrize("first", [NOT_READY, ClusterError("does not answer")])
def test_waiting_ends_as_soon_as_nothing_is_waited_for(first):
    clock = Clock()
    assert cluster_ready.wait(looks(first, first, READY), "https://x", 60, clock, clock.sleep) is READY
    assert clock.now == 2 * cluster_ready.INTERVAL


def test_waiting_ends_when_the_time_is_over_with_the_last_look():
    clock = Clock()
    assert cluster_ready.wait(looks(NOT_READY), "https://x", 5, clock, clock.sleep) is NOT_READY
    assert clock.now == 5


def test_an_api_server_that_does_not_answer_is_named():
    clock = Clock()
    state = cluster_ready.wait(looks(ClusterError("does not answer")), "https://x", 0, clock, clock.sleep)
    assert reasons(state.waiting) == ["API server https://x: does not answer"]


class FakeApi:
    def __init__(self, nodes, daemon_sets, pods=()):
        self._nodes, self._daemon_sets, self._pods = nodes, daemon_sets, pods

    def nodes(self):
        return self._nodes

    def daemon_set(self, namespace, name):
        return self._daemon_sets.get(name, {})

    def deployment(self, namespace, name):
        return {}

    def pods(self, namespace, selector):
        return self._pods

    def events(self, namespace):
        about = {"name": "p"}
        return [
            {"type": "Warning", "involvedObject": about, "reason": "FailedCreatePodSandBox", "message": "no CNI",
             "lastTimestamp": "2026-01-01T00:00:02Z"},
            {"type": "Warning", "involvedObject": about, "reason": "FailedScheduling", "message": "taints",
             "lastTimestamp": None, "eventTime": "2026-01-01T00:00:01.000000Z"},
            {"type": "Normal", "involvedObject": about, "reason": "Pulled", "lastTimestamp": "2026-01-01T00:00:03Z"},
        ]


def test_one_look_gathers_nodes_and_workloads_and_pods_say_why():
    api = FakeApi([node("b"), node("a"), node("other")], {"ds": daemon_set(numberAvailable=0)}, [pod()])
    params = {
        "nodes": ["a", "b"],
        "daemon_sets": [{"namespace": "n", "name": "ds"}],
        "deployments": [{"namespace": "n", "name": "gone"}],
    }
    state = cluster_ready.look(api, params)
    assert [item["name"] for item in state.nodes] == ["a", "b"]
    assert reasons(state.waiting) == [
        "DaemonSet ds: 0 of 3 pods are available",
        "Deployment gone: not there, in namespace n",
    ]
    assert reasons(cluster_ready.pod_reasons(api, state)) == [
        "Pod p: on a, ContainersNotReady; event FailedCreatePodSandBox: no CNI"
    ]


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_user_is_not_waited_for(status):
    clock = Clock()
    with pytest.raises(ApiRefused):
        cluster_ready.wait(looks(ApiRefused("no entry", status)), "https://x", 60, clock, clock.sleep)
    assert clock.now == 0


def test_a_stumbling_server_is_waited_for():
    clock = Clock()
    state = cluster_ready.wait(looks(ApiRefused("it stumbled", 500)), "https://x:1", 60, clock, clock.sleep)
    assert reasons(state.waiting) == ["API server https://x:1: it stumbled"]
    assert clock.now >= 60


def test_a_kubeconfig_that_leads_nowhere_names_its_variables(tmp_path):
    with pytest.raises(ClusterError, match="flannel_kubeconfig in the role, by default control_plane_kubeconfig"):
        cluster_ready.Cluster(str(tmp_path / "nosuch"))
