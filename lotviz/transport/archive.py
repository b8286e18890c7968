"""One file of arrays and a JSON header: a zip without compression and without pickle.

Every size is checked against the file before memory is taken, so that no file can ask for more than it holds.
"""

from __future__ import annotations

import json
import math
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

_HEADER = "header.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same embedding gives the same file
_BEFORE_NAME = 26  # bytes of a member's own header before the lengths of its name and of its extra field
_MAGIC = b"\x93NUMPY\x01\x00"
_ARRAY_HEADER = re.compile(
    rb"\{'descr': '([<|]\w{2,8})', 'fortran_order': False, 'shape': \(((?:\d{1,18}, ?)*(?:\d{1,18})?)\), \} *\n"
)
_DAMAGED = "It is cut off or damaged: save the embedding again, or fetch the file again."


class EmbeddingFileError(ValueError):
    """An embedding file that cannot be read or written."""


class ArchiveWriter:
    """Adds arrays to an archive, and its header last."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def array(self, name: str, values: NDArray[Any]) -> None:
        """Add an array under `name`; byte order and layout are made the same on every machine."""
        ordered = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
        with self._archive.open(_member(f"{name}.npy"), "w", force_zip64=True) as file:
            npy.write_array(file, ordered, allow_pickle=False)

    def header(self, header: dict[str, Any]) -> None:
        """Add the header."""
        self._archive.writestr(_member(_HEADER), json.dumps(header, default=_plain))


@dataclass(frozen=True, eq=False)
class ArchiveReader:
    """Reads arrays of an archive whose sizes have been checked.

    Attributes
    ----------
    path
        The file, as messages name it.
    archive
        The open zip.
    """

    path: Path
    archive: zipfile.ZipFile

    def header(self) -> dict[str, Any]:
        """Read the header.

        Raises
        ------
        EmbeddingFileError
            There is none, or it is not JSON.
        """
        try:
            header = json.loads(self.archive.read(_HEADER))
        except KeyError:
            raise EmbeddingFileError(
                f"Expected {self.path} to be an embedding, found a zip of another kind. Choose a file saved by lotviz."
            ) from None
        except (ValueError, RecursionError) as problem:
            raise damaged(self.path, f"a header that is not JSON ({problem})") from problem
        if not isinstance(header, dict):
            raise damaged(self.path, "a header that is not a JSON object")
        return header

    def array(self, name: str, dtype: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """Read an array; None in `shape` accepts any length.

        Raises
        ------
        EmbeddingFileError
            It is missing, or of another type, shape or size than declared.
        """
        info = self._info(name)
        member = info.filename
        with self.archive.open(info) as file:
            found_dtype, found_shape = _declared(file, self.path, member)
            fits = len(found_shape) == len(shape) and all(
                expected in (None, found) for expected, found in zip(shape, found_shape, strict=True)
            )
            size = math.prod(found_shape) * np.dtype(dtype).itemsize
            if not fits or found_dtype != dtype or size != info.file_size - file.tell():
                raise damaged(self.path, f"{member} with shape {found_shape} and dtype {found_dtype}")
            # a copy that may be written to; reading to the end checks the checksum
            return np.frombuffer(bytearray(file.read()), dtype).reshape(found_shape)

    def place(self, name: str) -> Place:
        """Return where an array lies, so that it can be read again without looking through the archive."""
        info = self._info(name)
        with self.path.open("rb") as file:
            file.seek(info.header_offset + _BEFORE_NAME)
            lengths = int.from_bytes(file.read(2), "little") + int.from_bytes(file.read(2), "little")
        return Place(info.filename, info.header_offset + _BEFORE_NAME + 4 + lengths, info.file_size, info.CRC)

    def _info(self, name: str) -> zipfile.ZipInfo:
        member = f"{name}.npy"
        try:
            return self.archive.getinfo(member)
        except KeyError:
            raise damaged(self.path, f"no {member}") from None


class Place(NamedTuple):
    """Where an array lies in an archive, and its checksum."""

    member: str
    offset: int
    size: int
    checksum: int


def read_places(path: Path, places: Sequence[Place]) -> list[NDArray[Any]]:
    """Read arrays that were read before, and are refused when they are other ones now.

    Raises
    ------
    EmbeddingFileError
        The file is missing, cannot be read, or holds something else at these places.
    """
    try:
        with path.open("rb") as file:
            return [_array_at(file, place, path) for place in places]
    except OSError as problem:
        raise EmbeddingFileError(
            f"Expected {path} to be readable, found: {problem}. Check the file and its permissions."
        ) from problem


def _array_at(file: IO[bytes], place: Place, path: Path) -> NDArray[Any]:
    file.seek(place.offset)
    data = bytearray(file.read(place.size))
    if len(data) != place.size or zlib.crc32(data) != place.checksum:
        raise damaged(path, f"another {place.member} than when it was opened")
    dtype, shape = _declared(content := BytesIO(data), path, place.member)
    return np.frombuffer(data, dtype, offset=content.tell()).reshape(shape)


@contextmanager
def open_to_write(path: Path) -> Iterator[ArchiveWriter]:
    """Open a new archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        yield ArchiveWriter(archive)


@contextmanager
def open_to_read(path: Path, *, kind: str = "an embedding") -> Iterator[ArchiveReader]:
    """Open an archive and check the sizes it declares; `kind` says with its article what it should hold.

    Raises
    ------
    EmbeddingFileError
        The file is missing, cannot be read, is not such an archive, or turns out damaged while it is read.
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "none"
        raise EmbeddingFileError(f"Expected {kind} file at {path}, found {found}. Check the path.")
    try:
        with zipfile.ZipFile(path) as archive:
            _require_plain(archive, path)
            yield ArchiveReader(path, archive)
    except zipfile.BadZipFile as problem:
        raise EmbeddingFileError(
            f"Expected {path} to be {kind} saved by lotviz, found that it cannot be read ({problem}). "
            f"It is of another kind, or cut off: choose another file, or save the {kind.split()[-1]} again."
        ) from problem
    except (OSError, EOFError, NotImplementedError) as problem:
        raise EmbeddingFileError(
            f"Expected {path} to be readable, found: {problem}. Check the file and its permissions."
        ) from problem


def damaged(path: Path, found: str) -> EmbeddingFileError:
    """Return the error for a file that lacks something it should hold."""
    return EmbeddingFileError(f"Expected {path} to be a whole embedding, found {found}. {_DAMAGED}")


def _require_plain(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse compressed, encrypted, repeated or overlapping members: what is declared is what the file holds."""
    members = archive.infolist()
    stored = all(
        member.compress_type == zipfile.ZIP_STORED
        and member.file_size == member.compress_size
        and not member.flag_bits & 1
        for member in members
    )
    once = len({member.filename for member in members}) == len(members)
    if not (stored and once and sum(member.file_size for member in members) <= path.stat().st_size):
        raise EmbeddingFileError(
            f"Expected {path} to be an embedding saved by lotviz, found a zip with compressed, repeated or overlapping "
            "members. Choose a file saved by lotviz."
        )


def _declared(file: IO[bytes], path: Path, member: str) -> tuple[str, tuple[int, ...]]:
    """Read type and shape of an array; numpy's own parser evaluates what it finds, this one only matches it."""
    magic, length = file.read(len(_MAGIC)), int.from_bytes(file.read(2), "little")
    header = _ARRAY_HEADER.fullmatch(file.read(length)) if magic == _MAGIC else None
    if header is None:
        raise damaged(path, f"{member} that is not an array of numbers")
    return header[1].decode(), tuple(int(count) for count in header[2].replace(b" ", b"").split(b",") if count)


def _member(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, _EPOCH)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"Expected values JSON can hold, found {type(value).__name__}.")
