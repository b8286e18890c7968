"""What counts as one observation: a line where there are several, a replicate of a line otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.interaction_design import Study

ENOUGH_LINES = 6  # 32 sign flips: the fewest that can give a p below 0.05


@dataclass(frozen=True, eq=False)
class Units:
    """Independent observations, and which of them are crossed with each other.

    Attributes
    ----------
    study
        Where they come from.
    unit
        "line" or "replicate".
    names
        One a unit.
    groups
        Shape (n,): all 0 where every unit is crossed with every other, the line of each replicate otherwise.
    """

    study: Study
    unit: str
    names: tuple[str, ...]
    groups: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.names)

    def of(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Figures of blocks as figures of units, shape (blocks, ...) -> (n, ...)."""
        return self.study.by_line(values) if self.unit == "line" else values


def lines_or_replicates(study: Study) -> Units:
    """Lines where there are several, the replicates of the one line otherwise: what the answer is about."""
    if len(study.lines) > 1:
        return Units(study, "line", study.lines, np.zeros(len(study.lines), dtype=np.intp))
    return Units(study, "replicate", study.names, np.zeros(len(study.names), dtype=np.intp))


def replicates_within_lines(study: Study) -> Units | None:
    """Replicates, crossed within their line: what can be said of these lines; None where no line has two."""
    if np.bincount(study.line_of).max() < 2:
        return None
    return Units(study, "replicate", study.names, study.line_of)


def for_many_figures(study: Study) -> Units:
    """Lines where there are enough of them to test many figures, replicates within these lines otherwise."""
    whole = lines_or_replicates(study)
    within = replicates_within_lines(study)
    return within if len(study.lines) < ENOUGH_LINES and within is not None else whole
