"""The small simulated cohorts of data_examples, one in each format: `python -m lotviz.data.examples FOLDER`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from lotviz.data.cohort import Cohort
from lotviz.data.simulate import simulate
from lotviz.data.write import Format, write_cohort

# One cohort for each way of opening one; small enough to be part of the source.
EXAMPLES: dict[str, tuple[Format, str, Callable[[], Cohort]]] = {
    "patients_csv": ("csv", "seed=1, samples=8, cells=150, markers=8", lambda: _patients(1)),
    "patients_parquet": ("parquet", "seed=2, samples=8, cells=150, markers=8", lambda: _patients(2)),
    "patients_fcs": ("fcs", "seed=3, samples=8, cells=150, markers=8", lambda: _patients(3)),
    "organoids_h5ad": (
        "h5ad",
        'design="organoids", seed=4, samples=16, lines=2, cells=120, markers=8, interaction=1.0',
        lambda: simulate("organoids", seed=4, samples=16, lines=2, cells=120, markers=8, interaction=1.0),
    ),
}

_README = """# Small simulated cohorts

No cell here was ever measured. Each folder opens with `lotviz serve data_examples/NAME`, or in Python with
`lotviz.read_cohort("data_examples/NAME")`; `truth.json` says what was planted. All are made by
`python -m lotviz.data.examples data_examples`, a test makes them again and compares.

| folder | format | made by `lotviz.simulate(...)` with |
|---|---|---|
"""


def _patients(seed: int) -> Cohort:
    return simulate("patients", seed=seed, samples=8, cells=150, markers=8)


def write_examples(folder: str | Path) -> Path:
    """Write every example cohort and the README into a folder; example folders that exist already are refused."""
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, (form, made_by, make) in EXAMPLES.items():
        write_cohort(make(), root / name, format=form)
        rows.append(f"| `{name}` | {form} | `{made_by}` |\n")
    (root / "README.md").write_text(_README + "".join(rows), encoding="utf-8")
    return root


def main(arguments: Sequence[str]) -> int:
    """Write the examples into the folder named on the command line."""
    if len(arguments) != 1:
        sys.stderr.write("Expected one folder: python -m lotviz.data.examples FOLDER\n")
        return 2
    write_examples(arguments[0])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
