#!/usr/bin/python

# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: packet_filter_chains
short_description: Remove the chains that Kubernetes left in a host's packet filter
version_added: 0.1.0
description:
  - C(kubeadm reset) leaves the rules of kube-proxy, the kubelet, Flannel and the CNI plugins where they are. To flush
    the tables, as it proposes, takes everybody else's rules away as well, and may lock the administrator out.
  - Removes chains by the beginnings of their names, those of the CNI plugins by the network that they are for, and the
    rules that lead to them. Each other rule stays where it is, such as those of containers of nerdctl and podman.
  - Looks at iptables and ip6tables of whichever kind the host's commands are, and at tables of nftables. What is not
    installed has no rules.
options:
  prefixes:
    description: How the names of the chains begin.
    type: list
    elements: str
    default: [KUBE-, FLANNEL-]
  cni_networks:
    description:
      - Names of networks, as configurations of CNI have them, whose chains of CNI plugins go.
      - The chains that the plugin portmap has for all networks together go, too, unless another network uses them, and
        only where there is another chain to remove.
    type: list
    elements: str
    default: [cbr0]
  nft_tables:
    description: Names of tables of nftables that go as a whole, in every family.
    type: list
    elements: str
    default: [kube-proxy, flannel-ipv4, flannel-ipv6]
author:
  - the podpath.kubeadm authors (@podpath)
attributes:
  check_mode:
    support: full
    description: Says what would be removed.
  diff_mode:
    support: full
    description: Shows the chains and tables that are removed.
"""

EXAMPLES = r"""
- name: Remove what kube-proxy and Flannel left
  podpath.kubeadm.packet_filter_chains:
  become: true
"""

RETURN = r"""
chains:
  description: What was removed, as command, table and chain.
  returned: always
  type: list
  elements: str
  sample: [iptables nat KUBE-SERVICES, ip6tables filter KUBE-FORWARD]
tables:
  description: Tables of nftables that were removed, as family and name.
  returned: always
  type: list
  elements: str
  sample: [ip kube-proxy]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.podpath.kubeadm.plugins.module_utils import chains

COMMANDS = ("iptables", "ip6tables")


class HostError(Exception):
    """A command of the host failed. The text is a sentence."""


class Host:
    """The few commands that this module needs, and None from those that are not installed."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module

    def run(self, name: str, *arguments: str, data: str | None = None) -> str | None:
        path = self._module.get_bin_path(name)
        if path is None:
            return None
        code, out, err = self._module.run_command([path, *arguments], data=data)
        if code:
            raise HostError(f"{name} {' '.join(arguments)} failed: {err.strip() or out.strip()}")
        return out


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "prefixes": {"type": "list", "elements": "str", "default": ["KUBE-", "FLANNEL-"]},
            "cni_networks": {"type": "list", "elements": "str", "default": ["cbr0"]},
            "nft_tables": {
                "type": "list",
                "elements": "str",
                "default": ["kube-proxy", "flannel-ipv4", "flannel-ipv6"],
            },
        },
        supports_check_mode=True,
    )
    prefixes = [prefix for prefix in module.params["prefixes"] if prefix]
    networks = module.params["cni_networks"]
    host = Host(module)
    found: list[str] = []
    try:
        for command in COMMANDS:
            saved = host.run(f"{command}-save") or ""
            found += [f"{command} {chain}" for chain in chains.chains_of(saved, prefixes, networks)]
            rules = chains.removal(saved, prefixes, networks)
            if rules and not module.check_mode:
                host.run(f"{command}-restore", "--noflush", data=rules)
        tables = chains.nft_tables_of(host.run("nft", "list", "tables") or "", module.params["nft_tables"])
        if not module.check_mode:
            for table in tables:
                host.run("nft", "delete", "table", *table.split())
    except HostError as error:
        module.fail_json(msg=f"What Kubernetes left in the packet filter cannot be removed: {error}")
    removed = [*found, *(f"nftables {table}" for table in tables)]
    module.exit_json(
        changed=bool(removed),
        chains=found,
        tables=tables,
        diff={"before": "".join(f"{line}\n" for line in removed), "after": ""} if removed else {},
    )


if __name__ == "__main__":
    main()
