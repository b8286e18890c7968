"""From raw intensities to the scale distances are measured on: the transform of a marker, the scaling of a cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from lotviz.data.cohort import Cohort

TransformKind = Literal["arcsinh", "log1p", "none"]


@dataclass(frozen=True)
class Transform:
    """The function applied to every raw value of a cohort.

    Parameters
    ----------
    kind
        "arcsinh" is arcsinh(x / cofactor), "log1p" is log(1 + x), "none" leaves the values alone.
    cofactor
        Where arcsinh turns from linear to logarithmic: about 5 in mass cytometry, 150 in fluorescence.

    Raises
    ------
    ValueError
        For an unknown kind, or a cofactor that is not a positive number.

    Examples
    --------
    >>> Transform("arcsinh", cofactor=5.0)([5.0]).round(4)
    array([0.8814], dtype=float32)
    """

    kind: TransformKind = "arcsinh"
    cofactor: float = 5.0

    def __post_init__(self) -> None:
        if self.kind not in ("arcsinh", "log1p", "none"):
            raise ValueError(f"Expected transform arcsinh, log1p or none, found {self.kind}. Name one of the three.")
        if not (np.isfinite(self.cofactor) and self.cofactor > 0):
            raise ValueError(
                f"Expected a positive cofactor, found {self.cofactor}. About 5 suits mass cytometry, 150 fluorescence."
            )

    def __call__(self, values: ArrayLike) -> NDArray[np.float32]:
        """Raw values to transformed ones, any shape; log1p takes values below 0 as 0."""
        raw = np.asarray(values, dtype=np.float32)
        if self.kind == "arcsinh":
            return np.arcsinh(raw / np.float32(self.cofactor))
        if self.kind == "log1p":
            return np.log1p(np.maximum(raw, np.float32(0)))
        return raw

    def inverse(self, values: ArrayLike) -> NDArray[np.float32]:
        """Take transformed values back to raw ones, any shape."""
        transformed = np.asarray(values, dtype=np.float64)
        if self.kind == "arcsinh":
            return (np.sinh(transformed) * self.cofactor).astype(np.float32)
        if self.kind == "log1p":
            return np.expm1(transformed).astype(np.float32)
        return transformed.astype(np.float32)

    def describe(self) -> str:
        """Say the transform in words.

        Examples
        --------
        >>> Transform("arcsinh", cofactor=5).describe()
        'arcsinh, cofactor 5'
        """
        return f"arcsinh, cofactor {self.cofactor:g}" if self.kind == "arcsinh" else self.kind


@dataclass(frozen=True, eq=False)
class Scaling:
    """The affine map that gives every marker the same say in a distance.

    Parameters
    ----------
    center, scale
        One value a marker, shape (d,); `apply` returns (values - center) / scale.

    Examples
    --------
    >>> Scaling(np.array([1.0]), np.array([2.0])).apply([[5.0]])
    array([[2.]])
    """

    center: NDArray[np.float64]
    scale: NDArray[np.float64]

    def apply(self, values: ArrayLike) -> NDArray[np.float64]:
        """Take transformed marker values (..., d) to the scaled space (..., d)."""
        return np.asarray((np.asarray(values, dtype=np.float64) - self.center) / self.scale)

    def undo(self, values: ArrayLike) -> NDArray[np.float64]:
        """Scaled values (..., d) back to transformed marker values (..., d)."""
        return np.asarray(np.asarray(values, dtype=np.float64) * self.scale + self.center)

    @classmethod
    def identity(cls, dimension: int) -> Scaling:
        """Return the scaling of `dimension` markers that changes nothing."""
        return cls(np.zeros(dimension), np.ones(dimension))


def fit_scaling(
    cohort: Cohort,
    kind: Literal["zscore", "none"] = "zscore",
    *,
    cells_per_sample: int = 2000,
    seed: int = 0,
    samples: Sequence[str] | None = None,
) -> Scaling:
    """Centre and spread of every marker over the cohort, every sample with the same weight.

    Parameters
    ----------
    kind
        "zscore" divides by the pooled standard deviation; "none" leaves the values alone.
    cells_per_sample
        At most so many cells of a sample are looked at, drawn with `seed`.
    samples
        Fitted on these samples only (the training fold); all of them when not given.

    Returns
    -------
    Scaling
        A marker that is constant over the samples gets scale 1.

    Raises
    ------
    ValueError
        For an unknown kind.
    CohortError
        When a cell that is read holds NaN or infinity.
    """
    if kind not in ("zscore", "none"):
        raise ValueError(f"Expected scaling zscore or none, found {kind}. Name one of the two.")
    if kind == "none":
        return Scaling.identity(cohort.n_markers)
    chosen = list(cohort.samples.index if samples is None else samples)
    moments = [_moments(cohort.cells(name, limit=cells_per_sample, seed=seed)) for name in chosen]
    center = np.mean([mean for mean, _, _ in moments], axis=0)
    # law of total variance, every sample with weight 1/N: within samples plus between them
    variance = np.mean([spread + (mean - center) ** 2 for mean, spread, _ in moments], axis=0)
    # a float32 value repeated may leave rounding dust instead of a variance of zero
    dust = (1e-6 * np.max([top for _, _, top in moments], axis=0)) ** 2
    return Scaling(center, np.sqrt(np.where(variance > dust, variance, 1.0)))


def _moments(cells: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    values = cells.astype(np.float64)
    return values.mean(axis=0), values.var(axis=0), np.abs(values).max(axis=0)
