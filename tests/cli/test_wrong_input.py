"""Input that cannot be used: exit code 1, one message that names the place and the fix, nothing left behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.cli.conftest import names_in

MARKERS = ["CD3", "CD4", "CD8"]
SAMPLES = [f"s{number}" for number in range(1, 7)]


@pytest.fixture
def study(tmp_path) -> Path:
    """Six samples of 120 cells in CSV files beside their sheet: labels a and b, a patient each."""
    folder = tmp_path / "study"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for sample in SAMPLES:
        cells = pd.DataFrame(rng.lognormal(2, 1, (120, 3)).round(3), columns=MARKERS)
        cells.to_csv(folder / f"{sample}.csv", index=False)
    sheet = pd.DataFrame({"sample": SAMPLES, "file": [f"{sample}.csv" for sample in SAMPLES]})
    sheet["label"] = ["a", "b"] * 3
    sheet["patient"] = [f"p{number}" for number in range(1, 7)]
    write_sheet(folder, sheet)
    return folder


def write_sheet(folder: Path, sheet: pd.DataFrame) -> None:
    sheet.to_csv(folder / "sheet.csv", index=False)


def read_sheet(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "sheet.csv")


def put(folder: Path, sample: str, *, row: int, marker: str, value: object) -> None:
    cells = pd.read_csv(folder / f"{sample}.csv").astype(object)
    cells.loc[row - 1, marker] = value  # rows are counted from 1, cells only
    cells.to_csv(folder / f"{sample}.csv", index=False)


def as_parquet(folder: Path) -> Path:
    """The same study as a folder with samples.csv and one cells.parquet."""
    cells = pd.concat([pd.read_csv(folder / f"{s}.csv").assign(sample_id=s) for s in SAMPLES])
    new = folder.with_name("long")
    new.mkdir()
    cells.to_parquet(new / "cells.parquet", index=False)
    read_sheet(folder).rename(columns={"sample": "sample_id"}).drop(columns="file").to_csv(
        new / "samples.csv", index=False
    )
    return new


def missing_file(study: Path) -> Path:
    (study / "s2.csv").unlink()
    return study / "sheet.csv"


def missing_cohort(study: Path) -> Path:
    return study / "nothing.csv"


def missing_file_column(study: Path) -> Path:
    write_sheet(study, read_sheet(study).rename(columns={"file": "path"}))
    return study / "sheet.csv"


def not_a_number(study: Path) -> Path:
    put(study, "s3", row=7, marker="CD4", value=np.nan)
    return study / "sheet.csv"


def text_in_a_marker(study: Path) -> Path:
    put(study, "s3", row=7, marker="CD4", value="high")
    return study / "sheet.csv"


def empty_sample(study: Path) -> Path:
    (study / "s4.csv").write_text(",".join(MARKERS) + "\n")
    return study / "sheet.csv"


def one_sample(study: Path) -> Path:
    write_sheet(study, read_sheet(study).iloc[:1])
    return study / "sheet.csv"


def no_common_markers(study: Path) -> Path:
    cells = pd.read_csv(study / "s5.csv").rename(columns=dict(zip(MARKERS, ["x", "y", "z"], strict=True)))
    cells.to_csv(study / "s5.csv", index=False)
    return study / "sheet.csv"


def corrupt_fcs(study: Path) -> Path:
    (study / "s6.fcs").write_bytes(b"FCS3.0    " + b"\x00" * 300)
    sheet = read_sheet(study)
    sheet.loc[5, "file"] = "s6.fcs"
    write_sheet(study, sheet)
    return study / "sheet.csv"


def truncated_fcs(study: Path) -> Path:
    from lotviz.data import read_cohort, write_cohort

    written = write_cohort(read_cohort(study / "sheet.csv"), study.with_name("as_fcs"), format="fcs")
    broken = sorted(written.rglob("*.fcs"))[5]
    broken.write_bytes(broken.read_bytes()[:-700])
    return written


def truncated_parquet(study: Path) -> Path:
    folder = as_parquet(study)
    whole = (folder / "cells.parquet").read_bytes()
    (folder / "cells.parquet").write_bytes(whole[: len(whole) // 2])
    return folder


def sample_without_cells(study: Path) -> Path:
    folder = as_parquet(study)
    table = pd.read_csv(folder / "samples.csv")
    table.loc[0, "sample_id"] = "nobody"
    table.to_csv(folder / "samples.csv", index=False)
    return folder


def repeated_sample(study: Path) -> Path:
    sheet = read_sheet(study)
    sheet.loc[4, "sample"] = "s1"
    write_sheet(study, sheet)
    return study / "sheet.csv"


def pickled(study: Path) -> Path:
    (study / "cells.pkl").write_bytes(b"\x80\x04N.")
    return study / "cells.pkl"


def folder_of_nothing(study: Path) -> Path:
    (study / "empty").mkdir()
    return study / "empty"


BROKEN = [
    (missing_cohort, ["nothing.csv"]),
    (missing_file, ["sheet.csv", "s2.csv", "row"]),
    (missing_file_column, ["sheet.csv", "file"]),
    (not_a_number, ["s3.csv", "7", "CD4"]),
    (text_in_a_marker, ["s3.csv", "7", "CD4", "high"]),
    (empty_sample, ["s4.csv"]),
    (one_sample, ["sample"]),
    (no_common_markers, ["s5.csv"]),
    (corrupt_fcs, ["s6.fcs"]),
    (truncated_fcs, [".fcs"]),
    (truncated_parquet, ["cells.parquet"]),
    (sample_without_cells, ["nobody"]),
    (repeated_sample, ["sheet.csv", "s1"]),
    (pickled, ["cells.pkl"]),
    (folder_of_nothing, ["empty"]),
]


@pytest.mark.parametrize(("breaks", "words"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_embed_refuses_and_names_the_place(breaks, words, run, study, tmp_path):
    cohort, out = breaks(study), tmp_path / "out"
    out.mkdir()
    before = {path: path.read_bytes() for path in study.rglob("*") if path.is_file()}

    said = run("embed", cohort, "-o", out / "e.lot", "--points", 5, "--json")

    assert said.code == 1
    assert "Traceback" not in said.err
    error = said.record["error"]
    assert all(word in error["message"] for word in words), error["message"]
    assert error["problems"] and all(problem["fix"] for problem in error["problems"])
    assert error["message"] in said.err
    assert names_in(out) == set()
    assert {path: path.read_bytes() for path in study.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("breaks", "words"),
    [case for case in BROKEN if case[0] is not one_sample],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_validate_says_no_and_still_prints_its_object(breaks, words, run, study):
    said = run("validate", breaks(study), "--json")
    assert (said.code, said.record["ok"]) == (1, False)
    assert said.err.endswith("lotviz: The cohort cannot be used as it is.\n")
    everything = " ".join(f"{p['where']} {p['what']} {p['fix']}" for p in said.record["problems"])
    assert all(word in everything for word in words), everything


def test_validate_accepts_one_sample_with_a_warning(run, study):
    # It cannot be embedded, but it can be placed in the embedding of others.
    said = run("validate", one_sample(study), "--json")
    assert (said.code, said.record["ok"], said.record["samples"]) == (0, True, 1)
    assert any("found one" in problem["what"] for problem in said.record["problems"])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"label": "a"}, ["label", "a"]),
        ({"label": ["a", None, "a", "b", "a", "b"]}, ["s2", "label"]),
        ({"label": ["a", "b", "b", "b", "b", "b"]}, ["a"]),
    ],
)
def test_classify_refuses_labels_it_cannot_learn_from(changed, words, run, study, tmp_path):
    write_sheet(study, read_sheet(study).assign(**changed))
    result = tmp_path / "result.json"
    said = run("classify", study / "sheet.csv", "--label", "label", "--points", 5, "-o", result, "--json")
    assert said.code == 1
    assert all(word in said.record["error"]["message"] for word in words)
    assert not result.exists()


@pytest.mark.parametrize("option", ["--label", "--group", "--batch", "--adjust"])
def test_classify_names_the_columns_there_are(option, run, study):
    words = ["classify", study / "sheet.csv", "--points", 5, "--json"]
    words += [option, "lable"] if option == "--label" else ["--label", "label", option, "patiend"]
    said = run(*words)
    assert said.code == 1
    message = said.record["error"]["message"]
    assert "Did you mean" in message
    assert ("label" if option == "--label" else "patient") in message


def test_markers_that_partly_differ_are_a_warning_that_names_the_file(run, study, tmp_path):
    cells = pd.read_csv(study / "s5.csv").rename(columns={"CD8": "CD8a"})
    cells.to_csv(study / "s5.csv", index=False)
    said = run("embed", study / "sheet.csv", "-o", tmp_path / "e.lot", "--points", 5, "--json")
    assert (said.code, said.record["n_markers"]) == (0, 2)
    assert any("s5.csv" in sentence and "CD8" in sentence for sentence in said.record["warnings"])


def test_an_unknown_marker_is_offered_a_known_one(run, study, tmp_path):
    said = run("embed", study / "sheet.csv", "-o", tmp_path / "e.lot", "--markers", "CD3,CD44")
    assert said.code == 1
    assert "CD44" in said.err and "CD4" in said.err


@pytest.mark.parametrize("damage", ["cut", "foreign", "missing"])
@pytest.mark.parametrize("command", ["project", "interpolate"])
def test_a_broken_embedding_is_named(damage, command, run, study, tmp_path, embedding_file):
    path, out = tmp_path / "broken.lot", tmp_path / "out"
    out.mkdir()
    if damage == "cut":
        path.write_bytes(embedding_file.read_bytes()[:500])
    elif damage == "foreign":
        shutil.copy(study / "s1.csv", path)
    words = {"project": [study / "sheet.csv"], "interpolate": ["--weights", "s1=1"]}[command]
    said = run(command, path, *words, "-o", out / "new.csv", "--json")
    assert said.code == 1
    assert "broken.lot" in said.record["error"]["message"]
    assert names_in(out) == set()


def test_projecting_other_markers_is_refused(run, study, tmp_path, embedding_file):
    said = run("project", embedding_file, study / "sheet.csv", "-o", tmp_path / "new.lot", "--json")
    assert said.code == 1
    assert "marker" in said.record["error"]["message"]
    assert not (tmp_path / "new.lot").exists()


def test_all_problems_of_a_sheet_come_at_once(run, study):
    for sample in ("s2", "s5"):
        (study / f"{sample}.csv").unlink()
    message = run("embed", study / "sheet.csv", "-o", study / "e.lot", "--json").record["error"]["message"]
    assert "s2.csv" in message and "s5.csv" in message
