# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that lives in a dictionary, with a clock that only moves when somebody sleeps."""

from __future__ import annotations

from path_samples import output

from ansible_collections.podpath.kubeadm.plugins.module_utils import prober

PING = """PING 10.244.1.3 (10.244.1.3): 56 data bytes

--- 10.244.1.3 ping statistics ---
3 packets transmitted, 3 packets received, 0% packet loss
round-trip min/avg/max = 0.081/0.102/0.134 ms"""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class FakeCluster:
    """Runs every pod at once. ``misbehave`` maps a pod's "role node" to the status it shows instead.

    ``traces`` maps (source node, destination node) to what traceroute prints there; others are healthy host-gw.
    """

    def __init__(self, nodes, misbehave=None, traces=None, exec_problems=None):
        self.nodes = nodes
        self.pods = {}
        self.events = {}
        self.deleted = []
        self.forced = []
        self.created = []
        self.misbehave = misbehave or {}
        self.traces = traces or {}
        self.exec_problems = exec_problems or {}
        self.stuck = set()
        self.fail_on = {}
        self.config_map = None

    def _maybe_fail(self, verb):
        if verb in self.fail_on:
            raise self.fail_on[verb]

    def list_nodes(self):
        self._maybe_fail("list_nodes")
        return self.nodes

    def flannel_config_map(self):
        self._maybe_fail("flannel_config_map")
        return self.config_map

    def _node(self, name):
        return next(node for node in self.nodes if node["metadata"]["name"] == name)

    def create_pod(self, namespace, manifest):
        self._maybe_fail("create_pod")
        meta = manifest["metadata"]
        role, node = meta["labels"][prober.ROLE_LABEL], meta["annotations"][prober.NODE_ANNOTATION]
        base = self._node(node)["spec"]["podCIDR"].removesuffix("0/24")
        status = {
            "phase": "Running",
            "podIP": base + ("2" if role == "prober" else "3"),
            "containerStatuses": [{"state": {"running": {}}}],
        }
        status = self.misbehave.get(f"{role} {node}", status)
        self.created.append(manifest)
        self.pods[meta["name"]] = {**manifest, "metadata": {**meta, "uid": "uid-" + meta["name"]}, "status": status}

    def list_pods(self, namespace, selector):
        self._maybe_fail("list_pods")
        wanted = dict(part.split("=") for part in selector.split(","))
        return [
            pod
            for pod in self.pods.values()
            if all(pod["metadata"]["labels"].get(key) == value for key, value in wanted.items())
        ]

    def delete_pod(self, namespace, name, uid, *, now=False):
        self._maybe_fail("delete_pod")
        if self.pods[name]["metadata"]["uid"] != uid:
            return
        if name in self.stuck and not now:
            return
        (self.forced if now else self.deleted).append(name)
        del self.pods[name]

    def pod_warnings(self, namespace, name):
        return self.events.get(name, [])

    def execute(self, namespace, pod, command, timeout, cancel):
        source = self.pods[pod]["metadata"]["annotations"][prober.NODE_ANNOTATION]
        if source in self.exec_problems:
            return prober.ExecResult("", self.exec_problems[source])
        by_ip = {
            entry["status"].get("podIP"): entry["metadata"]["annotations"][prober.NODE_ANNOTATION]
            for entry in self.pods.values()
        }
        lines = []
        calls = [line for line in command[-1].splitlines() if line.startswith("t ") and line.endswith("&")]
        for index, line in enumerate(calls):
            address = line.split()[4]
            destination = by_ip[address]
            text = self.traces.get((source, destination))
            if text is None:
                text = self._healthy(source, destination, address)
            lines += [f"=begin {index}", text.rstrip("\n"), "=echo", PING, f"=end {index} 0"]
        return prober.ExecResult("\n".join(lines) + "\n")

    def _healthy(self, source, destination, address):
        if source == destination:
            return output(address, address)
        bridge = self._node(source)["spec"]["podCIDR"].replace("0/24", "1")
        return output(address, bridge, self._node(destination)["status"]["addresses"][0]["address"], address)
