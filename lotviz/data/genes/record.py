"""Components of genes as plain values and arrays for a file, and back; their digest tells one from another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lotviz.data.genes.components import Components
from lotviz.data.genes.counts import TAKEN_FOR

ARRAYS = ("loadings", "means", "variances")
_ORTHONORMAL = 1e-6

ReadArray = Callable[[str, tuple[int, ...]], NDArray[np.float64]]


def digest_of(components: Components) -> str:
    """Return the SHA-256 of all that the score of a cell depends on, as hexadecimal digits.

    Names alone tell nothing: the components of every cohort are called PC1, PC2, ...
    """
    names = [list(components.names), list(components.genes), components.scale]
    digest = hashlib.sha256(json.dumps(names).encode())
    for values in (components.loadings, components.means):
        digest.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
    return digest.hexdigest()


def to_record(components: Components) -> dict[str, Any]:
    """Say by JSON values all of the components but their arrays, which `ARRAYS` names."""
    return {
        "names": list(components.names),
        "genes": list(components.genes),
        "total_variance": float(components.total_variance),
        "samples": [str(name) for name in components.samples],
        "n_cells": int(components.n_cells),
        "seed": int(components.seed),
        "scale": components.scale,
        "n_genes": int(components.n_genes),
        "digest": digest_of(components),
    }


def from_record(record: Mapping[str, Any], markers: Sequence[str], read: ReadArray) -> Components:
    """Return the components that a record and its arrays hold, bit for bit.

    Parameters
    ----------
    markers
        What the components must be called, d.
    read
        Given the name of an array and its shape, checks the shape and returns it, float64.

    Raises
    ------
    ValueError, KeyError, TypeError
        The record lacks something, or its parts do not fit together.
    """
    if list(record["names"]) != list(markers):
        raise ValueError("components of other names than the markers")
    k, genes = len(record["names"]), len(record["genes"])
    shapes: dict[str, tuple[int, ...]] = {"loadings": (k, genes), "means": (genes,), "variances": (k,)}
    arrays = {name: read(name, shapes[name]) for name in ARRAYS}
    if not all(np.isfinite(values).all() for values in arrays.values()):
        raise ValueError("components that are not finite numbers")
    if record["scale"] not in TAKEN_FOR or len(set(record["genes"])) < len(record["genes"]):
        raise ValueError("components of a gene twice, or of values of an unknown kind")
    loadings = arrays["loadings"]
    if not np.allclose(loadings @ loadings.T, np.eye(len(loadings)), rtol=0, atol=_ORTHONORMAL):
        raise ValueError("loadings of components that are not orthonormal")
    components = Components(
        names=tuple(str(name) for name in record["names"]),
        genes=tuple(str(name) for name in record["genes"]),
        loadings=loadings,
        means=arrays["means"],
        variances=arrays["variances"],
        total_variance=float(record["total_variance"]),
        samples=tuple(str(name) for name in record["samples"]),
        n_cells=int(record["n_cells"]),
        seed=int(record["seed"]),
        scale=record["scale"],
        n_genes=int(record["n_genes"]),
    )
    if digest_of(components) != record["digest"]:
        raise ValueError("other components than were saved")
    return components
