# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains of a packet filter that belong to somebody, by their names, and how to take away those and no other rule.

Pure: what ``iptables-save`` prints in, what ``iptables-restore --noflush`` takes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_TARGET = re.compile(r"\s(?:-j|-g|--jump|--goto)\s+(\S+)")
# chains of Kubernetes, Flannel and the CNI plugins begin so
CLUSTER_PREFIXES = ("KUBE-", "FLANNEL-", "CNI-")
# what a comment says is no target
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


def target(rule: str) -> str:
    """Where a rule leads, by ``-A CHAIN ... -j TARGET``; empty where it only counts."""
    found = _TARGET.search(_QUOTED.sub('""', rule))
    return found[1] if found else ""


def tables(saved: str) -> Iterable[tuple[str, dict[str, str], list[str]]]:
    """Each table of ``iptables-save``: its name, its chains with their policy (``-`` where they have none), its rules
    as ``-A CHAIN ...``."""
    name, chains, rules = "", {}, []
    for line in saved.splitlines():
        if line.startswith("*"):
            name, chains, rules = line[1:].strip(), {}, []
        elif line.startswith(":"):
            chain, policy, *_ = [*line[1:].split(), "-"]
            chains[chain] = policy
        elif line.startswith("-A "):
            rules.append(line)
        elif line.strip() == "COMMIT":
            yield name, chains, rules


def removal(saved: str, prefixes: Sequence[str]) -> str:
    """What to give to ``iptables-restore --noflush`` so that chains of these prefixes go; empty where there are none.

    Rules of other chains that lead to them go first, one by one as they were written; every other rule stays where it
    is, in its order.
    """
    lines = []
    for table, chains, rules in tables(saved):
        ours = [chain for chain in chains if chain.startswith(tuple(prefixes))]
        if not ours:
            continue
        leading = [rule for rule in rules if target(rule) in ours and rule.split()[1] not in ours]
        lines += [f"*{table}", *(f"-D {rule[3:]}" for rule in leading)]
        # flushed before the first is deleted, as they lead to each other
        lines += [*(f"-F {chain}" for chain in ours), *(f"-X {chain}" for chain in ours), "COMMIT"]
    return "".join(f"{line}\n" for line in lines)


def chains_of(saved: str, prefixes: Sequence[str]) -> list[str]:
    """TABLE CHAIN of each chain of these prefixes."""
    return [f"{table} {chain}" for table, chains, _ in tables(saved) for chain in chains
            if chain.startswith(tuple(prefixes))]


def nft_tables_of(listed: str, names: Sequence[str]) -> list[str]:
    """``FAMILY NAME`` of each table of these names in what ``nft list tables`` prints."""
    found = []
    for line in listed.splitlines():
        words = line.split()
        if len(words) == 3 and words[0] == "table" and words[2] in names:
            found.append(f"{words[1]} {words[2]}")
    return found
