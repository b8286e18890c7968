"""Sessions on small odd cohorts, with their results made once, and a way to wait that cannot hang."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from unittest.mock import patch

import pytest

from lotviz.analysis.classify import classify
from lotviz.app import workspace as workspace_module
from lotviz.app.choices import Choices
from lotviz.app.session import Session
from lotviz.app.workspace import Opening, Workspace
from lotviz.data import Cohort, CohortError
from tests.app.cohorts import COHORTS

POINTS = 12
QUICK = {"permutations": 4, "repeats": 1, "folds": 2, "points": 8}


def until(condition: Callable[[], bool], seconds: float = 240.0) -> None:
    """Wait until a condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"Expected this within {seconds:g} s, found that it did not come."
        pause.wait(0.005)


def finish(session: Session) -> Session:
    """Wait for the work a session has under way, as the shell does."""
    until(lambda: not session.poll())
    return session


class Shelf(Workspace):
    """A workspace whose cohorts are made, not read."""

    def __init__(self, cohorts: Mapping[str, Callable[[], Cohort]]) -> None:
        super().__init__(Path.cwd())
        self.cohorts = cohorts

    def _read(self, request: Opening) -> Cohort:
        return self.cohorts[request.key]()

    def _stamp(self, _request: Opening) -> tuple[object, ...]:
        """There are no files: what changes in the folder of the tests meanwhile is no change of a cohort."""
        return ()


@dataclass(frozen=True)
class Made:
    """A workspace in which one cohort was opened, its samples compared and its groups separated."""

    workspace: Workspace
    name: str

    def session(self, **choices: object) -> Session:
        """Return a new session on it."""
        session = Session(self.workspace, Choices(cohort=self.name, **{"points": POINTS, **choices}))
        session.open()
        assert session.job is None
        return session


@cache
def made(name: str) -> Made:
    """Return the workspace of one of `COHORTS`; groups that cannot be separated are left unmeasured."""
    result, never = Made(Shelf(COHORTS), name), threading.Event()
    result.workspace.open(Opening(name), quiet, never)
    session = result.session()
    result.workspace.compare(session.comparison, quiet, never)
    if session.label:
        try:
            with patch.object(workspace_module, "classify", partial(classify, **QUICK)):
                result.workspace.separate(session.separation, quiet, never)
        except CohortError:
            assert session.classification is None
    return result


def quiet(*_told: object) -> None:
    """Take no note of the progress."""


@pytest.fixture
def session_on() -> Callable[..., Session]:
    """`session_on(name, **choices)`: a new session on one of `COHORTS`, with its results."""
    return lambda name, **choices: made(name).session(**choices)


@pytest.fixture
def session(session_on) -> Session:
    """Return a new session on a few simulated patients."""
    return session_on("patients")


@pytest.fixture
def empty(tmp_path) -> Workspace:
    """Return a workspace without any cohort of its own."""
    return Workspace(tmp_path)
