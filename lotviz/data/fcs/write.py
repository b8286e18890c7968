"""FCS 3.1 files of float32 values, written to the letter of the standard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lotviz.data.marks import MARKERS_KEY, json_names, one_line, written_names

_TEXT_START = 256  # where most programs begin; the header takes 58 bytes
_HEADER_LIMIT = 99_999_999  # the largest offset that eight digits of the header hold
_SMALLEST_RANGE = 1024
# A control character is in no name and no value (`one_line`), so that none is ever doubled: doubled delimiters are
# what readers of FCS disagree about.
_DELIMITER = "\f"


def write_fcs(
    path: Path, values: NDArray[np.float32], markers: Sequence[str], *, keywords: Mapping[str, str] | None = None
) -> None:
    """Write one data set of list mode, float32, little-endian.

    Parameters
    ----------
    values
        Cells, (n, d), on a linear scale ($PnE/0,0), n and d at least 1.
    markers
        Distinct names of the d columns: whole in $PnS, in $PnN without the comma that the standard forbids there.
    keywords
        Further keywords of the text segment.

    Notes
    -----
    Source: Spidlen 2010, FCS 3.1. The CRC word is eight zeros, which is how a file says that it has none.
    """
    stored = np.ascontiguousarray(values, dtype="<f4")
    pairs = {**_channels(stored, markers), **_further(keywords or {}), MARKERS_KEY.upper(): json_names(markers)}
    text, start = _text(pairs, stored)
    with path.open("wb") as file:
        file.write(_header(_TEXT_START + len(text) - 1, start, start + stored.nbytes - 1))
        file.write(text.ljust(start - _TEXT_START))
        file.write(stored.data)
        file.write(b"0" * 8)


def _header(text_end: int, data_start: int, data_end: int) -> bytes:
    if data_end > _HEADER_LIMIT:
        data_start = data_end = 0  # the offsets are in $BEGINDATA and $ENDDATA alone
    offsets = (_TEXT_START, text_end, data_start, data_end, 0, 0)
    return ("FCS3.1    " + "".join(f"{offset:>8}" for offset in offsets)).ljust(_TEXT_START).encode("ascii")


def _text(pairs: Mapping[str, str], stored: NDArray[np.float32]) -> tuple[bytes, int]:
    """Text segment and start of the data, which the text itself names: longer numbers may move it, until it stays."""
    start = 0
    while True:
        text = _segment({**_required(stored, start), **pairs})
        moved = _aligned(_TEXT_START + len(text))
        if moved == start:
            return text, start
        start = moved


def _aligned(offset: int) -> int:
    return -(-offset // 8) * 8  # so that values can be mapped from the file


def _required(stored: NDArray[np.float32], start: int) -> dict[str, str]:
    return {
        "$BEGINANALYSIS": "0",
        "$ENDANALYSIS": "0",
        "$BEGINSTEXT": "0",
        "$ENDSTEXT": "0",
        "$BEGINDATA": str(start),
        "$ENDDATA": str(start + stored.nbytes - 1),
        "$BYTEORD": "1,2,3,4",
        "$DATATYPE": "F",
        "$MODE": "L",
        "$NEXTDATA": "0",
        "$TOT": str(stored.shape[0]),
        "$PAR": str(stored.shape[1]),
    }


def _channels(stored: NDArray[np.float32], markers: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    short = written_names(marker.replace(",", " ") for marker in markers)
    channels = zip(short, markers, _ranges(stored), strict=True)
    for number, (name, stain, top) in enumerate(channels, start=1):
        pairs |= {
            f"$P{number}N": name,
            f"$P{number}S": one_line(stain) or name,
            f"$P{number}B": "32",
            f"$P{number}E": "0,0",
            f"$P{number}R": str(top),
        }
    return pairs


def _ranges(stored: NDArray[np.float32]) -> list[int]:
    """Return for each channel a whole number that no value reaches, positive or negative: some programs cut beyond."""
    low, high = stored.min(axis=0), stored.max(axis=0)
    if not (np.isfinite(low) & np.isfinite(high)).all():
        finite = np.where(np.isfinite(stored), stored, np.float32(0))
        low, high = finite.min(axis=0), finite.max(axis=0)
    largest = np.maximum(np.abs(low), np.abs(high)).astype(np.float64)
    tops = [int(top) for top in np.ceil(largest)]
    return [max(_SMALLEST_RANGE, top + 2 + (top >> 20)) for top in tops]  # more also for who reads it as a float


def _further(keywords: Mapping[str, str]) -> dict[str, str]:
    """Keywords as the standard wants them: names in capitals, no value empty."""
    clean = {one_line(name).upper(): one_line(value) for name, value in keywords.items()}
    return {name: value for name, value in clean.items() if name and value}


def _segment(pairs: Mapping[str, str]) -> bytes:
    words = [word for pair in pairs.items() for word in pair]
    return (_DELIMITER + _DELIMITER.join(words) + _DELIMITER).encode("utf-8")
