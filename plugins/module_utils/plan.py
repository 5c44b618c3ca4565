# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pairs are probed, and when, so that the kernel's ICMP limits cost no healthy hop.

Pure: numbers in, numbers out. Times are seconds.

Linux limits the ICMP errors a router sends to one receiver: a bucket of 6, refilled by 1 per second (icmp_ratelimit).
Of a prober's buckets only that of its own cni0 is shared by destinations, as it is hop 1 of each path across nodes;
hop 2 and the pod are different routers for each destination. So only hop 1 must be paced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import IPV4

BURST = 6
REFILL_PER_SECOND = 1
FIRST_PORT = 33434
LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Pair:
    """From a prober on node ``source`` to the peer on node ``destination``; both may be the same node."""

    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class Task:
    """A pair in one address family: what is probed and judged as one."""

    pair: Pair
    family: str = IPV4


@dataclass(frozen=True, slots=True)
class Probe:
    """One probing of a prober: its destination node, address family, seconds to wait before it starts, and its first
    UDP port."""

    destination: str
    family: str
    start: int
    port: int


@dataclass(frozen=True)
class Method:
    """How a pair is probed: a traceroute with probes per hop, seconds to wait for each answer, and the highest TTL.

    Echoes to the pod follow; they tell the latency, and no limit of the kernel touches them.
    """

    probes: int = 2
    wait: int = 1
    max_ttl: int = 5
    echoes: int = 3

    @property
    def longest(self) -> int:
        """Seconds a pair takes when nothing answers."""
        return self.probes * self.wait * self.max_ttl + self.echoes * self.wait


def mesh(nodes: Sequence[str]) -> list[Pair]:
    """All N x N pairs, in the order of the nodes."""
    return [Pair(source, destination) for source in nodes for destination in nodes]


def schedule(source: str, destinations: Sequence[str], method: Method) -> list[Probe]:
    """When the prober on ``source`` starts each of its traceroutes.

    The k-th traceroute across nodes brings hop 1's replies to k * probes, which must not exceed BURST + elapsed
    seconds. It starts late enough for that whatever the others do, since they run side by side and a dead one delays
    no other. Destinations are taken in turn from the source on, so that probers do not all meet at one node at once:
    a node's limit over all receivers (icmp_msgs_burst) is shared.
    Each gets UDP ports of its own, so that no traceroute takes another's answer for its own.
    Raises ValueError when a single traceroute exceeds the bucket.
    """
    if method.probes > BURST:
        raise ValueError(f"{method.probes} probes per hop exceed the kernel's burst of {BURST} ICMP errors.")
    ordered = sorted(destinations)
    after = [name for name in ordered if name >= source]
    before = [name for name in ordered if name < source]
    probes = []
    crossed = 0
    span = method.probes * method.max_ttl
    slots = (LAST_PORT - FIRST_PORT + 1) // span
    for index, destination in enumerate(after + before):
        start = 0
        if destination != source:
            crossed += 1
            excess = crossed * method.probes - BURST
            start = max(0, -(-excess // REFILL_PER_SECOND))
        probes.append(Probe(destination, IPV4, start, FIRST_PORT + index % slots * span))
    return probes


def duration(probes: Sequence[Probe], method: Method) -> int:
    """Seconds until a prober's last traceroute has ended, at worst."""
    return max((probe.start for probe in probes), default=0) + method.longest
