"""How a text table is written: its encoding, its separator, what stands above its header and how numbers look."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from lotviz.data.problems import CohortError, Problem
from lotviz.data.tables.numerals import ANYHOW, PLAIN, Numerals, Reading, reading_of

_SEPARATORS = "\t;|,"  # a comma may also be a decimal comma, so it is the last to be believed
_BLOCK = 2**20
_LONGEST_LINE = 2**24
_SEEN_ROWS, _SEEN_TEXT, _SEEN_WORDS = 1000, 2**20, 20_000
_NAMES = {"cp1252": "Windows-1252", "latin-1": "Latin-1", "mac_roman": "Mac Roman", "utf-16": "UTF-16"}
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_MAGIC = (
    (b"PK\x03\x04", "an Excel workbook or another zip file", "Name it .xlsx if it is a workbook."),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (xls)", "Open it in Excel and save it as xlsx."),
    (b"PAR1", "a parquet file", "Name it .parquet."),
    (b"FCS", "an FCS file", "Name it .fcs."),
    (b"\x1f\x8b", "a gzip file", "Unpack it."),
    (b"\x89HDF", "an HDF5 file", "Name it .h5ad."),
)
# letters of Mac Roman that are rare letters or nothing at all in Windows-1252: ä is 8A, ö is 9A, ü is 9F
_MAC_LETTER = re.compile(rb"[A-Za-z][\x81\x83\x8a\x8c\x8d\x8e\x8f\x90\x9a\x9c\x9d\x9e\x9f]|[\x8a\x9a\x9f][a-z]{2}")
_WINDOWS_LETTER = re.compile(rb"[A-Za-z][\xc0-\xff]|[\xc0-\xff][A-Za-z]")
_BARE_NUMBER = re.compile(r"[,;|\s][+-]?[.,]?[0-9]")
_WINDOWS_NOTHING = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    Parameters
    ----------
    encoding
        As Python names it.
    separator
        The character between two columns; " " stands for any number of spaces.
    header
        The names in the header, stripped; empty where a column has none.
    skipped
        Lines above the header: blank, comments that begin with #, and the line sep=; of Excel.
    hidden
        How many of these a spreadsheet does not show.
    width
        Fields of a row; one more than names where every row ends with a separator.
    first
        Fields of the first row.
    numerals
        How numbers are written.
    reading
        Every way in which the first rows can be read.
    example
        A word with an umlaut or accent, where the encoding had to be guessed.
    """

    encoding: str
    separator: str
    header: tuple[str, ...]
    skipped: int = 0
    hidden: int = 0
    width: int = 0
    first: int = 0
    numerals: Numerals = PLAIN
    reading: Reading = ANYHOW
    example: str = ""

    def notes(self) -> tuple[tuple[str, str], ...]:
        """Return what was assumed, and what to do where it is wrong; nothing for a plain table."""
        found = []
        if self.encoding in ("cp1252", "latin-1", "mac_roman"):
            what = f"was read as {_NAMES[self.encoding]} text" + (
                f" (for instance {self.example})" if self.example else ""
            )
            found.append((what, "Save it as CSV UTF-8 if letters look wrong."))
        if self.numerals != PLAIN:
            what = f"was read with {self.numerals.describe()}"
            found.append((what, "Export it with decimal points if that is wrong."))
        elif self.separator == ";" and Numerals(",", ".") in self.reading.ways and self.reading.words:
            word = self.reading.words[0]
            what = f"was read with decimal points: {word} is {PLAIN.number(word):g}"
            found.append((what, "Export it without points between thousands if that is wrong."))
        return tuple(found)


@contextmanager
def readable(where: str, kind: str) -> Iterator[None]:
    """Turn what reading text can raise into the problem of that file."""
    try:
        yield
    except (UnicodeError, OSError, csv.Error) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        what = f"Expected {kind}, found a file that cannot be read ({reason})."
        raise CohortError(Problem(where, what, "Save it again as CSV UTF-8.")) from error


def find_encoding(path: Path, where: str, kind: str) -> tuple[str, str]:
    """Return the encoding of a text file and, where it is a guess, a word that shows it; the whole file is looked at.

    Raises
    ------
    CohortError
        When the file is no text.
    """
    with readable(where, kind), path.open("rb") as handle:
        start = handle.read(16)
        for magic, what, fix in _MAGIC:
            if start.startswith(magic):
                raise CohortError(Problem(where, f"Expected {kind}, found {what}.", fix))
        if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
            raise CohortError(Problem(where, f"Expected {kind}, found UTF-32 text.", "Save it as CSV UTF-8."))
        marked = next((name for mark, name in _MARKS if start.startswith(mark)), None)
        if marked == "utf-16":
            return marked, ""
        handle.seek(0)
        return _judge(handle, where, kind, marked or "utf-8")


def _judge(handle: io.BufferedReader, where: str, kind: str, unicode: str) -> tuple[str, str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    valid, position, odd = True, 0, b""
    for block in iter(lambda: handle.read(_BLOCK), b""):
        if b"\0" in block:
            found = f"found a zero byte at position {position + block.index(0)}, as only other files have"
            raise CohortError(Problem(where, f"Expected {kind}, {found}.", "Save it as CSV UTF-8."))
        position += len(block)
        # decoding costs time, and plain ASCII needs none
        if valid and not (block.isascii() and not decoder.getstate()[0]):
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                valid = False
        if not block.isascii() and len(odd) < _BLOCK:
            odd += b" ".join(itertools.islice(_odd_words(block), 1000)) + b" "
    if valid and not decoder.getstate()[0]:
        return unicode, ""
    encoding = "cp1252"
    if _MAC_LETTER.search(odd) and not _WINDOWS_LETTER.search(odd):
        encoding = "mac_roman"
    elif _WINDOWS_NOTHING.search(odd):
        encoding = "latin-1"
    words = odd.decode(encoding, errors="replace").split()
    return encoding, next((word[:30] for word in words if word.isprintable()), "")


def _odd_words(block: bytes) -> Iterator[bytes]:
    """Words with a byte that is not ASCII, and up to 20 letters before it: a block may be one long word."""
    for found in re.finditer(rb"[\x80-\xff][\w.\x80-\xff]*", block):
        before = re.search(rb"[\w.]*\Z", block[max(0, found.start() - 20) : found.start()])
        yield (before[0] if before else b"") + found[0]


@contextmanager
def opened(path: Path, encoding: str) -> Iterator[TextIO]:
    """Open a text table with its line ends as they are; a byte the encoding has no letter for is shown as such."""
    errors = "replace" if encoding == "cp1252" else "strict"
    with path.open(encoding=encoding, errors=errors, newline="") as handle:
        yield handle


def above_header(handle: TextIO, where: str) -> tuple[int, str | None, int]:
    """Read what stands above the header: its lines, the separator it names, and the position of the header."""
    count, named = 0, None
    while True:
        position = handle.tell()
        line = handle.readline(_LONGEST_LINE)
        if len(line) == _LONGEST_LINE:
            what = f"Expected lines of text, found one longer than {_LONGEST_LINE // 2**20} million characters."
            raise CohortError(Problem(where, what, "Export it again as CSV UTF-8."))
        text = _alone(line)
        if not line or (text and not text.startswith("#") and not text.lower().startswith("sep=")):
            handle.seek(position)
            return count, named, position
        if text.lower().startswith("sep="):
            named = text[4:5] or ("\t" if "\t" in line else None)
        count += 1


def _alone(line: str) -> str:
    """Return a line without the quotes around it; a line of several quoted fields as it is: it may be a header.

    Excel quotes a remark with a comma in it, and puts separators behind it for the columns below.
    """
    text = line.strip()
    field = re.fullmatch(r'"([^"]*+(?:""[^"]*+)*+)"[,;|\t ]*', text)
    return field[1].strip() if field else text


def first_remark(path: Path, encoding: str) -> str:
    """Return the first line of a text table where it is a remark, or nothing."""
    with opened(path, encoding) as handle:
        text = _alone(handle.readline(_LONGEST_LINE)).strip("\ufeff")
    return text if text.startswith("#") else ""


def find_dialect(path: Path, where: str, kind: str = "a table of cells", *, spaces: bool = False) -> Dialect:
    """Find out how a text table is written, from all of its bytes (the encoding) and its first rows (all else).

    Parameters
    ----------
    where
        How the owner calls the file.
    kind
        What was expected of it, for messages.
    spaces
        Whether any number of spaces may stand between two columns, as R writes tables.

    Raises
    ------
    CohortError
        When the file is empty or no text.
    """
    encoding, example = find_encoding(path, where, kind)
    with readable(where, kind), opened(path, encoding) as handle:
        skipped, named, _position = above_header(handle, where)
        lines = list(_first_lines(handle))
    if not lines:
        raise CohortError(Problem(where, f"Expected {kind}, found an empty file.", "Export it again."))
    separator = named or _separator(lines, spaces=spaces)
    with readable(where, kind):
        rows = _rows(lines, separator)
    header = tuple(name.strip().strip("\ufeff") for name in rows[0])
    body = [row for row in rows[1:] if any(field.strip() for field in row)]
    if _rows_have_names(lines[1:], body, len(header)):
        header = ("", *header)
    wide = bool(body) and all(len(row) == len(header) + 1 and not row[-1].strip() for row in body)
    dialect = Dialect(
        encoding=encoding,
        separator=separator,
        header=header,
        skipped=skipped,
        hidden=int(named is not None),
        width=len(header) + wide,
        first=len(body[0]) if body else 0,
        example=example,
    )
    words = [field for row in body for field in row]
    return with_reading(dialect, reading_of(words[:_SEEN_WORDS]))


def with_reading(dialect: Dialect, reading: Reading) -> Dialect:
    """Return the dialect with numbers written in the way that some words show."""
    return replace(dialect, reading=reading, numerals=reading.best if reading.ways else PLAIN)


def _first_lines(handle: TextIO) -> Iterator[str]:
    size = 0
    for line in itertools.islice(iter(lambda: handle.readline(_LONGEST_LINE), ""), _SEEN_ROWS):
        yield line
        size += len(line)
        if size > _SEEN_TEXT and size > len(line):
            return


def _rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    if separator == " ":
        return [[word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)] for line in lines]
    return list(csv.reader(lines, delimiter=separator))


def _separator(lines: Sequence[str], *, spaces: bool) -> str:
    """Return the separator for which most rows are as long as the header."""
    scores = []
    for order, separator in enumerate(_SEPARATORS):
        try:
            rows = [row for row in _rows(lines[:100], separator) if row]
        except csv.Error:
            continue
        width = len(rows[0]) if rows else 0
        if width > 1:
            alike = sum(len(row) in (width, width + 1) for row in rows[1:]) / max(1, len(rows) - 1)
            scores.append((alike if len(rows) > 1 else 1.0, width if len(rows) == 1 else 0, -order, separator))
    if scores:
        return max(scores)[3]
    if spaces and _columns_of_words(_rows(lines[:100], " ")):
        return " "
    # one column: any character that does not occur
    return next((mark for mark in ",;\t|" if not any(mark in line for line in lines)), ",")


def _columns_of_words(rows: Sequence[Sequence[str]]) -> bool:
    """Whether rows are as long as their header, or one longer by the names of rows, and hold numbers beside words."""
    body = [row for row in rows[1:] if row]
    width = len(rows[0])
    if width < 2 or not body or any(len(row) not in (width, width + 1) for row in body):
        return False
    return any(word[:1].isdigit() or word[:1] in "+-." for row in body for word in row[-width:])


def _rows_have_names(lines: Sequence[str], body: Sequence[Sequence[str]], names: int) -> bool:
    """Whether every row begins with a name of its own that the header does not count, as R writes them.

    A column of numbers is never taken for one, unless it is quoted and other numbers are not: the missing name might be
    another.
    """
    if not body or any(len(row) != names + 1 or not row[-1].strip() for row in body):
        return False
    if all(line.startswith('"') and _BARE_NUMBER.search(line) for line in lines if line.strip()):
        return True
    return not any(way.reads(row[0].strip()) for row in body for way in ANYHOW.ways)
