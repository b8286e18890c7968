"""How often the whole answer of the Drugs page errs, said beside it."""

from __future__ import annotations

import pytest

from lotviz.app.pages.drugs import WRONG_OF_100, errs_said


@pytest.mark.parametrize("unit", ["line", "replicate"])
def test_how_often_an_answer_errs_is_said_with_the_design_it_was_simulated_on(unit):
    studies, design, wrong, _besides = WRONG_OF_100[unit]
    said = errs_said(unit, says_no=True)
    assert f"In {studies} simulated studies {design} whose drugs add up, an answer like this was wrong" in said
    assert f"in {wrong} of 100 (asked: 5" in said
    assert said.endswith(").")


def test_an_answer_that_is_no_no_does_not_call_itself_wrong():
    said = errs_said("line", says_no=False)
    assert "like this" not in said
    assert "the answer was “no” all the same" in said
