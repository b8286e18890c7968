"""Which wells are compared with which: by hand for every way a plate may be laid out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lotviz.analysis.interaction_columns import columns_of
from lotviz.analysis.interaction_design import ONE_LINE, study_of, wells_of
from lotviz.data import CohortError

FOUR = ("C", "A", "B", "AB")


def table(rows, *columns):
    return pd.DataFrame(rows, columns=list(columns), index=[f"w{k}" for k in range(len(rows))])


def study(frame, **named):
    asked = {"column": None, "by": None, "replicate": None, "plate": None, **named}
    columns = columns_of(frame, FOUR, **asked)
    return study_of(wells_of(frame, columns), columns), columns


def crossed_table(lines=2, replicates=3):
    rows = [(f"L{line}", drug, r, f"p{r}") for line in range(lines) for r in range(replicates) for drug in FOUR]
    return table(rows, "line", "treatment", "replicate", "plate")


def test_columns_are_found_by_what_they_hold_and_are_called():
    made, columns = study(crossed_table())
    assert (columns.condition, columns.by, columns.replicate, columns.plate) == (
        "treatment", "line", "replicate", "plate",
    )  # fmt: skip
    assert columns.notes[0] == "The column treatment holds the conditions."
    assert len(columns.notes) == 4
    assert (made.matched_by, made.lines, made.warnings) == ("replicate", ("L0", "L1"), ())
    assert made.names[:2] == ("L0, 0", "L0, 1")


def test_each_block_is_one_well_of_each_condition():
    made, _ = study(crossed_table())
    assert made.excess.shape == (6, 24)
    np.testing.assert_array_equal(made.excess[0], np.r_[1, -1, -1, 1, np.zeros(20)])
    np.testing.assert_array_equal(made.additive[1], np.r_[np.zeros(4), -2, 1, 1, 0, np.zeros(16)])
    np.testing.assert_array_equal(made.line_of, [0, 0, 0, 1, 1, 1])
    np.testing.assert_allclose(made.weights.sum(axis=2), 1.0)


def test_additive_wells_have_no_excess_whatever_lines_and_plates_do():
    frame = crossed_table()
    rng = np.random.default_rng(0)
    effects = {"C": 0.0, "A": 1.5, "B": -2.0, "AB": -0.5}
    lines, plates = (dict(zip(frame[name].unique(), rng.normal(size=9), strict=False)) for name in ("line", "plate"))
    values = frame["line"].map(lines) + frame["plate"].map(plates) + frame["treatment"].map(effects)
    made, _ = study(frame)
    np.testing.assert_allclose(made.excess @ values.to_numpy(), 0.0, atol=1e-12)
    np.testing.assert_allclose(made.additive @ values.to_numpy(), -0.5)


def test_wells_of_one_block_are_averaged():
    rows = [(drug, r) for r in (1, 2) for drug in (*FOUR, "C", "A")]
    made, _ = study(table(rows, "drug", "replicate"))
    assert sorted(made.excess[0][made.excess[0] != 0]) == [-1.0, -0.5, -0.5, 0.5, 0.5, 1.0]
    assert made.lines == (ONE_LINE,)


def test_without_a_replicate_column_no_well_is_used_twice():
    rows = [(drug,) for drug, count in zip(FOUR, (6, 3, 3, 4), strict=True) for _ in range(count)]
    made, _ = study(table(rows, "drug"))
    assert len(made.names) == 3
    assert made.matched_by == ""
    used = (np.abs(made.weights).sum(axis=0) > 0).sum(axis=0)
    np.testing.assert_array_equal(used, 1)
    np.testing.assert_allclose(made.weights.sum(axis=2), 1.0)


def test_wells_of_a_plate_are_matched_where_each_plate_holds_all_four():
    rows = [(drug, plate) for plate in ("p1", "p2") for drug in FOUR for _ in range(2)]
    made, _ = study(table(rows, "drug", "plate"))
    assert made.matched_by == "plate"
    assert made.names == ("p1, wells 1", "p1, wells 2", "p2, wells 1", "p2, wells 2")
    assert made.warnings == ()


def test_a_drug_on_another_plate_is_taken_there_by_the_controls():
    plates = {"A": "pa", "B": "pb", "AB": "pab"}
    rows = [(drug, plate) for drug, plate in plates.items() for _ in range(2)]
    rows += [("C", plate) for plate in plates.values() for _ in range(2)]
    frame = table(rows, "drug", "plate")
    made, _ = study(frame)
    values = frame["plate"].map({"pa": 10.0, "pb": 20.0, "pab": 40.0}) + frame["drug"].map(
        {"C": 0.0, "A": 1.0, "B": 2.0, "AB": 3.5}
    )
    np.testing.assert_allclose(made.excess @ values.to_numpy(), 0.5)  # 3.5 - 1 - 2, no plate in it
    np.testing.assert_allclose(made.predicted @ values.to_numpy(), 43.0)  # on the plate of A+B
    assert len(made.names) == 2
    assert "different plates" in made.warnings[0]


def test_plates_without_a_control_are_named():
    rows = [("C", "p1"), ("A", "p1"), ("B", "p1"), ("AB", "p2")] * 2
    made, _ = study(table(rows, "drug", "plate"))
    assert any(sentence.startswith("p2 holds no control") for sentence in made.warnings)


def test_one_control_is_never_shared_by_two_blocks_of_a_plate():
    rows = [("C", "p1"), ("C", "p2")] + [(drug, plate) for plate in ("p1", "p2") for drug in ("A", "B") for _ in "12"]
    rows += [("AB", "p1"), ("AB", "p2")]
    made, _ = study(table(rows, "drug", "plate"))
    used = (np.abs(made.weights).sum(axis=0) > 0).sum(axis=0)
    assert used.max() == 1


def test_lines_and_replicates_that_lack_a_condition_are_left_out_and_named():
    frame = crossed_table(lines=3)
    frame = frame.drop(index=frame.index[(frame["line"] == "L2") & (frame["treatment"] == "B")])
    frame = frame.drop(index=frame.index[(frame["line"] == "L1") & (frame["treatment"] == "A")][:1])
    made, _ = study(frame, replicate="replicate")
    assert made.lines == ("L0", "L1")
    assert len(made.names) == 5
    assert "L2 of line lack one of the four conditions and are left out." in made.warnings
    assert any("L1: replicate 0 lacks" in sentence for sentence in made.warnings)


def test_a_replicate_column_that_does_not_match_is_not_used_by_itself():
    frame = crossed_table(lines=1)
    frame["replicate"] = range(len(frame))
    made, columns = study(frame)
    assert (columns.replicate, made.matched_by) == (None, "plate")


def test_a_line_of_one_well_a_kind_is_enough_where_there_are_several():
    made, _ = study(crossed_table(lines=4, replicates=1).drop(columns=["replicate", "plate"]))
    assert len(made.names) == len(made.lines) == 4


@pytest.mark.parametrize(
    ("change", "named", "message"),
    [
        ({}, {"column": "drugs"}, "Expected a column drugs, found line, treatment, replicate, plate"),
        ({}, {"column": "line"}, "Expected C, A, B, AB among the values, found L0, L1"),
        ({}, {"by": "cell_line"}, "Expected a column cell_line"),
        ({}, {"by": "replicate", "replicate": "replicate"}, "Expected four different columns"),
        ({"treatment": ["C", "A", "B", "x"] * 6}, {}, "Expected AB among the values, found C, A, B, x"),
        ({"treatment": ["x"] * 24}, {}, "found none of them in line, treatment"),
        ({"again": ["C", "A", "B", "AB"] * 6}, {}, "Expected one column with C, A, B, AB, found treatment, again"),
        ({"line": [None] + ["L0"] * 23}, {"by": "line"}, "Expected a value in column line .* found none for w0"),
        ({"plate": [np.nan] + ["p"] * 23}, {"plate": "plate"}, "Expected a value in column plate"),
        ({"line": [f"L{k % 4}" for k in range(24)]}, {"by": "line"}, "found none that has all four"),
    ],
)
def test_what_cannot_be_asked_is_refused(change, named, message):
    with pytest.raises(CohortError, match=message):
        study(crossed_table().assign(**change), **named)


def test_one_well_of_a_kind_is_refused():
    with pytest.raises(CohortError, match=r"found one \(1 of C, 1 of A, 1 of B, 1 of AB\). Add replicates"):
        study(crossed_table(lines=1, replicates=1))


@pytest.mark.parametrize(
    ("four", "message"),
    [(("C", "A", "A", "AB"), "four different conditions"), (("C", None, "B", "AB"), "found none for a")],
)
def test_four_conditions_are_four(four, message):
    with pytest.raises(CohortError, match=message):
        columns_of(crossed_table(), four, column=None, by=None, replicate=None, plate=None)


def test_numbers_and_blanks_are_read_as_their_text():
    frame = table([(drug, r) for r in (1, 2) for drug in (0.0, 1.0, 2.0, 3.0, np.nan)], "dose", "rep")
    columns = columns_of(frame, (0, 1, "2", 3), column="dose", by=None, replicate="rep", plate=None)
    made = study_of(wells_of(frame, columns), columns)
    assert len(made.samples) == 8
