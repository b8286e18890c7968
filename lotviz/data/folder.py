"""The three kinds of cohort on disk, each opened to the same thing: a sample table, channels, counts and a source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.annotated import open_annotated, sample_column, sample_table
from lotviz.data.fcs import open_fcs
from lotviz.data.markers import reason_left_out
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed
from lotviz.data.sheet import Sheet, find_file, read_sheet
from lotviz.data.sources import FileSource, Found, LongSource, LongTable, SampleFile, TableFile
from lotviz.data.tables import POPULATION_KEYS, SAMPLE_KEYS, open_table

CELL_SUFFIXES = (".fcs", ".lmd", ".parquet", ".csv", ".tsv", ".h5ad", ".zarr")
PICKLED = (".pkl", ".pickle", ".joblib", ".rds", ".rdata", ".rda", ".npy", ".npz")


def refuse_pickle(path: Path, where: str) -> None:
    """Refuse a file whose reading can run code, or that is another program's own."""
    if path.suffix.lower() in PICKLED:
        what = f"Expected a table, FCS or AnnData file, found a {path.suffix} file, which is never opened."
        raise CohortError(Problem(where, what, "Save the cells as parquet, csv, h5ad or FCS."))


def require_within(path: Path, within: Path | None, where: str) -> None:
    """Refuse a path that leads out of the folder `within`, be it by "..", from the root or through a link."""
    if within is not None and not path.resolve().is_relative_to(within.resolve()):
        what = f"Expected a path inside the data root, found {path.name} outside it."
        raise CohortError(Problem(where, what, "Put the file under the data root, or start lotviz with a wider one."))


def open_sheet(path: Path, where: str, *, within: Path | None = None) -> Found:
    """Open a sample sheet beside one file a sample; every problem of the sheet and its files is reported at once.

    Parameters
    ----------
    path, where
        The sheet, and what messages call it.
    within
        A folder that no file named in the sheet may lie outside of.

    Raises
    ------
    CohortError
        With all problems found.
    """
    sheet = read_sheet(path, where, file_column=True)
    table = sheet.table
    problems: list[Problem] = []
    files: dict[str, SampleFile] = {}
    for number, (sample, name) in zip(sheet.rows, table["file"].astype(str).items(), strict=True):
        row = f"{where}, row {number}"
        try:
            require_within(path.parent / name.strip().replace("\\", "/"), within, row)
            files[str(sample)] = _open_named(path.parent, name, row)
        except CohortError as error:
            problems += error.problems
    if problems:
        raise CohortError(*problems)
    channels = {sample: file.markers for sample, file in files.items()}
    left_out = _left_out(files)
    common, warnings, lacking = _common(files, left_out, where)
    return Found(
        samples=table.drop(columns=["file"]),
        counts={sample: file.n_cells for sample, file in files.items()},
        markers=tuple(name for name in next(iter(channels.values())) if all(name in own for own in channels.values())),
        left_out={name: reason for name, reason in left_out.items() if name not in common},
        source=lambda markers: FileSource(files, markers),
        problems=(*warnings, *_notes(files), *_same_file(table["file"], where)),
        lacking=lacking,
    )


def _open_named(folder: Path, name: str, row: str) -> SampleFile:
    path, advice = find_file(folder, name)
    if advice:
        raise CohortError(Problem(row, f"Expected the file {name}, found no such file.", advice))
    refuse_pickle(path, row)
    suffix = path.suffix.lower()
    if suffix not in CELL_SUFFIXES or (path.is_dir() and suffix != ".zarr"):
        what = f"Expected a file of cells ({listed(CELL_SUFFIXES)}), found {name}."
        raise CohortError(Problem(row, what, "Export the sample as FCS, parquet, csv or h5ad."))
    file: SampleFile
    if suffix in (".fcs", ".lmd"):
        file = open_fcs(path, name)
    elif suffix in (".h5ad", ".zarr"):
        file = TableFile(open_annotated(path, name))
    else:
        file = TableFile(open_table(path, name))
    if file.n_cells == 0:
        raise CohortError(Problem(row, f"Expected cells, found none in {name}.", "Remove the row, or export it again."))
    return file


def _left_out(files: Mapping[str, SampleFile]) -> dict[str, str]:
    reasons = {}
    for file in files.values():
        for name in file.markers:
            reason = reason_left_out(name, raw_file=file.raw_file)
            if reason:
                reasons[name] = reason
    return reasons


def _common(
    files: Mapping[str, SampleFile], left_out: Mapping[str, str], where: str
) -> tuple[set[str], list[Problem], dict[str, tuple[str, ...]]]:
    """Markers that every file has, a warning for those that some lack, and which files lack each."""
    own = {sample: [name for name in file.markers if name not in left_out] for sample, file in files.items()}
    union = list(dict.fromkeys(name for names in own.values() for name in names))
    common = set(union).intersection(*map(set, own.values()))
    everything = dict.fromkeys(name for file in files.values() for name in file.markers)
    lacking = {
        name: tuple(file.where for file in files.values() if name not in file.markers)
        for name in everything
        if any(name not in file.markers for file in files.values())
    }
    missing = [
        (files[sample].where, [name for name in union if name not in names])
        for sample, names in own.items()
        if len(names) < len(union)
    ]
    sentences = "; ".join(f"{file} lacks {listed(names)}" for file, names in missing)
    if missing and len(common) < 2:
        what = f"Expected the same markers in every file, found {len(common)} in common: {sentences}."
        raise CohortError(Problem(where, what, "Rename the markers alike, or remove the files that differ."))
    if not common:
        what = f"Expected at least one marker, found {f'only {listed(left_out)}' if left_out else 'no numbers'}."
        raise CohortError(Problem(where, what, "Name the markers to use."))
    if not missing:
        return common, [], lacking
    what = f"{len(common)} of {len(union)} markers are in every file and used: {sentences}."
    return common, [Problem(where, what, "Rename markers alike if they are the same.", "warning")], lacking


def _notes(files: Mapping[str, SampleFile]) -> list[Problem]:
    notes: dict[tuple[str, str], list[str]] = {}
    for file in files.values():
        for note in file.notes:
            notes.setdefault(note, []).append(file.where)
    return [
        Problem(
            listed(places, 4), f"Each of {len(places)} file{'s' if len(places) > 1 else ''} {what}.", fix, "warning"
        )
        for (what, fix), places in notes.items()
    ]


def _same_file(names: pd.Series, where: str) -> list[Problem]:
    problems = []
    for name, samples in names.groupby(names.str.strip()).groups.items():
        if len(samples) > 1:
            what = f"The file {name} is given for {len(samples)} samples: {listed(map(str, samples))}."
            problems.append(Problem(where, what, "Give every sample a file of its own.", "warning"))
    return problems


def open_long(samples: Path, cells: Path, where: str) -> Found:
    """Open a folder with a table of samples and one long table of cells.

    Raises
    ------
    CohortError
        When either cannot be read, or they do not speak of the same samples.
    """
    sheet = read_sheet(samples, f"{where}/{samples.name}", file_column=False)
    place = f"{where}/{cells.name}"
    long = open_table(cells, place)
    key = next((name for name in SAMPLE_KEYS if name in (*long.text, *long.markers)), None)
    if key is None:
        what = f"Expected a column sample_id (or sample), found {listed((*long.text, *long.markers), 40)}."
        raise CohortError(Problem(place, what, "Add the column that names the sample of each cell."))
    codes = _matched(sheet, long.words(key), f"{where}/{samples.name}", place)
    markers = tuple(name for name in long.markers if name != key)
    left_out = {name: reason for name in markers if (reason := reason_left_out(name, raw_file=False))}
    text = {name: "text" for name in long.text if name != key and name not in POPULATION_KEYS}
    if not [name for name in markers if name not in left_out]:
        raise CohortError(Problem(place, "Expected columns of numbers, found none.", "Add the markers as columns."))
    samples_found = tuple(str(name) for name in sheet.table.index)
    counts = np.bincount(codes, minlength=len(samples_found))
    long_table: LongTable = long
    return Found(
        samples=sheet.table,
        counts={name: int(count) for name, count in zip(samples_found, counts, strict=True)},
        markers=markers,
        left_out={**left_out, **text},
        source=lambda chosen: LongSource(long_table, samples_found, codes, chosen),
    )


def _matched(sheet: Sheet, names: pd.Categorical, typed: str, place: str) -> NDArray[np.int32]:
    """Return for each cell the position of its sample in the sheet."""
    known = sheet.table.index
    # one look-up a name, not one a cell; the last entry serves the code -1 of a cell without a name
    of_name = np.append(pd.Index(known).get_indexer(pd.Index(names.categories)), -1).astype(np.int32)
    problems = []
    unnamed = np.flatnonzero(names.codes < 0)
    if len(unnamed):
        what = f"Expected the name of a sample, found nothing (in {len(unnamed)} rows)."
        problems.append(Problem(f"{place}, row {unnamed[0] + 1}", what, "Fill in the sample of every cell."))
    for code in np.flatnonzero(of_name[:-1] < 0).tolist():
        rows, name = np.flatnonzero(names.codes == code), str(names.categories[code])
        what = f"Expected a sample of {Path(typed).name}, found {name} ({len(rows)} cells)."
        fix = did_you_mean(name, known) or f"Add a row {name} to {Path(typed).name}, or remove its cells."
        problems.append(Problem(f"{place}, row {rows[0] + 1}", what, fix))
    present = set(of_name.tolist())
    for position, name in enumerate(known):
        if position not in present:
            what = f"Expected cells of sample {name}, found none in {Path(place).name}."
            problems.append(Problem(f"{typed}, row {sheet.rows[position]}", what, "Remove the row, or add its cells."))
    if problems:
        raise CohortError(*problems)
    return of_name[names.codes]


def open_one_annotated(path: Path, where: str, sample_key: str | None) -> Found:
    """Open one AnnData file with the cells of all samples.

    Raises
    ------
    CohortError
        When it cannot be read, is empty, or the sample of a cell is not known.
    """
    table = open_annotated(path, where)
    obs = table.obs
    if not len(obs):
        raise CohortError(Problem(where, "Expected cells, found none.", "Write the file again with its cells."))
    key, problems = sample_column(obs, where, sample_key)
    unnamed = obs[key].isna().to_numpy()
    if unnamed.any():
        row = int(np.flatnonzero(unnamed)[0]) + 1
        what = f"Expected the sample of every cell in obs column {key}, found nothing in {int(unnamed.sum())} cells."
        raise CohortError(Problem(f"{where}, row {row}", what, "Fill in the column, or remove these cells."))
    samples = sample_table(obs, key)
    codes = pd.Index(samples.index).get_indexer(obs[key].astype(str)).astype(np.int32)
    names = tuple(str(name) for name in samples.index)
    left_out = {name: reason for name in table.markers if (reason := reason_left_out(name, raw_file=False))}
    twice = sorted(name for name, count in Counter(table.markers).items() if count > 1)
    if twice:
        what = f"Expected every marker once in var_names, found {listed(twice)} more than once."
        raise CohortError(Problem(where, what, "Call AnnData.var_names_make_unique and write the file again."))
    counts = np.bincount(codes, minlength=len(names))
    return Found(
        samples=samples,
        counts={name: int(count) for name, count in zip(names, counts, strict=True)},
        markers=table.markers,
        left_out=left_out,
        source=lambda chosen: LongSource(table, names, codes, chosen),
        problems=problems,
    )


def sheet_in(folder: Path) -> Path | None:
    """Return the sample table of a folder, by its usual names."""
    names: Sequence[str] = [f"{stem}{suffix}" for stem in ("sheet", "samples") for suffix in (".csv", ".tsv", ".xlsx")]
    return next((folder / name for name in names if (folder / name).is_file()), None)
