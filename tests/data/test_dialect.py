"""Text tables as instruments, spreadsheets and people write them: the same numbers, whatever the way of writing."""

from __future__ import annotations

import contextlib
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotviz.data import CohortError
from lotviz.data.tables.cells import open_csv
from lotviz.data.tables.dialect import find_dialect, find_encoding
from lotviz.data.tables.numerals import Numerals, reading_of

WAYS = [Numerals(decimal, between) for decimal in ".," for between in ["", ".", ",", " ", "'"] if decimal != between]
CELLS = np.array([[1234.5, 0.25], [7, -1234567.5], [12.75, 3e-05]])


def grouped(value: float, way: Numerals) -> str:
    """An independent writer: Python's own format, its signs exchanged."""
    text = f"{value:,.6f}"
    return text.replace(",", "\0").replace(".", way.decimal).replace("\0", way.thousands)


def written(cells, way, separator) -> str:
    quote = '"' if separator in (way.decimal, way.thousands) else ""
    rows = [separator.join(f"{quote}{grouped(value, way)}{quote}" for value in row) for row in cells]
    return "\n".join([separator.join(["CD3", "CD4"]), *rows]) + "\n"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.describe())
def test_numbers_are_the_same_in_every_way_of_writing(tmp_path, way, separator):
    path = tmp_path / "a.csv"
    path.write_text(written(CELLS, way, separator))
    table = open_csv(path, "a.csv")
    assert table.markers == ("CD3", "CD4")
    np.testing.assert_allclose(table.read(np.arange(3), table.markers), CELLS.astype(np.float32), rtol=1e-6)
    assert bool(table.notes) == (way != Numerals())


@given(st.floats(-1e9, 1e9, allow_nan=False).map(lambda value: round(value, 3)), st.sampled_from(WAYS))
def test_a_number_is_read_back_from_its_own_way_of_writing(value, way):
    text = f"{value:,.3f}".replace(",", "\0").replace(".", way.decimal).replace("\0", way.thousands)
    assert way.reads(text)
    assert way.number(text) == value
    assert way.numbers(pd.Series([text, "x", None])).tolist()[:1] == [value]
    reading = reading_of([text, grouped(0.5, way)])
    assert way in reading.ways
    assert reading.doubt is None
    assert reading.best.number(text) == value


@pytest.mark.parametrize("word", ["1,5", "12,34", "1,2345", "1,,234", ",234", "0,123", "1,234,5"])
def test_groups_of_other_than_three_digits_are_no_thousands(word):
    assert not Numerals(".", ",").reads(word)


def test_a_number_with_two_values_is_not_guessed(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("CD3;CD4\n1,234;5\n2,345;6\n")
    with pytest.raises(CohortError) as raised:
        open_csv(path, "a.csv")
    assert str(raised.value) == (
        "a.csv: Expected numbers that can be read in one way, found 1,234, which may be 1.234 or 1234. "
        "Export them with decimal points and nothing between thousands."
    )


def test_another_column_settles_it(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("CD3;CD4\n1,234;0,5\n2,345;6\n")
    assert open_csv(path, "a.csv").read(np.arange(2), ("CD3",))[:, 0].tolist() == pytest.approx([1.234, 2.345])
    path.write_text("CD3;CD4\n1,234;0.5\n2,345;6\n")
    assert open_csv(path, "a.csv").read(np.arange(2), ("CD3",))[:, 0].tolist() == [1234, 2345]


def test_numbers_written_in_two_ways_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("CD3;CD4\n1,5;0.5\n")
    with pytest.raises(CohortError, match=r"Expected numbers written in one way, found 1,5 and 0\.5\."):
        open_csv(path, "a.csv")


def test_decimal_commas_far_down_are_found(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("CD3;CD4\n" + "1;2\n" * 3000 + "0,5;2\n")
    table = open_csv(path, "a.csv")
    assert table.read(np.array([0, 3000]), ("CD3",))[:, 0].tolist() == [1, 0.5]
    assert table.notes[0][0] == "was read with decimal commas"


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("cp1252", "cp1252"),
        ("latin-1", "cp1252"),
        ("mac_roman", "mac_roman"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(tmp_path, encoding, found, end):
    path = tmp_path / "a.csv"
    text = "Röhrchen,Zähler µ\nKöln Süd,1.5\n\nWürzburg,2.5\n".replace("\n", end)
    path.write_bytes(text.encode(encoding))
    assert find_dialect(path, "a.csv").encoding == found
    table = open_csv(path, "a.csv")
    assert table.markers == ("Zähler µ",)
    assert list(table.words("Röhrchen")) == ["Köln Süd", "Würzburg"]
    assert table.read(np.arange(2), table.markers)[:, 0].tolist() == [1.5, 2.5]
    assert len(table.notes) == (found in ("cp1252", "mac_roman"))


def test_an_accent_at_the_border_of_two_blocks_is_no_other_encoding(tmp_path, monkeypatch):
    monkeypatch.setattr("lotviz.data.tables.dialect._BLOCK", 16)
    path = tmp_path / "a.csv"
    path.write_text("marker\n" + "µäöü€" * 50 + "\n", encoding="utf-8")
    assert find_dialect(path, "a.csv").encoding == "utf-8"


@pytest.mark.parametrize(
    "text",
    [
        "# synthetic\nCD3,CD4\n1,2\n",
        '# "quoted, and never closed\n\n#\nCD3,CD4\n1,2\n',
        "sep=;\nCD3;CD4\n1;2\n",
        '"sep=|"\nCD3|CD4\n1|2\n',
        "\n\nCD3\tCD4\n1\t2\n\n\n",
        "CD3;CD4;\n1;2;\n",
        "CD3;CD4\n1;2;\n",
        ' "CD3" , "CD4" \n1,2\n'.replace(' "', '"').replace('" ', '"'),
        "CD3,CD4\n 1 , 2 \n",
    ],
)
def test_what_stands_around_the_numbers(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text)
    table = open_csv(path, "a.csv")
    assert (table.markers, table.n_cells, table.notes) == (("CD3", "CD4"), 1, ())
    assert table.read(np.arange(1), table.markers).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ('"a;b",c\n1,2\n', ","),
        ('"a,b";c\n"1,5";2\n', ";"),
        ("Age, years;CD3\n1,5;2,5\n", ";"),
        ("CD3|UCHT1,CD4|RPA\n1,2\n", ","),
        ("CD3\n1,5\n", ";"),
        ("a,b\n", ","),
    ],
)
def test_a_separator_is_not_mistaken_for_text(tmp_path, text, separator):
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert find_dialect(path, "a.csv").separator == separator


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04....", "found an Excel workbook or another zip file. Name it .xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "found an old Excel workbook (xls). Open it in Excel and save it as xlsx."),
        (b"FCS3.1    ", "found an FCS file. Name it .fcs."),
        (b"CD3,CD4\n1,\x002\n", "found a zero byte at position 10"),
        (b"# only a comment\n\n", "found an empty file."),
        (b"1.5,2.5\n3,4\n", "Expected a header with the names of the markers, found the numbers 1.5, 2.5."),
        (b"CD3,\n1,2\n", "a.csv, row 2: Expected a name for every column, found values in column 2 without one."),
        (b"CD3,CD4\n1,2,3\n", "a.csv, row 2: Expected 2 fields as in the header, found 3."),
        (
            b"# day 3\nCD3,CD4\n1,2\n1,2,3\n",
            "a.csv, row 4: Expected 2 fields as in the header, found 3. Correct this row",
        ),
        (b'CD3,CD4\n1,"2\n', "a.csv"),
    ],
)
def test_what_is_no_table_is_refused_by_its_reason(tmp_path, content, said):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(CohortError) as raised:
        open_csv(path, "a.csv")
    assert said in str(raised.value)


def test_a_blank_among_numbers_is_a_missing_value(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("CD3,CD4\n1,2\n1,\t\n")
    assert np.isnan(open_csv(path, "a.csv").read(np.arange(2), ("CD4",))[:, 0]).tolist() == [False, True]


def test_a_line_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("lotviz.data.tables.dialect._LONGEST_LINE", 100)
    path = tmp_path / "a.csv"
    path.write_text("CD3" * 100)
    with pytest.raises(CohortError, match="Expected lines of text, found one longer than"):
        open_csv(path, "a.csv")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    with contextlib.suppress(CohortError):
        open_csv(path, "any.csv")


@pytest.mark.parametrize(
    ("above", "skipped"),
    [
        ("# day 3, tube 2\n", 1),
        ('"# day 3, tube 2"\n', 1),
        ('"# day ""3"", tube 2",,\n', 1),
        ('"sep=,"\n', 1),
        ('""\n', 1),
    ],
)
def test_a_remark_may_be_quoted_but_several_quoted_fields_are_a_header(tmp_path, above, skipped):
    path = tmp_path / "a.csv"
    path.write_text(above + '"#1","CD4"\n1,2\n3,4\n')
    assert find_dialect(path, "a.csv").skipped == skipped
    table = open_csv(path, "a.csv")
    assert table.markers == ("#1", "CD4")
    np.testing.assert_array_equal(table.read(np.arange(2), ("CD4", "#1")), [[2, 1], [4, 3]])


@pytest.mark.parametrize(
    "text",
    [
        "CD3 CD4\n1.5 2\n3 4\n",
        "  CD3    CD4\n  1.5      2\n    3      4  \n",
        "CD3 CD4\n1,5 2\n3 4\n",
        '"CD3" "CD4"\n"1" 1.5 2\n"2" 3 4\n',
        '"CD3"\t"CD4"\n"1"\t1.5\t2\n"2"\t3\t4\n',
        '"","CD3","CD4"\n"1",1.5,2\n"2",3,4\n',
        "CD3,CD4\nP1_AAACCTG,1.5,2\nP1_AAACGGG,3,4\n",
    ],
)
def test_tables_as_r_writes_them(tmp_path, text):
    path = tmp_path / "a.txt"
    path.write_text(text)
    table = open_csv(path, "a.txt")
    assert table.markers == ("CD3", "CD4")
    assert table.read(np.arange(2), ("CD3", "CD4")).tolist() == [[1.5, 2], [3, 4]]


def test_words_of_a_table_with_spaces_may_be_quoted(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text('"CD 3" "cell_type"\n1 "T cell"\n2 "B cell"\n')
    table = open_csv(path, "a.txt")
    assert (table.markers, list(table.words("cell_type"))) == (("CD 3",), ["T cell", "B cell"])


@pytest.mark.parametrize("text", ["CD4 (APC)\n1\n2\n", "CD4 of day 3\n1\n", "CD4 A\n"])
def test_a_column_with_spaces_in_its_name_is_one(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert find_dialect(path, "a.csv", spaces=True).header == (text.splitlines()[0],)


@pytest.mark.parametrize("text", ["CD3,CD4\n1,1.5,2\n2,3,4\n", '"CD3","CD4"\n"1","1.5","2"\n"2","3","4"\n'])
def test_a_missing_name_is_not_taken_for_that_of_the_rows(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(CohortError, match=r"a\.csv, row 2: Expected 2 fields as in the header, found 3\. Name every"):
        open_csv(path, "a.csv")


@pytest.mark.parametrize("end", ["1.234,5;n.d.\n", "12,5;n.d.\n", "1;n.d.\n"])
def test_a_word_among_decimal_commas_makes_no_text_of_a_marker(tmp_path, end):
    path = tmp_path / "a.csv"
    path.write_text("# day 3\nCD3;CD4\n1,5;2,5\n" + end)
    with pytest.raises(
        CohortError, match=r"a\.csv, row 4, marker CD4: Expected a number, found the text 'n\.d\.' \(in 1 of"
    ):
        open_csv(path, "a.csv")


@pytest.mark.parametrize("word", ["x" * 500_000, "é" * 500_000, "x." * 250_000 + "é"])
def test_the_encoding_of_one_long_word_is_found_at_once(tmp_path, word):
    path = tmp_path / "a.csv"
    path.write_bytes(f"CD3,{word}\n1,2\nMüller,3\n".encode("cp1252"))
    start = time.perf_counter()
    assert find_encoding(path, "a.csv", "a table")[0] == "cp1252"
    assert time.perf_counter() - start < 2


def test_a_table_that_is_gone_between_two_looks_is_refused_in_words(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("CD3,CD4\n1,2\n")
    table = open_csv(path, "a.csv", limit=0)
    path.unlink()
    with pytest.raises(CohortError, match=r"^a\.csv: Expected a table of cells, found a file that cannot be read"):
        table.read(np.arange(1), ("CD3",))
