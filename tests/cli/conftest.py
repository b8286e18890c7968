"""Runs commands inside the test's own process and reads what they said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lotviz.cli import main


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it wrote to its two streams."""

    code: int
    out: str
    err: str

    @property
    def record(self) -> dict:
        """The one JSON object on standard output; NaN and infinity are not JSON."""
        assert self.out.count("\n") == 1, "one object, one line"
        return json.loads(self.out, parse_constant=pytest.fail)


Run = Callable[..., Said]


@pytest.fixture
def run(capsys) -> Run:
    def run_command(*words: object) -> Said:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Said(code, *capsys.readouterr())

    return run_command


@pytest.fixture
def refuse(capsys) -> Callable[..., str]:
    """Run a command that argparse refuses; return its message."""

    def run_refused(*words: object) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        said = capsys.readouterr()
        assert (ended.value.code, said.out) == (2, "")
        return said.err

    return run_refused


@pytest.fixture(scope="session")
def cohort_folder(tmp_path_factory, small_cohort) -> Path:
    from lotviz.data import write_cohort

    return write_cohort(small_cohort, tmp_path_factory.mktemp("cohort") / "small")


@pytest.fixture(scope="session")
def embedding_file(tmp_path_factory, small_cohort) -> Path:
    from lotviz.transport import embed

    path = tmp_path_factory.mktemp("embedding") / "small.lot"
    embed(small_cohort, points=12, seed=0).save(path)
    return path


def names_in(folder: Path) -> set[str]:
    """Everything in a folder, hidden files too: what a failed command must leave as it was."""
    return {path.name for path in folder.iterdir()}
