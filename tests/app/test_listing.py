from __future__ import annotations

from lotviz.app.listing import entries, files_of_cells
from lotviz.app.recent import MOST, recent, remember


def study(root):
    (root / "study").mkdir()
    for name in ("sheet.csv", "P2.fcs", "P1.fcs", "cells.parquet", "atlas.h5ad", "notes.docx", ".hidden.csv"):
        (root / "study" / name).write_bytes(b"x" * 200)
    (root / "study" / "sub").mkdir()
    (root / "study" / "cells.zarr").mkdir()
    (root / "study" / "link.csv").symlink_to(root / "outside.csv")


def test_a_folder_lists_folders_tables_annotated_data_and_cells_in_this_order(tmp_path):
    study(tmp_path)
    listed = entries(tmp_path, "study")
    assert [(entry.name, entry.kind) for entry in listed] == [
        ("sub", "folder"),
        ("sheet.csv", "sheet"),
        ("atlas.h5ad", "annotated"),
        ("cells.zarr", "annotated"),
        ("cells.parquet", "cells"),
        ("P1.fcs", "cells"),
        ("P2.fcs", "cells"),
    ]
    assert listed[1].key == "study/sheet.csv"
    assert listed[1].detail == "0.2 kB"


def test_a_folder_that_is_not_there_lists_nothing(tmp_path):
    assert entries(tmp_path, "nowhere") == []


def test_files_of_cells_are_those_of_one_sample_each(tmp_path):
    study(tmp_path)
    assert [path.name for path in files_of_cells(tmp_path, "study")] == ["cells.parquet", "P1.fcs", "P2.fcs"]


def test_the_last_opened_is_first_and_what_is_gone_is_not_listed(tmp_path, monkeypatch):
    monkeypatch.setenv("LOTVIZ_RECENT", str(tmp_path / "state" / "recent.json"))
    for number in range(MOST + 3):
        (tmp_path / f"{number}.csv").touch()
        remember(tmp_path, f"{number}.csv")
    remember(tmp_path, "5.csv")
    (tmp_path / "10.csv").unlink()
    assert recent(tmp_path) == ["5.csv", "9.csv", "8.csv", "7.csv", "6.csv", "4.csv", "3.csv"]
    assert recent(tmp_path / "other") == []


def test_a_damaged_list_is_no_list(tmp_path, monkeypatch):
    monkeypatch.setenv("LOTVIZ_RECENT", str(tmp_path / "recent.json"))
    for text in ("", "[1]", '{"a": 3}', "\xff", f'{{"{tmp_path}": [1, null, "a\\u0000b"]}}'):
        (tmp_path / "recent.json").write_text(text, encoding="latin-1")
        assert recent(tmp_path) == []


def test_where_nothing_can_be_written_nothing_is_remembered(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LOTVIZ_RECENT", str(tmp_path / "file" / "recent.json"))
    remember(tmp_path, "a.csv")
    assert recent(tmp_path) == []
