from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from lotviz.data import Scaling
from lotviz.transport import LOTEmbedding, Reference, StoreError, TransportStore, embed, solve
from lotviz.transport import plans as plans_module
from lotviz.transport import transported as module
from lotviz.transport.plans import GatheredPlans, RememberedPlans
from lotviz.transport.transported import SampleKey, TransportedSample, key_of
from tests.transport.clouds import cloud, masses

posix_only = pytest.mark.skipif(os.name != "posix", reason="Windows keeps no permissions of this kind")


@pytest.fixture
def store(tmp_path) -> TransportStore:
    return TransportStore(tmp_path / "store")


def solved(seed: int = 0, m: int = 8, n: int = 40, d: int = 3) -> tuple[SampleKey, TransportedSample, csr_array]:
    """A key, and the sample and plan that belong to it."""
    cells = cloud(seed, n, d).astype(np.float32)
    scaling = Scaling(np.zeros(d), np.ones(d))
    reference = Reference(cloud(99, m, d), masses(99, m))
    coupling = solve(reference.points, scaling.apply(cells), reference.masses)
    key = key_of(cells, scaling, reference, solver="simplex")
    figures = (coupling.cost, coupling.residual, coupling.dual_gap, float(cells.var(axis=0).sum()))
    return key, TransportedSample(coupling.maps, *figures, n, key.cells_hash), coupling.plan


def entry(store: TransportStore, key: SampleKey) -> Path:
    return store.folder / f"{key.digest}.sample"


def assert_same(found: tuple[TransportedSample, csr_array] | None, sample: TransportedSample, plan: csr_array) -> None:
    """Equal to the last bit, types included."""
    assert found is not None
    for name in ("cost", "residual", "dual_gap", "variance", "n_cells_used", "cells_hash"):
        assert getattr(found[0], name) == getattr(sample, name)
        assert type(getattr(found[0], name)) is type(getattr(sample, name))
    assert found[0].maps.tobytes() == sample.maps.tobytes()
    assert_same_plan(found[1], plan)


def assert_same_plan(found: csr_array, plan: csr_array) -> None:
    assert found.shape == plan.shape
    for part in ("data", "indices", "indptr"):
        assert getattr(found, part).dtype == getattr(plan, part).dtype
        assert getattr(found, part).tobytes() == getattr(plan, part).tobytes()


def test_a_sample_comes_back_bit_for_bit(store):
    key, sample, plan = solved()
    assert store.read(key) is None
    store.write(key, sample, plan)
    assert_same(store.read(key), sample, plan)
    assert (store.taken, store.trouble) == (1, "")
    assert store.info().entries == 1
    assert store.info().bytes == entry(store, key).stat().st_size


def test_a_sample_is_written_in_milliseconds(store):
    samples = [solved(seed, m=64, n=2000, d=20) for seed in range(5)]
    store.write(*solved(9))  # looks through the folder for the first time
    times = []
    for one in samples:
        started = time.perf_counter()
        store.write(*one)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.05  # one millisecond on a quiet machine


# The key


def key_with(*, solver="simplex", **changed):
    cells = changed.get("cells", cloud(1, 30, 3).astype(np.float32))
    scaling = Scaling(changed.get("center", np.zeros(3)), changed.get("scale", np.ones(3)))
    reference = Reference(changed.get("points", cloud(2, 8, 3)), changed.get("masses", masses(3, 8)))
    return key_of(cells, scaling, reference, solver=solver)


def nudged(values: np.ndarray) -> np.ndarray:
    """The same but for the last bit of one value."""
    copy = values.copy()
    copy.flat[-1] = np.nextafter(copy.flat[-1], np.inf, dtype=copy.dtype)
    return copy


@pytest.mark.parametrize(
    "changed",
    [
        {"cells": nudged(cloud(1, 30, 3).astype(np.float32))},
        {"cells": cloud(1, 30, 3).astype(np.float32)[::-1]},
        {"cells": cloud(1, 30, 3).astype(np.float32).reshape(45, 2), "center": np.zeros(2), "scale": np.ones(2)},
        {"center": nudged(np.zeros(3))},
        {"scale": nudged(np.ones(3))},
        {"points": nudged(cloud(2, 8, 3))},
        {"masses": nudged(masses(3, 8))},
        {"solver": "pot"},
    ],
    ids=["cells", "their order", "their shape", "center", "scale", "points", "masses", "solver"],
)
def test_every_ingredient_changes_the_key(changed):
    assert key_with().digest == key_with().digest
    assert key_with(**changed).digest != key_with().digest


@pytest.mark.parametrize("package", module._SOFTWARE)
def test_another_version_of_the_software_changes_the_key(package, monkeypatch):
    before = key_with().digest
    honest = module.installed
    monkeypatch.setattr(module, "installed", lambda name: "next" if name == package else honest(name))
    assert key_with().digest != before


def test_another_edition_of_the_solver_changes_the_key(monkeypatch):
    before = key_with().digest
    monkeypatch.setattr(module, "_EDITION", module._EDITION + 1)
    assert key_with().digest != before


# Damage


def test_a_cut_entry_is_noticed_removed_and_solved_again(store):
    key, sample, plan = solved()
    store.write(key, sample, plan)
    whole = entry(store, key).read_bytes()
    for length in (0, 1, 30, len(whole) // 2, len(whole) - 1):
        entry(store, key).write_bytes(whole[:length])
        assert store.read(key) is None, length
        assert not entry(store, key).exists()
    store.write(key, sample, plan)
    assert_same(store.read(key), sample, plan)


def test_a_flipped_bit_never_gives_another_result(store):
    """Wherever it is: the entry is refused and removed, or nothing depends on that bit."""
    key, sample, plan = solved(n=12)
    store.write(key, sample, plan)
    whole, dice, refused = entry(store, key).read_bytes(), random.Random(0), 0
    for _ in range(1500):
        data = bytearray(whole)
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        entry(store, key).write_bytes(data)
        found = store.read(key)
        if found is None:
            refused += 1
            assert not entry(store, key).exists()
        else:
            assert_same(found, sample, plan)
    assert refused > 1000


def test_the_entry_of_another_problem_is_refused(store):
    (key, sample, plan), (other, *rest) = solved(1), solved(2)
    store.write(key, sample, plan)
    store.write(other, *rest)
    shutil.copy(entry(store, other), entry(store, key))
    assert store.read(key) is None
    assert store.read(other) is not None


@pytest.mark.parametrize("shape", [(9, 40, 3), (8, 39, 3), (8, 40, 2)])
def test_an_entry_of_the_wrong_shape_is_refused(store, shape):
    key, sample, plan = solved()
    store.write(key, sample, plan)
    assert store.read(replace(key, shape=shape)) is None
    assert not entry(store, key).exists()


def test_an_entry_with_a_plan_that_is_none_is_refused(store):
    key, sample, plan = solved()
    store.write(key, sample, csr_array((plan.data, plan.indices[::-1] + 1000, plan.indptr), shape=(8, 5000)))
    assert store.read(key) is None


# Room


def sized(count: int, folder: Path, limit_entries: float) -> tuple[TransportStore, list]:
    """A store with room for a number of entries, and more samples than that."""
    samples = [solved(seed) for seed in range(count)]
    probe = TransportStore(folder / "probe")
    probe.write(*samples[0])
    return TransportStore(folder / "sized", limit=int(probe.info().bytes * limit_entries)), samples


def test_the_samples_not_used_for_longest_make_room(tmp_path):
    store, samples = sized(8, tmp_path, 5.5)
    for number, (key, sample, plan) in enumerate(samples[:5]):
        store.write(key, sample, plan)
        os.utime(entry(store, key), ns=(0, number))
    assert store.read(samples[0][0]) is not None  # used now: no longer the oldest
    for key, sample, plan in samples[5:]:
        store.write(key, sample, plan)
        assert store.info().bytes <= store.limit
    held = [number for number, (key, *_) in enumerate(samples) if entry(store, key).exists()]
    assert held == [0, 5, 6, 7]  # twice room was made for two


def test_without_room_nothing_is_kept_and_nothing_fails(tmp_path):
    store = TransportStore(tmp_path, limit=0)
    store.write(*solved())
    assert (store.info().entries, store.trouble) == (0, "")


def test_a_file_that_vanishes_while_room_is_made_is_no_error(tmp_path, monkeypatch):
    store, samples = sized(4, tmp_path, 1.5)
    honest = TransportStore._files

    def as_if_another_process_was_quicker(self):
        files = honest(self)
        for file in files[:1]:
            file.path.unlink()
        return files

    monkeypatch.setattr(TransportStore, "_files", as_if_another_process_was_quicker)
    for one in samples:
        store.write(*one)
    assert store.trouble == ""


def test_what_a_killed_process_left_half_written_makes_room_and_what_is_being_written_does_not(tmp_path):
    store, samples = sized(1, tmp_path, 1.5)
    store.make_folder()
    digest = samples[0][0].digest
    old, new = (store.folder / f".{digest}.{end}.sample" for end in ("00000000", "11111111"))
    for path in (old, new):
        path.write_bytes(bytes(store.limit))
    os.utime(old, (0, 0))
    store.write(*samples[0])
    assert (old.exists(), new.exists()) == (False, True)


def test_clear_counts_what_it_removes_and_leaves_other_files_alone(store):
    for seed in range(3):
        store.write(*solved(seed))
    key = solved(0)[0]
    (store.folder / "notes.txt").write_text("mine")
    (store.folder / "other.sample").write_text("mine too")
    (store.folder / f".{key.digest}.0123abcd.sample").write_text("half-written when a process was killed")
    assert store.clear() == 3
    assert {path.name for path in store.folder.iterdir()} == {"notes.txt", "other.sample"}
    assert store.clear() == 0


def test_a_store_that_is_not_there_is_empty(tmp_path):
    store = TransportStore(tmp_path / "none" / "store")
    assert (store.info().entries, store.clear(), store.read(solved()[0])) == (0, 0, None)
    assert not store.folder.exists()


def test_a_folder_that_cannot_be_made_is_said_and_nothing_else(tmp_path, patients):
    (tmp_path / "file").write_text("")
    store = TransportStore(tmp_path / "file" / "store")
    found = embed(patients, points=6, store=store, resume=True)
    assert "file" in store.trouble
    assert found.plans[5].shape == (6, 150)


# Places and permissions


@posix_only
def test_folder_and_files_are_closed_to_others(store):
    before = os.umask(0)
    try:
        store.write(*solved())
    finally:
        os.umask(before)
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in store.folder.iterdir()] == [0o600]


@posix_only
def test_a_folder_that_was_there_before_keeps_its_permissions(tmp_path):
    store = TransportStore(tmp_path)
    tmp_path.chmod(0o755)
    store.write(*solved())
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600]


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "XDG_CACHE_HOME", "lotviz/transport"),
        ("linux", "", ".cache/lotviz/transport"),
        ("darwin", "", "Library/Caches/lotviz/transport"),
        ("win32", "LOCALAPPDATA", "lotviz/transport"),
        ("win32", "", "AppData/Local/lotviz/transport"),
    ],
)
def test_the_folder_is_among_the_caches_of_the_user(tmp_path, monkeypatch, platform, variable, expected):
    for name in ("LOTVIZ_STORE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", classmethod(lambda cls: tmp_path))
    if variable:
        monkeypatch.setenv(variable, str(tmp_path))
    assert TransportStore().folder == tmp_path / expected


def test_the_environment_names_folder_and_limit(tmp_path, monkeypatch):
    assert TransportStore().folder == Path(os.environ["LOTVIZ_STORE"])
    assert TransportStore().limit == 5_000_000_000
    monkeypatch.setenv("LOTVIZ_STORE", str(tmp_path))
    monkeypatch.setenv("LOTVIZ_STORE_GB", ".25")
    assert (TransportStore().folder, TransportStore().limit) == (tmp_path, 250_000_000)
    monkeypatch.setenv("LOTVIZ_STORE_GB", "much")
    with pytest.raises(StoreError, match=r"LOTVIZ_STORE_GB to be a number of gigabytes, found 'much'. Set one"):
        TransportStore()


def test_without_any_home_the_message_names_the_way_out(monkeypatch):
    def homeless(cls):
        raise RuntimeError("Could not determine home directory.")

    for name in ("LOTVIZ_STORE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", classmethod(homeless))
    with pytest.raises(StoreError, match=r"found none \(Could not.*Name one in LOTVIZ_STORE"):
        TransportStore()


# Several processes

WRITER = """
import sys
from lotviz.transport import TransportStore
from tests.transport.test_store import assert_same, solved
store = TransportStore(sys.argv[1], limit=int(sys.argv[2]))
samples = [solved(seed) for seed in range(6)]
for _ in range(10):
    for one in samples:
        store.write(*one)
        found = store.read(one[0])
        if found is not None:
            assert_same(found, *one[1:])
assert store.trouble == "", store.trouble
"""


@pytest.mark.parametrize("entries", [1000, 2.5], ids=["with room", "without"])
def test_two_processes_write_the_same_keys_at_once(tmp_path, entries):
    store, samples = sized(1, tmp_path, entries)
    words = [sys.executable, "-c", WRITER, str(store.folder), str(store.limit)]
    root = Path(__file__).resolve().parents[2]
    running = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=root) for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    assert not [path for path in store.folder.iterdir() if path.name.startswith(".")]
    if entries == 1000:
        assert store.info().entries == 6
        assert_same(store.read(samples[0][0]), *samples[0][1:])


# Plans that are read when they are asked for


def test_plans_are_read_when_asked_for_and_the_last_ones_remembered():
    plans, read = [solved(seed)[2] for seed in range(4)], []

    def reading(position):
        read.append(position)
        return plans[position]

    two = 2 * plans_module._size(plans[0]) + 200
    lazy = RememberedPlans(reading, 4, budget=two)
    assert len(lazy) == 4
    assert lazy[-1] is plans[3]
    assert lazy[1:3] == (plans[1], plans[2])
    assert lazy[1] is plans[1]
    assert read == [3, 1, 2]
    assert lazy[0] is plans[0]
    assert (lazy[1], lazy[2]) == (plans[1], plans[2])  # the second was forgotten for the first
    assert read == [3, 1, 2, 0, 2]
    assert [*lazy] == plans
    assert read[5:] == [0, 1, 2, 3]
    assert list(lazy._held) == [1, 2]
    with pytest.raises(IndexError):
        lazy[4]


@pytest.mark.parametrize("on_disk", [True, False])
def test_gathered_plans_come_back_in_order_bit_for_bit(tmp_path, on_disk):
    plans = [solved(seed, n=20 + seed)[2] for seed in range(5)]
    gathered = GatheredPlans(5, tmp_path if on_disk else None)
    for position in (3, 0, 4, 1, 2):
        gathered.keep(position, plans[position])
    for found, plan in zip(gathered.plans(), plans, strict=True):
        assert_same_plan(found, plan)
    assert bool(gathered._held) is not on_disk


@posix_only
def test_the_temporary_file_of_plans_has_no_name(tmp_path):
    gathered = GatheredPlans(1, tmp_path)
    gathered.keep(0, solved()[2])
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_plans_in_memory(tmp_path, monkeypatch):
    plans = [solved(seed)[2] for seed in range(3)]
    gathered = GatheredPlans(3, tmp_path)
    gathered.keep(0, plans[0])
    monkeypatch.setattr(plans_module, "_written", lambda file, plan: None)
    gathered.keep(1, plans[1])
    monkeypatch.undo()
    gathered.keep(2, plans[2])
    for found, plan in zip(gathered.plans(), plans, strict=True):
        assert_same_plan(found, plan)


def test_an_embedding_survives_that_its_store_is_cleared(store, patients, tmp_path):
    found, honest = embed(patients, points=6, store=store), embed(patients, points=6)
    assert store.clear() == 6
    for lazy, plan in zip(found.plans, honest.plans, strict=True):
        assert_same_plan(lazy, plan)
    opened = LOTEmbedding.load(found.save(tmp_path / "a.lot"))
    assert opened.maps.tobytes() == honest.maps.tobytes()


def test_an_opened_embedding_holds_no_plan_until_asked(patients, tmp_path):
    opened = LOTEmbedding.load(embed(patients, points=6).save(tmp_path / "a.lot"))
    assert isinstance(opened.plans, RememberedPlans)
    assert opened.plans._held == {}
    assert opened.plan("P2") is opened.plan("P2")
    assert list(opened.plans._held) == [1]


def test_entries_hold_no_pickle(store):
    key, *rest = solved()
    store.write(key, *rest)
    with zipfile.ZipFile(entry(store, key)) as archive:
        names = {"plan/data.npy", "plan/indices.npy", "plan/indptr.npy", "maps.npy", "figures.npy", "header.json"}
        assert set(archive.namelist()) == names
