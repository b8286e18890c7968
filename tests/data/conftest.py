"""Cohorts small enough to write to disk in a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lotviz.data import ArraySource, Cohort, Transform, simulate, write_cohort


@pytest.fixture(scope="session")
def tiny() -> Cohort:
    return simulate("patients", samples=4, cells=120, markers=6, seed=5)


@pytest.fixture
def made():
    """A cohort from arrays, untransformed unless asked otherwise."""

    def make(cells: dict[str, np.ndarray], *, transform=None, **columns) -> Cohort:
        names = pd.Index(list(cells), name="sample")
        width = next(iter(cells.values())).shape[1]
        return Cohort(
            name="made",
            samples=pd.DataFrame(columns, index=names),
            markers=tuple(f"M{number}" for number in range(1, width + 1)),
            cell_counts=pd.Series({name: len(values) for name, values in cells.items()}),
            source=ArraySource(cells),
            transform=transform or Transform("none"),
            origin="made here",
        )

    return make


@pytest.fixture
def folder(tiny: Cohort, tmp_path: Path):
    """The tiny cohort written in a format of choice."""
    return lambda form: write_cohort(tiny, tmp_path / form, format=form)
