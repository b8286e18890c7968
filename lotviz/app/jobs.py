"""Long work in a thread of its own: progress to look at, a way to stop it, and an answer that cannot come too late.

Nothing here knows Panel. A session starts a job, looks at it a few times a second from the event loop, and takes the
outcome when it is there; the thread never touches a document.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from lotviz.app.failures import Outcome, attempt

Progress = Callable[[int, int, str], None]
Work = Callable[[Progress, threading.Event], Any]


class Job:
    """One piece of work under way.

    Parameters
    ----------
    title
        What is being done, in words: "Comparing 24 samples".
    work
        Called in the thread as ``work(progress, cancel)``; what it returns is the answer.
    """

    def __init__(self, title: str, work: Work) -> None:
        self.title = title
        self.outcome: Outcome | None = None
        self._work = work
        self._done, self._total = 0, 0
        self._since: tuple[int, float] | None = None  # what was done when the first step was, and when that was
        self._cancel = threading.Event()

    def start(self) -> Job:
        """Begin, and return the job."""
        threading.Thread(target=self._run, name=self.title, daemon=True).start()
        return self

    def stop(self) -> None:
        """Ask the work to end at its next step."""
        self._cancel.set()

    @property
    def running(self) -> bool:
        """Whether the outcome is still open."""
        return self.outcome is None

    @property
    def share(self) -> float:
        """The share that is done, 0 to 1."""
        return self._done / self._total if self._total else 0.0

    def sentence(self) -> str:
        """Say how far the work is: "Comparing 24 samples: 7 of 24 done, about 5 s left"."""
        if self._cancel.is_set():
            return f"{self.title}: stopping after the step under way"
        if not self._total:
            return f"{self.title} …"
        return f"{self.title}: {self._done} of {self._total} done{self._left()}"

    def _left(self) -> str:
        """Say how long the rest takes if it goes on as it went since the first step, which may prepare for all."""
        if self._since is None or not self._since[0] < self._done < self._total:
            return ""
        done, at = self._since
        seconds = (time.monotonic() - at) / (self._done - done) * (self._total - self._done)
        return f", about {seconds:.0f} s left" if seconds < 90 else f", about {seconds / 60:.0f} min left"

    def _tell(self, done: int, total: int, _message: str = "") -> None:
        """Take note of the progress; called from the worker's threads."""
        if total != self._total or done < self._done:  # another part of the work, at another pace
            self._since = None
        self._done, self._total = done, total
        if self._since is None and done > 0:
            self._since = done, time.monotonic()

    def _run(self) -> None:
        """Do the work and keep its outcome."""
        self.outcome = attempt(partial(self._work, self._tell, self._cancel))
