from __future__ import annotations

import json

import numpy as np
import pytest

from lotviz.data import (
    CohortError,
    Logicle,
    MarkerTransforms,
    Transform,
    fit_scaling,
    preview_marker,
    read_cohort,
    write_cohort,
)
from lotviz.data.cohort import ArraySource
from lotviz.data.transforms.deciding import RawCells, decide_transform
from lotviz.data.transforms.fitted import fit_cofactor, fit_logicle, fit_top, pool, weighted_quantile
from lotviz.data.transforms.transform import alike, transform_of

FLUORESCENCE = Transform("arcsinh", 150)
OWN = MarkerTransforms(
    ("M1", "M2", "M3"), (FLUORESCENCE, Transform("logicle", logicle=Logicle(W=1.0)), Transform("none"))
)


def noise(seed=0, *, cells=3000, markers=3, spread=100.0):
    """Cells of a flow cytometer: one part around zero, one bright."""
    rng = np.random.default_rng(seed)
    dark = rng.normal(0, spread, (cells, markers))
    return np.where(rng.random((cells, markers)) < 0.7, dark, rng.lognormal(9, 0.5, (cells, markers)))


def by_marker(raw):
    return np.column_stack([one(raw[:, column]) for column, one in enumerate(OWN.transforms)])


def test_each_marker_goes_through_its_own_transform_and_back():
    raw = noise()
    np.testing.assert_array_equal(OWN(raw), by_marker(raw))
    assert OWN(raw).dtype == np.float32
    np.testing.assert_allclose(OWN.inverse(OWN(raw)), raw, rtol=2e-5, atol=1e-2)
    stacked = raw.reshape(30, 100, 3)
    np.testing.assert_array_equal(OWN(stacked), by_marker(raw).reshape(30, 100, 3))
    with pytest.raises(ValueError, match=r"Expected values of 3 markers, found an array of shape \(3000, 2\)"):
        OWN(raw[:, :2])


def test_equal_transforms_are_equal_however_they_were_made():
    assert Transform("none", 7) == Transform("none")
    assert Transform("logicle") == Transform("logicle", 3, Logicle())
    assert Transform("arcsinh", 5) == Transform("arcsinh", 5.0, Logicle())
    assert alike({"a": Transform("none"), "b": Transform("none", 9)}) == Transform("none")
    assert OWN.select(["M1"]) == FLUORESCENCE
    assert OWN.select(["M3", "M1"]) == MarkerTransforms(("M3", "M1"), (Transform("none"), FLUORESCENCE))
    assert FLUORESCENCE.select(["M1"]) is FLUORESCENCE.of("M2")


@pytest.mark.parametrize("transform", [OWN, FLUORESCENCE, Transform("logicle"), Transform("log1p"), Transform("none")])
def test_a_transform_survives_json_and_its_own_words(transform):
    assert transform_of(json.loads(json.dumps(transform.to_record()))) == transform
    names = {"Transform": Transform, "MarkerTransforms": MarkerTransforms, "Logicle": Logicle}
    assert eval(repr(transform), names) == transform  # as a script would hold it


def test_records_of_older_files_are_understood():
    assert transform_of({"kind": "arcsinh", "cofactor": 5.0}) == Transform("arcsinh", 5.0)
    assert transform_of({"kind": "none", "cofactor": 150.0}) == Transform("none")
    assert Transform("arcsinh", 5.0).to_record() == {"kind": "arcsinh", "cofactor": 5.0}


def test_the_words_name_the_markers():
    assert OWN.describe() == "arcsinh, cofactor 150 (M1); logicle, T=262144, W=1, M=4.5, A=0 (M2); none (M3)"
    assert (OWN.kind, OWN.select(["M2"]).kind) == ("mixed", "logicle")


@pytest.mark.parametrize(("markers", "count"), [(("a", "b"), 1), (("a", "a"), 2), ((), 0)])
def test_markers_and_transforms_must_go_together(markers, count):
    with pytest.raises(ValueError, match="Expected one transform for each of different markers"):
        MarkerTransforms(markers, (FLUORESCENCE,) * count)


def test_choosing_markers_of_a_cohort_keeps_their_transforms(made):
    cohort = made({"a": noise(1), "b": noise(2)}, transform=OWN)
    chosen = cohort.select(markers=["M3", "M1"])
    np.testing.assert_array_equal(chosen.cells("a"), cohort.cells("a")[:, [2, 0]])
    np.testing.assert_array_equal(cohort.select(markers=["M2"]).cells("b"), cohort.cells("b")[:, [1]])
    assert cohort.select(samples=["b"]).transform is OWN
    assert cohort.select(markers=["M2"]).transform == OWN.of("M2")


@pytest.fixture
def flow(made, tmp_path):
    """A cohort of fluorescence on disk, and its raw cells."""
    cells = {name: noise(seed).astype(np.float32) for seed, name in enumerate("ab")}
    return write_cohort(made(cells), tmp_path / "flow"), cells


def test_a_mapping_names_a_transform_for_each_marker(flow):
    path, cells = flow
    wanted = {"M2": Transform("logicle", logicle=Logicle(W=1)), "M3": "none", "*": "arcsinh"}
    cohort = read_cohort(path, transform=wanted, cofactor=150)
    assert cohort.transform == OWN
    np.testing.assert_array_equal(cohort.cells("a"), OWN(cells["a"]))
    two = read_cohort(path, transform=wanted, cofactor=150, markers=["M3", "M1"])
    np.testing.assert_array_equal(two.cells("a"), cohort.cells("a")[:, [2, 0]])
    assert read_cohort(path, transform=cohort.transform, markers=["M1", "M3"]).transform == OWN.select(["M1", "M3"])


def test_markers_that_are_not_named_are_decided_by_their_values(flow):
    cohort = read_cohort(flow[0], transform={"M1": "none"})
    assert [cohort.transform.of(name).kind for name in cohort.markers] == ["none", "arcsinh", "arcsinh"]
    assert "was chosen for M2, M3: values reach" in cohort.problems[0].what


def said(path, **options):
    with pytest.raises(CohortError) as error:
        read_cohort(path, **options)
    return str(error.value)


def test_what_cannot_be_transformed_is_named(flow):
    path, _ = flow
    text = said(path, transform={"m1": "none", "CD9": "none"})
    assert "Expected a marker to transform, found m1. Did you mean M1?" in text
    assert "found CD9. The markers are M1, M2, M3." in text
    assert "Expected transform arcsinh, logicle, log1p or none, found sqrt" in said(path, transform={"M1": "sqrt"})
    assert "found 7" in said(path, transform=7)
    assert 'a positive number or "fitted", found five' in said(path, cofactor="five")
    assert "Expected a positive cofactor, found -5" in said(path, cofactor=-5)
    assert "found none for M2, M3" in said(path, transform=MarkerTransforms(("M1",), (FLUORESCENCE,)))


@pytest.mark.parametrize("spread", [1.0, 40.0, 900.0])
def test_the_fitted_cofactor_is_twice_the_noise_around_zero(spread):
    values = np.random.default_rng(0).normal(0, spread, 200_000)
    assert fit_cofactor(values, np.ones(len(values))) == pytest.approx(1.96 * spread, rel=0.02)


def test_the_fitted_cofactor_makes_noise_alike_everywhere():
    # constant noise and noise in proportion, as of a cytometer: after the transform the spread is the same at all means
    rng = np.random.default_rng(1)
    background, share = 50.0, 1 / 1.96
    cofactor = fit_cofactor(rng.normal(0, background, 100_000), np.ones(100_000))
    means = np.array([0.0, 50.0, 200.0, 1000.0])
    small = 0.02  # of the noise, where the transform is straight
    noises = small * np.sqrt(background**2 + (share * means) ** 2)
    cells = rng.normal(means, noises, (50_000, 4))
    spreads = Transform("arcsinh", cofactor)(cells).std(axis=0)
    assert spreads.max() / spreads.min() < 1.05


def test_without_cells_below_zero_nothing_is_fitted():
    counts = np.random.default_rng(0).poisson(3, 5000).astype(float)
    assert fit_cofactor(counts, np.ones(5000)) is None
    assert fit_logicle(counts, np.ones(5000), 1024.0).W == 0
    assert fit_cofactor(np.array([]), np.array([])) is None
    few = np.concatenate([np.full(19, -5.0), counts])
    assert fit_cofactor(few, np.ones(len(few))) is None


def test_logicle_is_fitted_as_in_the_article():
    values = np.random.default_rng(0).normal(0, 100, 100_000)
    low = np.quantile(values[values < 0], 0.05)
    fitted = fit_logicle(values, np.ones(len(values)), 262_144.0)
    assert fitted == Logicle(262_144.0, round((4.5 - np.log10(262_144 / -low)) / 2, 3), 4.5, 0.0)
    assert fit_top(np.array([5.0, 262_144.0, np.nan, np.inf])) == 262_144
    assert fit_top(np.array([262_145.0])) == 2 * 262_144
    assert fit_top(np.array([])) == 1024


def test_every_sample_weighs_the_same_in_a_fit(made):
    cohort = made({"few": noise(1, cells=400), "many": noise(2, cells=9000, spread=900.0)})
    drawn = pool(cohort.source, ["few", "many"], cells_per_sample=2000)
    assert drawn.values.shape == (2400, 3)
    assert drawn.weights[:400].sum() == pytest.approx(1)
    assert drawn.weights[400:].sum() == pytest.approx(1)
    again = pool(cohort.source, ["few", "many"], cells_per_sample=2000)
    np.testing.assert_array_equal(drawn.values, again.values)
    other = pool(cohort.source, ["few", "many"], cells_per_sample=2000, seed=1)
    assert (drawn.values != other.values).any()


def test_weighted_quantiles_count_a_weight_as_so_many_cells():
    rng = np.random.default_rng(0)
    values, weights = rng.normal(size=50), rng.integers(1, 5, 50)
    repeated = np.repeat(values, weights)
    for share in (0.0, 0.05, 0.5, 0.93, 1.0):
        expected = np.quantile(repeated, share, method="inverted_cdf")
        assert weighted_quantile(values, weights.astype(float), share) == expected


def test_a_cohort_can_ask_for_fitted_transforms(flow):
    path, cells = flow
    cohort = read_cohort(path, transform="arcsinh", cofactor="fitted")
    values = np.concatenate(list(cells.values()))
    for column, marker in enumerate(cohort.markers):
        low = np.quantile(values[values[:, column] < 0, column], 0.05)
        assert cohort.transform.of(marker).cofactor == pytest.approx(-low, rel=0.1)
    assert "The cofactor of arcsinh was fitted to the negative cells of 3 markers: from" in str(cohort.problems[0])
    logicle = read_cohort(path, transform="logicle")
    assert {logicle.transform.of(marker).kind for marker in logicle.markers} == {"logicle"}
    assert read_cohort(path, transform="logicle").transform == logicle.transform
    assert "The W of logicle was fitted" in str(logicle.problems[0])


def test_where_nothing_can_be_fitted_it_is_said(made, tmp_path):
    counts = np.random.default_rng(0).poisson(30, (500, 2)).astype(float)
    path = write_cohort(made({"a": counts, "b": counts + 1}), tmp_path / "out")
    cohort = read_cohort(path, transform="arcsinh", cofactor="fitted")
    assert cohort.transform == Transform("arcsinh", 5)
    assert "found too few in M1, M2. The cofactor 5 is used for them" in str(cohort.problems[-1])


def written(made, tmp_path, cells, markers):
    from dataclasses import replace

    return write_cohort(replace(made({"a": cells, "b": cells * 1.01}), markers=markers), tmp_path / "out")


def counts(seed=0):
    return np.random.default_rng(seed).poisson(60, (600, 3)).astype(float)


@pytest.mark.parametrize(
    ("cells", "markers", "cofactor", "why"),
    [
        (counts(), ("CD3(Nd145)Dd", "CD4(Sm147)Dd", "CD8"), 5, "the channels are those of a mass cytometer"),
        (counts(), ("CD3 FITC", "CD4 BV421", "CD8 PE-Cy7"), 150, "the channels are those of a flow cytometer"),
        (noise(cells=600), ("A", "B", "C"), 150, "as those of compensated fluorescence do"),
        (np.abs(noise(cells=600)) * 100 + 1, ("A", "B", "C"), 150, "few are zero, as in fluorescence"),
        (counts(), ("A", "B", "C"), 5, "neither channels nor values say that it is fluorescence"),
    ],
)
def test_the_cofactor_is_that_of_the_instrument_and_said(made, tmp_path, cells, markers, cofactor, why):
    path = written(made, tmp_path, cells, markers)
    for options in ({}, {"transform": "arcsinh"}):
        cohort = read_cohort(path, **options)
        assert cohort.transform == Transform("arcsinh", cofactor)
        assert why in str(cohort.problems[0])
        assert "5 suits mass cytometry, 150 fluorescence" in cohort.problems[0].fix
    assert read_cohort(path, cofactor=7).transform == Transform("arcsinh", 7)
    assert why not in " ".join(map(str, read_cohort(path, transform="arcsinh", cofactor=7).problems))


def doubts(path, **options):
    return [str(one) for one in read_cohort(path, **options).problems if "look transformed already" in str(one)]


def test_one_transformed_marker_among_raw_ones_is_doubted(made, tmp_path):
    rng = np.random.default_rng(0)
    raw = rng.lognormal(5, 1, (800, 3))
    raw[:, 1] = np.arcsinh(raw[:, 1] / 5)
    raw[:, 2] = rng.exponential(1.2, 800)  # a dim marker, not a transformed one
    path = written(made, tmp_path, raw, ("A", "B", "C"))
    (doubt,) = doubts(path, transform="arcsinh", cofactor=5)
    assert "found values on a transformed scale in B (up to" in doubt
    assert "choose the transform none for B." in doubt
    assert not doubts(path, transform={"B": "none", "*": "arcsinh"}, cofactor=5)


def test_values_of_other_scales_are_doubted(made, tmp_path):
    logicle = Transform("logicle")(noise(cells=600))
    path = written(made, tmp_path / "decades", logicle, ("A", "B", "C"))
    assert "found values no larger than 3" in doubts(path, transform="logicle")[0]
    assert "found values no larger than 3" in doubts(path, transform="arcsinh", cofactor=150)[0]
    display = write_cohort(made({"a": (logicle * 1023 / 4.5).round().clip(0, 1023)}), tmp_path / "display")
    assert "found whole numbers from 0 to 1023" in doubts(display, transform="arcsinh", cofactor=150)[0]


def test_the_densities_of_a_marker_are_those_of_its_cells(made):
    cells = {"a": noise(1, cells=500), "b": noise(2, cells=5000)}
    cohort = made(cells, transform=FLUORESCENCE)
    raw, after = preview_marker(cohort, "M2", [Transform("arcsinh", 100)], bins=40, cells_per_sample=500)
    assert (raw.transform, after.transform) == (Transform("none"), Transform("arcsinh", 100))
    for one in (raw, after):
        assert (one.edges.shape, one.density.shape) == ((41,), (40,))
        assert 0.99 <= float(one.density @ np.diff(one.edges)) <= 1 + 1e-9
    drawn = pool(cohort.source, ["a", "b"], cells_per_sample=500)
    inside = Transform("arcsinh", 100)(drawn.values[:, 1])
    share = np.mean((inside >= after.edges[10]) & (inside < after.edges[20]))
    assert float(after.density[10:20] @ np.diff(after.edges)[10:20]) == pytest.approx(share, abs=1e-3)
    with pytest.raises(CohortError, match="Did you mean M1"):
        preview_marker(cohort, "m1", [])


def test_a_constant_marker_and_one_without_numbers_have_a_preview_or_a_reason(made):
    cells = np.column_stack([np.full(50, 3.0), np.full(50, np.nan)])
    (raw,) = preview_marker(made({"a": cells}), "M1", [])
    assert float(raw.density @ np.diff(raw.edges)) == pytest.approx(1)
    with pytest.raises(CohortError, match="Expected finite values of marker M2, found none"):
        preview_marker(made({"a": cells}), "M2", [])


def test_scaling_never_takes_a_sample_by_itself(made):
    """A shift of one whole sample must survive scaling: scaled by itself, every sample would have mean 0."""
    cells = {"a": noise(1), "b": noise(1) + 5000.0}
    cohort = made(cells, transform=OWN)
    scaling = fit_scaling(cohort)
    means = {name: scaling.apply(cohort.cells(name)).mean(axis=0) for name in cells}
    assert (np.abs(means["b"] - means["a"]) > 0.4).all()
    alone = fit_scaling(cohort, samples=["a"])
    np.testing.assert_allclose(alone.apply(cohort.cells("a")).mean(axis=0), 0, atol=0.1)
    shifted = alone.apply(cohort.cells("b")).mean(axis=0) - alone.apply(cohort.cells("a")).mean(axis=0)
    np.testing.assert_allclose(
        shifted, (cohort.cells("b").mean(0) - cohort.cells("a").mean(0)) / alone.scale, rtol=1e-4
    )


def test_shapes_and_sizes_are_used_as_measured(made, tmp_path):
    rng = np.random.default_rng(0)
    shapes = {name: rng.beta(5, 2, (60, 1)).ravel() for name in ("circularity", "solidity")}
    sizes = {"area": rng.lognormal(9, 0.5, 60), "elongation": rng.normal(30, 4, 60)}
    read = read_cohort(
        write_cohort(
            made({name: np.column_stack([*shapes.values(), *sizes.values()]) for name in "ab"}), tmp_path / "c"
        )
    )
    assert read.transform == Transform("none")
    assert "units of their own, as of shapes and sizes" in " ".join(problem.what for problem in read.problems)
    counts = {name: np.column_stack([rng.poisson(0.1, (60, 3)), sizes["area"]]) for name in "ab"}  # dim, not fractions
    assert read_cohort(write_cohort(made(counts), tmp_path / "d")).transform.kind == "arcsinh"


def test_real_shapes_and_sizes_are_used_as_measured(real_data):
    assert read_cohort(real_data("igan_glomeruli_pilot")).transform == Transform("none")


@pytest.mark.parametrize("name", ["bcrxl_cytof_bodenmiller/sheet.csv", "organoid_cytof_cygnal/sheet.csv"])
def test_real_mass_cytometry_gets_the_cofactor_5(real_data, name):
    assert read_cohort(real_data(name)).transform == Transform("arcsinh", 5)


def test_real_fluorescence_gets_the_cofactor_150_and_display_channels_none(real_data):
    assert read_cohort(real_data("covid_cd8_flow_debiasi")).transform == Transform("arcsinh", 150)
    assert read_cohort(real_data("wnv_mouse_bm_flow_spectre")).transform == Transform("none")


def test_values_below_zero_that_log1p_cuts_off_are_said():
    rng = np.random.default_rng(2)
    cells = {name: rng.normal([-200, 900, 3000], [300, 90, 500], (400, 3)).astype(np.float32) for name in "ab"}
    raw = RawCells(ArraySource(cells), ["a", "b"], ("M1", "M2", "M3"))
    _transform, notes = decide_transform(raw, "log1p", None, where="study")
    (note,) = [note for note in notes if "below" in note.what]
    share = 100 * np.mean([values[:, 0] < 0 for values in cells.values()])
    assert note.what == (
        f"Expected values from 0 on for log1p, found some below in M1 ({share:.0f} %): they all become 0."
    )
    _transform, notes = decide_transform(raw, "arcsinh", None, where="study")
    assert not any("below" in note.what for note in notes)
