from __future__ import annotations

import holoviews as hv
import numpy as np
import pytest

from lotviz.views import charts
from lotviz.views.style import signed, words
from lotviz.views.theme import TOKENS, diverging
from tests.views.conftest import THEMES, options, parts, rows

ODD = ["<img src=x onerror=alert(1)>", "a\"b'c", "患者 🧬", "%s {x} $y$", "n" * 300]
ENDS = ("#aa0000", "#0000aa")


def every_chart(names, value, theme):
    """Return each chart for rows of these names, all of one value."""
    column = np.full(len(names), value)
    curve = (np.linspace(0, 1, 9), np.full(9, value), "#000000")
    return {
        "dumbbells": charts.dumbbells(names, column, column, colours=ENDS, theme=theme, unit="u"),
        "shift_and_shape": charts.shift_and_shape(names, column, column, theme=theme, unit="u"),
        "weight_bars": charts.weight_bars(names, column, column, classes=(names[0], names[-1]), theme=theme),
        "curves": charts.curves([curve] * len(names), xlim=(0, 1)),
        "now_and_ends": charts.now_and_ends(curve[0], curve[1], (curve[1], curve[1]), colours=ENDS, theme=theme),
        "shares": charts.shares(
            names, column, (column, column), bars=dict.fromkeys(names, "#000000"), colours=ENDS, theme=theme
        ),
        "sample_curves": charts.sample_curves(
            curve[0], (curve[1][None], curve[1][None]), colours=ENDS, theme=theme, title=names[0]
        ),
        "cells_per_sample": charts.cells_per_sample(
            np.full(len(names), 1 + int(value)), names, names, few=100, theme=theme
        ),
    }  # fmt: skip


@pytest.mark.parametrize(("theme", "value"), [("light", 0.0), ("dark", 1.0), ("light", 1e-300)])
def test_one_row_is_drawn_without_a_warning(theme, value, drawn):
    for picture in every_chart(["only"], value, theme).values():
        drawn(picture)


def test_odd_names_are_drawn_as_they_are(drawn):
    for picture in every_chart(ODD, 0.5, "dark").values():
        drawn(picture)


@pytest.mark.parametrize("name", sorted(every_chart(["only"], 0.0, "light")))
def test_every_chart_fills_its_place_without_a_toolbar(name):
    chosen = options(every_chart(["a", "b"], 0.5, "light")[name])
    assert chosen["responsive"] is True
    assert chosen["toolbar"] is None
    assert chosen["shared_axes"] is False


def ticks(picture, axis="yticks"):
    return options(picture)[axis]


def test_dumbbells_run_from_before_to_after():
    picture = charts.dumbbells(
        ["T", "B"], np.array([10.0, 40.0]), np.array([30.0, 35.0]), colours=ENDS, theme="light", unit="%"
    )
    (lines,), (before, after), (texts,) = (parts(picture, kind) for kind in (hv.Segments, hv.Points, hv.Labels))
    assert rows(lines) == [[10, 1, 30, 1], [40, 0, 35, 0]]
    assert rows(before) == [[10, 1], [40, 0]]
    assert rows(after) == [[30, 1], [35, 0]]
    assert options(before, "style")["line_color"] == ENDS[0]
    assert options(after, "style")["color"] == ENDS[1]
    assert [row[2] for row in rows(texts)] == ["+20", "−5"]


def test_shift_is_signed_and_shape_is_a_size():
    picture = charts.shift_and_shape(["CD3"], np.array([-0.5]), np.array([0.25]), theme="light", unit="arcsinh")
    shift, shape = parts(picture, hv.Segments)
    assert rows(shift)[0][2] == -0.5
    assert rows(shape)[0][2] == 0.25
    low, high = options(picture)["xlim"]
    assert low == -high
    assert high > 0.5


def test_weights_have_the_colour_of_their_sign_and_the_axis_names_both_classes():
    picture = charts.weight_bars(
        ["a", "b", "c"], np.array([1.0, 0.0, -1.0]), np.array([0.5, 0, 0]), classes=("control", "case"), theme="light"
    )
    (bars,), (rings,) = parts(picture, hv.Segments), parts(picture, hv.Points)
    palette = diverging("light")
    assert list(bars.dimension_values("colour")) == [palette[254], TOKENS["light"]["mid"], palette[0]]
    assert rows(rings)[0] == [0.5, 2]
    assert options(picture)["xlabel"].split() == ["←", "control", "weight", "case", "→"]


def test_bands_lie_below_the_rows_and_one_is_tinted():
    bands = charts.row_bands(["a", "b", "c"], right=9.0, theme="light", highlighted=1)
    assert [list(row) for row in rows(bands)] == [[0, 1.5, 9, 2.5, 0], [0, 0.5, 9, 1.5, 1], [0, -0.5, 9, 0.5, 0]]
    values = np.array([1.0, 2.0, 3.0])
    picture = charts.dumbbells(["a", "b", "c"], values, values, colours=ENDS, theme="light", unit="u", under=bands)
    assert next(iter(picture)) is bands


def test_curves_keep_their_colours_and_dashes():
    x = np.linspace(0, 1, 5)
    picture = charts.curves([(x, x, "#111111"), (x, 1 - x, "#222222")], xlim=(0, 1), dashes=["solid", "dashed"])
    styles = [options(curve, "style") for curve in parts(picture, hv.Curve)]
    assert [style["color"] for style in styles] == ["#111111", "#222222"]
    assert [style["line_dash"] for style in styles] == ["solid", "dashed"]
    assert options(picture)["yaxis"] is None


def test_the_curve_of_now_lies_between_those_of_the_ends():
    grid, now = np.linspace(2, 4, 5), np.arange(5.0)
    picture = charts.now_and_ends(grid, now, (now[::-1], now * 2), colours=ENDS, theme="dark")
    first, second, middle = (curve for curve in parts(picture, hv.Curve) if not isinstance(curve, hv.Area))
    assert (first.dimension_values(1) == now[::-1]).all()
    assert (second.dimension_values(1) == 2 * now).all()
    assert (middle.dimension_values(1) == now).all()
    assert [options(c, "style")["color"] for c in (first, second, middle)] == [*ENDS, TOKENS["dark"]["accent"]]
    assert options(picture)["xlim"] == (2.0, 4.0)
    assert options(picture)["ylim"][1] > 8.0


def densities(*heights):
    """Densities of some samples, each flat."""
    return np.repeat(np.array(heights, float)[:, None], 5, axis=1)


def pieces(lines):
    """Return the first height of each line of a curve with gaps."""
    heights = lines.dimension_values(1)
    starts = np.flatnonzero(np.isfinite(heights) & ~np.isfinite(np.r_[np.nan, heights[:-1]]))
    return heights[starts].tolist()


def test_each_sample_has_a_thin_line_and_each_group_its_mean():
    grid = np.linspace(-1, 3, 5)
    picture = charts.sample_curves(grid, (densities(1, 3), densities(2, 2, 5)), colours=ENDS, theme="light")
    *thin, first, second = parts(picture, hv.Curve)
    means = [first, second]
    assert [pieces(lines) for lines in thin] == [[1, 3], [2, 2, 5]]
    assert [mean.dimension_values(1).tolist() for mean in means] == [[2.0] * 5, [3.0] * 5]
    for element, colour in zip([*thin, *means], ENDS * 2, strict=True):
        assert options(element, "style")["color"] == colour
    assert [options(mean, "style")["line_dash"] for mean in means] == [[5, 3], "solid"], "colour is never alone"
    assert options(picture)["xlim"] == (-1.0, 3.0)


def test_samples_without_cells_in_a_region_have_no_line(drawn):
    grid, empty = np.linspace(0, 1, 5), np.full((1, 5), np.nan)
    picture = charts.sample_curves(
        grid, (np.vstack([densities(1), empty]), densities(2)), colours=ENDS, theme="dark", title="{CD3} +0.4"
    )
    assert [pieces(lines) for lines in parts(picture, hv.Curve)] == [[1], [2], [1], [2]]
    assert drawn(picture).title.text == "{CD3} +0.4"
    (words_,) = parts(charts.sample_curves(grid, (empty, empty), colours=ENDS, theme="dark"), hv.Labels)
    assert rows(words_)[0][2] == "no cells here"


def test_shares_have_the_colour_of_their_population():
    bars = {"T": "#123456", "B": "#654321"}
    picture = charts.shares(
        ["B", "T"], np.array([60.0, 40.0]), (np.array([70.0, 30.0]), np.array([50.0, 50.0])),
        bars=bars, colours=ENDS, theme="light",
    )  # fmt: skip
    (now,), (first, second) = parts(picture, hv.Segments), parts(picture, hv.Points)
    assert rows(now) == [[0, 1, 60, 1, "#654321"], [0, 0, 40, 0, "#123456"]]
    assert rows(first) == [[70, 1], [30, 0]]
    assert rows(second) == [[50, 1], [50, 0]]
    assert options(picture)["xlim"][1] >= 70


def test_samples_with_few_cells_are_marked_and_every_sample_stands_in_the_row_of_its_group():
    counts = np.array([50, 5000, 100, 20_000])
    picture = charts.cells_per_sample(counts, ["p", "q", "r", "s"], ["a", "b", "a", "b"], few=100, theme="light")
    enough, short = parts(picture, hv.Points)
    assert set(enough.dimension_values("sample")) == {"q", "r", "s"}
    assert list(short.dimension_values("sample")) == ["p"]
    assert dict(options(picture)["yticks"]) == {2: "a", 1: "b"}
    heights = {name: y for points in (enough, short) for _, y, name in points.array(points.dimensions()).tolist()}
    assert [round(heights[name]) for name in "pqrs"] == [2, 1, 2, 1]
    low, high = options(picture)["xlim"]
    assert low < 50
    assert high > 20_000
    assert options(picture)["logx"] is True


@pytest.mark.parametrize("number", [1, 40, 99, 100, 101, 3_000, 10**7])
def test_the_axis_of_cells_always_has_ticks(number, drawn):
    picture = charts.cells_per_sample(np.array([number]), ["p"], [""], few=100, theme="light")
    assert options(picture)["xticks"]
    drawn(picture)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("value", "place"), [(-1, 0), (0, 127), (1, 254), (-7, 0), (7, 254)])
def test_the_colour_of_a_value(theme, value, place):
    assert charts.colour_of(value, theme) == diverging(theme)[place]


SIGNED = [(-1.25, 2, "−1.25"), (3, 0, "+3"), (0.0, 1, "0.0"), (-0.001, 2, "0.00"), (-0.005001, 2, "−0.01")]


@pytest.mark.parametrize(("value", "digits", "text"), SIGNED)
def test_numbers_are_written_with_their_sign(value, digits, text):
    assert signed(value, digits) == text


def test_words_stand_where_they_are_put():
    assert rows(words([(1.0, 2.0, "<i>")], "#000000")) == [[1.0, 2.0, "<i>"]]
    assert rows(words([], "#000000")) == []
