"""What is known of a sample once it is transported, and the key of everything this depends on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lotviz.data.transforms.transform import Scaling
from lotviz.data.versions import installed
from lotviz.transport.cells import hash_of
from lotviz.transport.reference import Reference

_EDITION = 2  # raised when the solver gives other bits for the same cells, or an entry of the store looks different
_SOFTWARE = ("lotviz", "numpy", "scipy", "numba", "POT")


@dataclass(frozen=True, eq=False)
class TransportedSample:
    """One sample, transported to the reference: all but its plan, which is large and kept apart.

    Attributes
    ----------
    maps
        Mean of the cells each reference point is moved to, (m, d), scaled.
    cost, residual, dual_gap
        As in `Coupling`.
    variance
        Total variance of the used cells, scaled.
    n_cells_used
        How many cells were transported.
    cells_hash
        SHA-256 of the used cells.
    """

    maps: NDArray[np.float64]
    cost: float
    residual: float
    dual_gap: float
    variance: float
    n_cells_used: int
    cells_hash: str


@dataclass(frozen=True)
class SampleKey:
    """Names the result of one transport problem by all it depends on.

    Attributes
    ----------
    digest
        SHA-256 of cells, scaling, reference, solver and versions.
    cells_hash
        SHA-256 of the used cells.
    shape
        How many reference points, cells and markers: (m, n, d).
    """

    digest: str
    cells_hash: str
    shape: tuple[int, int, int]


def key_of(cells: NDArray[np.float32], scaling: Scaling, reference: Reference, *, solver: str) -> SampleKey:
    """Return the key of a transport problem.

    Parameters
    ----------
    cells
        The used cells, (n, d), transformed marker units.
    scaling
        How they are scaled.
    reference
        The reference, of which points and masses count.
    solver
        Which solver.

    Returns
    -------
        The key; it differs whenever a result might.
    """
    cells_hash = hash_of(cells)
    content = hashlib.sha256()
    for word in (_EDITION, solver, cells_hash, *map(installed, _SOFTWARE)):
        content.update(f"{word}\n".encode())
    for part in (scaling.center, scaling.scale, reference.points, reference.masses):
        little = np.ascontiguousarray(part, dtype="<f8")
        content.update(f"{little.shape}\n".encode() + little.tobytes())
    return SampleKey(content.hexdigest(), cells_hash, (reference.n_points, *cells.shape))
