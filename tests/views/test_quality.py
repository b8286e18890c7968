from __future__ import annotations

from dataclasses import replace

import holoviews as hv
import numpy as np
import pytest

from lotviz.data import ArraySource, simulate
from lotviz.data.quality.look import look_through
from lotviz.views import quality as views
from lotviz.views.theme import TOKENS
from tests.views.conftest import THEMES, options, parts, rows


@pytest.fixture(scope="module")
def seen():
    """A look through twelve samples, one of them saturated."""
    cohort = simulate(samples=12, cells=400, markers=5, seed=1)
    cells = {name: cohort.raw(name).copy() for name in cohort.samples.index}
    top = np.quantile(cells["P03"][:, 2], 0.8)
    cells["P03"][:, 2] = np.minimum(cells["P03"][:, 2], top)
    return look_through(replace(cohort, source=ArraySource(cells)))


def one_each(quality):
    return {name: [name] for name in quality.profiles.names}


def hills(picture):
    """Return the outline of each ridge, as drawn."""
    return parts(picture, hv.Polygons)[0].data


@pytest.mark.parametrize("theme", THEMES)
def test_one_ridge_a_sample_the_first_on_top_and_the_warned_one_in_its_colour_and_named(seen, theme, drawn):
    marker = seen.profiles.markers[1]
    picture = views.ridges(seen, marker, rows=one_each(seen), warned=["P03"], theme=theme)
    shapes = hills(picture)
    assert [shape["row"] for shape in shapes] == list(seen.profiles.names)
    assert [shape["line"] == TOKENS[theme]["warn"] for shape in shapes] == [shape["row"] == "P03" for shape in shapes]
    assert [shape["y"].min() for shape in shapes] == list(range(12))[::-1]
    (label,) = parts(picture, hv.Labels)
    assert [text for *_, text in rows(label)] == ["P03"]
    drawn(picture)


def test_ridges_of_batches_hold_the_mean_of_their_samples(seen, drawn):
    marker = seen.profiles.markers[0]
    names = list(seen.profiles.names)
    picture = views.ridges(seen, marker, rows={"b1": names[:6], "b2": names[6:], "none": []}, theme="light")
    areas = [np.sum(shape["y"] - shape["y"].min()) for shape in hills(picture)]
    assert areas[0] == pytest.approx(areas[1], rel=0.02)
    assert [name for _, name in options(picture)["yticks"]] == ["b1", "b2"]
    grid, curves = views.mean_curves(seen, marker, {"b1": names[:6], "b2": names[6:]})
    assert np.sum(curves["b1"]) * (grid[1] - grid[0]) == pytest.approx(1)
    drawn(picture)


@pytest.mark.parametrize("count", [2, 13])
def test_small_pictures_name_no_rows_but_the_warned_and_are_drawn_all_the_same(drawn, count):
    quality = look_through(simulate(samples=count, cells=60, markers=3, seed=2))
    drawn(views.ridges(quality, quality.profiles.markers[0], rows=one_each(quality), theme="light", named=False))
    drawn(views.ridges(quality, quality.profiles.markers[0], rows=one_each(quality), theme="light"))


def test_of_too_many_rows_the_warned_ones_are_drawn(seen):
    many = {f"row {number}": ["P01"] for number in range(90)}
    picture = views.ridges(seen, seen.profiles.markers[0], rows=many, warned=["row 88"], theme="light")
    assert len(hills(picture)) == views.MOST_RIDGES
    assert options(picture)["yticks"] == [(0.0, "")]
    assert [text for *_, text in rows(parts(picture, hv.Labels)[0])] == ["row 88"]


def test_shares_at_the_margin_name_the_sample_with_most(seen, drawn):
    picture = views.margin_shares(seen, theme="light")
    left, right = parts(picture, hv.Segments)
    marker = seen.profiles.markers[2]
    place = next(y for y, name in options(picture)["yticks"] if name == marker)
    (end,) = [x1 for _, y, x1, _ in rows(right) if y == place]
    assert end == pytest.approx(20, abs=3)
    assert all(x0 <= 0 for x0, *_ in rows(left))
    (label,) = parts(picture, hv.Labels)
    assert [text for _, y, text in rows(label) if y == place] == ["P03"]
    drawn(picture)


@pytest.mark.parametrize("theme", THEMES)
def test_nothing_to_show_is_said_in_words(seen, theme, drawn):
    empty = look_through(simulate(samples=2, cells=30), cancel=_set())
    for picture in (
        views.ridges(empty, empty.profiles.markers[0], rows={"a": ["P1"]}, theme=theme),
        views.margin_shares(empty, theme=theme),
        views.margin_shares(seen, theme=theme, least=2.0),
    ):
        assert "nothing to show" in str(rows(parts(picture, hv.Labels)[0]))
        drawn(picture)
    assert views.mean_curves(empty, empty.profiles.markers[0], {"a": ["P1"]})[1] == {}


def _set():
    import threading

    stop = threading.Event()
    stop.set()
    return stop
