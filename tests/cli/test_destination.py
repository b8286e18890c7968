"""Outputs: refused before anything is computed, never half-written, never replaced unasked."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest

from lotviz.cli.destination import (
    DATA_SUFFIXES,
    check_file,
    check_new_folder,
    check_result,
    check_suffix,
    check_synthetic,
    check_table,
    write_text,
)
from lotviz.cli.failures import RefusedError
from lotviz.data.files import replace_file
from lotviz.data.named import CELL_SUFFIXES
from lotviz.data.tables.sheet import SHEET_SUFFIXES


def test_a_new_file_in_a_folder_is_accepted(tmp_path):
    path = tmp_path / "new.lot"
    assert check_file(path, overwrite=False) == path
    assert not path.exists()


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(RefusedError, match=r"Expected the folder .*nowhere to exist, found none\. Create"):
        check_file(tmp_path / "nowhere" / "new.lot", overwrite=True)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(RefusedError, match=r"found a folder\. Add a file name"):
        check_file(tmp_path, overwrite=True)


def test_an_existing_file_needs_overwrite(tmp_path):
    path = tmp_path / "old.lot"
    path.write_text("old")
    with pytest.raises(RefusedError, match=r"found one that exists\. Choose another name, or add --overwrite"):
        check_file(path, overwrite=False)
    assert check_file(path, overwrite=True) == path


def test_an_input_is_never_overwritten(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("sample,file")
    with pytest.raises(RefusedError, match=r"found the input\. .*inputs are never altered"):
        check_file(sheet, overwrite=True, inputs=[Path("nothing.csv"), Path("sheet.csv")])
    assert check_file(sheet, overwrite=True, inputs=[Path("nothing.csv")]) == sheet


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_closed_folder_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(RefusedError, match="found it closed"):
        check_file(tmp_path / "new.lot", overwrite=False)


def test_a_folder_with_files_is_never_replaced(tmp_path):
    for name in ("empty", "full"):
        (tmp_path / name).mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(RefusedError, match="what exists is never replaced"):
        check_new_folder(tmp_path / "full")
    with pytest.raises(RefusedError, match="what exists is never replaced"):
        check_new_folder(tmp_path / "full" / "thesis.txt")
    assert check_new_folder(tmp_path / "empty") == tmp_path / "empty"
    assert check_new_folder(tmp_path / "new") == tmp_path / "new"


def test_an_unknown_suffix_names_the_known_ones(tmp_path):
    with pytest.raises(RefusedError, match=r"ends in \.csv, \.fcs, found \.xls\. Change the ending"):
        check_suffix(tmp_path / "cells.xls", (".csv", ".fcs"))
    assert check_suffix(tmp_path / "cells.FCS", (".csv", ".fcs")).suffix == ".FCS"


def test_text_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "result.json"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "half \ud800")
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]
    assert path.read_text() == "old"
    write_text(path, "new")
    assert path.read_text() == "new"


def test_no_result_replaces_a_sheet_or_cells(tmp_path):
    assert set(DATA_SUFFIXES) == {*CELL_SUFFIXES, *SHEET_SUFFIXES}
    for suffix in DATA_SUFFIXES:
        path = tmp_path / f"P01{suffix.upper()}"
        path.write_text("measured")
        with pytest.raises(RefusedError, match="data are never replaced"):
            check_result(path, overwrite=True)
    (tmp_path / "old.lot").write_text("old")
    for name in ("old.lot", "new.csv"):
        assert check_result(tmp_path / name, overwrite=True) == tmp_path / name


def test_synthetic_cells_replace_synthetic_ones_only(tmp_path):
    path = tmp_path / "P01.fcs"
    mark = "FCS3.1 synthetic: computed by lotviz, never measured"
    for there in ("", mark + ' {"weights": {"P01": 1}}'):
        path.write_text(there)
        assert check_synthetic(path) == path
    for there in ("FCS3.1 measured", mark):  # such as a cohort that was simulated
        path.write_text(there)
        with pytest.raises(RefusedError, match="measured cells are never replaced"):
            check_synthetic(path)
    assert check_synthetic(tmp_path / "new.fcs") == tmp_path / "new.fcs"


@pytest.mark.parametrize("there", ["", "region,marker,excess\nLGR5+,pERK,0.1\n"])
def test_a_table_replaces_one_of_its_own_kind(tmp_path, there):
    path = tmp_path / "table.csv"
    path.write_text(there)
    assert check_table(path, [("from", "to"), ("region", "marker")]) == path


def test_a_table_in_parquet_is_known_by_its_columns(tmp_path):
    for columns, ours in ((["from", "to", "mass"], True), (["CD3", "from", "to"], False)):
        path = tmp_path / "table.parquet"
        pd.DataFrame([[0.0] * 3], columns=columns).to_parquet(path)
        if ours:
            assert check_table(path, [("from", "to")]) == path
        else:
            with pytest.raises(RefusedError, match="found a file that is none"):
                check_table(path, [("from", "to")])


@pytest.mark.parametrize("name", ["P01.csv", "P01.parquet"])
def test_no_table_replaces_what_is_none_of_ours(tmp_path, name):
    path = tmp_path / name
    path.write_text("CD3,CD4\n1,2\n")
    with pytest.raises(RefusedError, match="data are never replaced"):
        check_table(path, [("region", "marker")])
    assert check_table(tmp_path / "new.csv", []) == tmp_path / "new.csv"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_or_device_is_no_place_for_a_result(tmp_path):
    pipe = tmp_path / "pipe.lot"
    os.mkfifo(pipe)
    for path in (pipe, Path(os.devnull)):
        with pytest.raises(RefusedError, match="Expected the name of a file, found a device or a pipe"):
            check_file(path, overwrite=True)
    with pytest.raises(OSError, match="to be a file, found a device or a pipe"):
        replace_file(pipe, lambda path: path.write_text("x"))
    assert pipe.is_fifo()


@pytest.mark.parametrize("write", [write_text, lambda path, text: replace_file(path, lambda to: to.write_text(text))])
def test_what_a_link_leads_to_is_replaced_and_not_the_link(tmp_path, write):
    (tmp_path / "elsewhere").mkdir()
    file, link = tmp_path / "elsewhere" / "a.json", tmp_path / "a.json"
    file.write_text("old")
    link.symlink_to(file)
    write(link, "new")
    assert (link.is_symlink(), file.read_text()) == (True, "new")
