from __future__ import annotations

import json
import sys
import threading
from dataclasses import replace

import numpy as np
import ot
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lotviz.analysis import fidelity
from lotviz.analysis.fidelity import Fidelity
from lotviz.data import CohortError
from lotviz.transport import Cancelled, LOTEmbedding, TransportMemoryError, embed
from tests.analysis.conftest import cohort_of, noise_clouds


def embedded(clouds, **options):
    return embed(cohort_of(clouds, {}), **({"points": 8, "scale": "none"} | options))


def pair(found: Fidelity, first, second) -> pd.Series:
    rows = found.pairs.set_index(["first", "second"])
    return rows.loc[(first, second)]


def wasserstein(x, y):
    cost = np.square(x[:, None, :] - y[None, :, :]).sum(axis=2)
    return np.sqrt(ot.emd2(np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y)), cost))


# Closed forms


def test_translated_copies_are_measured_exactly():
    base = np.round(noise_clouds(1, seed=3)[0] * 2**10) / 2**10  # few digits: the shifted cells are exact
    shifts = np.array([[0.0, 0, 0], [3, 4, 0], [0, 0, 12], [8, 0, 6]])
    found = fidelity(embedded([base + shift for shift in shifts]))
    expected = [np.linalg.norm(shifts[j] - shifts[i]) for i in range(4) for j in range(i + 1, 4)]
    for column in ("w2", "lot", "lower", "embedded_lot"):
        np.testing.assert_allclose(found.pairs[column], expected, rtol=1e-9)
    np.testing.assert_allclose(found.pairs["ratio"], 1, rtol=1e-9)
    assert (found.spearman, found.within_share, found.nearest_agreement) == (pytest.approx(1), 1.0, 1.0)
    assert found.ratio_low == pytest.approx(1) == found.ratio_high
    assert found.verdict == (
        "Samples that are close on the map are close in truth (rank correlation 1.00 with exact distances); "
        "their size is typically the exact one."
    )


def test_identical_samples_are_at_no_distance():
    (base,) = noise_clouds(1)
    found = fidelity(embedded([base, base, base]))
    assert found.pairs[["w2", "lot", "lower"]].to_numpy().tolist() == [[0.0] * 3] * 3
    assert found.pairs["ratio"].isna().all()
    assert found.within_share == 1.0
    assert found.nearest_agreement == 1.0
    assert np.isnan([found.spearman, found.pearson, found.ratio_median]).all()
    assert found.verdict.startswith("Too few different pairs of samples")
    assert found.summary()["spearman"] is None


def test_one_cell_each_is_measured_exactly():
    places = [np.array([[float(k), 0.0]]) for k in (0, 1, 3, 7)]
    found = fidelity(embedded(places, points=1))
    assert found.pairs["w2"].tolist() == pytest.approx([1, 3, 7, 2, 6, 4])
    assert found.pairs["lot"].tolist() == pytest.approx([1, 3, 7, 2, 6, 4])
    assert found.pairs["upper"].tolist() == pytest.approx([1, 3, 7, 2, 6, 4])
    assert found.residual_share == 0


def test_clouds_scaled_about_their_mean_miss_what_the_residual_holds():
    """One reference point sees means only: W2 of a cloud and the same cloud c times as wide is (c - 1) spreads."""
    base = noise_clouds(1, cells=60)[0]
    base = np.round((base - base.mean(axis=0)) * 2**10) / 2**10
    found = fidelity(embedded([base, 3 * base], points=1))
    row = found.pairs.iloc[0]
    variance = base.var(axis=0).sum()
    assert row["w2"] == pytest.approx(2 * np.sqrt(np.square(base).sum(axis=1).mean()))
    assert row["lot"] == pytest.approx(np.linalg.norm(2 * base.mean(axis=0)))
    assert row["registration_cost"] == pytest.approx(row["lot"] ** 2 + 10 * variance)
    assert row["within"]
    assert found.residual_share == pytest.approx(1)


# What it measures


def test_whole_samples_are_compared_by_what_the_embedding_holds(embedding):
    found = fidelity(embedding, pairs=6)
    lot = embedding.distances()
    for _, row in found.pairs.iterrows():
        first, second = row["first"], row["second"]
        assert not row["thinned"]
        exact = wasserstein(embedding.scaled_cells(first), embedding.scaled_cells(second))
        assert row["w2"] == pytest.approx(exact, rel=1e-7)
        assert row["lot"] == row["embedded_lot"]
        assert row["lot"] == pytest.approx(lot[embedding.index(first), embedding.index(second)])
        assert row["registration_cost"] == pytest.approx(embedding.registration(first, second).cost)
        assert row["ratio"] == pytest.approx(row["lot"] / row["w2"])
        assert (row["first_cells"], row["second_of"]) == (400, 400)
    assert found.residual_share == embedding.residual_share
    assert found.coverage == "Compared: 6 of 120 pairs of samples, all 400 cells."
    assert found.nearest_agreement is None


def test_thinned_samples_are_compared_by_the_same_cells(embedding):
    found = fidelity(embedding, pairs=8, cells=90)
    assert found.pairs["thinned"].all()
    assert set(found.pairs["first_cells"]) == set(found.pairs["second_cells"]) == {90}
    assert found.within_share == 1.0
    assert (found.pairs["lot"] != found.pairs["embedded_lot"]).all()
    lot = embedding.distances()
    for _, row in found.pairs.iterrows():
        assert row["embedded_lot"] == pytest.approx(lot[embedding.index(row["first"]), embedding.index(row["second"])])
    assert found.coverage == "Compared: 8 of 120 pairs of samples, 90 of 400 transported cells of a sample."


def test_only_larger_samples_are_thinned():
    clouds = [np.random.default_rng(k).normal(size=(count, 2)) for k, count in enumerate((30, 50, 80))]
    found = fidelity(embedded(clouds), cells=50)
    assert found.pairs["thinned"].tolist() == [False, True, True]
    assert pair(found, "s0", "s2")[["first_cells", "second_cells", "second_of"]].tolist() == [30, 50, 80]
    assert found.coverage == "Compared: 3 of 3 pairs of samples, 30 to 50 of 30 to 80 transported cells of a sample."
    assert found.summary()["n_thinned_pairs"] == 2


shapes = st.tuples(st.integers(0, 10_000), st.integers(2, 4), st.integers(1, 10), st.integers(2, 30), st.integers(1, 4))


@given(shapes, st.integers(1, 40), st.floats(-1000, 1000), st.floats(1e-3, 1e3))
@settings(max_examples=25, deadline=None)
def test_every_pair_is_within_its_bounds(shape, cells, offset, size):
    seed, samples, points, count, markers = shape
    clouds = [
        offset + size * np.random.default_rng([seed, k]).standard_t(3, size=(count + 2 * k, markers))
        for k in range(samples)
    ]
    found = fidelity(embedded(clouds, points=points, seed=seed), cells=cells)
    assert found.within_share == 1.0
    rows = found.pairs
    assert (rows["lower"] <= rows["lot"] * (1 + 1e-9) + 1e-9 * abs(offset)).all()
    assert (rows["lot"] <= rows["upper"] * (1 + 1e-9)).all()
    np.testing.assert_allclose(np.square(rows["upper"]), rows["registration_cost"], rtol=1e-9)


def test_more_reference_points_are_more_faithful():
    clouds = [k * 0.3 + cloud for k, cloud in enumerate(noise_clouds(6, cells=150))]
    few, many = (fidelity(embedded(clouds, points=points)) for points in (2, 60))
    assert few.residual_share > many.residual_share
    assert few.ratio_median < many.ratio_median <= 1.1
    assert (many.pairs["upper"] <= few.pairs["upper"]).mean() > 0.9


def test_a_pair_out_of_order_and_a_wrong_neighbour_are_seen(monkeypatch):
    """Places on a line as LOT sees them, exactly measured elsewhere."""
    embedding = embedded([np.array([[float(k)]]) for k in (0, 1, 10, 11)], points=1)
    swapped = replace(embedding, maps=embedding.maps[[0, 2, 1, 3]])
    found = fidelity(swapped)
    assert found.spearman < 0.8
    assert found.nearest_agreement == 0
    assert found.within_share < 1
    assert found.verdict.startswith("Distances on the map are a rough guide only (rank correlation ")


# Draws


def test_pairs_are_different_and_all_are_drawn_where_there_are_no_more(embedding):
    few = embedded(noise_clouds(7))
    every = fidelity(few, pairs=21)
    names = [f"s{k}" for k in range(7)]
    expected = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    assert list(zip(every.pairs["first"], every.pairs["second"], strict=True)) == expected
    some = fidelity(few, pairs=9)
    drawn = list(zip(some.pairs["first"], some.pairs["second"], strict=True))
    assert len(set(drawn)) == 9
    assert set(drawn) <= set(expected)
    assert (some.n_samples, some.n_all_pairs) == (7, 21)


def test_the_seed_decides_and_nothing_else(embedding):
    first, again, other = (fidelity(embedding, pairs=5, cells=40, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first.pairs, again.pairs, check_exact=True)
    assert first.pairs[["first", "second"]].to_numpy().tolist() != other.pairs[["first", "second"]].to_numpy().tolist()


def test_a_pair_gives_the_same_figures_whichever_others_are_compared():
    embedding = embedded(noise_clouds(6))
    some, every = fidelity(embedding, pairs=4, cells=20), fidelity(embedding, cells=20)
    for _, row in some.pairs.iterrows():
        assert pair(every, row["first"], row["second"])["w2"] == row["w2"]


def test_the_embedding_is_left_alone(embedding):
    before = embedding.maps.tobytes()
    fidelity(embedding, pairs=2, cells=50)
    assert embedding.maps.tobytes() == before


# Words, progress, cancel


def test_summary_is_plain_numbers(embedding):
    summary = fidelity(embedding, pairs=4).summary()
    assert list(summary) == [
        *("n_pairs", "n_all_pairs", "n_thinned_pairs", "pearson", "spearman", "ratio_low", "ratio_median"),
        *("ratio_high", "within_share", "residual_share", "nearest_agreement"),
    ]
    assert {type(value) for value in summary.values()} <= {float, type(None)}
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


@pytest.mark.parametrize(
    ("spearman", "ratio", "words"),
    [
        (
            0.97,
            0.9,
            "close in truth (rank correlation 0.97 with exact distances); they are typically 10 % shorter than",
        ),
        (
            0.85,
            1.2,
            "are mostly close in truth (rank correlation 0.85 with exact distances); they are typically 20 % l",
        ),
        (0.20, 1.0, "a rough guide only (rank correlation 0.20 with exact distances); their size is typically the ex"),
    ],
)
def test_the_verdict_says_it_in_words(spearman, ratio, words):
    found = fidelity(embedded(noise_clouds(3)))
    assert words in replace(found, spearman=spearman, ratio_median=ratio).verdict


def test_two_samples_are_too_few_for_a_verdict():
    found = fidelity(embedded(noise_clouds(2)))
    assert found.verdict == "Too few different pairs of samples to say how far the distances on the map can be trusted."
    assert found.nearest_agreement is None


def test_a_few_of_many_pairs_give_no_verdict(embedding):
    few, more = (fidelity(embedding, pairs=pairs, cells=40) for pairs in (9, 10))
    assert few.verdict.startswith("Too few different pairs")
    assert "rank correlation" in more.verdict


def test_progress_counts_samples_and_pairs():
    told = []
    fidelity(embedded(noise_clouds(3)), cells=10, progress=lambda *what: told.append(what))
    assert [(done, total) for done, total, _ in told] == [(k, 6) for k in range(1, 7)]
    assert told[0][2] == "Transported some cells of s0"
    assert told[-1][2] == "Compared s1 with s2"


def test_cancel_stops_between_pairs():
    cancel, told = threading.Event(), []

    def stop_at_two(done, total, message):
        told.append(done)
        if done == 2:
            cancel.set()

    with pytest.raises(Cancelled):
        fidelity(embedded(noise_clouds(4)), progress=stop_at_two, cancel=cancel)
    assert told == [1, 2]


@pytest.mark.parametrize("wrong", [{"pairs": 0}, {"cells": 0}])
def test_numbers_out_of_range_are_refused(embedding, wrong):
    ((name, number),) = wrong.items()
    with pytest.raises(ValueError, match=f"Expected {name} to be at least ., found {number}. Choose a larger"):
        fidelity(embedding, **wrong)


def test_a_single_sample_is_refused(embedding, patients):
    one = embedding.project(patients.select(samples=[patients.samples.index[0]]))
    with pytest.raises(ValueError, match=r"at least two samples, found 1\. Embed more samples"):
        fidelity(one)


def test_problems_larger_than_memory_are_refused_with_advice(embedding, monkeypatch):
    import psutil

    class Little:
        available = 1000

    monkeypatch.setattr(psutil, "virtual_memory", Little)
    monkeypatch.setattr("lotviz.transport.doors._LITTLE", 0)
    with pytest.raises(TransportMemoryError, match=r"problem of 300 and 300 cells .* fidelity\(embedding, cells=150\)"):
        fidelity(embedding, cells=300)


def test_a_solver_that_fails_names_the_samples(monkeypatch):
    from lotviz.transport import ConvergenceError

    def fails(*clouds):
        raise ConvergenceError("Expected the transport solver to reach an optimum, found: none.")

    embedding = embedded(noise_clouds(2))
    monkeypatch.setattr(sys.modules[Fidelity.__module__], "solve", fails)
    with pytest.raises(ConvergenceError, match="Samples s0 and s1: Expected the transport solver"):
        fidelity(embedding)


def test_an_embedding_without_cells_says_which_cohort_is_needed():
    found = LOTEmbedding.from_anndata(embedded(noise_clouds(3)).to_anndata())
    with pytest.raises(CohortError, match='Read the cohort "made up" and give it'):
        fidelity(found)
