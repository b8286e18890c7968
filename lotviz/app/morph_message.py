"""The message of the morph: glued tuples of cells in few bytes, shuffled so that any prefix is a fair subsample.

For K samples and N tuples it is 20 + 4 K N bytes, plus 4 N for masses, K N each for values, categories and a marker,
and N each for travel and leads: 8 MB at a million pairs, 32 MB at a million tuples of eight samples. Bokeh's
`websocket_max_message_size` (20 MB) limits what the browser sends, which here is a few numbers on release; what the
server sends is not limited, so no setting has to change for large samples.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNITS = 65_536  # steps across the picture in each direction; the browser bins them to the pixels it has
FEWEST, MOST = 2, 8  # samples in one morph
HEADER_BYTES = 20  # version, N, parts, K (each uint32), width : height (float32)
_VERSION = 2
_MASSES, _VALUES, _CATEGORIES, _MARKERS, _TRAVEL, _LEADS = 1, 2, 4, 8, 16, 32

Bounds = tuple[float, float, float, float]
Positions = np.ndarray | Sequence[np.ndarray]


def picture_bounds(*clouds: np.ndarray, size: tuple[float, float], padding: float = 0.02) -> Bounds:
    """Return bounds that hold all clouds, widened so that one unit is the same length on both axes.

    Parameters
    ----------
    clouds
        Positions, each (n, 2).
    size
        Width and height of the picture; only their ratio matters.
    padding
        Empty margin on each side, as a share of the picture.

    Returns
    -------
    Left, right, bottom, top, in the unit of the positions.

    Examples
    --------
    >>> picture_bounds(np.array([[0.0, 0.0], [1.0, 1.0]]), size=(2, 1), padding=0)
    (-0.5, 1.5, 0.0, 1.0)
    """
    low = np.min([cloud.min(axis=0) for cloud in clouds], axis=0)
    high = np.max([cloud.max(axis=0) for cloud in clouds], axis=0)
    shape = np.asarray(size, dtype=float)
    unit = max(float(np.max((high - low) / shape)), np.finfo(float).tiny ** 0.5) / (1 - 2 * padding)
    left, bottom = (low + high - unit * shape) / 2
    right, top = (low + high + unit * shape) / 2
    return float(left), float(right), float(bottom), float(top)


def quantise(positions: Positions, bounds: Bounds, *, size: tuple[float, float]) -> NDArray[np.uint16]:
    """Turn the positions of glued tuples into 16-bit fixed point.

    Interpolating these numbers is interpolating the cells, to 1/65536 of the picture. Zero is left and top.

    Parameters
    ----------
    positions
        Positions of the N tuples in each of K samples, (K, N, 2), or K arrays of (N, 2).
    bounds
        Left, right, bottom, top of the picture, as from `picture_bounds`. Cells beyond are put on the border.
    size
        Width and height of the picture; must have the shape of the bounds, or circles would become ellipses.

    Returns
    -------
    (K, 2, N): all x of the first sample, all y of the first, all x of the second, ...

    Raises
    ------
    ValueError
        There are fewer than 2 or more than 8 samples, they differ in length, a position is not finite, or bounds and
        size differ in shape.

    Examples
    --------
    >>> quantise(np.array([[[0.0, 1.0]], [[1.0, 0.0]]]), (0, 1, 0, 1), size=(1, 1)).tolist()
    [[[0], [0]], [[65535], [65535]]]
    """
    samples = _checked(positions)
    left, right, bottom, top = bounds
    if not np.isclose((right - left) * size[1], (top - bottom) * size[0], rtol=1e-3):
        raise ValueError(
            f"Expected bounds in the shape of the picture {size[0]:g} x {size[1]:g}, found "
            f"{right - left:g} x {top - bottom:g}. Take the bounds from picture_bounds."
        )
    units = np.empty((len(samples), 2, len(samples[0])), "<u2")
    for sample, target in zip(samples, units, strict=True):  # an axis at a time: large clouds need little room
        for axis, (start, scale) in enumerate(((left, UNITS / (right - left)), (top, -UNITS / (top - bottom)))):
            steps = np.subtract(sample[:, axis], start, dtype=float)
            steps *= scale
            target[axis] = np.clip(steps, 0, UNITS - 1, out=steps)  # the cast cuts off, and nothing is negative here
    return units


def pack_tuples(
    positions: Positions,
    bounds: Bounds,
    *,
    size: tuple[float, float],
    masses: np.ndarray | None = None,
    values: np.ndarray | None = None,
    value_limit: float | None = None,
    categories: np.ndarray | None = None,
    markers: np.ndarray | None = None,
    marker_limits: tuple[float, float] | None = None,
    travel: np.ndarray | None = None,
    leads: np.ndarray | None = None,
    seed: int = 0,
) -> bytes:
    """Pack glued tuples into the one message `MorphCanvas.cells` takes, shuffled.

    Parameters
    ----------
    positions, bounds, size
        As in `quantise`: the same N tuples in each of K samples, K from 2 to 8.
    masses
        Mass of each tuple, (N,), positive, any unit; None if all weigh the same.
    values
        Signed value (contribution) of each tuple in each sample, (N, K).
    value_limit
        The value that gets the last colour, at both ends of the scale; None for the largest magnitude found.
    categories
        Number of the category of each tuple in each sample, (N, K): positions in `category_palette`.
    markers
        Value of one marker for each tuple in each sample, (N, K), in any unit.
    marker_limits
        The values that get the first and the last colour; None for the 1st and 99th percentile.
    travel
        How far the cells of each tuple lie apart, (N,), not negative, as from `travelled`; its 98th percentile gets
        the last colour.
    leads
        The sample whose weight each tuple has, (N,), from 0 to K - 1: in a mixture it counts as much as that sample.
        None if all count alike in every mixture.
    seed
        Seed of the shuffling.

    Raises
    ------
    ValueError
        As in `quantise`; or masses, values, categories, markers, travel or leads do not fit the tuples.
    """
    samples = _checked(positions)
    k, n = len(samples), len(samples[0])
    order = np.random.default_rng(seed).permutation(n)
    parts: list[np.ndarray] = [quantise(samples, bounds, size=size)[:, :, order]]
    flags = 0
    if masses is not None:
        flags |= _MASSES
        parts.append(_relative_masses(masses, n)[order])
    if values is not None:
        flags |= _VALUES
        parts.append(_signed_bytes(values, (n, k), value_limit)[order].T)
    if categories is not None:
        flags |= _CATEGORIES
        parts.append(_codes(categories, (n, k))[order].T)
    if markers is not None:
        flags |= _MARKERS
        parts.append(_levels(markers, (n, k), marker_limits)[order].T)
    if travel is not None:
        flags |= _TRAVEL
        parts.append(_distances(travel, n)[order])
    if leads is not None:
        flags |= _LEADS
        parts.append(checked_leads(leads, n, k)[order])
    header = np.array([_VERSION, n, flags, k], "<u4").tobytes() + np.array(size[0] / size[1], "<f4").tobytes()
    return b"".join([header, *(part.tobytes() for part in parts)])


def pack_pairs(a_xy: np.ndarray, b_xy: np.ndarray, bounds: Bounds, **options: Any) -> bytes:
    """Pack glued pairs: `pack_tuples` of two samples.

    Parameters
    ----------
    a_xy, b_xy
        Positions of the pairs in A and in B, (N, 2) each.
    bounds
        Left, right, bottom, top of the picture.
    options
        `size` and the rest, as in `pack_tuples` with K = 2.

    Raises
    ------
    ValueError
        As in `pack_tuples`.
    """
    return pack_tuples([a_xy, b_xy], bounds, **options)


def travelled(positions: Positions) -> NDArray[np.float64]:
    """Return how far the cells of each tuple lie apart: the root of the mean squared distance between two of its cells.

    For two samples that is the length of each cell's way.

    Parameters
    ----------
    positions
        (K, N, d) or K arrays of (N, d): any space, best that of all markers.

    Returns
    -------
    (N,), in the unit of the positions.

    Examples
    --------
    >>> travelled(np.array([[[0.0, 0.0]], [[3.0, 4.0]]])).tolist()
    [5.0]
    """
    k = len(positions)
    centre = np.mean(positions, axis=0)
    spread = sum(np.square(sample - centre).sum(axis=1) for sample in positions)  # the mean squared pair is 2 / (K - 1)
    return np.asarray(np.sqrt(spread * (2 / (k - 1))), dtype=float)


def weights_at(t: float, k: int) -> list[float]:
    """Return the weights of K samples at a place on the path through them: 0 is the first, K - 1 the last.

    Examples
    --------
    >>> weights_at(1.25, 3)
    [0.0, 0.75, 0.25]
    """
    place = min(max(t, 0.0), k - 1.0)
    return [max(0.0, 1.0 - abs(place - stop)) for stop in range(k)]


def samples_in(message: bytes) -> int:
    """Return the number of samples K of a message; 0 of the empty one."""
    return int(np.frombuffer(message, "<u4", 4)[3]) if message else 0


def colour_bytes(colours: Sequence[str]) -> bytes:
    """Return opaque RGBA bytes of colours like "#0072B2".

    Raises
    ------
    ValueError
        A colour is not written as # and six hexadecimal digits.

    Examples
    --------
    >>> list(colour_bytes(["#0072B2"]))
    [0, 114, 178, 255]
    """
    for colour in colours:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
            raise ValueError(f"Expected a colour like #0072B2, found {colour!r}. Write it in hexadecimal.")
    return b"".join(bytes.fromhex(colour[1:]) + b"\xff" for colour in colours)


def _checked(positions: Positions) -> list[np.ndarray]:
    samples = [np.asarray(sample) for sample in positions]
    if not FEWEST <= len(samples) <= MOST:
        raise ValueError(f"Expected {FEWEST} to {MOST} samples, found {len(samples)}. Choose some of them.")
    shapes = list(dict.fromkeys(sample.shape for sample in samples))
    if len(shapes) > 1 or len(shapes[0]) != 2 or shapes[0][1] != 2:
        found = " and ".join(map(str, shapes))
        raise ValueError(f"Expected arrays of the same shape (N, 2), found {found}. Give each tuple one row in all.")
    if not all(np.isfinite(sample).all() for sample in samples):
        raise ValueError("Expected finite positions, found NaN or infinity. Leave those cells out.")
    return samples


def _relative_masses(masses: np.ndarray, n: int) -> np.ndarray:
    """Return masses as float32 with mean 1, so that a pixel's mass reads like a number of cells."""
    weights = np.asarray(masses, dtype=float)
    if weights.shape != (n,) or not (np.isfinite(weights).all() and (weights > 0).all()):
        raise ValueError(f"Expected {n} positive masses, found shape {weights.shape}. Leave out pairs without mass.")
    return (weights / weights.mean()).astype("<f4")


def _numbers(given: np.ndarray, shape: tuple[int, ...], what: str) -> np.ndarray:
    numbers = np.asarray(given, dtype=float)
    if numbers.shape != shape or not np.isfinite(numbers).all():
        raise ValueError(f"Expected finite {what} of shape {shape}, found {numbers.shape}. Give one per end.")
    return numbers


def _signed_bytes(values: np.ndarray, shape: tuple[int, int], limit: float | None) -> np.ndarray:
    numbers = _numbers(values, shape, "values")
    bound = float(np.abs(numbers).max(initial=0)) if limit is None else limit
    return np.clip(np.rint(127 * numbers / (bound or 1.0)), -127, 127).astype(np.int8)


def _levels(markers: np.ndarray, shape: tuple[int, int], limits: tuple[float, float] | None) -> np.ndarray:
    """Return values as bytes, 0 at the low limit and 255 at the high one."""
    numbers = _numbers(markers, shape, "values of a marker")
    low, high = limits or ((0.0, 1.0) if numbers.size == 0 else np.percentile(numbers, [1, 99]))
    if not low <= high:
        raise ValueError(f"Expected limits from low to high, found {low:g} and {high:g}. Exchange them.")
    return np.clip(np.rint((numbers - low) * (255 / ((high - low) or 1.0))), 0, 255).astype(np.uint8)


def _distances(travel: np.ndarray, n: int) -> np.ndarray:
    numbers = _numbers(travel, (n,), "travel")
    if (numbers < 0).any():
        raise ValueError(f"Expected travel not below 0, found {numbers.min():g}. Give lengths.")
    most = float(np.percentile(numbers, 98)) if n else 0.0
    return np.clip(np.rint(numbers * (255 / (most or 1.0))), 0, 255).astype(np.uint8)


def checked_leads(leads: np.ndarray, n: int, k: int) -> np.ndarray:
    """Return the sample whose weight each of n tuples has as bytes, (n,).

    Raises
    ------
    ValueError
        They are not n whole numbers from 0 to k - 1.
    """
    found = np.asarray(leads)
    fits = found.shape == (n,) and np.issubdtype(found.dtype, np.integer)
    if not fits or found.min(initial=0) < 0 or found.max(initial=0) >= k:
        raise ValueError(f"Expected {n} numbers from 0 to {k - 1}, one a tuple, found {found.dtype} of {found.shape}.")
    return found.astype(np.uint8)


def _codes(categories: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    codes = np.asarray(categories)
    fits = codes.shape == shape and np.issubdtype(codes.dtype, np.integer)
    if not fits or codes.min(initial=0) < 0 or codes.max(initial=0) > 255:
        raise ValueError(f"Expected numbers 0 to 255 of shape {shape}, found {codes.dtype} of {codes.shape}.")
    return codes.astype(np.uint8)
