"""Weights: does anything separate the groups? The score beside its baselines first, then what carries it."""

from __future__ import annotations

import threading
from functools import partial
from html import escape

from lotviz.analysis.classification import MODEL_NAMES, Classification
from lotviz.analysis.drawn_model import fit_question
from lotviz.analysis.model import LinearModel
from lotviz.analysis.verdict import Verdict, verdict
from lotviz.app.frame import Page, button, grid, html, question
from lotviz.app.jobs import Progress
from lotviz.app.offers import offer_regions
from lotviz.app.pages.weights_cells import cell_contributions, cells_picture, shown_samples
from lotviz.app.pages.weights_drawer import doubts, drawer, question_controls, why_hidden
from lotviz.app.pages.weights_maps import markers_picture, regions_picture
from lotviz.app.pages.weights_newcomer import newcomer_picture, possible
from lotviz.app.pages.weights_region import region_picture
from lotviz.app.pages.weights_sample import sample_picture
from lotviz.app.pages.weights_scores import beside_picture, scores_picture
from lotviz.app.session import Session
from lotviz.views.style import signed

__all__ = ["cell_contributions", "shown_samples", "weights"]

TITLE = "Does anything separate the groups?"
TITLE_OF_NUMBERS = "Does anything foretell it?"
AT_ONCE = 400_000  # cells; the weights of more are fitted beside the page


def weights(session: Session) -> Page:
    """Lay out the Weights page."""
    if session.label is None:
        answer = "No column of the cohort names two or more groups. Add one to the sample sheet."
        return Page(head=html(question(TITLE, answer)))
    if session.classification is None:
        return _unmeasured(session)
    page = Page()
    page.head = page.html(lambda: question(_title(session), _answer(session)))
    scores = [
        (scores_picture(session, page), "1 / span 7", "1"),
        (beside_picture(session, page), "8 / span 5", "1"),
    ]
    hidden = not (verdict(session.classification).show_weights or session.choices.insist)
    if hidden or not _fitted(session):
        page.body = grid(*scores, rows="minmax(230px, 340px)")
        page.drawer = [*question_controls(session), *doubts(session), *(why_hidden(session) if hidden else [])]
        return page
    session.fit_choices(partial(offer_regions, session))
    rows = [
        (regions_picture(session, page), "1 / span 7", "2"),
        (markers_picture(session, page), "8 / span 5", "2"),
        (cells_picture(session, page), "1 / span 12", "3"),
        (region_picture(session, page), "1 / span 12", "4"),
        (sample_picture(session, page), "1 / span 12", "5"),
    ]
    below = ""
    if session.choices.other and possible(session):
        below = " minmax(300px, auto)"
        rows.append((newcomer_picture(session, page), "1 / span 12", "6"))
    page.body = grid(
        *scores,
        *rows,
        rows="minmax(286px, 1fr) minmax(286px, 1fr) minmax(226px, 1fr) auto minmax(236px, auto)" + below,
        gap="18px 28px",
    )
    page.drawer = drawer(session, page)
    return page


def _unmeasured(session: Session) -> Page:
    """Return the page before the groups have been separated."""
    label = escape(str(session.label))
    answer = f"Not measured yet. The groups of <b>{label}</b> will be named on samples the method has not seen."
    if session.continuous:
        answer = f"Not measured yet. <b>{label}</b> will be foretold of samples the method has not seen."
    if session.job is not None:
        answer = f"<b>{label}</b> is being separated; this page follows."
    go = button("Foretell it" if session.continuous else "Separate the groups", session.separate, filled=True)
    return Page(head=html(question(_title(session), answer)), drawer=[*question_controls(session), go])


def _fitted(session: Session) -> bool:
    """Whether the model is there: of few cells it is made at once, of many beside the page."""
    embedding, asked = session.embedding, session.asked
    if embedding.n_cells_used.sum() <= AT_ONCE:
        return session.model is not None
    options = {"estimator": session.choices.estimator, "abundance": session.choices.abundance}

    def work(_progress: Progress, _cancel: threading.Event) -> LinearModel:
        return fit_question(embedding, asked, **options)

    place = ("model", session.comparison, *session.asking)
    found = session.aside.get("weights", place, "Fitting the weights", work)
    return found is not None and session.derived("model", lambda: found, *session.asking) is not None


# ---- the answer --------------------------------------------------------------------------------------------------


def _title(session: Session) -> str:
    """Return the question of the page."""
    return TITLE_OF_NUMBERS if session.continuous else TITLE


def _answer(session: Session) -> str:
    """Say the verdict, the number that carries it, and then the doubt."""
    found = session.classification
    judged: Verdict = verdict(found)
    lot = judged.accuracy
    chance = f" Chance alone: p = {found.permutation_p:.3f}." if found.permutation_p is not None else ""
    until = "–" if lot.low >= 0 else " to "
    between = f"({100 * lot.low:.0f}".replace("-", "−") + f"{until}{100 * lot.high:.0f} %"
    right = (
        f"On samples it had not seen, LOT names the right group {100 * lot.mean:.0f} % of the time "
        f"{between}, classes weighted alike)."
    )
    if judged.continuous:
        label, mean = escape(found.label), f"{100 * lot.mean:.0f}".replace("-", "−")
        right = f"Of samples it had not seen, LOT explains {mean} % of the variance of {label} {between})."
    return f"{_VERDICTS[judged.kind]} {right} {_gain(found)}{chance}"


_VERDICTS = {
    "yes": "<b>Yes.</b>",
    "moderately": "<b>Yes, moderately.</b>",
    "no": "<b>No: not better than chance.</b>",
    "confounded": "<b>Yes, but batch or cell count do it as well.</b>",
    "too_few": "<b>Too few to say.</b>",
}


def _gain(found: Classification) -> str:
    """Compare LOT with the best baseline, as loudly when nothing is gained as when much is."""
    gain = found.difference
    points = f"{signed(100 * gain.low, 0)} to {signed(100 * gain.high, 0)}"
    against, do = _baseline(found)
    if max(abs(gain.low), abs(gain.high)) < 0.005:
        return f"<b>{against.capitalize()} {do} exactly as well.</b>"
    if gain.low > 0:
        return f"That is {100 * gain.mean:.0f} points better than {against} ({points})."
    if gain.high < 0:
        return f"<b>{against.capitalize()} {do} better</b>, by {-100 * gain.mean:.0f} points ({points})."
    told = f"{signed(100 * gain.mean, 0)} points against {against}"
    what = "gain" if gain.mean > 0 else "difference"
    return f"That is {told}, <b>a {what} that is not established</b> ({points})."


def _baseline(found: Classification) -> tuple[str, str]:
    """Name the best other model in the middle of a sentence, with the verb that goes with it."""
    named = {
        "marker_means": ("means of markers", "do"),
        "confounds": ("batch, covariates and cell count", "do"),
        "majority": ("guessing", "does"),
    }
    return named.get(found.baseline, (MODEL_NAMES[found.baseline].lower(), "do"))
