# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Node objects and traces as tests need them: three nodes of the article, 10.244.0-2.0/24, 192.168.56.10-12."""

from __future__ import annotations

from pathlib import Path

NAMES = ("controlplane", "node-1", "node-2")
DATA = Path(__file__).parent / "data" / "traceroute"


def node(index: int, backend: str | None = "host-gw", **changes) -> dict:
    """A Node object. Changes: public_ip, internal_ip, pod_cidr, ready, cordoned, hostname, name, labels, annotations.

    With ``dual`` it has IPv6 besides: fd00:244:N::/64, fd00:56::N.
    """
    name = changes.get("name", NAMES[index] if index < 3 else f"node-{index}")
    address = f"192.168.56.{10 + index}"
    annotations = {}
    if backend is not None:
        annotations = {
            "flannel.alpha.coreos.com/backend-type": backend,
            "flannel.alpha.coreos.com/public-ip": changes.get("public_ip", address),
            "flannel.alpha.coreos.com/kube-subnet-manager": "true",
        }
    cidr = changes.get("pod_cidr", f"10.244.{index}.0/24")
    cidrs = [cidr] if cidr else []
    addresses = [changes.get("internal_ip", address)]
    if changes.get("dual"):
        cidrs.append(f"fd00:244:{index}::/64")
        addresses.append(f"fd00:56::{10 + index}")
        annotations["flannel.alpha.coreos.com/public-ipv6"] = f"fd00:56::{10 + index}"
    annotations |= changes.get("annotations", {})
    ready = changes.get("ready", True)
    return {
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": changes.get("hostname", name), **changes.get("labels", {})},
            "annotations": annotations,
        },
        "spec": {
            **({"podCIDR": cidrs[0], "podCIDRs": cidrs} if cidrs else {}),
            **({"unschedulable": True} if changes.get("cordoned") else {}),
        },
        "status": {
            "addresses": [
                *({"type": "InternalIP", "address": entry} for entry in addresses),
                {"type": "Hostname", "address": name},
            ],
            "conditions": [
                {"type": "MemoryPressure", "status": "False"},
                {
                    "type": "Ready",
                    "status": "True" if ready else "Unknown",
                    "message": "" if ready else "Kubelet stopped posting node status.",
                },
            ],
        },
    }


def cluster(backend: str = "host-gw", size: int = 3, **changes) -> list[dict]:
    return [node(index, backend, **changes) for index in range(size)]


def output(target: str, *hops: str | None, probes: int = 2, longest: int = 5) -> str:
    """What traceroute prints: one address (or a whole line's rest, or None for silence) per hop."""
    lines = [f"traceroute to {target} ({target}), {longest} hops max, 46 byte packets"]
    for ttl, hop in enumerate(hops, 1):
        if hop is None:
            rest = "  *" * probes
        elif " " in hop:
            rest = hop
        else:
            rest = f"  {hop}" + "  0.050 ms" * probes
        lines.append(f"{ttl:2d}{rest}")
    return "\n".join(lines) + "\n"
