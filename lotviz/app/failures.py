"""Where a failure becomes something a person can read; the only broad ``except`` of the program."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lotviz.data import CohortError, Problem
from lotviz.transport import Cancelled

LOG = logging.getLogger("lotviz")


@dataclass(frozen=True)
class Failure:
    """Why something gave no answer.

    Parameters
    ----------
    problems
        What is wrong and how to mend it, each with its place.
    details
        The traceback, shown on request, when the fault is ours; empty when the input is at fault.
    """

    problems: tuple[Problem, ...]
    details: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt: an answer, a failure, or neither when it was stopped."""

    answer: Any = None
    failure: Failure | None = None
    stopped: bool = False


def attempt(work: Callable[[], Any]) -> Outcome:
    """Do the work; bad input, a stop and a fault of the program each come back as what they are."""
    try:
        return Outcome(answer=work())
    except Cancelled:
        return Outcome(stopped=True)
    except CohortError as error:
        return Outcome(failure=Failure(error.problems))
    except Exception as error:
        LOG.exception("lotviz could not finish")
        what = f"{type(error).__name__}: {error}"
        fix = "This is a fault of lotviz or a limit of this machine. The details below help to report it."
        return Outcome(failure=Failure((Problem("lotviz", what, fix),), traceback.format_exc()))
