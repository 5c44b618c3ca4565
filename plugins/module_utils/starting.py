# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the pods of a run come to be: the way to probe is chosen, Jobs are made, and their pods waited for.

Times are seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from ansible_collections.podpath.kubeadm.plugins.module_utils import pods
from ansible_collections.podpath.kubeadm.plugins.module_utils.agent_output import AgentWay
from ansible_collections.podpath.kubeadm.plugins.module_utils.api import ApiRefused, ClusterError, patiently
from ansible_collections.podpath.kubeadm.plugins.module_utils.cluster import Cluster
from ansible_collections.podpath.kubeadm.plugins.module_utils.errands import Outcome, Work
from ansible_collections.podpath.kubeadm.plugins.module_utils.pods import READER, PodState, Settings
from ansible_collections.podpath.kubeadm.plugins.module_utils.probe_shell import ShellWay
from ansible_collections.podpath.kubeadm.plugins.module_utils.probing import Progress, Way

POLL = 0.25
# A registry may stumble once. A kubelet tries again 10 seconds after a failed pull; an error that is still there after
# these seconds has lasted two tries.
PULL_PATIENCE = 15
# The scheduler may need a moment after a node became Ready.
SCHEDULE_PATIENCE = 15
# The Job controller makes a pod at once, unless it may not.
ABSENT_PATIENCE = 5
# Requests under way at once: enough to hide their latency, too few to trouble an API server.
REQUESTS_AT_ONCE = 8
# How those speak who may refuse a pod for its rights: Pod Security, webhooks such as Gatekeeper's and Kyverno's,
# policies of the API server's own, OpenShift. And how a quota does, to which all pods of a run are alike.
_POLICIES = ("PodSecurity", "admission webhook", "ValidatingAdmissionPolicy", "security context constraint")
_QUOTAS = ("exceeded quota", "failed quota")


def choose_way(cluster: Cluster, settings: Settings) -> Way:
    """The way to probe that the namespace allows, asked by a dry run. Raises ClusterError where it allows none."""
    shell = ShellWay()
    refusal = cluster.dry_run_pod(settings.namespace, pods.sample_pod(settings, shell.program(settings)))
    if not refusal:
        return shell
    of_policy = any(words in refusal for words in _POLICIES)
    if not settings.agent_image and of_policy:
        raise ClusterError(
            f"Namespace {settings.namespace} refuses pods with a shell's traceroute: {refusal} Set agent_image "
            "(pod_paths_agent_image in the role) to an image with Python 3.9 or newer, for which the restricted level "
            "is enough, or name a namespace that takes pods of the level baseline."
        )
    if not settings.agent_image or any(words in refusal for words in _QUOTAS):
        raise ClusterError(
            f"Namespace {settings.namespace} refuses the pods of the proof: {refusal} Make room there, or name another "
            "namespace (variable namespace; pod_paths_namespace in the role)."
        )
    agent = AgentWay()
    again = cluster.dry_run_pod(settings.namespace, pods.sample_pod(settings, agent.program(settings)))
    if again:
        raise ClusterError(
            f"Namespace {settings.namespace} refuses pods with a shell's traceroute: {refusal} It refuses unprivileged "
            f"pods as well: {again}"
        )
    return agent


def with_readers(cluster: Cluster, settings: Settings, way: Way, work: Work, outcome: Outcome) -> Work:
    """The work, without pods on the hosts' networks where the namespace does not take them; that is told."""
    if not work.routes:
        return work
    program = way.program(settings)
    refusal = "The pods that it takes are unprivileged ones, as under the restricted Pod Security level."
    if not program.restricted:
        refusal = cluster.dry_run_pod(settings.namespace, pods.sample_pod(settings, program, READER))
    if not refusal:
        return work
    told = f"Namespace {settings.namespace} takes no pod on a host's network: {refusal}"
    outcome.no_underlay = dict.fromkeys(work.routes, told)
    return replace(work, routes={})


def start_pods(cluster: Cluster, settings: Settings, way: Way, work: Work, outcome: Outcome) -> dict[str, str]:
    """Creates a Job for each wanted pod, and the Service. Returns the Service's addresses in the run's families.

    The first Job goes ahead, as it owns the Service. Raises ClusterError when a Job is refused.
    """
    program = way.program(settings)
    numbers = {node: number for number, node in enumerate(work.placements)}
    jobs = [pods.job(settings, program, role, numbers[node], node, work.placements[node]) for role, node in work.wanted]
    first = cluster.create(settings.namespace, jobs[0])
    addresses: dict[str, str] = {}
    try:
        given = pods.cluster_ips(cluster.create(settings.namespace, pods.service(settings, first)))
        addresses = {family: address for family, address in given.items() if family in work.families}
        if given and not addresses:
            wanted, got = " or ".join(work.families), " and ".join(given.values())
            outcome.no_service = f"This cluster gives Services no {wanted} address, only {got}."
    except ApiRefused as error:
        outcome.no_service = str(error)
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        for _created in pool.map(lambda manifest: cluster.create(settings.namespace, manifest), jobs[1:]):
            pass
    return addresses


@dataclass
class Started:
    """The pods that run, by (role, node), and why the others do not."""

    running: dict[tuple[str, str], PodState] = field(default_factory=dict)
    problems: dict[tuple[str, str], str] = field(default_factory=dict)
    pull_failures: set[str] = field(default_factory=set)


Key = tuple[str, str]

_PATIENCE = {"pull": PULL_PATIENCE, "schedule": SCHEDULE_PATIENCE, "absent": ABSENT_PATIENCE}


def _absent(settings: Settings, key: Key, job: str, present: set[Key]) -> PodState:
    """The state of a pod that is not listed: gone, or not there yet."""
    role, node = key
    if key in present:
        return PodState(
            job, role, node, {}, failed=f"The {role} pod for node {node} vanished: somebody else deleted it."
        )
    return PodState(job, role, node, {}, suspect="absent", detail=f"There is no {role} pod for node {node} yet")


class _Watch:
    """Sorts the wanted pods, look by look, into running ones, hopeless ones, and those still to be waited for."""

    def __init__(self, cluster: Cluster, settings: Settings, work: Work, started: Started) -> None:
        self._cluster, self._settings, self._started = cluster, settings, started
        numbers = {node: number for number, node in enumerate(work.placements)}
        self._jobs = {(role, node): f"{settings.prefix}-{role}-{numbers[node]}" for role, node in work.wanted}
        self._suspected: dict[tuple[Key, str], float] = {}
        self._present: set[Key] = set()

    def look(self, now: float, last: bool) -> bool:
        """Looks at all pods, for the ``last`` time or not. Returns whether there is something left to wait for."""
        settings, started = self._settings, self._started
        listed = [pods.pod_state(pod) for pod in self._cluster.list_pods(settings.namespace, settings.selector)]
        states = {(state.role, state.node): state for state in listed}
        pending, late = [], []
        for key, job in self._jobs.items():
            if key in started.running or key in started.problems:
                continue
            state = states.get(key) or _absent(settings, key, job, self._present)
            if key in states:
                self._present.add(key)
            if state.running:
                started.running[key] = state
            elif state.failed:
                started.problems[key] = state.failed
            elif last or self._out_of_patience(key, state, now):
                late.append((key, state))
            else:
                pending.append(key)
        # one request for all of them, and none in a healthy run
        warnings = self._cluster.warnings(settings.namespace, settings.prefix) if late else {}
        for key, state in late:
            problem = self._problem(key, state, warnings, last)
            if problem:
                started.problems[key] = problem
            else:
                pending.append(key)
            if problem and state.suspect == "pull":
                started.pull_failures.add(key[1])
        return bool(pending)

    def _out_of_patience(self, key: Key, state: PodState, now: float) -> bool:
        if not state.suspect:
            for kind in _PATIENCE:
                self._suspected.pop((key, kind), None)
            return False
        return now - self._suspected.setdefault((key, state.suspect), now) >= _PATIENCE[state.suspect]

    def _problem(self, key: Key, state: PodState, warnings: Mapping[str, Sequence[str]], last: bool) -> str:
        """The sentence for a pod that is not waited for; empty where it is, after all."""
        role, node = key
        settings = self._settings
        # what the Job controller was told when it wanted to make the pod
        said = [text for text in warnings.get(self._jobs[key], ()) if text.startswith("FailedCreate")]
        if state.suspect == "absent" and said:
            refusal = said[-1].removeprefix("FailedCreate: ").removeprefix("Error creating: ")
            return f"Namespace {settings.namespace} refuses the {role} pod for node {node}: {refusal}"
        if last:
            seen = warnings.get(state.name)
            warned = f" Last warning: {seen[-1]}" if seen else ""
            return (
                f"{state.detail} after {settings.wait_timeout} s (wait_timeout; pod_paths_wait_timeout in the role)."
                f"{warned}"
            )
        if state.suspect == "absent":
            # nobody said why, so it may be slow; asked again after the same time
            self._suspected.pop((key, "absent"), None)
            return ""
        return state.detail


def wait_for_pods(
    cluster: Cluster,
    settings: Settings,
    work: Work,
    progress: Progress,
    started: Started,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Waits until each wanted pod runs or is known not to, at most ``wait_timeout`` seconds. Fills ``started``."""
    watch = _Watch(cluster, settings, work, started)
    end = clock() + settings.wait_timeout

    def look() -> bool:
        now = clock()
        return watch.look(now, last=now >= end)

    while True:
        more = patiently(look, clock, sleep)
        progress("start", len(started.running) + len(started.problems), len(work.wanted))
        if not more:
            return
        sleep(POLL)
