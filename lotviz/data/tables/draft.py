"""A sheet proposed for a folder that has none: a row a file, samples named by what differs between the file names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lotviz.data.named import CELL_SUFFIXES
from lotviz.data.tables.typed import is_nothing

_NOT_CELLS = re.compile(r"(?:sheet|samples|index|readme|metadata)\.(?:csv|tsv|txt|xlsx)", re.IGNORECASE)
_MOST = 100_000  # entries looked at


def draft_sheet(folder: str | Path) -> pd.DataFrame:
    """Propose the sheet of a folder of files of cells, one a sample.

    The FCS files are taken where there are any, otherwise the kind that most files are of; from the folder itself, or
    where it has none, from the folders in it.

    Returns
    -------
    DataFrame
        Columns sample (distinct) and file (relative to the folder), in natural order; without rows where there are no
        such files. Nothing is opened or written: see `write_sheet`.
    """
    root = Path(folder)
    files = _of_one_kind(_files(root)) or _of_one_kind([file for sub in _folders(root) for file in _files(sub)])
    names = sorted((file.relative_to(root).as_posix() for file in files), key=_natural)
    return pd.DataFrame({"sample": sample_names(names), "file": names}, dtype=object)


def sample_names(files: Sequence[str]) -> list[str]:
    """Return a name for the sample of each file: its stem without the words that all begin or end with.

    Examples
    --------
    >>> sample_names(["PBMC_patient1_BCR.fcs", "PBMC_patient2_BCR.fcs"])
    ['patient1', 'patient2']
    """
    stems = [Path(file).stem.strip() for file in files]
    if len(set(stems)) < len(stems):
        stems = [str(Path(file).with_suffix("")).replace("\\", "/").replace("/", "_") for file in files]
    if len(set(stems)) < len(stems) or any(map(is_nothing, stems)):
        return list(files)
    if len(stems) < 2:
        return stems
    # words and what stands between them, alternating
    words = [re.split(r"([\s_.,;()+-]+)", stem) for stem in stems]
    start, end = _shared(words), _shared([found[::-1] for found in words])
    short = ["".join(found[start : len(found) - end]).strip(" _.,;+-") for found in words]
    fits = all(start + end < len(found) for found in words) and all(short) and len(set(short)) == len(short)
    return short if fits and not any(map(is_nothing, short)) else stems


def _shared(words: Sequence[Sequence[str]]) -> int:
    """Return how many of the first words are the same in all."""
    count = 0
    for column in zip(*words, strict=False):
        if len(set(column)) > 1:
            break
        count += 1
    return count


def _entries(folder: Path) -> list[Path]:
    try:
        found = [entry for entry, _number in zip(folder.iterdir(), range(_MOST), strict=False)]
    except OSError:
        return []
    return [entry for entry in found if not entry.name.startswith((".", "~$"))]


def _folders(folder: Path) -> list[Path]:
    return [entry for entry in _entries(folder) if entry.is_dir() and entry.suffix.lower() != ".zarr"]


def _files(folder: Path) -> list[Path]:
    return [
        entry
        for entry in _entries(folder)
        if entry.suffix.lower() in CELL_SUFFIXES
        and not _NOT_CELLS.fullmatch(entry.name)
        and (entry.is_file() or entry.suffix.lower() == ".zarr")
    ]


def _of_one_kind(files: Sequence[Path]) -> list[Path]:
    kinds = Counter(_kind(file) for file in files)
    if not kinds:
        return []
    kind = "fcs" if "fcs" in kinds else kinds.most_common(1)[0][0]
    return [file for file in files if _kind(file) == kind]


def _kind(file: Path) -> str:
    suffix = file.suffix.lower()
    return "fcs" if suffix in (".fcs", ".lmd") else "text" if suffix in (".csv", ".tsv", ".txt") else suffix


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Return a key in which 2 comes before 10."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]
