"""Do A and B add up: simulated organoids with known answers, closed forms on clouds that are shifted, refusals."""

from __future__ import annotations

import dataclasses
import json
import threading
import warnings

import numpy as np
import pytest

import lotviz
from lotviz.analysis import Interaction, departures, nearest_regions
from lotviz.analysis.regions import regions
from lotviz.cli.output import finite
from lotviz.data import CohortError
from lotviz.transport import Cancelled
from tests.analysis.conftest import cohort_of

FOUR = {"control": "control", "a": "A", "b": "B", "both": "A+B"}


@pytest.fixture(scope="module")
def additive():
    return lotviz.embed(lotviz.simulate("organoids", lines=6, replicates=2, cells=250, seed=3), points=32, seed=0)


@pytest.fixture(scope="module")
def planted():
    cohort = lotviz.simulate("organoids", lines=6, replicates=2, cells=250, seed=3, interaction=1.2)
    return lotviz.embed(cohort, points=32, seed=0)


@pytest.fixture(scope="module")
def found(planted):
    return lotviz.interaction(planted, **FOUR)


@pytest.fixture(scope="module")
def nothing(additive):
    return lotviz.interaction(additive, **FOUR)


def shifted(shifts, *, lines=3, replicates=2, seed=0):
    """One cloud a line, moved by what the condition says: LOT is exact for these."""
    rng = np.random.default_rng(seed)
    clouds, rows = [], {"line": [], "drug": [], "rep": []}
    for line in range(lines):
        cloud = rng.normal(size=(60, 2)) + np.array([3.0 * line, 0.0])
        for replicate in range(replicates):
            for drug, shift in shifts.items():
                clouds.append(cloud + shift)
                for name, value in zip(rows, (f"L{line}", drug, replicate), strict=True):
                    rows[name].append(value)
    return lotviz.embed(cohort_of(clouds, rows), points=12, seed=0, scale="none")


SHIFTS = {"control": (0.0, 0.0), "A": (1.0, 0.0), "B": (0.0, 2.0), "A+B": (1.5, 2.0)}


def test_shifts_have_the_interaction_that_arithmetic_gives():
    made = lotviz.interaction(shifted(SHIFTS), **FOUR)
    assert made.statistic == pytest.approx(0.25, abs=1e-6)
    assert made.additive_gap == pytest.approx(0.5 / np.sqrt(5), abs=1e-6)
    assert made.direction.along == pytest.approx(0.1, abs=1e-6)  # <(0.5, 0), (1, 2)> / 5
    row = made.by_marker.set_index("marker").loc["m0"]
    assert (row["excess"], row["additive"], row["observed"]) == (
        pytest.approx(0.5, abs=1e-6), pytest.approx(1.0, abs=1e-6), pytest.approx(1.5, abs=1e-6),
    )  # fmt: skip
    np.testing.assert_allclose(made.profiles.excess, np.tile([0.5, 0.0], (12, 1)), atol=1e-6)
    assert made.profiles.round_trip_gap == pytest.approx(0.0, abs=1e-6)


def test_the_barycenter_is_far_from_both_where_drugs_add_up_exactly():
    exact = lotviz.interaction(shifted({**SHIFTS, "A+B": (1.0, 2.0)}), **FOUR)
    assert exact.statistic == pytest.approx(0.0, abs=1e-9)
    assert exact.barycenter.distance == pytest.approx(np.sqrt(5) / 2)
    assert exact.barycenter.under_additivity == pytest.approx(exact.barycenter.distance)


def test_drugs_that_add_up_look_so(nothing):
    assert nothing.p > 0.05
    assert nothing.low <= 0.0 <= nothing.high
    assert nothing.direction.words == "not shown"
    assert (nothing.table["adjusted_p"] > 0.05).all()


def test_a_planted_interaction_is_found_with_its_region_its_marker_and_its_direction(found, planted):
    assert (found.unit, found.n_units) == ("line", 6)
    assert found.p <= 0.05
    assert found.low > 0.0
    assert found.direction.words == "less than additive"
    top = found.table.iloc[0]
    assert (top["marker"], top["words"]) == ("pERK", "less than additive")
    assert top["adjusted_p"] <= 0.05
    assert top["low"] <= 1.25 <= top["high"] + 0.4  # the region holds other cells too, and dim ones count as zeros
    assert found.by_marker["marker"][0] == "pERK"
    assert found.by_region["region"][0] == top["region"]
    name = planted.samples.index[planted.samples["condition"] == "A+B"][0]
    stem = planted.populations(name) == "Stem"
    inside = nearest_regions(planted.scaled_cells(name)[stem], found.regions)
    assert (inside == found.regions.names.index(top["region"])).mean() > 0.5


def test_what_goes_further_than_both_drugs_is_more_than_additive():
    cohort = lotviz.simulate("organoids", lines=6, replicates=2, cells=250, effect=0.6, interaction=-0.8, seed=1)
    made = lotviz.interaction(lotviz.embed(cohort, points=32, seed=0), **FOUR)
    assert made.table.iloc[0][["marker", "words"]].tolist() == ["pERK", "more than additive"]
    assert made.direction.along > 0.0


def test_parts_add_up_to_the_statistic(found, nothing):
    for one in (found, nothing):
        assert one.by_marker["carried"].sum() == pytest.approx(one.statistic)
        assert one.by_region["carried"].sum() == pytest.approx(one.statistic)
        assert one.by_region["mass"].sum() == pytest.approx(1.0)
        assert one.per_unit["statistic"].mean() == pytest.approx(one.statistic)
        for table in (one.table, one.by_marker):
            np.testing.assert_allclose(table["observed"] - table["additive"], table["excess"], atol=1e-12)


def test_predicted_and_observed_profiles_are_those_of_the_maps(planted):
    found = lotviz.interaction(planted, **FOUR, whole_clouds=True)
    maps, samples = planted.maps, planted.samples
    means = {c: maps[(samples["condition"] == c).to_numpy()].mean(axis=0) for c in ("control", "A", "B", "A+B")}
    np.testing.assert_allclose(found.profiles.predicted, means["A"] + means["B"] - means["control"], atol=1e-9)
    np.testing.assert_allclose(found.profiles.observed, means["A+B"], atol=1e-9)
    assert (found.maps.names, found.abundance) == ((), None)
    share = found.composition
    assert share["predicted"].sum() == pytest.approx(1.0)
    assert share["observed"].sum() == pytest.approx(1.0)
    assert (share["predicted"] > 0).all()


def test_a_changed_share_is_found_in_the_composition():
    sizes = {"lines": 6, "replicates": 3, "cells": 400, "seed": 2}
    cohort = lotviz.simulate("organoids", abundance_interaction=-1.2, **sizes)
    made = lotviz.interaction(lotviz.embed(cohort, points=32, seed=0), **FOUR)
    top = made.composition.loc[made.composition["log_ratio"].idxmin()]
    assert top["adjusted_p"] <= 0.05
    assert "CK20+" in top["region"]  # of enterocytes
    assert top["observed"] < top["predicted"]
    bliss = made.share(top["region"]).table.loc["bliss"]
    assert bliss["low"] > 0.0  # less of them is left than independence predicts: together the drugs do more
    populations = made.abundance.set_index("region")
    assert populations["adjusted_p"].idxmin() == "Enterocyte"
    assert made.abundance_p <= 0.05
    assert -1.2 < populations.loc["Enterocyte", "log_ratio"] < -0.8  # the log share moves less than the log odds
    assert made.p > 0.05  # what the cells are did not change


@pytest.mark.parametrize("whole_clouds", [True, False])
def test_departures_of_cells_average_to_that_of_their_sample(planted, whole_clouds):
    found = lotviz.interaction(planted, **FOUR, whole_clouds=whole_clouds)
    study, maps = found.study, found.maps
    samples = [name for name in planted.samples.index if study.block_of(name) is not None]
    assert len(samples) == 12
    for name in samples[:4]:
        block = study.block_of(name)
        departed = maps.maps[study.samples.index(name)] - np.tensordot(study.predicted[block], maps.maps, axes=1)
        for marker in ("pERK", "CD44"):
            column = planted.markers.index(marker)
            expected = (maps.masses @ departed)[column] * planted.scaling.scale[column]
            cells = departures(planted, found, name, marker=marker)
            assert mean_of(planted, found, name, cells) == pytest.approx(expected, abs=1e-9)
    along = np.mean([departures(planted, found, name).mean() for name in samples])
    assert along > 0.0
    stem = planted.populations(samples[0]) == "Stem"
    cells = departures(planted, found, samples[0], marker="pERK")
    assert cells[stem].mean() > cells[~stem].mean() + 0.4


def mean_of(embedding, found, name, cells):
    """Mean over cells as the reference is composed; the plain one where whole clouds were coupled."""
    maps = found.maps
    if not maps.names:
        return cells.mean()
    groups = np.array([maps.group_of[label] for label in embedding.populations(name)])
    shares = np.bincount(maps.groups, weights=maps.masses)
    return sum(share * cells[groups == group].mean() for group, share in enumerate(shares))


def test_mean_departures_along_the_direction_are_products_with_the_other_lines(found, planted):
    vectors = np.sqrt(found.maps.masses)[:, None] * np.tensordot(found.study.excess, found.maps.maps, axes=1)
    vectors = vectors.reshape(len(vectors), -1)
    name = planted.samples.index[planted.samples["condition"] == "A+B"][0]
    block = found.study.block_of(name)
    others = vectors[found.study.line_of != found.study.line_of[block]].mean(axis=0)
    expected = vectors[block] @ others / np.linalg.norm(others)
    assert mean_of(planted, found, name, departures(planted, found, name)) == pytest.approx(expected, abs=1e-9)


def test_readouts_are_the_textbook_ones(found, planted):
    region = found.regions.names[0]
    one = found.share(region)
    shares = found.readouts.shares[:, 0]
    four = found.study.weights @ shares
    control, a, b, both = (found.study.by_line(values) for values in four)
    expected = {
        "additive": both - a - b + control,
        "bliss": (1 - both / control) - (1 - a / control * b / control),
    }
    for model, values in expected.items():
        if not one.table.loc[model, "reason"]:
            assert one.table.loc[model, "excess"] == pytest.approx(values.mean())
    assert one.levels["control"] == pytest.approx(control.mean())
    assert "Positive" in one.table.loc["bliss", "sign"]
    median = found.median("pERK", region=found.table.iloc[0]["region"])
    assert median.table.loc["additive", "low"] > 0.3
    assert "no fraction" in median.table.loc["bliss", "reason"]
    assert np.isnan(median.table.loc["bliss", "excess"])
    assert median.table.loc["highest single agent", "high"] < -0.5  # A dims it alone, A+B no more


def test_bliss_is_refused_where_a_drug_makes_more_of_it():
    rng = np.random.default_rng(0)
    low, high = rng.normal(size=(100, 1)) - 5, rng.normal(size=(100, 1)) + 5
    clouds, drugs = [], []
    for _ in range(6):
        for drug, count in {"C": 20, "A": 80, "B": 20, "AB": 80}.items():
            clouds.append(np.concatenate([low[: 100 - count], high[:count]]))
            drugs.append(drug)
    embedding = lotviz.embed(cohort_of(clouds, {"drug": drugs}), points=8, seed=0)
    made = lotviz.interaction(embedding, control="C", a="A", b="B", both="AB", regions=regions(embedding, 2))
    reasons = [made.share(name).table.loc["bliss", "reason"] for name in made.regions.names]
    assert sum(reason.startswith("A raises it to 4.00 of the control") for reason in reasons) == 1
    assert sorted(reasons)[0] == ""


def test_one_line_speaks_of_its_replicates_only():
    cohort = lotviz.simulate("organoids", lines=1, replicates=6, cells=200, seed=1)
    made = lotviz.interaction(lotviz.embed(cohort, points=16, seed=0), **FOUR)
    assert (made.unit, made.n_units, made.by, made.within_lines) == ("replicate", 6, None, None)
    assert any(sentence.startswith("One line") for sentence in made.warnings)


def test_few_lines_say_how_little_they_can_say():
    cohort = lotviz.simulate("organoids", lines=3, replicates=3, cells=200, interaction=1.2, seed=1)
    made = lotviz.interaction(lotviz.embed(cohort, points=16, seed=0), **FOUR)
    assert (made.unit, made.crossed.smallest_p) == ("line", 0.25)
    assert made.p >= 0.25
    assert made.within_lines.smallest_p == 1 / 64
    assert made.tested_over.unit == "replicate"
    assert any(sentence.startswith("3 lines cannot give a p below 0.25") for sentence in made.warnings)
    assert any("by region and marker one is, corrected for all: pERK" in sentence for sentence in made.warnings)


def test_the_same_question_has_the_same_answer_and_regions_may_be_given(planted, found):
    again = lotviz.interaction(planted, **FOUR, column="condition", by="line", replicate="replicate", plate="plate")
    assert json.dumps(finite(again.to_json())) == json.dumps(finite(found.to_json()))
    three = lotviz.interaction(planted, **FOUR, regions=regions(planted, 3))
    assert len(three.by_region) == 3
    assert three.statistic == pytest.approx(found.statistic)


def test_the_record_holds_everything_as_json(found, planted):
    record = json.loads(json.dumps(finite(found.to_record()), allow_nan=False))
    asked = {"statistic", "low", "high", "p", "unit", "additive_gap", "by_marker", "by_region", "sign", "warnings"}
    assert asked <= set(record)
    assert next(iter(record["by_marker"])) == "pERK"
    region = next(iter(record["by_region"].values()))
    assert {"carried", "size", "p", "adjusted_p", "abundance", "markers"} <= set(region)
    assert set(region["markers"]) == set(planted.markers)
    assert set(record["sample_hashes"]) == set(planted.samples.index)
    assert record["versions"]["lotviz"] == lotviz.__version__
    assert record["parameters"]["by"] == "line"
    assert record["barycenter"]["note"] == "not a test of additivity"


def test_it_is_frozen_and_stops_when_asked(planted, found):
    assert isinstance(found, Interaction)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.level = 0.5
    stop, said = threading.Event(), []

    def listen(done, total, message):
        said.append((done, total, message))
        stop.set()

    with pytest.raises(Cancelled):
        lotviz.interaction(planted, **FOUR, progress=listen, cancel=stop)
    assert said == [(0, 144, "Reading L1_control_r1")]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"both": "AB"}, "Expected AB among the values, found control, A, B, A\\+B. Did you mean A\\+B"),
        ({"a": "B"}, "four different conditions"),
        ({"by": "patient"}, "Expected a column patient"),
        ({"level": 1.0}, "Expected a level from 0.5 to below 1"),
    ],
)
def test_what_cannot_be_asked_is_refused(planted, asked, message):
    with pytest.raises(CohortError, match=message):
        lotviz.interaction(planted, **{**FOUR, **asked})


def test_names_that_are_not_there_are_refused(planted, found):
    with pytest.raises(CohortError, match=r"Expected a marker of the study, found perk\. Did you mean pERK"):
        found.median("perk")
    with pytest.raises(CohortError, match="Expected a region of the study, found moon"):
        found.share("moon")
    with pytest.raises(CohortError, match=r"Expected a sample under A\+B, found L1_A_r1\. Did you mean"):
        departures(planted, found, "L1_A_r1")
    with pytest.raises(CohortError, match="Expected a marker of the embedding, found perk"):
        departures(planted, found, "L1_AB_r1", marker="perk")


def test_regions_of_another_embedding_are_refused(planted, additive):
    other = lotviz.embed(lotviz.simulate("organoids", lines=6, replicates=2, cells=250, seed=4), points=32, seed=0)
    with pytest.raises(CohortError, match="Expected regions of this embedding's reference, found those of another"):
        lotviz.interaction(planted, **FOUR, regions=regions(other))


def test_wells_that_are_all_alike_depart_from_nothing():
    alike = shifted(dict.fromkeys(SHIFTS, (0.0, 0.0)), replicates=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = lotviz.interaction(alike, **FOUR)
    sample = next(name for name in alike.samples.index if alike.samples.loc[name, "drug"] == "A+B")
    assert np.abs(departures(alike, found, sample)).max() < 1e-6
