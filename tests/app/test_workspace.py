from __future__ import annotations

import os
import shutil
import threading

import pytest

from lotviz.app.workspace import DEMOS, KEPT, MOST_SEEN, Comparison, Opened, Opening, Separation, Workspace
from lotviz.data import CohortError, Problem, simulate, write_cohort
from lotviz.transport import Cancelled
from tests.app.cohorts import small
from tests.app.conftest import Shelf, quiet


def read(workspace, key, **transform) -> Opened:
    return workspace.open(Opening(key, **transform), quiet, threading.Event())


def found(workspace):
    """Return what is offered beside the built-in cohorts."""
    return [name for name in workspace.offers() if name not in DEMOS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a cohort in a folder, to be copied."""
    return write_cohort(small(samples=4), tmp_path_factory.mktemp("cohort") / "study", format="csv")


@pytest.fixture
def root(tmp_path, folder):
    """Return a data root with one cohort in a folder, beside another one that is outside."""
    shutil.copytree(folder, tmp_path / "root" / "study")
    shutil.copytree(folder, tmp_path / "outside")
    return tmp_path / "root"


# ---- what is offered


def test_the_built_in_cohorts_are_always_offered(tmp_path):
    assert Workspace(tmp_path).offers() == list(DEMOS)
    assert Workspace(tmp_path / "not there").offers() == list(DEMOS)


def test_cohorts_below_the_root_are_offered_before_the_built_in_ones(root):
    (root / "deep" / "er").mkdir(parents=True)
    (root / "deep" / "er" / "cells.h5ad").touch()
    (root / "fcs").mkdir()
    (root / "fcs" / "sheet.csv").touch()
    (root / "store.zarr").mkdir()
    assert Workspace(root).offers() == ["deep/er/cells.h5ad", "fcs/sheet.csv", "store.zarr", "study", *DEMOS]


def test_what_is_no_cohort_is_not_offered(root):
    for name in ("notes.txt", "samples.csv", "sheet.docx", "cells.csv.bak"):
        (root / name).touch()
    (root / "half").mkdir()
    (root / "half" / "cells.csv").touch()
    assert found(Workspace(root)) == ["study"]


def test_hidden_folders_are_skipped(root, folder):
    shutil.copytree(folder, root / ".hidden")
    shutil.copytree(folder, root / "open" / ".git" / "study")
    assert found(Workspace(root)) == ["study"]


def test_links_are_not_followed(root):
    (root / "link").symlink_to(root.parent / "outside", target_is_directory=True)
    (root / "around").symlink_to(root, target_is_directory=True)
    (root / "linked.h5ad").symlink_to(root.parent / "outside" / "cells.csv")
    assert found(Workspace(root)) == ["study"]


def test_folders_too_deep_are_not_searched(root, folder):
    shutil.copytree(folder, root / "a" / "b" / "c")
    shutil.copytree(folder, root / "a" / "b" / "d" / "e")
    assert found(Workspace(root)) == ["a/b/c", "study"]


def test_a_store_is_one_thing_not_a_folder_to_look_into(root):
    (root / "store.zarr" / "inside").mkdir(parents=True)
    (root / "store.zarr" / "inside" / "sheet.csv").touch()
    assert found(Workspace(root)) == ["store.zarr", "study"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may look everywhere")
def test_a_folder_that_must_not_be_looked_at_is_passed_over(root):
    (root / "locked").mkdir(mode=0)
    assert found(Workspace(root)) == ["study"]
    (root / "locked").chmod(0o700)


def test_a_very_wide_root_is_not_searched_to_its_end(root, monkeypatch):
    monkeypatch.setattr("lotviz.app.workspace.MOST_SEEN", 3)
    for number in range(8):
        (root / f"folder {number}").mkdir()
        (root / f"folder {number}" / "sheet.csv").touch()
    assert len(found(Workspace(root))) < 8
    assert MOST_SEEN > 3


# ---- what can be opened


def test_a_cohort_below_the_root_is_opened_and_looked_through(root):
    shown = read(Workspace(root), "study")
    assert list(shown.cohort.samples.index) == list(shown.quality.profiles.names)
    assert all(problem.severity == "warning" for problem in shown.problems)


def test_the_transform_is_the_one_that_was_asked_for(root):
    workspace = Workspace(root)
    assert read(workspace, "study", transform="none").cohort.transform.kind == "none"
    chosen = read(workspace, "study", transform="arcsinh", cofactor=150.0).cohort.transform
    assert (chosen.kind, chosen.cofactor) == ("arcsinh", 150.0)


@pytest.mark.parametrize("key", ["../outside", "study/../../outside", "..", "/etc", "link"])
def test_nothing_outside_the_root_is_opened(root, key):
    (root / "link").symlink_to(root.parent / "outside", target_is_directory=True)
    with pytest.raises(CohortError, match="inside the data root"):
        read(Workspace(root), key)


def test_a_cohort_that_keeps_its_cells_outside_the_root_is_refused(root):
    (root / "study" / "cells.csv").unlink()
    (root / "study" / "cells.csv").symlink_to(root.parent / "outside" / "cells.csv")
    with pytest.raises(CohortError, match="inside the data root"):
        read(Workspace(root), "study")


@pytest.mark.parametrize("name", ["../outside/P1.csv", "{outside}/P1.csv", "link/P1.csv"])
def test_a_sheet_cannot_name_files_outside_the_root(root, name):
    outside = root.parent / "outside"
    (outside / "P1.csv").write_text("CD3,CD4\n1,2\n3,4\n")
    (root / "link").symlink_to(outside, target_is_directory=True)
    (root / "sheet.csv").write_text(f"sample,file\nP1,{name.format(outside=outside)}\n")
    with pytest.raises(CohortError, match="inside the data root"):
        read(Workspace(root), "sheet.csv")


@pytest.mark.parametrize("key", ["nothing", "<img src=x onerror=alert(1)>", " ", "study/cells.csv"])
def test_what_cannot_be_opened_says_why(root, key):
    with pytest.raises(CohortError):
        read(Workspace(root), key)


@pytest.mark.parametrize("name", list(DEMOS))
def test_the_built_in_cohorts_are_simulated_and_the_same_every_time(tmp_path, name):
    shown, expected = read(Workspace(tmp_path), name).cohort, simulate(**DEMOS[name])
    assert shown.synthetic
    assert shown.samples.equals(expected.samples)
    sample = shown.samples.index[0]
    assert (shown.raw(sample) == expected.raw(sample)).all()


def test_a_cohort_with_errors_is_refused_with_all_of_them(root):
    cells = root / "study" / "cells.csv"
    remark, *lines = cells.read_text().splitlines()
    assert remark.startswith("# synthetic")
    names = lines[0].split(",")
    for row, column in ((1, 1), (200, 2)):
        values = lines[row].split(",")
        lines[row] = ",".join("nan" if i == column else value for i, value in enumerate(values))
    cells.write_text("\n".join(lines))
    with pytest.raises(CohortError) as caught:
        read(Workspace(root), "study")
    assert {names[1], names[2]} <= {name for name in names if name in str(caught.value)}


# ---- names


def test_a_path_is_named_from_the_root(root):
    assert Workspace(root).key_of(root / "study") == "study"
    assert Workspace(root).key_of(root / "a" / ".." / "study" / "cells.csv") == "study/cells.csv"


@pytest.mark.parametrize("path", ["../outside", "../root-but-longer", "link"])
def test_a_path_outside_the_root_has_no_name(root, path):
    (root / "link").symlink_to(root.parent / "outside", target_is_directory=True)
    with pytest.raises(CohortError, match="Start lotviz with --data-root"):
        Workspace(root).key_of(root / path)


def test_a_root_that_is_a_link_is_what_it_leads_to(root):
    (root.parent / "alias").symlink_to(root, target_is_directory=True)
    workspace = Workspace(root.parent / "alias")
    assert workspace.key_of(root.parent / "alias" / "study") == "study"
    assert found(workspace) == ["study"]


# ---- what is kept


def test_the_same_request_gets_the_same_object(root):
    workspace = Workspace(root)
    assert read(workspace, "study") is read(workspace, "study")
    assert read(workspace, "study", cofactor=6.0) is not read(workspace, "study")


def test_requests_that_ask_the_same_are_equal():
    opening = Opening("a", "none", 5.0)
    assert Comparison(opening, 64, 0) == Comparison(Opening("a", "none", 5.0), 64, 0)
    assert Comparison(opening, 64, 0) != Comparison(opening, 64, 1)
    assert hash(Separation(opening, "label", None, None, 0)) == hash(Separation(opening, "label", None, None, 0))


@pytest.fixture
def shelf():
    """Return a workspace of tiny cohorts with any name, that remembers which of them were made."""

    class Names(dict):
        def __missing__(self, name):
            return lambda: asked.append(name) or simulate(samples=2, cells=3, markers=2)

    asked: list[str] = []
    workspace = Shelf(Names())
    workspace.asked = asked
    return workspace


def test_work_is_done_once(shelf):
    assert len({id(read(shelf, "a")) for _ in range(3)}) == 1
    assert shelf.asked == ["a"]


def test_work_is_done_once_for_all_who_ask_at_the_same_time(shelf):
    gate, answers = threading.Barrier(4), []

    def ask():
        gate.wait(10)
        answers.append(read(shelf, "a"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert shelf.asked == ["a"]
    assert len({id(answer) for answer in answers}) == 1


def test_whoever_waits_for_the_work_of_another_can_stop_waiting(shelf):
    under_way, go_on, stop, stopped = (threading.Event() for _ in range(4))

    def slow():
        under_way.set()
        go_on.wait(30)
        return simulate(samples=2, cells=3, markers=2)

    shelf.cohorts["slow"] = slow
    first = threading.Thread(target=read, args=(shelf, "slow"))
    first.start()
    assert under_way.wait(10)

    def wait():
        try:
            shelf.open(Opening("slow"), quiet, stop)
        except Cancelled:
            stopped.set()

    second = threading.Thread(target=wait)
    second.start()
    stop.set()
    assert stopped.wait(10)
    go_on.set()
    for thread in (first, second):
        thread.join(10)


def test_a_failure_is_not_kept(shelf):
    def refuse():
        raise CohortError(Problem("here", "Expected a cohort, found none.", "Bring one."))

    shelf.cohorts["a"] = refuse
    with pytest.raises(CohortError):
        read(shelf, "a")
    assert shelf.kept(Opening("a")) is None
    del shelf.cohorts["a"]
    assert read(shelf, "a").cohort.synthetic


def test_the_result_not_used_for_longest_is_let_go(shelf):
    for number in range(KEPT):
        read(shelf, f"{number}")
    assert shelf.kept(Opening("0")) is not None
    read(shelf, "one more")
    assert shelf.kept(Opening("1")) is None
    assert all(shelf.kept(Opening(name)) is not None for name in ("0", "2", str(KEPT - 1), "one more"))


def test_looking_for_a_result_makes_none(shelf):
    assert shelf.kept(Opening("a")) is None
    assert shelf.asked == []


def test_workspaces_share_nothing(tmp_path):
    one, other = Workspace(tmp_path), Workspace(tmp_path)
    read(one, "demo: patients")
    assert other.kept(Opening("demo: patients")) is None
