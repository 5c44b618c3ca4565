# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions on a cluster that runs: containerd goes up in place and no pod with it, and what cannot join is refused."""

from __future__ import annotations

import contextlib
import json

import pytest

import playbooks

CONF = "/etc/kubernetes/kubelet.conf"


@pytest.fixture(autouse=True)
def one_backend(lab):
    if lab.backend != "host-gw":
        pytest.skip("one backend is enough")


def containers(lab, node: str) -> dict[str, list]:
    """{pod uid: when its containers started and how often} of a node."""
    pods = json.loads(lab.kubectl(f"get pods -A -o json --field-selector spec.nodeName={node}"))["items"]
    return {pod["metadata"]["uid"]: [(status["restartCount"], status["containerID"], status["state"]["running"])
                                     for status in pod["status"]["containerStatuses"]] for pod in pods}


def test_a_node_gets_a_newer_containerd_in_place_and_its_pods_run_on(lab):
    node = lab.nodes["node-1"]
    # the archive's own program, but for the version that it says it has
    node.check_output("cd /usr/local/bin && sed 's/v2[.]4[.]2/v2.4.1/g' containerd > old && chmod 0755 old"
                      " && mv old containerd && systemctl restart containerd")
    assert "v2.4.1" in node.check_output("ctr version | grep -A1 Server")
    pods = containers(lab, "node-1")
    assert pods
    shims = node.check_output("pgrep containerd-shim | sort")

    ran = playbooks.run("site.yml", lab.inventory)

    assert ran.rc == 0, ran.output[-3000:]
    assert ran.changed == {"node-1": {"Download the archive", "Unpack the archive", "Remove the archive",
                                      "Enable and run the service with what was written"}}
    assert "v2.4.2" in node.check_output("ctr version | grep -A1 Server")
    assert node.check_output("pgrep containerd-shim | sort") == shims
    assert containers(lab, "node-1") == pods


def refused(lab, limit: str, **variables: object) -> str:
    ran = playbooks.run("site.yml", lab.inventory, cmdline=f"--limit {limit}", **variables)
    assert ran.rc != 0, ran.output[-3000:]
    assert ran.changed == {}
    return " ".join(ran.output.split())


def test_a_node_is_not_downgraded_nor_given_another_kubelet(lab):
    said = refused(lab, "node-1", containerd_version="2.3.0")
    assert "node-1 is a node of a cluster with containerd 2.4.2, but containerd_version is 2.3.0" in said
    assert "is not downgraded under running pods" in said
    said = refused(lab, "node-1", kubernetes_version="1.38.0")
    assert "node-1 is a node of a cluster with kubelet 1.37.2, but kubernetes_version is 1.38.0" in said


@contextlib.contextmanager
def new_host(lab, name: str):
    """A node that looks as if it had not joined yet. Its kubelet has read its file and runs on."""
    node = lab.nodes[name]
    node.check_output(f"mv {CONF} {CONF}.away")
    try:
        yield
    finally:
        node.check_output(f"mv {CONF}.away {CONF}")


@pytest.mark.parametrize(("version", "why"), [
    ("1.38.0", "a kubelet may not be newer than the API server"),
    ("1.36.3", "kubeadm, which comes with it, must be of the cluster's own minor version"),
    ("1.33.0", "at most 3 minor versions older than the API server"),
])
def test_a_new_host_that_cannot_join_is_refused_though_its_control_plane_is_outside_of_the_run(lab, version, why):
    with new_host(lab, "node-2"):
        said = refused(lab, "node-2", kubernetes_version=version)
    assert f"node-2: kubernetes_version is {version}, but the API server of controlplane is 1.37.2" in said
    assert why in said
