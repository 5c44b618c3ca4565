# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which versions go together: kubelet and kubeadm with the API server, containerd with Kubernetes. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# the first that reads kubeadm.k8s.io/v1beta4
OLDEST_KUBEADM = (1, 31)
# how many minor versions a kubelet may be behind the API server
KUBELET_LAG = 3
# from a minor version of Kubernetes on, the containerd that it needs: CRI v1 is spoken since 1.6, and Kubernetes 1.37
# asks for what only containerd 2 answers
CONTAINERD_SINCE = {(1, 26): (1, 6, 0), (1, 37): (2, 0, 0)}


class VersionError(ValueError):
    """A version cannot be read. The text says what was expected."""


class Version(NamedTuple):
    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return ".".join(map(str, self))

    @property
    def line(self) -> tuple[int, int]:
        """Major and minor: what Kubernetes counts skew in."""
        return self.major, self.minor


def parse(text: Any) -> Version:
    """Of 1.37.2, v1.37.2 and a distribution's 1:1.6.20~ds1-1 the three numbers."""
    text = str(text)
    found = re.match(r"(?:\d+:)?v?(\d+)\.(\d+)\.(\d+)", text)
    if not found:
        raise VersionError(f"{text!r} is no version; a version has three numbers, such as 1.37.2")
    return Version(*map(int, found.groups()))


def kubernetes_problem(version: Any) -> str:
    """What is wrong with kubernetes_version as somebody wrote it, if anything: YAML makes a number of a bare 1.37."""
    if re.fullmatch(r"\d+\.\d+\.\d+", str(version)):
        return ""
    found = "empty" if version in (None, "") else version
    return f'kubernetes_version is {found}; it has three numbers and no v: write it in quotes, such as "1.37.2".'


def api_server_version(manifest: str) -> str:
    """The version of the API server in kubeadm's kube-apiserver.yaml; empty where its image has no such tag."""
    found = re.search(r"image:\s*[\"']?\S*/kube-apiserver:v(\d+\.\d+\.\d+[^\s\"'@]*)", manifest)
    return found[1] if found else ""


def api_server_versions(hosts: Sequence[str], manifests: Sequence[str], planned: Sequence[str]) -> dict[str, str]:
    """Each control plane's API server: the version that runs, or where none does the one that is going to."""
    return {
        host: api_server_version(manifest) or version
        for host, manifest, version in zip(hosts, manifests, planned, strict=True)
    }


def skew_problems(
    host: str, wanted: Any, *, api_servers: Mapping[str, str] | None = None, running: str = ""
) -> list[str]:
    """Why `host` cannot be a node with kubernetes_version `wanted`, a sentence each.

    `api_servers` are the control planes that run, or will run, and their versions; `running` is the kubelet's version
    where the host is a node already.
    """
    if problem := kubernetes_problem(wanted):
        return [f"{host}: {problem}"]
    version = parse(wanted)
    if version.line < OLDEST_KUBEADM:
        oldest = ".".join(map(str, OLDEST_KUBEADM))
        return [
            f"{host}: kubernetes_version is {wanted}, but kubeadm is configured by v1beta4, which it reads since "
            f"{oldest}. Set kubernetes_version to {oldest} or later."
        ]
    if running:
        if running == wanted:
            return []
        return [
            f"{host} is a node of a cluster with kubelet {running}, but kubernetes_version is {wanted}. This "
            "playbook does not upgrade: a cluster is upgraded node by node, the control plane first. Set "
            "kubernetes_version to what the cluster runs."
        ]
    problems = []
    for name, found in sorted((api_servers or {}).items()):
        server = parse(found)
        lag = server.minor - version.minor if server.major == version.major else KUBELET_LAG + 1
        there = f"the API server of {name} is {server}"
        if version > server:
            why = "a kubelet may not be newer than the API server. Upgrade the control plane first, or set"
        elif lag > KUBELET_LAG:
            why = f"a kubelet may be at most {KUBELET_LAG} minor versions older than the API server. Set"
        elif version.line != server.line:
            why = "kubeadm, which comes with it, must be of the cluster's own minor version to join a host. Set"
        else:
            continue
        problems.append(
            f"{host}: kubernetes_version is {wanted}, but {there}, and {why} kubernetes_version to {server} for {host}."
        )
    return problems


def needed_containerd(kubernetes: str) -> Version:
    """The oldest containerd that works with a version of Kubernetes."""
    line = parse(kubernetes).line
    return Version(*max((needs for since, needs in CONTAINERD_SINCE.items() if since <= line), default=(1, 0, 0)))
