# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the proof: thin doors to the pure report in module_utils. Their documentation stands beside this file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.podpath.kubeadm.plugins.module_utils import report


def path_report(
    pod_result: Mapping[str, Any],
    node_results: Mapping[str, Any] | None = None,
    fail_on: str = "inconclusive",
    check_mode: bool = False,
) -> dict[str, Any]:
    if not isinstance(pod_result, Mapping):
        raise AnsibleFilterError(
            f"path_report needs the result of pod_traceroute, a dictionary, not {type(pod_result)}."
        )
    return report.build(pod_result, node_results, fail_on, check_mode)


def path_table(built: Mapping[str, Any]) -> list[str]:
    if not isinstance(built, Mapping) or "pods" not in built:
        raise AnsibleFilterError("path_table needs what path_report returned.")
    return report.lines(built)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"path_report": path_report, "path_table": path_table}
