"""Embeddings that several files of this room look at; nobody alters them."""

from __future__ import annotations

import pytest

from lotviz.data import Cohort, simulate
from lotviz.transport import LOTEmbedding, embed
from tests.transport.clouds import cloud, cohort_of


@pytest.fixture(scope="session")
def patients() -> Cohort:
    return simulate("patients", samples=6, cells=150, markers=6, seed=1)


@pytest.fixture(scope="session")
def embedding(patients: Cohort) -> LOTEmbedding:
    """Fewer reference points than cells: every point stands for several."""
    return embed(patients, points=20, seed=1)


@pytest.fixture(scope="session")
def unsplit() -> LOTEmbedding:
    """As many reference points as cells, all of the same mass: no cell is split."""
    clouds = {name: cloud(seed, 30, 3) for seed, name in enumerate("ABCD")}
    return embed(cohort_of(clouds), points=30, reference="cells", scale="none")
