# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ICMP echo with TTL 1, in both families: does a neighbour answer without any router between?

Own sockets instead of the ping command, which minimal hosts lack; needs root for the raw socket.
Building and parsing are pure. Times are seconds, except ``rtt_ms``.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

ECHO_REPLY = 0
UNREACHABLE = 3
ECHO_REQUEST = 8
TIME_EXCEEDED = 11
# ICMPv6 has other numbers for the same
ECHO_REQUEST_6 = 128
_KINDS = {
    4: {ECHO_REPLY: "reply", TIME_EXCEEDED: "router", UNREACHABLE: "unreachable"},
    6: {129: "reply", 3: "router", 1: "unreachable"},
}
_IPV6_HEAD = 40
# what a host sends with unless told otherwise
USUAL_TTL = 64

REPLY = "reply"
ROUTER = "router"
REFUSED = "unreachable"
SILENT = "silent"


@dataclass(frozen=True)
class Answer:
    """What came back for one peer: kind is reply, router (TTL exceeded), unreachable or silent, and who said so."""

    kind: str
    by: str = ""
    rtt_ms: float | None = None
    error: str = ""


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo_request(ident: int, sequence: int, family: int = 4) -> bytes:
    """An ICMP echo request; ident and sequence are 16 bit. The kernel itself writes the checksum of ICMPv6."""
    payload = b"podpath.kubeadm!"
    kind = ECHO_REQUEST if family == 4 else ECHO_REQUEST_6
    head = struct.pack("!BBHHH", kind, 0, 0, ident, sequence)
    total = checksum(head + payload) if family == 4 else 0
    return struct.pack("!BBHHH", kind, 0, total, ident, sequence) + payload


def _icmp(packet: bytes) -> bytes:
    """The ICMP part of an IPv4 packet, empty when it is none."""
    if len(packet) < 20 or packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_ICMP:
        return b""
    return packet[(packet[0] & 0xF) * 4 :]


def _caused(icmp: bytes, family: int) -> bytes:
    """The ICMP message that an error is about, empty when it is about another protocol."""
    inner = icmp[8:]
    if family == 4:
        return _icmp(inner)
    return inner[_IPV6_HEAD:] if len(inner) > _IPV6_HEAD and inner[6] == socket.IPPROTO_ICMPV6 else b""


def parse_answer(packet: bytes, ident: int, family: int = 4) -> tuple[int, str] | None:
    """(sequence, kind) when what a raw socket received answers one of our echo requests, else None.

    With IPv4 that is the whole packet, with IPv6 what follows its head.
    """
    icmp = _icmp(packet) if family == 4 else packet
    if len(icmp) < 8:
        return None
    kind = _KINDS[family].get(icmp[0])
    if kind is None:
        return None
    # An error carries the packet that caused it.
    about = icmp if kind == REPLY else _caused(icmp, family)
    request = ECHO_REQUEST if family == 4 else ECHO_REQUEST_6
    if len(about) < 8 or (kind != REPLY and about[0] != request):
        return None
    told_ident, sequence = struct.unpack("!HH", about[4:8])
    return (sequence, kind) if told_ident == ident else None


def open_socket(family: int = 4, ttl: int = 1) -> socket.socket:
    """A raw ICMP socket with this TTL; raises PermissionError without root."""
    if family == 4:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        raw.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
    else:
        raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
    return raw


def _ready(raw: Any, timeout: float) -> bool:
    return bool(select.select([raw], [], [], timeout)[0])


def reach(
    raw: Any,
    peers: Sequence[str],
    ident: int,
    timeout: float,
    family: int = 4,
    tries: int = 2,
    clock: Callable[[], float] = time.monotonic,
    ready: Callable[[Any, float], bool] = _ready,
) -> dict[str, Answer]:
    """Asks all peers at once and once more those that were silent, since one lost packet is not a broken path."""
    answers: dict[str, Answer] = {}
    for attempt in range(tries):
        sent: dict[int, tuple[str, float]] = {}
        for index, peer in enumerate(peers):
            if peer in answers and answers[peer].kind != SILENT:
                continue
            sequence = (attempt * len(peers) + index) & 0xFFFF
            try:
                raw.sendto(echo_request(ident, sequence, family), (peer, 0))
            except OSError as error:
                answers[peer] = Answer(REFUSED, error=error.strerror or str(error))
                continue
            answers[peer] = Answer(SILENT)
            sent[sequence] = (peer, clock())
        end = clock() + timeout
        waiting = set(sent)
        while waiting and clock() < end and ready(raw, max(0.0, end - clock())):
            packet, sender = raw.recvfrom(2048)
            told = parse_answer(packet, ident, family)
            if told is None or told[0] not in waiting:
                continue
            sequence, kind = told
            peer, start = sent[sequence]
            waiting.discard(sequence)
            answers[peer] = Answer(kind, sender[0], round((clock() - start) * 1000, 3))
        if not any(answer.kind == SILENT for answer in answers.values()):
            break
    return answers
