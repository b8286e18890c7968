"""The Drugs page in a real browser: from patients to organoids in two taps, the answer, and what stands out."""

from __future__ import annotations

import re
from unittest.mock import patch
from urllib.parse import urlencode

import pytest
from application import application, hashes, pictures, wait_until_drawn

from lotviz.app import workspace as workspace_module
from lotviz.app.workspace import DEMOS, Workspace

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

pytestmark = [pytest.mark.filterwarnings("ignore:reference already known"), pytest.mark.usefixtures("watched")]

PATIENCE = 60_000  # ms; the machine may be busy with other things
WINDOW = (1280, 800)
SMALL = {"cells": 200, "markers": 6}
INTERACTING = "demo: organoids, drugs that interact"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of the demonstration with fewer cells."""
    quick = {name: {**options, **SMALL} for name, options in DEMOS.items()}
    with patch.dict(workspace_module.DEMOS, quick):
        root = Workspace(tmp_path_factory.mktemp("root"))
        with application(root, next(iter(DEMOS)), at_once=True) as served:
            yield served


def answer(page):
    return page.locator("header.question p")


def control(page, label):
    return page.get_by_role("combobox", name=label, exact=True)


def test_from_patients_an_interaction_is_two_taps_away(address, page):
    page.goto(address)
    wait_until_drawn(page)
    page.get_by_role("button", name="Drugs", exact=True).click()
    expect(answer(page)).to_contain_text("Not in this cohort: no sample is marked as control, A, B or A+B.")
    page.get_by_role("button", name="Simulated organoids, drugs that interact", exact=True).click()
    expect(answer(page)).to_contain_text(re.compile("additivity|A and B together"))
    expect(answer(page)).to_contain_text(
        re.compile(r"In \d+ simulated studies .* whose drugs add up, .* of 100 \(asked")
    )
    wait_until_drawn(page)
    assert page.get_by_role("alert").count() == 0
    assert len(pictures(page)) == 12
    for title in ("Populations", "Departure by marker", "Every line", "Every line in numbers"):
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    expect(page.get_by_text("synthetic", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile("not an additivity test"))).to_be_visible()


def test_no_head_is_cut_and_every_control_has_its_name(address, page):
    page.set_viewport_size({"width": 1280, "height": 720})
    start = {"page": "Drugs", "cohort": INTERACTING, "theme": "dark"}
    for more in ({"region": "2", "marker": "pERK", "departs": "Regions × markers"}, {}):
        page.goto(f"{address}/?{urlencode(start | more)}")
        wait_until_drawn(page)
        cut = page.locator(".headline h2, .headline.wraps").evaluate_all(
            "(all) => all.filter((each) => each.scrollWidth > each.clientWidth + 1).map((each) => each.textContent)"
        )
        assert cut == []
    names = ("Column of conditions", "Control", "A", "B", "A+B", "Line or patient", "Replicate", "Plate", "Cells of")
    for name in (*names, "Region", "Marker", "Population"):
        expect(control(page, name)).to_have_count(1)
    for name in ("Regions", "Regions × markers", "Median of a marker"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(1)


def test_a_marker_stands_out_in_what_is_drawn_of_it(address, page):
    page.set_viewport_size({"width": 1440, "height": 1500})
    page.goto(f"{address}/?{urlencode({'page': 'Drugs', 'cohort': INTERACTING})}")
    wait_until_drawn(page)
    before = hashes(page)
    control(page, "Marker").click()
    page.get_by_role("listbox").get_by_text("pERK", exact=True).click()
    expect(page.get_by_text("departure of pERK", exact=True)).to_be_visible()
    wait_until_drawn(page)
    assert hashes(page) != before
    expect(page).to_have_url(re.compile("marker=pERK"))
    page.get_by_role("button", name="Regions × markers", exact=True).click()
    expect(page.get_by_role("heading", name="Departure by region and marker", exact=True)).to_be_visible()


def choose(page, label, value):
    control(page, label).click()
    page.get_by_role("listbox").get_by_text(value, exact=True).click()


def test_another_question_gets_another_answer(address, page):
    page.goto(f"{address}/?{urlencode({'cohort': INTERACTING, 'page': 'Drugs'})}")
    wait_until_drawn(page)
    title = page.locator("header.question h1")
    expect(title).to_have_text("Do A and B add up?")
    choose(page, "A", "B")
    expect(answer(page)).to_contain_text("It cannot be asked of these samples.")
    choose(page, "B", "A")
    expect(title).to_have_text("Do B and A add up?")
    wait_until_drawn(page)
    expect(answer(page)).to_contain_text(re.compile("additivity|B and A together"))
