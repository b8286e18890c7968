"""arcsinh of a table in a file: the bits of what is read first, one thread or two, and no where it cannot be."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lotviz.data.transforms import arcsinh_file as module
from lotviz.data.transforms.arcsinh import arcsinh, compiled
from lotviz.data.transforms.arcsinh_file import StoredTable, arcsinh_of_file

STORED = ["<f4", ">f4", "<u2", ">u2"]


def table_file(tmp_path, dtype, shape=(700, 5), before=11):
    """A file of a table after some bytes, and its values."""
    values = np.random.default_rng(3).integers(0, 2**16, shape).astype(dtype)
    path = tmp_path / "table"
    path.write_bytes(b"x" * before + values.tobytes())
    return path, StoredTable(before, np.dtype(dtype), shape[1]), values.astype(np.float32)


def of_file(path, table, count, cofactor=7.0, mode="rb"):
    """What is made of a file, None for no."""
    result = np.full((count, len(table.wanted or range(table.columns))), 9, np.float32)
    with path.open(mode, buffering=0) as handle:
        handle.seek(3)
        said = arcsinh_of_file(handle, table, cofactor, result)
        assert handle.tell() == 3
    return result if said else None


@pytest.mark.parametrize("dtype", STORED)
@pytest.mark.parametrize("wanted", [None, (0, 1, 2, 3, 4), (1, 2, 3), (4, 0, 2), (3,), (1, 3, 2)])
@pytest.mark.parametrize("block, piece", [(2**20, 2**26), (100, 2**26), (64, 1000), (1, 1)])
def test_a_file_gives_the_bits_of_its_values(tmp_path, monkeypatch, dtype, wanted, block, piece):
    monkeypatch.setattr(module, "_BLOCK", block)
    monkeypatch.setattr(module, "_PIECE", piece)
    path, table, values = table_file(tmp_path, dtype)
    expected = arcsinh(values if wanted is None else values[:, list(wanted)], 7.0)
    table = StoredTable(table.start, table.dtype, table.columns, wanted)
    np.testing.assert_array_equal(of_file(path, table, 700).view(np.int32), expected.view(np.int32))
    np.testing.assert_array_equal(of_file(path, table, 699), expected[:699])
    assert of_file(path, table, 0).shape == (0, expected.shape[1])


@pytest.mark.parametrize("dtype", STORED)
def test_a_file_that_ends_early_or_cannot_be_read_is_refused(tmp_path, dtype):
    path, table, _ = table_file(tmp_path, dtype)
    assert of_file(path, table, 701) is None
    assert of_file(path, StoredTable(10**6, table.dtype, 5), 700) is None
    assert of_file(path, table, 700, mode="ab") is None  # open for writing only


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("dtype", ["<f4", ">f4"])
def test_a_file_of_values_that_no_kernel_computes_is_refused(tmp_path, dtype, bad):
    values = np.ones((500, 3), dtype)
    values[470, 1] = bad
    path = tmp_path / "table"
    path.write_bytes(values.tobytes())
    assert of_file(path, StoredTable(0, np.dtype(dtype), 3), 500) is None
    assert of_file(path, StoredTable(0, np.dtype(dtype), 3), 470) is not None
    assert of_file(path, StoredTable(0, np.dtype(dtype), 3, (0, 2)), 500) is not None


@pytest.mark.parametrize("dtype", ["<f8", "u1", "<u4", "<i2"])
def test_a_file_of_other_types_is_refused(tmp_path, dtype):
    path, table, _ = table_file(tmp_path, dtype)
    assert of_file(path, table, 700) is None


@pytest.mark.parametrize("cofactor", [1e-44, 1e-30, 1e300])
@pytest.mark.parametrize("dtype", STORED)
@pytest.mark.filterwarnings("ignore:overflow")
def test_a_file_with_a_senseless_cofactor_is_refused(tmp_path, dtype, cofactor):
    path, table, _ = table_file(tmp_path, dtype)
    with np.errstate(all="ignore"):
        assert of_file(path, table, 700, cofactor) is None


def test_systems_that_cannot_read_in_a_compiled_function(tmp_path, monkeypatch):
    path, table, _ = table_file(tmp_path, "<f4")
    monkeypatch.delattr(compiled(), "of_file")
    assert of_file(path, table, 700) is None


# shared with a second thread


@pytest.fixture
def threads(monkeypatch):
    """The threads that were started, on a machine of two processors where any table is large."""
    started = []
    original = threading.Thread.start
    monkeypatch.setattr(module, "_SHARED", 0)
    monkeypatch.setattr(module, "_processors", lambda: 2)
    monkeypatch.setattr(threading.Thread, "start", lambda self: started.append(self) or original(self))
    return started


@pytest.mark.parametrize("dtype", STORED)
@pytest.mark.parametrize("wanted", [None, (1, 2, 3), (4, 0)])
@pytest.mark.parametrize("count", [0, 1, 2, 699, 700])
@pytest.mark.parametrize("block, piece", [(2**20, 2**26), (64, 1000)])
def test_two_threads_give_the_same_bits(tmp_path, monkeypatch, threads, dtype, wanted, count, block, piece):
    monkeypatch.setattr(module, "_BLOCK", block)
    monkeypatch.setattr(module, "_PIECE", piece)
    path, table, values = table_file(tmp_path, dtype)
    expected = arcsinh(values if wanted is None else values[:, list(wanted)], 7.0)[:count]
    table = StoredTable(table.start, table.dtype, table.columns, wanted)
    np.testing.assert_array_equal(of_file(path, table, count).view(np.int32), expected.view(np.int32))
    assert len(threads) == 1
    assert not threads[0].is_alive()
    assert module._UNDER_WAY.calls == 0


@pytest.mark.parametrize("row", [0, 249, 250, 499])
def test_either_half_says_no_for_both(tmp_path, threads, row):
    values = np.ones((500, 3), "<f4")
    values[row, 1] = np.nan
    path = tmp_path / "table"
    path.write_bytes(values.tobytes())
    assert of_file(path, StoredTable(0, values.dtype, 3), 500) is None
    assert of_file(path, StoredTable(0, values.dtype, 3, (0, 2)), 500) is not None
    assert of_file(path, StoredTable(0, values.dtype, 3), 501) is None
    assert len(threads) == 3


def test_calls_in_company_small_tables_and_one_processor_start_no_thread(tmp_path, monkeypatch, threads):
    path, table, values = table_file(tmp_path, "<f4")
    with module._UNDER_WAY.one_more() as alone:
        assert alone
        np.testing.assert_array_equal(of_file(path, table, 700), arcsinh(values, 7.0))
    with monkeypatch.context() as patch:
        patch.setattr(module, "_processors", lambda: 1)
        np.testing.assert_array_equal(of_file(path, table, 700), arcsinh(values, 7.0))
    monkeypatch.setattr(module, "_SHARED", 4 * 700 * 5 + 1)
    np.testing.assert_array_equal(of_file(path, table, 700), arcsinh(values, 7.0))
    assert threads == []


def test_where_no_thread_can_be_started_one_does_both(tmp_path, monkeypatch, threads):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    path, table, values = table_file(tmp_path, "<f4")
    monkeypatch.setattr(threading.Thread, "start", refuse)
    np.testing.assert_array_equal(of_file(path, table, 700), arcsinh(values, 7.0))
    assert of_file(path, table, 701) is None


def test_whoever_interrupts_waits_for_the_second_thread(tmp_path, monkeypatch, threads):
    original = module._Share.run

    def interrupted(self, kernels):
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        return original(self, kernels)

    path, table, _ = table_file(tmp_path, "<f4")
    monkeypatch.setattr(module._Share, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        of_file(path, table, 700)
    assert not threads[0].is_alive()
    assert module._UNDER_WAY.calls == 0


@pytest.mark.usefixtures("threads")
def test_many_at_once(tmp_path):
    tables = []
    for number, dtype in enumerate(STORED * 6):
        (folder := tmp_path / str(number)).mkdir()
        tables.append(table_file(folder, dtype))
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda each: of_file(each[0], each[1], 700), tables * 5))
    for values, (_, _, stored) in zip(found, tables * 5, strict=True):
        np.testing.assert_array_equal(values, arcsinh(stored, 7.0))
    assert module._UNDER_WAY.calls == 0
