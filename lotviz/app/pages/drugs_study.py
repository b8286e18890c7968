"""The numbers of the Drugs page: what is asked of the cohort, beside the page, and what its pictures are made of."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from lotviz.analysis.drug_views import departures_by_line, region_homes, wells_under
from lotviz.analysis.interaction import interaction
from lotviz.analysis.interaction_readouts import ReadoutExcess
from lotviz.analysis.interaction_result import Interaction
from lotviz.app.choices import ALL_LINES, BY_NAME, NONE, POPULATIONS, SHARE, STUDIED
from lotviz.app.jobs import Progress
from lotviz.app.session import Session
from lotviz.data import CohortError, Problem
from lotviz.transport import LOTEmbedding

CONDITIONS = ("control", "a", "b", "both")


@dataclass(frozen=True, eq=False)
class DrugStudy:
    """What was found of a drug study, or why nothing can be."""

    found: Interaction | None
    refusal: tuple[Problem, ...] = ()


def complete(session: Session) -> bool:
    """Whether a column and its four values are chosen."""
    return all(session.choices.chosen(name) is not None for name in STUDIED[:5])


def asked(session: Session) -> dict[str, Any]:
    """Return the request as `lotviz.interaction` takes it; a column that is found by its name is left out."""
    c = session.choices
    columns = {"by": c.line, "replicate": c.replicate, "plate": c.plate}
    named = {name: column for name, column in columns.items() if column not in (BY_NAME, NONE)}
    return {"control": c.control, "a": c.drug_a, "b": c.drug_b, "both": c.drug_both, "column": c.condition, **named}


def left_out(session: Session) -> list[str]:
    """Name the columns that would be found by their names although it was said that there is no such column."""
    c = session.choices
    unwanted = [name for name in ("line", "replicate", "plate") if getattr(c, name) == NONE]
    if not unwanted:
        return []
    request, samples = asked(session), session.embedding.samples
    named = set(request.values())
    kept = {"line": "by", "replicate": "replicate", "plate": "plate"}
    found = _found_by_name(samples, request)
    return [column for name in unwanted if (column := found.get(kept[name])) and column not in named]


def _found_by_name(samples: pd.DataFrame, request: dict[str, Any]) -> dict[str, str | None]:
    from lotviz.analysis.interaction_columns import columns_of

    values = [request[name] for name in CONDITIONS]
    roles = {name: request.get(name) for name in ("by", "replicate", "plate")}
    try:
        found = columns_of(samples, values, column=request["column"], **roles)
    except CohortError:
        return {}
    return {"by": found.by, "replicate": found.replicate, "plate": found.plate}


def place(session: Session) -> Hashable:
    """Return all that the answer follows from."""
    studied = tuple(getattr(session.choices, name) for name in STUDIED)
    return ("interaction", session.comparison, *studied)


def study(session: Session) -> DrugStudy | None:
    """Return what was found; None until it is there."""
    request, seed, parts = asked(session), session.choices.seed, session.derived_regions
    embedding = seen(session)

    def work(progress: Progress, cancel: threading.Event) -> DrugStudy:
        try:
            return DrugStudy(
                interaction(embedding, **request, regions=parts, seed=seed, progress=progress, cancel=cancel)
            )
        except CohortError as refused:
            return DrugStudy(None, refusal=tuple(refused.problems))

    return session.aside.get("interaction", place(session), "Asking whether the drugs add up", work)


def seen(session: Session) -> LOTEmbedding:
    """Return the embedding without the columns that are not to be used."""
    unwanted = left_out(session)
    if not unwanted:
        return session.embedding
    without = session.embedding.samples.drop(columns=unwanted)
    return session.derived(
        "without columns", lambda: replace(session.embedding, samples=without), *unwanted, latest=True
    )


def answered(session: Session) -> DrugStudy:
    """Return what was found, where it is known to be there."""
    return session.aside.answer(place(session))


# ---- what is shown of it -------------------------------------------------------------------------------------------


def region_name(session: Session) -> str | None:
    """Return the region that stands out, as the result calls it."""
    return None if session.region is None else session.derived_regions.names[session.region]


def shown_region(session: Session, name: str) -> str:
    """Return a region under the name it was given here."""
    return session.regions.names[session.derived_regions.names.index(name)]


def region_words(session: Session, name: str) -> str:
    """Return a region with the population most of its cells are of, where that is known."""
    home = region_homes(answered(session).found).get(name)
    said = shown_region(session, name)
    return said if home is None or home[1] < 0.5 else f"{said} cells (mostly {home[0]})"


def marker_name(session: Session) -> str | None:
    """Return the marker that stands out."""
    return session.choices.marker if session.choices.marker in session.embedding.markers else None


def line_name(session: Session) -> str | None:
    """Return the line whose cells are shown; None for all."""
    return None if session.choices.culture == ALL_LINES else session.choices.culture


def counts_populations(session: Session) -> bool:
    """Whether populations are counted, not regions: the cohort names some, and they are asked for."""
    return answered(session).found.abundance is not None and session.choices.counted == POPULATIONS


def counted_table(session: Session) -> pd.DataFrame:
    """Return the shares of the populations or of the regions, as `Interaction.composition`."""
    found = answered(session).found
    return found.abundance if counts_populations(session) else found.composition


def clearest(session: Session) -> pd.Series:
    """Return the clearest row of the table: of the region and the marker that stand out, where some do."""
    table, region, marker = answered(session).found.table, region_name(session), marker_name(session)
    inside = np.ones(len(table), dtype=bool) if region is None else (table["region"] == region).to_numpy()
    inside &= np.ones(len(table), dtype=bool) if marker is None else (table["marker"] == marker).to_numpy()
    return table[inside].iloc[0]


def readout_of(session: Session) -> ReadoutExcess:
    """Return the single readout: the share of a population or region, or the median of a marker."""
    found, row = answered(session).found, clearest(session)
    if session.choices.readout != SHARE:
        return found.median(row["marker"], region=region_name(session))
    if counts_populations(session):
        return found.share_of_population(shared_population(session))
    return found.share(region_name(session) or _largest_change(found.composition))


def shared_population(session: Session) -> str:
    """Return the population whose share is read: the one that stands out, or the one that departs most clearly."""
    found, chosen = answered(session).found, session.choices.chosen("population")
    return chosen if chosen in found.maps.populations else _largest_change(found.abundance)


def _largest_change(table: pd.DataFrame) -> str:
    order = table.assign(size=-table["log_ratio"].abs()).fillna({"p": 1.0}).sort_values(["p", "size"], kind="stable")
    return str(order["region"].iloc[0])


def by_line(session: Session) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the departure of every line and of every replicate, in the region and of the marker that stand out."""
    found, region, marker = answered(session).found, region_name(session), marker_name(session)
    make = partial(departures_by_line, seen(session), found, region=region, marker=marker)
    return session.derived("departures by line", make, place(session), region, marker)


def wells(session: Session, condition: str) -> tuple[str, ...]:
    """Name the wells of a condition whose cells are shown."""
    return wells_under(answered(session).found, condition, line=line_name(session))


@dataclass(frozen=True, eq=False)
class Pooled:
    """Some cells of some wells: their values (n, d) in marker units, population and region of each, and of how many."""

    cells: np.ndarray
    kinds: np.ndarray
    regions: np.ndarray
    total: int


def named_regions(session: Session) -> tuple[str, ...]:
    """Name the regions where they stand for populations: what is kept of cells follows from their names."""
    return () if session.population_regions is None else session.population_regions.names
