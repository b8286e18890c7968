from threading import Event

import numpy as np
import pytest

from lotviz.analysis.regions import regions
from lotviz.analysis.stability import stability, stability_table
from lotviz.transport import Cancelled


@pytest.fixture(scope="module")
def parts(embedding):
    return regions(embedding, 6)


def found_for(embedding, labels, parts, **options):
    return stability(embedding, labels, parts, units=np.arange(len(labels)), references=2, draws=12, **options)


def test_the_planted_markers_are_steady_in_the_planted_region(embedding, patients, parts):
    labels = (patients.column("label") == "case").to_numpy().astype(np.intp)
    found = found_for(embedding, labels, parts)
    table = stability_table(found, parts)
    assert found.weights.shape == (24, 6, len(patients.markers))
    heaviest = table.head(2)
    assert set(heaviest["marker"]) == set(patients.truth["markers"])
    assert heaviest["region"].nunique() == 1
    assert (heaviest["sign_held"] > 0.9).all()
    assert (heaviest["low"] > 0.0).all()
    assert heaviest["selected"].min() > 0.5


def test_labels_without_meaning_are_less_steady_than_planted_ones(embedding, patients, parts):
    planted = (patients.column("label") == "case").to_numpy().astype(np.intp)
    shuffled = np.random.default_rng(4).permutation(planted)
    steady, shaken = (found_for(embedding, labels, parts).sign_held for labels in (planted, shuffled))
    assert steady.max() > shaken.mean()
    assert np.all((shaken >= 0.5) & (shaken <= 1.0))
    count = np.round(found_for(embedding, planted, parts).selected.sum(), 6)
    assert count == pytest.approx(round(0.1 * 6 * len(patients.markers)))


def test_the_same_seed_gives_the_same_refits(embedding, patients, parts):
    labels = (patients.column("label") == "case").to_numpy().astype(np.intp)
    first, second = (found_for(embedding, labels, parts, seed=3) for _ in range(2))
    assert np.array_equal(first.weights, second.weights)
    assert np.array_equal(first.abundance, second.abundance)


def test_what_carries_nothing_has_no_sign(embedding, patients, parts):
    labels = (patients.column("label") == "case").to_numpy().astype(np.intp)
    found = found_for(embedding, labels, parts, abundance=False)
    assert (found.abundance_sign_held == 0.5).all()


def test_three_classes_of_which_some_are_not_known(embedding, parts):
    labels = np.array([0, 1, 2, -1] * 4)
    found = found_for(embedding, labels, parts)
    whole = found.carried.sum(axis=(1, 2)) + found.abundance.sum(axis=1)
    assert np.allclose(whole, 1.0)


def test_it_is_stopped_before_the_next_refit(embedding, patients, parts):
    labels, stop = (patients.column("label") == "case").to_numpy().astype(np.intp), Event()
    with pytest.raises(Cancelled):
        found_for(embedding, labels, parts, step=lambda _: stop.set(), cancel=stop)


def test_a_number_is_refitted_as_a_number(patients, parts, embedding):
    """Weights of an outcome that goes with the planted change are as steady; of one without meaning they are not."""
    rng = np.random.default_rng(2)
    case = (patients.column("label") == "case").to_numpy()
    outcome = case + rng.normal(0, 0.3, len(case))
    halves = (outcome > np.median(outcome)).astype(np.intp)
    found = found_for(embedding, halves, parts, values=outcome)
    heaviest = stability_table(found, parts).head(2)
    assert set(heaviest["marker"]) == set(patients.truth["markers"])
    assert (heaviest["sign_held"] > 0.9).all()
    # within a half the numbers are told apart as well, which classes are not
    assert not np.array_equal(found.weights, found_for(embedding, halves, parts).weights)
    steeper = found_for(embedding, halves, parts, values=10 * outcome + 3)
    np.testing.assert_allclose(steeper.carried, found.carried, rtol=1e-6, atol=1e-9)
