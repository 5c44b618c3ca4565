# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that were known before any packet was sent: Flannel's addresses, networks, backends and pods, other CNIs.

Pure. The table of preflight rules stands in faults.py; only findings that cost a pair its pass are told.
"""

from __future__ import annotations

from ansible_collections.podpath.kubeadm.plugins.module_utils.diagnosis_case import (
    MOST_SENTENCES,
    Diagnosis,
    Evidence,
    made,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.faults import CERTAIN, FOUND_BEFORE
from ansible_collections.podpath.kubeadm.plugins.module_utils.judgement import FAIL
from ansible_collections.podpath.kubeadm.plugins.module_utils.preflight import Finding
from ansible_collections.podpath.kubeadm.plugins.module_utils.verdict import Judged


def _loops(evidence: Evidence, judged: Judged) -> bool:
    trace, leg = judged.observation.trace, judged.leg
    bridge = evidence.nodes[leg.source].side(leg.family).bridge_ip
    return trace is not None and any(bridge in hop.addresses for hop in trace.hops[1:])


def from_findings(evidence: Evidence) -> list[Diagnosis]:
    """The faults of which preflight found signs, with the pairs that these decided."""
    found = []
    by_fault: dict[str, list[Finding]] = {}
    for finding in evidence.findings:
        if finding.rule in FOUND_BEFORE:
            by_fault.setdefault(FOUND_BEFORE[finding.rule], []).append(finding)
    for fault, findings in by_fault.items():
        rules = {finding.rule for finding in findings}
        nodes = list(dict.fromkeys(node for finding in findings for node in finding.nodes))
        judged = [one for rule in rules for one in evidence.by_rule.get(rule, ())]
        if not judged:
            continue
        told = [finding.message for finding in findings[:MOST_SENTENCES]]
        loops = sum(_loops(evidence, one) for one in judged)
        if loops:
            told.append(f"{loops} traces come back to their own node's cni0 at each hop, a loop, as this makes them.")
        fails = any(finding.severity == FAIL for finding in findings)
        found.append(made(evidence, fault, CERTAIN, nodes, (one.leg for one in judged), told, fails=fails))
    return found
