# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unprivileged prober and peer: real processes on the loopback device."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import (
    agent_output,
    evidence_verdict,
    plan,
    pods,
    probe_agent,
    probing,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.agent_output import AgentWay
from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import Tcp
from ansible_collections.podpath.kubeadm.plugins.module_utils.probing import CONTROL, PAIR, SERVICE, Errand

WAY = AgentWay()
SETTINGS = pods.Settings(
    "c0ffee00", "default", "busybox:1", plan.Method(echoes=2), wait_timeout=60, lifetime=60, agent_image="python:3"
)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Pod:
    """The environment of a pod, and its commands run as it would run them."""

    def __init__(self, node: str, directory, port: int) -> None:
        directory.mkdir()
        directory.chmod(0o777)
        program = WAY.program(SETTINGS)
        self.environment = {
            **program.environment,
            "PODPATH_DIR": str(directory),
            "PODPATH_RUN": SETTINGS.run_id,
            "PODPATH_NODE": node,
            "PODPATH_PORT": str(port),
            "PODPATH_LIFETIME": "60",
        }
        self.commands = program.commands

    def start(self, command) -> subprocess.Popen:
        return subprocess.Popen([sys.executable, *command[1:]], env=self.environment, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def port(monkeypatch):
    port = free_port()
    monkeypatch.setattr(agent_output, "PEER_PORT", port)
    return port


@pytest.fixture
def peer(tmp_path, port):
    pod = Pod("node-2", tmp_path / "peer", port)
    process = pod.start(pod.commands["peer"])
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert time.monotonic() < deadline, "the peer does not listen"
    yield pod
    process.terminate()
    # a container's first process that takes no SIGTERM makes every removal wait for the kill
    assert process.wait(5) == 0


def probe(tmp_path, port: int, errands: list[Errand]):
    prober = Pod("node-1", tmp_path / "prober", port)
    said, _nothing = prober.start(WAY.probe_command(SETTINGS.method, errands)).communicate(timeout=30)
    return WAY.read(said, "", errands, SETTINGS)


@pytest.mark.parametrize(("family", "address"), [("ipv4", "127.0.0.1"), ("ipv6", "::1")])
def test_prober_and_peer_see_each_other(tmp_path, peer, port, family, address):
    if family == "ipv6" and not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("this machine has no IPv6")
    errands = [
        Errand(PAIR, "node-2", family, address, 0, 40000, 3),
        Errand(SERVICE, "", family, address, 0, port),
        Errand(CONTROL, "node-3", family, address, 0, 41000, 3),
    ]
    pair, service, control = probe(tmp_path, port, errands)
    seen = pair.observation
    assert [hop.addresses for hop in seen.trace.hops] == [(address,)]
    assert (seen.echoes.sent, seen.echoes.received) == (2, 2)
    assert seen.arrival.source == address
    assert seen.arrival.sources == {"udp": address, "tcp": address}
    assert seen.arrival.ttl == 64
    assert seen.tcp.connected
    assert service.served_by == "node-2"
    assert control.observation.trace.hops[0].addresses == (address,)
    output, _nothing = peer.start(WAY.peer_command()).communicate(timeout=10)
    heard = WAY.read_peer(output, "", {("node-1", family): address})
    assert heard.arrivals[("node-1", family)].source == address


def of_peer(**changes):
    """What a peer says to a connection."""
    return json.dumps({"run": SETTINGS.run_id, "node": "node-2", "source": "127.0.0.1", "records": [], **changes})


NOT_OURS = ["0", "[1]", '"sequence"', '["sequence"]', "null", "{}", "[" * 50_000, '{"records": [1]}']


@pytest.mark.parametrize("said", [*NOT_OURS, '{"sequence": [1]}', of_peer(**{"from": ["node-1"], "family": "ipv4"})])
def test_a_strangers_datagram_leaves_the_peer_at_its_work(tmp_path, peer, port, said):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.connect(("127.0.0.1", port))
        stranger.settimeout(0.1)
        deadline, echo = time.monotonic() + 10, b""
        while not echo:
            assert time.monotonic() < deadline, "it sends no echo back"
            # not yet
            with contextlib.suppress(OSError):
                stranger.send(b'{"sequence": 0}')
                echo = stranger.recv(100)
        stranger.send(said.encode())
    (pair,) = probe(tmp_path, port, [Errand(PAIR, "node-2", "ipv4", "127.0.0.1", 0, 40000, 3)])
    assert pair.observation.tcp.connected
    assert pair.observation.arrival.size > 0


@pytest.mark.parametrize(
    "said",
    [*NOT_OURS, "", "<html>", of_peer(run="other"), of_peer(records=[1]), of_peer(records=None), of_peer(node=2)],
)
def test_somebody_else_at_a_peers_address_is_told_and_keeps_nobody_waiting(monkeypatch, said):
    monkeypatch.setenv("PODPATH_RUN", SETTINGS.run_id)
    monkeypatch.setenv("PODPATH_NODE", "node-1")

    def serve():
        connection, _origin = stranger.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(said.encode())

    with socket.create_server(("127.0.0.1", 0)) as stranger:
        threading.Thread(target=serve, daemon=True).start()
        told = probe_agent.connect("127.0.0.1", stranger.getsockname()[1], 3)
    assert told == {"connected": False, "problem": "Somebody else answers at 127.0.0.1."}
    assert evidence_verdict._STRANGER.search(told["problem"]), "the verdict goes by it"


@pytest.mark.parametrize("said", [*NOT_OURS, '{"sequence": [1]}', '{"sequence": "0"}'])
def test_a_strangers_answer_to_an_echo_by_udp_is_none(no_ping_sockets, said):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        line = probe_agent.Line("ipv4", "127.0.0.1", stranger.getsockname()[1])
        try:
            line.send(0, payload=b"{}")
            stranger.sendto(said.encode(), stranger.recvfrom(2048)[1])
            line.listen(0.1)
            assert line.answers == {}
        finally:
            line.close()


def test_an_errand_that_fails_in_a_way_that_nobody_foresaw_is_told_and_the_others_go_on(monkeypatch, capsys):
    def trace(errand, method, patient):
        if errand["port"] == 40000:
            raise KeyError("hops")
        return {"target": errand["address"], "max_ttl": 3, "hops": [[None]], "protocol": "icmp"}

    # a thread that dies says so
    monkeypatch.setattr(threading, "excepthook", lambda given: None)
    monkeypatch.setattr(probe_agent, "trace", trace)
    errands = [Errand(CONTROL, "node-2", "ipv4", POD, 0, 40000 + number, 3) for number in range(2)]
    order = json.loads(WAY.probe_command(SETTINGS.method, errands)[-1])
    proof = threading.Thread(target=probe_agent.probe, args=(order,), daemon=True)
    proof.start()
    proof.join(10)
    assert not proof.is_alive()
    failed, sound = WAY.read(capsys.readouterr().out, "", errands, SETTINGS)
    assert "KeyError('hops')" in failed.observation.problem
    assert sound.observation.trace


def connected(**more):
    """An answer to a prober that reached its peer by TCP, and by no datagram."""
    said = {"run": SETTINGS.run_id, "node": "node-2", "source": "10.244.1.2", "records": []}
    told = {
        "number": 0,
        "trace": {"target": "10.244.2.2", "max_ttl": 3, "hops": [[None]], "protocol": "icmp"},
        "echoes": {"sent": 1, "received": 1, "ms": [0.1], "ttls": [62], "protocol": "icmp"},
        "tcp": {"connected": True, "ms": 0.1, "said": said},
        **more,
    }
    (answer,) = WAY.read(json.dumps(told), "", [Errand(PAIR, "node-2", "ipv4", "10.244.2.2", 0, 1, 3)], SETTINGS)
    return answer


def test_a_prober_that_has_nothing_to_tell_says_that_it_works(monkeypatch, capsys):
    """A load balancer in front of an API server cuts a silent stream off."""
    traced = {"target": "10.0.0.1", "max_ttl": 1, "hops": [[None]], "protocol": "icmp"}
    monkeypatch.setattr(probe_agent, "trace", lambda *given: time.sleep(0.5) or traced)
    errands = [Errand(CONTROL, "a", "ipv4", "10.0.0.1", start, 1, 1) for start in (0, 1)]
    order = json.loads(WAY.probe_command(SETTINGS.method, errands)[-1])
    order["method"]["alive_interval"] = 0.1
    probe_agent.probe(order)
    output = capsys.readouterr().out
    lines = output.splitlines()
    assert lines[:2] == ['{"alive": true}'] * 2
    assert lines[-2] == '{"alive": true}', "also before a later errand"
    assert 8 <= lines.count('{"alive": true}') <= 15
    assert WAY.finished(output) == [0, 1]
    assert all(answer.observation.trace for answer in WAY.read(output, "", errands, SETTINGS))


TRACE = {"target": "10.244.2.2", "max_ttl": 3, "hops": [[None]], "protocol": "icmp"}
SAID = {"run": SETTINGS.run_id, "node": "node-2", "source": "10.244.1.2", "records": []}
RECORD = {"from": "node-1", "family": "ipv4", "source": "10.244.1.2", "ttl": 62, "size": 120}


@pytest.mark.parametrize(
    ("told", "quoted"),
    [
        ({"trace": {**TRACE, "target": "nobody"}}, "'nobody'"),
        ({"trace": {**TRACE, "hops": 3}}, "TypeError"),
        ({"trace": {}}, "hops"),
        ({"trace": []}, "TypeError"),
        # what JSON of Python's takes, and no whole number is
        ({"trace": {**TRACE, "max_ttl": float("inf")}}, "OverflowError"),
        ({"tcp": {"connected": True, "ms": 0.1, "said": {**SAID, "source": "unknown"}}}, "'unknown'"),
        ({"tcp": {"connected": True, "ms": "soon", "said": SAID}}, "'soon'"),
        ({"tcp": {"connected": True, "ms": 1, "said": {**SAID, "records": [{**RECORD, "ttl": "few"}]}}}, "'few'"),
        ({"tcp": None}, "NoneType"),
        ({"echoes": {"sent": 1, "received": 1, "ms": ["x"], "ttls": [62], "protocol": "icmp"}}, "'x'"),
    ],
)
def test_what_our_program_never_tells_costs_its_pair_only(told, quoted):
    answer = connected(**told)
    assert quoted in answer.unread
    assert answer.observation.trace is None


@pytest.mark.parametrize("line", ['{"number": [1]}', '{"number": "0"}', '{"number": null}', "{}", "[0]",
                                  "[" * 100_000])
def test_a_line_that_is_of_no_errand_is_none(line):
    assert WAY.finished(line) == []
    (answer,) = WAY.read(line, "", [Errand(CONTROL, "a", "ipv4", "10.0.0.1", 0, 1, 1)], SETTINGS)
    assert "ended before this trace's" in answer.observation.problem


@pytest.mark.parametrize("line", [{}, {**RECORD, "from": ["node-1"]}, {**RECORD, "source": "unknown"}])
def test_what_a_peer_never_records_cannot_be_read(line):
    with pytest.raises(ValueError, match=r".+"):
        WAY.read_peer(json.dumps(line) + "\ndone\n", "", {("node-1", "ipv4"): "10.244.1.2"})


def test_datagrams_that_did_not_come_are_not_hidden_by_a_connection_that_did():
    """As where UDP is filtered between pods: the agent's trace and echoes are ICMP, and would all be right."""
    answer = connected()
    assert (answer.observation.arrival.source, answer.observation.arrival.size) == ("10.244.1.2", 0)


def test_a_refusal_of_datagrams_is_told(monkeypatch, port):
    monkeypatch.setenv("PODPATH_RUN", "c0ffee00")
    monkeypatch.setenv("PODPATH_NODE", "node-1")
    errand = {"family": "ipv4", "address": "127.0.0.1", "peer_port": port}
    assert probe_agent.datagrams(errand, None, 5) == "Connection refused"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", port))
        assert probe_agent.datagrams(errand, None, 0) == ""
    answer = connected(refused="Connection refused")
    assert answer.observation.arrival.refused == "Connection refused"


def test_a_connection_that_is_not_answered_is_remembered_with_its_handshake(tmp_path, peer, port):
    """As by a slow peer: what came of it is only known from the kernel, which may forget it."""
    connection = socket.create_connection(("127.0.0.1", port))
    deadline = time.monotonic() + 10
    kept = tmp_path / "peer" / "connections"
    while not (kept.exists() and "=seen" in kept.read_text()):
        assert time.monotonic() < deadline, "it keeps nothing"
        time.sleep(0.1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    output, _nothing = peer.start(WAY.peer_command()).communicate(timeout=10)
    arrival = WAY.read_peer(output, "", {("node-1", "ipv4"): "127.0.0.1"}).arrivals[("node-1", "ipv4")]
    assert (arrival.source, arrival.size, arrival.handshake) == ("127.0.0.1", 0, True)


@pytest.mark.parametrize(("reached", "tries"), [(True, 2), (False, 1)])
def test_a_silent_peer_that_the_trace_reached_gets_a_second_try(monkeypatch, reached, tries):
    hop = [{"address": "10.0.0.2" if reached else "10.0.0.1", "ms": 1, "note": ""}]
    said = {"run": SETTINGS.run_id, "node": "node-2", "source": "10.0.0.1", "records": []}
    silent, taken = {"connected": False, "problem": "no answer within 3 s"}, {"connected": True, "ms": 1, "said": said}
    tried = []

    def connect(*given):
        tried.append(given)
        return dict(silent if len(tried) == 1 else taken)

    answers = {
        "trace": {"target": "10.0.0.2", "max_ttl": 3, "hops": [hop], "protocol": "icmp"},
        "echoes": {"sent": 1, "received": 1, "ms": [0.1], "ttls": [62], "protocol": "icmp"},
        "device_mtu": None,
        "datagrams": "",
    }
    for name, value in answers.items():
        monkeypatch.setattr(probe_agent, name, lambda *given, value=value: value)
    monkeypatch.setattr(probe_agent, "connect", connect)
    monkeypatch.setattr(probe_agent, "largest_record", lambda *given: 120)
    errand = Errand(PAIR, "node-2", "ipv4", "10.0.0.2", 0, 1, 3)
    order = json.loads(WAY.probe_command(SETTINGS.method, [errand])[-1])
    (errand_told,), method = order["errands"], order["method"]
    told = probe_agent.look_closer(errand_told, method, probe_agent.run_errand(errand_told, method))
    (answer,) = WAY.read(json.dumps({"number": 0, **told}), "", [errand], SETTINGS)
    assert len(tried) == tries
    assert answer.observation.tcp == Tcp(reached, "no answer within 3 s", 1 if reached else None)


def test_a_packed_order_is_read(tmp_path, port, monkeypatch):
    monkeypatch.setattr(probing, "PLAIN_ORDER", 0)
    (control,) = probe(tmp_path, port, [Errand(CONTROL, "node-3", "ipv4", "127.0.0.1", 0, 41000, 3)])
    assert control.observation.trace.hops[0].addresses == ("127.0.0.1",)


def test_nobody_there(tmp_path, port, monkeypatch):
    monkeypatch.setattr(agent_output, "LISTEN_PATIENCE", 1)
    (pair,) = probe(tmp_path, port, [Errand(PAIR, "node-2", "ipv4", "127.0.0.1", 0, 40000, 3)])
    assert not pair.observation.tcp.connected
    assert pair.observation.tcp.problem == "Connection refused"
    assert pair.observation.arrival is None


def test_a_peer_that_does_not_listen_yet_is_asked_again(tmp_path, port):
    pod = Pod("node-2", tmp_path / "peer", port)
    late = subprocess.Popen(
        ["sh", "-c", 'sleep 1; exec "$@"', "sh", sys.executable, *pod.commands["peer"][1:]], env=pod.environment
    )
    try:
        (pair,) = probe(tmp_path, port, [Errand(PAIR, "node-2", "ipv4", "127.0.0.1", 0, 40000, 3)])
        assert pair.observation.tcp.connected
        assert pair.observation.arrival.size > 0, "what was sent before it listened is sent again"
    finally:
        late.terminate()
        late.wait(5)


@pytest.fixture
def no_ping_sockets(monkeypatch, port):
    """As in a pod whose kernel allows no sockets of datagrams of ICMP (net.ipv4.ping_group_range)."""
    monkeypatch.setitem(probe_agent.IPV4, "protocol", 255)
    monkeypatch.setenv("PODPATH_RUN", SETTINGS.run_id)
    monkeypatch.setenv("PODPATH_NODE", "node-1")


def test_echoes_by_udp_wait_until_the_peer_listens(tmp_path, port, no_ping_sockets):
    pod = Pod("node-2", tmp_path / "peer", port)
    late = subprocess.Popen(
        ["sh", "-c", 'sleep 1; exec "$@"', "sh", sys.executable, *pod.commands["peer"][1:]], env=pod.environment
    )
    errand = Errand(PAIR, "node-2", "ipv4", "127.0.0.1", 0, 40000, 3)
    order = json.loads(WAY.probe_command(SETTINGS.method, [errand])[-1])
    try:
        seen = probe_agent.run_errand(order["errands"][0], order["method"])
        told = probe_agent.look_closer(order["errands"][0], order["method"], seen)
    finally:
        late.terminate()
        late.wait(5)
    (answer,) = WAY.read(json.dumps({"number": 0, **told}), "", [errand], SETTINGS)
    seen = answer.observation
    assert (seen.protocol, seen.echoes.protocol) == ("udp", "udp")
    assert (seen.echoes.sent, seen.echoes.received) == (2, 2)
    assert seen.tcp.connected


def test_a_peer_that_never_listens_is_waited_for_no_longer_than_allowed(port, no_ping_sockets):
    begin = time.monotonic()
    spent = probe_agent.await_peer({"family": "ipv4", "address": "127.0.0.1", "peer_port": port}, 0.5)
    assert 0.5 <= spent <= time.monotonic() - begin < 2


class QuietLine:
    """A line on which nothing goes out; what is sent on it answers as its test says."""

    icmp = True

    def __init__(self, *given):
        self.answers = {}

    def unfragmented(self):
        pass

    def listen(self, *given):
        pass

    def close(self):
        pass


@pytest.mark.parametrize(
    ("answered", "late"), [((0, 1, 2, 3, 4), 0), ((1, 2, 3, 4), 0), ((0, 3), 3), ((1, 3, 4), 1), ((4,), 0), ((), 0)]
)
def test_what_is_lost_after_the_first_answer_is_told_apart(monkeypatch, answered, late):
    class Line(QuietLine):
        def send(self, sequence, ttl, size, payload):
            if sequence in answered:
                self.answers[sequence] = {"address": "10.0.0.2", "ms": 0.1, "ttl": 62}

    monkeypatch.setattr(probe_agent, "Line", Line)
    seen = probe_agent.echoes({"family": "ipv4", "address": "10.0.0.2", "peer_port": 1}, 5, 1, 1450)
    assert (seen["received"], seen["late"], seen["protocol"]) == (len(answered), late, "icmp")


@pytest.mark.parametrize(("reached", "waits"), [(True, False), (False, True)])
def test_nothing_else_is_sent_to_the_dead_before_all_traces_have_passed_hop_1(monkeypatch, reached, waits):
    done = []
    hop = [{"address": "10.0.0.2" if reached else "10.0.0.1", "ms": 1, "note": ""}]
    answers = {
        "trace": {"target": "10.0.0.2", "max_ttl": 3, "hops": [hop]},
        "connect": {"connected": True, "said": {"records": [{"family": "ipv4", "size": 120}]}},
        "device_mtu": None,
    }
    begin = time.monotonic()
    for name in ("trace", "datagrams", "echoes", "connect", "device_mtu"):
        monkeypatch.setattr(
            probe_agent,
            name,
            lambda *given, name=name: (done.append((name, time.monotonic() - begin)), answers.get(name))[1],
        )
    errand = {"family": "ipv4", "kind": "pair", "start": 0, "address": "10.0.0.2", "peer_port": 1}
    probe_agent.probe({"method": METHOD, "errands": [errand]})
    assert [name for name, _when in done] == ["trace", "device_mtu", "datagrams", "echoes", "connect"]
    assert (done[1][1] >= METHOD["calm"]) == waits


def hop(address: str) -> list[dict | None]:
    return [{"address": address, "ms": 0.1, "note": ""} if address else None, None]


@pytest.fixture
def traced_twice(monkeypatch, capsys):
    """Runs errands whose traces see the hops of a test, those of a second trace apart: what they told, and what was
    done when."""

    def run(first, second, *errands, **method):
        begin = time.monotonic()
        done, ports = [], set()

        def trace(errand, method, patient):
            again = errand["port"] in ports
            ports.add(errand["port"])
            done.append(("again" if again else "trace", time.monotonic() - begin))
            seen = second if again else first
            if isinstance(seen, OSError):
                raise seen
            hops = [hop(address) for address in seen]
            return {"target": errand["address"], "max_ttl": 5, "hops": hops, "protocol": "icmp"}

        def look_closer(errand, method, seen):
            done.append(("closer", time.monotonic() - begin))
            echoes = {"sent": 1, "received": 1, "ms": [0.1], "ttls": [62], "protocol": "icmp"}
            return {**seen, "echoes": echoes, "tcp": {"connected": False, "problem": "no answer"}}

        monkeypatch.setattr(probe_agent, "trace", trace)
        monkeypatch.setattr(probe_agent, "look_closer", look_closer)
        order = json.loads(WAY.probe_command(SETTINGS.method, errands)[-1])
        order["method"] |= {"calm": 0.1, "refilled": 0.3, **method}
        probe_agent.probe(order)
        answers = WAY.read(capsys.readouterr().out, "", errands, SETTINGS)
        return [answer.observation for answer in answers], done

    return run


POD = "10.244.2.2"
SILENT, HEARD, ASTRAY = ["", "10.244.2.0", POD], ["10.244.1.1", "10.244.2.0", POD], ["10.244.1.1", "10.0.0.9"]


@pytest.mark.parametrize(
    ("first", "second", "silences", "again", "hop_1"),
    [
        (SILENT, HEARD, 0, True, ("10.244.1.1",)),
        # as where a filter takes the router's answers
        (SILENT, SILENT, 0, True, ()),
        (SILENT, ASTRAY, 0, True, ()),
        (SILENT, OSError(105, "No buffer space available"), 0, False, ()),
        # where a path has a silent hop anyway
        (SILENT, HEARD, 1, False, ()),
        (HEARD, SILENT, 0, False, ("10.244.1.1",)),
        (ASTRAY, HEARD, 0, False, ("10.244.1.1",)),
    ],
)
def test_a_pair_that_arrived_past_a_silent_hop_is_traced_again_after_all_else(
    traced_twice, first, second, silences, again, hop_1
):
    errand = Errand(PAIR, "node-2", "ipv4", POD, 0, 40000, 5, silences=silences)
    (seen,), done = traced_twice(first, second, errand)
    assert seen.trace.hops[0].addresses == hop_1
    assert seen.retraced is again
    assert seen.echoes.received == 1
    second_one = again or isinstance(second, OSError)
    assert [name for name, _when in done] == ["trace", "closer", *["again"] * second_one]
    assert not second_one or done[-1][1] >= 0.3


def test_no_more_pairs_are_traced_again_than_a_full_bucket_answers(traced_twice):
    errands = [Errand(PAIR, "node-2", "ipv4", POD, 0, 40000 + number, 5) for number in range(5)]
    control = Errand(CONTROL, "node-3", "ipv4", "10.244.3.254", 0, 50000, 5)
    seen, done = traced_twice(SILENT, HEARD, *errands, control)
    most = plan.BURST // SETTINGS.method.probes
    assert (most, sum(one.retraced for one in seen)) == (3, 3)
    assert all(bool(one.trace.hops[0].addresses) == one.retraced for one in seen)
    assert sum(name == "again" for name, _when in done) == most, "a control is traced once"


def test_a_run_without_a_silent_hop_does_not_wait_for_one(traced_twice):
    begin = time.monotonic()
    traced_twice(HEARD, HEARD, Errand(PAIR, "node-2", "ipv4", POD, 0, 40000, 5), refilled=3600)
    assert time.monotonic() - begin < 60


METHOD = {
    "echoes": 3,
    "echo_interval": 0.1,
    "full_size_echoes": 3,
    "wait": 1,
    "tcp_patience": 3,
    "listen_patience": 6,
    "calm": 2,
    "late_at_once": 4,
    "alive_interval": 10,
}


def test_a_thousand_errands_have_a_thread_each_only_while_they_have_something_to_do(monkeypatch, capsys):
    """A pod has a few threads to give, and all pairs of a node may be dead."""
    begin = time.monotonic()
    started, threads, late = [], [], []

    def trace(errand, method, patient):
        started.append((errand["start"], time.monotonic() - begin))
        if not errand["start"]:
            threads.append(threading.active_count())
        return {"target": errand["address"], "max_ttl": 3, "hops": [[None]]}

    def echoes(*given):
        late.append(1)
        time.sleep(0.001)
        late.append(-1)
        return {}

    refused = {"connected": False, "problem": "no answer"}
    for name, stub in (("trace", trace), ("echoes", echoes), ("connect", lambda *given: dict(refused))):
        monkeypatch.setattr(probe_agent, name, stub)
    for name in ("datagrams", "device_mtu"):
        monkeypatch.setattr(probe_agent, name, lambda *given: None)
    before = threading.active_count()
    errands = [
        {"family": "ipv4", "kind": "pair", "start": int(number >= 10), "address": f"10.0.{number}.2", "peer_port": 1}
        for number in range(1000)
    ]
    probe_agent.probe({"method": METHOD, "errands": errands[::-1]})
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["number"] for line in told} == set(range(1000))
    assert all(when >= start for start, when in started), "not before its time"
    assert max(itertools.accumulate(late)) <= METHOD["late_at_once"]
    assert max(threads) - before <= 10, "none for those that have time"


@pytest.mark.parametrize(("pods", "traced"), [(0, 1), (1, 2), (3, 3)])
def test_a_control_goes_on_from_addresses_that_answer_to_one_that_does_not(monkeypatch, pods, traced):
    addresses = ["10.0.0.254", "10.0.0.218", "10.0.0.182"]
    asked = []

    def told(errand, method, patient):
        asked.append(errand["address"])
        there = errand["address"] in addresses[:pods]
        return {"target": errand["address"], "hops": [[{"address": errand["address"]} if there else None]]}

    monkeypatch.setattr(probe_agent, "trace", told)
    monkeypatch.setattr(probe_agent.time, "sleep", lambda seconds: None)
    control = Errand(CONTROL, "node-2", "ipv4", addresses[0], 0, 40000, 3, tuple(addresses[1:]))
    order = json.loads(WAY.probe_command(SETTINGS.method, [control])[-1])
    seen = probe_agent.run_errand(order["errands"][0], order["method"])
    assert asked == addresses[:traced]
    assert seen["trace"]["target"] == addresses[traced - 1]


def test_once_a_router_has_told_what_fits_the_next_echoes_have_that_size(monkeypatch):
    """With DF on each packet none would arrive otherwise, and nothing would show that what fits does."""
    sizes = []

    class Line(QuietLine):
        def send(self, sequence, ttl, size, payload):
            sizes.append(size)
            told = {"address": "10.0.0.1", "told_mtu": 1430, "last": True}
            arrived = {"address": "10.0.0.2", "told_mtu": None, "ms": 0.1, "ttl": 62}
            self.answers[sequence] = told if size > 1430 else arrived

    monkeypatch.setattr(probe_agent, "Line", Line)
    seen = probe_agent.echoes({"family": "ipv4", "address": "10.0.0.2", "peer_port": 1}, 3, 1, 1450)
    assert (sizes, seen["received"], seen["size"], seen["told_mtu"]) == ([1450, 1430, 1430], 2, 1450, 1430)


def test_a_peer_of_another_node_is_no_connection(tmp_path, peer, port):
    (pair,) = probe(tmp_path, port, [Errand(PAIR, "node-9", "ipv4", "127.0.0.1", 0, 40000, 3)])
    assert pair.observation.tcp.problem.startswith("The peer of node-2 answered"), "evidence_verdict goes by it"


def test_cut_off_output_keeps_what_it_has():
    errands = [Errand(CONTROL, "a", "ipv4", "10.0.0.1", 0, 1, 1)] * 2
    line = '{"number": 0, "trace": {"target": "10.0.0.1", "max_ttl": 1, "hops": [[null]], "protocol": "udp"}}\n'
    first, second = WAY.read(line + line[:20], "The connection ended.", errands, SETTINGS)
    assert first.observation.trace
    assert second.observation.problem == "The connection ended."


@pytest.mark.parametrize(
    ("family", "kind", "code", "info", "note"),
    [
        ("ipv4", 11, 0, 0, None),
        ("ipv4", 3, 0, 0, "!N"),
        ("ipv4", 3, 1, 0, "!H"),
        ("ipv4", 3, 3, 0, ""),
        ("ipv4", 3, 4, 1400, "!F-1400"),
        ("ipv4", 3, 13, 0, "!A"),
        ("ipv6", 3, 0, 0, None),
        ("ipv6", 2, 0, 1430, "!F-1430"),
        ("ipv6", 1, 3, 0, "!H"),
    ],
)
def test_annotations_are_those_of_traceroute(family, kind, code, info, note):
    assert probe_agent.unreachable(kind, code, info, probe_agent.NUMBERS[family]) == note


def test_the_program_stands_in_the_environment_unchanged():
    # a kubelet expands $(NAME) in values
    source = WAY.program(SETTINGS).environment["PODPATH_AGENT"]
    assert "$" not in source
    assert len(source) < 100_000, "Linux has a limit for a single string"
    compile(source, "agent", "exec", dont_inherit=True)
