# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of pod_traceroute, schema 2, as reports need them: any number of nodes, whole or broken in a known way.

Node i has 10.<244+i/256>.<i%256>.0/24 and an address on eth1 in 192.168.56.0/21; eth0 is 10.0.2.15 everywhere.
"""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Iterator
from typing import Any

UDP_BLOCKED, LOOP, WRONG_CARD, MTU_HOLE, POLICY, NOT_READY = (
    "vxlan-blocked", "duplicate-public-ip", "wrong-card", "mtu-hole", "policy", "not-ready")
FAULTS = (UDP_BLOCKED, LOOP, WRONG_CARD, MTU_HOLE, POLICY, NOT_READY)
STARTED = "2026-11-24T17:30:00Z"


def node_name(index: int) -> str:
    return "controlplane" if index == 0 else f"node-{index}"


def subnet(index: int) -> str:
    return f"10.{244 + index // 256}.{index % 256}"


def node_address(index: int) -> str:
    return f"192.168.{56 + (index + 10) // 256}.{(index + 10) % 256}"


def _rtt(seed: int) -> dict[str, float]:
    low = 0.04 + (seed * 2654435761 % 1000) / 20000
    return {"min": round(low, 3), "median": round(low * 1.2, 3), "max": round(low * 1.9, 3)}


def _expected(source: int, destination: int, backend: str) -> list[dict[str, Any]]:
    pod = {"role": "pod", "addresses": [f"{subnet(destination)}.9"]}
    if source == destination:
        return [pod]
    second = {"role": "flannel.1", "addresses": [f"{subnet(destination)}.0"]}
    if backend == "host-gw":
        second = {"role": "node", "addresses": [node_address(destination)]}
    return [{"role": "cni0", "addresses": [f"{subnet(source)}.1"]}, second, pod]


def _hop(ttl: int, address: str | None, *notes: str) -> dict[str, Any]:
    got = {"addresses": [address] if address else [], "sent": 2, "received": 2 if address else 0}
    return {"ttl": ttl, **got, "rtt_ms": _rtt(ttl) if address else {}, "notes": list(notes)}


def _broken(fault: str, source: int, destination: int, bad: int) -> tuple[str, str, str, list[str | None]] | None:
    """Verdict, rule, reason and what each hop shows, for a pair that the fault at node ``bad`` touches."""
    if fault == MTU_HOLE or source == destination or bad not in (source, destination):
        return None
    here, there, pod = f"{subnet(source)}.1", f"{subnet(destination)}.0", f"{subnet(destination)}.9"
    names = node_name(source), node_name(destination)
    if fault == UDP_BLOCKED:
        reason = (f"Pod {pod} on {names[1]} was never reached: nothing came back after hop 1, so the packets are lost "
                  f"between {names[0]} and {names[1]}.")
        return "fail", "lost-between-nodes", reason, [here, None, None, None, None]
    if fault == LOOP:
        reason = f"Hop 2 is {here}, expected flannel.1 {there}: the packet comes back to {names[0]}, a loop."
        return "fail", "loop", reason, [here] * 5
    if fault == WRONG_CARD and bad == destination:
        reason = f"Hop 2 is 10.0.2.15, expected flannel.1 {there}: node {names[1]} answers by another interface."
        return "fail", "wrong-way-back", reason, [here, "10.0.2.15", pod]
    if fault == POLICY and bad == destination:
        reason = f"Pod {pod} was never reached: {names[1]} answers at hop 2, the pod does not; a filter there."
        return "fail", "filtered-at-destination", reason, [here, there, None, None, None]
    if fault == NOT_READY:
        return "inconclusive", "node-unusable", f"Node {node_name(bad)} is NotReady since 12 minutes.", []
    return None


def _pair(source: int, destination: int, backend: str, fault: str, bad: int) -> dict[str, Any]:
    expected = _expected(source, destination, backend)
    seen: list[str | None] = [hop["addresses"][0] for hop in expected]
    local = source == destination
    verdict, rule = "pass", "bridged" if local else "as-expected"
    reason = "The pod answers at the first hop: bridged on the node." if local else (
        "Every hop is the expected one, and the opposite trace shows the same way.")
    broken = _broken(fault, source, destination, bad)
    if broken:
        verdict, rule, reason, seen = broken
    large = 1450 if backend == "vxlan" else 1500
    hole = fault == MTU_HOLE and not local and bad in (source, destination)
    if hole:
        verdict, rule = "fail", "mtu-hole"
        reason = f"Small packets arrive, but none of {large} bytes does: a link on the way carries less."
    pod = f"{subnet(destination)}.9"
    reached = pod in seen
    unseen = {"observed": False, "why": reason}
    rtt = _rtt(source * 31 + destination) if reached else {}
    evidence = {
        "echoes": {"observed": True, "why": "", "sent": 3, "received": 3 if reached else 0, "rtt_ms": rtt,
                   "reply_ttls": ([64] * 3 if local else [62] * 3) if reached else [], "protocol": "icmp"},
        "full_size": {"observed": True, "why": "", "size": large, "sent": 2,
                      "received": 2 if reached and not hole else 0, "late": 0},
        "arrival": {"observed": True, "why": "", "source": f"{subnet(source)}.8", "ttl": 1, "size": 46,
                    "sources": {"udp": f"{subnet(source)}.8"}}
        if reached else {"observed": False, "why": "The peer recorded no packet of this pair."},
        "tcp": {"observed": True, "why": "", "connected": reached, "problem": "" if reached else "timed out after 2 s",
                "ms": rtt.get("median")},
        "underlay": {"observed": False, "why": "Both pods are on one node."} if local else {
            "observed": True, "why": "", "interface": "eth1", "mtu": 1500, "address": node_address(source),
            "gateway": "", "own_interface": "eth1", "needed_mtu": 1500 if backend == "vxlan" else None, "problem": ""},
    } if seen else dict.fromkeys(("echoes", "full_size", "arrival", "tcp", "underlay"), unseen)
    return {
        "source": {"node": node_name(source), "pod": f"podpath-4f1c-prober-{source}", "ip": f"{subnet(source)}.8"},
        "destination": {"node": node_name(destination), "pod": f"podpath-4f1c-peer-{destination}", "ip": pod},
        "family": "ipv4", "verdict": verdict, "rule": rule, "reason": reason,
        "expected": {"origin": f"Flannel {backend}, podCIDRs and addresses of the Node objects", "hops": expected},
        "hops": [_hop(ttl, address) for ttl, address in enumerate(seen, 1)],
        "protocol": "udp" if seen else "",
        "retraced": False,
        "evidence": evidence,
    }


def pairs(size: int, backend: str = "vxlan", fault: str = "", bad: int | None = None) -> Iterator[dict[str, Any]]:
    """All size x size pairs, one by one."""
    bad = size - 1 if bad is None else bad
    for source in range(size):
        for destination in range(size):
            yield _pair(source, destination, backend, fault, bad)


def _diagnosis(fault: str, failing: list[str], name: str) -> list[dict[str, Any]]:
    told = {
        UDP_BLOCKED: (
            f"{name} neither gets nor sends VXLAN packets: UDP port 8472 is dropped there.",
            ["Every pair to and from it stops after the source's own cni0; pairs among the other nodes pass.",
             "Pods on it reach each other by cni0, so its bridge works."],
            [f"ssh {name} sudo nft list ruleset | grep 8472", f"ssh {name} sudo tcpdump -ni eth1 udp port 8472"],
            [f"Open UDP 8472 between the nodes on {name}, as with firewall_policy: open, and run site.yml again."]),
        LOOP: (
            "All nodes gave Flannel the same public-ip 10.0.2.15, that of the NAT card.",
            ["Every hop of each pair across nodes is the source's own cni0.",
             "The annotation flannel.alpha.coreos.com/public-ip is 10.0.2.15 on each node."],
            ["kubectl get nodes -o yaml | grep public-ip"],
            ["Start flanneld with --iface=eth1, or with the node's own address, and restart its pods."]),
    }
    title, evidence, confirm, cure = told.get(fault, (
        f"Something on {name} breaks its paths ({fault}).", [f"All failing pairs begin or end at {name}."],
        [f"ssh {name} ip route"], [f"Look at the routes and filters of {name}."]))
    return [{"fault": fault, "title": title, "confidence": "likely", "nodes": [name], "pairs": failing[:20],
             "pairs_total": len(failing), "evidence": evidence, "confirm": confirm, "cure": cure}]


def _count(verdicts: list[str]) -> dict[str, int]:
    return {name: verdicts.count(name) for name in ("pass", "fail", "inconclusive")}


def _nodes(size: int, backend: str, fault: str, told: list[tuple[str, str, str]]) -> list[dict[str, Any]]:
    outgoing: dict[str, list[str]] = {}
    incoming: dict[str, list[str]] = {}
    for source, destination, verdict in told:
        outgoing.setdefault(source, []).append(verdict)
        incoming.setdefault(destination, []).append(verdict)
    nodes = []
    for index in range(size):
        name = node_name(index)
        last = index == size - 1
        public_ip = "10.0.2.15" if fault == LOOP else node_address(index)
        counts = _count(outgoing.get(name, []) + incoming.get(name, []))
        open_ = counts["inconclusive"] or not counts["pass"]
        verdict = "fail" if counts["fail"] else "inconclusive" if open_ else "pass"
        reason = "All its paths pass." if verdict == "pass" else f"{counts['fail']} paths fail."
        # as the module has it: what fails for the last node's sake is not held against the others
        if verdict != "pass" and fault != LOOP and counts["pass"] and not last:
            verdict, reason = "pass", f"Its pairs pass but for those with {node_name(size - 1)}, where the fault lies."
        nodes.append({
            "name": name, "ready": not (fault == NOT_READY and last), "pod_cidrs": [f"{subnet(index)}.0/24"],
            "internal_ips": [node_address(index)],
            "public_ip": public_ip, "public_ips": [public_ip], "overwritten_ips": [], "backend": backend,
            "bridge_ips": [f"{subnet(index)}.1"],
            "overlay_ips": [f"{subnet(index)}.0"] if backend == "vxlan" else [],
            "verdict": verdict, "reason": reason,
            "outgoing": _count(outgoing.get(name, [])), "incoming": _count(incoming.get(name, [])),
        })
    return nodes


def result(size: int = 3, backend: str = "vxlan", fault: str = "", **more: Any) -> dict[str, Any]:
    """What pod_traceroute returns for a mesh of ``size`` nodes; ``fault`` breaks the last one."""
    every = list(pairs(size, backend, fault))
    told = [(pair["source"]["node"], pair["destination"]["node"], pair["verdict"]) for pair in every]
    summary = _count([verdict for _source, _destination, verdict in told])
    verdict = "fail" if summary["fail"] else "inconclusive" if summary["inconclusive"] else "pass"
    failing = [f"{source} -> {destination} (ipv4)" for source, destination, found in told if found == "fail"]
    name = node_name(size - 1)
    preflight = []
    if fault == LOOP:
        preflight = [{"rule": "duplicate-public-ip", "severity": "fail", "scope": "cross",
                      "nodes": [node_name(index) for index in range(size)],
                      "message": f"{size} nodes have the Flannel public-ip 10.0.2.15.",
                      "cure": "Give Flannel the interface of the cluster network."}]
    skipped = [{"node": name, "reason": "NotReady since 12 minutes"}] if fault == NOT_READY else []
    dead = f"{subnet(1 if size > 1 else 0)}.254"
    return {
        "changed": False, "schema_version": 2, "verdict": verdict,
        "msg": f"{summary['pass']} of {len(every)} pairs pass, {summary['fail']} fail, "
               f"{summary['inconclusive']} are inconclusive.",
        "cluster": {"server": "https://192.168.56.10:6443", "nodes": size, "backends": [backend], "families": ["ipv4"],
                    "direct_routing": False},
        "run": {"id": "4f1c", "started": STARTED, "seconds": 6.4, "version": "0.2.0", "namespace": "default",
                "image": "docker.io/library/busybox:1.35.0", "method": "shell",
                "plan": {"name": "mesh", "seed": None, "sample_size": None}},
        "summary": summary,
        "coverage": {"tried": sum(1 for pair in every if pair["hops"]), "possible": size * size, "nodes": size,
                     "covered": size - len(skipped), "skipped": skipped},
        "preflight": preflight,
        "nodes": _nodes(size, backend, fault, told),
        "pairs": every,
        "control": [{"family": "ipv4", "source": node_name(0), "address": dead, "answered": [], "verdict": "fail",
                     "held": True,
                     "reason": f"Nothing answers at {dead}, as it must be.",
                     "hops": [_hop(1, f"{subnet(0)}.1"), _hop(2, f"{subnet(1)}.0", "!H")]}],
        "services": [{"source": node_name(index), "address": "10.96.113.7", "port": 8080, "connected": True,
                      "served_by": node_name((index + 1) % size), "problem": ""} for index in range(size)],
        "no_service": "",
        "diagnosis": _diagnosis(fault, failing, name) if failing else [],
        "changes": None,
        "requests": {"list": 6, "create": 2 * size, "delete": 1, "exec": size, "get": 1},
        "timings": {"start": 2.6, "probe": 2.9, "remove": 0.9}, "residue": 0, "stopped": "", "output_path": "",
        **more,
    }


def _ipv6(value: Any) -> Any:
    """The same with each IPv4 address as a long IPv6 one, as clouds and kubeadm give them."""
    if isinstance(value, dict):
        return {name: _ipv6(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_ipv6(item) for item in value]
    if value == "ipv4":
        return "ipv6"
    if not isinstance(value, str):
        return value
    text = re.sub(r"10\.(\d+)\.(\d+)\.(\d+)/24", r"2001:db8:4f1c:a00\2::/64", value)
    text = re.sub(r"\b10\.(24\d)\.(\d+)\.(\d+)", r"2001:db8:4f1c:a00\2:abcd:ef01:2345:\3", text)
    return re.sub(r"\b192\.168\.(\d+)\.(\d+)", r"2001:db8:a0b1:c2d3:5054:ff:fe\1:\2", text)


def dual(size: int = 3, fault: str = "", ipv4: str = "") -> dict[str, Any]:
    """The same cluster in both families; ``fault`` is in IPv6 alone, ``ipv4`` is the fault in IPv4."""
    four, six = result(size, fault=ipv4), _ipv6(result(size, fault=fault))
    both = copy.deepcopy(four)
    for mine, other in zip(both["nodes"], six["nodes"], strict=True):
        for name in ("pod_cidrs", "internal_ips", "bridge_ips", "overlay_ips"):
            mine[name] += other[name]
        for way in ("outgoing", "incoming"):
            mine[way] = {kind: mine[way][kind] + other[way][kind] for kind in mine[way]}
        mine["verdict"] = max(mine["verdict"], other["verdict"], key=("pass", "inconclusive", "fail").index)
    return {**both, "pairs": four["pairs"] + six["pairs"], "control": four["control"] + six["control"],
            "summary": {kind: four["summary"][kind] + six["summary"][kind] for kind in four["summary"]},
            "diagnosis": four["diagnosis"] + six["diagnosis"],
            "verdict": max(four["verdict"], six["verdict"], key=("pass", "inconclusive", "fail").index),
            "coverage": {**four["coverage"], "tried": 2 * size * size, "possible": 2 * size * size},
            "cluster": {**four["cluster"], "families": ["ipv4", "ipv6"]}}


def node_results(size: int = 3, most: int | None = None) -> dict[str, Any]:
    """What the role node_paths sets on each host of a healthy lab, each of which looks at ``most`` others."""
    results = {}
    for index in range(size):
        name = node_name(index)
        row = {"source": name, "verdict": "pass", "reason": "As it should be."}
        paths = [
            {**row, "destination": "internet", "kind": "internet", "expected": "default route not by eth1",
             "seen": "eth0 via 10.0.2.2", "rtt_ms": None},
            {**row, "destination": "names", "kind": "resolver", "expected": "registry.k8s.io resolves by eth0",
             "seen": "eth0 10.0.2.3", "rtt_ms": 1.5},
        ]
        others = [(index + step) % size for step in range(1, size)]
        for other in sorted(others[:most]):
            way = f"eth1 -> {node_address(other)}"
            paths.append({**row, "destination": node_name(other), "kind": "node", "expected": way, "seen": way,
                          "rtt_ms": 0.08})
        results[name] = {"address": node_address(index), "interface": "eth1", "verdict": "pass", "paths": paths,
                         "peers_left_out": len(others[most:]) if most is not None else 0}
    return results


def sparse(size: int, per_node: int, seed: int = 7, fault: str = "") -> dict[str, Any]:
    """A sampled plan: each node with itself and ``per_node`` others."""
    whole = random.Random(seed)
    wanted = {(s, s) for s in range(size)} | {(s, whole.randrange(size)) for s in range(size) for _ in range(per_node)}
    every = [_pair(s, d, "vxlan", fault, size - 1) for s, d in sorted(wanted)]
    told = [(pair["source"]["node"], pair["destination"]["node"], pair["verdict"]) for pair in every]
    document = result(1)
    document["run"]["plan"] = {"name": "sample", "seed": seed, "sample_size": per_node}
    summary = _count([found for _s, _d, found in told])
    return {**document, "pairs": every, "nodes": _nodes(size, "vxlan", fault, told), "summary": summary,
            "verdict": "fail" if summary["fail"] else "pass",
            "cluster": {**document["cluster"], "nodes": size},
            "coverage": {"tried": len(every), "possible": size * size, "nodes": size, "covered": size, "skipped": []}}
