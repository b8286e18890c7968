"""The Weights page in a real browser: taps, lines drawn round cells, regions by keyboard, groups, another patient."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest
from application import _FIGURES, application, hashes, wait_until_drawn

from lotviz.analysis.classify import classify
from lotviz.app import workspace as workspace_module
from lotviz.app.workspace import Workspace
from lotviz.data import simulate, write_cohort

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

pytestmark = [pytest.mark.filterwarnings("ignore:reference already known"), pytest.mark.usefixtures("watched")]

PATIENCE = 20_000  # ms; the machine may be busy with other things
WINDOW = (1440, 1700)
THERE = {"page": "Weights", "insist": "true"}
QUICK = {"permutations": 9, "repeats": 1, "folds": 3, "points": 16}

# Where the frames of the figures are on the screen, and of the one that can be tapped, its cells.
_FRAMES = f"""() => ({_FIGURES})().filter((figure) => figure.el.getBoundingClientRect().width > 0).map((figure) => {{
  const {{x, y}} = figure.canvas_view.el.getBoundingClientRect();
  const {{left, top, width, height}} = figure.frame.bbox;
  const tools = figure.model.toolbar.tools.map((tool) => tool.type);
  return {{x: x + left, y: y + top, width, height, tools}};
}})"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of the app on a few simulated patients, beside others that the model has not seen."""
    root = tmp_path_factory.mktemp("root")
    write_cohort(simulate("patients", samples=16, cells=250, markers=6, seed=1), root / "study", format="parquet")
    write_cohort(simulate("patients", samples=4, cells=250, markers=6, seed=8), root / "new", format="parquet")
    quick = patch.object(workspace_module, "classify", partial(classify, **QUICK))
    with quick, application(Workspace(root), "study", at_once=True) as served:
        yield served


def frames(page, tool):
    """Return the frames of the figures that have a tool, from left to right."""
    found = [frame for frame in page.evaluate(_FRAMES) if tool in frame["tools"]]
    return sorted(found, key=lambda frame: (frame["y"] // 40, frame["x"]))


def control(page, label):
    return page.get_by_role("combobox", name=label, exact=True)


def choose(page, label, value):
    control(page, label).click()
    page.get_by_role("listbox").get_by_text(value, exact=True).click()
    expect(control(page, label)).to_have_text(value)
    wait_until_drawn(page)


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()
    wait_until_drawn(page)


def go_round(page, frame, inset=0.02):
    """Draw a line along the frame of a figure, a little inside."""
    x0, x1 = frame["x"] + inset * frame["width"], frame["x"] + (1 - inset) * frame["width"]
    y0, y1 = frame["y"] + inset * frame["height"], frame["y"] + (1 - inset) * frame["height"]
    page.mouse.move(x0, y0)
    page.mouse.down()
    for x, y in ((x1, y0), (x1, y1), (x0, y1), (x0, y0)):
        page.mouse.move(x, y, steps=6)
    page.mouse.up()


def carried(page):
    return page.get_by_text(re.compile(r"cells \([\d.]+ %\) are chosen; they carry"))


def test_the_page_answers_says_its_doubts_and_how_steady_the_weights_are(visit, page):
    visit()
    for title in ("How well do the groups separate?", "What LOT adds", "Regions × markers", "Cells that carry it"):
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile("For one sample: P"))).to_be_visible()
    expect(page.get_by_text("pale: its sign may turn")).to_be_visible()
    expect(page.get_by_text(re.compile("keep their sign in 90 % of refits"))).to_be_visible()
    assert page.get_by_role("alert").count() == 0


def test_a_region_is_tapped_and_its_cells_and_markers_are_shown(visit, page):
    visit()
    (table,) = frames(page, "TapTool")
    before = hashes(page)
    page.mouse.click(table["x"] + table["width"] / 2, table["y"] + 1.5 * table["height"] / 8)
    expect(page).to_have_url(re.compile("region=2"))
    wait_until_drawn(page)
    expect(page.get_by_role("heading", name=re.compile("^Markers of "))).to_be_visible()
    expect(page.get_by_text(re.compile("^What the cells of .* add: P"))).to_be_visible()
    assert len(hashes(page)) == len(before) + 6
    (table,) = frames(page, "TapTool")
    page.mouse.click(table["x"] + table["width"] / 2, table["y"] + 1.5 * table["height"] / 8)
    expect(page).to_have_url(re.compile("region=none"))
    expect(page.get_by_role("heading", name=re.compile("^Markers of "))).to_be_hidden()


def test_a_region_is_chosen_by_keyboard_and_named(visit, page):
    visit()
    control(page, "Region").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("listbox")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("region=1"))
    wait_until_drawn(page)
    field = page.get_by_role("textbox", name="Name of this region")
    field.fill("the <first> ones")
    field.press("Enter")
    expect(page.get_by_role("heading", name="Markers of the <first> ones", exact=True)).to_be_visible()
    expect(control(page, "Region")).to_have_text("the <first> ones")
    wait_until_drawn(page)
    page.reload()
    wait_until_drawn(page)
    expect(page.get_by_role("heading", name="Markers of the <first> ones", exact=True)).to_be_visible()


def test_cells_a_line_goes_round_say_how_much_of_the_score_they_carry(visit, page):
    visit()
    clouds = frames(page, "LassoSelectTool")
    assert len(clouds) == 4
    before = hashes(page)
    go_round(page, clouds[1])
    expect(carried(page)).to_be_visible()
    words = carried(page).inner_text()
    pull, score = re.search(r"carry ([+−][\d.]+) of the score of ([+−][\d.]+)", words).groups()
    assert pull == score, words  # the line went round all cells, or nearly all
    wait_until_drawn(page)
    assert hashes(page) != before
    page.get_by_role("button", name="Forget the chosen cells").click()
    expect(carried(page)).to_be_hidden()
    wait_until_drawn(page)
    assert len(frames(page, "LassoSelectTool")) == 4


def test_two_groups_side_by_side_on_two_markers(visit, page):
    visit()
    press(page, "Groups")
    expect(page).to_have_url(re.compile("cells=Groups"))
    clouds = frames(page, "LassoSelectTool")
    assert len(clouds) == 2
    expect(page.get_by_text("4,000 of 4,000 cells", exact=True)).to_be_visible()
    press(page, "Two markers")
    expect(control(page, "Marker upwards")).to_be_visible()
    go_round(page, frames(page, "LassoSelectTool")[1])
    expect(page.get_by_text(re.compile(r"^In 8 samples, on average of them: "))).to_be_visible()
    wait_until_drawn(page)


@pytest.mark.parametrize("name", ["Confusion", "ROC", "Calibration", "Influence"])
def test_more_about_the_scores(visit, page, name):
    visit()
    before = hashes(page)
    choose(page, "Beside the scores", name)
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    assert hashes(page) != before


def test_the_question_is_changed_and_measured_again(visit, page):
    visit()
    page.get_by_role("button", name="How it is measured").click()
    choose(page, "Estimator", "lda")  # a demonstration goes on by itself
    expect(page.get_by_role("heading", name="How well do the groups separate?")).to_be_visible()
    wait_until_drawn(page)
    expect(page).to_have_url(re.compile("estimator=lda"))
    assert page.get_by_role("alert").count() == 0


def test_another_patient_is_shown_to_the_model_and_the_model_is_saved(visit, page):
    visit()
    choose(page, "Cohort of new samples", "new")
    expect(page.get_by_role("heading", name="Samples of new", exact=True)).to_be_visible()
    expect(page.get_by_role("cell", name=re.compile("^(yes|NO): ")).first).to_be_visible()
    wait_until_drawn(page)
    choose(page, "New sample shown", "P3")
    expect(page).to_have_url(re.compile("newcomer=P3"))
    with page.expect_download() as waiting:
        page.get_by_text("Save the model").click()
    assert waiting.value.suggested_filename.endswith(".lotmodel")
    assert Path(waiting.value.path()).read_bytes()[:2] == b"PK"
