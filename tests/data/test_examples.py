from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lotviz.data import check, read_cohort
from lotviz.data.examples import EXAMPLES, main, write_examples

COMMITTED = Path(__file__).resolve().parents[2] / "data_examples"


@pytest.fixture(scope="module")
def made_again(tmp_path_factory):
    return write_examples(tmp_path_factory.mktemp("examples"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_committed_examples_are_what_their_seeds_give(made_again, name):
    committed, again = read_cohort(COMMITTED / name), read_cohort(made_again / name)
    assert committed.markers == again.markers
    assert committed.samples.equals(again.samples)
    assert committed.synthetic
    for sample in again.samples.index:
        # another build of numpy may round the last bit of sinh differently
        np.testing.assert_allclose(committed.raw(sample), again.raw(sample), rtol=1e-6)
    assert not [problem for problem in check(committed) if problem.severity == "error"]


def test_the_readme_tells_the_seeds(made_again):
    assert (COMMITTED / "README.md").read_text() == (made_again / "README.md").read_text()


def test_the_examples_are_small_enough_to_be_committed():
    assert sum(file.stat().st_size for file in COMMITTED.rglob("*") if file.is_file()) < 600_000


def test_wrong_usage_is_refused(capsys):
    assert main([]) == 2
    assert "Expected one folder" in capsys.readouterr().err
