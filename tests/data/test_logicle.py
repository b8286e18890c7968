from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from lotviz.data import Logicle, Transform
from lotviz.data.transforms.logicle import width_of

# T, W, M, A: the usual ones, those of the articles and of Gating-ML, and some at the ends of what is allowed
SCALES = [
    (262_144, 0.5, 4.5, 0),
    (262_144, 1.0, 4.5, 0.5),
    (10_000, 0.5, 4.5, 0),
    (1_000, 1.0, 4.0, 0),
    (1_000, 1.0, 4.0, 1.0),
    (1_000, 0.0, 4.0, 1.0),
    (16_777_216, 2.25, 4.5, 0),
    (1_024, 0.7, 4.5, -0.7),
]


def biexponential(T, W, M, A):
    """The function whose inverse is the scale, y from 0 to 1: Moore and Parks 2012, their equations, solved anew."""
    b = (M + A) * np.log(10)
    w, x2 = W / (M + A), A / (M + A)
    x1, x0 = x2 + w, x2 + 2 * w
    d = b if w == 0 else brentq(lambda d: 2 * (np.log(d) - np.log(b)) + w * (b + d), 1e-12, b, xtol=1e-15)
    c_a = np.exp(x0 * (b + d))
    f_a = np.exp(b * x1) - c_a / np.exp(d * x1)
    a = T / (np.exp(b) - f_a - c_a / np.exp(d))
    return lambda y: a * (np.exp(b * y) - c_a * np.exp(-d * y) - f_a)


@pytest.mark.parametrize("scale", SCALES)
def test_the_scale_is_the_root_of_the_biexponential_equation(scale):
    T, _, M, _ = scale
    raw = np.concatenate([-T * np.logspace(-1, -6, 12), [0.0], T * np.logspace(-6, 0.3, 25)])
    function = biexponential(*scale)
    zero = (scale[1] + scale[3]) / (M + scale[3])
    roots = np.array([brentq(lambda y, x=x: function(y) - abs(x), -4, 3, xtol=1e-14, maxiter=500) for x in raw])
    # below zero the scale is the mirror image of that above: so in the authors' code, and in the values of Gating-ML
    mirrored = np.where(raw < 0, 2 * zero - roots, roots)
    np.testing.assert_allclose(Logicle(*scale).scaled(raw), M * mirrored, rtol=0, atol=1e-6)


def test_the_values_printed_in_gating_ml():
    raw = np.array([-10, -5, -1, 0, 0.3, 1, 3, 10, 100, 1000])
    printed = [0.067574, 0.147986, 0.228752, 0.25, 0.256384, 0.271248, 0.312897, 0.432426, 0.739548, 1.0]
    np.testing.assert_allclose(Logicle(T=1000, W=1, M=4, A=0).scaled(raw) / 4, printed, atol=1e-6)


@pytest.mark.parametrize("scale", SCALES)
def test_the_scale_rises_and_its_inverse_undoes_it(scale):
    T, W, M, A = scale
    logicle = Logicle(*scale)
    raw = np.linspace(-T / 20, T, 5001)
    scaled = logicle.scaled(raw)
    assert (np.diff(scaled) > 0).all()
    np.testing.assert_allclose(logicle.raw(scaled), raw, rtol=1e-9, atol=1e-9 * T)
    ends = logicle.scaled(np.array([T, 0.0]))
    np.testing.assert_allclose(ends, [M, M * (W + A) / (M + A)], atol=1e-9)


@pytest.mark.parametrize("M", [0.5, 1, 2, 4.5, 7, 12])
@pytest.mark.parametrize("share", [0, 1e-12, 1e-9, 1e-6, 0.01, 0.4, 1])
def test_no_value_is_left_unsolved(M, share):
    """FlowUtils answers -1 to what it cannot solve; values next to zero were such, for W = 0."""
    for A in (0.0, -share * M / 2, M - share * M):
        for T in (1.0, 262_144.0):
            logicle = Logicle(T=T, W=share * M / 2, M=M, A=A)
            raw = T * np.logspace(-44, 6, 2001)
            scaled = logicle.scaled(np.concatenate([-raw[::-1], [0.0], raw]))
            assert np.diff(scaled).min() > -1e-12 * M  # to rounding
            np.testing.assert_allclose(scaled[2001] - scaled[2000::-1], scaled[2002:] - scaled[2001], atol=1e-9 * M)


@given(st.floats(-1e5, 1e6, width=32))
def test_around_zero_it_is_odd_and_as_a_transform_it_is_float32(value):
    transform = Transform("logicle")
    zero, up, down = transform([0.0, value, -value]).astype(float)
    assert up - zero == pytest.approx(zero - down, abs=1e-5)
    assert transform([value]).dtype == transform.inverse([1.0]).dtype == np.float32
    # half a unit in the last place of float32, at a value v of decades, is v * 6e-8 * ln 10 of the raw value
    np.testing.assert_allclose(transform.inverse(transform([value])), [value], rtol=5e-6, atol=1e-2)


def test_any_shape_and_what_is_no_number_stay():
    logicle = Logicle()
    raw = np.array([[np.nan, np.inf], [-np.inf, 0.0], [100.0, -100.0]])
    for strided in (raw, raw.T, np.asfortranarray(raw), np.repeat(raw, 2, axis=0)[::2]):
        kept = strided.copy()
        scaled = logicle.scaled(strided)
        np.testing.assert_array_equal(strided, kept)
        np.testing.assert_array_equal(np.isfinite(scaled), np.isfinite(strided))
        np.testing.assert_array_equal(scaled[~np.isfinite(strided)], strided[~np.isfinite(strided)])
    assert logicle.scaled(np.empty((0, 3))).shape == (0, 3)


def test_several_threads_get_the_same_as_one():
    raw = np.random.default_rng(0).normal(100, 1000, 20_000)
    scales = [Logicle(W=width) for width in np.linspace(0, 2, 9)]
    alone = [scale.scaled(raw) for scale in scales]
    with ThreadPoolExecutor(4) as threads:
        for expected, found in zip(alone, threads.map(lambda scale: scale.scaled(raw), scales), strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "wrong",
    [{"T": 0}, {"T": -1}, {"M": 0}, {"W": -0.1}, {"W": 2.3}, {"A": 4.0}, {"A": -0.6}, {"T": np.nan}, {"W": np.inf}],
)
def test_parameters_without_a_scale_are_refused(wrong):
    with pytest.raises(ValueError, match="Expected T and M above 0, W from 0 to M/2 and A from -W to M-2W, found T="):
        Logicle(**wrong)


def test_the_width_is_that_of_the_article():
    # Parks 2006: W = (M - log10(T / |r|)) / 2, so r lies one W below zero on a scale that is twice W wide there
    assert width_of(-10.0, 1000.0, 4.0) == pytest.approx(1.0)
    assert width_of(0.0, 1000.0, 4.0) == 0
    assert width_of(-1e-9, 1000.0, 4.0) == 0
    assert width_of(-1e9, 1000.0, 4.0) == 2
    assert Logicle(T=1000, W=1, M=4).scaled(np.array([-10.0]))[0] == pytest.approx(4 * 0.067574, abs=1e-5)
