from __future__ import annotations

import json
from dataclasses import replace

import anndata as ad
import flowio
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from lotviz.data import formats as module
from lotviz.data.marks import SYNTHETIC_MARK

WEIGHTS = {"P1": 0.25, "P4": 0.75}


@pytest.fixture(scope="module")
def drawn(embedding):
    return embedding.interpolate(WEIGHTS, 80, seed=2)


@pytest.fixture(scope="module")
def exact(embedding):
    return embedding.interpolate(WEIGHTS)


def check_recipe(text, expected_masses="equal"):
    recipe = json.loads(text)
    assert recipe["synthetic"] == SYNTHETIC_MARK
    assert recipe["weights"] == WEIGHTS
    assert recipe["masses"] == expected_masses
    assert (recipe["seed"], recipe["transform"], recipe["values"]) == (2, "arcsinh, cofactor 5", "transformed")


def test_parquet_holds_cells_mark_and_recipe(drawn, tmp_path):
    table = pq.read_table(drawn.write(tmp_path / "s.parquet"))
    assert table.schema.metadata[b"synthetic"].decode() == SYNTHETIC_MARK
    check_recipe(table.schema.metadata[b"lotviz_recipe"])
    frame = table.to_pandas()
    assert list(frame.columns) == [*drawn.markers, "cell_type"]
    np.testing.assert_array_equal(frame[list(drawn.markers)].to_numpy(), drawn.cells)
    assert list(frame["cell_type"]) == list(drawn.populations)


def test_csv_begins_with_the_mark(drawn, tmp_path):
    path = drawn.write(tmp_path / "s.csv")
    first = path.read_text("utf-8").splitlines()[0]
    assert first.startswith("# synthetic")
    check_recipe(first.removeprefix(f"# {SYNTHETIC_MARK} "))
    frame = pd.read_csv(path, comment="#")
    np.testing.assert_allclose(frame[list(drawn.markers)].to_numpy(), drawn.cells, rtol=1e-6)


def test_h5ad_holds_cells_mark_and_recipe(drawn, tmp_path):
    data = ad.read_h5ad(drawn.write(tmp_path / "s.h5ad"))
    assert data.uns["synthetic"] == SYNTHETIC_MARK
    check_recipe(data.uns["lotviz_recipe"])
    assert list(data.var_names) == list(drawn.markers)
    np.testing.assert_array_equal(data.X, drawn.cells)
    assert list(data.obs["cell_type"]) == list(drawn.populations)


def test_fcs_holds_cells_mark_and_recipe(drawn, tmp_path):
    data = flowio.FlowData(str(drawn.write(tmp_path / "s.fcs")))
    assert data.text["synthetic"] == SYNTHETIC_MARK
    check_recipe(data.text["lotviz_recipe"])
    assert data.pns_labels == list(drawn.markers)
    np.testing.assert_array_equal(np.reshape(data.events, (80, -1)).astype(np.float32), drawn.cells)


@pytest.mark.parametrize("ending", ["parquet", "csv", "h5ad", "fcs"])
def test_unequal_masses_are_written_beside_the_cells(exact, tmp_path, ending):
    path = exact.write(tmp_path / f"s.{ending.upper()}")
    if ending == "parquet":
        masses = pd.read_parquet(path)["mass"]
    elif ending == "csv":
        masses = pd.read_csv(path, comment="#")["mass"]
    elif ending == "h5ad":
        masses = ad.read_h5ad(path).obs["mass"]
    else:
        masses = np.reshape(flowio.FlowData(str(path)).events, (len(exact.cells), -1))[:, -1]
    np.testing.assert_allclose(masses, exact.masses, rtol=1e-6)
    assert exact.recipe["masses"] == "column mass"


def test_raw_values_undo_the_transform(drawn, tmp_path):
    path = drawn.write(tmp_path / "s.parquet", values="raw")
    raw = pd.read_parquet(path)[list(drawn.markers)].to_numpy()
    np.testing.assert_allclose(np.arcsinh(raw / 5), drawn.cells, rtol=1e-4, atol=1e-5)
    assert json.loads(pq.read_schema(path).metadata[b"lotviz_recipe"])["values"] == "raw"


def test_a_marker_called_mass_is_kept(exact, tmp_path):
    named = replace(exact, markers=("mass", *exact.markers[1:]))
    frame = pd.read_parquet(named.write(tmp_path / "s.parquet"))
    np.testing.assert_array_equal(frame["mass"], exact.cells[:, 0])
    np.testing.assert_array_equal(frame["mass_synthetic"], exact.masses)


def test_marker_names_that_fcs_does_not_allow_keep_their_label(drawn, tmp_path):
    named = replace(drawn, markers=("pSMAD2/3", "CD4, total", *drawn.markers[2:]))
    data = flowio.FlowData(str(named.write(tmp_path / "s.fcs")))
    assert data.pns_labels[:2] == ["pSMAD2/3", "CD4, total"]
    np.testing.assert_array_equal(np.reshape(data.events, (80, -1)).astype(np.float32), drawn.cells)


def test_unknown_populations_are_left_out(drawn, tmp_path):
    assert "cell_type" not in pd.read_parquet(replace(drawn, populations=None).write(tmp_path / "s.parquet"))


@pytest.mark.parametrize("name", ["s.xlsx", "s", "s.pkl"])
def test_unknown_endings_are_refused_with_the_known_ones(drawn, tmp_path, name):
    with pytest.raises(ValueError, match=rf"ending in .parquet, .csv, .h5ad, .fcs, found {name}\."):
        drawn.write(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_unknown_values_and_missing_folders_are_refused(drawn, tmp_path):
    with pytest.raises(ValueError, match='"transformed" or "raw", found \'scaled\''):
        drawn.write(tmp_path / "s.csv", values="scaled")
    with pytest.raises(FileNotFoundError, match=r"Expected the folder .*nowhere to exist"):
        drawn.write(tmp_path / "nowhere" / "s.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(IsADirectoryError, match="found a folder"):
        drawn.write(tmp_path / "folder.csv")


def test_a_failure_leaves_the_old_file_and_nothing_else(drawn, tmp_path, monkeypatch):
    def half(path, _cells):
        path.write_text("half")
        raise OSError("No space left on device")

    target = tmp_path / "s.csv"
    target.write_text("old")
    monkeypatch.setitem(module._WRITERS, ".csv", half)
    with pytest.raises(OSError, match="No space"):
        drawn.write(target)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("s.csv", "old")]
