"""Bugs that were: every test here failed before its bug was mended."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from lotviz.app import pages
from lotviz.app.choices import MARKERS, PAGES, Choices
from lotviz.app.failures import Failure, attempt
from lotviz.app.frame import Live
from lotviz.app.script import script_of
from lotviz.app.session import Session
from lotviz.app.workspace import Opening, Workspace
from lotviz.data import Problem, simulate, write_cohort
from lotviz.transport import Cancelled
from tests.app.cohorts import MARKUP, hostile_names, label_with_gaps, labelled, small
from tests.app.conftest import QUICK, Shelf, finish, quiet
from tests.app.test_pages import fill
from tests.app.test_server import server  # noqa: F401


def shown(cohort, monkeypatch=None, **choices):
    """Return a session on one cohort, with its results."""
    from functools import partial

    from lotviz.analysis.classify import classify
    from lotviz.app import workspace as module

    shelf, never = Shelf({"it": lambda: cohort}), threading.Event()
    session = Session(shelf, Choices(cohort="it", points=8, **choices))
    shelf.open(session.opening, quiet, never)
    session.open()
    shelf.compare(session.comparison, quiet, never)
    if session.label and monkeypatch is not None:
        monkeypatch.setattr(module, "classify", partial(classify, **QUICK))
        shelf.separate(session.separation, quiet, never)
    return session


def test_a_late_opening_does_not_replace_a_cohort_that_was_kept():
    gate = threading.Event()

    def slow():
        gate.wait(10)
        return small(samples=6)

    shelf = Shelf({"slow": slow, "kept": lambda: small(samples=2)})
    shelf.open(Opening("kept"), quiet, threading.Event())
    session = Session(shelf, Choices(cohort="slow"))
    session.open()
    session.choices.cohort = "kept"
    session.open()
    gate.set()
    finish(session)
    assert len(session.cohort.samples) == 2


def test_a_stopped_reading_is_not_kept_as_the_cohort():
    shelf, stop = Shelf({"it": small}), threading.Event()
    stop.set()
    with pytest.raises(Cancelled):
        shelf.open(Opening("it"), quiet, stop)
    assert shelf.kept(Opening("it")) is None


def test_a_cohort_that_was_mended_on_disk_is_read_again(tmp_path):
    folder = write_cohort(small(), tmp_path / "study", format="csv")
    workspace = Workspace(tmp_path)
    before = workspace.open(Opening("study"), quiet, threading.Event()).cohort
    table = folder / "samples.csv"
    table.write_text(table.read_text().replace("case", "patient group"))
    after = workspace.open(Opening("study"), quiet, threading.Event()).cohort
    assert set(before.samples["label"]) != set(after.samples["label"])


def test_the_failure_of_another_cohort_goes_away():
    shelf = Shelf({"kept": small})
    shelf.open(Opening("kept"), quiet, threading.Event())
    session = Session(shelf, Choices(cohort="nowhere"))
    session.open()
    finish(session)
    assert session.failure is not None
    session.choices.cohort = "kept"
    session.open()
    assert session.failure is None


def test_a_column_name_is_no_markup():
    cohort = hostile_names()
    cohort = replace(cohort, samples=cohort.samples.rename(columns={"label": f"{MARKUP} label"}))
    fill(shown(cohort, label=f"{MARKUP} label"), "Cohort")


@pytest.mark.parametrize("page", ["Patients", "Transport"])
def test_a_marker_name_is_no_markup(page):
    fill(shown(hostile_names(), axes=MARKERS), page)


def test_a_label_of_whole_floats_can_be_explained(monkeypatch):
    fill(shown(labelled([0.0, 1.0] * 4), monkeypatch, insist=True), "Weights")


@pytest.mark.parametrize("page", ["Transport", "Morph"])
def test_a_sample_without_label_can_be_compared(page):
    fill(shown(label_with_gaps(), a="P3"), page)


def test_samples_without_label_are_nobodys_neighbours():
    _page, text = fill(shown(label_with_gaps()), "Patients")
    assert "of 6 samples have their nearest neighbour" in text


def test_without_groups_the_script_of_weights_runs():
    cohort = small()
    session = shown(replace(cohort, samples=cohort.samples[[]]), page="Weights")
    assert "classify(cohort, None" not in script_of(session)


def test_a_label_is_not_its_own_batch(monkeypatch):
    from lotviz.app.shell import Shell

    session = shown(small())
    Shell(session)
    session.choices.label = "batch"
    assert session.batch != "batch"
    assert "label" in session.choices.param["group"].objects


def test_a_column_of_names_is_not_guessed_as_groups():
    cohort = small()
    table = cohort.samples.rename(columns={"label": "outcome"})
    session = shown(replace(cohort, samples=table))
    assert session.label == "outcome"


def test_a_sample_with_a_problem_is_marked_in_the_table():
    cohort = small()
    cells = {**cohort.source.cells, "P3": cohort.source.cells["P3"][:20]}
    counts = cohort.cell_counts.copy()
    counts["P3"] = 20
    cohort = replace(cohort, source=replace(cohort.source, cells=cells, labels=None), cell_counts=counts)
    _page, text = fill(shown(cohort), "Cohort")
    assert "Problem" in text


def test_an_open_page_outlives_the_results_of_others():
    session = shown(small(), page="Patients")
    page = pages.page(session)
    session.workspace.cohorts = {str(i): lambda: simulate(samples=2, cells=3, markers=2) for i in range(12)}
    for name in session.workspace.cohorts:
        session.workspace.open(Opening(name), quiet, threading.Event())
    assert [attempt(live.compute).failure for live in page.live if attempt(live.compute).failure] == []


def test_what_one_address_names_is_not_offered_to_others():
    Choices(label="a patient's name")
    assert "a patient's name" not in Choices().param["label"].objects


def test_no_other_site_may_read_an_embedding_script(server):  # noqa: F811
    answer = server.ask("/autoload.js?bokeh-autoload-element=1", Origin="http://evil.example")
    assert answer.status >= 400 or "Access-Control-Allow-Origin" not in answer.headers


def test_a_marker_with_a_slash_keeps_it_in_a_problem():
    from lotviz.app.frame import problems
    from lotviz.data import Problem

    assert "CD3/CD28" in problems([Problem("P1.fcs, cell 3, marker CD3/CD28", "a.", "b.")])


@pytest.mark.parametrize("page", PAGES)
def test_an_unknown_key_with_a_null_byte_is_bad_input(page, tmp_path):
    session = finish_open(tmp_path)
    assert session.failure.details == ""


def finish_open(root):
    session = Session(Workspace(root), Choices(cohort="\0"))
    session.open()
    return finish(session)


def test_cells_of_an_empty_sample_are_drawn():
    import holoviews as hv

    from lotviz.views.charts import cells_per_sample

    hv.render(cells_per_sample(np.array([0, 500]), ["p", "q"], ["", ""], few=100, theme="light"))


def test_a_cloud_of_no_cells_is_drawn():
    from lotviz.views.clouds import populations_cloud

    populations_cloud(np.zeros((0, 2)), np.zeros(0, object), {"a": "#000000"}, bounds=(0, 4, 0, 3), theme="light")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_numbers_in_the_table_of_masses_can_be_read(theme):
    from lotviz.views.flows import INKS
    from lotviz.views.theme import TOKENS, readable, sequential
    from tests.views.test_theme import contrast

    for ground in [TOKENS[theme]["paper"], *sequential(theme)]:
        assert contrast(readable(ground, INKS), ground) >= 4.5


class Undrawable:
    """A pane whose content is computed, and cannot be drawn."""

    def __setattr__(self, _name, _content):
        raise ValueError("no such picture")


def test_a_picture_that_cannot_be_drawn_is_said_and_holds_up_no_other():
    from lotviz.app.shell import Shell

    shell, drawn = Shell(shown(small())), []
    shell._later.owe([Live(Undrawable(), str), Live(None, lambda: drawn.append("the next"))])
    assert drawn == ["the next"]
    assert "no such picture" in shell._failure.object


def test_what_went_wrong_beside_the_page_is_still_said_when_its_pictures_are_drawn():
    from lotviz.app.shell import Shell

    session = shown(small())
    shell = Shell(session)
    session.aside.failure = Failure((Problem("clusters", "Expected much, found little.", "Ask again."),))
    session.aside.told({"clusters"})
    shell._later.owe([Live(None, str)])
    assert "Expected much, found little." in shell._failure.object
