"""Scores of LOT and of everything it stands beside, on the real cohorts of `LOTVIZ_REAL_DATA`: one table.

    python tests/benchmark/real_cohorts.py [--cohorts covid hdstim] [--repeats 5] [--permutations 0] [--json FILE]

Every figure is `lotviz.classify` as it comes, with its defaults; seconds are of the whole call.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import lotviz
from lotviz.analysis.classification import MODEL_NAMES, Classification
from lotviz.data import Cohort

DATA = Path(os.environ.get("LOTVIZ_REAL_DATA", Path(__file__).resolve().parents[2] / ".." / "shared" / "data"))


@dataclass(frozen=True)
class Question:
    """What a cohort is asked; `against` names a class that is set against all others."""

    folder: str
    label: str = "label"
    group: str | None = "patient"
    batch: str | None = None
    against: str | None = None


QUESTIONS = {
    "covid": Question("covid_cd8_flow_debiasi"),
    "hdstim": Question("hdstim_cytof_stim", group=None),
    "wnv": Question("wnv_mouse_bm_flow_spectre"),
    "igan": Question("igan_glomeruli_pilot", against=">60"),
    "igan, three classes": Question("igan_glomeruli_pilot"),
    "mnist": Question("mnist_t10k_pointclouds"),
    "bcrxl, paired": Question("bcrxl_cytof_bodenmiller"),
}


def asked(question: Question) -> Cohort:
    """Read the cohort, with two classes where one is set against the rest."""
    cohort = lotviz.read_cohort(DATA / question.folder)
    if question.against is None:
        return cohort
    own = cohort.samples[question.label] == question.against
    table = cohort.samples.assign(**{question.label: np.where(own, question.against, f"not {question.against}")})
    return replace(cohort, samples=table)


def rows(name: str, found: Classification, seconds: float) -> list[str]:
    """Lines of the table: one a model."""
    lines = []
    for model, score in found.scores.items():
        shown = score.balanced_accuracy
        gain = found.differences.get(model)
        against = "" if gain is None else f"{gain.mean:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"
        lines.append(
            f"| {name if model == 'lot' else ''} | {MODEL_NAMES[model]} | {found.accuracy(model):.3f} | "
            f"{shown.mean:.3f} ({shown.low:.3f} to {shown.high:.3f}) | {score.auc.mean:.3f} | {against} | "
            f"{f'{seconds:.0f}' if model == 'lot' else ''} |"
        )
    return lines


def main() -> None:
    """Ask every cohort and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cohorts", nargs="*", default=list(QUESTIONS), choices=list(QUESTIONS))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--permutations", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print("| cohort | model | accuracy | balanced accuracy (95 %) | AUC | LOT minus it | s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    records = {}
    for name in options.cohorts:
        question = QUESTIONS[name]
        started = time.perf_counter()
        found = lotviz.classify(
            asked(question),
            question.label,
            group=question.group,
            batch=question.batch,
            repeats=options.repeats,
            permutations=options.permutations,
            seed=options.seed,
        )
        print("\n".join(rows(name, found, time.perf_counter() - started)), flush=True)
        for sentence in found.warnings:
            print(f"<!-- {name}: {sentence} -->", flush=True)
        records[name] = found.to_record()
    if options.json:
        options.json.write_text(json.dumps(records, indent=1) + "\n")


if __name__ == "__main__":
    main()
