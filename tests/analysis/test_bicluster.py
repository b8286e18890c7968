import threading

import numpy as np
import pytest

from lotviz.analysis.bicluster import biclusters
from lotviz.analysis.clustering import adjusted_rand
from lotviz.analysis.region_values import region_values
from lotviz.analysis.regions import regions
from lotviz.data import CohortError
from lotviz.transport import Cancelled, embed
from tests.analysis.conftest import cohort_of


def planted(shape, *, size=(30, 40), strength=2.0, seed=0):
    """Blocks with noise, rows and columns shuffled; no two rows or columns of blocks differ by a constant only."""
    rng = np.random.default_rng(seed)
    rows, columns = (rng.permutation(np.arange(n) % k) for n, k in zip(size, shape, strict=True))
    means = np.array([[-1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 0.0, 1.5]])[: shape[0], : shape[1]]
    return strength * means[np.ix_(rows, columns)] + rng.normal(size=size), rows, columns


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", [(2, 2), (2, 3), (3, 3)])
def test_planted_blocks_are_found(shape, seed):
    table, rows, columns = planted(shape, seed=seed)
    found = biclusters(table, shape=shape, chances=9, seed=seed)
    assert adjusted_rand(found.rows, rows) > 0.95
    assert adjusted_rand(found.columns, columns) > 0.95
    assert found.explained > 3 * found.by_chance
    assert found.p == pytest.approx(0.1)


def test_the_number_of_blocks_is_found():
    table, rows, columns = planted((3, 3), strength=3.0, seed=5)
    found = biclusters(table)
    assert found.blocks.shape == (3, 3)
    assert adjusted_rand(found.rows, rows) == adjusted_rand(found.columns, columns) == 1.0


def test_clusters_stand_together_in_the_orders():
    table, *_ = planted((3, 2), seed=3)
    found = biclusters(table, shape=(3, 2), chances=3)
    assert (np.diff(found.rows[found.row_order]) >= 0).all()
    assert (np.diff(found.columns[found.column_order]) >= 0).all()
    assert sorted(found.row_order) == list(range(30))
    ordered = found.values[np.ix_(found.row_order, found.column_order)]
    corner = ordered[: (found.rows == 0).sum(), : (found.columns == 0).sum()]
    assert corner.mean() == pytest.approx(found.blocks[0, 0])


@pytest.mark.parametrize("seed", range(3))
def test_noise_explains_no_more_than_chance(seed):
    found = biclusters(np.random.default_rng(seed).normal(size=(24, 30)), shape=(2, 2), seed=seed)
    assert found.p > 0.05
    assert found.explained < 1.6 * found.by_chance


def test_samples_and_columns_of_an_embedding_are_found_together():
    rng = np.random.default_rng(2)
    base = np.vstack([rng.normal([0, 0, 0, 0], 0.4, (60, 4)), rng.normal([9, 0, 0, 0], 0.4, (60, 4))])
    truth = np.array([0, 1] * 6)
    moved = [np.where(np.arange(120)[:, None] >= 60, [[0, 2.0 * kind, 2.0 * kind, 0]], 0.0) for kind in truth]
    clouds = [base + by + rng.normal(0, 0.1, 4) for by in moved]
    embedding = embed(cohort_of(clouds, {"kind": truth}), points=20, workers=1)
    parts = regions(embedding, 2)
    table = (region_values(embedding, parts) / embedding.scaling.scale).reshape(12, -1)
    found = biclusters(table, shape=(2, 2), chances=3)
    assert adjusted_rand(found.rows, truth) == 1.0
    upper = int(parts.profile[:, 0].argmax())
    own = found.columns.reshape(2, 4)[upper]
    assert own[1] == own[2]
    assert (found.columns == own[1]).sum() < 8


def test_few_samples_or_columns_are_refused():
    with pytest.raises(CohortError, match="at least 8 samples for biclusters, found 5"):
        biclusters(np.random.default_rng(0).normal(size=(5, 30)))
    constant = np.ones((20, 30))
    constant[:, :3] = np.random.default_rng(0).normal(size=(20, 3))
    with pytest.raises(CohortError, match="columns that vary between samples, found 3"):
        biclusters(constant)


def test_columns_that_do_not_vary_do_no_harm():
    table, rows, _ = planted((2, 2), seed=1)
    table[:, ::7] = 4.0
    found = biclusters(table, shape=(2, 2), chances=3)
    assert adjusted_rand(found.rows, rows) > 0.95
    assert np.isfinite(found.values).all()


def test_the_seed_decides():
    table, *_ = planted((2, 3), strength=0.4)
    one, again = biclusters(table, seed=1, chances=3), biclusters(table, seed=1, chances=3)
    np.testing.assert_array_equal(one.rows, again.rows)
    assert one.by_chance == again.by_chance


def test_progress_rises_to_its_end_and_a_stop_is_heard():
    table, *_ = planted((2, 2))
    heard, cancel = [], threading.Event()
    biclusters(table, chances=3, progress=lambda *told: heard.append(told[:2]))
    done, totals = zip(*heard, strict=True)
    assert list(done) == sorted(done)
    assert set(totals) == {done[-1]}
    cancel.set()
    with pytest.raises(Cancelled):
        biclusters(table, cancel=cancel)
