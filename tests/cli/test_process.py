"""The command as its own process: exit codes, clean streams, Ctrl-C, a pipe that is closed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lotviz import cli
from lotviz.cli import commands
from lotviz.cli.output import Output
from tests.cli.conftest import names_in

posix_only = pytest.mark.skipif(os.name != "posix", reason="signals to another process need POSIX")
LOTVIZ = [sys.executable, "-m", "lotviz"]


def test_process_prints_one_object_and_keeps_progress_on_the_other_stream(tmp_path, cohort_folder):
    words = ["embed", str(cohort_folder), "-o", str(tmp_path / "a.lot"), "--points", "8", "--json"]
    ended = subprocess.run([*LOTVIZ, *words], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout)["n_samples"] == 12
    assert "14 of 14: " in ended.stderr
    assert "Warning" not in ended.stderr


def test_process_exit_codes():
    assert subprocess.run([*LOTVIZ, "validate", "nothing.csv"], capture_output=True).returncode == 1
    assert subprocess.run([*LOTVIZ, "validate"], capture_output=True).returncode == 2
    assert subprocess.run([*LOTVIZ, "--version"], capture_output=True).returncode == 0


@posix_only
def test_ctrl_c_ends_a_long_command_and_leaves_nothing_half_written(tmp_path):
    from lotviz.data import simulate, write_cohort

    study = write_cohort(simulate("patients", samples=40, cells=4000, markers=10, seed=0), tmp_path / "study")
    out = tmp_path / "out"
    out.mkdir()
    words = ["embed", str(study), "-o", str(out / "a.lot"), "--points", "256", "--json"]
    with started(words) as running:
        assert "Scaling" in running.stderr.readline()
        running.send_signal(signal.SIGINT)
        said, complaints = running.communicate(timeout=30)
    assert running.returncode == 130
    assert json.loads(said)["error"]["message"] == cli.STOPPED
    assert complaints.endswith(f"lotviz: {cli.STOPPED}\n")
    assert "Traceback" not in complaints
    assert names_in(out) == set()


def test_ctrl_c_while_threads_transport_leaves_nothing_half_written(run, monkeypatch, tmp_path, cohort_folder):
    def interrupt(_output, _done, _total, message):
        if message.startswith("Transported"):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Output, "progress", interrupt)
    said = run("embed", cohort_folder, "-o", tmp_path / "a.lot", "--points", 12)
    assert (said.code, said.out) == (130, "")
    assert said.err.endswith(f"lotviz: {cli.STOPPED}\n")
    assert names_in(tmp_path) == set()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("transport")]


def test_ctrl_c_tells_the_threads_before_it_interrupts(monkeypatch, capsys):
    seen = []

    def validate(options, output):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            seen.append(output.cancel.is_set())
            raise

    monkeypatch.setattr(commands, "validate", validate)
    before = signal.getsignal(signal.SIGINT)
    assert cli.main(["validate", "x"]) == 130
    assert seen == [True]
    assert signal.getsignal(signal.SIGINT) is before
    assert capsys.readouterr() == ("", f"lotviz: {cli.STOPPED}\n")


def test_commands_run_outside_the_main_thread(monkeypatch):
    def validate(options, output):
        return 0

    monkeypatch.setattr(commands, "validate", validate)
    codes = []
    thread = threading.Thread(target=lambda: codes.append(cli.main(["validate", "x"])))
    thread.start()
    thread.join()
    assert codes == [0]


@posix_only
def test_a_closed_pipe_ends_without_a_traceback(cohort_folder):
    command = f"{sys.executable} -m lotviz validate {cohort_folder} --json | true"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr


@posix_only
def test_serve_says_where_it_is_answers_there_and_stops_on_ctrl_c(cohort_folder):
    words = ["serve", str(cohort_folder), "--port", "0", "--no-browser", "--json"]
    with started(words) as running:
        said = json.loads(running.stdout.readline())
        assert said["cohort"] == str(cohort_folder)
        assert answers(running, said["url"] + "healthz"), running.communicate(timeout=30)
        running.send_signal(signal.SIGINT)
        rest, complaints = running.communicate(timeout=30)
    assert (running.returncode, rest) in [(0, ""), (130, "")]
    assert "Traceback" not in complaints


@contextmanager
def started(words: list[str]) -> Iterator[subprocess.Popen]:
    """Start a command and see to it that it is gone, and its streams closed, whatever the test finds."""
    with subprocess.Popen([*LOTVIZ, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def answers(running: subprocess.Popen, url: str) -> bool:
    """Ask until the server says 200, its process has ended, or a minute is over."""
    end = time.monotonic() + 60
    while time.monotonic() < end and running.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            time.sleep(0.1)
    running.kill()
    return False


def test_a_fault_of_the_program_is_not_dressed_up_as_bad_input(monkeypatch):
    def validate(options, output):
        raise ZeroDivisionError

    monkeypatch.setattr(commands, "validate", validate)
    with pytest.raises(ZeroDivisionError):
        cli.main(["validate", "x"])
