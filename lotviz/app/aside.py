"""Work that goes on beside the page: asked for while it is drawn, there a little later, told by name when it is."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from lotviz.app.failures import Failure
from lotviz.app.jobs import Job, Work

# What a page may wait for, beside the choices; `selection` is told when a hand has drawn a line.
NEWS = (
    "weights", "stability", "pooled", "region curves", "assessment", "selection", "view", "scene", "message", "fit",
    "severity", "believable", "saved", "clusters", "biclusters", "survey", "gaps", "placing", "averages",
    "certificate", "placed", "direct", "interaction", "additive", "trusted",
)  # fmt: skip


class Aside:
    """Answers that follow from what is shown and take longer than a page may."""

    def __init__(self) -> None:
        self.failure: Failure | None = None
        self.began: Callable[[], None] = lambda: None  # the shell looks again
        self.told: Callable[[set[str]], None] = lambda _names: None  # the shell draws what waits for these
        self._answers: dict[Hashable, Any] = {}
        self._jobs: dict[tuple[str, Hashable], Job] = {}
        self._stopped: set[Hashable] = set()

    def get(self, name: str, place: Hashable, title: str, work: Work, *, latest: bool = False) -> Any:
        """Return an answer if it is there; else begin the work for it, once, and return None.

        Parameters
        ----------
        name
            One of `NEWS`.
        place
            What the answer follows from.
        title
            What is being done, in words.
        work
            Called in a thread as ``work(progress, cancel)``.
        latest
            Keep the answer only until another of this name is asked for: answers that are large.
        """
        if latest:
            for other in [key for key in self._answers if key != place and isinstance(key, tuple) and key[0] == name]:
                del self._answers[other]
        if place in self._answers:
            return self._answers[place]
        if (name, place) not in self._jobs and place not in self._stopped:
            for other in [key for key in self._jobs if key[0] == name]:
                self._jobs.pop(other).stop()  # nobody waits for it any more
            self._jobs[name, place] = Job(title, work).start()
            self.began()
        return None

    def answer(self, place: Hashable) -> Any:
        """Return an answer if it is there; nothing is begun."""
        return self._answers.get(place)

    def stopped(self, place: Hashable) -> bool:
        """Whether the work for an answer was stopped, or failed."""
        return place in self._stopped

    def again(self, place: Hashable) -> None:
        """Let work that was stopped be asked for once more."""
        self._stopped.discard(place)

    @property
    def job(self) -> Job | None:
        """The work under way that was asked for first."""
        return next(iter(self._jobs.values()), None)

    def poll(self) -> bool:
        """Take the answers that are there, and tell of them; return whether anything is still under way."""
        news = set()
        for (name, place), job in list(self._jobs.items()):
            if job.running:
                continue
            del self._jobs[name, place]
            news.add(name)
            outcome = job.outcome
            if outcome.answer is None:
                self._stopped.add(place)
                self.failure = outcome.failure or self.failure
            else:
                self._answers[place] = outcome.answer
        if news:
            self.told(news)
        return bool(self._jobs)

    def stop(self) -> None:
        """Stop all that is under way."""
        for job in self._jobs.values():
            job.stop()

    def clear(self) -> None:
        """Forget everything: another cohort is opened."""
        self.stop()
        self._answers, self._jobs, self._stopped, self.failure = {}, {}, set(), None
