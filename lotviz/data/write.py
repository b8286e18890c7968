"""Writing a cohort: a folder that read_cohort opens again, complete or not at all."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from lotviz.data.cohort import Cohort
from lotviz.data.fcs.write import write_fcs
from lotviz.data.formats import (
    POPULATION,
    TABLE_WORDS,
    fcs_marks,
    save_annotated,
)
from lotviz.data.marks import marks, plain, written_names
from lotviz.data.problems import CohortError, Problem
from lotviz.data.read import TRUTH_FILE
from lotviz.data.tables.csv_write import write_csv_header, write_csv_mark, write_csv_rows

Format = Literal["parquet", "csv", "fcs", "h5ad"]


def write_cohort(cohort: Cohort, folder: str | Path, *, format: Format = "parquet") -> Path:  # noqa: A002  the word users type
    """Write raw cells and the sample table to a new folder; every file says so where cells are synthetic.

    Parameters
    ----------
    folder
        A folder that does not exist yet, or is empty.
    format
        "parquet" and "csv" write samples.csv and one long table; "fcs" writes sheet.csv and one file a sample (and
        no populations, for which FCS has no place); "h5ad" writes cohort.h5ad.

    Returns
    -------
    Path
        What to give to `read_cohort`: the folder.

    Raises
    ------
    CohortError
        When the folder holds something already, or a sample cannot be read or has no cells.
    ValueError
        For an unknown format.
    """
    writers = {"parquet": _write_parquet, "csv": _write_csv, "fcs": _write_fcs, "h5ad": _write_h5ad}
    if format not in writers:
        raise ValueError(f"Expected format parquet, csv, fcs or h5ad, found {format}. Name one of the four.")
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        what = "Expected a new or empty folder, found one with files in it."
        raise CohortError(Problem(str(folder), what, "Name another folder, or remove this one."))
    _require_cells(cohort)
    target.parent.mkdir(parents=True, exist_ok=True)
    # written beside the target and renamed, so that an interrupted write leaves no half of a cohort
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as room:
        draft = Path(room) / target.name
        draft.mkdir()
        writers[format](cohort, draft)
        if cohort.truth is not None:
            text = json.dumps(plain(cohort.truth), indent=2, ensure_ascii=False)
            (draft / TRUTH_FILE).write_text(text + "\n", encoding="utf-8")
        if target.exists():
            target.rmdir()
        shutil.move(draft, target)
    return target


def _require_cells(cohort: Cohort) -> None:
    empty = [str(name) for name, count in cohort.cell_counts.items() if not count]
    problems = [
        Problem(f"sample {name}", "Expected cells to write, found none.", "Leave the sample out.", samples=(name,))
        for name in empty
    ]
    if not cohort.markers:
        problems.append(Problem(cohort.origin or cohort.name, "Expected markers to write, found none.", "Choose some."))
    if problems:
        raise CohortError(*problems)


def _marks(cohort: Cohort) -> dict[str, str]:
    return marks({"cohort": cohort.name}, synthetic=cohort.synthetic)


def _markers(cohort: Cohort) -> list[str]:
    return list(written_names(cohort.markers, taken=TABLE_WORDS))


def _samples(cohort: Cohort, key: str, taken: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return the table of samples with its names in column `key`; columns called like it or `taken` are numbered."""
    table = cohort.samples.copy()
    table.columns = pd.Index(written_names(map(str, table.columns), taken=(key, *taken)))
    return table.rename_axis(key)


def _write_samples(cohort: Cohort, folder: Path) -> None:
    # a column "sample" of the metadata would be taken for the names
    _samples(cohort, "sample_id", ("sample",)).to_csv(folder / "samples.csv", lineterminator="\n")


def _long(cohort: Cohort, sample: str, *, labelled: bool) -> pd.DataFrame:
    table = pd.DataFrame(cohort.raw(sample), columns=_markers(cohort))
    table.insert(0, "sample_id", sample)
    if labelled:
        labels = cohort.populations(sample)
        table[POPULATION] = None if labels is None else labels.astype(object)
    return table


def _labelled(cohort: Cohort) -> bool:
    """Whether the cells of any sample have a population."""
    return any(cohort.populations(sample) is not None for sample in cohort.samples.index)


def _write_parquet(cohort: Cohort, folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    _write_samples(cohort, folder)
    labelled = _labelled(cohort)
    numbers = [pa.field(name, pa.float32()) for name in _markers(cohort)]
    words = [pa.field(POPULATION, pa.string())] if labelled else []
    schema = pa.schema([pa.field("sample_id", pa.string()), *numbers, *words], metadata=_marks(cohort))
    with pq.ParquetWriter(folder / "cells.parquet", schema, compression="zstd") as writer:
        for sample in cohort.samples.index:
            table = _long(cohort, sample, labelled=labelled)
            # a row group a sample: one sample is read without the others
            writer.write_table(pa.Table.from_pandas(table, schema=schema, preserve_index=False), len(table))


def _write_csv(cohort: Cohort, folder: Path) -> None:
    _write_samples(cohort, folder)
    labelled = _labelled(cohort)
    with (folder / "cells.csv").open("w", encoding="utf-8", newline="") as file:
        write_csv_mark(file, _marks(cohort))
        write_csv_header(file, ["sample_id", *_markers(cohort), *([POPULATION] if labelled else [])])
        for sample in cohort.samples.index:
            table = _long(cohort, sample, labelled=labelled)
            write_csv_rows(file, table, cohort.raw(sample))


def _write_fcs(cohort: Cohort, folder: Path) -> None:
    (folder / "fcs").mkdir()
    files = _file_names(list(cohort.samples.index))
    for sample, name in files.items():
        write_fcs(folder / "fcs" / name, cohort.raw(sample), _markers(cohort), keywords=fcs_marks(_marks(cohort)))
    table = _samples(cohort, "sample", ("file", "sample_id")).reset_index()
    table.insert(1, "file", [f"fcs/{files[sample]}" for sample in cohort.samples.index])
    table.to_csv(folder / "sheet.csv", index=False, lineterminator="\n")


def _file_names(samples: list[str]) -> dict[str, str]:
    """Return a file name for every sample, distinct even where a file system ignores case."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for sample in samples:
        stem = re.sub(r"[^\w.+-]+", "_", sample).strip(".")[:80] or "sample"
        number, name = 1, f"{stem}.fcs"
        while name.lower() in taken:
            number += 1
            name = f"{stem}_{number}.fcs"
        taken.add(name.lower())
        names[sample] = name
    return names


def _write_h5ad(cohort: Cohort, folder: Path) -> None:
    samples = list(cohort.samples.index)
    cells = np.concatenate([cohort.raw(sample) for sample in samples])
    of_cell = np.repeat(np.arange(len(samples)), [int(cohort.cell_counts[sample]) for sample in samples])
    obs = _samples(cohort, "sample", (POPULATION,)).rename_axis(None).iloc[of_cell].reset_index(drop=True)
    names = pd.Categorical(np.array(samples, dtype=object)[of_cell], categories=samples)
    obs.insert(0, "sample", pd.Series(names))
    labels = [cohort.populations(sample) for sample in samples]
    if all(found is not None for found in labels):
        obs[POPULATION] = pd.Categorical(np.concatenate([found for found in labels if found is not None]))
    obs.index = pd.Index([f"cell{number}" for number in range(len(obs))])
    save_annotated(folder / "cohort.h5ad", cells, obs, markers=_markers(cohort), uns=_marks(cohort))
