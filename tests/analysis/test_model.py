import numpy as np
import pytest

from lotviz.analysis.features import embedding_shares
from lotviz.analysis.labels import label_texts, ordered_classes
from lotviz.analysis.model import fit_model, haufe_pattern
from lotviz.data.problems import CohortError
from lotviz.transport import embed
from tests.analysis.conftest import cohort_of


def test_scores_follow_from_the_weights_on_raw_map_coordinates(embedding, patients):
    model = fit_model(embedding, patients.column("label"))
    assert np.allclose(model.score(embedding.maps, embedding_shares(embedding)), model.scores, atol=1e-12)
    plain = fit_model(embedding, patients.column("label"), abundance=False)
    assert np.allclose(plain.score(embedding.maps), plain.scores, atol=1e-12)
    assert model.score_of_training_mean == pytest.approx(float(model.score(embedding.maps.mean(axis=0))))


def test_weights_give_the_scores_of_the_kernel_they_came_from(embedding, patients):
    from lotviz.analysis.blocks import block_grams, centre, operators
    from lotviz.analysis.ridge import fit_ridge

    labels = (patients.column("label") == "case").to_numpy().astype(int)
    everyone = np.arange(len(labels))
    grams = block_grams(embedding.maps, operators(embedding.reference.points, embedding.masses))
    kernel = np.mean([centre(gram, everyone)[0] for gram in grams.values()], axis=0)
    ridge = fit_ridge(kernel, labels, everyone, n_classes=2, steady=True)
    model = fit_model(embedding, patients.column("label"), "case", abundance=False)
    said = ridge.predict(kernel)[:, 0]
    unit = 2.0 / (said[labels == 1].mean() - said[labels == 0].mean())
    assert np.allclose(unit * said, model.scores, atol=1e-9)
    assert model.scores[labels == 1].mean() - model.scores[labels == 0].mean() == pytest.approx(2.0)


def test_positive_class_has_the_higher_scores_whichever_it_is(embedding, patients):
    labels = patients.column("label")
    for positive in ("case", "control"):
        model = fit_model(embedding, labels, positive)
        assert model.classes[1] == positive
        own = (labels == positive).to_numpy()
        assert model.scores[own].mean() > model.scores[~own].mean()
    assert fit_model(embedding, labels).classes == ("control", "case")


def test_shift_and_shape_weights_add_up_and_see_only_their_part(embedding, patients):
    model = fit_model(embedding, patients.column("label"))
    assert np.allclose(model.part("shift") + model.part("shape"), model.weights, atol=1e-15)
    assert np.allclose(model.shape_weights.sum(axis=0), 0.0, atol=1e-12)
    split = embedding.split()
    assert np.allclose(np.einsum("nmd,md->n", embedding.maps, model.part("shift")), split.shift @ model.shift_weights)
    assert np.allclose(
        np.einsum("nmd,md->n", embedding.maps, model.shape_weights),
        np.einsum("nmd,md->n", split.shape, model.weights),
    )


def test_a_model_of_one_block_has_weights_of_that_part_only(embedding, patients):
    labels = patients.column("label")
    assert np.allclose(fit_model(embedding, labels, blocks=("shift",)).shape_weights, 0.0, atol=1e-12)
    for block in ("shape", "smooth"):
        assert np.allclose(fit_model(embedding, labels, blocks=(block,)).shift_weights, 0.0, atol=1e-12)


def test_samples_without_a_label_are_scored_but_not_learnt_from(embedding, patients):
    labels = patients.column("label").astype(object).copy()
    labels.iloc[[0, 5]] = None
    model = fit_model(embedding, labels)
    assert model.training.sum() == len(labels) - 2
    assert np.isfinite(model.scores).all()
    assert np.allclose(model.training_mean, embedding.maps[model.training].mean(axis=0))


def test_many_classes_are_one_against_the_others(embedding):
    labels = [["a", "b", "c"][number % 3] for number in range(len(embedding.samples))]
    model = fit_model(embedding, labels, "b")
    assert model.classes == ("a or c", "b")


def test_a_class_between_two_others_is_not_named_of_all():
    """It beats the mean of the two nearly everywhere, as one of them is always far behind."""
    rng = np.random.default_rng(0)
    step = np.arange(18) % 3
    clouds = [np.float32(rng.normal(size=(40, 2)) + [1.2 * one, 0.0] + 0.5 * rng.normal(size=2)) for one in step]
    model = fit_model(embed(cohort_of(clouds, {"step": step}), points=8), step, 1)
    assert np.mean(model.scores > 0.0) < 0.6
    means = [model.scores[step == one].mean() for one in range(3)]
    assert means[1] == pytest.approx(1.0)
    assert (means[0] + means[2]) / 2 == pytest.approx(-1.0)


def test_groups_decide_the_penalty(embedding, patients):
    pairs = np.arange(len(embedding.samples)) // 2
    model = fit_model(embedding, patients.column("label"), groups=pairs)
    assert np.isfinite(model.scores).all()


def test_one_class_is_refused_in_words(embedding):
    with pytest.raises(CohortError, match="Expected two classes, found only case"):
        fit_model(embedding, ["case"] * len(embedding.samples))


def test_an_unknown_positive_class_is_refused_naming_the_known(embedding, patients):
    with pytest.raises(CohortError, match=r"found 'sick'\. Choose one of: control, case"):
        fit_model(embedding, patients.column("label"), "sick")


def test_haufe_pattern_of_a_score_that_cancels_noise():
    # X1 = signal + noise, X2 = noise: the score X1 - X2 is the signal; X2 has weight but carries nothing.
    rng = np.random.default_rng(0)
    signal, noise = rng.normal(size=(2, 100_000))
    maps = np.stack([signal + noise, noise], axis=1)[:, None, :]
    pattern = haufe_pattern(maps, np.array([[1.0, -1.0]]))
    assert pattern[0] == pytest.approx([1.0, 0.0], abs=0.02)


def test_haufe_pattern_is_covariance_times_weight_over_variance():
    maps = np.random.default_rng(1).normal(size=(20, 2, 3))
    weights = np.random.default_rng(2).normal(size=(2, 3))
    flat = maps.reshape(20, -1)
    expected = np.cov(flat.T) @ weights.ravel() / np.var(flat @ weights.ravel(), ddof=1)
    assert np.allclose(haufe_pattern(maps, weights).ravel(), expected)


def test_haufe_pattern_of_a_constant_score_is_zero():
    assert not haufe_pattern(np.ones((4, 2, 2)), np.ones((2, 2))).any()


def test_controls_come_first_and_numbers_with_gaps_keep_their_name():
    assert ordered_classes(["BCR-XL", "Reference"]) == ("Reference", "BCR-XL")
    assert ordered_classes(["b", "a"]) == ("a", "b")
    assert label_texts([1.0, np.nan, "x", " "]).tolist() == ["1", "", "x", ""]


def test_blanks_around_a_group_make_no_other_group(embedding, patients):
    label = patients.column("label")
    plain = [f"P{row // 2}" for row in range(len(label))]
    typed = [f"{name} " if row % 2 else f" {name}" for row, name in enumerate(plain)]
    models = [fit_model(embedding, label, groups=groups) for groups in (plain, typed)]
    np.testing.assert_array_equal(models[0].weights, models[1].weights)
