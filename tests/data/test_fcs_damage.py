"""Whatever is wrong with an FCS file, it is read or refused, soon and in little memory."""

from __future__ import annotations

import re
import time
import tracemalloc

import numpy as np
import pytest

from lotviz.data import CohortError
from lotviz.data.fcs.reader import open_fcs

from .fcs_builder import fcs_bytes

NASTY = [
    *("", " ", "0", "-1", "1", "7", "64", "65", "4096", "99999999", str(2**31), str(2**63), str(10**12), "9" * 400),
    *("1e400", "nan", "inf", "0.5", "1,2", "4,3,2,1", "3,4,1,2", "I", "F", "D", "A", "*", "C", "x" * 3000, "\x00", "é"),
]


def originals():
    """One small file of each kind."""
    values = np.random.default_rng(0).integers(0, 250, (40, 3))
    names = ["a", "b", "c"]
    spill = {"$SPILLOVER": "3,a,b,c,1,.1,0,.2,1,0,0,.1,1", "$DFC1TO2": "3"}
    yield fcs_bytes(values, names=names, stains=["x", "y", ""], more=spill)
    yield fcs_bytes(
        values, names=names, kind="D", order="4,3,2,1", version="3.1", supplemental={"SPILL": "2,a,b,1,1,0,1"}
    )
    yield fcs_bytes(values, names=names, kind="I", widths=[1, 3, 8], version="2.0", more={"$P1E": "4,0", "$P2G": "3"})
    yield fcs_bytes(values, names=names, kind="A", widths=[3, 4, 5])
    free = " ".join(map(str, values.ravel())).encode()
    more = {f"$P{number}B": "*" for number in (1, 2, 3)}
    yield fcs_bytes(values, names=names, kind="A", widths=[1] * 3, data=free, more=more)
    first = fcs_bytes(values, names=names, kind="I", more={"$NEXTDATA": 4096 + 240 + 8})
    yield first + fcs_bytes(values, names=names, version="3.1")


def mutated(content, rng):
    """The file with one to three things wrong."""
    broken = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        kind = rng.integers(0, 6)
        place = int(rng.integers(0, min(len(broken), 700) if rng.random() < 0.8 else len(broken))) if broken else 0
        if kind == 0:
            broken[place : place + 1] = rng.bytes(1)
        elif kind == 1:
            values = list(re.finditer(rb"\|(\$[A-Z0-9]+)\|([^|]*)\|", bytes(broken)))
            if values:
                chosen = values[rng.integers(len(values))]
                broken[chosen.start(2) : chosen.end(2)] = NASTY[rng.integers(len(NASTY))].encode("latin-1")
        elif kind == 2:
            offset = 10 + 8 * int(rng.integers(0, 6))
            broken[offset : offset + 8] = (
                str(rng.choice([0, 57, 58, 600, 4096, len(broken), 10**7, -1])).rjust(8).encode()
            )
        elif kind == 3:
            del broken[place : place + int(rng.integers(1, 200))]
        elif kind == 4:
            broken[place:place] = broken[place : place + int(rng.integers(1, 200))]
        else:
            del broken[int(rng.integers(0, len(broken) + 1)) :]
    return bytes(broken)


def survive(path, content):
    """Open and read the file, or have it refused; return how many of its first two data sets were read."""
    path.write_bytes(content)
    read = 0
    for dataset in (1, 2):
        try:
            file = open_fcs(path, "a.fcs", dataset=dataset)
            assert file.read(file.markers[:2]).shape == (file.n_cells, len(file.markers[:2]))
            read += 1
        except CohortError as error:
            assert str(error).startswith("a.fcs: Expected ")
    return read


@pytest.mark.parametrize("number", range(6))
def test_mutations_end_as_a_file_or_a_cohort_error(tmp_path, number):
    content = list(originals())[number]
    rng = np.random.default_rng(number)
    assert survive(tmp_path / "a.fcs", content) == (2 if number == 5 else 1)
    read = [survive(tmp_path / "a.fcs", mutated(content, rng)) for _ in range(150)]
    assert 0 < sum(map(bool, read)) < 150


def huge_matrix():
    size = 900
    text = ",".join([str(size), *(f"c{number}" for number in range(size)), *["1"] * size**2])
    return ("SPILL", text)


@pytest.mark.parametrize(
    "content",
    [
        b"FCS3.0    " + b"      58 8000000" + b"       0" * 4 + b"|" * 8_000_000,
        b"FCS3.0    " + b"      58 8000000" + b"       0" * 4 + b"|$PAR|1000000|$TOT|1" + b"|a" * 4_000_000,
        b"FCS3.0    " + b"      58 9000000" + b"       0" * 4 + b"|$PAR|1|" * 2_000_000,
        b"".join(
            b"FCS3.0    " + b"      58      86" + b"       0" * 4 + b"|$PAR|1|$NEXTDATA|90|xxxxxxxxxxxxxx"[:32]
            for _ in range(5000)
        ),
    ],
    ids=["delimiters", "keywords", "text too long", "chain"],
)
def test_large_nonsense_is_refused_soon_and_in_little_memory(tmp_path, content):
    started = time.perf_counter()
    assert not survive(tmp_path / "a.fcs", content)
    assert time.perf_counter() - started < 10


def test_a_huge_matrix_is_left_alone(tmp_path):
    key, text = huge_matrix()
    small = fcs_bytes(np.ones((4, 3)), names=["a", "b", "c"])
    begin = len(small)
    supplemental = f"|{key}|{text}|".encode()
    more = {"$BEGINSTEXT": begin, "$ENDSTEXT": begin + len(supplemental) - 1}
    content = fcs_bytes(np.ones((4, 3)), names=["a", "b", "c"], more=more) + supplemental
    (tmp_path / "a.fcs").write_bytes(content)
    tracemalloc.start()
    file = open_fcs(tmp_path / "a.fcs", "a.fcs")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500 * 2**20
    assert "that was not applied because of" in file.notes[0][0]
