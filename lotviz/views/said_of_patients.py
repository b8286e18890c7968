"""What the pictures of the Patients page say, in words: of a map, of clusters, of axes, of averages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lotviz.views.style import signed

COUNTS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight")
LOOSE = 0.5  # silhouette below which clusters are called loose
MOST = 3  # changes that are named


def map_said(*, explained: Sequence[float] = (), stress: float | None, kept: float, neighbours: int) -> str:
    """Say how far a map of samples can be believed.

    Examples
    --------
    >>> map_said(explained=[0.31, 0.12], stress=0.42, kept=0.6, neighbours=5)
    'The two axes hold 43 % of the variance between samples; distances are 42 % off; 60 % of the 5 nearest neighbours are kept.'
    >>> map_said(stress=None, kept=0.9, neighbours=5)
    'Near means alike, far means nothing; 90 % of the 5 nearest neighbours are kept.'
    """  # noqa: E501 - one sentence
    near = "nearest neighbour is" if neighbours == 1 else f"{neighbours} nearest neighbours are"
    parts = [] if not explained else [f"The two axes hold {100 * sum(explained):.0f} % of the variance between samples"]
    if stress is None:
        parts.append("Near means alike, far means nothing")
    else:
        parts.append(f"{'D' if not parts else 'd'}istances are {100 * stress:.0f} % off")
    return "; ".join([*parts, f"{100 * kept:.0f} % of the {near} kept"]) + "."


def clusters_said(count: int, *, silhouette: float, clear: bool, follows: str | None, instead: str | None) -> str:
    """Say in bold how many clusters there are, and what column they follow.

    Parameters
    ----------
    count
        How many.
    silhouette
        Of them.
    clear
        Whether they are clusters at all.
    follows
        The column they agree with beyond chance, in words; None when there is none.
    instead
        What one would have liked them to follow, when `follows` is something else, in words.

    Examples
    --------
    >>> clusters_said(2, silhouette=0.4, clear=True, follows="response", instead=None)
    '<b>Two loose clusters that follow response</b>'
    >>> clusters_said(2, silhouette=0.7, clear=True, follows="batch", instead="response")
    '<b>The two clusters follow batch, not response</b>; see Cohort'
    >>> clusters_said(3, silhouette=0.1, clear=False, follows=None, instead=None)
    '<b>No clear clusters</b>'
    """
    if not clear:
        return "<b>No clear clusters</b>"
    if instead is not None:
        return f"<b>The {COUNTS[count].lower()} clusters follow {follows}, not {instead}</b>; see Cohort"
    kind = "loose clusters" if silhouette < LOOSE else "clusters"
    rest = f"that follow {follows}" if follows else "that follow no known column"
    return f"<b>{COUNTS[count]} {kind} {rest}</b>"


def biclusters_said(
    shape: tuple[int, int], *, explained: float, by_chance: float, p: float, loudest: Sequence[str], row: int
) -> str:
    """Say how much blocks explain, beside chance, and what sets one cluster of samples apart.

    Examples
    --------
    >>> biclusters_said((2, 3), explained=0.4, by_chance=0.1, p=0.05, loudest=["CD38 in T +0.6"], row=1)
    '2 × 3 blocks hold 40 % of the differences between samples (by chance 10 %, p = 0.05). Samples of the lowest rows: CD38 in T +0.6.'
    """  # noqa: E501 - one sentence
    said = f"{shape[0]} × {shape[1]} blocks hold {100 * explained:.0f} % of the differences between samples"
    where = "highest" if row == 0 else "lowest"
    rest = f" Samples of the {where} rows: {', '.join(loudest)}." if loudest else ""
    return f"{said} (by chance {100 * by_chance:.0f} %, {probability(p)}).{rest}"


def changes_said(rows: Sequence[tuple[str, str, float]], *, most: int = MOST) -> list[str]:
    """Write changes (region, marker, amount) as words, at most so many.

    Examples
    --------
    >>> changes_said([("T", "CD38", 0.42), ("B", "CD14", -0.1)])
    ['CD38 in T +0.42', 'CD14 in B −0.10']
    """
    return [f"{marker} in {region} {signed(float(change))}" for region, marker, change in list(rows)[:most]]


def axis_said(axis: int, changes: Sequence[str], *, share: float, unit: str, gaps: tuple[float, float]) -> str:
    """Say what moving one standard deviation along an axis does, and whether what is drawn still is a sample.

    Parameters
    ----------
    axis
        Its number, from 1.
    changes
        The largest, in words.
    share
        Of the variance between samples that is along it.
    unit
        Of the changes.
    gaps
        How far the ends come back from themselves, as a share of the way they went.

    Examples
    --------
    >>> axis_said(1, ["CD38 in T +0.42"], share=0.31, unit="arcsinh", gaps=(0.01, 0.24))
    'One standard deviation up axis 1 (31 % of the variance): CD38 in T +0.42 (arcsinh). The upper end is no valid sample: mapped again it is off by 24 % of the way.'
    """  # noqa: E501 - one sentence
    said = (
        f"One standard deviation up axis {axis} ({100 * share:.0f} % of the variance): {', '.join(changes)} ({unit})."
    )
    bad = [(end, gap) for end, gap in zip(("lower", "upper"), gaps, strict=True) if gap > 0.1]
    if not bad:
        worst = 100 * max(gaps)
        return f"{said} Both ends are valid samples: mapped again they are off by {_at_most(worst)} of the way."
    ends = " and ".join(f"The {end}" if not i else f"the {end}" for i, (end, _) in enumerate(bad))
    verb = "end is no valid sample: mapped again it is" if len(bad) == 1 else "ends are no valid samples: they are"
    return f"{said} {ends} {verb} off by {100 * max(gap for _, gap in bad):.0f} % of the way."


def _at_most(percent: float) -> str:
    return "less than 1 %" if percent < 1 else f"at most {percent:.0f} %"


def difference_said(
    groups: tuple[str, str],
    patients: tuple[int, int],
    *,
    paired: bool,
    apart: tuple[float, float, float],
    standing: Sequence[str],
    of: int,
    word: str = "patients",
) -> str:
    """Say whether two averages differ, and in what.

    Parameters
    ----------
    groups
        The first and the second: changes are from the first to the second.
    patients
        How many each average is over.
    paired
        Whether they were compared with themselves.
    apart
        Distance of the averages, the same by chance, and p.
    standing
        The changes that stand after all were looked at, in words.
    of
        How many were looked at.
    word
        What the units are called.

    Examples
    --------
    >>> difference_said(("a", "b"), (8, 9), paired=False, apart=(1.2, 0.6, 0.002), standing=["CD38 in T +0.42"], of=40)
    'From a (8 patients) to b (9): 1 of 40 differences stands with all looked at: CD38 in T +0.42. The averages are 1.20 apart (by chance 0.60, p = 0.002).'
    """  # noqa: E501 - one sentence
    counted = f"From {groups[0]} ({patients[0]} {word}) to {groups[1]} ({patients[1]})"
    if paired:
        counted = f"From {groups[0]} to {groups[1]} within {patients[0]} {word}"
    if standing:
        verb = "stands" if len(standing) == 1 else "stand"
        named = ", ".join(list(standing)[:MOST]) + (" …" if len(standing) > MOST else "")
        found = f"{len(standing)} of {of} differences {verb} with all looked at: {named}"
    else:
        found = f"none of the {of} differences stands with all looked at"
    distance, by_chance, p = apart
    end = "" if found.endswith("…") else "."
    chance = f"(by chance {by_chance:.2f}, {probability(p)})"
    return f"{counted}: {found}{end} The averages are {distance:.2f} apart {chance}."


def newcomer_said(name: str, nearest: str, *, as_far: float, seen: bool, missed: float, most_missed: float) -> str:
    """Say whom a sample from elsewhere is near to, and whether the cohort has its like.

    Examples
    --------
    >>> newcomer_said("N01", "P31", as_far=0.4, seen=True, missed=0.05, most_missed=0.2)
    'N01 is nearest to P31. 40 % of the samples are as far from their own nearest.'
    >>> newcomer_said("N01", "P31", as_far=0.0, seen=False, missed=0.05, most_missed=0.2)
    'N01 is nearest to P31, but unlike the cohort: no sample is as far from its own nearest.'
    """
    if seen:
        return f"{name} is nearest to {nearest}. {100 * as_far:.0f} % of the samples are as far from their own nearest."
    if missed > most_missed:
        why = f"the map misses {100 * missed:.0f} % of it, of no sample more than {100 * most_missed:.0f} %"
    else:
        why = ("no sample is" if as_far == 0 else "hardly a sample is") + " as far from its own nearest"
    return f"{name} is nearest to {nearest}, but unlike the cohort: {why}."


def probability(p: float) -> str:
    """Write a p-value.

    Examples
    --------
    >>> probability(0.0004), probability(0.0312), probability(0.25)
    ('p < 0.001', 'p = 0.031', 'p = 0.25')
    """
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.1 and not np.isclose(p, round(p, 2)) else f"p = {p:.2f}"
