"""Drugs: do A and B add up? What additivity predicts beside what was seen, and where the two part."""

from __future__ import annotations

from functools import partial
from html import escape

from lotviz.analysis.drug_views import drug_verdict, not_excluded, smallest_found
from lotviz.app.frame import Page, grid, html, problems, question
from lotviz.app.pages.drugs_cells import condition_pictures, departure_pictures
from lotviz.app.pages.drugs_drawer import again, drawer, study_controls, ways_on
from lotviz.app.pages.drugs_numbers import (
    departures_picture,
    lines_pictures,
    readout_picture,
    shares_picture,
    unit_of,
)
from lotviz.app.pages.drugs_offers import VALUES, offer_found, offer_study
from lotviz.app.pages.drugs_study import DrugStudy, answered, complete, place, region_words, study
from lotviz.app.session import Session
from lotviz.views.said_of_drugs import Place, missed_said, verdict_said

TITLE = "Do A and B add up?"
ABSENT = "Not in this cohort: no sample is marked as control, A, B or A+B."
WORDS = {"control": "control", "drug_a": "A", "drug_b": "B", "drug_both": "A+B"}
# How often p was at most 0.05 although the drugs add up, by what is counted and whether whole clouds were coupled: how
# the studies were made, in how many of 100, and beside it. From assets/benchmark/interaction.json; a test compares.
STUDIES = 200
WRONG_OF_100 = {
    ("line", False): ("8 lines of 3 replicates", "3.5", "3.5 with strong plate effects"),
    ("line", True): ("8 lines of 3 replicates, coupled as whole clouds,", "10.5", "9.5 with strong plate effects"),
    ("replicate", False): ("one line of 6 replicates", "3", ""),
    ("replicate", True): ("one line of 6 replicates, coupled as whole clouds,", "5.5", ""),
}


def drugs(session: Session) -> Page:
    """Lay out the Drugs page."""
    session.fit_choices(partial(offer_study, session))
    if session.choices.chosen("condition") is None:
        words = f"{ABSENT} Choose the column that says so on the right, or look at simulated organoids."
        return _without(words, session)
    if not complete(session):
        missing = " and ".join(WORDS[name] for name in VALUES if session.choices.chosen(name) is None)
        words = f"Choose on the right which values of <b>{escape(session.choices.condition)}</b> are {missing}."
        return _without(words, session)
    one = study(session)
    if one is None:
        return _unanswered(session)
    if one.found is None:
        return _refused(session, one)
    return _answered(session)


def _title(session: Session) -> str:
    """Return the question with the names of the drugs."""
    if not complete(session):
        return TITLE
    return f"Do {session.choices.drug_a} and {session.choices.drug_b} add up?"


def _without(words: str, session: Session) -> Page:
    """Return the page of a cohort in which no drug study is known."""
    return Page(head=html(question(TITLE, words)), drawer=[*study_controls(session), *ways_on(session)])


def _unanswered(session: Session) -> Page:
    """Return the page while it is being asked, or after it was stopped."""
    if session.aside.stopped(place(session)):
        words, more = "Stopped before there was an answer.", again(session)
    else:
        words, more = f"{_conditions(session)} It is being asked; the answer follows.", []
    return Page(head=html(question(_title(session), words)), drawer=[*study_controls(session), *more])


def _conditions(session: Session) -> str:
    """Say which samples are compared."""
    texts = session.texts(session.choices.condition)
    counts = [(getattr(session.choices, name), WORDS[name]) for name in VALUES]
    words = [f"{int((texts == value).sum())} × {escape(value)}" for value, _word in counts]
    return f"{', '.join(words[:3])} and {words[3]}."


def _refused(session: Session, one: DrugStudy) -> Page:
    """Return the page of a study that cannot be asked, with why."""
    body = html(f'<div role="alert" style="padding:2px 24px">{problems(one.refusal, narrow=True)}</div>')
    head = html(question(_title(session), "<b>It cannot be asked of these samples.</b>"))
    return Page(head=head, body=body, drawer=[*study_controls(session), *ways_on(session)])


def _answered(session: Session) -> Page:
    """Return the page with its answer."""
    session.fit_choices(partial(offer_found, session, answered(session).found.study.lines))
    page = Page()
    page.head = page.html(lambda: question(_title(session), _answer(session)), "names")
    rows = [
        (condition_pictures(session, page), "1 / span 12", "1"),
        (shares_picture(session, page), "1 / span 5", "2"),
        (departures_picture(session, page), "6 / span 7", "2"),
        (departure_pictures(session, page), "1 / span 7", "3"),
        (readout_picture(session, page), "8 / span 5", "3"),
    ]
    lines, table = lines_pictures(session, page)
    rows += [(lines, "1 / span 7", "4"), (table, "8 / span 5", "4")]
    # Clouds are as high as their width allows, the charts take the rest.
    tracks = "minmax(250px, 14vw) minmax(320px, 1.2fr) minmax(350px, 18vw) minmax(250px, auto)"
    page.body = grid(*rows, rows=tracks, gap="18px 28px")
    page.drawer = drawer(session)
    return page


def _answer(session: Session) -> str:
    """Say the verdict, the number that carries it, then the doubt."""
    found, unit = answered(session).found, unit_of(session)
    kind, row = drug_verdict(found), found.table.iloc[0]
    where = f"{session.word(str(row['marker']))} of {region_words(session, str(row['region']))}"
    figures = (float(row[name]) for name in ("excess", "low", "high", "adjusted_p"))
    place = Place(where, *figures, words=str(row["words"]), of=len(found.table))
    said = [verdict_said(found, kind, place)]
    if kind in ("yes", "too few"):
        said.append(escape(missed_said(smallest_found(found), not_excluded(found), unit=unit)))
    else:
        said.append(f"D below 0: lower under {escape(found.both)} than predicted ({escape(unit)}).")
    said.append(errs_said(found.unit, says_no=kind == "no", whole_clouds=not found.maps.names))
    confounded = [text for text in found.warnings if "plate" in text]
    said += [f"<b>{escape(text)}</b>" for text in confounded[:1]]
    return " ".join(said).replace("p = ", "p\u00a0=\u00a0").replace("D = ", "D\u00a0=\u00a0")


def errs_said(unit: str, *, says_no: bool, whole_clouds: bool) -> str:
    """Say how often the answer as a whole is wrong where drugs add up, as it was simulated.

    Parameters
    ----------
    unit
        What is counted, "line" or "replicate".
    says_no
        Whether the answer is that they do not add up.
    whole_clouds
        Whether whole clouds were coupled, as where a cohort names no populations.
    """
    design, wrong, besides = WRONG_OF_100[unit, whole_clouds]
    answer = "an answer like this was wrong" if says_no else "the answer was “no” all the same"
    more = f"; {besides}" if besides else ""
    return (
        f"In {STUDIES} simulated studies of {design} whose drugs add up, {answer} in {wrong} of 100 (asked: 5{more})."
    )
