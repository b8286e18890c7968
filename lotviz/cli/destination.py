"""Output paths, refused before anything is computed rather than after."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from lotviz.cli.failures import RefusedError


def check_file(path: Path, *, overwrite: bool, inputs: Sequence[Path] = ()) -> Path:
    """Return `path` when a file can be written there.

    Raises
    ------
    RefusedError
        Its folder is missing or closed to us, it is a folder, it is one of the inputs, or it exists and may not
        be overwritten.
    """
    _check_parent(path)
    if path.is_dir():
        raise RefusedError(str(path), "Expected the name of a file, found a folder.", "Add a file name to the path.")
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


def write_text(path: Path, text: str) -> None:
    """Put `text` at `path` in one step: the file is there whole, or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
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
