# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sound worlds must pass whole."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from prove import matrix, pairs
from scenarios import SOUND, B, Scenario, Shown

from ansible_collections.podpath.kubeadm.plugins.module_utils import plan
from ansible_collections.podpath.kubeadm.plugins.module_utils.probing import refilled


@pytest.mark.parametrize("scenario", SOUND, ids=lambda one: one.name)
def test_a_sound_world_passes(scenario: Scenario, shown: dict[str, Future[Shown]]) -> None:
    seen = shown[scenario.name].result()
    if seen.unsupported:
        pytest.skip(seen.unsupported)
    document = seen.document
    assert document["verdict"] == "pass", matrix(document)
    families = len(scenario.made.get("families", ("ipv4",)))
    assert document["summary"]["pass"] == scenario.made.get("nodes", 3) ** 2 * families
    assert document["diagnosis"] == []
    assert document["residue"] == 0
    # what the unprivileged prober's packets are says the kernel, and the result
    icmp = scenario.made.get("ping_sockets", True)
    told = {(pair["protocol"], pair["evidence"]["echoes"]["protocol"]) for pair in document["pairs"]}
    assert told == {("icmp" if scenario.restricted and icmp else "udp", "icmp" if icmp else "udp")}
    if scenario.request.get("underlay_probe"):
        crossing = [pair["evidence"]["underlay"] for ends, pair in pairs(document).items() if ends[0] != ends[1]]
        assert {told["observed"] for told in crossing} == {not scenario.restricted}
        assert not scenario.restricted or "restricted" in crossing[0]["why"]


@pytest.mark.parametrize("scenario", [one for one in SOUND if one.name.startswith("lived-in")], ids=str)
def test_a_control_at_the_address_of_a_pod_is_followed_by_one_at_a_dead_address(
    scenario: Scenario, shown: dict[str, Future[Shown]]
) -> None:
    document = shown[scenario.name].result().document
    told = [(control["answered"], control["held"]) for control in document["control"]]
    networks = [control["address"].rpartition(".")[0] for control in document["control"]]
    assert told == [([f"{network}.254", f"{network}.218"], True) for network in networks]
    assert len(told) == 2


@pytest.mark.parametrize("scenario", [one for one in SOUND if one.name.startswith("first-errors-lost")], ids=str)
def test_a_silent_hop_that_only_lost_its_answers_is_seen_by_a_second_trace(
    scenario: Scenario, shown: dict[str, Future[Shown]]
) -> None:
    document = shown[scenario.name].result().document
    again = {ends for ends, pair in pairs(document).items() if pair["retraced"]}
    assert again, matrix(document)
    assert all(B in ends and ends != (B, B) for ends in again)
    # not before the bucket of errors is full
    assert document["timings"]["probe"] >= refilled(plan.Method())
