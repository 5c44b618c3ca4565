# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that lives in a dictionary, and a clock that only moves when somebody sleeps."""

from __future__ import annotations

from collections import Counter

from path_samples import DATA, output

from ansible_collections.podpath.kubeadm.plugins.module_utils import pods
from ansible_collections.podpath.kubeadm.plugins.module_utils.cluster import ExecResult

_PING = """|PING {0} ({0}): 56 data bytes
|64 bytes from {0}: seq=0 ttl={1} time=0.081 ms
|
|--- {0} ping statistics ---
|1 packets transmitted, 1 packets received, 0% packet loss"""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class FakeCluster:
    """Runs every pod at once and answers as a healthy host-gw cluster with busybox does.

    ``misbehave``: "role node" -> the status its pod shows instead; None: the Job gets no pod.
    ``exec_problems``: node -> why a command in its prober breaks off; what came before it is kept up to ``cut`` lines.
    ``fail_on``: name of a method -> what it raises. ``refusals``: what dry runs answer, in turn.
    ``meanwhile``: what happens as soon as the first prober probes. ``deaf_peers``: node -> why its peer takes no
    connection, and cannot be asked what arrived either. ``missing``: a tool, wget or httpd, that the image lacks.
    ``cluster_ips``: those of the Service, of which one of IPv6 leads nowhere.
    """

    server = "https://fake:6443"

    def __init__(self, nodes, misbehave=None, exec_problems=None, refusals=()):
        self.nodes = nodes
        self.requests = Counter()
        self.jobs, self.pods, self.services = {}, {}, {}
        self.events = {}
        self.misbehave = misbehave or {}
        self.exec_problems = exec_problems or {}
        self.refusals = list(refusals)
        self.cut = 0
        self.stuck = set()
        self.forced = False
        self.fail_on = {}
        self.meanwhile = lambda: None
        self.deaf_peers = {}
        self.missing = ""
        self.cluster_ips = ["10.96.0.9"]

    def _ask(self, verb, method):
        self.requests[verb] += 1
        if method in self.fail_on:
            raise self.fail_on[method]

    def list_nodes(self):
        self._ask("list", "list_nodes")
        return self.nodes

    def flannel_config_map(self):
        self._ask("get", "flannel_config_map")

    def flannel_pods(self):
        self._ask("list", "flannel_pods")

    def dry_run_pod(self, namespace, manifest):
        self._ask("create", "dry_run_pod")
        return self.refusals.pop(0) if self.refusals else ""

    def _node(self, name):
        return next(node for node in self.nodes if node["metadata"]["name"] == name)

    def create(self, namespace, manifest):
        self._ask("create", f"create {manifest['kind']}")
        name = manifest["metadata"]["name"]
        made = {**manifest, "metadata": {**manifest["metadata"], "uid": f"uid-{name}"}}
        if manifest["kind"] == "Service":
            self.services[name] = made = {**made, "spec": {**made["spec"], "clusterIPs": self.cluster_ips}}
            return made
        self.jobs[name] = made
        template = manifest["spec"]["template"]
        role = template["metadata"]["labels"][pods.ROLE_LABEL]
        node = template["metadata"]["annotations"][pods.NODE_ANNOTATION]
        number = "2" if role == "prober" else "3"
        address = self._node(node)["spec"]["podCIDR"].removesuffix("0/24") + number
        ipv6 = [cidr.removesuffix("/64") + number for cidr in self._node(node)["spec"]["podCIDRs"][1:]]
        status = {
            "phase": "Running",
            "podIPs": [{"ip": ip} for ip in (address, *ipv6)],
            "containerStatuses": [{"state": {"running": {}}}],
        }
        status = self.misbehave.get(f"{role} {node}", status)
        if status is not None:
            metadata = {**template["metadata"], "name": f"{name}-xyz"}
            self.pods[metadata["name"]] = {"metadata": metadata, "spec": template["spec"], "status": status}
        return made

    def _selected(self, objects, selector):
        wanted = dict(part.split("=") for part in selector.split(","))
        return {
            name: found
            for name, found in objects.items()
            if all(found["metadata"]["labels"].get(key) == value for key, value in wanted.items())
        }

    def pod(self, role, node):
        """The name of the pod of a role on a node."""
        return next(
            name
            for name, found in self.pods.items()
            if (found["metadata"]["labels"][pods.ROLE_LABEL], found["metadata"]["annotations"][pods.NODE_ANNOTATION])
            == (role, node)
        )

    def list_pods(self, namespace, selector):
        self._ask("list", "list_pods")
        return list(self._selected(self.pods, selector).values())

    def delete(self, namespace, selector, *, now=False):
        self._ask("delete", "delete")
        self.forced = self.forced or now
        for objects in (self.jobs, self.pods, self.services):
            for name in self._selected(objects, selector):
                if now or name not in self.stuck:
                    del objects[name]

    def count_left(self, namespace, selector):
        self._ask("list", "count_left")
        return sum(len(self._selected(objects, selector)) for objects in (self.jobs, self.pods, self.services))

    def warnings(self, namespace, prefix):
        self._ask("list", "warnings")
        return {name: told for name, told in self.events.items() if name.startswith(prefix)}

    def execute(self, namespace, pod, command, timeout, cancel, heard=None):
        self._ask("exec", "execute")
        found = self.pods[pod]["metadata"]
        node = found["annotations"][pods.NODE_ANNOTATION]
        if found["labels"][pods.ROLE_LABEL] == pods.PEER:
            problem = self.deaf_peers.get(node, "")
            told = "=done\n" if self.missing == "httpd" else "=httpd\n=done\n"
            return ExecResult("" if problem else told, problem)
        if found["labels"][pods.ROLE_LABEL] == pods.READER:
            return ExecResult((DATA.parent / "routes" / "busybox.txt").read_text(), self.exec_problems.get(pod, ""))
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        lines = ["=mtu 1450"]
        for errand in command[-1].splitlines():
            lines += self._errand(node, found["labels"][pods.RUN_LABEL], *errand.split()[:3])
        text = "\n".join(lines) + "\n"
        problem = self.exec_problems.get(node, "")
        if problem:
            text = "\n".join(lines[: self.cut])
        if heard:
            heard(text)
        return ExecResult(text, problem)

    def _errand(self, source, run, number, kind, address):
        nodes = {node["spec"]["podCIDR"].removesuffix(".0/24"): node for node in self.nodes}
        destination = nodes.get(address.rpartition(".")[0])
        name = destination["metadata"]["name"] if destination else source
        bridge = self._node(source)["spec"]["podCIDR"].replace("0/24", "1")
        hops = [address] if name == source else [bridge, None, address]
        if len(hops) == 3:
            hops[1] = destination["status"]["addresses"][0]["address"]
        if kind == "control":
            hops[-1] = None
        trace = "\n".join(f"|{line}" for line in output(address, *hops).splitlines())
        ping = _PING.format(address, 64 if name == source else 62)
        sender = self._node(source)["spec"]["podCIDR"].replace("0/24", "2")
        unheard = name in self.deaf_peers
        parts = {"trace": trace, "echoes": ping, "full": ping, "tcp": f"|{run} {name} [::ffff:{sender}]"}
        shown = {"pair": parts, "control": ["trace"], "service": ["tcp"]}[kind]
        if unheard:
            shown = [part for part in shown if part != "tcp"]
        codes = {}
        if self.missing == "wget":
            codes["tcp"], parts["tcp"] = "missing wget", ""
        elif self.missing == "httpd":
            codes["tcp"], parts["tcp"] = "1", f"|wget: can't connect to remote host ({address}): Connection refused"
        if kind == "service" and ":" in address:
            codes["tcp"], parts["tcp"] = "1", "|wget: download timed out"
        told = [line for part in shown for line in (f"=part {part} {codes.get(part, 0)}", parts[part])]
        return [f"=begin {number}", *told, f"=end {number}"]
