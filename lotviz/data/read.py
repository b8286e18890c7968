"""Opening a cohort from disk: the door every file comes through, and the choice of its markers and transform."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lotviz.data.annotated.reader import AnnotatedChoices
from lotviz.data.cohort import Cohort
from lotviz.data.folder import open_long, open_one_annotated, open_sheet, sheet_in
from lotviz.data.genes.components import Components, on_components
from lotviz.data.how import HowRead
from lotviz.data.named import refuse_pickle, require_within
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed
from lotviz.data.sources import Found
from lotviz.data.tables.draft import draft_sheet
from lotviz.data.tables.sheet import SHEET_SUFFIXES, has_column, header_has
from lotviz.data.transforms.deciding import Cofactor, RawCells, TransformChoice, decide_transform

FEW_CELLS = 100
MANY_MARKERS = 200
TRUTH_FILE = "truth.json"


def read_cohort(
    path: str | Path,
    *,
    markers: Sequence[str] | None = None,
    transform: TransformChoice = None,
    cofactor: Cofactor = None,
    rename: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    sample_key: str | None = None,
    population_key: str | None = None,
    layer: str | None = None,
    components: int | Components | None = None,
    genes: int = 2_000,
    compensate: bool | None = None,
    skip_unreadable: bool = False,
    within: str | Path | None = None,
) -> Cohort:
    """Open a cohort; cells are read when they are asked for.

    Parameters
    ----------
    path
        A sample sheet (csv, tsv, xlsx with columns sample and file) beside its FCS, parquet, csv, xlsx or h5ad files; a
        folder with samples.csv and one long cells.parquet or cells.csv; or one h5ad or zarr with all cells.
    markers
        The markers to use; every measured marker when not given.
    transform
        "arcsinh", "logicle" (fitted to the negative values of each marker), "log1p", "none", a `Transform`, or one of
        these for each marker by its name, with "*" for those that are not named. Decided by the values when not
        given: arcsinh when they reach beyond 50; `Cohort.problems` says which.
    cofactor
        Of arcsinh where only its name is given: a number, or "fitted" to the negative values of each marker. By the
        instrument when not given: 5 in mass cytometry, 150 in fluorescence; `Cohort.problems` says which and why.
    rename
        New names of channels by the names they have in the files; a file without such a channel stays as it is.
    columns
        The columns of the sheet by role, {"sample": "Probe", "file": "Datei"}; recognised by their names when not
        given: `Cohort.problems` says which.
    sample_key
        The column that names the sample of a cell: of obs in AnnData, or of one table with the cells of all samples.
    population_key
        AnnData only: the column of obs that names the population of a cell; guessed by its name when not given.
    layer
        AnnData only: "X", "raw", "layers/NAME" or "obsm/NAME", whose columns are called NAME1, NAME2, ...
    components
        Use so many principal components of the genes as markers, called PC1, PC2, ...: counts are normalised by cell
        and log1p, and components are fitted on pooled cells of all samples; `Cohort.components` keeps the loadings.
        Or the components of another cohort, used as they are, to place new samples beside it.
    genes
        How many genes components are made of: those that vary most.
    compensate
        FCS only: whether the spillover matrix of each file is applied. When not given it is, unless the matrix is the
        identity or the channels are named as compensated already; `Cohort.problems` says which.
    skip_unreadable
        Leave out samples whose file cannot be read, with a warning that names each and the reason.
    within
        A folder that nothing may be read outside of, wherever a sheet or a link points.

    Raises
    ------
    CohortError
        With every problem found, naming the file and row, and how to put it right.
    """
    given = Path(path)
    how = HowRead(
        within=None if within is None else Path(within),
        columns=columns,
        rename=rename,
        compensate=compensate,
        annotated=AnnotatedChoices(sample_key, population_key, layer, counts=components is not None),
        skip_unreadable=skip_unreadable,
    )
    try:
        found = _open(given, how)
        if components is not None:
            found = on_components(found, components=components, variable=genes, where=str(path))
    except OSError as error:
        what = f"Expected a file that may be read, found that it cannot be ({error.strerror})."
        raise CohortError(Problem(str(path), what, "Ask for access to it, or copy it.")) from error
    chosen, left = _choose_markers(found, markers, str(path))
    source = found.source(chosen)
    counts = pd.Series(dict(found.counts), name="cells", dtype=int)
    counts.index.name = "sample"
    raw = RawCells(source, list(found.samples.index), chosen, found.instrument, found.markers)
    # scores on components are on a transformed scale, and reading them only to say so takes long
    choice = "none" if transform is None and found.components is not None else transform
    decided, notes = decide_transform(raw, choice, cofactor, where=str(path))
    truth = _truth(given, how.within)
    return Cohort(
        name=_name(given),
        samples=found.samples,
        markers=chosen,
        cell_counts=counts,
        source=source,
        transform=decided,
        problems=(*found.problems, *left, *notes, *_small(counts, str(path)), *_wide(chosen, str(path))),
        origin=str(path),
        synthetic=truth is not None or found.synthetic,
        truth=truth,
        channels=found.markers,
        components=None if found.components is None else found.components.choose(chosen),
        compensated=found.compensated,
    )


def _open(path: Path, how: HowRead) -> Found:
    where = path.name or str(path)
    if not path.exists():
        raise CohortError(_no_such_path(path))
    refuse_pickle(path, where)
    require_within(path, how.within, where)
    if path.is_dir():
        return _open_folder(path, where, how)
    suffix = path.suffix.lower()
    if suffix in (".h5ad", ".h5"):
        return open_one_annotated(path, where, how)
    if suffix in SHEET_SUFFIXES:
        return _open_table(path, where, how)
    if suffix == ".parquet":
        samples = sheet_in(path.parent)
        if samples is not None and path.name == "cells.parquet":
            require_within(samples, how.within, where)
            return open_long(samples, path, path.parent.name, how)
        fix = "Put samples.csv beside cells.parquet and open the folder, or name the file in a sample sheet."
        raise CohortError(Problem(where, "Expected a cohort, found one table of cells.", fix))
    if suffix in (".fcs", ".lmd"):
        fix = (
            f"Write a sheet.csv with the columns sample, file and rows such as: A,{path.name} (the command lotviz "
            "sheet does for its folder)."
        )
        raise CohortError(Problem(where, "Expected a cohort, found the FCS file of one sample.", fix))
    what = f"Expected a sample sheet, a folder or an h5ad file, found a {suffix or 'nameless'} file."
    raise CohortError(Problem(where, what, "Open a sheet.csv with the columns sample, file."))


def _open_folder(path: Path, where: str, how: HowRead) -> Found:
    if path.suffix.lower() == ".zarr" or (path / "zarr.json").exists() or (path / ".zgroup").exists():
        return open_one_annotated(path, where, how)
    cells = next((path / name for name in ("cells.parquet", "cells.csv") if (path / name).is_file()), None)
    samples = path / "samples.csv" if (path / "samples.csv").is_file() else sheet_in(path)
    if cells is not None:
        if samples is None:
            what = f"Expected samples.csv beside {cells.name}, found none."
            fix = "Write samples.csv with the column sample_id and one row for each sample."
            raise CohortError(Problem(where, what, fix))
        for file in (samples, cells):
            require_within(file, how.within, where)
        return open_long(samples, cells, where, how)
    sheet = sheet_in(path)
    if sheet is not None:
        require_within(sheet, how.within, where)
        if not has_column(sheet, "file", how.columns) and header_has(sheet, "sample_id"):
            what = f"Expected cells.parquet or cells.csv beside {sheet.name}, found neither."
            raise CohortError(Problem(where, what, "Put the cells there, or name each sample's file in a column file."))
        return open_sheet(sheet, sheet.name, how)
    tables = sorted([*path.glob("*.h5ad"), *path.glob("*.zarr")])
    if len(tables) == 1:
        require_within(tables[0], how.within, where)
        return open_one_annotated(tables[0], tables[0].name, how)
    entries = sorted(entry.name for entry in path.iterdir())
    what = f"Expected a folder with samples.csv and cells.parquet, or with sheet.csv, found {listed(entries, 6)}."
    proposed = draft_sheet(path)
    fix = "Add a sheet.csv with the columns sample, file."
    if len(proposed):
        row = ",".join(proposed.iloc[0])
        many = "the file" if len(proposed) == 1 else f"each of {len(proposed)} files"
        fix = (
            f"Add a sheet.csv with the columns sample, file and rows such as: {row} (the command lotviz sheet writes a "
            f"row for {many}, and draft_sheet does in Python)."
        )
    raise CohortError(Problem(where, what, fix))


def _open_table(path: Path, where: str, how: HowRead) -> Found:
    cells = next(
        (path.parent / name for name in ("cells.parquet", "cells.csv") if (path.parent / name).is_file()), None
    )
    if cells is not None and path != cells and not has_column(path, "file", how.columns):
        require_within(cells, how.within, where)
        return open_long(path, cells, path.parent.name, how)
    return open_sheet(path, where, how)


def _no_such_path(path: Path) -> Problem:
    parent = path.parent
    beside = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    fix = did_you_mean(path.name, beside) or "Check the path."
    return Problem(str(path), "Expected a file or folder, found nothing there.", fix)


def _name(path: Path) -> str:
    resolved = path.resolve()
    plain = re.match(r"(sheet|samples|cells|cohort)\b", resolved.stem)
    return resolved.parent.name if plain else resolved.stem


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
    count = len(found.left_out)
    what = f"{count} {'channel is' if count == 1 else 'channels are'} left out ({reasons})."
    return chosen, (Problem(where, what, "Name the markers to use if one of them is wanted.", "warning"),)


def _require_markers(found: Found, markers: Sequence[str], where: str) -> None:
    problems = []
    for name in dict.fromkeys(markers):
        if name in found.markers:
            continue
        if name in found.lacking:
            what = f"Expected marker {name} in every file, found that {listed(found.lacking[name])} lack it."
            if len(found.lacking[name]) == 1:
                what = f"Expected marker {name} in every file, found that {found.lacking[name][0]} lacks it."
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


def _small(counts: pd.Series, where: str) -> tuple[Problem, ...]:
    few = [f"{name} ({count})" for name, count in counts.items() if count < FEW_CELLS]
    if not few:
        return ()
    have = "sample has" if len(counts) == 1 else "samples have"
    what = f"{len(few)} of {len(counts)} {have} fewer than {FEW_CELLS} cells: {listed(few)}."
    return (Problem(where, what, "Their place on any map is uncertain; consider leaving them out.", "warning"),)


def _wide(markers: Sequence[str], where: str) -> tuple[Problem, ...]:
    if len(markers) <= MANY_MARKERS:
        return ()
    what = f"{len(markers)} markers are used, and distances between cells mean little among so many."
    return (Problem(where, what, "Choose the markers that matter, or use principal components.", "warning"),)


def _truth(path: Path, within: Path | None) -> Mapping[str, Any] | None:
    """Return what a simulated cohort was planted with, written beside it; its presence marks the cells as synthetic."""
    file = (path if path.is_dir() and path.suffix != ".zarr" else path.parent) / TRUTH_FILE
    if not file.is_file():
        return None
    require_within(file, within, TRUTH_FILE)
    try:
        truth = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        what = f"Expected what was planted, found a file that cannot be read ({error.strerror})."
        raise CohortError(Problem(TRUTH_FILE, what, "Ask for access to it, or copy it.")) from error
    except (ValueError, RecursionError) as error:
        what = f"Expected what was planted as JSON, found text that is not ({error})."
        raise CohortError(Problem(TRUTH_FILE, what, "Simulate the cohort again, or remove the file.")) from error
    return truth if isinstance(truth, dict) else {"truth": truth}
