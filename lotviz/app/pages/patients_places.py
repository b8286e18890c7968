"""Where the samples of the Patients page lie: their distances, their axes, the map, and newcomers on it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from html import escape

import numpy as np
import pandas as pd

from lotviz.analysis.design import is_continuous
from lotviz.analysis.newcomers import distances_to, newcomers
from lotviz.analysis.sample_maps import LEAST, Placed, mds_map, place_on_mds, tsne_map
from lotviz.app.choices import PARTS, PLACINGS
from lotviz.app.desk import BROUGHT
from lotviz.app.frame import Page, badge, keys, ramp, remark, section
from lotviz.app.jobs import Progress
from lotviz.app.pages.patients_survey import AT_ONCE, surveyed
from lotviz.app.pages.weights_newcomer import choice_of_other, opening_of_other
from lotviz.app.session import MOST_GROUPS, Session
from lotviz.transport import LOTEmbedding
from lotviz.views.maps import sample_map
from lotviz.views.said_of_patients import map_said, newcomer_said
from lotviz.views.streams import on_tap
from lotviz.views.style import nothing
from lotviz.views.theme import graded, group_colours, group_marks

PLACED = ("part", "placing", "placed", "newcomer", "survey")  # what the places on the map follow from
LETTERS = 42  # of the legend of the map: its title needs its room
MOST_KEPT = 0.5  # of the neighbours: on a map that keeps fewer, near need not mean alike
MOST_NAMED = 3  # newcomers that are named on the map


# ---- numbers -----------------------------------------------------------------------------------------------------


def unlike(session: Session) -> list[str]:
    """Name the samples that are unlike all others, the most unlike first; none until that is known."""
    found, names = surveyed(session), session.embedding.samples.index
    return [] if found is None else [str(names[row]) for row in found.unlike]


def placed(session: Session) -> Placed | None:
    """Return the places of the samples on the map; None until they are there."""
    choices, found = session.choices, surveyed(session)
    method, part = PLACINGS[choices.placing], PARTS[choices.part]
    if found is None or (method == "tsne" and len(found.distances) < LEAST):
        return None
    if method == "pca":
        return found.placed
    distances = found.distances

    def work(progress: Progress, cancel: threading.Event) -> Placed:
        if method == "mds":
            return mds_map(distances, progress=progress, cancel=cancel)
        return tsne_map(distances, seed=choices.seed)

    if len(distances) <= AT_ONCE:
        return session.derived("placed", lambda: work(lambda *_: None, threading.Event()), method, part, choices.seed)
    place = ("placing", session.comparison, method, part)
    return session.aside.get("placing", place, f"Placing {len(distances)} samples", work)


@dataclass(frozen=True, eq=False)
class Newcomers:
    """Samples of another cohort in the space of this one."""

    projected: LOTEmbedding


def newcomers_of(session: Session) -> Newcomers | None:
    """Return the samples of the other cohort; None until they are there, or where none is chosen."""
    other = session.choices.other
    if not other or other == session.choices.cohort:
        return None
    workspace, opening, embedding = (
        session.desk.workspace_of(other),
        opening_of_other(session, other),
        session.embedding,
    )

    def work(progress: Progress, cancel: threading.Event) -> Newcomers:
        cohort = workspace.open(opening, progress, cancel).cohort
        return Newcomers(embedding.project(cohort, progress=progress, cancel=cancel))

    place = ("placed", session.comparison, opening)
    return session.aside.get("placed", place, f"Placing {other.removeprefix(BROUGHT)} on the map", work)


def newcomer_table(session: Session, found: Newcomers) -> pd.DataFrame:
    """Say how newcomers stand to the cohort; see `newcomers`."""
    part = PARTS[session.choices.part]
    make = partial(newcomers, session.embedding, found.projected, part=part)
    return session.derived("newcomers", make, session.choices.other, part)


def _newcomer_places(session: Session) -> pd.DataFrame | None:
    """Return where newcomers lie on the map: x, y and whether they are named; None where the map has no place."""
    found, method, places = newcomers_of(session), PLACINGS[session.choices.placing], placed(session)
    if found is None or places is None or method == "tsne":
        return None
    part, index = PARTS[session.choices.part], found.projected.samples.index.astype(str)
    if method == "pca":
        table = np.zeros((len(index), 2))
        coordinates = surveyed(session).modes.project(found.projected.maps)[:, :2]
        table[:, : coordinates.shape[1]] = coordinates
    else:
        away = distances_to(session.embedding, found.projected, part=part)
        make = partial(place_on_mds, places.coordinates, away)
        table = session.derived("newcomer places", make, session.choices.other, part, method)
    chosen = session.choices.newcomer
    named = (index == chosen) if chosen in index else np.arange(len(index)) < MOST_NAMED
    return pd.DataFrame(table, columns=["x", "y"], index=index).assign(named=named)


# ---- pictures ----------------------------------------------------------------------------------------------------


def map_picture(session: Session) -> object:
    """Return the map; a tap makes the tapped sample the second of the pair, the second the first."""
    choices, embedding = session.choices, session.embedding
    places, column = placed(session), session.colour
    if places is None:
        few = choices.placing == "t-SNE" and len(embedding.samples) < LEAST
        why = f"A map of neighbours needs at least {LEAST} samples." if few else "The samples are being placed."
        stopped = "" if few or session.aside.job is not None else "Not placed: stopped, or see above."
        return nothing(stopped or why, choices.theme)
    table = pd.DataFrame(places.coordinates, columns=["x", "y"], index=embedding.samples.index)
    table["cells"] = embedding.n_cells
    table["colour"] = embedding.samples[column] if column else ""
    picture, marks = sample_map(
        table,
        groups=categories(session) if column else [""],
        selected=list(dict.fromkeys([choices.a, choices.b])),
        axes=_axes(session, places),
        theme=choices.theme,
        coloured_by=column or "",
        newcomers=_newcomer_places(session),
    )
    on_tap(marks, lambda row: _choose(session, str(embedding.samples.index[row])))
    return picture


def _axes(session: Session, places: Placed) -> tuple[str, str]:
    """Say what the two axes are."""
    if places.method == "pca":
        shares = [*surveyed(session).modes.explained[:2], 0.0, 0.0][:2]
        first, second = (f"{100 * share:.0f} %" for share in shares)
        return f"LOT axis 1 ({first} of variance)", f"LOT axis 2 ({second})"
    unit = "in units of LOT distance" if places.method == "mds" else "no unit"
    return f"{session.choices.placing} 1 ({unit})", f"{session.choices.placing} 2"


def map_note(session: Session) -> str:
    """Say how to read the map: near means alike only where most neighbours are kept."""
    places = placed(session)
    if places is None:
        return "tap to choose"
    return f"near {'means' if places.kept >= MOST_KEPT else 'need not mean'} alike; tap to choose"


def map_words(session: Session) -> str:
    """Say how far the map can be believed."""
    places = placed(session)
    if places is None:
        return ""
    explained = [float(share) for share in surveyed(session).modes.explained[:2]] if places.method == "pca" else ()
    said = map_said(explained=explained, stress=places.stress, kept=places.kept, neighbours=places.neighbours)
    if session.choices.other and places.method == "tsne":
        said += " This map has no place for newcomers."
    return f'<div class="said">{escape(said)}</div>'


def categories(session: Session) -> list[str] | None:
    """Return the groups of the colouring column, or None where it is a number."""
    column = session.embedding.samples[session.colour]
    many = pd.api.types.is_numeric_dtype(column) and column.nunique() > MOST_GROUPS
    return None if many or is_continuous(column) else session.groups(session.colour)


def map_keys(session: Session) -> str:
    """Return the legend of the map."""
    colour, theme = session.colour, session.choices.theme
    if colour is None:
        return ""
    groups = categories(session)
    if groups is None:
        column = session.embedding.samples[colour]
        return ramp(graded(theme), f"{colour} {column.min():g}", f"{column.max():g}, by rank")
    ends = np.cumsum([min(len(group), 18) + 3 for group in groups])  # letters of the legend
    shown = groups[: max(1, int((ends <= LETTERS).sum()))]
    more = badge(f"and {len(groups) - len(shown)} more") if len(groups) > len(shown) else ""
    return keys({g: c for g, c in group_colours(groups, theme).items() if g in shown}, group_marks(groups)) + more


def _choose(session: Session, name: str) -> None:
    """Make a sample the second of the pair; the one that was second becomes the first."""
    if name != session.choices.b:
        session.choices.param.update(a=session.choices.b, b=name)


# ---- the drawer --------------------------------------------------------------------------------------------------


def newcomer_controls(session: Session, page: Page) -> list[object]:
    """Return the choice of a cohort of new samples, and what is to be said of one of them."""
    return [
        section("New patient"),
        choice_of_other(session),
        page.html(lambda: f'<div class="drawer-note" role="status">{_newcomer_words(session)}</div>', *PLACED),
        remark("Samples of another file are brought to the same reference; the map is not moved by them."),
    ]


def _newcomer_words(session: Session) -> str:
    choices = session.choices
    if not choices.other:
        return ""
    found = newcomers_of(session)
    if found is None:
        return "Being placed." if session.aside.job is not None else "Not placed: stopped, or see above."
    table = newcomer_table(session, found)
    name = choices.newcomer if choices.newcomer in table.index else str(table["seen"].idxmin())
    row = table.loc[name]
    said = newcomer_said(
        name,
        str(row["nearest"]),
        as_far=float(row["as_far"]),
        seen=bool(row["seen"]),
        missed=float(row["residual_share"]),
        most_missed=float(session.embedding.residual_shares.max()),
    )
    unseen = int((~table["seen"]).sum())
    rest = f" {unseen} of {len(table)} new samples are unlike the cohort." if len(table) > 1 else ""
    return escape(said + rest)
