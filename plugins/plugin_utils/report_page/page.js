(() => {
  const $ = (id) => document.getElementById(id);
  const WORDS = { p: "pass", f: "fail", i: "inconclusive", "-": "not looked at" };
  const GLYPHS = { p: "✓", f: "✕", i: "?", "-": "" };
  const WORST = { f: 3, i: 2, p: 1, "-": 0 };
  // Beside each sign its words for whoever does not see it; a text beside "none" says by itself that nothing was observed.
  const SIGNS = { pass: ["✓", "as expected: "], fail: ["✕", "not as expected: "], none: ["–", ""] };
  const GROUP_ABOVE = 120, GROUPS = 50;

  let report, names, grids, pairs, families, family;
  let selected = null;

  async function read() {
    const block = $("data");
    if (block.dataset.packed !== "yes") return JSON.parse(block.textContent);
    const bytes = Uint8Array.from(atob(block.textContent), (letter) => letter.charCodeAt(0));
    if (!("DecompressionStream" in window)) throw new Error("This browser has no DecompressionStream, which unpacks the data of a large page; Firefox has it since 113, Safari since 16.4, Chromium since 80.");
    const text = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
    return JSON.parse(text);
  }

  function unpack(row) {
    return row.replace(/(\d*)([pfi-])/g, (_all, number, letter) => letter.repeat(Number(number || 1)));
  }

  function element(tag, options, ...children) {
    const made = Object.assign(document.createElement(tag), options || {});
    made.append(...children);
    return made;
  }

  const verdictAt = (source, destination) => grids[family][source][destination];
  const key = (source, destination, inFamily) => `${source} ${destination} ${inFamily}`;

  // ---- one pair -------------------------------------------------------------------------------------------------

  // What the map needs of a pair; one whose details were left out has only its ends.
  function drawable(source, destination) {
    const pair = pairs.get(key(source, destination, family));
    const evidence = pair && pair.evidence ? pair.evidence : {};
    const full = evidence.full_size || {}, small = evidence.echoes || {};
    return {
      s: source, d: destination, family, pair, evidence,
      sip: pair ? pair.source.ip : "", dip: pair ? pair.destination.ip : "",
      expected: pair ? pair.expected.hops : [], hops: pair ? pair.hops : [], rule: pair ? pair.rule : "",
      hole: full.observed && small.observed && full.received === 0 && !full.told_mtu && small.received > 0 ? full.size : 0,
    };
  }

  // A long address may break behind its colons, and nowhere else.
  const breakable = (text) => text.split(/(?<=:)/).flatMap((part, index) => (index ? [element("wbr"), part] : [part]));

  const place = (addresses) => addresses.join(" or ") || "*";

  // Whether a hop is what was expected there; where silence is, it is right, too.
  const asExpected = (wanted, hop) => Boolean(wanted) && (hop.addresses.length
    ? hop.addresses.every((address) => wanted.addresses.includes(address)) : wanted.role === "silent");

  const glyph = (kind, style) => element("span", { className: `${style} s-${kind}`, ariaHidden: "true", textContent: SIGNS[kind][0] });
  const spoken = (kind) => element("span", { className: "hidden", textContent: SIGNS[kind][1] });

  function sentence(one) {
    if (!one.pair) return "No details of this pair are in this page.";
    const told = one.hops.map((hop) => {
      const wanted = one.expected[hop.ttl - 1];
      const right = asExpected(wanted, hop), role = right ? `${wanted.role} ` : "";
      return `hop ${hop.ttl}: ${hop.addresses.length ? role + place(hop.addresses) : "silent"}${right ? ", as expected" : ""}`;
    });
    return `${one.pair.verdict}. ${one.pair.reason} ${told.join("; ")}`;
  }

  function hopRows(one) {
    const head = element("thead", {}, element("tr", {}, ...["Hop", "Expected", "Seen", "Answers", "Median ms"].map((text) => element("th", { scope: "col", textContent: text }))));
    const body = element("tbody");
    const most = Math.max(one.expected.length, one.hops.length);
    for (let index = 0; index < most; index += 1) {
      const wanted = one.expected[index], hop = one.hops.find((entry) => entry.ttl === index + 1);
      const seen = hop ? place(hop.addresses) + (hop.notes.length ? ` ${hop.notes.join(" ")}` : "") : "–";
      const cell = element("td", { className: "mono" }, ...breakable(seen));
      if (hop) {
        const kind = asExpected(wanted, hop) ? "pass" : "fail";
        cell.prepend(glyph(kind, "sign"), spoken(kind));
      }
      body.append(element("tr", {},
        element("th", { scope: "row", textContent: String(index + 1) }),
        element("td", { className: "mono" }, ...breakable(wanted ? `${wanted.role} ${wanted.addresses.join(" or ")}` : "–")),
        cell,
        element("td", { textContent: hop ? `${hop.received} of ${hop.sent}` : "" }),
        element("td", { textContent: hop && hop.rtt_ms && hop.rtt_ms.median !== undefined ? hop.rtt_ms.median.toFixed(3) : "" })));
    }
    $("hops").replaceChildren(element("caption", { className: "hidden", textContent: "Expected and seen hops" }), head, body);
    $("hops").hidden = most === 0;
  }

  function evidenceLines(one) {
    const evidence = one.evidence;
    const lines = [];
    const all = Object.values(evidence), why = all.length ? all[0].why : "";
    if (all.length && all.every((entry) => !entry.observed && entry.why === why)) return [["Nothing", "none", `was observed: ${why}`]];
    const add = (name, entry, good, text) => {
      if (!entry) return;
      if (!entry.observed) lines.push([name, "none", `not observed: ${entry.why}`]);
      else lines.push([name, good(entry) ? "pass" : "fail", text(entry)]);
    };
    add("Echoes", evidence.echoes, (e) => e.received === e.sent, (e) => {
      const rtt = e.rtt_ms && e.rtt_ms.median !== undefined ? `; ${e.rtt_ms.min} / ${e.rtt_ms.median} / ${e.rtt_ms.max} ms (min, median, max)` : "";
      const ttls = (e.reply_ttls || []).length ? `; TTL of the replies ${[...new Set(e.reply_ttls)].join(", ")}` : "";
      return `${e.received} of ${e.sent} answered${e.protocol ? ` (${e.protocol.toUpperCase()})` : ""}${rtt}${ttls}`;
    });
    add("Full size", evidence.full_size, (e) => (e.received > 0 || Boolean(e.told_mtu)) && !(e.late > 0), (e) => `${e.received} of ${e.sent} packets of ${e.size} bytes, not to be fragmented, answered${e.told_mtu ? `; a router told that ${e.told_mtu} bytes fit` : ""}${e.late ? `; ${e.late} lost after the first answer` : ""}`);
    add("At the peer", evidence.arrival, (e) => e.source === one.sip, (e) => !e.source ? "it listened, and nothing of this pair came" : `it saw ${e.source}, ${e.ttl ? `TTL ${e.ttl}` : "TTL not observed"}, ${e.size ? `${e.size} bytes` : "size not observed"}${e.why ? `. ${e.why}` : ""}`);
    add("TCP", evidence.tcp, (e) => e.connected, (e) => (e.connected ? `connected${e.ms ? ` in ${e.ms} ms` : ""}` : e.problem));
    const own = (e) => !e.own_interface || e.interface === e.own_interface;
    const fits = (e) => !e.mtu || !e.needed_mtu || e.mtu >= e.needed_mtu;
    add("Underlay", evidence.underlay, (e) => Boolean(e.interface) && own(e) && fits(e), (e) => !e.interface ? `no route to the other node: ${e.problem || "none was found"}` : `by ${e.interface}${own(e) ? "" : `, not by ${e.own_interface}`}${e.address ? ` from ${e.address}` : ""}${e.gateway ? ` through ${e.gateway}` : ""}${e.mtu ? `, MTU ${e.mtu}` : ""}${fits(e) ? "" : `, but Flannel's packets take ${e.needed_mtu}`}`);
    if (one.pair && one.pair.retraced) lines.push(["Trace", "none", "made a second time, as a hop of the first one was silent"]);
    return lines;
  }

  function show(source, destination, move) {
    selected = { source, destination };
    const one = drawable(source, destination);
    $("from").value = source;
    $("to").value = destination;
    const word = one.pair ? one.pair.verdict : WORDS[verdictAt(source, destination)];
    const mark = element("span", { className: `mark mark-${word.replace(/ /g, "-")}` }, `${{ pass: "✓", fail: "✗", inconclusive: "?" }[word] || ""} ${word}`);
    const more = one.pair ? one.pair.reason : verdictAt(source, destination) === "-" ? "The plan of this run did not look at this pair."
      : `Its details were left out to keep this page small${report.more ? `; they stand in ${report.more}` : ""}.`;
    $("verdict").replaceChildren(mark, ` ${names[source]} → ${names[destination]}: ${more}`);
    pathMap.draw($("map"), report.nodes, one, sentence(one));
    hopRows(one);
    $("evidence").replaceChildren(...evidenceLines(one).map(([name, kind, text]) =>
      element("div", {}, element("dt", {}, glyph(kind, "sign"), name), element("dd", {}, spoken(kind), ...breakable(text)))));
    $("evidence").parentElement.hidden = !one.pair;
    for (const cell of document.querySelectorAll(".cells [aria-selected=true]")) cell.setAttribute("aria-selected", "false");
    for (const cell of document.querySelectorAll(`.cells td[data-s="${source}"][data-d="${destination}"]`)) { cell.setAttribute("aria-selected", "true"); reveal(cell); }
    if (!move) return;
    history.replaceState(null, "", `#${new URLSearchParams({ from: names[source], to: names[destination], family })}`);
    const top = $("path").getBoundingClientRect().top;
    if (top < 0 || top > innerHeight - 200) {
      $("path").scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth", block: "start" });
    }
  }

  const badIn = (name) => grids[name].reduce((sum, row) => sum + row.split(/[fi]/).length - 1, 0);

  // The next pair after the chosen one that did not pass: in the order of the matrix, then in the next family.
  function nextBad() {
    const size = names.length, cells = size * size, all = cells * families.length;
    const start = families.indexOf(family) * cells + (selected ? selected.source * size + selected.destination : -1);
    for (let step = 1; step <= all; step += 1) {
      const at = (start + step) % all, source = Math.floor((at % cells) / size), destination = at % size;
      const of = families[Math.floor(at / cells)], letter = grids[of][source][destination];
      if (letter === "f" || letter === "i") return { source, destination, family: of };
    }
    return null;
  }

  function turnTo(name) {
    if (name === family || !families.includes(name)) return;
    family = $("family").value = name;
    choices();
    drawMatrix();
  }

  // ---- the matrix -----------------------------------------------------------------------------------------------

  // As large as there is room for beside the names; on a phone cells stay large enough for a finger.
  function fitCells() {
    for (const made of document.querySelectorAll(".cells:not(.grouped)")) {
      const row = made.tBodies[0].rows[0], count = row.cells.length - 1, room = made.parentElement.clientWidth;
      const longest = Math.max(count, made.tBodies[0].rows.length);
      const most = longest <= 6 ? 46 : longest <= 12 ? 34 : 24, least = innerWidth < 620 ? 24 : 11;
      const size = Math.floor((room - row.cells[0].offsetWidth - 2) / count) - 1;
      made.style.setProperty("--size", `${Math.max(Math.min(least, most), Math.min(most, size))}px`);
    }
  }

  const amount = (sources, destinations) => `${sources.length.toLocaleString("en")} × ${destinations.length.toLocaleString("en")}`;

  // Scrolls a matrix that is wider or higher than its box, never the page, so that a cell is seen beside its names.
  function reveal(cell) {
    const box = cell.closest(".grid"), made = cell.closest("table"), row = cell.parentElement.firstElementChild;
    const at = cell.getBoundingClientRect(), seen = box.getBoundingClientRect();
    const left = seen.left + row.offsetWidth, top = seen.top + made.tHead.offsetHeight, room = at.width;
    if (at.right > seen.right) box.scrollLeft += at.right - seen.right + room;
    else if (at.left < left) box.scrollLeft -= left - at.left + room;
    if (at.bottom > seen.bottom) box.scrollTop += at.bottom - seen.bottom + room;
    else if (at.top < top) box.scrollTop -= top - at.top + room;
  }

  function describe(cell) {
    const s = Number(cell.dataset.s), d = Number(cell.dataset.d);
    const pair = pairs.get(key(s, d, family));
    const median = pair && pair.evidence && pair.evidence.echoes && pair.evidence.echoes.rtt_ms ? pair.evidence.echoes.rtt_ms.median : undefined;
    return `${names[s]} → ${names[d]}: ${WORDS[verdictAt(s, d)]}${median === undefined ? "" : `, ${median} ms`}`;
  }

  // One table with cells that arrow keys walk through. lines: {label, title, cells: [{letter, text, label, data}]}
  function table(caption, columns, lines, activate) {
    const made = element("table", { className: "cells" });
    made.setAttribute("role", "grid");
    made.append(element("caption", {}, element("span", { textContent: caption })));
    const head = element("tr", {}, element("td"));
    for (const column of columns) head.append(element("th", { scope: "col", title: column }, element("span", { textContent: column })));
    made.append(element("thead", {}, head));
    const body = element("tbody");
    for (const line of lines) {
      const row = element("tr", {}, element("th", { scope: "row", title: line.label }, element("span", { textContent: line.label })));
      for (const cell of line.cells) {
        const box = element("td", { className: `c-${cell.letter === "-" ? "n" : cell.letter}`, textContent: cell.text, tabIndex: -1 });
        box.setAttribute("role", "gridcell");
        box.setAttribute("aria-label", cell.label);
        box.setAttribute("aria-selected", "false");
        Object.assign(box.dataset, cell.data);
        row.append(box);
      }
      body.append(row);
    }
    made.append(body);
    const cellOf = (event) => event.target.closest && event.target.closest("tbody td");
    made.addEventListener("click", (event) => { const cell = cellOf(event); if (cell) { rove(made, cell); activate(cell); } });
    made.addEventListener("keydown", (event) => walk(event, made, activate));
    const hint = (event) => { const cell = cellOf(event); if (cell) point(made, cell); };
    made.addEventListener("pointerover", hint);
    made.addEventListener("focusin", hint);
    const first = body.querySelector("td.c-f, td.c-i") || body.querySelector("td");
    if (first) first.tabIndex = 0;
    return made;
  }

  function point(made, cell) {
    for (const old of made.querySelectorAll("th.here")) old.classList.remove("here");
    cell.parentElement.firstElementChild.classList.add("here");
    made.tHead.rows[0].cells[cell.cellIndex].classList.add("here");
    $("under").textContent = cell.dataset.s === undefined ? cell.getAttribute("aria-label") : describe(cell);
  }

  function rove(made, cell) {
    for (const old of made.querySelectorAll("td[tabindex='0']")) old.tabIndex = -1;
    cell.tabIndex = 0;
    cell.focus();
  }

  function walk(event, made, activate) {
    const cell = event.target.closest("tbody td");
    if (!cell) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      activate(cell);
      return;
    }
    const rows = made.tBodies[0].rows, row = cell.parentElement.sectionRowIndex, column = cell.cellIndex, last = rows[0].cells.length - 1;
    const to = { ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1], ArrowUp: [row - 1, column], ArrowDown: [row + 1, column],
      Home: event.ctrlKey ? [0, 1] : [row, 1], End: event.ctrlKey ? [rows.length - 1, last] : [row, last],
      PageUp: [Math.max(0, row - 10), column], PageDown: [Math.min(rows.length - 1, row + 10), column] }[event.key];
    if (!to) return;
    event.preventDefault();
    if (rows[to[0]] && to[1] >= 1 && to[1] <= last) rove(made, rows[to[0]].cells[to[1]]);
  }

  function plainTable(sources, destinations, caption) {
    const lines = sources.map((s) => ({
      label: names[s],
      cells: destinations.map((d) => {
        const letter = verdictAt(s, d);
        // small marks of what passes would only be noise around those that do not
        return { letter, text: letter === "p" && destinations.length > 40 ? "" : GLYPHS[letter], label: WORDS[letter], data: { s, d } };
      }),
    }));
    return table(caption, destinations.map((d) => names[d]), lines, (cell) => show(Number(cell.dataset.s), Number(cell.dataset.d), true));
  }

  function groupedTable(sources, destinations) {
    const size = Math.ceil(Math.max(sources.length, destinations.length) / GROUPS);
    const grouped = (list) => Array.from({ length: Math.ceil(list.length / size) }, (_none, at) => list.slice(at * size, (at + 1) * size));
    const rows = grouped(sources), columns = grouped(destinations);
    const title = (group) => (group.length > 1 ? `${names[group[0]]} … ${names[group[group.length - 1]]}` : names[group[0]]);
    const lines = rows.map((from, row) => ({
      label: title(from),
      cells: columns.map((to, column) => {
        const count = { p: 0, f: 0, i: 0, "-": 0 };
        for (const s of from) { const letters = grids[family][s]; for (const d of to) count[letters[d]] += 1; }
        const letter = Object.keys(count).filter((one) => count[one]).sort((a, b) => WORST[b] - WORST[a])[0];
        const number = letter === "f" || letter === "i" ? count[letter] : 0;
        const text = number > 999 ? `${Math.round(number / 1000)}k` : number ? String(number) : letter === "p" && count["-"] ? "·" : "";
        const told = Object.entries(count).filter(([, n]) => n).map(([one, n]) => `${n} ${WORDS[one]}`).join(", ");
        return { letter, text, label: `${title(from)} to ${title(to)}: ${told}`, data: { row, column } };
      }),
    }));
    const caption = `${amount(sources, destinations)} nodes in groups of ${size}. A cell shows the worst of its pairs and how many of them there are; choose one to open it.`;
    const made = table(caption, columns.map(title), lines, (cell) => {
      for (const old of made.querySelectorAll("[aria-selected=true]")) old.setAttribute("aria-selected", "false");
      cell.setAttribute("aria-selected", "true");
      const from = rows[Number(cell.dataset.row)], to = columns[Number(cell.dataset.column)];
      $("part").replaceChildren(plainTable(from, to, `${title(from)} to ${title(to)}`));
      $("part").hidden = false;
      fitCells();
      $("part").scrollIntoView({ block: "nearest" });
      $("part").querySelector("td[tabindex='0']").focus();
    });
    made.classList.add("grouped");
    return made;
  }

  // Rows and columns that did not pass, as one or two tables that hold all such cells. A node that hardly anything
  // reaches has a cell in every row: it gets a table of its own, or the other one would have every row as well.
  function badParts() {
    const all = names.map((_name, index) => index), isBad = (s, d) => /[fi]/.test(verdictAt(s, d));
    const unreached = new Set(all.filter((d) => {
      const looked = all.filter((s) => verdictAt(s, d) !== "-");
      return looked.filter((s) => isBad(s, d)).length * 2 > looked.length;
    }));
    return [all.filter((d) => !unreached.has(d)), [...unreached]].map((columns) => [
      all.filter((s) => columns.some((d) => isBad(s, d))), columns.filter((d) => all.some((s) => isBad(s, d))),
    ]).filter(([sources]) => sources.length);
  }

  function drawMatrix() {
    const all = names.map((_name, index) => index);
    const parts = $("only").checked && badIn(family) ? badParts() : [[all, all]];
    $("part").hidden = true;
    $("grid").replaceChildren(...parts.map(([sources, destinations]) => (Math.max(sources.length, destinations.length) > GROUP_ABOVE
      ? groupedTable(sources, destinations)
      : plainTable(sources, destinations, `${amount(sources, destinations)} pairs, ${family}: rows send, columns are reached`))));
    fitCells();
    if (selected) show(selected.source, selected.destination, false);
  }

  // ---- all of it ------------------------------------------------------------------------------------------------

  function fromAddress() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const source = names.indexOf(wanted.get("from")), destination = names.indexOf(wanted.get("to"));
    if (families.includes(wanted.get("family"))) family = wanted.get("family");
    return source >= 0 && destination >= 0 ? { source, destination } : null;
  }

  function firstChoice() {
    const bad = nextBad();
    if (bad) return bad;
    const index = grids[family].findIndex((row, at) => [...row].some((letter, to) => letter === "p" && to !== at));
    if (index >= 0) return { source: index, destination: [...grids[family][index]].findIndex((letter, to) => letter === "p" && to !== index) };
    return { source: 0, destination: 0 };
  }

  function listen() {
    const chosen = () => show(Number($("from").value), Number($("to").value), true);
    $("from").addEventListener("change", chosen);
    $("to").addEventListener("change", chosen);
    $("swap").addEventListener("click", () => show(selected.destination, selected.source, true));
    $("next").addEventListener("click", () => { const bad = nextBad(); if (bad) { turnTo(bad.family); show(bad.source, bad.destination, true); } });
    $("only").addEventListener("change", drawMatrix);
    $("family").addEventListener("change", () => turnTo($("family").value));
    document.addEventListener("click", (event) => {
      const button = event.target.closest && event.target.closest("button.show");
      if (!button) return;
      turnTo(button.dataset.family);
      show(names.indexOf(button.dataset.from), names.indexOf(button.dataset.to), true);
      $("h-path").focus({ preventScroll: true });
    });
    let width = innerWidth;
    addEventListener("resize", () => { if (innerWidth !== width && selected) { width = innerWidth; fitCells(); show(selected.source, selected.destination, false); } });
    addEventListener("beforeprint", () => { for (const closed of document.querySelectorAll("details")) closed.open = true; });
  }

  function choices() {
    $("next").hidden = !families.some(badIn);
    $("only").parentElement.hidden = !badIn(family) || names.length < 7;
  }

  async function start() {
    report = await read();
    if (!$("paths")) return;
    names = report.nodes.map((node) => node.name);
    families = Object.keys(report.rows);
    grids = Object.fromEntries(families.map((name) => [name, report.rows[name].map(unpack)]));
    family = families.find(badIn) || families[0];
    const index = new Map(names.map((name, at) => [name, at]));
    pairs = new Map(report.pairs.map((pair) => [key(index.get(pair.source.node), index.get(pair.destination.node), pair.family), pair]));
    const wanted = fromAddress();
    for (const list of [$("from"), $("to")]) list.append(...names.map((name, at) => element("option", { value: at, textContent: name })));
    $("family").append(...families.map((name) => element("option", { value: name, textContent: badIn(name) ? `${name}, ${badIn(name).toLocaleString("en")} did not pass` : name })));
    $("family").value = family;
    $("family-label").hidden = families.length < 2;
    for (const part of ["path", "matrix"]) $(part).hidden = false;
    $("paths").classList.toggle("beside", names.length <= 12);
    selected = wanted || firstChoice();
    family = $("family").value = selected.family || family;
    choices();
    listen();
    drawMatrix();
    document.documentElement.dataset.ready = "yes";
  }

  // The tables need no script, so they hold whatever keeps it from the map.
  function giveUp(error) {
    for (const part of ["path", "matrix"]) $(part).hidden = true;
    for (const button of document.querySelectorAll("button.show")) button.disabled = true;
    $("unread-why").textContent = error.message;
    $("unread").hidden = false;
    console.error(error);
  }

  start().catch(giveUp);
})();
