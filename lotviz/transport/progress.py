"""How long work says how far it is, and how it is asked to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable

Progress = Callable[[int, int, str], None]


class Cancelled(Exception):  # noqa: N818 - nothing went wrong: the user asked for it
    """The work was cancelled before it was done."""


def report(progress: Progress | None, done: int, total: int, message: str) -> None:
    """Tell whoever listens how far the work is."""
    if progress is not None:
        progress(done, total, message)


def stop_if(cancel: threading.Event | None) -> None:
    """Raise `Cancelled` when the user asked to stop."""
    if cancel is not None and cancel.is_set():
        raise Cancelled("Cancelled before it was done.")


def part_of(progress: Progress | None, start: int, total: int) -> Progress | None:
    """Return a progress for a part of the work that begins at `start` of `total`; what the part counts is passed on."""
    if progress is None:
        return None
    return lambda done, _, message: progress(start + done, total, message)
