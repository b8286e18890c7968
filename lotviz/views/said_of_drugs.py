"""What is said of a drug study, in words: the answer first, then the number that carries it, then the doubt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lotviz.analysis.drug_views import Kind
from lotviz.analysis.interaction_places import LESS, MORE
from lotviz.analysis.interaction_result import Interaction
from lotviz.views.said_of_patients import probability
from lotviz.views.style import signed


def verdict_said(found: Interaction, kind: Kind) -> str:
    """Say in bold whether A and B add up, and with what certainty.

    Parameters
    ----------
    found
        The result.
    kind
        Of `drug_verdict`.
    """
    whole = f"{size_said(found)}; {_p(found.p)}; {units_said(found)}"
    if kind == "no":
        return f"<b>No: {does_said(found)}</b> (as a whole {whole})."
    if kind == "these lines":
        inner = found.within_lines
        p = _p(inner.p) if inner is not None else ""
        many = f"{found.n_units} {found.unit}s"
        return f"<b>Not in these lines</b> ({p} over their replicates); {many} are too few to speak of others."
    if kind == "somewhere":
        return (
            f"<b>As a whole nothing speaks against additivity</b> ({whole}), <b>but in one place it does not hold.</b>"
        )
    if kind == "too few":
        return f"<b>Too few {found.unit}s to say</b>: {few_said(found)}."
    return f"<b>Nothing speaks against additivity</b> ({includes_said(found)}{_p(found.p)}; {units_said(found)})."


def does_said(found: Interaction) -> str:
    """Say what A+B does, beside what A and B do together."""
    what = {MORE: "more than", LESS: "less than"}.get(found.direction.words, "something else than")
    return f"{found.both} does {what} {found.a} and {found.b} together"


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
    if not np.isfinite(found.low):
        return f"squared size {signed(found.statistic)}"
    return f"squared size {_plain(found.statistic)}, {_plain(found.low)} to {_plain(found.high)}"


def includes_said(found: Interaction) -> str:
    """Say that the interval holds zero, where there is one."""
    if not np.isfinite(found.low):
        return ""
    return f"the interval includes 0: {_plain(found.low)} to {_plain(found.high)}; "


def place_said(where: str, marker: str, row: tuple[float, float, float, float], *, of: int, word: str) -> str:
    """Say where the departure is clearest.

    Parameters
    ----------
    where, marker
        The region, in words, and the marker.
    row
        Departure with the low and high end of its interval, and p corrected for all.
    of
        How many were looked at.
    word
        What the departure is: "clearest" or "largest".

    Examples
    --------
    >>> place_said("CD8 T", "CD38", (0.42, 0.18, 0.66, 0.004), of=112, word="clearest")
    'It is clearest for CD38 in CD8 T: D = +0.42 (+0.18 to +0.66), p = 0.004 with all 112 looked at.'
    """
    middle, low, high, p = row
    ends = f" ({signed(low)} to {signed(high)})" if np.isfinite(low) else ""
    doubt = f", {_p(p)} with all {of} looked at" if np.isfinite(p) else ""
    return f"It is {word} for {marker} in {where}: D = {signed(middle)}{ends}{doubt}."


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


def _plain(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")
