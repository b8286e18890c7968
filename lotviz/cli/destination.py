"""Output paths, refused before anything is computed rather than after."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from pathlib import Path

from lotviz.cli.failures import RefusedError

# as `lotviz.data` reads them, which takes a second to import; a test holds the two together
DATA_SUFFIXES = (".fcs", ".lmd", ".parquet", ".csv", ".tsv", ".txt", ".xlsx", ".h5ad", ".zarr")


def check_file(path: Path, *, overwrite: bool, inputs: Sequence[Path] = ()) -> Path:
    """Return `path` when a file can be written there.

    Raises
    ------
    RefusedError
        Its folder is missing or closed to us, it is a folder or a device, it is one of the inputs, or it exists and
        may not be overwritten.
    """
    _check_parent(path)
    if path.is_dir():
        raise RefusedError(str(path), "Expected the name of a file, found a folder.", "Add a file name to the path.")
    if path.exists() and not path.is_file():
        what = "Expected the name of a file, found a device or a pipe."
        raise RefusedError(str(path), what, "Write to a file: results are put in place as a whole.")
    if path.exists() and any(given.exists() and path.samefile(given) for given in inputs):
        raise RefusedError(
            str(path), "Expected a file of its own, found the input.", "Choose another name: inputs are never altered."
        )
    if path.exists() and not overwrite:
        raise RefusedError(
            str(path),
            "Expected a new file, found one that exists.",
            "Choose another name, or add --overwrite to replace it.",
        )
    return path


def check_result(path: Path, *, overwrite: bool, inputs: Sequence[Path] = ()) -> Path:
    """Return `path` as `check_file` does, when no sheet and no file of cells would be replaced by what is none.

    Raises
    ------
    RefusedError
        As `check_file`, or a file is there whose ending is that of a sheet or of cells: it may be a sample.
    """
    check_file(path, overwrite=overwrite, inputs=inputs)
    if path.exists() and path.suffix.lower() in DATA_SUFFIXES:
        raise RefusedError(
            str(path),
            f"Expected a file that a result may replace, found one that ends in {path.suffix}, as sheets and cells do.",
            "Choose another name: data are never replaced, whatever is asked for.",
        )
    return path


def check_table(path: Path, heads: Sequence[Sequence[str]]) -> Path:
    """Return `path` unless a table is there that is none of ours: its rows may be cells that were measured.

    Parameters
    ----------
    path
        What `check_file` has let pass.
    heads
        First columns of the tables that the command writes.
    """
    if path.is_file() and path.suffix.lower() in DATA_SUFFIXES and not _is_our_table(path, heads):
        raise RefusedError(
            str(path),
            "Expected a table of this command to replace, found a file that is none.",
            "Choose another name: data are never replaced. If it holds none, remove the file first.",
        )
    return path


def _is_our_table(path: Path, heads: Sequence[Sequence[str]]) -> bool:
    if not path.stat().st_size:
        return True  # nothing is lost
    columns = _columns_of(path)
    return any(columns[: len(head)] == list(head) for head in heads)


def _columns_of(path: Path) -> list[str]:
    """Names of the columns of a csv or parquet file; none where it cannot be read."""
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq

        try:
            return list(pq.read_schema(path).names)
        except (OSError, ValueError):
            return []
    with path.open("rb") as file:
        return file.readline(10_000).decode("utf-8", "replace").strip().split(",")


def check_synthetic(path: Path) -> Path:
    """Return `path` unless a file is there that does not say it is a synthetic sample: its cells may be measured.

    A simulated cohort is marked as synthetic too, but has no weights of samples: its cells are not to be replaced.
    """
    from lotviz.data.marks import SYNTHETIC_MARK

    if path.is_file() and not _holds(path, SYNTHETIC_MARK.encode(), b'"weights"'):
        raise RefusedError(
            str(path),
            "Expected synthetic cells to replace, found a file that does not say that it holds any.",
            "Choose another name: measured cells are never replaced. If they are none, remove the file first.",
        )
    return path


def _holds(path: Path, *marks: bytes) -> bool:
    """Look for marks, which every format writes as they are; in an empty file nothing is lost."""
    if not path.stat().st_size:
        return True
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return all(content.find(mark) >= 0 for mark in marks)


def of_size(path: Path, size: int) -> Path:
    """Name the file of one size among several.

    Examples
    --------
    >>> of_size(Path("study.lot"), 64).name
    'study-64.lot'
    """
    return path.with_name(f"{path.stem}-{size}{path.suffix}")


def check_suffix(path: Path, known: tuple[str, ...]) -> Path:
    """Return `path` when its suffix says a format that can be written."""
    if path.suffix.lower() not in known:
        raise RefusedError(
            str(path),
            f"Expected a name that ends in {', '.join(known)}, found {path.suffix or 'no suffix'}.",
            "Change the ending: it chooses the format.",
        )
    return path


def check_new_folder(path: Path) -> Path:
    """Return `path` when a folder can be made there, or one is there that holds nothing."""
    _check_parent(path)
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise RefusedError(
            str(path),
            "Expected a new or empty folder, found something else there.",
            "Choose another name: what exists is never replaced, it may be yours.",
        )
    return path


def check_record(table: Path, *, overwrite: bool, inputs: Sequence[Path] = ()) -> Path | None:
    """Return where the record of a csv table goes, which has no place for one itself; None for other formats.

    Raises
    ------
    RefusedError
        As `check_file`.
    """
    if table.suffix.lower() != ".csv":
        return None
    return check_file(table.with_name(f"{table.name}.json"), overwrite=overwrite, inputs=inputs)


def write_text(path: Path, text: str) -> None:
    """Put `text` at `path` in one step: the file is there whole, or not at all."""
    target = path.resolve()  # what a link leads to
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _check_parent(path: Path) -> None:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise RefusedError(str(path), f"Expected the folder {folder} to exist, found none.", "Create the folder first.")
    if not os.access(folder, os.W_OK):
        raise RefusedError(
            str(path),
            f"Expected to be allowed to write in {folder}, found it closed.",
            "Choose another folder.",
        )
