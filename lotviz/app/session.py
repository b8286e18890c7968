"""One user's session: the choices, the results they lead to, and the work under way."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
import param

from lotviz.analysis.axes import displacement_axes
from lotviz.analysis.classify import Classification
from lotviz.analysis.composition import population_names
from lotviz.analysis.design import is_continuous
from lotviz.analysis.drawn_model import Question, fit_question, question_about
from lotviz.analysis.labels import label_texts, ordered_classes
from lotviz.analysis.model import LinearModel
from lotviz.analysis.reduction import Projection, cell_axes, marker_axes
from lotviz.analysis.region_names import renamed
from lotviz.analysis.regions import Regions, regions
from lotviz.app.aside import Aside
from lotviz.app.choices import DISPLACED, PRINCIPAL, Choices
from lotviz.app.desk import Desk
from lotviz.app.failures import Failure
from lotviz.app.jobs import Job
from lotviz.app.offers import MOST_GROUPS, offer_all, offer_columns
from lotviz.app.selected import Selected
from lotviz.app.workspace import Comparison, Opened, Opening, Separation, Workspace
from lotviz.data import Cohort, Problem, Quality
from lotviz.data.markers import short_names
from lotviz.transport import LOTEmbedding
from lotviz.views.theme import BLUE, VERMILLION, group_colours, group_marks, population_colours

__all__ = ["MOST_GROUPS", "Session"]


class Session:
    """What one user looks at.

    Parameters
    ----------
    workspace
        What can be opened.
    choices
        What the user has chosen.
    """

    def __init__(self, workspace: Workspace, choices: Choices) -> None:
        self.desk = Desk(workspace)
        self.choices = choices
        self.cohort: Cohort | None = None
        self.problems: tuple[Problem, ...] = ()
        self.quality: Quality | None = None  # what the look through the cells found
        self.failure: Failure | None = None
        self.job: Job | None = None
        self.aside = Aside()
        self.selected: Selected | None = None  # cells a hand went round
        self.settling = False  # choices are being fitted to a cohort: nothing to draw yet
        self.on_change: Callable[[], None] = lambda: None  # the shell draws the page again
        self._then: Callable[[Any], None] = lambda _answer: None
        self._derived: dict[Any, Any] = {}
        self._results: dict[Hashable, Any] = {}

    @property
    def workspace(self) -> Workspace:
        """Where the chosen cohort is found: under the data root, or among the files that were brought along."""
        return self.desk.workspace_of(self.choices.cohort)

    # ---- columns -----------------------------------------------------------------------------------------------

    @property
    def label(self) -> str | None:
        """The column that names the groups."""
        return self.choices.chosen("label")

    @property
    def group(self) -> str | None:
        """The column of who must not be split, usually the patient."""
        return self.choices.chosen("group")

    @property
    def batch(self) -> str | None:
        """The column of batches."""
        return self.choices.chosen("batch")

    @property
    def colour(self) -> str | None:
        """The column that colours the patients."""
        return self.choices.chosen("colour")

    # ---- requests -----------------------------------------------------------------------------------------------

    @property
    def opening(self) -> Opening:
        """The request that opens the chosen cohort."""
        c = self.choices
        return Opening(
            c.cohort,
            transform=c.transform,
            transforms=tuple(sorted(c.transforms.items())),
            cofactor=c.cofactor,
            columns=tuple(sorted(c.columns.items())),
            layer=c.layer,
            markers=tuple(c.markers),
            compensate=c.compensate,
            skip=c.skip,
        )

    @property
    def comparison(self) -> Comparison:
        """The request that embeds it."""
        return Comparison(self.opening, self.choices.points, self.choices.seed)

    @property
    def separation(self) -> Separation:
        """The request that classifies it."""
        c = self.choices
        return Separation(
            self.opening,
            self.label,
            self.group,
            self.batch,
            c.seed,
            adjust=tuple(c.adjust),
            estimator=c.estimator,
            abundance=c.abundance,
            paired={"yes": True, "no": False}.get(c.paired),
        )

    # ---- results ------------------------------------------------------------------------------------------------

    @property
    def embedding(self) -> LOTEmbedding | None:
        """The embedding of the open cohort, once the samples have been compared."""
        return self._held(self.comparison)

    @property
    def classification(self) -> Classification | None:
        """How well the chosen groups separate, once that has been measured."""
        return self._held(self.separation)

    def _held(self, request: Hashable) -> Any:
        """Return a result and hold on to it: the workspace may let it go while a page still shows it."""
        if self.cohort is None:
            return None
        if request not in self._results:
            kept = self.workspace.kept(request)
            if kept is None:
                return None
            self._results[request] = kept
        return self._results[request]

    def derived(self, name: str, make: Callable[[], Any], *parts: Any, latest: bool = False) -> Any:
        """Return something that follows from the embedding, made once; if `latest`, others of its name are let go."""
        place = (name, self.comparison, *parts)
        if place not in self._derived:
            for other in [key for key in list(self._derived) if key[0] == name] if latest else ():
                del self._derived[other]
            self._derived[place] = make()
        return self._derived[place]

    @property
    def derived_regions(self) -> Regions:
        """The regions of the reference, as their markers name them."""
        return self.derived("regions", lambda: regions(self.embedding, seed=self.choices.seed))

    @property
    def regions(self) -> Regions:
        """The regions of the reference, under the names they were given."""
        found = self.derived_regions
        if not self.choices.names:
            return found
        return self.derived("renamed", lambda: renamed(found, self.choices.names), *self._names)

    @property
    def _names(self) -> tuple[tuple[str, str], ...]:
        """The names that were given to regions, as what follows from them."""
        return tuple(sorted(self.choices.names.items()))

    @property
    def region(self) -> int | None:
        """Position of the region that stands out, if one does."""
        chosen = self.choices.chosen("region")
        known = chosen is not None and chosen.isdigit() and 1 <= int(chosen) <= len(self.regions.names)
        return int(chosen) - 1 if known else None

    @property
    def population_regions(self) -> Regions | None:
        """The regions that stand in for populations; None where the cohort names its populations."""
        first = self.embedding.samples.index[0]
        return None if self.embedding.populations(first) is not None else self.regions

    @property
    def populations(self) -> tuple[str, ...]:
        """The populations of the cohort, or the regions of the reference where it names none."""
        names = partial(population_names, self.embedding, regions=self.population_regions)
        return self.derived("populations", names, *(self._names if self.population_regions is not None else ()))

    def hold_view(self, view: Projection, populations: tuple[str, ...]) -> None:
        """Take the principal axes of the cells and the names of their populations from work that was done aside."""
        self.derived("axes", lambda: view)
        self.derived("populations", lambda: populations, *(self._names if self.population_regions is not None else ()))

    @property
    def population_word(self) -> str:
        """What the populations are called."""
        return "populations" if self.population_regions is None else "regions"

    def population_colours(self) -> dict[str, str]:
        """Return the colour of each population, the same on every page."""
        return population_colours(self.populations, self.choices.theme)

    @property
    def projection(self) -> Projection:
        """The chosen two-dimensional view of cells."""
        a, b = self.choices.a, self.choices.b
        if self.choices.axes == DISPLACED:
            return self.derived("displaced", lambda: displacement_axes(self.embedding, a, b), a, b)
        if self.choices.axes == PRINCIPAL:
            return self.derived("axes", lambda: cell_axes(self.embedding))
        view = marker_axes(self.embedding.markers, self.choices.x, self.choices.y)
        # In units of each marker's spread: two markers of very different ranges still fill one frame.
        return replace(view, matrix=view.matrix / self.embedding.scaling.scale[:, None])

    @property
    def model(self) -> LinearModel:
        """The linear score that speaks for the chosen group, fitted on all samples, for looking at weights."""
        options = {"estimator": self.choices.estimator, "abundance": self.choices.abundance}
        return self.derived("model", lambda: fit_question(self.embedding, self.asked, **options), *self.asking)

    @property
    def asking(self) -> tuple[Hashable, ...]:
        """All that makes the model what it is, beside the embedding."""
        return (self.separation, self.choices.chosen("positive"))

    @property
    def asked(self) -> Question:
        """What the samples are asked: the measured question, read off the embedding."""
        request, positive = self.separation, self.choices.chosen("positive")
        options = {"group": request.group, "adjust": request.adjust, "paired": request.paired}
        make = partial(question_about, self.embedding, self.label, positive=positive, **options)
        return self.derived("asked", make, *self.asking)

    @property
    def continuous(self) -> bool:
        """Whether the label is a number, not the name of a group."""
        return self.label is not None and self.cohort is not None and is_continuous(self.cohort.samples[self.label])

    @property
    def grouping(self) -> str | None:
        """The column of the label where it names groups."""
        return None if self.continuous else self.label

    def word(self, marker: str) -> str:
        """Return what a marker is called in a picture: its first word, where that tells the markers apart."""
        markers = self.cohort.markers
        return short_names(markers)[markers.index(marker)]

    def groups(self, column: str | None = None) -> list[str]:
        """Name the groups of a column, the label's unless said otherwise, in their fixed order."""
        column = column or self.label
        if self.cohort is None or column is None or (column == self.label and self.continuous):
            return []
        return list(ordered_classes([text for text in self.texts(column).unique() if text]))

    def texts(self, column: str) -> pd.Series:
        """Return a column as the words the analysis knows its values by; the empty word where one is missing."""
        values = self.cohort.samples[column]
        return pd.Series(label_texts(values), index=values.index)

    def group_of(self, sample: str) -> str:
        """Name the group of a sample; empty where it is not known."""
        return str(self.texts(self.label)[sample]) if self.label else ""

    def group_style(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return colour and mark of each group of the label."""
        groups = self.groups()
        return group_colours(groups, self.choices.theme), group_marks(groups)

    def end_colours(self) -> tuple[str, str]:
        """Return the colours of the two samples of the pair: their groups', or two fixed ones if those agree."""
        style, _marks = self.group_style()
        first, second = (style.get(self.group_of(name), "") for name in (self.choices.a, self.choices.b))
        return (first, second) if first and second and first != second else (VERMILLION, BLUE)

    # ---- actions ------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Read and check the chosen cohort."""
        self.close()
        self.job, self.failure, self.selected = None, None, None
        self.aside.clear()
        self.cohort, self.problems, self.quality, self._derived, self._results = None, (), None, {}, {}
        request = self.opening
        kept = self.workspace.current(request)
        if not request.key:
            self.on_change()
        elif kept is not None:
            self._adopt(kept)
            self.on_change()
        else:
            self._start(f"Reading {request.key}", partial(self.workspace.open, request), self._adopt)

    def open_as(self, key: str, *, columns: Mapping[str, str] | None = None, layer: str = "") -> None:
        """Open a cohort, with what was said of its columns; the rest is as usual."""
        before = self.opening
        with param.parameterized.discard_events(self.choices):
            if key != self.choices.cohort:
                self.choices.forget()
            self.choices.param.update(
                columns=dict(columns or {}),
                layer=layer,
                markers=[],
                transform="auto",
                transforms={},
                cofactor=0.0,
                compensate="auto",
                skip=False,
                shown="By group",
            )
        if self.opening == before and key == self.choices.cohort:
            self.open()
        elif key == self.choices.cohort:
            self.choices.param.trigger("columns")
        else:
            self.choices.cohort = key

    def end(self) -> None:
        """End whatever is under way and delete what was brought along: nobody looks any more."""
        self.close()
        self.desk.end()

    def compare(self) -> None:
        """Embed the open cohort."""
        title = f"Comparing {len(self.cohort.samples)} samples"
        self._start(title, partial(self.workspace.compare, self.comparison), lambda _embedding: None)

    def separate(self) -> None:
        """Measure how well the chosen groups separate."""
        work = partial(self.workspace.separate, self.separation)
        self._start("Separating the groups", work, lambda _classification: None)

    def select(self, chosen: Selected | None) -> None:
        """Remember cells that a hand went round, and tell the pictures."""
        self.selected = chosen
        self.aside.told({"selection"})

    def poll(self) -> bool:
        """Take the outcome of the job if it is there; return whether anything is still under way."""
        going_on = self.aside.poll()
        job = self.job
        if job is None:
            return going_on
        if job.running:
            return True
        self.job = None
        outcome = job.outcome
        self.failure = outcome.failure
        if outcome.failure is not None and self.cohort is None and self.choices.cohort:
            self.desk.offer_to_mend(self.choices.cohort)
            if self.desk.errors or self.desk.failure is not None:
                self.failure = None  # the desk says it, row by row
        if outcome.answer is not None:
            self._then(outcome.answer)
        self.on_change()
        return self.job is not None or self.aside.job is not None

    def close(self) -> None:
        """End whatever is under way: nobody looks any more."""
        self.aside.stop()
        if self.job is not None:
            self.job.stop()

    def _start(self, title: str, work: Callable[..., Any], then: Callable[[Any], None]) -> None:
        """Begin a job; the one under way, if any, is stopped and its answer is dropped."""
        if self.job is not None:
            self.job.stop()
        self.failure = None
        self._then = then
        self.job = Job(title, work).start()
        self.on_change()

    def _adopt(self, opened: Opened) -> None:
        """Make a cohort that was read the one that is shown, and offer what it holds."""
        self.cohort, self.problems, self.quality = opened.cohort, opened.problems, opened.quality
        self.desk.done(self.choices.cohort)
        self.fit_choices(partial(offer_all, self))

    def fit_choices(self, offer: Callable[[], None]) -> None:
        """Offer choices without anything being drawn half-way."""
        self.settling = True
        with param.parameterized.batch_call_watchers(self.choices):
            offer()
        self.settling = False

    def offer_columns(self) -> None:
        """Offer the columns for what they can be."""
        offer_columns(self)
