"use strict";
(() => {
  const data = JSON.parse(document.getElementById("payload").textContent);
  const { cafes, moods } = data;
  const n = data.file.length;
  const $ = (selector) => document.querySelector(selector);
  const stage = $("#stage"), canvas = $("canvas"), tip = $(".tip"), panel = $("#panel");
  const context = canvas.getContext("2d");
  const photosOf = cafes.id.map(() => []);
  data.cafe.forEach((c, i) => photosOf[c].push(i));
  const hasPlaces = cafes.x.some((x) => x !== null);

  // What is shown: the state that a link carries.
  const state = { view: "map", off: new Set(), area: "", cafe: -1, photo: -1, q: "" };
  const matches = (i) => {
    const c = data.cafe[i], q = state.q;
    return !state.off.has(data.mood[i]) && (!state.area || cafes.area[c] === state.area)
      && (!q || cafes.name[c].toLowerCase().includes(q) || cafes.id[c].toLowerCase().includes(q) || data.file[i].toLowerCase().includes(q));
  };

  // Arrangements: a place for each photo, in units of one tile where there is a grid.
  const arrangements = {
    map: () => ({ x: data.x, y: data.y, ids: [...Array(n).keys()], tile: null }),
    wall: () => ({ x: data.column, y: data.row, ids: [...Array(n).keys()], tile: 0.94 }),
    streets: () => {
      const ids = [], x = [], y = [];
      cafes.signature.forEach((i, c) => { if (cafes.x[c] !== null) { ids.push(i); x[i] = cafes.x[c]; y[i] = cafes.y[c]; } });
      return { x, y, ids, tile: null, pins: true };
    },
  };
  let untouched = true; // until somebody moves the map, it fits its window
  let place = arrangements.map(), bounds, passes = matches, shown = [], view = null, width = 0, height = 0, ratio = 1;

  function arrange() {
    place = arrangements[state.view]();
    bounds = { x0: Infinity, x1: -Infinity, y0: Infinity, y1: -Infinity };
    for (const i of place.ids) {
      bounds.x0 = Math.min(bounds.x0, place.x[i]); bounds.x1 = Math.max(bounds.x1, place.x[i]);
      bounds.y0 = Math.min(bounds.y0, place.y[i]); bounds.y1 = Math.max(bounds.y1, place.y[i]);
    }
    filter();
    fit();
  }
  function filter() {
    passes = state.view === "streets" ? (i) => photosOf[data.cafe[i]].some(matches) : matches;
    shown = place.ids.filter(passes);
    const number = state.view === "streets" ? data.cafe.filter((c, i) => cafes.x[c] !== null && matches(i)).length : shown.length;
    const unplaced = state.view === "streets" ? cafes.x.filter((x) => x === null).length : 0;
    $(".count").textContent = (number === n ? `${n.toLocaleString("en")} photos` : `${number.toLocaleString("en")} of ${n.toLocaleString("en")} photos`)
      + (unplaced ? ` · ${unplaced} café${unplaced > 1 ? "s" : ""} without coordinates` : "");
    stale = true;
    redraw();
  }
  function fit() {
    untouched = true;
    const margin = state.view === "wall" ? 24 : 56;
    const scale = Math.min((width - 2 * margin) / (bounds.x1 - bounds.x0 + (place.tile ? 1 : 0) || 1), (height - 2 * margin) / (bounds.y1 - bounds.y0 + (place.tile ? 1 : 0) || 1));
    view = { scale, fit: scale, x: width / 2 - scale * (bounds.x0 + bounds.x1) / 2, y: height / 2 + scale * (bounds.y0 + bounds.y1) / 2 };
    stale = true;
    redraw();
  }
  const side = (v) => place.tile ? v.scale * place.tile
    : place.pins ? Math.max(18, Math.min(72, 26 * Math.pow(v.scale / v.fit, 0.3)))
    : Math.max(3, Math.min(220, Math.sqrt((width * height) / n) * 0.66 * Math.pow(v.scale / v.fit, 0.75)));

  // Pins that would cover each other are one stack: its first café's picture, and how many there are. Distances only,
  // no positions in the window, so a stack stays together while the map is moved.
  function stacksOf(list, v) {
    const cell = side(v) * 1.1, leaders = new Map(), stacks = new Map();
    for (const i of list) {
      const x = v.scale * place.x[i], y = v.scale * place.y[i], column = Math.floor(x / cell), row = Math.floor(y / cell);
      let found;
      for (let dx = -1; dx <= 1 && !found; dx++) for (let dy = -1; dy <= 1 && !found; dy++) {
        found = (leaders.get(`${column + dx},${row + dy}`) || []).find((j) => Math.max(Math.abs(v.scale * place.x[j.i] - x), Math.abs(v.scale * place.y[j.i] - y)) < cell);
      }
      if (found) { stacks.get(found.i).push(i); continue; }
      const key = `${column},${row}`;
      leaders.set(key, [...(leaders.get(key) || []), { i }]);
      stacks.set(i, [i]);
    }
    return stacks;
  }

  // Pictures: sheets of tiny tiles for the whole, of small ones from near, single photos from nearer.
  const loaded = new Map();
  function image(address) {
    if (!address) return null;
    let found = loaded.get(address);
    if (!found) {
      found = { bitmap: null };
      const source = new Image();
      // a bitmap is decoded once, beside the frames; an Image again and again, inside them
      source.onload = async () => { found.bitmap = await createImageBitmap(source); stale = true; redraw(); };
      source.src = address;
      loaded.set(address, found);
    }
    return found.bitmap;
  }
  function sheet(level, i) {
    const { across, files } = data.sheets[level];
    return image(files[Math.floor(data.tile[i] / (across * across))]);
  }
  function paintTile(target, i, x, y, edge) {
    const level = edge * ratio > 20 ? "small" : "tiny";
    if (edge * ratio > 110) {
      const whole = image(data.pictures[i]);
      if (whole) {
        const cut = Math.min(whole.width, whole.height);
        target.drawImage(whole, (whole.width - cut) / 2, (whole.height - cut) / 2, cut, cut, x, y, edge, edge);
        return;
      }
    }
    for (const name of level === "small" ? ["small", "tiny"] : ["tiny"]) {
      const tiles = sheet(name, i);
      if (!tiles) continue;
      const { side: s, across } = data.sheets[name], at = data.tile[i] % (across * across);
      target.drawImage(tiles, (at % across) * s, Math.floor(at / across) * s, s, s, x, y, edge, edge);
      return;
    }
    target.fillStyle = moods[data.mood[i]].color;
    target.fillRect(x, y, edge, edge);
  }

  // Drawing: a picture of the scene, larger than the window, is moved and scaled at once; a new one is painted in
  // slices between frames and takes its place when it is whole. So frames stay short with any number of photos. What
  // is drawn costs its time later, when the browser rasters it: a slice is as long as the frames before it allow.
  const MARGIN = 0.25, LONG = 26, SHORT = 20;
  let front = null, job = null, stale = true, pending = false, slice = 600, lastFrame = 0, seen = null, still = 0;
  const spare = [];
  function begin() {
    const surface = spare.pop() || document.createElement("canvas");
    const w = Math.ceil(width * (1 + 2 * MARGIN) * ratio), h = Math.ceil(height * (1 + 2 * MARGIN) * ratio);
    if (surface.width !== w || surface.height !== h) { surface.width = w; surface.height = h; }
    const pen = surface.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, w, h);
    pen.setTransform(ratio, 0, 0, ratio, width * MARGIN * ratio, height * MARGIN * ratio);
    const stacks = place.pins ? stacksOf(shown, view) : null;
    job = { surface, pen, view: { ...view }, next: 0, list: stacks ? [...stacks.keys()] : shown, stacks, side: side(view) };
    stale = false;
    if (state.view === "streets") paintStreets(pen, job.view);
  }
  function paint() {
    const { pen, view: v, list, side: s } = job;
    const left = -width * MARGIN - s, right = width * (1 + MARGIN) + s, top = -height * MARGIN - s, bottom = height * (1 + MARGIN) + s;
    const border = place.pins ? 3 : s >= 12 && !place.tile ? Math.max(1.5, s / 30) : 0;
    pen.imageSmoothingEnabled = s > 6;
    for (let drawn = 0; job.next < list.length; job.next++) {
      if (drawn >= slice) return false;
      const i = list[job.next];
      const x = v.x + v.scale * place.x[i] - s / 2, y = v.y - v.scale * place.y[i] - s / 2;
      if (x < left || y < top || x > right || y > bottom) continue;
      drawn++;
      if (border) {
        const many = place.pins && job.stacks.get(i).length > 1;
        pen.fillStyle = many ? colors.ink : moods[place.pins ? moodOfCafe(data.cafe[i]) : data.mood[i]].color;
        pen.fillRect(x - border, y - border, s + 2 * border, s + 2 * border);
      }
      paintTile(pen, i, x, y, s);
    }
    if (job.stacks) paintNames();
    return true;
  }
  function paintNames() { // how many a stack holds, and names where there is room for them
    const { pen, view: v, stacks, side: s } = job;
    const taken = [];
    pen.font = "12px system-ui, 'Noto Sans CJK KR', sans-serif";
    pen.textAlign = "center"; pen.lineWidth = 4; pen.lineJoin = "round";
    const inside = [...stacks].map(([i, all]) => ({ i, all, x: v.x + v.scale * place.x[i], y: v.y - v.scale * place.y[i] }))
      .filter(({ x, y }) => x > -width * MARGIN && x < width * (1 + MARGIN) && y > -height * MARGIN && y < height * (1 + MARGIN));
    for (const { all, x, y } of inside) {
      taken.push([x - s / 2 - 3, y - s / 2 - 3, x + s / 2 + 3, y + s / 2 + 3]);
      if (all.length === 1) continue;
      const text = all.length > 999 ? "999+" : String(all.length), w = pen.measureText(text).width + 12;
      pen.fillStyle = colors.ink;
      pen.beginPath(); pen.roundRect(x + s / 2 - w / 2, y - s / 2 - 10, w, 20, 10); pen.fill();
      pen.fillStyle = colors.card;
      pen.fillText(text, x + s / 2, y - s / 2 + 4);
    }
    const free = (box) => taken.every((other) => box[0] > other[2] || box[2] < other[0] || box[1] > other[3] || box[3] < other[1]);
    for (const { i, all, x, y } of inside.slice(0, 400)) {
      if (all.length > 1 || taken.length > 800) continue;
      const name = [...cafes.name[data.cafe[i]]], text = name.length > 18 ? name.slice(0, 17).join("") + "…" : name.join("");
      const w = pen.measureText(text).width / 2, box = [x - w, y + s / 2 + 4, x + w, y + s / 2 + 20];
      if (!free(box)) continue;
      taken.push(box);
      pen.strokeStyle = colors.card; pen.fillStyle = colors.ink;
      pen.strokeText(text, x, y + s / 2 + 16); pen.fillText(text, x, y + s / 2 + 16);
    }
  }
  const moodOfCafe = (c) => cafes.mood[c];
  function paintStreets(pen, v) {
    pen.strokeStyle = colors.line; pen.lineWidth = 1;
    const step = niceStep(v.scale), km = 1;
    pen.beginPath();
    for (let x = Math.ceil((-width * MARGIN - v.x) / v.scale / step) * step; v.x + v.scale * x < width * (1 + MARGIN); x += step * km) { pen.moveTo(v.x + v.scale * x, -height); pen.lineTo(v.x + v.scale * x, 2 * height); }
    for (let y = Math.ceil((v.y - height * (1 + MARGIN)) / v.scale / step) * step; v.y - v.scale * y > -height * MARGIN; y += step * km) { pen.moveTo(-width, v.y - v.scale * y); pen.lineTo(2 * width, v.y - v.scale * y); }
    pen.globalAlpha = 0.6; pen.stroke(); pen.globalAlpha = 1;
    pen.strokeStyle = colors.soft; pen.globalAlpha = 0.55; pen.lineWidth = 1.5;
    for (const line of data.streets) {
      pen.beginPath();
      for (let j = 0; j < line.length; j += 2) pen.lineTo(v.x + v.scale * line[j], v.y - v.scale * line[j + 1]);
      pen.stroke();
    }
    pen.globalAlpha = 1;
  }
  function niceStep(scale) {
    const raw = 110 / scale, power = Math.pow(10, Math.floor(Math.log10(raw)));
    return power * [1, 2, 5, 10].find((f) => f * power >= raw);
  }
  function scaleBar() {
    const bar = $(".scale");
    bar.hidden = state.view !== "streets";
    if (bar.hidden) return;
    // Mercator stretches with latitude: a kilometre on the ground is longer on the map by 1 / cos(lat)
    const lat = Math.atan(Math.sinh((view.y - height / 2) / view.scale / 6378.137));
    const ground = view.scale / Math.cos(lat), step = niceStep(ground);
    bar.querySelector("i").style.width = `${step * ground}px`;
    bar.querySelector("span").textContent = step < 1 ? `${Math.round(step * 1000)} m` : `${step} km`;
  }
  function redraw() { if (!pending) { pending = true; requestAnimationFrame(frame); } }
  function frame(now) {
    pending = false;
    if (!view || !width) return;
    const took = now - lastFrame;
    lastFrame = now;
    if (job && took > LONG) slice = Math.max(150, slice * 0.7);
    else if (job && took < SHORT) slice = Math.min(4000, slice * 1.25);
    still = seen && seen.x === view.x && seen.y === view.y && seen.scale === view.scale ? still + 1 : 0;
    seen = { ...view };
    const moved = !front || front.view.scale !== view.scale || front.view.x !== view.x || front.view.y !== view.y;
    if (!job && (stale || (moved && (still > 2 || outgrown())))) begin();
    if (job && paint()) {
      if (front) spare.push(front.surface);
      front = job; job = null;
      if (!window.atlas.firstView) { window.atlas.firstView = performance.now(); document.documentElement.dataset.drawn = ""; }
    }
    const drawn = front || job;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (drawn) {
      const by = view.scale / drawn.view.scale;
      const x = view.x - drawn.view.x * by - width * MARGIN * by, y = view.y - drawn.view.y * by - height * MARGIN * by;
      context.imageSmoothingEnabled = by !== 1;
      context.drawImage(drawn.surface, Math.round(x * ratio), Math.round(y * ratio), drawn.surface.width * by, drawn.surface.height * by);
    }
    // one pixel: makes the browser raster this slice now, and not all of them in the frame that shows them
    if (job && front) context.drawImage(job.surface, 0, 0, 1, 1, -2, -2, 1, 1);
    mark();
    scaleBar();
    if (job || stale || front.view.scale !== view.scale || front.view.x !== view.x || front.view.y !== view.y) redraw();
  }
  function outgrown() { // the picture of the scene is too coarse, or its edge is near the window's
    const by = view.scale / front.view.scale;
    const x = view.x - front.view.x * by, y = view.y - front.view.y * by;
    const left = x - width * MARGIN * by, top = y - height * MARGIN * by;
    const spareX = width * MARGIN * 0.4, spareY = height * MARGIN * 0.4;
    return by > 1.25 || by < 0.8 || left > -spareX || top > -spareY
      || left + width * (1 + 2 * MARGIN) * by < width + spareX || top + height * (1 + 2 * MARGIN) * by < height + spareY;
  }
  function mark() {
    if (state.cafe < 0) return;
    const s = side(view);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.strokeStyle = colors.accent;
    for (const i of place.pins ? [cafes.signature[state.cafe]] : photosOf[state.cafe]) {
      if (place.x[i] === undefined || !passes(i)) continue;
      const grow = i === state.photo ? 5 : 2;
      context.lineWidth = i === state.photo ? 5 : 3;
      context.strokeRect(view.x + view.scale * place.x[i] - s / 2 - grow, view.y - view.scale * place.y[i] - s / 2 - grow, s + 2 * grow, s + 2 * grow);
    }
  }
  let colors = {};
  function readColors() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["card", "ink", "line", "soft", "accent"]) colors[name] = style.getPropertyValue(`--${name}`).trim();
    stale = true;
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readColors(); redraw(); });
  function resize() {
    const old = { width, height };
    ratio = Math.min(window.devicePixelRatio || 1, 2);
    width = stage.clientWidth; height = stage.clientHeight;
    canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
    if (!view || !old.width || untouched) fit();
    else { view.x += (width - old.width) / 2; view.y += (height - old.height) / 2; stale = true; redraw(); }
  }
  const closest = () => view.fit * Math.max(60, Math.sqrt(n) * 2);
  function zoom(factor, x = width / 2, y = height / 2) {
    untouched = false;
    const scale = Math.max(view.fit * 0.5, Math.min(closest(), view.scale * factor));
    const by = scale / view.scale;
    view.x = x - (x - view.x) * by; view.y = y - (y - view.y) * by; view.scale = scale;
    redraw();
  }
  function pan(x, y) { untouched = false; view.x += x; view.y += y; redraw(); }
  function under(x, y) {
    const reach = Math.max(side(view) / 2, 7);
    let best = -1, nearest = Infinity;
    for (let j = shown.length - 1; j >= 0; j--) {
      const i = shown[j];
      const dx = Math.abs(view.x + view.scale * place.x[i] - x), dy = Math.abs(view.y - view.scale * place.y[i] - y);
      if (dx <= reach && dy <= reach && dx + dy < nearest) { best = i; nearest = dx + dy; }
    }
    return best;
  }
  // A stack opens by going nearer; where that does not part it (one building, many cafés), each click opens the next.
  function press(x, y) {
    const i = under(x, y), stack = place.pins && i >= 0 ? stackAt(i) : [];
    if (stack.length > 1 && view.scale < closest() * 0.99) zoom(3, x, y);
    else if (stack.length > 1) open(stack[(stack.indexOf(state.photo) + 1) % stack.length]);
    else open(i);
  }
  const stackAt = (i) => [...((front && front.stacks) || stacksOf(shown, view)).values()].find((stack) => stack.includes(i)) || [i];
  function tell(i, x, y) {
    tip.hidden = i < 0;
    if (i < 0) return;
    tip.replaceChildren();
    const stack = place.pins ? stackAt(i) : [i];
    if (stack.length > 1) {
      const areas = [...new Set(stack.map((j) => cafes.area[data.cafe[j]]).filter(Boolean))];
      tip.append(`${stack.length} cafés${areas.length === 1 ? `, ${areas[0]}` : ""}`);
      tip.style.left = `${Math.max(8, Math.min(width - 208, x + 16))}px`; tip.style.top = `${y + 16}px`; tip.style.bottom = "auto";
      return;
    }
    if (data.pictures[i]) { const picture = new Image(); picture.src = data.pictures[i]; picture.alt = ""; tip.append(picture); }
    tip.append(data.cafes_known ? cafes.name[data.cafe[i]] : data.file[i], document.createElement("br"), moods[data.mood[i]].name);
    tip.style.left = `${Math.max(8, Math.min(width - 208, x + 16))}px`;
    tip.style.top = y > height / 2 ? "auto" : `${y + 16}px`;
    tip.style.bottom = y > height / 2 ? `${height - y + 16}px` : "auto";
  }

  // The panel of a café.
  function make(tag, text = "", attributes = {}) {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }
  const background = (node, address) => { if (address) node.style.backgroundImage = `url("${address}")`; };
  function open(photo, { focus = false } = {}) {
    const inside = panel.contains(document.activeElement), before = state.cafe, opening = panel.hidden && photo >= 0;
    state.photo = photo;
    state.cafe = photo < 0 ? -1 : data.cafe[photo];
    panel.hidden = photo < 0;
    panel.replaceChildren();
    if (photo >= 0) fill(state.cafe, photo);
    if (photo >= 0) panel.scrollTop = 0;
    const current = inside && state.cafe === before ? panel.querySelector("[aria-current=true]") : null;
    if ((focus || inside) && photo >= 0) (current || panel.querySelector(".close")).focus();
    if (opening) { resize(); show(photo); }
    remember();
    redraw();
  }
  function fill(c, photo) {
    const percent = (v) => Math.round(100 * v);
    const close = make("button", "×", { type: "button", class: "close", "aria-label": "Close" });
    close.addEventListener("click", shut);
    const heading = make("h2", !data.cafes_known ? data.file[photo] : cafes.name[c] === cafes.id[c] ? `Café ${cafes.id[c]}` : cafes.name[c], { dir: "auto" });
    const facts = [cafes.area[c], `${cafes.n[c]} photo${cafes.n[c] > 1 ? "s" : ""}`, cafes.lat[c] === null ? "" : `${cafes.lat[c]}, ${cafes.lon[c]}`];
    panel.append(close, heading, make("p", facts.filter(Boolean).join(" · ")));
    if (data.pictures[photo]) panel.append(make("img", "", { class: "big", src: data.pictures[photo], alt: data.file[photo] }));
    const told = [data.file[photo], `${moods[data.mood[photo]].name}, probability ${(data.probability[photo] ?? 0).toFixed(2)}`, data.credit[photo]];
    panel.append(make("p", told.filter(Boolean).join(" · ")));
    if (cafes.n[c] > 1) {
      const strip = make("div", "", { class: "strip" });
      for (const i of photosOf[c].slice(0, 40)) {
        const button = make("button", "", { type: "button", "aria-label": data.file[i], "aria-current": String(i === photo) });
        background(button, data.pictures[i]);
        button.addEventListener("click", () => open(i));
        strip.append(button);
      }
      panel.append(make("h3", "Photos"), strip);
    }
    const interval = `with the 90 % interval of ${cafes.n[c]} photo${cafes.n[c] > 1 ? "s" : ""}`;
    if (cafes.certainty) {
      const chance = cafes.certainty[c], mood = moods[moodOfCafe(c)].name;
      panel.append(make("h3", "Mood of the café"), make("p", mood + (chance === null ? "" : `, chance ${percent(chance)} %`)));
    }
    panel.append(make("h3", (cafes.certainty ? "Moods of its photos, each by itself, " : "Moods, ") + interval));
    for (const j of [...moods.keys()].sort((a, b) => cafes.share[c][b] - cafes.share[c][a])) {
      const [share, low, high] = [cafes.share[c][j], cafes.low[c][j], cafes.high[c][j]];
      if (share === 0 && high < 0.2) continue;
      const bar = make("div", "", { class: "bar", style: "" });
      bar.style.setProperty("--mood", moods[j].color);
      const track = make("div"), filled = make("b"), line = make("u");
      filled.style.width = `${100 * share}%`;
      line.style.left = `${100 * low}%`; line.style.width = `${100 * (high - low)}%`;
      track.append(filled, line);
      bar.append(make("span", moods[j].name), make("span", `${percent(share)} % (${percent(low)}–${percent(high)})`), track);
      panel.append(bar);
    }
    if (cafes.similar[c].length) {
      const near = make("div", "", { class: "near" });
      for (const other of cafes.similar[c]) {
        const button = make("button", "", { type: "button" }), picture = make("i"), words = make("span", cafes.name[other], { dir: "auto" });
        background(picture, data.pictures[cafes.signature[other]]);
        words.append(make("small", [cafes.area[other], moods[moodOfCafe(other)].name].filter(Boolean).join(" · ")));
        button.append(picture, words);
        button.addEventListener("click", () => { open(cafes.signature[other]); show(cafes.signature[other]); });
        near.append(button);
      }
      panel.append(make("h3", data.cafes_known ? "Cafés like this one" : "Photos like this one"), near);
    }
  }
  function shut() { open(-1); canvas.focus(); }
  function show(photo) {
    const i = place.pins ? cafes.signature[data.cafe[photo]] : photo;
    if (place.x[i] === undefined) return;
    const x = view.x + view.scale * place.x[i], y = view.y - view.scale * place.y[i];
    const bottom = Math.max(80, uncovered());
    if (x < 40 || y < 40 || x > width - 40 || y > bottom - 40) pan(width / 2 - x, bottom / 2 - y);
  }

  function uncovered() { // how much of the stage's height the panel leaves: on a phone it lies above it
    const sheet = panel.getBoundingClientRect(), all = stage.getBoundingClientRect();
    return panel.hidden || sheet.left >= all.right ? height : sheet.top - all.top;
  }

  // Links: the state stands in the address, so that a view can be sent and the back button works.
  let writing = false;
  function remember() {
    const parts = new URLSearchParams();
    if (state.view !== "map") parts.set("view", state.view);
    if (state.off.size) parts.set("moods", moods.filter((_, j) => !state.off.has(j)).map((m) => m.number).join(","));
    if (state.area) parts.set("area", state.area);
    if (state.cafe >= 0) parts.set("cafe", cafes.id[state.cafe]);
    if (state.photo >= 0 && state.photo !== cafes.signature[state.cafe]) parts.set("photo", data.file[state.photo]);
    if (state.q) parts.set("q", state.q);
    const hash = parts.toString();
    if (hash === location.hash.slice(1)) return;
    writing = true;
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
    writing = false;
  }
  function recall() {
    if (writing) return;
    const parts = new URLSearchParams(location.hash.slice(1));
    const wanted = parts.get("view");
    state.view = wanted in arrangements && (wanted !== "streets" || hasPlaces) ? wanted : "map";
    const on = parts.has("moods") ? new Set(parts.get("moods").split(",").map(Number)) : null;
    state.off = new Set(on ? moods.flatMap((m, j) => (on.has(m.number) ? [] : [j])) : []);
    state.area = cafes.area.includes(parts.get("area")) ? parts.get("area") : "";
    state.q = (parts.get("q") || "").toLowerCase();
    const c = cafes.id.indexOf(parts.get("cafe"));
    const file = parts.has("photo") ? data.file.indexOf(parts.get("photo")) : -1;
    sync();
    arrange();
    open(file >= 0 ? file : c >= 0 ? cafes.signature[c] : -1);
    if (state.photo >= 0) show(state.photo);
  }
  function sync() {
    for (const button of document.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === state.view));
    for (const button of document.querySelectorAll("[data-mood]")) button.setAttribute("aria-pressed", String(!state.off.has(Number(button.dataset.mood))));
    $("#area").value = state.area;
    if ($("#q").value.toLowerCase() !== state.q) $("#q").value = state.q;
  }
  function choose(name) { if (name !== "streets" || hasPlaces) { state.view = name; sync(); arrange(); remember(); } }

  // Fingers, wheel, keys.
  const fingers = new Map();
  let travelled = 0;
  const at = (event) => { const r = canvas.getBoundingClientRect(); return [event.clientX - r.left, event.clientY - r.top]; };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); fingers.set(event.pointerId, at(event)); if (fingers.size === 1) travelled = 0; });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event), before = fingers.get(event.pointerId);
    if (!before) { if (event.pointerType === "mouse") tell(under(x, y), x, y); return; }
    if (fingers.size === 2) {
      const [a, b] = [...fingers.values()], old = Math.hypot(a[0] - b[0], a[1] - b[1]);
      fingers.set(event.pointerId, [x, y]);
      const [c, d] = [...fingers.values()];
      pan((c[0] + d[0] - a[0] - b[0]) / 2, (c[1] + d[1] - a[1] - b[1]) / 2);
      zoom(Math.hypot(c[0] - d[0], c[1] - d[1]) / (old || 1), (c[0] + d[0]) / 2, (c[1] + d[1]) / 2);
      travelled = 100;
    } else {
      pan(x - before[0], y - before[1]);
      travelled += Math.abs(x - before[0]) + Math.abs(y - before[1]);
      fingers.set(event.pointerId, [x, y]);
      tip.hidden = true;
    }
  });
  canvas.addEventListener("pointerup", (event) => {
    const [x, y] = at(event), single = fingers.size === 1;
    fingers.delete(event.pointerId);
    if (!single || travelled >= 6) return;
    tip.hidden = true;
    press(x, y);
  });
  canvas.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); tip.hidden = true; zoom(Math.exp(-event.deltaY * (event.deltaMode ? 20 : 1) / 400), ...at(event)); }, { passive: false });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { if (document.activeElement === $("#q")) $("#q").blur(); else if (state.cafe >= 0) shut(); return; }
    if (event.target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = { ArrowLeft: [80, 0], ArrowRight: [-80, 0], ArrowUp: [0, 80], ArrowDown: [0, -80] }[event.key];
    if (move && panel.contains(event.target)) return; // they scroll it
    if (move) pan(...move);
    else if (event.key === "+" || event.key === "=") zoom(1.5);
    else if (event.key === "-") zoom(1 / 1.5);
    else if (event.key === "0") fit();
    else if (event.key === "/") $("#q").focus();
    else if ({ m: 1, w: 1, s: 1 }[event.key]) choose({ m: "map", w: "wall", s: "streets" }[event.key]);
    else if (event.key === "Enter" && event.target === canvas) { const i = nearestTo(width / 2, height / 2); if (i >= 0) open(i, { focus: true }); }
    else return;
    event.preventDefault();
  });
  function nearestTo(x, y) {
    let best = -1, nearest = Infinity;
    for (const i of shown) {
      const d = Math.hypot(view.x + view.scale * place.x[i] - x, view.y - view.scale * place.y[i] - y);
      if (d < nearest) { best = i; nearest = d; }
    }
    return best;
  }
  for (const button of document.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => { const factor = Number(button.dataset.zoom); if (factor) zoom(factor); else fit(); });
  for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => choose(button.dataset.view));
  for (const button of document.querySelectorAll("[data-mood]")) {
    button.addEventListener("click", () => {
      const j = Number(button.dataset.mood);
      if (state.off.has(j)) state.off.delete(j); else state.off.add(j);
      sync(); filter(); remember();
    });
  }
  $("#area").addEventListener("change", (event) => { state.area = event.target.value; filter(); remember(); });
  let typed = 0;
  $("#q").addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(() => { state.q = $("#q").value.trim().toLowerCase(); filter(); remember(); }, 120); });
  $("#search").addEventListener("submit", (event) => {
    event.preventDefault();
    state.q = $("#q").value.trim().toLowerCase();
    filter();
    const found = state.q ? searched() : undefined;
    if (found !== undefined) { open(found); show(state.photo); }
  });

  // What a search opens: a café that is called so, or a photo whose file is.
  function searched() {
    const called = (c) => [cafes.name[c], cafes.id[c]].map((text) => text.toLowerCase());
    const all = place.ids.flatMap((i) => (place.pins ? photosOf[data.cafe[i]] : [i])).filter(matches);
    const photo = all.find((i) => called(data.cafe[i]).includes(state.q)) ?? all.find((i) => called(data.cafe[i]).some((text) => text.includes(state.q)));
    if (photo === undefined) return all[0];
    const signature = cafes.signature[data.cafe[photo]];
    return matches(signature) ? signature : photo;
  }

  // Begin.
  window.atlas = { firstView: 0, zoom, pan, state, stacks: () => [...stacksOf(shown, view).values()].map((stack) => stack.length) };
  const areas = [...new Set(cafes.area.filter(Boolean))].sort((a, b) => a.localeCompare(b, "ko"));
  for (const area of areas) $("#area").append(make("option", area, { value: area }));
  $("#area").hidden = areas.length < 2;
  $("[data-view=streets]").hidden = !hasPlaces;
  if (data.cafes_known && cafes.name.length <= 5000) for (const name of new Set(cafes.name)) $("#names").append(make("option", "", { value: name }));
  readColors();
  addEventListener("hashchange", recall);
  width = stage.clientWidth; height = stage.clientHeight;
  recall();
  new ResizeObserver(resize).observe(stage);
})();
