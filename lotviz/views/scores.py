"""How well the groups separate, in pictures: scores beside baselines, errors by class, trust in probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import holoviews as hv
import numpy as np

from lotviz.analysis.curves import CALIBRATED
from lotviz.views.style import beside, clipped, downwards, flat, named_rows, nothing, signed, styled, words
from lotviz.views.theme import TOKENS, ThemeName

CHANCE = "dashed"
DASHES = ("solid", "dashed", "dotted", "dotdash", "dashdot")
MOST_NAMED = 16  # rows that can each carry a name; of more only the extremes do
NOBODY = "No group was left out: too few or too many of them."
TOO_FEW = f"Too few samples: of fewer than {CALIBRATED} a calibration curve would show chance."


def forest(
    rows: Sequence[tuple[str, float, float, float, bool]], *, chance: float, theme: ThemeName, unit: str
) -> hv.Overlay:
    """Return scores with their intervals, the numbers printed beside them, and a dashed line for chance.

    Parameters
    ----------
    rows
        Name, score, low and high end of the interval, and whether it is our own method (drawn in the accent).
    chance
        The score of guessing.
    theme
        Light or dark.
    unit
        What the axis says.
    """
    token = TOKENS[theme]
    ys = downwards(rows)
    lines = [
        (low, y, high, y, token["accent"] if ours else token["axis"])
        for y, (_, _, low, high, ours) in zip(ys, rows, strict=True)
        if high > low
    ]
    marks = [
        (score, y, token["accent"] if ours else token["ink2"])
        for y, (_, score, _, _, ours) in zip(ys, rows, strict=True)
    ]
    printed = [
        (y, f"{_plain(score)}  ({_plain(low)}–{_plain(high)})" if high > low else _plain(score))
        for y, (_, score, low, high, _) in zip(ys, rows, strict=True)
    ]
    picture = (
        hv.VLine(chance).opts(color=token["ink3"], line_width=1, line_dash=CHANCE)
        * hv.Segments(lines, vdims="colour").opts(color="colour", line_width=2)
        * hv.Points(marks, vdims="colour").opts(color="colour", size=9, line_color=None)
    )
    left = min([low for _, _, low, _, _ in rows] + [chance]) - 0.05
    right = max([high for _, _, _, high, _ in rows] + [1.0]) + 0.03
    limits = {"xlim": (left, right), "xticks": _ticks(left, min(right, 1.0))}
    return named_rows(picture, [name for name, *_ in rows], beside(printed, token["ink"]), xlabel=unit, **limits)


def differences(
    rows: Sequence[tuple[str, float, float, float]],
    *,
    theme: ThemeName,
    unit: str,
    ours: str = "LOT",
    digits: int = 0,
) -> hv.Overlay:
    """Return by how much our method is better than each other one, with intervals and a line at zero.

    A full mark is a difference whose interval leaves zero out; a hollow one is not established.

    Parameters
    ----------
    rows
        Name of the other method, difference, low and high end of its interval, in the unit of the axis.
    theme
        Light or dark.
    unit
        What is counted, such as "points of balanced accuracy".
    ours
        What our method is called.
    digits
        Of the printed numbers.
    """
    token = TOKENS[theme]
    ys = downwards(rows)
    lines, marks, printed = [], [], []
    for y, (_, gain, low, high) in zip(ys, rows, strict=True):
        colour = token["accent"] if low > 0 else token["ink2"]
        established = low > 0 or high < 0
        lines.append((low, y, high, y, colour if established else token["axis"]))
        marks.append((gain, y, colour if established else token["paper"], colour))
        printed.append((y, f"{signed(gain, digits)}  ({signed(low, digits)} to {signed(high, digits)})"))
    picture = (
        hv.VLine(0).opts(color=token["ink3"], line_width=1)
        * hv.Segments(lines, vdims="colour").opts(color="colour", line_width=2)
        * hv.Points(marks, vdims=["fill", "line"]).opts(color="fill", line_color="line", size=9, line_width=1.6)
    )
    left, right = min([0.0, *(low for _, _, low, _ in rows)]), max([0.0, *(high for _, _, _, high in rows)])
    room = 0.06 * (right - left) or 1.0
    return named_rows(
        picture,
        [name for name, *_ in rows],
        beside(printed, token["ink"]),
        xlabel=f"← other better      {unit}      {ours} better →",
        xlim=(left - room, right + room),
        xticks=_ticks(left - room, right + room, most=4),
    )


def roc(
    curves: Sequence[tuple[str, np.ndarray, np.ndarray, tuple[float, float, float]]],
    colours: Sequence[str],
    *,
    theme: ThemeName,
) -> hv.Overlay:
    """Return the share of each class that is found against the share of the others that is named so as well.

    The area below a curve is printed; that of a single one with its interval, of several with the name.

    Parameters
    ----------
    curves
        Name of the class, the share of the others named so (k,), the share of the class found (k,), both rising from
        0 to 1; and the area below with the low and high end of its interval.
    colours
        One a curve; the curves differ in their dashes as well.
    theme
        Light or dark.
    """
    token = TOKENS[theme]
    alone = len(curves) == 1
    lines, keys, texts = [], [], []
    for place, ((name, others, found, (area, low, high)), colour) in enumerate(zip(curves, colours, strict=True)):
        line = {"color": colour, "line_width": 2, "line_dash": DASHES[place % len(DASHES)]}
        y = 0.05 + 0.085 * (len(curves) - 1 - place)
        lines.append(hv.Curve((others, found)).opts(**line))
        keys.append(hv.Segments([] if alone else [(0.89, y, 0.99, y)]).opts(**line))
        words_ = (
            f"AUC {_plain(area)} ({_plain(low)}–{_plain(high)})" if alone else f"{clipped(name, 14)} {_plain(area)}"
        )
        texts.append((0.99 if alone else 0.86, y, words_))
    if not alone:
        texts.append((0.99, 0.05 + 0.085 * len(curves), "area below"))
    diagonal = hv.Segments([(0, 0, 1, 1)]).opts(color=token["ink3"], line_width=1, line_dash=CHANCE)
    return styled(
        hv.Overlay([diagonal, *lines, *keys, words(texts, token["ink"], text_align="right")]),
        xlabel="share of the others named so",
        ylabel="share of the class found",
        **_square(),
    )


def calibration(
    predicted: np.ndarray,
    observed: np.ndarray,
    intervals: np.ndarray,
    *,
    counts: np.ndarray,
    positive: str,
    theme: ThemeName,
) -> hv.Overlay:
    """Return how often a class was right against how often it was said to be; the diagonal is honest.

    Parameters
    ----------
    predicted
        Mean probability of each bin, shape (k,).
    observed
        Share of its samples that are of the class, shape (k,).
    intervals
        Low and high end of the interval of that share, shape (k, 2).
    counts
        Samples in each bin, shape (k,), printed beside its mark.
    positive
        The class.
    theme
        Light or dark.
    """
    if len(predicted) < 2:
        return nothing(TOO_FEW, theme)
    token = TOKENS[theme]
    sides = [("left", 0.045) if x < 0.8 else ("right", -0.045) for x in predicted]
    texts = {side: [] for side in ("left", "right")}
    for x, y, count, (side, step) in zip(predicted, observed, counts, sides, strict=True):
        texts[side].append((x + step, y, f"{count:.0f}"))
    picture = (
        hv.Segments([(0, 0, 1, 1)]).opts(color=token["ink3"], line_width=1, line_dash=CHANCE)
        * hv.Segments([(x, low, x, high) for x, (low, high) in zip(predicted, intervals, strict=True)]).opts(
            color=token["accent"], line_width=2
        )
        * hv.Points(np.column_stack([predicted, observed])).opts(color=token["accent"], size=9, line_color=None)
        * words(texts["left"], token["ink"])
        * words(texts["right"], token["ink"], text_align="right")
    )
    name = clipped(positive, 20)
    return styled(picture, xlabel=f"probability of {name} that was said", ylabel=f"share that is {name}", **_square())


def influence(names: Sequence[str], scores: np.ndarray, *, whole: float, theme: ThemeName, unit: str) -> hv.Overlay:
    """Return the score when one group is left out, a dot for each group, sorted; a line where none is left out.

    Few groups are all named, of many the two at the ends.

    Parameters
    ----------
    names
        The groups.
    scores
        The score without each, shape (n,).
    whole
        The score of all of them.
    theme
        Light or dark.
    unit
        What the axis says.
    """
    if not len(scores):
        return nothing(NOBODY, theme)
    token = TOKENS[theme]
    order = np.argsort(scores, kind="stable")
    ys = downwards(order)
    dots = [(float(scores[i]), y, names[i]) for i, y in zip(order, ys, strict=True)]
    told = dots if len(dots) <= MOST_NAMED else [dots[0], dots[-1]]
    left, right = min(whole, dots[0][0]), max(whole, dots[-1][0])
    room = max(0.08 * (right - left), 0.01)
    picture = (
        hv.VLine(whole).opts(color=token["ink3"], line_width=1, line_dash=CHANCE)
        * hv.Segments([(whole, y, x, y) for x, y, _ in dots]).opts(color=token["axis"], line_width=1)
        * hv.Points(dots, vdims="group").opts(color=token["ink2"], size=7, line_color=None, tools=["hover"])
    )
    return styled(
        picture,
        flat,
        beside([(y, _plain(x)) for x, y, _ in told], token["ink"]),
        xlabel=unit,
        ylabel="",
        yticks=[(y, clipped(name, 18)) for _, y, name in told],
        xlim=(left - room, right + room),
        xticks=_ticks(left - room, right + room, most=5),
        ylim=(-0.05 * len(dots) - 0.5, 1.05 * len(dots) - 0.5),
        show_grid=True,
    )


def recovery(
    curves: Sequence[tuple[str, np.ndarray, np.ndarray, bool]],
    *,
    xlabel: str,
    unit: str,
    chance: float,
    theme: ThemeName,
    logx: bool = False,
) -> hv.Overlay:
    """Return how a score grows with the number of patients, or with the size of an effect, in bands.

    Parameters
    ----------
    curves
        Name, places (k,), mean with the low and high end of its band at each (k, 3), and whether it is our own method.
    xlabel, unit
        What the axes say.
    chance
        The score of guessing, dashed.
    theme
        Light or dark.
    logx
        Whether the places grow by factors.
    """
    token = TOKENS[theme]
    bands, lines, texts = [], [], []
    for place, (name, x, found, ours) in enumerate(curves):
        colour = token["accent"] if ours else token["ink2"]
        bands.append(
            hv.Area((x, found[:, 1], found[:, 2]), vdims=["low", "high"]).opts(color=colour, alpha=0.16, line_alpha=0)
        )
        dash = "solid" if ours else DASHES[1 + place % (len(DASHES) - 1)]
        lines.append(hv.Curve((x, found[:, 0])).opts(color=colour, line_width=2, line_dash=dash))
        lines.append(hv.Points(np.column_stack([x, found[:, 0]])).opts(color=colour, size=6, line_color=None))
        texts.append((float(found[-1, 0]), clipped(name, 20)))
    places = np.unique(np.concatenate([x for _, x, _, _ in curves]))
    low = min([chance, *(float(found.min()) for _, _, found, _ in curves)])
    high = max([1.0, *(float(found.max()) for _, _, found, _ in curves)])
    ground = hv.HLine(chance).opts(color=token["ink3"], line_width=1, line_dash=CHANCE)
    return styled(
        hv.Overlay([ground, *bands, *lines]),
        beside(_apart(texts, 0.13 * (high - low)), token["ink"]),
        xlabel=xlabel,
        ylabel=unit,
        xticks=[(float(x), f"{x:g}") for x in places],
        ylim=(low - 0.04 * (high - low), high + 0.04 * (high - low)),
        logx=logx,
        show_grid=True,
    )


def _plain(value: float) -> str:
    """Write a score with two digits and a real minus."""
    return f"{value:.2f}".replace("-", "−")


def _ticks(low: float, high: float, *, most: int = 9) -> list[float]:
    """Return at most so many round places between two numbers."""
    steps = [digit * 10.0**power for power in range(-3, 9) for digit in (1, 2, 5)]
    step = next((step for step in steps if (high - low) / step < most), high - low)
    return [round(step * i, 3) for i in range(int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9)) + 1)]


def _apart(rows: Sequence[tuple[float, str]], least: float) -> list[tuple[float, str]]:
    """Move the words at the ends of lines so far apart that they can be read, the lowest first."""
    placed: list[tuple[float, str]] = []
    for height, text in sorted(rows):
        placed.append((max(height, placed[-1][0] + least) if placed else height, text))
    return placed


def _square() -> dict[str, Any]:
    """Return the options of a picture of two shares."""
    ticks = [(share, f"{share:g}") for share in (0, 0.25, 0.5, 0.75, 1)]
    return {"xlim": (-0.02, 1.02), "ylim": (-0.02, 1.02), "xticks": ticks, "yticks": ticks, "show_grid": True}
