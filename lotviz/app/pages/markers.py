"""The markers of a cohort: how they look by group or sample, what piles up at their ends, and how they are chosen."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd
import panel_material_ui as pmui

from lotviz.analysis.labels import thirds
from lotviz.app.frame import (
    CONTROL,
    WIDE,
    Page,
    badge,
    button,
    grid,
    headline,
    html,
    key,
    legend,
    number,
    picture,
    remark,
    segments,
    select,
)
from lotviz.app.session import Session
from lotviz.data import Transform
from lotviz.data.transforms.fitted import fit_cofactor, fit_logicle, fit_top, pool
from lotviz.data.transforms.marker_density import MarkerDensity, preview_marker
from lotviz.views.charts import curves
from lotviz.views.quality import MOST_RIDGES, margin_shares, mean_curves, ridges
from lotviz.views.theme import OWN_COLOURS, TOKENS, graded

MOST_MARKERS = 12  # small curves that still can be compared at a glance
ACROSS = 4
AS_OTHERS = "as the others"


def markers(session: Session, page: Page) -> Any:
    """Return what is chosen to be seen of the markers."""
    shown = session.choices.shown
    if shown == "Margins":
        return _margins(session, page)
    if shown == "Transforms":
        return _transforms(session, page)
    return _tiles_of_markers(session, page, by_sample=shown == "By sample")


def _tiles_of_markers(session: Session, page: Page, *, by_sample: bool) -> Any:
    """Return the small pictures of the markers: one curve per batch or group, or a ridge for each sample."""
    cohort, shown = session.cohort, _most_different(session)
    draw = _ridges if by_sample else _curves
    tiles = _tiles(
        [
            (
                escape(session.word(marker)),
                page.plot(lambda marker=marker: draw(session, marker), "label", "batch"),
            )
            for marker in shown
        ]
    )
    right = f"{escape(cohort.transform.describe())} {badge(f'{len(shown)} of {cohort.n_markers} markers')}"
    if by_sample:
        words = f"{min(MOST_RIDGES, len(cohort.samples))} of {len(cohort.samples)}, in the order of the sheet"
        return picture(headline("Markers by sample", words, right), tiles)

    def head() -> str:
        keys = _legend(session)
        return headline(f"Markers by {escape(_by(session) or 'cohort')}", "", f"{keys}{right}", wraps=True)

    return picture(page.html(head, "label", "batch"), tiles)


def _tiles(pictures: list[tuple[str, Any]], across: int = ACROSS) -> Any:
    """Return small pictures under their words, some side by side."""
    across = min(across, max(len(pictures), 1))  # two markers fill the place of many
    pieces = [
        (picture(html(headline(words, small=True)), plot), f"{1 + i % across}", f"{1 + i // across}")
        for i, (words, plot) in enumerate(pictures)
    ]
    return grid(
        *pieces,
        columns=f"repeat({across}, minmax(0, 1fr))",
        rows=f"repeat({-(-len(pieces) // across)}, minmax(96px, 1fr))",
        gap="6px 20px",
        padding="0",
    )


def _transforms(session: Session, page: Page) -> Any:
    """Return one marker under every transform that may suit it; the one in use is named."""
    marker = session.choices.tried
    found = session.derived("transforms", lambda: _tried(session, marker), marker)
    used = session.cohort.transform.of(marker)
    pictures = []
    for one in found:
        words = escape(one.transform.describe() if one.transform.kind != "none" else "as measured")
        words += " <b>in use</b>" if one.transform == used else ""
        pictures.append((words, page.plot(lambda one=one: _density(one, session))))
    note = "every sample counts the same; the highest peaks are cut"
    return picture(headline(f"{escape(marker)} under other transforms", note), _tiles(pictures, across=3))


def _tried(session: Session, marker: str) -> tuple[MarkerDensity, ...]:
    """Compute the densities of a marker under the transforms that may suit it, the one in use among them."""
    one = session.cohort.select(markers=[marker])
    drawn = pool(one.source, [str(name) for name in one.samples.index])
    values, weights = drawn.marker(0)
    fitted = fit_cofactor(values, weights)
    candidates = [Transform("arcsinh", 5.0), Transform("arcsinh", 150.0), Transform("log1p")]
    candidates += [Transform("arcsinh", fitted)] if fitted else []
    candidates += [Transform("logicle", logicle=fit_logicle(values, weights, fit_top(values)))]
    candidates += [one.transform.of(marker)]
    plain = Transform("none")
    return preview_marker(one, marker, [each for each in dict.fromkeys(candidates) if each != plain])


def _density(one: MarkerDensity, session: Session) -> Any:
    """Return the picture of one density."""
    middles = (one.edges[:-1] + one.edges[1:]) / 2
    # A peak of zeros would flatten all else: it is cut.
    top = 1.2 * float(np.quantile(one.density[one.density > 0], 0.97))
    row = (middles, np.minimum(one.density, top), TOKENS[session.choices.theme]["ink2"])
    return curves([row], xlim=(float(one.edges[0]), float(one.edges[-1])))


def _margins(session: Session, page: Page) -> Any:
    """Return the picture of cells at the ends of their markers: cut off by the instrument, or piled up."""
    plot = page.plot(lambda: margin_shares(session.quality, theme=session.choices.theme))
    return picture(headline("Cells at the margins", "of the sample with most of them; below 1 % is left out"), plot)


def _ridges(session: Session, marker: str) -> Any:
    """Return the densities of one marker, a ridge for each sample; those with a problem in the colour of warnings."""
    names = [str(name) for name in session.cohort.samples.index]
    warned = [name for name in names if name in {*session.quality.outlying}]
    rows = {name: [name] for name in names}
    return ridges(session.quality, marker, rows=rows, theme=session.choices.theme, warned=warned, named=False)


def _by(session: Session) -> str | None:
    """Name the column the curves are drawn by."""
    return session.batch or session.label


def _line_colours(session: Session) -> dict[str, str]:
    """Return the colour of each curve: the group's own, or shades without meaning for batches."""
    by = _by(session)
    token = TOKENS[session.choices.theme]
    if by is None:
        return {"": token["ink2"]}
    if by == session.label and session.continuous:
        low_first = session.cohort.samples[by].sort_values().index
        names = [name for name in _groups(session)[low_first].unique() if name]
        shades = graded(session.choices.theme)
        return {name: shades[(len(shades) - 1) * i // max(len(names) - 1, 1)] for i, name in enumerate(names)}
    if by == session.label:
        return session.group_style()[0]
    shades = [token["ink3"], token["accent"], token["faint"], token["warn"], token["k"]]
    return {group: shades[i % len(shades)] for i, group in enumerate(session.groups(by))}


def _legend(session: Session) -> str:
    """Return the legend of the curves."""
    colours = _line_colours(session)
    if "" in colours:
        return ""
    named = list(colours.items())[:OWN_COLOURS]
    more = badge(f"and {len(colours) - len(named)} more") if len(colours) > len(named) else ""
    return legend(*(key(name, colour, "square") for name, colour in named)) + more


def _most_different(session: Session) -> list[str]:
    """Name the markers to draw: all if they are few, else those whose group means differ most."""
    markers = list(session.cohort.markers)
    if len(markers) <= MOST_MARKERS:
        return markers
    profiles = session.quality.profiles
    means = pd.DataFrame(profiles.quantiles.mean(axis=1), index=profiles.names, columns=markers)
    spread = means.groupby(_groups(session)).mean().std() / means.std().replace(0, np.nan)
    chosen = set(spread.fillna(0).sort_values(ascending=False, kind="stable").index[:MOST_MARKERS])
    return [marker for marker in markers if marker in chosen]


def _groups(session: Session) -> pd.Series:
    """Return the group of each sample whose curve it joins; of numbers the third they are in."""
    by = _by(session)
    if by is None:
        return pd.Series("", index=session.cohort.samples.index)
    return thirds(session.cohort.samples[by]) if by == session.label and session.continuous else session.texts(by)


def _curves(session: Session, marker: str) -> Any:
    """Return the densities of one marker, each sample counting the same."""
    groups = _groups(session)
    colours = _line_colours(session)
    rows = {group: [str(name) for name in groups.index[groups == group]] for group in colours}
    places, found = mean_curves(session.quality, marker, rows)
    drawn = [(places, curve, colours[group]) for group, curve in found.items()]
    return curves(drawn, xlim=(float(places[0]), float(places[-1])))


def marker_choices(session: Session) -> list[Any]:
    """Return the choices about markers: which, seen how, and what is done to their raw values."""
    cohort, choices = session.cohort, session.choices
    parts: list[Any] = [select(choices, "shown", "Show markers"), *_which(session)]
    if not cohort.synthetic:
        parts.append(select(choices, "transform", "Transform of raw values"))
        if choices.transform == "arcsinh":
            parts.append(number(choices, "cofactor", "Cofactor (0: by instrument)"))
        if choices.shown == "Transforms":
            parts += [select(choices, "tried", "Marker"), _of_one(session)]
        parts.append(segments(choices, "compensate", "Apply spillover matrices"))
    return [*parts, remark(f"Transform in use: {escape(cohort.transform.describe())}.")]


def _of_one(session: Session) -> pmui.Select:
    """Return the choice of a transform for one marker alone."""
    choices, marker = session.choices, session.choices.tried
    options = [AS_OTHERS, "arcsinh", "logicle", "log1p", "none"]
    chosen = choices.transforms.get(marker, AS_OTHERS)
    widget = pmui.Select(label=f"Transform of {session.word(marker)}", options=options, value=chosen, **CONTROL)

    def use(event: Any) -> None:
        others = {name: kind for name, kind in choices.transforms.items() if name != marker}
        choices.transforms = others if event.new == AS_OTHERS else {**others, marker: event.new}

    widget.param.watch(use, "value")
    return widget


def _which(session: Session) -> list[Any]:
    """Return the list of channels to choose markers from, and the button that reads the cohort with them."""
    cohort, choices = session.cohort, session.choices
    every = list(cohort.channels or cohort.markers)
    used = {"options": every, "value": list(cohort.markers)}
    widget = pmui.MultiChoice(label="Markers to use", chip=False, margin=(6, 16), **used, **WIDE)

    def use() -> None:
        choices.markers = [marker for marker in every if marker in widget.value]

    return [widget, button("Use these markers", use)]
