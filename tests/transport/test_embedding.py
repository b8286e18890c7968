from __future__ import annotations

from dataclasses import replace

import numpy as np
import ot
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lotviz.data import CohortError
from lotviz.transport import LOTEmbedding, embed
from tests.transport.clouds import cloud, cohort_of, seeds, squared_distances

EXACT = {"rtol": 1e-9, "atol": 1e-9}
shapes = st.tuples(seeds, st.integers(2, 4), st.integers(1, 12), st.integers(3, 40), st.integers(1, 5))


def embedded(shape, **options) -> LOTEmbedding:
    seed, samples, points, n, d = shape
    clouds = {f"s{k}": cloud(seed + k, n + 3 * k, d) for k in range(samples)}
    return embed(cohort_of(clouds), points=min(points, n), seed=seed % 1000, **options)


def wasserstein_squared(x, y):
    return ot.emd2(np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y)), squared_distances(x, y))


@given(shapes)
@settings(max_examples=25, deadline=None)
def test_identities_of_every_sample(shape):
    found = embedded(shape)
    a, x = found.masses, found.reference.points
    for k, sample in enumerate(found.samples.index):
        cells = found.scaled_cells(sample)
        np.testing.assert_allclose(a @ found.maps[k], cells.mean(axis=0), **EXACT)
        moved = a @ np.square(x - found.maps[k]).sum(axis=1)
        np.testing.assert_allclose(found.costs[k], moved + found.residuals[k], **EXACT)
        np.testing.assert_allclose(
            found.variances[k], np.square(cells - cells.mean(axis=0)).sum(axis=1).mean(), **EXACT
        )
        # what the maps see and what they do not make up the variance
        seen = a @ np.square(found.maps[k] - a @ found.maps[k]).sum(axis=1)
        np.testing.assert_allclose(seen + found.residuals[k], found.variances[k], **EXACT)
    assert ((found.residual_shares >= 0) & (found.residual_shares <= 1 + 1e-9)).all()
    assert found.residual_share == pytest.approx(np.mean(found.residuals / found.variances))


@given(shapes)
@settings(max_examples=15, deadline=None)
def test_wasserstein_is_bounded_by_lot_and_residuals(shape):
    found = embedded(shape)
    lot = found.distances()
    names = list(found.samples.index)
    for i, first in enumerate(names):
        for j, second in enumerate(names[:i]):
            true = wasserstein_squared(found.scaled_cells(first), found.scaled_cells(second))
            assert true <= lot[i, j] ** 2 + found.residuals[i] + found.residuals[j] + 1e-9
            projected = wasserstein_between(found.masses, found.maps[i], found.maps[j])
            assert lot[i, j] ** 2 >= projected - 1e-9


def wasserstein_between(a, x, y):
    return ot.emd2(a, a, squared_distances(x, y))


@given(seeds, st.integers(2, 25), st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_lot_is_at_least_wasserstein_where_no_cell_is_split(seed, n, d):
    clouds = {f"s{k}": cloud(seed + k, n, d) for k in range(3)}
    found = embed(cohort_of(clouds), points=n, reference="cells", scale="none")
    lot = found.distances()
    np.testing.assert_allclose(found.residuals, 0, atol=1e-15)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        first, second = found.samples.index[i], found.samples.index[j]
        assert lot[i, j] ** 2 >= wasserstein_squared(found.scaled_cells(first), found.scaled_cells(second)) - 1e-9


@given(seeds, st.integers(1, 12), st.sampled_from([0.25, 0.5, 2.0, 4.0]))
@settings(max_examples=20, deadline=None)
def test_shifted_and_scaled_samples_keep_their_plan(seed, points, factor):
    # few binary digits, so that float32 holds the shifted and the scaled cells without rounding
    base = np.round(cloud(seed, 40, 3).clip(-50, 50) * 2**12) / 2**12
    shift = np.round(np.random.default_rng(seed).normal(size=3) * 80) / 16
    cells = {"base": base, "shifted": base + shift, "scaled": factor * base}
    found = embed(cohort_of(cells), points=points, scale="none", seed=seed % 1000)
    np.testing.assert_allclose(found.maps[1], found.maps[0] + shift, **EXACT)
    np.testing.assert_allclose(found.maps[2], factor * found.maps[0], **EXACT)
    squared = found.distances() ** 2
    np.testing.assert_allclose(squared[0, 1], shift @ shift, **EXACT)
    # a cloud scaled about zero: LOT^2 = (1 - c)^2 times the mean square of the maps
    seen = found.masses @ np.square(found.maps[0]).sum(axis=1)
    np.testing.assert_allclose(squared[0, 2], (1 - factor) ** 2 * seen, **EXACT)
    np.testing.assert_allclose(found.residuals, found.residuals[0] * np.array([1, 1, factor**2]), **EXACT)


@given(shapes)
@settings(max_examples=15, deadline=None)
def test_shift_and_shape_make_up_the_whole(shape):
    found = embedded(shape)
    split = found.split()
    np.testing.assert_allclose(split.shift[:, None, :] + split.shape, found.maps, **EXACT)
    np.testing.assert_allclose(np.einsum("i,kij->kj", found.masses, split.shape), 0, atol=1e-9)
    full, shift, form = (found.distances(part) for part in ("full", "shift", "shape"))
    np.testing.assert_allclose(full**2, shift**2 + form**2, **EXACT)
    means = np.array([found.scaled_cells(sample).mean(axis=0) for sample in found.samples.index])
    np.testing.assert_allclose(shift, np.sqrt(squared_distances(means, means)), rtol=1e-7, atol=1e-7)


def test_distances_of_vectors_are_lot_distances(embedding):
    differences = embedding.vectors[:, None] - embedding.vectors[None]
    np.testing.assert_allclose(embedding.distances(), np.linalg.norm(differences, axis=2), **EXACT)
    weighted = np.einsum("i,i->", embedding.masses, np.square(embedding.maps[0] - embedding.maps[1]).sum(axis=1))
    assert embedding.distances()[0, 1] == pytest.approx(np.sqrt(weighted), rel=1e-12)


def test_shapes_and_names(embedding, patients):
    assert embedding.maps.shape == (6, 20, 6)
    assert embedding.vectors.shape == (6, 120)
    assert embedding.masses.sum() == pytest.approx(1, abs=1e-12)
    assert list(embedding.samples.columns) == list(patients.samples.columns)
    assert embedding.samples.index.name == "sample"
    assert embedding.markers == patients.markers
    assert [plan.shape for plan in embedding.plans] == [(20, 150)] * 6
    assert all(plan.nnz < 20 + 150 for plan in embedding.plans)


def test_cells_are_those_of_the_cohort(embedding, patients):
    sample = patients.samples.index[2]
    np.testing.assert_array_equal(embedding.cells(sample), patients.cells(sample))
    assert embedding.cells(sample).dtype == np.float32
    np.testing.assert_allclose(
        embedding.scaling.undo(embedding.scaled_cells(sample)), patients.cells(sample), atol=1e-5
    )
    assert list(embedding.populations(sample)) == list(patients.populations(sample))
    assert not embedding.cells(sample).flags.writeable


def test_summary_has_the_fields_of_the_command_line(embedding):
    summary = embedding.summary()
    assert list(summary) == [
        *("n_samples", "n_points", "n_markers", "n_cells", "n_cells_used", "seconds", "residual_share", "warnings")
    ]
    assert (summary["n_samples"], summary["n_points"], summary["n_markers"]) == (6, 20, 6)
    assert summary["n_cells"] == summary["n_cells_used"] == 900
    assert 0 < summary["residual_share"] < 1


def test_projecting_the_training_cohort_gives_the_same_bits(embedding, patients):
    again = embedding.project(patients)
    assert again.maps.tobytes() == embedding.maps.tobytes()
    assert again.sample_hashes == embedding.sample_hashes
    assert again.reference is embedding.reference


def test_projecting_some_samples_with_more_markers_gives_their_rows(embedding, patients):
    few = list(patients.samples.index[[4, 1]])
    shuffled = patients.select(samples=few, markers=patients.markers[::-1])
    again = embedding.project(shuffled)
    assert again.markers == embedding.markers
    np.testing.assert_array_equal(again.maps, embedding.maps[[4, 1]])


def test_projecting_a_single_new_sample_is_fine(embedding, patients):
    assert embedding.project(patients.select(samples=["P3"])).maps.shape == (1, 20, 6)


def test_an_embedding_remembers_compensation_and_says_when_another_is_projected(patients, tmp_path):
    seen = replace(patients, compensated=True)
    made = embed(seen, points=8, seed=1)
    made.save(tmp_path / "a.lot")
    again = LOTEmbedding.load(tmp_path / "a.lot")
    assert again.parameters["compensated"] is True
    assert not [line for line in again.project(seen).warnings if "compensated" in line]
    found = again.project(replace(patients, compensated=False))
    assert found.parameters["compensated"] is False
    assert [line for line in found.warnings if "compensated" in line] == [
        "The samples are not compensated, those of the embedding were compensated: markers differ by the light of "
        "other dyes. Read both cohorts alike."
    ]
    assert not [line for line in again.project(patients).warnings if "compensated" in line]


def test_projection_refuses_what_is_not_comparable(embedding, patients):
    from dataclasses import replace

    from lotviz.data import Transform

    with pytest.raises(CohortError) as refused:
        embedding.project(patients.select(markers=patients.markers[:4]))
    assert len(refused.value.problems) == 2
    assert f"Expected marker {patients.markers[4]} of the embedding" in str(refused.value)
    other = replace(patients, transform=Transform("arcsinh", 150))
    with pytest.raises(CohortError, match=r"transform of the embedding \(arcsinh, cofactor 5\), found another"):
        embedding.project(other)


def test_unknown_names_are_refused_with_a_suggestion(embedding):
    for ask in (embedding.cells, embedding.populations, embedding.plan, embedding.index):
        with pytest.raises(CohortError, match=r"Expected an embedded sample, found p3. Did you mean P3"):
            ask("p3")
    with pytest.raises(ValueError, match=r"Expected part .* found 'size'"):
        embedding.distances("size")
