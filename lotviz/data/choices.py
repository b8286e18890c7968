"""Choices that a misspelt word or a number out of range must not silently turn into others."""

from __future__ import annotations

import operator
from collections.abc import Sequence

MOST_SEED = 2**32 - 1  # what scikit-learn takes


def require_among(name: str, found: object, known: Sequence[str]) -> None:
    """Refuse a word that is none of the known ones.

    Raises
    ------
    ValueError
        `found` is not known.

    Examples
    --------
    >>> require_among("estimator", "ridge", ("ridge", "lda"))
    """
    if found not in known:
        raise ValueError(f"Expected {name} {' or '.join(known)}, found {found!r}. Choose one of them.")


def require_at_least(least: int, **numbers: int) -> None:
    """Refuse numbers below the least that makes sense, and what is no whole number, by the name of the parameter.

    Raises
    ------
    ValueError
        A number is smaller, or not whole.

    Examples
    --------
    >>> require_at_least(1, folds=5, repeats=1)
    """
    for name, number in numbers.items():
        _require_whole(name, number)
        if number < least:
            raise ValueError(f"Expected {name} to be at least {least}, found {number}. Choose a larger number.")


def require_range(name: str, value: int, low: int, high: int) -> None:
    """Refuse a number outside a range, and what is no whole number.

    Raises
    ------
    ValueError
        It is smaller or larger, or not whole.

    Examples
    --------
    >>> require_range("samples", 24, 2, 100)
    """
    _require_whole(name, value)
    if not low <= value <= high:
        raise ValueError(f"Expected {name} from {low} to {high}, found {value}. Choose a number in this range.")


def require_seed(seed: int) -> None:
    """Refuse a seed that a random generator would not take.

    Raises
    ------
    ValueError
        It is negative or larger than 2^32 - 1.

    Examples
    --------
    >>> require_seed(0)
    """
    require_range("seed", seed, 0, MOST_SEED)


def _require_whole(name: str, number: object) -> None:
    try:
        operator.index(number)  # type: ignore[arg-type]  # which is what is asked
    except TypeError:
        raise ValueError(f"Expected {name} to be a whole number, found {number!r}. Give one.") from None
