# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flannel starts on a node on which the API's Service address does not work yet.

A new node's flanneld and kube-proxy start at the same time, and whoever calls that address too early sends to it by
the default route: on hosts with a NAT interface, out of the cluster.
"""

from __future__ import annotations

import json

import pytest
from proofs import wait_until

FLANNEL = "--namespace kube-flannel"
NODE = "node-1"


def flanneld(lab, pods: str) -> list[dict]:
    """What is told of the container in these pods, once it is."""
    items = json.loads(lab.kubectl(f"get pods {pods} -o json"))["items"]
    return [one for pod in items for one in pod["status"].get("containerStatuses", [])]


def test_flannel_starts_before_kube_proxy_has_written_its_rules(lab):
    if lab.backend != "vxlan":
        pytest.skip("one backend is enough")
    node = lab.nodes[NODE]
    service = lab.kubectl("get service kubernetes -o jsonpath='{.spec.clusterIP}'")
    on_node = f"{FLANNEL} --field-selector spec.nodeName={NODE}"
    # what leads to the API server from there is passed by, as before kube-proxy wrote it; and nothing leaves the node
    rules = [f"nat {{}} OUTPUT --destination {service} --jump ACCEPT",
             f"filter {{}} OUTPUT --destination {service} --jump REJECT"]
    put = []
    try:
        for rule in rules:
            node.check_output("iptables --table " + rule.format("--insert"))
            put.append(rule)
        # the fault is there
        assert node.run(f"curl --insecure --silent --max-time 5 https://{service}/livez").rc == 7
        node.check_output("iptables --zero OUTPUT")

        # gone when this returns
        lab.kubectl(f"delete pod {on_node}")
        wait_until(lambda: any(one["ready"] for one in flanneld(lab, on_node)), 60, "flanneld did not become ready")

        assert [one["restartCount"] for one in flanneld(lab, on_node)] == [0]
        refused = [line for line in node.check_output("iptables --list OUTPUT --verbose --numeric --exact").splitlines()
                   if service in line]
        assert [line.split()[0] for line in refused] == ["0"], refused
    finally:
        for rule in put:
            node.check_output("iptables --table " + rule.format("--delete"))
