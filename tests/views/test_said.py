from __future__ import annotations

import numpy as np
import pytest

from lotviz.views import said

ODD = ["<img src=x onerror=alert(1)>", "%s {x} $y$", "患者 🧬"]
SHARES = np.array([0.0, 1.0])


def every_sentence(names, value):
    """Return each sentence for rows of these names, all of one value."""
    k = len(names)
    square = np.full((k, k), value)
    pair = (names[0], names[-1])
    return {
        "forest": said.forest_said([(name, value, value, value, False) for name in names], chance=0.5),
        "differences": said.differences_said([(name, value, value, value) for name in names], unit="points"),
        "confusion": said.confusion_said(names, square),
        "roc": said.roc_said([(name, SHARES, SHARES, (value, value, value)) for name in names]),
        "calibration": said.calibration_said(np.full(k, value), np.full((k, 2), value)),
        "stability": said.stability_said(names, names, square, stability=np.abs(square)),
        "unmeasured": said.stability_said(names, names, square),
        "pull": said.pull_said(names[0], value, classes=pair, whole=abs(value)),
        "shifts": said.shifts_said(names[0], names, np.full(k, value), groups=pair, unit="arcsinh"),
        "selection": said.selection_said(int(value), 10, pull=value, score=value, classes=pair),
        "influence": said.influence_said(names, np.full(k, value), whole=value),
        "recovery": said.recovery_said([(name, SHARES, np.full((2, 3), value), True) for name in names], what="cells"),
    }


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("names", [["only"], ODD])
def test_each_is_one_sentence_whatever_it_is_about(names, value):
    for sentence in every_sentence(names, value).values():
        assert sentence.endswith(".")
        assert "nan" not in sentence
        assert "-" not in sentence, "a minus is a minus"
        assert "\n" not in sentence


def test_what_is_not_established_is_said_to_be_so():
    row = ("Means", 8, -1, 17)
    assert "not established" in said.differences_said([row], unit="points")
    assert "not established" not in said.differences_said([("Means", 8, 1, 17)], unit="points")


def test_a_pull_names_the_class_of_its_sign():
    classes = ("control", "case")
    assert said.pull_said("T", -0.3, classes=classes, whole=0.6) == (
        "Cells of T pull to control by 0.30 in all, 50 % of the pull of all regions."
    )
    assert said.selection_said(0, 10, pull=0.0, score=1.0, classes=classes).startswith("No cells are chosen")


def test_no_mistakes_are_not_the_most_frequent_one():
    assert said.confusion_said(["a", "b"], np.diag([3, 4])) == "7 of 7 samples are named right."


def test_the_group_with_the_most_influence_may_push_either_way():
    sentence = said.influence_said(["up", "down"], np.array([0.95, 0.75]), whole=0.8)
    assert sentence.startswith("Without up the score is 0.95 instead of 0.80")
