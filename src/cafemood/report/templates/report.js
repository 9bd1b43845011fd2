"use strict";
(() => {
  const data = JSON.parse(document.getElementById("payload").textContent);
  const n = data.file.length;
  const name = (i) => (data.cafes_known ? data.cafe[i] : data.file[i]);
  const moodName = (j) => (data.names[j] ? `“${data.names[j]}”` : `mood ${j + 1}`);
  const moodOf = (i) => `${data.names[data.cluster[i]] ? `${moodName(data.cluster[i])} (mood ${data.cluster[i] + 1})` : `Mood ${data.cluster[i] + 1}`}, probability ${data.probability[i].toFixed(2)}`;

  // Pictures on the cards: each photo's one thumbnail, as a background.
  function show(button) {
    const i = Number(button.dataset.photo);
    if (data.pictures[i]) button.style.backgroundImage = `url("${data.pictures[i]}")`;
    button.setAttribute("aria-label", `Enlarge ${name(i)}, ${moodName(data.cluster[i])}`);
    button.addEventListener("click", () => open(i));
  }
  for (const button of document.querySelectorAll("[data-photo]")) show(button);

  // All photos of a mood, made when they are asked for.
  for (const all of document.querySelectorAll(".all")) {
    all.addEventListener("toggle", () => {
      const grid = all.querySelector(".grid"), cluster = Number(all.dataset.cluster);
      if (!all.open || grid.childElementCount) return;
      const own = [...Array(n).keys()].filter((i) => data.cluster[i] === cluster);
      own.sort((a, b) => data.distance[a] - data.distance[b]);
      for (const i of own) {
        const button = document.createElement("button");
        button.type = "button"; button.className = "photo"; button.dataset.photo = i;
        show(button);
        grid.append(button);
      }
      const size = data.sizes[cluster];
      if (own.length < size) {
        const note = document.createElement("p");
        note.className = "small";
        note.textContent = `${own.length} of ${size} photos are in this page; assignments.csv lists all.`;
        grid.after(note); // of many photos the page has some
      }
    });
  }

  // A link into what is folded opens it; so does printing. Korean readers get their lines opened.
  const unfold = (link) => { const part = document.querySelector(link)?.closest("details"); if (part) part.open = true; };
  for (const link of document.querySelectorAll('.contents a, a[href="#skipped"]')) link.addEventListener("click", () => unfold(link.getAttribute("href")));
  if (/^#[\w-]+$/.test(location.hash)) unfold(location.hash);
  addEventListener("beforeprint", () => { for (const part of document.querySelectorAll(".figures, .why")) part.open = true; });
  if (navigator.language.startsWith("ko")) document.querySelector(".korean").open = true;

  // Lightbox: steps through the photos of one mood.
  const box = document.getElementById("lightbox");
  let shown = 0;
  function open(i) {
    shown = i;
    const image = box.querySelector("img");
    image.hidden = !data.pictures[i];
    if (data.pictures[i]) image.src = data.pictures[i]; else image.removeAttribute("src");
    image.alt = name(i);
    const lines = [data.file[i], data.cafes_known ? `Café ${data.cafe[i]}` : "", `${moodOf(i)}; next: ${moodName(data.second[i])}`, data.credit[i]];
    box.querySelector("p").textContent = lines.filter(Boolean).join("\n");
    if (!box.open) box.showModal();
  }
  function step(by) {
    const same = [...Array(n).keys()].filter((i) => data.cluster[i] === data.cluster[shown]);
    open(same[(same.indexOf(shown) + by + same.length) % same.length]);
  }
  box.querySelector(".close").addEventListener("click", () => box.close());
  box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
  for (const button of box.querySelectorAll("[data-step]")) button.addEventListener("click", () => step(Number(button.dataset.step)));
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowRight") step(1);
    if (event.key === "ArrowLeft") step(-1);
  });

  // The map.
  const frame = document.getElementById("map");
  const canvas = frame.querySelector("canvas");
  const tip = frame.querySelector(".tip");
  const context = canvas.getContext("2d");
  const hidden = new Set();
  const images = new Map();
  const bounds = { x0: Math.min(...data.x), x1: Math.max(...data.x), y0: Math.min(...data.y), y1: Math.max(...data.y) };
  let view = null;
  let width = 0, height = 0, pending = false;

  function fit() {
    const margin = Math.min(90, 12 + 0.31 * Math.sqrt((width * height) / n)); // half a picture
    const scale = Math.min((width - 2 * margin) / (bounds.x1 - bounds.x0 || 1), (height - 2 * margin) / (bounds.y1 - bounds.y0 || 1));
    view = { scale, fit: scale, x: width / 2 - scale * (bounds.x0 + bounds.x1) / 2, y: height / 2 + scale * (bounds.y0 + bounds.y1) / 2 };
  }
  const px = (i) => view.x + view.scale * data.x[i];
  const py = (i) => view.y - view.scale * data.y[i];
  const thumb = () => Math.max(5, Math.min(160, Math.sqrt((width * height) / n) * 0.62 * Math.pow(view.scale / view.fit, 0.75)));

  function picture(i) {
    if (!data.pictures[i]) return null;
    let image = images.get(i);
    if (!image) {
      image = new Image();
      image.onload = redraw;
      image.src = data.pictures[i];
      images.set(i, image);
    }
    return image.complete && image.naturalWidth ? image : null;
  }
  function redraw() {
    if (!pending) { pending = true; requestAnimationFrame(() => { pending = false; draw(); }); }
  }
  function draw() {
    context.clearRect(0, 0, width, height);
    const side = thumb();
    for (let i = 0; i < n; i++) {
      if (hidden.has(data.cluster[i])) continue;
      const x = px(i), y = py(i);
      if (x < -side || y < -side || x > width + side || y > height + side) continue;
      const image = side >= 14 ? picture(i) : null;
      context.fillStyle = data.colors[data.cluster[i]];
      if (!image) {
        context.beginPath();
        context.arc(x, y, Math.min(side / 2, 6), 0, 7);
        context.fill();
        continue;
      }
      const border = Math.max(2, side / 28);
      context.fillRect(x - side / 2 - border, y - side / 2 - border, side + 2 * border, side + 2 * border);
      const edge = Math.min(image.naturalWidth, image.naturalHeight);
      context.drawImage(image, (image.naturalWidth - edge) / 2, (image.naturalHeight - edge) / 2, edge, edge, x - side / 2, y - side / 2, side, side);
    }
  }
  function resize() {
    const ratio = window.devicePixelRatio || 1;
    width = frame.clientWidth; height = frame.clientHeight;
    canvas.width = width * ratio; canvas.height = height * ratio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    fit(); redraw();
  }
  function zoom(factor, x = width / 2, y = height / 2) {
    const scale = Math.max(view.fit * 0.5, Math.min(view.fit * 60, view.scale * factor));
    const by = scale / view.scale;
    view.x = x - (x - view.x) * by; view.y = y - (y - view.y) * by; view.scale = scale;
    redraw();
  }
  function under(x, y) {
    const reach = Math.max(thumb() / 2, 8);
    for (let i = n - 1; i >= 0; i--) {
      if (!hidden.has(data.cluster[i]) && Math.abs(px(i) - x) <= reach && Math.abs(py(i) - y) <= reach) return i;
    }
    return -1;
  }
  function tell(i, x, y) {
    tip.hidden = i < 0;
    if (i < 0) return;
    tip.replaceChildren();
    if (data.pictures[i]) { const image = new Image(); image.src = data.pictures[i]; image.alt = ""; tip.append(image); }
    tip.append(`${name(i)} · ${moodOf(i)}`);
    tip.style.left = `${Math.max(8, Math.min(width - 198, x + 16))}px`;
    tip.style.top = y > height / 2 ? "auto" : `${y + 16}px`;
    tip.style.bottom = y > height / 2 ? `${height - y + 16}px` : "auto";
  }
  const fingers = new Map();
  let moved = 0;
  const at = (event) => { const r = canvas.getBoundingClientRect(); return [event.clientX - r.left, event.clientY - r.top]; };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); fingers.set(event.pointerId, at(event)); moved = fingers.size === 1 ? 0 : 100; });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = at(event);
    const before = fingers.get(event.pointerId);
    if (!before) return tell(under(x, y), x, y);
    if (fingers.size === 2) {
      const [a, b] = [...fingers.values()];
      const old = Math.hypot(a[0] - b[0], a[1] - b[1]);
      fingers.set(event.pointerId, [x, y]);
      const [c, d] = [...fingers.values()];
      zoom(Math.hypot(c[0] - d[0], c[1] - d[1]) / (old || 1), (c[0] + d[0]) / 2, (c[1] + d[1]) / 2);
    } else {
      view.x += x - before[0]; view.y += y - before[1];
      moved += Math.abs(x - before[0]) + Math.abs(y - before[1]);
      fingers.set(event.pointerId, [x, y]);
      tip.hidden = true;
      redraw();
    }
  });
  canvas.addEventListener("pointerup", (event) => {
    const [x, y] = at(event);
    fingers.delete(event.pointerId);
    const i = moved < 6 ? under(x, y) : -1;
    if (i >= 0) { tip.hidden = true; open(i); }
  });
  canvas.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoom(Math.exp(-event.deltaY / 400), ...at(event)); }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (move) { view.x += move[0]; view.y += move[1]; redraw(); event.preventDefault(); }
    if (event.key === "+" || event.key === "=") zoom(1.5);
    if (event.key === "-") zoom(1 / 1.5);
  });
  for (const button of frame.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => { const factor = Number(button.dataset.zoom); if (factor) zoom(factor); else { fit(); redraw(); } });
  }
  for (const button of document.querySelectorAll(".legend button")) {
    button.addEventListener("click", () => {
      const cluster = Number(button.dataset.cluster);
      if (hidden.has(cluster)) hidden.delete(cluster); else hidden.add(cluster);
      button.setAttribute("aria-pressed", String(!hidden.has(cluster)));
      redraw();
    });
  }
  document.getElementById("copy").addEventListener("click", async (event) => {
    const text = document.querySelector(".command code").textContent;
    try { await navigator.clipboard.writeText(text); event.target.textContent = "Copied"; }
    catch { getSelection().selectAllChildren(document.querySelector(".command code")); event.target.textContent = "Selected"; }
  });
  new ResizeObserver(resize).observe(frame);
  resize();
})();
