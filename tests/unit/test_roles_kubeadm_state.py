# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import kubeadm_state

K = "/etc/kubernetes/"
FULL = [K + "admin.conf", K + "manifests/kube-apiserver.yaml", K + "kubelet.conf", K + "pki/ca.crt"]
INIT, JOIN = kubeadm_state.note("init", []), kubeadm_state.note("join", [])


def judged(role="control_plane", files=(), **seen):
    said = kubeadm_state.judge(**{
        "host": "h", "role": role, "files": list(files), "note_text": "", "etcd_data": "", "api_server_ran": False,
        "undoing": False, "running": [], **seen})
    assert bool(said["problem"]) == (said["kind"] == "refused")
    return said


@pytest.mark.parametrize("role", ["control_plane", "worker"])
def test_a_bare_host_is_new_with_other_files_in_the_directory_too(role):
    assert judged(role, [K + "kubeadm-init.yaml", K + "pki/my-ca.pem", K + "manifests/mine.yaml"])["kind"] == "new"


def test_what_is_whole_is_made_whoever_made_it():
    assert judged(files=FULL)["kind"] == "made"
    assert judged("worker", [K + "kubelet.conf", K + "pki/ca.crt"])["kind"] == "made"


@pytest.mark.parametrize(
    ("role", "files", "words"),
    [
        ("control_plane", FULL[:1], "it has admin.conf of a control plane"),
        ("control_plane", FULL[1:2], "it has manifests/kube-apiserver.yaml of a control plane"),
        ("control_plane", [K + "kubelet.conf"], "it is a node of a cluster"),
        ("worker", FULL, "the inventory has it in kube_node only"),
        ("worker", [K + "bootstrap-kubelet.conf"], "another hand's kubeadm join did not finish"),
    ],
)
def test_what_another_hand_left_is_refused_and_never_undone(role, files, words):
    said = judged(role, files)
    assert said["kind"] == "refused"
    assert said["problem"].startswith("h: ")
    assert words in said["problem"]


def test_data_of_etcd_is_never_taken_for_a_bare_host():
    assert "save it first" in judged(files=FULL[:1], etcd_data="/var/lib/etcd")["problem"]
    assert "it has etcd's data in /srv/etcd" in judged(etcd_data="/srv/etcd")["problem"]


@pytest.mark.parametrize("files", [FULL[:1], FULL[3:], FULL])
def test_an_init_of_ours_is_undone_only_while_no_api_server_has_run(files):
    assert judged(files=files, note_text=INIT)["kind"] == "undo"
    assert judged(files=files, note_text=INIT, etcd_data="/var/lib/etcd")["kind"] == "undo"
    assert judged(files=files, note_text=INIT, etcd_data="/var/lib/etcd", api_server_ran=True)["kind"] == "finish"


def test_an_init_that_got_nowhere_leaves_a_new_host():
    assert judged(note_text=INIT, files=[K + "kubeadm-init.yaml"])["kind"] == "new"


def test_an_undo_that_was_cut_off_goes_on():
    assert judged(note_text=INIT, undoing=True)["kind"] == "undo"


def test_a_join_of_ours_is_undone_only_before_its_kubelet_may_be_a_node():
    assert judged("worker", [K + "bootstrap-kubelet.conf", K + "pki/ca.crt"], note_text=JOIN)["kind"] == "undo"
    assert judged("worker", [K + "kubelet.conf"], note_text=JOIN)["kind"] == "finish"


def test_what_may_hold_data_is_refused_where_the_host_changed_its_group():
    said = judged("worker", FULL, note_text=INIT, api_server_ran=True)
    assert "a kubeadm init did not finish here, but the inventory now has the host as a worker" in said["problem"]
    said = judged("control_plane", [K + "kubelet.conf"], note_text=JOIN)
    assert "as a control plane" in said["problem"]


def test_nothing_is_done_beside_a_kubeadm_that_runs():
    assert "process 7, 9" in judged(files=FULL, note_text=INIT, running=["7", "9"])["problem"]


def test_files_from_before_and_files_of_others_are_kept():
    before = [K + "pki/ca.crt", K + "pki/ca.key", "/var/lib/kubelet/config.json", K + "podpath.txt"]
    now = [*before, K + "manifests/mine.yaml", K + "manifests/etcd.yaml", K + "pki/sa.key", K + "pki/extra/x.pem",
           K + "admin.conf", "/var/lib/kubelet/pki/kubelet.crt"]
    assert kubeadm_state.files_to_keep(kubeadm_state.note("init", before), now) == [
        K + "manifests/mine.yaml", K + "pki/ca.crt", K + "pki/ca.key", K + "pki/extra/x.pem",
        "/var/lib/kubelet/config.json"]


def test_own_certificates_from_before_are_no_unfinished_run():
    note = kubeadm_state.note("init", [K + "pki/ca.crt", K + "pki/ca.key"])
    assert judged(files=[K + "pki/ca.crt", K + "pki/ca.key"], note_text=note)["kind"] == "new"


@pytest.mark.parametrize("text", ["{", "[]", '{"what": "init"}', "null"])
def test_a_note_that_cannot_be_read_is_a_sentence(text):
    with pytest.raises(kubeadm_state.StateError, match="cannot be read"):
        judged(note_text=text)


def certificate(name):
    # the shape of a subject in DER: tag, length, text
    text = b"system:node:" + name
    der = b"\x30\x82\x01\x02\x0c\x0csystem:nodes\x31\x0c" + bytes([len(text)]) + text + b"\x30"
    body = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"


def test_the_name_of_the_node_stands_in_the_kubelets_certificate():
    assert kubeadm_state.node_name(certificate(b"worker-a.example")) == "worker-a.example"
    assert kubeadm_state.node_name("") == ""
    assert kubeadm_state.node_name("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n") == ""


API_SERVER = """
spec:
  containers:
  - command: [kube-apiserver, --advertise-address=192.168.56.10, --service-cluster-ip-range=10.96.0.0/12]
    image: registry.k8s.io/kube-apiserver:v1.37.2
"""
MANAGER = """
spec:
  containers:
  - command: [kube-controller-manager, --cluster-cidr=10.244.0.0/16]
    image: registry.k8s.io/kube-controller-manager:v1.37.2
"""
WANTED = {"address": "192.168.56.10", "pod_cidr": "10.244.0.0/16", "service_cidr": "10.96.0.0/12", "version": "1.37.2"}


def disagreements(node="h", addresses=("192.168.56.10",), **wanted):
    return kubeadm_state.disagreements("h", API_SERVER, MANAGER, WANTED | wanted, node, addresses)


def test_a_control_plane_as_described_is_left_alone():
    assert disagreements() == []
    assert disagreements(node="", addresses=(), version="") == []
    # of two families the API server advertises the first
    both = "192.168.56.10,fd00:56::10"
    assert disagreements(address=both, addresses=both.split(",")) == []
    assert "fd00:56::10" in disagreements(address=both)[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"address": "10.0.2.15"}, "the address 192.168.56.10, but node_address_cidr leads to 10.0.2.15"),
        ({"pod_cidr": "10.9.0.0/16"}, "the pod network 10.244.0.0/16, but control_plane_pod_cidr is 10.9.0.0/16"),
        ({"service_cidr": "10.9.0.0/16"}, "the Service network 10.96.0.0/12, but control_plane_service_cidr is"),
        ({"version": "1.36.3"}, "Kubernetes 1.37.2, but kubernetes_version is 1.36.3"),
        ({"node": "master"}, "the Node name master, but the inventory calls the host h"),
        ({"addresses": ("10.0.2.15",)}, "its Node has the address 10.0.2.15, but node_address_cidr"),
    ],
)
def test_a_control_plane_that_differs_is_told_with_the_variable(changes, words):
    (problem,) = disagreements(**changes)
    assert words in problem
    assert problem.startswith("h")


@pytest.mark.parametrize("text", ["", "spec: {}", "a: [", "spec: {containers: [{}, {}]}"])
def test_a_manifest_that_cannot_be_read_is_a_sentence(text):
    with pytest.raises(kubeadm_state.StateError, match="cannot be read"):
        kubeadm_state.disagreements("h", text, MANAGER, WANTED, "h")
