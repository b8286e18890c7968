from __future__ import annotations

from dataclasses import replace

from lotviz.transport.validity import Validity
from lotviz.views.said_of_predicted import predicted_said

ONE = Validity(0.1, 0.2, 2.0, 0.04, 0.8, "CD4", 100, 100, 6, 6, far_below=0.1)


def test_the_median_and_the_worst_of_all_replicates_are_said_with_its_name():
    checked = {"L1, 1": ONE, "L1, 2": replace(ONE, outside=0.2), "L2, 1": replace(ONE, outside=0.06, far_below=0.3)}
    said = predicted_said(checked, of=3)
    assert said.startswith("Median of all 3 replicates (and the worst): 6.0 % (20.0 % in L1, 2) lie where no cell")
    assert "10.0 % (30.0 % in L2, 1) have a value below all measured ones by over a quarter of the marker's" in said
    assert "80.0 % (80.0 % in L1, 1) by any little: what was not detected is the smallest" in said
    assert "returns" not in said


def test_that_a_part_was_looked_at_is_said():
    assert predicted_said({"a": ONE, "b": ONE}, of=40).startswith("Median of 2 of 40 replicates (and the worst): ")


def test_without_values_below_no_reason_is_given():
    fine = replace(ONE, impossible=0.0, far_below=0.0)
    assert "below" not in predicted_said({"a": fine, "b": fine}, of=2)
    few = replace(ONE, impossible=0.02, far_below=0.0)
    assert "2.0 % (2.0 % in a) have a value below all measured ones." in predicted_said({"a": few, "b": few}, of=2)
    anything = replace(ONE, impossible=None, far_below=None)
    assert "below" not in predicted_said({"a": anything}, of=1)


def test_maps_that_do_not_return_are_counted():
    astray = replace(ONE, gap=0.9)
    said = predicted_said({"L1, 1": ONE, "L1, 2": astray}, of=2)
    assert said.endswith("the map no longer returns to itself in 1 of 2, such as L1, 2.")
