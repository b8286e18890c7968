from __future__ import annotations

import logging

import pytest

from lotviz.app.failures import Failure, Outcome, attempt
from lotviz.data import CohortError, Problem
from lotviz.transport import Cancelled

FIRST = Problem("sheet.csv, row 3", "Expected a file, found nothing.", "Fill in the cell.")
SECOND = Problem("sheet.csv, row 4", "Expected a number, found x.", "Write a number.", "warning")


def raising(error):
    def work():
        raise error

    return work


@pytest.mark.parametrize("answer", [0, None, [], "text"])
def test_an_answer_is_handed_on(answer):
    assert attempt(lambda: answer) == Outcome(answer=answer)


def test_bad_input_keeps_all_its_problems_and_has_no_traceback():
    assert attempt(raising(CohortError(FIRST, SECOND))) == Outcome(failure=Failure((FIRST, SECOND)))


def test_a_stop_is_no_failure():
    assert attempt(raising(Cancelled())) == Outcome(stopped=True)


@pytest.mark.parametrize("error", [ZeroDivisionError("by zero"), MemoryError(), KeyError("P1"), RuntimeError("<b>")])
def test_a_fault_of_the_program_is_named_logged_and_carries_its_traceback(error, caplog):
    with caplog.at_level(logging.ERROR, logger="lotviz"):
        outcome = attempt(raising(error))
    (problem,) = outcome.failure.problems
    assert problem.what.startswith(f"{type(error).__name__}: ")
    assert str(error) in problem.what
    assert "in work" in outcome.failure.details
    assert type(error).__name__ in outcome.failure.details
    assert not outcome.stopped
    assert [record.exc_info[1] for record in caplog.records] == [error]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_whoever_ends_the_program_is_obeyed(error):
    with pytest.raises(error):
        attempt(raising(error))
