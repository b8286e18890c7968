"""Opening a cohort from disk: the door every file comes through, and the choice of its markers and transform."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.cohort import CellSource, Cohort
from lotviz.data.folder import open_long, open_one_annotated, open_sheet, refuse_pickle, require_within, sheet_in
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed
from lotviz.data.sheet import SHEET_SUFFIXES, has_column
from lotviz.data.sources import Found
from lotviz.data.transforms import Transform

FEW_CELLS = 100
MANY_MARKERS = 200
TRUTH_FILE = "truth.json"
_RAW_ABOVE = 50.0
TRANSFORMED_BELOW = 12.0
_PEEKED_SAMPLES, _PEEKED_CELLS = 8, 20_000


def read_cohort(
    path: str | Path,
    *,
    markers: Sequence[str] | None = None,
    transform: str | Transform | None = None,
    cofactor: float = 5.0,
    sample_key: str | None = None,
    within: str | Path | None = None,
) -> Cohort:
    """Open a cohort; cells are read when they are asked for.

    Parameters
    ----------
    path
        A sample sheet (csv, tsv, xlsx with columns sample and file) beside its FCS, parquet, csv or h5ad files; a
        folder with samples.csv and one long cells.parquet or cells.csv; or one h5ad or zarr with all cells.
    markers
        The markers to use; every measured marker when not given.
    transform
        "arcsinh", "log1p", "none" or a `Transform`. Decided by the values when not given: arcsinh when they
        reach beyond 50; `Cohort.problems` says which.
    cofactor
        For arcsinh.
    sample_key
        AnnData only: the column of obs that names the sample of a cell.
    within
        A folder that nothing may be read outside of, wherever a sheet or a link points.

    Raises
    ------
    CohortError
        With every problem found, naming the file and row, and how to put it right.
    """
    given = Path(path)
    try:
        found = _open(given, sample_key, None if within is None else Path(within))
    except OSError as error:
        what = f"Expected a file that may be read, found that it cannot be ({error.strerror})."
        raise CohortError(Problem(str(path), what, "Ask for access to it, or copy it.")) from error
    chosen, left = _choose_markers(found, markers, str(path))
    source = found.source(chosen)
    counts = pd.Series(dict(found.counts), name="cells", dtype=int)
    counts.index.name = "sample"
    decided, notes = _decide(source, list(found.samples.index), transform=transform, cofactor=cofactor, where=str(path))
    truth = _truth(given)
    return Cohort(
        name=_name(given),
        samples=found.samples,
        markers=chosen,
        cell_counts=counts,
        source=source,
        transform=decided,
        problems=(*found.problems, *left, *notes, *_small(counts, str(path)), *_wide(chosen, str(path))),
        origin=str(path),
        synthetic=truth is not None,
        truth=truth,
    )


def _open(path: Path, sample_key: str | None, within: Path | None) -> Found:
    where = path.name or str(path)
    if not path.exists():
        raise CohortError(_no_such_path(path))
    refuse_pickle(path, where)
    require_within(path, within, where)
    if path.is_dir():
        return _open_folder(path, where, sample_key, within)
    suffix = path.suffix.lower()
    if suffix in (".h5ad", ".h5"):
        return open_one_annotated(path, where, sample_key)
    if suffix in SHEET_SUFFIXES:
        return _open_table(path, where, within)
    if suffix == ".parquet":
        samples = sheet_in(path.parent)
        if samples is not None and path.name == "cells.parquet":
            require_within(samples, within, where)
            return open_long(samples, path, path.parent.name)
        fix = "Put samples.csv beside cells.parquet and open the folder, or name the file in a sample sheet."
        raise CohortError(Problem(where, "Expected a cohort, found one table of cells.", fix))
    if suffix in (".fcs", ".lmd"):
        fix = f"Write a sheet.csv with the columns sample, file and a row for each file such as: A,{path.name}"
        raise CohortError(Problem(where, "Expected a cohort, found the FCS file of one sample.", fix))
    what = f"Expected a sample sheet, a folder or an h5ad file, found a {suffix or 'nameless'} file."
    raise CohortError(Problem(where, what, "Open a sheet.csv with the columns sample, file."))


def _open_folder(path: Path, where: str, sample_key: str | None, within: Path | None) -> Found:
    if path.suffix.lower() == ".zarr" or (path / "zarr.json").exists() or (path / ".zgroup").exists():
        return open_one_annotated(path, where, sample_key)
    cells = next((path / name for name in ("cells.parquet", "cells.csv") if (path / name).is_file()), None)
    samples = path / "samples.csv" if (path / "samples.csv").is_file() else sheet_in(path)
    if cells is not None:
        if samples is None:
            what = f"Expected samples.csv beside {cells.name}, found none."
            fix = "Write samples.csv with the column sample_id and one row for each sample."
            raise CohortError(Problem(where, what, fix))
        require_within(cells, within, where)
        return open_long(samples, cells, where)
    sheet = sheet_in(path)
    if sheet is not None:
        if not has_column(sheet, "file") and has_column(sheet, "sample_id"):
            what = f"Expected cells.parquet or cells.csv beside {sheet.name}, found neither."
            raise CohortError(Problem(where, what, "Put the cells there, or name each sample's file in a column file."))
        return open_sheet(sheet, sheet.name, within=within)
    annotated = sorted([*path.glob("*.h5ad"), *path.glob("*.zarr")])
    if len(annotated) == 1:
        require_within(annotated[0], within, where)
        return open_one_annotated(annotated[0], annotated[0].name, sample_key)
    entries = sorted(entry.name for entry in path.iterdir())
    what = f"Expected a folder with samples.csv and cells.parquet, or with sheet.csv, found {listed(entries, 6)}."
    fcs = next((name for name in entries if name.lower().endswith((".fcs", ".lmd"))), None)
    fix = "Add a sheet.csv with the columns sample, file" + (f", such as: A,{fcs}" if fcs else ".")
    raise CohortError(Problem(where, what, fix))


def _open_table(path: Path, where: str, within: Path | None) -> Found:
    cells = next(
        (path.parent / name for name in ("cells.parquet", "cells.csv") if (path.parent / name).is_file()), None
    )
    if cells is not None and path != cells and not has_column(path, "file"):
        require_within(cells, within, where)
        return open_long(path, cells, path.parent.name)
    return open_sheet(path, where, within=within)


def _no_such_path(path: Path) -> Problem:
    parent = path.parent
    beside = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    fix = did_you_mean(path.name, beside) or "Check the path."
    return Problem(str(path), "Expected a file or folder, found nothing there.", fix)


def _name(path: Path) -> str:
    resolved = path.resolve()
    return resolved.parent.name if resolved.stem in ("sheet", "samples", "cells", "cohort") else resolved.stem


def _choose_markers(
    found: Found, markers: Sequence[str] | None, where: str
) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    if markers is not None:
        _require_markers(found, markers, where)
        return tuple(markers), ()
    chosen = tuple(name for name in found.markers if name not in found.left_out)
    by_reason: dict[str, list[str]] = {}
    for name, reason in found.left_out.items():
        by_reason.setdefault(reason, []).append(name)
    if not by_reason:
        return chosen, ()
    reasons = "; ".join(f"{reason}: {listed(names, 8)}" for reason, names in by_reason.items())
    what = f"{len(found.left_out)} channels are left out ({reasons})."
    return chosen, (Problem(where, what, "Name the markers to use if one of them is wanted.", "warning"),)


def _require_markers(found: Found, markers: Sequence[str], where: str) -> None:
    problems = []
    for name in dict.fromkeys(markers):
        if name in found.markers:
            continue
        if name in found.lacking:
            what = f"Expected marker {name} in every file, found none in {listed(found.lacking[name])}."
            problems.append(Problem(where, what, "Leave the marker or these samples out."))
        else:
            fix = did_you_mean(name, found.markers) or f"The markers are {listed(found.markers, 60)}."
            problems.append(Problem(where, f"Expected a measured marker, found {name}.", fix))
    twice = sorted({name for name in markers if list(markers).count(name) > 1})
    if twice:
        problems.append(Problem(where, f"Expected every marker once, found {listed(twice)} twice.", "Name it once."))
    if not markers:
        problems.append(Problem(where, "Expected at least one marker, found none.", "Name the markers to use."))
    if problems:
        raise CohortError(*problems)


def _decide(
    source: CellSource,
    samples: Sequence[str],
    *,
    transform: str | Transform | None,
    cofactor: float,
    where: str,
) -> tuple[Transform, tuple[Problem, ...]]:
    """Return the transform as asked for, or as the values suggest, with the warnings that go with it."""
    values = _peek(source, samples)
    peak = float(np.quantile(np.abs(values), 0.995, axis=0).max())
    if transform is None:
        kind, reason = _suggested(values, peak)
        decided = _transform(kind, cofactor, where)
        fix = "Name the transform if another is right"
        fix += "; fluorescence usually wants a cofactor of about 150." if kind == "arcsinh" else "."
        what = f"The transform {decided.describe()} was chosen: {reason}."
        return decided, (Problem(where, what, fix, "warning"),)
    decided = transform if isinstance(transform, Transform) else _transform(transform, cofactor, where)
    if decided.kind == "none" or peak >= TRANSFORMED_BELOW:
        return decided, ()
    return decided, (transformed_twice(decided, peak, where),)


def _suggested(values: NDArray[np.float32], peak: float) -> tuple[str, str]:
    if peak <= _RAW_ABOVE:
        return "none", f"values reach {peak:.4g}, which is a transformed scale"
    # display channels of a cytometer, as some programs export them: whole numbers from 0 to 1023, most far from 0
    if values.min() >= 0 and values.max() <= 1023 and np.median(values) >= 100 and (values == values.round()).all():
        return "none", "values are whole numbers from 0 to 1023, the channels of a display"
    return "arcsinh", f"values reach {peak:.4g}, which is a raw scale"


def transformed_twice(transform: Transform, peak: float, where: str) -> Problem:
    """Return the warning that a transform is about to be applied to values that already went through one."""
    what = f"Expected raw intensities for {transform.describe()}, found values no larger than {peak:.3g}."
    return Problem(where, what, "They look transformed already: choose the transform none.", "warning")


def _transform(kind: str, cofactor: float, where: str) -> Transform:
    try:
        return Transform(kind, cofactor)  # type: ignore[arg-type]  # refused there when it is another word
    except ValueError as error:
        raise CohortError(Problem(where, str(error), "")) from error


def _peek(source: CellSource, samples: Sequence[str]) -> NDArray[np.float32]:
    """Cells of up to eight samples spread over the cohort, (n, d), NaN and infinity as 0."""
    positions = np.unique(np.linspace(0, len(samples) - 1, min(_PEEKED_SAMPLES, len(samples))).astype(int))
    pooled = np.concatenate([source.read(samples[position])[:_PEEKED_CELLS] for position in positions])
    return np.where(np.isfinite(pooled), pooled, np.float32(0))


def _small(counts: pd.Series, where: str) -> tuple[Problem, ...]:
    few = [f"{name} ({count})" for name, count in counts.items() if count < FEW_CELLS]
    if not few:
        return ()
    what = f"{len(few)} of {len(counts)} samples have fewer than {FEW_CELLS} cells: {listed(few)}."
    return (Problem(where, what, "Their place on any map is uncertain; consider leaving them out.", "warning"),)


def _wide(markers: Sequence[str], where: str) -> tuple[Problem, ...]:
    if len(markers) <= MANY_MARKERS:
        return ()
    what = f"{len(markers)} markers are used, and distances between cells mean little among so many."
    return (Problem(where, what, "Choose the markers that matter, or use principal components.", "warning"),)


def _truth(path: Path) -> Mapping[str, Any] | None:
    """Return what a simulated cohort was planted with, written beside it; its presence marks the cells as synthetic."""
    file = (path if path.is_dir() and path.suffix != ".zarr" else path.parent) / TRUTH_FILE
    if not file.is_file():
        return None
    try:
        truth = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        what = f"Expected what was planted as JSON, found text that is not ({error})."
        raise CohortError(Problem(TRUTH_FILE, what, "Simulate the cohort again, or remove the file.")) from error
    return truth if isinstance(truth, dict) else {"truth": truth}
