"""The Patients page in a real browser: other maps, clusters, biclusters, cells along an axis, averages, a newcomer."""

from __future__ import annotations

import re

import pytest
from application import application, hashes, wait_until_drawn

from lotviz.app.workspace import Workspace
from lotviz.data import simulate, write_cohort

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

pytestmark = [pytest.mark.filterwarnings("ignore:reference already known"), pytest.mark.usefixtures("watched")]

PATIENCE = 20_000  # ms; the machine may be busy with other things
WINDOW = (1440, 1400)
THERE = {"page": "Patients", "points": "16"}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of the app on a few simulated patients, beside others that are new to them."""
    root = tmp_path_factory.mktemp("root")
    study = simulate("patients", samples=12, cells=200, markers=6, effect=2.0, seed=1)
    write_cohort(study, root / "study", format="parquet")
    write_cohort(simulate("patients", samples=2, cells=200, markers=6, seed=8), root / "new", format="parquet")
    with application(Workspace(root), "study", at_once=True) as served:
        yield served


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()
    wait_until_drawn(page)


def test_the_map_is_made_in_three_ways_and_says_how_far_it_can_be_believed(visit, page):
    visit()
    expect(page.get_by_text(re.compile("The two axes hold .* of the variance"))).to_be_visible()
    expect(page.get_by_text(re.compile("Drawn again 100 times"))).to_be_visible()
    before = hashes(page)
    press(page, "MDS")
    expect(page).to_have_url(re.compile("placing=MDS"))
    expect(page.get_by_text(re.compile("Distances are .* off"))).to_be_visible()
    assert hashes(page)[0] != before[0]
    press(page, "t-SNE")
    expect(page.get_by_text(re.compile("far means nothing"))).to_be_visible()
    assert page.get_by_role("alert").count() == 0


def test_an_axis_is_moved_along_and_biclusters_stand_beside_the_map(visit, page):
    visit(below_map="Along an axis", beside_map="Biclusters")
    expect(page.get_by_role("heading", name="Synthetic cells along axis 1", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile("blocks hold .* of the differences between samples"))).to_be_visible()
    expect(page.get_by_text(re.compile("^One standard deviation up axis 1"))).to_be_visible()
    before = hashes(page)
    press(page, "2")
    expect(page.get_by_role("heading", name="Synthetic cells along axis 2", exact=True)).to_be_visible()
    assert len(hashes(page)) == len(before) == 6
    assert hashes(page) != before
    press(page, "First of the pair")
    expect(page.get_by_text("measured", exact=True)).to_be_visible()
    assert page.get_by_role("alert").count() == 0


def test_average_patients_are_compared_and_bounded_and_a_newcomer_is_placed(visit, page):
    visit(below_map="Group averages", other="new")
    expect(page.get_by_role("heading", name="Synthetic cells of two average patients", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile("differences? stands? with all looked at"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"above the best possible one \(15 of 15 pairs exact\)")).first).to_be_visible()
    expect(page.get_by_text(re.compile("^P[12] is nearest to"))).to_be_visible()
    assert page.get_by_role("alert").count() == 0
