// The arithmetic of the morph: interpolate pairs of cells, count them per pixel, turn counts into colours.
// It touches no page, so the same text runs inside a Worker and, where there is none, on the main thread.

function createKernel() {
  // Screen weights are integers of at most 14 bits: 16-bit position times 14-bit weight stays inside the
  // 31 bits that JavaScript engines keep as machine integers. One float here costs a third of the speed.
  const WEIGHT_LIMIT = 16384;
  const HEADER_BYTES = 20;
  let cells = null;
  let style = { colourBy: "count", counts: new Uint32Array(1), values: new Uint32Array(1), categories: new Uint8Array(4) };
  let counts = new Int32Array(0);
  let sums = new Float32Array(0);

  // Layout written by pack_pairs in lotviz/app/morph_canvas.py; every part is aligned to its own item size.
  function load(buffer) {
    const [, n, parts] = new Uint32Array(buffer, 0, 4);
    let at = HEADER_BYTES;
    const take = (Type, length) => {
      const part = new Type(buffer, at, length);
      at += part.byteLength;
      return part;
    };
    const pair = (Type) => [take(Type, n), take(Type, n)];
    cells = { n };
    [cells.ax, cells.ay] = pair(Uint16Array);
    [cells.bx, cells.by] = pair(Uint16Array);
    cells.mass = parts & 1 ? take(Float32Array, n) : null;
    [cells.va, cells.vb] = parts & 2 ? pair(Int8Array) : [null, null];
    [cells.ca, cells.cb] = parts & 4 ? pair(Uint8Array) : [null, null];
  }

  function dress(next) {
    style = {
      colourBy: next.colourBy,
      counts: new Uint32Array(next.counts),
      values: new Uint32Array(next.values),
      categories: new Uint8Array(next.categories),
    };
  }

  // Integer weights of both ends along one axis of `pixels` pixels: (a * A + b * B) >>> shift is the pixel.
  function weights(t, pixels, shift) {
    const whole = pixels * 2 ** (shift - 16);
    const b = Math.round(t * whole);
    return [whole - b, b];
  }

  function axes({ t, width, height }) {
    const shift = 16 + Math.floor(Math.log2(WEIGHT_LIMIT / Math.max(width, height)));
    return { shift, x: weights(t, width, shift), y: weights(t, height, shift) };
  }

  function countEqualCells(frame, { shift, x: [xa, xb], y: [ya, yb] }) {
    const { ax, ay, bx, by } = cells;
    const { n, width } = frame;
    counts = cleared(counts, Int32Array, width * frame.height);
    const bins = counts;
    for (let i = 0; i < n; i++) {
      const x = (Math.imul(ax[i], xa) + Math.imul(bx[i], xb)) >>> shift;
      const y = (Math.imul(ay[i], ya) + Math.imul(by[i], yb)) >>> shift;
      bins[y * width + x]++;
    }
    return bins;
  }

  function sumMasses(frame, { shift, x: [xa, xb], y: [ya, yb] }) {
    const { ax, ay, bx, by, mass } = cells;
    const { n, width } = frame;
    sums = cleared(sums, Float32Array, width * frame.height);
    const bins = sums;
    for (let i = 0; i < n; i++) {
      const x = (Math.imul(ax[i], xa) + Math.imul(bx[i], xb)) >>> shift;
      const y = (Math.imul(ay[i], ya) + Math.imul(by[i], yb)) >>> shift;
      bins[y * width + x] += mass[i];
    }
    return bins;
  }

  // Two numbers a pixel, side by side for the cache: mass, and mass times the interpolated value.
  function sumValues(frame, { shift, x: [xa, xb], y: [ya, yb] }) {
    const { ax, ay, bx, by, mass, va, vb } = cells;
    const { n, width, t } = frame;
    const s = 1 - t;
    sums = cleared(sums, Float32Array, 2 * width * frame.height);
    const bins = sums;
    for (let i = 0; i < n; i++) {
      const x = (Math.imul(ax[i], xa) + Math.imul(bx[i], xb)) >>> shift;
      const y = (Math.imul(ay[i], ya) + Math.imul(by[i], yb)) >>> shift;
      const m = mass === null ? 1 : mass[i];
      const j = 2 * (y * width + x);
      bins[j] += m;
      bins[j + 1] += m * (s * va[i] + t * vb[i]);
    }
    return bins;
  }

  // A pair whose two cells belong to different populations has a colour on the way between the two.
  function pairColours(t) {
    const palette = style.categories;
    const k = palette.length >> 2;
    const table = new Float32Array(3 * k * k);
    for (let a = 0; a < k; a++) {
      for (let b = 0; b < k; b++) {
        for (let c = 0; c < 3; c++) {
          table[3 * (a * k + b) + c] = (1 - t) * palette[4 * a + c] + t * palette[4 * b + c];
        }
      }
    }
    return { k, table };
  }

  // Four numbers a pixel: mass, and mass times red, green and blue.
  function sumColours(frame, { shift, x: [xa, xb], y: [ya, yb] }) {
    const { ax, ay, bx, by, mass, ca, cb } = cells;
    const { n, width } = frame;
    const { k, table } = pairColours(frame.t);
    sums = cleared(sums, Float32Array, 4 * width * frame.height);
    const bins = sums;
    for (let i = 0; i < n; i++) {
      const x = (Math.imul(ax[i], xa) + Math.imul(bx[i], xb)) >>> shift;
      const y = (Math.imul(ay[i], ya) + Math.imul(by[i], yb)) >>> shift;
      const m = mass === null ? 1 : mass[i];
      const j = 4 * (y * width + x);
      const c = 3 * (ca[i] * k + cb[i]);
      bins[j] += m;
      bins[j + 1] += m * table[c];
      bins[j + 2] += m * table[c + 1];
      bins[j + 3] += m * table[c + 2];
    }
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

  function shadeValues(bins, pixels) {
    const palette = style.values;
    const last = palette.length - 1;
    const most = largest(bins, 2);
    for (let j = 0; j < pixels.length; j++) {
      const mass = bins[2 * j];
      if (mass === 0) {
        pixels[j] = 0;
        continue;
      }
      const mean = bins[2 * j + 1] / mass;
      const step = Math.floor((mean / 127 + 1) * 0.5 * last + 0.5);
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

  // frame: t in 0..1, n cells to draw (a prefix: the cells are shuffled), width and height in pixels, a buffer to reuse.
  function draw(frame) {
    const start = performance.now();
    const bytes = 4 * frame.width * frame.height;
    const buffer = frame.buffer && frame.buffer.byteLength === bytes ? frame.buffer : new ArrayBuffer(bytes);
    const pixels = new Uint32Array(buffer);
    const screen = axes(frame);
    if (style.colourBy === "value" && cells.va !== null) shadeValues(sumValues(frame, screen), pixels);
    else if (style.colourBy === "category" && cells.ca !== null) shadeColours(sumColours(frame, screen), pixels);
    else if (cells.mass !== null) shadeCounts(sumMasses(frame, screen), pixels);
    else shadeCounts(countEqualCells(frame, screen), pixels);
    return { buffer, milliseconds: performance.now() - start };
  }

  return { load, dress, draw };
}
