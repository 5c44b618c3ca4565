# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that no trace shows: loss, Services, a control that did not fail or was not traced, nodes without a proof or
out of the cluster.

Pure.
"""

from __future__ import annotations

from ansible_collections.podpath.kubeadm.plugins.module_utils.diagnosis_case import (
    MOST_SENTENCES,
    Diagnosis,
    Evidence,
    made,
    reasons,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.faults import CERTAIN, LIKELY, POSSIBLE
from ansible_collections.podpath.kubeadm.plugins.module_utils.judgement import END_GONE, FAIL, PASS
from ansible_collections.podpath.kubeadm.plugins.module_utils.legs import suspects
from ansible_collections.podpath.kubeadm.plugins.module_utils.result import NODE_MISSING, SERVICES_DEAD
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import in_order, listed

# Rules of pairs whose pod was reached though a hop kept silent.
SILENT_HOPS = ("silent-hop", "late")
# Rules of pairs whose pod was reached, but that lose so much that a single connection may have come to grief by that.
_LOSSY = ("loss", "tcp-once")
# A node's packets tell of loss from so many lost ones on, and its echoes from such a part of all on; likely so from the
# second part on, or where so many are lost that chance is no explanation.
_FEWEST_LOST, _SLIGHT_LOSS, _LOSS, _MANY_LOST = 3, 0.05, 0.1, 5


def _is_told(sent: int, lost: int, quiet: int) -> bool:
    """Whether lost packets tell of loss. ``quiet``: traces that lack a hop."""
    return lost > 0 and lost + quiet >= _FEWEST_LOST and lost >= _SLIGHT_LOSS * sent


def _is_plain(sent: int, lost: int) -> bool:
    """Whether so many are lost that it is likely more than chance."""
    return lost > 0 and (lost >= _LOSS * sent or (lost >= _MANY_LOST and lost >= _SLIGHT_LOSS * sent))


def from_loss(evidence: Evidence) -> list[Diagnosis]:
    """Loss, from the echoes of all pairs of a node together, as those of a single pair are few.

    Hops that kept silent speak for it as well where echoes are lost, too, which no limit on ICMP errors touches.
    """
    judged, silent = evidence.rule("loss", "full-size-loss"), evidence.rule(*SILENT_HOPS)
    found = []
    for nodes, legs in suspects(evidence.tally.lossy | judged | silent).items():
        counted = [
            (node, kind, *table.get(node, (0, 0)))
            for node in nodes
            for kind, table in (("echoes", evidence.tally.echoes), ("packets of full size", evidence.tally.large))
        ]
        own = legs & judged
        quiet = len(silent & legs)
        if not own and not any(_is_told(sent, lost, quiet) for _node, _kind, sent, lost in counted):
            continue
        told = [
            f"{lost:,} of {sent:,} {kind} between {node} and other nodes were lost."
            for node, kind, sent, lost in counted
            if lost
        ]
        either = len(nodes) > 1
        if quiet and told:
            told.append(
                f"{quiet:,} of {'their' if either else 'its'} traces lack a hop, which the limit on ICMP errors alone "
                "would not explain."
            )
        plain = own or any(_is_plain(sent, lost) for _node, _kind, sent, lost in counted)
        told += reasons(evidence, own)
        confidence = LIKELY if plain else POSSIBLE
        found.append(made(evidence, "loss", confidence, nodes, legs, told, fails=False, either=either))
    return found


def from_services(evidence: Evidence) -> list[Diagnosis]:
    """Services that lead nowhere from nodes whose pods reach all others, by whatever way: where they do not, a Service
    may have chosen a pod that cannot be reached anyway."""
    tally = evidence.tally
    # where the control did not fail, an answer shows nothing
    heard = tally.heard - evidence.rule("control", "no-control")
    reaching = {name for name, counts in tally.outgoing.items() if counts[PASS]} | set(heard.sources())
    alive = reaching - set((tally.failed() | tally.unheard | evidence.rule(END_GONE)).sources())
    observed = [service for service in evidence.services if not service.unobserved]
    asked = {service.source for service in observed}
    failed = {service.source for service in observed if not service.connected and service.problem}
    dead = sorted(failed & alive, key=in_order)
    if not dead:
        return []
    everywhere = set(dead) == asked and len(dead) > 1
    problems = [
        f"From {service.source} to {service.address} port {service.port}: {service.problem}"
        for service in observed
        if service.source in dead and not service.connected
    ]
    where = "from any node" if everywhere else f"from {listed(dead)}"
    confidence = CERTAIN if everywhere else LIKELY
    lossy = set(evidence.rule(*_LOSSY).sources()) & set(dead)
    fails = bool(tally.counts[FAIL])
    if fails or lossy:
        confidence = POSSIBLE
    told = problems[:MOST_SENTENCES]
    return [made(evidence, SERVICES_DEAD, confidence, dead, None, told, where, fails=fails or not lossy)]


def from_the_rest(evidence: Evidence) -> list[Diagnosis]:
    """What was not looked at, or not in a way that proves anything."""
    found = []
    for fault in ("control", "no-control"):
        legs = evidence.rule(fault)
        if legs:
            found.append(made(evidence, fault, CERTAIN, [], legs, reasons(evidence, legs)[:1], fails=False))
    lost = evidence.rule(END_GONE)
    if lost:
        told = list(evidence.lost.values())[:MOST_SENTENCES]
        found.append(made(evidence, "pods-lost", CERTAIN, sorted(evidence.lost, key=in_order), lost, told, fails=False))
    # one that should be in the cluster is missed whether or not the plan has a pair of it
    for fault, absent in ((NODE_MISSING, True), ("not-covered", False)):
        skipped = {
            name: node.unusable for name, node in evidence.nodes.items() if node.unusable and node.absent == absent
        }
        legs, not_probed = evidence.tally.none(), evidence.rule("not-probed")
        for name in skipped:
            legs = legs | not_probed.of(name)
        if legs or (absent and skipped):
            told = list(skipped.values())[:MOST_SENTENCES]
            found.append(made(evidence, fault, CERTAIN, sorted(skipped, key=in_order), legs, told, fails=False))
    return found
