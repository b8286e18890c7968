"""Between samples in either manner, along an ordered list of them, and whole groups in the place of samples."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from lotviz.data.problems import listed
from lotviz.transport.interpolation import checked_weights, interpolate, refusal
from lotviz.transport.kinds import interpolate_kinds
from lotviz.transport.progress import Progress
from lotviz.transport.synthetic import SyntheticSample

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

Manner = Literal["lines", "kinds"]
Stop = str | Mapping[str, float]


def between(
    embedding: LOTEmbedding,
    weights: Mapping[str, float],
    *,
    n_cells: int | None = None,
    seed: int = 0,
    manner: Manner = "lines",
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> SyntheticSample:
    """Mix samples in straight lines or kind by kind; see `LOTEmbedding.interpolate`.

    Raises
    ------
    CohortError
        The weights are not convex or name an unknown sample, or `n_cells` is not positive, or missing where needed.
    ValueError
        There is no such manner.
    Cancelled
        `cancel` was set.
    """
    if manner not in get_args(Manner):
        raise ValueError(f'Expected manner "lines" or "kinds", found {manner!r}. Choose one of them.')
    if manner == "lines":
        return interpolate(embedding, weights, n_cells=n_cells, seed=seed, cancel=cancel)
    return interpolate_kinds(embedding, weights, n_cells=n_cells, seed=seed, progress=progress, cancel=cancel)


def along(
    embedding: LOTEmbedding,
    stops: Sequence[Stop],
    at: float,
    *,
    positions: Sequence[float] | None = None,
    n_cells: int | None = None,
    seed: int = 0,
    manner: Manner = "lines",
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> SyntheticSample:
    """Make the sample at a place along an ordered list of samples, such as doses or times.

    Parameters
    ----------
    embedding
        The embedding.
    stops
        Two or more samples in their order, or weights over samples in the place of one; see `group_weights`.
    at
        Where: from 0, the first stop, to their number less one; or in the units of `positions`.
    positions
        The dose or time of each stop, rising; None numbers them from 0.
    n_cells, seed, manner, progress, cancel
        As in `between`: at a place between two stops these two are mixed, and no other.

    Returns
    -------
        The synthetic sample; at a stop that is one sample, its own cells.

    Raises
    ------
    CohortError
        Fewer than two stops, a place beyond them, positions that do not rise, or what `between` refuses.
    """
    weights = along_weights(embedding, stops, at, positions=positions)
    made = between(embedding, weights, n_cells=n_cells, seed=seed, manner=manner, progress=progress, cancel=cancel)
    names = [stop if isinstance(stop, str) else dict(stop) for stop in stops]
    details = {"along": names, "at": float(at), "positions": None if positions is None else list(map(float, positions))}
    return replace(made, details={**made.details, **details})


def along_weights(
    embedding: LOTEmbedding, stops: Sequence[Stop], at: float, *, positions: Sequence[float] | None = None
) -> dict[str, float]:
    """Return the weight of every sample at a place along a list of stops; parameters and errors as those of `along`."""
    known = list(embedding.samples.index)
    if isinstance(stops, str) or len(stops) < 2:
        raise refusal("Expected two samples or more to go along, found fewer.", "Give a list of samples in order.")
    ends = [checked_weights({stop: 1.0} if isinstance(stop, str) else stop, known) for stop in stops]
    places = list(range(len(stops))) if positions is None else [float(place) for place in positions]
    if len(places) != len(stops) or not all(map(isfinite, places)) or not np.all(np.diff(places) > 0):
        raise refusal(
            f"Expected {len(stops)} rising positions, found {listed([f'{place:g}' for place in places])}.",
            "Give one for each sample, in rising order.",
        )
    if not places[0] <= at <= places[-1]:  # not a number is refused too
        raise refusal(
            f"Expected a place from {places[0]:g} to {places[-1]:g}, found {at:g}.",
            "Stay between the samples; beyond them lead weights (embedding.combine, --weights with --beyond).",
        )
    first = min(int(np.searchsorted(places, at, side="right")) - 1, len(places) - 2)
    part = (at - places[first]) / (places[first + 1] - places[first])
    found: dict[str, float] = {}
    for share, end in ((1.0 - part, ends[first]), (part, ends[first + 1])):
        for name, weight in end.items():
            if share * weight > 0:
                found[name] = found.get(name, 0.0) + share * weight
    return found


def group_weights(embedding: LOTEmbedding, column: str, groups: Mapping[Hashable, float]) -> dict[str, float]:
    """Return weights of samples that give each group its weight, shared evenly by its members.

    Parameters
    ----------
    embedding
        The embedding.
    column
        Column of the sample table that names the groups.
    groups
        Weight of each group; of any sign, and as a rule summing to one.

    Returns
    -------
        Weight of every sample of these groups, for `interpolate`, `combine`, `barycenter` or a stop of `along`.

    Raises
    ------
    CohortError
        There is no such column, or nobody is of a group.
    """
    if column not in embedding.samples.columns:
        known = listed([str(name) for name in embedding.samples.columns], 20)
        raise refusal(f"Expected a column of the sample table, found {column}.", f"The columns are {known}.")
    values = embedding.samples[column]
    found: dict[str, float] = {}
    for group, weight in groups.items():
        members = [str(name) for name, value in values.items() if _text(value) == _text(group) != ""]
        if not members:
            known = listed([str(value) for value in values.dropna().unique()], 20)
            raise refusal(f"Expected a group of {column}, found {group}.", f"The groups are {known}.")
        for name in members:
            found[name] = found.get(name, 0.0) + weight / len(members)
    return found


def _text(value: Any) -> str:
    """Text of a group, empty where it is missing: 1.0 read from a column with gaps is the group 1."""
    if pd.isna(value):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
