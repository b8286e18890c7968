// The share of each population in the mixture (bar) between those of the samples (ring, dots): linear in the weights.

export function render({ model, el, view }) {
  const root = element("div", "lv-shares", el);
  let table = []; // shares of each sample, (k, populations)
  let rows = [];
  let top = 1;
  const followed = follow(model, show);

  function row(parent, p, labels, colours) {
    const made = element("div", "lv-share", parent);
    made.setAttribute("role", "listitem");
    element("span", "lv-share-name", made).textContent = model.names[p];
    const line = element("span", "lv-share-line", made);
    const bar = element("i", "lv-share-bar", line);
    bar.style.background = model.bars[p] ?? "var(--lv-ink3, #6d737a)";
    table.forEach((shares, k) => {
      const mark = element("i", k === 0 ? "lv-share-end lv-share-first" : "lv-share-end", line);
      mark.style.left = `${(100 * shares[p]) / top}%`;
      mark.style.setProperty("--lv-share-key", colours[k]);
      mark.title = `${labels[k]} ${decimal(100 * shares[p], { digits: 1, unit: "%" })}`;
    });
    const value = element("span", "lv-share-value", made);
    const ends = table.map((shares, k) => `${labels[k]} ${decimal(100 * shares[p], { digits: 1, unit: "%" })}`);
    return (weights) => {
      const now = weights.reduce((sum, weight, k) => sum + weight * table[k][p], 0);
      const words = decimal(100 * now, { digits: 1, unit: "%" });
      bar.style.width = `${(100 * now) / top}%`;
      value.textContent = words;
      made.setAttribute("aria-label", `${model.names[p]}: now ${words}, ${ends.join(", ")}`);
    };
  }

  function build() {
    table = model.shares;
    const labels = table.map((_, k) => model.labels[k] ?? `Sample ${k + 1}`);
    const colours = table.map((_, k) => model.colours[k] ?? "currentColor");
    top = 1.05 * Math.max(0.01, ...table.flat());
    root.replaceChildren();
    root.style.setProperty("--lv-share-letters", Math.max(1, ...model.names.map((name) => name.length)));
    const list = element("div", "lv-share-list", root);
    list.setAttribute("role", "list");
    list.setAttribute("aria-label", model.title);
    rows = model.names.map((_, p) => row(list, p, labels, colours));
    const axis = element("div", "lv-share-axis", root);
    axis.setAttribute("aria-hidden", "true");
    const line = element("span", "lv-share-ticks", axis);
    for (const { at, text } of ticksOf(0, 100 * top, 5)) {
      const mark = element("span", "", line);
      mark.textContent = text;
      mark.style.left = `${at / top}%`;
    }
    element("span", "lv-share-unit", axis).textContent = model.title;
    followed.soon();
  }

  function show(said) {
    const weights = fitting(said, table.length);
    rows.forEach((draw) => draw(weights));
    root.dataset.weights = weights.map((weight) => Math.round(weight * 1e4) / 1e4).join(" ");
  }

  let due = false;
  model.on(["shares", "names", "bars", "labels", "colours", "title"], () => {
    if (!due) queueMicrotask(() => ((due = false), build()));
    due = true;
  });
  onlyOnce(view, model, followed.close);
  build();
}
