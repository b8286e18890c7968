"""Numbers and seeds that make no sense are refused by name at every door, before anything is computed with them."""

from __future__ import annotations

import numpy as np
import pytest

import lotviz
from lotviz.analysis import (
    biclusters,
    clusters,
    density_grid,
    fidelity,
    fit_patient_model,
    following,
    group_difference,
    interaction,
    label_agreement,
    modes,
    naive_samples,
    realism,
    regions,
    stability,
    tsne_map,
)
from lotviz.data import simulate
from lotviz.data.doses import simulate_doses
from lotviz.transport import certified_barycenter, direct_transport, embed
from lotviz.transport.interpolation import interpolate

SAMPLES = 8


@pytest.fixture(scope="module")
def embedding():
    return embed(simulate("patients", samples=SAMPLES, cells=60, markers=4, seed=1), points=8)


def distances():
    places = np.random.default_rng(0).normal(size=(SAMPLES, 3))
    return np.linalg.norm(places[:, None] - places[None], axis=2)


TABLE = np.random.default_rng(0).normal(size=(10, 4))
CODES = np.arange(SAMPLES) % 2
CLASSES = ["control", "case"]
CASES = {
    "classify permutations": (-1, lambda e, k: lotviz.classify(e, "label", permutations=k)),
    "classify seed": (-1, lambda e, k: lotviz.classify(e, "label", seed=k)),
    "biclusters chances": (0, lambda e, k: biclusters(TABLE, chances=k)),
    "biclusters seed": (-1, lambda e, k: biclusters(TABLE, seed=k)),
    "clusters count": (0, lambda e, k: clusters(distances(), count=k)),
    "clusters resamples": (0, lambda e, k: clusters(distances(), resamples=k)),
    "clusters seed": (2**32, lambda e, k: clusters(distances(), seed=k)),
    "density_grid steps": (1, lambda e, k: density_grid(TABLE, steps=k)),
    "fidelity pairs": (0, lambda e, k: fidelity(e, pairs=k)),
    "fidelity cells": (0, lambda e, k: fidelity(e, cells=k)),
    "fidelity seed": (-1, lambda e, k: fidelity(e, seed=k)),
    "fit_patient_model draws": (1, lambda e, k: fit_patient_model(e, "label", draws=k)),
    "fit_patient_model seed": (-1, lambda e, k: fit_patient_model(e, "label", seed=k)),
    "following permutations": (0, lambda e, k: following(CODES, list(CODES), name="label", permutations=k)),
    "following seed": (-1, lambda e, k: following(CODES, list(CODES), name="label", seed=k)),
    "group_difference permutations": (
        0,
        lambda e, k: group_difference(e, "label", ("case", "control"), regions=regions(e, 2), permutations=k),
    ),
    "group_difference seed": (
        -1,
        lambda e, k: group_difference(e, "label", ("case", "control"), regions=regions(e, 2), seed=k),
    ),
    "interaction seed": (-1, lambda e, k: interaction(e, control="c", a="a", b="b", both="ab", seed=k)),
    "label_agreement k": (0, lambda e, k: label_agreement(distances(), list(CODES), k=k)),
    "label_agreement permutations": (0, lambda e, k: label_agreement(distances(), list(CODES), permutations=k)),
    "label_agreement seed": (-1, lambda e, k: label_agreement(distances(), list(CODES), seed=k)),
    "modes axes": (0, lambda e, k: modes(e, axes=k)),
    "naive_samples n": (0, lambda e, k: naive_samples([TABLE, TABLE], [0.5, 0.5], n=k)),
    "naive_samples seed": (-1, lambda e, k: naive_samples([TABLE, TABLE], [0.5, 0.5], n=5, seed=k)),
    "realism seed": (-1, lambda e, k: realism({"made": TABLE}, TABLE, seed=k)),
    "regions k": (0, lambda e, k: regions(e, k)),
    "regions seed": (2**32, lambda e, k: regions(e, 2, seed=k)),
    "stability references": (
        0,
        lambda e, k: stability(e, CODES, regions(e, 2), units=np.arange(SAMPLES), references=k),
    ),
    "stability draws": (0, lambda e, k: stability(e, CODES, regions(e, 2), units=np.arange(SAMPLES), draws=k)),
    "stability seed": (-1, lambda e, k: stability(e, CODES, regions(e, 2), units=np.arange(SAMPLES), seed=k)),
    "tsne_map seed": (-1, lambda e, k: tsne_map(distances(), seed=k)),
    "simulate seed": (-1, lambda e, k: simulate(seed=k)),
    "simulate_doses seed": (2**32, lambda e, k: simulate_doses(seed=k)),
    "embed points": (0, lambda e, k: embed(simulate(samples=2, cells=5), points=k)),
    "embed workers": (0, lambda e, k: embed(simulate(samples=2, cells=5), workers=k)),
    "embed cells_per_sample": (0, lambda e, k: embed(simulate(samples=2, cells=5), cells_per_sample=k)),
    "embed seed": (2**32, lambda e, k: embed(simulate(samples=2, cells=5), seed=k)),
    "certified_barycenter arcs": (-1, lambda e, k: certified_barycenter(e, arcs=k)),
    "certified_barycenter workers": (0, lambda e, k: certified_barycenter(e, workers=k)),
    "certified_barycenter seed": (-1, lambda e, k: certified_barycenter(e, seed=k)),
    "direct_transport seed": (-1, lambda e, k: direct_transport(e, *e.samples.index[:2], seed=k)),
    "interpolate seed": (-1, lambda e, k: interpolate(e, dict.fromkeys(e.samples.index[:2], 0.5), n_cells=5, seed=k)),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_by_its_name(case, embedding):
    number, call = CASES[case]
    name = case.split()[1]
    with pytest.raises(ValueError, match=rf"^Expected {name} (to be at least|from) \d.*, found {number}\. Choose"):
        call(embedding, number)
