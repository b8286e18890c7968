"""What follows the morph in the browser: curves of markers and shares of populations, drawn anew for every step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import panel as pn
import param

from lotviz.analysis.density import density_grid
from lotviz.app.assets import asset
from lotviz.app.morph_canvas import Weights
from lotviz.app.morph_message import FEWEST, MOST, checked_leads

MOST_MARKERS = 6
MOST_TUPLES = 20_000  # a curve of more cells looks the same, and each step mixes them all
_VERSION = 1
_SHARED = ("weights.js", "dom.js", "follow.js")


def pack_curves(
    values: np.ndarray | Sequence[np.ndarray],
    *,
    masses: np.ndarray | None = None,
    leads: np.ndarray | None = None,
    limits: np.ndarray | None = None,
    most: int = MOST_TUPLES,
    seed: int = 0,
) -> bytes:
    """Pack markers of glued tuples into the message `MorphCurves.curves` takes.

    Values become bytes along each marker's axis, 0.4 % of it; what lies beyond counts towards its ends. Of more than
    `most` tuples that many are drawn, all equally likely, and keep their masses.

    Parameters
    ----------
    values
        Values of the markers of the same N tuples in each of K samples, (K, N, m) or K arrays of (N, m), m at most 6,
        in the unit of the axes.
    masses
        Mass of each tuple, (N,), positive, any unit; None if all weigh the same.
    leads
        The sample whose weight each tuple has, (N,); None if all count alike in every mixture.
    limits
        Ends of each marker's axis, (m, 2); None for those of `density_grid` over all samples.
    most
        Largest number of tuples that are sent.
    seed
        Seed of the drawing.

    Raises
    ------
    ValueError
        There are fewer than 2 or more than 8 samples, more than 6 markers, or values, masses, leads or limits do
        not fit.
    """
    samples = _checked(values)
    n, m = samples[0].shape
    ends = _axes(samples, limits)
    drawn = np.arange(n) if n <= most else np.sort(np.random.default_rng(seed).choice(n, most, replace=False))
    header = [_VERSION, len(drawn), m, len(samples), (masses is not None) + 2 * (leads is not None)]
    parts = [np.array(header, "<u4").tobytes(), ends.astype("<f4").tobytes()]
    if masses is not None:
        parts.append(_positive(masses, n)[drawn].astype("<f4").tobytes())
    if leads is not None:
        parts.append(checked_leads(leads, n, len(samples))[drawn].tobytes())
    low, high = ends.T
    steps = [np.rint((sample[drawn] - low) * (255 / (high - low))) for sample in samples]
    bytes_of = np.clip(np.stack(steps), 0, 255).astype(np.uint8)  # (K, n, m)
    return b"".join([*parts, bytes_of.transpose(2, 0, 1).tobytes()])


def _checked(values: np.ndarray | Sequence[np.ndarray]) -> list[np.ndarray]:
    samples = [np.asarray(sample, dtype=float) for sample in values]
    if not FEWEST <= len(samples) <= MOST:
        raise ValueError(f"Expected {FEWEST} to {MOST} samples, found {len(samples)}. Choose some of them.")
    shapes = list(dict.fromkeys(sample.shape for sample in samples))
    if len(shapes) > 1 or len(shapes[0]) != 2 or not 1 <= shapes[0][1] <= MOST_MARKERS or shapes[0][0] == 0:
        found = " and ".join(map(str, shapes))
        raise ValueError(f"Expected arrays of the same shape (N, 1 to {MOST_MARKERS} markers), found {found}.")
    if not all(np.isfinite(sample).all() for sample in samples):
        raise ValueError("Expected finite values, found NaN or infinity. Leave those cells out.")
    return samples


def _axes(samples: list[np.ndarray], limits: np.ndarray | None) -> np.ndarray:
    m = samples[0].shape[1]
    if limits is None:
        grids = [density_grid(np.concatenate([sample[:, j] for sample in samples])) for j in range(m)]
        return np.array([(grid[0], grid[-1]) for grid in grids])
    ends = np.asarray(limits, dtype=float)
    if ends.shape != (m, 2) or not (np.isfinite(ends).all() and (ends[:, 0] < ends[:, 1]).all()):
        raise ValueError(f"Expected a lower and a higher limit for {m} markers, found {ends.tolist()}.")
    return ends


def _positive(masses: np.ndarray, n: int) -> np.ndarray:
    weights = np.asarray(masses, dtype=float)
    if weights.shape != (n,) or not (np.isfinite(weights).all() and (weights > 0).all()):
        raise ValueError(f"Expected {n} positive masses, found shape {weights.shape}. Leave out tuples without mass.")
    return weights / weights.mean()


class Shares(param.List):
    """Shares of populations: a list of numbers from 0 to 1 for each sample, all of one length."""

    def _validate(self, val: object) -> None:
        super()._validate(val)
        rows = val if isinstance(val, list) else []
        if not rows:
            return
        alike = len({len(row) for row in rows}) == 1
        if not alike or not all(np.isfinite(share) and -1e-9 <= share <= 1 + 1e-9 for row in rows for share in row):
            raise ValueError(f"Expected a list of shares from 0 to 1 for each sample, all of one length, found {val}.")


class _Follower(pn.custom.JSComponent):
    """What the followers of a canvas have in common."""

    labels = param.List(default=[], item_type=str, doc="Names of the K samples, plain text.")
    colours = param.List(default=[], item_type=str, doc="Colours of the K samples, like #0072B2.")
    channel = param.String("", doc="The channel of the canvas that is followed; empty: none.")
    weights = Weights(default=[], doc="Weights that are shown until a canvas says others; empty: alike.")

    _stylesheets = [asset("morph", "curves.css").read_text("utf-8")]  # noqa: RUF012 - Panel's own name and type

    __abstract = True


class MorphCurves(_Follower):
    """Densities of up to six markers: the mixture filled, its samples as thin lines (the first dashed), side by side.

    They follow the `MorphCanvas` of the same `channel` while it moves, without Python.
    """

    curves = param.Bytes(b"", doc="Values of the markers, from pack_curves.")
    names = param.List(default=[], item_type=str, doc="Names of the markers, plain text.")
    units = param.List(default=[], item_type=str, doc="Their units, quiet words after the names; may be empty.")
    columns = param.Integer(3, bounds=(1, 6), doc="Curves in a row.")

    _esm = "\n".join(asset("morph", name).read_text("utf-8") for name in (*_SHARED, "curves.js"))


class MorphShares(_Follower):
    """Shares of populations: the mixture as bars with their numbers, the first sample as rings, the others as dots.

    They follow the `MorphCanvas` of the same `channel` while it moves, without Python. A tuple on its way belongs to
    the population of each of its cells by that sample's weight, so shares are linear in the weights.
    """

    shares = Shares(default=[], doc="Share of each population in each of K samples: K lists of numbers from 0 to 1.")
    names = param.List(default=[], item_type=str, doc="Names of the populations, plain text.")
    bars = param.List(default=[], item_type=str, doc="Colours of the populations.")
    title = param.String("share of cells, %", doc="Words below the axis.")

    _esm = "\n".join(asset("morph", name).read_text("utf-8") for name in (*_SHARED, "shares.js"))
