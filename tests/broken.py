"""Cohorts that cannot be used, made by breaking one that can: shared by the tests of the commands and of the app."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

MARKERS = ["CD3", "CD4", "CD8"]
SAMPLES = [f"s{number}" for number in range(1, 7)]


def make_study(folder: Path) -> Path:
    """Write six samples of 120 cells in CSV files beside their sheet: labels a and b, a patient each."""
    folder.mkdir(parents=True)
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
    write_sheet(study, read_sheet(study).rename(columns={"file": "origin"}))
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
    (text_in_a_marker, ["s3.csv", "row 8", "CD4", "high"]),
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
