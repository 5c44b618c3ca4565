# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module flannel_leftovers on a real kernel: in a network namespace with the devices and routes of a node."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator

import pytest

import playbooks


class Space:
    """A network namespace with eth1, cni0 and a file such as flanneld writes."""

    def __init__(self, name: str, subnet_file: str) -> None:
        self.name, self.subnet_file = name, subnet_file

    def ip(self, arguments: str) -> str:
        command = ["ip", "-netns", self.name, *arguments.split()]
        ran = subprocess.run(command, check=False, capture_output=True, text=True)
        assert ran.returncode == 0, f"ip {arguments}: {ran.stderr}"
        return ran.stdout

    def links(self) -> set[str]:
        return {link["ifname"] for link in json.loads(self.ip("-json link show"))}

    def routes(self) -> dict[str, str]:
        found = json.loads(self.ip("-json -4 route show"))
        return {route["dst"]: route["dev"] for route in found if "gateway" in route}

    def run(self, backend: str, check: bool = False, **more: object) -> dict:
        """The module's result. It is started as Ansible starts it on a host, without Ansible's own second each time."""
        arguments = {"backend": backend, "networks": ["10.244.0.0/16"], "subnet_file": self.subnet_file, "timeout": 1,
                     "_ansible_check_mode": check, **more}
        ran = subprocess.run(
            ["ip", "netns", "exec", self.name, sys.executable, "-m",
             "ansible_collections.podpath.kubeadm.plugins.modules.flannel_leftovers"],
            check=False, capture_output=True, text=True, input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            env={**os.environ, "PYTHONPATH": str(playbooks.REPOSITORY / "collections")})
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return json.loads(ran.stdout)


@pytest.fixture
def space(tmp_path) -> Iterator[Space]:
    name = f"podpath-{uuid.uuid4().hex[:8]}"
    file = tmp_path / "subnet.env"
    file.write_text("FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_MTU=1450\n")
    subprocess.run(["ip", "netns", "add", name], check=True)
    made = Space(name, str(file))
    try:
        made.ip("link add eth1 type veth peer name wire")
        made.ip("link set wire up")
        made.ip("address add 192.168.56.10/24 dev eth1")
        made.ip("link set eth1 up")
        made.ip("link add cni0 type bridge")
        made.ip("address add 10.244.0.1/24 dev cni0")
        made.ip("link set cni0 up")
        yield made
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=True)


def overlay(space: Space, mtu: int = 1450) -> None:
    space.ip("link add flannel.1 type vxlan id 1 local 192.168.56.10 dev eth1 dstport 8472 nolearning")
    space.ip(f"link set flannel.1 mtu {mtu} up")
    space.ip("address add 10.244.0.0/32 dev flannel.1")


def by_overlay(space: Space, part: int) -> None:
    space.ip(f"route replace 10.244.{part}.0/24 via 10.244.{part}.0 dev flannel.1 onlink")


def direct(space: Space, part: int) -> None:
    space.ip(f"route replace 10.244.{part}.0/24 via 192.168.56.{10 + part} dev eth1")


def vxlan_node(space: Space) -> None:
    overlay(space)
    by_overlay(space, 1)
    by_overlay(space, 2)


def host_gw_node(space: Space) -> None:
    direct(space, 1)
    direct(space, 2)


@pytest.mark.parametrize(("backend", "make"), [("vxlan", vxlan_node), ("host-gw", host_gw_node)])
def test_a_node_without_leftovers_is_left_alone(space: Space, backend: str, make: Callable[[Space], None]):
    make(space)
    before = (space.links(), space.routes())
    assert space.run(backend)["changed"] is False
    assert (space.links(), space.routes()) == before


def test_host_gw_after_vxlan(space: Space):
    vxlan_node(space)
    host_gw_node(space)
    assert space.run("host-gw", check=True)["links"] == ["flannel.1"]
    assert "flannel.1" in space.links(), "check mode only looks"
    result = space.run("host-gw")
    assert (result["changed"], result["links"], result["routes"]) == (True, ["flannel.1"], [])
    assert "flannel.1" not in space.links()
    assert space.routes() == {"10.244.1.0/24": "eth1", "10.244.2.0/24": "eth1"}
    assert space.run("host-gw")["changed"] is False


def test_vxlan_after_host_gw_with_a_route_that_flanneld_did_not_replace(space: Space):
    host_gw_node(space)
    overlay(space)
    by_overlay(space, 1)
    space.ip("route add 10.244.9.0/24 via 192.168.56.1 dev eth1 proto static")
    assert space.run("vxlan")["routes"] == ["10.244.2.0/24 via 192.168.56.12 dev eth1"]
    assert space.routes() == {"10.244.1.0/24": "flannel.1", "10.244.9.0/24": "eth1"}, "a static one is somebody else's"
    assert space.run("vxlan")["changed"] is False


def test_either_way_is_right_with_direct_routing(space: Space):
    vxlan_node(space)
    direct(space, 2)
    assert space.run("vxlan", direct_routing=True)["changed"] is False
    assert space.run("vxlan")["routes"] == ["10.244.2.0/24 via 192.168.56.12 dev eth1"]


def test_wireguard_keeps_no_way_past_it(space: Space):
    # no kernel module is needed for what is left of others
    vxlan_node(space)
    direct(space, 2)
    result = space.run("wireguard")
    assert result["links"] == ["flannel.1"]
    assert len(result["routes"]) == 2
    assert space.routes() == {}


def test_flannel_1_gets_the_mtu_that_flanneld_decided(space: Space):
    overlay(space, mtu=1350)
    assert space.run("vxlan")["mtus"] == {"flannel.1": 1450}
    assert json.loads(space.ip("-json link show flannel.1"))[0]["mtu"] == 1450
    assert space.run("vxlan")["changed"] is False
