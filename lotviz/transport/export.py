"""The embedding in the form other tools of the field read, and back.

Numbers by sample stand in `obs`, so that they follow when samples are chosen; arrays stand in `uns` as they are, and
everything else as one JSON text, because h5ad knows neither None nor every type of column.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from lotviz.data.genes.record import ARRAYS, from_record, to_record
from lotviz.data.problems import CohortError, Problem, listed
from lotviz.data.transforms.transform import Scaling, transform_of
from lotviz.transport.archive import EmbeddingFileError
from lotviz.transport.cells import CohortCells, RememberedCells
from lotviz.transport.doors import as_masses
from lotviz.transport.embedding import LOTEmbedding
from lotviz.transport.reference import Reference
from lotviz.transport.samples import in_space
from lotviz.transport.table import table_from_json, table_to_json

if TYPE_CHECKING:
    import anndata as ad

    from lotviz.data.cohort import Cohort
    from lotviz.data.genes.components import Components

_FORMAT = "lotviz embedding"
_VERSION = 2  # 2 holds components of genes
_BY_SAMPLE = ("costs", "residuals", "dual_gaps", "variances")
_COUNTS = ("n_cells", "n_cells_used")
_NO_NAMES = ("", ".", "_index", "sample")  # h5ad keeps these for itself, and the last is the name of the index
_PLAIN_PARTS = ("markers", "parameters", "versions", "sample_hashes", "warnings", "seconds", "name", "origin")


@dataclass(frozen=True)
class AbsentCells:
    """The used cells of an embedding that came without them: says which cohort they are in.

    Attributes
    ----------
    name, origin
        What the cohort is called, and where it was read from.
    """

    name: str
    origin: str

    def read(self, sample: str) -> NDArray[np.float32]:
        """Refuse: there are no cells."""
        raise self._error(sample, "cells")

    def populations(self, sample: str) -> NDArray[Any] | None:
        """Refuse: there are no cells."""
        raise self._error(sample, "populations of cells")

    def _error(self, sample: str, what: str) -> CohortError:
        where = f' (from "{self.origin}")' if self.origin and self.origin != self.name else ""
        return CohortError(
            Problem(
                f"sample {sample}",
                f"Expected the {what} of the sample, found none: an AnnData holds maps and plans, but no cells.",
                f'Read the cohort "{self.name}"{where} and give it: LOTEmbedding.from_anndata(adata, cohort=cohort).',
            )
        )


def to_anndata(embedding: LOTEmbedding) -> ad.AnnData:
    """Return samples x (reference point, marker).

    Parameters
    ----------
    embedding
        The embedding, N samples, m reference points, d markers.

    Returns
    -------
        `X` the vectors (N, m * d), whose distances are LOT distances; layer "maps" the maps in scaled marker
        units; `obs` the sample table, then costs, residuals, dual_gaps, variances, n_cells and n_cells_used (with
        "_" appended where a column of the table has that name); `var` point, marker and mass; `uns["lotviz"]` the
        reference, the scaling, the plan of every sample by its position, and as JSON text how it was made; where
        the markers are components of genes, also `components`: loadings (d, genes), genes, means and variances.

    Examples
    --------
    >>> from lotviz.data import simulate
    >>> from lotviz.transport import embed
    >>> made = to_anndata(embed(simulate("patients", samples=4, cells=200, markers=5), points=8))
    >>> made.shape
    (4, 40)
    """
    import anndata as ad  # about a second

    reference, scaling = embedding.reference, embedding.scaling
    columns = _free_names([*embedding.samples.columns, *_BY_SAMPLE, *_COUNTS])
    described = len(embedding.samples.columns)
    numbers = dict(zip((*_BY_SAMPLE, *_COUNTS), columns[described:], strict=True))
    obs = pd.DataFrame(index=embedding.samples.index.astype(str))
    for position, name in enumerate(columns[:described]):
        obs[name] = _writable(embedding.samples.iloc[:, position]).array
    for number, name in numbers.items():
        obs[name] = getattr(embedding, number).copy()
    return ad.AnnData(
        embedding.vectors,
        obs=obs,
        var=_variables(reference.masses, embedding.markers),
        layers={"maps": embedding.maps.reshape(len(embedding.maps), -1).copy()},
        uns={
            "lotviz": {
                "format": _FORMAT,
                "version": 1 if embedding.components is None else _VERSION,
                "made": json.dumps(_described(embedding, columns[:described], numbers), default=_plain),
                "reference": {"points": reference.points.copy(), "masses": reference.masses.copy()},
                "scaling": {"center": scaling.center.copy(), "scale": scaling.scale.copy()},
                "plans": {f"{position:05}": plan.copy() for position, plan in enumerate(embedding.plans)},
                **_loadings(embedding.components),
            }
        },
    )


def from_anndata(adata: ad.AnnData, *, cohort: Cohort | None = None) -> LOTEmbedding:
    """Return the embedding an AnnData was made from; see `LOTEmbedding.from_anndata`."""
    embedding = _whole(adata)
    return embedding if cohort is None else _with_cells(embedding, cohort)


def _described(embedding: LOTEmbedding, columns: list[str], numbers: Mapping[str, str]) -> dict[str, Any]:
    """Say by JSON values all that is neither an array nor a plan."""
    plain = {name: getattr(embedding, name) for name in _PLAIN_PARTS}
    if embedding.components is not None:
        plain["components"] = to_record(embedding.components)
    return plain | {
        "parameters": dict(embedding.parameters),
        "versions": dict(embedding.versions),
        "sample_hashes": dict(embedding.sample_hashes),
        "synthetic": bool(embedding.synthetic),
        "samples": table_to_json(embedding.samples),
        "columns": columns,
        "numbers": dict(numbers),
        "transform": embedding.transform.to_record(),
        "reference": {
            "kind": embedding.reference.kind,
            "seed": embedding.reference.seed,
            "details": dict(embedding.reference.details),
        },
    }


def _loadings(components: Components | None) -> dict[str, Any]:
    if components is None:
        return {}
    arrays = {name: getattr(components, name).copy() for name in ARRAYS}
    return {"components": {"genes": np.array(components.genes, dtype=object), **arrays}}


def _components(held: Mapping[str, Any], made: Mapping[str, Any], markers: tuple[str, ...]) -> Components | None:
    if "components" not in made:
        return None
    return from_record(
        made["components"], markers, lambda name, shape: _array(held["components"][name], f"components {name}", shape)
    )


def _variables(masses: NDArray[np.float64], markers: tuple[str, ...]) -> pd.DataFrame:
    """Point, marker and mass of every column of the vectors, (m * d) rows."""
    point = np.repeat(np.arange(len(masses)), len(markers))
    marker = np.tile(np.array(markers, dtype=object), len(masses))
    return pd.DataFrame(
        {"point": point, "marker": marker, "mass": np.repeat(masses, len(markers))},
        index=[f"{name} at point {i}" for i, name in zip(point, marker, strict=True)],
    )


def _whole(adata: ad.AnnData) -> LOTEmbedding:
    """Read the embedding, and refuse whatever does not fit together."""
    held = _held(adata)
    try:
        return _checked(_embedding(adata, held))
    except EmbeddingFileError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError) as problem:
        raise _broken(f"contents that do not fit together ({problem})") from problem


def _held(adata: ad.AnnData) -> Mapping[str, Any]:
    import anndata as ad

    if not isinstance(adata, ad.AnnData):
        raise EmbeddingFileError(
            f"Expected an AnnData made by LOTEmbedding.to_anndata, found {type(adata).__name__}. Read the file with "
            "anndata.read_h5ad first; a .lot file is opened by LOTEmbedding.load."
        )
    held = adata.uns.get("lotviz")
    version = held.get("version") if isinstance(held, Mapping) else None
    if not isinstance(held, Mapping) or held.get("format") != _FORMAT or not isinstance(version, int | np.integer):
        raise EmbeddingFileError(
            'Expected an AnnData made by LOTEmbedding.to_anndata, found one without its uns["lotviz"]. '
            "Make it with to_anndata; joining several AnnData leaves uns out."
        )
    if version > _VERSION:
        raise EmbeddingFileError(
            f"Expected an AnnData of version {_VERSION} or older, found version {version}: it was made by a newer "
            "lotviz. Update lotviz to open it."
        )
    return held


def _embedding(adata: ad.AnnData, held: Mapping[str, Any]) -> LOTEmbedding:
    made = json.loads(str(held["made"]))
    markers = tuple(str(name) for name in made["markers"])
    masses = _array(held["reference"]["masses"], "reference masses", (None,))
    n, m, d = adata.n_obs, len(masses), len(markers)
    _require_variables(adata, _variables(masses, markers), f"{m} reference points x {d} markers")
    table = table_from_json(made["samples"])
    positions = _positions(adata, table)
    names = [str(name) for name in adata.obs_names]
    by_sample = {name: _array(_number(adata, made, name), f"obs {name}", (n,)) for name in _BY_SAMPLE}
    counts = {name: _array(_number(adata, made, name), f"obs {name}", (n,), "int64") for name in _COUNTS}
    used = counts["n_cells_used"].tolist()
    return LOTEmbedding(
        samples=_samples(adata, table.iloc[positions], made),
        markers=markers,
        transform=transform_of(made["transform"]),
        reference=Reference(
            _array(held["reference"]["points"], "reference points", (m, d)),
            masses,
            str(made["reference"]["kind"]),
            made["reference"]["seed"],
            dict(made["reference"]["details"]),
        ),
        scaling=Scaling(
            _array(held["scaling"]["center"], "scaling", (d,)), _array(held["scaling"]["scale"], "scaling", (d,))
        ),
        maps=_array(adata.layers["maps"], 'layer "maps"', (n, m * d)).reshape(n, m, d),
        plans=tuple(
            _plan(held["plans"][f"{position:05}"], (m, count)) for position, count in zip(positions, used, strict=True)
        ),
        cell_store=AbsentCells(str(made["name"]), str(made["origin"])),
        parameters=made["parameters"],
        versions=made["versions"],
        sample_hashes={name: str(made["sample_hashes"][name]) for name in names},
        warnings=tuple(made["warnings"]),
        seconds=made["seconds"],
        name=str(made["name"]),
        origin=str(made["origin"]),
        synthetic=bool(made["synthetic"]),
        components=_components(held, made, markers),
        **by_sample,
        **counts,
    )


def _checked(embedding: LOTEmbedding) -> LOTEmbedding:
    as_masses(embedding.masses, embedding.reference.n_points, "masses")
    if not (embedding.scaling.scale > 0).all():
        raise _broken("a scaling that is not positive")
    return embedding


def _require_variables(adata: ad.AnnData, expected: pd.DataFrame, what: str) -> None:
    if list(adata.var_names) != list(expected.index):
        raise EmbeddingFileError(
            f"Expected all {len(expected)} variables ({what}) in their order, found {adata.n_vars} that differ. "
            "Choose among samples, not among variables: adata[samples]."
        )


def _positions(adata: ad.AnnData, table: pd.DataFrame) -> list[int]:
    """Where the samples of `adata` stood when it was made; some of them may have been chosen since."""
    known = {name: position for position, name in enumerate(table.index)}
    names = [str(name) for name in adata.obs_names]
    strange = [name for name in names if name not in known]
    if strange:
        raise EmbeddingFileError(
            f"Expected only samples that were embedded, found also {listed(strange)}. Give samples the names they had."
        )
    if not names or len(set(names)) < len(names):
        raise _broken("a sample twice" if names else "no sample")
    return [known[name] for name in names]


def _samples(adata: ad.AnnData, table: pd.DataFrame, made: Mapping[str, Any]) -> pd.DataFrame:
    """Return the sample table with its own types; what was added, changed or left out in `obs` since is taken over."""
    written = dict(zip(made["columns"], range(table.shape[1]), strict=True))
    columns, names = [], []
    for name, column in adata.obs.items():
        if name in made["numbers"].values():
            continue
        before = table.iloc[:, written[name]] if name in written else column
        unchanged = name in written and _texts(column) == _texts(_writable(before))
        columns.append(before if unchanged else column.set_axis(table.index))
        names.append(table.columns[written[name]] if name in written else str(name))
    if not columns:
        return pd.DataFrame(index=table.index)
    samples = pd.concat(columns, axis=1)
    samples.columns = pd.Index(names, dtype=object)
    return samples


def _number(adata: ad.AnnData, made: Mapping[str, Any], name: str) -> NDArray[Any]:
    column = made["numbers"][name]
    if column not in adata.obs.columns:
        raise _broken(f"no column {column} in obs")
    return adata.obs[column].to_numpy()


def _array(values: Any, name: str, shape: tuple[int | None, ...], dtype: str = "float64") -> NDArray[Any]:
    """Check numbers and copy them, so that the AnnData may be altered; None in `shape` accepts any length."""
    found = np.array(values)
    fits = len(found.shape) == len(shape) and all(
        expected in (None, length) for expected, length in zip(shape, found.shape, strict=True)
    )
    if not fits or found.dtype != dtype:
        raise _broken(f"{name} of shape {found.shape} and dtype {found.dtype}")
    if not np.isfinite(found).all():
        raise _broken(f"{name} that are not finite numbers")
    return found


def _plan(plan: Any, shape: tuple[int, int]) -> csr_array:
    if not issparse(plan) or plan.shape != shape or plan.dtype != np.float64:
        raise _broken(f"a plan that is not sparse float64 of shape {shape}")
    copied = csr_array(plan, copy=True)
    copied.check_format(full_check=True)
    return copied


def _with_cells(embedding: LOTEmbedding, cohort: Cohort) -> LOTEmbedding:
    """Draw the cells anew from a cohort; the hash of each sample is checked when its cells are read."""
    names = list(embedding.samples.index)
    there = in_space(cohort, embedding.markers, embedding.transform, components=embedding.components)
    found = there.select(samples=names)
    expected = dict(zip(names, embedding.n_cells.tolist(), strict=True))
    problems = [
        Problem(
            f"sample {name}",
            f"Expected {expected[name]} cells, as were embedded, found {count}.",
            f'Give the cohort that was embedded, "{embedding.name}", or embed this one.',
        )
        for name, count in found.cell_counts.items()
        if count != expected[name]
    ]
    if problems:
        raise CohortError(*problems)
    limit, seed = embedding.parameters.get("cells_per_sample"), embedding.parameters.get("seed", 0)
    store = CohortCells(found, limit, seed, dict(embedding.sample_hashes))
    return replace(embedding, cell_store=RememberedCells(store))


def _free_names(wanted: Iterable[Any]) -> list[str]:
    """Return names h5ad can hold, no two alike: a name that is taken gets "_" appended."""
    taken, names = set(_NO_NAMES), []
    for column in wanted:
        name = str(column).replace("/", "|")
        while name in taken:
            name += "_"
        taken.add(name)
        names.append(name)
    return names


def _writable(column: pd.Series) -> pd.Series:
    """Return a column h5ad can hold: numbers, truth and categories as they are, everything else as text."""
    numbers = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column
    if isinstance(numbers.dtype, np.dtype) and numbers.dtype.kind in "biuf":
        return column
    if isinstance(column.array, pd.arrays.IntegerArray | pd.arrays.BooleanArray):
        return column
    if isinstance(column.array, pd.arrays.FloatingArray):
        return column.astype("float64")
    if isinstance(column.dtype, pd.CategoricalDtype) and all(isinstance(name, str) for name in numbers):
        return column
    texts = _texts(column)
    missing = all(text is None for text in texts)  # h5ad knows no text that is missing everywhere
    return pd.Series(texts, index=column.index, dtype="float64" if missing else "object")


def _texts(column: pd.Series) -> list[str | None]:
    return [None if pd.api.types.is_scalar(value) and pd.isna(value) else str(value) for value in column]


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"Expected parameters JSON can hold, found {type(value).__name__}.")


def _broken(found: str) -> EmbeddingFileError:
    return EmbeddingFileError(
        f"Expected an AnnData made by LOTEmbedding.to_anndata, found {found}. Make it again, or undo what was changed."
    )
