"""Clouds and cohorts whose answers are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from lotviz.data import ArraySource, Cohort, Transform

seeds = st.integers(0, 2**32 - 1)


def cloud(seed: int, n: int, d: int) -> np.ndarray:
    """A heavy-tailed cloud in general position: no two distances are equal."""
    rng = np.random.default_rng(seed)
    return rng.standard_t(4, size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


def masses(seed: int, n: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).gamma(2.0, size=n) + 0.01
    return drawn / drawn.sum()


def cohort_of(
    cells: Mapping[str, np.ndarray], *, populations: Mapping[str, Any] | None = None, **metadata: list[Any]
) -> Cohort:
    """A cohort in memory, without a transform."""
    arrays = {name: np.asarray(values, dtype=np.float32) for name, values in cells.items()}
    d = next(iter(arrays.values())).shape[1]
    return Cohort(
        name="clouds",
        samples=pd.DataFrame(metadata, index=pd.Index(list(arrays), name="sample")),
        markers=tuple(f"M{k}" for k in range(d)),
        cell_counts=pd.Series({name: len(values) for name, values in arrays.items()}),
        source=ArraySource(arrays, populations),
        transform=Transform("none"),
        origin="clouds",
    )


def squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.square(x[:, None, :] - y[None, :, :]).sum(axis=2)
