# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import membership


def kubeconfig(server="https://192.168.56.10:6443", authority="Q0E="):
    return (
        f"clusters: [{{name: c, cluster: {{server: '{server}', certificate-authority-data: {authority}}}}}]\n"
        "users: [{name: u, user: {client-key-data: SECRET}}]\n"
    )


READY = {"metadata": {"name": "node-1"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
NOT_READY = {"metadata": {"name": "node-1"}, "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}


def problems(text, nodes):
    return membership.membership_problems({"node-1": text}, kubeconfig(), nodes, "Reset it.")


@pytest.mark.parametrize("node", [READY, NOT_READY])
@pytest.mark.parametrize("server", ["https://192.168.56.10:6443", "https://api.example:6443"])
def test_a_node_of_this_cluster_is_no_problem_ready_or_not_by_whatever_name_of_the_server(node, server):
    assert problems(kubeconfig(server), [node]) == []


def test_a_host_that_the_api_does_not_know_is_told():
    (problem,) = problems(kubeconfig(), [{"metadata": {"name": "node-2"}}])
    assert problem.startswith("node-1: ")
    assert "https://192.168.56.10:6443 knows no Node node-1" in problem
    assert problem.endswith("Reset it.")


def test_a_host_of_another_cluster_is_told_though_a_node_has_its_name():
    (problem,) = problems(kubeconfig("https://10.0.0.1:6443", "T1RIRVI="), [READY])
    assert "another cluster, https://10.0.0.1:6443 with another CA than that of https://192.168.56.10:6443" in problem


def test_a_replaced_authority_beside_the_old_one_is_the_same_cluster():
    old, new = (f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n" for text in ("b2xk", "bmV3"))
    one, both = (base64.b64encode(text.encode()).decode() for text in (old, old + new))
    members = {"node-1": kubeconfig(authority=one)}
    assert membership.membership_problems(members, kubeconfig(authority=both), [READY], "") == []


@pytest.mark.parametrize("text", ["", "a: [", "clusters: []", "clusters: 5", "users: [{client-key-data: SECRET"])
def test_a_kubelet_conf_that_cannot_be_read_is_told_and_not_quoted(text):
    (problem,) = problems(text, [READY])
    assert "node-1: its /etc/kubernetes/kubelet.conf cannot be used" in problem
    assert "SECRET" not in problem
