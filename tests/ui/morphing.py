"""Shared by the tests of the morph: clouds, a page with one canvas, and the pictures computed again by other means."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import panel as pn
from panel.io.server import DocHandler

from lotviz.app.morph_canvas import MorphCanvas, colour_bytes, pack_tuples, picture_bounds

SIZE = (4, 3)
N = 60_000
GREYS = colour_bytes([f"#{level:02x}{level:02x}{255 - level:02x}" for level in range(256)])
DIVERGING = colour_bytes([f"#{level:02x}40{254 - level:02x}" for level in range(255)])
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' blob:; worker-src 'self' blob:; "
    "connect-src 'self' ws: blob: data:; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:"
)


def two_clouds(n: int = N, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    a = random.normal(size=(n, 2)) * [1.0, 0.5]
    return a, a[:, ::-1] * 1.4 + [0.5, -0.3]


def clouds(k: int, n: int = N, seed: int = 3) -> np.ndarray:
    """K clouds turned and moved against one another, (K, n, 2)."""
    first, _ = two_clouds(n, seed)
    turns = [np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) for a in np.linspace(0, 2.5, k)]
    return np.stack([first @ turn + 2 * turn[0] for turn in turns])


def example(n: int = N, k: int = 2, **options: Any) -> bytes:
    positions = np.stack(two_clouds(n)) if k == 2 else clouds(k, n)
    return pack_tuples(positions, picture_bounds(*positions, size=SIZE), size=SIZE, **options)


@contextmanager
def opened(page: Any, serve: Any, monkeypatch: Any, policy: str = POLICY) -> Iterator[Callable[..., MorphCanvas]]:
    """`show(**parameters)` opens a page with one canvas and returns its Python side; nothing may go wrong on it."""
    set_policy = lambda handler: handler.set_header("Content-Security-Policy", policy)  # noqa: E731
    monkeypatch.setattr(DocHandler, "set_default_headers", set_policy)

    def show(*beside: Any, **parameters: Any) -> MorphCanvas:
        made = []

        def app() -> Any:
            options = {"cells": example(), "count_palette": GREYS, "label_a": "P10", "label_b": "P02"}
            made.append(MorphCanvas(**(options | parameters), sizing_mode="stretch_width", height=520))
            return pn.Column(made[0], *(make() for make in beside), sizing_mode="stretch_width")

        page.goto(serve(app))
        canvas_of(page).wait_for()
        return made[0]

    yield show
    assert page.requests_outside == []
    assert page.console_errors == []


def canvas_of(page: Any) -> Any:
    return page.get_by_test_id("morph-canvas")


def slider(page: Any) -> Any:
    return page.get_by_role("slider", name="Morph", exact=True)


def wait_for(page: Any, t: float, shown: int | None = None) -> None:
    selector = f'canvas[data-t="{t:g}"]' + (f'[data-shown="{shown}"]' if shown else "")
    page.locator(selector).wait_for(timeout=15_000)


def weights_shown(page: Any) -> list[float]:
    return [float(weight) for weight in canvas_of(page).get_attribute("data-weights").split()]


def wait_for_weights(page: Any, weights: list[float], shown: int | None = None) -> None:
    words = " ".join(f"{round(weight, 4):g}" for weight in weights)
    selector = f'canvas[data-weights="{words}"]' + (f'[data-shown="{shown}"]' if shown else "")
    page.locator(selector).wait_for(timeout=15_000)


def read(page: Any) -> np.ndarray:
    """Pixels of the canvas, (height, width, 4)."""
    found = canvas_of(page).evaluate(
        """canvas => { const copy = document.createElement('canvas');
        copy.width = canvas.width; copy.height = canvas.height;
        const context = copy.getContext('2d'); context.drawImage(canvas, 0, 0);
        const {data} = context.getImageData(0, 0, copy.width, copy.height); let text = '';
        for (let i = 0; i < data.length; i += 32768) text += String.fromCharCode(...data.subarray(i, i + 32768));
        return [canvas.height, canvas.width, btoa(text)]; }"""
    )
    return np.frombuffer(base64.b64decode(found[2]), np.uint8).reshape(found[0], found[1], 4)


def units_of(message: bytes) -> np.ndarray:
    """Fixed-point positions of a message, (K, 2, N)."""
    _, n, _, k = np.frombuffer(message, np.uint32, 4)
    return np.frombuffer(message, np.uint16, 2 * n * k, 20).reshape(k, 2, n).astype(np.int64)


def pixels_of(message: bytes, *, end: int, width: int, height: int) -> np.ndarray:
    x, y = units_of(message)[end]
    return (y * height >> 16) * width + (x * width >> 16)


def whole_shares(weights: list[float], whole: int) -> np.ndarray:
    """Whole numbers nearest to the shares, the largest taking what is missing to the sum."""
    parts = np.floor(np.asarray(weights) * whole + 0.5).astype(np.int64)
    parts[int(np.argmax(weights))] += whole - parts.sum()
    return parts


def mixed_pixels_of(message: bytes, weights: list[float], *, width: int, height: int) -> np.ndarray:
    """Where the mixture of K samples falls, in the whole numbers the browser uses."""
    used = [k for k, weight in enumerate(weights) if weight > 0]
    shift = 16 + int(np.floor(np.log2(16_384 / max(width, height))))
    along = [whole_shares([weights[k] for k in used], pixels << (shift - 16)) for pixels in (width, height)]
    units = units_of(message)[used]
    x, y = (np.einsum("k,kn->n", part, units[:, axis]) >> shift for axis, part in enumerate(along))
    return y * width + x


def shade(bins: np.ndarray, palette: bytes) -> np.ndarray:
    colours = np.frombuffer(palette, np.uint8).reshape(-1, 4)
    steps = np.floor(np.log1p(bins) * ((len(colours) - 0.001) / np.log1p(bins.max()))).astype(int)
    return np.where(bins[:, None] > 0, colours[np.minimum(steps, len(colours) - 1)], 0)


def awaiting(canvas: MorphCanvas, **expected: Any) -> threading.Event:
    """Return an event that is set when Python's side has these values."""
    reached = threading.Event()

    def look(_: object) -> None:
        if all(getattr(canvas, name) == value for name, value in expected.items()):
            reached.set()

    canvas.param.watch(look, list(expected))
    return reached


def set_from_python(component: Any, **parameters: Any) -> None:
    """Change parameters as a callback of the session would: on the server's loop, with the document's lock."""
    document = next(iter(component._models.values()))[0].document
    document.add_next_tick_callback(lambda: component.param.update(**parameters))
