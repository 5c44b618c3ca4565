# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the provisioning roles: thin doors to the pure code in module_utils."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.podpath.kubeadm.plugins.module_utils import (
    addresses,
    flannel_manifest,
    host_state,
    inventory,
    kubeadm_config,
    membership,
    readiness,
)


def _said(function: Callable[..., Any]) -> Callable[..., Any]:
    """Every domain error is a ValueError whose text is a sentence; a user sees that sentence and no traceback."""

    def filtered(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except ValueError as error:
            raise AnsibleFilterError(str(error)) from error

    return filtered


def node_addresses(hosts: Sequence[str], hostvars: Mapping[str, Any], cidr: str) -> dict[str, Any]:
    """The cluster address of each host; a host's own node_address_cidr goes before `cidr`."""
    found, problems = addresses.survey(
        (host, hostvars[host].get("ansible_facts") or {}, hostvars[host].get("node_address_cidr", cidr))
        for host in hosts
    )
    nodes = {host: {"address": entry.address, "interface": entry.interface} for host, entry in found.items()}
    return {"nodes": nodes, "problems": problems}


def kubeadm_init_documents(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    return kubeadm_config.init_documents(**settings)


def kubeadm_join_document(settings: Mapping[str, Any], credentials: Mapping[str, Any]) -> dict[str, Any]:
    return kubeadm_config.join_document(
        **settings,
        endpoint=credentials["endpoint"],
        token=credentials["token"],
        ca_cert_hashes=credentials["ca_cert_hashes"],
    )


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "active_swap": _said(host_state.active_swap),
            "cluster_network_problems": _said(addresses.cluster_network_problems),
            "cluster_table": _said(readiness.table),
            "containerd_problems": _said(host_state.containerd_problems),
            "containerd_version": _said(host_state.containerd_version),
            "flannel_images": _said(flannel_manifest.images),
            "flannel_live_problems": _said(flannel_manifest.live_problems),
            "flannel_manifest": _said(flannel_manifest.patch),
            "inventory_problems": _said(inventory.inventory_problems),
            "kubeadm_init_documents": _said(kubeadm_init_documents),
            "kubeadm_join_credentials": _said(kubeadm_config.join_credentials),
            "kubeadm_join_document": _said(kubeadm_join_document),
            "membership_problems": _said(membership.membership_problems),
            "node_addresses": _said(node_addresses),
        }
