# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What in the rules of iptables may refuse packets, as `iptables-save` prints them. Pure.

Rules of iptables are judged where nft shows them. Where it is missing they are named, and no more.
"""

from __future__ import annotations

from ansible_collections.podpath.kubeadm.plugins.module_utils import chains

_REFUSALS = ("DROP", "REJECT")
_BUILT_IN = ("INPUT", "FORWARD")


def refusals(saved: str) -> list[str]:
    """Policies and rules of the table filter that may refuse what comes in or passes through."""
    found: list[str] = []
    rules: dict[str, list[str]] = {}
    for table, policies, told in chains.tables(saved):
        if table == "filter":
            found += [f"policy DROP of {chain}" for chain, policy in policies.items()
                      if chain in _BUILT_IN and policy == "DROP"]
            for rule in told:
                rules.setdefault(rule.split()[1], []).append(rule)

    def refuses(rule: str, seen: frozenset[str]) -> bool:
        target = chains.target(rule)
        if target in _REFUSALS or target in seen or target.startswith(chains.CLUSTER_PREFIXES):
            return target in _REFUSALS
        return any(refuses(inner, seen | {target}) for inner in rules.get(target, []))

    return found + [rule for chain in _BUILT_IN for rule in rules.get(chain, [])
                    if refuses(rule, frozenset())]
