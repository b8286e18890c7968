"""Simulated cohorts with known answers: patients in two groups, and organoids under two drugs and their combination."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.data.choices import require_among, require_range, require_seed
from lotviz.data.cohort import Cohort
from lotviz.data.panels import GUT, IMMUNE
from lotviz.data.simulated import (
    Array,
    Drawn,
    Nature,
    cohort_of,
    cultures,
    nature_of,
    require_sizes,
    sample_cells,
)


def simulate(
    design: Literal["patients", "organoids"] = "patients",
    *,
    samples: int = 24,
    cells: int = 2000,
    markers: int = 14,
    seed: int = 0,
    effect: float = 1.2,
    abundance: float = 0.5,
    batch: float = 0.15,
    noise: float = 1.0,
    batches: int = 2,
    lines: int = 3,
    replicates: int | None = None,
    interaction: float = 0.0,
    abundance_interaction: float = 0.0,
) -> Cohort:
    """Simulate a cohort whose answer is known, in memory.

    *patients*: cases and controls of a blood panel. In cases the CD8 T effector cells stain brighter for CD38 and
    PD-1, and classical monocytes are more abundant; staining of all markers varies from patient to patient and
    from batch to batch, and so does the share of every population. Columns patient, label, batch, age.

    *organoids*: lines x {control, A, B, A+B} x replicates of gut organoids. A dims pERK in stem and transit amplifying
    cells, B dims pS6 in transit amplifying and enterocyte cells; A+B does both, and `interaction` more than both; it
    may change the share of enterocytes too, which neither drug does.
    Columns line, condition, replicate, plate.

    Values are raw intensities: arcsinh(x / 5) is their natural scale, and the unit of the sizes below.

    Parameters
    ----------
    samples
        Number of samples; for organoids it gives the replicates (samples / (4 x lines)) unless those are given.
    cells
        Cells of each sample.
    markers
        Number of markers, 2 to 30 for patients, 2 to 26 for organoids.
    effect
        Planted shift of the named markers in the named population; 0 plants nothing.
    abundance
        Patients: planted change of the log odds of the named population.
    batch
        Standard deviation of the shift of a marker between batches (patients) or plates (organoids).
    noise
        How much samples of a group differ (staining and composition); 1 is realistic, 0 none.
    batches
        Patients: number of batches; both groups are spread evenly over them.
    lines, replicates
        Organoids: number of lines, and of replicates of each condition and line.
    interaction
        Organoids: shift of pERK in stem cells under A+B beyond what A and B add up to; 0 is additive. A dims it, so
        that above 0 A+B does less than both together, and below 0 more.
    abundance_interaction
        Organoids: change of the log odds of enterocytes under A+B; 0 is additive, on the scale of logarithms.

    Returns
    -------
    Cohort
        `synthetic`, with `truth` and the population of every cell.

    Raises
    ------
    ValueError
        For a design that is not known, or a number of samples, cells or markers that cannot be.

    Examples
    --------
    >>> cohort = simulate(samples=4, cells=50)
    >>> cohort.total_cells, cohort.truth["population"], cohort.truth["markers"]
    (200, 'CD8 T effector', ('CD38', 'PD-1'))
    """
    require_among("design", design, ("patients", "organoids"))
    require_seed(seed)
    panel = IMMUNE if design == "patients" else GUT
    require_sizes(panel, cells=cells, markers=markers, batch=batch, noise=noise)
    sizes = {"effect": effect, "batch": batch, "noise": noise}
    rng = np.random.default_rng(seed)
    if design == "patients":
        require_range("samples", samples, 2, 100_000)
        require_range("batches", batches, 1, samples)
        nature = nature_of(panel, markers, rng)
        table = _patient_table(samples, batches, rng)
        drawn = _patients(nature, table, cells=cells, abundance=abundance, rng=rng, **sizes)
    else:
        require_range("lines", lines, 1, 1000)
        each = _replicates(samples, lines) if replicates is None else replicates
        require_range("replicates", each, 1, 1000)
        nature = nature_of(panel, markers, rng)
        table = _organoid_table(lines, each)
        joint = {"interaction": interaction, "abundance_interaction": abundance_interaction}
        drawn = _organoids(nature, table, cells=cells, rng=rng, **joint, **sizes)
    return cohort_of(design, nature, table, drawn, seed=seed)


def _patient_table(samples: int, batches: int, rng: np.random.Generator) -> pd.DataFrame:
    names = [f"P{number:0{len(str(samples))}d}" for number in range(1, samples + 1)]
    # label by turns within a batch, so that no batch stands for a label; then the order is shuffled
    order = np.arange(samples)
    labels = np.array(["control", "case"])[order % 2]
    plates = np.array([f"batch {number + 1}" for number in (order // 2) % batches])
    shuffled = rng.permutation(samples)
    ages = np.clip(rng.normal(52, 13, samples).round(), 19, 90).astype(int)
    columns = {"patient": names, "label": labels[shuffled], "batch": plates[shuffled], "age": ages}
    return pd.DataFrame(columns, index=pd.Index(names, name="sample"))


def _patients(
    nature: Nature,
    table: pd.DataFrame,
    *,
    cells: int,
    effect: float,
    abundance: float,
    batch: float,
    noise: float,
    rng: np.random.Generator,
) -> Drawn:
    population, more = "CD8 T effector", "Monocytes classical"
    planted = tuple(marker for marker in ("CD38", "PD-1") if marker in nature.markers)
    shift = np.zeros_like(nature.profile)
    for marker in planted:
        shift[nature.row(population), nature.column(marker)] = effect
    batches = {name: rng.normal(0, batch, len(nature.markers)) for name in sorted(set(table["batch"]))}
    base = np.log(list(nature.panel.shares.values()))
    found: dict[str, NDArray[np.float32]] = {}
    labels: dict[str, NDArray[Any]] = {}
    for name, row in table.iterrows():
        case = float(row["label"] == "case")
        logits = base + rng.normal(0, 0.35 * noise, len(base))
        logits[nature.row(more)] += case * abundance
        # the answer differs in strength from patient to patient
        response = case * np.clip(rng.normal(1.0, 0.35 * noise), 0.0, 2.0)
        staining = rng.normal(0, 0.25 * noise, len(nature.markers)) + batches[str(row["batch"])]
        found[str(name)], labels[str(name)] = sample_cells(
            nature, cells, logits, shift=response * shift, staining=staining, rng=rng
        )
    truth = {
        "population": population,
        "markers": planted,
        "effect": effect,
        "positive": "case",
        "abundance": {"population": more, "log_odds": abundance},
        "batch_shifts": batches,
    }
    return Drawn(found, labels, truth)


def _organoid_table(lines: int, replicates: int) -> pd.DataFrame:
    rows = [
        {"line": f"L{line + 1}", "condition": condition, "replicate": replicate + 1, "plate": f"plate {replicate + 1}"}
        for line in range(lines)
        for condition in ("control", "A", "B", "A+B")
        for replicate in range(replicates)
    ]
    names = [f"{row['line']}_{str(row['condition']).replace('+', '')}_r{row['replicate']}" for row in rows]
    return pd.DataFrame(rows, index=pd.Index(names, name="sample"))


def _drug_shifts(nature: Nature, effect: float) -> tuple[dict[str, Array], dict[str, Any]]:
    targets = {"A": ("pERK", ("Stem", "Transit amplifying")), "B": ("pS6", ("Transit amplifying", "Enterocyte"))}
    shifts = {}
    for drug, (marker, populations) in targets.items():
        shifts[drug] = np.zeros_like(nature.profile)
        for population in populations:
            row, column = nature.row(population), nature.column(marker)
            shifts[drug][row, column] = nature.moved(row, column, -effect)
    return shifts, {drug: {"marker": marker, "populations": names} for drug, (marker, names) in targets.items()}


def _organoids(
    nature: Nature,
    table: pd.DataFrame,
    *,
    cells: int,
    effect: float,
    batch: float,
    noise: float,
    interaction: float,
    abundance_interaction: float,
    rng: np.random.Generator,
) -> Drawn:
    shifts, drugs = _drug_shifts(nature, effect)
    joint = np.zeros_like(nature.profile)
    joint[nature.row("Stem"), nature.column("pERK")] = interaction
    doses = {"control": 0 * joint, **shifts, "A+B": shifts["A"] + shifts["B"] + joint}
    grown = np.zeros(len(nature.profile))
    grown[nature.row("Enterocyte")] = abundance_interaction

    def planted(row: pd.Series) -> tuple[Array, Array]:
        return doses[str(row["condition"])], grown * (row["condition"] == "A+B")

    found, labels, plates = cultures(nature, table, planted, cells=cells, batch=batch, noise=noise, rng=rng)
    interacting: dict[str, Any] = {"population": "Stem", "marker": "pERK", "effect": interaction}
    if abundance_interaction:
        interacting["abundance"] = {"population": "Enterocyte", "log_odds": abundance_interaction}
    truth = {"population": "Stem", "markers": ("pERK", "pS6"), "effect": effect, "drugs": drugs}
    return Drawn(found, labels, {**truth, "interaction": interacting, "plate_shifts": plates})


def _replicates(samples: int, lines: int) -> int:
    if samples < 4 * lines or samples % (4 * lines):
        raise ValueError(
            f"Expected a multiple of {4 * lines} samples ({lines} lines x 4 conditions), found {samples}. "
            f"Ask for {max(1, round(samples / (4 * lines))) * 4 * lines}, or give lines and replicates."
        )
    return samples // (4 * lines)


def truth_in_words(truth: Mapping[str, Any]) -> str:
    """Say what was planted, as a sentence for a page or a report."""
    if truth["design"] == "patients":
        change = truth["abundance"]
        return (
            f"In cases, {' and '.join(truth['markers'])} of {truth['population']} cells move by {truth['effect']:+g} "
            f"(arcsinh scale) and the log odds of {change['population']} by {change['log_odds']:+g}."
        )
    drugs = [f"{name} moves {d['marker']} in {' and '.join(d['populations'])}" for name, d in truth["drugs"].items()]
    together = truth["interaction"]
    joint = []
    if together["effect"]:
        joint.append(
            f"together they move {together['marker']} in {together['population']} by {together['effect']:+g} more"
        )
    if "abundance" in together:
        change = together["abundance"]
        joint.append(f"together they change the log odds of {change['population']} by {change['log_odds']:+g}")
    return f"{'; '.join([*drugs, *(joint or ['together they add up'])])}."
