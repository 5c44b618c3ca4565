# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which changes of patches reach the kubelet of a node. It needs no lab: kubeadm and systemctl are stand-ins."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
import playbooks

KUBELET, DNS = "kubeletconfiguration+strategic.yaml", "corednsdeployment.yaml"


class Node:
    """A directory that is a node's /etc/kubernetes/patches, with the kubelet's configuration and programs beside it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = directory / "config.yaml"
        self.asked = directory / "asked"
        programs = directory / "bin"
        programs.mkdir()
        for name in ("kubeadm", "systemctl", "journalctl"):
            program = programs / name
            # a systemctl that fails, so that no kubelet of this machine is waited for
            does = {"kubeadm": f"touch {self.config}", "systemctl": "exit 1"}.get(name, "")
            program.write_text(f"#!/bin/sh\necho {name} >> {self.asked}\n{does}\n")
            program.chmod(0o755)
        self.path = f"{programs}:{os.environ['PATH']}"
        self.hosts = directory / "hosts.yml"
        self.hosts.write_text(json.dumps({"all": {
            "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
            "children": {"kube_control_plane": {"hosts": {"one": {}}}, "kube_node": {"hosts": {"two": {}}}}}}))

    def configured(self) -> None:
        """As after a join, or after its patches were applied and the kubelet answered."""
        self.config.write_text("")
        (self.directory / "patches" / ".podpath-restart").unlink(missing_ok=True)
        self.asked.unlink(missing_ok=True)

    def reaches(self, **patches: dict) -> bool:
        """Keep these patches; whether the kubelet's configuration is written anew."""
        ran = playbooks.run(
            "tests/integration/playbooks/entry.yml", [str(self.hosts)], role="kubeadm_patches", entry="main",
            surroundings={"PATH": self.path}, kubeadm_patches_node=True, kubeadm_patches_files=patches,
            __kubeadm_patches_directory=str(self.directory / "patches"),
            __kubeadm_patches_kubelet_config=str(self.config))
        reached = self.asked.exists()
        assert (ran.rc != 0) is reached, ran.output
        if reached:
            assert self.asked.read_text().startswith("kubeadm\n")
        return reached


@pytest.fixture
def node(tmp_path) -> Node:
    made = Node(tmp_path)
    made.configured()
    assert made.reaches(**{KUBELET: {"maxPods": 50}, DNS: {"a": 1}})
    made.configured()
    return made


def test_a_patch_of_something_else_leaves_the_kubelet_alone(node):
    for other in ({DNS: {"a": 2}}, {}, {"etcd.json": {"a": 1}}):
        assert not node.reaches(**{KUBELET: {"maxPods": 50}, **other})


def test_a_patch_of_the_kubelet_that_is_changed_or_removed_reaches_it(node):
    assert node.reaches(**{KUBELET: {"maxPods": 60}, DNS: {"a": 1}})
    # the configuration is written, but the kubelet did not start with it: the next run makes up for it
    assert node.reaches(**{KUBELET: {"maxPods": 60}, DNS: {"a": 1}})
    node.configured()
    assert node.reaches(**{DNS: {"a": 1}})
    assert node.reaches(**{DNS: {"a": 1}})
    node.configured()
    assert not node.reaches(**{DNS: {"a": 1}})
