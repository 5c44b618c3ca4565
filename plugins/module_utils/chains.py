# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chains of a packet filter that belong to somebody, by their names, and how to take away those and no other rule.

Pure: what ``iptables-save`` prints in, what ``iptables-restore --noflush`` takes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

_TARGET = re.compile(r"\s(?:-j|-g|--jump|--goto)\s+(\S+)")
# chains of Kubernetes, Flannel and the CNI plugins begin so
CLUSTER_PREFIXES = ("KUBE-", "FLANNEL-", "CNI-")
# The CNI plugins serve other networks, too, such as those of nerdctl. Of portmap's chains some are for all of them.
_CNI = "CNI-"
_SHARED = "CNI-HOSTPORT-"
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


def _others_ports(chains: Mapping[str, str], rules: Sequence[str], shared: set[str], going: set[str]) -> bool:
    """Whether chains that stay lead to the shared ones of the CNI plugins, or are led to by them."""
    stays = {chain for chain, policy in chains.items() if policy == "-"} - shared - going
    pairs = [(rule.split()[1], target(rule)) for rule in rules]
    return any((chain in shared and to in stays) or (chain in stays and to in shared) for chain, to in pairs)


def _going(saved: str, prefixes: Sequence[str], networks: Sequence[str]) -> Iterator[tuple[str, list[str], list[str]]]:
    """Of each table its name, the chains that go, and all its rules."""
    named = [f'name: \\"{network}\\"' for network in networks]
    found = []
    for table, chains, rules in tables(saved):
        going = {chain for chain in chains if chain.startswith(tuple(prefixes))}
        # the rules that lead to a container's chain say of which network it is, or those in it do
        for rule in (rule for rule in rules if any(name in rule for name in named)):
            going |= {chain for chain in (rule.split()[1], target(rule))
                      if chain in chains and chain.startswith(_CNI) and not chain.startswith(_SHARED)}
        found.append((table, chains, rules, going))
    # what all networks share tells nobody's: it goes with a cluster, where no other network has ports in it
    cluster = any(going for *_, going in found)
    for table, chains, rules, going in found:
        shared = {chain for chain in chains if chain.startswith(_SHARED)}
        if cluster and networks and not _others_ports(chains, rules, shared, going):
            going |= shared
        yield table, [chain for chain in chains if chain in going], rules


def removal(saved: str, prefixes: Sequence[str], networks: Sequence[str] = ()) -> str:
    """What to give to ``iptables-restore --noflush`` so that chains of these prefixes, and of these networks of CNI,
    go; empty where there are none.

    Rules of other chains that lead to them go first, one by one as they were written; every other rule stays where it
    is, in its order.
    """
    lines = []
    for table, ours, rules in _going(saved, prefixes, networks):
        if not ours:
            continue
        leading = [rule for rule in rules if target(rule) in ours and rule.split()[1] not in ours]
        lines += [f"*{table}", *(f"-D {rule[3:]}" for rule in leading)]
        # flushed before the first is deleted, as they lead to each other
        lines += [*(f"-F {chain}" for chain in ours), *(f"-X {chain}" for chain in ours), "COMMIT"]
    return "".join(f"{line}\n" for line in lines)


def chains_of(saved: str, prefixes: Sequence[str], networks: Sequence[str] = ()) -> list[str]:
    """TABLE CHAIN of each chain that goes."""
    return [f"{table} {chain}" for table, ours, _ in _going(saved, prefixes, networks) for chain in ours]


def nft_tables_of(listed: str, names: Sequence[str]) -> list[str]:
    """``FAMILY NAME`` of each table of these names in what ``nft list tables`` prints."""
    found = []
    for line in listed.splitlines():
        words = line.split()
        if len(words) == 3 and words[0] == "table" and words[2] in names:
            found.append(f"{words[1]} {words[2]}")
    return found
