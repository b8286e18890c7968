from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lotviz.data import CohortError, simulate
from lotviz.transport import EmbeddingFileError, LOTEmbedding, embed
from lotviz.transport.reference_file import read_points
from tests.transport.clouds import cloud, cohort_of, masses

MARKERS = ("M0", "M1", "M2")


@pytest.fixture
def cohort():
    return cohort_of({"A": cloud(1, 60, 3), "B": cloud(2, 40, 3)})


def table(**more):
    return pd.DataFrame(cloud(3, 9, 3), columns=list(MARKERS)).assign(**more)


def written(frame, path):
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


@pytest.mark.parametrize("name", ["points.csv", "points.tsv", "points.parquet", "POINTS.CSV"])
def test_points_and_masses_of_a_file_are_those_of_the_embedding(cohort, tmp_path, name):
    weights = masses(1, 9)
    path = written(table(mass=7 * weights)[["mass", "M2", "M0", "M1"]], tmp_path / name)
    found = embed(cohort, points=5, reference=path)
    np.testing.assert_array_equal(found.reference.points, found.scaling.apply(cloud(3, 9, 3)))  # every digit
    np.testing.assert_allclose(found.masses, weights, rtol=1e-14)
    assert (found.reference.kind, dict(found.reference.details)) == ("file", {"file": name})
    assert (found.parameters["points"], found.parameters["reference"]) == (9, str(path))
    assert not any("not 5" in warning for warning in found.warnings)


def test_without_a_mass_all_points_weigh_the_same(tmp_path):
    assert read_points(written(table(), tmp_path / "p.csv"), MARKERS).masses.tolist() == [1 / 9] * 9


def test_points_in_other_units_are_told(tmp_path):
    study = simulate("patients", samples=3, cells=80, markers=4, seed=1)
    for name, cells in (("raw.csv", study.raw("P1")), ("transformed.csv", study.cells("P1"))):
        path = written(pd.DataFrame(cells[:40], columns=list(study.markers)), tmp_path / name)
        warnings = embed(study, reference=path).warnings
        assert any(f"points of {name} lie more than 10 times their spread" in words for words in warnings) == (
            name == "raw.csv"
        )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("M0,M1\n1,2\n", r"Expected a column for marker M2, found none\."),
        ("M0,M1,m2\n1,2,3\n", r"marker M2, found none. Did you mean m2\?"),
        ("M0,M1,M2,weight\n1,2,3,1\n", r"Expected the 3 markers and, at most, mass, found also weight\."),
        ("M0,M1,M2,Mass\n1,2,3,1\n", r"found also Mass. Did you mean mass\?"),
        ("M0,M1,M2,M2\n1,2,3,3\n", r"Expected every column once, found M2 more than once"),
        ("M0,M1,M2\n", r"Expected at least one reference point, found none"),
        ("", r"Expected reference points, found an empty file"),
        ("M0,M1,M2\n1,2,3\n4,,6\n", r"point 2, marker M1: Expected a finite number, found '' \(1 of 2 are not\)"),
        ("M0,M1,M2\n1,2\n4,5,6\n", r"point 1, marker M2: Expected a finite number"),
        ("M0,M1,M2\n1,nan,3\n", r"point 1, marker M1: Expected a finite number, found 'nan'"),
        ("M0,M1,M2\n1,inf,3\n", r"found 'inf'"),
        ("M0,M1,M2\n1,high,3\n", r"found 'high'"),
        ("M0,M1,M2\n1,2,3\n1,2,3,4\n", r"found a file that cannot be read \(.*4"),
        ("1,2,3\n4,5,6\n", r"column for marker M0, found none"),
        ("M0,M1,M2,mass\n1,2,3,1\n1,2,3,0\n", r"point 2: Expected a positive mass, found 0 \(1 such\)"),
        ("M0,M1,M2,mass\n1,2,3,-2\n", r"Expected a positive mass, found -2"),
        ("M0,M1,M2,mass\n1,2,3,\n", r"point 1, mass: Expected a finite number, found ''"),
        (b"M0,M1,M2\n\xff,2,3\n", r"found a file that cannot be read"),
    ],
)
def test_files_that_do_not_fit_are_refused(cohort, tmp_path, text, words):
    path = tmp_path / "points.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CohortError, match=words) as refused:
        embed(cohort, reference=path)
    assert str(refused.value).startswith(str(path))


def test_fields_in_every_row_that_the_header_lacks_are_not_taken_for_names(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("M0,M1,M2\n1,2,3,4\n5,6,7,8\n")
    with pytest.raises(CohortError, match="as many fields in every row"):
        read_points(path, MARKERS)


def test_a_damaged_or_missing_file_is_refused(cohort, tmp_path):
    (tmp_path / "points.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(CohortError, match="found a file that cannot be read"):
        embed(cohort, reference=tmp_path / "points.parquet")
    with pytest.raises(CohortError, match=r"found nothing there. Did you mean points.parquet\?"):
        embed(cohort, reference=tmp_path / "point.parquet")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(CohortError, match="found a folder"):
        embed(cohort, reference=tmp_path / "folder.csv")
    with pytest.raises(CohortError, match="found nothing there"):
        embed(cohort, reference=tmp_path / "study.lot")


@pytest.fixture(scope="module")
def study():
    return simulate("patients", samples=6, cells=150, markers=6, seed=1)


@pytest.fixture(scope="module")
def saved(study, tmp_path_factory):
    first = study.select(samples=list(study.samples.index[:5]))
    return embed(first, points=20, seed=4, cells_per_sample=100).save(tmp_path_factory.mktemp("saved") / "study.lot")


def test_embedding_all_with_a_frozen_reference_is_projecting_the_new(study, saved):
    before, new = LOTEmbedding.load(saved), study.samples.index[5]
    together = embed(study, reference=saved, points=7, seed=4, cells_per_sample=100)
    projected = before.project(study.select(samples=[new]))
    np.testing.assert_array_equal(together.maps[5], projected.maps[0])
    np.testing.assert_array_equal(together.maps[:5], before.maps)
    assert together.reference.points.tobytes() == before.reference.points.tobytes()
    assert together.scaling.scale.tobytes() == before.scaling.scale.tobytes()
    assert (together.reference.kind, dict(together.reference.details)) == ("kmeans", {"embedding": "study.lot"})
    assert together.parameters["points"] == 20


def test_an_embedding_brings_its_markers(study, saved):
    shuffled = study.select(markers=[*study.markers[::-1]])
    found = embed(shuffled, reference=saved, seed=4, cells_per_sample=100)
    assert found.markers == study.markers
    np.testing.assert_array_equal(found.maps[:5], LOTEmbedding.load(saved).maps)


def test_an_embedding_in_another_space_is_refused(study, saved, tmp_path):
    with pytest.raises(CohortError, match=rf"Expected marker {study.markers[0]} of the embedding"):
        embed(study.select(markers=study.markers[1:]), reference=saved)
    with pytest.raises(CohortError, match=r"Expected scaling zscore, which comes with the reference .* found none"):
        embed(study, reference=saved, scale="none")
    (tmp_path / "other.lot").write_text("no embedding")
    with pytest.raises(EmbeddingFileError, match="found that it cannot be read"):
        embed(study, reference=tmp_path / "other.lot")
