# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from role_templates import Role, task

from ansible_collections.podpath.kubeadm.plugins.filter import provisioning
from ansible_collections.podpath.kubeadm.plugins.module_utils import host_networks
from ansible_collections.podpath.kubeadm.plugins.module_utils.addresses import Address, AddressError

NETWORKS = {"control_plane_pod_cidr": "10.244.0.0/16", "control_plane_service_cidr": "10.96.0.0/12"}
ETH1 = Address("eth1", "192.168.56.11")
NODES = ["192.168.56.10", "192.168.56.11", "192.168.56.12"]

# as `ip -json route show table all` prints them
BARE = [
    {"dst": "default", "gateway": "10.0.2.2", "dev": "eth0", "flags": []},
    {"dst": "192.168.56.0/24", "dev": "eth1", "protocol": "kernel", "scope": "link", "prefsrc": "192.168.56.11"},
    {"type": "local", "dst": "192.168.56.11", "dev": "eth1", "table": "local", "protocol": "kernel"},
    {"type": "broadcast", "dst": "192.168.56.255", "dev": "eth1", "table": "local", "protocol": "kernel"},
    {"dst": "fe80::/64", "dev": "eth0", "protocol": "kernel", "metric": 256, "flags": [], "pref": "medium"},
    {"type": "multicast", "dst": "ff00::/8", "dev": "eth0", "table": "local"},
]
VXLAN = [
    *BARE,
    {"dst": "10.244.0.0/24", "gateway": "10.244.0.0", "dev": "flannel.1", "flags": ["onlink"]},
    {"dst": "10.244.1.0/24", "dev": "cni0", "protocol": "kernel", "scope": "link", "prefsrc": "10.244.1.1"},
    {"type": "local", "dst": "10.244.1.1", "dev": "cni0", "table": "local"},
    {"type": "local", "dst": "10.96.0.1", "dev": "kube-ipvs0", "table": "local"},
]
HOST_GW = [*BARE, {"dst": "10.244.2.0/24", "gateway": "192.168.56.12", "dev": "eth1", "flags": []}]
PODS = [Address("cni0", "10.244.1.1"), Address("flannel.1", "10.244.1.0"), Address("kube-ipvs0", "10.96.0.1")]


def overlaps(routes=(), addresses=(ETH1,), *, networks=NETWORKS, member=False, allowed=()):
    host = host_networks.Host(addresses, routes, member)
    return host_networks.overlap_problems(networks, {"node-1": host}, NODES, allowed)


@pytest.mark.parametrize("member", [True, False])
@pytest.mark.parametrize(("routes", "addresses"), [(BARE, [ETH1]), (VXLAN, [ETH1, *PODS]), (HOST_GW, [ETH1])])
def test_what_the_cluster_made_itself_is_no_overlap_nor_what_a_reset_left(routes, addresses, member):
    assert overlaps(routes, addresses, member=member) == []


def test_a_node_that_this_inventory_has_not_is_one_of_the_cluster_but_not_of_a_new_host():
    routes = [{"dst": "10.244.7.0/24", "gateway": "192.168.56.77", "dev": "eth1"}]
    assert overlaps(routes, member=True) == []
    (problem,) = overlaps(routes)
    assert "node-1: route 10.244.7.0/24 via 192.168.56.77 dev eth1" in problem


def test_an_address_of_a_host_is_told_once_with_its_variable():
    routes = [{"dst": "10.100.3.0/24", "dev": "eth2", "protocol": "kernel", "prefsrc": "10.100.3.4"}]
    (problem,) = overlaps(routes, [ETH1, Address("eth2", "10.100.3.4")])
    assert problem.startswith("control_plane_service_cidr 10.96.0.0/12 overlaps what hosts use already")
    assert "node-1: address 10.100.3.4 on eth2. Set control_plane_service_cidr" in problem


@pytest.mark.parametrize(
    ("route", "told"),
    [
        ({"dst": "10.0.0.0/8", "gateway": "192.168.56.1", "dev": "eth1"}, "route 10.0.0.0/8 via 192.168.56.1 dev eth1"),
        ({"dst": "10.244.9.9", "dev": "tun0"}, "route 10.244.9.9/32 dev tun0"),
        ({"dst": "10.244.0.0/16", "gateway": "192.168.56.12", "dev": "eth1"}, "route 10.244.0.0/16 via"),
        ({"type": "unreachable", "dst": "10.244.0.0/14"}, "route 10.244.0.0/14 (unreachable)"),
        ({"dst": "10.244.1.0/24", "dev": "wg0", "table": "51820"}, "route 10.244.1.0/24 dev wg0 in table 51820"),
        ({"dst": "10.244.1.0/24", "dev": "cni-podman0"}, "route 10.244.1.0/24 dev cni-podman0"),
        ({"dst": "10.244.1.0/24", "dev": "docker0"}, "route 10.244.1.0/24 dev docker0"),
        (
            {"dst": "10.244.8.0/22", "nexthops": [{"gateway": "10.1.1.1", "dev": "a"}, {"via": {"family": "inet6",
             "host": "fe80::1"}, "dev": "b"}]},
            "route 10.244.8.0/22 via 10.1.1.1 via fe80::1 dev a dev b",
        ),
    ],
)
def test_a_foreign_route_is_told_with_its_way(route, told):
    problems = overlaps([*BARE, route])
    assert problems
    assert all(f"node-1: {told}" in problem for problem in problems)


def test_a_wide_route_overlaps_both_networks_unless_it_is_allowed():
    wide = [{"dst": "10.0.0.0/8", "gateway": "192.168.56.1", "dev": "eth1"}]
    assert [problem.split()[0] for problem in overlaps(wide)] == list(NETWORKS)
    assert overlaps(wide, allowed=["10.0.0.0/8"]) == []
    with pytest.raises(AddressError, match=r"node_address_allowed_routes is '10\.0\.0\.1/8', .* 10\.0\.0\.0/8"):
        overlaps(wide, allowed=["10.0.0.1/8"])


def test_the_two_halves_of_a_vpns_default_route_are_no_overlap():
    halves = [{"dst": net, "gateway": "10.8.0.1", "dev": "tun0"} for net in ("0.0.0.0/1", "128.0.0.0/1")]
    assert overlaps(halves) == []


def test_both_families_are_compared():
    networks = {"control_plane_pod_cidr": "10.244.0.0/16,fd00:244::/56"}
    (problem,) = overlaps([{"dst": "fd00::/16", "dev": "eth3"}], networks=networks)
    assert problem.startswith("control_plane_pod_cidr fd00:244::/56 overlaps")


def test_what_is_no_network_is_told_with_its_variable():
    with pytest.raises(AddressError, match="control_plane_pod_cidr is 'banana', which is no network"):
        overlaps(networks={"control_plane_pod_cidr": "banana"})


FLAGS = '/var/lib/kubelet/kubeadm-flags.env:KUBELET_KUBEADM_ARGS="--node-ip={} --container-runtime-endpoint=unix://x"'
SERVER = "/etc/kubernetes/manifests/kube-apiserver.yaml:    - --advertise-address={}"


@pytest.mark.parametrize(
    ("found", "running"),
    [
        ("", {}),
        ("skipped, since /etc/kubernetes/kubelet.conf does not exist", {}),
        (FLAGS.format("10.1.1.1"), {"--node-ip in /var/lib/kubelet/kubeadm-flags.env": ["10.1.1.1"]}),
        (FLAGS.format("10.1.1.1,FD00:0::1"), {"--node-ip in /var/lib/kubelet/kubeadm-flags.env":
                                              ["10.1.1.1", "fd00::1"]}),
        (FLAGS.format("::"), {}),
        ("/etc/default/kubelet:KUBELET_EXTRA_ARGS=--v=2 --node-ip 10.1.1.2", {"--node-ip in /etc/default/kubelet":
                                                                             ["10.1.1.2"]}),
        ("/etc/default/kubelet:#KUBELET_EXTRA_ARGS=--node-ip=10.1.1.2", {}),
        # the later file is the one in effect
        (FLAGS.format("10.1.1.1") + "\n/etc/default/kubelet:KUBELET_EXTRA_ARGS='--node-ip=10.1.1.2'",
         {"--node-ip in /etc/default/kubelet": ["10.1.1.2"]}),
    ],
)
def test_the_address_by_which_a_node_runs_is_read(found, running):
    assert host_networks.running_addresses(found) == running


def problem(found, picked, internal=""):
    return provisioning.running_node_problem(found, internal, picked, {"cidr": "192.168.56.0/24"})


def test_a_node_that_keeps_its_address_is_no_problem():
    assert problem(FLAGS.format("192.168.56.11"), ["192.168.56.11"]) == ""
    # a second family may come, the first one stays
    assert problem(FLAGS.format("192.168.56.11"), ["192.168.56.11", "fd00::11"]) == ""
    assert problem("", ["192.168.56.11"]) == ""


@pytest.mark.parametrize(
    ("found", "internal", "picked", "told"),
    [
        (FLAGS.format("192.168.56.11"), "", ["192.168.56.21"], "by 192.168.56.11 (--node-ip in /var/lib/kubelet/"),
        (SERVER.format("192.168.56.11"), "", ["192.168.56.21"], "(--advertise-address in /etc/kubernetes/manifests/"),
        ("", "10.0.2.15", ["192.168.56.11"], "by 10.0.2.15 (InternalIP of its Node)"),
        (FLAGS.format("192.168.56.11,fd00::1"), "", ["192.168.56.11", "fd00::2"], "by 192.168.56.11, fd00::1"),
        (FLAGS.format("192.168.56.11"), "", ["fd00::2", "192.168.56.11"], "picks fd00::2, 192.168.56.11"),
    ],
)
def test_a_node_with_another_address_is_told_where_its_own_stands(found, internal, picked, told):
    said = problem(found, picked, internal)
    assert told in said
    assert "node_address_cidr 192.168.56.0/24 picks" in said
    assert "Set node_address_cidr so that it picks" in said


CHECK = "roles/node_address/tasks/check.yml"
EXTRA = "/etc/default/kubelet:KUBELET_EXTRA_ARGS=--node-ip={}"


def test_what_a_reset_leaves_is_to_be_removed_before_a_node_joins_anew():
    assert "kubeadm reset), remove --node-ip in /etc/default/kubelet, and let" in problem(
        EXTRA.format("10.0.2.15"), ["192.168.56.11"])
    assert "kubeadm reset), and let" in problem(FLAGS.format("10.0.2.15"), ["192.168.56.11"])


@pytest.mark.parametrize(("given", "picked", "refused"), [
    ("10.0.2.15", ["192.168.56.11"], True),
    # the Node would lose its second family
    ("192.168.56.11", ["192.168.56.11", "fd00::11"], True),
    ("192.168.56.11", ["192.168.56.11"], False),
    ("192.168.56.11,fd00::11", ["192.168.56.11", "fd00::11"], False),
])
def test_an_address_that_the_kubelet_of_a_coming_node_was_given_is_the_one_that_is_picked(given, picked, refused):
    look = task(CHECK, "Read by which address a node runs or would run")
    refusal = task(CHECK, "Refuse another address that the kubelet of a host was given before it is a node")
    role = Role("node_address", node_address_ips=picked, __node_address_wanted={"cidr": "192.168.56.0/24"},
                __node_address_kubelet_conf={"stat": {"exists": False}}, __node_address_seen={"member": False},
                __node_address_arguments={"stdout": EXTRA.format(given)})
    argv = role.render(look["ansible.builtin.command"]["argv"], ansible_facts={"os_family": "Debian"}, **look["vars"])
    assert argv[5:] == ["/etc/default/kubelet"], "nothing else of it is read yet"
    assert role.goes(refusal)
    assert role.holds(refusal) is not refused
    if refused:
        said = role.says(refusal)
        assert said.startswith(
            f"node-1: --node-ip in /etc/default/kubelet says {given.replace(',', ', ')}, but node_address_cidr")
        # which picks the first one already
        assert said.endswith("Remove it there.") is (given == picked[0])


@pytest.mark.parametrize(("facts", "own"), [
    ({"os_family": "Debian"}, ["/etc/default/kubelet"]), ({"os_family": "RedHat"}, ["/etc/sysconfig/kubelet"]),
    ({}, ["/etc/default/kubelet", "/etc/sysconfig/kubelet"])])
def test_a_node_s_addresses_are_read_in_the_order_in_which_they_count(facts, own):
    look = task(CHECK, "Read by which address a node runs or would run")
    role = Role("node_address", ansible_facts=facts, __node_address_kubelet_conf={"stat": {"exists": True}})
    assert role.render(look["ansible.builtin.command"]["argv"], **look["vars"])[5:] == [
        "/var/lib/kubelet/kubeadm-flags.env", *own, "/etc/kubernetes/manifests/kube-apiserver.yaml"]
