# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probing with an unprivileged program of our own (probe_agent) in an image that has Python. Pure.

For namespaces under the restricted Pod Security level, where no traceroute runs.
"""

from __future__ import annotations

import inspect
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils import connections, probe_agent
from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import (
    ICMP,
    Arrival,
    Echoes,
    FullSize,
    Observation,
    Tcp,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Method
from ansible_collections.podpath.kubeadm.plugins.module_utils.pods import PEER, PEER_PORT, PROBER, Program, Settings
from ansible_collections.podpath.kubeadm.plugins.module_utils.probing import (
    ALIVE_INTERVAL,
    CONTROL_PAUSE,
    ECHO_INTERVAL,
    FULL_SIZE_ECHOES,
    LATE_AT_ONCE,
    LISTEN_PATIENCE,
    PAIR,
    SERVICE_PATIENCE,
    TCP_PATIENCE,
    Answer,
    Errand,
    Heard,
    Sender,
    answers,
    better,
    calm,
    canonical,
    packed,
    refilled,
    second_traces,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.trace import Hop, Reply, Trace

# The program stands in the environment: neither a ConfigMap nor a right to make one is needed, and a command, which
# becomes part of a URL, stays short.
_RUN = ["python3", "-c", "import os; exec(os.environ['PODPATH_AGENT'])"]


def _lines(output: str) -> list[dict[str, Any]]:
    """The whole lines of JSON in an output that may be cut off."""
    told = []
    for line in output.splitlines():
        try:
            value = json.loads(line)
        # a nesting without end is one of the odd lines, too
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            told.append(value)
    return told


@contextmanager
def _of_our_program() -> Iterator[None]:
    """Whatever is not as our program tells it raises ValueError."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
        raise ValueError(f"our program does not say so ({type(error).__name__}: {error})") from error


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _trace(told: Mapping[str, Any]) -> Trace:
    hops = []
    for ttl, replies in enumerate(told["hops"], 1):
        listed = tuple(
            Reply(canonical(reply["address"]), float(reply["ms"]), str(reply["note"] or "") or None)
            if reply and reply.get("address")
            else Reply()
            for reply in replies
        )
        hops.append(Hop(ttl, listed))
    return Trace(canonical(told["target"]), int(told["max_ttl"]), tuple(hops))


def _echoes(told: Mapping[str, Any]) -> Echoes:
    times = [float(ms) for ms in told["ms"]]
    rtt = (min(times), round(statistics.median(times), 3), max(times)) if times else None
    ttls = tuple(sorted({int(ttl) for ttl in told["ttls"]}))
    return Echoes(int(told["sent"]), int(told["received"]), rtt, ttls, told["protocol"])


def _arrival(
    record: Mapping[str, Any] | None, connected: str = "", handshake: bool | None = None, refused: str = ""
) -> Arrival:
    """What a datagram's record says, if any came; ``connected``: from where the peer saw a TCP connection come, which
    itself shows who did; ``refused``: with what somebody refused the datagrams."""
    if record is None:
        return Arrival(connected, None, 0, {"tcp": connected}, refused, handshake)
    source = canonical(record["source"])
    sources = {"udp": source, **({"tcp": connected} if connected else {})}
    return Arrival(source, _whole(record["ttl"]), int(record["size"]), sources, handshake=handshake)


def _tcp(told: Mapping[str, Any], errand: Errand, first: str = "") -> tuple[Tcp, str]:
    """The connection, and the node of the peer that took it. ``first``: why an earlier try failed."""
    if not told["connected"]:
        return Tcp(False, told["problem"]), ""
    said = told["said"]
    if errand.kind == PAIR and said["node"] != errand.node:
        problem = f"The peer of {said['node']} answered at {errand.address}, the address of that on {errand.node}."
        return Tcp(False, problem), said["node"]
    return Tcp(True, first, float(told["ms"])), said["node"]


def _by_number(output: str) -> dict[int, dict[str, Any]]:
    """What is told of the errands that ended."""
    return {line["number"]: line for line in _lines(output) if isinstance(line.get("number"), int)}


@_of_our_program()
def _answer(told: Mapping[str, Any], errand: Errand) -> Answer:
    if told.get("problem"):
        return Answer(Observation(problem=f"The prober could not send: {told['problem']}"))
    tcp, served_by = _tcp(told["tcp"], errand, told.get("first", "")) if "tcp" in told else (None, "")
    trace = _trace(told["trace"]) if "trace" in told else None
    protocol = told["trace"]["protocol"] if "trace" in told else ICMP
    if errand.kind != PAIR:
        return Answer(Observation(trace=trace, tcp=tcp, protocol=protocol), served_by)
    unobserved = {}
    full_size = None
    if "full_size" in told:
        full = told["full_size"]
        sizes = (int(full[name]) for name in ("size", "sent", "received"))
        full_size = FullSize(*sizes, _whole(full["told_mtu"]), int(full["late"]))
    else:
        unobserved["full_size"] = "The pod's MTU cannot be read (/sys/class/net/eth0/mtu)."
    arrival = None
    if tcp and tcp.connected:
        records = [record for record in told["tcp"]["said"]["records"] if record["family"] == errand.family]
        connected = canonical(told["tcp"]["said"]["source"])
        arrival = _arrival(records[0] if records else None, connected, True, told.get("refused", ""))
    again = _trace(told["again"]) if "again" in told else None
    if trace is not None:
        trace = better(trace, again)
    echoes = _echoes(told["echoes"])
    seen = Observation(
        trace, "", echoes, full_size, arrival, tcp, None, unobserved, protocol, retraced=again is not None
    )
    return Answer(seen, served_by)


class AgentWay:
    """Probing with a program of our own, without any privilege."""

    name = "agent"

    def program(self, settings: Settings) -> Program:
        commands = {PROBER: [*_RUN, "wait"], PEER: [*_RUN, "peer", str(connections.MOST_KEPT)]}
        return Program(settings.agent_image, commands, {"PODPATH_AGENT": inspect.getsource(probe_agent)}, True)

    def probe_command(self, method: Method, errands: Sequence[Errand]) -> list[str]:
        order = {
            "method": {
                "probes": method.probes,
                "wait": method.wait,
                "echoes": method.echoes,
                "echo_interval": ECHO_INTERVAL,
                "full_size_echoes": FULL_SIZE_ECHOES,
                "tcp_patience": TCP_PATIENCE,
                "listen_patience": LISTEN_PATIENCE,
                "service_patience": SERVICE_PATIENCE,
                "calm": calm(errands),
                "control_pause": CONTROL_PAUSE,
                "late_at_once": LATE_AT_ONCE,
                "refilled": refilled(method, errands),
                "second_traces": second_traces(method),
                "alive_interval": ALIVE_INTERVAL,
            },
            "errands": [
                {
                    "kind": errand.kind,
                    "family": errand.family,
                    "address": errand.address,
                    "start": errand.start,
                    "port": errand.port,
                    "max_ttl": errand.max_ttl,
                    **({"spares": errand.spares} if errand.spares else {}),
                    **({"silences": errand.silences} if errand.silences else {}),
                    "peer_port": PEER_PORT,
                }
                for errand in errands
            ],
        }
        return [*_RUN, "probe", *packed(json.dumps(order, separators=(",", ":")), len(errands))]

    def read(self, output: str, problem: str, errands: Sequence[Errand], settings: Settings) -> list[Answer]:
        return answers(_by_number(output), errands, _answer, problem)

    def finished(self, lines: str) -> list[int]:
        return list(_by_number(lines))

    def peer_command(self) -> list[str]:
        return [*_RUN, "heard"]

    @_of_our_program()
    def read_peer(self, output: str, problem: str, senders: Mapping[Sender, str]) -> Heard:
        if problem or "done" not in output.splitlines():
            return Heard(unknown=f"The peer could not be asked what arrived: {problem or 'its output is cut off'}")
        records = {(line["from"], line["family"]): line for line in _lines(output)}
        known = connections.read(output, PEER_PORT)
        arrivals = {}
        for sender in {*records, *senders}:
            came = senders.get(sender, "") in known.handshakes
            if came:
                address = senders[sender]
                arrivals[sender] = _arrival(records.get(sender), address, known.handshakes[address])
            elif sender in records:
                arrivals[sender] = _arrival(records[sender])
        return Heard(arrivals)
