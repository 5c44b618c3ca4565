# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run needs of a cluster: a small protocol over the API's JSON, and the real cluster on the official client.

Objects come and go as plain dicts, so that a cluster can also be made of network namespaces, or of a dictionary in a
test. Times are seconds. Every method may raise ClusterError, whose text is a sentence.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from ansible_collections.podpath.kubeadm.plugins.module_utils import readiness
from ansible_collections.podpath.kubeadm.plugins.module_utils.api import (
    Api,
    ApiRefused,
    ClusterError,
    message,
)

# without them, api.KUBERNETES_IMPORT_ERROR tells
with suppress(ImportError):
    import urllib3
    import websocket
    from kubernetes import client, stream

# The one container of each pod of a run.
CONTAINER = "podpath"

# Those of Flannel's own manifest, and of Talos.
_FLANNEL_LABELS = ("app=flannel", "k8s-app=flannel")

# What a kubeconfig's user must be allowed to do; roles/pod_paths/files/rights.yml says the same as objects.
RIGHTS = (
    "Needed are list on nodes, and in the namespace create, list and deletecollection on jobs, create, list and "
    "deletecollection on pods, create and get on pods/exec, create and list on services, and list on events."
)


@dataclass(frozen=True)
class ExecResult:
    """What a command in a pod wrote to its standard output. ``problem``: why that is nothing, or not all."""

    stdout: str
    problem: str = ""


class Cluster(Protocol):
    """A cluster as a run sees it.

    ``server``: its address, for people. ``requests``: how many requests were made so far, by verb (list, get, create,
    delete, exec). Selectors are label selectors, equalities joined by commas.
    """

    server: str
    requests: Counter[str]

    def list_nodes(self) -> list[dict[str, Any]]:
        """Node objects."""

    def flannel_config_map(self) -> dict[str, Any] | None:
        """The ConfigMap of Flannel's manifest; None where there is none, or it may not be read."""

    def flannel_pods(self) -> list[dict[str, Any]] | None:
        """The pods of Flannel's DaemonSet, as far as it is labelled as is usual; None where they may not be listed."""

    def dry_run_pod(self, namespace: str, manifest: Mapping[str, Any]) -> str:
        """Why the namespace would refuse this Pod (Pod Security, quota, a webhook); empty where it would take it."""

    def create(self, namespace: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Creates a Job or a Service, by the manifest's ``kind``; returns the object as it was stored."""

    def list_pods(self, namespace: str, selector: str) -> list[dict[str, Any]]:
        """Pod objects."""

    def delete(self, namespace: str, selector: str, *, now: bool = False) -> None:
        """Asks for the Jobs and their pods to be deleted, and with them, in the background, what the Jobs own.

        ``now``: the pods without grace, for those whose kubelet does not answer.
        """

    def count_left(self, namespace: str, selector: str) -> int:
        """How many Jobs, pods and Services are there."""

    def warnings(self, namespace: str, prefix: str) -> dict[str, list[str]]:
        """Warning events of objects whose name begins with ``prefix``: name -> sentences, the newest last."""

    def execute(
        self,
        namespace: str,
        pod: str,
        command: Sequence[str],
        timeout: float,
        cancel: threading.Event,
        heard: Callable[[str], None] | None = None,
    ) -> ExecResult:
        """Runs a command in a pod until it ends, ``timeout`` has passed or ``cancel`` is set. Raises nothing.

        Called from several threads at once. ``heard`` gets the output as it comes, in pieces of any size.
        """


class KubernetesCluster:
    """A cluster through the official client."""

    def __init__(self, kubeconfig: str, context: str | None = None) -> None:
        self._api = Api(kubeconfig, "variable kubeconfig; pod_paths_kubeconfig in the role", context, RIGHTS)
        self.server = self._api.server
        self.requests = Counter()
        self._core = client.CoreV1Api(self._api.client)
        self._batch = client.BatchV1Api(self._api.client)

    def _call(self, verb: str, what: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        self.requests[verb] += 1
        return self._api.call(what, method, *args, **kwargs)

    def list_nodes(self) -> list[dict[str, Any]]:
        return self._call("list", "list nodes", self._core.list_node).get("items") or []

    def flannel_config_map(self) -> dict[str, Any] | None:
        for namespace in ("kube-flannel", "kube-system"):
            try:
                return self._call(
                    "get",
                    "read Flannel's ConfigMap",
                    self._core.read_namespaced_config_map,
                    "kube-flannel-cfg",
                    namespace,
                )
            except ApiRefused as error:
                if error.status not in (403, 404):
                    raise
        return None

    def flannel_pods(self) -> list[dict[str, Any]] | None:
        refused = False
        for namespace in ("kube-flannel", "kube-system"):
            for label in _FLANNEL_LABELS:
                try:
                    found = self._list(self._core.list_namespaced_pod, "pods", namespace, label)
                except ApiRefused as error:
                    if error.status != 403:
                        raise
                    refused = True
                    break
                if found:
                    return found
        return None if refused else []

    def dry_run_pod(self, namespace: str, manifest: Mapping[str, Any]) -> str:
        what = f"create pods in namespace {namespace}"
        try:
            self._call("create", what, self._core.create_namespaced_pod, namespace, body=dict(manifest), dry_run="All")
        except ApiRefused as error:
            if error.status == 404:
                raise ClusterError(
                    f"There is no namespace {namespace} (variable namespace; pod_paths_namespace in the role): create "
                    "it first, or name another one."
                ) from error
            # An admission's no and a missing right share the status; only the latter speaks of the user. A webhook
            # chooses its status, and has 400 where it names none.
            answered = error.status in (403, 422) or "admission webhook" in error.said
            if not answered or "cannot create resource" in error.said:
                raise
            return error.said
        return ""

    def create(self, namespace: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
        kind = manifest["kind"]
        method = {"Job": self._batch.create_namespaced_job, "Service": self._core.create_namespaced_service}[kind]
        return self._call(
            "create", f"create {kind.lower()}s in namespace {namespace}", method, namespace, body=dict(manifest)
        )

    def _list(self, method: Callable[..., Any], what: str, namespace: str, selector: str) -> list[dict[str, Any]]:
        found = self._call("list", f"list {what} in namespace {namespace}", method, namespace, label_selector=selector)
        return found.get("items") or []

    def list_pods(self, namespace: str, selector: str) -> list[dict[str, Any]]:
        return self._list(self._core.list_namespaced_pod, "pods", namespace, selector)

    def delete(self, namespace: str, selector: str, *, now: bool = False) -> None:
        # The Jobs first, or their controller would count a pod that goes as failed. The garbage collector would take
        # the pods as well; it is only slower.
        jobs = (f"delete jobs in namespace {namespace}", self._batch.delete_collection_namespaced_job, namespace)
        self._call("delete", *jobs, label_selector=selector, propagation_policy="Background")
        pods = (f"delete pods in namespace {namespace}", self._core.delete_collection_namespaced_pod, namespace)
        grace = {"grace_period_seconds": 0} if now else {}
        self._call("delete", *pods, label_selector=selector, **grace)

    def count_left(self, namespace: str, selector: str) -> int:
        return sum(
            len(self._list(method, what, namespace, selector))
            for method, what in (
                (self._core.list_namespaced_pod, "pods"),
                (self._batch.list_namespaced_job, "jobs"),
                (self._core.list_namespaced_service, "services"),
            )
        )

    def warnings(self, namespace: str, prefix: str) -> dict[str, list[str]]:
        try:
            found = self._call(
                "list", "list events", self._core.list_namespaced_event, namespace, field_selector="type=Warning"
            )
        except ApiRefused:
            return {}  # only an aid to the reader: without this right the run still says what it waited for
        told = readiness.warnings(found.get("items") or [])
        return {name: sentences for name, sentences in told.items() if name.startswith(prefix)}

    def execute(
        self,
        namespace: str,
        pod: str,
        command: Sequence[str],
        timeout: float,
        cancel: threading.Event,
        heard: Callable[[str], None] | None = None,
    ) -> ExecResult:
        what = f"run a command in pod {pod}"
        self.requests["exec"] += 1
        # A client of its own: the stream function swaps a method of the client it is given.
        api = client.CoreV1Api(client.ApiClient(self._api.configuration))
        end = time.monotonic() + timeout
        stdout = ""
        stderr = ""
        ended = False
        try:
            socket = stream.stream(
                api.connect_get_namespaced_pod_exec,
                pod,
                namespace,
                container=CONTAINER,
                command=list(command),
                stdin=False,
                stdout=True,
                stderr=True,
                tty=False,
                _preload_content=False,
            )
            try:
                while socket.is_open() and time.monotonic() < end and not cancel.is_set():
                    socket.update(timeout=0.5)
                    # timeout 0: what is there; the blocking form waits for more
                    piece = socket.read_channel(1, timeout=0)
                    stdout += piece
                    if piece and heard:
                        heard(piece)
                ended = not socket.is_open()
                stdout += socket.read_channel(1)
                stderr = socket.read_channel(2).strip()
                verdict = socket.read_channel(3) if ended else ""
            finally:
                socket.close()
        except (client.ApiException, websocket.WebSocketException, urllib3.exceptions.HTTPError, OSError) as error:
            return ExecResult(stdout, f"Could not {what}: {message(error)}")
        if not ended:
            return ExecResult(stdout, f"Running a command in pod {pod} did not end within {timeout:.0f} s.")
        return ExecResult(stdout, _exec_problem(what, verdict, stderr))


def _exec_problem(what: str, verdict: str, stderr: str) -> str:
    """The error channel of an exec to a sentence, empty on success."""
    try:
        status = json.loads(verdict) if verdict else {}
    except ValueError:
        status = {"message": verdict}
    if status.get("status") == "Success":
        return ""
    said = "; ".join(part for part in (status.get("message", "the connection ended"), stderr) if part)
    return f"Could not {what}: {said}"
