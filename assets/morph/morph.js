// The morph: a canvas, the control that moves it, and a Worker that draws. Python hears on release or pause only.
// Loaded after its neighbours, as one text: a JSComponent without imports asks no other host for anything.

const SLOW = 14; // milliseconds a frame may take while a hand moves; slower machines then draw fewer cells
const FAST = 7;
const FEWEST = 200000;

const CELL_PARAMETERS = ["cells"];
const STYLE_PARAMETERS = ["colour_by", "origin", "count_palette", "value_palette", "category_palette", "level_palette"];
const PLACE_PARAMETERS = ["t", "weights"];
const CONTROL_PARAMETERS = [
  ...["control", "labels", "colours", "label_a", "label_b", "colour_a", "colour_b"],
  ...["axis", "t_from", "t_to", "measured"],
];
const TEXT_PARAMETERS = ["title", "note", "unit", "n_total", "readout", "beyond", "can_play", "loop", "channel"];

// Panel may render one view again without telling the last rendering: its Worker must not stay behind.
const disposers = new WeakMap();

function build(root) {
  const head = element("div", "lv-morph-head", root);
  const box = element("div", "lv-morph-box", root);
  const parts = {
    box,
    title: element("b", "", head),
    readout: element("span", "lv-morph-readout", head),
    note: element("span", "lv-morph-note", head),
    beyond: element("span", "lv-morph-beyond", head),
    badge: element("span", "lv-morph-badge", head),
    canvas: element("canvas", "", box),
    foot: element("div", "lv-morph-foot", root),
  };
  parts.canvas.dataset.testid = "morph-canvas";
  parts.canvas.setAttribute("role", "img");
  parts.canvas.tabIndex = 0;
  parts.readout.dataset.testid = "morph-readout";
  return parts;
}

export function render({ model, el, view }) {
  disposers.get(view)?.();
  const root = element("div", "lv-morph", el);
  const parts = build(root);
  const { box, canvas } = parts;
  const context = canvas.getContext("2d");
  let header = readHeader(null);
  let place = { t: model.t, weights: [1, 0] }; // what is wished for: weights always, t where there is a track
  let turning = -1; // the sample whose weight a hand changes
  let moving = false; // a hand is on the control, or the morph plays: draw a prefix, tell Python nothing
  let wanted = false; // something changed since the frame in flight was asked for
  let inFlight = false;
  let epoch = 0; // rises with every change of cells or colours: frames of an older epoch are stale
  let spare = null; // pixels of the frame before, reused
  let share = 1; // of the drag limit, lowered where frames take too long
  let asked = 0; // cells of the newest frame asked for
  let rounded = false; // the newest frame was drawn from samples mixed and rounded beforehand
  let shown = null; // the newest frame painted
  let tour = null; // the way the morph plays
  let controlKind = null;
  let control = null;
  let engine = startEngine(model.use_worker, onFrame, takeOver);
  const player = createPlayer({ speed: () => model.speed, advance, stopped: release });
  const buttons = playButtons(parts.foot, { toggle, turn: () => setLoop(!model.loop) });
  const bar = element("div", "lv-morph-bar", parts.foot);
  const hooks = { move: handMoves, release: handReleases, toggle };

  function takeOver(next) {
    engine.close();
    engine = next;
    inFlight = false;
    spare = null;
    loadStyle();
    loadCells();
  }

  const onTrack = () => model.control !== "weights";
  const samples = () => Math.max(2, header.k || (onTrack() && model.control === "slider" ? 2 : model.labels.length));

  function labels() {
    const given = model.labels.length ? model.labels : [model.label_a, model.label_b];
    return Array.from({ length: samples() }, (_, i) => given[i] ?? `Sample ${i + 1}`);
  }

  function colours() {
    const given = model.colours.length ? model.colours : [model.colour_a, model.colour_b];
    return Array.from({ length: samples() }, (_, i) => given[i] ?? "currentColor");
  }

  // One frame in flight; the newest wish waits, older wishes are forgotten.
  function redraw() {
    wanted = true;
    if (!inFlight) send();
  }

  function send() {
    const grid = header.n ? gridFor(box, header) : null;
    if (grid === null) return announce(place.weights); // hidden: what follows the canvas may be seen
    wanted = false;
    inFlight = true;
    asked = moving ? Math.min(header.n, prefix()) : header.n;
    rounded = moving && turning >= 0;
    const most = Math.min(model.drag_limit, header.n);
    const mix = { weights: place.weights, t: place.t, turning: moving ? turning : -1 };
    engine.draw({ ...mix, n: asked, most, moving, epoch, ...grid, buffer: spare });
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
    }
    canvas.style.width = `${frame.cssWidth}px`;
    canvas.style.height = `${frame.cssHeight}px`;
    context.putImageData(new ImageData(new Uint8ClampedArray(frame.buffer), frame.width, frame.height), 0, 0);
    shown = { n: frame.n, t: frame.t, weights: frame.weights };
    // Tests read what the canvas shows, not what was asked for.
    if (onTrack()) canvas.dataset.t = frame.t;
    else delete canvas.dataset.t;
    canvas.dataset.weights = frame.weights.map((weight) => Math.round(weight * 1e4) / 1e4).join(" ");
    canvas.dataset.shown = frame.n;
    describe(shown);
    announce(frame.weights);
  }

  // What follows the canvas hears of every picture.
  function announce(weights) {
    if (!model.channel || !header.n) return;
    const detail = { channel: model.channel, weights, moving };
    document.dispatchEvent(new CustomEvent(CHANGED, { detail }));
  }

  const onAsked = ({ detail }) => detail.channel === model.channel && announce((shown ?? place).weights);
  document.addEventListener(ASKED, onAsked);

  // ---- words

  function placeInWords({ t, weights }, way = "% of the way") {
    if (!onTrack()) return inWords(weights, labels());
    const axis = plain(model.axis);
    const most = samples() - 1;
    if (axis.high !== undefined) {
      const value = axis.low + (t / most) * (axis.high - axis.low);
      return decimal(value, { digits: 2, signed: axis.low < 0, unit: axis.unit });
    }
    if (model.control === "slider") return `${percentOf(t / most)} of the way`;
    const [stop, names] = [Math.min(most - 1, Math.floor(t)), labels()];
    const part = Math.round(100 * (t - stop));
    if (part === 0 || part === 100) return names[stop + part / 100];
    return `${part} ${way} from ${names[stop]} to ${names[stop + 1]}`;
  }

  function readoutInWords(weights) {
    const readout = plain(model.readout);
    if (readout.values?.length !== weights.length) return "";
    const value = weights.reduce((sum, weight, i) => sum + weight * readout.values[i], 0);
    return `${readout.label} ${decimal(value, readout)}`;
  }

  function isBeyond(t) {
    const [low, high] = model.measured;
    const at = t / (samples() - 1);
    return onTrack() && (at < low || at > high);
  }

  function describe(at) {
    const count = `${thousands(at.n ?? 0)} of ${thousands(model.n_total || header.n)} ${model.unit}`;
    const words = placeInWords(at);
    const beyond = isBeyond(at.t) ? model.beyond : "";
    const readout = readoutInWords(at.weights);
    say(parts.title, `${model.title}, ${placeInWords(at, "%")}`);
    parts.title.title = parts.title.textContent; // where names are long, the end of it is cut
    say(parts.note, model.note);
    say(parts.readout, readout);
    say(parts.beyond, beyond);
    say(parts.badge, at.n ? count : "");
    const names = labels();
    const between = model.control === "slider" ? ` from ${names[0]} to ${names.at(-1)}` : "";
    const said = [`${model.title}, ${words}${between}`, readout, beyond, model.note, count];
    canvas.setAttribute("aria-label", said.filter(Boolean).join(", "));
  }

  function showControl() {
    control.show(place, placeInWords(place));
    const [playing, disabled] = [player.playing(), header.n === 0];
    buttons.show({ playing, looping: model.loop, disabled, hidden: !model.can_play });
  }

  // ---- what Python changes

  function loadControl() {
    const kind = onTrack() ? "track" : "weights";
    const goesOn = moving && header.n > 0 && kind === controlKind && place.weights.length === samples();
    if (kind !== controlKind) {
      controlKind = kind;
      bar.replaceChildren();
      control = onTrack() ? trackControl(bar, hooks) : weightsControl(bar, hooks);
    }
    control.dress({
      k: samples(),
      labels: labels(),
      colours: colours(),
      path: model.control === "path",
      measured: model.measured,
      ends: [model.t_from, model.t_to],
    });
    control.disable(header.n === 0);
    if (!goesOn) return loadPlace();
    setPlace(place); // a hand or the player goes on from where it is
    redraw();
  }

  // The place Python asks for, made to fit the samples there are; it ends the playing.
  function loadPlace() {
    const k = samples();
    player.cancel();
    moving = false;
    turning = -1;
    if (onTrack()) setPlace({ t: clamp(model.t, 0, k - 1) });
    else setPlace({ weights: model.weights.length === k ? normalised(model.weights) : even(k) });
    if (shown === null) describe(place);
    redraw();
  }

  function loadStyle() {
    engine.dress({
      colourBy: model.colour_by,
      origin: model.origin,
      counts: model.count_palette,
      values: model.value_palette,
      levels: model.level_palette,
      categories: model.category_palette,
    });
    epoch++;
    redraw();
  }

  function loadCells() {
    header = readHeader(model.cells);
    epoch++;
    if (header.n) engine.load(model.cells);
    else clear();
    if (control !== null) loadControl();
  }

  function clear() {
    shown = null;
    context.clearRect(0, 0, canvas.width, canvas.height);
    for (const name of ["t", "weights", "shown"]) delete canvas.dataset[name];
    describe(place);
  }

  // Parameters that change together arrive one by one: all are in place when the first is acted on.
  const due = new Set();
  function later(act) {
    if (due.size === 0) queueMicrotask(actNow);
    due.add(act);
  }

  function actNow() {
    const order = [loadCells, loadStyle, loadControl, loadPlace, loadText].filter((act) => due.has(act));
    due.clear();
    if (!disposers.has(view)) return;
    order.forEach((act) => act !== loadPlace || isElsewhere() ? act() : null);
  }

  function loadText() {
    describe(shown ?? place);
    showControl();
    announce((shown ?? place).weights);
  }

  // ---- moving

  function setPlace({ t, weights }) {
    const k = samples();
    if (onTrack()) {
      const at = clamp(Math.round(t * 1000) / 1000, 0, k - 1);
      place = { t: at, weights: onPath(at, k) };
    } else place = { t: 0, weights };
    showControl();
  }

  function handMoves(next) {
    player.cancel(); // the hand takes over; Python hears of where it lets go
    tour = null;
    moving = !next.once;
    turning = next.turning ?? -1;
    setPlace(next);
    redraw();
  }

  // Keys and pointers that do not move anything must not end the playing.
  function handReleases() {
    if (!player.playing()) release();
  }

  function release() {
    const unfinished = moving && (asked < header.n || rounded);
    moving = false;
    turning = -1;
    tour = null;
    control?.letGo?.();
    if (unfinished) redraw();
    if (control !== null) showControl();
    if (!isElsewhere()) return;
    if (onTrack()) model.t = place.t;
    else model.weights = normalised(place.weights.map((weight) => Math.round(weight * 1e6) / 1e6));
  }

  // Is the browser at another place than Python knows of?
  function isElsewhere() {
    if (onTrack()) return model.t !== place.t;
    const known = model.weights.length === place.weights.length ? model.weights : even(place.weights.length);
    return known.some((weight, i) => Math.abs(weight - place.weights[i]) > 2e-6);
  }

  function toggle() {
    if (header.n === 0 || !model.can_play) return;
    if (player.playing()) return player.stop();
    tour = onTrack() ? trackTour(place.t, samples() - 1) : cornerTour(place.weights);
    player.start();
    showControl();
  }

  function advance(way) {
    if (box.clientWidth === 0) return false; // hidden
    const next = tour(way, model.loop);
    moving = true;
    turning = next.turning ?? -1;
    setPlace(next);
    redraw();
    return next.more;
  }

  function setLoop(on) {
    model.loop = on;
    showControl();
  }

  // A drag that ends where it began sends no change event, yet all cells must come back.
  const onPointerUp = () => moving && handReleases();
  window.addEventListener("pointerup", onPointerUp);
  canvas.addEventListener("keydown", (event) => {
    if (event.key === " ") {
      event.preventDefault();
      if (!event.repeat) toggle();
    } else if (header.n && control.canvasKey(event)) event.preventDefault();
  });
  canvas.addEventListener("keyup", (event) => event.key !== " " && handReleases());

  model.on(CELL_PARAMETERS, () => later(loadCells));
  model.on(STYLE_PARAMETERS, () => later(loadStyle));
  model.on(CONTROL_PARAMETERS, () => later(loadControl));
  model.on(PLACE_PARAMETERS, () => later(loadPlace));
  model.on(TEXT_PARAMETERS, () => later(loadText));

  const observer = new ResizeObserver(redraw);
  observer.observe(box);
  window.addEventListener("resize", redraw); // moving the window to a finer screen changes no size in CSS pixels

  function dispose() {
    disposers.delete(view);
    player.cancel();
    engine.close();
    observer.disconnect();
    window.removeEventListener("resize", redraw);
    window.removeEventListener("pointerup", onPointerUp);
    document.removeEventListener(ASKED, onAsked);
  }
  disposers.set(view, dispose);
  model.on("remove", dispose);

  loadStyle();
  loadCells();
  loadControl();
}
