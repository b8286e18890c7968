"""The process that opens damaged inputs: numbers in, one line of JSON out for each, little memory and time."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import numpy as np

from lotviz.data import Cohort, CohortError, check, read_cohort
from lotviz.data.sources import TransformingFile
from tests.fuzz.damage import damaged
from tests.fuzz.seeds import Seed, make_seeds

SECONDS = 10
MEMORY = 2**30
TAKEN = 6 * 10**8  # so near the limit that it was reached
_WORKER = 7  # the first word of every seed, so that no other test draws the same numbers


class TooSlow(BaseException):
    """The alarm; no reader that catches exceptions catches it."""


def make_input(seed: int, number: int, *, seeds: tuple[Seed, ...]) -> Seed:
    """The damaged cohort of this number, the same on every run."""
    rng = np.random.default_rng([_WORKER, seed, number])
    kinds = sorted({found.kind for found in seeds})
    kind = kinds[number % len(kinds)]  # as many of each
    own = [found for found in seeds if found.kind == kind]
    return damaged(own[int(rng.integers(len(own)))], rng, others=seeds)


def write_input(made: Seed, folder: Path) -> Path:
    for name, content in made.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder / made.opened


def open_input(path: Path) -> str:
    """All that a user's first minute does: "cohort" or "refused", or what is raised."""
    try:
        cohort = read_cohort(path)
        for sample in cohort.samples.index:
            values = cohort.raw(sample)
            cohort.populations(sample)
            _transformed_alike(cohort, sample, values)
        check(cohort)
    except CohortError:
        return "refused"
    return "cohort"


def _transformed_alike(cohort: Cohort, sample: str, values: np.ndarray) -> None:
    """That a file transformed while it is read gives the bits of the values read first, or says that it cannot."""
    file = getattr(cohort.source, "files", {}).get(sample)
    if isinstance(file, TransformingFile):
        at_once = file.transformed(cohort.source.markers, cohort.transform)
        if at_once is not None:
            np.testing.assert_array_equal(at_once.view(np.int32), cohort.transform(values).view(np.int32))


def trial(seed: int, number: int, *, seeds: tuple[Seed, ...]) -> dict:
    """Make and open one input; the record of what happened."""
    made = make_input(seed, number, seeds=seeds)
    record = {"number": number, "kind": made.kind, "name": made.name, "outcome": "", "cause": "", "trace": ""}
    with tempfile.TemporaryDirectory(prefix="lotviz-fuzz-") as room:
        path = write_input(made, Path(room))
        _forget_peak()
        before, start = _memory("VmRSS"), time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            record["outcome"] = open_input(path)
        except TooSlow as error:
            record |= {"outcome": "slow", "cause": _cause(error), "trace": traceback.format_exc()}
        except MemoryError as error:
            record |= {"outcome": "memory", "cause": _cause(error), "trace": traceback.format_exc()}
        except Exception as error:  # noqa: BLE001  every one of them is a finding
            record |= {"outcome": "exception", "cause": _cause(error), "trace": traceback.format_exc()}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        record |= {"seconds": time.perf_counter() - start, "bytes": max(_memory("VmHWM") - before, 0)}
        if record["outcome"] in ("cohort", "refused") and record["bytes"] > TAKEN:
            # a library was refused more and calls the file damaged: without our limit it would have had it
            record |= {"outcome": "memory", "cause": f"{record['bytes'] / 1e6:.0f} MB taken before it was refused"}
    return record


def _cause(error: BaseException) -> str:
    """The kind of exception, where lotviz was, and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if f"lotviz{os.sep}" in frame.filename]
    places = [ours[-1], frames[-1]] if ours and frames[-1] is not ours[-1] else frames[-1:]
    where = " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in places)
    first = (str(error).strip().splitlines() or [""])[0][:80]
    return f"{type(error).__name__} at {where}: {first}" if not isinstance(error, TooSlow) else f"slow at {where}"


def _memory(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def limit_memory() -> None:
    """At most 1 GB of addresses beyond those taken now."""
    taken = _memory("VmSize") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (taken, taken))


def _alarm(_number, _frame) -> None:
    raise TooSlow


def _warm(seeds: tuple[Seed, ...]) -> None:
    """Open every valid cohort once: what is loaded then is not counted later; none of them may be refused."""
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="lotviz-fuzz-") as room:
            open_input(write_input(seed, Path(room)))


def main(seed: int) -> None:
    # what C libraries print must not come between the answers
    answers = os.fdopen(os.dup(1), "w")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, _alarm)
    seeds = make_seeds()
    _warm(seeds)
    limit_memory()
    for line in sys.stdin:
        answers.write(json.dumps(trial(seed, int(line), seeds=seeds)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
