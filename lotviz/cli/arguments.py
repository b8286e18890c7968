"""The words of the command line: every command, its options, its example."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lotviz import __version__
from lotviz.cli import classifying, commands, interpolating, store, values
from lotviz.cli.interacting import add_interact
from lotviz.cli.options import (
    CELLS_PER_SAMPLE,
    COHORT_HELP,
    add_cells_per_sample,
    add_cohort,
    add_columns,
    add_output,
    add_seed,
    add_server,
    new_command,
)
from lotviz.cli.registering import add_register


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of `lotviz`; the function of the chosen command is its `run`."""
    parser = argparse.ArgumentParser(
        prog="lotviz",
        description="Cohorts of single-cell samples, compared by linear optimal transport. "
        "Without a command: open the app in the browser, on this machine only.",
        epilog="Example:\n  lotviz demo\n\nEvery command explains itself: lotviz embed --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"lotviz {__version__}")
    group = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (
        _demo,
        _serve,
        _simulate,
        _sheet,
        _validate,
        _embed,
        _project,
        _classify,
        _score,
        _interpolate,
        add_register,
        add_interact,
        _store,
    ):
        add(group)
    return parser


def _demo(group: Any) -> None:
    command = new_command(
        group,
        commands.demo,
        summary="open the app on a simulated cohort, nothing to download",
        example="lotviz demo --port 5007",
    )
    add_server(command)


def _serve(group: Any) -> None:
    command = new_command(
        group,
        commands.serve,
        summary="open the app, on a cohort when one is given",
        example="lotviz serve study/sheet.csv --no-browser",
    )
    command.add_argument("cohort", metavar="COHORT", nargs="?", type=Path, help=COHORT_HELP)
    add_server(command)
    command.add_argument(
        "--data-root", metavar="DIR", type=values.folder, help="the folder below which cohorts may be opened"
    )


def _simulate(group: Any) -> None:
    command = new_command(
        group,
        commands.simulate,
        summary="write a simulated cohort with known answers into a new folder",
        example="lotviz simulate practice --design patients --samples 24 --cells 2000 --seed 1",
    )
    command.add_argument("output", metavar="OUT", type=Path, help="the folder to make, new or empty")
    command.add_argument(
        "--design",
        choices=("patients", "organoids"),
        default="patients",
        help="two groups of patients, or organoid lines under drugs (default: %(default)s)",
    )
    for name, default, meaning in (
        ("--samples", 24, "samples in all"),
        ("--cells", 2_000, "cells of each sample"),
        ("--markers", 14, "measured markers"),
    ):
        command.add_argument(name, type=values.at_least(1), default=default, help=f"{meaning} (default: %(default)s)")
    add_seed(command)
    command.add_argument(
        "--format",
        choices=("parquet", "csv", "fcs", "h5ad"),
        default="parquet",
        help="how the cells are written (default: %(default)s)",
    )


def _sheet(group: Any) -> None:
    command = new_command(
        group,
        commands.sheet,
        summary="propose the sheet of a folder of files, one a sample, for you to fill in",
        example="lotviz sheet study -o study/sheet.csv",
    )
    command.add_argument("folder", metavar="DIR", type=Path, help="the folder of the files of cells")
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help="the new sheet, csv, tsv or xlsx (default: sheet.csv in the folder); none is ever replaced",
    )


def _validate(group: Any) -> None:
    command = new_command(
        group,
        commands.validate,
        summary="read a whole cohort and list every problem found",
        example="lotviz validate study/sheet.csv --json",
    )
    add_cohort(command)


def _embed(group: Any) -> None:
    command = new_command(
        group,
        commands.embed,
        summary="transport a reference onto every sample and save the embedding",
        example="lotviz embed study/sheet.csv -o study.lot --points 128 --seed 0",
    )
    add_cohort(command)
    add_output(command, "EMB", "the embedding to write, for example study.lot")
    command.add_argument(
        "--points",
        metavar="M",
        type=values.sizes,
        default=(128,),
        help="reference points (default: 128); several sizes, as in 64,256,1024, write study-64.lot and so on",
    )
    command.add_argument(
        "--reference",
        metavar="KIND",
        type=values.reference,
        default="kmeans",
        help="kmeans (centres of all cells), cells (drawn at random), gaussian (drawn from the Gaussian that matches "
        "them), barycenter (k-means moved to the mean of the samples), sample:NAME, a .csv, .tsv or .parquet of points "
        "(a column a marker, transformed, and maybe mass), or an embedding, .lot (default: %(default)s)",
    )
    command.add_argument(
        "--scale",
        choices=("zscore", "none"),
        default="zscore",
        help="whether markers get equal weight (default: %(default)s)",
    )
    add_cells_per_sample(command, 20_000)
    add_seed(command)
    command.add_argument(
        "--workers",
        type=values.at_least(1),
        default=2,
        help="threads; the result does not depend on it (default: %(default)s)",
    )
    command.add_argument(
        "--solver",
        choices=("simplex", "pot"),
        default="simplex",
        help="our own network simplex, or the one of POT; both are exact (default: %(default)s)",
    )
    command.add_argument(
        "--resume",
        action="store_true",
        help="go on where an earlier run of the same stopped: samples that are in the store are not solved again",
    )


def _project(group: Any) -> None:
    command = new_command(
        group,
        commands.project,
        summary="place new samples in an embedding, with its reference, scaling and components",
        example="lotviz project study.lot new_patients/sheet.csv -o new_patients.lot",
    )
    command.add_argument("embedding", metavar="EMB", type=Path, help="an embedding that lotviz saved")
    command.add_argument("cohort", metavar="COHORT", type=Path, help=COHORT_HELP)
    add_columns(command)
    add_output(command, "EMB2", "the embedding of the new samples to write")


def _classify(group: Any) -> None:
    command = new_command(
        group,
        classifying.classify,
        summary="measure whether the embedding tells the groups apart, beside simpler baselines",
        example="lotviz classify study/sheet.csv --label diagnosis --group patient -o result.json",
    )
    add_cohort(command, COHORT_HELP + "; or a saved embedding (.lot), whose reference never saw a label: faster")
    command.add_argument(
        "--label", metavar="COL", required=True, help="the column that holds the groups, or a number to be estimated"
    )
    command.add_argument("--group", metavar="COL", help="the column never split between training and test")
    command.add_argument("--batch", metavar="COL", help="the column of the batch")
    command.add_argument(
        "--adjust",
        metavar="COL",
        nargs="+",
        action="extend",
        default=[],
        help="columns that might explain it: what they say is taken out of the samples inside each fold",
    )
    command.add_argument(
        "--controls",
        metavar="COL=VALUE",
        type=values.column_and_value,
        help="technical controls of each batch: their mean is taken out of its samples (needs --batch)",
    )
    command.add_argument(
        "--outcome",
        choices=("auto", "classes", "continuous"),
        default="auto",
        help="what the label is; auto: many different numbers are continuous (default: %(default)s)",
    )
    command.add_argument(
        "--paired",
        choices=("auto", "yes", "no"),
        default="auto",
        help="compare samples within their group; auto: where every group has samples of every class "
        "(default: %(default)s)",
    )
    command.add_argument(
        "--estimator",
        choices=("auto", "ridge", "lda", "logistic", "svm"),
        default="auto",
        help="auto: ridge for two classes, lda for more (default: %(default)s)",
    )
    command.add_argument(
        "--no-abundance", action="store_true", help="leave the abundance of clusters out of the model called lot"
    )
    command.add_argument(
        "--points",
        metavar="M",
        type=values.at_least(1),
        nargs="+",
        help="reference points; the models of several numbers are averaged (default: a few sizes)",
    )
    command.add_argument(
        "--folds", type=values.at_least(2), default=5, help="parts of the cohort (default: %(default)s)"
    )
    command.add_argument(
        "--repeats", type=values.at_least(1), default=5, help="divisions into folds (default: %(default)s)"
    )
    command.add_argument(
        "--permutations", type=values.at_least(0), default=200, help="permuted labels (default: %(default)s)"
    )
    add_cells_per_sample(command, CELLS_PER_SAMPLE)
    add_seed(command)
    add_output(command, "RESULT", "the result to write, as JSON", required=False)
    command.add_argument(
        "--model", metavar="MODEL", type=Path, help="also fit on all samples and keep that model, for lotviz score"
    )


def _score(group: Any) -> None:
    command = new_command(
        group,
        classifying.score,
        summary="score new samples by a kept model, and say whether it has seen their like",
        example="lotviz score study.lotmodel new_patients/sheet.csv -o scores.json",
    )
    command.add_argument("model", metavar="MODEL", type=Path, help="a model that lotviz classify --model kept")
    command.add_argument("cohort", metavar="COHORT", type=Path, help=COHORT_HELP)
    add_columns(command)
    add_output(command, "SCORES", "the scores to write, as JSON", required=False)


def _interpolate(group: Any) -> None:
    command = new_command(
        group,
        interpolating.interpolate,
        summary="write synthetic cells between samples of an embedding, along them or beyond them",
        example="lotviz interpolate study.lot --weights P1=.5,P2=.5 --cells 5000 -o between.parquet",
    )
    command.add_argument("embedding", metavar="EMB", type=Path, help="an embedding that lotviz saved")
    way = command.add_mutually_exclusive_group(required=True)
    way.add_argument("--weights", metavar="A=.5,B=.5", type=values.weights, help="samples and weights that sum to 1")
    way.add_argument(
        "--along", metavar="A,B,C", type=values.names, help="samples in their order, such as doses or times; needs --at"
    )
    command.add_argument(
        "--at", metavar="PLACE", type=values.number, help="where along the samples: 0 is the first, 1.5 half-way on"
    )
    command.add_argument(
        "--manner",
        choices=("lines", "kinds"),
        default="lines",
        help="lines: glued cells mixed in straight lines; kinds: measured cells moved with their kind, none of them "
        "between populations (default: %(default)s)",
    )
    command.add_argument(
        "--beyond",
        action="store_true",
        help="allow weights below 0 or above 1, as in A=1,B=1,C=-1: nothing was measured there, use --check",
    )
    command.add_argument(
        "--check", action="store_true", help="embed the result again and say whether it can be trusted"
    )
    command.add_argument(
        "--cells", type=values.at_least(1), help="cells to draw (default: as many as the largest of the samples has)"
    )
    command.add_argument(
        "--pairs",
        action="store_true",
        help="all glued pairs of two samples instead of a draw, with their masses in a column mass",
    )
    add_seed(command)
    add_output(command, "FILE", "the file to write: .parquet, .csv, .h5ad or .fcs")


def _store(group: Any) -> None:
    summary = "look at the solved samples that --resume takes, or remove them"
    command = group.add_parser(
        "store",
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}. Every sample that lotviz embed solves is kept there: in "
        "LOTVIZ_STORE, or else among the caches of the user; at most 5 GB, or LOTVIZ_STORE_GB.",
        epilog="Example:\n  lotviz store info --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    inner = command.add_subparsers(title="commands", metavar="COMMAND", required=True)
    new_command(
        inner,
        store.info,
        summary="say where the store is, and how much it holds",
        example="lotviz store info --json",
    )
    new_command(
        inner,
        store.clear,
        summary="remove every solved sample; embeddings that were saved need none of them",
        example="lotviz store clear",
    )
