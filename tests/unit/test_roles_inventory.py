# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

from ansible_collections.podpath.kubeadm.plugins.module_utils.inventory import (
    group_problems,
    inventory_problems,
    node_name_problem,
    reset_problems,
    tag_problems,
    unreachable_problem,
)

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"
GOOD = {"kube_control_plane": ["controlplane"], "kube_node": ["node-1", "node-2.example.com"], "all": []}


def test_a_good_inventory_has_no_problem():
    assert inventory_problems(GOOD) == []


def test_a_single_machine_may_be_in_both_groups():
    assert inventory_problems({"kube_control_plane": ["one"], "kube_node": ["one"]}) == []


def test_an_empty_inventory_names_both_groups():
    problems = inventory_problems({"all": [], "ungrouped": []})
    assert len(problems) == 2
    assert "kube_control_plane; its groups are: none" in problems[0]


def test_a_wrong_inventory_is_told_its_own_groups():
    assert "masters, workers" in inventory_problems({"masters": ["a"], "workers": ["b"]})[0]


@pytest.mark.parametrize("found", [
    inventory_problems({"masters": ["a"]}, ["hosts.yml", "more"])[0],
    reset_problems({"masters": ["a"]}, ["a"], "", ["hosts.yml", "more"])[0],
    group_problems({"masters": ["a"]}, ["hosts.yml", "more"], ["kube_control_plane"])[0],
])
def test_the_inventory_that_was_read_is_named(found):
    assert found.startswith("The inventory hosts.yml, more has no group kube_control_plane; its groups are: masters.")


def test_an_empty_group_is_no_cluster():
    (problem,) = inventory_problems(GOOD | {"kube_node": []})
    assert "kube_node holds no host" in problem


def test_more_control_planes_are_refused_for_now():
    (problem,) = inventory_problems(GOOD | {"kube_control_plane": ["a", "b"]})
    assert "2 hosts (a, b)" in problem


@pytest.mark.parametrize("name", ["Node-1", "node_1", "-node", "node-", "n" * 64, "a..b"])
def test_a_name_that_no_node_can_have_is_refused(name):
    (problem,) = inventory_problems(GOOD | {"kube_node": [name]})
    assert name in problem


@pytest.mark.parametrize(
    ("name", "near"),
    [("Node_1.Example.COM", "to node-1.example.com"), ("-node-", "to node."), ("_", "Rename the host.")],
)
def test_a_name_is_not_lowered_silently_but_one_that_would_do_is_told(name, near):
    said = node_name_problem(name)
    assert said.startswith(f"{name} cannot be the name of a Node")
    assert near in said
    assert node_name_problem("node-1.example.com") == ""


CLUSTER = {"kube_control_plane": ["cp"], "kube_node": ["cp", "n1", "n2"]}


@pytest.mark.parametrize(
    ("hosts", "confirmed"), [(["n1"], "n1"), (["n1", "n2"], "n2, n1"), (["localhost", "cp", "n1", "n2"], "cp,n1,n2")])
def test_a_reset_of_just_the_hosts_that_were_named_is_allowed(hosts, confirmed):
    assert reset_problems(CLUSTER, hosts, confirmed) == []


@pytest.mark.parametrize("confirmed", ["", "n1", True, "n1,n2,n3"])
def test_a_reset_without_the_limit_that_was_meant_is_refused_with_all_names(confirmed):
    (problem,) = reset_problems(CLUSTER, ["localhost", "cp", "n1", "n2"], confirmed)
    assert "cp, n1, n2" in problem
    assert "-e reset_confirm=cp,n1,n2" in problem


def test_nodes_are_not_left_without_a_control_plane():
    (problem,) = reset_problems(CLUSTER, ["cp"], "cp")
    assert problem.startswith("n1, n2 would be left without a control plane")


def test_a_reset_without_the_control_plane_s_group_is_refused_whoever_is_named():
    (problem,) = reset_problems({"kube_controlplane": ["cp"], "kube_node": ["n1"]}, ["n1"], "n1")
    assert "no group kube_control_plane; its groups are: kube_controlplane, kube_node" in problem


UP = {"ansible_facts": {"interfaces": ["eth0"]}}
DOWN = {"unreachable": True, "msg": "Task failed: Connection refused"}


@pytest.mark.parametrize(("said", "limit", "cure"), [
    ({"controlplane": UP, "node-1": UP}, "", ""),
    ({"controlplane": UP, "node-1": DOWN}, "",
     "go on without and come back to it in a later run: --limit 'all:!node-1'."),
    ({"controlplane": UP, "node-1": DOWN, "node-2": DOWN}, "kube_node,controlplane",
     "--limit 'kube_node,controlplane,!node-1,!node-2'."),
    ({"node-1": DOWN}, "node-1", "Mend that, then run this playbook again."),
    ({"controlplane": DOWN, "node-1": DOWN}, "",
     "run this playbook again: no host can be checked without controlplane."),
])
def test_who_cannot_be_reached_is_named_with_what_to_do(said, limit, cure):
    problem = unreachable_problem(said, ["controlplane"], limit)
    assert (problem == "") is (cure == "")
    assert cure in problem
    for host, result in said.items():
        assert (f"{host} (Connection refused)" in problem) is (result is DOWN)


@pytest.mark.parametrize("limit", ["", "node-1,node-2,node-3", "node-2,node-1", "node-1:node-2", "kube_node:node-2"])
def test_the_limit_that_is_advised_leaves_out_who_is_down_and_nobody_else(tmp_path, limit):
    hosts = tmp_path / "hosts"
    hosts.write_text("controlplane\n[kube_node]\nnode-1\nnode-2\nnode-3\n")

    def of(pattern: str) -> set[str]:
        inventory = InventoryManager(loader=DataLoader(), sources=[str(hosts)])
        inventory.subset(pattern or None)
        return {host.name for host in inventory.get_hosts()}

    said = {host: DOWN if host == "node-1" else UP for host in of(limit)}
    advised = unreachable_problem(said, ["controlplane"], limit).split("--limit ")[1].removesuffix(".").strip("'")
    assert of(advised) == of(limit) - {"node-1"}


def test_a_host_that_was_reached_and_tells_nothing_is_named_as_well():
    said = {"node-1": UP, "node-2": {"msg": "No python interpreter found."}, "node-3": {}}
    problem = unreachable_problem(said, ["controlplane"])
    assert "node-2 (No python interpreter found); node-3 (it says nothing)" in problem


def test_a_reset_of_no_hosts_names_the_groups():
    assert "kube_control_plane" in reset_problems({"all": []}, ["localhost"], "")[0]


@pytest.mark.parametrize(("run", "skip", "said"), [
    (["foo"], [], "--tags foo,"), (["all"], ["all"], "--skip-tags all,"),
    (["all"], ["x", "untagged"], "--skip-tags untagged,"),
    (["a", "b"], ["all"], "--tags a,b and --skip-tags all,"),
])
def test_a_run_whose_tags_leave_out_its_work_is_refused(run, skip, said):
    (problem,) = tag_problems(run, skip)
    assert said in problem


def test_tags_that_leave_out_nothing_are_let_be():
    assert tag_problems(["all"], []) == []
    assert tag_problems(["all", "foo"], ["molecule-notest", "notest"]) == []


@pytest.mark.parametrize("playbook", ["site", "verify_paths", "reset"])
def test_tags_are_refused_with_any_limit_by_a_task_that_no_tag_leaves_out(playbook):
    first = yaml.safe_load((PLAYBOOKS / f"{playbook}.yml").read_text())[0]
    assert first["hosts"] == "localhost:kube_control_plane:kube_node"
    (task,) = [task for task in first["tasks"] if "tag_problems" in str(task)]
    assert task["tags"] == "always"
    assert task["run_once"] is True
