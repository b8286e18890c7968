"""Files that a sheet names: found beside it, never outside the data root, and of a kind that can be read."""

from __future__ import annotations

import bisect
import difflib
import os
import re
import unicodedata
from functools import lru_cache
from pathlib import Path

from lotviz.data.problems import CohortError, Problem, listed

CELL_SUFFIXES = (".fcs", ".lmd", ".parquet", ".csv", ".tsv", ".txt", ".xlsx", ".h5ad", ".zarr")
PICKLED = (".pkl", ".pickle", ".joblib", ".rds", ".rdata", ".rda", ".npy", ".npz")
_COMPARED = 20  # names in a folder with which a misspelt one is compared letter by letter


def refuse_pickle(path: Path, where: str) -> None:
    """Refuse a file whose reading can run code, or that is another program's own."""
    if path.suffix.lower() in PICKLED:
        what = f"Expected a table, FCS or AnnData file, found a {path.suffix} file, which is never opened."
        raise CohortError(Problem(where, what, "Save the cells as parquet, csv, h5ad or FCS."))


def require_within(path: Path, within: Path | None, where: str) -> None:
    """Refuse a path that leads out of the folder `within`, be it by "..", from the root or through a link."""
    try:
        inside = within is None or path.resolve().is_relative_to(within.resolve())
    except (OSError, ValueError, RuntimeError):  # a link that leads to itself, a name no system can have
        inside = False
    if not inside:
        what = f"Expected a path inside the data root, found {path.name} outside it."
        raise CohortError(Problem(where, what, "Put the file under the data root, or start lotviz with a wider one."))


def named_file(folder: Path, name: str, row: str, *, within: Path | None = None) -> Path:
    """Return the path of a file of cells named in a row of a sheet.

    Parameters
    ----------
    folder
        The folder of the sheet.
    row
        The place of the name, for messages.
    within
        A folder that it may not lie outside of.

    Raises
    ------
    CohortError
        When it is not there (with the closest name there is), outside, or no file of cells.
    """
    file_name, _number = data_set_of(folder, name)
    require_within(folder / _plain(file_name), within, row)
    path, advice = find_file(folder, file_name)
    if advice:
        raise CohortError(Problem(row, f"Expected the file {name}, found no such file.", advice))
    refuse_pickle(path, row)
    suffix = path.suffix.lower()
    if suffix not in CELL_SUFFIXES or (path.is_dir() and suffix != ".zarr"):
        what = f"Expected a file of cells ({listed(CELL_SUFFIXES)}), found {name}."
        raise CohortError(Problem(row, what, "Export the sample as FCS, parquet, csv or h5ad."))
    return path


def data_set_of(folder: Path, name: str) -> tuple[str, int]:
    """Take a name such as tube.lmd#2, the second data set of tube.lmd, apart; a real file of that name wins."""
    numbered = re.fullmatch(r"(.+\.(?:fcs|lmd))\s*#\s*(\d{1,4})", name.strip(), re.IGNORECASE)
    if numbered is None or not find_file(folder, name)[1]:
        return name, 1
    return numbered[1], int(numbered[2])


def _plain(name: str) -> Path:
    """Return the path of a name that may have been typed on Windows."""
    return Path(name.strip().replace("\\", "/"))


def find_file(folder: Path, name: str) -> tuple[Path, str]:
    """Return the path of a file named in a sheet, and, where it does not exist, the sentence that helps to find it."""
    path = folder / name.strip()
    try:
        if not path.exists():
            path = folder / _plain(name)
        if path.exists():
            return path, ""
        if not path.parent.is_dir():
            return path, f"There is no folder {_plain(name).parent} beside the sheet."
        beside = tuple(sorted(os.listdir(path.parent)))  # noqa: PTH208  at every key pressed, for every row
    except (OSError, ValueError, TypeError):
        return path, "Correct the name; no file can have it." if "\0" in name or len(name) > 255 else _CORRECT
    # a Mac writes ä as two characters, which look the same
    typed = unicodedata.normalize("NFC", path.name)
    for entry in beside if not path.name.isascii() else ():
        if unicodedata.normalize("NFC", entry) == typed:
            return path.parent / entry, ""
    # a sheet keeps no blanks around a name
    blank = next((entry for entry in beside if entry.strip() == path.name), None)
    if blank is not None:
        return path.parent / blank, ""
    return path, _advice(path.name, path.parent.relative_to(folder) if _below(path, folder) else path.parent, beside)


_CORRECT = "Correct the name, or put the file there; names are relative to the sheet."


def _below(path: Path, folder: Path) -> bool:
    return path.parent.is_relative_to(folder)


def _near(name: str, beside: tuple[str, ...]) -> list[str]:
    """Return the names that begin or end most like a name: a slip leaves the rest of it as it was."""
    if len(beside) <= 2 * _COMPARED:
        return list(beside)
    found = _around(name, beside) + [entry[::-1] for entry in _around(name[::-1], _reversed(beside))]
    return list(dict.fromkeys(found))


def _around(name: str, ordered: tuple[str, ...]) -> list[str]:
    place, reach = bisect.bisect(ordered, name), _COMPARED // 4
    return list(ordered[max(0, place - reach) : place + reach])


@lru_cache(maxsize=8)
def _reversed(beside: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(entry[::-1] for entry in beside))


@lru_cache(maxsize=4096)
def _advice(name: str, folder: Path, beside: tuple[str, ...]) -> str:
    """Return the sentence with the closest names; kept, for a sheet is checked at every key that is pressed."""
    same = [entry for entry in beside if entry.casefold() == name.casefold()]
    if same:
        meant = " or ".join(str(folder / entry) for entry in same)
        return f"Did you mean {meant}? Capital and small letters count."
    stem = [entry for entry in beside if Path(entry).stem.casefold() == name.casefold()]
    close = stem or difflib.get_close_matches(name, _near(name, beside), n=2, cutoff=0.75)
    return f"Did you mean {' or '.join(str(folder / entry) for entry in close)}?" if close else _CORRECT
