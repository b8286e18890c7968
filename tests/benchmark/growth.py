"""How the time of one transport problem grows with its cells and with its reference points, beside POT.

`python tests/benchmark/growth.py` draws `assets/benchmark/growth.svg` and keeps the figures as JSON beside it;
`--quick` takes small sizes and writes to the folder `tests/benchmark/out`. POT is asked as long as a problem is
expected to stay below `--limit` seconds. One thread; both to the optimum; every point is the median over repeats.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from line_chart import Panel, Series, drawing
from measure import OUT, ROOT, markdown, one_thread, pot_loop, rounded, timed, versions, write_between
from mixture import mixture, patient, reference

from lotviz.transport import solve

D, FIXED_M, FIXED_N = 30, 256, 10_000
CELLS = [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000]
POINTS = [32, 64, 128, 256, 512, 1024, 2048]
QUICK_CELLS, QUICK_POINTS = [500, 1000, 2000], [16, 32, 64]
ENGINES = ("lotviz", "POT")
REPEATS, PATIENCE = 5, 3.0  # at most so many repeats, and so many seconds of them


def engine(name: str, m: int, n: int) -> Callable[[], object]:
    shared = mixture(D)
    (x, a), (y, _) = reference(shared, m, equal=False), patient(shared, n, seed=0)
    return partial(solve, x, y, a) if name == "lotviz" else partial(pot_loop, x, a, y, np.full(n, 1 / n))


def seconds_of(work: Callable[[], object]) -> float:
    """Return the median of a few runs: fewer when one takes long."""
    found = [timed(work)[0]]
    while len(found) < REPEATS and sum(found) < PATIENCE:
        found.append(timed(work)[0])
    return float(np.median(found))


def grown(name: str, sizes: list[tuple[int, int]], limit: float) -> list[dict]:
    """Time problems of growing size, until the next is expected to take longer than the limit."""
    rows: list[dict] = []
    for m, n in sizes:
        if expected(rows, m * n) > limit:
            break
        rows.append({"engine": name, "m": m, "n": n, "d": D, "seconds": seconds_of(engine(name, m, n))})
    return rows


def expected(rows: list[dict], arcs: int) -> float:
    """Carry the last two points on; a single one by the power 1.5."""
    if not rows:
        return 0.0
    last = rows[-1]
    power = exponent(rows[-2:], "arcs") if len(rows) > 1 else 1.5
    return last["seconds"] * (arcs / (last["m"] * last["n"])) ** max(power, 1.0)


def exponent(rows: list[dict], by: str) -> float:
    """Fit the power p of seconds = c * size ** p."""
    return float(np.polyfit(np.log([size(row, by) for row in rows]), np.log([row["seconds"] for row in rows]), 1)[0])


def size(row: dict, by: str) -> int:
    return row["m"] * row["n"] if by == "arcs" else row[by]


def series(rows: list[dict], by: str) -> list[Series]:
    found = []
    for name in ENGINES:
        chosen = [row for row in rows if row["engine"] == name]
        if chosen:
            power = f", time grows as {by}^{exponent(chosen, by):.2f}" if len(chosen) > 1 else ""
            points = tuple((size(row, by), row["seconds"]) for row in chosen)
            found.append(Series(f"{name}{power}", points, name != "POT"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds beyond which POT is not asked")
    parser.add_argument("--out", type=Path, help="folder of picture and figures")
    parser.add_argument("--readme", action="store_true", help="show the picture in README.md")
    chosen = parser.parse_args()
    cells, points, m, n = CELLS, POINTS, FIXED_M, FIXED_N
    if chosen.quick:
        cells, points, m, n = QUICK_CELLS, QUICK_POINTS, 64, 1000
    with one_thread():
        solve(*(np.random.default_rng(k).normal(size=(rows, 3)) for k, rows in enumerate((20, 5000))))  # compiles
        limits = {"lotviz": np.inf, "POT": chosen.limit}
        by_n = [row for name in ENGINES for row in grown(name, [(m, size) for size in cells], limits[name])]
        by_m = [row for name in ENGINES for row in grown(name, [(size, n) for size in points], limits[name])]
    panels = [
        Panel(f"More cells (m = {m}, d = {D})", "cells n", series(by_n, "n")),
        Panel(f"More reference points (n = {n:,}, d = {D})", "reference points m", series(by_m, "m")),
    ]
    out = chosen.out or (OUT if chosen.quick else ROOT / "assets" / "benchmark")
    out.mkdir(parents=True, exist_ok=True)
    (out / "growth.svg").write_text(drawing(panels, "seconds"), encoding="utf-8")
    figures = {"by_cells": by_n, "by_points": by_m, "versions": versions()}
    (out / "growth.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(markdown([row | {"seconds": rounded(row["seconds"])} for row in by_n + by_m]))
    words = "; ".join(f"{panel.title}: {', '.join(one.name for one in panel.series)}" for panel in panels)
    print(words)
    if chosen.readme:
        picture = (out / "growth.svg").resolve().relative_to(ROOT).as_posix()
        write_between("growth benchmark", f"![Seconds of one problem. {words}]({picture})")


if __name__ == "__main__":
    main()
