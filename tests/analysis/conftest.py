"""Cohorts and embeddings that the tests of the analysis room share; made once, altered by nobody."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lotviz.data import simulate
from lotviz.data.cohort import ArraySource, Cohort
from lotviz.data.transforms.transform import Transform
from lotviz.transport import embed


def cohort_of(clouds, samples, markers=None):
    """A cohort in memory from arrays of cells and a sample table."""
    names = [f"s{number}" for number in range(len(clouds))]
    table = pd.DataFrame(samples, index=pd.Index(names, name="sample"))
    return Cohort(
        name="made up",
        samples=table,
        markers=tuple(markers or (f"m{k}" for k in range(clouds[0].shape[1]))),
        cell_counts=pd.Series([len(cloud) for cloud in clouds], index=table.index),
        source=ArraySource(dict(zip(names, clouds, strict=True))),
        transform=Transform("none"),
        origin="made up",
    )


def noise_clouds(count, *, cells=40, markers=3, seed=0):
    """Clouds that differ by nothing but chance."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(cells, markers)) for _ in range(count)]


@pytest.fixture(scope="session")
def patients():
    """Sixteen patients with a large planted change of two markers in one population, and no other."""
    return simulate("patients", samples=16, cells=400, effect=2.0, abundance=0.0, seed=1)


@pytest.fixture(scope="session")
def embedding(patients):
    return embed(patients, points=48, seed=0, workers=1)
