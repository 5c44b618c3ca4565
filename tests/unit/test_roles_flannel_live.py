# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from role_templates import Role, task

from ansible_collections.podpath.kubeadm.plugins.filter import provisioning
from ansible_collections.podpath.kubeadm.plugins.module_utils import flannel_live
from ansible_collections.podpath.kubeadm.plugins.module_utils.flannel_manifest import CONFIG_HASH, wanted

WANTED = wanted("10.244.0.0/16", "vxlan")
DIRECT = wanted("10.244.0.0/16", "vxlan", direct_routing=True)
HOST_GW = wanted("10.244.0.0/16", "host-gw")


def config_map(text):
    return {"kind": "ConfigMap", "metadata": {"namespace": "kube-flannel", "name": "kube-flannel-cfg"},
            "data": {"net-conf.json": text}}


def config(backend="vxlan", network="10.244.0.0/16", **more):
    return config_map(json.dumps({"Network": network, "Backend": {"Type": backend, **more}}))


def daemon_set(digest="of-what-runs", namespace="kube-flannel", name="kube-flannel-ds"):
    return {"kind": "DaemonSet", "metadata": {"namespace": namespace, "name": name},
            "spec": {"template": {"metadata": {"annotations": {CONFIG_HASH: digest}}}}}


def node(name="one", *parts):
    spec = {"podCIDR": parts[0], "podCIDRs": parts} if parts else {}
    return {"kind": "Node", "metadata": {"name": name}, "spec": spec}


def written(item, *times):
    """As the API server notes it: (writer, second of that minute, subresource)."""
    entries = [{"manager": manager, "operation": "Apply", "time": f"2026-11-28T16:00:{second:02}Z"}
               | ({"subresource": part} if part else {}) for manager, second, part in times]
    return item | {"metadata": item["metadata"] | {"managedFields": entries}}


def problems(objects, asked=WANTED, digest="of-what-is-wanted", **how):
    return flannel_live.live_problems(objects, asked, digest, **how)


def test_a_running_flannel_as_wanted_is_no_problem():
    assert problems([config(), daemon_set(), node("one", "10.244.0.0/24")]) == []
    assert problems([config("host-gw")], HOST_GW) == []
    assert problems([config(DirectRouting=True)], DIRECT) == []


def test_a_cluster_without_flannel_is_no_problem():
    assert problems([node("one", "10.244.0.0/24")]) == []


@pytest.mark.parametrize(
    ("live", "asked", "said"),
    [
        (config("vxlan"), HOST_GW, ["backend vxlan", "flannel_backend is host-gw", "set flannel_backend to vxlan"]),
        (config("host-gw"), WANTED, ["backend host-gw", "flannel_backend is vxlan"]),
        (config(), DIRECT, ["DirectRouting off", "flannel_direct_routing is true", "flannel_direct_routing to false"]),
        (config(DirectRouting=True), WANTED, ["DirectRouting on", "flannel_direct_routing is false"]),
    ],
)
def test_other_ways_are_refused_unless_they_are_allowed(live, asked, said):
    (problem,) = problems([live, daemon_set()], asked)
    for part in (*said, "flannel_allow_backend_change"):
        assert part in problem
    assert problems([live, daemon_set()], asked, allow_change=True) == []


def test_an_allowed_change_must_reach_every_node():
    (problem,) = problems([config("vxlan")], HOST_GW, allow_change=True, left_out=["node-2"])
    assert "leaves out node-2" in problem
    assert problems([config("vxlan")], WANTED, left_out=["node-2"]) == []


def test_another_mtu_needs_no_permission():
    assert problems([config(), daemon_set()], wanted("10.244.0.0/16", "vxlan", mtu=1400)) == []


@pytest.mark.parametrize("text", ['{"Network": "10.9.0.0/16", "Backend": {"Type": "host-gw"}}', "{", "[]"])
def test_what_was_changed_by_hand_since_the_pods_were_started_is_mended_without_a_question(text):
    assert problems([config_map(text), daemon_set("the-same")], digest="the-same") == []


def test_another_pod_network_is_told_with_what_is_there():
    (problem,) = problems([config(), daemon_set()], wanted("10.5.0.0/16", "vxlan"))
    for part in ("pod network is 10.244.0.0/16", "control_plane_pod_cidr", "10.5.0.0/16"):
        assert part in problem


def test_the_second_family_is_part_of_the_network():
    both = {"Network": "10.244.0.0/16", "EnableIPv6": True, "IPv6Network": "fd00::/56", "Backend": {"Type": "vxlan"}}
    assert problems([config_map(json.dumps(both))], wanted("10.244.0.0/16,fd00::/56", "vxlan")) == []
    (problem,) = problems([config()], wanted("10.244.0.0/16,fd00::/56", "vxlan"))
    assert "10.244.0.0/16,fd00::/56" in problem


@pytest.mark.parametrize("live", [{**config(), "data": {}}, {**config(), "data": None}, config_map("no json"),
                                  config_map("[]"), config_map('{"Backend": 1}')])
def test_a_running_configuration_that_cannot_be_read_is_told(live):
    (problem,) = problems([live])
    assert "kube-flannel-cfg cannot be read" in problem


@pytest.mark.parametrize(
    ("namespace", "name", "network"),
    [
        ("kube-system", "cilium", "Cilium"),
        ("calico-system", "calico-node", "Calico"),
        ("kube-system", "kube-flannel-ds", "another Flannel"),
        ("kube-system", "kube-flannel-ds-amd64", "another Flannel"),
    ],
)
def test_another_pod_network_in_the_cluster_is_refused(namespace, name, network):
    (problem,) = problems([daemon_set(namespace=namespace, name=name)])
    assert f"{network} (DaemonSet {namespace}/{name})" in problem
    assert problems([daemon_set(namespace=namespace, name=name)], allow_other_network=True) == []


def test_other_daemon_sets_are_no_pod_networks():
    assert problems([daemon_set(), daemon_set(namespace="kube-system", name="kube-proxy")]) == []


@pytest.mark.parametrize(
    ("parts", "said"),
    [((), "has no podCIDR"), (("192.168.0.0/24",), "podCIDR 192.168.0.0/24, which lies outside of flannel_pod_cidr")],
)
def test_a_node_that_flannel_would_not_start_on_is_told(parts, said):
    (problem,) = problems([node("one", *parts), node("two", "10.244.1.0/24")])
    assert "Node one" in problem
    assert said in problem


def kube_proxy(server):
    # the CA is a file in its pod
    cluster = {"certificate-authority": "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt", "server": server}
    text = json.dumps({"kind": "Config", "clusters": [{"name": "default", "cluster": cluster}]})
    return {"kind": "ConfigMap", "metadata": {"namespace": "kube-system", "name": "kube-proxy"},
            "data": {"config.conf": "", "kubeconfig.conf": text}}


@pytest.mark.parametrize(
    ("server", "found"),
    [
        ("https://192.168.56.10:6443", ("192.168.56.10", 6443)),
        # client-go puts the brackets around it itself
        ("https://[fd00::10]:6443", ("fd00::10", 6443)),
        ("https://api.cluster.example", ("api.cluster.example", 443)),
        ("https://192.168.56.10:none", None),
        ("", None),
    ],
)
def test_flanneld_finds_the_api_server_where_kube_proxy_does(server, found):
    assert flannel_live.api_server([config(), kube_proxy(server), daemon_set()]) == found


@pytest.mark.parametrize("objects", [[], [{**kube_proxy(""), "data": None}], [config()]])
def test_a_cluster_that_does_not_say_where_its_api_server_is_leaves_the_manifest_as_it_is(objects):
    assert flannel_live.api_server(objects) is None


def test_the_filter_adds_the_address_to_the_manifest_or_leaves_it_as_it_is():
    documents = [{"kind": "DaemonSet", "metadata": {"name": "kube-flannel-ds"},
                  "spec": {"template": {"spec": {"containers": [{"name": "kube-flannel"}]}}}}]
    (patched,) = provisioning.flannel_for_cluster(documents, [kube_proxy("https://api.example:8443")])
    (flanneld,) = patched["spec"]["template"]["spec"]["containers"]
    assert {one["name"]: one["value"] for one in flanneld["env"]} == {
        "KUBERNETES_SERVICE_HOST": "api.example", "KUBERNETES_SERVICE_PORT": "8443"}
    assert provisioning.flannel_for_cluster(documents, [config()]) == documents


OURS, CONTROLLER, RESTART = "podpath-kubeadm", "kube-controller-manager", "OpenAPI-Generator"


@pytest.mark.parametrize(("of_config", "of_daemon_set", "due"), [
    # a fresh install, by one apply
    ([(OURS, 10, "")], [(OURS, 10, ""), (CONTROLLER, 30, "status")], False),
    ([(OURS, 10, "")], [(OURS, 11, "")], False),
    # the backend was changed, and with it the template
    ([(OURS, 40, "")], [(OURS, 41, ""), (CONTROLLER, 50, "status")], False),
    # the ConfigMap was mended, and the run ended; the controller goes on telling the status
    ([(OURS, 40, "")], [(OURS, 11, ""), (CONTROLLER, 50, "status")], True),
    ([("kubectl-edit", 30, ""), (OURS, 40, "")], [(OURS, 11, "")], True),
    # it was mended, and the pods were started anew
    ([(OURS, 40, "")], [(OURS, 11, ""), (RESTART, 41, ""), (CONTROLLER, 50, "status")], False),
    # changed by hand and not mended yet: the run that mends it restarts the pods by that
    ([(OURS, 10, ""), ("kubectl-edit", 30, "")], [(OURS, 11, "")], False),
    # nobody can tell
    ([], [(OURS, 11, "")], False),
    ([(OURS, 40, "")], [], False),
])
def test_a_restart_that_a_run_did_not_come_to_is_due(of_config, of_daemon_set, due):
    objects = [written(config(), *of_config), written(daemon_set(), *of_daemon_set)]
    assert flannel_live.restart_is_due(objects) is due


def test_no_restart_is_due_without_a_flannel():
    assert not flannel_live.restart_is_due([])
    assert not flannel_live.restart_is_due([written(config(), (OURS, 10, ""))])
    assert not flannel_live.restart_is_due([config(), daemon_set()])


@pytest.mark.parametrize(("started", "changed", "due", "goes"), [
    (True, True, False, True), (True, False, True, True), (True, False, False, False),
    # the template changes, and the DaemonSet rolls by itself
    (False, True, True, False)])
def test_pods_are_started_anew_by_the_run_that_mends_their_configuration_or_the_next(started, changed, due, goes):
    restart = task("roles/flannel/tasks/main.yml",
                   "Start Flannel's pods anew where their configuration was changed by hand")
    applied = {"result": {"results": [{"changed": changed, "result": {"kind": "ConfigMap"}}]}}
    role = Role("flannel", __flannel_applied=applied, __flannel_started=started, __flannel_restart_is_due=due,
                ansible_playbook_python="python3")
    assert role.goes(restart) is goes
