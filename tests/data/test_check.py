from __future__ import annotations

import threading

import numpy as np
import pytest

from lotviz.data import Transform, check, simulate, validate, write_cohort


def said(cohort) -> str:
    return "\n".join(str(problem) for problem in check(cohort))


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    return {name: rng.normal(3, 1, (150, 3)) for name in ("a", "b", "c", "d")}


def test_a_cohort_in_order_has_nothing_said_against_it(made):
    rng = np.random.default_rng(0)
    many = {f"s{number}": rng.normal(3, 1, (150, 3)) for number in range(12)}
    assert check(made(many, label=list("xy" * 6), batch=list("ppqq" * 3))) == ()


def test_every_bad_marker_of_every_sample_is_named_and_errors_come_first(made, cells):
    cells["a"][4, 0] = cells["c"][9, 2] = np.nan
    cells["c"][0, 1] = np.inf
    cells["d"] = cells["d"][:50]
    found = check(made(cells))
    assert [problem.where for problem in found if problem.severity == "error"] == [
        "sample a, cell 5, marker M1",
        "sample c, cell 1, marker M2",
        "sample c, cell 10, marker M3",
    ]
    assert [problem.severity for problem in found] == ["error"] * 3 + ["warning"]
    assert "1 of 4 samples have fewer than 100 cells: d (50)." in str(found[3])


def test_small_samples_are_all_named(made):
    many = {f"s{number}": np.random.default_rng(number).random((5, 2)) for number in range(40)}
    assert "s39 (5)." in said(made(many))


def test_markers_that_say_nothing(made, cells):
    for values in cells.values():
        values[:, 1] = 2.5
    cells["b"][:, 2] = 0
    text = said(made(cells))
    assert "Marker M2 has the same value in every cell of the cohort." in text
    assert "found one value only for M3 (b)." in text
    assert "one value only for M2" not in text


def test_copies_of_a_sample_are_one_problem(made, cells):
    cells["d"] = cells["b"].copy()
    cells["c"] = cells["a"][::-1].copy()
    (problem,) = check(made(cells))
    assert "The samples b, d have exactly the same cells." in problem.what
    assert "The samples a, c have exactly the same cells, in another order." in problem.what
    assert problem.samples == ("a", "c", "b", "d")


def test_a_transform_on_transformed_values(made, cells):
    assert "They look transformed already" in said(made(cells, transform=Transform("arcsinh")))
    raw = {name: values * 1000 for name, values in cells.items()}
    assert "They look transformed already" not in said(made(raw, transform=Transform("arcsinh")))


@pytest.mark.parametrize(
    ("label", "batch", "text"),
    [
        ("xxyy", "ppqq", "Every batch holds one label only: their effects cannot be told apart."),
        ("xyyy", "ppqq", "1 of 2 values of batch hold one label only: q (2 x y)."),
    ],
)
def test_a_label_that_goes_with_the_batch(made, cells, label, batch, text):
    assert text in said(made(cells, label=list(label), batch=list(batch)))


def test_roles_are_found_under_other_names(made, cells):
    text = said(made(cells, condition=list("xxyy"), plate=list("ppqq")))
    assert "Every plate holds one condition only" in text


def test_labels_that_are_missing_or_all_alike(made, cells):
    assert "2 samples have no label: b, d." in said(made(cells, label=["x", None, "y", None]))
    assert "The column label has one value only: x." in said(made(cells, label=["x"] * 4))


def test_one_sample_alone(made, cells):
    assert "Expected two samples or more to compare, found one." in said(made({"a": cells["a"]}))


def test_an_empty_sample(made, cells):
    cells["b"] = np.empty((0, 3))
    assert "sample b: Expected cells, found none." in said(made(cells))


def test_progress_counts_samples_and_a_cancelled_check_says_so(made, cells):
    calls = []
    check(made(cells), progress=lambda done, total, message: calls.append((done, total)))
    assert calls == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    stop = threading.Event()
    found = check(made(cells), progress=lambda done, *_: stop.set() if done == 1 else None, cancel=stop)
    assert "The check was stopped after 2 of 4 samples." in str(found[-1])


def test_validate_counts_what_it_read(tmp_path):
    path = write_cohort(simulate(samples=10, cells=120, markers=5), tmp_path / "out")
    found = validate(path, transform="arcsinh", cofactor=5)
    assert found.ok
    assert found.problems == ()
    assert (found.samples, found.markers, found.cells) == (10, 5, 1200)
    assert validate(tmp_path / "nowhere").samples == 0
