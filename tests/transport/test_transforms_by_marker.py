from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from lotviz.data import CohortError, Logicle, MarkerTransforms, Scaling, Transform
from lotviz.transport import LOTEmbedding, embed
from lotviz.transport.reference import Reference
from lotviz.transport.transported import key_of
from tests.transport.clouds import cloud, cohort_of

OWN = (Transform("arcsinh", 0.5), Transform("logicle", logicle=Logicle(T=1000, W=0.3)), Transform("none"))


def cells_of(cohort):
    return MarkerTransforms(cohort.markers, OWN[: cohort.n_markers])


@pytest.fixture(scope="module")
def cohort():
    plain = cohort_of({name: 20 * cloud(seed, 40, 3) for seed, name in enumerate("ABC")})
    return replace(plain, transform=cells_of(plain))


@pytest.fixture(scope="module")
def embedding(cohort):
    return embed(cohort, points=8)


@pytest.fixture
def loaded(embedding, tmp_path):
    return LOTEmbedding.load(embedding.save(tmp_path / "own.lot"))


def test_a_file_keeps_the_transform_of_each_marker(cohort, embedding, loaded):
    assert loaded.transform == embedding.transform == cohort.transform
    assert loaded.parameters == embedding.parameters
    assert loaded.maps.tobytes() == embedding.maps.tobytes()
    np.testing.assert_array_equal(loaded.project(cohort).maps, embedding.maps)


def test_anndata_keeps_it_as_well(embedding):
    assert LOTEmbedding.from_anndata(embedding.to_anndata()).transform == embedding.transform


def test_only_files_that_need_it_ask_for_a_newer_version(cohort, embedding, tmp_path):
    plain = embed(replace(cohort, transform=Transform("none")), points=4)
    for one, version in ((plain, 1), (embedding, 2)):
        with zipfile.ZipFile(one.save(tmp_path / "one.lot")) as file:
            header = next(name for name in file.namelist() if name.endswith(".json"))
            assert json.loads(file.read(header))["version"] == version


def test_other_samples_must_have_the_same_transform_of_each_marker(cohort, embedding):
    turned = MarkerTransforms(cohort.markers, (OWN[0], OWN[1], Transform("log1p")))
    with pytest.raises(CohortError, match=r"transform of the embedding \(none\), found another \(log1p\)"):
        embedding.project(replace(cohort, transform=turned))
    wider = cohort.select(markers=cohort.markers[::-1])
    np.testing.assert_allclose(embedding.project(wider).maps, embedding.maps, rtol=1e-12)


def test_synthetic_cells_go_back_to_raw_values(embedding, cohort, tmp_path):
    import pandas as pd

    sample = embedding.interpolate({"A": 1.0}, n_cells=40)
    written = pd.read_parquet(sample.write(tmp_path / "raw.parquet", values="raw"))
    raw = cohort.raw("A")[sample.origins["A"]]
    np.testing.assert_allclose(written[list(cohort.markers)].to_numpy(), raw, rtol=1e-4, atol=1e-3)
    assert "logicle, T=1000, W=0.3" in sample.recipe["transform"]


def test_the_store_knows_one_transform_from_another(cohort):
    reference = Reference(np.zeros((1, 3)), np.ones(1), "kmeans", 0)
    keys = {
        key_of(one.cells("A"), Scaling.identity(3), reference, solver="simplex").digest
        for one in (cohort, replace(cohort, transform=Transform("none")), replace(cohort, transform=OWN[0]))
    }
    assert len(keys) == 3
