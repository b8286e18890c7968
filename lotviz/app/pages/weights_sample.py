"""For one sample of the Weights page: the regions, the markers and the cells that speak most for and against."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from lotviz.analysis.pulls import loudest, marker_pulls, region_pulls
from lotviz.app.frame import Page, badge, grid, headline, picture
from lotviz.app.pages.weights_cells import DEPENDS, cell_contributions, members_of
from lotviz.app.pages.weights_maps import part_of
from lotviz.app.session import Session
from lotviz.views.charts import colour_of
from lotviz.views.style import signed
from lotviz.views.theme import ThemeName

MOST_ROWS = 5
LOUD = 0.01  # share of the cells that is told to speak loudest
SAMPLE = (*DEPENDS, "names")

Line = tuple[str, float, str | None]  # name, pull, remark; None where the table has no such column


def sample_picture(session: Session, page: Page) -> object:
    """Return the two tables of the chosen sample, with a sentence."""
    head = page.html(lambda: _head(session), *SAMPLE)
    regions = page.html(
        lambda: _table("Region", "of its cells", _regions(session), theme=session.choices.theme), *SAMPLE
    )
    markers = page.html(lambda: _table("Marker", "", _markers(session), theme=session.choices.theme), *SAMPLE)
    foot = page.html(lambda: f'<div class="said">{escape(_said(session))}</div>', *SAMPLE)
    tables = grid(
        (regions, "1 / span 7", "1"), (markers, "8 / span 5", "1"), rows="minmax(0, 1fr)", gap="0 28px", padding="0"
    )
    return picture(head, tables, foot)


def _head(session: Session) -> str:
    name = session.choices.a
    group = session.group_of(name)
    note = f"{escape(group)}; what speaks most for and against" if group else "what speaks most for and against"
    return headline(f"For one sample: {escape(name)}", note, badge(f"{len(members_of(session, name)):,} cells"))


def _regions(session: Session) -> list[Line]:
    """Return name, pull and share of the cells of every region, the largest pull first."""
    name = session.choices.a
    members, count = members_of(session, name), len(session.regions.names)
    pulls = region_pulls(cell_contributions(session, name), members, count)
    shares = np.bincount(members, minlength=count) / len(members)
    rows = zip(session.regions.names, pulls.tolist(), (f"{100 * share:.1f} %" for share in shares), strict=True)
    return _sorted(rows)


def _markers(session: Session) -> list[Line]:
    """Return name and pull of every marker, and of the abundance of cells, the largest pull first."""
    model, name, part = session.model, session.choices.a, part_of(session)
    row = session.embedding.index(name)
    rows: list[Line] = []
    if part != "abundance":
        pulls = marker_pulls(model, session.embedding.maps[row], part=part)
        rows = [(session.word(marker), float(pull), None) for marker, pull in zip(model.markers, pulls, strict=True)]
    if part in ("full", "abundance") and model.abundance is not None:
        rest = float(cell_contributions(session, name).sum()) - sum(pull for _, pull, _ in rows)
        rows.append(("How many cells lie where", rest, None))
    return _sorted(rows)


def _sorted(rows: object) -> list[Line]:
    return sorted(rows, key=lambda row: -abs(row[1]))


def _table(what: str, remark: str, rows: Sequence[Line], *, theme: ThemeName) -> str:
    """Return the largest pulls as a table with bars, and the sum of the others."""
    shown, rest = rows[:MOST_ROWS], rows[MOST_ROWS:]
    top = max((abs(pull) for _, pull, _ in shown), default=0.0) or 1.0
    if rest:
        shown = [*shown, (f"the {len(rest)} others", sum(pull for _, pull, _ in rest), "" if remark else None)]
    lines = "".join(_line(name, pull, note, top=top, theme=theme) for name, pull, note in shown)
    third = f'<th class="number">{escape(remark)}</th>' if remark else ""
    head = f'<tr><th>{what}</th>{third}<th class="number">pull</th><th></th></tr>'
    return f"<table><thead>{head}</thead><tbody>{lines}</tbody></table>"


def _line(name: str, pull: float, note: str, *, top: float, theme: ThemeName) -> str:
    share = float(np.clip(pull / top, -1, 1))
    colour = colour_of(share, theme)
    width = round(44 * abs(share))
    left = 44 - width if pull < 0 else 44
    bar = f'<span class="bar" style="width:{width}px;margin-left:{left}px;background:{colour}"></span>'
    third = f'<td class="number">{escape(note)}</td>' if note is not None else ""
    return f'<tr><td class="long">{escape(name)}</td>{third}<td class="number">{signed(pull)}</td><td>{bar}</td></tr>'


def _said(session: Session) -> str:
    """Say who speaks most for and against, and how much the loudest cells carry."""
    name = session.choices.a
    negative, positive = session.model.classes
    rows, per_cell = _regions(session), cell_contributions(session, name)
    for_ = [row for row in rows if row[1] > 0][:1]
    against = [row for row in rows if row[1] < 0][:1]
    words = [f"{row[0]} for {positive} ({signed(row[1])})" for row in for_]
    words += [f"{row[0]} for {negative} ({signed(row[1])})" for row in against]
    count, carried = loudest(per_cell, LOUD)
    total = float(per_cell.sum())
    cells = f"{count:,} cells of {len(per_cell):,} add" if count > 1 else f"cell of {len(per_cell):,} adds"
    most = " and ".join(words) or "nothing"
    return f"In {name}, most speaks {most}; its loudest {cells} {signed(carried)} to the score of {signed(total)}."
