"""Damage that HDF5 never gets past is found by a process that may hang; whole files are read as before."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from lotviz.data import CohortError, read_cohort, simulate, write_cohort
from lotviz.data.annotated import trial, trial_process

HEAP = b"GCOL"
HEAD = 16  # bytes of a heap of texts, and of each text in it; the size is in the last eight


@pytest.fixture
def fresh(monkeypatch):
    """A process of the test's own, and nothing remembered."""
    reader = trial._Reader()
    monkeypatch.setattr(trial, "_reader", reader)
    monkeypatch.setattr(trial, "_ends", {})
    yield reader
    reader.stop()


@pytest.fixture
def whole(tmp_path):
    return write_cohort(simulate(samples=2, cells=30, markers=3), tmp_path / "out", format="h5ad") / "cohort.h5ad"


def endless(path: Path, heap: int) -> None:
    """Give the first text of a heap the size with which HDF5 comes back to the same place for ever."""
    content = bytearray(path.read_bytes())
    at = -1
    for _ in range(heap + 1):
        at = content.index(HEAP, at + 1)
    content[at + HEAD + 8 : at + HEAD + 16] = struct.pack("<q", -16)
    path.write_bytes(content)


def test_damage_without_an_end_is_refused_with_its_place(whole, fresh):
    endless(whole, heap=0)
    start = time.perf_counter()
    for _ in range(2):
        with pytest.raises(CohortError) as refusal:
            read_cohort(whole)
    assert time.perf_counter() - start < 10
    (problem,) = refusal.value.problems
    assert problem.where.startswith("cohort.h5ad, ")
    assert problem.what == "Expected a whole AnnData file, found damage that reading never gets past."
    assert "export it again" in problem.fix


def test_every_heap_of_the_file_is_tried(whole, fresh):
    content = whole.read_bytes()
    for heap in range(content.count(HEAP)):
        whole.write_bytes(content)
        endless(whole, heap)
        with pytest.raises(CohortError, match="never gets past"):
            read_cohort(whole)
    whole.write_bytes(content)
    assert read_cohort(whole).cell_counts.sum() == 60


def test_one_process_serves_all_files_and_a_file_once(whole, fresh, tmp_path, monkeypatch):
    trial.require_readable(whole, "a")
    process = fresh.process
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as store:
        store["obs/large"] = np.zeros((3000, 1000))
        store["obs"].attrs["loop"] = "x"
        store["obs/itself"] = store["obs"]
        store["away"] = h5py.ExternalLink("nowhere.h5", "/")
    trial.require_readable(other, "b")
    assert fresh.process is process
    monkeypatch.setattr(fresh, "place_of_no_return", lambda path: "asked again")
    trial.require_readable(whole, "a")
    os.utime(whole, (1, 1))
    with pytest.raises(CohortError, match="asked again"):
        trial.require_readable(whole, "a")


def test_a_process_that_was_killed_is_replaced(whole, fresh):
    trial.require_readable(whole, "a")
    fresh.process.kill()
    fresh.process.wait()
    os.utime(whole, (1, 1))
    endless(whole, heap=0)
    with pytest.raises(CohortError, match="never gets past"):
        trial.require_readable(whole, "a")


@pytest.mark.parametrize("program", ["/nowhere/python", "/bin/false"])
def test_where_no_process_can_be_had_files_are_read_untried(whole, fresh, monkeypatch, program):
    monkeypatch.setattr(sys, "executable", program)
    assert read_cohort(whole).cell_counts.sum() == 60


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_process_knows_no_secrets(whole, fresh, monkeypatch):
    monkeypatch.setenv("LOTVIZ_PASSWORD", "sesame")
    trial.require_readable(whole, "a")
    environment = Path(f"/proc/{fresh.process.pid}/environ").read_bytes()
    assert b"PATH=" in environment
    assert b"sesame" not in environment


@pytest.mark.parametrize(
    ("error", "code"),
    [("MemoryError()", 1), ("RuntimeError('x (memory allocation failed for chunk)')", 1), ("KeyError('no x')", 7)],
)
def test_a_process_for_which_memory_was_not_enough_ends(error, code):
    program = f"import os, trial_process as t\nwith t._passed_over(): raise {error}\nos._exit(7)"
    home = str(Path(trial.__file__).parent)
    ended = subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": home}, check=False)
    assert ended.returncode == code


def test_what_is_asked_for_by_name_is_asked_for_there_as_well(tmp_path):
    asked = []

    class Group:
        attrs = {"column-order": ["age", "sex"]}  # noqa: RUF012

        def __contains__(self, name):
            asked.append(name)
            raise KeyError(name)

    trial_process._look_up(Group())
    assert {"obs", "var", "X", "_index", "codes", "age", "sex"} <= set(asked)
