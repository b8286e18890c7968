"""The command that registers two samples of an embedding: who goes where, as a table, and what follows from it."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lotviz.cli import values
from lotviz.cli.commands import sentences
from lotviz.cli.destination import check_file, check_record, check_suffix, check_table, write_text
from lotviz.cli.failures import RefusedError
from lotviz.cli.options import add_output, add_seed, new_command
from lotviz.cli.output import Output, finite

if TYPE_CHECKING:
    import pandas as pd

    from lotviz.analysis.regions import Regions
    from lotviz.analysis.registered import Registered
    from lotviz.transport.embedding import LOTEmbedding

SUFFIXES = (".parquet", ".csv", ".json")
HEADS = (("cell_a", "cell_b", "point", "mass"), ("point", "mass"), ("from", "to", "mass", "share"))  # of the tables
LEVELS = ("cells", "points", "populations")
RECIPE_KEY = b"lotviz.recipe"


def add_register(group: Any) -> None:
    """Add the words of the command."""
    command = new_command(
        group,
        register,
        summary="register two samples of an embedding: who goes where, what grows, which markers shift",
        example="lotviz register study.lot P1 P2 --level populations -o changes.csv",
    )
    command.add_argument("embedding", metavar="EMB", type=Path, help="an embedding that lotviz saved")
    command.add_argument("a", metavar="A", help="the sample to start from")
    command.add_argument("b", metavar="B", help="the sample to go to")
    command.add_argument(
        "--level",
        choices=LEVELS,
        default="cells",
        help="a row for each glued pair of cells, each reference point, or each two populations that mass goes "
        "between (default: %(default)s)",
    )
    command.add_argument(
        "--cells",
        metavar="N",
        type=values.at_least(1),
        help="with --level cells: draw N pairs of the same mass (default: all pairs, each with its exact mass)",
    )
    command.add_argument(
        "--direct",
        metavar="N",
        type=values.at_least(1),
        nargs="?",
        const=4_000,
        help="also transport A to B exactly, without the reference, on at most N cells of each (default: 4000), and "
        "say how far the registration is from it",
    )
    add_seed(command)
    add_output(command, "FILE", "the file to write: .parquet, .json, or .csv with its record in .csv.json")


def register(options: Namespace, output: Output) -> int:
    """Register two samples, write them at one level, and report what follows."""
    destination = check_suffix(options.output, SUFFIXES)
    check_table(check_file(destination, overwrite=options.overwrite, inputs=[options.embedding]), HEADS)
    beside = check_record(destination, overwrite=options.overwrite, inputs=[options.embedding])
    if options.cells and options.level != "cells":
        what = f"Expected --cells with --level cells only, found --level {options.level}."
        raise RefusedError("--cells", what, "Leave it out: points and populations are never drawn.")
    from lotviz.analysis.registered import registered
    from lotviz.transport import LOTEmbedding

    embedding = LOTEmbedding.load(options.embedding)
    for sample in (options.a, options.b):
        embedding.index(sample)
    regions = _regions_of(embedding, options.a, options.seed)
    found = registered(embedding, options.a, options.b, regions=regions)
    table = _table(embedding, found, options, regions)
    record: dict[str, Any] = {
        "output": str(destination),
        "level": options.level,
        "rows": len(table),
        "drawn": options.cells,
        "seed": options.seed,
        **found.record(),
        "populations_are": "named in the cohort" if regions is None else "regions of the reference",
        "direct": _directly(embedding, options, output) if options.direct else None,
        "cohort": embedding.name,
        "synthetic": embedding.synthetic,
        "parameters": dict(embedding.parameters),
        "versions": dict(embedding.versions),
        "hashes": {sample: embedding.sample_hashes[sample] for sample in (options.a, options.b)},
    }
    record["warnings"] = sentences(record["warnings"], embedding.warnings)
    kept = finite({name: value for name, value in record.items() if name != "output"})
    _write(destination, table, kept)
    if beside:
        write_text(beside, json.dumps(kept, allow_nan=False, indent=1) + "\n")
        record["record"] = str(beside)
    output.warn(record["warnings"])
    output.result(record, _text(record))
    return 0


def _directly(embedding: LOTEmbedding, options: Namespace, output: Output) -> dict[str, Any]:
    """Transport A to B without the reference, and say how far the registration is from it."""
    from lotviz.transport import direct_transport

    working: dict[str, Any] = {"progress": output.progress, "cancel": output.cancel}
    found = direct_transport(embedding, options.a, options.b, cells=options.direct, seed=options.seed, **working)
    figures = ("cost", "dual_gap", "glued_cost", "excess", "apart", "step")
    return {
        "cells": [len(rows) for rows in found.cells],
        "of": list(found.used),
        **{name: getattr(found, name) for name in figures},
        "said": found.said(),
    }


def _regions_of(embedding: LOTEmbedding, sample: str, seed: int) -> Regions | None:
    """Return regions of the reference where the cohort names no populations."""
    if embedding.populations(sample) is not None:
        return None
    from lotviz.analysis.regions import regions

    return regions(embedding, seed=seed)


def _table(embedding: LOTEmbedding, found: Registered, options: Namespace, regions: Regions | None) -> pd.DataFrame:
    """Return the rows of the chosen level."""
    from lotviz.analysis.registered import flows_table, pairs_table, points_table

    if options.level == "points":
        return points_table(embedding, found.registration)
    if options.level == "populations":
        return flows_table(embedding, found.registration, regions=regions)
    return pairs_table(embedding, found.registration, cells=options.cells, seed=options.seed, regions=regions)


def _write(path: Path, table: pd.DataFrame, record: Mapping[str, Any]) -> None:
    """Write the table in one step; parquet keeps the record in its metadata, JSON holds both, csv nothing."""
    from lotviz.data.files import replace_file

    def parquet(draft: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        made = pa.Table.from_pandas(table, preserve_index=False)
        kept = {**(made.schema.metadata or {}), RECIPE_KEY: json.dumps(record, allow_nan=False).encode()}
        pq.write_table(made.replace_schema_metadata(kept), draft, compression="zstd")

    def written_csv(draft: Path) -> None:
        table.to_csv(draft, index=False, lineterminator="\n")

    def written_json(draft: Path) -> None:
        rows = finite(table.to_dict(orient="list"))
        draft.write_text(json.dumps({**record, "table": rows}, allow_nan=False, indent=1) + "\n", encoding="utf-8")

    writers: dict[str, Callable[[Path], None]] = {".parquet": parquet, ".csv": written_csv, ".json": written_json}
    replace_file(path, writers[path.suffix.lower()])


def _text(record: Mapping[str, Any]) -> str:
    """Say the answer in a few lines."""
    shift = 100 * record["shift_share"]
    names, moves = record["populations"], sorted(enumerate(record["change"]), key=lambda one: -abs(one[1]))[:4]
    grown = ", ".join(f"{names[i]} {100 * change:+.1f}" for i, change in moves)
    markers = ", ".join(f"{one['marker']} {one['shift']:+.2f}" for one in record["markers"][:4])
    parts = f", of its square {shift:.0f} % shift and {100 - shift:.0f} % shape" if record["distance"] else ""
    lines = [
        f"{record['a']} to {record['b']}: distance {record['distance']:.3g} (LOT, scaled){parts}; cost of the "
        f"registration {record['cost']:.3g}.",
        f"Grown or shrunk, in points of a hundred: {grown}. {100 * record['moved']:.0f} % of mass changes population.",
        f"Means of markers that change most: {markers}.",
    ]
    if record["direct"]:
        lines.append(record["direct"]["said"])
    beside = f", what made them to {record['record']}" if "record" in record else ""
    return "\n".join([*lines, f"Wrote {record['rows']:,} rows ({record['level']}) to {record['output']}{beside}."])
