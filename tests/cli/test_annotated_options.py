"""What is read of an AnnData file, as the command line says it."""

from __future__ import annotations

import json

import anndata
import numpy as np
import pandas as pd
import pytest

from lotviz.cli import main


@pytest.fixture
def study(tmp_path):
    obs = pd.DataFrame({"sample": np.repeat(["a", "b"], 60), "kind": ["T"] * 120}, index=[f"c{n}" for n in range(120)])
    data = anndata.AnnData(np.random.default_rng(0).random((120, 4)).astype(np.float32), obs=obs)
    data.obsm["X_pca"] = np.random.default_rng(1).normal(size=(120, 2))
    data.write_h5ad(tmp_path / "study.h5ad")
    return tmp_path / "study.h5ad"


def said(capsys, *words):
    code = main([*map(str, words), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_layer_is_named(study, capsys):
    code, found = said(capsys, "validate", study, "--layer", "obsm/X_pca", "--population-key", "kind")
    assert (code, found["markers"]) == (0, 2)


def test_a_layer_that_is_not_there(study, capsys):
    code, found = said(capsys, "validate", study, "--layer", "X_pc")
    assert (code, found["ok"]) == (1, False)
    assert "Expected the layer X_pc, found X, obsm/X_pca." in found["problems"][0]["what"]
    code, found = said(capsys, "validate", study, "--population-key", "kid")
    assert "Did you mean kind?" in found["problems"][0]["fix"]
