// The arithmetic of the morph: mix the cells of each tuple, count them per pixel, turn counts into colours.
// It touches no page, so the same text runs inside a Worker and, where there is none, on the main thread.
// No optional chaining and no `??`: Bokeh compiles them to functions of the page, which a Worker does not have.

function createKernel() {
  // Screen weights are integers of at most 14 bits: 16-bit position times 14-bit weight stays inside the
  // 31 bits that JavaScript engines keep as machine integers. One float here costs a third of the speed.
  const WEIGHT_BITS = 14;
  const HEADER_BYTES = 20;
  const BLOCK = 1024; // cells worked on at a time: what is remembered of them stays in the fastest cache
  const at = new Int32Array(BLOCK); // pixel of each cell of the block
  const sumX = new Int32Array(BLOCK);
  const sumY = new Int32Array(BLOCK);
  const level = new Float32Array(BLOCK); // value of each cell, mixed
  const redBlue = new Int32Array(BLOCK); // colour of each cell, mixed: red in the upper half, blue in the lower
  const green = new Int32Array(BLOCK);
  let cells = null;
  let style = null;
  let rest = null; // the samples that do not move against one another while one weight changes, as one sample
  let [counts, sums, led] = [new Int32Array(0), new Float32Array(0), new Float32Array(0)];

  // Layout written by pack_tuples in lotviz/app/morph_message.py; every part is aligned to its own item size.
  function load(buffer) {
    const [, n, parts, k] = new Uint32Array(buffer, 0, 4);
    let start = HEADER_BYTES;
    const take = (Type) => {
      const part = new Type(buffer, start, n);
      start += part.byteLength;
      return part;
    };
    const each = (Type) => Array.from({ length: k }, () => take(Type));
    const axes = Array.from({ length: k }, () => [take(Uint16Array), take(Uint16Array)]);
    cells = { n, k, x: axes.map(([x]) => x), y: axes.map(([, y]) => y) };
    cells.mass = parts & 1 ? take(Float32Array) : null;
    cells.values = parts & 2 ? each(Int8Array) : null;
    cells.codes = parts & 4 ? each(Uint8Array) : null;
    cells.markers = parts & 8 ? each(Uint8Array) : null;
    cells.travel = parts & 16 ? [take(Uint8Array)] : null;
    cells.leads = parts & 32 ? take(Uint8Array) : null;
    rest = null;
  }

  function dress(next) {
    style = {
      colourBy: next.colourBy,
      origin: next.origin,
      counts: new Uint32Array(next.counts),
      values: new Uint32Array(next.values),
      levels: new Uint32Array(next.levels),
      categories: new Uint32Array(next.categories),
    };
    rest = null;
  }

  // Whole numbers in the proportions of the weights that sum to `whole` exactly: a cell of one sample alone stays put.
  function shares(weights, whole) {
    const parts = weights.map((weight) => Math.round(weight * whole));
    const missing = whole - parts.reduce((sum, part) => sum + part, 0);
    parts[weights.indexOf(Math.max(...weights))] += missing;
    return parts;
  }

  // What is mixed: the samples with any weight; while one weight changes, that sample and all others as one.
  function sources({ weights, turning, most }) {
    const parts = weights.map((_, i) => i).filter((i) => weights[i] > 0);
    if (turning >= 0 && parts.length > 2) return withRest(weights, turning, most);
    return { samples: parts, weights: parts.map((i) => weights[i]), x: cells.x, y: cells.y };
  }

  function withRest(weights, turning, most) {
    const others = weights.map((weight, i) => (i === turning ? 0 : weight / (1 - weights[turning])));
    const same = rest !== null && rest.turning === turning && rest.n >= most;
    if (!same || others.some((weight, i) => Math.abs(weight - rest.weights[i]) > 1e-4)) {
      rest = collapse(others, turning, Math.min(most, cells.n));
    }
    const samples = weights[turning] > 0 ? [cells.k, turning] : [cells.k];
    const parts = [1 - weights[turning], weights[turning]].slice(0, samples.length);
    return { samples, weights: parts, x: [...cells.x, rest.x], y: [...cells.y, rest.y], rest };
  }

  // One more sample: the others, mixed once and rounded to what a sample of its own would be rounded to.
  function collapse(weights, turning, n) {
    const mixed = { turning, weights, n, x: new Uint16Array(n), y: new Uint16Array(n), value: null, colour: null };
    const whole = 1 << WEIGHT_BITS;
    const used = weights.map((_, i) => i).filter((i) => weights[i] > 0);
    const fixed = shares(used.map((i) => weights[i]), whole);
    const source = { samples: used, weights: used.map((i) => weights[i]), x: cells.x, y: cells.y };
    const kind = mode();
    const scalars = kind === "value" ? cells.values : kind === "marker" ? cells.markers : null;
    if (scalars !== null) mixed.value = new scalars[0].constructor(n);
    if (kind === "category") mixed.colour = new Uint32Array(n);
    const tables = kind === "category" ? colourTables(source) : null;
    for (let from = 0; from < n; from += BLOCK) {
      const size = Math.min(BLOCK, n - from);
      mixAxes(source, [fixed, fixed], from, size);
      for (let i = 0; i < size; i++) {
        mixed.x[from + i] = (sumX[i] + (whole >> 1)) >>> WEIGHT_BITS;
        mixed.y[from + i] = (sumY[i] + (whole >> 1)) >>> WEIGHT_BITS;
      }
      if (scalars !== null) {
        mixLevels(scalars, source, from, size);
        for (let i = 0; i < size; i++) mixed.value[from + i] = Math.round(level[i]);
      }
      if (tables !== null) {
        mixColours(source, tables, from, size);
        for (let i = 0; i < size; i++) {
          mixed.colour[from + i] = ((redBlue[i] >>> 8) & 0xff00ff) | (green[i] & 0xff00);
        }
      }
    }
    return mixed;
  }

  // sumX, sumY: whole-number weighted sums of both axes.
  function mixAxes(source, [across, down], from, size) {
    const { samples, x, y } = source;
    for (let s = 0; s < samples.length; s += 2) {
      const [one, other] = [samples[s], samples[s + 1]];
      const span = { from, size, first: s === 0 };
      if (other === undefined) addOne([x[one], y[one]], [across[s], down[s]], span);
      else addTwo([x[one], x[other], y[one], y[other]], [across[s], across[s + 1], down[s], down[s + 1]], span);
    }
  }

  function addOne([x, y], [wx, wy], { from, size, first }) {
    if (first) {
      sumX.fill(0);
      sumY.fill(0);
    }
    for (let i = 0; i < size; i++) {
      sumX[i] += Math.imul(x[from + i], wx);
      sumY[i] += Math.imul(y[from + i], wy);
    }
  }

  function addTwo([ax, bx, ay, by], [ux, vx, uy, vy], { from, size, first }) {
    if (first) {
      for (let i = 0; i < size; i++) {
        sumX[i] = Math.imul(ax[from + i], ux) + Math.imul(bx[from + i], vx);
        sumY[i] = Math.imul(ay[from + i], uy) + Math.imul(by[from + i], vy);
      }
      return;
    }
    for (let i = 0; i < size; i++) {
      sumX[i] += Math.imul(ax[from + i], ux) + Math.imul(bx[from + i], vx);
      sumY[i] += Math.imul(ay[from + i], uy) + Math.imul(by[from + i], vy);
    }
  }

  // How to come from positions to pixels: (sum of weight times position) >>> shift is the pixel along an axis.
  function screenOf({ width, height }, source) {
    const shift = 16 + Math.floor(Math.log2((1 << WEIGHT_BITS) / Math.max(width, height)));
    const along = (pixels) => shares(source.weights, pixels * 2 ** (shift - 16));
    return { shift, width, across: along(width), down: along(height) };
  }

  // at: the pixel of each cell of the block. Two samples, the common case, in one go.
  function locate(source, screen, from, size) {
    const { shift, width, across, down } = screen;
    if (source.samples.length === 2) {
      const [a, b] = source.samples;
      locateTwo([source.x[a], source.x[b]], [source.y[a], source.y[b]], screen, from, size);
      return;
    }
    mixAxes(source, [across, down], from, size);
    for (let i = 0; i < size; i++) at[i] = Math.imul(sumY[i] >>> shift, width) + (sumX[i] >>> shift);
  }

  function locateTwo([ax, bx], [ay, by], { shift, width, across: [ux, vx], down: [uy, vy] }, from, size) {
    for (let i = 0, j = from; i < size; i++, j++) {
      const x = (Math.imul(ax[j], ux) + Math.imul(bx[j], vx)) >>> shift;
      const y = (Math.imul(ay[j], uy) + Math.imul(by[j], vy)) >>> shift;
      at[i] = Math.imul(y, width) + x;
    }
  }

  function mixLevels(scalars, { samples, weights }, from, size) {
    level.fill(0);
    for (let s = 0; s < samples.length; s++) addLevel(scalars[samples[s]], weights[s], from, size);
  }

  function addLevel(scalar, weight, from, size) {
    for (let i = 0; i < size; i++) level[i] += weight * scalar[from + i];
  }

  // The colours of the categories times each sample's weight (of 256), red and blue side by side in one number.
  function colourTables({ samples, weights }) {
    const whole = shares(weights, 256);
    return samples.map((_, s) => ({
      weight: whole[s],
      redBlue: Int32Array.from(style.categories, (colour) =>
        Math.imul(((colour & 0xff) << 16) | ((colour >>> 16) & 0xff), whole[s]),
      ),
      green: Int32Array.from(style.categories, (colour) => ((colour >>> 8) & 0xff) * whole[s]),
    }));
  }

  // A tuple whose cells belong to different populations has a colour between theirs.
  function mixColours({ samples, rest: others }, tables, from, size) {
    redBlue.fill(0);
    green.fill(0);
    for (let s = 0; s < samples.length; s++) {
      if (samples[s] === cells.k) addPacked(others.colour, tables[s].weight, from, size);
      else addCoded(cells.codes[samples[s]], tables[s], from, size);
    }
  }

  function addCoded(codes, table, from, size) {
    for (let i = 0; i < size; i++) {
      redBlue[i] += table.redBlue[codes[from + i]];
      green[i] += table.green[codes[from + i]];
    }
  }

  function addPacked(packed, weight, from, size) {
    for (let i = 0; i < size; i++) {
      redBlue[i] += Math.imul(packed[from + i] & 0xff00ff, weight);
      green[i] += Math.imul((packed[from + i] >>> 8) & 0xff, weight);
    }
  }

  // For every block of the first n cells: find the pixels, then do something with them.
  function eachBlock(frame, source, act) {
    const screen = screenOf(frame, source);
    for (let from = 0; from < frame.n; from += BLOCK) {
      const size = Math.min(BLOCK, frame.n - from);
      locate(source, screen, from, size);
      act(from, size);
    }
  }

  function countEqualCells(frame, source) {
    counts = cleared(counts, Int32Array, frame.width * frame.height);
    const bins = counts;
    eachBlock(frame, source, (_, size) => {
      for (let i = 0; i < size; i++) bins[at[i]]++;
    });
    return bins;
  }

  // What each cell weighs, null if all weigh the same: a cell that is led counts as much as the sample it is of.
  function massesIn({ weights, n }) {
    const { mass, leads } = cells;
    if (leads === null) return mass;
    if (led.length < n) led = new Float32Array(cells.n);
    for (let i = 0; i < n; i++) led[i] = (mass === null ? 1 : mass[i]) * weights[leads[i]];
    return led;
  }

  function sumMasses(frame, source) {
    const mass = massesIn(frame);
    sums = cleared(sums, Float32Array, frame.width * frame.height);
    const bins = sums;
    eachBlock(frame, source, (from, size) => {
      for (let i = 0; i < size; i++) bins[at[i]] += mass[from + i];
    });
    return bins;
  }

  // Two numbers a pixel, side by side for the cache: mass, and mass times the mixed value.
  function sumLevels(frame, source, scalars) {
    const mass = massesIn(frame);
    sums = cleared(sums, Float32Array, 2 * frame.width * frame.height);
    const bins = sums;
    const mixed = scalars.length > 1 ? source : { samples: [0], weights: [1] }; // travel is the same everywhere
    const all = source.rest && scalars.length > 1 ? [...scalars, source.rest.value] : scalars;
    eachBlock(frame, source, (from, size) => {
      mixLevels(all, mixed, from, size);
      for (let i = 0; i < size; i++) {
        const m = mass === null ? 1 : mass[from + i];
        const j = 2 * at[i];
        bins[j] += m;
        bins[j + 1] += m * level[i];
      }
    });
    return bins;
  }

  // Four numbers a pixel: mass, and mass times red, green and blue.
  function sumColours(frame, source, coloured) {
    const mass = massesIn(frame);
    const tables = colourTables(coloured);
    sums = cleared(sums, Float32Array, 4 * frame.width * frame.height);
    const bins = sums;
    eachBlock(frame, source, (from, size) => {
      mixColours(coloured, tables, from, size);
      for (let i = 0; i < size; i++) {
        const m = mass === null ? 1 : mass[from + i];
        const j = 4 * at[i];
        bins[j] += m;
        bins[j + 1] += m * (redBlue[i] >>> 24);
        bins[j + 2] += m * (green[i] >>> 8);
        bins[j + 3] += m * ((redBlue[i] >>> 8) & 0xff);
      }
    });
    return bins;
  }

  function largest(bins, stride) {
    let most = 0;
    for (let j = 0; j < bins.length; j += stride) if (bins[j] > most) most = bins[j];
    return most;
  }

  // The fullest pixel must get the last colour: a scale ending just below the next whole number cannot round beyond it.
  function logScale(most, steps) {
    return (steps - 0.001) / Math.log1p(most);
  }

  function shadeCounts(bins, pixels) {
    const palette = style.counts;
    const most = largest(bins, 1);
    const scale = logScale(most, palette.length);
    if (bins instanceof Int32Array) {
      const table = new Uint32Array(most + 1); // entry 0 stays transparent: no cell, no colour
      for (let c = 1; c <= most; c++) table[c] = palette[Math.floor(Math.log1p(c) * scale)];
      for (let j = 0; j < pixels.length; j++) pixels[j] = table[bins[j]];
      return;
    }
    for (let j = 0; j < pixels.length; j++) {
      pixels[j] = bins[j] === 0 ? 0 : palette[Math.floor(Math.log1p(bins[j]) * scale)];
    }
  }

  // Colour says what the mean cell of a pixel is like, opacity how many there are: a lone cell stays visible but light.
  function opacity(mass, most, faintest) {
    return Math.round(faintest + ((255 - faintest) * Math.log1p(mass)) / Math.log1p(most));
  }

  // Values from `low` to `high` take the palette from its first colour to its last.
  function shadeLevels(bins, pixels, { palette, low, high }) {
    const last = palette.length - 1;
    const most = largest(bins, 2);
    for (let j = 0; j < pixels.length; j++) {
      const mass = bins[2 * j];
      if (mass === 0) {
        pixels[j] = 0;
        continue;
      }
      const mean = bins[2 * j + 1] / mass;
      const step = Math.floor(((mean - low) / (high - low)) * last + 0.5);
      pixels[j] = (palette[Math.min(last, Math.max(0, step))] & 0xffffff) | (opacity(mass, most, 110) << 24);
    }
  }

  function shadeColours(bins, pixels) {
    const most = largest(bins, 4);
    for (let j = 0; j < pixels.length; j++) {
      const mass = bins[4 * j];
      if (mass === 0) {
        pixels[j] = 0;
        continue;
      }
      const channel = (c) => Math.min(255, Math.round(bins[4 * j + c] / mass));
      pixels[j] = channel(1) | (channel(2) << 8) | (channel(3) << 16) | (opacity(mass, most, 70) << 24);
    }
  }

  function cleared(array, Type, length) {
    if (array.length !== length) return new Type(length);
    array.fill(0);
    return array;
  }

  // What colour means here: what was asked for, if the message holds it.
  function mode() {
    const needed = { value: "values", category: "codes", origin: "codes", marker: "markers", travel: "travel" };
    const part = needed[style.colourBy];
    return part === undefined || cells[part] === null ? "count" : style.colourBy;
  }

  function paint(frame, source, pixels) {
    const kind = mode();
    if (kind === "value") {
      shadeLevels(sumLevels(frame, source, cells.values), pixels, { palette: style.values, low: -127, high: 127 });
    } else if (kind === "marker" || kind === "travel") {
      const scalars = kind === "marker" ? cells.markers : cells.travel;
      shadeLevels(sumLevels(frame, source, scalars), pixels, { palette: style.levels, low: 0, high: 255 });
    } else if (kind === "category") {
      shadeColours(sumColours(frame, source, source), pixels);
    } else if (kind === "origin") {
      const origin = Math.min(style.origin, cells.k - 1);
      shadeColours(sumColours(frame, source, { samples: [origin], weights: [1] }), pixels);
    } else if (cells.mass !== null || cells.leads !== null) shadeCounts(sumMasses(frame, source), pixels);
    else shadeCounts(countEqualCells(frame, source), pixels);
  }

  // frame: weights of the samples, n cells to draw (a prefix: the cells are shuffled), width and height in pixels, a
  // buffer to reuse; `turning` is the sample whose weight a hand changes (-1: none), `most` the longest prefix to come.
  function draw(frame) {
    const prepared = performance.now();
    const source = sources(frame);
    const start = performance.now();
    const bytes = 4 * frame.width * frame.height;
    const reused = frame.buffer && frame.buffer.byteLength === bytes;
    const buffer = reused ? frame.buffer : new ArrayBuffer(bytes);
    paint(frame, source, new Uint32Array(buffer));
    return { buffer, milliseconds: performance.now() - start, preparing: start - prepared };
  }

  return { load, dress, draw };
}
