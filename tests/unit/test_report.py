# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How layers become one report, and the report lines for a terminal."""

from __future__ import annotations

import json
import re
import time

import pytest
import report_samples as samples
from ansible.errors import AnsibleFilterError

from ansible_collections.podpath.kubeadm.plugins.filter import paths
from ansible_collections.podpath.kubeadm.plugins.module_utils import report, report_matrix, report_words
from ansible_collections.podpath.kubeadm.plugins.plugin_utils import terminal

HEALTHY = samples.result()
WAYS = samples.node_results()
# all pairs pass, the whole does not
NO_SERVICES = samples.result(verdict="inconclusive", msg="9 of 9 pairs pass. Services lead nowhere from any node.")


def ways(verdict: str, host: str = "node-1") -> dict:
    one = WAYS[host]
    return {**WAYS, host: {**one, "paths": [{**path, "verdict": verdict} for path in one["paths"]]}}


def counted(**counts: int) -> dict:
    return {**HEALTHY, "summary": {"pass": 0, "fail": 0, "inconclusive": 0, **counts}}


def test_a_healthy_report():
    built = paths.path_report(HEALTHY, WAYS)
    assert (built["verdict"], built["failed"]) == ("pass", False)
    assert built["summary"] == {"pass": 21, "fail": 0, "inconclusive": 0}
    assert json.loads(json.dumps(built)) == built


def test_a_small_cluster_is_a_table_with_hops():
    table = paths.path_table(paths.path_report(HEALTHY, WAYS), width=130)
    assert table[0] == "NODES"
    expected = "cni0 10.244.1.1 -> flannel.1 10.244.2.0 -> pod 10.244.2.9"
    assert f"node-1        node-2        {expected}  as expected, 3 hops  0.055  pass" in table
    assert "9 pod pairs: 9 pass, 0 fail, 0 inconclusive" in table


def test_the_cure_stands_last():
    table = paths.path_table(paths.path_report(samples.result(fault=samples.UDP_BLOCKED)))
    assert "10.244.0.1 -> * (to hop 5)" in "\n".join(table)
    assert table[-1].startswith("  cure:    Open UDP 8472")
    two = samples.result(fault=samples.UDP_BLOCKED)
    two["diagnosis"].append({**two["diagnosis"][0], "title": "Or something else.", "confidence": "possible"})
    table = paths.path_table(paths.path_report(two))
    assert table[-1].startswith("  cure:    Open UDP 8472")
    assert any(line.startswith("also possible: Or something else.") for line in table)


def test_hosts_with_one_card_name_it():
    built = paths.path_report(samples.result(backend="host-gw"), WAYS)
    assert "cni0 10.244.0.1 -> eth1 192.168.56.11 -> pod 10.244.1.9" in "\n".join(paths.path_table(built))


@pytest.mark.parametrize(
    ("size", "width", "fits"), [(12, 80, True), (40, 120, True), (40, 44, False), (130, 120, False)]
)
def test_a_larger_cluster_is_a_matrix_while_it_fits(size, width, fits):
    built = paths.path_report(samples.result(size, fault=samples.POLICY))
    table = paths.path_table(built, width=width, where="paths.json")
    rows = [line for line in table if re.match(r" *\d+ node-", line)]
    assert len(rows) == (size - 1 if fits else 0)
    assert all(len(line) <= width for line in rows)
    if fits:
        assert rows[0].endswith("F")
    if width > 50:
        assert any(line.startswith("NODE ") for line in table)
    else:
        at = table.index("node-39  fail")
        assert table[at + 1:at + 3] == ["    out: pass 40, fail 0, ? 0, in: pass 1,", "    fail 39, ? 0"]
    told = "; they stand in paths.json." in "\n".join(table)
    assert told is (size > 21)
    assert len(table) < (90 + size if width > 50 else 200)


@pytest.mark.parametrize("size", [2, 4])
def test_a_small_cluster_has_the_matrix_above_its_pairs(size):
    built = paths.path_report(samples.result(size, fault=samples.POLICY))
    table = paths.path_table(built, width=130)
    assert table[1].startswith("ipv4: rows send, columns are reached")
    assert table[3] == f"1 controlplane {'. ' * (size - 1)}F"
    assert len([line for line in table if line.endswith(("  pass", "  fail"))]) == size * size


def test_ways_between_hosts_that_were_not_looked_at_are_counted():
    hosts = {name: {**result, "peers_left_out": 5} for name, result in samples.node_results(4).items()}
    built = paths.path_report(samples.result(4), hosts)
    assert built["nodes"]["not_tried"] == 20
    told = "20 more from host to host were not looked at (node_paths_max_peers)"
    assert told in " ".join("\n".join(paths.path_table(built)).split())
    assert "20 more from host to host" in paths.path_markdown(built)
    assert "not looked at (node" not in "\n".join(paths.path_table(paths.path_report(samples.result(4), WAYS)))


def test_a_single_node_has_no_matrix():
    assert "rows send" not in "\n".join(paths.path_table(paths.path_report(samples.result(1))))


@pytest.mark.parametrize("width", [60, 80, 100, 120])
@pytest.mark.parametrize(("size", "fault"), [(3, samples.UDP_BLOCKED), (3, samples.NOT_READY), (6, samples.WRONG_CARD)])
def test_tables_are_as_wide_as_the_terminal_and_lose_nothing(size, fault, width):
    built = paths.path_report(samples.result(size, fault=fault), samples.node_results(size))
    table = paths.path_table(built, width=width)
    end = next(number for number, line in enumerate(table) if re.match(r"\d+ pod pairs", line))
    assert max(map(len, table[:end])) <= width
    told = "".join("".join(table[:end]).split())
    for pair in built["pods"]["pairs"]:
        if size == 3 or pair["verdict"] != "pass":
            last = pair["expected"]["hops"][-1]["addresses"][0]
            assert last in told


def test_a_cell_that_has_no_room_goes_on_in_its_own_column():
    table = paths.path_table(paths.path_report(HEALTHY), width=100)
    row = next(number for number, line in enumerate(table) if line.startswith("node-1        node-2"))
    at = table[row].index("cni0")
    assert table[row].split()[-5:] == ["expected,", "3", "hops", "0.055", "pass"]
    assert table[row + 1:row + 3] == [f"{' ' * at}-> flannel.1 10.244.2.0", f"{' ' * at}-> pod 10.244.2.9"]


LONG = "with-a-name-that-has-no-room.example.com"


def renamed(document: dict) -> dict:
    return json.loads(re.sub(r'"(node-\d)"', rf'"\1.{LONG}"', json.dumps(document)))


@pytest.mark.parametrize(("document", "pair", "expected"), [
    (renamed(samples.result(fault=samples.UDP_BLOCKED)), f"controlplane -> node-2.{LONG}",
     ["cni0 10.244.0.1 -> flannel.1 10.244.2.0 -> pod 10.244.2.9"]),
    (samples.dual(fault=samples.UDP_BLOCKED), "controlplane -> node-2 (ipv6)", [
        "cni0 2001:db8:4f1c:a000:abcd:ef01:2345:1", "-> flannel.1 2001:db8:4f1c:a002:abcd:ef01:2345:0",
        "-> pod 2001:db8:4f1c:a002:abcd:ef01:2345:9"]),
])
def test_where_columns_have_no_room_expected_stands_above_seen(document, pair, expected):
    table = paths.path_table(paths.path_report(document), width=80, color=True)
    row = table.index(f"{pair}  \033[1;31mfail\033[0m")
    first, *others = (f"{' ' * 14}{line}" for line in expected)
    assert table[row + 1:row + 1 + len(expected)] == [f"    expected: {first.strip()}", *others]
    assert re.match(r"    seen:     \S+1 -> \* \(to hop 5\)$", table[row + 1 + len(expected)])


def test_an_address_with_no_room_at_all_is_cut_between_its_groups():
    built = paths.path_report(samples.dual(fault=samples.UDP_BLOCKED))
    table = paths.path_table(built, width=40)
    assert "    expected: cni0" in table
    assert f"{' ' * 14}2001:db8:4f1c:a000:abcd:" in table
    assert f"{' ' * 14}ef01:2345:1" in table


def test_pairs_that_the_diagnosis_covers_are_no_sentence_each():
    document = samples.result(30, fault=samples.UDP_BLOCKED)
    other = document["pairs"][1]
    other |= {"verdict": "fail", "rule": "wrong-hop", "reason": "Hop 2 is nobody's."}
    document["summary"] |= {"pass": document["summary"]["pass"] - 1, "fail": document["summary"]["fail"] + 1}
    table = paths.path_table(paths.path_report(document))
    begin, end = (next(n for n, line in enumerate(table) if what in line) for what in ("900 pod pairs", "control ("))
    covered, alone = table[begin + 1:end]
    assert covered.startswith("fail  controlplane -> node-29: Pod 10.244.29.9 on node-29 was never reached")
    assert covered.endswith(" Likewise 57 more; see the diagnosis.")
    assert alone == "fail  controlplane -> node-1: Hop 2 is nobody's."


def test_colour_is_only_there_where_it_is_asked_for():
    built = paths.path_report(samples.result(12, fault=samples.POLICY))
    plain, coloured = paths.path_table(built), paths.path_table(built, color=True)
    assert "\033" not in "\n".join(plain)
    assert "\033[1;31mF\033[0m" in "\n".join(coloured)
    assert [re.sub(r"\033\[[\d;]*m", "", line).rstrip() for line in coloured] == plain


def test_what_comes_from_the_cluster_moves_no_cursor():
    evil = samples.result(fault=samples.NOT_READY)
    evil["pairs"][2]["reason"] = "a\033[2Jb\r\nc"
    assert "a\N{REPLACEMENT CHARACTER}[2Jb" in "\n".join(paths.path_table(paths.path_report(evil)))


def test_what_a_run_proved_against_a_baseline_is_told():
    changes = {"baseline": {"started": "2026-11-23T01:00:00Z"}, "new_failures": ["a -> b (ipv4)"], "mended": [],
               "changed_hops": [{"source": "a", "destination": "b", "family": "ipv4", "before": [["1.1.1.1"], []],
                                 "now": [["2.2.2.2"]]}],
               "slower": [{"source": "a", "destination": "c", "before_ms": 0.1, "now_ms": 9}], "missing": []}
    told = "\n".join(paths.path_table(paths.path_report(samples.result(changes=changes))))
    assert "a -> b (ipv4) fails now" in told
    assert "a -> b takes another way: 1.1.1.1 -> *, now 2.2.2.2" in told
    assert "a -> c is slower: 0.1 ms, now 9 ms" in told


@pytest.mark.parametrize(
    ("result", "nodes", "fail_on", "failed"),
    [
        (HEALTHY, None, "inconclusive", False),
        (HEALTHY, ways("fail"), "inconclusive", True),
        (HEALTHY, {**WAYS, "node-2": {}}, "inconclusive", True),
        (HEALTHY, {**WAYS, "node-2": {}}, "fail", False),
        (HEALTHY, ways("fail"), "never", False),
        (counted(**{"pass": 1, "fail": 1}), None, "fail", True),
        (counted(**{"pass": 1, "fail": 1}), None, "never", False),
        (counted(inconclusive=1), None, "never", True),
        (counted(inconclusive=1), WAYS, "never", True),
        ({"failed": False, "msg": "no kubernetes library"}, None, "never", True),
        ({**HEALTHY, "stopped": "There is no kubeconfig"}, WAYS, "never", True),
        ({**HEALTHY, "residue": 6}, WAYS, "never", True),
        (NO_SERVICES, WAYS, "inconclusive", True),
        (NO_SERVICES, WAYS, "fail", False),
        (NO_SERVICES, WAYS, "never", False),
        # one host whose way to the internet is not asked for: no node path to prove
        (HEALTHY, {"node-1": {**WAYS["node-1"], "paths": []}}, "inconclusive", False),
    ],
)
def test_when_a_run_fails(result, nodes, fail_on, failed):
    built = paths.path_report(result, nodes, fail_on)
    assert built["failed"] is failed
    assert paths.path_table(built)


@pytest.mark.parametrize(("nodes", "verdict"), [(WAYS, "inconclusive"), (None, "inconclusive"), (ways("fail"), "fail")])
def test_services_that_lead_nowhere_are_the_verdict_of_good_pairs_and_are_told(nodes, verdict):
    built = paths.path_report(NO_SERVICES, nodes)
    assert built["verdict"] == verdict
    assert built["message"].endswith("Services lead nowhere from any node.")


def test_a_module_that_stopped_keeps_its_words():
    built = paths.path_report({"failed": True, "msg": "no kubernetes library"})
    assert built["message"].endswith("No pair of pods was looked at, so nothing is proved. no kubernetes library")
    assert built["verdict"] == "inconclusive"
    assert "no kubernetes library" in paths.path_table(built)[-1]


def test_a_host_that_gave_nothing_is_an_open_row():
    built = paths.path_report(HEALTHY, {**WAYS, "node-2": {}})
    assert built["nodes"]["summary"] == {"pass": 8, "fail": 0, "inconclusive": 1}
    assert "node-2 -> all: Nothing came from host node-2." in "\n".join(paths.path_table(built))


def test_check_mode_does_not_fail_on_what_it_did_not_run():
    planned = counted(inconclusive=9)
    assert paths.path_report(planned, check_mode=True)["failed"] is False
    assert paths.path_report({**planned, "stopped": "no file"}, check_mode=True)["failed"] is True


def test_residue_is_shown():
    assert "2 pods of this run" in paths.path_table(paths.path_report({**HEALTHY, "residue": 2}))[-1]


@pytest.mark.parametrize("name", ["path_table", "path_json", "path_junit", "path_markdown", "path_html"])
def test_wrong_input_is_an_error_of_the_filter(name):
    with pytest.raises(AnsibleFilterError, match=f"{name} needs what path_report returned"):
        getattr(paths, name)({"x": 1})
    with pytest.raises(AnsibleFilterError):
        paths.path_report(["x"])


def test_what_another_version_wrote_is_an_error_that_says_so():
    built = paths.path_report(HEALTHY)
    for name in ("path_table", "path_json", "path_junit", "path_markdown", "path_html"):
        with pytest.raises(AnsibleFilterError, match=f"{name} knows schema_version 2, and this has 1"):
            getattr(paths, name)({**built, "schema_version": 1})
    with pytest.raises(AnsibleFilterError, match="path_report knows schema_version 2, and this has 1"):
        paths.path_report({**HEALTHY, "schema_version": 1})
    with pytest.raises(AnsibleFilterError, match="path_report was given a report"):
        paths.path_report(built)


@pytest.mark.parametrize(("columns", "expected"), [("70", 70), ("", 120), ("wide", 120), ("0", 120)])
def test_a_line_is_as_wide_as_columns_says_if_it_says_it(monkeypatch, columns, expected):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(terminal.color, "ANSIBLE_COLOR", False)
    monkeypatch.setattr(terminal.Display(), "columns", 79)
    assert terminal.width() == expected


def test_a_line_is_as_wide_as_the_terminal_without_colours_too(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(terminal.color, "ANSIBLE_COLOR", False)
    monkeypatch.setattr(terminal.Display(), "columns", 199)
    assert terminal.width() == 199


def test_several_responders_and_notes_are_shown():
    one = samples.result(fault=samples.POLICY)["pairs"][5]
    one["hops"][1] |= {"addresses": ["10.244.2.0", "10.0.2.15"], "notes": ["!H"]}
    assert report_words.seen_text(one) == "10.244.1.1 -> 10.244.2.0|10.0.2.15 !H -> * (to hop 5)"
    loop = samples.result(fault=samples.LOOP)["pairs"][5]
    assert report_words.seen_text(loop) == "10.244.1.1 (to hop 5)"


def test_a_matrix_is_packed_and_unpacked():
    row = report_matrix.pack("ppf" + "p" * 997 + "-i")
    assert row == "2pf997p-i"
    assert report_matrix.unpack(row) == "ppf" + "p" * 997 + "-i"


def test_pairs_left_out_of_a_result_pass_only_where_all_were_looked_at():
    whole = samples.result(10, fault=samples.POLICY)
    failed = {**whole, "pairs": [pair for pair in whole["pairs"] if pair["verdict"] == "fail"]}
    built = report.build(failed)
    assert built["pods"]["matrix"] == report.build(whole)["pods"]["matrix"]
    assert built["pods"]["pairs_left_out"] == {"pass": 91, "fail": 0, "inconclusive": 0}
    part = {**failed, "summary": {**whole["summary"], "pass": 50}}
    assert report_matrix.unpack(report.build(part)["pods"]["matrix"]["rows"]["ipv4"][0]) == "-" * 9 + "f"
    healthy = {**samples.result(10), "pairs": []}
    assert report.build(healthy)["pods"]["matrix"]["rows"]["ipv4"] == ["10p"] * 10


@pytest.mark.parametrize(("lost", "file", "told"), [
    (0, "", "30 more pairs did not pass; they stand in /x/paths.json."),
    (10, "/x/all.json", "30 more pairs did not pass; they stand in /x/all.json."),
    (10, "", "30 more pairs did not pass; 20 of them stand in /x/paths.json; for all of them name a file in "
             "output_path (pod_paths_result_path in the role)."),
])
def test_what_is_not_shown_is_said_to_stand_only_where_it_does(lost, file, told):
    pods = {"summary": {"pass": 0, "fail": 40, "inconclusive": 10}, "output_path": file,
            "pairs_left_out": {"pass": 7, "fail": lost, "inconclusive": 0}}
    assert report_words.left_out_text(range(20), pods, "/x/paths.json") == told


def test_the_hosts_own_paths_are_bounded_and_what_failed_or_leads_outside_is_kept():
    hosts = samples.node_results(110)
    last = hosts["node-109"]["paths"]
    last[-1] = {**last[-1], "verdict": "fail", "reason": "It is gone."}
    layer = report.build(HEALTHY, hosts)["nodes"]
    assert len(layer["paths"]) == report.MAX_PAIRS
    assert layer["summary"] == {"pass": 110 * 111 - 1, "fail": 1, "inconclusive": 0}
    assert layer["paths_left_out"] == {"pass": 110 * 111 - report.MAX_PAIRS, "fail": 0, "inconclusive": 0}
    kept = [path["reason"] if path["verdict"] == "fail" else path["kind"] for path in layer["paths"]]
    assert [kept.count(what) for what in ("It is gone.", "internet", "resolver")] == [1, 110, 110]
    assert layer["hosts"][-1]["summary"] == {"pass": 110, "fail": 1, "inconclusive": 0}


def test_failed_paths_that_are_left_out_are_counted_all_the_same():
    hosts = samples.node_results(110)
    for one in hosts.values():
        one["paths"] = [{**path, "verdict": "fail"} for path in one["paths"]]
    built = report.build(HEALTHY, hosts)
    headline = "All 9 pod pairs take the expected path, but 12,210 of 12,210 node paths do not pass"
    assert headline in paths.path_markdown(built)
    assert "- and 12,180 more\n" in paths.path_markdown(built)
    assert "And 12,209 more." in paths.path_html(built)


def test_a_thousand_nodes_are_bounded_and_what_failed_is_kept():
    document = samples.sparse(1000, 19, fault=samples.POLICY)
    begin = time.monotonic()
    built = report.build(document)
    assert len(built["pods"]["pairs"]) == report.MAX_PAIRS
    assert built["pods"]["pairs_left_out"]["fail"] == 0
    assert built["pods"]["pairs_left_out"]["pass"] == len(document["pairs"]) - report.MAX_PAIRS
    assert len(paths.path_table(built)) < 120
    assert time.monotonic() - begin < 20
