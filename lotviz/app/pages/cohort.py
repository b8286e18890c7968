"""Cohort: is this cohort ready to compare? What was read, what is wrong, how markers look by group or batch."""

from __future__ import annotations

from html import escape

from lotviz.app.desk import BROUGHT
from lotviz.app.frame import (
    Page,
    badge,
    button,
    grid,
    headline,
    html,
    keys,
    picture,
    problems,
    question,
    remark,
    section,
    select,
)
from lotviz.app.pages.markers import marker_choices, markers
from lotviz.app.pages.opening import by_name
from lotviz.app.session import Session
from lotviz.views.charts import cells_per_sample
from lotviz.views.style import clipped

FEW = 100  # cells; below it the place of a sample on the map is mostly noise
MOST_ROWS = 200  # rows of the table; a longer one is no longer read
BRIEF = 160  # letters of a problem in a row of it


def cohort(session: Session) -> Page:
    """Lay out the Cohort page."""
    page = Page()
    page.head = page.html(lambda: question("Is this cohort ready to compare?", _answer(session)))
    samples = page.html(lambda: _table(session), "label", sizing_mode="stretch_both", min_height=40)
    counts = page.plot(lambda: _counts(session), "label", "batch")
    cells = [
        (picture(headline("Samples", "problems first", _rows_badge(session)), samples), "1 / span 5", "2"),
        (picture(headline("Cells per sample"), counts), "1 / span 5", "3"),
        (markers(session, page), "6 / span 7", "2 / span 2"),
    ]
    above = problems(session.problems) + _notes(session)
    if above:
        cells.insert(0, (html(above), "1 / span 12", "1"))
    page.body = grid(*cells, rows="max-content minmax(254px, 1.25fr) minmax(170px, 1fr)", gap="20px 28px")
    page.drawer = _drawer(session)
    return page


def _answer(session: Session) -> str:
    """Say whether the cohort can be compared as it is."""
    cohort = session.cohort
    left_out = sum("left out, as you chose" in problem.fix for problem in session.problems)
    read = (
        f"{'' if left_out else 'All '}{len(cohort.samples)} samples were read: {cohort.total_cells:,} cells, "
        f"{cohort.n_markers} markers in common."
    )
    read += f" {_things(left_out, 'was', 'were')} left out, as you chose." if left_out else ""
    errors = [problem for problem in session.problems if problem.severity == "error"]
    if errors:
        return f"<b>No.</b> {_things(len(errors), 'must', 'must')} be put right first. {read}"
    if session.problems:
        count = _things(len(session.problems), "needs", "need")
        return f"<b>Almost.</b> {read} {count} a look first; your files are as they were."
    return f"<b>Yes.</b> {read} No problem was found."


def _things(count: int, one: str, many: str) -> str:
    """Count things, with the verb that fits.

    Examples
    --------
    >>> _things(1, "needs", "need"), _things(3, "needs", "need")
    ('One thing needs', '3 things need')
    """
    return f"One thing {one}" if count == 1 else f"{count} things {many}"


def _notes(session: Session) -> str:
    """Return what was noticed and is no problem, such as a paired design."""
    notes = "".join(f"<li>{escape(note)}</li>" for note in session.quality.notes)
    return f'<ul class="notes">{notes}</ul>' if notes else ""


def _rows_badge(session: Session) -> str:
    """Say how many of the samples the table lists."""
    count = len(session.cohort.samples)
    return badge(f"{min(count, MOST_ROWS)} of {count} samples")


def _table(session: Session) -> str:
    """Return the table of samples, those with a problem first."""
    cohort, label = session.cohort, session.label
    flagged = _flagged(session)
    order = sorted(cohort.samples.index, key=lambda name: not flagged[name])[:MOST_ROWS]
    columns = [c for c in dict.fromkeys((label, session.batch, session.group)) if c and not _repeats(session, c)]
    head = "".join(f"<th>{escape(str(column))}</th>" for column in columns)
    texts = {column: session.texts(column) for column in columns}
    style, counts = session.group_style(), cohort.cell_counts
    most = counts.max()
    keyed = {text: keys({text: colour}, style[1]) for text, colour in style[0].items()}

    def row(name: str) -> str:
        words = [(column, texts[column][name]) for column in columns]
        values = [keyed.get(text, escape(text)) if column == label else escape(text) for column, text in words]
        count = int(counts[name])
        return _row(str(name), values, share=count / most, count=count, problem=flagged[name])

    rows = "".join(map(row, order))
    note = "<th>Problem</th>" if any(flagged.values()) else ""
    return (
        '<div class="scroll"><table><thead><tr><th>Sample</th>'
        f'{head}<th class="number">Cells</th><th></th>{note}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _repeats(session: Session, column: str) -> bool:
    """Whether a column says again what the samples are called: patients of one sample each."""
    return column != session.label and session.texts(column).tolist() == list(map(str, session.cohort.samples.index))


def _row(name: str, values: list[str], *, share: float, count: int, problem: str) -> str:
    """Return one sample's row; `values` are its cells as markup."""
    middle = "".join(f"<td>{value}</td>" for value in values)
    return (
        f'<tr><td><b>{escape(name)}</b></td>{middle}<td class="number">{count:,}</td>'
        f'<td><span class="bar" style="width:{max(1, round(62 * share))}px"></span></td>'
        f'<td class="warn long">{escape(problem)}</td></tr>'
    )


def _flagged(session: Session) -> dict[str, str]:
    """Say of each sample what is wrong with it, briefly; empty if nothing is.

    A problem that many samples share names them all: a row says only what it is.
    """
    flagged = dict.fromkeys(session.cohort.samples.index, "")
    for problem in reversed(session.problems):  # the first stands
        brief = problem.what if len(problem.what) <= BRIEF else problem.what.partition(": ")[0]
        flagged.update({name: clipped(brief, BRIEF) for name in problem.samples if name in flagged})
    return flagged


def _counts(session: Session) -> object:
    """Return the picture of cells per sample, by batch if there is one, else by group."""
    cohort = session.cohort
    by = session.batch or session.grouping
    groups = session.texts(by).tolist() if by else [""] * len(cohort.samples)
    counts = cohort.cell_counts.to_numpy()
    names = [str(name) for name in cohort.samples.index]
    return cells_per_sample(counts, names, groups, few=FEW, theme=session.choices.theme)


def _drawer(session: Session) -> list[object]:
    """Return the choices of the page, in the order of the decisions."""
    choices = session.choices
    cohort = session.cohort
    parts = [*by_name(session), remark(f"<b>{escape(cohort.name)}</b><br>{escape(_origin(session))}")]
    parts.append(button("Open another cohort …", lambda: _look_for_another(session)))
    if len(cohort.samples.columns):
        parts += [section("Columns"), select(choices, "label", "Group by (label)")]
        parts += [select(choices, "group", "Patient (kept together)"), select(choices, "batch", "Batch")]
    parts += [section("Markers"), *marker_choices(session), section("Next")]
    if session.embedding is None:
        parts.append(button("Compare the samples", session.compare, filled=True))
    else:
        parts.append(button("See the patients", lambda: choices.param.update(page="Patients"), filled=True))
    return parts


def _origin(session: Session) -> str:
    """Say where the cohort comes from; of files that were brought along, only the name."""
    brought = session.choices.cohort.startswith(BROUGHT)
    return session.choices.cohort if brought else session.cohort.origin


def _look_for_another(session: Session) -> None:
    """Go to the files."""
    session.desk.shown = True
    session.on_change()
