# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kubeconfig on the controller is not trusted by its path: it has to be of the cluster that the run is about."""

from __future__ import annotations

import base64
import json

import pytest
from role_templates import Role, load, task

from ansible_collections.podpath.kubeadm.plugins.module_utils.kubeconfig import is_of, verdict

OURS, OTHERS = (
    f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n" for text in ("b3Vycw==", "b3RoZXJz"))
PATH = "/home/me/kubeconfig"


def config(authority: str, user: str = "kubernetes-admin", more: int = 0) -> str:
    cluster = {"server": "https://192.0.2.1:6443",
               "certificate-authority-data": base64.b64encode(authority.encode()).decode()}
    users = [{"name": user, "user": {"client-key-data": "SECRET"}}]
    return json.dumps({
        "clusters": [{"name": "c", "cluster": cluster}], "users": users,
        "contexts": [{"name": f"c{number}", "context": {"cluster": "c", "user": user}} for number in range(1 + more)]})


def judged(text: str, authority: str = OURS, comes: bool = True, made: bool = True) -> dict[str, str]:
    found = verdict(text, PATH, "controlplane", authority, comes, made)
    assert "SECRET" not in str(found)
    return found


@pytest.mark.parametrize("authority", [OURS, OTHERS + OURS])
@pytest.mark.parametrize("comes", [True, False])
@pytest.mark.parametrize("user", ["kubernetes-admin", "me"])
def test_a_file_of_this_cluster_is_used(authority, comes, user):
    assert judged(config(OURS, user), authority, comes) == {"problem": "", "other": ""}


def test_a_file_of_another_cluster_is_refused_where_the_run_would_go_on_with_it():
    problem = judged(config(OTHERS), comes=False, made=False)["problem"]
    assert f"{PATH} on the controller (control_plane_kubeconfig) leads to another cluster, https://192.0.2.1" in problem
    assert "another CA than that of controlplane" in problem
    assert "move this one away: where none is, the run brings that of controlplane" in problem


@pytest.mark.parametrize(("authority", "made"), [(OURS, True), ("", False), (OURS, False)])
def test_what_kubeadm_made_for_an_earlier_cluster_is_replaced_and_not_asked_before(authority, made):
    found = judged(config(OTHERS), authority, made=made)
    assert found["problem"] == ""
    assert "leads to another cluster, https://192.0.2.1:6443. It is not asked, and replaced" in found["other"]
    refused = judged(config(OTHERS, "me"), authority, made=made)
    assert "its user me is not the one of a file that kubeadm made" in refused["problem"]


@pytest.mark.parametrize(("comes", "made"), [(True, True), (False, False)])
def test_where_the_authority_is_not_in_its_usual_place_nobody_can_tell(comes, made):
    assert judged(config(OTHERS), "", comes, made) == {"problem": "", "other": ""}


@pytest.mark.parametrize("comes", [True, False])
def test_a_file_that_holds_more_than_this_cluster_is_refused(comes):
    problem = judged(config(OURS, more=1), comes=comes)["problem"]
    assert f"{PATH} on the controller (control_plane_kubeconfig) holds 2 contexts, 1 clusters, 1 users" in problem


@pytest.mark.parametrize("text", ["", "a: [", "clusters: 5", "- SECRET", "clusters: [{cluster: {server: a}}]\nusers: 5",
                                  "clusters: [{cluster: {server: a}}]\nusers: [SECRET]"])
def test_what_is_no_kubeconfig_is_refused_and_not_quoted(text):
    assert f"{PATH} on the controller (control_plane_kubeconfig) cannot be used" in judged(text)["problem"]
    assert not is_of(text, OURS)


def test_only_a_file_of_this_cluster_alone_goes_with_it():
    assert is_of(config(OURS), OURS)
    assert not is_of(config(OTHERS), OURS)
    assert not is_of(config(OURS, more=1), OURS)
    assert not is_of(config(OURS), "")


CHECK = "roles/control_plane/tasks/check.yml"
CONTROL_PLANE = {"inventory_dir": "/none", "groups": {"kube_control_plane": ["controlplane"]}}


@pytest.mark.parametrize(("hosts", "kind", "text", "authority", "problem", "other"), [
    (["controlplane", "node-1"], "made", config(OTHERS), OURS, False, True),
    (["controlplane", "node-1"], "made", config(OURS), OURS, False, False),
    # bare hosts, with what an earlier cluster left on the controller
    (["controlplane", "node-1"], "new", config(OTHERS), "", False, True),
    (["controlplane", "node-1"], "made", config(OTHERS), "", False, False),
    (["node-1"], None, config(OTHERS), OURS, True, False),
])
def test_the_file_is_compared_with_the_control_plane_also_where_limit_leaves_it_out(
        hosts, kind, text, authority, problem, other):
    judge = task(CHECK, "Judge the kubeconfig on the controller")
    role = Role("control_plane", **CONTROL_PLANE, **judge["vars"] | {"__control_plane_text": text},
                control_plane_kubeconfig=PATH, ansible_play_hosts_all=hosts,
                hostvars={"controlplane": {"kubeadm_state_found": {"kind": kind}} if kind else {}},
                __control_plane_authority={"content": base64.b64encode(authority.encode()).decode()})
    found = role.render(judge["ansible.builtin.set_fact"]["__control_plane_verdict"])
    assert (bool(found["problem"]), bool(found["other"])) == (problem, other)
    tell = task(CHECK, "Tell which kubeconfig must not be asked yet")["ansible.builtin.set_fact"]
    stale = role.render(tell["control_plane_stale_kubeconfig"], __control_plane_verdict=found)
    assert stale == (PATH if other else "")


def test_a_stale_file_is_asked_by_no_role(tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text(config(OTHERS))
    (compare,) = [one for one in load("roles/flannel/tasks/live.yml") if one["name"].startswith("Compare")]
    live = {"name": "live", "when": compare["when"]}

    def asked(stale: str) -> list[bool]:
        said = {"control_plane_kubeconfig": str(path), **CONTROL_PLANE,
                "hostvars": {"controlplane": {"control_plane_stale_kubeconfig": stale} if stale else {}}}
        return [Role("worker", **said).render("{{ __worker_by_api }}"), Role("flannel", **said).goes(live),
                Role("control_plane", **said, control_plane_stale_kubeconfig=stale).render(
                    "{{ __control_plane_in_sight }}")]

    assert asked("") == [True, True, True]
    assert asked(str(path)) == [False, False, False]


RESET = "roles/reset/tasks/main.yml"


@pytest.mark.parametrize(("host", "hosts", "text", "authority", "goes"), [
    ("controlplane", ["controlplane", "node-1"], config(OURS), OURS, True),
    ("controlplane", ["controlplane", "node-1"], config(OTHERS), OURS, False),
    ("controlplane", ["controlplane", "node-1"], config(OURS, more=1), OURS, False),
    # with an empty reset_control_plane a worker is reset without asking, and the cluster may come back
    ("node-1", ["controlplane", "node-1"], config(OURS), "", False),
    ("controlplane", ["node-1"], config(OURS), OURS, False),
])
def test_a_reset_removes_the_kubeconfig_with_its_own_cluster_only(tmp_path, host, hosts, text, authority, goes):
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    remove = task(RESET, "Remove the administrator's kubeconfig from the controller")
    role = Role("reset", **CONTROL_PLANE, inventory_hostname=host, ansible_play_hosts_all=hosts,
                control_plane_kubeconfig=str(path), reset_control_plane="", __reset_kubeconfig_text=text,
                __reset_authority={"content": base64.b64encode(authority.encode()).decode()})
    assert role.goes(remove) is goes


@pytest.mark.parametrize("answer", [
    {"rc": 1, "stderr": "connection refused"}, {"unreachable": True, "msg": "connection refused"}])
def test_a_reset_of_which_the_cluster_would_not_learn_is_refused_with_the_way_out(answer):
    refusal = task(RESET, "Refuse a reset of which the cluster would not learn")
    role = Role("reset", **CONTROL_PLANE, ansible_play_hosts_all=["node-1"], __reset_node=answer)
    assert not role.holds(refusal)
    said = role.says(refusal)
    assert said.startswith("node-1: controlplane could not be asked for its Node")
    assert "-e reset_control_plane= (empty)" in said
    assert said.endswith("connection refused")
    assert role.holds(refusal, __reset_node={"rc": 0, "stderr": "a warning"})
    assert role.holds(refusal, __reset_node={"skipped": True}, reset_control_plane="")
