"""How often the whole answer of the Drugs page errs: the measured figures, in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lotviz.app.pages.drugs import STUDIES, WRONG_OF_100, errs_said

MEASURED = Path(__file__).resolve().parents[2] / "assets" / "benchmark" / "interaction.json"
DESIGNS = {"line": "8 lines x 3", "replicate": "1 line x 6"}


@pytest.mark.parametrize(("unit", "whole_clouds"), list(WRONG_OF_100))
def test_a_no_comes_with_how_often_it_is_wrong(unit, whole_clouds):
    design, wrong, besides = WRONG_OF_100[unit, whole_clouds]
    said = errs_said(unit, says_no=True, whole_clouds=whole_clouds)
    assert f"In {STUDIES} simulated studies of {design} whose drugs add up" in said
    assert f"an answer like this was wrong in {wrong} of 100 (asked: 5" in said
    assert besides in said


def test_another_answer_says_how_often_it_would_have_been_no():
    said = errs_said("line", says_no=False, whole_clouds=False)
    assert "the answer was “no” all the same" in said


@pytest.mark.parametrize(("unit", "whole_clouds"), list(WRONG_OF_100))
def test_the_figures_are_those_that_were_measured(unit, whole_clouds):
    rows = {row["design"]: row for row in json.loads(MEASURED.read_text())["additive"]}
    _design, wrong, besides = WRONG_OF_100[unit, whole_clouds]
    whole = ", whole clouds" if whole_clouds else ""
    assert rows[DESIGNS[unit] + whole]["studies"] == STUDIES
    assert float(wrong) == pytest.approx(100 * rows[DESIGNS[unit] + whole]["p_at_most_0.05"])
    if besides:
        assert float(besides.split()[0]) == pytest.approx(
            100 * rows[f"8 lines x 3, strong plates{whole}"]["p_at_most_0.05"]
        )
