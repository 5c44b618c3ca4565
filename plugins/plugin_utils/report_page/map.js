"use strict";
// Draws nodes with their interfaces and, on them, the path of one pair: expected wide, seen on top of it.
const pathMap = (() => {
  const NS = "http://www.w3.org/2000/svg";
  const WIDE = 290, NARROW = 168, GAP = 22, PAD = 16;
  const Y = { top: 14, name: 38, cidr: 55, pod: 68, bridge: 126, overlay: 198, card: 252, outside: 300, bottom: 346, bus: 376, nat: 364, end: 424 };
  const HIGH = 40, BRIDGE = 58, SMALL = 32;
  // the wire that all of a node's interfaces hang on, and that of its second pod, as distances from the node's edge
  const RAIL = 30, SIDE = 22;
  // a node's card below this width has no room for two pods side by side
  const TIGHT = 220;

  // verdicts that say of an address nobody knows: the other node answers by another interface
  const OTHER_INTERFACE = ["wrong-way-back"];

  function make(parent, tag, attributes, text) {
    const element = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  }

  function fit(text, characters) {
    return text.length > characters ? text.slice(0, characters - 1) + "…" : text;
  }

  // Of an address the beginning is often that of all nodes, so the middle gives way.
  function shortened(text, characters) {
    if (text.length <= characters) return text;
    const head = Math.floor((characters - 1) * 0.4);
    return `${text.slice(0, head)}…${text.slice(head + 1 - characters)}`;
  }

  function ofFamily(addresses, family) {
    return (addresses || []).find((address) => address.includes(":") === (family === "ipv6")) || "";
  }

  // The nodes that are drawn: both ends, and the others where there is room for all of them.
  function chosen(nodes, ends, width) {
    const room = Math.max(2, Math.floor((width - PAD) / (NARROW + GAP)));
    if (nodes.length <= Math.min(room, 6)) return nodes.map((_node, index) => index);
    return [...new Set(ends)];
  }

  function layout(nodes, pair, width) {
    const shown = chosen(nodes, [pair.s, pair.d], width);
    const card = Math.max(NARROW - 14, Math.min(WIDE, (width - 2 * PAD - GAP * (shown.length - 1)) / shown.length));
    const total = Math.max(width, shown.length * card + (shown.length - 1) * GAP + 2 * PAD);
    const left = (total - shown.length * card - (shown.length - 1) * GAP) / 2;
    const places = new Map();
    shown.forEach((index, column) => {
      const x = left + column * (card + GAP);
      places.set(index, { x, card, main: x + RAIL, peer: x + card - SIDE });
    });
    return { places, total, shown };
  }

  // Where an address stands: {node, kind} or null. The pair's own ends first, as broken clusters have some twice.
  // Kind "other": of that node, but by which of its interfaces is not known.
  function locate(nodes, address, pair) {
    if (address === pair.dip) return { node: pair.d, kind: "peer" };
    if (address === pair.sip) return { node: pair.s, kind: "prober" };
    const order = [pair.d, pair.s, ...nodes.keys()];
    for (const [field, kind] of [["bridge", "bridge"], ["overlay", "overlay"], ["cluster", "card"]]) {
      for (const index of order) {
        const entry = nodes[index][field];
        if ((entry.ips || entry).includes(address)) return { node: index, kind };
      }
    }
    const holder = order.find((index) => nodes[index].public_ips.includes(address));
    if (holder !== undefined) return { node: holder, kind: "other" };
    return OTHER_INTERFACE.includes(pair.rule) ? { node: pair.d, kind: "other" } : null;
  }

  // Every interface that the packet should touch, in order; `hop`: which of the expected hops answers there.
  function expectedStops(pair) {
    const hops = pair.expected;
    if (!hops.length) return [];
    if (pair.s === pair.d) {
      return [{ node: pair.s, kind: "prober" }, { node: pair.s, kind: "bridge" }, { node: pair.d, kind: "peer", hop: hops.length }];
    }
    const overlay = hops.some((hop) => /^flannel/.test(hop.role));
    const first = (role) => hops.findIndex(role) + 1 || undefined;
    const stops = [{ node: pair.s, kind: "prober" }, { node: pair.s, kind: "bridge", hop: first((hop) => hop.role === "cni0") }];
    if (overlay) stops.push({ node: pair.s, kind: "overlay" });
    stops.push({ node: pair.s, kind: "card" }, { node: pair.d, kind: "card", hop: first((hop) => hop.role === "node") });
    if (overlay) stops.push({ node: pair.d, kind: "overlay", hop: first((hop) => /^flannel/.test(hop.role)) });
    stops.push({ node: pair.d, kind: "bridge" }, { node: pair.d, kind: "peer", hop: hops.length });
    return stops;
  }

  // Where a stop's number stands: on the line, but below a pod, whose address it would hide.
  function spot(places, stop) {
    const at = point(places, stop);
    return at && (stop.kind === "peer" || stop.kind === "prober") ? { x: at.x, y: at.y + 9 } : at;
  }

  function point(places, stop) {
    const place = places.get(stop.node);
    if (!place) return null;
    if (stop.kind === "bridge") return { x: place.main, y: Y.bridge + BRIDGE - 12 };
    const y = { overlay: Y.overlay, card: Y.card, other: Y.outside - 4 }[stop.kind];
    if (y !== undefined) return { x: place.main, y: y + HIGH / 2 };
    return { x: stop.kind === "prober" ? place.main : place.peer, y: Y.pod + HIGH + 2 };
  }

  // A line through stops; between two nodes it runs along the cluster's network.
  function route(places, stops) {
    let line = "";
    let before = null;
    for (const stop of stops) {
      const at = point(places, stop);
      if (!at) continue;
      if (!before) line = `M${at.x} ${at.y}`;
      else if (before.node !== stop.node) line += `V${Y.bus}H${at.x}V${at.y}`;
      else if (stop.kind === "peer") line += `H${at.x}V${at.y}`;
      else line += `L${at.x} ${at.y}`;
      before = stop;
    }
    return line;
  }

  function badge(parent, at, number, kind) {
    const x = at.x, y = at.y;
    const name = kind === "ok" ? "m-hop" : kind === "bad" ? "m-hop-bad" : "m-hop-missing";
    if (kind === "bad") make(parent, "rect", { x: x - 10, y: y - 10, width: 20, height: 20, rx: 3, class: name });
    else make(parent, "circle", { cx: x, cy: y, r: 11, class: name });
    make(parent, "text", { x, y: y + 4, class: `m-number ${kind}` }, number);
  }

  // An interface: a box beside the wire, or across it, with its name and address.
  function box(parent, place, y, high, name, address, options) {
    const { dim, line, until } = options || {};
    const x = dim ? place.main + 14 : place.x + 10;
    const group = make(parent, "g", dim ? { class: "m-dim" } : {});
    make(group, "rect", { x, y, width: place.x + place.card - 10 - x, height: high, rx: 4, class: "m-if" });
    const from = dim ? x + 8 : place.main + 18;
    if (line) {
      make(group, "text", { x: from, y: y + 20, class: "m-small" }, line);
      return;
    }
    make(group, "text", { x: from, y: y + 17, class: "m-label" }, fit(name, 16));
    if (address) make(make(group, "text", { x: from, y: y + 32, class: "m-ip" }, shortened(address, Math.floor(((until || place.x + place.card - 12) - from) / 6.7))), "title", {}, address);
  }

  function drawPod(parent, place, kind, on, ip, alone) {
    const left = alone || kind === "prober" ? place.x + 10 : place.x + place.card * 0.5 + 3;
    const width = alone ? place.card - 20 : place.card * 0.5 - 13;
    const group = make(parent, "g", on ? {} : { class: "m-dim" });
    make(group, "rect", { x: left, y: Y.pod, width, height: HIGH, rx: 16, class: `m-pod${on ? " end" : ""}` });
    const middle = left + width / 2, room = Math.floor((width - 14) / 6.7);
    make(group, "text", { x: middle, y: Y.pod + (on ? 15 : 24), class: "m-small", "text-anchor": "middle" }, kind);
    if (!on) return;
    // the beginning is the node's podCIDR, so that the end is what tells
    const told = ip && ip.length > room ? `…${ip.slice(1 - room)}` : ip || "no address";
    make(make(group, "text", { x: middle, y: Y.pod + 28, class: "m-ip", "text-anchor": "middle" }, told), "title", {}, ip || "");
  }

  function drawNode(parent, node, place, pair, isSource, isPeer) {
    make(parent, "rect", { x: place.x, y: Y.top, width: place.card, height: Y.bottom - Y.top, rx: 7, class: `m-node${isSource || isPeer ? " end" : ""}` });
    const name = make(parent, "text", { x: place.x + 12, y: Y.name, class: "m-name" }, fit(node.name, Math.floor((place.card - 20) / 8.6)));
    make(name, "title", {}, node.name);
    const cidr = ofFamily(node.cidrs, pair.family) || "unknown";
    make(make(parent, "text", { x: place.x + 12, y: Y.cidr, class: "m-small" }, `pods ${shortened(cidr, Math.floor((place.card - 54) / 6.8))}`), "title", {}, cidr);
    const alone = place.card < TIGHT && isSource !== isPeer;
    if (isSource || !alone) drawPod(parent, place, "prober", isSource, pair.sip, alone);
    if (isPeer || !alone) drawPod(parent, place, "peer", isPeer, pair.dip, alone);
    box(parent, place, Y.bridge, BRIDGE, "cni0", ofFamily(node.bridge, pair.family), { until: isPeer && place.peer - 8 });
    if (node.overlay.ips.length) box(parent, place, Y.overlay, HIGH, node.overlay.name, ofFamily(node.overlay.ips, pair.family));
    box(parent, place, Y.card, HIGH, node.cluster.name || "cluster NIC", ofFamily(node.cluster.ips, pair.family));
    const outside = node.outside.name;
    box(parent, place, Y.outside, SMALL, "", "", { dim: true, line: outside ? `${fit(outside, 9)}, ${place.card < TIGHT ? "" : "to the "}internet` : place.card < TIGHT ? "others: ?" : "others: not known" });
    if (outside) make(parent, "path", { d: `M${place.x + place.card * 0.8} ${Y.outside + SMALL}V${Y.nat}`, class: "m-nat" });
    // the wire from cni0 down to the network, seen where boxes leave it open
    for (const [from, to] of [[Y.pod + HIGH, Y.bridge], [Y.bridge + BRIDGE, node.overlay.ips.length ? Y.overlay : Y.card], [Y.overlay + HIGH, Y.card], [Y.card + HIGH, Y.bus]]) {
      make(parent, "path", { d: `M${place.main} ${from}V${to}`, class: "m-wire" });
    }
  }

  // Where it was lost: a cross on the part of the way between the last right answer and the next one awaited.
  function lostMark(parent, places, from, to, note, total) {
    const start = point(places, from), goal = point(places, to);
    let x = goal.x, y = (goal.y + start.y) / 2, line = `M${start.x} ${start.y}V${y}`, below = Y.bus + 21;
    if (to.node !== from.node) {
      x = start.x + (goal.x - start.x) * 0.45; y = Y.bus;
      line = `M${start.x} ${start.y}V${Y.bus}H${x}`;
    } else if (to.kind === "peer") {
      y = Y.bridge + BRIDGE - 12; x = (start.x + goal.x) / 2 + 20;
      line = `M${start.x} ${start.y}V${y}H${x}`;
      below = Y.overlay - 4; // in the gap under cni0, as the network has no part in it
    }
    const group = make(parent, "g", { class: "m-late" });
    if (!note.keep) make(group, "path", { d: line, class: "m-wrong" });
    make(group, "path", { d: `M${x - 8} ${y - 8}L${x + 8} ${y + 8}M${x + 8} ${y - 8}L${x - 8} ${y + 8}`, class: "m-lost" });
    make(group, "text", { x: Math.min(Math.max(80, x), total - 80), y: below, class: "m-note", "text-anchor": "middle" }, note.text);
  }

  // What was seen, laid over the expected stops: how far it went right, and what answered elsewhere.
  function follow(pair, stops, nodes) {
    const answers = [];
    for (const hop of pair.hops) {
      const wanted = pair.expected[hop.ttl - 1];
      const right = Boolean(wanted && hop.addresses.length && hop.addresses.every((address) => wanted.addresses.includes(address)));
      const silent = wanted && wanted.role === "silent" && !hop.addresses.length;
      const stop = right ? stops.findIndex((one) => one.hop === hop.ttl) : -1;
      answers.push({ ttl: hop.ttl, right: right || silent, silent: !hop.addresses.length, stop, address: hop.addresses[0] || "",
        at: right ? null : hop.addresses.map((address) => locate(nodes, address, pair)).find(Boolean) || null });
    }
    const strays = answers.filter((one) => !one.right && !one.silent);
    const reached = answers.some((one) => one.right && one.stop === stops.length - 1);
    const goodBefore = strays.length ? strays[0].ttl : Infinity;
    const last = Math.max(-1, ...answers.filter((one) => one.right && one.ttl < goodBefore).map((one) => one.stop));
    const end = reached && !strays.length ? stops.length - 1 : Math.max(0, last);
    const arrival = answers.filter((one) => one.right && one.ttl > goodBefore && one.stop > end).map((one) => one.stop);
    return { answers, strays, arrival, reached: reached && !strays.length, last: end };
  }

  // Draws what answered instead; returns where its number stands and, of a box, where the line leaves it.
  function drawStray(parent, places, from, stray, goal, nodes, total) {
    const start = point(places, from);
    const known = stray.at && point(places, stray.at);
    const group = make(parent, "g", { class: "m-late" });
    if (known && stray.at.node === from.node && stray.at.kind === from.kind) {
      const x = start.x, y = start.y;
      // back to where it came from, on the side where no name stands
      make(group, "path", { d: `M${x} ${y}C${x - 40} ${y + 4} ${x - 40} ${y + 52} ${x} ${y + 46}`, class: "m-wrong" });
      return { x: x - 30, y: y + 26 };
    }
    if (known) {
      const d = stray.at.node === from.node ? `M${start.x} ${start.y}L${known.x} ${known.y}` : `M${start.x} ${start.y}V${Y.bus}H${known.x}V${known.y}`;
      make(group, "path", { d, class: "m-wrong" });
      if (stray.at.kind === "other") {
        const told = `${fit(nodes[stray.at.node].name, 24)} as ${shortened(stray.address, 20)}`, half = told.length * 3.3;
        make(group, "text", { x: Math.min(Math.max(half + 4, known.x), total - half - 4), y: Y.bus + 21, class: "m-note", "text-anchor": "middle" }, told);
      }
      return known;
    }
    const end = places.get(goal).main, half = 73, way = end < start.x ? -1 : 1;
    const x = Math.min(total - half - 4, goal === from.node ? start.x + half + 40 : (start.x + end) / 2);
    make(group, "path", { d: `M${start.x} ${start.y}V${Y.bus}H${x - way * half}`, class: "m-wrong" });
    make(group, "rect", { x: x - half, y: Y.bus - 25, width: 2 * half, height: 50, rx: 4, class: "m-unknown" });
    const lines = stray.at ? ["an address of", fit(nodes[stray.at.node].name, 20)] : ["not among the nodes'", "known addresses"];
    make(group, "text", { x: x + way * 7, y: Y.bus - 9, class: "m-label", "text-anchor": "middle" }, shortened(stray.address, 16));
    lines.forEach((line, index) => make(group, "text", { x: x + way * 7, y: Y.bus + 5 + 14 * index, class: "m-small", "text-anchor": "middle" }, line));
    return { x: x - way * half, y: Y.bus, on: x + way * half };
  }

  // After what answered elsewhere, right answers came again: the packet went on, by an unknown way, to the first of them.
  function drawArrival(parent, places, from, stray, stops, arrival) {
    const first = stops[arrival[0]], last = arrival[arrival.length - 1];
    let line = stray.at && stray.at.node === first.node ? `M${from.x} ${from.y}` : `M${from.on || from.x} ${from.y}V${Y.bus}`;
    line += `H${places.get(first.node).main}`;
    for (const stop of stops.slice(0, arrival[0] + 1).filter((one) => one.node === first.node && one.kind !== "prober")) {
      const at = point(places, stop);
      line += stop.kind === "peer" ? `H${at.x}V${at.y}` : `V${at.y}`;
    }
    make(parent, "path", { d: line, class: "m-wrong m-late m-arrived" });
    if (last > arrival[0]) make(parent, "path", { d: route(places, stops.slice(arrival[0], last + 1)), class: "m-seen m-again", pathLength: 1 });
  }

  function draw(container, nodes, pair, sentence) {
    const width = Math.max(340, Math.floor(container.clientWidth || 760));
    const { places, total, shown } = layout(nodes, pair, width);
    const svg = document.createElementNS(NS, "svg");
    svg.setAttribute("viewBox", `0 0 ${Math.round(total)} ${Y.end}`);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-labelledby", "map-title map-text");
    make(svg, "title", { id: "map-title" }, `Path from ${nodes[pair.s].name} to ${nodes[pair.d].name}`);
    make(svg, "desc", { id: "map-text" }, sentence);
    const xs = [...places.values()].map((place) => place.main);
    make(svg, "line", { x1: Math.min(...xs) - 18, x2: Math.max(...xs) + (shown.length > 1 ? 18 : 60), y1: Y.bus, y2: Y.bus, class: "m-bus" });
    make(svg, "text", { x: total - PAD, y: Y.bus + 38, class: "m-small", "text-anchor": "end" },
      `the nodes' network${nodes.length > shown.length ? `; others not drawn: ${(nodes.length - shown.length).toLocaleString("en")}` : ""}`);
    const under = make(svg, "g"), middle = make(svg, "g"), over = make(svg, "g");
    for (const index of shown) {
      drawNode(under, nodes[index], places.get(index), pair, index === pair.s, index === pair.d);
    }
    const stops = expectedStops(pair);
    if (stops.length) make(middle, "path", { d: route(places, stops), class: "m-expected", "data-stops": stops.length });
    if (stops.length && pair.hops.length) {
      const seen = follow(pair, stops, nodes);
      const gone = stops.slice(0, seen.last + 1);
      if (gone.length > 1) make(middle, "path", { d: route(places, gone), class: "m-seen", pathLength: 1, "data-stops": gone.length });
      const at = gone[gone.length - 1];
      const drawn = new Set();
      const goal = stops[stops.length - 1].node;
      for (const stray of seen.strays.slice(0, 3)) {
        const key = stray.at ? `${stray.at.node}${stray.at.kind}` : stray.address;
        if (drawn.has(key)) continue;
        drawn.add(key);
        const place = drawStray(over, places, at, stray, goal, nodes, total);
        if (seen.arrival.length && stray === seen.strays[0]) drawArrival(over, places, place, stray, stops, seen.arrival);
        const same = seen.strays.filter((one) => one.address === stray.address).map((one) => one.ttl);
        badge(make(over, "g", { class: "m-late" }), place, same.length > 1 ? `${same[0]}+` : String(stray.ttl), "bad");
      }
      const next = stops.slice(seen.last + 1).find((stop) => stop.hop);
      if (!seen.strays.length && next) lostMark(over, places, at, next, { text: `lost before hop ${next.hop}` }, total);
      else if (seen.reached && pair.hole) {
        const [from, to] = stops.filter((stop) => stop.kind === "card");
        if (to) lostMark(over, places, from, to, { text: `${pair.hole} bytes are lost`, keep: true }, total);
      }
      stops.forEach((stop, index) => {
        const at = stop.hop && spot(places, stop);
        if (at) badge(over, at, String(stop.hop), seen.answers.some((one) => one.right && one.stop === index) ? "ok" : "missing");
      });
    } else {
      for (const stop of stops) if (stop.hop && point(places, stop)) badge(over, spot(places, stop), String(stop.hop), "missing");
    }
    container.replaceChildren(svg);
  }

  return { draw, expectedStops, locate };
})();
