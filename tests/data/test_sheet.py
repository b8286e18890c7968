"""Sheets as clinicians type them: everything that is wrong is said at once, and nothing is guessed in silence."""

from __future__ import annotations

import datetime
import time
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from lotviz.data import CohortError, check_sheet, draft_sheet, read_cohort, write_sheet
from lotviz.data.first_look import first_look, with_columns
from lotviz.data.tables.columns import candidates
from lotviz.data.tables.draft import sample_names
from lotviz.data.tables.sheet import read_sheet, row_numbers


@pytest.fixture
def study(tmp_path):
    """Five files of 120 cells and nothing else."""
    for number in range(1, 6):
        rows = [f"{value}.5,{value + number}" for value in range(120)]
        (tmp_path / f"Probe_{number}.csv").write_text("\n".join(["CD3,CD4", *rows]))
    return tmp_path


def workbook(path, rows, **others):
    book = openpyxl.Workbook()
    book.active.title = "Proben"
    for row in rows:
        book.active.append(row)
    for title, more in others.items():
        sheet = book.create_sheet(title)
        for row in more:
            sheet.append(row)
    book.save(path)
    return path


def said(problems, severity="error"):
    return [f"{problem.where}: {problem.what} {problem.fix}" for problem in problems if problem.severity == severity]


CLINIC = [
    ["Probe", "Datei", "Gruppe", "Alter"],
    ["P1", "Probe_1.csv", "gesund", "63,5"],
    ["P2", "Prbe_2.csv", "krank", "58,25"],
    ["P3", "Probe_3.csv ", "krank", 71],
    ["P3", "Probe_4.csv", "gesund", "49,0"],
    ["P5", "Probe5.csv", "gesund", 66.5],
]
WRONG = [
    "sheet.xlsx, row 3: Expected the file Prbe_2.csv, found no such file. Did you mean Probe_2.csv or Probe_5.csv?",
    "sheet.xlsx, row 5: Expected a sample once, found P3 again (first in row 4). Give every sample a name of its own.",
    "sheet.xlsx, row 6: Expected the file Probe5.csv, found no such file. Did you mean Probe_5.csv or Probe_4.csv?",
]


def test_a_clinicians_sheet_is_told_everything_at_once(study):
    workbook(study / "sheet.xlsx", CLINIC)
    with pytest.raises(CohortError) as raised:
        read_cohort(study)
    found = said(raised.value.problems)
    assert len(found) == 3
    assert [line.split(" Did")[0] for line in found] == [line.split(" Did")[0] for line in WRONG]
    assert "Did you mean Probe_2.csv" in found[0]
    assert "Probe_5.csv" in found[2]
    typed = pd.DataFrame(CLINIC[1:], columns=CLINIC[0])
    assert said(check_sheet(typed, study, "sheet.xlsx")) == found


def test_once_put_right_its_decimals_are_numbers_and_every_guess_is_said(study):
    rows = [list(row) for row in CLINIC]
    rows[2][1], rows[4][0], rows[5][1] = "Probe_2.csv", "P4", "Probe_5.csv"
    workbook(study / "sheet.xlsx", rows)
    cohort = read_cohort(study)
    assert cohort.samples["Alter"].tolist() == [63.5, 58.25, 71, 49, 66.5]
    notes = said(cohort.problems, "warning")
    assert (
        "sheet.xlsx, column Alter: Numbers were read with decimal commas: 63,5 is 63.5. "
        "Type them with decimal points if that is wrong."
    ) in notes
    assert "sheet.xlsx: The column Probe is used as sample. Choose another column if that is wrong." in notes
    assert "sheet.xlsx: The column Datei is used as file. Choose another column if that is wrong." in notes


def test_columns_rows_and_files_are_judged_together(study):
    (study / "sheet.csv").write_text("sampel,file,age,age\nA,nowhere.csv,1,2\nB,Probe_1.csv,1\nC,,1,2\n")
    with pytest.raises(CohortError) as raised:
        read_cohort(study)
    found = said(raised.value.problems)
    assert [line.split(" ", 2)[2][:30] for line in found[:2]] and len(found) == 5
    text = "\n".join(found)
    assert "Expected a column sample, found sampel, file, age, age. Did you mean sampel?" in text
    assert "Expected every column once, found age 2 times." in text
    assert "row 2: Expected the file nowhere.csv, found no such file." in text
    assert "row 3: Expected 4 fields as in the header, found 3." in text
    assert "row 4: Expected the file of the sample, found nothing." in text


def test_a_decimal_comma_that_breaks_a_row_is_recognised(study):
    (study / "sheet.csv").write_text("sample,file,age\nA,Probe_1.csv,63,5\n")
    with pytest.raises(CohortError, match="a decimal comma looks like a separator here"):
        read_cohort(study)


def test_a_name_that_differs_in_capitals(study):
    table = pd.DataFrame({"sample": ["A"], "file": ["probe_1.CSV"]})
    if (study / "probe_1.CSV").exists():
        pytest.skip("this file system does not tell capital from small letters")
    (found,) = said(check_sheet(table, study, "sheet.csv"))
    assert found.endswith("Did you mean Probe_1.csv? Capital and small letters count.")


def test_one_file_for_two_samples_is_doubted(study):
    table = pd.DataFrame({"sample": ["A", "B"], "file": ["Probe_1.csv"] * 2})
    assert said(check_sheet(table, study, "s.csv"), "warning") == [
        "s.csv: The file Probe_1.csv is given 2 times (rows 2, 3). Give every sample a file of its own."
    ]


def test_nothing_outside_the_data_root_is_named_or_looked_for(study, tmp_path_factory):
    outside = tmp_path_factory.mktemp("secret")
    (outside / "a.csv").write_text("x")
    table = pd.DataFrame({"sample": ["A", "B"], "file": [str(outside / "b.csv"), f"../{outside.name}/a.csv"]})
    found = said(check_sheet(table, study, "s.csv", within=study))
    assert len(found) == 2
    assert all("inside the data root" in line and "Did you mean" not in line for line in found)


def test_a_sheet_in_order_has_no_problems_and_is_judged_fast(study):
    names = [f"Probe_{number}.csv" for number in range(500)]
    for name in names[6:]:
        (study / name).write_text("CD3\n1\n")
    (study / "Probe_0.csv").write_text("CD3\n1\n")
    table = pd.DataFrame({"sample": [f"S{number}" for number in range(500)], "file": names, "age": "63"})
    assert check_sheet(table, study, "s.csv") == ()
    table.loc[:19, "file"] = table["file"].str.replace("Probe", "Prbe")
    started = time.perf_counter()
    assert len(said(check_sheet(table, study, "s.csv"))) == 20
    assert time.perf_counter() - started < 3.0  # measured: 0.1 to 0.2 s, and 0.05 s from then on


def test_titles_dates_errors_and_spaces_of_a_workbook(study):
    rows = [
        ["Studie Nord", None, None],
        [],
        ["Probe\u00a0", " Datei", "Datum", "Wert", "ID"],
        ["P1 ", "\u00a0Probe_1.csv", datetime.datetime(2024, 3, 1), "#REF!", "007"],
        [" P2", "Probe_2.csv", datetime.datetime(2024, 3, 2, 8, 30), 0.1 + 0.2, "012"],
    ]
    sheet = read_sheet(workbook(study / "s.xlsx", rows), "s.xlsx", file_column=True)
    assert list(sheet.table.index) == ["P1", "P2"]
    assert sheet.files == ("Probe_1.csv", "Probe_2.csv")
    assert sheet.rows == (4, 5)
    assert sheet.table["Datum"].tolist() == ["2024-03-01", "2024-03-02 08:30:00"]
    assert sheet.table["ID"].tolist() == ["007", "012"]
    assert sheet.table["Wert"].dropna().tolist() == [0.3]
    notes = "\n".join(said(sheet.problems, "warning"))
    assert "The header was found in row 3; what stands above was left out (Studie Nord)." in notes
    assert "The column Wert holds #REF! (rows 4), which is read as not known." in notes


def test_the_worksheet_with_the_samples_is_taken_and_said(study):
    path = workbook(study / "s.xlsx", [["Notizen"], ["nichts"]], Liste=[["sample", "file"], ["A", "Probe_1.csv"]])
    sheet = read_sheet(path, "s.xlsx", file_column=True)
    assert list(sheet.table.index) == ["A"]
    assert "The worksheet Liste of Proben, Liste was read, which alone names samples and files." in str(
        sheet.problems[0]
    )


def test_a_sheet_that_is_mended_keeps_the_row_numbers_of_its_file(study):
    rows = [["Studie Nord"], [], ["Probe", "Datei"], ["P1", "Probe_1.csv"], [], ["P2", "Prbe_2.csv"]]
    look = first_look(workbook(study / "s.xlsx", [["Notizen"]], Liste=rows))
    assert row_numbers(look.sheet) == [4, 6]
    (found,) = said(check_sheet(look.sheet, study, "s.xlsx"))
    assert found.startswith("s.xlsx, row 6: Expected the file Prbe_2.csv")
    assert row_numbers(look.sheet.drop(index=4)) == [6]
    notes = " ".join(said(look.notes, "warning"))
    assert "The worksheet Liste of Proben, Liste was read" in notes
    assert "The header was found in row 3" in notes


def test_columns_that_are_renamed_play_the_part_of_their_new_name(study):
    look = first_look(workbook(study / "s.xlsx", [["wer", "Datei"], ["P1", "Probe_1.csv"]]))
    assert look.guesses == {"file": "Datei"}
    again = with_columns(look, ["Probe", "Datei"])
    assert again.columns == ("Probe", "Datei")
    assert again.guesses == {"sample": "Probe", "file": "Datei"}


@pytest.mark.parametrize("head", ["sample_id", "nr"])
def test_a_table_of_cells_given_as_a_sheet_is_one_problem(study, head):
    cells = pd.DataFrame({head: np.arange(600) // 300, "CD3": np.linspace(-2, 9, 600), "CD4": 1e-7, "type": "T"})
    cells.to_csv(study / "cells_only.csv", index=False)
    (problem,) = check_sheet(first_look(study / "cells_only.csv").sheet, study, "cells_only.csv")
    of = " of 2 samples" if head == "sample_id" else ""
    assert problem.what == f"Expected a sheet with a row for each sample, found a table of cells (600 rows{of})."
    assert "Choose the sheet that names it" in problem.fix
    with pytest.raises(CohortError, match="found a table of cells"):
        read_sheet(study / "cells_only.csv", "cells_only.csv", file_column=False)


def test_a_sheet_whose_patients_come_twice_is_no_table_of_cells(study):
    table = pd.DataFrame({"sample": [f"P{number // 2}" for number in range(40)], "group": "a", "age": "7"})
    assert len(check_sheet(table, study, "s.csv")) == 21  # each sample that comes again, and no column of files


def test_two_worksheets_that_fit_are_not_guessed_between(study):
    rows = [["sample", "file"], ["A", "Probe_1.csv"]]
    path = workbook(study / "s.xlsx", rows, Kopie=rows)
    with pytest.raises(CohortError, match="Expected one worksheet with the columns sample, file, found Proben, Kopie"):
        read_sheet(path, "s.xlsx", file_column=True)


def test_a_sheet_that_claims_to_be_endless_or_unpacks_to_too_much(study):
    path = workbook(study / "s.xlsx", [["sample", "file"], ["A", "Probe_1.csv"]])
    claimed = study / "t.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(claimed, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            text = old.read(part).replace(b'<dimension ref="A1:B2"', b'<dimension ref="A1:XFD1048576"')
            new.writestr(part, text)
    assert read_sheet(claimed, "t.xlsx", file_column=True).rows == (2,)
    with zipfile.ZipFile(claimed, "a", zipfile.ZIP_DEFLATED) as new:
        new.writestr("xl/sharedStrings9.xml", bytes(120 * 2**20))
    with pytest.raises(CohortError, match="Expected a workbook of modest size, found one that unpacks to 120 MB"):
        read_sheet(claimed, "t.xlsx", file_column=True)


@pytest.mark.parametrize(
    ("names", "sample", "file"),
    [
        (["sample", "file"], ["sample"], ["file"]),
        (["sample_id", "sample", "FILE"], ["sample"], ["FILE"]),
        (["Sample Name", "FCS-File"], ["Sample Name"], ["FCS-File"]),
        (["Probenname", "Dateiname", "id"], ["Probenname"], ["Dateiname"]),
        (["ID", "Pfad"], ["ID"], ["Pfad"]),
        (["Tube", "Well", "path"], ["Tube", "Well"], ["path"]),
        (["patient", "age"], [], []),
    ],
)
def test_columns_are_known_by_the_names_people_give_them(names, sample, file):
    assert candidates("sample", names) == sample
    assert candidates("file", names) == file


def test_two_columns_that_may_name_the_sample_are_listed_and_one_may_be_chosen(study):
    (study / "sheet.csv").write_text("Tube,Well,path\nT1,A1,Probe_1.csv\nT2,A2,Probe_2.csv\n")
    with pytest.raises(CohortError, match="Expected one column for the sample, found Tube, Well"):
        read_cohort(study)
    cohort = read_cohort(study, columns={"sample": "Well", "file": "path"})
    assert list(cohort.samples.index) == ["A1", "A2"]
    assert list(cohort.samples.columns) == ["Tube"]
    assert not any("is used as" in problem.what for problem in cohort.problems)
    with pytest.raises(CohortError, match=r"Expected a column Wel, found .*Did you mean Well\?"):
        read_cohort(study, columns={"sample": "Wel"})
    with pytest.raises(CohortError, match="Expected the role sample or file, found label"):
        read_cohort(study, columns={"label": "Well"})


@pytest.mark.parametrize("words", [["1,234", "2,345"], ["1,5", "0.5"]])
def test_doubtful_numbers_stay_text_and_are_said(study, words):
    (study / "sheet.csv").write_text(f"sample;file;dose\nA;Probe_1.csv;{words[0]}\nB;Probe_2.csv;{words[1]}\n")
    cohort = read_cohort(study)
    assert cohort.samples["dose"].tolist() == words
    assert any("the column stays text" in problem.what for problem in cohort.problems)


def test_row_numbers_are_those_a_spreadsheet_shows(study):
    lines = ["sep=;", "# synthetic", "", "sample;file;;", "A;Probe_1.csv;;", ";;;", "B;nowhere.csv;;"]
    (study / "sheet.csv").write_text("\r\n".join(lines))
    with pytest.raises(CohortError, match=r"^sheet.csv, row 6: Expected the file nowhere.csv"):
        read_cohort(study)


def test_a_sheet_is_proposed_for_a_folder_without_one(study):
    (study / "Probe_10.csv").write_text("CD3\n1\n")
    (study / "readme.txt").write_text("hello")
    table = draft_sheet(study)
    assert table["file"].tolist() == [f"Probe_{number}.csv" for number in (1, 2, 3, 4, 5, 10)]
    assert table["sample"].tolist() == ["1", "2", "3", "4", "5", "10"]
    with pytest.raises(CohortError, match=r"such as: 1,Probe_1\.csv \(the command lotviz sheet writes a row for "):
        read_cohort(study)
    assert check_sheet(table, study, "sheet.csv") == ()
    write_sheet(table[:5], study / "sheet.csv")
    assert list(read_cohort(study).samples.index) == ["1", "2", "3", "4", "5"]


def test_a_proposed_sheet_looks_into_folders(tmp_path):
    for name in ("day2/tube.fcs", "day10/tube.fcs"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"FCS")
    assert draft_sheet(tmp_path).to_dict("list") == {
        "sample": ["day2", "day10"],
        "file": ["day2/tube.fcs", "day10/tube.fcs"],
    }
    assert draft_sheet(tmp_path / "nowhere").empty


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["one.fcs"], ["one"]),
        (["PBMC8_30min_patient1_BCR-XL.fcs", "PBMC8_30min_patient1_Reference.fcs"], ["BCR-XL", "Reference"]),
        (["a_1.fcs", "a.fcs"], ["a_1", "a"]),
        (["x.fcs", "x.lmd"], ["x.fcs", "x.lmd"]),
    ],
)
def test_samples_are_named_by_what_differs(files, names):
    assert sample_names(files) == names


@pytest.mark.parametrize("name", ["sheet.csv", "sheet.tsv", "sheet.xlsx"])
def test_a_sheet_written_is_read_back_as_typed(study, name):
    table = pd.DataFrame({"sample": ["A", "Köln"], "file": ["Probe_1.csv", "Probe_2.csv"], "note": ["=1+1", None]})
    write_sheet(table, study / name)
    back = read_sheet(study / name, name, file_column=True)
    assert list(back.table.index) == ["A", "Köln"]
    assert back.table["note"].tolist()[0] == "=1+1"
    assert back.table["note"].isna().tolist() == [False, True]
    assert not [entry for entry in study.iterdir() if entry.name.startswith(".")]


def test_a_sheet_that_cannot_be_written_leaves_the_old_one(study, monkeypatch):
    (study / "sheet.csv").write_text("old")
    with pytest.raises(CohortError, match="Expected a place to write the sheet to"):
        write_sheet(pd.DataFrame({"sample": ["A"]}), study / "nowhere" / "sheet.csv")
    with pytest.raises(CohortError, match=r"Expected a sheet to be csv, tsv or xlsx, found \.pdf"):
        write_sheet(pd.DataFrame({"sample": ["A"]}), study / "sheet.pdf")

    def full(*_given):
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(CohortError, match="no space left"):
        write_sheet(pd.DataFrame({"sample": ["A"]}), study / "sheet.csv")
    assert (study / "sheet.csv").read_text() == "old"


# words that may be something else


def metadata(folder, rows, name="sheet.csv", separator=";"):
    """The columns beside sample and file of a sheet of these rows, and its warnings about them."""
    lines = [["sample", "file", *rows[0]], *([f"S{n}", f"Probe_{n}.csv", *row] for n, row in enumerate(rows[1:], 1))]
    (folder / name).write_text("\n".join(separator.join(line) for line in lines))
    sheet = read_sheet(folder / name, name, file_column=True)
    return sheet.table, [problem.what for problem in sheet.problems]


def test_none_among_words_is_a_value_and_among_numbers_none(study):
    table, whats = metadata(study, [["drug", "dose", "note"], ["none", "none", "n/a"], ["A", "1", "none"]])
    assert table["drug"].tolist() == ["none", "A"]
    np.testing.assert_array_equal(table["dose"], [np.nan, 1])
    assert table["note"].tolist()[1] == "none"
    assert pd.isna(table["note"].tolist()[0])
    assert whats == ["none is read as a value, as of samples that were not treated (1 of 2 rows)."] * 2


@pytest.mark.parametrize(
    ("words", "beside"),
    [
        (["950", "1.200", "12.400"], ["1", "2", "3"]),  # no program writes 1.200 beside 950
        (["1.234", "5.678", "9.876"], ["36,5", "37,25", "38"]),  # another column has decimal commas
    ],
)
def test_points_that_may_stand_between_thousands_are_no_guess(study, words, beside):
    table, whats = metadata(study, [["count", "other"], *map(list, zip(words, beside, strict=True))])
    assert table["count"].tolist() == words
    (what,) = [what for what in whats if "the column stays text" in what]
    word = next(word for word in words if "." in word)
    assert what == f"{word} may be {float(word):.10g} or {word.replace('.', '')}; the column stays text."


@pytest.mark.parametrize("words", [["950", "1.2", "12.4"], ["1.234", "5.678", "9.876"], ["0.500", "12", "100"]])
def test_points_of_programs_are_decimal_points(study, words):
    table, whats = metadata(study, [["value", "other"], *([word, "1"] for word in words)])
    assert table["value"].tolist() == [float(word) for word in words]
    assert whats == []


@pytest.mark.parametrize(
    "words",
    [["276000000000000001", "276000000000000002", "3"], ["1E5", "10E4", "A1"], ["1E5", "10E4", "3E2"]],
)
def test_long_numbers_and_wells_stay_as_they_are_typed(study, words):
    table, _whats = metadata(study, [["id"], *([word] for word in words)])
    assert table["id"].tolist() == words


def test_joined_cells_count_for_every_row_they_span(study):
    book = openpyxl.Workbook()
    rows = [["Studie", None, None, None], ["sample", "file", "group", "day"]]
    rows += [[f"S{n}", f"Probe_{n}.csv", "xxzzz"[n - 1], n] for n in range(1, 6)]
    for row in rows:
        book.active.append(row)
    for joined in ("A1:D1", "C3:C4", "C5:C7", "D6:D7"):
        book.active.merge_cells(joined)
    book.save(study / "sheet.xlsx")
    table = read_sheet(study / "sheet.xlsx", "sheet.xlsx", file_column=True).table
    assert table["group"].tolist() == list("xxzzz")
    assert table["day"].tolist() == [1, 2, 3, 4, 4]


def test_formulas_that_were_never_computed_are_named(study):
    rows = [["sample", "file", "age"], *([f"S{n}", f"Probe_{n}.csv", "=2*20"] for n in range(1, 6))]
    path = workbook(study / "sheet.xlsx", rows)
    sheet = read_sheet(path, "sheet.xlsx", file_column=True)
    assert sheet.table["age"].isna().all()
    assert said(sheet.problems, "warning") == [
        "sheet.xlsx: The column age holds formulas that were never computed (rows 2, 3, 4, 5, 6), read as not known."
        " Open the workbook in a spreadsheet and save it."
    ]
    source = zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml").decode()
    computed = source.replace("</f><v></v>", "</f><v>40</v>").replace("</f><v />", "</f><v>40</v>")
    empty = source.replace('r="C2"', 'r="C2" t="str"')
    for text, expected in ((computed, [40] * 5), (empty, None)):
        assert text != source
        with zipfile.ZipFile(path) as archive:
            parts = {part: archive.read(part) for part in archive.namelist()}
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for part, content in parts.items():
                archive.writestr(part, text if part.endswith("sheet1.xml") else content)
        again = read_sheet(path, "sheet.xlsx", file_column=True)
        if expected:
            assert again.table["age"].tolist() == expected
        else:
            assert "(rows 3, 4, 5, 6)" in said(again.problems, "warning")[0]


def test_a_drafted_sheet_names_what_can_be_read(tmp_path):
    for name in (" lead.csv", "NA.csv", "tail .csv"):
        (tmp_path / name).write_text("CD3,CD4\n" + "1.5,2\n" * 120)
    write_sheet(draft_sheet(tmp_path), tmp_path / "sheet.csv")
    assert sorted(read_cohort(tmp_path / "sheet.csv").samples.index) == ["NA.csv", "lead.csv", "tail .csv"]
    (tmp_path / "NA.csv").unlink()
    write_sheet(draft_sheet(tmp_path), tmp_path / "sheet.csv")
    assert sorted(read_cohort(tmp_path / "sheet.csv").samples.index) == ["lead", "tail"]
    assert sample_names(["x_NA.fcs", "x_1.fcs"]) == ["x_NA", "x_1"]


def test_more_joined_cells_than_a_table_can_need_change_nothing_else(study):
    book = openpyxl.Workbook()
    for row in [["sample", "file", "group"], *([f"S{n}", f"{n}.csv", n] for n in range(1, 4001))]:
        book.active.append(row)
    book.save(study / "sheet.xlsx")
    with zipfile.ZipFile(study / "sheet.xlsx") as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    joined = "".join(f'<mergeCell ref="{column}2:{column}1048576"/>' for column in ("C", "XFD") for _ in range(9000))
    end = f'</sheetData><mergeCells count="18000">{joined}</mergeCells>'.encode()
    parts["xl/worksheets/sheet1.xml"] = parts["xl/worksheets/sheet1.xml"].replace(b"</sheetData>", end)
    with zipfile.ZipFile(study / "sheet.xlsx", "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    table = read_sheet(study / "sheet.xlsx", "sheet.xlsx", file_column=True).table
    assert table["group"].tolist() == list(range(1, 4001))
    assert list(table.columns) == ["group"]
