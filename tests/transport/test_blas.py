from __future__ import annotations

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
