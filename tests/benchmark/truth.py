"""Truth of what a classification says, on simulated cohorts whose answer is known.

``python tests/benchmark/truth.py null``: cohorts in which the label means nothing, plain, with strong batch effects and
with several samples a patient. p must be uniform, scores at chance, and intervals must hold chance 95 times in 100.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import kstest

import lotviz
from lotviz.data.cohort import ArraySource, Cohort

SMALL = {"cells": 200, "markers": 8, "effect": 0.0, "abundance": 0.0}
POINTS = (16, 16)  # references small enough for hundreds of cohorts
TUBE = 0.1  # relative brightness of the tubes of one patient, standard deviation of the logarithm


def plain(seed: int) -> Cohort:
    """24 patients in two batches that hardly differ."""
    return lotviz.simulate("patients", samples=24, seed=seed, **SMALL)


def strong_batches(seed: int) -> Cohort:
    """24 patients in three batches that differ four times as much as patients do; labels are balanced in each."""
    return lotviz.simulate("patients", samples=24, seed=seed, batch=1.0, batches=3, **SMALL)


def several_tubes(seed: int) -> Cohort:
    """16 patients with two samples each, alike but for a little brightness."""
    cohort = lotviz.simulate("patients", samples=16, seed=seed, **{**SMALL, "cells": 400})
    rng = np.random.default_rng([seed, 1])
    cells, rows, names = {}, [], []
    for patient, row in cohort.samples.iterrows():
        whole = cohort.source.read(patient)
        for tube, part in enumerate(np.array_split(rng.permutation(len(whole)), 2)):
            names.append(f"{patient}-{tube + 1}")
            cells[names[-1]] = (whole[part] * np.exp(rng.normal(0.0, TUBE))).astype(np.float32)
            rows.append(row)
    table = pd.DataFrame(rows, index=pd.Index(names, name="sample"))
    counts = pd.Series([len(cells[name]) for name in names], index=table.index, name="cells")
    return replace(cohort, samples=table, cell_counts=counts, source=ArraySource(cells), truth=None)


NULLS: dict[str, tuple[Callable[[int], Cohort], dict[str, Any]]] = {
    "plain": (plain, {}),
    "strong batch effects": (strong_batches, {"batch": "batch"}),
    "several samples a patient": (several_tubes, {"group": "patient"}),
}


def null(seeds: range, kinds: list[str], *, permutations: int, each: Path | None) -> dict[str, Any]:
    """Classify cohorts without an effect; figures of each kind of cohort.

    `each` is a file of one JSON line for each cohort; cohorts that are in it already are not classified again.
    """
    rows = [] if each is None or not each.exists() else [json.loads(line) for line in each.read_text().splitlines()]
    done = {(row["kind"], row["seed"]) for row in rows}
    for seed in seeds:
        for kind in kinds:
            if (kind, seed) not in done:
                rows.append(classified(kind, seed, permutations=permutations))
                if each is not None:
                    with each.open("a") as lines:
                        lines.write(json.dumps(rows[-1]) + "\n")
    answers = {}
    for kind in kinds:
        found = [row for row in rows if row["kind"] == kind and row["seed"] in seeds]
        if found:
            answers[kind] = summary(found)
            print(said(kind, answers[kind]), flush=True)
    return answers


def classified(kind: str, seed: int, *, permutations: int) -> dict[str, Any]:
    """All figures of one cohort, as JSON."""
    make, options = NULLS[kind]
    began = time.perf_counter()
    found = lotviz.classify(make(seed), "label", permutations=permutations, points=POINTS, seed=seed, **options)
    return {
        "kind": kind,
        "seed": seed,
        "seconds": time.perf_counter() - began,
        "p": found.permutation_p,
        "models": {model: score.to_json() for model, score in found.scores.items()},
        "differences": {model: gain.to_json() for model, gain in found.differences.items()},
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Uniformity of p; for each model mean and standard error of its figures, and how often intervals hold chance."""
    p = np.array([row["p"] for row in rows])
    return {
        "cohorts": len(rows),
        "seconds": float(sum(row["seconds"] for row in rows)),
        "ks_p": float(kstest(p, "uniform").pvalue),
        "p_below_0.05": float((p <= 0.05).mean()),
        "models": {
            model: {
                figure: _figure([row["models"][model][figure] for row in rows], 0.5)
                for figure in ("balanced_accuracy", "auc")
            }
            for model in rows[0]["models"]
        },
        "differences": {
            model: _figure([row["differences"][model] for row in rows], 0.0) for model in rows[0]["differences"]
        },
    }


def _figure(intervals: list[dict[str, float]], truth: float) -> dict[str, float]:
    means = np.array([interval["mean"] for interval in intervals])
    held = [interval["low"] <= truth <= interval["high"] for interval in intervals]
    return {
        "mean": float(means.mean()),
        "standard_error": float(means.std(ddof=1) / np.sqrt(len(means))),
        "coverage": float(np.mean(held)),
        "width": float(np.mean([interval["high"] - interval["low"] for interval in intervals])),
    }


def said(name: str, found: dict[str, Any]) -> str:
    """Lines for the terminal."""
    lines = [
        f"{name}: {found['cohorts']} cohorts, KS p of the p values {found['ks_p']:.3f}, "
        f"{found['p_below_0.05']:.3f} of them at most 0.05, {found['seconds']:.0f} s"
    ]
    for model, figures in found["models"].items():
        parts = [
            f"{figure} {f['mean']:.3f} ({f['standard_error']:.3f}), interval holds 0.5: {f['coverage']:.3f}, "
            f"width {f['width']:.2f}"
            for figure, f in figures.items()
        ]
        lines.append(f"  {model:13s} " + "; ".join(parts))
    for model, f in found["differences"].items():
        lines.append(f"  lot - {model:13s} {f['mean']:+.3f}, interval holds 0: {f['coverage']:.3f}")
    return "\n".join(lines)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("null", help="cohorts in which the label means nothing")
    command.add_argument("--cohorts", type=int, default=200, help="of each kind")
    command.add_argument("--permutations", type=int, default=99)
    command.add_argument("--first", type=int, default=0, help="seed of the first cohort")
    command.add_argument("--only", help="part of the name of a kind")
    command.add_argument("--each", type=Path, help="JSON lines, one a cohort: what is there is not done again")
    command.add_argument("--json", type=Path, help="write the figures")
    given = parser.parse_args()
    kinds = [kind for kind in NULLS if given.only is None or given.only in kind]
    seeds = range(given.first, given.first + given.cohorts)
    answers = null(seeds, kinds, permutations=given.permutations, each=given.each)
    if given.json is not None:
        given.json.write_text(json.dumps(answers, indent=2))


if __name__ == "__main__":
    main()
