# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API's objects of a world, as plain dicts. This part is a stand-in: no API server runs here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from addressing import POD_NETWORK, POD_NETWORK_V6
from flannel import IPV4, IPV6

if TYPE_CHECKING:
    from world import Host, World


def node(host: Host, families: Sequence[str]) -> dict[str, Any]:
    """A Node object, as kubelet and flanneld write it."""
    numbers = host.numbers
    cidrs = {IPV4: numbers.pod_cidr, IPV6: numbers.pod_cidr_v6}
    addresses = {IPV4: numbers.eth1, IPV6: numbers.eth1_v6}
    return {
        "metadata": {
            "name": host.name,
            "labels": {"kubernetes.io/hostname": host.name, "kubernetes.io/os": "linux"},
            "annotations": host.flannel.annotations(),
        },
        "spec": {
            "podCIDR": cidrs[families[0]],
            "podCIDRs": [cidrs[family] for family in families],
        },
        "status": {
            "addresses": [
                *({"type": "InternalIP", "address": addresses[family]} for family in families),
                {"type": "Hostname", "address": host.name},
            ],
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True" if host.ready else "Unknown",
                    "message": "" if host.ready else "Kubelet stopped posting node status.",
                }
            ],
        },
    }


def config_map(world: World) -> dict[str, Any]:
    """Flannel's ConfigMap."""
    backend: dict[str, Any] = {"Type": world.backend}
    if world.direct_routing:
        backend["DirectRouting"] = True
    if world.vni != 1:
        backend |= {"VNI": world.vni, "Port": world.port}
    config: dict[str, Any] = {"Network": POD_NETWORK, "EnableNFTables": True, "Backend": backend}
    if IPV6 in world.families:
        config |= {"EnableIPv6": True, "IPv6Network": POD_NETWORK_V6, "EnableIPv4": IPV4 in world.families}
    return {"metadata": {"name": "kube-flannel-cfg"}, "data": {"net-conf.json": json.dumps(config)}}


def flannel_pod(host: Host) -> dict[str, Any]:
    """The pod of Flannel's DaemonSet on a node."""
    return {
        "metadata": {"name": f"kube-flannel-ds-{host.numbers.index}", "labels": {"app": "flannel"}},
        "spec": {"nodeName": host.name, "hostNetwork": True},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }
