import numpy as np
import pytest

from lotviz.analysis.modes import mode_table, mode_values, modes
from lotviz.analysis.reduction import part_vectors, principal_axes
from lotviz.analysis.region_values import part_maps, region_means, region_values
from lotviz.analysis.regions import regions
from lotviz.transport import embed
from lotviz.transport.registered_cells import moved_cells
from tests.analysis.conftest import cohort_of, noise_clouds


@pytest.mark.parametrize("part", ["full", "shift", "shape"])
def test_the_first_two_are_the_axes_of_the_map(embedding, part):
    found, drawn = modes(embedding, part=part), principal_axes(embedding, part=part)
    np.testing.assert_allclose(found.coordinates[:, :2], drawn.coordinates, atol=1e-9)
    np.testing.assert_allclose(found.explained[:2], drawn.explained, atol=1e-12)
    np.testing.assert_allclose(found.deviations, found.coordinates.std(axis=0), rtol=1e-9)


@pytest.mark.parametrize("part", ["full", "shift", "shape"])
@pytest.mark.parametrize("sd", [-2.0, -0.5, 0.0, 2.0])
def test_a_moved_mean_projects_to_its_axis_and_to_nothing_else(embedding, part, sd):
    found = modes(embedding, part=part)
    for axis in range(len(found.deviations)):
        (back,) = found.project(found.maps(axis, sd)[None])
        expected = np.zeros(len(found.deviations))
        expected[axis] = sd * found.deviations[axis]
        np.testing.assert_allclose(back, expected, atol=1e-9)


def test_all_axes_together_make_the_maps_again(embedding):
    found = modes(embedding, axes=99)
    assert len(found.deviations) == len(embedding.maps) - 1
    moved = np.einsum("na,amd->nmd", found.coordinates, found.directions) / np.sqrt(found.masses)[:, None]
    np.testing.assert_allclose(found.mean + moved, embedding.maps, atol=1e-8)
    assert found.explained.sum() == pytest.approx(1)


def test_a_planted_axis_is_read_back_by_region_and_marker():
    rng = np.random.default_rng(0)
    amounts = np.linspace(-1.5, 1.5, 12)
    base = np.vstack([rng.normal([0, 0, 0], 0.3, (60, 3)), rng.normal([8, 0, 0], 0.3, (60, 3))])
    clouds = [base + np.where(np.arange(120)[:, None] >= 60, [[0, amount, 0]], 0.0) for amount in amounts]
    embedding = embed(cohort_of(clouds, {"amount": amounts}), points=24, scale="none", workers=1)
    found, parts = modes(embedding), regions(embedding, 2)
    assert found.explained[0] > 0.95
    values = mode_values(found, parts, 0)
    upper = int(parts.profile[:, 0].argmax())
    assert abs(values[upper, 1]) == pytest.approx(amounts.std(), rel=0.05)
    assert np.abs(np.delete(values.ravel(), 3 * upper + 1)).max() < 0.05 * amounts.std()
    table = mode_table(found, parts, 0)
    assert (table.loc[0, "region"], table.loc[0, "marker"]) == (parts.names[upper], "m1")
    assert table["share"].sum() == pytest.approx(1)
    assert table.loc[0, "share"] > 0.95
    # the cells of a patient moved along the axis: the upper population by as much, the other one not
    moved = moved_cells(embedding, "s0", found.displacement(0, 2.0)) - clouds[0]
    assert abs(moved[60:, 1].mean()) == pytest.approx(2 * amounts.std(), rel=0.05)
    assert np.abs(moved[:60]).max() < 0.2


def test_translations_come_back_to_themselves_at_any_distance():
    clouds = [noise_clouds(1)[0] + [shift, 0, 0] for shift in range(5)]
    found = modes(embed(cohort_of(clouds, {"x": range(5)}), points=10, workers=1))
    assert found.round_trip(0, 2.0) == pytest.approx(0, abs=1e-6)
    assert found.round_trip(0, 20.0) == pytest.approx(0, abs=1e-6)


def test_far_beyond_the_samples_the_moved_mean_is_no_map_any_more(embedding):
    found = modes(embedding, part="shape")
    assert found.round_trip(0, 0.0) == 0.0
    assert found.round_trip(0, 0.1) < 0.2
    assert found.round_trip(0, 60.0) > found.round_trip(0, 0.5)


def test_samples_that_do_not_differ_have_no_axes():
    cloud = noise_clouds(1)[0]
    found = modes(embed(cohort_of([cloud, cloud, cloud], {"x": [0, 1, 2]}), points=8, workers=1))
    assert found.coordinates.shape == (3, 0)


@pytest.mark.parametrize("part", ["full", "shift", "shape"])
def test_region_values_are_means_by_mass_of_the_part(embedding, part):
    parts = regions(embedding, 4)
    values = region_values(embedding, parts, part=part)
    assert values.shape == (16, 4, len(embedding.markers))
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-9)
    maps = part_maps(embedding.maps, embedding.masses, part)
    inside = parts.labels == 2
    means = np.average(maps[:, inside], axis=1, weights=embedding.masses[inside])
    np.testing.assert_allclose(values[:, 2], (means - means.mean(axis=0)) * embedding.scaling.scale, atol=1e-9)
    np.testing.assert_allclose(
        part_vectors(embedding.maps, embedding.masses, part), np.sqrt(embedding.masses)[:, None] * maps, atol=1e-9
    )


def test_the_parts_of_region_values_add_up(embedding):
    parts = regions(embedding, 4)
    full, shift, shape = (region_values(embedding, parts, part=part) for part in ("full", "shift", "shape"))
    np.testing.assert_allclose(shift + shape, full, atol=1e-9)
    assert region_means(np.ones((48, 2)), embedding.masses, parts) == pytest.approx(1)


def test_a_part_or_an_axis_that_is_none_is_refused(embedding):
    with pytest.raises(ValueError, match="Expected part full or shift or shape, found 'foo'"):
        modes(embedding, part="foo")
    with pytest.raises(ValueError, match="Expected part full or shift or shape, found 'Full'"):
        principal_axes(embedding, part="Full")
    found = modes(embedding, axes=2)
    with pytest.raises(ValueError, match="Expected axis from 0 to 1, found 99"):
        found.displacement(99)
