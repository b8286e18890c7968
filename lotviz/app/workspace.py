"""What a running lotviz can open, and the results it keeps so that a page that is loaded again is there at once.

A workspace belongs to the process. It holds only what every session of it may open anyway, cohorts under the data
root and the built-in ones, and frozen results of them, found again by the request that made them. Choices and
anything a user brings along belong to a session.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lotviz.analysis.classify import Classification, classify
from lotviz.analysis.recipe import Estimator
from lotviz.data import Cohort, CohortError, Problem, Quality, look_through, read_cohort, simulate
from lotviz.transport import Cancelled, LOTEmbedding, embed
from lotviz.transport.engine import solver_within

Progress = Callable[[int, int, str], None]

# Eight lines: fewer than six can say nothing of lines, and six say what they can say by chance once in 32 studies.
_ORGANOIDS: dict[str, Any] = {"design": "organoids", "lines": 8, "replicates": 2, "cells": 1000}
DEMOS: dict[str, dict[str, Any]] = {  # built-in cohorts, and how they are simulated
    "demo: patients": {"design": "patients"},
    "demo: organoids": _ORGANOIDS,
    "demo: organoids, drugs that interact": {**_ORGANOIDS, "interaction": -0.8},
}
KEPT = 12  # results; the oldest is let go
PATIENCE = 2.0  # seconds that the first comparison waits for the simplex to be loaded
DEEPEST = 3  # levels of folders below the data root that are looked through for cohorts
MOST_SEEN = 20_000  # entries; a data root as wide as a home folder must not hold up the page
SHEETS = frozenset({"sheet.csv", "sheet.tsv", "sheet.xlsx"})


@dataclass(frozen=True)
class Opening:
    """A request to open a cohort: its name in the workspace, and how raw values are transformed."""

    key: str
    transform: str = "auto"
    transforms: tuple[tuple[str, str], ...] = ()
    cofactor: float = 0.0
    columns: tuple[tuple[str, str], ...] = ()
    layer: str = ""
    markers: tuple[str, ...] = ()
    compensate: str = "auto"
    skip: bool = False

    def options(self) -> dict[str, Any]:
        """Return the options of `lotviz.read_cohort` that are not as usual."""
        columns = dict(self.columns)
        wanted = {
            "transform": self._transform(),
            "cofactor": self.cofactor or None,
            "markers": list(self.markers) or None,
            "sample_key": columns.pop("sample_key", None),
            "population_key": columns.pop("population_key", None),
            "columns": columns or None,
            "layer": self.layer or None,
            "compensate": {"yes": True, "no": False}.get(self.compensate),
            "skip_unreadable": self.skip or None,
        }
        return {name: value for name, value in wanted.items() if value is not None}

    def _transform(self) -> str | dict[str, str] | None:
        """Return the transform of all markers, or of each that has its own and of the others."""
        common = None if self.transform == "auto" else self.transform
        if not self.transforms:
            return common
        return {**dict(self.transforms), **({"*": common} if common else {})}


@dataclass(frozen=True)
class Comparison:
    """A request to embed a cohort."""

    opening: Opening
    points: int
    seed: int


@dataclass(frozen=True)
class Separation:
    """A request to classify a cohort."""

    opening: Opening
    label: str
    group: str | None
    batch: str | None
    seed: int
    adjust: tuple[str, ...] = ()
    estimator: Estimator = "auto"
    abundance: bool = True
    paired: bool | None = None

    def options(self) -> dict[str, Any]:
        """Return the options of `lotviz.classify` that are not as usual."""
        wanted = {"adjust": self.adjust, "estimator": self.estimator, "abundance": self.abundance}
        usual: dict[str, Any] = {"adjust": (), "estimator": "auto", "abundance": True}
        found = {name: value for name, value in wanted.items() if value != usual[name]}
        return found if self.paired is None else {**found, "paired": self.paired}


class Workspace:
    """The cohorts that can be opened, and the results of those that were.

    Parameters
    ----------
    root
        The data root: nothing outside it is ever opened.
    prefix
        What the names of its cohorts begin with; a workspace with a prefix has no built-in cohorts.
    """

    def __init__(self, root: Path, *, prefix: str = "") -> None:
        self.root = root.resolve()
        self.prefix = prefix
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._under_way: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def offers(self) -> list[str]:
        """Name every cohort that can be opened: those found under the data root, then the built-in ones."""
        return [*sorted(self._found()), *DEMOS]

    def open(self, request: Opening, progress: Progress, cancel: threading.Event) -> Opened:
        """Read a cohort and look through every sample of it."""
        self.current(request)
        stamp = self._stamp(request)
        return self._recall(
            request, lambda: _looked_through(self._read(request), stamp, progress, cancel=cancel), cancel
        )

    def current(self, request: Opening) -> Opened | None:
        """Return a cohort that was read before; if its files have changed since, all that is of it is let go."""
        kept = self.kept(request)
        if kept is None or kept.stamp == self._stamp(request):
            return kept
        with self._lock:
            for other in [key for key in self._kept if request in (key, getattr(key, "opening", None))]:
                del self._kept[other]
        return None

    def compare(self, request: Comparison, progress: Progress, cancel: threading.Event) -> LOTEmbedding:
        """Embed the samples of a cohort."""
        cohort = self._opened(request.opening, progress, cancel)
        # Once after an installation the simplex is compiled for some seconds: nobody waits for that.
        solver = solver_within(PATIENCE)
        options = {"points": request.points, "seed": request.seed, "progress": progress, "cancel": cancel}
        return self._recall(request, lambda: embed(cohort, solver=solver, **options), cancel)

    def separate(self, request: Separation, progress: Progress, cancel: threading.Event) -> Classification:
        """Measure how well the groups of a cohort separate."""
        cohort = self._opened(request.opening, progress, cancel)
        options = {"group": request.group, "batch": request.batch, "seed": request.seed, **request.options()}
        work = partial(classify, cohort, request.label, **options, progress=progress, cancel=cancel)
        return self._recall(request, work, cancel)

    def kept(self, request: Hashable) -> Any:
        """Return the result of an earlier request, or None."""
        with self._lock:
            if request in self._kept:
                self._kept.move_to_end(request)
            return self._kept.get(request)

    def _opened(self, request: Opening, progress: Progress, cancel: threading.Event) -> Cohort:
        """Return the cohort as it was opened, even if its files have changed since: one screen, one state."""
        opened = self.kept(request) or self.open(request, progress, cancel)
        return opened.cohort

    def _stamp(self, request: Opening) -> tuple[Any, ...]:
        """Return what changes when the files of a cohort change: names, sizes and times of all that lies beside it."""
        if request.key in DEMOS or "\0" in request.key:
            return ()
        path = self.root / request.key.removeprefix(self.prefix)
        folder = path if path.is_dir() else path.parent
        files = [file for depth in ("*", "*/*") for file in itertools.islice(folder.glob(depth), MOST_SEEN)]
        return tuple(
            (str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(files) if file.is_file()
        )

    def _recall(self, request: Hashable, work: Callable[[], Any], cancel: threading.Event) -> Any:
        """Return the result of a request: the kept one, one that is being made for somebody else, or a new one."""
        with self._lock:
            under_way = self._under_way.setdefault(request, threading.Lock())
        while not under_way.acquire(timeout=0.1):
            if cancel.is_set():
                raise Cancelled
        try:
            result = self.kept(request)
            if result is None:
                result = work()
                self._keep(request, result)
            return result
        finally:
            with self._lock:
                self._under_way.pop(request, None)
            under_way.release()

    def _keep(self, request: Hashable, result: Any) -> None:
        """Keep a result; the one that was not asked for longest is let go."""
        with self._lock:
            self._kept[request] = result
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    def key_of(self, path: Path) -> str:
        """Name a path as the workspace does.

        Raises
        ------
        CohortError
            When the path lies outside the data root.
        """
        resolved = path.resolve()
        if not resolved.is_relative_to(self.root):
            what = f"Expected a path inside the data root {self.root}, found {path}, outside it."
            raise CohortError(Problem(str(path), what, "Start lotviz with --data-root set to a folder that holds it."))
        return resolved.relative_to(self.root).as_posix()

    def _read(self, request: Opening) -> Cohort:
        """Read or simulate the cohort of a request."""
        if request.key in DEMOS:
            return simulate(**DEMOS[request.key])
        if "\0" in request.key:
            raise CohortError(
                Problem("cohort", "Expected the name of a cohort, found no name.", "Choose one of the list.")
            )
        path = self.root / request.key.removeprefix(self.prefix)
        self.key_of(path)
        if not path.exists():  # a link may name it; the page shows no more of a path than the file's own name
            what = f"Expected a cohort inside the data root, found none called {request.key}."
            fix = "Choose one of the list."
            if self.prefix:
                what = f"Expected {path.name} among the files that were brought along, found that it is gone."
                fix = "Files that were brought along are deleted with the page they were brought to. Bring them again."
            raise CohortError(Problem(request.key, what, fix))
        return read_cohort(path, within=self.root, **request.options())

    def _found(self) -> set[str]:
        """Find what looks like a cohort under the data root, without opening it."""
        found: set[str] = set()
        folders, seen = [(self.root, 0)], 0
        while folders and seen < MOST_SEEN:
            folder, depth = folders.pop(0)
            entries = _entries(folder)
            seen += len(entries)
            found.update(path.relative_to(self.root).as_posix() for path in _cohorts_among(entries))
            if depth < DEEPEST:
                folders += [(path, depth + 1) for path in entries if path.is_dir() and path.suffix != ".zarr"]
        return found


def _entries(folder: Path) -> list[Path]:
    """Return what a folder holds, without what is hidden, links or must not be looked at."""
    if not os.access(folder, os.R_OK | os.X_OK):
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and not path.is_symlink())


def _cohorts_among(entries: list[Path]) -> list[Path]:
    """Return the entries of one folder that can be opened as a cohort; the folder itself where it is one."""
    names = {path.name for path in entries}
    found = [path for path in entries if path.suffix in {".h5ad", ".zarr"} or path.name in SHEETS]
    if "samples.csv" in names and names & {"cells.parquet", "cells.csv"}:
        found.append(next(path for path in entries if path.name == "samples.csv").parent)
    return found


@dataclass(frozen=True, eq=False)
class Opened:
    """A cohort that was read and looked through.

    Parameters
    ----------
    cohort
        The cohort.
    problems
        What is wrong with it, found while reading or in its cells.
    quality
        What the look through its cells found, and what small curves are drawn from.
    stamp
        The state of its files when it was read.
    """

    cohort: Cohort
    problems: tuple[Problem, ...]
    quality: Quality
    stamp: tuple[Any, ...] = ()


def _looked_through(cohort: Cohort, stamp: tuple[Any, ...], progress: Progress, *, cancel: threading.Event) -> Opened:
    """Look through a cohort; its problems come in the order of finding, those of the reading first."""
    quality = look_through(cohort, progress=progress, cancel=cancel)
    if cancel.is_set():
        raise Cancelled
    errors = [problem for problem in quality.problems if problem.severity == "error"]
    if errors:
        raise CohortError(*errors)
    return Opened(cohort, quality.problems, quality, stamp)
