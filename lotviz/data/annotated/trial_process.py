"""Reads HDF5 files for `trial.py`, in a process of its own that may hang or die: imports nothing but h5py.

Called with the folders that h5py and numpy are in. A path comes in as a line of JSON; a line goes out for every place
before it is read, and an empty text at the end.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

if __name__ == "__main__":
    sys.path.extend(sys.argv[1:])

import h5py
import numpy as np

try:
    import resource
except ImportError:  # Windows: only the patience of `trial.py` ends what hangs
    resource = None  # type: ignore[assignment]

_SECONDS = 1  # of processor time for one place, and up to one more; a slow disk does not count
_MEMORY = 2**31
_PLACES = 10_000
_DEPTH = 8
_TEXTS = 50_000
_BYTES = 2**22
_ANSWERS = 1
_SHALLOW = "uns"  # as large and deep as anybody likes; we read two words at its top


def main() -> None:
    """Answer until nobody asks any more."""
    _limit("RLIMIT_AS", _MEMORY)
    _limit("RLIMIT_CORE", 0)
    _say("ready")
    for line in sys.stdin:
        # what cannot be read is said by those who read it afterwards: here it only must come to an end
        _say("its beginning")
        with contextlib.suppress(Exception), h5py.File(json.loads(line), "r") as store:
            for number, place in enumerate(_places(store, "", set())):
                if number == _PLACES:
                    break
                _say(place)
        _say("")


def _limit(name: str, most: int) -> None:
    with contextlib.suppress(AttributeError, OSError, ValueError):
        kind = getattr(resource, name)
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _say(place: str) -> None:
    """Say what is read next, and allow it its time."""
    _limit("RLIMIT_CPU", math.ceil(time.process_time()) + _SECONDS)
    os.write(_ANSWERS, f"{json.dumps(place[:200])}\n".encode())  # at once, before what may hang


def _places(node: Any, place: str, seen: set[Any]) -> Iterator[str]:
    """Yield every place below a node just before it is read."""
    known = h5py.h5o.get_info(node.id).addr
    if known in seen or place.count("/") > _DEPTH:
        return
    seen.add(known)
    for name in _names(node.attrs):
        yield f"{place or '/'}, attribute {name}"
        with contextlib.suppress(Exception):
            node.attrs[name]
    if not isinstance(node, h5py.Group):
        yield f"{place}, its values"
        with contextlib.suppress(Exception):
            _read_some(node)
        return
    for name in _names(node):
        below = f"{place}/{name}".lstrip("/")
        yield below
        with contextlib.suppress(Exception):
            if not isinstance(node.get(name, getlink=True), h5py.HardLink):
                continue
            found = node[name]
            if place != _SHALLOW or not isinstance(found, h5py.Group):
                yield from _places(found, below, seen)


def _names(mapping: Any) -> list[str]:
    with contextlib.suppress(Exception):
        return list(mapping)
    return []


def _read_some(dataset: Any) -> None:
    """Read the values of what is small; of what is large the first and the last."""
    if not isinstance(dataset, h5py.Dataset) or dataset.is_virtual or dataset.external or dataset.shape is None:
        return
    width = max(1, dataset.dtype.itemsize)
    text = dataset.dtype.kind == "O"
    if dataset.size <= (_TEXTS if text else _BYTES // width):
        dataset[()]
        return
    piece = math.prod(dataset.chunks or (1, *dataset.shape[1:])) * width
    if piece <= 16 * _BYTES:
        rows = max(1, min(_TEXTS if text else 1, len(dataset)))
        np.asarray(dataset[:rows])
        np.asarray(dataset[-1:])


if __name__ == "__main__":
    main()
