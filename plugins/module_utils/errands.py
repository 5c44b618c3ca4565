# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run is to do, and what came of it: data between those who plan and judge and those who probe. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import (
    ControlSeen,
    End,
    Observation,
    ServiceSeen,
)
from ansible_collections.podpath.kubeadm.plugins.module_utils.plan import Probe
from ansible_collections.podpath.kubeadm.plugins.module_utils.pods import PEER, PROBER, READER
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import FAMILIES


@dataclass(frozen=True, slots=True)
class Control:
    """A trace from the prober on ``source`` to an address of ``destination``'s podCIDR that no pod has.

    The address plugin goes round, so any address may be that of somebody's pod: one that answers is followed by a trace
    to the next of ``spares``. ``start`` and ``port`` as in a Probe; ``max_ttl``: how many hops the way to a pod there
    has.
    """

    family: str
    source: str
    destination: str
    address: str
    start: int = 0
    port: int = 33434
    max_ttl: int = 3
    spares: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoutesAsked:
    """What a node is asked for its own routes: to which ``addresses``; ``own`` are the node's by family, to know its
    card by."""

    own: Mapping[str, Sequence[str]]
    addresses: Sequence[str]


@dataclass(frozen=True, slots=True)
class Work:
    """What a run is to do. ``placements``: for each node that gets pods, the part of a pod's spec that pins it there
    (pods.pin); ``probes``: what each source node's prober looks at; ``controls``: one for each prober and family, as
    nobody knows beforehand which of them will run; ``routes``: which nodes are asked for their own routes, by a pod on
    their network; ``families``: those that the run is of, as pods and Services may have addresses of others. All nodes
    of probes have a placement."""

    placements: Mapping[str, Mapping[str, Any]]
    probes: Mapping[str, Sequence[Probe]]
    controls: Sequence[Control] = ()
    routes: Mapping[str, RoutesAsked] = field(default_factory=dict)
    families: Sequence[str] = FAMILIES

    @property
    def wanted(self) -> list[tuple[str, str]]:
        """The pods that are needed, as (role, node): a prober on each source, a peer on each destination, and a reader
        where a node is asked for its routes."""
        sources = {source for source, probes in self.probes.items() if probes}
        sources |= {control.source for control in self.controls}
        destinations = {probe.destination for probes in self.probes.values() for probe in probes}
        return [
            (role, node)
            for node in self.placements
            for role, nodes in ((PROBER, sources), (PEER, destinations), (READER, self.routes))
            if node in nodes
        ]

    def carried(self, probers: Collection[tuple[str, str]]) -> list[Control]:
        """The controls that are traced: in each family those of the first and the last prober that run, so that one
        that breaks does not matter. ``probers``: those that run, as (node, family)."""
        able: dict[str, list[Control]] = {}
        for control in self.controls:
            if (control.source, control.family) in probers:
                able.setdefault(control.family, []).append(control)
        return [control for own in able.values() for control in dict.fromkeys((own[0], own[-1]))]

    @property
    def pairs(self) -> int:
        return sum(len(probes) for probes in self.probes.values())


@dataclass
class Outcome:
    """What came of a run, filled as it goes.

    ``observations`` by (source node, destination node, family); ``ends`` and ``problems`` (why there is no pod) by
    (role, node); ``lost``: what became of pods that ran and went away in mid-run, ``lost_nodes`` of nodes that did;
    ``no_service``: why there was no Service to connect to; ``underlay``: what nodes told of their own routes, as
    underlay.parse_hosts takes it, ``no_underlay``: why others that were asked did not; ``residue``: objects that are
    left, ``left``: the sentence for it; ``stopped``: why the run broke off, empty if it did not.
    """

    method: str = ""
    observations: dict[tuple[str, str, str], Observation] = field(default_factory=dict)
    ends: dict[tuple[str, str], End] = field(default_factory=dict)
    problems: dict[tuple[str, str], str] = field(default_factory=dict)
    lost: dict[tuple[str, str], str] = field(default_factory=dict)
    lost_nodes: dict[str, str] = field(default_factory=dict)
    controls: list[ControlSeen] = field(default_factory=list)
    services: list[ServiceSeen] = field(default_factory=list)
    no_service: str = ""
    underlay: dict[str, dict[str, Any]] = field(default_factory=dict)
    no_underlay: dict[str, str] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    residue: int = 0
    left: str = ""
    stopped: str = ""
