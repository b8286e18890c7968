from __future__ import annotations

import re
import threading

import pytest

from lotviz.app import jobs
from lotviz.app.jobs import Job
from lotviz.data import CohortError, Problem
from lotviz.transport import Cancelled
from tests.app.conftest import until


class Gated:
    """Work that tells its progress, some steps done of a total, then waits to be let on or stopped."""

    def __init__(self, *done: int, total: int = 4) -> None:
        self.done, self.total, self.under_way, self.go_on = done, total, threading.Event(), threading.Event()

    def __call__(self, progress, cancel):
        for done in self.done:
            progress(done, self.total, "message")
        self.under_way.set()
        until(lambda: self.go_on.is_set() or cancel.is_set())
        if cancel.is_set():
            raise Cancelled
        return "answer"


@pytest.fixture
def started():
    """Start gated work; whatever is left of it ends with the test."""
    begun = []

    def start(*done):
        work = Gated(*done)
        job = Job("Comparing 4 samples", work).start()
        begun.append((job, work))
        assert work.under_way.wait(10)
        return job, work

    yield start
    for job, work in begun:
        work.go_on.set()
        until(lambda job=job: not job.running)


def test_a_job_runs_until_it_has_its_answer(started):
    job, work = started()
    assert job.running
    assert job.outcome is None
    work.go_on.set()
    until(lambda: not job.running)
    assert job.outcome.answer == "answer"
    assert job.outcome.failure is None


def test_before_any_progress_the_title_stands_alone(started):
    job, _work = started()
    assert job.sentence() == "Comparing 4 samples …"
    assert job.share == 0


def test_progress_is_a_sentence_with_the_time_left(started):
    job, _work = started(1, 2)
    assert re.fullmatch(r"Comparing 4 samples: 2 of 4 done, about \d+ s left", job.sentence())
    assert job.share == 0.5


@pytest.mark.parametrize("done", [0, 4])
def test_at_either_end_there_is_no_guess_of_the_time(started, done):
    job, _work = started(*range(done + 1))
    assert job.sentence() == f"Comparing 4 samples: {done} of 4 done"


@pytest.fixture
def clock(monkeypatch):
    """Set the clock of the jobs, seconds."""
    began = jobs.time.monotonic()
    with monkeypatch.context() as patched:
        yield lambda seconds: patched.setattr(jobs.time, "monotonic", lambda: began + seconds)


def told(clock, *steps):
    """Tell a job its progress: (seconds, done, total)."""
    job = Job("Comparing", lambda progress, cancel: None)
    for seconds, done, total in steps:
        clock(seconds)
        job._tell(done, total)
    return job.sentence()


@pytest.mark.parametrize(
    ("elapsed", "words"), [(10, "about 20 s left"), (29, "about 58 s left"), (300, "about 10 min left")]
)
def test_the_time_left_is_that_of_the_rest_at_the_pace_since_the_first_step(clock, elapsed, words):
    assert told(clock, (0, 1, 4), (elapsed, 2, 4)) == f"Comparing: 2 of 4 done, {words}"


def test_a_first_step_that_prepares_for_all_promises_nothing(clock):
    assert told(clock, (60, 1, 1000)) == "Comparing: 1 of 1000 done"
    assert told(clock, (60, 1, 1000), (61, 101, 1000)) == "Comparing: 101 of 1000 done, about 9 s left"


def test_another_part_of_the_work_has_a_pace_of_its_own(clock):
    assert told(clock, (0, 1, 10), (1, 10, 10), (50, 1, 500)) == "Comparing: 1 of 500 done"
    assert told(clock, (0, 1, 10), (1, 10, 10), (50, 1, 10), (55, 2, 10)) == "Comparing: 2 of 10 done, about 40 s left"


def test_a_stop_is_asked_for_then_obeyed(started):
    job, _work = started(1)
    job.stop()
    until(lambda: not job.running)
    assert job.outcome.stopped
    assert job.outcome.answer is None
    assert job.outcome.failure is None


def test_until_it_is_obeyed_the_sentence_says_that_it_was_asked_for():
    let_go, under_way = threading.Event(), threading.Event()

    def deaf(progress, cancel):
        progress(1, 4, "")
        under_way.set()
        let_go.wait(10)

    job = Job("Comparing", deaf).start()
    assert under_way.wait(10)
    job.stop()
    assert job.sentence() == "Comparing: stopping after the step under way"
    let_go.set()
    until(lambda: not job.running)


def test_bad_input_keeps_its_problems():
    problem = Problem("P1.fcs", "Expected cells, found none.", "Leave it out.")

    def work(progress, cancel):
        raise CohortError(problem)

    job = Job("Reading", work).start()
    until(lambda: not job.running)
    assert job.outcome.failure.problems == (problem,)
    assert job.outcome.failure.details == ""


def test_a_fault_comes_back_with_its_traceback():
    def breaks(progress, cancel):
        return 1 / 0

    job = Job("Reading", breaks).start()
    until(lambda: not job.running)
    assert "ZeroDivisionError" in job.outcome.failure.problems[0].what
    assert "in breaks" in job.outcome.failure.details


def test_the_work_is_done_beside_the_caller_and_does_not_hold_up_the_end_of_the_program():
    seen = []
    job = Job("Reading", lambda progress, cancel: seen.append(threading.current_thread())).start()
    until(lambda: not job.running)
    assert seen[0] is not threading.main_thread()
    assert seen[0].daemon
