# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that the rule of a single pair already tells: routes, gateways, filters that answer, pods, the underlay, MTU.

Pure. The table of rules stands in faults.py; here is decided which node it is, and pairs of one node become one fault.
"""

from __future__ import annotations

from ansible_collections.podpath.kubeadm.plugins.module_utils.diagnosis_case import (
    Diagnosis,
    Evidence,
    made,
    ranked,
    reasons,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.faults import (
    BOTH,
    CERTAIN,
    CONFIDENCES,
    LIKELY,
    LIKELY_ALONE,
    POSSIBLE,
    SIGNATURES,
    SOURCE,
    Signature,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.legs import Legs, suspects
from ansible_collections.podpath.kubeadm.plugins.module_utils.result import Broken
from ansible_collections.podpath.kubeadm.plugins.module_utils.tunnels import TUNNELS


def _by_source_or_destination(legs: Legs, at_source: Legs) -> dict[tuple[str, ...], Legs]:
    """Those of ``at_source`` by their source, the others by their destination."""
    found = (legs & at_source).by_source()
    for node, own in (legs - at_source).by_destination().items():
        found[node] = found[node] | own if node in found else own
    return _alone(found)


def _alone(by_node: dict[str, Legs]) -> dict[tuple[str, ...], Legs]:
    return {(node,): legs for node, legs in by_node.items()}


def _by_nodes(signature: Signature, broken: Broken, legs: Legs) -> dict[tuple[str, ...], Legs]:
    """Pairs by the node at which the fault lies; by both where it may be either."""
    if signature.fault == "filter-rejects":
        # the node that said no: the source where its own cni0 did
        return _by_source_or_destination(legs, broken.refused)
    if signature.fault == "probe-filter":
        # before all that would answer: the source where not even its own cni0 did
        return _by_source_or_destination(legs, broken.unanswered)
    if signature.fault == "answers-limited":
        # the node whose answers were lost: the source where its own cni0 is silent
        return _by_source_or_destination(legs, broken.mute)
    if signature.end == BOTH:
        return suspects(legs)
    return _alone(legs.by_source() if signature.end == SOURCE else legs.by_destination())


def _fault(evidence: Evidence, signature: Signature, node: str) -> str:
    """What a signature means at a node. A backend without a tunnel has no DirectRouting: one there is left over."""
    if signature.fault == "direct-routing" and evidence.backend(node) not in TUNNELS:
        return "tunnel-left"
    return signature.fault


# The kernel answers a burst of six to each prober, so that a few traces can lose a hop to its limit, not all.
_FEWEST_SILENT = 2
_ERRORS_FILTERED = (("errors-filter", LIKELY), ("answers-limited", POSSIBLE))


def _never_answers(evidence: Evidence, node: str, legs: Legs) -> bool:
    """Whether a node's hop is missing in each trace past it, of its own pods and of others, in a family of ``legs``."""
    broken = evidence.tally.broken.get("silent-hop")
    if broken is None:
        return False
    silent = (broken.mute.outgoing(node) | broken.hidden.incoming(node)) & broken.legs
    if len(silent) < _FEWEST_SILENT or silent & evidence.tally.lossy:
        return False
    return all(
        len(silent.in_families(family)) == evidence.tally.crossing[node, family] for family in legs.families()
    )


def _without_answers(evidence: Evidence, node: str, confidence: str, legs: Legs) -> list[Diagnosis]:
    """Hops of a node that are missing: to the kernel's limit, which spares some, or to a filter, which spares none."""
    told = reasons(evidence, legs)
    if not _never_answers(evidence, node, legs):
        return [made(evidence, "answers-limited", confidence, [node], legs, told, fails=False)]
    spared = ", though no echo is lost" if node in evidence.tally.echoes else ""
    told = [f"{node} shows itself in none of the traces past it{spared}.", *told]
    return ranked(evidence, _ERRORS_FILTERED, [node], legs, told, fails=False)


def from_rules(evidence: Evidence, lossy: Legs) -> list[Diagnosis]:
    """The faults that the rules of pairs are signatures of, each once for a node. ``lossy``: pairs that loss explains,
    so that the kernel's limit is not accused of their silent hops."""
    groups: dict[tuple[str, tuple[str, ...]], tuple[str, Legs, bool]] = {}
    for rule, signatures in SIGNATURES.items():
        broken = evidence.tally.broken.get(rule)
        if broken is None:
            continue
        for signature in signatures:
            legs = broken.legs - lossy if signature.fault == "answers-limited" else broken.legs
            for nodes, own in _by_nodes(signature, broken, legs).items():
                fault = _fault(evidence, signature, nodes[0])
                known = groups.get((fault, nodes), (signature.confidence, evidence.tally.none(), False))
                confidence = min(known[0], signature.confidence, key=CONFIDENCES.index)
                fails = known[2] or bool(own & broken.failed)
                groups[fault, nodes] = confidence, known[1] | own, fails
    found = []
    for (fault, nodes), (confidence, legs, fails) in groups.items():
        if fault == "answers-limited":
            found += _without_answers(evidence, nodes[0], confidence, legs)
            continue
        doubted = confidence == CERTAIN and fault in LIKELY_ALONE and len(legs) == 1
        told = reasons(evidence, legs)
        confidence = LIKELY if doubted else confidence
        found.append(made(evidence, fault, confidence, nodes, legs, told, fails=fails, either=len(nodes) > 1))
    return found
