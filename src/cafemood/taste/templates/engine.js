"use strict";
/* The same taste as cafemood.taste in Python: draws.py, preference.py, questions.py, ranking.py. A choice is
   { options: rows of features, chosen: which of them }. A taste is { mean, lower }: lower is the Cholesky factor of the precision. */
const Taste = (() => {
  const dot = (a, b) => { let sum = 0; for (let i = 0; i < a.length; i++) sum += a[i] * b[i]; return sum; };

  function draws(seed) { // Mulberry32
    let count = seed | 0;
    const uniform = () => {
      count = (count + 0x6d2b79f5) | 0;
      let t = Math.imul(count ^ (count >>> 15), 1 | count);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    return { uniform, below: (n) => Math.floor(uniform() * n), normal: () => { const u = uniform(), v = uniform(); return Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v); } };
  }

  /* exp(u) / sum exp(u) of the options, in `share`, an array that is as long. */
  function softmax(options, weights, share) {
    let most = -Infinity, sum = 0;
    for (let k = 0; k < options.length; k++) { share[k] = dot(options[k], weights); if (share[k] > most) most = share[k]; }
    for (let k = 0; k < options.length; k++) sum += share[k] = Math.exp(share[k] - most);
    for (let k = 0; k < options.length; k++) share[k] /= sum;
    return share;
  }
  function posterior(weights, choices, { lapse, spread }) {
    const share = new Float64Array(4);
    let value = (-0.5 * dot(weights, weights)) / spread ** 2;
    for (const { options, chosen } of choices) value += Math.log((1 - lapse) * softmax(options, weights, share)[chosen] + lapse / options.length);
    return value;
  }
  function derivatives(weights, choices, { lapse, spread }) {
    const r = weights.length, share = new Float64Array(4), mean = new Float64Array(r), away = new Float64Array(r), gradient = Float64Array.from(weights, (w) => -w / spread ** 2);
    const precision = Array.from({ length: r }, (_, i) => { const row = new Float64Array(r); row[i] = 1 / spread ** 2; return row; });
    for (const { options, chosen } of choices) {
      softmax(options, weights, share);
      let meant = (1 - lapse) * share[chosen];
      meant /= meant + lapse / options.length;
      mean.fill(0);
      for (let k = 0; k < options.length; k++) for (let i = 0; i < r; i++) mean[i] += share[k] * options[k][i];
      for (let k = 0; k < options.length; k++) {
        for (let i = 0; i < r; i++) away[i] = options[k][i] - mean[i];
        if (k === chosen) for (let i = 0; i < r; i++) gradient[i] += meant * away[i];
        for (let i = 0; i < r; i++) {
          const by = meant * share[k] * away[i], row = precision[i];
          for (let j = 0; j <= i; j++) row[j] += by * away[j];
        }
      }
    }
    return { gradient, precision };
  }
  function cholesky(matrix) {
    const r = matrix.length, lower = Array.from({ length: r }, () => new Float64Array(r));
    for (let i = 0; i < r; i++) for (let j = 0; j <= i; j++) {
      let sum = matrix[i][j];
      for (let k = 0; k < j; k++) sum -= lower[i][k] * lower[j][k];
      lower[i][j] = i === j ? Math.sqrt(sum) : sum / lower[j][j];
    }
    return lower;
  }
  function forward(lower, b) {
    const x = Float64Array.from(b);
    for (let i = 0; i < x.length; i++) { for (let k = 0; k < i; k++) x[i] -= lower[i][k] * x[k]; x[i] /= lower[i][i]; }
    return x;
  }
  function backward(lower, b) {
    const x = Float64Array.from(b);
    for (let i = x.length - 1; i >= 0; i--) { for (let k = i + 1; k < x.length; k++) x[i] -= lower[k][i] * x[k]; x[i] /= lower[i][i]; }
    return x;
  }

  function fit(choices, r, settings) {
    let weights = new Float64Array(r), at = posterior(weights, choices, settings);
    for (let n = 0; n < 500; n++) {
      const { gradient, precision } = derivatives(weights, choices, settings);
      const lower = cholesky(precision), step = backward(lower, forward(lower, gradient));
      let size = 1, then = at, next = weights;
      const move = () => { next = weights.map((w, i) => w + size * step[i]); };
      while (size > 1e-6) {
        move();
        then = posterior(next, choices, settings);
        if (then >= at - 1e-12) break;
        size /= 2;
      }
      move();
      weights = next; at = then;
      if (step.reduce((most, s) => Math.max(most, Math.abs(size * s)), 0) < 1e-11) break;
    }
    return { mean: weights, lower: cholesky(derivatives(weights, choices, settings).precision) };
  }
  const utilities = (features, taste) => Array.from(features, (row) => dot(row, taste.mean));
  const deviations = (features, taste) => Array.from(features, (row) => { const x = forward(taste.lower, row); return Math.sqrt(dot(x, x)); });
  function samples(taste, n, random) {
    const r = taste.mean.length;
    return Array.from({ length: n }, () => {
      const z = new Float64Array(r);
      for (let i = 0; i < r; i++) z[i] = random.normal();
      return backward(taste.lower, z).map((value, i) => taste.mean[i] + value);
    });
  }

  /* Utilities of rows in samples, a flat array: sample by sample. */
  function drawn(rows, weights) {
    const n = rows.length, found = new Float64Array(n * weights.length);
    for (let i = 0; i < n; i++) {
      const row = rows[i];
      for (let s = 0; s < weights.length; s++) found[s * n + i] = dot(row, weights[s]);
    }
    return found;
  }
  /* Put the largest values last, the least of them at `from` (Hoare's selection). */
  function select(values, from) {
    let low = 0, high = values.length - 1;
    while (low < high) {
      const pivot = values[(low + high) >> 1];
      let i = low, j = high;
      while (i <= j) {
        while (values[i] < pivot) i++;
        while (values[j] > pivot) j--;
        if (i <= j) { const value = values[i]; values[i++] = values[j]; values[j--] = value; }
      }
      if (from <= j) high = j;
      else if (from >= i) low = i;
      else break;
    }
  }
  /* `shown` are the utilities of the photos asked about in each sample: an array a photo. */
  function worth(liked, shown, n, nSamples, best, lapse) {
    const m = shown.length, answers = [], after = new Float64Array(n);
    for (let k = 0; k < m; k++) answers.push(new Float64Array(nSamples));
    for (let s = 0; s < nSamples; s++) {
      let most = -Infinity, sum = 0;
      for (let k = 0; k < m; k++) most = Math.max(most, shown[k][s]);
      for (let k = 0; k < m; k++) sum += answers[k][s] = Math.exp(shown[k][s] - most);
      for (let k = 0; k < m; k++) answers[k][s] = ((1 - lapse) * answers[k][s]) / sum + lapse / m;
    }
    let value = 0;
    for (let k = 0; k < m; k++) {
      const answer = answers[k];
      let total = 0;
      for (let s = 0; s < nSamples; s++) total += answer[s];
      after.fill(0);
      for (let s = 0; s < nSamples; s++) { const p = answer[s] / total, from = s * n; for (let i = 0; i < n; i++) after[i] += p * liked[from + i]; }
      select(after, n - best);
      let top = 0;
      for (let i = n - best; i < n; i++) top += after[i];
      value += ((total / nSamples) * top) / best;
    }
    return value;
  }
  function nextQuestion(features, evidence, taste, seen, { seed, size, unable, lapse, nSamples, candidates, best, least }) {
    const n = features.length, usable = [], hidden = new Set(unable), known = new Set(seen);
    for (let i = 0; i < n; i++) if (!hidden.has(i)) usable.push(i);
    let free = usable.filter((i) => !known.has(i));
    size = Math.min(size, usable.length);
    if (size < 2) return usable;
    if (free.length < size) free = usable;
    const random = draws(seed), weights = samples(taste, nSamples, random);
    const liked = drawn(features, weights), photos = new Map(), count = Math.min(Math.max(least, Math.floor(n / best)), n);
    const shown = (i) => { // of the few photos that are asked about
      if (!photos.has(i)) photos.set(i, Float64Array.from(weights, (w) => dot(evidence[i], w)));
      return photos.get(i);
    };
    let most = -Infinity, found = free.slice(0, size);
    for (let candidate = 0; candidate < candidates; candidate++) {
      const pick = [];
      if (candidate % 2 === 0) {
        for (let k = 0; k < size; k++) {
          const from = random.below(nSamples) * n;
          let top = -1;
          for (const i of free) if (!pick.includes(i) && (top < 0 || liked[from + i] > liked[from + top])) top = i;
          pick.push(top);
        }
      } else {
        const pool = free.slice();
        for (let k = 0; k < size; k++) pick.push(pool.splice(random.below(pool.length), 1)[0]);
      }
      const value = worth(liked, pick.map(shown), n, nSamples, count, lapse);
      if (value > most + 1e-12) { most = value; found = pick; }
    }
    return found;
  }

  function chances(features, taste, { chanceSamples, chanceSeed, fifth }) {
    const n = features.length, best = Math.ceil(n / fifth), among = new Float64Array(n), values = new Float64Array(n), ordered = new Float64Array(n);
    for (const weights of samples(taste, chanceSamples, draws(chanceSeed))) {
      for (let i = 0; i < n; i++) values[i] = ordered[i] = dot(features[i], weights);
      select(ordered, n - best);
      const least = ordered[n - best];
      for (let i = 0; i < n; i++) if (values[i] >= least) among[i] += 1 / chanceSamples;
    }
    return among;
  }
  function relation(a, b) {
    const n = a.length, mean = (x) => x.reduce((sum, value) => sum + value, 0) / n, ma = mean(a), mb = mean(b);
    let ab = 0, aa = 0, bb = 0;
    for (let i = 0; i < n; i++) { const x = a[i] - ma, y = b[i] - mb; ab += x * y; aa += x * x; bb += y * y; }
    return Math.sqrt(aa * bb) > 1e-9 ? ab / Math.sqrt(aa * bb) : 0;
  }
  function reasons(values, looks, shares, { told, relation: least, difference, share: leastShare }) {
    const column = (rows, j) => rows.map((row) => row[j]);
    const ofMood = shares[0].map((_, j) => relation(values, column(shares, j))), ofLook = told.map((_, j) => relation(values, column(looks, j)));
    return looks.map((look, i) => {
      const mine = [], worthOf = shares[i].map((s, j) => (ofMood[j] >= least && s >= leastShare ? s * ofMood[j] : 0));
      const top = Math.max(0, ...worthOf);
      if (top > 0) mine.push(["mood", worthOf.indexOf(top)]);
      const strength = look.map((z, j) => (Math.abs(ofLook[j]) >= least && z * Math.sign(ofLook[j]) >= difference ? z * ofLook[j] : 0));
      const order = strength.map((_, j) => j).sort((a, b) => strength[b] - strength[a] || a - b);
      for (const j of order.slice(0, 2)) if (strength[j] > 0) mine.push([told[j], look[j] > 0 ? 1 : -1]);
      return mine;
    });
  }
  const order = (values) => values.map((_, i) => i).sort((a, b) => values[b] - values[a] || a - b);

  return { draws, fit, utilities, deviations, samples, nextQuestion, chances, reasons, order };
})();
