"""How well a planted shift of two markers of one population comes back: `python tests/benchmark/population_shifts.py`.

Two independent draws of the same populations; in the second, two markers of one are shifted. Three ways to estimate the
shift: the population's means (`PopulationShift.shift`), the registered mass that stays in it (`staying`), and, without
names of populations, its region of the reference.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lotviz.analysis.population_shift import population_shift
from lotviz.analysis.regions import regions
from tests.analysis.test_population_shift import EQUAL, PLANTED, SHIFTED, planted

AFTER = {
    "same composition": EQUAL,
    "25 % to 15 %": (0.3, 0.15, 0.35, 0.2),
    "25 % to 45 %": (0.25, 0.45, 0.2, 0.1),
}


def errors(seed: int, after: tuple[float, ...], cells: int) -> dict[str, np.ndarray]:
    """Relative error of the two planted shifts, by estimator; and whether both lie in their intervals."""
    found = planted(seed, after=after, cells=cells)
    named, size = population_shift(found, "A", "B"), np.array(list(PLANTED.values()))
    row, columns = named.names.index(SHIFTED), list(PLANTED)
    half = named.half_width()[row, columns]
    made = regions(found, 4, seed=seed)
    nameless = population_shift(found, "A", "B", regions=made)
    cells_of = found.cells("A")[found.populations("A") == SHIFTED].mean(axis=0)
    nearest = np.argmin(np.linalg.norm(found.scaling.undo(_centres(made)) - cells_of, axis=1))
    return {
        "means of the population": named.shift[row, columns] / size - 1,
        "mass that stays": named.staying[row, columns] / size - 1,
        "its region": nameless.shift[nearest, columns] / size - 1,
        "within the intervals": np.array([np.all(np.abs(named.shift[row, columns] - size) <= half)]),
    }


def _centres(made) -> np.ndarray:
    """Mean of the reference points of each region, scaled, (k, d)."""
    return np.stack([made.points[made.labels == label].mean(axis=0) for label in range(len(made.names))])


def main() -> None:
    """Print bias, spread and the share within 5 %, by estimator and composition."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--cells", type=int, default=8000)
    given = parser.parse_args()
    print(f"{given.seeds} seeds, {given.cells} cells of each sample; shifts {list(PLANTED.values())}, deviation 0.5")
    for name, after in AFTER.items():
        found = [errors(seed, after, given.cells) for seed in range(given.seeds)]
        for way in found[0]:
            values = np.array([each[way] for each in found])
            if way == "within the intervals":
                print(f"{name:18} {way:26} {100 * values.mean():.0f} % of seeds")
                continue
            near = 100 * (np.abs(values) <= 0.05).mean()
            bias, spread = 100 * values.mean(axis=0), 100 * values.std(axis=0)
            print(f"{name:18} {way:26} bias {bias.round(1)} %, sd {spread.round(1)} %, {near:.0f} % within 5 %")


if __name__ == "__main__":
    main()
