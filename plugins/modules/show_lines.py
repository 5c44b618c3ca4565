#!/usr/bin/python
# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the action of the same name; there is nothing to run on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: show_lines
short_description: Show lines, in colours where Ansible itself shows them
version_added: 0.1.0
author: The podpath.kubeadm authors (@podpath)
description:
  - Shows lines as they are, where M(ansible.builtin.debug) indents or folds them and spoils their ANSI colours.
  - Whether there are colours is Ansible's own decision, by its terminal, E(NO_COLOR), E(ANSIBLE_NOCOLOR) and
    E(ANSIBLE_FORCE_COLOR).
  - Where the output is not that of the callback P(ansible.builtin.default#callback), they are its result instead,
    without colours.
  - It runs on the controller, whatever the host.
options:
  lines:
    description: The lines, which may have ANSI colours in them.
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    description: It shows them as ever.
    support: full
  diff_mode:
    description: There is nothing to compare, as nothing is changed.
    support: none
"""

EXAMPLES = r"""
- name: Show the paths
  podpath.kubeadm.show_lines:
    lines: "{{ report | podpath.kubeadm.path_table(color=true) }}"
"""

RETURN = r"""
msg:
  description: The lines without colours, as one text where results are shown as YAML.
  returned: with another callback than the default one
  type: raw
"""
