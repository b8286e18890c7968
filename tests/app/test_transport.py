"""The Transport page without a browser: what stands out, what is drawn of it, and exact transport beside it."""

from __future__ import annotations

from itertools import product

import holoviews as hv
import numpy as np
import param
import pytest

from lotviz.app.choices import DISPLACED, FLOW, GRID, MOST_CHANGED, NONE, OVERLAID, POINTS, TABLE
from lotviz.app.pages import transport_cells, transport_changes
from lotviz.app.pages.transport import _compare, _where, direct_of
from lotviz.app.script import script_of
from lotviz.views.streams import on_tap
from tests.app.cohorts import COHORTS
from tests.app.conftest import finish
from tests.app.test_pages import fill, pictures

ALTERNATIVES = {"pairing": OVERLAID, "axes": DISPLACED, "arrows": POINTS, "becomes": FLOW}


@pytest.mark.parametrize("cohort", COHORTS)
def test_every_other_way_to_draw_it_is_computed_for_every_cohort(session_on, cohort):
    page, _text = fill(session_on(cohort, **ALTERNATIVES), "Transport")
    assert len(pictures(page)) == 7


@pytest.mark.parametrize(("cohort", "theme"), [("patients", "dark"), ("hostile names", "light")])
def test_every_other_way_can_be_drawn(session_on, cohort, theme):
    session = session_on(cohort, theme=theme, **ALTERNATIVES)
    session.choices.population = session.populations[0]
    page, _text = fill(session, "Transport")
    for picture in pictures(page):
        hv.render(picture)


def test_side_by_side_has_a_picture_more_than_overlaid(session):
    assert len(pictures(fill(session, "Transport")[0])) == 8


def test_a_population_stands_out_in_every_picture_and_is_named(session):
    fill(session, "Transport")
    chosen = session.populations[1]
    session.choices.population = chosen
    page, text = fill(session, "Transport")
    depend = [live for live in page.live if "population" in live.depends and live.pane is not None]
    drawn = [live for live in depend if isinstance(live.pane.object, hv.core.Dimensioned)]
    assert len(drawn) == 7  # all but the markers of all cells
    assert set(transport_cells.field_of(session).labels) == {chosen}
    assert f"of {chosen}" in text
    assert text.count(chosen) > 2


@pytest.mark.parametrize("becomes", [TABLE, FLOW])
def test_what_is_tapped_stands_out_and_taps_again_take_it_back(session_on, monkeypatch, becomes):
    taps = []
    monkeypatch.setattr(transport_changes, "on_tap", lambda marks, action: taps.append((marks, action)))
    session = session_on("patients", becomes=becomes)
    fill(session, "Transport")
    choices = session.choices
    parts = transport_changes.composition_of(session)
    bands, flows, cells = taps
    bands[1](0)
    assert choices.population == parts.names[int(np.argmax(np.abs(parts.change)))]
    flows[1](0)
    assert choices.population == max(parts.names, key=lambda n: sum(s[parts.names.index(n)] for s in
                                                                   (parts.share_a, parts.share_b)))  # fmt: skip
    cells[1](1)
    _rows, columns = transport_changes._shown_shifts(session)
    assert choices.marker == session.embedding.markers[columns[1]]
    assert choices.population != NONE
    cells[1](1)
    assert (choices.population, choices.marker) == (NONE, MOST_CHANGED)


def test_a_tap_reaches_the_choices_through_its_stream(session):
    heard = []
    marks = hv.Rectangles([(0, 0, 1, 1)])
    on_tap(marks, heard.append)
    (stream,) = list(hv.streams.Stream.registry[marks])
    stream.event(index=[0])
    assert heard == [0]


def test_moved_cells_keep_the_mean_of_the_second_sample(session):
    moves = transport_cells.cell_moves(session)
    a, b = (session.embedding.cells(name).astype(float) for name in (session.choices.a, session.choices.b))
    assert (a + moves).mean(axis=0) == pytest.approx(b.mean(axis=0), abs=1e-4)


def test_the_marker_of_the_curves_is_chosen_or_the_one_that_changes_most(session):
    fill(session, "Transport")
    assert transport_changes.shown_marker(session) == transport_changes.change_of(session).table()["marker"].iloc[0]
    session.choices.marker = session.embedding.markers[2]
    assert transport_changes.shown_marker(session) == session.embedding.markers[2]
    session.choices.marker = "gone"
    session.choices.population = session.populations[0]
    found = transport_changes.shifts_of(session)
    row = found.names.index(session.populations[0])
    scaled = np.abs(found.shift[row]) / session.embedding.scaling.scale
    assert transport_changes.shown_marker(session) == found.markers[int(scaled.argmax())]


def test_a_population_that_is_gone_no_longer_stands_out(session):
    session.choices.population = "gone"
    fill(session, "Transport")
    assert session.choices.population == NONE


def test_regions_are_called_so_and_what_their_shifts_are_worth(session_on):
    _page, text = fill(session_on("no populations"), "Transport")
    assert "Regions × markers" in text
    assert "Mass that a growing region takes from another counts as its shift." in text


def test_a_sample_whose_map_misses_much_is_warned_of_in_the_answer(session, monkeypatch):
    shares = np.full(len(session.embedding.samples), 0.05)
    shares[session.embedding.index(session.choices.b)] = 0.21
    monkeypatch.setattr(type(session.embedding), "residual_shares", shares)
    page, _text = fill(session, "Transport")
    answer = page.head.object.replace("\u00a0", " ")
    assert f"{session.choices.b}: The map misses 21 % of its variance (cohort median 5 %)." in answer
    assert "Use more reference points before reading the arrows." in answer


def test_exact_transport_is_told_once_asked_for_and_joins_the_script(session):
    _page, text = fill(session, "Transport")
    assert "exact transport costs" not in text
    assert "direct_transport" not in script_of(session)
    _compare(session)
    assert session.aside.job is not None
    finish(session)
    _page, text = fill(session, "Transport")
    assert direct_of(session).said() in text
    assert "direct_transport" in script_of(session)
    compile(script_of(session), "screen", "exec")
    session.choices.b = session.choices.a
    assert direct_of(session) is None


def test_stopped_exact_transport_is_said(session):
    session.aside._stopped.add(_where(session))
    assert "Exact transport was stopped." in fill(session, "Transport")[1]


@pytest.mark.parametrize(("arrows", "becomes"), list(product([GRID, POINTS], [TABLE, FLOW])))
def test_a_population_of_one_sample_only_is_drawn(session_on, arrows, becomes):
    session = session_on("patients", arrows=arrows, becomes=becomes)
    first = session.populations[0]
    labels = session.embedding.populations(session.choices.b)
    where = transport_cells.populations_of(session, session.choices.b)
    where[labels == first] = session.populations[1]  # as if the second sample had none of it
    session.choices.population = first
    page, _text = fill(session, "Transport")
    for picture in pictures(page):
        hv.render(picture)


def test_two_long_names_are_told_apart_in_their_legends(session_on):
    session = session_on("patients")
    with param.parameterized.discard_events(session.choices):
        session.choices.param.update(a="VALIGA_v2zzwa8f0a", b="VALIGA_v2zzwa8f0b")
    short = transport_changes._names(session)
    assert all(len(name) <= 14 for name in short)
    assert short[0] != short[1]


def test_values_without_a_transform_are_said_to_be_as_measured(session_on, monkeypatch):
    session, units = session_on("two markers"), []
    monkeypatch.setattr(type(session.embedding.transform), "describe", lambda _self: "none")
    monkeypatch.setattr(transport_changes, "shift_and_shape", lambda *_given, unit, **_chosen: units.append(unit))
    transport_changes._markers(session)
    assert units == ["as measured"]
