from __future__ import annotations

import holoviews as hv
import numpy as np
import pytest

from lotviz.views.tables import FAINTEST, MOST_PRINTED, confusion_table, shift_table, stability_table
from lotviz.views.theme import TOKENS, diverging, luminance, mix
from tests.views.conftest import THEMES, options, parts, rows

ODD = ["<img src=x onerror=alert(1)>", "a\"b'c", "患者 🧬", "%s {x} $y$", "n" * 300]


def texts(picture):
    """Return the words in a table by column and row, and their inks."""
    (labels,) = parts(picture, hv.Labels)
    return {(x, y): text for x, y, text, _ in rows(labels)}, {(x, y): ink for x, y, _, ink in rows(labels)}


def colours(cells):
    """Return the colour of each cell, in their order."""
    return list(cells.dimension_values("colour"))


@pytest.mark.parametrize("theme", THEMES)
def test_who_is_taken_for_whom_reads_from_row_to_column(theme, drawn):
    picture = confusion_table(["control", "case"], np.array([[18.0, 2.0], [7.0, 23.0]]), theme=theme)
    words, _inks = texts(picture)
    assert words == {(0, 0): "18\n90 %", (1, 0): "2\n10 %", (0, 1): "7\n23 %", (1, 1): "23\n77 %"}
    assert options(picture)["yticks"] == [(0, "control"), (1, "case")]
    assert options(picture)["invert_yaxis"] is True
    figure = drawn(picture)
    (beside,) = [axis for axis in figure.right if axis.name == "beside"]
    assert beside.major_label_overrides == {0: "of 20", 1: "of 30"}


def test_the_tint_is_the_share_of_the_class_not_the_count():
    picture = confusion_table(["rare", "common"], np.array([[9.0, 1.0], [10.0, 90.0]]), theme="light")
    cells, _frame = parts(picture, hv.Rectangles)
    rare, missed, taken, common = colours(cells)
    assert rare == common
    assert missed == taken
    assert luminance(rare) < luminance(missed)


def test_means_over_repeats_are_printed_with_a_digit():
    words, _inks = texts(confusion_table(list("abcde"), np.full((5, 5), 1.25), theme="light"))
    assert set(words.values()) == {"1.2"}, "five classes leave no room for shares"


@pytest.mark.parametrize("classes", [["only"], ODD])
def test_any_classes_are_drawn_even_without_samples(classes, drawn):
    drawn(confusion_table(classes, np.zeros((len(classes), len(classes))), theme="dark"))


def test_weights_have_the_colours_of_the_map_centred_at_zero():
    picture, cells = stability_table(["x", "y"], ["r", "s"], np.array([[1.0, -3.0], [0.0, 3.0]]), theme="light")
    palette = diverging("light")
    assert colours(cells)[1:] == [palette[0], palette[127], palette[254]]
    assert list(cells.dimension_values("region")) == ["r", "r", "s", "s"]
    assert list(cells.dimension_values("marker")) == ["x", "y", "x", "y"]
    words, _inks = texts(picture)
    assert words == {(0, 0): "+1.0", (1, 0): "−3.0", (0, 1): "·", (1, 1): "+3.0"}


@pytest.mark.parametrize("theme", THEMES)
def test_a_weight_whose_sign_is_a_toss_up_is_pale_and_carries_no_number(theme):
    weights, sure = np.array([[1.0, 1.0, 1.0]]), np.array([[0.5, 0.7, 0.95]])
    picture, cells = stability_table(["a", "b", "c"], ["r"], weights, stability=sure, theme=theme)
    paper, full = TOKENS[theme]["paper"], diverging(theme)[254]
    faint, between, kept = colours(cells)
    assert faint == mix(paper, full, FAINTEST)
    assert kept == full
    assert abs(luminance(faint) - luminance(paper)) < abs(luminance(between) - luminance(paper))
    assert texts(picture)[0] == {(2, 0): "+1.0"}
    assert list(cells.dimension_values("held")) == ["50 % of refits", "70 % of refits", "95 % of refits"]


def test_many_columns_carry_dots(drawn):
    d = MOST_PRINTED + 1
    picture, _cells = stability_table(
        [str(i) for i in range(d)], ["r"], np.ones((1, d)), stability=np.ones((1, d)), theme="light"
    )
    assert set(texts(picture)[0].values()) == {"•"}
    drawn(picture)


@pytest.mark.parametrize(("largest", "text"), [(0.0432, "+0.04"), (1.26, "+1.3"), (126.0, "+126"), (0.4, "+0.40")])
def test_weights_are_written_in_few_letters(largest, text):
    picture, _cells = stability_table(["a"], ["r"], np.array([[largest]]), theme="light")
    assert texts(picture)[0] == {(0, 0): text}


def test_the_chosen_row_is_framed(drawn):
    picture, cells = stability_table(["a", "b"], ["r", "s"], np.eye(2), highlighted=1, theme="light")
    first, frame = parts(picture, hv.Rectangles)
    assert first is cells
    assert rows(frame) == [[-0.5, 0.5, 1.5, 1.5]]
    assert options(frame, "style")["line_color"] == TOKENS["light"]["accent"]
    plain, _cells = stability_table(["a", "b"], ["r", "s"], np.eye(2), theme="light")
    assert rows(parts(plain, hv.Rectangles)[1]) == []
    drawn(picture)
    drawn(plain)


def test_cells_can_be_tapped_and_a_tap_fades_nothing(drawn):
    picture, cells = stability_table(["a", "b"], ["r", "s"], np.eye(2), theme="light")
    assert {"tap", "hover"} <= set(options(cells)["tools"])
    figure = drawn(picture)
    assert {type(tool).__name__ for tool in figure.toolbar.tools} == {"TapTool", "HoverTool"}
    assert figure.renderers[0].nonselection_glyph.fill_alpha == 1


@pytest.mark.parametrize("theme", THEMES)
def test_a_table_of_zeros_is_neutral_and_odd_names_are_drawn(theme, drawn):
    picture, cells = stability_table(ODD, ODD, np.zeros((5, 5)), stability=np.full((5, 5), 0.5), theme=theme)
    assert len(set(colours(cells))) == 1
    assert texts(picture)[0] == {}
    drawn(picture)


def test_words_can_be_read_on_their_ground():
    for theme in THEMES:
        values = np.linspace(-1, 1, 9)[None]
        picture, cells = stability_table([str(i) for i in range(9)], ["r"], values, theme=theme)
        _words, inks = texts(picture)
        for place, ground in enumerate(colours(cells)):
            lighter, darker = sorted((luminance(inks[place, 0]), luminance(ground)), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5


SHIFTS = np.array([[1.2, -0.3, 0.01], [np.nan, 0.6, -0.6]])
CLEAR = np.array([[True, False, True], [False, True, True]])


def shifts(**options):
    said = np.array([[f"{row}{column}" for column in range(3)] for row in range(2)], dtype=object)
    return shift_table(["x", "y", "z"], ["T", "B"], SHIFTS, clear=CLEAR, said=said, theme="light", **options)


def test_shifts_are_printed_where_they_are_clear_and_pale_where_they_are_not():
    picture, cells = shifts()
    grounds = list(cells.dimension_values("colour"))
    paper, palette = TOKENS["light"]["paper"], diverging("light")
    assert grounds[0] == palette[254]
    assert grounds[1] == mix(paper, palette[round(127 - 127 * 0.25)], FAINTEST)
    assert grounds[3] == paper
    (printed,) = parts(picture, hv.Labels)
    assert {(x, y): text for x, y, text, _ink in rows(printed)} == {
        (0, 0): "+1.2", (2, 0): "·", (1, 1): "+0.6", (2, 1): "−0.6"
    }  # fmt: skip
    assert list(cells.dimension_values("shift")) == ["00", "01", "02", "10", "11", "12"]


def test_row_and_column_of_the_shifts_are_framed_and_odd_names_drawn(drawn):
    picture, _cells = shifts(highlighted=(1, 2))
    frames = parts(picture, hv.Rectangles)[1]
    assert [list(row)[:4] for row in rows(frames)] == [[-0.5, 0.5, 2.5, 1.5], [1.5, -0.5, 2.5, 1.5]]
    drawn(picture)
    empty = np.full((1, 2), np.nan)
    nothing = shift_table(
        ["{x}", "<b>"], ["%s"], empty, clear=np.zeros((1, 2), bool), said=np.full((1, 2), ""), theme="dark"
    )
    drawn(nothing[0])
