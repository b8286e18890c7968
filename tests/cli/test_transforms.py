from __future__ import annotations

import numpy as np
import pytest

from lotviz.data import read_cohort
from lotviz.transport import LOTEmbedding


def embedded(run, tmp_path, cohort, *words):
    path = tmp_path / "study.lot"
    said = run("embed", cohort, "-o", path, "--points", 8, *words, "--json")
    assert said.code == 0, said.err
    return LOTEmbedding.load(path)


@pytest.mark.parametrize("words", [("--transform", "logicle"), ("--transform", "arcsinh", "--cofactor", "fitted")])
def test_project_uses_the_transform_of_each_marker_of_the_embedding(run, tmp_path, cohort_folder, words):
    embedding = embedded(run, tmp_path, cohort_folder, *words)
    again = tmp_path / "again.lot"
    assert run("project", tmp_path / "study.lot", cohort_folder, "-o", again, "--json").code == 0
    projected = LOTEmbedding.load(again)
    assert projected.transform == embedding.transform
    np.testing.assert_allclose(projected.maps, embedding.maps, atol=1e-9)


def test_markers_are_renamed_for_embed_and_project(run, tmp_path, cohort_folder):
    old = read_cohort(cohort_folder).markers[0]
    embedding = embedded(run, tmp_path, cohort_folder, "--rename", f"{old}=other", "--markers", "other")
    assert embedding.markers == ("other",)
    words = ("project", tmp_path / "study.lot", cohort_folder, "-o", tmp_path / "b.lot")
    said = run(*words)
    assert said.code == 1
    assert "found other" in said.err
    assert run(*words, "--rename", f"{old}=other").code == 0


def test_new_names_that_are_wrong_are_refused(run, refuse, tmp_path, cohort_folder):
    words = ("embed", cohort_folder, "-o", tmp_path / "a.lot")
    assert "an old and a new name like CD8a=CD8, found 'CD8'" in refuse(*words, "--rename", "CD8")
    for new_names, message in (
        (("nothing_alike=CD8",), "Expected a channel to rename, found nothing_alike."),
        (("a=b", "a=c"), "Expected one new name for a, found several."),
    ):
        said = run(*words, *(word for one in new_names for word in ("--rename", one)))
        assert said.code == 1
        assert message in said.err
    assert "number above 0 or the word fitted, found 'fit'" in refuse(*words, "--cofactor", "fit")
