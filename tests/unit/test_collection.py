# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must agree within the collection: versions, and defaults with their descriptions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from ansible_collections.podpath.kubeadm.plugins.filter import lab

ROOT = Path(__file__).parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())


def load(path: str) -> dict:
    file = ROOT / path
    return yaml.safe_load(file.read_text()) or {} if file.exists() else {}


def defaults(role: str) -> dict:
    return load(f"roles/{role}/defaults/main.yml")


def test_the_lab_builds_what_the_roles_install():
    pins = lab.go_requirements(str(ROOT / "roles/lab_bundle/files/modules"))
    assert pins["kubernetes"]["k8s.io/kubernetes"] == "v" + defaults("kubernetes")["kubernetes_version"]
    containerd = pins["containerd"]["github.com/containerd/containerd/v2"]
    assert containerd == "v" + defaults("containerd")["containerd_version"]
    assert pins["flannel"]["github.com/flannel-io/flannel"] == defaults("flannel")["flannel_version"]


@pytest.mark.parametrize("role", ROLES)
def test_every_default_is_described_with_its_value(role):
    options = load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    for name, value in defaults(role).items():
        if name.startswith("__"):
            continue
        assert name in options, f"{role}: {name} stands in defaults but not in argument_specs"
        assert not options[name].get("required"), f"{role}: {name} has a default and is called required"
        # what is computed has no value to state, and the lab's roles are no interface
        if "{{" in json.dumps(value) or role.startswith("lab_"):
            assert "default" not in options[name], f"{role}: {name}"
        else:
            assert "default" in options[name], f"{role}: {name} is described without its default {value!r}"
            assert options[name]["default"] == value, f"{role}: {name}"
    for name, option in options.items():
        assert option.get("description"), f"{role}: {name} is not described"
        assert name in defaults(role) or option.get("required") or option.get("type") == "raw" or (
            name.startswith("lab_")), f"{role}: {name} has neither a default nor is it required"
