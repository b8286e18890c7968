"""How near do synthetic samples come to measured ones that were held out, beside simpler ways to make them up?

    python tests/benchmark/organoids.py [--quick] [--studies doses bcrxl wnv] [--points 64] [--seeds 3]

doses
    simulated organoid lines; markers of some populations move with the dose and populations grow and shrink. The middle
    dose of every line and replicate is held out and made up from the lowest and the highest dose on the same plate.
bcrxl
    blood of eight donors with and without stimulation, real; `LOTVIZ_REAL_DATA` names the folder. The stimulated sample
    of a donor is held out and made up from the unstimulated one and the samples of the other donors.
wnv
    bone marrow of twelve mice in two groups, real. A mouse is held out and made up from the others of its group.

The embedding never sees a held-out sample. Every way is given the same measured samples, and the same number of cells
of each is compared with one half of the held-out sample; the other half is the yardstick. "The better end" is chosen
with the held-out sample in hand, measure by measure: to its favour. The typical sample is the one nearest to all others
of its group by LOT distance, and the nearest donor the one whose unstimulated sample is nearest.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from measure import markdown, one_thread, saved, versions

import lotviz
from lotviz.analysis.naive_synthesis import naive_samples
from lotviz.analysis.realism import HALF, JUDGED, realism, said_of
from lotviz.data import Cohort
from lotviz.data.doses import simulate_doses
from lotviz.transport import LOTEmbedding, group_weights
from lotviz.transport.carry import carried_over

DATA = Path(os.environ.get("LOTVIZ_REAL_DATA", Path(__file__).resolve().parents[2] / ".." / "shared" / "data"))
KINDS, LINES = "lotviz, by kinds", "lotviz, in straight lines"
CARRIED, MAPS, CELLS = "lotviz, carried over by kinds", "lotviz, A + B - C by maps", "lotviz, A + B - C by cells"
BETTER, SHIFTED = "the better end", "own sample and the mean shift"
TYPICAL, NEAREST, OWN = "typical sample", "nearest donor, stimulated", "own sample, unstimulated"
REPLICATE = "another replicate, another plate"
SHOWN = ("w1", "sliced", "w2", "w2_squared_above", "mmd_squared", "correlation", "auc_linear", "auc_trees")


@dataclass
class Trial:
    """One held-out sample: what was made up for it, by name, and what was measured; scaled."""

    name: str
    candidates: dict[str, np.ndarray]
    held_out: np.ndarray
    ends: dict[str, np.ndarray] = field(default_factory=dict)
    replicates: dict[str, np.ndarray] = field(default_factory=dict)
    ours: tuple[str, ...] = ()


def embedded(cohort: Cohort, held_out: list[str], chosen: argparse.Namespace) -> LOTEmbedding:
    kept = [str(name) for name in cohort.samples.index if name not in held_out]
    return lotviz.embed(cohort.select(samples=kept), points=chosen.points, cells_per_sample=chosen.most, seed=0)


def doses(chosen: argparse.Namespace) -> Iterator[Trial]:
    lines, replicates, cells = (1, 2, 600) if chosen.quick else (3, 2, 3000)
    for seed in range(chosen.seeds):
        cohort = simulate_doses(lines=lines, doses=(0, 0.5, 1), replicates=replicates, cells=cells, seed=seed)
        held = [str(name) for name in cohort.samples.index[cohort.samples["dose"] == 0.5]]
        embedding = embedded(cohort, held, chosen)
        scaled = {name: embedding.scaling.apply(cohort.cells(name)) for name in held}
        for name in held:
            line, _, replicate = name.split("_")
            low, high = f"{line}_dose0_{replicate}", f"{line}_dose1_{replicate}"
            halves = {low: 0.5, high: 0.5}
            made = {
                KINDS: embedding.interpolate(halves, cells, manner="kinds"),
                LINES: embedding.interpolate(halves, cells),
            }
            ends = {end: embedding.scaled_cells(end) for end in (low, high)}
            other = next(one for one in held if one.startswith(line) and one != name)
            yield Trial(
                f"{name}, seed {seed}",
                unscaled(embedding, made) | naive_samples(list(ends.values()), [0.5, 0.5], n=cells),
                scaled[name],
                ends=ends,
                replicates={REPLICATE: scaled[other]},
                ours=(KINDS, LINES),
            )


def bcrxl(chosen: argparse.Namespace) -> Iterator[Trial]:
    cohort = lotviz.read_cohort(DATA / "bcrxl_cytof_bodenmiller")
    donors = sorted(cohort.samples["patient"].unique())
    for donor in donors[: 2 if chosen.quick else None]:
        own, held = f"{donor}_Reference", f"{donor}_BCR-XL"
        embedding = embedded(cohort, [held], chosen)
        others = [one for one in donors if one != donor]
        after = group_weights(embedding, "label", {"BCR-XL": 1.0})
        before = {f"{one}_Reference": 1 / len(others) for one in others}
        signed = {own: 1.0, **after, **{name: -weight for name, weight in before.items()}}
        count = min(chosen.most, int(embedding.n_cells_used[embedding.index(own)]))
        made = {
            CARRIED: carried_over(embedding, own, before=before, after=after, n_cells=count),
            MAPS: embedding.combine(signed, count),
            CELLS: embedding.combine(signed, count, level="cells"),
            KINDS: embedding.interpolate(after, count, manner="kinds"),
        }
        stimulated = [embedding.scaled_cells(name) for name in after]
        shift = np.mean([cloud.mean(axis=0) for cloud in stimulated], axis=0)
        shift -= np.mean([embedding.scaled_cells(name).mean(axis=0) for name in before], axis=0)
        distances = embedding.distances()[embedding.index(own)]
        nearest = min(others, key=lambda one: distances[embedding.index(f"{one}_Reference")])
        baselines = {
            OWN: embedding.scaled_cells(own),
            SHIFTED: embedding.scaled_cells(own) + shift,
            NEAREST: embedding.scaled_cells(f"{nearest}_BCR-XL"),
            TYPICAL: embedding.scaled_cells(typical(embedding, list(after))),
            **naive_samples(stimulated, list(after.values()), n=count),
        }
        held_out = embedding.scaling.apply(cohort.cells(held, limit=2 * chosen.most, seed=0))
        yield Trial(donor, unscaled(embedding, made) | baselines, held_out, ours=tuple(made))


def wnv(chosen: argparse.Namespace) -> Iterator[Trial]:
    cohort = lotviz.read_cohort(DATA / "wnv_mouse_bm_flow_spectre")
    mice = [str(name) for name in cohort.samples.index]
    for mouse in mice[: 2 if chosen.quick else None]:
        embedding = embedded(cohort, [mouse], chosen)
        weights = group_weights(embedding, "label", {cohort.samples.loc[mouse, "label"]: 1.0})
        count = chosen.most
        made = {
            KINDS: embedding.interpolate(weights, count, manner="kinds"),
            LINES: embedding.interpolate(weights, count),
        }
        clouds = [embedding.scaled_cells(name) for name in weights]
        baselines = {
            TYPICAL: embedding.scaled_cells(typical(embedding, list(weights))),
            **naive_samples(clouds, list(weights.values()), n=count),
        }
        held_out = embedding.scaling.apply(cohort.cells(mouse, limit=2 * chosen.most, seed=0))
        yield Trial(mouse, unscaled(embedding, made) | baselines, held_out, ours=tuple(made))


def unscaled(embedding: LOTEmbedding, made: dict) -> dict[str, np.ndarray]:
    """Cells of synthetic samples in the scaled space all are compared in."""
    return {name: embedding.scaling.apply(sample.cells) for name, sample in made.items()}


def typical(embedding: LOTEmbedding, names: list[str]) -> str:
    """Return the sample nearest to all others of these."""
    rows = [embedding.index(name) for name in names]
    distances = embedding.distances()[np.ix_(rows, rows)].sum(axis=0)
    return names[int(distances.argmin())]


def compared(trial: Trial, cells: int) -> pd.DataFrame:
    """Return the measures of everything made up for one held-out sample; of two ends the better of each."""
    found = realism(trial.candidates | trial.ends, trial.held_out, replicates=trial.replicates, cells=cells)
    table = found.table
    if trial.ends:
        better = table.loc[list(trial.ends)].min()
        table = pd.concat([table.drop(index=list(trial.ends)), better.to_frame(BETTER).T])
    return table


def of_study(name: str, trials: Iterator[Trial], cells: int) -> tuple[str, dict]:
    """Compare all trials of a study: a table of means, and how often our best way is nearer than each other way."""
    started, tables, ours = time.perf_counter(), {}, ()
    for trial in trials:
        tables[trial.name] = compared(trial, cells)
        ours = trial.ours
        print(f"{name}: {trial.name}, {time.perf_counter() - started:.0f} s", flush=True)
    mean = sum(tables.values()) / len(tables)
    first = ours[0]
    baselines = [row for row in mean.index if row not in {*ours, HALF, REPLICATE}]
    rows = [
        {"way": row, **{measure: f"{mean.loc[row, measure]:.3f}" for measure in SHOWN}}
        | {f"{first} nearer ({measure})": wins(tables, first, row, measure) for measure in JUDGED}
        for row in mean.index
    ]
    text = f"### {name}: {len(tables)} held-out samples\n\n{markdown(rows)}\n"
    text += "\n".join(said_of(mean, one, baselines) for one in ours) + "\n"
    figures = {trial: table.to_dict(orient="index") for trial, table in tables.items()}
    return text, {"seconds": time.perf_counter() - started, "trials": figures}


def wins(tables: dict[str, pd.DataFrame], ours: str, other: str, measure: str) -> str:
    if other == ours:
        return ""
    nearer = sum(table.loc[ours, measure] < table.loc[other, measure] for table in tables.values())
    return f"{nearer} of {len(tables)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", nargs="+", choices=list(STUDIES), default=list(STUDIES))
    parser.add_argument("--points", type=int, default=64, help="reference points")
    parser.add_argument("--most", type=int, default=3000, help="cells of a sample that are embedded")
    parser.add_argument("--cells", type=int, default=1000, help="cells that are compared")
    parser.add_argument("--seeds", type=int, default=3, help="simulated cohorts")
    parser.add_argument("--quick", action="store_true", help="few samples and cells, to see that it works")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.points, chosen.most, chosen.cells, chosen.seeds = 16, 600, 200, 1
    texts, figures = [], {}
    with one_thread():
        for name in chosen.studies:
            text, figures[name] = of_study(name, STUDIES[name](chosen), chosen.cells)
            texts.append(text)
    about = f"{chosen.points} reference points, {chosen.cells:,} cells compared. {versions()}.\n"
    saved("organoids", {"figures": figures, "versions": versions()}, "\n".join([*texts, about]))


STUDIES = {"doses": doses, "bcrxl": bcrxl, "wnv": wnv}

if __name__ == "__main__":
    main()
