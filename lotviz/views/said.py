"""One sentence for each picture of the Weights page: below it, and for those who do not see it. Plain text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lotviz.views.scores import NOBODY, TOO_FEW
from lotviz.views.style import signed
from lotviz.views.tables import SURE


def forest_said(rows: Sequence[tuple[str, float, float, float, bool]], *, chance: float) -> str:
    """Say our best score, the best of the others, and chance; rows as in `forest`.

    Examples
    --------
    >>> forest_said([("LOT", 0.79, 0.68, 0.88, True), ("Marker means", 0.71, 0.6, 0.81, False)], chance=0.5)
    'LOT scores 0.79 (0.68–0.88), the best of the others, Marker means, 0.71 (0.60–0.81); guessing scores 0.50.'
    """
    ours = [row for row in rows if row[4]][:1]
    others = sorted((row for row in rows if not row[4]), key=lambda row: -row[1])[:1]
    words = [f"{name} scores {_interval(score, low, high)}" for name, score, low, high, _ in ours]
    words += [f"the best of the others, {name}, {_interval(score, low, high)}" for name, score, low, high, _ in others]
    return f"{', '.join(words)}; guessing scores {_number(chance)}."


def differences_said(
    rows: Sequence[tuple[str, float, float, float]], *, unit: str, ours: str = "LOT", digits: int = 0
) -> str:
    """Say over how many others the gain is established, and how it stands with the closest; rows as in `differences`.

    Examples
    --------
    >>> differences_said([("Means", 8, 1, 17), ("Majority", 29, 18, 38)], unit="points")
    'LOT is better than 2 of 2 others; against the closest, Means, it gains +8 points (+1 to +17).'
    """
    better = sum(low > 0 for _, _, low, _ in rows)
    name, gain, low, high = min(rows, key=lambda row: row[1])
    doubt = "" if low > 0 or high < 0 else ", which is not established"
    ends = f"{signed(low, digits)} to {signed(high, digits)}"
    return (
        f"{ours} is better than {better} of {len(rows)} others; against the closest, {name}, it gains "
        f"{signed(gain, digits)} {unit} ({ends}){doubt}."
    )


def confusion_said(classes: Sequence[str], counts: np.ndarray) -> str:
    """Say how many samples are named right and which mistake is the most frequent, by share of the class.

    Examples
    --------
    >>> confusion_said(["control", "case"], np.array([[18, 2], [7, 23]]))
    '41 of 50 samples are named right; the most frequent mistake: 7 of 30 of case are named control.'
    """
    totals = counts.sum(axis=1)
    shares = counts / np.where(totals > 0, totals, 1)[:, None]
    mistakes = shares - np.diag(np.diag(shares))
    true, named = np.unravel_index(int(np.argmax(mistakes)), mistakes.shape)
    right = f"{np.trace(counts):.0f} of {counts.sum():.0f} samples are named right"
    if mistakes[true, named] <= 0:
        return f"{right}."
    worst = f"{_count(counts[true, named])} of {totals[true]:.0f} of {classes[true]} are named {classes[named]}"
    return f"{right}; the most frequent mistake: {worst}."


def roc_said(curves: Sequence[tuple[str, np.ndarray, np.ndarray, tuple[float, float, float]]]) -> str:
    """Say the area below each curve; curves as in `roc`.

    Examples
    --------
    >>> roc_said([("case", np.array([0, 1]), np.array([0, 1]), (0.84, 0.74, 0.91))])
    'Area below the curve: case 0.84 (0.74–0.91); guessing has 0.50.'
    """
    areas = ", ".join(f"{name} {_interval(*area)}" for name, _, _, area in curves)
    return f"Area below the curve: {areas}; guessing has 0.50."


def calibration_said(predicted: np.ndarray, intervals: np.ndarray) -> str:
    """Say in how many bins what was said, (k,), lies within the interval of what came true, (k, 2).

    Examples
    --------
    >>> calibration_said(np.array([0.2, 0.8]), np.array([[0.1, 0.4], [0.3, 0.7]]))
    'What was said agrees with what came true in 1 of 2 bins; below the diagonal, too much was promised.'
    """
    if len(predicted) < 2:
        return TOO_FEW
    agrees = (predicted >= intervals[:, 0]) & (predicted <= intervals[:, 1])
    count = f"{int(agrees.sum())} of {len(predicted)} bins"
    return f"What was said agrees with what came true in {count}; below the diagonal, too much was promised."


def stability_said(
    columns: Sequence[str], rows: Sequence[str], weights: np.ndarray, *, stability: np.ndarray | None = None
) -> str:
    """Say which weight is the largest, how sure its sign is, and how many are sure; parameters as `stability_table`.

    Examples
    --------
    >>> weights, sure = np.array([[0.1, -0.4]]), np.array([[0.6, 0.98]])
    >>> stability_said(["CD3", "CD14"], ["T"], weights, stability=sure)
    'The largest weight is that of CD14 in T, −0.40, its sign the same in 98 % of refits; 1 of 2 weights is so in 90 %.'
    """
    row, column = np.unravel_index(int(np.argmax(np.abs(weights))), weights.shape)
    largest = f"The largest weight is that of {columns[column]} in {rows[row]}, {signed(float(weights[row, column]))}"
    if stability is None:
        return f"{largest}; how sure the signs are has not been measured."
    held = f"its sign the same in {100 * stability[row, column]:.0f} % of refits"
    sure = int((stability >= SURE).sum())
    verb = "is" if sure == 1 else "are"
    return f"{largest}, {held}; {sure} of {stability.size} weights {verb} so in {100 * SURE:.0f} %."


def pull_said(region: str, pull: float, *, classes: tuple[str, str], whole: float) -> str:
    """Say where the cells of a region pull, and how much of the whole pull that is.

    Parameters
    ----------
    region
        Its name.
    pull
        Sum of the contributions of its cells.
    classes
        What negative and positive scores speak for.
    whole
        Sum over the regions of the size of their pulls.

    Examples
    --------
    >>> pull_said("CD8+ CCR7−", 0.42, classes=("CONTROL", "CASE"), whole=0.84)
    'Cells of CD8+ CCR7− pull to CASE by 0.42 in all, 50 % of the pull of all regions.'
    """
    share = f", {100 * abs(pull) / whole:.0f} % of the pull of all regions" if whole > 0 else ""
    return f"Cells of {region} pull to {classes[pull > 0]} by {_number(abs(pull))} in all{share}."


def shifts_said(region: str, markers: Sequence[str], shifts: np.ndarray, *, groups: tuple[str, str], unit: str) -> str:
    """Say how the markers of a region differ from the first group to the second, at most three of them.

    Examples
    --------
    >>> shifts_said("T", ["CD38", "CD14"], np.array([0.42, -0.1]), groups=("control", "case"), unit="arcsinh")
    'In T, from control to case: CD38 +0.42, CD14 −0.10 (arcsinh).'
    """
    order = np.argsort(-np.abs(shifts), kind="stable")[:3]
    listed = ", ".join(f"{markers[i]} {signed(float(shifts[i]))}" for i in order)
    return f"In {region}, from {groups[0]} to {groups[1]}: {listed} ({unit})."


def selection_said(cells: int, of: int, *, pull: float, score: float, classes: tuple[str, str]) -> str:
    """Say how much of a score the chosen cells carry; the score counted from the training mean.

    Examples
    --------
    >>> selection_said(1204, 80_000, pull=0.31, score=1.04, classes=("control", "case"))
    '1,204 of 80,000 cells (1.5 %) are chosen; they carry +0.31 of the score of +1.04 and pull to case.'
    """
    if not cells:
        return "No cells are chosen: draw a line round some."
    share = f"{100 * cells / of:.1f} %"
    carried = f"they carry {signed(pull)} of the score of {signed(score)} and pull to {classes[pull > 0]}"
    return f"{cells:,} of {of:,} cells ({share}) are chosen; {carried}."


def influence_said(names: Sequence[str], scores: np.ndarray, *, whole: float) -> str:
    """Say whose absence changes the score most; parameters as in `influence`.

    Examples
    --------
    >>> influence_said(["P1", "P2"], np.array([0.72, 0.8]), whole=0.79)
    'Without P1 the score is 0.72 instead of 0.79; no other of the 2 changes it as much.'
    """
    if not len(scores):
        return NOBODY
    most = int(np.argmax(np.abs(np.asarray(scores) - whole)))
    return (
        f"Without {names[most]} the score is {_number(scores[most])} instead of {_number(whole)}; no other of the "
        f"{len(names)} changes it as much."
    )


def recovery_said(curves: Sequence[tuple[str, np.ndarray, np.ndarray, bool]], *, what: str) -> str:
    """Say what each curve reaches at its last place; curves as in `recovery`, `what` the places count.

    Examples
    --------
    >>> found = np.array([[0.6, 0.5, 0.7], [0.85, 0.8, 0.9]])
    >>> recovery_said([("LOT", np.array([10, 40]), found, True)], what="patients")
    'With 40 patients, LOT reaches 0.85 (0.80–0.90).'
    """
    last = max(float(x[-1]) for _, x, _, _ in curves)
    reached = ", ".join(f"{name} reaches {_interval(*found[-1])}" for name, _, found, _ in curves)
    return f"With {last:g} {what}, {reached}."


def _number(value: float) -> str:
    """Write a number with two digits and a real minus."""
    return f"{value:.2f}".replace("-", "−")


def _interval(mean: float, low: float, high: float) -> str:
    """Write a number with its interval, where it has one."""
    return f"{_number(mean)} ({_number(low)}–{_number(high)})" if high > low else _number(mean)


def _count(value: float) -> str:
    """Write a count that may be a mean over repeats."""
    return f"{value:.0f}" if abs(value - round(value)) < 0.05 else f"{value:.1f}"
