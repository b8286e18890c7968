"""Weights: does anything separate the groups? The score beside its baselines first, then what carries it."""

from __future__ import annotations

from functools import partial
from html import escape

import numpy as np

from lotviz.analysis.contribution import contributions
from lotviz.analysis.regions import region_weights
from lotviz.analysis.verdict import Verdict, verdict
from lotviz.app.choices import PARTS, VIEW
from lotviz.app.frame import (
    Page,
    button,
    cells_badge,
    grid,
    headline,
    html,
    key,
    picture,
    problems,
    question,
    ramp,
    remark,
    row_of,
    section,
    segments,
    select,
)
from lotviz.app.pages.views_of_cells import frame_of, points_of, view_controls, view_of
from lotviz.app.session import Session
from lotviz.data import Problem
from lotviz.views.charts import weight_bars
from lotviz.views.clouds import SHAPE, values_cloud
from lotviz.views.scores import forest
from lotviz.views.style import signed
from lotviz.views.tables import stability_table
from lotviz.views.theme import diverging

TITLE = "Does anything separate the groups?"
MOST_MARKERS = 10
OURS = {"lot": "LOT", "lot_alone": "LOT without abundances", "lot_shape": "LOT, shape only"}
NAMES = {
    **OURS,
    "abundances": "Abundances",
    "quantiles": "Means with quantiles",
    "marker_means": "Marker means",
    "confounds": "Batch and cell count only",
    "majority": "Always the larger group",
}
SCALE = 98  # percentile of the contributions of all shown cells that gets the last colour


def weights(session: Session) -> Page:
    """Lay out the Weights page."""
    if session.label is None:
        answer = "No column of the cohort names two or more groups. Add one to the sample sheet."
        return Page(head=html(question(TITLE, answer)))
    if session.classification is None:
        return _unmeasured(session)
    page = Page()
    page.head = page.html(lambda: question(TITLE, _answer(session)))
    if not (verdict(session.classification).show_weights or session.choices.insist):
        return _without_weights(session, page)
    page.body = grid(
        (picture(_forest_head(session), page.plot(lambda: _forest(session))), "1 / span 7", "1"),
        (
            picture(
                headline("Markers", f"bar: weight {key('pattern (Haufe)', 'var(--lv-ink)', 'ring')}"),
                page.plot(lambda: _markers(session), "positive", "part"),
            ),
            "8 / span 5",
            "1 / span 2",
        ),
        (
            picture(
                headline("Regions × markers", "weight in each region of cells; same colours as below"),
                page.plot(lambda: _regions(session), "positive", "part"),
            ),
            "1 / span 7",
            "2",
        ),
        (_cells(session, page), "1 / span 12", "3"),
        rows="minmax(180px, 0.9fr) minmax(240px, 1.05fr) minmax(215px, 1.06fr)",
        gap="18px 28px",
    )
    page.drawer = _drawer(session)
    return page


def _unmeasured(session: Session) -> Page:
    """Return the page before the groups have been separated."""
    label = escape(str(session.label))
    answer = f"Not measured yet. The groups of <b>{label}</b> will be named on samples the method has not seen."
    if session.job is not None:
        answer = f"The groups of <b>{label}</b> are being separated; this page follows."
    drawer = [*_question(session), button("Separate the groups", session.separate, filled=True)]
    return Page(head=html(question(TITLE, answer)), drawer=drawer)


def _without_weights(session: Session, page: Page) -> Page:
    """Return the page of groups that do not separate: the scores only, for weights would explain noise."""
    page.body = grid(
        (picture(_forest_head(session), page.plot(lambda: _forest(session))), "1 / span 9", "1"), rows="260px"
    )
    hidden = remark("The weights are hidden: they would explain noise.")
    anyway = button("Show anyway", lambda: session.choices.param.update(insist=True))
    page.drawer = [*_question(session), *_doubts(session), section("Weights"), hidden, anyway]
    return page


def _answer(session: Session) -> str:
    """Say the verdict, the number that carries it, and then the doubt."""
    found = session.classification
    judged: Verdict = verdict(found)
    lot = found.scores["lot"].balanced_accuracy
    chance = f" Chance alone: p = {found.permutation_p:.3f}." if found.permutation_p is not None else ""
    right = (
        f"On samples it had not seen, LOT names the right group {100 * lot.mean:.0f} % of the time "
        f"({100 * lot.low:.0f}–{100 * lot.high:.0f} %, classes weighted alike)."
    )
    return f"{_VERDICTS[judged.kind]} {right} {_gain(found)}{chance}"


_VERDICTS = {
    "yes": "<b>Yes.</b>",
    "moderately": "<b>Yes, moderately.</b>",
    "no": "<b>No: not better than chance.</b>",
    "confounded": "<b>Yes, but batch or cell count do it as well.</b>",
    "too_few": "<b>Too few to say.</b>",
}


def _gain(found: object) -> str:
    """Compare LOT with the best baseline, as loudly when nothing is gained as when much is."""
    gain = found.difference
    points = f"{signed(100 * gain.low, 0)} to {signed(100 * gain.high, 0)}"
    against = NAMES[found.baseline].lower()
    if max(abs(gain.low), abs(gain.high)) < 0.005:
        return f"<b>{against.capitalize()} do exactly as well.</b>"
    if gain.low > 0:
        return f"That is {100 * gain.mean:.0f} points better than {against} ({points})."
    if gain.high < 0:
        return f"<b>{against.capitalize()} do better</b>, by {-100 * gain.mean:.0f} points ({points})."
    told = f"{signed(100 * gain.mean, 0)} points against {against}"
    return f"That is {told}, <b>a gain that is not established</b> ({points})."


def _forest_head(session: Session) -> str:
    """Say how the scores were measured."""
    found = session.classification
    plan = f"{found.parameters['repeats']} × {found.parameters['folds']}-fold"
    return headline("How well do the groups separate?", escape(f"{plan}; no {found.group or 'sample'} is ever split"))


def _forest(session: Session) -> object:
    """Return the scores, LOT first, the majority last."""
    found = session.classification
    rows = []
    for name in NAMES:
        if name in found.scores:
            accuracy = found.scores[name].balanced_accuracy
            rows.append((NAMES[name], accuracy.mean, accuracy.low, accuracy.high, name in OURS))
    unit = "balanced accuracy on samples not seen, with 95 % interval"
    return forest(rows, chance=1 / len(found.classes), theme=session.choices.theme, unit=unit)


def _markers(session: Session) -> object:
    """Return the markers of the largest weight, relative to the largest."""
    model = session.model
    part = PARTS[session.choices.part]
    weight = model.part(part).sum(axis=0)
    pattern = (model.masses[:, None] * model.pattern).sum(axis=0)
    order = np.argsort(-np.abs(weight), kind="stable")[:MOST_MARKERS]
    return weight_bars(
        [session.word(model.markers[i]) for i in order],
        weight[order] / (np.abs(weight).max() or 1.0),
        pattern[order] / (np.abs(pattern).max() or 1.0),
        classes=model.classes,
        theme=session.choices.theme,
    )


def _regions(session: Session) -> object:
    """Return the weight of each region and marker; the markers of the largest weight."""
    model, part = session.model, PARTS[session.choices.part]
    table = region_weights(model, session.regions, part=part)
    order = np.argsort(-np.abs(table).sum(axis=0), kind="stable")[:MOST_MARKERS]
    columns = [session.word(model.markers[i]) for i in order]
    rows, theme = list(session.regions.names), session.choices.theme
    drawn, _cells = stability_table(columns, rows, table[:, order], theme=theme)
    return drawn


def shown_samples(session: Session) -> list[str]:
    """Name up to four samples: the two chosen ones, then the lowest and the highest score."""
    scores = session.model.scores
    names = [str(name) for name in session.embedding.samples.index]
    extremes = [names[int(np.argmin(scores))], names[int(np.argmax(scores))]]
    chosen = list(dict.fromkeys([session.choices.a, session.choices.b, *extremes]))[:4]
    return sorted(chosen, key=lambda name: scores[names.index(name)])


def cell_contributions(session: Session, sample: str) -> np.ndarray:
    """Return what each used cell of a sample adds to its score, (n,), in the chosen part of the weight."""
    choices, embedding = session.choices, session.embedding
    part = PARTS[choices.part]

    def make() -> np.ndarray:
        return contributions(session.model, embedding.plan(sample), embedding.scaled_cells(sample), part=part)

    return session.derived("contributions", make, sample, session.label, choices.positive, part)


def _cells(session: Session, page: Page) -> object:
    """Return the cells of four samples, coloured by their exact contribution."""
    depends = ("a", "b", "positive", "part", *VIEW)
    tiles = []
    for place in range(min(4, len(session.embedding.samples))):
        head = page.html(lambda place=place: _sample_head(session, place), *depends)
        cells = partial(_sample_cells, session, place)
        tiles.append(picture(head, page.shaped(cells, *depends, shape=SHAPE, late=True)))
    head = page.html(lambda: _cells_head(session), *depends)
    return picture(head, row_of(tiles))


def _sample_of(session: Session, place: int) -> str | None:
    """Name the sample shown at a place, if there is one."""
    shown = shown_samples(session)
    return shown[place] if place < len(shown) else None


def _cells_head(session: Session) -> str:
    """Say what the colours mean and how many of the cells are shown."""
    negative, positive = session.model.classes
    embedding = session.embedding
    rows = [embedding.index(name) for name in shown_samples(session)]
    shown = cells_badge(int(embedding.n_cells_used[rows].sum()), int(embedding.n_cells[rows].sum()))
    colours = ramp(diverging(session.choices.theme), f"pulls to {negative}", f"pulls to {positive}")
    return headline("Cells that carry it", "grey is zero; the cells add up to the score", f"{colours}{shown}")


def _sample_head(session: Session, place: int) -> str:
    """Return a sample's name, group and score."""
    name = _sample_of(session, place)
    if name is None:
        return ""
    model = session.model
    row = session.embedding.index(name)
    group = session.group_of(name)
    colours, marks = session.group_style()
    legend = key(group, colours[group], marks[group]) if group in colours else ""
    return headline(escape(name), legend, f"score <b>{signed(float(model.scores[row]))}</b>")


def _sample_cells(session: Session, place: int) -> object:
    """Return the picture of one sample's contributions; one scale for all samples shown."""
    name = _sample_of(session, place)
    theme, bounds = session.choices.theme, frame_of(session)
    if name is None:
        return values_cloud(np.zeros((0, 2)), np.zeros(0), limit=1.0, bounds=bounds, theme=theme)
    per_cell = cell_contributions(session, name) * len(points_of(session, name))
    return values_cloud(points_of(session, name), per_cell, limit=_limit(session), bounds=bounds, theme=theme)


def _limit(session: Session) -> float:
    """Return the contribution per cell that gets the last colour, the same for all samples shown."""

    def make() -> float:
        shown = [cell_contributions(session, name) for name in shown_samples(session)]
        return float(np.percentile(np.concatenate([np.abs(c) * len(c) for c in shown]), SCALE)) or 1.0

    choices = session.choices
    return session.derived(
        "limit", make, choices.a, choices.b, session.label, choices.positive, choices.part, *view_of(session)
    )


def _question(session: Session) -> list[object]:
    """Return the part of the drawer that asks the question."""
    choices = session.choices
    return [
        section("Question"),
        select(choices, "label", "Separate by"),
        select(choices, "group", "Keep together (patient)"),
        select(choices, "batch", "Batch to compare with"),
    ]


def _drawer(session: Session) -> list[object]:
    """Return the choices of the page and the doubts that belong to its answer."""
    choices, found = session.choices, session.classification
    cost = f"{found.parameters['permutations']} permutations · seed {choices.seed}"
    parts = [*_question(session), remark(cost), section("Show")]
    if len(found.classes) > 2:
        parts.append(select(choices, "positive", "Weights speak for"))
    parts += [
        segments(choices, "part", "Part of the weight"),
        select(choices, "a", "Sample"),
        select(choices, "b", "and sample"),
        *view_controls(session),
        remark(
            "Scores beside the pictures are of the model fitted on all samples, made to be looked at; "
            "the honest ones are in the first picture."
        ),
    ]
    return parts + _doubts(session)


def _doubts(session: Session) -> list[object]:
    """Return the doubts that belong to the answer."""
    doubts = [Problem(*_first_words(text), "") for text in session.classification.warnings]
    if not doubts:
        return []
    notes = html(f'<div style="padding:6px 16px">{problems(doubts, most=8, narrow=True)}</div>')
    return [section("Check before you believe it"), notes]


def _first_words(text: str) -> tuple[str, str]:
    """Split a doubt into what it is about, its words up to the first colon, and the rest."""
    head, found, rest = text.partition(": ")
    return (head, rest[:1].upper() + rest[1:]) if found and len(head) < 40 else ("Doubt", text)
