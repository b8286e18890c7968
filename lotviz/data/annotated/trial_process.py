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
_ASKED_FOR = (
    "obs", "var", "uns", "X", "raw", "layers", "obsm", "_index", "__categories",
    "values", "mask", "codes", "categories", "data", "indices", "indptr",
)  # fmt: skip
_SHALLOW = "uns"  # as large and deep as anybody likes; we read two words at its top


def main() -> None:
    """Answer until nobody asks any more."""
    _limit("RLIMIT_AS", _MEMORY)
    _limit("RLIMIT_CORE", 0)
    _say("ready")
    for line in sys.stdin:
        # what cannot be read is said by those who read it afterwards: here it only must come to an end
        _say("its beginning")
        with _passed_over(), h5py.File(json.loads(line), "r") as store:
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


class _passed_over(contextlib.AbstractContextManager[None]):  # noqa: N801  used as contextlib.suppress is
    """Pass over what cannot be read; end the process where memory was not enough: others would take all there is."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, MemoryError) or (isinstance(error, Exception) and "memory" in str(error)):
            os._exit(1)
        return isinstance(error, Exception)  # whoever reads it afterwards says what is wrong


def _places(node: Any, place: str, seen: set[Any]) -> Iterator[str]:
    """Yield every place below a node just before it is read."""
    known = h5py.h5o.get_info(node.id).addr
    if known in seen or place.count("/") > _DEPTH:
        return
    seen.add(known)
    for name in _names(node.attrs):
        yield f"{place or '/'}, attribute {name}"
        with _passed_over():
            node.attrs[name]
    if not isinstance(node, h5py.Group):
        yield f"{place}, its values"
        with _passed_over():
            _read_some(node)
        return
    yield f"{place or '/'}, its names"
    _look_up(node)
    for name in _names(node):
        below = f"{place}/{name}".lstrip("/")
        yield below
        with _passed_over():
            if not isinstance(node.get(name, getlink=True), h5py.HardLink):
                continue
            found = node[name]
            if place != _SHALLOW or not isinstance(found, h5py.Group):
                yield from _places(found, below, seen)


def _look_up(group: Any) -> None:
    """Ask for what is asked for by name, which goes other ways through a file than a list of all names."""
    wanted = list(_ASKED_FOR)
    with _passed_over():
        wanted += [str(name) for name in group.attrs.get("column-order", ())[:_PLACES]]
    for name in wanted:
        with _passed_over():
            _ = name in group


def _names(mapping: Any) -> list[str]:
    with _passed_over():
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
