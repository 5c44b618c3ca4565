# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flannel's own manifest, changed as data: the pod network, the backend, the interface, and nothing else."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils.flannel_backends import HOST_GW, OVERHEAD, VXLAN

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CONFIG_HASH = "podpath.kubeadm/config-hash"
# the least that IPv4 asks of a link; a pod's part of it must not be smaller
_LEAST_MTU = 576
# the part of the pod network that Kubernetes gives to each node, unless told otherwise
_NODE_PREFIX_IPV6 = 64
_NODE_IP = "NODE_IP"
_IFACE = f"--iface=$({_NODE_IP})"
# where a pod finds the API server
_API = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")


class ManifestError(ValueError):
    """The manifest is not the one that this patch was written for. The text says what is missing."""


class SettingsError(ValueError):
    """What a user asked of Flannel cannot be. The text is a sentence that names the variable."""


@dataclass(frozen=True)
class Wanted:
    """How Flannel shall work. ``mtu`` 0 leaves it to Flannel, which takes that of the node's interface."""

    networks: tuple[Network, ...]
    backend: str
    direct_routing: bool = False
    mtu: int = 0

    @property
    def network(self) -> str:
        """The pod network as kubeadm writes it: one, or IPv4 and IPv6 with a comma."""
        return ",".join(map(str, self.networks))

    def of_family(self, version: int) -> Network | None:
        return next((network for network in self.networks if network.version == version), None)


def parse_networks(text: Any) -> tuple[Network, ...]:
    """A pod network as kubeadm writes it: one network, or one of each family with a comma between."""
    networks = []
    for part in str(text).split(","):
        try:
            networks.append(ipaddress.ip_network(part.strip()))
        except ValueError as error:
            raise SettingsError(f"flannel_pod_cidr is {str(text)!r}, which is no network: {error}.") from error
    if len({network.version for network in networks}) != len(networks):
        raise SettingsError(f"flannel_pod_cidr is {str(text)!r}; it may hold one IPv4 and one IPv6 network.")
    return tuple(networks)


def version_problem(version: Any) -> str:
    """What is wrong with flannel_version as somebody wrote it, if anything; a branch or a commit may stand there."""
    found = str(version)
    if re.fullmatch(r"\d+\.\d+\.\d+\S*", found):
        return f"flannel_version is {found}, but Flannel's tags begin with v: write v{found}."
    if re.fullmatch(r"v?\d*(\.\d+)?", found):
        return f"flannel_version is {found or 'empty'}; write the whole tag, such as v0.28.10."
    return ""


def wanted(network: Any, backend: str, direct_routing: bool = False, mtu: int = 0) -> Wanted:
    """What a user asked for; raises SettingsError where it cannot be."""
    asked = Wanted(parse_networks(network), str(backend), bool(direct_routing), int(mtu))
    if asked.direct_routing and asked.backend != VXLAN:
        raise SettingsError(
            f"flannel_direct_routing is true, but flannel_backend is {asked.backend}; only vxlan has both ways. "
            "host-gw is direct routing by itself."
        )
    if asked.mtu and asked.backend == HOST_GW:
        raise SettingsError(
            f"flannel_mtu is {asked.mtu}, but flannel_backend is host-gw, where pods take the MTU of the node's "
            "interface and Flannel knows no other. Set it on that interface, and flannel_mtu to 0."
        )
    if asked.mtu and asked.mtu - OVERHEAD.get(asked.backend, 0) < _LEAST_MTU:
        raise SettingsError(
            f"flannel_mtu is {asked.mtu}; that of the network between the nodes is meant, and pods get "
            f"{OVERHEAD.get(asked.backend, 0)} less, which must leave at least {_LEAST_MTU}. 0 leaves it to Flannel."
        )
    return asked


def size_problems(networks: Sequence[Network], nodes: int, node_prefix: int) -> list[str]:
    """Where the pod network has fewer parts than there are nodes; a node without one gets no pods."""
    problems = []
    for network in networks:
        prefix = node_prefix if network.version == 4 else _NODE_PREFIX_IPV6
        if network.prefixlen > prefix:
            problems.append(
                f"flannel_pod_cidr has {network}, but every node takes a /{prefix} of it; write a larger network."
            )
        elif nodes > 2 ** (prefix - network.prefixlen):
            problems.append(
                f"flannel_pod_cidr has {network}, which holds {2 ** (prefix - network.prefixlen)} parts of /{prefix}, "
                f"one for each node, but there are {nodes} nodes. Write a larger network before the cluster is made, "
                "as it cannot be changed afterwards."
            )
    return problems


def plain(value: Any) -> Any:
    """A deep copy made of plain dicts and lists only, so that nothing of the caller's is changed or carried along."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def _one(documents: Sequence[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    found = [item for item in documents if item.get("kind") == kind and item.get("metadata", {}).get("name") == name]
    if len(found) != 1:
        raise ManifestError(f"Flannel's manifest holds {len(found)} objects {kind}/{name} where one is expected")
    return found[0]


def _config_map(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return _one(documents, "ConfigMap", "kube-flannel-cfg")


def _pod_template(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return _one(documents, "DaemonSet", "kube-flannel-ds")["spec"]["template"]


def _flanneld(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    containers = _pod_template(documents)["spec"]["containers"]
    found = [container for container in containers if container.get("name") == "kube-flannel"]
    if len(found) != 1:
        raise ManifestError("the DaemonSet of Flannel's manifest has no container kube-flannel")
    return found[0]


def net_conf(given: Mapping[str, Any], asked: Wanted) -> dict[str, Any]:
    """flanneld's configuration: what the manifest has, with what was asked for."""
    config = dict(given)
    first, second = asked.of_family(4), asked.of_family(6)
    if first:
        config["Network"] = str(first)
    else:
        config.pop("Network", None)
        config["EnableIPv4"] = False
    if second:
        config["EnableIPv6"] = True
        config["IPv6Network"] = str(second)
    config["Backend"] = {**config.get("Backend", {}), "Type": asked.backend}
    if asked.direct_routing:
        config["Backend"]["DirectRouting"] = True
    if asked.mtu:
        config["Backend"]["MTU"] = asked.mtu
    return config


def patch(documents: Sequence[Mapping[str, Any]], asked: Wanted) -> list[dict[str, Any]]:
    """The documents of kube-flannel.yml as asked for, bound to each node's own address.

    flanneld takes the interface that has the address given by --iface; status.hostIP is the kubelet's node address,
    so no interface name has to be known, and nodes may name theirs differently. With two families that is the first
    one, IPv4, and the other address is taken from the same interface.
    flanneld reads its configuration only when it starts, so its hash stands on the pod template: another
    configuration is another template, and the DaemonSet rolls.
    """
    if len(asked.networks) > 1 and asked.networks[0].version == 6:
        raise SettingsError(
            f"flannel_pod_cidr is {asked.network}; write the IPv4 network first, as Flannel finds a node's interface "
            "by its IPv4 address when both families are used."
        )
    result = [plain(document) for document in documents if document]
    data = _config_map(result).get("data", {})
    try:
        config = json.loads(data["net-conf.json"])
    except (KeyError, ValueError) as error:
        raise ManifestError(f"net-conf.json of Flannel's manifest cannot be read: {error}") from error
    data["net-conf.json"] = json.dumps(net_conf(config, asked), indent=2) + "\n"

    flanneld = _flanneld(result)
    arguments = flanneld.setdefault("args", [])
    given = [argument for argument in arguments if argument.lstrip("-").startswith(("iface", "public-ip"))]
    if given:
        raise ManifestError(f"flanneld of Flannel's manifest already has {', '.join(given)}")
    arguments.append(_IFACE)
    flanneld.setdefault("env", []).append({"name": _NODE_IP, "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}})

    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    metadata = _pod_template(result).setdefault("metadata", {})
    metadata.setdefault("annotations", {})[CONFIG_HASH] = digest
    return result


def calling(documents: Sequence[Mapping[str, Any]], host: str, port: int) -> list[dict[str, Any]]:
    """The documents with flanneld calling the API server there, and not at its Service address.

    That address works on a node only once kube-proxy has written its rules there. A flanneld that is up before sends to
    it by the default route, which may leave by a NAT interface, waits for an answer that cannot come, and is started
    anew. client-go takes the address from these variables, which the kubelet sets only where a container has not.
    """
    result = [plain(document) for document in documents if document]
    given = [variable for variable in _flanneld(result).get("env", []) if variable.get("name") not in _API]
    said = [{"name": name, "value": value} for name, value in zip(_API, (host, str(port)), strict=True)]
    _flanneld(result)["env"] = [*given, *said]
    return result


def config_hash(documents: Sequence[Mapping[str, Any]]) -> str:
    """The hash that ``patch`` put on the pod template."""
    template = _pod_template([plain(document) for document in documents if document])
    return template.get("metadata", {}).get("annotations", {}).get(CONFIG_HASH, "")


def images(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    """The images that Flannel's pods run, each once, in the order in which a node needs them."""
    pod = _pod_template([plain(document) for document in documents if document])["spec"]
    return list(dict.fromkeys(item["image"] for item in [*pod.get("initContainers", []), *pod["containers"]]))
