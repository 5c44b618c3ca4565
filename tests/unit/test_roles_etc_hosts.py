# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from role_templates import Role, task

from ansible_collections.podpath.kubeadm.plugins.module_utils import etc_hosts

NODES = {"node-2": {"address": "192.168.56.12"}, "node-1": {"address": "192.168.56.11"}}
MARKER = "# {mark} nodes"


def others(text, nodes=NODES):
    return etc_hosts.other_lines(text, nodes, MARKER)


def test_every_address_of_every_node_has_a_line():
    nodes = NODES | {"node-3": {"address": "10.3.3.3", "addresses": ["10.3.3.3", "fd00::3"]}}
    assert etc_hosts.block(nodes).splitlines() == [
        "192.168.56.11 node-1", "192.168.56.12 node-2", "10.3.3.3 node-3", "fd00::3 node-3"]


def test_a_short_name_is_given_only_where_it_means_one_node():
    nodes = {name: {"address": f"10.0.0.{last}"} for last, name in enumerate(
        ["a.one.example", "a.two.example", "b.one.example", "c.one.example", "c"])}
    assert etc_hosts.names_of(nodes) == {
        "a.one.example": ["a.one.example"], "a.two.example": ["a.two.example"],
        "b.one.example": ["b.one.example", "b"], "c": ["c"], "c.one.example": ["c.one.example"]}


def test_lines_that_agree_or_name_others_are_no_matter():
    text = ("127.0.0.1\tlocalhost\n::1 localhost ip6-localhost\n192.168.56.11 node-1 # here\n\n# 127.0.1.1 node-1\n"
            "10.0.0.1 node-10 mirror.node-1.example\n")
    assert others(text) == []


def test_lines_of_the_block_itself_are_never_others():
    text = "# BEGIN nodes\n192.168.56.99 node-1\n# END nodes\n192.168.56.99 node-2\n"
    assert [line["text"] for line in others(text)] == ["192.168.56.99 node-2"]


def test_debians_line_is_found_and_may_go():
    (line,) = others("127.0.0.1 localhost\n127.0.1.1\tNode-1.vm  node-1\n")
    assert line == {"text": "127.0.1.1\tNode-1.vm  node-1", "address": "127.0.1.1", "nodes": ["node-1"],
                    "loopback": True, "spare": True}


def test_a_line_that_names_localhost_too_is_not_spare():
    (line,) = others("127.0.0.1 localhost node-1\n")
    assert (line["loopback"], line["spare"]) == (True, False)


def test_a_stale_address_is_no_loopback():
    (line,) = others("10.0.2.15 node-1 node-2\n")
    assert (line["nodes"], line["loopback"]) == (["node-1", "node-2"], False)


def test_what_the_block_has_of_a_node_that_is_down_stays():
    nodes = {"node-1.example": {"addresses": ["10.0.0.1"]}, "node-2.example": {"addresses": ["10.0.0.2", "fd00::2"]},
             "node-3.example": {"addresses": ["10.0.0.3"]}}
    text = f"10.0.0.9 node-2.example\n# BEGIN nodes\n{etc_hosts.block(nodes)}# END nodes\n10.0.0.8 node-2.example\n"
    kept = etc_hosts.remembered(text, ["node-2.example", "node-4.example"], MARKER)
    assert kept == {"node-2.example": {"address": "10.0.0.2", "addresses": ["10.0.0.2", "fd00::2"]}}
    # node-3 is no host of the inventory any more
    up = {"node-1.example": nodes["node-1.example"]}
    role = Role("hosts", hosts_nodes=up, hosts_remembered=kept)
    written = role.render(task("roles/hosts/tasks/main.yml", "Name every node in /etc/hosts"))
    assert written["ansible.builtin.blockinfile"]["block"].splitlines() == [
        "10.0.0.1 node-1.example node-1", "10.0.0.2 node-2.example node-2", "fd00::2 node-2.example node-2"]
    assert Role("hosts", node_address_nodes=up, node_address_unknown=["a"]).render("{{ hosts_unknown }}") == ["a"]


BASE, DROP_IN = "/etc/cloud/cloud.cfg:manage_etc_hosts: ", "/etc/cloud/cloud.cfg.d/91-mine.cfg:manage_etc_hosts: "
USER = "/var/lib/cloud/instance/cloud-config.txt:manage_etc_hosts: "
VENDOR = "/var/lib/cloud/instance/vendor-cloud-config.txt:'manage_etc_hosts' : "


@pytest.mark.parametrize(("said", "loopback", "file"), [
    ("", "comment", ""),
    ("skipped, since /etc/cloud/cloud.cfg does not exist", "keep", ""),
    (BASE + "true", "keep", "/etc/cloud/cloud.cfg"),
    (BASE + "'template' # all of it", "keep", "/etc/cloud/cloud.cfg"),
    (BASE + "false", "keep", ""),
    (DROP_IN + "false\n" + BASE + "true", "keep", ""),
    (BASE + "false\n" + DROP_IN + "True", "keep", "/etc/cloud/cloud.cfg.d/91-mine.cfg"),
    (USER + "yes\n" + VENDOR + "false\n" + BASE + "false", "keep", "/var/lib/cloud/instance/cloud-config.txt"),
    (USER + "false\n" + VENDOR + "true", "keep", ""),
    (VENDOR + "true\n" + DROP_IN + "false", "keep", "/var/lib/cloud/instance/vendor-cloud-config.txt"),
    # only the line of the host's own name, which the block stands before
    (USER + "localhost", "keep", ""),
    (USER + "localhost", "comment", "/var/lib/cloud/instance/cloud-config.txt"),
])
def test_cloud_init_that_writes_the_file_at_each_boot_is_named(said, loopback, file):
    warning = etc_hosts.cloud_init_warning(said, "node-1", loopback)
    assert bool(warning) == bool(file), warning
    assert f"as {file} has manage_etc_hosts" in warning or not file
