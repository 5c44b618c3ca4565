# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import json

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import flannel_manifest
from ansible_collections.podpath.kubeadm.plugins.module_utils.flannel_manifest import wanted


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
    after = flannel_manifest.patch(before, wanted("10.244.0.0/16", "host-gw"))
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
    flannel_manifest.patch(before, wanted("10.244.0.0/16", "host-gw"))
    assert before == kept


def annotation(*arguments):
    return flannel_manifest.config_hash(flannel_manifest.patch(manifest(), wanted(*arguments)))


def test_another_configuration_is_another_pod_template_and_the_same_one_is_not():
    assert annotation("10.244.0.0/16", "vxlan") == annotation("10.244.0.0/16", "vxlan")
    assert annotation("10.244.0.0/16", "vxlan") != annotation("10.244.0.0/16", "host-gw")
    assert annotation("10.244.0.0/16", "vxlan") != annotation("10.245.0.0/16", "vxlan")


@pytest.mark.parametrize("change", [{"direct_routing": True}, {"mtu": 1400}])
def test_direct_routing_and_mtu_stand_in_the_backend_and_make_another_template(change):
    after = flannel_manifest.patch(manifest(), wanted("10.244.0.0/16", "vxlan", **change))
    (key, value), = {"DirectRouting" if "direct_routing" in change else "MTU": next(iter(change.values()))}.items()
    assert config(after)["Backend"] == {"Type": "vxlan", key: value}
    assert flannel_manifest.config_hash(after) != annotation("10.244.0.0/16", "vxlan")
    assert flannel_manifest.config_hash(after)


def test_two_families_are_enabled_and_the_interface_is_still_found_by_the_first():
    after = flannel_manifest.patch(manifest(), wanted("10.244.0.0/16, fd00:10:244::/56", "vxlan"))
    assert config(after) == {"Network": "10.244.0.0/16", "EnableNFTables": False, "EnableIPv6": True,
                             "IPv6Network": "fd00:10:244::/56", "Backend": {"Type": "vxlan"}}
    assert pod(after)["spec"]["containers"][0]["args"] == ["--ip-masq", "--iface=$(NODE_IP)"]


def test_ipv6_alone_turns_ipv4_off():
    after = config(flannel_manifest.patch(manifest(), wanted("fd00:10:244::/56", "vxlan")))
    assert "Network" not in after
    assert (after["EnableIPv4"], after["EnableIPv6"], after["IPv6Network"]) == (False, True, "fd00:10:244::/56")


def test_two_families_with_ipv6_first_are_refused_as_flanneld_would_find_no_interface():
    with pytest.raises(flannel_manifest.SettingsError, match="IPv4 network first"):
        flannel_manifest.patch(manifest(), wanted("fd00:10:244::/56,10.244.0.0/16", "vxlan"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"network": "banana"}, ["flannel_pod_cidr is 'banana'", "no network"]),
        ({"network": "10.244.0.0/16,10.5.0.0/16"}, ["one IPv4 and one IPv6"]),
        ({"backend": "host-gw", "direct_routing": True}, ["flannel_direct_routing", "host-gw"]),
        ({"backend": "wireguard", "direct_routing": True}, ["flannel_direct_routing", "wireguard"]),
        ({"backend": "host-gw", "mtu": 1400}, ["flannel_mtu is 1400", "host-gw"]),
        ({"mtu": 600}, ["flannel_mtu is 600", "50 less", "576"]),
        ({"backend": "wireguard", "mtu": 650}, ["flannel_mtu is 650", "80 less"]),
    ],
)
def test_settings_that_cannot_be_are_refused_with_their_variable(settings, said):
    with pytest.raises(flannel_manifest.SettingsError) as error:
        wanted(**{"network": "10.244.0.0/16", "backend": "vxlan", **settings})
    for part in said:
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("network", "nodes", "prefix", "said"),
    [
        ("10.244.0.0/16", 256, 24, []),
        ("10.244.0.0/22", 4, 24, []),
        ("10.244.0.0/22", 5, 24, ["10.244.0.0/22, which holds 4 parts of /24", "5 nodes"]),
        ("10.244.0.0/22", 5, 26, []),
        ("10.244.0.0/25", 1, 24, ["every node takes a /24"]),
        ("10.244.0.0/16,fd00::/63", 3, 24, ["fd00::/63, which holds 2 parts of /64"]),
    ],
)
def test_a_pod_network_too_small_for_the_nodes_is_told(network, nodes, prefix, said):
    problems = flannel_manifest.size_problems(flannel_manifest.parse_networks(network), nodes, prefix)
    assert len(problems) == bool(said)
    for part in said:
        assert part in problems[0]


@pytest.mark.parametrize(("version", "cure"), [("0.28.10", "write v0.28.10."), (0.28, "such as v0.28.10."),
                                               ("v0.28", "such as v0.28.10."), ("", "is empty; write the whole tag")])
def test_a_version_that_is_no_tag_of_flannel_is_told_with_one(version, cure):
    assert cure in flannel_manifest.version_problem(version)


@pytest.mark.parametrize("version", ["v0.28.10", "v0.29.0-rc1", "master", "4f2a9c1"])
def test_a_tag_a_branch_or_a_commit_is_fine(version):
    assert flannel_manifest.version_problem(version) == ""


def test_a_manifest_that_binds_an_interface_itself_is_refused():
    with pytest.raises(flannel_manifest.ManifestError, match="--iface=eth0"):
        flannel_manifest.patch(manifest(args=["--iface=eth0"]), wanted("10.244.0.0/16", "vxlan"))


@pytest.mark.parametrize(("missing", "said"), [(1, "ConfigMap/kube-flannel-cfg"), (2, "DaemonSet/kube-flannel-ds")])
def test_another_manifest_is_refused_with_what_is_missing(missing, said):
    documents = manifest()
    del documents[missing]
    with pytest.raises(flannel_manifest.ManifestError, match=said):
        flannel_manifest.patch(documents, wanted("10.244.0.0/16", "vxlan"))


@pytest.mark.parametrize("data", [{}, {"net-conf.json": "{"}])
def test_an_unreadable_configuration_is_refused(data):
    documents = manifest()
    documents[1]["data"] = data
    with pytest.raises(flannel_manifest.ManifestError, match=r"net-conf\.json"):
        flannel_manifest.patch(documents, wanted("10.244.0.0/16", "vxlan"))


def test_a_daemon_set_without_flanneld_is_refused():
    with pytest.raises(flannel_manifest.ManifestError, match="no container kube-flannel"):
        flannel_manifest.patch(manifest(name="other"), wanted("10.244.0.0/16", "vxlan"))


def test_images_are_named_once_in_the_order_of_need():
    assert flannel_manifest.images(manifest()) == ["plugin:1", "flannel:1"]


def test_flanneld_calls_the_api_where_it_is_told_whatever_its_manifest_says():
    env = [{"name": "POD_NAME", "value": "x"}, {"name": "KUBERNETES_SERVICE_PORT", "value": "1"}]
    before = manifest(env=env)
    after = flannel_manifest.calling(before, "192.168.56.10", 6443)
    assert pod(after)["spec"]["containers"][0]["env"] == [
        {"name": "POD_NAME", "value": "x"},
        {"name": "KUBERNETES_SERVICE_HOST", "value": "192.168.56.10"},
        # a number is refused by the API
        {"name": "KUBERNETES_SERVICE_PORT", "value": "6443"},
    ]
    assert pod(before)["spec"]["containers"][0]["env"] == env
