"""Every command on a small cohort: what it prints for a script, what it prints for a person, what it writes."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

from lotviz.cli import commands
from tests.cli.conftest import names_in

EMBED_KEYS = {
    "n_samples",
    "n_points",
    "n_markers",
    "n_cells",
    "n_cells_used",
    "seconds",
    "residual_share",
    "warnings",
}
CLASSIFY_KEYS = {
    "label",
    "n_samples",
    "n_groups",
    "classes",
    "scores",
    "difference",
    "permutation_p",
    "batch",
    "warnings",
}
QUICK = ("--points", 8, "--folds", 3, "--repeats", 1, "--permutations", 5, "--cells-per-sample", 100)


def is_interval(score: dict) -> bool:
    return set(score) >= {"mean", "low", "high"} and score["low"] <= score["mean"] <= score["high"]


@pytest.fixture
def loose_files(tmp_path):
    """A folder of files of cells, without a sheet."""
    folder = tmp_path / "study"
    folder.mkdir()
    for number in (1, 2, 10):
        pd.DataFrame({"CD3": [1.0, 2.0], "CD4": [3.0, number]}).to_csv(folder / f"Probe_{number}.csv", index=False)
    return folder


def test_a_sheet_is_proposed_written_and_read(run, loose_files):
    refused = run("validate", loose_files)
    assert refused.code == 1
    assert "such as: 1,Probe_1.csv (the command lotviz sheet writes a row for each of 3 files" in refused.out
    said = run("sheet", loose_files, "--json")
    assert said.code == 0
    assert said.record["sheet"] == {"sample": ["1", "2", "10"], "file": [f"Probe_{n}.csv" for n in (1, 2, 10)]}
    assert run("validate", loose_files, "--json").record["samples"] == 3
    again = run("sheet", loose_files)
    assert again.code == 1
    assert "found one that exists" in again.err
    assert run("validate", loose_files, "--json").record["samples"] == 3


@pytest.mark.parametrize("name", ["sheet.xlsx", "sheet.tsv"])
def test_a_proposed_sheet_elsewhere_finds_its_files(run, loose_files, name):
    said = run("sheet", loose_files, "-o", loose_files.parent / name)
    assert said.code == 0
    assert "A row for each of 3 files: 1 (study/Probe_1.csv)" in said.out
    assert run("validate", loose_files.parent / name, "--json").record["samples"] == 3


def test_no_sheet_of_a_folder_without_cells_or_in_another_format(run, loose_files):
    (loose_files / "empty").mkdir()
    said = run("sheet", loose_files / "empty")
    assert said.code == 1
    assert "Expected files of cells in the folder, found none. Name the folder" in said.err
    assert run("sheet", loose_files, "-o", loose_files / "sheet.parquet").code == 1
    assert sorted(path.name for path in loose_files.iterdir()) == [
        "Probe_1.csv",
        "Probe_10.csv",
        "Probe_2.csv",
        "empty",
    ]


def test_round_trip_from_simulation_to_synthetic_cells(run, tmp_path):
    study, embedding, placed = tmp_path / "study", tmp_path / "study.lot", tmp_path / "placed.lot"
    cells, result = tmp_path / "between.csv", tmp_path / "result.json"

    said = run("simulate", study, "--samples", 8, "--cells", 120, "--markers", 6, "--seed", 1, "--json")
    assert said.code == 0
    assert (said.record["samples"], said.record["cells"], len(said.record["markers"])) == (8, 960, 6)

    said = run("validate", study, "--json")
    assert (said.code, said.record["ok"]) == (0, True)

    said = run("embed", study, "-o", embedding, "--points", 10, "--json")
    assert (said.code, said.record["n_samples"], said.record["n_points"]) == (0, 8, 10)

    said = run("project", embedding, study, "-o", placed, "--json")
    assert (said.code, said.record["n_samples"], said.record["n_points"]) == (0, 8, 10)

    first, second = list(pd.read_csv(study / "samples.csv").iloc[:2, 0])
    weights = f"{first}=.5,{second}=.5"
    said = run("interpolate", embedding, "--weights", weights, "--cells", 50, "-o", cells, "--json")
    assert (said.code, said.record["n_cells"], said.record["synthetic"]) == (0, 50, True)
    assert cells.read_text().startswith("# synthetic")

    said = run("classify", study, "--label", "label", "--group", "patient", *QUICK, "-o", result, "--json")
    assert said.code == 0
    written = json.loads(result.read_text())
    assert {name: written[name] for name in said.record} == said.record
    assert set(written) >= {"per_sample", "confusion", "parameters", "versions"}
    assert names_in(tmp_path) == {"study", "study.lot", "placed.lot", "between.csv", "result.json"}


def test_projecting_the_training_cohort_gives_its_own_maps(run, tmp_path, cohort_folder):
    from lotviz import LOTEmbedding

    run("embed", cohort_folder, "-o", tmp_path / "a.lot", "--points", 12)
    run("project", tmp_path / "a.lot", cohort_folder, "-o", tmp_path / "b.lot")
    a, b = LOTEmbedding.load(tmp_path / "a.lot"), LOTEmbedding.load(tmp_path / "b.lot")
    assert (a.maps == b.maps).all()


def test_embed_json(run, tmp_path, cohort_folder):
    said = run("embed", cohort_folder, "-o", tmp_path / "a.lot", "--points", 12, "--workers", 1, "--json")
    record = said.record
    assert set(record) == EMBED_KEYS
    assert (record["n_samples"], record["n_points"], record["n_markers"]) == (12, 12, 8)
    assert record["n_cells"] == record["n_cells_used"] == 2400
    assert 0 < record["residual_share"] < 1
    assert record["seconds"] > 0
    assert all(isinstance(sentence, str) for sentence in record["warnings"])


def test_embed_is_the_same_for_a_seed_whatever_the_number_of_workers(run, tmp_path, cohort_folder):
    from lotviz import LOTEmbedding

    for name, workers, seed in (("a", 1, 5), ("b", 2, 5), ("c", 2, 6)):
        run("embed", cohort_folder, "-o", tmp_path / name, "--points", 9, "--workers", workers, "--seed", seed)
    a, b, c = (LOTEmbedding.load(tmp_path / name).maps for name in "abc")
    assert (a == b).all()
    assert not (a == c).all()


def test_embed_uses_the_markers_and_transform_asked_for(run, tmp_path, cohort_folder, small_cohort):
    from lotviz import LOTEmbedding

    chosen = [small_cohort.markers[2], small_cohort.markers[0]]
    words = ("--markers", ",".join(chosen), "--transform", "log1p", "--scale", "none", "--reference", "cells")
    said = run("embed", cohort_folder, "-o", tmp_path / "a.lot", "--points", 7, *words, "--json")
    embedding = LOTEmbedding.load(tmp_path / "a.lot")
    assert said.record["n_markers"] == 2
    assert list(embedding.markers) == chosen
    assert embedding.reference.kind == "cells"
    assert (embedding.scaling.scale == 1).all()


def test_embed_for_a_person(run, tmp_path, cohort_folder):
    said = run("embed", cohort_folder, "-o", tmp_path / "a.lot", "--points", 12)
    assert said.code == 0
    assert "12 samples on 12 reference points and 8 markers, 2,400 of 2,400 cells" in said.out
    assert said.out.rstrip().endswith(f"Written to {tmp_path / 'a.lot'}.")
    assert "14 of 14: " in said.err  # scaling, reference, 12 samples


def test_an_output_is_not_replaced_unasked(run, tmp_path, cohort_folder):
    path = tmp_path / "a.lot"
    path.write_text("mine")
    said = run("embed", cohort_folder, "-o", path, "--points", 5, "--json")
    assert (said.code, path.read_text()) == (1, "mine")
    assert said.record["error"]["problems"][0]["fix"].endswith("add --overwrite to replace it.")
    assert run("embed", cohort_folder, "-o", path, "--points", 5, "--overwrite").code == 0
    assert path.stat().st_size > 100


@pytest.mark.parametrize(
    "words",
    [
        ("embed", "COHORT", "-o", "no/where/a.lot"),
        ("project", "EMB", "COHORT", "-o", "no/where/a.lot"),
        ("classify", "COHORT", "--label", "label", "-o", "no/where/r.json"),
        ("interpolate", "EMB", "--weights", "A=1", "-o", "no/where/c.csv"),
        ("simulate", "no/where/study"),
    ],
)
def test_a_missing_output_folder_is_named_before_anything_is_read(words, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = run(*words)  # COHORT and EMB do not exist either: the output is looked at first
    assert said.code == 1
    assert f"Expected the folder {tmp_path / 'no' / 'where'} to exist, found none." in said.err
    assert names_in(tmp_path) == set()


@pytest.mark.parametrize(
    "words",
    [
        ("embed", "SHEET", "-o", "SHEET"),
        ("project", "EMB", "SHEET", "-o", "EMB"),
        ("classify", "SHEET", "--label", "label", "-o", "SHEET"),
    ],
)
def test_inputs_are_never_overwritten(words, run, tmp_path):
    for name in ("SHEET", "EMB"):
        (tmp_path / name).write_text("mine")
    said = run(*[tmp_path / word if word.isupper() else word for word in words], "--overwrite")
    assert said.code == 1
    assert "inputs are never altered" in said.err
    assert {path.read_text() for path in tmp_path.iterdir()} == {"mine"}


def test_simulated_organoids_keep_their_design(run, tmp_path):
    words = ("--design", "organoids", "--samples", 12, "--cells", 60, "--markers", 5, "--json")
    said = run("simulate", tmp_path / "study", *words)
    table = pd.read_csv(tmp_path / "study" / "samples.csv")
    assert (said.code, len(table)) == (0, 12)
    assert set(table["condition"]) == {"control", "A", "B", "A+B"}
    assert said.record["truth"]["design"] == "organoids"


def test_classify_json(run, cohort_folder):
    said = run(
        "classify", cohort_folder, "--label", "label", "--group", "patient", "--batch", "batch", *QUICK, "--json"
    )
    record = said.record
    assert set(record) >= CLASSIFY_KEYS
    assert (record["label"], record["n_samples"], record["n_groups"]) == ("label", 12, 12)
    assert sorted(record["classes"]) == ["case", "control"]
    assert set(record["scores"]) >= {"lot", "lot_shape", "marker_means", "majority", "confounds"}
    for name, score in record["scores"].items():
        assert set(score) >= {"balanced_accuracy", "auc"}, name
        assert is_interval(score["balanced_accuracy"]), name
    assert is_interval(record["difference"])
    assert 0 < record["permutation_p"] <= 1
    assert record["batch"] is not None
    assert all(isinstance(sentence, str) for sentence in record["warnings"])


def test_classify_passes_every_option_on(run, tmp_path, cohort_folder):
    asked = {"points": [6, 9], "folds": 3, "repeats": 2, "permutations": 4, "cells_per_sample": 90, "seed": 7}
    words = []
    for name, value in asked.items():
        words += [f"--{name.replace('_', '-')}", *(value if isinstance(value, list) else [value])]
    words += ["--adjust", "age", "--markers", "CD3,CD4", "--transform", "arcsinh", "--cofactor", 7]
    said = run("classify", cohort_folder, "--label", "label", *words, "-o", tmp_path / "r.json")
    assert said.code == 0, said.err
    parameters = json.loads((tmp_path / "r.json").read_text())["parameters"]
    assert {name: parameters[name] for name in asked} == asked
    assert (parameters["adjust"], parameters["markers"]) == (["age"], ["CD3", "CD4"])
    assert parameters["transform"] == "arcsinh, cofactor 7"


def test_classify_without_batch_has_no_confounds(run, cohort_folder):
    said = run("classify", cohort_folder, "--label", "label", *QUICK, "--json")
    assert "confounds" not in said.record["scores"]
    assert said.record["batch"] is None


def test_classify_for_a_person(run, cohort_folder):
    said = run("classify", cohort_folder, "--label", "label", *QUICK)
    lines = said.out.splitlines()
    assert said.code == 0
    assert "12 samples in 12 groups." in lines[0]
    models = {"lot", "lot_steady", "lot_alone", "lot_shape", "abundances", "quantiles", "marker_means", "majority"}
    assert {line.split()[0] for line in lines[2:10]} == models
    assert lines[-1].startswith("Permutation p: ")


def test_classify_finds_the_label_under_a_known_name_and_says_so(run, tmp_path, cohort_folder):
    import shutil

    study = tmp_path / "study"
    shutil.copytree(cohort_folder, study)
    table = pd.read_csv(study / "samples.csv").rename(columns={"label": "condition"})
    table.to_csv(study / "samples.csv", index=False)
    said = run("classify", study, "--label", "label", *QUICK, "--json")
    assert said.code == 0, said.err
    assert said.record["label"] == "condition"
    assert any("condition" in sentence for sentence in said.record["warnings"])


def test_validate_json(run, cohort_folder):
    record = run("validate", cohort_folder, "--json").record
    assert set(record) == {"ok", "problems", "samples", "markers", "cells", "notes"}
    assert (record["ok"], record["samples"], record["cells"]) == (True, 12, 2400)
    assert all({"where", "what", "fix"} <= set(problem) for problem in record["problems"])


def test_validate_for_a_person(run, cohort_folder):
    said = run("validate", cohort_folder)
    assert said.code == 0
    assert "The cohort can be used: 12 samples, 8 markers, 2,400 cells." in said.out


@pytest.mark.parametrize("file_format", ["parquet", "csv", "fcs", "h5ad"])
def test_simulate_writes_what_validate_accepts(file_format, run, tmp_path):
    words = ("--samples", 4, "--cells", 110, "--markers", 5, "--format", file_format, "--json")
    written = run("simulate", tmp_path / "study", *words)
    assert written.code == 0, written.err
    assert set(written.record) == {
        *("output", "design", "format", "seed", "samples", "cells", "markers", "truth"),
    }
    (single,) = [*(tmp_path / "study").glob("*.h5ad")] or [tmp_path / "study"]
    said = run("validate", single, "--json")
    assert (said.code, said.record["samples"], said.record["cells"]) == (0, 4, 440), said.err


def test_simulate_follows_its_seed(run, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        words = ("--samples", 4, "--cells", 30, "--markers", 4, "--seed", seed)
        assert run("simulate", tmp_path / name, *words).code == 0
    a, b, c = (pd.read_parquet(tmp_path / name / "cells.parquet") for name in "abc")
    assert a.equals(b)
    assert not a.equals(c)


def test_simulate_refuses_sizes_the_design_cannot_have(run, tmp_path):
    said = run("simulate", tmp_path / "study", "--design", "organoids", "--samples", 5)
    assert said.code == 1
    assert "Expected a multiple of 12 samples" in said.err
    assert names_in(tmp_path) == set()


def test_a_cohort_needs_no_sheet(run, cohort_folder, tmp_path):
    said = run("sheet", cohort_folder, "-o", tmp_path / "sheet.csv")
    assert (said.code, names_in(tmp_path)) == (1, set())
    assert f"Open it as it is: lotviz validate {cohort_folder}" in said.err


def test_simulate_never_replaces_a_folder(run, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    assert run("simulate", tmp_path, "--samples", 4).code == 1
    assert names_in(tmp_path) == {"thesis.txt"}


def test_interpolate_json_and_every_format(run, tmp_path, embedding_file, small_cohort):
    first, second, third = small_cohort.samples.index[:3]
    for suffix in ("parquet", "csv", "h5ad", "fcs"):
        path = tmp_path / f"between.{suffix}"
        weights = f"{first}=.5,{second}=.25,{third}=.25"
        said = run("interpolate", embedding_file, "--weights", weights, "--cells", 40, "-o", path, "--json")
        record = said.record
        assert record.pop("versions")["lotviz"]
        assert set(record.pop("inputs")) == {first, second, third}
        assert record == {
            "output": str(path),
            "synthetic": True,
            "n_cells": 40,
            "n_markers": 8,
            "different_cells": 40,
            "masses": "equal",
            "markers": list(small_cohort.markers),
            "method": "glued cells mixed in straight lines",
            "weights": {first: 0.5, second: 0.25, third: 0.25},
            "seed": 0,
        }
    assert names_in(tmp_path) == {f"between.{suffix}" for suffix in ("parquet", "csv", "h5ad", "fcs")}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("{a}=.5,{b}=.6", "sum to 1"),
        ("{a}=1.5,{b}=-.5", "Expected weights from 0 to 1, found 1.5"),
        ("{a}=.5,nobody=.5", "nobody"),
    ],
)
def test_weights_that_cannot_be_are_refused(weights, message, run, tmp_path, embedding_file, small_cohort):
    a, b = small_cohort.samples.index[:2]
    said = run("interpolate", embedding_file, "--weights", weights.format(a=a, b=b), "-o", tmp_path / "c.csv")
    assert said.code == 1
    assert message in said.err
    assert names_in(tmp_path) == set()


def test_an_unknown_ending_is_refused_with_the_known_ones(run, tmp_path, embedding_file):
    said = run("interpolate", embedding_file, "--weights", "a=1", "-o", tmp_path / "c.xls")
    assert said.code == 1
    assert ".parquet, .csv, .h5ad, .fcs, found .xls" in said.err


@pytest.fixture
def started(monkeypatch):
    """Stand in for the app: note how it is started, serve nothing."""
    import lotviz.app

    calls = []
    monkeypatch.setattr(lotviz.app, "run", lambda *given, **named: calls.append((given, named)), raising=False)
    monkeypatch.setattr(commands, "_free_port", lambda _address, port: port or 40_000)
    return calls


def test_no_command_opens_the_app_on_this_machine_only(run, started):
    assert run().code == 0
    ((given, named),) = started
    assert given == (None,)
    assert named == {
        "demo": False,
        "port": 5006,
        "address": "127.0.0.1",
        "open_browser": True,
        "data_root": None,
    }


def test_demo_and_serve_pass_their_options(run, started, cohort_folder, tmp_path):
    said = run("demo", "--port", 0, "--no-browser", "--json")
    assert said.record == {"url": "http://127.0.0.1:40000/", "cohort": None, "demo": True}
    said = run("serve", cohort_folder, "--address", "localhost", "--data-root", tmp_path, "--json")
    assert said.record == {"url": "http://127.0.0.1:5006/", "cohort": str(cohort_folder), "demo": False}
    (_, demo), (given, serve) = started
    assert (demo["demo"], demo["port"], demo["open_browser"]) == (True, 40_000, False)
    assert (given, serve["demo"], serve["data_root"]) == ((cohort_folder,), False, tmp_path)


def test_serve_refuses_a_cohort_that_is_not_there(run, started, tmp_path):
    said = run("serve", tmp_path / "nothing", "--json")
    assert (said.code, started) == (1, [])
    assert said.record["error"]["problems"][0]["where"] == str(tmp_path / "nothing")


def test_a_port_in_use_is_named_and_zero_takes_a_free_one():
    import socket

    from lotviz.cli.failures import RefusedError

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RefusedError, match=rf"port {port}: Expected a free port.*--port 0"):
            commands._free_port("127.0.0.1", port)
    assert commands._free_port("127.0.0.1", 0) > 0


@pytest.mark.parametrize("command", ["embed", "classify", "project", "score"])
def test_the_files_of_a_cohort_are_never_replaced(run, cohort_folder, tmp_path, command):
    study = tmp_path / "study"
    shutil.copytree(cohort_folder, study)
    before = {path: path.read_bytes() for path in study.iterdir()}
    words = {"embed": (study,), "classify": (study, "--label", "label")}.get(command, (tmp_path / "any.lot", study))
    for path in before:
        if path.suffix != ".json":
            assert "data are never replaced" in run(command, *words, "-o", path, "--overwrite").err
    assert {path: path.read_bytes() for path in study.iterdir()} == before
