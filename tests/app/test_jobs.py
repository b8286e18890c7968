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
    """Work that tells its progress, then waits to be let on or stopped."""

    def __init__(self, *told: int) -> None:
        self.told, self.under_way, self.go_on = told, threading.Event(), threading.Event()

    def __call__(self, progress, cancel):
        if self.told:
            progress(*self.told, "message")
        self.under_way.set()
        until(lambda: self.go_on.is_set() or cancel.is_set())
        if cancel.is_set():
            raise Cancelled
        return "answer"


@pytest.fixture
def started():
    """Start gated work; whatever is left of it ends with the test."""
    begun = []

    def start(*told):
        work = Gated(*told)
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
    job, _work = started(1, 4)
    assert re.fullmatch(r"Comparing 4 samples: 1 of 4 done, about \d+ s left", job.sentence())
    assert job.share == 0.25


@pytest.mark.parametrize("done", [0, 4])
def test_at_either_end_there_is_no_guess_of_the_time(started, done):
    job, _work = started(done, 4)
    assert job.sentence() == f"Comparing 4 samples: {done} of 4 done"


@pytest.mark.parametrize(
    ("elapsed", "words"), [(10, "about 30 s left"), (29, "about 87 s left"), (300, "about 15 min")]
)
def test_the_time_left_is_that_of_the_rest_at_the_pace_so_far(started, monkeypatch, elapsed, words):
    now = jobs.time.monotonic()
    with monkeypatch.context() as patched:
        patched.setattr(jobs.time, "monotonic", lambda: now)
        job = Job("Comparing", lambda progress, cancel: progress(1, 4, ""))
        patched.setattr(jobs.time, "monotonic", lambda: now + elapsed)
        job._run()
        assert words in job.sentence()


def test_a_stop_is_asked_for_then_obeyed(started):
    job, _work = started(1, 4)
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
