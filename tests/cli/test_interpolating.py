from __future__ import annotations

import json

import pandas as pd
import pyarrow.parquet as pq
import pytest

from lotviz.cli.arguments import build_parser
from lotviz.data.formats import write_cells


def recipe(path):
    return json.loads(pq.read_schema(path).metadata[b"lotviz_recipe"])


@pytest.mark.parametrize("manner", ["lines", "kinds"])
def test_along_samples_in_their_order(run, tmp_path, embedding_file, small_cohort, manner):
    a, b, c = small_cohort.samples.index[:3]
    path = tmp_path / "along.parquet"
    words = ("--along", f"{a},{b},{c}", "--at", "1.25", "--cells", 60, "--manner", manner)
    said = run("interpolate", embedding_file, *words, "-o", path, "--json")
    assert said.record["weights"] == pytest.approx({b: 0.75, c: 0.25})
    assert set(said.record["inputs"]) == {b, c}
    assert said.record["versions"]["lotviz"]
    assert (said.record["along"], said.record["at"], said.record["n_cells"]) == ([a, b, c], 1.25, 60)
    assert recipe(path)["along"] == [a, b, c]
    assert recipe(path)["method"] == said.record["method"]
    assert len(pd.read_parquet(path)) == 60


def test_beyond_the_samples_only_when_it_is_asked_for_and_checked(run, tmp_path, embedding_file, small_cohort):
    a, b, c = small_cohort.samples.index[:3]
    path = tmp_path / "beyond.parquet"
    words = ("--weights", f"{a}=1,{b}=1,{c}=-1", "-o", path, "--json")
    refused = run("interpolate", embedding_file, *words)
    assert refused.code == 1
    assert "from 0 to 1, found -1" in refused.record["error"]["message"]
    said = run("interpolate", embedding_file, *words, "--beyond", "--check")
    assert said.code == 0
    found = said.record["validity"]
    assert {"gap", "chance", "outside", "impossible", "ok", "verdict"} <= set(found)
    assert recipe(path)["validity"] == found
    assert recipe(path)["weights"] == {a: 1.0, b: 1.0, c: -1.0}


def test_the_check_is_said_in_sentences(run, tmp_path, embedding_file, small_cohort):
    a = small_cohort.samples.index[0]
    said = run("interpolate", embedding_file, "--weights", f"{a}=1", "--check", "-o", tmp_path / "a.csv")
    assert said.code == 0
    assert "it returns to itself (gap 0.00, by chance" in said.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--along", "{a},{b}"), "Expected a place along the samples, found none"),
        (("--weights", "{a}=1", "--at", "0.5"), "Expected samples to go along, found none"),
        (("--along", "{a},{b}", "--at", "0.5", "--beyond"), "Use --beyond with --weights only"),
        (("--weights", "{a}=1", "--beyond", "--manner", "kinds"), "Leave --manner or --beyond out"),
        (("--along", "{a},{b}", "--at", "1.5"), "place from 0 to 1, found 1.5"),
        (("--along", "{a}", "--at", "0"), "two samples or more"),
    ],
)
def test_options_that_do_not_fit_are_refused(run, tmp_path, embedding_file, small_cohort, words, message):
    a, b = small_cohort.samples.index[:2]
    filled = [word.format(a=a, b=b) for word in words]
    said = run("interpolate", embedding_file, *filled, "-o", tmp_path / "c.csv")
    assert said.code == 1
    assert message in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--along", "A,B", "--at", "x"), "Expected a number, found 'x'"),
        (("--along", "A,B", "--at", "1e999"), "Expected a number, found '1e999'"),
        (("--along", "A,B", "--at", "0", "--weights", "A=1"), "not allowed with"),
        ((), "--weights --along is required"),
    ],
)
def test_wrong_words_are_refused(capsys, words, message):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["interpolate", "e.lot", "-o", "c.csv", *words])
    assert message in capsys.readouterr().err


def test_what_is_refused_names_the_option_that_allows_it(run, embedding_file, small_cohort, tmp_path):
    a, b = small_cohort.samples.index[:2]
    said = run("interpolate", embedding_file, "--weights", f"{a}=1.5,{b}=-.5", "-o", tmp_path / "x.csv")
    assert (said.code, "--beyond" in said.err) == (1, True)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.3, 0.3, 0.4)])
def test_cells_of_several_samples_count_alike_unless_pairs_are_asked_for(
    run, embedding_file, small_cohort, tmp_path, shares
):
    """A file of pairs of unequal masses is read as cells that count alike, by other programs and by this one."""
    names = small_cohort.samples.index[: len(shares)]
    given = ",".join(f"{name}={share}" for name, share in zip(names, shares, strict=True))
    words = ("interpolate", embedding_file, "--weights", given, "-o")
    record = run(*words, tmp_path / "cells.csv", "--json").record
    assert (record["n_cells"], record["masses"]) == (200, "equal")
    assert "mass" not in (tmp_path / "cells.csv").read_text().splitlines()[1].split(",")
    pairs = run(*words, tmp_path / "pairs.csv", "--pairs")
    if len(shares) > 2:
        assert (pairs.code, "--cells" in pairs.err) == (1, True)
    else:
        assert "all pairs of cells, each with its mass beside the markers: count masses, not rows." in pairs.out


@pytest.mark.parametrize("more", [("--cells", "5"), ("--manner", "kinds"), ("--beyond",)])
def test_pairs_are_neither_drawn_nor_moved(run, embedding_file, small_cohort, tmp_path, more):
    a, b = small_cohort.samples.index[:2]
    words = ("interpolate", embedding_file, "--weights", f"{a}=.5,{b}=.5", "--pairs", "-o", tmp_path / "x.csv")
    said = run(*words, *more)
    assert (said.code, "Use --pairs with --weights of two samples only" in said.err) == (1, True)


@pytest.mark.parametrize("suffix", ["parquet", "csv", "h5ad", "fcs"])
def test_measured_cells_are_never_replaced_by_synthetic_ones(run, embedding_file, small_cohort, tmp_path, suffix):
    path, name = tmp_path / f"cells.{suffix}", small_cohort.samples.index[0]
    write_cells(path, small_cohort.raw(name), small_cohort.markers, synthetic=False, about={})
    before, words = path.read_bytes(), ("interpolate", embedding_file, "--weights", f"{name}=1", "--overwrite", "-o")
    said = run(*words, path)
    assert (said.code, path.read_bytes()) == (1, before)
    assert "measured cells are never replaced" in said.err
    made = tmp_path / f"made.{suffix}"
    assert [run(*words, made).code for _ in range(2)] == [0, 0]
