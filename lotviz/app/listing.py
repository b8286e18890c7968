"""What lies in a folder under the data root, as a user would look for a cohort there; and the list that shows it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import panel as pn
import param

from lotviz.app.look import STYLESHEET

MOST = 500  # entries; beyond that a list is searched by its file names elsewhere
_TABLES = {".csv", ".tsv", ".txt", ".xlsx"}
_CELLS = {".fcs", ".lmd", ".parquet"}
_ANNOTATED = {".h5ad", ".zarr"}
_NAMED_TABLES = {"cells.parquet", "cells.csv"}

Kind = Literal["folder", "sheet", "cells", "annotated"]


@dataclass(frozen=True)
class Entry:
    """One line of a list of files.

    Parameters
    ----------
    name, key
        What it is called, and how it is asked for: the path below the data root.
    kind
        A folder; a table that may be a sample sheet; cells of one sample; or an AnnData file.
    detail
        Size or number of files, in words.
    """

    name: str
    key: str
    kind: Kind
    detail: str


def entries(root: Path, folder: str) -> list[Entry]:
    """List what can be opened or entered in a folder below the root: folders, sheets, AnnData, then files of cells."""
    place = root / folder
    found = [_entry(path, root) for path in _visible(place)]
    order = ("folder", "sheet", "annotated", "cells")
    return sorted((entry for entry in found if entry), key=lambda entry: order.index(entry.kind))[:MOST]


def files_of_cells(root: Path, folder: str) -> list[Path]:
    """Return the files in a folder that hold the cells of one sample each."""
    return [path for path in _visible(root / folder) if path.is_file() and path.suffix.lower() in _CELLS]


def _visible(place: Path) -> list[Path]:
    """Return what a folder holds, without what is hidden, links or must not be looked at."""
    if not place.is_dir() or not os.access(place, os.R_OK | os.X_OK):
        return []
    return sorted(
        (path for path in place.iterdir() if not path.name.startswith(".") and not path.is_symlink()),
        key=lambda path: path.name.lower(),
    )


def _entry(path: Path, root: Path) -> Entry | None:
    key, suffix = path.relative_to(root).as_posix(), path.suffix.lower()
    if suffix in _ANNOTATED:
        return Entry(path.name, key, "annotated", _size(path) if path.is_file() else "zarr")
    if path.is_dir():
        return Entry(path.name, key, "folder", "") if os.access(path, os.R_OK | os.X_OK) else None
    if path.name in _NAMED_TABLES or suffix in _CELLS:
        return Entry(path.name, key, "cells", _size(path))
    return Entry(path.name, key, "sheet", _size(path)) if suffix in _TABLES else None


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


class FileList(pn.custom.JSComponent):
    """A list of files with the way that leads to them; a tap on a line says which."""

    lines = param.List([], doc="Entries as dictionaries: name, key, kind, detail.")
    way = param.List([], doc="Folders from the data root to here: name, key.")
    chosen = param.String("", doc="The key of the line that is marked.")

    _esm = """
    const WORDS = { folder: "Folder", sheet: "Table", annotated: "AnnData", cells: "Cells" };

    export function render({ model, el }) {
      const place = document.createElement("div");
      place.className = "files";
      el.append(place);

      const button = (text, label, tap) => {
        const made = document.createElement("button");
        made.type = "button";
        made.textContent = text;
        made.setAttribute("aria-label", label);
        made.addEventListener("click", tap);
        return made;
      };

      const draw = () => {
        const way = document.createElement("nav");
        way.setAttribute("aria-label", "Folders");
        model.way.forEach((folder, i) => {
          if (i) way.append(" / ");
          way.append(button(folder.name, `Folder ${folder.name}`, () => model.send_msg({ go: folder.key })));
        });
        const list = document.createElement("ul");
        for (const line of model.lines) {
          const row = document.createElement("li");
          const kind = document.createElement("span");
          const detail = document.createElement("span");
          kind.textContent = WORDS[line.kind];
          kind.className = "kind";
          detail.textContent = line.detail;
          detail.className = "detail";
          const isFolder = line.kind === "folder";
          const tap = () => model.send_msg(isFolder ? { go: line.key } : { pick: line.key });
          const name = button(line.name, `${WORDS[line.kind]} ${line.name}`, tap);
          if (line.key === model.chosen) name.setAttribute("aria-current", "true");
          row.append(kind, name, detail);
          list.append(row);
        }
        if (!model.lines.length) {
          const nothing = document.createElement("p");
          nothing.className = "note";
          nothing.textContent = "Nothing here that lotviz can open.";
          list.append(nothing);
        }
        place.replaceChildren(way, list);
      };
      draw();
      for (const name of ["lines", "way", "chosen"]) model.on(name, draw);
    }
    """
    _stylesheets = [STYLESHEET]  # noqa: RUF012 - Panel's own name and type

    def __init__(self, go: Callable[[str], None], pick: Callable[[str], None], **params: Any) -> None:
        super().__init__(**params)
        self._go, self._pick = go, pick

    def _handle_msg(self, message: Any) -> None:
        if isinstance(message, dict):
            for name, action in (("go", self._go), ("pick", self._pick)):
                if isinstance(message.get(name), str):
                    action(message[name])
