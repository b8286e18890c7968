"""A few hundred damaged inputs at every run of the tests; thousands by `python -m tests.fuzz`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.fuzz import run as module
from tests.fuzz.run import Report, Worker, keep_case, run
from tests.fuzz.seeds import make_seeds
from tests.fuzz.worker import make_input, open_input, write_input

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited and measured as Linux does it")


def test_every_damaged_input_ends_as_a_cohort_or_a_refusal():
    report = run(range(240), seed=1)
    assert len(report.records) == 240
    assert not report.failures, report.table()


@pytest.mark.parametrize("number", [12742, 2981])
def test_inputs_that_once_took_all_memory_there_was(number):
    """A symbol table of HDF5 that asks for gigabytes, and a piece of zarr that says it holds as many texts."""
    (record,) = run([number], seed=71).records
    assert record["outcome"] == "refused"
    assert record["bytes"] < 10**8


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", make_seeds(), ids=lambda seed: f"{seed.kind}, {seed.name}")
def test_every_valid_input_is_a_cohort(tmp_path, seed):
    assert open_input(write_input(seed, tmp_path)) == "cohort"


def test_inputs_are_the_same_on_every_run():
    first, again = make_seeds(), make_seeds.__wrapped__()
    assert first == again
    for number in range(60):
        assert make_input(3, number, seeds=first) == make_input(3, number, seeds=again)


def stand_in(code):
    """A process that gets the number of an input and then does something else than answering."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    return subprocess.Popen([sys.executable, "-c", f"import os, time; input(); {code}"], **pipes)


@pytest.mark.parametrize(("code", "outcome"), [("os.kill(os.getpid(), 11)", "crash"), ("time.sleep(60)", "hang")])
def test_a_worker_that_dies_or_hangs_is_counted_and_replaced(tmp_path, monkeypatch, code, outcome):
    monkeypatch.setattr(module, "SECONDS", 1)
    monkeypatch.setattr(module, "GRACE", 1)
    worker = Worker(0, stand_in(code), fresh=False)
    try:
        lost = worker.trial(1)
        monkeypatch.undo()
        after = worker.trial(2)
    finally:
        worker.stop()
    assert (lost["outcome"], lost["number"]) == (outcome, 1)
    assert (after["outcome"] in module.FINE, after["number"]) == (True, 2)
    kept = keep_case(lost, seed=0, folder=tmp_path)
    assert (kept / "case.json").is_file()
    assert outcome in Report([lost, after]).table()
