# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps Flannel from a host is told before anything is changed there."""

from __future__ import annotations

import json

import pytest

import playbooks

CILIUM = json.dumps({"cniVersion": "0.3.1", "name": "cilium", "plugins": [{"type": "cilium-cni"}]})


def refused(bare, **variables: object) -> str:
    ran = bare.play("site.yml", **variables)
    assert ran.rc != 0, ran.output
    assert ran.changed == {}
    assert "Traceback" not in ran.output
    # what a person reads, without the breaks of lines
    return " ".join(ran.output.split())


@pytest.fixture
def cilium(bare):
    bare.node("node-2", "mkdir -p /etc/cni/net.d")
    bare.node("node-2", f"echo {playbooks.quote(CILIUM)} > /etc/cni/net.d/05-cilium.conflist")
    yield
    bare.node("node-2", "rm -r /etc/cni")


def test_another_pod_network_on_a_host_is_refused(bare, cilium):
    said = refused(bare)
    assert "node-2: /etc/cni/net.d/05-cilium.conflist configures another pod network (cilium-cni)" in said
    assert "node-1: /etc/cni" not in said


def test_wireguard_is_refused_where_the_kernel_has_none(bare):
    if bare.node("node-1", "modprobe --dry-run --quiet wireguard && echo there || true"):
        pytest.skip("this kernel has wireguard")
    said = refused(bare, flannel_backend="wireguard")
    for name in ("controlplane", "node-1", "node-2"):
        assert f"{name}: flannel_backend is wireguard, but the kernel" in said
    assert "has no module wireguard" in said


def test_settings_that_cannot_be_are_refused(bare):
    said = refused(bare, flannel_direct_routing=True, flannel_backend="host-gw")
    assert "flannel_direct_routing is true, but flannel_backend is host-gw" in said
    assert "there are 3 nodes" in refused(bare, control_plane_pod_cidr="10.244.0.0/23")
    said = refused(bare, flannel_mtu=9000)
    assert "node-1: flannel_mtu is 9000, but the interface of the node's address has the MTU 1500" in said
