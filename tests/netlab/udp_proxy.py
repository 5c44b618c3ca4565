# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Flannel's udp backend does in user space: packets from a TUN device in UDP to the other node, and back.

As Flannel's own proxy, it takes one off the TTL on either side and drops what has none left without a word, which is
why two hops stay silent. A stand-in for that proxy alone; it runs inside a node's namespace.

Arguments: the node's own address, then NETWORK=ADDRESS for each other node.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import select
import socket
import struct
import sys

DEVICE = "flannel0"
PORT = 8285
_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x0001 | 0x1000


def older(packet: bytes) -> bytes | None:
    """An IPv4 packet with one less TTL and the checksum that goes with it; None where nothing is left."""
    if len(packet) < 20 or packet[0] >> 4 != 4 or packet[8] <= 1:
        return None
    length = (packet[0] & 15) * 4
    header = bytearray(packet[:length])
    header[8] -= 1
    header[10:12] = b"\0\0"
    total = sum(struct.unpack(f"!{length // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    total += total >> 16
    header[10:12] = struct.pack("!H", ~total & 0xFFFF)
    return bytes(header) + packet[length:]


def main() -> None:
    own, *told = sys.argv[1:]
    peers = {ipaddress.ip_network(network): address for network, address in (entry.split("=") for entry in told)}
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), _IFF_TUN_NO_PI))
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.bind((own, PORT))
    print("ready", flush=True)
    while True:
        for ready in select.select([tun, wire], [], [])[0]:
            if ready is wire:
                packet = older(wire.recv(65536))
                if packet:
                    os.write(tun, packet)
                continue
            packet = older(os.read(tun, 65536))
            if packet is None:
                continue
            destination = ipaddress.ip_address(packet[16:20])
            peer = next((address for network, address in peers.items() if destination in network), None)
            if peer:
                wire.sendto(packet, (peer, PORT))


if __name__ == "__main__":
    main()
