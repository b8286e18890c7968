"""The words: help with an example for every command, wrong usage refused with code 2, a quick start."""

from __future__ import annotations

import inspect
import subprocess
import sys
import time

import pytest

import lotviz
from lotviz.cli import values
from lotviz.cli.arguments import build_parser

COMMANDS = ("demo", "serve", "simulate", "validate", "embed", "project", "classify", "score", "interpolate", "register")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example_that_parses(command, capsys):
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args([command, "--help"])
    said = capsys.readouterr().out
    example = said.split("Example:\n")[1].strip()
    assert ended.value.code == 0
    assert "--json" in said
    assert example.startswith(f"lotviz {command}")
    assert build_parser().parse_args(example.split()[1:]).run.__name__ == command


@pytest.mark.parametrize("command", ["info", "clear"])
def test_help_of_the_store_shows_an_example_that_parses(command, capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["store", command, "--help"])
    example = capsys.readouterr().out.split("Example:\n")[1].strip()
    assert example.startswith(f"lotviz store {command}")
    assert build_parser().parse_args(example.split()[1:]).run.__name__ == command


def test_every_command_is_listed_and_later_work_is_absent(capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["--help"])
    said = capsys.readouterr().out
    assert all(f"    {command}" in said for command in (*COMMANDS, "store"))
    assert not any(word in said for word in ("report",))


def test_version(capsys):
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"lotviz {lotviz.__version__}\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["bake"], "invalid choice: 'bake'"),
        (["embed", "study"], "-o/--output"),
        (["classify", "study"], "--label"),
        (["embed", "study", "-o", "e.lot", "--points", "0"], "whole number of at least 1, found '0'"),
        (["embed", "study", "-o", "e.lot", "--points", "1.5"], "whole number of at least 1, found '1.5'"),
        (["embed", "study", "-o", "e.lot", "--cofactor", "0"], "number above 0 or the word fitted, found '0'"),
        (["embed", "study", "-o", "e.lot", "--cofactor", "nan"], "number above 0 or the word fitted, found 'nan'"),
        (["embed", "study", "-o", "e.lot", "--cofactor", "1e999"], "number above 0"),
        (["embed", "study", "-o", "e.lot", "--transform", "sqrt"], "invalid choice: 'sqrt'"),
        (["embed", "study", "-o", "e.lot", "--markers", "CD3,,CD4"], "different names with commas between"),
        (["embed", "study", "-o", "e.lot", "--markers", "CD3,CD3"], "different names with commas between"),
        (["embed", "study", "-o", "e.lot", "--poi", "3"], "unrecognized arguments: --poi"),
        (["interpolate", "e.lot", "-o", "c.csv", "--weights", "A"], "weights like A=.5,B=.5, found 'A'"),
        (["interpolate", "e.lot", "-o", "c.csv", "--weights", "A=x"], "weights like A=.5,B=.5"),
        (["interpolate", "e.lot", "-o", "c.csv", "--weights", "A=.5,B=nan"], "weights like A=.5,B=.5"),
        (["interpolate", "e.lot", "-o", "c.csv", "--weights", "A=.5,A=.5"], "every sample once"),
        (["interpolate", "e.lot", "-o", "c.csv", "--weights", ""], "weights like A=.5,B=.5"),
        (["embed", "study", "-o", "e.lot", "--points", "64,0"], "whole number of at least 1, found '0'"),
        (["embed", "study", "-o", "e.lot", "--points", "64,"], "whole number of at least 1, found ''"),
        (["embed", "study", "-o", "e.lot", "--points", "64,64"], "different numbers with commas between"),
        (["embed", "study", "-o", "e.lot", "--reference", "kmeens"], "Did you mean kmeans?"),
        (["embed", "study", "-o", "e.lot", "--reference", "points.xlsx"], "ends in .csv, .tsv, .parquet, .lot, found"),
        (["embed", "study", "-o", "e.lot", "--reference", "sample:"], "sample:NAME"),
        (["embed", "study", "-o", "e.lot", "--solver", "entropic"], "invalid choice: 'entropic'"),
        (["store"], "required: COMMAND"),
        (["store", "empty"], "invalid choice: 'empty'"),
        (["serve", "--port", "70000"], "port from 0 to 65535"),
        (["serve", "--data-root", "no/such/folder"], "Expected a folder"),
    ],
)
def test_wrong_usage_is_refused_with_what_was_expected(words, message, refuse):
    assert message in refuse(*words)


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.7", "::", "example.org"])
def test_other_machines_are_refused_until_there_is_authentication(address, refuse):
    said = refuse("serve", "--address", address)
    assert "authentication first, which is not yet available" in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=.5,B=.5", {"A": 0.5, "B": 0.5}),
        ("A=1", {"A": 1.0}),
        ("a,b=.25,c=x=7.5e-1", {"a,b": 0.25, "c=x": 0.75}),
        ("A=0.5,B=-.5", {"A": 0.5, "B": -0.5}),
    ],
)
def test_weights_are_read_as_written(text, expected):
    options = build_parser().parse_args(["interpolate", "e.lot", "-o", "c.csv", "--weights", text])
    assert options.weights == expected


def test_adjust_may_be_given_many_times_without_keeping_the_past():
    words = ["classify", "study", "--label", "l", "--adjust", "a", "b", "--adjust", "c"]
    assert build_parser().parse_args(words).adjust == ["a", "b", "c"]
    assert build_parser().parse_args(["classify", "study", "--label", "l"]).adjust == []


@pytest.mark.parametrize("command", ["simulate", "embed", "classify"])
def test_defaults_are_those_of_the_function(command):
    words = {"simulate": ["out"], "embed": ["c", "-o", "e"], "classify": ["c", "--label", "l"]}[command]
    options = vars(build_parser().parse_args([command, *words]))
    parameters = inspect.signature(getattr(lotviz, command)).parameters
    shared = {
        "simulate": {"samples", "cells", "markers"},
        "embed": {"points", "reference", "scale", "solver", "resume"},
        "classify": set(),
    }[command]
    shared |= {"workers", "folds", "repeats", "permutations", "cells_per_sample", "seed"}
    for name in shared & set(options) & set(parameters):
        default = parameters[name].default
        assert options[name] == ((default,) if name == "points" else default), name


def test_help_starts_at_once():
    # The quickest of three: other programs of the machine may slow one of them.
    def seconds() -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "lotviz", "--help"], check=True, capture_output=True)
        return time.perf_counter() - started

    assert min(seconds() for _ in range(3)) < 0.5


def test_the_largest_seed_is_that_of_the_functions():
    from lotviz.data import choices

    assert values.MOST_SEED == choices.MOST_SEED
