from __future__ import annotations

import holoviews as hv
import numpy as np
import pytest

from lotviz.views import scores
from lotviz.views.theme import TOKENS
from tests.views.conftest import THEMES, options, parts, rows

ODD = ["<img src=x onerror=alert(1)>", "a\"b'c", "患者 🧬", "%s {x} $y$", "n" * 300]
SHARES = np.array([0.0, 0.2, 1.0])


def printed(figure):
    """Return what is printed to the right of a picture, by height."""
    (axis,) = [axis for axis in figure.right if axis.name == "beside"]
    return {tick: axis.major_label_overrides[tick] for tick in axis.ticker.ticks}


def every_score(names, value, theme):
    """Return each picture for rows of these names, all of one value."""
    column, k = np.full(len(names), value), len(names)
    return {
        "forest": scores.forest([(name, value, value, value, True) for name in names], chance=0, theme=theme, unit="u"),
        "differences": scores.differences([(name, value, value, value) for name in names], theme=theme, unit="u"),
        "roc": scores.roc(
            [(name, SHARES, SHARES, (value, value, value)) for name in names], ["#000000"] * k, theme=theme
        ),
        "calibration": scores.calibration(
            column, column, np.column_stack([column, column]), counts=column, positive=names[0], theme=theme
        ),
        "influence": scores.influence(names, column, whole=value, theme=theme, unit="u"),
        "recovery": scores.recovery(
            [(name, np.array([1.0, 2.0]), np.full((2, 3), value), True) for name in names],
            xlabel="x", unit="u", chance=0.5, theme=theme,
        ),
    }  # fmt: skip


@pytest.mark.parametrize(("theme", "value"), [("light", 0.0), ("dark", 1.0), ("light", 1e-300)])
def test_one_row_is_drawn_without_a_warning(theme, value, drawn):
    for picture in every_score(["only"], value, theme).values():
        drawn(picture)


def test_odd_names_are_drawn_as_they_are(drawn):
    for picture in every_score(ODD, 0.5, "dark").values():
        drawn(picture)


@pytest.mark.parametrize("name", sorted(every_score(["only"], 0.0, "light")))
def test_every_picture_fills_its_place_and_cannot_be_moved_away(name, drawn):
    picture = every_score(["a", "b"], 0.5, "light")[name]
    chosen = options(picture)
    assert chosen["responsive"] is True
    assert chosen["toolbar"] is None
    tools = {type(tool).__name__ for tool in drawn(picture).toolbar.tools}
    assert tools <= {"HoverTool", "TapTool", "LassoSelectTool"}


def test_forest_marks_score_interval_and_chance(drawn):
    picture = scores.forest(
        [("LOT", 0.8, 0.7, 0.9, True), ("majority", 0.5, 0.5, 0.5, False)], chance=0.5, theme="light", unit="score"
    )
    (line,), (intervals,), (marks,) = (parts(picture, k) for k in (hv.VLine, hv.Segments, hv.Points))
    token = TOKENS["light"]
    assert line.data == 0.5
    assert rows(intervals) == [[0.7, 1, 0.9, 1, token["accent"]]], "a score without an interval has no line"
    assert rows(marks) == [[0.8, 1, token["accent"]], [0.5, 0, token["ink2"]]]
    assert printed(drawn(picture)) == {1: "0.80  (0.70–0.90)", 0: "0.50"}
    assert options(picture)["yticks"] == [(1, "LOT"), (0, "majority")], "the first row is on top"
    assert options(picture)["xlabel"] == "score"


def test_forest_holds_all_that_it_marks():
    picture = scores.forest([("a", 0.1, -3.2, 1.0, True)], chance=0.5, theme="light", unit="u")
    low, high = options(picture)["xlim"]
    assert low < -3.2
    assert high > 1.0
    ticks = options(picture)["xticks"]
    assert 2 <= len(ticks) <= 9
    assert all(low <= tick <= high for tick in ticks)


@pytest.mark.parametrize("theme", THEMES)
def test_a_difference_is_full_only_where_it_is_established(theme, drawn):
    token = TOKENS[theme]
    picture = scores.differences(
        [("means", 8, -1, 17), ("majority", 29, 18, 38), ("better", -5, -9, -1)], theme=theme, unit="points"
    )
    (marks,), (line,) = parts(picture, hv.Points), parts(picture, hv.VLine)
    assert line.data == 0
    assert rows(marks) == [
        [8, 2, token["paper"], token["ink2"]],
        [29, 1, token["accent"], token["accent"]],
        [-5, 0, token["ink2"], token["ink2"]],
    ]
    assert printed(drawn(picture))[2] == "+8  (−1 to +17)"
    low, high = options(picture)["xlim"]
    assert low < -9
    assert high > 38
    assert options(picture)["xlabel"].split("      ") == ["← other better", "points", "LOT better →"]


def test_a_single_class_has_its_area_with_the_interval():
    picture = scores.roc([("case", SHARES, SHARES**0.5, (0.84, 0.74, 0.91))], ["#123456"], theme="light")
    (curve,), (texts,) = parts(picture, hv.Curve), parts(picture, hv.Labels)
    assert curve.dimension_values(0).tolist() == SHARES.tolist()
    assert curve.dimension_values(1).tolist() == (SHARES**0.5).tolist()
    assert options(curve, "style")["color"] == "#123456"
    assert [row[2] for row in rows(texts)] == ["AUC 0.84 (0.74–0.91)"]


def test_curves_of_several_classes_differ_by_more_than_colour():
    curves = [(name, SHARES, SHARES, (0.9, 0.8, 1.0)) for name in "abc"]
    picture = scores.roc(curves, ["#111111", "#222222", "#333333"], theme="dark")
    styles = [options(curve, "style") for curve in parts(picture, hv.Curve)]
    assert [style["color"] for style in styles] == ["#111111", "#222222", "#333333"]
    assert len({style["line_dash"] for style in styles}) == 3
    (texts,) = parts(picture, hv.Labels)
    assert [row[2] for row in rows(texts)] == ["a 0.90", "b 0.90", "c 0.90", "area below"]
    assert rows(texts)[0][1] > rows(texts)[1][1], "named from above"
    (diagonal, *_keys) = parts(picture, hv.Segments)
    assert rows(diagonal) == [[0, 0, 1, 1]]


def test_calibration_prints_how_many_samples_a_bin_holds():
    picture = scores.calibration(
        np.array([0.1, 0.95]), np.array([0.2, 0.9]), np.array([[0.0, 0.4], [0.7, 1.0]]),
        counts=np.array([12, 9]), positive="case", theme="light",
    )  # fmt: skip
    (diagonal, intervals), (marks,) = parts(picture, hv.Segments), parts(picture, hv.Points)
    assert rows(diagonal) == [[0, 0, 1, 1]]
    assert rows(intervals) == [[0.1, 0.0, 0.1, 0.4], [0.95, 0.7, 0.95, 1.0]]
    assert rows(marks) == [[0.1, 0.2], [0.95, 0.9]]
    texts = [row for labels in parts(picture, hv.Labels) for row in rows(labels)]
    assert {(text, x > mark) for (x, _, text), mark in zip(texts, [0.1, 0.95], strict=True)} == {
        ("12", True),
        ("9", False),
    }, "printed on the side where there is room"


@pytest.mark.parametrize("bins", [0, 1])
def test_too_few_samples_are_said_to_be_too_few(bins, drawn):
    nothing = np.zeros(bins)
    picture = scores.calibration(nothing, nothing, np.zeros((bins, 2)), counts=nothing, positive="case", theme="light")
    (texts,) = parts(picture, hv.Labels)
    assert rows(texts)[0][2].replace("\n", " ") == scores.TOO_FEW
    drawn(picture)


def test_few_groups_are_all_named_and_sorted(drawn):
    picture = scores.influence(["p", "q", "r"], np.array([0.8, 0.6, 0.7]), whole=0.75, theme="light", unit="u")
    (dots,), (line,) = parts(picture, hv.Points), parts(picture, hv.VLine)
    assert rows(dots) == [[0.6, 2, "q"], [0.7, 1, "r"], [0.8, 0, "p"]]
    assert line.data == 0.75
    assert options(picture)["yticks"] == [(2, "q"), (1, "r"), (0, "p")]
    assert printed(drawn(picture)) == {2: "0.60", 1: "0.70", 0: "0.80"}


def test_of_many_groups_the_extremes_are_named(drawn):
    found = np.linspace(0.7, 0.8, 60)
    picture = scores.influence([f"P{i}" for i in range(60)], found, whole=0.75, theme="dark", unit="u")
    assert options(picture)["yticks"] == [(59, "P0"), (0, "P59")]
    assert printed(drawn(picture)) == {59: "0.70", 0: "0.80"}
    assert len(parts(picture, hv.Points)[0]) == 60


def test_nobody_left_out_is_said(drawn):
    picture = scores.influence([], np.zeros(0), whole=0.75, theme="light", unit="u")
    assert rows(parts(picture, hv.Labels)[0])[0][2].replace("\n", " ") == scores.NOBODY
    drawn(picture)


def test_a_band_lies_round_its_mean_and_each_line_is_named(drawn):
    x, found = np.array([8.0, 64.0]), np.array([[0.6, 0.5, 0.7], [0.8, 0.7, 0.9]])
    picture = scores.recovery(
        [("LOT", x, found, True), ("means", x, found, False)],
        xlabel="patients", unit="score", chance=0.5, theme="light", logx=True,
    )  # fmt: skip
    bands = parts(picture, hv.Area)
    lines = [line for line in parts(picture, hv.Curve) if not isinstance(line, hv.Area)]
    assert [band.dimension_values(1).tolist() for band in bands] == [[0.5, 0.7]] * 2
    assert [band.dimension_values(2).tolist() for band in bands] == [[0.7, 0.9]] * 2
    token = TOKENS["light"]
    assert [options(line, "style")["color"] for line in lines] == [token["accent"], token["ink2"]]
    assert len({options(line, "style")["line_dash"] for line in lines}) == 2
    named = printed(drawn(picture))
    assert set(named.values()) == {"LOT", "means"}
    lower, upper = sorted(named)
    assert upper - lower > 0.05, "two names are not printed over one another"
    assert options(picture)["xticks"] == [(8.0, "8"), (64.0, "64")]


@pytest.mark.parametrize(
    ("low", "high", "most"), [(0.37, 1, 9), (-3.2, 1, 9), (-8, 40, 4), (0, 0.02, 5), (-1e5, 1e5, 5), (0, 1e-9, 5)]
)
def test_ticks_are_few_and_round(low, high, most):
    ticks = scores._ticks(low, high, most=most)
    assert 1 <= len(ticks) <= most
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks)
    assert ticks == sorted(set(ticks))
