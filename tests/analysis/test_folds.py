import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotviz.analysis.folds import (
    constant_groups,
    distinct_permutations,
    grouped_folds,
    permuted,
    possible_folds,
)

designs = st.tuples(st.integers(0, 10_000), st.integers(6, 40), st.integers(3, 12), st.integers(2, 4))


def drawn(seed, n, groups, classes):
    rng = np.random.default_rng(seed)
    units = np.unique(rng.integers(groups, size=n), return_inverse=True)[1]
    labels = np.concatenate([np.arange(classes), rng.integers(classes, size=n - classes)])
    return labels, units, rng


@given(designs)
def test_a_group_is_never_split(design):
    labels, units, rng = drawn(*design)
    folds = grouped_folds(labels, units, 3, rng=rng)
    for unit in np.unique(units):
        assert len(np.unique(folds[units == unit])) == 1


@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(10, 60))
def test_classes_are_spread_evenly_where_every_sample_is_its_own_group(seed, folds, n):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([[0] * 5, [1] * 5, rng.integers(2, size=n - 10)])
    found = grouped_folds(labels, np.arange(n), folds, rng=rng)
    for label in (0, 1):
        counts = np.bincount(found[labels == label], minlength=folds)
        assert np.ptp(counts) <= 1
    assert np.ptp(np.bincount(found, minlength=folds)) <= 2


def test_pairs_are_spread_evenly():
    groups = np.repeat(np.arange(8), 2)
    folds = grouped_folds(np.tile([0, 1], 8), groups, 4, rng=np.random.default_rng(0))
    assert np.bincount(folds).tolist() == [4, 4, 4, 4]


def test_every_class_is_in_training_when_each_has_two_groups():
    labels, groups = np.array([0, 0, 1, 1, 1, 1]), np.arange(6)
    assert possible_folds(labels, groups) == 2
    for seed in range(20):
        folds = grouped_folds(labels, groups, 2, rng=np.random.default_rng(seed))
        for fold in (0, 1):
            assert set(labels[folds != fold]) == {0, 1}


@given(designs, st.integers(1, 3))
def test_permutation_keeps_groups_whole_and_stays_within_batches(design, batches):
    labels, units, rng = drawn(*design)
    strata = rng.integers(batches, size=units.max() + 1)[units]
    answer = permuted(labels, units, strata, rng=rng)
    whole = constant_groups(labels, units)
    assert (constant_groups(answer, units) == whole).all()
    for stratum in np.unique(strata):
        inside = strata == stratum
        firsts = [np.flatnonzero((units == unit) & inside)[0] for unit in np.unique(units[inside]) if whole[unit]]
        assert sorted(answer[firsts]) == sorted(labels[firsts])
    for unit in np.flatnonzero(~whole):
        assert sorted(answer[units == unit]) == sorted(labels[units == unit])


def test_paired_labels_are_flipped_within_pairs_only():
    labels, groups = np.tile([0, 1], 6), np.repeat(np.arange(6), 2)
    seen = set()
    for seed in range(50):
        answer = permuted(labels, groups, np.zeros(12, dtype=int), rng=np.random.default_rng(seed))
        assert all(set(answer[groups == group]) == {0, 1} for group in range(6))
        seen.add(tuple(answer))
    assert len(seen) > 20


def test_number_of_assignments_is_counted():
    nothing = np.zeros(6, dtype=int)
    assert distinct_permutations(np.array([0, 0, 0, 1, 1, 1]), np.arange(6), nothing) == 20.0
    assert distinct_permutations(np.array([0, 0, 0, 1, 1, 1]), np.arange(6), np.array([0, 0, 0, 1, 1, 1])) == 1.0
    assert distinct_permutations(np.array([0, 1, 0, 1, 0, 1]), np.arange(6), np.array([0, 0, 1, 1, 2, 2])) == 8.0


def test_groups_seen_in_several_batches_exchange_within_each():
    labels, groups, strata = np.array([0, 1, 0, 1]), np.zeros(4, dtype=int), np.array([0, 0, 1, 1])
    for seed in range(10):
        answer = permuted(labels, groups, strata, rng=np.random.default_rng(seed))
        assert set(answer[:2]) == set(answer[2:]) == {0, 1}


@pytest.mark.parametrize("batches", [np.arange(24) // 12, np.arange(24) // 6, np.arange(24) // 2])
def test_a_balanced_batch_stays_balanced_in_every_fold(batches):
    labels = np.tile([0, 1], 12)
    for seed in range(10):
        folds = grouped_folds(labels, np.arange(24), 5, rng=np.random.default_rng(seed), strata=batches)
        counts = np.zeros((5, batches.max() + 1, 2))
        np.add.at(counts, (folds, batches, labels), 1)
        assert (counts[:, :, 0] == counts[:, :, 1]).all()
        assert np.ptp(counts.sum(axis=(1, 2))) <= 2


def test_groups_of_several_values_exchange_them_whole_with_groups_as_large():
    groups = np.repeat(np.arange(4), [2, 2, 2, 3])
    values, strata = np.arange(9), np.zeros(9, dtype=int)
    seen = set()
    for seed in range(30):
        answer = permuted(values, groups, strata, rng=np.random.default_rng(seed), between=True)
        pairs = [tuple(sorted(answer[groups == group].tolist())) for group in range(3)]
        assert sorted(pairs) == [(0, 1), (2, 3), (4, 5)]
        assert sorted(answer[groups == 3].tolist()) == [6, 7, 8]
        seen.add(tuple(pairs))
    assert len(seen) == 6


def test_three_classes_in_batches_are_all_left_to_learn_from():
    for seed in range(100):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(10), rng.integers(1, 5, size=10))
        labels, strata = np.array([0, 0, 1, 1, 1, 2, 1, 2, 2, 2])[groups], rng.integers(3, size=10)[groups]
        folds = grouped_folds(labels, groups, 2, rng=rng, strata=strata)
        assert all(set(labels[folds != fold]) == {0, 1, 2} for fold in (0, 1))


@given(designs, st.integers(1, 4))
def test_batches_never_cost_a_fold_its_classes(design, batches):
    labels, units, rng = drawn(*design)
    folds = possible_folds(labels, units)
    strata = rng.integers(batches, size=units.max() + 1)[units]
    if folds >= 2:
        found = grouped_folds(labels, units, folds, rng=rng, strata=strata)
        for label in np.unique(labels):
            assert len(np.unique(found[labels == label])) > 1
        assert all(len(np.unique(found[units == unit])) == 1 for unit in np.unique(units))
