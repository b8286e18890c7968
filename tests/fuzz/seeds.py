"""Small valid cohorts of every kind, made on the fly and the same on every run: what damaged inputs are made from."""

from __future__ import annotations

import io
import re
import tempfile
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse

CELLS = 24
MARKERS = ("CD3", "CD4", "CD19")
SAMPLES = ("P1", "P2")
_ALWAYS = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Seed:
    """A valid cohort: its files by name, the one to open, and the ones that are damaged."""

    kind: str
    name: str
    files: Mapping[str, bytes]
    opened: str
    damaged: tuple[str, ...]


@cache
def make_seeds() -> tuple[Seed, ...]:
    return (*_fcs_seeds(), *_text_seeds(), *_xlsx_seeds(), *_parquet_seeds(), *_h5ad_seeds(), *_zarr_seeds())


def values(sample: int = 0) -> np.ndarray:
    return np.random.default_rng(sample).gamma(2.0, 90.0, (CELLS, len(MARKERS))).astype(np.float32)


def labels() -> list[str]:
    return [("T cell", "B cell")[row % 2] for row in range(CELLS)]


def frame(sample: int = 0) -> pd.DataFrame:
    return pd.DataFrame(values(sample), columns=list(MARKERS)).assign(cell_type=labels())


def long_frame() -> pd.DataFrame:
    return pd.concat([frame(number).assign(sample_id=name) for number, name in enumerate(SAMPLES)], ignore_index=True)


def sheet(files: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame({"sample": SAMPLES, "file": files, "response": ["yes", "no"], "age": [61, 47]})


def text(table: pd.DataFrame, **options) -> bytes:
    return table.to_csv(index=False, lineterminator="\n", **options).encode("utf-8")


def fcs(events: np.ndarray, *, version="3.1", kind="F", bits=(32, 32, 32), order="1,2,3,4", more=()) -> bytes:
    """An FCS file by hand, so that no writer stands between the tests and the standard."""
    mark = "<" if order.startswith("1") else ">"
    if kind in "FD":
        data = events.astype(f"{mark}f{bits[0] // 8}").tobytes()
    else:
        whole = events.astype(np.uint64)
        data = b"".join(
            int(value).to_bytes(width // 8, "little" if mark == "<" else "big")
            for row in whole
            for value, width in zip(row % 200, bits, strict=True)
        )
    pairs = {"$BYTEORD": order, "$DATATYPE": kind, "$MODE": "L", "$NEXTDATA": "0", "$PAR": "3", "$TOT": str(CELLS)}
    for number, (name, width) in enumerate(zip(MARKERS, bits, strict=True), start=1):
        top = "262144" if kind in "FD" else str(1 << min(width, 31))
        pairs |= {f"$P{number}N": f"FL{number}-A", f"$P{number}S": name, f"$P{number}B": str(width)}
        pairs |= {f"$P{number}E": "0,0", f"$P{number}R": top}
    pairs |= dict(more)
    start = 1024
    if version != "2.0":
        pairs |= {"$BEGINDATA": f"{start}", "$ENDDATA": f"{start + len(data) - 1}", "$BEGINANALYSIS": "0"}
        pairs |= {"$ENDANALYSIS": "0", "$BEGINSTEXT": "0", "$ENDSTEXT": "0"}
    body = "/" + "/".join(word for pair in pairs.items() for word in pair) + "/"
    offsets = (58, 58 + len(body) - 1, start, start + len(data) - 1, 0, 0)
    head = f"FCS{version}    " + "".join(f"{offset:>8}" for offset in offsets)
    return (head + body).encode().ljust(start) + data + b"00000000"


def _fcs_seeds() -> list[Seed]:
    spill = (("$SPILLOVER", "2,FL1-A,FL2-A,1,0.1,0.05,1"),)
    kinds = {
        "float": fcs(values()),
        "float, big end first": fcs(values(), order="4,3,2,1"),
        "double, FCS 3.0": fcs(values(), version="3.0", kind="D", bits=(64, 64, 64)),
        "16 bits, FCS 2.0": fcs(values(), version="2.0", kind="I", bits=(16, 16, 16), order="4,3,2,1"),
        "mixed bits": fcs(values(), kind="I", bits=(8, 24, 32)),
        "logarithmic": fcs(values(), kind="I", bits=(16, 16, 16), order="1,2", more=(("$P2E", "4,1"),)),
        "spillover": fcs(values(), more=spill),
        "time": fcs(values(), more=(("$P3N", "Time"), ("$P3S", "Time"), ("$TIMESTEP", "0.01"))),
    }
    kinds["two data sets"] = _two_data_sets()
    whole = fcs(values(1))
    made = []
    for name, content in kinds.items():
        files = {"sheet.csv": text(sheet(["a.fcs", "b.fcs"])), "a.fcs": content, "b.fcs": whole}
        made.append(Seed("fcs", name, files, "sheet.csv", ("a.fcs",)))
    return made


def _two_data_sets() -> bytes:
    first = fcs(values(), version="3.0", more=(("$NEXTDATA", "00000000"),))
    return first.replace(b"$NEXTDATA/00000000", b"$NEXTDATA/%08d" % len(first)) + fcs(values(1), version="3.0")


def _text_seeds() -> list[Seed]:
    samples = text(sheet(["", ""]).drop(columns="file").rename(columns={"sample": "sample_id"}))
    each = {f"{name}.csv": text(frame(number)) for number, name in enumerate(SAMPLES)}
    typed = text(sheet(list(each)))
    german = {f"{name}.csv": text(frame(number), sep=";", decimal=",") for number, name in enumerate(SAMPLES)}
    german["sheet.csv"] = text(sheet(list(each)), sep=";")
    tabs = {"sheet.tsv": text(sheet(["P1.tsv", "P2.tsv"]), sep="\t")}
    tabs |= {f"{name}.tsv": text(frame(number), sep="\t") for number, name in enumerate(SAMPLES)}
    return [
        Seed("csv", "long", {"samples.csv": samples, "cells.csv": text(long_frame())}, ".", ("cells.csv",)),
        Seed("csv", "a file a sample", {"sheet.csv": typed, **each}, "sheet.csv", ("P1.csv",)),
        Seed("csv", "German", german, "sheet.csv", ("P1.csv", "sheet.csv")),
        Seed("csv", "tabs", tabs, "sheet.tsv", ("P1.tsv",)),
        Seed("sheet", "of files", {"sheet.csv": typed, **each}, "sheet.csv", ("sheet.csv",)),
        Seed(
            "sheet", "of a long table", {"samples.csv": samples, "cells.csv": text(long_frame())}, ".", ("samples.csv",)
        ),
    ]


def xlsx(*tables: pd.DataFrame) -> bytes:
    """A workbook without the time it was made at."""
    made = io.BytesIO()
    with pd.ExcelWriter(made, engine="openpyxl") as writer:
        for number, table in enumerate(tables, start=1):
            table.to_excel(writer, sheet_name=f"Sheet{number}", index=False)
    parts = unzipped(made.getvalue())
    parts["docProps/core.xml"] = re.sub(
        rb"\d{4}-\d\d-\d\dT[\d:]+Z", b"1980-01-01T00:00:00Z", parts["docProps/core.xml"]
    )
    return zipped(parts)


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(parts: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, _ALWAYS), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def _xlsx_seeds() -> list[Seed]:
    each = {f"{name}.csv": text(frame(number)) for number, name in enumerate(SAMPLES)}
    books = {f"{name}.xlsx": xlsx(frame(number)) for number, name in enumerate(SAMPLES)}
    return [
        Seed("xlsx", "sheet", {"sheet.xlsx": xlsx(sheet(list(each))), **each}, "sheet.xlsx", ("sheet.xlsx",)),
        Seed("xlsx", "cells", {"sheet.csv": text(sheet(list(books))), **books}, "sheet.csv", ("P1.xlsx",)),
    ]


def parquet(table: pa.Table, **options) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return sink.getvalue().to_pybytes()


def _parquet_seeds() -> list[Seed]:
    samples = text(sheet(["", ""]).drop(columns="file").rename(columns={"sample": "sample_id"}))
    long = pa.Table.from_pandas(long_frame(), preserve_index=False)
    each = {
        f"{name}.parquet": parquet(pa.Table.from_pandas(frame(number)), compression="zstd", row_group_size=10)
        for number, name in enumerate(SAMPLES)
    }
    named = {"sheet.csv": text(sheet(list(each))), **each}
    return [
        Seed("parquet", "long", {"samples.csv": samples, "cells.parquet": parquet(long)}, ".", ("cells.parquet",)),
        Seed("parquet", "a file a sample", named, "sheet.csv", ("P1.parquet",)),
    ]


def annotated(*, thin: bool = False, each: int | None = None) -> ad.AnnData:
    table = long_frame() if each is None else frame(each).assign(sample_id=SAMPLES[each])
    matrix = table[list(MARKERS)].to_numpy()
    matrix = sparse.csr_matrix(np.where(matrix > 150, matrix, 0)) if thin else matrix
    obs = pd.DataFrame({
        "sample": pd.Categorical(table["sample_id"]),
        "cell_type": pd.Categorical(table["cell_type"]),
        "response": np.where(table["sample_id"] == "P1", "yes", "no").astype(object),
        "age": np.where(table["sample_id"] == "P1", 61, 47),
    })  # fmt: skip
    obs.index = pd.Index([f"cell{number}" for number in range(len(obs))])
    return ad.AnnData(matrix, obs=obs, var=pd.DataFrame(index=list(MARKERS)))


def h5ad(*, thin: bool = False, each: int | None = None) -> bytes:
    with tempfile.TemporaryDirectory() as room:
        path = Path(room) / "made.h5ad"
        annotated(thin=thin, each=each).write_h5ad(path)
        return path.read_bytes()


def zarr_files(*, version: int, thin: bool = False) -> dict[str, bytes]:
    """The files of a zarr folder, by their paths beside it."""
    with tempfile.TemporaryDirectory() as room, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with ad.settings.override(zarr_write_format=version):
            annotated(thin=thin).write_zarr(Path(room) / "cohort.zarr")
        return {
            path.relative_to(room).as_posix(): path.read_bytes()
            for path in sorted(Path(room).rglob("*"))
            if path.is_file()
        }


def _h5ad_seeds() -> list[Seed]:
    each = {f"{name}.h5ad": h5ad(each=number) for number, name in enumerate(SAMPLES)}
    return [
        Seed("h5ad", "dense", {"cohort.h5ad": h5ad()}, "cohort.h5ad", ("cohort.h5ad",)),
        Seed("h5ad", "sparse", {"cohort.h5ad": h5ad(thin=True)}, "cohort.h5ad", ("cohort.h5ad",)),
        Seed("h5ad", "a file a sample", {"sheet.csv": text(sheet(list(each))), **each}, "sheet.csv", ("P1.h5ad",)),
    ]


def _zarr_seeds() -> list[Seed]:
    made = []
    for version, thin in [(2, False), (3, False), (3, True)]:
        files = zarr_files(version=version, thin=thin)
        name = f"version {version}, {'sparse' if thin else 'dense'}"
        made.append(Seed("zarr", name, files, "cohort.zarr", tuple(files)))
    return made
