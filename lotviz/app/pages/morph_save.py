"""Taking synthetic cells away: made with their recipe beside the page, then taken by the browser as a file."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import panel as pn
import panel_material_ui as pmui

from lotviz.app.frame import CONTROL, Page, button, html, remark, select
from lotviz.app.jobs import Progress, Work
from lotviz.app.pages.morph_recipe import is_measured, recipe
from lotviz.app.pages.morph_stops import CLASS, stops_of
from lotviz.app.session import Session
from lotviz.app.take import Outbox, Taker, written_name
from lotviz.transport import Cancelled, SyntheticSample

MEASURED = "These cells were measured: nothing here is synthetic. Move the morph first."


@dataclass(frozen=True)
class Saved:
    """A file of synthetic cells, and what it is in words."""

    path: Path
    words: str


def save_controls(session: Session, page: Page) -> list[object]:
    """Return how many cells are saved in which kind of file, and the button that does it."""
    choices, outbox, taker = session.choices, Outbox(), Taker(width=0, height=0, margin=0)
    amount = pmui.IntInput.from_param(choices.param["amount"], label="Cells", description="", step=1000, **CONTROL)
    said = html("", visible=False)
    wanted: list[tuple[str, Work]] = []  # the file under way: its place and how it is made
    if pn.state.curdoc is not None:
        pn.state.on_session_destroyed(lambda _context: outbox.empty())

    def say(words: str) -> None:
        said.param.update(object=f'<div class="drawer-note" role="status">{words}</div>', visible=True)

    def save() -> None:
        make = recipe(session)
        if make is None or is_measured(session):
            say(MEASURED if make is not None else "There are no cells to save yet.")
            return
        count, name = choices.amount, file_name(session)
        title = f"Writing {count:,} synthetic cells"
        # An object of its own for every press: the file of an earlier one may be gone.
        wanted[:] = [(title, _writing(make, count, outbox=outbox, name=name))]
        take()

    def take() -> None:
        if not wanted:
            return
        title, work = wanted[0]
        place = ("saved", session.comparison, work)
        found = session.aside.get("saved", place, title, work, latest=True)
        if found is not None:
            taker.address = outbox.offer(found.path)
            say(found.words)
        if found is not None or session.aside.stopped(place):
            wanted.clear()

    page.effect(take, "saved")
    words = "The word “synthetic” goes into the file and its name, with the recipe: what was mixed, how much, the seed."
    kinds = select(choices, "ending", "Kind of file")
    return [amount, kinds, button("Save these cells", save), said, taker, remark(words)]


def _writing(make: Callable[[int], SyntheticSample], count: int, *, outbox: Outbox, name: str) -> Work:
    """Return the work that makes the cells and writes them."""

    def work(progress: Progress, cancel: threading.Event) -> Saved:
        progress(0, 2, "")
        sample = make(count)
        if cancel.is_set():
            raise Cancelled
        progress(1, 2, "")
        path = sample.write(outbox.room() / name)
        cells, different = len(sample.cells), sample.different_cells
        said = f"{cells:,} synthetic cells" + (f", {different:,} of them different," if different < cells else "")
        return Saved(path, f"{said} are in {path.name}, {_size(path)}.")

    return work


def file_name(session: Session) -> str:
    """Return the name of the file: the cohort, the ends of the morph, and that it is synthetic."""
    choices = session.choices
    names = [stop.name for stop in stops_of(session)]
    if choices.morph == CLASS:
        names = [str(choices.a), "towards", str(choices.chosen("positive") or session.label)]
    return written_name(session.cohort.name, *names, ending=choices.ending)


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.0f} kB"
