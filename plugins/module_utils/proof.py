# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run from the cluster's objects to the result: look, plan, probe, judge. What module and tests share.

It is filled as it goes, so that a run that breaks off returns what is known until then.
"""

from __future__ import annotations

import ipaddress
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils import (
    baseline,
    diagnosis,
    plan,
    preflight,
    prober,
    report_matrix,
    result,
    topology,
    underlay,
    verdict,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.api import ClusterError
from ansible_collections.podpath.kubeadm.plugins.module_utils.cluster import Cluster
from ansible_collections.podpath.kubeadm.plugins.module_utils.faults import POSSIBLE
from ansible_collections.podpath.kubeadm.plugins.module_utils.judgement import (
    FAIL,
    INCONCLUSIVE,
    PASS,
    count,
    is_failure,
    left_out,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.paths import Paths, PathUnknown
from ansible_collections.podpath.kubeadm.plugins.module_utils.pods import (
    PEER,
    PROBER,
    READER,
    PodOptions,
    Settings,
    pin,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.probing import CONTROL_ADDRESSES
from ansible_collections.podpath.kubeadm.plugins.module_utils.result_file import OutputError, ResultFile
from ansible_collections.podpath.kubeadm.plugins.module_utils.stated_paths import StatedPaths

FAILED = "failed"
ALL = "all"
# So many pairs that did not pass stand in a result, and as many that did, unless all are asked for: a module's result
# goes through memory several times. Where max_mesh_nodes allows a mesh of 100 nodes, it is told whole, as in report.py.
MOST_RETURNED = 1000
MOST_OF_A_MESH = 10_000
# of each rule, so that a fault that breaks very many pairs does not hide the pairs of another
FEWEST_OF_A_RULE = 20
# Where a node has no podCIDR, a network that no pod can be in (RFC 5737, RFC 3849) serves for the control.
_NOWHERE = {topology.IPV4: "192.0.2.1", topology.IPV6: "2001:db8::1"}
# a silent hop more than the longest path tells a detour from an arrival
_SPARE_HOPS = 2
# The highest TTL where silent routers may stand between nodes, and nobody knows how many: each TTL that nobody answers
# costs a trace its probes' waiting times.
_FAR = 16


@dataclass(frozen=True)
class Request:
    """What a user asks for, as the module's options say it."""

    namespace: str = "default"
    image: str = ""
    agent_image: str = ""
    probes: int = 2
    echoes: int = plan.ECHOES
    wait_timeout: int = 120
    wanted: plan.Wanted = field(default_factory=plan.Wanted)
    families: Sequence[str] = ()
    expected: Sequence[Mapping[str, Any]] = ()
    cluster_networks: Sequence[str] = ()
    expected_nodes: Sequence[str] = ()
    underlay: Mapping[str, Any] = field(default_factory=dict)
    underlay_probe: bool = False
    pod: PodOptions = field(default_factory=PodOptions)
    fail_on: str = INCONCLUSIVE
    return_pairs: str = ""
    output_path: str = ""
    baseline_path: str = ""
    slower: baseline.Slower = field(default_factory=baseline.Slower)
    check_mode: bool = False


@dataclass
class Proof:
    """One run. ``run_id`` marks its objects; ``seed`` serves a sample where the user gave none."""

    cluster: Cluster | None
    request: Request
    run_id: str
    seed: int = 0
    progress: prober.Progress = lambda stage, done, total: None
    warn: Callable[[str], None] = lambda message: None
    started: float = field(default_factory=time.time)
    nodes: dict[str, topology.Node] = field(default_factory=dict)
    families: tuple[str, ...] = ()
    flannel: topology.Flannel = field(default_factory=topology.Flannel)
    findings: list[preflight.Finding] = field(default_factory=list)
    plan: plan.Plan = field(default_factory=lambda: plan.Plan("", {}))
    paths: Paths = field(default_factory=lambda: Paths({}))
    outcome: prober.Outcome = field(default_factory=prober.Outcome)
    stopped: str = ""
    _links: topology.Links = field(default_factory=topology.Links)
    _stated: StatedPaths | None = None
    _underlays: underlay.Underlays | None = None
    _earlier: baseline.Earlier | None = None
    _file: ResultFile | None = None

    # Looking

    def look(self) -> None:
        """Reads what the cluster's objects tell and makes the plan; nothing starts. Raises ClusterError and domain
        errors (ValueError) whose text is a sentence."""
        networks = topology.parse_networks(self.request.cluster_networks)
        hosts = underlay.parse_hosts(self.request.underlay)
        path = self.request.baseline_path
        earlier = baseline.read(path, self.request.slower) if path else None
        if self.request.output_path and not self.request.check_mode:
            self._file = ResultFile(self.request.output_path)
        if self.cluster is None:
            return
        if earlier is not None:
            earlier.must_be_of(self.cluster.server)
            # look-ahead traces nothing that could differ; a file that cannot serve is told all the same
            if not self.request.check_mode:
                self._earlier = earlier
        self.nodes = topology.parse_nodes(self.cluster.list_nodes())
        if not self.nodes:
            raise ClusterError("The cluster has no nodes, so there is no path to prove.")
        self.families = tuple(self.request.families) or topology.families_of(self.nodes.values())
        config_map = self.cluster.flannel_config_map()
        self.flannel = topology.parse_flannel(config_map)
        self.findings = preflight.check(self.nodes, networks, self.families, self.flannel, self.cluster.flannel_pods())
        self._links = topology.Links(bool(self.flannel.direct_routing), networks)
        missing = sorted(set(self.request.expected_nodes) - self.nodes.keys(), key=topology.in_order)
        self.nodes = {**self.nodes, **{name: topology.absent_node(name) for name in missing}}
        self._stated = StatedPaths(self.request.expected, self.nodes) if self.request.expected else None
        self.paths = Paths(self.nodes, self._links, stated=self._stated)
        self._underlays = underlay.Underlays(hosts, self.nodes, self._links.direct_routing, flannel=self.flannel)
        self.plan = plan.choose(self.request.wanted, self.nodes, self.families, self.seed)

    # Probing

    def _usable(self, name: str) -> bool:
        return not self.nodes[name].unusable

    def _method(self) -> plan.Method:
        """High enough a TTL for the longest path of the plan, which may be that of any pair: those of some nodes may be
        stated, and routers stand between some only."""
        method = plan.Method(probes=self.request.probes, echoes=self.request.echoes)
        highest = method.max_ttl
        for leg in self.plan:
            try:
                hops = self.paths.expected(*leg).hops
            except PathUnknown:
                continue
            highest = max(highest, len(hops) + _SPARE_HOPS, _FAR if any(hop.many for hop in hops) else 0)
        return replace(method, max_ttl=highest)

    def _work(self, method: plan.Method) -> prober.Work:
        unique = topology.unique_hostnames(self.nodes.values())
        names = [name for name in self.plan.destinations if self._usable(name)]
        probes = {}
        for source in names:
            targets = [
                (destination, family)
                for destination in self.plan.destinations[source]
                if self._usable(destination)
                for family in self.families
            ]
            if targets:
                scheduled = plan.schedule(source, targets, method)
                probes[source] = [self._with_silences(source, probe, method) for probe in scheduled]
        needed = probes.keys() | {probe.destination for own in probes.values() for probe in own}
        placements = {
            name: pin(name, node.hostname, node.hostname in unique)
            for name, node in self.nodes.items()
            if name in needed
        }
        controls = self._controls(list(probes), probes, method)
        return prober.Work(placements, probes, controls, self._routes(probes), self.families)

    def _with_silences(self, source: str, probe: plan.Probe, method: plan.Method) -> plan.Probe:
        """With how many hops keep silent on its path; on one that nobody knows, all may."""
        try:
            silences = self.paths.expected(source, probe.destination, probe.family).silences
        except PathUnknown:
            silences = None
        if silences == 0:
            return probe
        return replace(probe, silences=method.max_ttl if silences is None else silences)

    def _card_addresses(self, name: str, family: str) -> list[str]:
        """By which the card of a node's own address is known: the one of several InternalIPs that Flannel has."""
        side = self.nodes[name].side(family)
        return [side.public_ip] if side.public_ip in side.internal_ips else list(side.internal_ips)

    def _routes(self, probes: Mapping[str, Sequence[plan.Probe]]) -> dict[str, prober.RoutesAsked]:
        """Which nodes are asked for their routes to those they send to: where that is wanted, those that nobody told of
        already."""
        if not self.request.underlay_probe:
            return {}
        asked = {}
        for source, own in probes.items():
            addresses = {
                self.nodes[probe.destination].side(probe.family).public_ip
                for probe in own
                if probe.destination != source
            }
            known = sorted(address for address in addresses if address)
            if known and not self.request.underlay.get(source):
                own = {family: self._card_addresses(source, family) for family in self.families}
                asked[source] = prober.RoutesAsked(own, known)
        return asked

    def _controls(
        self, names: Sequence[str], probes: Mapping[str, Sequence[plan.Probe]], method: plan.Method
    ) -> list[prober.Control]:
        """In each family a trace from each prober, of which those that run carry two (Work.carried).

        They start after a prober's own traces, whose bucket they share.
        """
        controls = []
        for source, destination in zip(names, [*names[1:], *names[:1]], strict=True):
            crossings = Counter(probe.family for probe in probes[source] if probe.destination != source)
            last = max((probe.port for probe in probes[source]), default=plan.FIRST_PORT)
            for family in self.families:
                address, *spares = self._empty_addresses(destination, family)
                controls.append(
                    prober.Control(
                        family=family,
                        source=source,
                        destination=destination,
                        address=address,
                        spares=tuple(spares),
                        start=plan.start_of(crossings[family] + 1, family, method),
                        port=last + method.ports if last + 2 * method.ports <= plan.LAST_PORT else plan.FIRST_PORT,
                        max_ttl=self._reach(plan.Leg(source, destination, family), method),
                    )
                )
        return controls

    def _reach(self, leg: plan.Leg, method: plan.Method) -> int:
        """A TTL with which a control would arrive if somebody answered; with less it would fail whatever there is."""
        try:
            hops = self.paths.expected(*leg).hops
        except PathUnknown:
            return method.max_ttl
        return method.max_ttl if any(hop.many for hop in hops) else len(hops)

    def _empty_addresses(self, node: str, family: str) -> list[str]:
        """Addresses all over a node's podCIDR that likely no pod has, the last one first: the address plugin gives them
        in their order, and begins anew when it is through, so that an old node has pods anywhere."""
        cidr = self.nodes[node].side(family).pod_cidr
        if not cidr:
            return [_NOWHERE[family]]
        network = ipaddress.ip_network(cidr)
        last = network.num_addresses - 2
        numbers = [last - last * part // (CONTROL_ADDRESSES + 1) for part in range(CONTROL_ADDRESSES)]
        return [str(network[number]) for number in dict.fromkeys(numbers) if number > 1]

    def run(self, guard: prober.Guard | None = None) -> None:
        """Starts, probes, removes; whatever ends it early is told in ``stopped``, and what was seen is kept."""
        method = self._method()
        work = self._work(method)
        latest = max((probe.start for own in work.probes.values() for probe in own), default=0)
        # a control and the Service in each family
        most = max((len(own) for own in work.probes.values()), default=0) + 2 * len(self.families)
        settings = Settings(
            run_id=self.run_id,
            namespace=self.request.namespace,
            image=self.request.image,
            method=method,
            wait_timeout=self.request.wait_timeout,
            lifetime=prober.lifetime(self.request.wait_timeout, latest, method, most),
            agent_image=self.request.agent_image,
            options=self.request.pod,
        )
        self.outcome = prober.run(self.cluster, settings, work, self.progress, guard)
        self.stopped = self.outcome.stopped
        if self.outcome.left:
            self.warn(self.outcome.left)
        if self.request.underlay_probe:
            given = {name: entry for name, entry in self.request.underlay.items() if entry}
            hosts = underlay.parse_hosts({**self.outcome.underlay, **given})
            silent = self.outcome.no_underlay
            self._underlays = underlay.Underlays(hosts, self.nodes, self._links.direct_routing, silent, self.flannel)
        peers = result.own_ips(self.outcome.ends, PEER)
        both = {*peers.items(), *result.own_ips(self.outcome.ends, PROBER).items()}
        due = [
            (node, family, address)
            for (node, family), address in sorted(both)
            if not self.paths.pods_elsewhere(node, family)
        ]
        self.findings += preflight.pod_addresses(self.nodes, due)
        self.paths = Paths(self.nodes, self._links, peers, self._stated)

    # Judging

    def _problem(self, leg: plan.Leg) -> str:
        """Why a pair was not probed; empty where it was."""
        ends = self.nodes[leg.source], self.nodes[leg.destination]
        told = ends[0].unusable or ends[1].unusable
        if told or self.request.check_mode:
            return told or "Check mode: nothing was started."
        problems = self.outcome.problems
        told = problems.get((PROBER, leg.source), "") or problems.get((PEER, leg.destination), "")
        if told or leg in self.outcome.observations:
            return told
        return self.stopped or "The run ended before this pair was traced."

    def _most(self, wanted: str) -> int:
        """How many pairs that did not pass the result may hold, and how many others."""
        if self._file is not None or wanted == FAILED:
            return MOST_RETURNED
        return len(self.plan) if self.request.return_pairs == ALL else MOST_OF_A_MESH

    def _judge(
        self, record: verdict.Record, wanted: str
    ) -> tuple[result.Tally, list[dict[str, Any]], dict[str, Any]]:
        """What was counted, the pairs that are returned, and the matrix of all. ``wanted``: FAILED or ALL."""
        tally = result.Tally(self.nodes)
        grid = report_matrix.Grid(list(self.nodes))
        pairs: list[dict[str, Any]] = []
        room = dict.fromkeys((True, False), self._most(wanted))
        by_rule: Counter[str] = Counter()
        for judged in verdict.judge(self.plan, record):
            tally.add(judged)
            grid.add(judged.leg.source, judged.leg.destination, judged.leg.family, judged.judgement.verdict)
            passed = judged.judgement.verdict == PASS
            rule = judged.judgement.rule
            has_room = room[passed] > 0 or (not passed and by_rule[rule] < FEWEST_OF_A_RULE)
            returned = has_room and (wanted == ALL or not passed)
            if not returned and self._file is None and self._earlier is None:
                continue
            told = result.pair(judged, self.outcome.ends)
            if self._file is not None:
                self._file.add(told)
            if self._earlier is not None:
                self._earlier.add(told)
            if returned:
                room[passed] -= 1
                by_rule[rule] += 1
                pairs.append(told)
        return tally, pairs, grid.packed()

    def _left_out(self, tally: result.Tally, pairs: Sequence[Mapping[str, Any]]) -> dict[str, int]:
        """How many pairs of each verdict are not returned. Warns where some that did not pass are nowhere else."""
        untold = left_out(tally.counts, pairs)
        missing = untold[FAIL] + untold[INCONCLUSIVE]
        if missing and self._file is None:
            self.warn(
                f"{missing:,} of {sum(tally.counts.values()) - tally.counts[PASS]:,} pairs that did not pass are left "
                "out of the result, and only their verdicts stand in its matrix; name a file for all pairs in "
                "output_path (pod_paths_result_path in the role)."
            )
        return untold

    def result(self) -> dict[str, Any]:
        """The module's result, whatever came out. Raises OutputError."""
        ends = self.outcome.ends
        record = verdict.Record(
            nodes=self.nodes,
            paths=self.paths,
            observations=self.outcome.observations,
            findings=self.findings,
            own_ips=result.own_ips(ends, PROBER),
            problem=self._problem,
            underlays=self._underlays,
            direct_unknown=self.flannel.direct_routing is None,
            lost=self.outcome.lost,
            lost_nodes=self.outcome.lost_nodes,
        )
        controls = [verdict.judge_control(seen, record) for seen in self.outcome.controls]
        record = replace(record, control=verdict.control_problems(controls, self.families))
        small = len(self.plan) <= self.request.wanted.max_mesh_nodes**2 * max(1, len(self.families))
        wanted = self.request.return_pairs or (ALL if small else FAILED)
        tally, pairs, matrix = self._judge(record, wanted)
        lost = {node: told for (_role, node), told in self.outcome.lost.items()} | self.outcome.lost_nodes
        found = diagnosis.diagnose(
            diagnosis.Evidence(self.nodes, tally, self.findings, self.outcome.services, lost, self.flannel)
        )
        problems = {}
        for (role, node), problem in self.outcome.problems.items():
            if role != READER:
                problems.setdefault(node, problem)
        document = {
            "changed": False,
            "schema_version": result.SCHEMA_VERSION,
            "verdict": result.verdict(
                tally, [one.fault for one in found if one.fault != result.LOSS or one.confidence != POSSIBLE]
            ),
            "msg": "",
            "cluster": result.facts(
                self.nodes, self.cluster.server if self.cluster else "", self.families, self.flannel.direct_routing
            ),
            "run": self._run(),
            "summary": tally.counts,
            "coverage": result.coverage(self.nodes, self.plan.covered, self.plan.possible, tally, problems),
            "preflight": [finding.as_dict() for finding in self.findings],
            "nodes": result.nodes(self.nodes, tally, self.families, diagnosis.blamed(found)),
            "pairs": pairs,
            "pairs_left_out": self._left_out(tally, pairs),
            "matrix": matrix,
            "control": result.controls(controls),
            "services": result.services(self.outcome.services),
            "no_service": self.outcome.no_service,
            "diagnosis": [entry.as_dict() for entry in found],
            # of nodes that nobody saw none is gone
            "changes": self._earlier.changes(self.nodes) if self._earlier and self.nodes else None,
            "requests": dict(self.outcome.requests or (self.cluster.requests if self.cluster else {})),
            "timings": self.outcome.timings,
            "residue": self.outcome.residue,
            "stopped": self.stopped,
            "output_path": self.request.output_path if self._file else "",
        }
        document["msg"] = self.stopped or result.message(
            tally, len(self.plan), self.plan.possible, len(self.nodes), document["diagnosis"]
        )
        return document

    def _run(self) -> dict[str, Any]:
        return {
            "id": self.run_id,
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.started)),
            "seconds": round(time.time() - self.started, 2),
            "version": result.VERSION,
            "namespace": self.request.namespace,
            "image": self.request.agent_image if self.outcome.method == "agent" else self.request.image,
            "method": self.outcome.method,
            "plan": self.plan.as_dict(),
        }

    def _is_baseline(self, path: str) -> bool:
        baseline_path = self.request.baseline_path
        return bool(baseline_path) and os.path.realpath(baseline_path) == os.path.realpath(path)

    def _store(self, document: dict[str, Any]) -> None:
        """Puts the file in its place. One that cannot be written costs no result: then all pairs are returned."""
        if self._file is None:
            return
        if not document["coverage"]["tried"] and self._is_baseline(self.request.output_path):
            document["output_path"] = ""  # what there is to compare with is worth more than a file without a trace
            return
        try:
            self._file.finish({**document, "pairs_left_out": count([])})
        except OutputError as error:
            self.stopped = document["stopped"] = document["msg"] = str(error)
            document["output_path"] = ""

    def conclude(self) -> tuple[bool, dict[str, Any]]:
        """Whether the task fails, and its result."""
        try:
            document = self.result()
            self._store(document)
        except OutputError as error:
            self._drop_file()
            self.stopped = str(error)
            document = self.result()
        self._drop_file()
        bad = not self.request.check_mode and (
            is_failure(document["summary"], self.request.fail_on)
            or (self.request.fail_on == INCONCLUSIVE and document["verdict"] != PASS)
        )
        return bool(self.stopped) or bool(self.outcome.residue) or bad, document

    def _drop_file(self) -> None:
        if self._file is not None:
            self._file.discard()
            self._file = None


def execute(proof: Proof) -> tuple[bool, dict[str, Any]]:
    """Runs a proof to its end: whether the task fails, and its result."""
    try:
        with prober.guarded() as guard:
            proof.look()
            if not proof.request.check_mode:
                proof.run(guard)
    except (ClusterError, OutputError, ValueError) as error:
        proof.stopped = str(error)
    except prober.Interrupted as signal:
        proof.stopped = str(signal)
    return proof.conclude()
