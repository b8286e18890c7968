"""Opening a cohort: find its files or bring them, look at the first rows, mend the sheet, then open it."""

from __future__ import annotations

from dataclasses import asdict
from html import escape
from typing import Any

import pandas as pd
import panel as pn
import panel_material_ui as pmui

from lotviz.app.bring import DropZone
from lotviz.app.desk import BROUGHT, Desk
from lotviz.app.failures import attempt
from lotviz.app.frame import (
    CONTROL,
    WIDE,
    Page,
    button,
    headline,
    html,
    problems,
    question,
    remark,
    section,
)
from lotviz.app.listing import FileList
from lotviz.app.recent import recent
from lotviz.app.session import Session
from lotviz.app.sheet_editor import MOST_COLUMNS, MOST_ROWS, SheetEditor
from lotviz.app.templates import files_wanted
from lotviz.app.workspace import DEMOS
from lotviz.data.tables.sheet import row_numbers

TITLE = "Is this cohort ready to compare?"
AUTOMATIC = "as guessed"


def opening(session: Session) -> Page:
    """Lay out the page on which a cohort is got ready."""
    desk = session.desk
    page, opener, columns = Page(), _opener(session), _columns(session)
    page.head = html(question(TITLE, _answer(session)))
    pieces = [(_files(session), "1 / span 7"), (_brought(session), "8 / span 5")]
    if desk.key:
        pieces.insert(0, (_on_the_desk(session, page, opener=opener, columns=columns), "1 / span 12"))
    page.body = _flowing(pieces)
    page.drawer = _drawer(session, opener, columns)
    return page


def _flowing(pieces: list[tuple[Any, str]]) -> pn.Column:
    """Lay pieces out in twelve columns, each as high as it is: what does not fit is scrolled to."""
    for piece, column in pieces:
        piece.styles = {"grid-column": column, "min-width": "0", "max-height": "none"}
    layout = {"display": "grid", "grid-template-columns": "repeat(12, minmax(0, 1fr))", "align-items": "start"}
    styles = {**layout, "gap": "24px 28px", "padding": "2px 24px 24px", "max-height": "none"}
    return pn.Column(*(piece for piece, _column in pieces), margin=0, **WIDE, styles=styles)


def _under(head: str, *parts: Any) -> pn.Column:
    """Return pieces one below the other, under a head line."""
    return pn.Column(html(head), *parts, margin=0, **WIDE)


def _answer(session: Session) -> str:
    """Say where one stands."""
    desk = session.desk
    if not desk.key:
        return (
            "No cohort is open. Choose a sample sheet, a folder or a file of this machine, bring files along, or "
            "look at a simulated cohort first."
            if session.cohort is None
            else "Choose another cohort. The one that is open stays open until then."
        )
    name = f"<b>{escape(desk.key.removeprefix(BROUGHT))}</b>"
    if desk.failure is not None or session.failure is not None:
        return f"<b>No.</b> {name} cannot be opened as it is."
    count = len(desk.errors)
    if count:
        return f"<b>Not yet.</b> {name}: {count} thing{'s' if count > 1 else ''} must be put right first."
    return f"<b>It looks so.</b> {name}: check what its columns mean, then open it."


# ---- files -------------------------------------------------------------------------------------------------------


def _files(session: Session) -> Any:
    """Return the list of the folder that is looked at."""
    desk = session.desk
    listing = FileList(
        lambda folder: _do(session, lambda: desk.go(folder)),
        lambda key: _do(session, lambda: desk.pick(key)),
        lines=[asdict(entry) for entry in desk.entries()],
        way=_way(desk),
        chosen=desk.key,
        **WIDE,
    )
    parts: list[Any] = [listing]
    count = desk.loose_files(brought=False)
    if count:
        words = f"Write a sheet for the {count} file{'s' if count > 1 else ''} of cells here"
        parts.append(_button(words, lambda: _do(session, lambda: desk.draft(brought=False))))
    return _under(headline("Files on this machine", "where lotviz was started; they are only read"), *parts)


def _way(desk: Desk) -> list[dict[str, str]]:
    """Return the folders from the data root to the one that is looked at."""
    parts = [part for part in desk.folder.split("/") if part]
    keys = ["/".join(parts[: i + 1]) for i in range(len(parts))]
    root = desk.shared.root.name or str(desk.shared.root)
    return [{"name": root, "key": ""}, *({"name": n, "key": k} for n, k in zip(parts, keys, strict=True))]


def _brought(session: Session) -> Any:
    """Return the place for files from elsewhere, the cohorts opened lately, the built-in ones, and what is wanted."""
    desk = session.desk
    zone = DropZone(session.on_change, token=desk.receive().token, **WIDE)
    parts: list[Any] = [zone]
    lines = desk.brought()
    if lines:
        parts.append(_list(session, [asdict(line) for line in lines], "Your files"))
    count = desk.loose_files(brought=True)
    if count:
        words = f"Write a sheet for your {count} file{'s' if count > 1 else ''} of cells"
        parts.append(_button(words, lambda: _do(session, lambda: desk.draft(brought=True))))
    parts.append(_known(session))
    parts.append(html(files_wanted()))
    return _under(headline("Or bring files"), *parts)


def _button(label: str, action: Any) -> pmui.Button:
    """Return a button that stands among lists."""
    made = button(label, action)
    made.margin = (6, 0, 2, 0)
    return made


def _list(session: Session, lines: list[dict[str, str]], name: str) -> FileList:
    """Return a list of files without folders."""
    desk = session.desk
    pick = lambda key: _do(session, lambda: desk.pick(key))  # noqa: E731
    way = [{"name": name, "key": ""}]
    return FileList(lambda _folder: None, pick, lines=lines, way=way, chosen=desk.key, **WIDE)


def _known(session: Session) -> Any:
    """Return buttons for what was opened lately and for the simulated cohorts."""
    late = [_button(key, lambda key=key: _open(session, key)) for key in recent(session.desk.shared.root)]
    demos = [_button(f"Simulated: {name.partition(': ')[2]}", lambda key=name: _open(session, key)) for name in DEMOS]
    parts = [html('<h2 class="section flush">Opened lately</h2>'), *late] if late else []
    return pn.Column(*parts, html('<h2 class="section flush">To look round</h2>'), *demos, margin=0, **WIDE)


# ---- what is on the desk -----------------------------------------------------------------------------------------


def _on_the_desk(session: Session, page: Page, *, opener: pmui.Button, columns: dict[str, pmui.Select]) -> Any:
    """Return the sheet to mend, or the first rows of another file, with what is wrong."""
    desk = session.desk
    if desk.failure is not None:
        return html(f'<div role="alert">{problems(desk.failure.problems, most=30, narrow=True)}</div>')
    if desk.typed is None:
        return _first_rows(desk)
    found = html(_problems(desk))
    answer = page.head

    def changed(table: pd.DataFrame, again: bool) -> None:
        desk.type(table)
        found.object = _problems(desk)
        answer.object = question(TITLE, _answer(session))
        editor.faults = desk.faults()
        opener.disabled = bool(desk.errors)
        for role, widget in columns.items():
            widget.param.update(**_offered(desk, role))
        if again:
            editor.param.update(columns=list(table.columns), numbers=row_numbers(table))
            editor.rows = table.to_numpy().tolist()

    if len(desk.typed) > MOST_ROWS or len(desk.typed.columns) > MOST_COLUMNS:
        return _too_long_to_type(desk)
    editor = SheetEditor(
        changed,
        columns=list(desk.typed.columns),
        rows=desk.typed.head(MOST_ROWS).to_numpy().tolist(),
        numbers=row_numbers(desk.typed),
        faults=desk.faults(),
        **WIDE,
    )
    note = "corrections are saved as a copy beside it; the original is not touched"
    head = headline(escape(desk.key.removeprefix(BROUGHT)), note)
    return _under(head, found, editor)


def _too_long_to_type(desk: Desk) -> Any:
    """Return the first rows of a sheet that is too long to mend here, and what is wrong with all of it."""
    rows, columns = desk.typed.shape
    what = f"{rows:,} rows and {columns} columns: too many to type here; mend it where it was made"
    return _under(headline(escape(desk.key.removeprefix(BROUGHT)), what), html(_problems(desk)), html(_rows(desk)))


def _problems(desk: Desk) -> str:
    """Return everything that is wrong with the sheet, at once, and then what was taken for granted."""
    notes = [problem for problem in desk.problems if problem.severity != "error"]
    lines = "".join(f"<li>{escape(note.where)}: {escape(note.what)} {escape(note.fix)}</li>" for note in notes)
    errors = f'<div role="alert">{problems(desk.errors, most=60, narrow=True)}</div>' if desk.errors else ""
    return errors + (f'<ul class="notes">{lines}</ul>' if lines else "")


def _first_rows(desk: Desk) -> Any:
    """Return the first rows of a file, under its name."""
    head = headline(escape(desk.key.removeprefix(BROUGHT)), escape(desk.preview.what))
    return _under(head, html(_rows(desk)))


def _rows(desk: Desk) -> str:
    """Return the first rows of a file."""
    shown = desk.preview
    head = "".join(f"<th>{escape(name)}</th>" for name in shown.columns)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(value)}</td>' for value in row)}</tr>" for row in shown.rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


# ---- the drawer --------------------------------------------------------------------------------------------------


def _drawer(session: Session, opener: pmui.Button, columns: dict[str, pmui.Select]) -> list[Any]:
    """Return the choices of the page: a cohort by its name, what the columns mean, and the button that opens it."""
    desk = session.desk
    parts = [*by_name(session)]
    if columns:
        parts += [section("Columns"), *columns.values()]
    if desk.preview is not None and len(desk.preview.layers) > 1:
        parts.append(_layer(desk))
    if _files_at_fault(session) and not session.choices.skip:
        parts.append(section("Or"))
        parts.append(remark("Samples whose file cannot be read are left out; each is named on the next page."))
        parts.append(button("Go on without them", lambda: setattr(session.choices, "skip", True)))
    if desk.key and desk.failure is None:
        parts += [section("Next"), opener]
    if session.cohort is not None:
        parts.append(button("Back to the open cohort", lambda: _do(session, lambda: _leave(desk))))
    return parts


def by_name(session: Session) -> list[Any]:
    """Return the list of all cohorts that were found under the data root."""
    offers = session.desk.shared.offers()
    # The chosen one stays in the list even if it is not there: its failure is what the page has to say.
    options = list(dict.fromkeys(["", *offers, session.choices.cohort]))
    widget = pmui.Select(label="Cohort", options=options, value=session.choices.cohort, **CONTROL)

    def choose(event: Any) -> None:
        if event.new != session.choices.cohort:
            session.open_as(event.new)

    widget.param.watch(choose, "value")
    return [section("Files"), widget, remark(_how_many(len(offers)))]


def _how_many(count: int) -> str:
    """Say how many cohorts have a name, and how many of those no patient gave cells for."""
    if count == len(DEMOS):
        return f"{count} cohorts, all of them simulated: none was found under the data root."
    return f"{count} cohorts, {len(DEMOS)} of them simulated demonstrations."


def _opener(session: Session) -> pmui.Button:
    """Return the button that opens what is on the desk, once nothing must be put right first."""
    made = button("Open this cohort", lambda: _finish(session), filled=True)
    made.disabled = bool(session.desk.errors)
    return made


def _files_at_fault(session: Session) -> bool:
    """Whether a cohort could not be opened because of some of its files: one may go on without them."""
    if session.cohort is not None or not session.choices.cohort:
        return False
    found = [*(session.failure.problems if session.failure else ()), *session.desk.errors]
    return any("Expected the file" in problem.what or "Expected a whole" in problem.what for problem in found)


def _columns(session: Session) -> dict[str, pmui.Select]:
    """Return a list of columns for each part that one can play."""
    desk, made = session.desk, {}
    if desk.preview is None or not desk.preview.columns:
        return made
    for role, label in desk.preview.roles.items():
        widget = pmui.Select(label=label, **_offered(desk, role), **CONTROL)
        widget.param.watch(lambda event, role=role: _say(session, role, event.new), "value")
        made[role] = widget
    return made


def _offered(desk: Desk, role: str) -> dict[str, Any]:
    """Return the columns that may play a part, the guess first, and the one that does."""
    guess = desk.preview.guesses.get(role)
    first = f"{AUTOMATIC}: {guess}" if guess else "choose …"
    chosen = desk.columns.get(role)
    return {
        "options": [first, *desk.preview.columns],
        "value": chosen if chosen in desk.preview.columns else first,
    }


def _say(session: Session, role: str, column: str) -> None:
    """Take note of which column plays a part; a sheet is checked again."""
    desk = session.desk
    known, chosen = ({name} & {*desk.preview.columns} for name in (desk.columns.get(role), column))
    if known == chosen:  # the list has new names, nobody chose
        return
    desk.columns.pop(role, None)
    if chosen:
        desk.columns[role] = column
    if desk.typed is not None:
        _do(session, lambda: desk.type(desk.typed, changed=False))


def _layer(desk: Desk) -> Any:
    """Return the choice of the matrix that is read."""
    widget = pmui.Select(label="Values", options=list(desk.preview.layers), value=desk.layer or "X", **CONTROL)
    widget.param.watch(lambda event: setattr(desk, "layer", event.new), "value")
    return widget


# ---- actions -----------------------------------------------------------------------------------------------------


def _do(session: Session, action: Any) -> None:
    """Do something to the desk and show it; what goes wrong is shown as well."""
    outcome = attempt(action)
    session.failure = outcome.failure
    session.on_change()


def _leave(desk: Desk) -> None:
    desk.clear()
    desk.shown = False


def _open(session: Session, key: str) -> None:
    """Open a cohort as it is."""
    session.desk.clear()
    session.open_as(key)


def _finish(session: Session) -> None:
    """Open what is on the desk."""
    desk = session.desk
    outcome = attempt(desk.finish)
    session.failure = outcome.failure
    if outcome.answer is None:
        session.on_change()
        return
    session.open_as(outcome.answer, columns=dict(desk.columns), layer=desk.layer)
