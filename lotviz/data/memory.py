"""Memory is asked for before it is taken: how much is free, and what fits into it."""

from __future__ import annotations

import psutil

from lotviz.data.problems import CohortError, Problem

_USABLE = 0.8  # of what is free: other programs live here too


def free_memory() -> int:
    """Return how many bytes can be taken now."""
    return int(_USABLE * psutil.virtual_memory().available)


def require_memory(need: int, where: str, fix: str = "Choose fewer markers, or components of them.") -> None:
    """Refuse to read what does not fit into the memory that is free.

    Parameters
    ----------
    need
        Bytes.
    where, fix
        Of the problem that is raised.

    Raises
    ------
    CohortError
        It does not fit.
    """
    free = free_memory()
    if need > free:
        what = f"Expected values that fit in {free / 1e9:.1f} GB of free memory, found {need / 1e9:.1f} GB of them."
        raise CohortError(Problem(where, what, fix))
