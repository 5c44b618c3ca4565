# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that is rebooted comes back as a working node, by itself."""

from __future__ import annotations

import subprocess
import time

import pytest

SYSCTLS = ("net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables")


def test_rebooted_node_carries_pods_again(lab):
    if lab.backend != "vxlan":
        pytest.skip("one backend is enough")
    # the connection would outlive its machine
    control_path = f"{lab.variables['node-1']['ansible_control_path_dir']}/testinfra-node-1"
    subprocess.run(["ssh", "-O", "exit", "-o", f"ControlPath={control_path}", "lab"], check=False, capture_output=True)
    boot = lab.console("node-1", "stat", "-c", "%z", "/proc/1").stdout
    lab.console("node-1", "systemctl", "reboot")
    deadline = time.monotonic() + 60
    while (now := lab.console("node-1", "stat", "-c", "%z", "/proc/1")).returncode or now.stdout == boot:
        assert time.monotonic() < deadline, "the node did not come back"
        time.sleep(0.5)
    lab.kubectl("wait --for=condition=Ready=true --timeout=120s node/node-1")
    assert lab.console("node-1", "sysctl", "-n", *SYSCTLS).stdout.split() == ["1", "1", "1"]
    lab.kubectl("rollout status daemonset --namespace kube-flannel --timeout=120s")
    ran, _ = lab.paths()
    assert ran.rc == 0, ran.output
