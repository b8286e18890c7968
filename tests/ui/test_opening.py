"""The first ten minutes: find files, bring files, mend a sheet typed in Excel, open the cohort; as a new user would."""

from __future__ import annotations

import pytest
from application import application, wait_until_drawn

from lotviz.app.workspace import Workspace
from lotviz.data import simulate, write_cohort

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

pytestmark = pytest.mark.filterwarnings("ignore:reference already known")

PATIENCE = 30_000  # ms; the machine may be busy with other things
# As somebody types it: German heads and decimals, two misspelt files, one sample twice.
TYPED = [
    ["Probe", "Datei", "Patient", "Diagnose", "Alter"],
    ["P01", "fcs/P01.fcs", "A", "Fall", "63,5"],
    ["P02", "fcs/P02.fcs", "B", "Kontrolle", "58,0"],
    ["P03", "fcs/PO3.fcs", "C", "Fall", "71,25"],
    ["P04", "fcs/P04.fsc", "D", "Kontrolle", "49,5"],
    ["P02", "fcs/P05.fcs", "E", "Fall", "66,0"],
    ["P06", "fcs/P06.fcs", "F", "Kontrolle", "55,5"],
]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A data root with FCS files, and an Excel sheet beside them as a clinician typed it."""
    import openpyxl

    monkeypatch.setenv("LOTVIZ_RECENT", str(tmp_path / "recent.json"))
    write_cohort(simulate(samples=6, cells=200, markers=6, seed=5), tmp_path / "made", format="fcs")
    study = tmp_path / "root" / "clinic"
    study.mkdir(parents=True)
    (tmp_path / "made" / "fcs").rename(study / "fcs")
    for number, path in enumerate(sorted((study / "fcs").iterdir()), start=1):
        path.rename(study / "fcs" / f"P0{number}.fcs")
    book = openpyxl.Workbook()
    for row in TYPED:
        book.active.append(row)
    book.save(study / "sheet.xlsx")
    return tmp_path / "root"


@pytest.fixture(autouse=True)
def nothing_wrong_behind_the_page(page):
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    yield
    assert page.requests_outside == []
    assert page.console_errors == []


def heading(page):
    return page.locator("header.question p")


def contents(root):
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_a_sheet_typed_in_excel_is_mended_on_the_page_and_opened(page, root):
    before = contents(root)
    with application(Workspace(root)) as url:
        page.goto(url)
        page.get_by_role("button", name="Folder clinic").click()
        page.get_by_role("button", name="Table sheet.xlsx").click()
        expect(heading(page)).to_contain_text("3 things must be put right first")
        for words in ("fcs/PO3.fcs", "Did you mean fcs/P03.fcs", "Did you mean fcs/P04.fcs", "found P02 again"):
            expect(page.locator(".problems")).to_contain_text(words)
        page.get_by_label("Row 4, Datei").fill("fcs/P03.fcs")
        expect(heading(page)).to_contain_text("2 things")
        page.get_by_label("Row 5, Datei").fill("fcs/P04.fcs")
        page.get_by_label("Row 6, Probe").fill("P05")
        expect(heading(page)).to_contain_text("It looks so")
        page.get_by_role("button", name="Open this cohort").click()
        expect(heading(page)).to_contain_text("6 samples were read")
        wait_until_drawn(page)
        expect(page.get_by_role("combobox", name="Cohort", exact=True)).to_have_text("clinic/sheet-corrected.csv")
    after = contents(root)
    assert {path: content for path, content in after.items() if path in before} == before
    assert [path.name for path in after if path not in before] == ["sheet-corrected.csv"]
    assert Workspace(root).root == root


def test_files_are_brought_along_seen_by_this_page_only_and_gone_with_it(page, root, browser):
    files = sorted((root / "clinic" / "fcs").iterdir())
    before = contents(root)
    with application(Workspace(root)) as url:
        page.goto(url)
        page.get_by_label("Bring files from this computer").set_input_files([str(path) for path in files])
        page.get_by_role("button", name="Write a sheet for your 6 files of cells").click()
        expect(heading(page)).to_contain_text("It looks so")
        page.get_by_role("button", name="Open this cohort").click()
        expect(heading(page)).to_contain_text("6 samples were read")
        link = page.url
        other = browser.new_context()
        stranger = other.new_page()
        stranger.goto(link)
        expect(stranger.get_by_role("alert")).to_contain_text("brought along", timeout=PATIENCE)
        expect(stranger.locator("body")).not_to_contain_text("6 samples were read")
        other.close()
    assert contents(root) == before


def test_a_kind_of_file_that_is_never_opened_is_refused_at_once(page, root, tmp_path):
    (tmp_path / "model.pkl").write_bytes(b"x")
    with application(Workspace(root)) as url:
        page.goto(url)
        page.get_by_label("Bring files from this computer").set_input_files(str(tmp_path / "model.pkl"))
        expect(page.locator(".dropzone")).to_contain_text("found another kind of file")
    page.console_errors[:] = [line for line in page.console_errors if "422" not in line]  # the browser notes the answer


def test_what_was_typed_last_is_not_lost_when_the_button_is_tapped_at_once(page, root):
    with application(Workspace(root)) as url:
        page.goto(url)
        page.get_by_role("button", name="Folder clinic").click()
        page.get_by_role("button", name="Table sheet.xlsx").click()
        page.get_by_label("Row 4, Datei").fill("fcs/P03.fcs")
        page.get_by_label("Row 5, Datei").fill("fcs/P04.fcs")
        page.get_by_label("Row 6, Probe").fill("P05")
        expect(heading(page)).to_contain_text("It looks so")
        page.get_by_label("Row 2, Diagnose").fill("Unklar")
        page.get_by_role("button", name="Open this cohort").click()
        expect(heading(page)).to_contain_text("6 samples were read")
    assert "Unklar" in (root / "clinic" / "sheet-corrected.csv").read_text(encoding="utf-8-sig")


def test_a_block_from_a_spreadsheet_makes_the_rows_it_needs(page, root):
    with application(Workspace(root)) as url:
        page.goto(url)
        page.get_by_role("button", name="Folder clinic").click()
        page.get_by_role("button", name="Table sheet.xlsx").click()
        last = page.get_by_label("Row 7, Probe")
        last.evaluate("""(input) => {
          const data = new DataTransfer();
          data.setData("text", "P06\\tfcs/P06.fcs\\nP07\\tfcs/P01.fcs");
          input.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        }""")
        expect(page.get_by_label("Row 8, Probe")).to_have_value("P07")
        expect(page.get_by_label("Row 8, Datei")).to_have_value("fcs/P01.fcs")


def test_rows_have_the_numbers_of_the_file_and_a_renamed_column_is_offered_at_once(page, root):
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["Notizen"])
    sheet = book.create_sheet("Liste")
    for row in (["Studie Nord"], [], ["Probe", "Datei"], ["P01", "fcs/P01.fcs"], [], ["P02", "fcs/PO2.fcs"]):
        sheet.append(row)
    book.save(root / "clinic" / "titled.xlsx")
    with application(Workspace(root)) as url:
        page.goto(url)
        page.get_by_role("button", name="Folder clinic").click()
        page.get_by_role("button", name="Table titled.xlsx").click()
        notes = page.locator(".notes")
        expect(notes).to_contain_text("The worksheet Liste of Sheet, Liste was read")
        expect(notes).to_contain_text("The header was found in row 3")
        expect(page.get_by_label("Row 6, Datei")).to_have_value("fcs/PO2.fcs")
        expect(page.locator(".sheet tr.wrong")).to_contain_text("Did you mean fcs/P02.fcs")
        plays = page.get_by_role("combobox", name="Column that names the sample")
        expect(plays).to_have_text("as guessed: Probe")
        page.get_by_label("Name of column 1").fill("Kennwort")
        expect(plays).to_have_text("choose …")
        plays.click()
        page.get_by_role("listbox").get_by_text("Kennwort", exact=True).click()
        expect(heading(page)).to_contain_text("1 thing must be put right")
        page.get_by_role("button", name="Remove row 4").click()
        page.get_by_role("button", name="Add a row").click()
        expect(page.get_by_label("Row 7, Datei")).to_have_value("")
        expect(page.get_by_label("Row 6, Datei")).to_have_value("fcs/PO2.fcs")


def test_a_table_of_cells_picked_as_a_sheet_is_one_thing_to_put_right(page, root):
    rows = [f"P{number // 100},{number}.5,{number}" for number in range(300)]
    (root / "clinic" / "some.csv").write_text("\n".join(["sample,CD3,CD4", *rows]))
    with application(Workspace(root)) as url:
        page.goto(url)
        page.get_by_role("button", name="Folder clinic").click()
        page.get_by_role("button", name="Table some.csv").click()
        expect(heading(page)).to_contain_text("1 thing must be put right first")
        expect(page.locator(".problems")).to_contain_text("found a table of cells (300 rows of 3 samples)")


def test_back_leads_to_the_screen_that_the_address_names(page, root):
    write_cohort(simulate(samples=4, cells=120, markers=4, seed=1), root / "second", format="csv")
    with application(Workspace(root)) as url:
        page.goto(f"{url}/?cohort=second")
        expect(heading(page)).to_contain_text("4 samples were read")
        page.get_by_role("button", name="Patients", exact=True).click()
        expect(heading(page)).to_contain_text("not been compared")
        page.go_back()
        expect(heading(page)).to_contain_text("4 samples were read")
        assert "page=Cohort" in page.url


def test_another_cohort_of_the_list_begins_with_its_own_choices(page, root):
    for name, seed in (("first", 1), ("second", 2)):
        write_cohort(simulate(samples=4, cells=120, markers=4, seed=seed), root / name, format="csv")
    with application(Workspace(root)) as url:
        page.goto(f"{url}/?cohort=first&transform=none&skip=true&shown=Margins")
        expect(heading(page)).to_contain_text("4 samples were read")
        page.get_by_role("combobox", name="Cohort", exact=True).click()
        page.get_by_role("listbox").get_by_text("second", exact=True).click()
        expect(page.get_by_role("combobox", name="Cohort", exact=True)).to_have_text("second")
        page.wait_for_url("**cohort=second**")
        for words in ("transform=auto", "skip=false", "shown=By+group"):
            assert words in page.url


def test_a_cohort_that_was_opened_is_offered_again(page, root):
    write_cohort(simulate(samples=4, cells=120, markers=4, seed=1), root / "second", format="csv")
    with application(Workspace(root)) as url:
        page.goto(url)
        page.get_by_role("combobox", name="Cohort", exact=True).click()
        page.get_by_role("listbox").get_by_text("second", exact=True).click()
        expect(heading(page)).to_contain_text("4 samples were read")
        page.get_by_role("button", name="Open another cohort").click()
        expect(heading(page)).to_contain_text("stays open")
        page.get_by_role("button", name="second", exact=True).click()
        expect(heading(page)).to_contain_text("4 samples were read")


def test_what_files_should_look_like_can_be_downloaded(page, root):
    with application(Workspace(root)) as url:
        page.goto(url)
        page.get_by_text("What should my files look like?").click()
        for name in ("sheet.csv", "sheet.xlsx", "samples.csv", "cells.csv"):
            with page.expect_download() as download:
                page.get_by_role("link", name=f"Download {name}").click()
            assert download.value.suggested_filename == name
