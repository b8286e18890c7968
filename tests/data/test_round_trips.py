"""What is written reads back the same: every bit of a value, names, metadata and their types, populations."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lotviz.data import ArraySource, Cohort, Transform, read_cohort, write_cohort
from lotviz.data.formats import TABLE_WORDS, write_cells
from lotviz.data.marks import written_names

FORMATS = ["parquet", "csv", "fcs", "h5ad"]
ODD_NAMES = (
    "CD4, total",
    "pSMAD2/3",
    "IFN-γ|α",
    "a$b",
    "CD4  total",
    "é" * 200,
    "100%",
    "it's",
    "#1",
    '"x"',
    "a;b;c;d",
)

few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
clouds = st.integers(1, 4).flatmap(
    lambda columns: st.lists(
        arrays.arrays(np.float32, st.tuples(st.integers(1, 6), st.just(columns)), elements=floats),
        min_size=1,
        max_size=3,
    )
)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


def cohort_of(cells, markers=None, *, labels=None, **columns):
    index = pd.Index([f"P{number}" for number in range(len(cells))], name="sample")
    samples = dict(zip(index, cells, strict=True))
    return Cohort(
        name="made",
        samples=pd.DataFrame(columns, index=index),
        markers=tuple(markers or [f"M{number}" for number in range(cells[0].shape[1])]),
        cell_counts=pd.Series({name: len(values) for name, values in samples.items()}),
        source=ArraySource(samples, labels),
        transform=Transform("none"),
    )


def same_bits(found, expected):
    np.testing.assert_array_equal(found.view(np.uint32), np.asarray(expected, np.float32).view(np.uint32))


def there_and_back(cohort, form, folder, **options):
    return read_cohort(write_cohort(cohort, folder / "out", format=form), transform="none", **options)


@pytest.mark.parametrize("form", FORMATS)
@few
@given(cells=clouds)
def test_every_float32_comes_back_bit_for_bit(form, cells):
    with tempfile.TemporaryDirectory() as room:
        back = there_and_back(cohort_of(cells), form, Path(room))
        for number, values in enumerate(cells):
            same_bits(back.raw(f"P{number}"), values)


@pytest.mark.parametrize("form", FORMATS)
@few
@given(markers=st.lists(names, min_size=1, max_size=4, unique=True))
def test_every_name_of_one_line_comes_back(form, markers):
    expected = written_names(markers, taken=TABLE_WORDS)
    cells = np.arange(3 * len(markers), dtype=np.float32).reshape(3, -1)
    with tempfile.TemporaryDirectory() as room:
        # named on reading: a name such as Time is no marker unless it is asked for
        back = there_and_back(cohort_of([cells], markers), form, Path(room), markers=expected)
        same_bits(back.raw("P0"), cells)


@pytest.mark.parametrize("form", FORMATS)
def test_odd_names_come_back_in_every_format(tmp_path, form):
    cells = np.arange(5 * len(ODD_NAMES), dtype=np.float32).reshape(5, -1)
    back = there_and_back(cohort_of([cells], ODD_NAMES), form, tmp_path)
    assert back.markers == ODD_NAMES
    same_bits(back.raw("P0"), cells)


def metadata():
    return {
        "response": ["yes", "no", "yes"],
        "code": ["007", "008", "012"],
        "age": [61, 47, 33],
        "score": [0.1, 1 / 3, -2.5e-7],
        "missing number": [1.5, np.nan, 3.0],
        "missing text": ["a", np.nan, "b"],
        "größe, in cm": ["a,b", 'say "x"', "ü;y"],
        "HLA/DR": ["+", "-", "+"],
    }


@pytest.mark.parametrize("form", [*FORMATS, "xlsx"])
def test_the_sample_table_comes_back_with_its_types(tmp_path, form):
    cells = [np.arange(8, dtype=np.float32).reshape(4, 2) + number for number in range(3)]
    cohort = cohort_of(cells, **metadata())
    path = write_cohort(cohort, tmp_path / "out", format="fcs" if form == "xlsx" else form)
    if form == "xlsx":
        typed = pd.read_csv(path / "sheet.csv", dtype={"code": str})
        typed.to_excel(path / "sheet.xlsx", index=False)
        (path / "sheet.csv").unlink()
        path = path / "sheet.xlsx"
    back = read_cohort(path, transform="none")
    found = back.samples.apply(lambda column: column.where(column.notna(), np.nan))  # None is as missing as NaN
    pd.testing.assert_frame_equal(found, cohort.samples, check_dtype=False, check_index_type=False)
    for name in cohort.samples:
        assert back.samples[name].dtype.kind == cohort.samples[name].dtype.kind
    for number, values in enumerate(cells):
        same_bits(back.raw(f"P{number}"), values)


@pytest.mark.parametrize("form", FORMATS)
def test_columns_that_a_sheet_has_of_its_own_are_numbered(tmp_path, form):
    cells = [np.ones((4, 2), np.float32), np.zeros((4, 2), np.float32)]
    cohort = cohort_of(cells, sample=["x", "y"], file=["x.txt", "y.txt"])
    back = there_and_back(cohort, form, tmp_path)
    assert list(back.samples.index) == ["P0", "P1"]
    assert list(back.samples["sample #2"]) == ["x", "y"]
    same_bits(back.raw("P1"), cells[1])


@pytest.mark.parametrize("form", ["parquet", "csv", "h5ad"])
def test_populations_come_back(tmp_path, form):
    cells = [np.ones((3, 2), np.float32), np.zeros((2, 2), np.float32)]
    labels = {"P0": np.array(["T, naive", "B", "γδ T"]), "P1": np.array(["B", 'the "x"'])}
    back = there_and_back(cohort_of(cells, labels=labels), form, tmp_path)
    for name, expected in labels.items():
        np.testing.assert_array_equal(back.populations(name), expected)


@pytest.mark.parametrize("ending", ["parquet", "csv", "h5ad", "fcs"])
@pytest.mark.parametrize("synthetic", [True, False])
def test_a_file_of_cells_is_a_sample_of_a_sheet(tmp_path, ending, synthetic):
    cells = np.arange(5 * len(ODD_NAMES), dtype=np.float32).reshape(5, -1)
    write_cells(tmp_path / f"one.{ending}", cells, ODD_NAMES, synthetic=synthetic, about={"seed": 1})
    (tmp_path / "sheet.csv").write_text(f"sample,file\none,one.{ending}\n", encoding="utf-8")
    back = read_cohort(tmp_path / "sheet.csv", transform="none")
    assert back.markers == ODD_NAMES
    same_bits(back.raw("one"), cells)


@pytest.mark.parametrize("ending", ["parquet", "csv", "h5ad", "fcs"])
def test_a_first_name_that_begins_like_a_remark_is_a_name(tmp_path, ending):
    cells = np.arange(6, dtype=np.float32).reshape(3, 2)
    write_cells(tmp_path / f"one.{ending}", cells, ["#1", "#2"], synthetic=False, about={})
    (tmp_path / "sheet.csv").write_text(f"sample,file\none,one.{ending}\n", encoding="utf-8")
    back = read_cohort(tmp_path / "sheet.csv", transform="none")
    assert back.markers == ("#1", "#2")
    same_bits(back.raw("one"), cells)
