# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unprivileged prober and peer, run inside a pod by ``python3 -c``: standard library of Python 3.9, Linux.

Nothing here needs a capability: echoes go through datagram sockets of ICMP, where the kernel allows them
(net.ipv4.ping_group_range), else through UDP, where the peer's program sends them back; routers' answers come by the
error queue of such a socket (IP_RECVERR, IPV6_RECVERR). Results say which it was (protocol). All probes of a trace are
sent at once, as each answer says which probe it is for. Times are milliseconds where they are told, else seconds.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import gzip
import heapq
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
import time

# Linux's numbers; the socket module has not all of them.
MSG_ERRQUEUE = 0x2000
DO_NOT_FRAGMENT = 3  # PMTUDISC_PROBE: DF on every packet, whatever was learned of the path
ORIGIN_ICMP, ORIGIN_ICMP6 = 2, 3
NEIGHBOUR_PATIENCE = 3.3  # a router gives up looking for a neighbour after three seconds, and then says so
FIRST_HOP_PATIENCE = 0.1
PAUSE = 0.3
PATIENCE = 0.2  # for the answer to an echo, before the next one is sent
READ_PATIENCE = 2  # seconds for a peer to read what it was sent
FIRST, LATE, AGAIN = range(3)  # what a pair comes to its turn for

IPV4 = {
    "family": socket.AF_INET,
    "level": socket.IPPROTO_IP,
    "protocol": socket.IPPROTO_ICMP,
    "request": 8,
    "ttl": 2,
    "receive_ttl": 12,
    "told_ttl": 2,
    "receive_errors": 11,
    "discover": 10,
    "headers": 28,
    "offender": 4,
}
IPV6 = {
    "family": socket.AF_INET6,
    "level": socket.IPPROTO_IPV6,
    "protocol": socket.IPPROTO_ICMPV6,
    "request": 128,
    "ttl": 16,
    "receive_ttl": 51,
    "told_ttl": 52,
    "receive_errors": 25,
    "discover": 23,
    "headers": 48,
    "offender": 8,
}
NUMBERS = {"ipv4": IPV4, "ipv6": IPV6}
NOTES_IPV4 = {0: "!N", 1: "!H", 2: "!P", 3: "", 5: "!S", 6: "!N", 7: "!H", 9: "!A", 10: "!A", 13: "!A"}
NOTES_IPV6 = {0: "!N", 1: "!A", 2: "!S", 3: "!H", 4: "", 5: "!A", 6: "!A"}


def plain(address):
    """An address without its zone; one of IPv4 that a socket of IPv6 shows, as IPv4."""
    address = address.partition("%")[0]
    return address[7:] if address.startswith("::ffff:") and "." in address else address


def unreachable(kind, code, info, numbers):
    """The annotation of an error, as traceroute prints it; None for one that says the TTL ran out."""
    if numbers is IPV4:
        if kind == 11:
            return None
        if kind == 3 and code == 4:
            return f"!F-{info}"
        return NOTES_IPV4.get(code, f"!<{code}>")
    if kind == 3:
        return None
    if kind == 2:
        return f"!F-{info}"
    return NOTES_IPV6.get(code, f"!<{code}>")


def object_in(data):
    """The object of JSON that somebody sent, who may be a stranger; empty where it is none."""
    try:
        told = json.loads(data.decode())
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


class Line:
    """A socket to one address that knows for each answer which packet it is for."""

    def __init__(self, family, address, port):
        self.numbers = NUMBERS[family]
        self.address = address
        self.port = port
        self.sent = {}
        self.answers = {}
        try:
            self.socket = socket.socket(self.numbers["family"], socket.SOCK_DGRAM, self.numbers["protocol"])
            self.icmp = True
        except OSError:
            self.socket = socket.socket(self.numbers["family"], socket.SOCK_DGRAM)
            self.icmp = False
        for option in ("receive_errors", "receive_ttl"):
            self.socket.setsockopt(self.numbers["level"], self.numbers[option], 1)
        self.socket.setblocking(False)

    def unfragmented(self):
        self.socket.setsockopt(self.numbers["level"], self.numbers["discover"], DO_NOT_FRAGMENT)

    def send(self, sequence, ttl=None, size=60, payload=b""):
        """Sends packet ``sequence`` of ``size`` bytes in all."""
        if ttl:
            self.socket.setsockopt(self.numbers["level"], self.numbers["ttl"], ttl)
        filled = payload.ljust(max(0, size - self.numbers["headers"]), b"p")
        port = self.port
        if self.icmp:
            filled = struct.pack("!BBHHH", self.numbers["request"], 0, 0, 0, sequence) + filled
            port = 0
        elif ttl:
            port += sequence
        for _attempt in range(4):
            self.sent[sequence] = time.monotonic()
            try:
                self.socket.sendto(filled, (self.address, port))
                return
            except OSError as error:
                # an earlier answer's error is told at the next call, once; or the packet is too big for the device
                if error.errno == errno.EMSGSIZE:
                    self.answers[sequence] = {"note": "!F"}
                    return

    def _keep(self, sequence, address, note, ttl=None, told=None):
        if sequence in self.sent and sequence not in self.answers:
            spent = round((time.monotonic() - self.sent[sequence]) * 1000, 3)
            self.answers[sequence] = {
                "address": plain(address),
                "ms": spent,
                "note": note,
                "ttl": ttl,
                "told_mtu": told,
            }

    def _read_error(self):
        data, control, _flags, origin = self.socket.recvmsg(2048, 512, MSG_ERRQUEUE)
        for level, kind, value in control:
            if level != self.numbers["level"] or kind != self.numbers["receive_errors"] or len(value) < 16:
                continue
            _number, source, what, code, _pad, info, _data = struct.unpack("=IBBBBII", value[:16])
            if source not in (ORIGIN_ICMP, ORIGIN_ICMP6):
                continue
            width = 4 if self.numbers is IPV4 else 16
            start = 16 + self.numbers["offender"]
            offender = socket.inet_ntop(self.numbers["family"], value[start : start + width])
            if self.icmp:
                sequence = struct.unpack("!H", data[6:8])[0] if len(data) >= 8 else -1
            else:
                sequence = origin[1] - self.port
            note = unreachable(what, code, info, self.numbers)
            self._keep(sequence, offender, note or "", None, info if note and note.startswith("!F") else None)
            if note is not None and sequence in self.answers:
                self.answers[sequence]["last"] = True

    def _read_answer(self):
        data, control, _flags, origin = self.socket.recvmsg(65535, 512)
        ttl = None
        for level, kind, value in control:
            if level == self.numbers["level"] and kind == self.numbers["told_ttl"]:
                ttl = struct.unpack("=i", value[:4])[0]
        if self.icmp:
            sequence = struct.unpack("!H", data[6:8])[0] if len(data) >= 8 else -1
        else:
            sequence = object_in(data.rstrip(b"p")).get("sequence")
            sequence = sequence if isinstance(sequence, int) else -1
        self._keep(sequence, origin[0], "", ttl)

    def listen(self, seconds, enough=None):
        """Collects answers for so long, or until all came, or there are ``enough`` (a function without arguments)."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN | select.POLLERR)
        end = time.monotonic() + seconds
        while len(self.answers) < len(self.sent) and not (enough and enough()):
            left = end - time.monotonic()
            if left <= 0:
                return
            for _descriptor, event in poll.poll(left * 1000 + 1):
                for wanted, read in ((select.POLLERR, self._read_error), (select.POLLIN, self._read_answer)):
                    if event & wanted:
                        # an error may be told by the call instead of by what it reads
                        with contextlib.suppress(OSError):
                            read()

    def close(self):
        self.socket.close()


def protocol(line):
    return "icmp" if line.icmp else "udp"


def trace(errand, method, patient):
    """The hops up to the target or to a router's last word, each with its probes."""
    line = Line(errand["family"], errand["address"], errand["port"])
    try:
        probes = method["probes"] if patient else 1
        slots = [(ttl, probe) for ttl in range(1, errand["max_ttl"] + 1) for probe in range(probes)]
        for number, (ttl, _probe) in enumerate(slots):
            line.send(number, ttl)
            if number + 1 == probes:
                # who says no at hop 1 says so of every probe, and spends the errors that the kernel allows it
                line.listen(FIRST_HOP_PATIENCE)
                if any(answer.get("last") for answer in line.answers.values()):
                    break

        def reached():
            return any(answer.get("address") == errand["address"] for answer in line.answers.values())

        line.listen(method["wait"])
        if patient and len(line.sent) == len(slots) and not reached():
            line.listen(NEIGHBOUR_PATIENCE - method["wait"])
        hops = []
        for ttl in range(1, errand["max_ttl"] + 1):
            replies = [line.answers.get(number) for number, slot in enumerate(slots) if slot[0] == ttl]
            hops.append(
                [{key: reply.get(key) for key in ("address", "ms", "note")} if reply else None for reply in replies]
            )
            there = [reply for reply in replies if reply]
            if any(reply.get("address") == errand["address"] or reply.get("last") for reply in there):
                break
        return {
            "target": errand["address"],
            "max_ttl": errand["max_ttl"],
            "hops": hops,
            "protocol": protocol(line),
        }
    finally:
        line.close()


def echoes(errand, count, wait, size=None, interval=0):
    """Echoes to the peer: how many were sent and answered, times and TTLs of the answers, a router's told MTU.

    Once a router has told what fits, the next ones are of that size: only those that arrive show that it does.
    ``interval``: seconds between two of them, also where the answer is there at once.
    """
    line = Line(errand["family"], errand["address"], errand["peer_port"])
    try:
        if size:
            line.unfragmented()
        for number in range(count):
            payload = b"" if line.icmp else json.dumps({"sequence": number}).encode()
            told = [answer["told_mtu"] for answer in line.answers.values() if answer.get("told_mtu")]
            line.send(number, None, min([size or 60, *told]), payload)
            due = time.monotonic() + interval
            line.listen((interval or PATIENCE) if number + 1 < count else wait, lambda: False)
            if number + 1 < count:
                time.sleep(max(0, due - time.monotonic()))
        came = [number for number, answer in line.answers.items() if is_echo(answer, errand)]
        good = [line.answers[number] for number in came]
        told = [answer["told_mtu"] for answer in line.answers.values() if answer.get("told_mtu")]
        return {
            "sent": count,
            "received": len(good),
            "late": count - min(came) - len(came) if came else 0,
            "ms": [answer["ms"] for answer in good],
            "ttls": [answer["ttl"] for answer in good if answer["ttl"]],
            "size": size,
            "told_mtu": min(told, default=None),
            "protocol": protocol(line),
        }
    finally:
        line.close()


def is_echo(answer, errand):
    return answer.get("address") == errand["address"] and not answer.get("last")


def await_peer(errand, patience):
    """Waits until the peer's program sends an echo back, for ``patience`` seconds; returns for how long it did.

    Echoes by UDP need that: a pod's kernel answers ICMP as soon as there is an address, while a program that runs need
    not listen yet. The kernel limits refusals, so silence may be one.
    """
    begin = time.monotonic()
    line = Line(errand["family"], errand["address"], errand["peer_port"])
    try:
        number = 0
        while True:
            line.send(number, None, 60, json.dumps({"sequence": number}).encode())
            due = time.monotonic() + PAUSE
            line.listen(PAUSE)
            now = time.monotonic()
            if now >= begin + patience or any(is_echo(answer, errand) for answer in line.answers.values()):
                return now - begin
            number += 1
            time.sleep(max(0, due - now))
    finally:
        line.close()


def datagrams(errand, mtu, patience=0):
    """Small datagrams and one of full size to the peer, which records what comes.

    Returns what somebody refused them with, within ``patience`` seconds; empty where nobody did.
    """
    numbers = NUMBERS[errand["family"]]
    told = {"run": os.environ["PODPATH_RUN"], "from": os.environ["PODPATH_NODE"], "family": errand["family"]}
    with socket.socket(numbers["family"], socket.SOCK_DGRAM) as sender:
        sender.setsockopt(numbers["level"], numbers["discover"], DO_NOT_FRAGMENT)
        errors = []
        try:
            # a connected socket is told of refusals, by the next call or by its own error
            sender.connect((errand["address"], errand["peer_port"]))
        except OSError as error:
            return error.strerror
        for size in (120, 120, mtu or 120):
            try:
                sender.send(json.dumps(told).encode().ljust(size - numbers["headers"], b"p"))
            except OSError as error:
                errors.append(error.errno)
        poll = select.poll()
        poll.register(sender, 0)
        if not errors and poll.poll(patience * 1000):
            errors.append(sender.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        # the largest one may be too large for the way, which is no refusal
        return next((os.strerror(number) for number in errors if number not in (0, errno.EMSGSIZE)), "")


def connect(address, port, patience):
    """A connection to a peer: who it is, and what it recorded of this prober."""
    begin = time.monotonic()
    try:
        with socket.create_connection((address, port), timeout=patience) as connection:
            spent = round((time.monotonic() - begin) * 1000, 3)
            connection.sendall((os.environ["PODPATH_NODE"] + "\n").encode())
            said = b""
            while len(said) < 65536:
                piece = connection.recv(4096)
                if not piece:
                    break
                said += piece
        told = object_in(said)
        if not is_of_peer(told):
            return {"connected": False, "problem": f"Somebody else answers at {address}."}
        return {"connected": True, "ms": spent, "said": told}
    except socket.timeout:  # noqa: UP041 - another one in Python 3.9
        return {"connected": False, "problem": f"no answer within {patience} s"}
    except ConnectionRefusedError as error:
        return {"connected": False, "problem": error.strerror, "refused": True}
    except OSError as error:
        return {"connected": False, "problem": error.strerror or str(error)}


def is_of_peer(told):
    """Whether a peer of this run said that, as answer_connection does."""
    records = told.get("records")
    return (
        told.get("run") == os.environ["PODPATH_RUN"]
        and all(isinstance(told.get(name), str) for name in ("node", "source"))
        and isinstance(records, list)
        and all(isinstance(record, dict) and record.keys() >= RECORDED for record in records)
    )


def largest_record(connection, family):
    """The size of the largest datagram that the peer of a connection has recorded, 0 where there is none."""
    return max((record["size"] for record in connection["said"]["records"] if record["family"] == family), default=0)


def device_mtu():
    try:
        with open("/sys/class/net/eth0/mtu") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def arrived(traced):
    return any(reply and reply["address"] == traced["target"] for hop in traced["hops"] for reply in hop)


def silent(traced):
    """How many hops have no answer at all."""
    return sum(not any(reply and reply.get("address") for reply in hop) for hop in traced["hops"])


def run_errand(errand, method):
    """What an errand has seen; of a pair the trace alone, as look_closer does the rest."""
    if errand["kind"] == "control":
        # an address that answers may be a pod's, all of them may not
        for number, address in enumerate([errand["address"], *errand.get("spares", ())]):
            if number:
                time.sleep(method["control_pause"])
            traced = trace({**errand, "address": address}, method, False)
            if not arrived(traced):
                break
        return {"trace": traced}
    if errand["kind"] == "service":
        end = time.monotonic() + method["service_patience"]
        while True:
            result = connect(errand["address"], errand["port"], method["tcp_patience"])
            if result["connected"] or time.monotonic() >= end:
                return {"tcp": result}
            time.sleep(PAUSE)
    return {"trace": trace(errand, method, True)}


def look_closer(errand, method, seen):
    """What follows the trace of a pair."""
    mtu = device_mtu()
    patience = method["listen_patience"]
    if seen["trace"].get("protocol") == "udp" and arrived(seen["trace"]):
        patience -= await_peer(errand, patience)
    datagrams(errand, mtu)
    seen["echoes"] = echoes(errand, method["echoes"], method["wait"], None, method["echo_interval"])
    if mtu:
        seen["full_size"] = echoes(errand, method["full_size_echoes"], method["wait"], mtu)
        mtu = seen["full_size"]["told_mtu"] or mtu
    # last, as it fetches what the peer has recorded
    end = time.monotonic() + patience
    read_by = None
    while True:
        seen["tcp"] = connect(errand["address"], errand["peer_port"], method["tcp_patience"])
        # a peer that runs need not listen yet, and one that is short of time need not have read its datagrams yet
        refused = seen["tcp"].pop("refused", False)
        unread = seen["tcp"].get("connected") and largest_record(seen["tcp"], errand["family"]) < (mtu or 1)
        now = time.monotonic()
        if not seen["tcp"]["connected"] and not refused and "first" not in seen and arrived(seen["trace"]):
            # a peer that a trace reached gets a second try, from another port
            seen["first"] = seen["tcp"]["problem"]
            continue
        if unread and read_by is None:
            read_by = now + READ_PATIENCE
        if not (refused and now < end) and not (unread and now < read_by):
            return seen
        if unread:
            # nor need it have listened when they were sent; the kernel limits refusals, so one is enough
            seen["refused"] = datagrams(errand, mtu, PAUSE) or seen.get("refused", "")
        time.sleep(max(0, now + PAUSE - time.monotonic()))


def probe(order):
    """Each errand at its time, in a thread that it has from then on; one line of JSON for each as it ends, and one now
    and then that says no more than that it works."""
    method, errands = order["method"], order["errands"]
    begin = time.monotonic()
    turn = threading.Condition()
    # as (when, number, what for, what it has seen), the next one first
    waiting = [(errand["start"], number, FIRST, None) for number, errand in enumerate(errands)]
    heapq.heapify(waiting)
    running = dict.fromkeys((FIRST, LATE, AGAIN), 0)
    retraced = set()

    def step(number, stage, told):
        """What an errand has seen after this stage of it, and the stage that follows, if any."""
        errand = errands[number]
        if stage == AGAIN:
            # that it cannot send takes nothing from what was seen
            with contextlib.suppress(OSError):
                told["again"] = trace(errand, method, True)
            return told, None
        if stage == FIRST:
            told = run_errand(errand, method)
        if errand["kind"] != "pair":
            return told, None
        there = arrived(told["trace"])
        # each packet to a dead address may draw an ICMP error, and the kernel limits those, with the ones that the
        # other traces live by
        if stage == FIRST and not there:
            return told, LATE
        told = look_closer(errand, method, told)
        return told, AGAIN if there and silent(told["trace"]) > errand.get("silences", 0) else None

    def work(number, stage, told):
        seen = following = None
        try:
            seen, following = step(number, stage, told)
        except OSError as error:
            seen = {"problem": f"{error.strerror or error} (errno {error.errno})"}
        finally:
            # whatever became of it, or all would wait for it for ever
            seen = seen or {"problem": f"its program failed ({sys.exc_info()[1]!r})"}
            with turn:
                running[stage] -= 1
                turn.notify()
                if following == AGAIN and len(retraced) >= method["second_traces"]:
                    following = None  # more of them would empty the bucket of ICMP errors again
                if following is None:
                    print(json.dumps({"number": number, **seen}), flush=True)
                elif following == LATE:
                    heapq.heappush(waiting, (method["calm"], number, LATE, seen))
                else:
                    retraced.add(number)
                    heapq.heappush(waiting, (method["refilled"], number, AGAIN, seen))

    silent_until = begin + method["alive_interval"]
    with turn:
        while waiting or any(running.values()):
            now = time.monotonic()
            if now >= silent_until:
                silent_until = now + method["alive_interval"]
                print(json.dumps({"alive": True}), flush=True)
            late = bool(waiting) and waiting[0][2] == LATE
            left = begin + waiting[0][0] - now if waiting else None
            # plans pace what is not late; of those that are, all may come at once
            if left is None or (late and running[LATE] >= method["late_at_once"]):
                turn.wait(silent_until - now)
            elif left > 0:
                turn.wait(min(left, silent_until - now))
            else:
                _when, number, stage, told = heapq.heappop(waiting)
                running[stage] += 1
                threading.Thread(target=work, args=(number, stage, told)).start()


def unpacked(order, form=""):
    """An order as it was before it was packed for being long."""
    return gzip.decompress(base64.b64decode(order)).decode() if form else order


RECORDS = {}
RECORDED = {"from", "family", "source", "ttl", "size"}


def take_datagram(listener, numbers):
    """Records a prober's datagram, or sends an echo back."""
    data, control, _flags, origin = listener.recvmsg(65535, 512)
    told = object_in(data.rstrip(b"p"))
    if "sequence" in told:
        listener.sendto(data, origin)
        return
    sender = told.get("from"), told.get("family")
    if told.get("run") != os.environ["PODPATH_RUN"] or not all(isinstance(name, str) for name in sender):
        return
    ttl = None
    for level, kind, value in control:
        if level == numbers["level"] and kind == numbers["told_ttl"]:
            ttl = struct.unpack("=i", value[:4])[0]
    before = RECORDS.get(sender, {"size": 0})
    size = len(data) + numbers["headers"]
    if size > before["size"]:
        RECORDS[sender] = {
            "from": sender[0],
            "family": sender[1],
            "source": plain(origin[0]),
            "ttl": ttl,
            "size": size,
        }
        with open(os.path.join(os.environ["PODPATH_DIR"], "heard"), "a") as file:
            file.write(json.dumps(RECORDS[sender]) + "\n")


def answer_connection(connection, origin):
    with connection:
        connection.settimeout(5)
        try:
            who = connection.recv(1024).decode(errors="replace").strip()
            told = {
                "run": os.environ["PODPATH_RUN"],
                "node": os.environ["PODPATH_NODE"],
                "source": plain(origin[0]),
                "records": [record for record in list(RECORDS.values()) if record["from"] == who],
            }
            connection.sendall(json.dumps(told).encode())
        except OSError:
            pass  # the prober is gone, and knows it


def serve_connections(port):
    try:
        listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
    except (OSError, ValueError):
        listener = socket.create_server(("", port), backlog=128)
    while True:
        connection, origin = listener.accept()
        threading.Thread(target=answer_connection, args=(connection, origin), daemon=True).start()


def connection_lines(port):
    """Who is connected to a port, whole or half-open, as connections.py reads it; those that have come to their end are
    told by the prober."""
    found = []
    for name in ("tcp", "tcp6"):
        try:
            with open("/proc/net/" + name) as file:
                rows = [line.split() for line in file]
        except OSError:
            continue
        for row in rows[1:]:
            remote, state, waiting = row[2].partition(":")[0], row[3], row[4].partition(":")[2]
            if int(row[1].partition(":")[2], 16) != port or state == "06":
                continue
            if state != "0A":
                found.append(f"=seen,{remote},{state}")
            elif int(waiting, 16):
                found.append("=late")
    return found


def watch_connections(port, most):
    """Keeps each line once, as the kernel forgets a half-open connection after a minute."""
    known = set()
    with open(os.path.join(os.environ["PODPATH_DIR"], "connections"), "a") as file:
        while True:
            for line in connection_lines(port):
                if line in known:
                    continue
                if len(known) >= most:
                    print("=full", file=file, flush=True)
                    return
                known.add(line)
                print(line, file=file, flush=True)
            time.sleep(1)


def peer(most):
    port = int(os.environ["PODPATH_PORT"])
    threading.Thread(target=serve_connections, args=(port,), daemon=True).start()
    threading.Thread(target=watch_connections, args=(port, most), daemon=True).start()
    poll = select.poll()
    listeners = {}
    for family, numbers in NUMBERS.items():
        try:
            listener = socket.socket(numbers["family"], socket.SOCK_DGRAM)
            if family == "ipv6":
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.setsockopt(numbers["level"], numbers["receive_ttl"], 1)
            listener.bind(("", port))
        except OSError:
            continue  # a kernel without this family
        listeners[listener.fileno()] = (listener, numbers)
        poll.register(listener, select.POLLIN)
    end = time.monotonic() + int(os.environ["PODPATH_LIFETIME"])
    while time.monotonic() < end:
        for descriptor, _event in poll.poll(1000):
            # an answer that could not be sent
            with contextlib.suppress(OSError):
                take_datagram(*listeners[descriptor])


def heard():
    for path in (*(os.path.join(os.environ["PODPATH_DIR"], name) for name in ("heard", "connections")),
                 "/proc/net/tcp", "/proc/net/tcp6"):  # fmt: skip
        # nothing came, or a kernel without this family
        with contextlib.suppress(OSError), open(path) as file:
            sys.stdout.write(file.read())
    print("done")


def main(role, *rest):
    if role == "probe":
        probe(json.loads(unpacked(*rest)))
    elif role == "heard":
        heard()
    else:
        # the first process of a container gets no signal that it does not ask for
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_given: os._exit(0))
        if role == "peer":
            peer(int(rest[0]))
        else:
            time.sleep(int(os.environ["PODPATH_LIFETIME"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
