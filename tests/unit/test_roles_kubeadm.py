# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import kubeadm_config

TOKEN = "abcdef.0123456789abcdef"
HASHES = ["sha256:" + "a" * 64, "sha256:" + "b" * 64]
SETTINGS = {
    "name": "controlplane",
    "address": "192.168.56.10",
    "kubernetes_version": "1.37.2",
    "cluster_name": "kubernetes",
    "pod_cidr": "10.244.0.0/16",
    "service_cidr": "10.96.0.0/12",
    "cri_socket": "unix:///run/containerd/containerd.sock",
    "schedulable": False,
    "ignore_preflight_errors": [],
    "kubelet_config": {},
    "kube_proxy_config": {},
}


def init(**changes):
    return {item["kind"]: item for item in kubeadm_config.init_documents(**SETTINGS | changes)}


def join(**changes):
    settings = {
        "name": "node-1",
        "address": "192.168.56.11",
        "endpoint": "192.168.56.10:6443",
        "token": TOKEN,
        "ca_cert_hashes": HASHES,
        "cri_socket": SETTINGS["cri_socket"],
        "ignore_preflight_errors": [],
        "timeout": 90,
    }
    return kubeadm_config.join_document(**settings | changes)


def test_everything_is_bound_to_the_node_address():
    documents = init()
    assert documents["InitConfiguration"]["localAPIEndpoint"]["advertiseAddress"] == "192.168.56.10"
    assert documents["ClusterConfiguration"]["apiServer"]["certSANs"] == ["192.168.56.10", "controlplane"]
    for document, address in ((documents["InitConfiguration"], "192.168.56.10"), (join(), "192.168.56.11")):
        assert document["nodeRegistration"]["kubeletExtraArgs"] == [{"name": "node-ip", "value": address}]


def test_both_families_are_the_nodes_and_the_first_is_the_api_servers():
    both = "192.168.56.10,fd00:56::a"
    documents = init(address=both, pod_cidr="10.244.0.0/16,fd00:244::/56", service_cidr="10.96.0.0/12,fd00:96::/112")
    assert documents["InitConfiguration"]["localAPIEndpoint"]["advertiseAddress"] == "192.168.56.10"
    cluster = documents["ClusterConfiguration"]
    assert cluster["apiServer"]["certSANs"] == ["192.168.56.10", "fd00:56::a", "controlplane"]
    assert cluster["networking"] == {
        "podSubnet": "10.244.0.0/16,fd00:244::/56", "serviceSubnet": "10.96.0.0/12,fd00:96::/112"}
    for document in (documents["InitConfiguration"], join(address=both)):
        assert document["nodeRegistration"]["kubeletExtraArgs"] == [{"name": "node-ip", "value": both}]


def test_no_token_stands_in_the_init_configuration_and_the_unused_one_is_short_lived():
    (token,) = init()["InitConfiguration"]["bootstrapTokens"]
    assert "token" not in token
    assert token["ttl"] == "1m0s"


def test_the_taint_is_left_to_kubeadm_unless_the_host_takes_pods():
    assert "taints" not in init()["InitConfiguration"]["nodeRegistration"]
    assert init(schedulable=True)["InitConfiguration"]["nodeRegistration"]["taints"] == []


def test_preflight_errors_are_ignored_only_when_asked_for():
    assert "ignorePreflightErrors" not in init()["InitConfiguration"]["nodeRegistration"]
    for document in (
        init(ignore_preflight_errors=["SystemVerification"])["InitConfiguration"],
        join(ignore_preflight_errors=["SystemVerification"]),
    ):
        assert document["nodeRegistration"]["ignorePreflightErrors"] == ["SystemVerification"]


def test_component_configurations_are_merged_over_the_defaults():
    documents = init(
        kubelet_config={"failCgroupV1": False, "kubeReserved": {"cpu": "1"}},
        kube_proxy_config={"conntrack": {"min": 0}},
    )
    assert documents["KubeletConfiguration"]["cgroupDriver"] == "systemd"
    assert documents["KubeletConfiguration"]["failCgroupV1"] is False
    assert documents["KubeProxyConfiguration"]["conntrack"] == {"min": 0}


def test_merge_goes_deep_and_changes_neither_side():
    base, over = {"a": {"b": 1, "c": [1]}, "d": 1}, {"a": {"c": [2]}, "d": {"e": 1}}
    assert kubeadm_config.merge(base, over) == {"a": {"b": 1, "c": [2]}, "d": {"e": 1}}
    assert base == {"a": {"b": 1, "c": [1]}, "d": 1}


def test_a_join_trusts_only_the_given_certificate_authorities():
    token = join()["discovery"]["bootstrapToken"]
    assert token == {"token": TOKEN, "apiServerEndpoint": "192.168.56.10:6443", "caCertHashes": HASHES}
    assert join()["timeouts"]["discovery"] == "90s"


def printed(*hashes):
    pins = " ".join(f"--discovery-token-ca-cert-hash {item}" for item in hashes)
    return f"kubeadm join 192.168.56.10:6443 --token {TOKEN} {pins} \n"


@pytest.mark.parametrize("hashes", [HASHES[:1], HASHES])
def test_credentials_are_read_from_the_join_command(hashes):
    assert kubeadm_config.join_credentials(printed(*hashes)) == {
        "token": TOKEN,
        "token_id": "abcdef",
        "ca_cert_hashes": hashes,
        "endpoint": "192.168.56.10:6443",
    }


def test_a_join_command_over_two_lines_is_read_as_well():
    assert kubeadm_config.join_credentials(printed(HASHES[0]).replace(" --discovery", " \\\n\t--discovery"))


@pytest.mark.parametrize(
    ("text", "missing"),
    [("", "no token"), (printed(), "no CA certificate hash"), (printed(HASHES[0]).replace(":6443", ""), "endpoint")],
)
def test_what_is_missing_is_named_and_the_token_never(text, missing):
    with pytest.raises(kubeadm_config.KubeadmError, match=missing) as error:
        kubeadm_config.join_credentials(text)
    assert TOKEN not in str(error.value)
