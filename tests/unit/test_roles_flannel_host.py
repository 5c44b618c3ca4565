# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import flannel_host
from ansible_collections.podpath.kubeadm.plugins.module_utils.flannel_host import Leftovers
from ansible_collections.podpath.kubeadm.plugins.modules import flannel_leftovers

DIRECTORY = "/etc/cni/net.d"
CALICO = json.dumps({"name": "k8s-pod-network", "plugins": [{"type": "calico"}, {"type": "portmap"}]})
LOOPBACK = json.dumps({"type": "loopback"})


def others(files, here=False):
    paths = {f"{DIRECTORY}/{name}": text for name, text in files.items()}
    return flannel_host.other_cni_problems("node-1", paths, here)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("10-calico.conflist", CALICO, "calico, portmap"),
        ("05-cilium.conflist", '{"plugins": [{"type": "cilium-cni"}]}', "cilium-cni"),
        ("00-broken.conf", "no json", "it cannot be read"),
        ("87-podman-bridge.conflist", '{"plugins": [{"type": "bridge"}]}', "until Flannel's is there"),
    ],
)
def test_another_pod_network_on_a_host_is_refused_with_host_file_and_cure(name, text, said):
    (problem,) = others({name: text})
    for part in ("node-1", f"{DIRECTORY}/{name}", said, "Remove", "flannel_allow_other_network"):
        assert part in problem


def test_files_after_flannels_do_not_count_once_it_is_there():
    assert others({"87-podman-bridge.conflist": CALICO}, here=True) == []
    assert len(others({"05-cilium.conflist": CALICO}, here=True)) == 1


@pytest.mark.parametrize("name", ["99-loopback.conf", "00-loopback.conf"])
def test_a_loopback_makes_no_pod_network(name):
    assert others({name: LOOPBACK}) == []


@pytest.mark.parametrize("text", ["[]", "1", '{"plugins": 1}', '{"plugins": [1]}', "{}"])
def test_odd_configurations_are_no_crash(text):
    assert "it cannot be read" in others({"05-odd.conf": text})[0]


FACTS = {"interfaces": ["eth0", "eth1"], "eth1": {"device": "eth1", "mtu": 1500}, "kernel": "6.1"}


def test_mtu_of_an_interface_is_found_in_the_facts():
    assert flannel_host.interface_mtu(FACTS, "eth1") == 1500
    assert flannel_host.interface_mtu(FACTS, "eth7") == 0


def test_an_mtu_larger_than_an_interface_has_names_the_host():
    assert flannel_host.mtu_problems({"one": 1500, "two": 0}, 1500) == []
    (problem,) = flannel_host.mtu_problems({"one": 1500, "two": 9000}, 9000)
    assert "one: flannel_mtu is 9000" in problem
    assert "1500" in problem


def test_different_mtus_are_a_warning_unless_one_is_set():
    (warning,) = flannel_host.mtu_warnings({"one": 1500, "two": 9000, "three": 0}, 0)
    assert "one 1500, two 9000" in warning
    assert flannel_host.mtu_warnings({"one": 1500, "two": 9000}, 1500) == []
    assert flannel_host.mtu_warnings({"one": 1500, "two": 1500}, 0) == []


@pytest.mark.parametrize(
    ("own", "found", "warned"),
    [
        (["192.168.56.11", "fd00:56::11"], ["fd00:56::11", "2001:db8::11"], True),
        (["192.168.56.11", "fd00:56::11"], ["fd00:56::11"], False),
        (["192.168.56.11"], ["fd00:56::11", "2001:db8::11"], False),
        # IPv6 alone: flanneld is started with it
        (["fd00:56::11"], ["fd00:56::11", "2001:db8::11"], False),
    ],
)
def test_a_choice_of_ipv6_addresses_that_flanneld_has_is_told(own, found, warned):
    entries = [{"address": address, "scope": "global"} for address in found] + [{"address": "fe80::1", "scope": "link"}]
    facts = {"eth1": {"device": "eth1", "ipv6": entries}, "eth0": {"device": "eth0", "ipv6": entries * 2}}
    warning = flannel_host.ipv6_warning("node-1", facts, "eth1", own)
    assert bool(warning) is warned
    if warned:
        assert warning.startswith("node-1: eth1 has 2 global IPv6 addresses (fd00:56::11, 2001:db8::11)")
        assert "the node's own fd00:56::11" in warning
        assert "public-ipv6-overwrite" in warning


def link(name, kind=None, mtu=1500):
    return {"ifname": name, "mtu": mtu, **({"linkinfo": {"info_kind": kind}} if kind else {})}


def route(part, via, dev, **more):
    return {"dst": f"10.244.{part}.0/24", "gateway": via, "dev": dev, "flags": [], **more}


BASE = [link("lo"), link("eth0"), link("eth1"), link("cni0", "bridge", 1450), link("veth12", "veth", 1450)]
VXLAN = link("flannel.1", "vxlan", 1450)
LOCAL = {"dst": "10.244.0.0/24", "dev": "cni0", "protocol": "kernel", "scope": "link", "prefsrc": "10.244.0.1"}
OVERLAY = [LOCAL, route(1, "10.244.1.0", "flannel.1"), route(2, "10.244.2.0", "flannel.1")]
DIRECT = [LOCAL, route(1, "192.168.56.11", "eth1"), route(2, "192.168.56.12", "eth1")]
ENV = "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.0.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n"


def left(backend, links, routes, direct_routing=False, env=ENV):
    return flannel_host.leftovers(backend, direct_routing, ["10.244.0.0/16"], BASE + links, routes, env)


@pytest.mark.parametrize(
    ("backend", "links", "routes", "direct_routing"),
    [
        ("vxlan", [VXLAN], OVERLAY, False),
        ("vxlan", [VXLAN], DIRECT, True),
        ("vxlan", [VXLAN], [*OVERLAY[:2], DIRECT[2]], True),
        ("host-gw", [], DIRECT, False),
        ("wireguard", [link("flannel-wg", "wireguard", 1420)], [LOCAL, {"dst": "10.244.0.0/16", "dev": "flannel-wg"}],
         False),
    ],
)
def test_a_host_as_the_backend_wants_it_has_no_leftovers(backend, links, routes, direct_routing):
    assert not left(backend, links, routes, direct_routing)


def test_host_gw_after_vxlan_loses_the_device_and_what_still_goes_by_it():
    assert left("host-gw", [VXLAN], DIRECT) == Leftovers(links=("flannel.1",))
    found = left("host-gw", [VXLAN], [*DIRECT, route(7, "10.244.7.0", "flannel.1", protocol="boot")])
    assert found.routes == ("10.244.7.0/24 via 10.244.7.0 dev flannel.1",)


def test_vxlan_after_host_gw_loses_direct_routes():
    assert left("vxlan", [VXLAN], [*OVERLAY[:2], DIRECT[2]]).routes == ("10.244.2.0/24 via 192.168.56.12 dev eth1",)


def test_wireguard_loses_the_routes_that_would_go_past_it_unencrypted():
    found = left("wireguard", [VXLAN, link("flannel-wg", "wireguard")], [*OVERLAY[:2], DIRECT[2]])
    assert found.links == ("flannel.1",)
    assert found.routes == ("10.244.1.0/24 via 10.244.1.0 dev flannel.1", "10.244.2.0/24 via 192.168.56.12 dev eth1")


def test_devices_of_every_other_backend_are_leftovers_and_nobody_elses_are():
    made = [link("flannel-v6.1", "vxlan"), link("flannel-wg", "wireguard"), link("flannel.ipip", "ipip"),
            link("flannel0", "tun")]
    foreign = [link("vxlan.calico", "vxlan"), link("wg0", "wireguard"), link("flannel.7", "dummy"), link("tun0", "tun")]
    assert left("host-gw", made + foreign, DIRECT).links == ("flannel-v6.1", "flannel-wg", "flannel.ipip", "flannel0")


@pytest.mark.parametrize(
    "kept",
    [
        {"dst": "default", "gateway": "10.0.2.2", "dev": "eth0"},
        {"dst": "10.50.0.0/24", "gateway": "192.168.56.1", "dev": "eth1"},
        {"dst": "10.0.0.0/8", "gateway": "192.168.56.1", "dev": "eth1"},
        route(9, "192.168.56.1", "eth1", protocol="static"),
        route(9, "192.168.56.1", "eth1", protocol="bird"),
        LOCAL,
    ],
)
def test_routes_of_others_are_left_alone(kept):
    assert not left("vxlan", [VXLAN], [kept])


def test_flannel_1_gets_the_mtu_that_flanneld_decided():
    assert left("vxlan", [link("flannel.1", "vxlan", 1450)], OVERLAY, env="FLANNEL_MTU=1350\n").mtus == (
        ("flannel.1", 1350),)
    assert not left("vxlan", [VXLAN, link("flannel-v6.1", "vxlan", 1430)], OVERLAY)
    assert not left("vxlan", [link("flannel.1", "vxlan", 1400)], OVERLAY, env="")


def test_a_host_that_left_its_cluster_keeps_nothing_of_flannel():
    found = left("none", [VXLAN, link("br0", "bridge")], [*OVERLAY[:2], DIRECT[2]])
    assert found.links == ("cni0", "flannel.1")
    assert len(found.routes) == 2


def test_routes_are_waited_for_and_devices_are_not():
    looks = [Leftovers(("flannel.1",), ("a",)), Leftovers(("flannel.1",), ("a",)), Leftovers(("flannel.1",))]
    slept = []
    found = flannel_leftovers.settle(lambda: looks.pop(0), 15, clock=lambda: float(len(slept)), sleep=slept.append)
    assert found == Leftovers(("flannel.1",))
    assert len(slept) == 2


def test_what_is_left_when_the_time_is_over_is_found():
    slept = []
    stale = Leftovers(routes=("a",))
    assert flannel_leftovers.settle(lambda: stale, 3, clock=lambda: float(len(slept)), sleep=slept.append) is stale
    assert len(slept) == 3


def test_host_gw_over_several_networks_is_refused_with_who_is_where():
    near = {"address": "192.168.56.11", "networks": ["192.168.56.0/24"]}
    far = {"address": "192.168.57.12", "networks": ["192.168.57.0/24"]}
    (problem,) = flannel_host.link_problems({"a": near, "b": {**near, "address": "192.168.56.12"}, "c": far}, "host-gw")
    assert "192.168.56.0/24: a, b; 192.168.57.0/24: c" in problem
    assert flannel_host.link_problems({"a": near, "c": far}, "vxlan") == []
    # one wide network, of which one host knows only a part: the way back would go through its router
    wide = {"address": "192.168.57.12", "networks": ["192.168.0.0/16"]}
    assert flannel_host.link_problems({"a": near, "c": wide}, "host-gw") != []
    assert flannel_host.link_problems({"a": {**near, "networks": ["192.168.0.0/16"]}, "c": wide}, "host-gw") == []
    assert flannel_host.link_problems({"a": {**near, "networks": []}, "c": {**far, "networks": []}}, "host-gw") == []
