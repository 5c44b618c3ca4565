# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that the rule of a single pair already tells: routes, gateways, filters that answer, pods, the underlay, MTU.

Pure. The table of rules stands in faults.py; here is decided which node it is, and pairs of one node become one fault.
"""

from __future__ import annotations

from collections.abc import Collection

from ansible_collections.podpath.kubeadm.plugins.module_utils.diagnosis_case import (
    Diagnosis,
    Evidence,
    accuse,
    made,
    reasons,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.faults import (
    BOTH,
    CONFIDENCES,
    DESTINATION,
    SIGNATURES,
    SOURCE,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.judgement import FAIL
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Leg
from ansible_collections.podpath.kubeadm.plugins.module_utils.verdict import Judged


def _rejecter(evidence: Evidence, judged: Judged) -> str:
    """The node that said no: the source where its own cni0 did."""
    leg, trace = judged.leg, judged.observation.trace
    bridge = evidence.nodes[leg.source].side(leg.family).bridge_ip
    last = trace.hops[-1].addresses if trace else ()
    return leg.source if bridge in last else leg.destination


def _silent_router(judged: Judged) -> str:
    """The node whose answers were lost: the source where its own cni0 is silent."""
    leg, trace = judged.leg, judged.observation.trace
    return leg.destination if trace is None or trace.hops[0].addresses else leg.source


def from_rules(evidence: Evidence, lossy: Collection[Leg] = ()) -> list[Diagnosis]:
    """The faults that the rules of pairs are signatures of, each once for a node. ``lossy``: pairs that loss explains,
    so that the kernel's limit is not accused of their silent hops."""
    groups: dict[tuple[str, str], tuple[str, list[Judged]]] = {}
    for rule, signatures in SIGNATURES.items():
        judged = evidence.by_rule.get(rule, [])
        accused = accuse(one.leg for one in judged)
        for signature in signatures:
            for one in judged:
                if signature.fault == "answers-limited" and one.leg in lossy:
                    continue
                ends = {SOURCE: one.leg.source, DESTINATION: one.leg.destination, BOTH: accused[one.leg]}
                node = ends[signature.end]
                if signature.fault == "filter-rejects":
                    node = _rejecter(evidence, one)
                elif signature.fault == "answers-limited":
                    node = _silent_router(one)
                known, members = groups.setdefault((signature.fault, node), (signature.confidence, []))
                members.append(one)
                if CONFIDENCES.index(signature.confidence) < CONFIDENCES.index(known):
                    groups[(signature.fault, node)] = signature.confidence, members
    found = []
    for (fault, node), (confidence, judged) in groups.items():
        legs = dict.fromkeys(one.leg for one in judged)
        fails = any(one.judgement.verdict == FAIL for one in judged)
        found.append(made(evidence, fault, confidence, [node], legs, reasons(judged), fails=fails))
    return found
