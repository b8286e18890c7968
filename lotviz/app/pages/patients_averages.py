"""Below the map: the average patients of two groups, how they differ, and how good the averages are."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from html import escape

import numpy as np

from lotviz.analysis.group_difference import HOLDS, LEAST, GroupDifference, group_difference, group_weights
from lotviz.app.choices import PARTS, VIEW
from lotviz.app.frame import Page, badge, grid, headline, key, picture, section, select
from lotviz.app.jobs import Progress
from lotviz.app.pages.patients_axis import CELLS, LETTERS, leading, populations_in, unit_of, waiting
from lotviz.app.pages.patients_survey import surveyed
from lotviz.app.pages.views_of_cells import axes_note, frame_of, population_keys
from lotviz.app.session import Session
from lotviz.data import CohortError
from lotviz.transport import BarycenterCertificate, certified_barycenter
from lotviz.transport.progress import part_of
from lotviz.transport.registered_cells import RegisteredCells, registered_cells
from lotviz.views.biclusters import change_table
from lotviz.views.clouds import SHAPE, populations_cloud
from lotviz.views.said_of_patients import changes_said, difference_said, probability
from lotviz.views.style import nothing
from lotviz.views.theme import carrying, diverging

MOST_MARKERS = 8  # columns of the table
ARCS = 20_000_000  # pairs of cells in the pairs of samples that are solved for one average: a few seconds
DEPENDS = ("group_a", "group_b", "part", "averages", "names", "survey")


@dataclass(frozen=True, eq=False)
class Averages:
    """Synthetic cells of one or two averages, and how the two differ; or why that cannot be said."""

    cells: tuple[RegisteredCells, ...]
    difference: GroupDifference | None
    refusal: str = ""


# ---- numbers -----------------------------------------------------------------------------------------------------


def averaged(session: Session) -> tuple[str, ...]:
    """Name the groups that are averaged; none where there are no groups: then all samples are."""
    chosen = (session.choices.chosen("group_a"), session.choices.chosen("group_b"))
    known = session.groups() if session.grouping else []
    return tuple(dict.fromkeys(name for name in chosen if name in known))


def weights_of(session: Session, which: str | None) -> dict[str, float]:
    """Return the weight of each sample in the average of a group, or of all."""
    embedding, who = session.embedding, session.group
    names = [str(name) for name in embedding.samples.index]
    owners = embedding.samples[who] if who else None
    labels = ["all"] * len(names) if which is None else embedding.samples[session.grouping]
    return group_weights(labels, which or "all", owners, names=names)


def averages(session: Session) -> Averages | None:
    """Return the averages and their difference; None until they are there."""
    groups, embedding, seed = averaged(session), session.embedding, session.choices.seed
    weights = [weights_of(session, which) for which in groups or (None,)]
    part, parts, who = PARTS[session.choices.part], session.derived_regions, session.group

    def work(progress: Progress, cancel: threading.Event) -> Averages:
        total = sum(map(len, weights))
        before = [sum(map(len, weights[:k])) for k in range(len(weights))]
        cells = tuple(
            registered_cells(
                embedding, one, n_cells=CELLS, seed=seed, progress=part_of(progress, start, total), cancel=cancel
            )
            for start, one in zip(before, weights, strict=True)
        )
        if len(groups) < 2:
            return Averages(cells, None, "Choose two groups to see how their averages differ.")
        try:
            options = {"regions": parts, "group": who, "part": part, "seed": seed}
            return Averages(cells, group_difference(embedding, session.grouping, groups, **options))
        except CohortError as refused:
            return Averages(cells, None, str(refused.problems[0].what))

    place = ("averages", session.comparison, session.grouping, groups, part, who)
    return session.aside.get("averages", place, "Averaging the groups", work)


def certificates(session: Session) -> tuple[BarycenterCertificate, ...] | None:
    """Return how far each average is from the best possible one; None until that is known."""
    groups, embedding, seed = averaged(session), session.embedding, session.choices.seed
    weights = [weights_of(session, which) for which in groups or (None,)]

    def work(progress: Progress, cancel: threading.Event) -> tuple[BarycenterCertificate, ...]:
        options = {"arcs": ARCS, "seed": seed, "progress": progress, "cancel": cancel}
        return tuple(certified_barycenter(embedding, one, **options) for one in weights)

    place = ("certificate", session.comparison, session.grouping, groups, session.group)
    return session.aside.get("certificate", place, "Bounding the averages from below", work)


# ---- pictures ----------------------------------------------------------------------------------------------------


def averages_picture(session: Session, page: Page) -> object:
    """Return the cells of the averages beside the table of how they differ."""
    depends = (*DEPENDS, *VIEW)
    tiles = []
    for place in range(2):
        head = page.html(partial(_tile_head, session, place), *depends)
        cells = page.shaped(partial(_tile, session, place), *depends, shape=SHAPE, late=True)
        tiles.append(picture(head, cells))
    table = picture(page.html(lambda: _table_head(session), *depends), page.plot(lambda: _table(session), *depends))
    cells = [(tiles[0], "1 / span 3", "1"), (tiles[1], "4 / span 3", "1"), (table, "7 / span 6", "1")]
    whole = grid(*cells, rows="minmax(0, 1fr)", gap="0 18px", padding="0")
    foot = page.html(lambda: f'<div class="said" role="status">{escape(_said(session))}</div>', *depends, "certificate")
    return picture(page.html(lambda: _head(session), *depends), whole, foot)


def _head(session: Session) -> str:
    there = surveyed(session) is not None
    note, known = (axes_note(session), population_keys(session, LETTERS)) if there else ("", "")
    right = f"{known}{badge('synthetic')}"
    title = (
        "Synthetic cells of two average patients" if len(averaged(session)) == 2 else "Synthetic cells of the average"
    )
    return headline(title, note, right)


def _tile_head(session: Session, place: int) -> str:
    """Name the group, and say over how many samples it is averaged."""
    groups = averaged(session)
    if place >= max(len(groups), 1):
        return ""
    count = len(weights_of(session, groups[place] if groups else None))
    if not groups:
        return headline("All samples", f"average of {count}", small=True)
    colours, marks = session.group_style()
    name = groups[place]
    return headline(key(name, colours[name], marks[name]), f"average of {count}", small=True)


def _tile(session: Session, place: int) -> object:
    """Return the synthetic cells of one average."""
    theme = session.choices.theme
    if place >= max(len(averaged(session)), 1):
        return nothing("", theme)
    found = averages(session)
    if found is None:
        return nothing(waiting(session), theme)
    cells, colours = found.cells[place], session.population_colours()
    points = session.projection.apply(cells.cells)
    kinds = populations_in(session, cells)
    return populations_cloud(points, kinds, colours, bounds=frame_of(session), theme=theme, shares=False)


def _table_head(session: Session) -> str:
    found = averages(session)
    if found is None or found.difference is None:
        return ""
    first, second = (escape(name) for name in found.difference.groups)
    total = len(session.embedding.markers)
    shown = badge(f"{MOST_MARKERS} of {total} markers") if total > MOST_MARKERS else ""
    return headline(f"{second} less {first}", f"{escape(unit_of(session))}; pale: may be chance", shown, small=True)


def _table(session: Session) -> object:
    """Return the difference of the averages by region and marker; what does not stand is pale."""
    theme, found = session.choices.theme, averages(session)
    if found is None:
        return nothing(waiting(session), theme)
    one = found.difference
    if one is None:
        return nothing(found.refusal, theme)
    # what stands comes first, of whatever size
    columns = leading(np.where(one.p < HOLDS, 1e6, 1.0) * np.abs(one.values), MOST_MARKERS)
    names = [session.word(session.embedding.markers[column]) for column in columns]
    own = len(session.groups()) == 2 and one.groups == tuple(session.groups())
    return change_table(
        names,
        session.regions.names,
        one.values[:, columns],
        palette=diverging(theme) if own else carrying(theme),
        theme=theme,
        stands=one.p[:, columns] < HOLDS,
        notes=_notes(one)[:, columns],
    )


def _notes(one: GroupDifference) -> np.ndarray:
    """Say interval and p of every difference, (k, d)."""
    rows = zip(one.low.ravel(), one.high.ravel(), one.p.ravel(), strict=True)
    words = [f"95 %: {low:+.2f} to {high:+.2f}; {probability(p)} with all looked at" for low, high, p in rows]
    return np.array(words, dtype=object).reshape(one.values.shape)


def _said(session: Session) -> str:
    """Say whether the averages differ, in what, and how good they are."""
    found, bounds = averages(session), _certificates_said(session)  # both begin at once
    return " ".join(part for part in ("" if found is None else _difference_said(session, found), bounds) if part)


def _difference_said(session: Session, found: Averages) -> str:
    one = found.difference
    if one is None:
        return found.refusal
    table = one.table()
    held = table[table["p"] < HOLDS]
    names = dict(zip(one.names, session.regions.names, strict=True))
    rows = [(names[row.region], session.word(row.marker), row.difference) for row in held.itertuples()]
    return difference_said(
        one.groups,
        one.patients,
        paired=one.paired,
        apart=(one.distance, one.by_chance, one.distance_p),
        standing=changes_said(rows, most=len(rows)),
        of=one.values.size,
        word="patients" if session.group else "samples",
    )


def _certificates_said(session: Session) -> str:
    """Say how far the averages are from the best possible ones."""
    found = certificates(session)
    if found is None:
        return ""
    if len(found) == 1:
        return found[0].said()
    both = zip(averaged(session), found, strict=True)
    return " ".join(f"{name}: {one.said()[0].lower()}{one.said()[1:]}" for name, one in both)


def averages_controls(session: Session) -> list[object]:
    """Return the choice of the two groups; none where there are two only."""
    if len(session.groups()) <= LEAST:
        return []
    choices = session.choices
    return [section("Averages"), select(choices, "group_a", "First group"), select(choices, "group_b", "Second group")]
