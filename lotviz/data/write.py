"""Writing a cohort: a folder that read_cohort opens again, complete or not at all."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.cohort import Cohort
from lotviz.data.problems import CohortError, Problem
from lotviz.data.read import TRUTH_FILE

Format = Literal["parquet", "csv", "fcs", "h5ad"]


def write_cohort(cohort: Cohort, folder: str | Path, *, format: Format = "parquet") -> Path:  # noqa: A002  the word users type
    """Write raw cells and the sample table to a new folder.

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
        When the folder holds something already, or a sample cannot be read.
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
    target.parent.mkdir(parents=True, exist_ok=True)
    # written beside the target and renamed, so that an interrupted write leaves no half of a cohort
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as room:
        draft = Path(room) / target.name
        draft.mkdir()
        writers[format](cohort, draft)
        if cohort.truth is not None:
            text = json.dumps(_plain(cohort.truth), indent=2, ensure_ascii=False)
            (draft / TRUTH_FILE).write_text(text + "\n", encoding="utf-8")
        if target.exists():
            target.rmdir()
        shutil.move(draft, target)
    return target


def _plain(value: Any) -> Any:
    """Arrays and tuples as lists, for JSON."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def _write_samples(cohort: Cohort, folder: Path, key: str = "sample_id") -> None:
    cohort.samples.rename_axis(key).to_csv(folder / "samples.csv", lineterminator="\n")


def _long(cohort: Cohort, sample: str) -> pd.DataFrame:
    table = pd.DataFrame(cohort.raw(sample), columns=list(cohort.markers))
    table.insert(0, "sample_id", sample)
    labels = cohort.populations(sample)
    if labels is not None:
        table["cell_type"] = labels.astype(object)
    return table


def _write_parquet(cohort: Cohort, folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    _write_samples(cohort, folder)
    writer: pq.ParquetWriter | None = None
    for sample in cohort.samples.index:
        table = pa.Table.from_pandas(_long(cohort, sample), preserve_index=False)
        writer = writer or pq.ParquetWriter(folder / "cells.parquet", table.schema, compression="zstd")
        writer.write_table(table)  # a row group a sample: one sample is read without the others
    if writer is not None:
        writer.close()


def _write_csv(cohort: Cohort, folder: Path) -> None:
    _write_samples(cohort, folder)
    with (folder / "cells.csv").open("w", encoding="utf-8", newline="") as handle:
        for number, sample in enumerate(cohort.samples.index):
            # nine significant digits bring every float32 back as it was
            table = _long(cohort, sample)
            table.to_csv(handle, index=False, header=number == 0, float_format="%.9g", lineterminator="\n")


def _write_fcs(cohort: Cohort, folder: Path) -> None:
    from flowio import create_fcs

    (folder / "fcs").mkdir()
    files = _file_names(list(cohort.samples.index))
    for sample, name in files.items():
        raw = cohort.raw(sample)
        ranges = {f"P{number}R": str(_range(raw[:, number - 1])) for number in range(1, raw.shape[1] + 1)}
        with (folder / "fcs" / name).open("wb") as handle:
            events = raw.astype(float).ravel().tolist()
            create_fcs(handle, events, list(cohort.markers), list(cohort.markers), metadata_dict=ranges)
    table = cohort.samples.rename_axis("sample").reset_index()
    table.insert(1, "file", [f"fcs/{files[sample]}" for sample in cohort.samples.index])
    table.to_csv(folder / "sheet.csv", index=False, lineterminator="\n")


def _range(values: NDArray[np.float32]) -> int:
    top = float(values.max()) if len(values) else 0.0
    return max(1024, int(np.ceil(top)) + 1)


def _file_names(samples: list[str]) -> dict[str, str]:
    """Return a file name for every sample, distinct even where a file system ignores case."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for sample in samples:
        stem = re.sub(r"[^\w.+-]+", "_", sample).strip(".") or "sample"
        number, name = 1, f"{stem}.fcs"
        while name.lower() in taken:
            number += 1
            name = f"{stem}_{number}.fcs"
        taken.add(name.lower())
        names[sample] = name
    return names


def _write_h5ad(cohort: Cohort, folder: Path) -> None:
    from anndata import AnnData

    samples = list(cohort.samples.index)
    cells = np.concatenate([cohort.raw(sample) for sample in samples])
    of_cell = np.repeat(np.arange(len(samples)), [int(cohort.cell_counts[sample]) for sample in samples])
    obs = cohort.samples.rename_axis(None).iloc[of_cell].reset_index(drop=True)
    names = pd.Categorical(np.array(samples, dtype=object)[of_cell], categories=samples)
    obs.insert(0, "sample", pd.Series(names))
    labels = [cohort.populations(sample) for sample in samples]
    if all(found is not None for found in labels):
        obs["cell_type"] = pd.Categorical(np.concatenate([found for found in labels if found is not None]))
    obs.index = pd.Index([f"cell{number}" for number in range(len(obs))])
    var = pd.DataFrame(index=pd.Index(list(cohort.markers)))
    AnnData(cells, obs=obs, var=var).write_h5ad(folder / "cohort.h5ad", compression="gzip")
