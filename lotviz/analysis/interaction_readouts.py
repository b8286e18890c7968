"""Single readouts of a drug study: additive, Bliss and highest-single-agent excess of a share or a median."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.interaction_design import Study
from lotviz.analysis.interaction_entries import Entries, entries, mean_by_group
from lotviz.analysis.interaction_units import Units
from lotviz.analysis.regions import Regions, nearest_regions
from lotviz.transport.progress import Progress, report, stop_if

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

BLISS_SIGN = (
    "Positive: A+B does more than independence of A and B predicts (less is left of it); downstream tools often turn "
    "this sign round."
)
HIGHEST_SIGN = "Positive: A+B goes further than the stronger of the two drugs alone, in its direction."
ADDITIVE_SIGN = "Positive: the readout is higher under A+B than the sum of both effects predicts."


@dataclass(frozen=True, eq=False)
class Readouts:
    """What single numbers say of every well of a study.

    Attributes
    ----------
    shares
        Share of the cells in each region, shape (n, k); rows sum to 1.
    medians
        Median of each marker over all cells, marker units, shape (n, d).
    region_medians
        The same within each region, shape (n, k, d); NaN where a well has no cell there.
    n_cells
        Cells that were read of each well, shape (n,).
    """

    shares: NDArray[np.float64]
    medians: NDArray[np.float64]
    region_medians: NDArray[np.float64]
    n_cells: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ReadoutExcess:
    """One readout under the four conditions, and three ways to say what A+B adds.

    Attributes
    ----------
    name
        What is read, such as "share of CD3+ cells" or "median pERK".
    levels
        Mean readout under control, A, B and A+B, over lines.
    table
        Rows "additive", "bliss", "highest single agent"; columns excess, low, high, p, sign (what positive means) and
        reason (why there is none, or "").
    n_units, unit
        How many units spoke, and what they are.
    """

    name: str
    levels: dict[str, float]
    table: pd.DataFrame
    n_units: int
    unit: str


def read_wells(
    embedding: LOTEmbedding,
    study: Study,
    regions: Regions,
    *,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Readouts:
    """Read the cells of every well once: shares of regions and medians of markers.

    Raises
    ------
    Cancelled
        `cancel` was set.
    """
    k, d = len(regions.names), len(embedding.markers)
    n = len(study.samples)
    shares, medians, inside = np.zeros((n, k)), np.zeros((n, d)), np.full((n, k, d), np.nan)
    counts = np.zeros(n, dtype=np.int64)
    for number, sample in enumerate(study.samples):
        stop_if(cancel)
        report(progress, number, n, f"Reading {sample}")
        cells = embedding.cells(sample)
        labels = nearest_regions(embedding.scaling.apply(cells), regions)
        shares[number] = np.bincount(labels, minlength=k) / len(labels)
        medians[number] = np.median(cells, axis=0)
        for region in np.unique(labels):
            inside[number, region] = np.median(cells[labels == region], axis=0)
        counts[number] = len(cells)
    report(progress, n, n, "Read all wells")
    return Readouts(shares, medians, inside, counts)


def share_excess(readouts: Readouts, units: Units, region: int, *, name: str, level: float) -> ReadoutExcess:
    """Excess of A+B in the share of a region."""
    return _excess(readouts.shares[:, region], units, f"share of {name}", fraction=True, level=level)


def median_excess(
    readouts: Readouts, units: Units, *, marker: int, region: int | None, name: str, level: float
) -> ReadoutExcess:
    """Excess of A+B in the median of a marker, over all cells or within a region."""
    values = readouts.medians[:, marker] if region is None else readouts.region_medians[:, region, marker]
    return _excess(values, units, f"median {name}", fraction=False, level=level)


def _excess(values: NDArray[np.float64], units: Units, name: str, *, fraction: bool, level: float) -> ReadoutExcess:
    known = np.isfinite(values)
    # a well without a cell in the region says nothing of its block
    speaks = ~(np.abs(units.study.weights).sum(axis=0)[:, ~known] > 0).any(axis=1)
    filled = np.where(known, values, 0.0)
    four, groups = _by_unit(units.study.weights @ filled, units, speaks)  # (4, blocks) -> (4, units)
    reasons = ["", _no_bliss(four, groups, level=level) if fraction else _NO_FRACTION, ""]
    control, a, b, both = four
    rows = [both - a - b + control, np.full_like(both, np.nan), _highest(four, groups)]
    if not reasons[1]:
        rows[1] = a / control * (b / control) - both / control
    found = [_tested(row, groups, level=level) for row in rows]
    table = pd.DataFrame(
        {
            "excess": [float(one.mean[0]) for one in found],
            "low": [float(one.low[0]) for one in found],
            "high": [float(one.high[0]) for one in found],
            "p": [float(one.p[0]) for one in found],
            "sign": [ADDITIVE_SIGN, BLISS_SIGN, HIGHEST_SIGN],
            "reason": reasons,
        },
        index=pd.Index(["additive", "bliss", "highest single agent"], name="model"),
    )
    means = mean_by_group(four.T, groups).mean(axis=0) if four.shape[1] else np.full(4, np.nan)
    levels = dict(zip(("control", "a", "b", "both"), (float(mean) for mean in means), strict=True))
    return ReadoutExcess(name, levels, table, int(four.shape[1]), units.unit)


_NO_FRACTION = (
    "A median on a transformed scale is no fraction of anything: Bliss independence multiplies fractions that are left."
)


def _by_unit(
    four: NDArray[np.float64], units: Units, speaks: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Readouts of units that have one, shape (4, units), and their groups."""
    if units.unit != "line":
        return four[:, speaks], units.groups[speaks]
    lines = [line for line in range(len(units)) if (speaks & (units.study.line_of == line)).any()]
    means = [four[:, speaks & (units.study.line_of == line)].mean(axis=1) for line in lines]
    return np.array(means).reshape(len(lines), 4).T, np.zeros(len(lines), dtype=np.intp)


def _no_bliss(four: NDArray[np.float64], groups: NDArray[np.intp], *, level: float) -> str:
    """Why there is no Bliss excess of a share; the empty text where there is one."""
    if not four.shape[1] or (four[0] <= 0.0).any():
        return "A control without a cell in the region: there is nothing to take a fraction of."
    for name, values in zip(("A", "B", "A+B"), four[1:], strict=True):
        left = _tested(values / four[0], groups, level=level)
        bound = left.low[0] if np.isfinite(left.low[0]) else left.mean[0]
        if bound > 1.0 or left.mean[0] < 0.0:
            return (
                f"{name} raises it to {left.mean[0]:.2f} of the control: no fraction that is left, and Bliss "
                "independence is about those."
            )
    return ""


def _highest(four: NDArray[np.float64], groups: NDArray[np.intp]) -> NDArray[np.float64]:
    """How much further A+B goes than the drug that goes farthest, in its direction; shape (units,)."""
    effects = four[1:] - four[0]
    if not effects.shape[1]:
        return np.zeros(0)
    means = mean_by_group(effects[:2].T, groups).mean(axis=0)
    strongest = int(np.argmax(np.abs(means)))
    return np.asarray((effects[2] - effects[strongest]) * (1.0 if means[strongest] >= 0.0 else -1.0))


def _tested(values: NDArray[np.float64], groups: NDArray[np.intp], *, level: float) -> Entries:
    if not len(values) or not np.isfinite(values).all():
        unknown = np.full(1, np.nan)
        return Entries(unknown, unknown, unknown, unknown, unknown, "")
    return entries(values[:, None], groups, level=level)
