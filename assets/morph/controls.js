// The controls: one native range input along a track, or native range inputs for weights beside a polygon.
// A control only says what a hand wants: `hooks.move(next, turning)` while it moves, `hooks.release()` when it lets go.

const SNAP = { hand: 0.07, key: 0.02 }; // so near to a corner, in radii of the polygon, the corner is meant
const FINE = 0.01; // one arrow key
const COARSE = 0.1; // one Page Up or Page Down

// The steps of the keys, the same in every browser.
function keyed(event, value, { fine, coarse, most }) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  switch (event.key) {
    case "ArrowLeft":
    case "ArrowDown":
      return value - fine;
    case "ArrowRight":
    case "ArrowUp":
      return value + fine;
    case "PageDown":
      return value - coarse;
    case "PageUp":
      return value + coarse;
    case "Home":
      return 0;
    case "End":
      return most;
    default:
      return null;
  }
}

// Browsers disagree on the step of a key, and report every repeat as a change; here Python hears of the last only.
function listenToRange(input, hooks, { move, next }) {
  input.addEventListener("input", () => move(input.valueAsNumber, false));
  input.addEventListener("change", hooks.release);
  input.addEventListener("keydown", (event) => {
    if (event.key === " ") {
      event.preventDefault();
      if (!event.repeat) hooks.toggle();
      return;
    }
    const value = next(event);
    if (value === null) return;
    event.preventDefault();
    move(value, !event.repeat);
  });
  input.addEventListener("keyup", (event) => event.key !== " " && hooks.release());
  input.addEventListener("blur", hooks.release);
}

function range(label, parent) {
  const input = element("input", "", parent);
  Object.assign(input, { type: "range", min: "0", max: "1", step: "0.001" });
  input.setAttribute("aria-label", label);
  return input;
}

function trackControl(bar, hooks) {
  const end = (side) => {
    const label = element("span", `lv-morph-end lv-morph-end-${side}`, bar);
    return { label, key: element("i", "", label), name: element("b", "", label) };
  };
  const a = end("a");
  const track = element("div", "lv-morph-track", bar);
  const zones = [element("i", "lv-morph-zone", track), element("i", "lv-morph-zone", track)];
  const input = range("Morph", track);
  const stops = element("div", "lv-morph-stops", track);
  const b = end("b");
  let most = 1;
  const steps = () => ({ fine: FINE * most, coarse: most > 1 ? 0.5 : COARSE, most });
  listenToRange(input, hooks, {
    move: (value, once) => hooks.move({ t: value, once }),
    next: (event) => keyed(event, input.valueAsNumber, steps()),
  });

  function stop(place, text) {
    const made = element("span", "", stops);
    made.textContent = text;
    made.title = text;
    made.style.setProperty("--lv-morph-at", place);
    made.dataset.side = place === 0 ? "first" : place === 1 ? "last" : "";
  }

  return {
    canvasKey: (event) => {
      const value = keyed(event, input.valueAsNumber, steps());
      if (value === null) return false;
      hooks.move({ t: value, once: !event.repeat });
      return true;
    },
    dress: ({ k, labels, colours, path, measured, ends }) => {
      most = Math.max(1, k - 1);
      input.max = most;
      bar.dataset.control = path ? "path" : "slider";
      for (const [part, at] of [
        [a, 0],
        [b, labels.length - 1],
      ]) {
        part.name.textContent = path ? "" : labels[at];
        part.name.title = labels[at];
        part.key.style.setProperty("--lv-morph-key", colours[at]);
        part.label.hidden = path;
      }
      stops.replaceChildren();
      if (path) labels.forEach((label, i) => stop(i / most, label));
      else if (ends.some(Boolean)) ends.forEach((text, i) => stop(i, text));
      stops.style.setProperty("--lv-morph-legs", most);
      stops.hidden = stops.childElementCount === 0;
      track.style.setProperty("--lv-morph-low", measured[0]);
      track.style.setProperty("--lv-morph-high", measured[1]);
      zones[0].hidden = measured[0] <= 0;
      zones[1].hidden = measured[1] >= 1;
    },
    show: ({ t }, words) => {
      input.value = t;
      input.setAttribute("aria-valuetext", words);
      track.style.setProperty("--lv-morph-t", t / most);
    },
    disable: (no) => {
      input.disabled = no;
    },
  };
}

function weightsControl(bar, hooks) {
  bar.dataset.control = "weights";
  const map = element("div", "lv-morph-map", bar);
  const list = element("div", "lv-morph-weights", bar);
  let polygon = null;
  let rows = [];
  let held = null; // the weights when a hand took hold of a slider: through 100 % and back the others keep their ratio
  let shown = [];

  function row(index, label, colour) {
    const made = element("label", "lv-morph-weight", list);
    const key = element("i", "", made);
    key.style.setProperty("--lv-morph-key", colour);
    const name = element("b", "", made);
    name.textContent = label;
    name.title = label;
    const input = range(`Weight of ${label}`, made);
    const value = element("span", "", made);
    const move = (wish, once) => {
      held = held?.index === index ? held : { index, weights: shown };
      hooks.move({ weights: rescaled(held.weights, index, clamp(wish, 0, 1)), turning: index, once });
    };
    listenToRange(input, hooks, {
      move,
      next: (event) => keyed(event, shown[index], { fine: FINE, coarse: COARSE, most: 1 }),
    });
    return { input, value };
  }

  return {
    canvasKey: () => false,
    dress: ({ k, labels, colours }) => {
      list.replaceChildren();
      map.replaceChildren();
      rows = labels.map((label, i) => row(i, label, colours[i]));
      polygon = k > 2 ? polygonHandle(map, hooks, { labels, colours }) : null;
      map.hidden = polygon === null;
      list.dataset.columns = k > 4 ? "many" : "one";
    },
    show: ({ weights }, words) => {
      shown = weights;
      rows.forEach(({ input, value }, i) => {
        input.value = weights[i];
        input.style.setProperty("--lv-morph-t", weights[i]);
        input.setAttribute("aria-valuetext", percentOf(weights[i]));
        value.textContent = percentOf(weights[i]);
      });
      polygon?.show(weights, words);
    },
    letGo: () => {
      held = null;
    },
    disable: (no) => {
      rows.forEach(({ input }) => {
        input.disabled = no;
      });
      polygon?.disable(no);
    },
  };
}

// A triangle or polygon with the samples at its corners and a handle at the mixture.
function polygonHandle(parent, hooks, { labels, colours }) {
  const k = labels.length;
  const corners = cornersOf(k);
  const lowest = Math.max(...corners.map(([, y]) => y));
  const svg = drawn("svg", { viewBox: `-1.9 -1.34 3.8 ${1.68 + lowest}`, class: "lv-morph-polygon" }, parent);
  drawn("polygon", { points: corners.map((corner) => corner.join(",")).join(" ") }, svg);
  corners.forEach(([x, y], i) => {
    drawn("circle", { cx: x, cy: y, r: 0.06, fill: colours[i] }, svg);
    const anchor = Math.abs(x) < 0.2 ? "middle" : x > 0 ? "start" : "end";
    const place = { x: 1.12 * x, y: 1.16 * y + 0.06, "text-anchor": anchor };
    const name = drawn("text", place, svg);
    name.textContent = labels[i].length > 11 ? `${labels[i].slice(0, 10)}…` : labels[i];
    drawn("title", {}, name).textContent = labels[i];
  });
  const handle = drawn("circle", { r: 0.11, class: "lv-morph-handle", tabindex: "0", role: "slider" }, svg);
  handle.setAttribute("aria-label", "Mixture");
  handle.setAttribute("aria-roledescription", "place in a polygon of samples");
  handle.setAttribute("aria-valuemin", 0);
  handle.setAttribute("aria-valuemax", 100);
  let at = [0, 0];
  let disabled = false;
  let grip = null; // how far from the handle's middle the hand took it

  function moveTo(point, { snap, once }) {
    const inside = intoPolygon(point, corners);
    const corner = corners.findIndex(([x, y]) => Math.hypot(x - inside[0], y - inside[1]) < snap);
    at = corner < 0 ? inside : corners[corner];
    hooks.move({ weights: corner < 0 ? polygonWeights(inside, corners) : alone(k, corner), once });
  }

  const pointOf = (event) => {
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return [place.x, place.y];
  };
  svg.addEventListener("pointerdown", (event) => {
    if (disabled || event.button !== 0) return;
    const point = pointOf(event);
    const off = [at[0] - point[0], at[1] - point[1]];
    grip = Math.hypot(...off) < 0.2 ? off : [0, 0];
    svg.setPointerCapture(event.pointerId);
    event.preventDefault();
    handle.focus({ preventScroll: true });
    if (grip[0] === 0 && grip[1] === 0) moveTo(point, { snap: SNAP.hand });
  });
  svg.addEventListener("pointermove", (event) => {
    if (grip === null) return;
    const [x, y] = pointOf(event);
    moveTo([x + grip[0], y + grip[1]], { snap: SNAP.hand });
  });
  const drop = () => {
    if (grip === null) return;
    grip = null;
    hooks.release();
  };
  svg.addEventListener("pointerup", drop);
  svg.addEventListener("pointercancel", drop);
  svg.addEventListener("lostpointercapture", drop);
  handle.addEventListener("keydown", (event) => {
    if (event.key === " ") {
      event.preventDefault();
      if (!event.repeat) hooks.toggle();
      return;
    }
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (disabled || !way || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const step = event.shiftKey ? 0.01 : 0.05;
    const next = [at[0] + step * way[0], at[1] + step * way[1]];
    moveTo(next, { snap: SNAP.key, once: !event.repeat });
  });
  handle.addEventListener("keyup", hooks.release);

  return {
    show: (weights, words) => {
      if (grip === null) at = polygonPoint(weights, corners);
      handle.setAttribute("cx", at[0]);
      handle.setAttribute("cy", at[1]);
      handle.setAttribute("aria-valuenow", Math.round(100 * Math.max(...weights)));
      handle.setAttribute("aria-valuetext", words);
    },
    disable: (no) => {
      disabled = no;
      handle.setAttribute("tabindex", no ? "-1" : "0");
      handle.setAttribute("aria-disabled", String(no));
    },
  };
}
