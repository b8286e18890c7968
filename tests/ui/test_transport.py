"""The Transport page in a real browser: taps, other ways to draw it, exact transport beside it, small windows."""

from __future__ import annotations

import re

import pytest
from application import _FIGURES, application, wait_until_drawn

from lotviz.app.workspace import Workspace
from lotviz.data import simulate, write_cohort

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

pytestmark = [pytest.mark.filterwarnings("ignore:reference already known"), pytest.mark.usefixtures("watched")]

PATIENCE = 60_000  # ms; the machine may be busy with other things
WINDOW = (1440, 1150)
THERE = {"page": "Transport"}
HEADS = ("What moves", "Populations", "Markers", "Who becomes whom", "Populations × markers")

# Where the frames of the figures are on the screen, in their order, and which tools they have.
_FRAMES = f"""() => ({_FIGURES})().map((figure) => {{
  const {{x, y}} = figure.canvas_view.el.getBoundingClientRect();
  const {{left, top, width, height}} = figure.frame.bbox;
  const tools = figure.model.toolbar.tools.map((tool) => tool.type);
  return {{x: x + left, y: y + top, width, height, tools}};
}})"""

_MODELS = f"() => ({_FIGURES})().map((figure) => figure.model.id)"

# Titles that are cut short.
_CUT = """() => {
  const all = (root, found = []) => {
    for (const node of root.querySelectorAll('*')) {
      found.push(node);
      if (node.shadowRoot) all(node.shadowRoot, found);
    }
    return found;
  };
  return all(document).filter((node) => node.matches('.headline h2') && node.checkVisibility())
    .filter((node) => node.scrollWidth > node.clientWidth + 1).map((node) => node.textContent.trim());
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of the app on a few simulated patients."""
    root = tmp_path_factory.mktemp("root")
    write_cohort(simulate("patients", samples=6, cells=600, markers=8, seed=1), root / "study", format="parquet")
    with application(Workspace(root), "study", at_once=True) as served:
        yield served


def tappable(page):
    """Return the frames of the figures that can be tapped: populations, who becomes whom, shifts."""
    found = [frame for frame in page.evaluate(_FRAMES) if "TapTool" in frame["tools"]]
    assert len(found) == 3
    return found


def tap(page, frame, across, down):
    page.mouse.click(frame["x"] + across * frame["width"], frame["y"] + down * frame["height"])


def anew(page, before):
    """Return which figures were drawn anew since their models were `before`."""
    return [one != other for one, other in zip(page.evaluate(_MODELS), before, strict=True)]


def control(page, label):
    return page.get_by_role("combobox", name=label, exact=True)


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()
    wait_until_drawn(page)


def test_a_tap_lets_a_population_stand_out_in_all_pictures_and_another_takes_it_back(visit, page):
    visit()
    expect(control(page, "Population that stands out")).to_have_text("none")
    before = page.evaluate(_MODELS)
    shares, table, shifts = tappable(page)
    tap(page, shares, 0.9, 0.05)
    expect(page).to_have_url(re.compile("population=(?!none)"))
    wait_until_drawn(page)
    assert anew(page, before) == [True, True, True, True, False, True, True, True]  # all but the markers of all cells
    tap(page, shares, 0.9, 0.05)
    expect(control(page, "Population that stands out")).to_have_text("none")
    wait_until_drawn(page)
    tap(page, table, 0.5, 0.02)
    expect(control(page, "Population that stands out")).not_to_have_text("none")
    wait_until_drawn(page)
    tap(page, shifts, 0.01, 0.98)
    expect(control(page, "Marker of the curves")).not_to_have_text("Largest change")


def test_every_other_way_to_draw_it_can_be_chosen(visit, page):
    visit()
    before = page.evaluate(_MODELS)
    press(page, "Reference points")
    press(page, "Flow")
    assert anew(page, before) == [False, True, False, False, False, True, False, False]
    _shares, ribbons, _shifts = tappable(page)
    tap(page, ribbons, 0.75, 0.04)  # in the ribbon of the largest population
    expect(page).to_have_url(re.compile("population=(?!none)"))
    wait_until_drawn(page)
    press(page, "Largest change")
    press(page, "Overlaid")
    expect(page.get_by_role("heading", name="Both", exact=True)).to_be_visible()
    assert len(page.evaluate(_MODELS)) == 7


def test_exact_transport_is_compared_beside_the_page(visit, page):
    visit(a="P2", b="P1")
    page.get_by_role("button", name="Compare with exact transport").click()
    said = page.get_by_text(re.compile(r"exact transport costs [\d.]+, the registration [\d.]+: \d+ % more"))
    expect(said).to_be_visible()
    expect(said).to_contain_text("On 600 of 600 and 600 of 600 cells")
    control(page, "To").click()
    page.get_by_role("listbox").get_by_text("P5", exact=True).click()
    expect(said).to_have_count(0)


def test_no_title_is_cut_in_small_windows(visit, page):
    page.set_viewport_size({"width": 1280, "height": 720})
    visit(population="CD4 T memory")
    for head in HEADS:
        expect(page.get_by_role("heading", name=head, exact=True)).to_be_attached()
    assert page.evaluate(_CUT) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    wait_until_drawn(page)
    assert page.evaluate(_CUT) == []
