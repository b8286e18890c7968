"""Which versions of the software numbers were made with."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def installed(package: str) -> str:
    """Return the version of an installed package, or say that there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
