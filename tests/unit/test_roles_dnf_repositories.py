# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which repositories of a host would upgrade what a role holds in its own one."""

from __future__ import annotations

import subprocess

import pytest
from role_templates import Role, load, task

DIRECTORY = "/etc/yum.repos.d"
FILE = "roles/containerd/tasks/repositories_RedHat.yml"
SAY = task(FILE, "Say which repositories would upgrade what is held")
OWN = """[podpath-docker]
baseurl = https://download.docker.com/linux/centos/$releasever/$basearch/stable
enabled = 1
exclude = containerd.io
"""
# as Docker's instructions have it written
THEIRS = """[docker-ce-stable]
name=Docker CE Stable - $basearch
baseurl=https://download.docker.com/linux/centos/$releasever/$basearch/stable
enabled=1
gpgcheck=1

[docker-ce-stable-debuginfo]
baseurl=https://download.docker.com/linux/centos/$releasever/debug-$basearch/stable
enabled=1

[docker-ce-stable-source]
baseurl=https://download.docker.com/linux/centos/$releasever/source/stable
enabled=1

[docker-ce-test]
baseurl=https://download.docker.com/linux/centos/$releasever/$basearch/test
enabled=0
"""


def role(*files: tuple[str, str]) -> Role:
    """As grep prints them: the file before each line."""
    said = "\n".join(f"{DIRECTORY}/{name}:{line}" for name, text in files for line in text.splitlines())
    return Role("containerd", "RedHat", __containerd_repositories={"stdout": said},
                ansible_facts={"os_family": "RedHat", "distribution": "Rocky"}, **SAY["vars"])


@pytest.mark.parametrize("theirs", [
    THEIRS, THEIRS.replace("baseurl=https://", "baseurl=http://me:hunter2@").replace("gpgcheck=1", "exclude=docker-ce"),
    THEIRS.replace("enabled=1\ngpgcheck=1", "includepkgs=docker-ce containerd.*")], ids=["plain", "url", "lists"])
def test_docker_s_own_file_beside_is_named_with_the_cure(theirs):
    some = role(("podpath-docker.repo", OWN), ("docker-ce.repo", theirs))
    assert some.goes(SAY)
    said = some.render(SAY["ansible.builtin.debug"]["msg"])
    assert "node-1: containerd.io is held in the repository podpath-docker only" in said
    assert f"from {DIRECTORY}/docker-ce.repo [docker-ce-stable]. Add the line excludepkgs=containerd.io there" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("theirs", [
    "", THEIRS.replace("enabled=1", "enabled = no"),
    THEIRS.replace("gpgcheck=1", "excludepkgs=docker-ce,containerd.io"),
    THEIRS.replace("gpgcheck=1", "exclude=docker-ce\n  containerd*"),
    THEIRS.replace("gpgcheck=1", "includepkgs=docker-ce"),
    THEIRS.replace("download.docker.com/linux", "mirror.example/other"), "no repository\n" + THEIRS,
], ids=["none", "disabled", "excluded", "excluded-by-pattern", "not-included", "elsewhere", "unreadable"])
def test_what_dnf_would_not_take_it_from_is_not_named(theirs):
    assert not role(("podpath-docker.repo", OWN), ("docker-ce.repo", theirs)).goes(SAY)


def test_repositories_are_looked_at_where_docker_s_package_is_wanted_of_dnf():
    look = task("roles/containerd/tasks/check.yml", "Look from where else Docker's package would be upgraded")
    asked = {(family, source): Role("containerd", family, containerd_source=source,
                                    ansible_facts={"os_family": family}).goes(look)
             for family in ("Debian", "RedHat") for source in ("archive", "docker")}
    assert [pair for pair, goes in asked.items() if goes] == [("RedHat", "docker")]


def test_the_files_are_read_with_their_names(tmp_path):
    (tmp_path / "a.repo").write_text("[a]\n\nbaseurl=x\n")
    (tmp_path / "a.repo.rpmsave").write_text("[b]\n")
    argv = load(FILE)[0]["ansible.builtin.command"]["argv"]
    assert argv[-1] == DIRECTORY
    ran = subprocess.run([*argv[:-1], str(tmp_path)], capture_output=True, text=True, check=True)
    assert ran.stdout == f"{tmp_path}/a.repo:[a]\n{tmp_path}/a.repo:\n{tmp_path}/a.repo:baseurl=x\n"
