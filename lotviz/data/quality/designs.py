"""What the sample table says about the design: labels, batches, patients, pairs, replicates."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.cohort import Cohort
from lotviz.data.problems import CohortError, Problem, listed
from lotviz.data.roles import resolve_role

FEW_GROUPS = 5  # patients of a class; below it no score can be relied on
MOST_CLASSES = 12  # different values; a column with more is a measurement, not a label
_EVERY = 10**9
_STRONG, _NOTABLE = 0.5, 0.3  # Cramer's V
_SURE, _LIKELY = 0.05, 0.2  # p by permutation
_PERMUTATIONS = 1999
_MOSTLY = 0.75  # of the patients with several samples: from here on pairs were meant


def role_column(cohort: Cohort, role: str) -> pd.Series | None:
    """Return the column that plays a role, as text with NaN where it is empty; None if there is none."""
    try:
        column = cohort.column(resolve_role(cohort, role)[0])
    except CohortError:
        return None
    known = column.notna() & (column.astype(str).str.strip() != "")
    return column.astype(object).where(known).map(str, na_action="ignore") if known.any() else None


def named(column: str, value: str) -> str:
    """Name a value with its column, where it does not say so itself.

    Examples
    --------
    >>> named("batch", "2"), named("batch", "batch 2")
    ('batch 2', 'batch 2')
    """
    return value if value.lower().startswith(column.lower()) else f"{column} {value}"


def class_column(cohort: Cohort) -> pd.Series | None:
    """Return the label, if its values name classes: few of them, and not a different one for every sample."""
    label = role_column(cohort, "label")
    if label is None or label.nunique() > MOST_CLASSES or (label.nunique() == len(label) and len(label) > 2):
        return None
    return label


def design_problems(cohort: Cohort) -> list[Problem]:
    """Return what the sample table needs before groups are compared, the heaviest first."""
    where = cohort.origin or cohort.name
    label, batch, group = class_column(cohort), role_column(cohort, "batch"), role_column(cohort, "group")
    if len(cohort.samples) == 1:
        what = "Expected two samples or more to compare, found one."
        return [Problem(where, what, "Add samples; one alone can only be placed on a map.", "warning")]
    if label is None:
        return []
    problems = confounded_with(label, batch, where) if batch is not None and batch.name != label.name else []
    if group is not None and group.name != label.name:
        problems += _differing_labels(label, group, where)
    return [*problems, *_few_groups(label, group, where), *_unlabelled(label, where)]


def design_notes(cohort: Cohort) -> tuple[str, ...]:
    """Say what was noticed of the design and what lotviz does with it: pairs, replicates."""
    label, group = class_column(cohort), role_column(cohort, "group")
    if group is None or not group.dropna().duplicated().any():
        return ()
    kept = f"Samples of one {group.name} are kept together when lotviz tests what it has learned"
    if label is None or group.name == label.name:
        repeated, each = int((group.value_counts() > 1).sum()), ""
    else:
        table = pd.crosstab(group, label)
        if _crossed(table):
            return (f"Paired design: {_pairs(table)}. {kept}, and labels are exchanged only within it.",)
        repeated, each = int((table > 1).any(axis=1).sum()), f" of the same {label.name}"
    if not repeated:
        return ()
    return (f"Replicates: {repeated} of {group.nunique()} values of {group.name} have several samples{each}. {kept}.",)


def _pairs(table: pd.DataFrame) -> str:
    """Say who has samples of every condition, and who has not."""
    complete = (table > 0).all(axis=1)
    lacking = [str(name) for name in table.index[~complete]]
    group, label = table.index.name, table.columns.name
    has = "one sample" if table.to_numpy().max() == 1 else "samples"
    what = f"{has} of every {label} ({listed(table.columns, _EVERY)})"
    if lacking:
        return f"{complete.sum()} of {len(table)} values of {group} have {what}, but not {listed(lacking, _EVERY)}"
    if len(table) == 1:
        return f"{group} {table.index[0]}, the only one, has {what}"
    return f"each of the {len(table)} values of {group} has {what}"


def _crossed(table: pd.DataFrame) -> bool:
    """Whether most patients with several samples have them in several conditions."""
    several = table[table.sum(axis=1) > 1]
    if table.shape[1] < 2 or not len(several):
        return False
    return float(((several > 0).sum(axis=1) > 1).mean()) >= _MOSTLY


def _differing_labels(label: pd.Series, group: pd.Series, where: str) -> list[Problem]:
    table = pd.crosstab(group, label)
    differ = table.index[(table > 0).sum(axis=1) > 1]
    if not len(differ) or _crossed(table):
        return []
    found = [f"{name} ({listed(table.columns[table.loc[name] > 0])})" for name in differ]
    names = tuple(str(name) for name in group.index[group.isin(differ)])
    what = f"{len(differ)} of {len(table)} values of {group.name} carry more than one {label.name}: "
    what += f"{listed(found, _EVERY)}."
    fix = f"Correct {label.name} or {group.name} if one was mistyped; leave it if these changed from sample to sample."
    return [Problem(where, what, fix, "warning", names)]


def _few_groups(label: pd.Series, group: pd.Series | None, where: str) -> list[Problem]:
    counted = label.groupby(label).size() if group is None else group.groupby(label).nunique()
    values = label.dropna().unique()
    if len(values) == 1 and len(label) > 1:
        what = f"The column {label.name} has one value only: {values[0]}."
        return [Problem(where, what, "Nothing can be told apart by it.", "warning")]
    if group is not None and _crossed(pd.crosstab(group, label)):
        return []  # each is its own control: said by the note on pairs
    few = counted[counted < FEW_GROUPS]
    if not len(few):
        return []
    unit = "samples" if group is None else f"values of {group.name}"
    found = listed((f"{name}: {count}" for name, count in few.items()), _EVERY)
    what = f"Expected at least {FEW_GROUPS} {unit} in every {label.name}, found fewer ({found})."
    fix = "Look at the pictures, but rely on no score; add samples or leave the small group out."
    names = tuple(str(name) for name in label.index[label.isin(few.index)])
    return [Problem(where, what, fix, "warning", names)]


def _unlabelled(label: pd.Series, where: str) -> list[Problem]:
    unknown = tuple(str(name) for name in label.index[label.isna()])
    if not unknown:
        return []
    what = f"{len(unknown)} samples have no {label.name}: {listed(unknown, _EVERY)}."
    return [Problem(where, what, f"Fill in the column {label.name}.", "warning", unknown)]


def confounded_with(label: pd.Series, batch: pd.Series, where: str) -> list[Problem]:
    """Return the problem of groups that were measured in different batches, with the numbers."""
    table = pd.crosstab(batch, label)
    if min(table.shape) < 2 or table.to_numpy().sum() <= len(table):
        return []
    mixed = (table > 0).sum(axis=1) > 1
    if not mixed.any():
        what = f"Every {batch.name} holds one {label.name} only: their effects cannot be told apart. "
        what += _who_is_where(table) + _nowhere(int((label.notna() & batch.isna()).sum()), str(batch.name))
        return [Problem(where, what, "Measure both groups in every batch; read any difference with care.", "warning")]
    alone = table[~mixed & (table.sum(axis=1) > 1)]
    fix = "Compare the groups within the other batches as well."
    if len(alone):
        what = f"{len(alone)} of {len(table)} values of {batch.name} hold one {label.name} only: "
        rows = (f"{name} ({int(row.max())} x {row.idxmax()})" for name, row in alone.iterrows())
        what += f"{listed(rows, _EVERY)}."
        return [Problem(where, what, fix, "warning", _samples_in(batch, alone.index))]
    return _uneven(table, label, batch, where=where)


def _samples_in(batch: pd.Series, names: pd.Index) -> tuple[str, ...]:
    return tuple(str(name) for name in batch.index[batch.isin(names)])


def _who_is_where(table: pd.DataFrame) -> str:
    """Say where the samples of each class were measured, for as many classes as can be read."""
    parts = []
    for name in list(table.columns)[:6]:
        column = table[name]
        places = [str(place) for place in column.index[column > 0]]
        parts.append(f"{_all_of(int(column.sum()))} of {table.columns.name} {name} are in {_places(table, places)}")
    return f"{'; '.join(parts)}."


def _nowhere(count: int, batch: str) -> str:
    if count == 1:
        return f" 1 sample has no {batch} and is not counted."
    return f" {count} samples have no {batch} and are not counted." if count else ""


def _all_of(count: int) -> str:
    return f"All {count} samples" if count > 1 else "The one sample"


def _places(table: pd.DataFrame, places: list[str]) -> str:
    return listed((named(str(table.index.name), place) for place in places), 6)


def _uneven(table: pd.DataFrame, label: pd.Series, batch: pd.Series, *, where: str) -> list[Problem]:
    """Return the problem of a label that goes with the batch in part: Cramer's V, and p by permutation."""
    strength = cramers_v(table.to_numpy())
    if strength < _NOTABLE:
        return []
    chance = _chance_of(strength, label, batch)
    if not (chance < _SURE or (strength >= _STRONG and chance < _LIKELY)):
        return []
    place, name, most, inside, outside = _most_uneven(table)
    word = "strongly" if strength >= _STRONG else "in part"
    what = f"The {label.name} goes {word} with the {batch.name}: {most} of {inside} samples of "
    what += f"{named(str(batch.name), place)} "
    what += f"are {name}, but {outside:.0%} of the others (Cramer's V {strength:.2f}; by chance in {_odds(chance)})."
    fix = f"Name {batch.name} as the batch and compare the groups within each; adjustment can only help in part."
    return [Problem(where, what, fix, "warning", _samples_in(batch, pd.Index([place])))]


def _odds(chance: float) -> str:
    return f"fewer than 1 of {_PERMUTATIONS + 1:,} shuffles" if chance * (_PERMUTATIONS + 1) <= 1 else f"{chance:.1%}"


def _most_uneven(table: pd.DataFrame) -> tuple[str, str, int, int, float]:
    """Return the batch and the class that go together most: names, samples of the class in it, all in it, the rest."""
    counts = table.to_numpy(dtype=np.float64)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    row, column = divmod(int(np.argmax((counts - expected) / np.sqrt(expected))), counts.shape[1])
    inside = counts[row].sum()
    outside = (counts[:, column].sum() - counts[row, column]) / max(counts.sum() - inside, 1)
    names = (str(table.index[row]), str(table.columns[column]))
    return (*names, int(counts[row, column]), int(inside), float(outside))


def cramers_v(counts: NDArray[np.int64]) -> float:
    """Return how far two columns go together, 0 (not at all) to 1 (one gives the other), from their (r, c) counts.

    Notes
    -----
    Source: Bergsma 2013, with the correction for few samples.

    Examples
    --------
    >>> cramers_v(np.array([[50, 0], [0, 50]])), cramers_v(np.array([[5, 5], [5, 5]]))
    (1.0, 0.0)
    """
    total = counts.sum()
    rows, columns = counts.shape
    phi = max(0.0, _chi_square(counts) / total - (rows - 1) * (columns - 1) / (total - 1))
    fewest = min(rows - (rows - 1) ** 2 / (total - 1), columns - (columns - 1) ** 2 / (total - 1)) - 1
    return float(min(1.0, np.sqrt(phi / fewest))) if fewest > 0 else 0.0


def _chi_square(counts: NDArray[np.int64]) -> float:
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    return float(((counts - expected) ** 2 / expected).sum())


def _chance_of(strength: float, label: pd.Series, batch: pd.Series) -> float:
    """Return how often labels dealt out at random go with the batch as strongly."""
    known = label.notna() & batch.notna()
    labels, classes = pd.factorize(label[known])
    batches, places = pd.factorize(batch[known])
    rng = np.random.default_rng(0)
    shape = (len(places), len(classes))
    reached = 0
    for _ in range(_PERMUTATIONS):
        dealt = np.bincount(batches * shape[1] + rng.permutation(labels), minlength=shape[0] * shape[1])
        reached += cramers_v(dealt.reshape(shape)) >= strength - 1e-12
    return (reached + 1) / (_PERMUTATIONS + 1)
