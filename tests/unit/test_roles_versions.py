# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import versions


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1.37.2", (1, 37, 2)),
        ("v2.4.2", (2, 4, 2)),
        ("1.6.20~ds1-1+deb12u3", (1, 6, 20)),
        ("1:2.1.5-1~debian.12~bookworm", (2, 1, 5)),
        ("2.5.0-rc.1", (2, 5, 0)),
    ],
)
def test_versions_are_read_as_programs_and_packages_write_them(text, numbers):
    assert versions.parse(text) == numbers


@pytest.mark.parametrize("text", ["", "latest", "1.37", "(none)"])
def test_what_is_no_version_is_quoted(text):
    with pytest.raises(versions.VersionError, match="is no version") as error:
        versions.parse(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("registry.k8s.io/kube-apiserver:v1.37.2", "1.37.2"),
        ('"mirror.example:5000/k8s/kube-apiserver:v1.36.3@sha256:abc"', "1.36.3"),
        ("registry.k8s.io/kube-apiserver:latest", ""),
        ("registry.k8s.io/etcd:v3.7.0", ""),
    ],
)
def test_the_version_of_the_api_server_is_that_of_its_image(image, version):
    assert versions.api_server_version(f"spec:\n  containers:\n  - command: [x]\n    image: {image}\n") == version


def test_a_control_plane_counts_with_what_runs_there_or_else_with_what_will():
    manifests = ["image: registry.k8s.io/kube-apiserver:v1.36.3\n", ""]
    assert versions.api_server_versions(["a", "b"], manifests, ["1.37.2", "1.37.2"]) == {"a": "1.36.3", "b": "1.37.2"}


def problem(wanted, server="1.37.2", **more):
    (found,) = versions.skew_problems("node-9", wanted, api_servers={"controlplane": server}, **more)
    return found


@pytest.mark.parametrize(("wanted", "server"), [("1.37.2", "1.37.2"), ("1.37.0", "1.37.2")])
def test_a_new_node_of_the_cluster_s_minor_version_and_not_newer_is_fine(wanted, server):
    assert versions.skew_problems("node-9", wanted, api_servers={"controlplane": server}) == []


def test_a_first_host_has_no_api_server_to_agree_with():
    assert versions.skew_problems("controlplane", "1.37.2") == []


@pytest.mark.parametrize("wanted", ["1.37.3", "1.38.0", "2.0.0"])
def test_a_kubelet_newer_than_the_api_server_is_refused(wanted):
    said = problem(wanted)
    assert said.startswith(f"node-9: kubernetes_version is {wanted}, but the API server of controlplane is 1.37.2")
    assert "may not be newer" in said
    assert said.endswith("Upgrade the control plane first, or set kubernetes_version to 1.37.2 for node-9.")


def test_a_kubelet_more_than_three_minor_versions_older_is_refused():
    assert "at most 3 minor versions older" in problem("1.33.9")
    assert "at most 3 minor versions older" not in problem("1.34.9")


@pytest.mark.parametrize("wanted", ["1.36.3", "1.34.0"])
def test_kubeadm_of_another_minor_version_is_refused_though_the_kubelet_would_do(wanted):
    assert "kubeadm, which comes with it, must be of the cluster's own minor version" in problem(wanted)


def test_every_api_server_counts_while_control_planes_differ():
    servers = {"a": "1.37.2", "b": "1.36.3"}
    (said,) = versions.skew_problems("node-9", "1.37.2", api_servers=servers)
    assert "the API server of b is 1.36.3" in said


def test_a_node_keeps_its_version_whatever_the_api_server_is():
    assert versions.skew_problems("node-1", "1.36.3", api_servers={"c": "1.37.2"}, running="1.36.3") == []
    said = problem("1.37.2", running="1.36.3")
    assert "node-9 is a node of a cluster with kubelet 1.36.3, but kubernetes_version is 1.37.2" in said


@pytest.mark.parametrize("wanted", ["1.37", 1.37, "v1.37.2", "latest", "1.37.2-1.1"])
def test_a_version_that_is_not_in_full_is_refused(wanted):
    said = problem(wanted)
    assert said.startswith(f"node-9: kubernetes_version is {wanted}; it has three numbers and no v")
    assert said.endswith('write it in quotes, such as "1.37.2".')


def test_a_kubeadm_that_does_not_read_its_configuration_is_refused():
    assert "v1beta4, which it reads since 1.31" in problem("1.30.14")


@pytest.mark.parametrize(
    ("kubernetes", "needs"), [("1.25.0", "1.0.0"), ("1.31.0", "1.6.0"), ("1.36.9", "1.6.0"), ("1.37.0", "2.0.0")]
)
def test_which_containerd_kubernetes_needs(kubernetes, needs):
    assert str(versions.needed_containerd(kubernetes)) == needs
