# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cluster's objects alone show to be wrong."""

from __future__ import annotations

import pytest
from path_samples import NAMES, cluster, node

from ansible_collections.podpath.kubeadm.plugins.module_utils import preflight, topology

CIDRS = ["192.168.56.0/24"]
DUAL = [*CIDRS, "fd00:56::/64"]


def checked(*objects, networks=CIDRS, families=("ipv4",), conf=None, pods=None):
    config = {"data": {"net-conf.json": conf}} if conf else None
    flannel = topology.parse_flannel(config)
    nodes = topology.parse_nodes(objects)
    return preflight.check(nodes, topology.parse_networks(networks), families, flannel, pods)


def rules(findings):
    return {(finding.rule, finding.severity) for finding in findings}


def test_a_healthy_cluster_has_no_findings():
    assert checked(*cluster()) == []
    assert checked(*cluster(dual=True), networks=DUAL, families=("ipv4", "ipv6")) == []


def test_flannel_on_the_nat_interface_is_a_fail_for_every_reason_it_is_wrong():
    findings = checked(*(node(index, public_ip="10.0.2.15") for index in range(3)))
    assert {finding.rule for finding in findings} == {
        "public-ip-not-internal-ip",
        "public-ip-outside",
        "public-ip-duplicate",
    }
    assert all(finding.severity == "fail" for finding in findings)
    assert all("10.0.2.15" in finding.message and "--iface" in finding.cure for finding in findings)
    assert any("node-1" in finding.message for finding in findings)


def test_flannel_and_kubelet_agreeing_on_the_wrong_network_is_a_fail():
    nodes = [node(i, public_ip=f"10.9.0.{i}", internal_ip=f"10.9.0.{i}") for i in range(1, 3)]
    assert rules(checked(*nodes)) == {("public-ip-outside", "fail")}


def test_a_kubelet_on_another_interface_than_flannel_keeps_its_nodes_pairs_open():
    told = {"flannel.alpha.coreos.com/public-ip-overwrite": "192.168.56.11"}
    nodes = [node(0), node(1, internal_ip="10.0.2.15", public_ip="192.168.56.11", annotations=told)]
    (finding,) = checked(*nodes)
    assert (finding.rule, finding.severity, finding.nodes) == ("internal-ip-outside", "inconclusive", ("node-1",))
    assert "10.0.2.15" in finding.message
    assert "--node-ip" in finding.cure


def test_without_a_cluster_network_pairs_across_nodes_stay_open():
    (finding,) = checked(*cluster(), networks=[])
    assert finding.rule == "no-cluster-network"
    assert finding.concerns("node-1", "node-2")
    assert not finding.concerns("node-1", "node-1")


def test_a_cluster_network_of_one_family_says_nothing_of_the_other():
    (finding,) = checked(*cluster(dual=True), families=("ipv4", "ipv6"))
    assert (finding.rule, finding.families) == ("no-cluster-network", ("ipv6",))
    assert finding.concerns("node-1", "node-2", "ipv6")
    assert not finding.concerns("node-1", "node-2", "ipv4")


def test_a_single_node_needs_no_cluster_network():
    assert checked(node(0), networks=[]) == []


@pytest.mark.parametrize(
    ("changed", "rule", "severity"),
    [
        (node(1, None), "no-flannel", "inconclusive"),
        (node(1, "unheard-of"), "backend-unknown", "inconclusive"),
        (node(1, ""), "backend-mixed", "inconclusive"),
        (node(1, "vxlan"), "backend-mixed", "inconclusive"),
        (node(1, public_ip=""), "public-ip-missing", "inconclusive"),
        (node(1, public_ip="0.0.0.0"), "public-ip-missing", "inconclusive"),
        (node(1, internal_ip="fd00::1"), "no-internal-ip", "inconclusive"),
        (node(1, pod_cidr=None), "no-pod-cidr", "inconclusive"),
        (node(1, pod_cidr="fd00:1::/64"), "no-pod-cidr", "inconclusive"),
        (node(1, pod_cidr="10.244.0.0/24"), "pod-cidr-overlap", "fail"),
        (node(1, pod_cidr="10.244.0.128/25"), "pod-cidr-overlap", "fail"),
        (node(1, pod_cidr="10.240.0.0/12"), "pod-cidr-overlap", "fail"),
        (node(1, public_ip="192.168.56.99"), "public-ip-not-internal-ip", "fail"),
    ],
)
def test_one_odd_node_is_found_and_named(changed, rule, severity):
    findings = checked(node(0), changed, node(2))
    assert rules(findings) == {(rule, severity)}
    assert any("node-1" in finding.nodes and "node-1" in finding.message for finding in findings)


def test_an_address_that_an_administrator_chose_is_no_wrong_interface():
    chosen = {"flannel.alpha.coreos.com/public-ip-overwrite": "192.168.56.99"}
    assert checked(node(0), node(1, public_ip="192.168.56.99", annotations=chosen), node(2)) == []


def test_in_a_cluster_of_ipv6_alone_flannels_0_0_0_0_is_no_duplicate():
    objects = [
        node(
            index,
            "host-gw",
            pod_cidr=f"fd00:244:{index}::/64",
            public_ip="0.0.0.0",
            internal_ip=f"fd00:56::1{index}",
            annotations={"flannel.alpha.coreos.com/public-ipv6": f"fd00:56::1{index}"},
        )
        for index in range(3)
    ]
    assert checked(*objects, networks=DUAL, families=("ipv6",)) == []


@pytest.mark.parametrize("backend", ["ipip", ""])
def test_a_backend_without_ipv6_fails_that_family_alone(backend):
    findings = checked(*cluster(backend, dual=True), networks=DUAL, families=("ipv4", "ipv6"))
    assert rules(findings) == {("backend-ipv4-only", "fail")}
    assert all(finding.families == ("ipv6",) for finding in findings)


def test_no_flannel_at_all_is_said_once():
    (finding,) = checked(*cluster(None))
    assert (finding.rule, finding.nodes) == ("no-flannel", NAMES)
    assert "expected" in finding.cure


def test_flannel_that_was_not_restarted_after_a_change_is_found():
    (finding,) = checked(*cluster("host-gw"), conf='{"Backend": {"Type": "vxlan"}}')
    assert (finding.rule, finding.nodes) == ("backend-stale", NAMES)
    assert "vxlan" in finding.message
    assert "host-gw" in finding.message
    assert checked(*cluster("host-gw"), conf='{"Backend": {"Type": "host-gw"}}') == []


def test_a_pod_cidr_outside_flannels_network_is_found():
    conf = '{"Network": "10.244.0.0/23", "Backend": {"Type": "host-gw"}}'
    (finding,) = checked(*cluster(), conf=conf)
    assert (finding.rule, finding.nodes) == ("pod-cidr-outside", ("node-2",))


def flannel_pod(name, ready=True, waiting=""):
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    return {
        "metadata": {"name": f"kube-flannel-ds-{name}"},
        "spec": {"nodeName": name},
        "status": {
            "conditions": [{"type": "Ready", "status": "True" if ready else "False", "reason": "ContainersNotReady"}],
            "containerStatuses": [{"state": state}],
        },
    }


def test_flannel_pods_that_are_not_ready_or_missing_are_found():
    healthy = [flannel_pod(name) for name in NAMES]
    assert checked(*cluster(), pods=healthy) == []
    assert checked(*cluster(), pods=None) == []
    # one that was evicted stays in the list beside its successor
    assert checked(*cluster(), pods=[flannel_pod("node-1", ready=False), *healthy]) == []
    crashing = [healthy[0], flannel_pod("node-1", ready=False, waiting="CrashLoopBackOff")]
    findings = checked(*cluster(), pods=crashing)
    assert [(finding.rule, finding.nodes) for finding in findings] == [
        ("flannel-not-ready", ("node-1",)),
        ("flannel-not-ready", ("node-2",)),
    ]
    assert "CrashLoopBackOff" in findings[0].message
    assert "node-1" in findings[0].cure


def test_where_no_pod_of_flannel_is_found_it_may_run_all_the_same():
    """k3s runs it in its own process, and others label its pods otherwise; one node without, of several, is told."""
    assert checked(*cluster("vxlan"), pods=[]) == []
    assert checked(*cluster(None), pods=[]) == checked(*cluster(None), pods=None)
    findings = checked(*cluster("vxlan"), pods=[flannel_pod(NAMES[0]), flannel_pod(NAMES[1])])
    assert [(finding.rule, finding.nodes) for finding in findings] == [("flannel-not-ready", ("node-2",))]
    assert " -l " not in findings[0].cure, "nobody knows its label"
    (ended,) = checked(*cluster("vxlan", size=1), pods=[flannel_pod(NAMES[0], ready=False)])
    assert ended.rule == "flannel-not-ready"


def test_overlaps_are_found_fast_in_a_large_cluster():
    nodes = [node(index, pod_cidr=f"10.{index // 250}.{index % 250}.0/24") for index in range(3, 1003)]
    assert [f.rule for f in checked(*nodes) if f.rule == "pod-cidr-overlap"] == []
    nodes.append(node(2000, pod_cidr="10.1.7.0/25"))
    overlaps = [f for f in checked(*nodes) if f.rule == "pod-cidr-overlap"]
    assert [f.nodes for f in overlaps] == [("node-2000", "node-257")]


def test_pods_outside_their_nodes_pod_cidr_are_found():
    nodes = topology.parse_nodes(cluster(dual=True))
    pods = [
        ("node-1", "ipv4", "10.244.1.9"),
        ("node-1", "ipv6", "fd00:244:1::9"),
        ("node-2", "ipv4", "10.88.0.4"),
        ("node-2", "ipv6", "10.244.2.4"),
    ]
    assert [(f.nodes, f.families) for f in preflight.pod_addresses(nodes, pods)] == [
        (("node-2",), ("ipv4",)),
        (("node-2",), ("ipv6",)),
    ]
