"""Roles of columns by the names people give them, in English and German."""

from __future__ import annotations

import numpy as np
import pytest

from lotviz.data import CohortError, resolve_role
from lotviz.data.roles import role_candidates


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("label", "Diagnose"),
        ("label", "Gruppe"),
        ("label", "CONDITION"),
        ("group", "Patient ID"),
        ("group", "Patienten-Nr."),
        ("group", "donor_id"),
        ("batch", "Messdatum"),
        ("batch", "Barcode set"),
    ],
)
def test_a_role_is_known_by_its_usual_names(made, role, name):
    cohort = made({"a": np.ones((2, 1)), "b": np.ones((2, 1))}, **{name: ["x", "y"], "Alter": [1, 2]})
    assert resolve_role(cohort, role) == (
        name,
        f"There is no column {role}: the column {name} is used as {role}.",
    )


def test_candidates_are_listed_when_two_may_be_meant(made):
    cohort = made({"a": np.ones((2, 1))}, Gruppe=["p"], Diagnose=["q"], Alter=[3])
    with pytest.raises(CohortError, match="Expected a column label, found Gruppe, Diagnose, which may all be meant"):
        resolve_role(cohort, "label")


def test_the_role_itself_in_any_spelling_wins():
    assert role_candidates("label", ["Diagnose", "LABEL "]) == ["LABEL "]
