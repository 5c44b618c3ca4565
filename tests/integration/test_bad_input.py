# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input is answered by a sentence that names the host and the variable, before anything is changed.

The hosts are this machine under several names, in check mode: what is tested must fail before it touches them.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
import playbooks


def own_addresses() -> list[str]:
    links = json.loads(subprocess.run(["ip", "-json", "-4", "address"], check=True, capture_output=True).stdout)
    return [a["local"] for link in links for a in link["addr_info"] if a["scope"] == "global"]


def inventory(tmp_path: Path, control_plane: list[str], nodes: list[str], **variables: object) -> list[str]:
    path = tmp_path / "hosts.yml"
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    path.write_text(json.dumps({"all": {
        "vars": {**local, "node_address_cidr": "127.0.0.0/8", **variables},
        "children": {"kube_control_plane": {"hosts": dict.fromkeys(control_plane)},
                     "kube_node": {"hosts": dict.fromkeys(nodes)}}}}))
    return [str(path)]


def refused(playbook: str, sources: list[str], limit: str = "", **variables: object) -> str:
    ran = playbooks.run(playbook, sources, cmdline=f"--check --limit {limit}" if limit else "--check", **variables)
    assert ran.rc != 0, ran.output
    assert ran.changed == {}
    assert "Traceback" not in ran.output
    # what a person reads, without the breaks of lines
    return " ".join(ran.output.split())


@pytest.mark.parametrize("playbook", ["site.yml", "playbooks/verify_paths.yml"])
def test_empty_inventory_is_no_green_run(tmp_path, playbook):
    (tmp_path / "hosts.yml").write_text("all: {}\n")
    assert "kube_control_plane" in refused(playbook, [str(tmp_path / "hosts.yml")])


@pytest.mark.parametrize("playbook", ["site.yml", "playbooks/verify_paths.yml", "playbooks/reset.yml"])
@pytest.mark.parametrize("arguments", ["--tags foo", "--tags foo --limit two", "--skip-tags all"])
def test_tags_that_leave_everything_out_are_no_green_run(tmp_path, playbook, arguments):
    ran = playbooks.run(playbook, inventory(tmp_path, ["one"], ["two"]), cmdline=arguments)
    assert ran.rc != 0, ran.output
    assert "no tags" in " ".join(ran.output.split())


def test_group_without_hosts_is_named(tmp_path):
    assert "group kube_node holds no host" in refused("site.yml", inventory(tmp_path, ["one"], []))


@pytest.mark.parametrize("limit", ["", "three"])
def test_second_control_plane_is_refused_with_a_limit_too(tmp_path, limit):
    said = refused("site.yml", inventory(tmp_path, ["one", "two"], ["three"]), limit)
    assert "kube_control_plane holds 2 hosts (one, two)" in said


@pytest.mark.parametrize(("variable", "value", "said"), [
    ("flannel_backend", "vxlna", "flannel_backend is vxlna; it must be one of vxlan, host-gw, wireguard."),
    ("swap_policy", "offf", "swap_policy is offf; it must be one of off, tolerate, limited."),
    ("firewall_policy", "opne", "firewall_policy is opne; it must be one of check, open, ignore."),
    ("containerd_source", "archiv", "containerd_source is archiv; it must be one of"),
    ("pod_paths_fail_on", "nevr", "pod_paths_fail_on is nevr; it must be one of"),
    ("flannel_mtu", "big", "flannel_mtu is big; it must be a whole number."),
    ("node_taints", ["a=b:NoSched"], "node_taints[0] is a=b:NoSched; it must be a dictionary with key, value, effect."),
    ("kubernetes_version", 1.37, "kubernetes_version is 1.37; it has three numbers"),
    ("kubernetes_version", "latest", "kubernetes_version is latest; it has three numbers"),
    ("firewall_api_sources", "1.2.3.4/55", "firewall_api_sources holds 1.2.3.4/55, which is no network or address"),
])
def test_a_misspelt_value_is_refused_before_any_host_is_contacted(tmp_path, variable, value, said):
    # nobody could contact them
    nowhere = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    sources = inventory(tmp_path, ["one"], ["two"], **nowhere, **{variable: value})
    for playbook in ("site.yml", "playbooks/verify_paths.yml"):
        told = refused(playbook, sources)
        assert "one, two: " in told
        assert said in told
        assert "unreachable" not in told.split("PLAY RECAP")[0].lower()


def test_a_value_that_only_the_host_can_tell_is_no_mistake_and_one_hosts_own_is(tmp_path):
    sources = inventory(tmp_path, ["one"], ["two"], containerd_source="{{ ansible_facts['nosuch'] }}")
    path = Path(sources[0])
    described = json.loads(path.read_text())
    described["all"]["children"]["kube_node"]["hosts"]["two"] = {"hosts_loopback_lines": "remove"}
    path.write_text(json.dumps(described))
    told = refused("site.yml", sources)
    assert "two: hosts_loopback_lines is remove; it must be one of" in told
    assert "one, two" not in told


def test_pod_network_that_is_none_names_the_variable(tmp_path):
    said = refused("site.yml", inventory(tmp_path, ["one"], ["one"], node_address_cidr=f"{own_addresses()[0]}/32",
                                         control_plane_pod_cidr="banana"))
    assert "control_plane_pod_cidr is 'banana', which is no network" in said


def test_no_address_in_the_network_names_host_and_variable(tmp_path):
    said = refused("site.yml", inventory(tmp_path, ["one"], ["two"], node_address_cidr="198.51.100.0/24"))
    for host in ("one", "two"):
        assert f"{host}: no address lies inside node_address_cidr 198.51.100.0/24; the host's addresses are:" in said


def test_same_address_on_two_hosts_names_both(tmp_path):
    address = own_addresses()[0]
    said = refused("site.yml", inventory(tmp_path, ["one"], ["two"], node_address_cidr=f"{address}/32"))
    assert re.search(rf"{re.escape(address)} is the address of more than one host: one \(\S+\), two \(\S+\)", said)


def test_interface_that_is_not_there_names_host_and_variable(tmp_path):
    said = refused("site.yml", inventory(tmp_path, ["one"], ["two"], node_address_cidr=None,
                                         node_address_interface_name="eth77"))
    assert "one: node_address_interface_name is eth77, which the host does not have; its interfaces are:" in said


def test_address_that_is_not_on_the_host_names_it(tmp_path):
    said = refused("site.yml", inventory(tmp_path, ["one"], ["two"], node_address_cidr=None,
                                         node_address_explicit="198.51.100.7"))
    assert "one: node_address_explicit is 198.51.100.7, which is no address of the host" in said


def test_pod_network_that_a_host_uses_names_variable_host_and_use(tmp_path):
    address = own_addresses()[0]
    sources = inventory(tmp_path, ["one"], ["one"], node_address_explicit=address, node_address_cidr=None,
                        control_plane_pod_cidr=f"{address.split('.')[0]}.0.0.0/8")
    said = refused("site.yml", sources)
    assert re.search(rf"control_plane_pod_cidr \S+ overlaps what hosts use already.* one: address {address} on ", said)


def test_host_that_is_down_and_outside_of_the_run_is_named_and_stops_nobody(tmp_path):
    sources = inventory(tmp_path, ["one"], ["two"], node_address_cidr=f"{own_addresses()[0]}/32")
    path = Path(sources[0])
    described = json.loads(path.read_text())
    described["all"]["children"]["kube_node"]["hosts"]["two"] = {
        "ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    path.write_text(json.dumps(described))
    # what comes later is refused, so that nothing is done here
    said = refused("site.yml", sources, "one", flannel_backend="host-gw", flannel_direct_routing=True)
    assert "two could not be asked" in said
    assert "flannel_direct_routing is true, but flannel_backend is host-gw" in said


DEAD = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}


def with_dead(tmp_path: Path, group: str, name: str) -> list[str]:
    """An inventory of a control plane one and the nodes two and three, of which one host cannot be reached."""
    sources = inventory(tmp_path, ["one"], ["two", "three"], node_address_cidr="198.51.100.0/24")
    path = Path(sources[0])
    described = json.loads(path.read_text())
    described["all"]["children"][group]["hosts"][name] = DEAD
    path.write_text(json.dumps(described))
    return sources


@pytest.mark.parametrize(("limit", "said"), [("", "'all:!three'"), ("two,three", "'two,three,!three'")])
def test_a_node_that_is_down_is_named_with_how_to_go_on_without_it(tmp_path, limit, said):
    told = refused("site.yml", with_dead(tmp_path, "kube_node", "three"), limit)
    assert "Nothing is changed on any host, as not all can be asked: three (Data could not be sent" in told
    assert "Connection refused). Mend that, or go on without" in told
    assert f"come back to it in a later run: --limit {said}." in told
    assert "no address lies inside" not in told


def test_the_run_goes_on_without_a_node_that_is_down_as_it_was_told(tmp_path):
    told = refused("site.yml", with_dead(tmp_path, "kube_node", "three"), "'all:!three'")
    assert "not all can be asked" not in told
    assert "two: no address lies inside node_address_cidr" in told


def test_a_control_plane_that_is_down_can_not_be_left_out(tmp_path):
    told = refused("site.yml", with_dead(tmp_path, "kube_control_plane", "one"))
    assert "Nothing is changed on any host, as not all can be asked: one (" in told
    assert "Mend that, then run this playbook again: no host can be checked without one." in told


def test_a_control_plane_that_is_down_and_outside_of_the_run_is_named(tmp_path):
    address = own_addresses()[0]
    told = refused("site.yml", with_dead(tmp_path, "kube_control_plane", "one"), "two",
                   node_address_cidr=f"{address}/32")
    assert "one cannot be asked (Data could not be sent" in told
    assert "The control plane is asked in every run, also where --limit leaves it out" in told


def test_name_of_a_host_that_is_no_nodes_is_refused_with_one_that_is(tmp_path):
    said = refused("site.yml", inventory(tmp_path, ["one"], ["Node_2"]))
    assert "Node_2 cannot be the name of a Node" in said
    assert "for instance to node-2" in said


def test_missing_network_is_a_sentence(tmp_path):
    sources = inventory(tmp_path, ["one"], ["two"], node_address_cidr=None)
    said = "one, two: nothing says which address carries the cluster. Set node_address_cidr"
    assert said in refused("site.yml", sources)


def test_missing_kubeconfig_names_path_and_variable(tmp_path):
    said = refused("playbooks/verify_paths.yml", inventory(tmp_path, ["one"], ["two"]),
                   pod_paths_kubeconfig=str(tmp_path / "nosuch"))
    assert str(tmp_path / "nosuch") in said
    assert "pod_paths_kubeconfig" in said


def test_silent_api_names_address_and_variable(tmp_path):
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "c", "user": {"token": "none"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}]}))
    sources = inventory(tmp_path, ["one"], ["one"], node_address_cidr=f"{own_addresses()[0]}/32")
    said = refused("playbooks/verify_paths.yml", sources, pod_paths_kubeconfig=str(kubeconfig))
    assert "https://127.0.0.1:1" in said
    assert "kubeconfig" in said


def test_a_whole_cluster_is_reset_with_nobody_left_to_ask(tmp_path):
    # a control plane that goes itself is not asked to drain and to delete Nodes
    ran = playbooks.run("playbooks/reset.yml", inventory(tmp_path, ["one"], ["two"]), cmdline="--check",
                        reset_confirm="one,two", control_plane_kubeconfig=str(tmp_path / "kubeconfig"))
    assert (ran.rc, ran.changed) == (0, {}), ran.output
