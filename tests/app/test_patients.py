from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import holoviews as hv
import numpy as np
import pandas as pd
import pytest

from lotviz.app.choices import Choices
from lotviz.app.pages import patients_pairs, patients_places, patients_survey
from lotviz.app.pages.patients_averages import averages, certificates
from lotviz.app.pages.patients_axis import average_cells
from lotviz.app.pages.patients_pairs import _colours, _neighbours_said, answer, clustered
from lotviz.app.pages.patients_places import categories, map_keys, map_note, newcomer_table, newcomers_of, placed
from lotviz.app.pages.patients_survey import surveyed
from lotviz.app.pages.views_of_cells import short_name
from lotviz.transport import Cancelled
from lotviz.views.theme import graded
from tests.app.conftest import finish
from tests.app.test_pages import fill, pictures

BELOW = ("Cells", "Along an axis", "Group averages")
COHORTS = ("patients", "no metadata", "two samples", "two markers", "hostile names", "no populations", "numeric label")


def filled(session):
    """Lay the page out, wait for what goes on beside it, and lay it out again."""
    fill(session, "Patients")
    finish(session)
    return fill(session, "Patients")


@pytest.mark.parametrize("below", BELOW)
@pytest.mark.parametrize("cohort", COHORTS)
def test_whatever_stands_below_the_map_is_computed_and_drawn(session_on, cohort, below):
    session = session_on(cohort, below_map=below, beside_map="Biclusters", theme="dark")
    page, text = filled(session)
    assert session.aside.failure is None, session.aside.failure
    if cohort in ("patients", "hostile names"):
        for picture in pictures(page):
            hv.render(picture)
    assert ("synthetic" in text) == (below != "Cells")
    assert ("blocks hold" in text) == (cohort not in ("two samples",))


@pytest.mark.parametrize("placing", ["MDS", "t-SNE"])
@pytest.mark.parametrize("cohort", ["patients", "two samples", "hostile names"])
def test_every_map_is_drawn_or_says_why_not(session_on, cohort, placing):
    session = session_on(cohort, placing=placing)
    page, text = filled(session)
    assert session.aside.failure is None
    hv.render(pictures(page)[0])
    assert (placed(session) is None) == (cohort == "two samples" and placing == "t-SNE")
    assert ("neighbour" in text) or placed(session) is None


def test_doses_of_many_levels_colour_the_map_and_the_pairs():
    doses = pd.DataFrame({"dose": np.tile(np.geomspace(0.1, 200, 12), 2)})
    asked = SimpleNamespace(embedding=SimpleNamespace(samples=doses), colour="dose", choices=Choices(theme="dark"))
    assert categories(asked) is None
    assert "dose 0.1" in map_keys(asked)
    assert "200, by rank" in map_keys(asked)
    scale = graded("dark")
    assert _colours(asked) == 2 * [scale[round(i / 11 * (len(scale) - 1))] for i in range(12)]


@pytest.mark.parametrize(("mixed", "said"), [(False, "Like samples have a like dose"), (True, "dose does not show")])
def test_neighbours_are_compared_by_their_number(monkeypatch, mixed, said):
    doses = np.geomspace(0.1, 200, 20)
    table = pd.DataFrame({"dose": np.random.default_rng(0).permutation(doses) if mixed else doses})
    asked = SimpleNamespace(
        embedding=SimpleNamespace(samples=table),
        label="dose",
        grouping=None,
        group=None,
        continuous=True,
        choices=Choices(),
        derived=lambda _name, make, *_key: make(),
    )
    survey = SimpleNamespace(distances=np.abs(np.subtract.outer(np.arange(20), np.arange(20))))
    monkeypatch.setattr(patients_pairs, "surveyed", lambda _session: survey)
    assert _neighbours_said(asked, alone=True).startswith(f"<b>{said}</b>: nearest neighbours are ")
    after = _neighbours_said(asked, alone=False)
    assert after.startswith("Nearest neighbours are ")
    assert ("are 1.0 ranks of dose apart (by chance" in after) != mixed
    assert after.endswith("of 20).")


@pytest.mark.parametrize(("kept", "said"), [(0.9, "near means alike"), (0.13, "near need not mean alike")])
def test_a_map_that_loses_neighbours_does_not_promise_them(session_on, monkeypatch, kept, said):
    session = session_on("patients")
    filled(session)
    found = replace(placed(session), kept=kept)
    monkeypatch.setattr(patients_places, "placed", lambda _session: found)
    assert map_note(session).startswith(said)


@pytest.mark.parametrize("choice", [{"mode": "3"}, {"moved": "First of the pair"}, {"mode": "2", "part": "Shift"}])
def test_axes_of_one_patient_and_of_all(session_on, choice):
    session = session_on("patients", below_map="Along an axis", **choice)
    _page, text = filled(session)
    assert f"axis {choice.get('mode', '1')}" in text
    assert ("measured" in text) == ("moved" in choice)
    if "moved" not in choice:
        assert len(average_cells(session).cells) == 6000


def test_clusters_are_said_with_how_steady_they_are(session_on):
    session = session_on("enough patients", clusters="2")
    _page, text = filled(session)
    assert clustered(session).clusters.count == 2
    assert "Drawn again 100 times" in text
    assert "clusters" in answer(session)


def test_averages_are_compared_over_patients_and_bounded(session_on):
    session = session_on("enough patients", below_map="Group averages")
    _page, text = filled(session)
    found, bounds = averages(session), certificates(session)
    assert found.difference.groups == tuple(session.groups())
    assert len(found.cells) == len(bounds) == 2
    assert all(one.lower <= one.solved <= one.objective * (1 + 1e-9) for one in bounds)
    assert "with all looked at" in text
    assert f"of {bounds[0].pairs} pairs exact" in text


def test_one_group_twice_is_an_average_without_a_difference(session_on):
    session = session_on("patients", below_map="Group averages")
    session.choices.group_b = session.choices.group_a
    _page, text = filled(session)
    assert len(averages(session).cells) == 1
    assert "Choose two groups" in text


def test_newcomers_are_placed_and_said(session_on):
    session = session_on("patients", other="enough patients")
    _page, text = filled(session)
    found = newcomers_of(session)
    table = newcomer_table(session, found)
    assert len(table) == 10
    assert "is nearest to" in text


def test_many_samples_are_compared_beside_the_page(session_on, monkeypatch):
    monkeypatch.setattr(patients_survey, "AT_ONCE", 4)
    session = session_on("enough patients", below_map="Along an axis")
    monkeypatch.setattr(session.aside, "poll", lambda: True)  # nothing is taken yet
    _page, text = fill(session, "Patients")
    assert surveyed(session) is None
    assert "The samples are being compared." in text
    assert [job.title for job in session.aside._jobs.values()] == ["Comparing 10 samples with each other"]
    monkeypatch.undo()
    monkeypatch.setattr(patients_survey, "AT_ONCE", 4)
    finish(session)
    page, text = filled(session)
    assert session.aside.failure is None
    assert "being compared" not in text
    found, part = surveyed(session), session.embedding.distances("full")
    assert (found.distances == part).all()
    assert sorted(found.order) == list(range(10))
    assert session.projection is found.view
    assert session.populations == found.populations
    monkeypatch.setattr(patients_survey, "AT_ONCE", 100)
    assert (surveyed(session).order == found.order).all()
    assert surveyed(session) is not found
    hv.render(pictures(page)[0])


def test_a_stopped_comparison_of_the_samples_says_so(session_on, monkeypatch):
    def stopped(_cancel):
        raise Cancelled

    monkeypatch.setattr(patients_survey, "AT_ONCE", 4)
    monkeypatch.setattr(patients_survey, "stop_if", stopped)
    session = session_on("enough patients")
    _page, text = filled(session)
    assert surveyed(session) is None
    assert session.aside.failure is None
    assert "Not compared: stopped" in text


def test_a_long_name_leaves_room_for_the_group_beside_it():
    assert short_name("P<1>", 16) == '<span title="P&lt;1&gt;">P&lt;1&gt;</span>'
    assert short_name("VALIGA_v2zzwa8f0a", 16) == '<span title="VALIGA_v2zzwa8f0a">VALIGA_v2zzwa8f…</span>'
    assert short_name("VALIGA_v2zzwa8f0a", -3).endswith(">VALIGA_…</span>")  # a group of very many letters
