# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a pod on the host's network reads of the node's routes.

The recordings (data/routes) are of one node: its own card is eth1, one peer is reached astray by eth2, one not at all.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import probe_routes, underlay

DATA = Path(__file__).parent / "data" / "routes"
OWN = {"ipv4": ["192.168.56.11"], "ipv6": ["fd00:56::11"]}


@pytest.mark.parametrize(
    ("tool", "mtu"),
    # busybox's ip does not tell the MTU that a route itself sets, only that of its device
    [("busybox", 9000), ("iproute2", 1400)],
)
def test_both_tools_tell_what_host_facts_tell(tool, mtu):
    told, why = probe_routes.read((DATA / f"{tool}.txt").read_text(), OWN)
    assert why == ""
    assert told["mtus"] == {"eth1": 1500, "eth2": 9000, "flannel.1": 1450, "flannel-v6.1": 1430}
    host = underlay.parse_hosts({"node-1": told})["node-1"]
    right = host.routes["192.168.56.10"]
    assert (right.interface, right.mtu, right.address, right.gateway) == ("eth1", 1500, "192.168.56.11", "")
    astray = host.routes["192.168.56.12"]
    assert (astray.interface, astray.own_interface, astray.gateway) == ("eth2", "eth1", "192.168.90.12")
    assert astray.mtu == mtu
    assert (host.routes["192.0.2.7"].interface, host.routes["192.0.2.7"].problem) == ("", "Network is unreachable")
    assert host.routes["fd00:56::12"].address == "fd00:56::11"


@pytest.mark.parametrize(
    ("own", "interfaces"),
    [
        (OWN, {"ipv4": "eth1", "ipv6": "eth1"}),
        ({**OWN, "ipv4": ["192.168.90.11"]}, {"ipv4": "eth2", "ipv6": "eth1"}),
        ({"ipv4": ["192.168.56.11", "192.168.90.11"]}, {"ipv4": ""}),
        ({"ipv4": ["192.168.56.77"], "ipv6": []}, {"ipv4": "", "ipv6": ""}),
    ],
)
def test_the_card_of_the_own_address_is_told_by_family(own, interfaces):
    told, _why = probe_routes.read((DATA / "busybox.txt").read_text(), own)
    assert told["interfaces"] == interfaces
    routes = underlay.parse_hosts({"node-1": told})["node-1"].routes
    assert routes["192.168.56.12"].own_interface == interfaces["ipv4"]
    assert routes["fd00:56::12"].own_interface == interfaces.get("ipv6", "")


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("sh: ip: not found\n=done\n", "told of no interface: sh: ip: not found"),
        ("2: eth1: mtu", "not be run to its end"),
    ],
)
def test_what_is_no_answer_says_so(output, words):
    told, why = probe_routes.read(output, OWN)
    assert told is None
    assert words in why
