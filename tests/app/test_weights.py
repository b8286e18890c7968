from __future__ import annotations

import numpy as np
import pytest

from lotviz.analysis.regions import region_abundance_carried, region_carried
from lotviz.app.choices import GROUPS, NONE
from lotviz.app.pages import weights_cells, weights_drawer, weights_maps, weights_newcomer, weights_region
from lotviz.app.pages.weights_sample import _markers, _regions
from tests.app.conftest import finish
from tests.app.test_pages import fill


def everything(session):
    """Lay out the page, wait for the work beside it, and lay it out again."""
    fill(session, "Weights")
    finish(session)
    return fill(session, "Weights")


def test_what_is_carried_is_percent_of_the_gap(session):
    model, found = session.model, session.regions
    whole = region_carried(model, found).sum() + region_abundance_carried(model, found).sum()
    columns, figures, _held = weights_maps.table_of(session)
    assert columns[0] == weights_maps.HOW_MANY
    assert len(columns) == 1 + len(model.markers)
    assert figures.sum() == pytest.approx(100)
    assert figures[:, 0] == pytest.approx(100 * region_abundance_carried(model, found) / whole)


@pytest.mark.parametrize("cohort", ["patients", "measured label"])
def test_the_map_says_how_steady_it_is_once_that_is_known(session_on, cohort):
    session = session_on(cohort, insist=True)
    assert session.continuous == (cohort == "measured label")
    _page, text = fill(session, "Weights")
    assert "checking how steady the weights are" in text
    finish(session)
    _page, text = fill(session, "Weights")
    assert "pale: its sign may turn" in text
    columns, figures, held = weights_maps.table_of(session)
    assert held.shape == figures.shape == (len(session.regions.names), len(columns))
    assert held.min() >= 0.5


def test_stopped_work_beside_the_page_is_said(session_on):
    session = session_on("patients", insist=True)
    session.aside._stopped.add(weights_maps._place(session))
    assert "not known how steady: stopped" in fill(session, "Weights")[1]
    assert session.aside.job is None


@pytest.mark.parametrize("part", ["Full", "Shift", "Shape", "Abundance"])
def test_regions_and_markers_of_one_sample_add_up_to_its_score(session_on, part):
    session = session_on("patients", weight=part)
    total = weights_cells.cell_contributions(session, session.choices.a).sum()
    assert sum(pull for _name, pull, _note in _regions(session)) == pytest.approx(total)
    assert sum(pull for _name, pull, _note in _markers(session)) == pytest.approx(total)
    if part == "Full":
        assert total == pytest.approx(weights_cells.score_of_cells(session, session.choices.a))


def test_a_line_chooses_cells_of_the_sample_it_was_drawn_on(session):
    name, other = weights_cells.shown_samples(session)[:2]
    heard = []
    session.aside.told = heard.append
    session.choices.region = "1"
    points = weights_cells.places_of(session, name)
    (x0, y0), (x1, y1) = points.min(axis=0) - 1, points.max(axis=0) + 1
    line = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    weights_cells.select_cells(session, [name], name, line)
    assert heard == [{"selection"}]
    assert session.choices.region == NONE
    assert weights_cells.inside_of(session, name).all()
    assert weights_cells.inside_of(session, other) is None
    count = len(points)
    assert f"{count:,} of {count:,} cells (100.0 %) are chosen" in weights_cells._cells_said(session)
    weights_cells.select_cells(session, [name], name, line + 1000)
    assert session.selected is None


def test_the_cells_of_the_groups_are_pooled_and_their_region_is_told(session_on):
    session = session_on("patients", cells=GROUPS, region="1", insist=True)
    _page, text = everything(session)
    sides = weights_cells.pooled(session)
    assert sorted(name for side in sides for name in side.samples) == sorted(session.embedding.samples.index)
    assert all(len(side.per_cell) == sum(map(len, side.rows)) for side in sides)
    means = [np.mean([weights_cells.score_of_cells(session, name) for name in side.samples]) for side in sides]
    assert [side.pulls.sum() for side in sides] == pytest.approx(means)
    assert "add, on average: control" in text
    assert "960 of 960 cells" in text
    assert len(weights_region.region_curves(session).markers) == 5


def test_a_region_that_was_named_is_called_so_everywhere(session_on):
    session = session_on("no populations", insist=True, region="2")
    weights_drawer._rename(session, "  killer   cells ")
    assert session.choices.names == {"2": "killer cells"}
    assert session.populations[1] == session.regions.names[1] == "killer cells"
    assert "Markers of killer cells" in everything(session)[1]
    weights_drawer._rename(session, "")
    assert session.choices.names == {}
    assert session.regions.names == session.derived_regions.names


def test_a_question_with_pairs_or_covariates_meets_no_new_patient(session_on):
    session = session_on("patients")
    assert weights_newcomer.possible(session)
    session.choices.adjust = ["age"]
    assert not weights_newcomer.possible(session)
    assert session.classification is None  # another question than the one that was measured


def test_the_model_is_saved_as_one_file(session):
    assert weights_newcomer._file(session).getvalue()[:2] == b"PK"


def test_a_number_can_be_asked_for(session_on):
    session = session_on("twelve classes", label="age")
    assert session.continuous and session.groups() == []
    assert session.asked.classes == ("less", "more")
    assert "will be foretold" in fill(session, "Weights")[1]
