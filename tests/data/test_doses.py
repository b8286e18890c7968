from __future__ import annotations

import numpy as np
import pytest

from lotviz.data.doses import simulate_doses


def shares(cohort, sample):
    names, counts = np.unique(cohort.populations(sample), return_counts=True)
    return dict(zip(names, counts / counts.sum(), strict=True))


def test_markers_move_and_populations_grow_in_proportion_to_the_dose():
    cohort = simulate_doses(lines=1, doses=(0, 0.5, 1), replicates=1, cells=20_000, batch=0, noise=0, seed=1)
    cells = {dose: cohort.cells(f"L1_dose{dose}_r1") for dose in ("0", "0.5", "1")}
    kinds = {dose: cohort.populations(f"L1_dose{dose}_r1") for dose in cells}
    marker = cohort.markers.index("cCaspase-3")
    means = [cells[dose][kinds[dose] == "Enterocyte", marker].mean() for dose in cells]
    assert means[2] - means[0] > 1.0
    assert means[1] == pytest.approx((means[0] + means[2]) / 2, abs=0.3)
    found = {dose: shares(cohort, f"L1_dose{dose}_r1") for dose in cells}
    odds = [np.log(found[dose]["Dying"] / found[dose]["Paneth"]) for dose in cells]
    assert odds[2] - odds[0] == pytest.approx(0.8, abs=0.15)
    assert odds[1] - odds[0] == pytest.approx(0.4, abs=0.15)


def test_nothing_planted_changes_nothing_but_chance():
    cohort = simulate_doses(lines=1, replicates=1, cells=5000, effect=0, abundance=0, batch=0, noise=0)
    means = np.array([cohort.cells(name).mean(axis=0) for name in cohort.samples.index])
    assert np.ptp(means, axis=0).max() < 0.12


def test_the_table_crosses_lines_doses_and_replicates_and_is_seeded():
    cohort = simulate_doses(lines=2, doses=(0, 1), replicates=3, cells=30, markers=5, seed=4)
    assert cohort.samples.groupby(["line", "dose"])["replicate"].nunique().tolist() == [3] * 4
    assert cohort.samples["plate"].nunique() == 3
    assert (cohort.n_markers, cohort.synthetic, cohort.truth["design"]) == (5, True, "doses")
    again = simulate_doses(lines=2, doses=(0, 1), replicates=3, cells=30, markers=5, seed=4)
    assert cohort.cells("L2_dose1_r3").tobytes() == again.cells("L2_dose1_r3").tobytes()


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"lines": 0}, "lines from 1 to 1000, found 0"),
        ({"doses": ()}, "doses from 1 to 1000, found 0"),
        ({"doses": (0.0, 0.0)}, r"different doses that are numbers, found \[0.0, 0.0\]"),
        ({"doses": (0.0, float("nan"))}, "different doses that are numbers"),
        ({"markers": 40}, "markers from 2 to 26, found 40"),
        ({"batch": -1}, "batch and noise of 0 or more"),
    ],
)
def test_what_cannot_be_simulated_is_refused(choices, words):
    with pytest.raises(ValueError, match=words):
        simulate_doses(**{"cells": 10, **choices})
