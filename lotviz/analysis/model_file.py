"""Saves a patient model to one file and opens it again: arrays and a JSON header, no pickle."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.abundance import AbundanceWeights
from lotviz.analysis.blocks import BLOCKS, Block
from lotviz.analysis.features import Solved
from lotviz.analysis.model import LinearModel
from lotviz.analysis.patient_model import PatientModel
from lotviz.data.genes.record import ARRAYS, from_record, to_record
from lotviz.data.transforms.transform import Scaling, transform_of
from lotviz.transport.archive import (
    ArchiveReader,
    ArchiveWriter,
    EmbeddingFileError,
    damaged,
    open_to_read,
    open_to_write,
)
from lotviz.transport.cells import CellStore
from lotviz.transport.doors import as_masses, require_memory
from lotviz.transport.embedding import LOTEmbedding
from lotviz.transport.files import replace_file
from lotviz.transport.reference import Reference

_FORMAT = "lotviz model"
_VERSION = 1


class _NoCells:
    """The cells of an embedding without samples."""

    def read(self, sample: str) -> NDArray[np.float32]:
        raise KeyError(sample)

    def populations(self, sample: str) -> NDArray[Any] | None:
        raise KeyError(sample)


def save(patient_model: PatientModel, path: str | os.PathLike[str]) -> Path:
    """Write a model to one file; see `PatientModel.save`."""
    target = Path(path)

    def write(temporary: Path) -> None:
        with open_to_write(temporary) as archive:
            _write_arrays(archive, patient_model)
            archive.header(_header(patient_model))

    try:
        replace_file(target, write)
    except OSError as problem:
        raise EmbeddingFileError(
            f"Expected to write the model to {target}, found: {problem}. Nothing was written."
        ) from problem
    return target


def _write_arrays(archive: ArchiveWriter, patient_model: PatientModel) -> None:
    model, space = patient_model.model, patient_model.space
    for name in ("weights", "training_mean", "pattern", "difference", "points", "masses", "scores", "adjustments"):
        archive.array(f"model/{name}", getattr(model, name))
    archive.array("model/training", model.training.astype(np.int64))
    archive.array("scaling/center", space.scaling.center)
    archive.array("scaling/scale", space.scaling.scale)
    archive.array("reference/points", space.reference.points)
    archive.array("distances", patient_model.distances)
    archive.array("residual_shares", patient_model.residual_shares)
    for name in ("weights", "mean"):
        archive.array(f"refits/{name}", np.stack([getattr(refit, name) for refit in patient_model.refits]))
    archive.array("refits/height", np.array([refit.height for refit in patient_model.refits]))
    archive.array("refits/penalty", np.array([refit.penalty for refit in patient_model.refits]))
    if model.abundance is not None:
        for number, partition in enumerate(model.abundance.partitions):
            archive.array(f"abundance/{number}/partition", partition.astype(np.int64))
            for name in ("weights", "mean_logs", "differences"):
                archive.array(f"abundance/{number}/{name}", getattr(model.abundance, name)[number])
                drawn = [getattr(refit.abundance, name)[number] for refit in patient_model.refits]
                archive.array(f"refits/abundance/{number}/{name}", np.stack(drawn))
    if space.components is not None:
        for name in ARRAYS:
            archive.array(f"components/{name}", getattr(space.components, name))


def _header(patient_model: PatientModel) -> dict[str, Any]:
    model, space = patient_model.model, patient_model.space
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "label": patient_model.label,
        "classes": list(model.classes),
        "markers": list(model.markers),
        "intercept": model.intercept,
        "blocks": list(model.blocks),
        "estimator": model.estimator,
        "penalty": model.penalty,
        "abundance": None
        if model.abundance is None
        else {"floor": model.abundance.floor, "scales": len(model.abundance.partitions)},
        "points": len(model.masses),
        "training": len(model.training),
        "refits": len(patient_model.refits),
        "transform": space.transform.to_record(),
        "reference": {
            "kind": space.reference.kind,
            "seed": space.reference.seed,
            "details": dict(space.reference.details),
        },
        "embedding": {"parameters": dict(space.parameters), "versions": dict(space.versions), "name": space.name},
        "parameters": dict(patient_model.parameters),
        "versions": dict(patient_model.versions),
        **({} if space.components is None else {"components": to_record(space.components)}),
    }


def load(path: str | os.PathLike[str]) -> PatientModel:
    """Open a model file; see `PatientModel.load`."""
    target = Path(path).absolute()
    with open_to_read(target, kind="a model") as archive:
        header = archive.header()
        if header.get("format") != _FORMAT or not isinstance(header.get("version"), int):
            raise EmbeddingFileError(
                f"Expected {target} to be a model saved by lotviz, found another kind of file. Choose another file."
            )
        if header["version"] > _VERSION:
            raise EmbeddingFileError(
                f"Expected {target} to be of file version {_VERSION} or older, found version {header['version']}: it "
                "was saved by a newer lotviz. Update lotviz to open it."
            )
        needed = sum(member.file_size for member in archive.archive.infolist())
        require_memory(needed, f"the model {target}", "Open it on a machine with more memory.")
        try:
            return _patient_model(archive, header)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as problem:
            if isinstance(problem, EmbeddingFileError):
                raise
            raise damaged(target, f"contents that do not fit together ({problem})") from problem


def _patient_model(archive: ArchiveReader, header: dict[str, Any]) -> PatientModel:
    m, d, n = int(header["points"]), len(header["markers"]), int(header["training"])
    space = _space(archive, header)
    abundance = _abundance(archive, header, "abundance")
    masses = archive.array("model/masses", "<f8", (m,))
    as_masses(masses, m, "masses")
    model = LinearModel(
        classes=(str(header["classes"][0]), str(header["classes"][1])),
        markers=tuple(str(name) for name in header["markers"]),
        **{name: _finite(archive, f"model/{name}", (m, d)) for name in ("weights", "training_mean", "pattern")},
        difference=_finite(archive, "model/difference", (m, d)),
        points=space.reference.points,
        masses=masses,
        abundance=abundance,
        intercept=float(header["intercept"]),
        training=archive.array("model/training", "<i8", (n,)).astype(bool),
        scores=_finite(archive, "model/scores", (n,)),
        adjustments=_finite(archive, "model/adjustments", (n,)),
        blocks=tuple(_block(name) for name in header["blocks"]),
        estimator=str(header["estimator"]),
        penalty=float(header["penalty"]),
    )
    return PatientModel(
        label=str(header["label"]),
        model=model,
        space=space,
        refits=_refits(archive, header, abundance),
        distances=_finite(archive, "distances", (None,)),
        residual_shares=_finite(archive, "residual_shares", (None,)),
        parameters=header["parameters"],
        versions=header["versions"],
    )


def _block(name: str) -> Block:
    return next(block for block in BLOCKS if block == name)


def _finite(archive: ArchiveReader, name: str, shape: tuple[int | None, ...]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = archive.array(name, "<f8", shape)
    if not np.isfinite(values).all():
        raise damaged(archive.path, f"{name} that is not finite numbers")
    return values


def _abundance(archive: ArchiveReader, header: dict[str, Any], place: str) -> AbundanceWeights | None:
    if header["abundance"] is None:
        return None
    m, scales = int(header["points"]), range(int(header["abundance"]["scales"]))
    partitions = [archive.array(f"{place}/{number}/partition", "<i8", (m,)) for number in scales]
    weights = [_finite(archive, f"{place}/{number}/weights", (None,)) for number in scales]
    for partition, weight in zip(partitions, weights, strict=True):
        if partition.min() < 0 or partition.max() >= len(weight):
            raise damaged(archive.path, "clusters without a weight")
    return AbundanceWeights(
        partitions=tuple(partitions),
        weights=tuple(weights),
        mean_logs=tuple(
            _finite(archive, f"{place}/{number}/mean_logs", weight.shape) for number, weight in enumerate(weights)
        ),
        differences=tuple(
            _finite(archive, f"{place}/{number}/differences", weight.shape) for number, weight in enumerate(weights)
        ),
        floor=float(header["abundance"]["floor"]),
    )


def _refits(archive: ArchiveReader, header: dict[str, Any], abundance: AbundanceWeights | None) -> tuple[Solved, ...]:
    count, m, d = int(header["refits"]), int(header["points"]), len(header["markers"])
    weights, means = (_finite(archive, f"refits/{name}", (count, m, d)) for name in ("weights", "mean"))
    heights, penalties = (_finite(archive, f"refits/{name}", (count,)) for name in ("height", "penalty"))
    parts: list[AbundanceWeights | None] = [None] * count
    if abundance is not None:
        drawn = {
            name: [
                _finite(archive, f"refits/abundance/{number}/{name}", (count, len(weight)))
                for number, weight in enumerate(abundance.weights)
            ]
            for name in ("weights", "mean_logs", "differences")
        }
        parts = [
            replace(
                abundance,
                weights=tuple(scale[row] for scale in drawn["weights"]),
                mean_logs=tuple(scale[row] for scale in drawn["mean_logs"]),
                differences=tuple(scale[row] for scale in drawn["differences"]),
            )
            for row in range(count)
        ]
    return tuple(
        Solved(
            weights[row], parts[row], means[row], float(heights[row]), str(header["estimator"]), float(penalties[row])
        )
        for row in range(count)
    )


def _space(archive: ArchiveReader, header: dict[str, Any]) -> LOTEmbedding:
    m, d, markers = int(header["points"]), len(header["markers"]), tuple(str(name) for name in header["markers"])
    none = np.zeros(0)
    scale = _finite(archive, "scaling/scale", (d,))
    if not (scale > 0).all():
        raise damaged(archive.path, "a scaling that is not positive")
    cells: CellStore = _NoCells()
    components = None
    if "components" in header:
        components = from_record(
            header["components"], markers, lambda name, shape: archive.array(f"components/{name}", "<f8", shape)
        )
    return LOTEmbedding(
        samples=pd.DataFrame(index=pd.Index([], name="sample", dtype=object)),
        markers=markers,
        transform=transform_of(header["transform"]),
        reference=Reference(
            _finite(archive, "reference/points", (m, d)),
            archive.array("model/masses", "<f8", (m,)),
            header["reference"]["kind"],
            header["reference"]["seed"],
            dict(header["reference"]["details"]),
        ),
        scaling=Scaling(_finite(archive, "scaling/center", (d,)), scale),
        maps=np.zeros((0, m, d)),
        plans=(),
        costs=none,
        residuals=none,
        dual_gaps=none,
        variances=none,
        n_cells=np.zeros(0, dtype=np.int64),
        n_cells_used=np.zeros(0, dtype=np.int64),
        cell_store=cells,
        parameters=header["embedding"]["parameters"],
        versions=header["embedding"]["versions"],
        sample_hashes={},
        name=str(header["embedding"]["name"]),
        components=components,
    )
