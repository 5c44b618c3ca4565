#!/usr/bin/python

# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_traceroute
short_description: Prove hop by hop which way packets go between the pods of all nodes
version_added: 0.1.0
description:
  - Starts a prober pod and a peer pod on each node, control planes included, and runs a real traceroute from each
    prober to each peer. A pair is (source node, destination node), so N nodes have N x N pairs; the pair of a node
    with itself goes from its prober to its peer.
  - Compares each hop with the path computed from the Node objects (podCIDR, addresses, Flannel's annotations).
    On a node that is one hop, the pod. Across nodes it is three, the cni0 of the source, then the node address of the
    destination (Flannel's C(host-gw)) or its flannel.1 (C(vxlan)), then the pod.
  - With vxlan and DirectRouting, which Flannel's ConfigMap tells, nodes in one network of O(cluster_networks) are taken
    to be on one link, so that hop 2 is the node address. Other pairs are inconclusive, as only the nodes' own routes
    tell which way they take.
  - A pass needs the right address at each hop, the same way in both directions, and a Flannel public-ip that is the
    node's InternalIP, unique, and inside O(cluster_networks).
  - It only looks, so RV(ignore:changed) is always V(false). Its pods are removed on success, failure, timeout and
    signals. If it is killed outright, they end by themselves and the next run removes them.
options:
  kubeconfig:
    description: Path of the kubeconfig file on the host where this module runs.
    type: path
    required: true
  context:
    description: Context of the kubeconfig to use, the current one if not given.
    type: str
  namespace:
    description: Namespace in which the pods are started. It must exist.
    type: str
    default: default
  cluster_networks:
    description:
      - Networks in CIDR form that the nodes' own addresses belong to. Flannel must use an address inside them.
      - Without them no pair across nodes can pass, since Flannel on a wrong interface would then prove itself right.
    type: list
    elements: str
    default: []
  expected_nodes:
    description:
      - Names of nodes that must be in the cluster. The pairs of one that the cluster does not know are inconclusive;
        without this option such a node would not be missed.
    type: list
    elements: str
    default: []
  image:
    description:
      - Image of both pods. It needs C(sh), C(sleep), C(cat) and busybox's C(traceroute), and C(ping) for the latency.
    type: str
    default: docker.io/library/busybox:1.35.0
  probes:
    description:
      - Probes per hop, from 1 to 6, as the kernel answers at most 6 at once.
      - With two, one lost probe leaves a hop visible.
    type: int
    default: 2
  wait_timeout:
    description: Seconds to wait for the pods to run.
    type: int
    default: 120
  fail_on:
    description:
      - What makes the task fail. V(inconclusive) means any pair that does not pass, V(fail) only pairs that are
        proved broken, V(never) no pair.
      - Zero passes fail the task in any case, as nothing was proved.
    type: str
    choices: [inconclusive, fail, never]
    default: inconclusive
requirements:
  - kubernetes (Python client) >= 24.2.0
author:
  - the podpath.kubeadm authors (@podpath)
attributes:
  check_mode:
    support: full
    description: Can run in check mode and return the prediction. Returns pairs and expected hops, starts nothing.
  diff_mode:
    support: none
    description: Will return details on what has changed when in diff mode. Nothing changes here.
notes:
  - The module talks to the API only and runs where the kubeconfig is, usually with C(delegate_to=localhost).
  - Needed rights are list on nodes, and in O(namespace) create, list and delete on pods, create and get on pods/exec,
    and list on events (only to say more when a pod does not start). Without get on configmaps in C(kube-flannel),
    DirectRouting is not known of, and taken to be off.
  - Only IPv4 and Flannel's backends C(vxlan) and C(host-gw) are judged. Others make a pair inconclusive.
seealso:
  - module: podpath.kubeadm.node_traceroute
"""

EXAMPLES = r"""
- name: Prove all pod paths of the article's cluster
  podpath.kubeadm.pod_traceroute:
    kubeconfig: "{{ inventory_dir }}/artifacts/kubeconfig"
    cluster_networks:
      - 192.168.56.0/24
  delegate_to: localhost
  register: paths

- name: Look without failing on single pairs
  podpath.kubeadm.pod_traceroute:
    kubeconfig: ~/.kube/config
    context: staging
    cluster_networks:
      - 10.1.0.0/16
    fail_on: never
  delegate_to: localhost
"""

RETURN = r"""
schema_version:
  description: Version of this result's form.
  returned: always
  type: int
  sample: 1
verdict:
  description: V(pass), V(fail) or V(inconclusive) over all pairs.
  returned: always
  type: str
  sample: pass
summary:
  description: How many pairs got each verdict.
  returned: always
  type: dict
  sample: {pass: 9, fail: 0, inconclusive: 0}
coverage:
  description: How many of the possible pairs were traced, and which nodes were left out why.
  returned: always
  type: dict
  contains:
    tried:
      description: Pairs that were traced.
      type: int
    possible:
      description: Pairs there are.
      type: int
    skipped:
      description: Nodes without pods, and the reason.
      type: list
      elements: dict
  sample: {tried: 9, possible: 9, skipped: []}
preflight:
  description: What the Node objects and pod addresses alone show to be wrong or unknown.
  returned: always
  type: list
  elements: dict
  contains:
    rule:
      description: Short name of the rule.
      type: str
    severity:
      description: V(fail) or V(inconclusive), the best verdict that a pair it concerns can get.
      type: str
    scope:
      description: Which pairs of its nodes it concerns, V(every) one or only those that V(cross) from node to node.
      type: str
    nodes:
      description: Nodes it concerns.
      type: list
      elements: str
    message:
      description: What was found.
      type: str
    cure:
      description: What to do.
      type: str
pairs:
  description: Each pair with its expected and seen hops.
  returned: always
  type: list
  elements: dict
  contains:
    source:
      description: Node, pod and address of the prober.
      type: dict
    destination:
      description: Node, pod and address of the peer.
      type: dict
    family:
      description: Address family, V(ipv4).
      type: str
    verdict:
      description: V(pass), V(fail) or V(inconclusive).
      type: str
    reason:
      description: The sentence for the verdict.
      type: str
    expected:
      description: What the hops were computed from (C(origin)) and the hops, each with C(role) and C(addresses).
      type: dict
    hops:
      description: The hops seen, each with C(ttl), C(addresses), C(sent), C(received), C(rtt_ms) and C(notes).
        The times are busybox's own, which starts its clock after it has sent; they are too short, and no measurement.
      type: list
      elements: dict
    echoes:
      description: ICMP echoes to the pod after the traceroute, C(sent) and C(received), and C(rtt_ms) with C(min),
        C(avg) and C(max) of the answers in milliseconds. None is sent where the image has no ping. They change no
        verdict.
      type: dict
  sample:
    - source: {node: node-1, pod: podpath-4f1c-prober-1, ip: 10.244.1.2}
      destination: {node: node-2, pod: podpath-4f1c-peer-2, ip: 10.244.2.3}
      family: ipv4
      verdict: pass
      reason: Every hop is the expected one, and the opposite trace shows the same way.
      expected:
        origin: Flannel host-gw, podCIDRs and addresses of the Node objects
        hops:
          - {role: cni0, addresses: [10.244.1.1]}
          - {role: node, addresses: [192.168.56.12]}
          - {role: pod, addresses: [10.244.2.3]}
      hops:
        - {ttl: 1, addresses: [10.244.1.1], sent: 2, received: 2, rtt_ms: {min: 0.01, avg: 0.02, max: 0.03}, notes: []}
      echoes: {sent: 3, received: 3, rtt_ms: {min: 0.08, avg: 0.1, max: 0.13}}
timings:
  description: Seconds taken by starting, probing and removing.
  returned: always
  type: dict
  sample: {start: 2.6, probe: 0.4, remove: 1.1}
residue:
  description: How many of this run's pods could not be removed. If the API did not answer, how many it may be.
  returned: always
  type: int
  sample: 0
stopped:
  description: Why the run broke off, a sentence. Empty for a run that came to its end, whatever it found.
  returned: always
  type: str
  sample: ""
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.podpath.kubeadm.plugins.module_utils import api, plan, prober, topology, trace, verdict

SCHEMA_VERSION = 1


@dataclass
class Proof:
    """A run from the Node objects to the result, filled as it goes, so that a failure returns what is known."""

    cluster: prober.Cluster
    namespace: str
    image: str
    method: plan.Method
    wait_timeout: int
    run_id: str
    cluster_networks: list[str]
    nodes: dict[str, topology.Node] = field(default_factory=dict)
    findings: list[topology.Finding] = field(default_factory=list)
    links: topology.Links = field(default_factory=topology.Links)
    pairs: list[plan.Pair] = field(default_factory=list)
    started: prober.Started = field(default_factory=prober.Started)
    outputs: dict[tuple[str, str], prober.Output] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    expected_nodes: list[str] = field(default_factory=list)
    created: int = 0
    residue: int = 0
    stopped: str = ""
    warn: Callable[[str], None] = lambda message: None

    def look(self) -> None:
        """Reads the nodes and what they alone tell. Raises ClusterError, TopologyError."""
        networks = topology.parse_networks(self.cluster_networks)
        self.nodes = topology.parse_nodes(self.cluster.list_nodes())
        if not self.nodes:
            raise api.ClusterError("The cluster has no nodes, so there is no path to prove.")
        self.findings = topology.preflight(self.nodes, self.cluster_networks)
        if any(node.backend == "vxlan" for node in self.nodes.values()):
            self.links = topology.Links(topology.direct_routing(self.cluster.flannel_config_map()), networks)
        missing = sorted(set(self.expected_nodes) - self.nodes.keys())
        self.nodes = {**self.nodes, **{name: topology.absent_node(name) for name in missing}}
        self.pairs = plan.mesh(list(self.nodes))

    def usable(self) -> list[topology.Node]:
        return [node for node in self.nodes.values() if not node.unusable]

    def run(self, guard: prober.Guard) -> None:
        """Starts, probes, removes. Raises ClusterError and Interrupted, but never leaves before the removal."""
        nodes = self.usable()
        if not nodes:
            return
        names = [node.name for node in nodes]
        longest = max(plan.duration(plan.schedule(name, names, self.method), self.method) for name in names)
        settings = prober.Settings(
            run_id=self.run_id,
            namespace=self.namespace,
            image=self.image,
            method=self.method,
            wait_timeout=self.wait_timeout,
            lifetime=prober.lifetime(self.wait_timeout, longest),
        )
        prober.remove_leftovers(self.cluster, self.namespace, time.time())
        try:
            begin = time.monotonic()
            self._start(settings, nodes)
            self.timings["start"] = round(time.monotonic() - begin, 2)
            begin = time.monotonic()
            self._probe(settings)
            self.timings["probe"] = round(time.monotonic() - begin, 2)
        finally:
            guard.hold()
            begin = time.monotonic()
            self._remove(settings)
            self.timings["remove"] = round(time.monotonic() - begin, 2)

    def _start(self, settings: prober.Settings, nodes: list[topology.Node]) -> None:
        unique = topology.unique_hostnames(self.nodes.values())
        wanted = []
        for index, node in enumerate(nodes):
            placement = prober.pin(node.name, node.hostname, node.hostname in unique)
            for role in (prober.PROBER, prober.PEER):
                manifest = prober.pod_manifest(settings, role, index, node.name, placement, time.time())
                # Counted first: a request that is cut off may have made its pod.
                self.created += 1
                self.cluster.create_pod(settings.namespace, manifest)
                wanted.append((role, node.name))
        self.started = prober.wait_for_pods(self.cluster, settings, wanted)
        if {node.name for node in nodes} <= self.started.pull_failures:
            first = next(iter(self.started.problems.values()))
            raise api.ClusterError(
                f"No node can pull image {settings.image} (variable image; pod_paths_image in the role): {first}"
            )
        for (_role, node), state in self.started.running.items():
            problem = topology.pod_address_problem(self.nodes[node], state.ip)
            if problem:
                cure = "Remove the other CNI configuration, restart the container runtime and make the pods anew."
                finding = topology.Finding("pod-address-outside", topology.FAIL, topology.EVERY, (node,), problem, cure)
                self.findings.append(finding)

    def _probe(self, settings: prober.Settings) -> None:
        running = self.started.running
        peers = {node: state for (role, node), state in running.items() if role == prober.PEER}
        work = {}
        for (role, source), state in running.items():
            if role == prober.PROBER and peers:
                probes = plan.schedule(source, list(peers), self.method)
                work[source] = (state.name, [(probe, peers[probe.destination].ip) for probe in probes])
        self.outputs = prober.run_probes(self.cluster, settings, work)

    def _remove(self, settings: prober.Settings) -> None:
        # A failed removal must not hide what the run found or why it failed.
        try:
            self.residue = prober.remove_run(self.cluster, settings)
            said = f"{self.residue} pods of this run are still there"
        except api.ClusterError as error:
            self.residue = self.created
            said = f"Up to {self.created} pods of this run may still be there ({error})"
        if self.residue:
            self.warn(
                f"{said}. They end by themselves within {settings.lifetime} s, and the next run removes them; by hand: "
                f"kubectl -n {settings.namespace} delete pod -l {prober.RUN_LABEL}={settings.run_id}"
            )

    def attempt(self, pair: plan.Pair, check_mode: bool) -> verdict.Attempt:
        """What came out for one pair."""
        source, destination = self.nodes[pair.source], self.nodes[pair.destination]
        peer = self.started.running.get((prober.PEER, pair.destination))
        expectation, unknown = None, ""
        try:
            expectation = topology.expected_path(source, destination, peer.ip if peer else None, self.links)
        except topology.LinkUnknown as error:
            unknown = str(error)
        except topology.TopologyError:
            pass  # a preflight finding says why
        output = self.outputs.get((pair.source, pair.destination))
        problem = (
            source.unusable
            or destination.unusable
            or ("Check mode: nothing was started." if check_mode else "")
            or self.started.problems.get((prober.PROBER, pair.source), "")
            or self.started.problems.get((prober.PEER, pair.destination), "")
            or (output.problem if output else self.stopped or "The run ended before this pair was traced.")
            or unknown
        )
        if problem:
            return verdict.Attempt(expectation, None, problem)
        try:
            return verdict.Attempt(expectation, trace.parse(output.text))
        except trace.TraceError as error:
            return verdict.Attempt(expectation, None, f"{error} (variable image: is its traceroute busybox's?)")

    def _end(self, role: str, node: str) -> dict[str, str]:
        state = self.started.running.get((role, node))
        return {"node": node, "pod": state.name if state else "", "ip": state.ip if state else ""}

    def result(self, check_mode: bool) -> dict[str, Any]:
        """The module's result, whatever came out."""
        attempts = {pair: self.attempt(pair, check_mode) for pair in self.pairs}
        judgements = verdict.judge(attempts, self.nodes, self.findings)
        counts = verdict.count([judgement.verdict for judgement in judgements.values()])
        pairs = []
        for pair, attempt in attempts.items():
            expected = attempt.expectation.as_dict() if attempt.expectation else {"origin": "unknown", "hops": []}
            output = self.outputs.get((pair.source, pair.destination))
            echoes = trace.parse_echoes(output.echoes) if output else None
            pairs.append(
                {
                    "source": self._end(prober.PROBER, pair.source),
                    "destination": self._end(prober.PEER, pair.destination),
                    "family": "ipv4",
                    "verdict": judgements[pair].verdict,
                    "reason": judgements[pair].reason,
                    "expected": expected,
                    "hops": [hop.as_dict() for hop in attempt.trace.hops] if attempt.trace else [],
                    "echoes": (echoes or trace.Echoes(0, 0)).as_dict(),
                }
            )
        skipped = {node.name: node.unusable for node in self.nodes.values() if node.unusable}
        for (_role, node), problem in self.started.problems.items():
            skipped.setdefault(node, problem)
        return {
            "changed": False,
            "schema_version": SCHEMA_VERSION,
            "verdict": verdict.overall(counts),
            "summary": counts,
            "coverage": {
                "tried": sum(1 for attempt in attempts.values() if attempt.trace),
                "possible": len(self.pairs),
                "skipped": [{"node": node, "reason": reason} for node, reason in skipped.items()],
            },
            "preflight": [finding.as_dict() for finding in self.findings],
            "pairs": pairs,
            "timings": self.timings,
            "residue": self.residue,
            "stopped": self.stopped,
        }


def message(result: dict[str, Any]) -> str:
    """One sentence for the whole, with the first pair that did not pass."""
    summary = result["summary"]
    told = (
        f"{summary['pass']} of {result['coverage']['possible']} pairs pass, {summary['fail']} fail, "
        f"{summary['inconclusive']} are inconclusive."
    )
    for wanted in ("fail", "inconclusive"):
        for pair in result["pairs"]:
            if pair["verdict"] == wanted:
                return f"{told} {pair['source']['node']} to {pair['destination']['node']}: {pair['reason']}"
    return told


def execute(proof: Proof, fail_on: str, check_mode: bool) -> tuple[bool, dict[str, Any]]:
    """Runs a proof to its end: whether the task fails, and its result with ``msg``."""
    error = ""
    try:
        with prober.guarded() as guard:
            proof.look()
            if not check_mode:
                proof.run(guard)
    except (api.ClusterError, topology.TopologyError) as problem:
        error = proof.stopped = str(problem)
    except prober.Interrupted as signal:
        error = proof.stopped = f"The run was {signal}; its pods were removed (residue counts those that were not)."
    result = proof.result(check_mode)
    result["msg"] = error or message(result)
    failed = bool(error) or bool(proof.residue) or (not check_mode and verdict.is_failure(result["summary"], fail_on))
    return failed, result


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "kubeconfig": {"type": "path", "required": True},
            "context": {"type": "str"},
            "namespace": {"type": "str", "default": "default"},
            "cluster_networks": {"type": "list", "elements": "str", "default": []},
            "expected_nodes": {"type": "list", "elements": "str", "default": []},
            "image": {"type": "str", "default": "docker.io/library/busybox:1.35.0"},
            "probes": {"type": "int", "default": 2},
            "wait_timeout": {"type": "int", "default": 120},
            "fail_on": {"type": "str", "choices": ["inconclusive", "fail", "never"], "default": "inconclusive"},
        },
        supports_check_mode=True,
    )
    if api.KUBERNETES_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("kubernetes"), exception=api.KUBERNETES_IMPORT_ERROR)
    params = module.params
    if not 1 <= params["probes"] <= plan.BURST:
        module.fail_json(msg=f"probes is {params['probes']}; it must be from 1 to {plan.BURST}.")
    if params["wait_timeout"] < 1:
        module.fail_json(msg=f"wait_timeout is {params['wait_timeout']}; it must be at least 1 second.")
    proof = Proof(
        cluster=None,
        namespace=params["namespace"],
        image=params["image"],
        method=plan.Method(probes=params["probes"]),
        wait_timeout=params["wait_timeout"],
        run_id=secrets.token_hex(4),
        cluster_networks=params["cluster_networks"],
        expected_nodes=params["expected_nodes"],
        warn=module.warn,
    )
    try:
        proof.cluster = prober.KubernetesCluster(params["kubeconfig"], params["context"])
    except api.ClusterError as error:
        proof.stopped = str(error)
        module.fail_json(**{**proof.result(module.check_mode), "msg": proof.stopped})
    failed, result = execute(proof, params["fail_on"], module.check_mode)
    if failed:
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
