"""The morph of two samples in a real browser: what is drawn, what a hand does, what Python hears."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import panel as pn
import pytest
from morphing import (
    DIVERGING,
    GREYS,
    POLICY,
    awaiting,
    canvas_of,
    example,
    mixed_pixels_of,
    opened,
    pixels_of,
    read,
    set_from_python,
    shade,
    slider,
    two_clouds,
    wait_for,
)
from panel.io.server import DocHandler

from lotviz.app.morph_canvas import MorphCanvas, colour_bytes


@pytest.fixture
def show(page, serve, monkeypatch):
    with opened(page, serve, monkeypatch) as opener:
        yield opener


@pytest.mark.parametrize("use_worker", [True, False])
def test_both_ends_show_exactly_the_cells_of_the_two_samples(show, page, use_worker):
    canvas = show(use_worker=use_worker)
    wait_for(page, 0.5)
    slider(page).focus()
    for key, t in (("Home", 0), ("End", 1)):
        page.keyboard.press(key)
        wait_for(page, t)
        seen = read(page)
        height, width, _ = seen.shape
        assert width * height > 100_000 and width / height == pytest.approx(4 / 3, abs=0.01)
        bins = np.bincount(pixels_of(canvas.cells, end=t, width=width, height=height), minlength=width * height)
        assert bins.sum() == 60_000
        assert np.array_equal(seen.reshape(-1, 4), shade(bins, GREYS))


def test_masses_are_summed_per_pixel(show, page):
    masses = np.random.default_rng(5).uniform(0.1, 3, size=60_000)
    canvas = show(cells=example(masses=masses), t=0)
    wait_for(page, 0)
    seen = read(page)
    height, width, _ = seen.shape
    sums = np.zeros(width * height, np.float32)
    weights = np.frombuffer(canvas.cells, np.float32, 60_000, 20 + 8 * 60_000)
    np.add.at(sums, pixels_of(canvas.cells, end=0, width=width, height=height), weights)
    assert np.array_equal(seen.reshape(-1, 4), shade(sums.astype(float), GREYS))


@pytest.mark.parametrize("t", [0, 0.25, 1])
def test_cells_that_are_led_count_as_much_as_their_sample(show, page, t):
    message = example(leads=np.arange(60_000) % 2)
    leads = np.frombuffer(message, np.uint8)[-60_000:]
    show(cells=message, count_palette=GREYS, t=t)
    wait_for(page, t, shown=60_000)
    image = read(page)
    height, width = image.shape[:2]
    at = mixed_pixels_of(message, [1 - t, t], width=width, height=height)
    bins = np.bincount(at, weights=np.where(leads == 1, t, 1 - t), minlength=width * height)
    wanted = shade(bins, GREYS)
    assert (np.abs(image.reshape(-1, 4).astype(int) - wanted).max(axis=1) <= 1).mean() > 0.999
    if t in (0, 1):  # none of the cells of the other sample is seen
        assert np.array_equal(image.reshape(-1, 4)[:, 3] > 0, np.bincount(at[leads == t], minlength=len(bins)) > 0)


def test_colour_is_the_mean_value_of_a_pixel(show, page):
    a, _ = two_clouds()
    values = np.column_stack([np.tanh(a[:, 0]), np.zeros(len(a))])
    canvas = show(cells=example(values=values, value_limit=1), value_palette=DIVERGING, colour_by="value", t=0)
    wait_for(page, 0)
    seen = read(page).reshape(-1, 4).astype(int)
    width = canvas_of(page).evaluate("canvas => canvas.width")
    at = pixels_of(canvas.cells, end=0, width=width, height=len(seen) // width)
    numbers = np.frombuffer(canvas.cells, np.int8, 60_000, 20 + 8 * 60_000)
    counts = np.bincount(at, minlength=len(seen))
    means = np.bincount(at, numbers, len(seen)) / np.maximum(counts, 1)
    expected = np.frombuffer(DIVERGING, np.uint8).reshape(-1, 4)[np.floor(means + 127.5).astype(int), :3].astype(int)
    assert ((seen[:, 3] > 0) == (counts > 0)).all()
    assert seen[counts > 0, 3].min() >= 110 and seen[counts.argmax(), 3] == 255
    assert np.abs(seen[:, :3] - expected)[counts > 0].max() <= 2  # a canvas keeps colours times opacity, in 8 bits


def test_colour_is_the_category_and_half_way_the_mean_of_two(show, page):
    codes = np.tile([0, 1], (60_000, 1))
    palette = colour_bytes(["#c80000", "#0000c8"])
    show(cells=example(categories=codes), category_palette=palette, colour_by="category", t=0)
    slider(page).focus()
    for key, t, colour in (("Home", 0, [200, 0, 0]), ("PageUp", 0.1, [180, 0, 20]), ("End", 1, [0, 0, 200])):
        page.keyboard.press(key)
        wait_for(page, t)
        seen = read(page).reshape(-1, 4).astype(int)
        painted = seen[seen[:, 3] > 0]
        assert len(painted) > 1000 and np.abs(painted[:, :3] - colour).max() <= 3


def test_every_key_moves_and_python_hears_of_it(show, page):
    canvas = show()
    wait_for(page, 0.5)
    slider(page).focus()
    before = read(page)
    for key, t, words in (
        ("ArrowRight", 0.51, "51 %"),
        ("ArrowLeft", 0.5, "50 %"),
        ("ArrowUp", 0.51, "51 %"),
        ("PageUp", 0.61, "61 %"),
        ("PageDown", 0.51, "51 %"),
        ("ArrowDown", 0.5, "50 %"),
        ("End", 1, "100 %"),
        ("ArrowRight", 1, "100 %"),
        ("Home", 0, "0 %"),
    ):
        reached = awaiting(canvas, t=t)
        unmoved = canvas.t == t
        page.keyboard.press(key)
        wait_for(page, t)
        assert slider(page).get_attribute("aria-valuetext") == f"{words} of the way"
        assert unmoved or reached.wait(10)
    assert not np.array_equal(read(page), before)


def test_a_held_key_tells_python_once(show, page):
    canvas = show()
    wait_for(page, 0.5)
    heard = []
    canvas.param.watch(lambda event: heard.append(event.new), "t")
    slider(page).focus()
    reached = awaiting(canvas, t=0.55)
    for _ in range(5):
        page.keyboard.down("ArrowRight")
    wait_for(page, 0.55)
    page.keyboard.up("ArrowRight")
    assert reached.wait(10) and heard == [0.55]


def test_a_mouse_drag_changes_the_picture_and_python_hears_of_the_release_only(show, page):
    canvas = show()
    wait_for(page, 0.5)
    heard = []
    canvas.param.watch(lambda event: heard.append(event.new), "t")
    pictures = [read(page)]
    box = slider(page).bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    for place in (0.6, 0.7, 0.8):
        page.mouse.move(box["x"] + box["width"] * place, y, steps=4)
        value = float(slider(page).input_value())
        assert value == pytest.approx(place, abs=0.02)
        wait_for(page, value)
        pictures.append(read(page))
    assert heard == []
    released = awaiting(canvas, t=float(slider(page).input_value()))
    page.mouse.up()
    assert released.wait(10) and len(heard) == 1
    assert all(not np.array_equal(one, other) for one, other in pairwise(pictures))


def test_a_drag_draws_a_prefix_and_the_release_draws_all(show, page):
    show(drag_limit=10_000, n_total=123_456)
    wait_for(page, 0.5, shown=60_000)
    box = slider(page).bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, y, steps=3)
    value = float(slider(page).input_value())
    wait_for(page, value, shown=10_000)
    assert page.get_by_text("10,000 of 123,456 cells", exact=True).is_visible()
    page.mouse.up()
    wait_for(page, value, shown=60_000)
    assert page.get_by_text("60,000 of 123,456 cells", exact=True).is_visible()


def test_python_changes_place_colours_and_cells_without_a_new_canvas(show, page):
    canvas = show(t=0)
    wait_for(page, 0)
    canvas_of(page).evaluate("canvas => { canvas.kept = true }")
    first = read(page)
    set_from_python(canvas, t=1)
    wait_for(page, 1)
    assert slider(page).input_value() == "1"
    second = read(page)
    set_from_python(canvas, count_palette=colour_bytes(["#ff0000"]), t=0)
    wait_for(page, 0)
    red = read(page)
    set_from_python(canvas, cells=example(n=1000), t=1)
    wait_for(page, 1, shown=1000)
    assert not np.array_equal(first, second)
    assert (red[red[..., 3] > 0] == [255, 0, 0, 255]).all() and np.array_equal(red[..., 3], first[..., 3])
    assert canvas_of(page).evaluate("canvas => canvas.kept")


def test_a_browser_that_forbids_workers_draws_on_the_page(page, serve, monkeypatch):
    forbidding = POLICY.replace("worker-src 'self' blob:", "worker-src 'none'")
    monkeypatch.setattr(
        DocHandler, "set_default_headers", lambda handler: handler.set_header("Content-Security-Policy", forbidding)
    )
    page.goto(serve(lambda: MorphCanvas(cells=example(), height=400, width=500)))
    wait_for(page, 0.5, shown=60_000)
    slider(page).focus()
    page.keyboard.press("End")
    wait_for(page, 1, shown=60_000)
    assert page.workers == []


def test_a_message_beyond_the_limit_for_incoming_messages_arrives(page, serve):
    limit = 100_000
    assert len(example()) > limit
    made = []

    def app():
        made.append(MorphCanvas(cells=example(n=1000), height=400, width=500))
        return made[0]

    page.goto(serve(app, websocket_max_message_size=limit))
    wait_for(page, 0.5, shown=1000)
    set_from_python(made[0], cells=example())
    wait_for(page, 0.5, shown=60_000)
    assert page.console_errors == []


def test_no_cells_is_an_empty_picture_and_a_slider_that_waits(show, page):
    canvas = show(cells=b"")
    assert slider(page).is_disabled()
    set_from_python(canvas, cells=example(n=1000))
    wait_for(page, 0.5, shown=1000)
    assert slider(page).is_enabled()
    set_from_python(canvas, cells=b"")
    page.locator("canvas:not([data-t])").wait_for()
    assert slider(page).is_disabled() and read(page).max() == 0


def test_names_are_text_and_the_picture_says_what_it_is(show, page):
    show(label_a="<img src=x onerror=alert(1)>", label_b="P & Q")
    wait_for(page, 0.5)
    assert page.get_by_text("<img src=x onerror=alert(1)>", exact=True).is_visible()
    assert canvas_of(page).get_attribute("role") == "img"
    assert canvas_of(page).get_attribute("aria-label") == (
        "Synthetic cells, 50 % of the way from <img src=x onerror=alert(1)> to P & Q, never measured, "
        "60,000 of 60,000 cells"
    )


@pytest.mark.parametrize("ratio", [1, 2])
def test_the_picture_follows_the_window(show, page, ratio, browser):
    show()
    wait_for(page, 0.5)
    session = page.context.new_cdp_session(page)
    wide = read(page).shape
    metrics = {"width": 420, "height": 800, "deviceScaleFactor": ratio, "mobile": False}
    session.send("Emulation.setDeviceMetricsOverride", metrics)
    page.wait_for_function("wide => document.documentElement.clientWidth === 420", arg=wide)
    page.locator(f'canvas:not([width="{wide[1]}"])').wait_for()
    box = canvas_of(page).bounding_box()
    assert box["width"] <= 420 and box["width"] / box["height"] == pytest.approx(4 / 3, rel=0.02)
    height, width, _ = read(page).shape
    assert box["width"] * ratio / width == pytest.approx(box["height"] * ratio / height)
    assert box["width"] * ratio / width == pytest.approx(round(box["width"] * ratio / width), abs=1e-3)


def test_the_picture_follows_its_place_on_the_page(show, page):
    canvas = show()
    wait_for(page, 0.5)
    tall = read(page).shape[0]
    set_from_python(canvas, height=300)
    page.locator(f'canvas:not([height="{tall}"])').wait_for()
    assert read(page).shape[0] < 300


def test_removing_the_component_ends_its_worker(page, serve):
    made = []

    def app():
        made.append(pn.Column(MorphCanvas(cells=example(n=1000), height=300, width=400)))
        return made[0]

    page.goto(serve(app))
    wait_for(page, 0.5)
    assert len(page.workers) == 1
    worker = page.workers[0]
    document = next(iter(made[0]._models.values()))[0].document
    with worker.expect_event("close"):
        document.add_next_tick_callback(made[0].clear)
    canvas_of(page).wait_for(state="detached")
    assert page.workers == [] and page.console_errors == []
