"""Faults are planted at various strengths in cohorts whose truth is known; without a fault nothing is said."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lotviz.data import ArraySource, CohortError, Problem, Transform, simulate, validate, write_cohort
from lotviz.data.quality.look import LEVELS, look_through
from lotviz.data.quality.unusual import piled_markers

CLEAN = [(3, {}), (4, {"samples": 60, "markers": 30, "batches": 3}), (5, {"effect": 3.0}), (6, {"batches": 1})]


@pytest.fixture
def with_cells():
    """A cohort with the raw cells of some samples replaced."""

    def replaced(cohort, cells):
        every = {name: cells.get(name, cohort.raw(name)) for name in cohort.samples.index}
        counts = pd.Series({name: len(values) for name, values in every.items()})
        return replace(cohort, source=ArraySource(every), cell_counts=counts)

    return replaced


def whats(quality):
    return [problem.what for problem in quality.problems]


def test_nothing_is_said_of_clean_cohorts():
    for seed, options in CLEAN:
        clean = simulate(**{"samples": 24, "cells": 400, "batch": 0.05, **options}, seed=seed)
        quality = look_through(clean)
        assert (quality.problems, quality.notes, quality.outlying, quality.ok) == ((), (), {}, True)


def test_organoids_are_noticed_as_a_paired_design_and_nothing_is_wrong_with_them():
    quality = look_through(simulate("organoids", cells=300, batch=0.05))
    assert quality.problems == ()
    (note,) = quality.notes
    assert "Paired design: each of the 3 values of line has samples of every condition (A, A+B, B, control)." in note
    assert "kept together" in note


@pytest.mark.parametrize(
    "before", [lambda raw: np.arcsinh(raw / 5), lambda raw: np.log10(raw + 1)], ids=["asinh", "log"]
)
@pytest.mark.parametrize("many", [1, 4, 7])
def test_samples_that_were_transformed_before_export_are_named(with_cells, before, many):
    cohort = simulate(samples=8, cells=400, seed=4)
    names = cohort.samples.index[:many]
    mixed = with_cells(cohort, {name: before(cohort.raw(name)).astype(np.float32) for name in names})
    found = [problem for problem in look_through(mixed).problems if "on one scale" in problem.what]
    assert [problem.samples for problem in found] == [tuple(names)]
    assert "They look as if they had been transformed before export" in found[0].fix


def test_a_marker_that_is_dim_and_few_cells_are_no_other_scale(with_cells):
    cohort = simulate(samples=8, cells=400, seed=4)
    dim = cohort.raw("P1").copy()
    dim[:, : cohort.n_markers // 2 - 1] = np.random.default_rng(0).uniform(0, 3, (len(dim), cohort.n_markers // 2 - 1))
    quality = look_through(with_cells(cohort, {"P1": dim, "P2": np.minimum(cohort.raw("P2")[:50], 3)}))
    assert not [what for what in whats(quality) if "on one scale" in what]


def test_two_groups_that_differ_without_a_label_are_no_outliers():
    cohort = simulate(samples=20, cells=300, effect=4.0, abundance=3.0, batch=0.0, seed=2)
    unnamed = replace(cohort, samples=cohort.samples[["age"]])
    assert look_through(unnamed).outlying == {}


@pytest.mark.parametrize("dim", [1.6, 2.0, 3.0])
def test_a_sample_stained_badly_is_named_with_its_markers(with_cells, dim):
    cohort = simulate(samples=24, cells=600, seed=1, batch=0.1)
    low = 5 * np.sinh(np.maximum(np.arcsinh(cohort.raw("P05") / 5) - dim, 0)).astype(np.float32)
    quality = look_through(with_cells(cohort, {"P05": low}))
    assert list(quality.outlying) == ["P05"]
    assert all(shift < 0 for _, shift in quality.outlying["P05"])
    (problem,) = [problem for problem in quality.problems if "far from all others" in problem.what]
    assert problem.samples == ("P05",)
    assert "1 of 24 samples lies far from all others: P05 (" in problem.what
    assert "lower" in problem.what


def test_the_marker_that_failed_is_the_one_that_is_named(with_cells):
    cohort = simulate(samples=24, cells=600, seed=3, batch=0.1)
    raw = cohort.raw("P07").copy()
    raw[:, cohort.markers.index("CD3")] = np.random.default_rng(0).lognormal(7, 0.3, len(raw))
    ((marker, shift), *_) = look_through(with_cells(cohort, {"P07": raw})).outlying["P07"]
    assert marker == "CD3"
    assert shift > 0


@pytest.mark.parametrize("shift", [1.0, 2.0])
def test_a_batch_apart_is_named_with_its_markers_and_no_sample_of_it_is_called_an_outlier(with_cells, shift):
    cohort = simulate(samples=24, cells=400, seed=1, batch=0.0)
    column = cohort.markers.index("CD45") if "CD45" in cohort.markers else 1
    second = cohort.samples.index[cohort.samples["batch"] == "batch 2"]
    cells = {}
    for name in second:
        raw = cohort.raw(name).copy()
        raw[:, column] = 5 * np.sinh(np.arcsinh(raw[:, column] / 5) + shift)
        cells[name] = raw
    quality = look_through(with_cells(cohort, cells))
    ((marker, _, moved),) = quality.shifted
    assert marker == cohort.markers[column]
    assert abs(moved) == pytest.approx(shift, abs=0.35)
    assert quality.outlying == {}
    assert any("far more than within one" in what for what in whats(quality))


def test_a_batch_that_is_the_label_is_said_once_with_its_numbers():
    cohort = simulate(samples=12, cells=200, batch=0.3)
    samples = cohort.samples.assign(batch=np.where(cohort.samples["label"] == "case", "day 2", "day 1"))
    quality = look_through(replace(cohort, samples=samples))
    (what,) = whats(quality)
    assert "All 6 samples of label case are in batch day 2" in what
    assert quality.shifted == ()


@pytest.mark.parametrize(("share", "fires"), [(0.0, False), (0.03, True), (0.3, True)])
def test_saturation(with_cells, share, fires):
    cohort = simulate(samples=12, cells=900, batch=0.0, seed=1)
    raw = cohort.raw("P03").copy()
    top = np.quantile(raw[:, 2], 1 - share)
    quality = look_through(with_cells(cohort, {"P03": np.minimum(raw, np.r_[[np.inf] * 2, top, [np.inf] * 11])}))
    found = [problem for problem in quality.problems if "highest value" in problem.what]
    assert bool(found) == fires
    if fires:
        assert found[0].samples == ("P03",)
        assert cohort.markers[2] in found[0].what
        assert f"up to {share:.0%}" in found[0].what or share < 0.1


def test_a_floor_that_is_not_zero(made):
    rng = np.random.default_rng(0)
    cells = {f"s{n}": np.maximum(rng.normal(0, 50, (400, 3)), -40).astype(np.float32) for n in range(8)}
    (what,) = whats(look_through(made(cells)))
    assert "lowest value" in what
    assert "M1 (" in what
    assert "all samples" in what


def test_zeros_of_one_sample_alone_are_seen_and_zeros_of_all_are_not(made):
    rng = np.random.default_rng(0)
    cells = {f"s{n}": np.maximum(rng.normal(0.5, 1, (400, 2)), 0).astype(np.float32) for n in range(8)}
    assert whats(look_through(made(cells))) == []
    cells["s3"] = cells["s3"] * [1, 0] + np.c_[np.zeros(400), np.arange(400) > 360] * rng.random((400, 1))
    quality = look_through(made({name: values.astype(np.float32) for name, values in cells.items()}))
    (problem,) = quality.problems  # said once: it lies far from all others
    (piled,) = piled_markers(quality.profiles, "here")
    assert (problem.samples, piled.samples) == (("s3",), ("s3",))
    assert "M2 (up to 90% of cells, s3)" in piled.what


def test_counts_of_few_values_have_no_margin(made):
    rng = np.random.default_rng(0)
    cells = {f"s{n}": rng.integers(0, 3, (300, 3)).astype(np.float32) for n in range(8)}
    assert whats(look_through(made(cells))) == []


def test_very_unequal_numbers_of_cells(made):
    rng = np.random.default_rng(0)
    sizes = [4000, 5000, 6000, 4000, 5000, 150]
    (problem,) = look_through(made({f"s{n}": rng.normal(3, 1, (k, 3)) for n, k in enumerate(sizes)})).problems
    assert "s5 (150)" in problem.what
    assert problem.samples == ("s5",)


@settings(max_examples=25, deadline=None)
@given(share=st.floats(0.1, 1.0), size=st.integers(80, 3000), seed=st.integers(0, 99))
def test_shared_cells_are_found_at_every_share(share, size, seed):
    rng = np.random.default_rng(seed)
    cells = {name: rng.normal(3, 1, (size, 4)).astype(np.float32) for name in "abcd"}
    shared = int(np.ceil(share * size))
    cells["d"][rng.permutation(size)[:shared]] = cells["a"][rng.permutation(size)[:shared]]
    cohort = simulate(samples=4, cells=size, markers=4)
    names = dict(zip("abcd", cohort.samples.index, strict=True))
    source = ArraySource({names[name]: values for name, values in cells.items()})
    problems = look_through(replace(cohort, source=source)).problems
    found = [problem for problem in problems if "same cells" in problem.what or "two samples share" in problem.what]
    (problem,) = found
    assert set(problem.samples) == {names["a"], names["d"]}


def test_rows_that_everybody_has_are_no_copies(made):
    rng = np.random.default_rng(0)
    cells = {f"s{n}": rng.normal(3, 1, (300, 4)) for n in range(12)}
    for values in cells.values():
        values[:100] = 0
    assert not any("share" in what for what in whats(look_through(made(cells))))


def test_a_cell_that_is_not_finite_is_an_error_that_names_its_sample_and_leaves_the_others_judged(made):
    rng = np.random.default_rng(0)
    cells = {f"s{n}": rng.normal(3, 1, (300, 4)) for n in range(8)}
    cells["s1"][:, 2] = np.nan
    cells["s2"][5, 0] = np.inf
    quality = look_through(made(cells))
    assert not quality.ok
    assert [problem.samples for problem in quality.problems if problem.severity == "error"] == [("s1",), ("s2",)]
    assert quality.values("M3", "s1").shape == (0,)
    assert np.isfinite(quality.values("M1", "s2")).all()


def test_a_sample_that_cannot_be_read_is_named(made):
    class Broken(ArraySource):
        def read(self, sample):
            if sample == "s1":
                raise CohortError(Problem("s1.fcs", "Expected a file, found none.", "Copy it."))
            return super().read(sample)

    rng = np.random.default_rng(0)
    cells = {f"s{n}": rng.normal(3, 1, (300, 4)) for n in range(3)}
    quality = look_through(replace(made(cells), source=Broken(cells)))
    assert (quality.problems[0].samples, quality.profiles.names) == (("s1",), ("s0", "s2"))


@pytest.mark.parametrize("transform", [Transform("none"), Transform("arcsinh", 5.0), Transform("log1p")])
def test_quantiles_are_those_of_the_transformed_cells(made, transform):
    rng = np.random.default_rng(0)
    cells = {f"s{n}": rng.lognormal(3, 1, (640, 2)).astype(np.float32) for n in range(3)}
    quality = look_through(made(cells, transform=transform))
    expected = np.quantile(transform(cells["s1"]), LEVELS, axis=0, method="higher")
    np.testing.assert_allclose(quality.profiles.quantiles[1], expected, rtol=0.03)
    drawn = quality.values("M2", "s1", 320)
    assert drawn.shape == (320,)
    assert (np.diff(drawn) >= 0).all()
    assert np.median(drawn) == pytest.approx(np.median(transform(cells["s1"])[:, 1]), rel=0.02)


def test_every_sample_is_read_once_and_the_same_is_found_again(made):
    class Counting(ArraySource):
        def read(self, sample):
            reads.append(sample)
            return super().read(sample)

    reads: list[str] = []
    rng = np.random.default_rng(0)
    cells = {f"s{n}": rng.normal(3, 1, (3000, 4)) for n in range(7)}
    cohort = replace(made(cells), source=Counting(cells))
    first = look_through(cohort)
    assert reads == list(cells)
    np.testing.assert_array_equal(first.profiles.quantiles, look_through(cohort).profiles.quantiles)


def test_a_look_that_was_stopped_judges_what_it_saw(made):
    stop = threading.Event()
    rng = np.random.default_rng(0)
    cohort = made({f"s{n}": rng.normal(3, 1, (300, 4)) for n in range(9)})
    quality = look_through(cohort, progress=lambda done, *_: stop.set() if done == 2 else None, cancel=stop)
    assert quality.profiles.names == ("s0", "s1", "s2")
    assert whats(quality) == ["The check was stopped after 3 of 9 samples."]
    stop.set()
    assert look_through(cohort, cancel=stop).profiles.quantiles.shape == (0, 64, 4)


def test_validate_hands_on_the_notes(tmp_path):
    path = write_cohort(simulate("organoids", cells=120, markers=5, replicates=1), tmp_path / "out")
    assert "Paired design" in validate(path, transform="arcsinh").notes[0]


FIRES = {
    "bcrxl_cytof_bodenmiller/sheet.csv": [],
    "wnv_mouse_bm_flow_spectre": [],
    "mnist_t10k_pointclouds": [],
    "hdstim_cytof_stim": ["apart between", "fewer than 100"],
}


@pytest.mark.parametrize("name", sorted(FIRES))
def test_what_fires_on_real_cohorts(real_data, name):
    from lotviz.data import read_cohort

    cohort = replace(read_cohort(real_data(name)), problems=())
    found = whats(look_through(cohort))
    assert len(found) == len(FIRES[name]), found
    assert all(part in what for part, what in zip(FIRES[name], found, strict=True))
