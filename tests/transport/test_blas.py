from __future__ import annotations

import sys

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from lotviz.transport.blas import one_thread


def threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_products_have_one_thread_inside_and_what_they_had_outside():
    with threadpool_limits(2):
        before = threads()
        with one_thread():
            assert threads() == {1}
            with one_thread():
                assert threads() == {1}
            assert threads() == {1}  # who leaves first does not free the others
        assert threads() == before


def test_an_error_inside_gives_the_threads_back():
    with threadpool_limits(2):
        before = threads()
        with pytest.raises(KeyError), one_thread():
            raise KeyError("inside")
        assert threads() == before


def test_whoever_leaves_last_gives_back_what_the_first_found():
    with threadpool_limits(2):
        before = threads()
        first, second = one_thread(), one_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert threads() == {1}
        second.__exit__(None, None, None)
        assert threads() == before


def test_libraries_that_came_while_somebody_is_inside_are_limited_too(monkeypatch):
    import sklearn.utils  # brings threads of its own

    with threadpool_limits(2):
        before = {library["filepath"]: library["num_threads"] for library in threadpool_info()}
        monkeypatch.delitem(sys.modules, "sklearn.utils")
        with one_thread():
            monkeypatch.setitem(sys.modules, "sklearn.utils", sklearn.utils)
            with one_thread():
                assert {library["num_threads"] for library in threadpool_info()} == {1}
        assert {library["filepath"]: library["num_threads"] for library in threadpool_info()} == before
