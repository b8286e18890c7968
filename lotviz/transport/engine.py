"""Gets the compiled simplex ready, and says why where it cannot be."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Literal

import numpy as np

ExactSolver = Literal["simplex", "pot"]  # an embedding is made by no other
Solver = Literal["simplex", "pot", "entropic"]

_lock = threading.Lock()
_tried = threading.Event()
_reason = ""  # why the simplex cannot be used, once it was tried


def simplex_unavailable() -> str:
    """Make the simplex ready and return an empty text, or the reason why this machine has to use POT.

    The first call after an installation compiles for some seconds; later ones load what was kept on disk, and within
    a process it is done once.
    """
    global _reason  # what a machine can compile is one fact for the whole process
    with _lock:
        if not _tried.is_set():
            _reason = _prepared()
            _tried.set()
    return _reason


def solver_at_hand(solver: Solver) -> Solver:
    """Return the solver that will be used: where the simplex cannot be compiled POT takes its place."""
    return "pot" if solver == "simplex" and simplex_unavailable() else solver


def prepare_in_background() -> None:
    """Make the simplex ready in a thread, so that no click waits for it."""
    threading.Thread(target=simplex_unavailable, name="prepare-simplex", daemon=True).start()


def solver_within(seconds: float) -> ExactSolver:
    """Return the simplex when it is ready within so many seconds, else POT: exact too, and not to be compiled.

    Nothing is compiled for that: compiling takes longer than POT takes for a usual cohort, and slows it down.
    """
    if not _tried.is_set():
        if not _compiled_before():
            return "pot"
        prepare_in_background()
    return "simplex" if _tried.wait(seconds) and not _reason else "pot"


def _compiled_before() -> bool:
    """Whether numba holds the largest kernel on disk."""
    try:
        from lotviz.transport.simplex.tree import pivot_on
    except (ImportError, RuntimeError):
        return False
    folder: str | None = pivot_on.stats.cache_path
    return folder is not None and any(Path(folder).glob("tree.pivot_on-*.nbi"))


def _prepared() -> str:
    try:
        from numba.core.errors import NumbaError
    except ImportError as problem:
        return f"numba cannot be loaded ({problem})"
    try:
        _solve_small_problems()
    except (NumbaError, ImportError, OSError, RuntimeError) as problem:
        words = str(problem).splitlines() or [type(problem).__name__]
        return f"numba cannot compile here ({words[0]})"
    return ""


def _solve_small_problems() -> None:
    """Run every kernel once: with equal and unequal masses, large enough for coarser clouds."""
    from lotviz.transport.simplex import optimum

    random = np.random.default_rng(0)
    points, cells = random.normal(size=(40, 2)), random.normal(size=(200, 2))
    cell_masses = np.full(200, 1 / 200)
    for masses in (np.full(40, 1 / 40), np.arange(1.0, 41.0) / 820.0):
        optimum(points, cells, masses, cell_masses)
