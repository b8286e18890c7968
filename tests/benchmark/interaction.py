"""Do drugs that add up look as if they did, and are planted interactions found? False alarms, coverage and power.

    python tests/benchmark/interaction.py [--quick] [--nulls 200] [--studies 40] [--readme]

Organoid lines under control, A, B and A+B are simulated, embedded and asked for an interaction.

additive
    nothing planted: how often the 95 % interval holds 0, whether p is uniform (Kolmogorov-Smirnov), what the statistic
    is on average, and what the plain squared norm is: the noise it holds would pass for an interaction;
planted
    pERK of stem cells moves under A+B by `effect` (arcsinh units) beyond the sum: how often p is 0.05 or less, and how
    often the clearest entry of the table is pERK in a region where stem cells lie, with a corrected p of 0.05 or less.

The simulated cohorts name populations, so that each is coupled with itself; every study is asked once more with whole
clouds, as a cohort that names none would be.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from measure import OUT, ROOT, markdown, versions, write_between
from scipy import stats
from share_chart import drawing

import lotviz
from lotviz.analysis import Interaction, nearest_regions

DESIGNS = {
    "8 lines x 3": {"lines": 8, "replicates": 3},
    "1 line x 6": {"lines": 1, "replicates": 6},
}
NULLS = {**DESIGNS, "8 lines x 3, strong plates": {"lines": 8, "replicates": 3, "batch": 0.8}}
EFFECTS = (0.1, 0.2, 0.3, 0.5, 0.8, 1.2)
HOME = 0.2  # of the stem cells; an effect moves part of them to a region of its own
DASHES = ("none", "6 3")
MEASURES = {"power": "p of 0.05 or less", "place": "planted region and marker on top"}


def study(design: dict[str, Any], *, seed: int, cells: int, points: int, interaction: float) -> dict[str, Any]:
    """Simulate one study, embed it, and ask."""
    cohort = lotviz.simulate("organoids", cells=cells, seed=seed, interaction=interaction, **design)
    embedding = lotviz.embed(cohort, points=points, seed=seed)
    four = {"control": "control", "a": "A", "b": "B", "both": "A+B", "seed": seed}
    found = lotviz.interaction(embedding, **four)
    top = found.table.iloc[0]
    planted = (cohort.truth or {})["interaction"]
    home = np.zeros(len(found.regions.names))
    for name in embedding.samples.index[embedding.samples["condition"] == "A+B"]:
        stem = embedding.populations(name) == planted["population"]
        home += np.bincount(nearest_regions(embedding.scaled_cells(name)[stem], found.regions), minlength=len(home))
    lies = home[found.regions.names.index(top["region"])] >= HOME * home.sum()
    return {
        **figures(found),
        "place": bool(top["marker"] == planted["marker"] and lies and top["adjusted_p"] <= 0.05),
        "words": found.direction.words,
        "whole": figures(lotviz.interaction(embedding, **four, whole_clouds=True)),
    }


def figures(found: Interaction) -> dict[str, Any]:
    """Return what is counted of an answer."""
    mean = found.study.over_lines(np.tensordot(found.study.excess, found.maps.maps, axes=1))
    return {
        "p": found.p,
        "statistic": found.statistic,
        "held": bool(found.low <= 0.0 <= found.high),
        "naive": float(found.maps.masses @ np.square(mean).sum(axis=1)),
        "additive": found.direction.additive_size**2,
        "false_entries": bool((found.table["adjusted_p"] <= 0.05).any()),
        "false_shares": bool(found.abundance_p <= 0.05),
    }


def additive_row(name: str, studies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What became of studies without an interaction."""
    p, statistic = (np.array([one[key] for one in studies]) for key in ("p", "statistic"))
    return {
        "design": name,
        "studies": len(studies),
        "coverage": float(np.mean([one["held"] for one in studies])),
        "ks_p": float(stats.kstest(p, "uniform").pvalue),
        "p_at_most_0.05": float(np.mean(p <= 0.05)),
        "any_entry_at_0.05": float(np.mean([one["false_entries"] for one in studies])),
        "any_share_at_0.05": float(np.mean([one["false_shares"] for one in studies])),
        "statistic": float(statistic.mean()),
        "standard_error": float(statistic.std(ddof=1) / np.sqrt(len(statistic))),
        "naive": float(np.mean([one["naive"] for one in studies])),
        "additive_effect": float(np.mean([one["additive"] for one in studies])),
    }


def planted_row(name: str, effect: float, studies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What became of studies with an interaction."""
    return {
        "design": name,
        "effect": effect,
        "studies": len(studies),
        "power": float(np.mean([one["p"] <= 0.05 for one in studies])),
        "power_of_whole_clouds": float(np.mean([one["whole"]["p"] <= 0.05 for one in studies])),
        "place": float(np.mean([one["place"] for one in studies])),
        "less_than_additive": float(np.mean([one["words"] == "less than additive" for one in studies])),
    }


def curves(rows: Sequence[dict[str, Any]]) -> str:
    """Power and recovery against the planted effect, a line for each design, as SVG."""
    panels = {
        title: {
            name: [(row["effect"], row[measure]) for row in rows if row["design"] == name]
            for name in dict.fromkeys(row["design"] for row in rows)
        }
        for measure, title in MEASURES.items()
    }
    label = "Share of simulated studies in which the interaction is found, and found at its place"
    return drawing(panels, label=label, axis="planted effect, arcsinh units", dashes=DASHES, ticked=0.3)


def main() -> None:
    """Simulate, measure, and write tables, figures and picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="four studies of each kind, to see that it works")
    parser.add_argument("--nulls", type=int, default=200, help="additive studies of each design")
    parser.add_argument("--studies", type=int, default=40, help="studies of each design and effect")
    parser.add_argument("--cells", type=int, default=400)
    parser.add_argument("--points", type=int, default=64)
    parser.add_argument("--out", type=Path, help="folder of picture and figures")
    parser.add_argument("--readme", action="store_true", help="show the picture in README.md")
    chosen = parser.parse_args()
    nulls, studies = (4, 4) if chosen.quick else (chosen.nulls, chosen.studies)
    sizes = {"cells": chosen.cells, "points": chosen.points}
    additive, planted, nothing = [], [], {}
    for name, design in NULLS.items():
        found = [study(design, seed=seed, interaction=0.0, **sizes) for seed in range(nulls)]
        nothing[name] = found
        additive.append(additive_row(name, found))
        additive.append(additive_row(f"{name}, whole clouds", [one["whole"] for one in found]))
        print(*additive[-2:], sep="\n", flush=True)
    for name, design in DESIGNS.items():
        planted.append(planted_row(name, 0.0, nothing[name]))
        for effect in EFFECTS[::3] if chosen.quick else EFFECTS:
            found = [study(design, seed=1000 + seed, interaction=effect, **sizes) for seed in range(studies)]
            planted.append(planted_row(name, effect, found))
            print(planted[-1], flush=True)
    out = chosen.out or (OUT if chosen.quick else ROOT / "assets" / "benchmark")
    out.mkdir(parents=True, exist_ok=True)
    (out / "interaction.svg").write_text(curves(planted), encoding="utf-8")
    record = {"additive": additive, "planted": planted, **sizes, "versions": versions()}
    (out / "interaction.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    for rows in (additive, planted):
        print(markdown([{k: f"{v:.3g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows]))
    if chosen.readme:
        picture = (out / "interaction.svg").resolve().relative_to(ROOT).as_posix()
        words = "Share of simulated studies in which a planted interaction is found, for 8 lines of 3 wells and 1 of 6"
        write_between("interaction benchmark", f"![{words}]({picture})")


if __name__ == "__main__":
    main()
