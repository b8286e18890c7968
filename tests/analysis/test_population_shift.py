import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lotviz.analysis.composition import composition
from lotviz.analysis.displacement import region_change
from lotviz.analysis.population_shift import _moments, _welch, population_shift
from lotviz.analysis.regions import regions
from lotviz.data.cohort import ArraySource, Cohort
from lotviz.data.transforms.transform import Transform
from lotviz.transport import embed

MIDDLES = 2.2 * np.random.default_rng(99).normal(size=(4, 6))
DEVIATION = 0.5
EQUAL = (0.4, 0.25, 0.2, 0.15)
SHIFTED, PLANTED = "p1", {2: 1.2, 4: -0.8}  # by marker, in units of the cells


def planted(seed, *, before=EQUAL, after=EQUAL, cells=8000, points=64):
    """Two independent draws of the same four populations; in the second, two markers of one of them are shifted."""
    rng = np.random.default_rng(seed)
    arrays, labels = {}, {}
    for name, shares in (("A", before), ("B", after)):
        drawn = rng.choice(4, size=cells, p=shares)
        arrays[name] = MIDDLES[drawn] + DEVIATION * rng.normal(size=(cells, 6))
        labels[name] = np.array([f"p{number}" for number in drawn], dtype=object)
    for marker, size in PLANTED.items():
        arrays["B"][labels["B"] == SHIFTED, marker] += size
    arrays = {name: each.astype(np.float32) for name, each in arrays.items()}
    cohort = Cohort(
        name="planted",
        samples=pd.DataFrame(index=pd.Index(list(arrays), name="sample")),
        markers=tuple(f"m{number}" for number in range(6)),
        cell_counts=pd.Series({name: len(each) for name, each in arrays.items()}),
        source=ArraySource(arrays, labels),
        transform=Transform("none"),
        origin="planted",
    )
    return embed(cohort, points=points, seed=seed, workers=1)


@pytest.mark.parametrize("after", [EQUAL, (0.3, 0.15, 0.35, 0.2), (0.25, 0.45, 0.2, 0.1)])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_planted_shift_comes_back_by_population_and_marker_whatever_the_composition(after, seed):
    found = population_shift(planted(seed, after=after), "A", "B")
    row = found.names.index(SHIFTED)
    for marker, size in PLANTED.items():
        assert found.shift[row, marker] == pytest.approx(size, rel=0.05)
    rest = np.ones(found.shift.shape, dtype=bool)
    rest[row, list(PLANTED)] = False
    assert np.abs(found.shift[rest]).max() < 0.05 * 1.2
    assert found.clear()[row, list(PLANTED)].all()
    assert found.clear()[rest].sum() <= 1


def test_mass_that_stays_says_the_same_where_no_population_grows_and_not_where_one_shrinks():
    row = 1
    for after, right in ((EQUAL, True), ((0.3, 0.15, 0.35, 0.2), False)):
        found = population_shift(planted(0, after=after), "A", "B")
        row = found.names.index(SHIFTED)
        close = abs(found.staying[row, 2] / 1.2 - 1) < 0.05
        assert close == right
        assert found.stays[row] > 0.9 if right else found.stays[row] < 0.7


def test_staying_mass_is_that_of_the_glued_pairs(embedding):
    a, b = embedding.samples.index[[0, 5]]
    found = population_shift(embedding, a, b)
    pairs = embedding.registration(a, b).pairs()
    labels = embedding.populations(a)[pairs.first], embedding.populations(b)[pairs.second]
    moved = embedding.cells(b)[pairs.second].astype(float) - embedding.cells(a)[pairs.first]
    table = composition(embedding, a, b)
    for row, name in enumerate(found.names):
        stays = (labels[0] == name) & (labels[1] == name)
        if not stays.any():
            continue
        mean = pairs.mass[stays] @ moved[stays] / pairs.mass[stays].sum()
        assert found.staying[row] == pytest.approx(mean, abs=1e-9)
        place = table.names.index(name)
        assert found.stays[row] == pytest.approx(table.table[place, place] / table.share_a[place])


def test_errors_and_freedom_are_welchs(embedding):
    a, b = embedding.samples.index[[0, 5]]
    found = population_shift(embedding, a, b)
    name = found.names[1]
    x, y = (embedding.cells(s)[embedding.populations(s) == name].astype(float) for s in (a, b))
    test = stats.ttest_ind(y, x, equal_var=False)
    assert found.shift[1] / found.error[1] == pytest.approx(test.statistic, rel=1e-4)
    assert found.freedom[1] == pytest.approx(test.df, rel=1e-4)
    known = np.isfinite(found.error).sum()
    interval = test.confidence_interval(1 - 0.05 / known)
    assert (found.shift - found.half_width())[1] == pytest.approx(interval.low, abs=1e-4)
    assert found.table().query("population == @name")["high"].to_numpy() == pytest.approx(interval.high, abs=1e-4)


def test_where_nothing_was_planted_the_intervals_hold_all_at_once():
    """95 % of two draws of the same cells have no clear shift; of 60, fewer than 50 would be chance of 1 in 1,000."""
    rng, held = np.random.default_rng(3), 0
    for _ in range(60):
        draws = [(rng.normal(size=(300, 5)), np.eye(3)[rng.integers(3, size=300)]) for _ in range(2)]
        means, errors, counts = zip(*(_moments(*drawn) for drawn in draws), strict=True)
        error, freedom = _welch(errors, counts)
        z = np.abs((means[1] - means[0]) / error)
        held += bool((z <= stats.t.ppf(1 - 0.025 / z.size, freedom)).all())
    assert held >= 50


def test_a_sample_does_not_shift_to_itself(embedding):
    name = embedding.samples.index[2]
    found = population_shift(embedding, name, name)
    assert not found.shift.any() and not found.staying.any()
    assert found.stays == pytest.approx(1.0)
    assert not found.clear().any()
    assert composition(embedding, name, name).moved == pytest.approx(0.0)
    assert np.count_nonzero(composition(embedding, name, name).table) == len(found.names)


def test_a_population_of_one_sample_has_no_shift():
    made = planted(0, before=(0.5, 0.25, 0.25, 0.0), cells=300, points=8)
    found = population_shift(made, "A", "B")
    row = found.names.index("p3")
    assert np.isnan(found.shift[row]).all() and np.isnan(found.stays[row])
    assert not found.clear()[row].any()
    assert found.cells[row, 0] == 0 < found.cells[row, 1]


def test_regions_shift_as_their_reference_points_do(embedding):
    made = regions(embedding, 4)
    a, b = embedding.samples.index[[0, 5]]
    found = population_shift(embedding, a, b, regions=made)
    assert found.names == made.names
    assert found.shift == pytest.approx(region_change(embedding, a, b, regions=made), abs=1e-6)
    assert found.staying == pytest.approx(found.shift)
    assert found.cells[:, 0] == pytest.approx(found.cells[:, 1], abs=1)  # all samples here have as many cells
    assert found.cells == pytest.approx(np.outer(made.masses, embedding.n_cells_used[[0, 5]]), abs=1)
    assert (found.error > 0).all()


def test_a_region_comes_back_where_no_population_grows_though_none_is_named():
    found = planted(2, points=64)
    made = regions(found, 4)
    shift = population_shift(found, "A", "B", regions=made)
    row = int(np.argmax(np.abs(shift.shift).sum(axis=1)))
    for marker, size in PLANTED.items():
        assert shift.shift[row, marker] == pytest.approx(size, rel=0.1)
