"""What is said of predicted cells: in how many replicates they can be believed, the median of all and the worst."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from lotviz.transport.validity import EXPECTED_OUTSIDE, Validity

_MANY = 0.05  # share of the cells below the smallest measured from which it is worth a word why


def predicted_said(checked: Mapping[str, Validity], *, of: int) -> str:
    """Say how far the predicted cells of several replicates can be believed.

    Parameters
    ----------
    checked
        Figures by replicate; one or more.
    of
        How many replicates were predicted.

    Examples
    --------
    >>> one = Validity(0.1, 0.2, 2.0, 0.08, 0.0, "", 100, 100, 6, 6, far_below=0.0)
    >>> predicted_said({"L1, 1": one}, of=1)
    '8.0 % lie where no cell was measured, of a measured sample 1 %.'
    """
    outside = _figure(checked, lambda one: one.outside)
    said = [f"{outside} lie where no cell was measured, of a measured sample {100 * EXPECTED_OUTSIDE:.0f} %"]
    if all(one.impossible is not None and one.far_below is not None for one in checked.values()):
        said += _below_said(checked)
    astray = [name for name, one in checked.items() if not one.returns]
    if astray:
        said.append(f"the map no longer returns to itself in {_counted(astray, len(checked))}")
    return f"{_of_how_many(len(checked), of)}{'; '.join(said)}."


def _below_said(checked: Mapping[str, Validity]) -> list[str]:
    """Say how many have values below all measured ones, how many clearly so, and why the two differ."""
    values = [float(one.impossible or 0.0) for one in checked.values()]
    below, far = _figure(checked, lambda one: one.impossible), _figure(checked, lambda one: one.far_below)
    if np.median(values) < _MANY:
        return [f"{below} have a value below all measured ones"] if max(values) > 0 else []
    return [
        f"{far} have a value below all measured ones by over a quarter of the marker's spread, {below} by any "
        "little: what was not detected is the smallest, and any move down leaves it"
    ]


def _figure(checked: Mapping[str, Validity], read: Callable[[Validity], float | None]) -> str:
    """Write the median over the replicates, and the worst with its name."""
    values = {name: float(read(one) or 0.0) for name, one in checked.items()}
    middle = f"{100 * np.median(list(values.values())):.1f} %"
    if len(values) == 1:
        return middle
    worst = max(values, key=lambda name: values[name])
    return f"{middle} ({100 * values[worst]:.1f} % in {worst})"


def _counted(names: list[str], of: int) -> str:
    return f"{len(names)} of {of}, such as {names[0]}" if of > 1 else names[0]


def _of_how_many(checked: int, of: int) -> str:
    if of == 1:
        return ""
    return f"Median of {'all' if checked == of else f'{checked} of'} {of} replicates (and the worst): "
