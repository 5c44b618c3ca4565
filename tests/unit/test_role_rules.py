# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules for the tasks of all roles that no linter knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROLES = Path(__file__).parents[2] / "roles"
FILES = sorted(ROLES.glob("*/tasks/*.yml"))
COMMANDS = {"ansible.builtin.command", "ansible.builtin.shell"}
# what they say when they fail names the URL that does not answer
SAY_IT_THEMSELVES = {"ansible.builtin.get_url", "ansible.builtin.uri"}

# what a person reads; a fact is read by nobody
JUDGES = {"ansible.builtin.assert", "ansible.builtin.fail", "ansible.builtin.debug"}


@dataclass
class Task:
    """A task as it stands in its file: where it begins, what it says, and the blocks around it from the outside in."""

    line: int
    content: dict
    blocks: list[dict]


def tasks(text: str) -> Iterator[Task]:
    def walk(node: yaml.Node, content: list, blocks: list[dict]) -> Iterator[Task]:
        for child, task in zip(node.value, content, strict=True):
            yield Task(child.start_mark.line, task, blocks)
            for key, value in child.value:
                if key.value in ("block", "rescue", "always"):
                    # what is rescued is what stands under `block`
                    around = [*blocks, task] if key.value == "block" else blocks
                    yield from walk(value, task[key.value], around)

    root = yaml.compose(text)
    if root:
        yield from walk(root, yaml.safe_load(text), [])


def every_task(file: Path) -> list[Task]:
    return list(tasks(file.read_text()))


def named(file: Path) -> str:
    return str(file.relative_to(ROLES))


def test_tasks_are_found():
    assert len(FILES) > 30
    assert sum(len(every_task(file)) for file in FILES) > 200


def uncommented(text: str) -> list[str]:
    lines = text.splitlines()
    return [task.content["name"] for task in tasks(text)
            if COMMANDS & task.content.keys() and not lines[task.line - 1].lstrip().startswith("#")]


@pytest.mark.parametrize("file", FILES, ids=named)
def test_every_command_says_why_no_module_does_it(file):
    assert uncommented(file.read_text()) == [], "needs a comment on the line above its name"


def silent_waits(text: str) -> list[str]:
    """Tasks that wait, and for which nobody says what did not come when the time is over.

    Either a rescue of a block around it does, or a later task that judges what the waiting one registered, or facts
    that were made of it.
    """
    found = []
    everything = list(tasks(text))
    for number, task in enumerate(everything):
        if "until" not in task.content or SAY_IT_THEMSELVES & task.content.keys():
            continue
        rescued = any("ansible.builtin.fail" in other for block in task.blocks for other in block.get("rescue", []))
        results = {task.content["register"]} if "register" in task.content else set()
        said = False
        for other in everything[number + 1:]:
            if any(re.search(rf"\b{result}\b", str(other.content)) for result in results):
                results |= other.content.get("ansible.builtin.set_fact", {}).keys()
                said = said or bool(JUDGES & other.content.keys())
        if not (rescued or said):
            found.append(task.content["name"])
    return found


@pytest.mark.parametrize("file", FILES, ids=named)
def test_every_wait_is_bound_and_says_what_it_waited_for(file):
    assert silent_waits(file.read_text()) == []
    for task in every_task(file):
        if "until" in task.content:
            assert task.content.keys() >= {"retries", "delay"}, task.content["name"]
        if "ansible.builtin.wait_for" in task.content:
            assert task.content["ansible.builtin.wait_for"].keys() >= {"timeout", "msg"}, task.content["name"]


@pytest.mark.parametrize("file", FILES, ids=named)
def test_no_role_touches_what_is_internal_to_another(file):
    role = named(file).split("/")[0]
    own = f"__{role}_"
    others = {f"__{path.name}_" for path in ROLES.iterdir()} - {own}
    # a role's name may begin another's
    names = {name for name in re.findall(r"\b__[a-z0-9_]+", file.read_text()) if not name.startswith(own)}
    assert {name for name in names if name.startswith(tuple(others))} == set()


SAMPLE = """---
# No module does it.
- name: Said
  ansible.builtin.command: {argv: [a]}

- name: Unsaid
  ansible.builtin.command: {argv: [a]}
  register: __a
  until: __a.rc == 0
  retries: 1

- name: Block
  block:
    - name: Unsaid within
      ansible.builtin.shell: {cmd: a}
      until: true
  rescue:
    - name: Say
      ansible.builtin.fail: {msg: no}
    - name: Unsaid in the rescue
      ansible.builtin.command: {argv: [a]}
      until: true
"""


def test_the_rules_find_what_breaks_them():
    assert uncommented(SAMPLE) == ["Unsaid", "Unsaid within", "Unsaid in the rescue"]
    assert silent_waits(SAMPLE) == ["Unsaid", "Unsaid in the rescue"]
    assert silent_waits(SAMPLE + "- name: Say later\n  ansible.builtin.fail: {msg: '{{ __a.stderr }}'}\n") == [
        "Unsaid in the rescue"]
    noted = "- name: Note\n  ansible.builtin.set_fact: {__b: '{{ __a.rc }}'}\n  when: __a.rc != 0\n"
    assert silent_waits(SAMPLE + noted) == ["Unsaid", "Unsaid in the rescue"]
    assert silent_waits(SAMPLE + noted + "- name: Say\n  ansible.builtin.assert: {that: __b == 0}\n") == [
        "Unsaid in the rescue"]


@pytest.mark.parametrize("file", FILES, ids=named)
def test_no_expression_doubles_its_backslashes(file):
    """Ansible doubles them itself, so '\\\\S' in a template looks for a backslash and an S, and finds nothing."""
    assert re.findall(r"'[^'\n]*\\\\[sSdDwWbn][^'\n]*'", file.read_text()) == []


@pytest.mark.parametrize("file", FILES, ids=named)
def test_no_block_has_an_escape_that_only_quoted_text_knows(file):
    """In a block of text '\\n' is a backslash and an n, as Ansible doubles it; in double quotes it is a line's end."""
    blocks = [event.value for event in yaml.parse(file.read_text())
              if isinstance(event, yaml.ScalarEvent) and event.style in (">", "|")]
    assert [found for text in blocks for found in re.findall(r"'[^'\n]*\\[nrt][^'\n]*'", text) if "{{" in text] == []


def test_a_host_that_cannot_be_reached_says_so_once_at_a_reset():
    assert "loop" not in every_task(ROLES / "reset" / "tasks" / "main.yml")[0].content


def as_root(text: str) -> list[str]:
    """Tasks on the controller that an inventory's ansible_become would make root's: a variable beats the keyword."""
    def one_of(parts: list[dict], holds: Callable[[dict], bool]) -> bool:
        return any(map(holds, parts))

    return [task.content["name"] for task in tasks(text)
            if one_of([*task.blocks, task.content], lambda part: part.get("delegate_to") == "localhost")
            and not one_of([*task.blocks, task.content],
                           lambda part: (part.get("vars") or {}).get("ansible_become") is False)]


@pytest.mark.parametrize("file", [file for file in FILES if not named(file).startswith("lab_")], ids=named)
def test_nothing_is_done_as_root_on_the_controller(file):
    assert as_root(file.read_text()) == []
