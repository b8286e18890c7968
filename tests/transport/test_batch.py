from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from lotviz.data import ArraySource, CohortError, simulate
from lotviz.transport import (
    Cancelled,
    ConvergenceError,
    EmbedRequest,
    TransportMemoryError,
    TransportStore,
    embed,
    engine,
)
from lotviz.transport import samples as module
from lotviz.transport.plans import RememberedPlans
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
    def fails(*_, **__):
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
        ({"seed": -1}, "seed from 0 to 4294967295, found -1"),
        ({"points": 2.5}, r"points to be a whole number, found 2\.5"),
        ({"cells_per_sample": float("nan")}, "cells_per_sample to be a whole number, found nan"),
        ({"reference": "mean"}, "sample:NAME or a file that ends in .csv, .tsv, .parquet or .lot, found 'mean'"),
        ({"scale": "robust"}, "zscore or none"),
        ({"solver": "entropic"}, "solver simplex or pot, found 'entropic'"),
    ],
)
def test_options_out_of_range_are_refused(patients, option, words):
    with pytest.raises(ValueError, match=words):
        embed(patients, **option)


def test_the_path_of_a_cohort_is_not_yet_a_cohort():
    with pytest.raises(ValueError, match=r"Expected a cohort to embed, found str\. Read one with lotviz\.read_cohort"):
        embed("study/sheet.csv")


def test_a_cohort_too_large_for_memory_is_refused_before_the_first_sample(patients, monkeypatch):
    monkeypatch.setattr(module, "transport_bytes", lambda m, n, d, solver: 10**15 * m * n)
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


# The store: what was solved is not solved again


@pytest.fixture
def store(tmp_path):
    return TransportStore(tmp_path / "store")


@pytest.fixture
def solves(monkeypatch):
    """How often the solver was called, and with what."""
    calls, honest = [], module.solve

    def counted(*arrays, **options):
        calls.append(options)
        return honest(*arrays, **options)

    monkeypatch.setattr(module, "solve", counted)
    return calls


def assert_same_embedding(found, expected):
    for name in ("maps", "costs", "residuals", "dual_gaps", "variances", "n_cells", "n_cells_used"):
        assert getattr(found, name).tobytes() == getattr(expected, name).tobytes(), name
    assert (found.parameters, found.sample_hashes) == (expected.parameters, expected.sample_hashes)
    for mine, theirs in zip(found.plans, expected.plans, strict=True):
        assert mine.shape == theirs.shape
        for part in ("data", "indices", "indptr"):
            assert getattr(mine, part).dtype == getattr(theirs, part).dtype
            assert getattr(mine, part).tobytes() == getattr(theirs, part).tobytes()


def test_with_a_store_the_embedding_is_the_same(patients, embedding, store, solves):
    assert_same_embedding(embed(patients, points=20, seed=1, store=store), embedding)
    assert len(solves) == store.info().entries == 6


def test_resumed_is_what_an_undisturbed_run_gives_and_solves_nothing_again(patients, embedding, store, solves):
    embed(patients, points=20, seed=1, store=store)
    solves.clear()
    resumed = embed(patients, points=20, seed=1, workers=1, store=store, resume=True)
    assert (len(solves), store.taken) == (0, 6)
    assert_same_embedding(resumed, embedding)


def test_a_store_is_read_only_when_asked_to_resume(patients, store, solves):
    for _ in range(2):
        embed(patients, points=4, store=store)
    assert (len(solves), store.taken) == (12, 0)


def test_after_a_cancel_only_the_rest_is_solved(patients, embedding, store, solves):
    cancel = threading.Event()

    def stop_after_three(done, total, message):
        if message == "Transported P3":
            cancel.set()

    with pytest.raises(Cancelled):
        embed(patients, points=20, seed=1, workers=1, store=store, progress=stop_after_three, cancel=cancel)
    kept, heard = store.info().entries, []
    assert 3 <= kept < 6
    solves.clear()
    resumed = embed(patients, points=20, seed=1, store=store, resume=True, progress=lambda *told: heard.append(told[2]))
    assert (len(solves), store.taken) == (6 - kept, kept)
    assert_same_embedding(resumed, embedding)
    assert heard[-1].endswith(f"({kept} taken from the store)")


@pytest.mark.parametrize(
    "other",
    [{"points": 9}, {"seed": 2}, {"scale": "none"}, {"cells_per_sample": 100}, {"reference": "cells"}],
    ids=lambda other: next(iter(other)),
)
def test_other_choices_take_nothing_from_the_store(patients, store, other):
    choices = {"points": 8, "seed": 1}
    embed(patients, **choices, store=store)
    embed(patients, **choices | other, store=store, resume=True)
    assert store.taken == 0


def test_the_other_solver_takes_nothing_from_the_store(patients, store, monkeypatch):
    embed(patients, points=8, solver="pot", store=store)
    embed(patients, points=8, solver="simplex", store=store, resume=True)
    assert store.taken == 0


def test_a_changed_cell_is_solved_again_and_only_its_sample(store, solves):
    cells = {name: cloud(seed, 40, 2) for seed, name in enumerate("ABC")}
    options = {"points": 6, "scale": "none", "reference": "cells", "store": store, "resume": True}
    first = cohort_of(cells)
    reference = embed(first, **options)
    changed = cells | {"B": cells["B"] + np.float32(0.5)}
    solves.clear()
    module.transport_samples(
        cohort_of(changed),
        reference.reference,
        reference.scaling,
        work=module.Work(None, 0, store=store, resume=True),
    )
    assert (len(solves), store.taken) == (1, 2)


def test_damaged_entries_are_solved_again_without_a_word(patients, embedding, store, solves):
    embed(patients, points=20, seed=1, store=store)
    entries = sorted(store.folder.iterdir())
    entries[0].write_bytes(entries[0].read_bytes()[:-100])
    flipped = bytearray(entries[1].read_bytes())
    flipped[len(flipped) // 2] ^= 1
    entries[1].write_bytes(flipped)
    entries[2].unlink()
    solves.clear()
    resumed = embed(patients, points=20, seed=1, store=store, resume=True)
    assert (len(solves), store.taken, store.trouble) == (3, 3, "")
    assert_same_embedding(resumed, embedding)
    assert not resumed.warnings


def test_to_resume_takes_a_store(patients):
    with pytest.raises(ValueError, match=r"Expected a store to resume from, found none. Give store=TransportStore"):
        embed(patients, resume=True)


def test_plans_of_many_samples_are_not_held(patients, store):
    found = embed(patients, points=4, store=store)
    assert isinstance(found.plans, RememberedPlans)
    assert found.plans._held == {}
    assert isinstance(embed(patients, points=4).plans, tuple)


# Solver and cancel


@pytest.mark.parametrize("solver", ["simplex", "pot"])
def test_the_solver_asked_for_solves_and_is_written_down(patients, embedding, solves, solver):
    found = embed(patients, points=20, seed=1, solver=solver)
    assert {call["solver"] for call in solves} == {solver}
    assert found.parameters["solver"] == solver
    np.testing.assert_allclose(found.maps, embedding.maps, rtol=0, atol=1e-9)
    solves.clear()
    found.project(patients.select(samples=["P1"]))
    assert [call["solver"] for call in solves] == [solver]


def test_embeddings_that_name_no_solver_were_made_by_pot(patients, embedding, solves):
    parameters = {name: value for name, value in embedding.parameters.items() if name != "solver"}
    replace(embedding, parameters=parameters).project(patients.select(samples=["P1"]))
    assert [call["solver"] for call in solves] == ["pot"]


def test_cancel_reaches_into_the_solver(patients, monkeypatch):
    cancel, solving = threading.Event(), threading.Barrier(3, timeout=20)

    def endless(*_, solver, cancel):
        solving.wait()
        assert cancel.wait(20)
        raise Cancelled("stopped")

    def press():
        solving.wait()
        cancel.set()

    monkeypatch.setattr(module, "solve", endless)
    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(Cancelled):
        embed(patients, points=4, workers=2, cancel=cancel)
    thread.join()


def test_where_the_simplex_cannot_be_compiled_the_work_of_pot_is_called_so(patients, store, monkeypatch):
    honest = embed(patients, points=6, solver="pot", store=store)
    monkeypatch.setattr(engine, "_reason", "numba cannot compile here")
    found = embed(patients, points=6, store=store, resume=True)
    assert (found.parameters["solver"], store.taken) == ("pot", 6)
    assert_same_embedding(found, honest)
