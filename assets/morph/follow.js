// Pictures that follow a canvas of the same channel: they hear of each mixture it shows, and draw once a frame.

// `show(weights)` draws; returns how to ask for another drawing and how to stop.
function follow(model, show) {
  let weights = model.weights;
  let request = 0;

  function soon() {
    if (request) return;
    request = requestAnimationFrame(() => {
      request = 0;
      show(weights);
    });
  }

  const hear = ({ detail }) => {
    if (!model.channel || detail.channel !== model.channel) return;
    weights = detail.weights;
    soon();
  };
  const ask = () => {
    if (model.channel) document.dispatchEvent(new CustomEvent(ASKED, { detail: { channel: model.channel } }));
  };
  document.addEventListener(CHANGED, hear);
  model.on("weights", () => {
    weights = model.weights;
    soon();
  });
  model.on("channel", ask);
  ask();
  soon();
  return {
    soon,
    close: () => {
      cancelAnimationFrame(request);
      document.removeEventListener(CHANGED, hear);
    },
  };
}

// Weights for k samples, whatever was said before.
const fitting = (weights, k) => (weights?.length === k ? weights : even(k));

// Round numbers for an axis from low to high, about `wanted` of them.
function ticksOf(low, high, wanted) {
  const raw = (high - low) / wanted;
  const ten = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * ten).find((size) => size >= raw);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = [];
  for (let at = Math.ceil(low / step) * step; at <= high + 1e-9 * step; at += step) {
    ticks.push({ at, text: decimal(at, { digits }) });
  }
  return ticks;
}

// Panel may render one view again without telling the last rendering.
const followers = new WeakMap();

function onlyOnce(view, model, close) {
  followers.get(view)?.();
  const dispose = () => {
    followers.delete(view);
    close();
  };
  followers.set(view, dispose);
  model.on("remove", dispose);
}
