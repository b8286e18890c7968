"""The picture of a morph: what is sent to the browser once, how it is coloured, and the words round it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from html import escape

import numpy as np

from lotviz.analysis.contribution import contributions
from lotviz.analysis.model import LinearModel
from lotviz.analysis.reduction import Projection
from lotviz.app.choices import SHADES
from lotviz.app.frame import badge, key, legend, ramp
from lotviz.app.morph_canvas import MorphCanvas, colour_bytes, pack_tuples, picture_bounds
from lotviz.app.pages.morph_class import model_of, severe
from lotviz.app.pages.morph_numbers import measured_at, scene, weights_now
from lotviz.app.pages.morph_scene import Scene, beside, travel
from lotviz.app.pages.morph_stops import CLASS, COLUMN, SEVERAL, TWO, stops_of, weights_of, written
from lotviz.app.pages.views_of_cells import frame_of, view_of
from lotviz.app.session import Session
from lotviz.transport import Cancelled, LOTEmbedding
from lotviz.views.clouds import Bounds
from lotviz.views.style import signed
from lotviz.views.theme import BLUE, GREEN, ORANGE, PINK, SKY, TOKENS, VERMILLION, diverging, mix, sequential

COUNT, POPULATION, ORIGIN, CONTRIBUTION, MARKER, TRAVEL = SHADES
SIZE = (720, 540)
AT_ONCE = 500_000  # tuples times ends; more are packed beside the page
SCALE = 98  # percentile of the contributions that gets the last colour
MOST_CODES = 255
NEAR = 2e-4  # a place this near is the same
FRAMED = 5_000  # cells of an end that widen the frame where they leave it
INSIDE = 0.9998  # quantile of them that is to be inside of it
_DRAWN_AS = {
    COUNT: "count",
    POPULATION: "category",
    ORIGIN: "origin",
    CONTRIBUTION: "value",
    MARKER: "marker",
    TRAVEL: "travel",
}


@dataclass(frozen=True, eq=False)
class Message:
    """What is sent to the browser.

    Attributes
    ----------
    cells
        The tuples, packed.
    limits
        The values that get the first and the last colour; None where colour has no scale.
    """

    cells: bytes
    limits: tuple[float, float] | None


# ---- what is sent ------------------------------------------------------------------------------------------------


def message(session: Session) -> Message | None:
    """Return what is sent to the browser; None until it is there."""
    found = scene(session)
    if found is None:
        return None
    choices, shade = session.choices, shade_of(session)
    model = model_of(session) if shade == CONTRIBUTION else None
    if shade == CONTRIBUTION and model is None:
        return None
    marker = session.embedding.markers.index(choices.tint) if shade == MARKER else None
    size = found.n * len(found.stops)
    work = partial(
        _packed,
        session.embedding,
        found,
        session.projection,
        frame_with(session, found),
        _colouring(session.embedding, found, shade, marker=marker, model=model),
        choices.seed,
    )
    asking = session.asking if model is not None else ()
    parts = (found, *view_of(session), shade, marker, *asking)
    return beside(session, "message", parts, work, title="Drawing the cells", at_once=size <= AT_ONCE)


def frame_with(session: Session, found: Scene) -> Bounds:
    """Return the frame of all samples in the chosen view, wider where cells that were moved would leave it."""
    if not found.ends:
        return frame_of(session)

    def bounds() -> Bounds:
        left, right, bottom, top = frame_of(session)
        few = found.some(np.arange(0, found.n, max(1, found.n // FRAMED)))
        seen = [few.seen(stop, session.embedding, session.projection) for stop in range(len(found.stops))]
        reach = np.quantile(np.concatenate(seen), [1 - INSIDE, INSIDE], axis=0)
        corners = np.array([[left, bottom], [right, top]])
        if (reach[0] >= corners[0]).all() and (reach[1] <= corners[1]).all():
            return left, right, bottom, top
        return picture_bounds(corners, reach, size=SIZE, padding=0)

    return session.derived("moved frame", bounds, found, *view_of(session), latest=True)


def _packed(
    embedding: LOTEmbedding,
    found: Scene,
    projection: Projection,
    bounds: Bounds,
    colouring: Callable[[], tuple[dict, tuple[float, float] | None]],
    seed: int,
    _progress: object,
    cancel: threading.Event,
) -> Message:
    places = []
    for stop in range(len(found.stops)):
        if cancel.is_set():
            raise Cancelled
        places.append(found.seen(stop, embedding, projection))
    colours, limits = colouring()
    weighed = {"masses": None if found.equal else found.mass, "leads": found.lead}
    return Message(pack_tuples(places, bounds, size=SIZE, **weighed, seed=seed, **colours), limits)


def _colouring(
    embedding: LOTEmbedding, found: Scene, shade: str, *, marker: int | None, model: LinearModel | None
) -> Callable[[], tuple[dict, tuple[float, float] | None]]:
    """Return what computes the part of the message that gives colour, and its limits."""
    stops = range(len(found.stops))

    def by_population() -> tuple[dict, None]:
        return {"categories": np.minimum(found.codes, MOST_CODES).T.astype(np.uint8)}, None

    def by_marker() -> tuple[dict, tuple[float, float]]:
        values = np.column_stack([found.column(stop, embedding, marker) for stop in stops])
        low, high = (float(end) for end in np.percentile(values[:: max(1, len(values) // 100_000)], [1, 99]))
        return {"markers": values, "marker_limits": (low, high)}, (low, high)

    def by_travel() -> tuple[dict, tuple[float, float]]:
        lengths = travel(found, embedding)
        return {"travel": lengths}, (0.0, float(np.percentile(lengths, 98)))

    def by_contribution() -> tuple[dict, tuple[float, float]]:
        values = np.column_stack([_contributed(embedding, found, stop, model) for stop in stops])
        limit = float(np.percentile(np.abs(values[:: max(1, len(values) // 100_000)]), SCALE)) or 1.0
        return {"values": values, "value_limit": limit}, (-limit, limit)

    made = {
        COUNT: lambda: ({}, None),
        POPULATION: by_population,
        ORIGIN: by_population,
        MARKER: by_marker,
        TRAVEL: by_travel,
        CONTRIBUTION: by_contribution,
    }
    return made[shade]


def _contributed(embedding: LOTEmbedding, found: Scene, stop: int, model: LinearModel) -> np.ndarray:
    """Return the contribution of the cells at one end times the number of cells of their sample, (N,)."""
    if found.lead is not None:
        values = np.empty(found.n)
        for own, name in enumerate(each.samples[0] for each in found.stops):
            rows = np.flatnonzero(found.lead == own)
            moved, plan = (
                embedding.scaling.apply(found.ends[stop][rows]),
                embedding.plan(name)[:, found.cell[own, rows]],
            )
            values[rows] = contributions(model, plan, moved) * embedding.n_cells_used[embedding.index(name)]
        return values
    if found.ends:
        name = found.stops[stop].samples[0]
        moved = embedding.scaling.apply(found.ends[stop])
        return contributions(model, embedding.plan(name), moved) * len(moved)

    def read(name: str) -> np.ndarray:
        cells = embedding.scaled_cells(name)
        return contributions(model, embedding.plan(name), cells) * len(cells)

    return found.at(stop, read)


def shade_of(session: Session) -> str:
    """Return what colour means: what was chosen, or the number of cells where that cannot be shown."""
    shade = session.choices.shade
    return COUNT if shade == CONTRIBUTION and not session.label else shade


def offered_shades(session: Session) -> list[str]:
    """Name what colour can mean in this cohort."""
    return [shade for shade in SHADES if shade != CONTRIBUTION or session.label]


# ---- the canvas --------------------------------------------------------------------------------------------------


def canvas_of(session: Session, channel: str) -> MorphCanvas:
    """Return the canvas; what a hand does on it becomes a choice on release."""
    choices = session.choices
    canvas = MorphCanvas(
        sizing_mode="stretch_both",
        margin=0,
        beyond="beyond measured",
        control=_CONTROL[choices.morph],
        channel=channel,
        **_place(session),
    )

    def moved(_event: object) -> None:
        if choices.morph == SEVERAL or abs(canvas.t - _place(session)["t"]) < NEAR:  # Python's own move comes back
            return
        k, found = len(canvas.labels) or 2, severe(session) if choices.morph == CLASS else None
        share = min(canvas.t / (k - 1), 1.0)
        choices.t = share if found is None else found.place(share)

    def mixed(_event: object) -> None:
        given = list(weights_of(session).values()) if choices.morph == SEVERAL else []
        if len(canvas.weights) == len(given) and not np.allclose(canvas.weights, given, atol=NEAR):
            choices.corners = written(dict(zip(canvas.labels, canvas.weights, strict=True)))

    canvas.param.watch(moved, "t")
    canvas.param.watch(mixed, "weights")
    return canvas


_CONTROL = {TWO: "slider", SEVERAL: "weights", COLUMN: "path", CLASS: "slider"}


def _place(session: Session) -> dict[str, object]:
    """Return where the canvas is."""
    choices = session.choices
    if choices.morph == SEVERAL:
        return {"weights": list(weights_of(session).values())}
    if choices.morph == COLUMN:
        return {"t": choices.t * (max(len(stops_of(session)), 2) - 1)}
    found = severe(session) if choices.morph == CLASS else None
    return {"t": choices.t if found is None else found.share(choices.t)}


def load(session: Session, canvas: MorphCanvas) -> None:
    """Send the cells to the browser, or nothing as long as they are not there."""
    found, sent = scene(session), message(session)
    if found is None or sent is None:
        canvas.param.update(cells=b"")
        return
    theme = session.choices.theme
    names = [stop.name for stop in found.stops]
    palette = list(session.population_colours().values())[: MOST_CODES + 1]
    canvas.param.update(
        cells=sent.cells,
        colour_by=_DRAWN_AS[shade_of(session)],
        count_palette=colour_bytes(sequential(theme)),
        value_palette=colour_bytes(diverging(theme)),
        category_palette=colour_bytes(palette),
        level_palette=colour_bytes(levels(theme)),
        labels=names,
        colours=colours_of(session, found),
        unit=unit_of(found),
        n_total=found.total,
        **_place(session),
    )
    entitle(session, canvas)
    canvas.param.update(**_scale(session))


def _scale(session: Session) -> dict[str, object]:
    """Return what the track of the slider measures: at a class the score, with the range of the measured samples."""
    found = severe(session) if session.choices.morph == CLASS else None
    if found is None:
        return {"readout": {}, "axis": {}, "measured": (0, 1)}
    axis = {"low": found.start, "high": found.end, "unit": "score"}
    return {"readout": {}, "axis": axis, "measured": found.measured}


def entitle(session: Session, canvas: MorphCanvas) -> None:
    """Give the picture its title: "Synthetic cells", but exactly at a measured sample."""
    found = scene(session)
    at = None if found is None else measured_at(weights_now(session, found.stops))
    if session.choices.morph == CLASS:
        at = 0 if session.choices.t == 0.5 else None
    title, note = ("Synthetic cells", "never measured") if at is None else ("Measured cells", "not synthetic")
    canvas.param.update(title=title, note=note, **_place(session))


def unit_of(found: Scene) -> str:
    """Return what is counted: cells that are moved, or pairs and tuples of glued cells."""
    if found.lead is not None:
        return "cells, by weight"
    unit = "cells" if found.ends else "pairs" if len(found.stops) == 2 else "tuples"
    return f"{unit}, a sketch" if found.sketch else unit


def colours_of(session: Session, found: Scene) -> list[str]:
    """Return the colour of each end: of two those of their groups; of a path from one to the other; else as listed."""
    choices, k = session.choices, len(found.stops)
    if choices.morph == TWO:
        return list(session.end_colours())
    if choices.morph == CLASS:
        style, _marks = session.group_style()
        groups = list(style)
        positive = choices.chosen("positive")
        if len(groups) == 2 and positive in style:
            return [style[next(group for group in groups if group != positive)], style[positive]]
        return [VERMILLION, BLUE]
    if choices.morph == COLUMN:
        return [mix(VERMILLION, BLUE, step / (k - 1)) for step in range(k)]
    style, _marks = session.group_style()
    if all(stop.name in style for stop in found.stops) and session.choices.mixed == session.label:
        return [style[stop.name] for stop in found.stops]
    token = TOKENS[choices.theme]
    return [VERMILLION, BLUE, GREEN, ORANGE, PINK, SKY, token["k"], token["ink3"]][:k]


def levels(theme: str) -> list[str]:
    """Return the colours from low to high: from the neutral grey to the accent."""
    token = TOKENS[theme]
    return [mix(token["mid"], token["accent"], step / 63) for step in range(64)]


def colour_legend(session: Session) -> str:
    """Return the line that says what colour means."""
    found, sent, shade = scene(session), message(session), shade_of(session)
    if found is None or sent is None:
        return ""
    theme = session.choices.theme
    if shade == COUNT:
        return ramp(sequential(theme), "few cells", "many")
    if shade in (POPULATION, ORIGIN):
        return _population_legend(session, found)
    low, high = sent.limits or (0.0, 1.0)
    if shade == CONTRIBUTION:
        model = model_of(session)
        negative, positive = ("", "") if model is None else model.classes
        words = f"← {negative} {signed(low)}", f"{signed(high)} {positive} →"
        return ramp(diverging(theme), *words)
    if shade == MARKER:
        return ramp(levels(theme), f"{session.word(session.choices.tint)} {low:.2g}", f"{high:.2g}")
    return ramp(levels(theme), "stays", f"goes {high:.2g} scaled units or more")


def _population_legend(session: Session, found: Scene, letters: int = 64) -> str:
    """Return the largest populations with their colours, as many as there is room for."""
    colours = session.population_colours()
    order = np.argsort(-found.shares.max(axis=0), kind="stable")
    shown: list[str] = []
    for i in order:
        name = found.populations[i]
        letters -= len(name) + 4
        if letters >= 0 and found.shares[:, i].max() > 0:
            shown.append(key(name, colours[name]))
    more = int((found.shares.max(axis=0) > 0).sum()) - len(shown)
    return legend(*shown) + (f" {badge(f'and {more} more')}" if more > 0 else "")


def waiting(session: Session) -> str:
    """Say why there are no cells yet."""
    job = session.aside.job
    if job is not None:
        return f"{escape(job.title)}; the picture follows."
    return "The cells are not there: stopped, or see above."
