# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values are judged by the roles' own descriptions, and the controller by its libraries, as the first play does it."""

from __future__ import annotations

import importlib.util

import pytest
from jinja2 import StrictUndefined
from role_templates import Role, task

from ansible_collections.podpath.kubeadm.plugins.filter.provisioning import (
    controller_problems,
    inventory_variable_problems,
    misspelt_variables,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.addresses import UNSAID


def problems(makes=False, **variables):
    return inventory_variable_problems(["one", "two"], {"one": variables, "two": variables}, makes)


@pytest.mark.parametrize(("variable", "value", "said"), [
    ("flannel_backend", "vxlna", "flannel_backend is vxlna; it must be one of vxlan, host-gw, wireguard."),
    ("flannel_mtu", "big", "flannel_mtu is big; it must be a whole number."),
    ("kernel_extra_sysctls", ["a"], 'kernel_extra_sysctls is ["a"]; it must be a dictionary.'),
    ("node_taints", ["a=b:NoSched"], "node_taints[0] is a=b:NoSched; it must be a dictionary with key, value, effect."),
    ("node_taints", [{"key": "a"}], "node_taints[0] has key; it takes key, value, effect and needs key, effect."),
    ("node_taints", [{"key": "a", "effect": "No"}], "node_taints[0].effect is No; it must be one of NoSchedule, "
     "PreferNoSchedule, NoExecute."),
    ("firewall_extra_ports", ["80"], "firewall_extra_ports[0] is 80; it must be a dictionary with port, protocol, "
     "sources, why."),
    ("pod_paths_families", ["ipv5"], "pod_paths_families[0] is ipv5; it must be one of ipv4, ipv6."),
])
def test_a_value_that_ansible_does_not_take_is_named_with_what_belongs_there(variable, value, said):
    assert problems(**{variable: value}) == [f"one, two: {said}"]


@pytest.mark.parametrize(("variable", "value"), [
    ("kubernetes_proxy", {"htttp": "http://me:hidden@proxy"}), ("kubernetes_proxy", "http://me:hidden@proxy"),
    ("kubernetes_proxy", "http://me:hidden=1@proxy"), ("containerd_registry_mirrors", ["hidden"]),
    ("containerd_environment", "hidden"),
])
def test_a_value_that_may_hold_a_password_is_not_quoted(variable, value):
    (problem,) = problems(**{variable: value})
    assert problem.startswith(f"one, two: {variable} ")
    assert "hidden" not in problem


@pytest.mark.parametrize(("variable", "value", "said"), [
    ("kubernetes_version", 1.37, "kubernetes_version is 1.37;"),
    ("containerd_version", "v2.4.2", "containerd_version is v2.4.2;"),
    ("flannel_version", "0.28.10", "write v0.28.10."),
    ("containerd_archive_checksum", "abc", "containerd_archive_checksum is abc;"),
    ("flannel_manifest_checksum", "sha256:abc", "flannel_manifest_checksum is sha256:abc;"),
    ("firewall_api_sources", "1.2.3.4/55", "firewall_api_sources holds 1.2.3.4/55,"),
    ("firewall_extra_ports", [{"port": 99999}], "firewall_extra_ports holds the port 99999;"),
    ("firewall_extra_ports", [{"port": 80, "sources": ["x"]}], "firewall_extra_ports holds x,"),
    ("node_address_cidr", "192.0.2.0/33", "node_address_cidr is '192.0.2.0/33', which is no network"),
    ("node_address_explicit", "192.0.2.300", "node_address_explicit is '192.0.2.300', which is no address"),
    ("kubernetes_proxy", {"http": "proxy:3128"}, "kubernetes_proxy.http is no URL of a proxy: it needs http://"),
    ("kubernetes_proxy", {"http": "http://proxy", "https": "me:SECRET@proxy"}, "kubernetes_proxy.https is no URL"),
    ("control_plane_pod_cidr", "10.244.0.0", "every node takes a /24 of it"),
    ("control_plane_service_cidr", "banana", "control_plane_service_cidr is 'banana', which is no network"),
])
def test_a_value_that_cannot_be_is_told_without_any_host(variable, value, said):
    (problem,) = problems(**{variable: value})
    assert problem.startswith("one, two: ")
    assert said in problem
    assert "SECRET" not in problem


@pytest.mark.parametrize("variables", [
    {"kubernetes_version": "1.37.2", "containerd_version": "2.4.2", "flannel_version": "v0.28.10"},
    {"containerd_source": "distribution", "containerd_version": ""},
    {"containerd_archive_checksum": "sha256:https://mirror/sums", "flannel_manifest_checksum": "sha1:" + 40 * "a"},
    {"firewall_api_sources": "10.0.0.1,fd00::/8", "firewall_extra_ports": [{"port": "30000-32767"}]},
    {"node_address_cidr": ["192.0.2.0/24", "fd00::/64"], "node_address_explicit": None},
    {"control_plane_pod_cidr": "10.244.0.0/16,fd00:244::/56", "control_plane_service_cidr": "10.96.0.0/12"},
    {"swap_policy": False, "flannel_mtu": "1400", "kubernetes_proxy": {"http": "http://proxy"}},
    {"node_taints": [{"key": "a", "effect": "NoSchedule"}], "node_labels": {}},
    {"hosts_loopback_lines": StrictUndefined("eth1")},
])
def test_a_value_that_may_be_is_let_be(variables):
    assert problems(**variables) == []


def test_hosts_that_say_nothing_of_their_address_are_refused_only_where_a_cluster_is_made():
    assert problems(makes=True, node_address_cidr=None) == [f"one, two: {UNSAID}"]
    assert problems(makes=True, node_address_explicit=StrictUndefined("eth1")) == []
    assert problems(makes=True, node_address_interface_name="eth1") == []
    assert problems() == []


def test_a_file_that_the_controller_lacks_is_missed_only_where_a_cluster_is_made(tmp_path):
    there = tmp_path / "ca.pem"
    there.write_text("")
    files = {"kubernetes_ca_files": [str(there), f"{there}.no", "relative.pem"], "node_address_cidr": "192.0.2.0/24"}
    assert problems(**files) == []
    assert problems(makes=True, **files) == [
        f"one, two: kubernetes_ca_files has {there}.no, which is no file on the controller that can be read."]


def test_authorities_that_would_take_one_another_s_place_on_a_host_are_refused():
    (problem,) = problems(kubernetes_ca_files=["/a/ca.pem", "/a/other.pem", "/b/ca.crt", "/a/other.pem"])
    assert "kubernetes_ca_files has /a/ca.pem and /b/ca.crt, of which each host would keep only the last" in problem
    # this is where
    copied = task("roles/kubernetes/tasks/main.yml", "Trust the certificate authorities of downloads")
    for path, file in (("/a/ca.pem", "podpath-ca.crt"), ("/a/ca.one.pem", "podpath-ca.one.crt")):
        written = Role("kubernetes").render(copied["ansible.builtin.copy"]["dest"], __kubernetes_ca_file=path)
        assert written == f"/usr/local/share/ca-certificates/{file}"
    assert problems(kubernetes_ca_files=["/a/ca.one.pem", "/a/ca.two.pem", "/a/ca.pem"]) == []


def test_a_controller_without_the_library_is_told_how_to_get_it(monkeypatch):
    assert controller_problems("/usr/bin/python3") == []
    monkeypatch.setattr(importlib.util, "find_spec", {}.get)
    (problem,) = controller_problems("/usr/bin/python3")
    assert "/usr/bin/python3 -m pip install kubernetes" in problem


@pytest.mark.parametrize(("name", "meant"), [
    ("flanel_backend", "flannel_backend"), ("node_adress_cidr", "node_address_cidr"),
    ("kubernetes_verison", "kubernetes_version"), ("pod_path_plan", "pod_paths_plan"),
])
def test_a_variable_that_is_nearly_an_option_is_named_with_it(name, meant):
    hosts = {"one": {name: 1}, "two": {name: 1, meant: 2}}
    (said,) = misspelt_variables(["one", "two"], hosts)
    assert said == f"one, two: {name}: no role has it; is {meant} meant?"


@pytest.mark.parametrize("name", [
    "flannel_backend", "kubernetes_kubelet_config", "kubernetes_patches", "node_address_ip", "node_address_interface",
    "kubernetes_wanted_version", "reset_confirm", "site_backend", "my_backend", "ansible_host",
    "__flannel_backend",
])
def test_a_variable_that_something_reads_or_that_is_the_user_s_own_is_not_named(name):
    assert misspelt_variables(["one"], {"one": {name: 1}}) == []
