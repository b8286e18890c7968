from __future__ import annotations

import threading

import numpy as np
import ot
import pandas as pd
import pytest
from scipy.stats import wasserstein_distance

from lotviz.analysis.naive_synthesis import (
    GAUSSIAN,
    INDEPENDENT,
    MOVED,
    POOLED,
    RANKED,
    gaussian_barycenter,
    marginals_averaged,
    naive_samples,
    pooled,
)
from lotviz.analysis.realism import HALF, JUDGED, MEASURES, realism, said_of, two_sample_auc
from lotviz.data import CohortError
from lotviz.transport import Cancelled


def normal(seed, n, d=3, *, mean=0.0, covariance=None):
    rng = np.random.default_rng(seed)
    root = np.eye(d) if covariance is None else np.linalg.cholesky(covariance).T
    return mean + rng.standard_normal((n, d)) @ root


def test_draws_of_the_same_score_as_the_yardstick_and_a_shift_does_not():
    held_out = normal(0, 1200)
    shifted = normal(1, 600, mean=1.0)
    found = realism({"same": normal(2, 600), "shifted": shifted}, held_out, cells=600)
    assert (found.cells, found.held_out, found.yardsticks) == (600, 1200, (HALF,))
    same, half = found.table.loc["same"], found.table.loc[HALF]
    for row in (same, half):
        assert row["w1"] < 0.12
        assert abs(row["w2_squared_above"]) < 0.15
        assert abs(row["mmd_squared"]) < 0.01
        assert row["correlation"] < 0.12
        assert row["auc_linear"] == pytest.approx(0.5, abs=0.08)
        assert row["auc_trees"] == pytest.approx(0.5, abs=0.08)
    moved = found.table.loc["shifted"]
    assert moved["w1"] == pytest.approx(1.0, abs=0.1)
    assert moved["w2_squared_above"] == pytest.approx(3.0, abs=0.5)  # the squared length of the shift
    assert moved["sliced"] == pytest.approx(1.0, abs=0.25)
    assert moved["auc_linear"] > 0.85


def test_every_measure_against_an_oracle():
    held_out, found = normal(3, 200, 2), normal(4, 100, 2, mean=0.5)
    row = realism({"it": found}, held_out, cells=100, seed=5)
    assert row.cells == 100
    order = np.random.default_rng(5).permutation(200)
    real = held_out[order[:100]]
    by_marker = np.mean([wasserstein_distance(found[:, k], real[:, k]) for k in range(2)])
    assert row.table.loc["it", "w1"] == pytest.approx(by_marker)
    squared = ot.dist(found, real)
    # unbiased MMD, term by term
    middle = np.median(ot.dist(real, real)[np.triu_indices(100, 1)])
    total = 0.0
    for times in (0.25, 1.0, 4.0):
        k = lambda a, b, s=times * middle: np.exp(-ot.dist(a, b) / s)  # noqa: E731
        within = sum((k(a, a).sum() - 100) / (100 * 99) for a in (found, real))
        total += within - 2 * np.exp(-squared / (times * middle)).mean()
    assert row.table.loc["it", "mmd_squared"] == pytest.approx(total)
    difference = np.corrcoef(found.T)[0, 1] - np.corrcoef(real.T)[0, 1]
    assert row.table.loc["it", "correlation"] == pytest.approx(abs(difference))


def test_a_cloud_that_lost_its_spread_is_no_nearer_by_what_is_judged():
    """Plain W2 of few cells prefers shrunken clouds; above that of two draws it does not."""
    held_out = normal(6, 1000, 10)
    found = realism({"shrunken": 0.8 * normal(7, 400, 10), "whole": normal(8, 400, 10)}, held_out, cells=400)
    assert found.table.loc["shrunken", "w2"] < found.table.loc["whole", "w2"]
    assert found.table.loc["shrunken", "w2_squared_above"] > found.table.loc["whole", "w2_squared_above"]


def test_correlations_within_populations_see_what_those_of_all_cells_do_not():
    turned = np.array([[1.0, 0.9], [0.9, 1.0]]), np.array([[1.0, -0.9], [-0.9, 1.0]])
    kinds = np.repeat(["a", "b"], 300)

    def cells(seed, first, second):
        return np.concatenate([normal(seed, 300, 2, covariance=first), normal(seed + 1, 300, 2, covariance=second)])

    held_out, swapped = cells(0, *turned), cells(2, *reversed(turned))
    found = realism({"swapped": swapped}, held_out, populations={"swapped": kinds}, held_out_populations=kinds)
    assert found.table.loc["swapped", "correlation"] < 0.2
    assert found.table.loc["swapped", "correlation_within"] > 1.5
    assert found.table.loc[HALF, "correlation_within"] < 0.15
    assert np.isnan(realism({"x": swapped}, held_out).table.loc["x", "correlation_within"])


def test_trees_see_values_that_no_instrument_gives():
    rng = np.random.default_rng(0)
    real = np.where(rng.random((800, 4)) < 0.5, 0.0, rng.normal(2, 0.3, (800, 4)))
    halves = (real[:400] + rng.permuted(real[:400], axis=0)) / 2
    linear, trees = two_sample_auc(halves, real[400:])
    assert linear < 0.65
    assert trees > 0.9


def test_the_verdict_names_what_is_won_and_what_is_lost():
    held_out = normal(0, 1000)
    found = realism({"good": normal(1, 400), "bad": normal(2, 400, mean=2.0)}, held_out, cells=400)
    assert found.verdict("good") == (
        "good: nearer to the held-out cells than every baseline by marginals, W2, MMD, a two-sample classifier."
    )
    assert found.verdict("bad").startswith("bad: no nearer to the held-out cells than the best baseline; good is as")
    table = found.table.copy()
    table.loc["bad", "mmd_squared"] = -1.0
    assert said_of(table, "good", ["bad"]).endswith("a two-sample classifier; bad is as near or nearer by MMD.")
    with pytest.raises(CohortError, match="Expected rows of the table, found worse"):
        said_of(table, "good", ["worse"])
    with pytest.raises(CohortError, match="found no baseline"):
        said_of(table, "good", [])


def test_the_same_seed_gives_the_same_table_and_replicates_are_yardsticks():
    held_out = normal(0, 200)
    tables = [realism({"x": normal(1, 90)}, held_out, replicates={"r2": normal(2, 80)}, seed=3) for _ in range(2)]
    np.testing.assert_array_equal(tables[0].table.to_numpy(), tables[1].table.to_numpy())
    assert tables[0].yardsticks == (HALF, "r2")
    assert list(tables[0].table.columns) == list(MEASURES)
    assert set(JUDGED) <= set(MEASURES)
    assert tables[0].cells == 80


def test_what_cannot_be_compared_is_refused():
    held_out = normal(0, 100)
    for wrong, words in (
        (normal(1, 10), r"20 cells or more with the same markers of x, found shape \(10, 3\)"),
        (normal(1, 50, 2), r"found shape \(50, 2\)"),
        (np.full((50, 3), np.nan), "finite values of x"),
    ):
        with pytest.raises(CohortError, match=words):
            realism({"x": wrong}, held_out)
    with pytest.raises(CohortError, match=r"40 cells or more .*the held-out sample"):
        realism({"x": normal(1, 50)}, normal(0, 30))
    with pytest.raises(CohortError, match="different names, found one twice"):
        realism({"x": normal(1, 50)}, held_out, replicates={"x": normal(2, 50)})
    stop = threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        realism({"x": normal(1, 50)}, held_out, cancel=stop)


def test_progress_is_counted_to_its_end():
    seen = []
    realism({"x": normal(1, 50)}, normal(0, 100), progress=lambda *said: seen.append(said[:2]))
    assert seen == [(0, 2), (1, 2), (2, 2)]


# the naive mixtures


def test_the_gaussian_between_two_is_the_closed_form_of_bures():
    rng = np.random.default_rng(0)
    first, second = (np.cov(rng.normal(size=(3, 40)) * np.array([[1], [2], [3]])) + np.eye(3) for _ in range(2))
    means = np.array([[0.0, 0.0, 0.0], [2.0, 4.0, 6.0]])
    root = np.real(np.linalg.cholesky(first))
    values, vectors = np.linalg.eigh(root.T @ second @ root)
    to_second = np.linalg.inv(root).T @ (vectors * np.sqrt(values)) @ vectors.T @ np.linalg.inv(root)
    np.testing.assert_allclose(to_second @ first @ to_second.T, second, atol=1e-9)
    half = (np.eye(3) + to_second) / 2
    mean, covariance = gaussian_barycenter(means, np.stack([first, second]), [0.5, 0.5])
    np.testing.assert_allclose(mean, [1.0, 2.0, 3.0])
    np.testing.assert_allclose(covariance, half @ first @ half.T, atol=1e-7)
    np.testing.assert_allclose(gaussian_barycenter(means, np.stack([first, second]), [1.0, 0.0])[1], first, atol=1e-7)


def test_every_naive_mixture_of_shifted_clouds_has_the_mean_between():
    first = normal(0, 4000, covariance=np.array([[1.0, 0.8, 0], [0.8, 1.0, 0], [0, 0, 1.0]]))
    found = naive_samples([first, first + 3.0], [0.75, 0.25], n=4000)
    assert list(found) == [POOLED, INDEPENDENT, RANKED, GAUSSIAN, MOVED]
    for name, cells in found.items():
        assert cells.shape == (4000, 3)
        np.testing.assert_allclose(cells.mean(axis=0), first.mean(axis=0) + 0.75, atol=0.12, err_msg=name)
    correlation = {name: np.corrcoef(cells.T)[0, 1] for name, cells in found.items()}
    assert correlation[INDEPENDENT] == pytest.approx(0.0, abs=0.06)
    for name in (RANKED, GAUSSIAN, MOVED):
        assert correlation[name] == pytest.approx(0.8, abs=0.06)
    # the first, moved: these are its own cells, each moved by the shift
    np.testing.assert_allclose(np.sort(found[MOVED], axis=0), np.sort(first, axis=0) + 0.75, atol=1e-6)


def test_pooling_draws_in_proportion_and_marginals_of_one_cloud_are_its_own():
    first, second = np.zeros((50, 1)), np.ones((70, 1))
    assert pooled([first, second], [0.3, 0.7], n=40).sum() == 28
    assert pooled([first, second], [0.5, 0.5], n=400).sum() == 200
    cloud = normal(0, 300)
    own = marginals_averaged([cloud], [1.0], n=300)
    np.testing.assert_allclose(np.sort(own, axis=0).mean(axis=0), cloud.mean(axis=0), atol=0.02)
    flat = np.ones((60, 3))
    for name, cells in naive_samples([flat, flat], [0.5, 0.5], n=30).items():
        np.testing.assert_allclose(cells, 1.0, atol=1e-3, err_msg=name)


def test_a_candidate_scores_the_same_whoever_stands_beside_it():
    held_out, one, two = normal(0, 400), normal(1, 300), normal(2, 300, mean=1.0)
    alone = realism({"one": one}, held_out, cells=100).table.loc["one"]
    first = realism({"one": one, "two": two}, held_out, cells=100).table.loc["one"]
    last = realism({"two": two, "one": one}, held_out, cells=100).table.loc["one"]
    pd.testing.assert_series_equal(alone, first)
    pd.testing.assert_series_equal(first, last)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cells": 2}, "Expected cells to be at least 20, found 2"),
        ({"populations": {"two": ["a"] * 50}}, r"Expected populations of the candidates, found those of two"),
        ({"populations": {"one": ["a"] * 49}}, r"Expected a population of each of the 50 cells of one, found 49"),
    ],
)
def test_options_of_realism_that_do_not_fit_are_refused(options, words):
    with pytest.raises((ValueError, CohortError), match=words):
        realism({"one": normal(1, 50)}, normal(0, 60), **options)
