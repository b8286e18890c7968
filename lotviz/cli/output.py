"""What the command line says: the result on standard output, everything else on standard error."""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from shutil import get_terminal_size
from types import TracebackType
from typing import Any, Self

REDRAW_SECONDS = 0.1  # on a terminal
LINE_SECONDS = 10.0  # in a log file
LINE_WIDTH = 100


class Output:
    """The two streams of one command: `result` goes to standard output once, the rest to standard error.

    Parameters
    ----------
    as_json
        Whether the result is one JSON object instead of text.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.cancel = threading.Event()  # set when the user wants the command to stop
        self._lock = threading.Lock()  # progress comes from worker threads
        self._last_time = -math.inf
        self._open_line = False
        self._printed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_line()

    def result(self, record: Mapping[str, Any], text: str) -> None:
        """Print the result: `record` as one JSON object, or `text` for a person."""
        self._end_line()
        self._printed = True
        _write(sys.stdout, json.dumps(finite(record), allow_nan=False) if self.as_json else text)

    def warn(self, sentences: Iterable[str]) -> None:
        """Print warnings for a person; a script finds them in the JSON object."""
        if self.as_json:
            return
        self._end_line()
        for sentence in sentences:
            _write(sys.stderr, f"warning: {sentence}")

    def fail(self, message: str, problems: Iterable[Mapping[str, str]] = ()) -> None:
        """Print why the command failed; with JSON also as `{"error": {"message", "problems"}}`."""
        self._end_line()
        _write(sys.stderr, f"lotviz: {message}")
        if self.as_json and not self._printed:
            self._printed = True
            _write(sys.stdout, json.dumps({"error": {"message": message, "problems": list(problems)}}))

    def progress(self, done: int, total: int, message: str) -> None:
        """Show how far the work is: one line that updates on a terminal, now and then a line elsewhere."""
        with self._lock:
            now = time.monotonic()
            terminal = sys.stderr.isatty()
            if done < total and now - self._last_time < (REDRAW_SECONDS if terminal else LINE_SECONDS):
                return
            self._last_time = now
            line = f"{done} of {total}: {message}"
            if terminal:
                width = min(LINE_WIDTH, get_terminal_size().columns - 1)  # a full line would wrap
                sys.stderr.write("\r" + line[:width].ljust(width))
                sys.stderr.flush()
                self._open_line = True
            else:
                _write(sys.stderr, line)

    def _end_line(self) -> None:
        with self._lock:
            if self._open_line:
                sys.stderr.write("\n")
                self._open_line = False


def finite(value: Any) -> Any:
    """Turn a value into JSON's own types; a number that is not finite becomes null.

    Examples
    --------
    >>> finite({"low": float("nan"), "classes": ("a", "b")})
    {'low': None, 'classes': ['a', 'b']}
    """
    if isinstance(value, Mapping):
        return {str(key): finite(entry) for key, entry in value.items()}
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays, without importing NumPy
        return finite(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [finite(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)


def _write(stream: Any, text: str) -> None:
    if stream is None:  # closed by whoever started us
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    # a terminal or pipe of another encoding: better a letter in other words than no result
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()
