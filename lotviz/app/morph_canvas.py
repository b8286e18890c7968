"""The morph canvas: pairs of cells sent to the browser once, which draws every step between two samples by itself.

Cells travel in one message of 16 + 8 N bytes for N pairs, plus 4 N for masses, 2 N for values and 2 N for categories:
8 MB at a million pairs. Bokeh's `websocket_max_message_size` (20 MB) limits what the browser sends, which here is one
number on release; what the server sends is not limited, so no setting has to change for large samples.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import panel as pn
import param

from lotviz.app.assets import asset

UNITS = 65_536  # steps across the picture in each direction; the browser bins them to the pixels it has
_VERSION = 1
_MASSES, _VALUES, _CATEGORIES = 1, 2, 4


def picture_bounds(
    *clouds: np.ndarray, size: tuple[float, float], padding: float = 0.02
) -> tuple[float, float, float, float]:
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


def quantise(
    a_xy: np.ndarray, b_xy: np.ndarray, bounds: tuple[float, float, float, float], *, size: tuple[float, float]
) -> bytes:
    """Turn the positions of glued pairs into 16-bit fixed point: all x of A, y of A, x of B, y of B.

    Interpolating these numbers is interpolating the cells, to 1/65536 of the picture. Zero is left and top.

    Parameters
    ----------
    a_xy, b_xy
        Positions of the pairs in A and in B, (N, 2) each.
    bounds
        Left, right, bottom, top of the picture, as from `picture_bounds`. Cells beyond are put on the border.
    size
        Width and height of the picture; must have the shape of the bounds, or circles would become ellipses.

    Raises
    ------
    ValueError
        The two ends differ in length, a position is not finite, or bounds and size differ in shape.

    Examples
    --------
    >>> corner = quantise(np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]]), (0, 1, 0, 1), size=(1, 1))
    >>> np.frombuffer(corner, np.uint16).tolist()
    [0, 0, 65535, 65535]
    """
    _check_positions(a_xy, b_xy)
    left, right, bottom, top = bounds
    if not np.isclose((right - left) * size[1], (top - bottom) * size[0], rtol=1e-3):
        raise ValueError(
            f"Expected bounds in the shape of the picture {size[0]:g} x {size[1]:g}, found "
            f"{right - left:g} x {top - bottom:g}. Take the bounds from picture_bounds."
        )
    scale = np.array([UNITS / (right - left), -UNITS / (top - bottom)])
    ends = [(np.asarray(end, dtype=float) - [left, top]) * scale for end in (a_xy, b_xy)]
    units = np.clip(np.floor(np.hstack(ends)), 0, UNITS - 1).astype("<u2")  # (N, 4): ax, ay, bx, by
    return units.T.tobytes()


def pack_pairs(
    a_xy: np.ndarray,
    b_xy: np.ndarray,
    bounds: tuple[float, float, float, float],
    *,
    size: tuple[float, float],
    masses: np.ndarray | None = None,
    values: np.ndarray | None = None,
    value_limit: float | None = None,
    categories: np.ndarray | None = None,
    seed: int = 0,
) -> bytes:
    """Pack glued pairs into the one message `MorphCanvas.cells` takes, shuffled so that any prefix is a fair subsample.

    Parameters
    ----------
    a_xy, b_xy, bounds, size
        As in `quantise`.
    masses
        Mass of each pair, (N,), positive, any unit; None if all weigh the same.
    values
        Signed value (contribution) of each pair in A and in B, (N, 2).
    value_limit
        The value that gets the last colour, at both ends of the scale; None for the largest magnitude found.
    categories
        Number of the category of each pair in A and in B, (N, 2): positions in `category_palette`.
    seed
        Seed of the shuffling.

    Raises
    ------
    ValueError
        As in `quantise`; or masses, values or categories do not fit the pairs.
    """
    _check_positions(a_xy, b_xy)
    n = len(a_xy)
    order = np.random.default_rng(seed).permutation(n)
    parts = [quantise(a_xy[order], b_xy[order], bounds, size=size)]
    flags = 0
    if masses is not None:
        flags |= _MASSES
        parts.append(_relative_masses(masses, n)[order].tobytes())
    if values is not None:
        flags |= _VALUES
        parts.append(_signed_bytes(values, n, value_limit)[order].T.tobytes())
    if categories is not None:
        flags |= _CATEGORIES
        parts.append(_codes(categories, n)[order].T.tobytes())
    header = np.array([_VERSION, n, flags], "<u4").tobytes() + np.array(size[0] / size[1], "<f4").tobytes()
    return b"".join([header, *parts])


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


def _check_positions(a_xy: np.ndarray, b_xy: np.ndarray) -> None:
    if a_xy.shape != b_xy.shape or a_xy.ndim != 2 or a_xy.shape[1] != 2:
        raise ValueError(
            f"Expected two arrays of shape (N, 2), found {a_xy.shape} and {b_xy.shape}. Give each pair one row in both."
        )
    if not (np.isfinite(a_xy).all() and np.isfinite(b_xy).all()):
        raise ValueError("Expected finite positions, found NaN or infinity. Leave those cells out.")


def _relative_masses(masses: np.ndarray, n: int) -> np.ndarray:
    """Return masses as float32 with mean 1, so that a pixel's mass reads like a number of cells."""
    weights = np.asarray(masses, dtype=float)
    if weights.shape != (n,) or not (np.isfinite(weights).all() and (weights > 0).all()):
        raise ValueError(f"Expected {n} positive masses, found shape {weights.shape}. Leave out pairs without mass.")
    return (weights / weights.mean()).astype("<f4")


def _signed_bytes(values: np.ndarray, n: int, limit: float | None) -> np.ndarray:
    numbers = np.asarray(values, dtype=float)
    if numbers.shape != (n, 2) or not np.isfinite(numbers).all():
        raise ValueError(f"Expected finite values of shape ({n}, 2), found {numbers.shape}. Give one value per end.")
    bound = float(np.abs(numbers).max(initial=0)) if limit is None else limit
    return np.clip(np.rint(127 * numbers / (bound or 1.0)), -127, 127).astype(np.int8)


def _codes(categories: np.ndarray, n: int) -> np.ndarray:
    codes = np.asarray(categories)
    fits = codes.shape == (n, 2) and np.issubdtype(codes.dtype, np.integer)
    if not fits or codes.min(initial=0) < 0 or codes.max(initial=0) > 255:
        raise ValueError(f"Expected numbers 0 to 255 of shape ({n}, 2), found {codes.dtype} of {codes.shape}.")
    return codes.astype(np.uint8)


class MorphCanvas(pn.custom.JSComponent):
    """A cloud between two samples, drawn in the browser, with a slider that moves it.

    While a hand is on the slider nothing reaches Python; `t` changes on release. Setting any parameter from Python
    redraws in place. Colours of text and slider come from the page (`--lv-accent`, `--lv-faint`, `--lv-paper`, ...).
    """

    cells = param.Bytes(b"", doc="The pairs, from pack_pairs; replacing them shows another pair of samples.")
    colour_by = param.Selector(default="count", objects=["count", "value", "category"], doc="What colour means.")
    count_palette = param.Bytes(
        colour_bytes(["#e8eaf5", "#4350af", "#12153a"]), doc="RGBA of few to many cells. Empty is transparent."
    )
    value_palette = param.Bytes(
        colour_bytes(["#d55e00", "#d9dadb", "#0072b2"]),
        doc="RGBA of -limit to limit; an odd number, zero in the middle.",
    )
    category_palette = param.Bytes(colour_bytes(["#4d5157"]), doc="RGBA of the categories, in the order of the codes.")
    t = param.Number(0.5, bounds=(0, 1), doc="Where between A (0) and B (1); from the browser on release only.")
    label_a = param.String("A", doc="Name of the sample at the left end, plain text.")
    label_b = param.String("B", doc="Name of the sample at the right end, plain text.")
    colour_a = param.Color("#d55e00", doc="Colour of the ring before the left name.")
    colour_b = param.Color("#0072b2", doc="Colour of the dot before the right name.")
    title = param.String("Synthetic cells", doc="First words of the head line; the place between A and B follows.")
    note = param.String("never measured", doc="Quiet words after the title.")
    unit = param.String("cells", doc="What is counted in the badge: cells, or pairs of cells.")
    n_total = param.Integer(0, bounds=(0, None), doc="The M of the badge 'N of M cells'; 0: all that were sent.")
    drag_limit = param.Integer(
        1_000_000, bounds=(1, None), doc="Most pairs drawn while the slider moves; fewer where that is slow."
    )
    use_worker = param.Boolean(True, constant=True, doc="Draw beside the page; off for browsers that forbid it.")

    _esm = "\n".join(asset("morph", name).read_text("utf-8") for name in ("kernel.js", "morph.js"))
    _stylesheets = [asset("morph", "morph.css").read_text("utf-8")]  # noqa: RUF012 - Panel's own name and type
