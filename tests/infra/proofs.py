# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of the proof share: the module run as a user runs it, faults made on a node, and an image with Python."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

import ansible_runner
import pytest

import playbooks

NODES = ("controlplane", "node-1", "node-2")
ALL = set(itertools.product(NODES, NODES))
MODULE = "podpath.kubeadm.pod_traceroute"
PYTHON = "localhost/podpath-test/python:3"

# Python of a node as a root file system of its own, in an archive
_PYTHON_ROOT = """
set -eu
python=$(readlink -f "$(command -v python3)")
root=$(mktemp -d)
cd "$root"
mkdir -p usr/bin usr/lib usr/lib64 tmp
ln -s usr/bin usr/lib usr/lib64 .
cp "$python" usr/bin/python3
cp -r "/usr/lib/$(basename "$python")" usr/lib
ldd "$python" | grep -o '/[^ ]*' | while read -r file; do
  mkdir -p "./$(dirname "$file")"
  cp -L "$file" "./$file"
done
tar --create .
rm -r "$root"
"""


def network(lab) -> str:
    """The network of the nodes' own addresses."""
    return str(ip_network(f"{lab.variables['controlplane']['ansible_host']}/24", strict=False))


def arguments(lab, **changes: object) -> dict:
    """The module's arguments for this lab; what is None is left out."""
    given = {
        "kubeconfig": lab.variables["controlplane"]["control_plane_kubeconfig"],
        "cluster_networks": [network(lab)],
        "return_pairs": "all",
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


def environment() -> dict[str, str]:
    return {"ANSIBLE_CONFIG": str(playbooks.REPOSITORY / "ansible.cfg"), "PATH": os.environ["PATH"],
            "ANSIBLE_LOCALHOST_WARNING": "false", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false"}


def prove(lab, **changes: object) -> dict:
    """What the module returns, whether it fails or not."""
    with tempfile.TemporaryDirectory(prefix="podpath-test-") as private:
        ran = ansible_runner.run(
            private_data_dir=private, project_dir=str(playbooks.REPOSITORY), host_pattern="localhost", module=MODULE,
            module_args=json.dumps(arguments(lab, **changes)), quiet=True, envvars=environment())
        ends = {"runner_on_ok": False, "runner_on_failed": True}
        results = [{**event["event_data"]["res"], "failed": ends[event["event"]]} for event in ran.events
                   if event["event"] in ends]
        assert len(results) == 1, ran.stdout.read()
        return results[0]


def pairs(result: dict, verdict: str) -> set[tuple[str, str]]:
    return {(pair["source"]["node"], pair["destination"]["node"]) for pair in result["pairs"]
            if pair["verdict"] == verdict}


def rules(result: dict) -> dict[tuple[str, str], str]:
    return {(pair["source"]["node"], pair["destination"]["node"]): pair["rule"] for pair in result["pairs"]}


def pod_cidr(lab, node: str) -> str:
    return lab.kubectl(f"get node {node} -o jsonpath='{{.spec.podCIDR}}'")


def wait_until(met, seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.2)


@contextmanager
def fault(lab, node: str, rule: str) -> Iterator[None]:
    """A rule of iptables ("CHAIN ..." with -t TABLE where it is another one) that is there for as long as it lasts."""
    lab.nodes[node].check_output(f"iptables --insert {rule}")
    try:
        yield
    finally:
        lab.nodes[node].check_output(f"iptables --delete {rule}")


@contextmanager
def namespace(lab, name: str, *labels: str) -> Iterator[str]:
    lab.kubectl(f"create namespace {name}")
    try:
        for label in labels:
            lab.kubectl(f"label namespace {name} {label}")
        # pods are refused until it has its account
        lab.kubectl(f"-n {name} wait --for=create --timeout=30s serviceaccount/default")
        yield name
    finally:
        lab.kubectl(f"delete namespace {name} --wait=true")


def podman(lab, *command: str, **options: object) -> subprocess.CompletedProcess:
    return subprocess.run([lab.variables["controlplane"]["lab_podman"], *command], check=True, capture_output=True,
                          **options)


@pytest.fixture(scope="session")
def python_image(lab, tmp_path_factory) -> Iterator[str]:
    """An image with Python on every node, made of a node's own: no registry has to have one."""
    directory: Path = tmp_path_factory.mktemp("python")
    containers = {name: f"podpath-{lab.variables[name]['lab_name']}-{name}" for name in NODES}
    root = podman(lab, "exec", "-i", containers["node-1"], "sh", input=_PYTHON_ROOT.encode()).stdout
    (directory / "root.tar").write_bytes(root)
    podman(lab, "import", str(directory / "root.tar"), PYTHON)
    try:
        podman(lab, "save", "--output", str(directory / "image.tar"), PYTHON)
    finally:
        podman(lab, "rmi", PYTHON)
    archive = (directory / "image.tar").read_bytes()
    for container in containers.values():
        podman(lab, "exec", "-i", container, "ctr", "--namespace", "k8s.io", "images", "import", "-", input=archive)
    yield PYTHON
    for container in containers.values():
        podman(lab, "exec", container, "ctr", "--namespace", "k8s.io", "images", "rm", PYTHON)


@pytest.fixture(scope="session")
def locked(lab) -> Iterator[str]:
    """A namespace under the restricted Pod Security level."""
    with namespace(lab, "podpath-test-locked", "pod-security.kubernetes.io/enforce=restricted") as name:
        yield name
