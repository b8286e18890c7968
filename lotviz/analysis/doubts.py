"""What makes an answer doubtful, as sentences: each says what was seen and what it may mean."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.classification import MODEL_NAMES, NEGLIGIBLE, Classification
from lotviz.analysis.design import Design
from lotviz.analysis.folds import distinct_permutations
from lotviz.analysis.labels import label_texts
from lotviz.analysis.scoring import auc
from lotviz.data.cohort import Cohort
from lotviz.data.problems import listed
from lotviz.data.quality.designs import confounded_with
from lotviz.data.roles import role_candidates

CARRIES = 0.1  # balanced accuracy that hangs on one group
FALLS = 0.15  # balanced accuracy lost on batches that were not learnt from
SPREAD = 0.15  # of balanced accuracy between references
COUNTS = 0.75  # how well the number of cells alone orders the classes
BATCH_SEEN = 0.5  # of the way from chance to certainty


def doubts_about(found: Classification, cohort: Cohort, design: Design) -> list[str]:
    """All doubts, the heaviest first."""
    if design.outcome is not None:
        return [*_copies(found), *_gains(found)]
    return [
        *_copies(found),
        *_gains(found),
        *_entangled(found, cohort),
        *_confounds(found),
        *_batches(found),
        *_one_group(found),
        *_references(found),
        *_cell_counts(found, cohort),
        *_permutations(found, design),
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _copies(found: Classification) -> list[str]:
    """Name samples of different groups that are one: the model is tested on what it has learnt by heart."""
    alike: dict[str, list[int]] = {}
    for row, name in enumerate(found.samples):
        alike.setdefault(found.sample_hashes[name], []).append(row)
    copies = [rows for rows in alike.values() if len(set(found.groups[rows])) > 1]
    return [
        f"The samples {listed([found.samples[row] for row in rows])} have exactly the same cells and may be in "
        "training and test at once: keep one of them, or give them one group."
        for rows in copies
    ]


def _gains(found: Classification) -> list[str]:
    """Compare with every baseline that knows less than LOT, the better ones first."""
    lot = found.scores["lot"].headline.mean
    chance = found.chance
    doubts = []
    order = sorted(
        (name for name in ("marker_means", "quantiles", "abundances") if name in found.differences),
        key=lambda name: -found.scores[name].headline.mean,
    )
    for name in order:
        gain, words = found.differences[name], MODEL_NAMES[name]
        theirs = found.scores[name].headline.mean
        if theirs <= chance + NEGLIGIBLE and lot <= chance + NEGLIGIBLE:
            continue
        if gain.mean < NEGLIGIBLE:
            do = "better" if gain.high < 0.0 else "as well"
            doubts.append(f"{words} do {do}: {_figures(found, theirs, lot)}.")
        elif gain.low <= 0.0:
            doubts.append(f"The gain of LOT over {words.lower()} is not established: {_figures(found, theirs, lot)}.")
    return doubts


def _figures(found: Classification, theirs: float, lot: float) -> str:
    if found.outcome is not None:
        return f"they explain {_percent(theirs)} of the variance, LOT {_percent(lot)}"
    return f"they are right {_percent(theirs)} of the time, LOT {_percent(lot)}"


def _entangled(found: Classification, cohort: Cohort) -> list[str]:
    """Say whether the classes go with the batch that was given, or any column that may be one: a plate, run or date."""
    columns = [str(name) for name in cohort.samples.columns]
    likely = dict.fromkeys([*([found.batch] if found.batch else []), *role_candidates("batch", columns)])
    label = pd.Series([found.classes[number] for number in found.labels], cohort.samples.index, name=found.label)
    doubts = []
    for name in likely:
        if name not in (found.label, found.group):
            column = cohort.column(name)
            known = pd.Series(label_texts(column), column.index, dtype=object, name=name)
            known = known.where(known != "")
            doubts += [problem.what for problem in confounded_with(label, known, "")]
    return doubts


def _confounds(found: Classification) -> list[str]:
    if found.over_confounds is None or found.over_confounds.low > 0.0:
        return []
    lot, named = (found.scores[name].balanced_accuracy.mean for name in ("lot", "confounds"))
    if not named - found.chance >= 0.5 * (lot - found.chance) > 0.0:
        return []
    known = list(dict.fromkeys([*([found.batch] if found.batch else []), *found.parameters["adjust"]]))
    said = " and ".join([", ".join(known), "number of cells"])
    return [
        f"Confounds: {said} alone are right {_percent(named)} of the time, LOT {_percent(lot)}; what LOT sees may be "
        "one of them."
    ]


def _batches(found: Classification) -> list[str]:
    tried, doubts = found.robustness, []
    if tried.batch_named is not None and tried.batch_chance is not None:
        way = (tried.batch_named - tried.batch_chance) / (1.0 - tried.batch_chance)
        if way > BATCH_SEEN:
            doubts.append(
                f"Batches can be seen in the cells: {found.batch} is named right {_percent(tried.batch_named)} of the "
                f"time (a coin {_percent(tried.batch_chance)})."
            )
    apart, together = tried.other_batches, tried.same_batches
    if apart is not None and together is not None and together - apart > FALLS:
        doubts.append(
            f"It does not carry over to other batches: {_percent(apart)} right on batches that were not learnt from, "
            f"{_percent(together)} on those that were."
        )
    return doubts


def _one_group(found: Classification) -> list[str]:
    tried = found.robustness
    place = tried.most_influential
    if place is None or tried.with_all - tried.without[place] <= CARRIES or tried.with_all - found.chance < CARRIES:
        return []
    rest = f"{_percent(float(tried.without[place]))} right instead of {_percent(tried.with_all)}"
    return [f"One {found.group or 'sample'} carries the result: without {tried.groups[place]} it is {rest}."]


def _references(found: Classification) -> list[str]:
    seen = found.robustness.references
    if len(seen) < 2 or max(seen) - min(seen) <= SPREAD:
        return []
    low, high = _percent(min(seen)), _percent(max(seen))
    return [
        f"The reference changes the answer: on single references LOT is right between {low} and {high} of the time; "
        "the mean over all is used."
    ]


def _cell_counts(found: Classification, cohort: Cohort) -> list[str]:
    counts = cohort.cell_counts.reindex(cohort.samples.index).to_numpy(dtype=np.float64)
    if np.ptp(counts) == 0.0:
        return []
    order = _separates(counts, found.labels, found.groups)
    if order is None or order < COUNTS:
        return []
    return [
        f"The number of cells differs between the classes: it alone orders pairs of samples right {_percent(order)} "
        "of the time. What decides how many cells a sample has may be behind the answer."
    ]


def _separates(values: NDArray[np.float64], labels: NDArray[np.intp], groups: NDArray[np.intp]) -> float | None:
    """How well one number orders two classes, either way round; None for more classes or a chance finding."""
    if labels.max() > 1:
        return None
    found = float(auc(values[None, :, None], labels)[0])
    per_class = [len(np.unique(groups[labels == number])) for number in (0, 1)]
    spread = np.sqrt((sum(per_class) + 1) / (12.0 * per_class[0] * per_class[1]))  # of a rank sum, as a share
    return max(found, 1.0 - found) if abs(found - 0.5) > 2.58 * spread else None


def _permutations(found: Classification, design: Design) -> list[str]:
    if found.permutation_p is None:
        return []
    distinct = distinct_permutations(design.labels, design.groups, design.batches)
    if distinct < 2:
        return ["Within batches no labels can be exchanged: class and batch cannot be told apart."]
    if distinct < 100:
        return [f"Only {distinct:.0f} label assignments are possible: p cannot be below {found.least_p:.2g}."]
    return []
