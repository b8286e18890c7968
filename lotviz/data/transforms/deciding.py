"""The choice of the transform of each marker: as asked for, or as the values and the instrument suggest, and said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lotviz.data.cohort import CellSource
from lotviz.data.markers import Instrument
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed
from lotviz.data.sources import LongSource
from lotviz.data.transforms.fitted import fit_cofactor, fit_logicle, fit_top, pool
from lotviz.data.transforms.transform import AnyTransform, MarkerTransforms, Transform, alike

TransformChoice = str | Transform | MarkerTransforms | Mapping[str, str | Transform | None] | None
Cofactor = float | Literal["fitted"] | None
EVERY_OTHER = "*"
TRANSFORMED_BELOW = 12.0
COFACTORS: Mapping[Instrument, float] = {"mass": 5.0, "flow": 150.0, "unknown": 5.0}
_BELOW_ZERO = 0.01  # share of the values of a marker
_RAW_ABOVE = 50.0
_PEEKED_SAMPLES, _PEEKED_CELLS = 8, 20_000
_BOTH = "5 suits mass cytometry, 150 fluorescence"


@dataclass(frozen=True, eq=False)
class RawCells:
    """The raw cells a transform is chosen for: where they are read, of which samples, markers and instrument.

    Names in `known` may be given a transform though they are not among the markers that are used.
    """

    source: CellSource
    samples: Sequence[str]
    markers: tuple[str, ...]
    instrument: Instrument = "unknown"
    known: tuple[str, ...] = ()


def decide_transform(
    raw: RawCells, transform: TransformChoice, cofactor: Cofactor, *, where: str
) -> tuple[AnyTransform, tuple[Problem, ...]]:
    """Return the transform as asked for, or as the values suggest, with the warnings that go with it.

    Parameters
    ----------
    transform
        For all markers alike a name, a `Transform` or None (decided by the values); or one of these for each marker,
        by name, with "*" for those that are not named.
    cofactor
        Of arcsinh where only its name is given: a number, "fitted" to the negative cells of each marker, or None: by
        the instrument.

    Raises
    ------
    CohortError
        For a marker, a transform or a cofactor that does not exist.
    """
    _require_cofactor(cofactor, where)
    wishes = _wishes(transform, raw.markers, raw.known or raw.markers, where=where)
    values = _peek(raw.source, raw.samples)
    peaks = np.quantile(np.abs(values), 0.995, axis=0)  # (d,)
    notes: list[Problem] = []
    undecided = [marker for marker, wish in wishes.items() if wish is None]
    kind, reason = _suggested(*_of(raw.markers, undecided, values, peaks)) if undecided else ("", "")
    names = {marker: kind if wish is None else wish for marker, wish in wishes.items()}
    usual, why = _cofactor_of(raw.instrument, values)
    found, fits = _resolved(raw, names, cofactor, usual=usual, where=where)
    decided = alike(found)
    if undecided:
        notes.append(_chosen(found, undecided, reason, why if cofactor is None else "", where=where))
    elif cofactor is None and "arcsinh" in names.values():
        what = f"The cofactor {usual:g} of arcsinh was chosen: {why}."
        notes.append(Problem(where, what, f"Name the cofactor if another is right: {_BOTH}.", "warning"))
    if cofactor is not None and "arcsinh" not in names.values():
        what = f"The cofactor {cofactor} is left aside: it is of arcsinh, and no marker is transformed by that name."
        notes.append(Problem(where, what, "Leave it out, or choose the transform arcsinh.", "warning"))
    notes += _fits_said(found, fits, usual, where)
    return _same(transform, decided), (*_doubts(found, values, peaks, where), *notes)


def transformed_twice(transform: AnyTransform, peak: float, where: str) -> Problem:
    """Return the warning that a transform is about to be applied to values that already went through one."""
    what = f"Expected raw intensities for {transform.describe()}, found values no larger than {peak:.3g}."
    return Problem(where, what, "They look transformed already: choose the transform none.", "warning")


def _same(given: TransformChoice, decided: AnyTransform) -> AnyTransform:
    """Return the very object that was given where it says the same."""
    return given if isinstance(given, Transform) and given == decided else decided


def _wishes(
    transform: TransformChoice, markers: tuple[str, ...], known: tuple[str, ...], *, where: str
) -> Mapping[str, str | Transform | None]:
    """Return for each marker a name, a transform, or None where the values are to decide."""
    if isinstance(transform, MarkerTransforms):
        own = dict(zip(transform.markers, transform.transforms, strict=True))
        missing = [marker for marker in markers if marker not in own]
        if missing:
            what = f"Expected a transform for every marker, found none for {listed(missing)}."
            raise CohortError(Problem(where, what, "Name a transform for each, or use only the markers that have one."))
        return {marker: own[marker] for marker in markers}
    if not isinstance(transform, Mapping):
        _require_choice(transform, where)
        return dict.fromkeys(markers, transform)
    strange = [str(name) for name in transform if name != EVERY_OTHER and name not in known]
    if strange:
        fixes = {name: did_you_mean(name, known) or f"The markers are {listed(known, 60)}." for name in strange}
        raise CohortError(
            *(Problem(where, f"Expected a marker to transform, found {name}.", fix) for name, fix in fixes.items())
        )
    for choice in transform.values():
        _require_choice(choice, where)
    return {marker: transform.get(marker, transform.get(EVERY_OTHER)) for marker in markers}


def _require_choice(choice: object, where: str) -> None:
    if choice is not None and not isinstance(choice, Transform):
        _transform(str(choice), 5.0, where)


def _require_cofactor(cofactor: Cofactor, where: str) -> None:
    if isinstance(cofactor, str) and cofactor != "fitted":
        what = f'Expected a cofactor that is a positive number or "fitted", found {cofactor}.'
        raise CohortError(Problem(where, what, f"Name a number: {_BOTH}."))
    if cofactor is not None and cofactor != "fitted":
        _transform("arcsinh", cofactor, where)


def _transform(kind: str, cofactor: float, where: str) -> Transform:
    try:
        return Transform(kind, cofactor)  # type: ignore[arg-type]  # refused there when it is another word
    except (TypeError, ValueError) as error:
        raise CohortError(Problem(where, str(error), "")) from error


def _resolved(
    raw: RawCells, names: Mapping[str, str | Transform], cofactor: Cofactor, *, usual: float, where: str
) -> tuple[dict[str, Transform], dict[str, bool]]:
    """Return the transform of each marker, and for those fitted to the cells whether there was something to fit to."""
    fitted = {name for name, wish in names.items() if wish == "logicle" or (wish == "arcsinh" and cofactor == "fitted")}
    drawn = pool(raw.source, raw.samples) if fitted else None
    top = 0.0 if drawn is None else fit_top(drawn.values)
    number = usual if cofactor is None or isinstance(cofactor, str) else float(cofactor)
    found, fits = {}, {}
    for column, (marker, wish) in enumerate(names.items()):
        if drawn is not None and marker in fitted:
            found[marker] = _fit(str(wish), *drawn.marker(column), top=top, usual=number)
            fits[marker] = fit_cofactor(*drawn.marker(column)) is not None
        else:
            found[marker] = wish if isinstance(wish, Transform) else _transform(wish, number, where)
    return found, fits


def _fit(
    kind: str, values: NDArray[np.float64], weights: NDArray[np.float64], *, top: float, usual: float
) -> Transform:
    if kind == "logicle":
        return Transform("logicle", logicle=fit_logicle(values, weights, top))
    return Transform("arcsinh", fit_cofactor(values, weights) or usual)


def _of(
    markers: tuple[str, ...], some: Sequence[str], values: NDArray[np.float32], peaks: NDArray[np.floating]
) -> tuple[NDArray[np.float32], float]:
    place = {marker: column for column, marker in enumerate(markers)}  # of genes there are tens of thousands
    columns = [place[marker] for marker in some]
    return values[:, columns], float(peaks[columns].max())


def _suggested(values: NDArray[np.float32], peak: float) -> tuple[str, str]:
    if peak <= _RAW_ABOVE:
        return "none", f"all but the highest values lie within {peak:.4g}, as on a transformed scale"
    if _display_channels(values):
        return "none", "values are whole numbers from 0 to 1023, the channels of a display"
    if _units_of_their_own(values):
        return "none", f"some markers reach 1 at most and others {peak:.4g}: units of their own, as of shapes and sizes"
    return "arcsinh", f"values reach beyond {peak:.4g}, as on a raw scale"


def _display_channels(values: NDArray[np.float32]) -> bool:
    """Whether values are channels of a display, as some programs export them: 0 to 1023, whole, most far from 0."""
    return bool(
        values.min() >= 0 and values.max() <= 1023 and np.median(values) >= 100 and (values == values.round()).all()
    )


def _units_of_their_own(values: NDArray[np.float32]) -> bool:
    """Whether markers are no intensities of one instrument: a quarter are fractions of 1, a tenth reach above 1,000."""
    peaks = np.quantile(np.abs(values), 0.995, axis=0)
    parts = (values != values.round()).any(axis=0)
    return bool(np.mean((peaks <= 1) & parts) >= 0.25 and np.mean(peaks > 1000) >= 0.1)


def _cofactor_of(instrument: Instrument, values: NDArray[np.float32]) -> tuple[float, str]:
    """Return the cofactor that is usual for an instrument, known by its channels or guessed by the values, and why."""
    if instrument == "mass":
        return COFACTORS["mass"], "the channels are those of a mass cytometer"
    if instrument == "flow":
        return COFACTORS["flow"], "the channels are those of a flow cytometer"
    low, high = float(np.quantile(values, 0.005)), float(values.max())
    zeros = float(np.mean(values == 0))
    if low < -_RAW_ABOVE:
        return COFACTORS["flow"], f"values reach down to {low:.4g}, as those of compensated fluorescence do"
    if high > 2**16 and zeros < 0.01:
        return COFACTORS["flow"], f"values reach {high:.4g} and few are zero, as in fluorescence"
    return COFACTORS["unknown"], "neither channels nor values say that it is fluorescence"


def _chosen(found: Mapping[str, Transform], undecided: Sequence[str], reason: str, why: str, *, where: str) -> Problem:
    own = alike({marker: found[marker] for marker in undecided})
    of_some = "" if len(undecided) == len(found) else f" for {listed(undecided)}"
    arcsinh = own.kind == "arcsinh"
    reasons = f"{reason}, and {why}" if arcsinh and why else reason
    fix = f"Name the transform or its cofactor if another is right: {_BOTH}." if arcsinh else ""
    what = f"The transform {own.describe()} was chosen{of_some}: {reasons}."
    return Problem(where, what, fix or "Name the transform if another is right.", "warning")


def _fits_said(found: Mapping[str, Transform], fits: Mapping[str, bool], usual: float, where: str) -> list[Problem]:
    """Say what was fitted, and for which markers there was no negative population to fit it to."""
    notes = []
    for kind, name in (("arcsinh", "cofactor"), ("logicle", "W")):
        numbers = {
            marker: found[marker].cofactor if kind == "arcsinh" else getattr(found[marker].logicle, "W", 0.0)
            for marker, fit in fits.items()
            if fit and found[marker].kind == kind
        }
        if numbers:
            low, high = min(numbers, key=lambda one: numbers[one]), max(numbers, key=lambda one: numbers[one])
            what = (
                f"The {name} of {kind} was fitted to the negative cells of {len(numbers)} markers: from "
                f"{numbers[low]:.3g} ({low}) to {numbers[high]:.3g} ({high})."
            )
            notes.append(Problem(where, what, "Look at the markers, or name the number.", "warning"))
        bare = [marker for marker, fit in fits.items() if not fit and found[marker].kind == kind]
        if bare:
            number = f"{usual:g}" if kind == "arcsinh" else "0"
            what = f"Expected cells below zero to fit the {name} of {kind} to, found too few in {listed(bare)}."
            notes.append(Problem(where, what, f"The {name} {number} is used for them; name another.", "warning"))
    return notes


def _doubts(
    found: Mapping[str, Transform], values: NDArray[np.float32], peaks: NDArray[np.floating], where: str
) -> list[Problem]:
    """Warn of a transform that does not suit its values: they went through one already, or it cuts them off."""
    used = [column for column, transform in enumerate(found.values()) if transform.kind != "none"]
    if not used:
        return []
    return [*_cut_off(found, values, where), *_used_before(found, values, peaks, used=used, where=where)]


def _cut_off(found: Mapping[str, Transform], values: NDArray[np.float32], where: str) -> list[Problem]:
    """Warn of values below zero under log1p, which makes all of them 0."""
    logs = [column for column, transform in enumerate(found.values()) if transform.kind == "log1p"]
    shares = {column: float(np.mean(values[:, column] < 0)) for column in logs}
    below = [column for column in logs if shares[column] > _BELOW_ZERO]
    if not below:
        return []
    markers = tuple(found)
    named = listed(f"{markers[column]} ({100 * shares[column]:.0f} %)" for column in below)
    what = f"Expected values from 0 on for log1p, found some below in {named}: they all become 0."
    return [Problem(where, what, "Choose arcsinh or logicle, which keep values below 0 apart.", "warning")]


def _used_before(
    found: Mapping[str, Transform],
    values: NDArray[np.float32],
    peaks: NDArray[np.floating],
    *,
    used: Sequence[int],
    where: str,
) -> list[Problem]:
    markers = tuple(found)
    asked = alike({markers[column]: found[markers[column]] for column in used})
    if peaks[used].max() < TRANSFORMED_BELOW:
        return [transformed_twice(asked, float(peaks[used].max()), where)]
    if _display_channels(values[:, used]):
        what = f"Expected raw intensities for {asked.describe()}, found whole numbers from 0 to 1023."
        fix = "They look transformed already, to the channels of a display: choose the transform none."
        return [Problem(where, what, fix, "warning")]
    odd = [column for column in used if _looks_transformed(values[:, column], float(peaks[column]))]
    if not odd:
        return []
    places = listed(f"{markers[column]} (up to {peaks[column]:.3g})" for column in odd)
    what = f"Expected raw intensities in every marker, found values on a transformed scale in {places}."
    fix = f"They look transformed already: choose the transform none for {listed(markers[c] for c in odd)}."
    return [Problem(where, what, fix, "warning")]


def _looks_transformed(values: NDArray[np.float32], peak: float) -> bool:
    """Whether one marker among raw ones looks transformed: small, no counts, and most cells far from zero.

    A dim marker is small as well, but its largest values are many times its median, and counts are whole numbers.
    """
    middle = float(np.median(values))
    whole = float(np.mean(values == values.round()))
    return peak < TRANSFORMED_BELOW and middle > 1 and peak < 6 * middle and whole < 0.5


def _peek(source: CellSource, samples: Sequence[str]) -> NDArray[np.float32]:
    """Cells of up to eight samples spread over the cohort, (n, d), NaN and infinity as 0."""
    # the cells of a sample may be scattered over a large file: some neighbouring rows say the same
    pooled = source.peek() if isinstance(source, LongSource) else None
    if pooled is None:
        positions = np.unique(np.linspace(0, len(samples) - 1, min(_PEEKED_SAMPLES, len(samples))).astype(int))
        pooled = np.concatenate([source.read(samples[position])[:_PEEKED_CELLS] for position in positions])
    return np.where(np.isfinite(pooled), pooled, np.float32(0))
