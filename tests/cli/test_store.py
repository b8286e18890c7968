"""The store from the command line: kept at once, taken up again after kill -9, looked at, removed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from lotviz.data import simulate, write_cohort
from tests.cli.conftest import names_in

posix_only = pytest.mark.skipif(os.name != "posix", reason="signals to another process need POSIX")
LOTVIZ = [sys.executable, "-m", "lotviz"]
SAMPLES = 100


@pytest.fixture
def store(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LOTVIZ_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


@pytest.fixture(scope="module")
def hundred(tmp_path_factory) -> Path:
    cohort = simulate("patients", samples=SAMPLES, cells=500, markers=6, seed=2)
    return write_cohort(cohort, tmp_path_factory.mktemp("hundred") / "study")


def entries(store: Path) -> int:
    return len([name for name in names_in(store) if not name.startswith(".")]) if store.is_dir() else 0


def contents(embedding: Path) -> dict[str, bytes]:
    """Everything in an embedding file but how long it took."""
    with zipfile.ZipFile(embedding) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = json.loads(members["header.json"])
    assert header.pop("seconds") > 0
    return members | {"header.json": json.dumps(header).encode()}


def killed_midway(words: list[str], store: Path) -> None:
    """Start a run and kill it, as when the power goes, once it has kept a few samples."""
    with subprocess.Popen([*LOTVIZ, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        end = time.monotonic() + 60
        while entries(store) < 10 and running.poll() is None and time.monotonic() < end:
            time.sleep(0.002)
        running.send_signal(signal.SIGKILL)
    assert running.returncode == -signal.SIGKILL


@posix_only
def test_after_kill_only_the_rest_is_solved_and_the_file_is_the_same(run, store, hundred, tmp_path, monkeypatch):
    words = ["embed", str(hundred), "--points", "64", "--seed", "4", "-o", str(tmp_path / "a.lot")]
    killed_midway(words, store)
    kept = entries(store)
    assert 10 <= kept < SAMPLES
    assert not (tmp_path / "a.lot").exists()

    said = run(*words, "--resume", "--json")
    assert (said.code, said.record["from_store"]) == (0, kept)
    assert f"({kept} taken from the store)" in said.err
    assert entries(store) == SAMPLES

    monkeypatch.setenv("LOTVIZ_STORE", str(tmp_path / "another store"))
    assert run(*words[:-1], tmp_path / "undisturbed.lot").code == 0
    resumed, undisturbed = contents(tmp_path / "a.lot"), contents(tmp_path / "undisturbed.lot")
    assert resumed.keys() == undisturbed.keys()
    assert [name for name in resumed if resumed[name] != undisturbed[name]] == []


def test_embed_always_keeps_and_reads_only_when_asked(run, store, cohort_folder, tmp_path):
    words = ("embed", cohort_folder, "-o", tmp_path / "a.lot", "--overwrite", "--points", 6)
    first = run(*words, "--json").record
    assert entries(store) == 12
    assert "from_store" not in first
    assert "taken from the store" not in run(*words).out
    assert "12 samples were taken from the store." in run(*words, "--resume").out
    assert run(*words, "--resume", "--seed", 1, "--json").record["from_store"] == 0


def test_the_solver_is_chosen_and_written_down(run, cohort_folder, tmp_path):
    from lotviz import LOTEmbedding

    for words, expected in (([], "simplex"), (["--solver", "pot"], "pot")):
        run("embed", cohort_folder, "-o", tmp_path / expected, "--points", 6, *words)
        assert LOTEmbedding.load(tmp_path / expected).parameters["solver"] == expected


def test_info_and_clear_for_a_script(run, store, cohort_folder, tmp_path):
    empty = {"folder": str(store), "entries": 0, "bytes": 0, "limit": 5_000_000_000}
    assert run("store", "info", "--json").record == empty
    run("embed", cohort_folder, "-o", tmp_path / "a.lot", "--points", 6)
    size = sum(path.stat().st_size for path in store.iterdir())
    assert run("store", "info", "--json").record == empty | {"entries": 12, "bytes": size}
    assert run("store", "clear", "--json").record == {"folder": str(store), "removed": 12}
    assert run("store", "info", "--json").record == empty


def test_info_and_clear_for_a_person(run, store):
    said = run("store", "info")
    assert said.out == f"0 solved samples in {store}.\nThey take 0.0 MB of at most 5,000.0 MB.\n"
    assert run("store", "clear").out == f"Removed 0 solved samples from {store}.\n"


def test_a_store_that_cannot_be_written_is_a_warning(run, cohort_folder, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LOTVIZ_STORE", str(tmp_path / "file"))
    said = run("embed", cohort_folder, "-o", tmp_path / "a.lot", "--points", 6, "--json")
    assert said.code == 0
    (warning,) = [line for line in said.record["warnings"] if "store" in line or "kept" in line]
    assert warning.startswith(f"Solved samples could not be kept in {tmp_path / 'file'} (")
    assert warning.endswith("): --resume would solve them again.")


def test_a_limit_that_is_no_number_is_refused_before_anything_is_read(run, tmp_path, monkeypatch):
    monkeypatch.setenv("LOTVIZ_STORE_GB", "plenty")
    for words in (("embed", tmp_path / "none", "-o", tmp_path / "a.lot"), ("store", "info")):
        said = run(*words, "--json")
        assert said.code == 1
        assert "Expected LOTVIZ_STORE_GB to be a number of gigabytes" in said.record["error"]["message"]
