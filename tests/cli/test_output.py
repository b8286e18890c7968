"""The two streams: one result on standard output, everything else on standard error."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pytest

from lotviz.cli import output as streams
from lotviz.cli.output import Output, finite


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_result_is_text_for_a_person_and_one_object_for_a_script(capsys):
    Output(as_json=False).result({"a": 1}, "one")
    assert capsys.readouterr().out == "one\n"
    Output(as_json=True).result({"a": 1}, "one")
    assert capsys.readouterr().out == '{"a": 1}\n'


def test_numbers_in_json_are_finite_and_arrays_are_lists():
    values = {
        "nan": float("nan"),
        "inf": np.float32("inf"),
        "array": np.array([1.5, np.nan]),
        "count": np.int64(3),
        "flag": np.bool_(True),
        "nested": ({"x": -np.inf},),
        5: None,
    }
    assert finite(values) == {
        "nan": None,
        "inf": None,
        "array": [1.5, None],
        "count": 3,
        "flag": True,
        "nested": [{"x": None}],
        "5": None,
    }


def test_failure_goes_to_both_streams_with_json_and_to_one_without(capsys):
    problem = {"where": "f.fcs", "what": "Cut short.", "fix": "Copy it again.", "severity": "error"}
    Output(as_json=False).fail("f.fcs: Cut short.", [problem])
    assert capsys.readouterr() == ("", "lotviz: f.fcs: Cut short.\n")
    Output(as_json=True).fail("f.fcs: Cut short.", [problem])
    said = capsys.readouterr()
    assert said.err == "lotviz: f.fcs: Cut short.\n"
    assert json.loads(said.out) == {"error": {"message": "f.fcs: Cut short.", "problems": [problem]}}


def test_a_failure_after_the_result_adds_no_second_object(capsys):
    output = Output(as_json=True)
    output.result({"url": "x"}, "")
    output.fail("gone")
    assert capsys.readouterr() == ('{"url": "x"}\n', "lotviz: gone\n")


def test_warnings_are_lines_for_a_person_only(capsys):
    Output(as_json=False).warn(["Few cells."])
    Output(as_json=True).warn(["Few cells."])
    assert capsys.readouterr() == ("", "warning: Few cells.\n")


def test_progress_in_a_log_is_sparse(capsys):
    with Output(as_json=True) as output:
        for done in range(1, 101):
            output.progress(done, 100, f"sample_{done}")
    assert capsys.readouterr() == ("", "1 of 100: sample_1\n100 of 100: sample_100\n")


@pytest.mark.parametrize(("columns", "width"), [(300, streams.LINE_WIDTH), (60, 59)])
def test_progress_on_a_terminal_is_one_line_that_ends_before_the_next_text(columns, width, monkeypatch):
    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(streams.sys, "stderr", terminal)
    monkeypatch.setattr(streams, "REDRAW_SECONDS", 0.0)
    output = Output(as_json=False)
    for done in (1, 2, 3):
        output.progress(done, 3, "x" * 500)
    output.fail("stopped")
    lines = terminal.getvalue().split("\n")
    assert len(lines) == 3
    assert lines[0].count("\r") == 3
    assert max(map(len, lines[0].split("\r"))) == width
    assert lines[1] == "lotviz: stopped"


@pytest.mark.parametrize("ended", [None, ValueError("x")])
def test_an_open_line_is_ended_however_the_command_ends(ended, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(streams.sys, "stderr", terminal)
    try:
        with Output(as_json=False) as output:
            output.progress(1, 3, "a")
            if ended:
                raise ended
    except ValueError:
        pass
    assert terminal.getvalue().endswith("\n")


@pytest.mark.parametrize(
    ("encoding", "said"), [("cp1252", "pERK\\u2212 Größe"), ("ascii", "pERK\\u2212 Gr\\xf6\\xdfe")]
)
def test_a_stream_of_another_encoding_gets_the_result_in_other_words(encoding, said, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    with Output(as_json=False) as output:
        output.result({}, "pERK\u2212 Größe")
    assert raw.getvalue().decode(encoding).rstrip() == said


def test_a_stream_that_is_closed_is_passed_over(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with Output(as_json=False) as output:
        output.result({}, "done")
