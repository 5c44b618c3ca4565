# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/complaints.md, and those of its tests that need no host."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def load(path: str | Path) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def test_every_test_that_is_named_is_there():
    named = TEST.findall((ROOT / "docs/complaints.md").read_text())
    assert len(named) > 30
    missing = [f"{file}::{name}" for file, name in named
               if not (ROOT / file).exists() or f"def {name}(" not in (ROOT / file).read_text()]
    assert missing == []


def is_long(file: str, name: str) -> bool:
    text = (ROOT / file).read_text() if (ROOT / file).exists() else ""
    return bool(re.search(rf"^(?:pytestmark = pytest\.mark\.long$|@pytest\.mark\.long\n(?:@.*\n)*def {name}\()", text,
                          re.MULTILINE))


def test_tests_that_only_test_all_runs_are_marked_so():
    """The mark stands behind the last of those that it is for, up to the next semicolon or full stop."""
    wrong = []
    for part in re.split(r";|\. |\n", (ROOT / "docs/complaints.md").read_text()):
        # a test that is not there is another test's matter
        named = [(file, name) for file, name in TEST.findall(part) if (ROOT / file).exists()]
        wrong += [name for file, name in named if is_long(file, name) != ("(*long*)" in part)]
    assert wrong == []


def everything(node: Any) -> Iterator[dict]:
    """Every play, block and task of a file."""
    for item in node if isinstance(node, list) else [node]:
        if isinstance(item, dict):
            yield item
            for key in ("tasks", "pre_tasks", "post_tasks", "block", "rescue", "always"):
                yield from everything(item.get(key, []))


def test_no_host_waits_for_another_without_need():
    files = [*ROOT.glob("playbooks/*.yml"), *ROOT.glob("roles/*/tasks/*.yml")]
    slow = [(file.name, item.get("name")) for file in files for item in everything(load(file) or [])
            if {"serial", "throttle"} & item.keys() or item.get("strategy", "linear") == "host_pinned"]
    assert slow == []
    # one host asks others one after the other: those that --limit leaves out, and journals when all is lost
    one_by_one = {item["name"] for file in files if not file.parts[-3].startswith("lab_")
                  for item in everything(load(file) or [])
                  if "loop" in item and item.get("delegate_to", "localhost") != "localhost"
                  and item["loop_control"]["loop_var"] in item["delegate_to"]}
    assert one_by_one == {
        "Gather the addresses of hosts outside of this run",
        "Read which API servers there are",
        "Read the journal of the kubelets that are not ready",
    }
    config = configparser.ConfigParser()
    config.read(ROOT / "ansible.cfg")
    assert config["defaults"].getint("forks") >= 20
    assert config["ssh_connection"].getboolean("pipelining")
    assert "ControlPersist" in config["ssh_connection"]["ssh_args"]


def test_a_newer_ansible_is_not_kept_out():
    assert re.fullmatch(r">=2\.\d+\.\d+", load("meta/runtime.yml")["requires_ansible"])
    assert "version('2.19', '>=')" in (ROOT / "playbooks/site.yml").read_text()


def test_the_repository_and_its_key_follow_the_minor_version():
    """And the key stands in the source itself, so that it is trusted for this one only and never out of step."""
    where = load("roles/kubernetes/vars/main.yml")["__kubernetes_repository"]
    assert "v{{ __kubernetes_minor }}" in where
    assert "Signed-By:" in (ROOT / "roles/kubernetes/templates/kubernetes.sources.j2").read_text()
    redhat = load("roles/kubernetes/tasks/RedHat.yml")[0]["ansible.builtin.yum_repository"]
    assert redhat["gpgcheck"] is True
    assert redhat["gpgkey"].startswith("{{ __kubernetes_repository }}")
    for file in (ROOT / "roles").rglob("*.yml"):
        assert "apt_key" not in file.read_text(), file


def test_what_is_downloaded_is_pinned_or_signed():
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", load("roles/flannel/defaults/main.yml")["flannel_manifest_checksum"])
    fetched = [item["ansible.builtin.get_url"] for file in ROOT.glob("roles/*/tasks/*.yml")
               if not file.parts[-3].startswith("lab_") for item in everything(load(file) or [])
               if "ansible.builtin.get_url" in item]
    assert fetched
    assert all("checksum" in download for download in fetched)
