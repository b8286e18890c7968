"""HEADER and TEXT of FCS files: the data sets of a file and the keywords of each, FCS 2.0 to 3.2.

FlowIO is not used here. Its TEXT parser loses the place at empty values and at delimiters that mean something in a
regular expression, drops every $ (a value may hold one, and SPILL is not $SPILL), and never looks at supplemental TEXT.
The tests read the same files with FlowIO and compare.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lotviz.data.problems import CohortError, Problem

VERSIONS = ("2.0", "3.0", "3.1", "3.2")
_HEADER = 58
# Real TEXT segments are far smaller; these keep a damaged offset or chain from taking memory and time.
_MOST_TEXT = 8 * 2**20
_MOST_WORDS = 500_000
_MOST_DATA_SETS = 1000


@dataclass(frozen=True, eq=False)
class DataSet:
    """One data set of an FCS file.

    Parameters
    ----------
    where
        How the owner calls the file.
    start, size
        Its first byte in the file, and the bytes from there to the end of the file.
    version
        Such as "3.1".
    keywords
        TEXT and supplemental TEXT, the keywords in upper case.
    header_data
        First and last byte of the data as the HEADER says, relative to `start`; zeros where it does not.
    """

    where: str
    start: int
    size: int
    version: str
    keywords: Mapping[str, str]
    header_data: tuple[int, int]

    def get(self, name: str) -> str:
        """Return the value of a keyword of the standard, empty where there is none; some writers forget the $."""
        return self.keywords.get(f"${name}", self.keywords.get(name, "")).strip()

    def whole(self, name: str, default: int | None = None) -> int:
        """Return the value of a keyword as a whole number.

        Raises
        ------
        CohortError
            When it is no whole number, or absent and there is no default.
        """
        text = self.get(name)
        if not text and default is not None:
            return default
        number = self.number(name, default)
        if abs(number) >= 2**53:  # floats are not exact up there; no offset, but the range of a 64-bit channel
            return int(text) if text.isdigit() and len(text) <= 20 else self._refuse(name)
        return int(number) if number == int(number) else self._refuse(name)

    def number(self, name: str, default: float | None = None) -> float:
        """Return the value of a keyword as a finite number, or raise CohortError."""
        text = self.get(name)
        if not text and default is not None:
            return default
        try:
            number = float(text.replace(",", "."))  # instruments set to a language with decimal commas
        except ValueError:
            self._refuse(name)
        return number if abs(number) < float("inf") else self._refuse(name)

    def _refuse(self, name: str) -> int:
        text = self.get(name)
        found = f"${name} {text[:40]!r}, which is not a number it can be" if text else f"no ${name}"
        raise CohortError(damaged(self.where, found))


def damaged(where: str, found: str) -> Problem:
    """Return the problem of a file that is not as the standard says."""
    what = f"Expected a whole FCS file of single cells, found a damaged one ({found})."
    return Problem(where, what, "Export or copy the file again.")


def unreadable(where: str, found: str) -> Problem:
    """Return the problem of a file that may be as the standard says but that is not read here."""
    what = f"Expected an FCS file of single cells that can be read, found {found}."
    return Problem(where, what, "Export it again as FCS 3.0 or 3.1 with values of 16 or 32 bits.")


def read_data_sets(path: Path, where: str) -> tuple[tuple[DataSet, ...], bool]:
    """Read HEADER and TEXT of every data set of a file.

    Returns
    -------
    data sets, whole
        In the order of the file, the first one at least. False when the last names a next one that is not there.

    Raises
    ------
    CohortError
        When the first is no FCS data set, or damaged.
    """
    with path.open("rb") as handle:
        size = handle.seek(0, 2)
        found = [_data_set(handle, 0, size, where)]
        text_read = 0
        while (step := _next(found[-1])) and len(found) < _MOST_DATA_SETS and text_read < 4 * _MOST_TEXT:
            # the standard counts from the start of the data set, some writers from the start of the file
            places = [place for place in (found[-1].start + step, step) if found[-1].start < place < size]
            try:
                place = next((place for place in places if _is_fcs(handle, place)), size)
                found.append(_data_set(handle, place, size, where))
            except CohortError:
                return tuple(found), False
            text_read += sum(len(word) + len(value) for word, value in found[-1].keywords.items())
        return tuple(found), True


def _next(data_set: DataSet) -> int:
    text = data_set.get("NEXTDATA")
    return int(text) if text.isdigit() and len(text) < 19 else 0


def _is_fcs(handle: BinaryIO, place: int) -> bool:
    handle.seek(place)
    return handle.read(3) == b"FCS"


def _data_set(handle: BinaryIO, start: int, size: int, where: str) -> DataSet:
    if not _is_fcs(handle, start):
        raise CohortError(damaged(where, "no FCS header"))
    handle.seek(start)
    header = handle.read(_HEADER)
    version = header[3:6].decode("latin-1")
    if version not in VERSIONS:
        raise CohortError(unreadable(where, f"version {version!r} of the standard, not {' or '.join(VERSIONS)}"))
    offsets = [_offset(header[place : place + 8], where) for place in (10, 18, 26, 34)]
    text = _segment(handle, start, size, (offsets[0], offsets[1]), where)
    delimiter, keywords = text[0], _keywords(text)
    data_set = DataSet(where, start, size - start, version, keywords, (offsets[2], offsets[3]))
    more = data_set.whole("BEGINSTEXT", 0), data_set.whole("ENDSTEXT", 0)
    # FCS 2.0 knows none, and some writers repeat the offsets of the primary TEXT
    if version != "2.0" and 0 < more[0] < more[1] and more[0] != offsets[0]:
        supplemental = _segment(handle, start, size, more, where)
        for keyword, value in _pairs(supplemental.removeprefix(delimiter), delimiter).items():
            keywords.setdefault(keyword, value)
    return data_set


def _offset(field: bytes, where: str) -> int:
    text = field.strip(b" \0")
    if text and not text.isdigit():
        raise CohortError(damaged(where, f"a header with the offset {text.decode('latin-1')!r}"))
    return int(text or b"0")


def _segment(handle: BinaryIO, start: int, size: int, span: tuple[int, int], where: str) -> str:
    first, last = span
    if not _HEADER <= first < last < size - start or last - first >= _MOST_TEXT:
        raise CohortError(damaged(where, f"text from byte {first} to {last} of {size - start}"))
    handle.seek(start + first)
    content = handle.read(last - first + 1)
    if content.count(content[:1]) > _MOST_WORDS:
        raise CohortError(damaged(where, "text of far too many keywords"))
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:  # written before FCS 3.1 asked for UTF-8
        return content.decode("latin-1")


def _keywords(text: str) -> dict[str, str]:
    """Return the keywords of a primary TEXT segment; its first character is the delimiter."""
    delimiter, body = text[0], text[1:]
    keywords = _pairs(body, delimiter)
    if "$PAR" not in keywords:
        # where delimiters inside values are not doubled as the standard asks, but values may be empty
        words = body.split(delimiter)
        plain = dict(zip(map(_keyword, words[::2]), words[1::2], strict=False))
        keywords = plain if "$PAR" in plain else keywords
    return keywords


def _pairs(body: str, delimiter: str) -> dict[str, str]:
    """Take keywords and values apart.

    A doubled delimiter in a value stands for itself. Right after a keyword it is an empty value: the standard knows
    neither empty values nor values that begin with the delimiter, and only the former are found in real files.

    Examples
    --------
    >>> _pairs("$P1S//$FIL/a//b.fcs/$TOT/12/", "/")
    {'$P1S': '', '$FIL': 'a/b.fcs', '$TOT': '12'}
    """
    words = body.split(delimiter)
    found: dict[str, str] = {}
    place = 0
    while place + 1 < len(words):
        keyword, parts = words[place], [words[place + 1]]
        place += 2
        while parts[0] and place + 1 < len(words) and not words[place]:
            parts.append(words[place + 1])
            place += 2
        found[_keyword(keyword)] = delimiter.join(parts)
    return found


def _keyword(word: str) -> str:
    return word.strip().upper()
