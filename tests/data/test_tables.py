"""Tables of cells in parquet and Excel: every kind of number read right, everything else refused by name."""

from __future__ import annotations

import datetime
import decimal
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lotviz.data import CohortError, read_cohort
from lotviz.data.tables.cells import open_parquet, open_table, open_worksheet


def workbook(path, *sheets):
    """Each sheet is a list of rows, or a title and a list of rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, given in enumerate(sheets):
        title, rows = given if isinstance(given, tuple) else (f"Tabelle{number + 1}", given)
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_numbers_of_every_kind_in_parquet(tmp_path):
    table = pa.table(
        {
            "dictionary": pa.array([1.5, 2.5, 1.5]).dictionary_encode(),
            "decimal": pa.array([decimal.Decimal("1.25"), None, decimal.Decimal("-3.50")]),
            "half": pa.array(np.array([1, 2, 3], dtype=np.float16)),
            "truth": pa.array([True, None, False]),
            "large": pa.array([2**40, 0, -1], pa.int64()),
            "cell_type": pa.array(["T", "B", "T"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    opened = open_parquet(tmp_path / "a.parquet", "a.parquet")
    assert opened.markers == ("dictionary", "decimal", "half", "truth", "large")
    expected = [[1.5, 1.25, 1, 1, 2**40], [2.5, np.nan, 2, np.nan, 0], [1.5, -3.5, 3, 0, -1]]
    np.testing.assert_array_equal(opened.read(np.arange(3), opened.markers), np.float32(expected))
    assert opened.populations(np.array([0, 1])).tolist() == ["T", "B"]


@pytest.mark.parametrize("nested", [[[1, 2], [3]], [{"a": 1}, {"a": 2}]])
def test_nested_columns_are_refused_by_name(tmp_path, nested):
    pq.write_table(pa.table({"CD3": [1.0, 2.0], "tags": nested}), tmp_path / "a.parquet")
    with pytest.raises(CohortError, match=r"found lists or structures in tags \((list|struct)<"):
        open_parquet(tmp_path / "a.parquet", "a.parquet")


CELLS = [["cell_type", "CD3", "CD4"], ["T", 1.5, 2], ["B", "0,5", "3"], [], [None, -1, 1e-3]]


def test_cells_in_a_worksheet(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [], CELLS)
    table = open_worksheet(path, "a.xlsx")
    assert table.markers == ("CD3", "CD4")
    np.testing.assert_array_equal(table.read(np.arange(3), table.markers), np.float32([[1.5, 2], [0.5, 3], [-1, 1e-3]]))
    assert table.populations(np.arange(3)).tolist() == ["T", "B", ""]


def test_german_decimals_as_text_in_a_worksheet(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [["Export vom 3.5."], ["CD3", "CD4"], ["0,5", 2], ["1.234,5", 3]])
    table = open_table(path, "a.xlsx")
    np.testing.assert_array_equal(table.read(np.arange(2), ("CD3", "CD4")), [[0.5, 2], [1234.5, 3]])
    assert table.notes[0][0] == "was read with decimal commas and points between thousands"


def test_text_in_a_worksheet_is_named_by_the_row_that_excel_shows(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [["CD3", "CD4"], [1, 2], [], [1, "low"]])
    with pytest.raises(CohortError, match=r"a.xlsx, row 4, marker CD4: Expected a number, found the text 'low'"):
        open_table(path, "a.xlsx")


def test_a_cohort_of_worksheets(tmp_path):
    rng = np.random.default_rng(0)
    values = {name: rng.random((120, 2)) for name in "ab"}
    for name, cells in values.items():
        workbook(tmp_path / f"{name}.xlsx", [["CD3", "CD4"], *cells.tolist()])
    workbook(tmp_path / "sheet.xlsx", [["sample", "file"], ["A", "a.xlsx"], ["B", "b.xlsx"]])
    cohort = read_cohort(tmp_path)
    for name, cells in values.items():
        np.testing.assert_array_equal(cohort.raw(name.upper()), cells.astype(np.float32))


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [["CD3"], [1]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", b" " * (40 * 2**20))
    with pytest.raises(CohortError, match="Expected a workbook of modest size, found one that unpacks to 40 MB"):
        open_table(path, "a.xlsx")


def test_a_worksheet_of_one_row_over_and_over_is_refused(tmp_path):
    path, damaged = workbook(tmp_path / "a.xlsx", [["CD3", "CD4"], [1, 2]]), tmp_path / "b.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(damaged, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            text = old.read(part)
            row = text[text.find(b'<row r="2"') : text.find(b"</sheetData>")]
            new.writestr(part, text.replace(row, row * 60_000) if b'<row r="2"' in text else text)
    with pytest.raises(CohortError, match="Expected a workbook of modest size"):
        open_table(damaged, "b.xlsx")


def test_a_worksheet_that_claims_to_be_endless_is_read_by_what_it_holds(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [["CD3"], [1]])
    claimed = tmp_path / "b.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(claimed, "w") as new:
        for part in old.infolist():
            text = old.read(part)
            if part.filename == "xl/worksheets/sheet1.xml":
                assert b'<dimension ref="A1:A2"' in text
                text = text.replace(b'ref="A1:A2"', b'ref="A1:XFD1048576"')
            new.writestr(part, text)
    assert open_table(claimed, "b.xlsx").n_cells == 1


def test_random_damage_to_a_workbook_is_refused_or_harmless(tmp_path):
    rng = np.random.default_rng(3)
    path = workbook(tmp_path / "a.xlsx", CELLS)
    content = path.read_bytes()
    for _turn in range(60):
        broken = bytearray(content)
        for position in rng.integers(0, len(broken), 8):
            broken[position] = rng.integers(0, 256)
        path.write_bytes(bytes(broken))
        try:
            open_table(path, "a.xlsx")
        except CohortError as error:
            assert error.problems


@pytest.mark.parametrize("key", ["Probe", "Sample Name", "tube"])
def test_the_sample_of_a_cell_is_found_by_the_names_people_give_it(tmp_path, key):
    rows = [f"{name};{value:.1f}".replace(".", ",") for name in ("01", "02") for value in np.arange(60)]
    (tmp_path / "cells.csv").write_text("\n".join([f"{key};CD3", *rows]))
    (tmp_path / "samples.csv").write_text("Proben-ID;Alter\n01;63,5\n02;70\n")
    cohort = read_cohort(tmp_path)
    assert cohort.cell_counts.to_dict() == {"01": 60, "02": 60}
    assert cohort.raw("02")[:, 0].tolist() == list(range(60))
    assert cohort.samples["Alter"].tolist() == [63.5, 70]
    said = "\n".join(map(str, cohort.problems))
    assert f"The column {key} names the sample of each cell." in said
    assert "The column Proben-ID is used as sample." in said
    assert "The table was read with decimal commas." in said


def test_the_sample_of_a_cell_may_be_given(tmp_path):
    (tmp_path / "cells.csv").write_text("donor,CD3\n1,2\n2,3\n1,4\n")
    (tmp_path / "samples.csv").write_text("who,age\n1,2\n2,3\n")
    cohort = read_cohort(tmp_path, columns={"sample": "who"}, sample_key="donor")
    assert cohort.raw("1")[:, 0].tolist() == [2, 4]
    with pytest.raises(CohortError, match="Expected a column sample, found who, age"):
        read_cohort(tmp_path)
    with pytest.raises(CohortError, match=r"Expected a column dono, found .*Did you mean donor\?"):
        read_cohort(tmp_path, columns={"sample": "who"}, sample_key="dono")


def test_dates_in_a_worksheet_are_no_markers(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [["day", "CD3"], [datetime.datetime(2024, 3, 1), 1], [None, 2]])
    assert open_table(path, "a.xlsx").markers == ("CD3",)


def test_a_text_table_is_the_same_as_pandas_reads_it(tmp_path):
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.normal(size=(500, 3)).astype("f4"), columns=["a", "b", "c"])
    table.to_csv(tmp_path / "a.csv", index=False)
    opened = open_table(tmp_path / "a.csv", "a.csv")
    expected = pd.read_csv(tmp_path / "a.csv").to_numpy(np.float32)
    np.testing.assert_array_equal(opened.read(np.arange(500), opened.markers), expected)


# names that are numbers, and numbers that are text, in parquet


def parquet_study(tmp_path, **columns):
    """Six files of cells with two markers and some more columns, `columns[name](number of the file)`, in a sheet."""
    rng = np.random.default_rng(1)
    rows = []
    for number in range(6):
        table = pd.DataFrame(rng.normal(3, 1, (150, 2)).round(2), columns=["CD3", "CD4"])
        table.assign(**{name: make(number) for name, make in columns.items()}).to_parquet(
            tmp_path / f"{number}.parquet"
        )
        rows.append(f"S{number},{number}.parquet\n")
    (tmp_path / "sheet.csv").write_text("sample,file\n" + "".join(rows))
    return tmp_path / "sheet.csv"


@pytest.mark.parametrize("name", ["sample_id", "sample", "Sample ID", "population", "cell_type"])
@pytest.mark.parametrize("kind", ["int64", "float64", "Int64", "category"])
def test_a_number_that_names_sample_or_population_is_no_marker(tmp_path, name, kind):
    sheet = parquet_study(tmp_path, **{name: lambda number: pd.array([number + 1] * 150).astype(kind)})
    assert read_cohort(sheet).markers == ("CD3", "CD4")


def test_populations_named_by_numbers(tmp_path):
    gap = pd.array([1, 2, None] * 50, dtype="Int64")
    cohort = read_cohort(parquet_study(tmp_path, population=lambda _number: gap))
    assert cohort.populations("S1").tolist() == ["1", "2", ""] * 50


def test_in_a_long_table_as_well(tmp_path):
    table = pd.DataFrame({"a": np.arange(300.0), "sample_id": [1, 2] * 150, "sample": [1, 2] * 150})
    table.assign(population=table["sample"]).to_parquet(tmp_path / "cells.parquet")
    (tmp_path / "samples.csv").write_text("sample_id\n1\n2\n")
    cohort = read_cohort(tmp_path)
    assert cohort.markers == ("a",)
    assert cohort.populations("2").tolist() == ["2"] * 150
    assert cohort.raw("2")[:2, 0].tolist() == [1.0, 3.0]


@pytest.mark.parametrize("write", [lambda value: f"{value:.2f}".replace(".", ","), str])
def test_a_marker_that_is_stored_as_text_is_refused(tmp_path, write):
    sheet = parquet_study(tmp_path, CD8=lambda number: [write(number + row / 8) for row in range(150)])
    with pytest.raises(CohortError, match="Expected numbers in marker CD8, found them written as text, such as 0"):
        read_cohort(sheet)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_columns_of_words_are_said_to_be_left_out(tmp_path, form):
    sheet = parquet_study(tmp_path, gate=lambda number: ["live", "dead"] * 75, leiden=lambda number: ["0", "1"] * 75)
    if form == "csv":
        for file in tmp_path.glob("*.parquet"):
            pd.read_parquet(file).drop(columns="leiden").to_csv(file.with_suffix(".csv"), index=False)
        sheet.write_text(sheet.read_text().replace(".parquet", ".csv"))
    cohort = read_cohort(sheet)
    assert cohort.markers == ("CD3", "CD4")
    names = "gate" if form == "csv" else "gate, leiden"
    assert any(f"left out (text: {names})" in problem.what for problem in cohort.problems)
