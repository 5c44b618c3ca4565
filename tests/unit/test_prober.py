# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import http.server
import json
import os
import shutil
import signal
import subprocess
import threading

import pytest
from fake_cluster import Clock, FakeCluster
from path_samples import cluster

from ansible_collections.podpath.kubeadm.plugins.module_utils import api, plan, prober

METHOD = plan.Method()
SETTINGS = prober.Settings("abc", "default", "busybox:1", METHOD, wait_timeout=60, lifetime=200)


def manifest(role="prober", index=1, node="node-1", now=1000.0, placement=None):
    return prober.pod_manifest(SETTINGS, role, index, node, placement or {}, now)


def pod(**changes):
    """A pod of ours as the API shows it. Changes: phase, waiting, message, conditions, ip, deadline, deleting."""
    made = manifest()
    made["metadata"]["uid"] = "u1"
    if "deadline" in changes:
        made["metadata"]["annotations"][prober.DEADLINE_ANNOTATION] = changes["deadline"]
    if changes.get("deleting"):
        made["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    state = {"running": {}}
    if "waiting" in changes:
        state = {"waiting": {"reason": changes["waiting"], "message": changes.get("message", "")}}
    made["status"] = {
        "phase": changes.get("phase", "Running"),
        "podIP": changes.get("ip", "10.244.1.2"),
        "containerStatuses": [{"state": state}],
        "conditions": changes.get("conditions", []),
    }
    return made


# Pods


def test_a_pod_asks_for_little_and_ends_by_itself():
    spec = manifest()["spec"]
    assert spec["activeDeadlineSeconds"] == 200
    assert "sleep 200" in spec["containers"][0]["command"][2]
    assert spec["restartPolicy"] == "Never"
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"} in spec[
        "tolerations"
    ]
    # baseline pod security refuses added capabilities
    assert "capabilities" not in spec["containers"][0]["securityContext"]


def test_a_pod_says_whose_it_is_and_until_when():
    metadata = manifest()["metadata"]
    assert metadata["name"] == "podpath-abc-prober-1"
    assert metadata["labels"]["app.kubernetes.io/managed-by"] == "podpath"
    assert metadata["labels"][prober.RUN_LABEL] == "abc"
    assert metadata["annotations"][prober.DEADLINE_ANNOTATION] == "1200"


def test_pods_are_pinned_through_the_scheduler():
    assert prober.pin("node-1", "host-1", True) == {"nodeSelector": {"kubernetes.io/hostname": "host-1"}}
    for hostname, unique in (("host-1", False), (None, False), ("", True)):
        term = prober.pin("node-1", hostname, unique)["affinity"]["nodeAffinity"][
            "requiredDuringSchedulingIgnoredDuringExecution"
        ]["nodeSelectorTerms"]
        assert term == [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]}]


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell")
def test_the_container_ends_at_once_when_told():
    command = manifest()["spec"]["containers"][0]["command"]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        # The trap is set before sleep starts; a signal before that ends the shell too, with another code.
        while not subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, check=False).stdout:
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0
    finally:
        os.killpg(process.pid, signal.SIGKILL)


UNSCHEDULABLE = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}]


@pytest.mark.parametrize(
    ("changes", "running", "failed", "suspect"),
    [
        ({}, True, "", ""),
        ({"ip": ""}, False, "", ""),
        ({"phase": "Pending", "waiting": "ContainerCreating"}, False, "", ""),
        ({"phase": "Pending", "waiting": "ErrImagePull", "message": "no such host"}, False, "", "pull"),
        ({"phase": "Pending", "waiting": "ImagePullBackOff"}, False, "", "pull"),
        ({"phase": "Pending", "waiting": "InvalidImageName"}, False, "cannot start image busybox:1", ""),
        ({"phase": "Pending", "waiting": "CreateContainerError", "message": "no sh"}, False, "no sh", ""),
        ({"phase": "Pending", "waiting": "", "conditions": UNSCHEDULABLE}, False, "", "schedule"),
        ({"phase": "Failed"}, False, "ended too early", ""),
        ({"phase": "Succeeded"}, False, "ended too early", ""),
        ({"deleting": True}, False, "deleted by somebody else", ""),
    ],
)
def test_pod_states(changes, running, failed, suspect):
    state = prober.pod_state(pod(**changes))
    assert (state.running, state.suspect) == (running, suspect)
    assert failed in state.failed
    assert bool(failed) == bool(state.failed)
    assert (state.node, state.role) == ("node-1", "prober")


# Waiting


def waited(statuses, wanted=(("prober", "node-1"),), events=None):
    """Waits over a script of statuses, one per poll, the last for ever."""
    clock = Clock()

    class Scripted:
        polls = 0

        def list_pods(self, namespace, selector):
            assert selector == "app.kubernetes.io/managed-by=podpath,podpath.kubeadm/run=abc"
            status = statuses[min(self.polls, len(statuses) - 1)]
            self.polls += 1
            return [status] if status else []

        def pod_warnings(self, namespace, name):
            return events or []

    return prober.wait_for_pods(Scripted(), SETTINGS, list(wanted), clock, clock.sleep), clock.now


PULL = {"phase": "Pending", "waiting": "ErrImagePull", "message": "lookup docker.io: no such host"}


def test_waiting_ends_when_all_run():
    started, took = waited([pod(phase="Pending", waiting="ContainerCreating"), pod()])
    assert list(started.running) == [("prober", "node-1")]
    assert took == prober.POLL


def test_a_lasting_pull_error_fails_fast_with_image_node_and_kubelets_words():
    started, took = waited([pod(**PULL)])
    told = started.problems[("prober", "node-1")]
    assert all(word in told for word in ("node-1", "busybox:1", "no such host"))
    assert started.pull_failures == {"node-1"}
    assert took < 20


def test_a_registry_may_stumble_once():
    # a kubelet tries again after 10 seconds
    stumbling = [pod(**PULL)] * int(11 / prober.POLL)
    started, _took = waited([*stumbling, pod(phase="Pending", waiting="ContainerCreating"), pod()])
    assert started.running
    assert not started.problems


def test_an_unschedulable_pod_is_given_up_long_before_the_timeout():
    started, took = waited([pod(phase="Pending", waiting="", conditions=UNSCHEDULABLE)])
    assert "0/3 nodes" in started.problems[("prober", "node-1")]
    assert prober.SCHEDULE_PATIENCE <= took < prober.SCHEDULE_PATIENCE + 2


def test_a_timeout_names_its_variable_and_the_last_warning():
    started, took = waited(
        [pod(phase="Pending", waiting="ContainerCreating")], events=["Old: x", "FailedCreatePodSandBox: no cni0"]
    )
    told = started.problems[("prober", "node-1")]
    assert all(word in told for word in ("60 s", "pod_paths_wait_timeout", "ContainerCreating", "no cni0"))
    assert "Old" not in told
    assert 60 <= took < 62


def test_a_vanished_pod_is_a_problem_and_no_endless_wait():
    started, _took = waited([None])
    assert "vanished" in started.problems[("prober", "node-1")]


# Probing


def test_the_script_runs_in_a_real_shell_and_comes_back_in_order(tmp_path):
    """With a traceroute and a ping that print their arguments, the slowest first."""
    for name in ("traceroute", "ping"):
        fake = tmp_path / "bin" / name
        fake.parent.mkdir(exist_ok=True)
        fake.write_text('#!/bin/sh\nprintf %s "$*"\n')
        fake.chmod(0o755)
    probes = [(plan.Probe("b", "ipv4", 1, 33434), "10.0.0.1"), (plan.Probe("c", "ipv4", 0, 33444), "10.0.0.2")]
    script = prober.probe_script(probes, METHOD).replace("/podpath", str(tmp_path)).replace("sleep", ": ")
    environment = {"PATH": f"{fake.parent}:{os.environ['PATH']}"}
    text = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, env=environment).stdout
    first, second = prober.split_output(text, 2, "")
    assert first == prober.Output("-n -q 2 -w 1 -m 5 -p 33434 10.0.0.1", echoes="-q -c 3 -i 0.2 -W 1 10.0.0.1")
    assert second == prober.Output("-n -q 2 -w 1 -m 5 -p 33444 10.0.0.2", echoes="-q -c 3 -i 0.2 -W 1 10.0.0.2")


def test_a_missing_ping_costs_the_latency_and_nothing_else(tmp_path):
    fake = tmp_path / "bin" / "traceroute"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho fine\n")
    fake.chmod(0o755)
    for program in ("sh", "cat"):
        (fake.parent / program).symlink_to(shutil.which(program))
    probes = [(plan.Probe("b", "ipv4", 0, 33434), "10.0.0.1")]
    script = prober.probe_script(probes, METHOD).replace("/podpath", str(tmp_path))
    text = subprocess.run(
        [shutil.which("sh"), "-c", script], capture_output=True, text=True, check=True, env={"PATH": str(fake.parent)}
    ).stdout
    (output,) = prober.split_output(text, 1, "")
    assert (output.text, output.problem) == ("fine", "")


def test_outputs_that_did_not_come_say_why():
    text = "=begin 0\nfine\n=end 0 0\n=begin 1\nhalf"
    assert prober.split_output(text, 3, "cut off") == [
        prober.Output("fine"),
        prober.Output("", "cut off"),
        prober.Output("", "cut off"),
    ]
    assert "ended before" in prober.split_output("", 1, "")[0].problem


def test_a_traceroute_that_fails_is_quoted_and_a_missing_capability_named():
    said = prober.split_output("=begin 0\ntraceroute: socket: Operation not permitted\n=end 0 1\n", 1, "")[0].problem
    assert all(word in said for word in ("ended with 1", "Operation not permitted", "NET_RAW"))
    assert "printed nothing" in prober.split_output("=begin 0\n=end 0 127\n", 1, "")[0].problem


def test_all_probers_run_side_by_side():
    both = threading.Barrier(2, timeout=5)

    class Meeting:
        def execute(self, namespace, pod_name, command, timeout, cancel):
            both.wait()
            return prober.ExecResult(f"=begin 0\n{pod_name}\n=end 0 0\n")

    work = {name: (name, [(plan.Probe("c", "ipv4", 0, 33434), "10.0.0.1")]) for name in ("a", "b")}
    outputs = prober.run_probes(Meeting(), SETTINGS, work)
    assert {key: output.text for key, output in outputs.items()} == {("a", "c"): "a", ("b", "c"): "b"}


def test_an_exec_that_breaks_costs_only_its_own_pairs():
    class Half:
        def execute(self, namespace, pod_name, command, timeout, cancel):
            if pod_name == "a":
                raise api.ApiUnreachable("gone")
            return prober.ExecResult("=begin 0\nfine\n=end 0 0\n")

    work = {name: (name, [(plan.Probe("c", "ipv4", 0, 33434), "10.0.0.1")]) for name in ("a", "b")}
    outputs = prober.run_probes(Half(), SETTINGS, work)
    assert outputs[("a", "c")].problem == "gone"
    assert outputs[("b", "c")].text == "fine"


# Removal


@pytest.mark.parametrize(
    ("changes", "now", "leftover"),
    [
        ({"phase": "Running"}, 1100, False),
        ({"phase": "Running"}, 1230, False),  # within the skew of two clocks
        ({"phase": "Running"}, 1261, True),
        ({"phase": "Pending"}, 1261, True),
        ({"phase": "Succeeded"}, 1100, True),
        ({"phase": "Failed"}, 1100, False),  # a live run needs it to tell what happened
        ({"phase": "Failed"}, 1201, True),
        ({"phase": "Failed", "deadline": "soon"}, 1100, True),
        ({"phase": "Running", "deadline": "soon"}, 9999, False),
        ({"phase": "Succeeded", "deleting": True}, 1100, False),
    ],
)
def test_what_a_gone_run_left_behind(changes, now, leftover):
    assert prober.is_leftover(pod(**changes), now) == leftover


def filled(roles=("prober", "peer")):
    fake = FakeCluster(cluster())
    for role in roles:
        fake.create_pod("default", manifest(role))
    return fake


def test_leftovers_go_and_a_live_run_stays():
    fake = filled()
    fake.pods["podpath-abc-peer-1"]["status"] = {"phase": "Succeeded"}
    assert prober.remove_leftovers(fake, "default", 1100) == 1
    assert fake.deleted == ["podpath-abc-peer-1"]
    assert list(fake.pods) == ["podpath-abc-prober-1"]


def test_a_removal_leaves_nothing():
    fake, clock = filled(), Clock()
    assert prober.remove_run(fake, SETTINGS, clock, clock.sleep) == 0
    assert fake.pods == {}
    assert fake.forced == []


def test_other_runs_are_not_touched():
    fake, clock = filled(), Clock()
    fake.pods["podpath-abc-peer-1"]["metadata"]["labels"][prober.RUN_LABEL] = "other"
    assert prober.remove_run(fake, SETTINGS, clock, clock.sleep) == 0
    assert list(fake.pods) == ["podpath-abc-peer-1"]


def test_a_pod_on_a_dead_node_is_forced_away():
    fake, clock = filled(), Clock()
    fake.stuck = {"podpath-abc-peer-1"}
    assert prober.remove_run(fake, SETTINGS, clock, clock.sleep) == 0
    assert fake.forced == ["podpath-abc-peer-1"]
    assert clock.now >= prober.REMOVAL_PATIENCE / 2


def test_what_does_not_go_is_counted_after_a_bounded_wait():
    fake, clock = filled(), Clock()
    fake.delete_pod = lambda *arguments, **keywords: None
    assert prober.remove_run(fake, SETTINGS, clock, clock.sleep) == 2
    assert clock.now < prober.REMOVAL_PATIENCE + 2


# Signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_interrupts_once_and_handlers_come_back(number):
    before = signal.getsignal(number)
    with prober.guarded() as guard:
        with pytest.raises(prober.Interrupted, match=number.name):
            signal.raise_signal(number)
        signal.raise_signal(number)  # a second one must not cut the removal short
        assert guard.holding
    assert signal.getsignal(number) is before


def test_no_signal_cuts_a_removal_short():
    with prober.guarded() as guard:
        guard.hold()
        signal.raise_signal(signal.SIGTERM)


# The real client, against a server that only answers


def kubeconfig(path, server):
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "c",
                "clusters": [{"name": "k", "cluster": {"server": server}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
                "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            }
        )
    )
    return str(path)


@pytest.fixture
def spoken_to(tmp_path):
    """(cluster, requests, answers): answers maps "VERB path" to (status, body); everything else is an empty list."""
    requests, answers = [], {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self):
            length = int(self.headers.get("content-length") or 0)
            requests.append((self.command, self.path, json.loads(self.rfile.read(length) or "null")))
            status, body = answers.get(f"{self.command} {self.path.split('?')[0]}", (200, {"items": []}))
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pytest.importorskip("kubernetes")
    path = kubeconfig(tmp_path / "kubeconfig", f"http://127.0.0.1:{server.server_port}")
    yield prober.KubernetesCluster(path), requests, answers
    server.shutdown()
    server.server_close()


PODS = "/api/v1/namespaces/default/pods"


def test_the_client_speaks_plain_dicts(spoken_to):
    real, requests, answers = spoken_to
    answers["GET /api/v1/nodes"] = (200, {"items": [{"metadata": {"name": "n"}}]})
    assert real.list_nodes() == [{"metadata": {"name": "n"}}]
    real.create_pod("default", manifest(placement=prober.pin("node-1", None, False)))
    assert requests[-1][:2] == ("POST", PODS)
    sent = requests[-1][2]
    assert sent == manifest(placement=prober.pin("node-1", None, False))
    real.list_pods("default", "a=b")
    assert requests[-1][1] == f"{PODS}?labelSelector=a%3Db"
    real.delete_pod("default", "p", "u1", now=True)
    verb, path, body = requests[-1]
    assert (verb, path) == ("DELETE", f"{PODS}/p")
    assert (body["preconditions"], body["gracePeriodSeconds"]) == ({"uid": "u1"}, 0)
    answers["GET /api/v1/namespaces/default/events"] = (
        200,
        {"items": [{"reason": "B", "message": "b", "lastTimestamp": "2"}, {"reason": "A", "message": "a"}]},
    )
    assert real.pod_warnings("default", "p") == ["A: a", "B: b"]


@pytest.mark.parametrize(("status", "raises"), [(404, False), (409, False), (403, True), (500, True)])
def test_a_pod_that_is_gone_needs_no_deletion(spoken_to, status, raises):
    real, _requests, answers = spoken_to
    answers[f"DELETE {PODS}/p"] = (status, {"message": "said so"})
    if raises:
        with pytest.raises(api.ApiRefused, match="said so"):
            real.delete_pod("default", "p", "u")
    else:
        real.delete_pod("default", "p", "u")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, ["does not accept kubeconfig", "pod_paths_kubeconfig"]),
        (403, ["may not list nodes", "forbidden by test", "Needed are"]),
        (500, ["refused to list nodes (500)"]),
    ],
)
def test_a_refusal_names_what_is_missing(spoken_to, status, words):
    real, _requests, answers = spoken_to
    answers["GET /api/v1/nodes"] = (status, {"kind": "Status", "message": "forbidden by test"})
    with pytest.raises(api.ApiRefused) as caught:
        real.list_nodes()
    assert all(word in str(caught.value) for word in words), caught.value


def test_a_server_that_is_no_api_is_told_so(spoken_to):
    real, _requests, answers = spoken_to
    answers["GET /api/v1/nodes"] = (200, b"<html>welcome</html>")
    with pytest.raises(api.ApiUnreachable, match="no Kubernetes API"):
        real.list_nodes()


def test_an_exec_that_is_refused_is_a_problem_and_no_crash(spoken_to):
    real, _requests, answers = spoken_to
    answers[f"GET {PODS}/p/exec"] = (403, {"message": "no exec for you"})
    result = real.execute("default", "p", ["true"], 5, threading.Event())
    assert "Could not run a command in pod p" in result.problem
    assert "403" in result.problem


def test_an_api_that_does_not_answer_is_named_with_its_variable(tmp_path):
    pytest.importorskip("kubernetes")
    real = prober.KubernetesCluster(kubeconfig(tmp_path / "kc", "http://127.0.0.1:1"))
    with pytest.raises(api.ApiUnreachable) as caught:
        real.list_nodes()
    assert all(word in str(caught.value) for word in ("http://127.0.0.1:1", "kubeconfig", "pod_paths_kubeconfig"))


@pytest.mark.parametrize(
    "content", ["", "banana", "a: [", "[]", "{}", "apiVersion: v1\nkind: Config\n", '{"current-context": "x"}', "\x00"]
)
def test_an_invalid_kubeconfig_is_a_sentence(tmp_path, content):
    pytest.importorskip("kubernetes")
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    with pytest.raises(api.ClusterError, match=r"pod_paths_kubeconfig.*not valid"):
        prober.KubernetesCluster(str(path))


def test_an_error_in_a_kubeconfig_does_not_quote_it(tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text("users:\n- client-key-data: [SECRET\n: }")
    with pytest.raises(api.ClusterError, match="line 3") as error:
        prober.KubernetesCluster(str(path))
    assert "SECRET" not in str(error.value)


def test_a_missing_kubeconfig_or_context_is_a_sentence(tmp_path):
    pytest.importorskip("kubernetes")
    with pytest.raises(api.ClusterError, match=r"There is no kubeconfig .*nowhere"):
        prober.KubernetesCluster(str(tmp_path / "nowhere"))
    with pytest.raises(api.ClusterError, match="must be a file"):
        prober.KubernetesCluster(str(tmp_path))
    path = kubeconfig(tmp_path / "kc", "http://127.0.0.1:1")
    with pytest.raises(api.ClusterError, match="other-context"):
        prober.KubernetesCluster(path, "other-context")


@pytest.mark.parametrize(
    ("verdict", "stderr", "words"),
    [
        ('{"status": "Success"}', "", []),
        ('{"status": "Failure", "message": "exit code 70"}', "cd: no", ["exit code 70", "cd: no"]),
        ("", "", ["connection ended"]),
        ("not json", "", ["not json"]),
    ],
)
def test_the_end_of_an_exec(verdict, stderr, words):
    told = prober._exec_problem("run", verdict, stderr)
    assert bool(told) == bool(words)
    assert all(word in told for word in words)
