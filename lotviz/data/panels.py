"""Cell populations one could name, for simulated cohorts: their shares, and how brightly each marker stains them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Median brightness on the arcsinh(x / 5) scale of mass cytometry.
BACKGROUND, LOW, MID, POSITIVE, HIGH = 0.15, 0.9, 1.9, 3.0, 4.2


@dataclass(frozen=True, eq=False)
class Panel:
    """Populations and markers of one kind of sample.

    Parameters
    ----------
    markers
        In the order they are shown; `by_need` is the order they are chosen in when fewer are wanted.
    shares
        Mean share of each population, sum 1.
    stained
        For each population the markers above background and how bright.
    """

    markers: tuple[str, ...]
    by_need: tuple[str, ...]
    shares: Mapping[str, float]
    stained: Mapping[str, Mapping[str, float]]

    @property
    def populations(self) -> tuple[str, ...]:
        """The names of the populations."""
        return tuple(self.shares)

    def first(self, count: int) -> tuple[str, ...]:
        """Return the `count` markers needed most, in the order they are shown."""
        kept = set(self.by_need[:count])
        return tuple(marker for marker in self.markers if marker in kept)

    def profile(self, markers: Sequence[str]) -> NDArray[np.float64]:
        """Median brightness, (populations, markers)."""
        rows = [[self.stained[name].get(marker, BACKGROUND) for marker in markers] for name in self.populations]
        return np.array(rows)


_T_CELL = {"CD3": HIGH, "CD28": MID, "CD27": POSITIVE, "CD127": MID}

IMMUNE = Panel(
    markers=(
        *("CD3", "CD4", "CD8", "CD14", "CD19", "CD56", "CD45RA", "CCR7", "HLA-DR", "CD38", "PD-1", "CD16", "CD25"),
        *("CD127", "CD27", "CD28", "CD57", "CD11c", "CD123", "CD20", "CD33", "CD161", "CXCR3", "CCR6", "CXCR5"),
        *("CD95", "Ki-67", "IgD", "CD11b", "Granzyme B"),
    ),
    by_need=(
        *("CD8", "CD38", "CD3", "PD-1", "CD4", "CD19", "CD14", "CD56", "HLA-DR", "CD45RA", "CCR7", "CD16", "CD25"),
        *("CD127", "CD27", "CD28", "CD57", "CD11c", "CD123", "CD20", "CD33", "CD161", "CXCR3", "CCR6", "CXCR5"),
        *("CD95", "Ki-67", "IgD", "CD11b", "Granzyme B"),
    ),
    shares={
        "CD4 T naive": 0.17,
        "CD4 T memory": 0.18,
        "Treg": 0.04,
        "CD8 T naive": 0.09,
        "CD8 T effector": 0.12,
        "B": 0.10,
        "NK": 0.11,
        "Monocytes classical": 0.13,
        "Monocytes CD16+": 0.04,
        "Dendritic": 0.02,
    },
    stained={
        "CD4 T naive": {**_T_CELL, "CD4": POSITIVE, "CD45RA": HIGH, "CCR7": POSITIVE, "CD38": LOW},
        "CD4 T memory": {
            **_T_CELL,
            "CD4": POSITIVE,
            "CD45RA": LOW,
            "CCR7": LOW,
            "PD-1": LOW,
            "CD25": LOW,
            "CD95": POSITIVE,
            "CCR6": MID,
            "CXCR3": LOW,
            "CXCR5": LOW,
            "CD161": LOW,
        },
        "Treg": {
            **_T_CELL,
            "CD4": POSITIVE,
            "CD25": HIGH,
            "CD127": LOW,
            "CD45RA": LOW,
            "CD95": POSITIVE,
            "HLA-DR": LOW,
        },
        "CD8 T naive": {**_T_CELL, "CD8": HIGH, "CD45RA": HIGH, "CCR7": POSITIVE, "CD38": LOW},
        "CD8 T effector": {
            **_T_CELL,
            "CD8": HIGH,
            "CD45RA": MID,
            "CD28": LOW,
            "CD27": LOW,
            "CD127": LOW,
            "CD57": POSITIVE,
            "PD-1": LOW,
            "CD38": LOW,
            "HLA-DR": LOW,
            "CXCR3": MID,
            "CD95": POSITIVE,
            "Granzyme B": HIGH,
            "CD11b": LOW,
        },
        "B": {
            "CD19": POSITIVE,
            "CD20": HIGH,
            "HLA-DR": POSITIVE,
            "CD45RA": POSITIVE,
            "IgD": POSITIVE,
            "CXCR5": POSITIVE,
            "CD38": MID,
            "CD27": LOW,
            "CCR6": MID,
            "CCR7": LOW,
        },
        "NK": {
            "CD56": POSITIVE,
            "CD16": HIGH,
            "CD45RA": POSITIVE,
            "CD8": LOW,
            "CD38": POSITIVE,
            "CD57": MID,
            "CD161": POSITIVE,
            "Granzyme B": HIGH,
            "CD11b": MID,
            "CD11c": LOW,
        },
        "Monocytes classical": {
            "CD14": HIGH,
            "HLA-DR": POSITIVE,
            "CD33": HIGH,
            "CD11b": HIGH,
            "CD11c": POSITIVE,
            "CD38": MID,
            "CD4": LOW,
            "CD95": MID,
        },
        "Monocytes CD16+": {
            "CD14": LOW,
            "CD16": HIGH,
            "HLA-DR": HIGH,
            "CD33": MID,
            "CD11b": MID,
            "CD11c": HIGH,
            "CD38": LOW,
            "CD4": LOW,
            "CD45RA": LOW,
        },
        "Dendritic": {"HLA-DR": HIGH, "CD11c": POSITIVE, "CD123": MID, "CD33": POSITIVE, "CD4": LOW, "CD38": MID},
    },
)

_EPITHELIAL = {"EpCAM": HIGH, "Pan-CK": POSITIVE, "p4EBP1": MID, "pS6": LOW}

GUT = Panel(
    markers=(
        *("EpCAM", "Pan-CK", "LGR5", "CD44", "Ki-67", "pRB", "pERK", "pAKT", "pS6", "p4EBP1", "cCaspase-3", "CK20"),
        *("CLCA1", "LYZ", "CHGA", "DCLK1", "IdU", "pHH3", "Cyclin B1", "Geminin", "pSTAT3", "pSMAD2/3", "pP38"),
        *("pNFkB", "b-catenin", "FABP1"),
    ),
    by_need=(
        *("pERK", "pS6", "LGR5", "cCaspase-3", "CK20", "Ki-67", "CLCA1", "LYZ", "EpCAM", "pAKT", "CD44", "pRB"),
        *("p4EBP1", "CHGA", "DCLK1", "Pan-CK", "IdU", "pHH3", "Cyclin B1", "Geminin", "pSTAT3", "pSMAD2/3"),
        *("pP38", "pNFkB", "b-catenin", "FABP1"),
    ),
    shares={
        "Stem": 0.20,
        "Transit amplifying": 0.27,
        "Enterocyte": 0.26,
        "Goblet": 0.11,
        "Paneth": 0.08,
        "Enteroendocrine": 0.03,
        "Dying": 0.05,
    },
    stained={
        "Stem": {
            **_EPITHELIAL,
            "LGR5": POSITIVE,
            "CD44": HIGH,
            "Ki-67": MID,
            "pRB": POSITIVE,
            "pERK": POSITIVE,
            "pAKT": MID,
            "pS6": MID,
            "b-catenin": POSITIVE,
            "Geminin": LOW,
            "IdU": LOW,
        },
        "Transit amplifying": {
            **_EPITHELIAL,
            "CD44": MID,
            "Ki-67": HIGH,
            "pRB": HIGH,
            "pERK": MID,
            "pAKT": MID,
            "pS6": POSITIVE,
            "IdU": POSITIVE,
            "Cyclin B1": MID,
            "Geminin": POSITIVE,
            "pHH3": LOW,
        },
        "Enterocyte": {**_EPITHELIAL, "CK20": HIGH, "FABP1": HIGH, "pSMAD2/3": MID, "pSTAT3": LOW, "pERK": LOW},
        "Goblet": {**_EPITHELIAL, "CLCA1": HIGH, "CK20": MID, "pSTAT3": MID},
        "Paneth": {**_EPITHELIAL, "LYZ": HIGH, "CD44": POSITIVE, "b-catenin": MID, "pERK": LOW},
        "Enteroendocrine": {**_EPITHELIAL, "CHGA": HIGH, "CK20": LOW, "pAKT": LOW},
        "Dying": {"EpCAM": MID, "Pan-CK": LOW, "cCaspase-3": HIGH, "pP38": MID, "pNFkB": LOW},
    },
)
