from __future__ import annotations

import numpy as np

from lotviz.transport.cells import RememberedCells, hash_of


class CountingCells:
    def __init__(self):
        self.reads = []

    def read(self, sample):
        self.reads.append(sample)
        return np.full((10, 2), len(sample), dtype=np.float32)

    def populations(self, sample):
        return np.array([sample] * 10)


def test_what_was_read_is_remembered_within_the_budget():
    source = CountingCells()
    cells = RememberedCells(source, budget=100)
    for sample in ("a", "bb", "a", "bb"):
        assert cells.read(sample)[0, 0] == len(sample)
    assert source.reads == ["a", "bb", "bb"]  # 80 bytes each: the second does not fit
    assert list(cells.populations("a")) == ["a"] * 10


def test_hashes_see_values_and_shape():
    values = np.arange(6, dtype=np.float32)
    assert hash_of(values.reshape(2, 3)) == hash_of(np.asfortranarray(values.reshape(2, 3)))
    assert hash_of(values.reshape(2, 3)) != hash_of(values.reshape(3, 2))
    assert hash_of(values.reshape(2, 3)) != hash_of(values.reshape(2, 3) + 1)
