"""The numbers of the Transport page: populations, who becomes whom, markers, and markers by population."""

from __future__ import annotations

from functools import partial
from html import escape

import numpy as np
import pandas as pd

from lotviz.analysis.composition import Composition, composition
from lotviz.analysis.density import density, density_grid
from lotviz.analysis.displacement import MarkerChange, marker_change
from lotviz.analysis.population_shift import PopulationShift, population_shift
from lotviz.app.choices import MOST_CHANGED, NONE, TABLE
from lotviz.app.frame import Page, badge, headline, key, legend, picture
from lotviz.app.pages.transport_cells import PAIR, cell_moves, chosen_population
from lotviz.app.pages.views_of_cells import populations_of
from lotviz.app.session import Session
from lotviz.views.charts import dumbbells, now_and_ends, row_bands, shift_and_shape
from lotviz.views.flows import ROW_LETTERS, becomes_table, flow_ribbons, flows_drawn
from lotviz.views.streams import on_tap
from lotviz.views.style import nothing, signed, told_apart
from lotviz.views.tables import shift_table

MOST_MARKERS = 12
MOST_POPULATIONS = 10
LETTERS = 11  # of the name of a sample in a legend
SHOWN = (*PAIR, "population")


def changes_pictures(session: Session, page: Page) -> list[tuple[object, str, str]]:
    """Return the second and third row of the page."""
    shares = page.html(lambda: _shares_head(session), *PAIR)
    shift = legend(key("shift", "var(--lv-ink2)", "square"), key("shape", "var(--lv-accent)", "square"))
    becomes = headline("Who becomes whom", "%, row→column")
    flow = headline("Who becomes whom", "%, left→right")
    becomes_head = page.html(lambda: becomes if session.choices.becomes == TABLE else flow, "becomes")
    shifts_said = page.html(lambda: f'<div class="said">{escape(_shifts_said(session))}</div>', *SHOWN)
    shifts_head = page.html(lambda: _shifts_head(session), *PAIR)
    curve_head = page.html(lambda: _curve_head(session), *SHOWN, "marker")
    return [
        (picture(shares, page.plot(lambda: _populations(session), *SHOWN)), "1 / span 4", "2"),
        (picture(headline("Markers", "", shift), page.plot(lambda: _markers(session), *PAIR)), "5 / span 4", "2"),
        (picture(becomes_head, page.plot(lambda: _becomes(session), *SHOWN, "becomes")), "9 / span 4", "2"),
        (
            picture(shifts_head, page.plot(lambda: _shifts(session), *SHOWN, "marker"), shifts_said),
            "1 / span 8",
            "3",
        ),
        (picture(curve_head, page.plot(lambda: _curve(session), *SHOWN, "marker")), "9 / span 4", "3"),
    ]


def composition_of(session: Session) -> Composition:
    """Return the populations of the two samples and the mass between them."""
    a, b = session.choices.a, session.choices.b
    make = partial(composition, session.embedding, a, b, regions=session.population_regions)
    return session.derived("composition", make, a, b, *_named(session))


def change_of(session: Session) -> MarkerChange:
    """Return how the markers differ between the two samples."""
    a, b = session.choices.a, session.choices.b
    return session.derived("change", lambda: marker_change(session.embedding, a, b), a, b)


def shifts_of(session: Session) -> PopulationShift:
    """Return how the markers of each population differ between the two samples."""
    a, b = session.choices.a, session.choices.b
    make = partial(population_shift, session.embedding, a, b, regions=session.population_regions)
    return session.derived("population shifts", make, a, b, *_named(session))


def _named(session: Session) -> tuple[str, ...]:
    """Return the names of regions that stand in for populations: they can be given others."""
    return () if session.population_regions is None else session.population_regions.names


def _names(session: Session) -> list[str]:
    """Return the names of the two samples, short enough for both to stand in one legend."""
    return told_apart((session.choices.a, session.choices.b), LETTERS)


def _tap(session: Session, name: str, marker: str | None = None) -> None:
    """Let a population stand out, and show one of its markers; what does already does no longer."""
    choices = session.choices
    same = choices.population == name and (marker is None or choices.marker == marker)
    choices.param.update(
        population=NONE if same else name,
        marker=(MOST_CHANGED if same else marker) if marker is not None else choices.marker,
    )


def _place(session: Session, names: list[str]) -> int | None:
    """Return the place of the population that stands out among some names."""
    chosen = chosen_population(session)
    return names.index(chosen) if chosen in names else None


# ---- populations --------------------------------------------------------------------------------------------------


def _shares_head(session: Session) -> str:
    """Return the head line of the populations."""
    (first, second), (a, b) = session.end_colours(), _names(session)
    known = legend(key(a, first, "ring"), key(b, second))
    return headline(session.population_word.capitalize(), "", known, wraps=True)


def _populations(session: Session) -> object:
    """Return the shares of the populations before and after, the largest change first."""
    parts, theme = composition_of(session), session.choices.theme
    order = np.argsort(-np.abs(parts.change), kind="stable")[:MOST_POPULATIONS]
    names = [parts.names[i] for i in order]
    right = 130 * float(max(parts.share_a[order].max(), parts.share_b[order].max()))
    short = told_apart(names, ROW_LETTERS)
    bands = row_bands(short, right=right, theme=theme, highlighted=_place(session, names))
    on_tap(bands, lambda row: _tap(session, names[row]))
    return dumbbells(
        short,
        100 * parts.share_a[order],
        100 * parts.share_b[order],
        colours=session.end_colours(),
        theme=theme,
        unit="share of cells, %",
        under=bands,
    )


def _becomes(session: Session) -> object:
    """Return who becomes whom, in percent of all mass, as a table or as ribbons."""
    parts, theme = composition_of(session), session.choices.theme
    order = np.argsort(-(parts.share_a + parts.share_b), kind="stable")[:MOST_POPULATIONS]
    names = [parts.names[i] for i in order]
    values = 100 * parts.table[np.ix_(order, order)]
    highlighted = _place(session, names)
    if session.choices.becomes == TABLE:
        drawn, cells = becomes_table(names, values, theme=theme, highlighted=highlighted)
        on_tap(cells, lambda cell: _tap(session, names[cell // len(names)]))
        return drawn
    colours = session.population_colours()
    drawn, ribbons = flow_ribbons(
        names, values, colours=[colours[name] for name in names], theme=theme, highlighted=highlighted
    )
    shown = flows_drawn(values)
    on_tap(ribbons, lambda place: _tap(session, names[shown[place][0]]))
    return drawn


# ---- markers ------------------------------------------------------------------------------------------------------


def _markers(session: Session) -> object:
    """Return shift and shape of the markers that change most."""
    table = change_of(session).table().head(MOST_MARKERS)
    return shift_and_shape(
        [session.word(marker) for marker in table["marker"]],
        table["shift"].to_numpy(),
        table["shape"].to_numpy(),
        theme=session.choices.theme,
        unit="as measured" if (unit := session.embedding.transform.describe()) == "none" else unit,
    )


def _shown_shifts(session: Session) -> tuple[list[int], list[int]]:
    """Return the populations and the markers of the table: the largest, and those that shift most, in their order."""
    found, parts = shifts_of(session), composition_of(session)
    sizes = dict(zip(parts.names, parts.share_a + parts.share_b, strict=True))
    rows = sorted(range(len(found.names)), key=lambda i: -sizes[found.names[i]])[:MOST_POPULATIONS]
    scaled = np.nan_to_num(np.abs(found.shift[rows])) / session.embedding.scaling.scale
    columns = sorted(np.argsort(-scaled.max(axis=0), kind="stable")[:MOST_MARKERS].tolist())
    return rows, columns


def _shifts(session: Session) -> object:
    """Return the shifts of markers by population; a cell can be tapped."""
    found, (rows, columns) = shifts_of(session), _shown_shifts(session)
    names, markers = [found.names[i] for i in rows], [found.markers[j] for j in columns]
    place, half = np.ix_(rows, columns), found.half_width()
    marker = shown_marker(session)
    drawn, cells = shift_table(
        [session.word(name) for name in markers],
        names,
        found.shift[place],
        clear=found.clear()[place],
        said=np.array([[_interval(found, half, i, j) for j in columns] for i in rows], dtype=object),
        highlighted=(_place(session, names), markers.index(marker) if marker in markers else None),
        theme=session.choices.theme,
    )
    on_tap(cells, lambda cell: _tap(session, names[cell // len(markers)], markers[cell % len(markers)]))
    return drawn


def _interval(found: PopulationShift, half: np.ndarray, row: int, column: int) -> str:
    """Write a shift with its interval."""
    shift, width = float(found.shift[row, column]), float(half[row, column])
    if not np.isfinite(shift):
        return "one sample has no such cells"
    if not np.isfinite(width):
        return f"{signed(shift)}, too few cells for an interval"
    return f"{signed(shift)} ({signed(shift - width)} to {signed(shift + width)})"


def _shifts_head(session: Session) -> str:
    """Return the head line of the shifts."""
    _rows, columns = _shown_shifts(session)
    word = "Populations" if session.population_regions is None else "Regions"
    count = badge(f"{len(columns)} of {len(session.embedding.markers)} markers")
    return headline(f"{word} × markers", "shift of the mean; pale: within what drawing cells explains", count)


def _shifts_said(session: Session) -> str:
    """Say which shift is the largest, of all or of the population that stands out, and how many are clear."""
    found, half, chosen = shifts_of(session), shifts_of(session).half_width(), chosen_population(session)
    clear, known = found.clear(), np.isfinite(found.shift)
    rows = range(len(found.names)) if chosen not in found.names else [found.names.index(chosen)]
    if found.a == found.b or not known[list(rows)].any():
        return "Nothing shifts." if found.a == found.b else f"One of the two samples has no {chosen}."
    scaled = np.where(known & clear, np.abs(found.shift), 0.0) / session.embedding.scaling.scale
    row = max(rows, key=lambda i: scaled[i].max())
    column = int(scaled[row].argmax())
    count = f"{int(clear.sum())} of {int(known.sum())} shifts are more than drawing cells explains, all at once (95 %)."
    if not scaled[row, column]:
        return f"None{'' if chosen is None else f' of {chosen}'} is clear: {count}"
    said = f"{session.word(found.markers[column])} of {found.names[row]} {_interval(found, half, row, column)}"
    doubt = (
        "It is about these cells, not about other samples of the same patients."
        if session.population_regions is None
        else "Mass that a growing region takes from another counts as its shift."
    )
    return f"Most, for its spread: {said}. {count} {doubt}"


# ---- one marker ---------------------------------------------------------------------------------------------------


def shown_marker(session: Session) -> str:
    """Return the marker whose curves are drawn: the chosen one, or the one that changes most."""
    if session.choices.marker in session.embedding.markers:
        return session.choices.marker
    chosen, found = chosen_population(session), shifts_of(session)
    if chosen in found.names and np.isfinite(found.shift[found.names.index(chosen)]).all():
        scaled = np.abs(found.shift[found.names.index(chosen)]) / session.embedding.scaling.scale
        return found.markers[int(scaled.argmax())]
    return str(change_of(session).table()["marker"].iloc[0])


def _curve_head(session: Session) -> str:
    """Return the head line of the curves."""
    (first, second), (a, b) = session.end_colours(), _names(session)
    chosen = chosen_population(session)
    of = "" if chosen is None else f"of {escape(chosen)}"
    keys = legend(key(a, first, "dashes"), key("moved", "var(--lv-accent)", "line"), key(b, second, "line"))
    return headline(escape(session.word(shown_marker(session))), of, keys, wraps=True)


def _curve(session: Session) -> object:
    """Return the density of one marker in the first sample, in it once its cells are moved, and in the second."""
    embedding, choices, chosen = session.embedding, session.choices, chosen_population(session)
    column = embedding.markers.index(shown_marker(session))
    values = {name: embedding.cells(name)[:, column].astype(float) for name in (choices.a, choices.b)}
    inside = {
        name: np.ones(len(cells), dtype=bool) if chosen is None else populations_of(session, name) == chosen
        for name, cells in values.items()
    }
    if not all(some.any() for some in inside.values()):
        return nothing("one of the two samples has no such cells", choices.theme)
    first, second = (values[name][inside[name]] for name in (choices.a, choices.b))
    moved = first + cell_moves(session)[inside[choices.a], column]
    places = density_grid(np.concatenate([first, second, moved]))
    return now_and_ends(
        places,
        density(moved, places),
        (density(first, places), density(second, places)),
        colours=session.end_colours(),
        theme=choices.theme,
    )


def answer(session: Session) -> str:
    """Say what shrinks, what grows, which marker moves, and how much of it is a plain shift."""
    if session.choices.a == session.choices.b:
        return "The same sample twice: nothing changes. Choose two samples on the right."
    parts, change = composition_of(session), change_of(session)
    table = change.table()
    top: pd.Series = table.loc[table["shift"].abs().idxmax()]
    down, up = (list(parts.names).index(name) for name in (parts.shrinking, parts.growing))
    way = "rises" if top["shift"] > 0 else "falls"
    shares = [100 * share[i] for i in (down, up) for share in (parts.share_a, parts.share_b)]
    return (
        f"<b>The share of {escape(parts.names[down])} goes from {shares[0]:.0f} % to {shares[1]:.0f} % of cells, "
        f"that of {escape(parts.names[up])} from {shares[2]:.0f} % to {shares[3]:.0f} %</b>; "
        f"{escape(session.word(top['marker']))} {way} most on average. "
        f"{100 * change.shift_share:.0f} % of the squared distance is a shift all cells share, "
        f"{100 * (1 - change.shift_share):.0f} % is a change of shape."
    )
