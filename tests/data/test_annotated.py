"""AnnData files of every layout: the right rows of the right matrix, only what is needed of obs, clear refusals."""

from __future__ import annotations

import time
import tracemalloc

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from lotviz.data import CohortError, check, read_cohort
from lotviz.data.annotated.matrix import spans
from lotviz.data.annotated.obs import Obs
from lotviz.data.annotated.obs_roles import propose_roles
from lotviz.data.annotated.reader import AnnotatedChoices, layers_of, open_annotated, sample_table

# of writing, which the tests do and the product does not
pytestmark = [
    pytest.mark.filterwarnings("ignore:Writing zarr v2 data:UserWarning"),
    pytest.mark.filterwarnings("ignore:zarr v3 autosharding:UserWarning"),
    pytest.mark.filterwarnings("ignore:Consolidated metadata:UserWarning"),
]

CELLS, GENES = 120, 7


@pytest.fixture
def written(tmp_path):
    """An AnnData file with counts in a layer, scores in an obsm and more genes in raw; what was written beside it."""

    def write(form="h5ad", *, layout="", x=None, layers=None, index=None, **obs):
        rng = np.random.default_rng(3)
        counts = rng.poisson(1.5, (CELLS, GENES)).astype(np.float32)
        stored = getattr(scipy.sparse, layout)(counts) if layout else counts
        table = {"sample": np.array(list("abcd"))[np.arange(CELLS) % 4], **obs}
        frame = pd.DataFrame(table, index=index or [f"c{number}" for number in range(CELLS)])
        var = pd.DataFrame(index=[f"g{number}" for number in range(GENES)])
        whole = anndata.AnnData(np.hstack([counts, counts]) + 1, obs=frame)
        whole.var_names = [f"r{number}" for number in range(2 * GENES)]
        data = anndata.AnnData(stored if x is None else x, obs=frame, var=var)
        data.raw = whole
        data.layers["counts"] = stored * 2
        data.obsm["X_pca"] = counts[:, :3] - 1
        path = tmp_path / f"study.{form.split('-')[0]}"
        if form == "h5ad":
            data.write_h5ad(path)
        else:
            with anndata.settings.override(zarr_write_format=int(form[-1])):
                data.write_zarr(path)
        return path, counts

    return write


def refused(path, **options):
    with pytest.raises(CohortError) as caught:
        read_cohort(path, **options)
    return str(caught.value)


@pytest.mark.parametrize("layout", ["", "csr_matrix", "csc_matrix"])
@pytest.mark.parametrize("form", ["h5ad", "zarr-2", "zarr-3"])
def test_every_layer_of_every_layout(written, form, layout):
    path, counts = written(form, layout=layout)
    rows = np.arange(CELLS) % 4 == 1
    for layer, expected, first in (
        (None, counts, "g0"),
        ("X", counts, "g0"),
        ("layers/counts", counts * 2, "g0"),
        ("counts", counts * 2, "g0"),
        ("raw", np.hstack([counts, counts]) + 1, "r0"),
        ("obsm/X_pca", counts[:, :3] - 1, "X_pca1"),
    ):
        cohort = read_cohort(path, layer=layer)
        assert cohort.markers[0] == first
        assert cohort.n_markers == expected.shape[1]
        np.testing.assert_array_equal(cohort.raw("b"), expected[rows])
    few = read_cohort(path, markers=["g4", "g1"])
    np.testing.assert_array_equal(few.raw("b"), counts[rows][:, [4, 1]])


@pytest.mark.parametrize("layout", ["", "csr_matrix", "csc_matrix"])
def test_small_blocks_read_the_same(written, monkeypatch, layout):
    path, counts = written(layout=layout)
    monkeypatch.setattr("lotviz.data.annotated.matrix._ENTRIES", 5)
    monkeypatch.setattr("lotviz.data.annotated.matrix._BLOCK_BYTES", 100)
    monkeypatch.setattr("lotviz.data.annotated.matrix._GAP_BYTES", 60)
    table = open_annotated(path, "study.h5ad")
    rows = np.array([0, 1, 2, 30, 31, 90, 119])
    np.testing.assert_array_equal(table.read(rows, table.markers), counts[rows])
    np.testing.assert_array_equal(table.read_sparse(rows).toarray(), counts[rows])
    assert table.read_sparse(rows[:0]).shape == (0, GENES)
    assert table.read(rows[:0], table.markers).shape == (0, GENES)


@given(st.sets(st.integers(0, 500)), st.integers(1, 60), st.integers(1, 60))
@settings(deadline=None)
def test_spans_cover_all_rows_within_their_bounds(chosen, most, gap):
    rows = np.array(sorted(chosen), dtype=np.intp)
    found = list(spans(rows, most=most, gap=gap))
    assert [place for low, high in found for place in range(low, high)] == list(range(len(rows)))
    for low, high in found:
        assert rows[high - 1] - rows[low] < most
        assert (np.diff(rows[low:high]) <= gap).all()


def test_a_layer_that_is_not_there_is_refused_with_those_that_are(written):
    path, _ = written()
    assert "Expected the layer layers/count, found X, raw, layers/counts, obsm/X_pca." in refused(
        path, layer="layers/count"
    )
    assert "Did you mean layers/counts?" in refused(path, layer="layers/count")
    assert "Expected the layer obs, found X" in refused(path, layer="obs")


def test_no_x_but_layers(written):
    path, counts = written()
    with h5py.File(path, "a") as store:
        del store["X"]
    assert "found no X; it has values in raw, layers/counts, obsm/X_pca. Name the layer to use: raw." in refused(path)
    np.testing.assert_array_equal(read_cohort(path, layer="counts").raw("a"), counts[::4] * 2)


def test_no_values_at_all(written):
    path, _ = written()
    with h5py.File(path, "a") as store:
        for place in ("X", "raw", "layers", "obsm"):
            del store[place]
    assert "found no X, no layers and no obsm: it has no values. Write it again" in refused(path)


def test_the_population_is_guessed_by_its_name_or_given(written):
    kinds = pd.Categorical(np.array(["T", "B"])[np.arange(CELLS) // 60])
    path, _ = written(leiden=kinds, cell_type=kinds, other=kinds.codes)
    cohort = read_cohort(path)
    assert cohort.populations("a").tolist() == ["T"] * 15 + ["B"] * 15
    assert not any("population" in problem.what for problem in cohort.problems)
    assert read_cohort(path, population_key="other").populations("a").tolist() == ["1"] * 15 + ["0"] * 15
    assert "Did you mean leiden?" in refused(path, population_key="leidn")
    path, _ = written(leiden=kinds, louvain=kinds)
    said = "The column leiden of obs is taken as the population of a cell; louvain could be as well."
    assert said in [problem.what for problem in read_cohort(path).problems]


def test_columns_of_every_kind(written):
    by_sample = {name: dict(zip("abcd", values, strict=True)) for name, values in {
        "age": [31.5, 40.0, np.nan, 22.0], "visit": [1, 2, 1, 2], "male": [True, False, True, True],
    }.items()}  # fmt: skip
    names = pd.Series(list("abcd"))[np.arange(CELLS) % 4]
    columns = {name: names.map(values).to_numpy() for name, values in by_sample.items()}
    columns["visit"] = columns["visit"].astype(np.uint8)
    gaps = pd.array([1, None, 3, 4], dtype="Int64")[np.arange(CELLS) % 4]
    whole = pd.array([1, 2, 3, 4], dtype="Int32")[np.arange(CELLS) % 4]
    truth = pd.array([True, None, False, True], dtype="boolean")[np.arange(CELLS) % 4]
    path, _ = written(**columns, gaps=gaps, whole=whole, truth=truth, own=np.arange(CELLS), level=np.zeros(CELLS))
    found = read_cohort(path).samples
    assert list(found.columns) == ["age", "visit", "male", "gaps", "whole", "truth", "level"]
    np.testing.assert_array_equal(found["age"], [31.5, 40.0, np.nan, 22.0])
    assert found["visit"].tolist() == [1, 2, 1, 2]
    assert found["male"].tolist() == [True, False, True, True]
    np.testing.assert_array_equal(found["gaps"], [1, np.nan, 3, 4])
    assert found["whole"].tolist() == [1, 2, 3, 4]
    assert found["truth"].tolist() == [True, None, False, True]


@pytest.mark.parametrize("kind", ["text", "category", "int", "float", "bool"])
@pytest.mark.parametrize("form", ["h5ad", "zarr-3"])
def test_the_sample_of_a_cell_is_of_any_kind(written, form, kind):
    number = np.arange(CELLS) % 2
    column = {
        "text": np.array(["x", "y"], dtype=object)[number], "category": pd.Categorical(number),
        "int": number, "float": number + 0.5, "bool": number == 1,
    }[kind]  # fmt: skip
    expected = {"text": ["x", "y"], "float": ["0.5", "1.5"], "bool": ["False", "True"]}.get(kind, ["0", "1"])
    path, counts = written(form, well=column)
    cohort = read_cohort(path, sample_key="well")
    assert list(cohort.samples.index) == expected
    np.testing.assert_array_equal(cohort.raw(expected[1]), counts[1::2])


def test_samples_stand_in_the_order_of_their_first_cells(written):
    path, _ = written(sample=pd.Categorical(np.repeat(list("dbca"), 30), categories=list("abcde")))
    cohort = read_cohort(path)
    assert list(cohort.samples.index) == list("dbca")
    assert cohort.cell_counts.tolist() == [30] * 4


def test_a_column_of_obs_belongs_to_samples_only_when_constant_in_each(written):
    own = np.arange(CELLS)
    gap = np.where(own % 4 == 2, np.nan, own % 4)
    path, _ = written(same=["x"] * CELLS, gap=gap, own=own, late=np.where(own == CELLS - 1, 9.0, 1.0))
    obs = open_annotated(path, "study.h5ad").obs
    table, codes = sample_table(obs, "sample")
    assert list(table.columns) == ["same", "gap"]
    assert list(table.index) == list("abcd")
    assert codes.tolist() == (own % 4).tolist()


def test_nothing_but_a_few_rows_is_read_to_open(written, monkeypatch):
    path, _ = written(layout="csr_matrix")
    asked = []
    monkeypatch.setattr(
        "lotviz.data.annotated.matrix.StoredMatrix.sparse", lambda *_: pytest.fail("read all markers to open a cohort")
    )
    constant = Obs.constant
    monkeypatch.setattr(Obs, "constant", lambda *args: asked.append(1) or constant(*args))
    read_cohort(path)
    assert asked == [1]


# --- roles


def test_roles_are_proposed_from_names_and_values(written):
    of_cell = np.arange(CELLS) % 4
    path, _ = written(
        donor_id=np.array(["p", "p", "q", "q"])[of_cell],
        disease=np.array(["ill", "well", "ill", "well"])[of_cell],
        library=np.array(["one"] * CELLS),
        batch=of_cell // 2,
        stim=np.arange(CELLS) % 3,
        seurat_clusters=np.arange(CELLS) % 5,
    )
    roles = {found.role: found for found in propose_roles(open_annotated(path, "x").obs)}
    assert {role: found.column for role, found in roles.items()} == {
        "sample": "sample", "patient": "donor_id", "condition": "disease", "batch": "batch",
        "population": "seurat_clusters",
    }  # fmt: skip
    assert roles["patient"].sentence == (
        "The column donor_id is proposed as the patient of a sample, with 2 values, one in each sample."
    )
    assert propose_roles(open_annotated(path, "x").obs, sample_key="batch")[0].column == "batch"


def test_a_role_that_differs_within_a_sample_is_not_proposed(written):
    path, _ = written(condition=np.arange(CELLS) % 3)
    roles = {found.role: found for found in propose_roles(open_annotated(path, "x").obs)}
    assert roles["condition"].column is None
    assert "it has more than one value within a sample" in roles["condition"].sentence
    assert roles["batch"].sentence == "No column was found that names the batch of a sample."


def test_common_names_of_the_sample_are_known(written):
    for name in ("orig.ident", "Donor ID", "SampleID"):
        path, _ = written(**{"sample": ["x"] * CELLS, name: np.arange(CELLS) % 2})
        with h5py.File(path, "a") as store:
            store["obs"].move("sample", "hidden")
            store["obs"].attrs["column-order"] = ["hidden", name]
        assert list(read_cohort(path).samples.index) == ["0", "1"]


# --- odd and damaged


def test_every_cell_a_sample_is_refused(written):
    path, _ = written(sample=[f"s{number}" for number in range(CELLS)])
    assert "Expected several cells in a sample, found another value of sample in each of 120 cells." in refused(path)


@pytest.mark.parametrize("nothing", ["", "nan"])
def test_samples_called_nothing(written, nothing):
    path, _ = written(sample=["a"] * 119 + [nothing])
    assert "row 120: Expected the sample of every cell in obs column sample, found nothing in 1 cells." in refused(path)


def test_names_of_cells_may_repeat(written):
    with pytest.warns(UserWarning, match="not unique"):
        path, _ = written(index=["same"] * CELLS)
    assert len(read_cohort(path).samples) == 4


def change(path, turn):
    with h5py.File(path, "a") as store:
        turn(store)


def replaced(store, place, **keywords):
    attributes = dict(store[place].attrs)
    del store[place]
    made = store.create_dataset(place, **keywords)
    made.attrs.update(attributes)


HUGE = 10**12
DAMAGES = {
    "huge obs": (lambda store: replaced(store, "obs/_index", shape=(HUGE,), dtype="i1", chunks=(1000,)), "at most"),
    "huge X": (lambda store: replaced(store, "X", shape=(HUGE, 7), dtype="f4", chunks=(1000, 7)), "of shape"),
    "huge var": (lambda store: replaced(store, "var/_index", shape=(HUGE,), dtype="i1", chunks=(10**8,)), "at most"),
    "huge chunk": (lambda store: replaced(store, "X", shape=(CELLS, 7), maxshape=(None, 7), dtype="f4",
                                          chunks=(2**25, 7)), "pieces larger"),
    "text X": (lambda store: replaced(store, "X", data=np.full((CELLS, 7), b"x")), "values of type"),
    "long column": (lambda store: replaced(store, "obs/sample/codes", data=np.zeros(9, "i1")), "9 values for 120"),
    "no categories": (lambda store: store["obs/sample"].pop("categories"), "no values|Expected a column of obs"),
    "column twice": (lambda store: store["obs"].attrs.__setitem__("column-order", ["sample", "sample"]), "once"),
    "column gone": (lambda store: store["obs"].attrs.__setitem__("column-order", ["sample", "gone"]), "gone"),
    "codes beyond": (lambda store: replaced(store, "obs/sample/codes", data=np.full(CELLS, 99, "i1")), "found nothing"),
    "X a group": (lambda store: (store.pop("X"), store.create_group("X")), "Expected a matrix"),
    "old obs": (lambda store: (store.pop("obs"), store.create_dataset("obs", data=np.zeros(3, "i4,f4"))), "0.6"),
    "old var": (lambda store: (store.pop("var"), store.create_dataset("var", data=np.zeros(3, "i4,f4"))), "0.6"),
    "elsewhere": (lambda store: (store.pop("X"), store.__setitem__("X", h5py.ExternalLink("other.h5", "X"))), "link"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named(written, damage):
    turn, expected = DAMAGES[damage]
    path, _ = written()
    change(path, turn)
    with pytest.raises(CohortError, match=expected):
        read_cohort(path)


SPARSE = {
    "indptr falls": lambda group: group["indptr"].__setitem__(5, 10**6),
    "indptr long": lambda group: (group.pop("indptr"), group.create_dataset("indptr", data=np.zeros(9, "i8"))),
    "indices beyond": lambda group: group["indices"].__setitem__(0, 10**6),
    "indices negative": lambda group: group["indices"].__setitem__(0, -1),
    "shape beyond": lambda group: group.attrs.__setitem__("shape", [10**12, 7]),
    "no shape": lambda group: group.attrs.pop("shape"),
    "data gone": lambda group: group.pop("data"),
}


@pytest.mark.parametrize("damage", SPARSE)
@pytest.mark.parametrize("layout", ["csr_matrix", "csc_matrix"])
def test_damaged_sparse_values_are_refused(written, layout, damage):
    path, _ = written(layout=layout)
    change(path, lambda store: SPARSE[damage](store["X"]))
    with pytest.raises(CohortError):
        read_cohort(path).raw("a")


def test_the_layout_of_anndata_0_7_is_read(written):
    path, _ = written(kind=pd.Categorical(np.array(["u", "v"])[np.arange(CELLS) % 2]))
    with h5py.File(path, "a") as store:
        for name in ("sample", "kind"):
            group = store["obs"][name]
            codes, words = group["codes"][:], group["categories"][:]
            del store["obs"][name]
            store.create_dataset(f"obs/__categories/{name}", data=words)
            store.create_dataset(f"obs/{name}", data=codes)
            store[f"obs/{name}"].attrs["categories"] = store[f"obs/__categories/{name}"].ref
    cohort = read_cohort(path)
    assert cohort.samples["kind"].to_dict() == {"a": "u", "b": "v", "c": "u", "d": "v"}


def test_pickled_values_of_a_zarr_store_are_never_opened(written, tmp_path):
    import numcodecs

    path, _ = written("zarr-2")
    (path / ".zmetadata").unlink()  # the old metadata of all arrays
    group = zarr.open_group(path / "obs", mode="a", zarr_format=2)
    del group["sample"]
    made = group.create_array("sample", shape=(CELLS,), dtype="f8", filters=[numcodecs.Pickle()])
    assert made.shape == (CELLS,)
    assert "pickle" in refused(path)  # by zarr itself, or by us where zarr would have opened it


@pytest.mark.filterwarnings("ignore")  # a damaged number may overflow on its way to float32
@pytest.mark.parametrize("layout", ["", "csr_matrix", "csc_matrix"])
def test_random_damage_ends_as_a_cohort_or_a_cohort_error(written, layout):
    path, _ = written(layout=layout, age=np.arange(CELLS) % 4, text=["x"] * CELLS)
    content, rng, refusals = path.read_bytes(), np.random.default_rng(11), 0
    for _ in range(40):
        broken = bytearray(content)
        for position in rng.integers(0, len(broken), rng.integers(1, 60)):
            broken[position] = rng.integers(0, 256)
        path.write_bytes(bytes(broken))
        try:
            check(read_cohort(path))
            read_cohort(path, components=2, genes=5)
        except CohortError:
            refusals += 1
    assert refusals >= 5


@pytest.mark.parametrize("form", ["zarr-2", "zarr-3"])
@pytest.mark.parametrize("part", ["X", "obs/sample", "uns"])
def test_a_link_out_of_a_zarr_folder_is_refused(written, tmp_path, form, part):
    path, counts = written(form)
    elsewhere = tmp_path / "elsewhere"
    (path / part).rename(elsewhere)
    (path / part).symlink_to(elsewhere)
    for read in (lambda: open_annotated(path, "study.zarr"), lambda: layers_of(path, "study.zarr")):
        with pytest.raises(CohortError, match=r"found a link .* that leads out of it"):
            read()
    (path / part).unlink()
    (path / part).symlink_to(path / part)
    with pytest.raises(CohortError, match="found a link"):
        open_annotated(path, "study.zarr")
    # a link to another part of the same folder leads nowhere else
    (path / part).unlink()
    elsewhere.rename(path / "kept")
    (path / part).symlink_to(path / "kept")
    table = open_annotated(path, "study.zarr", AnnotatedChoices(layer="X"))
    np.testing.assert_array_equal(table.read(np.arange(3), table.markers), counts[:3])


def test_no_chain_of_links_leads_out_of_an_hdf5_file(written, tmp_path):
    path, counts = written()
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["X"] = counts
    with h5py.File(path, "a") as store:
        del store["X"]
        store["way"] = h5py.ExternalLink("other.h5", "/")
        store["X"] = h5py.SoftLink("/way/X")
    with pytest.raises(CohortError, match="found a link to another file"):
        open_annotated(path, "study.h5ad")
    with h5py.File(path, "a") as store:
        del store["X"]
        store["X"] = h5py.SoftLink("layers/counts")
    table = open_annotated(path, "study.h5ad")
    np.testing.assert_array_equal(table.read(np.arange(3), table.markers), 2 * counts[:3])
    with h5py.File(path, "a") as store:
        del store["X"]
        store["X"] = h5py.SoftLink("/X")
    with pytest.raises(CohortError, match="links that lead to links"):
        open_annotated(path, "study.h5ad")


@pytest.mark.parametrize("form", ["h5ad", "zarr-2", "zarr-3"])
@pytest.mark.parametrize("name", ["../../elsewhere", "/etc", "..", "."])
def test_names_of_columns_lead_nowhere_else(written, tmp_path, form, name):
    path, _ = written(form)
    (tmp_path / "elsewhere").mkdir()
    store = h5py.File(path, "a") if form == "h5ad" else zarr.open_group(path, mode="a")
    store["obs"].attrs["column-order"] = ["sample", name]
    if form == "h5ad":
        store.close()
    try:
        table = open_annotated(path, "study")
    except CohortError:
        return
    assert table.obs.columns == ("sample",)


def test_choices_are_passed_to_files_named_in_a_sheet(written, tmp_path):
    path, counts = written()
    (tmp_path / "sheet.csv").write_text(f"sample,file\none,{path.name}\n")
    cohort = read_cohort(tmp_path / "sheet.csv", layer="layers/counts", population_key="sample")
    np.testing.assert_array_equal(cohort.raw("one"), counts * 2)
    assert cohort.populations("one")[:4].tolist() == list("abcd")
    assert open_annotated(path, "x", AnnotatedChoices(layer="raw")).markers[0] == "r0"


def test_a_declared_size_takes_no_memory_and_no_time(written):
    path, _ = written(layout="csr_matrix")
    many = 3_000_000

    def swell(store):
        replaced(store, "obs/_index", shape=(many,), dtype="i1", chunks=(100_000,))
        replaced(store, "obs/sample/codes", shape=(many,), dtype="i1", chunks=(100_000,))
        replaced(store, "X/indptr", shape=(many + 1,), dtype="i8", chunks=(100_000,))
        store["X"].attrs["shape"] = [many, GENES]

    change(path, swell)
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(CohortError):
        read_cohort(path).raw("a")
    assert time.perf_counter() - start < 10
    assert tracemalloc.get_traced_memory()[1] < 500e6
    tracemalloc.stop()


def test_thousands_of_genes_open_fast(tmp_path):
    genes = 20_000
    values = scipy.sparse.random(400, genes, density=0.02, random_state=0, format="csr", dtype=np.float32)
    obs = pd.DataFrame({"sample": np.repeat(["a", "b"], 200)}, index=[f"c{number}" for number in range(400)])
    var = pd.DataFrame(index=[f"g{number}" for number in range(genes)])
    anndata.AnnData(values, obs=obs, var=var).write_h5ad(tmp_path / "wide.h5ad")
    start = time.perf_counter()
    cohort = read_cohort(tmp_path / "wide.h5ad")
    cohort.select(samples=["a"])
    assert time.perf_counter() - start < 8  # seconds on a busy machine; by looking up names one by one it took 20
    np.testing.assert_array_equal(cohort.raw("b"), values[200:].toarray())


# files of a sheet, and whole numbers with gaps


@pytest.mark.filterwarnings("ignore:Variable names are not unique")
@pytest.mark.parametrize("names", [["CD3", "CD4", "CD4"], ["CD3", "", "CD4"]])
def test_a_file_of_a_sheet_has_every_marker_once_and_named(tmp_path, names):
    anndata.AnnData(np.random.default_rng(0).random((40, 3)), var=pd.DataFrame(index=names)).write_h5ad(
        tmp_path / "a.h5ad"
    )
    (tmp_path / "sheet.csv").write_text("sample,file\nA,a.h5ad\n")
    said = refused(tmp_path / "sheet.csv")
    assert ("found CD4 more than once" if "" not in names else "found none at 1 (counted from 0)") in said


def test_what_is_guessed_in_files_of_a_sheet_is_said_once(tmp_path):
    for name in "abc":
        obs = pd.DataFrame({"leiden": pd.Categorical(["T", "B"] * 20)}, index=[str(cell) for cell in range(40)])
        anndata.AnnData(np.random.default_rng(0).random((40, 3)), obs=obs).write_h5ad(tmp_path / f"{name}.h5ad")
    (tmp_path / "sheet.csv").write_text("sample,file\n" + "".join(f"{name},{name}.h5ad\n" for name in "abc"))
    said = [problem for problem in read_cohort(tmp_path).problems if "leiden" in problem.what]
    assert [(problem.where, problem.what) for problem in said] == [
        ("a.h5ad, b.h5ad, c.h5ad", "The column leiden of obs is taken as the population of a cell.")
    ]


@pytest.mark.parametrize("form", ["h5ad", "zarr-2"])
def test_whole_numbers_that_may_be_missing_stay_whole(written, form):
    large = 2**53
    places = np.arange(CELLS) % 4
    sample = pd.array(np.array([large, large + 1, 3, 4])[places], dtype="Int64")
    age = pd.array([None if place == 2 else 30 + place for place in places], dtype="Int64")
    path, counts = written(form, sample=sample, card=sample, age=age)
    cohort = read_cohort(path, sample_key="sample")
    assert cohort.samples.index.tolist() == [str(large), str(large + 1), "3", "4"]
    np.testing.assert_array_equal(cohort.raw(str(large + 1)), counts[1::4])
    assert cohort.samples["card"].tolist() == [large, large + 1, 3, 4]
    np.testing.assert_array_equal(cohort.samples["age"].astype(float), [30, 31, np.nan, 33])
