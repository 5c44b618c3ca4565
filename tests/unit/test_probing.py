# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long an errand may take: a run that waits less cuts off probers whose answers never come, just where they count.

The unprivileged prober runs here against a clock of its own, with nobody there.
"""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from path_samples import output

from ansible_collections.podpath.kubeadm.plugins.module_utils import api, plan, prober, probing
from ansible_collections.podpath.kubeadm.plugins.module_utils import probe_agent as agent
from ansible_collections.podpath.kubeadm.plugins.module_utils.agent_output import AgentWay
from ansible_collections.podpath.kubeadm.plugins.module_utils.probe_shell import ShellWay
from ansible_collections.podpath.kubeadm.plugins.module_utils.trace import parse

METHODS = [
    plan.Method(),
    plan.Method(probes=1, max_ttl=1, echoes=1),
    plan.Method(probes=6, max_ttl=20),
    plan.Method(wait=5, echoes=100),
]


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Silent:
    """A line on which nothing ever answers; ``sent``: the TTL of each packet."""

    def __init__(self, family, address, port):
        self.sent, self.answers, self.icmp = {}, {}, True

    def send(self, number, ttl=None, size=60, payload=b""):
        self.sent[number] = ttl

    def unfragmented(self):
        pass

    def listen(self, seconds, enough=None):
        agent.time.sleep(max(0, seconds))

    def close(self):
        pass


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(agent, "time", SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep))
    monkeypatch.setattr(agent, "Line", Silent)
    monkeypatch.setattr(agent, "datagrams", lambda errand, mtu: None)
    monkeypatch.setattr(agent, "device_mtu", lambda: 1450)
    return clock


def order(method, errand):
    return json.loads(AgentWay().probe_command(method, [errand])[-1])


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("kind", [probing.PAIR, probing.CONTROL, probing.SERVICE])
def test_an_errand_without_any_answer_ends_while_the_run_still_waits(monkeypatch, clock, method, kind):
    first = []

    def connect(address, port, patience):
        # the peer does not listen as long as that is borne, and then a filter takes what is sent to it
        first.append(clock.now)
        refused = clock.now < first[0] + probing.LISTEN_PATIENCE - 0.1
        clock.sleep(0 if refused else patience)
        return {"connected": False, "refused": refused}

    monkeypatch.setattr(agent, "connect", connect)
    errand = probing.Errand(kind, "node-2", "ipv4", "10.244.2.2", 0, 40000, method.max_ttl)
    told = order(method, errand)
    seen = agent.run_errand(told["errands"][0], told["method"])
    if kind == probing.PAIR:
        agent.look_closer(told["errands"][0], told["method"], seen)
    assert clock.now - 100 <= probing.longest(method)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_control_among_pods_ends_while_the_run_still_waits(monkeypatch, clock, method):
    def trace(errand, method, patient):
        clock.sleep(method["wait"])
        return {"target": errand["address"], "hops": [[{"address": errand["address"]}]]}

    monkeypatch.setattr(agent, "trace", trace)
    spares = tuple(str(number) for number in range(1, probing.CONTROL_ADDRESSES))
    told = order(method, probing.Errand(probing.CONTROL, "node-2", "ipv4", "0", 0, 40000, method.max_ttl, spares))
    agent.run_errand(told["errands"][0], told["method"])
    assert clock.now - 100 <= probing.longest(method)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_busyboxs_traceroute_and_pings_one_after_the_other_end_as_well(method):
    trace = method.probes * method.wait * method.max_ttl
    counts = (method.echoes, probing.FULL_SIZE_ECHOES)
    pings = sum((count - 1) * probing.SLOW_ECHO_INTERVAL + method.wait for count in counts)
    assert trace + pings + probing.LISTEN_PATIENCE + probing.TCP_PATIENCE <= probing.longest(method)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_pods_outlive_the_slowest_errand_of_the_last_start(method):
    # an API that hangs when they have started, too
    assert prober.lifetime(120, 40, method) > 120 + api.LONGEST_LOOK + 40 + probing.longest(method)


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize("count", [1, 1000])
def test_a_second_trace_ends_while_the_run_still_waits(method, count):
    """The first one may find a hop silent whatever else is dead, and the last start is that of the longest wait."""
    trace = max(method.probes * method.wait * method.max_ttl, agent.NEIGHBOUR_PATIENCE)
    errands = [probing.Errand(probing.PAIR, "node-2", "ipv4", "10.244.2.2", 40)] * count
    assert probing.refilled(method, errands) + trace <= 40 + probing.longest(method, count)
    once = trace + method.echoes * probing.SLOW_ECHO_INTERVAL + 2 * method.wait + 2 * probing.TCP_PATIENCE
    assert once + trace <= probing.longest(method, count)


def test_a_second_trace_waits_until_a_loop_has_drawn_its_errors_and_the_bucket_is_full():
    def seconds(families, **changes):
        errands = [probing.Errand(probing.PAIR, "node-2", family, "::1", 3) for family in families]
        return probing.refilled(plan.Method(**changes), errands) - probing.calm(errands)

    # ten errors of a trace, and those of echoes for two seconds
    assert seconds(["ipv4"]) == 12
    assert seconds(["ipv6"]) == 1 + 2, "a bucket of IPv6 is filled ten times as fast"
    assert seconds(["ipv4", "ipv6"]) == 12
    assert seconds(["ipv4"], max_ttl=7, echoes=100) == 14 + 20
    assert seconds(["ipv4"], probes=1, max_ttl=1, echoes=5) == plan.BURST + 1


@pytest.mark.parametrize("probes", range(1, plan.BURST + 1))
def test_second_traces_find_the_bucket_full_enough(probes):
    assert 0 < probing.second_traces(plan.Method(probes=probes)) * probes <= plan.BURST


def test_of_very_many_dead_pairs_the_run_waits_for_those_that_wait_for_others():
    one, many = (probing.longest(plan.Method(), errands) for errands in (probing.LATE_AT_ONCE, 1000))
    # an echo of each size and a connection, without an answer
    assert many - one > (1000 / probing.LATE_AT_ONCE - 1) * (2 * plan.Method().wait + probing.TCP_PATIENCE)
    lifetimes = [prober.lifetime(120, 40, plan.Method(), errands) for errands in (1, 1000)]
    assert lifetimes[1] - lifetimes[0] == many - one


@pytest.mark.parametrize("way", [AgentWay(), ShellWay()], ids=lambda way: way.name)
@pytest.mark.parametrize("count", [1000, 2400])
def test_an_order_of_very_many_errands_fits_an_argument_and_a_url(way, count):
    errands = [
        probing.Errand(probing.PAIR, f"node-{n}", "ipv6", f"fd00:10:244:{n:x}::1a3", n // 3, 33434 + 11 * n, 5)
        for n in range(count)
    ]
    *_before, text, form = way.probe_command(plan.Method(), errands)
    assert form == "packed"
    assert len(text) < 20 * count
    plain = agent.unpacked(text, form)
    assert all(errand.address in plain for errand in errands)
    assert max(map(len, way.probe_command(plan.Method(), errands))) < 128 * 1024


def test_an_order_that_no_argument_can_hold_is_a_sentence(monkeypatch):
    monkeypatch.setattr(probing, "LONGEST_ORDER", 1000)
    errands = [probing.Errand(probing.PAIR, "node-1", "ipv4", f"10.244.{n}.7", n, 1, 5) for n in range(1000)]
    with pytest.raises(ValueError, match=r"1,000 traces.*sample_size"):
        ShellWay().probe_command(plan.Method(), errands)


def test_echoes_are_spread_though_all_are_answered_at_once(monkeypatch, clock):
    """Loss comes in bursts, and ten echoes within a millisecond would be one measurement."""

    class Prompt(Silent):
        def listen(self, seconds, enough=None):
            self.answers = {number: {"address": "10.0.0.2", "ms": 0.1, "ttl": 62} for number in self.sent}

    monkeypatch.setattr(agent, "Line", Prompt)
    told = agent.echoes({"family": "ipv4", "address": "10.0.0.2", "peer_port": 1}, 10, 1, None, probing.ECHO_INTERVAL)
    assert (told["sent"], told["received"], round(clock.now - 100, 3)) == (10, 10, 0.9)


# Which of two traces counts

BRIDGE, FAR, STRANGER, POD = "10.244.1.1", "192.168.56.12", "192.168.56.99", "10.244.2.3"
REFUSED = f"  {FAR}  0.050 ms !X  0.050 ms !X"


@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [
        ((None, FAR, POD), (BRIDGE, FAR, POD), "second"),
        ((None, None, POD), (None, FAR, POD), "second"),
        # one leg of two goes over another router: the packets of the second trace have taken the other
        ((BRIDGE, None, FAR, POD), (BRIDGE, FAR, POD), "first"),
        ((None, STRANGER, POD), (BRIDGE, FAR, POD), "first"),
        ((None, f"  {STRANGER}  0.050 ms  {FAR}  0.050 ms", POD), (BRIDGE, FAR, POD), "first"),
        ((None, REFUSED, POD), (BRIDGE, FAR, POD), "first"),
        ((None, FAR, POD), (None, FAR, POD), "first"),
        ((None, FAR, POD), (BRIDGE, FAR, None), "first"),
    ],
)
def test_a_second_trace_takes_nothing_from_what_the_first_one_showed(first, second, counts):
    traces = {name: parse(output(POD, *hops)) for name, hops in (("first", first), ("second", second))}
    assert probing.better(traces["first"], traces["second"]) is traces[counts]


# The trace of the unprivileged prober

ERRAND = {"family": "ipv4", "address": "10.244.2.2", "port": 40000, "max_ttl": 5}


@pytest.mark.parametrize(
    ("answer", "sent"),
    [
        ({"address": "10.244.1.1", "ms": 0.1, "note": "!N", "last": True}, [1, 1]),
        # on a node the pod itself
        ({"address": "10.244.2.2", "ms": 0.1, "note": "", "last": True}, [1, 1]),
        ({"address": "10.244.1.1", "ms": 0.1, "note": ""}, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]),
        (None, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]),
    ],
)
def test_a_trace_whose_first_router_says_its_last_word_sends_nothing_more(monkeypatch, clock, answer, sent):
    lines = []

    class Answering(Silent):
        def listen(self, seconds, enough=None):
            super().listen(seconds)
            lines[:] = [self]
            if answer:
                self.answers[0] = answer

    monkeypatch.setattr(agent, "Line", Answering)
    hops = agent.trace(ERRAND, {"probes": 2, "wait": 1}, True)["hops"]
    assert list(lines[0].sent.values()) == sent
    assert len(hops) == sent[-1]
