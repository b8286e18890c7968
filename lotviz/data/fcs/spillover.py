"""Spillover between the detectors of a flow cytometer: the matrix a file carries, and taking it out of the values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lotviz.data.fcs.text import DataSet
from lotviz.data.problems import CohortError, Problem, listed

_KEYWORDS = ("$SPILLOVER", "SPILLOVER", "SPILL", "$SPILL")
_COMPENSATED = re.compile(r"^comp[-_ ]|^<.*>$", re.IGNORECASE)
_MOST_CHANNELS = 512
_WORST_CONDITION = 1e6
_SMALL_PRODUCT = 2**17  # multiplications; OpenBLAS shares the work among threads from 2**18 on


@dataclass(frozen=True, eq=False)
class Spillover:
    """The spillover matrix of a file.

    Parameters
    ----------
    channels
        The detectors it is about, names as in $PnN.
    matrix
        Share of the light of each dye (rows) that reaches each detector (columns), (k, k), diagonal near 1.
    applied
        Whether `FcsFile.read` takes it out of the values.
    columns
        Places of the detectors among the channels of the file.
    keyword
        Where in the file it stands.
    """

    channels: tuple[str, ...]
    matrix: NDArray[np.float64]
    applied: bool
    columns: tuple[int, ...]
    keyword: str

    @property
    def compensated(self) -> bool | None:
        """Whether values that are read are compensated, here or before; None where the matrix changes nothing."""
        if np.array_equal(self.matrix, np.eye(len(self.matrix))):
            return None
        return self.applied or any(_COMPENSATED.search(name) for name in self.channels)

    def compensate(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take the light of other dyes out of linear values: (n, k) -> (n, k), columns as `channels`.

        Examples
        --------
        >>> half = Spillover(("a", "b"), np.array([[1, 0.5], [0, 1]]), True, (0, 1), "SPILL")
        >>> half.compensate(np.array([[100.0, 50.0]]))
        array([[100.,   0.]])
        """
        compensated = np.empty(values.shape)
        # products so small that BLAS starts no threads for them, which cost more than they save and wait for each other
        rows = max(1, _SMALL_PRODUCT // len(self.matrix) ** 2)
        for first in range(0, len(values), rows):
            np.matmul(values[first : first + rows], self._inverse, out=compensated[first : first + rows])
        return compensated

    @cached_property
    def _inverse(self) -> NDArray[np.float64]:
        return np.asarray(np.linalg.inv(self.matrix), dtype=np.float64)


Note = tuple[str, str]


def find_spillover(
    data_set: DataSet, channels: Sequence[str], stains: Sequence[str], *, compensate: bool | None
) -> tuple[Spillover | None, tuple[Note, ...]]:
    """Return the spillover matrix of a data set, whether to apply it, and the sentence and advice about that.

    Parameters
    ----------
    channels, stains
        $PnN and $PnS of every channel.
    compensate
        True applies it, False does not; None applies it unless it is the identity, is about channels that are not
        there or that are named as compensated already, or cannot be inverted.

    Raises
    ------
    CohortError
        When `compensate` is True and there is no matrix that can be applied.
    """
    keyword, found = _matrix(data_set, channels, stains)
    if not keyword:
        if compensate:
            _refuse(data_set.where, "none in the file")
        return None, ()
    if isinstance(found, str):
        if compensate:
            _refuse(data_set.where, f"in {keyword} {found}")
        return None, ((f"carries a spillover matrix ({keyword}) that was not applied because of {found}", _EXPORT),)
    columns, matrix = found
    names = tuple(channels[column] for column in columns)
    size = f"spillover matrix of {len(names)} channels"
    identity = np.array_equal(matrix, np.eye(len(names)))
    done = [name for name in names if _COMPENSATED.search(name)]
    applied = bool(compensate) or (compensate is None and not identity and not done)
    spillover = Spillover(names, _frozen(matrix), applied, columns, keyword)
    if identity:
        return spillover, ()
    if applied:
        return spillover, (
            (f"had its {size} applied", "Choose not to compensate: then the values are used as stored."),
        )
    reason = (
        "that was the choice" if compensate is False else f"its channels are named as compensated ({listed(done, 3)})"
    )
    return spillover, (
        (
            f"carries a {size} that was not applied because {reason}",
            "Choose to compensate: then it is applied.",
        ),
    )


_EXPORT = "Values are used as stored: compensate them before export, or export the file again with a whole matrix."


def _refuse(where: str, found: str) -> None:
    what = f"Expected a spillover matrix that can be applied, found {found}."
    raise CohortError(Problem(where, what, "Choose not to compensate: then the values are used as stored."))


def _frozen(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    matrix.setflags(write=False)
    return matrix


Columns = tuple[tuple[int, ...], NDArray[np.float64]]


def _matrix(data_set: DataSet, channels: Sequence[str], stains: Sequence[str]) -> tuple[str, Columns | str]:
    """Return the keyword of the first matrix and the matrix, or what is wrong with it; no keyword, no matrix."""
    keyword = next((word for word in _KEYWORDS if data_set.keywords.get(word, "").strip(" ,0")), "")
    if keyword:
        return keyword, _checked(_named(data_set.keywords[keyword], channels, stains))
    if data_set.get("COMP"):
        return "$COMP", _checked(_of_all(data_set.get("COMP"), len(channels)))
    return _of_detectors(data_set, channels)


def _checked(found: Columns | str) -> Columns | str:
    if isinstance(found, str):
        return found
    matrix = found[1]
    if not np.isfinite(matrix).all() or np.abs(matrix).max() > 1e6:
        return "values that are not numbers of a sensible size"
    return found if np.linalg.cond(matrix) < _WORST_CONDITION else "a singular matrix"


def _named(text: str, channels: Sequence[str], stains: Sequence[str]) -> Columns | str:
    """Take "n,name,...,value,..." apart."""
    words = [word.strip() for word in text.split(",")]
    size = int(words[0]) if words[0].isdigit() and len(words[0]) < 6 else 0
    expected = size + size * size
    words = words[1:-1] if words[-1] == "" else words[1:]  # a comma at the end
    words = [*words[:size], *_pointed(words[size:], size * size)]
    if not 0 < size <= _MOST_CHANNELS or len(words) != expected:
        return f"{len(words)} names and values where {expected} are needed for {size} channels"
    columns = _columns(words[:size], channels, stains)
    if isinstance(columns, str):
        return columns
    values = _numbers(words[size:])
    return values if isinstance(values, str) else (columns, values.reshape(size, size))


def _pointed(words: Sequence[str], count: int) -> Sequence[str]:
    """Join the halves of numbers with decimal commas where all `count` numbers have one; else it is not known which.

    Examples
    --------
    >>> _pointed(["1", "0", "0", "05"], 2), _pointed(["1", "0", "05"], 2)
    (['1.0', '0.05'], ['1', '0', '05'])
    """
    wholes, parts = words[::2], words[1::2]
    if len(words) != 2 * count or not all(re.fullmatch(r"[+-]?\d+", whole) for whole in wholes):
        return words
    joined = all(re.fullmatch(r"\d+([eE][+-]?\d+)?", part) for part in parts)
    return [f"{whole}.{part}" for whole, part in zip(wholes, parts, strict=True)] if joined else words


def _columns(names: Sequence[str], channels: Sequence[str], stains: Sequence[str]) -> tuple[int, ...] | str:
    """Places of the named channels, by $PnN, by $PnS, or by number as Beckman Coulter writes them."""
    numbers = [str(number) for number in range(1, len(channels) + 1)]
    for known in (channels, stains, numbers):
        places = {name.strip(): place for place, name in enumerate(known)}
        found = tuple(places[name] for name in names if name in places)
        if len(found) == len(names) == len(set(found)):
            # of two channels of one name it is not known which is meant
            unsure = [name for name in names if sum(other.strip() == name for other in known) > 1]
            return f"names that stand for several channels ({listed(unsure, 3)})" if unsure else found
    if len(set(names)) < len(names):
        return "channels named twice"
    renamed = [name for name in channels if _COMPENSATED.search(name) and _COMPENSATED.sub("", name) in names]
    renamed += [name for name in channels if name[:1] == "<" and name.strip("<>") in names]
    if renamed:
        return f"channels that are named as compensated already ({listed(dict.fromkeys(renamed), 3)})"
    present = {name.strip() for name in channels}
    return f"names that are not channels of the file ({listed([name for name in names if name not in present], 3)})"


def _numbers(words: Sequence[str]) -> NDArray[np.float64] | str:
    try:
        return np.array([float(word) for word in words])
    except ValueError:
        return "values that are not numbers"


def _of_all(text: str, count: int) -> Columns | str:
    """Take "n,value,..." of FCS 3.0 apart, a matrix over all channels."""
    words = [word.strip() for word in text.split(",")]
    size = int(words[0]) if words[0].isdigit() and len(words[0]) < 6 else 0
    values_of = _pointed(words[1:], size * size)
    if size != count or size > _MOST_CHANNELS or len(values_of) != size * size:
        return f"{len(words) - 1} values for {size} of the {count} channels"
    values = _numbers(values_of)
    return values if isinstance(values, str) else (tuple(range(size)), values.reshape(size, size))


def _of_detectors(data_set: DataSet, channels: Sequence[str]) -> tuple[str, Columns | str]:
    """Collect $DFCiTOj of FCS 2.0, the percentage of the light of FLi that reaches FLj.

    Beckman Coulter numbers the fluorescence detectors, whatever their place in the file; where no channel is called
    FL1, FL2, ... the numbers are those of the channels.
    """
    shares: dict[tuple[int, int], float] = {}
    for keyword, value in data_set.keywords.items():
        pair = re.fullmatch(r"\$?DFC(\d{1,4})TO(\d{1,4})", keyword)
        if pair and pair[1] != pair[2]:
            number = _numbers([value.replace(",", ".")])
            if isinstance(number, str):
                return "$DFC", number
            if number[0]:
                shares[int(pair[1]), int(pair[2])] = float(number[0])
    if not shares:
        return "", "nothing"
    detectors = sorted({detector for pair in shares for detector in pair})
    columns = []
    of_channel = [re.match(r"FL(\d+)\b", name.strip(), re.IGNORECASE) for name in channels]
    named = [int(found[1]) if found else 0 for found in of_channel]
    numbers = named if any(named) else list(range(1, len(channels) + 1))
    for detector in detectors:
        if numbers.count(detector) != 1:
            return "$DFC", f"{numbers.count(detector)} channels of detector {detector} where one is needed"
        columns.append(numbers.index(detector))
    if len(detectors) > _MOST_CHANNELS:
        return "$DFC", f"{len(detectors)} channels"
    matrix = np.eye(len(detectors))
    for (dye, detector), percent in shares.items():
        matrix[detectors.index(dye), detectors.index(detector)] = percent / 100
    return "$DFC", _checked((tuple(columns), matrix))
