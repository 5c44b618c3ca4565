# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reset asks of kubeadm, and what it takes away beside things of others."""

from __future__ import annotations

import base64

import pytest
from role_templates import Role, load, task

from ansible_collections.podpath.kubeadm.plugins.module_utils import leftovers

RESET = "roles/reset/tasks/main.yml"
KEEP_ETCD = "--skip-phases=remove-etcd-member"
RESULTS = [f"/var/lib/cni/results/{name}" for name in (
    "cbr0-c0ffee-eth0", "cni-loopback-c0ffee-lo", "bridge-default-1f-eth0", "cbr0-mine-1f-eth0", "cni-loopback-1f-lo")]
PATCHES = ["kubeletconfiguration+strategic.yaml", "etcd0.yaml"]


@pytest.mark.parametrize(("host", "keeps"), [("node-1", True), ("controlplane", False)])
def test_a_reset_of_a_worker_leaves_the_data_of_an_etcd_that_is_not_the_cluster_s(host, keeps):
    run = task(RESET, "Run kubeadm reset")["ansible.builtin.command"]
    role = Role("reset", inventory_hostname=host, groups={"kube_control_plane": ["controlplane"]},
                ansible_play_hosts_all=[host])
    argv = role.render(run["argv"])
    assert argv[:3] == ["kubeadm", "reset", "--force"]
    assert (KEEP_ETCD in argv) is keeps


@pytest.mark.parametrize("kind", ["control_plane", "worker"])
def test_an_undo_always_leaves_the_data_of_an_etcd(kind):
    run = task("roles/kubeadm_state/tasks/undo.yml", "Run kubeadm reset")["ansible.builtin.command"]
    argv = Role("kubeadm_state", kubeadm_state_role=kind).render(run["argv"])
    assert argv[:3] == ["kubeadm", "reset", "--force"]
    assert KEEP_ETCD in argv


def removed(paths: list[str], note: str | None = None) -> list[str]:
    """What is removed in order, of a host with these paths in the directories that are looked into."""
    role = Role("reset", __reset_found={"stdout_lines": paths},
                __reset_note={"msg": "File not found"} if note is None
                else {"content": base64.b64encode(note.encode()).decode()})
    return role.render(task(RESET, "Remove files of Flannel and of this collection")["loop"])


ALWAYS = removed([])


def test_a_host_in_no_cluster_keeps_what_is_others():
    theirs = [*RESULTS[2:], "/etc/kubernetes/patches/mine.yaml"]
    assert removed(theirs) == ALWAYS
    for path in (*theirs, "/var/lib/cni/networks/bridge/10.4.0.5", "/etc/kubernetes/patches"):
        assert not any(f"{path}/".startswith(f"{gone}/") for gone in ALWAYS), path


def test_of_the_cni_plugins_notes_those_of_flannel_s_network_go():
    # the one that tells of the other comes last
    assert removed(RESULTS)[len(ALWAYS):] == [RESULTS[1], RESULTS[0]]
    assert {"/var/lib/cni/networks/cbr0", "/var/lib/cni/flannel"} <= set(ALWAYS)
    assert removed(RESULTS[1:]) == ALWAYS


DIRECTORY = "/etc/kubernetes/patches"


@pytest.mark.parametrize(("names", "gone"), [
    # nothing else is there
    ([*PATCHES, ".podpath", ".podpath-kubelet"], [*PATCHES, ""]),
    ([*PATCHES, ".podpath", ".podpath-restart", "mine.yaml"], [*PATCHES, ".podpath-restart", ".podpath"]),
    # a reset that was cut off
    ([".podpath"], [""]), ([PATCHES[1], ".podpath", "mine.yaml"], [PATCHES[1], ".podpath"]),
])
def test_patches_go_that_the_role_wrote_and_their_directory_with_the_last(names, gone):
    note = "".join(f"{name}\n" for name in PATCHES)
    paths = removed([f"{DIRECTORY}/{name}" for name in names], note)[len(ALWAYS):]
    assert paths == [f"{DIRECTORY}/{name}".rstrip("/") for name in gone]


def test_a_note_names_no_path_elsewhere():
    assert removed([f"{DIRECTORY}/.podpath", f"{DIRECTORY}/mine.yaml"], "../admin.conf\n/etc/passwd\n")[
        len(ALWAYS):] == [f"{DIRECTORY}/.podpath"]


def test_where_others_have_files_the_role_looks_first():
    look = task(RESET, "Look for files among which there may be those of others")["ansible.builtin.command"]
    assert Role("reset").render(look["argv"])[:3] == ["find", "/var/lib/cni/results", DIRECTORY]
    written = Role("kubeadm_patches").render("{{ [__kubeadm_patches_note, __kubeadm_patches_gone, "
                                             "__kubeadm_patches_pending] }}")
    assert sorted(written) == sorted(f"{DIRECTORY}/{name}" for name in leftovers.NOTES)
    chains = [item for item in load(RESET) if "podpath.kubeadm.packet_filter_chains" in item]
    assert Role("reset").render(chains[0]["podpath.kubeadm.packet_filter_chains"]) == {"cni_networks": ["cbr0"]}
