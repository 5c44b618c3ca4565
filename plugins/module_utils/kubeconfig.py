# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""To which cluster a kubeconfig leads. Pure: the file's text in, names and sentences out, and never a key of it.

One CA is one cluster: servers may be written in several ways, so they are told and not compared.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import yaml

# what the whole collection takes for the path
VARIABLE = "control_plane_kubeconfig"
# the user in the file that kubeadm makes for the administrator
_ADMIN = "kubernetes-admin"
_NONE = "it is no kubeconfig with a cluster and a server in it"


class KubeconfigError(ValueError):
    """A kubeconfig cannot be read. The text never quotes it, as it may hold a key."""


def digests(pem: bytes) -> set[str]:
    """A digest for each certificate; while a CA is replaced, a file may hold the old and the new one."""
    certificates = re.findall(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", pem, re.DOTALL)
    return {hashlib.sha256(b"".join(item.split())).hexdigest() for item in certificates or [pem] if item}


def _read(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise KubeconfigError(_NONE) from None


def _cluster(config: Any) -> tuple[str, set[str]]:
    try:
        cluster = config["clusters"][0]["cluster"]
        return str(cluster["server"]), digests(base64.b64decode(cluster.get("certificate-authority-data") or ""))
    except (TypeError, AttributeError, LookupError, ValueError):
        raise KubeconfigError(_NONE) from None


def cluster_of(text: str) -> tuple[str, set[str]]:
    """Server and CA of a kubeconfig's only or first cluster; no CA where it is in a file. Nothing of it is secret."""
    return _cluster(_read(text))


def _names(config: Any, kind: str) -> list[str]:
    try:
        return [str(entry["name"]) for entry in config.get(kind) or ()]
    except (TypeError, AttributeError, LookupError):
        raise KubeconfigError(f"its {kind} cannot be read") from None


def _counts(config: Any) -> dict[str, int]:
    return {kind: len(_names(config, kind)) for kind in ("contexts", "clusters", "users")}


def is_of(text: str, authority: str) -> bool:
    """Whether all of a kubeconfig is of the cluster with this CA (PEM), so that nothing is lost where it goes."""
    try:
        config = _read(text)
        return max(_counts(config).values()) < 2 and bool(_cluster(config)[1] & digests(authority.encode()))
    except KubeconfigError:
        return False


def verdict(text: str, path: str, host: str, authority: str, comes: bool, made: bool) -> dict[str, str]:
    """What is to be made of the kubeconfig that lies at `path`, by the CA (PEM) of the control plane `host`.

    `comes`: this run makes or looks at the control plane and brings its kubeconfig; `made`: there is a cluster already.
    `problem` refuses the file, as it is somebody else's or this run would work on another cluster; `other` says of
    which cluster a file is that this run replaces, and that nobody may ask until then.
    """

    def found(problem: str = "", other: str = "") -> dict[str, str]:
        return {"problem": problem, "other": other}

    where = f"{path} on the controller ({VARIABLE})"
    cure = f"Give the path of a file of this cluster's own as {VARIABLE}, or move this one away"
    try:
        config = _read(text)
        server, its_authority = _cluster(config)
        counts = _counts(config)
        (user, *_) = _names(config, "users") or [""]
    except KubeconfigError as error:
        return found(f"{where} cannot be used: {error}. {cure}.")
    if max(counts.values()) > 1:
        said = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        return found(
            f"{where} holds {said}. It has to be of this cluster alone, as it is written and removed as a whole. "
            f"{cure}."
        )
    if its_authority & digests(authority.encode()) or (not authority and (made or not comes)):
        return found()
    if not comes:
        return found(
            f"{where} leads to another cluster, {server} with another CA than that of {host}, and this run would go on "
            f"with that one. {cure}: where none is, the run brings that of {host}."
        )
    if user != _ADMIN:
        return found(
            f"{where} leads to another cluster, {server}, and its user {user} is not the one of a file that kubeadm "
            f"made. It would be replaced by that of {host}. {cure}."
        )
    return found(
        other=f"{where} leads to another cluster, {server}. It is not asked, and replaced by the file of {host}."
    )
