"""What to know before trusting an embedding, as sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lotviz.transport.engine import ExactSolver, simplex_unavailable
from lotviz.transport.reference import Reference

LARGE_RESIDUAL_SHARE = 0.5
_FAR = 10.0


def reference_cautions(reference: Reference, points: int) -> tuple[str, ...]:
    """Say when the reference has fewer points than were asked for."""
    if reference.n_points == points:
        return ()
    source = "the cells of the sample" if reference.kind == "sample" else "the pooled cells"
    return (f"The reference has {reference.n_points} points, not {points}: {source} have no more distinct values.",)


def solver_cautions(solver: ExactSolver) -> tuple[str, ...]:
    """Say when POT had to take the place of the simplex, and why."""
    reason = simplex_unavailable() if solver == "simplex" else ""
    return (f"POT solved the transport problems, more slowly and just as exactly: {reason}.",) if reason else ()


def file_cautions(reference: Reference, maps: NDArray[np.float64], variances: NDArray[np.float64]) -> tuple[str, ...]:
    """Say when the points of a file are nowhere near the cells, as points in raw units are.

    Parameters
    ----------
    reference
        The reference; only one from a file is looked at.
    maps
        Mean of the cells each point is moved to in each sample, (N, m, d), scaled.
    variances
        Total variance of the cells of each sample, (N,).
    """
    if reference.kind != "file":
        return ()
    means = np.einsum("i,kij->kj", reference.masses, maps)  # (m) x (N, m, d) -> (N, d)
    squared = np.square(means - reference.masses @ reference.points).sum(axis=1)
    if (squared <= _FAR**2 * variances).any():
        return ()
    return (
        f"The points of {reference.details['file']} lie more than {_FAR:g} times their spread away from the cells of "
        "every sample. They should be in transformed units, like the cells.",
    )


def residual_cautions(
    names: Sequence[str], residuals: NDArray[np.float64], variances: NDArray[np.float64]
) -> tuple[str, ...]:
    """Say when the maps miss a large share of the variance within samples.

    Parameters
    ----------
    names
        The samples, N.
    residuals, variances
        What the maps cannot see and all there is, (N,), in the same units.
    """
    shares = np.divide(residuals, variances, out=np.zeros_like(residuals), where=variances > 0)
    shares = np.minimum(shares, 1.0)  # of one point, rounding may leave a hair more: "-0%"
    if shares.mean() <= LARGE_RESIDUAL_SHARE:
        return ()
    least = int(shares.argmax())
    return (
        f"The maps see {1 - shares.mean():.0%} of the variance within samples, least in {names[least]} "
        f"({1 - shares[least]:.0%}). More reference points see more.",
    )
