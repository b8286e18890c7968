"""The scores of the Weights page: LOT beside its baselines, what it adds, its errors, whether it can be trusted."""

from __future__ import annotations

from functools import partial
from html import escape

import numpy as np

from lotviz.analysis import curves
from lotviz.analysis.classification import MODEL_NAMES, OURS, Classification
from lotviz.app.choices import BESIDE
from lotviz.app.frame import Page, headline, picture
from lotviz.app.session import Session
from lotviz.views import said, scores
from lotviz.views.style import nothing
from lotviz.views.tables import confusion_table

MOST_CURVES = 5  # classes whose ROC are drawn: as many as there are kinds of dashes
SHAPES = {"ROC": 1.15, "Calibration": 1.15}  # pictures of two shares are nearly square

Row = tuple[str, float, float, float, bool]


def model_names(found: Classification) -> dict[str, str]:
    """Name the models that were measured, in the order of the picture."""
    known = [*([found.batch] if found.batch else []), *found.parameters["adjust"], "cell count"]
    names = {**MODEL_NAMES, "confounds": ", ".join(dict.fromkeys(known)), "lot_steady": "LOT, steadier weights"}
    if found.outcome is not None:
        names["majority"] = "Always the mean"
    return {name: words[:1].upper() + words[1:] for name, words in names.items() if name in found.scores}


def forest_rows(found: Classification) -> list[Row]:
    """Return name, score, interval and whose it is, of every model."""
    figures = {name: found.scores[name].headline for name in model_names(found)}
    names = model_names(found)
    return [(names[name], f.mean, f.low, f.high, name in OURS) for name, f in figures.items()]


def difference_rows(found: Classification) -> list[tuple[str, float, float, float]]:
    """Return by how many points LOT is better than each of the others, with the interval; its own parts are none."""
    rows = []
    for name, words in model_names(found).items():
        if name in found.differences and name not in OURS:
            gain = found.differences[name]
            rows.append((words, 100 * gain.mean, 100 * gain.low, 100 * gain.high))
    return rows


def unit_of(found: Classification) -> str:
    """Say what the scores are."""
    return "share of the variance explained" if found.outcome is not None else "balanced accuracy"


def scores_picture(session: Session, page: Page) -> object:
    """Return the scores of all models, LOT first, the guess last."""
    found, theme = session.classification, session.choices.theme
    rows, unit = forest_rows(found), f"{unit_of(found)} on samples not seen, with 95 % interval"
    drawn = page.plot(lambda: scores.forest(rows, chance=found.chance, theme=theme, unit=unit))
    return picture(_head(found), drawn, _said(said.forest_said(rows, chance=found.chance)))


def _head(found: Classification) -> str:
    """Say how the scores were measured."""
    plan = f"{found.parameters['repeats']} × {found.parameters['folds']}-fold"
    title = "How well is it foretold?" if found.outcome is not None else "How well do the groups separate?"
    return headline(title, escape(f"{plan}; no {found.group or 'sample'} is ever split"))


def beside_picture(session: Session, page: Page) -> object:
    """Return the picture beside the scores: what LOT adds, or the one that is chosen."""
    head = page.html(lambda: _beside_head(session), "beside")
    foot = page.html(lambda: _said(_beside(session)[1]), "beside")
    place = page.shaped(lambda: _beside(session)[0], "beside", shape=1.0)
    filled = {"width": "100%", "height": "100%", "min-height": "0"}
    square = {**place[0].styles, "width": "min(100cqw, calc(100cqh * 1.15))", "aspect-ratio": "1.15"}

    def fit() -> None:
        place[0].styles = square if chosen(session) in SHAPES else filled

    page.effect(fit, "beside")
    return picture(head, place, foot)


def chosen(session: Session) -> str:
    """Name the picture beside the scores; of a number there is only one."""
    return BESIDE[0] if session.classification.outcome is not None else session.choices.beside


def _beside_head(session: Session) -> str:
    """Say what the picture beside the scores is."""
    found, notes = session.classification, {
        "What LOT adds": "full mark: established; hollow: not",
        "Confusion": "samples, mean over the repeats",
        "ROC": "of LOT, on samples not seen",
        "Calibration": "of LOT; the diagonal is honest",
        "Influence": f"LOT without each {session.classification.group or 'sample'}",
    }  # fmt: skip
    which = chosen(session)
    if which == "ROC" and len(found.classes) > MOST_CURVES:
        notes["ROC"] = f"the {MOST_CURVES} hardest of {len(found.classes)} classes"
    return headline(which, escape(notes[which]))


def _beside(session: Session) -> tuple[object, str]:
    """Return the picture beside the scores and its sentence."""
    make = {
        "What LOT adds": _differences,
        "Confusion": _confusion,
        "ROC": _roc,
        "Calibration": _calibration,
        "Influence": _influence,
    }[chosen(session)]
    return make(session)


def _differences(session: Session) -> tuple[object, str]:
    found = session.classification
    rows, unit = difference_rows(found), "points of variance" if found.outcome is not None else "points"
    drawn = scores.differences(rows, theme=session.choices.theme, unit=unit)
    return drawn, said.differences_said(rows, unit=unit)


def _confusion(session: Session) -> tuple[object, str]:
    table = session.classification.confusion()
    counts, classes = table.to_numpy(), list(table.index)
    return confusion_table(classes, counts, theme=session.choices.theme), said.confusion_said(classes, counts)


def _roc(session: Session) -> tuple[object, str]:
    found, theme = session.classification, session.choices.theme
    held, area = found.held_out["lot"], found.scores["lot"].auc
    if len(found.classes) == 2:
        curve = curves.roc(held, found.labels)
        rows = [(found.classes[1], curve.false_positive, curve.true_positive, (area.mean, area.low, area.high))]
    else:
        all_ = {name: curves.roc(held, found.labels, positive=i) for i, name in enumerate(found.classes)}
        hardest = sorted(all_.items(), key=lambda pair: pair[1].area)[:MOST_CURVES]
        rows = [(name, c.false_positive, c.true_positive, (c.area, c.area, c.area)) for name, c in hardest]
    colours, _marks = session.group_style()
    shades = [colours.get(name, "#777777") for name, *_ in rows]
    return scores.roc(rows, shades, theme=theme), said.roc_said(rows)


def _calibration(session: Session) -> tuple[object, str]:
    found, theme = session.classification, session.choices.theme
    held, place = found.held_out["lot"], len(found.classes) - 1
    if held.probabilities is None:
        words = "This estimator gives no probabilities, so there is nothing to calibrate."
        return nothing(words, theme), words
    bins = curves.calibration(held, found.labels, positive=place) or ()
    predicted = np.array([one.predicted for one in bins])
    intervals = np.array([(one.observed.low, one.observed.high) for one in bins]).reshape(-1, 2)
    drawn = scores.calibration(
        predicted,
        np.array([one.observed.mean for one in bins]),
        intervals,
        counts=np.array([one.samples for one in bins]),
        positive=found.classes[place],
        theme=theme,
    )
    return drawn, said.calibration_said(predicted, intervals)


def _influence(session: Session) -> tuple[object, str]:
    found = session.classification
    tried, unit = found.robustness, f"balanced accuracy without this {found.group or 'sample'}"
    known = np.isfinite(tried.without)
    names = [name for name, there in zip(tried.groups, known, strict=True) if there]
    draw = partial(scores.influence, names, tried.without[known], whole=tried.with_all)
    return draw(theme=session.choices.theme, unit=unit), said.influence_said(
        names, tried.without[known], whole=tried.with_all
    )


def _said(text: str) -> str:
    """Return the sentence of a picture."""
    return f'<div class="said">{escape(text)}</div>'
