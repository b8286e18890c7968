from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import holoviews as hv
import panel as pn
import pytest

from lotviz.app import pages, shell
from lotviz.app.aside import NEWS
from lotviz.app.choices import MARKERS, PAGES, PARTS
from lotviz.app.failures import Failure, attempt
from lotviz.app.frame import badge, headline, key, keys, problems, question, ramp
from lotviz.app.pages.cohort import _table
from lotviz.app.pages.morph import CONTRIBUTION
from lotviz.data import Problem
from lotviz.views.theme import graded
from tests.app.cohorts import COHORTS, HOSTILE, MARKUP

SAFE = {
    "b", "br", "code", "details", "div", "h1", "h2", "header", "i", "li", "p", "pre", "span", "summary", "table",
    "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
WHERE_NAMES_LEAD = {"href", "src", "srcset", "action", "formaction", "xlink:href"}


class Markup(HTMLParser):
    """What a browser would make of a piece of HTML: its elements, their attributes and the text it shows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        self.text += " ".join(f"{value} " for name, value in attributes if name == "title")

    def handle_data(self, data):
        self.text += data


def checked(text: str) -> str:
    """Return what a piece of HTML shows, sure that it holds none but our own elements."""
    found = Markup(text)
    assert found.tags <= SAFE, text
    assert not {name for name in found.attributes if name.startswith("on") or name in WHERE_NAMES_LEAD}, text
    return found.text


def pieces(part: Any) -> Iterator[Any]:
    """Return every object of a layout."""
    yield part
    for inner in getattr(part, "objects", None) or ():
        yield from pieces(inner)


def fill(session, name: str) -> tuple[Any, str]:
    """Lay out a page, compute all that is live in it, and return it with the text it shows."""
    session.choices.page = name
    page = pages.page(session)
    for live in page.live:
        outcome = attempt(live.compute)
        assert outcome.failure is None, f"{name}\n{outcome.failure.details or outcome.failure.problems}"
        if live.pane is not None:
            live.pane.object = outcome.answer
    everything = [piece for part in (page.head, page.body, *page.drawer) if part is not None for piece in pieces(part)]
    return page, " ".join(checked(str(piece.object)) for piece in everything if isinstance(piece, pn.pane.HTML))


def pictures(page) -> list[hv.core.Dimensioned]:
    return [live.pane.object for live in page.live if isinstance(live.pane, pn.pane.HoloViews)]


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("cohort", COHORTS)
def test_every_page_of_every_cohort_is_computed(session_on, cohort, name):
    page, text = fill(session_on(cohort, insist=True), name)
    assert page.head is not None
    assert pages.title(session_on(cohort, page=name)).split()[0] in text


@pytest.mark.parametrize("name", [name for name in PAGES if name != "Drugs"])  # patients have none there
def test_every_picture_can_be_drawn(session_on, name):
    page, _text = fill(session_on("patients", insist=True), name)
    assert pictures(page) or name == "Morph"  # whose pictures the browser draws
    for picture in pictures(page):
        hv.render(picture)


def test_the_markers_of_samples_with_a_number_are_drawn_by_thirds_of_it(session_on):
    page, text = fill(session_on("measured label", batch="none", insist=True), "Cohort")
    assert "Markers by label" in text
    assert all(name in text for name in ["0.125 to 1", "2 to 8", "16 to 256"])
    low_to_high = graded("light")
    expected = [low_to_high[i] for i in (0, (len(low_to_high) - 1) // 2, -1)]
    tiles = [picture for picture in pictures(page) if all(isinstance(one, hv.Curve) for one in picture)]
    assert len(tiles) >= 5
    for tile in tiles:
        assert [curve.opts.get("style").kwargs["color"] for curve in tile] == expected


@pytest.mark.parametrize("name", ["Transport", "Weights"])
def test_pictures_with_hostile_names_can_be_drawn(session_on, name):
    page, _text = fill(session_on("hostile names", insist=True, theme="dark"), name)
    for picture in pictures(page):
        hv.render(picture)


@pytest.mark.parametrize("name", PAGES)
def test_the_dark_theme_is_computed_too(session_on, name):
    fill(session_on("patients", theme="dark", insist=True), name)


@pytest.mark.parametrize("name", ["Patients", "Transport", "Morph"])
@pytest.mark.parametrize("cohort", ["patients", "two markers"])
def test_cells_can_be_seen_on_two_markers(session_on, cohort, name):
    fill(session_on(cohort, axes=MARKERS, insist=True), name)


@pytest.mark.parametrize("name", ["Patients", "Weights"])
@pytest.mark.parametrize("part", list(PARTS)[1:])
def test_every_part_of_a_difference_can_be_shown(session_on, name, part):
    fill(session_on("patients", part=part, insist=True), name)


@pytest.mark.parametrize("name", PAGES[1:])
def test_a_sample_can_be_compared_with_itself(session_on, name):
    fill(session_on("patients", a="P4", b="P4", insist=True), name)


@pytest.mark.parametrize("t", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("shade", ["Number of cells", CONTRIBUTION])
def test_the_morph_is_computed_at_its_ends_and_between(session_on, t, shade):
    _page, text = fill(session_on("patients", t=t, shade=shade), "Morph")
    assert ("itself" in text) == (t in (0.0, 1.0))


@pytest.mark.parametrize("column", ["label", "batch", "patient", "age"])
def test_the_map_can_be_coloured_by_any_column(session_on, column):
    page, _text = fill(session_on("twelve classes", colour=column), "Patients")
    hv.render(pictures(page)[0])


@pytest.mark.parametrize("name", [name for name in PAGES if name != "Drugs"])  # it names nothing without drugs
def test_names_are_shown_as_they_are_and_never_as_markup(session_on, name):
    session = session_on("hostile names", insist=True)
    _page, text = fill(session, name)
    shown = {"Cohort": session.cohort.samples.index[-1], "Morph": session.choices.a, "Transport": session.choices.b}
    assert shown.get(name, session.choices.a) in text


def test_the_frame_round_the_pages_shows_names_as_they_are(session_on):
    session = session_on("hostile names")
    summary = checked(shell._summary(session))
    assert session.cohort.name in summary
    assert all(group in summary for group in session.groups())
    checked(shell._strip(session))


@pytest.mark.parametrize("cohort", COHORTS)
def test_the_frame_knows_every_cohort(session_on, cohort):
    session = session_on(cohort)
    assert f"{len(session.cohort.samples)}" in checked(shell._summary(session))
    assert "Research use only" in checked(shell._strip(session))


@pytest.mark.parametrize("name", HOSTILE)
def test_the_pieces_of_a_page_show_names_as_they_are(name):
    problem = Problem(f"sample {name}", f"Expected {name}.", f"Write {name}.")
    found = [question(name, ""), badge(name), key(name, "#000000"), keys({name: "#000000"}), problems([problem])]
    found += [ramp(["#000000", "#ffffff"], name, name), headline("ours", badge(name))]
    assert all(name in checked(piece) for piece in found)


def test_a_failure_is_shown_with_its_problems_and_its_details_behind_a_word():
    shown = shell._alert(Failure((Problem(MARKUP, MARKUP, MARKUP),), details=f"Traceback {MARKUP}"))
    assert checked(shown).count(MARKUP) == 4
    assert "<details>" in shown
    assert shell._alert(None) == ""


def test_of_many_problems_the_rest_is_counted():
    many = [Problem(f"row {i}", "Expected a, found b.", "Write a.") for i in range(20)]
    assert "and 14 more" in checked(problems(many))


def test_of_a_problem_of_many_samples_the_names_are_folded():
    names = ", ".join(f"P{i:03d} (7)" for i in range(594))
    shown = problems([Problem("study", f"594 of 634 samples have few cells: {names}.", "Look at them.")])
    first, _, rest = shown.partition("<details>")
    assert len(first) < 500
    assert "P000 (7)" in first
    assert checked(shown).endswith("P593 (7). Look at them.")
    assert "P593 (7)" in rest
    assert "<details>" not in problems([Problem("study", "2 of 9 samples have few cells: P1, P2.", "Look.")])


def test_a_row_of_the_table_says_briefly_what_many_samples_share(session_on):
    session = session_on("patients")
    samples = tuple(map(str, session.cohort.samples.index[:2]))
    names = ", ".join(f"Q{i}" for i in range(300))
    session.problems = (Problem("study", f"300 samples have few cells: {names}.", "Look.", samples=samples),)
    table = _table(session)
    assert table.count("300 samples have few cells") == 2
    assert "Q7" not in table


def test_a_column_that_repeats_the_names_of_the_samples_is_not_shown(session_on):
    session = session_on("patients", group="patient")
    samples, whole = session.cohort.samples, session.cohort
    session.cohort = replace(whole, samples=samples.assign(patient=samples.index.astype(str)))
    assert "<th>patient</th>" not in _table(session)
    session.cohort = replace(whole, samples=samples.assign(patient=[f"of {name}" for name in samples.index]))
    assert "<th>patient</th>" in _table(session)


# ---- what is missing


def test_before_the_samples_are_compared_every_page_offers_it(session_on):
    session = session_on("patients", points=77)
    for name in PAGES[1:]:
        _page, text = fill(session, name)
        assert "have not been compared yet" in text


def test_before_the_groups_are_separated_the_page_says_how_they_will_be(session_on):
    _page, text = fill(session_on("patients", group="none"), "Weights")
    assert "Not measured yet" in text


def test_without_groups_there_are_no_weights_to_show(session_on):
    page, text = fill(session_on("no metadata"), "Weights")
    assert "No column of the cohort names two or more groups" in text
    assert pictures(page) == []


def test_weights_that_would_explain_noise_are_hidden_until_asked_for(session_on):
    session = session_on("twelve classes")
    hidden, text = fill(session, "Weights")
    assert "they would explain noise" in text
    assert len(pictures(hidden)) == 2
    session.choices.insist = True
    shown, text = fill(session, "Weights")
    assert "they would explain noise" not in text
    assert len(pictures(shown)) > 3


def test_a_cohort_without_problems_is_ready(session_on):
    _page, text = fill(session_on("enough patients"), "Cohort")
    assert "Yes." in text
    assert "No problem was found" in text


def test_problems_are_shown_before_anything_is_computed(session_on):
    _page, text = fill(session_on("label with gaps"), "Cohort")
    assert "Almost." in text
    assert "2 samples have no label: P3, P6." in text


def test_what_changes_is_read_from_the_pair(session_on):
    session = session_on("patients")
    a, b = session.choices.a, session.choices.b
    _page, forth = fill(session, "Transport")
    session.choices.param.update(a=b, b=a)
    _page, back = fill(session, "Transport")
    assert f"What changes from {a} to {b}?" in forth
    assert f"What changes from {b} to {a}?" in back


def test_no_pane_depends_on_a_choice_that_does_not_exist(session_on):
    for name in PAGES:
        session = session_on("patients", page=name, insist=True)
        for live in pages.page(session).live:
            assert set(live.depends) <= {*session.choices.param, *NEWS}
