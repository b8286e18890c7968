"""Saves an embedding to one file and opens it again; cells and plans stay in the file until they are asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from lotviz.data.genes.components import Components
from lotviz.data.genes.record import ARRAYS, from_record, to_record
from lotviz.data.transforms.transform import Scaling, Transform, transform_of
from lotviz.transport.archive import (
    ArchiveReader,
    ArchiveWriter,
    EmbeddingFileError,
    Place,
    damaged,
    open_to_read,
    open_to_write,
    read_places,
)
from lotviz.transport.cells import RememberedCells, hash_of, unremembered
from lotviz.transport.doors import as_masses, require_memory
from lotviz.transport.embedding import LOTEmbedding
from lotviz.transport.files import replace_file
from lotviz.transport.plans import RememberedPlans, plan_of, write_plan
from lotviz.transport.reference import Reference
from lotviz.transport.table import table_from_json, table_to_json

_FORMAT = "lotviz embedding"
_VERSION = 3  # 2 holds a transform for each marker, or logicle; 3 holds components of genes
_BY_SAMPLE = ("costs", "residuals", "dual_gaps", "variances")
_COUNTS = ("n_cells", "n_cells_used")


@dataclass(frozen=True, eq=False)
class FileCells:
    """The used cells of an embedding file.

    Attributes
    ----------
    path
        The file.
    positions
        Number of each sample in the file.
    shapes
        Shape (n, d) of the cells of each sample.
    hashes
        What the cells were when they were saved.
    levels
        For each sample the names of its populations, or None where unknown.
    """

    path: Path
    positions: dict[str, int]
    shapes: dict[str, tuple[int, int]]
    hashes: dict[str, str]
    levels: dict[str, list[str] | None]

    def read(self, sample: str) -> NDArray[np.float32]:
        """Read the used cells of a sample, (n, d)."""
        with open_to_read(self.path) as archive:
            cells = archive.array(f"cells/{self.positions[sample]:05}", "<f4", self.shapes[sample])
        if hash_of(cells) != self.hashes[sample]:
            raise damaged(self.path, f"other cells of {sample} than were saved")
        return cells

    def populations(self, sample: str) -> NDArray[Any] | None:
        """Read the population of every used cell, (n,), or None where unknown."""
        levels = self.levels[sample]
        if levels is None:
            return None
        with open_to_read(self.path) as archive:
            codes = archive.array(f"populations/{self.positions[sample]:05}", "<i4", self.shapes[sample][:1])
        if codes.min(initial=0) < -1 or codes.max(initial=-1) >= len(levels):
            raise damaged(self.path, f"populations of {sample} without a name")
        return np.array([*levels, None], dtype=object)[codes]  # code -1: unknown


@dataclass(frozen=True, eq=False)
class FilePlans:
    """The plans of an embedding file.

    Attributes
    ----------
    path
        The file.
    places
        Where the arrays of each plan lie.
    n_cells
        How many cells each plan has.
    """

    path: Path
    places: list[list[Place]]
    n_cells: list[int]

    def read(self, position: int) -> csr_array:
        """Read the plan of the sample at a position, (m, n), sparse.

        Raises
        ------
        EmbeddingFileError
            The file is gone, or holds another embedding than the one that was opened.
        """
        data, indices, indptr = read_places(self.path, self.places[position])
        return plan_of(data, indices, indptr, self.n_cells[position])


def save(embedding: LOTEmbedding, path: str | os.PathLike[str]) -> Path:
    """Write an embedding, with the used cells of every sample, to one file; see `LOTEmbedding.save`."""
    target = Path(path)

    def write(temporary: Path) -> None:
        with open_to_write(temporary) as archive:
            levels = _write_samples(archive, embedding)
            _write_arrays(archive, embedding)
            archive.header(_header(embedding, levels))

    try:
        replace_file(target, write)
    except OSError as problem:
        raise EmbeddingFileError(
            f"Expected to write the embedding to {target}, found: {problem}. Nothing was written."
        ) from problem
    return target


def load(path: str | os.PathLike[str]) -> LOTEmbedding:
    """Open an embedding file; see `LOTEmbedding.load`."""
    target = Path(path).absolute()  # cells are read later, maybe from another working folder
    with open_to_read(target) as archive:
        header = archive.header()
        _require_version(header, target)
        _require_memory(archive)
        try:
            return _checked(_embedding(archive, header), target)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as problem:
            if isinstance(problem, EmbeddingFileError):
                raise
            raise damaged(target, f"contents that do not fit together ({problem})") from problem


def _write_samples(archive: ArchiveWriter, embedding: LOTEmbedding) -> dict[str, list[str] | None]:
    """Write plan, cells and populations, one sample in memory at a time; return the names of the populations."""
    levels: dict[str, list[str] | None] = {}
    cells = unremembered(embedding.cell_store)  # each is needed once: nothing to remember
    for position, (sample, plan) in enumerate(zip(embedding.samples.index, embedding.plans, strict=True)):
        write_plan(archive, f"plans/{position:05}", plan)
        archive.array(f"cells/{position:05}", cells.read(sample).astype(np.float32, copy=False))
        populations = cells.populations(sample)
        levels[sample] = None
        if populations is not None:
            codes, names = pd.factorize(np.asarray(populations, dtype=object))
            archive.array(f"populations/{position:05}", codes.astype(np.int32))
            levels[sample] = [str(name) for name in names]
    return levels


def _write_arrays(archive: ArchiveWriter, embedding: LOTEmbedding) -> None:
    archive.array("maps", embedding.maps)
    archive.array("reference/points", embedding.reference.points)
    archive.array("reference/masses", embedding.reference.masses)
    archive.array("scaling/center", embedding.scaling.center)
    archive.array("scaling/scale", embedding.scaling.scale)
    for name in _BY_SAMPLE:
        archive.array(name, getattr(embedding, name))
    for name in _COUNTS:
        archive.array(name, getattr(embedding, name).astype(np.int64))
    if embedding.components is not None:
        for name in ARRAYS:
            archive.array(f"components/{name}", getattr(embedding.components, name))


def _header(embedding: LOTEmbedding, levels: dict[str, list[str] | None]) -> dict[str, Any]:
    components = {} if embedding.components is None else {"components": to_record(embedding.components)}
    return {
        "format": _FORMAT,
        "version": _version_of(embedding),
        "samples": table_to_json(embedding.samples),
        "markers": list(embedding.markers),
        "transform": embedding.transform.to_record(),
        "reference": {
            "kind": embedding.reference.kind,
            "seed": embedding.reference.seed,
            "points": embedding.reference.n_points,
            "details": dict(embedding.reference.details),
        },
        "parameters": dict(embedding.parameters),
        "versions": dict(embedding.versions),
        "sample_hashes": dict(embedding.sample_hashes),
        "populations": levels,
        "warnings": list(embedding.warnings),
        "seconds": embedding.seconds,
        "name": embedding.name,
        "origin": embedding.origin,
        "synthetic": embedding.synthetic,
        **components,
    }


def _version_of(embedding: LOTEmbedding) -> int:
    """Return the oldest version that knows all of it: files that need no newer lotviz can be opened by an older one."""
    if embedding.components is not None:
        return 3  # an older one would take the components of any cohort for these
    transform = embedding.transform
    plain = isinstance(transform, Transform) and transform.kind != "logicle"
    return 1 if plain else 2


def _require_version(header: dict[str, Any], path: Path) -> None:
    if header.get("format") != _FORMAT or not isinstance(header.get("version"), int):
        raise EmbeddingFileError(
            f"Expected {path} to be an embedding saved by lotviz, found another kind of file. Choose another file."
        )
    if header["version"] > _VERSION:
        raise EmbeddingFileError(
            f"Expected {path} to be of file version {_VERSION} or older, found version {header['version']}: it was "
            "saved by a newer lotviz. Update lotviz to open it."
        )


def _require_memory(archive: ArchiveReader) -> None:
    needed = sum(
        member.file_size
        for member in archive.archive.infolist()
        if not member.filename.startswith(("cells/", "populations/", "plans/"))
    )
    require_memory(needed, f"the embedding {archive.path}", "Open it on a machine with more memory.")


def _embedding(archive: ArchiveReader, header: dict[str, Any]) -> LOTEmbedding:
    samples, markers = table_from_json(header["samples"]), tuple(str(name) for name in header["markers"])
    n, m, d = len(samples), int(header["reference"]["points"]), len(markers)
    by_sample = {name: archive.array(name, "<f8", (n,)) for name in _BY_SAMPLE}
    counts = {name: archive.array(name, "<i8", (n,)) for name in _COUNTS}
    used = counts["n_cells_used"].tolist()
    names = list(samples.index)
    if len(set(names)) != n:
        raise damaged(archive.path, "a sample twice")
    hashes = {name: str(header["sample_hashes"][name]) for name in names}
    store = FileCells(
        path=archive.path,
        positions={name: position for position, name in enumerate(names)},
        shapes={name: (count, d) for name, count in zip(names, used, strict=True)},
        hashes=hashes,
        levels={name: _names(header["populations"][name]) for name in names},
    )
    return LOTEmbedding(
        samples=samples,
        markers=markers,
        transform=transform_of(header["transform"]),
        reference=Reference(
            archive.array("reference/points", "<f8", (m, d)),
            archive.array("reference/masses", "<f8", (m,)),
            header["reference"]["kind"],
            header["reference"]["seed"],
            dict(header["reference"].get("details", {})),  # older files hold none
        ),
        scaling=Scaling(archive.array("scaling/center", "<f8", (d,)), archive.array("scaling/scale", "<f8", (d,))),
        maps=archive.array("maps", "<f8", (n, m, d)),
        plans=RememberedPlans(_plans(archive, m, used).read, n),
        cell_store=RememberedCells(store),
        parameters=header["parameters"],
        versions=header["versions"],
        sample_hashes=hashes,
        warnings=tuple(header["warnings"]),
        seconds=header["seconds"],
        name=header["name"],
        origin=header["origin"],
        synthetic=header["synthetic"],
        components=_components(archive, header, markers),
        **by_sample,
        **counts,
    )


def _components(archive: ArchiveReader, header: dict[str, Any], markers: tuple[str, ...]) -> Components | None:
    if "components" not in header:
        return None
    return from_record(
        header["components"], markers, lambda name, shape: archive.array(f"components/{name}", "<f8", shape)
    )


def _names(levels: list[str] | None) -> list[str] | None:
    return None if levels is None else [str(name) for name in levels]


def _checked(embedding: LOTEmbedding, path: Path) -> LOTEmbedding:
    """Refuse numbers that no embedding has, so that they do not surface on a page."""
    as_masses(embedding.masses, embedding.reference.n_points, "masses")
    numbers = (embedding.maps, embedding.reference.points, embedding.scaling.center, embedding.scaling.scale)
    if not (all(np.isfinite(part).all() for part in numbers) and (embedding.scaling.scale > 0).all()):
        raise damaged(path, "maps or scaling that are not finite numbers")
    return embedding


def _plans(archive: ArchiveReader, m: int, used: list[int]) -> FilePlans:
    """Look through all plans once, one in memory at a time, so that a damaged file is refused when it is opened."""
    places = []
    for position, n_cells in enumerate(used):
        names = [f"plans/{position:05}/{part}" for part in ("data", "indices", "indptr")]
        data = archive.array(names[0], "<f8", (None,))
        indices = archive.array(names[1], "<i8", (len(data),))
        plan_of(data, indices, archive.array(names[2], "<i8", (m + 1,)), n_cells)
        places.append([archive.place(name) for name in names])
    return FilePlans(archive.path, places, used)
