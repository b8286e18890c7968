"""What carries the score, on the Weights page: markers with their pattern, regions and markers with their stability."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from html import escape

import numpy as np

from lotviz.analysis.regions import region_abundance, region_abundance_carried, region_carried, region_weights
from lotviz.analysis.stability import Stability, stability
from lotviz.app.choices import CARRIED, NONE, WEIGHTS
from lotviz.app.frame import Page, headline, key, picture
from lotviz.app.jobs import Progress
from lotviz.app.session import Session
from lotviz.transport import Cancelled
from lotviz.views.charts import weight_bars
from lotviz.views.said import stability_said
from lotviz.views.streams import on_tap
from lotviz.views.style import nothing, signed
from lotviz.views.tables import SURE, stability_table
from lotviz.views.theme import carrying

MOST_MARKERS = 10
ABUNDANCE = "1 % cells"  # the column of the change of the score per cell in a hundred more
HOW_MANY = "how many"  # the column of what is carried by how many cells lie there
REFERENCES = 4  # on which weights are fitted again


def part_of(session: Session) -> str:
    """Return the part of the weight that is shown, as the analysis knows it; the full one where it has no abundance."""
    part = WEIGHTS[session.choices.weight]
    return "full" if part == "abundance" and session.model.abundance is None else part


# ---- markers -----------------------------------------------------------------------------------------------------


def markers_picture(session: Session, page: Page) -> object:
    """Return the markers that carry most of the gap, or of the largest weight, with their pattern."""
    depends = ("positive", "weight", "shows")
    head = page.html(lambda: _markers_head(session), *depends)
    foot = f'<div class="said">{escape(_steadier(session))}</div>'
    return picture(head, page.plot(lambda: _markers(session), *depends), foot)


def _markers_head(session: Session) -> str:
    bar = "share carried" if session.choices.shows == CARRIED else "weight"
    return headline("Markers", f"bar: {bar} {key('pattern (Haufe)', 'var(--lv-ink)', 'ring')}")


def _steadier(session: Session) -> str:
    """Say which of the measured models these weights are of."""
    found = session.classification
    if "lot_steady" not in found.scores:
        return "These are the weights of the model fitted on all samples."
    figure = found.scores["lot_steady"].headline.mean
    unit = "of the variance explained" if found.outcome is not None else "balanced accuracy"
    return (
        f"Weights and colours are of the model “LOT, steadier weights” ({figure:.2f} {unit}): the simplest fit that is "
        "not measurably worse."
    )


def _markers(session: Session) -> object:
    model, part = session.model, part_of(session)
    if part == "abundance":
        return nothing("What the abundance of cells adds has no marker: see the regions beside.", session.choices.theme)
    pattern = (model.masses[:, None] * model.pattern).sum(axis=0)
    carried = session.choices.shows == CARRIED
    if carried:  # a share has no direction of its own: it is drawn towards the group in which the marker is higher
        figure = (model.part(part) * model.difference).sum(axis=0) * np.where(pattern < 0.0, -1.0, 1.0)
    else:
        figure = model.part(part).sum(axis=0)
    order = np.argsort(-np.abs(figure), kind="stable")[:MOST_MARKERS]
    return weight_bars(
        [session.word(model.markers[i]) for i in order],
        figure[order] / (np.abs(figure).max() or 1.0),
        pattern[order] / (np.abs(pattern).max() or 1.0),
        classes=model.classes,
        theme=session.choices.theme,
        what="carried" if carried else "weight",
    )


# ---- regions and markers -----------------------------------------------------------------------------------------


def regions_picture(session: Session, page: Page) -> object:
    """Return the weights of regions and markers, pale where refits do not agree on the sign; a row can be tapped."""
    depends = ("positive", "weight", "shows", "region", "names", "stability")
    head = page.html(lambda: _regions_head(session), *depends)
    foot = page.html(lambda: f'<div class="said">{escape(_regions_said(session))}</div>', *depends)
    return picture(head, page.plot(lambda: _regions(session), *depends), foot)


def steadiness(session: Session) -> Stability | None:
    """Return which weights other patients and references would give as well; None until it is known."""
    embedding, asked, found = session.embedding, session.asked, session.derived_regions
    options = {"units": asked.units, "adjustment": asked.adjustment, "values": asked.values}
    estimator = session.choices.estimator
    abundance, seed = session.choices.abundance, session.choices.seed

    def work(progress: Progress, cancel: threading.Event) -> Stability:
        def step(_message: str) -> None:
            if cancel.is_set():
                raise Cancelled
            progress(done[0], REFERENCES, "")
            done[0] += 1

        done = [0]
        labels = asked.labels
        return stability(
            embedding,
            labels,
            found,
            **options,
            estimator=estimator,
            abundance=abundance,
            references=REFERENCES,
            seed=seed,
            step=step,
            cancel=cancel,
        )

    return session.aside.get("stability", _place(session), "Checking how steady the weights are", work)


def _place(session: Session) -> Hashable:
    return ("stability", session.comparison, *session.asking)


def table_of(session: Session) -> tuple[list[str], np.ndarray, np.ndarray | None]:
    """Return the columns shown, their figures (k, columns), and how often their sign held, or None.

    Abundance comes first, then the markers of the largest figures: percent of the gap, or weights.
    """
    model, part, found = session.model, part_of(session), session.regions
    carried = session.choices.shows == CARRIED
    known = steadiness(session) if part in ("full", "abundance") else None
    columns: list[str] = []
    figures, held = np.zeros((len(found.names), 0)), np.zeros((len(found.names), 0))
    if part in ("full", "abundance") and model.abundance is not None:
        columns.append(HOW_MANY if carried else ABUNDANCE)
        how_many = region_abundance_carried if carried else region_abundance
        figures = how_many(model, found)[:, None]
        held = known.abundance_sign_held[:, None] if known is not None else held
    if part != "abundance":
        table = (region_carried if carried else region_weights)(model, found, part=part)
        order = np.argsort(-np.abs(table).sum(axis=0), kind="stable")[:MOST_MARKERS]
        columns += [session.word(model.markers[i]) for i in order]
        figures = np.hstack([figures, table[:, order]])
        if known is not None:
            held = np.hstack([held, (known.carried_sign_held if carried else known.sign_held)[:, order]])
    if carried:
        figures = 100 * figures / _gap(session)
    return columns, figures, held if known is not None else None


def _gap(session: Session) -> float:
    """Return the whole gap between the mean scores of the two sides."""
    model, found = session.model, session.derived_regions
    return float(region_carried(model, found).sum() + region_abundance_carried(model, found).sum()) or 1.0


def _regions(session: Session) -> object:
    columns, figures, held = table_of(session)
    rows, theme = list(session.regions.names), session.choices.theme
    palette = carrying(theme) if session.choices.shows == CARRIED else None
    drawn, cells = stability_table(
        columns, rows, figures, stability=held, highlighted=session.region, theme=theme, palette=palette
    )
    on_tap(cells, lambda cell: tap_region(session, cell // len(columns)))
    return drawn


def tap_region(session: Session, place: int) -> None:
    """Let a region stand out; the one that does no longer."""
    number = str(place + 1)
    session.choices.region = NONE if session.choices.region == number else number


def _regions_head(session: Session) -> str:
    """Say what the table shows and whether it is known how steady it is."""
    carried = session.choices.shows == CARRIED
    unit = "% of the gap" if carried else "weight"
    if session.continuous:
        unit = "% of the gap between the halves" if carried else unit
    if part_of(session) not in ("full", "abundance"):
        note = "not known how steady"
    elif steadiness(session) is not None:
        note = "pale: its sign may turn"
    elif session.aside.stopped(_place(session)):
        note = "not known how steady: stopped"
    else:
        note = "checking how steady the weights are …"
    return headline("Regions × markers", f"{unit}; {note}")


def _regions_said(session: Session) -> str:
    """Say which figure is the largest, or what is known of the region that stands out."""
    columns, figures, held = table_of(session)
    place, carried = session.region, session.choices.shows == CARRIED
    names = session.regions.names
    if place is None and not carried:
        return stability_said(columns, list(names), figures, stability=held)
    row = int(np.argmax(np.abs(figures).sum(axis=1))) if place is None else place
    largest = np.argsort(-np.abs(figures[row]), kind="stable")[:3]
    listed = ", ".join(f"{columns[i]} {_figure(figures[row, i], carried=carried)}" for i in largest)
    what = "carries" if carried else "weighs"
    sure = ""
    if held is not None:
        sure = f"; {int((held >= SURE).sum())} of {held.size} figures keep their sign in {100 * SURE:.0f} % of refits"
    return f"Cells of {names[row]}: {what} most by {listed}{sure}. Tap a row to see its cells."


def _figure(value: float, *, carried: bool) -> str:
    return f"{value:.0f} %".replace("-", "−") if carried else signed(float(value))
