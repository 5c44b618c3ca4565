# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen of a pair, of the control and of the Service: evidence as data, however it was gathered.

Pure. What was not observed is None, and ``unobserved`` says why; it never counts against a pair. Times are
milliseconds, sizes are bytes of the whole IP packet, addresses stand in the text form of the ipaddress module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import IPV4
from ansible_collections.podpath.kubeadm.plugins.module_utils.trace import Trace

# What probes and echoes are packets of.
ICMP, UDP = "icmp", "udp"


@dataclass(frozen=True, slots=True)
class Echoes:
    """Small echoes to the peer. ``rtt_ms``: minimum, median and maximum of the answers.

    ``reply_ttls``: the TTLs of the answers, which measure the way back. ``protocol``: ICMP, which the pod's kernel
    answers, or UDP, which the peer's program does.
    """

    sent: int
    received: int
    rtt_ms: tuple[float, float, float] | None = None
    reply_ttls: tuple[int, ...] = ()
    protocol: str = ICMP


@dataclass(frozen=True, slots=True)
class FullSize:
    """Echoes of the pod's MTU that must not be fragmented. ``size``: bytes of the IP packet.

    ``told_mtu``: what a router answered instead (too big, this many bytes fit); what is sent after that has this size.
    ``late``: how many were lost after the first one that was answered.
    """

    size: int
    sent: int
    received: int
    told_mtu: int | None = None
    late: int = 0

    def unexplained(self, family: str) -> tuple[int, int]:
        """How many had to be answered, and how many of those were not.

        The first ones may be lost to a smaller MTU until it is known: one of IPv4, whose answers may be split on the
        way; of IPv6 one each way. Where a router was heard to tell it, all that were sent before the first answer.
        """
        early = self.sent - self.received - self.late
        learning = early if self.told_mtu is not None else min(early, 1 if family == IPV4 else 2)
        return self.sent - learning, self.late + early - learning


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the peer recorded of a packet of this pair: who sent it, with how much TTL left, and how large it was.

    An empty source: the peer listened, and nothing of this pair came. Size 0: a connection came, and no datagram.
    ``sources``: who sent what came, by protocol (tcp, udp), as NAT rules may tell them apart. ``refused``: with what
    somebody refused the datagrams, as their sender was told. ``handshake``: of a TCP connection that came, whether its
    handshake did to its end, or only the first packet; None: that is not known.
    """

    source: str
    ttl: int | None = None
    size: int | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""
    handshake: bool | None = None


@dataclass(frozen=True, slots=True)
class Tcp:
    """A TCP connection to the peer. ``problem`` says why there is none (refused, timed out, ...); of one that came
    about at the second try, why the first did not."""

    connected: bool
    problem: str = ""
    ms: float | None = None


@dataclass(frozen=True, slots=True)
class Underlay:
    """The source node's route to the destination's public-ip: interface, its MTU, preferred source, and gateway.

    An empty interface: there is none, and ``problem`` says why. ``own_interface``: the one that carries the node's own
    address; ``needed_mtu``: what the largest packet of Flannel's device takes, with the header that it adds.
    """

    interface: str
    mtu: int | None = None
    address: str = ""
    gateway: str = ""
    own_interface: str = ""
    needed_mtu: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """One pair in one family. ``problem`` says why there is no trace; ``unobserved`` why other evidence is missing,
    by the name of its field. ``protocol``: that of the trace's probes. ``retraced``: a second trace was made, as the
    first one arrived but had a silent hop; ``trace`` is the one that counts."""

    trace: Trace | None = None
    problem: str = ""
    echoes: Echoes | None = None
    full_size: FullSize | None = None
    arrival: Arrival | None = None
    tcp: Tcp | None = None
    underlay: Underlay | None = None
    unobserved: Mapping[str, str] = field(default_factory=dict)
    protocol: str = UDP
    retraced: bool = False


_HALF_SEEN = "Only who sent it, from a TCP connection; its TTL and size were not observed."
EVIDENCE = ("echoes", "full_size", "arrival", "tcp", "underlay")


@dataclass(frozen=True, slots=True)
class ControlSeen:
    """The control: a trace from the prober on ``source`` to an address in ``destination``'s podCIDR that no pod has.

    ``answered``: addresses that were traced before and reached, so that they are taken for those of others' pods.
    """

    family: str
    source: str
    destination: str
    address: str
    trace: Trace | None = None
    problem: str = ""
    answered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceSeen:
    """A TCP connection from the prober on ``source`` to the run's own Service. ``served_by``: the answering node;
    ``unobserved``: why none could be tried, or none could be taken, so that nothing is known of Services."""

    source: str
    address: str
    port: int
    connected: bool
    served_by: str = ""
    problem: str = ""
    unobserved: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """A pod of the run: its name, and its addresses by family."""

    pod: str
    ips: Mapping[str, str]


def _plain(name: str, value: Any) -> dict[str, Any]:
    plain = {entry.name: getattr(value, entry.name) for entry in fields(value)}
    if name == "echoes":
        rtt = value.rtt_ms
        plain["rtt_ms"] = dict(zip(("min", "median", "max"), rtt, strict=True)) if rtt else {}
        plain["reply_ttls"] = list(value.reply_ttls)
    elif name == "arrival":
        plain["sources"] = dict(value.sources)
    return plain


def evidence(observation: Observation) -> dict[str, dict[str, Any]]:
    """Everything beside the trace as plain data: each entry says whether it was observed, else why not."""
    told = {}
    for name in EVIDENCE:
        value = getattr(observation, name)
        if value is None:
            why = observation.unobserved.get(name) or observation.problem or "It was not asked for."
            told[name] = {"observed": False, "why": why}
        else:
            half = name == "arrival" and value.source and value.ttl is None
            told[name] = {"observed": True, "why": _HALF_SEEN if half else "", **_plain(name, value)}
    return told
