"""Colours, type and the Bokeh theme: the one place where the look of every picture is decided.

The two groups of a cohort own blue and vermillion, so every diverging map runs vermillion, neutral, blue, and a
cell that pulls towards a group has that group's hue. The accent means "selected" or "now", never a category.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from bokeh.themes import Theme

ThemeName = Literal["light", "dark"]

# A family that Windows, macOS and bare Linux all have; system-ui would be the much wider DejaVu Sans on Linux.
FONT = '-apple-system, "Segoe UI", "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif'

TOKENS: dict[str, dict[str, str]] = {
    "light": {
        "paper": "#ffffff",
        "rail": "#fafaf9",
        "hover": "#f2f2f0",
        "line": "#e6e6e2",
        "axis": "#c9cbcd",
        "grid": "#f0f0ee",
        "ink": "#1c1e21",
        "ink2": "#5c6269",
        "ink3": "#6d737a",
        "accent": "#4350af",
        "tint": "#eef0fa",
        "warn": "#8a5a00",
        "warnbg": "#fdf6e7",
        "mid": "#d9dadb",
        "faint": "#cfd2d6",
        "k": "#4d5157",
    },
    "dark": {
        "paper": "#16181b",
        "rail": "#1b1e22",
        "hover": "#23272c",
        "line": "#2b2f35",
        "axis": "#4a5058",
        "grid": "#22262b",
        "ink": "#e8eaed",
        "ink2": "#a9b0b8",
        "ink3": "#8d949c",
        "accent": "#a3adff",
        "tint": "#262a44",
        "warn": "#e8b85a",
        "warnbg": "#2b2518",
        "mid": "#4a4e54",
        "faint": "#474c53",
        "k": "#d0d3d8",
    },
}

# Okabe and Ito's colours, told apart by all common kinds of colour vision. Yellow is left out: 1.3:1 on white.
ORANGE, SKY, GREEN, BLUE, VERMILLION, PINK = (
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
MARKS = ("circle", "triangle", "square", "diamond", "inverted_triangle", "hex")


def mix(one: str, other: str, share: float) -> str:
    """Return the colour `share` of the way from `one` to `other`.

    Examples
    --------
    >>> mix("#000000", "#ffffff", 0.5)
    '#808080'
    """
    start, end = (np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) for colour in (one, other))
    red, green, blue = np.rint(start + (end - start) * share).astype(int)
    return f"#{red:02x}{green:02x}{blue:02x}"


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, 0 to 1 (WCAG 2.2)."""
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def readable(ground: str, inks: Sequence[str]) -> str:
    """Return the ink that stands out most from the ground.

    Examples
    --------
    >>> readable("#202060", ("#000000", "#ffffff"))
    '#ffffff'
    """

    def contrast(ink: str) -> float:
        lighter, darker = sorted((luminance(ink), luminance(ground)), reverse=True)
        return (lighter + 0.05) / (darker + 0.05)

    return max(inks, key=contrast)


def diverging(theme: ThemeName) -> list[str]:
    """Return 255 colours, vermillion to blue; number 127 is exactly zero, the theme's neutral.

    In the dark theme the blue end is lighter, or it would sink into the ground.
    """
    neutral = TOKENS[theme]["mid"]
    blue = BLUE if theme == "light" else "#3d9fdc"
    steps = np.arange(127) / 127
    negative = [mix(VERMILLION, neutral, step**0.8) for step in steps]
    positive = [mix(neutral, blue, (step + 1 / 127) ** 1.25) for step in steps]
    return [*negative, neutral, *positive]


def carrying(theme: ThemeName) -> list[str]:
    """Return 255 colours of what carries a gap, the accent, and of what works against it, grey; zero in the middle."""
    token = TOKENS[theme]
    ends = (token["ink3"], token["accent"])
    return [mix(token["mid"], ends[step > 127], abs(step - 127) / 127) for step in range(255)]


def sequential(theme: ThemeName) -> list[str]:
    """Return 256 colours for counts, from nearly paper over the accent to nearly black (light) or white (dark)."""
    token = TOKENS[theme]
    paper, accent = token["paper"], token["accent"]
    stops = [
        mix(paper, accent, 0.12),
        mix(paper, accent, 0.55),
        accent,
        mix(accent, "#12153a" if theme == "light" else "#ffffff", 0.7),
    ]
    places = np.linspace(0, 2.9999, 256)
    return [mix(stops[int(place)], stops[int(place) + 1], place % 1) for place in places]


def graded(theme: ThemeName) -> list[str]:
    """Return the colours of a number of a sample, from low to high: the lowest can be seen as well."""
    return sequential(theme)[72:]


_MORE = ("#8c6bb1", "#a6761d", "#66a61e")  # purple, brown, olive
OWN_COLOURS = 10  # groups that have one


def group_colours(groups: Sequence[str], theme: ThemeName) -> dict[str, str]:
    """Give each group its colour for good; those after `OWN_COLOURS` share grey.

    Of two groups the first, which negative scores speak for, owns vermillion and the second blue, as on every
    diverging map.

    Examples
    --------
    >>> group_colours(["control", "case"], "light")
    {'control': '#D55E00', 'case': '#0072B2'}
    """
    token = TOKENS[theme]
    palette = [BLUE, VERMILLION, GREEN, ORANGE, PINK, SKY, token["k"], *_MORE]
    if len(groups) == 2:
        palette = [VERMILLION, BLUE]
    return {group: palette[i] if i < OWN_COLOURS else token["ink3"] for i, group in enumerate(groups)}


def group_marks(groups: Sequence[str]) -> dict[str, str]:
    """Give each group a mark of its own, so that colour is never alone."""
    return {group: MARKS[i % len(MARKS)] for i, group in enumerate(groups)}


def population_colours(populations: Sequence[str], theme: ThemeName) -> dict[str, str]:
    """Give each population its colour; the hues of the two groups are not used, a ninth and later are grey."""
    token = TOKENS[theme]
    palette = [ORANGE, SKY, GREEN, PINK, token["k"], *_MORE]
    return {name: palette[i] if i < len(palette) else token["faint"] for i, name in enumerate(populations)}


def rgba(colours: Sequence[str]) -> np.ndarray:
    """Return colours as (n, 4) bytes, all opaque."""
    return np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] + [255] for c in colours], np.uint8)


def bokeh_theme(theme: ThemeName) -> Theme:
    """Return the theme of every figure.

    Axis, Grid, Title, Legend and ColorBar are all named, because Panel overrides in the browser whichever of them
    the document's theme leaves out.
    """
    token = TOKENS[theme]
    small = {"font": FONT, "font_size": "11px"}
    return Theme(
        json={
            "attrs": {
                "Plot": {
                    "background_fill_color": token["paper"],
                    "border_fill_color": token["paper"],
                    "outline_line_color": None,
                    "min_border": 4,
                    "min_border_left": 4,
                    "min_border_right": 8,
                    "min_border_top": 4,
                },
                "Axis": {
                    "axis_line_color": token["axis"],
                    "axis_line_alpha": 1,
                    "major_tick_line_color": token["axis"],
                    "major_tick_in": 0,
                    "major_tick_out": 3,
                    "minor_tick_line_color": None,
                    "major_label_standoff": 4,
                    "axis_label_standoff": 6,
                    **_text("major_label", token["ink3"], **small),
                    **_text("axis_label", token["ink2"], font_style="normal", **small),
                },
                "Grid": {"grid_line_color": token["grid"], "grid_line_alpha": 1},
                "Title": {
                    "text_font": FONT,
                    "text_font_style": "normal",
                    "text_font_size": "12px",
                    "text_color": token["ink"],
                    "offset": 0,
                },
                "Legend": {
                    "background_fill_alpha": 0,
                    "border_line_alpha": 0,
                    "padding": 0,
                    "margin": 0,
                    "spacing": 4,
                    "glyph_width": 10,
                    "glyph_height": 10,
                    **_text("label", token["ink2"], **small),
                },
                "ColorBar": {
                    "background_fill_alpha": 0,
                    "bar_line_alpha": 0,
                    "major_tick_line_alpha": 0,
                    "minor_tick_line_alpha": 0,
                    "padding": 2,
                    "label_standoff": 4,
                    **_text("major_label", token["ink3"], **small),
                    **_text("title", token["ink2"], font_style="normal", **small),
                },
                # A bare string would be read as the name of a column.
                "Text": {"text_font": {"value": FONT}, "text_font_style": {"value": "normal"}},
            }
        }
    )


def _text(prefix: str, colour: str, **font: str) -> dict[str, str]:
    """Return the properties of one kind of label of an axis, a legend or a colour bar."""
    return {f"{prefix}_text_color": colour, **{f"{prefix}_text_{key}": value for key, value in font.items()}}
