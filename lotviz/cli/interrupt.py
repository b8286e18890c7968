"""Ctrl-C: tells the worker threads to stop, then interrupts the command."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interruptible(cancel: threading.Event) -> Iterator[None]:
    """Let Ctrl-C set the event `cancel`, then raise KeyboardInterrupt.

    The event alone would not end a step that never looks at it; the exception alone would leave the pool of
    threads working through its queue before the program could end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signal handlers
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        cancel.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
