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
  - Starts a prober pod and a peer pod on each node, control planes included, and runs a real traceroute from probers to
    peers. A pair is (source node, destination node), so N nodes have N x N pairs in each address family; the pair of a
    node with itself goes from its prober to its peer.
  - Compares each hop with the path computed from the Node objects (podCIDRs, addresses, Flannel's annotations) and
    Flannel's ConfigMap. On a node that is one hop, the pod. Across nodes it is the cni0 of the source, then the
    flannel.1 of the destination (C(vxlan); with C(wireguard) flannel-wg, with C(ipip) flannel.ipip) or its node address
    (C(host-gw), DirectRouting), then the pod. C(udp) has two silent hops before the destination's flannel0. Paths of
    other networks can be stated in O(expected).
  - DirectRouting depends on each node's own routes, which the API does not tell and O(underlay) does. Without that,
    nodes in one network of O(cluster_networks) are taken to be on one link, nodes in different ones to have a router in
    between, and a pair with a node in none of them is inconclusive.
  - A pass needs the right address at each hop, the same way in both directions, and a Flannel public-ip that is the
    node's InternalIP, or what an administrator chose (public-ip-overwrite), unique, and inside O(cluster_networks).
    A trace to an address without a pod goes along as a control, from the first and the last prober that run. Where it
    arrives, by whatever way, or none could be traced, no pair passes. Where that address answers, as one of a pod that
    the run does not know, up to five others of the same node are tried, one after the other.
  - Beside the hops it looks at loss and latency of echoes, packets of full size, what the peer recorded (source
    address, TTL), a TCP connection to the peer and one to a Service of the run's own. What could not be observed says
    why, and never counts against a pair; what was observed can keep a pair from passing.
  - Pods that are evicted or deleted, and nodes that go away while it runs, leave their pairs inconclusive, with what
    became of them; a pair that had passed until then stays passed.
  - It only looks, so RV(ignore:changed) is always V(false). Its objects are removed on success, failure, timeout and
    signals. If it is killed outright, they end and vanish by themselves.
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
  plan:
    description:
      - Which pairs are traced, always in both directions, since a pass needs both.
      - V(auto) is V(mesh) up to O(max_mesh_nodes) nodes and V(sample) above; V(pairs) or V(node) where one of these
        options is given.
      - V(mesh) is every pair, V(ring) each node with the next one by name, V(sample) random pairs that touch each node,
        V(pairs) those of O(pairs), V(node) the one of O(node) with all nodes.
    type: str
    choices: [auto, mesh, ring, sample, pairs, node]
    default: auto
  node:
    description: The node that is traced against all, as one that was just added.
    type: str
  pairs:
    description: Pairs of nodes to trace.
    type: list
    elements: dict
    suboptions:
      source:
        description: Name of a node.
        type: str
        required: true
      destination:
        description: Name of a node, the same one for the path between two of its pods.
        type: str
        required: true
  source_selectors:
    description:
      - Label selectors as C(kubectl --selector) takes them. Nodes that match any of them are sources.
      - For the plans V(mesh), V(ring) and V(sample).
    type: list
    elements: str
    default: []
  destination_selectors:
    description: The same for destinations.
    type: list
    elements: str
    default: []
  sample_size:
    description:
      - How many pairs a sample has, opposite ones included.
      - By default four for each node, and no less than the square of O(max_mesh_nodes).
    type: int
  seed:
    description: Number that a sample is drawn by. By default another one in each run; the result tells which.
    type: int
  max_mesh_nodes:
    description: Up to how many nodes V(auto) traces all pairs.
    type: int
    default: 10
  families:
    description: Address families to prove, all in which the nodes have podCIDRs if none is given. Services are tried in
      these only.
    type: list
    elements: str
    choices: [ipv4, ipv6]
    default: []
  expected:
    description:
      - Paths that the user knows better, for networks other than Flannel or with routers in between. The first entry
        that holds for a pair counts; for all other pairs the path is computed.
      - On nodes without Flannel's annotations nothing can be computed. Pairs of theirs that are not stated are
        inconclusive, but for two pods of one node, which pass where a bridge connects them, and fail where one does not
        reach the other.
      - Pods must have addresses of their node's podCIDR, unless the path between two pods of the node is stated (an
        entry with C(on_node)), or all its paths to other nodes and back are, none of them by C(bridge_ip) or
        C(overlay_ip), which follow from it.
    type: list
    elements: dict
    default: []
    suboptions:
      source:
        description: Pattern of node names, with C(*) and C(?).
        type: str
        default: "*"
      destination:
        description: Pattern of node names, with C(*) and C(?).
        type: str
        default: "*"
      family:
        description: The family it holds for, both if not given.
        type: str
        choices: [ipv4, ipv6]
      on_node:
        description: Whether it holds for two pods on one node, instead of pods on two nodes.
        type: bool
        default: false
      hops:
        description:
          - One entry for each hop. An address, C(*) for one that stays silent, or a fact of a node such as
            C({source.bridge_ip}), C({destination.overlay_ip}), C({destination.public_ip}),
            C({destination.internal_ip}), C({destination.annotations[KEY]}) or C({source.labels[KEY]}). Where either of
            several may answer they are joined by C(|).
          - The last one must be C({destination.pod_ip}).
        type: list
        elements: str
        required: true
  cluster_networks:
    description:
      - Networks in CIDR form that the nodes' own addresses belong to. Flannel must use an address inside them.
      - Without one of a family no pair across nodes can pass in it, since Flannel on a wrong interface would then prove
        itself right.
    type: list
    elements: str
    default: []
  expected_nodes:
    description:
      - Names of nodes that must be in the cluster; without this option one that never joined would not be missed.
      - Of one that the cluster does not know the pairs are inconclusive, and with them the whole, also where the plan
        has no pair of it, as by O(pairs), or by O(source_selectors), since it has no labels.
    type: list
    elements: str
    default: []
  underlay:
    description:
      - What the hosts' route tables say, by node name, RV(podpath.kubeadm.node_traceroute#module:underlay) of each.
      - Of each node C(interface), the one that carries its own address, or C(interfaces), the same by family, V(ipv4)
        and V(ipv6), where these differ; C(mtus), the MTUs of its devices by name; and C(routes), what
        C(ip -j route get ADDRESS) says of each address by which Flannel reaches another node, its public-ip. One with
        an C(error) is no route.
      - A pair fails when its source's route goes out by another interface, or has an MTU that does not carry the
        packets of Flannel's device with the header that they get (vxlan 50 bytes, with IPv6 70; wireguard 60 and 80;
        ipip 20; udp 28). The gateway of a route decides DirectRouting, instead of O(cluster_networks).
      - The underlay of a node without an entry is not observed, and counts for nothing.
    type: dict
    default: {}
  underlay_probe:
    description:
      - Whether nodes of which O(underlay) tells nothing are asked for their routes, by one more pod on each, which runs
        C(ip route get) on the host's network, without root and without any capability.
      - In each family a node's own interface is the one that carries Flannel's public-ip, where that is one of its
        InternalIPs, else the one that carries its InternalIP. Where several carry one, and none is Flannel's, a route
        is judged by its source address.
      - Where the namespace does not take such pods (the levels baseline and restricted refuse them, and webhooks may),
        the underlay is not observed, and the rest goes on.
    type: bool
    default: false
  image:
    description:
      - Image of the pods. It needs C(sh) and the C(traceroute) of busybox or of Debian and Fedora; what else is found
        in it gives more evidence, C(ping) the echoes, C(wget) with C(timeout) and C(httpd) the TCP connections and what
        arrived. Without one of them that evidence is not observed.
      - Where a prober has more than about 150 pairs, C(base64) and C(gunzip) are needed as well, as busybox has them.
    type: str
    default: docker.io/library/busybox:1.35.0
  agent_image:
    description:
      - Image with Python 3.9 or newer, for namespaces that refuse the other by their Pod Security level, a webhook or
        another policy, which a dry run asks. Its pods are not root, without any capability, and have a read-only file
        system.
    type: str
    default: ""
  probes:
    description:
      - Probes per hop, from 1 to 6, as the kernel answers at most 6 at once.
      - With two, one lost probe leaves a hop visible.
    type: int
    default: 2
  echoes:
    description:
      - Small echoes to each pod, from 3 to 100, a tenth of a second apart (a fifth where the pod is not root). They
        measure loss, there or back, and latency.
      - A pair that lost half of them, or three tenths and no less than three, does not pass. Nor does a cluster pass in
        which a node lost a tenth of all that it and the other nodes exchanged and no less than three, or a twentieth
        and no less than five.
      - None lost of n shows, with a certainty of 95 %, that less than 3/n are lost, where packets are lost one by one.
        With the default that is 30 % for a pair; for a node, which has n = 2 x (nodes - 1) x O(echoes) in a mesh, 7.5 %
        in one of three and 1.7 % in one of ten. Smaller loss passes mostly unseen. A network of three nodes that loses
        5 % is told in one run of four, with 30 echoes in three of four.
      - Where one of several ways between the nodes is bad (ECMP, LAG), flows are lost, whole or not at all, and more
        echoes do not help. All ICMP echoes of a pair, large ones too, are one flow, since vxlan chooses the port that
        it sends from by the addresses and ports of what it carries, and ICMP has no ports. Other flows of a pair are
        its TCP connection, the datagrams of the unprivileged prober, and its trace, which is one flow with busybox and
        with Debian's traceroute one for each probe; a trace by ICMP, which the unprivileged prober prefers, goes with
        the echoes. So a pair has about three flows, a bad way is met by some flows of some pairs, the more pairs the
        likelier, and a pair that lost all its echoes to one looks as if a filter took them.
      - Five packets of full size go along. What a smaller MTU costs until it is known is no loss, which is the first
        one, with IPv6 the first two. A pair that lost two more does not pass; what a node lost of them counts as its
        small echoes do.
    type: int
    default: 10
  pod:
    description: What the pods carry besides.
    type: dict
    default: {}
    suboptions:
      tolerations:
        description: Tolerations in the form of the API. By default those for control planes; an empty list is none.
        type: list
        elements: dict
      resources:
        description: Resource requests and limits in the form of the API.
        type: dict
      priority_class:
        description: Name of a PriorityClass.
        type: str
        default: ""
      pull_secrets:
        description: Names of Secrets in O(namespace) to pull the image with.
        type: list
        elements: str
        default: []
  wait_timeout:
    description: Seconds to wait for the pods to run.
    type: int
    default: 120
  fail_on:
    description:
      - What makes the task fail. V(inconclusive) means any pair that does not pass, V(fail) only pairs that are
        proved broken, V(never) no pair. Services that lead nowhere while all pairs pass count as inconclusive,
        and so do echoes of which a node lost too many (see O(echoes)) and a missing one of O(expected_nodes).
      - Zero passes fail the task in any case, as nothing was proved.
    type: str
    choices: [inconclusive, fail, never]
    default: inconclusive
  return_pairs:
    description:
      - Which pairs stand in the result, V(all) or only those that did not pass (V(failed)).
      - By default all, where they are no more than a mesh of O(max_mesh_nodes) nodes has.
      - Of those that did not pass the result holds the first 1000 and 20 of each rule, and with O(output_path) 1000 of
        those that passed; RV(pairs_left_out) counts the others.
      - By default a mesh that O(max_mesh_nodes) allows is told up to 10000 of each. V(all) without O(output_path) has
        no bound.
    type: str
    choices: [failed, all]
  output_path:
    description:
      - File for the whole result with all pairs, as JSON. It is replaced in one step when the run has ended.
      - Not written in check mode.
    type: path
  baseline:
    description:
      - An earlier result of the same cluster to compare with, RV(changes) then tells what differs. A file of
        O(output_path) or the report of the role C(pod_paths).
      - With C(--diff) the differences are shown.
    type: path
  slower:
    description: From when on a pair counts as slower than in the O(baseline). Both must hold for the median.
    type: dict
    default: {}
    suboptions:
      factor:
        description: How many times as long.
        type: float
        default: 3
      ms:
        description: How many milliseconds longer.
        type: float
        default: 1
  progress_path:
    description: File to which the progress is appended, each line a JSON object of C(stage), C(done) and C(total).
    type: path
requirements:
  - kubernetes (Python client) >= 24.2.0
author:
  - the podpath.kubeadm authors (@podpath)
attributes:
  check_mode:
    support: full
    description: Can run in check mode and return the prediction. Returns plan and expected hops, starts nothing.
  diff_mode:
    support: full
    description: Will return details on what has changed when in diff mode. Shows what differs from the O(baseline).
notes:
  - The module talks to the API only and runs where the kubeconfig is, usually with C(delegate_to=localhost).
  - Needed rights are list on nodes, and in O(namespace) create, list and deletecollection on jobs, create, list and
    deletecollection on pods, create and get on pods/exec, create and list on services, and list on events. Without get
    on configmaps and list on pods in C(kube-flannel), DirectRouting is taken to be off, a pair that goes past the
    tunnel is inconclusive, and whether Flannel's pods are Ready is not known.
seealso:
  - module: podpath.kubeadm.node_traceroute
"""

EXAMPLES = r"""
- name: Prove all pod paths of the article's cluster
  podpath.kubeadm.pod_traceroute:
    kubeconfig: "{{ inventory_dir }}/.artifacts/kubeconfig"
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

- name: Prove the paths of a node that was just added
  podpath.kubeadm.pod_traceroute:
    kubeconfig: ~/.kube/config
    cluster_networks:
      - 10.1.0.0/16
    node: worker-17
  delegate_to: localhost

- name: Sample a large cluster, the same pairs each night, and tell what changed since the first
  podpath.kubeadm.pod_traceroute:
    kubeconfig: ~/.kube/config
    cluster_networks:
      - 10.1.0.0/16
      - 10.2.0.0/16
    plan: sample
    sample_size: 2000
    seed: 7
    output_path: /var/lib/podpath/tonight.json
    baseline: /var/lib/podpath/first.json
  delegate_to: localhost
  diff: true

- name: From the edge to the database nodes, in a namespace under the restricted level
  podpath.kubeadm.pod_traceroute:
    kubeconfig: ~/.kube/config
    namespace: proofs
    agent_image: docker.io/library/python:3.13-alpine
    cluster_networks:
      - 10.1.0.0/16
    source_selectors:
      - node-role.kubernetes.io/edge
    destination_selectors:
      - tier in (database, cache)
  delegate_to: localhost

- name: Judge the nodes' own routes, too
  podpath.kubeadm.pod_traceroute:
    kubeconfig: ~/.kube/config
    cluster_networks:
      - 10.1.0.0/16
    underlay:
      worker-17:
        interface: eth1
        mtus: {eth1: 1500, flannel.1: 1450}
        routes:
          - {dst: 10.1.0.18, dev: eth1, prefsrc: 10.1.0.17}
          - {dst: 10.1.0.19, dev: eth1, prefsrc: 10.1.0.17}
  delegate_to: localhost

- name: State the paths of Calico with IP in IP
  podpath.kubeadm.pod_traceroute:
    kubeconfig: ~/.kube/config
    expected:
      - hops:
          - "{source.internal_ip}"
          - "{destination.annotations[projectcalico.org/IPv4IPIPTunnelAddr]}"
          - "{destination.pod_ip}"
        family: ipv4
      - on_node: true
        hops:
          - "{source.internal_ip}"
          - "{destination.pod_ip}"
        family: ipv4
  delegate_to: localhost
"""

RETURN = r"""
schema_version:
  description: Version of this result's form.
  returned: always
  type: int
  sample: 2
verdict:
  description:
    - V(pass), V(fail) or V(inconclusive) over all pairs.
    - Where all pairs pass, but Services lead nowhere (see RV(services)), a node lost too many of its echoes (a loss
      that RV(diagnosis) calls likely), or one of O(expected_nodes) is not in the cluster, V(inconclusive); RV(msg)
      says so.
  returned: always
  type: str
  sample: pass
msg:
  description: One sentence for the whole.
  returned: always
  type: str
  sample: 9 of 9 pairs pass, 0 fail, 0 are inconclusive.
cluster:
  description: What was looked at.
  returned: always
  type: dict
  contains:
    server:
      description: Address of the API server.
      type: str
    nodes:
      description: How many nodes there are, expected ones included.
      type: int
    backends:
      description: Flannel's backends on the nodes.
      type: list
      elements: str
    families:
      description: Address families that were proved.
      type: list
      elements: str
    direct_routing:
      description: Whether Flannel's ConfigMap turns DirectRouting on; null where it could not be read.
      type: bool
  sample:
    server: https://192.168.56.10:6443
    nodes: 3
    backends: [vxlan]
    families: [ipv4]
    direct_routing: false
run:
  description: How it was looked at.
  returned: always
  type: dict
  contains:
    id:
      description: Value of the label C(podpath.kubeadm/run) of all objects of the run.
      type: str
    started:
      description: When it started, in UTC.
      type: str
    seconds:
      description: How long it took.
      type: float
    version:
      description: Version of the collection.
      type: str
    namespace:
      description: Where the pods ran.
      type: str
    image:
      description: Image of the pods.
      type: str
    method:
      description: How was probed, V(shell) or V(agent); empty where nothing was. Of what protocol, each pair says.
      type: str
    plan:
      description: Which pairs were chosen.
      type: dict
      contains:
        name:
          description: Name of the plan, as in O(plan).
          type: str
        seed:
          description: Number that a sample was drawn by, null for other plans.
          type: int
        sample_size:
          description: How many pairs a sample was to have, null for other plans.
          type: int
  sample:
    id: 4f1c09ab
    started: "2026-11-24T17:30:00Z"
    seconds: 6.3
    version: 0.1.0
    namespace: default
    image: docker.io/library/busybox:1.35.0
    method: shell
    plan: {name: mesh, seed: null, sample_size: null}
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
      description: Pairs that have a trace.
      type: int
    possible:
      description: Pairs there are, N x N in each family.
      type: int
    nodes:
      description: Nodes there are, expected ones included.
      type: int
    covered:
      description: Nodes that are an end of a pair with a trace.
      type: int
    skipped:
      description: Nodes without pods or without a pair in the plan.
      type: list
      elements: dict
      contains:
        node:
          description: Name of the node.
          type: str
        reason:
          description: The sentence for it.
          type: str
  sample: {tried: 9, possible: 9, nodes: 3, covered: 3, skipped: []}
preflight:
  description: What the cluster's objects and the pods' addresses alone show to be wrong or unknown.
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
    families:
      description: Address families it concerns.
      type: list
      elements: str
    message:
      description: What was found.
      type: str
    cure:
      description: What to do.
      type: str
  sample: []
nodes:
  description: Each node with what its paths are computed from, and how its pairs came out.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the node.
      type: str
    ready:
      description: Whether it is Ready.
      type: bool
    pod_cidrs:
      description: Its podCIDRs, one for each family.
      type: list
      elements: str
    internal_ips:
      description: Its InternalIPs.
      type: list
      elements: str
    public_ip:
      description: The address that Flannel uses, of the first family where there are two.
      type: str
    public_ips:
      description: The addresses that Flannel uses, one for each family.
      type: list
      elements: str
    overwritten_ips:
      description: Those of C(public_ips) that an administrator chose, by Flannel's annotation public-ip-overwrite.
      type: list
      elements: str
    backend:
      description: Flannel's backend, null where its annotations are missing.
      type: str
    bridge_ips:
      description: Addresses of its cni0.
      type: list
      elements: str
    overlay_ips:
      description: Addresses of its flannel.1, or of what its backend has instead.
      type: list
      elements: str
    verdict:
      description: V(pass), V(fail) or V(inconclusive). Pairs that fail for another node's sake do not count.
      type: str
    reason:
      description: The sentence for the verdict.
      type: str
    outgoing:
      description: Verdicts of the pairs from it.
      type: dict
    incoming:
      description: Verdicts of the pairs to it.
      type: dict
  sample:
    - name: node-1
      ready: true
      pod_cidrs: [10.244.1.0/24]
      internal_ips: [192.168.56.11]
      public_ip: 192.168.56.11
      public_ips: [192.168.56.11]
      overwritten_ips: []
      backend: vxlan
      bridge_ips: [10.244.1.1]
      overlay_ips: [10.244.1.0]
      verdict: pass
      reason: All 6 pairs from and to it pass.
      outgoing: {pass: 3, fail: 0, inconclusive: 0}
      incoming: {pass: 3, fail: 0, inconclusive: 0}
matrix:
  description: The verdicts of all pairs in little room, also of those that are not returned.
  returned: always
  type: dict
  contains:
    nodes:
      description: Names of the nodes, in the order of rows and letters.
      type: list
      elements: str
    rows:
      description: By family a text for each source node, with a letter per destination (V(p) pass, V(f) fail, V(i)
        inconclusive, V(-) not in the plan) and a number before it where it is repeated.
      type: dict
  sample: {nodes: [node-1, node-2], rows: {ipv4: [2p, pf]}}
pairs:
  description: Pairs with their expected and seen hops, those that O(return_pairs) says.
  returned: always
  type: list
  elements: dict
  contains:
    source:
      description: Where the prober ran.
      type: dict
      contains:
        node:
          description: Name of the node.
          type: str
        pod:
          description: Name of the pod, empty where none was made.
          type: str
        ip:
          description: The pod's address in this family, empty where it has none.
          type: str
    destination:
      description: Where the peer ran.
      type: dict
      contains:
        node:
          description: Name of the node.
          type: str
        pod:
          description: Name of the pod, empty where none was made.
          type: str
        ip:
          description: The pod's address in this family, empty where it has none.
          type: str
    family:
      description: Address family, V(ipv4) or V(ipv6).
      type: str
    verdict:
      description: V(pass), V(fail) or V(inconclusive).
      type: str
    rule:
      description: Short name of the rule that gave the verdict.
      type: str
    reason:
      description: The sentence for the verdict.
      type: str
    expected:
      description: The path that the pair should have.
      type: dict
      contains:
        origin:
          description: What the hops were computed from, or that O(expected) stated them.
          type: str
        hops:
          description: The hops.
          type: list
          elements: dict
          contains:
            role:
              description: V(cni0), V(node), V(flannel.1) or another device of Flannel, V(pod), V(silent) where no
                answer is expected, or V(stated).
              type: str
            addresses:
              description: Any of them may answer.
              type: list
              elements: str
    hops:
      description: The hops seen. Times of a few probes to a router that limits its answers are no measurement; those of
        the echoes are.
      type: list
      elements: dict
      contains:
        ttl:
          description: Number of the hop.
          type: int
        addresses:
          description: Who answered, empty where nobody did.
          type: list
          elements: str
        sent:
          description: How many probes were sent to it.
          type: int
        received:
          description: How many were answered.
          type: int
        rtt_ms:
          description: Milliseconds, empty where nothing answered.
          type: dict
          contains:
            min:
              description: The shortest time.
              type: float
            median:
              description: The median.
              type: float
            max:
              description: The longest time.
              type: float
        notes:
          description: Annotations of traceroute, such as C(!H).
          type: list
          elements: str
    protocol:
      description: Of what the trace's probes were, V(udp) or V(icmp); empty where there is no trace. With V(shell) they
        are always UDP, with V(agent) ICMP where the pod's kernel allows that (net.ipv4.ping_group_range), else UDP.
      type: str
    retraced:
      description: Whether the pair was traced a second time, as the first trace arrived, but a hop that should answer
        did not, as to the kernel's limit on ICMP errors. C(hops) are those of the second trace where it arrived with
        fewer silent hops and all that the first one showed, else those of the first, as the second may have gone
        another way. A prober does so for a few pairs only, after all else.
      type: bool
    evidence:
      description: What was seen beside the hops. Of what was not observed an entry has C(observed) and C(why) alone.
      type: dict
      contains:
        echoes:
          description: Small echoes to the pod.
          type: dict
          contains:
            observed:
              description: Whether it was observed.
              type: bool
            why:
              description: Why it was not, or was in part only.
              type: str
            sent:
              description: How many were sent.
              type: int
            received:
              description: How many were answered.
              type: int
            rtt_ms:
              description: Milliseconds, empty where nothing answered.
              type: dict
              contains:
                min:
                  description: The shortest time.
                  type: float
                median:
                  description: The median.
                  type: float
                max:
                  description: The longest time.
                  type: float
            reply_ttls:
              description: TTLs of the answers, which count the routers on the way back.
              type: list
              elements: int
            protocol:
              description: V(icmp), which the pod's kernel answers, or V(udp), datagrams that the peer's program sends
                back, so that C(rtt_ms) has its time, too; an agent takes those where the pod's kernel does not allow
                the others.
              type: str
        full_size:
          description: Echoes of the pods' MTU, which must not be fragmented.
          type: dict
          contains:
            observed:
              description: Whether it was observed.
              type: bool
            why:
              description: Why it was not, or was in part only.
              type: str
            size:
              description: Bytes of the first one.
              type: int
            sent:
              description: How many were sent.
              type: int
            received:
              description: How many were answered.
              type: int
            told_mtu:
              description: What a router said would fit, so that those after that have this size; else null.
              type: int
            late:
              description: How many were lost after the first one that was answered.
              type: int
        arrival:
          description: What the peer recorded.
          type: dict
          contains:
            observed:
              description: Whether it was observed.
              type: bool
            why:
              description: Why it was not, or was in part only.
              type: str
            source:
              description: From which address it came, which must not be translated; empty where nothing came.
              type: str
            ttl:
              description: The TTL that was left; null where the tools of O(image) record none.
              type: int
            size:
              description: Bytes of the largest packet, 0 where no datagram came; null where the tools of O(image)
                record none.
              type: int
            sources:
              description: The source by protocol, C(tcp) and C(udp).
              type: dict
            refused:
              description: With what somebody refused datagrams, empty where nobody did.
              type: str
            handshake:
              description: Whether the handshake of a TCP connection that came did to its end; null where that is not
                known.
              type: bool
        tcp:
          description: A TCP connection to the pod. One that fails is tried once more from another port.
          type: dict
          contains:
            observed:
              description: Whether it was observed.
              type: bool
            why:
              description: Why it was not, or was in part only.
              type: str
            connected:
              description: Whether it came about.
              type: bool
            problem:
              description: Why it did not; of one that came about at the second try, why the first did not.
              type: str
            ms:
              description: Milliseconds that it took; null where the tools of O(image) do not tell.
              type: float
        underlay:
          description: The source node's route to the destination's public-ip as its host told it (O(underlay),
            O(underlay_probe)).
          type: dict
          contains:
            observed:
              description: Whether it was observed.
              type: bool
            why:
              description: Why it was not, or was in part only.
              type: str
            interface:
              description: By which it goes out, empty where there is no route.
              type: str
            mtu:
              description: MTU of the route or of the interface.
              type: int
            address:
              description: The source address that it prefers.
              type: str
            gateway:
              description: The next router, empty where there is none.
              type: str
            own_interface:
              description: The one that carries the node's own address in this family; empty where nobody told it.
              type: str
            needed_mtu:
              description: What the largest packet of Flannel's device takes, with the header that it gets; null where
                it has none or nobody told its MTU.
              type: int
            problem:
              description: Why there is no route.
              type: str
  sample:
    - source: {node: node-1, pod: podpath-4f1c09ab-prober-1-x2x7k, ip: 10.244.1.2}
      destination: {node: node-2, pod: podpath-4f1c09ab-peer-2-9fqzj, ip: 10.244.2.3}
      family: ipv4
      verdict: pass
      rule: as-expected
      reason: Every hop is the expected one, and the opposite trace shows the same way.
      expected:
        origin: Flannel vxlan, podCIDRs and addresses of the Node objects
        hops:
          - {role: cni0, addresses: [10.244.1.1]}
          - {role: flannel.1, addresses: [10.244.2.0]}
          - {role: pod, addresses: [10.244.2.3]}
      hops:
        - ttl: 1
          addresses: [10.244.1.1]
          sent: 2
          received: 2
          rtt_ms: {min: 0.01, median: 0.02, max: 0.03}
          notes: []
      protocol: udp
      retraced: false
      evidence:
        echoes:
          observed: true
          why: ""
          sent: 10
          received: 10
          rtt_ms: {min: 0.08, median: 0.1, max: 0.13}
          reply_ttls: [62]
          protocol: icmp
        underlay: {observed: false, why: It was not asked for.}
pairs_left_out:
  description: How many pairs of each verdict are not in RV(pairs); RV(matrix) has the verdicts of all, and the file of
    O(output_path) all of them in full.
  returned: always
  type: dict
  sample: {pass: 0, fail: 0, inconclusive: 0}
control:
  description: In each family a trace to an address without a pod, which must fail.
  returned: always
  type: list
  elements: dict
  contains:
    family:
      description: Address family.
      type: str
    source:
      description: Node of the prober.
      type: str
    address:
      description: The address without a pod.
      type: str
    answered:
      description: Addresses that were traced before and did answer. Where another one did not, they are taken for
        those of other pods.
      type: list
      elements: str
    verdict:
      description: What the trace came out as.
      type: str
    held:
      description: Whether it failed and did not reach the address, as it must.
      type: bool
    reason:
      description: The sentence for the verdict.
      type: str
    hops:
      description: The hops seen.
      type: list
      elements: dict
      contains:
        ttl:
          description: Number of the hop.
          type: int
        addresses:
          description: Who answered, empty where nobody did.
          type: list
          elements: str
        sent:
          description: How many probes were sent to it.
          type: int
        received:
          description: How many were answered.
          type: int
        rtt_ms:
          description: Milliseconds, empty where nothing answered.
          type: dict
          contains:
            min:
              description: The shortest time.
              type: float
            median:
              description: The median.
              type: float
            max:
              description: The longest time.
              type: float
        notes:
          description: Annotations of traceroute, such as C(!H).
          type: list
          elements: str
  sample:
    - family: ipv4
      source: node-1
      address: 10.244.2.254
      answered: []
      verdict: fail
      held: true
      reason: Pod 10.244.2.254 on node-2 was never reached.
      hops: []
services:
  description: TCP connections from each prober to a Service of the run's own.
  returned: always
  type: list
  elements: dict
  contains:
    source:
      description: Node of the prober.
      type: str
    address:
      description: The Service's address.
      type: str
    port:
      description: The Service's port.
      type: int
    connected:
      description: Whether a connection came about.
      type: bool
    served_by:
      description: Node of the peer that answered, where it is known.
      type: str
    problem:
      description: Why there was no connection.
      type: str
    observed:
      description: Whether one could be tried and taken, as it takes C(wget) and C(httpd) in the image.
      type: bool
    why:
      description: Why not; empty where it could.
      type: str
  sample:
    - source: node-1
      address: 10.96.0.77
      port: 80
      connected: true
      served_by: node-2
      problem: ""
      observed: true
      why: ""
no_service:
  description: Why the run could have no Service, so that RV(services) is empty and nothing was observed of them; empty
    where it had one.
  returned: always
  type: str
  sample: ""
diagnosis:
  description: The faults that explain the pairs that did not pass, the most likely one first.
  returned: always
  type: list
  elements: dict
  contains:
    fault:
      description: Short name of the fault.
      type: str
    title:
      description: The fault in a sentence.
      type: str
    confidence:
      description: V(certain), V(likely), or V(possible) where packets cannot tell.
      type: str
    nodes:
      description: Nodes at which it lies; both ends of a pair where packets alone do not tell the one from the other.
      type: list
      elements: str
    pairs:
      description: Pairs that it explains, 20 at most.
      type: list
      elements: str
    pairs_total:
      description: How many pairs it explains.
      type: int
    evidence:
      description: What speaks for it.
      type: list
      elements: str
    confirm:
      description: Commands that confirm it.
      type: list
      elements: str
    cure:
      description: What to do.
      type: list
      elements: str
  sample: []
changes:
  description:
    - What differs from O(baseline); null without one, in check mode, and where a run broke off before it saw the nodes
      or refused the file, as one of another cluster.
  returned: always
  type: dict
  contains:
    baseline:
      description: The earlier run.
      type: dict
      contains:
        path:
          description: File of O(baseline).
          type: str
        id:
          description: Its RV(run.id).
          type: str
        started:
          description: When it started, in UTC.
          type: str
    new_failures:
      description: Pairs that passed and do not pass now.
      type: list
      elements: dict
      contains:
        source:
          description: Node that sends.
          type: str
        destination:
          description: Node that is sent to.
          type: str
        family:
          description: Address family.
          type: str
        verdict:
          description: V(fail) or V(inconclusive).
          type: str
        reason:
          description: The sentence for the verdict.
          type: str
    mended:
      description: Pairs that did not pass and pass now.
      type: list
      elements: dict
      contains:
        source:
          description: Node that sends.
          type: str
        destination:
          description: Node that is sent to.
          type: str
        family:
          description: Address family.
          type: str
        before:
          description: The earlier verdict.
          type: str
    changed_hops:
      description: Pairs whose hops are others.
      type: list
      elements: dict
      contains:
        source:
          description: Node that sends.
          type: str
        destination:
          description: Node that is sent to.
          type: str
        family:
          description: Address family.
          type: str
        before:
          description: For each hop a list of the addresses that answered, the pod as C(pod).
          type: list
          elements: list
        now:
          description: The same of this run.
          type: list
          elements: list
    slower:
      description: Pairs whose median is longer than O(slower) allows.
      type: list
      elements: dict
      contains:
        source:
          description: Node that sends.
          type: str
        destination:
          description: Node that is sent to.
          type: str
        family:
          description: Address family.
          type: str
        before_ms:
          description: Median of the echoes then, in milliseconds.
          type: float
        now_ms:
          description: Median of the echoes now, in milliseconds.
          type: float
    missing:
      description: Pairs of the earlier run with a node that is gone.
      type: list
      elements: dict
      contains:
        source:
          description: Node that sends.
          type: str
        destination:
          description: Node that is sent to.
          type: str
        family:
          description: Address family.
          type: str
    left_out:
      description: By each of these kinds, of which 1000 are told at most, how many more there are.
      type: dict
    compared:
      description: How many pairs both runs have.
      type: int
    verdict_only:
      description: >-
        Of how many of these the earlier result tells the verdict alone, as it left them out, so that hops and times
        were not compared. A file of O(output_path) has all.
      type: int
    not_tried:
      description: How many pairs of the earlier run this one did not try, though their nodes are there.
      type: int
requests:
  description: Requests to the API server, by verb.
  returned: always
  type: dict
  sample: {list: 9, create: 7, delete: 1, exec: 6}
timings:
  description: Seconds taken by starting, probing and removing.
  returned: always
  type: dict
  sample: {start: 2.6, probe: 3.1, remove: 1.1}
residue:
  description: How many of this run's objects could not be removed. If the API did not answer, how many it may be.
  returned: always
  type: int
  sample: 0
stopped:
  description: Why the run broke off, a sentence. Empty for a run that came to its end, whatever it found.
  returned: always
  type: str
  sample: ""
output_path:
  description: File with all pairs; empty where none was written.
  returned: always
  type: str
  sample: ""
"""

import secrets
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.podpath.kubeadm.plugins.module_utils import api, baseline, plan, progress, proof
from ansible_collections.podpath.kubeadm.plugins.module_utils.cluster import KubernetesCluster
from ansible_collections.podpath.kubeadm.plugins.module_utils.pods import PodOptions

FAMILIES = ["ipv4", "ipv6"]
ARGUMENTS = {
    "kubeconfig": {"type": "path", "required": True},
    "context": {"type": "str"},
    "namespace": {"type": "str", "default": "default"},
    "plan": {"type": "str", "choices": ["auto", "mesh", "ring", "sample", "pairs", "node"], "default": "auto"},
    "node": {"type": "str"},
    "pairs": {
        "type": "list",
        "elements": "dict",
        "options": {
            "source": {"type": "str", "required": True},
            "destination": {"type": "str", "required": True},
        },
    },
    "source_selectors": {"type": "list", "elements": "str", "default": []},
    "destination_selectors": {"type": "list", "elements": "str", "default": []},
    "sample_size": {"type": "int"},
    "seed": {"type": "int"},
    "max_mesh_nodes": {"type": "int", "default": 10},
    "families": {"type": "list", "elements": "str", "choices": FAMILIES, "default": []},
    "expected": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "source": {"type": "str", "default": "*"},
            "destination": {"type": "str", "default": "*"},
            "family": {"type": "str", "choices": FAMILIES},
            "on_node": {"type": "bool", "default": False},
            "hops": {"type": "list", "elements": "str", "required": True},
        },
    },
    "cluster_networks": {"type": "list", "elements": "str", "default": []},
    "expected_nodes": {"type": "list", "elements": "str", "default": []},
    "underlay": {"type": "dict", "default": {}},
    "underlay_probe": {"type": "bool", "default": False},
    "image": {"type": "str", "default": "docker.io/library/busybox:1.35.0"},
    "agent_image": {"type": "str", "default": ""},
    "probes": {"type": "int", "default": 2},
    "echoes": {"type": "int", "default": plan.ECHOES},
    "pod": {
        "type": "dict",
        "default": {},
        "options": {
            "tolerations": {"type": "list", "elements": "dict"},
            "resources": {"type": "dict"},
            "priority_class": {"type": "str", "default": ""},
            "pull_secrets": {"type": "list", "elements": "str", "default": [], "no_log": False},
        },
    },
    "wait_timeout": {"type": "int", "default": 120},
    "fail_on": {"type": "str", "choices": ["inconclusive", "fail", "never"], "default": "inconclusive"},
    "return_pairs": {"type": "str", "choices": ["failed", "all"]},
    "output_path": {"type": "path"},
    "baseline": {"type": "path"},
    "slower": {
        "type": "dict",
        "default": {},
        "options": {
            "factor": {"type": "float", "default": 3},
            "ms": {"type": "float", "default": 1},
        },
    },
    "progress_path": {"type": "path"},
}


def request(params: dict[str, Any], check_mode: bool) -> proof.Request:
    """The module's parameters as a request. Raises ValueError with a sentence that names the option."""
    if not 1 <= params["probes"] <= plan.BURST:
        raise ValueError(f"probes is {params['probes']}; it must be from 1 to {plan.BURST}.")
    if not plan.FEWEST_ECHOES <= params["echoes"] <= plan.MOST_ECHOES:
        raise ValueError(
            f"echoes is {params['echoes']}; it must be from {plan.FEWEST_ECHOES} to {plan.MOST_ECHOES}."
        )
    for name in ("wait_timeout", "max_mesh_nodes", "sample_size"):
        if params[name] is not None and params[name] < 1:
            raise ValueError(f"{name} is {params[name]}; it must be at least 1.")
    wanted = plan.Wanted(
        name=params["plan"],
        node=params["node"] or "",
        pairs=[(pair["source"], pair["destination"]) for pair in params["pairs"] or ()],
        source_selectors=params["source_selectors"],
        destination_selectors=params["destination_selectors"],
        sample_size=params["sample_size"],
        seed=params["seed"],
        max_mesh_nodes=params["max_mesh_nodes"],
    )
    # an empty list is an answer, too
    pod = {name: value for name, value in (params["pod"] or {}).items() if value is not None}
    slower = {name: value for name, value in (params["slower"] or {}).items() if value is not None}
    return proof.Request(
        namespace=params["namespace"],
        image=params["image"],
        agent_image=params["agent_image"],
        probes=params["probes"],
        echoes=params["echoes"],
        wait_timeout=params["wait_timeout"],
        wanted=wanted,
        families=tuple(dict.fromkeys(params["families"])),
        expected=params["expected"],
        cluster_networks=params["cluster_networks"],
        expected_nodes=params["expected_nodes"],
        underlay=params["underlay"],
        underlay_probe=params["underlay_probe"],
        pod=PodOptions(**pod),
        fail_on=params["fail_on"],
        return_pairs=params["return_pairs"] or "",
        output_path=params["output_path"] or "",
        baseline_path=params["baseline"] or "",
        slower=baseline.Slower(**slower),
        check_mode=check_mode,
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
        required_if=[("plan", "pairs", ["pairs"]), ("plan", "node", ["node"])],
        mutually_exclusive=[("node", "pairs")],
    )
    if api.KUBERNETES_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("kubernetes"), exception=api.KUBERNETES_IMPORT_ERROR)
    params = module.params
    try:
        asked = request(params, module.check_mode)
    except ValueError as error:
        module.fail_json(msg=str(error))
    run = proof.Proof(
        cluster=None,
        request=asked,
        run_id=secrets.token_hex(4),
        seed=secrets.randbelow(1_000_000),
        **({"progress": progress.ProgressFile(params["progress_path"])} if params["progress_path"] else {}),
        warn=module.warn,
    )
    try:
        run.cluster = KubernetesCluster(params["kubeconfig"], params["context"])
    except api.ClusterError as error:
        run.stopped = str(error)
        failed, result = run.conclude()
    else:
        failed, result = proof.execute(run)
    if module._diff and result["changes"]:
        result["diff"] = baseline.diff(result["changes"])
    if failed:
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
