from __future__ import annotations

from dataclasses import replace

import anndata as ad
import flowio
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from lotviz.data import CohortError, read_cohort, simulate, write_cohort
from lotviz.data.marks import says_synthetic


@pytest.mark.parametrize("form", ["parquet", "csv", "fcs", "h5ad"])
def test_a_written_cohort_reads_back_bit_for_bit(tiny, tmp_path, form):
    folder = write_cohort(tiny, tmp_path / "out", format=form)
    back = read_cohort(folder)
    assert back.markers == tiny.markers
    assert list(back.samples.index) == list(tiny.samples.index)
    assert back.cell_counts.to_dict() == tiny.cell_counts.to_dict()
    pd.testing.assert_frame_equal(back.samples, tiny.samples, check_dtype=False, check_index_type=False)
    assert back.transform == tiny.transform
    for name in tiny.samples.index:
        np.testing.assert_array_equal(back.raw(name), tiny.raw(name))
        labels = back.populations(name)
        if form == "fcs":
            assert labels is None
        else:
            np.testing.assert_array_equal(labels, tiny.populations(name))


@pytest.mark.parametrize("form", ["parquet", "fcs", "h5ad"])
def test_what_was_simulated_stays_marked_as_synthetic(tiny, tmp_path, form):
    back = read_cohort(write_cohort(tiny, tmp_path / "out", format=form))
    assert back.synthetic
    assert back.truth["population"] == tiny.truth["population"]
    (tmp_path / "out" / "truth.json").write_text("{half")
    with pytest.raises(CohortError, match=r"truth.json: Expected what was planted as JSON"):
        read_cohort(tmp_path / "out")


@pytest.mark.parametrize("form", ["parquet", "csv", "fcs", "h5ad"])
@pytest.mark.parametrize("synthetic", [True, False])
def test_every_file_says_itself_whether_its_cells_were_measured(tiny, tmp_path, form, synthetic):
    folder = write_cohort(replace(tiny, synthetic=synthetic), tmp_path / "out", format=form)
    if form == "csv":
        assert (folder / "cells.csv").read_text("utf-8").startswith("# synthetic") is synthetic
        return
    metadata = {
        "parquet": lambda: pq.read_schema(folder / "cells.parquet").metadata,
        "fcs": lambda: flowio.FlowData(str(folder / "fcs" / "P1.fcs"), only_text=True).text,
        "h5ad": lambda: ad.read_h5ad(folder / "cohort.h5ad").uns,
    }[form]()
    assert says_synthetic(metadata) is synthetic
    assert str(tmp_path) not in str(metadata)


def test_samples_without_cells_are_all_named(made, tmp_path):
    cohort = made({"a": np.ones((3, 2)), "b": np.ones((0, 2)), "c": np.ones((0, 2))})
    with pytest.raises(CohortError) as refused:
        write_cohort(cohort, tmp_path / "out")
    assert [problem.where for problem in refused.value.problems] == ["sample b", "sample c"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_samples_without_populations_have_empty_ones(made, tmp_path, form):
    cohort = made({"a": np.ones((3, 2)), "b": np.ones((2, 2))})
    source = replace(cohort.source, labels={"a": np.array(["T", "B", "T"]), "b": np.array(["", ""])})
    back = read_cohort(write_cohort(replace(cohort, source=source), tmp_path / "out", format=form))
    assert list(back.populations("a")) == ["T", "B", "T"]
    assert list(back.populations("b")) == ["", ""]


def test_a_folder_with_files_in_it_is_left_alone(tiny, tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(CohortError, match="Expected a new or empty folder"):
        write_cohort(tiny, tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["note.txt"]


def test_an_empty_folder_may_be_written_to(tiny, tmp_path):
    (tmp_path / "out").mkdir()
    assert read_cohort(write_cohort(tiny, tmp_path / "out")).total_cells == tiny.total_cells


def test_a_failed_write_leaves_nothing(made, tmp_path):
    class Broken:
        def read(self, sample):
            raise CohortError

        def populations(self, sample):
            return None

    cohort = made({"a": np.ones((3, 2))})
    object.__setattr__(cohort, "source", Broken())
    with pytest.raises(CohortError):
        write_cohort(cohort, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_format_is_refused(tiny, tmp_path):
    with pytest.raises(ValueError, match="Expected format parquet, csv, fcs or h5ad, found xls"):
        write_cohort(tiny, tmp_path / "out", format="xls")


def test_names_that_no_file_can_have_are_written_all_the_same(made, tmp_path):
    cells = {"a/b": np.ones((3, 2)), "A?B": np.zeros((3, 2)), "a b": np.full((3, 2), 7.0)}
    back = read_cohort(write_cohort(made(cells), tmp_path / "out", format="fcs"))
    assert list(back.samples.index) == ["a/b", "A?B", "a b"]
    for name, values in cells.items():
        np.testing.assert_array_equal(back.raw(name), values)


def test_organoids_keep_their_numbers(tmp_path):
    cohort = simulate("organoids", samples=12, cells=10)
    back = read_cohort(write_cohort(cohort, tmp_path / "out", format="csv"))
    assert back.samples["replicate"].dtype.kind == "i"
    assert back.truth["interaction"]["marker"] == "pERK"
