# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What busybox's traceroute printed, as data.

Pure and strict: a line that is not known is an error that quotes it, never skipped. Times are milliseconds.

The dialect (busybox 1.35, recorded in tests/unit/data/traceroute): a header; per TTL the number, then for each probe
either a star or a time with an optional annotation (!N, !H, ...), two spaces before each. The responder stands before
the first time and again when it changes. When the first probe of a hop is lost and the answer comes from the address
that was printed last, be it at an earlier hop, the address is left out.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_HEADER = re.compile(
    r"traceroute to (?P<host>\S+) \((?P<address>[^)\s]+)\), (?P<max>\d+) hops max, (?P<size>\d+) byte packets"
)
_HOP = re.compile(r"\s{0,2}(?P<ttl>\d+)(?P<rest>  .+)")
_TOKEN = re.compile(
    r"  (?:(?P<star>\*)|(?P<rtt>\d+\.\d+) ms(?: (?P<note>!(?:[A-Z](?:-\d+)?|<\d+>)?))?|(?P<address>[0-9A-Fa-f:.]+))"
)
# "3 packets transmitted, 3 packets received" (busybox), "3 packets transmitted, 3 received" (iputils), and then
# "round-trip min/avg/max = 0.1/0.2/0.3 ms" or "rtt min/avg/max/mdev = 0.1/0.2/0.3/0.0 ms"
_ECHO_COUNTS = re.compile(r"(?P<sent>\d+) packets transmitted, (?P<received>\d+) (?:packets )?received")
_ECHO_TIMES = re.compile(r"min/avg/max\S* = (?P<min>[\d.]+)/(?P<avg>[\d.]+)/(?P<max>[\d.]+)")


class TraceError(ValueError):
    """The output is not what busybox's traceroute prints; the text quotes the line."""


@dataclass(frozen=True)
class Reply:
    """One probe: who answered after how many ms, with which annotation. A lost probe has none of them."""

    address: str | None = None
    rtt_ms: float | None = None
    note: str | None = None


@dataclass(frozen=True)
class Hop:
    ttl: int
    replies: tuple[Reply, ...]

    @property
    def addresses(self) -> tuple[str, ...]:
        """Who answered, in order, each once."""
        return tuple(dict.fromkeys(reply.address for reply in self.replies if reply.address))

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(reply.note for reply in self.replies if reply.note))

    @property
    def times(self) -> tuple[float, ...]:
        return tuple(reply.rtt_ms for reply in self.replies if reply.rtt_ms is not None)

    def as_dict(self) -> dict[str, Any]:
        times = self.times
        rtt = {}
        if times:
            rtt = {"min": min(times), "avg": round(sum(times) / len(times), 3), "max": max(times)}
        return {
            "ttl": self.ttl,
            "addresses": list(self.addresses),
            "sent": len(self.replies),
            "received": len(times),
            "rtt_ms": rtt,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Trace:
    """Hops in order of TTL, which starts at 1 and has no gaps."""

    target: str
    max_ttl: int
    hops: tuple[Hop, ...]

    def hop(self, ttl: int) -> Hop | None:
        return self.hops[ttl - 1] if 0 < ttl <= len(self.hops) else None


@dataclass(frozen=True)
class Echoes:
    """ICMP echoes to the destination: how many were sent and answered, and the times of the answers in ms."""

    sent: int
    received: int
    rtt_ms: tuple[float, float, float] | None = None

    def as_dict(self) -> dict[str, Any]:
        rtt = dict(zip(("min", "avg", "max"), self.rtt_ms, strict=True)) if self.rtt_ms else {}
        return {"sent": self.sent, "received": self.received, "rtt_ms": rtt}


def parse_echoes(text: str) -> Echoes | None:
    """The summary of ``ping -q``, busybox's or iputils'; None where there is none, as with an image without ping.

    Unlike a hop, a missing latency changes no verdict, so what is not understood is no error here.
    """
    counts = _ECHO_COUNTS.search(text)
    if counts is None:
        return None
    times = _ECHO_TIMES.search(text)
    rtt = (float(times["min"]), float(times["avg"]), float(times["max"])) if times else None
    return Echoes(int(counts["sent"]), int(counts["received"]), rtt)


def _address(text: str, line: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise TraceError(f"traceroute printed {text!r} where an address belongs: {line!r}") from error


def _tokens(rest: str, line: str) -> Iterator[re.Match[str]]:
    position = 0
    rest = rest.rstrip()
    while position < len(rest):
        match = _TOKEN.match(rest, position)
        if match is None:
            raise TraceError(f"traceroute printed a line that is not understood: {line!r}")
        yield match
        position = match.end()


def _replies(rest: str, line: str, last: str | None) -> tuple[tuple[Reply, ...], str | None]:
    replies = []
    fresh = False
    for token in _tokens(rest, line):
        if token["address"]:
            if fresh:
                raise TraceError(f"traceroute printed an address without a time: {line!r}")
            last, fresh = _address(token["address"], line), True
            continue
        if token["star"]:
            if fresh:
                raise TraceError(f"traceroute printed an address without a time: {line!r}")
            replies.append(Reply())
            continue
        if last is None:
            raise TraceError(f"traceroute printed a time before any address: {line!r}")
        replies.append(Reply(last, float(token["rtt"]), token["note"]))
        fresh = False
    if fresh or not replies:
        raise TraceError(f"traceroute printed a line that is not understood: {line!r}")
    return tuple(replies), last


def parse(text: str) -> Trace:
    """The output of one ``traceroute -n`` run to a Trace; raises TraceError quoting what is not understood."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise TraceError("traceroute printed nothing.")
    header = _HEADER.fullmatch(lines[0].strip())
    if header is None:
        raise TraceError(f"traceroute printed no header: {lines[0]!r}")
    hops: list[Hop] = []
    last: str | None = None
    for line in lines[1:]:
        match = _HOP.fullmatch(line)
        if match is None:
            raise TraceError(f"traceroute printed a line that is not understood: {line!r}")
        ttl = int(match["ttl"])
        if ttl != len(hops) + 1:
            raise TraceError(f"traceroute printed hop {ttl} where hop {len(hops) + 1} belongs: {line!r}")
        replies, last = _replies(match["rest"], line, last)
        hops.append(Hop(ttl, replies))
    if not hops:
        raise TraceError(f"traceroute printed no hop after its header: {lines[0]!r}")
    return Trace(_address(header["address"], lines[0]), int(header["max"]), tuple(hops))
