"""FCS files transformed while they are read: bit for bit what reading first and transforming then gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lotviz.data import CohortError, Transform, read_cohort
from lotviz.data.fcs.reader import FcsFile
from lotviz.data.sources import Kept
from lotviz.data.transforms import arcsinh as arcsinh_module
from lotviz.data.transforms import arcsinh_file
from lotviz.data.transforms.transform import MarkerTransforms

from .fcs_builder import fcs_bytes, opened
from .test_fcs_damage import mutated, originals

NAMES = ["a", "b", "c"]
ARCSINH = Transform("arcsinh", cofactor=7.0)
TRANSFORMS = [ARCSINH, Transform("log1p"), Transform("none"), Transform("logicle")]


def same_bits(found, expected):
    assert found is not None
    assert found.dtype == expected.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found.view(np.int32), expected.view(np.int32))


def holds(file, transform=ARCSINH, *choices):
    """That a file is transformed to the same bits for some choices of its channels."""
    for markers in choices or (
        file.markers,
        file.markers[::-1],
        file.markers[::2],
        file.markers[1:2],
        file.markers[1:],
    ):
        own = transform.select(markers) if isinstance(transform, MarkerTransforms) else transform
        same_bits(file.transformed(markers, own), own(file.read(markers)))


@pytest.fixture
def without_numba(monkeypatch):
    for module in (arcsinh_module, arcsinh_file):
        monkeypatch.setattr(module, "compiled", lambda: None)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda transform: transform.kind)
@pytest.mark.parametrize("order", ["1,2,3,4", "4,3,2,1", "3,4,1,2"])
@pytest.mark.parametrize("kind", ["F", "I", "D"])
def test_types_orders_and_transforms(tmp_path, kind, order, transform):
    values = np.abs(np.random.default_rng(0).normal(0, 3000, (9000, 3)))
    order = {"3,4,1,2": "4,3,2,1"}.get(order, order) if kind == "D" else order  # doubles know no mixed order
    widths = {"F": [4] * 3, "I": [4] * 3, "D": [8] * 3}[kind]
    holds(opened(tmp_path, fcs_bytes(values, names=NAMES, kind=kind, order=order, widths=widths)), transform)


@pytest.mark.parametrize("order", ["1,2,3,4", "4,3,2,1"])
@pytest.mark.parametrize("widths", [[1] * 3, [2] * 3, [3] * 3, [8] * 3, [1, 2, 4]])
@pytest.mark.parametrize("top", [0, 1000, 2**16])
def test_integers_and_their_masks(tmp_path, widths, order, top):
    rng = np.random.default_rng(1)
    values = np.column_stack([rng.integers(0, 2 ** min(8 * width, 50), 6000) for width in widths])
    more = {f"$P{number}R": top for number in (1, 2, 3)}
    holds(opened(tmp_path, fcs_bytes(values, names=NAMES, kind="I", widths=widths, order=order, more=more)))


def test_masks_that_differ_between_channels(tmp_path):
    values = np.random.default_rng(2).integers(0, 2**16, (6000, 3))
    more = {"$P1R": 1024, "$P2R": 2**16, "$P3R": 100}
    holds(opened(tmp_path, fcs_bytes(values, names=NAMES, kind="I", widths=[2] * 3, more=more)))


@pytest.mark.parametrize("kind", ["F", "I"])
def test_gains_decades_and_compensation(tmp_path, kind):
    values = np.random.default_rng(3).integers(1, 1000, (6000, 4))
    names = ["a", "b", "c", "Time"]
    more = {"$P1E": "4,1", "$P1R": 1024, "$P2G": 2.5, "$TIMESTEP": 0.01, "$SPILLOVER": "2,b,c,1,0.25,0.125,1"}
    content = fcs_bytes(values, names=names, kind=kind, version="3.1", more=more)
    for compensate in (True, False):
        file = opened(tmp_path, content, compensate=compensate)
        holds(file)
        holds(file, ARCSINH, ("Time",), ("c", "Time"), ("a",), ("Time", "b"))


def test_a_transform_for_each_marker(tmp_path):
    kinds = (Transform("arcsinh", 150.0), Transform("none"), Transform("arcsinh", 0.5))
    values = np.random.default_rng(4).normal(0, 3000, (9000, 3))
    for order in ("1,2,3,4", "4,3,2,1"):
        file = opened(tmp_path, fcs_bytes(values, names=NAMES, order=order))
        holds(file, MarkerTransforms(tuple(NAMES), kinds))


def test_free_format_text(tmp_path):
    values = np.random.default_rng(5).integers(0, 2**18, (2000, 3))
    more = {f"$P{number}B": "*" for number in (1, 2, 3)}
    data = " ".join(map(str, values.ravel())).encode()
    holds(opened(tmp_path, fcs_bytes(values, names=NAMES, kind="A", widths=[1] * 3, more=more, data=data)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("order", ["1,2,3,4", "4,3,2,1"])
@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda transform: transform.kind)
def test_what_is_not_finite_is_left_to_who_reads(tmp_path, transform, order, bad):
    values = np.ones((9000, 3))
    values[8000, 1] = bad
    file = opened(tmp_path, fcs_bytes(values, names=NAMES, order=order))
    assert file.transformed(file.markers, transform) is None
    holds(file, transform, ("a", "c"))  # without the channel it is in


@pytest.mark.parametrize("cofactor", [1.0, 1e-3, 1e-30, 1e30, 1e300])
@pytest.mark.parametrize("order", ["1,2,3,4", "4,3,2,1"])
@pytest.mark.filterwarnings("ignore:overflow", "ignore:divide")
def test_values_of_any_size(tmp_path, order, cofactor):
    values = np.float32([[3.4e38, -3.4e38, 1e-45], [1e18, 1e19, 1e20], [0.0, -0.0, 2.0**61]])
    holds(opened(tmp_path, fcs_bytes(values, names=NAMES, order=order)), Transform("arcsinh", cofactor))
    values = np.random.default_rng(6).integers(0, 2**16, (5000, 3))
    file = opened(tmp_path, fcs_bytes(values, names=NAMES, kind="I", widths=[2] * 3, order=order))
    holds(file, Transform("arcsinh", cofactor))


def test_no_cells_and_no_channels(tmp_path):
    file = opened(tmp_path, fcs_bytes(np.empty((0, 3)), names=NAMES, more={"$TOT": 0}, in_text=False, in_header=False))
    same_bits(file.transformed(file.markers, ARCSINH), np.empty((0, 3), np.float32))
    file = opened(tmp_path, fcs_bytes(np.ones((4, 3)), names=NAMES))
    same_bits(file.transformed((), ARCSINH), np.empty((4, 0), np.float32))


@pytest.mark.parametrize("kind", ["F", "I"])
def test_a_file_cut_short_since_it_was_opened(tmp_path, kind):
    data = b"\0" * (50_000 * 3 * (4 if kind == "F" else 2))
    content = fcs_bytes(np.ones((50_000, 3)), names=NAMES, kind=kind, data=data)
    file = opened(tmp_path, content)
    file.path.write_bytes(content[:-100_000])
    with pytest.raises(CohortError, match="cut short") as at_once:
        file.transformed(file.markers, ARCSINH)
    with pytest.raises(CohortError) as first:
        file.read(file.markers)
    assert str(at_once.value) == str(first.value)


@pytest.mark.parametrize(
    ("kind", "width", "more", "at_once"),
    [
        ("F", 4, {}, True),
        ("I", 2, {"$P1R": 2**16, "$P2R": 2**16, "$P3R": 2**16}, True),
        ("I", 2, {"$P2R": 1024}, False),
        ("F", 4, {"$P2G": 2.5}, False),
        ("F", 4, {"$SPILLOVER": "2,b,c,1,0.25,0.125,1"}, False),
        ("D", 8, {}, False),
    ],
)
def test_what_is_read_and_transformed_in_one_compiled_function(tmp_path, monkeypatch, kind, width, more, at_once):
    values = np.random.default_rng(10).integers(0, 900, (300, 3))
    content = fcs_bytes(values, names=NAMES, kind=kind, widths=[width] * 3, version="3.1", more=more)
    file, blocks = opened(tmp_path, content), []
    original = FcsFile._blocks
    monkeypatch.setattr(FcsFile, "_blocks", lambda self, *rest: blocks.append(1) or original(self, *rest))
    file.transformed(file.markers, ARCSINH)
    assert (blocks == []) == at_once


@pytest.mark.usefixtures("without_numba")
@pytest.mark.parametrize("order", ["1,2,3,4", "4,3,2,1"])
@pytest.mark.parametrize(("kind", "width"), [("F", 4), ("I", 2), ("I", 1)])
def test_where_nothing_can_be_compiled(tmp_path, kind, width, order):
    values = np.random.default_rng(7).integers(0, 250, (6000, 3))
    file = opened(tmp_path, fcs_bytes(values, names=NAMES, kind=kind, widths=[width] * 3, order=order))
    holds(file)
    np.testing.assert_array_equal(file.transformed(("a",), ARCSINH), np.arcsinh(values[:, :1].astype(np.float32) / 7))
    bad = opened(tmp_path, fcs_bytes(np.full((3, 3), np.nan), names=NAMES, order=order))
    assert bad.transformed(bad.markers, ARCSINH) is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.integers(1, 300),
    channels=st.integers(1, 40),
    seed=st.integers(0, 99),
    stored=st.sampled_from([("F", 4, "<f4"), ("I", 2, "<u2"), ("F", 4, ">f4"), ("I", 2, ">u2"), ("I", 4, ">u4")]),
    cofactor=st.sampled_from([1.0, 5.0, 150.0, 6.1]),
    picked=st.sets(st.integers(0, 39), min_size=1),
)
def test_any_table(tmp_path, cells, channels, seed, stored, cofactor, picked):
    kind, width, dtype = stored
    values = np.abs(np.random.default_rng(seed).normal(0, 9000, (cells, channels))).astype(dtype)
    names = [f"m{number}" for number in range(channels)]
    order = "1,2,3,4" if dtype[0] == "<" else "4,3,2,1"
    more = {f"$P{number + 1}S": "" for number in range(channels)}
    content = fcs_bytes(
        values, names=names, kind=kind, order=order, widths=[width] * channels, data=values.tobytes(), more=more
    )
    file = opened(tmp_path, content)
    chosen = tuple(names[number] for number in sorted(picked) if number < channels)
    holds(file, Transform("arcsinh", cofactor), file.markers, *([chosen] if chosen else []))


def test_damaged_files_end_alike(tmp_path):
    rng, ends = np.random.default_rng(9), []
    for number in range(200):
        for original in originals():
            try:
                file = opened(tmp_path, mutated(original, rng))
            except CohortError:
                continue
            ends.append(_end(file, lambda file=file: file.transformed(file.markers, ARCSINH)))
            assert ends[-1] == _end(file, lambda file=file: read_first(file)), number
    assert {type(end) for end in ends} == {bytes, str, type(None)}


def read_first(file):
    values = file.read(file.markers)
    with np.errstate(over="ignore"):
        return ARCSINH(values) if np.isfinite(values).all() else None


def _end(file, work):
    """The bytes of the values, None, or the sentence of the error."""
    try:
        found = work()
    except CohortError as error:
        return str(error)
    return None if found is None else found.tobytes()


# a cohort of such files


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(8)
    for name in ("p1", "p2"):
        values = np.abs(rng.normal(0, 900, (700, 4)))
        (tmp_path / f"{name}.fcs").write_bytes(fcs_bytes(values, names=["CD3", "CD4", "CD8", "Time"], order="4,3,2,1"))
    (tmp_path / "samples.csv").write_text("sample,file\np1,p1.fcs\np2,p2.fcs\n")
    return tmp_path


def large(cohort):
    """A cohort as if it were too large to be kept in memory."""
    return replace(cohort, source=replace(cohort.source, kept=Kept(limit=0)))


@pytest.fixture
def at_once(monkeypatch):
    """The channels of every file that is transformed while it is read."""
    original, calls = FcsFile.transformed, []

    def counted(self, markers, transform):
        calls.append(markers)
        return original(self, markers, transform)

    monkeypatch.setattr(FcsFile, "transformed", counted)
    return calls


def test_a_cohort_that_is_not_kept_is_transformed_while_it_is_read(folder, at_once, monkeypatch):
    cohort = large(read_cohort(folder / "samples.csv"))
    expected = {name: cohort.transform(cohort.raw(name)) for name in ("p1", "p2")}
    monkeypatch.setattr(FcsFile, "read", lambda *_: pytest.fail("read once more"))
    for name, values in expected.items():
        same_bits(cohort.cells(name), values)
        same_bits(cohort.cells(name, limit=700), values)
    assert at_once == [("CD3", "CD4", "CD8")] * 4


def test_a_cohort_that_is_kept_is_read_once(folder, at_once):
    cohort = read_cohort(folder / "samples.csv")
    cells = cohort.cells("p1")
    (folder / "p1.fcs").unlink()
    np.testing.assert_array_equal(cohort.cells("p1"), cells)
    assert at_once == []


def test_values_at_hand_are_not_read_again(folder, at_once):
    cohort = read_cohort(folder / "samples.csv")
    cohort = replace(cohort, source=replace(cohort.source, kept=Kept(limit=700 * 3 * 4)))
    cohort.raw("p2")
    cohort.cells("p2")
    assert at_once == []
    cohort.cells("p1")
    assert at_once == [("CD3", "CD4", "CD8")]


def test_some_cells_are_drawn_from_the_same_values(folder, at_once):
    cohort = large(read_cohort(folder / "samples.csv"))
    same_bits(cohort.cells("p1", limit=60, seed=3), cohort.cells("p1")[cohort.chosen("p1", limit=60, seed=3)])
    assert len(at_once) == 1


def test_chosen_and_renamed_markers(folder, at_once):
    cohort = large(read_cohort(folder / "samples.csv", rename={"CD4": "helper"}))
    part = cohort.select(markers=["CD8", "helper"]).select(markers=["helper"])
    same_bits(part.cells("p2"), np.ascontiguousarray(cohort.cells("p2")[:, [1]]))
    assert at_once == [("CD4",), ("CD3", "CD4", "CD8")]
    mixed = read_cohort(folder / "samples.csv", transform={"CD3": "none"}, cofactor=50.0)
    mixed = large(mixed).select(markers=["CD8", "CD3"])
    same_bits(mixed.cells("p1"), mixed.transform(mixed.raw("p1")))


def test_the_cell_that_is_not_a_number_is_named_all_the_same(folder):
    values = np.ones((700, 4))
    values[5, 2] = np.nan
    (folder / "p2.fcs").write_bytes(fcs_bytes(values, names=["CD3", "CD4", "CD8", "Time"]))
    cohort = large(read_cohort(folder / "samples.csv"))
    with pytest.raises(CohortError, match=r"p2\.fcs, cell 6, marker CD8: Expected a finite number, found NaN"):
        cohort.cells("p2")
    with pytest.raises(CohortError, match="Expected a sample of the cohort, found nobody"):
        cohort.cells("nobody")


def test_tables_are_read_as_before(tmp_path):
    for name in ("p1", "p2"):
        (tmp_path / f"{name}.csv").write_text("CD3,CD4\n1,2\n3,4\n")
    (tmp_path / "samples.csv").write_text("sample,file\np1,p1.csv\np2,p2.csv\n")
    for rename in (None, {"CD3": "x"}):
        cohort = large(read_cohort(tmp_path / "samples.csv", rename=rename))
        assert cohort.source.transformed("p1", cohort.transform) is None
        np.testing.assert_array_equal(cohort.cells("p1"), cohort.transform(np.float32([[1, 2], [3, 4]])))
