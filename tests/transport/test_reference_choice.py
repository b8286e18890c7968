from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

from lotviz.transport import LOTEmbedding, ReferenceKind, embed, embed_sizes
from lotviz.transport import reference_choice as module
from tests.transport.clouds import cloud, cohort_of

CHOICES = pytest.mark.parametrize("choice", ["kmeans", "cells", "gaussian", "barycenter", "sample:B"])


@pytest.fixture(scope="module")
def cohort():
    return cohort_of({"A": cloud(1, 60, 3), "B": cloud(2, 50, 3), "C": cloud(3, 90, 3)})


@CHOICES
def test_every_kind_is_frozen_with_the_embedding(cohort, tmp_path, choice):
    found = embed(cohort, points=12, reference=choice, seed=2)
    loaded = LOTEmbedding.load(found.save(tmp_path / "study.lot"))
    assert loaded.reference.points.tobytes() == found.reference.points.tobytes()
    assert loaded.reference.masses.tobytes() == found.reference.masses.tobytes()
    assert (loaded.reference.kind, loaded.reference.seed) == (choice.split(":")[0], 2)
    assert loaded.reference.details == found.reference.details
    np.testing.assert_array_equal(loaded.project(cohort.select(samples=["C"])).maps[0], found.maps[2])


@CHOICES
def test_every_kind_gives_the_same_bits_for_a_seed_whatever_the_number_of_workers(cohort, choice):
    one, three, other = (
        embed(cohort, points=12, reference=choice, seed=seed, workers=workers)
        for seed, workers in ((1, 1), (1, 3), (2, 1))
    )
    assert one.maps.tobytes() == three.maps.tobytes()
    assert one.reference.details == three.reference.details
    assert one.reference.points.tobytes() != other.reference.points.tobytes()


def test_files_without_details_still_open(cohort, tmp_path):
    path = embed(cohort, points=5).save(tmp_path / "old.lot")
    with zipfile.ZipFile(path) as archive:
        members = {info: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for info, content in members.items():
            if info.filename == "header.json":
                header = json.loads(content)
                del header["reference"]["details"]
                content = json.dumps(header).encode()
            archive.writestr(info, content)
    assert LOTEmbedding.load(path).reference.details == {}


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("kmean", r"found 'kmean'. Did you mean kmeans\?"),
        ("sample:", "sample:NAME or a file"),
        ("points.xlsx", "that ends in .csv, .tsv, .parquet or .lot, found 'points.xlsx'"),
        ("", "Expected reference kmeans, cells, gaussian, barycenter"),
    ],
)
def test_other_references_are_refused(cohort, choice, words):
    with pytest.raises(ValueError, match=words):
        embed(cohort, reference=choice)


def test_a_sample_may_be_called_like_a_file():
    cells = {"A.csv": cloud(1, 9, 3), "B": cloud(2, 9, 3)}
    assert embed(cohort_of(cells), points=9, reference="sample:A.csv").reference.details == {"sample": "A.csv"}


def test_the_kinds_are_those_of_the_type():
    assert set(module.KINDS) == set(ReferenceKind.__args__)


@CHOICES
def test_sizes_are_what_each_alone_would_be(cohort, choice):
    found = embed_sizes(cohort, points=(12, 4), reference=choice, seed=3)
    assert list(found) == [12, 4]
    for size, embedding in found.items():
        alone = embed(cohort, points=size, reference=choice, seed=3)
        assert embedding.maps.tobytes() == alone.maps.tobytes()
        assert embedding.parameters == alone.parameters
        assert embedding.reference.details == alone.reference.details


def test_sizes_share_scaling_and_pooled_cells(cohort, monkeypatch):
    drawn = []
    honest = module.pool_cells
    monkeypatch.setattr(module, "pool_cells", lambda *given, **named: drawn.append(named) or honest(*given, **named))
    found = embed_sizes(cohort, points=(4, 8, 16))
    assert len(drawn) == 1
    assert len({id(embedding.scaling) for embedding in found.values()}) == 1


def test_progress_counts_all_sizes(cohort):
    heard = []
    embed_sizes(cohort, points=(4, 8), progress=lambda *told: heard.append(told))
    done, totals, _ = zip(*heard, strict=True)
    assert list(done) == sorted(done)
    assert set(totals) == {done[-1]} == {10}


def test_sizes_that_make_no_sense_are_refused(cohort, tmp_path):
    with pytest.raises(ValueError, match="Expected different numbers of points, found 8, 8"):
        embed_sizes(cohort, points=(8, 8))
    with pytest.raises(ValueError, match="Expected different numbers of points, found none"):
        embed_sizes(cohort, points=())
    with pytest.raises(ValueError, match="one number of points with a reference from a file, found 2"):
        embed_sizes(cohort, points=(4, 8), reference=tmp_path / "points.csv")
    with pytest.raises(ValueError, match="points to be at least 1, found 0"):
        embed_sizes(cohort, points=(4, 0))
