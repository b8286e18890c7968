from __future__ import annotations

import numpy as np
import pytest

from lotviz.data import CohortError, check, memory, read_cohort, simulate, write_cohort
from lotviz.data import cohort as cohorts


@pytest.fixture(params=["fcs", "parquet", "csv", "h5ad"])
def cohort(request, tmp_path):
    """A cohort on disk, one a format."""
    made = simulate(samples=3, cells=700, markers=5, seed=4)
    return read_cohort(write_cohort(made, tmp_path / "made", format=request.param), transform="none")


def scarce(monkeypatch, size):
    """Let so many bytes be free."""
    monkeypatch.setattr(cohorts, "_LITTLE", 0)
    monkeypatch.setattr(cohorts, "free_memory", lambda: size)
    monkeypatch.setattr(memory, "free_memory", lambda: size)


def test_some_cells_of_a_large_sample_are_those_of_a_small_one(cohort, monkeypatch):
    name = cohort.samples.index[1]
    whole = cohort.cells(name, limit=100, seed=3)
    rows = cohort.chosen(name, limit=100, seed=3)
    monkeypatch.setattr(cohorts, "_LARGE", 0)
    monkeypatch.setattr(type(cohort.source), "read", lambda *_arguments: pytest.fail("the whole sample was read"))
    np.testing.assert_array_equal(cohort.cells(name, limit=100, seed=3), whole)
    np.testing.assert_array_equal(cohort.raw(name, limit=100, seed=3), whole)
    fewer = cohort.select(markers=cohort.markers[::-2])
    np.testing.assert_array_equal(fewer.cells(name, limit=100, seed=3), whole[:, ::-2])
    assert len(rows) == 100


def test_a_sample_that_does_not_fit_is_refused_before_it_is_read(cohort, monkeypatch):
    scarce(monkeypatch, 10_000)
    with pytest.raises(CohortError, match=r"fit in 0\.0 GB of free memory.*Choose fewer markers, or fewer cells"):
        cohort.cells(cohort.samples.index[0])


def test_a_sample_that_does_not_fit_is_thinned_for_the_look_and_it_says_so(cohort, monkeypatch):
    monkeypatch.setattr(cohorts, "_LARGE", 0)
    one = int(cohort.cell_counts.iloc[0]) * cohort.n_markers * 4 * 3
    scarce(monkeypatch, one // 2)
    found = [problem for problem in check(cohort) if "do not fit into memory" in problem.what]
    assert len(found) == 3
    assert f"of {int(cohort.cell_counts.iloc[0])} cells were looked at" in found[0].what
    assert found[0].samples == (cohort.samples.index[0],)


def test_what_fits_is_not_thinned(cohort):
    assert [cohort.affordable(name) for name in cohort.samples.index] == [None] * 3
