"""The synthetic sample at the place where the morph is: what is checked, saved and printed as a script."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lotviz.app.pages.morph_class import class_sample
from lotviz.app.pages.morph_kinds import by_kind
from lotviz.app.pages.morph_numbers import measured_at, weights_now
from lotviz.app.pages.morph_stops import CLASS, Stop, stops_of
from lotviz.app.session import Session
from lotviz.transport import SyntheticSample
from lotviz.transport.pooling import mix_groups
from lotviz.transport.trajectory import Manner


def weights_by_sample(ends: Sequence[Stop], weights: np.ndarray) -> dict[str, float]:
    """Return the weight of each sample: that of its end, in a group shared out over its members; none of zero."""
    found: dict[str, float] = {}
    for stop, weight in zip(ends, weights, strict=True):
        for name in stop.samples if weight > 0 else ():
            found[name] = found.get(name, 0.0) + float(weight) / len(stop.samples)
    return found


def recipe(session: Session) -> Callable[[int], SyntheticSample] | None:
    """Return what makes the sample at this point, given a number of cells; None where there is nothing to make.

    It is called in a thread and reads no choices.
    """
    choices = session.choices
    if choices.morph == CLASS:
        return class_sample(session)
    ends = stops_of(session)
    if len(ends) < 2:
        return None
    embedding, seed, weights = session.embedding, choices.seed, np.round(weights_now(session, ends), 6)
    weights = weights / weights.sum()
    if any(stop.pooled for stop, weight in zip(ends, weights, strict=True) if weight > 0):
        groups = {stop.name: stop.samples for stop in ends}
        by_group = dict(zip(groups, weights.tolist(), strict=True))
        return lambda count: mix_groups(embedding, groups, by_group, n_cells=count, seed=seed)
    by_sample = weights_by_sample(ends, weights)
    manner: Manner = "kinds" if by_kind(session) else "lines"
    return lambda count: embedding.interpolate(by_sample, n_cells=count, seed=seed, manner=manner)


def is_measured(session: Session) -> bool:
    """Whether this point is exactly at an end where all cells were measured."""
    if session.choices.morph == CLASS:
        return session.choices.t == 0.5
    ends = stops_of(session)
    return len(ends) > 1 and measured_at(weights_now(session, ends)) is not None


def place_of(session: Session) -> tuple[object, ...]:
    """Return all that the synthetic sample at this point follows from, beside the embedding."""
    choices = session.choices
    if choices.morph == CLASS:
        return (choices.morph, choices.a, choices.t, choices.seed, *session.asking)
    ends = stops_of(session)
    weights = tuple(np.round(weights_now(session, ends), 6).tolist()) if len(ends) > 1 else ()
    return (ends, weights, choices.seed, by_kind(session))
