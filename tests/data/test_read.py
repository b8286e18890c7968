from __future__ import annotations

import shutil

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from lotviz.data import (
    CohortError,
    Transform,
    fit_scaling,
    read_cohort,
    resolve_role,
    simulate,
    write_cohort,
)
from lotviz.data.sources import Kept
from lotviz.data.tables import parquet as tables
from lotviz.data.tables.cells import open_csv


def per_sample_files(cohort, folder, form):
    """The same cells as one parquet, csv, tsv, h5ad or xlsx-listed file a sample."""
    folder.mkdir()
    rows = []
    for name in cohort.samples.index:
        table = pd.DataFrame(cohort.raw(name), columns=list(cohort.markers))
        table["cell_type"] = cohort.populations(name).astype(object)
        if form == "parquet":
            table.to_parquet(folder / f"{name}.parquet")
        elif form == "h5ad":
            values = table.drop(columns="cell_type")
            obs = table[["cell_type"]].set_index(table.index.astype(str))
            anndata.AnnData(values.to_numpy(), obs=obs, var=pd.DataFrame(index=values.columns)).write_h5ad(
                folder / f"{name}.h5ad"
            )
        else:
            separator = "\t" if form == "tsv" else ","
            table.to_csv(folder / f"{name}.{form}", index=False, sep=separator, float_format="%.9g")
        rows.append({"sample": name, "file": f"{name}.{form}", **cohort.samples.loc[name]})
    return pd.DataFrame(rows)


def assert_same_cells(back, cohort):
    assert back.markers == cohort.markers
    for name in cohort.samples.index:
        np.testing.assert_array_equal(back.raw(name), cohort.raw(name))
        np.testing.assert_array_equal(back.populations(name), cohort.populations(name))


@pytest.mark.parametrize("form", ["parquet", "csv", "tsv", "h5ad"])
def test_a_sheet_opens_files_of_every_kind(tiny, tmp_path, form):
    sheet = per_sample_files(tiny, tmp_path / "study", form)
    sheet.to_csv(tmp_path / "study" / "sheet.csv", index=False)
    for path in (tmp_path / "study" / "sheet.csv", tmp_path / "study"):
        back = read_cohort(path)
        assert_same_cells(back, tiny)
        assert back.name == "study"
        assert back.origin == str(path)
        assert list(back.samples.columns) == ["patient", "label", "batch", "age"]
        assert not back.synthetic


@pytest.mark.parametrize("form", ["sheet.tsv", "my study.xlsx", "semicolons.csv", "bom.csv"])
def test_sheets_are_read_as_people_save_them(tiny, tmp_path, form):
    sheet = per_sample_files(tiny, tmp_path / "study", "parquet")
    path = tmp_path / "study" / form
    if form.endswith("xlsx"):
        sheet.to_excel(path, index=False)
    else:
        separator = {"sheet.tsv": "\t", "semicolons.csv": ";"}.get(form, ",")
        sheet.to_csv(path, index=False, sep=separator, encoding="utf-8-sig" if form == "bom.csv" else "utf-8")
    back = read_cohort(path)
    assert_same_cells(back, tiny)
    assert back.samples["age"].tolist() == tiny.samples["age"].tolist()


def test_a_sheet_typed_on_windows_finds_its_files(tiny, tmp_path):
    sheet = per_sample_files(tiny, tmp_path / "parquet", "parquet")
    sheet["file"] = "parquet\\" + sheet["file"]
    sheet.to_csv(tmp_path / "sheet.csv", index=False)
    assert_same_cells(read_cohort(tmp_path), tiny)


def test_cells_separated_by_semicolons(tiny, tmp_path):
    sheet = per_sample_files(tiny, tmp_path / "study", "csv")
    for name in tiny.samples.index:
        path = tmp_path / "study" / f"{name}.csv"
        path.write_text(path.read_text().replace(",", ";"))
    sheet.to_csv(tmp_path / "study" / "sheet.csv", index=False)
    assert_same_cells(read_cohort(tmp_path / "study"), tiny)


def test_whole_numbers_truth_values_and_gaps_are_numbers(tmp_path):
    table = pd.DataFrame(
        {
            "whole": pd.array([1, None, 3], dtype="Int64"),
            "flag": pd.array([True, None, False], dtype="boolean"),
            "small": np.array([1, 2, 3], dtype=np.int8),
            "sample_id": ["A", "A", "A"],
        }
    )
    table.to_parquet(tmp_path / "cells.parquet")
    (tmp_path / "samples.csv").write_text("sample_id\nA\n")
    raw = read_cohort(tmp_path).raw("A")
    np.testing.assert_array_equal(raw, [[1, 1, 1], [np.nan, np.nan, 2], [3, 0, 3]])


def test_identifiers_keep_their_zeros_and_missing_values_stay_missing(tiny, tmp_path):
    sheet = per_sample_files(tiny, tmp_path / "study", "parquet")
    sheet["ward"] = ["007", "012", "NA", "100"]
    sheet["dose"] = ["1.5", "", "2", "n/a"]
    sheet["sample"] = ["01", "02", "NA3", "4"]
    sheet.to_csv(tmp_path / "study" / "sheet.csv", index=False)
    samples = read_cohort(tmp_path / "study").samples
    assert list(samples.index) == ["01", "02", "NA3", "4"]
    assert samples["ward"].isna().tolist() == [False, False, True, False]
    assert samples["ward"].iloc[0] == "007"
    assert samples["dose"].dropna().tolist() == [1.5, 2.0]


def test_the_long_parquet_is_read_by_row_group_when_it_is_large(tiny, folder, monkeypatch):
    small = read_cohort(folder("parquet"))
    monkeypatch.setattr(tables, "KEPT_BYTES", 0)
    long = tables.ParquetTable
    monkeypatch.setattr(tables, "ParquetTable", lambda *given, **said: long(*given, limit=0, **said))
    large = read_cohort(small.origin)
    for name in tiny.samples.index:
        np.testing.assert_array_equal(large.raw(name), small.raw(name))
    assert large.source.table.whole == {}
    assert small.source.table.whole != {}


def test_cells_of_a_sample_may_lie_scattered_over_the_table(tiny, folder, monkeypatch):
    path = folder("parquet")
    table = pd.read_parquet(path / "cells.parquet").sample(frac=1, random_state=0)
    table.to_parquet(path / "cells.parquet", row_group_size=37)
    long = tables.ParquetTable
    for limit in (0, 2**30):
        monkeypatch.setattr(
            tables, "ParquetTable", lambda *given, limit=limit, **said: long(*given, limit=limit, **said)
        )
        back = read_cohort(path)
        for name in tiny.samples.index:
            mine = table[table["sample_id"] == name]
            np.testing.assert_array_equal(back.raw(name), mine[list(tiny.markers)].to_numpy())
            np.testing.assert_array_equal(back.populations(name), mine["cell_type"].to_numpy(dtype=str))


def test_a_long_csv_too_large_to_keep_is_read_again_in_pieces(tiny, folder, monkeypatch):
    monkeypatch.setattr("lotviz.data.tables.pieces._CHUNK", 50)
    opened = open_csv(folder("csv") / "cells.csv", "cells.csv", limit=0)
    assert opened.values is None
    rows = np.array([0, 3, 130, 131, 479])
    everything = np.concatenate([tiny.raw(name) for name in tiny.samples.index])
    np.testing.assert_array_equal(opened.read(rows, tiny.markers), everything[rows])


@pytest.mark.parametrize("sparse", ["", "csr_matrix", "csc_matrix"])
@pytest.mark.parametrize("store", ["h5ad", "zarr"])
@pytest.mark.filterwarnings("ignore:Writing zarr v2 data:UserWarning")  # the test writes it, not the product
def test_annotated_data_dense_or_sparse_sorted_or_not(tiny, tmp_path, store, sparse):
    rng = np.random.default_rng(0)
    cells = np.concatenate([tiny.raw(name) for name in tiny.samples.index])
    obs = pd.DataFrame({"donor": np.repeat(tiny.samples.index.to_numpy(), 120)})
    obs["label"] = pd.Categorical(tiny.samples["label"].loc[obs["donor"]].to_numpy())
    obs["age"] = tiny.samples["age"].loc[obs["donor"]].to_numpy()
    obs["quality"] = rng.random(len(obs))
    order = rng.permutation(len(obs))
    obs = obs.iloc[order].set_index(pd.Index([str(number) for number in range(len(obs))]))
    values = getattr(scipy.sparse, sparse)(cells[order]) if sparse else cells[order]
    data = anndata.AnnData(values, obs=obs, var=pd.DataFrame(index=list(tiny.markers)))
    path = tmp_path / f"study.{store}"
    data.write_h5ad(path) if store == "h5ad" else data.write_zarr(path)
    back = read_cohort(path)
    assert "The column donor of obs is taken as the sample of a cell." in str(back.problems[0])
    assert set(back.samples.columns) == {"label", "age"}
    for name in tiny.samples.index:
        np.testing.assert_array_equal(back.raw(name), cells[order][(obs["donor"] == name).to_numpy()])
        assert back.samples.loc[name, "age"] == tiny.samples.loc[name, "age"]
    assert not any("taken as" in str(problem) for problem in read_cohort(path, sample_key="donor").problems)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.linspace(0, 900, 400), "arcsinh"),
        (np.linspace(0, 8, 400), "none"),
        (np.linspace(-2, 49, 400), "none"),
        (np.round(np.linspace(0, 1023, 400)), "none"),
    ],
)
def test_the_transform_is_decided_by_the_values_and_said(made, tmp_path, values, kind):
    cells = np.column_stack([values, values[::-1]])
    path = write_cohort(made({"a": cells, "b": cells}), tmp_path / "out")
    back = read_cohort(path)
    assert back.transform.kind == kind
    said = [problem for problem in back.problems if "was chosen" in problem.what]
    assert len(said) == 1
    assert said[0].severity == "warning"
    assert f"The transform {back.transform.describe()} was chosen" in said[0].what


def test_a_transform_asked_for_is_taken_and_doubted_when_the_values_are_transformed(made, tmp_path):
    cells = np.random.default_rng(0).normal(3, 1, (200, 2))
    path = write_cohort(made({"a": cells, "b": cells + 1}), tmp_path / "out")
    assert read_cohort(path, transform="none").problems == ()
    given = Transform("arcsinh", 150)
    doubted = read_cohort(path, transform=given)
    assert doubted.transform is given
    assert "They look transformed already: choose the transform none." in str(doubted.problems[0])
    assert read_cohort(path, transform="log1p").transform.kind == "log1p"


def test_markers_may_be_chosen_and_ordered(tiny, folder):
    path = folder("fcs")
    chosen = (tiny.markers[3], tiny.markers[1])
    back = read_cohort(path, markers=chosen)
    assert back.markers == chosen
    np.testing.assert_array_equal(back.raw("P1"), tiny.raw("P1")[:, [3, 1]])


def test_markers_that_some_files_lack_are_left_out_and_named(tiny, tmp_path):
    sheet = per_sample_files(tiny, tmp_path / "study", "parquet")
    path = tmp_path / "study" / "P2.parquet"
    pd.read_parquet(path).rename(columns={tiny.markers[0]: "CD3x"}).to_parquet(path)
    sheet.to_csv(tmp_path / "study" / "sheet.csv", index=False)
    back = read_cohort(tmp_path / "study")
    assert back.markers == tiny.markers[1:]
    said = next(str(problem) for problem in back.problems if "in every file" in problem.what)
    assert "5 of 7 markers are in every file and used" in said
    assert f"P2.parquet lacks {tiny.markers[0]}" in said
    assert "P1.parquet lacks CD3x" in said
    np.testing.assert_array_equal(back.raw("P2"), tiny.raw("P2")[:, 1:])


def test_an_instruments_own_channels_are_left_out_unless_asked_for(tiny, tmp_path):
    sheet = per_sample_files(tiny, tmp_path / "study", "csv")
    for name in tiny.samples.index:
        path = tmp_path / "study" / f"{name}.csv"
        pd.read_csv(path).assign(Time=range(120), FSC=1.5).to_csv(path, index=False)
    sheet.to_csv(tmp_path / "study" / "sheet.csv", index=False)
    back = read_cohort(tmp_path / "study")
    assert back.markers == (*tiny.markers, "FSC")  # somebody kept it in a prepared table
    assert any("1 channel is left out (time: Time)" in problem.what for problem in back.problems)
    np.testing.assert_array_equal(read_cohort(tmp_path / "study", markers=["Time"]).raw("P1")[:, 0], np.arange(120))


def test_small_samples_are_named(made, tmp_path):
    cells = {"few": np.ones((99, 2)), "enough": np.ones((100, 2))}
    problems = read_cohort(write_cohort(made(cells), tmp_path / "out")).problems
    assert any("1 of 2 samples have fewer than 100 cells: few (99)." in problem.what for problem in problems)


def test_a_role_is_found_by_the_names_people_give_it(made):
    cohort = made({"a": np.ones((2, 1)), "b": np.ones((2, 1))}, Donor=["x", "y"], condition=["p", "q"])
    assert resolve_role(cohort, "condition") == ("condition", None)
    assert resolve_role(cohort, "label") == (
        "condition",
        "There is no column label: the column condition is used as label.",
    )
    assert resolve_role(cohort, "group")[0] == "Donor"


def test_the_role_itself_comes_before_its_other_names(made):
    cohort = made({"a": np.ones((2, 1))}, Label=["p"], condition=["q"])
    assert resolve_role(cohort, "label") == ("Label", "There is no column label: the column Label is used as label.")


def test_a_role_with_two_candidates_is_not_guessed(made):
    cohort = made({"a": np.ones((2, 1))}, condition=["p"], diagnosis=["q"])
    with pytest.raises(ValueError, match="Expected a column label, found condition, diagnosis"):
        resolve_role(cohort, "label")


def test_reading_changes_no_file(folder, tmp_path):
    path = folder("csv")
    copy = shutil.copytree(path, tmp_path / "copy")
    cohort = read_cohort(path)
    fit_scaling(cohort)
    for entry in sorted(path.iterdir()):
        assert entry.read_bytes() == (copy / entry.name).read_bytes()
    assert {entry.name for entry in path.iterdir()} == {entry.name for entry in copy.iterdir()}


def test_kept_cells_are_forgotten_oldest_first():
    kept = Kept(limit=800)
    arrays = {name: np.zeros(50) for name in "abc"}  # 400 bytes each
    for name in "ab":
        kept.get(name, lambda name=name: arrays[name])
    kept.get("a", lambda: pytest.fail("a is kept"))
    kept.get("c", lambda: arrays["c"])
    assert set(kept.arrays) == {"a", "c"}
    kept.get("large", lambda: np.zeros(1000))
    assert "large" not in kept.arrays


def test_cells_handed_out_twice_cannot_be_altered(folder):
    cohort = read_cohort(folder("fcs"))
    with pytest.raises(ValueError, match="read-only"):
        cohort.raw("P1")[0, 0] = 1


def test_nothing_is_read_outside_the_folder_that_bounds_it(tmp_path):
    inside, outside = tmp_path / "root", tmp_path / "secret"
    cohort = simulate(samples=2, cells=30, seed=1)
    write_cohort(cohort, outside, format="csv")
    write_cohort(cohort, inside, format="csv")
    assert len(read_cohort(inside, within=inside).samples) == 2
    file = next(path for path in outside.rglob("*.csv") if path.name not in {"sheet.csv", "samples.csv"})
    (inside / "link.csv").symlink_to(file)
    for name in (str(file), f"../secret/{file.relative_to(outside)}", "link.csv"):
        sheet = inside / "escape.csv"
        sheet.write_text(f"sample,file\nA,{name}\n", encoding="utf-8")
        with pytest.raises(CohortError, match="inside the data root") as caught:
            read_cohort(sheet, within=inside)
        assert "escape.csv, row 2" in str(caught.value)


@pytest.mark.parametrize("name", ["sheet.csv", "samples.csv", "truth.json"])
def test_no_table_of_a_folder_leads_out_of_the_folder_that_bounds_it(tmp_path, name):
    inside, outside = tmp_path / "root" / "study", tmp_path / "secret"
    write_cohort(simulate(samples=2, cells=30, seed=1), inside, format="parquet" if name == "samples.csv" else "fcs")
    outside.mkdir()
    (inside / name).rename(outside / name)
    (inside / name).symlink_to(outside / name)
    assert len(read_cohort(inside).samples) == 2
    with pytest.raises(CohortError, match=f"Expected a path inside the data root, found {name} outside it"):
        read_cohort(inside, within=tmp_path / "root")


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, "{", "\ud800"])
def test_a_truth_that_is_no_json_is_refused(tmp_path, text):
    folder = write_cohort(simulate(samples=2, cells=30, seed=1), tmp_path / "made", format="fcs")
    (folder / "truth.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(CohortError, match="Expected what was planted as JSON"):
        read_cohort(folder)


def test_samples_whose_file_cannot_be_read_are_left_out_only_when_the_user_says_so(tmp_path):
    folder = write_cohort(simulate(samples=4, cells=60, markers=3, seed=8), tmp_path / "made", format="fcs")
    files = sorted((folder / "fcs").iterdir())
    files[1].write_bytes(files[1].read_bytes()[:400])
    files[2].unlink()
    with pytest.raises(CohortError) as refused:
        read_cohort(folder)
    assert len(refused.value.problems) == 2
    cohort = read_cohort(folder, skip_unreadable=True)
    assert list(cohort.samples.index) == ["P1", "P4"]
    left_out = [problem for problem in cohort.problems if "left out, as you chose" in problem.fix]
    assert [problem.severity for problem in left_out] == ["warning"] * 2
    assert len(cohort.cell_counts) == 2


def test_without_any_file_that_can_be_read_there_is_no_cohort(tmp_path):
    folder = write_cohort(simulate(samples=2, cells=60, markers=3, seed=8), tmp_path / "made", format="fcs")
    for path in (folder / "fcs").iterdir():
        path.unlink()
    with pytest.raises(CohortError):
        read_cohort(folder, skip_unreadable=True)


def test_a_sheet_that_is_wrong_itself_is_refused_even_then(tmp_path):
    folder = write_cohort(simulate(samples=3, cells=60, markers=3, seed=8), tmp_path / "made", format="fcs")
    sheet = folder / "sheet.csv"
    sheet.write_text(sheet.read_text().replace("P2,", "P1,", 1))
    with pytest.raises(CohortError, match="found P1 again"):
        read_cohort(folder, skip_unreadable=True)
