# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol ``Cluster`` over a world: what an API server, a kubelet and kube-proxy would do for a run's pods.

The API is a stand-in (objects live in a dictionary); pods, their network, Services and every packet are real.
"""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import objects
from addressing import SERVICE_PREFIX, SERVICE_PREFIX_V6
from containers import Container
from flannel import IPV4, IPV6
from world import Host, World

from ansible_collections.podpath.kubeadm.plugins.module_utils.cluster import ExecResult
from ansible_collections.podpath.kubeadm.plugins.module_utils.pods import ROLE_LABEL

_REFUSAL = (
    'pods "{name}" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true (pod or container '
    '"podpath" must set securityContext.runAsNonRoot=true)'
)


@dataclass
class Pod:
    """A pod: its object as it was asked for, its container, and where it runs."""

    manifest: dict[str, Any]
    job: str
    host: Host
    number: int
    container: Container
    announced: bool = False
    deleted: bool = False
    evicted: bool = False
    addresses: list[str] = field(default_factory=list)

    def object(self) -> dict[str, Any]:
        code = self.container.exit_code
        # nobody sees it run before those who wait for it have done what they wanted
        running = self.announced and code is None
        state: dict[str, Any] = {"waiting": {"reason": "ContainerCreating"}}
        phase = "Pending"
        if running:
            phase, state = "Running", {"running": {}}
        elif code is not None:
            phase = "Failed" if code else "Succeeded"
            state = {"terminated": {"exitCode": code, "message": self.container.said}}
        why = {"reason": "Evicted", "message": "The node was low on resource: memory."} if self.evicted else {}
        metadata = {**self.manifest["metadata"]}
        if self.deleted:
            metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        return {
            "metadata": metadata,
            "spec": {**self.manifest["spec"], "nodeName": self.host.name},
            "status": {
                "phase": phase,
                **why,
                "podIP": self.addresses[0],
                "podIPs": [{"ip": address} for address in self.addresses],
                "containerStatuses": [{"state": state}],
            },
        }


class NetlabCluster:
    """One world as a cluster. ``restricted``: namespaces enforce the Pod Security level of that name."""

    server = "network namespaces of this machine"

    def __init__(self, world: World, restricted: bool = False) -> None:
        self.world = world
        self.restricted = restricted
        self.requests: Counter[str] = Counter()
        self._lock = threading.RLock()
        self._jobs: dict[str, dict[str, Any]] = {}
        self._services: dict[str, dict[str, Any]] = {}
        self._pods: dict[str, Pod] = {}
        self._proxied: dict[str, list[str]] = {"ip": [], "ip6": []}
        world.on_close(self._end)

    # Nodes

    def list_nodes(self) -> list[dict[str, Any]]:
        self.requests["list"] += 1
        return self.world.node_objects()

    def flannel_config_map(self) -> dict[str, Any] | None:
        self.requests["get"] += 1
        return objects.config_map(self.world)

    def flannel_pods(self) -> list[dict[str, Any]] | None:
        self.requests["list"] += 1
        return [objects.flannel_pod(host) for host in self.world.hosts.values()]

    # Objects of a run

    def dry_run_pod(self, namespace: str, manifest: Mapping[str, Any]) -> str:
        self.requests["create"] += 1
        if self.restricted and not (manifest["spec"].get("securityContext") or {}).get("runAsNonRoot"):
            return _REFUSAL.format(name=manifest["metadata"]["name"])
        return ""

    def create(self, namespace: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            self.requests["create"] += 1
            stored = {**manifest, "metadata": {**manifest["metadata"], "uid": str(uuid.uuid4())}}
            name = manifest["metadata"]["name"]
            if manifest["kind"] == "Job":
                self._jobs[name] = stored
                self._schedule(stored)
            else:
                number = 10 + len(self._services)
                addresses = {IPV4: f"{SERVICE_PREFIX}{number}", IPV6: f"{SERVICE_PREFIX_V6}{number}"}
                given = [addresses[family] for family in self.world.families]
                stored["spec"] = {**manifest["spec"], "clusterIP": given[0], "clusterIPs": given}
                self._services[name] = stored
            return stored

    def _schedule(self, job: dict[str, Any]) -> None:
        """Job controller, scheduler and kubelet in one: the Job's pod starts on the node that its spec names."""
        template = job["spec"]["template"]
        spec = template["spec"]
        host = self.world.hosts[_node_of(spec)]
        name = f"{job['metadata']['name']}-{uuid.uuid4().hex[:5]}"
        short = f"pod-{len(self._pods)}-{name[-5:]}"
        spaces = self.world.namespaces
        if spec.get("hostNetwork"):
            number, before, network = 0, "", spaces.full(host.name)
            addresses = [{IPV4: host.numbers.eth1, IPV6: host.numbers.eth1_v6}[f] for f in self.world.families]
        else:
            number = host.take()
            before, network = self.world.pod_script(host, short, number), spaces.full(short)
            addresses = self.world.pod_addresses(host, number)
        container = Container(self.world.tools, spaces.directory, short, network, spec, before)
        manifest = {"metadata": {**template["metadata"], "name": name, "uid": str(uuid.uuid4())}, "spec": spec}
        self._pods[name] = Pod(manifest, job["metadata"]["name"], host, number, container, addresses=addresses)

    def list_pods(self, namespace: str, selector: str) -> list[dict[str, Any]]:
        with self._lock:
            self.requests["list"] += 1
            self._tend()
            return [pod.object() for pod in self._pods.values() if _selected(pod.manifest, selector)]

    def delete(self, namespace: str, selector: str, *, now: bool = False) -> None:
        with self._lock:
            self.requests["delete"] += 2
            for name in [name for name, job in self._jobs.items() if _selected(job, selector)]:
                owner = self._jobs.pop(name)["metadata"]["uid"]
                for pod in self._pods.values():
                    if pod.job == name:
                        pod.deleted = True
                        pod.container.stop()
                for service in [key for key, value in self._services.items() if _owned(value, owner)]:
                    del self._services[service]
            if now:
                for pod in self._pods.values():
                    if _selected(pod.manifest, selector):
                        pod.container.stop(now=True)
            self._tend()

    def count_left(self, namespace: str, selector: str) -> int:
        with self._lock:
            self.requests["list"] += 3
            self._tend()
            pods = [pod.manifest for pod in self._pods.values()]
            everything = [*pods, *self._jobs.values(), *self._services.values()]
            return sum(_selected(item, selector) for item in everything)

    def warnings(self, namespace: str, prefix: str) -> dict[str, list[str]]:
        self.requests["list"] += 1
        return {}

    def execute(
        self,
        namespace: str,
        pod: str,
        command: Sequence[str],
        timeout: float,
        cancel: threading.Event,
        heard: Callable[[str], None] | None = None,
    ) -> ExecResult:
        with self._lock:
            self.requests["exec"] += 1
            self._evict()
            container = self._pods[pod].container
        return ExecResult(*container.execute(command, timeout, cancel, heard))

    # What kubelet and kube-proxy do

    def _evict(self) -> None:
        for pod in self._pods.values():
            role = pod.manifest["metadata"]["labels"].get(ROLE_LABEL, "")
            if (role, pod.host.name) in self.world.evicted and not pod.evicted:
                pod.evicted = True
                self.world.namespaces.shell(pod.container.name, "ip link set eth0 down")
                pod.container.stop(now=True)

    def _tend(self) -> None:
        for name, pod in list(self._pods.items()):
            if pod.container.running and not pod.announced:
                pod.announced = True
                role = pod.manifest["metadata"]["labels"].get(ROLE_LABEL, "")
                for callback in self.world.on_pod:
                    callback(role, pod.host.name, pod.container.name)
            if pod.deleted and pod.container.gone:
                self._drop(name)
        self._proxy()

    def _drop(self, name: str) -> None:
        pod = self._pods.pop(name)
        if pod.number:
            # the namespace's own end takes the cable along, but later, and the next pod may get its number
            self.world.do(pod.host.name, f"ip link delete veth{pod.number}")
            self.world.namespaces.drop(pod.container.name)
            pod.host.used.discard(pod.number)

    def _end(self) -> None:
        for pod in self._pods.values():
            pod.container.stop(now=True)

    def _proxy(self) -> None:
        """Programs every node for the Services of now, where anything has changed since the last time."""
        if not self.world.service_proxy:
            return
        rules = self._proxy_rules()
        if rules == self._proxied:
            return
        self._proxied = rules
        text = "".join(
            f"table {family} kube-proxy\ndelete table {family} kube-proxy\ntable {family} kube-proxy {{\n"
            "chain prerouting {\ntype nat hook prerouting priority dstnat;\n" + "\n".join(lines) + "\n}\n}\n"
            for family, lines in rules.items()
        )
        self.world.namespaces.shells(dict.fromkeys(self.world.hosts, f"nft -f - <<'END'\n{text}END\n"))

    def _proxy_rules(self) -> dict[str, list[str]]:
        rules: dict[str, list[str]] = {"ip": [], "ip6": []}
        for service in self._services.values():
            wanted = ",".join(f"{key}={value}" for key, value in service["spec"]["selector"].items())
            ends = [
                pod for pod in self._pods.values()
                if pod.announced and not pod.deleted and _selected(pod.manifest, wanted)
            ]
            port = service["spec"]["ports"][0]
            for index, address in enumerate(service["spec"]["clusterIPs"]):
                family = "ip6" if ":" in address else "ip"
                match = f"{family} daddr {address} tcp dport {port['port']}"
                if ends:
                    table = ", ".join(f"{number} : {pod.addresses[index]}" for number, pod in enumerate(ends))
                    chosen = f"numgen random mod {len(ends)} map {{ {table} }}"
                    rules[family].append(f"{match} dnat to {chosen} : {port['targetPort']}")
        return rules


def _selected(item: Mapping[str, Any], selector: str) -> bool:
    labels = item["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in (part.split("=") for part in selector.split(",")))


def _owned(item: Mapping[str, Any], uid: str) -> bool:
    return any(owner["uid"] == uid for owner in item["metadata"].get("ownerReferences") or [])


def _node_of(spec: Mapping[str, Any]) -> str:
    """The node that a pod's spec pins it to."""
    hostname = (spec.get("nodeSelector") or {}).get("kubernetes.io/hostname")
    if hostname:
        return hostname
    affinity = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return affinity["nodeSelectorTerms"][0]["matchFields"][0]["values"][0]
