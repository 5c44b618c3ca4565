# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a traceroute printed, as data.

Pure and strict: a line that is not known is an error that quotes it, never skipped. Times are milliseconds.

Two dialects are known, both of ``traceroute -n``; recordings lie in tests/unit/data/traceroute. A header is followed by
one line per TTL: the number, then for each probe a star, or a time with an optional annotation (!N, !H, ...).

- busybox: two spaces before everything. The responder stands before the first time and again when it changes. When the
  first probe of a hop is lost and the answer comes from the address that was printed last, be it at an earlier hop, the
  address is left out.
- butskoy (the traceroute of Debian and Fedora): one space before a star and before an address. The responder stands
  before its first time in each line and again when it changes.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_HEADER = re.compile(
    r"traceroute6? to (?P<host>\S+) \((?P<address>[^)\s]+)\), (?P<max>[0-9]{1,3}) hops max, "
    r"(?P<size>[0-9]{1,5}) byte packets"
)
_NOTE = r"!(?:[A-Z](?:-[0-9]{1,5})?|<[0-9]{1,3}>)?"
_TIME = rf"(?P<rtt>[0-9]{{1,9}}\.[0-9]{{1,9}}) ms(?: (?P<note>{_NOTE}))?"
_ADDRESS = r"(?P<address>[0-9A-Fa-f:.]+)"
# the most characters of a line that an error quotes
_QUOTED = 200


class TraceError(ValueError):
    """The output is not what a traceroute of the dialect prints; the text quotes the line."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one traceroute prints: the line of a hop, its tokens, and whether it leaves out an address printed before."""

    name: str
    hop: re.Pattern[str]
    token: re.Pattern[str]
    omits: bool


BUSYBOX = Dialect(
    "busybox",
    re.compile(r" {0,2}(?P<ttl>[0-9]{1,3})(?P<rest>  .+)"),
    re.compile(rf"  (?:(?P<star>\*)|{_TIME}|{_ADDRESS})"),
    omits=True,
)
BUTSKOY = Dialect(
    "butskoy",
    re.compile(r" {0,2}(?P<ttl>[0-9]{1,3}) (?P<rest> .+)"),
    re.compile(rf" (?P<star>\*)|  {_TIME}| {_ADDRESS}"),
    omits=False,
)
DIALECTS = {dialect.name: dialect for dialect in (BUSYBOX, BUTSKOY)}


@dataclass(frozen=True, slots=True)
class Reply:
    """One probe: who answered after how many ms, with which annotation. A lost probe has none of them."""

    address: str | None = None
    rtt_ms: float | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
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
            rtt = {"min": min(times), "median": round(statistics.median(times), 3), "max": max(times)}
        return {
            "ttl": self.ttl,
            "addresses": list(self.addresses),
            "sent": len(self.replies),
            "received": len(times),
            "rtt_ms": rtt,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Trace:
    """Hops in order of TTL, which starts at 1 and has no gaps."""

    target: str
    max_ttl: int
    hops: tuple[Hop, ...]

    def hop(self, ttl: int) -> Hop | None:
        return self.hops[ttl - 1] if 0 < ttl <= len(self.hops) else None

    @property
    def reached(self) -> bool:
        return any(self.target in hop.addresses for hop in self.hops)

    @property
    def silent(self) -> int:
        """How many hops have no answer at all."""
        return sum(1 for hop in self.hops if not hop.addresses)


def _quote(line: str) -> str:
    return repr(line if len(line) <= _QUOTED else line[:_QUOTED] + "...")


def _not_understood(line: str) -> TraceError:
    return TraceError(f"traceroute printed a line that is not understood: {_quote(line)}")


@functools.lru_cache(maxsize=65536)
def _canonical(text: str) -> str:
    return str(ipaddress.ip_address(text))


def _address(text: str, line: str) -> str:
    try:
        return _canonical(text)
    except ValueError as error:
        raise TraceError(f"traceroute printed {_quote(text)} where an address belongs: {_quote(line)}") from error


def _tokens(dialect: Dialect, rest: str, line: str) -> Iterator[re.Match[str]]:
    position = 0
    rest = rest.rstrip()
    while position < len(rest):
        match = dialect.token.match(rest, position)
        if match is None:
            raise _not_understood(line)
        yield match
        position = match.end()


def _replies(dialect: Dialect, rest: str, line: str, last: str | None) -> tuple[tuple[Reply, ...], str | None]:
    """The replies of a line, and the address that was printed last. ``last``: that of the lines before."""
    replies = []
    fresh = False
    if not dialect.omits:
        last = None
    for token in _tokens(dialect, rest, line):
        if token["address"] or token["star"]:
            if fresh:
                raise TraceError(f"traceroute printed an address without a time: {_quote(line)}")
            if token["star"]:
                replies.append(Reply())
            else:
                last, fresh = _address(token["address"], line), True
            continue
        if last is None:
            raise TraceError(f"traceroute printed a time before any address: {_quote(line)}")
        replies.append(Reply(last, float(token["rtt"]), token["note"]))
        fresh = False
    if fresh or not replies:
        raise _not_understood(line)
    return tuple(replies), last


def _parse(text: str, dialect: Dialect) -> Trace:
    lines = [line.rstrip("\r") for line in text.split("\n") if line.strip()]
    if not lines:
        raise TraceError("traceroute printed nothing.")
    header = _HEADER.fullmatch(lines[0].strip())
    if header is None:
        raise TraceError(f"traceroute printed no header: {_quote(lines[0])}")
    hops: list[Hop] = []
    last: str | None = None
    for line in lines[1:]:
        match = dialect.hop.fullmatch(line)
        if match is None:
            raise _not_understood(line)
        ttl = int(match["ttl"])
        if ttl != len(hops) + 1:
            raise TraceError(f"traceroute printed hop {ttl} where hop {len(hops) + 1} belongs: {_quote(line)}")
        replies, last = _replies(dialect, match["rest"], line, last)
        hops.append(Hop(ttl, replies))
    if not hops:
        raise TraceError(f"traceroute printed no hop after its header: {_quote(lines[0])}")
    return Trace(_address(header["address"], lines[0]), int(header["max"]), tuple(hops))


def parse(text: str, dialect: Dialect | None = None) -> Trace:
    """The output of one ``traceroute -n`` run to a Trace; raises TraceError quoting what is not understood.

    Without a dialect the one that fits is taken: where several do, they say the same.
    """
    if dialect is not None:
        return _parse(text, dialect)
    try:
        return _parse(text, BUSYBOX)
    except TraceError as first:
        try:
            return _parse(text, BUTSKOY)
        except TraceError:
            raise first from None
