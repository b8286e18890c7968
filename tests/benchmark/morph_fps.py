"""How fluent the morph is: a real mouse drags the slider in a real browser, and every painted frame is timed.

Run `python tests/benchmark/morph_fps.py`; the table goes to standard output and, as JSON and Markdown, to the folder
`tests/benchmark/out`. Targets: at least 50 changes a second, at most 25 ms from the hand to the pixel.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import panel as pn
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "ui"))

from browser import ARGUMENTS, ensure_browser
from conftest import serving

from lotviz.app.morph_canvas import MorphCanvas, colour_bytes, pack_pairs, picture_bounds
from lotviz.views.theme import diverging, sequential

SIZE = (5, 4)
OUT = Path(__file__).parent / "out"

# Times every paint: from the mouse event the system delivered to the end of the frame that shows its place. A frame of
# the Worker is painted between two frames of the page and shown by the next; one of the main thread within its own.
TIMER = """
window.morphTimes = {moves: [], inputs: 0, frames: []};
addEventListener('pointermove', event => { window.lastMove = event.timeStamp; }, true);
addEventListener('input', event => {
  const t = event.composedPath()[0].valueAsNumber;
  morphTimes.inputs++;
  morphTimes.moves.push([t, window.lastMove, performance.now()]);
}, true);
const put = CanvasRenderingContext2D.prototype.putImageData;
CanvasRenderingContext2D.prototype.putImageData = function (image, ...rest) {
  put.call(this, image, ...rest);
  const pixels = new Uint32Array(image.data.buffer);
  let hash = 0;
  for (let i = 0; i < pixels.length; i += 97) hash = (Math.imul(hash, 31) + pixels[i]) | 0;
  const painted = performance.now();
  queueMicrotask(() => {
    const frame = {t: Number(this.canvas.dataset.t), shown: Number(this.canvas.dataset.shown), painted, hash};
    morphTimes.frames.push(frame);
    const channel = new MessageChannel();
    channel.port1.onmessage = () => { frame.visible = performance.now(); };
    if (window.morphInWorker) requestAnimationFrame(() => channel.port2.postMessage(0));
    else channel.port2.postMessage(0);
  });
};
"""


def pairs(n: int, kind: str) -> bytes:
    """Eight populations that move and change shape, n pairs."""
    random = np.random.default_rng(7)
    start, end = random.uniform(-4, 4, size=(2, 8, 2))
    at = random.integers(8, size=n)
    a = start[at] + random.normal(size=(n, 2)) * 0.5
    b = end[at] + random.normal(size=(n, 2)) * 0.6
    extras = {
        "count": {},
        "masses": {"masses": random.uniform(0.2, 2, size=n)},
        "value": {"values": np.column_stack([a[:, 0], b[:, 0]])},
        "category": {"categories": np.column_stack([at % 5, at % 5])},
    }
    return pack_pairs(a, b, picture_bounds(a, b, size=SIZE), size=SIZE, **extras[kind])


def canvas(n: int, kind: str, in_worker: bool) -> MorphCanvas:
    return MorphCanvas(
        cells=pairs(n, kind),
        colour_by="count" if kind == "masses" else kind,
        count_palette=colour_bytes(sequential("light")),
        value_palette=colour_bytes(diverging("light")),
        category_palette=colour_bytes(["#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#4d5157"]),
        use_worker=in_worker,
        t=0.5,
        height=640,
        sizing_mode="stretch_width",
    )


def drag(page, seconds: float) -> float:
    """Drag the slider to and fro with the mouse; return the seconds it took."""
    box = page.get_by_role("slider", name="Morph").bounding_box()
    y = box["y"] + box["height"] / 2
    place = lambda share: box["x"] + box["width"] * (0.5 + 0.45 * math.sin(2.2 * share))  # noqa: E731
    page.mouse.move(place(0), y)
    page.mouse.down()
    start = time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        page.mouse.move(place(passed), y)
    page.mouse.up()
    return passed


def measure(launched, *, n: int, kind: str, in_worker: bool, seconds: float) -> dict:
    """Time one drag."""
    made = canvas(n, kind, in_worker)
    with serving(lambda: pn.Column(made, sizing_mode="stretch_width")) as url:
        page = launched.new_page(viewport={"width": 1000, "height": 720})
        page.add_init_script(f"window.morphInWorker = {json.dumps(in_worker)};{TIMER}")
        page.goto(url)
        page.locator(f'canvas[data-shown="{n}"]').wait_for(timeout=60_000)
        drag(page, 0.5)  # the first frames compile the loops
        page.wait_for_timeout(500)
        page.evaluate("morphTimes.frames.length = 0; morphTimes.moves.length = 0; morphTimes.inputs = 0")
        took = drag(page, seconds)
        page.wait_for_timeout(300)
        times = page.evaluate("morphTimes")
        grid = page.locator("canvas[data-shown]").evaluate("canvas => [canvas.width, canvas.height]")
        page.close()
    return {"pairs": n, "colour": kind, "thread": "worker" if in_worker else "main"} | summary(times, took, grid)


def summary(times: dict, took: float, grid: list[int]) -> dict:
    """Changes a second, and milliseconds to the frame that shows a place, counted from two starts.

    `from_input` starts at the slider's input event, `from_hand` at the mouse event of the system, which the browser
    keeps back until its next frame (up to 17 ms).
    """
    frames = times["frames"]
    changes = sum(one["hash"] != other["hash"] for one, other in pairwise(frames))
    hand, event = [], []
    for frame in frames:
        asked = [start for t, *start in times["moves"] if abs(t - frame["t"]) < 1e-6 and start[1] <= frame["painted"]]
        if asked and "visible" in frame:
            hand.append(frame["visible"] - asked[-1][0])
            event.append(frame["visible"] - asked[-1][1])
    rounded = {
        f"{name}_ms_{label}": round(float(np.percentile(found, share)), 1)
        for name, found in (("from_input", event), ("from_hand", hand))
        for label, share in (("median", 50), ("p95", 95))
    }
    return {
        "pixels": "x".join(map(str, grid)),
        "inputs_per_s": round(times["inputs"] / took, 1),
        "changes_per_s": round(changes / took, 1),
        **rounded,
        "drawn_while_dragging": min(frame["shown"] for frame in frames),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def markdown(rows: list[dict]) -> str:
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(map(str, row.values())) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--colours", nargs="+", default=["count", "masses", "value", "category"])
    parser.add_argument("--seconds", type=float, default=3)
    chosen = parser.parse_args()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=ensure_browser(), args=list(ARGUMENTS))
        rows = [
            measure(launched, n=n, kind=kind, in_worker=in_worker, seconds=chosen.seconds)
            for n in chosen.pairs
            for kind in chosen.colours
            for in_worker in (True, False)
        ]
        launched.close()
    OUT.mkdir(exist_ok=True)
    (OUT / "morph_fps.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    (OUT / "morph_fps.md").write_text(markdown(rows), encoding="utf-8")
    print(markdown(rows))


if __name__ == "__main__":
    main()
