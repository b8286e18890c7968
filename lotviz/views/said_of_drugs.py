"""What is said of a drug study, in words: the answer first, then the number that carries it, then the doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from lotviz.analysis.drug_views import Kind
from lotviz.analysis.interaction_places import LESS, MORE
from lotviz.analysis.interaction_result import Interaction
from lotviz.views.said_of_patients import probability
from lotviz.views.style import signed


@dataclass(frozen=True)
class Place:
    """Where a departure is clearest.

    Attributes
    ----------
    where
        Region and marker, in words.
    departure, low, high, p
        The departure with its interval, marker units, and p corrected for all.
    words
        "more than additive", "less than additive" or "not shown".
    of
        How many regions and markers were looked at.
    """

    where: str
    departure: float
    low: float
    high: float
    p: float
    words: str
    of: int


def verdict_said(found: Interaction, kind: Kind, place: Place) -> str:
    """Say in bold whether A and B add up, where they do not, and with what certainty; markup, names escaped.

    Parameters
    ----------
    found
        The result.
    kind
        Of `drug_verdict`.
    place
        Where the departure is clearest.
    """
    numbers = numbers_said(found)
    return f"{_cells_said(found, kind, place)} {numbers}" if numbers else _cells_said(found, kind, place)


def _cells_said(found: Interaction, kind: Kind, place: Place) -> str:
    whole = f"{size_said(found)}, {_p(found.p)}; {units_said(found)}"
    if kind in ("yes", "numbers"):
        what = "Nothing" if kind == "yes" else "In what the cells are, nothing"
        return f"<b>{what} speaks against additivity</b> ({includes_said(found)}{_p(found.p)}; {units_said(found)})."
    if kind == "too few":
        return f"<b>Too few {found.unit}s to say</b>: {few_said(found)}."
    if place.words not in (MORE, LESS):
        start = "No" if kind == "no" else "Not in these lines"
        where = f"No one of {place.of} regions and markers stands out."
        return f"<b>{start}: {does_said(found, found.direction.words)}</b> (as a whole {whole}). {where}"
    does = f"{does_said(found, place.words)} to {escape(place.where)}"
    figures = f"({place_said(place)})"
    if kind == "no":
        return f"<b>No: {does}</b> {figures}. As a whole: {whole}."
    if kind == "somewhere":
        few = not found.crossed.smallest_p <= 1.0 - found.level
        start = f"Too few {found.unit}s to say as a whole" if few else "As a whole nothing speaks against additivity"
        return f"<b>{start}, but {does}</b> {figures}. As a whole: {whole}."
    inner = found.within_lines
    over = f" Over their {inner.n_units} replicates {_p(inner.p)};" if inner is not None else ""
    return f"<b>Not in these lines: {does}</b> {figures}.{over} of other lines they do not speak: {few_said(found)}."


def numbers_said(found: Interaction) -> str:
    """Say which population there is more or less of than predicted, most clearly; "" where that is not shown."""
    if found.abundance is None or not found.abundance_p <= 1.0 - found.level:
        return ""
    row = found.abundance.loc[found.abundance["adjusted_p"].idxmin()]
    middle, low, high = (float(np.exp(row[name])) for name in ("log_ratio", "low", "high"))
    of = f"{_p(float(row['adjusted_p']))} with all {len(found.abundance)} populations looked at"
    ends = f", {low:.2f} to {high:.2f}" if np.isfinite(low) else ""
    return (
        f"<b>In how many they are: {escape(str(row['region']))} cells are {middle:.2f} times as many</b> as both drugs "
        f"predict{ends}, {of}."
    )


def does_said(found: Interaction, words: str) -> str:
    """Say what A+B does, beside what A and B do together; names escaped."""
    what = {MORE: "more than", LESS: "less than"}.get(words, "something else than")
    return f"{escape(found.both)} does {what} {escape(found.a)} and {escape(found.b)} together"


def few_said(found: Interaction) -> str:
    """Say why so few units decide nothing."""
    smallest = found.crossed.smallest_p
    if not np.isfinite(smallest):
        return f"{found.n_units} {found.unit}s show nothing of how far they scatter"
    return f"{found.n_units} {found.unit}s cannot give a p below {smallest:.2g}, whatever they show"


def units_said(found: Interaction) -> str:
    """Count what was taken as one observation."""
    blocks = len(found.study.names)
    if found.unit == "line":
        each = blocks / found.n_units
        rest = f" of {each:g} replicates" if each == round(each) else f" with {blocks} replicates"
        return f"{found.n_units} lines{rest if blocks > found.n_units else ''}"
    return f"{found.n_units} replicates"


def size_said(found: Interaction) -> str:
    """Say the size of the departure, squared, with its interval."""
    statistic, low, high = _alike(found.statistic, found.low, found.high)
    return f"squared size {statistic}" + (f", {low} to {high}" if np.isfinite(found.low) else "")


def includes_said(found: Interaction) -> str:
    """Say that the interval holds zero, where there is one."""
    if not np.isfinite(found.low):
        return ""
    _, low, high = _alike(found.statistic, found.low, found.high)
    return f"the interval includes 0: {low} to {high}; "


def place_said(place: Place) -> str:
    """Say the departure at a place, its interval, and p.

    Examples
    --------
    >>> place_said(Place("CD38 of CD8 T", 0.42, 0.18, 0.66, 0.004, MORE, 112))
    'D = +0.42, +0.18 to +0.66, p = 0.004 with all 112 looked at'
    """
    ends = f", {signed(place.low)} to {signed(place.high)}" if np.isfinite(place.low) else ""
    doubt = f", {_p(place.p)} with all {place.of} looked at" if np.isfinite(place.p) else ""
    return f"D = {signed(place.departure)}{ends}{doubt}"


def missed_said(smallest: float, share: float, *, unit: str) -> str:
    """Say what would have been missed, and what cannot be ruled out.

    Parameters
    ----------
    smallest
        Of `smallest_found`, marker units.
    share
        Of `not_excluded`.
    unit
        Of the markers.

    Examples
    --------
    >>> missed_said(0.3, 0.24, unit="arcsinh")
    'Effects smaller than about 0.30 (arcsinh, one marker in one region) would have been missed; as a whole, a departure of up to 24 % of what the drugs do together is not ruled out.'
    """  # noqa: E501 - one sentence
    parts = []
    if np.isfinite(smallest):
        parts.append(
            f"effects smaller than about {smallest:.2f} ({unit}, one marker in one region) would have been missed"
        )
    if np.isfinite(share):
        parts.append(
            f"as a whole, a departure of up to {100 * share:.0f} % of what the drugs do together is not ruled out"
        )
    said = "; ".join(parts)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def departures_said(rows: Sequence[tuple[str, float, float, float, bool]], *, of: int, correction: str) -> str:
    """Say how many departures are clear, which is the largest of them, and how their number is accounted for.

    Examples
    --------
    >>> rows = [("pERK", -0.15, -0.18, -0.11, True), ("pS6", 0.05, -0.1, 0.2, False)]
    >>> departures_said(rows, of=14, correction="Benjamini-Hochberg over t tests")
    'Clear: pERK −0.15 (−0.18 to −0.11); 1 of 14, corrected for all by Benjamini-Hochberg over t tests.'
    """
    clear = [row for row in rows if row[4]]
    count = f"{len(clear)} of {of}" + (f", corrected for all by {correction}" if correction else "")
    if not clear:
        return f"None is clear: {count}."
    name, middle, low, high, _ = max(clear, key=lambda row: abs(row[1]))
    return f"Clear: {name} {signed(middle)} ({signed(low)} to {signed(high)}); {count}."


def lines_said(rows: Sequence[tuple[str, float]], *, unit: str) -> str:
    """Say how many lines depart the way most do, and which departs most.

    Examples
    --------
    >>> lines_said([("L1", 0.1), ("L2", 0.4), ("L3", -0.1)], unit="line")
    '2 of 3 lines depart to the same side; L2 most (+0.40), L1 least of them (+0.10).'
    """
    values = np.array([value for _, value in rows])
    side = 1.0 if (values > 0).sum() * 2 >= len(values) else -1.0
    same = [(name, value) for name, value in rows if value * side > 0]
    if not same:
        return f"No {unit} departs."
    most, least = max(same, key=lambda row: abs(row[1])), min(same, key=lambda row: abs(row[1]))
    rest = f", {least[0]} least of them ({signed(least[1])})" if len(same) > 1 else ""
    plural = "depart" if len(same) > 1 else "departs"
    return f"{len(same)} of {len(rows)} {unit}s {plural} to the same side; {most[0]} most ({signed(most[1])}){rest}."


def barycenter_said(found: Interaction) -> str:
    """Say what the comparison of the published method gives, and what it is not."""
    far, expected = found.barycenter.distance, found.barycenter.under_additivity
    return (
        f"Barycentre of {found.a} and {found.b} against {found.both} (not an additivity test): distance {far:.2f}; "
        f"where both add up exactly it is {expected:.2f}, not 0."
    )


def _p(p: float) -> str:
    return probability(p) if np.isfinite(p) else "no p"


def _alike(*values: float) -> list[str]:
    """Write figures with as many digits as the largest of them needs.

    Examples
    --------
    >>> _alike(0.18, 0.00018, 0.412), _alike(-0.0012, 0.013)
    (['0.18', '0.00', '0.41'], ['−0.001', '0.013'])
    """
    largest = max((abs(value) for value in values if np.isfinite(value)), default=0.0) or 1.0
    digits = int(np.clip(1 - np.floor(np.log10(largest)), 2, 4))
    return [f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−") for value in values]
