# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role makes of facts and variables, rendered by Ansible itself and without a host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.podpath.kubeadm.plugins.filter import provisioning

ROOT = Path(__file__).resolve().parents[2]
LOADER = DataLoader()


def load(path: str | Path) -> Any:
    """A YAML file whose templates Ansible trusts, as it trusts those of a role."""
    return LOADER.load_from_file(str(ROOT / path), trusted_as_template=True) or {}


def every_task(content: Any) -> Iterator[dict]:
    for item in content:
        yield item
        for key in ("tasks", "block", "rescue", "always"):
            yield from every_task(item.get(key, []))


def task(path: str | Path, name: str) -> dict:
    """The one task of this name in a file of tasks or plays."""
    (found,) = [item for item in every_task(load(path)) if item.get("name") == name]
    return found


class Role:
    """A role's defaults and variables, those of a family of distributions too, under what a user or a host says."""

    def __init__(self, name: str, family: str = "Debian", **said: Any) -> None:
        variables: dict[str, Any] = {"inventory_hostname": "node-1", "groups": {}, "hostvars": {}}
        for file in ("defaults/main.yml", "vars/main.yml", f"vars/{family}.yml"):
            path = ROOT / "roles" / name / file
            variables |= load(path) if path.exists() else {}
        self.directory = ROOT / "roles" / name
        self.variables = variables | said

    def _templar(self, variables: dict[str, Any]) -> Templar:
        templar = Templar(loader=LOADER, variables=self.variables | variables)
        for name, function in provisioning.FilterModule().filters().items():
            templar._engine.environment.filters[f"podpath.kubeadm.{name}"] = function
        return templar

    def render(self, what: Any, **variables: Any) -> Any:
        """A value with templates in it; a text of a test's own is one as well."""
        return self._templar(variables).template(trust_as_template(what) if isinstance(what, str) else what)

    def template(self, file: str, **variables: Any) -> str:
        return self.render((self.directory / "templates" / file).read_text(), **variables)

    def holds(self, asserted: dict, **variables: Any) -> bool:
        """Whether a task of the module assert would let a run go on."""
        return self._true(asserted["ansible.builtin.assert"]["that"], asserted.get("vars", {}) | variables)

    def goes(self, conditional: dict, **variables: Any) -> bool:
        """Whether a task's `when` lets it run."""
        return self._true(conditional["when"], conditional.get("vars", {}) | variables)

    def _true(self, conditions: str | list[str], variables: dict[str, Any]) -> bool:
        templar = self._templar(variables)
        return all(templar.evaluate_conditional(trust_as_template(condition))
                   for condition in ([conditions] if isinstance(conditions, str) else conditions))

    def says(self, asserted: dict, **variables: Any) -> str:
        """With which words it would stop it."""
        return self.render(asserted["ansible.builtin.assert"]["fail_msg"], **asserted.get("vars", {}), **variables)
