# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import json

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import flannel_manifest


def manifest(**flanneld):
    """The parts of Flannel's manifest that the patch knows, and one that it must leave alone."""
    return [
        {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "kube-flannel"}},
        {
            "kind": "ConfigMap",
            "metadata": {"name": "kube-flannel-cfg"},
            "data": {
                "cni-conf.json": "{}",
                "net-conf.json": '{"Network": "10.1.0.0/16", "EnableNFTables": false, "Backend": {"Type": "vxlan"}}',
            },
        },
        {
            "kind": "DaemonSet",
            "metadata": {"name": "kube-flannel-ds"},
            "spec": {
                "template": {
                    "metadata": {"labels": {"app": "flannel"}},
                    "spec": {
                        "initContainers": [
                            {"name": "plugin", "image": "plugin:1"},
                            {"name": "conf", "image": "flannel:1"},
                        ],
                        "containers": [
                            {"name": "kube-flannel", "image": "flannel:1", "args": ["--ip-masq"], "env": [], **flanneld}
                        ],
                    },
                }
            },
        },
        None,
    ]


def pod(documents):
    return documents[2]["spec"]["template"]


def config(documents):
    return json.loads(documents[1]["data"]["net-conf.json"])


def test_network_backend_and_interface_are_set_and_nothing_else():
    before = manifest()
    after = flannel_manifest.patch(before, "10.244.0.0/16", "host-gw")
    assert config(after) == {"Network": "10.244.0.0/16", "EnableNFTables": False, "Backend": {"Type": "host-gw"}}
    flanneld = pod(after)["spec"]["containers"][0]
    assert flanneld["args"] == ["--ip-masq", "--iface=$(NODE_IP)"]
    assert flanneld["env"] == [{"name": "NODE_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}]
    # with these undone it is what it was
    after[1]["data"]["net-conf.json"] = before[1]["data"]["net-conf.json"]
    flanneld["args"].pop()
    flanneld["env"].pop()
    del pod(after)["metadata"]["annotations"]
    assert after == before[:3]


def test_the_given_documents_are_not_changed():
    before = manifest()
    kept = copy.deepcopy(before)
    flannel_manifest.patch(before, "10.244.0.0/16", "host-gw")
    assert before == kept


def annotation(*arguments):
    return pod(flannel_manifest.patch(manifest(), *arguments))["metadata"]["annotations"][flannel_manifest.CONFIG_HASH]


def test_another_configuration_is_another_pod_template_and_the_same_one_is_not():
    assert annotation("10.244.0.0/16", "vxlan") == annotation("10.244.0.0/16", "vxlan")
    assert annotation("10.244.0.0/16", "vxlan") != annotation("10.244.0.0/16", "host-gw")
    assert annotation("10.244.0.0/16", "vxlan") != annotation("10.245.0.0/16", "vxlan")


def test_a_manifest_that_binds_an_interface_itself_is_refused():
    with pytest.raises(flannel_manifest.ManifestError, match="--iface=eth0"):
        flannel_manifest.patch(manifest(args=["--iface=eth0"]), "10.244.0.0/16", "vxlan")


@pytest.mark.parametrize(("missing", "said"), [(1, "ConfigMap/kube-flannel-cfg"), (2, "DaemonSet/kube-flannel-ds")])
def test_another_manifest_is_refused_with_what_is_missing(missing, said):
    documents = manifest()
    del documents[missing]
    with pytest.raises(flannel_manifest.ManifestError, match=said):
        flannel_manifest.patch(documents, "10.244.0.0/16", "vxlan")


@pytest.mark.parametrize("data", [{}, {"net-conf.json": "{"}])
def test_an_unreadable_configuration_is_refused(data):
    documents = manifest()
    documents[1]["data"] = data
    with pytest.raises(flannel_manifest.ManifestError, match=r"net-conf\.json"):
        flannel_manifest.patch(documents, "10.244.0.0/16", "vxlan")


def test_a_daemon_set_without_flanneld_is_refused():
    with pytest.raises(flannel_manifest.ManifestError, match="no container kube-flannel"):
        flannel_manifest.patch(manifest(name="other"), "10.244.0.0/16", "vxlan")


def test_images_are_named_once_in_the_order_of_need():
    assert flannel_manifest.images(manifest()) == ["plugin:1", "flannel:1"]


def live(text):
    return {"kind": "ConfigMap", "data": {"net-conf.json": text}}


RUNNING = live('{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}')


def test_a_running_flannel_as_wanted_is_no_problem():
    assert flannel_manifest.live_problems(RUNNING, "10.244.0.0/16", "vxlan") == []
    (config_map,) = (item for item in flannel_manifest.patch(manifest(), "10.5.0.0/16", "host-gw")
                     if item["kind"] == "ConfigMap")
    assert flannel_manifest.live_problems(config_map, "10.5.0.0/16", "host-gw") == []


@pytest.mark.parametrize(
    ("network", "backend", "said"),
    [
        ("10.244.0.0/16", "host-gw", ["backend vxlan", "flannel_backend is host-gw", "not supported yet"]),
        ("10.5.0.0/16", "vxlan", ["pod network is 10.244.0.0/16", "control_plane_pod_cidr", "10.5.0.0/16"]),
    ],
)
def test_another_backend_or_network_is_told_with_what_is_there(network, backend, said):
    (problem,) = flannel_manifest.live_problems(RUNNING, network, backend)
    for part in said:
        assert part in problem


@pytest.mark.parametrize("config_map", [{}, {"data": None}, live("no json"), live("[]")])
def test_a_running_configuration_that_cannot_be_read_is_told(config_map):
    (problem,) = flannel_manifest.live_problems(config_map, "10.244.0.0/16", "vxlan")
    assert "kube-flannel-cfg cannot be read" in problem
