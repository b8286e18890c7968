"""How soon a morph of two new samples is seen: from the tap that chooses one to the first paint, in a real browser.

Run `python tests/benchmark/morph_first.py`; the table goes to standard output and, as JSON, to `tests/benchmark/out`.
Target: 1.5 s for two samples of 100,000 cells that nobody has looked at yet; the embedding is there before.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "ui"))

from application import application, wait_until_drawn
from browser import ARGUMENTS, ensure_browser

from lotviz.app import workspace as workspace_module
from lotviz.app.choices import Choices
from lotviz.app.morph_message import samples_in
from lotviz.app.pages import morph_numbers, morph_picture
from lotviz.app.session import Session
from lotviz.app.workspace import Workspace
from lotviz.data import simulate, write_cohort
from lotviz.transport import embed

OUT = Path(__file__).parent / "out"

# Every paint of the canvas, with what it shows: the attributes are set when the pixels are.
WATCH = """() => {
  const find = (root) => {
    for (const node of root.querySelectorAll('*')) {
      if (node.matches('canvas[data-testid=morph-canvas]')) return node;
      const inside = node.shadowRoot && find(node.shadowRoot);
      if (inside) return inside;
    }
  };
  const canvas = find(document);
  window.paints = [];
  window.taps = [];
  addEventListener('click', () => taps.push(performance.now()), true);
  new MutationObserver((changes) => {
    if (changes.some((change) => change.attributeName === 'data-shown')) {
      const paint = {shown: Number(canvas.dataset.shown), label: canvas.getAttribute('aria-label')};
      requestAnimationFrame(() => { paint.seen = performance.now(); paints.push(paint); });
    }
  }).observe(canvas, {attributes: true});
}"""


def in_browser(page, address: str, names: list[str]) -> list[dict]:
    """Choose samples nobody has looked at, one after another, and time what is painted."""
    page.goto(f"{address}/?page=Morph&a={names[0]}&b={names[1]}")
    wait_until_drawn(page, timeout=600)
    rows = []
    for name in names[2:]:
        page.evaluate(WATCH)
        page.get_by_role("combobox", name="To", exact=True).click()
        page.get_by_role("listbox").get_by_text(name, exact=True).click()
        while not page.evaluate(f"paints.some((paint) => paint.label.includes('to {name},'))"):
            page.wait_for_timeout(50)  # the page's own rules forbid Playwright's way to wait
        wait_until_drawn(page, timeout=600)
        tap = page.evaluate("taps.at(-1)")
        paints = [paint for paint in page.evaluate("paints") if f"to {name}," in paint["label"]]
        rows.append(
            {
                "to": name,
                "first_paint_s": round((paints[0]["seen"] - tap) / 1000, 2),
                "pairs_first": paints[0]["shown"],
                "final_paint_s": round((paints[-1]["seen"] - tap) / 1000, 2),
                "pairs_final": paints[-1]["shown"],
            }
        )
    return rows


def on_server(workspace: Workspace, first: str, names: list[str]) -> dict:
    """Time what the server does before the message is there: the sketch that is shown first."""
    session = Session(workspace, Choices(cohort=first, page="Morph", a=names[0], b=names[1]))
    session.open()
    while session.poll():
        time.sleep(0.01)
    morph_picture.message(session)
    session.choices.b = names[2]
    start = time.perf_counter()
    found = morph_numbers.scene(session)
    glued = time.perf_counter()
    sent = morph_picture.message(session)
    packed = time.perf_counter()
    session.close()
    assert samples_in(sent.cells) == 2
    return {
        "glue_s": round(glued - start, 3),
        "project_and_pack_s": round(packed - glued, 3),
        "pairs": found.n,
        "bytes": len(sent.cells),
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=100_000, help="of each sample")
    parser.add_argument("--samples", type=int, default=6)
    parser.add_argument("--markers", type=int, default=14)
    parser.add_argument("--all", action="store_true", help="transport all cells; usually 20,000 of each sample are")
    chosen = parser.parse_args()
    used = None if chosen.all else 20_000
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(workspace_module, "embed", partial(embed, cells_per_sample=used)),
    ):
        cohort = simulate("patients", samples=chosen.samples, cells=chosen.cells, markers=chosen.markers, seed=1)
        write_cohort(cohort, Path(folder) / "study", format="parquet")
        workspace, names = Workspace(Path(folder)), [str(name) for name in cohort.samples.index]
        session = Session(workspace, Choices(cohort="study"))
        never = threading.Event()
        workspace.open(session.opening, lambda *_told: None, never)
        workspace.compare(session.comparison, lambda *_told: None, never)
        server = on_server(workspace, "study", names)
        with application(workspace, "study", at_once=True) as address, sync_playwright() as playwright:
            launched = playwright.chromium.launch(executable_path=ensure_browser(), args=list(ARGUMENTS))
            page = launched.new_page(viewport={"width": 1440, "height": 900})
            rows = in_browser(page, address, names)
            launched.close()
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    summary = {
        "cells": chosen.cells,
        "cells_used": used or chosen.cells,
        "first_paint_s_median": float(np.median([row["first_paint_s"] for row in rows])),
        "final_paint_s_median": float(np.median([row["final_paint_s"] for row in rows])),
        "server": server,
        "load": load,
        "taps": rows,
    }
    OUT.mkdir(exist_ok=True)
    (OUT / "morph_first.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main()
