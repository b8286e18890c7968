"""Curves and shares follow the morph in the browser, without Python."""

from __future__ import annotations

import re

import numpy as np
import pytest
from morphing import canvas_of, example, opened, set_from_python, slider, wait_for

from lotviz.analysis.density import density
from lotviz.app.morph_curves import MorphCurves, MorphShares, pack_curves

LIMITS = np.array([[-4.0, 4.0], [-4.0, 4.0]])
SHARES = [[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]]
NAMES = ["Monocytes", "CD4 T", "<b>NK</b>"]


def markers(k=2, n=8000):
    random = np.random.default_rng(4)
    return np.stack([random.normal(size=(n, 2)) * [0.6, 0.4] + [shift, -shift] for shift in np.linspace(-1.5, 1.5, k)])


@pytest.fixture
def show(page, serve, monkeypatch):
    with opened(page, serve, monkeypatch) as opener:
        yield opener


@pytest.fixture
def made():
    return []


@pytest.fixture
def followed(show, made):
    """`followed(k, **parameters of the canvas)`: a canvas with curves and shares of k samples beside it."""

    def opener(k=2, masses=None, leads=None, **parameters):
        labels = [f"P{i}" for i in range(k)]
        follower = {"labels": labels, "colours": ["#d55e00"] * k, "channel": "one", "height": 300, "width": 500}
        shares = [*SHARES, [0.2, 0.2, 0.6]][:k]

        def curves():
            message = pack_curves(markers(k), masses=masses, leads=leads, limits=LIMITS)
            made.append(MorphCurves(curves=message, names=["CD3", "CD4"], units=["arcsinh"] * 2, **follower))
            return made[-1]

        def bars():
            made.append(MorphShares(shares=shares, names=NAMES, bars=["#009e73"] * 3, **follower))
            return made[-1]

        options = {"cells": example(k=k, n=2000), "channel": "one", "labels": labels, "n_total": 0}
        return show(curves, bars, **(options | parameters))

    return opener


def curve_of(page, number):
    """The drawn curve of now: heights above the axis, relative to the top, at every second of 256 places."""
    line = page.get_by_test_id("morph-curve").nth(number).locator(".lv-curve-now").get_attribute("d")
    return np.array([(float(x), 100 - float(y)) for x, y in re.findall(r"[ML](\S+) ([\d.]+)", line)])


def wait_until_followed(page, weights):
    words = " ".join(f"{weight:g}" for weight in weights)
    for kind in ("curves", "shares"):
        page.locator(f'.lv-{kind}[data-weights="{words}"]').wait_for()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("t", [0, 0.3, 1])
def test_a_curve_is_the_density_of_the_mixed_values(followed, page, t, weighted):
    masses = np.random.default_rng(1).uniform(0.2, 3, 8000) if weighted else None
    followed(t=t, masses=masses)
    wait_until_followed(page, [1 - t, t])
    a, b = markers()
    for number in (0, 1):
        found = curve_of(page, number)
        grid = np.linspace(*LIMITS[number], 256)
        expected = density((1 - t) * a[:, number] + t * b[:, number], grid, masses=masses)[::2]
        heights = found[:, 1] / found[:, 1].sum() * expected.sum()
        assert len(found) == 128 and np.abs(heights - expected).max() < 0.02 * expected.max()


@pytest.mark.parametrize("t", [0, 0.3])
def test_tuples_that_are_led_count_as_much_as_their_sample(followed, page, t):
    leads = np.arange(8000) % 2
    followed(t=t, leads=leads)
    wait_until_followed(page, [1 - t, t])
    a, b = markers()
    found = curve_of(page, 0)
    masses = np.where(leads == 1, t, 1 - t)
    expected = density((1 - t) * a[:, 0] + t * b[:, 0], np.linspace(*LIMITS[0], 256), masses=masses)[::2]
    heights = found[:, 1] / found[:, 1].sum() * expected.sum()
    assert np.abs(heights - expected).max() < 0.02 * expected.max()


def test_everything_follows_a_hand_while_it_moves_and_python_hears_nothing(followed, page):
    canvas = followed(t=0.5)
    wait_until_followed(page, [0.5, 0.5])
    heard = []
    canvas.param.watch(heard.append, "t")
    before = curve_of(page, 0)
    box = slider(page).bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, y, steps=4)
    t = float(slider(page).input_value())
    wait_for(page, t)
    wait_until_followed(page, [round(1 - t, 4), t])
    after = curve_of(page, 0)
    assert after[:, 1].argmax() > before[:, 1].argmax() + 5
    share = 100 * ((1 - t) * SHARES[0][0] + t * SHARES[1][0])
    row = page.get_by_role("listitem").first
    assert row.get_attribute("aria-label") == f"Monocytes: now {share:.1f} %, P0 50.0 %, P1 10.0 %"
    assert heard == []
    page.mouse.up()


def test_words_say_the_medians_once_it_rests(followed, page):
    followed(t=0)
    page.get_by_role(
        "img", name=re.compile(r"^CD3: median now −1\.[45]\d, P0 −1\.[45]\d, P1 1\.[45]\d, arcsinh$")
    ).wait_for()
    set_at = page.get_by_role("img", name=re.compile(r"^CD3: median now 1\.[45]\d, "))
    slider(page).focus()
    page.keyboard.press("End")
    set_at.wait_for()


def test_curves_that_come_later_ask_where_the_canvas_is_and_other_channels_are_not_heard(followed, page, made):
    canvas = followed(t=0.25)
    wait_until_followed(page, [0.75, 0.25])
    set_from_python(made[0], channel="another")
    set_from_python(canvas, t=1)
    page.locator('.lv-shares[data-weights="0 1"]').wait_for()
    assert page.locator(".lv-curves").get_attribute("data-weights") == "0.75 0.25"
    set_from_python(made[0], channel="one")
    wait_until_followed(page, [0, 1])


def test_three_samples_and_then_other_curves(followed, page, made):
    canvas = followed(3, control="weights", weights=[0.5, 0.25, 0.25])
    wait_until_followed(page, [0.5, 0.25, 0.25])
    assert page.locator(".lv-curve-end").count() == 6
    row = page.get_by_role("listitem").nth(2)
    assert row.get_attribute("aria-label") == "<b>NK</b>: now 40.0 %, P0 20.0 %, P1 60.0 %, P2 60.0 %"
    set_from_python(made[0], curves=pack_curves(markers(3)[:, :, :1]), names=["CD8"], units=[""])
    page.get_by_text("CD8", exact=True).wait_for()
    assert page.get_by_test_id("morph-curve").count() == 1
    set_from_python(made[0], curves=b"")
    page.locator(".lv-curve").wait_for(state="detached")
    assert canvas_of(page).is_visible() and canvas.weights == [0.5, 0.25, 0.25]
