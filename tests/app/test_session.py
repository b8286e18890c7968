from __future__ import annotations

import threading

import numpy as np
import pytest

from lotviz.app import pages
from lotviz.app import workspace as workspace_module
from lotviz.app.choices import NONE, Choices
from lotviz.app.session import MOST_GROUPS, Session
from lotviz.app.workspace import DEMOS, Opening, Workspace
from lotviz.data import CohortError, Problem
from lotviz.transport import Cancelled
from lotviz.views.theme import BLUE, VERMILLION
from tests.app.cohorts import COHORTS, small
from tests.app.conftest import Shelf, finish, made, until


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    """Return a workspace in which both built-in cohorts were opened."""
    workspace = Workspace(tmp_path_factory.mktemp("root"))
    for name in DEMOS:
        workspace.open(Opening(name), lambda *_told: None, threading.Event())
    return workspace


def opening(workspace, name, **choices) -> Session:
    session = Session(workspace, Choices(cohort=name, **choices))
    session.open()
    return session


# ---- what an opened cohort offers


def test_patients_are_offered_by_their_roles(demos):
    session = opening(demos, "demo: patients")
    assert (session.label, session.group, session.batch, session.colour) == ("label", "patient", "batch", "label")
    assert session.choices.positive == "case"
    assert "label" not in session.choices.param["group"].objects
    assert session.choices.param["batch"].objects == [NONE, "batch"]


def test_organoids_are_offered_by_their_roles(demos):
    session = opening(demos, "demo: organoids")
    assert (session.label, session.batch, session.colour) == ("condition", "plate", "condition")
    assert session.groups()[0] == "control"
    assert session.choices.positive in session.groups()


@pytest.mark.parametrize("name", list(DEMOS))
def test_the_pair_is_of_two_groups_and_their_clearest_samples(demos, name):
    session = opening(demos, name)
    a, b = session.choices.a, session.choices.b
    assert a != b
    assert (session.group_of(a), session.group_of(b)) == (session.groups()[0], session.groups()[-1])
    counts = session.cohort.cell_counts
    assert counts[a] == counts[session.cohort.samples[session.label] == session.group_of(a)].max()


@pytest.mark.parametrize("name", list(DEMOS))
def test_the_view_offers_every_marker(demos, name):
    session = opening(demos, name)
    assert session.choices.param["x"].objects == list(session.cohort.markers)
    assert session.choices.x != session.choices.y


def test_a_cohort_that_knows_nothing_of_its_samples_is_opened_all_the_same(session_on):
    session = session_on("no metadata")
    assert (session.label, session.group, session.batch, session.colour) == (None, None, None, None)
    assert session.groups() == []
    assert session.choices.positive == NONE
    assert session.choices.a != session.choices.b


def test_a_column_of_many_values_is_not_offered_as_groups(session_on):
    session = session_on("twelve classes")
    assert session.label == "label"
    assert len(session.groups()) == MOST_GROUPS
    assert "age" in session.choices.param["label"].objects  # a number, to be foretold
    assert "patient" not in session.choices.param["label"].objects
    assert "age" in session.choices.param["colour"].objects


def test_choices_that_came_with_the_address_stay(session_on):
    session = session_on("patients", a="P5", b="P6", colour="age", positive="control", group=NONE)
    assert (session.choices.a, session.choices.b, session.colour) == ("P5", "P6", "age")
    assert (session.choices.positive, session.group) == ("control", None)


def test_choices_that_do_not_fit_the_cohort_fall_back(session_on):
    session = session_on("patients", a="nobody", label="<script>", positive="x", x="CD9999", colour="gone")
    assert session.choices.a in session.cohort.samples.index
    assert (session.label, session.choices.positive, session.colour) == ("label", "case", "label")
    assert session.choices.x in session.cohort.markers


def test_while_choices_are_fitted_nothing_is_to_be_drawn(session_on):
    settling = []
    session = session_on("patients")
    session.choices.param.watch(lambda _event: settling.append(session.settling), ["a", "label", "positive"])
    session.choices.a = "gone"
    settling.clear()
    session.open()
    assert settling
    assert all(settling)
    assert not session.settling


# ---- groups


def test_another_label_has_another_positive_group(session):
    session.choices.label = "batch"
    session.fit_choices(session.offer_columns)
    assert session.groups() == ["batch 1", "batch 2"]
    assert session.choices.positive == "batch 2"
    session.choices.label = "label"
    session.fit_choices(session.offer_columns)
    assert session.choices.positive == "case"


def test_controls_come_first_the_rest_by_name(session_on):
    assert session_on("patients").groups() == ["control", "case"]
    assert session_on("organoids").groups() == ["control", "A", "A+B", "B"]
    assert session_on("numeric label").groups() == ["1", "2"]


def test_samples_without_a_label_make_no_group(session_on):
    assert session_on("label with gaps").groups() == ["control", "case"]


def test_two_samples_of_one_group_are_told_apart_by_colour(session):
    names = session.cohort.samples.index[session.cohort.samples["label"] == "case"]
    session.choices.param.update(a=names[0], b=names[1])
    assert session.end_colours() == (VERMILLION, BLUE)


def test_two_samples_of_two_groups_have_the_colours_of_their_groups(session):
    style, marks = session.group_style()
    assert session.end_colours() == (style["control"], style["case"])
    assert marks["control"] != marks["case"]


def test_a_population_has_one_colour_whoever_is_looked_at(session):
    before = session.population_colours()
    session.choices.param.update(a="P7", b="P8")
    assert session.population_colours() == before
    assert set(before) == set(session.populations)


def test_regions_stand_in_for_populations_nobody_named(session_on):
    session = session_on("no populations")
    assert session.population_word == "regions"
    assert set(session.populations) == set(session.regions.names)
    assert session_on("patients").population_word == "populations"
    assert session_on("patients").population_regions is None


# ---- results


def test_there_are_no_results_before_they_are_made(empty):
    session = Session(empty, Choices())
    assert session.embedding is None
    assert session.classification is None
    session = finish(opening(empty, "demo: patients"))
    assert session.cohort is not None
    assert session.embedding is None
    assert session.classification is None


def test_results_belong_to_the_choices_that_made_them(session):
    assert session.embedding is not None
    assert session.classification is not None
    for name, other in (("points", 99), ("seed", 1)):
        before = getattr(session.choices, name)
        setattr(session.choices, name, other)
        assert session.embedding is None
        setattr(session.choices, name, before)
    session.choices.group = NONE
    assert session.embedding is not None
    assert session.classification is None


def test_what_follows_from_the_embedding_is_made_once(session):
    made = []
    for part in ("a", "a", "b"):
        session.derived("thing", lambda: made.append(1), part)
    assert made == [1, 1]
    assert session.model is session.model
    assert session.regions is session.regions


def test_what_follows_from_the_choices_follows_them(session):
    first = session.model
    session.choices.positive = "control"
    assert session.model is not first
    assert session.model.classes == ("case", "control")
    assert np.allclose(session.model.weights, -first.weights)
    axes = session.projection
    session.choices.axes = "Two markers"
    assert session.projection.labels == (session.choices.x, session.choices.y)
    assert session.projection is not axes


def test_two_sessions_share_results_but_no_choices(session_on):
    one, other = session_on("patients"), session_on("patients")
    one.choices.a = "P8"
    assert other.choices.a != "P8"
    assert one.embedding is other.embedding
    assert one.regions is not other.regions


# ---- work


class Stubborn(Shelf):
    """A workspace whose cohorts open when they are let, and do not listen when they are told to stop."""

    def __init__(self):
        super().__init__(COHORTS)
        self.gates = {name: threading.Event() for name in COHORTS}
        self.begun, self.ended = [], []

    def open(self, request, progress, cancel):
        self.begun.append(request.key)
        assert self.gates[request.key].wait(30)
        result = super().open(request, progress, threading.Event())
        self.ended.append(request.key)
        return result


@pytest.fixture
def stubborn():
    workspace = Stubborn()
    yield workspace
    for gate in workspace.gates.values():
        gate.set()
    until(lambda: len(workspace.ended) == len(workspace.begun))


def test_opening_takes_place_beside_the_caller(stubborn):
    session = opening(stubborn, "patients")
    assert session.job.title == "Reading patients"
    assert session.poll()
    assert session.cohort is None
    stubborn.gates["patients"].set()
    finish(session)
    assert len(session.cohort.samples) == 8
    assert session.job is None


def test_the_late_answer_of_a_replaced_job_is_dropped(stubborn):
    session = opening(stubborn, "patients")
    until(lambda: stubborn.begun)
    session.choices.cohort = "two samples"
    session.open()
    stubborn.gates["two samples"].set()
    finish(session)
    assert len(session.cohort.samples) == 2
    stubborn.gates["patients"].set()
    until(lambda: "patients" in stubborn.ended)
    finish(session)
    assert len(session.cohort.samples) == 2


def test_the_answer_of_a_replaced_job_that_comes_first_is_dropped_too(stubborn):
    session = opening(stubborn, "patients")
    until(lambda: stubborn.begun)
    session.choices.cohort = "two samples"
    session.open()
    stubborn.gates["patients"].set()
    until(lambda: "patients" in stubborn.ended)
    assert session.poll()
    assert session.cohort is None
    stubborn.gates["two samples"].set()
    finish(session)
    assert len(session.cohort.samples) == 2


def test_a_replaced_job_is_told_to_stop(empty):
    told = []

    def work(progress, cancel):
        told.append(cancel)
        until(cancel.is_set)
        raise Cancelled

    session = Session(empty, Choices())
    session._start("First", work, lambda _answer: None)
    until(lambda: told)
    session._start("Second", lambda progress, cancel: "answer", told.append)
    finish(session)
    assert told[0].is_set()
    assert told[1:] == ["answer"]


def test_comparing_makes_the_embedding_of_the_choices():
    session = finish(opening(Shelf({"small": small}), "small", points=9, seed=4))
    session.compare()
    assert session.job.title == "Comparing 8 samples"
    finish(session)
    assert len(session.embedding.masses) == 9
    assert session.failure is None


def test_separating_puts_the_question_of_the_choices(session, monkeypatch):
    asked = {}

    def classify(cohort, label, **options):
        asked.update(options, label=label)
        return "answer"

    monkeypatch.setattr(workspace_module, "classify", classify)
    session.choices.param.update(group=NONE, seed=77)
    session.separate()
    finish(session)
    assert asked["label"] == "label"
    assert (asked["group"], asked["batch"], asked["seed"]) == (None, "batch", 77)
    made.cache_clear()  # the answer above is none


def test_bad_input_is_told_with_its_problems(empty):
    problem = Problem("sheet.csv", "Expected a file, found nothing.", "Name it.")

    def refuse(*_given):
        raise CohortError(problem)

    empty.open = refuse
    session = finish(opening(empty, "bad"))
    assert session.failure.problems == (problem,)
    assert session.failure.details == ""
    assert session.cohort is None


def test_a_stop_is_no_failure(stubborn):
    session = opening(stubborn, "patients")
    session.close()
    stubborn.gates["patients"].set()
    finish(session)
    assert session.failure is None


def test_a_change_is_told_when_work_begins_and_when_it_ends(stubborn):
    session = Session(stubborn, Choices(cohort="patients"))
    told = []
    session.on_change = lambda: told.append(session.job is not None)
    session.open()
    assert told == [True]
    stubborn.gates["patients"].set()
    finish(session)
    assert told == [True, False]


def test_a_cohort_outside_the_root_is_refused_in_words(empty):
    session = finish(opening(empty, "../../etc"))
    assert "inside the data root" in session.failure.problems[0].what
    assert session.failure.details == ""


def test_every_page_says_what_is_missing_before_there_is_anything(empty):
    session = Session(empty, Choices())
    for name in pages.PAGES:
        session.choices.page = name
        shown = pages.page(session)
        assert "No cohort is open" in shown.head.object
        assert shown.live == []
