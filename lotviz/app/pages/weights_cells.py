"""Cells of the Weights page, coloured by what each adds to the score: of four samples, or of two groups."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from html import escape

import numpy as np

from lotviz.analysis.contribution import contributions
from lotviz.analysis.pulls import region_pulls
from lotviz.analysis.regions import nearest_regions
from lotviz.analysis.selection import evenly_spaced, inside_polygon
from lotviz.app.choices import GROUPS, MARKERS, NONE, VIEW
from lotviz.app.frame import Page, cells_badge, headline, key, picture, ramp, row_of
from lotviz.app.jobs import Progress
from lotviz.app.pages.views_of_cells import frame_of, points_of, view_of
from lotviz.app.pages.weights_maps import part_of
from lotviz.app.selected import Selected
from lotviz.app.session import Session
from lotviz.transport import Cancelled
from lotviz.views.clouds import SHAPE, Bounds, biaxial_cloud, box_of, values_cloud
from lotviz.views.said import selection_said
from lotviz.views.streams import on_lasso
from lotviz.views.style import nothing, signed
from lotviz.views.theme import diverging

SCALE = 98  # percentile of the contributions of all shown cells that gets the last colour
POOLED = 40_000  # cells of a group that are drawn
THINNED = 2000  # cells of each sample that decide the frame
DEPENDS = ("a", "b", "positive", "weight", *VIEW)
STANDING_OUT = ("region", "names", "selection")


# ---- numbers -----------------------------------------------------------------------------------------------------


def shown_samples(session: Session) -> list[str]:
    """Name up to four samples: the two chosen ones, then the lowest and the highest score."""
    scores = session.model.scores
    names = [str(name) for name in session.embedding.samples.index]
    extremes = [names[int(np.argmin(scores))], names[int(np.argmax(scores))]]
    chosen = list(dict.fromkeys([session.choices.a, session.choices.b, *extremes]))[:4]
    return sorted(chosen, key=lambda name: scores[names.index(name)])


def cell_contributions(session: Session, sample: str) -> np.ndarray:
    """Return what each used cell of a sample adds to its score, (n,), in the chosen part of the weight."""
    embedding, part = session.embedding, part_of(session)

    def make() -> np.ndarray:
        return contributions(session.model, embedding.plan(sample), embedding.scaled_cells(sample), part=part)

    return session.derived("contributions", make, sample, part, *session.asking)


def score_of_cells(session: Session, sample: str) -> float:
    """Return what the cells of a sample add to the score of the mean sample: the sum of their contributions."""
    model, row = session.model, session.embedding.index(sample)
    return float(model.scores[row] - model.score_of_training_mean - model.adjustments[row])


def members_of(session: Session, sample: str) -> np.ndarray:
    """Return the region each used cell of a sample lies in, (n,)."""
    make = partial(_nearest, session, sample)
    return session.derived("members", make, sample)


def _nearest(session: Session, sample: str) -> np.ndarray:
    return nearest_regions(session.embedding.scaled_cells(sample), session.derived_regions)


def places_of(session: Session, sample: str) -> np.ndarray:
    """Return the used cells of a sample in the chosen view, (n, 2): on two markers, in their own units."""
    if session.choices.axes != MARKERS:
        return points_of(session, sample)
    embedding, choices = session.embedding, session.choices
    columns = [embedding.markers.index(choices.x), embedding.markers.index(choices.y)]
    make = partial(_columns, session, sample, columns)
    return session.derived("biaxial", make, sample, choices.x, choices.y)


def _columns(session: Session, sample: str, columns: list[int]) -> np.ndarray:
    return np.asarray(session.embedding.cells(sample)[:, columns], dtype=np.float64)


def bounds_in(session: Session) -> Bounds:
    """Return one frame for all samples in the chosen view."""
    if session.choices.axes != MARKERS:
        return frame_of(session)

    def make() -> Bounds:
        clouds = [places_of(session, str(name)) for name in session.embedding.samples.index]
        return box_of([cloud[:: max(1, len(cloud) // THINNED)] for cloud in clouds])

    return session.derived("box", make, *view_of(session))


def inside_of(session: Session, sample: str) -> np.ndarray | None:
    """Return which cells of a sample stand out, (n,); None where none do: the chosen cells, or those of the region."""
    if session.selected is not None:
        return session.selected.cells.get(sample)
    return None if session.region is None else members_of(session, sample) == session.region


# ---- groups ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Pooled:
    """Cells of the samples of one side of the question, thinned evenly.

    Parameters
    ----------
    samples
        Their names.
    rows
        Which used cells of each sample are drawn.
    per_cell
        Contribution of each of them times the number of cells of its sample.
    pulls, shares
        What the cells of each region add to the score, and their share, in the mean over the samples, (k,) each.
    """

    samples: tuple[str, ...]
    rows: tuple[np.ndarray, ...]
    per_cell: np.ndarray
    pulls: np.ndarray
    shares: np.ndarray


def pooled(session: Session) -> tuple[Pooled, Pooled] | None:
    """Return the cells of the two sides of the question; None until they are there."""
    embedding, asked, model, part = session.embedding, session.asked, session.model, part_of(session)
    names = [str(name) for name in embedding.samples.index]
    counts = dict(zip(names, (int(count) for count in embedding.n_cells_used), strict=True))
    parts, last = session.derived_regions, int(asked.labels.max())
    count = len(parts.names)
    sides = [
        tuple(name for name, label in zip(names, asked.labels, strict=True) if label >= 0 and (label == last) == upper)
        for upper in (False, True)
    ]

    def work(progress: Progress, cancel: threading.Event) -> tuple[Pooled, Pooled]:
        done, found = 0, []
        for side in sides:
            used = sum(counts[name] for name in side)
            rows, values, pulls, shares = [], [], [], []
            for name in side:
                if cancel.is_set():
                    raise Cancelled
                progress(done, sum(map(len, sides)), "")
                cells = embedding.scaled_cells(name)
                per_cell, members = (
                    contributions(model, embedding.plan(name), cells, part=part),
                    nearest_regions(cells, parts),
                )
                pulls.append(region_pulls(per_cell, members, count))
                shares.append(np.bincount(members, minlength=count) / len(members))
                rows.append(evenly_spaced(counts[name], min(counts[name], POOLED * counts[name] // used)))
                values.append(per_cell[rows[-1]] * counts[name])
                done += 1
            means = np.mean(pulls, axis=0), np.mean(shares, axis=0)
            found.append(Pooled(side, tuple(rows), np.concatenate(values), *means))
        return found[0], found[1]

    place = ("pooled", session.comparison, part, *session.asking)
    return session.aside.get("pooled", place, "Looking at the cells of all samples", work)


# ---- pictures ----------------------------------------------------------------------------------------------------


def cells_picture(session: Session, page: Page) -> object:
    """Return the cells of four samples, or of the two sides of the question, with a sentence on those chosen."""
    grouped = session.choices.cells == GROUPS
    depends = (*DEPENDS, *STANDING_OUT, "pooled") if grouped else (*DEPENDS, *STANDING_OUT)
    tiles = []
    for place in range(2 if grouped else min(4, len(session.embedding.samples))):
        head = page.html(partial(_side_head if grouped else _sample_head, session, place), *depends)
        cells = partial(_side_cells if grouped else _sample_cells, session, place)
        tiles.append(picture(head, page.shaped(cells, *depends, shape=SHAPE, late=True)))
    head = page.html(lambda: _cells_head(session), *depends)
    foot = page.html(lambda: f'<div class="said" role="status">{escape(_cells_said(session))}</div>', *depends)
    return picture(head, row_of(tiles), foot)


def _cells_head(session: Session) -> str:
    """Say what the colours mean and how many of the cells are shown."""
    negative, positive = session.model.classes
    embedding = session.embedding
    colours = ramp(diverging(session.choices.theme), f"pulls to {negative}", f"pulls to {positive}")
    if session.choices.cells == GROUPS:
        sides = pooled(session)
        shown = sum(len(side.per_cell) for side in sides) if sides is not None else 0
        total = sum(int(embedding.n_cells[embedding.index(name)]) for side in sides or () for name in side.samples)
    else:
        rows = [embedding.index(name) for name in shown_samples(session)]
        shown, total = int(embedding.n_cells_used[rows].sum()), int(embedding.n_cells[rows].sum())
    note = "grey is zero; they add up to the score"
    return headline("Cells that carry it", note, f"{colours}{cells_badge(shown, total)}")


def _sample_head(session: Session, place: int) -> str:
    """Return a sample's name, group and score."""
    shown = shown_samples(session)
    if place >= len(shown):
        return ""
    name = shown[place]
    group = session.group_of(name)
    colours, marks = session.group_style()
    legend = key(group, colours[group], marks[group]) if group in colours else escape(group)
    return headline(escape(name), legend, f"score <b>{signed(score_of_cells(session, name))}</b>")


def _sample_cells(session: Session, place: int) -> object:
    """Return the picture of one sample's contributions; one scale for all samples shown."""
    shown = shown_samples(session)
    if place >= len(shown):
        return nothing("", session.choices.theme)
    name = shown[place]
    points, per_cell = places_of(session, name), cell_contributions(session, name)
    drawn = _drawn(
        session, points, per_cell * len(points), limit=_limit(session), inside=inside_of(session, name), place=name
    )
    on_lasso(drawn, partial(select_cells, session, [name], name))
    return drawn


def _limit(session: Session) -> float:
    """Return the contribution per cell that gets the last colour, the same for all samples shown."""
    shown = shown_samples(session)
    make = partial(_percentile, session, shown)
    return session.derived("limit", make, *shown, part_of(session), *session.asking)


def _percentile(session: Session, names: list[str]) -> float:
    found = [cell_contributions(session, name) for name in names]
    return float(np.percentile(np.concatenate([np.abs(c) * len(c) for c in found]), SCALE)) or 1.0


def _side_head(session: Session, place: int) -> str:
    """Return the name of one side of the question, its number of samples and their mean score."""
    sides = pooled(session)
    name = session.model.classes[place]
    if sides is None:
        return headline(escape(name))
    colours, marks = session.group_style()
    title = key(name, colours[name], marks[name]) if name in colours else escape(name)
    mean = float(np.mean([score_of_cells(session, sample) for sample in sides[place].samples]))
    return headline(title, f"{len(sides[place].samples)} samples", f"mean score <b>{signed(mean)}</b>")


def _side_cells(session: Session, place: int) -> object:
    """Return the picture of the cells of one side of the question."""
    sides = pooled(session)
    if sides is None:
        return nothing("Looking at the cells of all samples …", session.choices.theme)
    side = sides[place]
    points = np.concatenate(
        [places_of(session, name)[rows] for name, rows in zip(side.samples, side.rows, strict=True)]
    )
    masks = [inside_of(session, name) for name in side.samples]
    inside = None
    if any(mask is not None for mask in masks):
        chosen = [
            np.zeros(len(rows), dtype=bool) if mask is None else mask[rows]
            for mask, rows in zip(masks, side.rows, strict=True)
        ]
        inside = np.concatenate(chosen)
    limit = float(np.percentile(np.abs(np.concatenate([s.per_cell for s in sides])), SCALE)) or 1.0
    drawn = _drawn(session, points, side.per_cell, limit=limit, inside=inside, place=f"side {place}")
    on_lasso(drawn, partial(select_cells, session, list(side.samples), f"side {place}"))
    return drawn


def _drawn(
    session: Session, points: np.ndarray, values: np.ndarray, *, limit: float, inside: np.ndarray | None, place: str
) -> object:
    """Return a cloud in the chosen view; the line a hand drew stands where it was drawn."""
    choices, chosen = session.choices, session.selected
    own = chosen is not None and chosen.place == place and chosen.view == view_of(session)
    options = {
        "limit": limit,
        "bounds": bounds_in(session),
        "theme": choices.theme,
        "inside": inside,
        "line": chosen.line if own else None,
    }
    if choices.axes != MARKERS:
        return values_cloud(points, values, **options)
    axes = (_axis(session, choices.x), _axis(session, choices.y))
    return biaxial_cloud(points, values, axes=axes, **options)


def _axis(session: Session, marker: str) -> str:
    """Name a marker with its unit."""
    unit = session.embedding.transform.of(marker).describe()
    return session.word(marker) if unit == "none" else f"{session.word(marker)} ({unit.partition(',')[0]})"


# ---- choosing cells ----------------------------------------------------------------------------------------------


def select_cells(session: Session, samples: list[str], place: str, line: np.ndarray) -> None:
    """Choose the cells of some samples that a line goes round; none inside takes the choice back."""
    masks = {name: inside_polygon(places_of(session, name), line) for name in samples}
    chosen = Selected(masks, line, view_of(session), place)
    if session.region is not None:
        session.choices.region = NONE
    session.select(chosen if chosen.count else None)


def _cells_said(session: Session) -> str:
    """Say how many cells were chosen and how much of the score they carry; of a region, in every sample shown."""
    if session.selected is not None:
        return _selection_said(session, session.selected)
    if session.region is None:
        return "Draw a line round cells to see how much of the score they carry."
    return _region_said(session, session.region)


def _selection_said(session: Session, chosen: Selected) -> str:
    names = list(chosen.cells)
    pulls = [float(cell_contributions(session, name)[chosen.cells[name]].sum()) for name in names]
    scores = [float(cell_contributions(session, name).sum()) for name in names]
    of = sum(len(mask) for mask in chosen.cells.values())
    words = selection_said(
        chosen.count, of, pull=float(np.mean(pulls)), score=float(np.mean(scores)), classes=session.model.classes
    )
    where = f"In {names[0]}: " if len(names) == 1 else f"In {len(names)} samples, on average of them: "
    return where + words


def _region_said(session: Session, place: int) -> str:
    name = session.regions.names[place]
    parts = []
    if session.choices.cells == GROUPS:
        for side, group in zip(pooled(session) or (), session.model.classes, strict=False):
            pull, share = float(side.pulls[place]), 100 * float(side.shares[place])
            parts.append(f"{group} {signed(pull)} with {share:.0f} % of their cells")
        return f"What the cells of {name} add, on average: {', '.join(parts)}." if parts else ""
    for sample in shown_samples(session):
        per_cell, members = cell_contributions(session, sample), members_of(session, sample)
        share = 100 * float((members == place).mean())
        parts.append(f"{sample} {signed(float(per_cell[members == place].sum()))} with {share:.0f} % of its cells")
    return f"What the cells of {name} add: {', '.join(parts)}."
