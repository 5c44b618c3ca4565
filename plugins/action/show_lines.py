# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows lines as they are, in colours on a terminal. A result cannot: callbacks indent it and spoil its colours."""

from __future__ import annotations

import re
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import callback_loader
from ansible.utils import color
from ansible.utils.display import Display

_COLOUR = re.compile(r"\033\[[\d;]*m")


def plain(lines: list[str]) -> list[str]:
    """The same without colours."""
    return [_COLOUR.sub("", line).rstrip() for line in lines]


def _for_people() -> bool:
    """Whether the output is the usual one; what another callback makes of it may be read by a program."""
    return constants.DEFAULT_STDOUT_CALLBACK in ("default", "ansible.builtin.default")


def _as_yaml() -> bool:
    """As YAML, a text keeps its lines and a list folds them; as JSON it is the other way round."""
    callback_loader.get("default", class_only=True)  # makes its options known
    try:
        shown = constants.config.get_config_value("result_format", plugin_type="callback", plugin_name="default")
    except AnsibleError:
        return False
    return shown == "yaml"


class ActionModule(ActionBase):
    """The action podpath.kubeadm.show_lines."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = {**super().run(tmp, task_vars), "changed": False}
        spec = {"lines": {"type": "list", "elements": "str", "required": True}}
        lines = self.validate_argument_spec(argument_spec=spec)[1]["lines"]
        bare = plain(lines)
        if not _for_people():
            return {**result, "msg": "\n".join(bare) if _as_yaml() else bare, "_ansible_verbose_always": True}
        Display().display("\n".join(["", *(lines if color.ANSIBLE_COLOR else bare)]), screen_only=True)
        Display().display("\n".join(bare), log_only=True)
        return result
