"""Every wrong cohort is answered with one CohortError that names the place, what was found, and the way out."""

from __future__ import annotations

import pickle

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest

from lotviz.data import CohortError, read_cohort, validate


def refused(path, **options) -> str:
    with pytest.raises(CohortError) as raised:
        read_cohort(path, **options)
    found = validate(path, **options)
    assert not found.ok
    assert found.problems == raised.value.problems
    for problem in raised.value.problems:
        assert problem.severity == "error"
        assert problem.what.startswith("Expected ")
        assert ", found " in problem.what or "may be read" in problem.what
    return str(raised.value)


@pytest.fixture
def study(tmp_path):
    """A sheet with three csv files of two markers, and how to change one of them."""
    rng = np.random.default_rng(0)
    for name in "abc":
        pd.DataFrame(rng.random((120, 2)), columns=["CD3", "CD4"]).to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "sheet.csv").write_text("sample,file,label\nA,a.csv,x\nB,b.csv,y\nC,c.csv,x\n")
    return tmp_path


@pytest.fixture
def long(tmp_path):
    """samples.csv and cells.parquet of samples A and B."""
    rng = np.random.default_rng(0)
    cells = pd.DataFrame(rng.random((20, 2)), columns=["CD3", "CD4"])
    cells["sample_id"] = ["A"] * 10 + ["B"] * 10
    cells.to_parquet(tmp_path / "cells.parquet")
    (tmp_path / "samples.csv").write_text("sample_id,label\nA,x\nB,y\n")
    return tmp_path


def test_the_fixtures_are_in_order(study, tmp_path_factory):
    assert read_cohort(study).total_cells == 360


def test_the_long_fixture_is_in_order(long):
    assert read_cohort(long).total_cells == 20


# --- the path


def test_a_path_that_is_not_there(study):
    text = refused(study / "sheets.csv")
    assert "Expected a file or folder, found nothing there. Did you mean sheet.csv?" in text


def test_a_folder_without_a_cohort(tmp_path):
    assert "found none. Add a sheet.csv with the columns sample, file." in refused(tmp_path)
    (tmp_path / "x.fcs").write_bytes(b"FCS3.0")
    text = refused(tmp_path)
    assert "found x.fcs. Add a sheet.csv with the columns sample, file and rows such as: x,x.fcs (the " in text


def test_cells_without_their_samples(long):
    (long / "samples.csv").unlink()
    assert "Expected samples.csv beside cells.parquet, found none. Write samples.csv" in refused(long)
    assert "cells.parquet: Expected a cohort, found one table of cells. Put samples.csv" in refused(
        long / "cells.parquet"
    )


@pytest.mark.parametrize("name", ["cohort.pkl", "cohort.pickle", "cells.npy", "study.rds"])
def test_a_pickle_is_never_opened(tmp_path, name):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("it was opened",))

    (tmp_path / name).write_bytes(pickle.dumps(Trap()))
    assert "file, which is never opened. Save the cells as parquet, csv, h5ad or FCS." in refused(tmp_path / name)
    (tmp_path / "sheet.csv").write_text(f"sample,file\nA,{name}\n")
    assert refused(tmp_path).startswith("sheet.csv, row 2: Expected a table")


def test_files_that_are_no_cohort(tmp_path):
    (tmp_path / "a.fcs").write_bytes(b"FCS3.0")
    assert "Expected a cohort, found the FCS file of one sample. Write a sheet.csv" in refused(tmp_path / "a.fcs")
    (tmp_path / "report.pdf").write_bytes(b"%PDF")
    assert "Expected a sample sheet, a folder or an h5ad file, found a .pdf file." in refused(tmp_path / "report.pdf")
    (tmp_path / "README").write_text("hello")
    assert "found a nameless file" in refused(tmp_path / "README")


def test_samples_without_their_cells(long):
    (long / "cells.parquet").unlink()
    assert "Expected cells.parquet or cells.csv beside samples.csv, found neither." in refused(long)


# --- the sheet


def test_every_missing_file_is_named_with_the_closest_there_is(study):
    (study / "sheet.csv").write_text("sample,file\nA,A.csv\nB,bb.csv\nC,c.csv\nD,fcs/d.fcs\n")
    lines = refused(study / "sheet.csv").splitlines()
    assert len(lines) == 3
    assert lines[0] == (
        "sheet.csv, row 2: Expected the file A.csv, found no such file. "
        "Did you mean a.csv? Capital and small letters count."
    )
    assert lines[1].startswith("sheet.csv, row 3: Expected the file bb.csv, found no such file. Did you mean b.csv")
    assert lines[2] == (
        "sheet.csv, row 5: Expected the file fcs/d.fcs, found no such file. There is no folder fcs beside the sheet."
    )


def test_missing_columns_are_named_with_those_there_are(study):
    (study / "sheet.csv").write_text("sampel,origin\nA,a.csv\n")
    lines = refused(study / "sheet.csv").splitlines()
    assert lines[0] == "sheet.csv: Expected a column sample, found sampel, origin. Did you mean sampel?"
    assert lines[1] == "sheet.csv: Expected a column file, found sampel, origin. Name a column file."


def test_repeated_and_nameless_samples_and_empty_files_at_once(study):
    (study / "sheet.csv").write_text("sample,file\nA,a.csv\nA,b.csv\n,c.csv\nD,\n")
    lines = refused(study).splitlines()
    assert lines[0] == (
        "sheet.csv, row 3: Expected a sample once, found A again (first in row 2). Give every sample a name of its own."
    )
    assert lines[1] == "sheet.csv, row 4: Expected the name of a sample, found nothing. Name it."
    assert lines[2] == "sheet.csv, row 5: Expected the file of the sample, found nothing. Fill in the column file."


def test_a_sheet_without_rows_or_with_nothing(study):
    (study / "sheet.csv").write_text("sample,file\n")
    assert "sheet.csv: Expected at least one sample, found no rows." in refused(study)
    (study / "sheet.csv").write_text("")
    assert "sheet.csv: Expected a table of samples, found an empty file." in refused(study)


def test_a_column_twice(study):
    (study / "sheet.csv").write_text("sample,file,label,label\nA,a.csv,x,y\n")
    assert "Expected every column once, found label 2 times." in refused(study)


def test_a_marker_twice(study):
    (study / "b.csv").write_text("CD3,CD3\n1,2\n")
    assert "b.csv: Expected every column once, found CD3 more than once." in refused(study)


def test_row_numbers_count_empty_lines(study):
    (study / "sheet.csv").write_text("sample,file\nA,a.csv\n\n,,\nB,nowhere.csv\n")
    assert refused(study / "sheet.csv").startswith("sheet.csv, row 5: Expected the file nowhere.csv")


def test_rows_of_uneven_length(study):
    (study / "sheet.csv").write_text("sample,file\nA,a.csv\nB,b.csv,extra,words\n")
    assert "sheet.csv, row 3: Expected 2 fields as in the header, found 4." in refused(study)


def test_a_sheet_in_an_old_encoding(study):
    (study / "sheet.csv").write_bytes("sample,file,ort\nA,a.csv,Köln\n".encode("cp1252"))
    cohort = read_cohort(study / "sheet.csv")
    assert cohort.samples["ort"].tolist() == ["Köln"]
    said = "sheet.csv: The sheet was read as Windows-1252 text (for instance Köln)."
    assert any(str(problem).startswith(said) for problem in cohort.problems)


def test_a_damaged_workbook(study):
    (study / "sheet.xlsx").write_bytes(b"PK\x03\x04 nothing else")
    text = refused(study / "sheet.xlsx")
    assert text.startswith("sheet.xlsx: Expected a table of samples, found a file that cannot be read")


def test_a_folder_or_a_picture_named_as_the_file_of_a_sample(study):
    (study / "run").mkdir()
    (study / "a.png").write_bytes(b"")
    (study / "sheet.csv").write_text("sample,file\nA,run\nB,a.png\n")
    lines = refused(study).splitlines()
    assert lines[0].startswith("sheet.csv, row 2: Expected a file of cells (.fcs, ")
    assert lines[1].startswith("sheet.csv, row 3: Expected a file of cells (.fcs, ")


# --- the cells


def test_text_in_a_marker_is_named_by_file_row_and_value(study):
    path = study / "b.csv"
    lines = path.read_text().splitlines()
    lines[7] = "0.5,low"
    lines[9] = "high,0.1"
    path.write_text("\n".join(lines))
    text = refused(study)
    assert "b.csv, row 8, marker CD4: Expected a number, found the text 'low' (in 1 of 120 rows)." in text
    assert "b.csv, row 10, marker CD3: Expected a number, found the text 'high' (in 1 of 120 rows)." in text


def test_text_in_a_marker_of_a_parquet_table(long):
    cells = pd.read_parquet(long / "cells.parquet").astype({"CD4": object})
    cells["CD4"] = cells["CD4"].astype(str)
    cells.loc[4, "CD4"] = "n.d."
    cells.to_parquet(long / "cells.parquet")
    name = long.name
    assert f"{name}/cells.parquet, row 5, marker CD4: Expected a number, found the text 'n.d.'" in refused(long)


def test_text_late_in_a_long_csv(long, monkeypatch):
    monkeypatch.setattr("lotviz.data.tables.pieces._CHUNK", 6)
    cells = pd.read_parquet(long / "cells.parquet").astype(object)
    cells.loc[15, "CD3"] = "?"
    cells.to_csv(long / "cells.csv", index=False)
    (long / "cells.parquet").unlink()
    assert "cells.csv, row 17, marker CD3: Expected a number, found the text '?'" in refused(long)


def test_nan_is_named_when_the_cells_are_asked_for_and_by_validate(study):
    cells = pd.read_csv(study / "b.csv")
    cells.loc[41, "CD4"] = np.nan
    cells.to_csv(study / "b.csv", index=False)
    cohort = read_cohort(study)
    with pytest.raises(CohortError, match=r"b.csv, cell 42, marker CD4: Expected a finite number, found NaN"):
        cohort.cells("B")
    found = validate(study)
    assert not found.ok
    assert [problem.where for problem in found.problems if problem.severity == "error"] == [
        "b.csv, cell 42, marker CD4"
    ]
    assert (found.samples, found.markers, found.cells) == (3, 2, 360)


def test_a_sample_without_cells(study):
    (study / "b.csv").write_text("CD3,CD4\n")
    assert "sheet.csv, row 3: Expected cells, found none in b.csv." in refused(study)
    (study / "b.csv").write_text("")
    assert "b.csv: Expected a table of cells, found an empty file." in refused(study)


def test_markers_without_any_in_common(study):
    pd.DataFrame({"X": [1.0], "Y": [2.0]}).to_csv(study / "b.csv", index=False)
    text = refused(study)
    assert "Expected the same markers in every file, found 0 in common: " in text
    assert "b.csv lacks CD3, CD4" in text


def test_markers_asked_for_that_are_not_everywhere(study):
    cells = pd.read_csv(study / "b.csv")
    cells.assign(CD8=1.0).to_csv(study / "b.csv", index=False)
    text = refused(study, markers=["CD3", "CD8", "CD44", "CD3"])
    assert "Expected marker CD8 in every file, found that a.csv, c.csv lack it." in text
    assert "Expected a measured marker, found CD44. Did you mean CD4" in text
    assert "Expected every marker once, found CD3 twice." in text
    assert "Expected at least one marker, found none." in refused(study, markers=[])


def test_a_table_without_numbers(study):
    for name in "abc":
        pd.DataFrame({"word": ["x", "y"]}).to_csv(study / f"{name}.csv", index=False)
    assert "found no numbers. Write a column of numbers for each marker" in refused(study)


def test_an_unknown_transform_or_cofactor(study):
    assert "Expected transform arcsinh, logicle, log1p or none, found sqrt." in refused(study, transform="sqrt")
    assert "Expected a positive cofactor, found 0." in refused(study, cofactor=0)


@pytest.mark.parametrize("keep", [0, 3, 100, -1, -9, -200])
def test_a_truncated_parquet(long, keep):
    content = (long / "cells.parquet").read_bytes()
    (long / "cells.parquet").write_bytes(content[:keep])
    text = refused(long)
    assert text.startswith(f"{long.name}/cells.parquet: Expected a whole parquet file, found one that cannot be read")
    assert text.endswith("Write or copy the file again.")


def test_damage_inside_a_parquet_is_found_when_it_is_read(long):
    content = bytearray((long / "cells.parquet").read_bytes())
    content[4:200] = bytes(196)
    (long / "cells.parquet").write_bytes(bytes(content))
    assert "cells.parquet: Expected a whole parquet file" in refused(long)


def test_samples_and_cells_that_do_not_match(long):
    (long / "samples.csv").write_text("sample_id,label\nA,x\nC,y\nD,y\n")
    lines = refused(long).splitlines()
    name = long.name
    assert lines[0].startswith(f"{name}/cells.parquet, row 11: Expected a sample of samples.csv, found B (10 cells).")
    assert lines[1].startswith(f"{name}/samples.csv, row 3: Expected cells of sample C, found none in cells.parquet.")
    assert lines[2].startswith(f"{name}/samples.csv, row 4: Expected cells of sample D, found none in cells.parquet.")


def test_cells_without_the_name_of_their_sample(long):
    cells = pd.read_parquet(long / "cells.parquet")
    cells.loc[[3, 8], "sample_id"] = None
    cells.to_parquet(long / "cells.parquet")
    assert "cells.parquet, row 4: Expected the name of a sample, found nothing (in 2 rows)." in refused(long)
    cells.drop(columns="sample_id").to_parquet(long / "cells.parquet")
    assert "Expected a column sample_id (or sample), found CD3, CD4." in refused(long)


def test_samples_named_by_numbers_match(long):
    cells = pd.read_parquet(long / "cells.parquet")
    cells["sample_id"] = [1] * 10 + [2] * 10
    cells.to_parquet(long / "cells.parquet")
    (long / "samples.csv").write_text("sample_id,label\n1,x\n2,y\n")
    assert read_cohort(long).cell_counts.to_dict() == {"1": 10, "2": 10}


# --- AnnData


@pytest.fixture
def annotated(tmp_path):
    def write(**obs):
        table = pd.DataFrame(obs, index=[f"c{number}" for number in range(6)])
        var = pd.DataFrame(index=["CD3", "CD4"])
        path = tmp_path / "study.h5ad"
        anndata.AnnData(np.ones((6, 2), dtype=np.float32), obs=table, var=var).write_h5ad(path)
        return path

    return write


def test_an_annotated_file_without_the_key_lists_its_columns(annotated):
    path = annotated(well=list("aabbcc"), condition=list("xxxyyy"))
    text = refused(path)
    assert "Expected a column of obs that names the sample of a cell, found well, condition." in text
    assert "Expected a column wel in obs, found well, condition. Did you mean well?" in refused(path, sample_key="wel")
    assert list(read_cohort(path, sample_key="well").samples.index) == ["a", "b", "c"]


def test_an_annotated_file_with_two_candidates_is_not_guessed(annotated):
    path = annotated(donor=list("aabbcc"), patient=list("xxxyyy"))
    assert "found donor, patient. Give the sample key: one of these." in refused(path)
    assert list(read_cohort(annotated(sample=list("aabbcc"), donor=list("xxxyyy"))).samples.index) == ["a", "b", "c"]


def test_an_annotated_cell_without_a_sample(annotated):
    path = annotated(sample=["a", "a", None, "b", "b", "b"])
    assert "study.h5ad, row 3: Expected the sample of every cell in obs column sample, found nothing" in refused(path)


@pytest.mark.parametrize("keep", [0, 100, -100])
def test_a_truncated_annotated_file(annotated, keep):
    path = annotated(sample=list("aabbcc"))
    path.write_bytes(path.read_bytes()[:keep])
    assert refused(path).startswith("study.h5ad: Expected a whole AnnData file, found one that cannot be read")


def test_an_encoding_nobody_knows(annotated):
    path = annotated(sample=list("aabbcc"))
    with h5py.File(path, "a") as store:
        store["obs/sample"].attrs["encoding-type"] = "from-the-future"
    assert refused(path).startswith("study.h5ad: Expected a whole AnnData file, found one that cannot be read")


def test_a_zarr_folder_that_is_none(tmp_path):
    (tmp_path / "x.zarr").mkdir()
    assert refused(tmp_path / "x.zarr").startswith("x.zarr: Expected a whole AnnData file")


def test_an_annotated_file_with_a_marker_twice(tmp_path):
    obs = pd.DataFrame({"sample": ["a", "b"]}, index=["1", "2"])
    with pytest.warns(UserWarning, match="not unique"):
        data = anndata.AnnData(np.ones((2, 2)), obs=obs, var=pd.DataFrame(index=["CD3", "CD3"]))
        data.write_h5ad(tmp_path / "x.h5ad")
    assert "Expected every marker once in var_names, found CD3 more than once." in refused(tmp_path / "x.h5ad")
