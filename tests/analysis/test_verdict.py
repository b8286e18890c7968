from dataclasses import replace

import numpy as np
import pytest

from lotviz.analysis.classify import classify
from lotviz.analysis.scoring import Interval
from lotviz.analysis.verdict import gain_of, verdict
from tests.analysis.conftest import cohort_of, noise_clouds


@pytest.fixture(scope="module")
def measured():
    cohort = cohort_of(noise_clouds(12), {"label": ["a", "b"] * 6})
    return classify(cohort, "label", points=4, repeats=1, permutations=0, cells_per_sample=20)


def with_figures(measured, accuracy, *, p=0.01, confounds=None, over=None, groups=None, permutations=99, least_p=0.001):
    scores = dict(measured.scores)
    scores["lot"] = replace(scores["lot"], balanced_accuracy=Interval(*accuracy))
    if confounds is not None:
        scores["confounds"] = replace(scores["lot"], balanced_accuracy=Interval(confounds, 0.0, 1.0))
    return replace(
        measured,
        scores=scores,
        permutation_p=p,
        least_p=least_p,
        over_confounds=None if over is None else Interval(*over),
        groups_per_class=groups or {"a": 6, "b": 6},
        difference=Interval(0.1, -0.01, 0.2),
        parameters={**measured.parameters, "permutations": permutations},
    )


@pytest.mark.parametrize(
    ("accuracy", "options", "kind"),
    [
        ((0.90, 0.80, 0.97), {}, "yes"),
        ((0.79, 0.68, 0.88), {}, "moderately"),
        ((0.79, 0.68, 0.88), {"p": None}, "moderately"),
        ((0.60, 0.45, 0.75), {}, "no"),
        ((0.79, 0.68, 0.88), {"p": 0.31}, "no"),
        ((0.79, 0.68, 0.88), {"p": 0.1, "permutations": 9}, "moderately"),
        ((0.90, 0.80, 0.97), {"confounds": 0.85, "over": (0.05, -0.05, 0.15)}, "confounded"),
        ((0.90, 0.80, 0.97), {"confounds": 0.85, "over": (0.05, 0.01, 0.15)}, "yes"),
        ((0.90, 0.80, 0.97), {"confounds": 0.60, "over": (0.30, -0.01, 0.50)}, "yes"),
        ((0.90, 0.80, 0.97), {"groups": {"a": 4, "b": 9}}, "too_few"),
        ((0.90, 0.80, 0.97), {"p": 0.0625, "least_p": 0.0625}, "too_few"),
        ((0.90, 0.80, 0.97), {"p": 1.0, "least_p": 1.0}, "yes"),
        ((0.90, 0.80, 0.97), {"p": 1.0, "least_p": 1.0, "confounds": 0.9, "over": (0.0, -0.1, 0.1)}, "confounded"),
    ],
)
def test_the_answer_follows_from_the_figures(measured, accuracy, options, kind):
    found = verdict(with_figures(measured, accuracy, **options))
    assert found.kind == kind
    assert found.show_weights == (kind not in ("no", "too_few"))
    assert found.chance == 0.5
    assert found.gain == "not_established"


def test_thresholds_of_the_gain():
    assert gain_of(Interval(0.10, 0.01, 0.20)) == "established"
    assert gain_of(Interval(0.10, -0.01, 0.20)) == "not_established"
    assert gain_of(Interval(0.01, 0.005, 0.02)) == "none"
    assert gain_of(Interval(-0.10, -0.20, -0.01)) == "none"


@pytest.fixture(scope="module")
def foretold():
    cohort = cohort_of(noise_clouds(24), {"severity": [number / 7 for number in range(24)]})
    return classify(cohort, "severity", points=4, repeats=1, permutations=0, cells_per_sample=20)


@pytest.mark.parametrize(
    ("explained", "options", "kind"),
    [
        ((0.62, 0.31, 0.80), {}, "yes"),
        ((0.31, 0.08, 0.50), {}, "moderately"),
        ((0.02, -0.20, 0.20), {}, "no"),
        ((0.31, 0.08, 0.50), {"permutation_p": 0.3}, "no"),
        ((0.62, 0.31, 0.80), {"n_groups": 9}, "too_few"),
    ],
)
def test_of_a_continuous_outcome_the_variance_decides(foretold, explained, options, kind):
    scores = {**foretold.scores, "lot": replace(foretold.scores["lot"], r2=Interval(*explained))}
    parameters = {**foretold.parameters, "permutations": 99}
    found = verdict(replace(foretold, scores=scores, parameters=parameters, **options))
    assert (found.kind, found.continuous, found.chance) == (kind, True, 0.0)
    assert found.accuracy == Interval(*explained)
    assert found.show_weights == (kind not in ("no", "too_few"))
    assert not verdict(foretold).groups


def separate(labels, **columns):
    """Samples of two labels far apart."""
    rng = np.random.default_rng(0)
    clouds = [rng.normal(size=(40, 2)) + np.array([3.0 * (label == "b"), 0.0]) for label in labels]
    return cohort_of(clouds, {"label": labels, **columns})


def test_where_label_and_batch_are_one_the_permutation_test_says_nothing():
    cohort = separate(["a"] * 7 + ["b"] * 7, batch=["b1"] * 7 + ["b2"] * 7)
    found = classify(cohort, "label", batch="batch", points=4, repeats=1, permutations=60)
    assert (found.permutation_p, found.least_p) == (1.0, 1.0)
    assert verdict(found).kind == "confounded"


def test_five_pairs_are_too_few_for_the_permutation_test():
    cohort = separate(["a", "b"] * 5, patient=[f"p{i // 2}" for i in range(10)])
    found = classify(cohort, "label", group="patient", points=4, repeats=1, permutations=60)
    assert found.least_p == 2 / 32
    assert verdict(found).kind == "too_few"
    assert any("p cannot be below 0.062" in warning for warning in found.warnings)
