# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What measurements by number of nodes say together: numbers in, numbers or a sentence out."""

from __future__ import annotations

from collections.abc import Mapping


def slope(points: Mapping[int, float]) -> tuple[float, float]:
    """Base and seconds per node of the line that is nearest to {nodes: seconds} (least squares)."""
    count, mean_x, mean_y = len(points), sum(points) / len(points), sum(points.values()) / len(points)
    spread = sum((x - mean_x) ** 2 for x in points)
    per_node = sum((x - mean_x) * (y - mean_y) for x, y in points.items()) / spread if count > 1 else 0.0
    return mean_y - per_node * mean_x, per_node


def growth(taken: Mapping[int, tuple[float, int]]) -> str:
    """How time and pairs of the samples grew with the nodes, as a sentence. taken: by nodes, seconds and pairs."""
    few, many = min(taken), max(taken)
    seconds, pairs = (taken[many][which] / taken[few][which] for which in (0, 1))
    return (f"From {few} to {many} nodes, {many / few:.3g} times as many, a sample has {pairs:.1f} times as many pairs "
            f"and takes\n{seconds:.1f} times as long; there are {(many / few) ** 2:.4g} times as many possible pairs.")


def limit(starts: Mapping[int, float], cores: int) -> str:
    """Why no more nodes are measured, as sentences. starts: by nodes, how many seconds their pods took to start."""
    few, many = min(starts), max(starts)
    return (f"It ends at {many} nodes, as there the machine's share is large: all pods are processes of these {cores} "
            f"cores, and to start\nthem takes {starts[many]:.1f} s, {starts[many] / starts[few]:.1f} times as long as "
            f"with {few} nodes, for {many / few:.3g} times the nodes. More of them would measure\nthis machine and not "
            "the proof; this run did not try. What a proof computes is measured for 1,000 nodes above.")
