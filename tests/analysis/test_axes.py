import numpy as np
import pytest

from lotviz.analysis.axes import displacement_axes
from lotviz.analysis.reduction import cell_axes
from lotviz.transport import embed
from tests.analysis.conftest import cohort_of, noise_clouds


def scaled(embedding, view):
    """The two axes in scaled space, (d, 2)."""
    return view.matrix * embedding.scaling.scale[:, None]


def test_no_axis_carries_more_of_the_squared_distance(embedding):
    a, b = embedding.samples.index[[0, 5]]
    view = displacement_axes(embedding, a, b)
    moved = embedding.maps[5] - embedding.maps[0]
    carried = embedding.masses @ (moved @ scaled(embedding, view)[:, 0]) ** 2
    rng = np.random.default_rng(0)
    others = rng.normal(size=(moved.shape[1], 400))
    others /= np.linalg.norm(others, axis=0)
    assert carried >= (embedding.masses @ (moved @ others) ** 2).max()
    share = 100 * carried / embedding.distances()[0, 5] ** 2
    assert view.labels[0] == f"Largest displacement ({share:.0f} %)"


def test_the_second_axis_is_at_right_angles_and_spreads_most(embedding):
    a, b = embedding.samples.index[[0, 5]]
    axes = scaled(embedding, view := displacement_axes(embedding, a, b))
    assert axes.T @ axes == pytest.approx(np.eye(2), abs=1e-9)
    cells = np.concatenate([embedding.scaled_cells(name) for name in (a, b)])  # of the same number of cells
    spread = np.cov(cells.T, bias=True)
    rest = np.random.default_rng(1).normal(size=(len(axes), 400))
    rest -= np.outer(axes[:, 0], axes[:, 0] @ rest)
    rest /= np.linalg.norm(rest, axis=0)
    assert axes[:, 1] @ spread @ axes[:, 1] >= np.einsum("dk,de,ek->k", rest, spread, rest).max() - 1e-9
    seen = view.apply(np.concatenate([embedding.cells(name) for name in (a, b)]))
    assert seen.mean(axis=0) == pytest.approx([0.0, 0.0], abs=1e-4)
    assert seen.var(axis=0) / np.trace(spread) == pytest.approx(view.explained, rel=1e-3)


def test_a_translation_is_seen_whole_and_points_to_the_right():
    cloud = noise_clouds(1, cells=80, markers=4)[0]
    step = np.array([0.0, 2.0, 0.0, -1.0])
    found = embed(cohort_of([cloud, cloud + step], {"x": [0, 1]}), points=16, workers=1)
    view = displacement_axes(found, "s0", "s1")
    assert view.labels[0] == "Largest displacement (100 %)"
    moved = view.apply(cloud + step) - view.apply(cloud)
    assert moved[:, 0] == pytest.approx(np.full(80, np.linalg.norm(step / found.scaling.scale)), abs=1e-4)
    assert moved[:, 1] == pytest.approx(np.zeros(80), abs=1e-4)
    back = displacement_axes(found, "s1", "s0")
    assert np.allclose(back.matrix[:, 0], -view.matrix[:, 0], atol=1e-6)


def test_a_sample_beside_itself_is_seen_on_the_principal_axes(embedding):
    name = embedding.samples.index[0]
    assert np.array_equal(displacement_axes(embedding, name, name).matrix, cell_axes(embedding).matrix)


def test_one_marker_has_one_axis():
    clouds = noise_clouds(2, markers=1)
    view = displacement_axes(embed(cohort_of(clouds, {"x": [0, 1]}), points=4, workers=1), "s0", "s1")
    assert view.explained[1] == 0.0
    assert np.allclose(view.apply([[1.0], [2.0]])[:, 1], 0.0)
