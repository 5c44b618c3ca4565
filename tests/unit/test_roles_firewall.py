# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node needs of its firewall, against rules of ufw, firewalld and nftables as the tools print them."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from pathlib import Path

import pytest
from role_templates import Role, load, task

from ansible_collections.podpath.kubeadm.plugins.module_utils import (
    firewall,
    firewall_firewalld,
    firewall_iptables,
    firewall_nftables,
    firewall_ufw,
)

DATA = Path(__file__).parent / "data/firewall"
NODES = ["192.168.56.10", "192.168.56.11", "192.168.56.12"]


def needs(**changed):
    return firewall.needs(**{
        "control_plane": False, "addresses": ["192.168.56.11"], "interface": "eth1", "node_addresses": NODES,
        "control_plane_addresses": NODES[:1], "node_sources": ["192.168.56.0/24"], "api_sources": [],
        "node_port_sources": [], "pod_cidr": "10.244.0.0/16", "backend": "vxlan", "extra_ports": [], **changed})


def of_control_plane(**changed):
    return needs(control_plane=True, addresses=["192.168.56.10"], **changed)


def named(missing):
    return [firewall.what(need) for need in missing]


OTHERS = "192.168.56.10, 192.168.56.12"
FORWARDING = ["forwarding from 10.244.0.0/16 to anywhere", f"forwarding from {OTHERS} to 10.244.0.0/16"]


def test_a_worker_needs_kubelet_flannel_and_its_pods_traffic():
    assert named(needs()) == [
        f"10250/tcp from {OTHERS}", "10250/tcp from 10.244.0.0/16", f"8472/udp from {OTHERS}", *FORWARDING]


@pytest.mark.parametrize(("backend", "ports"), [("host-gw", set()), ("wireguard", {"51820", "51821"})])
def test_the_backend_decides_on_flannels_ports(backend, ports):
    assert {need["port"] for need in needs(backend=backend) if need["protocol"] == "udp"} == ports


def test_a_control_plane_needs_its_api_and_etcd_only_between_control_planes():
    others = "192.168.56.11, 192.168.56.12"
    assert f"6443/tcp from {others}" in named(of_control_plane())
    assert not [need for need in of_control_plane() if need["port"] == "2379-2380"]
    three = of_control_plane(control_plane_addresses=NODES)
    assert f"2379-2380/tcp from {others}" in named(three)


def test_an_api_server_on_another_port_is_needed_there_by_nodes_pods_and_administrators():
    found = of_control_plane(api_port=8443, api_sources=["0.0.0.0/0"])
    assert [need["sources"] for need in found if need["port"] == "8443"] == [
        ["192.168.56.11", "192.168.56.12"], ["0.0.0.0/0"], ["10.244.0.0/16"]]
    assert not [need for need in found if need["port"] == "6443"]
    # firewalld's own service is of the usual one
    assert "8443/tcp from 0.0.0.0/0" in named(firewalld(zones(services="kube-apiserver"), wanted=found))
    assert "8443/tcp from 0.0.0.0/0" not in named(firewalld(zones(ports="8443/tcp"), wanted=found))


@pytest.mark.parametrize(("said", "port"), [
    ({}, 6443), ({"control_plane_init_config": {}}, 6443), ({"control_plane_init_config": None}, 6443),
    ({"control_plane_init_config": {"localAPIEndpoint": None}}, 6443),
    ({"control_plane_init_config": {"localAPIEndpoint": {"bindPort": 8443}}}, 8443)])
def test_the_port_of_the_api_server_is_the_one_that_kubeadm_is_told(said, port):
    role = Role("firewall", groups={"kube_control_plane": ["controlplane"]},
                hostvars={"controlplane": {"inventory_hostname": "controlplane", **said}})
    for none_yet in ({}, {"kubernetes_api_port": ""}):
        assert int(role.render(role.variables["firewall_api_port"], **none_yet)) == port
    # what kubeadm would be told is without effect on an API server that runs
    assert int(role.render(role.variables["firewall_api_port"], kubernetes_api_port="7443")) == 7443


@pytest.mark.parametrize(("manifests", "port"), [
    ([], ""), ([""], ""), (["- --secure-port=8443\n"], "8443"),
    (["", "- --tls-cert-file=x\n- --secure-port=7443\n"], "7443")])
def test_the_port_of_an_api_server_that_runs_is_that_of_its_manifest(manifests, port):
    answers = [{"content": b64encode(text.encode()).decode()} if text else {"msg": "File not found: x"}
               for text in manifests]
    told = task("roles/kubernetes/tasks/check.yml", "Tell what the other roles need to know")
    role = Role("kubernetes", __kubernetes_api_answers=answers)
    assert role.render(told["ansible.builtin.set_fact"]["kubernetes_api_port"]) == port


def test_the_role_judges_by_the_port_of_the_api_server():
    role = Role("firewall", groups={"kube_control_plane": ["node-1"]}, hostvars={"node-1": {
        "control_plane_init_config": {"localAPIEndpoint": {"bindPort": 8443}}}}, node_address_interface="eth1",
        node_address_ips=["192.168.56.10"], node_address_nodes={
            name: {"addresses": [address], "networks": ["192.168.56.0/24"]}
            for name, address in (("node-1", "192.168.56.10"), ("node-2", "192.168.56.11"))})
    assert [need["port"] for need in role.render("{{ __firewall_needs }}")][:2] == ["8443", "8443"]


def test_an_address_of_the_other_family_is_no_need():
    assert not [n for n in of_control_plane(api_sources=["0.0.0.0/0", "::/0"]) if "::/0" in n["sources"]]


def test_both_families_are_needed_with_two():
    found = needs(addresses=["192.168.56.11", "fd00::11"], node_addresses=["192.168.56.10", "fd00::10"],
                  pod_cidr="10.244.0.0/16,fd01::/48")
    assert "forwarding from fd01::/48 to anywhere" in named(found)
    assert "8472/udp from 192.168.56.10, fd00::10" in named(found)


def test_a_port_that_is_none_is_a_sentence():
    with pytest.raises(firewall.FirewallError, match="'http' is no port"):
        needs(extra_ports=[{"port": "http"}])


# ufw

UFW = 'IPV6=yes\nDEFAULT_INPUT_POLICY="DROP"\nDEFAULT_FORWARD_POLICY="DROP"\n'


def ufw(*tuples, defaults=UFW, wanted=None):
    rules = "".join(f"### tuple ### {line}\n-A ufw-user-input ...\n" for line in tuples)
    return named(firewall_ufw.missing(needs() if wanted is None else wanted, defaults, rules, ""))


def test_ufw_as_it_comes_lets_nothing_in():
    assert ufw() == named(needs())
    assert ufw(defaults=UFW.replace("DROP", "ACCEPT")) == []


def test_ufw_that_was_opened_is_open():
    missing = firewall_ufw.missing(needs(), UFW, "", "")
    assert [firewall_ufw.command(option) for option in firewall_ufw.openings(missing)] == [
        "ufw allow proto tcp from 192.168.56.0/24 to any port 10250",
        "ufw allow proto tcp from 10.244.0.0/16 to any port 10250",
        "ufw allow proto udp from 192.168.56.0/24 to any port 8472",
        "ufw route allow from 10.244.0.0/16 to 0.0.0.0/0",
        "ufw route allow from 192.168.56.0/24 to 10.244.0.0/16"]
    assert ufw("allow tcp 10250 0.0.0.0/0 any 192.168.56.0/24 in comment=706f",
               "allow tcp 10250 0.0.0.0/0 any 10.244.0.0/16 in",
               "allow udp 8472 0.0.0.0/0 any 192.168.56.0/24 in",
               "route:allow any any 0.0.0.0/0 any 10.244.0.0/16 in",
               "route:allow any any 10.244.0.0/16 any 192.168.56.0/24 in") == []


def test_an_operators_own_rules_of_ufw_count():
    # each node by itself, a list and a range of ports, an interface, everything for one network
    assert ufw("allow any any 0.0.0.0/0 any 192.168.56.10 in",
               "allow udp 8000:9000 0.0.0.0/0 any 0.0.0.0/0 in_eth1",
               "allow tcp 80,10250 0.0.0.0/0 any 0.0.0.0/0 in",
               "route:allow any any 0.0.0.0/0 any 0.0.0.0/0 in") == []


@pytest.mark.parametrize("rule", [
    "allow udp 8472 0.0.0.0/0 any 0.0.0.0/0 in_eth0", "allow tcp 8472 0.0.0.0/0 any 0.0.0.0/0 in",
    "allow udp 8472 0.0.0.0/0 any 0.0.0.0/0 out", "allow udp 8472 0.0.0.0/0 53 0.0.0.0/0 in",
    "allow udp 8472 192.168.57.11 any 0.0.0.0/0 in", "limit udp 8472 0.0.0.0/0 any 0.0.0.0/0 in",
    "allow udp 8473 0.0.0.0/0 any 0.0.0.0/0 in"])
def test_rules_of_ufw_beside_the_point_do_not_count(rule):
    flannel = [need for need in needs() if need["port"] == "8472"]
    assert ufw(rule, wanted=flannel) == [f"8472/udp from {OTHERS}"]


def test_what_ufw_refuses_first_is_refused_and_named():
    flannel = [need for need in needs() if need["port"] == "8472"]
    rules = ("### tuple ### deny any any 0.0.0.0/0 any 192.168.56.12 in\n"
             "### tuple ### allow udp 8472 0.0.0.0/0 any 0.0.0.0/0 in\n")
    (missing,) = firewall_ufw.missing(flannel, UFW, rules, "")
    assert missing["sources"] == ["192.168.56.12"]
    assert missing["stopped_by"] == ["ufw's rule 'deny any any to 0.0.0.0/0 from 192.168.56.12'"]
    turned = "\n".join(reversed(rules.splitlines()))
    assert firewall_ufw.missing(flannel, UFW, turned, "") == []


def test_an_address_outside_of_the_networks_is_opened_by_itself():
    (missing,) = firewall_ufw.missing(
        [n for n in needs(node_addresses=["192.168.56.10", "10.9.9.9"]) if n["port"] == "8472"], UFW, "", "")
    assert missing["open_for"] == ["192.168.56.0/24", "10.9.9.9"]


@pytest.mark.parametrize(("text", "on"), [("ENABLED=yes\n", True), ("# ENABLED=yes\nENABLED=no\n", False), ("", False)])
def test_ufw_is_in_use_if_a_boot_starts_it(text, on):
    assert firewall_ufw.enabled(text) is on


# firewalld

RULE = 'rule family="ipv4" source address="192.168.56.0/24"'
PUBLIC = """\
public{active}
  target: default
  icmp-block-inversion: no
  interfaces: {interfaces}
  sources: {sources}
  services: dhcpv6-client ssh {services}
  ports: {ports}
  forward: yes
  rich rules: {rich}

trusted
  target: ACCEPT
  interfaces:
  sources: {trusted}
  services:
  ports:
  rich rules:
"""
POLICIES = """\
podpath-pods (active)
  priority: -1
  target: CONTINUE
  ingress-zones: ANY
  egress-zones: trusted
  rich rules:
\trule family="ipv4" source address="192.168.56.0/24" destination address="10.244.0.0/16" accept
"""


def zones(**values):
    return PUBLIC.format(**{"active": " (active)", "interfaces": "", "sources": "", "services": "", "ports": "",
                            "rich": "", "trusted": "", **values})


def firewalld(zones_, policies="", permanent=None, permanent_policies=None, wanted=None):
    return firewall_firewalld.missing(
        needs() if wanted is None else wanted, "public\n", zones_, policies,
        zones_ if permanent is None else permanent, policies if permanent_policies is None else permanent_policies)


@pytest.mark.parametrize("outside", ["203.0.113.0/24", "0.0.0.0/0"])
def test_whoever_may_reach_node_ports_is_not_trusted_by_firewalld(outside):
    # the nodes as plain addresses, as the networks that are opened for them
    wanted = needs(node_port_sources=[outside], node_sources=NODES)
    opened = firewall_firewalld.openings(firewalld(zones(interfaces="eth1"), wanted=wanted))
    assert [option["source"] for option in opened if option["zone"] == "trusted"] == ["10.244.0.0/16"]
    assert {"source": outside, "pods": "10.244.0.0/16", "family": "ipv4"} in firewall_firewalld.policy_sources(wanted)


def test_firewalld_as_it_comes_names_all():
    missing = firewalld(zones(interfaces="eth1"))
    assert named(missing) == named(needs())
    assert missing[0]["stopped_by"] == ["firewalld's zone public"]
    assert [firewall_firewalld.command(option) for option in firewall_firewalld.openings(missing)] == [
        f"firewall-cmd --permanent --zone=public --add-rich-rule='{RULE} port port=\"10250\" protocol=\"tcp\" accept'",
        "firewall-cmd --permanent --zone=trusted --add-source=10.244.0.0/16",
        f"firewall-cmd --permanent --zone=public --add-rich-rule='{RULE} port port=\"8472\" protocol=\"udp\" accept'"]


RICH = "".join(f'\n\t{RULE} port port="{port}" protocol="{protocol}" accept'
               for port, protocol in (("10250", "tcp"), ("8472", "udp")))


def test_firewalld_that_was_opened_is_open():
    assert firewalld(zones(rich=RICH, trusted="10.244.0.0/16"), POLICIES) == []


def test_what_firewalld_forgets_at_a_boot_is_missing():
    opened = zones(rich=RICH, trusted="10.244.0.0/16")
    missing = firewalld(opened, POLICIES, permanent=zones(trusted="10.244.0.0/16"))
    assert named(missing) == [f"10250/tcp from {OTHERS}", f"8472/udp from {OTHERS}"]
    assert missing[0]["stopped_by"] == ["firewalld's zone public, after a boot"]
    assert named(firewalld(opened, POLICIES, permanent_policies="")) == FORWARDING[1:]


def test_services_and_ports_of_firewalld_count():
    opened = zones(services="kubelet", ports="8000-9000/udp", trusted="10.244.0.0/16")
    assert named(firewalld(opened)) == FORWARDING[1:]


def test_a_zone_by_source_goes_before_one_by_interface():
    everything = zones(interfaces="eth1", trusted="10.244.0.0/16 192.168.56.0/24")
    assert firewalld(everything) == []


def test_what_firewalld_refuses_goes_before_what_it_lets_in():
    rich = RICH + '\n\trule family="ipv4" source address="192.168.56.12" reject'
    missing = firewalld(zones(rich=rich, trusted="10.244.0.0/16"), POLICIES)
    assert {source for need in missing for source in need["sources"]} == {"192.168.56.12"}


SSH = '\n\trule family="ipv4" source address="10.9.0.0/16" service name="ssh" accept'


def test_what_a_reload_takes_away_is_named():
    running = zones(services="http", ports="2222/tcp 10250/tcp", sources="10.9.0.0/16", rich=SSH, interfaces="eth1",
                    trusted="10.88.0.0/16")
    assert firewall_firewalld.lost_by_reload(running, zones(ports="10250/tcp")) == [
        f"zone public: service http, port 2222/tcp, source 10.9.0.0/16, rich rule '{SSH.strip()}'",
        "zone trusted: source 10.88.0.0/16"]


def test_a_reload_takes_away_what_was_switched_on_forwarded_or_blocked():
    kept = zones().replace("forward: yes", "forward: no\n  masquerade: no")
    forwarded = "port=80:proto=tcp:toport=8080:toaddr="
    running = zones().replace("forward: yes", f"forward: yes\n  masquerade: yes\n  forward-ports: \n\t{forwarded}\n"
                              "  icmp-blocks: echo-request")
    assert firewall_firewalld.lost_by_reload(running, kept) == [
        f"zone public: forwarded port {forwarded}, ICMP block echo-request, masquerading, "
        "forwarding within it"]
    # switched off now, on after a boot: nothing is lost
    assert firewall_firewalld.lost_by_reload(kept, zones()) == []


def test_interfaces_come_back_and_what_only_a_boot_would_load_is_not_lost():
    running = zones(interfaces="eth1", rich=SSH)
    assert firewall_firewalld.lost_by_reload(running, zones(active="", rich=SSH, ports="8443/tcp")) == []


@pytest.mark.parametrize(("hooks", "policy", "running", "policies", "lost"), [
    (["input", "forward"], "open", zones(ports="2222/tcp"), "", "zone public: port 2222/tcp"),
    (["input", "forward"], "open", zones(), POLICIES,
     f"policy podpath-pods: rich rule '{RULE} destination address=\"10.244.0.0/16\" accept'"),
    (["input", "forward"], "open", zones(interfaces="eth1"), "", ""),
    # nothing is reloaded
    (["input"], "open", zones(ports="2222/tcp"), "", ""),
    (["input", "forward"], "check", zones(ports="2222/tcp"), "", ""),
])
def test_firewalld_is_not_reloaded_where_it_would_close_what_is_open(hooks, policy, running, policies, lost):
    refusal = task("roles/firewall/tasks/check.yml", "Refuse to reload a firewalld that would lose something")
    listed = ["public", running, policies, zones(), ""]
    role = Role("firewall", firewall_policy=policy,
                __firewall_missing=[{"tool": "firewalld", "hook": hook} for hook in hooks],
                __firewall_firewalld_read={"results": [{"stdout": text} for text in listed]})
    assert (not role.goes(refusal) or role.holds(refusal)) is not bool(lost)
    if lost:
        assert f"{lost}\nKeep it by `firewall-cmd --runtime-to-permanent` on node-1" in role.says(refusal)


# nftables


def nft(name="nft_filter.json", wanted=None, **more):
    return firewall_nftables.missing(needs() if wanted is None else wanted, [(DATA / name).read_text()], **more)


def test_only_tables_that_may_be_the_hosts_firewall_are_looked_at():
    chains = (DATA / "nft_chains.json").read_text()
    assert firewall_nftables.tables(chains) == [{"family": "inet", "table": "filter"}]
    iptables = (DATA / "nft_iptables.json").read_text()
    assert firewall_nftables.tables(iptables) == [{"family": "ip", "table": "filter"}]
    assert firewall_nftables.tables(iptables, ufw=True) == []


def test_a_chain_of_nftables_is_read():
    # 8472 is only let in from .12, by a chain that is jumped to; pods' packets go out, but nothing else gets to pods
    assert named(nft()) == [
        "10250/tcp from 10.244.0.0/16", "8472/udp from 192.168.56.10",
        f"forwarding from {OTHERS} to 10.244.0.0/16"]
    assert nft()[0]["stopped_by"] == ["chain inet filter input"]


def test_openings_of_nftables_go_to_the_chain_that_refuses():
    assert firewall_nftables.openings(nft()) == [
        f'insert rule inet filter {rule} accept comment "podpath.kubeadm.firewall"' for rule in (
            "input ip saddr 10.244.0.0/16 tcp dport 10250", "input ip saddr 192.168.56.0/24 udp dport 8472",
            "forward ip saddr 192.168.56.0/24 ip daddr 10.244.0.0/16")]


def test_a_port_that_a_chain_drops_by_a_rule_is_named():
    extra = [{"port": "9999", "protocol": "udp", "sources": ["192.168.56.12"]}]
    assert "9999/udp from 192.168.56.12" in named(nft(wanted=needs(extra_ports=extra)))


def test_iptables_rules_are_read_as_far_as_nft_shows_them():
    # multiport is not shown, so 10250 may be open: it is named, as nobody knows. The policy of FORWARD stops no pod,
    # as Flannel puts its own rules there.
    assert named(nft("nft_iptables.json", of_control_plane())) == [
        "6443/tcp from 10.244.0.0/16", "10250/tcp from 192.168.56.11, 192.168.56.12", "10250/tcp from 10.244.0.0/16"]


def test_a_ban_of_a_part_of_the_world_is_no_obstacle():
    api = [need for need in of_control_plane(api_sources=["0.0.0.0/0"]) if "0.0.0.0/0" in need["sources"]]
    rules = "deny any any 0.0.0.0/0 any 203.0.113.9 in", "allow tcp 6443 0.0.0.0/0 any 0.0.0.0/0 in"
    assert ufw(*rules, wanted=api) == []
    # as kube-proxy refuses a Service without pods
    chain = {"family": "ip", "table": "filter"}
    service = {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "10.96.0.9"}}
    text = json.dumps({"nftables": [
        {"chain": {**chain, "name": "FORWARD", "type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}},
        {"rule": {**chain, "chain": "FORWARD", "expr": [service, {"xt": {"type": "target", "name": "REJECT"}}]}}]})
    assert firewall_nftables.missing(needs(), [text]) == []


def test_rules_of_kube_proxy_and_flannel_are_no_firewall():
    assert nft("nft_kubernetes.json", of_control_plane(api_sources=["0.0.0.0/0"])) == []


def test_something_else_than_a_ruleset_is_refused():
    with pytest.raises(firewall.FirewallError, match="something else than a ruleset"):
        firewall_nftables.tables("{}")


CHECK = "roles/firewall/tasks/check.yml"


def behind_nftables(**said):
    """The role on a node whose own chain refuses something, by what `nft --json list table` prints of it."""
    nodes = {f"node-{number}": {"addresses": [address], "networks": ["192.168.56.0/24"]}
             for number, address in enumerate(NODES)}
    found = {"__firewall_nftables": [(DATA / "nft_filter.json").read_text()], "__firewall_missing": nft()}
    return Role("firewall", node_address_interface="eth1", node_address_ips=[NODES[1]], node_address_nodes=nodes,
                **{"firewall_policy": "open", "ansible_facts": {}, **found, **said})


def test_what_a_boot_would_load_is_tried_with_the_rules_that_are_to_be_kept():
    tried = task(CHECK, "Try what a boot would load")
    role = behind_nftables()
    command = role.render(tried["ansible.builtin.command"])
    # nothing is loaded
    assert command["argv"][:2] == ["nft", "--check"]
    first, second, *rules = command["stdin"].splitlines()
    assert (first, second) == ("flush ruleset", 'include "/etc/nftables.conf"')
    assert rules == firewall_nftables.openings(nft())
    kept = task("roles/firewall/tasks/nftables.yml", "Keep the rules in nftables' file")
    assert role.render(kept["ansible.builtin.blockinfile"]["block"]).splitlines() == rules
    assert tried["check_mode"] is False


@pytest.mark.parametrize(("family", "path"), [
    ("Debian", "/etc/nftables.conf"), ("RedHat", "/etc/sysconfig/nftables.conf"),
    # the arguments of the role are looked at before the host is
    (None, "/etc/nftables.conf")])
def test_the_file_of_nftables_is_the_one_that_the_unit_of_the_family_loads(family, path):
    role = behind_nftables(ansible_facts={"os_family": family} if family else {})
    tried = task(CHECK, "Try what a boot would load")["ansible.builtin.command"]
    assert f'include "{path}"' in role.render(tried["stdin"]).splitlines()
    kept = task("roles/firewall/tasks/nftables.yml", "Keep the rules in nftables' file")
    assert role.render(kept["ansible.builtin.blockinfile"]["path"]) == path
    gather = task(CHECK, "Gather which family of distributions has its file where")
    assert role.goes(gather) is not bool(family)


def test_a_boot_is_thought_of_also_where_an_earlier_run_opened_all():
    (block,) = [found for found in load(CHECK) if found["name"] == "Check that rules of nftables can be kept"]
    assert behind_nftables().goes(block)
    assert behind_nftables(__firewall_missing=[]).goes(block)
    assert not behind_nftables(__firewall_missing=[], __firewall_nftables=[]).goes(block)
    assert not behind_nftables(firewall_policy="check").goes(block)


@pytest.mark.parametrize(("missing", "begins"), [
    (None, "node-1: nftables does not let in 10250/tcp from 10.244.0.0/16"),
    ([], "node-1: nftables lets in what the cluster needs only until the next boot.")])
def test_rules_for_a_chain_that_the_file_does_not_make_are_refused_before_anything_is_changed(missing, begins):
    refusal = task(CHECK, "Refuse rules that a boot could not load")
    error = "/dev/stdin:3:13-18: Error: Could not process rule: No such file or directory"
    role = behind_nftables(__firewall_boot={"rc": 1, "stderr": error},
                           **({} if missing is None else {"__firewall_missing": missing}))
    assert not role.holds(refusal)
    said = role.says(refusal)
    assert said.startswith(begins)
    assert "with rules for chain inet filter input, chain inet filter forward at its end, a boot could not" in said
    assert error in said
    assert "nft 'insert rule inet filter input ip saddr 10.244.0.0/16 tcp dport 10250 accept'" in said
    assert role.holds(refusal, __firewall_boot={"rc": 0})


def test_no_role_turns_selinux_off():
    roles = Path(__file__).resolve().parents[2] / "roles"
    for file in roles.rglob("*"):
        if file.suffix in (".yml", ".j2", ".sh"):
            assert not re.search(r"setenforce|posix\.selinux|SELINUX=", file.read_text(encoding="utf-8")), file


# iptables without nft

OPEN = (DATA / "iptables-cluster.txt").read_text()


def iptables(*rules: str, policy: str = "ACCEPT") -> list[str]:
    text = OPEN.replace(":INPUT ACCEPT", f":INPUT {policy}", 1)
    return firewall_iptables.refusals(text.replace("COMMIT", "\n".join((*rules, "COMMIT")), 1))


def test_what_a_cluster_has_in_iptables_itself_is_no_firewall():
    assert iptables() == []


@pytest.mark.parametrize("rules", [
    ["-A INPUT -i eth1 -j REJECT --reject-with icmp-port-unreachable"],
    ["-A FORWARD -j MINE", "-A MINE -j INNER", "-A INNER -s 10.0.0.0/8 -g LAST", "-A LAST -j DROP"],
])
def test_rules_of_iptables_that_may_refuse_are_named_as_they_stand(rules):
    assert iptables(*rules) == rules[:1]
    assert iptables(policy="DROP") == ["policy DROP of INPUT"]


@pytest.mark.parametrize("rules", [
    ["-A INPUT -p tcp --dport 22 -j ACCEPT"], ["-A OUTPUT -j DROP"], ["-A MINE -j DROP"],
    ['-A INPUT -m comment --comment "once -j DROP" -j ACCEPT'], ["-A INPUT -j LOG"],
])
def test_rules_of_iptables_that_refuse_nothing_are_not_named(rules):
    assert iptables(*rules) == []


@pytest.mark.parametrize(("chains", "ufw", "read"), [
    ({"stdout": "skipped, since /usr/sbin/nft does not exist"}, False, True),
    ({"stdout": "skipped, since /usr/sbin/nft does not exist"}, True, False),
    ({"stdout": '{"nftables": []}'}, False, False)])
def test_iptables_is_read_where_nothing_else_tells_of_it(chains, ufw, read):
    asked = task("roles/firewall/tasks/check.yml", "Read the rules of iptables where nft is missing")
    role = Role("firewall", __firewall_chains=chains, __firewall_ufw_read={"skipped": not ufw},
                __firewall_firewalld_read={"skipped": True})
    assert role.goes(asked) is read
    assert not role.goes(asked, firewall_policy="ignore")


def test_what_iptables_may_refuse_is_said_briefly():
    say = task("roles/firewall/tasks/check.yml", "Say which rules of iptables nobody has judged")
    rules = "\n".join(f"-A INPUT -s 10.0.0.{number} -j DROP" for number in range(7))
    role = Role("firewall", __firewall_iptables={"results": [
        {"stdout": f"*filter\n{rules}\nCOMMIT\n"}, {"skipped": True}]}, **say["vars"])
    assert role.goes(say)
    said = role.render(say["ansible.builtin.debug"]["msg"])
    assert "-A INPUT -s 10.0.0.4 -j DROP and 2 more. Install nftables" in said
    assert not Role("firewall", __firewall_iptables={"skipped": True}, **say["vars"]).goes(say)
