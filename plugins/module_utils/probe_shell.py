# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probing with the tools of an image: a shell, traceroute, ping, wget, and httpd at the peer.

Pure: the scripts, and what comes out of their output. A tool that the image lacks leaves its evidence unobserved, with
the reason; only traceroute must be there.

Why a full-size echo is not fragmented: Linux sets DF on what fits the device, and ping has nothing to say in that.
Where a router tells of a smaller MTU, the kernel heeds it from the next echo on, so only the first is lost, and of IPv6
one more, as its answer may not be split either; in a hole, where nobody tells, all are. All echoes of a pair are one
flow to vxlan, whatever their identifier, so that several pings would show no more than one.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.podpath.kubeadm.plugins.module_utils import connections, probe_routes
from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import (
    Arrival,
    Echoes,
    FullSize,
    Observation,
    Tcp,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Method
from ansible_collections.podpath.kubeadm.plugins.module_utils.pods import (
    PEER,
    PEER_PORT,
    PROBER,
    READER,
    Program,
    Settings,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.probing import (
    ALIVE_INTERVAL,
    CONTROL,
    CONTROL_PAUSE,
    ECHO_INTERVAL,
    FULL_SIZE_ECHOES,
    LATE_AT_ONCE,
    LISTEN_PATIENCE,
    PAIR,
    SERVICE_PATIENCE,
    SLOW_ECHO_INTERVAL,
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
from ansible_collections.podpath.kubeadm.plugins.module_utils.trace import Trace, TraceError, parse

# Headers of IP and ICMP in bytes.
_HEADERS = {"ipv4": 28, "ipv6": 48}

# The shell is the container's first process, so it must take SIGTERM itself, or a removal waits for the kill.
_WAIT = """
trap 'exit 0' TERM INT
sleep "$PODPATH_LIFETIME" &
wait $!
"""

_PEER = (
    r"""
mkdir -p "$PODPATH_DIR/www/cgi-bin" && cd "$PODPATH_DIR/www" || exit 70
cat >cgi-bin/seen <<EOF
#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n%s %s %s\n' '$PODPATH_RUN' '$PODPATH_NODE' "\$REMOTE_ADDR"
EOF
chmod +x cgi-bin/seen
httpd -f -p "$PODPATH_PORT" -h "$PODPATH_DIR/www" &
watch() { # see connections.py; those that have come to their end are told by the prober
  row=$(printf '^ *[0-9]*: [0-9A-F]*:%04X' "$PODPATH_PORT") known=' ' left=MOST_KEPT
  while sleep 1; do
    for line in $(sed -n -e "s/$row \([0-9A-F]*\):[0-9A-F]* \(0[1-5789B]\) .*/=seen,\1,\2/p" \
      -e "s/$row [0-9A-F]*:0000 0A [0-9A-F]*:0*[1-9A-F].*/=late/p" /proc/net/tcp /proc/net/tcp6 2>/dev/null); do
      case $known in *" $line "*) continue ;; esac
      if [ "$left" -le 0 ]; then echo =full; return; fi
      left=$((left - 1)) known="$known$line "
      echo "$line"
    done
  done
}
watch >"$PODPATH_DIR/connections" &
""".replace("MOST_KEPT", str(connections.MOST_KEPT))
    + _WAIT
)

# Every result goes to a file first, as lines of processes that share an output would mix. The parts of a pair run side
# by side once its trace has ended, and where the trace did not arrive, not before all traces have passed hop 1: each
# packet to a dead address may draw an ICMP error, and the kernel limits those, with the ones that a trace lives by.
# What is done writes its number into the pipe, and the reader prints it at once, so that a cut-off run has given what
# it had, and takes the files away, or those of very many would be more than the pod may hold. "|" before each line
# keeps what a tool prints apart from what this script says. The reader also prints the signs of life, as a line of
# another process might come into the midst of its own; who gives them sleeps with no output that anybody waits for, and
# ends with the errands, or with the script that was killed. An errand costs no process before its time, and one process
# waits for all that wait for calm. Last of all, a few pairs whose trace arrived past a silent hop are traced again.
# An image, or whoever injects into pods, may name a proxy, to which wget would give even pods' addresses.
_PROBE = r"""
cd "$PODPATH_DIR" || exit 70
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY
probes=$1 wait=$2 echoes=$3 full=$4 patience=$5 listen=$6 service=$7 pause=$9 room=${10} alive=${13} errands=${14}
if [ "${15}" = packed ]; then
  for tool in base64 gunzip; do
    if ! command -v "$tool" >/dev/null 2>&1; then
      echo "=lacks $tool"
      exit
    fi
  done
  errands=$(printf '%s' "$errands" | base64 -d | gunzip -c)
fi
clock() { # hundredths of a second; asks no program, so that it costs nothing
  read -r now _ </proc/uptime
  now=$((${now%.*} * 100 + 1${now#*.} - 100))
}
clock
begin=$now
# the second that has begun counts as a whole one, or the last would be cut short
calm=$(($(date +%s) + 1 + $8)) refilled=$(($(date +%s) + 1 + ${11})) again=${12}
mtu=$(cat /sys/class/net/eth0/mtu 2>/dev/null)
# pings of old refuse a short one to others than root
interval=SLOW
if [ "$(id -u 2>/dev/null)" = 0 ]; then interval=FAST; fi
part() {
  file=$1.$2
  shift 2
  if ! command -v "$1" >/dev/null 2>&1; then
    echo "missing $1" >"$file.rc"
    return 1
  fi
  "$@" >"$file" 2>&1
  rc=$?
  echo "$rc" >"$file.rc"
  return "$rc"
}
trace() { # number address port highest-ttl probes name
  part "$1" "${6:-trace}" traceroute -n -q "$5" -w "$wait" -m "$4" -p "$3" "$2"
}
get() { # number address port
  case $2 in *:*) url="http://[$2]:$3/cgi-bin/seen" ;; *) url="http://$2:$3/cgi-bin/seen" ;; esac
  if command -v wget >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then
    part "$1" tcp timeout "$patience" wget -q -O - "$url"
  else
    part "$1" tcp wget -q -O - "$url"
  fi
}
pair() { # number address port highest-ttl header silences
  trace "$1" "$2" "$3" "$4" "$probes"
  reached=
  case $(sed 1d "$1.trace" 2>/dev/null) in
    *" $2 "*) reached=yes ;;
    *)
      left=$((calm - $(date +%s)))
      if [ "$left" -gt 0 ]; then
        echo "$1 $2 $5" >>dead
        # whoever is the first waits for all
        if mkdir waits 2>/dev/null; then sleep "$left" && late; fi
        return
      fi
      ;;
  esac
  after "$1" "$2" "$5" "$reached"
  if [ -n "$reached" ]; then retrace "$1" "$2" "$3" "$4" "$6"; fi
  echo "$1"
}
retrace() { # number address port highest-ttl silences: one that arrived, past a router of which no answer came
  silent=0
  for hop in $(sed -n 's/^ *\([0-9][0-9]*\)[ *]*$/\1/p' "$1.trace"); do silent=$((silent + 1)); done
  [ "$silent" -gt "$5" ] || return
  # more of them would empty the bucket again
  slot=1
  until mkdir "again.$slot" 2>/dev/null; do
    slot=$((slot + 1))
    [ "$slot" -le "$again" ] || return
  done
  left=$((refilled - $(date +%s)))
  if [ "$left" -gt 0 ]; then sleep "$left"; fi
  trace "$1" "$2" "$3" "$4" "$probes" again
}
late() { # all that stand in the file behind what was read of it
  begun=0
  while read -r number address header <&3; do
    { after "$number" "$address" "$header" "" && echo "$number"; } &
    begun=$((begun + 1))
    if [ "$((begun % room))" = 0 ]; then wait; fi
  done
  wait
}
after() { # number address header reached: what follows a pair's trace
  part "$1" echoes ping -c "$echoes" -i "$interval" -W "$wait" "$2" &
  if [ -n "$mtu" ]; then
    part "$1" full ping -c "$full" -i SLOW -W "$wait" -s "$((mtu - $3))" "$2" &
  fi
  listening "$1" "$2" "$4" &
  wait
}
listening() { # number address reached
  last=$(($(date +%s) + listen))
  until get "$1" "$2" "$PODPATH_PORT"; do
    [ -f "$1.tcp" ] || break
    case $(cat "$1.tcp") in
      # a peer that runs need not listen yet, so one that refuses is asked again
      *refused*)
        [ "$(date +%s)" -lt "$last" ] || break
        sleep 0.3 2>/dev/null || sleep 1
        ;;
      # a peer that a trace reached gets a second try, from another port
      *)
        if [ -z "$3" ] || [ -f "$1.first.rc" ]; then break; fi
        cat "$1.tcp" >"$1.first"
        cat "$1.tcp.rc" >"$1.first.rc"
        ;;
    esac
  done
}
control() { # number address port highest-ttl header silences spare-address...
  number=$1 address=$2 port=$3 highest=$4
  shift 6
  # one probe for each hop: it waits for an answer that never comes, and everything waits for it
  while trace "$number" "$address" "$port" "$highest" 1; do
    # an address that answers may be a pod's, all of them may not
    case $(sed 1d "$number.trace") in *" $address "*) ;; *) break ;; esac
    [ "$#" -gt 0 ] || break
    address=$1
    shift
    sleep "$pause"
  done
  echo "$number"
}
service() { # number address port: kube-proxy may still be on its way to know the peers
  end=$(($(date +%s) + service))
  command -v wget >/dev/null 2>&1 || end=0
  until get "$1" "$2" "$3" || [ "$(date +%s)" -ge "$end" ]; do sleep 0.3 2>/dev/null || sleep 1; done
  echo "$1"
}
live() {
  trap 'kill $! 2>/dev/null; wait; exit' TERM
  while kill -0 $$ 2>/dev/null; do
    sleep "$alive" >/dev/null 2>&1 &
    wait $! || exit
    echo alive
  done
}
tell() {
  echo "=begin $1"
  for name in trace again echoes full first tcp; do
    [ -f "$1.$name.rc" ] || continue
    echo "=part $name $(cat "$1.$name.rc")"
    if [ -f "$1.$name" ]; then sed 's/^/|/' "$1.$name"; fi
    echo
  done
  echo "=end $1"
}
echo "=mtu $mtu"
: >dead
{
  live &
  living=$!
  printf '%s\n' "$errands" | {
    exec 3<dead
    # they stand in the order of their starts
    while read -r number kind address start rest; do
      clock
      left=$((begin + start * 100 - now))
      if [ "$left" -gt 0 ]; then
        hundredths=$((left % 100 + 100))
        sleep "$((left / 100)).${hundredths#1}" 2>/dev/null || sleep "$((left / 100 + 1))"
      fi
      "$kind" "$number" "$address" $rest </dev/null &
    done
    wait
    # those that came just when the one that waited had read the last line
    late
  }
  kill "$living"
  wait
} | while read -r number; do
  if [ "$number" = alive ]; then
    echo =alive
    continue
  fi
  # in one piece, as each piece is a message of its own on its way to whoever reads
  told=$(tell "$number")
  printf '%s\n' "$told"
  rm -f "$number".*
done
echo "=done"
""".replace("SLOW", str(SLOW_ECHO_INTERVAL)).replace("FAST", str(ECHO_INTERVAL))

_HEARD = r"""
if command -v httpd >/dev/null 2>&1; then echo "=httpd"; fi
cat "$PODPATH_DIR/connections" /proc/net/tcp /proc/net/tcp6 2>/dev/null
echo "=done"
"""


@dataclass
class _Part:
    """What one tool printed, and how it ended: its exit code, or ``missing NAME``."""

    code: str
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines).strip("\n")

    @property
    def missing(self) -> str:
        return self.code.removeprefix("missing ") if self.code.startswith("missing ") else ""


def _parts(output: str) -> tuple[int | None, dict[int, dict[str, _Part]]]:
    """The pod's MTU, and what each errand that ended has printed: number -> name of the part -> part."""
    mtu = None
    whole: dict[int, dict[str, _Part]] = {}
    current: dict[str, _Part] = {}
    part = _Part("")
    for line in output.splitlines():
        word, _space, rest = line.partition(" ")
        if line.startswith("|"):
            part.lines.append(line[1:])
        elif word == "=mtu" and _NUMBER.fullmatch(rest):
            mtu = int(rest)
        elif word == "=begin":
            current = {}
        elif word == "=part":
            name, _space, code = rest.partition(" ")
            part = current[name] = _Part(code)
        elif word == "=end" and _NUMBER.fullmatch(rest):
            whole[int(rest)] = current
    return mtu, whole


_LACKS = re.compile(r"^=lacks (\w+)$", re.MULTILINE)
_NUMBER = re.compile(r"[0-9]{1,9}")
_END = re.compile(rf"^=end ({_NUMBER.pattern})$", re.MULTILINE)
_ECHO_COUNTS = re.compile(r"(\d+) packets transmitted, (\d+) (?:packets )?received")
_ECHO_REPLY = re.compile(r"seq=\d+ (?:ttl|hlim)=(\d+) time=([\d.]+) ms")
# busybox counts from 0, iputils from 1
_ECHO_NUMBER = re.compile(r"(icmp_)?seq=(\d+) (?:ttl|hlim)=")
_TOO_BIG = re.compile(r"(?:mtu ?= ?|MTU ?)(\d+)")


def _echoes(part: _Part | None, image: str) -> tuple[Echoes | None, str]:
    """What ping printed, busybox's or iputils'; else why that is not known."""
    if part is None:
        return None, "Ping did not run."
    if part.missing:
        return None, f"Image {image} has no {part.missing}."
    counts = _ECHO_COUNTS.search(part.text)
    if counts is None:
        return None, f"Ping ended with {part.code}: {part.text.strip() or 'it printed nothing'}"
    replies = _ECHO_REPLY.findall(part.text)
    times = [float(time) for _ttl, time in replies]
    rtt = (min(times), statistics.median(times), max(times)) if times else None
    ttls = tuple(sorted({int(ttl) for ttl, _time in replies}))
    return Echoes(int(counts[1]), int(counts[2]), rtt, ttls), ""


def _full_size(part: _Part | None, mtu: int | None, image: str) -> tuple[FullSize | None, str]:
    if mtu is None:
        return None, "The pod's MTU cannot be read (/sys/class/net/eth0/mtu)."
    echoes, why = _echoes(part, image)
    if echoes is None or part is None:
        return None, why
    told = _TOO_BIG.search(part.text)
    answered = [int(number) - bool(of_iputils) for of_iputils, number in _ECHO_NUMBER.findall(part.text)]
    late = max(0, echoes.sent - min(answered) - echoes.received) if answered else 0
    return FullSize(mtu, echoes.sent, echoes.received, int(told[1]) if told else None, late), ""


def _trace(part: _Part | None, image: str) -> tuple[Trace | None, str]:
    if part is None:
        return None, "Traceroute did not run."
    if part.missing:
        return None, f"Image {image} has no {part.missing}; name one that has it (image; pod_paths_image in the role)."
    if part.code != "0":
        said = part.text.strip() or "it printed nothing"
        if "not permitted" in said:
            said += " (the container needs the capability NET_RAW, or agent_image with an image that has Python)"
        return None, f"traceroute ended with {part.code}: {said}"
    try:
        return parse(part.text), ""
    except TraceError as error:
        return None, f"{error} (variable image: is its traceroute one of those that are known?)"


@dataclass(frozen=True)
class _Connection:
    tcp: Tcp | None
    why: str = ""
    source: str = ""
    served_by: str = ""


def _refusal(part: _Part) -> str:
    """Why wget got nothing."""
    said = part.text.strip().rpartition(": ")[2]
    return f"no answer within {TCP_PATIENCE} s" if part.code in ("124", "143") or said in ("", "Terminated") else said


def _connection(part: _Part | None, errand: Errand, settings: Settings, first: _Part | None = None) -> _Connection:
    """What the peer's httpd said: the run, its node, and the address that it saw. ``first``: an earlier try, which
    failed."""
    if part is None:
        return _Connection(None, "No connection was tried.")
    if part.missing:
        return _Connection(None, f"Image {settings.image} has no {part.missing}.")
    words = part.text.split()
    if part.code == "0" and len(words) == 3 and words[0] == settings.run_id:
        if errand.kind == PAIR and words[1] != errand.node:
            problem = f"The peer of {words[1]} answered at {errand.address}, the address of that on {errand.node}."
            return _Connection(Tcp(False, problem))
        return _Connection(Tcp(True, _refusal(first) if first else ""), "", canonical(words[2]), words[1])
    if part.code == "0":
        return _Connection(Tcp(False, f"Somebody else answers at {errand.address}: {part.text.strip()[:80]!r}"))
    return _Connection(Tcp(False, _refusal(part)))


def _connected(source: str, handshake: bool | None = True) -> Arrival:
    return Arrival(source, sources={"tcp": source}, handshake=handshake)


def _answer(parts: Mapping[str, _Part], errand: Errand, mtu: int | None, settings: Settings) -> Answer:
    if errand.kind == CONTROL:
        trace, problem = _trace(parts.get("trace"), settings.image)
        return Answer(Observation(trace=trace, problem=problem))
    connection = _connection(parts.get("tcp"), errand, settings, parts.get("first"))
    if errand.kind != PAIR:
        return Answer(Observation(tcp=connection.tcp, problem=connection.why), connection.served_by)
    trace, problem = _trace(parts.get("trace"), settings.image)
    again, _problem = _trace(parts.get("again"), settings.image)
    echoes, no_echoes = _echoes(parts.get("echoes"), settings.image)
    full_size, no_full_size = _full_size(parts.get("full"), mtu, settings.image)
    why = {"echoes": no_echoes, "full_size": no_full_size, "tcp": connection.why}
    return Answer(
        Observation(
            trace=better(trace, again) if trace else None,
            problem=problem,
            echoes=echoes,
            full_size=full_size,
            arrival=_connected(connection.source) if connection.source else None,
            tcp=connection.tcp,
            unobserved={name: reason for name, reason in why.items() if reason},
            retraced=again is not None,
        ),
        connection.served_by,
    )


class ShellWay:
    """Probing with an image's own tools."""

    name = "shell"

    def program(self, settings: Settings) -> Program:
        commands = {PROBER: ["sh", "-c", _WAIT], PEER: ["sh", "-c", _PEER], READER: ["sh", "-c", _WAIT]}
        scripts = {"PODPATH_PROBE": _PROBE, "PODPATH_HEARD": _HEARD, "PODPATH_ROUTES": probe_routes.SCRIPT}
        return Program(settings.image, commands, scripts)

    def probe_command(self, method: Method, errands: Sequence[Errand]) -> list[str]:
        lines = [
            f"{number} {errand.kind} {errand.address} {errand.start} {errand.port} {errand.max_ttl} "
            f"{' '.join([str(_HEADERS[errand.family]), str(errand.silences), *errand.spares])}"
            for number, errand in sorted(enumerate(errands), key=lambda item: item[1].start)
        ]
        numbers = (
            method.probes,
            method.wait,
            method.echoes,
            FULL_SIZE_ECHOES,
            TCP_PATIENCE,
            LISTEN_PATIENCE,
            SERVICE_PATIENCE,
            calm(errands),
            CONTROL_PAUSE,
            LATE_AT_ONCE,
            refilled(method, errands),
            second_traces(method),
            ALIVE_INTERVAL,
        )
        # the script stands in the environment, as a command is part of a URL, whose length proxies limit
        order = packed("\n".join(lines), len(errands))
        return ["sh", "-c", 'eval "$PODPATH_PROBE"', "podpath", *map(str, numbers), *order]

    def read(self, output: str, problem: str, errands: Sequence[Errand], settings: Settings) -> list[Answer]:
        mtu, whole = _parts(output)
        lacks = _LACKS.search(output)
        if lacks:
            problem = (
                f"Image {settings.image} has no {lacks[1]}, which a prober needs for so many as {len(errands)} traces; "
                "name an image that has it (image; pod_paths_image in the role), or fewer pairs."
            )
        return answers(whole, errands, lambda parts, errand: _answer(parts, errand, mtu, settings), problem)

    def finished(self, lines: str) -> list[int]:
        return [int(number) for number in _END.findall(lines)]

    def peer_command(self) -> list[str]:
        return ["sh", "-c", 'eval "$PODPATH_HEARD"']

    def read_peer(self, output: str, problem: str, senders: Mapping[Sender, str]) -> Heard:
        if problem or "=done" not in output:
            return Heard(unknown=f"The peer could not be asked what arrived: {problem or 'its output is cut off'}")
        if "=httpd" not in output:
            why = "The image has no httpd, so the peer listens to no connection."
            return Heard(unknown=why, deaf=why)
        known = connections.read(output, PEER_PORT)
        arrivals = {
            sender: _connected(address, known.handshakes[address])
            for sender, address in senders.items()
            if address in known.handshakes
        }
        if known.full:
            return Heard(arrivals, "The peer has not kept all connections that came, as they were too many.")
        strangers = sorted(known.handshakes.keys() - set(senders.values()))
        if strangers:
            return Heard(arrivals, f"Connections came from {', '.join(strangers)}, and nobody knows whose they are.")
        return Heard(arrivals)
