# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host's own entry of a repository is used or refused. Which ones collide was asked of apt 2.6."""

from __future__ import annotations

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import apt_sources

DIRECTORY = "/etc/apt/sources.list.d"
OWN = f"{DIRECTORY}/kubernetes.sources"
URI = "https://pkgs.k8s.io/core:/stable:/v1.37/deb/"
KEY = "signed-by=/etc/apt/keyrings/kubernetes-apt-keyring.gpg"
DEBIAN = ("/etc/apt/sources.list", "deb http://archive.example/debian bookworm main\n")


def judge(*files: tuple[str, str], **changes: str) -> dict:
    """As grep prints them: the file before each line."""
    said = "\n".join(f"{path}:{line}" for path, text in files for line in text.splitlines())
    wanted = {"own": OWN, "uri": URI, "suite": "/", "component": "", "architecture": "amd64"}
    return apt_sources.judge(said, "node-1", **wanted | changes)


def stanza(*fields: str, uri: str = URI) -> str:
    key = ["Signed-By:", " -----BEGIN", " .", " abc", ""]
    return "\n".join(["Types: deb", f"URIs: {uri}", "Suites: /", *fields, *key])


@pytest.mark.parametrize(("name", "text"), [
    ("kubernetes.list", f"# by hand\n\ndeb [{KEY}] {URI} /\n"),
    ("kubernetes.list", f"deb [ arch=amd64,arm64 {KEY} ] {URI.rstrip('/')} / # kept\n"),
    ("a.list", f"deb {URI} /\n"),
    ("a.list", f"deb [{KEY}] http://pkgs.k8s.io/core%3a/stable:/v1.37/deb/ /\n"),
    ("a.list", f"deb-src [{KEY}] {URI} /\ndeb [{KEY}] {URI} /\n"),
    ("a.sources", "# a\n" + stanza() + "\n\nTypes: deb-src\nURIs: http://other\nSuites: x\n"),
    ("a.sources", f"Types: deb-src deb\nURIs:\n http://other\n {URI}\nSuites: x /\nArchitectures: arm64 amd64\n"),
    ("kubernetes.sources", stanza()),
])
def test_an_entry_of_the_same_repository_is_adopted(name, text):
    assert judge(DEBIAN, (f"{DIRECTORY}/{name}", text)) == {"adopted": f"{DIRECTORY}/{name}", "problems": []}


@pytest.mark.parametrize(("name", "text"), [
    ("kubernetes.list", f"#deb [{KEY}] {URI} /\n"),
    ("kubernetes.list", f"deb [{KEY}] {URI.replace('v1.37', 'v1.36')} /\n"),
    ("kubernetes.list", f"deb [{KEY}] {URI} ./\n"),
    ("kubernetes.list.save", f"deb [{KEY}] {URI} /\n"),
    ("a.sources", stanza("Enabled: no")),
    ("kubernetes.sources", "# Kept by podpath.kubeadm.kubernetes\n" + stanza()),
])
def test_what_does_not_collide_is_nothing_to_us(name, text):
    assert judge(DEBIAN, (f"{DIRECTORY}/{name}", text)) == {"adopted": "", "problems": []}


@pytest.mark.parametrize(("name", "text", "said"), [
    ("a.list", f"deb-src [{KEY}] {URI} /\n", f"node-1: {DIRECTORY}/a.list gives {URI} to apt, but without deb, and"),
    ("a.list", f"deb [arch=arm64 {KEY}] {URI} /\n", "without amd64"),
    ("a.sources", stanza("Architectures: arm64"), "without amd64"),
    ("kubernetes.sources", stanza(uri=URI.replace("v1.37", "v1.36")), f"{OWN}, which podpath.kubeadm did not write"),
])
def test_what_would_end_in_a_broken_apt_or_a_lost_file_is_refused_by_name(name, text, said):
    (problem,) = judge(DEBIAN, (f"{DIRECTORY}/{name}", text))["problems"]
    assert said in problem


def test_docker_s_list_is_adopted_for_its_own_release_and_channel():
    docker = {"uri": "https://download.docker.com/linux/debian", "suite": "bookworm", "component": "stable",
              "own": f"{DIRECTORY}/podpath-docker.sources"}
    path = f"{DIRECTORY}/docker.list"
    line = "deb [arch=amd64 signed-by=/etc/apt/keyrings/docker.asc] https://download.docker.com/linux/debian "
    assert judge((path, line + "bookworm stable\n"), **docker)["adopted"] == path
    assert judge((path, line + "trixie stable\n"), **docker) == {"adopted": "", "problems": []}
    assert "without stable" in judge((path, line + "bookworm test # not stable\n"), **docker)["problems"][0]
