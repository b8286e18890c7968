"""Which exceptions are the user's to mend, and what they say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class RefusedError(ValueError):
    """What the command line asks for cannot be done: where, what was found there, how to fix it."""

    def __init__(self, where: str, what: str, fix: str) -> None:
        # Imported here because the data room brings pandas, which `lotviz --help` need not wait for.
        from lotviz.data.problems import Problem

        self.problems = (Problem(where, what, fix),)
        super().__init__(str(self.problems[0]))


@contextmanager
def refusing(where: str) -> Iterator[None]:
    """Turn a ValueError about an option, which a room raises at its door, into a RefusedError."""
    from lotviz.data import CohortError

    try:
        yield
    except CohortError:
        raise
    except ValueError as error:
        raise RefusedError(where, str(error), "") from error


def expected_failures() -> tuple[type[Exception], ...]:
    """Name the exceptions that end a command with a message instead of a traceback."""
    from lotviz.data import CohortError
    from lotviz.transport import Cancelled, ConvergenceError, EmbeddingFileError, StoreError

    inputs = (CohortError, EmbeddingFileError, StoreError, RefusedError)
    return (*inputs, ConvergenceError, Cancelled, MemoryError, OSError)


def problem_record(problem: Any) -> dict[str, Any]:
    """Turn a problem into a record for JSON: where, what, how to fix it, whether it stops the work, and its samples."""
    record = {name: str(getattr(problem, name)) for name in ("where", "what", "fix", "severity")}
    return {**record, "samples": [str(name) for name in problem.samples]}


def problems_of(error: Exception) -> list[dict[str, Any]]:
    """Every problem of an error, as records for JSON.

    Examples
    --------
    >>> problems_of(OSError("No space left."))
    [{'where': '', 'what': 'No space left.', 'fix': '', 'severity': 'error', 'samples': []}]
    """
    problems = getattr(error, "problems", None)
    if not problems:
        return [{"where": "", "what": str(error), "fix": "", "severity": "error", "samples": []}]
    return [problem_record(problem) for problem in problems]
