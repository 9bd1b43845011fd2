"use strict";
(() => {
  const data = JSON.parse(document.getElementById("payload").textContent);
  const server = data.mode === "server";
  const screen = document.getElementById("screen"), top_ = document.getElementById("top"), note = document.getElementById("note");
  const large = document.getElementById("large"), leave = document.getElementById("leave");

  // What this device remembers: enough to go on after a reload, and answers that the server has not got yet.
  const key = `cafemood-survey-${data.survey}`;
  const panelId = data.panel ? new URLSearchParams(location.search).get(data.panel) : null; // it goes beside answers, never with them
  const known = panelId ? { panel_id: panelId } : undefined;
  let remembers = true;
  const fresh = () => ({ language: (navigator.language || "ko").startsWith("ko") ? "ko" : "en", gender: "unsaid", agreed: false, answers: {}, waiting: {}, at: 0, seen: {}, state: "welcome" });
  let me = fresh();
  try { const kept = localStorage.getItem(key); if (kept) me = Object.assign(fresh(), JSON.parse(kept)); } catch { remembers = false; }
  const keep = () => { if (me.state === "deleted") return; learn(); try { localStorage.setItem(key, JSON.stringify(me)); } catch { remembers = false; } };
  // The tabs of a device share its memory: a later answer of another tab counts, and a still later one has a higher revision.
  function learn() {
    let kept = null;
    try { kept = JSON.parse(localStorage.getItem(key)); } catch { remembers = false; }
    if (!kept || kept.token !== me.token || kept.person !== me.person || leaving()) return;
    for (const [question, answer] of Object.entries(kept.answers || {})) {
      if (!me.answers[question] || me.answers[question].revision < answer.revision) me.answers[question] = answer;
    }
  }
  const words = () => data.words[me.language];
  const say = (name, values = {}) => words()[name].replace(/\{(\w+)\}/g, (_, v) => values[v]);
  let steps = [], shownAt = 0, locked = false, trouble = "", busy = false, timer = 0;

  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "click") element.addEventListener("click", value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value != null) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };
  const button = (text, click, more = {}) => make("button", { type: "button", click, ...more }, text);
  const photo = (name) => (server ? `photos/${name}` : data.photos[name]);
  const fetched = new Map();
  const preload = (step) => { for (const name of step ? step.photos : []) if (!fetched.has(name)) { const image = new Image(); image.src = photo(name); fetched.set(name, image); } };

  // The server. Every answer is kept here first, and leaves the queue when the server says that it has it.
  async function call(method, path, body) {
    const headers = { "Content-Type": "application/json" };
    if (me.token) headers.Authorization = `Bearer ${me.token}`;
    const reply = await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: "no-store" });
    if (!reply.ok) throw Object.assign(new Error(String(reply.status)), { status: reply.status });
    return reply.json();
  }
  const leaving = () => me.state === "leaving" || me.state === "deleted";
  let sending = false, pause = 1000;
  async function send() {
    if (!server || sending || !me.token || leaving()) return;
    sending = true;
    try {
      for (const [question, answer] of Object.entries(me.waiting)) {
        if (me.waiting[question] !== answer) continue; // changed since, or given up
        try { await call("PUT", `api/answers/${question}`, answer); }
        catch (error) {
          if (error.status === 409) { await overtake(question, answer); continue; }
          if (![400, 404, 413, 422].includes(error.status)) throw error;
        } // it will never be taken: don't try for ever
        if (leaving()) return;
        if (me.waiting[question] && me.waiting[question].revision === answer.revision) delete me.waiting[question];
        keep();
      }
      trouble = ""; pause = 1000;
      if (me.closing && !Object.keys(me.waiting).length) { const { code, url } = await call("POST", "api/finish", known); Object.assign(me, { closing: false, code, url }); keep(); if (me.state === "done") show(); }
    } catch (error) {
      if (leaving()) return;
      if (error.status === 401) { trouble = "closed"; }
      else { trouble = error.status === 507 ? "full" : "offline"; setTimeout(send, pause); pause = Math.min(30000, pause * 2); }
    } finally {
      sending = false;
      tell();
    }
    if (Object.keys(me.waiting).length && !trouble) send();
  }
  // Another tab has sent what was chosen later (see `learn`), or has finished: then the page shows what was kept.
  async function overtake(question, answer) {
    const kept = await call("GET", "api/resume");
    if (leaving()) return;
    if (kept.finished) {
      Object.assign(me, { state: "done", closing: false, waiting: {}, answers: kept.answers });
      show();
    } else if (me.waiting[question] === answer) {
      delete me.waiting[question];
      me.answers[question] = kept.answers[question];
      if (!locked && me.state === "asking" && steps[me.at]?.id === question) show();
    }
    keep();
  }
  addEventListener("online", () => (me.state === "leaving" ? forget() : send()));
  function tell() {
    Object.assign(document.body.dataset, { state: me.state, unsent: Object.keys(me.waiting).length }); // for tests and styles
    const text = trouble ? say(trouble) : !remembers && me.state === "asking" ? say("no_memory") : "";
    note.hidden = !text;
    note.textContent = text;
  }

  async function begin() {
    locked = true; show();
    try {
      if (server) {
        const reply = await call("POST", "api/start", { consent: true, gender: me.gender, language: me.language, ...known });
        me.token = reply.token; steps = reply.steps;
      } else {
        const random = crypto.getRandomValues(new Uint32Array(4));
        const asked = Number(new URLSearchParams(location.search).get("person"));
        me.person = [...random].map((n) => n.toString(16).padStart(8, "0")).join("");
        me.plan = (Number.isInteger(asked) && asked > 0 ? asked - 1 : random[0]) % data.plans.length;
        me.started = new Date().toISOString();
        steps = data.plans[me.plan];
      }
      Object.assign(me, { state: "asking", at: 0, answers: {}, waiting: {}, seen: {}, closing: false, stopped: false });
      trouble = "";
      keep();
    } catch (error) { trouble = { 409: "taken", 422: "bad_link", 429: "many", 503: "closed", 507: "full" }[error.status] || "unreachable"; }
    locked = false; show();
  }
  async function resume() {
    if (me.state === "leaving") return forget();
    if (busy) return;
    busy = true; clearTimeout(timer);
    if (me.state === "asking" || me.state === "done") {
      if (!server) steps = data.plans[me.plan] || [];
      else {
        try {
          const reply = await call("GET", "api/resume");
          steps = reply.steps;
          for (const [question, answer] of Object.entries(reply.answers)) {
            if (!me.answers[question] || me.answers[question].revision < answer.revision) me.answers[question] = answer;
          }
          for (const [question, answer] of Object.entries(me.answers)) {
            const known = reply.answers[question];
            if (!reply.finished && (!known || known.revision < answer.revision)) me.waiting[question] = answer;
          }
          if (reply.finished) me.state = "done";
          trouble = "";
          send();
        } catch (error) {
          if (error.status === 401) { try { localStorage.removeItem(key); } catch { /* nothing to forget */ } const { language } = me; me = fresh(); me.language = language; }
          else { trouble = "unreachable"; timer = setTimeout(resume, 2000); }
        }
      }
    }
    busy = false;
    show();
  }

  function answer(value) {
    if (locked) return;
    learn();
    const step = steps[me.at], before = me.answers[step.id];
    const seconds = Math.min(3600, (performance.now() - shownAt) / 1000 + (before ? before.seconds : 0));
    me.answers[step.id] = { value, seconds: Math.round(seconds * 10) / 10, revision: before ? before.revision + 1 : 1 };
    if (server) me.waiting[step.id] = me.answers[step.id];
    keep(); send();
    locked = true;
    mark(value);
    setTimeout(() => { locked = false; go(1); }, value === null ? 0 : 230); // long enough to see what was chosen
  }
  function mark(value) {
    for (const option of screen.querySelectorAll("[data-value]")) option.setAttribute("aria-checked", String(option.dataset.value === String(value)));
  }
  function go(by) {
    if (me.state !== "asking") return; // left or deleted since the tap
    me.at = Math.max(0, me.at + by);
    if (me.at >= steps.length) return finish();
    keep(); show();
  }
  function finish() {
    me.state = "done"; me.closing = server;
    keep(); send(); show();
  }
  async function forget() {
    leave.close();
    if (busy) return;
    if (server) {
      busy = true; clearTimeout(timer);
      Object.assign(me, { state: "leaving", answers: {}, waiting: {}, closing: false }); // nothing more is sent
      keep(); show();
      try { await call("POST", "api/withdraw", known); }
      catch (error) { if (error.status !== 401) { trouble = "undeleted"; timer = setTimeout(forget, 2000); return tell(); } }
      finally { busy = false; }
    }
    const { language } = me;
    me = fresh(); me.language = language;
    try { localStorage.removeItem(key); } catch { /* nothing to forget */ }
    me.state = "deleted"; trouble = "";
    show();
  }
  function restart() { const { language } = me; me = fresh(); me.language = language; steps = []; keep(); show(); }
  const file = () => {
    const content = { survey: data.survey, person: me.person, plan: me.plan, gender: me.gender, language: me.language, started: me.started, finished: me.at >= steps.length, answers: me.answers };
    return new File([JSON.stringify(content)], `cafemood-answers-${me.person.slice(0, 8)}.json`, { type: "application/json" });
  };
  function download() {
    const link = make("a", { href: URL.createObjectURL(file()), download: file().name });
    link.click();
    document.getElementById("told").textContent = say("downloaded");
  }

  // Screens.
  function current() {
    if (me.state === "asking" && steps.length) return asking();
    if (me.state === "asking" && server) return waiting("starting", resume);
    if (me.state === "leaving") return waiting("deleting", forget);
    return me.state === "done" ? done() : me.state === "deleted" ? deleted() : welcome();
  }
  function show() {
    document.documentElement.lang = me.language;
    document.title = say("title");
    note.hidden = true;
    top_.replaceChildren(...header());
    screen.replaceChildren(current());
    window.scrollTo(0, 0);
    if (me.state !== "welcome") { const heading = screen.querySelector("h1"); if (heading) heading.focus({ preventScroll: true }); }
    shownAt = performance.now();
    for (let i = 1; i <= 3; i++) if (me.state === "asking") preload(steps[me.at + i]);
    tell();
  }
  function header() {
    const language = button(say("other_language"), () => { me.language = me.language === "ko" ? "en" : "ko"; keep(); show(); }, { class: "plain", lang: me.language === "ko" ? "en" : "ko" });
    if (me.state !== "asking" || !steps.length) return [make("div", { class: "bar" }, make("span"), make("span"), make("span", {}, language))];
    const back = button(`‹ ${say("back")}`, () => !locked && go(-1), { class: "plain", disabled: me.at === 0 });
    const count = make("span", { class: "count", "aria-label": say("progress", { n: me.at + 1, of: steps.length }) }, `${me.at + 1} / ${steps.length}`);
    const quit = button(say("quit"), () => ask(), { class: "plain" });
    const bar = make("progress", { max: steps.length, value: me.at, "aria-label": say("progress", { n: me.at + 1, of: steps.length }) });
    return [make("div", { class: "bar" }, back, count, make("span", {}, language, quit)), bar];
  }
  function heading(text) { return make("h1", { tabindex: "-1" }, text); }
  function welcome() {
    const ready = () => me.agreed && (!data.screen || me.fits === true) && !locked;
    const start = button(say(locked ? "starting" : "start"), () => begin(), { class: "primary", disabled: !ready() });
    const agree = make("input", { type: "checkbox", id: "agree" });
    agree.checked = me.agreed;
    agree.addEventListener("change", () => { me.agreed = agree.checked; start.disabled = !ready(); });
    const genders = ["woman", "man", "other", "unsaid"].map((gender) => button(say(`gender_${gender}`), () => { me.gender = gender; mark(gender); }, { role: "radio", "data-value": gender, "aria-checked": String(me.gender === gender) }));
    const fits = [true, false].map((yes) => button(say(yes ? "screen_yes" : "screen_no"), () => { me.fits = yes; show(); }, { role: "radio", "data-value": String(yes), "aria-checked": String(me.fits === yes) }));
    const screening = data.screen ? [make("fieldset", {}, make("legend", {}, data.screen), make("div", { class: "choices", role: "radiogroup", "aria-label": data.screen }, ...fits))] : [];
    if (me.fits === false) return make("div", { class: "text done" }, heading(say("screened_title")), make("p", {}, say("screened")), button(say("back"), () => { me.fits = undefined; show(); }, { class: "plain" }));
    return make("div", { class: "text" },
      heading(say("title")),
      make("p", {}, say("lead")),
      make("ul", { class: "facts" }, ...[say("minutes", { n: data.minutes }), say("screens", { n: data.screens }), say("stop_any_time")].map((text) => make("li", {}, text))),
      make("div", { class: "card" }, make("h2", {}, say("consent_title")), ...[1, 2, 3].map((n) => make("p", {}, say(`consent_${n}`))), ...(known ? [make("p", {}, say("consent_panel"))] : []), make("label", { class: "agree" }, agree, say("consent"))),
      ...screening,
      make("fieldset", {}, make("legend", {}, say("gender")), make("div", { class: "choices", role: "radiogroup", "aria-label": say("gender") }, ...genders)),
      start);
  }
  function asking() {
    const step = steps[me.at];
    if (!me.seen[step.part]) return intro(step.part);
    const rating = step.input === "scale";
    const given = me.answers[step.id];
    const frames = step.photos.map((name, i) => {
      const image = make("img", { src: photo(name), alt: say("photo", { n: i + 1 }), decoding: "async", draggable: "false" });
      const enlarge = () => { large.querySelector("img").src = photo(name); large.querySelector("img").alt = say("photo", { n: i + 1 }); large.showModal(); };
      const zoom = make("button", { type: "button", class: "round zoom", "aria-label": say("enlarge", { n: i + 1 }), click: enlarge });
      zoom.append(loupe());
      const pick = rating ? [] : [make("button", { type: "button", class: "pick", role: "radio", "data-value": name, "aria-checked": String(Boolean(given) && given.value === name), "aria-label": say("choose_photo", { n: i + 1 }), click: () => answer(name) })];
      if (rating) image.addEventListener("click", enlarge);
      return make("div", { class: "frame" }, image, ...pick, zoom);
    });
    const own = (step.words || {})[me.language] || {};
    const question = own.ask || say(`ask_${step.kind}`, { n: step.press }), low = own.low || say("low"), high = own.high || say("high");
    const photos = make("div", { class: `photos n${step.photos.length}`, ...(rating ? {} : { role: "radiogroup", "aria-label": question }) }, ...frames);
    const parts = [heading(question), photos];
    if (rating) {
      const numbers = [...Array(data.scale).keys()].map((i) => button(String(i + 1), () => answer(i + 1), {
        role: "radio", "data-value": i + 1, "aria-checked": String(Boolean(given) && given.value === i + 1),
        "aria-label": `${i + 1}${i === 0 ? `, ${low}` : i === data.scale - 1 ? `, ${high}` : ""}` }));
      parts.push(make("div", { class: "answer" }, make("div", { class: "scale", role: "radiogroup", "aria-label": own.ask || say("scale_label") }, ...numbers),
        make("div", { class: "ends", "aria-hidden": "true" }, make("span", {}, low), make("span", {}, high))));
    }
    const foot = [button(say("skip"), () => answer(null), { class: "plain" })];
    if (given) foot.push(button(`${say("next")} ›`, () => !locked && go(1)));
    parts.push(make("div", { class: "foot" }, ...foot));
    return make("div", { class: "question" }, ...parts);
  }
  function loupe() {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [name, value] of Object.entries({ viewBox: "0 0 20 20", fill: "none", stroke: "currentColor", "stroke-width": "1.8", "stroke-linecap": "round", "aria-hidden": "true" })) svg.setAttribute(name, value);
    const path = document.createElementNS(svg.namespaceURI, "path");
    path.setAttribute("d", "M12 3h5v5M17 3l-6 6M8 17H3v-5M3 17l6-6");
    svg.append(path);
    return svg;
  }
  function intro(part) {
    const parts = [...new Set(steps.map((step) => step.part))];
    const onwards = () => { me.seen[part] = true; keep(); show(); };
    return make("div", { class: "text" },
      make("p", { class: "count" }, say("part", { n: parts.indexOf(part) + 1, of: parts.length })),
      heading(say(`intro_${part}_title`)), make("p", {}, say(`intro_${part}`, { m: data.size, scale: data.scale })),
      button(say("continue"), onwards, { class: "primary" }));
  }
  function waiting(what, again) {
    return make("div", { class: "text done" }, make("div", { class: "mark", "aria-hidden": "true" }, "…"), heading(say(what)), button(say("retry"), again, { class: "primary" }));
  }
  function done() {
    const waiting = server && (me.closing || Object.keys(me.waiting).length);
    const parts = [make("div", { class: "mark", "aria-hidden": "true" }, waiting ? "…" : "✓"), heading(say(waiting ? "saving" : "done_title"))];
    if (!server) {
      parts.push(make("p", {}, say("done_file")), button(say("download"), download, { class: "primary" }), make("p", { id: "told", role: "status" }));
      if (navigator.canShare && navigator.canShare({ files: [file()] })) parts.push(button(say("share"), () => navigator.share({ files: [file()] }).catch(() => {})));
    } else if (!waiting) parts.push(make("p", {}, say(me.stopped ? "stopped" : "done")));
    if (!waiting && me.code) {
      parts.push(make("p", {}, say("code")), make("p", {}, make("output", { class: "code" }, me.code)));
      if (me.url) parts.push(make("a", { class: "primary", href: me.url, rel: "noreferrer" }, say("return")));
    }
    if (!waiting) parts.push(button(say("another"), restart, { class: "plain" }));
    return make("div", { class: "text done" }, ...parts);
  }
  function deleted() {
    return make("div", { class: "text done" }, make("div", { class: "mark", "aria-hidden": "true" }, "✓"), heading(say("deleted_title")), make("p", {}, say("deleted")), button(say("another"), restart, { class: "plain" }));
  }
  function ask() {
    leave.replaceChildren(make("h2", { id: "leave-title" }, say("quit_title")), make("p", {}, say("quit_text")), make("div", { class: "stack" },
      button(say("quit_stay"), () => leave.close(), { class: "primary" }),
      button(say("quit_keep"), () => { leave.close(); me.stopped = true; finish(); }), button(say("quit_delete"), forget)));
    leave.showModal();
  }
  large.querySelector("button").textContent = "×";
  large.addEventListener("click", () => large.close());
  addEventListener("keydown", (event) => {
    if (event.repeat || me.state !== "asking" || large.open || leave.open || event.ctrlKey || event.metaKey || event.altKey || !steps.length) return;
    const options = [...screen.querySelectorAll("[data-value]")], n = Number(event.key);
    if (n >= 1 && n <= options.length) { event.preventDefault(); options[n - 1].click(); }
    else if (event.key === "ArrowLeft" && me.at && !locked) go(-1);
    else if (event.key === "ArrowRight" && !locked && options.length && me.answers[steps[me.at].id]) go(1);
  });
  resume();
})();
