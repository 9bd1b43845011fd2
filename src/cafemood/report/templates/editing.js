// Editing a run's moods in its page: photos are selected, edits are gathered, and leave as one file for `cafemood apply`.
(() => {
  "use strict";
  const editor = document.getElementById("editor"), bar = document.getElementById("edit-bar");
  const $ = (selector, within = editor) => within.querySelector(selector);
  const PAGE = 400;
  let data, edit, n, base, state; // read when the first edit begins: the page is there sooner
  const edits = [], selected = new Set();
  let language = (navigator.language || "en").startsWith("ko") ? "ko" : "en";
  const tell = (name, values = {}) => edit.text[language][name].replace(/\{(\w+)\}/g, (_, v) => values[v]);
  const number = (value) => value.toLocaleString(language);
  const photosOf = (many) => (many === 1 ? tell("one") : tell("many", { n: number(many) }));
  let unsaved = false, page = 0, order = [], anchor = -1, focused = 0, thirds, groupOf, listeners = [], opener = null, active = false;

  function begin() {
    if (data) return;
    data = window.pageData || JSON.parse(document.getElementById("payload").textContent);
    edit = data.edit;
    n = data.file.length;
    base = (data.cluster || data.mood).slice();
    const sorted = data.probability.map((p) => p ?? 0).sort((a, b) => a - b);
    thirds = [sorted[Math.floor(n / 3)], sorted[Math.floor((2 * n) / 3)]];
    groupOf = new Map(edit.near.flatMap((group, g) => group.map((i) => [i, g])));
    const fill = (name, entries) => {
      const select = $(`[name=${name}]`);
      for (const [value, text] of entries) select.append(new Option(text, value));
      select.parentElement.hidden = !entries.length;
    };
    fill("look", edit.words.map((word, w) => [String(w), word])); // in the language: `translate`
    const areas = [...new Set(edit.area.filter(Boolean))].sort((a, b) => a.localeCompare(b, "ko"));
    fill("area", areas.length > 1 ? areas.map((area) => [area, area]) : []);
    $("[name=place]").parentElement.hidden = !edit.no_place.some(Boolean);
    $("[value=near]").disabled = !edit.near.length;
    replay();
    translate();
  }
  function translate() {
    for (const part of [editor, bar]) {
      part.lang = language;
      for (const node of part.querySelectorAll("[data-say]")) node.textContent = tell(node.dataset.say);
      for (const node of [part, ...part.querySelectorAll("[data-say-label]")]) if (node.dataset.sayLabel) node.setAttribute("aria-label", tell(node.dataset.sayLabel));
      for (const node of part.querySelectorAll("[data-say-title]")) node.title = tell(node.dataset.sayTitle);
    }
    $("[value=near]").textContent = tell("near", { n: groupOf.size });
    for (const option of $("[name=look]").options) if (option.value) option.textContent = (language === "ko" ? edit.words_korean : edit.words)[option.value];
    $(".done").dataset.none = tell("none_yet");
    Object.assign($("[data-act=language]", bar), { textContent: tell("other_language"), lang: language === "ko" ? "en" : "ko" });
  }
  function speak() { // the other language
    language = language === "ko" ? "en" : "ko";
    replay();
    translate();
    say("");
    draw();
  }

  // What the edits make of the moods; numbers are as in the file, and are given once.
  const nameOf = (mood) => mood.name || mood.words || `Mood ${mood.number}`;
  const titleOf = (mood) => mood.name || (language === "ko" && mood.korean) || mood.words || tell("numbered", { n: mood.number });
  function replay() {
    const labels = base.map((j) => j + 1);
    const moods = new Map(edit.moods.map((mood) => [mood.number, { ...mood }]));
    let next = edit.moods.length + 1;
    const said = [];
    for (const one of edits) {
      const rows = (one.photos || []).map((id) => edit.row.get(id)), photos = photosOf(rows.length);
      const mood = moods.get(one.mood);
      if (one.do === "rename") { const a = titleOf(mood); mood.name = one.name; said.push(tell("renamed", { a, b: titleOf(mood) })); }
      if (one.do === "merge") {
        said.push(tell("merged", { a: one.moods.slice(1).map((j) => titleOf(moods.get(j))).join("”, “"), b: titleOf(moods.get(one.moods[0])) }));
        for (let i = 0; i < n; i++) if (one.moods.includes(labels[i])) labels[i] = one.moods[0];
        for (const j of one.moods.slice(1)) moods.delete(j);
      }
      if (one.do === "split") {
        moods.set(next, { number: next, name: one.name || "", words: "", color: edit.colors[(next - 1) % edit.colors.length] });
        for (const i of rows) labels[i] = next;
        said.push(tell("parted", { photos, b: titleOf(moods.get(next)) }));
        next++;
      }
      if (one.do === "move") { for (const i of rows) labels[i] = one.mood; said.push(tell("moved", { photos, b: titleOf(mood) })); }
      if (one.do === "exclude") { for (const i of rows) labels[i] = 0; said.push(tell("excluded", { photos })); }
    }
    const sizes = new Map([...moods.keys()].map((number) => [number, 0]));
    for (const label of labels) if (label) sizes.set(label, sizes.get(label) + 1);
    state = { labels, moods, next, said, sizes };
    for (const i of [...selected]) if (!labels[i]) selected.delete(i);
  }
  const rowsById = () => { edit.row ??= new Map(edit.ids.map((id, i) => [id, i])); return edit.row; };

  function say(text) { $(".said", bar).textContent = text; measure(); }
  function add(one) {
    rowsById();
    edits.push(one);
    unsaved = true;
    replay();
    say("");
    changed();
  }
  function undo() {
    if (!edits.length) return;
    const text = state.said.at(-1);
    edits.pop();
    unsaved = edits.length > 0;
    replay();
    say(tell("undone", { a: text }));
    changed();
  }
  function changed() {
    $(".run-it", bar).hidden = true;
    draw();
    for (const listener of listeners) listener();
  }

  // Actions on the selected photos. Where cafés were grouped, all photos of a café go together.
  const whole = (rows) => {
    if (edit.unit !== "cafe") return rows;
    const cafes = new Set(rows.map((i) => edit.cafe[i]));
    return edit.cafe.flatMap((cafe, i) => (cafes.has(cafe) && state.labels[i] ? [i] : []));
  };
  const idsOf = (rows) => rows.map((i) => edit.ids[i]);
  const chosen = () => [...selected].sort((a, b) => a - b);
  function along(rows) {
    const more = rows.filter((i) => !selected.has(i)).length;
    if (more) say(tell("along", { photos: photosOf(more) }));
  }
  function move(number) {
    const rows = whole(chosen()).filter((i) => state.labels[i] !== number);
    if (rows.length) add({ do: "move", photos: idsOf(rows), mood: number });
    else say(tell("there_already"));
    along(rows);
    select([]);
  }
  function split() {
    const rows = whole(chosen());
    add({ do: "split", photos: idsOf(rows), mood: state.next });
    along(rows);
    select([]);
    const input = editor.querySelector(`[data-number="${state.next - 1}"] input`);
    if (!editor.hidden && input) { $(".side").open = true; input.focus(); }
  }
  function exclude() { add({ do: "exclude", photos: idsOf(chosen()) }); select([]); }
  function rename(number, text) {
    const name = text.replace(/[\u0000-\u001f\u007f-\u009f]/g, " ").split(/\s+/).filter(Boolean).join(" ") || null;
    const mood = state.moods.get(number);
    if (name && [...name].length > 80) { say(tell("too_long")); return draw(); }
    if ((name || "") === (mood.name || "")) return draw();
    const taken = [...state.moods.values()].find((other) => other !== mood && other.name && name && other.name.toLowerCase() === name.toLowerCase());
    if (taken) { say(tell("taken", { n: taken.number, a: name })); return draw(); }
    add({ do: "rename", mood: number, name });
  }
  function merge(number, into) { add({ do: "merge", moods: [into, number] }); }

  // Files: the edits, and the selected photos as a table that no spreadsheet runs (as core/cells.py writes it).
  function give(name, text, type) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }
  function save() {
    const there = [...state.sizes.values()].filter(Boolean).length;
    if (there < 2 && edits.some((one) => one.do !== "rename")) return say(tell("two_at_least"));
    give("edits.json", JSON.stringify({ kind: edit.kind, version: edit.version, run: edit.run, run_name: edit.run_name, edits }, null, 1) + "\n", "application/json");
    unsaved = false;
    say("");
    $(".run-it code", bar).textContent = edit.command;
    $(".run-it", bar).hidden = false;
    measure();
  }
  const FORMULA = /^[\s\ufeff\u200b-\u200f\u2060\x00-\x1f\x7f-\x9f\u00ad\u202a-\u202e\u2066-\u2069]*[=+\-@＝＋－＠﹢﹣﹦﹫−]|^[\t\r\n]/;
  const QUOTED = /[",\r\n\t;\x0b\x0c\x1c-\x1e\x85\u2028\u2029]|^\s|\s$/;
  function cell(value) {
    if (value === null || value === undefined || Number.isNaN(value)) return "";
    if (typeof value === "number") return String(value);
    let text = value.replaceAll("\0", "\ufffd");
    if (FORMULA.test(text.replace(/^'+/, ""))) text = `'${text}`;
    return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }
  function csv() {
    const lines = [["photo_id", "file", "cafe", "mood", "mood_name", "probability"]];
    for (const i of chosen()) {
      const mood = state.moods.get(state.labels[i]);
      lines.push([edit.ids[i], data.file[i], edit.cafes[edit.cafe[i]], mood.number, nameOf(mood), data.probability[i]]);
    }
    give("selection.csv", lines.map((line) => line.map(cell).join(",") + "\n").join(""), "text/csv");
  }
  async function load(file) {
    let said = tell("no_file");
    try {
      const found = JSON.parse(await file.text());
      if (found.kind === edit.kind && found.version === edit.version && found.run === edit.run && Array.isArray(found.edits)) {
        const before = edits.splice(0);
        rowsById();
        try {
          edits.push(...found.edits);
          if (!edits.every((one) => ["rename", "merge", "split", "move", "exclude"].includes(one.do))) throw new Error("do");
          if (!edits.every((one) => (one.photos || []).every((id) => edit.row.has(id)))) throw new Error("photo");
          replay();
          unsaved = false;
          said = tell("loaded", { n: edits.length });
        } catch { edits.splice(0, edits.length, ...before); replay(); }
      }
    } catch { /* no JSON */ }
    changed();
    say(said);
  }

  // Selecting.
  function select(rows, { more = false } = {}) {
    if (!more) selected.clear();
    for (const i of rows) if (state.labels[i]) selected.add(i);
    mark();
    for (const listener of listeners) listener();
  }
  function toggle(i, { range = false } = {}) {
    const from = order.indexOf(anchor), to = order.indexOf(i);
    if (range && from >= 0 && to >= 0) for (const j of order.slice(Math.min(from, to), Math.max(from, to) + 1)) { if (state.labels[j]) selected.add(j); }
    else if (selected.has(i)) selected.delete(i);
    else selected.add(i);
    anchor = i;
    $("[data-act=range]", bar).setAttribute("aria-pressed", "false");
    mark();
    for (const listener of listeners) listener();
  }
  const ranging = () => $("[data-act=range]", bar).getAttribute("aria-pressed") === "true";

  // Filters.
  function fits(i, wanted) { // what a photo is by itself
    if (wanted.look && Math.floor(edit.looks[i] / 2 ** Number(wanted.look)) % 2 === 0) return false; // more words than 32 bits
    if (wanted.certainty && (data.probability[i] < thirds[0] ? 0 : data.probability[i] < thirds[1] ? 1 : 2) !== Number(wanted.certainty)) return false;
    return !wanted.place || (wanted.place === "none") === Boolean(edit.no_place[i]);
  }
  function passes(i, wanted) {
    const mood = state.labels[i];
    if (!mood) return wanted.only === "edited" && base[i] + 1 !== 0;
    if (wanted.mood && mood !== Number(wanted.mood)) return false;
    if (wanted.area && edit.area[i] !== wanted.area) return false;
    if (!fits(i, wanted)) return false;
    if (wanted.only === "near" && !groupOf.has(i)) return false;
    if (wanted.only === "selected" && !selected.has(i)) return false;
    if (wanted.only === "edited" && mood === base[i] + 1) return false;
    const q = wanted.q.trim().toLowerCase();
    return !q || data.file[i].toLowerCase().includes(q) || edit.cafes[edit.cafe[i]].toLowerCase().includes(q);
  }
  function found() {
    const wanted = Object.fromEntries(new FormData($(".filters")));
    const rows = [...Array(n).keys()].filter((i) => passes(i, wanted));
    const rank = wanted.only === "near" ? (i) => groupOf.get(i) : (i) => state.labels[i];
    const sign = wanted.certainty === "0" ? 1 : -1;
    return { near: wanted.only === "near", rows: rows.sort((a, b) => rank(a) - rank(b) || sign * ((data.probability[a] ?? 0) - (data.probability[b] ?? 0))) };
  }

  // Drawing.
  function draw() {
    if (editor.hidden) { mark(); return; }
    const inside = document.activeElement && document.activeElement.closest("#editor .list li");
    const kept = inside ? [inside.dataset.number, document.activeElement.tagName] : null;
    $(".list").replaceChildren(...[...state.moods.values()].map(item));
    if (kept) editor.querySelector(`[data-number="${kept[0]}"] ${kept[1]}`)?.focus();
    const chooser = $("[name=mood]"), before = chooser.value;
    chooser.replaceChildren(new Option(tell("all"), ""), ...[...state.moods.values()].map((mood) => new Option(titleOf(mood), mood.number)));
    chooser.value = state.moods.has(Number(before)) ? before : "";
    $(".done").replaceChildren(...state.said.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    const { rows, near } = found();
    order = rows;
    page = Math.max(0, Math.min(page, Math.ceil(rows.length / PAGE) - 1));
    const shown = rows.slice(page * PAGE, (page + 1) * PAGE), grid = $(".grid"), tiles = [];
    let last = -1, into = tiles;
    for (const i of shown) {
      if (near && groupOf.get(i) !== last) {
        last = groupOf.get(i);
        const group = document.createElement("div"), words = Object.assign(document.createElement("h4"), { textContent: tell("alike", { n: edit.near[last].length }) });
        group.className = "alike";
        group.setAttribute("role", "group");
        group.setAttribute("aria-label", words.textContent);
        words.setAttribute("aria-hidden", "true");
        group.append(words);
        tiles.push(group);
        into = { push: (made) => group.append(made) };
      }
      into.push(tile(i));
    }
    grid.replaceChildren(...tiles);
    focused = Math.max(0, Math.min(focused, shown.length - 1));
    const first = grid.querySelectorAll(".tile")[focused];
    if (first) first.tabIndex = 0;
    $(".found").textContent = rows.length ? tell(edit.n > n ? "found_shown" : "found", { a: number(rows.length), b: number(n), n: number(edit.n) }) : tell("nothing");
    $(".rest").hidden = !near || !rows.length;
    $(".pager").hidden = rows.length <= PAGE;
    $(".pager span").textContent = `${page * PAGE + 1}–${page * PAGE + shown.length}`;
    mark();
  }
  function item(mood) {
    const line = document.createElement("li"), input = document.createElement("input"), size = document.createElement("small"), into = document.createElement("select");
    line.dataset.number = mood.number;
    line.style.setProperty("--mood", mood.color);
    Object.assign(input, { value: mood.name || "", placeholder: titleOf({ ...mood, name: "" }), maxLength: 80 });
    input.setAttribute("aria-label", tell("name_of", { n: mood.number }));
    input.addEventListener("change", () => rename(mood.number, input.value));
    size.textContent = number(state.sizes.get(mood.number));
    into.append(new Option(tell("merge"), ""), ...[...state.moods.values()].filter((other) => other !== mood).map((other) => new Option(tell("into", { a: titleOf(other) }), other.number)));
    into.setAttribute("aria-label", tell("merge_about", { n: mood.number }));
    into.addEventListener("change", () => { if (into.value) merge(mood.number, Number(into.value)); });
    line.append(size, input, into);
    return line;
  }
  function tile(i) {
    const button = document.createElement("button"), words = document.createElement("span"), mood = state.moods.get(state.labels[i]);
    button.type = "button";
    button.className = "tile";
    button.dataset.row = i;
    button.tabIndex = -1;
    button.setAttribute("role", "option");
    button.style.setProperty("--mood", mood ? mood.color : "transparent");
    if (data.pictures[i]) button.append(Object.assign(new Image(), { loading: "lazy", decoding: "async", alt: "", src: data.pictures[i] }));
    words.textContent = edit.cafes_known ? edit.cafes[edit.cafe[i]] : data.file[i];
    words.dir = "auto";
    button.append(words);
    button.setAttribute("aria-label", `${words.textContent}, ${mood ? titleOf(mood) : tell("out")}`);
    button.disabled = !mood;
    return button;
  }
  function mark() {
    for (const button of editor.querySelectorAll(".tile")) button.setAttribute("aria-selected", String(selected.has(Number(button.dataset.row))));
    const many = selected.size;
    $(".selected", bar).textContent = many ? tell("selected", { n: number(many) }) : tell("none_selected");
    for (const act of ["none", "move", "split", "exclude", "csv"]) $(`[data-act=${act}]`, bar).disabled = !many;
    $("[data-act=undo]", bar).disabled = !edits.length;
    const button = $("[data-act=save]", bar);
    button.disabled = !edits.length;
    button.textContent = edits.length ? tell("save_n", { n: edits.length }) : tell("save");
    $("[data-act=move]", bar).replaceChildren(new Option(tell("move"), ""), ...[...state.moods.values()].map((mood) => new Option(titleOf(mood), mood.number)));
    $("[data-act=grid]", bar).hidden = !editor.hidden;
    $("[data-act=range]", bar).hidden = $("[data-act=all]", bar).hidden = editor.hidden && !shownElsewhere;
    $("[data-act=range]", bar).hidden ||= editor.hidden;
    measure();
  }
  function measure() { document.body.style.setProperty("--bar", bar.hidden ? "0px" : `${bar.offsetHeight}px`); }
  let shownElsewhere = null;

  // Opening and closing: the rest of the page rests meanwhile.
  function start() { begin(); active = true; bar.hidden = false; document.body.classList.add("editing"); mark(); }
  function stop() {
    active = false;
    bar.hidden = true;
    document.body.classList.remove("editing");
    if (!editor.hidden) close();
    selected.clear();
    measure();
    for (const listener of listeners) listener();
  }
  function open() {
    opener = document.activeElement;
    start();
    editor.hidden = false;
    if (matchMedia("(max-width: 760px)").matches) $(".side").open = false;
    for (const child of document.body.children) if (child !== editor && child !== bar && child.tagName !== "SCRIPT") child.inert = true;
    document.documentElement.style.overflow = "hidden";
    draw();
    $("#editor-title").focus();
  }
  function close() {
    editor.hidden = true;
    for (const child of document.body.children) child.inert = false;
    document.documentElement.style.overflow = "";
    if (!shownElsewhere && !edits.length) { bar.hidden = true; active = false; document.body.classList.remove("editing"); }
    if (opener) opener.focus();
    mark();
  }

  // Events.
  const acts = {
    range: () => $("[data-act=range]", bar).setAttribute("aria-pressed", String(!ranging())),
    all: () => select(editor.hidden && shownElsewhere ? shownElsewhere() : order, { more: true }),
    none: () => select([]), split, exclude, csv, undo, save, grid: open, language: speak,
    copy: async (event) => {
      try { await navigator.clipboard.writeText(edit.command); event.target.textContent = tell("copied"); }
      catch { getSelection().selectAllChildren($(".run-it code", bar)); event.target.textContent = tell("marked"); }
    },
  };
  bar.addEventListener("click", (event) => { const act = acts[event.target.closest("button")?.dataset.act]; if (act) act(event); });
  $("[data-act=move]", bar).addEventListener("change", (event) => { if (event.target.value) move(Number(event.target.value)); });
  $(".close").addEventListener("click", close);
  $(".grid").addEventListener("click", (event) => {
    const hit = event.target.closest(".tile");
    if (hit) toggle(Number(hit.dataset.row), { range: event.shiftKey || ranging() });
  });
  $(".grid").addEventListener("keydown", (event) => {
    const tiles = [...editor.querySelectorAll(".tile")], at = tiles.indexOf(event.target.closest(".tile"));
    if (at < 0) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "a") { select(order); event.preventDefault(); return; }
    const top = tiles[at].offsetTop;
    const row = (way) => {
      const next = tiles.filter((other) => way * (other.offsetTop - top) > 0).map((other) => other.offsetTop);
      const target = way > 0 ? Math.min(...next) : Math.max(...next);
      const line = tiles.filter((other) => other.offsetTop === target);
      return line.sort((a, b) => Math.abs(a.offsetLeft - tiles[at].offsetLeft) - Math.abs(b.offsetLeft - tiles[at].offsetLeft))[0];
    };
    const to = { ArrowRight: () => tiles[at + 1], ArrowLeft: () => tiles[at - 1], ArrowDown: () => row(1), ArrowUp: () => row(-1), Home: () => tiles[0], End: () => tiles.at(-1) }[event.key];
    if (!to) return;
    event.preventDefault();
    const next = to();
    if (!next) return;
    tiles[at].tabIndex = -1;
    next.tabIndex = 0;
    focused = tiles.indexOf(next);
    next.focus();
    if (event.shiftKey) toggle(Number(next.dataset.row), { range: true });
  });
  $(".filters").addEventListener("input", () => { page = 0; draw(); });
  $(".filters").addEventListener("submit", (event) => event.preventDefault());
  $(".load input").addEventListener("change", (event) => { if (event.target.files[0]) load(event.target.files[0]); event.target.value = ""; });
  $(".rest").addEventListener("click", () => {
    const first = new Map();
    for (const i of order) if (!first.has(groupOf.get(i))) first.set(groupOf.get(i), i);
    select(order.filter((i) => first.get(groupOf.get(i)) !== i));
  });
  for (const button of editor.querySelectorAll("[data-page]")) button.addEventListener("click", () => { page += Number(button.dataset.page); draw(); $(".photos").scrollTop = 0; });
  editor.addEventListener("keydown", (event) => { if (event.key === "Escape" && !event.target.matches("input")) { close(); event.stopPropagation(); } });
  addEventListener("keydown", (event) => { if ((event.ctrlKey || event.metaKey) && event.key === "z" && active && !event.target.matches("input")) { undo(); event.preventDefault(); } });
  addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  addEventListener("resize", measure);
  for (const button of document.querySelectorAll("[data-edit-open]")) button.addEventListener("click", open);

  window.editing = {
    open, start, stop, cell, select, toggle, selected, edits,
    get active() { return active; },
    get state() { begin(); return state; },
    title: (mood) => nameOf(mood), // the atlas's page is English
    fits: (i, wanted) => { begin(); return fits(i, wanted); },
    onchange: (listener) => listeners.push(listener),
    shown: (rows) => { shownElsewhere = rows; },
  };
})();
