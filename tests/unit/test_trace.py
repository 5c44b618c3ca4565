# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files under data/traceroute were printed by Debian's busybox 1.35.0 between network namespaces."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
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
    assert hop["rtt_ms"]["min"] <= hop["rtt_ms"]["median"] <= hop["rtt_ms"]["max"]


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


NETLAB = sorted((DATA / "netlab").glob("*.txt"))


@pytest.mark.parametrize("file", [file for file in NETLAB if ".butskoy" in file.name], ids=lambda file: file.stem)
def test_what_the_other_traceroute_really_prints(file):
    text = file.read_text()
    assert trace.parse(text) == trace.parse(text, trace.BUTSKOY)


@pytest.mark.parametrize(
    "file", [f for f in NETLAB if "busybox" in f.name and "ping" not in f.name], ids=lambda f: f.stem
)
def test_what_busybox_really_prints_with_each_fault(file):
    text = file.read_text()
    assert trace.parse(text) == trace.parse(text, trace.BUSYBOX)


def test_a_star_tells_the_dialects_apart():
    header = "traceroute to 10.0.0.9 (10.0.0.9), 5 hops max, 60 byte packets\n"
    butskoy = header + " 1  * 10.0.0.1  0.1 ms *\n"
    replies = (trace.Reply(), trace.Reply("10.0.0.1", 0.1), trace.Reply())
    assert trace.parse(butskoy).hops[0].replies == replies
    with pytest.raises(trace.TraceError):
        trace.parse(butskoy, trace.BUSYBOX)
    busybox = header + " 1  10.0.0.1  0.1 ms  *\n 2  *  0.2 ms\n"
    assert trace.parse(busybox).hops[1].replies == (trace.Reply(), trace.Reply("10.0.0.1", 0.2))
    with pytest.raises(trace.TraceError):
        trace.parse(busybox, trace.BUTSKOY)


# Whatever is printed is read back, and whatever else is printed is refused


addresses_printed = st.sampled_from(["10.0.0.1", "10.0.0.2", "192.168.56.12", "fd00::1", "fd00:244:1::"])
times = st.integers(0, 9_999_999).map(lambda thousandths: thousandths / 1000)
notes = st.sampled_from([None, "!", "!N", "!H", "!A", "!X", "!F-1450", "!<13>"])
replies = st.one_of(st.just(trace.Reply()), st.builds(trace.Reply, addresses_printed, times, notes))
traces = st.builds(
    lambda target, hops: trace.Trace(
        target, 30, tuple(trace.Hop(ttl, tuple(replies)) for ttl, replies in enumerate(hops, 1))
    ),
    addresses_printed,
    st.lists(st.lists(replies, min_size=1, max_size=6), min_size=1, max_size=12),
)


def rendered(wanted, dialect):
    """A trace as a dialect prints it."""
    lines = [f"traceroute to {wanted.target} ({wanted.target}), {wanted.max_ttl} hops max, 46 byte packets"]
    last = None
    for hop in wanted.hops:
        line = f"{hop.ttl:2d}" + ("" if dialect is trace.BUSYBOX else " ")
        own = None
        for number, reply in enumerate(hop.replies):
            if reply.address is None:
                line += "  *" if dialect is trace.BUSYBOX else " *"
                continue
            if dialect is trace.BUSYBOX:
                line += f"  {reply.address}" if number == 0 or reply.address != last else ""
            elif reply.address != own:
                line += f" {reply.address}"
            last = own = reply.address
            line += f"  {reply.rtt_ms:.3f} ms" + (f" {reply.note}" if reply.note else "")
        lines.append(line)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("dialect", trace.DIALECTS.values(), ids=lambda dialect: dialect.name)
@given(wanted=traces)
def test_whatever_is_printed_is_read_back(dialect, wanted):
    assert trace.parse(rendered(wanted, dialect), dialect) == wanted
    assert trace.parse(rendered(wanted, dialect)) == wanted


@given(wanted=traces, dialect=st.sampled_from(list(trace.DIALECTS.values())), data=st.data())
def test_a_line_that_was_spoilt_never_ends_in_anything_but_a_sentence(wanted, dialect, data):
    text = rendered(wanted, dialect)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 8)))
    spoilt = text[:start] + data.draw(st.text(max_size=4)) + text[end:]
    with contextlib.suppress(trace.TraceError):
        trace.parse(spoilt)


@given(text=st.one_of(st.text(), st.text(alphabet="0123456789.*! msNHF-:abf()\n")))
def test_noise_never_ends_in_anything_but_a_sentence(text):
    header = "traceroute to 10.0.0.9 (10.0.0.9), 5 hops max, 46 byte packets\n"
    for noise in (text, header + text):
        for dialect in (None, *trace.DIALECTS.values()):
            with contextlib.suppress(trace.TraceError):
                trace.parse(noise, dialect)
