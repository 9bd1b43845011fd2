"use strict";
(() => {
  const data = JSON.parse(document.getElementById("payload").textContent);
  const $ = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  const make = (tag, attributes = {}, text = null, svg = false) => {
    const node = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== null) node.textContent = text;
    return node;
  };
  const draw = (tag, attributes, text = null) => make(tag, attributes, text, true);
  const number = (v, whole = false) => (v === null || v === undefined ? "–" : (whole ? String(v) : v.toFixed(Math.abs(v) >= 100 ? 0 : 3)).replace("-", "−"));
  const known = (v) => v !== null && v !== undefined;
  const color = (i) => data.colors[i % data.colors.length];
  const done = data.rows.map((row, i) => ({ ...row, place: i })).filter((row) => row.status === "finished");
  const numeric = new Set(data.numeric);

  // Spaces: what stands behind an @ is said under a figure, where it is not the same for all of the column.
  const whole = new Set(data.whole);
  const spaceOf = (column, i) => data.measured[i][column.split("@")[1]];
  const spacesOf = (column) => new Set(data.rows.flatMap((row, i) => (column.includes("@") && known(row[column]) ? [spaceOf(column, i)] : [])));
  const several = new Set(data.columns.filter((column) => spacesOf(column).size > 1 || (column.endsWith("@clustering") && spacesOf(column).size)));
  function fill(cell, column, i) {
    const value = data.rows[i][column];
    cell.textContent = numeric.has(column) ? number(value, whole.has(column)) : value ?? "–";
    if (column === "z@features" && data.noise[i]) {
      cell.classList.add("noise");
      cell.append(" ", make("span", { role: "img", "aria-label": "no better than noise" }, "!"));
    }
    if (several.has(column) && known(value)) cell.append(make("small", {}, spaceOf(column, i)));
    return cell;
  }
  if (data.same.length) $("same").textContent = `The same in all runs: ${data.same.map(([name, value]) => `${name} ${value}`).join(", ")}.`;
  else $("same").hidden = true;
  const named = (i) => (data.links[i] ? make("a", { href: data.links[i] }, data.rows[i].run) : make("span", {}, data.rows[i].run));

  // The table, for a wide window.
  const head = document.querySelector("#runs thead tr");
  const body = document.querySelector("#runs tbody");
  let sorted = { column: "rank", up: true }, all = false;
  const lower = new Set(["rank", "seconds", "k", "seed", ...data.lower]);
  const rows = data.rows.map((row, i) => {
    const line = make("tr", { "data-run": i });
    if (row.rank === 1 && !data.noise[i]) line.classList.add("first");
    for (const column of data.columns) {
      const cell = make(column === "run" ? "th" : "td", column === "run" ? { class: "name", scope: "row" } : {});
      if (column === "run") cell.append(named(i));
      else fill(cell, column, i);
      if (!numeric.has(column) && column !== "run") cell.classList.add("text");
      if (column === "reason") cell.classList.add("reason");
      line.append(cell);
    }
    line.addEventListener("pointerenter", () => light(i));
    line.addEventListener("pointerleave", () => light(null));
    return line;
  });
  for (const column of data.columns) {
    const cell = make("th", { scope: "col" });
    if (data.explained[column]) $("columns").append(make("dt", {}, column), make("dd", {}, data.explained[column]));
    if (column === "run") cell.classList.add("name");
    if (!numeric.has(column)) cell.classList.add("text");
    const button = make("button", { type: "button" }, column);
    button.addEventListener("click", () => {
      sorted = { column, up: sorted.column === column ? !sorted.up : lower.has(column) || !numeric.has(column) };
      sort();
    });
    cell.append(button);
    head.append(cell);
    $("order").append(make("option", {}, column));
  }
  // The same as a card a run, for a narrow one: the terms of the choice, and the rest on demand.
  const AT_FIRST = 12; // cards; the others are shown on demand
  const rest = data.columns.filter((c) => !["rank", "run", "reason", ...data.leading].includes(c));
  const pairs = (columns, i) => {
    const list = make("dl");
    for (const column of columns.filter((c) => known(data.rows[i][c]))) {
      const pair = make("div");
      pair.append(make("dt", {}, column), fill(make("dd"), column, i));
      list.append(pair);
    }
    return list;
  };
  const cards = data.rows.map((row, i) => {
    const card = make("li", { class: rows[i].className });
    const title = make("h3");
    title.append(...(known(row.rank) ? [`${row.rank} · `] : []), named(i));
    card.append(title);
    if (row.reason) card.append(make("p", { class: "reason" }, row.reason));
    const more = pairs(rest, i);
    if (row.status === "finished") card.append(make("dl"));
    if (more.childElementCount) {
      const fold = make("details");
      fold.append(make("summary", {}, "All figures and settings"), more);
      card.append(fold);
    }
    return card;
  });
  $("more").textContent = `Show all ${rows.length} runs`;
  $("more").addEventListener("click", () => { all = true; sort(); });
  $("order").addEventListener("change", () => {
    const column = $("order").value;
    sorted = { column, up: lower.has(column) || !numeric.has(column) };
    sort();
  });
  function sort() {
    const { column, up } = sorted;
    const order = [...rows.keys()].sort((a, b) => {
      const [x, y] = [data.rows[a][column], data.rows[b][column]];
      if (!known(x) || !known(y)) return known(x) ? -1 : known(y) ? 1 : 0;
      return (numeric.has(column) ? x - y : String(x).localeCompare(String(y))) * (up ? 1 : -1);
    });
    body.replaceChildren(...order.map((i) => rows[i]));
    // a card shows what the runs are sorted by too
    const shown = [...(rest.includes(column) ? [column] : []), ...data.leading];
    for (const [i, card] of cards.entries()) card.querySelector(":scope > dl")?.replaceWith(pairs(shown, i));
    order.forEach((i, place) => { cards[i].hidden = place >= AT_FIRST && !all; });
    $("more").hidden = all || order.length <= AT_FIRST;
    $("cards").replaceChildren(...order.map((i) => cards[i]));
    $("order").value = column;
    [...head.children].forEach((cell, i) => {
      const own = data.columns[i] === column;
      cell.setAttribute("aria-sort", own ? (up ? "ascending" : "descending") : "none");
      cell.firstChild.textContent = data.columns[i] + (own ? (up ? " ↑" : " ↓") : "");
    });
  }
  function light(i) {
    for (const node of document.querySelectorAll("[data-run]")) node.classList.toggle("lit", Number(node.dataset.run) === i);
  }
  sort();

  const series = new Map();
  for (const row of done) {
    const key = [row.backbone, row.reduce, row.method].filter((part) => part && part !== "none").join(" · ");
    if (!series.has(key)) series.set(key, []);
    series.get(key).push(row);
  }
  const tone = new Map([...series.keys()].map((key, i) => [key, color(i)]));
  const toneOf = (row) => [...series].find(([, list]) => list.includes(row))[0];
  const keys = () => {
    const list = make("div", { class: "keys" });
    for (const [key, shade] of tone) {
      const item = make("span");
      item.append(make("i", { style: `background:${shade}` }), key);
      list.append(item);
    }
    return list;
  };

  // What a mark in a figure is: said below it, for a pointer, a tap and the keyboard.
  function says(node, where, text, run = null) {
    node.setAttribute("tabindex", "0");
    node.setAttribute("role", "img");
    node.setAttribute("aria-label", text);
    const tell = () => { $(where).textContent = text; if (run !== null) light(run); };
    for (const event of ["pointerenter", "click", "focus"]) node.addEventListener(event, tell);
    for (const event of ["pointerleave", "blur"]) node.addEventListener(event, () => light(null));
  }

  // A score against k.
  const scores = data.columns.filter((c) => numeric.has(c) && !["rank", "k", "seed", "n_photos"].includes(c) && done.some((row) => known(row[c])));
  for (const score of scores) $("score").append(make("option", {}, score));
  function curve() {
    const score = $("score").value;
    $("spaces-curve").hidden = !several.has(score);
    const [W, H, L, R, T, B] = [Math.max(320, Math.min(900, $("curve").clientWidth)), 340, 64, 20, 16, 44];
    const svg = draw("svg", { viewBox: `0 0 ${W} ${H}`, class: "fits", role: "group", "aria-label": `${score} against k` });
    const points = done.filter((row) => known(row[score]));
    const ks = points.map((row) => row.k), values = points.map((row) => row[score]);
    const [k0, k1] = [Math.min(...ks), Math.max(...ks)];
    let [low, high] = [Math.min(...values), Math.max(...values)];
    const pad = (high - low || Math.abs(high) || 1) * 0.08;
    [low, high] = [low - pad, high + pad];
    const x = (k) => (k1 === k0 ? (L + W - R) / 2 : L + ((k - k0) / (k1 - k0)) * (W - L - R));
    const y = (v) => T + ((high - v) / (high - low)) * (H - T - B);
    for (let i = 0; i <= 4; i++) {
      const v = low + (i / 4) * (high - low);
      svg.append(draw("line", { x1: L, x2: W - R, y1: y(v), y2: y(v), class: "axis" }), draw("text", { x: L - 8, y: y(v) + 4, "text-anchor": "end" }, number(v)));
    }
    for (const k of new Set(ks)) svg.append(draw("text", { x: x(k), y: H - B + 22, "text-anchor": "middle" }, String(k)));
    svg.append(draw("text", { x: (L + W - R) / 2, y: H - 4, "text-anchor": "middle" }, "k"));
    for (const [key, list] of series) {
      const line = list.filter((row) => known(row[score])).sort((a, b) => a.k - b.k);
      svg.append(draw("polyline", { class: "line", stroke: tone.get(key), points: line.map((row) => `${x(row.k)},${y(row[score])}`).join(" ") }));
      for (const row of line) {
        const dot = draw("circle", { cx: x(row.k), cy: y(row[score]), r: 5, fill: tone.get(key) });
        says(dot, "said-curve", `${row.run}: ${number(row[score])}`, row.place);
        svg.append(dot);
      }
    }
    $("curve").replaceChildren(svg, keys());
  }
  $("score").addEventListener("change", curve);
  if (scores.length) new ResizeObserver(curve).observe($("curve"));

  // Parallel coordinates.
  const axes = data.axes
    .filter((axis) => done.filter((row) => known(row[axis])).length > 1);
  if (axes.length > 1) {
    const [W, H, L, R, T, B] = [900, 320, 60, 66, 40, 28];
    const svg = draw("svg", { viewBox: `0 0 ${W} ${H}`, role: "group", "aria-label": "Every run over every term" });
    const x = (i) => L + (i / (axes.length - 1)) * (W - L - R);
    // terms without a space go from 0 to 1: one scale, so that heights can be compared from axis to axis
    const within = (names) => { const v = names.flatMap((axis) => done.map((row) => row[axis]).filter(known)); return [Math.min(...v), Math.max(...v)]; };
    const terms = axes.filter((axis) => !axis.includes("@"));
    const range = axes.map((axis) => within(terms.includes(axis) ? terms : [axis]));
    const y = (v, i) => T + (1 - (range[i][1] === range[i][0] ? 0.5 : (v - range[i][0]) / (range[i][1] - range[i][0]))) * (H - T - B);
    axes.forEach((axis, i) => {
      svg.append(draw("line", { x1: x(i), x2: x(i), y1: T, y2: H - B, class: "axis" }));
      svg.append(draw("text", { x: x(i), y: 14, "text-anchor": "middle" }, axis));
      svg.append(draw("text", { x: x(i), y: 30, "text-anchor": "middle" }, number(range[i][1])), draw("text", { x: x(i), y: H - 10, "text-anchor": "middle" }, number(range[i][0])));
    });
    for (const row of done) {
      const shade = tone.get(toneOf(row));
      const line = draw("g", { class: "run", stroke: shade, "data-run": row.place });
      let piece = [];
      const end = () => { if (piece.length > 1) line.append(draw("polyline", { points: piece.join(" ") })); piece = []; };
      axes.forEach((axis, i) => {
        if (!known(row[axis])) return end();
        piece.push(`${x(i)},${y(row[axis], i)}`);
        line.append(draw("circle", { cx: x(i), cy: y(row[axis], i), r: 3.5, fill: shade }));
      });
      end();
      const values = axes.filter((axis) => known(row[axis])).map((axis) => `${axis} ${number(row[axis])}`);
      says(line, "said-parallel", `${row.run}: ${values.join(", ")}`, row.place);
      svg.append(line);
    }
    $("parallel").append(svg, keys());
    $("spaces-parallel").hidden = !axes.some((axis) => several.has(axis));
  } else $("parallel").append(make("p", { class: "small" }, "Too few terms are known."));

  // Heat maps.
  // at most 48 % of the accent: more, and the figures cannot be read in the dark
  const shade = (v, low, high) => `color-mix(in srgb, var(--accent) ${Math.round(48 * Math.max(0, Math.min(1, (v - low) / (high - low || 1))))}%, var(--card))`;
  function heat(values, rowNames, columnNames, low, high, numbered) {
    const table = make("table", { class: "heat" });
    const top = make("tr");
    top.append(make("th", { scope: "col" }, "run"));
    columnNames.forEach((name) => top.append(numbered ? make("th", { scope: "col" }, name) : make("th", { scope: "col", class: "up" }, name)));
    const thead = make("thead");
    thead.append(top);
    table.append(thead);
    values.forEach((line, i) => {
      const tr = make("tr");
      tr.append(make("th", { scope: "row" }, rowNames[i]));
      line.forEach((v) => tr.append(make("td", { style: v === null ? "" : `background:${shade(v, low, high)}` }, v === null ? "–" : v.toFixed(2).replace("-", "−"))));
      table.append(tr);
    });
    return table;
  }
  const numberedNames = data.names.map((name, i) => `${i + 1} ${name}`);
  $("agreement").append(heat(data.agreement, numberedNames, data.names.map((_, i) => String(i + 1)), 0, 1, true));
  if (data.spaces.length > 1) {
    const all = data.cross.flat().filter(known);
    $("cross").append(heat(data.cross, numberedNames, data.spaces, Math.min(0, ...all), Math.max(0.05, ...all), false));
  } else $("cross-part").hidden = true;

  // Lightbox: steps through the photos of one group.
  const box = $("lightbox");
  let inSheet = [], at = 0;
  function show(list, i) {
    [inSheet, at] = [list, i];
    const { picture, text } = list[i], image = box.querySelector("img");
    image.hidden = !picture;
    if (picture) image.src = picture; else image.removeAttribute("src");
    image.alt = text;
    box.querySelector("p").textContent = text;
    if (!box.open) box.showModal();
  }
  const step = (by) => show(inSheet, (at + by + inSheet.length) % inSheet.length);
  box.querySelector(".close").addEventListener("click", () => box.close());
  box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
  for (const button of box.querySelectorAll("[data-step]")) button.addEventListener("click", () => step(Number(button.dataset.step)));
  box.addEventListener("keydown", (event) => { if (event.key === "ArrowRight") step(1); if (event.key === "ArrowLeft") step(-1); });

  // Two runs, photo by photo.
  const moodName = (run, group) => data.moods[run][group] ?? `mood ${group + 1}`;
  for (const id of ["left", "right"]) data.names.forEach((name, i) => $(id).append(make("option", { value: i }, `${i + 1} ${name}`)));
  $("right").value = String(data.pick !== null && data.pick !== 0 ? data.pick : Math.min(1, data.names.length - 1));
  function matched(a, b) {
    const shared = new Map();
    a.forEach((group, i) => { const key = `${group} ${b[i]}`; shared.set(key, (shared.get(key) ?? 0) + 1); });
    const to = new Map(), taken = new Set();
    for (const [key] of [...shared].sort((p, q) => q[1] - p[1])) {
      const [own, other] = key.split(" ").map(Number);
      if (!to.has(own) && !taken.has(other)) { to.set(own, other); taken.add(other); }
    }
    return to;
  }
  function pair() {
    const [a, b] = [data.labels[$("left").value], data.labels[$("right").value]];
    const to = matched(a, b);
    const shadeLeft = (group) => color(group);
    const back = new Map([...to].map(([own, other]) => [other, own]));
    let free = Math.max(...a) + 1;
    const shadeRight = (group) => { if (!back.has(group)) back.set(group, free++); return color(back.get(group)); };
    const moved = a.map((group, i) => to.get(group) !== b[i]);
    const count = moved.filter(Boolean).length;
    $("moved").textContent = `${count} of ${a.length} photos (${Math.round((100 * count) / a.length)} %) changed group.`;
    const sheet = (labels, own, other, others, run, otherRun) => {
      const parts = [];
      for (const group of [...new Set(labels)].sort((p, q) => p - q)) {
        const inside = [...labels.keys()].filter((i) => labels[i] === group && (!$("changed").checked || moved[i]));
        const title = make("h3");
        const name = moodName(run, group);
        title.append(make("span", { class: "dot", style: `background:${own(group)}` }), `${name[0].toUpperCase()}${name.slice(1)} · ${inside.length}`);
        const grid = make("div", { class: "photos" });
        const list = inside.map((i) => ({ picture: data.pictures[i], text: `${data.cafe[i]}\n${name}; in the other run ${moodName(otherRun, others[i])}` }));
        inside.forEach((i, place) => {
          const button = make("button", { type: "button", style: `--other:${other(others[i])}`, "aria-label": `Enlarge ${data.cafe[i]}: ${moodName(otherRun, others[i])} in the other run${data.pictures[i] ? "" : " (photo is gone)"}` });
          if (data.pictures[i]) button.append(make("img", { src: data.pictures[i], alt: "" }));
          button.addEventListener("click", () => show(list, place));
          grid.append(button);
        });
        if (inside.length) parts.push(title, grid);
      }
      return parts.length ? parts : [make("p", { class: "small" }, "No photo changed group.")];
    };
    $("sheet-left").replaceChildren(...sheet(a, shadeLeft, shadeRight, b, $("left").value, $("right").value));
    $("sheet-right").replaceChildren(...sheet(b, shadeRight, shadeLeft, a, $("right").value, $("left").value));
  }
  for (const id of ["left", "right", "changed"]) $(id).addEventListener("change", pair);
  if (data.names.length > 1) pair();
  if (navigator.language.startsWith("ko")) document.querySelector(".korean").open = true;
})();
