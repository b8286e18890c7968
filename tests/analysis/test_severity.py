from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from lotviz.analysis.contribution import contributions
from lotviz.analysis.model import fit_model
from lotviz.analysis.severity import made_severe, score_synthetic, severity
from lotviz.data import CohortError
from lotviz.transport import embed
from tests.analysis.conftest import cohort_of

WAYS = ("difference", "pattern", "weight")


@pytest.fixture(scope="module")
def model(embedding, patients):
    return fit_model(embedding, patients.column("label"), positive="case")


@pytest.mark.parametrize("along", WAYS)
@pytest.mark.parametrize("by", [-1.3, 0.7])
def test_the_transport_part_changes_by_what_was_asked_for(embedding, model, along, by):
    name = embedding.samples.index[3]
    found = severity(embedding, model, name, along=along)
    made = made_severe(embedding, found, by)
    scaled = embedding.scaling.apply(made.cells)
    plan = embedding.plan(name)
    before = embedding.maps[embedding.index(name)]
    after = np.asarray(plan @ scaled) / embedding.masses[:, None]
    # by hand, with the plan as it is, and as the maps are meant to be
    assert float(model.score(after) - model.score(before)) == pytest.approx(by, abs=1e-4)
    assert float(model.score(made.intended) - model.score(before)) == pytest.approx(by, abs=1e-9)
    # cell by cell: what the moved cells add beyond what they added
    transport = replace(model, abundance=None)
    rise = contributions(transport, plan, scaled) - contributions(transport, plan, embedding.scaled_cells(name))
    assert rise.sum() == pytest.approx(by, abs=1e-4)


def test_a_step_of_nothing_gives_the_samples_own_cells(embedding, model):
    name = embedding.samples.index[0]
    made = made_severe(embedding, severity(embedding, model, name), 0.0)
    assert made.cells.tobytes() == embedding.cells(name).tobytes()
    assert made.recipe["along"] == "difference"
    assert made.recipe["score_changed_by"] == 0.0


def test_steps_are_those_of_the_points_in_marker_units(embedding, model):
    name = embedding.samples.index[5]
    found = severity(embedding, model, name)
    plan = sparse.csr_array(embedding.plan(name)).toarray()
    by_hand = (plan / plan.sum(axis=0)).T @ found.displacement * embedding.scaling.scale
    np.testing.assert_allclose(found.steps, by_hand, atol=1e-12)
    made = made_severe(embedding, found, 0.5)
    np.testing.assert_allclose(made.cells - embedding.cells(name), 0.5 * by_hand, atol=1e-5)


def test_a_patient_made_severe_scores_so_when_embedded_again(embedding, model, patients):
    """What the plan says as it is, the plan of the moved cells says too, nearly: the planted change is small."""
    name = next(str(one) for one in patients.samples.index if patients.samples.loc[one, "label"] == "control")
    found = severity(embedding, model, name)
    said = score_synthetic(embedding, model, made_severe(embedding, found, 1.0))
    start = score_synthetic(embedding, model, made_severe(embedding, found, 0.0))
    assert start.score == pytest.approx(model.scores[embedding.index(name)], abs=1e-6)
    assert start.score == pytest.approx(found.score, abs=1e-6)
    assert said.intended - start.intended == pytest.approx(1.0, abs=1e-9)
    assert said.transport - start.transport == pytest.approx(1.0, abs=0.1)
    first, second = embedding.samples.index[:2]
    by_kind = score_synthetic(embedding, model, embedding.interpolate({first: 0.5, second: 0.5}, manner="kinds"))
    assert by_kind.intended is None
    ends = [found.score for found in (severity(embedding, model, first), severity(embedding, model, second))]
    assert min(ends) - 0.3 < by_kind.score < max(ends) + 0.3


def test_the_planted_marker_moves_most_along_the_difference(embedding, model, patients):
    name = embedding.samples.index[2]
    found = severity(embedding, model, name)
    effector = embedding.populations(name) == patients.truth["population"]
    mean = np.abs(found.steps[effector].mean(axis=0))
    assert {patients.markers[k] for k in np.argsort(-mean)[:2]} == set(patients.truth["markers"])


def test_along_the_weight_lies_the_shortest_way_up(embedding, model):
    name = embedding.samples.index[2]
    lengths = {}
    for way in WAYS:
        step = severity(embedding, model, name, along=way).displacement
        lengths[way] = np.sqrt(embedding.masses @ np.square(step).sum(axis=1))
    assert min(lengths, key=lengths.get) == "weight"


def test_the_range_is_that_of_the_cohort_and_holds_the_sample(embedding, model):
    low, high = np.percentile(model.scores, [5, 95])
    for name in embedding.samples.index:
        found = severity(embedding, model, name)
        assert found.low <= found.score <= found.high
        assert found.low == pytest.approx(min(low, found.score))
        assert found.high == pytest.approx(max(high, found.score))


def test_what_cannot_be_moved_is_refused(embedding, model):
    name = embedding.samples.index[0]
    with pytest.raises(ValueError, match='"pattern" or "weight", found \'up\''):
        severity(embedding, model, name, along="up")
    with pytest.raises(CohortError, match="Expected an embedded sample, found nobody"):
        severity(embedding, model, "nobody")
    silent = replace(model, weights=np.zeros_like(model.weights))
    with pytest.raises(CohortError, match=r"change the score by transport, found that it does not.*has a part"):
        severity(embedding, silent, name)
    found = severity(embedding, model, name)
    with pytest.raises(ValueError, match="finite change of the score, found nan"):
        made_severe(embedding, found, float("nan"))
    with pytest.raises(CohortError, match="n_cells of at least 1, found 0"):
        made_severe(embedding, found, 1.0, n_cells=0)
    rng = np.random.default_rng(0)
    other = embed(cohort_of([rng.normal(size=(30, 2)) for _ in range(3)], {"label": list("abc")}), points=4)
    with pytest.raises(CohortError, match=r"Expected a model of \(4, 2\) weights, found \(48, 14\)"):
        severity(other, model, "s0")


def test_a_model_of_another_reference_is_refused_even_of_the_same_shape(embedding, patients, model):
    other = embed(patients, points=len(embedding.masses), seed=9)
    assert other.maps.shape == embedding.maps.shape
    name = embedding.samples.index[0]
    with pytest.raises(CohortError, match="Expected a model of this embedding's reference, found one of another"):
        severity(other, model, name)
    with pytest.raises(CohortError, match="Expected a model of this embedding's reference, found one of another"):
        score_synthetic(other, model, made_severe(embedding, severity(embedding, model, name), 0.5))
