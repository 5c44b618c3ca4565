# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ufw's own files, read and judged: what it does now and at the next boot. Pure.

Read are its defaults and the rules that `ufw allow` and the like made. Rules in before.rules and after.rules are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils import firewall

_TUPLE = re.compile(r"^### tuple ###\s+(.+?)(?:\s+comment=\S+)?\s*$", re.MULTILINE)
_SETTING = re.compile(r"""^\s*(\w+)\s*=\s*["']?([^"'#\s]*)["']?""", re.MULTILINE)
_ANYWHERE = ("0.0.0.0/0", "::/0")


def settings(text: str) -> dict[str, str]:
    """The variables of /etc/default/ufw or /etc/ufw/ufw.conf."""
    return dict(_SETTING.findall(text))


def enabled(text: str) -> bool:
    """Whether /etc/ufw/ufw.conf has ufw enabled; it is then active now and after a boot."""
    return settings(text).get("ENABLED", "no").lower() == "yes"


def _rule(fields: list[str]) -> tuple[str, firewall.Rule] | None:
    # action protocol dport dst sport src [dapp sapp] direction
    if len(fields) not in (7, 9):
        return None
    action, protocol, dport, dst, sport, src = fields[:6]
    direction, hook = fields[-1], "input"
    if action.startswith("route:"):
        action, hook = action.removeprefix("route:"), "forward"
    elif direction.startswith("out"):
        return None
    verdict = action.split("_")[0]
    arrives = re.match(r"in_([^!]+)", direction)
    rule = firewall.Rule(
        accept=verdict in ("allow", "limit"),
        protocols=None if protocol == "any" else frozenset([protocol]),
        ports=None if dport == "any" else tuple(firewall.ports(part) for part in dport.split(",")),
        sources=None if src in _ANYWHERE else (firewall.network(src),),
        destinations=None if dst in _ANYWHERE else (firewall.network(dst),),
        interfaces=(arrives[1],) if arrives else None,
        # limit refuses what comes too often, and the cluster's nodes do
        partly=sport != "any" or verdict == "limit" or "out_" in direction,
        where=f"ufw's rule '{verdict} {protocol} {dport} to {dst} from {src}'",
    )
    return hook, rule


def rules(text: str) -> dict[str, list[firewall.Rule]]:
    """The rules for input and forward of user.rules or user6.rules, in their order."""
    found: dict[str, list[firewall.Rule]] = {"input": [], "forward": []}
    for line in _TUPLE.findall(text):
        if read := _rule(line.split()):
            found[read[0]].append(read[1])
    return found


def missing(needs: Iterable[Mapping[str, Any]], defaults: str, rules4: str, rules6: str) -> list[dict[str, Any]]:
    """The needs that ufw does not let through, by /etc/default/ufw and its user.rules and user6.rules."""
    values = settings(defaults)
    policy = {hook: values.get(f"DEFAULT_{hook.upper()}_POLICY", "DROP") for hook in ("input", "forward")}
    by_version = {4: rules(rules4), 6: rules(rules6)}

    def judge(hook: str, packet: firewall.Packet) -> str:
        if packet.source.version == 6 and values.get("IPV6", "yes").lower() != "yes":
            return "IPV6=no in /etc/default/ufw"
        name = "incoming" if hook == "input" else "routed"
        return firewall.blocked(
            by_version[packet.source.version][hook],
            packet,
            default_accept=policy[hook] == "ACCEPT",
            default=f"ufw's default for {name} packets, {policy[hook].lower()}",
        )

    return firewall.missing("ufw", needs, judge)


def openings(missing_: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Options of community.general.ufw, one dictionary for each rule that is needed."""
    found = []
    for need in missing_:
        for source in need["open_for"]:
            option = {"comment": "podpath.kubeadm.firewall", "route": need["hook"] == "forward", "from_ip": source}
            if need["hook"] == "forward":
                option["to_ip"] = need["destinations"][0]
            else:
                option |= {"to_port": need["port"].replace("-", ":"), "proto": need["protocol"]}
            found.append(option)
    return found


def command(option: Mapping[str, Any]) -> str:
    """What a person would type for one of the openings."""
    parts = ["ufw", *(["route"] if option["route"] else []), "allow"]
    if option.get("proto"):
        parts += ["proto", option["proto"]]
    parts += ["from", option["from_ip"], "to", option.get("to_ip", "any")]
    if option.get("to_port"):
        parts += ["port", option["to_port"]]
    return " ".join(parts)
