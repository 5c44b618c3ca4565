# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which address carries the cluster: refused before anything changes where it is not plain, and followed by all."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
import playbooks

LAST = {"controlplane": 10, "node-1": 11, "node-2": 12}
# on a second address of each host's eth1: .110, .111, .112
SECOND = "192.168.60.96/27"


@pytest.fixture(scope="module")
def two_addresses(bare):
    for name, last in LAST.items():
        bare.node(name, f"ip address add 192.168.60.1{last}/24 dev eth1")
    return bare


def refused(bare, **variables: object) -> str:
    ran = bare.play("site.yml", **variables)
    assert ran.rc != 0, ran.output
    assert ran.changed == {}
    return " ".join(ran.output.split())


def test_nat_address_of_all_hosts_is_refused_with_their_names(two_addresses):
    said = refused(two_addresses, node_address_interface_name="eth0", node_address_cidr=None)
    assert "10.0.2.15 is the address of more than one host: controlplane (eth0), node-1 (eth0), node-2 (eth0)" in said


def test_two_addresses_in_the_network_are_refused_on_every_host(two_addresses):
    said = refused(two_addresses)
    for name, last in LAST.items():
        assert f"{name}: 2 addresses lie inside node_address_cidr 192.168.60.0/24: 192.168.60.{last} on eth1" in said


def test_route_into_the_pod_network_is_refused_with_its_way_and_the_nat_is_named_once(two_addresses):
    two_addresses.node("node-2", "ip route add 10.244.0.0/17 via 192.168.60.1")
    try:
        said = refused(two_addresses, node_address_cidr=SECOND, control_plane_service_cidr="10.0.0.0/14")
        # one is allowed, the other not; and it goes on to say what is no error
        more = two_addresses.play("site.yml", node_address_cidr=SECOND, flannel_backend="host-gw",
                                  flannel_direct_routing=True, node_address_allowed_routes=["10.244.0.0/17"])
    finally:
        two_addresses.node("node-2", "ip route del 10.244.0.0/17 via 192.168.60.1")
    assert "control_plane_pod_cidr 10.244.0.0/16 overlaps what hosts use already" in said
    assert "node-2: route 10.244.0.0/17 via 192.168.60.1 dev eth1. Set control_plane_pod_cidr" in said
    assert "control_plane_service_cidr 10.0.0.0/14 overlaps what hosts use already" in said
    for name in LAST:
        assert f"{name}: address 10.0.2.15 on eth0" in said
    told = " ".join(more.output.split())
    assert "overlaps" not in told
    assert "flannel_direct_routing is true, but flannel_backend is host-gw" in told, "it went on"
    assert told.count("(eth0) leaves by the same address, 10.0.2.15") == 1
    for name in LAST:
        assert f"{name} (eth0)" in told
    assert more.changed == {}


def test_an_address_that_a_kubelet_was_given_beforehand_is_refused(two_addresses):
    # the usual cure for the NAT trap by hand; the kubelet takes it as its last argument
    two_addresses.node("node-1", "echo KUBELET_EXTRA_ARGS=--node-ip=10.0.2.15 > /etc/default/kubelet")
    try:
        said = refused(two_addresses, node_address_cidr=SECOND)
    finally:
        two_addresses.node("node-1", "rm /etc/default/kubelet")
    assert "node-1: --node-ip in /etc/default/kubelet says 10.0.2.15, but node_address_cidr" in said
    assert "Remove it there" in said


HOSTS = "127.0.0.1\tlocalhost\n127.0.1.1 node-1.vm node-1\n# by hand\n192.168.60.99 node-2 # stale\n"


def test_hosts_keeps_other_lines_names_those_that_mislead_and_mends_what_it_is_told_to(two_addresses, tmp_path):
    bare = two_addresses
    playbook = tmp_path / "hosts.yml"
    playbook.write_text(json.dumps([{
        "hosts": "all", "become": True, "gather_facts": False, "any_errors_fatal": True,
        "roles": ["podpath.kubeadm.node_address", "podpath.kubeadm.hosts"]}]))
    before = bare.node("node-1", "cat /etc/hosts")
    bare.node("node-1", f"printf '%b' {playbooks.quote(HOSTS)} > /etc/hosts")

    predicted = bare.play(str(playbook), cmdline="--check", node_address_cidr=SECOND)
    assert predicted.rc == 0, predicted.output
    assert bare.node("node-1", "cat /etc/hosts") == HOSTS
    ran = bare.play(str(playbook), node_address_cidr=SECOND)
    assert ran.rc == 0, ran.output
    assert ran.changed == predicted.changed == {
        name: {"Set the host name", "Name every node in /etc/hosts"} for name in LAST}
    begin, *block, rest = bare.node("node-1", "cat /etc/hosts").split("\n", 5)
    assert begin.startswith("# BEGIN nodes of the cluster")
    assert block[:3] == ["192.168.60.110 controlplane", "192.168.60.111 node-1", "192.168.60.112 node-2"]
    assert rest == HOSTS, "every other line is as it was"
    said = " ".join(ran.output.split())
    assert '/etc/hosts of node-1 also has the line "127.0.1.1 node-1.vm node-1"' in said
    assert '/etc/hosts of node-1 also has the line "192.168.60.99 node-2 # stale"' in said
    assert "/etc/hosts of controlplane also" not in said
    assert bare.node("node-1", "hostname").strip() == "node-1"
    # the block comes first, so that a stale line is not what is found first
    assert bare.node("node-1", "getent ahostsv4 node-2").split()[0] == "192.168.60.112"
    # this is what is warned of: most programs ask in this way, and prefer the loopback address
    assert bare.node("node-1", "getent ahostsv4 node-1").split()[0] == "127.0.1.1"

    mended = bare.play(str(playbook), node_address_cidr=SECOND, hosts_loopback_lines="comment")
    assert mended.changed == {"node-1": {"Turn loopback lines of nodes into comments"}}, mended.output
    assert bare.node("node-1", "getent ahostsv4 node-1").split()[0] == "192.168.60.111"
    assert "\n# 127.0.1.1 node-1.vm node-1\n" in bare.node("node-1", "cat /etc/hosts")
    again = bare.play(str(playbook), node_address_cidr=SECOND, hosts_loopback_lines="comment")
    assert again.rc == 0, again.output
    assert again.changed == {}
    # what the block has of a node that is down stays when another one is run alone
    down = tmp_path / "down.yml"
    down.write_text(json.dumps({"all": {"hosts": {"node-2": {"ansible_port": 1}}}}))
    alone = playbooks.run(str(playbook), [*bare.inventory, str(down)], cmdline="--limit node-1",
                          node_address_cidr=SECOND, hosts_loopback_lines="comment")
    assert "node-2 could not be asked" in " ".join(alone.output.split())
    assert (alone.rc, alone.changed) == (0, {}), alone.output
    bare.node("node-1", f"printf '%b' {playbooks.quote(before)} > /etc/hosts")


def certificate_names(pem: str) -> str:
    return subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName"], input=pem, check=True,
                          capture_output=True, text=True).stdout


@pytest.mark.long
def test_everything_follows_the_one_value_and_keeps_it(two_addresses):
    bare = two_addresses
    ran = bare.play("site.yml", node_address_cidr=SECOND)
    assert ran.rc == 0, ran.output[-3000:]

    kubectl = "kubectl --kubeconfig=/etc/kubernetes/admin.conf"
    nodes = json.loads(bare.node("controlplane", f"{kubectl} get nodes -o json"))["items"]
    assert {node["metadata"]["name"] for node in nodes} == set(LAST)
    for node in nodes:
        own = f"192.168.60.1{LAST[node['metadata']['name']]}"
        assert {"type": "InternalIP", "address": own} in node["status"]["addresses"]
        assert node["metadata"]["annotations"]["flannel.alpha.coreos.com/public-ip"] == own
    for name, last in LAST.items():
        own = f"192.168.60.1{last}"
        assert f"--node-ip={own}" in bare.node(name, "cat /var/lib/kubelet/kubeadm-flags.env")
        link = json.loads(bare.node(name, "ip -json -details link show flannel.1"))[0]["linkinfo"]["info_data"]
        assert (link["link"], link["local"]) == ("eth1", own)
        for other, its in LAST.items():
            assert bare.node(name, f"getent ahostsv4 {other}").split()[0] == f"192.168.60.1{its}"
    server = bare.node("controlplane", "cat /etc/kubernetes/manifests/kube-apiserver.yaml")
    assert "--advertise-address=192.168.60.110" in server
    assert "192.168.60.110:2380" in bare.node("controlplane", "cat /etc/kubernetes/manifests/etcd.yaml")
    for path in ("apiserver", "etcd/server", "etcd/peer"):
        names = certificate_names(bare.node("controlplane", f"cat /etc/kubernetes/pki/{path}.crt"))
        assert "IP Address:192.168.60.110" in names
        assert not re.search(r"192\.168\.60\.10\b", names)
    assert "server: https://192.168.60.110:6443" in bare.node("node-1", "cat /etc/kubernetes/kubelet.conf")
    proved = bare.play("playbooks/verify_paths.yml", node_address_cidr=SECOND)
    assert proved.rc == 0, proved.output[-3000:]

    # and back: the nodes stay as they are, and nothing is changed
    said = refused(bare, node_address_cidr="192.168.60.8/29")
    for name, last in LAST.items():
        assert f"{name}: it is a node of a running cluster by 192.168.60.1{last} (--node-ip in" in said
        assert f"node_address_cidr 192.168.60.8/29 picks 192.168.60.{last}." in said
