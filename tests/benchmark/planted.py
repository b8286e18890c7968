"""Are planted populations, markers and cells found again? Recovery against effect and cohort size, as table and curve.

    python tests/benchmark/planted.py [--quick] [--seeds 10] [--readme]

Cases and controls of the simulated blood panel differ by two markers in one population, by `effect` in units of
arcsinh, and by nothing else that patients do not differ in anyway. Of the model that the Weights page draws:

region
    the region that carries most of the gap between the groups is one where planted cells lie, a fifth of them or more;
markers
    the two markers that carry most of the gap are the planted ones, and so is the entry of the table that carries most;
cells
    how well contributions tell the planted cells of cases from their other cells, area under the ROC curve.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from measure import OUT, ROOT, markdown, versions, write_between
from share_chart import drawing
from sklearn.metrics import roc_auc_score

import lotviz
from lotviz.analysis import contributions, fit_model, nearest_regions, region_carried, regions

EFFECTS = (0.1, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0)
SIZES = (16, 32, 64)
MEASURES = {
    "region": "planted region on top",
    "markers": "planted markers on top",
    "cells": "planted cells told, AUROC",
}
TICKED = 0.5  # effects below stand too close for a number each
HOME = 0.2  # of the planted cells; a large effect moves part of them to a region of its own
DASHES = ("2 3", "7 3", "none")


def recovered(samples: int, effect: float, *, seed: int, noise: float, cells: int, points: int) -> dict[str, float]:
    """Whether region and markers of one simulated cohort are found, and how well its cells are told."""
    planted_only = {"effect": effect, "abundance": 0.0, "noise": noise}
    cohort = lotviz.simulate("patients", samples=samples, cells=cells, seed=seed, **planted_only)
    truth = cohort.truth or {}
    embedding = lotviz.embed(cohort, points=points, seed=seed)
    model, parts = fit_model(embedding, embedding.samples["label"], "case"), regions(embedding)
    carried = region_carried(model, parts)
    top = int(np.argmax(carried.sum(axis=1)))
    most = {embedding.markers[k] for k in np.argsort(-carried.sum(axis=0))[: len(truth["markers"])]}
    entry = int(np.argmax(carried))
    home = np.zeros(len(parts.names))
    told = []
    for name in embedding.samples.index:
        planted = embedding.populations(name) == truth["population"]
        scaled = embedding.scaled_cells(name)
        home += np.bincount(nearest_regions(scaled[planted], parts), minlength=len(home))
        if embedding.samples.loc[name, "label"] == "case":
            told.append(roc_auc_score(planted, contributions(model, embedding.plan(name), scaled)))
    return {
        "region": float(home[top] >= HOME * home.sum()),
        "markers": float(most == set(truth["markers"]) and embedding.markers[entry % len(embedding.markers)] in most),
        "cells": float(np.mean(told)),
    }


def curves(rows: Sequence[dict[str, Any]]) -> str:
    """Curves of each measure against effect, a line for each cohort size, as SVG."""
    panels = {
        title: {
            f"N = {size}": [(row["effect"], row[measure]) for row in rows if row["samples"] == size]
            for size in sorted({row["samples"] for row in rows})
        }
        for measure, title in MEASURES.items()
    }
    label = "Recovery of what was planted against the size of the effect"
    return drawing(panels, label=label, axis="effect, arcsinh units", dashes=DASHES, ticked=TICKED)


def main() -> None:
    """Simulate, measure, and write table, figures and picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two effects and one size, to see that it works")
    parser.add_argument("--seeds", type=int, default=10, help="cohorts of each kind")
    parser.add_argument("--noise", type=float, default=0.5, help="how much patients differ anyway; 1 is strong")
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--points", type=int, default=128)
    parser.add_argument("--out", type=Path, help="folder of picture and figures")
    parser.add_argument("--readme", action="store_true", help="show the picture in README.md")
    chosen = parser.parse_args()
    effects, sizes = ((1.0, 3.0), (16,)) if chosen.quick else (EFFECTS, SIZES)
    rows = []
    for samples in sizes:
        for effect in effects:
            found = [
                recovered(samples, effect, seed=seed, noise=chosen.noise, cells=chosen.cells, points=chosen.points)
                for seed in range(chosen.seeds)
            ]
            means = {measure: float(np.mean([one[measure] for one in found])) for measure in MEASURES}
            rows.append({"samples": samples, "effect": effect, "cohorts": len(found), **means})
            print(rows[-1], flush=True)
    out = chosen.out or (OUT if chosen.quick else ROOT / "assets" / "benchmark")
    out.mkdir(parents=True, exist_ok=True)
    (out / "planted.svg").write_text(curves(rows), encoding="utf-8")
    figures = {
        "rows": rows,
        "cells": chosen.cells,
        "points": chosen.points,
        "noise": chosen.noise,
        "versions": versions(),
    }
    (out / "planted.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    table = markdown(
        [{key: f"{value:.2f}" if key in MEASURES else value for key, value in row.items()} for row in rows]
    )
    print(table)
    if chosen.readme:
        picture = (out / "planted.svg").resolve().relative_to(ROOT).as_posix()
        words = "Recovery of a planted region, its markers and its cells, for cohorts of 16, 32 and 64 samples"
        write_between("planted benchmark", f"![{words}]({picture})")


if __name__ == "__main__":
    main()
