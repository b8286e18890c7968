from __future__ import annotations

import numpy as np
import pytest

from lotviz.data import CohortError, Transform, simulate


def test_cells_are_the_transformed_raw_values(small_cohort):
    name = small_cohort.samples.index[0]
    raw = small_cohort.raw(name)
    np.testing.assert_array_equal(small_cohort.cells(name), small_cohort.transform(raw))
    np.testing.assert_allclose(small_cohort.cells(name), np.arcsinh(raw / 5), rtol=5e-7)
    assert small_cohort.cells(name).dtype == np.float32


def test_a_limit_draws_the_cells_that_chosen_names(small_cohort):
    name = small_cohort.samples.index[3]
    rows = small_cohort.chosen(name, limit=50, seed=9)
    assert len(set(rows)) == 50
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(small_cohort.cells(name, limit=50, seed=9), small_cohort.cells(name)[rows])
    labels = small_cohort.populations(name)
    np.testing.assert_array_equal(small_cohort.populations(name, limit=50, seed=9), labels[rows])
    assert not np.array_equal(rows, small_cohort.chosen(name, limit=50, seed=10))


@pytest.mark.parametrize("limit", [None, 200, 10_000])
def test_a_limit_beyond_the_sample_takes_all_cells(small_cohort, limit):
    name = small_cohort.samples.index[0]
    np.testing.assert_array_equal(small_cohort.chosen(name, limit=limit), np.arange(200))
    assert len(small_cohort.cells(name, limit=limit)) == 200


def test_counts(small_cohort):
    assert small_cohort.total_cells == 12 * 200
    assert small_cohort.n_markers == len(small_cohort.markers) == 8


def test_select_keeps_the_order_asked_for(small_cohort):
    markers = (small_cohort.markers[5], small_cohort.markers[0])
    samples = list(small_cohort.samples.index[[4, 1]])
    part = small_cohort.select(markers=markers, samples=samples)
    assert part.markers == markers
    assert list(part.samples.index) == list(part.cell_counts.index) == samples
    np.testing.assert_array_equal(part.cells(samples[0]), small_cohort.cells(samples[0])[:, [5, 0]])
    np.testing.assert_array_equal(part.populations(samples[0]), small_cohort.populations(samples[0]))
    again = part.select(markers=[markers[1]])
    np.testing.assert_array_equal(again.raw(samples[1])[:, 0], small_cohort.raw(samples[1])[:, 0])


def test_select_names_every_wrong_choice(small_cohort):
    with pytest.raises(CohortError) as raised:
        small_cohort.select(markers=["CD3", "CD3", "cd5x"], samples=["P99"])
    text = str(raised.value)
    assert "Expected a sample of the cohort, found P99." in text
    assert "Expected a marker of the cohort, found cd5x." in text
    assert "found CD3 twice" in text
    with pytest.raises(CohortError, match="Expected at least one sample, found none"):
        small_cohort.select(samples=[])


def test_an_unknown_column_is_answered_with_the_known_ones(small_cohort):
    with pytest.raises(CohortError) as raised:
        small_cohort.column("lable")
    assert "Expected a column lable, found patient, label, batch, age. Did you mean label?" in str(raised.value)
    assert list(small_cohort.column("label").index) == list(small_cohort.samples.index)


def test_an_unknown_sample_is_refused_everywhere(small_cohort):
    for ask in (small_cohort.cells, small_cohort.raw, small_cohort.chosen, small_cohort.populations):
        with pytest.raises(CohortError, match="Expected a sample of the cohort, found nobody"):
            ask("nobody")


def test_nan_and_infinity_are_named_by_cell_and_marker(made):
    cells = np.ones((5, 3))
    cells[3, 1] = np.nan
    cells[[1, 4], 2] = np.inf
    with pytest.raises(CohortError) as raised:
        made({"a": cells}).cells("a")
    lines = str(raised.value).splitlines()
    assert lines[0].startswith("sample a, cell 4, marker M2: Expected a finite number, found NaN (in 1 of 5 cells")
    assert lines[1].startswith("sample a, cell 2, marker M3: Expected a finite number, found infinity (in 2 of 5 cells")


def test_a_bad_marker_can_be_left_out(made):
    cells = np.ones((5, 3))
    cells[3, 1] = np.nan
    cohort = made({"a": cells}, transform=Transform("arcsinh")).select(markers=["M1", "M3"])
    assert cohort.cells("a").shape == (5, 2)


def test_raw_values_cannot_alter_the_source(small_cohort):
    name = small_cohort.samples.index[0]
    before = small_cohort.cells(name).copy()
    small_cohort.raw(name)[:] = 0
    np.testing.assert_array_equal(small_cohort.cells(name), before)


@pytest.mark.parametrize("name", [None, 3])
def test_a_column_that_is_no_word_is_refused_like_any_other(name):
    with pytest.raises(CohortError, match=f"Expected a column {name}, found"):
        simulate(samples=2, cells=5).column(name)
