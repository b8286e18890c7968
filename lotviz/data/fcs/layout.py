"""The DATA segment of an FCS data set: where it lies, how its values are stored and what they mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lotviz.data.fcs.text import DataSet, damaged, unreadable
from lotviz.data.problems import CohortError, Problem, listed

MOST_CHARACTERS = 64  # of a number written as text

Kind = Literal["I", "F", "D", "A"]


@dataclass(frozen=True)
class Channel:
    """How the values of one channel are stored ($PnB, $PnR) and what they mean ($PnE, $PnG, $TIMESTEP).

    Parameters
    ----------
    name, stain
        $PnN and $PnS.
    kind, width
        $DATATYPE, and the bytes of one value; 0 for ASCII of free format.
    mask
        The bits of an integer that are used, 0 for all of them.
    top
        $PnR as a number.
    decades, lowest
        A stored value x means lowest * 10 ** (decades * x / top); decades 0 for a linear channel.
    divisor, factor
        What the values of a linear channel are divided by (its gain) and multiplied with (the time step).
    """

    name: str
    stain: str
    kind: Kind
    width: int
    mask: int
    top: float
    decades: float
    lowest: float
    divisor: float
    factor: float

    @property
    def as_stored(self) -> bool:
        """Whether stored values are linear values."""
        return not self.decades and self.divisor == self.factor == 1

    def linear(self, stored: NDArray[Any]) -> NDArray[np.float64]:
        """Take stored values to the linear scale, same shape."""
        values = stored.astype(np.float64)
        if self.decades:
            return 10 ** (self.decades * values / self.top) * self.lowest
        return values / self.divisor * self.factor


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the values of a data set lie in the file.

    Parameters
    ----------
    where
        How the owner calls the file.
    start, stop
        First byte of the values, and the byte after the last that may belong to them.
    n_cells
        Cells.
    order
        $BYTEORD: the significance of each stored byte, 1 the least.
    channels
        In the order of the file.
    """

    where: str
    start: int
    stop: int
    n_cells: int
    order: tuple[int, ...]
    channels: tuple[Channel, ...]

    @cached_property
    def row(self) -> int:
        """Bytes of one cell."""
        return sum(channel.width for channel in self.channels)


Note = tuple[str, str]


def find_layout(data_set: DataSet) -> tuple[Layout, tuple[Note, ...]]:
    """Return where and how the values of a data set are stored, and what is odd about it.

    Raises
    ------
    CohortError
        When they are not stored as the standard says, or in a way that is not read here.
    """
    mode = data_set.get("MODE").upper() or "L"
    if mode != "L":
        what = f"Expected an FCS file of single cells, found one of histograms (mode {mode[:20]})."
        raise CohortError(Problem(data_set.where, what, "Export the list-mode data of the sample."))
    channels = _channels(data_set)
    order = _order(data_set, channels)
    row = sum(channel.width for channel in channels)
    start, stop, n_cells, notes = _section_of_odd(data_set, row, len(channels))
    layout = Layout(data_set.where, data_set.start + start, data_set.start + stop, n_cells, order, channels)
    logarithmic = [channel.name for channel in channels if channel.decades and channel.kind in ("F", "D")]
    if logarithmic:
        what = (
            f"says that floating-point values are logarithmic ($PnE of {listed(logarithmic, 3)}), and was taken at it"
        )
        notes = (*notes, (what, "Check that the values are as expected; the standard allows this for integers only."))
    return layout, notes


def _channels(data_set: DataSet) -> tuple[Channel, ...]:
    where, count = data_set.where, data_set.whole("PAR")
    if count < 1:
        raise CohortError(damaged(where, f"{count} channels"))
    return tuple(_channel(data_set, number) for number in range(1, count + 1))


def _channel(data_set: DataSet, number: int) -> Channel:
    kind = _kind(data_set, number)
    if not any(data_set.get(f"P{number}{letter}") for letter in "NB"):
        raise CohortError(damaged(data_set.where, f"no channel {number} of the {data_set.get('PAR')} it announces"))
    if kind not in ("I", "F", "D", "A"):
        raise CohortError(damaged(data_set.where, f"data type {kind[:20] or 'none'}"))
    name, stain = data_set.get(f"P{number}N") or f"P{number}", data_set.get(f"P{number}S")  # FCS 2.0 asks for no name
    decades, lowest = _amplification(data_set, number)
    top = _range(data_set, number, needed=kind == "I" or decades > 0)
    if decades and top <= 0:
        raise CohortError(damaged(data_set.where, f"a logarithmic channel {name} of range {top:g}"))
    time = name.upper() == "TIME"
    # the clock has no amplifier: what is written as its gain is often the time step once more
    gain = 1.0 if time or decades else data_set.number(f"P{number}G", 1.0)
    return Channel(
        name=name,
        stain=stain,
        kind=kind,  # type: ignore[arg-type]  # one of the four
        width=_width(data_set, number, kind),
        mask=_mask(data_set, number) if kind == "I" else 0,
        top=top,
        decades=decades,
        lowest=lowest,
        divisor=gain or 1.0,
        factor=_time_step(data_set) if time and not decades else 1.0,
    )


def _kind(data_set: DataSet, number: int) -> str:
    return (data_set.get(f"P{number}DATATYPE") or data_set.get("DATATYPE")).upper()


def _range(data_set: DataSet, number: int, *, needed: bool) -> float:
    if needed or not data_set.get(f"P{number}R"):
        return data_set.number(f"P{number}R")
    try:
        return data_set.number(f"P{number}R")
    except CohortError:  # "NA" and "Inf" of some exports; of linear floats it says nothing
        return 0.0


def _time_step(data_set: DataSet) -> float:
    try:
        return data_set.number("TIMESTEP", 1.0)
    except CohortError:  # a time of day, in some files
        return 1.0


def _amplification(data_set: DataSet, number: int) -> tuple[float, float]:
    words = (data_set.get(f"P{number}E") or "0,0").split(",")
    if len(words) == 4:  # two numbers with decimal commas
        words = [".".join(words[:2]), ".".join(words[2:])]
    try:
        decades, lowest = (float(word) for word in words)
    except ValueError:
        decades = lowest = np.nan
    if not 0 <= decades < 100 or not 0 <= lowest < np.inf:
        raise CohortError(damaged(data_set.where, f"$P{number}E {','.join(words)[:40]}"))
    # "4,0" is not allowed but common; FCS 3.1 says to read it as "4,1"
    return decades, lowest or 1.0


def _width(data_set: DataSet, number: int, kind: str) -> int:
    if kind in ("F", "D"):
        return {"F": 4, "D": 8}[kind]
    if kind == "A" and data_set.get(f"P{number}B") == "*":
        return 0
    bits = data_set.whole(f"P{number}B")
    if kind == "A":
        if not 0 < bits <= MOST_CHARACTERS:
            raise CohortError(damaged(data_set.where, f"values of {bits} characters"))
        return bits
    if not 0 < bits <= 64:
        raise CohortError(damaged(data_set.where, f"integers of {bits} bits"))
    return bits // 8 if bits % 8 == 0 else next(width for width in (1, 2, 4, 8) if bits < 8 * width)


def _mask(data_set: DataSet, number: int) -> int:
    """Return the bits below the next power of two of $PnR: the standard asks to ignore those above."""
    text = data_set.get(f"P{number}R")
    top = data_set.whole(f"P{number}R") if text.isdigit() else int(np.ceil(data_set.number(f"P{number}R")))
    bits = data_set.whole(f"P{number}B")
    limit = min(1 << (top - 1).bit_length(), 1 << bits) if top > 0 else 1 << bits
    return limit - 1 if limit < 1 << 8 * _width(data_set, number, "I") else 0


def _order(data_set: DataSet, channels: Sequence[Channel]) -> tuple[int, ...]:
    if all(channel.kind == "A" for channel in channels):
        return (1,)  # text has no byte order
    text = data_set.get("BYTEORD")
    words = [word.strip() for word in text.split(",")]
    order = tuple(int(word) for word in words if word.isdigit() and len(word) < 3)
    if sorted(order) != list(range(1, len(words) + 1)):
        raise CohortError(damaged(data_set.where, f"byte order {text[:40]!r}"))
    mixed = order not in (tuple(sorted(order)), tuple(sorted(order, reverse=True)))
    widths = {channel.width for channel in channels if channel.kind != "A" and channel.width > 1}
    if mixed and widths - {len(order)}:
        found = f"byte order {text[:40]} for values of {listed(map(str, sorted(widths)))} bytes"
        raise CohortError(unreadable(data_set.where, found))
    return order


def _section_of_odd(data_set: DataSet, row: int, channels: int) -> tuple[int, int, int, tuple[Note, ...]]:
    """As `_section`; integers of 10 or 12 bits must be seen to stand in whole bytes, as those of real files do."""
    whole = [number for number in range(1, channels + 1) if _kind(data_set, number) == "I"]
    odd = sorted({bits for number in whole if (bits := data_set.whole(f"P{number}B")) % 8})
    if not odd:
        return _section(data_set, row, channels)
    said = f"integers of {listed(map(str, odd))} bits"
    packed = unreadable(data_set.where, f"{said}, packed across bytes")
    try:
        start, stop, n_cells, notes = _section(data_set, row, channels)
    except CohortError as error:
        raise CohortError(packed) from error
    if not data_set.get("TOT") or not 0 <= stop - start - n_cells * row <= 1:
        raise CohortError(packed)
    what = f"announces {said}; by its size they are stored in {row} bytes a cell, and were read so"
    return start, stop, n_cells, (*notes, (what, "Compare some values with what the instrument's software shows."))


def _section(data_set: DataSet, row: int, channels: int) -> tuple[int, int, int, tuple[Note, ...]]:
    """First byte of the data, the byte after the last, cells and notes; bytes counted from the data set's start."""
    where = data_set.where
    in_text = data_set.whole("BEGINDATA", 0), data_set.whole("ENDDATA", 0)
    # FCS 2.0 knows the offsets of the HEADER only; FCS 3 has both, and the HEADER's are 0 beyond 99,999,999
    spans = [data_set.header_data, in_text] if data_set.version == "2.0" else [in_text, data_set.header_data]
    spans = [(first, min(last + 1, data_set.size)) for first, last in spans if 0 < first <= last]
    announced = data_set.get("TOT")
    total = data_set.whole("TOT") if announced else None
    if not spans:
        if total == 0:
            return 0, 0, 0, ()
        raise CohortError(damaged(where, "no place for the data of its cells"))
    if row == 0:  # free-format ASCII: a digit and a separator for each value, none after the last
        first, stop = spans[0]
        most = (stop - first + 1) // (2 * channels)
        if total is None or not 0 <= total <= most:
            found = "no $TOT" if total is None else f"room for no more than {most} of the {total} cells $TOT announces"
            raise CohortError(damaged(where, found))
        return first, stop, total, ()
    rooms = [(stop - first) // row for first, stop in spans]
    if total is None:  # optional in FCS 2.0
        note = f"says nothing of its number of cells, and was read to the end of its data ({rooms[0]} cells)"
        return (*spans[0], rooms[0], ((note, "Check that all cells are there."),))
    # the last byte may be given as the one after it, or the end as one too early
    spans = [(first, stop + (stop - first == total * row - 1 and stop < data_set.size)) for first, stop in spans]
    rooms = [(stop - first) // row for first, stop in spans]
    fits = [place for place, (first, stop) in enumerate(spans) if 0 <= stop - first - total * row <= 1]
    holds = [place for place, room in enumerate(rooms) if room >= total]
    if total < 0 or not (fits or holds) or (total == 0 and rooms[0] > 0):
        found = f"room for {max(rooms)} of the {total} cells its header announces"
        raise CohortError(damaged(where, found if total else f"0 cells announced and data of {rooms[0]} cells"))
    best = (fits or holds)[0]
    if fits or rooms[best] == total:
        return (*spans[best], total, ())
    note = f"holds data of {rooms[best]} cells where $TOT announces {total}, and the first {total} were read"
    return (*spans[best], total, ((note, "Export the file again if cells are missing."),))


def channel_names(layout: Layout) -> tuple[list[str], list[str]]:
    """$PnN and $PnS of all channels, stains that are blank or hold control characters only as empty."""
    stains = [re.sub(r"[\x00-\x1f]+", " ", channel.stain).strip() for channel in layout.channels]
    return [channel.name for channel in layout.channels], stains
