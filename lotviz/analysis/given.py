"""Lists and tables that are not what they are taken for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray


def require_as_many(name: str, given: Sequence[object] | Iterable[object], count: int) -> None:
    """Refuse a list that does not have one entry for each of `count` samples.

    Raises
    ------
    ValueError
        It is shorter or longer.

    Examples
    --------
    >>> require_as_many("labels", ["a", "b"], 2)
    """
    found = len(list(given))
    if found != count:
        raise ValueError(f"Expected {name} of {count} samples, found {found}. Give one for each, in their order.")


def require_distances(given: object) -> NDArray[np.float64]:
    """Return distances between samples as an array (N, N), or refuse what is none.

    Raises
    ------
    ValueError
        It is no square table of finite numbers, not symmetric, or a sample has a distance from itself.

    Examples
    --------
    >>> require_distances([[0, 2], [2, 0]]).shape
    (2, 2)
    """
    fix = "Give the distances between all samples, such as those of embedding.distances()."
    try:
        table = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        table = np.empty(0)
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        what = f"an array of shape {given.shape}" if isinstance(given, np.ndarray) else f"a {type(given).__name__}"
        raise ValueError(f"Expected a square table of distances, found {what}. {fix}")
    if not np.isfinite(table).all() or not np.allclose(table, table.T) or np.any(np.diag(table)):
        raise ValueError(f"Expected finite distances, the same both ways and 0 to itself, found others. {fix}")
    return table
