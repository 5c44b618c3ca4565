# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the evidence beside the hops says against a pair, or for one whose trace died.

Pure. A trace cannot see address translation, MTU holes or loss, and one-way drops look the same in both directions; the
peer's record, full-size packets, echoes and TCP can, and by which card a tunnel's packets leave the source's own route
tells. What was not observed never counts against a pair.
"""

from __future__ import annotations

import re

from ansible_collections.podpath.kubeadm.plugins.module_utils.judgement import FAIL, INCONCLUSIVE, Judgement
from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import (
    ICMP,
    Arrival,
    Observation,
    Tcp,
    Underlay,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.paths import SILENT, Expectation
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import Node, Side

# The TTLs with which systems send; Linux takes 64.
_INITIAL_TTLS = (64, 128, 255)
# A connection to which nobody said anything.
_UNANSWERED = re.compile("^$|no answer|timed out", re.IGNORECASE)
# A connection that came about, with somebody who is not this pair's peer.
_STRANGER = re.compile("^(somebody else|the peer of .*) answer", re.IGNORECASE)
# Failures of a trace that a filter for its probes alone would explain.
_FILTERED = (
    "nothing-answers",
    "silent-after-source",
    "silent-after-router",
    "silent-after-destination",
    "rejected",
    "prohibited",
    "router-refuses",
    "nothing-on-node",
)


def routers_passed(ttl: int) -> int:
    """How many routers took one off a TTL that arrived as this."""
    return next((initial - ttl for initial in _INITIAL_TTLS if initial >= ttl), 0)


def _snat(seen: Observation, own_ip: str, names: tuple[str, str]) -> Judgement | None:
    arrival = seen.arrival
    if arrival is None or not arrival.source or not own_ip:
        return None
    sources = arrival.sources or {"": arrival.source}
    strange = {protocol: address for protocol, address in sources.items() if address != own_ip}
    if not strange:
        return None
    source, destination = names
    # where all protocols that were recorded are alike, no rule tells them apart
    kinds = "" if len(strange) == len(sources) else f"{' and '.join(sorted(strange)).upper()} "
    return Judgement(
        FAIL,
        f"The pod on {destination} saw the {kinds}packets of the pod on {source} ({own_ip}) come from "
        f"{' and '.join(dict.fromkeys(strange.values()))}: they are translated on the way (SNAT); look at the "
        f"masquerade rules of {source} for the pod network.",
        "snat",
    )


def _ttls(seen: Observation, there: Expectation, back: Expectation | None, names: tuple[str, str]) -> Judgement | None:
    """TTLs that contradict the number of routers on the way there, or back."""
    source, destination = names
    ttl = seen.arrival.ttl if seen.arrival and seen.arrival.source else None
    if ttl is not None and routers_passed(ttl) != there.routers:
        return Judgement(
            FAIL,
            f"Packets arrive at the pod on {destination} with TTL {ttl}, after {routers_passed(ttl)} routers instead "
            f"of {there.routers}: the way from {source} is another one than the trace shows.",
            "arrival-ttl",
        )
    odd = [
        ttl for ttl in (seen.echoes.reply_ttls if seen.echoes else ()) if back and routers_passed(ttl) != back.routers
    ]
    if odd and back:
        return Judgement(
            FAIL,
            f"Answers from {destination} come back with TTL {odd[0]}, after {routers_passed(odd[0])} routers instead "
            f"of {back.routers}: the way back to {source} is another one.",
            "reply-ttl",
        )
    return None


def _some_large_lost(seen: Observation, family: str, names: tuple[str, str]) -> Judgement | None:
    """More packets of full size lost than a smaller MTU costs until it is known. A single one is no measure: the
    diagnosis sums those of all pairs."""
    full = seen.full_size
    if full is None:
        return None
    due, lost = full.unexplained(family)
    if not lost or (lost == 1 and 2 * lost < due):
        return None
    told = (
        f"Of {full.sent} packets of {full.size} bytes from {names[0]} to {names[1]} {full.sent - full.received} are "
        "lost"
    )
    if _lost_echoes(seen):
        return Judgement(INCONCLUSIVE, f"{told}, and small ones, too: loss of whatever kind.", "loss")
    return Judgement(
        INCONCLUSIVE,
        f"{told}, more than a smaller MTU that is learned on the way explains: large packets are lost now and then.",
        "full-size-loss",
    )


def _full_size(seen: Observation, family: str, names: tuple[str, str]) -> Judgement | None:
    full, small = seen.full_size, seen.echoes
    if full is None or not full.sent:
        return None
    if small is not None and not small.received:
        return None  # then nothing is answered, large or small
    if full.received:
        return _some_large_lost(seen, family, names)
    if full.told_mtu is not None:
        return Judgement(
            INCONCLUSIVE,
            f"Packets of {full.size} bytes from {names[0]} to {names[1]}: a router says that {full.told_mtu} fit, but "
            "none of that size was answered either: whether large packets arrive was not seen.",
            "full-size-unseen",
        )
    if _lost_echoes(seen):
        return Judgement(
            INCONCLUSIVE,
            f"All {full.sent} packets of {full.size} bytes from {names[0]} to {names[1]} are lost, and small ones, "
            "too: an MTU hole or loss of whatever kind.",
            "loss",
        )
    return Judgement(
        FAIL,
        f"Packets of {full.size} bytes from {names[0]} to {names[1]} are lost, small ones are not: an MTU hole. The "
        "pods' MTU is larger than what the way between the nodes carries, and nobody says so.",
        "mtu-hole",
    )


def _lost_echoes(seen: Observation) -> bool:
    return seen.echoes is not None and seen.echoes.received < seen.echoes.sent


def _is_loss(lost: int, sent: int) -> bool:
    """Whether a single pair's echoes tell of loss: half of few, or three tenths where that is three at least."""
    return lost > 0 and (2 * lost >= sent or (lost >= 3 and 10 * lost >= 3 * sent))


def _lossy(seen: Observation, there: Expectation) -> bool:
    """Whether any small packet of a pair was lost: an echo, or the probe of a hop that should answer."""
    hops = zip(seen.trace.hops, there.hops, strict=False) if seen.trace else ()
    return _lost_echoes(seen) or any(
        reply.address is None for hop, wanted in hops if wanted.role != SILENT for reply in hop.replies
    )


def _tcp(seen: Observation, there: Expectation, names: tuple[str, str]) -> Judgement | None:
    tcp = seen.tcp
    if tcp is None:
        return None
    if tcp.connected:
        return _tcp_once(seen, there, names)
    if _STRANGER.search(tcp.problem):
        return Judgement(
            FAIL,
            f"The trace from {names[0]} ends at the address of the pod on {names[1]}, but the one who takes a TCP "
            f"connection there is not that pod ({tcp.problem.rstrip('.')}): its address is given twice, or packets are "
            "turned aside to somebody else.",
            "other-answers",
        )
    if _lossy(seen, there) and _UNANSWERED.search(tcp.problem):
        return Judgement(
            INCONCLUSIVE,
            f"The trace from {names[0]} reaches the pod on {names[1]}, but a TCP connection to it does not come about "
            f"({tcp.problem or 'no reason given'}), and echoes or probes of this pair were lost, too: packets are lost "
            "on the way, of whatever kind.",
            "loss",
        )
    if seen.arrival is not None and "tcp" in seen.arrival.sources and _UNANSWERED.search(tcp.problem):
        return _tcp_recorded(seen.arrival, tcp, names)
    return Judgement(
        FAIL,
        f"The trace from {names[0]} reaches the pod on {names[1]}, but a TCP connection to it does not come about "
        f"({tcp.problem or 'no reason given'}): a filter for TCP, or a network policy.",
        "tcp-failed",
    )


def _tcp_once(seen: Observation, there: Expectation, names: tuple[str, str]) -> Judgement | None:
    """A connection that came about at the second try alone."""
    problem = seen.tcp.problem if seen.tcp else ""
    if not problem:
        return None
    return Judgement(
        INCONCLUSIVE,
        f"The path is the expected one, but of two TCP connections from {names[0]} to the pod on {names[1]} the first "
        f"did not come about ({problem.rstrip('.')}), and the second, from another port, did: the pod is short of "
        "time, or some packets are lost on the way, as by one of several paths.",
        "loss" if _lossy(seen, there) else "tcp-once",
    )


def _tcp_recorded(arrival: Arrival, tcp: Tcp, names: tuple[str, str]) -> Judgement:
    """A connection of which the prober had no answer, and which its peer recorded."""
    source, destination = names
    if arrival.handshake is False:
        return Judgement(
            FAIL,
            f"The trace from {source} reaches the pod on {destination}, which also recorded the first packet of a TCP "
            f"connection, but nothing after it ({tcp.problem or 'no reason given'}): its answer to that is lost on the "
            f"way back to {source}, as by a filter for TCP.",
            "tcp-answers-lost",
        )
    what = "the whole handshake" if arrival.handshake else "it, and was behind with taking connections"
    return Judgement(
        INCONCLUSIVE,
        f"A TCP connection from {source} to the pod on {destination} was not answered "
        f"({tcp.problem or 'no reason given'}), but the pod recorded {what}: the network carries it, and the pod is "
        "slow, or its node is.",
        "tcp-late",
    )


def _own_way(route: Underlay, side: Side) -> bool:
    """Whether a route leaves by the interface of the node's own address; by its source where nobody told that one.

    An address that an administrator chose (public-ip-overwrite) is at home on the card whose packets have it as their
    source; where none has, it may be one before a NAT, whose packets leave by the node's own card.
    """
    if side.overwritten and route.address == side.public_ip:
        return True
    if route.own_interface:
        return route.interface == route.own_interface
    return not route.address or not side.answers or route.address in side.answers


def _underlay_way(seen: Observation, ends: tuple[Node, Node], family: str) -> Judgement | None:
    """A source whose route to the destination is missing, or leads out by another card than its own address's."""
    route = seen.underlay
    source, destination = (end.name for end in ends)
    side = ends[0].side(family)
    own = side.answers
    address = ends[1].side(family).public_ip or destination
    if route is None or (route.interface and _own_way(route, side)):
        return None
    card = (not side.overwritten and route.own_interface) or "the interface"
    cure = f"Mend the routes of {source}: 'ip route get {address}' must name {card}, which carries {' or '.join(own)}."
    if not route.interface:
        return Judgement(
            FAIL,
            f"Node {source} has no route to {address}, by which Flannel reaches node {destination} "
            f"({route.problem or 'none was found'}). {cure}",
            "underlay-missing",
        )
    by = f"{route.interface}{f' from {route.address}' if route.address else ''}"
    return Judgement(
        FAIL,
        f"Node {source} sends to {address} of node {destination} by {by}, not by {card} of its own address "
        f"{', '.join(own)}: the wrong interface carries the pod network. {cure}",
        "underlay-interface",
    )


def _underlay_mtu(seen: Observation, ends: tuple[Node, Node], family: str) -> Judgement | None:
    route = seen.underlay
    if route is None or not route.mtu or not route.needed_mtu or route.mtu >= route.needed_mtu:
        return None
    source, destination = (end.name for end in ends)
    return Judgement(
        FAIL,
        f"Flannel's device on node {source} sends packets of up to {route.needed_mtu} bytes, but the route to "
        f"{ends[1].side(family).public_ip} of node {destination} goes by {route.interface} with an MTU of {route.mtu}: "
        f"larger ones are split or lost. Raise the MTU of {route.interface}, or lower Flannel's (MTU in net-conf.json) "
        "and restart the kube-flannel pods.",
        "underlay-mtu",
    )


def _echoes_filtered(seen: Observation, names: tuple[str, str]) -> Judgement | None:
    """No echo at all where everything else comes through: loss would have spared some, and hit some of the rest."""
    echoes, full, arrival = seen.echoes, seen.full_size, seen.arrival
    if echoes is None or not echoes.sent or echoes.received or (full is not None and full.received):
        return None
    if seen.tcp is None or not seen.tcp.connected or (arrival is not None and arrival.size == 0):
        return None
    icmp = echoes.protocol == ICMP
    return Judgement(
        INCONCLUSIVE,
        f"The path is the expected one and a TCP connection comes about, but none of {echoes.sent} "
        f"{echoes.protocol.upper()} echoes from {names[0]} to {names[1]} was answered: a filter for "
        f"{'ICMP echo' if icmp else 'UDP'}, or a network policy. So neither loss nor whether large packets arrive was "
        "seen.",
        "echoes-filtered" if icmp else "datagrams-lost",
    )


def _doubts(seen: Observation, names: tuple[str, str]) -> Judgement | None:
    source, destination = names
    if seen.arrival is not None and not seen.arrival.source:
        return Judgement(
            INCONCLUSIVE,
            f"The trace from {source} ends at the pod's address, but the pod on {destination} recorded nothing of it: "
            "somebody else may answer there.",
            "not-recorded",
        )
    # Of few a single lost one is no measure: the diagnosis sums those of all pairs.
    echoes = seen.echoes
    filtered = _echoes_filtered(seen, names)
    if filtered is not None:
        return filtered
    # neither an echo nor a datagram, and yet a connection: that is no loss
    only_tcp = echoes is not None and not echoes.received and seen.arrival is not None and seen.arrival.size == 0
    lost = 0 if echoes is None else echoes.sent - echoes.received
    if echoes is not None and _is_loss(lost, echoes.sent) and not only_tcp:
        return Judgement(
            INCONCLUSIVE,
            f"The path is the expected one, but {lost} of {echoes.sent} echoes from {source} "
            f"to {destination} were lost.",
            "loss",
        )
    if seen.arrival is not None and seen.arrival.size == 0 and seen.arrival.refused:
        return Judgement(
            INCONCLUSIVE,
            f"The path is the expected one, but UDP datagrams from {source} to the pod on {destination} are refused "
            f"({seen.arrival.refused}), though it listens and a TCP connection came: a REJECT rule for UDP.",
            "datagrams-refused",
        )
    if seen.arrival is not None and seen.arrival.size == 0:
        return Judgement(
            INCONCLUSIVE,
            f"The path is the expected one, but of the UDP datagrams from {source} the pod on {destination} recorded "
            "none, though a TCP connection came: a filter for UDP, or a network policy.",
            "datagrams-lost",
        )
    return None


def against(
    ends: tuple[Node, Node],
    family: str,
    own_ip: str,
    there: Expectation,
    back: Expectation | None,
    seen: Observation,
) -> Judgement | None:
    """What speaks against a pair whose hops are all right, the gravest first; None where nothing does.

    ``own_ip``: the prober's address; ``back``: the expected path of the opposite pair.
    """
    names = ends[0].name, ends[1].name
    spoken = [
        judgement
        for judgement in (
            _snat(seen, own_ip, names),
            None if there.stated else _underlay_way(seen, ends, family),
            None if there.stated else _underlay_mtu(seen, ends, family),
            _full_size(seen, family, names),
            _tcp(seen, there, names),
            _ttls(seen, there, back, names),
            _doubts(seen, names),
        )
        if judgement is not None
    ]
    return min(spoken, key=lambda judgement: judgement.verdict != FAIL, default=None)


def _works(seen: Observation) -> str:
    works = []
    if seen.tcp is not None and seen.tcp.connected:
        works.append("a TCP connection comes about")
    if seen.echoes is not None and seen.echoes.received:
        works.append(f"{seen.echoes.received} of {seen.echoes.sent} echoes come back")
    return " and ".join(works)


def refined(
    own: Judgement, seen: Observation, ends: tuple[Node, Node], family: str, there: Expectation
) -> Judgement:
    """A failed trace in the light of the rest: that the source itself sends elsewhere, on which way the packets are
    lost, or that only probes are filtered."""
    if own.verdict != FAIL:
        return own
    source, destination = (end.name for end in ends)
    astray = _underlay_way(seen, ends, family)
    if own.rule == "silent-after-source" and astray is not None and not there.stated:
        return Judgement(FAIL, f"{own.reason} {astray.reason}", astray.rule)
    works = _works(seen)
    if works and own.rule in _FILTERED:
        return Judgement(
            INCONCLUSIVE,
            f"{own.reason} Yet {works}: only the trace's {seen.protocol.upper()} probes or their answers are lost, as "
            "to a filter for them, so the path is not proved.",
            "trace-filtered",
        )
    if own.rule == "silent-after-source" and seen.arrival is not None:
        if seen.arrival.source:
            return Judgement(
                FAIL,
                f"{own.reason} The pod on {destination} did record packets, so the answers are lost on the way back to "
                f"{source}.",
                "answers-lost",
            )
        return Judgement(
            FAIL,
            f"{own.reason} The pod on {destination} recorded nothing, so the packets are lost on the way there.",
            "packets-lost",
        )
    return own
