"""Keeps every solved sample on disk, so that work that was interrupted goes on where it stopped."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from lotviz.transport.archive import ArchiveReader, ArchiveWriter, damaged, open_to_read, open_to_write
from lotviz.transport.files import replace_file
from lotviz.transport.plans import plan_of
from lotviz.transport.transported import SampleKey, TransportedSample

_DEFAULT_GB = 5.0
_FORMAT = "lotviz sample"
_FIGURES = ("cost", "residual", "dual_gap", "variance")
_OURS = re.compile(r"[0-9a-f]{64}\.sample|\.[0-9a-f]{64}\.[0-9a-f]{8}\.sample")  # entries, and entries being written
_TRIMMED_TO = 0.9  # of the limit, so that not every new sample makes room anew
_WRITING_TAKES = 3_600_000_000_000  # nanoseconds; what is older was left by a process that was killed
_BETWEEN_LOOKS = 0.05  # of the limit: other processes fill the same folder


class StoreError(ValueError):
    """A store that cannot be used as it was asked for."""


@dataclass(frozen=True)
class StoreInfo:
    """What a store holds.

    Attributes
    ----------
    folder
        Where it is.
    entries
        How many samples it holds.
    bytes
        How much room they take.
    limit
        How much room they may take, in bytes.
    """

    folder: str
    entries: int
    bytes: int
    limit: int


class _File(NamedTuple):
    used: int  # when it was last read or written, in nanoseconds
    bytes: int
    path: Path


class TransportStore:
    """Solved samples on disk, each under the key of all it depends on; the ones not used for longest make room.

    Entries are written whole or not at all, and checked when they are read: one that is damaged is removed, and its
    sample solved again. Several processes may share a store. Its folder, when made here, and its files are closed to
    other users, since they derive from patients' cells.

    Parameters
    ----------
    folder
        Where the samples are kept; by default `LOTVIZ_STORE`, or else the user's folder for caches.
    limit
        How many bytes they may take; by default `LOTVIZ_STORE_GB`, or else 5 GB.

    Attributes
    ----------
    taken
        How many samples this object has given back.
    trouble
        Why a sample could not be kept, for instance that the disk is full; empty when all went well.

    Raises
    ------
    StoreError
        There is no place for it, or the limit is not a number.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None, *, limit: int | None = None) -> None:
        self.folder = default_folder() if folder is None else Path(folder).absolute()
        self.limit = _default_limit() if limit is None else limit
        self.taken = 0
        self.trouble = ""
        self._unseen = self.limit  # bytes written since the folder was last looked at: look at the first chance
        self._lock = threading.Lock()

    def read(self, key: SampleKey) -> tuple[TransportedSample, csr_array] | None:
        """Return a solved sample and its plan; None when it is not here, or damaged."""
        path = self._path(key)
        try:
            if not path.is_file():
                return None
            with open_to_read(path) as archive:
                found = _read_entry(archive, key)
        except OSError:  # the folder is closed to us
            return None
        except (KeyError, TypeError, ValueError):  # an EmbeddingFileError is a ValueError
            _remove(path)
            return None
        with suppress(OSError):
            os.utime(path)  # used just now: the last to make room
        with self._lock:
            self.taken += 1
        return found

    def write(self, key: SampleKey, sample: TransportedSample, plan: csr_array) -> None:
        """Keep a solved sample; where that fails, `trouble` says why, and the work goes on without."""

        def write(temporary: Path) -> None:
            temporary.touch(0o600)
            with open_to_write(temporary) as archive:
                _write_entry(archive, key, sample=sample, plan=plan)
            written.append(temporary.stat().st_size)

        written: list[int] = []
        try:
            self.make_folder()
            replace_file(self._path(key), write)
            self._make_room(sum(written))
        except OSError as problem:
            self.trouble = str(problem)

    def make_folder(self) -> Path:
        """Make the folder where it is missing, closed to other users.

        Raises
        ------
        OSError
            It cannot be made.
        """
        if not self.folder.is_dir():
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self.folder.mkdir(0o700, exist_ok=True)
        return self.folder

    def info(self) -> StoreInfo:
        """Look at what the store holds."""
        files = self._files()
        entries = sum(not file.path.name.startswith(".") for file in files)
        return StoreInfo(str(self.folder), entries, sum(file.bytes for file in files), self.limit)

    def clear(self) -> int:
        """Remove every sample and return how many; files of other kinds are left alone."""
        return sum(_remove(file.path) and not file.path.name.startswith(".") for file in self._files())

    def _path(self, key: SampleKey) -> Path:
        return self.folder / f"{key.digest}.sample"

    def _make_room(self, written: int) -> None:
        """Remove the samples not used for longest when the limit is passed; look now and then, not every time."""
        with self._lock:
            self._unseen += written
            if self._unseen < self.limit * _BETWEEN_LOOKS:
                return
            self._unseen = 0
        files = self._files()
        total = sum(file.bytes for file in files)
        if total <= self.limit:
            return
        begun = time.time_ns() - _WRITING_TAKES
        for file in sorted(files):
            if total <= self.limit * _TRIMMED_TO:
                return
            if not file.path.name.startswith(".") or file.used < begun:  # else another process is writing it
                _remove(file.path)
                total -= file.bytes

    def _files(self) -> list[_File]:
        """All files of the store; those that vanish meanwhile are left out."""
        files = []
        with suppress(OSError), os.scandir(self.folder) as folder:
            for entry in folder:
                with suppress(OSError):
                    if _OURS.fullmatch(entry.name):
                        seen = entry.stat()
                        files.append(_File(seen.st_mtime_ns, seen.st_size, Path(entry.path)))
        return files


def default_folder() -> Path:
    """Return `LOTVIZ_STORE`, or else a folder among the caches of the user.

    Raises
    ------
    StoreError
        The user has no folder of their own.
    """
    given = os.environ.get("LOTVIZ_STORE")
    try:
        if given:
            return Path(given).expanduser().absolute()
        return _caches() / "lotviz" / "transport"
    except RuntimeError as problem:
        raise StoreError(
            f"Expected a folder to keep solved samples in, found none ({problem}). Name one in LOTVIZ_STORE."
        ) from problem


def _caches() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute()


def _default_limit() -> int:
    given = os.environ.get("LOTVIZ_STORE_GB") or str(_DEFAULT_GB)
    if not re.fullmatch(r"\d{1,9}(\.\d*)?|\.\d+", given):
        raise StoreError(f"Expected LOTVIZ_STORE_GB to be a number of gigabytes, found {given!r}. Set one, such as 5.")
    return int(float(given) * 1e9)


def _write_entry(archive: ArchiveWriter, key: SampleKey, *, sample: TransportedSample, plan: csr_array) -> None:
    index = plan.indices.dtype
    archive.array("plan/data", plan.data)
    archive.array("plan/indices", plan.indices)
    archive.array("plan/indptr", plan.indptr.astype(index, copy=False))
    archive.array("maps", sample.maps)
    archive.array("figures", np.array([getattr(sample, name) for name in _FIGURES], dtype=np.float64))
    archive.header({"format": _FORMAT, "key": key.digest, "index": index.newbyteorder("<").str})


def _read_entry(archive: ArchiveReader, key: SampleKey) -> tuple[TransportedSample, csr_array]:
    m, n, d = key.shape
    header = archive.header()
    index = str(header["index"])
    if (header["format"], header["key"]) != (_FORMAT, key.digest):
        raise damaged(archive.path, "another sample")
    data = archive.array("plan/data", "<f8", (None,))
    indices = archive.array("plan/indices", index, (len(data),))
    plan = plan_of(data, indices, archive.array("plan/indptr", index, (m + 1,)), n)
    maps = archive.array("maps", "<f8", (m, d))
    cost, residual, dual_gap, variance = archive.array("figures", "<f8", (len(_FIGURES),)).tolist()
    return TransportedSample(maps, cost, residual, dual_gap, variance, n, key.cells_hash), plan


def _remove(path: Path) -> bool:
    """Remove a file and say whether it was there to be removed; another process may be quicker, or hold it open."""
    try:
        path.unlink()
    except OSError:
        return False
    return True
