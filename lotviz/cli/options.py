"""Options that several commands share, each said once."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lotviz.cli import values

CELLS_PER_SAMPLE = 5_000  # that are counted when groups are separated
COHORT_HELP = "a sample sheet, a folder with samples.csv and cells.parquet, or an .h5ad or .zarr file"


def new_command(group: Any, run: Any, *, summary: str, example: str) -> argparse.ArgumentParser:
    """Add a command to a group: what it runs, one sentence on it, and an example."""
    command = group.add_parser(
        run.__name__,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"Example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_argument("--json", action="store_true", help="print one JSON object on standard output")
    command.set_defaults(run=run)
    return command


def add_server(command: argparse.ArgumentParser) -> None:
    """Add where the app is served."""
    command.add_argument("--port", type=values.port, default=5006, help="the port (default: %(default)s)")
    command.add_argument(
        "--address",
        type=values.address,
        default=values.THIS_MACHINE,
        help="only this machine is served (default: %(default)s)",
    )
    command.add_argument("--no-browser", action="store_true", help="do not open a browser")
    command.set_defaults(cohort=None, data_root=None)


def add_cohort(command: argparse.ArgumentParser, what: str = COHORT_HELP) -> None:
    """Add the cohort of a command, and how it is read."""
    command.add_argument("cohort", metavar="COHORT", type=Path, help=what)
    command.add_argument("--markers", metavar="A,B", type=values.names, help="markers to use (default: all measured)")
    command.add_argument(
        "--transform",
        choices=("arcsinh", "logicle", "log1p", "none"),
        help="of all markers; logicle is fitted to each (default: decided from the values, and said)",
    )
    command.add_argument(
        "--cofactor",
        metavar="NUMBER",
        type=values.cofactor,
        help="of the arcsinh transform, or the word fitted: to the negative values of each marker "
        "(default: 5 in mass cytometry, 150 in fluorescence, and said)",
    )
    add_components(command)
    add_columns(command)


def add_components(command: argparse.ArgumentParser) -> None:
    """Add components of genes in place of markers."""
    command.add_argument(
        "--components",
        metavar="K",
        type=values.at_least(1),
        help="for single-cell RNA: use K principal components of the genes as markers, PC1 to PCK; counts are "
        "normalised by cell and log1p (default: every gene or channel is a marker)",
    )
    command.add_argument(
        "--genes",
        metavar="N",
        type=values.at_least(1),
        help="with --components: how many genes they are made of, those that vary most (default: 2000)",
    )


def add_columns(command: argparse.ArgumentParser) -> None:
    """Add how names and values of the files are understood."""
    command.add_argument(
        "--columns",
        metavar="sample=COL,file=COL",
        type=values.columns,
        help="which columns of the sheet name the sample and its file (default: found by their names, and said)",
    )
    command.add_argument(
        "--compensate",
        choices=("yes", "no", "auto"),
        default="auto",
        help="in .fcs: whether the spillover matrix of each file is applied; auto applies it unless the values are "
        "compensated already, and says so (default: %(default)s)",
    )
    command.add_argument(
        "--skip-unreadable",
        action="store_true",
        help="leave out samples whose file cannot be read, naming each, instead of stopping",
    )
    add_rename(command)
    add_sample_key(command)


def add_rename(command: argparse.ArgumentParser) -> None:
    """Add new names of markers."""
    command.add_argument(
        "--rename",
        metavar="OLD=NEW",
        type=values.renaming,
        action="append",
        help="another name for a channel, where files have it; may be given several times",
    )


def add_sample_key(command: argparse.ArgumentParser) -> None:
    """Add the columns of h5ad and zarr."""
    command.add_argument("--sample-key", metavar="COL", help="in .h5ad and .zarr: the column of the sample")
    command.add_argument(
        "--population-key", metavar="COL", help="in .h5ad and .zarr: the column of a cell's population"
    )
    command.add_argument(
        "--layer", metavar="NAME", help="in .h5ad and .zarr: X, raw, layers/NAME or obsm/NAME (default: X)"
    )


def add_cells_per_sample(command: argparse.ArgumentParser, default: int) -> None:
    """Add how many cells of a sample are used."""
    command.add_argument(
        "--cells-per-sample",
        metavar="N",
        type=values.at_least(1),
        default=default,
        help="cells used of each sample, drawn at random when there are more (default: %(default)s)",
    )


def add_seed(command: argparse.ArgumentParser) -> None:
    """Add the seed of every draw."""
    command.add_argument("--seed", type=values.seed, default=0, help="of every draw (default: %(default)s)")


def add_output(command: argparse.ArgumentParser, metavar: str, meaning: str, *, required: bool = True) -> None:
    """Add the file that a command writes."""
    command.add_argument("-o", "--output", metavar=metavar, type=Path, required=required, help=meaning)
    command.add_argument("--overwrite", action="store_true", help="replace an output that exists")
