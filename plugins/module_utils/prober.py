# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run in a cluster: its pods are started, probe all at once, and are removed, whatever happens in between.

Nothing is judged here. What was seen until a run broke off is kept. Times are seconds.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils import pods
from ansible_collections.podpath.kubeadm.plugins.module_utils.agent_output import AgentWay
from ansible_collections.podpath.kubeadm.plugins.module_utils.api import (
    CONNECT_TIMEOUT,
    ApiRefused,
    ClusterError,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.cluster import Cluster, ExecResult
from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import (
    Arrival,
    ControlSeen,
    End,
    Observation,
    ServiceSeen,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Method, Probe
from ansible_collections.podpath.kubeadm.plugins.module_utils.pods import PEER, PROBER, PodState, Settings
from ansible_collections.podpath.kubeadm.plugins.module_utils.probe_shell import ShellWay
from ansible_collections.podpath.kubeadm.plugins.module_utils.probing import (
    CONTROL,
    PAIR,
    SERVICE,
    Answer,
    Errand,
    Heard,
    Sender,
    Way,
    longest,
)

POLL = 0.25
# A registry may stumble once. A kubelet tries again 10 seconds after a failed pull; an error that is still there after
# these seconds has lasted two tries.
PULL_PATIENCE = 15
# The scheduler may need a moment after a node became Ready.
SCHEDULE_PATIENCE = 15
# The Job controller makes a pod at once, unless it may not.
ABSENT_PATIENCE = 5
REMOVAL_PATIENCE = 30
EXEC_SLACK = 15
HEARD_TIMEOUT = 10
# Requests under way at once: enough to hide their latency, too few to trouble an API server.
REQUESTS_AT_ONCE = 8

# The stage (start, probe, remove), how much of it is done, and how much there is to do.
Progress = Callable[[str, int, int], None]


class Interrupted(BaseException):
    """A signal asked the run to end. Not an Exception, so that no library swallows it."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"The run was interrupted by {signal.Signals(signum).name}.")
        self.signum = signum


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


@dataclass(frozen=True, slots=True)
class Control:
    """A trace from the prober on ``source`` to an address of ``destination``'s podCIDR that no pod has.

    ``start`` and ``port`` as in a Probe; ``max_ttl``: how many hops the way to a pod there has.
    """

    family: str
    source: str
    destination: str
    address: str
    start: int = 0
    port: int = 33434
    max_ttl: int = 3


@dataclass(frozen=True, slots=True)
class Work:
    """What a run is to do. ``placements``: for each node that gets pods, the part of a pod's spec that pins it there
    (pods.pin); ``probes``: what each source node's prober looks at. All nodes of probes have a placement."""

    placements: Mapping[str, Mapping[str, Any]]
    probes: Mapping[str, Sequence[Probe]]
    controls: Sequence[Control] = ()

    @property
    def wanted(self) -> list[tuple[str, str]]:
        """The pods that are needed, as (role, node): a prober on each source, a peer on each destination."""
        sources = {source for source, probes in self.probes.items() if probes}
        sources |= {control.source for control in self.controls}
        destinations = {probe.destination for probes in self.probes.values() for probe in probes}
        return [
            (role, node)
            for node in self.placements
            for role, nodes in ((PROBER, sources), (PEER, destinations))
            if node in nodes
        ]

    @property
    def pairs(self) -> int:
        return sum(len(probes) for probes in self.probes.values())


@dataclass
class Outcome:
    """What came of a run, filled as it goes.

    ``observations`` by (source node, destination node, family); ``ends`` and ``problems`` (why there is no pod) by
    (role, node); ``no_service``: why there was no Service to connect to; ``residue``: objects that are left, ``left``:
    the sentence for it; ``stopped``: why the run broke off, empty if it did not.
    """

    method: str = ""
    observations: dict[tuple[str, str, str], Observation] = field(default_factory=dict)
    ends: dict[tuple[str, str], End] = field(default_factory=dict)
    problems: dict[tuple[str, str], str] = field(default_factory=dict)
    controls: list[ControlSeen] = field(default_factory=list)
    services: list[ServiceSeen] = field(default_factory=list)
    no_service: str = ""
    timings: dict[str, float] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    residue: int = 0
    left: str = ""
    stopped: str = ""


def lifetime(wait_timeout: int, latest_start: int, method: Method) -> int:
    """How long pods may live: starting, probing and removing, each at its longest. ``latest_start``: of all probes."""
    return wait_timeout + latest_start + longest(method) + EXEC_SLACK + HEARD_TIMEOUT + REMOVAL_PATIENCE


# Starting


def choose_way(cluster: Cluster, settings: Settings) -> Way:
    """The way to probe that the namespace allows, asked by a dry run. Raises ClusterError where it allows none."""
    shell = ShellWay()
    refusal = cluster.dry_run_pod(settings.namespace, pods.sample_pod(settings, shell.program(settings)))
    if not refusal:
        return shell
    if "PodSecurity" not in refusal:
        raise ClusterError(
            f"Namespace {settings.namespace} refuses the pods of the proof: {refusal} Make room there, or name another "
            "namespace (variable namespace; pod_paths_namespace in the role)."
        )
    if not settings.agent_image:
        raise ClusterError(
            f"Namespace {settings.namespace} refuses pods with a shell's traceroute: {refusal} Set agent_image "
            "(pod_paths_agent_image in the role) to an image with Python 3.9 or newer, for which the restricted level "
            "is enough, or name a namespace that allows the level baseline."
        )
    agent = AgentWay()
    again = cluster.dry_run_pod(settings.namespace, pods.sample_pod(settings, agent.program(settings)))
    if again:
        raise ClusterError(f"Namespace {settings.namespace} refuses unprivileged pods as well: {again}")
    return agent


def _start(cluster: Cluster, settings: Settings, way: Way, work: Work, outcome: Outcome) -> dict[str, str]:
    """Creates a Job for each wanted pod, and the Service. Returns the Service's addresses by family.

    The first Job goes ahead, as it owns the Service. Raises ClusterError when a Job is refused.
    """
    program = way.program(settings)
    numbers = {node: number for number, node in enumerate(work.placements)}
    jobs = [pods.job(settings, program, role, numbers[node], node, work.placements[node]) for role, node in work.wanted]
    first = cluster.create(settings.namespace, jobs[0])
    addresses: dict[str, str] = {}
    try:
        addresses = pods.cluster_ips(cluster.create(settings.namespace, pods.service(settings, first)))
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


def _refused(warnings: Mapping[str, Sequence[str]], settings: Settings, role: str, number: int) -> str:
    """What the Job controller was told when it wanted to make a pod; empty where nothing was said."""
    said = warnings.get(f"{settings.prefix}-{role}-{number}") or [""]
    return said[-1].removeprefix("FailedCreate: ").removeprefix("Error creating: ")


def wait_for_pods(
    cluster: Cluster,
    settings: Settings,
    work: Work,
    progress: Progress,
    started: Started | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Started:
    """Waits until each wanted pod runs or is known not to, at most ``wait_timeout`` seconds. Fills ``started``."""
    started = started or Started()
    numbers = {node: number for number, node in enumerate(work.placements)}
    first_seen: dict[tuple[tuple[str, str], str], float] = {}
    present: set[tuple[str, str]] = set()
    patience = {"pull": PULL_PATIENCE, "schedule": SCHEDULE_PATIENCE, "absent": ABSENT_PATIENCE}
    end = clock() + settings.wait_timeout
    while True:
        listed = [pods.pod_state(pod) for pod in cluster.list_pods(settings.namespace, settings.selector)]
        states = {(state.role, state.node): state for state in listed}
        now = clock()
        pending: list[tuple[tuple[str, str], PodState]] = []
        patient: list[tuple[tuple[str, str], PodState]] = []
        for key in work.wanted:
            if key in started.running or key in started.problems:
                continue
            role, node = key
            state = states.get(key)
            if state is None and key in present:
                started.problems[key] = f"The {role} pod for node {node} vanished: somebody else deleted it."
                continue
            if state is None:
                detail = f"There is no {role} pod for node {node} yet"
                state = PodState(
                    f"{settings.prefix}-{role}-{numbers[node]}", role, node, {}, False, "", "absent", detail
                )
            else:
                present.add(key)
            if state.running:
                started.running[key] = state
            elif state.failed:
                started.problems[key] = state.failed
            elif state.suspect and now - first_seen.setdefault((key, state.suspect), now) >= patience[state.suspect]:
                patient.append((key, state))
            else:
                if not state.suspect:
                    for kind in patience:
                        first_seen.pop((key, kind), None)
                pending.append((key, state))
        late = [*patient, *(pending if now >= end else [])]
        warnings = cluster.warnings(settings.namespace, settings.prefix) if late else {}
        for key, state in late:
            refusal = _refused(warnings, settings, *key[:1], numbers[key[1]])
            if state.suspect == "absent" and refusal:
                started.problems[key] = (
                    f"Namespace {settings.namespace} refuses the {key[0]} pod for {key[1]}: {refusal}"
                )
            elif state.suspect == "absent" and now < end:
                pending.append((key, state))
                first_seen.pop((key, "absent"), None)
            elif now < end:
                started.problems[key] = state.detail
            else:
                last = f" Last warning: {warnings[state.name][-1]}" if warnings.get(state.name) else ""
                started.problems[key] = (
                    f"{state.detail} after {settings.wait_timeout} s (wait_timeout; pod_paths_wait_timeout in the "
                    f"role).{last}"
                )
            if state.suspect == "pull":
                started.pull_failures.add(key[1])
        progress("start", len(started.running) + len(started.problems), len(work.wanted))
        if now >= end or not pending:
            return started
        sleep(POLL)


# Probing


@dataclass(frozen=True)
class _Round:
    """What one prober does: its pod, its errands, and for each where its answer belongs."""

    source: str
    pod: str
    errands: list[Errand]
    keys: list[Any]


def _rounds(
    settings: Settings, work: Work, started: Started, addresses: Mapping[str, str], outcome: Outcome
) -> list[_Round]:
    """The errands of each prober that runs. Pairs without a pod at an end get their problem at once."""
    running = started.running
    rounds = []
    for source in work.placements:
        prober = running.get((PROBER, source))
        errands: list[Errand] = []
        keys: list[Any] = []
        for probe in work.probes.get(source, ()):
            key = (source, probe.destination, probe.family)
            peer = running.get((PEER, probe.destination))
            problem = started.problems.get((PROBER, source)) or started.problems.get((PEER, probe.destination)) or ""
            for pod in (prober, peer):
                if not problem and pod and probe.family not in pod.ips:
                    problem = f"Pod {pod.name} on {pod.node} has no {probe.family} address."
            if problem or not prober or not peer:
                outcome.observations[key] = Observation(problem=problem or "There was no pod to probe with.")
                continue
            errands.append(
                Errand(
                    PAIR,
                    probe.destination,
                    probe.family,
                    peer.ips[probe.family],
                    probe.start,
                    probe.port,
                    settings.method.max_ttl,
                )
            )
            keys.append(key)
        if prober is None:
            continue
        for control in work.controls:
            if control.source == source:
                errands.append(
                    Errand(
                        CONTROL,
                        control.destination,
                        control.family,
                        control.address,
                        control.start,
                        control.port,
                        control.max_ttl,
                    )
                )
                keys.append(control)
        if any(role == PEER for role, _node in running):
            for family, address in addresses.items():
                if family in prober.ips:
                    errands.append(Errand(SERVICE, "", family, address, 0, pods.SERVICE_PORT))
                    keys.append(SERVICE)
        if errands:
            rounds.append(_Round(source, prober.name, errands, keys))
    return rounds


def _at_once(jobs: Mapping[str, Callable[[threading.Event], ExecResult]], timeout: float) -> dict[str, ExecResult]:
    """Runs jobs in threads of their own. These are daemons and only waited for in slices, so that a signal reaches the
    main thread and an API that hangs cannot hold the run. A job that did not end in time is not in the result."""
    results: dict[str, ExecResult] = {}
    cancel = threading.Event()

    def run(name: str, job: Callable[[threading.Event], ExecResult]) -> None:
        results[name] = job(cancel)

    threads = [threading.Thread(target=run, args=item, daemon=True) for item in jobs.items()]
    for thread in threads:
        thread.start()
    end = time.monotonic() + timeout
    try:
        for thread in threads:
            while thread.is_alive() and time.monotonic() < end:
                thread.join(0.2)
    finally:
        cancel.set()
    return dict(results)


class _Tally:
    """Output as it comes, by prober: kept for when the run is cut off, and counted for the progress."""

    def __init__(self, way: Way, progress: Progress, total: int) -> None:
        self._way, self._progress, self._total = way, progress, total
        self._lock = threading.Lock()
        self.outputs: dict[str, str] = {}

    def hearer(self, source: str) -> Callable[[str], None]:
        def heard(piece: str) -> None:
            with self._lock:
                self.outputs[source] = self.outputs.get(source, "") + piece
                done = sum(self._way.finished(output) for output in self.outputs.values())
                self._progress("probe", min(done, self._total), self._total)

        return heard


def _record(round_: _Round, answers: Sequence[Answer], outcome: Outcome) -> None:
    for errand, key, answer in zip(round_.errands, round_.keys, answers, strict=True):
        seen = answer.observation
        if errand.kind == PAIR:
            outcome.observations[key] = seen
        elif errand.kind == CONTROL:
            outcome.controls.append(
                ControlSeen(key.family, key.source, key.destination, key.address, seen.trace, seen.problem)
            )
        else:
            tcp = seen.tcp
            outcome.services.append(
                ServiceSeen(
                    round_.source,
                    errand.address,
                    errand.port,
                    bool(tcp and tcp.connected),
                    answer.served_by,
                    (tcp.problem if tcp else "") or seen.problem,
                )
            )


def _probe(
    cluster: Cluster, settings: Settings, way: Way, rounds: Sequence[_Round], outcome: Outcome, progress: Progress
) -> None:
    """All probers at once, one exec each."""
    latest = max((errand.start for round_ in rounds for errand in round_.errands), default=0)
    timeout = latest + longest(settings.method) + EXEC_SLACK
    tally = _Tally(way, progress, sum(len(round_.errands) for round_ in rounds))
    progress("probe", 0, sum(len(round_.errands) for round_ in rounds))
    results: dict[str, ExecResult] = {}
    try:
        results = _at_once(
            {
                round_.source: partial(
                    cluster.execute,
                    settings.namespace,
                    round_.pod,
                    way.probe_command(settings.method, round_.errands),
                    timeout,
                    heard=tally.hearer(round_.source),
                )
                for round_ in rounds
            },
            timeout + CONNECT_TIMEOUT,
        )
    finally:
        # also when a signal ends the wait: what has come until then counts
        for round_ in rounds:
            late = ExecResult(
                tally.outputs.get(round_.source, ""), f"The command in pod {round_.pod} on {round_.source} did not end."
            )
            result = results.get(round_.source, late)
            _record(round_, way.read(result.stdout, result.problem, round_.errands, settings), outcome)


def with_arrival(seen: Observation, sender: Sender, heard: Heard | None) -> Observation:
    """An observation with what its peer recorded; where the peer itself told the prober, that stands."""
    heard = heard or Heard(unknown="The peer did not say what arrived.")
    unobserved = dict(seen.unobserved)
    tcp = seen.tcp
    if heard.deaf and tcp and not tcp.connected:
        tcp, unobserved["tcp"] = None, heard.deaf
    arrival = seen.arrival or heard.arrivals.get(sender)
    if arrival is None and heard.unknown:
        unobserved["arrival"] = heard.unknown
    elif arrival is None:
        arrival = Arrival("")
    return replace(seen, tcp=tcp, arrival=arrival, unobserved=unobserved)


def _hear(cluster: Cluster, settings: Settings, way: Way, started: Started, outcome: Outcome) -> None:
    """Asks the peers at once what arrived, and adds it to the observations; only those that a prober missed."""
    # a pair that was not probed has sent nothing that could arrive
    probed = {key: seen for key, seen in outcome.observations.items() if seen.trace or seen.tcp}
    missed = {destination for (_source, destination, _family), seen in probed.items() if seen.arrival is None}
    senders: dict[Sender, str] = {
        (node, family): address
        for (role, node), state in started.running.items()
        if role == PROBER
        for family, address in state.ips.items()
    }
    peers = {node: state.name for (role, node), state in started.running.items() if role == PEER and node in missed}
    results = _at_once(
        {
            node: partial(cluster.execute, settings.namespace, pod, way.peer_command(), HEARD_TIMEOUT)
            for node, pod in peers.items()
        },
        HEARD_TIMEOUT + CONNECT_TIMEOUT,
    )
    heard = {node: way.read_peer(result.stdout, result.problem, senders) for node, result in results.items()}
    for key, seen in probed.items():
        source, destination, family = key
        if destination in missed:
            outcome.observations[key] = with_arrival(seen, (source, family), heard.get(destination))


# Removal


def _remove(
    cluster: Cluster,
    settings: Settings,
    progress: Progress,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Deletes the run's Jobs, waits for all that hangs on them to be gone, and returns how many objects are left.

    A pod whose kubelet does not answer would stay for ever: after half of the patience it is deleted without grace.
    """
    begin = clock()
    cluster.delete(settings.namespace, settings.selector)
    forced = False
    most = 0
    while True:
        there = len(cluster.list_pods(settings.namespace, settings.selector))
        most = max(most, there)
        progress("remove", most - there, most)
        left = there or cluster.count_left(settings.namespace, settings.selector)
        waited = clock() - begin
        if not left or waited >= REMOVAL_PATIENCE:
            return left
        if there and waited >= REMOVAL_PATIENCE / 2 and not forced:
            forced = True
            cluster.delete(settings.namespace, settings.selector, now=True)
        sleep(POLL)


@contextmanager
def _timed(timings: dict[str, float], stage: str) -> Iterator[None]:
    begin = time.monotonic()
    try:
        yield
    finally:
        timings[stage] = round(time.monotonic() - begin, 2)


def _quiet(stage: str, done: int, total: int) -> None:
    pass


def run(
    cluster: Cluster, settings: Settings, work: Work, progress: Progress = _quiet, guard: Guard | None = None
) -> Outcome:
    """Starts the pods, probes and removes. What makes it break off (ClusterError, Interrupted) is told in ``stopped``,
    and what was seen until then is kept. It never leaves before the removal."""
    outcome = Outcome()
    if not work.wanted:
        return outcome
    started = Started()
    created = False
    try:
        with _timed(outcome.timings, "start"):
            way = choose_way(cluster, settings)
            outcome.method = way.name
            # a request that is cut off may have made its object
            created = True
            addresses = _start(cluster, settings, way, work, outcome)
            wait_for_pods(cluster, settings, work, progress, started)
        if {node for _role, node in work.wanted} <= started.pull_failures:
            first = next(iter(started.problems.values()))
            variable = "agent_image" if way.program(settings).restricted else "image"
            raise ClusterError(f"No node can pull it (variable {variable}; pod_paths_{variable} in the role). {first}")
        with _timed(outcome.timings, "probe"):
            rounds = _rounds(settings, work, started, addresses, outcome)
            _probe(cluster, settings, way, rounds, outcome, progress)
            _hear(cluster, settings, way, started, outcome)
    except (ClusterError, Interrupted) as error:
        outcome.stopped = str(error)
    finally:
        if guard:
            guard.hold()
        outcome.ends = {key: state.end for key, state in started.running.items()}
        outcome.problems = started.problems
        if created:
            with _timed(outcome.timings, "remove"):
                outcome.residue, outcome.left = _removed(cluster, settings, work, progress)
        outcome.requests = dict(cluster.requests)
    return outcome


def _removed(cluster: Cluster, settings: Settings, work: Work, progress: Progress) -> tuple[int, str]:
    """How many objects are left, and the sentence for it. A failed removal hides neither what was found nor why the
    run failed."""
    try:
        left = _remove(cluster, settings, progress)
        said = f"{left} objects of this run are still there."
    except ClusterError as error:
        # each pod and its Job, and the Service
        left = 2 * len(work.wanted) + 1
        said = f"Up to {left} objects of this run may still be there ({error})"
    if not left:
        return 0, ""
    seconds = settings.lifetime + settings.ttl
    return left, (
        f"{said} They vanish by themselves within {seconds} s; by hand: kubectl -n {settings.namespace} delete job -l "
        f"{pods.RUN_LABEL}={settings.run_id}"
    )
