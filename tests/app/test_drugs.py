from __future__ import annotations

import threading
from functools import cache

import holoviews as hv
import pytest

from lotviz.app.choices import ALL_LINES, BY_NAME, MOST_CHANGED, NONE, Choices
from lotviz.app.pages import drugs_cells, drugs_numbers, drugs_predicted, drugs_study
from lotviz.app.pages.drugs import ABSENT
from lotviz.app.script import script_of
from lotviz.app.session import Session
from lotviz.app.workspace import DEMOS, Opening
from lotviz.data import simulate
from tests.app.conftest import Shelf, finish, quiet
from tests.app.test_pages import fill, pictures

STUDIES = {
    "interacting": lambda: simulate("organoids", cells=120, markers=6, lines=6, replicates=2, interaction=-1.5),
    "additive": lambda: simulate("organoids", cells=120, markers=6, lines=6, replicates=2),
    "one line": lambda: simulate("organoids", cells=120, markers=6, lines=1, replicates=6, interaction=-1.5),
    "once": lambda: simulate("organoids", cells=60, markers=4, lines=1, replicates=1),
}


@cache
def shelf(name):
    workspace = Shelf(STUDIES)
    workspace.open(Opening(name), quiet, threading.Event())
    return workspace


def compared(name, **choices):
    session = Session(shelf(name), Choices(cohort=name, points=16, **choices))
    session.open()
    shelf(name).compare(session.comparison, quiet, threading.Event())
    return session


@cache
def shown(name):
    """Return a session on a study, whose answers are kept for the next test."""
    return compared(name)


def answered(name, **choices):
    """Return a session whose study is answered, the page and its text; other choices are as usual."""
    session = shown(name)
    usual = {"culture": ALL_LINES, "marker": MOST_CHANGED, "region": NONE, "population": NONE, "theme": "light"}
    layout = {"counted": "Populations", "departs": "Markers", "readout": "Share of cells", "line": BY_NAME}
    values = {"control": "control", "drug_a": "A"}
    session.choices.param.update(**{**usual, **layout, **values, **choices})
    for _ in range(2):
        fill(session, "Drugs")
        finish(session)
    return session, *fill(session, "Drugs")


def test_a_cohort_without_drugs_says_so_and_shows_ways_on(session):
    page, text = fill(session, "Drugs")
    assert ABSENT in text
    assert session.choices.condition == NONE
    labels = [getattr(piece, "label", "") for piece in page.drawer]
    assert "Column of conditions" in labels
    assert [label for label in labels if label.startswith("Simulated organoids")]
    assert session.aside.job is None


def test_conditions_are_guessed_and_asked_beside_the_page():
    session = compared("interacting")
    _page, text = fill(session, "Drugs")
    c = session.choices
    assert (c.condition, c.control, c.drug_a, c.drug_b, c.drug_both) == ("condition", "control", "A", "B", "A+B")
    assert (c.line, c.culture) == (BY_NAME, ALL_LINES)
    assert "It is being asked" in text
    assert session.aside.job is not None
    finish(session)


def test_the_answer_comes_first_and_names_place_number_and_doubt():
    session, page, text = answered("interacting")
    assert "No: A+B does more than A and B together to pERK of" in text
    assert "with all 48 looked at" in text
    assert "6 lines of 2 replicates" in text
    assert "not an additivity test" in text
    assert len(pictures(page)) == 12
    for picture in pictures(page):
        hv.render(picture)
    assert session.aside.failure is None


def test_under_additivity_what_would_have_been_missed_is_said():
    _session, _page, text = answered("additive")
    assert "Nothing speaks against additivity" in text
    assert "would have been missed" in text


def test_one_line_has_its_replicates_as_units():
    session, page, text = answered("one line")
    assert "Every replicate" in text
    assert "The replicates are the units, and nothing is said of other lines" in text
    assert session.choices.param["culture"].objects == [ALL_LINES]
    for picture in pictures(page):
        hv.render(picture)


def test_what_cannot_be_asked_says_why():
    _session, page, text = answered("once")
    assert "It cannot be asked of these samples" in text
    assert "two independent replicates" in text
    assert pictures(page) == []


def test_equal_conditions_are_refused_in_words():
    _session, _page, text = answered("interacting", control="A", drug_a="A", condition="condition")
    assert "Expected four different conditions" in text


def test_what_is_tapped_stands_out_everywhere_and_again_no_longer():
    session, _page, _text = answered("interacting", departs="Regions × markers", counted="Regions", theme="dark")
    region = session.derived_regions.names[1]
    drugs_numbers._tap_both(session, region, "pERK")
    assert (session.choices.region, session.choices.marker) == ("2", "pERK")
    page, text = fill(session, "Drugs")
    assert f"departure of pERK in {region}" in text
    one = drugs_cells.pooled(session, "both")
    assert drugs_cells.inside_of(session, one.kinds, one.regions).tolist() == (one.regions == 1).tolist()
    for picture in pictures(page):
        hv.render(picture)
    drugs_numbers._tap_both(session, region, "pERK")
    assert (session.choices.region, session.choices.marker) == (NONE, MOST_CHANGED)


def test_the_cells_of_one_line_are_shown_and_their_mean_is_its_departure():
    session, _page, text = answered("interacting", culture="L2", marker="pERK")
    assert drugs_cells.drawn_lines(session) == ("L2",)
    assert "240 of 240 cells" in text
    shown = drugs_cells.departing(session, "L2")
    lines = drugs_study.by_line(session)[0].set_index("line")
    assert shown.departure == pytest.approx(lines.loc["L2", "departure"])
    assert shown.values.mean() == pytest.approx(shown.departure, abs=0.05)  # the cells are not weighted by population


def test_predicted_cells_are_called_synthetic():
    session, _page, text = answered("interacting")
    assert "synthetic" in text
    assert "moved as the maps of A + B − control say" in text
    made = drugs_predicted.additive(session)
    assert made.pooled.total == len(made.pooled.cells) == sum(len(sample.cells) for sample in made.samples)
    assert "Median of all 12 replicates" in text
    checked = drugs_predicted.trusted(session, made)
    assert list(checked) == list(made.names)
    name = made.names[5]
    assert checked[name] == session.embedding.validity(made.samples[5], seed=session.choices.seed)
    worst = max(checked, key=lambda each: checked[each].outside)
    assert f"({100 * checked[worst].outside:.1f}\u00a0% in {worst}) lie where no cell was measured" in text


def test_of_many_replicates_some_are_looked_at_and_it_is_said(monkeypatch):
    monkeypatch.setattr(drugs_predicted, "MOST_CHECKED", 3)
    _session, _page, text = answered("additive", culture="L1")
    assert "Median of all 2 replicates" in text
    session = shown("additive")
    for place in [key for key in session.aside._answers if isinstance(key, tuple) and key[0] == "trusted"]:
        del session.aside._answers[place]  # of an earlier test
    _session, _page, text = answered("additive")
    assert "Median of 3 of 12 replicates" in text


def test_a_stop_can_be_taken_back():
    session = compared("interacting", seed=1)
    session.aside._stopped.add(drugs_study.place(session))
    page, text = fill(session, "Drugs")
    session.choices.page = "Drugs"
    fill(session, "Drugs")
    session.aside._stopped.add(drugs_study.place(session))
    page, text = fill(session, "Drugs")
    assert "Stopped before there was an answer" in text
    (again,) = [piece for piece in page.drawer if getattr(piece, "label", "") == "Ask again"]
    again.clicks += 1
    fill(session, "Drugs")
    assert finish(session).aside.answer(drugs_study.place(session)) is not None


def test_the_script_asks_the_same(tmp_path):
    session, *_ = answered("interacting", page="Drugs")
    text = script_of(session)
    assert (
        "lotviz.interaction(embedding, control='control', a='A', b='B', both='A+B', column='condition', seed=0)" in text
    )
    session.choices.line = NONE
    assert "drop(columns=['line'])" in script_of(session)
    compile(script_of(session), "screen", "exec")


def test_the_demonstrations_can_say_something_of_lines():
    studies = [options for options in DEMOS.values() if options["design"] == "organoids"]
    assert all(options["lines"] >= 6 for options in studies)
    assert sorted(options.get("interaction", 0.0) != 0.0 for options in studies) == [False, True]
