# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must agree within the collection: versions, and defaults with their descriptions."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from ansible_collections.podpath.kubeadm.plugins.filter import lab

ROOT = Path(__file__).parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())


def load(path: str) -> dict:
    file = ROOT / path
    return yaml.safe_load(file.read_text()) or {} if file.exists() else {}


def defaults(role: str) -> dict:
    return load(f"roles/{role}/defaults/main.yml")


def test_the_lab_builds_what_the_roles_install():
    pins = lab.go_requirements(str(ROOT / "roles/lab_bundle/files/modules"))
    assert pins["kubernetes"]["k8s.io/kubernetes"] == "v" + defaults("kubernetes")["kubernetes_version"]
    containerd = pins["containerd"]["github.com/containerd/containerd/v2"]
    assert containerd == "v" + defaults("containerd")["containerd_version"]
    assert pins["flannel"]["github.com/flannel-io/flannel"] == defaults("flannel")["flannel_version"]


def test_nothing_came_with_a_version_that_is_yet_to_come():
    version = load("galaxy.yml")["version"]
    found = {(path.name, added) for path in (ROOT / "plugins").rglob("*.*") if path.suffix in (".py", ".yml")
             for added in re.findall(r"version_added: *['\"]?([\d.]+)", path.read_text())}
    assert len(found) > 10
    assert [one for one in found if tuple(map(int, one[1].split("."))) > tuple(map(int, version.split(".")))] == []


def test_there_is_a_base_system_for_every_suite_that_a_node_may_have():
    roots = load("roles/lab_bundle/vars/main.yml")["lab_bundle_roots"]
    assert {(root["name"], root["suite"]) for root in roots} >= {(f"node-{suite}", suite) for suite in lab.SUITES}
    assert tuple(options("lab_bundle")["lab_bundle_suites"]["choices"]) == lab.SUITES
    assert tuple(options("lab_machines")["lab_machines_nodes"]["options"]["suite"]["choices"]) == lab.SUITES


def entry_points(role: str) -> dict[str, dict]:
    return load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]


def options(role: str) -> dict[str, dict]:
    return entry_points(role)["main"]["options"]


def text_of(role: str, *directories: str) -> str:
    """What stands in the files of a role, without comments."""
    files = [file for directory in directories for file in sorted((ROOT / "roles" / role / directory).glob("*"))]
    return "\n".join(line for file in files for line in file.read_text().splitlines()
                     if not line.lstrip().startswith("#"))


@pytest.mark.parametrize("role", ROLES)
def test_every_default_is_described_with_its_value(role):
    described = options(role)
    for name, value in defaults(role).items():
        if name.startswith("__"):
            continue
        assert name in described, f"{role}: {name} stands in defaults but not in argument_specs"
        assert not described[name].get("required"), f"{role}: {name} has a default and is called required"
        # what is computed has no value to state, and the lab's roles are no interface
        if "{{" in json.dumps(value) or role.startswith("lab_"):
            assert "default" not in described[name], f"{role}: {name}"
        else:
            assert "default" in described[name], f"{role}: {name} is described without its default {value!r}"
            assert described[name]["default"] == value, f"{role}: {name}"
    for name, option in described.items():
        assert name in defaults(role) or option.get("required") or option.get("type") == "raw" or (
            name.startswith("lab_")), f"{role}: {name} has neither a default nor is it required"


KINDS = {"str": str, "path": str, "int": int, "float": (int, float), "bool": bool, "list": list, "dict": dict,
         "raw": object}


def incomplete(name: str, option: dict) -> list[str]:
    """What the description of an option lacks, or says against itself."""
    problems = []
    if not option.get("description"):
        problems.append(f"{name} is not described")
    kind = option.get("type")
    if kind not in KINDS:
        return [*problems, f"{name} has the type {kind}"]
    if (kind == "list") != ("elements" in option):
        problems.append(f"{name}: elements belong to lists, and to each")
    default, choices = option.get("default"), option.get("choices")
    if default is not None and not isinstance(default, KINDS[kind]):
        problems.append(f"{name}: the default {default!r} is no {kind}")
    if choices and default is not None and not set(default if kind == "list" else [default]) <= set(choices):
        problems.append(f"{name}: the default {default!r} is none of the choices")
    for inner, described in (option.get("options") or {}).items():
        problems += incomplete(f"{name}.{inner}", described)
    return problems


@pytest.mark.parametrize("role", ROLES)
def test_every_option_is_described_in_full(role):
    for entry, specification in entry_points(role).items():
        # without either, antsibull-docs makes no page of it
        assert specification.keys() >= {"short_description", "description"}, f"{role}: {entry}"
        for name, option in specification.get("options", {}).items():
            assert incomplete(name, option) == []
            # an entry point sees all of the role's variables; one name means one thing
            assert option == options(role).get(name, option), f"{role}: {entry} and main describe {name} differently"


@pytest.mark.parametrize(("option", "problem"), [
    ({"type": "str"}, "not described"),
    ({"description": "A."}, "has the type None"),
    ({"description": "A.", "type": "list"}, "elements belong"),
    ({"description": "A.", "type": "int", "default": "1"}, "is no int"),
    ({"description": "A.", "type": "str", "default": "a", "choices": ["b"]}, "none of the choices"),
    ({"description": "A.", "type": "dict", "options": {"b": {"type": "str"}}}, "a.b is not described"),
])
def test_a_description_that_lacks_something_is_found(option, problem):
    assert problem in "; ".join(incomplete("a", option))


# by which a role is started with another file of its tasks than main.yml
TASKS_FROM = re.compile(r"name: podpath\.kubeadm\.(\w+)\s+tasks_from: (\w+?)(?:\.yml)?\s")


def test_every_entry_point_is_described():
    files = [*ROOT.glob("playbooks/*.yml"), *ROOT.glob("roles/*/tasks/*.yml")]
    used = {pair for file in files for pair in TASKS_FROM.findall(file.read_text())}
    assert ("flannel", "wait") in used
    assert {(role, entry) for role, entry in used if entry not in entry_points(role)} == set()
    for role in ROLES:
        for entry in entry_points(role):
            assert (ROOT / "roles" / role / "tasks" / f"{entry}.yml").exists(), f"{role}: {entry}"


@pytest.mark.parametrize("role", [role for role in ROLES if not role.startswith("lab_")])
def test_every_variable_and_fact_of_a_role_is_described(role):
    text = text_of(role, "tasks", "templates", "vars", "defaults")
    described = json.dumps(entry_points(role))
    # not the filters, which have the collection's name before theirs
    for name in set(re.findall(rf"(?<![.\w]){role}_[a-z0-9_]+", text)):
        assert re.search(rf"\b{name}\b", described), f"{role}: {name} is neither an option nor a fact that is told of"


def beside_the_inventory() -> set[str]:
    """Paths, relative to an inventory, of what the roles and playbooks leave there by default."""
    files = [*ROOT.glob("roles/*/defaults/main.yml"), ROOT / "playbooks" / "site.yml"]
    return {found for file in files
            for found in re.findall(r"inventory_dir\b[^/\n]*?['}]+/([\w./-]+)|~ '/([\w./-]+)'", file.read_text())
            for found in found if found}


def test_what_is_left_beside_an_inventory_is_not_read_as_one(tmp_path):
    left = beside_the_inventory()
    assert len(left) >= 4, left
    inventory = tmp_path / "inventory"
    shutil.copytree(ROOT / "inventory" / "article", inventory, ignore=shutil.ignore_patterns(".artifacts"))

    def read() -> subprocess.CompletedProcess:
        return subprocess.run(["ansible-inventory", "-i", str(inventory), "--list"], check=True, capture_output=True,
                              text=True, cwd=tmp_path, stdin=subprocess.DEVNULL)

    before = read()
    for path in left:
        file = inventory / path
        if file.suffix or file.name == "kubeconfig":
            file.parent.mkdir(exist_ok=True)
            file.write_text("apiVersion: v1\nkind: Config\n")
    after = read()
    assert after.stdout == before.stdout
    assert after.stderr == before.stderr, "a warning at every run that follows"


def test_the_playbooks_of_a_checkout_find_its_roles_from_any_directory(tmp_path):
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path)}
    environment.pop("ANSIBLE_CONFIG", None)
    ran = subprocess.run(["ansible-playbook", "--syntax-check", "-i", "localhost,", str(ROOT / "playbooks/reset.yml")],
                         check=False, capture_output=True, text=True, cwd=tmp_path, env=environment,
                         stdin=subprocess.DEVNULL)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(("given", "asked"), [([], "get pods -A"), (["ARGS=get nodes -o wide"], "get nodes -o wide")])
def test_kubectl_of_the_lab_shows_pods_unless_told_otherwise(given, asked):
    ran = subprocess.run(["make", "--no-print-directory", "--dry-run", "lab-kubectl", *given], check=True,
                         capture_output=True, text=True, cwd=ROOT)
    assert ran.stdout.splitlines()[-1].endswith(f" -- {asked}")
