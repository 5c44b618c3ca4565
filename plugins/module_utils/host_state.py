# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says about itself, read and judged: active swap. Pure."""

from __future__ import annotations


def active_swap(proc_swaps: str) -> list[str]:
    """The files and devices that /proc/swaps lists. The kernel writes blanks in names as octal escapes."""
    return [line.split()[0] for line in proc_swaps.splitlines()[1:] if line.strip()]
