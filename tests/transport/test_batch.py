from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from lotviz.data import ArraySource, CohortError, simulate
from lotviz.transport import Cancelled, ConvergenceError, EmbedRequest, TransportMemoryError, embed
from lotviz.transport import samples as module
from tests.transport.clouds import cloud, cohort_of


def test_the_number_of_workers_changes_no_bit(patients, embedding):
    alone = embed(patients, points=20, seed=1, workers=1)
    assert alone.maps.tobytes() == embedding.maps.tobytes()
    assert [plan.data.tobytes() for plan in alone.plans] == [plan.data.tobytes() for plan in embedding.plans]


def test_the_seed_changes_cells_and_reference(patients):
    first, other = (embed(patients, points=8, cells_per_sample=50, seed=seed) for seed in (0, 1))
    assert first.sample_hashes != other.sample_hashes
    assert (first.reference.points != other.reference.points).any()


def test_fewer_cells_are_drawn_and_counted(patients):
    found = embed(patients, points=8, cells_per_sample=40, seed=5)
    assert found.summary()["n_cells"] == 900
    assert found.summary()["n_cells_used"] == 240
    np.testing.assert_array_equal(found.cells("P2"), patients.cells("P2", limit=40, seed=5))
    assert list(found.populations("P2")) == list(patients.populations("P2", limit=40, seed=5))
    np.testing.assert_array_equal(found.project(patients).maps, found.maps)


def test_a_sample_with_fewer_cells_than_points_is_fine():
    found = embed(cohort_of({"A": cloud(1, 5, 2), "B": cloud(2, 50, 2)}), points=16)
    assert found.plans[0].shape == (16, 5)
    assert not found.warnings


def test_fewer_distinct_cells_than_points_are_reported():
    found = embed(cohort_of({"A": cloud(1, 5, 2), "B": cloud(2, 6, 2)}), points=128)
    assert found.reference.n_points == 11
    assert found.warnings == ("The reference has 11 points, not 128: the pooled cells have no more distinct values.",)


def test_a_large_residual_share_is_reported_with_the_worst_sample():
    found = embed(cohort_of({"A": cloud(1, 80, 8), "B": cloud(2, 80, 8)}), points=2)
    seen = 1 - found.residual_shares
    assert found.warnings == (
        f"The maps see {seen.mean():.0%} of the variance within samples, least in {'AB'[seen.argmin()]} "
        f"({seen.min():.0%}). More reference points see more.",
    )
    assert not embed(cohort_of({"A": cloud(1, 80, 2), "B": cloud(2, 80, 2)}), points=40).warnings


def test_cells_without_any_spread_have_no_residual_share():
    found = embed(cohort_of({"A": np.zeros((4, 2)), "B": np.zeros((5, 2))}), points=4)
    assert found.residual_share == 0


def test_progress_goes_from_nothing_to_all(patients):
    heard = []
    embed(patients, points=4, progress=lambda *told: heard.append(told))
    assert [done for done, _, _ in heard] == list(range(9))
    assert {total for _, total, _ in heard} == {8}
    assert heard[0][2] == "Scaling the markers"
    assert {message for _, _, message in heard[3:]} == {f"Transported {name}" for name in patients.samples.index}


def test_cancel_stops_between_samples(patients, monkeypatch):
    cancel, begun = threading.Event(), []
    honest = module.transport_sample

    def cancel_in_the_second(cohort, sample, *rest, **options):
        begun.append(sample)
        if len(begun) == 2:
            cancel.set()
        return honest(cohort, sample, *rest, **options)

    monkeypatch.setattr(module, "transport_sample", cancel_in_the_second)
    with pytest.raises(Cancelled):
        embed(patients, points=4, workers=1, cancel=cancel)
    assert begun == ["P1", "P2"]


def test_two_workers_work_at_the_same_time(patients, monkeypatch):
    together = threading.Barrier(2, timeout=20)  # a single worker would wait here for ever
    honest = module.transport_sample

    def meet(*arguments, **options):
        together.wait()
        return honest(*arguments, **options)

    monkeypatch.setattr(module, "transport_sample", meet)
    assert embed(patients, points=4, workers=2).maps.shape == (6, 4, 6)


def test_cancelled_before_it_begins(patients, embedding):
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        embed(patients, cancel=cancel)
    with pytest.raises(Cancelled):
        embedding.project(patients, cancel=cancel)


def test_a_failure_in_a_worker_comes_out_with_its_sample(patients, monkeypatch):
    def fails(*_):
        raise ConvergenceError("stopped early")

    monkeypatch.setattr(module, "solve", fails)
    with pytest.raises(ConvergenceError, match="Sample P1: stopped early"):
        embed(patients, points=4, workers=1)


def test_too_few_samples_and_empty_samples_are_refused(patients):
    with pytest.raises(CohortError, match=r"Expected at least two samples to compare, found 1.*project the sample"):
        embed(patients.select(samples=["P1"]))
    gaps = cohort_of({"A": cloud(1, 5, 2), "B": np.zeros((0, 2)), "C": np.zeros((0, 2))})
    with pytest.raises(CohortError) as refused:
        embed(gaps)
    assert [problem.where for problem in refused.value.problems] == ["sample B", "sample C"]


def test_a_value_that_is_not_a_number_is_named():
    cells = cloud(1, 50, 3)
    cells[7, 2] = np.nan
    with pytest.raises(CohortError, match=r"B, cell 8, marker M2"):
        embed(cohort_of({"A": cloud(2, 50, 3), "B": cells}))


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"points": 0}, "points to be at least 1, found 0"),
        ({"workers": 0}, "workers to be at least 1"),
        ({"cells_per_sample": 0}, "cells_per_sample to be at least 1"),
        ({"seed": -1}, "seed to be at least 0"),
        ({"reference": "mean"}, "reference kmeans or cells, found 'mean'"),
        ({"scale": "robust"}, "zscore or none"),
    ],
)
def test_options_out_of_range_are_refused(patients, option, words):
    with pytest.raises(ValueError, match=words):
        embed(patients, **option)


def test_a_cohort_too_large_for_memory_is_refused_before_the_first_sample(patients, monkeypatch):
    monkeypatch.setattr(module, "BYTES_PER_ARC", 10**15)
    heard = []
    with pytest.raises(TransportMemoryError, match=r"2 transport problems at once of 4 reference points and 150 cells"):
        embed(patients, points=4, progress=lambda *told: heard.append(told[2]))
    assert not any(message.startswith("Transported ") for message in heard)


def test_a_request_can_be_kept_and_run_later(patients, embedding):
    request = EmbedRequest(patients, points=20, seed=1)
    assert request().maps.tobytes() == embedding.maps.tobytes()
    assert embedding.parameters["points"] == 20
    assert embedding.parameters["transform"] == {"kind": "arcsinh", "cofactor": 5.0}
    assert embedding.versions["POT"] != "not installed"


def test_cells_that_changed_since_are_refused():
    cells = {"A": cloud(1, 20, 2), "B": cloud(2, 20, 2)}
    cohort = cohort_of(cells)
    live = {name: np.array(values, dtype=np.float32) for name, values in cells.items()}
    found = embed(replace(cohort, source=ArraySource(live)), points=4)
    live["B"][3, 1] += 1
    with pytest.raises(CohortError, match="sample B: Expected the cells that were embedded, found other cells"):
        found.cells("B")
    assert found.cells("A").shape == (20, 2)


def test_a_simulated_cohort_stays_marked():
    assert embed(simulate("patients", samples=2, cells=100, markers=4), points=4).synthetic
