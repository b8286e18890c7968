"""The morph of up to eight samples in a real browser: weights, polygon, path, play, colours."""

from __future__ import annotations

import threading
from itertools import pairwise

import numpy as np
import pytest
from morphing import (
    GREYS,
    N,
    awaiting,
    canvas_of,
    clouds,
    example,
    mixed_pixels_of,
    opened,
    pixels_of,
    read,
    set_from_python,
    shade,
    slider,
    wait_for,
    wait_for_weights,
    weights_shown,
)

from lotviz.app.assets import asset
from lotviz.app.morph_canvas import colour_bytes, travelled

NAMES = [f"P{i}" for i in range(8)]
COLOURS = ["#d55e00", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#4d5157", "#888800"]
MIXTURES = [[1 / 3] * 3, [0.2, 0.5, 0.3], [0.0, 0.25, 0.75], [1.0, 0.0, 0.0]]
SHAPE = "(canvas => [canvas.width, canvas.height])"


@pytest.fixture
def show(page, serve, monkeypatch):
    with opened(page, serve, monkeypatch) as opener:
        yield opener


@pytest.fixture
def mixing(show):
    """`mixing(k, **parameters)`: a canvas with weights of k samples."""
    return lambda k, **options: show(
        **({"cells": example(k=k), "control": "weights", "labels": NAMES[:k], "colours": COLOURS[:k]} | options)
    )


def weight_of(page, name):
    return page.get_by_role("slider", name=f"Weight of {name}", exact=True)


def handle(page):
    return page.get_by_role("slider", name="Mixture", exact=True)


def counts_expected(page, cells, weights):
    width, height = canvas_of(page).evaluate(SHAPE)
    at = mixed_pixels_of(cells, weights, width=width, height=height)
    return np.bincount(at, minlength=width * height)


def middle(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def place_of(locator, share):
    """Where the thumb (16 px) of a range input stands for a value."""
    box = locator.bounding_box()
    return box["x"] + 8 + (box["width"] - 16) * share, box["y"] + box["height"] / 2


# ---- arithmetic of the weights


def arithmetic(page, expression, *arguments):
    """Evaluate an expression of weights.js, with the arguments as a, b, c."""
    text = asset("morph", "weights.js").read_text("utf-8")
    return page.evaluate(f"([a, b, c]) => {{ {text}; return {expression}; }}", list(arguments) + [None] * 3)


@pytest.mark.parametrize("k", range(3, 9))
def test_polygon_weights_are_barycentric(page, k):
    random = np.random.default_rng(k)
    wanted = random.dirichlet(np.full(k, 0.5), 200).tolist()
    found = arithmetic(
        page,
        "(() => { const corners = cornersOf(b); return a.map(w => { const p = polygonPoint(w, corners);"
        " return [p, polygonWeights(p, corners)]; }); })()",
        wanted,
        k,
    )
    angles = 2 * np.pi * np.arange(k) / k
    corners = np.column_stack([np.sin(angles), -np.cos(angles)])
    points, weights = (np.array([pair[i] for pair in found]) for i in (0, 1))
    assert (weights >= 0).all() and np.allclose(weights.sum(axis=1), 1)
    assert np.abs(weights @ corners - points).max() < 1e-4  # weights below 1e-6 are cut to none
    if k == 3:
        assert np.allclose(weights, wanted, atol=1e-5)


@pytest.mark.parametrize("k", range(3, 9))
def test_polygon_weights_are_one_at_a_corner_linear_on_an_edge_and_alike_in_the_middle(page, k):
    at = "(() => { const corners = cornersOf(b); return polygonWeights(polygonPoint(a, corners), corners); })()"
    for i in range(k):
        corner = np.eye(k)[i]
        assert np.allclose(arithmetic(page, at, corner.tolist(), k), corner, atol=1e-9)
        edge = 0.3 * corner + 0.7 * np.eye(k)[(i + 1) % k]
        assert np.allclose(arithmetic(page, at, edge.tolist(), k), edge, atol=1e-9)
    assert np.allclose(arithmetic(page, at, [1 / k] * k, k), 1 / k)


def test_a_point_outside_comes_to_the_nearest_of_the_border(page):
    far = arithmetic(page, "intoPolygon(a, cornersOf(4))", [2, 2])
    assert np.allclose(far, [0.5, 0.5])
    assert np.allclose(arithmetic(page, "intoPolygon(a, cornersOf(5))", [0, -9]), [0, -1])
    assert arithmetic(page, "intoPolygon(a, cornersOf(6))", [0.2, 0.1]) == [0.2, 0.1]


def test_one_weight_moves_and_the_others_keep_their_ratio(page):
    assert np.allclose(arithmetic(page, "rescaled(a, 0, 0.6)", [0.2, 0.6, 0.2]), [0.6, 0.3, 0.1])
    assert np.allclose(arithmetic(page, "rescaled(a, 1, 0.4)", [0, 1, 0]), [0.3, 0.4, 0.3])
    assert np.allclose(arithmetic(page, "rescaled(a, 1, 1)", [0.5, 0.2, 0.3]), [0, 1, 0])


# ---- pictures


@pytest.mark.parametrize("use_worker", [True, False])
def test_every_corner_shows_exactly_the_cells_of_its_sample(mixing, page, use_worker):
    canvas = mixing(8, use_worker=use_worker)
    wait_for_weights(page, [1 / 8] * 8, shown=N)
    for i, name in enumerate(NAMES):
        weight_of(page, name).focus()
        page.keyboard.press("End")
        wait_for_weights(page, np.eye(8)[i].tolist(), shown=N)
        seen = read(page)
        height, width, _ = seen.shape
        bins = np.bincount(pixels_of(canvas.cells, end=i, width=width, height=height), minlength=width * height)
        assert bins.sum() == N and np.array_equal(seen.reshape(-1, 4), shade(bins, GREYS))


@pytest.mark.parametrize("weights", MIXTURES)
def test_a_mixture_of_three_is_counted_cell_by_cell(mixing, page, weights):
    canvas = mixing(3, weights=weights)
    wait_for_weights(page, weights, shown=N)
    assert np.array_equal(read(page).reshape(-1, 4), shade(counts_expected(page, canvas.cells, weights), GREYS))


def test_a_path_stops_at_every_sample(show, page):
    canvas = show(cells=example(k=4), control="path", labels=NAMES[:4], t=0)
    for t, words in ((0, "P0"), (1, "P1"), (2, "P2"), (3, "P3"), (2.25, "25 % of the way from P2 to P3")):
        set_from_python(canvas, t=t)
        wait_for(page, t, shown=N)
        assert slider(page).get_attribute("aria-valuetext") == words
        weights = canvas.mixture()
        assert np.array_equal(read(page).reshape(-1, 4), shade(counts_expected(page, canvas.cells, weights), GREYS))
    assert slider(page).get_attribute("max") == "3"
    assert all(page.get_by_text(name, exact=True).is_visible() for name in NAMES[:4])


def test_colour_mixes_over_all_samples_and_keeps_the_origin(mixing, page):
    codes = np.tile([0, 1, 1, 1, 1], (N, 1))
    palette = colour_bytes(["#c80000", "#0000c8"])
    canvas = mixing(5, cells=example(k=5, categories=codes), category_palette=palette, colour_by="category")
    seen = {}
    for kind, origin, colour in (("category", 0, [40, 0, 160]), ("origin", 0, [200, 0, 0]), ("origin", 3, [0, 0, 200])):
        set_from_python(canvas, colour_by=kind, origin=origin, count_palette=GREYS)
        for _ in range(50):
            picture = read(page).reshape(-1, 4).astype(int)
            painted = picture[picture[:, 3] > 0]
            if np.abs(painted[:, :3] - colour).max() <= 3:
                break
            page.wait_for_timeout(50)
        assert len(painted) > 1000 and np.abs(painted[:, :3] - colour).max() <= 3
        seen[kind, origin] = picture
    assert len(seen) == 3


def test_colour_is_the_mean_marker_of_a_pixel_and_travel_stays(mixing, page):
    levels = colour_bytes([f"#{level:02x}40{255 - level:02x}" for level in range(256)])
    markers = np.tile([0.0, 1.0, 0.5], (N, 1))
    cells = example(k=3, markers=markers, marker_limits=(0, 1), travel=np.full(N, 2.0))
    canvas = mixing(3, cells=cells, colour_by="marker", level_palette=levels, weights=[0.5, 0.3, 0.2])
    wait_for_weights(page, [0.5, 0.3, 0.2], shown=N)
    picture = read(page).reshape(-1, 4).astype(int)
    level = 255 * (0.3 + 0.2 * 0.5)
    painted = picture[picture[:, 3] > 0]
    assert np.abs(painted[:, 0] - level).max() <= 3
    set_from_python(canvas, colour_by="travel", weights=[0.2, 0.2, 0.6])
    wait_for_weights(page, [0.2, 0.2, 0.6], shown=N)
    picture = read(page).reshape(-1, 4).astype(int)
    assert picture[picture[:, 3] > 0][:, 0].min() >= 252  # all travel alike, and so the most


# ---- hands


def test_a_weight_dragged_keeps_the_sum_and_python_hears_once(mixing, page):
    canvas = mixing(4, weights=[0.4, 0.3, 0.2, 0.1])
    wait_for_weights(page, [0.4, 0.3, 0.2, 0.1], shown=N)
    heard = []
    canvas.param.watch(lambda event: heard.append(event.new), "weights")
    page.mouse.move(*place_of(weight_of(page, "P0"), 0.4))
    page.mouse.down()
    pictures = [read(page)]
    for share in (0.6, 0.8, 1.05, 0.7):
        page.mouse.move(*place_of(weight_of(page, "P0"), share), steps=3)
        value = float(weight_of(page, "P0").input_value())
        weights = [value, *((1 - value) * np.array([0.3, 0.2, 0.1]) / 0.6)]
        wait_for_weights(page, weights)
        assert [float(weight_of(page, name).input_value()) for name in NAMES[:4]] == pytest.approx(weights, abs=1e-3)
        pictures.append(read(page))
        expected = shade(counts_expected(page, canvas.cells, weights), GREYS)
        # Mixed and rounded beforehand: some cells fall on the other side of a border.
        assert (pictures[-1].reshape(-1, 4) == expected).all(axis=1).mean() > 0.9
    assert heard == [] and all(not np.array_equal(one, other) for one, other in pairwise(pictures))
    released = threading.Event()
    canvas.param.watch(lambda _: released.set(), "weights")
    page.mouse.up()
    assert released.wait(10) and len(heard) == 1
    assert sum(heard[0]) == pytest.approx(1, abs=1e-9) and heard[0] == pytest.approx(weights, abs=1e-5)
    page.wait_for_timeout(100)
    expected = shade(counts_expected(page, canvas.cells, weights), GREYS)
    assert np.array_equal(read(page).reshape(-1, 4), expected)


def test_keys_move_a_weight_and_others_that_are_zero_share_alike(mixing, page):
    canvas = mixing(3)
    wait_for_weights(page, [1 / 3] * 3)
    weight_of(page, "P1").focus()
    for key, weights in (
        ("End", [0, 1, 0]),
        ("PageDown", [0.05, 0.9, 0.05]),
        ("ArrowUp", [0.045, 0.91, 0.045]),
        ("Home", [0.5, 0, 0.5]),
        ("ArrowLeft", [0.5, 0, 0.5]),
    ):
        page.keyboard.press(key)
        wait_for_weights(page, weights, shown=N)
    assert weight_of(page, "P0").get_attribute("aria-valuetext") == "50 %"
    page.wait_for_timeout(200)
    assert canvas.weights == pytest.approx([0.5, 0, 0.5])


@pytest.mark.parametrize("k", [3, 5, 8])
def test_the_handle_is_dragged_through_the_polygon(mixing, page, k):
    canvas = mixing(k)
    wait_for_weights(page, [1 / k] * k, shown=N)
    heard = []
    canvas.param.watch(lambda event: heard.append(event.new), "weights")
    page.mouse.move(*middle(handle(page)))
    page.mouse.down()
    box = page.locator("svg.lv-morph-polygon").bounding_box()
    x, y = middle(handle(page))
    page.mouse.move(x + 10, y + 6, steps=4)
    page.locator(f'canvas:not([data-weights="{" ".join([f"{round(1 / k, 4):g}"] * k)}"])').wait_for()
    page.mouse.move(x, box["y"] - 40, steps=6)  # beyond the uppermost corner: the first sample alone
    wait_for_weights(page, np.eye(k)[0].tolist())
    assert heard == [] and handle(page).get_attribute("aria-valuetext") == "100 % P0"
    page.mouse.up()
    wait_for_weights(page, np.eye(k)[0].tolist(), shown=N)
    page.wait_for_timeout(200)
    assert heard == [np.eye(k)[0].tolist()]


def test_the_handle_moves_by_keys_and_follows_the_sliders(mixing, page):
    mixing(3)
    wait_for_weights(page, [1 / 3] * 3, shown=N)
    low = middle(handle(page))
    weight_of(page, "P0").focus()
    page.keyboard.press("End")
    wait_for_weights(page, [1, 0, 0])
    assert middle(handle(page))[1] < low[1] - 20
    handle(page).focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    wait_for_weights(page, [0.9, 0.05, 0.05], shown=N)  # 0.15 of the radius below the top, of a height of 1.5
    assert weight_of(page, "P1").input_value() == "0.05"


def test_a_click_into_the_polygon_moves_the_handle_there(mixing, page):
    canvas = mixing(4)
    wait_for_weights(page, [0.25] * 4, shown=N)
    x, y = middle(handle(page))
    page.mouse.click(x + 25, y)
    page.locator(f'canvas:not([data-weights="0.25 0.25 0.25 0.25"])[data-shown="{N}"]').wait_for()
    weights = weights_shown(page)
    assert weights[1] > weights[3] and weights[0] == weights[2]
    page.wait_for_timeout(200)
    assert canvas.weights == pytest.approx(weights, abs=1e-4)


# ---- playing


def play(page):
    return page.get_by_role("button", name="Play", exact=True)


def test_play_goes_to_the_end_and_python_hears_at_the_end_only(show, page):
    canvas = show(t=0, speed=2)
    wait_for(page, 0, shown=N)
    heard = []
    canvas.param.watch(lambda event: heard.append(event.new), "t")
    reached = awaiting(canvas, t=1)
    play(page).click()
    page.get_by_role("button", name="Pause", exact=True).wait_for()
    assert reached.wait(10) and heard == [1]
    wait_for(page, 1, shown=N)
    play(page).wait_for()


def test_space_plays_and_pauses_and_a_hand_takes_over(show, page):
    canvas = show(t=0, speed=0.3, loop=True)
    wait_for(page, 0)
    slider(page).focus()
    page.keyboard.press(" ")
    page.locator('canvas:not([data-t="0"])').wait_for()
    heard = []
    canvas.param.watch(lambda event: heard.append(event.new), "t")
    page.keyboard.press(" ")
    play(page).wait_for()
    page.wait_for_timeout(200)
    assert len(heard) == 1 and 0 < heard[0] < 1
    paused_at = canvas_of(page).get_attribute("data-t")
    canvas_of(page).focus()
    page.keyboard.press(" ")
    page.get_by_role("button", name="Pause", exact=True).wait_for()
    page.locator(f'canvas:not([data-t="{paused_at}"])').wait_for()
    reached = awaiting(canvas, t=0)
    slider(page).focus()
    page.keyboard.press("Home")
    wait_for(page, 0, shown=N)
    assert play(page).is_visible() and reached.wait(10)


def test_loop_goes_to_and_fro(show, page):
    show(t=0.9, speed=3)
    page.get_by_role("button", name="Loop", exact=True).click()
    page.evaluate("window.seen = []; 0")
    canvas_of(page).evaluate(
        """canvas => { new MutationObserver(() => seen.push(+canvas.dataset.t))
        .observe(canvas, {attributeFilter: ['data-t']}) }"""
    )
    play(page).click()
    page.wait_for_function("() => seen.length > 20 && Math.max(...seen) === 1 && Math.min(...seen) === 0")
    page.get_by_role("button", name="Pause", exact=True).click()
    steps = np.diff(page.evaluate("seen"))
    assert np.abs(steps).max() < 0.7  # no jump from one end to the other


def test_weights_play_from_sample_to_sample(mixing, page):
    canvas = mixing(3, speed=3)
    wait_for_weights(page, [1 / 3] * 3)
    reached = awaiting(canvas, weights=[0, 0, 1])
    play(page).click()
    assert reached.wait(15)
    wait_for_weights(page, [0, 0, 1], shown=N)


def test_other_cells_while_it_plays_do_not_stop_it_but_another_number_of_samples_does(show, page):
    canvas = show(t=0.2, speed=0.2, loop=True)
    play(page).click()
    page.locator('canvas:not([data-t="0.2"])').wait_for()
    set_from_python(canvas, cells=example(n=70_000))
    page.locator('canvas[data-shown="70000"]').wait_for()
    assert page.get_by_role("button", name="Pause", exact=True).is_visible()
    set_from_python(
        canvas, cells=example(k=3, n=20_000), control="weights", labels=NAMES[:3], weights=[0.5, 0.25, 0.25]
    )
    wait_for_weights(page, [0.5, 0.25, 0.25], shown=20_000)
    assert play(page).is_visible() and weight_of(page, "P2").input_value() == "0.25"
    set_from_python(canvas, cells=example(n=1000), control="slider", labels=[], t=0.5)
    wait_for(page, 0.5, shown=1000)
    assert slider(page).is_visible() and weight_of(page, "P0").count() == 0


def test_who_asked_for_less_motion_gets_steps(show, page):
    page.emulate_media(reduced_motion="reduce")
    show(t=0, speed=1)
    wait_for(page, 0)
    canvas_of(page).evaluate(
        """canvas => { window.seen = [];
        new MutationObserver(() => seen.push(+canvas.dataset.t)).observe(canvas, {attributeFilter: ['data-t']}) }"""
    )
    play(page).click()
    wait_for(page, 1, shown=N)
    seen = np.unique(page.evaluate("seen"))
    assert np.allclose(10 * seen, np.round(10 * seen)) and len(seen) <= 10


def test_a_canvas_that_is_hidden_pauses_and_is_drawn_when_it_is_seen_again(show, page):
    canvas = show(t=0.1, speed=0.2, loop=True)
    play(page).click()
    page.locator('canvas:not([data-t="0.1"])').wait_for()
    heard = threading.Event()
    canvas.param.watch(lambda _: heard.set(), "t")
    set_from_python(canvas, visible=False)
    assert heard.wait(10) and canvas.t > 0.1
    set_from_python(canvas, t=0.875)  # while nobody sees it
    set_from_python(canvas, visible=True)
    wait_for(page, 0.875, shown=N)
    assert play(page).is_visible()


def test_no_cells_no_play(show, page):
    show(cells=b"")
    assert play(page).is_disabled()


# ---- words


def test_a_number_runs_along_and_what_is_beyond_is_said(show, page):
    show(
        t=0.5,
        axis={"low": -2, "high": 2, "unit": "sd"},
        t_from="−2 sd",
        t_to="+2 sd",
        measured=(0.25, 1),
        readout={"label": "score", "values": [-1.25, 2.75], "signed": True},
    )
    wait_for(page, 0.5)
    score = page.get_by_test_id("morph-readout")
    assert score.inner_text() == "score +0.75"
    assert page.get_by_text("Synthetic cells, 0.00 sd", exact=True).is_visible()
    assert page.get_by_text("−2 sd", exact=True).is_visible() and page.get_by_text("+2 sd", exact=True).is_visible()
    beyond = page.get_by_text("beyond measured patients", exact=True)
    assert beyond.count() == 0
    page.mouse.move(*place_of(slider(page), 0.5))
    page.mouse.down()
    page.mouse.move(*place_of(slider(page), 0.2), steps=3)
    value = float(slider(page).input_value())
    wait_for(page, value)
    assert beyond.is_visible()
    assert score.inner_text() == f"score {-1.25 + 4 * value:+.2f}".replace("-", "−")
    assert "beyond measured patients" in canvas_of(page).get_attribute("aria-label")
    page.mouse.up()


def test_the_message_for_travel_is_the_way_of_each_pair():
    a, b = clouds(2, 50)
    assert np.allclose(travelled([a, b]), np.linalg.norm(a - b, axis=1))
