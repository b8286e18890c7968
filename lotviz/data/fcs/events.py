"""Reading the values of an FCS data set block by block: integers of any width and byte order, floats, text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from lotviz.data.fcs.layout import MOST_CHARACTERS, Channel, Layout
from lotviz.data.fcs.text import damaged
from lotviz.data.problems import CohortError
from lotviz.data.transforms.arcsinh_file import StoredTable, aligned, arcsinh_of_file

_BLOCK = 2**21  # bytes: smaller ones cost two threads their turns, larger ones the cache and the reading ahead
_PIECE = 2**18  # bytes of text at once
_SEPARATORS = bytes.maketrans(b",\t\r\n\0", b"     ")  # of free-format ASCII


def stored_blocks(path: Path, layout: Layout, columns: Sequence[int]) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Read stored values of some channels, integers masked: which cells, and their values (cells, len(columns)).

    The values of a block are overwritten by the next.

    Raises
    ------
    CohortError
        When the file has been cut short, or text is no number.
    """
    if not layout.n_cells:
        return
    with path.open("rb", buffering=0 if layout.row else -1) as handle:
        handle.seek(layout.start)
        yield from _binary(handle, layout, columns) if layout.row else _free_ascii(handle, layout, columns)


def read_as_stored(path: Path, layout: Layout, columns: Sequence[int], values: NDArray[np.float32]) -> bool:
    """Read all channels straight into `values` (n, d) where they are stored as this machine keeps them, or say no."""
    if _uniform(layout) != np.dtype(np.float32) or list(columns) != list(range(len(layout.channels))):
        return False
    with path.open("rb", buffering=0) as handle:
        handle.seek(layout.start)
        _fill(values.view(np.uint8).reshape(-1), handle, layout)
    return True


def arcsinh_of_stored(
    path: Path, layout: Layout, columns: Sequence[int], *, cofactor: float, values: NDArray[np.float32]
) -> bool:
    """Write arcsinh(stored / cofactor) of some channels to `values` (n, len(columns)), or say no, as `arcsinh_of_file`.

    Raises
    ------
    OSError
        When the file cannot be opened.
    """
    stored = _uniform(layout)
    if stored is None or not columns or any(layout.channels[column].mask for column in columns):
        return False
    wanted = None if list(columns) == list(range(len(layout.channels))) else tuple(columns)
    table = StoredTable(layout.start, stored, len(layout.channels), wanted)
    with path.open("rb", buffering=0) as handle:
        return arcsinh_of_file(handle, table, cofactor, values)


def _uniform(layout: Layout) -> np.dtype[Any] | None:
    """Return the one type of all values, None where they are of several or of none that numpy has."""
    kinds = {(channel.kind, channel.width) for channel in layout.channels}
    kind, width = next(iter(kinds))
    if len(kinds) > 1 or kind == "A" or width not in (1, 2, 4, 8) or not _plain_order(layout):
        return None
    return np.dtype(f"{'<' if layout.order[0] == 1 else '>'}{'u' if kind == 'I' else 'f'}{width}")


def _fill(content: NDArray[np.uint8], handle: BinaryIO, layout: Layout) -> None:
    left = memoryview(content.data)
    while left:  # one call reads no more than 2 GB
        count = handle.readinto(left)  # type: ignore[attr-defined]  # files have it
        if not count:
            raise CohortError(damaged(layout.where, "a data section cut short"))
        left = left[count:]


def _plain_order(layout: Layout) -> bool:
    return list(layout.order) in (sorted(layout.order), sorted(layout.order, reverse=True))


def _binary(handle: BinaryIO, layout: Layout, columns: Sequence[int]) -> Iterator[tuple[slice, NDArray[Any]]]:
    rows = max(1, _BLOCK // layout.row)
    buffer = aligned(min(rows, layout.n_cells) * layout.row)
    decode = _decoder(layout, columns)
    for first in range(0, layout.n_cells, rows):
        count = min(rows, layout.n_cells - first)
        raw = buffer[: count * layout.row]
        _fill(raw, handle, layout)
        yield slice(first, first + count), decode(raw)


def _decoder(layout: Layout, columns: Sequence[int]) -> Any:
    """Return the function that takes the bytes of whole cells apart, (cells * row,) -> (cells, len(columns))."""
    stored = _uniform(layout)
    if stored is None:
        return lambda raw: _by_column(raw, layout, columns)
    width = stored.itemsize
    used = [layout.channels[column].mask for column in columns]
    masks = np.array([mask or 2 ** (8 * width) - 1 for mask in used], f"u{width}") if any(used) else None
    chosen = _chosen(columns)

    def decode(raw: NDArray[np.uint8]) -> NDArray[Any]:
        table = raw.view(stored).reshape(-1, len(layout.channels))
        values = table[:, chosen] if isinstance(chosen, slice) else table.take(chosen, axis=1)
        return values if masks is None else values & masks

    return decode


def _chosen(columns: Sequence[int]) -> slice | list[int]:
    """Columns as an index, neighbours as a slice, which copies nothing."""
    neighbours = list(range(columns[0], columns[0] + len(columns)))
    return slice(columns[0], columns[0] + len(columns)) if list(columns) == neighbours else list(columns)


def _by_column(raw: NDArray[np.uint8], layout: Layout, columns: Sequence[int]) -> NDArray[Any]:
    rows = raw.reshape(-1, layout.row)
    ends = np.cumsum([channel.width for channel in layout.channels])
    floats = any(layout.channels[column].kind != "I" for column in columns)
    values = np.empty((len(rows), len(columns)), np.float64 if floats else np.uint64)
    for place, column in enumerate(columns):
        channel = layout.channels[column]
        values[:, place] = _column(rows[:, ends[column] - channel.width : ends[column]], channel, layout)
    return values


def _column(digits: NDArray[np.uint8], channel: Channel, layout: Layout) -> NDArray[Any]:
    """Values of one channel from their bytes, (n, width) -> (n,)."""
    if channel.kind == "A":
        try:
            return np.ascontiguousarray(digits).view(f"S{channel.width}")[:, 0].astype(np.float64)
        except ValueError as error:
            raise CohortError(damaged(layout.where, f"text that is no number in channel {channel.name}")) from error
    values = np.zeros(len(digits), np.uint64)
    for place, significance in enumerate(_significances(layout.order, channel.width)):
        values |= digits[:, place].astype(np.uint64) << np.uint64(8 * significance)
    if channel.kind == "I":
        return values & np.uint64(channel.mask) if channel.mask else values
    return values.astype(f"u{channel.width}").view(f"f{channel.width}")


def _significances(order: tuple[int, ...], width: int) -> list[int]:
    """Power of 256 of each of the bytes of a value."""
    if len(order) == width:
        return [number - 1 for number in order]
    return list(range(width)) if order[0] == 1 else list(range(width))[::-1]


def _free_ascii(handle: BinaryIO, layout: Layout, columns: Sequence[int]) -> Iterator[tuple[slice, NDArray[Any]]]:
    count, first, kept, left = len(layout.channels), 0, np.empty(0), b""
    remaining = layout.stop - layout.start
    while first < layout.n_cells:
        piece = handle.read(min(_PIECE, remaining))
        remaining -= len(piece)
        words = (left + piece).translate(_SEPARATORS).split(b" ")
        left = words.pop() if piece and remaining else b""
        try:
            kept = np.concatenate([kept, np.array([word for word in words if word], dtype="S64").astype(np.float64)])
        except ValueError as error:
            raise CohortError(damaged(layout.where, "text that is no number among the data")) from error
        cells = min(len(kept) // count, layout.n_cells - first)
        if not piece or len(left) > MOST_CHARACTERS:
            raise CohortError(damaged(layout.where, f"{first} of the {layout.n_cells} cells its header announces"))
        if cells:
            yield slice(first, first + cells), kept[: cells * count].reshape(cells, count)[:, list(columns)]
            first, kept = first + cells, kept[cells * count :]
