"""Files a user brings along: written piece by piece into a folder of the session's own, deleted with the session."""

from __future__ import annotations

import atexit
import os
import re
import secrets
import shutil
import tempfile
import threading
from pathlib import Path

from lotviz.data import CohortError, Problem

ACCEPTED = (".fcs", ".lmd", ".csv", ".tsv", ".txt", ".xlsx", ".parquet", ".h5ad")
LARGEST = 4 * 2**30  # bytes of all files of a session
LARGEST_PIECE = 16 * 2**20
KEPT_FREE = 512 * 2**20  # bytes of the disk that are never taken
LONGEST_NAME = 200
_PREFIX = "lotviz-brought-"
_UNFINISHED = ".part"


class Inbox:
    """The files one session was given. Nobody else can name them: the token is known to its page only.

    Parameters
    ----------
    largest
        Bytes that all files together may take.
    """

    def __init__(self, largest: int = LARGEST) -> None:
        self.token = secrets.token_urlsafe(32)
        self.folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))  # readable by this user only
        self._largest = largest
        self._lock = threading.Lock()
        atexit.register(self.empty)

    def names(self) -> list[str]:
        """Name the files that have come in whole."""
        return sorted(path.name for path in self.folder.iterdir() if path.suffix != _UNFINISHED)

    def take(self, name: str, piece: bytes, *, offset: int, size: int) -> bool:
        """Write one piece of a file.

        Parameters
        ----------
        name
            The file's own name, without folders.
        piece
            The bytes from `offset` on.
        offset, size
            Where the piece belongs, and how long the whole file is.

        Returns
        -------
            Whether the file is whole now. A file of the same name is replaced.

        Raises
        ------
        CohortError
            When the kind of file is none that lotviz reads, there is no room, or a piece is missing.
        """
        target = self.folder / usable_name(name)
        with self._lock:
            unfinished = target.with_name(target.name + _UNFINISHED)
            if offset == 0:
                self._require_room(name, size)
                unfinished.unlink(missing_ok=True)
            held = unfinished.stat().st_size if unfinished.exists() else 0
            if offset != held or held + len(piece) > size:
                what = f"Expected the piece that begins at byte {held}, found one at {offset}."
                raise CohortError(Problem(name, what, "Bring the file again."))
            with unfinished.open("ab") as file:
                file.write(piece)
            if held + len(piece) < size:
                return False
            unfinished.replace(target)
            return True

    def drop(self, name: str) -> None:
        """Delete a file, whole or not."""
        target = self.folder / usable_name(name)
        for path in (target, target.with_name(target.name + _UNFINISHED)):
            path.unlink(missing_ok=True)

    def empty(self) -> None:
        """Delete everything; the session is over."""
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.empty)

    def _require_room(self, name: str, size: int) -> None:
        held = sum(path.stat().st_size for path in self.folder.iterdir())
        if held + size > self._largest:
            what = f"Expected files of at most {_gigabytes(self._largest)} in all, found {_gigabytes(held + size)}."
            fix = "Put them under the data root instead: files there are read where they are, whatever their size."
            raise CohortError(Problem(name, what, fix))
        free = shutil.disk_usage(self.folder).free - KEPT_FREE
        if size > free:
            what = f"Expected room for {_gigabytes(size)} on the disk, found {_gigabytes(max(free, 0))}."
            raise CohortError(Problem(name, what, "Make room, or put the files under the data root."))


def usable_name(name: str) -> str:
    r"""Return the name under which a file is kept.

    Raises
    ------
    CohortError
        For a name that could lead elsewhere, or a kind of file that lotviz does not read.

    Examples
    --------
    >>> usable_name("C:\\study\\P 1.fcs")
    'P 1.fcs'
    """
    own = re.split(r"[/\\]", name)[-1].strip()
    if not own or own.startswith(".") or len(own) > LONGEST_NAME or any(ord(letter) < 32 for letter in own):
        what = "Expected the plain name of a file, found one that cannot be used."
        raise CohortError(Problem(own[:40] or "a file", what, "Rename the file."))
    if Path(own).suffix.lower() not in ACCEPTED:
        what = f"Expected {', '.join(ACCEPTED[:-1])} or {ACCEPTED[-1]}, found another kind of file."
        raise CohortError(Problem(own, what, "Export it as one of these."))
    return own


def sweep() -> None:
    """Delete what a process that was killed could not delete itself."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not _runs(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _runs(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
