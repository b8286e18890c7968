"""One file of cells in four formats: the same numbers and names, and the mark of what was never measured."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import anndata as ad
import flowio
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from lotviz.data import CohortError
from lotviz.data import formats as module
from lotviz.data.formats import write_cells
from lotviz.data.marks import RECIPE_KEY, names_written, says_synthetic, written_names
from lotviz.data.versions import installed

ENDINGS = ["parquet", "csv", "h5ad", "fcs"]
VALUES = np.array([[1.5, -0.0], [1e-45, 3.4e38], [-7.25, 1 / 3]], np.float32)
ODD = ["CD4, total", "", "CD4, total", "x/y", "é" * 200, "sample", "cell_type", "#", 'say "a"', "a;b;c;d", "two\nlines"]


def write(folder, ending, *, values=VALUES, markers=("A", "B"), synthetic=True, **more):
    return write_cells(folder / f"cells.{ending}", values, markers, synthetic=synthetic, about={"seed": 3}, **more)


def metadata(path):
    ending = path.suffix
    if ending == ".parquet":
        return pq.read_schema(path).metadata
    if ending == ".h5ad":
        return ad.read_h5ad(path).uns
    if ending == ".fcs":
        return flowio.FlowData(str(path)).text
    first = path.read_text("utf-8").splitlines()[0]
    mark, _, recipe = first.removeprefix("# ").partition(" {")
    return {"synthetic": mark, RECIPE_KEY: "{" + recipe} if first.startswith("#") else {}


def read(path):
    """Names and values by a reader that is not ours."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return table.column_names, np.column_stack([column.to_numpy() for column in table.columns])
    if path.suffix == ".h5ad":
        data = ad.read_h5ad(path)
        return list(data.var_names), data.X
    if path.suffix == ".fcs":
        flow = flowio.FlowData(str(path))
        return list(names_written(flow.text)), flow.as_array().astype(np.float32)
    table = pd.read_csv(path, skiprows=int(path.read_text("utf-8").startswith("# ")), float_precision="round_trip")
    return list(table.columns), table.to_numpy().astype(np.float32)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("synthetic", [True, False])
def test_every_bit_and_the_mark_are_in_the_file(tmp_path, ending, synthetic):
    path = write(tmp_path, ending, synthetic=synthetic)
    names, values = read(path)
    assert names == ["A", "B"]
    np.testing.assert_array_equal(values.view(np.uint32), VALUES.view(np.uint32))
    found = metadata(path)
    assert says_synthetic(found) is synthetic
    if synthetic or ending != "csv":
        recipe = {key.lower() if isinstance(key, str) else key.decode(): value for key, value in found.items()}[
            RECIPE_KEY
        ]
        digest = hashlib.sha256(VALUES.tobytes()).hexdigest()
        assert json.loads(recipe) == {"seed": 3, "lotviz": installed("lotviz"), "sha256": digest}
    if ending == "fcs":
        assert found.get("com", "").startswith("synthetic") is synthetic


@pytest.mark.parametrize("ending", ENDINGS)
def test_odd_names_are_the_same_in_every_format(tmp_path, ending):
    values = np.arange(len(ODD) * 2, dtype=np.float32).reshape(2, -1) + np.float32(0.1)
    names, found = read(write(tmp_path, ending, values=values, markers=ODD))
    assert tuple(names) == written_names(ODD, taken=module.TABLE_WORDS)
    assert names[:3] == ["CD4, total", "marker 2", "CD4, total #2"]
    assert names[5:7] == ["sample #2", "cell_type #2"]
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_populations_are_a_column_of_text(tmp_path, ending):
    path = write(tmp_path, ending, populations=np.array(["T, naive", "B", "T, naive"]), beside={"mass": np.ones(3)})
    table = pd.read_parquet(path) if ending == "parquet" else pd.read_csv(path, comment="#")
    assert list(table.columns) == ["A", "B", "mass", "cell_type"]
    assert list(table["cell_type"]) == ["T, naive", "B", "T, naive"]


def test_an_h5ad_names_its_sample_by_the_file(tmp_path):
    data = ad.read_h5ad(write(tmp_path, "h5ad", populations=np.array(["T", "B", "T"]), beside={"mass": np.ones(3)}))
    assert list(data.obs["sample"]) == ["cells"] * 3
    assert (list(data.obs["cell_type"]), list(data.obs["mass"])) == (["T", "B", "T"], [1, 1, 1])


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("values", "markers", "message"),
    [
        (np.array([[1.0, np.nan]]), ["A", "B"], r"cells\.\w+, marker B: Expected finite numbers, found NaN or inf"),
        (np.array([[1.0, 1e39]]), ["A", "B"], "found NaN or infinity in 1 of 1 cells"),
        (np.empty((0, 2)), ["A", "B"], "Expected at least one of the cells"),
        (np.empty((3, 0)), [], "Expected at least one of the markers"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, ending, values, markers, message):
    with pytest.raises(CohortError, match=message):
        write(tmp_path, ending, values=values, markers=markers)
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_fit_together_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Expected values of 3 markers, found shape"):
        write(tmp_path, "csv", markers=["A", "B", "C"])
    with pytest.raises(ValueError, match="Expected 3 populations, found 2"):
        write(tmp_path, "csv", populations=np.array(["T", "B"]))
    with pytest.raises(ValueError, match=r"Expected a file ending in .parquet, .csv, .h5ad, .fcs, found cells\.xls"):
        write(tmp_path, "xls")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk_or_an_interruption_leaves_the_old_file_alone(tmp_path, ending, monkeypatch):
    path = write(tmp_path, ending)
    before = path.read_bytes()
    for failure in (OSError(28, "No space left on device"), KeyboardInterrupt()):

        def half(draft, cells, failure=failure):
            draft.write_bytes(b"half")
            raise failure

        monkeypatch.setitem(module._WRITERS, f".{ending}", half)
        with pytest.raises(type(failure)):
            write(tmp_path, ending)
        assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
        assert path.read_bytes() == before


def test_a_name_as_long_as_a_file_system_takes_is_written(tmp_path):
    path = write_cells(tmp_path / f"{'x' * 240}.csv", VALUES, ["A", "B"], synthetic=False, about={})
    assert read(path)[0] == ["A", "B"]
    assert len(list(tmp_path.iterdir())) == 1


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
import anndata
import numpy as np
from lotviz.data.formats import write_cells

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
values = np.random.default_rng(0).random((3000, 10), dtype=np.float32)
for ending in ("parquet", "csv", "h5ad", "fcs"):
    try:
        write_cells(Path(sys.argv[1]) / f"cells.{ending}", values, list("ABCDEFGHIJ"), synthetic=True, about={})
    except OSError:
        sys.stdout.write(f"{ending} ")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="this system has no limit of file sizes to stand for a full disk")
def test_a_disk_that_fills_up_while_writing_is_an_error_and_leaves_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "parquet csv h5ad fcs "
    assert list(tmp_path.iterdir()) == []
