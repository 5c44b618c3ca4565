# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import nodelayer
from ansible_collections.podpath.kubeadm.plugins.modules import node_traceroute

RULES = nodelayer.Rules("eth1", "192.168.56.11")
PEER = "192.168.56.12"


def interface(name, address="1.2.3.4", kind="", flags=("UP",), scope="global"):
    info = [{"family": "inet", "local": address, "scope": scope}] if address else []
    return {"ifname": name, "flags": list(flags), "linkinfo": {"info_kind": kind}, "addr_info": info}


TWO = [
    interface("lo", "127.0.0.1", flags=("LOOPBACK", "UP")),
    interface("eth0", kind="tun"),
    interface("eth1", kind="veth"),
]
ONE = [interface("eth1")]


def observed(**changes):
    base = {
        "default_routes": [{"dst": "default", "gateway": "10.0.2.2", "dev": "eth0"}],
        "interfaces": TWO,
        "nameservers": [{"address": "10.0.2.3", "dev": "eth0", "gateway": ""}],
        "lookup": {"name": "registry.k8s.io", "addresses": ["1.1.1.1"], "rtt_ms": 3.0, "error": ""},
        "peers": {PEER: {"dev": "eth1", "gateway": "", "kind": "reply", "by": PEER, "rtt_ms": 0.1, "error": ""}},
    }
    return {**base, **changes}


def judged(changes=None, rules=RULES, peers=None):
    rows = nodelayer.judge("node-1", observed(**(changes or {})), peers or {"node-2": PEER}, rules)
    return {row["kind"]: row for row in rows}


def test_the_articles_host_passes_in_all_three():
    rows = judged()
    assert {kind: row["verdict"] for kind, row in rows.items()} == {
        "internet": "pass",
        "resolver": "pass",
        "node": "pass",
    }
    assert rows["internet"]["seen"] == "eth0 via 10.0.2.2"
    assert rows["node"]["seen"] == rows["node"]["expected"] == f"eth1 -> {PEER}"


def test_a_host_with_one_interface_passes():
    route = [{"dev": "eth1", "gateway": "192.168.56.1"}]
    rows = judged({"interfaces": ONE, "default_routes": route, "nameservers": [{"address": "8.8.8.8", "dev": "eth1"}]})
    assert {row["verdict"] for row in rows.values()} == {"pass"}


def test_interfaces_that_software_made_are_no_way_out():
    made = [
        interface("flannel.1", kind="vxlan"),
        interface("cni0", kind="bridge"),
        interface("docker0", kind="bridge"),
        interface("kube-ipvs0", kind="dummy"),
        interface("veth1234", "", kind="veth"),
        interface("eth9", "169.254.1.1", scope="link"),
    ]
    assert nodelayer.ways_out([*TWO, *made]) == ["eth0", "eth1"]


@pytest.mark.parametrize(
    ("changes", "rules", "word"),
    [
        ({"default_routes": []}, RULES, "node_paths_internet"),
        ({"default_routes": [{"dev": "eth1", "gateway": "g"}]}, RULES, "node_paths_internet_interface to eth1"),
        ({}, nodelayer.Rules("eth1", "192.168.56.11", internet_interface="eth7"), "internet_interface is eth7"),
    ],
)
def test_a_wrong_default_route_names_the_variable(changes, rules, word):
    row = judged(changes, rules)["internet"]
    assert row["verdict"] == "fail"
    assert word in row["reason"]
    assert "node-1" in row["reason"]


def test_what_is_meant_can_be_said():
    rules = nodelayer.Rules("eth1", "192.168.56.11", internet_interface="eth1", resolver_interface="eth0")
    rows = judged({"default_routes": [{"dev": "eth1", "gateway": "g"}]}, rules)
    assert (rows["internet"]["verdict"], rows["resolver"]["verdict"]) == ("pass", "pass")
    assert set(judged(rules=nodelayer.Rules("eth1", "192.168.56.11", internet=False))) == {"node"}


def test_the_kernel_prefers_the_lowest_metric():
    routes = [{"dev": "eth1", "metric": 200}, {"dev": "eth0", "metric": 100}]
    assert nodelayer.default_route(routes)["dev"] == "eth0"
    assert nodelayer.default_route([{"dev": "eth1", "metric": 5}, {"dev": "eth0"}])["dev"] == "eth0"
    assert nodelayer.default_route([]) is None


@pytest.mark.parametrize(
    ("changes", "verdict", "word"),
    [
        ({"lookup": {"name": "x.example", "addresses": [], "error": "Name not known"}}, "fail", "x.example"),
        (
            {"nameservers": [{"address": "192.168.56.1", "dev": "eth1"}]},
            "fail",
            "node_paths_resolver_interface to eth1",
        ),
        ({"nameservers": [{"address": "127.0.0.53", "dev": "lo"}]}, "inconclusive", "not known here"),
        ({"nameservers": []}, "inconclusive", "not known here"),
    ],
)
def test_name_resolution(changes, verdict, word):
    row = judged(changes)["resolver"]
    assert (row["verdict"], word in row["reason"]) == (verdict, True), row


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        ({"dev": "eth0"}, "by eth0, expected eth1"),
        ({"dev": ""}, "no route"),
        ({"gateway": "192.168.56.1"}, "via router 192.168.56.1"),
        ({"kind": "router", "by": "192.168.56.1"}, "more than one hop"),
        ({"kind": "silent", "by": ""}, "does not answer"),
        ({"kind": "unreachable", "by": "", "error": "No route to host"}, "No route to host"),
        ({"by": "192.168.56.13"}, "192.168.56.13 answered"),
    ],
)
def test_a_broken_way_to_a_node_says_how(seen, word):
    healthy = observed()["peers"][PEER]
    row = judged({"peers": {PEER: {**healthy, **seen}}})["node"]
    assert (row["verdict"], word in row["reason"]) == ("fail", True), row["reason"]
    assert "node-1" in row["reason"]
    assert "node-2" in row["reason"]


def test_a_node_of_unknown_address_is_open_and_a_shared_one_a_fail():
    assert judged(peers={"node-2": None})["node"]["verdict"] == "inconclusive"
    assert judged(peers={"node-2": ""})["node"]["verdict"] == "inconclusive"
    row = judged({"peers": {"192.168.56.11": {"dev": "lo"}}}, peers={"node-2": "192.168.56.11"})["node"]
    assert "same node address" in row["reason"]


BOTH = nodelayer.Rules("eth1", "192.168.56.11", others=("fd00:56::b",),
                       networks=("192.168.56.0/24", "fd00:56::/64"))
FAR = "192.168.57.12"


def test_each_family_of_the_host_is_a_row_of_its_own():
    seen = {"dev": "eth1", "gateway": "", "kind": "reply", "rtt_ms": 0.1}
    both = {PEER: {**seen, "by": PEER}, "fd00:56::c": {**seen, "kind": "silent", "by": ""}}
    rows = nodelayer.judge("node-1", observed(peers=both), {"node-2": [PEER, "fd00:56::c"], "node-3": [PEER]}, BOTH)
    assert [(row["destination"], row["family"], row["verdict"]) for row in rows if row["kind"] == "node"] == [
        ("node-2", "ipv4", "pass"), ("node-2", "ipv6", "fail"),
        ("node-3", "ipv4", "pass"), ("node-3", "ipv6", "inconclusive")]


@pytest.mark.parametrize(("changes", "verdict", "word"), [
    ({}, "pass", "By eth1 through router 192.168.56.3"),
    ({"through": {"kind": "silent", "by": ""}}, "fail", "the way back on node-2"),
    ({"dev": "eth0"}, "fail", "by eth0, expected eth1"),
    # on a link that the networks do not tell of, such as by a proxy that answers for it
    ({"gateway": "", "kind": "reply", "by": FAR}, "pass", "One hop"),
])
def test_a_node_in_another_network_answers_through_a_router(changes, verdict, word):
    seen = {"dev": "eth1", "gateway": "192.168.56.3", "kind": "router", "by": "192.168.56.3", "rtt_ms": 0.1,
            "through": {"kind": "reply", "by": FAR, "rtt_ms": 0.2}}
    rows = nodelayer.judge("node-1", observed(peers={FAR: {**seen, **changes}}), {"node-2": FAR},
                           nodelayer.Rules("eth1", "192.168.56.11", networks=("192.168.56.0/24",)))
    assert (rows[-1]["verdict"], word in rows[-1]["reason"]) == (verdict, True), rows[-1]


def test_the_underlay_tells_the_mtus_that_the_routes_meet_and_no_pods():
    links = [{"ifname": name, "mtu": mtu} for name, mtu in
             (("lo", 65536), ("eth0", 1500), ("eth1", 1480), ("veth1", 1450), ("flannel.1", 1430))]
    routes = [{"dst": PEER, "dev": "eth1"}, {"dst": FAR, "error": "no route"}]
    assert nodelayer.underlay("eth1", routes, links) == {
        "interface": "eth1", "mtus": {"eth1": 1480, "flannel.1": 1430}, "routes": routes}


@pytest.mark.parametrize(("ran", "route"), [
    ((0, '[{"dst":"192.168.56.12","dev":"eth1","prefsrc":"192.168.56.11"}]', ""),
     {"dst": PEER, "dev": "eth1", "prefsrc": "192.168.56.11"}),
    ((2, "", "RTNETLINK answers: No route to host\n"), {"dst": PEER, "error": "RTNETLINK answers: No route to host"}),
    ((0, "[]", ""), {"dst": PEER, "error": "no route was found"}),
])
def test_a_route_is_what_the_kernel_answers_or_its_error(ran, route):
    module = SimpleNamespace(get_bin_path=lambda *given, **more: "ip", run_command=lambda command: ran)
    assert node_traceroute.Ip(module).route(PEER) == route


def test_routes_to_all_peers_are_asked_for_at_once_and_an_error_alone():
    calls = []

    def run(command, data=None):
        calls.append((command, data))
        if data is None:
            return 2, "", "RTNETLINK answers: Network is unreachable\n"
        return 1, f'[{{"dst":"{PEER}","dev":"eth1"}}]\n[{{"dst":"fd00::1","dev":"eth1"}}]\n', "Command failed -:2\n"

    ip = node_traceroute.Ip(SimpleNamespace(get_bin_path=lambda *given, **more: "ip", run_command=run))
    assert ip.routes([PEER, FAR, "fd00::1"]) == {
        PEER: {"dst": PEER, "dev": "eth1"},
        FAR: {"dst": FAR, "error": "RTNETLINK answers: Network is unreachable"},
        "fd00::1": {"dst": "fd00::1", "dev": "eth1"},
    }
    assert [data for _command, data in calls] == [f"route get {PEER}\nroute get {FAR}\nroute get fd00::1\n", None]


def test_each_host_looks_at_as_many_as_look_at_it():
    hosts = [f"n{number}" for number in range(7)]
    assert nodelayer.nearest("n1", hosts, 100) == [name for name in hosts if name != "n1"]
    chosen = {host: nodelayer.nearest(host, hosts, 3) for host in hosts}
    assert chosen["n5"] == ["n0", "n1", "n6"]
    assert all(len(of) == 3 for of in chosen.values())
    assert all(sum(host in of for of in chosen.values()) == 3 for host in hosts)


def test_nameservers_of_a_resolv_conf():
    text = "# x\nnameserver 10.0.2.3\nnameserver fe80::1%eth0\nnameserver\nsearch a b\nnameserver banana\n"
    text += " nameserver 8.8.8.8"
    assert node_traceroute.nameservers(text) == ["10.0.2.3", "8.8.8.8"]


def test_past_a_local_resolver_stand_the_servers_it_asks(tmp_path, monkeypatch):
    local, real = tmp_path / "resolv.conf", tmp_path / "resolved.conf"
    local.write_text("nameserver 127.0.0.53\n")
    monkeypatch.setattr(node_traceroute, "RESOLV_CONF", str(local))
    monkeypatch.setattr(node_traceroute, "RESOLVED_CONF", str(real))
    assert node_traceroute.configured_nameservers() == ["127.0.0.53"]
    real.write_text("nameserver 10.0.2.3\n")
    assert node_traceroute.configured_nameservers() == ["10.0.2.3"]
    local.write_text("nameserver 9.9.9.9\n")
    assert node_traceroute.configured_nameservers() == ["9.9.9.9"]


def test_a_lookup_is_bounded_and_says_why(monkeypatch):
    def nobody(*given, **more):
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr(node_traceroute.socket, "getaddrinfo", nobody)
    assert node_traceroute.lookup("x", 5)["error"] == "Name or service not known"
    monkeypatch.setattr(node_traceroute.socket, "getaddrinfo", lambda *g, **m: [(0, 0, 0, "", ("1.1.1.1", 443))])
    found = node_traceroute.lookup("x", 5)
    assert (found["addresses"], found["local"]) == (["1.1.1.1"], False)


def test_a_name_of_the_host_itself_asks_nobody(tmp_path, monkeypatch):
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n1.1.1.1 One.example alias # two.example\n")
    monkeypatch.setattr(node_traceroute, "HOSTS", str(hosts))
    assert node_traceroute.is_local("one.example", ["1.1.1.1"])
    assert node_traceroute.is_local("anything", ["::1"])
    assert not node_traceroute.is_local("two.example", ["2.2.2.2"])
    row = judged({"lookup": {"name": "one.example", "addresses": ["1.1.1.1"], "local": True}})["resolver"]
    assert (row["verdict"], "/etc/hosts" in row["reason"]) == ("inconclusive", True)
