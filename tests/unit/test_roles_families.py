# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role knows of one family of distributions it knows of the other: that of RHEL is not run here."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[2] / "roles"
FAMILIES = ("Debian", "RedHat")


@pytest.mark.parametrize("role", ["containerd", "kubernetes"])
def test_both_families_have_the_same_names(role):
    debian, redhat = (yaml.safe_load((ROLES / role / "vars" / f"{family}.yml").read_text()) for family in FAMILIES)
    assert debian.keys() == redhat.keys()
    assert all(name.startswith(f"__{role}_") for name in debian)


def test_both_families_have_a_package_for_every_program_that_a_node_needs():
    debian, redhat = (yaml.safe_load((ROLES / "kubernetes" / "vars" / f"{family}.yml").read_text())
                      for family in FAMILIES)
    assert debian["__kubernetes_programs"].keys() == redhat["__kubernetes_programs"].keys()
    variables = yaml.safe_load((ROLES / "kubernetes" / "vars" / "main.yml").read_text())
    needed = variables["__kubernetes_needed"]
    assert "__kubernetes_host_packages" in variables["__kubernetes_wanted"]
    assert all(f"'{program}'" in needed for program in debian["__kubernetes_programs"])
    for family in FAMILIES:
        assert "__kubernetes_wanted" in (ROLES / "kubernetes" / "tasks" / f"{family}.yml").read_text()


@pytest.mark.parametrize(("role", "tasks"), [("kubernetes", ""), ("containerd", "install_"), ("containerd", "docker_")])
def test_both_families_have_their_tasks(role, tasks):
    for family in FAMILIES:
        assert yaml.safe_load((ROLES / role / "tasks" / f"{tasks}{family}.yml").read_text())


def test_packages_are_held_in_both_families():
    debian, redhat = ((ROLES / "kubernetes" / "tasks" / f"{family}.yml").read_text() for family in FAMILIES)
    assert "selection: hold" in debian
    repository, install, _ = yaml.safe_load(redhat)
    assert "__kubernetes_packages" in repository["ansible.builtin.yum_repository"]["exclude"]
    assert install["ansible.builtin.dnf"]["disable_excludes"] == repository["ansible.builtin.yum_repository"]["name"]


@pytest.mark.parametrize(("role", "tasks"), [("kubernetes", "RedHat"), ("containerd", "docker_RedHat")])
def test_a_repository_file_that_somebody_made_by_the_upstream_instructions_stays(role, tasks):
    repository = yaml.safe_load((ROLES / role / "tasks" / f"{tasks}.yml").read_text())[0]
    assert repository["ansible.builtin.yum_repository"]["name"].startswith("podpath-")
