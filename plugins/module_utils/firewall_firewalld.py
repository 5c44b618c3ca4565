# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What firewall-cmd lists, read and judged: zones and policies, as they run and as a boot will load them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.podpath.kubeadm.plugins.module_utils import firewall

POLICY = "podpath-pods"

# the services of firewalld itself that open what a cluster needs; the text of others is not known here
_SERVICES = {
    "kube-apiserver": "6443/tcp",
    "kubelet": "10250/tcp",
    "kubelet-worker": "10250/tcp",
    "etcd-client": "2379/tcp",
    "etcd-server": "2380/tcp",
    "kube-nodeport-services": "30000-32767/tcp",
    "kube-control-plane": "6443/tcp 2379-2380/tcp 10250/tcp",
    "kube-control-plane-secure": "6443/tcp 2379-2380/tcp 10250/tcp",
    "kube-worker": "10250/tcp 30000-32767/tcp",
}
# what a zone may have been given at run time only; interfaces are, by NetworkManager and others, and come back
_SET = {
    "services": "service",
    "ports": "port",
    "protocols": "protocol",
    "source-ports": "source port",
    "sources": "source",
    "forward-ports": "forwarded port",
    "icmp-blocks": "ICMP block",
}
_SWITCHED_ON = {
    "masquerade": "masquerading",
    "forward": "forwarding within it",
    "icmp-block-inversion": "inversion of ICMP blocks",
}
_RICH_SOURCE = re.compile(r'source address="([^"]+)"')
_RICH_DESTINATION = re.compile(r'destination address="([^"]+)"')
_RICH_PORT = re.compile(r'\bport port="([^"]+)" protocol="([^"]+)"')
_RICH_SERVICE = re.compile(r'service name="([^"]+)"')
_RICH_VERDICT = re.compile(r"\b(accept|drop|reject)\b")
_RICH_KNOWN = re.compile(
    r'^rule(?: priority="-?\d+")?(?: family="ipv[46]")?(?: source address="[^"]+")?'
    r'(?: destination address="[^"]+")?'
    r'(?: port port="[^"]+" protocol="[^"]+"| service name="[^"]+")?(?: log\b.*?)? (?:accept|drop|reject)\b'
)


@dataclass
class Section:
    """A zone or a policy as `firewall-cmd --list-all-zones` and `--list-all-policies` print it."""

    name: str
    values: dict[str, list[str]] = field(default_factory=dict)
    rich: list[str] = field(default_factory=list)

    @property
    def target(self) -> str:
        return (self.values.get("target") or ["default"])[0]


def sections(text: str) -> dict[str, Section]:
    found: dict[str, Section] = {}
    section = Section("")
    for line in text.splitlines():
        if not line.strip():
            continue
        if not line[0].isspace():
            section = found.setdefault(line.split()[0], Section(line.split()[0]))
        elif line.strip().startswith("rule "):
            section.rich.append(line.strip())
        elif line.strip().startswith("port="):
            section.values.setdefault("forward-ports", []).append(line.strip())
        elif ":" in line:
            key, _, value = line.strip().partition(":")
            section.values[key] = value.split()
    return found


def _port_rules(entries: Iterable[str], **more: Any) -> list[firewall.Rule]:
    found = []
    for entry in entries:
        port, _, protocol = entry.partition("/")
        found.append(firewall.Rule(ports=(firewall.ports(port),), protocols=frozenset([protocol]), **more))
    return found


def _rich(text: str, zone: str) -> list[firewall.Rule]:
    verdict = _RICH_VERDICT.search(text)
    if not verdict:
        return []
    source, target = _RICH_SOURCE.search(text), _RICH_DESTINATION.search(text)
    more: dict[str, Any] = {
        "accept": verdict[1] == "accept",
        "sources": (firewall.network(source[1]),) if source else None,
        "destinations": (firewall.network(target[1]),) if target else None,
        "partly": not _RICH_KNOWN.match(text),
        "where": f"the rich rule '{text}' of zone {zone}",
    }
    if port := _RICH_PORT.search(text):
        return _port_rules([f"{port[1]}/{port[2]}"], **more)
    if service := _RICH_SERVICE.search(text):
        return _port_rules(_SERVICES.get(service[1], "").split(), **more)
    return [firewall.Rule(**more)]


def zone_rules(zone: Section) -> list[firewall.Rule]:
    """firewalld's order: what refuses, then what lets in."""
    rich = [rule for text in zone.rich for rule in _rich(text, zone.name)]
    listed = zone.values.get("ports", []) + [
        port for service in zone.values.get("services", []) for port in _SERVICES.get(service, "").split()
    ]
    return [r for r in rich if not r.accept] + _port_rules(listed, accept=True) + [r for r in rich if r.accept]


def _networks(entries: Iterable[str]) -> list[firewall.Network]:
    """Sources that are networks; hardware addresses and names of sets are left out."""
    found = []
    for entry in entries:
        try:
            found.append(firewall.network(entry))
        except firewall.FirewallError:
            continue
    return found


def _zone_of(zones: Mapping[str, Section], source: firewall.Network, interface: str, default: str) -> Section:
    """Sources are looked at before interfaces, and the default zone has the rest."""
    for zone in zones.values():
        if firewall.networks_cover(_networks(zone.values.get("sources", [])), source) == firewall.ALL:
            return zone
    for zone in zones.values():
        if interface and interface in zone.values.get("interfaces", []):
            return zone
    return zones.get(default, Section(default))


def _forwards(policies: Mapping[str, Section], ingress: str, egress: str, packet: firewall.Packet) -> bool:
    for policy in policies.values():
        comes, goes = policy.values.get("ingress-zones", []), policy.values.get("egress-zones", [])
        if (
            {"ANY", ingress} & set(comes)
            and {"ANY", egress} & set(goes)
            and not firewall.blocked(
                zone_rules(policy), packet, default_accept=policy.target == "ACCEPT", default="its target"
            )
        ):
            return True
    return False


def _judge_of(
    default: str, zones: Mapping[str, Section], policies: Mapping[str, Section], bound: Mapping[str, Section], when: str
) -> Any:
    """`bound` are the zones that know which interface is theirs: those that run."""

    def judge(hook: str, packet: firewall.Packet) -> str:
        running = _zone_of(bound, packet.source, packet.interface, default)
        zone = _zone_of(zones, packet.source, "", running.name)
        if hook == "input":
            return firewall.blocked(
                zone_rules(zone),
                packet,
                default_accept=zone.target == "ACCEPT",
                default=f"firewalld's zone {zone.name}{when}",
            )
        egress = _zone_of(zones, packet.destination, "", default) if packet.destination else Section(default)
        if zone.target == "ACCEPT" or _forwards(policies, zone.name, egress.name, packet):
            return ""
        return f"firewalld's zone {zone.name}{when}, as no policy forwards"

    return judge


def missing(
    needs: Iterable[Mapping[str, Any]],
    default_zone: str,
    zones: str,
    policies: str,
    permanent_zones: str,
    permanent_policies: str,
) -> list[dict[str, Any]]:
    """The needs that firewalld does not let through, now or after a boot, by what firewall-cmd prints."""
    default, running = default_zone.strip(), sections(zones)
    now = _judge_of(default, running, sections(policies), running, "")
    later = _judge_of(default, sections(permanent_zones), sections(permanent_policies), running, ", after a boot")
    found = firewall.missing("firewalld", needs, lambda hook, packet: now(hook, packet) or later(hook, packet))
    return [
        {**need, "zone": _zone_of(running, firewall.network(need["open_for"][0]), need["interface"], default).name}
        for need in found
    ]


def lost_by_reload(running: str, permanent: str, kind: str = "zone") -> list[str]:
    """What `firewall-cmd --reload` takes away: of each zone (or policy) that runs, what the permanent one lacks."""
    later, found = sections(permanent), []
    for name, section in sections(running).items():
        kept = later.get(name, Section(name))
        lost = (
            [
                f"{word} {value}"
                for key, word in _SET.items()
                for value in section.values.get(key, [])
                if value not in kept.values.get(key, [])
            ]
            + [
                word
                for key, word in _SWITCHED_ON.items()
                if section.values.get(key) == ["yes"] != kept.values.get(key)
            ]
            + [f"rich rule '{rule}'" for rule in section.rich if rule not in kept.rich]
        )
        if lost:
            found.append(f"{kind} {name}: {', '.join(lost)}")
    return found


def openings(missing_: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Options of ansible.posix.firewalld, one dictionary for each thing that is needed.

    Pods' networks become sources of the zone trusted: that lets pods out of and into the host. What others send to pods
    is a policy, for which there is no module: policy_sources().
    """
    found: list[dict[str, Any]] = []
    for need in missing_:
        if need["hook"] == "forward":
            # what pods send goes anywhere; whoever else sends to them, as to NodePorts, is not to be trusted for it
            anywhere = firewall.network(need["destinations"][0]).prefixlen == 0
            pods = need["sources"] if anywhere else need["destinations"]
            found += [{"zone": "trusted", "source": net} for net in pods]
        elif need["interface"] == "cni0":
            found += [{"zone": "trusted", "source": net} for net in need["open_for"]]
        else:
            for net in need["open_for"]:
                entry = f"{need['port']}/{need['protocol']}"
                if firewall.network(net).prefixlen == 0:
                    found.append({"zone": need["zone"], "port": entry})
                else:
                    found.append(
                        {
                            "zone": need["zone"],
                            "rich_rule": (
                                f'rule family="ipv{firewall.network(net).version}" source address="{net}" '
                                f'port port="{need["port"]}" protocol="{need["protocol"]}" accept'
                            ),
                        }
                    )
    return [option for index, option in enumerate(found) if option not in found[:index]]


def policy_sources(needs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Which networks the policy lets to which pods: {source, pods, family}."""
    found = [
        {"source": source, "pods": need["destinations"][0], "family": f"ipv{firewall.network(source).version}"}
        for need in needs
        if need["hook"] == "forward" and firewall.network(need["destinations"][0]).prefixlen > 0
        for source in need["open_for"]
    ]
    return [entry for index, entry in enumerate(found) if entry not in found[:index]]


def command(option: Mapping[str, Any]) -> str:
    """What a person would type for one of the openings."""
    for what, switch in (("source", "add-source"), ("port", "add-port"), ("rich_rule", "add-rich-rule")):
        if what in option:
            value = f"'{option[what]}'" if what == "rich_rule" else option[what]
            return f"firewall-cmd --permanent --zone={option['zone']} --{switch}={value}"
    raise firewall.FirewallError(f"{option} opens nothing")
