"use strict";
(() => {
  const data = window.pageData = JSON.parse(document.getElementById("payload").textContent);
  const { cafes } = data;
  let moods = data.moods;
  const asMade = { moods, mood: data.mood };
  const n = data.file.length;
  const $ = (selector) => document.querySelector(selector);
  const stage = $("#stage"), canvas = $("#stage > canvas"), tip = $(".tip"), panel = $("#panel");
  const context = canvas.getContext("2d");
  const photosOf = cafes.id.map(() => []);
  data.cafe.forEach((c, i) => photosOf[c].push(i));
  const hasPlaces = cafes.x.some((x) => x !== null);

  // What is shown: the state that a link carries.
  const state = { view: "map", off: new Set(), area: "", look: "", certainty: "", place: "", cafe: -1, photo: -1, q: "", colour: "mood" };
  const FILTERS = ["look", "certainty", "place"];
  let moodCalled = [];
  const callMoods = () => { moodCalled = moods.map((mood) => mood && `mood ${mood.number}\n${mood.name}\n${mood.korean || ""}`.toLowerCase()); };
  callMoods();
  const inCafe = (i, q) => cafes.name[data.cafe[i]].toLowerCase().includes(q) || cafes.id[data.cafe[i]].toLowerCase().includes(q);
  const inFile = (i, q) => data.file[i].toLowerCase().includes(q);
  const inMood = (i, q) => data.mood[i] >= 0 && moodCalled[data.mood[i]].includes(q);
  const inWords = (i, q) => Boolean(data.words) && `${data.words.photo[i]}\n${data.words.cafe[data.cafe[i]]}`.toLowerCase().includes(q);
  const matches = (i) => {
    const q = state.q;
    return data.mood[i] >= 0 && !state.off.has(data.mood[i]) && (!state.area || cafes.area[data.cafe[i]] === state.area)
      && (!FILTERS.some((name) => state[name]) || editing.fits(i, state)) && (!q || inMood(i, q) || inCafe(i, q) || inFile(i, q) || inWords(i, q));
  };

  // Colours of the photos: their mood's, their café's, or a scale from few to much (cividis, which colour-blind people see).
  const RAMP = (() => {
    const stops = [[0, 34, 78], [67, 78, 108], [125, 124, 120], [188, 174, 108], [254, 232, 56]], ramp = [];
    for (let p = 0; p <= 100; p++) {
      const at = (p / 100) * (stops.length - 1), j = Math.min(stops.length - 2, Math.floor(at)), f = at - j;
      ramp.push(`rgb(${stops[j].map((v, c) => Math.round(v + f * (stops[j + 1][c] - v))).join(" ")})`);
    }
    return ramp;
  })();
  const UNKNOWN = "#999";
  let rank = null; // of certainty, in hundredths: memberships of many moods lie close together
  function certaintyRank() {
    const order = [...data.probability.keys()].sort((a, b) => (data.probability[a] ?? 0) - (data.probability[b] ?? 0)), places = new Array(n);
    order.forEach((i, at) => { places[i] = Math.round((100 * at) / Math.max(1, n - 1)); });
    return places;
  }
  const cafeColour = (c) => `hsl(${Math.round((c * 137.508) % 360)} ${60 + 20 * (c % 2)}% ${42 + 12 * (c % 3)}%)`;
  const cafeColours = cafes.id.map((_, c) => cafeColour(c));
  function colourOf(i) {
    if (state.colour === "cafe") return cafeColours[data.cafe[i]];
    if (state.colour === "certainty") return RAMP[(rank ??= certaintyRank())[i]];
    const look = data.looks[Number(state.colour.slice(5))];
    if (state.colour.startsWith("look-") && look) return look.place[i] === null ? UNKNOWN : RAMP[look.place[i]];
    return data.mood[i] < 0 ? UNKNOWN : moods[data.mood[i]].color;
  }
  function key() {
    const look = state.colour.startsWith("look-") ? data.looks[Number(state.colour.slice(5))] : null, box = $(".key");
    for (const part of box.querySelectorAll(".colour, .hint")) part.hidden = state.view === "streets";
    $(".map-words").hidden = state.view !== "map";
    const ends = look ? [look.low, look.high] : state.colour === "certainty" ? ["uncertain", "certain"] : null;
    box.querySelector(".scaled").hidden = !ends || state.view === "streets";
    const set = FILTERS.filter((name) => state[name]).length;
    box.querySelector("summary b").textContent = set ? ` ${set}` : "";
    if (ends) {
      box.querySelector(".low").textContent = ends[0]; box.querySelector(".high").textContent = ends[1];
      box.querySelector(".ramp").style.background = `linear-gradient(90deg, ${RAMP.filter((_, p) => p % 10 === 0).join(", ")})`;
    }
    box.querySelector(".hint").textContent = state.colour === "cafe" ? "A colour a café; point at one to read its name." : "";
  }

  // Arrangements: a place for each photo, in units of one tile where there is a grid.
  const arrangements = {
    map: () => ({ x: data.x, y: data.y, ids: [...Array(n).keys()], tile: null }),
    wall: () => ({ x: data.column, y: data.row, ids: [...Array(n).keys()], tile: 0.94, packed: true }),
    streets: () => {
      const ids = [], x = [], y = [];
      cafes.signature.forEach((i, c) => { if (cafes.x[c] !== null) { ids.push(i); x[i] = cafes.x[c]; y[i] = cafes.y[c]; } });
      return { x, y, ids, tile: null, pins: true };
    },
  };
  let untouched = true; // until somebody moves the map, it fits its window
  let place = arrangements.map(), bounds, passes = matches, shown = [], view = null, width = 0, height = 0, ratio = 1;

  // The wall of those that pass: sorted by x into columns, each column by y, so that neighbours stay together.
  function pack(ids) {
    const height = Math.max(1, Math.round(Math.sqrt(ids.length / 1.5))), x = new Array(n), y = new Array(n);
    const across = ids.slice().sort((a, b) => data.x[a] - data.x[b] || a - b);
    for (let start = 0; start < across.length; start += height) {
      const column = across.slice(start, start + height).sort((a, b) => data.y[a] - data.y[b] || a - b);
      column.forEach((i, row) => { x[i] = start / height; y[i] = row; });
    }
    Object.assign(place, { x, y });
  }
  function arrange() {
    place = arrangements[state.view]();
    measureBounds(place.ids);
    filter();
    fit();
  }
  function measureBounds(ids) {
    bounds = { x0: Infinity, x1: -Infinity, y0: Infinity, y1: -Infinity };
    for (const i of ids) {
      bounds.x0 = Math.min(bounds.x0, place.x[i]); bounds.x1 = Math.max(bounds.x1, place.x[i]);
      bounds.y0 = Math.min(bounds.y0, place.y[i]); bounds.y1 = Math.max(bounds.y1, place.y[i]);
    }
    if (!ids.length) bounds = { x0: 0, x1: 0, y0: 0, y1: 0 };
  }
  function filter() {
    passes = state.view === "streets" ? (i) => photosOf[data.cafe[i]].some(matches) : matches;
    shown = place.ids.filter(passes);
    if (place.packed) { pack(shown); measureBounds(shown); if (untouched) fit(); }
    const nothing = $(".nothing");
    nothing.hidden = shown.length > 0;
    nothing.textContent = shown.length ? "" : state.q && !place.ids.some((i) => inMood(i, state.q) || inCafe(i, state.q) || inFile(i, state.q) || inWords(i, state.q))
      ? `No mood, café or file is called “${state.q}”.` : "No photo passes these filters.";
    const number = state.view === "streets" ? data.cafe.filter((c, i) => cafes.x[c] !== null && matches(i)).length : shown.length;
    const unplaced = state.view === "streets" ? cafes.x.filter((x) => x === null).length : 0;
    $(".count").textContent = (number === n ? `${n.toLocaleString("en")} photos` : `${number.toLocaleString("en")} of ${n.toLocaleString("en")} photos`)
      + (unplaced ? ` · ${unplaced} café${unplaced > 1 ? "s" : ""} without coordinates` : "");
    stale = true;
    redraw();
  }
  function fit() {
    untouched = true;
    const margin = state.view === "wall" ? 24 : 56, top = state.view === "wall" ? 40 : 0; // the choice of colours lies there
    const scale = Math.min((width - 2 * margin) / (bounds.x1 - bounds.x0 + (place.tile ? 1 : 0) || 1), (height - top - 2 * margin) / (bounds.y1 - bounds.y0 + (place.tile ? 1 : 0) || 1));
    view = { scale, fit: scale, x: width / 2 - scale * (bounds.x0 + bounds.x1) / 2, y: (height + top) / 2 + scale * (bounds.y0 + bounds.y1) / 2 };
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
  const loaded = new Map(), arrived = [];
  function image(address) {
    if (!address) return null;
    let found = loaded.get(address);
    if (!found) {
      found = { bitmap: null };
      const source = new Image();
      // a bitmap is decoded once; an Image again and again. That takes the main thread longer than a frame: see `frame`
      source.onload = () => { arrived.push([found, source]); redraw(); };
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
    const level = edge * ratio > (job.rough ? 32 : 20) ? "small" : "tiny";
    if (edge * ratio > 110 && !job.rough) {
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
    target.fillStyle = colourOf(i);
    target.fillRect(x, y, edge, edge);
  }

  // Drawing: a picture of the scene, larger than the window, is moved and scaled by the compositor, so that a frame costs
  // the same with any number of photos; a new one is painted in slices between frames and takes its place when it is
  // whole. While the map moves, pictures are painted seldom and from the sheets; at rest once more, in full detail.
  const MARGIN = 0.25, LONG = 24, SHORT = 19, BATCH = 128;
  let front = null, job = null, stale = true, pending = false, budget = 6, lastFrame = 0, seen = null, still = 0, marked = false, lacking = false;
  const spare = [], scene = $(".scene canvas"), screen = scene.getContext("bitmaprenderer", { alpha: false });
  function begin() {
    const surface = spare.pop() || new OffscreenCanvas(1, 1);
    const w = Math.ceil(width * (1 + 2 * MARGIN) * ratio), h = Math.ceil(height * (1 + 2 * MARGIN) * ratio);
    if (surface.width !== w || surface.height !== h) { surface.width = w; surface.height = h; }
    const pen = surface.getContext("2d", { alpha: false, willReadFrequently: true });
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = colors.card;
    pen.fillRect(0, 0, w, h);
    pen.setTransform(ratio, 0, 0, ratio, width * MARGIN * ratio, height * MARGIN * ratio);
    const stacks = place.pins ? stacksOf(shown, view) : null;
    job = { surface, pen, view: { ...view }, rough: moving(), next: 0, list: stacks ? [...stacks.keys()] : shown, stacks, side: side(view) };
    stale = lacking = false;
    if (state.view === "streets") paintStreets(pen, job.view);
  }
  const moving = () => Boolean(front) && still < 3;
  // What is drawn costs its time only when the browser rasters it; a copy of one pixel makes it do so now, a batch at
  // a time, so that a slice ends when its time is over. (Pixels cannot be read here: pictures of a folder are foreign.)
  const raster = (surface) => createImageBitmap(surface, 0, 0, 1, 1).then((pixel) => pixel.close());
  function paint() {
    const { pen, view: v, list, side: s } = job, until = front ? performance.now() + (moving() ? budget : 2 * budget) : Infinity;
    const left = -width * MARGIN - s, right = width * (1 + MARGIN) + s, top = -height * MARGIN - s, bottom = height * (1 + MARGIN) + s;
    const border = place.pins ? 3 : s >= 12 && !place.tile ? Math.max(1.5, s / 30) : 0;
    const strip = border ? 0 : Math.max(1.5, s * 0.09); // where there is no room for a border
    const chosen = editing.active ? editing.selected : null;
    pen.imageSmoothingEnabled = s > 6 && !job.rough;
    for (let drawn = 0; job.next < list.length; job.next++) {
      if (drawn >= BATCH) {
        drawn = 0;
        raster(job.surface);
        if (performance.now() > until) return false;
      }
      const i = list[job.next];
      const x = v.x + v.scale * place.x[i] - s / 2, y = v.y - v.scale * place.y[i] - s / 2;
      if (x < left || y < top || x > right || y > bottom) continue;
      drawn++;
      if (border) {
        const many = place.pins && job.stacks.get(i).length > 1;
        pen.fillStyle = many ? colors.ink : place.pins ? asMade.moods[moodOfCafe(data.cafe[i])].color : colourOf(i);
        pen.fillRect(x - border, y - border, s + 2 * border, s + 2 * border);
      }
      if (strip && s < 5) { pen.fillStyle = colourOf(i); pen.fillRect(x, y, s, s); } // no picture could be told
      else paintTile(pen, i, x, y, s);
      if (strip && s >= 5) { pen.fillStyle = colourOf(i); pen.fillRect(x, y + s - strip, s, strip); }
      if (chosen && chosen.has(i) && !place.pins) {
        const wide = Math.max(2, s / 14);
        pen.strokeStyle = colors.ink; pen.lineWidth = wide + 2; pen.strokeRect(x, y, s, s);
        pen.strokeStyle = colors.accent; pen.lineWidth = wide; pen.strokeRect(x, y, s, s);
      }
    }
    if (job.stacks) paintNames();
    raster(job.surface);
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
    if (job && took > LONG) budget = Math.max(3, budget * 0.8);
    else if (job && took < SHORT) budget = Math.min(6, budget * 1.1);
    still = seen && seen.x === view.x && seen.y === view.y && seen.scale === view.scale ? still + 1 : 0;
    seen = { ...view };
    const off = () => !front || front.rough || front.view.scale !== view.scale || front.view.x !== view.x || front.view.y !== view.y;
    if (job) { if (paint()) shift(); }
    else if (stale || (off() && (!moving() || outgrown()))) { begin(); if (!front && paint()) shift(); }
    else if (arrived.length && !moving()) { // one a frame, and none while the map moves
      const [found, source] = arrived.shift();
      createImageBitmap(source).then((bitmap) => { found.bitmap = bitmap; lacking = true; redraw(); });
    } else if (lacking && !moving()) begin();
    if (front) {
      const by = view.scale / front.view.scale;
      const x = view.x - front.view.x * by - width * MARGIN * by, y = view.y - front.view.y * by - height * MARGIN * by;
      scene.style.transform = `translate(${Math.round(x * ratio) / ratio}px, ${Math.round(y * ratio) / ratio}px) scale(${by})`;
    }
    mark();
    scaleBar();
    if (job || stale || lacking || arrived.length || off()) redraw();
  }
  function shift() { // the picture that is whole takes its place
    front = job; job = null;
    spare.push(front.surface);
    scene.width = front.surface.width; scene.height = front.surface.height;
    scene.style.width = `${scene.width / ratio}px`; scene.style.height = `${scene.height / ratio}px`;
    screen.transferFromImageBitmap(front.surface.transferToImageBitmap());
    if (!window.atlas.firstView) { window.atlas.firstView = performance.now(); document.documentElement.dataset.drawn = ""; }
  }
  function outgrown() { // the picture of the scene is too coarse, or its edge is near the window's
    const by = view.scale / front.view.scale;
    const x = view.x - front.view.x * by, y = view.y - front.view.y * by;
    const left = x - width * MARGIN * by, top = y - height * MARGIN * by;
    const spareX = width * MARGIN * 0.4, spareY = height * MARGIN * 0.4;
    return by > 1.6 || by < 0.7 || left > -spareX || top > -spareY
      || left + width * (1 + 2 * MARGIN) * by < width + spareX || top + height * (1 + 2 * MARGIN) * by < height + spareY;
  }
  function mark() {
    if (marked) { context.setTransform(1, 0, 0, 1, 0, 0); context.clearRect(0, 0, canvas.width, canvas.height); }
    marked = Boolean(lasso) || state.cafe >= 0;
    if (lasso) {
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.beginPath();
      lasso.forEach(([x, y], at) => (at ? context.lineTo(x, y) : context.moveTo(x, y)));
      context.closePath();
      context.globalAlpha = 0.18; context.fillStyle = colors.accent; context.fill();
      context.globalAlpha = 1; context.strokeStyle = colors.accent; context.lineWidth = 2; context.stroke();
    }
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
    tip.append(data.cafes_known ? cafes.name[data.cafe[i]] : data.file[i], document.createElement("br"), moodName(i));
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
  const moodName = (i) => (data.mood[i] < 0 ? "excluded" : moods[data.mood[i]].name);
  function original(i) {
    if (!data.originals) return null;
    const link = data.originals.shared + data.originals.rest[i];
    if (/^[a-z][a-z0-9+.-]*:/i.test(link) && !/^https?:/i.test(link)) return make("p", link, { class: "original" });
    const made = make("p", "", { class: "original" });
    made.append(make("a", "Original photo", { href: link, target: "_blank", rel: "noreferrer" }));
    return made;
  }
  function strip(rows, current, act) {
    const made = make("div", "", { class: "strip" });
    for (const i of rows) {
      const button = make("button", "", { type: "button", "aria-label": data.file[i], "aria-current": String(i === current) });
      background(button, data.pictures[i]);
      button.style.setProperty("--mood", colourOf(i));
      button.addEventListener("click", () => act(i));
      made.append(button);
    }
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
    const told = [data.file[photo], `${moodName(photo)}, membership ${(data.probability[photo] ?? 0).toFixed(2)} of 1`, data.credit[photo]];
    panel.append(make("p", told.filter(Boolean).join(" · ")));
    if (data.words && data.words.photo[photo]) panel.append(make("p", data.words.photo[photo], { class: "in-words" }));
    const link = original(photo);
    if (link) panel.append(link);
    if (cafes.n[c] > 1) panel.append(make("h3", "Photos of the café"), strip(photosOf[c].slice(0, 40), photo, (i) => open(i)));
    if (data.near && data.near[photo].length) {
      panel.append(make("h3", "Photos most like this one"), strip(data.near[photo], -1, (i) => { open(i); show(i); }));
    }
    const interval = `with the 90 % interval of ${cafes.n[c]} photo${cafes.n[c] > 1 ? "s" : ""}`;
    if (cafes.certainty) {
      const chance = cafes.certainty[c], mood = asMade.moods[moodOfCafe(c)].name;
      panel.append(make("h3", "Mood of the café"), make("p", mood + (chance === null ? "" : `, chance ${percent(chance)} %`)));
    }
    panel.append(make("h3", (cafes.certainty ? "Moods of its photos, each by itself, " : "Moods, ") + interval));
    if (moods !== asMade.moods) panel.append(make("p", "As the run had them, before your edits."));
    for (const j of [...asMade.moods.keys()].sort((a, b) => cafes.share[c][b] - cafes.share[c][a])) {
      const [share, low, high] = [cafes.share[c][j], cafes.low[c][j], cafes.high[c][j]];
      if (share === 0 && high < 0.2) continue;
      const bar = make("div", "", { class: "bar", style: "" });
      bar.style.setProperty("--mood", asMade.moods[j].color);
      const track = make("div"), filled = make("b"), line = make("u");
      filled.style.width = `${100 * share}%`;
      line.style.left = `${100 * low}%`; line.style.width = `${100 * (high - low)}%`;
      track.append(filled, line);
      bar.append(make("span", asMade.moods[j].name), make("span", `${percent(share)} % (${percent(low)}–${percent(high)})`), track);
      panel.append(bar);
    }
    if (cafes.similar[c].length) {
      const near = make("div", "", { class: "near" });
      for (const [at, other] of cafes.similar[c].entries()) {
        const button = make("button", "", { type: "button" }), picture = make("i"), words = make("span", cafes.name[other], { dir: "auto" });
        background(picture, data.pictures[cafes.signature[other]]);
        words.append(make("small", [cafes.area[other], cafes.why[c][at]].filter(Boolean).join(" · ")));
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
    if (state.off.size) parts.set("moods", moods.filter((m, j) => m && !state.off.has(j)).map((m) => m.number).join(","));
    if (state.area) parts.set("area", state.area);
    if (state.look) parts.set("look", data.edit.words[state.look]);
    for (const name of ["certainty", "place"]) if (state[name]) parts.set(name, state[name]);
    if (state.cafe >= 0) parts.set("cafe", cafes.id[state.cafe]);
    if (state.photo >= 0 && state.photo !== cafes.signature[state.cafe]) parts.set("photo", data.file[state.photo]);
    if (state.q) parts.set("q", state.q);
    if (state.colour !== "mood") parts.set("colour", state.colour);
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
    state.off = new Set(on ? moods.flatMap((m, j) => (m && !on.has(m.number) ? [j] : [])) : []);
    state.area = cafes.area.includes(parts.get("area")) ? parts.get("area") : "";
    const look = data.edit.words.indexOf(parts.get("look"));
    state.look = look < 0 ? "" : String(look);
    for (const name of ["certainty", "place"]) state[name] = [...$(`#${name}`).options].some((option) => option.value === parts.get(name)) ? parts.get(name) : "";
    state.q = (parts.get("q") || "").toLowerCase();
    const colour = parts.get("colour");
    state.colour = [...$("#colour").options].some((option) => option.value === colour) ? colour : "mood";
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
    $("#colour").value = state.colour;
    for (const name of FILTERS) $(`#${name}`).value = state[name];
    key();
    if ($("#q").value.toLowerCase() !== state.q) $("#q").value = state.q;
  }
  function choose(name) { if (name !== "streets" || hasPlaces) { state.view = name; sync(); arrange(); remember(); } }

  // Fingers, wheel, keys.
  const fingers = new Map();
  let travelled = 0, lasso = null, lassoing = false;
  const at = (event) => { const r = canvas.getBoundingClientRect(); return [event.clientX - r.left, event.clientY - r.top]; };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); fingers.set(event.pointerId, at(event)); if (fingers.size === 1) travelled = 0; lasso = lassoing && fingers.size === 1 && event.button === 0 ? [at(event)] : null; });
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
    } else if (lasso) {
      lasso.push([x, y]);
      travelled += Math.abs(x - before[0]) + Math.abs(y - before[1]);
      fingers.set(event.pointerId, [x, y]);
      tip.hidden = true;
      redraw();
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
    const drawn = lasso;
    lasso = null;
    if (drawn && single && travelled >= 6) { take(drawn, event.altKey); return; }
    if (!single || travelled >= 6) return;
    tip.hidden = true;
    if (lassoing) { const i = under(x, y); if (i >= 0) for (const one of place.pins ? photosOf[data.cafe[i]] : [i]) editing.toggle(one); }
    else press(x, y);
  });
  canvas.addEventListener("pointercancel", (event) => { fingers.delete(event.pointerId); lasso = null; redraw(); });

  // Selecting: a click takes a photo, a drag draws a line around many; two fingers and the wheel move the map still.
  function take(line, out) {
    const inside = (x, y) => { // even-odd rule
      let odd = false;
      for (let a = 0, b = line.length - 1; a < line.length; b = a++) {
        const [x0, y0] = line[a], [x1, y1] = line[b];
        if ((y0 > y) !== (y1 > y) && x < ((x1 - x0) * (y - y0)) / (y1 - y0) + x0) odd = !odd;
      }
      return odd;
    };
    const found = shown.filter((i) => inside(view.x + view.scale * place.x[i], view.y - view.scale * place.y[i]));
    const rows = place.pins ? found.flatMap((i) => photosOf[data.cafe[i]].filter(matches)) : found;
    if (out) { const left = [...editing.selected].filter((i) => !rows.includes(i)); editing.select(left); }
    else editing.select(rows, { more: true });
    redraw();
  }
  function selecting(on) {
    lassoing = on;
    $("#select").setAttribute("aria-pressed", String(on));
    stage.classList.toggle("selecting", on);
    if (on) editing.start(); else editing.stop();
    stale = true;
    redraw();
  }
  $("#select").addEventListener("click", () => selecting(!lassoing));
  editing.shown(() => (place.pins ? shown.flatMap((i) => photosOf[data.cafe[i]].filter(matches)) : shown));
  editing.onchange(() => {
    const now = editing.state, edited = editing.edits.length > 0;
    data.mood = edited ? now.labels.map((label) => label - 1) : asMade.mood;
    moods = asMade.moods;
    if (edited) {
      moods = [];
      for (const mood of now.moods.values()) {
        const title = editing.title(mood), before = asMade.moods[mood.number - 1];
        moods[mood.number - 1] = { number: mood.number, name: /^mood /i.test(title) ? title.toLowerCase() : `${mood.number} ${title}`, korean: mood.name ? "" : (before ? before.korean : ""), color: mood.color, size: now.sizes.get(mood.number) };
      }
    }
    for (const j of [...state.off]) if (!moods[j]) state.off.delete(j);
    callMoods();
    chips();
    filter();
  });
  function chips() {
    $(".moods").replaceChildren(...moods.flatMap((mood, j) => {
      if (!mood) return [];
      const button = make("button", "", { type: "button", "data-mood": String(j), "aria-pressed": String(!state.off.has(j)) }), words = make("span", mood.name);
      button.style.setProperty("--mood", mood.color);
      if (mood.korean && mood.korean !== mood.name) words.append(make("span", mood.korean, { lang: "ko" }));
      button.append(make("i", "", { "aria-hidden": "true" }), words, make("small", mood.size.toLocaleString("en")));
      return [button];
    }));
  }
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); tip.hidden = true; zoom(Math.exp(-event.deltaY * (event.deltaMode ? 20 : 1) / 400), ...at(event)); }, { passive: false });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !$("#editor").hidden) return;
    if (!$("#editor").hidden) return;
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
    else if (event.key === "Enter" && event.target === canvas) { const i = nearestTo(width / 2, height / 2); if (i >= 0 && lassoing) editing.toggle(i); else if (i >= 0) open(i, { focus: true }); }
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
  // The first click shows that mood alone, further clicks add others; without the last one all are shown.
  $(".moods").addEventListener("click", (event) => {
    const button = event.target.closest("[data-mood]");
    if (!button) return;
    const j = Number(button.dataset.mood), every = [...moods.keys()].filter((i) => moods[i]);
    if (!state.off.size) state.off = new Set(every.filter((i) => i !== j));
    else if (state.off.has(j)) state.off.delete(j);
    else state.off.add(j);
    if (every.every((i) => state.off.has(i))) state.off.clear();
    sync(); filter(); remember();
  });
  $("#colour").addEventListener("change", (event) => { state.colour = event.target.value; key(); stale = true; redraw(); remember(); });
  $("#area").addEventListener("change", (event) => { state.area = event.target.value; filter(); remember(); });
  for (const name of FILTERS) $(`#${name}`).addEventListener("change", (event) => { state[name] = event.target.value; key(); filter(); remember(); });
  $(".filters button").addEventListener("click", () => { for (const name of FILTERS) state[name] = ""; sync(); filter(); remember(); });
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
    if (moodCalled.some((text) => text && text.split("\n").includes(state.q))) return undefined; // a mood is shown, not opened
    const all = place.ids.flatMap((i) => (place.pins ? photosOf[data.cafe[i]] : [i])).filter(matches);
    const photo = all.find((i) => called(data.cafe[i]).includes(state.q)) ?? all.find((i) => called(data.cafe[i]).some((text) => text.includes(state.q)));
    if (photo === undefined) return all.find((i) => inFile(i, state.q));
    const signature = cafes.signature[data.cafe[photo]];
    return matches(signature) ? signature : photo;
  }

  // Begin.
  window.atlas = { firstView: 0, zoom, pan, state, placed: () => shown.map((i) => [i, place.x[i], place.y[i]]), stacks: () => [...stacksOf(shown, view).values()].map((stack) => stack.length) };
  const areas = [...new Set(cafes.area.filter(Boolean))].sort((a, b) => a.localeCompare(b, "ko"));
  for (const area of areas) $("#area").append(make("option", area, { value: area }));
  $("#area").hidden = areas.length < 2;
  data.edit.words.forEach((word, w) => $("#look").append(new Option(word, w)));
  $("#look").parentElement.hidden = !data.edit.words.length;
  $("#place").parentElement.hidden = !data.edit.no_place.some(Boolean);
  if (data.cafes_known) $("#colour").append(new Option("café", "cafe"));
  $("#colour").append(new Option("certainty", "certainty"), ...data.looks.map((look, at) => new Option(`${look.low} – ${look.high}`, `look-${at}`)));
  $(".map-words").textContent = data.map;
  for (const mood of moods) $("#names").append(make("option", "", { value: `mood ${mood.number}` }), ...(mood.name.startsWith("mood ") ? [] : [make("option", "", { value: mood.name })]));
  $("[data-view=streets]").hidden = !hasPlaces;
  if (data.cafes_known && cafes.name.length <= 5000) for (const name of new Set(cafes.name)) $("#names").append(make("option", "", { value: name }));
  readColors();
  addEventListener("hashchange", recall);
  width = stage.clientWidth; height = stage.clientHeight;
  recall();
  new ResizeObserver(resize).observe(stage);
})();
