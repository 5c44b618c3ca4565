# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a run as data: what they look like when they are made, and what they tell when they are read.

Pure. Pods are made by Jobs, which end after their deadline and vanish after their time to live whatever becomes of the
run; the Service is owned by a Job, so that the garbage collector takes it along. Times are seconds.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.cluster import CONTAINER
from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import End
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Method
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import HOSTNAME_LABEL

MANAGED_BY = "app.kubernetes.io/managed-by=podpath"
RUN_LABEL = "podpath.kubeadm/run"
ROLE_LABEL = "podpath.kubeadm/role"
NODE_ANNOTATION = "podpath.kubeadm/node"
PROBER = "prober"
PEER = "peer"
# on the host's network, to ask for the node's routes
READER = "reader"

# Where a pod may write, also with a read-only root file system.
DIRECTORY = "/podpath"
# A port that no privilege is needed for. The Service has one of its own, so that its answer is no pod's by accident.
PEER_PORT = 8080
SERVICE_PORT = 80
# Nobody, in whatever image.
UNPRIVILEGED_USER = 65534

TOLERATIONS: tuple[Mapping[str, Any], ...] = tuple(
    {"key": f"node-role.kubernetes.io/{name}", "operator": "Exists", "effect": "NoSchedule"}
    for name in ("control-plane", "master")
)


@dataclass(frozen=True, slots=True)
class PodOptions:
    """What a user may say of the pods. All in the form of the API: tolerations, resources, names."""

    tolerations: Sequence[Mapping[str, Any]] = TOLERATIONS
    resources: Mapping[str, Any] = field(default_factory=lambda: {"requests": {"cpu": "5m", "memory": "16Mi"}})
    priority_class: str = ""
    pull_secrets: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is told.

    ``agent_image``: an image with Python for namespaces that refuse the pods of ``image``; empty: there is none.
    ``lifetime``: after which the pods end by themselves; ``ttl``: after which ended ones vanish.
    """

    run_id: str
    namespace: str
    image: str
    method: Method
    wait_timeout: int
    lifetime: int
    agent_image: str = ""
    ttl: int = 60
    options: PodOptions = field(default_factory=PodOptions)

    @property
    def selector(self) -> str:
        """What all objects of the run, and no others, carry."""
        return f"{MANAGED_BY},{RUN_LABEL}={self.run_id}"

    @property
    def prefix(self) -> str:
        """How the names of all objects of the run begin."""
        return f"podpath-{self.run_id}"


@dataclass(frozen=True, slots=True)
class Program:
    """What the pods of a run execute: ``commands`` by role, the environment they share, and whether the pod gives up
    everything that the restricted Pod Security level asks it to."""

    image: str
    commands: Mapping[str, Sequence[str]]
    environment: Mapping[str, str]
    restricted: bool = False


def pin(node: str, hostname: str | None, hostname_is_unique: bool) -> dict[str, Any]:
    """The part of a pod's spec that pins it to a node, through the scheduler, so that resources and taints count."""
    if hostname and hostname_is_unique:
        return {"nodeSelector": {HOSTNAME_LABEL: hostname}}
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    return {"affinity": {"nodeAffinity": required}}


def _labels(settings: Settings, role: str = "") -> dict[str, str]:
    name, value = MANAGED_BY.split("=")
    # a service mesh's sidecar would take the connections that are to show the pods' own way
    labels = {
        "app.kubernetes.io/name": "podpath",
        name: value,
        RUN_LABEL: settings.run_id,
        "sidecar.istio.io/inject": "false",
    }
    return {**labels, ROLE_LABEL: role} if role else labels


def _pod_spec(
    settings: Settings, program: Program, role: str, node: str, placement: Mapping[str, Any]
) -> dict[str, Any]:
    options = settings.options
    container_security: dict[str, Any] = {"allowPrivilegeEscalation": False}
    pod_security: dict[str, Any] = {}
    if program.restricted or role == READER:
        container_security |= {"capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
        pod_security = {
            "runAsNonRoot": True,
            "runAsUser": UNPRIVILEGED_USER,
            "runAsGroup": UNPRIVILEGED_USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
    environment = {
        **program.environment,
        "PODPATH_DIR": DIRECTORY,
        "PODPATH_RUN": settings.run_id,
        "PODPATH_NODE": node,
        "PODPATH_PORT": str(PEER_PORT),
        "PODPATH_LIFETIME": str(settings.lifetime),
    }
    spec = {
        **placement,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 2,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # No destination is a name, so a broken cluster DNS does not matter.
        "dnsPolicy": "Default",
        "securityContext": pod_security,
        "tolerations": [dict(toleration) for toleration in options.tolerations],
        "imagePullSecrets": [{"name": name} for name in options.pull_secrets],
        "containers": [
            {
                "name": CONTAINER,
                "image": program.image,
                "imagePullPolicy": "IfNotPresent",
                "command": list(program.commands[role]),
                "env": [{"name": name, "value": value} for name, value in environment.items()],
                "resources": dict(options.resources),
                "securityContext": container_security,
                "volumeMounts": [{"name": "results", "mountPath": DIRECTORY}],
            }
        ],
        "volumes": [{"name": "results", "emptyDir": {"sizeLimit": "16Mi"}}],
    }
    if role == READER:
        spec["hostNetwork"] = True
    if options.priority_class:
        spec["priorityClassName"] = options.priority_class
    return spec


def job(
    settings: Settings, program: Program, role: str, index: int, node: str, placement: Mapping[str, Any]
) -> dict[str, Any]:
    """The Job of one role on one node: one pod, never a second one, gone by itself."""
    labels = _labels(settings, role)
    annotations = {NODE_ANNOTATION: node}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{settings.prefix}-{role}-{index}",
            "namespace": settings.namespace,
            "labels": labels,
            "annotations": annotations,
        },
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": settings.lifetime,
            "ttlSecondsAfterFinished": settings.ttl,
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": _pod_spec(settings, program, role, node, placement),
            },
        },
    }


def sample_pod(settings: Settings, program: Program, role: str = PROBER) -> dict[str, Any]:
    """A Pod as the Jobs make them, to ask the namespace whether it would take one."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{settings.prefix}-dry-run",
            "namespace": settings.namespace,
            "labels": _labels(settings),
        },
        "spec": _pod_spec(settings, program, role, "", {}),
    }


def service(settings: Settings, owner: Mapping[str, Any]) -> dict[str, Any]:
    """The Service before all peers of the run. ``owner``: a Job of the run, as the API returned it."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": settings.prefix,
            "namespace": settings.namespace,
            "labels": _labels(settings),
            "ownerReferences": [
                {
                    "apiVersion": "batch/v1",
                    "kind": "Job",
                    "name": owner["metadata"]["name"],
                    "uid": owner["metadata"]["uid"],
                }
            ],
        },
        "spec": {
            "type": "ClusterIP",
            "ipFamilyPolicy": "PreferDualStack",
            "selector": {RUN_LABEL: settings.run_id, ROLE_LABEL: PEER},
            "ports": [{"name": "http", "port": SERVICE_PORT, "targetPort": PEER_PORT}],
        },
    }


def family(address: str) -> str:
    """ipv4 or ipv6."""
    return "ipv6" if ":" in address else "ipv4"


def cluster_ips(service_object: Mapping[str, Any]) -> dict[str, str]:
    """The addresses of a Service by family."""
    spec = service_object.get("spec") or {}
    addresses = spec.get("clusterIPs") or [spec.get("clusterIP")]
    return {family(address): address for address in addresses if address and address != "None"}


@dataclass(frozen=True, slots=True)
class PodState:
    """Where a pod stands: running with an address, failed for good, or still coming.

    ``suspect`` says why it may never come (pull, schedule, or empty), ``detail`` is the sentence for it.
    """

    name: str
    role: str
    node: str
    ips: Mapping[str, str]
    running: bool = False
    failed: str = ""
    suspect: str = ""
    detail: str = ""

    @property
    def end(self) -> End:
        return End(self.name, self.ips)


_PULL_ERRORS = ("ErrImagePull", "ImagePullBackOff")
_HOPELESS = (
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerError",
    "CreateContainerConfigError",
    "RunContainerError",
    "CrashLoopBackOff",
    "StartError",
)


def _container_waiting(status: Mapping[str, Any]) -> tuple[str, str]:
    for container in status.get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting:
            return waiting.get("reason") or "", waiting.get("message") or ""
    return "", ""


def _container_ended(status: Mapping[str, Any]) -> str:
    for container in status.get("containerStatuses") or []:
        ended = (container.get("state") or {}).get("terminated") or {}
        said = ended.get("message") or ended.get("reason")
        if said:
            return f"{said} (exit code {ended.get('exitCode')})"
    return ""


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return next((c for c in status.get("conditions") or [] if c.get("type") == kind), {})


def why_gone(pod: Mapping[str, Any] | None) -> str:
    """What became of a pod that ran, as the rest of a sentence about it; empty where it runs still. None: no such pod.

    The API tells of a removal before the kubelet carries it out, and of an eviction by the kubelet a moment after.
    """
    if pod is None:
        return "is gone: its pod was deleted (evicted, drained, or by hand)"
    status = pod.get("status") or {}
    said = status.get("message") or _container_ended(status)
    if status.get("reason") == "Evicted":
        return f"was evicted: {said or 'no reason given'}"
    disruption = _condition(status, "DisruptionTarget")
    if disruption.get("status") == "True" and disruption.get("message"):
        return f"was evicted: {disruption['message']}"
    phase = status.get("phase")
    if phase in ("Failed", "Succeeded"):
        return f"ended (phase {phase}): {said or status.get('reason') or 'no reason given'}"
    return "was deleted by somebody else" if pod["metadata"].get("deletionTimestamp") else ""


def pod_state(pod: Mapping[str, Any]) -> PodState:
    """A Pod object to its state."""
    metadata, spec, status = (pod["metadata"], pod.get("spec") or {}, pod.get("status") or {})
    name = metadata["name"]
    node = (metadata.get("annotations") or {}).get(NODE_ANNOTATION, "")
    role = (metadata.get("labels") or {}).get(ROLE_LABEL, "")
    image = next((c.get("image", "") for c in spec.get("containers") or []), "")
    phase = status.get("phase") or "Unknown"
    addresses = [entry.get("ip") for entry in status.get("podIPs") or []] or [status.get("podIP")]
    ips = {family(address): str(ipaddress.ip_address(address)) for address in addresses if address}

    def state(**given: Any) -> PodState:
        return PodState(name, role, node, ips, **given)

    # first, since the one that deletes a pod may be the one that says why (an eviction, a drain, a node that went)
    if phase in ("Failed", "Succeeded"):
        said = status.get("message") or status.get("reason") or _container_ended(status) or "its container exited"
        return state(failed=f"Pod {name} on {node} (image {image}) has ended too early, phase {phase}: {said}")
    if metadata.get("deletionTimestamp"):
        why = _condition(status, "DisruptionTarget").get("message")
        by = why or "it was deleted by somebody else while it was needed."
        return state(failed=f"Pod {name} on {node} is being removed: {by}")
    reason, message = _container_waiting(status)
    said = f"{reason}: {message}" if message else reason
    if reason in _HOPELESS:
        return state(failed=f"Pod {name} on {node} cannot start image {image}: {said}")
    if reason in _PULL_ERRORS:
        return state(suspect="pull", detail=f"Node {node} cannot pull image {image}: {said}")
    scheduled = _condition(status, "PodScheduled")
    if scheduled.get("status") == "False":
        why = scheduled.get("message") or scheduled.get("reason") or "no reason given"
        return state(suspect="schedule", detail=f"Pod {name} cannot be scheduled to {node}: {why}")
    started = any((c.get("state") or {}).get("running") is not None for c in status.get("containerStatuses") or [])
    if phase == "Running" and started and ips:
        return state(running=True)
    return state(detail=f"Pod {name} on {node} is still in phase {phase}" + (f" ({said})" if said else ""))
