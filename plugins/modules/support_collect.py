#!/usr/bin/python
# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collects what a host says about itself, without secrets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: support_collect
short_description: Collect outputs of commands and files of a host, without secrets
version_added: 0.1.0
author: The podpath.kubeadm authors (@podpath)
description:
  - Runs commands, each with a limit of time, and reads files, each up to its last bytes. What looks like a secret
    is taken out on the host, so that it never leaves it.
  - A command that is missing, fails or takes too long, and a file that cannot be read, are told in the place of what
    they would have said; the module does not fail because of them.
  - The commands are the caller's, and must only look. The module itself changes nothing.
options:
  commands:
    description: What to run, by the name under which its output is kept.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the output.
        type: str
        required: true
      argv:
        description: The command and its arguments.
        type: list
        elements: str
        required: true
  files:
    description: Files to read, as paths or glob patterns.
    type: list
    elements: str
    default: []
  max_bytes:
    description: How much of the end of an output or a file is kept.
    type: int
    default: 500000
  timeout:
    description: How long a command may take, in seconds.
    type: int
    default: 20
attributes:
  check_mode:
    description: It only looks.
    support: full
  diff_mode:
    description: There is nothing to compare, as nothing is changed.
    support: none
"""

EXAMPLES = r"""
- name: Collect the journal of the kubelet
  podpath.kubeadm.support_collect:
    commands:
      - name: journal-kubelet
        argv: [journalctl, --unit, kubelet, --no-pager]
    files: [/etc/kubernetes/manifests/*.yaml]
  register: __example_support
  no_log: true
"""

RETURN = r"""
entries:
  description: What was collected, without secrets. Names of files are their paths without the first slash.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the entry.
      type: str
    text:
      description: What it says.
      type: str
"""

import glob
import os
import subprocess

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.podpath.kubeadm.plugins.module_utils.redaction import redact

# sudo gives some distributions none of what lies in /usr/local, where containerd's archive is unpacked
PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/local/bin"
CUT = "[the beginning is left out]\n"


def tail(data: bytes, limit: int) -> str:
    text = data[-limit:].decode(errors="replace")
    return text if len(data) <= limit else CUT + text


def run(argv: list[str], limit: int, timeout: int) -> str:
    try:
        ran = subprocess.run(argv, check=False, env={**os.environ, "PATH": PATH}, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        return tail(error.output or b"", limit) + f"\n[ended after {timeout} s]\n"
    except OSError as error:
        return f"[not run: {error}]\n"
    said = tail(ran.stdout, limit)
    return said if ran.returncode == 0 else f"{said}\n[exit code {ran.returncode}]\n"


def read(path: str, limit: int) -> str:
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            # what lies in /proc has no size
            if size > limit:
                file.seek(size - limit)
                return CUT + file.read(limit).decode(errors="replace")
            return tail(file.read(limit), limit)
    except OSError as error:
        return f"[not read: {error}]\n"


def main() -> None:
    command = {"name": {"type": "str", "required": True},
               "argv": {"type": "list", "elements": "str", "required": True}}
    module = AnsibleModule(
        argument_spec={
            "commands": {"type": "list", "elements": "dict", "default": [], "options": command},
            "files": {"type": "list", "elements": "str", "default": []},
            "max_bytes": {"type": "int", "default": 500000},
            "timeout": {"type": "int", "default": 20},
        },
        supports_check_mode=True,
    )
    params = module.params
    limit = params["max_bytes"]
    entries = [(item["name"], run(item["argv"], limit, params["timeout"])) for item in params["commands"]]
    for pattern in params["files"]:
        paths = [path for path in sorted(glob.glob(pattern)) if os.path.isfile(path)]
        entries.extend((path.lstrip("/"), read(path, limit)) for path in paths)
    module.exit_json(changed=False, entries=[{"name": name, "text": redact(text)} for name, text in entries])


if __name__ == "__main__":
    main()
