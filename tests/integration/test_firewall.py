# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real firewalls on bare nodes, one of each kind, and real packets against them.

Each node has a pod of sorts, a network namespace with an address of the pod network, so that forwarding is seen, too.
"""

from __future__ import annotations

import firewalls
import pytest

# three installations and fourteen runs, where tests/unit/test_roles_firewall.py judges recorded rules of the same tools
pytestmark = pytest.mark.long

# tool: (the node that has it, the node that sends to it, number of its pods' network)
NODES = {"ufw": ("node-1", "node-2", 1), "nftables": ("node-2", "controlplane", 2),
         "firewalld": ("controlplane", "node-1", 0)}
ADDRESS = {"controlplane": "192.168.60.10", "node-1": "192.168.60.11", "node-2": "192.168.60.12"}

POD = """
ip netns add pod
ip link add cni0 type veth peer name eth0 netns pod
ip address add 10.244.{number}.1/24 dev cni0
ip link set cni0 up
ip netns exec pod sh -ec 'ip address add 10.244.{number}.2/24 dev eth0; ip link set eth0 up; ip link set lo up
                          ip route add default via 10.244.{number}.1'
sysctl --quiet --write net.ipv4.ip_forward=1
systemd-run --quiet --unit=kubelet-of-sorts python3 -m http.server 10250
systemd-run --quiet --unit=pod-of-sorts ip netns exec pod python3 -m http.server 80
systemd-run --quiet --unit=flannel-of-sorts python3 -c '
import socket
listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.bind(("0.0.0.0", 8472))
while True:
    listener.sendto(b"here", listener.recvfrom(9)[1])'
"""
TCP = """python3 -c '
import socket
try:
    socket.create_connection(("{address}", {port}), 2)
    print("open")
except OSError as error:
    print(type(error).__name__)'"""
UDP = """python3 -c '
import socket
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.settimeout(2)
try:
    sender.sendto(b"there?", ("{address}", {port}))
    sender.recvfrom(9)
    print("open")
except OSError as error:
    print(type(error).__name__)'"""


@pytest.fixture(scope="module")
def walled(bare):
    for name, sender, number in NODES.values():
        bare.node(name, "set -e\n" + POD.format(number=number))
        bare.node(sender, f"ip route add 10.244.{number}.0/24 via {ADDRESS[name]}")
    assert {answer for tool in NODES for answer in reached(bare, tool).values()} == {"open"}, "before a firewall"
    for tool, (name, _, _) in NODES.items():
        firewalls.install(bare, name, tool)
    return bare


def reached(bare, tool: str) -> dict[str, str]:
    """What becomes of real packets to the node with this tool: open, or the error."""
    name, sender, number = NODES[tool]
    return {
        "10250/tcp": bare.node(sender, TCP.format(address=ADDRESS[name], port=10250)).strip(),
        "8472/udp": bare.node(sender, UDP.format(address=ADDRESS[name], port=8472)).strip(),
        "to a pod": bare.node(sender, TCP.format(address=f"10.244.{number}.2", port=80)).strip(),
        # to the node that knows the way back; its own firewall has a say in it, too
        "from a pod": bare.node(name, "ip netns exec pod " + TCP.format(address=ADDRESS[sender], port=10250)).strip(),
        "from a pod to its host": bare.node(
            name, "ip netns exec pod " + TCP.format(address=f"10.244.{number}.1", port=10250)).strip(),
    }


@pytest.mark.parametrize("tool", NODES)
def test_a_firewall_stops_what_the_cluster_needs(walled, tool):
    assert "open" not in reached(walled, tool).values()


def test_what_is_missing_is_named_before_anything_is_changed(walled):
    ran = walled.play("site.yml")
    assert ran.rc != 0
    assert ran.changed == {}
    said = " ".join(ran.output.split())
    for tool, (name, _, _) in NODES.items():
        assert f"{name}: {tool} does not let in 10250/tcp from" in said, ran.output
        assert f"{name}: {tool} does not let in 8472/udp from" in said
        assert f"{name}: {tool} does not forward from 10.244.0.0/16 to anywhere: what pods send" in said
    assert "ufw allow proto udp from 192.168.60.0/24 to any port 8472" in said
    assert "firewall-cmd --permanent --zone=trusted --add-source=10.244.0.0/16" in said
    assert "nft 'insert rule inet host input ip saddr 192.168.60.0/24 udp dport 8472 accept'" in said
    assert "controlplane: firewalld does not let in 6443/tcp from 192.168.60.11, 192.168.60.12" in said


def test_check_mode_of_open_changes_nothing_and_says_what_it_would(walled):
    ran = walled.play("tests/integration/role.yml", cmdline="--check", role="firewall", firewall_policy="open")
    assert ran.rc == 0, ran.output
    assert ran.changed.keys() == {"controlplane", "node-1", "node-2"}
    assert "open" not in reached(walled, "ufw").values()


def test_what_a_reload_would_take_away_is_named_and_kept(walled):
    forwarded = "port=8080:proto=tcp:toport=80:toaddr="
    walled.node("controlplane", f"firewall-cmd --add-forward-port={forwarded} && firewall-cmd --add-masquerade")
    ran = walled.play("tests/integration/role.yml", cmdline="--limit controlplane", role="firewall",
                      firewall_policy="open")
    kept = walled.node("controlplane", f"firewall-cmd --query-forward-port={forwarded} && "
                                       "firewall-cmd --query-masquerade")
    walled.node("controlplane", f"firewall-cmd --remove-forward-port={forwarded} && firewall-cmd --remove-masquerade")
    assert ran.rc != 0
    assert ran.changed == {}
    assert f"zone public: forwarded port {forwarded}, masquerading" in " ".join(ran.output.split())
    assert kept.split() == ["yes", "yes"]


def test_what_is_missing_is_opened_once(walled):
    ran = walled.play("tests/integration/role.yml", role="firewall", firewall_policy="open")
    assert ran.rc == 0, ran.output
    assert ran.changed.keys() == {"controlplane", "node-1", "node-2"}
    for tool in NODES:
        assert set(reached(walled, tool).values()) == {"open"}, tool
    ran = walled.play("tests/integration/role.yml", role="firewall", firewall_policy="open")
    assert (ran.rc, ran.changed) == (0, {}), ran.output
    assert walled.play("tests/integration/role.yml", role="firewall").rc == 0, "check has nothing to name any more"


def test_what_was_opened_is_open_after_a_boot(walled):
    # what a boot does: each tool loads its own files
    walled.node("node-1", "ufw disable && ufw --force enable")
    walled.node("node-2", "systemctl restart nftables")
    walled.node("controlplane", "systemctl restart firewalld && firewall-cmd --state")
    for tool in NODES:
        assert set(reached(walled, tool).values()) == {"open"}, tool


def test_what_was_closed_by_hand_is_opened_and_nothing_else(walled):
    walled.node("node-1", "ufw delete allow proto udp from 192.168.60.0/24 to any port 8472")
    walled.node("node-2", "nft flush chain inet host forward")
    ran = walled.play("tests/integration/role.yml", role="firewall", firewall_policy="open")
    assert ran.rc == 0, ran.output
    assert ran.changed == {"node-1": {"Open it in ufw"}, "node-2": {"Add the rules that are missing now"}}


# only nftables' own node has it; a boot would not, so rules for it cannot stand in the file
ELSEWHERE = """nft --file - <<'RULES'
table ip filter {
    chain INPUT { type filter hook input priority 0; policy accept; udp dport 8472 drop; }
}
RULES"""


def test_a_chain_that_a_boot_would_not_make_is_named_before_anything_is_changed(walled):
    walled.node("node-2", ELSEWHERE)
    before = walled.node("node-2", "cat /etc/nftables.conf; nft list ruleset")
    ran = walled.play("tests/integration/role.yml", cmdline="--limit node-2", role="firewall", firewall_policy="open")
    after = walled.node("node-2", "cat /etc/nftables.conf; nft list ruleset")
    walled.node("node-2", "nft delete table ip filter")
    assert ran.rc != 0
    assert ran.changed == {}
    assert "chain ip filter INPUT" in " ".join(ran.output.split())
    assert "a boot could not load /etc/nftables.conf" in " ".join(ran.output.split())
    assert after == before


def test_a_rule_that_refuses_first_is_named_and_not_overruled(walled):
    walled.node("node-1", "ufw insert 1 deny from 192.168.60.12")
    ran = walled.play("tests/integration/role.yml", role="firewall", firewall_policy="open")
    assert ran.rc != 0
    said = " ".join(ran.output.split())
    assert "node-1: ufw does not let in 10250/tcp from 192.168.60.12" in said
    assert "It is stopped by ufw's rule 'deny any any to 0.0.0.0/0 from 192.168.60.12'" in said
    walled.node("node-1", "ufw delete deny from 192.168.60.12")
