import numpy as np
import pytest

from lotviz.analysis.modes import modes
from lotviz.analysis.newcomers import distances_to, newcomers
from lotviz.transport import embed
from tests.analysis.conftest import cohort_of, noise_clouds


@pytest.fixture(scope="module")
def cohort():
    return cohort_of(noise_clouds(12, cells=80), {"x": range(12)})


@pytest.fixture(scope="module")
def embedding(cohort):
    return embed(cohort, points=12, workers=1)


def test_a_known_sample_is_its_own_nearest(embedding, cohort):
    again = embedding.project(cohort, workers=1)
    found = newcomers(embedding, again)
    assert list(found["nearest"]) == list(embedding.samples.index)
    assert found["distance"].max() == pytest.approx(0, abs=1e-9)
    assert found["seen"].all()
    np.testing.assert_allclose(distances_to(embedding, again), embedding.distances(), atol=1e-9)


def test_one_of_the_same_kind_is_seen_and_one_from_afar_is_not(embedding):
    others = cohort_of([noise_clouds(1, cells=80, seed=9)[0], noise_clouds(1, cells=80, seed=9)[0] + 5], {"x": [0, 1]})
    projected = embedding.project(others, workers=1)
    found = newcomers(embedding, projected)
    assert found["seen"].tolist() == [True, False]
    assert found["as_far"].iloc[1] == 0
    far = modes(embedding, part="shift").project(projected.maps)
    assert np.abs(far[1]).max() > np.abs(far[0]).max()


@pytest.mark.parametrize("part", ["shift", "shape"])
def test_parts_of_the_distance_add_up(embedding, part):
    others = embedding.project(cohort_of(noise_clouds(2, seed=3), {"x": [0, 1]}), workers=1)
    full, shift, shape = (distances_to(embedding, others, part=each) for each in ("full", "shift", "shape"))
    np.testing.assert_allclose(full**2, shift**2 + shape**2)
    assert newcomers(embedding, others, part=part)["distance"].min() >= 0
