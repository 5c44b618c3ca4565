# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probing with an image's tools: outputs recorded in a real cluster, and the real script where tools are missing."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import plan, pods, probe_shell
from ansible_collections.podpath.kubeadm.plugins.module_utils.agent_output import AgentWay
from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import Arrival, Tcp
from ansible_collections.podpath.kubeadm.plugins.module_utils.probe_shell import ShellWay
from ansible_collections.podpath.kubeadm.plugins.module_utils.probing import CONTROL, PAIR, SERVICE, Errand

DATA = Path(__file__).parent / "data" / "probe_shell"
SETTINGS = pods.Settings("c0ffee00", "default", "busybox:1", plan.Method(), wait_timeout=60, lifetime=200)
WAY = ShellWay()
HEAD = "traceroute to 127.0.0.1 (127.0.0.1), 5 hops max, 46 byte packets"


def pair(node: str, address: str) -> Errand:
    return Errand(PAIR, node, "ipv4", address, 0, 33434, 5)


HEALTHY = [
    pair("controlplane", "10.244.0.61"),
    pair("node-1", "10.244.3.57"),
    pair("node-2", "10.244.1.59"),
    Errand(CONTROL, "node-2", "ipv4", "10.244.1.254", 0, 40000, 3),
    Errand(SERVICE, "", "ipv4", "10.96.0.9", 0, 80),
]
ONE_WAY = [
    pair("node-2", "10.244.1.61"),
    pair("controlplane", "10.244.0.62"),
    pair("node-1", "10.244.3.58"),
    Errand(SERVICE, "", "ipv4", "10.96.0.9", 0, 80),
]


def recorded(name: str) -> str:
    return (DATA / f"{name}.txt").read_text()


def test_a_healthy_pair_gives_all_evidence():
    answers = WAY.read(recorded("healthy"), "", HEALTHY, SETTINGS)
    seen = answers[1].observation
    assert [hop.addresses for hop in seen.trace.hops] == [("10.244.0.1",), ("10.244.3.0",), ("10.244.3.57",)]
    assert (seen.echoes.sent, seen.echoes.received, seen.echoes.reply_ttls) == (5, 5, (62,))
    assert seen.echoes.rtt_ms == (0.084, 0.168, 5.036), "minimum, median, maximum"
    assert (seen.full_size.size, seen.full_size.sent, seen.full_size.received) == (1450, 3, 3)
    assert seen.tcp.connected
    assert seen.arrival == Arrival("10.244.0.60", sources={"tcp": "10.244.0.60"}, handshake=True)
    assert not seen.problem
    assert not seen.unobserved


@pytest.mark.parametrize(
    ("first", "answered", "late"),
    [("seq=", (0, 1, 2, 3, 4), 0), ("seq=", (2, 3), 1), ("icmp_seq=", (3, 4), 1), ("icmp_seq=", (1, 5), 3)],
)
def test_large_packets_lost_after_the_first_answer_are_told_apart(first, answered, late):
    """busybox counts from 0, iputils from 1."""
    lines = [f"1458 bytes from 10.244.1.2: {first}{number} ttl=62 time=0.1 ms" for number in answered]
    part = probe_shell._Part("1", [*lines, f"5 packets transmitted, {len(answered)} received, 0% packet loss"])
    full, _why = probe_shell._full_size(part, 1450, "")
    assert (full.sent, full.received, full.late) == (5, len(answered), late)


def test_control_is_traced_and_the_service_tells_who_served():
    control, service = WAY.read(recorded("healthy"), "", HEALTHY, SETTINGS)[3:]
    assert [hop.addresses for hop in control.observation.trace.hops] == [("10.244.0.1",), ("10.244.1.0",), ()]
    assert service.observation.tcp.connected
    assert service.served_by == "controlplane"


def test_a_dead_pair_is_observed_as_dead():
    seen = WAY.read(recorded("one_way"), "", ONE_WAY, SETTINGS)[1].observation
    assert (seen.echoes.sent, seen.echoes.received) == (5, 0)
    assert (seen.full_size.sent, seen.full_size.received) == (3, 0)
    assert not seen.tcp.connected
    assert seen.tcp.problem == "no answer within 3 s"
    assert seen.arrival is None


def test_what_came_before_an_output_was_cut_off_counts():
    whole = recorded("healthy")
    answers = WAY.read(whole[: whole.index("=end 1")], "The connection ended.", HEALTHY, SETTINGS)
    assert answers[0].observation.trace
    assert answers[1].observation.problem == "The connection ended."


def test_another_run_or_node_that_answers_is_no_connection():
    strange = (
        recorded("healthy").replace("c0ffee00 node-1 ", "c0ffee00 node-2 ").replace("c0ffee00 controlplane", "x y")
    )
    answers = WAY.read(strange, "", HEALTHY, SETTINGS)
    assert "node-2" in answers[1].observation.tcp.problem
    assert "Somebody else" in answers[0].observation.tcp.problem


def test_the_peer_knows_of_a_connection_whose_answer_never_came_back():
    # all that node-2 sends to other nodes is lost: both of its senders see the same, silence
    senders = {
        ("controlplane", "ipv4"): "10.244.0.63",
        ("node-1", "ipv4"): "10.244.3.59",
        ("node-2", "ipv4"): "10.244.1.60",
    }
    heard = WAY.read_peer(recorded("one_way_peer"), "", senders)
    # the peer on the same node had its answer
    assert heard.arrivals == {
        (node, family): Arrival(address, sources={"tcp": address}, handshake=node == "node-2")
        for (node, family), address in senders.items()
    }
    assert heard.unknown == ""
    without = WAY.read_peer(recorded("one_way_peer"), "", {("node-2", "ipv4"): "10.244.1.60"})
    assert "10.244.0.63" in without.unknown, "somebody unknown came: perhaps the one that is missed"


HALF_OPEN = "=httpd\n=seen,0A02F40A,03\n=seen,0A02F40A,03\n"


@pytest.mark.parametrize(
    ("more", "handshake"),
    [
        ("", False),
        ("=seen,0A02F40A,01\n", True),
        ("=late\n", None),
        ("   0: 00000000:1F90 00000000:0000 0A 00000000:00000005 00:00000000 0\n", None),
        ("   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 0\n", False),
        ("   0: 00000000:0050 00000000:0000 0A 00000000:00000005 00:00000000 0\n", False),
    ],
)
def test_what_the_peer_kept_tells_how_far_a_handshake_came(more, handshake):
    sender = ("node-1", "ipv4")
    for way in (WAY, AgentWay()):
        heard = way.read_peer(f"{HALF_OPEN}{more}=done\ndone\n", "", {sender: "10.244.2.10"})
        assert heard.arrivals[sender].sources == {"tcp": "10.244.2.10"}
        assert heard.arrivals[sender].handshake is handshake, way.name


def test_a_peer_that_could_not_keep_all_does_not_say_that_nothing_came():
    heard = WAY.read_peer(f"{HALF_OPEN}=full\n=done\n", "", {("node-1", "ipv4"): "10.244.2.10"})
    assert ("node-1", "ipv4") in heard.arrivals
    assert "not kept all" in heard.unknown


def test_the_peer_remembers_a_connection_that_the_kernel_has_forgotten(image, monkeypatch):
    (image / "bin" / "chmod").symlink_to(shutil.which("chmod"))
    tool(image, "httpd", "sleep 60\n")
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    monkeypatch.setattr(probe_shell, "PEER_PORT", port)
    program = WAY.program(SETTINGS)
    environment = {
        **program.environment,
        "PATH": str(image / "bin"),
        "PODPATH_DIR": str(image / "results"),
        "PODPATH_PORT": str(port),
        "PODPATH_LIFETIME": "60",
        "PODPATH_RUN": "c0ffee00",
        "PODPATH_NODE": "node-1",
    }
    connection = socket.create_connection(("127.0.0.1", port))
    peer = subprocess.Popen(program.commands[pods.PEER], env=environment, start_new_session=True)
    try:
        kept = image / "results" / "connections"
        deadline = time.monotonic() + 10
        while not (kept.exists() and "=late" in kept.read_text() and "=seen" in kept.read_text()):
            assert time.monotonic() < deadline, "it keeps nothing"
            time.sleep(0.1)
        # gone at once, without the minute of a connection that is closed
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        listener.close()
        time.sleep(1.5)
        output = subprocess.run(
            WAY.peer_command(), env=environment, check=True, capture_output=True, text=True, timeout=10
        ).stdout
    finally:
        os.killpg(peer.pid, signal.SIGKILL)
        peer.wait()
    heard = WAY.read_peer(output, "", {("node-1", "ipv4"): "127.0.0.1"})
    assert heard.arrivals[("node-1", "ipv4")].handshake is True
    assert kept.read_text().count("=seen,0100007F,01") == 1, "once, though it looks each second"


def test_a_peer_without_httpd_tells_nothing_of_tcp():
    heard = WAY.read_peer("=done\n", "", {})
    assert heard.deaf == heard.unknown != ""


@pytest.fixture
def image(tmp_path):
    """A directory of programs that stands for an image: sh and what is always there, without any network tool."""
    binaries = tmp_path / "bin"
    binaries.mkdir()
    for name in ("sh", "cat", "sed", "date", "sleep", "rm", "mkdir", "base64", "gunzip", "gzip"):
        (binaries / name).symlink_to(shutil.which(name))
    (tmp_path / "results").mkdir()
    return tmp_path


def environment(image: Path) -> dict[str, str]:
    return {
        **WAY.program(SETTINGS).environment,
        "PATH": str(image / "bin"),
        "PODPATH_DIR": str(image / "results"),
        "PODPATH_PORT": "8080",
    }


def run(image: Path, errands: list[Errand], method: plan.Method | None = None, **besides: str) -> str:
    """``besides``: what the pod's environment holds beyond our own."""
    command = WAY.probe_command(method or plan.Method(), errands)
    known = besides | environment(image)
    return subprocess.run(command, env=known, check=True, capture_output=True, text=True, timeout=60).stdout


def test_an_image_without_traceroute_is_named_with_the_variable(image):
    seen = WAY.read(run(image, [pair("node-1", "127.0.0.1")]), "", [pair("node-1", "127.0.0.1")], SETTINGS)[0]
    assert "busybox:1 has no traceroute" in seen.observation.problem
    assert "pod_paths_image" in seen.observation.problem
    assert seen.observation.echoes is None
    assert "no ping" in seen.observation.unobserved["echoes"]
    assert "no wget" in seen.observation.unobserved["tcp"]


def test_missing_privilege_is_named(image):
    (image / "bin" / "traceroute").write_text(
        "#!/bin/sh\necho 'traceroute: socket: Operation not permitted' >&2\nexit 1\n"
    )
    (image / "bin" / "traceroute").chmod(0o755)
    seen = WAY.read(run(image, [pair("node-1", "127.0.0.1")]), "", [pair("node-1", "127.0.0.1")], SETTINGS)[0]
    assert "NET_RAW" in seen.observation.problem


@pytest.mark.parametrize(("user", "interval"), [("0", "0.1"), ("1000", "0.2"), ("", "0.2")])
def test_as_many_echoes_are_sent_as_asked_as_fast_as_the_user_may(image, user, interval):
    tool(image, "ping", 'echo "$*" >>order\n')
    if user:
        tool(image, "id", f"echo {user}\n")
    run(image, [pair("node-1", "127.0.0.1")], plan.Method(echoes=25))
    assert f"-c 25 -i {interval} -W 1 127.0.0.1" in (image / "results" / "order").read_text()


def test_what_a_tool_prints_cannot_pass_for_the_scripts_own_words(image):
    (image / "bin" / "wget").write_text(
        f"#!{shutil.which('sh')}\necho '=end 0'; echo '=begin 7'; printf '=part trace 0'\n"
    )
    (image / "bin" / "wget").chmod(0o755)
    seen = WAY.read(run(image, [pair("node-1", "127.0.0.1")]), "", [pair("node-1", "127.0.0.1")], SETTINGS)[0]
    assert "=begin 7" in seen.observation.tcp.problem


def tool(image: Path, name: str, script: str) -> None:
    """A program of the image, which writes into the file order that it runs."""
    (image / "bin" / name).write_text(f"#!{shutil.which('sh')}\n{script}")
    (image / "bin" / name).chmod(0o755)


@pytest.mark.parametrize(
    ("answer", "waits"), [("1  127.0.0.1  0.1 ms", False), ("1  10.0.0.1  0.1 ms !N  0.1 ms !N", True)]
)
def test_nothing_else_is_sent_before_a_trace_has_ended_nor_to_the_dead_before_all_have_passed_hop_1(
    image, answer, waits
):
    tool(image, "traceroute", f"sleep 0.2; echo '{HEAD}'; echo ' {answer}'; echo \"$8 traced\" >>order\n")
    tool(image, "ping", "echo pinged >>order\n")
    tool(image, "wget", "echo got >>order\n")
    late = Errand(CONTROL, "node-2", "ipv4", "10.0.0.9", 1, 40000, 3)
    run(image, [pair("node-1", "127.0.0.1"), late])
    order = (image / "results" / "order").read_text().split("\n")
    assert order[0].endswith("traced")
    assert {"pinged", "got"} <= set(order)
    last = max(number for number, line in enumerate(order) if line.endswith("traced"))
    assert (order.index("got") > last) == waits


@pytest.mark.parametrize(("pods", "traced", "answered"), [(0, 1, 0), (1, 2, 1), (3, 3, 2)])
def test_a_control_goes_on_from_addresses_that_answer_to_one_that_does_not(image, monkeypatch, pods, traced, answered):
    monkeypatch.setattr(probe_shell, "CONTROL_PAUSE", 0)
    addresses = ["10.0.0.254", "10.0.0.218", "10.0.0.182"]
    there = " ".join(addresses[:pods])
    tool(
        image,
        "traceroute",
        f"""target=${{10}}; echo "traceroute to $target ($target), 3 hops max, 46 byte packets"
echo " 1  10.1.0.1  0.1 ms"
case " {there} " in *" $target "*) echo " 2  $target  0.1 ms" ;; *) echo " 2  *" ;; esac
echo "$target" >>order
""",
    )
    control = Errand(CONTROL, "node-2", "ipv4", addresses[0], 0, 40000, 3, tuple(addresses[1:]))
    (answer,) = WAY.read(run(image, [control]), "", [control], SETTINGS)
    assert (image / "results" / "order").read_text().split() == addresses[:traced]
    assert control.last_traced(answer.observation.trace) == (addresses[traced - 1], tuple(addresses[:answered]))


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_proxy_that_the_pods_environment_names_is_not_asked(image, name):
    """By a company's image, or a webhook: wget would send it even what is for a pod."""
    tool(image, "traceroute", f"echo '{HEAD}'; echo ' 1  127.0.0.1  0.1 ms'\n")
    tool(image, "wget", f"if [ \"${{{name}+set}}\" ]; then exit 1; fi; printf '%s' 'c0ffee00 node-1 127.0.0.1'\n")
    errands = [pair("node-1", "127.0.0.1"), Errand(SERVICE, "", "ipv4", "10.96.0.9", 0, 80)]
    output = run(image, errands, **{name: "http://192.0.2.1:3128"})
    assert all(answer.observation.tcp.connected for answer in WAY.read(output, "", errands, SETTINGS))


def test_a_peer_that_does_not_listen_yet_is_asked_again(image):
    answer = "printf '%s' 'c0ffee00 node-1 127.0.0.1'"
    refuse = 'echo "wget: can\'t connect to remote host (127.0.0.1): Connection refused" >&2; exit 1'
    tool(image, "wget", f"if [ -e asked ]; then {answer}; else : >asked; {refuse}; fi\n")
    seen = WAY.read(run(image, [pair("node-1", "127.0.0.1")]), "", [pair("node-1", "127.0.0.1")], SETTINGS)[0]
    assert seen.observation.tcp.connected


@pytest.mark.parametrize(("trace", "tries"), [("1  127.0.0.1  0.1 ms", 2), ("1  *", 1)])
def test_a_silent_peer_that_the_trace_reached_gets_a_second_try(image, trace, tries):
    tool(image, "traceroute", f"echo '{HEAD}'; echo ' {trace}'\n")
    tool(image, "wget", "echo tried >>order; exit 1\n")
    seen = WAY.read(run(image, [pair("node-1", "127.0.0.1")]), "", [pair("node-1", "127.0.0.1")], SETTINGS)[0]
    assert seen.observation.tcp == Tcp(False, "no answer within 3 s")
    assert (image / "results" / "order").read_text().count("tried") == tries


def test_a_second_try_that_comes_about_tells_of_the_first(image):
    tool(image, "traceroute", f"echo '{HEAD}'; echo ' 1  127.0.0.1  0.1 ms'\n")
    tool(image, "wget", "if [ -e tried ]; then printf '%s' 'c0ffee00 node-1 127.0.0.1'; else : >tried; exit 1; fi\n")
    seen = WAY.read(run(image, [pair("node-1", "127.0.0.1")]), "", [pair("node-1", "127.0.0.1")], SETTINGS)[0]
    assert seen.observation.tcp == Tcp(True, "no answer within 3 s")


SILENT, HEARD, DEAD = (
    f"1  {first}\n 2  10.244.2.0  0.1 ms  0.1 ms\n 3  {last}"
    for first, last in (
        ("*  *", "127.0.0.1  0.1 ms  0.1 ms"),
        ("10.244.1.1  0.1 ms  *", "127.0.0.1  0.1 ms  0.1 ms"),
        ("10.244.1.1  0.1 ms  *", "10.0.0.9  0.1 ms !H  0.1 ms !H"),
    )
)


def traced_twice(image: Path, first: str, second: str) -> None:
    """Traceroute prints another path at its second run of a port; no time passes, ``order`` alone tells of sleeps but
    those between signs of life."""
    tool(
        image,
        "traceroute",
        f"""echo '{HEAD}'
if mkdir "ran.$9" 2>/dev/null; then echo ' {first}'; else echo ' {second}'; fi
echo "traced $*" >>order
""",
    )
    tool(image, "wget", "echo got >>order; printf '%s' 'c0ffee00 node-1 127.0.0.1'\n")
    (image / "bin" / "sleep").unlink()
    tool(image, "sleep", f'[ "$1" != {probe_shell.ALIVE_INTERVAL} ] || exit\necho "slept $1" >>order\n')


def done(image: Path) -> list[str]:
    return [line.split()[0] for line in (image / "results" / "order").read_text().splitlines()]


@pytest.mark.parametrize(
    ("first", "second", "silences", "again", "hop_1"),
    [
        (SILENT, HEARD, 0, True, ("10.244.1.1",)),
        # as where a filter takes the router's answers
        (SILENT, SILENT, 0, True, ()),
        (SILENT, DEAD, 0, True, ()),
        (SILENT, "nonsense", 0, False, ()),
        # where a path has a silent hop anyway
        (SILENT, HEARD, 1, False, ()),
        (HEARD, SILENT, 0, False, ("10.244.1.1",)),
        (DEAD, HEARD, 0, False, ("10.244.1.1",)),
    ],
)
def test_a_pair_that_arrived_past_a_silent_hop_is_traced_again_after_all_else(
    image, monkeypatch, first, second, silences, again, hop_1
):
    traced_twice(image, first, second)
    monkeypatch.setattr(probe_shell, "refilled", lambda *given: 1000)
    errand = replace(pair("node-1", "127.0.0.1"), silences=silences)
    (answer,) = WAY.read(run(image, [errand]), "", [errand], SETTINGS)
    assert answer.observation.trace.hops[0].addresses == hop_1
    assert answer.observation.retraced is again
    assert answer.observation.tcp.connected
    order = done(image)
    second_one = again or second == "nonsense"
    assert order.count("traced") == 1 + second_one
    if second_one:
        assert order[-3:] == ["got", "slept", "traced"], "nothing waits for it"
        seconds, *command = [line.split()[1:] for line in (image / "results" / "order").read_text().splitlines()][-2:]
        assert 990 < int(seconds[0]) <= 1001
        assert command == [(image / "results" / "order").read_text().splitlines()[0].split()[1:]], "the same trace"


def test_no_more_pairs_are_traced_again_than_a_full_bucket_answers(image, monkeypatch):
    traced_twice(image, SILENT, HEARD)
    errands = [replace(pair(f"node-{number}", "127.0.0.1"), port=40000 + number) for number in range(5)]
    errands.append(Errand(CONTROL, "node-2", "ipv4", "10.0.0.9", 0, 50000, 3))
    answers = WAY.read(run(image, errands, plan.Method(probes=3)), "", errands, SETTINGS)
    seen = [answer.observation for answer in answers]
    assert sum(one.retraced for one in seen) == plan.BURST // 3 == 2
    assert all(bool(one.trace.hops[0].addresses) == one.retraced for one in seen)
    assert done(image).count("traced") == len(errands) + 2, "a control is traced once"


def test_a_peer_that_never_listens_is_refused_in_the_end(image, monkeypatch):
    monkeypatch.setattr(probe_shell, "LISTEN_PATIENCE", 1)
    tool(image, "wget", 'echo "wget: can\'t connect to remote host (127.0.0.1): Connection refused" >&2; exit 1\n')
    seen = WAY.read(run(image, [pair("node-1", "127.0.0.1")]), "", [pair("node-1", "127.0.0.1")], SETTINGS)[0]
    assert seen.observation.tcp.problem == "Connection refused"


def processes(session: int) -> int:
    found = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            found += int(stat.read_text().rpartition(")")[2].split()[3]) == session
    return found


def test_a_thousand_errands_cost_no_process_before_their_time(image):
    """The prober's pod asks for little memory, and a kubelet may limit its processes."""
    tool(image, "traceroute", "echo traced >>order\n")
    errands = [pair(f"node-{number}", "127.0.0.1") for number in range(2)]
    errands += [replace(pair(f"node-{number}", "127.0.0.1"), start=60) for number in range(1000)]
    prober = subprocess.Popen(
        WAY.probe_command(plan.Method(), errands[::-1]), env=environment(image), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        order = image / "results" / "order"
        deadline = time.monotonic() + 20
        while not order.exists() or order.read_text().count("traced") < 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert prober.poll() is None
        # of the first ones, which wait for calm, the ways to the reader, and a sleep for all others
        assert processes(prober.pid) < 20
    finally:
        os.killpg(prober.pid, signal.SIGKILL)
        prober.wait(10)


def started(image: Path, errands: list[Errand]) -> subprocess.Popen:
    command = WAY.probe_command(plan.Method(), errands)
    return subprocess.Popen(
        command, env=environment(image), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def test_a_prober_that_has_nothing_to_tell_says_that_it_works(image, monkeypatch):
    """A load balancer in front of an API server cuts a silent stream off."""
    errands = [pair(f"node-{number}", "127.0.0.1") for number in range(3)]
    tool(image, "traceroute", f"sleep 1; echo '{HEAD}'; echo ' 1  127.0.0.1  0.1 ms'\n")
    monkeypatch.setattr(probe_shell, "ALIVE_INTERVAL", 0.2)
    output = run(image, errands)
    assert output.index("=alive\n=alive\n=alive\n") < output.index("=begin")
    assert WAY.finished(output) == WAY.finished(output.replace("=alive\n", ""))
    answers = WAY.read(output, "", errands, SETTINGS)
    assert answers == WAY.read(output.replace("=alive\n", ""), "", errands, SETTINGS)
    assert all(answer.observation.trace for answer in answers)


def test_nothing_of_a_prober_outlives_it(image):
    began = time.monotonic()
    prober = started(image, [pair("node-1", "127.0.0.1")])
    output, errors = prober.communicate(timeout=60)
    assert time.monotonic() - began < probe_shell.ALIVE_INTERVAL / 2, "nobody waits for the next sign of life"
    assert (output.endswith("=done\n"), errors) == (True, "")
    assert processes(prober.pid) == 0


def test_signs_of_life_end_with_a_prober_that_is_killed(image, monkeypatch):
    monkeypatch.setattr(probe_shell, "ALIVE_INTERVAL", 0.2)
    tool(image, "traceroute", "sleep 2\n")
    prober = started(image, [pair("node-1", "127.0.0.1")])
    assert [prober.stdout.readline() for _line in range(2)][1] == "=alive\n"
    prober.kill()
    prober.wait(10)
    # what it began ends by itself, and with it who reads of it
    assert prober.stdout.read().count("=alive") <= 2
    prober.stdout.close()
    prober.stderr.close()


def test_an_image_whose_sleep_fails_gets_no_flood_of_signs_of_life(image):
    (image / "bin" / "sleep").unlink()
    assert run(image, [pair("node-1", "127.0.0.1")]).count("=alive") == 0


def test_errands_begin_at_their_seconds_whatever_stands_before_them(image):
    head = "traceroute to 127.0.0.1 (127.0.0.1), 5 hops max, 46 byte packets"
    tool(image, "traceroute", f"date +%s.%N >>order; echo '{head}'; echo ' 1  127.0.0.1  0.1 ms'\n")
    (image / "bin" / "sleep").unlink()
    tool(image, "sleep", f'echo "$1" >>slept; exec {shutil.which("sleep")} "$1"\n')
    errands = [replace(pair(f"node-{number}", "127.0.0.1"), start=start) for number, start in enumerate([2, 0, 1])]
    before = time.time()
    run(image, errands)
    order, slept = ([float(line) for line in (image / "results" / name).read_text().split()]
                    for name in ("order", "slept"))
    # the clock tells hundredths
    assert all(when - before > second - 0.02 for second, when in enumerate(order)), order
    slept.remove(probe_shell.ALIVE_INTERVAL)
    assert sum(slept) <= 2, "no second twice"


def test_files_of_what_was_told_are_gone(image):
    """They take 32 KiB for a pair, and the volume has 16 MiB; beyond it the kubelet evicts the pod."""
    errands = [pair(f"node-{number}", "127.0.0.1") for number in range(12)]
    assert run(image, errands).count("=end") == 12
    assert not list((image / "results").glob("[0-9]*"))


def test_of_the_dead_only_so_many_are_looked_at_together(image, monkeypatch):
    monkeypatch.setattr(probe_shell, "LATE_AT_ONCE", 5)
    head = "traceroute to 10.0.0.2 (10.0.0.2), 5 hops max, 46 byte packets"
    tool(image, "traceroute", f"echo '{head}'; echo ' 1  *'\n")
    tool(image, "wget", "echo 1 >>order; sleep 0.1; echo -1 >>order\n")
    errands = [pair(f"node-{number}", "10.0.0.2") for number in range(12)]
    errands.append(Errand(CONTROL, "node-2", "ipv4", "10.0.0.9", 3, 40000, 3))
    answers = WAY.read(run(image, errands), "", errands, SETTINGS)
    assert all(answer.observation.trace for answer in answers), "each of them is told"
    steps = [int(line) for line in (image / "results" / "order").read_text().split()]
    assert (steps.count(1), max(itertools.accumulate(steps)) <= 5) == (12, True)


def test_a_thousand_errands_are_told_in_one_command(image):
    tool(image, "wget", "printf '%s' 'c0ffee00 node-1 127.0.0.1'\n")
    errands = [Errand(SERVICE, "", "ipv4", f"10.96.{n // 250}.{n % 250}", n // 500, 80) for n in range(1000)]
    assert WAY.probe_command(plan.Method(), errands)[-1] == "packed"
    answers = WAY.read(run(image, errands), "", errands, SETTINGS)
    assert all(answer.observation.tcp.connected for answer in answers)


@pytest.mark.parametrize("tool_name", ["base64", "gunzip"])
def test_an_image_that_cannot_unpack_a_long_order_is_named(image, tool_name):
    (image / "bin" / tool_name).unlink()
    errands = [pair(f"node-{number}", "127.0.0.1") for number in range(1000)]
    answers = WAY.read(run(image, errands), "", errands, SETTINGS)
    assert f"busybox:1 has no {tool_name}" in answers[999].observation.problem
    assert "pod_paths_image" in answers[999].observation.problem


def test_long_lists_of_errands_stay_short_in_the_url():
    errands = [
        Errand(PAIR, f"node-{number}", "ipv6", f"fd00:10:244:{number:x}::1234", 0, 40000, 5) for number in range(100)
    ]
    assert len("".join(WAY.probe_command(plan.Method(), errands))) < 8000
    assert os.linesep.join(WAY.probe_command(plan.Method(), errands)).count("fd00") == 100
