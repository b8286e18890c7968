"""What simulated cohorts share: populations and how their cells scatter, a sample's cells, cultures on plates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.choices import require_range
from lotviz.data.cohort import ArraySource, Cohort
from lotviz.data.panels import LOW, Panel
from lotviz.data.transforms.transform import Transform

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Nature:
    """What every sample of a cohort shares: populations (k), markers (d), how cells of a population scatter."""

    panel: Panel
    markers: tuple[str, ...]
    profile: Array  # (k, d)
    loadings: Array  # (k, 2, d)

    def column(self, marker: str) -> int:
        """Return the place of a marker."""
        return self.markers.index(marker)

    def row(self, population: str) -> int:
        """Return the place of a population."""
        return self.panel.populations.index(population)

    def moved(self, row: int, column: int, size: float) -> float:
        """Return how far a marker of a population moves: it dims until it is low, and no further.

        Below, its staining would not add up.
        """
        return max(size, min(0.0, LOW - float(self.profile[row, column])))


@dataclass(frozen=True, eq=False)
class Drawn:
    """The cells of every sample, the population of each cell, and what was planted."""

    cells: dict[str, NDArray[np.float32]]
    labels: dict[str, NDArray[Any]]
    truth: dict[str, Any]


def cohort_of(design: str, nature: Nature, table: pd.DataFrame, drawn: Drawn, *, seed: int) -> Cohort:
    """Return what was drawn as a cohort in memory."""
    counts = pd.Series({name: len(cells) for name, cells in drawn.cells.items()}, name="cells", dtype=int)
    counts.index.name = "sample"
    return Cohort(
        name=f"Simulated {design}",
        samples=table,
        markers=nature.markers,
        cell_counts=counts,
        source=ArraySource(drawn.cells, drawn.labels),
        transform=Transform("arcsinh", 5.0),
        origin=f"simulated {design}, seed {seed}",
        synthetic=True,
        truth={"design": design, "seed": seed, **drawn.truth},
    )


def nature_of(panel: Panel, count: int, rng: np.random.Generator) -> Nature:
    """Return the first `count` markers of a panel, with factors that its populations share."""
    markers = panel.first(count)
    profile = panel.profile(markers)
    # two factors a population: cell size brightens everything, activation moves markers against each other
    size = np.full((len(profile), 1, len(markers)), 0.22)
    activation = rng.normal(0, 0.22, (len(profile), 1, len(markers)))
    return Nature(panel, markers, profile, np.concatenate([size, activation], axis=1))


def cultures(
    nature: Nature,
    table: pd.DataFrame,
    planted: Callable[[pd.Series], tuple[Array, Array]],
    *,
    cells: int,
    batch: float,
    noise: float,
    rng: np.random.Generator,
) -> tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[Any]], dict[str, Array]]:
    """Draw the cells of cultures: lines that differ in brightness and composition, on plates that differ in staining.

    Parameters
    ----------
    table
        One row a sample, with columns line and plate.
    planted
        For a row of the table the shift of markers (k, d) and the change of log odds (k,).
    cells, batch, noise, rng
        As in `simulate`.

    Returns
    -------
        Cells and populations of every sample, and the shift of markers, (d,), of every plate.
    """
    width, kinds = len(nature.markers), len(nature.profile)
    base = np.log(list(nature.panel.shares.values()))
    plates = {name: rng.normal(0, batch, width) for name in sorted(set(table["plate"]))}
    strains = {name: (rng.normal(0, 0.2, width), rng.normal(0, 0.3, kinds)) for name in sorted(set(table["line"]))}
    found: dict[str, NDArray[np.float32]] = {}
    labels: dict[str, NDArray[Any]] = {}
    for name, row in table.iterrows():
        brightness, composition = strains[str(row["line"])]
        shift, grown = planted(row)
        logits = base + composition + rng.normal(0, 0.08 * noise, kinds) + grown
        staining = brightness + plates[str(row["plate"])] + rng.normal(0, 0.05 * noise, width)
        found[str(name)], labels[str(name)] = sample_cells(
            nature, cells, logits, shift=shift, staining=staining, rng=rng
        )
    return found, labels, plates


def sample_cells(
    nature: Nature,
    count: int,
    logits: Array,
    *,
    shift: Array,
    staining: Array,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Raw intensities (count, d) and the population of each cell of one sample."""
    shares = np.exp(logits - logits.max())
    kind = rng.choice(len(shares), size=count, p=shares / shares.sum())  # (count,)
    factors = rng.standard_normal((count, 2))
    spread = np.einsum("nf,nfd->nd", factors, nature.loadings[kind])  # (count, 2) x (count, 2, d) -> (count, d)
    # Student t with 4 degrees of freedom: the heavy tails of doublets and aggregates
    tails = 0.28 * rng.standard_t(4, (count, len(nature.markers)))
    brightness = nature.profile[kind] + shift[kind]
    # unstained markers hardly follow the staining of the sample
    stained = np.clip(brightness / LOW, 0.2, 1.0)
    scale = brightness + stained * (staining + spread + tails)
    raw = 5.0 * np.sinh(np.clip(scale, -1.0, 7.5))
    # a dim signal is often no signal at all: zeros as a mass cytometer counts them
    missed = rng.random(raw.shape) < 0.6 * np.exp(-np.maximum(raw, 0.0) / 2.0)
    raw = np.where(missed | (raw < 0), 0.0, raw)
    return raw.astype(np.float32), np.array(nature.panel.populations)[kind]


def require_sizes(panel: Panel, *, cells: int, markers: int, batch: float, noise: float) -> None:
    """Raise `ValueError` for a number of cells or markers, or a spread, that cannot be."""
    require_range("cells", cells, 1, 10_000_000)
    require_range("markers", markers, 2, len(panel.markers))
    if batch < 0 or noise < 0:
        raise ValueError(f"Expected batch and noise of 0 or more, found {batch} and {noise}. They are deviations.")
