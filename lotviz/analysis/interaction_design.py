"""Which wells speak of an interaction: control, A, B and A+B, matched within a line and a plate, as sums of wells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.interaction_columns import Columns
from lotviz.analysis.labels import label_texts
from lotviz.data.problems import CohortError, Problem, listed

KINDS = ("control", "a", "b", "both")
ONE_LINE = "all samples"


@dataclass(frozen=True, eq=False)
class Wells:
    """The wells of a study: one row a sample that holds one of the four conditions.

    Attributes
    ----------
    samples
        Their names, in the order of the embedding.
    rows
        Where they stand in the embedding, shape (n,).
    kinds
        0 for control, 1 for A, 2 for B, 3 for A+B, shape (n,).
    lines, replicates, plates
        As texts, shape (n,); replicates and plates are None where there is no such column.
    """

    samples: tuple[str, ...]
    rows: NDArray[np.intp]
    kinds: NDArray[np.intp]
    lines: NDArray[np.object_]
    replicates: NDArray[np.object_] | None
    plates: NDArray[np.object_] | None


@dataclass(frozen=True, eq=False)
class Study:
    """Blocks of wells that hold control, A, B and A+B once each, no well in two of them.

    Attributes
    ----------
    samples
        The n wells that are used, in the order of the embedding.
    rows, kinds
        Where they stand in the embedding, and which condition they hold (0 control, 1 A, 2 B, 3 A+B), shape (n,).
    lines
        Names of the lines.
    line_of
        Line of each block, shape (blocks,).
    names
        What each block is called: its line, and its replicate or plate or number.
    weights
        Weight of each well in each condition of each block, shape (4, blocks, n); the weights of one condition sum
        to 1. A drug whose control stands on another plate than that of A+B is taken to that plate by the controls:
        ``A - control of A's plate + control of A+B's plate``.
    matched_by
        What makes a block: "replicate", "plate", or "" where wells were matched in their order.
    warnings
        What is doubtful about the study, as sentences.
    """

    samples: tuple[str, ...]
    rows: NDArray[np.intp]
    kinds: NDArray[np.intp]
    lines: tuple[str, ...]
    line_of: NDArray[np.intp]
    names: tuple[str, ...]
    weights: NDArray[np.float64]
    matched_by: str
    warnings: tuple[str, ...] = ()

    @property
    def excess(self) -> NDArray[np.float64]:
        """Weight of each well in ``D = A+B - A - B + control`` of each block, shape (blocks, n)."""
        control, a, b, both = self.weights
        return np.asarray(both - a - b + control)

    @property
    def additive(self) -> NDArray[np.float64]:
        """Weight of each well in the additive effect ``A + B - 2 control`` of each block, shape (blocks, n)."""
        control, a, b, _ = self.weights
        return np.asarray(a + b - 2.0 * control)

    @property
    def predicted(self) -> NDArray[np.float64]:
        """Weight of each well in the additive prediction ``A + B - control`` of each block, shape (blocks, n)."""
        control, a, b, _ = self.weights
        return np.asarray(a + b - control)

    def by_line(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean over the blocks of each line, shape (blocks, ...) -> (lines, ...)."""
        return np.stack([values[self.line_of == line].mean(axis=0) for line in range(len(self.lines))])

    def over_lines(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean over lines of the mean over their blocks, shape (blocks, ...) -> (...)."""
        return np.asarray(self.by_line(values).mean(axis=0))

    def block_of(self, sample: str) -> int | None:
        """Block in which a sample is an A+B well; None where it is none."""
        if sample not in self.samples:
            return None
        found = np.flatnonzero(self.weights[3][:, self.samples.index(sample)] > 0)
        return int(found[0]) if len(found) else None


@dataclass(frozen=True)
class _Block:
    line: str
    name: str
    wells: tuple[NDArray[np.intp], ...]  # of control, A, B and A+B, as positions


def wells_of(samples: pd.DataFrame, columns: Columns) -> Wells:
    """Take the wells that hold one of the four conditions.

    Raises
    ------
    CohortError
        One of them has no line, replicate or plate.
    """
    labels = label_texts(samples[columns.condition])
    kinds = np.array([columns.conditions.index(label) if label in columns.conditions else -1 for label in labels])
    rows = np.flatnonzero(kinds >= 0)
    names = tuple(str(name) for name in samples.index[rows])

    def texts(column: str | None) -> NDArray[np.object_] | None:
        return None if column is None else _complete(samples, column, rows)

    lines = texts(columns.by)
    return Wells(
        samples=names,
        rows=rows.astype(np.intp),
        kinds=kinds[rows].astype(np.intp),
        lines=np.full(len(rows), ONE_LINE, dtype=object) if lines is None else lines,
        replicates=texts(columns.replicate),
        plates=texts(columns.plate),
    )


def _complete(samples: pd.DataFrame, column: str, rows: NDArray[np.intp]) -> NDArray[np.object_]:
    found = label_texts(samples[column].iloc[rows])
    empty = [str(name) for name, text in zip(samples.index[rows], found, strict=True) if not text]
    if empty:
        what = f"Expected a value in column {column} for every well of the four conditions, found none for"
        fix = "Fill them in, or leave these samples out."
        raise CohortError(Problem(f"column {column}", f"{what} {listed(empty)}.", fix))
    return found


def study_of(wells: Wells, columns: Columns) -> Study:
    """Match wells into blocks: by replicate where there is one, by plate where each holds all four, else in order.

    Raises
    ------
    CohortError
        No line has all four conditions, or there are too few wells to say how far they scatter: one block in all.
    """
    blocks: list[_Block] = []
    warnings: list[str] = []
    matched: set[str] = set()
    for line in dict.fromkeys(wells.lines.tolist()):
        found, by, said = _blocks_of_line(wells, np.flatnonzero(wells.lines == line))
        blocks += [replace(block, line=line) for block in found]
        warnings += [f"{_line_words(line)}{sentence}" for sentence in said]
        if found:
            matched.add(by)
    _require_blocks(blocks, wells, columns)
    used = np.unique(np.concatenate([part for block in blocks for part in block.wells]))
    weights, doubts = _weights(blocks, wells, used)
    lines = tuple(dict.fromkeys(block.line for block in blocks))
    return Study(
        samples=tuple(wells.samples[well] for well in used),
        rows=wells.rows[used],
        kinds=wells.kinds[used],
        lines=lines,
        line_of=np.array([lines.index(block.line) for block in blocks], dtype=np.intp),
        names=tuple(block.name if block.line == ONE_LINE else f"{block.line}, {block.name}" for block in blocks),
        weights=weights,
        matched_by=matched.pop() if len(matched) == 1 else "",
        warnings=tuple(dict.fromkeys([*_left_out(wells, used, columns), *warnings, *doubts])),
    )


def _blocks_of_line(wells: Wells, members: NDArray[np.intp]) -> tuple[list[_Block], str, list[str]]:
    """Blocks of one line, what matched them, and what is to be said."""
    if wells.replicates is not None:
        blocks, broken = _split(wells, members, wells.replicates)
        said = [f"replicate {listed(broken)} lacks one of the four conditions and is left out."] if broken else []
        return blocks, "replicate", said
    if wells.plates is not None:
        blocks, broken = _split(wells, members, wells.plates)
        if blocks and not broken:
            return [part for block in blocks for part in _in_order(wells, block)], "plate", []
    whole = _block("", wells, members)
    return ([], "", []) if whole is None else (_in_order(wells, whole), "", [])


def _split(wells: Wells, members: NDArray[np.intp], by: NDArray[np.object_]) -> tuple[list[_Block], list[str]]:
    blocks, broken = [], []
    for name in dict.fromkeys(by[members].tolist()):
        block = _block(name, wells, members[by[members] == name])
        if block is None:
            broken.append(name)
        else:
            blocks.append(block)
    return blocks, broken


def _block(name: str, wells: Wells, members: NDArray[np.intp]) -> _Block | None:
    parts = tuple(members[wells.kinds[members] == kind] for kind in range(len(KINDS)))
    return _Block("", name, parts) if all(len(part) for part in parts) else None


def _in_order(wells: Wells, block: _Block) -> list[_Block]:
    """As many blocks as the rarest condition has wells; a control is never in two of them."""
    for count in range(min(len(part) for part in block.wells), 1, -1):
        parts = [_dealt(wells, block, number, count) for number in range(count)]
        if all(_has_controls(wells, part, block) for part in parts):
            label = f"{block.name}, " if block.name else ""
            return [replace(part, name=f"{label}wells {number + 1}") for number, part in enumerate(parts)]
    return [block]


def _dealt(wells: Wells, block: _Block, number: int, count: int) -> _Block:
    """Deal the wells of each condition out like cards, plate by plate."""
    parts = []
    for part in block.wells:
        ordered = part if wells.plates is None else part[np.argsort(wells.plates[part], kind="stable")]
        parts.append(np.sort(ordered[number::count]))
    return _Block(block.line, block.name, tuple(parts))


def _has_controls(wells: Wells, part: _Block, whole: _Block) -> bool:
    """Whether a control of the part stands on every plate of its drugs that has a control at all."""
    if wells.plates is None:
        return True
    plates = wells.plates
    drugged = {str(plate) for kind in (1, 2, 3) for plate in plates[part.wells[kind]]}
    return drugged & set(plates[whole.wells[0]].tolist()) <= set(plates[part.wells[0]].tolist())


def _weights(blocks: Sequence[_Block], wells: Wells, used: NDArray[np.intp]) -> tuple[NDArray[np.float64], list[str]]:
    """Weights (4, blocks, n), and what plates make doubtful."""
    weights = np.zeros((len(KINDS), len(blocks), len(wells.kinds)))
    orphans: set[str] = set()
    apart: set[str] = set()
    for number, block in enumerate(blocks):
        for kind in (1, 2, 3):
            for well in block.wells[kind]:
                weights[kind, number, well] += 1.0 / len(block.wells[kind])
        if wells.plates is None:
            weights[0, number, block.wells[0]] = 1.0 / len(block.wells[0])
            continue
        controls = {kind: _control_of(block, kind, wells.plates) for kind in (1, 2, 3)}
        weights[0, number] = controls[3][0]  # the control beside A+B
        for kind in (1, 2):
            weights[kind, number] += controls[3][0] - controls[kind][0]
        orphans |= {plate for _, missing in controls.values() for plate in missing}
        if len({frozenset(wells.plates[block.wells[kind]].tolist()) for kind in (1, 2, 3)}) > 1:
            apart.add(block.name)
    return weights[:, :, used], _plate_doubts(orphans, apart)


def _control_of(block: _Block, kind: int, plates: NDArray[np.object_]) -> tuple[NDArray[np.float64], set[str]]:
    """Weights of the controls that stand beside the wells of a drug, and its plates that hold none."""
    found, missing = np.zeros(len(plates)), set()
    controls = block.wells[0]
    for well in block.wells[kind]:
        beside = controls[plates[controls] == plates[well]]
        if not len(beside):
            missing.add(str(plates[well]))
            beside = controls
        found[beside] += 1.0 / (len(beside) * len(block.wells[kind]))
    return found, missing


def _plate_doubts(orphans: set[str], apart: set[str]) -> list[str]:
    said = []
    if apart:
        said.append(
            "A, B and A+B stand on different plates: each is compared with the control of its own plate. What plates "
            "do to a drug beyond what they do to its control cannot be told from an interaction."
        )
    if orphans:
        said.append(
            f"{listed(sorted(orphans))} {'holds' if len(orphans) == 1 else 'hold'} no control: the controls of other "
            "plates stand in, and differences between plates are part of the interaction that is measured."
        )
    return said


def _require_blocks(blocks: Sequence[_Block], wells: Wells, columns: Columns) -> None:
    if not blocks:
        per = columns.replicate if wells.replicates is not None else columns.by
        unit = "samples" if per is None else f"values of {per}"
        what = f"Expected control, A, B and A+B together among the {unit}, found none that has all four."
        raise CohortError(Problem("interaction", what, "Leave out the column that keeps them apart, or add the wells."))
    if len(blocks) == 1:
        counts = [int((wells.kinds == kind).sum()) for kind in range(len(KINDS))]
        shown = ", ".join(f"{count} of {value}" for count, value in zip(counts, columns.conditions, strict=True))
        what = f"Expected two independent replicates of control, A, B and A+B or more, found one ({shown})."
        fix = "Add replicates: from one well of a kind nobody can tell an interaction from the scatter of wells."
        raise CohortError(Problem("interaction", what, fix))


def _left_out(wells: Wells, used: NDArray[np.intp], columns: Columns) -> list[str]:
    missing = [name for name in dict.fromkeys(wells.lines.tolist()) if name not in set(wells.lines[used].tolist())]
    if not missing:
        return []
    return [f"{listed(missing)} of {columns.by} lack one of the four conditions and are left out."]


def _line_words(line: str) -> str:
    return "" if line == ONE_LINE else f"{line}: "
