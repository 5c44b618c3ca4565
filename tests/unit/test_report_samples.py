# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The samples that reports are tested with have the keys of what a run writes."""

from __future__ import annotations

import pytest
import report_samples as samples
from fake_run import Objects, Probes
from path_samples import cluster

from ansible_collections.podpath.kubeadm.plugins.module_utils import prober, proof

NETWORKS = ("192.168.56.0/24",)
# a report makes them of the pairs where a result has them not, so that a test may change a pair of a sample
MADE_OF_PAIRS = {"matrix", "pairs_left_out"}


@pytest.fixture
def proved(monkeypatch):
    """What a run over a healthy cluster writes."""
    nodes = cluster()
    monkeypatch.setattr(prober, "run", Probes(nodes))
    request = proof.Request(cluster_networks=NETWORKS)
    return proof.execute(proof.Proof(Objects(nodes), request, "abc", seed=1))[1]


@pytest.mark.parametrize("sample", [samples.result(), samples.result(fault=samples.NOT_READY), samples.dual()])
def test_a_sample_has_the_keys_of_a_real_run(proved, sample):
    assert sample.keys() == proved.keys() - MADE_OF_PAIRS
    for part in ("cluster", "run", "coverage", "summary"):
        assert sample[part].keys() == proved[part].keys(), part
    for part in ("nodes", "pairs", "control"):
        for row in sample[part]:
            assert row.keys() == proved[part][0].keys(), part
    for pair in sample["pairs"]:
        for part in ("source", "destination", "expected", "evidence"):
            assert pair[part].keys() == proved["pairs"][0][part].keys(), part
        for hop in pair["hops"]:
            assert hop.keys() == proved["pairs"][0]["hops"][0].keys()
