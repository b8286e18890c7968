from __future__ import annotations

import json
import random
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lotviz.transport import EmbeddingFileError, LOTEmbedding, TransportMemoryError, embed
from lotviz.transport import archive as archive_module
from lotviz.transport import embedding_file as module
from tests.transport.clouds import cloud, cohort_of

ARRAYS = ("maps", "costs", "residuals", "dual_gaps", "variances", "n_cells", "n_cells_used", "vectors", "masses")
PLAIN = ("markers", "transform", "parameters", "versions", "sample_hashes", "warnings", "seconds", "name", "origin")


@pytest.fixture
def saved(embedding, tmp_path):
    return embedding.save(tmp_path / "patients.lot")


@pytest.fixture
def small(tmp_path):
    cells = {"A": cloud(1, 6, 2), "B": cloud(2, 5, 2)}
    populations = {"A": np.array(["x", None, "y", "x", "x", "y"], dtype=object), "B": np.array(["y"] * 5)}
    cohort = cohort_of(cells, populations=populations, label=["case", None], age=[31, 42])
    return embed(cohort, points=3).save(tmp_path / "small.lot")


def test_round_trip_bit_for_bit(embedding, saved):
    loaded = LOTEmbedding.load(saved)
    for name in ARRAYS:
        assert getattr(loaded, name).tobytes() == getattr(embedding, name).tobytes(), name
        assert getattr(loaded, name).dtype == getattr(embedding, name).dtype, name
    for name in PLAIN:
        assert getattr(loaded, name) == getattr(embedding, name), name
    pd.testing.assert_frame_equal(loaded.samples, embedding.samples, check_exact=True)
    assert loaded.reference.points.tobytes() == embedding.reference.points.tobytes()
    assert (loaded.reference.kind, loaded.reference.seed) == ("kmeans", 1)
    assert loaded.scaling.center.tobytes() == embedding.scaling.center.tobytes()
    assert loaded.scaling.scale.tobytes() == embedding.scaling.scale.tobytes()
    assert loaded.synthetic
    for mine, theirs in zip(loaded.plans, embedding.plans, strict=True):
        assert mine.data.tobytes() == theirs.data.tobytes()
        assert (mine != theirs).nnz == 0
    for sample in embedding.samples.index:
        assert loaded.cells(sample).tobytes() == embedding.cells(sample).tobytes()
        assert list(loaded.populations(sample)) == list(embedding.populations(sample))


def test_a_loaded_embedding_does_all_an_embedding_does(embedding, saved, patients):
    loaded = LOTEmbedding.load(saved)
    np.testing.assert_array_equal(loaded.project(patients).maps, embedding.maps)
    mixed = {"P1": 0.5, "P2": 0.3, "P3": 0.2}
    np.testing.assert_array_equal(loaded.interpolate(mixed, 50).cells, embedding.interpolate(mixed, 50).cells)
    assert loaded.registration("P1", "P2").cost == embedding.registration("P1", "P2").cost
    assert loaded.summary() == embedding.summary()


def test_the_same_embedding_gives_the_same_file(saved, tmp_path):
    again = LOTEmbedding.load(saved).save(tmp_path / "again.lot")
    assert again.read_bytes() == saved.read_bytes()


def test_saving_over_the_file_it_was_loaded_from_keeps_the_cells(saved):
    before = saved.read_bytes()
    LOTEmbedding.load(saved).save(saved)
    assert saved.read_bytes() == before


def test_cells_are_read_only_when_asked_for(saved, monkeypatch):
    read = []
    honest = archive_module.ArchiveReader.array

    def watched(self, name, dtype, shape):
        read.append(name)
        return honest(self, name, dtype, shape)

    monkeypatch.setattr(archive_module.ArchiveReader, "array", watched)
    loaded = LOTEmbedding.load(saved)
    assert not [name for name in read if name.startswith(("cells", "populations"))]
    loaded.cells("P3")
    loaded.cells("P3")
    assert read[-1] == "cells/00002"
    assert read.count("cells/00002") == 1


def test_unknown_populations_come_back_unknown(small, embedding, tmp_path):
    assert list(LOTEmbedding.load(small).populations("A")) == ["x", None, "y", "x", "x", "y"]
    without = embed(cohort_of({"A": cloud(1, 6, 2), "B": cloud(2, 5, 2)}), points=3).save(tmp_path / "without.lot")
    assert LOTEmbedding.load(without).populations("A") is None


def test_a_file_that_vanished_or_changed_since_is_named(small, saved):
    loaded = LOTEmbedding.load(small)
    small.write_bytes(saved.read_bytes())
    with pytest.raises(
        EmbeddingFileError, match=r"small.lot to be a whole embedding, found cells/00000.npy with shape"
    ):
        loaded.cells("A")
    others = {"A": cloud(3, 6, 2), "B": cloud(4, 5, 2)}
    embed(cohort_of(others), points=3).save(small)
    with pytest.raises(EmbeddingFileError, match=r"small\.lot to be a whole embedding, found other cells of A"):
        loaded.cells("A")
    small.unlink()
    with pytest.raises(EmbeddingFileError, match=r"Expected an embedding file at .*small.lot, found none"):
        loaded.cells("A")


def rewritten(path, change):
    """The same archive with the header, or other members, changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def header_with(**changes):
    def change(members):
        members["header.json"] = json.dumps(json.loads(members["header.json"]) | changes).encode()

    return change


def renamed(old, new):
    def change(members):
        members[new] = members.pop(old)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (header_with(version=4), "file version 3 or older, found version 4.*Update lotviz"),
        (header_with(version="1"), "another kind of file"),
        (header_with(format="another"), "another kind of file"),
        (lambda members: members.pop("header.json"), "a zip of another kind"),
        (lambda members: members.update({"header.json": b"{"}), "a header that is not JSON"),
        (lambda members: members.update({"header.json": b"[" * 100_000}), "a header that is not JSON"),
        (lambda members: members.update({"header.json": b"[1]"}), "not a JSON object"),
        (header_with(markers=["M0"]), "small.lot to be a whole embedding, found "),
        (header_with(samples={"index": ["A", "A"], "columns": []}), "a sample twice"),
        (header_with(sample_hashes={}), "do not fit together"),
        (header_with(transform={"kind": "square"}), "do not fit together"),
        (header_with(reference={"points": float("inf")}), "do not fit together"),
        (renamed("maps.npy", "other.npy"), "no maps.npy"),
        (lambda members: members.update({"maps.npy": members["costs.npy"]}), r"maps.npy with shape \(2,\)"),
        (lambda members: members.update({"maps.npy": b"text"}), r"maps\.npy that is not an array of numbers"),
        (lambda members: members.update({"maps.npy": members["maps.npy"][:-8]}), r"maps.npy with shape \(2, 3, 2\)"),
        (
            lambda members: members.update({"plans/00000/indices.npy": npy(np.full(8, 99))}),
            "found ",
        ),
        (lambda members: members.update({"maps.npy": npy(np.full((2, 3, 2), np.nan))}), "not finite"),
        (lambda members: members.update({"reference/masses.npy": npy(np.array([0.5, 0.5, 0.5]))}), "sum to 1"),
    ],
)
def test_files_that_are_no_whole_embedding_are_refused(small, change, words):
    rewritten(small, change)
    with pytest.raises(EmbeddingFileError, match=words) as refused:
        LOTEmbedding.load(small)
    assert "small.lot" in str(refused.value)


def npy(values):
    import io

    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def test_pickled_objects_are_never_opened(small):
    import io

    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}, {}], dtype=object), allow_pickle=True)
    rewritten(small, lambda members: members.update({"costs.npy": buffer.getvalue()}))
    with pytest.raises(EmbeddingFileError, match=r"costs\.npy that is not an array of numbers"):
        LOTEmbedding.load(small)


def test_compressed_and_repeated_members_are_refused(small):
    with zipfile.ZipFile(small) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(small, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(EmbeddingFileError, match="compressed, repeated or overlapping members"):
        LOTEmbedding.load(small)
    with zipfile.ZipFile(small, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for name, data in [*members.items(), ("maps.npy", members["maps.npy"])]:
            archive.writestr(name, data)
    with pytest.raises(EmbeddingFileError, match="compressed, repeated or overlapping members"):
        LOTEmbedding.load(small)


def test_an_array_that_declares_more_than_it_holds_takes_no_memory(small):
    huge = npy(np.zeros(2)).replace(b"(2,), }" + b" " * 12, b"(2" + b"0" * 12 + b",), }")
    code = npy(np.zeros((2, 3, 2))).replace(b"(2, 3, 2)", b"(2, 8**9)")
    nested = npy(np.zeros((2, 3, 2))).replace(b"(2, 3, 2)", b"(((((((((")
    cut = npy(np.zeros(2))[:40]
    assert b"2000000000000" in huge
    for data in (huge, code, nested, cut, b""):
        rewritten(small, lambda members, data=data: members.update({"plans/00000/data.npy": data}))
        with pytest.raises(EmbeddingFileError, match=r"data\.npy"):
            LOTEmbedding.load(small)


def test_an_embedding_larger_than_memory_is_refused(small, monkeypatch):
    def little(needed, what, advice):
        raise TransportMemoryError(f"{needed} {what} {advice}")

    monkeypatch.setattr(module, "require_memory", little)
    with pytest.raises(TransportMemoryError, match=r"small\.lot"):
        LOTEmbedding.load(small)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", b"PK\x05\x06" + b"\0" * 18])
def test_foreign_files_are_refused(tmp_path, content):
    path = tmp_path / "foreign.lot"
    path.write_bytes(content)
    with pytest.raises(EmbeddingFileError, match=r"foreign\.lot to be an embedding"):
        LOTEmbedding.load(path)


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(EmbeddingFileError, match=r"an embedding file at .*none\.lot, found none. Check the path"):
        LOTEmbedding.load(tmp_path / "none.lot")
    with pytest.raises(EmbeddingFileError, match="found a folder"):
        LOTEmbedding.load(tmp_path)


def test_truncated_and_altered_files_never_surprise(small):
    """Every cut and every altered byte either gives the message or is noticed by nobody since nothing depends on it."""
    whole, dice = small.read_bytes(), random.Random(0)
    for _ in range(300):
        data = bytearray(whole)
        if dice.random() < 0.3:
            del data[dice.randrange(len(data)) :]
        else:
            for _ in range(dice.randrange(1, 4)):
                data[dice.randrange(len(data))] = dice.randrange(256)
        small.write_bytes(data)
        try:
            loaded = LOTEmbedding.load(small)
            for sample in loaded.samples.index:
                loaded.cells(sample)
                loaded.populations(sample)
        except EmbeddingFileError as problem:
            assert "small.lot" in str(problem)


def test_a_failed_save_leaves_the_old_file_and_nothing_else(embedding, tmp_path):
    class Fails:
        def read(self, sample):
            if sample == "P4":
                raise OSError("No space left on device")
            return embedding.cells(sample)

        def populations(self, sample):
            return None

    target = tmp_path / "e.lot"
    target.write_text("old")
    with pytest.raises(EmbeddingFileError, match=r"write the embedding to .*e\.lot, found: No space left.*Nothing was"):
        replace(embedding, cell_store=Fails()).save(target)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("e.lot", "old")]


def test_saving_into_a_missing_folder_is_refused(embedding, tmp_path):
    with pytest.raises(EmbeddingFileError, match=r"Expected the folder .*nowhere to exist, found none"):
        embedding.save(tmp_path / "nowhere" / "e.lot")


def test_numpy_numbers_in_the_parameters_are_plain_in_the_file(embedding, tmp_path):
    odd = replace(embedding, parameters=dict(embedding.parameters) | {"seed": np.int64(1)})
    assert LOTEmbedding.load(odd.save(tmp_path / "e.lot")).parameters == embedding.parameters
