"""Simulated organoids under a growing dose: markers move, and populations grow and shrink."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.choices import require_range, require_seed
from lotviz.data.cohort import Cohort
from lotviz.data.panels import GUT
from lotviz.data.simulated import Drawn, Nature, cohort_of, cultures, nature_of, require_sizes

# marker, by how much it moves at a dose of 1 for an effect of 1, and in which populations
_MOVED = (
    ("pERK", -1.0, ("Stem", "Transit amplifying")),
    ("pS6", -0.6, ("Transit amplifying", "Enterocyte")),
    ("cCaspase-3", 1.2, ("Transit amplifying", "Enterocyte")),
    ("CK20", 0.6, ("Transit amplifying",)),
)
_GROWN = {"Stem": -1.0, "Transit amplifying": -0.5, "Enterocyte": 0.4, "Dying": 0.8}


def simulate_doses(
    *,
    lines: int = 3,
    doses: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0),
    replicates: int = 2,
    cells: int = 2000,
    markers: int = 14,
    effect: float = 1.5,
    abundance: float = 1.0,
    batch: float = 0.15,
    noise: float = 1.0,
    seed: int = 0,
) -> Cohort:
    """Simulate organoid lines under a growing dose of one drug, in memory.

    With the dose some markers of some populations move (`truth["moved"]`), and the log odds of some populations change
    (`truth["grown"]`), both in proportion to it. Columns line, dose, replicate, plate; a plate holds one replicate of
    every line and dose.

    Parameters
    ----------
    lines, replicates
        Number of lines, and of replicates of each dose and line.
    doses
        The doses, 0 to 1 as a rule; `effect` and `abundance` are meant at a dose of 1.
    cells, markers
        Cells of each sample, and number of markers, 2 to 26.
    effect
        Size of the planted shifts on the arcsinh scale; 0 plants none.
    abundance
        Size of the planted change of log odds; 0 plants none.
    batch, noise
        As in `simulate`: standard deviation of the shift of a marker between plates, and how much samples of one line
        and dose differ.
    seed
        Chooses everything that is drawn.

    Returns
    -------
    Cohort
        `synthetic`, with `truth` and the population of every cell.

    Raises
    ------
    ValueError
        For a number of lines, doses, replicates, cells or markers that cannot be.

    Examples
    --------
    >>> simulate_doses(lines=2, doses=(0, 0.5, 1), cells=50).samples["dose"].value_counts().tolist()
    [4, 4, 4]
    """
    for name, value, high in (("lines", lines, 1000), ("replicates", replicates, 1000), ("doses", len(doses), 1000)):
        require_range(name, value, 1, high)
    require_seed(seed)
    require_sizes(GUT, cells=cells, markers=markers, batch=batch, noise=noise)
    if not np.isfinite(doses).all() or len(set(doses)) < len(doses):
        raise ValueError(f"Expected different doses that are numbers, found {list(doses)}. Give every dose once.")
    rng = np.random.default_rng(seed)
    nature = nature_of(GUT, markers, rng)
    table = _table(lines, [float(dose) for dose in doses], replicates)
    drawn = _drawn(nature, table, cells=cells, sizes=(effect, abundance, batch, noise), rng=rng)
    return cohort_of("doses", nature, table, drawn, seed=seed)


def _table(lines: int, doses: Sequence[float], replicates: int) -> pd.DataFrame:
    rows = [
        {"line": f"L{line + 1}", "dose": dose, "replicate": replicate + 1, "plate": f"plate {replicate + 1}"}
        for line in range(lines)
        for dose in doses
        for replicate in range(replicates)
    ]
    names = [f"{row['line']}_dose{row['dose']:g}_r{row['replicate']}" for row in rows]
    return pd.DataFrame(rows, index=pd.Index(names, name="sample"))


def _planted(nature: Nature, effect: float, abundance: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shift of markers (k, d) and change of log odds (k,) at a dose of 1."""
    shift = np.zeros_like(nature.profile)
    for marker, size, populations in _MOVED:
        for population in populations:
            if marker in nature.markers:
                row, column = nature.row(population), nature.column(marker)
                shift[row, column] = nature.moved(row, column, effect * size)
    grown = np.zeros(len(nature.profile))
    for population, size in _GROWN.items():
        grown[nature.row(population)] = abundance * size
    return shift, grown


def _drawn(
    nature: Nature,
    table: pd.DataFrame,
    *,
    cells: int,
    sizes: tuple[float, float, float, float],
    rng: np.random.Generator,
) -> Drawn:
    effect, abundance, batch, noise = sizes
    shift, grown = _planted(nature, effect, abundance)

    def planted(row: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return float(row["dose"]) * shift, float(row["dose"]) * grown

    found, labels, plates = cultures(nature, table, planted, cells=cells, batch=batch, noise=noise, rng=rng)
    truth = {"moved": _MOVED, "grown": _GROWN, "effect": effect, "abundance": abundance, "plate_shifts": plates}
    return Drawn(found, labels, truth)
