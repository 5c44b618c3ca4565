# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The most likely faults behind all pairs that did not pass.

Pure. What one trace leaves open, many together often decide: where every pair of one node is dead, the fault is that
node's; where every pair across nodes is, it lies between them all. Where packets cannot tell, the candidates stand
beside each other in the order in which they are met in practice, and that is said.

| where it is found   | faults                                                                                     |
|---------------------|--------------------------------------------------------------------------------------------|
| diagnosis_before.py | flannel-address, pod-network, backend, flannel-down, no-flannel, other-cni                 |
| diagnosis_rules.py  | all of SIGNATURES in faults.py, such as route-missing, filter-rejects, underlay, mtu,      |
|                     | errors-filter; and tunnel-left                                                             |
| diagnosis_lost.py   | forwarding-off, forward-filter, tunnel-blocked, tunnel-stale, network-drops, entry-missing |
| diagnosis_beside.py | loss, services-dead, control, no-control, pods-lost, node-missing, not-covered             |

What each is called, how to confirm it and how to mend it stands in faults.py, and diagnosis_case.py puts it into words.
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.podpath.kubeadm.plugins.module_utils.diagnosis_before import from_findings
from ansible_collections.podpath.kubeadm.plugins.module_utils.diagnosis_beside import (
    from_loss,
    from_services,
    from_the_rest,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.diagnosis_case import Diagnosis, Evidence, joined
from ansible_collections.podpath.kubeadm.plugins.module_utils.diagnosis_lost import from_silence
from ansible_collections.podpath.kubeadm.plugins.module_utils.diagnosis_rules import from_rules
from ansible_collections.podpath.kubeadm.plugins.module_utils.faults import CONFIDENCES, POSSIBLE

# all that a run needs of a diagnosis
__all__ = ["Diagnosis", "Evidence", "blamed", "diagnose"]


def diagnose(evidence: Evidence) -> list[Diagnosis]:
    """The faults that explain what did not pass, the most likely first: those that break pairs before those that leave
    them open, then by how sure they are, then by how many pairs they explain."""
    lossy = from_loss(evidence)
    explained = evidence.tally.none()
    for one in lossy:
        if one.confidence != POSSIBLE:
            explained = explained | one.legs
    found = [
        *from_findings(evidence),
        *from_silence(evidence, from_rules(evidence, explained)),
        *lossy,
        *from_services(evidence),
        *from_the_rest(evidence),
    ]
    found = joined(evidence, found)
    return sorted(found, key=lambda one: (not one.fails, CONFIDENCES.index(one.confidence), -len(one.legs)))


def blamed(found: Iterable[Diagnosis]) -> dict[str, str]:
    """The nodes at which a fault lies that is more than possible, with its title."""
    nodes: dict[str, str] = {}
    for one in found:
        if one.confidence != POSSIBLE:
            for node in one.nodes:
                nodes.setdefault(node, one.title)
    return nodes
