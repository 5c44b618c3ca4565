# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import plan, pods
from ansible_collections.podpath.kubeadm.plugins.module_utils.agent_output import AgentWay
from ansible_collections.podpath.kubeadm.plugins.module_utils.probe_shell import ShellWay

OPTIONS = pods.PodOptions(
    tolerations=[{"key": "gpu", "operator": "Exists"}],
    resources={"limits": {"memory": "64Mi"}},
    priority_class="high",
    pull_secrets=["registry"],
)


def settings(**changes) -> pods.Settings:
    given = {"agent_image": "python:3", "wait_timeout": 60, "lifetime": 200, "ttl": 33, **changes}
    return pods.Settings("abc", "probes", "busybox:1", plan.Method(), **given)


def job(way=None, role="prober", **changes) -> dict:
    told = settings(**changes)
    return pods.job(told, (way or ShellWay()).program(told), role, 1, "node-1", pods.pin("node-1", "host-1", True))


def pod(**changes) -> dict:
    """A pod as the API shows it. Changes: phase, waiting, message, conditions, ip, deleting, said."""
    template = job()["spec"]["template"]
    state = {"running": {}}
    if "waiting" in changes:
        state = {"waiting": {"reason": changes["waiting"], "message": changes.get("message", "")}}
    metadata = {**template["metadata"], "name": "podpath-abc-prober-1-xyz"}
    if changes.get("deleting"):
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    address = changes.get("ip", "10.244.1.2")
    return {
        "metadata": metadata,
        "spec": template["spec"],
        "status": {
            "phase": changes.get("phase", "Running"),
            "message": changes.get("said", ""),
            "podIPs": [{"ip": address}, {"ip": "fd00:0::2"}] if address else [],
            "containerStatuses": [{"state": state}],
            "conditions": changes.get("conditions", []),
        },
    }


def test_a_job_ends_and_vanishes_by_itself():
    spec = job()["spec"]
    assert (spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"], spec["backoffLimit"]) == (200, 33, 0)
    assert spec["template"]["spec"]["restartPolicy"] == "Never"


def test_a_pod_on_the_hosts_network_has_no_other_privilege_and_goes_as_the_others_do():
    made = job(role="reader")
    spec = made["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert spec["hostNetwork"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"]
    prober = job()
    assert "hostNetwork" not in prober["spec"]["template"]["spec"]
    for name in ("activeDeadlineSeconds", "ttlSecondsAfterFinished", "backoffLimit"):
        assert made["spec"][name] == prober["spec"][name]
    assert spec["tolerations"] == prober["spec"]["template"]["spec"]["tolerations"]


def test_all_objects_carry_the_run():
    made = job()
    owner = {"metadata": {"name": made["metadata"]["name"], "uid": "u1"}}
    for labels in (
        made["metadata"]["labels"],
        made["spec"]["template"]["metadata"]["labels"],
        pods.service(settings(), owner)["metadata"]["labels"],
    ):
        assert all(
            labels[name] == value for name, value in (part.split("=") for part in settings().selector.split(","))
        )
    assert pods.service(settings(), owner)["metadata"]["ownerReferences"][0]["uid"] == "u1", "it goes with its Job"


def test_what_the_user_says_of_pods_is_said_of_them():
    spec = job(options=OPTIONS)["spec"]["template"]["spec"]
    assert spec["tolerations"] == [{"key": "gpu", "operator": "Exists"}], "listed, and none beside them"
    assert spec["priorityClassName"] == "high"
    assert spec["imagePullSecrets"] == [{"name": "registry"}]
    assert spec["containers"][0]["resources"] == {"limits": {"memory": "64Mi"}}
    assert "priorityClassName" not in job()["spec"]["template"]["spec"], "an empty name is refused"


def test_a_shell_pod_asks_for_no_capability():
    # the baseline level refuses added ones
    assert "capabilities" not in job()["spec"]["template"]["spec"]["containers"][0]["securityContext"]


@pytest.mark.parametrize("role", ["prober", "peer"])
def test_an_agent_pod_is_what_the_restricted_level_asks_for(role):
    spec = job(AgentWay(), role)["spec"]["template"]["spec"]
    container = spec["containers"][0]
    assert container["image"] == "python:3"
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def test_pods_are_pinned_through_the_scheduler():
    assert pods.pin("node-1", "host-1", True) == {"nodeSelector": {"kubernetes.io/hostname": "host-1"}}
    for hostname, unique in (("host-1", False), (None, False), ("", True)):
        term = pods.pin("node-1", hostname, unique)["affinity"]["nodeAffinity"][
            "requiredDuringSchedulingIgnoredDuringExecution"
        ]["nodeSelectorTerms"]
        assert term == [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]}]


UNSCHEDULABLE = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "taint"}]
DRAINED = [{"type": "DisruptionTarget", "status": "True", "message": "Eviction API: evicting"}]


@pytest.mark.parametrize(
    ("changes", "running", "failed", "suspect"),
    [
        ({}, True, "", ""),
        ({"ip": ""}, False, "", ""),
        ({"phase": "Pending", "waiting": "ContainerCreating"}, False, "", ""),
        ({"phase": "Pending", "waiting": "ErrImagePull", "message": "no such host"}, False, "", "pull"),
        ({"phase": "Pending", "waiting": "ImagePullBackOff"}, False, "", "pull"),
        ({"phase": "Pending", "waiting": "InvalidImageName"}, False, "cannot start image busybox:1", ""),
        ({"phase": "Pending", "waiting": "CreateContainerError", "message": "no sh"}, False, "no sh", ""),
        ({"phase": "Pending", "waiting": "", "conditions": UNSCHEDULABLE}, False, "", "schedule"),
        ({"phase": "Failed", "said": "The node was low on resource: memory"}, False, "low on resource", ""),
        ({"phase": "Succeeded"}, False, "ended too early", ""),
        ({"deleting": True}, False, "deleted by somebody else", ""),
        ({"deleting": True, "conditions": DRAINED}, False, "Eviction API: evicting", ""),
    ],
)
def test_pod_states(changes, running, failed, suspect):
    state = pods.pod_state(pod(**changes))
    assert (state.running, state.suspect) == (running, suspect)
    assert failed in state.failed
    assert bool(failed) == bool(state.failed)
    assert (state.node, state.role) == ("node-1", "prober")
    if running:
        assert state.ips == {"ipv4": "10.244.1.2", "ipv6": "fd00::2"}


def test_addresses_of_a_service_by_family():
    assert pods.cluster_ips({"spec": {"clusterIPs": ["10.96.0.9", "fd00::9"]}}) == {
        "ipv4": "10.96.0.9",
        "ipv6": "fd00::9",
    }
    assert pods.cluster_ips({"spec": {"clusterIP": "None"}}) == {}
