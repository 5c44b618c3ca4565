# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each file format, read by software of others: jsonschema, junitparser, markdown-it, html5lib."""

from __future__ import annotations

import base64
import gzip
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import html5lib
import jsonschema
import junitparser
import markdown_it
import pytest
import report_samples as samples
import role_templates
from fake_run import Objects, Probes
from path_samples import cluster, node

from ansible_collections.podpath.kubeadm.plugins.filter import paths
from ansible_collections.podpath.kubeadm.plugins.module_utils import (
    plan,
    prober,
    proof,
    report,
    report_junit,
    report_markdown,
    report_matrix,
    report_view,
)
from ansible_collections.podpath.kubeadm.plugins.plugin_utils import report_html

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text())
EVIL = "</script><img src=x onerror=alert(1)>\u2028`|*_\"'&]]>\x07"
STOPPED = {"failed": True, "msg": "no kubernetes library"}


def evil() -> dict:
    """A broken cluster in which every text is hostile that a cluster can choose."""
    def spoil(value):
        if isinstance(value, dict):
            return {name: spoil(item) for name, item in value.items()}
        if isinstance(value, list):
            return [spoil(item) for item in value]
        return value + EVIL if isinstance(value, str) and (value.startswith("node-") or " " in value) else value

    return spoil(samples.result(fault=samples.UDP_BLOCKED))


CASES = {
    "healthy": paths.path_report(samples.result(), samples.node_results()),
    "one node": paths.path_report(samples.result(1), {}),
    "ten nodes": paths.path_report(samples.result(10, "host-gw", samples.WRONG_CARD)),
    "a sample of 200 nodes": paths.path_report(samples.sparse(200, 5, fault=samples.POLICY)),
    "stopped": paths.path_report(STOPPED),
    "hostile": paths.path_report(evil(), fail_on="fail"),
    "a hundred hosts": paths.path_report(samples.sparse(110, 5), samples.node_results(110)),
    **{fault: paths.path_report(samples.result(fault=fault), samples.node_results()) for fault in samples.FAULTS},
}
every = pytest.mark.parametrize("built", CASES.values(), ids=CASES)


@every
def test_json_is_what_its_schema_says(built):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    document = json.loads(paths.path_json(built))
    assert document == built
    jsonschema.validate(document, SCHEMA, jsonschema.Draft202012Validator)


def proved(monkeypatch, nodes, **asked) -> dict:
    """The module's own result for these Node objects, with probes that see what they should."""
    monkeypatch.setattr(prober, "run", Probes(nodes))
    request = proof.Request(cluster_networks=("192.168.56.0/24",), **asked)
    return proof.execute(proof.Proof(Objects(nodes), request, "abc", seed=1))[1]


UNDERLAY = {
    "node-1": {
        "interface": "eth1",
        "mtus": {"eth1": 1400, "flannel.1": 1450},
        "routes": [
            {"dst": "192.168.56.10", "dev": "eth1", "prefsrc": "192.168.56.11"},
            {"dst": "192.168.56.12", "error": "RTNETLINK answers: Network is unreachable"},
        ],
    }
}


def test_the_underlay_of_hosts_is_as_the_schema_says(monkeypatch):
    built = paths.path_report(proved(monkeypatch, cluster("vxlan"), underlay=UNDERLAY))
    jsonschema.validate(json.loads(paths.path_json(built)), SCHEMA, jsonschema.Draft202012Validator)
    told = {
        (pair["source"]["node"], pair["destination"]["node"]): (pair["rule"], pair["evidence"]["underlay"])
        for pair in built["pods"]["pairs"]
    }
    rule, small = told[("node-1", "controlplane")]
    assert (rule, small["mtu"], small["needed_mtu"]) == ("underlay-mtu", 1400, 1500)
    rule, gone = told[("node-1", "node-2")]
    assert (rule, gone["interface"]) == ("underlay-missing", "")
    assert "unreachable" in gone["problem"]
    known = set(SCHEMA["$defs"]["evidence"]["properties"]["underlay"]["properties"])
    assert known == set(small), "the schema names all that is told"


def test_flannels_address_of_each_family_is_told(monkeypatch):
    wrong = {"flannel.alpha.coreos.com/public-ipv6": "fd00:99::1"}
    nodes = [node(0, "vxlan", dual=True), node(1, "vxlan", dual=True, annotations=wrong)]
    built = paths.path_report(proved(monkeypatch, nodes))
    jsonschema.validate(built, SCHEMA, jsonschema.Draft202012Validator)
    told = built["pods"]["nodes"][1]
    assert (told["public_ip"], told["public_ips"]) == ("192.168.56.11", ["192.168.56.11", "fd00:99::1"])
    assert report_view.data(built)["nodes"][1]["public_ips"] == told["public_ips"]
    assert set(told) <= set(SCHEMA["$defs"]["node"]["properties"]), "the schema names all that is told"


@pytest.mark.parametrize("chosen", [True, False])
def test_the_page_marks_an_address_that_is_not_the_nodes_own_unless_somebody_chose_it(monkeypatch, chosen):
    annotations = {"flannel.alpha.coreos.com/public-ip-overwrite": "192.168.56.99"} if chosen else {}
    odd = node(1, "vxlan", public_ip="192.168.56.99", annotations=annotations)
    built = paths.path_report(proved(monkeypatch, [node(0, "vxlan"), odd]))
    jsonschema.validate(built, SCHEMA, jsonschema.Draft202012Validator)
    assert built["pods"]["nodes"][1]["overwritten_ips"] == ["192.168.56.99"] * chosen
    page = html5lib.parse(paths.path_html(built), namespaceHTMLElements=False)
    (cell,) = [cell for cell in page.iter("td") if cell.text == "192.168.56.99"]
    assert ("bad" in cell.get("class")) == (not chosen)


@pytest.mark.parametrize("nodes", [cluster(), cluster("vxlan", 5), [*cluster("vxlan"), node(3, "vxlan", ready=False)],
                                   [node(0), node(1, None)], []])
def test_results_of_the_module_are_what_the_schema_says(monkeypatch, nodes):
    built = paths.path_report(proved(monkeypatch, nodes))
    jsonschema.validate(built, SCHEMA, jsonschema.Draft202012Validator)
    for name in ("path_table", "path_junit", "path_markdown", "path_html"):
        assert getattr(paths, name)(built)


def test_pairs_that_pass_are_in_the_matrix_though_they_are_not_returned(monkeypatch):
    wanted = plan.Wanted(name="sample", sample_size=30, max_mesh_nodes=2)
    result = proved(monkeypatch, cluster("vxlan", 10), wanted=wanted)
    assert result["pairs"] == []
    built = paths.path_report(result)
    jsonschema.validate(built, SCHEMA, jsonschema.Draft202012Validator)
    letters = "".join(map(report_matrix.unpack, built["pods"]["matrix"]["rows"]["ipv4"]))
    assert letters.count("p") == built["pods"]["summary"]["pass"] == built["pods"]["pairs_left_out"]["pass"] > 0
    assert letters.count("-") == 100 - letters.count("p")


@pytest.mark.parametrize("change", [
    {"verdict": "good"}, {"summary": {"pass": 1}}, {"pods": None}, {"schema_version": 1}, {"message": 1},
])
def test_the_schema_refuses_what_it_does_not_say(change):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**CASES["healthy"], **change}, SCHEMA, jsonschema.Draft202012Validator)


@every
def test_junit_is_read_by_another_reader(built):
    xml = junitparser.JUnitXml.fromstring(paths.path_junit(built).encode())
    cases = [case for suite in xml for case in suite]
    assert xml.tests == len(cases)
    assert xml.failures == sum(1 for case in cases if any(isinstance(r, junitparser.Failure) for r in case.result))
    assert xml.errors == sum(1 for case in cases if any(isinstance(r, junitparser.Error) for r in case.result))
    assert len({(case.classname, case.name) for case in cases}) == len(cases)
    if built["fail_on"] == "inconclusive":
        assert bool(xml.failures + xml.errors) is built["failed"]


def test_junit_has_a_case_per_pair_with_what_was_seen_and_the_cure():
    xml = junitparser.JUnitXml.fromstring(paths.path_junit(CASES[samples.UDP_BLOCKED]).encode())
    cases = {case.name: case for suite in xml for case in suite if suite.name.startswith("pods.")}
    assert len(cases) == 9
    failure = cases["node-1 -> node-2"].result[0]
    assert "nothing came back after hop 1" in failure.message
    assert failure.type == "lost-between-nodes"
    assert "expected: cni0 10.244.1.1 -> flannel.1" in failure.text
    assert "Cure: Open UDP 8472" in failure.text
    assert cases["node-1 -> controlplane"].result == []


def test_junit_says_when_where_and_by_which_version():
    xml = junitparser.JUnitXml.fromstring(paths.path_junit(CASES["healthy"]).encode())
    told = {one.name: one.value for one in next(suite for suite in xml if suite.name == "run").properties()}
    assert told["Cluster"] == "https://192.168.56.10:6443"
    assert told["podpath.kubeadm"] == "0.2.0"
    assert told["Made"] == "2026-11-24 17:30 UTC"


def test_junit_keeps_a_node_whose_name_has_dots_in_one_piece():
    document = json.loads(json.dumps(samples.result()).replace('"node-1"', '"node-1.example.com"'))
    xml = junitparser.JUnitXml.fromstring(paths.path_junit(paths.path_report(document)).encode())
    classes = {case.classname for suite in xml for case in suite}
    assert classes == {"run", "pods.controlplane", "pods.node-1_example_com", "pods.node-2"}


def test_junit_with_too_many_pairs_has_a_case_per_node():
    built = paths.path_report(samples.result(40, fault=samples.POLICY))
    xml = junitparser.JUnitXml.fromstring(paths.path_junit(built).encode())
    cases = {case.name: case for suite in xml for case in suite if suite.name == "pods by node"}
    assert len(built["pods"]["pairs"]) > report_junit.MAX_CASES
    assert len(cases) == 40
    assert "... and 29 more" in cases["node-39"].result[0].text


def test_a_hundred_hosts_are_no_ten_thousand_cases_or_lines():
    hosts = samples.node_results(100)
    hosts["node-99"] = {}
    first = hosts["node-7"]["paths"]
    hosts["node-7"]["paths"] = [{**path, "verdict": "fail", "reason": "It is gone."} for path in first]
    built = paths.path_report(samples.result(), hosts)
    xml = junitparser.JUnitXml.fromstring(paths.path_junit(built).encode())
    cases = {case.name: case for suite in xml for case in suite if suite.name == "nodes"}
    assert set(cases) == set(hosts)
    assert "101 paths: 0 pass, 101 fail" in cases["node-7"].result[0].text
    assert "node-7 -> internet: It is gone." in cases["node-7"].result[0].text
    assert "... and 91 more" in cases["node-7"].result[0].text
    assert cases["node-99"].result[0].message == "node-99 -> all: Nothing came from host node-99."
    assert (xml.failures, xml.errors, xml.tests) == (1, 1, 100 + 14)
    text = paths.path_json(built)
    assert json.loads(text) == built
    assert len(text.splitlines()) < 14_000
    assert sum(1 for line in text.splitlines() if line.startswith('{"source"')) == len(built["nodes"]["paths"]) + 9


def test_junit_of_nothing_is_no_success():
    xml = junitparser.JUnitXml.fromstring(paths.path_junit(CASES["stopped"]).encode())
    assert (xml.tests, xml.failures) == (1, 1)
    assert "no kubernetes library" in paths.path_junit(CASES["stopped"])


def test_junit_skips_what_is_inconclusive_where_only_fail_fails():
    built = paths.path_report(samples.result(fault=samples.NOT_READY), fail_on="fail")
    xml = junitparser.JUnitXml.fromstring(paths.path_junit(built).encode())
    assert (xml.failures, xml.errors) == (0, 0)
    assert sum(suite.skipped for suite in xml) == 4


@pytest.mark.parametrize("fail_on", ["inconclusive", "fail"])
def test_junit_fails_where_the_run_does_if_services_lead_nowhere(fail_on):
    dead = [{**one, "connected": False, "problem": "timed out"} for one in samples.result()["services"]]
    built = paths.path_report(samples.result(verdict="inconclusive", services=dead), fail_on=fail_on)
    xml = junitparser.JUnitXml.fromstring(paths.path_junit(built).encode())
    assert bool(xml.failures + xml.errors) is built["failed"] is (fail_on == "inconclusive")
    assert sum(suite.skipped for suite in xml) == (3 if fail_on == "fail" else 0)


@pytest.mark.parametrize("blind", [1, 3])
def test_services_that_were_not_observed_are_told_so_and_fail_nothing(blind):
    why = "Image X has no wget."
    services = samples.result()["services"]
    seen = [{**one, "connected": False, "observed": False, "why": why, "served_by": ""} for one in services[:blind]]
    seen += [{**one, "observed": True, "why": ""} for one in services[blind:]]
    built = paths.path_report(samples.result(services=seen))
    jsonschema.validate(built, SCHEMA, jsonschema.Draft202012Validator)
    xml = junitparser.JUnitXml.fromstring(paths.path_junit(built).encode())
    assert (built["failed"], xml.failures, xml.errors) == (False, 0, 0)
    assert sum(suite.skipped for suite in xml) == blind
    assert f"Not observed: {why}" in paths.path_junit(built)
    for text in ("\n".join(paths.path_table(built)), paths.path_markdown(built), paths.path_html(built)):
        assert "not observed from" in text
        assert why in text
        assert ("reached by TCP from 2 nodes" in text) == (blind == 1)
        assert "not reached" not in text
    page = html5lib.parse(paths.path_html(built), namespaceHTMLElements=False)
    (line,) = [item for item in page.iter("li") if "not observed from" in "".join(item.itertext())]
    assert not line.findall("span"), "neither a pass nor a fail"


@pytest.mark.parametrize("fail_on", ["inconclusive", "fail", "never"])
@pytest.mark.parametrize("document", [
    # lost packets that no pair shows, but all of them together
    samples.result(verdict="inconclusive"),
    # not one prober could start
    samples.result(1, fault=samples.NOT_READY),
    samples.result(40, fault=samples.POLICY),
])
def test_junit_fails_where_the_run_does_whatever_it_is_to_fail_on(document, fail_on):
    built = paths.path_report(document, fail_on=fail_on)
    xml = junitparser.JUnitXml.fromstring(paths.path_junit(built).encode())
    assert bool(xml.failures + xml.errors) is bool(built["failed"] or built["summary"]["fail"])
    if built["failed"] and not built["summary"]["fail"]:
        (case,) = [case for suite in xml for case in suite if case.name == "the paths are proved"] or [None]
        assert case is None or case.result[0].message == built["message"]


@every
def test_markdown_has_the_verdict_and_no_html_of_the_cluster(built):
    # as GitHub reads it: with tables
    html = markdown_it.MarkdownIt("commonmark").enable("table").render(paths.path_markdown(built))
    assert html.startswith("<h2>")
    tags = set(re.findall(r"<(\w+)", html))
    assert tags <= {"h2", "h3", "ul", "li", "p", "code", "strong", "table", "thead", "tbody", "tr", "th", "td"}
    table = html.partition("<h3>Pairs that did not pass")[2]
    for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)[:5]:
        assert row.count("<td") in (0, 5)


@every
def test_html_is_parsed_without_an_error(built):
    page = paths.path_html(built)
    document = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    scripts = document.findall(".//script")
    assert len(scripts) == 2
    assert document.findall(".//img") == []
    assert not re.search(r"""\b(?:src|href)=["'](?!#|data:,)""", page)
    data = scripts[0].text
    if scripts[0].get("data-packed") == "yes":
        data = gzip.decompress(base64.b64decode(data)).decode()
    assert json.loads(data)["rows"] == built["pods"]["matrix"]["rows"]


def test_nothing_of_the_cluster_can_end_the_data_block():
    block, packed = report_html.data_block({"name": EVIL})
    assert not packed
    assert not re.search("[<>&\u2028\u2029]", block)
    assert json.loads(block) == {"name": EVIL}


def test_html_lists_the_first_that_failed_and_the_others_on_demand():
    page = html5lib.parse(paths.path_html(paths.path_report(samples.result(40, fault=samples.POLICY))),
                          namespaceHTMLElements=False)
    assert len(page.findall(".//table[@id='failing']/tbody/tr")) == 20
    assert len(page.findall(".//details//table[@id='failing-more']/tbody/tr")) == 19


def test_html_names_the_file_that_holds_what_it_left_out():
    built = paths.path_report(samples.result(110, fault=samples.UDP_BLOCKED))
    assert "18 more pairs did not pass; they stand in /x/paths.json." in paths.path_html(built, where="/x/paths.json")


def test_html_lists_no_finding_of_each_of_a_thousand_nodes():
    one = {"rule": "x", "severity": "fail", "scope": "cross", "nodes": ["a"], "message": "It is wrong.", "cure": "Do."}
    page = paths.path_html(paths.path_report(samples.result(preflight=[one] * 1200)))
    assert page.count("It is wrong.") == 50
    assert "and 1,150 more findings" in page


def test_html_says_when_where_and_by_which_version():
    page = paths.path_html(CASES[samples.UDP_BLOCKED])
    for text in ("2026-11-24 17:30 UTC", "https://192.168.56.10:6443", "0.2.0", "4 fail of 9 pod pairs"):
        assert text in page
    # what is broken stands before the map
    assert page.index("Open UDP 8472") < page.index('id="map"') < page.index("Pairs that did not pass</h2>")


def test_a_report_with_nothing_says_so_in_each_format():
    built = CASES["stopped"]
    for name in ("path_json", "path_junit", "path_markdown", "path_html"):
        assert "No pair of pods was looked at, so nothing is proved." in getattr(paths, name)(built), name
    assert "No pair of pods was looked at" in "\n".join(paths.path_table(built))


def bad_way() -> dict:
    """Node paths of which one fails."""
    ways = samples.node_results()
    first, *rest = ways["node-1"]["paths"]
    first = {**first, "verdict": "fail", "reason": "The default route is by eth1."}
    return {**ways, "node-1": {**ways["node-1"], "paths": [first, *rest]}}


@pytest.mark.parametrize(("more", "ways", "mark", "but", "why"), [
    ({}, bad_way(), "✗", "1 of 12 node paths do not pass", "node-1 -> internet: The default route is by eth1."),
    ({"residue": 4}, None, "✗", "the run did not end well", "4 pods of this run may still be there."),
    ({"stopped": "No room for all.json."}, None, "✗", "the run did not end well", "No room for all.json."),
    ({"verdict": "inconclusive", "msg": "Services lead nowhere."}, None, "?", "the run is inconclusive",
     "Services lead nowhere."),
])
def test_pairs_that_all_pass_hide_nothing_that_does_not(more, ways, mark, but, why):
    built = paths.path_report(samples.result(**more), ways)
    assert built["failed"]
    said = f"All 9 pod pairs take the expected path, but {but}"
    first, _empty, second, *_rest = paths.path_markdown(built).splitlines()
    html = markdown_it.MarkdownIt("commonmark").renderInline(second)
    assert (first, why.replace(">", "&gt;") in html) == (f"## {mark} {said}", True)
    page = html5lib.parse(paths.path_html(built), namespaceHTMLElements=False)
    assert "".join(page.find(".//h1").itertext()) == f"{mark}{said}"
    assert why in "".join(page.find(".//section").itertext())


def test_markdown_tells_what_was_found_before_any_packet():
    assert "Give Flannel the interface of the cluster network." in paths.path_markdown(CASES[samples.LOOP])


def tables(built: dict) -> list[list[list[str]]]:
    """The cells of each table in the Markdown of a report, by row."""
    html = markdown_it.MarkdownIt("commonmark").enable("table").render(paths.path_markdown(built))
    return [[["".join(cell.itertext()) for cell in row.iter() if cell.tag in ("td", "th")] for row in table.iter("tr")]
            for table in html5lib.parse(html, namespaceHTMLElements=False).iter("table")]


def test_markdown_has_a_matrix_of_each_family():
    four, six = tables(paths.path_report(samples.dual(fault=samples.POLICY)))[:2]
    assert four == [["ipv4: from, to", "controlplane", "node-1", "node-2"],
                    *([name, "✓", "✓", "✓"] for name in ("controlplane", "node-1", "node-2"))]
    assert [row[1:] for row in six[1:]] == [["✓", "✓", "✗"], ["✓", "✓", "✗"], ["✓", "✓", "✓"]]


def test_markdown_of_many_nodes_counts_by_node_worst_first():
    built = paths.path_report(samples.result(40, fault=samples.POLICY))
    counts = tables(built)[0]
    assert counts[1:] == [["node-39", "40", "0", "0", "1", "39", "0", "fail"]]
    told = "39 of 40 nodes pass, 39 of them but for paths with a node where the fault lies."
    assert told in paths.path_markdown(built)
    built["pods"]["nodes"] = [{**node, "verdict": "fail"} for node in built["pods"]["nodes"]]
    counts = tables(built)[0]
    assert len(counts) == 1 + 30
    assert counts[2] == ["controlplane", "39", "1", "0", "40", "0", "0", "fail"]
    assert "and 10 more nodes that do not pass" in paths.path_markdown(built)
    assert "All paths of all 20 nodes" in paths.path_markdown(paths.path_report(samples.result(20)))


@pytest.mark.parametrize(("text", "shown"), [
    ("Hop 2 is fd00:a::1, expected fd00:100:b::.", "Hop 2 is `fd00:a::1`, expected `fd00:100:b::`."),
    ("https://[fd00::1]:6443 ::ffff:10.0.0.1", "https://\\[`fd00::1`\\]:6443 `::ffff:10.0.0.1`"),
    ("made at 2026-11-24T17:30:00Z: a|b", "made at 2026-11-24T17:30:00Z: a\\|b"),
    ("node:tada: :+1: :100: :non-potable_water:", "node`:tada:` `:+1:` `:100:` `:non-potable_water:`"),
    ("10.0.0.1:100:1234: :8ball::piñata:", "10.0.0.1`:100:`1234: `:8ball::piñata:`"),
    ("192.168.56.10:6443: refused", "192.168.56.10:6443: refused"),
])
def test_markdown_has_as_code_what_may_name_an_emoji(text, shown):
    assert report_markdown.escaped(text) == shown


@pytest.mark.parametrize(("held", "text"), [
    # what else could explain the silence is no finding there
    (True, "must not be reached: it was not.</li>"),
    (False, "must not be reached: it was, so no pair can pass. A filter on node-1, or the pod is gone.</li>"),
])
def test_a_page_says_why_of_a_control_that_did_not_hold(held, text):
    document = samples.result()
    document["control"][0] |= {"held": held, "reason": "A filter on node-1, or the pod is gone."}
    assert text in paths.path_html(paths.path_report(document))


def test_a_diagnosis_of_each_node_buries_nothing():
    document = samples.result(fault=samples.UDP_BLOCKED)
    document["diagnosis"] = [{**document["diagnosis"][0], "title": f"Node {number} is broken."} for number in range(90)]
    built = paths.path_report(document)
    page = html5lib.parse(paths.path_html(built), namespaceHTMLElements=False)
    assert len(page.findall(".//article")) == 5
    assert "85 more, after the likeliest" in paths.path_html(built)
    assert "<li>and 35 more</li>" in paths.path_html(built)
    assert "87 more diagnoses are less likely." in paths.path_markdown(built)
    assert "87 more are less likely" in paths.path_table(built)


def test_what_is_cut_says_so():
    dead = [{"source": f"n{number}", "address": "10.96.1.1", "port": 80, "connected": False, "served_by": "",
             "problem": "timed out"} for number in range(50)]
    slower = [{"source": "a", "destination": f"n{number}", "before_ms": 1, "now_ms": 9} for number in range(50)]
    skipped = [{"node": f"n{number}", "reason": "cordoned"} for number in range(60)]
    document = samples.result(services=dead, changes={"slower": slower})
    document["coverage"]["skipped"] = skipped
    ways = {f"n{number}": {} for number in range(300)}
    built = paths.path_report(document, ways)
    for text in ("\n".join(paths.path_table(built)), paths.path_markdown(built), paths.path_html(built)):
        assert "... and from 30 more nodes" in text
        assert "... and 40 more: is slower" in text
    assert "- and 270 more" in paths.path_markdown(built)
    assert "100 more are not shown." in paths.path_html(built)
    assert "<li>and 10 more</li>" in paths.path_html(built)


def test_many_pairs_stand_one_on_each_line():
    built = paths.path_report(samples.result(20))
    text = paths.path_json(built)
    assert json.loads(text) == built
    assert sum(1 for line in text.splitlines() if line.startswith('{"source"')) == 400


@pytest.mark.parametrize(("path", "told"), [
    ("artifacts/x.json", "is no absolute path"),
    ("{tmp}", "is a directory"),
    ("{tmp}/file/x.json", "is no directory"),
    ("{tmp}/new/deep/x.json", ""),
    ("{tmp}/file", ""),
    ("", ""),
])
def test_files_that_cannot_be_written_are_refused(tmp_path, path, told):
    (tmp_path / "file").write_text("x")
    found = paths.path_output_problems({"pod_paths_output": path.format(tmp=tmp_path)})
    assert bool(found) is bool(told)
    if told:
        assert found[0].startswith("pod_paths_output is ")
        assert told in found[0]


def test_a_file_below_home_is_written_there_and_not_beside_a_directory_called_tilde(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    role = role_templates.Role("pod_paths", pod_paths_output_html="~/paths.html", pod_paths_output="~/all/paths.json")
    assert role.render("{{ __pod_paths_outputs }}") == [
        {"format": "html", "path": f"{tmp_path}/paths.html"}, {"format": "json", "path": f"{tmp_path}/all/paths.json"}]
    assert paths.path_output_problems(role.render("{{ __pod_paths_output_paths }}")) == []
    same = {"pod_paths_output": "~/x", "pod_paths_output_html": f"{tmp_path}/x"}
    assert ["are both" in told for told in paths.path_output_problems(same)] == [True]
    (told,) = paths.path_output_problems({"pod_paths_output": "~nobody-of-this-name/x"})
    assert "is no absolute path" in told


def test_two_reports_in_one_file_are_refused(tmp_path):
    same = str(tmp_path / "x")
    assert "are both" in paths.path_output_problems({"pod_paths_output": same, "pod_paths_output_html": same})[0]
    other = f"{tmp_path}/./x"
    assert "are both" in paths.path_output_problems({"pod_paths_output": same, "pod_paths_output_html": other})[0]
    # the module's own file, which would be lost
    only = {"pod_paths_output_html": "", "pod_paths_result_path": other}
    role = role_templates.Role("pod_paths", pod_paths_output=same, **only)
    (told,) = paths.path_output_problems(role.render("{{ __pod_paths_output_paths }}"))
    assert "pod_paths_result_path and pod_paths_output are both" in told


def test_control_characters_do_not_break_xml():
    built = paths.path_report({**STOPPED, "msg": "a\x00\x1b[31mb\ufffe"})
    assert ET.fromstring(paths.path_junit(built)).tag == "testsuites"
    assert report.empty_reason(built["pods"]).endswith("b\ufffe")
