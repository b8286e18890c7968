"""What files should look like: small examples to download, made here, with no cell that was ever measured."""

from __future__ import annotations

import base64
import io
from functools import cache
from html import escape

import pandas as pd

_SHEET = pd.DataFrame(
    {
        "sample": ["P01", "P02", "P03", "P04"],
        "file": ["P01.fcs", "P02.fcs", "P03.fcs", "P04.fcs"],
        "patient": ["P01", "P02", "P03", "P04"],
        "label": ["control", "control", "case", "case"],
        "batch": ["day 1", "day 2", "day 1", "day 2"],
    }
)
_SAMPLES = _SHEET.drop(columns=["file"]).rename(columns={"sample": "sample_id"})
_CELLS = pd.DataFrame(
    {
        "sample_id": ["P01", "P01", "P02", "P02", "P03", "P03", "P04", "P04"],
        "CD3": [101.5, 2.25, 98.0, 4.5, 120.75, 3.0, 88.5, 1.75],
        "CD19": [1.5, 77.0, 0.25, 81.5, 2.0, 69.25, 3.5, 90.0],
        "cell_type": ["T", "B", "T", "B", "T", "B", "T", "B"],
    }
)
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@cache
def files_wanted() -> str:
    """Return the explanation with its downloads, as HTML."""
    sheet, samples, cells = (table.to_csv(index=False) for table in (_SHEET, _SAMPLES, _CELLS))
    return (
        '<details class="wanted"><summary>What should my files look like?</summary>'
        "<p><b>One file for each sample</b> (FCS, csv, tsv, parquet, xlsx or h5ad), and beside them a sheet with a row "
        "for each sample: its name, its file, and whatever else is known of it, such as patient, label and batch.</p>"
        f"{_table(_SHEET)}<p>{_csv('sheet.csv', sheet)} {_link('sheet.xlsx', _XLSX, _excel(_SHEET))}</p>"
        "<p><b>Or one table with the cells of all samples</b>, cells.csv or cells.parquet: a column sample_id, a "
        "column for each marker, and if you like cell_type; and beside it samples.csv.</p>"
        f"<p>{_csv('samples.csv', samples)} {_csv('cells.csv', cells)}</p>"
        "<p><b>Or one h5ad file</b> whose obs has a column that names the sample of every cell.</p>"
        "<p>Columns may have other names; you are asked which is which. Decimal commas, semicolons and Excel sheets "
        "are understood. Your files are only read, never changed.</p></details>"
    )


def _table(table: pd.DataFrame) -> str:
    head = "".join(f"<th>{escape(str(name))}</th>" for name in table.columns)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(str(value))}</td>' for value in row)}</tr>" for row in table.to_numpy())
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _csv(name: str, text: str) -> str:
    return _link(name, "text/csv", text.encode())


def _link(name: str, kind: str, content: bytes) -> str:
    data = base64.b64encode(content).decode()
    return f'<a download="{name}" href="data:{kind};base64,{data}">Download {name}</a>'


def _excel(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.to_excel(buffer, index=False)
    return buffer.getvalue()
