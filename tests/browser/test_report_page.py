# Copyright: (c) 2026, the podpath.kubeadm authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person does with the page of a report. Each test also fails on a complaint of the console or a request."""

from __future__ import annotations

import socket
import time

import playwright.sync_api as playwright
import pytest
import report_samples as samples
from axe_playwright_python.sync_playwright import Axe

ENDS = samples.node_results()


def stops(one, line: str) -> int:
    """How many interfaces a line on the map touches; 0 where it is not drawn."""
    found = one.page.locator(f"#map .{line}")
    return int(found.get_attribute("data-stops")) if found.count() else 0


def test_a_chosen_pair_is_drawn_along_its_interfaces(opened):
    one = opened(samples.result(), ENDS)
    one.choose(2, 1)
    assert "node-2 → node-1: Every hop is the expected one" in one.told()
    # pod, cni0, flannel.1, eth1, eth1, flannel.1, cni0, pod
    assert (stops(one, "m-expected"), stops(one, "m-seen")) == (8, 8)
    assert one.page.locator("#map .m-hop").count() == 3
    text = one.page.locator("#map").inner_text()
    for name in ("cni0", "flannel.1", "eth1", "eth0", "10.244.1.0", "192.168.56.11"):
        assert name in text
    assert one.page.locator("#hops tbody tr").count() == 3
    assert "connected" in one.page.locator("#evidence").inner_text()
    one.choose(1, 1)
    assert (stops(one, "m-expected"), stops(one, "m-seen")) == (3, 3)
    one.page.locator("#swap").click()
    assert "node-1 → node-1" in one.told()


@pytest.mark.parametrize(("changes", "text"), [
    ({}, "by eth1 from 192.168.56.10, MTU 1500"),
    ({"interface": "eth2"}, "by eth2, not by eth1"),
    ({"mtu": 1400}, "MTU 1400, but Flannel's packets take 1500"),
    ({"interface": "", "problem": "Network is unreachable"}, "no route to the other node: Network is unreachable"),
])
def test_the_underlay_is_marked_by_what_the_host_told(opened, changes, text):
    document = samples.result()
    told = next(pair for pair in document["pairs"] if pair["destination"]["node"] == "node-2")
    told["evidence"]["underlay"] |= changes
    one = opened(document, ENDS)
    one.choose(0, 2)
    line = one.page.locator("#evidence > div").filter(has_text="Underlay")
    assert text in line.inner_text()
    assert line.locator(".sign").inner_text() == ("✕" if changes else "✓")


@pytest.mark.parametrize("retraced", [True, False])
def test_a_second_trace_is_told(opened, retraced):
    document = samples.result()
    next(pair for pair in document["pairs"] if pair["destination"]["node"] == "node-2")["retraced"] = retraced
    one = opened(document, ENDS)
    one.choose(0, 2)
    assert ("made a second time" in one.page.locator("#evidence").inner_text()) is retraced


def test_a_screen_reader_hears_what_is_right_and_what_is_not(opened):
    document = samples.result(fault=samples.WRONG_CARD)
    told = next(pair for pair in document["pairs"] if pair["verdict"] == "fail")
    told["evidence"]["arrival"] = {"observed": False, "why": "The peer recorded no packet of this pair."}
    told["evidence"]["tcp"] |= {"connected": False, "problem": "timed out after 2 s"}
    told["expected"]["hops"][0] = {"role": "silent", "addresses": []}
    told["hops"][0] |= {"addresses": [], "received": 0, "rtt_ms": {}}
    one = opened(document, ENDS)
    one.choose(0, 2)
    evidence, hops = (one.page.locator(part).aria_snapshot() for part in ("#evidence", "#hops tbody"))
    for line in ("as expected: 3 of 3 answered", "not observed: The peer recorded no packet of this pair.",
                 "not as expected: timed out after 2 s"):
        assert f'- definition: "{line}' in evidence
    for cell in ("as expected: *", "not as expected: 10.0.2.15", "as expected: 10.244.2.9"):
        assert f'cell "{cell}"' in hops
    assert not set("✓✕\N{EN DASH}") & set(evidence + hops)
    parts = "(all) => all.map((one) => [...one.children].map((part) => part.tagName).join(' '))"
    assert one.page.locator("#evidence > div").evaluate_all(parts) == ["DT DD"] * 5


def test_with_host_gw_the_second_hop_is_the_other_nodes_card(opened):
    one = opened(samples.result(backend="host-gw"), ENDS)
    one.choose(0, 1)
    # pod, cni0, eth1, eth1, cni0, pod
    assert (stops(one, "m-expected"), stops(one, "m-seen")) == (6, 6)
    assert "flannel.1" not in one.page.locator("#map").inner_text()


@pytest.mark.parametrize(("fault", "pair", "seen", "drawn", "text"), [
    (samples.UDP_BLOCKED, (0, 2), 2, ".m-lost", "lost before hop 2"),
    (samples.POLICY, (0, 2), 6, ".m-lost", "lost before hop 3"),
    (samples.WRONG_CARD, (1, 2), 2, ".m-hop-bad", "node-2 as 10.0.2.15"),
    (samples.LOOP, (0, 2), 2, ".m-hop-bad", "2+"),
    (samples.MTU_HOLE, (2, 0), 8, ".m-lost", "1450 bytes are lost"),
    (samples.NOT_READY, (0, 2), 0, ".m-hop-missing", ""),
])
def test_a_fault_is_drawn_where_it_was_seen(opened, fault, pair, seen, drawn, text):
    one = opened(samples.result(fault=fault), ENDS)
    one.choose(*pair)
    assert (stops(one, "m-expected"), stops(one, "m-seen")) == (8, seen)
    assert one.page.locator(f"#map {drawn}").count() > 0
    assert text in one.page.locator("#map").inner_text()


BOXES = "(all) => all.map((one) => one.getBoundingClientRect().toJSON())"
# where the last of the drawn lines ends, on the screen
LINE_END = """(all) => {
  const line = all[all.length - 1], end = line.getPointAtLength(line.getTotalLength());
  const { x, y } = end.matrixTransform(line.getScreenCTM());
  return { x, y };
}"""


def stray(rule: str, address: str, public_ip: str = "") -> dict:
    """Pairs to node-2 in which another address answers at hop 2, and then the pod."""
    document = samples.result(fault=samples.WRONG_CARD)
    for pair in document["pairs"]:
        if pair["verdict"] == "fail":
            pair["rule"] = rule
            pair["hops"][1]["addresses"] = [address]
    document["nodes"][2] |= {"public_ip": public_ip or None, "public_ips": [public_ip] if public_ip else []}
    return document


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize(("document", "on_node", "text"), [
    (stray("wrong-way-back", "10.0.2.15"), True, "node-2 as 10.0.2.15"),
    (stray("strange-hop", "203.0.113.9", "203.0.113.9"), True, "node-2 as 203.0.113.9"),
    (stray("strange-hop", "203.0.113.9"), False, "known addresses"),
], ids=["by-verdict", "by-public-ip", "unknown"])
def test_an_answer_of_another_address_stands_at_its_node_and_the_line_goes_on(opened, width, document, on_node, text):
    one = opened(document, ENDS, width=width, motion="reduce")
    one.choose(0, 2)
    assert text in one.page.locator("#map").inner_text()
    assert one.page.locator("#map .m-unknown").count() == (0 if on_node else 1)
    number, node, pod = (one.page.locator(f"#map {name}").evaluate_all(BOXES)[-1]
                         for name in (".m-hop-bad", ".m-node", ".m-pod.end"))
    assert (node["left"] < number["left"] < node["right"]) == on_node
    # the pod answered, so the line does not end before it
    end = one.page.locator("#map .m-wrong").evaluate_all(LINE_END)
    assert pod["left"] < end["x"] < pod["right"]
    assert pod["bottom"] <= end["y"] < pod["bottom"] + 10


def test_an_address_of_a_node_that_is_not_drawn_is_told_by_its_name(opened):
    document = samples.result(10, fault=samples.WRONG_CARD)
    for pair in document["pairs"]:
        if pair["verdict"] == "fail":
            pair["hops"][1]["addresses"] = [samples.node_address(4)]
    one = opened(document, samples.node_results(10))
    one.choose(0, 9)
    assert "an address of\nnode-4" in one.page.locator("#map").inner_text()


def test_what_is_broken_is_seen_first_and_the_first_bad_path_is_drawn(opened):
    one = opened(samples.result(fault=samples.UDP_BLOCKED), ENDS)
    assert one.page.locator("h1").inner_text().endswith("4 fail of 9 pod pairs")
    assert "controlplane → node-2" in one.told()
    cure, drawn = one.page.locator(".cure").bounding_box(), one.page.locator("#map").bounding_box()
    assert cure["y"] + cure["height"] < min(900, drawn["y"])
    for expected in ("node-1 → node-2", "node-2 → controlplane", "node-2 → node-1", "controlplane → node-2"):
        one.page.locator("#next").click()
        assert expected in one.told()
    one.page.get_by_role("button", name="Show the path from node-2 to node-1").click()
    assert "node-2 → node-1" in one.told()


def test_what_is_broken_in_the_other_family_is_counted_and_reached(opened):
    one = opened(samples.dual(fault=samples.UDP_BLOCKED, ipv4=samples.POLICY), ENDS)
    assert one.page.locator("#family option").all_inner_texts() == ["ipv4, 2 did not pass", "ipv6, 4 did not pass"]
    family = one.page.locator("#family")
    seen = set()
    for _ in range(6):
        one.page.locator("#next").click()
        assert f", {family.input_value()}:" in one.page.locator("#grid caption").inner_text()
        seen.add((family.input_value(), one.told()))
    assert sorted(name for name, _told in seen) == ["ipv4"] * 2 + ["ipv6"] * 4


def test_a_family_without_faults_leads_on_to_the_one_with_them(opened):
    one = opened(samples.dual(10, fault=samples.UDP_BLOCKED))
    one.page.locator("#only").check()
    one.page.locator("#family").select_option("ipv4")
    assert one.page.locator("#only").is_hidden()
    assert one.page.locator("#grid tbody tr").count() == 10  # nothing to leave out, so all of it
    one.page.locator("#next").click()
    assert one.page.locator("#family").input_value() == "ipv6"
    assert "controlplane → node-9" in one.told()


def test_the_keyboard_reaches_everything(opened):
    one = opened(samples.result(10, fault=samples.POLICY))
    keys = one.page.keyboard
    keys.press("Tab")
    assert one.page.evaluate("document.activeElement.className") == "skip"
    keys.press("Enter")
    assert one.page.evaluate("document.activeElement.id") == "main"
    for _ in range(30):
        keys.press("Tab")
        if one.page.evaluate("document.activeElement.matches('.cells td')"):
            break
    here = "(({s, d}) => `${s} ${d}`)(document.activeElement.dataset)"
    assert one.page.evaluate(here) == "0 9"  # the first that failed
    for key, place in (("ArrowLeft", "0 8"), ("ArrowDown", "1 8"), ("Home", "1 0"), ("Control+End", "9 9"),
                       ("ArrowRight", "9 9"), ("PageUp", "0 9"), ("ArrowUp", "0 9")):
        keys.press(key)
        assert one.page.evaluate(here) == place, key
    keys.press("Enter")
    assert "controlplane → node-9" in one.told()
    # one stop of the tab key for the whole matrix
    keys.press("Tab")
    assert not one.page.evaluate("document.activeElement.matches('.cells td')")


def test_an_address_opens_its_pair(opened):
    one = opened(samples.result(), ENDS)
    one.choose(2, 0)
    again = opened(samples.result(), ENDS, anchor=one.page.evaluate("location.hash"))
    assert "node-2 → controlplane" in again.told()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1440), ("light", 390)])
@pytest.mark.parametrize("make", [
    lambda: samples.result(), lambda: samples.result(fault=samples.UDP_BLOCKED),
    lambda: samples.result(10, fault=samples.NOT_READY), lambda: samples.result(100, fault=samples.POLICY),
    lambda: samples.dual(fault=samples.UDP_BLOCKED, ipv4=samples.POLICY)],
    ids=["healthy", "broken", "ten", "hundred", "dual"])
def test_axe_finds_nothing(opened, scheme, width, make):
    one = opened(make(), ENDS, scheme=scheme, width=width, motion="reduce")
    found = Axe().run(one.page, options={"resultTypes": ["violations"]})
    assert found.response["violations"] == [], found.generate_report()


def test_hostile_names_stay_text(opened):
    evil = '</script><img src=x onerror="document.title=1">'
    document = samples.result(fault=samples.UDP_BLOCKED)
    text = {"node-2": f"node-2{evil}"}

    def rename(value):
        if isinstance(value, dict):
            return {name: rename(item) for name, item in value.items()}
        if isinstance(value, list):
            return [rename(item) for item in value]
        return text.get(value, f"{value}{evil}" if isinstance(value, str) and " " in value else value)

    one = opened(rename(document), ENDS)
    one.choose(0, 2)
    assert f"controlplane → node-2{evil}" in one.told()
    assert one.page.locator("img").count() == 0
    assert one.page.title().startswith("4 fail of 9 pod pairs")
    one.page.get_by_role("button", name="Show the path from controlplane").click()
    assert stops(one, "m-expected") == 8


def test_the_page_may_not_connect_and_runs_no_other_script(opened):
    one = opened(samples.result(), ENDS)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.2)
    refused = one.page.evaluate("""(there) => new Promise((done) => {
      const seen = [];
      document.addEventListener("securitypolicyviolation", (event) => {
        seen.push(event.effectiveDirective);
        if (seen.length === 3) done(seen.sort().join(" "));
      });
      fetch(there).catch(() => {});
      const script = document.createElement("script");
      document.body.append(Object.assign(script, { textContent: "document.title = 'owned'" }));
      document.body.append(Object.assign(document.createElement("img"), { src: `${there}x.png` }));
    })""", f"http://127.0.0.1:{listener.getsockname()[1]}/")
    assert refused == "connect-src img-src script-src-elem"
    assert "owned" not in one.page.title()
    # these three were wanted: the console told of each, and none of them left
    assert all("Content Security Policy" in complaint for complaint in one.complaints)
    one.complaints.clear()
    # Chromium notes a picture before it refuses it, so whoever would be asked is asked whether somebody came
    one.requests[:] = [url for url in one.requests if url.startswith("file:")]
    with listener, pytest.raises(TimeoutError):
        listener.accept()


@pytest.mark.parametrize("width", [360, 768, 1024, 1920])
@pytest.mark.parametrize("size", [3, 10])
def test_no_width_scrolls_sideways(opened, width, size):
    one = opened(samples.result(size, fault=samples.UDP_BLOCKED), samples.node_results(size), width=width)
    assert one.page.evaluate("document.documentElement.scrollWidth") <= width


def inside(inner: dict, outer: dict) -> bool:
    return outer["x"] <= inner["x"] and inner["x"] + inner["width"] <= outer["x"] + outer["width"] + 1


@pytest.mark.parametrize("width", [390, 1200, 1440])
@pytest.mark.parametrize("size", [3, 10, 12])
def test_the_matrix_is_seen_whole(opened, width, size):
    """The last column is not scrolled away: it may be the one that fails."""
    one = opened(samples.result(size, fault=samples.POLICY), width=width)
    last = one.page.locator(f'.cells td[data-s="0"][data-d="{size - 1}"]')
    if width > 600 or size < 12:
        assert inside(last.bounding_box(), one.page.locator("#grid").bounding_box())
    assert last.bounding_box()["width"] >= 18


@pytest.mark.parametrize("width", [390, 1440])
def test_a_number_hides_no_address_and_a_pods_address_is_told_whole(opened, width):
    # a page that still glides to the map would have moved from one box to the next
    one = opened(samples.result(), ENDS, width=width, motion="reduce")
    one.choose(0, 1)
    addresses = one.page.locator("#map .m-ip").evaluate_all(BOXES)
    for number in one.page.locator("#map .m-hop").evaluate_all(BOXES):
        assert not [one for one in addresses if one["left"] < number["right"] and number["left"] < one["right"]
                    and one["top"] + 2 < number["bottom"] and number["top"] + 2 < one["bottom"]]
    told = one.page.locator("#map .m-ip").evaluate_all("(all) => all.map((one) => one.firstChild.data)")
    assert {"10.244.0.8", "10.244.1.9"} <= set(told)


@pytest.mark.parametrize("width", [360, 390, 1440])
def test_a_path_of_ipv6_is_drawn_and_its_long_addresses_stay_in_their_boxes(opened, width):
    one = opened(samples.dual(fault=samples.UDP_BLOCKED), ENDS, width=width, motion="reduce")
    # the family in which something is broken comes first, and its pair is drawn
    assert one.page.locator("#family").input_value() == "ipv6"
    one.choose(0, 1)
    assert "controlplane → node-1: Every hop is the expected one" in one.told()
    assert (stops(one, "m-expected"), stops(one, "m-seen")) == (8, 8)
    whole = one.page.locator("#map .m-ip title").evaluate_all("(all) => all.map((one) => one.textContent)")
    assert {"2001:db8:4f1c:a000:abcd:ef01:2345:1", "2001:db8:a0b1:c2d3:5054:ff:fe56:10"} <= set(whole)
    assert not [address for address in whole if "." in address]
    hops = one.page.locator("#hops tbody tr")
    assert hops.count() == 3
    assert "2001:db8:4f1c:a001:abcd:ef01:2345:9" in hops.last.inner_text()
    texts = one.page.locator("#map .m-ip, #map .m-small, #map .m-name").evaluate_all(BOXES)
    nodes = one.page.locator("#map .m-node").evaluate_all(BOXES)
    for text in texts:
        for node in nodes:
            if node["left"] < text["left"] < node["right"] and text["bottom"] < node["bottom"]:
                assert text["right"] < node["right"]
    for row in hops.all():
        assert row.evaluate("(row) => row.scrollWidth <= row.closest('.scroll').clientWidth")
    assert one.page.evaluate("document.documentElement.scrollWidth") <= width
    one.page.locator("#family").select_option("ipv4")
    one.choose(0, 1)
    whole = one.page.locator("#map .m-ip title").evaluate_all("(all) => all.map((one) => one.textContent)")
    assert "10.244.0.1" in whole
    seen = one.page.locator("#hops tbody td.mono").last
    assert seen.text_content() == "✓as expected: 10.244.1.9"
    lines = """(cell) => {
      const text = document.createRange();
      text.selectNode(cell.lastChild);
      return text.getClientRects().length;
    }"""
    assert seen.evaluate(lines) == 1, "a short address is broken"
    assert not [address for address in whole if ":" in address]


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("pair", [(0, 1), (1, 1)])
def test_the_band_of_a_path_covers_no_text(opened, width, pair):
    one = opened(samples.dual(fault=samples.UDP_BLOCKED), ENDS, width=width, motion="reduce")
    one.choose(*pair)
    covered = """(all) => all.filter((text) => {
      const band = document.querySelector("#map .m-expected"), box = text.getBBox();
      for (let x = box.x; x <= box.x + box.width; x += 1) {
        if (band.isPointInStroke(new DOMPoint(x, box.y + box.height / 2))) return true;
      }
      return false;
    }).map((text) => text.textContent)"""
    texts = one.page.locator("#map .m-ip, #map .m-label, #map .m-name")
    assert texts.count() > 6
    assert texts.evaluate_all(covered) == []


@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_a_long_address_in_the_evidence_breaks_between_its_groups(opened, width):
    one = opened(samples.dual(fault=samples.UDP_BLOCKED), ENDS, width=width, motion="reduce")
    one.choose(0, 1)
    # the last letter of each line but the last, where a line ends within a word
    ends = """(cell) => {
      const found = [], range = document.createRange(), walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
      let text = "", top;
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        for (let at = 0; at < node.length; at += 1) {
          range.setStart(node, at);
          range.setEnd(node, at + 1);
          const box = range.getBoundingClientRect();
          if (box.width && top !== undefined && box.top > top + 4) found.push(text[text.length - 1]);
          if (box.width) top = box.top;
          text += node.data[at];
        }
      }
      return found;
    }"""
    evidence = one.page.locator("#evidence")
    assert "2001:db8:a0b1:c2d3:5054:ff:fe56:10" in evidence.inner_text()
    for cell in evidence.locator("dd:last-child").all():
        assert not set(cell.evaluate(ends)) - {":", " "}
        assert cell.bounding_box()["width"] > 200


@pytest.mark.parametrize(("told", "text"), [
    ({"ttl": 62, "size": 46}, "it saw 10.244.0.8, TTL 62, 46 bytes"),
    ({"ttl": None, "size": None}, "it saw 10.244.0.8, TTL not observed, size not observed"),
    ({"ttl": None, "size": 0}, "it saw 10.244.0.8, TTL not observed, size not observed"),
])
def test_what_the_peer_did_not_record_is_no_size_of_zero(opened, told, text):
    document = samples.result()
    document["pairs"][1]["evidence"]["arrival"] |= told
    one = opened(document, ENDS)
    one.choose(0, 1)
    line = one.page.locator("#evidence > div").filter(has_text="At the peer")
    assert line.locator("dd").text_content() == f"as expected: {text}"


def test_a_phone_shows_what_failed_without_scrolling_sideways(opened):
    one = opened(samples.result(fault=samples.UDP_BLOCKED), ENDS, width=390)
    around = one.page.locator(".scroll:has(> #failing)")
    assert around.evaluate("(box) => box.scrollWidth <= box.clientWidth")
    assert "expected: " in one.page.locator("#failing td[data-label=expected]").first.evaluate(
        "(cell) => getComputedStyle(cell, '::before').content.replace(/[\"]/g, '')")


def test_a_pair_that_was_not_probed_says_so_once(opened):
    one = opened(samples.result(fault=samples.NOT_READY), ENDS)
    one.choose(0, 2)
    assert one.page.locator("#evidence").inner_text().count("NotReady") == 1


LIGHTNESS = """(element) => {
  const [r, g, b] = getComputedStyle(element).backgroundColor.match(/\\d+/g).map((part) => {
    const value = Number(part) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}"""


def test_a_dark_screen_gets_a_dark_page(opened):
    light, dark = ([opened(samples.result(), ENDS, scheme=scheme).page.locator(part).first.evaluate(LIGHTNESS)
                    for part in ("body", "section")] for scheme in ("light", "dark"))
    assert min(light) > 0.8
    assert max(dark) < 0.05


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_who_sees_no_colours_sees_what_fails(opened, scheme):
    """Failing and passing cells differ in lightness, which no colour-blindness takes away; all differ in their sign."""
    failing = opened(samples.result(fault=samples.UDP_BLOCKED), scheme=scheme)
    good, bad = (failing.page.locator(f"#grid td.c-{letter}").first for letter in "pf")
    dark, bright = sorted([good.evaluate(LIGHTNESS), bad.evaluate(LIGHTNESS)])
    assert (bright + 0.05) / (dark + 0.05) >= 2
    assert (good.inner_text(), bad.inner_text()) == ("✓", "✕")
    # what is inconclusive has stripes, which need no colour either
    doubt = opened(samples.result(fault=samples.NOT_READY), scheme=scheme).page.locator("#grid td.c-i").first
    stripes = "(cell) => getComputedStyle(cell).backgroundImage.startsWith('repeating-linear-gradient')"
    assert doubt.inner_text() == "?"
    assert [cell.evaluate(stripes) for cell in (good, bad, doubt)] == [False, False, True]


def test_a_screen_reader_hears_what_was_chosen(opened):
    told = opened(samples.result(), ENDS).page.locator("#verdict")
    assert told.get_attribute("aria-live") == "polite"


def test_motion_is_only_there_for_those_who_want_it(opened):
    moving = "document.getAnimations().length"
    assert opened(samples.result(), ENDS).page.evaluate(moving) > 0
    assert opened(samples.result(), ENDS, motion="reduce").page.evaluate(moving) == 0


def test_paper_shows_all_of_it(opened):
    one = opened(samples.result(fault=samples.POLICY), ENDS)
    one.page.emulate_media(media="print")
    assert not one.page.locator("#next").is_visible()
    assert one.page.locator("#map svg").is_visible()
    assert len(one.page.pdf()) > 10_000


def test_without_scripts_what_failed_still_stands_there(browser, tmp_path):
    from ansible_collections.podpath.kubeadm.plugins.filter import paths

    file = tmp_path / "x.html"
    file.write_text(paths.path_html(paths.path_report(samples.result(fault=samples.UDP_BLOCKED))))
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator("noscript").count() == 1  # Chromium's switch for this test does not show it
    assert page.get_by_text("Open UDP 8472").is_visible()
    assert page.locator("#failing tbody tr").count() == 4
    assert not page.locator("#map").is_visible()
    context.close()


@pytest.mark.parametrize(("script", "torn", "why"), [
    # as Firefox before 113 and Safari before 16.4
    ("delete globalThis.DecompressionStream", "", "This browser has no DecompressionStream"),
    ("", "?", "is not correctly encoded"),
], ids=["cannot-unpack", "torn"])
def test_a_page_whose_data_cannot_be_read_says_so(browser, tmp_path, script, torn, why):
    from ansible_collections.podpath.kubeadm.plugins.filter import paths

    whole = paths.path_html(paths.path_report(samples.result(100, fault=samples.UDP_BLOCKED)))
    file = tmp_path / "x.html"
    assert 'data-packed="yes">' in whole
    file.write_text(whole.replace('data-packed="yes">', f'data-packed="yes">{torn}'))
    context = browser.new_context()
    context.add_init_script(script)
    page = context.new_page()
    page.goto(file.as_uri())
    told = page.get_by_role("alert")
    told.wait_for()
    assert "The map and the matrix cannot be drawn; everything that did not pass stands below" in told.inner_text()
    assert why in told.inner_text()
    for part in ("#map", "#matrix"):
        assert not page.locator(part).is_visible()
    assert page.locator("#failing tbody tr").count() == 20
    # what would draw a path draws none
    assert page.get_by_role("button", name="Show the path from").first.is_disabled()
    context.close()


def test_a_page_that_can_be_read_says_nothing_of_it(opened):
    assert opened(samples.result(100)).page.get_by_role("alert").count() == 0


def test_a_run_that_proved_nothing_says_why(opened):
    one = opened({"failed": True, "msg": "There is no kubeconfig at /x."})
    assert one.page.locator("h1").inner_text().endswith("Nothing is proved")
    assert one.page.get_by_text("There is no kubeconfig at /x.").first.is_visible()


def test_a_hundred_nodes_are_readable(opened):
    one = opened(samples.result(100, fault=samples.UDP_BLOCKED), samples.node_results(100), width=1600)
    cell = one.page.locator('.cells td[data-s="3"][data-d="99"]')
    cell.scroll_into_view_if_needed()
    assert cell.bounding_box()["width"] >= 10
    cell.hover()
    assert one.page.locator("#under").inner_text() == "node-3 → node-99: fail"
    one.choose(3, 99)
    assert "node-3 → node-99" in one.told()
    playwright.expect(one.page.locator("#map")).to_be_in_viewport()
    healthy = opened(samples.result(100), width=1600)
    assert healthy.page.locator("#only").is_hidden()


@pytest.mark.parametrize(("document", "tables"), [
    # one that neither sends nor is reached: its row, and its column
    (samples.result(100, fault=samples.UDP_BLOCKED), [(1, 99), (99, 1)]),
    (samples.result(100, fault=samples.POLICY), [(99, 1)]),
    (samples.sparse(1000, 9, fault=samples.UDP_BLOCKED), [(1, 8), (11, 1)]),
], ids=["dead", "unreached", "thousand"])
def test_rows_and_columns_without_faults_can_be_left_out(opened, document, tables):
    one = opened(document)
    one.page.locator("#only").check()
    found = one.page.locator("#grid .cells").evaluate_all(
        "(all) => all.map((one) => [one.tBodies[0].rows.length, one.tBodies[0].rows[0].cells.length - 1])")
    assert [tuple(size) for size in found] == tables
    assert one.page.locator("#grid td.c-f").count() == document["summary"]["fail"]
    one.page.locator("#grid td.c-f").last.click()
    assert "fail" in one.told()
    one.page.locator("#only").uncheck()
    assert one.page.locator("#grid .cells").count() == 1


def test_a_filtered_matrix_of_many_is_grouped(opened):
    one = opened(samples.result(130, fault=samples.UDP_BLOCKED))
    one.page.locator("#only").check()
    assert one.page.locator("#grid tbody tr").count() == 1 + 43
    one.page.locator("#grid td.c-f").last.click()
    one.page.locator("#part td.c-f").last.click()
    assert "node-128 → node-129" in one.told()


def test_tables_stand_in_line_and_short_names_do_not_break(opened):
    one = opened(samples.sparse(1000, 9, fault=samples.UDP_BLOCKED))
    left = """(cell) => {
      const text = document.createRange();
      text.selectNodeContents(cell);
      return text.getBoundingClientRect().left;
    }"""
    nodes = one.page.locator("section:has(> #h-nodes) table").first
    head, cell = nodes.locator("th", has_text="podCIDR"), nodes.locator("tbody td.mono").first
    assert head.evaluate(left) == pytest.approx(cell.evaluate(left), abs=1)
    lines = """(cell) => {
      const text = document.createRange();
      text.selectNodeContents(cell);
      return text.getClientRects().length;
    }"""
    assert set(one.page.locator("#failing td:first-child").evaluate_all(f"(all) => all.map({lines})")) == {1}


def test_the_names_stay_while_the_cells_move(opened):
    for width, way, name in ((390, "scrollLeft", "tbody th"), (1600, "scrollTop", "thead th")):
        one = opened(samples.result(100), width=width)
        box, kept, gone = (one.page.locator(f"#grid{part}").first for part in ("", f" .cells {name}", " tbody td"))
        moved = box.evaluate("(box, way) => { box[way] = 1e6; return box[way]; }", way)
        assert moved > 200
        box, kept, gone = box.bounding_box(), kept.bounding_box(), gone.bounding_box()
        side, far = ("x", "width") if way == "scrollLeft" else ("y", "height")
        assert box[side] <= kept[side]
        assert kept[side] + kept[far] <= box[side] + box[far]
        assert gone[side] + gone[far] < box[side]


@pytest.mark.parametrize("width", [390, 1280])
def test_the_path_that_failed_is_in_sight_in_a_wide_matrix(opened, width):
    one = opened(samples.result(100, fault=samples.POLICY), width=width)
    chosen = one.page.locator('.cells td[data-s="0"][data-d="99"]')
    assert inside(chosen.bounding_box(), one.page.locator("#grid").bounding_box())
    assert one.page.evaluate("scrollY") == 0
    assert one.page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_loss_is_named_beside_its_cross(opened):
    one = opened(samples.result(fault=samples.POLICY), ENDS)
    one.choose(0, 2)
    cross, note = (one.page.locator(f"#map .{name}").bounding_box() for name in ("m-lost", "m-note"))
    assert abs(note["y"] - cross["y"] - cross["height"]) < 20


def test_a_phone_is_not_buried_under_what_failed(opened):
    one = opened(samples.result(100, fault=samples.UDP_BLOCKED), width=390)
    assert one.page.evaluate("document.documentElement.scrollHeight") < 12_000
    one.page.locator("summary", has_text="178 more").click()
    assert one.page.locator("#failing-more tbody tr").last.is_visible()


def test_a_thousand_nodes_open_group_by_group(opened):
    document = samples.sparse(1000, 9, fault=samples.POLICY)
    begin = time.monotonic()
    one = opened(document)
    assert time.monotonic() - begin < 30
    assert one.page.locator("#grid tbody tr").count() == 50
    bad = one.page.locator("#grid td.c-f").first
    assert "fail" in bad.get_attribute("aria-label")
    bad.click()
    assert one.page.locator("#part tbody tr").count() == 20
    one.page.locator("#part td.c-f").first.click()
    assert "→ node-999: Pod" in one.told()
    one.page.locator("#from").select_option(label="node-1")
    one.page.locator("#to").select_option(label="node-2")
    assert "did not look at this pair" in one.told()


@pytest.mark.parametrize(("name", "make", "width", "scheme"), [
    ("healthy-light", lambda: (samples.result(), ENDS), 1440, "light"),
    ("healthy-dark", lambda: (samples.result(), ENDS), 1440, "dark"),
    ("broken-light", lambda: (samples.result(fault=samples.UDP_BLOCKED), ENDS), 1440, "light"),
    ("broken-phone", lambda: (samples.result(fault=samples.UDP_BLOCKED), ENDS), 390, "dark"),
    ("dual-light", lambda: (samples.dual(fault=samples.UDP_BLOCKED), ENDS), 1440, "light"),
    ("dual-phone", lambda: (samples.dual(fault=samples.UDP_BLOCKED), ENDS), 390, "light"),
    ("wrong-card-wide", lambda: (samples.result(backend="host-gw", fault=samples.WRONG_CARD), ENDS), 1920, "light"),
    ("hundred-light", lambda: (samples.result(100, fault=samples.UDP_BLOCKED), None), 1600, "light"),
    ("thousand-light", lambda: (samples.sparse(1000, 9, fault=samples.POLICY), None), 1440, "light"),
])
def test_screenshots_to_look_at(opened, name, make, width, scheme):
    one = opened(*make(), width=width, height=2400 if width > 1500 else 1100, scheme=scheme, motion="reduce")
    one.shot(name, whole=width < 500)
