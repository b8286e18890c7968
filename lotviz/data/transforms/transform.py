"""From raw intensities to the scale distances are measured on: the transform of a marker, the scaling of a cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lotviz.data.problems import listed
from lotviz.data.transforms.arcsinh import arcsinh, arcsinh_into
from lotviz.data.transforms.logicle import Logicle

if TYPE_CHECKING:
    from lotviz.data.cohort import Cohort

TransformKind = Literal["arcsinh", "logicle", "log1p", "none"]
COFACTOR = 5.0


@dataclass(frozen=True)
class Transform:
    """The function applied to every raw value of a marker, or of all markers alike.

    Parameters
    ----------
    kind
        "arcsinh" is arcsinh(x / cofactor), "logicle" the scale of Parks and Moore in decades, "log1p" is log(1 + x),
        "none" leaves the values alone.
    cofactor
        Where arcsinh turns from linear to logarithmic: about 5 in mass cytometry, 150 in fluorescence. The other kinds
        have none: 5 is kept whatever is given, so that equal transforms are equal.
    logicle
        The parameters of the logicle scale; the usual ones when not given. None for the other kinds.

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
    cofactor: float = COFACTOR
    logicle: Logicle | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(TransformKind):
            raise ValueError(
                f"Expected transform arcsinh, logicle, log1p or none, found {self.kind}. Name one of the four."
            )
        if not (np.isfinite(self.cofactor) and self.cofactor > 0):
            raise ValueError(
                f"Expected a positive cofactor, found {self.cofactor}. About 5 suits mass cytometry, 150 fluorescence."
            )
        object.__setattr__(self, "cofactor", float(self.cofactor) if self.kind == "arcsinh" else COFACTOR)
        object.__setattr__(self, "logicle", (self.logicle or Logicle()) if self.kind == "logicle" else None)

    def __call__(self, values: ArrayLike) -> NDArray[np.float32]:
        """Raw values to transformed ones, any shape; log1p takes values below 0 as 0."""
        raw = np.asarray(values, dtype=np.float32)
        if self.kind == "arcsinh":
            return arcsinh(raw, self.cofactor)
        if self.kind == "log1p":
            return np.log1p(np.maximum(raw, np.float32(0)))
        return raw if self.logicle is None else self.logicle.scaled(raw).astype(np.float32)

    def into(self, values: NDArray[Any], result: NDArray[np.float32]) -> bool:
        """Write the transformed values to `result`, bit for bit those a call returns, and say whether all are finite.

        Parameters
        ----------
        values
            Raw values of any shape and type, in any byte order.
        result
            An array of its own, of the same shape, row by row in memory (C order).

        Returns
        -------
        bool
            Whether every raw value is finite as float32.
        """
        return arcsinh_into(values, self.cofactor, result) if self.kind == "arcsinh" else _into(self, values, result)

    def inverse(self, values: ArrayLike) -> NDArray[np.float32]:
        """Take transformed values back to raw ones, any shape."""
        transformed = np.asarray(values, dtype=np.float64)
        if self.kind == "arcsinh":
            return (np.sinh(transformed) * self.cofactor).astype(np.float32)
        if self.kind == "log1p":
            return np.expm1(transformed).astype(np.float32)
        raw = transformed if self.logicle is None else self.logicle.raw(transformed)
        return raw.astype(np.float32)

    def describe(self) -> str:
        """Say the transform in words.

        Examples
        --------
        >>> Transform("arcsinh", cofactor=5).describe()
        'arcsinh, cofactor 5'
        """
        if self.logicle is not None:
            return "logicle, " + ", ".join(f"{name}={value:.10g}" for name, value in asdict(self.logicle).items())
        return f"arcsinh, cofactor {self.cofactor:g}" if self.kind == "arcsinh" else self.kind

    def of(self, marker: str) -> Transform:  # noqa: ARG002  # as of `MarkerTransforms`
        """Return the transform of a marker: this one."""
        return self

    def select(self, markers: Sequence[str]) -> Transform:  # noqa: ARG002  # as of `MarkerTransforms`
        """Return the transform of some markers: this one."""
        return self

    def to_record(self) -> dict[str, Any]:
        """Return the transform as JSON values; `transform_of` takes them back."""
        record: dict[str, Any] = {"kind": self.kind, "cofactor": self.cofactor}
        return record if self.logicle is None else {"kind": "logicle", "logicle": asdict(self.logicle)}


@dataclass(frozen=True)
class MarkerTransforms:
    """A transform for each marker of a cohort, used as one on its cells.

    Parameters
    ----------
    markers
        The d markers, in the order of the columns.
    transforms
        The transform of each.

    Raises
    ------
    ValueError
        When there are not as many transforms as markers, or a marker comes twice.

    Examples
    --------
    >>> own = MarkerTransforms(("CD3", "size"), (Transform("arcsinh", 150), Transform("none")))
    >>> own([[150.0, 7.0]]).round(4)
    array([[0.8814, 7.    ]], dtype=float32)
    >>> own.describe()
    'arcsinh, cofactor 150 (CD3); none (size)'
    """

    markers: tuple[str, ...]
    transforms: tuple[Transform, ...]

    def __post_init__(self) -> None:
        if len(self.markers) != len(self.transforms) or len(set(self.markers)) < len(self.markers) or not self.markers:
            raise ValueError(
                f"Expected one transform for each of different markers, found {len(self.transforms)} for "
                f"{listed(self.markers)}. Name every marker once."
            )

    @property
    def kind(self) -> str:
        """The kind of all transforms, or "mixed"."""
        kinds = {transform.kind for transform in self.transforms}
        return kinds.pop() if len(kinds) == 1 else "mixed"

    def __call__(self, values: ArrayLike) -> NDArray[np.float32]:
        """Raw values (..., d) to transformed ones."""
        raw = self._columns(values, np.float32)
        # markers of the same transform go through it at once
        changed = np.empty(raw.shape, dtype=np.float32)
        for transform, columns in self._groups():
            changed[..., columns] = transform(raw[..., columns])
        return changed

    def into(self, values: NDArray[Any], result: NDArray[np.float32]) -> bool:
        """Write the transformed values to `result`, as `Transform.into`; both (..., d)."""
        return _into(self, values, result)

    def inverse(self, values: ArrayLike) -> NDArray[np.float32]:
        """Take transformed values (..., d) back to raw ones."""
        transformed = self._columns(values, np.float64)
        raw = np.empty(transformed.shape, dtype=np.float32)
        for transform, columns in self._groups():
            raw[..., columns] = transform.inverse(transformed[..., columns])
        return raw

    def describe(self) -> str:
        """Say the transforms in words, with the markers of each."""
        words = [
            f"{transform.describe()} ({listed((self.markers[column] for column in columns), 4)})"
            for transform, columns in self._groups()
        ]
        return "; ".join(words[:6]) + (f"; and {len(words) - 6} more" if len(words) > 6 else "")

    def of(self, marker: str) -> Transform:
        """Return the transform of a marker.

        Raises
        ------
        ValueError
            For a marker that has none.
        """
        if marker not in self.markers:
            raise ValueError(f"Expected a marker with a transform, found {marker}. There are {listed(self.markers)}.")
        return self.transforms[self.markers.index(marker)]

    def select(self, markers: Sequence[str]) -> AnyTransform:
        """Return the transforms of some markers, in their order; one `Transform` where they are all alike."""
        own = dict(zip(self.markers, self.transforms, strict=True))
        return alike({marker: own[marker] if marker in own else self.of(marker) for marker in markers})

    def to_record(self) -> dict[str, Any]:
        """Return the transforms as JSON values; `transform_of` takes them back."""
        return {"markers": list(self.markers), "transforms": [transform.to_record() for transform in self.transforms]}

    def _columns(self, values: ArrayLike, dtype: type[np.floating]) -> NDArray[Any]:
        found = np.asarray(values, dtype=dtype)
        if not found.ndim or found.shape[-1] != len(self.markers):
            raise ValueError(
                f"Expected values of {len(self.markers)} markers, found an array of shape {found.shape}. Give one "
                "column for each marker."
            )
        return found

    def _groups(self) -> list[tuple[Transform, list[int]]]:
        """Return every different transform and the columns it is for."""
        columns: dict[Transform, list[int]] = {}
        for column, transform in enumerate(self.transforms):
            columns.setdefault(transform, []).append(column)
        return list(columns.items())


AnyTransform = Transform | MarkerTransforms


def _into(transform: AnyTransform, values: NDArray[Any], result: NDArray[np.float32]) -> bool:
    raw = values.astype(np.float32, copy=False)
    result[...] = transform(raw)
    return bool(np.isfinite(raw).all())


def alike(transforms: Mapping[str, Transform]) -> AnyTransform:
    """Return the one transform of all markers where they are alike, and one for each marker otherwise."""
    different = set(transforms.values())
    return different.pop() if len(different) == 1 else MarkerTransforms(tuple(transforms), tuple(transforms.values()))


def transform_of(record: Mapping[str, Any]) -> AnyTransform:
    """Return the transform that `to_record` wrote, of this version of lotviz or an older one.

    Raises
    ------
    ValueError, TypeError, KeyError
        For what is no such record.
    """
    if "transforms" in record:
        markers = tuple(str(name) for name in record["markers"])
        return MarkerTransforms(markers, tuple(_one_of(one) for one in record["transforms"]))
    return _one_of(record)


def _one_of(record: Mapping[str, Any]) -> Transform:
    given = dict(record)
    logicle = given.pop("logicle", None)
    return Transform(**given, logicle=None if logicle is None else Logicle(**logicle))


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
