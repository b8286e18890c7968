// Small curves of markers: the mixture (filled) between its samples, drawn anew for every step of the morph.

const BINS = 256; // values are bytes: one bin each
const SMOOTH = 0.02; // standard deviation of the Gaussian, as a share of the axis, as in analysis/density.py
const DASHES = ["4 3", "", "1.5 2", "7 2 1.5 2", "2 4", "9 3", "5 1.5", "1 3.5"];
const PATIENCE = 250; // milliseconds of rest before the words follow the curves

// Layout written by pack_curves in lotviz/app/morph_curves.py.
function readCurves(buffer) {
  if (!buffer || buffer.byteLength < 20) return { n: 0, m: 0, k: 0 };
  const [, n, m, k, parts] = new Uint32Array(buffer, 0, 5);
  const limits = new Float32Array(buffer, 20, 2 * m);
  const masses = parts & 1 ? new Float32Array(buffer, 20 + 8 * m, n) : null;
  const after = 20 + 8 * m + (parts & 1 ? 4 * n : 0);
  const leads = parts & 2 ? new Uint8Array(buffer, after, n) : null;
  const start = after + (parts & 2 ? n : 0);
  const marker = (j) => Array.from({ length: k }, (_, i) => new Uint8Array(buffer, start + (j * k + i) * n, n));
  return { n, m, k, masses, leads, limits, markers: Array.from({ length: m }, (_, j) => marker(j)) };
}

const mixedValues = { sum: new Int32Array(0) };

// A tuple that is led by a sample counts as much as that sample does.
function histogram(samples, { masses, leads }, weights) {
  const n = samples[0].length;
  if (mixedValues.sum.length < n) mixedValues.sum = new Int32Array(n);
  const { sum } = mixedValues;
  sum.fill(1 << 15, 0, n); // half a step, so that cutting off rounds
  weights.forEach((weight, k) => {
    const [whole, values] = [Math.round(weight * 65536), samples[k]];
    if (whole > 0) for (let i = 0; i < n; i++) sum[i] += Math.imul(whole, values[i]);
  });
  const bins = new Float64Array(BINS);
  for (let i = 0; i < n; i++) {
    const share = leads === null ? 1 : weights[leads[i]];
    bins[Math.min(BINS - 1, sum[i] >>> 16)] += masses === null ? share : share * masses[i];
  }
  return bins;
}

const KERNEL = (() => {
  const sigma = SMOOTH * BINS;
  const reach = Math.round(4 * sigma);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-0.5 * ((i - reach) / sigma) ** 2));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return { reach, weights: Float64Array.from(weights, (weight) => weight / sum) };
})();

// A histogram smoothed with a Gaussian whose integral over the axis is one; beyond the ends the last bin goes on.
function smoothed(bins) {
  const { reach, weights } = KERNEL;
  const curve = new Float64Array(BINS);
  for (let i = 0; i < BINS; i++) {
    let sum = 0;
    for (let j = -reach; j <= reach; j++) sum += weights[j + reach] * bins[clamp(i + j, 0, BINS - 1)];
    curve[i] = sum;
  }
  const total = curve.reduce((sum, value) => sum + value, 0) / BINS;
  return curve.map((value) => value / total);
}

function median(bins) {
  const half = bins.reduce((sum, mass) => sum + mass, 0) / 2;
  let sum = 0;
  return bins.findIndex((mass) => (sum += mass) >= half);
}

function lineThrough(curve, top) {
  let line = "";
  for (let i = 0; i < BINS; i += 2) line += `${i ? "L" : "M"}${i} ${(100 * (1 - curve[i] / top)).toFixed(2)}`;
  return line;
}

function tile(parent, data, j, { name, unit, labels, colours }) {
  const root = element("figure", "lv-curve", parent);
  root.dataset.testid = "morph-curve";
  root.setAttribute("role", "img");
  const head = element("figcaption", "", root);
  element("b", "", head).textContent = name;
  element("span", "", head).textContent = unit;
  const svg = drawn("svg", { viewBox: `0 0 ${BINS - 1} 100`, preserveAspectRatio: "none" }, root);
  const area = drawn("path", { class: "lv-curve-area" }, svg);
  const [low, high] = [data.limits[2 * j], data.limits[2 * j + 1]];
  const valueOf = (bin) => low + ((high - low) * bin) / (BINS - 1);
  const ends = Array.from({ length: data.k }, (_, i) => {
    const bins = histogram(data.markers[j], data, alone(data.k, i));
    const path = drawn("path", { class: "lv-curve-end", stroke: colours[i], "stroke-dasharray": DASHES[i] }, svg);
    return { path, curve: smoothed(bins), middle: valueOf(median(bins)) };
  });
  const line = drawn("path", { class: "lv-curve-now" }, svg);
  const ticks = element("div", "lv-curve-ticks", root);
  for (const { at, text } of ticksOf(low, high, 4)) {
    const mark = element("span", "", ticks);
    mark.textContent = text;
    mark.style.left = `${(100 * (at - low)) / (high - low)}%`;
  }
  const most = Math.max(...ends.map(({ curve }) => Math.max(...curve)));
  let top = 0;

  // A mixture may be more peaked than every one of its samples: the axis gives way, and never comes back.
  function fit(curve) {
    const needed = 1.08 * Math.max(most, ...curve);
    if (needed <= top) return;
    top = top === 0 ? needed : 1.15 * needed;
    ends.forEach((end) => end.path.setAttribute("d", lineThrough(end.curve, top)));
  }

  return (weights) => {
    const bins = histogram(data.markers[j], data, weights);
    const curve = smoothed(bins);
    fit(curve);
    const through = lineThrough(curve, top);
    line.setAttribute("d", through);
    area.setAttribute("d", `${through}L${BINS - 2} 100L0 100Z`);
    return () => {
      const said = (value) => decimal(value, { digits: 2 });
      const others = ends.map(({ middle }, i) => `${labels[i]} ${said(middle)}`).join(", ");
      const words = `${name}: median now ${said(valueOf(median(bins)))}, ${others}${unit ? `, ${unit}` : ""}`;
      root.setAttribute("aria-label", words);
    };
  };
}

export function render({ model, el, view }) {
  const root = element("div", "lv-curves", el);
  let data = readCurves(null);
  let tiles = [];
  let timer = 0;
  const followed = follow(model, show);

  function build() {
    data = readCurves(model.curves);
    root.replaceChildren();
    root.style.setProperty("--lv-curve-columns", model.columns);
    const labels = Array.from({ length: data.k }, (_, i) => model.labels[i] ?? `Sample ${i + 1}`);
    const colours = Array.from({ length: data.k }, (_, i) => model.colours[i] ?? "currentColor");
    tiles = Array.from({ length: data.m }, (_, j) =>
      tile(root, data, j, { name: model.names[j] ?? `Marker ${j + 1}`, unit: model.units[j] ?? "", labels, colours }),
    );
    followed.soon();
  }

  function show(said) {
    const weights = fitting(said, data.k);
    const words = tiles.map((draw) => draw(weights));
    root.dataset.weights = weights.map((weight) => Math.round(weight * 1e4) / 1e4).join(" ");
    clearTimeout(timer);
    timer = setTimeout(() => words.forEach((say) => say()), PATIENCE);
  }

  // Parameters that change together arrive one by one: all are in place when the first is acted on.
  let due = false;
  model.on(["curves", "names", "units", "labels", "colours", "columns"], () => {
    if (!due) queueMicrotask(() => ((due = false), build()));
    due = true;
  });
  onlyOnce(view, model, () => {
    clearTimeout(timer);
    followed.close();
  });
  build();
}
