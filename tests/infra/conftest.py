# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab that the tests look at: the inventories named by PODPATH_INVENTORY (separated by commas).

Molecule sets it. By hand, for the lab of `make lab`:
    PODPATH_INVENTORY=inventory/article,inventory/lab .venv/bin/pytest tests/infra
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest
import testinfra

sys.path.insert(0, str(Path(__file__).parent.parent))
from proofs import locked, python_image  # noqa: F401 - fixtures of all tests of the proof

import playbooks

SCHEMA = json.loads((playbooks.REPOSITORY / "docs" / "report.schema.json").read_text())


@dataclass
class Lab:
    """A lab as its inventory describes it."""

    inventory: list[str]
    variables: dict[str, dict]
    nodes: dict[str, testinfra.host.Host]

    @property
    def backend(self) -> str:
        return self.variables["controlplane"]["flannel_backend"]

    def kubectl(self, arguments: str) -> str:
        return self.nodes["controlplane"].check_output(f"kubectl --kubeconfig /etc/kubernetes/admin.conf {arguments}")

    def console(self, name: str, *command: str) -> subprocess.CompletedProcess:
        """Run a command on a node without its network."""
        podman, lab_name = (self.variables[name][what] for what in ("lab_podman", "lab_name"))
        return subprocess.run([podman, "exec", f"podpath-{lab_name}-{name}", *command], check=False,
                              capture_output=True, text=True)

    def pods_left(self) -> list[str]:
        """Pods of proofs that are still there."""
        return self.kubectl("get pods -A -o name --selector app.kubernetes.io/managed-by=podpath").split()

    def paths(self, **variables: object) -> tuple[playbooks.Run, dict]:
        """Prove the paths: how verify_paths went, and what it wrote into paths.json, as the schema says it."""
        output = Path(self.variables["controlplane"]["pod_paths_output"])
        output.unlink(missing_ok=True)
        ran = playbooks.run("playbooks/verify_paths.yml", self.inventory, **variables)
        assert output.exists(), ran.output
        written = json.loads(output.read_text())
        jsonschema.validate(written, SCHEMA, jsonschema.Draft202012Validator)
        return ran, written


def read_inventory(inventory: list[str]) -> dict[str, dict]:
    sources = [argument for source in inventory for argument in ("-i", source)]
    variables = {}
    # one templated look at each host; ansible-inventory does not resolve templates
    asked = ["ansible_host", "ansible_user", "ansible_ssh_private_key_file", "ansible_ssh_common_args",
             "ansible_control_path_dir", "pod_paths_output", "control_plane_kubeconfig", "flannel_backend",
             "lab_podman", "lab_name", "lab_node_suite"]
    template = "{" + ",".join(f'"{name}": {{{{ {name} | default("") | to_json }}}}' for name in asked) + "}"
    listed = subprocess.run(
        ["ansible", *sources, "kube_control_plane:kube_node", "-m", "ansible.builtin.debug", "-a", f"msg='{template}'"],
        check=True, capture_output=True, text=True, cwd=playbooks.REPOSITORY,
        env={**os.environ, "ANSIBLE_CONFIG": str(playbooks.REPOSITORY / "ansible.cfg"),
             "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1"}).stdout
    # the role's default is not in the inventory
    for play in json.loads(listed)["plays"]:
        for task in play["tasks"]:
            for host, result in task["hosts"].items():
                message = result["msg"]
                variables[host] = message if isinstance(message, dict) else json.loads(message)
                variables[host]["flannel_backend"] = variables[host]["flannel_backend"] or "vxlan"
    return variables


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # what turns the cluster's network around comes last
    items.sort(key=lambda item: item.path.name == "test_backend_change.py")


@pytest.fixture(scope="session")
def lab() -> Lab:
    inventory = playbooks.inventories(os.environ["PODPATH_INVENTORY"])
    variables = read_inventory(inventory)
    nodes = {
        name: testinfra.get_host(
            f"ssh://{host['ansible_user']}@{host['ansible_host']}", sudo=True,
            ssh_identity_file=host["ansible_ssh_private_key_file"], controlpersist=0,
            # one connection for all tests, kept where the lab finds it when it is taken down
            ssh_extra_args=f"{host['ansible_ssh_common_args']} -o ControlMaster=auto -o ControlPersist=60s"
            f" -o ControlPath={host['ansible_control_path_dir']}/testinfra-{name}")
        for name, host in variables.items()}
    assert len(nodes) == 3, f"no green run over zero hosts: {sorted(nodes)}"
    return Lab(inventory, variables, nodes)


def verdicts(paths: dict) -> dict[tuple[str, str], str]:
    """{(source, destination): verdict} of paths.json."""
    return {(pair["source"]["node"], pair["destination"]["node"]): pair["verdict"] for pair in paths["pods"]["pairs"]}


@pytest.fixture(params=["controlplane", "node-1", "node-2"])
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def node(lab: Lab, name: str) -> testinfra.host.Host:
    return lab.nodes[name]


@pytest.fixture
def address(lab: Lab, name: str) -> str:
    return lab.variables[name]["ansible_host"]
