# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real client, against a server that only answers."""

from __future__ import annotations

import http.server
import json
import threading
from pathlib import Path

import pytest
import yaml

from ansible_collections.podpath.kubeadm.plugins.module_utils import api, cluster


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
    yield cluster.KubernetesCluster(path), requests, answers
    server.shutdown()
    server.server_close()


PODS = "/api/v1/namespaces/default/pods"
JOBS = "/apis/batch/v1/namespaces/default/jobs"


def test_the_client_speaks_plain_dicts(spoken_to):
    real, requests, answers = spoken_to
    answers["GET /api/v1/nodes"] = (200, {"items": [{"metadata": {"name": "n"}}]})
    assert real.list_nodes() == [{"metadata": {"name": "n"}}]
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}}
    answers[f"POST {JOBS}"] = (201, {**job, "metadata": {"name": "j", "uid": "u"}})
    assert real.create("default", job)["metadata"]["uid"] == "u"
    assert requests[-1] == ("POST", JOBS, job)
    real.list_pods("default", "a=b")
    assert requests[-1][1] == f"{PODS}?labelSelector=a%3Db"
    assert real.requests == {"list": 2, "create": 1}


def test_all_of_a_run_goes_with_two_requests(spoken_to):
    real, requests, _answers = spoken_to
    real.delete("default", "a=b")
    assert [(verb, path) for verb, path, _body in requests] == [
        ("DELETE", f"{JOBS}?labelSelector=a%3Db&propagationPolicy=Background"),
        ("DELETE", f"{PODS}?labelSelector=a%3Db"),
    ]
    real.delete("default", "a=b", now=True)
    assert "gracePeriodSeconds=0" in requests[-1][1]


def test_warnings_are_those_of_the_run_with_the_newest_last(spoken_to):
    real, _requests, answers = spoken_to
    events = [("ours-1", "B", "2"), ("ours-1", "A", "1"), ("other", "C", "3")]
    answers["GET /api/v1/namespaces/default/events"] = (
        200,
        {
            "items": [
                {
                    "type": "Warning",
                    "involvedObject": {"name": name},
                    "reason": reason,
                    "message": "m",
                    "lastTimestamp": when,
                }
                for name, reason, when in events
            ]
        },
    )
    assert real.warnings("default", "ours-") == {"ours-1": ["A: m", "B: m"]}
    answers["GET /api/v1/namespaces/default/events"] = (403, {"message": "no"})
    assert real.warnings("default", "ours-") == {}, "an aid, and no need"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, 'pods "p" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities'),
        (403, 'pods "p" is forbidden: exceeded quota: q'),
        (422, "admission webhook denied it"),
        (400, 'admission webhook "validate.kyverno.svc-fail" denied the request: disallow-host-namespaces'),
    ],
)
def test_what_an_admission_refuses_is_an_answer(spoken_to, status, said):
    real, requests, answers = spoken_to
    answers[f"POST {PODS}"] = (status, {"message": said})
    assert said in real.dry_run_pod("default", {"kind": "Pod"})
    assert "dryRun=All" in requests[-1][1], "a dry run starts nothing"


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        (
            403,
            'User "u" cannot create resource "pods" in API group "" in the namespace "default"',
            "may not create pods",
        ),
        (404, 'namespaces "default" not found', "There is no namespace default .*pod_paths_namespace"),
        (400, "Pod in version v1 cannot be handled as a Pod", "refused to create pods"),
        (500, 'Internal error occurred: failed calling webhook "validate.kyverno.svc-fail"', "failed calling webhook"),
    ],
)
def test_a_missing_right_or_namespace_is_an_error(spoken_to, status, said, words):
    real, _requests, answers = spoken_to
    answers[f"POST {PODS}"] = (status, {"message": said})
    with pytest.raises(api.ClusterError, match=words):
        real.dry_run_pod("default", {"kind": "Pod"})


def test_what_a_webhook_says_is_one_line(spoken_to):
    real, _requests, answers = spoken_to
    answers[f"POST {PODS}"] = (400, {"message": 'admission webhook "w" denied the request: \n\npolicy:\n  no host.\n'})
    assert real.dry_run_pod("default", {}) == 'admission webhook "w" denied the request: policy: no host.'


def test_flannels_pods_are_unknown_where_they_may_not_be_listed(spoken_to):
    real, _requests, answers = spoken_to
    assert real.flannel_pods() == []
    answers["GET /api/v1/namespaces/kube-flannel/pods"] = (403, {"message": "no"})
    assert real.flannel_pods() is None
    # the right to list them may be given in Flannel's namespace alone
    answers["GET /api/v1/namespaces/kube-system/pods"] = (200, {"items": [{"metadata": {"name": "kube-flannel-x"}}]})
    assert [pod["metadata"]["name"] for pod in real.flannel_pods()] == ["kube-flannel-x"]


@pytest.mark.parametrize(("label", "requests_made"), [("app=flannel", 3), ("k8s-app=flannel", 4)])
def test_flannels_pods_are_found_by_its_own_label_and_by_that_of_talos(spoken_to, monkeypatch, label, requests_made):
    real, _requests, _answers = spoken_to
    asked = []

    def listed(_method, _what, namespace, selector):
        asked.append((namespace, selector))
        return [{"metadata": {"name": "kube-flannel-x"}}] if (namespace, selector) == ("kube-system", label) else []

    monkeypatch.setattr(real, "_list", listed)
    assert [pod["metadata"]["name"] for pod in real.flannel_pods()] == ["kube-flannel-x"]
    assert len(asked) == requests_made


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


@pytest.mark.parametrize(
    "body", [b"<html>welcome</html>", [], "ok", None, 1, {"items": [1]}, {"items": {"a": {}}}, {"items": "ab"}]
)
def test_a_server_that_is_no_api_is_told_so(spoken_to, body):
    real, _requests, answers = spoken_to
    answers["GET /api/v1/nodes"] = (200, body)
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
    real = cluster.KubernetesCluster(kubeconfig(tmp_path / "kc", "http://127.0.0.1:1"))
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
        cluster.KubernetesCluster(str(path))


def test_an_error_in_a_kubeconfig_does_not_quote_it(tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text("users:\n- client-key-data: [SECRET\n: }")
    with pytest.raises(api.ClusterError, match="line 3") as error:
        cluster.KubernetesCluster(str(path))
    assert "SECRET" not in str(error.value)


def test_a_missing_kubeconfig_or_context_is_a_sentence(tmp_path):
    pytest.importorskip("kubernetes")
    with pytest.raises(api.ClusterError, match=r"There is no kubeconfig .*nowhere"):
        cluster.KubernetesCluster(str(tmp_path / "nowhere"))
    with pytest.raises(api.ClusterError, match="must be a file"):
        cluster.KubernetesCluster(str(tmp_path))
    path = kubeconfig(tmp_path / "kc", "http://127.0.0.1:1")
    with pytest.raises(api.ClusterError, match="other-context"):
        cluster.KubernetesCluster(path, "other-context")


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
    told = cluster._exec_problem("run", verdict, stderr)
    assert bool(told) == bool(words)
    assert all(word in told for word in words)


ROOT = Path(__file__).parents[2]


def needed_roles():
    roles = yaml.safe_load_all((ROOT / "roles/pod_paths/files/rights.yml").read_text())
    return [role for role in roles if role["metadata"]["name"] != "podpath-flannel"]


def test_readme_has_the_rights_of_the_file():
    blocks = (ROOT / "README.md").read_text().split("```yaml\n")[1:]
    blocks = [block.split("```")[0] for block in blocks]
    (shown,) = [list(yaml.safe_load_all(block)) for block in blocks if "kind: ClusterRole" in block]
    assert shown == needed_roles()


def test_what_a_refusal_says_is_needed_is_what_the_file_of_rights_grants():
    for role in needed_roles():
        for rule in role["rules"]:
            verbs = rule["verbs"]
            listed = ", ".join(verbs[:-1]) + " and " + verbs[-1] if len(verbs) > 1 else verbs[0]
            assert f"{listed} on {rule['resources'][0]}" in cluster.RIGHTS
