(() => {
  const data = JSON.parse(document.getElementById("payload").textContent);
  const screen = document.getElementById("screen"), top_ = document.getElementById("top"), note = document.getElementById("note");
  const [features, evidence] = [data.features, data.evidence].map((table) => table.map((row) => Float64Array.from(row))), { model } = data;
  const n = features.length, width = features[0].length;
  const rows = new Map(data.id.map((id, i) => [id, i])), zeros = new Float64Array(width);
  const unable = data.photos.flatMap((photos, i) => (photos.length ? [] : [i])), MOST = 500;

  // What this device remembers, and nothing else does.
  const key = `cafemood-taste-${data.list}`;
  const fresh = () => ({ language: (navigator.language || "ko").startsWith("ko") ? "ko" : "en", seed: crypto.getRandomValues(new Uint32Array(1))[0], answers: [], current: null, screen: "welcome" });
  let me = fresh(), remembers = true, here = null, shownCards = 10, taste = null, pending = null;
  try {
    const kept = JSON.parse(localStorage.getItem(key));
    if (kept && ["ko", "en"].includes(kept.language)) me.language = kept.language;
    if (kept && kept.answers.every(sound)) Object.assign(me, { seed: kept.seed >>> 0, answers: kept.answers });
  } catch { remembers = false; }
  const keep = () => { try { localStorage.setItem(key, JSON.stringify({ language: me.language, seed: me.seed, answers: me.answers })); } catch { remembers = false; } };

  const say = (name, values = {}) => data.words[me.language][name].replace(/\{(\w+)\}/g, (_, v) => values[v]);
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "click") element.addEventListener("click", value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child != null));
    return element;
  };
  const button = (text, click, more = {}) => make("button", { type: "button", click, ...more }, text);
  const heading = (text) => make("h1", { tabindex: "-1" }, text);
  const moodName = (j) => data.moods[j][me.language] || say("unnamed", { n: j + 1 });
  const lookWord = (look, sign) => data.looked[look][me.language][sign > 0 ? 1 : 0];

  // Answers.
  function sound(answer) {
    const row = (i) => Number.isInteger(i) && i >= 0 && i < n;
    if (answer && typeof answer.more === "boolean") return row(answer.cafe);
    const shown = answer && answer.shown;
    return Array.isArray(shown) && shown.length >= 2 && shown.length <= 4 && shown.every(row) && new Set(shown).size === shown.length && (answer.chosen === null || shown.includes(answer.chosen));
  }
  const questions = () => me.answers.filter((answer) => answer.shown);
  const taps = () => me.answers.filter((answer) => answer.shown && answer.chosen !== null).length;
  const learnt = () => me.answers.some((answer) => !answer.shown || answer.chosen !== null);
  const choices = () => me.answers.flatMap((answer) => {
    if (!answer.shown) return [{ options: [features[answer.cafe], zeros], chosen: answer.more ? 0 : 1 }];
    return answer.chosen === null ? [] : [{ options: answer.shown.map((i) => evidence[i]), chosen: answer.shown.indexOf(answer.chosen) }];
  });
  function learn() { taste = Taste.fit(choices(), width, model); }
  function ask() {
    const asked = questions();
    me.current = Taste.nextQuestion(features, evidence, taste, asked.flatMap((answer) => answer.shown), { ...model, seed: (me.seed + asked.length) >>> 0, size: data.size, unable });
  }
  function answer(chosen) {
    if (!me.current || me.answers.length >= MOST) return;
    const start = performance.now();
    me.answers.push({ shown: me.current, chosen });
    me.current = null; // the next question is thought of when it is shown
    learn(); keep();
    if (chosen !== null && taps() === data.taps) me.screen = "list";
    show();
    document.body.dataset.ms = performance.now() - start; // for tests
  }
  function back() {
    const last = me.answers.findLastIndex((answer) => answer.shown);
    if (last < 0) return;
    me.current = me.answers[last].shown;
    me.answers.splice(last, 1);
    learn(); keep(); show();
  }
  function marked(i) { const mark = me.answers.find((answer) => !answer.shown && answer.cafe === i); return mark ? mark.more : null; }
  function mark(i, more) {
    const before = me.answers;
    const same = marked(i) === more;
    me.answers = me.answers.filter((answer) => answer.shown || answer.cafe !== i);
    if (!same) me.answers.push({ cafe: i, more });
    learn(); keep();
    const at = window.scrollY;
    show({ focus: false });
    window.scrollTo(0, at);
    if (!same) tell(say(more ? "added" : "removed", { name: data.name[i] }), more ? null : () => { me.answers = before; learn(); keep(); show(); });
    const again = screen.querySelector(`[data-cafe="${i}"] [data-more="${more}"]`);
    if (again) again.focus({ preventScroll: true });
  }

  // A taste as a link: `1.<cafés>.c3-0-7-9_l4_n8`: chosen first, then the others; s: skipped; l: more like this; n: not this.
  function linked() {
    const parts = me.answers.flatMap((a) => {
      if (!a.shown) return [`${a.more ? "l" : "n"}${a.cafe}`];
      return a.chosen === null ? [] : [`c${[a.chosen, ...a.shown.filter((i) => i !== a.chosen)].join("-")}`];
    });
    return `${location.href.split("#")[0]}#taste=${data.format}.${data.list}.${parts.join("_")}`;
  }
  function fromLink(text) {
    const found = /^#taste=(\d+)\.([0-9a-f]+)\.([\w-]*)$/.exec(text);
    if (!found) return { trouble: "damaged" };
    if (Number(found[1]) !== data.format || found[2] !== data.list) return { trouble: "other_run" };
    const answers = found[3].split("_").filter(Boolean).map((part) => {
      if (/^[ln]\d+$/.test(part)) return { cafe: Number(part.slice(1)), more: part[0] === "l" };
      const shown = /^c\d+(-\d+)+$/.test(part) ? part.slice(1).split("-").map(Number) : [];
      return { shown, chosen: shown.length ? shown[0] : null };
    });
    return answers.length && answers.length <= MOST && answers.every(sound) ? { answers } : { trouble: "damaged" };
  }
  function fromFile(text) {
    let kept;
    try { kept = JSON.parse(text); } catch { return { trouble: "damaged" }; }
    if (!kept || typeof kept !== "object" || !Number.isInteger(kept.cafemood_taste) || !Array.isArray(kept.answers)) return { trouble: "damaged" };
    if (kept.cafemood_taste !== data.format || kept.run !== data.run) return { trouble: "other_run" };
    const answers = kept.answers.map((a) => {
      if (a && typeof a.more === "boolean") return { cafe: rows.get(a.cafe), more: a.more };
      if (!a || !Array.isArray(a.shown)) return null;
      return { shown: a.shown.map((id) => rows.get(id)), chosen: a.chosen === null ? null : rows.get(a.chosen) };
    });
    return answers.length && answers.length <= MOST && answers.every(sound) ? { answers } : { trouble: "damaged" };
  }
  function take({ answers, trouble }) {
    if (trouble) { pending = [say(trouble)]; me.screen = "welcome"; return show(); }
    me.answers = answers;
    begin(learnt() ? "list" : "asking");
  }
  function content() {
    const answers = me.answers.map((a) => (a.shown ? { shown: a.shown.map((i) => data.id[i]), chosen: a.chosen === null ? null : data.id[a.chosen] } : { cafe: data.id[a.cafe], more: a.more }));
    return JSON.stringify({ cafemood_taste: data.format, run: data.run, answers }, null, 1);
  }
  function save() {
    const link = make("a", { href: URL.createObjectURL(new Blob([content()], { type: "application/json" })), download: "cafemood-taste.json" });
    link.click();
    tell(say("saved"));
  }
  async function copy() {
    const link = linked();
    try { await navigator.clipboard.writeText(link); tell(say("copied")); }
    catch { try { history.replaceState(null, "", link); } catch { location.hash = link.split("#")[1]; } tell(say("not_copied")); }
  }

  // Screens.
  function begin(where) {
    learn();
    if (!me.current) ask();
    me.screen = me.current.length < 2 ? "welcome" : where;
    shownCards = 10;
    keep(); show();
    if (me.current.length < 2) tell(say("too_few"));
  }
  function restart() { const { language } = me; me = fresh(); me.language = language; keep(); begin("asking"); }
  function show({ focus = true } = {}) {
    document.documentElement.lang = me.language;
    document.title = say("title");
    note.hidden = true;
    top_.replaceChildren(...header());
    screen.replaceChildren({ welcome, asking, list }[me.screen]());
    document.body.dataset.screen = me.screen;
    document.body.dataset.taps = taps();
    if (focus) { window.scrollTo(0, 0); if (me.screen !== "welcome") screen.querySelector("h1").focus({ preventScroll: true }); }
    if (pending) { tell(...pending); pending = null; }
    else if (!remembers && me.screen !== "welcome") tell(say("no_memory"));
  }
  function tell(text, undo) {
    note.replaceChildren(make("span", {}, text), ...(undo ? [button(say("undo"), undo)] : []));
    note.hidden = false;
  }
  function header() {
    const language = button(say("other_language"), () => { me.language = me.language === "ko" ? "en" : "ko"; keep(); show({ focus: false }); }, { class: "plain", lang: me.language === "ko" ? "en" : "ko" });
    if (me.screen !== "asking") {
      const left = me.screen === "list" ? button(`‹ ${say("more_taps")}`, () => { me.screen = "asking"; show(); }, { class: "plain" }) : make("span");
      return [make("div", { class: "bar" }, left, make("span"), make("span", {}, language))];
    }
    const done = taps(), early = done < data.taps;
    const words = early ? say("progress", { n: done, of: data.taps }) : say("tapped", { n: done });
    const count = make("span", { class: "count", "aria-label": words }, early ? `${done} / ${data.taps}` : words);
    const parts = [make("div", { class: "bar" }, button(`‹ ${say("back")}`, back, { class: "plain", disabled: !questions().length }), count, make("span", {}, language))];
    parts.push(make("progress", { max: data.taps, value: Math.min(done, data.taps), "aria-label": words }));
    return parts;
  }
  function welcome() {
    const start = button(say(me.answers.length ? "go_on" : "start"), () => begin(taps() >= data.taps ? "list" : "asking"), { class: "primary" });
    const file = make("input", { type: "file", accept: ".json,application/json", hidden: true, id: "file" });
    file.addEventListener("change", async () => {
      const given = file.files[0];
      if (given) take(given.size > 1e6 ? { trouble: "damaged" } : fromFile(await given.text()));
    });
    const faces = data.photos.filter((photos) => photos.length), step = Math.max(1, Math.floor(faces.length / 6));
    const strip = make("div", { class: "strip", "aria-hidden": "true" }, ...faces.filter((_, i) => i % step === 0).slice(0, 6).map((photos) => make("img", { src: photos[0], alt: "", draggable: "false" })));
    return make("div", { class: "text" },
      strip, heading(say("title")), make("p", { class: "lead" }, say("lead")),
      make("ul", { class: "facts" }, ...[say("fact_cafes", { n }), say("fact_time"), say("fact_private")].map((text) => make("li", {}, text))),
      unable.length ? make("p", { class: "soft" }, say("gone", { n: unable.length })) : null,
      start, make("div", { class: "row" },
        me.answers.length ? button(say("restart"), restart, { class: "plain" }) : null,
        button(say("open"), () => file.click(), { class: "plain" }), file));
  }
  function wordsOf(i) {
    const most = data.shares[i].indexOf(Math.max(...data.shares[i]));
    return `${moodName(most)}`;
  }
  function asking() {
    if (!me.current) ask();
    const question = say("ask");
    const frames = me.current.map((i, k) => make("button", { type: "button", class: "pick", "data-cafe": i, "aria-label": say("choose", { n: k + 1, words: wordsOf(i) }), click: () => answer(i) },
      make("img", { src: data.photos[i][0], alt: "", draggable: "false" }), make("kbd", { "aria-hidden": "true" }, String(k + 1))));
    const foot = [button(say("skip"), () => answer(null), { class: "plain", id: "skip" })];
    if (taps() >= Math.min(5, data.taps)) foot.push(button(say("see"), () => { me.screen = "list"; show(); }, { class: taps() >= data.taps ? "primary small" : "", id: "see" }));
    return make("div", { class: "question" }, heading(question), make("div", { class: `photos n${me.current.length}`, role: "group", "aria-label": question }, ...frames), make("div", { class: "foot" }, ...foot));
  }
  function list() {
    if (!learnt()) return make("div", { class: "text" }, heading(say("results")), make("p", {}, say("nothing")), button(say("more_taps"), () => { me.screen = "asking"; show(); }, { class: "primary" }));
    const values = Taste.utilities(features, taste), chances = Taste.chances(features, taste, data.rank), why = Taste.reasons(values, data.looks, data.shares, data.reasons);
    const order = Taste.order(values).filter((i) => marked(i) !== false), best = order.slice(0, shownCards);
    const top = order.slice(0, Math.min(10, Math.ceil(n / data.rank.fifth))); // of few cafés, no more than can be the best
    const sure = top.reduce((sum, i) => sum + chances[i], 0) / Math.max(1, top.length);
    const level = sure >= 0.75 ? "high" : sure >= 0.5 ? "middle" : "low";
    const hope = Taste.deviations(features, taste).map((d, i) => values[i] + 1.3 * d), seen = new Set(questions().flatMap((a) => a.shown));
    const others = order.slice(shownCards).filter((i) => !seen.has(i) && data.photos[i].length && hope[i] > values[best[best.length - 1]]).sort((a, b) => hope[b] - hope[a]).slice(0, 2);
    const meter = make("div", { class: `sure ${level}`, "data-sure": sure }, make("i", { "aria-hidden": "true" }), make("span", {}, say(`sure_${level}`)));
    const parts = [heading(say("results")), make("p", { class: "soft" }, say("results_lead", { n: taps() })), meter];
    if (data.lat.some((lat) => lat !== null) && navigator.geolocation && !here) parts.push(button(say("distance"), locate, { class: "wide" }));
    parts.push(make("ol", { class: "cards" }, ...best.map((i, k) => card(i, k + 1, chances[i], why[i]))));
    if (order.length > shownCards) parts.push(button(say("show_more"), () => { shownCards += 10; const at = window.scrollY; show({ focus: false }); window.scrollTo(0, at); }, { class: "wide" }));
    if (others.length) parts.push(make("h2", {}, say("different")), make("p", { class: "soft" }, say("different_about")), make("ul", { class: "cards" }, ...others.map((i) => card(i, null, chances[i], why[i]))));
    parts.push(make("div", { class: "share" }, button(say("more_taps"), () => { me.screen = "asking"; show(); }, { class: "primary" }), button(say("link"), copy), button(say("save"), save), button(say("restart"), restart, { class: "plain" }), make("p", { class: "soft" }, say("link_about"))));
    return make("div", { class: "results" }, ...parts);
  }
  function card(i, rank, chance, why) {
    const photos = data.photos[i], pictures = photos.map((src, k) => make("img", { src, alt: say("photo", { n: k + 1 }), decoding: "async", loading: "lazy", draggable: "false" }));
    const roll = make("div", { class: `roll n${photos.length}`, role: "group", tabindex: photos.length > 1 ? "0" : null, "aria-label": say("photos_of", { name: data.name[i] }) }, ...(photos.length ? pictures : [make("p", {}, say("no_picture"))]));
    const percent = Math.round(100 * chance), fill = make("b");
    fill.style.inlineSize = `${percent}%`;
    const liked = why.filter(([kind]) => kind === "mood").map(([, j]) => j)[0];
    const reasons = why.filter(([kind]) => kind !== "mood").map(([kind, value]) => lookWord(kind, value)).filter((word) => liked === undefined || !moodName(liked).includes(word));
    const shares = data.shares[i].map((share, j) => [share, j]).filter(([share]) => share > 0.005).sort((a, b) => b[0] - a[0]);
    const stack = make("div", { class: "stack", "aria-hidden": "true" }, ...shares.map(([share, j]) => { const part = make("i"); part.style.flexGrow = share; part.style.background = data.moods[j].color; return part; }));
    const legend = make("ul", { class: "legend", "aria-label": say("mood") }, ...shares.slice(0, 3).map(([share, j]) => { const dot = make("i", { "aria-hidden": "true" }); dot.style.background = data.moods[j].color; const text = `${moodName(j)} ${Math.round(100 * share)}%`; return j === liked ? make("li", { class: "liked" }, dot, make("span", { class: "unseen" }, `${say("your_mood")}: `), text, make("span", { "aria-hidden": "true" }, " ♥")) : make("li", {}, dot, text); }));
    const place = [data.area[i], here && data.lat[i] !== null ? say("away", { n: kilometres(i) }) : ""].filter(Boolean).join(" · ");
    const map = data.lat[i] === null ? null : make("a", { class: "button", target: "_blank", rel: "noopener noreferrer", href: `https://www.openstreetmap.org/?mlat=${data.lat[i]}&mlon=${data.lon[i]}#map=18/${data.lat[i]}/${data.lon[i]}` }, say("map"));
    return make("li", { class: "card", "data-cafe": i }, roll, make("div", { class: "body" },
      make("div", { class: "name" }, rank === null ? null : make("span", { class: "rank", "aria-hidden": "true" }, String(rank)), make("h3", {}, data.name[i]), place ? make("small", {}, place) : null),
      make("div", { class: "chance", title: say("chance_about") }, make("div", { class: "meter", "aria-hidden": "true" }, fill), make("span", {}, say("chance", { n: percent }))),
      stack, legend, reasons.length ? make("ul", { class: "why" }, ...reasons.map((text) => make("li", {}, text))) : null,
      make("div", { class: "acts" }, button(say("more"), () => mark(i, true), { "aria-pressed": String(marked(i) === true), "data-more": "true" }), button(say("less"), () => mark(i, false), { "aria-pressed": "false", "data-more": "false" }), map)));
  }
  function locate() {
    navigator.geolocation.getCurrentPosition(({ coords }) => { here = coords; show({ focus: false }); }, () => tell(say("no_place")), { timeout: 10000 });
  }
  function kilometres(i) {
    const rad = Math.PI / 180, a = Math.sin(((data.lat[i] - here.latitude) * rad) / 2) ** 2 + Math.cos(here.latitude * rad) * Math.cos(data.lat[i] * rad) * Math.sin(((data.lon[i] - here.longitude) * rad) / 2) ** 2;
    const km = 2 * 6371.0088 * Math.asin(Math.sqrt(a));
    return km < 10 ? km.toFixed(1) : String(Math.round(km));
  }

  addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || me.screen !== "asking" || !me.current) return;
    const k = Number(event.key);
    if (k >= 1 && k <= me.current.length) { event.preventDefault(); answer(me.current[k - 1]); }
    else if (event.key === "s" || event.key === "S") answer(null);
    else if (event.key === "ArrowLeft") back();
  });
  const opened = () => { if (location.hash.startsWith("#taste=")) { const hash = location.hash; try { history.replaceState(null, "", location.href.split("#")[0]); } catch { /* it stays in the address */ } take(fromLink(hash)); return true; } return false; };
  addEventListener("hashchange", opened);
  window.cafemoodTaste = { state: () => me, taste: () => taste, content, linked, data }; // for tests
  if (!opened()) show();
})();
