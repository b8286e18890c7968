from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lotviz.analysis.drug_conditions import condition_columns, find_conditions, guess_conditions
from lotviz.analysis.drug_views import (
    _shift_with,
    departures_by_line,
    drug_verdict,
    expected_levels,
    not_excluded,
    region_homes,
    smallest_found,
    wells_under,
)
from lotviz.analysis.interaction import interaction
from lotviz.analysis.regions import nearest_regions
from lotviz.data import CohortError, simulate
from lotviz.transport import embed

FOUR = {"control": "control", "a": "A", "b": "B", "both": "A+B"}


def asked(**options):
    embedding = embed(simulate("organoids", cells=150, markers=6, seed=3, **options), points=24, seed=0)
    return embedding, interaction(embedding, **FOUR)


@pytest.fixture(scope="module")
def interacting():
    return asked(lines=6, replicates=2, interaction=-1.5)


# ---- conditions


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["A", "A+B", "B", "control"], ("control", "A", "B", "A+B")),
        (["DMSO", "5-FU", "SN-38", "5-FU + SN-38"], ("DMSO", "5-FU", "SN-38", "5-FU + SN-38")),
        (["Vehicle", "Trametinib", "Combo", "BEZ"], ("Vehicle", "Trametinib", "BEZ", "Combo")),
        (["DMSO", "DMSO_A", "DMSO_B", "DMSO_A_B"], ("DMSO", "DMSO_A", "DMSO_B", "DMSO_A_B")),
        (["untreated", "A", "AB", "B"], ("untreated", "A", "B", "AB")),
        (["PBS", "IFNg", "TNF", "IFNg/TNF"], ("PBS", "IFNg", "TNF", "IFNg/TNF")),
        (["low", "middle", "high", "highest"], (None, None, None, None)),
        (["control", "case", "x", "y", "z"], ("control", None, None, None)),
        ([], (None, None, None, None)),
    ],
)
def test_conditions_are_guessed_by_their_names(values, expected):
    found = guess_conditions(values)
    assert (found.control, found.a, found.b, found.both) == expected
    assert found.complete == (None not in expected)


def test_a_column_that_is_called_drug_comes_before_others():
    table = pd.DataFrame({"other": ["control", "x", "y", "xy"], "drug": ["DMSO", "p", "q", "p+q"], "two": list("aabb")})
    assert find_conditions(table).column == "drug"
    assert condition_columns(table) == ("other", "drug")
    assert find_conditions(table[["other"]]).column == "other"


def test_patients_are_no_drug_study():
    assert not find_conditions(simulate(samples=8, cells=5).samples).complete


# ---- the verdict and what was missed


def test_planted_interaction_is_answered_by_no(interacting):
    _embedding, found = interacting
    assert drug_verdict(found) == "no"
    assert found.table.iloc[0]["marker"] == "pERK"


@pytest.mark.parametrize(
    ("p", "smallest", "inner", "adjusted", "share", "kind"),
    [
        (0.03, 0.03, 0.5, 1.0, 1.0, "no"),
        (0.03, 0.03, 0.5, 1.0, 0.01, "no"),
        (0.25, 0.25, 0.01, 1.0, 1.0, "these lines"),
        (0.30, 0.03, 0.01, 1.0, 1.0, "yes"),
        (0.30, 0.03, 0.01, 1.0, 0.04, "numbers"),
        (0.30, 0.03, 0.5, 0.04, 0.04, "somewhere"),
        (0.30, 0.25, 0.5, 1.0, 1.0, "too few"),
        (np.nan, np.nan, 0.5, 1.0, np.nan, "too few"),
    ],
)
def test_the_verdict_follows_p_and_how_small_it_can_be(interacting, p, smallest, inner, adjusted, share, kind):
    _embedding, found = interacting
    one = replace(
        found,
        crossed=replace(found.crossed, p=p, smallest_p=smallest),
        within_lines=replace(found.within_lines, p=inner),
        table=found.table.assign(adjusted_p=adjusted),
        abundance=found.abundance.assign(adjusted_p=share),
    )
    assert drug_verdict(one) == kind


@pytest.mark.parametrize("freedom", [1, 5, 20])
def test_the_smallest_shift_that_is_found_is_found_as_often_as_said(freedom):
    reach = float(stats.t.ppf(0.975, freedom))
    shift = _shift_with(0.8, freedom, reach)
    rng = np.random.default_rng(4)
    values = rng.standard_normal((20_000, freedom + 1))
    error = values.std(axis=1, ddof=1) / np.sqrt(freedom + 1)
    t = (values.mean(axis=1) + shift / np.sqrt(freedom + 1)) / error
    assert (np.abs(t) > reach).mean() == pytest.approx(0.8, abs=0.015)


def test_what_cannot_be_excluded_is_the_upper_end_over_the_additive_effect(interacting):
    _embedding, found = interacting
    share = not_excluded(found)
    assert (share * found.direction.additive_size) ** 2 == pytest.approx(found.high)
    assert smallest_found(found, power=0.9) > smallest_found(found) > 0.0
    unknown = replace(found, crossed=replace(found.crossed, low=np.nan, high=np.nan))
    assert np.isnan(not_excluded(unknown))


# ---- lines and populations


def test_the_lines_of_a_place_have_its_departure_as_their_mean(interacting):
    embedding, found = interacting
    row = found.table.iloc[0]
    lines, single = departures_by_line(embedding, found, region=row["region"], marker=row["marker"])
    assert lines["departure"].mean() == pytest.approx(row["excess"])
    assert single.groupby("line", sort=False)["departure"].mean().to_numpy() == pytest.approx(lines["departure"])
    assert lines["low"].isna().all()  # two replicates give no interval
    assert lines["replicates"].tolist() == [2] * 6


def test_along_the_others_regions_add_up(interacting):
    embedding, found = interacting
    whole = departures_by_line(embedding, found)[0]["departure"]
    parts = sum(departures_by_line(embedding, found, region=name)[0]["departure"] for name in found.regions.names)
    assert parts.to_numpy() == pytest.approx(whole.to_numpy())
    assert (whole > 0).all()  # what was planted in one line was planted in all


def test_one_line_is_told_by_its_replicates():
    embedding, found = asked(lines=1, replicates=4, interaction=-1.5)
    lines, single = departures_by_line(embedding, found)
    assert len(lines) == 1
    assert len(single) == 4
    assert lines["low"][0] < lines["departure"][0] < lines["high"][0]


def test_populations_are_counted_and_regions_have_their_home(interacting):
    embedding, found = interacting
    shares = found.maps.shares
    assert shares.sum(axis=1) == pytest.approx(1.0)
    well = found.study.samples[3]
    assert shares[3, found.maps.populations.index("Stem")] == pytest.approx(
        np.mean(np.asarray(embedding.populations(well)) == "Stem")
    )
    assert (found.abundance["adjusted_p"] > 0.05).all()  # no share was planted
    assert region_homes(found)[found.table.iloc[0]["region"]][0] == "Stem"


def test_a_region_has_the_home_that_most_of_its_cells_have(interacting):
    embedding, found = interacting
    count = Counter()
    for well in found.study.samples:
        regions = nearest_regions(embedding.scaled_cells(well), found.regions)
        count.update(zip(regions.tolist(), embedding.populations(well).tolist(), strict=True))
    for number, name in enumerate(found.regions.names):
        cells = {population: cells for (region, population), cells in count.items() if region == number}
        home, share = region_homes(found)[name]
        assert home == max(cells, key=cells.get)
        assert share == pytest.approx(max(cells.values()) / sum(cells.values()), abs=0.05)


def test_whole_clouds_know_no_populations():
    embedding = embed(simulate("organoids", cells=60, markers=4, seed=3, lines=2, replicates=2), points=12, seed=0)
    found = interaction(embedding, **FOUR, whole_clouds=True)
    assert region_homes(found) == {}
    with pytest.raises(CohortError, match="population"):
        found.share_of_population("Stem")


def test_the_share_of_a_population_is_read_as_that_of_a_region(interacting):
    _embedding, found = interacting
    row = found.abundance.set_index("region").loc["Stem"]
    levels = found.share_of_population("Stem").levels
    assert levels["control"] == pytest.approx(row["control"])
    assert levels["both"] == pytest.approx(row["observed"])


def test_wells_of_a_condition_and_a_line(interacting):
    _embedding, found = interacting
    assert wells_under(found, "both", line="L2") == ("L2_AB_r1", "L2_AB_r2")
    assert len(wells_under(found, "control")) == 12


def test_what_models_expect_of_the_combination():
    found = expected_levels({"control": 2.0, "a": 1.0, "b": 1.5, "both": 9.0})
    assert found == {"additive": 0.5, "bliss": 0.75, "highest single agent": 1.0}
    assert np.isnan(expected_levels({"control": 0.0, "a": 1.0, "b": 1.5, "both": 9.0})["bliss"])
