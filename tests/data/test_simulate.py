from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from lotviz.data import simulate, truth_in_words


def in_population(cohort, sample, population):
    return cohort.cells(sample)[cohort.populations(sample) == population]


def group_means(cohort, population, marker, column="label"):
    """Mean over samples of the mean of a marker in a population, by group."""
    position = cohort.markers.index(marker)
    means = {name: in_population(cohort, name, population)[:, position].mean() for name in cohort.samples.index}
    return pd.Series(means).groupby(cohort.samples[column]).mean()


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    first, again, other = simulate(seed=4, samples=4), simulate(seed=4, samples=4), simulate(seed=5, samples=4)
    pd.testing.assert_frame_equal(first.samples, again.samples)
    np.testing.assert_array_equal(first.raw("P2"), again.raw("P2"))
    assert not np.array_equal(first.raw("P2"), other.raw("P2"))


def test_the_planted_markers_move_in_the_planted_population_and_nowhere_else():
    cohort = simulate(samples=60, cells=800, effect=1.5, seed=1)
    assert cohort.truth["markers"] == ("CD38", "PD-1")
    for marker in cohort.truth["markers"]:
        means = group_means(cohort, cohort.truth["population"], marker)
        assert means["case"] - means["control"] == pytest.approx(1.5, abs=0.35)
    for marker, population in (("CD8", "CD8 T effector"), ("CD38", "CD8 T naive"), ("PD-1", "CD4 T memory")):
        means = group_means(cohort, population, marker)
        assert abs(means["case"] - means["control"]) < 0.3


def test_the_planted_abundance_changes_by_its_log_odds():
    cohort = simulate(samples=80, cells=1000, abundance=1.0, seed=2)
    shares = pd.Series({n: (cohort.populations(n) == "Monocytes classical").mean() for n in cohort.samples.index})
    odds = np.log(shares / (1 - shares)).groupby(cohort.samples["label"]).mean()
    assert odds["case"] - odds["control"] == pytest.approx(1.0, abs=0.25)


def test_without_effect_and_noise_the_groups_do_not_differ():
    cohort = simulate(samples=20, cells=2000, effect=0, abundance=0, batch=0, noise=0, seed=3)
    means = np.array([cohort.cells(name).mean(axis=0) for name in cohort.samples.index])
    case = (cohort.samples["label"] == "case").to_numpy()
    assert np.abs(means[case].mean(axis=0) - means[~case].mean(axis=0)).max() < 0.06


def test_groups_are_of_one_size_and_spread_evenly_over_batches():
    table = simulate(samples=24, cells=10, batches=3).samples
    assert (pd.crosstab(table["batch"], table["label"]) == 4).all(axis=None)
    assert list(table.columns) == ["patient", "label", "batch", "age"]
    assert table["patient"].is_unique


def test_batches_shift_every_marker_and_can_be_switched_off():
    loud = simulate(samples=20, cells=300, batch=1.0, noise=0, effect=0, abundance=0)
    shift = group_means(loud, "CD4 T naive", "CD3", "batch")
    planted = loud.truth["batch_shifts"]
    expected = planted["batch 1"][0] - planted["batch 2"][0]
    assert shift["batch 1"] - shift["batch 2"] == pytest.approx(expected, abs=0.2)


def test_values_look_measured():
    cohort = simulate()
    raw = np.concatenate([cohort.raw(name) for name in cohort.samples.index])
    assert (raw >= 0).all()
    assert np.isfinite(raw).all()
    assert 0.1 < (raw == 0).mean() < 0.5  # zero inflation
    cells = np.concatenate([in_population(cohort, name, "CD4 T naive") for name in cohort.samples.index])
    centred = cells[:, cohort.markers.index("CD3")].astype(float)
    centred = centred - centred.mean()
    assert (centred**4).mean() / (centred**2).mean() ** 2 > 3.3  # heavier tails than a normal marker
    related = np.corrcoef(cells[:, [cohort.markers.index(m) for m in ("CD3", "CD4", "CD45RA")]].T)
    assert related[np.triu_indices(3, 1)].max() > 0.2  # markers go together within a population


def test_the_default_cohort_is_made_within_a_second():
    start = time.perf_counter()
    cohort = simulate()
    assert time.perf_counter() - start < 1.0
    assert len(cohort.samples) == 24
    assert set(cohort.cell_counts) == {2000}
    assert cohort.n_markers == 14
    assert cohort.synthetic
    assert cohort.origin == "simulated patients, seed 0"


@pytest.mark.parametrize("markers", [2, 6, 30])
def test_the_planted_markers_are_among_however_few(markers):
    cohort = simulate(samples=2, cells=10, markers=markers)
    assert cohort.n_markers == markers
    assert len(set(cohort.markers)) == markers
    assert set(cohort.truth["markers"]) <= set(cohort.markers)
    assert len(cohort.truth["markers"]) >= 1


def test_organoids_cross_lines_conditions_and_replicates():
    table = simulate("organoids", samples=36, cells=20).samples
    assert list(table.columns) == ["line", "condition", "replicate", "plate"]
    counts = table.groupby(["line", "condition"])["replicate"].nunique()
    assert len(counts) == 3 * 4
    assert (counts == 3).all()
    assert list(table["condition"].unique()) == ["control", "A", "B", "A+B"]
    assert len(simulate("organoids", lines=2, replicates=5, cells=5).samples) == 40


@pytest.mark.parametrize("interaction", [0.0, 1.2])
def test_drugs_add_up_unless_an_interaction_is_planted(interaction):
    cohort = simulate("organoids", lines=4, replicates=6, cells=800, interaction=interaction, seed=1)
    means = group_means(cohort, "Stem", "pERK", "condition")
    assert means["A"] - means["control"] == pytest.approx(-1.2, abs=0.15)
    excess = means["A+B"] - means["A"] - means["B"] + means["control"]
    assert excess == pytest.approx(interaction, abs=0.15)
    elsewhere = group_means(cohort, "Enterocyte", "pS6", "condition")
    assert abs(elsewhere["A+B"] - elsewhere["A"] - elsewhere["B"] + elsewhere["control"]) < 0.15


def test_the_share_of_a_population_may_depart_from_additivity_and_nothing_else_changes():
    sizes = {"lines": 4, "replicates": 4, "cells": 1500, "noise": 0.2, "seed": 2}
    cohort = simulate("organoids", abundance_interaction=1.0, **sizes)
    shares = pd.Series({n: (cohort.populations(n) == "Enterocyte").mean() for n in cohort.samples.index})
    odds = np.log(shares / (1 - shares)).groupby(cohort.samples["condition"]).mean()
    assert odds["A+B"] - odds["A"] - odds["B"] + odds["control"] == pytest.approx(1.0, abs=0.2)
    without = simulate("organoids", **sizes)
    np.testing.assert_array_equal(cohort.raw("L1_A_r1"), without.raw("L1_A_r1"))
    assert "abundance" not in without.truth["interaction"]


def test_what_was_planted_can_be_said_in_words():
    assert truth_in_words(simulate(samples=2, cells=5).truth).startswith("In cases, CD38 and PD-1 of CD8 T effector")
    assert truth_in_words(simulate("organoids", cells=5).truth).endswith("together they add up.")
    joint = truth_in_words(simulate("organoids", cells=5, interaction=1.0).truth)
    assert joint.endswith("together they move pERK in Stem by +1 more.")
    more = truth_in_words(simulate("organoids", cells=5, abundance_interaction=0.5).truth)
    assert more.endswith("together they change the log odds of Enterocyte by +0.5.")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"design": "mice"}, "Expected design patients or organoids, found 'mice'"),
        ({"samples": 1}, "Expected samples from 2 to 100000, found 1"),
        ({"cells": 0}, "Expected cells from 1 to"),
        ({"markers": 31}, "Expected markers from 2 to 30, found 31"),
        ({"noise": -1.0}, "Expected batch and noise of 0 or more"),
        ({"design": "organoids", "samples": 25}, "Expected a multiple of 12 samples .* found 25. Ask for 24"),
        ({"batches": 0}, "Expected batches from 1 to"),
    ],
)
def test_what_cannot_be_simulated_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        simulate(**options)
