"""What stands at the ends of a morph: samples, or groups of samples that are pooled, and how much of each there is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lotviz.analysis.labels import ordered_classes
from lotviz.app.choices import MORPHS, NONE
from lotviz.app.offers import MOST_CORNERS
from lotviz.app.session import Session

TWO, SEVERAL, COLUMN, CLASS = MORPHS
MOST_POOLED = 40  # samples of a group; of more, as many spread evenly over it
STEPS = 6  # ranges that a column of many numbers is cut into


@dataclass(frozen=True)
class Stop:
    """One end of a morph.

    Attributes
    ----------
    name
        The sample, or the group.
    samples
        The sample itself; of a group its members, of which each tuple of cells takes one at random.
    members
        How many members the group has.
    """

    name: str
    samples: tuple[str, ...]
    members: int = 1

    @property
    def pooled(self) -> bool:
        """Whether several samples stand here."""
        return len(self.samples) > 1


def stops_of(session: Session) -> tuple[Stop, ...]:
    """Return what the morph goes between; fewer than two where there is nothing to go between."""
    choices = session.choices
    if choices.morph == SEVERAL:
        return tuple(_stop_of(session, name) for name in weights_of(session))
    if choices.morph == COLUMN:
        return _steps(session)
    names = (choices.a, choices.a) if choices.morph == CLASS else (choices.a, choices.b)
    return tuple(Stop(str(name), (str(name),)) for name in names)


# ---- several -----------------------------------------------------------------------------------------------------


def offered_corners(session: Session) -> list[str]:
    """Name what can be mixed: the samples, or the groups of the chosen column."""
    column = session.choices.chosen("mixed")
    if column is None:
        return [str(name) for name in session.embedding.samples.index]
    return [str(name) for name in ordered_classes([text for text in session.texts(column) if text])]


def weights_of(session: Session) -> dict[str, float]:
    """Return the weight of each corner of a mixture, summing to one: the chosen ones, else a few with equal weights."""
    offered = offered_corners(session)
    chosen = {name: _number(text) for name, text in session.choices.corners.items() if name in offered}
    if len(chosen) < 2:
        chosen = dict.fromkeys(_usual(session, offered), 1.0)
    chosen = dict(list(chosen.items())[:MOST_CORNERS])
    total = sum(chosen.values())
    return {name: weight / total if total > 0 else 1 / len(chosen) for name, weight in chosen.items()}


def written(weights: dict[str, float]) -> dict[str, str]:
    """Return weights in words, as the address holds them."""
    return {name: f"{weight:.4f}".rstrip("0").rstrip(".") for name, weight in weights.items()}


def _number(text: str) -> float:
    """Read a weight; what is none weighs nothing."""
    try:
        weight = float(text)
    except ValueError:
        return 0.0
    return min(max(weight, 0.0), 1.0) if np.isfinite(weight) else 0.0


def _usual(session: Session, offered: list[str]) -> list[str]:
    """Name the corners of a mixture nobody has chosen: all groups, or the pair and the sample after it."""
    if session.choices.mixed != NONE:
        return offered[:MOST_CORNERS]
    pair = [name for name in (session.choices.a, session.choices.b) if name in offered]
    return list(dict.fromkeys([*pair, *offered]))[:3]


def _stop_of(session: Session, name: str) -> Stop:
    column = session.choices.chosen("mixed")
    if column is None:
        return Stop(name, (name,))
    texts = session.texts(column)
    return _pool(name, [str(sample) for sample in texts.index[texts == name]])


def _pool(name: str, members: list[str]) -> Stop:
    """Return a group as a stop; of a large one as many members as are used, evenly spread over it."""
    chosen = np.unique(np.linspace(0, len(members) - 1, min(len(members), MOST_POOLED)).round().astype(int))
    return Stop(name, tuple(members[i] for i in chosen), len(members))


# ---- along a column ----------------------------------------------------------------------------------------------


def _steps(session: Session) -> tuple[Stop, ...]:
    """Return the steps of the chosen column, within the chosen level of another: the samples of each step pooled."""
    choices = session.choices
    column = choices.chosen("along")
    if column is None:
        return ()
    values, texts = session.cohort.samples[column], session.texts(column)
    there = texts != ""
    within = choices.chosen("within")
    if within is not None:
        there &= session.texts(within) == choices.level
    values, texts = values[there], texts[there]
    names = list(ordered_classes(list(texts)))
    if len(names) <= MOST_CORNERS:
        return tuple(_pool(_brief(name), [str(s) for s in texts.index[texts == name]]) for name in names)
    return _ranges(pd.to_numeric(values, errors="coerce").dropna())


def _brief(name: str) -> str:
    """Return a number with four digits at most, a word as it is."""
    try:
        return f"{float(name):.4g}"
    except ValueError:
        return name


def _ranges(values: pd.Series) -> tuple[Stop, ...]:
    """Return ranges of a number that hold about as many samples each, named by their ends."""
    bins = pd.qcut(values, STEPS, duplicates="drop", labels=False)
    found = []
    for step in sorted(set(bins)):
        inside = values[bins == step].sort_values(kind="stable")
        low, high = (f"{end:.4g}" for end in (inside.iloc[0], inside.iloc[-1]))
        found.append(_pool(low if low == high else f"{low}–{high}", [str(s) for s in inside.index]))
    return tuple(found)
