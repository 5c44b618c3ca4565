# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's own nftables ruleset, as `nft --json list` prints it, read and judged. Pure.

Tables of container engines, of Kubernetes and of tools that are judged by themselves are no firewall of the host. A
base chain of another table is one when it can refuse what a node needs: by its policy or by a rule.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils import firewall
from ansible_collections.podpath.kubeadm.plugins.module_utils.firewall import ALL, NONE, PART

COMMENT = "podpath.kubeadm.firewall"

_FOREIGN = re.compile(r"^(kube-proxy|flannel.*|firewalld|netavark.*|docker.*|cni.*|podman.*|cilium.*|calico.*|nm-.*)$")
_FAMILIES = {"ip": 4, "ip6": 6}
_VERDICTS = {"accept": "accept", "drop": "drop", "reject": "drop", "return": "return"}
_HARMLESS = {"counter", "log", "comment"}
# neither ALL nor PART nor NONE: not read
_UNKNOWN = "unknown"


def _objects(text: str) -> list[dict[str, Any]]:
    try:
        return json.loads(text)["nftables"]
    except (ValueError, KeyError, TypeError) as error:
        raise firewall.FirewallError(f"`nft --json list` printed something else than a ruleset: {error}") from error


def tables(chains: str, ufw: bool = False) -> list[dict[str, str]]:
    """The tables that may be a firewall of the host, by `nft --json list chains`."""
    found = {}
    for chain in (entry["chain"] for entry in _objects(chains) if "chain" in entry):
        if chain.get("type") != "filter" or chain.get("hook") not in ("input", "forward"):
            continue
        family, table = chain["family"], chain["table"]
        # ufw's chains lie in the tables of iptables
        ufws = ufw and family in _FAMILIES and table == "filter"
        if family in ("inet", *_FAMILIES) and not _FOREIGN.match(table) and not ufws:
            found[family, table] = {"family": family, "table": table}
    return [found[key] for key in sorted(found)]


class _Ruleset:
    def __init__(self, texts: Iterable[str]) -> None:
        self.chains: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.rules: dict[tuple[str, str, str], list[list[dict[str, Any]]]] = {}
        self.sets: dict[tuple[str, str, str], list[Any]] = {}
        for entry in (entry for text in texts for entry in _objects(text)):
            for kind, value in entry.items():
                key = (value.get("family", ""), value.get("table", ""), value.get("name") or value.get("chain", ""))
                if kind == "chain":
                    self.chains[key] = value
                elif kind == "rule":
                    self.rules.setdefault(key, []).append(value)
                elif kind in ("set", "map"):
                    self.sets[key] = value.get("elem", [])


def _values(right: Any, ruleset: _Ruleset, where: tuple[str, str]) -> list[Any] | None:
    """The right side of a comparison as a flat list; None where it was not understood."""
    if isinstance(right, str) and right.startswith("@"):
        right = {"set": ruleset.sets.get((*where, right[1:]), [])}
    if isinstance(right, Mapping) and "set" in right:
        right = right["set"]
    flat = []
    for value in right if isinstance(right, list) else [right]:
        if isinstance(value, Mapping) and "elem" in value:
            value = value["elem"]["val"]
        flat.append(value)
    return flat


def _networks(values: Sequence[Any]) -> list[firewall.Network] | None:
    found: list[firewall.Network] = []
    for value in values:
        if isinstance(value, str):
            found.append(firewall.network(value))
        elif isinstance(value, Mapping) and "prefix" in value:
            found.append(firewall.network(f"{value['prefix']['addr']}/{value['prefix']['len']}"))
        else:
            return None
    return found


def _ports(values: Sequence[Any]) -> list[firewall.Ports] | None:
    found = []
    for value in values:
        pair = value["range"] if isinstance(value, Mapping) and "range" in value else [value, value]
        try:
            found.append((int(pair[0]), int(pair[1])))
        except (TypeError, ValueError):
            return None
    return found


def _not(covered: str) -> str:
    return {ALL: NONE, NONE: ALL}.get(covered, covered)


def _compare(left: Mapping[str, Any], values: Sequence[Any] | None, packet: firewall.Packet) -> str:
    """How much of the packet a comparison matches."""
    if values is None:
        return _UNKNOWN
    if "ct" in left:
        return (ALL if "new" in values else NONE) if left["ct"].get("key") == "state" else _UNKNOWN
    if "meta" in left:
        key = left["meta"].get("key")
        if key in ("iifname", "iif"):
            return firewall.interfaces_cover([str(value) for value in values], packet.interface)
        if key == "l4proto":
            return firewall.protocols_cover(frozenset(map(str, values)), packet.protocol)
        if key in ("nfproto", "protocol"):
            mine = {4: {"ipv4", "ip"}, 6: {"ipv6", "ip6"}}[packet.source.version]
            return ALL if mine & set(map(str, values)) else NONE
        return _UNKNOWN
    payload = left.get("payload", {})
    protocol, name = payload.get("protocol"), payload.get("field")
    if protocol in _FAMILIES:
        if _FAMILIES[protocol] != packet.source.version:
            return NONE
        if name in ("saddr", "daddr"):
            nets = _networks(values)
            mine = packet.source if name == "saddr" else packet.destination
            covered = _UNKNOWN if nets is None else firewall.networks_cover(nets, mine)
            # a part of the world says nothing about all of it: kube-proxy rejects Services without pods so
            return _UNKNOWN if covered == PART and mine and mine.prefixlen == 0 else covered
        return (
            firewall.protocols_cover(frozenset(map(str, values)), packet.protocol)
            if name in ("protocol", "nexthdr")
            else _UNKNOWN
        )
    if protocol in ("tcp", "udp", "th"):
        covered = ALL if protocol == "th" else firewall.protocols_cover(frozenset([protocol]), packet.protocol)
        if covered == NONE:
            return NONE
        found = _ports(values) if name == "dport" else None
        return _UNKNOWN if found is None else firewall.together([covered, firewall.ports_cover(found, packet.ports)])
    if protocol in ("icmp", "icmpv6", "sctp", "dccp", "esp", "ah", "igmp"):
        return NONE if packet.protocol else _UNKNOWN
    return _UNKNOWN


class _Walk:
    """One packet's way through the chains of a ruleset."""

    def __init__(self, ruleset: _Ruleset, packet: firewall.Packet, ours: bool) -> None:
        self.ruleset, self.packet, self.ours = ruleset, packet, ours

    def _verdict(self, statement: Mapping[str, Any], key: tuple[str, str, str], depth: int) -> str:
        """accept, drop, return, or nothing if it goes on to the next rule."""
        for name, verdict in _VERDICTS.items():
            if name in statement:
                return verdict
        # of what iptables made, nft knows some things by name only
        if statement.get("xt", {}).get("name") in ("REJECT", "DROP"):
            return "drop"
        for name in ("jump", "goto"):
            if name in statement:
                found = self.chain((key[0], key[1], statement[name]["target"]), depth + 1)
                return found or ("return" if name == "goto" else "")
        return ""

    def _rule(self, statements: Sequence[Mapping[str, Any]], key: tuple[str, str, str], depth: int) -> tuple[str, str]:
        """(how much it matches, its verdict)."""
        covers, understood = [ALL], True
        for statement in statements:
            if "match" in statement:
                match = statement["match"]
                covered = _UNKNOWN
                if isinstance(match["left"], Mapping):
                    values = _values(match["right"], self.ruleset, key[:2])
                    covered = _compare(match["left"], values, self.packet)
                covered = _not(covered) if match.get("op") == "!=" else covered
                understood = understood and covered != _UNKNOWN
                covers.append(PART if covered == _UNKNOWN else covered)
            elif "vmap" in statement:
                covered, verdict = self._vmap(statement["vmap"], key, depth)
                if verdict:
                    return firewall.together([*covers, covered]), verdict
            elif not set(statement) & _HARMLESS and statement.get("xt", {}).get("name") != "comment":
                if verdict := self._verdict(statement, key, depth):
                    matched = firewall.together(covers)
                    # a rule that refuses under a condition that nobody read may be about something else
                    return (NONE if matched == PART and verdict == "drop" and not understood else matched), verdict
                if not set(statement) & {"jump", "goto"}:
                    # limit, xt and whatever else may keep a rule from matching
                    covers.append(PART)
                    understood = False
        return firewall.together(covers), ""

    def _vmap(self, vmap: Mapping[str, Any], key: tuple[str, str, str], depth: int) -> tuple[str, str]:
        data = vmap["data"]
        if isinstance(data, str):
            pairs = self.ruleset.sets.get((*key[:2], data.lstrip("@")), [])
        else:
            pairs = data.get("set", [])
        for pair in pairs:
            if not (isinstance(pair, list) and len(pair) == 2 and isinstance(vmap["key"], Mapping)):
                continue
            covered = _compare(vmap["key"], _values(pair[0], self.ruleset, key[:2]), self.packet)
            if covered == ALL and isinstance(pair[1], Mapping):
                return ALL, self._verdict(pair[1], key, depth)
        return NONE, ""

    def chain(self, key: tuple[str, str, str], depth: int = 0) -> str:
        if depth > 16:
            return ""
        for rule in self.ruleset.rules.get(key, []):
            if not self.ours and rule.get("comment") == COMMENT:
                continue
            matched, verdict = self._rule(rule.get("expr", []), key, depth)
            if verdict == "return" and matched == ALL:
                return ""
            if (verdict == "accept" and matched == ALL) or (verdict == "drop" and matched != NONE):
                return verdict
        return ""


def _stops(ruleset: _Ruleset, hook: str, packet: firewall.Packet, *, ours: bool) -> list[tuple[str, str, str]]:
    """The base chains that refuse the packet. Each of them must let it in, whatever another one says."""
    found = []
    for key, chain in ruleset.chains.items():
        family, table, _ = key
        if chain.get("hook") != hook or chain.get("type") != "filter":
            continue
        if _FAMILIES.get(family, packet.source.version) != packet.source.version:
            continue
        policy = chain.get("policy", "accept")
        if hook == "forward" and family in _FAMILIES and table == "filter":
            # Flannel puts rules that accept pods' packets at the end of iptables' own chain, so its policy stops none
            policy = "accept"
        if (_Walk(ruleset, packet, ours).chain(key) or policy) == "drop":
            found.append(key)
    return found


def missing(needs: Iterable[Mapping[str, Any]], texts: Iterable[str], ours: bool = True) -> list[dict[str, Any]]:
    """The needs that the tables, each as `nft --json list table` prints it, do not let through.

    With `ours` false, rules that an earlier run of this collection added are left out of the judgement.
    """
    ruleset = _Ruleset(texts)

    def judge(hook: str, packet: firewall.Packet) -> str:
        return ", ".join(f"chain {' '.join(key)}" for key in _stops(ruleset, hook, packet, ours=ours))

    return firewall.missing("nftables", needs, judge)


def openings(missing_: Iterable[Mapping[str, Any]]) -> list[str]:
    """Commands for nft, one for each rule that is needed in each chain that refuses something."""
    found = []
    for need in missing_:
        for chain in dict.fromkeys(name for stop in need["stopped_by"] for name in stop.split(", ")):
            family, table, name = chain.removeprefix("chain ").split(" ")
            for net in need["open_for"]:
                version = firewall.network(net).version
                if _FAMILIES.get(family, version) != version:
                    continue
                ip = "ip" if version == 4 else "ip6"
                parts = [] if firewall.network(net).prefixlen == 0 else [f"{ip} saddr {net}"]
                if need["hook"] == "forward":
                    target = need["destinations"][0]
                    parts += [] if firewall.network(target).prefixlen == 0 else [f"{ip} daddr {target}"]
                else:
                    parts.append(f"{need['protocol']} dport {need['port']}")
                found.append(f'insert rule {family} {table} {name} {" ".join(parts)} accept comment "{COMMENT}"')
    return list(dict.fromkeys(found))


def command(option: str) -> str:
    """What a person would type for one of the openings."""
    rule = option.split(" comment ")[0]
    return f"nft '{rule}'"
