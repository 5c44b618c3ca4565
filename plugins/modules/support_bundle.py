#!/usr/bin/python
# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what was collected from hosts into one archive that only its owner can read."""

from __future__ import annotations

DOCUMENTATION = r"""
module: support_bundle
short_description: Write what was collected into one archive
version_added: 0.1.0
author: The podpath.kubeadm authors (@podpath)
description:
  - Writes a tar.gz, mode 0600 from its first byte on. An archive that is there already is not overwritten.
options:
  path:
    description: Where the archive goes.
    type: path
    required: true
  entries:
    description: What goes into it.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Path inside of the archive.
        type: str
        required: true
      text:
        description: What stands in it.
        type: str
        required: true
attributes:
  check_mode:
    description: Nothing is written, and the result is the same.
    support: full
  diff_mode:
    description: The content is not shown.
    support: none
"""

EXAMPLES = r"""
- name: Write a bundle
  podpath.kubeadm.support_bundle:
    path: .artifacts/support.tar.gz
    entries:
      - name: controlplane/journal-kubelet.txt
        text: "{{ __example_text }}"
  delegate_to: localhost
"""

RETURN = r"""
path:
  description: Where the archive is.
  returned: always
  type: str
"""

import io
import os
import tarfile
import time
from pathlib import PurePosixPath

from ansible.module_utils.basic import AnsibleModule


def write(path: str, entries: list[dict[str, str]]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    top = os.path.basename(path).removesuffix(".tar.gz")
    with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for entry in entries:
            data = entry["text"].encode()
            # no name leads out of the archive
            parts = [part for part in PurePosixPath(entry["name"]).parts if part not in ("/", "..")]
            member = tarfile.TarInfo("/".join([top, *parts]))
            member.size, member.mode, member.mtime = len(data), 0o600, int(time.time())
            archive.addfile(member, io.BytesIO(data))


def main() -> None:
    entry = {"name": {"type": "str", "required": True}, "text": {"type": "str", "required": True}}
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "entries": {"type": "list", "elements": "dict", "required": True, "options": entry},
        },
        supports_check_mode=True,
    )
    path = module.params["path"]
    if not module.check_mode:
        try:
            write(path, module.params["entries"])
        except OSError as error:
            module.fail_json(msg=f"The support bundle {path} cannot be written: {error}.")
    module.exit_json(changed=True, path=path)


if __name__ == "__main__":
    main()
