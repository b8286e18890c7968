import numpy as np
import pytest

from lotviz.analysis.displacement import cell_displacement, marker_change, region_change
from lotviz.analysis.regions import regions
from lotviz.transport import embed
from tests.analysis.conftest import cohort_of, noise_clouds


def test_a_translated_cloud_is_all_shift():
    cloud = noise_clouds(1, cells=60)[0].astype(np.float32)
    moved = cloud + np.array([1.0, 0.0, -2.0], dtype=np.float32)
    found = marker_change(embed(cohort_of([cloud, moved], {"x": [0, 1]}), points=16, workers=1), "s0", "s1")
    assert found.shift == pytest.approx([1.0, 0.0, -2.0], abs=1e-5)
    assert found.shape == pytest.approx([0.0, 0.0, 0.0], abs=1e-3)
    assert found.shift_share == pytest.approx(1.0, abs=1e-5)
    assert found.table()["marker"].tolist()[0] == "m2"


def test_a_cloud_scaled_about_its_mean_is_all_shape():
    cloud = noise_clouds(1, cells=60)[0]
    cloud = cloud - cloud.mean(axis=0)
    found = marker_change(embed(cohort_of([cloud, 2.0 * cloud], {"x": [0, 1]}), points=16, workers=1), "s0", "s1")
    assert found.shift == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)
    assert (found.shape > 0.3).all()
    assert found.shift_share == pytest.approx(0.0, abs=1e-9)


def test_the_distance_is_the_lot_distance_and_shift_is_the_difference_of_means(embedding):
    first, second = embedding.samples.index[[0, 3]]
    found = marker_change(embedding, first, second)
    assert found.distance == pytest.approx(embedding.distances()[0, 3])
    means = [embedding.cells(name).astype(float).mean(axis=0) for name in (first, second)]
    assert np.allclose(found.shift, means[1] - means[0], atol=1e-6)
    shift = embedding.distances("shift")[0, 3]
    assert found.shift_share == pytest.approx(shift**2 / found.distance**2)


def test_a_sample_does_not_change_to_itself(embedding):
    name = embedding.samples.index[0]
    found = marker_change(embedding, name, name)
    assert found.shift_share == found.distance == 0.0


def test_change_of_regions_averages_to_the_shift(embedding):
    first, second = embedding.samples.index[:2]
    made = regions(embedding, 4)
    change = region_change(embedding, first, second, regions=made)
    assert np.allclose(made.masses @ change, marker_change(embedding, first, second).shift, atol=1e-9)


def test_cells_move_on_average_as_the_mean_does_and_not_at_all_to_themselves(embedding):
    first, second = embedding.samples.index[:2]
    moved = cell_displacement(embedding, first, second)
    assert moved.shape == embedding.cells(first).shape
    assert moved.mean(axis=0) == pytest.approx(marker_change(embedding, first, second).shift, abs=1e-9)
    assert not cell_displacement(embedding, first, first).any()


def test_a_translation_moves_every_cell_alike():
    cloud = noise_clouds(1, cells=60)[0].astype(np.float32)
    step = np.array([1.0, 0.0, -2.0], dtype=np.float32)
    moved = cell_displacement(embed(cohort_of([cloud, cloud + step], {"x": [0, 1]}), points=16, workers=1), "s0", "s1")
    assert moved == pytest.approx(np.tile(step, (60, 1)), abs=1e-4)
