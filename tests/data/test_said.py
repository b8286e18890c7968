"""What files say of themselves: that their cells are synthetic, and which columns are the markers somebody chose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lotviz.data import read_cohort, write_cohort
from lotviz.data.annotated.reader import open_annotated
from lotviz.data.fcs.reader import open_fcs
from lotviz.data.formats import write_cells
from lotviz.data.marks import NOTHING_SAID, said_in, said_in_remark
from lotviz.data.tables.cells import open_table

from .fcs_builder import fcs_bytes

# of writing, which the tests do and the product does not
pytestmark = [
    pytest.mark.filterwarnings("ignore:Writing zarr v2 data:UserWarning"),
    pytest.mark.filterwarnings("ignore:zarr v3 autosharding:UserWarning"),
    pytest.mark.filterwarnings("ignore:Consolidated metadata:UserWarning"),
]

FORMATS = ["parquet", "csv", "h5ad", "fcs"]
# names that an instrument would give to what is no marker, and names that are cut where an instrument gave them
NAMES = ("Time", "DNA1", "FSC-A", "CD4(Nd145)Dd", "113In_CD66a", "131Xe")


def opened(path: Path):
    if path.suffix == ".fcs":
        return open_fcs(path, path.name)
    return open_annotated(path, path.name) if path.suffix in (".h5ad", ".zarr") else open_table(path, path.name)


@pytest.fixture
def cells():
    return np.random.default_rng(4).gamma(2, 100, (30, len(NAMES))).astype(np.float32)


@pytest.fixture
def sheet(tmp_path):
    """A sheet of these files; what it opens as."""

    def write(*files: str, **choices):
        table = pd.DataFrame({"sample": [f"S{number}" for number in range(len(files))], "file": files})
        table.to_csv(tmp_path / "sheet.csv", index=False)
        return read_cohort(tmp_path / "sheet.csv", **choices)

    return write


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("synthetic", [True, False])
def test_every_file_says_whether_it_is_synthetic(tmp_path, cells, form, synthetic):
    path = write_cells(tmp_path / f"a.{form}", cells, NAMES, synthetic=synthetic, about={})
    assert opened(path).said.synthetic is synthetic
    assert opened(path).said.own is (synthetic or form != "csv")  # a csv of measured cells has no place for it


@pytest.mark.parametrize("version", [2, 3])
def test_a_zarr_folder_says_it_too(tmp_path, cells, version):
    import anndata

    data = anndata.read_h5ad(write_cells(tmp_path / "a.h5ad", cells, NAMES, synthetic=True, about={}))
    with anndata.settings.override(zarr_write_format=version):
        data.write_zarr(tmp_path / "a.zarr")
    assert opened(tmp_path / "a.zarr").said.synthetic


@pytest.mark.parametrize("form", FORMATS)
def test_a_cohort_is_synthetic_where_a_file_says_so(tmp_path, tiny, form):
    folder = write_cohort(tiny, tmp_path / "out", format=form)
    (folder / "truth.json").unlink()
    assert read_cohort(folder).synthetic
    assert not any("synthetic" in problem.what for problem in read_cohort(folder).problems)


def test_synthetic_files_among_measured_ones_are_named(tmp_path, cells, sheet):
    for name, synthetic in [("a.parquet", False), ("b.parquet", True), ("c.fcs", True)]:
        write_cells(tmp_path / name, cells, NAMES, synthetic=synthetic, about={})
    cohort = sheet("a.parquet", "b.parquet", "c.fcs", rename={"DNA1": "DNA"})
    assert cohort.synthetic
    (problem,) = [problem for problem in cohort.problems if "synthetic" in problem.what]
    assert problem.what == "2 of 3 files say that their cells are synthetic, never measured: b.parquet, c.fcs."
    assert problem.severity == "warning"
    assert problem.samples == ("S1", "S2")
    assert not sheet("a.parquet").synthetic


@pytest.mark.parametrize("form", FORMATS)
def test_markers_of_our_own_files_keep_their_names_and_are_all_there(tmp_path, cells, sheet, form):
    write_cells(tmp_path / f"a.{form}", cells, NAMES, synthetic=True, about={})
    cohort = sheet(f"a.{form}")
    assert cohort.markers == NAMES
    np.testing.assert_array_equal(cohort.raw("S0"), cells)


def test_a_whole_cohort_keeps_its_markers_in_every_format(tmp_path, cells, sheet):
    write_cells(tmp_path / "a.fcs", cells, NAMES, synthetic=False, about={})
    cohort = sheet("a.fcs")
    for form in ("parquet", "h5ad", "fcs"):
        assert read_cohort(write_cohort(cohort, tmp_path / form, format=form)).markers == NAMES


@pytest.mark.parametrize("form", FORMATS)
def test_the_mass_of_a_synthetic_cell_is_no_marker(tmp_path, cells, sheet, form):
    masses = np.linspace(0.01, 0.02, len(cells))
    write_cells(tmp_path / f"a.{form}", cells, NAMES, synthetic=True, about={}, beside={"mass": masses})
    cohort = sheet(f"a.{form}")
    assert cohort.markers == NAMES
    left = [problem.what for problem in cohort.problems if "left out" in problem.what]
    assert left == ([] if form == "h5ad" else ["1 channel is left out (written beside the markers: mass)."])
    if form != "h5ad":  # where it is a column of the table of cells
        asked = sheet(f"a.{form}", markers=["mass"], transform="none")
        np.testing.assert_array_equal(asked.raw("S0")[:, 0], masses.astype(np.float32))


def test_a_marker_called_mass_is_a_marker(tmp_path, cells, sheet):
    write_cells(tmp_path / "a.parquet", cells[:, :2], ["mass", "CD4"], synthetic=True, about={})
    assert sheet("a.parquet").markers == ("mass", "CD4")


def test_a_file_of_ours_that_another_program_changed_is_taken_as_that_programs(tmp_path):
    values = np.arange(6.0).reshape(2, 3)
    more = {"LOTVIZ_MARKERS": '["CD3", "CD4", "Time"]'}
    path = tmp_path / "a.fcs"
    path.write_bytes(fcs_bytes(values, names=["x", "y", "z"], stains=["CD3", "CD4", "Time"], more=more))
    assert open_fcs(path, "a.fcs").markers == ("CD3", "CD4", "Time")
    assert not open_fcs(path, "a.fcs").raw_file
    path.write_bytes(fcs_bytes(values, names=["x", "y", "z"], stains=["CD4", "CD3", "Time"], more=more))
    assert open_fcs(path, "a.fcs").markers == ("CD4", "CD3", "Time")
    assert open_fcs(path, "a.fcs").raw_file


@pytest.mark.parametrize("recipe", ["", "[", "[]", '{"beside": 7}', '{"beside": [7]}', "[" * 100_000])
def test_a_recipe_that_is_none_says_nothing_of_columns(recipe):
    assert said_in({"lotviz_recipe": recipe}).beside == (("7",) if "[7]" in recipe else ())


@pytest.mark.parametrize("remark", ["", "#", "# exported on day 3", "# Not synthetic"])
def test_other_remarks_say_nothing(remark):
    assert said_in_remark(remark) == NOTHING_SAID
