"""The sample table as plain JSON values and back, with the type of every column kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

_PLAIN = (str, bool, int, float, type(None))


def table_to_json(table: pd.DataFrame) -> dict[str, Any]:
    """Describe a table by JSON values; values of other types than text, numbers, truth and time become text.

    Parameters
    ----------
    table
        Any table with an index of strings.

    Returns
    -------
        `{"index": [...], "columns": [{"name", ...}, ...]}`; missing numbers are NaN, as Python's JSON writes it.
    """
    columns = [
        {"name": str(name), **_column_to_json(table.iloc[:, position])} for position, name in enumerate(table.columns)
    ]
    return {"index": [str(name) for name in table.index], "columns": columns}


def table_from_json(described: dict[str, Any]) -> pd.DataFrame:
    """Make the table that `table_to_json` described, index "sample"."""
    index = pd.Index(described["index"], name="sample", dtype=object)
    columns = [_column_from_json(column, index) for column in described["columns"]]
    if not columns:
        return pd.DataFrame(index=index)
    table = pd.concat(columns, axis=1)
    table.columns = pd.Index([column["name"] for column in described["columns"]], dtype=object)
    return table


def _column_to_json(column: pd.Series) -> dict[str, Any]:
    if isinstance(column.dtype, (pd.IntervalDtype, pd.PeriodDtype, pd.SparseDtype)):
        return _column_to_json(column.astype(object))  # types that no JSON value says
    if isinstance(column.dtype, pd.CategoricalDtype):
        categories = _column_to_json(column.cat.categories.to_series())
        codes = column.cat.codes.tolist()
        return {"kind": "category", "ordered": column.cat.ordered, "categories": categories, "values": codes}
    if column.dtype.kind in "mM":
        zone = getattr(column.dtype, "tz", None)
        return {
            "kind": "time",
            "dtype": f"{'datetime64' if column.dtype.kind == 'M' else 'timedelta64'}[{_unit(column)}]",
            "zone": None if zone is None else str(zone),
            "values": column.astype("int64").tolist(),
        }
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
        return {"kind": "numpy", "dtype": str(column.dtype), "values": column.tolist()}
    if column.dtype == object:
        return {"kind": "object", "values": [_plain(value) for value in column]}
    values = [None if pd.isna(value) else _plain(value) for value in column]
    return {"kind": "nullable", "dtype": str(column.dtype), "values": values}


def _column_from_json(described: dict[str, Any], index: pd.Index) -> pd.Series:
    kind, values = described["kind"], described["values"]
    if kind == "category":
        known = described["categories"]
        categories = _column_from_json(known, pd.RangeIndex(len(known["values"]))).array
        coded = pd.Categorical.from_codes(values, pd.Index(categories), ordered=described["ordered"])
        return pd.Series(coded, index=index)
    if kind == "time":
        moments = pd.Series(np.array(values, dtype=np.int64).view(described["dtype"]), index=index)
        zone = described["zone"]
        return moments if zone is None else moments.dt.tz_localize("UTC").dt.tz_convert(zone)
    return pd.Series(values, index=index, dtype="object" if kind == "object" else described["dtype"])


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is pd.NA or value is pd.NaT:
        return None
    return value if isinstance(value, _PLAIN) else str(value)


def _unit(column: pd.Series) -> str:
    return str(getattr(column.dtype, "unit", None) or np.datetime_data(column.to_numpy().dtype)[0])
