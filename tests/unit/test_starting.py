# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from fake_cluster import Clock
from test_pods import UNSCHEDULABLE, pod, settings

from ansible_collections.podpath.kubeadm.plugins.module_utils import api, plan, starting
from ansible_collections.podpath.kubeadm.plugins.module_utils.errands import Work

# one prober on node-1; its Job is the second, as the nodes are numbered
WORK = Work({"node-0": {}, "node-1": {}}, {"node-1": [plan.Probe("node-9", "ipv4", 0, 33434)]})
KEY = ("prober", "node-1")
PULL = {"phase": "Pending", "waiting": "ErrImagePull", "message": "lookup docker.io: no such host"}


def waited(statuses, events=None):
    """Waits over a script of statuses, one per look, the last for ever; None: no pod; an error: the look fails."""
    clock = Clock()

    class Scripted:
        looks = 0

        def list_pods(self, namespace, selector):
            assert (namespace, selector) == ("probes", "app.kubernetes.io/managed-by=podpath,podpath.kubeadm/run=abc")
            status = statuses[min(self.looks, len(statuses) - 1)]
            self.looks += 1
            if isinstance(status, Exception):
                raise status
            return [status] if status else []

        def warnings(self, namespace, prefix):
            return events or {}

    started = starting.Started()
    told = []
    starting.wait_for_pods(Scripted(), settings(), WORK, lambda *step: told.append(step), started, clock, clock.sleep)
    return started, clock.now, told


def test_waiting_ends_when_all_run():
    started, took, told = waited([pod(phase="Pending", waiting="ContainerCreating"), pod()])
    assert list(started.running) == [KEY]
    assert took == starting.POLL
    assert told == [("start", 0, 1), ("start", 1, 1)]


def test_a_lasting_pull_error_fails_fast_with_image_node_and_kubelets_words():
    started, took, _told = waited([pod(**PULL)])
    assert all(word in started.problems[KEY] for word in ("busybox:1", "node-1", "no such host"))
    assert started.pull_failures == {"node-1"}
    assert took < settings().wait_timeout / 2


def test_a_registry_may_stumble_once():
    started, _took, _told = waited([pod(**PULL)] * 20 + [pod(phase="Pending", waiting="ContainerCreating"), pod()])
    assert list(started.running) == [KEY]


def test_an_unschedulable_pod_is_given_up_long_before_the_timeout():
    started, took, _told = waited([pod(phase="Pending", conditions=UNSCHEDULABLE)])
    assert "taint" in started.problems[KEY]
    assert took < settings().wait_timeout / 2


def test_a_timeout_names_its_variable_and_the_last_warning():
    events = {"podpath-abc-prober-1-xyz": ["FailedMount: first", "FailedMount: second"]}
    started, took, _told = waited([pod(phase="Pending", waiting="ContainerCreating")], events)
    assert "pod_paths_wait_timeout" in started.problems[KEY]
    assert started.problems[KEY].endswith("Last warning: FailedMount: second")
    assert took >= settings().wait_timeout


def test_a_vanished_pod_is_a_problem_and_no_endless_wait():
    started, _took, _told = waited([pod(phase="Pending", waiting="ContainerCreating"), None])
    assert "vanished" in started.problems[KEY]


def test_a_pod_that_the_namespace_refuses_says_why_and_soon():
    said = 'FailedCreate: Error creating: pods "p" is forbidden: exceeded quota: q'
    started, took, _told = waited([None], {"podpath-abc-prober-1": [said]})
    assert "Namespace probes refuses the prober pod for node node-1" in started.problems[KEY]
    assert started.problems[KEY].endswith("exceeded quota: q")
    assert took < settings().wait_timeout / 2


def test_a_pod_that_is_only_late_is_waited_for():
    started, _took, _told = waited([None] * 30 + [pod()])
    assert list(started.running) == [KEY]


AWAY = api.ApiUnreachable("The Kubernetes API does not answer.")


def test_an_api_may_be_away_for_a_moment_more_than_once():
    starts = pod(phase="Pending", waiting="ContainerCreating")
    started, took, _told = waited([AWAY] * 20 + [starts] + [api.ApiRefused("Busy.", 503)] * 50 + [starts, pod()])
    assert list(started.running) == [KEY]
    assert took > api.API_PATIENCE


def test_an_api_that_is_gone_for_good_is_told_after_a_bounded_wait():
    clock = Clock()
    with pytest.raises(api.ApiUnreachable, match="does not answer"):
        api.patiently(lambda: (_ for _ in ()).throw(AWAY), clock, clock.sleep)
    assert clock.now == api.API_PATIENCE


def test_an_api_that_hangs_is_told_within_the_time_that_pods_are_given_for_it():
    clock = Clock()

    def hangs():
        clock.sleep(api.CONNECT_TIMEOUT + api.READ_TIMEOUT - 10.5)
        raise AWAY

    with pytest.raises(api.ApiUnreachable):
        api.patiently(hangs, clock, clock.sleep)
    assert api.API_PATIENCE < clock.now <= api.LONGEST_LOOK


@pytest.mark.parametrize("error", [api.ApiRefused("You may not list pods.", 403), api.ClusterError("No such file.")])
def test_what_cannot_pass_is_told_at_once(error):
    with pytest.raises(api.ClusterError):
        waited([error])
