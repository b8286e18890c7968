"""What the benchmarks share: timing by turns, peak memory in a fresh process, tables."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import ot
import psutil
from threadpoolctl import threadpool_limits

import lotviz

ROOT = Path(__file__).resolve().parents[2]
OUT = Path(__file__).parent / "out"
CONVERGED = 10**9  # POT's default of 100,000 pivots stops large problems before their optimum
_MB = 2**20


def one_thread() -> threadpool_limits:
    """Hold BLAS and OpenMP to one thread; numba's kernels of lotviz have one anyway."""
    return threadpool_limits(1)


def pot_loop(x: np.ndarray, a: np.ndarray, y: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return plan (m, n) and maps (m, d) as a script written with POT alone makes them, run to the optimum."""
    plan = ot.emd(a, b, ot.dist(x, y), numItermax=CONVERGED)
    return plan, (plan @ y) / a[:, None]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return wall seconds and what the work returned."""
    started = time.perf_counter()
    made = work()
    return time.perf_counter() - started, made


def by_turns(works: Mapping[str, Callable[[], Any]], repeats: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Time the works alternately, every other round in reverse; return median seconds and what they made first."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    made: dict[str, Any] = {}
    for k in range(repeats):
        for name in list(works)[:: 1 if k % 2 == 0 else -1]:
            took, result = timed(works[name])
            seconds[name].append(took)
            made.setdefault(name, result)
    return {name: float(np.median(took)) for name, took in seconds.items()}, made


def with_peak(work: Callable[[], Any]) -> tuple[dict[str, float], Any]:
    """Run the work and return seconds, megabytes it took beyond those held before, and megabytes at the peak.

    For a fresh process: the high-water mark of an older one may stand above anything the work needs. Where the system
    lets a process lower its own mark (Linux), what was held for a moment before the work is not counted.
    """
    held = psutil.Process().memory_info().rss
    lower_high_water()
    seconds, made = timed(work)
    peak = max(high_water(), held)
    return {"seconds": seconds, "added_mb": (peak - held) / _MB, "peak_mb": peak / _MB}, made


def lower_high_water() -> None:
    """Forget earlier peaks. Where that is not possible (not Linux, not allowed) the mark counts them as well."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def high_water() -> int:
    """Return the most resident memory this process ever held, in bytes."""
    try:
        # not ru_maxrss where it can be avoided: on Linux a child inherits that of the process that started it
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    except (OSError, IndexError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def in_fresh_process(script: str, task: Mapping[str, Any]) -> dict[str, Any]:
    """Run `script --task JSON` and return the JSON object of its last line."""
    command = [sys.executable, script, "--task", json.dumps(task)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if finished.returncode:
        raise RuntimeError(f"Expected {task} to run, found:\n{finished.stderr[-3000:]}")
    return json.loads(finished.stdout.strip().splitlines()[-1])


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows with the same keys as a table."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def versions() -> str:
    """Name what was measured."""
    others = ", ".join(f"{name} {version(name)}" for name in ("POT", "numpy", "scipy", "numba"))
    return f"lotviz {lotviz.__version__}, {others}"


def write_between(marker: str, text: str, path: Path = ROOT / "README.md") -> None:
    """Put the text between `<!-- marker -->` and `<!-- /marker -->`, in place of what stands there."""
    first, last = f"<!-- {marker} -->", f"<!-- /{marker} -->"
    whole = path.read_text(encoding="utf-8")
    if whole.count(first) != 1 or whole.count(last) != 1:
        raise ValueError(f"Expected {path} to have the lines {first} and {last} once each. Add them.")
    before, rest = whole.split(first)
    after = rest.split(last)[1]
    path.write_text(f"{before}{first}\n{text.strip()}\n{last}{after}", encoding="utf-8")


def saved(name: str, figures: Any, table: str) -> None:
    """Write figures and table to the folder of results, and print the table."""
    OUT.mkdir(exist_ok=True)
    (OUT / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    (OUT / f"{name}.md").write_text(table, encoding="utf-8")
    print(table)


def rounded(number: float, digits: int = 3) -> str:
    """Write a number with so many digits that count, never as a power of ten between 1e-3 and 1e6."""
    if number == 0:
        return "0"
    if not 1e-3 <= abs(number) < 1e6:
        return f"{number:.{digits - 1}e}"
    places = max(0, digits - 1 - int(np.floor(np.log10(abs(number)))))
    return f"{number:.{places}f}"
