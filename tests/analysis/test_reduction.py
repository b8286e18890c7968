import numpy as np
import pytest

from lotviz.analysis.reduction import cell_axes, marker_axes, part_vectors, principal_axes
from tests.analysis.conftest import cohort_of, noise_clouds


@pytest.mark.parametrize("part", ["full", "shift", "shape"])
def test_the_map_is_the_principal_axes_of_the_lot_vectors(embedding, part):
    found = principal_axes(embedding, part=part)
    vectors = part_vectors(embedding.maps, embedding.masses, part).reshape(len(embedding.maps), -1)
    centred = vectors - vectors.mean(axis=0)
    values = np.linalg.svd(centred, compute_uv=False)
    assert found.coordinates.shape == (len(embedding.maps), 2)
    assert np.allclose(np.sum(found.coordinates**2, axis=0), values[:2] ** 2)
    assert np.allclose(found.explained, values[:2] ** 2 / np.sum(values**2))


@pytest.mark.parametrize("part", ["full", "shift", "shape"])
def test_distances_on_the_map_are_never_longer_than_lot_distances(embedding, part):
    found = principal_axes(embedding, part=part).coordinates
    on_map = np.linalg.norm(found[:, None] - found[None, :], axis=2)
    assert (on_map <= embedding.distances(part) + 1e-9).all()


def test_a_known_sample_is_placed_where_it_is(embedding):
    found = principal_axes(embedding)
    assert np.allclose(found.place(embedding.maps[:3]), found.coordinates[:3])


def test_two_samples_have_one_axis():
    from lotviz.transport import embed

    clouds = noise_clouds(2)
    found = principal_axes(embed(cohort_of(clouds, {"x": [0, 1]}), points=8, workers=1))
    assert found.explained == pytest.approx([1.0, 0.0])
    assert np.allclose(found.coordinates[:, 1], 0.0)


def test_parts_are_orthogonal_and_add_up(embedding):
    full, shift, shape = (part_vectors(embedding.maps, embedding.masses, part) for part in ("full", "shift", "shape"))
    assert np.allclose(shift + shape, full)
    assert np.allclose(np.einsum("nmd,nmd->n", shift, shape), 0.0, atol=1e-9)


def test_cell_axes_are_the_directions_of_most_variance_with_every_sample_alike(embedding):
    view = cell_axes(embedding)
    scaled = np.concatenate([embedding.scaled_cells(name) for name in embedding.samples.index])
    values = np.linalg.eigvalsh(np.cov(scaled.T, bias=True))[::-1]
    cells = np.concatenate([embedding.cells(name) for name in embedding.samples.index])
    seen = view.apply(cells)
    assert np.allclose(seen.mean(axis=0), 0.0, atol=1e-3)
    assert np.allclose(seen.var(axis=0), values[:2], rtol=1e-3)
    assert view.explained == pytest.approx(tuple(values[:2] / values.sum()), rel=1e-3)


def test_the_view_of_an_interpolation_is_the_interpolation_of_the_views(embedding):
    view = cell_axes(embedding)
    first, second = (embedding.cells(name)[:50] for name in embedding.samples.index[:2])
    mixed = 0.3 * first.astype(float) + 0.7 * second.astype(float)
    assert np.allclose(view.apply(mixed), 0.3 * view.apply(first) + 0.7 * view.apply(second))


def test_cells_of_one_marker_have_one_axis():
    from lotviz.transport import embed

    view = cell_axes(embed(cohort_of(noise_clouds(3, markers=1), {"x": [0, 1, 2]}), points=4, workers=1))
    assert view.explained == pytest.approx((1.0, 0.0))
    assert np.allclose(view.apply([[1.0], [2.0]])[:, 1], 0.0)


def test_marker_axes_keep_marker_units():
    view = marker_axes(("a", "b", "c"), "c", "a")
    assert view.apply([[1.0, 2.0, 3.0]]).tolist() == [[3.0, 1.0]]
    assert view.labels == ("c", "a")
