"""The commands that separate groups: how well it can be done, and what a kept model says of new samples."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lotviz.cli.commands import read_as_asked, sentences, understanding
from lotviz.cli.destination import check_result, write_text
from lotviz.cli.failures import RefusedError
from lotviz.cli.options import CELLS_PER_SAMPLE
from lotviz.cli.output import Output, finite

if TYPE_CHECKING:
    from lotviz.analysis.classification import Classification
    from lotviz.analysis.design import Design
    from lotviz.data.cohort import Cohort
    from lotviz.transport.embedding import LOTEmbedding

_EMBEDDING = ".lot"
# what an embedding has settled, and its value where it was not given
_SETTLED = {
    **dict.fromkeys(("markers", "transform", "cofactor", "components", "genes", "columns", "rename", "points")),
    **dict.fromkeys(("sample_key", "population_key", "layer")),
    "compensate": "auto",
    "skip_unreadable": False,
    "cells_per_sample": CELLS_PER_SAMPLE,
}


def classify(options: Namespace, output: Output) -> int:
    """Measure whether the groups differ, beside the baselines."""
    for destination in (options.output, options.model):
        if destination:
            check_result(destination, overwrite=options.overwrite, inputs=[options.cohort])
    if options.output and options.model and options.output.resolve() == options.model.resolve():
        what = "Expected two files, found the same name for the result and the model."
        raise RefusedError("--model", what, "Give the model a name of its own, as in study.lotmodel.")
    if options.model and (options.adjust or options.controls or options.paired == "yes"):
        raise _no_single_samples()
    from lotviz.analysis.classify import classify, question
    from lotviz.analysis.embedded import as_cohort
    from lotviz.data import resolve_role

    given = _cohort_or_embedding(options)
    cohort = as_cohort(given)
    label, label_note = resolve_role(cohort, options.label)
    group, group_note = resolve_role(cohort, options.group) if options.group else (None, None)
    points: dict[str, Any] = {"points": tuple(options.points)} if options.points else {}
    asked: dict[str, Any] = {
        "group": group,
        "batch": options.batch,
        "adjust": tuple(options.adjust),
        "controls": options.controls,
        "outcome": options.outcome,
        "paired": {"yes": True, "no": False}.get(options.paired),
        "folds": options.folds,
    }
    if options.model:
        _check_single_samples(question(cohort, label, **asked)[2])
    result = classify(
        given,
        label,
        **asked,
        estimator=options.estimator,
        abundance=not options.no_abundance,
        repeats=options.repeats,
        permutations=options.permutations,
        cells_per_sample=options.cells_per_sample,
        seed=options.seed,
        progress=output.progress,
        cancel=output.cancel,
        **points,
    )
    notes = [note for note in (label_note, group_note) if note]
    record = result.to_json()
    record["warnings"] = sentences(notes, cohort.problems, record["warnings"])
    if options.output:
        everything = {**result.to_record(), "warnings": record["warnings"]}
        write_text(options.output, json.dumps(finite(everything), allow_nan=False, indent=2) + "\n")
    if options.model:
        _keep_model(given, result, options, output)
        record["model"] = str(options.model)
    output.warn(record["warnings"])
    output.result(record, _classification_text(record))
    return 0


def score(options: Namespace, output: Output) -> int:
    """Score the samples of a cohort by a kept model, and say whether it has seen their like."""
    if options.output:
        check_result(options.output, overwrite=options.overwrite, inputs=[options.model, options.cohort])
    from lotviz.analysis.patient_model import PatientModel
    from lotviz.data import read_cohort

    model = PatientModel.load(options.model)
    space = model.space
    cohort = read_cohort(
        options.cohort,
        markers=list(space.markers),
        transform=space.transform,
        components=space.components,
        **understanding(options),
    )
    projected = model.project(cohort, progress=output.progress, cancel=output.cancel)
    table = model.assess(projected)
    unlike = [str(name) for name in table.index[~table["seen"]]]
    said = [f"Unlike anything the model has seen, so its score means little: {', '.join(unlike)}."] if unlike else []
    record: dict[str, Any] = {
        "label": model.label,
        "classes": list(model.model.classes),
        "n_samples": len(table),
        "samples": table.reset_index(names="sample").to_dict(orient="records"),
        "warnings": sentences(cohort.problems, projected.warnings, said),
        "parameters": dict(model.parameters),
        "versions": dict(model.versions),
        "sample_hashes": dict(projected.sample_hashes),
    }
    if options.output:
        write_text(options.output, json.dumps(finite(record), allow_nan=False, indent=2) + "\n")
    output.warn(record["warnings"])
    shown = {key: value for key, value in record.items() if key not in ("parameters", "versions", "sample_hashes")}
    output.result(shown, _score_text(record))
    return 0


def _cohort_or_embedding(options: Namespace) -> Cohort | LOTEmbedding:
    """Read a cohort, or open an embedding, whose markers and transform are settled."""
    if options.cohort.suffix.lower() != _EMBEDDING:
        return read_as_asked(options)
    given = [f"--{name.replace('_', '-')}" for name, usual in _SETTLED.items() if getattr(options, name) != usual]
    if given:
        what = f"Expected none of them beside an embedding, which has its own, found {', '.join(given)}."
        raise RefusedError(given[0], what, "Leave them out, or name the cohort instead of the embedding.")
    from lotviz.transport import LOTEmbedding

    return LOTEmbedding.load(options.cohort)


def _keep_model(given: Cohort | LOTEmbedding, result: Classification, options: Namespace, output: Output) -> None:
    """Fit on all samples and write the model."""
    from lotviz.analysis.patient_model import fit_patient_model
    from lotviz.data.cohort import Cohort
    from lotviz.transport import embed

    if isinstance(given, Cohort):
        limit = options.cells_per_sample
        given = embed(given, cells_per_sample=limit, seed=options.seed, progress=output.progress, cancel=output.cancel)
    made = fit_patient_model(
        given,
        result.label,
        positive=result.classes[-1],
        group=result.group,
        estimator=options.estimator,
        abundance=not options.no_abundance,
        seed=options.seed,
    )
    made.save(options.model)


def _check_single_samples(design: Design) -> None:
    """Refuse what only the cohort shows, numbers and pairs, before anything is measured."""
    if design.outcome is not None or design.within:
        raise _no_single_samples()


def _no_single_samples() -> RefusedError:
    what = "Expected groups that are told apart sample by sample, found numbers, pairs, covariates or controls."
    return RefusedError("--model", what, "A kept model meets single new samples: leave these out to keep one.")


def _classification_text(record: Mapping[str, Any]) -> str:
    continuous = not record["classes"]
    asked = "a continuous outcome" if continuous else ", ".join(map(str, record["classes"]))
    rows = [f"{record['label']}: {asked}; {record['n_samples']} samples in {record['n_groups']} groups."]
    first, second = ("r2", "correlation") if continuous else ("balanced_accuracy", "auc")
    heads = ("variance explained", "correlation") if continuous else ("balanced accuracy", "AUC")
    rows.append(f"{'':14} {heads[0] + ' (95 %)':26} {heads[1]} (95 %)")
    for name, figures in record["scores"].items():
        rows.append(f"{name:14} {_interval(figures[first]):26} {_interval(figures[second])}")
    rows.append(f"LOT minus the best baseline, {record['difference']['baseline']}: {_interval(record['difference'])}.")
    rows.append(f"Permutation p: {_number(record['permutation_p'])}.")
    return "\n".join(rows)


def _score_text(record: Mapping[str, Any]) -> str:
    rows = [f"{record['label']}: a score above 0 speaks for {record['classes'][1]}."]
    rows.append(f"{'sample':20} {'named':14} {'score (95 % of refits)':28} as far  seen")
    for one in record["samples"]:
        interval = f"{one['score']:+.2f} ({one['low']:+.2f} to {one['high']:+.2f})"
        seen = "yes" if one["seen"] else "NO"
        rows.append(f"{one['sample']!s:20} {one['class']:14} {interval:28} {100 * one['as_far']:4.0f} %  {seen}")
    return "\n".join(rows)


def _interval(figure: Mapping[str, float | None]) -> str:
    return f"{_number(figure['mean'])} ({_number(figure['low'])} to {_number(figure['high'])})"


def _number(value: float | None) -> str:
    return "unknown" if value is None or value != value else f"{value:.3f}"
