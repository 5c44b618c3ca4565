# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DirectRouting with one node behind a router: who is on one link goes direct, all others through vxlan."""

from __future__ import annotations

import itertools
import json

import echo_pods
import pytest

import conftest

pytestmark = pytest.mark.long

NEAR, FAR = ("controlplane", "node-1"), "node-2"
NODES = (*NEAR, FAR)
ADDRESS = {"controlplane": "192.168.75.10", "node-1": "192.168.75.11", "node-2": "192.168.76.12"}


@pytest.fixture(scope="module")
def routed():
    with conftest.lab_of("router") as lab:
        ran = lab.play("site.yml")
        assert ran.rc == 0, ran.output
        yield lab


def test_each_node_is_where_the_inventory_says_and_this_machine_forwards_nothing(routed):
    for name in NODES:
        assert f"{ADDRESS[name]}/24" in routed.node(name, "ip -brief address show eth1")
    assert "via 192.168.75.3 dev eth1" in routed.node("node-1", "ip route get 192.168.76.12")
    # two routers are between: the lab's counts as one, this machine would be another
    for route in json.loads(routed.node(FAR, "ip -json route show 192.168.75.0/24")):
        assert route["gateway"] == "192.168.76.3"


def test_second_run_changes_nothing(routed):
    ran = routed.play("site.yml")
    assert (ran.rc, ran.changed) == (0, {}), ran.output


def test_flannel_takes_the_link_where_there_is_one(routed):
    for name in NODES:
        routes = [route for route in json.loads(routed.node(name, "ip -json -4 route"))
                  if route["dst"].startswith("10.244.") and "gateway" in route]
        devices = {route["dev"] for route in routes}
        assert devices == ({"flannel.1"} if name == FAR else {"eth1", "flannel.1"}), (name, routes)


def test_the_proof_passes_and_shows_who_went_which_way(routed):
    ran, paths = routed.paths()
    assert ran.rc == 0, ran.output
    second = {}
    for pair in paths["pods"]["pairs"]:
        assert pair["verdict"] == "pass", pair
        ends = pair["source"]["node"], pair["destination"]["node"]
        if ends[0] != ends[1]:
            second[ends] = pair["expected"]["hops"][1]["role"]
            assert pair["hops"][1]["addresses"] == pair["expected"]["hops"][1]["addresses"]
    assert second == {ends: "flannel.1" if FAR in ends else "node" for ends in itertools.permutations(NODES, 2)}
    rows = {(row["source"], row["destination"]): row for row in paths["nodes"]["paths"] if row["kind"] == "node"}
    assert {row["verdict"] for row in rows.values()} == {"pass"}
    assert "through router 192.168.75.3" in rows["node-1", FAR]["reason"]
    assert "through router 192.168.76.3" in rows[FAR, "node-1"]["reason"]
    assert rows["controlplane", "node-1"]["reason"] == "One hop by eth1."


def test_programs_in_pods_reach_each_other_too(routed):
    echo_pods.start(routed)
    pods = echo_pods.addresses(routed)
    for source, node in itertools.product(NODES, NODES):
        assert echo_pods.asked(routed, source, pods[node][0]) == node


def test_host_gw_needs_one_link_and_says_so(routed):
    ran = routed.play("site.yml", flannel_backend="host-gw", flannel_direct_routing=False,
                      flannel_allow_backend_change=True)
    said = " ".join(ran.output.split())
    assert ran.rc != 0
    assert ran.changed == {}
    assert "flannel_backend is host-gw, but the nodes are in several networks" in said
    assert "192.168.75.0/24: controlplane, node-1" in said
    assert "192.168.76.0/24: node-2" in said
