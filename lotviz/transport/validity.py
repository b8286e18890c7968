"""Whether a synthetic sample can be trusted: does it return to itself, does it lie where cells were ever measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

EXPECTED_OUTSIDE = 0.01  # share of the cells of a measured sample that are called outside of the others
_RETURNS = 0.1  # of the yardstick: a smaller gap is not seen in any picture
_TIMES_CHANCE = 2.0
_TIMES_EXPECTED = 3.0
_RARE = 0.001
FAR_BELOW = 0.25  # scaled units: what was not detected lies at the smallest, and moved by any little below it


@dataclass(frozen=True)
class Validity:
    """Three questions put to a synthetic sample, each beside what measured samples answer.

    Attributes
    ----------
    gap
        LOT distance between the maps the sample is meant to have and those it has once it is embedded again on the
        same reference, as a share of `yardstick`. Zero for a sample that returns to itself; None for one that is not
        made by maps, and has none it is meant to have.
    chance
        The same for cells drawn anew from a measured sample: what the number of cells alone does.
    yardstick
        Median LOT distance between two samples of the embedding, scaled units.
    outside
        Share of the cells that are farther from every measured cell than 99 % of the cells of a measured sample are
        from those of the others: one more measured sample has 0.01. Those this one is made of are among the measured,
        so that near them it is less.
    impossible
        Share of the cells with a value below the smallest that was measured in that marker; None where any value is
        possible, as for components of genes.
    impossible_marker
        The marker with most of them; empty where there is none.
    cells_looked_at, cells
        How many cells of the sample were looked at for `outside`, and how many it has.
    samples_looked_at, samples
        From how many samples measured cells were taken, and how many there are.
    far_below
        Share of the cells with a value more than a quarter of a marker's scale (as a rule its standard deviation)
        below the smallest measured of it. Where many values are the smallest itself, as what is not detected is,
        nearly every cell that moves has some value a little below it, and this says how many are far off. None where
        any value is possible.
    """

    gap: float | None
    chance: float
    yardstick: float
    outside: float
    impossible: float | None
    impossible_marker: str
    cells_looked_at: int
    cells: int
    samples_looked_at: int
    samples: int
    far_below: float | None = None

    @property
    def returns(self) -> bool:
        """Whether the sample returns to itself: its gap is small, or no larger than twice that of chance."""
        return self.gap is None or self.gap <= max(_RETURNS, _TIMES_CHANCE * self.chance)

    @property
    def inside(self) -> bool:
        """Whether its cells lie where cells were measured: at most three times as many outside as of a real sample."""
        return self.outside <= _TIMES_EXPECTED * EXPECTED_OUTSIDE

    @property
    def possible(self) -> bool:
        """Whether hardly a cell, one in a thousand, has a value below the smallest measured."""
        return self.impossible is None or self.impossible <= _RARE

    @property
    def ok(self) -> bool:
        """Whether all three questions are answered as a measured sample answers them."""
        return self.returns and self.inside and self.possible

    @property
    def verdict(self) -> tuple[str, ...]:
        """Say what was found: one sentence for each question that is answered badly, or else one for all.

        Examples
        --------
        >>> Validity(0.41, 0.05, 2.0, 0.01, 0.0, "", 100, 100, 6, 6).verdict
        ('Beyond measured samples: the map no longer returns to itself (gap 0.41, by chance 0.05).',)
        """
        said = []
        if not self.returns:
            said.append(
                f"Beyond measured samples: the map no longer returns to itself (gap {self.gap:.2f}, by chance "
                f"{self.chance:.2f})."
            )
        if not self.inside:
            said.append(
                f"{self.outside:.1%} of the cells lie where no cell was measured (one more measured sample: 1 %)."
            )
        if not self.possible:
            said.append(
                f"{self.impossible:.1%} of the cells have a value below the smallest measured, most of them in "
                f"{self.impossible_marker}{self._far}."
            )
        back = (
            "" if self.gap is None else f"it returns to itself (gap {self.gap:.2f}, by chance {self.chance:.2f}), and "
        )
        fine = (
            f"As a measured sample: {back}{self.outside:.1%} of its cells lie outside of the measured ones (one more "
            "measured sample: 1 %)."
        )
        return tuple(said) or (fine,)

    @property
    def _far(self) -> str:
        far = self.far_below
        return "" if far is None else f"; by more than a quarter of the marker's spread {far:.1%}"

    def record(self) -> dict[str, Any]:
        """Return all figures and the verdict as JSON values."""
        return asdict(self) | {"ok": self.ok, "verdict": list(self.verdict)}
