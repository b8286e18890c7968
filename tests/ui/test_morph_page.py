"""The Morph page in a real browser: every way to morph, by hand and by keyboard, and the file that is taken away."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import pytest
from application import application, wait_until_drawn

from lotviz.analysis.classify import classify
from lotviz.app import workspace as workspace_module
from lotviz.app.workspace import Workspace
from lotviz.data import simulate, write_cohort

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

pytestmark = pytest.mark.usefixtures("watched")

PATIENCE = 20_000  # ms; the machine may be busy with other things
WINDOW = (1440, 900)
THERE = {"page": "Morph"}
QUICK = {"permutations": 9, "repeats": 1, "folds": 3, "points": 16}


KINDS = ({}, {"morph": "Several"}, {"morph": "Along a column", "along": "age"})
# What is wider or higher than the room it has, of the heads of the pictures, and what is only partly there.
_CUT = """() => {
  const all = (root, found = []) => {
    for (const node of root.querySelectorAll('*')) {
      found.push(node);
      if (node.shadowRoot) all(node.shadowRoot, found);
    }
    return found;
  };
  const wide = (node) => node.scrollWidth > node.clientWidth + 1 || node.scrollHeight > node.clientHeight + 1;
  return all(document)
    .filter((node) => node.matches('.headline, .headline h2, .headline .right, .lv-morph-head b, .lv-share-name'))
    .filter((node) => node.checkVisibility() && wide(node))
    .map((node) => node.textContent);
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of the app on a few simulated patients."""
    root = tmp_path_factory.mktemp("root")
    write_cohort(simulate("patients", samples=12, cells=300, markers=7, seed=1), root / "study", format="parquet")
    quick = patch.object(workspace_module, "classify", partial(classify, **QUICK))
    with quick, application(Workspace(root), "study", at_once=True) as served:
        yield served


def control(page, label):
    return page.get_by_role("combobox", name=label, exact=True)


def choose(page, label, value):
    control(page, label).click()
    page.get_by_role("listbox").get_by_text(value, exact=True).click()
    wait_until_drawn(page)


def canvas(page):
    return page.get_by_test_id("morph-canvas")


def slider(page, name="Morph"):
    return page.get_by_role("slider", name=name, exact=True)


def answer(page):
    return page.locator("header.question p")


def test_the_slider_moves_picture_curves_shares_and_answer(visit, page):
    visit(a="P01", b="P02")
    expect(page.get_by_text(re.compile("^Synthetic cells, 50 %"))).to_be_visible()
    expect(page.get_by_test_id("morph-curve")).to_have_count(6)
    before = page.get_by_test_id("morph-curve").first.get_attribute("aria-label")
    slider(page).focus()
    page.keyboard.press("End")
    expect(answer(page)).to_contain_text("This is P02 itself")
    expect(page.get_by_text(re.compile("^Measured cells, 100 %"))).to_be_visible()
    expect(page.get_by_test_id("morph-curve").first).not_to_have_attribute("aria-label", before)
    expect(page).to_have_url(re.compile("t=1"))
    assert page.locator("img[alt^='Cells ']").count() == 5
    page.set_viewport_size({"width": 1280, "height": 720})
    expect(page.locator("img[alt^='Cells ']").first).to_be_hidden()


def test_several_samples_are_mixed_by_their_weights_and_a_link_shows_the_same(visit, page):
    visit(a="P01", b="P02")
    choose(page, "What is morphed", "Several")
    expect(page.get_by_role("heading", level=1)).to_have_text("What lies between P01, P02 and P03?")
    page.get_by_role("slider", name=re.compile("P03")).first.focus()
    page.keyboard.press("End")
    expect(answer(page)).to_contain_text("This is P03 itself")
    expect(page).to_have_url(re.compile("corners="))
    wait_until_drawn(page)
    page.reload()
    wait_until_drawn(page)
    expect(answer(page)).to_contain_text("This is P03 itself")
    choose(page, "Mix", "Groups of label")
    expect(page.get_by_role("heading", level=1)).to_have_text("What lies between control and case?")
    expect(canvas(page)).to_have_attribute("data-weights", "0.5 0.5")


def test_cells_move_kind_by_kind_where_that_is_chosen(visit, page):
    visit(a="P01", b="P02")
    expect(answer(page)).to_contain_text("is on its way")
    before = canvas(page).evaluate("canvas => canvas.toDataURL()")
    page.get_by_role("button", name="Kind by kind", exact=True).click()
    expect(answer(page)).to_contain_text("measured cells that move as their kind does, none between two populations")
    expect(page.get_by_text("none becomes another")).to_be_visible()
    expect(page.get_by_text("600 of 600 cells, by weight", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("manner=Kind"))
    wait_until_drawn(page)
    assert canvas(page).evaluate("canvas => canvas.toDataURL()") != before
    shares = page.get_by_role("listitem").first.get_attribute("aria-label")
    slider(page).focus()
    page.keyboard.press("End")
    expect(answer(page)).to_contain_text("This is P02 itself")
    expect(page.get_by_role("listitem").first).not_to_have_attribute("aria-label", shares)
    page.reload()
    wait_until_drawn(page)
    expect(page.get_by_role("button", name="Kind by kind", exact=True)).to_have_attribute("aria-pressed", "true")
    choose(page, "What is morphed", "Several")
    choose(page, "Mix", "Groups of label")
    expect(page.get_by_text(re.compile("Kind by kind is offered between single samples"))).to_be_visible()


def test_a_path_along_a_column_is_gone_by_keyboard(visit, page):
    visit(morph="Along a column", along="age", t="0")
    expect(answer(page)).to_contain_text("itself: the measured cells of its")
    slider(page).focus()
    page.keyboard.press("PageUp")
    expect(answer(page)).to_contain_text(re.compile("of the way from age"))
    choose(page, "Within one", "label")
    expect(page.get_by_role("heading", level=1)).to_have_text("What happens along age in control?")


def test_a_patient_is_moved_towards_a_class_once_that_is_measured(visit, page):
    visit(morph="Towards a class", insist="true")
    expect(answer(page)).to_contain_text("not measured yet")
    page.get_by_role("button", name="Separate the groups").click()
    expect(answer(page)).to_contain_text("itself: its own measured cells")
    wait_until_drawn(page)
    slider(page).focus()
    page.keyboard.press("End")
    expect(answer(page)).to_contain_text("That is beyond measured patients")
    expect(page.get_by_text("Round-trip gap")).to_be_visible()
    expect(page.get_by_text("beyond measured", exact=True)).to_be_visible()


@pytest.mark.parametrize(("window", "theme"), [((1280, 720), "light"), ((1440, 900), "dark")])
def test_no_head_is_cut(visit, page, window, theme):
    page.set_viewport_size({"width": window[0], "height": window[1]})
    for kind in KINDS:
        visit(a="P01", b="P02", theme=theme, **kind)
        assert page.evaluate(_CUT) == [], kind
    visit(morph="Towards a class", insist="true", theme=theme)
    if page.get_by_role("button", name="Separate the groups").count():
        page.get_by_role("button", name="Separate the groups").click()
        expect(answer(page)).to_contain_text("itself: its own measured cells")
        wait_until_drawn(page)
    assert page.get_by_text("Markers here").is_visible()
    assert page.evaluate(_CUT) == []


def test_cells_are_checked_and_taken_away(visit, page):
    visit(a="P01", b="P02", t="0.25", amount="500", ending="csv")
    page.get_by_role("button", name="Check these cells").click()
    expect(page.get_by_role("cell", name="Where no cell was measured")).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save these cells").click()
    assert waiting.value.suggested_filename == "study-P01-P02-synthetic.csv"
    text = Path(waiting.value.path()).read_text("utf-8")
    assert "synthetic" in text
    assert len(pd.read_csv(Path(waiting.value.path()), comment="#")) == 500
    expect(page.get_by_text(re.compile(r"500 synthetic cells, \d+ of them different, are in"))).to_be_visible()


def test_the_keyboard_goes_on_where_a_control_is_drawn_anew(visit, page):
    visit(a="P01", b="P02")
    control(page, "What is morphed").focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("button", name="All alike")).to_be_visible()
    wait_until_drawn(page)
    expect(control(page, "What is morphed")).to_be_focused()


def test_what_colour_means_is_chosen(visit, page):
    visit(a="P01", b="P02")
    pixels = [canvas(page).evaluate("canvas => canvas.toDataURL()")]
    for shade, words in (("Population", "B"), ("A marker", "CD3"), ("How far cells go", "stays")):
        choose(page, "Colour by", shade)
        expect(page.get_by_role("main").get_by_text(re.compile(f"^{words}")).first).to_be_visible()
        pixels.append(canvas(page).evaluate("canvas => canvas.toDataURL()"))
    assert len(set(pixels)) == 4
