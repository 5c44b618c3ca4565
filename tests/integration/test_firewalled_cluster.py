# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole cluster whose hosts each have another firewall that lets in SSH only, from bare hosts to the proof.

Its API server listens at another port than kubeadm's own, so that nothing passes that takes the port for granted.
"""

from __future__ import annotations

import firewalls
import pytest

import conftest

pytestmark = pytest.mark.long

TOOLS = {"controlplane": "firewalld", "node-1": "ufw", "node-2": "nftables"}
# what a boot does: each tool loads its own files
RELOAD = {"ufw": "ufw disable && ufw --force enable", "nftables": "systemctl restart nftables",
          "firewalld": "systemctl restart firewalld && firewall-cmd --state"}


@pytest.fixture(scope="module")
def walled():
    with conftest.lab_of("walled") as lab:
        for name, tool in TOOLS.items():
            firewalls.install(lab, name, tool)
        yield lab


def everything_passes(lab) -> None:
    ran, paths = lab.paths()
    assert ran.rc == 0, ran.output
    assert len(paths["pods"]["pairs"]) == 9
    assert {pair["verdict"] for pair in paths["pods"]["pairs"]} == {"pass"}


def test_a_cluster_comes_up_and_its_paths_pass(walled):
    ran = walled.play("site.yml")
    assert ran.rc == 0, ran.output
    everything_passes(walled)


def test_everybody_asks_the_api_server_at_the_port_where_it_was_told_to_listen(walled):
    listening = walled.node("controlplane", "ss --no-header --listening --tcp --numeric")
    assert ":7443 " in listening
    assert ":6443 " not in listening
    opened = walled.node("controlplane", "firewall-cmd --list-all-zones")
    assert "7443" in opened
    assert "6443" not in opened
    assert "server: https://192.168.77.10:7443" in walled.node("node-1", "cat /etc/kubernetes/kubelet.conf")
    assert "KUBERNETES_SERVICE_PORT=7443\n" in walled.node(
        "node-2", "tr '\\0' '\\n' < /proc/$(pidof flanneld)/environ | sort --unique")


def test_second_run_changes_nothing(walled):
    ran = walled.play("site.yml")
    assert (ran.rc, ran.changed) == (0, {}), ran.output


def test_paths_pass_after_every_firewall_was_loaded_anew(walled):
    for name, tool in TOOLS.items():
        walled.node(name, RELOAD[tool])
    ran = walled.play("site.yml")
    assert (ran.rc, ran.changed) == (0, {}), ran.output
    everything_passes(walled)


def test_a_port_closed_by_hand_is_seen_by_the_proof_and_opened_by_the_next_run(walled):
    walled.node("node-1", "ufw delete allow proto udp from 192.168.77.0/24 to any port 8472")
    ran, paths = walled.paths()
    assert ran.rc != 0
    failed = {(pair["source"]["node"], pair["destination"]["node"]) for pair in paths["pods"]["pairs"]
              if pair["verdict"] == "fail"}
    assert failed, "established flows hide it?"
    assert all("node-1" in pair and pair[0] != pair[1] for pair in failed), failed
    ran = walled.play("site.yml")
    assert ran.rc == 0, ran.output
    assert ran.changed == {"node-1": {"Open it in ufw"}}
    everything_passes(walled)


def test_a_reset_leaves_the_firewalls_and_locks_nobody_out(walled):
    def rules() -> dict[str, str]:
        return {"node-1": walled.node("node-1", "ufw status numbered"),
                "controlplane": walled.node("controlplane", "firewall-cmd --list-all-zones"),
                "node-2": walled.node("node-2", "nft list table inet host")}

    before = rules()
    ran = walled.play("playbooks/reset.yml", reset_confirm="controlplane,node-1,node-2")
    assert ran.rc == 0, ran.output
    assert rules() == before
    for name in TOOLS:
        assert walled.node(name, "ls /var/lib/etcd 2>/dev/null || true") == ""
        assert "KUBE-" not in walled.node(name, "iptables-save; nft list ruleset")
    # over SSH, as every run
    ran = walled.play("site.yml")
    assert ran.rc == 0, ran.output
    assert {"Run kubeadm init", "Run kubeadm join"} <= set().union(*ran.changed.values())
    everything_passes(walled)
