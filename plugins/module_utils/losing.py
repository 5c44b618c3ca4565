# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run loses while it probes: pods that are evicted or deleted, nodes that go away. Times are seconds.

A trace to a peer that is not there any more looks like a broken path. So all pods are looked at once more when all have
been heard; the nodes only where something is amiss.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from ansible_collections.podpath.kubeadm.plugins.module_utils import pods
from ansible_collections.podpath.kubeadm.plugins.module_utils.api import patiently
from ansible_collections.podpath.kubeadm.plugins.module_utils.cluster import Cluster
from ansible_collections.podpath.kubeadm.plugins.module_utils.errands import Outcome, Work
from ansible_collections.podpath.kubeadm.plugins.module_utils.pods import READER, Settings
from ansible_collections.podpath.kubeadm.plugins.module_utils.starting import Started
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import parse_nodes

POLL = 0.25
# A kubelet kills an evicted pod first, and tells the API then.
EVICTION_PATIENCE = 3


def note_losses(
    cluster: Cluster,
    settings: Settings,
    work: Work,
    started: Started,
    broken: Collection[tuple[str, str]],
    outcome: Outcome,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Fills ``lost`` and ``lost_nodes`` of the outcome. ``broken``: pods, by (role, node), that could not be heard."""
    end = clock() + EVICTION_PATIENCE
    while True:
        listed = patiently(lambda: cluster.list_pods(settings.namespace, settings.selector), clock, sleep)
        there = {pod["metadata"]["name"]: pod for pod in listed}
        for (role, node), state in started.running.items():
            why = pods.why_gone(there.get(state.name))
            if why and role != READER:
                outcome.lost[(role, node)] = f"The {role} on {node} {why.rstrip('.')}."
        if all(key in outcome.lost for key in broken) or clock() >= end:
            break
        sleep(POLL)
    if not outcome.lost and not broken and not started.problems:
        return
    objects = patiently(cluster.list_nodes, clock, sleep)
    known = parse_nodes(node for node in objects if node["metadata"]["name"] in work.placements)
    for name in work.placements:
        if name not in known:
            outcome.lost_nodes[name] = f"Node {name} was deleted while the proof ran."
        elif not known[name].ready:
            outcome.lost_nodes[name] = f"While the proof ran: {known[name].unusable}"
