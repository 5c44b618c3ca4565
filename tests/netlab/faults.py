# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults, made in the kernels of a world's nodes and undone at the end of the ``with``.

Each is what goes wrong in real clusters, made by the same means: a route that is missing, a filter, a wrong address.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress

from addressing import NAT_ADDRESS, POD_NETWORK
from namespaces import NetlabError
from world import World

# before Flannel's own NAT rules and before every ordinary filter
_HOOKS = {
    "prerouting": "type filter hook prerouting priority -10;",
    "input": "type filter hook input priority -10;",
    "forward": "type filter hook forward priority -10;",
    "output": "type filter hook output priority -10;",
    "postrouting": "type nat hook postrouting priority srcnat - 10;",
}


@contextmanager
def _rules(world: World, node: str, hook: str, rules: Sequence[str]) -> Iterator[None]:
    lines = "\n".join([_HOOKS[hook], *rules])
    world.do(node, f"nft -f - <<'END'\ntable inet fault {{\nchain {hook} {{\n{lines}\n}}\n}}\nEND\n")
    try:
        yield
    finally:
        world.do(node, "nft delete table inet fault")


@contextmanager
def _sysctl(world: World, node: str, name: str, value: str) -> Iterator[None]:
    path = "/proc/sys/" + name.replace(".", "/")
    before = world.do(node, f"cat {path}").strip()
    world.do(node, f"echo '{value}' >{path}")
    try:
        yield
    finally:
        world.do(node, f"echo '{before}' >{path}")


@contextmanager
def _done(world: World, node: str, do: str, undo: str) -> Iterator[None]:
    world.do(node, do)
    try:
        yield
    finally:
        world.do(node, undo)


def _live(world: World, node: str, number: int) -> None:
    """A pod that has nothing to do with the proof; it ends with the world."""
    host = world.hosts[node]
    host.used.add(number)
    world.do(node, world.pod_script(host, f"live-{host.numbers.index}-{number}", number))


@contextmanager
def lived_in(world: World, numbers: Sequence[int]) -> Iterator[None]:
    """No fault: other pods have these addresses of every node."""
    for name in world.hosts:
        for number in numbers:
            _live(world, name, number)
    yield


# Flannel's addresses


@contextmanager
def flannel_addresses(world: World, public_ips: dict[str, str], interface: str = "eth1") -> Iterator[None]:
    """flanneld of these nodes takes these addresses and this card, publishes them, and every node heeds it."""
    for name, address in public_ips.items():
        flannel = world.hosts[name].flannel
        flannel.public_ip, flannel.interface = address, interface
    world.flanneld_restart()
    try:
        yield
    finally:
        for host in world.hosts.values():
            host.flannel.public_ip, host.flannel.interface = host.numbers.eth1, "eth1"
        world.flanneld_restart()


def nat_interface(world: World) -> AbstractContextManager[None]:
    """Vagrant's classic: every flanneld takes the NAT card, 10.0.2.15 on each machine."""
    return flannel_addresses(world, dict.fromkeys(world.hosts, NAT_ADDRESS), "eth0")


@contextmanager
def others_address(world: World, node: str, owner: str) -> Iterator[None]:
    """A node publishes the address of another one, as a cloned machine with a public-ip-overwrite does. Its own device
    stays where it is: only what the others send to is wrong."""
    right = world.hosts[node].numbers.eth1
    world.hosts[node].flannel.public_ip = world.hosts[owner].numbers.eth1
    _reprogram_peers(world)
    try:
        yield
    finally:
        world.hosts[node].flannel.public_ip = right
        _reprogram_peers(world)


def wrong_interface(world: World) -> AbstractContextManager[None]:
    """flanneld takes a second network card that works just as well, but is not the cluster's."""
    return flannel_addresses(world, {name: host.numbers.eth2 for name, host in world.hosts.items()}, "eth2")


@contextmanager
def second_network(world: World) -> Iterator[None]:
    """No fault: an administrator has put Flannel on the second network, by public-ip-overwrite on each node."""
    for host in world.hosts.values():
        host.flannel.overwritten = True
    with wrong_interface(world):
        yield


def _reprogram_peers(world: World) -> None:
    flannels = [host.flannel for host in world.hosts.values()]
    world.namespaces.shells({host.name: host.flannel.peers(flannels) for host in world.hosts.values()})


# Routes, neighbours, forwarding entries


def no_default_route(world: World, node: str) -> AbstractContextManager[None]:
    return _done(world, node, "ip route del default", "ip route add default via 10.0.2.2 dev eth0")


@contextmanager
def _without(world: World, node: str, peer: str, remove: str) -> Iterator[None]:
    """Something that flanneld of ``node`` programmed for ``peer`` is gone."""
    host = world.hosts[node]
    world.do(node, remove)
    try:
        yield
    finally:
        # what the kernel has put in its place meanwhile goes, too
        with suppress(NetlabError):
            world.do(node, f"ip neigh del {world.hosts[peer].numbers.pod(0)} dev flannel.1")
        world.do(node, host.flannel.peers([world.hosts[peer].flannel]))


def route_missing(world: World, node: str, peer: str) -> AbstractContextManager[None]:
    """The node has no route to the peer's pods. With the default route of the NAT card the packets leave there."""
    return _without(world, node, peer, f"ip route del {world.hosts[peer].numbers.pod_cidr}")


@contextmanager
def sent_astray(world: World, node: str, peer: str, refused: bool = False) -> Iterator[None]:
    """Without a route to the peer's pods the packets leave by the default one. The router there answers: it takes them
    on to nowhere, or says that it has no route."""
    numbers, cidr = world.hosts[node].numbers, world.hosts[peer].numbers.pod_cidr
    back = f"ip route add {numbers.pod_cidr} via {NAT_ADDRESS} dev e0-{numbers.index}"
    onwards = "true" if refused else f"ip route add {cidr} via {NAT_ADDRESS} dev e0-{numbers.index}"
    with (
        route_missing(world, node, peer),
        _sysctl(world, "nat", "net.ipv4.ip_forward", "1"),
        _rules(world, "nat", "forward", ["drop"]),
        _done(world, "nat", f"{back}; {onwards}", "ip route flush proto boot type unicast scope global"),
    ):
        yield


@contextmanager
def own_route_missing(world: World, node: str) -> Iterator[None]:
    """The node has lost the route to its own pods, as with cni0's address, and has no default route either."""
    cidr = world.hosts[node].numbers.pod_cidr
    with (
        no_default_route(world, node),
        _done(world, node, f"ip route del {cidr} dev cni0", f"ip route add {cidr} dev cni0 proto kernel scope link"),
    ):
        yield


def neighbour_missing(world: World, node: str, peer: str) -> AbstractContextManager[None]:
    """The node does not know the MAC address of the peer's flannel.1."""
    return _without(world, node, peer, f"ip neigh del {world.hosts[peer].numbers.pod(0)} dev flannel.1")


def forwarding_entry_missing(world: World, node: str, peer: str) -> AbstractContextManager[None]:
    """The node does not know to which machine the peer's flannel.1 belongs."""
    return _without(
        world, node, peer, f"bridge fdb del {world.hosts[peer].numbers.vtep_mac} dev flannel.1 self"
    )


@contextmanager
def routed_by_second_card(world: World, node: str, peer: str) -> Iterator[None]:
    """host-gw: the node sends to the peer by eth2, while the peer still answers by eth1."""
    numbers = world.hosts[peer].numbers
    world.do(node, f"ip route replace {numbers.pod_cidr} via {numbers.eth2} dev eth2")
    try:
        yield
    finally:
        world.do(node, world.hosts[node].flannel.peers([world.hosts[peer].flannel]))


def underlay_astray(world: World, node: str, peer: str) -> AbstractContextManager[None]:
    """The node sends what is for the peer's own address, and with it the tunnel's packets, by another card that works
    just as well, but is not the cluster's."""
    numbers = world.hosts[peer].numbers
    route = f"{numbers.eth1} via {numbers.eth2} dev eth2"
    return _done(world, node, f"ip route add {route}", f"ip route del {route}")


def underlay_gone(world: World, node: str) -> AbstractContextManager[None]:
    """The node has lost its way to the nodes' network, and has no default route either."""
    network = f"{world.hosts[node].numbers.eth1.rpartition('.')[0]}.0/24"
    gone = f"ip route del default; ip route del {network}"
    back = f"ip route add {network} dev eth1 proto kernel scope link src {world.hosts[node].numbers.eth1}"
    return _done(world, node, gone, f"{back}; ip route add default via 10.0.2.2 dev eth0")


def underlay_small(world: World, node: str, mtu: int = 1400) -> AbstractContextManager[None]:
    """The card's MTU was lowered after Flannel had made its device, which still makes packets of 1450 bytes."""
    return _done(world, node, f"ip link set eth1 mtu {mtu}", "ip link set eth1 mtu 1500")


def forwarding_off(world: World, node: str) -> AbstractContextManager[None]:
    return _sysctl(world, node, "net.ipv4.ip_forward", "0")


def forwarding_off_v6(world: World, node: str) -> AbstractContextManager[None]:
    return _sysctl(world, node, "net.ipv6.conf.all.forwarding", "0")


@contextmanager
def small_mtu_told(world: World, mtu: int = 1400) -> Iterator[None]:
    """host-gw: the nodes' cards carry less than their pods send, and the nodes say so to them: no hole."""
    world.namespaces.shells(dict.fromkeys(world.hosts, f"ip link set eth1 mtu {mtu}"))
    try:
        yield
    finally:
        world.namespaces.shells(dict.fromkeys(world.hosts, "ip link set eth1 mtu 1500"))


# Filters


def vxlan_blocked_v6(world: World, node: str) -> AbstractContextManager[None]:
    """The same for IPv6 alone, as by a firewall that was only told of IPv4's addresses."""
    return _rules(world, node, "input", [f"meta nfproto ipv6 udp dport {world.port} drop"])


def vxlan_blocked(world: World, node: str, sender: str = "") -> AbstractContextManager[None]:
    """A firewall of the node drops VXLAN's UDP, from everybody or from one sender alone."""
    source = f"ip saddr {world.hosts[sender].numbers.eth1} " if sender else ""
    return _rules(world, node, "input", [f"{source}udp dport {world.port} drop"])


def forward_dropped(world: World, node: str) -> AbstractContextManager[None]:
    """A policy that drops what comes in for the node's pods from other nodes."""
    return _forward(world, node, "drop")


def forward_rejected(world: World, node: str) -> AbstractContextManager[None]:
    """The same with REJECT, whose answer looks like that of a pod without a listener."""
    return _forward(world, node, "reject with icmp port-unreachable")


def forward_prohibited(world: World, node: str) -> AbstractContextManager[None]:
    """The same with the answer that says so."""
    return _forward(world, node, "reject with icmp admin-prohibited")


def _forward(world: World, node: str, what: str) -> AbstractContextManager[None]:
    cidr = world.hosts[node].numbers.pod_cidr
    return _rules(world, node, "forward", [f'iifname != "cni0" ip daddr {cidr} {what}'])


def tcp_dropped(world: World, node: str) -> AbstractContextManager[None]:
    """A policy that lets echoes and UDP through to the node's pods, but no TCP connection."""
    cidr = world.hosts[node].numbers.pod_cidr
    return _rules(world, node, "forward", [f'iifname != "cni0" ip daddr {cidr} tcp flags & (syn | ack) == syn drop'])


def tcp_answers_dropped(world: World, node: str) -> AbstractContextManager[None]:
    """A filter that lets connections come to the node's pods, and takes the answer of the pods to the first packet."""
    cidr = world.hosts[node].numbers.pod_cidr
    rule = f'oifname != "cni0" ip saddr {cidr} tcp flags & (syn | ack) == (syn | ack) drop'
    return _rules(world, node, "forward", [rule])


def datagrams_dropped(world: World, node: str) -> AbstractContextManager[None]:
    """A policy that lets ICMP and TCP through to the node's pods, but no datagram: names cannot be looked up."""
    cidr = world.hosts[node].numbers.pod_cidr
    return _rules(world, node, "forward", [f'iifname != "cni0" ip daddr {cidr} meta l4proto udp drop'])


def echoes_dropped(world: World, node: str) -> AbstractContextManager[None]:
    """A policy that lets UDP and TCP through to the node's pods, but no echo."""
    cidr = world.hosts[node].numbers.pod_cidr
    return _rules(world, node, "forward", [f'iifname != "cni0" ip daddr {cidr} icmp type echo-request drop'])


def probes_dropped(world: World, node: str) -> AbstractContextManager[None]:
    """A filter before routing, as against scans of ports: it takes the traces of the node's pods and nothing else."""
    return _rules(world, node, "prerouting", ['iifname "cni0" udp dport >= 33434 drop'])


def errors_dropped(world: World, node: str) -> AbstractContextManager[None]:
    """A hardened node, which sends no ICMP error that tells of it."""
    errors = ["icmp type time-exceeded drop", "icmpv6 type time-exceeded drop"]
    return _rules(world, node, "output", errors)


def first_errors_lost(world: World, node: str) -> AbstractContextManager[None]:
    """The first ICMP errors of a node are lost: most of the eight that the four traces past it draw."""
    return _rules(world, node, "output", ["icmp type time-exceeded quota until 600 bytes drop"])


def large_lost(world: World, node: str) -> AbstractContextManager[None]:
    """The network loses most of the large packets that come to the node's pods, and none of the small ones."""
    large = "ip length > 1000 icmp type { echo-request, echo-reply }"
    some = [f'iifname "flannel.1" {large} icmp sequence {{ 1, 2, 4 }} drop']
    return _rules(world, node, "forward", some)


def datagrams_refused(world: World, node: str) -> AbstractContextManager[None]:
    """The same with REJECT."""
    cidr = world.hosts[node].numbers.pod_cidr
    rule = f'iifname != "cni0" ip daddr {cidr} meta l4proto udp reject with icmp port-unreachable'
    return _rules(world, node, "forward", [rule])


@contextmanager
def racks_apart(world: World) -> Iterator[None]:
    """The router between the racks forwards no UDP 8472."""
    rules = _HOOKS["forward"] + "\nudp dport 8472 drop"
    world.lan(f"nft -f - <<'END'\ntable inet fault {{\nchain forward {{\n{rules}\n}}\n}}\nEND\n")
    try:
        yield
    finally:
        world.lan("nft delete table inet fault")


def lossy(world: World, node: str, percent: int) -> AbstractContextManager[None]:
    """The network loses some of what comes to the node's pods; TCP is spared, which would only send again.

    Of the ten echoes of a pair always two, as chance would take none now and then; of the traces' packets any.
    """
    echoes = "icmp type { echo-request, echo-reply }"
    chance = f"numgen random mod 100 < {percent} drop"
    rules = [f"{echoes} icmp sequence {{ 1, 4 }} drop", f"{echoes} accept", f"meta l4proto {{ icmp, udp }} {chance}"]
    return _rules(world, node, "forward", [f'iifname "flannel.1" {rule}' for rule in rules])


def masqueraded(world: World, node: str, kind: str = "") -> AbstractContextManager[None]:
    """A NAT rule that is too wide: pods of this node reach others under the node's address, all or by one protocol."""
    only = f"meta l4proto {kind} " if kind else ""
    rules = [f'{only}ip saddr {POD_NETWORK} ip daddr {POD_NETWORK} oifname != "cni0" masquerade']
    return _rules(world, node, "postrouting", rules)


@contextmanager
def answers_limited(world: World, node: str) -> Iterator[None]:
    """A kernel that sends ICMP errors so rarely that some of its answers are missing."""
    with (
        _sysctl(world, node, "net.ipv4.icmp_msgs_per_sec", "1"),
        _sysctl(world, node, "net.ipv4.icmp_msgs_burst", "1"),
        _sysctl(world, node, "net.ipv4.icmp_ratelimit", "60000"),
    ):
        yield


@contextmanager
def mtu_hole(world: World, node: str, mtu: int = 1400) -> Iterator[None]:
    """A switch port that silently drops frames larger than ``mtu`` on their way to the node and back."""
    port = f"e1-{world.hosts[node].numbers.index}"
    world.lan(f"ip link set {port} mtu {mtu}")
    try:
        yield
    finally:
        world.lan(f"ip link set {port} mtu 1500")


# Pods


@contextmanager
def _pods_routes(world: World, node: str, commands: str) -> Iterator[None]:
    """Each pod of a node gets other routes than the bridge plugin gives, as by another CNI configuration."""

    def change(role: str, pod_node: str, namespace: str) -> None:
        if pod_node == node:
            world.namespaces.shell(namespace, commands)

    world.on_pod.append(change)
    try:
        yield
    finally:
        world.on_pod.remove(change)


def routed_on_node(world: World, node: str) -> AbstractContextManager[None]:
    """Pods of the node send to one another by their gateway."""
    numbers = world.hosts[node].numbers
    gateway = numbers.pod(1)
    return _pods_routes(
        world, node, f"ip route add {gateway} dev eth0; ip route del {numbers.pod_cidr}; "
        f"ip route replace default via {gateway}"
    )


@contextmanager
def bridge_address(world: World, node: str) -> Iterator[None]:
    """cni0 carries another address than the podCIDR's first, as one that was left of an earlier life."""
    right, wrong = world.hosts[node].numbers.pod(1), world.hosts[node].numbers.pod(77)
    world.do(node, f"ip -4 addr flush dev cni0; ip addr add {wrong}/24 dev cni0")
    try:
        with _pods_routes(world, node, f"ip route replace default via {wrong}"):
            yield
    finally:
        world.do(node, f"ip -4 addr flush dev cni0; ip addr add {right}/24 dev cni0")


def detour(world: World, node: str, peer: str, by: str) -> AbstractContextManager[None]:
    """host-gw: the node sends what is for the peer's pods to a third node, which forwards it."""
    cidr, third = world.hosts[peer].numbers.pod_cidr, world.hosts[by].numbers.eth1
    right = world.hosts[peer].numbers.eth1
    return _done(world, node, f"ip route replace {cidr} via {third} dev eth1",
                 f"ip route replace {cidr} via {right} dev eth1")


@contextmanager
def pod_gone(world: World, node: str, role: str = "peer") -> Iterator[None]:
    """The pod of a role loses its cable as soon as it runs, while everybody believes that it is there."""

    def cut(pod_role: str, pod_node: str, namespace: str) -> None:
        if (pod_role, pod_node) == (role, node):
            world.namespaces.shell(namespace, "ip link set eth0 down")

    world.on_pod.append(cut)
    try:
        yield
    finally:
        world.on_pod.remove(cut)


@contextmanager
def peer_stalled(world: World, node: str) -> Iterator[None]:
    """The program that listens in the node's peer gets no processor any more: its kernel takes what comes, and nobody
    answers it."""

    def stop(role: str, pod_node: str, namespace: str) -> None:
        if (role, pod_node) == ("peer", node):
            full = world.namespaces.full(namespace)
            world.namespaces.shell(namespace, f"""
until ss -Hltn 'sport = :8080' | grep -q .; do sleep 0.1; done
for pid in $(ip netns pids {full}); do
  case $(cat /proc/$pid/comm) in httpd|python*) kill -STOP $pid ;; esac
done
""")

    world.on_pod.append(stop)
    try:
        yield
    finally:
        world.on_pod.remove(stop)


@contextmanager
def pod_evicted(world: World, node: str, role: str = "peer") -> Iterator[None]:
    """The kubelet throws the pod of a role out as soon as the probers begin."""
    world.evicted.add((role, node))
    try:
        yield
    finally:
        world.evicted.discard((role, node))


@contextmanager
def no_service_proxy(world: World) -> Iterator[None]:
    """kube-proxy programs nothing: pods reach each other, Services lead nowhere."""
    world.service_proxy = False
    try:
        yield
    finally:
        world.service_proxy = True
