// Playing: the same moves a hand would make, at a modest speed, until paused. Who asked for less motion gets steps.

const LONGEST_STEP = 0.1; // seconds: a page that was hidden goes on where it was
const STILL = 0.1; // share of the way between two samples, for those who asked for less motion

// `advance(way)` moves by a share of the way between two samples and says whether there is more; `stopped` comes last.
function createPlayer({ speed, advance, stopped }) {
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  let request = 0;
  let before = null;
  let saved = 0; // way not yet gone, for steps

  function tick(now) {
    const way = before === null ? 0 : Math.min(LONGEST_STEP, (now - before) / 1000) * speed();
    before = now;
    saved += way;
    const due = calm.matches ? Math.floor(saved / STILL) * STILL : saved;
    saved -= due;
    request = requestAnimationFrame(tick);
    if (due > 0 && !advance(due)) stop();
  }

  function cancel() {
    cancelAnimationFrame(request);
    request = 0;
  }

  function stop() {
    if (!request) return;
    cancel();
    stopped();
  }

  return {
    playing: () => request !== 0,
    start: () => {
      if (request) return;
      before = null;
      saved = 0;
      request = requestAnimationFrame(tick);
    },
    stop,
    cancel,
  };
}

// To the end of the track; with `loop` to and fro.
function trackTour(t, most) {
  let place = t >= most ? 0 : t;
  let way = 1;
  return (step, loop) => {
    place += way * step;
    if (place >= most || place <= 0) {
      place = clamp(place, 0, most);
      way = place <= 0 ? 1 : -1;
      return { t: place, more: loop };
    }
    return { t: place, more: true };
  };
}

// From the mixture to the first sample and from sample to sample; with `loop` round and round.
function cornerTour(weights) {
  const k = weights.length;
  let from = weights;
  let to = (weights.indexOf(1) + 1) % k; // indexOf gives -1 for a mixture: then the first
  let left = k; // corners to come
  let gone = 0;
  return (step, loop) => {
    gone += step;
    const share = Math.min(1, gone);
    const mixed = from.map((weight, i) => (i === to ? share + (1 - share) * weight : (1 - share) * weight));
    const now = { weights: share === 1 ? alone(k, to) : mixed, turning: to, more: true };
    if (share === 1) {
      from = now.weights;
      to = (to + 1) % k;
      gone = 0;
      left -= 1;
      now.more = loop || left > 0;
    }
    return now;
  };
}

const ICONS = {
  play: "M4 2.5v11l9-5.5z",
  pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z",
  loop: "M4 5h7a3 3 0 0 1 0 6H5M6.5 8.6 4 11l2.5 2.4",
};

function playButtons(bar, { toggle, turn }) {
  const button = (name, icon, act) => {
    const made = element("button", "lv-morph-button", bar);
    made.type = "button";
    const svg = drawn("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, made);
    const path = drawn("path", { d: ICONS[icon], class: `lv-morph-${icon}` }, svg);
    made.setAttribute("aria-label", name);
    made.title = name;
    made.addEventListener("click", act);
    return { made, path };
  };
  const play = button("Play", "play", toggle);
  const loop = button("Loop", "loop", turn);
  return {
    show: ({ playing, looping, disabled, hidden }) => {
      const name = playing ? "Pause" : "Play";
      play.made.setAttribute("aria-label", name);
      play.made.title = `${name} (space)`;
      play.path.setAttribute("d", playing ? ICONS.pause : ICONS.play);
      loop.made.setAttribute("aria-pressed", String(looping));
      for (const { made } of [play, loop]) {
        made.disabled = disabled;
        made.hidden = hidden;
      }
    },
  };
}
