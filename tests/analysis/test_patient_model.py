import numpy as np
import pytest

from lotviz.analysis.model import fit_model
from lotviz.analysis.patient_model import PatientModel, beyond, fit_patient_model
from lotviz.data import simulate
from lotviz.data.cohort import ArraySource
from lotviz.transport import embed
from lotviz.transport.archive import EmbeddingFileError


@pytest.fixture(scope="module")
def fitted(embedding):
    return fit_patient_model(embedding, "label", draws=20)


@pytest.fixture(scope="module")
def strangers():
    """Eight patients of the same nature that no model has seen."""
    return simulate("patients", samples=8, cells=400, effect=2.0, abundance=0.0, seed=1)


def test_the_model_is_the_one_fitted_on_all_samples(fitted, embedding, patients):
    plain = fit_model(embedding, patients.column("label"))
    assert np.array_equal(fitted.model.weights, plain.weights)
    assert np.array_equal(fitted.model.scores, plain.scores)


def test_training_samples_keep_their_scores_when_projected(fitted, embedding, patients):
    found = fitted.assess(fitted.project(patients))
    assert np.allclose(found["score"], fitted.model.scores, atol=1e-9)
    assert (found["low"] <= found["score"]).all()
    assert (found["score"] <= found["high"]).all()
    assert found["seen"].all()
    assert found["agreement"].between(0.0, 1.0).all()


def test_contributions_of_a_new_sample_sum_to_its_score(fitted, strangers):
    projected = fitted.project(strangers)
    found = fitted.assess(projected)
    for sample in projected.samples.index:
        total = fitted.contributions(projected, sample).sum()
        expected = found.loc[sample, "score"] - fitted.model.score_of_training_mean
        assert total == pytest.approx(expected, abs=1e-9)


def test_a_sample_unlike_all_others_is_said_to_be(fitted, patients):
    from dataclasses import replace

    name = patients.samples.index[0]
    cells = {name: patients.source.read(name) * 20.0 + 300.0}
    odd = replace(patients.select(samples=[name]), source=ArraySource(cells))
    found = fitted.assess(fitted.project(odd))
    assert not found["seen"].any()
    assert found["as_far"].iloc[0] == 0.0


def test_saved_and_loaded_models_give_the_same_bits(fitted, strangers, tmp_path):
    path = fitted.save(tmp_path / "made.lotmodel")
    again = PatientModel.load(path)
    first, second = (model.assess(model.project(strangers)) for model in (fitted, again))
    assert first.equals(second)
    projected = again.project(strangers)
    sample = projected.samples.index[0]
    assert np.array_equal(fitted.contributions(projected, sample), again.contributions(projected, sample))
    assert again.parameters["sample_hashes"] == fitted.parameters["sample_hashes"]
    assert (again.model.classes, again.label) == (fitted.model.classes, "label")
    assert again.save(tmp_path / "again.lotmodel").read_bytes() == path.read_bytes()


def test_no_name_of_a_training_sample_is_in_the_file(fitted, patients, tmp_path):
    content = fitted.save(tmp_path / "made.lotmodel").read_bytes()
    assert not any(str(name).encode() in content for name in patients.samples.index)


@pytest.mark.parametrize("options", [{"abundance": False}, {"estimator": "lda"}, {"estimator": "svm"}])
def test_every_kind_of_model_can_be_kept(embedding, tmp_path, options):
    made = fit_patient_model(embedding, "label", draws=3, **options)
    again = PatientModel.load(made.save(tmp_path / "made.lotmodel"))
    assert np.array_equal(again.model.weights, made.model.weights)
    assert again.model.estimator == made.model.estimator
    assert (again.model.abundance is None) == (made.model.abundance is None)


def test_files_that_are_no_model_are_refused(fitted, embedding, tmp_path):
    with pytest.raises(EmbeddingFileError, match="another kind of file"):
        PatientModel.load(embedding.save(tmp_path / "made.lot"))
    whole = fitted.save(tmp_path / "made.lotmodel").read_bytes()
    (tmp_path / "half.lotmodel").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EmbeddingFileError, match=r"to be a model saved by lotviz.*cut off"):
        PatientModel.load(tmp_path / "half.lotmodel")
    with pytest.raises(EmbeddingFileError, match=r"Expected a model file at .* found none"):
        PatientModel.load(tmp_path / "absent.lotmodel")


def test_a_paired_group_is_drawn_whole(patients):
    pairs = patients.samples.assign(pair=np.arange(len(patients.samples)) // 2)
    from dataclasses import replace

    made = fit_patient_model(embed(replace(patients, samples=pairs), points=16), "label", group="pair", draws=5)
    assert len(made.refits) == 5


@pytest.mark.parametrize("n", [10, 24, 60, 200])
def test_values_that_are_alike_are_hardly_ever_beyond(n):
    rng = np.random.default_rng(n)
    values = rng.gamma(20.0, size=(3000, n + 1))
    share = np.mean([beyond(row[:1], row[1:])[0] for row in values])
    assert share < 0.025
    assert beyond(np.array([200.0]), values[0, 1:])[0]


def test_refits_of_a_support_vector_machine_do_not_name_one_class_alone():
    cohort = simulate(samples=14, cells=120, markers=5, seed=3)
    labels = cohort.samples["label"]
    few = [name for place, name in enumerate(labels.index) if labels[name] == "case" or place % 3 == 0]
    few_embedded = embed(cohort.select(samples=few), points=10, workers=1)
    found = fit_patient_model(few_embedded, "label", estimator="svm", draws=40).assess(few_embedded)
    assert (found["high"] - found["low"]).median() < 5.0
    assert (found["class"] == labels[few]).mean() > 0.75
