// The morph: a canvas, a native range input, and a Worker that draws. Python hears of the slider on release only.
// Loaded after kernel.js, as one text: a JSComponent without imports asks no other host for anything.

const STEP = 0.01; // one arrow key
const PAGE = 0.1; // one Page Up or Page Down
const MOST_BINS = 1200000; // more pixels than cells show no more, and clearing them costs time
const SLOW = 14; // milliseconds a frame may take while a hand moves; slower machines then draw fewer cells
const FAST = 7;
const FEWEST = 200000;
const KEYS = {
  ArrowLeft: (t) => t - STEP,
  ArrowDown: (t) => t - STEP,
  ArrowRight: (t) => t + STEP,
  ArrowUp: (t) => t + STEP,
  PageDown: (t) => t - PAGE,
  PageUp: (t) => t + PAGE,
  Home: () => 0,
  End: () => 1,
};

const CELL_PARAMETERS = ["cells"];
const STYLE_PARAMETERS = ["colour_by", "count_palette", "value_palette", "category_palette"];
const TEXT_PARAMETERS = ["label_a", "label_b", "colour_a", "colour_b", "title", "note", "unit", "n_total"];

// Panel may render one view again without telling the last rendering: its Worker must not stay behind.
const disposers = new WeakMap();

function element(tag, className, parent) {
  const made = document.createElement(tag);
  made.className = className;
  parent.append(made);
  return made;
}

function build(root) {
  const head = element("div", "lv-morph-head", root);
  const box = element("div", "lv-morph-box", root);
  const bar = element("div", "lv-morph-bar", root);
  const end = (side) => {
    const label = element("span", `lv-morph-end lv-morph-end-${side}`, bar);
    return { key: element("i", "", label), name: element("b", "", label) };
  };
  const parts = {
    box,
    title: element("b", "", head),
    note: element("span", "", head),
    badge: element("span", "lv-morph-badge", head),
    canvas: element("canvas", "", box),
    a: end("a"),
    input: element("input", "", bar),
    b: end("b"),
  };
  parts.canvas.dataset.testid = "morph-canvas";
  parts.canvas.setAttribute("role", "img");
  Object.assign(parts.input, { type: "range", min: "0", max: "1", step: "0.001" });
  parts.input.setAttribute("aria-label", "Morph");
  return parts;
}

function mainThreadEngine(onFrame) {
  const kernel = createKernel();
  let request = 0;
  return {
    load: (buffer) => kernel.load(buffer),
    dress: (style) => kernel.dress(style),
    draw: (frame) => {
      request = requestAnimationFrame(() => onFrame({ ...frame, ...kernel.draw(frame) }));
    },
    close: () => cancelAnimationFrame(request),
  };
}

function workerEngine(onFrame, onFailure) {
  const source = `${createKernel}
    const kernel = createKernel();
    onmessage = ({data: {task, load}}) => {
      if (task !== "draw") return kernel[task](load);
      const drawn = kernel.draw(load);
      postMessage({...load, ...drawn}, [drawn.buffer]);
    };`;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url);
  worker.onmessage = ({ data }) => onFrame(data);
  worker.onerror = (event) => {
    event.preventDefault();
    onFailure();
  };
  const post = (task) => (load) => worker.postMessage({ task, load });
  return {
    load: post("load"),
    dress: post("dress"),
    draw: (frame) => worker.postMessage({ task: "draw", load: frame }, frame.buffer ? [frame.buffer] : []),
    close: () => {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
}

function readHeader(buffer) {
  if (!buffer || buffer.byteLength < 20) return { n: 0, aspect: 1 };
  return { n: new Uint32Array(buffer, 0, 3)[1], aspect: new Float32Array(buffer, 16, 1)[0] };
}

// Few cells get larger dots, as one pixel of a fine screen would vanish. Whole device pixels, so that edges stay sharp.
function gridFor(box, header) {
  const ratio = window.devicePixelRatio || 1;
  const available = [box.clientWidth * ratio, box.clientHeight * ratio];
  const width = Math.min(available[0], available[1] * header.aspect);
  const height = width / header.aspect;
  if (!(width >= 1 && height >= 1)) return null;
  const dot = header.n < 5000 ? 3 : header.n < 50000 ? 2 : 1;
  let bin = Math.max(1, Math.floor(ratio * dot));
  while ((width / bin) * (height / bin) > MOST_BINS) bin++;
  const grid = { width: Math.max(1, Math.floor(width / bin)), height: Math.max(1, Math.floor(height / bin)) };
  return { ...grid, cssWidth: (grid.width * bin) / ratio, cssHeight: (grid.height * bin) / ratio };
}

const percent = (t) => `${Math.round(100 * t)} % of the way`;
const thousands = (n) => n.toLocaleString("en-US");

export function render({ model, el, view }) {
  disposers.get(view)?.();
  const root = element("div", "lv-morph", el);
  const parts = build(root);
  const { box, canvas, input } = parts;
  const context = canvas.getContext("2d");
  let header = readHeader(null);
  let t = model.t;
  let moving = false; // a hand is on the slider: draw a prefix, tell Python nothing
  let wanted = false; // something changed since the frame in flight was asked for
  let inFlight = false;
  let epoch = 0; // rises with every change of cells or colours: frames of an older epoch are stale
  let spare = null; // pixels of the frame before, reused
  let share = 1; // of the drag limit, lowered where frames take too long
  let asked = 0; // cells of the newest frame asked for
  let shown = 0;
  let engine = startEngine();

  function startEngine() {
    const canWork = model.use_worker && typeof Worker !== "undefined";
    if (!canWork) return mainThreadEngine(onFrame);
    try {
      return workerEngine(onFrame, fallBack);
    } catch {
      return mainThreadEngine(onFrame); // a browser may refuse a Worker at once, by SecurityError
    }
  }

  function fallBack() {
    engine.close();
    engine = mainThreadEngine(onFrame);
    inFlight = false;
    spare = null;
    loadStyle();
    loadCells();
  }

  // One frame in flight; the newest wish waits, older wishes are forgotten.
  function redraw() {
    wanted = true;
    if (!inFlight) send();
  }

  function send() {
    const grid = header.n ? gridFor(box, header) : null;
    if (grid === null) return;
    wanted = false;
    inFlight = true;
    asked = moving ? Math.min(header.n, prefix()) : header.n;
    engine.draw({ t, n: asked, moving, epoch, ...grid, buffer: spare });
    spare = null;
  }

  function prefix() {
    const most = Math.min(model.drag_limit, header.n);
    return Math.max(Math.min(FEWEST, most), Math.round(share * most));
  }

  // The gap between slow and fast keeps the number of cells from flickering.
  function pace(frame) {
    if (frame.milliseconds > SLOW) share = Math.max(0.05, share * 0.8);
    else if (frame.milliseconds < FAST) share = Math.min(1, share * 1.1);
  }

  function onFrame(frame) {
    inFlight = false;
    if (frame.moving) pace(frame);
    if (frame.epoch === epoch) paint(frame);
    spare = frame.buffer;
    if (wanted) send();
  }

  function paint(frame) {
    if (canvas.width !== frame.width || canvas.height !== frame.height) {
      canvas.width = frame.width;
      canvas.height = frame.height;
      canvas.style.width = `${frame.cssWidth}px`;
      canvas.style.height = `${frame.cssHeight}px`;
    }
    context.putImageData(new ImageData(new Uint8ClampedArray(frame.buffer), frame.width, frame.height), 0, 0);
    shown = frame.n;
    canvas.dataset.t = frame.t; // tests and screen readers read what the canvas shows, not what was asked for
    canvas.dataset.shown = frame.n;
    describe(frame.t);
  }

  function describe(at) {
    const count = `${thousands(shown)} of ${thousands(model.n_total || header.n)} ${model.unit}`;
    parts.title.textContent = `${model.title}, ${percent(at)}`;
    parts.note.textContent = model.note;
    parts.badge.textContent = shown ? count : "";
    const sentence = `${model.title}, ${percent(at)} from ${model.label_a} to ${model.label_b}, ${model.note}, ${count}`;
    canvas.setAttribute("aria-label", sentence);
  }

  function loadText() {
    for (const [part, name, colour] of [
      [parts.a, model.label_a, model.colour_a],
      [parts.b, model.label_b, model.colour_b],
    ]) {
      part.name.textContent = name;
      part.name.title = name;
      part.key.style.setProperty("--lv-morph-key", colour);
    }
    describe(t);
  }

  function loadStyle() {
    engine.dress({
      colourBy: model.colour_by,
      counts: model.count_palette,
      values: model.value_palette,
      categories: model.category_palette,
    });
    epoch++;
    redraw();
  }

  function loadCells() {
    header = readHeader(model.cells);
    input.disabled = header.n === 0;
    epoch++;
    if (header.n) engine.load(model.cells);
    else clear();
    redraw();
  }

  function clear() {
    shown = 0;
    context.clearRect(0, 0, canvas.width, canvas.height);
    delete canvas.dataset.t;
    delete canvas.dataset.shown;
    describe(t);
  }

  function moveTo(next) {
    t = Math.min(1, Math.max(0, Math.round(next * 1000) / 1000));
    input.value = t;
    input.setAttribute("aria-valuetext", percent(t));
    root.style.setProperty("--lv-morph-t", t);
    redraw();
  }

  function release() {
    if (moving) {
      moving = false;
      if (asked < header.n) redraw();
    }
    if (model.t !== t) model.t = t;
  }

  input.addEventListener("input", () => {
    moving = true;
    moveTo(input.valueAsNumber);
  });
  input.addEventListener("change", release);
  // A drag that ends where it began sends no change event, yet all cells must come back.
  const onPointerUp = () => moving && release();
  window.addEventListener("pointerup", onPointerUp);
  // Browsers disagree on the step of a key, and report every repeat as a change; here Python hears of the last only.
  input.addEventListener("keydown", (event) => {
    const move = KEYS[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    moving = event.repeat;
    moveTo(move(t));
  });
  input.addEventListener("keyup", (event) => KEYS[event.key] && release());
  input.addEventListener("blur", release);

  model.on("t", () => {
    if (model.t !== t) moveTo(model.t);
  });
  model.on(CELL_PARAMETERS, loadCells);
  model.on(STYLE_PARAMETERS, loadStyle);
  model.on(TEXT_PARAMETERS, loadText);

  const observer = new ResizeObserver(redraw);
  observer.observe(box);
  window.addEventListener("resize", redraw); // moving the window to a finer screen changes no size in CSS pixels

  function dispose() {
    disposers.delete(view);
    engine.close();
    observer.disconnect();
    window.removeEventListener("resize", redraw);
    window.removeEventListener("pointerup", onPointerUp);
  }
  disposers.set(view, dispose);
  model.on("remove", dispose);

  loadText();
  loadStyle();
  loadCells();
  moveTo(t);
}
