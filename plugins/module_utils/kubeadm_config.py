# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration files of kubeadm, built as data (kubeadm.k8s.io/v1beta4). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_API = "kubeadm.k8s.io/v1beta4"
_TOKEN = re.compile(r"--token\s+([a-z0-9]{6}\.[a-z0-9]{16})(?=\s|$)")
_HASH = re.compile(r"--discovery-token-ca-cert-hash\s+(sha256:[0-9a-f]{64})(?=\s|$)")
_ENDPOINT = re.compile(r"kubeadm join (\S+:\d+)(?=\s)")


class KubeadmError(ValueError):
    """kubeadm's answer is not what was expected. The text never quotes it, as it may hold a token."""


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` on top, dict by dict; anything but a dict is replaced."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def _registration(name: str, address: str, cri_socket: str, ignore_preflight_errors: Sequence[str]) -> dict[str, Any]:
    registration: dict[str, Any] = {
        "name": name,
        "criSocket": cri_socket,
        # without it the kubelet takes the address of the default route, which is NAT on many machines
        "kubeletExtraArgs": [{"name": "node-ip", "value": address}],
        "imagePullSerial": False,
    }
    if ignore_preflight_errors:
        registration["ignorePreflightErrors"] = list(ignore_preflight_errors)
    return registration


def init_documents(
    *,
    name: str,
    address: str,
    kubernetes_version: str,
    cluster_name: str,
    pod_cidr: str,
    service_cidr: str,
    cri_socket: str,
    schedulable: bool,
    ignore_preflight_errors: Sequence[str],
    kubelet_config: Mapping[str, Any],
    kube_proxy_config: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """The four documents of `kubeadm init --config`. No secret is in them.

    `address`: one, or one of each family with a comma between, as kubeadm writes two networks; the first is the API
    server's.
    """
    own = address.split(",")
    registration = _registration(name, address, cri_socket, ignore_preflight_errors)
    if schedulable:
        registration["taints"] = []
    return [
        {
            "apiVersion": _API,
            "kind": "InitConfiguration",
            "localAPIEndpoint": {"advertiseAddress": own[0], "bindPort": 6443},
            "nodeRegistration": registration,
            # kubeadm makes a token in any case, for 24 hours unless told otherwise; nobody uses this one
            "bootstrapTokens": [
                {"description": "unused, made by kubeadm init", "ttl": "1m0s", "usages": ["signing", "authentication"]}
            ],
        },
        {
            "apiVersion": _API,
            "kind": "ClusterConfiguration",
            "clusterName": cluster_name,
            "kubernetesVersion": f"v{kubernetes_version}",
            "networking": {"podSubnet": pod_cidr, "serviceSubnet": service_cidr},
            "apiServer": {"certSANs": [*own, name]},
        },
        merge(
            {"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "cgroupDriver": "systemd"},
            kubelet_config,
        ),
        merge({"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}, kube_proxy_config),
    ]


def join_document(
    *,
    name: str,
    address: str,
    endpoint: str,
    token: str,
    ca_cert_hashes: Sequence[str],
    cri_socket: str,
    ignore_preflight_errors: Sequence[str],
    timeout: int,
) -> dict[str, Any]:
    """The document of `kubeadm join --config` for a worker. It holds the token."""
    patience = f"{int(timeout)}s"
    return {
        "apiVersion": _API,
        "kind": "JoinConfiguration",
        "discovery": {
            "bootstrapToken": {"token": token, "apiServerEndpoint": endpoint, "caCertHashes": list(ca_cert_hashes)}
        },
        "nodeRegistration": _registration(name, address, cri_socket, ignore_preflight_errors),
        "timeouts": {"discovery": patience, "tlsBootstrap": patience, "kubeletHealthCheck": patience},
    }


def join_credentials(output: str) -> dict[str, Any]:
    """Token, its id, CA hashes and endpoint from what `kubeadm token create --print-join-command` printed."""
    text = output.replace("\\\n", " ")
    tokens, hashes, endpoints = (_TOKEN.findall(text), _HASH.findall(text), _ENDPOINT.findall(text))
    for name, found in (("token", tokens), ("CA certificate hash", hashes), ("API server endpoint", endpoints)):
        if not found:
            raise KubeadmError(f"`kubeadm token create --print-join-command` printed no {name}")
    return {"token": tokens[0], "token_id": tokens[0].split(".")[0], "ca_cert_hashes": hashes, "endpoint": endpoints[0]}
