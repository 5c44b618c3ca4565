# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probing with the tools of an image: a shell, traceroute, ping, wget, and httpd at the peer.

Pure: the scripts, the list of what a prober does, and what comes out of its output. A tool that the image lacks leaves
its evidence unobserved, with the reason; only traceroute must be there.

What a full-size echo must not be fragmented rests on: Linux sets DF on what fits the device, and lets ping have no
other packet. Where a router tells of a smaller MTU, only the echoes before that are lost.
"""

from __future__ import annotations

import ipaddress
import re
import statistics
from collections.abc import Mapping, Sequence

from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import (
    Arrival,
    Echoes,
    FullSize,
    Observation,
    Tcp,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.pods import PEER, PROBER, Program
from ansible_collections.podpath.kubeadm.plugins.module_utils.probing import (
    PAIR,
    SERVICE,
    Answer,
    Errand,
    Report,
    Seen,
    canonical,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.trace import Trace, TraceError, parse

FULL_SIZE_ECHOES = 3
# IP header and ICMP header, by family.
_HEADERS = {"ipv4": 28, "ipv6": 48}
# Seconds that a TCP connection may take, and that the Service may take until kube-proxy knows its peers.
_TCP_PATIENCE = 3
_SERVICE_PATIENCE = 6

# The shell is the container's first process, so it must take SIGTERM itself, or a removal waits for the kill.
_WAIT = "trap 'exit 0' TERM INT\nsleep \"$PODPATH_LIFETIME\" &\nwait $!\n"

_PEER = (
    """
mkdir -p "$PODPATH_DIR/www/cgi-bin" && cd "$PODPATH_DIR/www" || exit 70
cat >cgi-bin/seen <<EOF
#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n%s %s %s\\n' '$PODPATH_RUN' '$PODPATH_NODE' "\\$REMOTE_ADDR"
EOF
chmod +x cgi-bin/seen
httpd -f -p "$PODPATH_PORT" -h "$PODPATH_DIR/www" &
"""
    + _WAIT
)

# Every result goes to a file first, as lines of processes that share an output would mix. A pair's parts run side by
# side; who has ended writes its number into the pipe, and the reader prints it at once, so that a run that is cut off
# has given what it had.
_PROBE = """
cd "$PODPATH_DIR" || exit 70
probes=$1 wait=$2 echoes=$3 full=$4 tcp=$5 patience=$6 errands=$7
mtu=$(cat /sys/class/net/eth0/mtu 2>/dev/null)
part() {
  file=$1.$2
  shift 2
  if command -v "$1" >/dev/null 2>&1; then "$@" >"$file" 2>&1; else false; fi
  echo "$?" >"$file.rc"
  command -v "$1" >/dev/null 2>&1 || echo missing >"$file.rc"
}
trace() {
  part "$1" trace traceroute -n -q "$probes" -w "$wait" -m "$4" -p "$3" "$2"
}
get() {
  case $2 in *:*) host="[$2]" ;; *) host=$2 ;; esac
  part "$1" tcp wget -q -O - "http://$host:$3/cgi-bin/seen" &
  got=$!
  { n=$tcp; while [ "$n" -gt 0 ] && kill -0 "$got" 2>/dev/null; do sleep 1; n=$((n - 1)); done; kill "$got"; } \
    2>/dev/null &
  wait "$got"
}
"""
