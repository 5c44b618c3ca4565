# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who connects to a peer, as the kernel's tables there say it (/proc/net/tcp, /proc/net/tcp6). Pure.

The kernel forgets a half-open connection after a minute, and a run may take longer. So a peer looks each second, and
keeps a line for each address and state that it has not seen before (``=seen,ADDRESS,STATE``), one where connections
wait for it to take them (``=late``), and one where it could keep no more (``=full``).
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.podpath.kubeadm.plugins.module_utils.probing import canonical

# Lines that a peer keeps at most; a sender makes two or three.
MOST_KEPT = 4096

_HALF_OPEN, _LISTENS = "03", "0A"
_SEEN = re.compile(r"^=seen,([0-9A-F]+),([0-9A-F]{2})$")
# number, own port, remote address and port, state, and how much waits to be read: of a listener, connections
_ROW = re.compile(r"^ *\d+: [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]+):[0-9A-F]{4} ([0-9A-F]{2}) [0-9A-F]+:([0-9A-F]+) ")


@dataclass(frozen=True)
class Connections:
    """Who connects to a peer. ``handshakes``: by address whether the handshake came to its end: False where nothing but
    its beginning arrived, None where it cannot be told, as the peer did not take its connections in time. ``full``: the
    peer has not kept all."""

    handshakes: Mapping[str, bool | None]
    full: bool = False


def _kernel_address(text: str) -> str:
    """An address of /proc/net/tcp (words of 32 bits in the byte order of the machine) in its usual form."""
    words = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
    packed = b"".join(struct.pack("<I", word) for word in words)
    return canonical(socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed))


def read(output: str, port: int) -> Connections:
    """What a peer kept and its kernel's tables, in one output."""
    states: list[tuple[str, str]] = []
    # with a queue that is full the kernel drops even the end of a handshake
    late = False
    lines = output.splitlines()
    for line in lines:
        kept, row = _SEEN.match(line), _ROW.match(line)
        if kept:
            states.append((kept[1], kept[2]))
        elif row and int(row[1], 16) == port:
            if row[3] != _LISTENS:
                states.append((row[2], row[3]))
            late = late or (row[3] == _LISTENS and int(row[4], 16) > 0)
    late = late or "=late" in lines
    handshakes: dict[str, bool | None] = {}
    for remote, state in states:
        address = _kernel_address(remote)
        ended = state != _HALF_OPEN
        handshakes[address] = True if ended or handshakes.get(address) else None if late else False
    return Connections(handshakes, "=full" in lines)
