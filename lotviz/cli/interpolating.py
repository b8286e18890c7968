"""The command that writes synthetic cells: between samples, along an ordered list of them, or beyond them."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lotviz.cli.destination import check_file, check_suffix, check_synthetic
from lotviz.cli.failures import RefusedError, refusing
from lotviz.cli.output import Output

if TYPE_CHECKING:
    from lotviz.transport import LOTEmbedding, SyntheticSample

SYNTHETIC_SUFFIXES = (".parquet", ".csv", ".h5ad", ".fcs")


def interpolate(options: Namespace, output: Output) -> int:
    """Write synthetic cells, and say on request whether they can be trusted."""
    _require_one_way(options)
    destination = check_suffix(options.output, SYNTHETIC_SUFFIXES)
    check_synthetic(check_file(destination, overwrite=options.overwrite, inputs=[options.embedding]))
    from lotviz.transport import LOTEmbedding

    embedding = LOTEmbedding.load(options.embedding)
    synthetic = _made(embedding, options, output)
    if options.check:
        found = embedding.validity(synthetic, seed=options.seed, progress=output.progress, cancel=output.cancel)
        synthetic = replace(synthetic, validity=found)
    synthetic.write(destination)
    count, markers = synthetic.cells.shape
    record: dict[str, Any] = {
        "output": str(destination),
        "synthetic": True,
        "n_cells": count,
        "n_markers": markers,
        "different_cells": synthetic.different_cells,
        "masses": synthetic.recipe["masses"],
        "markers": list(synthetic.markers),
        "method": synthetic.method,
        "weights": dict(synthetic.weights),
        "seed": options.seed,
        "inputs": dict(synthetic.inputs),
        "versions": dict(synthetic.versions),
    }
    if options.along:
        record |= {"along": options.along, "at": options.at}
    text = f"Wrote {count:,} synthetic cells with {markers} markers to {destination}."
    if synthetic.different_cells < count:
        text += f" {synthetic.different_cells:,} of them are different: there are no more to draw from."
    if options.pairs:
        text += " They are all pairs of cells, each with its mass beside the markers: count masses, not rows."
    if synthetic.validity is not None:
        record["validity"] = synthetic.validity.record()
        text = "\n".join([text, *synthetic.validity.verdict])
    output.result(record, text)
    return 0


def _require_one_way(options: Namespace) -> None:
    """Refuse options that say two things; before anything is read."""
    if options.along and options.beyond:
        what = "Expected samples to go along, or weights beyond samples, found both."
        raise RefusedError("--beyond", what, "Use --beyond with --weights only.")
    if options.along and options.at is None:
        raise RefusedError("--at", "Expected a place along the samples, found none.", "Add --at, as in --at 1.5.")
    if options.at is not None and not options.along:
        raise RefusedError("--at", "Expected samples to go along, found none.", "Add --along A,B,C.")
    if options.pairs and (options.cells or options.along or options.beyond or options.manner == "kinds"):
        what = "Expected the exact pairs of two samples, found options that draw or move cells."
        raise RefusedError("--pairs", what, "Use --pairs with --weights of two samples only.")
    if options.beyond and options.manner == "kinds":
        what = "Expected straight lines beyond the samples, found kinds of cells."
        raise RefusedError("--manner", what, "Leave --manner or --beyond out.")


def _made(embedding: LOTEmbedding, options: Namespace, output: Output) -> SyntheticSample:
    draw: dict[str, Any] = {"n_cells": options.cells or _usual_count(embedding, options), "seed": options.seed}
    work: dict[str, Any] = {"manner": options.manner, "progress": output.progress, "cancel": output.cancel}
    if options.along:
        with refusing("--along"):
            return embedding.along(options.along, options.at, **draw, **work)
    with refusing("--weights"):
        if options.beyond:
            return embedding.combine(options.weights, **draw)
        return embedding.interpolate(options.weights, **draw, **work)


def _usual_count(embedding: LOTEmbedding, options: Namespace) -> int | None:
    """Return how many cells are drawn of several samples: as many as the largest has, all of the same mass.

    None, which makes pairs of unequal masses of two samples, would be read as cells that all count alike.
    """
    names = options.along or [name for name, weight in options.weights.items() if weight != 0]
    known = [embedding.index(name) for name in names if name in embedding.samples.index]
    if options.pairs or options.manner == "kinds" or len(known) < 2:
        return None
    return int(embedding.n_cells_used[known].max())
