# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's objects from a dictionary, and a run whose probes see what a test says.

What the real prober does with a cluster is tested with it (test_prober); here only its outcome matters.
"""

from __future__ import annotations

from collections import Counter

from path_samples import output

from ansible_collections.podpath.kubeadm.plugins.module_utils import observation, prober, topology, trace
from ansible_collections.podpath.kubeadm.plugins.module_utils.paths import Paths

SERVER = "https://192.168.56.10:6443"


class Objects:
    """A cluster that can only be looked at."""

    server = SERVER

    def __init__(self, nodes, config_map=None, flannel_pods=None, error=None):
        self.requests = Counter()
        self._nodes, self._config_map, self._flannel_pods, self._error = nodes, config_map, flannel_pods, error

    def list_nodes(self):
        if self._error:
            raise self._error
        return self._nodes

    def flannel_config_map(self):
        return self._config_map

    def flannel_pods(self):
        return self._flannel_pods


class Probes:
    """Stands for prober.run. ``backend``: how packets really go, whatever the nodes say; ``traces`` and ``seen``: what
    is seen instead of a healthy path, by (source, destination); ``stated``: paths that are others than Flannel's;
    ``changes``: of the whole outcome."""

    def __init__(self, nodes, links=None, traces=None, seen=None, control=None, stated=None, **changes):
        self._nodes = topology.parse_nodes(nodes)
        self._stated = stated
        self._links, self._control = links, control
        self._traces, self._seen, self._changes = traces or {}, seen or {}, changes
        self.work = self.settings = None

    def __call__(self, cluster, settings, work, progress, guard):
        self.work, self.settings = work, settings
        outcome = prober.Outcome(method="shell", requests={"list": 1}, timings={"start": 1.0})
        pods = {}
        for role, node in work.wanted:
            ips = {
                family: side.bridge_ip[:-1] + ("2" if role == "prober" else "3")
                for family in topology.FAMILIES
                if (side := self._nodes[node].side(family)).bridge_ip
            }
            outcome.ends[(role, node)] = observation.End(f"podpath-{settings.run_id}-{role}-{node}", ips)
            if role == "peer":
                pods |= {(node, family): address for family, address in ips.items()}
        found = Paths(self._nodes, self._links, pods, self._stated)
        for source, probes in work.probes.items():
            for probe in probes:
                key = (source, probe.destination, probe.family)
                outcome.observations[key] = self._observe(found, key, pods)
        probers = [(node, end) for (role, node), end in outcome.ends.items() if role == "prober"]
        for control in work.carried({(node, family) for node, end in probers for family in end.ips}):
            first = self._nodes[control.source].side(control.family).bridge_ip
            text = self._control or output(control.address, first, None, None)
            outcome.controls.append(
                observation.ControlSeen(
                    control.family, control.source, control.destination, control.address, trace.parse(text)
                )
            )
        for name, value in self._changes.items():
            setattr(outcome, name, value)
        return outcome

    def _observe(self, found, key, pods):
        source, destination, family = key
        told = self._traces.get((source, destination))
        if isinstance(told, str):
            told = told.replace("POD", pods[(destination, family)])
        else:
            hops = [hop.addresses[0] if hop.addresses else None for hop in found.expected(*key).hops]
            told = output(hops[-1], *hops)
        more = self._seen.get((source, destination), {})
        return observation.Observation(**{"trace": trace.parse(told), **more})
