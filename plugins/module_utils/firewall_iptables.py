# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What in the rules of iptables may refuse packets, as `iptables-save` prints them. Pure.

Rules of iptables are judged where nft shows them. Where it is missing they are named, and no more.
"""

from __future__ import annotations

import re

from ansible_collections.podpath.kubeadm.plugins.module_utils import chains

# of the cluster itself, whose chains come and go without anybody's doing
_CLUSTER = ("KUBE-", "FLANNEL-", "CNI-")
_REFUSALS = ("DROP", "REJECT")
_POLICY = re.compile(r":(INPUT|FORWARD) DROP\b")


def refusals(saved: str) -> list[str]:
    """Policies and rules of the table filter that may refuse what comes in or passes through."""
    table, found = "", []
    rules: dict[str, list[str]] = {}
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif table == "filter" and (policy := _POLICY.match(line)):
            found.append(f"policy DROP of {policy[1]}")
        elif table == "filter" and line.startswith("-A "):
            rules.setdefault(line.split()[1], []).append(line)

    def refuses(rule: str, seen: frozenset[str]) -> bool:
        target = chains.target(rule)
        if target in _REFUSALS or target in seen or target.startswith(_CLUSTER):
            return target in _REFUSALS
        return any(refuses(inner, seen | {target}) for inner in rules.get(target, []))

    return found + [rule for chain in ("INPUT", "FORWARD") for rule in rules.get(chain, [])
                    if refuses(rule, frozenset())]
