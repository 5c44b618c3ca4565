# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be told of a variable's value before any host is looked at, a sentence each with what was found. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.podpath.kubeadm.plugins.module_utils import (
    addresses,
    containerd,
    firewall,
    flannel_manifest,
    proxy,
    versions,
)

# digits of a checksum, by algorithm
_DIGITS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}


def _networks(name: str, value: Sequence[str]) -> list[str]:
    problems = []
    for text in value:
        try:
            firewall.network(text)
        except firewall.FirewallError:
            problems.append(f"{name} holds {text}, which is no network or address; write one such as 192.168.56.0/24.")
    return problems


def _extra_ports(name: str, value: Sequence[Mapping[str, Any]]) -> list[str]:
    problems = []
    for entry in value:
        try:
            firewall.ports(entry["port"])
        except firewall.FirewallError:
            wanted = "a port or a range of ports, such as 6443 or 30000-32767"
            problems.append(f"{name} holds the port {entry['port']}; it must be {wanted}.")
        problems += _networks(name, entry.get("sources") or ())
    return problems


def _node_address(argument: str, value: Any) -> list[str]:
    if not value:
        return []
    try:
        addresses.wanted(**{argument: value})
    except addresses.AddressError as error:
        return [str(error)]
    return []


def _checksum(name: str, value: str, url: bool = False) -> list[str]:
    algorithm, _, digits = value.partition(":")
    if not value or (url and re.match(r"\w+://", digits)):
        return []
    if re.fullmatch(r"[0-9a-fA-F]+", digits) and len(digits) == _DIGITS.get(algorithm):
        return []
    return [f"{name} is {value}; it has the algorithm before it and is whole, such as sha256: and 64 digits."]


def _version(name: str, value: str, given: Mapping[str, Any]) -> list[str]:
    if name == "kubernetes_version":
        problem = versions.kubernetes_problem(value)
    elif name == "flannel_version":
        problem = flannel_manifest.version_problem(value)
    else:
        # the distribution decides by itself
        problem = "" if given.get("containerd_source") == "distribution" else containerd.version_problem(value)
    return [problem] if problem else []


def _files(name: str, value: Sequence[str], is_file: Callable[[str], bool]) -> list[str]:
    # where Ansible looks for a relative one depends on the playbook
    return [
        f"{name} has {path}, which is no file on the controller that can be read."
        for path in value
        if path.startswith("/") and not is_file(path)
    ]


def _same_names(name: str, value: Sequence[str]) -> list[str]:
    """Files that would take one another's place on a host, where each is named after its base name."""
    found: dict[str, list[str]] = {}
    for path in dict.fromkeys(value):
        found.setdefault(PurePath(path).stem, []).append(path)
    return [
        f"{name} has {' and '.join(paths)}, of which each host would keep only the last, as podpath-{stem}.crt. Give "
        "them different base names, or put them into one file."
        for stem, paths in found.items()
        if len(paths) > 1
    ]


def problems(
    name: str, value: Any, given: Mapping[str, Any], is_file: Callable[[str], bool] | None = None
) -> list[str]:
    """What is wrong with a value of the right type, `given` being all values of its host.

    Files of the controller are looked for with `is_file`, and not without it.
    """
    if value is None:
        return []
    if name in ("kubernetes_version", "containerd_version", "flannel_version"):
        return _version(name, value, given)
    if name in ("containerd_archive_checksum", "flannel_manifest_checksum"):
        return _checksum(name, value, url=name.startswith("containerd"))
    if name in ("firewall_api_sources", "firewall_node_port_sources", "firewall_node_sources"):
        return _networks(name, value)
    if name == "firewall_extra_ports":
        return _extra_ports(name, value)
    if name == "kubernetes_proxy":
        return proxy.problems(value)
    if name in (addresses.CIDR, addresses.EXPLICIT):
        return _node_address("cidr" if name == addresses.CIDR else "explicit", value)
    if name in ("control_plane_pod_cidr", "control_plane_service_cidr"):
        return addresses.own_network_problems(name, value)
    found = _same_names(name, value) if name == "kubernetes_ca_files" else []
    if is_file and name in ("kubernetes_ca_files", "flannel_manifest_ca_file"):
        found += _files(name, value if isinstance(value, list) else [value], is_file)
    return found


_KINDS = {
    "bool": "true or false",
    "dict": "a dictionary",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "path": "a path",
    "str": "text",
}


def _coerced(option: Mapping[str, Any], value: Any) -> tuple[bool, Any]:
    """Whether Ansible takes a value for an option, and what it makes of it."""
    result = ArgumentSpecValidator({"value": option}).validate({"value": value})
    return not result.error_messages, result.validated_parameters.get("value")


def _refused(where: str, option: Mapping[str, Any], value: Any, secret: bool) -> list[str]:
    """Which part of a value that Ansible does not take is to blame, and what belongs there."""
    kind = option.get("type", "str")
    inner = option.get("options") or {}

    def said(wanted: str) -> list[str]:
        found = value if isinstance(value, str) else json.dumps(value, default=str)
        return [f"{where} must be {wanted}." if secret else f"{where} is {found[:80]}; it must be {wanted}."]

    with_keys = f"a dictionary with {', '.join(inner)}" if inner else _KINDS["dict"]
    fits, plain = _coerced({"type": kind}, value)
    if not fits:
        return said(with_keys if kind == "dict" else _KINDS.get(kind, kind))
    if plain is None:
        return []
    if kind == "list":
        element = {key: item for key, item in option.items() if key not in ("type", "elements")}
        element["type"] = option.get("elements", "raw")
        bad = [(number, item) for number, item in enumerate(plain) if not _coerced(element, item)[0]]
        return [problem for number, item in bad for problem in _refused(f"{where}[{number}]", element, item, secret)]
    if "choices" in option and not _coerced({"type": kind, "choices": option["choices"]}, value)[0]:
        return said(f"one of {', '.join(map(str, option['choices']))}")
    if kind == "dict" and inner:
        if not isinstance(value, Mapping):
            return said(with_keys)
        needed = [key for key, entry in inner.items() if entry.get("required")]
        if not plain.keys() <= inner.keys() or not plain.keys() >= set(needed):
            needs = f" and needs {', '.join(needed)}" if needed else ""
            return [f"{where} has {', '.join(map(str, plain)) or 'nothing'}; it takes {', '.join(inner)}{needs}."]
        return [
            problem
            for key, item in plain.items()
            if not _coerced({**inner[key], "required": False}, item)[0]
            for problem in _refused(f"{where}.{key}", inner[key], item, secret)
        ]
    return []


def taken(name: str, option: Mapping[str, Any], value: Any) -> tuple[list[str], Any]:
    """Why an option of a role (of an argument_spec) does not take a value; else what becomes of the value.

    What is secret (no_log) is not quoted.
    """
    secret = bool(option.get("no_log"))
    option = {**option, "required": False, "no_log": False}
    fits, plain = _coerced(option, value)
    if fits:
        return [], plain
    return _refused(name, option, value, secret) or [f"{name} is not what its role describes."], None
