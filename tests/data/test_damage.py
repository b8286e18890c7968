"""Whatever bytes are wrong, a file is read or refused: nothing but CohortError is raised."""

from __future__ import annotations

import time
import zipfile

import anndata
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zarr

from lotviz.data import CohortError, check, folder, read_cohort, simulate, write_cohort
from lotviz.data.tables.cells import open_csv, open_table
from lotviz.data.tables.parquet import open_parquet


@pytest.mark.filterwarnings("ignore")  # a damaged number may overflow on its way to float32, and is then reported
@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("parquet", "cells.parquet"),
        ("parquet", "samples.csv"),
        ("csv", "cells.csv"),
        ("fcs", "fcs/P1.fcs"),
        ("fcs", "sheet.csv"),
        ("h5ad", "cohort.h5ad"),
    ],
)
def test_random_damage_is_refused_or_harmless(tmp_path, form, name):
    rng = np.random.default_rng(7)
    folder = write_cohort(simulate(samples=2, cells=30, markers=3), tmp_path / "out", format=form)
    content = (folder / name).read_bytes()
    refusals = 0
    for turn in range(40):
        broken = bytearray(content)
        for position in rng.integers(0, len(broken), rng.integers(1, 20)):
            broken[position] = rng.integers(0, 256)
        end = len(broken) if turn % 4 else rng.integers(0, len(broken))
        (folder / name).write_bytes(bytes(broken[:end]))
        try:
            check(read_cohort(folder))
        except CohortError:
            refusals += 1
    assert refusals >= 10


# Causes that damaged inputs (python -m tests.fuzz) brought to light.


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml", "[Content_Types].xml"]
)
@pytest.mark.parametrize(
    "wound", [lambda xml: xml[:-9], lambda xml: xml.replace(b"<", b"<<", 2), lambda xml: b"\0" + xml]
)
def test_xml_of_a_workbook_that_breaks_off_is_refused(tmp_path, part, wound):
    pd.DataFrame({"CD3": [1.5], "CD4": [2.5]}).to_excel(tmp_path / "whole.xlsx", index=False)
    with zipfile.ZipFile(tmp_path / "whole.xlsx") as whole, zipfile.ZipFile(tmp_path / "a.xlsx", "w") as broken:
        for name in whole.namelist():
            broken.writestr(name, wound(whole.read(name)) if name == part else whole.read(name))
    with pytest.raises(CohortError, match="cannot be read"):
        open_table(tmp_path / "a.xlsx", "a.xlsx")


def test_a_worksheet_of_nameless_columns_is_refused_soon(tmp_path):
    book = openpyxl.Workbook()
    for row in range(3):
        for column in range(1, 1500):
            book.active.cell(row + 1, 10 * column, "x" if row else None)
    book.active.cell(1, 15_000, "CD3")
    book.save(tmp_path / "a.xlsx")
    start = time.perf_counter()
    with pytest.raises(CohortError):
        open_table(tmp_path / "a.xlsx", "a.xlsx")
    assert time.perf_counter() - start < 5


def test_samples_of_a_parquet_table_may_be_named_by_half_floats(tmp_path):
    (tmp_path / "samples.csv").write_text("sample_id\n1.5\n2.5\n")
    named = pa.array([1.5, 1.5, 2.5], pa.float16())
    pq.write_table(pa.table({"sample_id": named, "CD3": [1.0, 2.0, 3.0]}), tmp_path / "cells.parquet")
    assert read_cohort(tmp_path).cell_counts.to_dict() == {"1.5": 2, "2.5": 1}


def test_a_column_name_of_a_parquet_table_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"CD3é": [1.0, 2.0], "CD4": [1.0, 2.0]}), path)
    path.write_bytes(path.read_bytes().replace("CD3é".encode(), b"CD3\xc3\xc3"))
    with pytest.raises(CohortError, match="whole parquet file"):
        open_table(path, "a.parquet")


def test_a_file_that_stands_in_many_rows_is_opened_once(tmp_path, monkeypatch):
    count = []
    monkeypatch.setattr(folder, "open_table", lambda *given: count.append(1) or open_table(*given))
    (tmp_path / "a.csv").write_text("CD3,CD4\n1,2\n3,4\n")
    (tmp_path / "b.csv").write_text("CD3,CD4\n1,x\n3,4\n")
    rows = "".join(f"S{number},a.csv\n" for number in range(50))
    (tmp_path / "sheet.csv").write_text("sample,file\n" + rows)
    assert read_cohort(tmp_path / "sheet.csv").cell_counts.tolist() == [2] * 50
    assert len(count) == 1
    (tmp_path / "sheet.csv").write_text("sample,file\n" + rows + rows.replace("S", "T").replace("a.csv", "b.csv"))
    with pytest.raises(CohortError) as refusal:
        read_cohort(tmp_path / "sheet.csv")
    assert len(count) == 3
    assert [problem.where for problem in refusal.value.problems].count("b.csv, row 2, marker CD4") == 1


@pytest.mark.filterwarnings("ignore:Writing zarr v2 data:UserWarning")
def test_a_piece_of_a_zarr_array_that_claims_a_negative_size_is_refused(tmp_path):
    obs = pd.DataFrame({"sample": ["a", "b"] * 10}, index=[f"c{number}" for number in range(20)])
    data = anndata.AnnData(np.ones((20, 3), np.float32), obs=obs, var=pd.DataFrame(index=["x", "y", "z"]))
    with anndata.settings.override(zarr_write_format=2):
        data.write_zarr(tmp_path / "study.zarr")
    (chunk,) = (tmp_path / "study.zarr" / "X").glob("0*")
    content = chunk.read_bytes()
    chunk.write_bytes(content[:4] + b"\xff" * 4 + content[8:])
    cohort = read_cohort_or_refusal(tmp_path / "study.zarr")
    assert cohort is None


def read_cohort_or_refusal(path):
    try:
        cohort = read_cohort(path)
        return [cohort.raw(sample) for sample in cohort.samples.index]
    except CohortError:
        return None


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_table_shorter_than_it_was_or_says_it_is_gives_no_made_up_values(tmp_path, form):
    def write(rows):
        table = pd.DataFrame({"CD3": np.arange(rows, dtype=float), "cell_type": "T"})
        if form == "csv":
            table.to_csv(tmp_path / "a.csv", index=False)
        else:
            pq.write_table(pa.Table.from_pandas(table), tmp_path / "a.parquet", row_group_size=rows)

    write(30)
    opened = (
        open_csv(tmp_path / "a.csv", "a.csv", limit=0) if form == "csv" else open_parquet(tmp_path / "a.parquet", "a")
    )
    write(20)
    with pytest.raises(CohortError, match="Expected a whole table of 30 rows, found values of 20"):
        opened.read(np.arange(30), ("CD3",))
    if form == "parquet":
        with pytest.raises(CohortError, match="whole table"):
            opened.populations(np.arange(30))


@pytest.mark.parametrize("category", ["P9", "", "P2"])
def test_a_category_without_cells_is_no_sample(tmp_path, category):
    (tmp_path / "samples.csv").write_text("sample_id\nP1\n" + ("P2\n" if category == "P2" else ""))
    named = pa.DictionaryArray.from_arrays(pa.array([0, 0], pa.int32()), pa.array(["P1", category]))
    pq.write_table(pa.table({"sample_id": named, "CD3": [1.0, 2.0]}), tmp_path / "cells.parquet")
    if category == "P2":
        with pytest.raises(CohortError, match="Expected cells of sample P2, found none"):
            read_cohort(tmp_path)
    else:
        assert read_cohort(tmp_path).cell_counts.to_dict() == {"P1": 2}


@pytest.mark.filterwarnings("ignore:Writing zarr v2 data:UserWarning")
@pytest.mark.filterwarnings("ignore:zarr v3 autosharding:UserWarning")
@pytest.mark.filterwarnings("ignore:Consolidated metadata:UserWarning")
@pytest.mark.parametrize("form", [2, 3])
def test_a_piece_of_zarr_that_claims_more_texts_than_it_has_bytes_is_refused(tmp_path, form):
    obs = pd.DataFrame({"sample": ["a", "b"] * 20}, index=[f"c{number}" for number in range(40)])
    data = anndata.AnnData(np.random.default_rng(0).random((40, 3)), obs=obs)
    with anndata.settings.override(zarr_write_format=form):
        data.write_zarr(tmp_path / "study.zarr")
    assert len(read_cohort(tmp_path / "study.zarr").samples) == 2
    names = zarr.open_group(tmp_path / "study.zarr", mode="a")["var/_index"]
    key = "0" if form == 2 else "c/0"
    piece = tmp_path / "study.zarr" / "var" / "_index" / key
    texts = (2**31).to_bytes(4, "little") + b"\x01\x00\x00\x00a" * 3
    whole = names.metadata.compressor if form == 2 else names.metadata.codecs[-1]
    if form == 2:
        piece.write_bytes(whole.encode(texts) if whole is not None else texts)
    else:
        import numcodecs

        piece.write_bytes(numcodecs.Zstd().encode(texts) if "zstd" in str(whole).lower() else texts)
    with pytest.raises(CohortError, match="2,147,483,648 texts in 19 bytes"):
        read_cohort(tmp_path / "study.zarr")
