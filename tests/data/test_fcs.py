from __future__ import annotations

import struct

import numpy as np
import pandas as pd
import pytest

from lotviz.data import CohortError, read_cohort
from lotviz.data.fcs.reader import open_fcs
from lotviz.data.markers import marker_names, reason_left_out

from .fcs_builder import BEGIN, fcs_bytes, opened


@pytest.mark.parametrize("order", ["1,2,3,4", "4,3,2,1"])
@pytest.mark.parametrize("kind", ["F", "D"])
@pytest.mark.parametrize("excess", [0, 1])
def test_floats_of_either_order_and_size_whatever_the_offset_says(tmp_path, kind, order, excess):
    values = np.random.default_rng(0).normal(0, 100, (20, 3)).astype(np.float32)
    file = opened(tmp_path, fcs_bytes(values, names=["a", "b", "c"], kind=kind, order=order, excess=excess))
    assert (file.n_cells, file.markers) == (20, ("a", "b", "c"))
    np.testing.assert_array_equal(file.read(("c", "a")), values[:, [2, 0]])


@pytest.mark.parametrize("order", ["1,2,3,4", "4,3,2,1"])
@pytest.mark.parametrize("widths", [[2, 2, 2], [4, 4, 4], [3, 3, 3], [1, 2, 4]])
def test_integers_of_any_width(tmp_path, widths, order):
    values = np.random.default_rng(1).integers(0, 200, (15, 3))
    file = opened(tmp_path, fcs_bytes(values, names=["a", "b", "c"], kind="I", widths=widths, order=order))
    np.testing.assert_array_equal(file.read(file.markers), values)


def test_bits_beyond_the_range_of_a_channel_are_masked(tmp_path):
    more = {"$P1R": 1024, "$P2R": 1000}
    content = fcs_bytes([[0b1000_0000_0101, 1024 + 3]], names=["a", "b"], kind="I", widths=[2, 2], more=more)
    np.testing.assert_array_equal(opened(tmp_path, content).read(("a", "b")), [[0b101, 3]])


def test_log_amplified_channels_come_back_linear(tmp_path):
    more = {"$P1R": 1024, "$P1E": "4,0", "$P2R": 1024, "$P2G": "2.0"}
    content = fcs_bytes([[512, 100]], names=["a", "b"], kind="I", widths=[2, 2], more=more)
    np.testing.assert_allclose(opened(tmp_path, content).read(("a", "b")), [[10**2.0, 50]])


def test_stains_are_shown_and_duplicates_told_apart(tmp_path):
    names, stains = ["FL1-A", "FL2-A", "FL3-A", "Time"], ["CD4", "CD4", " ", ""]
    file = opened(tmp_path, fcs_bytes(np.ones((2, 4)), names=names, stains=stains))
    assert file.markers == ("CD4 (FL1-A)", "CD4 (FL2-A)", "FL3-A", "Time")


def test_equal_channels_are_numbered():
    assert marker_names(["a", "a"], ["x", "x"]) == ("x (a)", "x (a) #2")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Time", "time"),
        ("TIME", "time"),
        ("Time (51.20 sec.)", "time"),
        ("Cell_length", "event length"),
        ("Event_length", "event length"),
        ("DNA-1", "DNA"),
        ("DNA_2", "DNA"),
        ("EQ_Beads", "calibration beads"),
        ("BC1", "barcode"),
        ("Offset", "pulse shape"),
        ("FSC-A", "scatter"),
        ("FS INT LIN", "scatter"),
        ("SSC", "scatter"),
        ("VITALITY IR840", "viability"),
        ("Live/Dead", "viability"),
        ("131Xe", "unstained channel"),
        ("FS Lin", "scatter"),
        ("SS PEAK LOG", "scatter"),
        ("SSC_1-A", "scatter"),
        ("FSC1-H", "scatter"),
        ("VSSC-A", "scatter"),
        ("Violet SSC-A", "scatter"),
        ("*FSC Par", "scatter"),
        ("FITC-W", "pulse width"),
        ("CD4 (FITC-W)", "pulse width"),
        ("Width", "pulse shape"),
        ("DNA1", "DNA"),
        ("DNA_Ir191", "DNA"),
        ("EQ4_Beads", "calibration beads"),
        ("bead_dist", "calibration beads"),
        ("Barcode", "barcode"),
        ("LIVE DEAD Blue-A", "viability"),
        ("FVS780", "viability"),
        ("L/D Aqua", "viability"),
        ("DNAM-1", None),
        ("DNA-PK", None),
        ("SSEA-4", None),
        ("FSTL1", None),
        ("FSP1", None),
        ("PI3K", None),
        ("Ghrelin", None),
        ("CD3", None),
        ("BCL2", None),
        ("BCL6", None),
        ("Timeless", None),
        ("Offset protein", None),
        ("CD45", None),
        ("pS6", None),
        ("Beadex", None),
    ],
)
def test_what_is_left_out_of_an_instruments_file(name, reason):
    assert reason_left_out(name, raw_file=True) == reason


def test_a_spillover_matrix_is_reported_once(tmp_path):
    for name, matrix in (("a", "2,x,y,1,0.1,0,1"), ("b", "2,x,y,1,0.1,0,1"), ("c", "2,x,y,1,0,0,1")):
        content = fcs_bytes(np.full((120, 2), 900.0), names=["x", "y"], more={"$SPILLOVER": matrix})
        (tmp_path / f"{name}.fcs").write_bytes(content)
    (tmp_path / "sheet.csv").write_text("sample,file\nA,a.fcs\nB,b.fcs\nC,c.fcs\n")
    said = [str(problem) for problem in read_cohort(tmp_path).problems if "spillover" in problem.what]
    assert len(said) == 1
    assert said[0].startswith("a.fcs, b.fcs: Each of 2 files had its spillover matrix of 2 channels applied.")


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda content: b"", "no FCS header"),
        (lambda content: b"PK" + content, "no FCS header"),
        (lambda content: content[:30], "damaged"),
        (lambda content: content[:900], "damaged"),
        (lambda content: content[:-1000], "damaged"),
        (lambda content: content.replace(b"$TOT|100|", b"$TOT|999|"), "room for 100 of the 999 cells"),
        (lambda content: content.replace(b"$TOT|100|", b"$TOT|abc|"), "damaged"),
        (lambda content: content.replace(b"$DATATYPE|F|", b"$DATATYPE|Q|"), "data type Q"),
        (lambda content: content.replace(b"$TOT|100|", b"$TOT|000|"), "0 cells announced and data of 100 cells"),
        (lambda content: content.replace(b"$BYTEORD|1,2,3,4", b"$BYTEORD|1,2,2,4"), "byte order '1,2,2,4'"),
        (lambda content: content.replace(b"$PAR|3|", b"$QAR|3|"), "damaged"),
        (lambda content: content.replace(b"$P2R", b"$Q2R"), "damaged"),
        (lambda content: content.replace(b"$P2E|0,0|", b"$P2E|0;0|"), "damaged"),
        (lambda content: content[:10] + b"xxxxxxxx" + content[18:], "damaged"),
        (lambda content: bytes(range(256)) * 4, "no FCS header"),
    ],
)
def test_a_damaged_file_is_named_and_nothing_else_is_raised(tmp_path, damage, found):
    content = fcs_bytes(np.ones((100, 3)), names=["a", "b", "c"])
    (tmp_path / "a.fcs").write_bytes(content)
    (tmp_path / "b.fcs").write_bytes(damage(content))
    (tmp_path / "sheet.csv").write_text("sample,file\nA,a.fcs\nB,b.fcs\n")
    with pytest.raises(CohortError, match=found) as raised:
        read_cohort(tmp_path / "sheet.csv")
    assert str(raised.value).startswith("b.fcs: Expected a whole FCS file of single cells, found a damaged one")
    assert "Export or copy the file again." in str(raised.value)


def test_random_damage_never_raises_anything_else(tmp_path):
    content = fcs_bytes(np.arange(30.0).reshape(10, 3), names=["a", "b", "c"], stains=["x", "y", "z"])
    rng = np.random.default_rng(0)
    text = content.rindex(b"|") + 1
    for _ in range(400):
        broken = bytearray(content)
        for position in rng.integers(0, text, rng.integers(1, 4)):
            broken[position] = rng.integers(0, 256)
        (tmp_path / "a.fcs").write_bytes(bytes(broken))
        try:
            file = open_fcs(tmp_path / "a.fcs", "a.fcs")
            assert file.read(file.markers).shape == (file.n_cells, len(file.markers))
        except CohortError as error:
            assert str(error).startswith(("a.fcs: Expected a whole FCS file", "a.fcs: Expected an FCS file"))


def test_the_layout_used_in_these_tests_is_what_struct_says():
    content = fcs_bytes([[1.5, -2.0]], names=["a", "b"])
    assert struct.unpack("<2f", content[BEGIN : BEGIN + 8]) == (1.5, -2.0)


@pytest.mark.parametrize("name", ["bcrxl_cytof_bodenmiller", "organoid_cytof_cygnal"])
def test_real_files_with_an_offset_off_by_one_read_as_their_parquet_twins(real_data, name):
    folder = real_data(name)
    cells = pd.read_parquet(folder / "cells.parquet")
    shared = [column for column in cells.columns if column != "sample_id"]
    cohort = read_cohort(folder / "sheet.csv", markers=shared)
    for sample in cohort.samples.index:
        twin = cells.loc[cells["sample_id"] == sample, shared]
        np.testing.assert_array_equal(cohort.raw(sample), twin.to_numpy())


def test_the_default_markers_of_real_mass_cytometry_are_its_24(real_data):
    folder = real_data("bcrxl_cytof_bodenmiller")
    expected = [column for column in pd.read_parquet(folder / "cells.parquet").columns if column != "sample_id"]
    cohort = read_cohort(folder / "sheet.csv")
    assert list(cohort.markers) == expected
    assert len(expected) == 24
    assert cohort.total_cells == 172_791


def test_odd_but_real_files_open(real_data):
    folder = real_data("fcs_files")
    for name in pd.read_csv(folder / "index.csv")["file"]:
        file = open_fcs(folder / name, name)
        values = file.read(file.markers)
        assert values.shape == (file.n_cells, len(set(file.markers)))
        assert np.isfinite(values).all()
