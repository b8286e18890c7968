from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lotviz.app import inbox as rooms
from lotviz.app.inbox import Inbox, sweep, usable_name
from lotviz.data import CohortError


@pytest.fixture
def inbox(tmp_path, monkeypatch):
    monkeypatch.setattr(rooms.tempfile, "tempdir", str(tmp_path))
    made = Inbox(largest=1000)
    yield made
    made.empty()


def bring(inbox, name, content, piece=4):
    whole = False
    for offset in range(0, max(len(content), 1), piece):
        whole = inbox.take(name, content[offset : offset + piece], offset=offset, size=len(content))
    return whole


def test_pieces_make_the_file_that_was_sent(inbox):
    assert bring(inbox, "P1.csv", b"CD3,CD4\n1,2\n")
    assert (inbox.folder / "P1.csv").read_bytes() == b"CD3,CD4\n1,2\n"
    assert inbox.names() == ["P1.csv"]


def test_an_empty_file_is_whole_at_once(inbox):
    assert bring(inbox, "P1.csv", b"")
    assert (inbox.folder / "P1.csv").read_bytes() == b""


def test_a_file_is_not_there_before_its_last_piece(inbox):
    assert not inbox.take("P1.csv", b"abcd", offset=0, size=8)
    assert inbox.names() == []


def test_the_same_name_again_replaces_the_file(inbox):
    bring(inbox, "P1.csv", b"old content")
    bring(inbox, "P1.csv", b"new")
    assert (inbox.folder / "P1.csv").read_bytes() == b"new"


def test_a_piece_out_of_order_is_refused_and_says_so(inbox):
    inbox.take("P1.csv", b"abcd", offset=0, size=12)
    with pytest.raises(CohortError, match="Expected the piece that begins at byte 4, found one at 8"):
        inbox.take("P1.csv", b"ijkl", offset=8, size=12)


def test_more_than_was_announced_is_refused(inbox):
    inbox.take("P1.csv", b"abcd", offset=0, size=6)
    with pytest.raises(CohortError):
        inbox.take("P1.csv", b"efgh", offset=4, size=6)


def test_what_is_too_large_is_refused_before_anything_is_written(inbox):
    with pytest.raises(CohortError, match=r"at most 0\.0 MB in all, found 0\.0 MB.*data root"):
        inbox.take("P1.csv", b"a", offset=0, size=1001)
    assert list(inbox.folder.iterdir()) == []


def test_a_full_disk_is_said_before_anything_is_written(inbox, monkeypatch):
    monkeypatch.setattr(rooms, "KEPT_FREE", 10**18)
    with pytest.raises(CohortError, match=r"room for 0\.0 MB on the disk, found 0\.0 MB"):
        inbox.take("P1.csv", b"a", offset=0, size=1)


@pytest.mark.parametrize(
    ("name", "kept"),
    [("../../etc/P1.csv", "P1.csv"), ("C:\\study\\P 1.FCS", "P 1.FCS"), ("Größe µ.xlsx", "Größe µ.xlsx")],
)
def test_a_name_never_leads_elsewhere(name, kept):
    assert usable_name(name) == kept


@pytest.mark.parametrize(
    "name", ["", ".csv", "a/..", "x\0.csv", "x\n.csv", "model.pkl", "page.html", "a" * 300 + ".csv"]
)
def test_names_that_cannot_be_used_are_refused(name):
    with pytest.raises(CohortError):
        usable_name(name)


def test_nobody_else_may_look_into_the_folder(inbox):
    assert inbox.folder.stat().st_mode & 0o077 == 0


def test_everything_is_gone_when_the_session_ends(inbox):
    bring(inbox, "P1.csv", b"abc")
    inbox.empty()
    assert not inbox.folder.exists()


def test_what_a_killed_process_left_behind_is_swept_away(tmp_path, monkeypatch):
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    left, ours = tmp_path / f"lotviz-brought-{int(ended.stdout)}-x", tmp_path / f"lotviz-brought-{os.getpid()}-x"
    for folder in (left, ours):
        folder.mkdir()
        (folder / "P1.csv").write_text("1")
    monkeypatch.setattr(rooms.tempfile, "tempdir", str(tmp_path))
    sweep()
    assert not left.exists()
    assert (ours / "P1.csv").exists()
    assert Path(tmp_path).exists()
