"""Broken cohorts opened in the real app: one alert that says what to mend, a page that lives on, files untouched."""

from __future__ import annotations

import pytest
from application import application, wait_until_drawn

from lotviz.app.workspace import Workspace
from tests.broken import BROKEN, make_study

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

# Bokeh warns when a button is tapped that is about to be replaced; only here are warnings errors.
pytestmark = pytest.mark.filterwarnings("ignore:reference already known")

PATIENCE = 30_000  # ms; the machine may be busy with other things
NEVER_OFFERED = {"missing_cohort", "pickled", "folder_of_nothing", "one_sample"}  # the last one opens, with a remark
CASES = {breaks.__name__: (breaks, words) for breaks, words in BROKEN if breaks.__name__ not in NEVER_OFFERED}
GOOD = "good/sheet.csv"


@pytest.fixture
def root(tmp_path):
    """A data root with one good cohort and one folder for each way of breaking it."""
    make_study(tmp_path / "good")
    return tmp_path


def break_all(root):
    """Break a cohort in every way; return the name under which the app offers it, and the words of its message."""
    offered = {}
    for name, (breaks, words) in CASES.items():
        path = breaks(make_study(root / name / "study"))
        offered[name] = (path.relative_to(root).as_posix(), words)
    return offered


def contents(root):
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def cohort(page):
    return page.get_by_role("combobox", name="Cohort", exact=True)


def open_cohort(page, key):
    cohort(page).click()
    page.get_by_role("listbox").get_by_text(key, exact=True).click()
    expect(cohort(page)).to_have_text(key)


@pytest.fixture(autouse=True)
def nothing_wrong_behind_the_page(page):
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    yield
    assert page.requests_outside == []
    assert page.console_errors == []


def offered_as(root, key):
    """The option of a path: a folder that holds a sheet may be offered as the sheet, as the app finds them."""
    return key if key in Workspace(root).offers() else f"{key}/sheet.csv"


def test_each_broken_cohort_gives_one_alert_and_a_good_one_opens_afterwards(page, root):
    offered = break_all(root)
    before = contents(root)
    alert, heading = page.get_by_role("alert"), page.get_by_role("main").get_by_role("heading", level=1)
    unclear = {}
    with application(Workspace(root)) as address:
        page.goto(address)
        expect(page.get_by_text("No cohort is open.")).to_be_visible()
        for name, (key, words) in offered.items():
            open_cohort(page, offered_as(root, key))
            expect(alert).to_have_count(1)
            expect(alert).to_be_visible()
            wait_until_drawn(page)
            said = alert.inner_text()
            missing = [word for word in words if word not in said]
            if missing or "Traceback" in said or "fault of lotviz" in said or len(said) < 40:
                unclear[name] = f"{missing} not in {said!r}"
            expect(heading).to_have_text("Is this cohort ready to compare?")
            open_cohort(page, GOOD)
            expect(alert).to_have_count(0)
            expect(page.get_by_text("All 6 samples were read: 720 cells")).to_be_visible()
    assert unclear == {}
    assert contents(root) == before


def test_a_broken_cohort_named_in_the_link_is_an_alert_and_the_app_lives_on(page, root):
    offered = break_all(root)
    key, words = offered["not_a_number"]
    with application(Workspace(root)) as address:
        page.goto(f"{address}/?page=Transport&cohort={offered_as(root, key)}")
        expect(page.get_by_role("alert")).to_have_count(1)
        assert all(word in page.get_by_role("alert").inner_text() for word in words)
        page.get_by_role("button", name="Cohort", exact=True).click()
        expect(page.get_by_role("main").get_by_role("heading", level=1)).to_have_text(
            "Is this cohort ready to compare?"
        )
        open_cohort(page, GOOD)
        expect(page.get_by_role("alert")).to_have_count(0)
        page.get_by_role("button", name="Compare the samples").click()
        expect(page.get_by_role("button", name="See the patients")).to_be_visible()


@pytest.mark.parametrize("key", ["../outside/sheet.csv", "/etc/passwd", "gone/sheet.csv"])
def test_a_link_to_what_is_not_in_the_data_root_says_so(page, root, key):
    make_study(root / "outside")
    (root / "inside").mkdir()
    with application(Workspace(root / "inside")) as address:
        page.goto(f"{address}/?cohort={key}")
        alert = page.get_by_role("alert")
        expect(page.get_by_role("combobox", name="Cohort", exact=True)).to_be_visible()
        expect(alert).to_have_count(1, timeout=5000)
        expect(alert).to_contain_text(key.rsplit("/", 1)[0])
        expect(page.get_by_text("720 cells")).to_have_count(0)


def test_one_sample_opens_and_comparing_it_says_what_is_missing(page, root):
    make, _words = next(case for case in BROKEN if case[0].__name__ == "one_sample")
    make(make_study(root / "one"))
    with application(Workspace(root)) as address:
        page.goto(address)
        open_cohort(page, "one/sheet.csv")
        expect(page.get_by_text("found one", exact=False).first).to_be_visible()
        page.get_by_role("button", name="Compare the samples").click()
        expect(page.get_by_role("alert")).to_contain_text("sample")
        open_cohort(page, GOOD)
        expect(page.get_by_text("All 6 samples were read: 720 cells")).to_be_visible()


def test_markers_that_differ_are_a_remark_that_names_the_file(page, root):
    import pandas as pd

    folder = make_study(root / "differ")
    pd.read_csv(folder / "s5.csv").rename(columns={"CD8": "CD8a"}).to_csv(folder / "s5.csv", index=False)
    with application(Workspace(root)) as address:
        page.goto(address)
        open_cohort(page, "differ/sheet.csv")
        note = page.get_by_role("main").get_by_role("note").filter(has_text="s5.csv")
        expect(note).to_contain_text("CD8")
        assert page.get_by_role("alert").count() == 0
