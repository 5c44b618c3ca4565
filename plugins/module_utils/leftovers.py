# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster leaves in directories of a host where files of others may lie, too. Pure.

Both lists are in an order in which a removal that is cut off can be gone on with: what tells of the others comes last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

NOTES = (".podpath-kubelet", ".podpath-restart", ".podpath")


def _names(directory: str, paths: Sequence[str]) -> list[str]:
    return [path.removeprefix(f"{directory}/") for path in paths if path.startswith(f"{directory}/")]


def cni_results(directory: str, paths: Sequence[str], network: str) -> list[str]:
    """Of files NETWORK-CONTAINER-INTERFACE in a directory, such as /var/lib/cni/results, those of containers in this
    network. `paths` may have others, too."""
    names = _names(directory, paths)
    own = {name: found[1] for name in names if (found := re.fullmatch(rf"{re.escape(network)}-([^-]+)-[^-]+", name))}
    containers = set(own.values())
    # a container of a cluster has its loopback there, too
    others = [name for name in names if name not in own and containers & set(name.split("-"))]
    return [f"{directory}/{name}" for name in (*others, *own)]


def patches(directory: str, paths: Sequence[str], note: str) -> list[str]:
    """What to remove of a directory of patches: what the role kubeadm_patches noted as its own, and its notes, or the
    directory itself where nothing else is in it. Nothing where it was not there. `paths` may have others, too."""
    names = _names(directory, paths)
    notes = [name for name in NOTES if name in names]
    if not notes:
        return []
    noted = [name for name in note.splitlines() if name in names]
    others = set(names) - {*noted, *notes}
    return [*(f"{directory}/{name}" for name in noted),
            *([f"{directory}/{name}" for name in notes] if others else [directory])]
