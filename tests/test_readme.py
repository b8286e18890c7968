"""What the README says to type runs as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from lotviz.cli.arguments import build_parser
from lotviz.data import simulate, write_cohort

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
LINES = [line for line in README.splitlines() if re.match(r"lotviz [a-z]+ ", line)]


def block(language: str) -> str:
    return re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)[1]


def test_the_lines_of_python_run_one_after_the_other(tmp_path, monkeypatch):
    write_cohort(simulate("patients", samples=12, cells=300, seed=1), tmp_path, format="csv")
    (tmp_path / "samples.csv").rename(tmp_path / "sheet.csv")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(block("python"), "README.md", "exec"), names)  # our own text
    assert names["embedding"].maps.shape[:2] == (12, 128)
    assert (tmp_path / "between.parquet").stat().st_size > 0


@pytest.mark.parametrize("line", LINES)
def test_every_command_takes_the_options_that_are_named(line):
    words = shlex.split(re.split(r"\s{3,}", line)[0])[1:]
    assert callable(build_parser().parse_args(words).run)
