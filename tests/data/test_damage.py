"""Whatever bytes are wrong, a file is read or refused: nothing but CohortError is raised."""

from __future__ import annotations

import numpy as np
import pytest

from lotviz.data import CohortError, check, read_cohort, simulate, write_cohort


@pytest.mark.filterwarnings("ignore")  # a damaged number may overflow on its way to float32, and is then reported
@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("parquet", "cells.parquet"),
        ("parquet", "samples.csv"),
        ("csv", "cells.csv"),
        ("fcs", "fcs/P1.fcs"),
        ("fcs", "sheet.csv"),
        ("h5ad", "cohort.h5ad"),
    ],
)
def test_random_damage_is_refused_or_harmless(tmp_path, form, name):
    rng = np.random.default_rng(7)
    folder = write_cohort(simulate(samples=2, cells=30, markers=3), tmp_path / "out", format=form)
    content = (folder / name).read_bytes()
    refusals = 0
    for turn in range(40):
        broken = bytearray(content)
        for position in rng.integers(0, len(broken), rng.integers(1, 20)):
            broken[position] = rng.integers(0, 256)
        end = len(broken) if turn % 4 else rng.integers(0, len(broken))
        (folder / name).write_bytes(bytes(broken[:end]))
        try:
            check(read_cohort(folder))
        except CohortError:
            refusals += 1
    assert refusals >= 10
