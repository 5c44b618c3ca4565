# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.podpath.kubeadm.plugins.filter import paths
from ansible_collections.podpath.kubeadm.plugins.module_utils import report


def pair(source, destination, verdict="pass", reason="fine", seen=None, second="192.168.56.12"):
    if source == destination:
        hops = [("pod", "10.244.1.3")]
    else:
        hops = [("cni0", "10.244.1.1"), ("node", second), ("pod", "10.244.2.3")]
    seen = [address for _role, address in hops] if seen is None else seen
    return {
        "source": {"node": source, "pod": "p", "ip": "10.244.1.2"},
        "destination": {"node": destination, "pod": "q", "ip": hops[-1][1]},
        "verdict": verdict,
        "reason": reason,
        "expected": {"origin": "x", "hops": [{"role": role, "addresses": [a]} for role, a in hops]},
        "evidence": {
            "echoes": {"sent": 3, "received": 3 if seen else 0, "rtt_ms": {"median": 0.1 * len(seen)} if seen else {}}
        },
        "hops": [
            {"ttl": ttl, "addresses": [a] if a else [], "rtt_ms": {"median": 0.1 * ttl} if a else {}, "notes": []}
            for ttl, a in enumerate(seen, 1)
        ],
    }


def pods(*pairs, **more):
    counts = {name: sum(1 for p in pairs if p["verdict"] == name) for name in ("pass", "fail", "inconclusive")}
    verdict = "fail" if counts["fail"] else "inconclusive" if counts["inconclusive"] or not pairs else "pass"
    return {"changed": False, "pairs": list(pairs), "summary": counts, "verdict": verdict, "msg": "told", **more}


def ways(host="node-1", verdict="pass", address="192.168.56.11"):
    row = {"source": host, "destination": "node-2", "kind": "node", "verdict": verdict, "reason": "One hop."}
    row |= {"expected": "eth1 -> 192.168.56.12", "seen": "eth1 -> 192.168.56.12", "rtt_ms": 0.08}
    return {"address": address, "interface": "eth1", "paths": [row], "verdict": verdict, "changed": False}


HEALTHY = pods(pair("node-1", "node-1"), pair("node-1", "node-2"))


def test_a_healthy_report():
    built = paths.path_report(HEALTHY, {"node-1": ways()})
    assert (built["verdict"], built["failed"]) == ("pass", False)
    assert built["summary"] == {"pass": 3, "fail": 0, "inconclusive": 0}
    assert json.loads(json.dumps(built)) == built


def test_the_table_of_a_healthy_cluster():
    results = {"node-1": ways(), "node-2": ways("node-2", address="192.168.56.12")}
    assert paths.path_table(paths.path_report(HEALTHY, results)) == [
        "NODES",
        "FROM    TO      EXPECTED               SEEN         MS     VERDICT",
        "node-1  node-2  eth1 -> 192.168.56.12  as expected  0.080  pass",
        "node-2  node-2  eth1 -> 192.168.56.12  as expected  0.080  pass",
        "2 node paths: 2 pass, 0 fail, 0 inconclusive",
        "",
        "PODS",
        "FROM    TO      EXPECTED                                                 SEEN                 MS     VERDICT",
        "node-1  node-1  pod 10.244.1.3                                           as expected, 1 hop   0.100  pass",
        "node-1  node-2  cni0 10.244.1.1 -> eth1 192.168.56.12 -> pod 10.244.2.3  as expected, 3 hops  0.300  pass",
        "2 pod pairs: 2 pass, 0 fail, 0 inconclusive",
    ]


def test_what_did_not_pass_stands_beneath_with_its_reason_once():
    dead = ["10.244.1.1", None, None, None, None]
    broken = [pair("node-1", "node-2", "fail", "UDP 8472.", dead), pair("node-2", "node-1", "fail", "UDP 8472.", dead)]
    table = paths.path_table(paths.path_report(pods(pair("node-1", "node-1"), *broken)))
    assert any("10.244.1.1 -> * (to hop 5)" in line for line in table)
    assert table[-1] == "fail  node-1 -> node-2, node-2 -> node-1: UDP 8472."
    assert "node 192.168.56.12" in table[3]


def test_pairs_without_a_trace_show_a_dash():
    table = paths.path_table(paths.path_report(pods(pair("node-1", "node-2", "inconclusive", "NotReady.", []))))
    assert "  -  " in table[2]


@pytest.mark.parametrize(
    ("result", "nodes", "fail_on", "failed"),
    [
        (HEALTHY, None, "inconclusive", False),
        (HEALTHY, {"node-1": ways(verdict="fail")}, "inconclusive", True),
        (HEALTHY, {"node-1": ways(), "node-2": {}}, "inconclusive", True),
        (HEALTHY, {"node-1": ways(), "node-2": {}}, "fail", False),
        (HEALTHY, {"node-1": ways(), "node-2": ways(verdict="fail")}, "never", False),
        (pods(pair("a", "b"), pair("b", "a", "fail")), None, "fail", True),
        (pods(pair("a", "b"), pair("b", "a", "fail")), None, "never", False),
        (pods(pair("a", "b", "inconclusive")), None, "never", True),
        (pods(pair("a", "b", "inconclusive")), {"node-1": ways()}, "never", True),
        ({"failed": False, "msg": "no kubernetes library"}, None, "never", True),
        (pods(stopped="There is no kubeconfig"), {"node-1": ways()}, "never", True),
        ({**HEALTHY, "residue": 6}, {"node-1": ways()}, "never", True),
        # one host whose way to the internet is not asked for: no node path to prove
        (HEALTHY, {"node-1": {**ways(), "paths": []}}, "inconclusive", False),
    ],
)
def test_when_a_run_fails(result, nodes, fail_on, failed):
    built = paths.path_report(result, nodes, fail_on)
    assert built["failed"] is failed
    assert paths.path_table(built)


def test_a_module_that_stopped_keeps_its_words():
    built = paths.path_report({"failed": True, "msg": "no kubernetes library"})
    assert "no kubernetes library" in built["message"]
    assert built["verdict"] == "inconclusive"
    assert paths.path_table(built)[-1] == "no kubernetes library"


def test_a_host_that_gave_nothing_is_an_open_row():
    built = paths.path_report(HEALTHY, {"node-1": ways(), "node-2": {}})
    assert built["nodes"]["summary"] == {"pass": 1, "fail": 0, "inconclusive": 1}
    assert "node-2 -> all: Nothing came from host node-2." in "\n".join(paths.path_table(built))


def test_check_mode_does_not_fail_on_what_it_did_not_run():
    planned = pods(pair("a", "b", "inconclusive", "Check mode", []))
    assert paths.path_report(planned, check_mode=True)["failed"] is False
    assert paths.path_report(pods(stopped="no file"), check_mode=True)["failed"] is True


def test_residue_is_shown():
    assert "2 pods of this run" in paths.path_table(paths.path_report({**HEALTHY, "residue": 2}))[-1]


def test_wrong_input_is_an_error_of_the_filter():
    with pytest.raises(AnsibleFilterError):
        paths.path_report(["x"])
    with pytest.raises(AnsibleFilterError):
        paths.path_table({"x": 1})
    assert set(paths.FilterModule().filters()) == {"path_report", "path_table"}


def test_several_responders_and_notes_are_shown():
    one = pair("node-1", "node-2", "fail", "x", ["10.244.1.1", "10.244.2.0"])
    one["hops"][1]["addresses"] = ["10.244.2.0", "10.0.2.15"]
    one["hops"][1]["notes"] = ["!H"]
    assert report.seen_text(one) == "10.244.1.1 -> 10.244.2.0|10.0.2.15 !H"
