# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode tells the truth: on bare hosts it foretells what the next run changes, on a cluster it finds drift alone.

Which distribution a node has makes no difference; the scenario host-gw has nodes of both.
"""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path

import pytest

import playbooks

# What a look ahead at bare hosts cannot see by itself, as what it works on is not there yet: {task that foretells it:
# tasks that it stands for}.
FORETOLD = {
    # of a repository that is not there yet apt knows no package, and dpkg and systemd not what is in it
    "Say what would be installed": {"Install the packages", "Hold the packages", "Enable the kubelet"},
    # nothing can be unpacked that was not downloaded
    "Download the archive": {"Unpack the archive", "Remove the archive"},
    # a file cannot be compared in a directory that is not there
    "Make the directories": {"Configure the registry mirrors", "Write the configuration"},
    # a unit that is not there cannot be asked
    "Write the unit file": {"Enable and run the service with what was written"},
    # kubeadm is not there; and a token is made and deleted once for all hosts, in the name of the first of them
    "Say what would be done": {
        "Make the directory of the configuration", "Write the configuration of kubeadm init",
        "Make the directory of the note", "Leave a note that kubeadm has begun", "Run kubeadm init",
        "Take the note away", "Write the kubeconfig on the controller", "Make a token",
        "Write the configuration of kubeadm join", "Run kubeadm join", "Remove the file with the token",
        "Delete the token"},
    # there is no API server to ask
    "Say what would be applied": {"Apply the manifest"},
}
# The same for what only the inventory of host-gw asks for.
OPTIONS = {
    "Say which patches would be written": {"Write the patches", "Note which patches were written"},
    "Say what would be set on a Node that is not there yet": {"Set the labels"},
}


def runs() -> list[dict]:
    """What was run on this scenario's machines since they were made."""
    found = [json.loads(line) for line in Path(os.environ["PODPATH_RUNS"]).read_text().splitlines()]
    made = max(number for number, run in enumerate(found) if run["playbook"] == "lab.yml")
    return [run for run in found[made:] if run["playbook"] == "site.yml"]


def lies(foretold: set[str], real: set[str], listed: dict[str, set[str]]) -> list[str]:
    """What a look ahead said or left out against what really changed."""
    carried = set().union(*(listed.get(task, set()) for task in foretold))
    unforeseen = real - foretold - carried
    untrue = {task for task in foretold - real if not listed.get(task, set()) & real}
    return [f"changed, but was not foretold: {task}" for task in sorted(unforeseen)] + [
        f"was foretold, but did not change: {task}" for task in sorted(untrue)]


@pytest.mark.skipif("PODPATH_RUNS" not in os.environ, reason="only molecule looks ahead before it makes a cluster")
def test_look_ahead_at_bare_hosts_foretells_what_the_next_run_changes(lab):
    if lab.backend != "host-gw":
        pytest.skip("one scenario is enough, the one of two distributions")
    listed = FORETOLD | OPTIONS
    ahead, real = runs()[:2]
    assert (ahead["check"], real["check"]) == (True, False)
    assert ahead["failed"] == []
    assert real["changed"].keys() == {"controlplane", "node-1", "node-2"}
    found = {host: lies(set(ahead["changed"].get(host, [])), set(real["changed"].get(host, [])), listed)
             for host in ahead["changed"].keys() | real["changed"].keys()}
    assert {host: what for host, what in found.items() if what} == {}
    # nobody keeps an exception that is none any more
    said, done = ({task for tasks in run["changed"].values() for task in tasks} for run in (ahead, real))
    assert listed.keys() <= said
    assert set().union(*listed.values()) <= done - said


def test_look_ahead_at_a_cluster_finds_drift_alone_and_shows_files_but_no_secret(lab):
    if lab.backend != "host-gw":
        pytest.skip("one scenario is enough, the one of two distributions")
    kubeconfig = Path(lab.variables["controlplane"]["control_plane_kubeconfig"])
    was = kubeconfig.read_text()
    node = lab.nodes["node-1"]
    modules = "/etc/modules-load.d/podpath-kubernetes.conf"
    node.check_output(f"echo drifted >> {modules}")
    kubeconfig.write_text(was + "# drifted\n")
    try:
        ran = playbooks.run("site.yml", lab.inventory, cmdline="--check --diff -v")
    finally:
        kubeconfig.write_text(was)
        node.check_output(f"sed -i /drifted/d {modules}")
    assert ran.rc == 0, ran.output[-3000:]
    # a task that shows nothing of what it does is no event for the runner, but counts in the recap
    assert ran.changed == {"node-1": {"Load the modules at boot"}}
    counts = dict(re.findall(r"^(\S+) +: ok=\d+ +changed=(\d+)", ran.output, re.MULTILINE))
    assert counts == {"controlplane": "1", "node-1": "1", "node-2": "0", "localhost": "0"}
    assert re.search(r"^\s*-drifted\s*$", ran.output, re.MULTILINE), "a diff of the file"
    secrets = re.findall(r"(?:client-key-data|client-certificate-data): (\S+)", was)
    assert len(secrets) == 2
    for secret in secrets:
        assert secret not in ran.output
        assert base64.b64decode(secret).decode().splitlines()[1] not in ran.output
