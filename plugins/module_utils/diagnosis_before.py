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
        legs = evidence.rule(*rules)
        if not legs:
            continue
        told = [finding.message for finding in findings[:MOST_SENTENCES]]
        loops = sum(len(evidence.tally.broken[rule].looped) for rule in rules if rule in evidence.tally.broken)
        if loops:
            told.append(f"{loops:,} traces come back to their own node's cni0 at each hop, a loop, as this makes them.")
        fails = any(finding.severity == FAIL for finding in findings)
        found.append(made(evidence, fault, CERTAIN, nodes, legs, told, fails=fails))
    return found
