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
    flannel_host,
    flannel_live,
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


def flannel_settings_problems(settings: Mapping[str, Any], nodes: int, node_prefix: int) -> list[str]:
    try:
        asked = flannel_manifest.wanted(**settings)
    except flannel_manifest.SettingsError as error:
        return [str(error)]
    return flannel_manifest.size_problems(asked.networks, int(nodes), int(node_prefix))


def flannel_patched(documents: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    return flannel_manifest.patch(documents, flannel_manifest.wanted(**settings))


def flannel_live_problems(
    objects: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    documents: Sequence[Mapping[str, Any]],
    **how: Any,
) -> list[str]:
    asked = flannel_manifest.wanted(**settings)
    return flannel_live.live_problems(objects, asked, flannel_manifest.config_hash(documents), **how)


def flannel_started_for(objects: Sequence[Mapping[str, Any]], documents: Sequence[Mapping[str, Any]]) -> bool:
    return flannel_live.started_for(objects, flannel_manifest.config_hash(documents))


def flannel_other_cni_problems(files: Mapping[str, str], host: str, here: bool) -> list[str]:
    return flannel_host.other_cni_problems(host, files, here)


def flannel_interface_mtus(hosts: Sequence[str], hostvars: Mapping[str, Any]) -> dict[str, int]:
    """The MTU of the interface of each host's cluster address, 0 where it is not known."""
    return {
        host: flannel_host.interface_mtu(
            hostvars[host].get("ansible_facts") or {}, hostvars[host].get("node_address_interface") or ""
        )
        for host in hosts
    }


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
            "flannel_interface_mtus": _said(flannel_interface_mtus),
            "flannel_live_problems": _said(flannel_live_problems),
            "flannel_manifest": _said(flannel_patched),
            "flannel_mtu_problems": _said(flannel_host.mtu_problems),
            "flannel_mtu_warnings": _said(flannel_host.mtu_warnings),
            "flannel_other_cni_problems": _said(flannel_other_cni_problems),
            "flannel_settings_problems": _said(flannel_settings_problems),
            "flannel_started_for": _said(flannel_started_for),
            "inventory_problems": _said(inventory.inventory_problems),
            "kubeadm_init_documents": _said(kubeadm_init_documents),
            "kubeadm_join_credentials": _said(kubeadm_config.join_credentials),
            "kubeadm_join_document": _said(kubeadm_join_document),
            "membership_problems": _said(membership.membership_problems),
            "node_addresses": _said(node_addresses),
        }
