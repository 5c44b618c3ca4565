# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the provisioning roles: thin doors to the pure code in module_utils."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError
from jinja2 import Undefined, UndefinedError

from ansible_collections.podpath.kubeadm.plugins.module_utils import (
    addresses,
    apt_packages,
    apt_sources,
    containerd,
    dnf_repositories,
    etc_hosts,
    firewall,
    firewall_firewalld,
    firewall_iptables,
    firewall_nftables,
    firewall_ufw,
    flannel_host,
    flannel_live,
    flannel_manifest,
    host_networks,
    host_state,
    inventory,
    kubeadm_config,
    kubeadm_state,
    kubeconfig,
    kubelet,
    leftovers,
    membership,
    node_marks,
    proxy,
    readiness,
    redaction,
    swap,
    sysctl,
    versions,
)


def _said(function: Callable[..., Any]) -> Callable[..., Any]:
    """Every domain error is a ValueError whose text is a sentence; a user sees that sentence and no traceback."""

    def filtered(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except ValueError as error:
            raise AnsibleFilterError(str(error)) from error

    return filtered


def _wanted(variables: Mapping[str, Any], fallback: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is asked for on a host: as it said itself in this run, else by its inventory, else as other hosts ask."""
    if "__node_address_wanted" in variables:
        return variables["__node_address_wanted"]
    own = {
        "cidr": variables.get("node_address_cidr"),
        "interface": variables.get("node_address_interface_name"),
        "explicit": variables.get("node_address_explicit"),
    }
    # an explicit address is one host's alone
    return own if any(own.values()) else {**fallback, "explicit": None}


def _facts(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    return variables.get("ansible_facts") or {}


def _role_texts() -> list[str]:
    files = sorted(Path(__file__).parents[2].glob("roles/*/meta/argument_specs.yml"))
    return [file.read_text(encoding="utf-8") for file in files]


def _role_options() -> dict[str, dict[str, Any]]:
    """What the roles of this collection say of their variables, which carry the names of their roles."""
    options: dict[str, dict[str, Any]] = {}
    for text in _role_texts():
        described = yaml.safe_load(text)["argument_specs"]["main"]
        for name, option in described.get("options", {}).items():
            # a `default` here would be taken for a value that somebody gave
            options[name] = {key: value for key, value in option.items() if key not in ("default", "description")}
    return options


def _is_file(path: str) -> bool:
    return Path(path).is_file() and os.access(path, os.R_OK)


def inventory_variable_problems(hosts: Sequence[str], hostvars: Mapping[str, Any], makes: bool = False) -> list[str]:
    """The values that no role allows, found before any host is looked at.

    `makes` is true where a cluster shall be made of the hosts: then what that needs of the controller must be there.
    """
    options = _role_options()
    given: dict[str, dict[str, Any]] = {host: {} for host in hosts}
    open_yet = False
    # each look into hostvars puts all variables of a host together
    looked = {host: hostvars[host] for host in hosts}
    for host, name in ((host, name) for host in hosts for name in options if name in looked[host]):
        # it takes something that a host must be asked for first; the role itself judges it then
        try:
            value = flannel_manifest.plain(looked[host][name])
        except UndefinedError:
            value = Undefined()
        if not isinstance(value, Undefined):
            given[host][name] = value
        elif name in addresses.VARIABLES:
            open_yet = True
    problems = inventory.variable_problems(options, given, _is_file if makes else None)
    if makes and not open_yet and not any(map(addresses.is_said, given.values())):
        problems.append(f"{', '.join(hosts)}: {addresses.UNSAID}")
    return problems


def misspelt_variables(hosts: Sequence[str], hostvars: Mapping[str, Any]) -> list[str]:
    # facts and what several roles share are no options, but told of in their descriptions
    known = set(re.findall(r"[a-z0-9_]+", "\n".join(_role_texts())))
    return inventory.misspelt_variables({host: list(hostvars[host]) for host in hosts}, known, _role_options().keys())


def controller_problems(python: str) -> list[str]:
    """What Ansible's own Python, by which the cluster's API is asked from here, lacks."""
    if importlib.util.find_spec("kubernetes"):
        return []
    return [
        f"The controller's Python {python} has no library kubernetes, by which the cluster's API is asked. Install it "
        f"there: {python} -m pip install kubernetes"
    ]


def node_addresses(hosts: Sequence[str], hostvars: Mapping[str, Any], fallback: Mapping[str, Any]) -> dict[str, Any]:
    """The cluster addresses of each host; a host outside of the run without variables of its own takes `fallback`.

    A host that could not be looked at is left out, and named in `unknown`.
    """
    known = [host for host in hosts if "interfaces" in _facts(hostvars[host])]
    found, problems = addresses.survey(
        (host, _facts(hostvars[host]), _wanted(hostvars[host], fallback)) for host in known
    )
    nodes = {
        host: {
            "address": entries[0].address,
            "interface": entries[0].interface,
            "addresses": [entry.address for entry in entries],
            "networks": [entry.network for entry in entries if entry.network],
        }
        for host, entries in found.items()
    }
    return {"nodes": nodes, "problems": problems, "unknown": [host for host in hosts if host not in known]}


def node_network_problems(
    networks: Mapping[str, Any], hostvars: Mapping[str, Any], nodes: Mapping[str, Any], allowed: Sequence[Any]
) -> list[str]:
    """Where the cluster's own networks overlap routes or addresses of the hosts in `nodes`."""
    hosts = {}
    for host in nodes:
        seen = hostvars[host].get("__node_address_seen") or {}
        hosts[host] = host_networks.Host(
            addresses.addresses_of(_facts(hostvars[host])), seen.get("routes") or [], bool(seen.get("member"))
        )
    own = [address for node in nodes.values() for address in node["addresses"]]
    return host_networks.overlap_problems(networks, hosts, own, allowed)


def shared_default_routes(hosts: Sequence[str], hostvars: Mapping[str, Any]) -> list[str]:
    return addresses.shared_defaults({host: _facts(hostvars[host]) for host in hosts})


def running_node_problem(found: str, internal: str, picked: Sequence[str], wanted: Mapping[str, Any]) -> str:
    """Why a node cannot take the addresses `picked`, as it runs by others; empty where it can.

    `found` is what grep found of its arguments, and `internal` the InternalIPs of its Node where it was asked for.
    """
    running = host_networks.running_addresses(found)
    if internal.split():
        running["InternalIP of its Node"] = internal.split()
    return host_networks.running_problem(picked, running, str(addresses.wanted(**wanted)))


def coming_node_problem(found: str, picked: Sequence[str], wanted: Mapping[str, Any]) -> str:
    """Why a host that is no node yet would not become one by the addresses `picked`: by what grep `found`."""
    return host_networks.coming_problem(
        picked, host_networks.running_addresses(found), str(addresses.wanted(**wanted))
    )


def flannel_settings_problems(settings: Mapping[str, Any], nodes: int, node_prefix: int) -> list[str]:
    try:
        asked = flannel_manifest.wanted(**settings)
    except flannel_manifest.SettingsError as error:
        return [str(error)]
    return flannel_manifest.size_problems(asked.networks, int(nodes), int(node_prefix))


def flannel_patched(documents: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    return flannel_manifest.patch(documents, flannel_manifest.wanted(**settings))


def flannel_for_cluster(
    documents: Sequence[Mapping[str, Any]], objects: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The manifest with what only the running cluster knows."""
    server = flannel_live.api_server(objects)
    return flannel_manifest.calling(documents, *server) if server else list(documents)


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


def flannel_ipv6_warnings(hosts: Sequence[str], hostvars: Mapping[str, Any]) -> list[str]:
    told = (
        flannel_host.ipv6_warning(host, _facts(hostvars[host]), hostvars[host].get("node_address_interface") or "",
                                  hostvars[host].get("node_address_ips") or ())
        for host in hosts
    )
    return [warning for warning in told if warning]


def kubeadm_init_documents(settings: Mapping[str, Any], extras: Mapping[str, Any]) -> list[dict[str, Any]]:
    return kubeadm_config.with_extras(kubeadm_config.init_documents(**settings), extras)


def kubeadm_init_problems(settings: Mapping[str, Any], extras: Mapping[str, Any]) -> list[str]:
    return kubeadm_config.init_problems(settings, extras)


def kubeadm_join_document(
    settings: Mapping[str, Any], credentials: Mapping[str, Any], extra: Mapping[str, Any]
) -> dict[str, Any]:
    document = kubeadm_config.join_document(
        **settings,
        endpoint=credentials["endpoint"],
        token=credentials["token"],
        ca_cert_hashes=credentials["ca_cert_hashes"],
    )
    return kubeadm_config.with_extras([document], {"JoinConfiguration": extra})[0]


def kubeadm_join_problems(settings: Mapping[str, Any], extra: Mapping[str, Any]) -> list[str]:
    return kubeadm_config.join_problems(settings, extra)


def kubeadm_state_of(seen: Mapping[str, Any]) -> dict[str, str]:
    return kubeadm_state.judge(**seen)


def support_entries(parts: Mapping[str, Any]) -> list[dict[str, str]]:
    """What support_collect gave for each host (or for the cluster), as entries of one archive.

    Whoever could not be asked has one that says why.
    """
    return [
        {"name": f"{part}/{entry['name']}", "text": entry["text"]}
        for part, collected in parts.items()
        for entry in collected.get("entries") or _not_collected(collected)
    ]


def _not_collected(collected: Mapping[str, Any]) -> list[dict[str, str]]:
    said = redaction.redact(str(collected.get("msg") or ""))
    return [{"name": "not-collected.txt", "text": f"{said}\n"}] if said else []


def containerd_host_problems(host: str, settings: Mapping[str, Any]) -> list[str]:
    return containerd.host_problems(host, **settings)


_FIREWALLS = {"ufw": firewall_ufw, "firewalld": firewall_firewalld, "nftables": firewall_nftables}


def firewall_missing(needs: Sequence[Mapping[str, Any]], state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the tools in use on a host do not let through; `state` has what each tool in use says, by its name."""
    return [need for tool, said in state.items() for need in _FIREWALLS[tool].missing(needs, **said)]


def firewall_openings(missing: Sequence[Mapping[str, Any]], tool: str) -> list[Any]:
    return _FIREWALLS[tool].openings([need for need in missing if need["tool"] == tool])


def firewall_commands(missing: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a person would type to open what is missing."""
    return [tool.command(option) for name, tool in _FIREWALLS.items() for option in firewall_openings(missing, name)]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "active_swap": _said(host_state.active_swap),
            "apt_missing": _said(apt_packages.missing),
            "apt_source": _said(apt_sources.judge),
            "cluster_network_problems": _said(addresses.cluster_network_problems),
            "cluster_table": _said(readiness.table),
            "coming_node_problem": _said(coming_node_problem),
            "containerd_candidate": _said(containerd.candidate),
            "containerd_cgroup_problems": _said(containerd.cgroup_problems),
            "containerd_config_problems": _said(containerd.config_problems),
            "containerd_host_problems": _said(containerd_host_problems),
            "containerd_mirror_authorities": _said(containerd.mirror_authorities),
            "containerd_mirrors": _said(containerd.registry_mirrors),
            "containerd_outdated": _said(containerd.outdated),
            "containerd_packages": _said(containerd.packages),
            "containerd_shipped_files": _said(containerd.shipped_files),
            "containerd_version": _said(containerd.containerd_version),
            "controller_problems": _said(controller_problems),
            "dnf_offering": _said(dnf_repositories.offering),
            "firewall_commands": _said(firewall_commands),
            "firewall_iptables_refusals": _said(firewall_iptables.refusals),
            "firewall_missing": _said(firewall_missing),
            "firewall_needs": _said(lambda settings: firewall.needs(**settings)),
            "firewall_openings": _said(firewall_openings),
            "firewall_sentence": _said(firewall.sentence),
            "firewalld_lost_by_reload": _said(firewall_firewalld.lost_by_reload),
            "firewalld_policy_sources": _said(firewall_firewalld.policy_sources),
            "flannel_for_cluster": _said(flannel_for_cluster),
            "flannel_images": _said(flannel_manifest.images),
            "flannel_interface_mtus": _said(flannel_interface_mtus),
            "flannel_ipv6_warnings": _said(flannel_ipv6_warnings),
            "flannel_link_problems": _said(flannel_host.link_problems),
            "flannel_live_problems": _said(flannel_live_problems),
            "flannel_manifest": _said(flannel_patched),
            "flannel_mtu_problems": _said(flannel_host.mtu_problems),
            "flannel_mtu_warnings": _said(flannel_host.mtu_warnings),
            "flannel_other_cni_problems": _said(flannel_other_cni_problems),
            "flannel_restart_is_due": _said(flannel_live.restart_is_due),
            "flannel_settings_problems": _said(flannel_settings_problems),
            "flannel_started_for": _said(flannel_started_for),
            "flannel_version_problem": _said(flannel_manifest.version_problem),
            "group_problems": _said(inventory.group_problems),
            "hosts_block": _said(etc_hosts.block),
            "hosts_cloud_init_warning": _said(etc_hosts.cloud_init_warning),
            "hosts_other_lines": _said(etc_hosts.other_lines),
            "hosts_remembered": _said(etc_hosts.remembered),
            "inventory_problems": _said(inventory.inventory_problems),
            "reset_problems": _said(inventory.reset_problems),
            "inventory_variable_problems": _said(inventory_variable_problems),
            "kubeadm_disagreements": _said(kubeadm_state.disagreements),
            "kubeadm_etcd_directory": _said(kubeadm_config.etcd_directory),
            "kubeadm_files_to_keep": _said(kubeadm_state.files_to_keep),
            "kubeadm_init_documents": _said(kubeadm_init_documents),
            "kubeadm_init_problems": _said(kubeadm_init_problems),
            "kubeadm_join_credentials": _said(kubeadm_config.join_credentials),
            "kubeadm_join_document": _said(kubeadm_join_document),
            "kubeadm_join_problems": _said(kubeadm_join_problems),
            "kubeadm_note": _said(kubeadm_state.note),
            "kubeadm_own_preflight_errors": _said(kubeadm_config.own_preflight_errors),
            "kubeadm_patch_files": _said(kubeadm_config.patch_files),
            "kubeadm_patch_problems": _said(kubeadm_config.patch_problems),
            "kubeadm_state": _said(kubeadm_state_of),
            "kubeconfig_is_of": _said(kubeconfig.is_of),
            "kubeconfig_verdict": _said(kubeconfig.verdict),
            "kubelet_healthz_url": _said(kubelet.healthz_url),
            "kubernetes_api_servers": _said(versions.api_server_versions),
            "kubernetes_skew_problems": _said(versions.skew_problems),
            "leftover_cni_results": _said(leftovers.cni_results),
            "leftover_patches": _said(leftovers.patches),
            "membership_problems": _said(membership.membership_problems),
            "misspelt_variables": _said(misspelt_variables),
            "nftables_tables": _said(firewall_nftables.tables),
            "node_addresses": _said(node_addresses),
            "node_mark_changes": _said(node_marks.changes),
            "node_mark_problems": _said(node_marks.problems),
            "node_open_control_plane": _said(node_marks.open_control_plane),
            "node_strangers": _said(node_marks.strangers),
            "node_name": _said(kubeadm_state.node_name),
            "node_name_problem": _said(inventory.node_name_problem),
            "node_network_problems": _said(node_network_problems),
            "proxy_environment": _said(proxy.environment),
            "running_node_problem": _said(running_node_problem),
            "shared_default_routes": _said(shared_default_routes),
            "support_entries": _said(support_entries),
            "swap_running_problem": _said(swap.running_problem),
            "swap_started_services": _said(swap.started_services),
            "swap_started_units": _said(swap.started_units),
            "swap_unit_cures": _said(swap.unit_cures),
            "sysctl_leftovers": _said(sysctl.leftovers),
            "sysctl_override_sentences": _said(sysctl.override_sentences),
            "sysctl_overrides": _said(sysctl.overrides),
            "sysctl_problems": _said(sysctl.problems),
            "tag_problems": _said(inventory.tag_problems),
            "unreachable_problem": _said(inventory.unreachable_problem),
            "ufw_enabled": _said(firewall_ufw.enabled),
            "zram_swap_units": _said(swap.zram_swap_units),
        }
