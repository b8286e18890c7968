"""Options that every picture shares, and the small hooks that reach what HoloViews does not expose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from textwrap import fill
from typing import Any

import holoviews as hv
from bokeh.models import FixedTicker, HoverTool, LassoSelectTool, LinearAxis, TapTool

from lotviz.views.theme import TOKENS, ThemeName

hv.extension("bokeh", logo=False)

Hook = Callable[[Any, Any], None]

POINTING = (HoverTool, TapTool, LassoSelectTool)

BASE: dict[str, Any] = {
    "responsive": True,
    "toolbar": None,
    "default_tools": [],
    "shared_axes": False,
    "axiswise": True,
    "framewise": True,
}


def styled(element: hv.Element | hv.Overlay, *hooks: Hook, **options: Any) -> hv.Element | hv.Overlay:
    """Give a finished picture the shared options, its hooks and its own options."""
    chosen = {**BASE, **options, "hooks": [still, *hooks]}
    if isinstance(element, hv.Overlay):
        return element.opts(hv.opts.Overlay(**chosen))
    return element.opts(**chosen)


def downwards(rows: Sequence[Any]) -> list[int]:
    """Return the height of each row: the first on top."""
    return list(range(len(rows)))[::-1]


def named_rows(
    picture: hv.Overlay, names: Sequence[str], *hooks: Hook, xlabel: str, **options: Any
) -> hv.Element | hv.Overlay:
    """Return a picture whose rows are named on its left, the first on top."""
    ticks = list(zip(downwards(names), map(clipped, names), strict=True))
    shared = {"ylabel": "", "yticks": ticks, "ylim": (-0.65, len(names) - 0.35), "show_grid": True}
    return styled(picture, flat, *hooks, xlabel=xlabel, **shared, **options)


def still(plot: Any, _element: Any) -> None:
    """Keep only the tools that point and choose: without a toolbar nothing would bring a moved picture back.

    An overlay takes over the default tools of its elements, whatever its own `default_tools` are.
    """
    toolbar = plot.state.toolbar
    toolbar.tools = [tool for tool in toolbar.tools if isinstance(tool, POINTING)]
    lassos = [tool for tool in toolbar.tools if isinstance(tool, LassoSelectTool)]
    toolbar.active_drag = lassos[0] if lassos else None
    toolbar.active_scroll = None


def bare(plot: Any, _element: Any) -> None:
    """Draw no axes and no grid."""
    figure = plot.state
    for axis in figure.axis:
        axis.visible = False
    for grid in figure.grid:
        grid.grid_line_color = None
    # A border of 0 leaves stale pixels on the outermost row and column of the frame.
    figure.min_border = 2
    for side in ("left", "right", "top", "bottom"):
        setattr(figure, f"min_border_{side}", 2)


def flat(plot: Any, _element: Any) -> None:
    """Draw one light grid, across the values, and no line on the axis of the categories."""
    figure = plot.state
    for axis in figure.yaxis:
        axis.axis_line_color = None
        axis.major_tick_line_color = None
    for grid in figure.ygrid:
        grid.grid_line_color = None


def unlined(plot: Any, _element: Any) -> None:
    """Draw both axes as words only: the cells of a table carry the lines."""
    for axis in plot.state.axis:
        axis.axis_line_color = None
        axis.major_tick_line_color = None


def labelled(size: str = "11px", *, only: str = "both") -> Hook:
    """Return a hook that sets the size of the tick labels of one axis or both."""

    def hook(plot: Any, _element: Any) -> None:
        figure = plot.state
        axes = {"x": figure.xaxis, "y": figure.yaxis, "both": figure.axis}[only]
        for axis in axes:
            axis.major_label_text_font_size = size

    return hook


def slanted(names: Sequence[str]) -> Hook:
    """Return a hook that keeps room on the right for the last of the slanted names above a table.

    Without it the name is pushed to the left, over the one before.
    """

    def hook(plot: Any, _element: Any) -> None:
        plot.state.min_border_right = 4 * len(names[-1]) if names else 0

    return hook


def beside(rows: Sequence[tuple[float, str]], colour: str) -> Hook:
    """Return a hook that prints words to the right of a picture, each at its height.

    They are the labels of an axis, so the picture makes room for them at any size: text within would be cut.
    """

    def hook(plot: Any, _element: Any) -> None:
        figure = plot.state
        figure.right = [axis for axis in figure.right if axis.name != "beside"]
        axis = LinearAxis(
            name="beside",
            ticker=FixedTicker(ticks=[height for height, _ in rows]),
            major_label_overrides=dict(rows),
            major_label_text_color=colour,
            major_label_text_font_size="12px",
            axis_line_color=None,
            major_tick_line_color=None,
        )
        figure.add_layout(axis, "right")

    return hook


def nothing(sentence: str, theme: ThemeName, *, width: int = 44) -> hv.Overlay:
    """Return a picture without marks that says why in words."""
    text = words([(0.5, 0.5, fill(sentence, width))], TOKENS[theme]["ink2"], size="12px", text_align="center")
    return styled(hv.Overlay([text]), bare, xaxis=None, yaxis=None, xlabel="", ylabel="", xlim=(0, 1), ylim=(0, 1))


def signed(value: float, digits: int = 2) -> str:
    """Write a number with its sign and a real minus; what rounds to zero has none.

    Examples
    --------
    >>> signed(-1.25)
    '−1.25'
    >>> signed(3, 0)
    '+3'
    >>> signed(-0.001)
    '0.00'
    """
    sign = "+" if round(value, digits) else ""
    return f"{value:{sign}z.{digits}f}".replace("-", "−")


def clipped(text: str, most: int = 24) -> str:
    """Shorten a name that would push its picture aside.

    Examples
    --------
    >>> clipped("a name of more than a few words", 12)
    'a name of m…'
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"


def told_apart(names: Sequence[str], most: int) -> list[str]:
    """Shorten names; in their middle where names that differ would come to look alike.

    Examples
    --------
    >>> told_apart(["CD3", "a long name"], 8)
    ['CD3', 'a long …']
    >>> told_apart(["tuft_shape_solidity", "tuft_shape_circularity"], 10)
    ['tuft…idity', 'tuft…arity']
    """
    short = [clipped(name, most) for name in names]
    if len(set(short)) == len(set(names)):
        return short
    end = most // 2
    return [name if len(name) <= most else f"{name[: most - 1 - end]}…{name[-end:]}" for name in names]


def words(rows: Iterable[tuple[float, float, str]], colour: str, *, size: str = "11px", **options: Any) -> hv.Labels:
    """Return labels set at (x, y); left-aligned unless said otherwise."""
    return hv.Labels(list(rows), ["x", "y"], "text").opts(
        text_font_size=size, text_color=colour, **{"text_align": "left", **options}
    )
