"""Choices that a misspelt word or a number out of range must not silently turn into others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


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
    """Refuse numbers below the least that makes sense, by the name of the parameter.

    Raises
    ------
    ValueError
        A number is smaller.

    Examples
    --------
    >>> require_at_least(1, folds=5, repeats=1)
    """
    for name, number in numbers.items():
        if number < least:
            raise ValueError(f"Expected {name} to be at least {least}, found {number}. Choose a larger number.")


def require_as_many(name: str, given: Sequence[object] | Iterable[object], count: int) -> None:
    """Refuse a list that does not have one entry for each of `count` samples.

    Raises
    ------
    ValueError
        It is shorter or longer.

    Examples
    --------
    >>> require_as_many("labels", ["a", "b"], 2)
    """
    found = len(list(given))
    if found != count:
        raise ValueError(f"Expected {name} of {count} samples, found {found}. Give one for each, in their order.")
