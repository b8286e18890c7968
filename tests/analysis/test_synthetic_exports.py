"""Every kind of synthetic sample in every format, read back by the programs people use, mark and recipe present."""

from __future__ import annotations

import json
from dataclasses import replace

import flowio
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from lotviz.analysis import fit_model, made_severe, severity
from lotviz.data.marks import SYNTHETIC_MARK
from lotviz.transport.carry import carried_over

KINDS = ("lines", "pairs", "kinds", "combined", "along", "severe", "carried")


@pytest.fixture(scope="module")
def made(embedding, patients):
    a, b, c = map(str, embedding.samples.index[:3])
    model = fit_model(embedding, patients.column("label"), positive="case")
    samples = {
        "lines": embedding.interpolate({a: 0.5, b: 0.5}, 60, seed=7),
        "pairs": embedding.interpolate({a: 0.5, b: 0.5}, seed=7),
        "kinds": embedding.interpolate({a: 0.2, b: 0.5, c: 0.3}, 60, seed=7, manner="kinds"),
        "combined": embedding.combine({a: 1.0, b: 1.0, c: -1.0}, 60, seed=7),
        "along": embedding.along([a, b, c], 1.5, n_cells=60, seed=7),
        "severe": made_severe(embedding, severity(embedding, model, a), 1.5, n_cells=60, seed=7),
        "carried": carried_over(embedding, a, before={b: 1.0}, after={c: 1.0}, n_cells=60, seed=7),
    }
    assert set(samples) == set(KINDS)
    return {kind: replace(one, validity=embedding.validity(one)) for kind, one in samples.items()}


def check(text, sample, embedding):
    recipe = json.loads(text)
    assert recipe["synthetic"] == SYNTHETIC_MARK
    assert recipe["weights"] == dict(sample.weights)
    assert (recipe["seed"], recipe["method"], recipe["cells"]) == (7, sample.method, len(sample.cells))
    assert recipe["inputs"] == {name: embedding.sample_hashes[name] for name in sample.inputs}
    assert {name for name, weight in sample.weights.items() if weight} <= set(recipe["inputs"])
    assert recipe["versions"]["lotviz"] == embedding.versions["lotviz"]
    assert recipe["validity"] == json.loads(json.dumps(sample.validity.record()))
    assert recipe["validity"]["verdict"]
    assert recipe["lotviz"]


@pytest.mark.parametrize("kind", KINDS)
def test_pandas_and_pyarrow_read_parquet(made, embedding, tmp_path, kind):
    path = made[kind].write(tmp_path / "s.parquet")
    metadata = pq.read_schema(path).metadata
    assert metadata[b"synthetic"].decode() == SYNTHETIC_MARK
    check(metadata[b"lotviz_recipe"], made[kind], embedding)
    frame = pd.read_parquet(path)
    np.testing.assert_array_equal(frame[list(made[kind].markers)].to_numpy(), made[kind].cells)


@pytest.mark.parametrize("kind", KINDS)
def test_pandas_reads_csv(made, embedding, tmp_path, kind):
    path = made[kind].write(tmp_path / "s.csv")
    first = path.read_text("utf-8").splitlines()[0]
    assert first.startswith(f"# {SYNTHETIC_MARK}")
    check(first.removeprefix(f"# {SYNTHETIC_MARK} "), made[kind], embedding)
    frame = pd.read_csv(path, comment="#")
    np.testing.assert_allclose(frame[list(made[kind].markers)].to_numpy(), made[kind].cells, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_scanpy_reads_h5ad(made, embedding, tmp_path, kind):
    import scanpy as sc

    data = sc.read_h5ad(made[kind].write(tmp_path / "s.h5ad"))
    assert data.uns["synthetic"] == SYNTHETIC_MARK
    check(data.uns["lotviz_recipe"], made[kind], embedding)
    np.testing.assert_array_equal(data.X, made[kind].cells)
    assert list(data.var_names) == list(made[kind].markers)
    assert list(data.obs["cell_type"]) == list(made[kind].populations)
    sc.pp.pca(data, n_comps=2, random_state=0)
    assert data.obsm["X_pca"].shape == (len(made[kind].cells), 2)


@pytest.mark.parametrize("kind", KINDS)
def test_flowio_reads_fcs(made, embedding, tmp_path, kind):
    data = flowio.FlowData(str(made[kind].write(tmp_path / "s.fcs")))
    assert data.text["synthetic"] == SYNTHETIC_MARK
    check(data.text["lotviz_recipe"], made[kind], embedding)
    events = np.reshape(data.events, (len(made[kind].cells), -1)).astype(np.float32)
    np.testing.assert_array_equal(events[:, : len(made[kind].markers)], made[kind].cells)


@pytest.mark.filterwarnings("ignore")  # FlowKit brings libraries with warnings of their own
@pytest.mark.parametrize("kind", KINDS)
def test_flowkit_reads_fcs(made, embedding, tmp_path, kind):
    import flowkit

    sample = flowkit.Sample(str(made[kind].write(tmp_path / "s.fcs")), subsample=8)
    metadata = sample.get_metadata()
    assert metadata["synthetic"] == SYNTHETIC_MARK
    check(metadata["lotviz_recipe"], made[kind], embedding)
    events = sample.get_events(source="raw").astype(np.float32)
    np.testing.assert_array_equal(events[:, : len(made[kind].markers)], made[kind].cells)
    assert list(sample.pns_labels)[: len(made[kind].markers)] == list(made[kind].markers)


def test_recipes_hold_what_is_particular_to_each(made, embedding):
    a, b, c = map(str, embedding.samples.index[:3])
    assert made["combined"].recipe["weights"] == {a: 1.0, b: 1.0, c: -1.0}
    assert (made["along"].recipe["along"], made["along"].recipe["at"]) == ([a, b, c], 1.5)
    assert (made["severe"].recipe["score_changed_by"], made["severe"].recipe["along"]) == (1.5, "difference")
    assert made["carried"].recipe["after"] == {c: 1.0}
    assert made["pairs"].recipe["masses"] == "column mass"
