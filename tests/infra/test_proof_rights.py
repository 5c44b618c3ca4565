# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module in namespaces that allow little, and for accounts that may do little."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from proofs import ALL, namespace, pairs, prove

import playbooks

RIGHTS = playbooks.REPOSITORY / "roles" / "pod_paths" / "files" / "rights.yml"


@pytest.fixture
def one_backend(lab):
    if lab.backend != "vxlan":
        pytest.skip("one backend is enough")


def apply(lab, objects: list[dict]) -> None:
    lab.nodes["controlplane"].check_output(
        "echo %s | kubectl --kubeconfig /etc/kubernetes/admin.conf apply --filename -",
        json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


@pytest.fixture
def limited(lab, tmp_path):
    """(namespace, kubeconfig of an account that has exactly the rights in rights.yml)."""
    with namespace(lab, "podpath-test-rights") as name:
        objects = list(yaml.safe_load_all(RIGHTS.read_text()))
        subject = {"kind": "ServiceAccount", "name": "default", "namespace": name}
        group = "rbac.authorization.k8s.io"
        for role in list(objects):
            if role["metadata"].get("namespace") == "default":
                role["metadata"]["namespace"] = name
            # the optional ones stay unbound: a proof must do without
            if role["metadata"]["name"] != "podpath-flannel":
                objects.append({
                    "apiVersion": f"{group}/v1", "kind": f"{role['kind']}Binding", "metadata": role["metadata"],
                    "subjects": [subject], "roleRef": {"apiGroup": group, "kind": role["kind"],
                                                       "name": role["metadata"]["name"]}})
        apply(lab, objects)
        config = yaml.safe_load(Path(lab.variables["controlplane"]["control_plane_kubeconfig"]).read_text())
        config["users"][0]["user"] = {"token": lab.kubectl(f"-n {name} create token default").strip()}
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(config))
        yield name, str(path)
        lab.kubectl("delete clusterrole,clusterrolebinding podpath-nodes")
        lab.kubectl("-n kube-flannel delete role podpath-flannel")


def test_the_rights_in_the_file_are_enough(lab, one_backend, limited):
    name, kubeconfig = limited
    result = prove(lab, namespace=name, kubeconfig=kubeconfig)
    assert pairs(result, "pass") == ALL, result["msg"]
    assert len(result["services"]) == 3
    assert result["residue"] == 0


def test_an_account_without_them_is_told_what_it_needs(lab, one_backend, limited):
    _name, kubeconfig = limited
    result = prove(lab, namespace="default", kubeconfig=kubeconfig)
    assert result["failed"]
    assert "may not create pods in namespace default" in result["msg"]
    assert "deletecollection on jobs" in result["msg"]


def test_a_restricted_namespace_without_an_image_says_what_to_set(lab, one_backend, locked):
    result = prove(lab, namespace=locked)
    assert result["failed"]
    assert "agent_image" in result["msg"]
    assert "PodSecurity" in result["msg"]


def test_a_missing_namespace_is_named(lab, one_backend):
    result = prove(lab, namespace="podpath-test-nosuch")
    assert result["failed"]
    assert "There is no namespace podpath-test-nosuch" in result["msg"]


def test_a_quota_costs_the_pairs_that_have_no_pod(lab, one_backend):
    with namespace(lab, "podpath-test-quota") as name:
        lab.kubectl(f"-n {name} create quota few --hard=pods=4")
        result = prove(lab, namespace=name)
        assert result["failed"]
        assert pairs(result, "pass"), "what could be seen is kept"
        reasons = [pair["reason"] for pair in result["pairs"] if pair["verdict"] == "inconclusive"]
        assert reasons
        assert all("exceeded quota: few" in reason or "does not show" in reason for reason in reasons), reasons
        lab.kubectl(f"-n {name} delete quota few")
        lab.kubectl(f"-n {name} create quota none --hard=pods=0")
        result = prove(lab, namespace=name)
        assert "exceeded quota: none" in result["msg"]
