"""How fluent the morph is: a real mouse drags it in a real browser, and every painted frame is timed.

Run `python tests/benchmark/morph_fps.py`; it drags the canvas and, in the same run and the same browser, the usual way
to draw a million points from Python, a DynamicMap rasterized by Datashader behind a slider of Panel. The table goes to
standard output, the figures to `assets/benchmark/morph.json` (with --quick to `tests/benchmark/out`). Asked for: at
least 50 changes a second and at most 25 ms from input to pixel with two samples of a million cells, 30 changes with
eight; of ten million everything within 1 s of the release.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import panel as pn
import psutil
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "ui"))

from browser import ARGUMENTS, ensure_browser
from conftest import serving

from lotviz.app.morph_canvas import MorphCanvas, colour_bytes, pack_tuples, picture_bounds
from lotviz.views.theme import diverging, sequential

SIZE = (5, 4)
ROOT = Path(__file__).parents[2]
OUT = Path(__file__).parent / "out"
MB = 2**20
STEPS = 15  # single moves that are timed one by one

# Times every paint: from the mouse event the system delivered to the end of the frame that shows it. A frame of the
# Worker is painted between two frames of the page and shown by the next; one of the main thread within its own.
# Bokeh and the canvas both put new pixels by putImageData, so that both are timed alike.
TIMER = """
window.morphTimes = {pointers: [], inputs: [], frames: [], released: 0};
addEventListener('pointermove', event => {
  morphTimes.pointers.push([event.timeStamp, performance.now()]);
}, true);
addEventListener('pointerup', () => { morphTimes.released = performance.now(); }, true);
addEventListener('input', event => {
  morphTimes.inputs.push([event.composedPath()[0].valueAsNumber, performance.now()]);
}, true);
const put = CanvasRenderingContext2D.prototype.putImageData;
CanvasRenderingContext2D.prototype.putImageData = function (image, ...rest) {
  put.call(this, image, ...rest);
  const pixels = new Uint32Array(image.data.buffer);
  let hash = 0;
  for (let i = 0; i < pixels.length; i += 97) hash = (Math.imul(hash, 31) + pixels[i]) | 0;
  const frame = {painted: performance.now(), hash, pixels: [image.width, image.height]};
  morphTimes.frames.push(frame);
  queueMicrotask(() => {
    const {t, weights, shown} = this.canvas.dataset;
    Object.assign(frame, {t: Number(t), weights, shown: Number(shown)});
    const channel = new MessageChannel();
    channel.port1.onmessage = () => { frame.visible = performance.now(); };
    if (window.morphInWorker) requestAnimationFrame(() => channel.port2.postMessage(0));
    else channel.port2.postMessage(0);
  });
};
"""


@dataclass(frozen=True)
class Case:
    """One thing to drag: what it is, who draws it, and how a hand takes hold of it."""

    name: str
    cells: int
    samples: int
    drawn: str
    made: Callable[[], Made]
    hold: Callable[[Any], Any]
    in_worker: bool = True


@dataclass(frozen=True)
class Made:
    """An app, the seconds it took to pack its cells, and the size of their message in bytes."""

    app: Callable[[], Any]
    pack_s: float = math.nan
    message: int = 0


def clouds(n: int, k: int) -> list[np.ndarray]:
    """Eight populations that move and change shape over K samples, K arrays of (n, 2)."""
    random = np.random.default_rng(7)
    centres = random.uniform(-4, 4, size=(k, 8, 2))
    at = random.integers(8, size=n)
    return [centre[at] + random.standard_normal((n, 2)) * (0.5 + 0.1 * i / k) for i, centre in enumerate(centres)]


def extras(kind: str, positions: list[np.ndarray]) -> dict[str, np.ndarray]:
    n, k = len(positions[0]), len(positions)
    random = np.random.default_rng(1)
    if kind == "masses":
        return {"masses": random.uniform(0.2, 2, size=n)}
    if kind == "value":
        return {"values": np.column_stack([sample[:, 0] for sample in positions])}
    if kind == "category":
        return {"categories": np.tile(random.integers(5, size=n)[:, None], (1, k))}
    return {}


def canvas(n: int, k: int, kind: str, *, control: str = "slider", in_worker: bool = True) -> Made:
    """Return a canvas of n cells in k samples, coloured by count, masses, value or category."""
    positions = clouds(n, k)
    bounds = picture_bounds(*positions, size=SIZE)
    options = extras(kind, positions)
    started = time.perf_counter()
    message = pack_tuples(positions, bounds, size=SIZE, **options)
    took = time.perf_counter() - started
    component = MorphCanvas(
        cells=message,
        control=control,
        labels=[f"P{i}" for i in range(k)],
        colours=["#4350af"] * k,
        colour_by="count" if kind == "masses" else kind,
        count_palette=colour_bytes(sequential("light")),
        value_palette=colour_bytes(diverging("light")),
        category_palette=colour_bytes(["#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#4d5157"]),
        use_worker=in_worker,
        t=0.5,
        height=640,
        sizing_mode="stretch_width",
    )
    return Made(lambda: pn.Column(component, sizing_mode="stretch_width"), took, len(message))


def with_holoviews(n: int, k: int) -> Made:
    """Return the same cells as a DynamicMap rasterized by Datashader: the first weight on a slider, the rest alike."""
    import holoviews as hv
    from holoviews.operation.datashader import rasterize

    hv.extension("bokeh")
    positions = [sample.astype(np.float32) for sample in clouds(n, k)]
    left, right, bottom, top = picture_bounds(*positions, size=SIZE)
    stacked = np.stack(positions)
    look = {"frame_width": 700, "frame_height": 560, "cmap": sequential("light"), "cnorm": "log", "clim": (1, 300)}

    def cells(t: float) -> hv.Points:
        if k == 2:
            return hv.Points((1 - t) * stacked[0] + t * stacked[1])
        weights = np.array([t] + [(1 - t) / (k - 1)] * (k - 1), dtype=np.float32)
        return hv.Points(np.tensordot(weights, stacked, 1))

    def app() -> pn.Column:  # DynamicMaps belong to a session
        slider = pn.widgets.FloatSlider(name="Morph", start=0, end=1, step=0.001, value=0.5, width=700)
        dynamic = hv.DynamicMap(cells, streams={"t": slider.param.value})
        picture = rasterize(dynamic, x_range=(left, right), y_range=(bottom, top), aggregator="count")
        return pn.Column(slider, picture.opts(**look))

    return Made(app)


# ---- hands: each takes hold of the control and returns a function from a share in 0..1 to a place on the screen


def on_range(name: str, page: Any) -> Callable[[float], tuple[float, float]]:
    box = page.get_by_role("slider", name=name, exact=True).bounding_box()
    return lambda share: (box["x"] + 8 + (box["width"] - 16) * share, box["y"] + box["height"] / 2)


def in_polygon(page: Any) -> Callable[[float], tuple[float, float]]:
    box = page.locator("svg.lv-morph-polygon polygon").bounding_box()
    x, y, radius = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, 0.42 * box["width"]
    return lambda share: (x + radius * math.cos(6.3 * share) * 0.9, y + radius * math.sin(9.1 * share) * 0.9)


def on_panel_slider(page: Any) -> Callable[[float], tuple[float, float]]:
    box = page.locator(".noUi-base").bounding_box()
    return lambda share: (box["x"] + box["width"] * share, box["y"] + box["height"] / 2)


# ---- measuring


def to_and_fro(passed: float) -> float:
    return 0.5 + 0.42 * math.sin(2.2 * passed)


def drag(page: Any, place: Callable[[float], tuple[float, float]], seconds: float) -> float:
    """Drag to and fro with the mouse; return the seconds it took. The button stays down."""
    handle = page.locator(".noUi-handle")  # Panel's slider can only be dragged by its handle
    box = handle.bounding_box() if handle.count() else None
    page.mouse.move(*(place(to_and_fro(0)) if box is None else (box["x"] + box["width"] / 2, box["y"] + 8)))
    page.mouse.down()
    start = time.perf_counter()
    while (passed := time.perf_counter() - start) < seconds:
        page.mouse.move(*place(to_and_fro(passed + 0.1)), steps=6)  # one message to the driver for six moves
    return passed


def clear(page: Any) -> None:
    page.evaluate("for (const kind of ['pointers', 'inputs', 'frames']) morphTimes[kind].length = 0")


def single_steps(page: Any, place: Callable[[float], tuple[float, float]], rest: float) -> list[list[float]]:
    """Move once, wait until it rests, again; return milliseconds from mouse event and from its handler to pixels."""
    found = []
    for step in range(STEPS):
        last = page.evaluate("(morphTimes.frames.at(-1) ?? {hash: 0}).hash")
        clear(page)
        page.mouse.move(*place(0.25 + 0.5 * ((step * 7) % STEPS) / STEPS))
        page.wait_for_timeout(rest)
        times = page.evaluate("morphTimes")
        first = next((frame for frame in times["frames"] if frame["hash"] != last and "visible" in frame), None)
        if first is not None and times["pointers"]:
            found.append([first["visible"] - start for start in times["pointers"][0]])
    return found


def browser_memory() -> float | None:
    """Megabytes held by the renderers of this run's browser, shared pages counted once."""
    held = 0
    for process in psutil.Process().children(recursive=True):
        try:
            if "--type=renderer" in process.cmdline():
                held += process.memory_full_info().uss
        except (psutil.Error, OSError):
            return None
    return held / MB


def measure(launched: Any, case: Case, seconds: float) -> dict[str, Any]:
    """Time one drag, single steps, and the release."""
    made = case.made()
    ours = case.drawn == "lotviz"
    with serving(made.app) as url:
        page = launched.new_page(viewport={"width": 1000, "height": 760})
        page.add_init_script(f"window.morphInWorker = {json.dumps(ours and case.in_worker)};{TIMER}")
        started = time.perf_counter()
        page.goto(url)
        ready = f'canvas[data-shown="{case.cells}"]' if ours else ".noUi-base"
        page.locator(ready).wait_for(timeout=120_000)
        if not ours:
            page.wait_for_function("morphTimes.frames.some((frame) => frame.pixels[0] > 300)", timeout=60_000)
        first_picture = time.perf_counter() - started
        place = case.hold(page)
        drag(page, place, 1)  # the first frames compile the loops, here as there
        page.mouse.up()
        page.wait_for_timeout(1500)
        clear(page)
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        took = drag(page, place, seconds)
        times = page.evaluate("morphTimes")
        page.wait_for_timeout(1000)
        steps = single_steps(page, place, rest=250 if ours else 900)
        page.mouse.move(*place(0.3))
        page.mouse.up()
        page.wait_for_timeout(2500)
        after = page.evaluate("morphTimes")
        memory = browser_memory()
        page.close()
    return summary(case, times, took, steps) | {
        "release_ms": released(after, case.cells) if ours else None,
        "first_picture_s": round(first_picture, 2),
        "pack_s": None if math.isnan(made.pack_s) else round(made.pack_s, 2),
        "message_mb": round(made.message / MB, 1) or None,
        "browser_mb": memory and round(memory),
        "load": load and round(load, 1),
    }


def released(times: dict[str, Any], cells: int) -> float | None:
    """Milliseconds from letting go until all cells are seen."""
    shown = [frame for frame in times["frames"] if frame["shown"] == cells and frame["painted"] >= times["released"]]
    return round(shown[0]["visible"] - times["released"]) if shown else 0  # 0: all were seen before


def percentiles(name: str, found: list[float]) -> dict[str, float | None]:
    return {
        f"{name}_{label}_ms": round(float(np.percentile(found, share)), 1) if found else None
        for label, share in (("median", 50), ("p95", 95))
    }


def while_dragging(times: dict[str, Any]) -> list[float]:
    """Milliseconds from each input event of the slider to the frame that shows its place."""
    found = []
    for frame in times["frames"]:
        asked = [start for t, start in times["inputs"] if abs(t - frame["t"]) < 1e-6 and start <= frame["painted"]]
        if asked and "visible" in frame:
            found.append(frame["visible"] - asked[-1])
    return found


def summary(case: Case, times: dict[str, Any], took: float, steps: list[list[float]]) -> dict[str, Any]:
    """Changes a second, and milliseconds to the pixel.

    `step` starts at the mouse event's handler, `hand` at the mouse event of the system, which the browser keeps back
    until its next frame (up to 17 ms); both are of single moves. `input` starts at the input event of the slider,
    while it is dragged.
    """
    frames = times["frames"]
    changes = sum(one["hash"] != other["hash"] for one, other in pairwise(frames))
    drawn = [frame["shown"] for frame in frames if case.drawn == "lotviz"]
    return {
        "case": case.name,
        "drawn_by": case.drawn,
        "cells": case.cells,
        "samples": case.samples,
        "thread": "worker" if case.in_worker else "main",
        "moves_per_s": round(len(times["pointers"]) / took, 1),
        "changes_per_s": round(changes / took, 1),
        **percentiles("input", while_dragging(times) if case.drawn == "lotviz" else []),
        **percentiles("step", [handler for _, handler in steps]),
        **percentiles("hand", [hand for hand, _ in steps]),
        "drawn_while_dragging": min(drawn, default=case.cells),
        "pixels": "x".join(map(str, frames[-1]["pixels"])) if frames else None,
    }


# ---- what is measured


def cases(cells: int, many: int, kinds: list[str]) -> list[Case]:
    million = f"{cells / 1e6:g}M"
    eight = partial(canvas, cells, 8, "count", control="weights")
    slide, weigh = partial(on_range, "Morph"), partial(on_range, "Weight of P1")
    found = [Case(f"2 samples, {kind}", cells, 2, "lotviz", partial(canvas, cells, 2, kind), slide) for kind in kinds]
    found += [
        Case("2 samples, count", cells, 2, "lotviz", partial(canvas, cells, 2, "count", in_worker=False), slide, False),
        Case("2 samples, count", cells, 2, "HoloViews", partial(with_holoviews, cells, 2), on_panel_slider, False),
        Case("8 samples, a slider", cells, 8, "lotviz", eight, weigh),
        Case("8 samples, polygon", cells, 8, "lotviz", eight, in_polygon),
        Case("8 samples, a slider", cells, 8, "HoloViews", partial(with_holoviews, cells, 8), on_panel_slider, False),
        Case("2 samples, count", many, 2, "lotviz", partial(canvas, many, 2, "count"), slide),
    ]
    print(f"{len(found)} cases of {million} and {many / 1e6:g}M cells", file=sys.stderr)
    return found


def markdown(rows: list[dict[str, Any]]) -> str:
    """Return the short table. The browser takes one mouse move a frame: there cannot be more changes than moves."""
    head = (
        "case, cells, drawn by, changes (mouse moves) a second, input to pixel median (p95) ms, drawn while dragging, "
        "all after ms"
    )
    lines = [head.split(", "), ["---"] * 7]
    for row in rows:
        latency = f"{row['step_median_ms']} ({row['step_p95_ms']})"
        by = row["drawn_by"] + (", main thread" if row["drawn_by"] == "lotviz" and row["thread"] == "main" else "")
        after = "–" if row["release_ms"] is None else row["release_ms"]
        cells, drawn = f"{row['cells']:,}", f"{row['drawn_while_dragging']:,}"
        changes = f"{row['changes_per_s']} ({row['moves_per_s']})"
        lines.append([row["case"], cells, by, changes, latency, drawn, after])
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def machine(launched: Any) -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "processor": platform.machine(),
        "system": platform.system(),
        "browser": launched.version,
        "versions": {name: version(name) for name in ("panel", "bokeh", "holoviews", "datashader", "numpy")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=1_000_000)
    parser.add_argument("--many", type=int, default=10_000_000)
    parser.add_argument("--colours", nargs="+", default=["count", "masses", "value", "category"])
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--only", default="", help="cases whose name and drawer hold these words")
    parser.add_argument("--quick", action="store_true", help="fewer cells, and nothing is written to assets")
    chosen = parser.parse_args()
    cells, many = (100_000, 200_000) if chosen.quick else (chosen.cells, chosen.many)
    wanted = [case for case in cases(cells, many, chosen.colours) if chosen.only in f"{case.name} {case.drawn}"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=ensure_browser(), args=list(ARGUMENTS))
        rows = []
        for case in wanted:
            rows.append(measure(launched, case, chosen.seconds))
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
        figures = {"rows": rows, "machine": machine(launched)}
        launched.close()
    out = OUT if chosen.quick or chosen.only else ROOT / "assets" / "benchmark"
    out.mkdir(parents=True, exist_ok=True)
    (out / "morph.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(markdown(rows))


if __name__ == "__main__":
    main()
