"""The real app in a real browser: every page, what a hand can do on it, and what must never happen."""

from __future__ import annotations

import re
import threading
from urllib.parse import urlencode

import pandas as pd
import pytest
from application import PATIENTS, application, hashes, marks_on_map, pictures, wait_until_drawn

from lotviz.app.choices import PAGES
from lotviz.app.workspace import Workspace
from lotviz.data import simulate, write_cohort

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

# Bokeh warns when a button is tapped that is about to be replaced; only here are warnings errors.
pytestmark = pytest.mark.filterwarnings("ignore:reference already known")

PATIENCE = 30_000  # ms; the machine may be busy with other things
QUESTIONS = {
    "Cohort": "Is this cohort ready to compare?",
    "Patients": "How alike are the patients?",
    "Transport": re.compile(r"What changes from P\d\d to P\d\d\?"),
    "Weights": "Does anything separate the groups?",
    "Morph": re.compile(r"What lies between P\d\d and P\d\d\?"),
    "Drugs": "Do A and B add up?",
}
FIGURES = {"Cohort": 13, "Patients": 6, "Transport": 8, "Weights": 8, "Morph": 0}
BADGES = {
    "Cohort": "24 of 24 samples",
    "Patients": "8,000 of 8,000 cells",
    "Transport": "2,000 of 2,000 cells",
    "Weights": "8,000 of 8,000 cells",
    "Morph": re.compile(r"^[\d,]+ of [\d,]+ pairs$"),
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The address of `lotviz demo`; the results of one test are there for the next."""
    with application(Workspace(tmp_path_factory.mktemp("root")), PATIENTS, at_once=True) as address:
        yield address


@pytest.fixture(autouse=True)
def nothing_wrong_behind_the_page(page):
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    yield
    assert page.requests_outside == []
    assert page.console_errors == []


@pytest.fixture
def visit(demo, page):
    """`visit("Morph", a="P02")` opens the demo there and waits until it is drawn."""

    def go(name, on=page, **choices):
        on.goto(f"{demo}/?{urlencode({'page': name, **choices})}")
        wait_until_drawn(on)

    return go


def second_page(page):
    """A page of another browser context: nothing is shared but the server."""
    other = page.context.browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    other.set_default_timeout(PATIENCE)
    return other


def entry(page, name):
    return page.get_by_role("button", name=name, exact=True)


def control(page, label):
    return page.get_by_role("combobox", name=label, exact=True)


def option(page, value):
    return page.get_by_role("listbox").get_by_text(value, exact=True)


def choose(page, label, value):
    control(page, label).click()
    option(page, value).click()
    expect(control(page, label)).to_have_text(value)
    wait_until_drawn(page)


def question(page):
    return page.get_by_role("main").get_by_role("heading", level=1)


def answer(page):
    return page.locator("header.question p")


def canvas(page):
    return page.get_by_test_id("morph-canvas")


def morph_pixels(page):
    return canvas(page).evaluate("canvas => canvas.toDataURL()")


def slider(page):
    return page.get_by_role("slider", name="Morph", exact=True)


def expect_place(page, t):
    expect(canvas(page)).to_have_attribute("data-t", f"{t:g}")


def expect_beside(page, t):
    """Curves and shares show this place."""
    for name in ("lv-curves", "lv-shares"):
        expect(page.locator(f".{name}")).to_have_attribute("data-weights", f"{1 - t:.4g} {t:.4g}")


def focused(page):
    """Role and name of what has the keyboard."""
    return page.evaluate(
        """() => { let at = document.activeElement;
        while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
        const labels = (at.getAttribute('aria-labelledby') ?? '').split(' ').filter(Boolean);
        const root = at.getRootNode();
        const labelled = labels.map((id) => root.getElementById(id)?.textContent).join(' ');
        const name = at.getAttribute('aria-label') ?? labelled;
        const words = [...at.querySelectorAll(':not([aria-hidden])')].filter((each) => !each.children.length);
        return [at.getAttribute('role') ?? at.tagName.toLowerCase(),
          (name || words.map((each) => each.textContent).join(' ') || at.textContent).trim()]; }"""
    )


def tab_to(page, name, most=60):
    """Press Tab until the control of this name has the keyboard; return what was passed."""
    passed = []
    for _ in range(most):
        page.keyboard.press("Tab")
        passed.append(focused(page)[1])
        if passed[-1] == name:
            return passed
    raise AssertionError(f"Tab never reached {name!r}; it passed {passed}")


def ringed(page):
    """Whether what has the keyboard, or the frame close round it, shows an outline."""
    return page.evaluate(
        """() => { let at = document.activeElement;
        while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
        const drawn = (style) => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
        const near = [at, at.parentElement, at.parentElement?.parentElement].filter(Boolean);
        const parts = ['::-webkit-slider-thumb', null];
        return near.some((each) => parts.some((part) => drawn(getComputedStyle(each, part)))); }"""
    )


def choose_by_keys(page, label, key, value):
    """Open a list that has the keyboard, go to the entry and take it."""
    page.keyboard.press(key)
    expect(page.get_by_role("listbox")).to_be_visible()
    for _ in range(40):
        if focused(page)[1] == value:
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("listbox")).to_have_count(0)
    expect(control(page, label)).to_have_text(value)
    assert focused(page) == ["combobox", label]


# ---- pages


def test_every_page_is_reached_by_its_entry_and_answers_its_question_with_pictures(visit, page):
    visit("Patients")
    for name in ("Cohort", "Patients", "Transport", "Morph", "Weights"):
        entry(page, name).click()
        expect(question(page)).to_have_text(QUESTIONS[name])
        wait_until_drawn(page)
        assert len(answer(page).inner_text()) > 20
        found = pictures(page)
        assert len(found) == FIGURES[name], name
        assert all(figure["colours"] > 2 and figure["width"] > 60 and figure["height"] > 40 for figure in found), name
        expect(page.get_by_text("Research use only", exact=True)).to_be_visible()
        expect(page.get_by_text("Simulated data", exact=True)).to_be_visible()
        expect(page.get_by_text(BADGES[name]).first).to_be_visible()
        assert page.get_by_role("alert").count() == 0
    expect(page.get_by_text("Cells that carry it", exact=True)).to_be_visible()


def test_the_first_page_of_the_demo_is_the_map(demo, page):
    page.goto(demo)
    expect(question(page)).to_have_text(QUESTIONS["Patients"])


@pytest.mark.parametrize("name", PAGES)
def test_a_link_to_a_page_shows_that_page_and_marks_its_entry(visit, page, name):
    visit(name)
    expect(question(page)).to_have_text(QUESTIONS[name])
    expect(entry(page, name)).to_have_class(re.compile("Mui-selected"), timeout=10_000)
    for other in set(PAGES) - {name}:
        expect(entry(page, other)).not_to_have_class(re.compile("Mui-selected"), timeout=10_000)


def test_fast_fingers_end_on_the_last_page_without_an_error(visit, page):
    visit("Patients")
    for _round in range(4):
        for name in ("Morph", "Drugs", "Cohort", "Transport", "Patients"):  # Weights would begin to separate
            entry(page, name).click(delay=20)
            page.wait_for_timeout(60)  # ms, as fast as a hand is
    entry(page, "Transport").click()
    expect(question(page)).to_have_text(QUESTIONS["Transport"])
    wait_until_drawn(page)
    expect(entry(page, "Transport")).to_have_class(re.compile("Mui-selected"))
    expect(page).to_have_url(re.compile("page=Transport"))
    assert len(pictures(page)) == FIGURES["Transport"]


# ---- choices


def test_the_map_is_coloured_by_another_column(visit, page):
    visit("Patients")
    before = hashes(page)
    expect(page.get_by_role("main").get_by_text("control", exact=True).first).to_be_visible()
    choose(page, "Colour by", "batch")
    expect(page.get_by_role("main").get_by_text("batch 1", exact=True)).to_be_visible()
    assert hashes(page)[0] != before[0]


def test_two_samples_are_chosen_in_the_drawer_and_transport_follows(visit, page):
    visit("Patients")
    before = hashes(page)
    choose(page, "First", "P05")
    choose(page, "Second", "P06")
    expect(page.get_by_role("heading", name="P05", exact=True)).to_be_visible()
    assert all(one != other for one, other in zip(hashes(page)[2:4], before[2:4], strict=True))
    page.get_by_role("button", name="Compare the two in Transport").click()
    expect(question(page)).to_have_text("What changes from P05 to P06?")
    wait_until_drawn(page)
    before = hashes(page)
    page.get_by_role("button", name="Swap").click()
    expect(question(page)).to_have_text("What changes from P06 to P05?")
    expect(control(page, "From")).to_have_text("P06")
    wait_until_drawn(page)
    assert all(one != other for one, other in zip(hashes(page), before, strict=True))


def test_a_tap_on_the_map_chooses_a_sample(visit, page):
    visit("Patients", a="P03", b="P01")
    page.mouse.click(*marks_on_map(page)["P10"])
    expect(control(page, "Second")).to_have_text("P10")
    expect(control(page, "First")).to_have_text("P01")
    expect(page.get_by_role("heading", name="P10", exact=True)).to_be_visible()
    wait_until_drawn(page)
    page.mouse.click(*marks_on_map(page)["P19"])
    expect(control(page, "Second")).to_have_text("P19")
    expect(control(page, "First")).to_have_text("P10")


def test_two_markers_are_an_axis_each(visit, page):
    visit("Transport")
    before = hashes(page)
    expect(control(page, "Marker upwards")).to_be_hidden()
    page.get_by_role("button", name="Two markers", exact=True).click()
    choose(page, "Marker upwards", "CD8")
    assert all(one != other for one, other in zip(hashes(page)[:3], before[:3], strict=True))


def test_weights_give_a_score_with_its_doubt_and_the_cells_of_four_samples(visit, page):
    visit("Weights")
    expect(answer(page)).to_contain_text(re.compile(r"LOT names the right group \d+\s% of the time \(\d+–\d+\s%"))
    expect(answer(page)).to_contain_text(re.compile(r"p = 0\.\d+"))
    assert page.get_by_text(re.compile(r"^score")).count() == 4
    before = hashes(page)
    page.get_by_role("button", name="Shift", exact=True).click()
    expect(page.get_by_role("button", name="Shift", exact=True)).to_have_attribute("aria-pressed", "true")
    wait_until_drawn(page)
    assert sum(one != other for one, other in zip(hashes(page), before, strict=True)) >= 6  # all but the scores


def test_the_screen_is_a_script(visit, page):
    visit("Transport", a="P04", b="P07")
    page.get_by_role("button", name="Copy as Python").click()
    script = page.get_by_test_id("script")
    expect(script).to_contain_text("composition(embedding, 'P04', 'P07'")
    compile(script.inner_text(), "screen", "exec")


def test_the_script_is_copied_and_the_page_says_so(visit, page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit("Transport", a="P04", b="P07")
    for withheld in (False, True):
        page.evaluate("() => navigator.clipboard.writeText('nothing')")
        if withheld:
            page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
        page.get_by_role("button", name="Copy as Python").click()
        expect(page.get_by_test_id("script")).to_contain_text("composition(embedding, 'P04', 'P07'")
        page.get_by_role("button", name="Copy to clipboard").click()
        expect(page.get_by_role("status")).to_have_text("Copied.")
        copied = page.evaluate("() => navigator.clipboard.readText()")
        assert copied.split() == page.get_by_test_id("script").inner_text().split()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)


# ---- keyboard only

STOPS = {  # what Tab must reach on each page beside the rail; of choices side by side, the one that is chosen
    "Cohort": ["Cohort", "Group by (label)", "Patient (kept together)", "Batch", "See the patients"],
    "Patients": ["Colour by", "Full", "Principal axes", "First", "Second", "Compare the two in Transport"],
    "Transport": ["From", "To", "Swap", "Principal axes", "Watch it move in Morph"],
    "Weights": ["Separate by", "Keep together (patient)", "Batch to compare with", "Full", "Sample", "and sample"],
    "Morph": ["Morph", "What is morphed", "From", "To", "Swap", "Principal axes", "Colour by", "Save these cells"],
    "Drugs": ["Column of conditions", "Simulated organoids"],
}


@pytest.mark.parametrize("name", PAGES)
def test_tab_reaches_every_control_of_a_page_with_a_visible_ring(visit, page, name):
    visit("Patients" if name != "Patients" else "Cohort")
    tab_to(page, name)
    page.keyboard.press("Enter")
    expect(question(page)).to_have_text(QUESTIONS[name])
    wait_until_drawn(page)
    assert focused(page) == ["button", name]
    for stop in (*STOPS[name], "Copy as Python", "Toggle theme", "Close contextbar", *PAGES):
        tab_to(page, stop)
        assert ringed(page), stop


def test_keys_alone_choose_press_and_move(visit, page):
    visit("Patients", a="P03", b="P01")
    tab_to(page, "First")
    for key, value in (("Enter", "P05"), (" ", "P06"), ("ArrowDown", "P07")):
        choose_by_keys(page, "First", key, value)
    wait_until_drawn(page)
    tab_to(page, "Full")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Shift", exact=True)).to_have_attribute("aria-pressed", "true")
    wait_until_drawn(page)
    tab_to(page, "Compare the two in Transport")
    page.keyboard.press(" ")
    expect(question(page)).to_have_text("What changes from P07 to P01?")
    wait_until_drawn(page)
    tab_to(page, "Morph")
    page.keyboard.press("Enter")
    expect(question(page)).to_have_text("What lies between P07 and P01?")
    wait_until_drawn(page)
    while focused(page)[0] != "input":
        tab_to(page, "Morph")
    page.keyboard.press("ArrowRight")
    expect_place(page, 0.51)
    tab_to(page, "Close contextbar")
    page.keyboard.press("Enter")
    expect(control(page, "From")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(control(page, "From")).to_be_visible()
    tab_to(page, "Copy as Python")
    page.keyboard.press("Enter")
    tab_to(page, "Copy to clipboard")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text(re.compile("Copied|does not allow"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


# ---- morph


def test_the_slider_moves_by_keyboard_and_the_pictures_beside_it_follow(visit, page):
    visit("Morph")
    expect_place(page, 0.5)
    cells = morph_pixels(page)
    expect_beside(page, 0.5)
    slider(page).focus()
    page.keyboard.press("End")
    expect_place(page, 1)
    assert morph_pixels(page) != cells
    expect(answer(page)).to_contain_text("its own measured cells")
    expect_beside(page, 1)
    page.keyboard.press("PageDown")
    expect_place(page, 0.9)
    expect(answer(page)).to_contain_text(re.compile(r"90\s% of the way"))
    expect(answer(page)).to_contain_text("synthetic")
    expect(page.get_by_text("never measured", exact=True)).to_be_visible()


def test_the_slider_is_dragged_the_pictures_beside_it_follow_and_the_answer_on_release(visit, page):
    visit("Morph")
    said, seen = answer(page).inner_text(), {morph_pixels(page)}
    box = slider(page).bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    for place in (0.6, 0.75, 0.9):
        page.mouse.move(box["x"] + box["width"] * place, middle, steps=4)
        expect_place(page, float(slider(page).input_value()))
        expect_beside(page, float(slider(page).input_value()))
        seen.add(morph_pixels(page))
    assert len(seen) == 4
    assert answer(page).inner_text() == said
    page.mouse.up()
    percent = round(100 * float(slider(page).input_value()))
    expect(answer(page)).to_contain_text(re.compile(rf"{percent}\s% of the way"))


def test_the_morph_is_coloured_by_contribution_and_by_another_pair(visit, page):
    visit("Morph")
    cells = morph_pixels(page)
    choose(page, "Colour by", "Contribution to score")
    wait_until_changed(page, morph_pixels, cells)
    cells = morph_pixels(page)
    choose(page, "To", "P08")
    expect(question(page)).to_have_text(re.compile("and P08"))
    wait_until_changed(page, morph_pixels, cells)


def wait_until_changed(page, look, before):
    """Look until it is not what it was."""
    for _ in range(PATIENCE // 100):
        if look(page) != before:
            return
        page.wait_for_timeout(100)
    raise AssertionError("Expected a change, found none.")


# ---- the address, sessions, the theme


def test_the_address_is_the_screen(visit, page):
    visit("Patients")
    choose(page, "First", "P05")
    choose(page, "Second", "P06")
    entry(page, "Morph").click()
    wait_until_drawn(page)
    slider(page).focus()
    page.keyboard.press("PageUp")
    expect(page).to_have_url(re.compile(r"t=0\.6"))
    wait_until_drawn(page)
    pixels, words = morph_pixels(page), answer(page).inner_text()
    page.reload()
    other = second_page(page)
    other.goto(page.url)
    for seen in (page, other):
        wait_until_drawn(seen)
        expect(question(seen)).to_have_text("What lies between P05 and P06?")
        expect_place(seen, 0.6)
        expect(slider(seen)).to_have_value("0.6")
        assert morph_pixels(seen) == pixels
        expect(answer(seen)).to_have_text(words)
    other.context.close()


MISTAKES = [
    {"a": "nobody"},
    {"label": "nothing"},
    {"page": "Nonsense"},
    {"t": "7"},
    {"points": "many"},
    {"theme": "blue"},
]


@pytest.mark.parametrize("choices", MISTAKES, ids=str)
def test_a_link_with_a_mistake_shows_the_usual_page(visit, demo, page, choices):
    visit("Patients")  # the results are there: now the page is drawn at once
    page.goto(f"{demo}/?{urlencode(choices)}")
    wait_until_drawn(page)
    expect(question(page)).to_have_text(QUESTIONS["Patients"])
    errors = list(page.console_errors)
    page.console_errors.clear()
    assert (errors, page.get_by_role("alert").all_inner_texts()) == ([], [])
    assert len(pictures(page)) == FIGURES["Patients"]


def test_samples_named_by_numbers_survive_a_reload(page, tmp_path):
    cohort = simulate("patients", samples=6, cells=100, markers=4, seed=1)
    names = {name: str(number) for number, name in enumerate(cohort.samples.index, 1)}
    folder = write_cohort(cohort, tmp_path / "numbers", format="parquet")
    for file in (folder / "samples.csv", folder / "cells.parquet"):
        read, write = (pd.read_csv, "to_csv") if file.suffix == ".csv" else (pd.read_parquet, "to_parquet")
        table = read(file)
        getattr(table.assign(sample_id=table["sample_id"].map(names)), write)(file, index=False)
    with application(Workspace(tmp_path), "numbers", at_once=True) as address:
        page.goto(f"{address}/?page=Patients")
        wait_until_drawn(page)
        choose(page, "First", "3")
        page.reload()
        wait_until_drawn(page)
        assert page.get_by_role("alert").all_inner_texts() == []
        expect(control(page, "First")).to_have_text("3")


def test_two_sessions_do_not_influence_each_other(visit, page):
    other = second_page(page)
    visit("Patients", a="P03", b="P01")
    visit("Patients", on=other, a="P03", b="P01")
    before = hashes(page)
    choose(other, "First", "P11")
    entry(other, "Transport").click()
    expect(question(other)).to_have_text("What changes from P11 to P01?")
    other.get_by_role("button", name="Toggle theme").click()
    wait_until_drawn(other)
    expect(question(page)).to_have_text(QUESTIONS["Patients"])
    expect(control(page, "First")).to_have_text("P03")
    assert hashes(page) == before
    choose(page, "Colour by", "batch")
    assert all(figure["corner"] > 200 for figure in pictures(page))
    other.context.close()


def test_the_theme_is_toggled_and_every_figure_is_drawn_again(visit, page):
    visit("Transport")
    assert all(figure["corner"] > 200 for figure in pictures(page))
    page.get_by_role("button", name="Toggle theme").click()
    expect(page).to_have_url(re.compile("theme=dark"))
    wait_until_drawn(page)
    dark = pictures(page)
    assert len(dark) == FIGURES["Transport"] and all(figure["corner"] < 60 for figure in dark)
    entry(page, "Morph").click()
    wait_until_drawn(page)
    assert all(figure["corner"] < 60 for figure in pictures(page))
    page.reload()
    wait_until_drawn(page)
    assert all(figure["corner"] < 60 for figure in pictures(page))
    page.get_by_role("button", name="Toggle theme").click()
    expect(page).to_have_url(re.compile("theme=light"))
    wait_until_drawn(page)
    assert all(figure["corner"] > 200 for figure in pictures(page))


# ---- work under way


def working():
    """Names of the threads that compare samples."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("Comparing")]


def test_work_is_shown_can_be_stopped_and_begun_again_while_the_page_answers(page, tmp_path):
    workspace = Workspace(tmp_path)
    with application(workspace, PATIENTS) as address:
        page.goto(f"{address}/?points=1200")  # so many points take long enough to stop them
        expect(question(page)).to_have_text(QUESTIONS["Cohort"])
        wait_until_drawn(page)
        page.get_by_role("button", name="Compare the samples").click()
        work = page.get_by_role("status")
        expect(work).to_contain_text(re.compile(r"Comparing 24 samples: \d+ of \d+ done"))
        for name in ("Transport", "Morph", "Cohort", "Patients"):
            entry(page, name).click()
            expect(question(page)).to_be_visible(timeout=10_000)
            expect(entry(page, name)).to_have_class(re.compile("Mui-selected"), timeout=10_000)
        expect(answer(page)).to_contain_text("being compared")
        expect(work).to_be_visible()
        page.get_by_role("button", name="Stop").click()
        expect(work).to_be_hidden()
        wait_until_changed(page, lambda _page: bool(working()), True)
        assert page.get_by_role("alert").count() == 0
        expect(answer(page)).to_contain_text("have not been compared yet")
        page.get_by_role("button", name="Compare the samples").click()
        expect(work).to_contain_text(re.compile(r"Comparing 24 samples: \d+ of \d+ done"))
        page.get_by_role("button", name="Stop").click()
        expect(work).to_be_hidden()


def test_stopped_work_can_be_done_after_all(page, tmp_path):
    with application(Workspace(tmp_path), PATIENTS) as address:
        page.goto(f"{address}/?page=Patients&points=300")
        page.get_by_role("button", name="Compare the samples").click()
        page.get_by_role("button", name="Stop").click()
        page.get_by_role("button", name="Compare the samples").click()
        expect(page.get_by_role("heading", name="Map of 24 samples")).to_be_visible()
        wait_until_drawn(page)
        assert len(pictures(page)) == FIGURES["Patients"]


def test_a_page_that_is_closed_ends_its_work(page, tmp_path):
    with application(Workspace(tmp_path), PATIENTS) as address:
        page.goto(f"{address}/?points=1200")
        page.get_by_role("button", name="Compare the samples").click()
        expect(page.get_by_role("status")).to_contain_text("Comparing 24 samples")
        assert working()
        page.goto("about:blank")
        wait_until_changed(page, lambda _page: bool(working()), True)


# ---- headers


@pytest.mark.parametrize("path", ["/", "/healthz", "/static/js/bokeh.min.js", "/nowhere"])
def test_every_answer_carries_the_headers(demo, page, path):
    found = page.request.get(demo + path)
    assert found.status == (404 if path == "/nowhere" else 200)
    policy = found.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "unsafe-eval" not in policy and "frame-ancestors 'none'" in policy
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["referrer-policy"] == "no-referrer"


def test_a_frame_or_another_host_may_not_connect(demo, page):
    port = demo.rsplit(":", 1)[1]
    found = page.request.get(
        f"http://127.0.0.1:{port}/ws",
        headers={
            "Origin": "http://evil.example",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        },
    )
    assert found.status == 403
