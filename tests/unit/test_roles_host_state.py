# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.podpath.kubeadm.plugins.module_utils import host_state

ROLES = Path(__file__).resolve().parents[2] / "roles"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Filename\tType\tSize\tUsed\tPriority\n", []),
        ("Filename Type Size Used Priority\n/swap\\040file file 1 0 -2\n\n", ["/swap\\040file"]),
        ("Filename Type\n/dev/sda2 partition 1 0 -2\n/dev/zram0 partition 1 0 100\n", ["/dev/sda2", "/dev/zram0"]),
    ],
)
def test_active_swap_is_read(text, expected):
    assert host_state.active_swap(text) == expected


FSTAB = """\
# /etc/fstab: swap was on /dev/sda5 during installation
UUID=1 / ext4 errors=remount-ro 0 1
UUID=2 none swap sw 0 0
\t/swapfile\tswap\tswap
#/dev/sdb1 none swap sw 0 0
  # UUID=3 none swap sw 0 0
/dev/swap /mnt/swap ext4 swap 0 0
/dev/sdc1 none swapfs sw 0 0
"""


def test_only_live_swap_lines_of_fstab_become_comments_and_only_once():
    pattern = yaml.safe_load((ROLES / "swap/vars/main.yml").read_text(encoding="utf-8"))["__swap_fstab_line"]
    once = re.sub(pattern, r"# \1", FSTAB, flags=re.MULTILINE)
    changed = [after for before, after in zip(FSTAB.splitlines(), once.splitlines(), strict=True) if before != after]
    assert changed == ["# UUID=2 none swap sw 0 0", "# \t/swapfile\tswap\tswap"]
    assert re.sub(pattern, r"# \1", once, flags=re.MULTILINE) == once
