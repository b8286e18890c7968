"""One thread for matrix products: sums over several threads round differently, and samples run in threads already."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_lock = threading.Lock()
_inside = 0
_limits: dict[bool, Any] = {}


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep the linear algebra libraries of the process, and scikit-learn, at one thread while anyone is inside."""
    global _inside  # the libraries have one setting for the whole process
    with _lock:
        _inside += 1
        loaded = "sklearn.utils" in sys.modules  # it brings threads of its own, which nobody knew of before
        if loaded not in _limits:
            _limits[loaded] = _libraries(loaded).limit(limits=1)
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                while _limits:  # the last one set found what the first had left
                    _limits.popitem()[1].restore_original_limits()


@cache
def _libraries(_loaded: bool) -> Any:
    import numpy  # noqa: F401 - must be loaded to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()  # looking for the libraries takes milliseconds: once
