"""The three kinds of cohort on disk, each opened to the same thing: a sample table, channels, counts and a source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.annotated.reader import AnnotatedTable, open_annotated, sample_column, sample_table
from lotviz.data.fcs.reader import FcsFile, open_fcs
from lotviz.data.how import HowRead
from lotviz.data.markers import Instrument, instrument_of, reasons_left_out
from lotviz.data.named import data_set_of, named_file
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed
from lotviz.data.renaming import RenamedFile, channel_problems, look_alikes_said, rename_files, rename_found
from lotviz.data.sources import FileSource, Found, LongSource, LongTable, SampleFile, TableFile
from lotviz.data.tables.cells import CsvTable, open_table
from lotviz.data.tables.columns import candidates
from lotviz.data.tables.parquet import ParquetTable
from lotviz.data.tables.pieces import POPULATION_KEYS
from lotviz.data.tables.sheet import Sheet, by_row, is_nothing, read_sheet, survey_sheet


def open_sheet(path: Path, where: str, how: HowRead) -> Found:
    """Open a sample sheet beside one file a sample; every problem of the sheet and its files is reported at once.

    Parameters
    ----------
    path, where
        The sheet, and what messages call it.

    Raises
    ------
    CohortError
        With all problems found.
    """
    sheet = survey_sheet(path, where, file_column=True, columns=how.columns)
    problems = [problem for problem in sheet.problems if problem.severity == "error"]
    files, unreadable = _opened(sheet, path.parent, where, how)
    if problems or (unreadable and not (how.skip_unreadable and files)):
        raise CohortError(*by_row([*problems, *unreadable]))
    table, compensated = sheet.table.loc[list(files)], _compensated(files)
    files = rename_files(files, how.rename, where)
    channels = {sample: file.markers for sample, file in files.items()}
    left_out = _left_out(files)
    common, warnings, lacking = _common(files, left_out, where)
    return Found(
        samples=table,
        counts={sample: file.n_cells for sample, file in files.items()},
        markers=tuple(name for name in next(iter(channels.values())) if all(name in own for own in channels.values())),
        left_out={**{name: why for name, why in left_out.items() if name not in common}, **_annotations(files)},
        source=lambda markers: FileSource(files, markers),
        problems=(
            *_skipped(unreadable),
            *sheet.problems,
            *warnings,
            *_moved(files, left_out, where),
            *_notes(files),
            *_annotated_notes(files),
            *_synthetic_among(files, where),
        ),
        lacking=lacking,
        instrument=_instrument(files),
        synthetic=any(file.said.synthetic for file in files.values()),
        compensated=compensated,
    )


def _compensated(files: Mapping[str, SampleFile]) -> bool | None:
    """Return whether the files are compensated, where all with a spillover matrix agree."""
    found = set()
    for file in files.values():
        if isinstance(file, FcsFile):
            found.add(file.spillover.compensated if file.spillover else False if file.left_uncompensated else None)
    found -= {None}
    return found.pop() if len(found) == 1 else None


def _opened(sheet: Sheet, folder: Path, where: str, how: HowRead) -> tuple[dict[str, SampleFile], list[Problem]]:
    """Return the files of the sheet by sample, and the problems of those that cannot be opened."""
    files: dict[str, SampleFile] = {}
    unreadable: list[Problem] = []
    opened: dict[str, SampleFile | CohortError] = {}  # a file may stand in many rows
    for number, (sample, name) in zip(sheet.rows, zip(sheet.table.index, sheet.files, strict=True), strict=True):
        row = f"{where}, row {number}"
        if is_nothing(name):  # said already
            continue
        try:
            path = named_file(folder, name, row, within=how.within)
            if name not in opened:
                opened[name] = _open_or_refusal(path, name, how)
            files[str(sample)] = _with_cells(opened[name], row)
        except CohortError as error:
            unreadable += [problem for problem in error.problems if problem not in unreadable]
    return files, unreadable


def _open_or_refusal(path: Path, name: str, how: HowRead) -> SampleFile | CohortError:
    try:
        return _open_named(path, name, how)
    except CohortError as error:
        return error


def _with_cells(file: SampleFile | CohortError, row: str) -> SampleFile:
    if isinstance(file, CohortError):
        raise file
    if file.n_cells == 0:
        what = f"Expected cells, found none in {file.where}."
        raise CohortError(Problem(row, what, "Remove the row, or export it again."))
    return file


def _skipped(unreadable: Sequence[Problem]) -> list[Problem]:
    """Return what could not be read as warnings: the user chose to go on without."""
    return [
        replace(problem, severity="warning", fix=f"The sample was left out, as you chose. {problem.fix}")
        for problem in unreadable
    ]


def _channels(file: SampleFile) -> tuple[str, ...]:
    """Return $PnN of every channel of an FCS file, in the order of its markers; none for other files."""
    own = _own(file)
    return tuple(channel.name.strip() for channel in own.layout.channels) if isinstance(own, FcsFile) else ()


def _instrument(files: Mapping[str, SampleFile]) -> Instrument:
    return instrument_of(name for file in files.values() for name in (*file.markers, *_channels(file)))


def _moved(files: Mapping[str, SampleFile], left_out: Mapping[str, str], where: str) -> list[Problem]:
    """Warn of stains and channels that go together differently in different files."""
    channels = {
        file.where: {
            name: channel for name, channel in zip(file.markers, _channels(file), strict=True) if name not in left_out
        }
        for file in files.values()
        if _channels(file)
    }
    return channel_problems(channels, where)


def _open_named(path: Path, name: str, how: HowRead) -> SampleFile:
    suffix = path.suffix.lower()
    if suffix in (".fcs", ".lmd"):
        dataset = data_set_of(path.parent, Path(name.replace("\\", "/")).name)[1]
        return open_fcs(path, name, compensate=how.compensate, dataset=dataset)
    if suffix in (".h5ad", ".zarr"):
        return TableFile(open_annotated(path, name, how.annotated))
    table = open_table(path, name)
    return TableFile(table, table.notes)


def _left_out(files: Mapping[str, SampleFile]) -> dict[str, str]:
    reasons: dict[str, str] = {}
    for file in files.values():
        reasons |= reasons_left_out(file.markers, file.said, raw_file=file.raw_file)
    return reasons


def _annotations(files: Mapping[str, SampleFile]) -> dict[str, str]:
    """Return the columns of text in tables, which no file has as a marker, and why they are left out."""
    markers = {name for file in files.values() for name in file.markers}
    tables = [table for table in _tables(files) if isinstance(table, (ParquetTable, CsvTable))]
    names = [name for table in tables for name in table.annotations]
    return {name: "text" for name in names if name not in markers}


def _tables(files: Mapping[str, SampleFile]) -> list[LongTable]:
    """Return the tables among the files."""
    return [own.table for own in map(_own, files.values()) if isinstance(own, TableFile)]


def _own(file: SampleFile) -> SampleFile:
    """Return the file itself where its channels were renamed."""
    return file.file if isinstance(file, RenamedFile) else file


def _synthetic_among(files: Mapping[str, SampleFile], where: str) -> list[Problem]:
    """Warn of synthetic files among measured ones."""
    samples = tuple(sample for sample, file in files.items() if file.said.synthetic)
    if len(samples) in (0, len(files)):
        return []
    named = listed(dict.fromkeys(files[sample].where for sample in samples))
    say = "says that its" if len(samples) == 1 else "say that their"
    what = f"{len(samples)} of {len(files)} files {say} cells are synthetic, never measured: {named}."
    fix = "Take them out of the sheet unless they are meant to stand beside measured ones."
    return [Problem(where, what, fix, "warning", samples)]


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
    proposed = look_alikes_said({file.where: own[sample] for sample, file in files.items()})
    if missing and len(common) < 2:
        what = f"Expected the same markers in every file, found {len(common)} in common: {sentences}."
        fix = "Rename the markers alike, or remove the files that differ."
        raise CohortError(Problem(where, what, f"{fix} {proposed}".strip()))
    if not common:
        what = f"Expected at least one marker, found {f'only {listed(left_out)}' if left_out else 'no numbers'}."
        fix = "Name the markers to use."
        if not left_out:
            fix = "Write a column of numbers for each marker, with a comma, semicolon, tab or | between columns."
        raise CohortError(Problem(where, what, fix))
    if not missing:
        return common, [], lacking
    what = f"{len(common)} of {len(union)} markers are in every file and used: {sentences}."
    fix = proposed or "Rename markers alike if they are the same."
    return common, [Problem(where, what, fix, "warning")], lacking


def _notes(files: Mapping[str, SampleFile]) -> list[Problem]:
    notes: dict[tuple[str, str], list[str]] = {}
    for file in files.values():
        for note in file.notes:
            notes.setdefault(note, []).append(file.where)
    return [
        Problem(listed(places, 4), f"{_each(len(places))} {what}.", fix, "warning")
        for (what, fix), places in notes.items()
    ]


def _annotated_notes(files: Mapping[str, SampleFile]) -> list[Problem]:
    """Return what AnnData files said when they were opened, once for all that said the same."""
    places: dict[tuple[str, str], list[str]] = {}
    for table in _tables(files):
        for note in table.notes if isinstance(table, AnnotatedTable) else ():
            places.setdefault((note.what, note.fix), []).append(note.where)
    return [Problem(listed(named, 4), what, fix, "warning") for (what, fix), named in places.items()]


def _each(count: int) -> str:
    return "The file" if count == 1 else f"Each of {count} files"


def open_long(samples: Path, cells: Path, where: str, how: HowRead) -> Found:
    """Open a folder with a table of samples and one long table of cells.

    Raises
    ------
    CohortError
        When either cannot be read, or they do not speak of the same samples.
    """
    sample_key = how.annotated.sample_key
    sheet = read_sheet(samples, f"{where}/{samples.name}", file_column=False, columns=how.columns)
    place = f"{where}/{cells.name}"
    long = open_table(cells, place, sample_key=sample_key)
    key, guessed = _sample_key((*long.text, *long.markers), place, sample_key)
    codes = _matched(sheet, long.words(key), f"{where}/{samples.name}", place)
    markers = tuple(name for name in long.markers if name != key)
    left_out = reasons_left_out(markers, long.said, raw_file=False)
    named = (*long.text, *long.annotations)
    text = {name: "text" for name in named if name != key and name not in POPULATION_KEYS}
    if not [name for name in markers if name not in left_out]:
        raise CohortError(Problem(place, "Expected columns of numbers, found none.", "Add the markers as columns."))
    samples_found = tuple(str(name) for name in sheet.table.index)
    counts = np.bincount(codes, minlength=len(samples_found))
    long_table: LongTable = long
    found = Found(
        samples=sheet.table,
        counts={name: int(count) for name, count in zip(samples_found, counts, strict=True)},
        markers=markers,
        left_out={**left_out, **text},
        source=lambda chosen: LongSource(long_table, samples_found, codes, chosen),
        problems=(*sheet.problems, *guessed, *_table_notes(long.notes, place)),
        instrument=instrument_of(markers),
        synthetic=long.said.synthetic,
    )
    return rename_found(found, how.rename, where)


def _sample_key(names: Sequence[str], place: str, asked: str | None) -> tuple[str, list[Problem]]:
    """Return the column that names the sample of a cell, and the warning of a guess."""
    if asked is not None:
        if asked in names:
            return asked, []
        what = f"Expected a column {asked}, found {listed(names, 40)}."
        raise CohortError(Problem(place, what, did_you_mean(asked, names) or "Name one of these."))
    exact = [name for name in ("sample_id", "sample") if name in names]
    fitting = exact[:1] or candidates("sample", names, weak=False)
    if len(fitting) == 1:
        what = f"The column {fitting[0]} names the sample of each cell."
        guess = Problem(place, what, "Give the sample key if that is wrong.", "warning")
        return fitting[0], [] if exact else [guess]
    if fitting:
        what = f"Expected one column that names the sample of a cell, found {listed(fitting)}."
        raise CohortError(Problem(place, what, "Name the right one sample_id, or give the sample key."))
    what = f"Expected a column sample_id (or sample), found {listed(names, 40)}."
    raise CohortError(Problem(place, what, "Add the column that names the sample of each cell."))


def _table_notes(notes: Sequence[tuple[str, str]], place: str) -> list[Problem]:
    return [Problem(place, f"The table {what}.", fix, "warning") for what, fix in notes]


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
    # a category may have lost its cells when a table was filtered
    used = np.bincount(names.codes[names.codes >= 0], minlength=len(names.categories)) > 0
    for code in np.flatnonzero(used & (of_name[:-1] < 0)).tolist():
        rows, name = np.flatnonzero(names.codes == code), str(names.categories[code])
        what = f"Expected a sample of {Path(typed).name}, found {name} ({len(rows)} cells)."
        fix = did_you_mean(name, known) or f"Add a row {name} to {Path(typed).name}, or remove its cells."
        problems.append(Problem(f"{place}, row {rows[0] + 1}", what, fix))
    present = set(of_name[:-1][used].tolist())
    for position, name in enumerate(known):
        if position not in present:
            what = f"Expected cells of sample {name}, found none in {Path(place).name}."
            problems.append(Problem(f"{typed}, row {sheet.rows[position]}", what, "Remove the row, or add its cells."))
    if problems:
        raise CohortError(*problems)
    return of_name[names.codes]


def open_one_annotated(path: Path, where: str, how: HowRead) -> Found:
    """Open one AnnData file with the cells of all samples.

    Raises
    ------
    CohortError
        When it cannot be read, is empty, or the sample of a cell is not known.
    """
    table = open_annotated(path, where, how.annotated)
    if not table.n_cells:
        raise CohortError(Problem(where, "Expected cells, found none.", "Write the file again with its cells."))
    key, problems = sample_column(table.obs.columns, where, how.annotated.sample_key)
    samples, codes = sample_table(table.obs, key)
    names = tuple(str(name) for name in samples.index)
    left_out = reasons_left_out(table.markers, table.said, raw_file=False)
    counts = np.bincount(codes, minlength=len(names))
    found = Found(
        samples=samples,
        counts={name: int(count) for name, count in zip(names, counts, strict=True)},
        markers=table.markers,
        left_out=left_out,
        source=lambda chosen: LongSource(table, names, codes, chosen),
        problems=(*problems, *table.notes),
        instrument=instrument_of(table.markers),
        synthetic=table.said.synthetic,
    )
    return rename_found(found, how.rename, where)


def sheet_in(folder: Path) -> Path | None:
    """Return the sample table of a folder, by its usual names."""
    names: Sequence[str] = [f"{stem}{suffix}" for stem in ("sheet", "samples") for suffix in (".csv", ".tsv", ".xlsx")]
    return next((folder / name for name in names if (folder / name).is_file()), None)
