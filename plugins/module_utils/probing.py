# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a prober is told and what it tells, whichever way it probes. Pure."""

from __future__ import annotations

import base64
import gzip
import ipaddress
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import Arrival, Observation
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import BURST, REFILL_PER_SECOND, Method
from ansible_collections.podpath.kubeadm.plugins.module_utils.pods import Program, Settings
from ansible_collections.podpath.kubeadm.plugins.module_utils.trace import Trace

PAIR = "pair"
CONTROL = "control"
SERVICE = "service"

# So many that some are left where IPv6 loses one each way to a smaller MTU.
FULL_SIZE_ECHOES = 5
# Seconds between two small echoes, which are spread as loss comes in bursts: ten of them take no longer than a control.
ECHO_INTERVAL = 0.1
# What pings allow to those who are not root, and between two of full size, so that what a router told of one is heeded.
SLOW_ECHO_INTERVAL = 0.2
# So many addresses a control tries at most, with so many seconds between them, in which the kernel allows the prober's
# cni0 the next ICMP error. Where a node is full (110 pods of 253 addresses), one run of two hundred meets pods only.
CONTROL_ADDRESSES = 6
CONTROL_PAUSE = 1
# Seconds that a TCP connection may take, that a peer which runs may take until it listens, and that the Service may
# take until every node knows its peers.
TCP_PATIENCE = 3
LISTEN_PATIENCE = 6
SERVICE_PATIENCE = 6
# So many pairs whose traces did not arrive are looked at together, once it is calm: all may be dead, and a prober's pod
# is small.
LATE_AT_ONCE = 32
# Seconds after which a prober whose traces find nobody says that it works: a stream that is silent is cut off by load
# balancers in front of API servers, some after 20 seconds.
ALIVE_INTERVAL = 10
# Characters of an order above which it is packed, as proxies limit the length of a URL, which a command is part of; and
# those that it may have then, as Linux takes no single argument of 128 KiB.
PLAIN_ORDER = 8000
LONGEST_ORDER = 120_000
# An unprivileged trace waits so long for a router that looks for a neighbour.
_LONGEST_SEARCH = 4

# The stage (start, probe, remove), how much of it is done, and how much there is to do.
Progress = Callable[[str, int, int], None]

# A prober: its node and an address family.
Sender = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing that a prober does: look at all of a PAIR, trace a CONTROL, or connect to the SERVICE.

    ``start``: seconds to wait first; ``port``: the first UDP port of a trace, or the Service's; ``spares``: what a
    CONTROL traces next, one after the other, as long as the address before is reached; ``silences``: how many silent
    hops of a PAIR are no reason to trace it again.
    """

    kind: str
    node: str
    family: str
    address: str
    start: int = 0
    port: int = 0
    max_ttl: int = 0
    spares: tuple[str, ...] = ()
    silences: int = 0

    def last_traced(self, trace: Trace | None) -> tuple[str, tuple[str, ...]]:
        """Of a CONTROL the address that its trace goes to, and those before it, which were reached."""
        addresses = (self.address, *self.spares)
        number = addresses.index(trace.target) if trace is not None and trace.target in addresses else 0
        return addresses[number], addresses[:number]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an errand. ``served_by``: the node of the peer that took the TCP connection; ``unread``: why what
    was printed of it says nothing."""

    observation: Observation = field(default_factory=Observation)
    served_by: str = ""
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one peer recorded, by sender. ``unknown``: why the others' arrivals cannot be told; empty: there were none.

    ``deaf``: why the peer could not listen for TCP connections, so that a refused one means nothing.
    """

    arrivals: Mapping[Sender, Arrival] = field(default_factory=dict)
    unknown: str = ""
    deaf: str = ""


class Way(Protocol):
    """A way to probe. Commands run in the pod's environment; outputs are whatever came of them."""

    name: str

    def program(self, settings: Settings) -> Program: ...

    def probe_command(self, method: Method, errands: Sequence[Errand]) -> list[str]: ...

    def read(self, output: str, problem: str, errands: Sequence[Errand], settings: Settings) -> list[Answer]:
        """An answer for each errand. ``problem``: why the output is not whole; empty: it is. Raises nothing."""

    def finished(self, lines: str) -> list[int]:
        """The errands that these whole lines of an output finish, by their number."""

    def peer_command(self) -> list[str]: ...

    def read_peer(self, output: str, problem: str, senders: Mapping[Sender, str]) -> Heard:
        """``senders``: the addresses of the probers. Raises ValueError where it cannot be read."""


def answers(
    whole: Mapping[int, Any], errands: Sequence[Errand], read: Callable[[Any, Errand], Answer], missing: str
) -> list[Answer]:
    """An answer for each errand. ``whole``: what was printed of those that ended, by number, for ``read``, whose
    ValueError costs this errand alone; ``missing``: why there is nothing of the others."""
    told = []
    for number, errand in enumerate(errands):
        if number not in whole:
            told.append(Answer(Observation(problem=missing or "The prober's output ended before this trace's.")))
            continue
        try:
            told.append(read(whole[number], errand))
        except ValueError as error:
            told.append(Answer(unread=str(error)))
    return told


def calm(errands: Sequence[Errand]) -> int:
    """Seconds after which a prober's traces have all started and had a second to pass hop 1.

    Until then nothing else goes to an address that its trace did not reach: hop 1, the prober's own cni0, would say so
    of each packet, and its limit on ICMP errors would cost other traces their first hop.
    """
    return max((errand.start for errand in errands), default=0) + 1


def refilled(method: Method, errands: Sequence[Errand] = ()) -> int:
    """Seconds after which a prober traces again where a hop of a trace that arrived was silent.

    By then its bucket of ICMP errors is full again, though a packet that goes round in a loop at its gateway draws one,
    be it a probe or an echo. As many as a trace has take that long to come back, and echoes draw while they are sent.
    """
    slowest = min((REFILL_PER_SECOND[errand.family] for errand in errands), default=min(REFILL_PER_SECOND.values()))
    errors = max(BURST, method.probes * method.max_ttl)
    return calm(errands) + math.ceil(errors / slowest) + math.ceil(method.echoes * SLOW_ECHO_INTERVAL)


def second_traces(method: Method) -> int:
    """How many pairs a prober traces again: more would empty the bucket that they wait for."""
    return BURST // method.probes


def _shows_again(first: Trace, second: Trace) -> bool:
    """Whether a trace shows all that one before it showed: as many hops, and at each that answered the same."""
    return len(first.hops) == len(second.hops) and all(
        (set(before.addresses), set(before.notes)) == (set(after.addresses), set(after.notes))
        for before, after in zip(first.hops, second.hops, strict=True)
        if before.addresses
    )


def better(first: Trace, second: Trace | None) -> Trace:
    """Of a pair's traces the one that counts: the second where it arrived, too, and only adds hops that answered.

    Where several routes are taken in turn, it may have gone another way than the first, which stays seen.
    """
    if second is None or not second.reached or second.silent >= first.silent:
        return first
    return second if _shows_again(first, second) else first


def packed(order: str, count: int) -> list[str]:
    """An order of ``count`` errands as arguments of a command: a long one as gzip in base64, with a word that says so.
    Raises ValueError with a sentence where it is too long for that."""
    if len(order) <= PLAIN_ORDER:
        return [order]
    text = base64.b64encode(gzip.compress(order.encode(), mtime=0)).decode()
    if len(text) > LONGEST_ORDER:
        raise ValueError(
            f"{count:,} traces are more than one prober can be told of; choose fewer pairs for each node (plan, "
            "sample_size, families; pod_paths_plan and so on in the role)."
        )
    return [text, "packed"]


def longest(method: Method, errands: int = 1) -> int:
    """Seconds that one of a prober's errands takes at most: where nothing answers its trace, then two rounds of echoes,
    then TCP, all of it behind those of others that are as dead, and a second trace, which waits for a full bucket of
    ICMP errors; or the traces of a control, of which only the last finds nobody."""
    trace = max(method.probes * method.wait * method.max_ttl, method.wait + _LONGEST_SEARCH)
    echoes = math.ceil((method.echoes + FULL_SIZE_ECHOES) * SLOW_ECHO_INTERVAL) + 2 * method.wait
    control = trace + (CONTROL_ADDRESSES - 1) * (CONTROL_PAUSE + method.wait)
    # a peer that never listens, or one that never answers, of which the last try and another one end later
    after = echoes + LISTEN_PATIENCE + 2 * TCP_PATIENCE
    seen = max(trace + after * max(1, math.ceil(errands / LATE_AT_ONCE)), refilled(method))
    return max(seen + trace, SERVICE_PATIENCE + TCP_PATIENCE, control)


def canonical(address: str) -> str:
    """An address in its usual form; one of IPv4 that a socket of IPv6 shows, as IPv4. Raises ValueError."""
    parsed = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return str(mapped or parsed)
