from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import lotviz
from lotviz.analysis import contributions
from lotviz.analysis.abundance import nearest_points
from lotviz.analysis.drawn_model import fit_drawn_model, question_about
from lotviz.analysis.model import fit_model
from lotviz.analysis.pulls import loudest, marker_pulls, region_pulls
from lotviz.analysis.region_names import LONGEST, renamed
from lotviz.analysis.regions import nearest_regions, regions


@pytest.fixture(scope="module")
def embedding():
    cohort = lotviz.simulate("patients", samples=12, cells=150, markers=5, seed=3)
    found = lotviz.embed(cohort, points=16, seed=0)
    pairs = [f"donor {number // 2}" for number in range(12)]
    found.samples["arm"] = ["before", "after"] * 6
    found.samples["donor"] = pairs
    found.samples["severity"] = np.linspace(0.0, 1.0, 12)
    return found


def test_a_plain_question_gives_the_plain_model(embedding):
    plain = fit_model(embedding, embedding.samples["label"], "case", groups=embedding.samples["patient"])
    drawn = fit_drawn_model(embedding, "label", positive="case", group="patient")
    assert drawn.classes == plain.classes
    assert (drawn.weights == plain.weights).all()
    assert (drawn.scores == plain.scores).all()


def test_donors_with_both_arms_are_paired_unless_told_otherwise(embedding):
    paired = question_about(embedding, "arm", group="donor").adjustment
    assert paired is not None
    assert np.allclose(paired @ np.repeat(np.arange(6.0), 2), 0.0)
    assert question_about(embedding, "arm", group="donor", paired=False).adjustment is None
    assert question_about(embedding, "label", group="patient").adjustment is None


def test_who_has_no_partner_is_not_learnt_from_in_pairs(embedding):
    donors = [*embedding.samples["donor"][:10], "alone", "too"]
    odd = replace(embedding, samples=embedding.samples.assign(donor=donors))
    assert question_about(odd, "arm", group="donor", paired=True).labels.tolist() == [1, 0] * 5 + [-1, -1]
    assert question_about(odd, "arm", group="donor").labels.tolist() == [1, 0] * 6


@pytest.mark.parametrize(
    ("label", "options"),
    [
        ("label", {"group": "patient"}),
        ("label", {"group": "patient", "adjust": ("age",)}),
        ("label", {"group": "patient", "adjust": ("age", "batch"), "estimator": "logistic"}),
        ("label", {"abundance": False, "estimator": "lda"}),
        ("arm", {"group": "donor"}),
        ("arm", {"group": "donor", "adjust": ("age",)}),
        ("severity", {"group": "donor"}),
    ],
)
def test_regions_markers_and_cells_add_up_to_the_score(embedding, label, options):
    model = fit_drawn_model(embedding, label, **options)
    found = regions(embedding)
    for row, name in enumerate(embedding.samples.index):
        cells = embedding.scaled_cells(name)
        per_cell = contributions(model, embedding.plan(name), cells)
        wanted = model.scores[row] - model.score_of_training_mean - model.adjustments[row]
        assert per_cell.sum() == pytest.approx(wanted, abs=1e-9)
        pulls = region_pulls(per_cell, nearest_regions(cells, found), len(found.names))
        assert pulls.sum() == pytest.approx(wanted, abs=1e-9)
        by_marker = marker_pulls(model, embedding.maps[row])
        abundance = contributions(model, embedding.plan(name), cells, part="abundance").sum()
        assert by_marker.sum() + abundance == pytest.approx(wanted, abs=1e-9)
        assert loudest(per_cell, 1.0)[1] == pytest.approx(wanted, abs=1e-9)
        for part in ("shift", "shape"):
            rest = contributions(model, embedding.plan(name), cells, part=part).sum()
            assert marker_pulls(model, embedding.maps[row], part=part).sum() == pytest.approx(rest, abs=1e-9)


def test_an_outcome_is_a_number_and_its_score_is_in_its_unit(embedding):
    model = fit_drawn_model(embedding, "severity")
    assert model.classes == ("less", "more")
    assert np.corrcoef(model.scores, embedding.samples["severity"])[0, 1] > 0.5


def test_a_number_may_be_asked_for_as_classes_and_a_column_of_few_numbers_as_a_number(embedding):
    odd = replace(embedding, samples=embedding.samples.assign(dose=[0, 1, 2] * 4))
    assert question_about(odd, "dose").values is None
    assert question_about(odd, "dose", outcome="continuous").values.tolist() == [0.0, 1.0, 2.0] * 4
    assert question_about(odd, "severity", outcome="classes").labels.max() == 11


def test_regions_keep_their_names_where_none_was_given(embedding):
    found = regions(embedding)
    assert renamed(found, {}).names == found.names
    assert renamed(found, {"1": "  ", "99": "nobody"}).names == found.names
    assert renamed(found, {"1": "killer   cells"}).names == ("killer cells", *found.names[1:])
    assert len(renamed(found, {"1": "x" * 99}).names[0]) == LONGEST


def test_no_two_regions_share_a_name(embedding):
    found = regions(embedding)
    same = renamed(found, {str(number): "T" for number in range(1, len(found.names) + 1)})
    assert len(set(same.names)) == len(found.names)
    assert renamed(found, {"2": found.names[0]}).names[1] == f"{found.names[0]} (2)"


def test_the_nearest_point_decides_the_region(embedding):
    found = regions(embedding)
    cells = embedding.scaled_cells(str(embedding.samples.index[0]))
    assert (nearest_regions(cells, found) == found.labels[nearest_points(cells, found.points)]).all()
