# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The faults that a pod network can have: what each is called, how to confirm it and how to mend it. A table to read.

``{node}`` is where the fault lies (in a title or a cure also "each of" several), ``{peer}`` one of the nodes it shows
with, ``{cidr}`` that one's podCIDR, ``{bridge}`` the address of its cni0, for which its pods' route can be asked, but
which no packet between pods has, ``{address}`` its address on the nodes' network, and ``{own_address}`` the node's;
``{endpoint}`` that to which the tunnel leads there, ``{tunnel}`` what the backend sends between nodes, ``{capture}``
the same for tcpdump, ``{device}`` its device, ``{entries}`` and ``{compared}`` lines of tunnels.py; ``{data}`` what
ping is told for 1500 bytes; ``{probes}`` of what protocol traces are, and ``{passing}`` what must pass for them.
Commands and sysctls of a family: ``{ip}``, ``{iptables}``, ``{table}`` (nft's word for it), ``{icmp}``,
``{forwarding}``, ``{ratelimit}`` and ``{ratemask}`` of ICMP errors, ``{proxy}`` for who answers in another's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import IPV4, IPV6

CERTAIN = "certain"
LIKELY = "likely"
POSSIBLE = "possible"
CONFIDENCES = (CERTAIN, LIKELY, POSSIBLE)


@dataclass(frozen=True, slots=True)
class Fault:
    title: str
    confirm: tuple[str, ...]
    cure: tuple[str, ...]


_RESTART = "Restart the kube-flannel pod of {node}: it writes its routes, neighbours and forwarding entries anew."
# in kube-flannel or kube-system, as whoever made the cluster chose
_CONFIGURATION = "kubectl get configmaps -A --field-selector metadata.name=kube-flannel-cfg"
_ROUTE = "{ip} route get {bridge}   # on {node}"

# What commands and sysctls of a family are called. How many ICMP errors leave at all, net.ipv4.icmp_msgs_per_sec says
# for IPv6 as well.
BY_FAMILY = {
    IPV4: {
        "ip": "ip",
        "iptables": "iptables",
        "table": "ip",
        "icmp": "icmp",
        "forwarding": "net.ipv4.ip_forward",
        "ratelimit": "net.ipv4.icmp_ratelimit",
        "ratemask": "net.ipv4.icmp_ratemask",
        "proxy": "proxy_arp",
    },
    IPV6: {
        "ip": "ip -6",
        "iptables": "ip6tables",
        "table": "ip6",
        "icmp": "icmpv6",
        "forwarding": "net.ipv6.conf.all.forwarding",
        "ratelimit": "net.ipv6.icmp.ratelimit",
        "ratemask": "net.ipv6.icmp.ratemask",
        "proxy": "proxy_ndp",
    },
}

FAULTS = {
    # what the cluster's objects tell
    "flannel-address": Fault(
        "Flannel uses the wrong address on {nodes}.",
        (
            "kubectl get nodes -o custom-columns='NAME:.metadata.name,"
            "FLANNEL:.metadata.annotations.flannel\\.alpha\\.coreos\\.com/public-ip,"
            'INTERNAL:.status.addresses[?(@.type=="InternalIP")].address\'',
            "ip -d link show {device}   # on {node}: local and dev must be the cluster's",
        ),
        (
            "Make flanneld use the node's own address (the flannel role does so by status.hostIP; by hand: --iface "
            "with that address), check node_address_cidr, and restart the kube-flannel pods.",
        ),
    ),
    "pod-network": Fault(
        "The pod networks of {nodes} are not what they must be.",
        (
            "kubectl get nodes -o custom-columns=NAME:.metadata.name,CIDRS:.spec.podCIDRs",
            _CONFIGURATION + " -o jsonpath='{{.items[*].data.net-conf\\.json}}'",
        ),
        ("Give every node a podCIDR of its own inside Flannel's network, that of the same family in net-conf.json.",),
    ),
    "backend": Fault(
        "Flannel's backend is not one and the same on {nodes}.",
        (_CONFIGURATION + " -o jsonpath='{{.items[*].data.net-conf\\.json}}'",),
        ("Let every flanneld read the same net-conf.json and restart the kube-flannel pods.",),
    ),
    "flannel-down": Fault(
        "Flannel does not run on {nodes}.",
        (
            "kubectl get pods -A -o wide | grep -i flannel",
            "kubectl -n NAMESPACE logs POD --all-containers   # namespace and pod as the list shows them",
        ),
        ("Make the kube-flannel pods of these nodes run.",),
    ),
    "no-flannel": Fault(
        "No annotation of Flannel's stands on {nodes}, so nothing tells which way packets of pods there take.",
        ("kubectl get pods -A -o wide | grep -i -e flannel -e calico -e cilium", "ls /etc/cni/net.d   # on {node}"),
        (
            "With another pod network than Flannel, state its paths in expected (pod_paths_expected in the role), "
            "those between two pods of a node with on_node.",
            "With Flannel, make the kube-flannel pod of {node} run.",
        ),
    ),
    "other-cni": Fault(
        "Another CNI configuration than Flannel's made pods on {nodes}.",
        ("ls /etc/cni/net.d   # on {node}: the first file by name counts",),
        ("Remove the other configuration, restart the container runtime and make the pods anew.",),
    ),
    # routes and neighbours
    "route-missing": Fault(
        "Node {node} has no route to the pods of {peers}.",
        (_ROUTE, "{ip} route show {cidr}   # on {node}"),
        (_RESTART,),
    ),
    "own-route-missing": Fault(
        "Node {node} has no route to its own pods.",
        ("ip -br addr show cni0; {ip} route show dev cni0   # on {node}: up, with the podCIDR's first address",),
        ("Bring cni0 up; where it is gone or has another address, delete it and make the node's pods anew.",),
    ),
    "neighbour-missing": Fault(
        "Node {node} cannot resolve the next hop to {peers}.",
        ("{ip} neigh show dev {device}   # on {node}", _ROUTE),
        (_RESTART, "Where the next hop is a node's own address, see whether that machine answers ARP on this link."),
    ),
    "entry-missing": Fault(
        "Node {node} does not know to which machine the tunnel to {peers} leads.",
        ("{entries}",),
        (_RESTART,),
    ),
    "loop": Fault(
        "Packets that {node} sends to {peers} come back to it: its route or tunnel entry leads to itself.",
        ("kubectl get nodes -o yaml | grep public-ip   # is one there twice?", _ROUTE),
        ("Give each node's Flannel an address of its own (--iface), and restart the kube-flannel pods.",),
    ),
    "other-interface": Fault(
        "Node {node} sends packets for the pods of {peers} by another interface than it should.",
        (_ROUTE, "{ip} rule; {ip} route show table all | grep {cidr}   # on {node}"),
        ("Remove the route that leads there; the one that flanneld makes names the cluster's interface. " + _RESTART,),
    ),
    "direct-routing": Fault(
        "Node {node} and {peers} take another way (direct or through the tunnel) than Flannel's settings say.",
        (
            _ROUTE,
            _CONFIGURATION + " -o yaml | grep -i directrouting",
        ),
        (
            "Name the network of each link in cluster_networks (node_address_cidr of a host), as DirectRouting goes by "
            "them; where it is off, remove the stale direct route and restart the kube-flannel pod.",
        ),
    ),
    # where the backend has no tunnel
    "tunnel-left": Fault(
        "Node {node} sends to the pods of {peers} by a tunnel, though Flannel's backend is host-gw.",
        (
            "{ip} route get {bridge}   # on {node}: dev must be the cluster's interface, not flannel.1 or the like",
            "ip -br link   # on {node}: host-gw has no flannel.1, flannel-wg or flannel.ipip",
        ),
        (
            "Delete that device, which another backend of Flannel's has left on {node} (ip link delete flannel.1): its "
            "routes go with it (the flannel role does so). " + _RESTART,
        ),
    ),
    "gateway": Fault(
        "Pods on {node} have another first router than its cni0.",
        ("{ip} route   # in a pod on {node}", "ip addr show cni0; ls /etc/cni/net.d   # on {node}"),
        ("Remove other CNI configurations, delete cni0 where its address is not the podCIDR's first, make pods anew.",),
    ),
    "detour": Fault(
        "Packets from {node} to {peers} pass a machine that does not belong to the path.",
        (_ROUTE, "{ip} route get {address}   # on {node}"),
        ("Look at the routes on the way, or state the path in expected if it is meant.",),
    ),
    "router-stops": Fault(
        "A router between {node} and {peers} does not pass packets for their pods on.",
        ("tcpdump -ni any net {cidr}   # on the router: what comes in, what goes out", "{ip} route   # on the router"),
        ("Give the router routes to the podCIDRs of both nodes, and let the pod network through its filters.",),
    ),
    "hidden-way": Fault(
        "Packets between {node} and {peers} pass another number of routers than the hops show.",
        (_ROUTE, "tcpdump -ni any net {cidr}   # on both nodes: TTL and interface"),
        ("Look for a second route or an asymmetric one between these nodes.",),
    ),
    "way-unseen": Fault(
        "Nothing shows by which way {node} sends to {peers}: no router between can show itself, and with which TTL "
        "packets arrive was not observed.",
        (
            "tcpdump -ni any net {cidr}   # on {peer}, with -v, while the proof runs: by which card, with which TTL?",
            "kubectl get networkpolicies -A",
        ),
        (
            "Let ICMP echoes between pods pass, with an image that has ping (image; pod_paths_image in the role): the "
            "TTL of the answers tells the way.",
            "Or name an image with Python in agent_image (pod_paths_agent_image in the role) and prove in a namespace "
            "under the restricted Pod Security level: the peers of the unprivileged prober record the TTL.",
        ),
    ),
    # forwarding and filters
    "forwarding-off": Fault(
        "Node {node} forwards no packets.",
        ("sysctl {forwarding}   # on {node}, must be 1", "nft list ruleset; {iptables} -S FORWARD   # on {node}"),
        ("Set {forwarding} to 1, now and in /etc/sysctl.d (the kernel role does both); look for what set it to 0.",),
    ),
    "forward-filter": Fault(
        "A filter on {node} takes what its pods' traffic sends to other nodes.",
        ("nft list ruleset; {iptables} -S FORWARD   # on {node}",),
        ("Let the pod network through the FORWARD chain of {node} (the firewall role does).",),
    ),
    "filter-drops": Fault(
        "Node {node} drops what comes for its pods.",
        (
            "nft list ruleset; {iptables} -S FORWARD   # on {node}: a DROP, or a policy DROP without Flannel's ACCEPT",
            "kubectl get networkpolicies -A",
        ),
        ("Let the pod network through the FORWARD chain of {node} (the firewall role does), or mend the policy.",),
    ),
    "filter-rejects": Fault(
        "A rule on {node} rejects packets between its pods and those of {peers}.",
        ("nft list ruleset; {iptables} -S | grep -i reject   # on {node}", "kubectl get networkpolicies -A"),
        ("Take the rule away or let the pod network pass before it (the firewall role does).",),
    ),
    "tcp-filter": Fault(
        "TCP connections to pods on {node} do not come about, though packets reach them.",
        ("nft list ruleset   # on {node}", "kubectl get networkpolicies -A"),
        ("Let TCP through to the pods: a policy of the namespace, or a filter on the node.",),
    ),
    "tcp-answers-filter": Fault(
        "Answers to TCP connections between {node} and {peers} are lost, though the pods record the connections.",
        (
            "tcpdump -ni any tcp port 8080 and net {cidr}   # on {peer}, while the proof runs: does the SYN-ACK leave?",
            "nft list ruleset; {iptables} -S FORWARD   # on {node}: a drop of ct state invalid, or of tcp flags",
        ),
        ("Let the answers through: a filter on either node, or one that sees only one of the two ways.",),
    ),
    "tcp-late": Fault(
        "Pods on {node} answer TCP connections late, or only some of them.",
        (
            "kubectl top node {node}; kubectl describe node {node}   # is it short of processor time or memory?",
            "nstat -az TcpExtListenDrops; conntrack -S   # on {node}: drops, a table that is full",
        ),
        ("Prove again when {node} is less busy; where it stays so, look for one of several paths that loses packets.",),
    ),
    "udp-filter": Fault(
        "UDP datagrams do not come to pods on {node}, though other packets reach them, so that no name is looked up.",
        ("kubectl get networkpolicies -A", "nft list ruleset   # on {node}"),
        ("Let UDP through to the pods: a policy of the namespace, or a filter on the node.",),
    ),
    "echo-filter": Fault(
        "A filter for pods on {node} takes ICMP echoes (ping), and lets other packets pass.",
        ("kubectl get networkpolicies -A", "nft list ruleset   # on {node}: a drop of {icmp}"),
        (
            "Where the filter is meant, prove from a namespace without this policy; else let ICMP through: a policy of "
            "the namespace, or a filter on the node.",
        ),
    ),
    "probe-filter": Fault(
        "A filter on {node} takes the trace's {probes} probes or their answers, and lets other packets pass.",
        ("kubectl get networkpolicies -A", "nft list ruleset   # on {node}"),
        ("Prove from a namespace without this policy, or let {passing} pass.",),
    ),
    "tunnel-blocked": Fault(
        "{tunnel} is filtered {where}.",
        (
            "nft list ruleset; {iptables} -S INPUT   # on {node}",
            "tcpdump -ni any {capture} and host {endpoint}   # on {node} while a trace runs from {peer}",
        ),
        ("Allow {tunnel} between all nodes (the firewall role does), also in a cloud's security groups.",),
    ),
    "tunnel-stale": Fault(
        "The other nodes' tunnel entries for {node} are stale.",
        ("{compared}",),
        ("Restart the kube-flannel pods of {node} and then of the others.",),
    ),
    "network-drops": Fault(
        "The network between the nodes drops packets with pods' addresses {where}.",
        ("tcpdump -ni any net {cidr}   # on {peer}: they leave, on {node}: they do not come",),
        (
            "Switch off the source and destination check of the cloud or hypervisor for the nodes, or use vxlan, which "
            "hides pods' addresses.",
        ),
    ),
    # pods
    "pod-gone": Fault(
        "The peer pod on {node} is not reachable from its own node.",
        ("kubectl get pods -A --field-selector spec.nodeName={node}", "bridge link show master cni0   # on {node}"),
        ("Look at the pod's sandbox and at cni0's ports on {node}; run the proof again if it was evicted.",),
    ),
    "address-taken": Fault(
        "Somebody else than the peer pod answers at its address on {node}.",
        (
            "kubectl get pods -A -o wide --field-selector spec.nodeName={node}   # is an address there twice?",
            "{ip} neigh show dev cni0; nft list ruleset | grep -i -e dnat -e redirect   # on {node}",
        ),
        ("Make pods with the same address anew, or take away what turns their connections aside (a proxy, DNAT).",),
    ),
    "bridge-dead": Fault(
        "Pods on {node} do not reach one another.",
        ("bridge link show master cni0; sysctl net.bridge.bridge-nf-call-{iptables}   # on {node}", "nft list ruleset"),
        ("Bring cni0 up, and let bridged traffic through the filters of {node}.",),
    ),
    # what no hop shows
    "mtu": Fault(
        "Large packets between {node} and {peers} are lost: the pods' MTU is larger than the way carries.",
        (
            "ping -M do -s {data} {address}   # on {node}: does the nodes' network carry 1500 bytes, or its own MTU?",
            "ip link show {device}; cat /run/flannel/subnet.env   # on {node}",
        ),
        ("Raise the MTU of the nodes' network, or lower Flannel's (MTU in net-conf.json) and make the pods anew.",),
    ),
    "masquerade": Fault(
        "Node {node} translates the source addresses of packets from its pods to other pods (SNAT).",
        ("nft list ruleset | grep -i masquerade; {iptables} -t nat -S POSTROUTING   # on {node}",),
        ("Keep the pod network out of the masquerade rule (! -d POD_NETWORK); flanneld needs --ip-masq for the rest.",),
    ),
    "underlay": Fault(
        "Node {node} reaches the other nodes by the wrong interface.",
        ("{ip} route get {address}   # on {node}: dev and src must be the cluster's",),
        ("Mend the route to the nodes' network on {node}.",),
    ),
    "underlay-missing": Fault(
        "Node {node} has no route to the addresses of {peers}.",
        ("{ip} route get {address}   # on {node}", "{ip} -br addr   # on {node}: is the cluster's interface up?"),
        ("Bring up the cluster's interface on {node}, or give it a route to the nodes' network.",),
    ),
    "underlay-mtu": Fault(
        "The way from {node} to {peers} carries smaller packets than Flannel's device makes.",
        ("ip link show {device}; {ip} route get {address}   # on {node}: its MTU and that of dev",),
        (
            "Raise the MTU of the nodes' network, or lower Flannel's (MTU in net-conf.json), restart the kube-flannel "
            "pods and make the pods anew.",
        ),
    ),
    "loss": Fault(
        "Packets between {node} and {peers} are lost now and then.",
        (
            "ping -c 100 -i 0.2 {address}; ping -c 100 -i 0.2 -M do -s {data} {address}   # on {node}: small, large",
            "ip -s link; ethtool -S eth1   # on both nodes: errors, drops",
        ),
        ("Look at cables, duplex, a full queue or an overloaded node.",),
    ),
    "answers-limited": Fault(
        "Answers of routers were lost, as to the kernel's limit on ICMP errors.",
        ("sysctl {ratelimit} net.ipv4.icmp_msgs_per_sec   # on {node}",),
        ("Run the proof again; with probes set to 3, more of them may be lost.",),
    ),
    "errors-filter": Fault(
        "A filter on {node} takes the ICMP errors that it sends, so that no trace shows its hop.",
        (
            "nft list ruleset; {iptables} -S OUTPUT   # on {node}: a drop of {icmp}, or of time-exceeded",
            "sysctl {ratelimit} {ratemask} net.ipv4.icmp_msgs_per_sec   # on {node}",
        ),
        (
            "Let ICMP time-exceeded (type 11, of IPv6 type 3) leave {node}. To run again does not help: while the hop "
            "is silent, these pairs cannot pass.",
        ),
    ),
    "services-dead": Fault(
        "Pods reach each other, but Services lead nowhere {where}.",
        (
            "kubectl -n kube-system get pods -l k8s-app=kube-proxy -o wide",
            "nft list table {table} kube-proxy || {iptables} -t nat -S KUBE-SERVICES   # on {node}",
        ),
        ("Make kube-proxy run there, or mend what replaces it.",),
    ),
    "control": Fault(
        "The control did not fail, so the traces of this run prove nothing.",
        ("{ip} neigh show proxy; sysctl -a | grep {proxy}   # on the nodes: does somebody answer for all?",),
        ("Look for who answers in the name of addresses that no pod has, and prove again.",),
    ),
    "no-control": Fault(
        "No control was traced, so nothing shows that the traces of this run can fail.",
        ("kubectl get events -A --sort-by=.lastTimestamp | grep -i podpath   # what ended the probers?",),
        ("Prove again; where a prober that carries a control is cut off each time, mend what ends it.",),
    ),
    "pods-lost": Fault(
        "Pods of the proof went away on {nodes} while it ran, or these nodes did.",
        (
            "kubectl get events -A --sort-by=.lastTimestamp | grep -i -e podpath -e evict -e {node}",
            "kubectl describe node {node}",
        ),
        (
            "Prove again when nobody drains or removes nodes; where pods are evicted, give {node} room, or the proof a "
            "priority_class.",
        ),
    ),
    "not-covered": Fault(
        "Nothing is proved of {nodes}, as no pods of the proof ran there.",
        ("kubectl describe node {node}",),
        (
            "Make these nodes Ready and schedulable, or choose the others alone (source_selectors and "
            "destination_selectors, or pairs).",
        ),
    ),
    "node-missing": Fault(
        "The cluster does not know {nodes}, which should be in it (expected_nodes).",
        (
            "kubectl get nodes   # is it there by another name?",
            "journalctl -u kubelet -n 50   # on {node}: does it run, and why does it not register?",
        ),
        ("Join {node} to the cluster; what is not to be in it goes out of expected_nodes (pod_paths_expected_nodes).",),
    ),
}


@dataclass(frozen=True)
class Signature:
    """What a rule of a pair means: the fault, how sure it is, and at which end of the pair it lies."""

    fault: str
    confidence: str
    end: str


SOURCE, DESTINATION, BOTH = "source", "destination", "both"

# What the rule of a single pair already tells. Faults that take several pairs to see: diagnosis_lost.py.
SIGNATURES: Mapping[str, Sequence[Signature]] = {
    "no-route": (Signature("route-missing", CERTAIN, SOURCE),),
    "no-own-route": (Signature("own-route-missing", CERTAIN, DESTINATION),),
    "refused-astray": (Signature("route-missing", LIKELY, SOURCE),),
    "sent-astray": (Signature("route-missing", LIKELY, SOURCE),),
    "astray": (
        Signature("route-missing", LIKELY, SOURCE),
        Signature("other-interface", POSSIBLE, DESTINATION),
    ),
    "router-refuses": (Signature("router-stops", CERTAIN, SOURCE),),
    "silent-after-router": (Signature("router-stops", LIKELY, SOURCE),),
    "no-neighbour": (Signature("neighbour-missing", CERTAIN, SOURCE),),
    "loop": (Signature("loop", CERTAIN, SOURCE),),
    "wrong-way-back": (Signature("other-interface", CERTAIN, DESTINATION),),
    "wrong-way-there": (Signature("other-interface", CERTAIN, SOURCE),),
    "direct-not-overlay": (Signature("direct-routing", LIKELY, DESTINATION),),
    "overlay-not-direct": (Signature("direct-routing", LIKELY, DESTINATION),),
    "direct-there": (Signature("direct-routing", LIKELY, SOURCE),),
    "overlay-there": (Signature("direct-routing", LIKELY, SOURCE),),
    "wrong-first-hop": (Signature("gateway", CERTAIN, SOURCE),),
    "routed-on-node": (Signature("gateway", LIKELY, SOURCE),),
    "too-early": (Signature("detour", LIKELY, SOURCE),),
    "strange-hop": (Signature("detour", LIKELY, SOURCE),),
    "detour": (Signature("detour", LIKELY, SOURCE),),
    "arrival-ttl": (Signature("hidden-way", LIKELY, SOURCE),),
    "reply-ttl": (Signature("hidden-way", LIKELY, DESTINATION),),
    "hidden-way": (Signature("way-unseen", CERTAIN, SOURCE),),
    "pod-gone": (Signature("pod-gone", CERTAIN, DESTINATION),),
    "own-pod-gone": (Signature("pod-gone", CERTAIN, DESTINATION),),
    "nothing-on-node": (Signature("bridge-dead", LIKELY, SOURCE), Signature("pod-gone", POSSIBLE, SOURCE)),
    "prohibited": (Signature("filter-rejects", CERTAIN, DESTINATION),),
    "rejected": (Signature("filter-rejects", LIKELY, DESTINATION),),
    "silent-after-destination": (
        Signature("filter-drops", LIKELY, DESTINATION),
        Signature("pod-gone", POSSIBLE, DESTINATION),
    ),
    "trace-filtered": (Signature("probe-filter", LIKELY, DESTINATION),),
    "tcp-failed": (Signature("tcp-filter", CERTAIN, DESTINATION),),
    "tcp-answers-lost": (Signature("tcp-answers-filter", LIKELY, BOTH),),
    "tcp-late": (Signature("tcp-late", LIKELY, DESTINATION),),
    "tcp-once": (Signature("tcp-late", POSSIBLE, DESTINATION),),
    "datagrams-lost": (Signature("udp-filter", LIKELY, DESTINATION),),
    "datagrams-refused": (Signature("udp-filter", CERTAIN, DESTINATION),),
    "echoes-filtered": (Signature("echo-filter", LIKELY, DESTINATION),),
    "other-answers": (Signature("address-taken", LIKELY, DESTINATION),),
    "snat": (Signature("masquerade", CERTAIN, SOURCE),),
    "underlay-interface": (Signature("underlay", CERTAIN, SOURCE),),
    "underlay-missing": (Signature("underlay-missing", CERTAIN, SOURCE),),
    "underlay-mtu": (Signature("underlay-mtu", CERTAIN, SOURCE),),
    "mtu-hole": (Signature("mtu", CERTAIN, BOTH),),
    "full-size-unseen": (Signature("mtu", POSSIBLE, BOTH),),
    # that it is loss says diagnosis_beside.py; one of several ways that carries less looks the same
    "full-size-loss": (Signature("mtu", POSSIBLE, BOTH),),
    "silent-hop": (Signature("answers-limited", LIKELY, DESTINATION),),
    "late": (Signature("answers-limited", POSSIBLE, DESTINATION),),
}

# Faults that no packet tells to be of the one end of a pair or of the other.
AT_EITHER_END = {*(one.fault for some in SIGNATURES.values() for one in some if one.end == BOTH), "loss"}

# Faults of which a single pair, with the one connection that it tries twice, is not certain.
LIKELY_ALONE = ("tcp-filter",)

# Preflight rules by the fault that they are signs of.
FOUND_BEFORE = {
    "public-ip-duplicate": "flannel-address",
    "public-ip-not-internal-ip": "flannel-address",
    "public-ip-outside": "flannel-address",
    "pod-cidr-overlap": "pod-network",
    "pod-cidr-outside": "pod-network",
    "pod-network-family": "pod-network",
    "no-pod-cidr": "pod-network",
    "backend-mixed": "backend",
    "backend-stale": "backend",
    "flannel-not-ready": "flannel-down",
    "no-flannel": "no-flannel",
    "pod-address-outside": "other-cni",
}
