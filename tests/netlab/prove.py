# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's own proof, run against a world. Only the API server is a stand-in."""

from __future__ import annotations

import secrets
from typing import Any

from cluster import NetlabCluster
from world import World

from ansible_collections.podpath.kubeadm.plugins.module_utils import plan, proof

BUSYBOX = "busybox"
PYTHON = "python"


def prove(world: World, restricted: bool = False, wanted: plan.Wanted | None = None, **request: Any) -> dict[str, Any]:
    """The result as the module returns it. ``request``: see proof.Request."""
    asked = {
        "image": BUSYBOX,
        "agent_image": PYTHON,
        "wait_timeout": 60,
        "cluster_networks": world.cluster_networks(),
        "wanted": wanted or plan.Wanted(),
        "underlay": world.underlay(),
        **request,
    }
    run = proof.Proof(NetlabCluster(world, restricted), proof.Request(**asked), run_id=secrets.token_hex(4), seed=1)
    run.look()
    # no guard: it would take signals, which only a main thread may
    run.run()
    _failed, document = run.conclude()
    return document


def pairs(document: dict[str, Any], family: str = "ipv4") -> dict[tuple[str, str], dict[str, Any]]:
    """The pairs of a result by their ends."""
    return {
        (pair["source"]["node"], pair["destination"]["node"]): pair
        for pair in document["pairs"]
        if pair["family"] == family
    }


def matrix(document: dict[str, Any]) -> str:
    """All that did not pass and why, for the reader of a failed test."""
    lines = [
        f"{pair['source']['node']} -> {pair['destination']['node']} {pair['family']}: {pair['verdict']} "
        f"{pair['rule']}: {pair['reason']} "
        + " | ".join(f"{hop['ttl']} {','.join(hop['addresses']) or '*'}{''.join(hop['notes'])}" for hop in pair["hops"])
        for pair in document["pairs"]
        if pair["verdict"] != "pass"
    ]
    lines += [
        f"diagnosis {entry['fault']} {entry.get('nodes')} {entry.get('confidence')}: {entry['title']}"
        for entry in document["diagnosis"]
    ]
    lines += [f"preflight {finding['rule']} {finding['nodes']}" for finding in document["preflight"]]
    return "\n".join([document["msg"], *lines])
