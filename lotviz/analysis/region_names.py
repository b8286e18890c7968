"""Regions under the names a user gives them, in place of those made from their markers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lotviz.analysis.regions import Regions

LONGEST = 40  # letters of a name


def renamed(regions: Regions, names: Mapping[str, str]) -> Regions:
    """Return regions of which some carry other names.

    Parameters
    ----------
    regions
        As they were named by their markers.
    names
        New name by the number of the region, counted from "1"; numbers there are not, and empty names, are passed
        over. Two regions never share a name: one that is taken gets the number of its region.

    Examples
    --------
    >>> import numpy as np
    >>> none = np.zeros((2, 1))
    >>> two = Regions(np.zeros(1, int), ("CD3+", "CD3−"), none, np.ones(2) / 2, ("CD3",), np.zeros((1, 1)))
    >>> renamed(two, {"2": "myeloid", "7": "nobody"}).names
    ('CD3+', 'myeloid')
    """
    found: list[str] = []
    for number, name in enumerate(regions.names, start=1):
        wanted = " ".join(names.get(str(number), "").split())[:LONGEST] or name
        taken = {*found, *(other for other in regions.names if other != name)}
        free = wanted
        while free in taken:
            free = f"{free} ({number})"
        found.append(free)
    return replace(regions, names=tuple(found))
