from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from lotviz.transport.table import table_from_json, table_to_json

SAMPLES = pd.Index(["a", "b", "c"], name="sample")


def round_trip(table):
    return table_from_json(json.loads(json.dumps(table_to_json(table))))


@pytest.mark.parametrize(
    "values",
    [
        np.array([1, 2, 3]),
        np.array([1, 2, 3], dtype=np.uint8),
        np.array([0.1, np.nan, np.inf]),
        np.array([0.1, 0.2, 0.3], dtype=np.float32),
        np.array([True, False, True]),
        np.array(["x", None, "ü"], dtype=object),
        np.array(["x", np.nan, 3], dtype=object),
        pd.array([1, None, 3], dtype="Int64"),
        pd.array([True, None, False], dtype="boolean"),
        pd.array([1.5, None, 2.5], dtype="Float64"),
        pd.array(["x", None, "y"], dtype="string"),
        pd.Categorical(["low", "high", None], categories=["low", "mid", "high"], ordered=True),
        pd.Categorical([2, 1, 2]),
        pd.to_datetime(["2024-01-02", None, "2024-01-02T03:04:05.000006"], format="ISO8601"),
        pd.to_datetime(["2024-07-02", None, "2024-01-03"]).tz_localize("Europe/Berlin"),
        pd.to_timedelta(["1 day", None, "2 hours"]),
    ],
    ids=lambda values: str(values.dtype),
)
def test_columns_come_back_as_they_were(values):
    table = pd.DataFrame({"column": pd.Series(values, index=SAMPLES)}, index=SAMPLES)
    pd.testing.assert_frame_equal(round_trip(table), table, check_exact=True)


def test_no_columns_and_repeated_names_come_back():
    pd.testing.assert_frame_equal(round_trip(pd.DataFrame(index=SAMPLES)), pd.DataFrame(index=SAMPLES))
    twice = pd.DataFrame([[1, "x"], [2, "y"], [3, "z"]], index=SAMPLES, columns=["n", "n"])
    pd.testing.assert_frame_equal(round_trip(twice), twice)


def test_values_of_other_types_become_text():
    table = pd.DataFrame({"when": [pd.Timestamp("2024-01-02"), (1, 2), np.int64(3)]}, index=SAMPLES, dtype=object)
    assert round_trip(table)["when"].tolist() == ["2024-01-02 00:00:00", "(1, 2)", 3]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (pd.cut([20, 30, 60], [0, 50, 100]), ["(0, 50]", "(0, 50]", "(50, 100]"]),
        (pd.arrays.IntervalArray.from_breaks([0, 1, 2, 3]), ["(0, 1]", "(1, 2]", "(2, 3]"]),
        (pd.PeriodIndex(["2024-01", None, "2024-03"], freq="M"), ["2024-01", None, "2024-03"]),
        (np.array([pd.NA, "x", pd.NaT], dtype=object), [None, "x", None]),
    ],
    ids=["cut", "intervals", "months", "missing"],
)
def test_types_that_no_json_value_says_come_back_as_words(values, words):
    found = round_trip(pd.DataFrame({"column": values}, index=SAMPLES))["column"]
    assert [None if pd.isna(value) else value for value in found] == words


def test_sparse_numbers_come_back_as_numbers():
    table = pd.DataFrame({"column": pd.arrays.SparseArray([0, 0, 1])}, index=SAMPLES)
    assert round_trip(table)["column"].tolist() == [0, 0, 1]
