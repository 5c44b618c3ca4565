# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each fault must be seen where it is, said by its rule, and named first by the diagnosis."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from prove import matrix, pairs
from scenarios import BROKEN, A, B, C, Scenario, Shown


@pytest.mark.parametrize("scenario", BROKEN, ids=str)
def test_a_fault_is_named(scenario: Scenario, shown: dict[str, Future[Shown]]) -> None:
    document = shown[scenario.name].result().document
    told = matrix(document)
    seen = {ends: (pair["verdict"], pair["rule"]) for ends, pair in pairs(document, scenario.family).items()}
    for ends, (verdict, rules) in scenario.pairs.items():
        assert seen[ends][0] == verdict, told
        assert seen[ends][1] in rules.split("|"), told
    other = {pair["verdict"] for pair in document["pairs"] if pair["family"] != scenario.family}
    assert other <= {"pass"}, told
    assert document["residue"] == 0
    if not scenario.fault:
        assert not document["diagnosis"], told
        return
    found = [entry for entry in document["diagnosis"] if entry["fault"] not in scenario.ahead]
    assert found, told
    assert found[0]["fault"] in scenario.fault.split("|"), told
    assert not scenario.nodes or sorted(found[0]["nodes"]) == sorted(scenario.nodes), told
    assert found[0]["evidence"], told
    assert found[0]["confirm"], told
    assert found[0]["cure"], told
    spoken = " ".join([found[0]["title"], *found[0]["confirm"], *found[0]["cure"]])
    assert all(words in spoken for words in scenario.tells), spoken


@pytest.mark.parametrize("scenario", [s for s in BROKEN if s.name == "vxlan-blocked-at-two-nodes"], ids=str)
def test_of_two_dead_nodes_each_is_named_and_no_other(scenario: Scenario, shown: dict[str, Future[Shown]]) -> None:
    document = shown[scenario.name].result().document
    assert {name for entry in document["diagnosis"] for name in entry["nodes"]} == {A, B}, matrix(document)
    assert {row["name"]: row["verdict"] for row in document["nodes"]} == {
        C: "pass", A: "fail", B: "fail", "node-3": "pass"
    }


@pytest.mark.parametrize("scenario", [s for s in BROKEN if s.name in ("answers-limited", "lossy")], ids=str)
def test_what_was_only_lost_is_no_broken_path(scenario: Scenario, shown: dict[str, Future[Shown]]) -> None:
    document = shown[scenario.name].result().document
    assert document["summary"]["fail"] == 0, matrix(document)
    # each is explained by one of the two, not by both
    explained = {entry["fault"] for entry in document["diagnosis"]} & {"answers-limited", "loss"}
    assert explained == {scenario.fault}, matrix(document)


@pytest.mark.parametrize("scenario", [s for s in BROKEN if s.name == "no-services"], ids=str)
def test_dead_services_are_no_pass(scenario: Scenario, shown: dict[str, Future[Shown]]) -> None:
    document = shown[scenario.name].result().document
    assert document["summary"]["pass"] == 9, matrix(document)
    assert document["verdict"] == "inconclusive"
    assert "Services lead nowhere" in document["msg"]


# of two controls, one goes with its prober
@pytest.mark.parametrize("scenario", [s for s in BROKEN if s.name not in ("no-services", "prober-evicted")], ids=str)
def test_a_dead_address_is_seen_as_dead_in_every_world(scenario: Scenario, shown: dict[str, Future[Shown]]) -> None:
    document = shown[scenario.name].result().document
    assert document["control"], matrix(document)
    assert all(control["held"] for control in document["control"]), document["control"]
