# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
import struct

import pytest
from fake_cluster import Clock

from ansible_collections.podpath.kubeadm.plugins.module_utils import reach

IDENT = 4711


def packet(icmp: bytes, options: bytes = b"") -> bytes:
    """An IPv4 packet around an ICMP message."""
    words = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | words, 0, 0, 0, 0, 64, socket.IPPROTO_ICMP, 0, b"\1\2\3\4", b"\5\6\7\10")
    return head + options + icmp


def reply_to(request: bytes) -> bytes:
    return bytes([reach.ECHO_REPLY]) + request[1:]


def error_about(kind: int, request: bytes) -> bytes:
    return struct.pack("!BBHI", kind, 0, 0, 0) + packet(request)


def test_a_request_is_what_the_kernel_accepts():
    request = reach.echo_request(IDENT, 7)
    assert request[0] == 8
    assert reach.checksum(request) == 0
    assert reach.checksum(b"\xff") == 0x00FF


REQUEST = reach.echo_request(IDENT, 7)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (packet(reply_to(REQUEST)), (7, "reply")),
        (packet(reply_to(REQUEST), options=b"\0" * 8), (7, "reply")),
        (packet(error_about(11, REQUEST)), (7, "router")),
        (packet(error_about(3, REQUEST)), (7, "unreachable")),
        (packet(REQUEST), None),
        (packet(reply_to(reach.echo_request(IDENT + 1, 7))), None),
        (packet(error_about(11, reply_to(REQUEST))), None),
        (packet(struct.pack("!BBHI", 11, 0, 0, 0)), None),
        (packet(b""), None),
        (b"", None),
        (b"\x60" + b"\0" * 40, None),
    ],
)
def test_answers_are_told_from_the_rest(data, wanted):
    assert reach.parse_answer(data, IDENT) == wanted


REQUEST_6 = reach.echo_request(IDENT, 7, 6)
HEAD_6 = struct.pack("!IHBB32s", 6 << 28, len(REQUEST_6), socket.IPPROTO_ICMPV6, 1, b"")


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (bytes([129]) + REQUEST_6[1:], (7, "reply")),
        (struct.pack("!BBHI", 3, 0, 0, 0) + HEAD_6 + REQUEST_6, (7, "router")),
        (struct.pack("!BBHI", 1, 0, 0, 0) + HEAD_6 + REQUEST_6, (7, "unreachable")),
        (REQUEST_6, None),
        # a neighbour asks for an address
        (struct.pack("!BBHI", 135, 0, 0, 0), None),
        (struct.pack("!BBHI", 3, 0, 0, 0) + HEAD_6[:20], None),
        (b"", None),
    ],
)
def test_answers_of_ipv6_come_without_the_packets_head(data, wanted):
    assert reach.parse_answer(data, IDENT, 6) == wanted


class Wire:
    """A socket whose peers answer by a script: address -> reply, router, unreachable, silent, late, refused."""

    def __init__(self, **behaviour):
        self.behaviour = {name.replace("_", "."): how for name, how in behaviour.items()}
        self.queue = []
        self.asked = []

    def sendto(self, data, to):
        address = to[0]
        how = self.behaviour["ip" + address]
        self.asked.append(address)
        if how == "refused":
            raise OSError(101, "Network is unreachable")
        if how == "late" and self.asked.count(address) == 1:
            return
        if how in ("reply", "late"):
            self.queue.append((packet(reply_to(data)), (address, 0)))
        elif how == "router":
            self.queue.append((packet(error_about(11, data)), ("10.0.0.254", 0)))

    def recvfrom(self, _size):
        return self.queue.pop(0)


def asked(wire, *peers):
    clock = Clock()

    def ready(_raw, timeout):
        if wire.queue:
            clock.now += 0.001
            return True
        clock.now += timeout
        return False

    return reach.reach(wire, peers, IDENT, 1.0, clock=clock, ready=ready)


def test_all_peers_are_asked_at_once():
    wire = Wire(ip1_1_1_1="reply", ip1_1_1_2="reply")
    answers = asked(wire, "1.1.1.1", "1.1.1.2")
    assert [(a.kind, a.by) for a in answers.values()] == [("reply", "1.1.1.1"), ("reply", "1.1.1.2")]
    assert wire.asked == ["1.1.1.1", "1.1.1.2"]
    assert answers["1.1.1.2"].rtt_ms == pytest.approx(2.0)


def test_only_a_silent_peer_is_asked_again():
    wire = Wire(ip1_1_1_1="reply", ip1_1_1_2="late", ip1_1_1_3="silent")
    answers = asked(wire, "1.1.1.1", "1.1.1.2", "1.1.1.3")
    assert [a.kind for a in answers.values()] == ["reply", "reply", "silent"]
    assert wire.asked.count("1.1.1.1") == 1
    assert wire.asked.count("1.1.1.3") == 2


def test_a_router_between_and_a_missing_route_are_told():
    answers = asked(Wire(ip1_1_1_1="router", ip1_1_1_2="refused"), "1.1.1.1", "1.1.1.2")
    assert (answers["1.1.1.1"].kind, answers["1.1.1.1"].by) == ("router", "10.0.0.254")
    assert (answers["1.1.1.2"].kind, answers["1.1.1.2"].error) == ("unreachable", "Network is unreachable")


def test_nobody_to_ask_is_no_wait():
    assert asked(Wire()) == {}
