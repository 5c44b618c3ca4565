# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The most likely faults behind all pairs that did not pass. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import ServiceSeen
from ansible_collections.podpath.kubeadm.plugins.module_utils.preflight import Finding
from ansible_collections.podpath.kubeadm.plugins.module_utils.result import Tally
from ansible_collections.podpath.kubeadm.plugins.module_utils.topology import Node
from ansible_collections.podpath.kubeadm.plugins.module_utils.verdict import Record


@dataclass(frozen=True)
class Evidence:
    nodes: Mapping[str, Node]
    tally: Tally
    findings: Sequence[Finding]
    services: Sequence[ServiceSeen]
    record: Record


@dataclass(frozen=True)
class Diagnosis:
    fault: str
    title: str
    nodes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {"fault": self.fault, "title": self.title}


def diagnose(evidence: Evidence) -> list[Diagnosis]:
    return []


def blamed(found: Sequence[Diagnosis]) -> dict[str, str]:
    return {}
