"""Which versions of the software numbers were made with."""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def installed(package: str) -> str:
    """Return the version of an installed package, or say that there is none; of lotviz, that of the running code."""
    if package == "lotviz":
        return str(sys.modules["lotviz"].__version__)  # a checkout need not be installed
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
