# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user adds to kubeadm's configuration, and patches, labels and taints of one node, as host-gw's inventory has
them."""

from __future__ import annotations

import json

import pytest

import playbooks

RACK = "podpath.example/rack"
ROLE = "node-role.kubernetes.io/worker"
SOFT = {"key": "podpath.example/soft", "value": "yes", "effect": "PreferNoSchedule"}


@pytest.fixture(autouse=True)
def _only_where_the_options_are(lab):
    if lab.backend != "host-gw":
        pytest.skip("the options stand in the inventory of host-gw")


def node(lab, name: str) -> dict:
    return json.loads(lab.kubectl(f"get node {name} -o json"))


def max_pods(lab, name: str) -> str:
    return node(lab, name)["status"]["capacity"]["pods"]


def arguments(lab, name: str) -> list[str]:
    return lab.nodes[name].check_output("tr '\\0' '\\n' < /proc/$(pidof kubelet)/cmdline").split("\n")


def test_arguments_of_the_user_stand_beside_those_of_the_roles(lab):
    for name, level in (("controlplane", "3"), ("node-1", "4"), ("node-2", "4")):
        said = arguments(lab, name)
        assert f"--v={level}" in said
        assert f"--node-ip={lab.variables[name]['ansible_host']}" in said
    server = lab.nodes["controlplane"].check_output("tr '\\0' '\\n' < /proc/$(pidof kube-apiserver)/cmdline")
    assert "--event-ttl=2h0m0s" in server.split("\n")
    names = lab.nodes["controlplane"].check_output(
        "openssl x509 -noout -ext subjectAltName -in /etc/kubernetes/pki/apiserver.crt")
    for name in ("DNS:api.podpath.example", f"IP Address:{lab.variables['controlplane']['ansible_host']}"):
        assert name in names


def test_a_patch_is_for_its_host_alone(lab):
    assert [max_pods(lab, name) for name in ("controlplane", "node-1", "node-2")] == ["110", "61", "110"]


def test_labels_and_taints_that_were_changed_by_hand_come_back_and_those_of_others_stay(lab):
    lab.kubectl(f"label node node-1 --overwrite {RACK}=b2 {ROLE}- mine=yes")
    lab.kubectl("taint node node-1 podpath.example/soft- mine=yes:PreferNoSchedule")
    # also a patch that was changed by hand
    lab.nodes["node-1"].check_output(
        "echo 'maxPods: 7' > /etc/kubernetes/patches/kubeletconfiguration+strategic.yaml")
    try:
        ran = playbooks.run("site.yml", lab.inventory)
        assert ran.rc == 0, ran.output[-3000:]
        assert ran.changed == {"node-1": {
            "Write the patches", "Write the kubelet's configuration with its patches", "Restart the kubelet",
            "Set the labels", "Set the taints"}}
        found = node(lab, "node-1")
        labels = found["metadata"]["labels"]
        assert (labels[RACK], labels[ROLE], labels["mine"]) == ("a1", "", "yes")
        taints = found["spec"]["taints"]
        assert SOFT in taints
        assert {"key": "mine", "value": "yes", "effect": "PreferNoSchedule"} in taints
        assert max_pods(lab, "node-1") == "61"
    finally:
        lab.kubectl("label node node-1 mine-")
        lab.kubectl("taint node node-1 mine:PreferNoSchedule-")


def test_what_is_not_asked_for_any_more_goes(lab):
    gone = playbooks.run("site.yml", lab.inventory, node_labels={RACK: "a1"}, node_taints=[], kubernetes_patches={},
                         cmdline="--limit node-1")
    try:
        assert gone.rc == 0, gone.output[-3000:]
        assert gone.changed["node-1"] >= {
            "Remove the patches that are not asked for any more", "Set the labels",
            "Take away taints that are not asked for any more"}
        found = node(lab, "node-1")
        assert ROLE not in found["metadata"]["labels"]
        assert SOFT not in found["spec"].get("taints", [])
        assert max_pods(lab, "node-1") == "110"
    finally:
        back = playbooks.run("site.yml", lab.inventory, cmdline="--limit node-1")
    assert back.rc == 0, back.output[-3000:]
    assert max_pods(lab, "node-1") == "61"


@pytest.mark.long
def test_a_patch_that_the_kubelet_cannot_run_with_is_told_with_its_journal(lab):
    file = "kubeletconfiguration+strategic.yaml"
    broken = playbooks.run("site.yml", lab.inventory, kubernetes_patches={file: {"maxPods": "many"}},
                           cmdline="--limit node-1")
    # before anything is judged, as the node's pods have nobody who looks after them
    back = playbooks.run("site.yml", lab.inventory, cmdline="--limit node-1")
    assert broken.rc != 0, broken.output[-3000:]
    said = " ".join(broken.output.split())
    assert f"node-1: the kubelet does not run with its patches ({file})" in said
    assert "It was asked at http://127.0.0.1:10248/healthz" in said
    assert "KubeletConfiguration.maxPods of type int32" in said, "its journal"
    assert back.rc == 0, back.output[-3000:]
    assert max_pods(lab, "node-1") == "61"
