# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How wide what a person reads may be. On the controller, where Ansible's output goes."""

from __future__ import annotations

import os

from ansible import constants
from ansible.utils import color
from ansible.utils.display import Display

# of a file or a CI server's log
WIDTH = 120


def width() -> int:
    """Characters of a line: as COLUMNS says, those of the terminal, or 120."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    # Tasks run in processes without a terminal, so what Ansible found out at its start counts: 79 is its word for none,
    # and for one of 80 columns as well.
    columns = Display().columns
    terminal = color.ANSIBLE_COLOR and not constants.ANSIBLE_FORCE_COLOR
    return columns if terminal or columns > 79 else WIDTH
