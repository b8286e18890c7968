import numpy as np
import pytest
from scipy import stats

from lotviz.analysis.group_difference import group_difference, group_weights
from lotviz.analysis.region_values import region_values
from lotviz.analysis.regions import regions
from lotviz.data import CohortError
from lotviz.transport import embed
from tests.analysis.conftest import cohort_of, noise_clouds


def study(count=10, *, shift=1.5, seed=0, spread=0.15, points=16, samples=None):
    """Two populations; in samples of "case" the upper one is higher in m1 by `shift`."""
    rng = np.random.default_rng(seed)
    base = np.vstack([rng.normal([0, 0, 0], 0.3, (50, 3)), rng.normal([9, 0, 0], 0.3, (50, 3))])
    labels = ["control", "case"] * (count // 2)
    upper = np.arange(100)[:, None] >= 50
    clouds = [
        base + rng.normal(0, spread, 3) + np.where(upper, [[0, shift * (label == "case"), 0]], 0.0) for label in labels
    ]
    table = {"label": labels, **(samples or {})}
    return embed(cohort_of(clouds, table), points=points, scale="none", workers=1)


@pytest.fixture(scope="module")
def planted():
    return study(samples={"pair": [row // 2 for row in range(10)], "one": list(range(10))})


def upper_of(parts):
    return int(parts.profile[:, 0].argmax())


@pytest.mark.parametrize("group", [None, "pair"])
def test_a_planted_difference_comes_back_in_its_region_and_marker(planted, group):
    parts = regions(planted, 2)
    found = group_difference(planted, "label", ("control", "case"), regions=parts, group=group, permutations=299)
    own = (upper_of(parts), 1)
    assert found.paired == (group == "pair")
    assert found.patients == (5, 5)
    assert found.values[own] == pytest.approx(1.5, abs=0.2)
    assert found.low[own] < 1.5 < found.high[own]
    assert (found.p < 0.05).sum() == (0 if group else 1)  # five pairs can be turned in 16 ways: no p below 0.05
    assert found.p.min() == found.p[own]
    first = found.table().iloc[0]
    assert (first["region"], first["marker"]) == (parts.names[own[0]], "m1")
    assert found.distance > 3 * found.by_chance or group == "pair"


def test_intervals_are_those_of_scipy(planted):
    parts = regions(planted, 2)
    values = region_values(planted, parts)
    first, second = values[::2], values[1::2]
    found = group_difference(planted, "label", ("control", "case"), regions=parts, permutations=9)
    theirs = stats.ttest_ind(second, first, equal_var=False).confidence_interval(0.95)
    np.testing.assert_allclose((found.low, found.high), (theirs.low, theirs.high), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.values, second.mean(axis=0) - first.mean(axis=0), atol=1e-12)
    paired = group_difference(planted, "label", ("control", "case"), regions=parts, group="pair", permutations=9)
    theirs = stats.ttest_rel(second, first).confidence_interval(0.95)
    np.testing.assert_allclose((paired.low, paired.high), (theirs.low, theirs.high), rtol=1e-6, atol=1e-9)


def test_the_distance_is_that_of_the_barycenters(planted):
    found = group_difference(planted, "label", ("control", "case"), regions=regions(planted, 2), permutations=9)
    names, labels = list(planted.samples.index), planted.samples["label"]
    averages = [planted.barycenter(group_weights(labels, which, names=names)) for which in found.groups]
    assert found.distance == pytest.approx(np.linalg.norm(averages[1].vector - averages[0].vector))
    shift = planted.masses @ (averages[1].maps - averages[0].maps)
    assert found.shift_share == pytest.approx(shift @ shift / found.distance**2)


def test_the_other_direction_has_the_other_sign(planted):
    parts = regions(planted, 2)
    there, back = (
        group_difference(planted, "label", ends, regions=parts, permutations=9)
        for ends in (("control", "case"), ("case", "control"))
    )
    np.testing.assert_allclose(there.values, -back.values)
    np.testing.assert_allclose(there.low, -back.high)


def test_shift_and_shape_add_up(planted):
    parts = regions(planted, 2)
    options = {"regions": parts, "permutations": 9}
    full, shift, shape = (
        group_difference(planted, "label", ("control", "case"), part=part, **options)
        for part in ("full", "shift", "shape")
    )
    np.testing.assert_allclose(shift.values + shape.values, full.values, atol=1e-9)
    np.testing.assert_allclose(shift.values[0], shift.values[1])
    assert full.distance**2 == pytest.approx(shift.distance**2 + shape.distance**2)
    assert (shift.shift_share, shape.shift_share) == (pytest.approx(1), pytest.approx(0, abs=1e-12))


def test_two_samples_of_a_patient_count_once():
    clouds = noise_clouds(8, seed=4)
    table = {"label": ["a"] * 4 + ["b"] * 4, "patient": list("PPQRSTUU")}
    embedding = embed(cohort_of(clouds, table), points=8, workers=1)
    parts = regions(embedding, 2)
    found = group_difference(embedding, "label", ("a", "b"), regions=parts, group="patient", permutations=19)
    assert found.patients == (3, 3)
    values = region_values(embedding, parts)
    first = np.mean([values[:2].mean(axis=0), values[2], values[3]], axis=0)
    second = np.mean([values[4], values[5], values[6:].mean(axis=0)], axis=0)
    np.testing.assert_allclose(found.values, second - first, atol=1e-12)
    weights = group_weights(table["label"], "a", table["patient"], names=list(embedding.samples.index))
    assert weights == {"s0": 1 / 6, "s1": 1 / 6, "s2": 1 / 3, "s3": 1 / 3}


def test_patients_with_both_groups_are_left_out_where_they_are_few():
    clouds = noise_clouds(8, seed=4)
    table = {"label": list("aaaabbbb"), "patient": list("PQRSPTUV")}
    embedding = embed(cohort_of(clouds, table), points=8, workers=1)
    found = group_difference(
        embedding, "label", ("a", "b"), regions=regions(embedding, 2), group="patient", permutations=9
    )
    assert (found.paired, found.left_out, found.patients) == (False, 1, (3, 3))


def test_without_a_difference_few_studies_find_one():
    parts, embedding = None, embed(cohort_of(noise_clouds(12, seed=3), {"x": range(12)}), points=8, workers=1)
    parts, below = regions(embedding, 3), 0
    rng = np.random.default_rng(0)
    for study_number in range(40):
        embedding.samples["label"] = rng.permutation(["a", "b"] * 6)
        found = group_difference(embedding, "label", ("a", "b"), regions=parts, permutations=59, seed=study_number)
        below += bool(found.p.min() <= 0.05)
    assert below <= 6  # of 40; more than 6 at a rate of 5 % happen once in 300


def test_few_patients_or_one_group_are_refused(planted):
    parts = regions(planted, 2)
    with pytest.raises(CohortError, match="found case twice"):
        group_difference(planted, "label", ("case", "case"), regions=parts)
    with pytest.raises(CohortError, match="at least 2 patients in each group, found 1"):
        group_difference(planted, "one", ("1", "2"), regions=parts)
    with pytest.raises(CohortError, match="samples of nobody"):
        group_weights(["a"], "nobody", names=["s"])


@pytest.mark.parametrize("asked", [("nolabel", None), ("label", "nogroup")])
def test_a_column_there_is_not_is_refused_in_words(planted, asked):
    label, group = asked
    with pytest.raises(CohortError, match=r"Expected a column no(label|group)"):
        group_difference(planted, label, ("control", "case"), regions=regions(planted, 2), group=group)
