# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from role_templates import Role

from ansible_collections.podpath.kubeadm.plugins.module_utils import proxy

URL = "http://proxy.example:3128"


def test_without_a_proxy_no_variable_is_set():
    assert proxy.environment({}, ["node-1"]) == {}
    assert proxy.environment({"http": "", "https": "", "no_proxy": ["x"]}, []) == {}


def test_one_proxy_serves_both_schemes_in_both_spellings():
    found = proxy.environment({"http": URL}, [])
    assert {found[name] for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")} == {URL}
    assert found["no_proxy"] == found["NO_PROXY"]


def test_a_proxy_for_https_alone_leaves_http_alone():
    assert "http_proxy" not in proxy.environment({"https": URL}, [])


def test_the_cluster_and_what_the_user_names_never_go_through_it():
    found = proxy.environment(
        {"http": URL, "no_proxy": ["mirror.example"]}, ["node-1", "192.168.56.11", "10.96.0.0/12", ""]
    )
    names = found["no_proxy"].split(",")
    assert {"localhost", "127.0.0.1", ".svc", ".cluster.local"} <= set(names)
    assert names[-4:] == ["node-1", "192.168.56.11", "10.96.0.0/12", "mirror.example"]


def test_a_node_that_is_down_changes_nothing_of_what_is_reached_directly():
    nodes = {f"node-{number}": {"addresses": [f"10.0.0.{number}"]} for number in (1, 2, 3)}
    whole = Role("kubernetes", node_address_nodes=nodes, hosts_remembered={})
    up = {name: nodes[name] for name in ("node-1", "node-3")}
    down = Role("kubernetes", node_address_nodes=up, hosts_remembered={"node-2": nodes["node-2"]})
    direct = whole.render("{{ kubernetes_direct }}")
    assert direct[:6] == ["node-1", "node-2", "node-3", "10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert down.render("{{ kubernetes_direct }}") == direct
    assert Role("kubernetes").render("{{ kubernetes_direct }}") == ["10.244.0.0/16", "10.96.0.0/12"]


@pytest.mark.parametrize("url", ["proxy:3128", "socks5://proxy", "http://", "me:hunter2@proxy",
                                 "http://me:hunter2\u2100@proxy", "http://proxy:port"])
def test_what_is_no_proxy_is_told_and_not_quoted(url):
    with pytest.raises(proxy.ProxyError, match=r"kubernetes_proxy\.http is no URL") as error:
        proxy.environment({"http": url}, [])
    assert "hunter2" not in str(error.value)
