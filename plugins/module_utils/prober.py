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
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils import pods, probe_routes
from ansible_collections.podpath.kubeadm.plugins.module_utils.api import CONNECT_TIMEOUT, LONGEST_LOOK, ClusterError
from ansible_collections.podpath.kubeadm.plugins.module_utils.cluster import Cluster, ExecResult
from ansible_collections.podpath.kubeadm.plugins.module_utils.errands import Control, Outcome, RoutesAsked, Work
from ansible_collections.podpath.kubeadm.plugins.module_utils.losing import note_losses
from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import (
    Arrival,
    ControlSeen,
    Observation,
    ServiceSeen,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Method
from ansible_collections.podpath.kubeadm.plugins.module_utils.pods import PEER, PROBER, READER, Settings
from ansible_collections.podpath.kubeadm.plugins.module_utils.probing import (
    CONTROL,
    PAIR,
    SERVICE,
    Answer,
    Errand,
    Heard,
    Progress,
    Sender,
    Way,
    longest,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.starting import (
    Key,
    Started,
    choose_way,
    start_pods,
    wait_for_pods,
    with_readers,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import TopologyError
from ansible_collections.podpath.kubeadm.plugins.module_utils.underlay import parse_hosts

# all that planning and judging need of a run
__all__ = ["Control", "Guard", "Interrupted", "Outcome", "RoutesAsked", "Work", "guarded", "lifetime", "run"]

POLL = 0.25
REMOVAL_PATIENCE = 30
EXEC_SLACK = 15
HEARD_TIMEOUT = 10


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


def lifetime(wait_timeout: int, latest_start: int, method: Method, errands: int = 1) -> int:
    """How long pods may live: starting, probing and removing, each at its longest. ``latest_start``: of all probes;
    ``errands``: how many a prober has at most."""
    # an API that hangs more than once in a run would keep what a killed one left for minutes
    waiting = wait_timeout + LONGEST_LOOK
    return waiting + latest_start + longest(method, errands) + EXEC_SLACK + 2 * HEARD_TIMEOUT + REMOVAL_PATIENCE


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
    own = {address for pod in running.values() for address in pod.ips.values()}
    carried = work.carried(
        {(node, family) for (role, node), pod in running.items() if role == PROBER for family in pod.ips}
    )
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
                    silences=probe.silences,
                )
            )
            keys.append(key)
        if prober is None:
            continue
        for control in carried:
            if control.source != source:
                continue
            address, *spares = [one for one in (control.address, *control.spares) if one not in own] or [""]
            if not address:
                problem = f"All addresses to try on {control.destination} are those of the run's own pods."
                outcome.controls.append(
                    ControlSeen(control.family, source, control.destination, control.address, None, problem)
                )
                continue
            errands.append(
                Errand(
                    CONTROL,
                    control.destination,
                    control.family,
                    address,
                    control.start,
                    control.port,
                    control.max_ttl,
                    tuple(spares),
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
    """Output as it comes: kept for when a prober is cut off, and counted for the progress."""

    def __init__(self, way: Way, rounds: Sequence[_Round], progress: Progress) -> None:
        self._way, self._progress = way, progress
        self._pairs = {
            round_.source: {number for number, errand in enumerate(round_.errands) if errand.kind == PAIR}
            for round_ in rounds
        }
        self._total = sum(len(numbers) for numbers in self._pairs.values())
        self._done = 0
        self._pieces: dict[str, list[str]] = {round_.source: [] for round_ in rounds}
        self._rest: dict[str, str] = {}
        self._lock = threading.Lock()
        progress("probe", 0, self._total)

    def hear(self, source: str, piece: str) -> None:
        """Takes a piece of a prober's output, called from that prober's thread."""
        self._pieces[source].append(piece)
        lines, newline, self._rest[source] = (self._rest.get(source, "") + piece).rpartition("\n")
        if newline:
            done = len(self._pairs[source].intersection(self._way.finished(lines)))
            with self._lock:
                self._done += done
                self._progress("probe", self._done, self._total)

    def output(self, source: str) -> str:
        return "".join(self._pieces[source])


def _record(round_: _Round, answers: Sequence[Answer], image: str, outcome: Outcome) -> None:
    for errand, key, answer in zip(round_.errands, round_.keys, answers, strict=True):
        seen = answer.observation
        if answer.unread:
            what = f"What pod {round_.pod} on {round_.source} (image {image}) printed of {errand.address}"
            seen = replace(seen, problem=f"{what} cannot be read: {answer.unread.rstrip('.')}.")
        if errand.kind == PAIR:
            outcome.observations[key] = seen
        elif errand.kind == CONTROL:
            address, answered = errand.last_traced(seen.trace)
            outcome.controls.append(
                ControlSeen(key.family, key.source, key.destination, address, seen.trace, seen.problem, answered)
            )
        else:
            tcp = seen.tcp
            service = ServiceSeen(round_.source, errand.address, errand.port, False)
            if tcp is None:
                service = replace(service, unobserved=seen.problem or "No connection was tried.")
            else:
                service = replace(
                    service, connected=tcp.connected, served_by=answer.served_by, problem=tcp.problem
                )
            outcome.services.append(service)


def _ask(
    cluster: Cluster,
    settings: Settings,
    way: Way,
    round_: _Round,
    timeout: float,
    cancel: threading.Event,
    heard: Callable[[str], None],
) -> ExecResult:
    try:
        command = way.probe_command(settings.method, round_.errands)
    except ValueError as error:
        return ExecResult("", str(error))
    return cluster.execute(settings.namespace, round_.pod, command, timeout, cancel, heard)


def _probe(
    cluster: Cluster, settings: Settings, way: Way, rounds: Sequence[_Round], outcome: Outcome, progress: Progress
) -> set[Key]:
    """All probers at once, one exec each. Returns those that were not heard to their end."""
    latest = max((errand.start for round_ in rounds for errand in round_.errands), default=0)
    most = max((len(round_.errands) for round_ in rounds), default=1)
    timeout = latest + longest(settings.method, most) + EXEC_SLACK
    tally = _Tally(way, rounds, progress)
    results: dict[str, ExecResult] = {}
    broken: set[Key] = set()
    image = way.program(settings).image
    try:
        results = _at_once(
            {
                round_.source: partial(
                    _ask, cluster, settings, way, round_, timeout, heard=partial(tally.hear, round_.source)
                )
                for round_ in rounds
            },
            timeout + CONNECT_TIMEOUT,
        )
    finally:
        # also when a signal ends the wait: what has come until then counts
        for round_ in rounds:
            late = ExecResult(
                tally.output(round_.source), f"The command in pod {round_.pod} on {round_.source} did not end."
            )
            result = results.get(round_.source, late)
            problem = result.problem and f"The prober on {round_.source} was not heard to its end: {result.problem}"
            if problem:
                broken.add((PROBER, round_.source))
            _record(round_, way.read(result.stdout, problem, round_.errands, settings), image, outcome)
    return broken


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
    elif arrival is None and tcp is None:
        # a peer records what is sent to it: nothing was
        unobserved["arrival"] = unobserved.get("tcp") or "No connection was tried."
    elif arrival is None:
        arrival = Arrival("")
    return replace(seen, tcp=tcp, arrival=arrival, unobserved=unobserved)


def _told(way: Way, node: str, pod: str, result: ExecResult, senders: Mapping[Sender, str]) -> Heard:
    try:
        return way.read_peer(result.stdout, result.problem, senders)
    except ValueError as error:
        return Heard(unknown=f"What peer pod {pod} on {node} recorded cannot be read: {str(error).rstrip('.')}.")


def _hear(cluster: Cluster, settings: Settings, way: Way, started: Started, outcome: Outcome) -> set[Key]:
    """Asks the peers at once what arrived, and adds it to the observations; only those that a prober missed. Returns
    those that could not be asked."""
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
    heard = {node: _told(way, node, peers[node], result, senders) for node, result in results.items()}
    for key, seen in probed.items():
        source, destination, family = key
        if destination in missed:
            outcome.observations[key] = with_arrival(seen, (source, family), heard.get(destination))
    deaf = next((one.deaf for one in heard.values() if one.deaf), "")
    if deaf:
        # a Service leads to any of the peers
        outcome.services = [
            service if service.connected else replace(service, problem="", unobserved=service.unobserved or deaf)
            for service in outcome.services
        ]
    return {(PEER, node) for node in peers if node not in results or results[node].problem}


def _read_routes(cluster: Cluster, settings: Settings, work: Work, started: Started, outcome: Outcome) -> None:
    """Asks the nodes for their own routes, all at once, by their readers."""
    readers = {node: state.name for (role, node), state in started.running.items() if role == READER}
    results = _at_once(
        {
            node: partial(
                cluster.execute,
                settings.namespace,
                pod,
                probe_routes.command(work.routes[node].addresses),
                HEARD_TIMEOUT,
            )
            for node, pod in readers.items()
        },
        HEARD_TIMEOUT + CONNECT_TIMEOUT,
    )
    for node, asked in work.routes.items():
        result = results.get(node) or ExecResult("", "Its pod did not answer.")
        why = started.problems.get((READER, node)) or result.problem
        told = None
        if not why:
            told, why = probe_routes.read(result.stdout, asked.own)
        try:
            parse_hosts({node: told})
        except TopologyError as error:
            told, why = None, str(error)
        if told is None:
            outcome.no_underlay[node] = f"Node {node} could not be asked for its routes: {why}"
        else:
            outcome.underlay[node] = told


# Removal


def remove_run(
    cluster: Cluster,
    settings: Settings,
    progress: Progress,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Deletes the run's Jobs, waits for all that hangs on them to be gone, and returns how many objects are left.

    A pod whose kubelet does not answer would stay for ever: after half of the patience it is deleted without grace. An
    API that does not answer for a moment is asked again. Raises ClusterError where at the end nobody could count.
    """
    begin = clock()
    asked = forced = False
    there = left = most = 0
    while True:
        failed = None
        try:
            if not asked:
                cluster.delete(settings.namespace, settings.selector)
                asked = True
            elif there and clock() - begin >= REMOVAL_PATIENCE / 2 and not forced:
                cluster.delete(settings.namespace, settings.selector, now=True)
                forced = True
            there = len(cluster.list_pods(settings.namespace, settings.selector))
            most = max(most, there)
            progress("remove", most - there, most)
            left = there or cluster.count_left(settings.namespace, settings.selector)
        except ClusterError as error:
            if not error.passing:
                raise
            failed = error
        if clock() - begin >= REMOVAL_PATIENCE:
            if failed:
                raise failed
            return left
        if not failed and not left:
            return 0
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
    """Starts the pods, probes and removes. What makes it break off (ClusterError, Interrupted, a domain error) is told
    in ``stopped``, and what was seen until then is kept. It never leaves before the removal."""
    outcome = Outcome()
    if not work.wanted:
        return outcome
    started = Started()
    created = False
    try:
        with _timed(outcome.timings, "start"):
            way = choose_way(cluster, settings)
            outcome.method = way.name
            work = with_readers(cluster, settings, way, work, outcome)
            # a request that is cut off may have made its object
            created = True
            addresses = start_pods(cluster, settings, way, work, outcome)
            wait_for_pods(cluster, settings, work, progress, started)
        if {node for _role, node in work.wanted} <= started.pull_failures:
            first = next(iter(started.problems.values()))
            variable = "agent_image" if way.program(settings).restricted else "image"
            raise ClusterError(f"No node can pull it (variable {variable}; pod_paths_{variable} in the role). {first}")
        with _timed(outcome.timings, "probe"):
            rounds = _rounds(settings, work, started, addresses, outcome)
            broken = _probe(cluster, settings, way, rounds, outcome, progress)
            broken |= _hear(cluster, settings, way, started, outcome)
            note_losses(cluster, settings, work, started, broken, outcome)
            _read_routes(cluster, settings, work, started, outcome)
    except (ClusterError, Interrupted, ValueError) as error:
        outcome.stopped = str(error)
    finally:
        if guard:
            guard.hold()
        outcome.ends = {key: state.end for key, state in started.running.items()}
        outcome.problems = started.problems
        for node in work.routes:
            if node not in outcome.underlay and node not in outcome.no_underlay:
                outcome.no_underlay[node] = (
                    f"The run ended before node {node} was asked for its routes: "
                    f"{outcome.stopped or 'it broke off.'}"
                )
        if created:
            with _timed(outcome.timings, "remove"):
                outcome.residue, outcome.left = _removed(cluster, settings, work, progress)
        outcome.requests = dict(cluster.requests)
    return outcome


def _removed(cluster: Cluster, settings: Settings, work: Work, progress: Progress) -> tuple[int, str]:
    """How many objects are left, and the sentence for it. A failed removal hides neither what was found nor why the
    run failed."""
    try:
        left = remove_run(cluster, settings, progress)
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
