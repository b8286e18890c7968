"""The command that asks whether two drugs add up."""

from __future__ import annotations

import json
import math
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lotviz.cli.destination import check_file, check_record, check_suffix, check_table, write_text
from lotviz.cli.options import add_output, add_seed, new_command
from lotviz.cli.output import Output, finite

if TYPE_CHECKING:
    from lotviz.analysis.interaction_result import Interaction

HEAD = ("region", "marker", "additive", "observed", "excess")  # of the table
_SHOWN = 5  # entries of the table that a person sees


def add_interact(group: Any) -> None:
    """Add the command to the parser."""
    command = new_command(
        group,
        interact,
        summary="measure whether two drugs add up: A+B against what A and B predict together",
        example="lotviz interact study.lot --control control --a A --b B --both A+B --by line -o interaction.json",
    )
    command.add_argument("embedding", metavar="EMB", type=Path, help="an embedding that lotviz saved")
    for name, meaning in (("control", "without a drug"), ("a", "with A"), ("b", "with B"), ("both", "with A and B")):
        command.add_argument(f"--{name}", metavar="VALUE", required=True, help=f"the condition {meaning}")
    command.add_argument(
        "--column", metavar="COL", help="the column of the conditions (default: the one with all four)"
    )
    command.add_argument(
        "--by", metavar="COL", help="the column of the line or patient, the unit of the answer (default: found by name)"
    )
    command.add_argument(
        "--replicate", metavar="COL", help="the column that matches wells within a line (default: found by name)"
    )
    command.add_argument(
        "--plate", metavar="COL", help="the column of the plate; controls are its own (default: found by name)"
    )
    command.add_argument(
        "--whole-clouds",
        action="store_true",
        help="couple whole clouds even where the cohort names populations (default: each with itself)",
    )
    add_seed(command)
    meaning = "the result to write: .json, or .csv for the table of markers with the rest in .csv.json"
    add_output(command, "RESULT", meaning, required=False)


def interact(options: Namespace, output: Output) -> int:
    """Measure how far A+B departs from what A and B add up to."""
    if options.output:
        destination = check_suffix(options.output, (".json", ".csv"))
        check_table(check_file(destination, overwrite=options.overwrite, inputs=[options.embedding]), [HEAD])
        beside = check_record(destination, overwrite=options.overwrite, inputs=[options.embedding])
    from lotviz.analysis.interaction import interaction
    from lotviz.transport import LOTEmbedding

    found = interaction(
        LOTEmbedding.load(options.embedding),
        control=options.control,
        a=options.a,
        b=options.b,
        both=options.both,
        column=options.column,
        by=options.by,
        replicate=options.replicate,
        plate=options.plate,
        whole_clouds=options.whole_clouds,
        seed=options.seed,
        progress=output.progress,
        cancel=output.cancel,
    )
    record = found.to_record()
    if options.output:
        write_text(options.output, _written(found, record, options.output))
        if beside:
            write_text(beside, json.dumps(finite(record), allow_nan=False, indent=2) + "\n")
            record["record"] = str(beside)
        record["output"] = str(options.output)
    output.warn([*found.notes, *found.warnings])
    output.result(record, _text(found))
    return 0


def _written(found: Interaction, record: Mapping[str, Any], path: Path) -> str:
    """Everything as JSON, or the table of regions and markers as CSV."""
    if path.suffix.lower() == ".csv":
        return found.table.to_csv(index=False, lineterminator="\n")
    return json.dumps(finite(record), allow_nan=False, indent=2) + "\n"


def _text(found: Interaction) -> str:
    many = f"{found.n_units} {found.unit}s"
    rows = [
        f"{found.both} against {found.a} + {found.b} - {found.control}, over {many}: {found.direction.words}.",
        f"Squared size without noise: {_number(found.statistic)} ({_number(found.low)} to {_number(found.high)}), "
        f"p {_number(found.p)} by {found.crossed.method}.",
    ]
    if found.within_lines is not None:
        inner = found.within_lines
        interval = f"{_number(inner.statistic)} ({_number(inner.low)} to {_number(inner.high)})"
        rows.append(f"Within these lines, over {inner.n_units} replicates: {interval}, p {_number(inner.p)}.")
    rows.append(f"Size over that of the additive effect: {_number(found.additive_gap)}.")
    rows.append(f"{'region':32} {'marker':14} {'excess (95 %)':28} corrected p")
    for row in found.table.head(_SHOWN).to_dict(orient="records"):
        interval = f"{row['excess']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})"
        rows.append(f"{row['region']:32} {row['marker']:14} {interval:28} {_number(row['adjusted_p'])}")
    if found.abundance is not None:
        row = found.abundance.loc[found.abundance["adjusted_p"].fillna(1.0).idxmin()]
        rows.append(
            f"How many: {row['region']} departs most, {math.exp(row['log_ratio']):.2f} times as many as predicted "
            f"({math.exp(row['low']):.2f} to {math.exp(row['high']):.2f}), corrected p {_number(row['adjusted_p'])}."
        )
    rows.append(
        f"Barycenter of {found.a} and {found.b} against {found.both}: {found.barycenter.distance:.3f}; under exact "
        f"additivity it is {found.barycenter.under_additivity:.3f}: not a test of additivity."
    )
    return "\n".join(rows)


def _number(value: float) -> str:
    return "unknown" if value != value else f"{value:.3g}"
