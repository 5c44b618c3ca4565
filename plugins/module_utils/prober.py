# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How probes run in a cluster. The only part that talks to one.

Everything that decides works on plain dicts (the API's JSON) through the small protocol ``Cluster``, so that a fake can
stand in; ``KubernetesCluster`` is the real one, on the official client. Times are seconds.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.podpath.kubeadm.plugins.module_utils.api import (
    CONNECT_TIMEOUT,
    Api,
    ApiRefused,
    ClusterError,
    message,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Method, Probe, duration
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import HOSTNAME_LABEL

# without them, api.KUBERNETES_IMPORT_ERROR tells
with suppress(ImportError):
    import urllib3
    import websocket
    from kubernetes import client, stream

MANAGED_BY = "app.kubernetes.io/managed-by=podpath"
RUN_LABEL = "podpath.kubeadm/run"
ROLE_LABEL = "podpath.kubeadm/role"
NODE_ANNOTATION = "podpath.kubeadm/node"
DEADLINE_ANNOTATION = "podpath.kubeadm/deadline"
CONTAINER = "podpath"
PROBER = "prober"
PEER = "peer"

# The controller's clock and the one that wrote a deadline need not agree.
CLOCK_SKEW = 60
POLL = 0.5
# A registry may stumble once. A kubelet tries again 10 seconds after a failed pull; an error that is still there after
# these seconds has lasted two tries.
PULL_PATIENCE = 15
# The scheduler may need a moment after a node became Ready.
SCHEDULE_PATIENCE = 15
REMOVAL_PATIENCE = 30
EXEC_SLACK = 15

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


class Interrupted(BaseException):
    """A signal asked the run to end. Not an Exception, so that no library swallows it."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"interrupted by {signal.Signals(signum).name}")
        self.signum = signum


@dataclass(frozen=True)
class ExecResult:
    """Output of a command in a pod. ``problem`` says why there is none or not all."""

    stdout: str
    problem: str = ""


class Cluster(Protocol):
    """What a run needs of a cluster. Objects are the API's JSON as dicts. All raise ClusterError."""

    def list_nodes(self) -> list[dict[str, Any]]: ...

    def flannel_config_map(self) -> dict[str, Any] | None: ...

    def create_pod(self, namespace: str, manifest: Mapping[str, Any]) -> None: ...

    def list_pods(self, namespace: str, selector: str) -> list[dict[str, Any]]: ...

    def delete_pod(self, namespace: str, name: str, uid: str, *, now: bool = False) -> None: ...

    def pod_warnings(self, namespace: str, name: str) -> list[str]: ...

    def execute(
        self, namespace: str, pod: str, command: Sequence[str], timeout: float, cancel: threading.Event
    ) -> ExecResult: ...


# Signals


class Guard:
    """Turns signals into Interrupted, until ``hold`` is called: a removal that has begun is never cut short."""

    def __init__(self) -> None:
        self.holding = False

    def hold(self) -> None:
        self.holding = True

    def __call__(self, signum: int, frame: Any) -> None:
        if not self.holding:
            self.holding = True
            raise Interrupted(signum)


@contextmanager
def guarded() -> Iterator[Guard]:
    """SIGTERM, SIGINT and SIGHUP raise Interrupted once in the main thread while the context lasts."""
    guard = Guard()
    before = {number: signal.signal(number, guard) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield guard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# Pods


@dataclass(frozen=True)
class Settings:
    """What a run is told. ``lifetime``: seconds after which its pods end by themselves, come what may."""

    run_id: str
    namespace: str
    image: str
    method: Method
    wait_timeout: int
    lifetime: int


def lifetime(wait_timeout: int, longest_probing: int) -> int:
    """How long pods may live: starting, probing and removing, each at its longest."""
    return wait_timeout + longest_probing + EXEC_SLACK + REMOVAL_PATIENCE


def pin(node: str, hostname: str | None, hostname_is_unique: bool) -> dict[str, Any]:
    """The part of a pod's spec that pins it to a node, through the scheduler, so that resources and taints count."""
    if hostname and hostname_is_unique:
        return {"nodeSelector": {HOSTNAME_LABEL: hostname}}
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    return {"affinity": {"nodeAffinity": required}}


def pod_manifest(
    settings: Settings, role: str, index: int, node: str, placement: Mapping[str, Any], now: float
) -> dict[str, Any]:
    """The pod of one role on one node. ``now`` is the wall clock, from which the deadline counts."""
    # The shell is the container's first process, so it must take SIGTERM itself, or a removal waits for the kill.
    command = f"trap 'exit 0' TERM INT; sleep {settings.lifetime} & wait $!"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"podpath-{settings.run_id}-{role}-{index}",
            "namespace": settings.namespace,
            "labels": {
                "app.kubernetes.io/name": "podpath",
                "app.kubernetes.io/managed-by": "podpath",
                RUN_LABEL: settings.run_id,
                ROLE_LABEL: role,
            },
            "annotations": {NODE_ANNOTATION: node, DEADLINE_ANNOTATION: str(int(now) + settings.lifetime)},
        },
        "spec": {
            **placement,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": settings.lifetime,
            "terminationGracePeriodSeconds": 2,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            # No destination is a name, so a broken cluster DNS does not matter.
            "dnsPolicy": "Default",
            "tolerations": [
                {"key": f"node-role.kubernetes.io/{name}", "operator": "Exists", "effect": "NoSchedule"}
                for name in ("control-plane", "master")
            ],
            "containers": [
                {
                    "name": CONTAINER,
                    "image": settings.image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sh", "-c", command],
                    "resources": {"requests": {"cpu": "5m", "memory": "8Mi"}},
                    "securityContext": {"allowPrivilegeEscalation": False},
                    "volumeMounts": [{"name": "results", "mountPath": "/podpath"}],
                }
            ],
            "volumes": [{"name": "results", "emptyDir": {"sizeLimit": "4Mi"}}],
        },
    }


@dataclass(frozen=True)
class PodState:
    """Where a pod stands: running with an address, failed for good, or still coming (``suspect``: why it may not)."""

    name: str
    role: str
    node: str
    ip: str
    running: bool
    failed: str = ""
    suspect: str = ""
    detail: str = ""


def _container_waiting(status: Mapping[str, Any]) -> tuple[str, str]:
    for container in status.get("containerStatuses") or []:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting:
            return waiting.get("reason") or "", waiting.get("message") or ""
    return "", ""


def _condition(status: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return next((c for c in status.get("conditions") or [] if c.get("type") == kind), {})


def pod_state(pod: Mapping[str, Any]) -> PodState:
    """A Pod object to its state. ``suspect`` is one of pull, schedule or empty."""
    metadata, spec, status = (pod["metadata"], pod.get("spec") or {}, pod.get("status") or {})
    name = metadata["name"]
    node = (metadata.get("annotations") or {}).get(NODE_ANNOTATION, "")
    role = (metadata.get("labels") or {}).get(ROLE_LABEL, "")
    image = next((c.get("image", "") for c in spec.get("containers") or []), "")
    phase = status.get("phase") or "Unknown"
    ip = status.get("podIP") or ""

    def state(**given: Any) -> PodState:
        return PodState(name, role, node, ip, **{"running": False, **given})

    if metadata.get("deletionTimestamp"):
        return state(failed=f"Pod {name} on {node} was deleted by somebody else while it was needed.")
    if phase in ("Failed", "Succeeded"):
        said = status.get("message") or status.get("reason") or "its container exited"
        return state(failed=f"Pod {name} on {node} has ended too early (phase {phase}): {said}")
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
    if phase == "Running" and started and ip:
        return state(running=True)
    return state(detail=f"Pod {name} on {node} is still in phase {phase}" + (f" ({said})" if said else ""))


@dataclass
class Started:
    """Outcome of starting pods: states of those that run by (role, node), and per (role, node) why it does not."""

    running: dict[tuple[str, str], PodState] = field(default_factory=dict)
    problems: dict[tuple[str, str], str] = field(default_factory=dict)
    pull_failures: set[str] = field(default_factory=set)


def wait_for_pods(
    cluster: Cluster,
    settings: Settings,
    wanted: Sequence[tuple[str, str]],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Started:
    """Waits until each wanted (role, node) runs or is known not to, at most ``wait_timeout`` seconds."""
    started = Started()
    first_seen: dict[tuple[tuple[str, str], str], float] = {}
    patience = {"pull": PULL_PATIENCE, "schedule": SCHEDULE_PATIENCE}
    end = clock() + settings.wait_timeout
    selector = f"{MANAGED_BY},{RUN_LABEL}={settings.run_id}"
    while True:
        pods = [pod_state(pod) for pod in cluster.list_pods(settings.namespace, selector)]
        states = {(state.role, state.node): state for state in pods}
        now = clock()
        pending = []
        for key in wanted:
            if key in started.running or key in started.problems:
                continue
            state = states.get(key)
            if state is None:
                started.problems[key] = f"The {key[0]} pod for node {key[1]} vanished: somebody else deleted it."
            elif state.running:
                started.running[key] = state
            elif state.failed:
                started.problems[key] = state.failed
            elif state.suspect and now - first_seen.setdefault((key, state.suspect), now) >= patience[state.suspect]:
                started.problems[key] = state.detail
                if state.suspect == "pull":
                    started.pull_failures.add(key[1])
            else:
                if not state.suspect:
                    for kind in patience:
                        first_seen.pop((key, kind), None)
                pending.append((key, state))
        if not pending:
            return started
        if now >= end:
            for key, state in pending:
                warnings = cluster.pod_warnings(settings.namespace, state.name)
                last = f" Last warning: {warnings[-1]}" if warnings else ""
                started.problems[key] = (
                    f"{state.detail} after {settings.wait_timeout} s (wait_timeout; pod_paths_wait_timeout in the "
                    f"role).{last}"
                )
                if state.suspect == "pull":
                    started.pull_failures.add(key[1])
            return started
        sleep(POLL)


# Probing


def probe_script(probes: Sequence[tuple[Probe, str]], method: Method) -> str:
    """The shell script that probes all peers of one prober side by side: (probe, address of the peer) each.

    Every result goes to a file first, as lines of processes that share an output would mix.
    """
    lines = [
        "cd /podpath || exit 70",
        "t() {",
        '  if [ "$1" -gt 0 ]; then sleep "$1"; fi',
        f'  traceroute -n -q {method.probes} -w {method.wait} -m {method.max_ttl} -p "$3" "$4" >"$2.out" 2>&1',
        '  echo "$?" >"$2.rc"',
        # no judge: its exit code and a missing ping cost the latency and nothing else
        f'  ping -q -c {method.echoes} -i 0.2 -W {method.wait} "$4" >"$2.ping" 2>&1',
        "}",
    ]
    for index, (probe, address) in enumerate(probes):
        lines.append(f"t {probe.start} {index} {probe.port} {address} &")
    lines += [
        "wait",
        "i=0",
        f"while [ $i -lt {len(probes)} ]; do",
        '  echo "=begin $i"',
        '  cat "$i.out"',
        '  printf "\\n=echo\\n"',  # an output that was cut off may lack its last newline
        '  cat "$i.ping"',
        "  echo",
        '  echo "=end $i $(cat "$i.rc")"',
        "  i=$((i + 1))",
        "done",
    ]
    return "\n".join(lines)


@dataclass(frozen=True)
class Output:
    """What one traceroute printed, or the sentence why that is not known; ``echoes``: what ping printed."""

    text: str
    problem: str = ""
    echoes: str = ""


def split_output(text: str, count: int, problem: str) -> list[Output]:
    """The outputs of a probe script, one for each of its ``count`` traceroutes, whatever of them has come."""
    bodies: dict[int, list[str]] = {}
    echoes: dict[int, list[str]] = {}
    codes: dict[int, str] = {}
    current = None
    for line in text.splitlines():
        if line.startswith("=begin "):
            current = int(line.split()[1])
            bodies[current] = []
        elif line == "=echo" and current is not None:
            echoes[current] = []
        elif line.startswith("=end ") and current is not None:
            codes[current] = [*line.split(), "?"][2]
            current = None
        elif current is not None:
            echoes.get(current, bodies[current]).append(line)
    outputs = []
    for index in range(count):
        if index not in codes:
            outputs.append(Output("", problem or "The prober's output ended before this traceroute's."))
            continue
        body = "\n".join(bodies[index]).rstrip()
        if codes[index] == "0":
            outputs.append(Output(body, echoes="\n".join(echoes.get(index, []))))
            continue
        said = body.strip() or "it printed nothing"
        if "not permitted" in said:
            said += " (the container needs the capability NET_RAW)"
        outputs.append(Output("", f"traceroute ended with {codes[index]}: {said}"))
    return outputs


def run_probes(
    cluster: Cluster, settings: Settings, work: Mapping[str, tuple[str, Sequence[tuple[Probe, str]]]]
) -> dict[tuple[str, str], Output]:
    """Runs all probers side by side, one exec each. ``work``: source node -> (pod, [(probe, peer address)]).

    Returns (source, destination) -> output. The threads are daemons and only waited for in slices, so that a signal
    reaches the main thread and an API that hangs cannot hold the run.
    """
    results: dict[str, ExecResult] = {}
    cancel = threading.Event()
    threads = []
    longest = 0.0

    def run(source: str, pod: str, script: str, timeout: float) -> None:
        try:
            results[source] = cluster.execute(settings.namespace, pod, ["sh", "-c", script], timeout, cancel)
        except ClusterError as error:
            results[source] = ExecResult("", str(error))

    for source, (pod, probes) in work.items():
        timeout = duration([probe for probe, _address in probes], settings.method) + EXEC_SLACK
        longest = max(longest, timeout)
        script = probe_script(probes, settings.method)
        thread = threading.Thread(target=run, args=(source, pod, script, timeout), daemon=True)
        threads.append(thread)
        thread.start()
    end = time.monotonic() + longest + CONNECT_TIMEOUT
    try:
        for thread in threads:
            while thread.is_alive() and time.monotonic() < end:
                thread.join(0.2)
    finally:
        cancel.set()
    outputs = {}
    for source, (pod, probes) in work.items():
        result = results.get(source) or ExecResult(
            "", f"Running a command in pod {pod} on {source} did not end in time."
        )
        for (probe, _address), output in zip(
            probes, split_output(result.stdout, len(probes), result.problem), strict=True
        ):
            outputs[(source, probe.destination)] = output
    return outputs


# Removal


def is_leftover(pod: Mapping[str, Any], now: float) -> bool:
    """Whether a pod of ours was left by a run that is gone. ``now`` is the wall clock.

    A live run's pods are Running before their deadline. One that Succeeded ended by its own timer or by a removal; one
    that Failed before its deadline (evicted, say) may belong to a live run, which needs it to tell what happened.
    """
    if (pod["metadata"].get("deletionTimestamp")) is not None:
        return False
    phase = (pod.get("status") or {}).get("phase")
    if phase == "Succeeded":
        return True
    deadline = (pod["metadata"].get("annotations") or {}).get(DEADLINE_ANNOTATION, "")
    if not deadline.isdigit():
        return phase == "Failed"
    return now > int(deadline) + (0 if phase == "Failed" else CLOCK_SKEW)


def remove_leftovers(cluster: Cluster, namespace: str, now: float) -> int:
    """Deletes what earlier runs left and returns how many pods that were."""
    left = [pod for pod in cluster.list_pods(namespace, MANAGED_BY) if is_leftover(pod, now)]
    for pod in left:
        cluster.delete_pod(namespace, pod["metadata"]["name"], pod["metadata"]["uid"])
    return len(left)


def remove_run(
    cluster: Cluster,
    settings: Settings,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Deletes this run's pods, waits for them to be gone and returns how many are still there.

    A pod whose kubelet does not answer would stay for ever: after half of the patience it is deleted without grace.
    """
    selector = f"{MANAGED_BY},{RUN_LABEL}={settings.run_id}"
    begin = clock()
    asked: set[str] = set()
    forced: set[str] = set()
    while True:
        pods = cluster.list_pods(settings.namespace, selector)
        waited = clock() - begin
        if not pods or waited >= REMOVAL_PATIENCE:
            return len(pods)
        for pod in pods:
            name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
            if uid not in asked:
                asked.add(uid)
                cluster.delete_pod(settings.namespace, name, uid)
            elif waited >= REMOVAL_PATIENCE / 2 and uid not in forced:
                forced.add(uid)
                cluster.delete_pod(settings.namespace, name, uid, now=True)
        sleep(POLL)


# The real cluster


class KubernetesCluster:
    """A cluster through the official client."""

    def __init__(self, kubeconfig: str, context: str | None = None) -> None:
        self._api = Api(
            kubeconfig,
            "variable kubeconfig; pod_paths_kubeconfig in the role",
            context,
            "Needed are list on nodes, and in the namespace create, list, delete on pods, create and get on pods/exec, "
            "and list on events.",
        )
        self._call = self._api.call
        self._core = client.CoreV1Api(self._api.client)

    def list_nodes(self) -> list[dict[str, Any]]:
        return self._call("list nodes", self._core.list_node).get("items") or []

    def flannel_config_map(self) -> dict[str, Any] | None:
        """The ConfigMap of Flannel's manifest; None where there is none, or it may not be read."""
        what = "read Flannel's ConfigMap"
        for namespace in ("kube-flannel", "kube-system"):
            try:
                return self._call(what, self._core.read_namespaced_config_map, "kube-flannel-cfg", namespace)
            except ApiRefused as error:
                if error.status not in (403, 404):
                    raise
        return None

    def create_pod(self, namespace: str, manifest: Mapping[str, Any]) -> None:
        what = f"create pods in namespace {namespace}"
        self._call(what, self._core.create_namespaced_pod, namespace, dict(manifest))

    def list_pods(self, namespace: str, selector: str) -> list[dict[str, Any]]:
        what = f"list pods in namespace {namespace}"
        found = self._call(what, self._core.list_namespaced_pod, namespace, label_selector=selector)
        return found.get("items") or []

    def delete_pod(self, namespace: str, name: str, uid: str, *, now: bool = False) -> None:
        # The uid keeps a pod safe that took the name meanwhile: 409. Gone already: 404.
        body: dict[str, Any] = {"preconditions": {"uid": uid}}
        if now:
            body["gracePeriodSeconds"] = 0
        try:
            what = f"delete pods in namespace {namespace}"
            self._call(what, self._core.delete_namespaced_pod, name, namespace, body=body)
        except ApiRefused as error:
            if error.status not in (404, 409):
                raise

    def pod_warnings(self, namespace: str, name: str) -> list[str]:
        selector = f"involvedObject.name={name},type=Warning"
        try:
            found = self._call("list events", self._core.list_namespaced_event, namespace, field_selector=selector)
        except ApiRefused:
            return []  # only an aid to the reader: without this right the run still says what it waited for
        events = sorted(found.get("items") or [], key=lambda event: event.get("lastTimestamp") or "")
        return [f"{event.get('reason')}: {event.get('message')}" for event in events]

    def execute(
        self, namespace: str, pod: str, command: Sequence[str], timeout: float, cancel: threading.Event
    ) -> ExecResult:
        what = f"run a command in pod {pod}"
        # A client of its own: the stream function swaps a method of the client it is given.
        api = client.CoreV1Api(client.ApiClient(self._api.configuration))
        end = time.monotonic() + timeout
        stdout = ""
        stderr = ""
        try:
            socket = stream.stream(
                api.connect_get_namespaced_pod_exec,
                pod,
                namespace,
                container=CONTAINER,
                command=list(command),
                stdin=False,
                stdout=True,
                stderr=True,
                tty=False,
                _preload_content=False,
            )
            try:
                while socket.is_open() and time.monotonic() < end and not cancel.is_set():
                    socket.update(timeout=0.5)
                ended = not socket.is_open()
                stdout = socket.read_channel(1)
                stderr = socket.read_channel(2).strip()
                verdict = socket.read_channel(3) if ended else ""
            finally:
                socket.close()
        except (client.ApiException, websocket.WebSocketException, urllib3.exceptions.HTTPError, OSError) as error:
            return ExecResult(stdout, f"Could not {what}: {message(error)}")
        if not ended:
            return ExecResult(stdout, f"Running a command in pod {pod} did not end within {timeout:.0f} s.")
        return ExecResult(stdout, _exec_problem(what, verdict, stderr))


def _exec_problem(what: str, verdict: str, stderr: str) -> str:
    """The error channel of an exec to a sentence, empty on success."""
    try:
        status = json.loads(verdict) if verdict else {}
    except ValueError:
        status = {"message": verdict}
    if status.get("status") == "Success":
        return ""
    said = "; ".join(part for part in (status.get("message", "the connection ended"), stderr) if part)
    return f"Could not {what}: {said}"
