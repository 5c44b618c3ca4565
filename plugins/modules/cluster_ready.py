#!/usr/bin/python
# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits, with a limit, until nodes and workloads of a cluster are ready; says why when they are not."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_ready
short_description: Wait until the nodes and workloads of a cluster are ready
version_added: 0.1.0
author: The podpath.kubeadm authors (@podpath)
description:
  - Waits until the given Nodes are Ready, the given DaemonSets are rolled out and the given Deployments are available.
  - When the time runs out, it fails and names everything that is not ready with the reasons the cluster gives,
    those of pods and containers included.
  - It fails at once when the kubeconfig cannot be used or the API server refuses its user.
  - It only looks, so it never reports a change. In check mode it looks once and does not fail.
options:
  kubeconfig:
    description: Path of the kubeconfig file on the host where the module runs.
    type: path
    required: true
  nodes:
    description: Names of the Nodes that must be Ready. Other Nodes of the cluster are not looked at.
    type: list
    elements: str
    required: true
  daemon_sets:
    description: DaemonSets that must be rolled out.
    type: list
    elements: dict
    default: []
    suboptions:
      namespace:
        description: Namespace of the DaemonSet.
        type: str
        required: true
      name:
        description: Name of the DaemonSet.
        type: str
        required: true
  deployments:
    description: Deployments that must be available.
    type: list
    elements: dict
    default: []
    suboptions:
      namespace:
        description: Namespace of the Deployment.
        type: str
        required: true
      name:
        description: Name of the Deployment.
        type: str
        required: true
  timeout:
    description: How long to wait at most, in seconds.
    type: int
    default: 180
requirements:
  - kubernetes >= 24.2.0
attributes:
  check_mode:
    description: Looks once and reports what is still waited for.
    support: full
  diff_mode:
    description: There is nothing to compare, as nothing is changed.
    support: none
"""

EXAMPLES = r"""
- name: Wait until the cluster carries pods
  podpath.kubeadm.cluster_ready:
    kubeconfig: .artifacts/kubeconfig
    nodes: [controlplane, node-1, node-2]
    daemon_sets:
      - namespace: kube-flannel
        name: kube-flannel-ds
    deployments:
      - namespace: kube-system
        name: coredns
"""

RETURN = r"""
nodes:
  description: The expected Nodes that have registered, sorted by name.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the Node.
      type: str
    address:
      description: Its InternalIP address or addresses.
      type: str
    ready:
      description: Whether its condition Ready is true.
      type: bool
    version:
      description: The version of its kubelet.
      type: str
waiting:
  description: What is not ready, with the reason. Empty on success.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description: Node, DaemonSet, Deployment, Pod or API server.
      type: str
    name:
      description: Name of the object.
      type: str
    reason:
      description: Why it is not ready; of a pod with the newest warning event about it.
      type: str
waited:
  description: Seconds that passed.
  returned: always
  type: float
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.podpath.kubeadm.plugins.module_utils import readiness
from ansible_collections.podpath.kubeadm.plugins.module_utils.api import (
    KUBERNETES_IMPORT_ERROR,
    Api,
    ApiRefused,
    ClusterError,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.readiness import Waiting
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import in_order

# without it, KUBERNETES_IMPORT_ERROR tells
with contextlib.suppress(ImportError):
    from kubernetes import client as k8s_client

INTERVAL = 1.0
VARIABLES = "variable kubeconfig; flannel_kubeconfig in the role, by default control_plane_kubeconfig"


class Cluster:
    """The few reads this module needs, as the plain JSON of the API. All raise ClusterError."""

    def __init__(self, kubeconfig: str) -> None:
        self._api = Api(kubeconfig, VARIABLES)
        self.address = self._api.server
        self._core = k8s_client.CoreV1Api(self._api.client)
        self._apps = k8s_client.AppsV1Api(self._api.client)

    def _read(self, what: str, method: Callable[..., Any], *args: str) -> dict[str, Any]:
        """An object, empty where there is none."""
        try:
            return self._api.call(what, method, *args)
        except ApiRefused as error:
            if error.status == 404:
                return {}
            raise

    def nodes(self) -> list[dict[str, Any]]:
        return self._api.call("list nodes", self._core.list_node).get("items") or []

    def pods(self, namespace: str, selector: str) -> list[dict[str, Any]]:
        what = f"list pods in namespace {namespace}"
        found = self._api.call(what, self._core.list_namespaced_pod, namespace, label_selector=selector)
        return found.get("items") or []

    def events(self, namespace: str) -> list[dict[str, Any]]:
        what = f"list events in namespace {namespace}"
        found = self._api.call(what, self._core.list_namespaced_event, namespace, field_selector="type=Warning")
        return found.get("items") or []

    def daemon_set(self, namespace: str, name: str) -> dict[str, Any]:
        return self._read(f"read DaemonSet {name}", self._apps.read_namespaced_daemon_set, name, namespace)

    def deployment(self, namespace: str, name: str) -> dict[str, Any]:
        return self._read(f"read Deployment {name}", self._apps.read_namespaced_deployment, name, namespace)


@dataclass
class State:
    """What one look at the cluster showed."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    unready: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


def look(api: Cluster, params: dict[str, Any]) -> State:
    items = api.nodes()
    expected = params["nodes"]
    state = State(
        nodes=sorted(
            (summary for item in items if (summary := readiness.node_summary(item))["name"] in expected),
            key=lambda summary: in_order(summary["name"]),
        ),
        waiting=readiness.waiting_nodes(items, expected),
    )
    for kind, wanted, read, judge in (
        ("DaemonSet", params["daemon_sets"], api.daemon_set, readiness.waiting_daemon_set),
        ("Deployment", params["deployments"], api.deployment, readiness.waiting_deployment),
    ):
        for entry in wanted:
            namespace, name = entry["namespace"], entry["name"]
            item = read(namespace, name)
            if not item:
                state.waiting.append(Waiting(kind, name, f"not there, in namespace {namespace}"))
            elif found := judge(item):
                state.waiting.extend(found)
                state.unready.append((namespace, item))
    return state


def pod_reasons(api: Cluster, state: State) -> list[Waiting]:
    """Why the pods of unready workloads are not ready; asked for once, when the time has run out."""
    result: list[Waiting] = []
    for namespace, item in state.unready:
        warnings = readiness.warnings(api.events(namespace))
        result.extend(readiness.waiting_pods(api.pods(namespace, readiness.selector_text(item)), warnings))
    return result


def wait(
    look_once: Callable[[], State],
    address: str,
    timeout: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> State:
    """Look until nothing is waited for or the time is over; the last look counts."""
    deadline = clock() + timeout
    while True:
        try:
            state = look_once()
        except ClusterError as error:
            # It is there and does not let this user in: waiting does not help.
            if isinstance(error, ApiRefused) and error.status in (401, 403):
                raise
            state = State(waiting=[Waiting("API server", address, str(error))])
        if not state.waiting or clock() >= deadline:
            return state
        sleep(INTERVAL)


def main() -> None:
    workload = {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {"namespace": {"type": "str", "required": True}, "name": {"type": "str", "required": True}},
    }
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "nodes": {"type": "list", "elements": "str", "required": True},
            "daemon_sets": workload,
            "deployments": workload,
            "timeout": {"type": "int", "default": 180},
        },
        supports_check_mode=True,
    )
    if KUBERNETES_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("kubernetes"), exception=KUBERNETES_IMPORT_ERROR)
    params = module.params
    started = time.monotonic()
    try:
        api = Cluster(params["kubeconfig"])
        state = wait(lambda: look(api, params), api.address, 0 if module.check_mode else params["timeout"])
        if state.waiting and state.unready:
            try:
                state.waiting.extend(pod_reasons(api, state))
            except ClusterError as error:
                state.waiting.append(Waiting("API server", api.address, str(error)))
    except ClusterError as error:
        module.fail_json(msg=str(error), nodes=[], waiting=[])
    result = {
        "changed": False,
        "nodes": state.nodes,
        "waiting": [item.as_dict() for item in state.waiting],
        "waited": round(time.monotonic() - started, 1),
    }
    if state.waiting and not module.check_mode:
        lines = "".join(f"\n  {item}" for item in state.waiting)
        module.fail_json(msg=f"The cluster is not ready after {params['timeout']} s; waiting for:{lines}", **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
