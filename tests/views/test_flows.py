from __future__ import annotations

import itertools

import holoviews as hv
import numpy as np
import pytest

from lotviz.views.flows import BLOCK, FADED, FULL, GAP, PALE, becomes_table, flow_ribbons, flows_drawn
from tests.views.conftest import THEMES, options, parts, rows
from tests.views.test_charts import ODD

NAMES, COLOURS = ["T", "B", "NK"], ["#111111", "#222222", "#333333"]
VALUES = np.array([[40.0, 10.0, 0.1], [0.0, 29.9, 0.0], [5.0, 0.0, 15.0]])


def ribbons(**options):
    picture, flows = flow_ribbons(NAMES, VALUES, colours=COLOURS, theme="light", **options)
    return picture, flows.split(datatype="dictionary")


def test_a_ribbon_is_as_wide_as_its_mass_at_both_ends_and_lies_within_its_blocks():
    picture, found = ribbons()
    drawn = flows_drawn(VALUES)
    assert [(r["from"], r["to"]) for r in found] == [(NAMES[i], NAMES[j]) for i, j in drawn]
    (blocks,) = parts(picture, hv.Rectangles)
    left, right = rows(blocks)[:3], rows(blocks)[3:]
    for ribbon, (i, j) in zip(found, drawn, strict=True):
        for x, block in ((BLOCK, left[i]), (1 - BLOCK, right[j])):
            ys = ribbon["y"][np.isclose(ribbon["x"], x)]
            assert ys.max() - ys.min() == pytest.approx(VALUES[i, j])
            assert block[1] - 1e-9 <= ys.min() and ys.max() <= block[3] + 1e-9


def test_blocks_are_the_shares_from_the_top_with_gaps():
    picture, _found = ribbons()
    (blocks,) = parts(picture, hv.Rectangles)
    for side, shares in ((rows(blocks)[:3], VALUES.sum(axis=1)), (rows(blocks)[3:], VALUES.sum(axis=0))):
        assert side[0][3] == 100
        assert [block[3] - block[1] for block in side] == pytest.approx(shares)
        assert [side[k][1] - side[k + 1][3] for k in range(2)] == pytest.approx([GAP, GAP])


def test_ribbons_that_share_a_block_fill_it_without_lying_over_one_another():
    _picture, found = ribbons()
    at_left = [(r["y"][np.isclose(r["x"], BLOCK)].min(), r["y"][np.isclose(r["x"], BLOCK)].max()) for r in found]
    at_left.sort(reverse=True)
    assert all(upper[0] >= lower[1] - 1e-9 for upper, lower in itertools.pairwise(at_left))


def test_the_ribbons_of_a_population_stand_out():
    assert {r["shown"] for r in ribbons()[1]} == {PALE}
    shown = {(r["from"], r["to"]): r["shown"] for r in ribbons(highlighted=1)[1]}
    assert shown == {("T", "T"): FADED, ("T", "B"): FULL, ("B", "B"): FULL, ("NK", "T"): FADED, ("NK", "NK"): FADED}


def test_large_blocks_are_named_with_their_share():
    picture, _found = ribbons()
    before, after = parts(picture, hv.Labels)
    assert [row[2] for row in rows(before)] == ["T 50 %", "B 30 %", "NK 20 %"]
    assert [row[2] for row in rows(after)] == ["45 %", "40 %", "15 %"]


def test_who_becomes_whom_reads_from_row_to_column():
    picture, cells = becomes_table(["T", "B"], np.array([[50.0, 0.2], [10.0, 39.8]]), theme="light")
    assert [tuple(row[5:8]) for row in rows(cells)] == [
        ("T", "T", "50.00 %"), ("T", "B", "0.20 %"), ("B", "T", "10.00 %"), ("B", "B", "39.80 %"),
    ]  # fmt: skip
    (printed,) = parts(picture, hv.Labels)
    assert {(x, y): text for x, y, text, _ink in rows(printed)} == {
        (0, 0): "50",
        (1, 0): "·",
        (0, 1): "10",
        (1, 1): "40",
    }
    assert options(picture)["yticks"] == [(0, "T  1"), (1, "B  2")]
    assert options(picture)["invert_yaxis"] is True


def test_row_and_column_of_a_population_are_framed():
    picture, _cells = becomes_table(NAMES, VALUES, theme="dark", highlighted=1)
    frames = parts(picture, hv.Rectangles)[1]
    assert [list(row)[:4] for row in rows(frames)] == [[-0.5, 0.5, 2.5, 1.5], [0.5, -0.5, 1.5, 2.5]]


def test_long_names_leave_the_table_its_room_and_are_whole_under_the_mouse():
    names = ["CD3 CD8 CD127 CD45RA", "CD3 CD8 CD127 CD45RO", "B"]
    picture, cells = becomes_table(names, VALUES, theme="light")
    ticks = [text.rpartition("  ")[0] for _place, text in options(picture)["yticks"]]
    assert len(set(ticks)) == 3
    assert max(map(len, ticks)) <= 18
    assert {row[5] for row in rows(cells)} == set(names)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("value", [0.0, 4.0])
def test_both_are_drawn_whatever_the_names(theme, value, drawn):
    square = np.full((len(ODD), len(ODD)), value)
    picture, _marks = flow_ribbons(ODD, square, colours=["#123456"] * len(ODD), theme=theme, highlighted=0)
    drawn(picture)
    drawn(becomes_table(ODD, square, theme=theme, highlighted=0)[0])
    drawn(becomes_table(["only"], np.ones((1, 1)), theme=theme)[0])
