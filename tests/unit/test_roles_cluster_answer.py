# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No cluster yet is no failure; a cluster that refuses, or a kubeconfig that is none, is one."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import yaml

from ansible_collections.podpath.kubeadm.plugins.module_utils.api import ApiRefused, ClusterError
from ansible_collections.podpath.kubeadm.plugins.modules import cluster_answer


def kubeconfig(tmp_path, server: str) -> str:
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump({
        "current-context": "it", "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": server}}], "users": [{"name": "it", "user": {"token": "t"}}],
    }))
    return str(path)


@pytest.fixture
def served(tmp_path):
    """serve(status): a kubeconfig of an API server that answers everything with this status."""
    servers = []

    def serve(status: int) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps({"message": "as it says"}).encode())

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return kubeconfig(tmp_path, f"http://127.0.0.1:{server.server_port}")

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_an_api_server_that_answers_is_there(served):
    assert cluster_answer.silence(served(200)) == ""


@pytest.mark.parametrize("status", [401, 500, 503])
def test_one_that_starts_or_does_not_know_an_old_kubeconfig_gives_no_answer(served, status):
    assert "as it says" in cluster_answer.silence(served(status))


def test_where_nothing_listens_there_is_no_cluster_yet(tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        said = cluster_answer.silence(kubeconfig(tmp_path, f"http://127.0.0.1:{closed.getsockname()[1]}"))
    assert "does not answer" in said


def test_a_user_without_rights_is_refused_with_what_is_needed(served):
    with pytest.raises(ApiRefused, match="may not list nodes: as it says"):
        cluster_answer.silence(served(403))


def test_a_file_that_is_no_kubeconfig_is_named(tmp_path):
    (tmp_path / "file").write_text("[]")
    with pytest.raises(ClusterError, match="is not valid"):
        cluster_answer.silence(str(tmp_path / "file"))
