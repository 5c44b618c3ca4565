# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What measurements by number of nodes say together: numbers in, numbers or a sentence out."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping


def slope(points: Mapping[int, float]) -> tuple[float, float]:
    """Base and seconds per node of the line that is nearest to {nodes: seconds} (least squares)."""
    count, mean_x, mean_y = len(points), sum(points) / len(points), sum(points.values()) / len(points)
    spread = sum((x - mean_x) ** 2 for x in points)
    per_node = sum((x - mean_x) * (y - mean_y) for x, y in points.items()) / spread if count > 1 else 0.0
    return mean_y - per_node * mean_x, per_node


# what a measurement may be off before a conclusion is drawn from it
_SLACK = 1.5


def growth(taken: Mapping[int, tuple[float, int]]) -> str:
    """How time and pairs of the samples grew with the nodes, and what follows. taken: by nodes, seconds and pairs."""
    few, many = min(taken), max(taken)
    seconds, pairs = (taken[many][which] / taken[few][which] for which in (0, 1))
    conclusion = (
        "time grows with the nodes, as the pairs that are tried do."
        if seconds <= _SLACK * pairs
        else f"time grows FASTER than the pairs that are tried: each takes {seconds / pairs:.1f} times as long."
    )
    return textwrap.fill(
        f"From {few} to {many} nodes, {many / few:.3g} times as many, a sample has {pairs:.1f} times as many pairs and "
        f"takes {seconds:.1f} times as long; there are {(many / few) ** 2:.4g} times as many possible pairs. So "
        f"{conclusion}", 118)


def limit(starts: Mapping[int, float], cores: int) -> str:
    """What the most nodes that were measured say of the machine. starts: by nodes, seconds until their pods ran."""
    few, many = min(starts), max(starts)
    nodes, seconds = many / few, starts[many] / starts[few]
    conclusion = (
        "the machine's share is large there, and more nodes would measure it and not the proof."
        if seconds > _SLACK * nodes
        else "the machine is not the limit yet, and more nodes can be measured."
    )
    return textwrap.fill(
        f"All pods are processes of these {cores} cores. To start them takes {starts[many]:.1f} s with {many} nodes, "
        f"{seconds:.1f} times as long as with {few}, for {nodes:.3g} times the nodes: {conclusion}", 118)
