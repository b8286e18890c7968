from __future__ import annotations

import holoviews as hv
import numpy as np
import pandas as pd
import pytest

from lotviz.views.maps import MAP_SHAPE, pairs_table, sample_map
from lotviz.views.streams import on_tap
from lotviz.views.theme import graded, rgba, sequential
from tests.views.conftest import THEMES, options, parts, rows
from tests.views.test_theme import luminance

AXES = ("LOT axis 1", "LOT axis 2")


def table(n=5, colour=None, seed=0):
    rng = np.random.default_rng(seed)
    names = [f'<P{i}> "it\'s"' for i in range(n)]
    columns = {
        "x": rng.normal(size=n),
        "y": rng.normal(size=n),
        "cells": np.arange(n) + 10,
        "colour": [["a", "b"][i % 2] for i in range(n)] if colour is None else colour,
    }
    return pd.DataFrame(columns, index=names)


def test_the_map_has_one_mark_per_sample_that_knows_its_name():
    given = table()
    picture, marks = sample_map(given, groups=["a", "b"], selected=[], axes=AXES, theme="light")
    assert [d.name for d in marks.kdims] == ["x", "y"]
    assert [d.name for d in marks.vdims] == ["sample", "colour", "cells", "shown"]
    assert list(marks.dimension_values("sample")) == list(given.index)
    assert (marks.dimension_values("x") == given["x"]).all()
    assert {"hover", "tap"} <= set(options(marks)["tools"])
    assert options(picture)["xlabel"], options(picture)["ylabel"] == AXES
    assert any(element is marks or element.id == marks.id for element in parts(picture, hv.Points))


def test_a_number_colours_by_its_rank_and_is_told_itself(drawn):
    given = table(colour=[0.0, 0.1, np.nan, 200.0, 0.1])
    picture, marks = sample_map(given, groups=None, selected=[], axes=AXES, theme="light")
    np.testing.assert_array_equal(marks.dimension_values("shown"), [0, 0.5, np.nan, 1, 0.5])
    np.testing.assert_array_equal(marks.dimension_values("colour"), given["colour"])
    assert luminance(graded("light")[0]) < 0.75 > luminance(graded("light")[-1])
    drawn(picture)


@pytest.mark.parametrize(("column", "told"), [("dose uM", ["sample", "dose uM", "cells"]), ("", ["sample", "cells"])])
def test_a_mark_tells_the_column_by_its_name(drawn, column, told):
    picture, marks = sample_map(table(), groups=["a", "b"], selected=[], axes=AXES, theme="light", coloured_by=column)
    assert [name for name, _ in options(marks)["hover_tooltips"]] == told
    drawn(picture)


def test_selected_samples_are_ringed_and_named():
    given = table()
    chosen = [given.index[1], given.index[3]]
    picture, _marks = sample_map(given, groups=["a", "b"], selected=chosen, axes=AXES, theme="light")
    _all, ring = parts(picture, hv.Points)
    assert np.allclose(ring.array(), given.loc[chosen, ["x", "y"]])
    rim, labels = parts(picture, hv.Labels)
    assert [text for *_, text in rows(labels)] == [text for *_, text in rows(rim)]
    assert {text for *_, text in rows(labels)} == set(chosen)
    assert "text_outline_color" in options(rim, "style")
    assert "text_outline_color" not in options(labels, "style"), "a rim lies over its letters"


def test_names_of_samples_that_are_near_stand_on_either_side():
    given = table()
    given.loc[given.index[:2], ["x", "y"]] = [[0.0, 0.0], [0.01, 0.0]]
    given.loc[given.index[3:], "x"] = [8.0, -5.0]
    chosen = list(given.index[[1, 0, 4]])
    picture, _marks = sample_map(given, groups=["a", "b"], selected=chosen, axes=AXES, theme="light")
    _rim, right, _other, left = parts(picture, hv.Labels)
    assert [options(each, "style")["text_align"] for each in (right, left)] == ["left", "right"]
    assert [text for *_, text in rows(right)] == [given.index[4], given.index[1]]
    ((x, _y, name),) = rows(left)
    assert name == given.index[0]
    assert x < 0.0


def test_a_name_by_the_right_edge_stands_on_the_left():
    given = table(3).set_axis(["a", "b", "VALIGA_0fuo352zh5"])
    given[["x", "y"]] = [[0.0, 0.0], [1.0, 1.0], [2.0, 0.5]]
    picture, _marks = sample_map(given, groups=["a", "b"], selected=[given.index[2]], axes=AXES, theme="light")
    left = parts(picture, hv.Labels)[-1]
    assert options(left, "style")["text_align"] == "right"
    assert [text for *_, text in rows(left)] == [given.index[2]]


def test_marks_of_many_samples_are_smaller():
    few, many = (sample_map(table(n), groups=["a", "b"], selected=[], axes=AXES, theme="light")[1] for n in (100, 600))
    assert options(many, "style")["size"] < options(few, "style")["size"]


def test_a_map_of_equal_scales_holds_every_sample():
    given = table(40)
    picture, _marks = sample_map(given, groups=["a", "b"], selected=[], axes=AXES, theme="light")
    chosen = options(picture)
    (x0, x1), (y0, y1) = chosen["xlim"], chosen["ylim"]
    assert chosen["data_aspect"] == 1
    assert (x1 - x0) / (y1 - y0) == pytest.approx(MAP_SHAPE)
    assert given["x"].between(x0, x1).all()
    assert given["y"].between(y0, y1).all()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    ("colour", "groups"),
    [
        (["a", "b", "a", "b", "a"], ["a", "b"]),
        (["a", None, "a", np.nan, "a"], ["a"]),
        (["<b>", "患者", "", "x" * 300, "nan"], ["<b>", "患者", "", "x" * 300, "nan"]),
        ([True, False, True, False, True], ["False", "True"]),
        ([np.nan] * 5, []),
        ([1.0, 2.0, np.nan, 4.0, 5.0], None),
        ([1, 2, 3, 4, 5], None),
        ([7.0] * 5, None),
        (list("abcde") , ["a", "b"]),
    ],
)  # fmt: skip
def test_any_column_can_colour_the_map(theme, colour, groups, drawn):
    picture, _marks = sample_map(table(colour=colour), groups=groups, selected=[], axes=AXES, theme=theme)
    drawn(picture)


@pytest.mark.parametrize("n", [1, 2])
def test_few_samples_or_samples_in_one_place_are_drawn(n, drawn):
    given = table(n).assign(x=0.0, y=0.0)
    picture, _marks = sample_map(given, groups=["a", "b"], selected=list(given.index), axes=AXES, theme="light")
    drawn(picture)


def test_a_tap_hands_on_the_row_of_the_mark():
    _picture, marks = sample_map(table(), groups=["a", "b"], selected=[], axes=AXES, theme="light")
    tapped = []
    on_tap(marks, tapped.append)
    (stream,) = [s for s in hv.streams.Stream.registry[marks] if isinstance(s, hv.streams.Selection1D)]
    stream.event(index=[3])
    stream.event(index=[])
    stream.event(index=[0, 2])
    assert tapped == [3, 2]


def distances(n=6, seed=0):
    places = np.random.default_rng(seed).normal(size=(n, 2))
    return np.linalg.norm(places[:, None] - places[None], axis=-1)


def test_pairs_are_drawn_in_their_order_near_is_the_strongest_colour():
    given, order = distances(), np.array([3, 1, 5, 0, 2, 4])
    picture = pairs_table(given, order, ["#000000"] * 6, theme="light")
    (heat,) = parts(picture, hv.RGB)
    image = np.dstack([heat.dimension_values(k, flat=False)[::-1] for k in "RGBA"])
    ordered = given[np.ix_(order, order)]
    palette = rgba(sequential("light")[::-1])
    assert (image == palette[np.clip(ordered / np.percentile(ordered, 99) * 255, 0, 255).astype(int)]).all()
    assert (image[np.arange(6), np.arange(6)] == palette[0]).all()


def test_the_group_of_each_row_and_column_stands_beside_it():
    order, colours = np.array([2, 0, 1]), ["#000001", "#000002", "#000003"]
    picture = pairs_table(distances(3), order, colours, theme="dark")
    (strips,) = parts(picture, hv.Rectangles)
    found = rows(strips)
    above = sorted((row for row in found if row[1] >= 3), key=lambda row: row[0])
    beside = sorted((row for row in found if row[0] >= 3), key=lambda row: -row[1])
    assert [row[-1] for row in above] == [row[-1] for row in beside] == ["#000003", "#000001", "#000002"]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_tables_of_few_or_equal_samples_are_drawn(theme, n, drawn):
    drawn(pairs_table(np.zeros((n, n)), np.arange(n), ["#000000"] * n, theme=theme))
