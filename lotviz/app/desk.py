"""Where a cohort is got ready: a folder to look through, files brought along, a sheet to mend, before it is opened."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pandas as pd

from lotviz.app import bring
from lotviz.app.failures import Failure, attempt
from lotviz.app.inbox import Inbox
from lotviz.app.listing import Entry, entries, files_of_cells
from lotviz.app.recent import remember
from lotviz.app.workspace import DEMOS, Workspace
from lotviz.data import Problem
from lotviz.data.first_look import FirstLook, first_look, with_columns
from lotviz.data.tables.draft import draft_sheet
from lotviz.data.tables.sheet import SHEET_SUFFIXES, check_sheet, write_sheet

BROUGHT = "brought: "  # names of what this session was given begin so
CORRECTED = "-corrected"


class Desk:
    """What one session has on its desk. Files under the data root are read where they are and never changed.

    Parameters
    ----------
    shared
        The workspace of the data root.
    """

    def __init__(self, shared: Workspace) -> None:
        self.shared = shared
        self.inbox: Inbox | None = None
        self.folder = ""  # below the data root
        self.key = ""  # of what is on the desk
        self.preview: FirstLook | None = None
        self.columns: dict[str, str] = {}  # which column plays which part, where the user said so
        self.layer = ""
        self.typed: pd.DataFrame | None = None  # the sheet, as it stands in the editor
        self.changed = False
        self.problems: tuple[Problem, ...] = ()
        self.failure: Failure | None = None
        self.shown = False  # even though a cohort is open

    # ---- files ---------------------------------------------------------------------------------------------------

    def workspace_of(self, key: str) -> Workspace:
        """Return the workspace in which a cohort is found: the shared one, or that of the files brought along."""
        if key.startswith(BROUGHT):
            self.receive()
            return self._private
        return self.shared

    def receive(self) -> Inbox:
        """Return the inbox of the session, made when it is first wanted."""
        if self.inbox is None:
            self.inbox = Inbox()
            self._private = Workspace(self.inbox.folder, prefix=BROUGHT)
            bring.register(self.inbox)
        return self.inbox

    def entries(self) -> list[Entry]:
        """List the folder that is looked at."""
        return entries(self.shared.root, self.folder)

    def brought(self) -> list[Entry]:
        """List the files that were brought along."""
        if self.inbox is None:
            return []
        return [Entry(e.name, BROUGHT + e.key, e.kind, e.detail) for e in entries(self.inbox.folder, "")]

    def go(self, folder: str) -> None:
        """Look at another folder below the data root."""
        self.shared.key_of(self.shared.root / folder)  # raises where it leads out
        self.folder = folder if folder != "." else ""

    def loose_files(self, *, brought: bool) -> int:
        """Count the files of cells for which a sheet can be drafted: in the folder, or brought along."""
        if brought:
            return 0 if self.inbox is None else len(files_of_cells(self.inbox.folder, ""))
        return len(files_of_cells(self.shared.root, self.folder))

    # ---- what is on the desk -------------------------------------------------------------------------------------

    def pick(self, key: str) -> None:
        """Put a file on the desk and look at its first rows."""
        self.clear()
        self.key, self.shown = key, True
        outcome = attempt(lambda: first_look(self._path(key)))
        self.failure = outcome.failure
        self.preview = outcome.answer
        if self.preview is not None and self.preview.sheet is not None:
            self.type(self.preview.sheet, changed=False)

    def draft(self, *, brought: bool) -> None:
        """Put a sheet on the desk that names the files of the folder, one sample each."""
        folder = BROUGHT if brought else self.folder
        self.clear()
        self.key, self.shown = _joined(folder, "sheet.csv"), True
        outcome = attempt(lambda: draft_sheet(self._path(folder)))
        self.failure = outcome.failure
        if outcome.answer is not None:
            self.type(outcome.answer.astype(str), changed=True)

    def type(self, table: pd.DataFrame, *, changed: bool = True) -> None:
        """Take the sheet as it was typed, and check it."""
        self.typed, self.changed = table, changed or self.changed
        if self.preview is not None:
            self.preview = with_columns(self.preview, table.columns)
        path = self._path(self.key)
        workspace = self.workspace_of(self.key)
        chosen = {role: column for role, column in self.columns.items() if column in table.columns}
        check = partial(check_sheet, table, path.parent, path.name, within=workspace.root, columns=chosen)
        outcome = attempt(check)
        found = outcome.answer if outcome.failure is None else outcome.failure.problems
        self.problems = (*(self.preview.notes if self.preview is not None else ()), *found)

    @property
    def errors(self) -> list[Problem]:
        """What must be put right before the sheet can be used."""
        return [problem for problem in self.problems if problem.severity == "error"]

    def faults(self) -> dict[str, str]:
        """Return what is wrong with each row of the sheet, by its number."""
        found: dict[str, list[str]] = {}
        for problem in self.errors:
            place = problem.where.rpartition(", row ")[2]
            if place.isdigit():
                found.setdefault(place, []).append(f"{problem.what} {problem.fix}")
        return {row: " ".join(sentences) for row, sentences in found.items()}

    def finish(self) -> str:
        """Return the key of the cohort that is ready to be opened; a sheet that was changed is written first.

        Raises
        ------
        CohortError
            When the corrected sheet cannot be written; the original is never touched.
        """
        if self.typed is None or not self.changed:
            return self.key
        path = _free(self._path(self.key))
        write_sheet(self.typed, path)
        key = _joined(str(Path(self.key).parent), path.name) if "/" in self.key else path.name
        return BROUGHT + path.name if self.key.startswith(BROUGHT) else key

    def offer_to_mend(self, key: str) -> None:
        """Put a sheet on the desk that could not be opened as a cohort: what is wrong is shown row by row."""
        path = self.workspace_of(key).root / key.removeprefix(BROUGHT)
        if not is_demo(key) and path.is_file() and path.suffix.lower() in SHEET_SUFFIXES:
            self.pick(key)

    def done(self, key: str) -> None:
        """Clear the desk: the cohort is open. It is remembered if it lies under the data root."""
        self.clear()
        self.shown = False
        if not key.startswith(BROUGHT) and not is_demo(key):
            remember(self.shared.root, key)

    def clear(self) -> None:
        """Take everything off the desk."""
        self.key, self.preview, self.typed, self.changed, self.layer = "", None, None, False, ""
        self.columns, self.problems, self.failure = {}, (), None

    def end(self) -> None:
        """Delete what was brought along: the session is over."""
        if self.inbox is not None:
            bring.forget(self.inbox)

    def _path(self, key: str) -> Path:
        """Return the path of a key, which may not lead out of its workspace."""
        workspace = self.workspace_of(key)
        path = workspace.root / key.removeprefix(BROUGHT)
        workspace.key_of(path)
        return path


def _joined(folder: str, name: str) -> str:
    return f"{folder}{name}" if folder.endswith(BROUGHT) else f"{folder}/{name}" if folder not in ("", ".") else name


def _free(path: Path) -> Path:
    """Return a path of a csv that does not exist yet: that of a draft, or one beside the sheet that was corrected."""
    if not path.exists() and path.suffix == ".csv":
        return path
    stem = path.stem.removesuffix(CORRECTED) + CORRECTED
    numbered = (path.with_name(f"{stem}{number}.csv") for number in ("", *range(2, 1000)))
    return next(candidate for candidate in numbered if not candidate.exists())


def is_demo(key: str) -> bool:
    """Whether a cohort is a built-in one."""
    return key in DEMOS
