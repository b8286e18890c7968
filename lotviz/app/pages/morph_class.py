"""Towards a class: one patient made more or less like the positive class, with the score running along."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

import numpy as np

from lotviz.analysis.composition import cell_populations
from lotviz.analysis.drawn_model import fit_question
from lotviz.analysis.model import LinearModel
from lotviz.analysis.severity import Severity, made_severe, severity
from lotviz.analysis.verdict import verdict
from lotviz.app.jobs import Progress
from lotviz.app.pages.morph_scene import Scene, beside
from lotviz.app.pages.morph_stops import Stop
from lotviz.app.session import Session
from lotviz.transport import SyntheticSample
from lotviz.views.style import signed

BEYOND = 0.4  # of the measured range: how far the slider goes on beyond it, on either side
STEPS = 1000  # of the slider: the patient itself lies on one of them
COVER = (5.0, 95.0)  # percentiles of the scores of all samples: the measured range
AT_ONCE = 6_000  # cells; more are moved beside the page
QUICK_FIT = 60_000  # cells of the cohort; the model of more is fitted beside the page


@dataclass(frozen=True, eq=False)
class Severe:
    """The cells of a sample at both ends of the slider, and how they move.

    Scores here are of the transport, of where cells lie: their abundance is left as it is.

    Attributes
    ----------
    found
        The direction.
    own
        Score of the sample as it was measured.
    low, high
        Scores between which 90 % of the samples lie, widened to hold the own.
    start, end
        Scores at the two ends of the slider.
    scene
        The cells there.
    """

    found: Severity
    own: float
    low: float
    high: float
    start: float
    end: float
    scene: Scene

    @property
    def home(self) -> float:
        """Share of the slider at which the patient itself is."""
        return round((self.own - self.start) / (self.end - self.start), 3)

    def share(self, t: float) -> float:
        """Return the share of the slider for a choice of place: 0.5 is the patient itself, 0 and 1 are the ends."""
        return 2 * t * self.home if t <= 0.5 else self.home + (2 * t - 1) * (1 - self.home)

    def place(self, share: float) -> float:
        """Return the choice of place for a share of the slider; undoes `share`."""
        if abs(share - self.home) < 0.5 / STEPS:
            return 0.5
        return share / self.home / 2 if share < self.home else 0.5 + (share - self.home) / (1 - self.home) / 2

    def score(self, t: float) -> float:
        """Return the score at a choice of place."""
        return self.own if t == 0.5 else self.start + self.share(t) * (self.end - self.start)

    def moved(self, t: float) -> float:
        """Return by how much the score is moved at a choice of place; nothing at 0.5."""
        return self.score(t) - self.own

    @property
    def measured(self) -> tuple[float, float]:
        """Shares of the slider between which 90 % of the measured samples lie."""
        low, high = ((end - self.start) / (self.end - self.start) for end in (self.low, self.high))
        return low, high

    def beyond(self, t: float) -> bool:
        """Whether a choice of place is beyond the measured samples."""
        low, high = self.measured
        return not low - 1e-9 <= self.share(t) <= high + 1e-9


def ends_of_slider(own: float, low: float, high: float) -> tuple[float, float]:
    """Return the scores at both ends of the slider, so that the own one lies on one of its steps.

    Examples
    --------
    >>> [round(end, 2) for end in ends_of_slider(0.25, 0.0, 1.0)]
    [-0.4, 1.4]
    """
    width = (high - low) * (1 + 2 * BEYOND) or 1.0
    share = round((own - low + BEYOND * (high - low)) / width * STEPS) / STEPS if high > low else 0.5
    start = own - share * width
    return start, start + width


def unavailable(session: Session) -> str | None:
    """Say why no patient can be moved towards a class; None where one can."""
    label = session.label
    if label is None:
        return "No column is chosen that names two or more groups, so there is nothing to move a patient towards."
    if session.classification is None:
        return (
            f"It is <b>not measured yet</b> whether anything separates {escape(label)}. Only then is there a direction "
            "worth moving along."
        )
    if not (verdict(session.classification).show_weights or session.choices.insist):
        return (
            f"<b>Nothing separates {escape(label)} better than chance</b> (see Weights), so to move a patient along "
            "that score would be to show noise."
        )
    return None


def model_of(session: Session) -> LinearModel | None:
    """Return the model of the Weights page; None until it is there, or where there is no label."""
    if not session.label:
        return None
    embedding, asked = session.embedding, session.asked
    if embedding.n_cells_used.sum() <= QUICK_FIT:
        return session.model
    options = {"estimator": session.choices.estimator, "abundance": session.choices.abundance}

    def work(_progress: Progress, _cancel: threading.Event) -> LinearModel:
        return fit_question(embedding, asked, **options)

    place = ("model", session.comparison, *session.asking)
    found = session.aside.get("fit", place, "Fitting the weights", work)
    return found if found is None else session.derived("model", lambda: found, *session.asking)


def severe(session: Session) -> Severe | None:
    """Return the cells of the chosen sample on their way; None until they are there."""
    if unavailable(session) is not None:
        return None
    model = model_of(session)
    if model is None:
        return None
    embedding, sample, regions = session.embedding, session.choices.a, session.population_regions
    populations, positive = session.populations, _positive(session)
    ways = (f"less like {positive}", f"more like {positive}")
    if session.continuous:
        ways = (f"lower {session.label}", f"higher {session.label}")
    cells = int(embedding.n_cells_used[embedding.index(sample)])

    def work(_progress: Progress, _cancel: threading.Event) -> Severe:
        found = severity(embedding, model, sample)
        scores = model.score(embedding.maps)
        own = float(scores[embedding.index(sample)])
        low, high = np.percentile(scores, COVER)
        low, high = min(float(low), own), max(float(high), own)
        start, end = ends_of_slider(own, low, high)
        measured = embedding.cells(sample).astype(np.float64)
        ends = tuple((measured + (score - own) * found.steps).astype(np.float32) for score in (start, end))
        names = cell_populations(embedding, sample, regions=regions)
        scene = _scene(ways, sample, ends, populations=populations, names=names)
        return Severe(found, own, low, high, start, end, scene)

    parts = (sample, populations, *session.asking)
    title = f"Moving the cells of {sample}"
    return beside(session, "severity", parts, work, title=title, at_once=cells <= AT_ONCE)


def _scene(
    ways: tuple[str, str], sample: str, ends: tuple[np.ndarray, ...], *, populations: tuple[str, ...], names: np.ndarray
) -> Scene:
    """Return the cells at both ends; each stays of the population it was measured in."""
    n = len(names)
    code_of = {name: code for code, name in enumerate(populations)}
    codes = np.array([code_of[name] for name in names], np.uint16)
    share = np.bincount(codes, minlength=len(populations)) / n
    less, more = (Stop(way, (sample,)) for way in ways)
    quantiles = np.quantile(np.stack(ends), np.linspace(0.02, 0.98, 49), axis=1)  # (levels, 2, d)
    return Scene(
        (less, more),
        np.zeros((2, n), np.uint8),
        np.tile(np.arange(n), (2, 1)),
        np.full(n, 1 / n),
        populations,
        np.stack([codes, codes]),
        np.stack([share, share]),
        np.ptp(quantiles, axis=1).mean(axis=0),
        ends,
    )


def class_scene(session: Session) -> Scene | None:
    """Return the cells at both ends of the slider; None until they are there."""
    found = severe(session)
    return None if found is None else found.scene


def class_sample(session: Session) -> Callable[[int], SyntheticSample] | None:
    """Return what makes the sample at this point, given a number of cells."""
    found = severe(session)
    if found is None:
        return None
    embedding, by, seed = session.embedding, found.moved(session.choices.t), session.choices.seed

    def make(count: int) -> SyntheticSample:
        return made_severe(embedding, found.found, by, n_cells=count, seed=seed)

    return make


# ---- words -------------------------------------------------------------------------------------------------------


def class_question(session: Session) -> str:
    """Return the question of the page."""
    if session.continuous:
        return f"What would {session.choices.a} look like with a higher {session.label}?"
    towards = _positive(session)
    return f"What would make {session.choices.a} more like {towards}?" if towards else "What would move a patient?"


def _positive(session: Session) -> str:
    if session.label is None:
        return ""
    return f"a higher {session.label}" if session.continuous else str(session.choices.chosen("positive") or "")


def class_answer(session: Session, waiting: str) -> str:
    """Say where the patient is moved to, and which markers move."""
    why = unavailable(session)
    if why is not None:
        return why
    found, t = severe(session), session.choices.t
    if found is None:
        return waiting
    name = escape(found.found.sample)
    if t == 0.5:
        return (
            f"<b>This is {name} itself</b>: its own measured cells, score {signed(found.own)}. Move the slider to the "
            f"right to make it {escape(found.scene.stops[1].name)}.{_of_where(session)}"
        )
    by = found.moved(t)
    way = escape(found.scene.stops[1 if by > 0 else 0].name)
    said = (
        f"<b>{name} with a score of {signed(found.score(t))} instead of {signed(found.own)}, {way}</b>: "
        f"{_markers(session, found, by)}."
    )
    edge = ""
    if found.beyond(t):
        edge = (
            f" <b>That is beyond measured patients</b>, of whom 90 % score {signed(found.low)} to {signed(found.high)}."
        )
    rest = " All cells are synthetic: each stays of its population, only its markers move."
    return f"{said}{edge}{rest}{_of_where(session)}"


def _of_where(session: Session) -> str:
    """Say what the scores on Weights count besides, where they do."""
    model = model_of(session)
    if model is None or model.abundance is None:
        return ""
    return " Scores here are of where cells lie; those on Weights add how many lie there."


def _markers(session: Session, found: Severe, by: float) -> str:
    """Name the markers that move most, with the mean over all cells."""
    scale = session.embedding.scaling.scale
    moves = by * found.found.steps.mean(axis=0)
    order = np.argsort(-np.abs(moves / scale), kind="stable")[:3]
    words = [f"{escape(session.word(session.embedding.markers[i]))} {signed(float(moves[i]))}" for i in order]
    unit = session.embedding.transform.describe()
    named = "marker units" if unit == "none" or len(unit) > 24 else unit
    return f"{', '.join(words)} on average over its cells ({escape(named)})"
