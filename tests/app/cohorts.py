"""Cohorts that a page must survive, each named for what is odd about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from lotviz.data import ArraySource, Cohort, Transform, simulate

MARKUP = "<img src=x onerror=alert(1)>"
HOSTILE = (
    MARKUP,
    "'single' \"double\" `tick`",
    "</script><script>alert(2)</script>",
    "Ünïcödé 患者 🧬",
    "percent %s {braces} $dollar &amp;",
    'back\\slash """ quote',
    "long " + "name" * 60,
    "a" * 40 + "\u202egnp.exe",
)


def small(samples: int = 8, markers: int = 5, **options: object) -> Cohort:
    """Simulated patients, few cells each; every cohort below is one of these, altered."""
    return simulate("patients", samples=samples, cells=120, markers=markers, seed=5, **options)


def labelled(values: object, samples: int = 8) -> Cohort:
    """The same with a label column of the given values."""
    cohort = small(samples)
    return replace(cohort, samples=cohort.samples.assign(label=values))


def without_metadata() -> Cohort:
    cohort = small()
    return replace(cohort, samples=cohort.samples[[]])


def twelve_classes() -> Cohort:
    return labelled([f"class {row // 2}" for row in range(24)], samples=24)


def numeric_label() -> Cohort:
    return labelled([1, 2] * 4)


def measured_label() -> Cohort:
    """A dose: twelve numbers in two samples each, one of them not known."""
    doses = [float(2**row) / 8 for row in range(12)] * 2
    return labelled([*doses[:-1], np.nan], samples=24)


def label_with_gaps() -> Cohort:
    return labelled(["case", "control", None, "case", "control", np.nan, "case", "control"])


def numeric_label_with_gaps() -> Cohort:
    return labelled([0.0, 1.0, np.nan, 0.0, 1.0, np.nan, 0.0, 1.0])


def without_populations() -> Cohort:
    cohort = small()
    return replace(cohort, source=ArraySource(cohort.source.cells))


def hostile_names() -> Cohort:
    """Markup, quotes, other alphabets and endless names for samples, markers, columns, groups and populations."""
    cohort = small(samples=len(HOSTILE), markers=5)
    names = [f"{name} {row}" for row, name in enumerate(HOSTILE)]
    old = list(cohort.samples.index)
    markers = tuple(f"{name} marker" for name in HOSTILE[:5])
    groups = [f"{HOSTILE[row % 2]} group" for row in range(len(names))]
    index = pd.Index(names, name="sample")
    columns = {
        "label": groups,
        f"{MARKUP} column": [f"{HOSTILE[row // 2]} value" for row in range(len(names))],
        "patient": [f"{name} patient" for name in names],
        f"{MARKUP} number": np.arange(len(names)) / 7,
    }
    populations = {kind: f"{HOSTILE[i % len(HOSTILE)]} population {i}" for i, kind in enumerate(kinds(cohort))}
    cells = {new: cohort.source.cells[name] for new, name in zip(names, old, strict=True)}
    labels = {
        new: np.array([populations[kind] for kind in cohort.source.labels[name]], dtype=object)
        for new, name in zip(names, old, strict=True)
    }
    return Cohort(
        name=f"{MARKUP} cohort",
        samples=pd.DataFrame(columns, index=index),
        markers=markers,
        cell_counts=pd.Series(cohort.cell_counts.to_numpy(), index=index, name="cells"),
        source=ArraySource(cells, labels),
        transform=Transform("arcsinh", 5.0),
        origin=f"{MARKUP} origin",
    )


def kinds(cohort: Cohort) -> list[str]:
    """Name the populations of a simulated cohort."""
    return sorted({str(kind) for labels in cohort.source.labels.values() for kind in labels})


COHORTS: dict[str, Callable[[], Cohort]] = {
    "patients": small,
    "enough patients": lambda: small(samples=10),
    "organoids": lambda: simulate("organoids", cells=120, markers=6, replicates=2, lines=2, seed=5),
    "no metadata": without_metadata,
    "twelve classes": twelve_classes,
    "numeric label": numeric_label,
    "measured label": measured_label,
    "label with gaps": label_with_gaps,
    "numeric label with gaps": numeric_label_with_gaps,
    "hostile names": hostile_names,
    "two samples": lambda: small(samples=2),
    "two markers": lambda: small(markers=2),
    "no populations": without_populations,
}
