"""The real app, served for the browser tests and for the screenshots, and what a hand and an eye need of it."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lotviz.app.server import make_server, warm_up
from lotviz.app.workspace import Workspace

PATIENTS = "demo: patients"

# What the browser knows of being ready: no work under way, every figure rendered, every picture painted.
_READY = """() => {
  const all = (root, found = []) => {
    for (const node of root.querySelectorAll('*')) {
      found.push(node);
      if (node.shadowRoot) all(node.shadowRoot, found);
    }
    return found;
  };
  if (!window.Bokeh || !Bokeh.documents.length) return 'no document';
  if (!Bokeh.documents.every((document) => document.is_idle)) return 'figures are being drawn';
  const nodes = all(document);
  const heads = nodes.filter((node) => node.matches('header.question'));
  if (heads.length !== 1) return `${heads.length} questions`;
  const words = heads[0].querySelector('p').textContent.trim();
  if (!words || words === '…') return 'no answer';
  const seen = (node) => node.checkVisibility() && node.getBoundingClientRect().width > 0;
  if (nodes.some((node) => node.matches('.progress') && seen(node))) return 'work is under way';
  const morph = nodes.find((node) => node.matches('canvas[data-testid=morph-canvas]'));
  if (morph && !morph.dataset.shown) return 'no morph';
  return '';
}"""


def _start(workspace: Workspace, first: str, at_once: bool, state: dict[str, Any], ready: threading.Event) -> None:
    from tornado.ioloop import IOLoop

    asyncio.set_event_loop(asyncio.new_event_loop())
    loop = IOLoop.current()
    try:
        state.update(loop=loop, server=make_server(workspace, first, at_once=at_once))
    finally:
        ready.set()
    loop.start()
    loop.close()


@contextmanager
def application(workspace: Workspace, first: str = "", *, at_once: bool = False) -> Iterator[str]:
    """Serve the app in a thread of its own on a free port of this machine, and yield its address."""
    warm_up()  # pictures of cells wait for it
    ready, state = threading.Event(), {}
    thread = threading.Thread(target=_start, args=(workspace, first, at_once, state, ready), name="app", daemon=True)
    thread.start()
    if not ready.wait(60) or "server" not in state:
        raise RuntimeError("Expected the app to start within 60 s, found that it did not.")
    loop, server = state["loop"], state["server"]
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        loop.add_callback(_stop, server, loop)
        thread.join(20)


def _stop(server: Any, loop: Any) -> None:
    server.unlisten()
    server.stop(wait=False)
    loop.stop()


_FIGURES = """() => {
  if (!window.Bokeh?.index) return [];
  const figures = [];
  const visit = (view) => {
    if (view.model.type === 'Figure') figures.push(view);
    const seen = new Set([...(view.children?.() ?? []), ...(view._child_views?.values() ?? [])]);
    seen.forEach(visit);
  };
  for (const view of Bokeh.index.roots) visit(view);
  return figures.filter((figure) => figure.el.isConnected);
}"""

_PICTURES = f"""() => ({_FIGURES})().map((figure) => {{
  const {{canvas}} = figure.canvas_view.compose();
  const pixels = canvas.width && canvas.height
    ? new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer) : [];
  let hash = 2166136261;
  for (const pixel of pixels) hash = Math.imul(hash ^ pixel, 16777619);
  const {{x, y, width, height}} = figure.el.getBoundingClientRect();
  return {{x, y, width, height, hash, colours: new Set(pixels).size, corner: pixels[0] & 255}};
}})"""

_MARKS = f"""() => {{
  for (const figure of ({_FIGURES})()) {{
    const marks = figure.model.renderers.find((each) => each.data_source?.data.sample);
    if (!marks) continue;
    const {{x, y}} = figure.canvas_view.el.getBoundingClientRect();
    const {{x_scale, y_scale}} = figure.frame;
    const {{sample, x: xs, y: ys}} = marks.data_source.data;
    return Object.fromEntries([...sample].map(
      (name, i) => [name, [x + x_scale.compute(xs[i]), y + y_scale.compute(ys[i])]]));
  }}
  return {{}};
}}"""


def pictures(page: Any) -> list[dict[str, float]]:
    """Return place, number of colours and a hash of the pixels of every Bokeh figure, from top left to bottom right."""
    found = page.evaluate(_PICTURES)
    return sorted(found, key=lambda figure: (round(figure["y"]), round(figure["x"])))


def wait_until_drawn(page: Any, *, timeout: float = 180) -> None:
    """Wait until the page has its answer and its figures, no work is under way, and nothing changes any more.

    Three looks in a row, and the server's loop idle between them: what a page leaves for later is drawn by then.

    Raises
    ------
    TimeoutError
        It was not ready after `timeout` seconds; says what was missing.
    """
    end, quiet, before = time.monotonic() + timeout, 0, None
    while quiet < 3:
        page.request.get(urljoin(page.url, "/healthz"), timeout=1000 * timeout)
        missing, seen = page.evaluate(_READY), pictures(page)
        missing = missing or next(("an empty picture" for figure in seen if figure["colours"] < 2), "")
        quiet = quiet + 1 if not missing and seen == before else 0
        before = seen
        if time.monotonic() > end:
            raise TimeoutError(f"Expected {page.url} to be drawn within {timeout:g} s, found: {missing or 'change'}.")
        page.wait_for_timeout(100)


def hashes(page: Any) -> list[int]:
    """Return the hashes of all figures."""
    return [figure["hash"] for figure in pictures(page)]


def marks_on_map(page: Any) -> dict[str, list[float]]:
    """Return where on the screen each sample's mark is."""
    return page.evaluate(_MARKS)
