# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host with a kubelet.conf belongs to this cluster. Pure: kubeconfigs and Node objects in, sentences out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils import kubeconfig as kubeconfigs


def _addresses(node: Mapping[str, Any]) -> list[str]:
    found = node.get("status", {}).get("addresses") or ()
    return [str(entry["address"]) for entry in found if entry.get("type") == "InternalIP"]


def membership_problems(
    members: Mapping[str, str],
    kubeconfig: str,
    nodes: Sequence[Mapping[str, Any]],
    hint: str,
    names: Mapping[str, str] | None = None,
    addresses: Mapping[str, str] | None = None,
) -> list[str]:
    """A sentence for each host (name: its kubelet.conf) that is no node of the cluster that `kubeconfig` leads to.

    Whether a Node is Ready does not matter here. `names` tells as which Node each host's kubelet is known, where that
    can be told, and `addresses` which address the host is to have: Flannel follows the Node's, so they must agree.
    """
    here, our_authority = kubeconfigs.cluster_of(kubeconfig)
    known = {str(node.get("metadata", {}).get("name", "")): node for node in nodes}
    problems = []
    for host, text in members.items():
        try:
            there, authority = kubeconfigs.cluster_of(text)
        except kubeconfigs.KubeconfigError as error:
            problems.append(f"{host}: its /etc/kubernetes/kubelet.conf cannot be used: {error}. {hint}")
            continue
        if our_authority and authority and not our_authority & authority:
            problems.append(
                f"{host}: its /etc/kubernetes/kubelet.conf leads to another cluster, {there} with another "
                f"CA than that of {here}. {hint}"
            )
        elif (name := (names or {}).get(host)) and name != host:
            problems.append(
                f"{host}: it is the Node {name} of the cluster {here}, but the inventory calls it {host}. "
                "Rename the host in the inventory to the name of its Node."
            )
        elif host not in known:
            problems.append(
                f"{host}: it has an /etc/kubernetes/kubelet.conf, but the API server {here} knows no Node "
                f"{host}: an earlier join did not finish, or the Node was deleted. {hint}"
            )
        elif (
            (address := (addresses or {}).get(host))
            and (found := _addresses(known[host]))
            and not set(address.split(",")) <= set(found)
        ):
            problems.append(
                f"{host}: its Node has the address {', '.join(found)}, but node_address_cidr leads to {address}. "
                f"Give the network of the Node's address as node_address_cidr, or let the Node have the other one: set "
                f"--node-ip={address} in /var/lib/kubelet/kubeadm-flags.env, and restart the kubelet."
            )
    return problems
