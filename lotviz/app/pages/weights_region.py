"""The region that stands out on the Weights page: its markers, in the samples of both groups."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from html import escape

import numpy as np
import panel as pn

from lotviz.analysis.density import density, density_grid
from lotviz.analysis.regions import nearest_regions
from lotviz.app.frame import FULL, Page, badge, headline, key, legend, picture, row_of
from lotviz.app.jobs import Progress
from lotviz.app.session import Session
from lotviz.transport import Cancelled
from lotviz.views.charts import sample_curves
from lotviz.views.said import shifts_said
from lotviz.views.style import nothing, signed
from lotviz.views.theme import BLUE, VERMILLION

MOST_CURVES = 6  # markers, those whose means in the region differ most
HEIGHT = "212px"  # its row of the page is as high as what is in it
DEPENDS = ("region", "names", "positive", "region curves")


@dataclass(frozen=True, eq=False)
class RegionCurves:
    """Markers of the cells of one region in every sample with a label.

    Parameters
    ----------
    markers
        Positions of the markers, the one that differs most first.
    grids
        Values of each of them, (g,).
    sides
        For each marker the densities of the samples of the two sides, (s, g) and (r, g), NaN without cells.
    shifts
        Difference of the mean of the samples, second minus first side, (markers,).
    cells, used
        Cells in the region, and of all samples.
    """

    markers: tuple[int, ...]
    grids: tuple[np.ndarray, ...]
    sides: tuple[tuple[np.ndarray, np.ndarray], ...]
    shifts: np.ndarray
    cells: int
    used: int


def region_curves(session: Session) -> RegionCurves | None:
    """Return the curves of the region that stands out; None until they are there."""
    embedding, asked, place, found = session.embedding, session.asked, session.region, session.derived_regions

    def work(progress: Progress, cancel: threading.Event) -> RegionCurves:
        names = [str(name) for name in embedding.samples.index]
        known = [(name, label) for name, label in zip(names, asked.labels, strict=True) if label >= 0]
        clouds, upper, used = [], [], 0
        for number, (name, label) in enumerate(known):
            if cancel.is_set():
                raise Cancelled
            progress(number, len(known), "")
            cells = embedding.cells(name)
            inside = nearest_regions(embedding.scaled_cells(name), found) == place
            clouds.append(np.asarray(cells[inside], dtype=np.float64))
            upper.append(label == asked.labels.max())
            used += len(cells)
        return _curves(clouds, np.array(upper), spread=embedding.scaling.scale, used=used)

    where = ("region curves", session.comparison, place, *session.asking)
    return session.aside.get("region curves", where, "Looking at the cells of the region", work)


def _curves(clouds: list[np.ndarray], upper: np.ndarray, *, spread: np.ndarray, used: int) -> RegionCurves:
    """Return the markers whose sample means differ most between the sides, and their densities."""
    count = clouds[0].shape[1]
    means = np.stack([cloud.mean(axis=0) if len(cloud) else np.full(count, np.nan) for cloud in clouds])
    sides = [means[upper == side] for side in (False, True)]
    middles = [side[np.isfinite(side[:, 0])] for side in sides]
    shifts = np.zeros(count)
    if all(len(middle) for middle in middles):
        shifts = middles[1].mean(axis=0) - middles[0].mean(axis=0)
    order = tuple(int(i) for i in np.argsort(-np.abs(shifts / spread), kind="stable")[:MOST_CURVES])
    everything = np.concatenate(clouds)
    grids, curves = [], []
    for marker in order if len(everything) else ():
        grid = density_grid(everything[:, marker])
        rows = np.stack(
            [density(cloud[:, marker], grid) if len(cloud) else np.full(len(grid), np.nan) for cloud in clouds]
        )
        grids.append(grid)
        curves.append((rows[~upper], rows[upper]))
    return RegionCurves(order[: len(grids)], tuple(grids), tuple(curves), shifts, len(everything), used)


def region_picture(session: Session, page: Page) -> object:
    """Return the curves of the region that stands out; nothing where none does."""
    head = page.html(lambda: _head(session), *DEPENDS)
    foot = page.html(lambda: f'<div class="said">{escape(_said(session))}</div>', *DEPENDS)
    tiles = [
        page.plot(partial(_curve, session, place), *DEPENDS)
        for place in range(min(MOST_CURVES, len(session.embedding.markers)))
    ]
    whole = picture(head, row_of(tiles, gap="0 14px"), foot)

    holder = pn.Column(**FULL)

    def show() -> None:
        holder[:] = [whole] if session.region is not None else []
        holder.styles = {**holder.styles, "min-height": HEIGHT if session.region is not None else "0"}

    page.effect(show, "region")
    return holder


def _colours(session: Session) -> tuple[str, str]:
    """Return the colours of the two sides of the question."""
    style, _marks = session.group_style()
    negative, positive = session.asked.classes
    return style.get(negative, VERMILLION if style.get(positive) != VERMILLION else BLUE), style.get(positive, BLUE)


def _head(session: Session) -> str:
    if session.region is None:
        return ""
    found, colours = region_curves(session), _colours(session)
    negative, positive = session.asked.classes
    keys = legend(key(negative, colours[0], "dashes"), key(positive, colours[1], "line"))
    count = "" if found is None else badge(f"{found.cells:,} of {found.used:,} cells")
    title = f"Markers of {escape(session.regions.names[session.region])}"
    note = "thin: a sample; thick: their mean; those that differ most"
    return headline(title, note, f"{keys}{count}")


def _curve(session: Session, place: int) -> object:
    theme = session.choices.theme
    found = region_curves(session) if session.region is not None else None
    if session.region is None or (found is not None and place >= len(found.markers)):
        return nothing("", theme)
    if found is None:
        return nothing("…", theme)
    marker = found.markers[place]
    title = f"{session.word(session.embedding.markers[marker])} {signed(float(found.shifts[marker]))}"
    return sample_curves(found.grids[place], found.sides[place], colours=_colours(session), theme=theme, title=title)


def _said(session: Session) -> str:
    found = region_curves(session) if session.region is not None else None
    if found is None or not found.markers:
        return ""
    words = [session.word(marker) for marker in session.embedding.markers]
    return shifts_said(
        session.regions.names[session.region],
        words,
        found.shifts,
        groups=session.asked.classes,
        unit=session.embedding.transform.describe()
        if len(session.embedding.transform.describe()) < 40
        else "own units",
    )
