# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the proof: thin doors to the pure report in module_utils. Their documentation stands beside this file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.podpath.kubeadm.plugins.module_utils import (
    nodelayer,
    report,
    report_json,
    report_junit,
    report_markdown,
    report_text,
)
from ansible_collections.podpath.kubeadm.plugins.plugin_utils import output_files, report_html, terminal


def _of_this_version(document: Mapping[str, Any], name: str) -> None:
    version = document.get("schema_version", report.SCHEMA_VERSION)
    if version != report.SCHEMA_VERSION:
        raise AnsibleFilterError(
            f"{name} knows schema_version {report.SCHEMA_VERSION}, and this has {version!r}: it was made by another "
            "version of the collection, which can show it."
        )


def _checked(built: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(built, Mapping) or not isinstance(built.get("pods"), Mapping) or "matrix" not in built["pods"]:
        raise AnsibleFilterError(f"{name} needs what path_report returned.")
    _of_this_version(built, name)
    return built


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
    if isinstance(pod_result.get("pods"), Mapping):
        raise AnsibleFilterError("path_report was given a report; the other filters take it as it is.")
    _of_this_version(pod_result, "path_report")
    return report.build(pod_result, node_results, fail_on, check_mode)


def path_table(built: Mapping[str, Any], width: int | None = None, color: bool = False, where: str = "") -> list[str]:
    columns = terminal.width() if width is None else int(width)
    return report_text.lines(_checked(built, "path_table"), columns, color, where)


def path_json(built: Mapping[str, Any]) -> str:
    return report_json.text(_checked(built, "path_json"))


def path_junit(built: Mapping[str, Any]) -> str:
    return report_junit.text(_checked(built, "path_junit"))


def path_markdown(built: Mapping[str, Any], where: str = "") -> str:
    return report_markdown.text(_checked(built, "path_markdown"), where)


def path_html(built: Mapping[str, Any], where: str = "") -> str:
    return report_html.page(_checked(built, "path_html"), where)


def path_peers(hosts: Sequence[str], host: str, most: int) -> list[str]:
    return nodelayer.nearest(host, hosts, int(most))


def path_output_problems(wanted: Mapping[str, Any]) -> list[str]:
    if not isinstance(wanted, Mapping):
        raise AnsibleFilterError("path_output_problems needs a dictionary of variables and paths.")
    return output_files.problems(wanted)


def path_write_problem(written: Mapping[str, Any]) -> str:
    if not isinstance(written, Mapping) or "item" not in written:
        raise AnsibleFilterError("path_write_problem needs a result of a loop over files.")
    why = str(written.get("msg") or written.get("module_stderr") or "").strip().rstrip(".")
    return f"{written['item']['path']} could not be written{f': {why}' if why else ''}."


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "path_html": path_html,
            "path_json": path_json,
            "path_junit": path_junit,
            "path_markdown": path_markdown,
            "path_output_problems": path_output_problems,
            "path_peers": path_peers,
            "path_report": path_report,
            "path_table": path_table,
            "path_write_problem": path_write_problem,
        }
