"""The whole path on real cohorts through the command line; skipped where they are not on this machine."""

from __future__ import annotations

import json
import time

import pytest

from lotviz.cli import main

QUICK = ["--repeats", "2", "--permutations", "20"]


@pytest.fixture
def run(capsys):
    def run_command(*words: object) -> dict:
        capsys.readouterr()
        code = main([*map(str, words), "--json"])
        said = capsys.readouterr()
        assert code == 0, said.err
        return json.loads(said.out, parse_constant=pytest.fail)

    return run_command


def test_covid_flow_folder_embeds_and_classifies(run, real_data, tmp_path):
    folder = real_data("covid_cd8_flow_debiasi")
    embedded = run("embed", folder, "-o", tmp_path / "covid.lot", "--points", 64)
    assert (embedded["n_samples"], embedded["n_markers"]) == (32, 16)
    assert 0 < embedded["residual_share"] < 1

    result = run("classify", folder, "--label", "label", "--group", "patient", *QUICK)
    scores = {name: score["balanced_accuracy"]["mean"] for name, score in result["scores"].items()}
    assert (sorted(result["classes"]), result["n_samples"], result["n_groups"]) == (["COV", "CTR"], 32, 32)
    assert scores["majority"] == pytest.approx(0.5)
    assert scores["lot"] > 0.68


def test_bcrxl_sheet_with_fcs_files_embeds_and_classifies(run, real_data, tmp_path):
    sheet = real_data("bcrxl_cytof_bodenmiller/sheet.csv")
    words = ("--points", 48, "--cells-per-sample", 1000)
    embedded = run("embed", sheet, "-o", tmp_path / "bcrxl.lot", *words)
    assert (embedded["n_samples"], embedded["n_cells_used"]) == (16, 16_000)
    assert embedded["n_cells"] > 100_000

    result = run("classify", sheet, "--label", "label", "--group", "patient", *QUICK, "--cells-per-sample", 1000)
    assert (result["label"], result["n_samples"], result["n_groups"]) == ("condition", 16, 8)
    assert any("condition" in sentence for sentence in result["warnings"])
    assert result["scores"]["lot"]["balanced_accuracy"]["mean"] > 0.9


def test_a_real_interpolation_is_written_with_its_mark(run, real_data, tmp_path):
    folder = real_data("covid_cd8_flow_debiasi")
    run("embed", folder, "-o", tmp_path / "covid.lot", "--points", 32)
    started = time.perf_counter()
    said = run("interpolate", tmp_path / "covid.lot", "--weights", "COV1=.5,CTR9=.5", "-o", tmp_path / "c.csv")
    assert time.perf_counter() - started < 10
    assert said["n_cells"] > 167  # glued pairs: more than the cells of either sample
    assert (tmp_path / "c.csv").read_text().startswith("# synthetic")
