# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod on every node that says over TCP where it runs, and can ask the others: paths as programs use them."""

from __future__ import annotations

import json
from typing import Any

# busybox's nc, as its wget looks up names in a way that a static program cannot
_ASK = 'printf "GET / HTTP/1.0\r\n\r\n" | nc -w 3 "$1" "$2" | tail -1'
_SERVE = 'mkdir /www && echo "$NODE" > /www/index.html && echo "$ASK" > /ask && exec httpd -f -p 8080 -h /www'
PORT = 8080


def manifests(policy: str) -> list[dict[str, Any]]:
    """The DaemonSet and a Service of it; `policy` is the Service's ipFamilyPolicy."""
    node = {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    pod = {
        "terminationGracePeriodSeconds": 0, "tolerations": [{"operator": "Exists"}],
        "containers": [{"name": "echo", "image": "docker.io/library/busybox:1.35.0", "command": ["sh", "-c", _SERVE],
                        "env": [node, {"name": "ASK", "value": _ASK}]}]}
    return [
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "echo"}, "spec": {
            "selector": {"matchLabels": {"app": "echo"}},
            "template": {"metadata": {"labels": {"app": "echo"}}, "spec": pod}}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "echo"}, "spec": {
            "selector": {"app": "echo"}, "ipFamilyPolicy": policy, "ports": [{"port": 80, "targetPort": PORT}]}}]


def start(lab, policy: str = "SingleStack") -> None:
    """Start them and wait; starting them again changes nothing."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests(policy)})
    lab.node("controlplane", f"cat > /root/echo.json <<'FILE'\n{text}\nFILE")
    lab.kubectl("apply -f /root/echo.json")
    lab.kubectl("rollout status daemonset/echo --timeout=90s")


def addresses(lab) -> dict[str, list[str]]:
    """{node: the addresses of its pod, the primary one first}."""
    pods = json.loads(lab.kubectl("get pods --selector app=echo -o json"))["items"]
    return {pod["spec"]["nodeName"]: [entry["ip"] for entry in pod["status"]["podIPs"]] for pod in pods}


def services(lab) -> list[str]:
    return json.loads(lab.kubectl("get service echo -o json"))["spec"]["clusterIPs"]


def asked(lab, source: str, address: str, port: int = PORT) -> str:
    """What the pod on a node gets from an address: the name of the node that answers, or nothing."""
    pod = lab.kubectl(f"get pods --selector app=echo --field-selector spec.nodeName={source} -o name").strip()
    return lab.kubectl(f"exec {pod} -- sh /ask {address} {port} || true").strip()
