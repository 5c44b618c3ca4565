# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.podpath.kubeadm.plugins.module_utils import node_marks

GPU = {"key": "example.org/gpu", "value": "yes", "effect": "NoSchedule"}
LABELS = {"node-role.kubernetes.io/worker": "", "zone": "a"}
NOTHING = {"apply": {}, "present": [], "absent": []}


def node(labels=None, taints=None, ours=(), annotation=None):
    fields = {f"f:{key}": {} for key in ours}
    return {
        "metadata": {
            "name": "node-1",
            "labels": {"kubernetes.io/hostname": "node-1", **(labels or {})},
            "annotations": {} if annotation is None else {node_marks.ANNOTATION: annotation},
            "managedFields": [
                {"manager": "kubelet", "operation": "Update", "fieldsV1": {"f:metadata": {"f:labels": {"f:x": {}}}}},
                {"manager": node_marks.MANAGER, "operation": "Apply", "fieldsV1": {"f:metadata": {"f:labels": fields}}},
            ],
        },
        "spec": {"taints": taints or []},
    }


SET = node(LABELS, [GPU | {"timeAdded": None}, {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}],
           LABELS, '[["example.org/gpu", "NoSchedule"]]')


def test_a_node_without_wishes_is_left_alone():
    assert node_marks.changes(node(), {}, []) == NOTHING


def test_a_node_that_has_them_is_left_alone():
    assert node_marks.changes(SET, LABELS, [GPU]) == NOTHING


def test_labels_and_taints_are_set_and_remembered():
    wanted = node_marks.changes(node(), LABELS, [GPU])
    assert wanted["apply"] == {
        "name": "node-1", "labels": LABELS,
        "annotations": {node_marks.ANNOTATION: '[["example.org/gpu", "NoSchedule"]]'},
    }
    assert wanted["present"] == [GPU]
    assert wanted["absent"] == []


def test_what_was_changed_by_hand_comes_back():
    drifted = node({"zone": "b"}, [GPU | {"value": "no"}], LABELS, '[["example.org/gpu", "NoSchedule"]]')
    wanted = node_marks.changes(drifted, LABELS, [GPU])
    assert wanted["apply"]["labels"] == LABELS
    assert wanted["present"] == [GPU]


def test_what_is_not_asked_for_any_more_goes_and_what_others_set_stays():
    wanted = node_marks.changes(SET, {"zone": "a"}, [])
    assert wanted["apply"] == {"name": "node-1", "labels": {"zone": "a"}}
    assert wanted["absent"] == [GPU]
    assert wanted["present"] == []


def test_a_taint_that_the_kubelet_set_at_the_join_is_only_remembered():
    wanted = node_marks.changes(node(taints=[GPU]), {}, [GPU])
    assert wanted["apply"]["annotations"]
    assert wanted["present"] == []


@pytest.mark.parametrize("annotation", ["x", "[1]", "{}", "null"])
def test_an_annotation_that_cannot_be_read_takes_nothing_away(annotation):
    assert node_marks.changes(node(taints=[GPU], annotation=annotation), {}, [])["absent"] == []


@pytest.mark.parametrize(
    ("labels", "taints", "words"),
    [
        ({"kubernetes.io/hostname": "x"}, [], "is the kubelet's own"),
        ({"zone": 5}, [], "the value of zone is 5; it must be a string"),
        ({"zone": "a b"}, [], "'a b'"),
        ({"a b": "x"}, [], "'a b' is no key"),
        ({"Upper.Example/a": "x"}, [], "is no key"),
        ("x", [], "node_labels must be a mapping"),
        ({}, "x", "node_taints must be a list"),
        ({}, ["x"], "node_taints must be a list"),
        ({}, [{"key": "a", "effect": "Never"}], "'Never'"),
        ({}, [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoSchedule", "value": "b"}], "twice"),
        ({}, [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}], "leave it out"),
        ({}, [{"key": "a", "effect": "NoSchedule", "values": "b"}], "values, too"),
    ],
)
def test_what_cannot_be_is_told(labels, taints, words):
    (problem,) = node_marks.problems(labels, taints)
    assert words in problem


def test_a_prefix_that_a_kubelet_may_not_use_is_fine():
    assert node_marks.problems(LABELS, [GPU, GPU | {"effect": "NoExecute"}]) == []


def test_a_node_that_is_no_host_any_more_is_named_with_what_it_keeps():
    by_hand = {"metadata": {"name": "by-hand"}, "spec": {}}
    host = {"metadata": {"name": "host"}}
    first, second = node_marks.strangers([SET, host, by_hand], ["host"])
    assert first.startswith("by-hand is a Node of the cluster, but no host")
    assert "earlier run" not in first
    assert "node-role.kubernetes.io/worker, zone, example.org/gpu:NoSchedule." in second
    assert "kubectl delete node node-1" in second


def test_a_control_plane_that_takes_pods_without_being_asked_to_is_named():
    tainted = node(taints=[{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}])
    assert node_marks.open_control_plane(tainted) == ""
    assert "kubectl taint node node-1 node-role" in node_marks.open_control_plane(node(taints=[GPU]))
