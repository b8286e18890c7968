"""One thread for matrix products: sums over several threads round differently, and samples run in threads already."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_lock = threading.Lock()
_inside = 0
_limit: Any = None


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep the linear algebra libraries of the process at one thread while anyone is inside."""
    global _inside, _limit  # the libraries have one setting for the whole process
    with _lock:
        _inside += 1
        if _inside == 1:
            _limit = _libraries().limit(limits=1)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limit.restore_original_limits()


@cache
def _libraries() -> Any:
    import numpy  # noqa: F401 - must be loaded to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()  # looking for the libraries takes milliseconds: once
