# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of the lab: one place for each. Everything follows from a node's index, as on the article's machines.

eth0 is VirtualBox's NAT card, 10.0.2.15 on every node; eth1 the network between the nodes, one per rack; eth2 a second
one that all nodes share, which the cluster should not use.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

NAT_ADDRESS = "10.0.2.15"
NAT_GATEWAY = "10.0.2.2"
POD_NETWORK = "10.244.0.0/16"
POD_NETWORK_V6 = "fd00:10:244::/48"
SERVICE_PREFIX = "10.96.0."
SERVICE_PREFIX_V6 = "fd00:10:96::"
# 10 + index is the last byte of a node's address
MOST_NODES = 240


@dataclass(frozen=True)
class Numbers:
    """The addresses of one node."""

    index: int
    rack: int = 0

    @property
    def name(self) -> str:
        return f"node-{self.index}" if self.index else "controlplane"

    @property
    def eth1(self) -> str:
        return f"192.168.{56 + self.rack}.{10 + self.index}"

    @property
    def eth1_gateway(self) -> str:
        return f"192.168.{56 + self.rack}.1"

    @property
    def eth1_v6(self) -> str:
        return f"fd00:{56 + self.rack}::{10 + self.index}"

    @property
    def eth1_gateway_v6(self) -> str:
        return f"fd00:{56 + self.rack}::1"

    @property
    def eth2(self) -> str:
        return f"192.168.90.{10 + self.index}"

    @property
    def pod_cidr(self) -> str:
        return f"10.244.{self.index}.0/24"

    @property
    def pod_cidr_v6(self) -> str:
        return str(ipaddress.ip_network(f"fd00:10:244:{self.index:x}::/64"))

    def pod(self, number: int) -> str:
        """0: the address of flannel.1; 1: of cni0; from 2 on: of pods."""
        return f"10.244.{self.index}.{number}"

    def pod_v6(self, number: int) -> str:
        # as the plugins and the kernel write it: fd00:10:244::2 on the first node
        return str(ipaddress.ip_network(self.pod_cidr_v6)[number])

    @property
    def vtep_mac(self) -> str:
        return f"02:f1:a0:00:00:{self.index:02x}"

    @property
    def vtep_mac_v6(self) -> str:
        return f"02:f1:a6:00:00:{self.index:02x}"


def network(rack: int) -> str:
    return f"192.168.{56 + rack}.0/24"


def network_v6(rack: int) -> str:
    return f"fd00:{56 + rack}::/64"
