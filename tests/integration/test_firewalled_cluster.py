# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster whose nodes each have another firewall: it comes up, its paths are proved, a closed port is named."""

from __future__ import annotations

import itertools

import echo_pods
import firewalls
import pytest

import conftest

pytestmark = pytest.mark.long

TOOLS = {"controlplane": "firewalld", "node-1": "ufw", "node-2": "nftables"}
ADDRESS = {"controlplane": "192.168.77.10", "node-1": "192.168.77.11", "node-2": "192.168.77.12"}
VXLAN = "allow proto udp from 192.168.77.0/24 to any port 8472"


@pytest.fixture(scope="module")
def walled():
    with conftest.lab_of("walled") as lab:
        for name, tool in TOOLS.items():
            firewalls.install(lab, name, tool)
        ran = lab.play("site.yml", firewall_policy="open")
        assert ran.rc == 0, ran.output
        yield lab


def test_second_run_changes_nothing(walled):
    ran = walled.play("site.yml", firewall_policy="open")
    assert (ran.rc, ran.changed) == (0, {}), ran.output


def test_every_path_is_proved_and_services_answer(walled):
    ran, paths = walled.paths()
    assert ran.rc == 0, ran.output
    assert {pair["verdict"] for pair in paths["pods"]["pairs"]} == {"pass"}
    assert len(paths["pods"]["pairs"]) == 9
    echo_pods.start(walled)
    for source, address in itertools.product(TOOLS, echo_pods.services(walled)):
        assert {echo_pods.asked(walled, source, address, 80) for _ in range(4)} <= set(TOOLS)
    for name in TOOLS:
        # exec, and so the way from the API server to the kubelet
        assert echo_pods.asked(walled, name, echo_pods.addresses(walled)[name][0]) == name


def test_the_firewalls_are_still_there(walled):
    """What was not asked for is still shut, so the cluster did not come up because somebody turned them off."""
    assert walled.node("controlplane", "firewall-cmd --state").strip() == "running"
    assert "Status: active" in walled.node("node-1", "ufw status")
    assert "policy drop" in walled.node("node-2", "nft list chain inet host input")
    for name, sender in (("controlplane", "node-1"), ("node-1", "node-2"), ("node-2", "node-1")):
        walled.node(name, "systemd-run --quiet --collect --unit=stranger python3 -m http.server 9999")
        try:
            walled.node(name, "until curl --silent --output /dev/null http://127.0.0.1:9999/; do sleep 0.2; done")
            ask = f"curl --silent --max-time 3 --output /dev/null http://{ADDRESS[name]}:9999/"
            assert walled.node(sender, f"{ask} && echo open || echo shut").strip() == "shut", name
        finally:
            walled.node(name, "systemctl stop stranger")


def test_a_port_that_is_closed_is_named_by_the_run_and_seen_by_the_proof(walled):
    walled.node("node-1", f"ufw delete {VXLAN}")
    try:
        ran = walled.play("site.yml")
        _, paths = walled.paths(pod_paths_fail_on="never")
    finally:
        walled.node("node-1", f"ufw {VXLAN}")
    said = " ".join(ran.output.split())
    assert ran.rc != 0
    assert ran.changed == {}
    assert "node-1: ufw does not let in 8472/udp from" in said
    assert f"ufw {VXLAN}" in said
    failed = {(pair["source"]["node"], pair["destination"]["node"])
              for pair in paths["pods"]["pairs"] if pair["verdict"] == "fail"}
    assert failed == {pair for pair in itertools.permutations(TOOLS, 2) if "node-1" in pair}
    # opened again by hand, there is nothing left to name
    assert walled.play("site.yml").rc == 0
