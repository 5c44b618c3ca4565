# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that is rebooted comes back as a working node, by itself."""

from __future__ import annotations

import datetime
import json
import subprocess
import time

import pytest

SYSCTLS = ("net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables")


def pods_of_before(lab, name: str, boot: datetime.datetime) -> list[str]:
    """Pods of a node whose containers, as the API knows them, were not started since its boot, or are not ready.

    For as long as the kubelet has not reported again, the API tells what was before the boot: a Node and its pods are
    Ready there.
    """
    old = []
    for pod in json.loads(lab.kubectl(f"get pods -A --field-selector spec.nodeName={name} -o json"))["items"]:
        for container in pod["status"].get("containerStatuses") or [{}]:
            started = container.get("state", {}).get("running", {}).get("startedAt", "1970-01-01T00:00:00Z")
            # to the second
            if datetime.datetime.fromisoformat(started) < boot.replace(microsecond=0) or not container["ready"]:
                old.append(f"{pod['metadata']['name']}: {container}")
    return old


def booted(lab, name: str) -> datetime.datetime:
    seen = lab.console(name, "stat", "-c", "%.Z", "/proc/1")
    return datetime.datetime.fromtimestamp(float(seen.stdout) if not seen.returncode else 0, datetime.UTC)


def test_rebooted_node_carries_pods_again(lab):
    if lab.backend != "vxlan":
        pytest.skip("one backend is enough")
    # the connection would outlive its machine
    control_path = f"{lab.variables['node-1']['ansible_control_path_dir']}/testinfra-node-1"
    subprocess.run(["ssh", "-O", "exit", "-o", f"ControlPath={control_path}", "lab"], check=False, capture_output=True)
    before = booted(lab, "node-1")
    lab.console("node-1", "systemctl", "reboot")
    deadline = time.monotonic() + 60
    while (boot := booted(lab, "node-1")) <= before:
        assert time.monotonic() < deadline, "the node did not come back"
        time.sleep(0.5)
    deadline = time.monotonic() + 180
    while old := pods_of_before(lab, "node-1", boot):
        assert time.monotonic() < deadline, f"not running again: {old}"
        time.sleep(1)
    assert lab.console("node-1", "sysctl", "-n", *SYSCTLS).stdout.split() == ["1", "1", "1"]
    ran, _ = lab.paths()
    assert ran.rc == 0, ran.output
