from __future__ import annotations

import holoviews as hv
import numpy as np
import pandas as pd
import pytest

from lotviz.views.biclusters import bicluster_map, change_table
from lotviz.views.maps import pairs_table, sample_map
from lotviz.views.theme import carrying
from tests.views.conftest import THEMES, options, parts, rows

VALUES = np.array([[0.5, -0.02, 0.3], [-0.4, 0.01, 0.0]])


@pytest.mark.parametrize("theme", THEMES)
def test_blocks_stand_together_with_a_line_between_them(theme):
    values = np.array([[1.0, -1, 1], [-1, 1, -1], [1, -1, 1]])
    orders, clusters = (np.array([0, 2, 1]), np.array([0, 2, 1])), (np.array([0, 1, 0]), np.array([0, 1, 0]))
    picture = bicluster_map(values, orders=orders, clusters=clusters, colours=["#111111"] * 3, theme=theme)
    (image,) = parts(picture, hv.RGB)
    colour = np.stack([image.dimension_values(name, flat=False) for name in "RGB"], axis=-1).reshape(3, 3, 3)
    assert len(np.unique(colour.reshape(-1, 3), axis=0)) == 2
    (lines,) = parts(picture, hv.Segments)
    assert [np.round(row, 3).tolist() for row in rows(lines)] == [[0, 0.333, 1, 0.333], [0.667, 0, 0.667, 1]]
    (bars,) = parts(picture, hv.Rectangles)
    assert len(bars) == 3
    hv.render(picture)


@pytest.mark.parametrize("theme", THEMES)
def test_small_changes_are_told_by_colour_and_what_does_not_stand_carries_no_number(theme):
    options = {"palette": carrying(theme), "theme": theme}
    plain = change_table(["a", "b", "c"], ["T", "B"], VALUES, **options)
    assert [text for *_, text, _ink in rows(parts(plain, hv.Labels)[0])] == ["+0.5", "+0.3", "−0.4"]
    stands = np.array([[False, True, False], [True, False, False]])
    some = change_table(["a", "b", "c"], ["T", "B"], VALUES, stands=stands, notes=np.full((2, 3), "p"), **options)
    assert [text for *_, text, _ink in rows(parts(some, hv.Labels)[0])] == ["−0.02", "−0.40"]
    hv.render(some)


def test_no_change_at_all_can_be_drawn():
    picture = change_table(["a"], ["T"], np.zeros((1, 1)), palette=carrying("light"), theme="light")
    hv.render(picture)


def test_newcomers_are_diamonds_within_the_frame_and_some_are_named():
    table = pd.DataFrame({"x": [0.0, 1], "y": [0.0, 1], "cells": 5, "colour": "a"}, index=["P1", "P2"])
    new = pd.DataFrame({"x": [9.0, 2], "y": [0.0, 0], "named": [True, False]}, index=["N1", "N2"])
    picture, _ = sample_map(table, groups=["a"], selected=[], axes=("1", "2"), theme="light", newcomers=new)
    assert len(parts(picture, hv.Points)[-1]) == 2
    assert [text for *_, text in rows(parts(picture, hv.Labels)[-1])] == ["new: N1"]
    assert hv.render(picture).x_range.end > 9


def test_a_line_stands_between_clusters_of_the_table_of_pairs():
    distances = np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0)))
    clusters = np.array([0, 0, 1, 1])
    picture = pairs_table(distances, np.arange(4), ["#000000"] * 4, theme="light", clusters=clusters)
    assert [list(row) for row in rows(parts(picture, hv.Segments)[0])] == [[2, 0, 2, 4], [0, 2, 4, 2]]


def test_columns_whose_names_begin_alike_are_told_apart():
    names = ["tuft_shape_solidity", "tuft_shape_circularity"]
    picture = change_table(names, ["T"], np.ones((1, 2)), palette=carrying("light"), theme="light")
    assert dict(options(picture)["xticks"]) == {0: "tuft…idity", 1: "tuft…arity"}


def test_a_small_change_that_stands_is_not_printed_as_nothing():
    options = {"palette": carrying("light"), "theme": "light", "stands": np.array([[True, True]])}
    picture = change_table(["a", "b"], ["T"], np.array([[0.25, -0.02]]), **options)
    (numbers,) = parts(picture, hv.Labels)
    assert list(numbers.dimension_values("text")) == ["+0.25", "−0.02"]
