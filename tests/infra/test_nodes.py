# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What site.yml left on each node, looked at over SSH."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def test_node_runs_the_distribution_that_its_inventory_names(lab, node, name):
    # host-gw's nodes are of two; without this nothing else would tell
    assert f"VERSION_CODENAME={lab.variables[name]['lab_node_suite']}\n" in node.file("/etc/os-release").content_string


def test_all_was_done_from_a_user_with_sudo(lab, node, name):
    user = lab.variables[name]["ansible_user"]
    assert node.user(user).uid != 0
    assert not node.file("/root/.ssh/authorized_keys").exists, "nobody can log in as root"


def test_no_swap_now_nor_after_a_boot(node):
    assert node.check_output("swapon --show --noheadings") == ""
    fstab = node.file("/etc/fstab").content_string.splitlines()
    assert not [line for line in fstab if " swap " in line and not line.lstrip().startswith("#")]
    assert [line for line in fstab if " swap " in line], "the line itself is kept, as a comment"


@pytest.mark.parametrize("module", ["br_netfilter", "overlay"])
def test_module_is_named_for_a_boot(node, module):
    # whether it is there now shows nothing where the kernel has it built in; the bridge's sysctls below and the pods do
    assert module in node.file("/etc/modules-load.d/podpath-kubernetes.conf").content_string.splitlines()


@pytest.mark.parametrize("sysctl", [
    "net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables", "net.bridge.bridge-nf-call-ip6tables"])
def test_sysctl_is_1_now_and_after_a_boot(node, sysctl):
    assert node.sysctl(sysctl) == 1
    lines = node.check_output("cat /etc/sysctl.d/*.conf").splitlines()
    assert f"{sysctl}=1" in [line.replace(" ", "") for line in lines]


def test_containerd_uses_systemd_for_control_groups(node):
    assert node.service("containerd").is_running
    assert node.service("containerd").is_enabled
    assert "SystemdCgroup = true" in node.check_output("containerd config dump")


def test_kubelet_runs_and_its_packages_are_held(node):
    assert node.service("kubelet").is_running
    assert node.service("kubelet").is_enabled
    held = node.check_output("apt-mark showhold").split()
    assert {"kubeadm", "kubelet", "kubectl"} <= set(held)


def test_what_the_kubelet_and_its_plugins_call_is_asked_for_and_not_left_to_other_packages(node):
    # what is only there because another package depends on it goes when that package does not any more
    assert {"iptables", "mount"} <= set(node.check_output("apt-mark showmanual").split())
    for program in ("iptables", "ip6tables", "mount", "losetup"):
        assert node.exists(program)


def test_kubelet_registered_the_cluster_address_and_not_the_nat_one(node, name, address):
    # every eth0 is 10.0.2.15: a kubelet that takes its address from the default route registers that
    assert node.interface("eth0").addresses[0] == "10.0.2.15"
    assert address in node.interface("eth1").addresses
    found = json.loads(node.check_output(f"kubectl --kubeconfig /etc/kubernetes/kubelet.conf get node {name} -o json"))
    assert {"type": "InternalIP", "address": address} in found["status"]["addresses"]


def test_flannel_goes_over_eth1(lab, node, name, address):
    annotations = json.loads(node.check_output(
        f"kubectl --kubeconfig /etc/kubernetes/kubelet.conf get node {name} -o json"))["metadata"]["annotations"]
    assert annotations["flannel.alpha.coreos.com/public-ip"] == address
    backend = lab.variables[name]["flannel_backend"]
    assert annotations["flannel.alpha.coreos.com/backend-type"] == backend
    routes = [route for route in json.loads(node.check_output("ip -json -4 route"))
              if route["dst"].startswith("10.244.") and "gateway" in route]
    assert len(routes) == 2, "one route to each other node's pods"
    if backend == "vxlan":
        link = json.loads(node.check_output("ip -json -details link show flannel.1"))[0]["linkinfo"]["info_data"]
        assert (link["link"], link["local"]) == ("eth1", address)
        assert {route["dev"] for route in routes} == {"flannel.1"}
    else:
        assert {route["dev"] for route in routes} == {"eth1"}


def test_every_node_knows_every_node_by_name(lab, node):
    for other, variables in lab.variables.items():
        assert node.check_output(f"getent ahostsv4 {other}").split()[0] == variables["ansible_host"]


def test_host_and_node_have_the_name_of_the_inventory(lab, node, name):
    assert node.check_output("hostname") == name
    assert node.file("/etc/hostname").content_string.strip() == name
    assert name in lab.kubectl("get nodes -o jsonpath='{.items[*].metadata.name}'").split()


def test_only_a_control_plane_that_is_no_node_keeps_pods_away(lab):
    taints = lab.kubectl("get node controlplane -o jsonpath='{.spec.taints[*].key}'").split()
    # in the inventory of host-gw the control plane is in both groups
    assert ("node-role.kubernetes.io/control-plane" in taints) == (lab.backend == "vxlan")


def test_kubeconfig_on_the_controller_is_its_owners_alone(lab):
    kubeconfig = Path(lab.variables["controlplane"]["control_plane_kubeconfig"])
    assert kubeconfig.stat().st_mode & 0o777 == 0o600


def test_no_join_secret_is_left_behind(lab, node):
    places = "/etc/kubernetes /root /tmp /run/kubeadm*"
    left = node.check_output(f"grep -rlsE '(token|certificateKey): *[a-z0-9.]+' {places} || true")
    assert left == ""
    tokens = lab.nodes["controlplane"].check_output("kubeadm token list -o jsonpath='{.token}'")
    assert tokens == ""
