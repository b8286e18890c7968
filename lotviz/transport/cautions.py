"""What to know before trusting an embedding, as sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lotviz.transport.reference import Reference

LARGE_RESIDUAL_SHARE = 0.5


def reference_cautions(reference: Reference, points: int) -> tuple[str, ...]:
    """Say when the reference has fewer points than were asked for."""
    if reference.n_points == points:
        return ()
    return (
        f"The reference has {reference.n_points} points, not {points}: the pooled cells have no more distinct values.",
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
    if shares.mean() <= LARGE_RESIDUAL_SHARE:
        return ()
    least = int(shares.argmax())
    return (
        f"The maps see {1 - shares.mean():.0%} of the variance within samples, least in {names[least]} "
        f"({1 - shares[least]:.0%}). More reference points see more.",
    )
