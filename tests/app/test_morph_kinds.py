"""The Morph page where cells move kind by kind: the ends, the mixture, what is said, saved and printed as a script."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lotviz.app.choices import KINDS, LINES, MORPHS, SHADES
from lotviz.app.morph_message import samples_in
from lotviz.app.pages import morph_kinds, morph_numbers, morph_picture, morph_recipe
from lotviz.app.pages.morph_believable import check
from lotviz.app.pages.morph_picture import canvas_of, load
from lotviz.app.pages.morph_scene import travel
from lotviz.app.pages.morph_stops import CLASS, COLUMN, SEVERAL, Stop
from lotviz.app.pages.morph_strip import _frame
from lotviz.app.script import script_of
from tests.app.conftest import finish
from tests.app.test_pages import fill


def settled(session):
    """Lay the page out, wait for the work beside it, and return the text it then shows."""
    fill(session, "Morph")
    finish(session)
    return fill(session, "Morph")[1]


@pytest.mark.parametrize("morph", [MORPHS[0], SEVERAL])
def test_each_end_is_its_sample_cell_by_cell(session_on, morph):
    session = session_on("patients", morph=morph, manner=KINDS)
    found, embedding = morph_numbers.scene(session), session.embedding
    for stop, each in enumerate(found.stops):
        mass = found.mass_at(np.eye(len(found.stops))[stop])
        there = mass > 0
        cells = embedding.cells(each.samples[0])
        assert mass[there] == pytest.approx(1 / len(cells))
        columns = [found.column(stop, embedding, marker)[there] for marker in range(len(embedding.markers))]
        assert np.array_equal(np.column_stack(columns), cells)


def test_between_the_ends_populations_count_as_the_bars_say_and_none_is_on_the_way(session_on):
    session = session_on("patients", manner=KINDS, t=0.3)
    found = morph_numbers.scene(session)
    weights = np.array([0.7, 0.3])
    mass = found.mass_at(weights)
    assert mass.sum() == pytest.approx(1)
    assert np.bincount(found.codes[0], mass, minlength=len(found.populations)) == pytest.approx(weights @ found.shares)
    assert found.on_the_way(weights) == 0
    lines = morph_numbers.scene(session_on("patients", t=0.3))
    assert lines.on_the_way(weights) > 0
    assert found.shares == pytest.approx(lines.shares)
    assert found.spread == pytest.approx(lines.spread)


def test_the_cells_shown_are_those_that_are_saved_in_the_mean(session_on):
    session = session_on("patients", manner=KINDS, t=0.5)
    found, embedding = morph_numbers.scene(session), session.embedding
    weights = np.array([0.5, 0.5])
    made = morph_recipe.recipe(session)(4000)
    assert made.method == "cells moved with their kind"
    shown = [found.mass_at(weights) @ found.mixed(weights, embedding, m) for m in range(len(embedding.markers))]
    assert made.cells.mean(axis=0) == pytest.approx(np.array(shown), abs=0.1)


@pytest.mark.parametrize("shade", SHADES)
@pytest.mark.parametrize("morph", [MORPHS[0], SEVERAL])
def test_it_is_sent_in_every_colour(session_on, morph, shade):
    session = session_on("patients", morph=morph, manner=KINDS, shade=shade, insist=True)
    canvas = canvas_of(session, "channel")
    load(session, canvas)
    assert samples_in(canvas.cells) == len(canvas.labels)
    assert canvas.unit == "cells, by weight"
    assert np.frombuffer(canvas.cells, "<u4", 3)[2] & 32
    assert morph_picture.colour_legend(session)
    pictures = {_frame(session, place) for place in (0.0, 0.5, 1.0)} if morph != SEVERAL else set()
    assert morph == SEVERAL or len(pictures) == 3


def test_contributions_of_the_cells_of_a_sample_sum_to_its_score(session_on):
    session = session_on("patients", manner=KINDS, insist=True)
    found, embedding, model = morph_numbers.scene(session), session.embedding, session.model
    values = morph_picture._contributed(embedding, found, 0, model)
    mass = found.mass_at(np.array([1.0, 0.0]))
    name = found.stops[0].samples[0]
    own = model.score(embedding.maps[[embedding.index(name)]]) - model.score(model.training_mean[None])
    expected = morph_picture.contributions(model, embedding.plan(name), embedding.scaled_cells(name)).sum()
    assert mass @ values == pytest.approx(expected)
    assert model.abundance is not None or mass @ values == pytest.approx(float(own[0]))


def test_travel_is_how_far_a_cell_moves_and_less_than_in_lines(session_on):
    session = session_on("patients", manner=KINDS)
    kinds = travel(morph_numbers.scene(session), session.embedding)
    lines = morph_numbers.scene(session_on("patients"))
    assert np.median(kinds) < np.average(travel(lines, session.embedding), weights=lines.mass)


def test_of_large_samples_a_part_is_shown_and_said(session_on, monkeypatch):
    session = session_on("patients", manner=KINDS)
    monkeypatch.setattr(morph_kinds, "MOST_LED", 100)
    load(session, canvas := canvas_of(session, "channel"))
    found = morph_numbers.scene(session)
    assert (found.n, found.total, canvas.n_total) == (100, 240, 240)
    assert len(found.some(np.arange(7)).lead) == 7


def test_the_page_says_what_the_cells_are_and_how_they_move(session_on):
    session = session_on("patients", manner=KINDS, t=0.4)
    text = settled(session)
    assert "measured cells that move as their kind does, none between two populations" in text
    assert "All that moved are synthetic" in text
    assert "kinds grow and shrink, none becomes another" in text
    assert "some lie between two populations on the way" in settled(session_on("patients", manner=LINES))
    assert "itself: its own measured cells" in settled(session_on("patients", manner=KINDS, t=0.0))


@pytest.mark.parametrize(
    ("name", "morph", "options"),
    [
        ("patients", SEVERAL, {"mixed": "label"}),
        ("organoids", COLUMN, {"along": "condition", "t": 0.2}),
        ("patients", CLASS, {}),
    ],
)
def test_where_it_cannot_be_done_lines_are_mixed_and_it_is_said_why(session_on, name, morph, options):
    session = session_on(name, morph=morph, manner=KINDS, insist=True, page="Morph", **options)
    assert not morph_kinds.by_kind(session)
    text = settled(session)
    assert morph == CLASS or "Kind by kind is offered between single samples" in text
    assert "manner='kinds'" not in script_of(session)
    page, _text = fill(session, "Morph")
    assert not [piece for piece in page.drawer if getattr(piece, "label", "") == "Cells move"]


def test_steps_of_one_sample_each_can_be_gone_kind_by_kind(session_on, monkeypatch):
    session = session_on("patients", morph=COLUMN, along="age", manner=KINDS)
    assert not morph_kinds.by_kind(session)  # ranges of ages hold several patients each
    monkeypatch.setattr(morph_kinds, "stops_of", lambda _session: tuple(Stop(name, (name,)) for name in ("P1", "P2")))
    assert morph_kinds.by_kind(session)


def test_the_cells_are_checked_without_a_gap(session_on):
    session = session_on("patients", manner=KINDS, t=0.4)
    settled(session)
    check(session, begin=True)
    finish(session)
    known = check(session)
    assert known is not None and known.gap is None
    text = settled(session)
    assert "Where no cell was measured" in text
    assert "Round-trip gap" not in text


def test_the_script_makes_the_same_cells(session_on):
    session = session_on("patients", page="Morph", manner=KINDS, t=0.4, amount=60)
    settled(session)
    text = script_of(session)
    call = re.search(r"embedding\.interpolate\((.*)\)", text)
    assert "manner='kinds'" in call[1]
    made = eval(call[0], {"embedding": session.embedding})
    assert made.cells.tobytes() == morph_recipe.recipe(session)(60).cells.tobytes()
    assert "manner" not in script_of(session_on("patients", page="Morph", t=0.4))
