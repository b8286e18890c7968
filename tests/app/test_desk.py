from __future__ import annotations

import pandas as pd
import pytest

from lotviz.app.choices import Choices
from lotviz.app.desk import BROUGHT, Desk
from lotviz.app.session import Session
from lotviz.app.workspace import Workspace
from lotviz.data import CohortError, read_cohort, simulate, write_cohort


@pytest.fixture(autouse=True)
def own_list_of_recent_cohorts(tmp_path, monkeypatch):
    monkeypatch.setenv("LOTVIZ_RECENT", str(tmp_path / "state" / "recent.json"))


@pytest.fixture
def root(tmp_path):
    """A data root with a folder of FCS files and their sheet, in which a file is misspelt."""
    folder = write_cohort(simulate(samples=4, cells=120, markers=4, seed=2), tmp_path / "root" / "study", format="fcs")
    sheet = pd.read_csv(folder / "sheet.csv", dtype=str)
    sheet.loc[1, "file"] = sheet.loc[1, "file"].replace(".fcs", ".fsc")
    sheet.to_csv(folder / "sheet.csv", index=False)
    return tmp_path / "root"


@pytest.fixture
def desk(root):
    made = Desk(Workspace(root))
    yield made
    made.end()


def right(desk):
    """The sheet with the misspelt file put right."""
    table = desk.typed.copy()
    table["file"] = table["file"].str.replace(".fsc", ".fcs")
    return table


def test_a_sheet_is_checked_row_by_row_and_its_correction_is_a_copy(desk, root):
    before = (root / "study" / "sheet.csv").read_bytes()
    desk.pick("study/sheet.csv")
    assert list(desk.faults()) == ["3"]
    assert "Did you mean" in desk.faults()["3"]
    desk.type(right(desk))
    assert desk.errors == []
    key = desk.finish()
    assert key == "study/sheet-corrected.csv"
    assert len(read_cohort(root / key, transform="none").samples) == 4
    assert (root / "study" / "sheet.csv").read_bytes() == before


def test_a_second_correction_overwrites_nothing(desk, root):
    desk.pick("study/sheet.csv")
    desk.type(right(desk))
    first = (root / desk.finish()).read_bytes()
    desk.pick("study/sheet.csv")
    desk.type(right(desk))
    assert desk.finish() == "study/sheet-corrected2.csv"
    assert (root / "study" / "sheet-corrected.csv").read_bytes() == first


def test_a_sheet_that_was_not_changed_is_not_written(desk, root):
    files = sorted(root.rglob("*"))
    desk.pick("study/sheet.csv")
    assert desk.finish() == "study/sheet.csv"
    assert sorted(root.rglob("*")) == files


def test_a_sheet_is_drafted_for_files_without_one(desk, root):
    (root / "study" / "sheet.csv").unlink()
    desk.go("study/fcs")
    assert desk.loose_files(brought=False) == 4
    desk.draft(brought=False)
    assert desk.errors == []
    assert len(desk.typed) == 4
    assert desk.finish() == "study/fcs/sheet.csv"
    assert len(read_cohort(root / "study" / "fcs" / "sheet.csv", transform="none").samples) == 4


def test_files_brought_along_have_names_of_their_own(desk, root):
    inbox = desk.receive()
    for path in (root / "study" / "fcs").iterdir():
        content = path.read_bytes()
        inbox.take(path.name, content, offset=0, size=len(content))
    assert [entry.key.startswith(BROUGHT) for entry in desk.brought()] == [True] * 4
    desk.draft(brought=True)
    key = desk.finish()
    assert key == f"{BROUGHT}sheet.csv"
    assert (inbox.folder / "sheet.csv").exists()
    assert desk.workspace_of(key).root == inbox.folder.resolve()
    assert key not in desk.shared.offers()
    desk.end()
    assert not inbox.folder.exists()


@pytest.mark.parametrize("folder", ["..", "/etc", "study/../../.."])
def test_the_way_never_leads_out_of_the_data_root(desk, folder):
    with pytest.raises(CohortError, match="inside the data root"):
        desk.go(folder)
    assert desk.folder == ""


def test_a_key_never_leads_out_of_the_data_root(desk, tmp_path):
    (tmp_path / "secret.csv").write_text("sample,file\nA,a.fcs\n")
    desk.pick("../secret.csv")
    assert desk.typed is None
    assert "inside the data root" in desk.failure.problems[0].what
    desk.pick(f"{BROUGHT}../secret.csv")
    assert desk.typed is None


def test_a_file_of_cells_says_what_to_choose_instead(desk):
    desk.pick("study/fcs/" + desk.shared.root.joinpath("study", "fcs").iterdir().__next__().name)
    assert "Choose the sheet that names it" in str(desk.failure.problems[0])


def test_columns_that_the_user_chose_are_checked(desk, root):
    table = pd.read_csv(root / "study" / "sheet.csv", dtype=str).rename(columns={"sample": "x", "file": "y"})
    table.to_csv(root / "study" / "other.csv", index=False)
    desk.pick("study/other.csv")
    assert any("Expected a column sample" in problem.what for problem in desk.errors)
    desk.columns = {"sample": "x", "file": "y"}
    desk.type(right_of(desk.typed), changed=False)
    assert desk.errors == []


def right_of(table):
    return table.assign(y=table["y"].str.replace(".fsc", ".fcs"))


def test_a_cohort_that_opened_leaves_the_desk_and_is_remembered(root):
    from lotviz.app.recent import recent

    session = Session(Workspace(root), Choices())
    session.desk.pick("study/sheet.csv")
    session.desk.done("study/sheet.csv")
    assert session.desk.key == ""
    assert recent(root.resolve()) == ["study/sheet.csv"]
    session.desk.done("demo: patients")
    assert recent(root.resolve()) == ["study/sheet.csv"]


def test_opening_with_other_columns_is_another_request(root):
    session = Session(Workspace(root), Choices())
    opened = []
    session.open = lambda: opened.append(session.opening)
    session.choices.param.watch(lambda *_events: session.open(), ["cohort", "columns"])
    session.open_as("study/sheet.csv", columns={"sample": "Probe"})
    assert opened[-1].options()["columns"] == {"sample": "Probe"}
    session.open_as("study/sheet.csv", columns={"sample": "Tube"})
    assert opened[-1].options()["columns"] == {"sample": "Tube"}
    count = len(opened)
    session.open_as("study/sheet.csv", columns={"sample": "Tube"})
    assert len(opened) == count + 1  # asked for again, it is read again


def test_a_long_sheet_is_not_cut(desk, root):
    from lotviz.app.pages.opening import opening
    from lotviz.app.sheet_editor import MOST_ROWS, SheetEditor

    rows = "".join(f"S{number},fcs/P1.fcs\n" for number in range(MOST_ROWS + 20))
    (root / "study" / "long.csv").write_text("sample,file\n" + rows)
    session = Session(Workspace(root), Choices())
    session.desk.pick("study/long.csv")
    page = opening(session)
    assert not list(page.body.select(SheetEditor))
    assert session.desk.finish() == "study/long.csv"
    assert len(session.desk.typed) == MOST_ROWS + 20
