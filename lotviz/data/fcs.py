"""FCS files: keywords and channels through FlowIO, values through numpy, whatever the data offset says."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from flowio import FlowData
from flowio.exceptions import FCSParsingError
from numpy.typing import NDArray

from lotviz.data.markers import marker_names
from lotviz.data.problems import CohortError, Problem

# What FlowIO raises on the text of a damaged file, depending on which byte is damaged.
_DAMAGE = (
    FCSParsingError,
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    TypeError,
    UnicodeDecodeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True, eq=False)
class FcsFile:
    """One FCS file, opened but not read.

    Parameters
    ----------
    path, where
        The file, and how its owner calls it.
    markers
        Names of all channels, in the order of the file.
    n_cells
        Number of events.
    notes
        Warnings about how the file is read.
    """

    path: Path
    where: str
    markers: tuple[str, ...]
    n_cells: int
    notes: tuple[tuple[str, str], ...] = ()
    raw_file: bool = True

    def read(self, markers: tuple[str, ...]) -> NDArray[np.float32]:
        """Values of the named channels on their linear scale ($PnE, $PnG applied), (n, d)."""
        with _undamaged(self.where):
            flow = _parse(self.path, self.where)
            flow.events = _events(flow, self.path, self.where)
            # FlowIO knows no channel without a name: its list may be shorter than the columns of the data
            numbers = sorted(int(number) for number in flow.channels)
            columns = [numbers[self.markers.index(marker)] - 1 for marker in markers]
            with np.errstate(all="ignore"):  # a senseless gain or range ends in infinity, which the cohort reports
                return np.ascontiguousarray(flow.as_array(preprocess=True)[:, columns], dtype=np.float32)

    def populations(self) -> NDArray[Any] | None:
        """None: FCS files hold numbers only."""
        return None


def open_fcs(path: Path, where: str) -> FcsFile:
    """Open an FCS file: its channels and number of cells, its data section checked to be whole.

    Raises
    ------
    CohortError
        When the file is no FCS file, is damaged or cut short, or stores histograms instead of cells.
    """
    with _undamaged(where):
        flow = _parse(path, where)
        _data_span(flow, where)
        names = marker_names(flow.pnn_labels, flow.pns_labels)
        return FcsFile(path, where, names, flow.event_count, tuple(_notes(flow)))


def _notes(flow: FlowData) -> Iterator[tuple[str, str]]:
    if {"spill", "spillover"} & set(flow.text) and not _is_identity(flow):
        fix = "Values are read as stored: compensate before export if they are not compensated yet."
        yield "carries a spillover matrix", fix
    if int(flow.text.get("nextdata", "0") or 0):
        yield "holds several data sets", "The first one is read; export the others to files of their own."


@contextmanager
def _undamaged(where: str) -> Iterator[None]:
    """Turn what is raised while a damaged file is taken apart into the problem of that file."""
    try:
        yield
    except CohortError:
        raise
    except _DAMAGE as error:
        raise CohortError(_damaged(where, f"{type(error).__name__}: {error}")) from error


def _parse(path: Path, where: str) -> FlowData:
    with path.open("rb") as handle:
        if handle.read(3) != b"FCS":
            raise CohortError(_damaged(where, "no FCS header"))
        handle.seek(0)
        # text only: FlowIO warns on (or refuses) the offset that is off by one in thousands of real files,
        # and reads no 24-bit integers. nextdata_offset=0 accepts files with several data sets.
        flow = FlowData(handle, ignore_offset_discrepancy=True, only_text=True, nextdata_offset=0)
    if not flow.channels or flow.text.get("mode", "L").strip().upper() != "L":
        raise CohortError(_damaged(where, f"mode {flow.text.get('mode')} with {len(flow.channels)} channels"))
    return flow


def _damaged(where: str, found: str) -> Problem:
    what = f"Expected a whole FCS file of single cells, found a damaged one ({found})."
    return Problem(where, what, "Export or copy the file again.")


def _widths(flow: FlowData) -> list[int]:
    """Bytes of each channel."""
    if flow.data_type.upper() in "FD":
        return [{"F": 4, "D": 8}[flow.data_type.upper()]] * flow.channel_count
    return [int(flow.text[f"p{number}b"]) // 8 for number in range(1, flow.channel_count + 1)]


def _data_span(flow: FlowData, where: str) -> tuple[int, list[int]]:
    """Start of the data section and bytes of each channel, once the section is known to hold every cell."""
    kind = flow.data_type.upper()
    widths = _widths(flow) if kind in ("F", "D", "I") else []
    in_text = flow.version != "2.0" and int(flow.text.get("begindata", "0")) > 0
    start = int(flow.text["begindata"]) if in_text else flow.header["data_start"]
    stop = int(flow.text["enddata"]) if in_text else flow.header["data_stop"]
    if not widths or min(widths) < 1 or max(widths) > 8:
        raise CohortError(_damaged(where, f"data type {kind} with channels of {sorted(set(widths))} bytes"))
    row = sum(widths)
    available = min(stop + 1, flow.file_size) - start
    if start <= 0 or available < row * flow.event_count:
        held = max(available, 0) // row
        raise CohortError(_damaged(where, f"room for {held} of the {flow.event_count} cells its header announces"))
    return start, widths


def _events(flow: FlowData, path: Path, where: str) -> NDArray[Any]:
    """Return stored values (n, channels), integers masked to the range of their channel as the standard asks."""
    start, widths = _data_span(flow, where)
    count, row = flow.event_count, sum(widths)
    content = np.fromfile(path, dtype=np.uint8, count=count * row, offset=start)
    if len(content) < count * row:
        raise CohortError(_damaged(where, "a data section cut short"))
    order = "<" if flow.text["byteord"].strip().startswith("1") else ">"
    if flow.data_type.upper() in ("F", "D"):
        return content.view(f"{order}f{widths[0]}").reshape(count, -1)
    rows = content.reshape(count, row)
    ends = np.cumsum(widths)
    columns = []
    for number, (end, width) in enumerate(zip(ends, widths, strict=True), start=1):
        digits = rows[:, end - width : end].astype(np.uint64)  # (n, width)
        powers = np.arange(width) if order == "<" else np.arange(width)[::-1]
        values = (digits << (8 * powers).astype(np.uint64)).sum(axis=1, dtype=np.uint64)
        limit = 1 << (int(float(flow.text[f"p{number}r"])) - 1).bit_length()
        columns.append(values & np.uint64(limit - 1) if limit < 1 << (8 * width) else values)
    return np.column_stack(columns)


def _is_identity(flow: FlowData) -> bool:
    text = flow.text.get("spillover") or flow.text.get("spill") or "0"
    fields = text.split(",")
    size = int(fields[0]) if fields[0].strip().isdigit() else 0
    try:
        matrix = np.array(fields[1 + size :], dtype=float).reshape(size, size)
    except ValueError:
        return False
    return bool(np.allclose(matrix, np.eye(size)))
