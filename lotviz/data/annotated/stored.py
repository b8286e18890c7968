"""The stores AnnData writes (HDF5, zarr), opened safely: no link out of the file, no pickle, sizes before memory."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lotviz.data.annotated.trial import prepare_trial, require_readable
from lotviz.data.annotated.zarr_store import open_zarr
from lotviz.data.problems import CohortError, Problem

MOST_CELLS = 100_000_000
MOST_NAMES = 5_000_000
_MOST_LINKS = 8
_MOST_CHUNK = 2**29
_MOST_CHUNKS = 20_000
_REWRITE = "Write or copy the file again."


@contextmanager
def opened(path: Path, where: str) -> Iterator[Any]:
    """Open a store to read; whatever a damaged one makes the libraries raise becomes a `CohortError`."""
    try:
        # imported here: half a second each, only for those who have such files
        if path.is_dir():
            yield open_zarr(path)
        else:
            prepare_trial()
            import h5py

            require_readable(path, where)
            with h5py.File(path, "r") as store:
                yield store
    except CohortError:
        raise
    except _damage() as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise damaged(where, f"one that cannot be read ({reason})") from error


def require_own_files(path: Path, where: str) -> None:
    """Refuse a folder with links that lead out of it: what they lead to may be anybody's.

    Raises
    ------
    CohortError
        Naming the first such link.
    """
    if not path.is_dir():
        return
    home, folders = path.resolve(), [path]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_symlink():
                    _require_below(Path(entry.path), home, where)
                elif entry.is_dir():
                    folders.append(Path(entry.path))


def _require_below(link: Path, home: Path, where: str) -> None:
    try:
        inside = link.resolve().is_relative_to(home)
    except (OSError, RuntimeError):  # a link that leads to itself
        inside = False
    if not inside:
        what = f"Expected values inside the folder, found a link {link.name} that leads out of it."
        raise CohortError(Problem(where, what, "Copy the folder with the files that links lead to, or write it again."))


def damaged(where: str, found: str) -> CohortError:
    """Return the refusal of a store that is not whole."""
    return CohortError(Problem(where, f"Expected a whole AnnData file, found {found}.", _REWRITE))


def _damage() -> tuple[type[Exception], ...]:
    """Return what h5py and zarr raise on a damaged file, depending on what is damaged."""
    known = (OSError, KeyError, ValueError, TypeError, IndexError, RuntimeError, AttributeError, AssertionError)
    # OverflowError and FloatingPointError are ArithmeticErrors, unknown codecs NotImplementedErrors
    # and the decompressor of zarr a SystemError, for a piece that claims a negative size
    return (*known, ArithmeticError, MemoryError, EOFError, SystemError, zipfile.BadZipFile, zlib.error)


def child(group: Any, place: str, where: str, *, followed: int = 0) -> Any | None:
    """Return what lies at a place such as "raw/X" of a group, or None where there is nothing.

    Parameters
    ----------
    followed
        How many links inside the file led here.

    Raises
    ------
    CohortError
        When it leads to another file, or only pickle could read it.
    """
    here = group
    for part in place.split("/"):
        if not hasattr(here, "keys") or not part:
            return None
        target = _link_target(here, part, f"{where}, {place}")
        if target is not None and followed == _MOST_LINKS:
            raise damaged(where, f"links that lead to links at {place}")
        if target is not None:  # HDF5 itself would follow it through a link to another file
            start = here.file["/"] if target.startswith("/") else here
            target = target.strip("/")
            here = child(start, target, where, followed=followed + 1) if target else start
        elif part in here:
            here = here[part]
        else:
            return None
        if here is None:
            return None
    _refuse_other_files(here, f"{where}, {place}")
    return here


def _link_target(group: Any, name: str, where: str) -> str | None:
    """Return where a link of an HDF5 group leads to within its file, None for what is no link; refuse others."""
    import h5py

    link = group.get(name, getlink=True) if isinstance(group, h5py.Group) else None
    if isinstance(link, h5py.ExternalLink):
        raise _elsewhere(where)
    return str(link.path) if isinstance(link, h5py.SoftLink) else None


def _refuse_other_files(node: Any, where: str) -> None:
    if getattr(node, "is_virtual", False) or getattr(node, "external", None):
        raise _elsewhere(where)
    # A zarr array of version 2 may name pickle as its codec, which runs code from the file.
    codecs = [*(getattr(getattr(node, "metadata", None), "filters", None) or ())]
    codecs.append(getattr(getattr(node, "metadata", None), "compressor", None))
    if any(getattr(codec, "codec_id", "") == "pickle" for codec in codecs):
        what = "Expected numbers or text, found pickled objects, which are never opened."
        raise CohortError(Problem(where, what, "Write the store again with AnnData.write_zarr."))


def _elsewhere(where: str) -> CohortError:
    what = "Expected values inside the file, found a link to another file."
    return CohortError(Problem(where, what, "Write the file again with AnnData.write_h5ad."))


def is_array(node: Any) -> bool:
    """Whether a node is an array, not a group."""
    return hasattr(node, "shape") and hasattr(node, "dtype")


def require_array(node: Any, where: str, *, dimensions: int = 1, numbers: bool = True) -> Any:
    """Return an array whose shape and type are as they must be, before any of it is read.

    Raises
    ------
    CohortError
        When it is none, has another number of dimensions, holds no numbers, or is stored in pieces too large to read.
    """
    if not is_array(node) or len(node.shape) != dimensions:
        raise damaged(where, f"no array of {dimensions} dimension{'s' if dimensions > 1 else ''} there")
    if numbers and getattr(node.dtype, "kind", "O") not in "biuf":
        raise damaged(where, f"values of type {node.dtype} where numbers belong")
    chunks = getattr(node, "chunks", None)
    if chunks and int(np.prod([int(size) for size in chunks], dtype=object)) * _width(node) > _MOST_CHUNK:
        raise damaged(where, "an array stored in pieces larger than 512 MB")
    if chunks and dimensions == 1 and int(node.shape[0]) > _MOST_CHUNKS * int(chunks[0]):
        raise damaged(where, f"{node.shape[0]:,} values in pieces of {chunks[0]}")  # it would take minutes
    return node


def _width(node: Any) -> int:
    return int(getattr(node.dtype, "itemsize", 8) or 8)


def spelled(values: Any) -> NDArray[Any]:
    """Return text as stored (bytes, str or numbers) as an array of str objects, None where there is none."""
    array = np.asarray(values)
    if array.dtype.kind == "S":
        array = array.astype(object)
    if array.dtype.kind in "biuf":
        words = array.astype(str).astype(object)
        words[array != array] = None  # NaN alone differs from itself
        return words
    spell = [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else None if _is_missing(value) else str(value)
        for value in array.tolist()
    ]
    result = np.empty(len(spell), dtype=object)
    result[:] = spell
    return result


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def names_at(node: Any, where: str) -> tuple[str, ...]:
    """Read names, (n,): an array of text or numbers, or categories and codes."""
    if is_array(node):
        require_array(node, where, numbers=False)
        _require_few(node.shape[0], where)
        return tuple("" if name is None else name for name in spelled(node[:]).tolist())
    values = child(node, "values", where)
    if values is not None:
        return names_at(values, where)
    codes, categories = child(node, "codes", where), child(node, "categories", where)
    if codes is None or categories is None:
        raise damaged(where, "no names there")
    require_array(codes, where)
    _require_few(codes.shape[0], where)
    known = (*names_at(categories, where), "")
    return tuple(known[code] if -1 <= code < len(known) - 1 else "" for code in codes[:].tolist())


def _require_few(count: int, where: str) -> None:
    if count > MOST_NAMES:
        what = f"Expected at most {MOST_NAMES:,} names, found {count:,}."
        raise CohortError(Problem(where, what, "Check that the file is whole, or split it."))
