# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flannel on a running cluster: changes by hand are mended; another backend is refused, or rolled out and proved.

Each change of the backend leaves the cluster with the one that it was made with.
"""

from __future__ import annotations

import json

import pytest

import playbooks

FLANNEL = "--namespace kube-flannel"
APPLY = "Apply the manifest"
AGAIN = "Start Flannel's pods anew where their configuration was changed by hand"
TIDY = "Remove what another backend left"


def said(ran: playbooks.Run) -> str:
    """The output as a person reads it, without the breaks of lines."""
    return " ".join(ran.output.split())


def pods_by_node(lab) -> dict[str, str]:
    listed = json.loads(lab.kubectl(f"get pods {FLANNEL} -o json"))["items"]
    return {pod["spec"]["nodeName"]: pod["metadata"]["uid"] for pod in listed}


def net_conf(lab) -> dict:
    config_map = json.loads(lab.kubectl(f"get configmap kube-flannel-cfg {FLANNEL} -o json"))
    return json.loads(config_map["data"]["net-conf.json"])


def assert_paths(lab, second: str, device: str) -> None:
    """The proof passes with this role at hop 2, each node's routes go by this device, and nothing else is left."""
    ran, paths = lab.paths()
    assert ran.rc == 0, ran.output
    crossing = [pair for pair in paths["pods"]["pairs"] if pair["source"]["node"] != pair["destination"]["node"]]
    assert len(crossing) == 6
    assert {pair["expected"]["hops"][1]["role"] for pair in crossing} == {second}
    assert {pair["verdict"] for pair in paths["pods"]["pairs"]} == {"pass"}
    for name, node in lab.nodes.items():
        routes = [route for route in json.loads(node.check_output("ip -json -4 route"))
                  if route["dst"].startswith("10.244.") and "gateway" in route]
        assert [route["dev"] for route in routes] == [device] * 2, (name, routes)


def change(lab, **variables: object) -> playbooks.Run:
    ran = playbooks.run("site.yml", lab.inventory, flannel_allow_backend_change=True, **variables)
    assert ran.rc == 0, ran.output
    assert ran.changed["controlplane"] >= {APPLY}
    assert set().union(*ran.changed.values()) <= {APPLY, TIDY}, ran.changed
    return ran


def assert_settled(lab, **variables: object) -> None:
    ran = playbooks.run("site.yml", lab.inventory, **variables)
    assert ran.rc == 0, ran.output
    assert ran.changed == {}, "the permission is needed for the change only"


@pytest.mark.long
def test_what_was_changed_by_hand_is_mended_and_nothing_else(lab):
    if lab.backend != "vxlan":
        pytest.skip("one backend is enough")
    before, pods = net_conf(lab), pods_by_node(lab)
    text = json.dumps({**before, "Backend": {"Type": "host-gw"}})
    lab.kubectl(f"patch configmap kube-flannel-cfg {FLANNEL} --patch "
                + playbooks.quote(json.dumps({"data": {"net-conf.json": text}})))
    # one pod has read it, the others still run what they were started with
    lab.kubectl(f"delete pod {FLANNEL} --field-selector spec.nodeName=node-1")
    lab.kubectl(f"rollout status daemonset/kube-flannel-ds {FLANNEL} --timeout=120s")
    lab.kubectl(f"set image daemonset/kube-flannel-ds {FLANNEL} kube-flannel=ghcr.io/flannel-io/flannel:v0.0.1")

    ran = playbooks.run("site.yml", lab.inventory)

    assert ran.rc == 0, ran.output
    assert ran.changed == {"controlplane": {APPLY, AGAIN}}, ran.changed
    assert net_conf(lab) == before
    assert "v0.0.1" not in lab.kubectl(f"get daemonset kube-flannel-ds {FLANNEL} -o yaml")
    assert pods_by_node(lab).keys() == pods.keys()
    assert_paths(lab, "flannel.1", "flannel.1")


def test_another_backend_is_refused_before_anything_is_changed(lab):
    other = {"vxlan": "host-gw", "host-gw": "vxlan"}[lab.backend]
    before, pods = net_conf(lab), pods_by_node(lab)
    ran = playbooks.run("site.yml", lab.inventory, flannel_backend=other)
    assert ran.rc != 0
    assert ran.changed == {}
    assert f"the backend {lab.backend}, but flannel_backend is {other}" in said(ran)
    assert "flannel_allow_backend_change" in ran.output
    ran = playbooks.run("site.yml", lab.inventory, cmdline="--limit controlplane", flannel_backend=other,
                        flannel_allow_backend_change=True)
    assert ran.rc != 0
    assert ran.changed == {}
    assert "this run leaves out node-1, node-2" in said(ran)
    assert (net_conf(lab), pods_by_node(lab)) == (before, pods)


@pytest.mark.long
def test_backend_is_changed_there_and_back_and_every_path_with_it(lab):
    if lab.backend != "vxlan":
        pytest.skip("the way there and back covers both backends")
    uids = lab.kubectl("get pods --namespace kube-system -o jsonpath='{.items[*].metadata.uid}'")

    ran = change(lab, flannel_backend="host-gw")
    assert {name for name, tasks in ran.changed.items() if TIDY in tasks} == set(lab.nodes), "each had a flannel.1"
    assert_paths(lab, "node", "eth1")
    for node in lab.nodes.values():
        assert not node.interface("flannel.1").exists
    assert_settled(lab, flannel_backend="host-gw")

    change(lab, flannel_backend="vxlan")
    assert_paths(lab, "flannel.1", "flannel.1")
    assert_settled(lab, flannel_backend="vxlan")
    # no pod but Flannel's was touched
    assert lab.kubectl("get pods --namespace kube-system -o jsonpath='{.items[*].metadata.uid}'") == uids


@pytest.mark.long
def test_direct_routing_and_mtu_are_changed_there_and_back(lab):
    if lab.backend != "vxlan":
        pytest.skip("both are of vxlan")
    ran = playbooks.run("site.yml", lab.inventory, flannel_direct_routing=True)
    assert ran.rc != 0
    assert ran.changed == {}
    assert "DirectRouting off, but flannel_direct_routing is true" in said(ran)

    change(lab, flannel_direct_routing=True, flannel_mtu=1400)
    assert_paths(lab, "node", "eth1")
    for node in lab.nodes.values():
        assert json.loads(node.check_output("ip -json link show flannel.1"))[0]["mtu"] == 1350
        assert "FLANNEL_MTU=1350" in node.file("/run/flannel/subnet.env").content_string
    assert_settled(lab, flannel_direct_routing=True, flannel_mtu=1400)

    change(lab)
    assert_paths(lab, "flannel.1", "flannel.1")
    for node in lab.nodes.values():
        assert json.loads(node.check_output("ip -json link show flannel.1"))[0]["mtu"] == 1450
