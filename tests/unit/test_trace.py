# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files under data/traceroute were printed by Debian's busybox 1.35.0 between network namespaces."""

from __future__ import annotations

import random

import pytest
from path_samples import DATA, output

from ansible_collections.podpath.kubeadm.plugins.module_utils import trace


def recorded(name):
    return trace.parse((DATA / f"{name}.txt").read_text())


def addresses(parsed):
    return [hop.addresses for hop in parsed.hops]


S1, D, D0, POD = ("10.244.1.1",), ("192.168.56.12",), ("10.244.2.0",), ("10.244.2.2",)


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("host_gw", [S1, D, POD]),
        ("vxlan", [S1, D0, POD]),
        ("limited", [S1, D, POD]),
        ("rejected", [S1, D0, D0]),
        ("prohibited", [S1, D0, D0]),
        ("dropped", [S1, D0, (), (), ()]),
        ("silent_after_first", [S1, (), (), (), ()]),
        ("silent", [(), (), (), (), ()]),
        ("no_route", [S1]),
        ("pod_gone", [S1, D, (), D]),
    ],
)
def test_what_busybox_really_prints(name, seen):
    assert addresses(recorded(name)) == seen


def test_header_times_and_notes():
    parsed = recorded("no_route")
    assert (parsed.target, parsed.max_ttl) == ("10.9.2.77", 5)
    assert parsed.hops[0].notes == ("!N",)
    assert recorded("prohibited").hops[2].notes == ("!A",)
    hop = recorded("host_gw").hop(3).as_dict()
    assert (hop["ttl"], hop["sent"], hop["received"]) == (3, 2, 2)
    assert hop["rtt_ms"]["min"] <= hop["rtt_ms"]["avg"] <= hop["rtt_ms"]["max"]


def test_lost_probes_are_counted_and_keep_their_responder():
    hop = recorded("limited").hop(2)
    assert len(hop.replies) == 9
    assert hop.as_dict()["received"] == 7
    assert hop.addresses == D


def test_an_omitted_address_is_the_last_one_printed_even_at_an_earlier_hop():
    replies = recorded("pod_gone").hop(4).replies
    assert replies[0] == trace.Reply()
    assert (replies[1].address, replies[1].note) == ("192.168.56.12", "!H")


def test_several_responders_at_one_hop():
    parsed = trace.parse(output("10.0.0.9", "  10.0.0.1  0.1 ms  10.0.0.2  0.2 ms  0.3 ms"))
    assert [reply.address for reply in parsed.hops[0].replies] == ["10.0.0.1", "10.0.0.2", "10.0.0.2"]


@pytest.mark.parametrize("note", ["!", "!N", "!H", "!P", "!S", "!A", "!X", "!C", "!V", "!F-1450", "!<9>"])
def test_every_annotation_is_known(note):
    parsed = trace.parse(output("10.0.0.9", f"  10.0.0.1  0.1 ms {note}  0.2 ms {note}"))
    assert parsed.hops[0].notes == (note,)


@pytest.mark.parametrize(
    "line",
    [
        " 1  10.0.0.1",
        " 1  10.0.0.1  0.1",
        " 1  0.1 ms",
        " 1  *  0.1 ms",
        " 1  10.0.0.1  *",
        " 1  host.example  0.1 ms",
        " 1  10.0.0.1  0.1 ms ?",
        " 1  10.0.0.1 0.1 ms",
        " 1  10.0.0.300  0.1 ms",
        " 2  10.0.0.1  0.1 ms",
        "sendto: Network is unreachable",
        " 1",
        "",
    ],
)
def test_a_line_that_is_not_known_is_an_error(line):
    with pytest.raises(trace.TraceError):
        trace.parse("traceroute to 10.0.0.9 (10.0.0.9), 5 hops max, 46 byte packets\n" + line)


@pytest.mark.parametrize("text", ["", "\n\n", "traceroute: bad address 'nosuch'\n", "traceroute to a, 5 hops max"])
def test_no_header_is_an_error(text):
    with pytest.raises(trace.TraceError):
        trace.parse(text)


def test_the_error_quotes_the_line():
    with pytest.raises(trace.TraceError, match="what is this"):
        trace.parse(output("10.0.0.9", "10.0.0.1") + " 2  what is this\n")


def test_whatever_is_printed_is_read_back():
    """Random hops, printed as busybox prints them, come back as they were."""
    source = random.Random(1)
    for _round in range(300):
        last = None
        lines = ["traceroute to 10.9.9.9 (10.9.9.9), 30 hops max, 46 byte packets"]
        wanted = []
        for ttl in range(1, source.randint(1, 30) + 1):
            line, replies = f"{ttl:2d}", []
            for probe in range(3):
                address = source.choice(["10.0.0.1", "10.0.0.2", "fd00::1", None])
                if address is None:
                    line += "  *"
                    replies.append(trace.Reply())
                    continue
                if probe == 0 or address != last:
                    line += f"  {address}"
                    last = address
                time = source.randint(1, 99999) / 1000
                note = source.choice([None, "!N", "!F-1450"])
                line += f"  {time:.3f} ms{' ' + note if note else ''}"
                replies.append(trace.Reply(address, time, note))
            lines.append(line)
            wanted.append(tuple(replies))
        assert [hop.replies for hop in trace.parse("\n".join(lines)).hops] == wanted


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        (
            "3 packets transmitted, 3 packets received, 0% packet loss\nround-trip min/avg/max = 0.08/0.1/0.13 ms",
            {"sent": 3, "received": 3, "rtt_ms": {"min": 0.08, "avg": 0.1, "max": 0.13}},
        ),
        (
            "3 packets transmitted, 2 received, 33% packet loss, time 2ms\nrtt min/avg/max/mdev = 0.1/0.2/0.3/0.01 ms",
            {"sent": 3, "received": 2, "rtt_ms": {"min": 0.1, "avg": 0.2, "max": 0.3}},
        ),
        ("3 packets transmitted, 0 packets received, 100% packet loss", {"sent": 3, "received": 0, "rtt_ms": {}}),
    ],
)
def test_echoes_of_busybox_and_iputils(summary, expected):
    assert trace.parse_echoes(f"PING 10.244.1.3\n\n--- statistics ---\n{summary}\n").as_dict() == expected


def test_an_image_without_ping_has_no_echoes():
    assert trace.parse_echoes("sh: ping: not found\n") is None
