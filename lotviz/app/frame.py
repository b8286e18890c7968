"""The pieces a page is laid out with: question, picture, grid, drawer controls. White space does the grouping."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui

from lotviz.app.choices import Choices
from lotviz.app.look import STYLESHEET
from lotviz.data import Problem
from lotviz.views.style import clipped

WIDE = {"sizing_mode": "stretch_width"}
FULL = {"sizing_mode": "stretch_both", "margin": 0}
LONG = 320  # letters of a problem that are shown before the rest is folded
MOST_FOLDED = 200  # problems that are kept below a fold


@dataclass(frozen=True)
class Live:
    """A pane and how its content follows from the state.

    Parameters
    ----------
    pane
        What is shown; None where `compute` only has an effect.
    compute
        Returns the pane's new content; called when the page opens and when a choice it depends on changes.
    depends
        Names of choices.
    late
        Computed once the rest of the page is on the screen.
    """

    pane: Any
    compute: Callable[[], Any]
    depends: tuple[str, ...] = ()
    late: bool = False


@dataclass
class Page:
    """What a page shows: its question with the answer, its body, its drawer, and what in them is live."""

    head: Any = None
    body: Any = None
    drawer: list[Any] = field(default_factory=list)
    live: list[Live] = field(default_factory=list)

    def html(self, compute: Callable[[], str], *depends: str, **options: Any) -> pn.pane.HTML:
        """Return a piece of HTML that follows the choices it depends on."""
        return self._lives(html("", **options), compute, depends)

    def plot(self, compute: Callable[[], Any], *depends: str, late: bool = False) -> pn.pane.HoloViews:
        """Return a picture that follows the choices it depends on and fills its place."""
        pane = pn.pane.HoloViews(None, min_height=40, linked_axes=False, **FULL)
        return self._lives(pane, compute, depends, late=late)

    def shaped(self, compute: Callable[[], Any], *depends: str, shape: float, late: bool = False) -> pn.Column:
        """Return a picture `shape` times as wide as high, as large as its place allows.

        A figure of equal scales would be stretched where its width is what limits it: Bokeh keeps its aspect only
        while the height does. The place is a container, and the figure takes its size from it.
        """
        pane = self.plot(compute, *depends, late=late)
        width = f"min(100cqw, calc(100cqh * {shape:.4f}))"
        fixed = {"flex": "none", "align-self": "center", "min-height": "0"}
        pane.styles = {"width": width, "height": "auto", "aspect-ratio": f"{shape:.4f}", **fixed}
        return pn.Column(pane, **FULL, styles={"container-type": "size"})

    def effect(self, action: Callable[[], None], *depends: str) -> None:
        """Do something when the page opens and when one of the choices changes."""
        self.live.append(Live(None, action, depends))

    def _lives(self, pane: Any, compute: Callable[[], Any], depends: Iterable[str], *, late: bool = False) -> Any:
        self.live.append(Live(pane, compute, tuple(depends), late))
        return pane


def html(content: str, **options: Any) -> pn.pane.HTML:
    """Return a piece of HTML dressed by the one sheet; what comes from a user must have been escaped."""
    return pn.pane.HTML(content, stylesheets=[STYLESHEET], **{**WIDE, "margin": 0, **options})


def question(title: str, answer: str) -> str:
    """Return a page's question and its answer; `answer` may hold markup."""
    answer = re.sub(r"(\d) %", "\\1\u00a0%", answer)  # a number never leaves its unit behind
    return f'<header class="question"><h1>{escape(title)}</h1><p>{answer}</p></header>'


def headline(title: str, note: str = "", right: str = "", *, small: bool = False, wraps: bool = False) -> str:
    """Return the line above a picture; all may hold markup. Where it `wraps`, a long legend goes below the title."""
    kind = f"headline{' small' if small else ''}{' wraps' if wraps else ''}"
    return (
        f'<div class="{kind}"><h2>{title}</h2><span class="note">{note}</span>'
        f'<span class="space"></span><span class="right">{right}</span></div>'
    )


def picture(head: Any, plot: Any, foot: Any = None) -> pn.Column:
    """Return a picture under its head line, with a line of legend below if there is one."""
    plot.styles = {**(plot.styles or {}), "min-height": "0", "min-width": "0"}
    parts = [html(head) if isinstance(head, str) else head, plot]
    if foot is not None:
        parts.append(html(foot) if isinstance(foot, str) else foot)
    # Each part keeps its row: Panel puts a figure that is drawn again behind all others.
    for row, part in enumerate(parts, start=1):
        part.styles = {**(part.styles or {}), "grid-row": str(row)}
    # A grid, not a flexible box: only there does a figure of equal scales keep its shape in both directions.
    rows = "auto minmax(0, 1fr)" + " auto" * (len(parts) - 2)
    layout = {"display": "grid", "grid-template-rows": rows, "grid-template-columns": "minmax(0, 1fr)"}
    return pn.Column(*parts, **FULL, styles={"min-height": "0", **layout})


def grid(
    *cells: tuple[Any, str, str], rows: str, columns: str = "repeat(12, minmax(0, 1fr))", **styles: str
) -> pn.Column:
    """Return the grid of a page.

    Parameters
    ----------
    cells
        (object, columns such as "1 / span 8", row such as "2").
    rows, columns
        CSS tracks; the minimum of a row decides when the page scrolls, its fraction fills a large screen.
    styles
        Further CSS, such as `gap`.
    """
    for piece, column, row in cells:
        # Without a minimum of 0 a canvas keeps its old size when the window shrinks.
        place = {"grid-column": column, "grid-row": row, "min-width": "0", "min-height": "0"}
        piece.styles = {**(piece.styles or {}), **place, "width": "100%", "height": "100%"}
    layout = {"display": "grid", "min-height": "0", "grid-template-columns": columns, "grid-template-rows": rows}
    return pn.Column(
        *(piece for piece, *_ in cells),
        **FULL,
        styles={**layout, "gap": "22px 28px", "padding": "2px 24px 16px", **styles},
    )


def row_of(pieces: Sequence[Any], gap: str = "0 28px") -> pn.Column:
    """Return pieces side by side, all of one width."""
    cells = [(piece, str(i + 1), "1") for i, piece in enumerate(pieces)]
    columns = f"repeat({max(len(cells), 1)}, minmax(0, 1fr))"
    return grid(*cells, columns=columns, rows="minmax(0, 1fr)", gap=gap, padding="0")


def badge(text: str) -> str:
    """Return a small framed remark, such as how many cells are shown."""
    return f'<span class="badge">{escape(text)}</span>'


def cells_badge(shown: int, total: int) -> str:
    """Say how many of the cells are shown."""
    return badge(f"{shown:,} of {total:,} cells")


def key(label: str, colour: str, mark: str = "circle") -> str:
    """Return one entry of a legend."""
    paint = f"color:{colour};border-color:{colour}" if mark in {"ring", "dashes"} else f"background:{colour}"
    words = escape(clipped(label, 18))
    return f'<span class="key" title="{escape(label)}"><i class="{mark}" style="{paint}"></i>{words}</span>'


def legend(*entries: str) -> str:
    """Return entries of a legend side by side."""
    return f'<span class="keys">{"".join(entries)}</span>'


def keys(colours: Mapping[str, str], marks: Mapping[str, str] | None = None) -> str:
    """Return a legend."""
    return legend(*(key(name, colour, (marks or {}).get(name, "circle")) for name, colour in colours.items()))


def ramp(colours: Sequence[str], left: str, right: str) -> str:
    """Return a ramp of colours between two words."""
    stops = ",".join(colours[:: max(1, len(colours) // 14)])
    bar = f'<i style="background:linear-gradient(90deg,{stops})"></i>'
    return f'<span class="ramp">{escape(left)}{bar}{escape(right)}</span>'


def _place(where: str) -> str:
    """Return a place without the folders above it: the rest of the page says where the cohort lies.

    Examples
    --------
    >>> _place("/data/study/sheet.csv, row 3"), _place("P1.fcs, marker CD3/CD28")
    ('sheet.csv, row 3', 'P1.fcs, marker CD3/CD28')
    """
    return re.sub(r"^(?:[A-Za-z]:)?[/\\](?:[^/\\,]+[/\\])*", "", where)


def _folded(what: str) -> str:
    """Return what is wrong; the end of a long list, such as the names of 600 samples, waits behind "All of it"."""
    if len(what) <= LONG:
        return escape(what)
    end = what.rfind(", ", 0, LONG)
    end = end if end > LONG // 2 else LONG
    rest = what[end:].removeprefix(", ")
    return f"{escape(what[:end])} …<details><summary>All of it</summary>{escape(rest)}</details>"


def problems(found: Sequence[Problem], *, most: int = 6, narrow: bool = False) -> str:
    """Return problems, each with its place, what is wrong and what to do."""
    notes = [
        f'<div class="problem" role="note"><b>{escape(_place(p.where))}.</b> {_folded(p.what)} {escape(p.fix)}</div>'
        for p in found[:MOST_FOLDED]
    ]
    if len(found) > most:
        left = f'<div class="note">and {len(found) - MOST_FOLDED} more</div>' if len(found) > MOST_FOLDED else ""
        folded = f"<summary>and {len(found) - most} more</summary>{''.join(notes[most:])}{left}"
        notes = [*notes[:most], f"<details>{folded}</details>"]
    return f'<div class="problems{" narrow" if narrow else ""}">{"".join(notes)}</div>'


# ---- the drawer ------------------------------------------------------------------------------------------------

CONTROL = {"size": "small", "margin": (6, 16), **WIDE}


def section(title: str) -> pn.pane.HTML:
    """Return the heading of a part of the drawer."""
    return html(f'<h2 class="section">{escape(title)}</h2>')


def remark(text: str) -> pn.pane.HTML:
    """Return a remark in the drawer; `text` may hold markup."""
    return html(f'<div class="drawer-note">{text}</div>')


def several(choices: Choices, name: str, label: str, options: Sequence[str]) -> pmui.MultiChoice:
    """Return a list to choose several from."""
    widget = many_of(label, options, getattr(choices, name))
    widget.param.watch(lambda event: setattr(choices, name, list(event.new)), "value")
    return widget


def many_of(label: str, options: Sequence[str], value: Sequence[str], **more: Any) -> pmui.MultiChoice:
    """Return a list to choose several from, which nothing watches yet."""
    shared = {"description": "", "margin": (6, 16), "sx": _SEVERAL, "stylesheets": [_CLEAR], **WIDE}
    return pmui.MultiChoice(label=label, options=list(options), value=list(value), **shared, **more)


_CLEAR = ".MuiInputLabel-root { background-color: transparent !important; }"  # not of the paper's colour
_SEVERAL = {
    "& .MuiInputLabel-root": {"fontSize": "13px"},
    "& .MuiChip-root": {"backgroundColor": "var(--lv-tint)", "color": "var(--lv-accent)", "height": "22px"},
    "& .MuiChip-deleteIcon": {"color": "var(--lv-accent) !important", "fontSize": "15px !important"},
}


def checkbox(choices: Choices, name: str, label: str) -> pmui.Checkbox:
    """Return a box to tick."""
    return pmui.Checkbox.from_param(choices.param[name], label=label, description="", margin=(0, 8), **WIDE)


def typed(label: str, value: str, action: Callable[[str], None], **options: Any) -> pmui.TextInput:
    """Return a line to type in; `action` gets it when Enter is pressed or the line is left."""
    widget = pmui.TextInput(label=label, value=value, **{**CONTROL, **options})
    widget.param.watch(lambda event: action(event.new), "value")
    return widget


def folded(title: str, *controls: Any, shown: bool = False) -> pmui.Accordion:
    """Return controls that few need, behind their heading."""
    inside = pn.Column(*controls, margin=0, **WIDE)
    opened = [0] if shown else []
    return pmui.Accordion((title, inside), active=opened, margin=(2, 0), elevation=0, sx=_FOLDED, **WIDE)


_FOLDED = {
    "&, & .MuiPaper-root, & .MuiAccordion-root": {"backgroundColor": "transparent", "backgroundImage": "none"},
    "& .MuiAccordionSummary-root": {"minHeight": "30px !important", "padding": "0 16px"},
    "& .MuiAccordionSummary-content": {"margin": "4px 0 !important"},
    "& .MuiAccordionSummary-content *": {"fontSize": "12px !important", "fontWeight": "500 !important"},
    "& .MuiAccordionDetails-root": {"padding": "0"},
}


def select(choices: Choices, name: str, label: str) -> pmui.Select:
    """Return a list to choose from."""
    return pmui.Select.from_param(choices.param[name], label=label, description="", **CONTROL)


def number(choices: Choices, name: str, label: str) -> pmui.FloatInput:
    """Return a number to type."""
    return pmui.FloatInput.from_param(choices.param[name], label=label, description="", **CONTROL)


def segments(choices: Choices, name: str, label: str) -> pmui.RadioButtonGroup:
    """Return a few choices side by side."""
    return pmui.RadioButtonGroup.from_param(
        choices.param[name], label=label, description="", color="primary", variant="outlined", **CONTROL
    )


def button(label: str, action: Callable[[], None], *, filled: bool = False) -> pmui.Button:
    """Return a button; at most one of a page is filled."""
    widget = pmui.Button(
        label=label, color="primary", variant="contained" if filled else "outlined", margin=(8, 16, 4, 16), **WIDE
    )
    widget.on_click(lambda _event: action())
    return widget
