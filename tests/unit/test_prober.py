# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import signal
import threading
from dataclasses import replace

import pytest
from fake_cluster import Clock, FakeCluster
from path_samples import NAMES, cluster, node

from ansible_collections.podpath.kubeadm.plugins.module_utils import api, losing, plan, pods, prober, probing, starting
from ansible_collections.podpath.kubeadm.plugins.module_utils.agent_output import AgentWay
from ansible_collections.podpath.kubeadm.plugins.module_utils.observation import Arrival, Observation, Tcp
from ansible_collections.podpath.kubeadm.plugins.module_utils.probe_shell import ShellWay
from ansible_collections.podpath.kubeadm.plugins.module_utils.probing import Heard

METHOD = plan.Method()
SETTINGS = pods.Settings("abc", "default", "busybox:1", METHOD, wait_timeout=60, lifetime=200)
CONTROL = prober.Control("ipv4", "node-1", "node-2", "10.244.2.254")
QUIET = lambda stage, done, total: None  # noqa: E731



@pytest.fixture
def impatient(monkeypatch) -> None:
    """Nobody waits for an API that is away for a moment, nor for what does not go."""
    monkeypatch.setattr(api, "API_PATIENCE", 0)
    monkeypatch.setattr(prober, "REMOVAL_PATIENCE", 0)


def work(names=NAMES, controls=(CONTROL,)) -> prober.Work:
    probes = {source: [plan.Probe(name, "ipv4", 0, 33434) for name in names] for source in names}
    return prober.Work({name: {} for name in names}, probes, controls)


@pytest.fixture
def fake(monkeypatch) -> FakeCluster:
    monkeypatch.setattr(losing, "EVICTION_PATIENCE", 0)
    return FakeCluster(cluster())


# A whole run


def test_a_run_sees_all_pairs_the_control_and_the_service_and_leaves_nothing(fake):
    outcome = prober.run(fake, SETTINGS, work())
    assert set(outcome.observations) == {(source, name, "ipv4") for source in NAMES for name in NAMES}
    assert all(seen.trace and seen.arrival and seen.tcp.connected for seen in outcome.observations.values())
    assert [(control.source, control.address) for control in outcome.controls] == [("node-1", "10.244.2.254")]
    assert [(service.source, service.connected) for service in outcome.services] == [(name, True) for name in NAMES]
    assert outcome.ends[("peer", "node-2")].ips == {"ipv4": "10.244.2.3"}
    assert (outcome.stopped, outcome.residue, outcome.method) == ("", 0, "shell")
    assert not fake.jobs
    assert not fake.services


def test_a_control_goes_to_no_address_of_the_runs_own_pods(fake):
    taken = replace(CONTROL, address="10.244.2.3", spares=("10.244.2.2", "10.244.2.218"))
    hopeless = replace(CONTROL, address="10.244.2.3")
    outcome = prober.run(fake, SETTINGS, work(controls=(taken, hopeless)))
    told = {control.address: (bool(control.trace), control.problem) for control in outcome.controls}
    assert told["10.244.2.218"] == (True, "")
    assert told["10.244.2.3"][0] is False
    assert "the run's own pods" in told["10.244.2.3"][1]


def test_a_prober_is_told_how_many_hops_keep_silent_anyway(fake, monkeypatch):
    told, command = [], ShellWay.probe_command
    monkeypatch.setattr(ShellWay, "probe_command", lambda way, *given: told.extend(given[1]) or command(way, *given))
    probes = {"node-1": [plan.Probe("node-2", "ipv4", 0, 33434, 2), plan.Probe("node-1", "ipv4", 0, 33444)]}
    prober.run(fake, SETTINGS, prober.Work({"node-1": {}, "node-2": {}}, probes))
    assert [(errand.node, errand.silences) for errand in told if errand.kind == probing.PAIR] == [
        ("node-2", 2),
        ("node-1", 0),
    ]


def test_nodes_do_not_wait_for_each_other(fake, monkeypatch):
    """Time grows with N, not N x N, as all probers probe at once. One after the other, the first would wait here in
    vain for those that nobody has begun."""
    together, execute = threading.Barrier(len(NAMES), timeout=10), fake.execute

    def executed(*args, **more):
        together.wait()
        return execute(*args, **more)

    monkeypatch.setattr(fake, "execute", executed)
    outcome = prober.run(fake, SETTINGS, work())
    assert len(outcome.observations) == len(NAMES) ** 2
    assert all(seen.trace for seen in outcome.observations.values())


def test_a_prober_with_more_pairs_than_it_can_be_told_of_leaves_them_open_and_says_so(fake, monkeypatch):
    monkeypatch.setattr(probing, "PLAIN_ORDER", 0)
    monkeypatch.setattr(probing, "LONGEST_ORDER", 0)
    outcome = prober.run(fake, SETTINGS, work())
    problem = outcome.observations[("node-2", "node-1", "ipv4")].problem
    assert "4 traces are more than one prober can be told of" in problem
    assert (outcome.stopped, outcome.residue) == ("", 0)


def test_requests_do_not_grow_with_the_pairs():
    counted = {}
    for pairs in (1, 3):
        fake = FakeCluster(cluster())
        one = {source: [plan.Probe(name, "ipv4", 0, 33434) for name in NAMES[:pairs]] for source in NAMES}
        one[NAMES[0]] = [plan.Probe(name, "ipv4", 0, 33434) for name in NAMES]
        counted[pairs] = prober.run(fake, SETTINGS, prober.Work({name: {} for name in NAMES}, one)).requests
    assert counted[1] == counted[3]
    assert counted[3]["exec"] == 3, "one for each prober"
    assert counted[3]["create"] == 8, "a dry run, a Job for each pod, and the Service"


def test_a_prober_that_breaks_off_costs_what_it_had_not_told_yet(fake):
    fake.exec_problems = {"node-1": "Could not run a command: the connection ended"}
    whole = fake._errand("node-1", "abc", "0", "pair", "10.244.0.3")
    fake.cut = 1 + len(whole)
    outcome = prober.run(fake, SETTINGS, work())
    told = [key for key, seen in outcome.observations.items() if seen.trace]
    assert len(told) == 7
    assert ("node-1", "controlplane", "ipv4") in told
    assert "the connection ended" in outcome.observations[("node-1", "node-2", "ipv4")].problem


def test_an_api_that_goes_away_keeps_what_was_seen(fake, impatient):
    def gone(namespace, selector, *, now=False):
        raise api.ApiUnreachable("The Kubernetes API does not answer.")

    fake.delete = gone
    outcome = prober.run(fake, SETTINGS, work())
    assert len([seen for seen in outcome.observations.values() if seen.trace]) == 9
    assert outcome.residue == 13, "at most: six Jobs, six pods and a Service"
    assert "does not answer" in outcome.left
    assert "podpath.kubeadm/run=abc" in outcome.left, "how to remove it by hand"


def misread(fake, of, wrong) -> None:
    """Lets the prober on node-1 print something else the first time that it would print ``of``."""
    execute = fake.execute

    def executed(namespace, pod, *given, heard=None):
        told = execute(namespace, pod, *given)
        if pod != fake.pod("prober", "node-1"):
            return told
        return replace(told, stdout=told.stdout.replace(of, wrong, 1))

    fake.execute = executed


@pytest.mark.parametrize(
    ("of", "wrong", "quoted"),
    [
        ("[::ffff:10.244.1.2]", "unknown", "'unknown' does not appear to be an IPv4 or IPv6 address"),
        ("time=0.081 ms", "time=0.0.81 ms", "could not convert string to float: '0.0.81'"),
    ],
)
def test_what_cannot_be_read_of_one_pair_costs_that_pair_only(fake, of, wrong, quoted):
    misread(fake, of, wrong)
    outcome = prober.run(fake, SETTINGS, work())
    lost = {key: seen.problem for key, seen in outcome.observations.items() if seen.trace is None}
    pod = outcome.ends[("prober", "node-1")].pod
    assert lost == {
        ("node-1", "controlplane", "ipv4"): (
            f"What pod {pod} on node-1 (image busybox:1) printed of 10.244.0.3 cannot be read: {quoted}."
        )
    }
    assert len(outcome.observations) == 9
    assert (outcome.stopped, outcome.residue) == ("", 0)


def test_what_cannot_be_read_of_the_service_says_nothing_of_it(fake):
    own = "=begin 4\n=part tcp 0\n|abc node-1 "
    misread(fake, f"{own}[::ffff:10.244.1.2]", f"{own}unknown")
    services = {service.source: service for service in prober.run(fake, SETTINGS, work()).services}
    assert services["node-2"].connected
    assert "printed of 10.96.0.9 cannot be read: 'unknown'" in services["node-1"].unobserved


def test_a_number_that_is_none_costs_nothing_else(fake):
    misread(fake, "=mtu 1450", f"=mtu \u00b2\n=begin 0\n=end \u00b2\n=begin 0\n=end {'9' * 5000}")
    outcome = prober.run(fake, SETTINGS, work())
    assert all(seen.trace for seen in outcome.observations.values())
    assert "MTU cannot be read" in outcome.observations[("node-1", "node-2", "ipv4")].unobserved["full_size"]


def test_what_cannot_be_read_of_a_peer_leaves_open_what_arrived_there(fake):
    fake.missing = "wget"
    execute = fake.execute

    def executed(namespace, pod, *given, **more):
        told = execute(namespace, pod, *given, **more)
        return replace(told, stdout="=seen,0A0000010A00,01\n" + told.stdout) if "peer" in pod else told

    fake.execute = executed
    outcome = prober.run(fake, SETTINGS, work())
    why = outcome.observations[("node-1", "node-2", "ipv4")].unobserved["arrival"]
    assert re.fullmatch(r"What peer pod \S+ on node-2 recorded cannot be read: .*", why)
    assert outcome.stopped == ""


def test_a_node_that_tells_odd_routes_costs_no_pair(fake):
    execute = fake.execute

    def executed(namespace, pod, *given, **more):
        told = execute(namespace, pod, *given, **more)
        return replace(told, stdout=told.stdout.replace("=route ", "=route of ", 1))

    fake.execute = executed
    outcome = prober.run(fake, SETTINGS, replace(work(), routes=ROUTES))
    assert "underlay of node-1 cannot be read" in outcome.no_underlay["node-1"]
    assert (outcome.underlay, outcome.stopped) == ({}, "")


def test_a_run_that_an_odd_node_object_stops_keeps_what_was_seen_and_counts_what_is_left(fake, impatient):
    odd = node(1)
    odd["spec"]["podCIDRs"] = ["10.244.1.7/24"]

    def meanwhile():
        fake.list_nodes = lambda: [node(0), odd]
        del fake.pods[fake.pod("peer", "node-2")]
        fake.fail_on = {"delete": api.ApiUnreachable("The Kubernetes API does not answer.")}

    fake.meanwhile = meanwhile
    outcome = prober.run(fake, SETTINGS, work())
    assert "10.244.1.7/24" in outcome.stopped
    assert len([seen for seen in outcome.observations.values() if seen.trace]) > 0
    assert outcome.residue == 13


EVICTED = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
DRAINED = {"type": "DisruptionTarget", "status": "True", "message": "Eviction API: evicting"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"status": EVICTED}, "The peer on node-2 was evicted: The node was low on resource: memory."),
        (
            {"status": {"phase": "Running", "conditions": [DRAINED]}},
            "The peer on node-2 was evicted: Eviction API: evicting.",
        ),
        ({"status": {"phase": "Failed", "message": "Killed."}}, "The peer on node-2 ended (phase Failed): Killed."),
        (None, "The peer on node-2 is gone: its pod was deleted (evicted, drained, or by hand)."),
    ],
)
def test_a_peer_that_goes_away_in_mid_run_is_told_with_what_was_seen_until_then(fake, change, told):
    def meanwhile():
        name = fake.pod("peer", "node-2")
        if change is None:
            del fake.pods[name]
        else:
            fake.pods[name] |= change

    fake.meanwhile = meanwhile
    outcome = prober.run(fake, SETTINGS, work())
    assert outcome.lost == {("peer", "node-2"): told}
    assert outcome.lost_nodes == {}
    assert len([seen for seen in outcome.observations.values() if seen.trace]) == 9
    assert (outcome.stopped, outcome.residue) == ("", 0)


@pytest.mark.parametrize("role", ["prober", "peer"])
def test_a_pod_that_is_evicted_is_told_once_the_api_knows(fake, monkeypatch, role):
    """A kubelet kills first, so the command breaks off before the API tells why."""
    monkeypatch.setattr(losing, "EVICTION_PATIENCE", 3)
    clock = Clock()
    one = prober.Outcome()
    started_pods = starting.Started()
    starting.start_pods(fake, SETTINGS, starting.ShellWay(), work(), prober.Outcome())
    starting.wait_for_pods(fake, SETTINGS, work(), QUIET, started_pods)

    def sleep(seconds):
        clock.sleep(seconds)
        if clock.now >= 1:
            fake.pods[fake.pod(role, "node-1")]["status"] = EVICTED

    losing.note_losses(fake, SETTINGS, work(), started_pods, {(role, "node-1")}, one, clock, sleep)
    assert one.lost == {(role, "node-1"): f"The {role} on node-1 was evicted: The node was low on resource: memory."}
    assert clock.now < losing.EVICTION_PATIENCE


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        (cluster()[:2], "Node node-2 was deleted while the proof ran."),
        ([*cluster()[:2], node(2, ready=False)], "While the proof ran: Node node-2 is not Ready: Kubelet stopped"),
    ],
)
@pytest.mark.parametrize("broken", ["prober", "peer", ""])
def test_a_node_that_goes_away_in_mid_run_is_told(fake, nodes, told, broken):
    """Its pods may be listed long after, when they cannot be heard any more."""

    def meanwhile():
        if not broken:
            del fake.pods[fake.pod("peer", "node-2")]
        if broken == "peer":
            fake.deaf_peers = {"node-2": "its container has ended"}
        fake.list_nodes = lambda: nodes

    fake.meanwhile = meanwhile
    fake.exec_problems = {"node-2": "the connection ended"} if broken == "prober" else {}
    outcome = prober.run(fake, SETTINGS, work())
    assert set(outcome.lost_nodes) == {"node-2"}
    assert outcome.lost_nodes["node-2"].startswith(told)


def test_an_api_that_goes_away_in_mid_run_stops_it_and_names_who_was_not_heard(fake, impatient):
    fake.exec_problems = {"node-1": "Could not run a command in pod p: the connection ended"}

    def meanwhile():
        fake.fail_on = {"list_pods": api.ApiUnreachable("The Kubernetes API does not answer.")}

    fake.meanwhile = meanwhile
    outcome = prober.run(fake, SETTINGS, work())
    assert outcome.stopped == "The Kubernetes API does not answer."
    assert len([seen for seen in outcome.observations.values() if seen.trace]) == 6
    problem = outcome.observations[("node-1", "node-2", "ipv4")].problem
    assert problem.startswith("The prober on node-1 was not heard to its end: Could not run a command")


@pytest.mark.parametrize("where", ["create Job", "list_pods"])
def test_an_api_that_refuses_on_the_way_stops_the_run_and_it_cleans_up(fake, impatient, where):
    fake.fail_on = {where: api.ApiUnreachable("The Kubernetes API does not answer.")}
    outcome = prober.run(fake, SETTINGS, work())
    assert outcome.stopped == "The Kubernetes API does not answer."
    assert fake.requests["delete"] == 1


def test_a_signal_stops_the_run_and_it_cleans_up(fake):
    def progress(stage, done, total):
        if stage == "start":
            signal.raise_signal(signal.SIGTERM)

    with prober.guarded() as guard:
        outcome = prober.run(fake, SETTINGS, work(), progress, guard)
    assert "SIGTERM" in outcome.stopped
    assert not fake.pods


def test_a_signal_while_it_cleans_up_does_not_stop_that(fake):
    def progress(stage, done, total):
        if stage == "remove":
            signal.raise_signal(signal.SIGTERM)

    with prober.guarded() as guard:
        outcome = prober.run(fake, SETTINGS, work(), progress, guard)
    assert (outcome.stopped, outcome.residue) == ("", 0)


def test_a_pod_that_does_not_run_costs_its_pairs_only(fake):
    fake.misbehave = {"peer node-2": {"phase": "Failed", "message": "The node was low on resource: memory."}}
    outcome = prober.run(fake, SETTINGS, work())
    lost = {key for key, seen in outcome.observations.items() if seen.trace is None}
    assert lost == {(source, "node-2", "ipv4") for source in NAMES}
    assert all("low on resource" in outcome.observations[key].problem for key in lost)


def test_a_service_that_may_not_be_made_is_told_and_stops_nothing(fake):
    fake.fail_on = {"create Service": api.ApiRefused("You may not create services.", 403)}
    outcome = prober.run(fake, SETTINGS, work())
    assert outcome.no_service == "You may not create services."
    assert outcome.services == []
    assert outcome.stopped == ""


BOTH = ["fd00:10:96::9", "10.96.0.9"]


@pytest.mark.parametrize(
    ("families", "cluster_ips", "asked", "why"),
    [
        (["ipv4", "ipv6"], BOTH, set(BOTH), ""),
        (["ipv4"], BOTH, {"10.96.0.9"}, ""),
        (["ipv6"], BOTH, {"fd00:10:96::9"}, ""),
        (["ipv4"], BOTH[:1], set(), "This cluster gives Services no ipv4 address, only fd00:10:96::9."),
    ],
)
def test_a_service_is_asked_in_the_families_of_the_run(families, cluster_ips, asked, why):
    fake = FakeCluster(cluster(dual=True))
    fake.cluster_ips = cluster_ips
    outcome = prober.run(fake, SETTINGS, replace(work(), families=families))
    assert {service.address for service in outcome.services} == asked
    assert outcome.no_service == why


def test_an_image_that_no_node_can_pull_names_its_variable(fake, monkeypatch):
    monkeypatch.setattr(starting, "_PATIENCE", dict.fromkeys(starting._PATIENCE, 0))
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "no such host"}}
    fake.misbehave = {
        f"{role} {node}": {"phase": "Pending", "containerStatuses": [{"state": waiting}]}
        for role in ("prober", "peer")
        for node in NAMES
    }
    outcome = prober.run(fake, SETTINGS, work())
    assert "pod_paths_image" in outcome.stopped
    assert "busybox:1" in outcome.stopped
    assert outcome.residue == 0


# The way


RESTRICTED = 'violates PodSecurity "restricted:latest": unrestricted capabilities.'


def test_a_restricted_namespace_gets_the_unprivileged_prober(fake):
    fake.refusals = [RESTRICTED]
    told = pods.Settings("abc", "default", "busybox:1", METHOD, 60, 200, agent_image="python:3")
    assert starting.choose_way(fake, told).name == "agent"


GATEKEEPER = (
    'admission webhook "validation.gatekeeper.sh" denied the request: [psp-pods-allowed-user-ranges] Container podpath '
    "is attempting to run without a required securityContext/runAsUser."
)


@pytest.mark.parametrize("refusal", [GATEKEEPER, 'pods "p" is forbidden: somebody\'s own plugin.'])
def test_whoever_refuses_root_may_take_the_unprivileged_prober(fake, refusal):
    fake.refusals = [refusal]
    told = pods.Settings("abc", "default", "busybox:1", METHOD, 60, 200, agent_image="python:3")
    assert starting.choose_way(fake, told).name == "agent"


@pytest.mark.parametrize(
    ("refusals", "agent_image", "words"),
    [
        ([RESTRICTED], "", "Set agent_image .*pod_paths_agent_image"),
        ([GATEKEEPER], "", "psp-pods-allowed-user-ranges.*Set agent_image .*pod_paths_agent_image"),
        ([RESTRICTED, "webhook said no."], "python:3", "PodSecurity.*unprivileged pods as well: webhook said no"),
        (["exceeded quota: q."], "", "exceeded quota: q.*Make room"),
        (["exceeded quota: q."], "python:3", "exceeded quota: q.*Make room"),
    ],
)
def test_a_namespace_that_allows_no_pod_is_an_error_that_says_what_to_set(fake, refusals, agent_image, words):
    fake.refusals = refusals
    told = pods.Settings("abc", "default", "busybox:1", METHOD, 60, 200, agent_image=agent_image)
    outcome = prober.run(fake, told, work())
    assert fake.jobs == {}
    assert re.search(words, outcome.stopped)


# The nodes' own routes


ROUTES = {name: prober.RoutesAsked({"ipv4": ["192.168.56.11"]}, ["192.168.56.12"]) for name in NAMES}


def test_nodes_are_asked_for_their_routes_by_pods_that_go_with_the_others(fake):
    outcome = prober.run(fake, SETTINGS, replace(work(), routes=ROUTES))
    assert set(outcome.underlay) == set(NAMES)
    assert outcome.underlay["node-1"]["interfaces"] == {"ipv4": "eth1"}
    assert (outcome.no_underlay, outcome.residue, fake.jobs) == ({}, 0, {})


def test_a_namespace_that_takes_no_pod_on_the_hosts_network_gets_none_and_the_rest_goes_on(fake):
    fake.refusals = ["", 'violates PodSecurity "baseline:latest": host namespaces.']
    outcome = prober.run(fake, SETTINGS, replace(work(), routes=ROUTES))
    assert outcome.underlay == {}
    assert set(outcome.no_underlay) == set(NAMES)
    assert re.search("takes no pod on a host's network: .*baseline", outcome.no_underlay["node-1"])
    assert not any(role == "reader" for role, _node in outcome.ends)
    assert all(seen.trace for seen in outcome.observations.values())
    assert outcome.stopped == ""


def test_a_restricted_namespace_is_not_even_asked(fake):
    outcome = prober.Outcome()
    left = starting.with_readers(fake, SETTINGS, AgentWay(), replace(work(), routes=ROUTES), outcome)
    assert left.routes == {}
    assert "restricted" in outcome.no_underlay["node-1"]
    assert fake.requests["create"] == 0


def test_a_node_that_cannot_be_asked_costs_no_pair(fake):
    fake.misbehave = {"reader node-2": {"phase": "Failed", "message": "No room."}}
    outcome = prober.run(fake, SETTINGS, replace(work(), routes=ROUTES))
    assert set(outcome.underlay) == {"controlplane", "node-1"}
    assert "No room." in outcome.no_underlay["node-2"]
    assert all(seen.trace for seen in outcome.observations.values())


def test_a_run_that_ends_before_the_nodes_are_asked_says_so(fake, impatient):
    fake.meanwhile = lambda: fake.fail_on.update(list_pods=api.ApiUnreachable("The Kubernetes API does not answer."))
    outcome = prober.run(fake, SETTINGS, replace(work(), routes=ROUTES))
    assert outcome.underlay == {}
    assert set(outcome.no_underlay) == set(NAMES)
    assert "before node node-1 was asked for its routes: The Kubernetes API does not" in outcome.no_underlay["node-1"]


# What arrived


def seen(**given) -> Observation:
    return Observation(**given)


DEAD = Tcp(False, "no answer within 3 s")


@pytest.mark.parametrize(
    ("observation", "heard", "arrival", "unobserved"),
    [
        (seen(tcp=DEAD), Heard({("a", "ipv4"): Arrival("10.0.0.2")}), Arrival("10.0.0.2"), None),
        (seen(tcp=DEAD), Heard(), Arrival(""), None),
        # nothing was sent that could arrive
        (seen(unobserved={"tcp": "Image X has no wget."}), Heard(), None, "no wget"),
        (seen(tcp=DEAD), Heard(unknown="Who knows."), None, "Who knows."),
        (seen(tcp=DEAD), None, None, "did not say"),
        (
            seen(tcp=Tcp(True), arrival=Arrival("10.0.0.9")),
            Heard({("a", "ipv4"): Arrival("10.0.0.2")}),
            "10.0.0.9",
            None,
        ),
    ],
)
def test_what_the_peer_recorded(observation, heard, arrival, unobserved):
    result = prober.with_arrival(observation, ("a", "ipv4"), heard)
    assert result.arrival == (Arrival(arrival) if isinstance(arrival, str) else arrival)
    assert unobserved is None or unobserved in result.unobserved["arrival"]


def test_a_prober_that_was_not_heard_tells_nothing_of_services(fake):
    fake.exec_problems = {"node-1": "Could not run a command: the connection ended"}
    services = {service.source: service for service in prober.run(fake, SETTINGS, work()).services}
    assert services["node-2"].connected
    assert "the connection ended" in services["node-1"].unobserved
    assert services["node-1"].problem == ""


def test_a_refused_connection_means_nothing_where_nobody_could_listen():
    result = prober.with_arrival(seen(tcp=DEAD), ("a", "ipv4"), Heard(unknown="No httpd.", deaf="No httpd."))
    assert result.tcp is None
    assert result.unobserved["tcp"] == "No httpd."


# Removal


def started(fake) -> None:
    starting.start_pods(fake, SETTINGS, starting.ShellWay(), work(), prober.Outcome())


def test_other_runs_are_not_touched(fake):
    started(fake)
    other = pods.Settings("other", "default", "busybox:1", METHOD, 60, 200)
    starting.start_pods(fake, other, starting.ShellWay(), work(), prober.Outcome())
    assert prober.remove_run(fake, SETTINGS, QUIET) == 0
    assert len(fake.jobs) == 6
    assert all("other" in name for name in fake.jobs)


def test_a_pod_on_a_dead_node_is_forced_away(fake):
    started(fake)
    clock = Clock()
    fake.stuck = {next(iter(fake.pods))}
    assert prober.remove_run(fake, SETTINGS, QUIET, clock, clock.sleep) == 0
    assert fake.forced
    assert prober.REMOVAL_PATIENCE / 2 <= clock.now < prober.REMOVAL_PATIENCE


def test_what_does_not_go_is_counted_after_a_bounded_wait(fake):
    started(fake)
    clock = Clock()
    fake.stuck = set(fake.services)
    assert prober.remove_run(fake, SETTINGS, QUIET, clock, clock.sleep) == 1
    assert clock.now < prober.REMOVAL_PATIENCE + 2


AWAY = "The Kubernetes API at https://fake:6443 does not answer."


def failing_once(fake, method, error) -> None:
    """Lets a method fail the next time, and then work."""
    works, errors = getattr(fake, method), [error]

    def called(*given, **more):
        if errors:
            raise errors.pop()
        return works(*given, **more)

    setattr(fake, method, called)


@pytest.mark.parametrize("method", ["delete", "list_pods", "count_left"])
@pytest.mark.parametrize("error", [api.ApiUnreachable(AWAY), *(api.ApiRefused(AWAY, status) for status in (429, 503))])
def test_an_api_that_is_away_for_a_moment_leaves_nothing_behind(fake, method, error):
    started(fake)
    clock = Clock()
    failing_once(fake, method, error)
    assert prober.remove_run(fake, SETTINGS, QUIET, clock, clock.sleep) == 0
    assert (fake.jobs, fake.pods, fake.services) == ({}, {}, {})
    assert clock.now == prober.POLL


def test_a_removal_by_force_is_asked_for_again_as_well(fake):
    started(fake)
    clock = Clock()
    fake.stuck = {next(iter(fake.pods))}
    remove, failures = fake.delete, [api.ApiUnreachable(AWAY)] * 3

    def removed(*given, now=False):
        if now and failures:
            raise failures.pop()
        remove(*given, now=now)

    fake.delete = removed
    assert prober.remove_run(fake, SETTINGS, QUIET, clock, clock.sleep) == 0
    assert failures == []


def test_a_removal_that_is_not_allowed_is_told_at_once(fake):
    started(fake)
    clock = Clock()
    fake.fail_on = {"delete": api.ApiRefused("You may not delete jobs.", 403)}
    with pytest.raises(api.ApiRefused):
        prober.remove_run(fake, SETTINGS, QUIET, clock, clock.sleep)
    assert clock.now == 0


def test_an_api_that_is_gone_for_good_ends_the_removal_after_a_bounded_wait(fake):
    started(fake)
    clock = Clock()
    fake.fail_on = {"delete": api.ApiUnreachable(AWAY)}
    with pytest.raises(api.ApiUnreachable):
        prober.remove_run(fake, SETTINGS, QUIET, clock, clock.sleep)
    assert prober.REMOVAL_PATIENCE <= clock.now < prober.REMOVAL_PATIENCE + 2


@pytest.mark.parametrize("method", ["list_pods", "list_nodes"])
def test_losses_are_seen_by_an_api_that_was_away_for_a_moment(fake, method):
    started_pods, one, clock = starting.Started(), prober.Outcome(), Clock()
    started(fake)
    starting.wait_for_pods(fake, SETTINGS, work(), QUIET, started_pods)
    del fake.pods[fake.pod("peer", "node-2")]
    failing_once(fake, method, api.ApiUnreachable(AWAY))
    losing.note_losses(fake, SETTINGS, work(), started_pods, (), one, clock, clock.sleep)
    assert set(one.lost) == {("peer", "node-2")}


# Signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_interrupts_once_and_handlers_come_back(number):
    before = signal.getsignal(number)
    with prober.guarded() as guard:
        with pytest.raises(prober.Interrupted, match=number.name):
            signal.raise_signal(number)
        signal.raise_signal(number)  # a second one must not cut the removal short
        assert guard.holding
    assert signal.getsignal(number) is before


def test_no_signal_cuts_a_removal_short():
    with prober.guarded() as guard:
        guard.hold()
        signal.raise_signal(signal.SIGTERM)
