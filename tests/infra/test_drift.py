# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody changed by hand is what the next run changes, and nothing else."""

from __future__ import annotations

import pytest

import playbooks


def test_drift_is_mended_and_nothing_else_is_touched(lab):
    if lab.backend != "vxlan":
        pytest.skip("one backend is enough")
    nodes = lab.nodes
    pods = "kubectl --kubeconfig /etc/kubernetes/admin.conf get pods -A -o jsonpath='{.items[*].metadata.uid}'"
    before = nodes["controlplane"].check_output(pods)
    nodes["controlplane"].check_output("apt-mark unhold kubelet")
    nodes["node-1"].check_output("sysctl -q -w net.ipv4.ip_forward=0")
    nodes["node-2"].check_output("sed -i 's/SystemdCgroup = true/SystemdCgroup = false/' /etc/containerd/config.toml")

    ran = playbooks.run("site.yml", lab.inventory)

    assert ran.rc == 0, ran.output
    changed = ran.changed
    assert ran.changed.keys() == {"controlplane", "node-1", "node-2"}, changed
    assert "kubelet" in nodes["controlplane"].check_output("apt-mark showhold").split()
    assert nodes["node-1"].sysctl("net.ipv4.ip_forward") == 1
    assert "SystemdCgroup = true" in nodes["node-2"].check_output("containerd config dump")
    assert ran.changed["controlplane"] == {"Hold the packages"}
    assert ran.changed["node-1"] == {"Set the sysctls in the file and live"}
    assert ran.changed["node-2"] == {"Write the configuration", "Enable and run the service with what was written"}
    assert nodes["controlplane"].check_output(pods) == before, "no pod was replaced"
