"""The compiled arcsinh against numpy's in float64, to the last places, and the same wherever a value stands."""

from __future__ import annotations

import builtins
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotviz.data import Transform
from lotviz.data.transforms import arcsinh as module
from lotviz.data.transforms.arcsinh import arcsinh, arcsinh_into

HUGE = float(np.finfo(np.float32).max)
TINY = float(np.finfo(np.float32).tiny)


def last_places(found: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """The error in units in the last place of float32."""
    return np.abs(found - exact) / np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)


@pytest.mark.parametrize("cofactor", [1.0, 5.0, 7.0, 150.0, 0.3])
def test_error_is_at_most_five_units_in_the_last_place(cofactor):
    largest = HUGE * min(1.0, cofactor) * 0.999
    magnitudes = [np.geomspace(TINY * 1000, largest, 400_000), np.linspace(1e-4, 4, 900_000) * cofactor]
    bound = np.float32(np.sinh(np.log(1.65)) * cofactor)  # where one fraction takes over from the other
    values = np.float32([*np.concatenate(magnitudes), bound, np.nextafter(bound, 0), np.nextafter(bound, 9)])
    values = np.concatenate([values, -values])
    assert last_places(arcsinh(values, cofactor), np.arcsinh(values.astype(np.float64) / cofactor)).max() <= 5


def test_it_never_falls_where_values_rise():
    values = np.sort(np.float32(np.concatenate([np.geomspace(1e-3, 1e6, 500_000), np.linspace(0.6, 0.8, 500_000)])))
    steps = np.diff(arcsinh(values, 1.0).astype(np.float64))
    assert steps.min() >= -2 * np.spacing(np.float32(16))


def test_what_is_no_number_or_very_small_or_large_stays_what_it_is():
    values = np.float32([0.0, -0.0, np.inf, -np.inf, np.nan, TINY, -TINY, HUGE])
    found = arcsinh(values, 1.0)
    np.testing.assert_allclose(found, np.arcsinh(values.astype(np.float64)), rtol=3e-7, atol=0)
    assert np.signbit(found[:4]).tolist() == [False, True, False, True]


@given(st.lists(st.floats(width=32), min_size=1, max_size=80), st.integers(0, 40))
def test_a_value_gives_the_same_bits_wherever_it_stands(values, before):
    row = np.float32(values)
    shifted = np.concatenate([np.ones(before, np.float32), row])
    alone = np.concatenate([arcsinh(row[i : i + 1], 5.0) for i in range(len(row))])
    np.testing.assert_array_equal(arcsinh(row, 5.0).view(np.int32), alone.view(np.int32))
    np.testing.assert_array_equal(arcsinh(shifted, 5.0)[before:], alone)


@given(
    st.lists(st.floats(width=32), min_size=1, max_size=80),
    st.sampled_from(["<f4", ">f4", "<u2", ">u2", "u1", "<i4", ">f8"]),
    st.sampled_from([5.0, 1e-3]),
)
def test_bits_are_the_same_however_values_are_stored(values, stored, cofactor):
    with np.errstate(all="ignore"):
        given_ = np.float32(values).astype(stored)
        floats = given_.astype(np.float32)
    result = np.full(len(values), 7, np.float32)
    finite = arcsinh_into(given_, cofactor, result)
    np.testing.assert_array_equal(result.view(np.int32), arcsinh(floats, cofactor).view(np.int32))
    assert finite == np.isfinite(floats).all()


def test_any_array_is_taken():
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    expected = np.arcsinh(values / 5)
    frozen, crooked = values.copy(), np.frombuffer(b"x" + values.tobytes(), np.uint8)[1:].view(np.float32)
    frozen.flags.writeable = False
    for given_ in (values, frozen, crooked.reshape(values.shape), np.asfortranarray(values)):
        np.testing.assert_allclose(arcsinh(given_, 5.0), expected, rtol=3e-7)
    np.testing.assert_allclose(arcsinh(values[::-1, :, ::2], 5.0), expected[::-1, :, ::2], rtol=3e-7)
    assert arcsinh(np.float32(5.0).reshape(()), 5.0).shape == ()
    assert arcsinh(values[:0], 5.0).shape == (0, 3, 4)


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("cofactor", [1e-44, 1e-30, 1e30, 1e300])
def test_a_senseless_cofactor_is_numpys_business(cofactor):
    values = np.float32([0.0, 1.0, -3.0])
    with np.errstate(all="ignore"):
        expected = np.arcsinh(values / np.float32(cofactor))
        np.testing.assert_allclose(arcsinh(values, cofactor), expected, rtol=1e-6)


@pytest.mark.parametrize("missing", ["numba.core.errors", "lotviz.data.transforms.arcsinh_kernel"])
def test_where_nothing_can_be_compiled_numpy_computes(monkeypatch, missing):
    original = builtins.__import__

    def refuse(name, *rest, **named):
        if name == missing:
            raise ImportError(name)
        return original(name, *rest, **named)

    monkeypatch.delitem(sys.modules, missing, raising=False)
    monkeypatch.setattr(builtins, "__import__", refuse)
    module.compiled.cache_clear()
    try:
        values = np.float32([1.0, 700.0])
        np.testing.assert_array_equal(Transform("arcsinh", 5.0)(values), np.arcsinh(values / np.float32(5)))
    finally:
        module.compiled.cache_clear()
