from __future__ import annotations

import re

import numpy as np
import pytest

from lotviz.views.theme import (
    BLUE,
    MARKS,
    TOKENS,
    VERMILLION,
    bokeh_theme,
    diverging,
    group_colours,
    group_marks,
    mix,
    population_colours,
    rgba,
    sequential,
)
from tests.views.conftest import THEMES

READABLE = 4.5  # WCAG 2.2, level AA, for text of any size


def luminance(colour: str) -> float:
    """WCAG 2.2: relative luminance of a colour such as #0072B2."""
    shares = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_as_its_definition_says():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["paper", "rail"])
@pytest.mark.parametrize("text", ["ink", "ink2", "ink3", "accent", "warn", "k"])
def test_text_can_be_read_on_the_page_and_on_its_rails(theme, ground, text):
    assert contrast(TOKENS[theme][text], TOKENS[theme][ground]) >= READABLE


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("text", "ground"), [("warn", "warnbg"), ("ink", "warnbg"), ("accent", "tint")])
def test_text_can_be_read_on_its_own_ground(theme, text, ground):
    assert contrast(TOKENS[theme][text], TOKENS[theme][ground]) >= READABLE


def test_both_themes_have_the_same_tokens_all_of_them_colours():
    assert set(TOKENS["light"]) == set(TOKENS["dark"])
    assert all(re.fullmatch("#[0-9a-f]{6}", value) for token in TOKENS.values() for value in token.values())


@pytest.mark.parametrize("theme", THEMES)
def test_the_diverging_map_has_zero_in_its_middle(theme):
    colours = diverging(theme)
    assert len(colours) == 255
    assert colours[127] == TOKENS[theme]["mid"]
    assert len({colours[i] for i in (117, 127, 137)}) == 3, "a small value has its sign"
    assert colours[0].lower() == VERMILLION.lower()


@pytest.mark.parametrize("theme", THEMES)
def test_the_diverging_map_goes_from_red_to_blue_without_turning_back(theme):
    numbers = rgba(diverging(theme)).astype(int)
    balance = numbers[:, 2] - numbers[:, 0]
    assert (np.diff(balance) >= 0).all()
    assert balance[0] < 0 < balance[-1]


@pytest.mark.parametrize(("theme", "sign"), [("light", -1), ("dark", 1)])
def test_more_cells_stand_out_more(theme, sign):
    lights = np.array([luminance(colour) for colour in sequential(theme)])
    assert len(lights) == 256
    assert (sign * np.diff(lights) >= -2e-3).all(), "8-bit colours may step back by one"


@pytest.mark.parametrize("theme", THEMES)
def test_a_group_keeps_its_colour_when_groups_are_added_after_it(theme):
    few, many = [group_colours(list("abcdefghijkl")[:count], theme) for count in (3, 12)]
    assert few.items() <= many.items()
    assert [many[name] for name in "kl"] == [TOKENS[theme]["ink3"]] * 2


@pytest.mark.parametrize("theme", THEMES)
def test_two_groups_have_the_hues_of_the_diverging_map(theme):
    assert group_colours(["control", "case"], theme) == {"control": VERMILLION, "case": BLUE}


@pytest.mark.parametrize("theme", THEMES)
def test_the_first_ten_groups_and_eight_populations_differ(theme):
    assert len(set(group_colours(list("abcdefghijk"), theme).values())) == 11
    assert len(set(population_colours(list("abcdefgh"), theme).values())) == 8


@pytest.mark.parametrize("theme", THEMES)
def test_populations_never_take_the_hues_of_the_two_groups(theme):
    assert not {BLUE, VERMILLION} & set(population_colours([str(i) for i in range(12)], theme).values())


def test_groups_differ_by_more_than_colour():
    marks = group_marks([f"class {i}" for i in range(8)])
    assert list(marks.values()) == [*MARKS, *MARKS[:2]]


def test_names_are_only_names():
    odd = ["<b>", "", "患者", "a" * 500, "nan"]
    assert list(group_colours(odd, "light")) == list(group_marks(odd)) == list(population_colours(odd, "dark")) == odd


def test_no_groups_have_no_colours():
    assert group_colours([], "light") == group_marks([]) == population_colours([], "light") == {}


@pytest.mark.parametrize("share", [0, 0.25, 1])
def test_mixing_stays_between_its_ends(share):
    assert mix("#000000", "#ff8000", share) == f"#{round(255 * share):02x}{round(128 * share):02x}00"


def test_bytes_of_colours_are_opaque():
    assert rgba(["#010203", "#fffefd"]).tolist() == [[1, 2, 3, 255], [255, 254, 253, 255]]


@pytest.mark.parametrize("theme", THEMES)
def test_the_bokeh_theme_names_all_that_panel_would_override(theme):
    attributes = bokeh_theme(theme)._json["attrs"]
    assert {"Plot", "Axis", "Grid", "Title", "Legend", "ColorBar"} <= set(attributes)
    assert attributes["Plot"]["background_fill_color"] == TOKENS[theme]["paper"]
    assert attributes["Axis"]["major_label_text_color"] == TOKENS[theme]["ink3"]
