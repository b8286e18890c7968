"""The exact transportation simplex for few reference points and many cells, with the proof at its end.

1. Masses become integers, so that flows are exact.
2. Potentials near the optimum, and a few candidate arcs for every cell, are found on smoothed duals (`smoothing`).
3. Every cell is given to the best of its candidates. What a reference point then has over or lacks runs over an
   artificial arc; potentials may move by `slack` from their start before that is cheaper than real arcs (`tree.plant`).
4. Pivots on candidate arcs until none pays (`tree.pivot_on`); `slack` grows while mass runs over artificial arcs.
5. All arcs are priced in float32, a block of cells at a time. Cells get new candidates, and where one of them pays they
   are pivoted on at once. This is repeated until a pass finds nothing (`pricing`). After the first pass few cells
   are priced at all: potentials have moved by less than it takes for an arc that is no candidate to pay (`Bounds`).
6. The same in float64, now for every arc. A pass that finds nothing is the certificate: the potentials are feasible
   for the whole problem and tight on the plan.

Source: transportation simplex, Dantzig 1951; strongly feasible bases are explained in `tree`, column generation in
`pricing`.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lotviz.transport.progress import stop_if
from lotviz.transport.simplex.pricing import BLOCK, Priced, arc_costs, lay_out, may_pay, renew, select
from lotviz.transport.simplex.smoothing import CANDIDATES, Start, carried_over, coarser, starting_point
from lotviz.transport.simplex.tree import artificial_flow, empty_tree, pivot_on, plant, raise_slack, refresh_potentials

_FEW = 16  # so few reference points or cells need no coarser level
_UNITS = 1 << 61  # sums of twice as many still fit
_TOLERANCE = 1e-13  # of reduced costs, relative to the mean cost of a cell's best arc
_ROUND_OFF = 1e-15  # of scores in float64, relative to |x|² + |y|²
_NOISE = 4e-7  # of scores in float32, relative to |x|² + |y|²: a little more than was ever measured
_SLACK = 0.1  # at first, in spacings of the candidates
_LEAST_SLACK = 1e-30  # where all costs are equal
_RAISE = 4.0
_PARTS = 4  # one block in so many, each time others, tells which arcs a higher slack needs
_LOOK = 24  # the best arc among so many cells enters
_LOOK_AT_RENEWED = 2
_PIVOTS_AT_ONCE = 20_000  # between two looks at the cancel button
_PASSES = 1000
_ALL = 1e38  # no score is above it


class NoOptimumError(RuntimeError):
    """The simplex gave up before it reached a proven optimum."""


@dataclass(frozen=True, eq=False)
class Optimum:
    """An optimal plan and the potentials that prove it.

    Attributes
    ----------
    rows, columns, masses
        Reference point, cell and mass of each entry of the plan, (entries,), at most m + n.
    f, g
        Dual feasible potentials of the reference points, (m,), and of the cells, (n,).
    pivots, passes
        How many pivots and how many looks at all arcs it took.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    masses: NDArray[np.float64]
    f: NDArray[np.float64]
    g: NDArray[np.float64]
    pivots: int
    passes: int


def optimum(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    *,
    cancel: threading.Event | None = None,
) -> Optimum:
    """Solve a transportation problem with squared Euclidean costs.

    Parameters
    ----------
    x, y
        Reference points, (m, d), and cells, (n, d), centred and of order one; the cells in canonical order. Of a
        sample with fewer cells than reference points the sides are exchanged.
    a, b
        Positive masses, (m,) and (n,), each summing to one.
    cancel
        Set it to stop; looked at at least every 20,000 pivots and 256 priced cells.

    Raises
    ------
    NoOptimumError
        No optimum after a thousand looks at all arcs.
    Cancelled
        `cancel` was set.
    """
    stop_if(cancel)
    if len(x) > len(y):  # the tree spans the side with fewer points
        other = optimum(y, x, b, a, cancel=cancel)
        return replace(other, rows=other.columns, columns=other.rows, f=other.g, g=other.f)
    # A matrix product was seen to flag an invalid value, now and then, where input and result were finite. The input is
    # checked at the door, and the certificate proves the result.
    with np.errstate(invalid="ignore", over="ignore"):
        simplex, rough = _settled(x, y, a, b, cancel=cancel)
        simplex.price_until_clean(rough, _NOISE)
        simplex.price_until_clean(lay_out(x, y, np.float64, candidates=CANDIDATES), 0.0)
    return simplex.result()


def _settled(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    *,
    cancel: threading.Event | None,
) -> tuple[_Simplex, Priced]:
    """Solve with a few arcs of each cell, starting from what was found so for a quarter of the points and cells."""
    potentials = np.zeros(len(x))
    if min(len(x), len(y)) > _FEW:
        coarse = coarser(x, y, a, b, cancel=cancel)
        solved, _ = _settled(coarse.x, coarse.y, coarse.a, coarse.b, cancel=cancel)
        potentials = carried_over(coarse, solved.potentials, x, cancel=cancel)
    rough = lay_out(x, y, np.float32, candidates=CANDIDATES)
    start = starting_point(rough, a, b, potentials=potentials, cancel=cancel)
    simplex = _Simplex(x, y, integer_masses(a, b), start, cancel)
    simplex.settle(rough)
    return simplex, rough


@dataclass(frozen=True, eq=False)
class IntegerMasses:
    """Masses in whole units: (m,) and (n,) with the same sum, and how much mass a unit is."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    unit: float


def integer_masses(a: NDArray[np.float64], b: NDArray[np.float64]) -> IntegerMasses:
    """Express masses in units: equal masses exactly, others to the last of their own digits, none as nothing."""
    m, n = len(a), len(b)
    equal_points, equal_cells = (a == a[0]).all(), (b == b[0]).all()
    if equal_points and equal_cells:
        common = int(np.gcd(m, n))
        return IntegerMasses(np.full(m, n // common), np.full(n, m // common), common / (m * n))
    total = _UNITS // n * n
    units = np.full(n, total // n) if equal_cells else _in_units(b, total)
    return IntegerMasses(_in_units(a, total), units, 1.0 / total)


def _in_units(masses: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    units = np.maximum(np.rint(masses * total), 1).astype(np.int64)
    units[np.argmax(units)] += total - int(units.sum())  # round-off goes where it is least
    return units


@dataclass(frozen=True, eq=False)
class Bounds:
    """How low the scores of arcs can be that are not candidates, so that most cells need not be priced again.

    Attributes
    ----------
    floors
        No arc of a cell but its candidates has a lower score, (n,), up to the noise it was priced with.
    at
        The potentials for which that holds, for each block of cells, (blocks, m).
    """

    floors: NDArray[np.float64]
    at: NDArray[np.float64]

    @classmethod
    def unknown(cls, m: int, n: int) -> Bounds:
        """Return bounds that hold always."""
        return cls(np.full(n, -_ALL), np.zeros((-(-n // BLOCK), m)))


def _room(width: int, dtype: DTypeLike) -> tuple[NDArray[Any], ...]:
    """Return room for what is found about a block: cells, their potentials, limits, lowest scores, arcs, ..."""
    numbers = [np.empty(BLOCK) for _ in range(4)]
    arcs, scores = np.empty((BLOCK, width), np.int32), np.empty((BLOCK, width), dtype)
    return np.empty(BLOCK, np.int64), *numbers[:3], arcs, scores, numbers[3]


class _Simplex:
    """The state of one run: a tree, candidate arcs and how far potentials may move."""

    def __init__(
        self,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        masses: IntegerMasses,
        start: Start,
        cancel: threading.Event | None,
    ) -> None:
        self.x, self.y, self.masses, self.cancel = x, y, masses, cancel
        self.m, self.n = len(x), len(y)
        self.square = np.square(y).sum(axis=1)
        self.extent = float(np.square(x).sum(axis=1).max() + self.square.max())
        self.lowest = np.zeros(self.n)  # least score of every cell when last priced
        self.pivots = self.passes = 0
        self.every = np.arange(self.n)
        self.arcs, self.costs = start.arcs, np.empty(start.arcs.shape)
        arc_costs(x, y, self.every, self.arcs, self.costs)
        self.tolerance = _TOLERANCE * float(self.costs[:, 0].mean()) + _ROUND_OFF * self.extent
        self.slack = max(_SLACK * start.spacing + self.tolerance, _LEAST_SLACK)
        self.nodes, self.stack = empty_tree(self.m, self.n), np.empty(2 * self.m + 8, np.int32)
        best = np.argmin(self.costs - start.potentials[self.arcs], axis=1)
        owner, cost = self.arcs[self.every, best], self.costs[self.every, best]
        plant(self.nodes, masses.a, masses.b, owner, cost, start.potentials, self.slack)

    @property
    def potentials(self) -> NDArray[np.float64]:
        """Dual potentials of the reference points, (m,)."""
        return self.nodes["potential"][: self.m].copy()

    def settle(self, priced: Priced) -> None:
        """Pivot on the first candidates, and raise the slack until all mass runs over real arcs.

        A group of cells that has to give mass to one far away needs arcs that are no candidates, and potentials that
        are far from their start. Which, a part of the cells tells: all are priced later.
        """
        bounds = Bounds.unknown(self.m, self.n)
        parts, attempt = min(_PARTS, -(-self.n // BLOCK)), 0
        self._pivot_on(self.every)
        while self._artificial() > 0 and self.slack < self.extent:
            self._raise_slack()
            if self._price(priced, bounds, _NOISE, part=(attempt % parts, parts)):
                self._pivot_on(self.every)
            attempt += 1

    def price_until_clean(self, priced: Priced, noise: float) -> None:
        """Price all arcs and pivot, until no arc pays by more than the noise and no mass runs over artificial arcs."""
        bounds = Bounds.unknown(self.m, self.n)
        while True:
            self.passes += 1
            if self.passes > _PASSES:
                raise NoOptimumError(f"no optimum after {_PASSES} looks at all arcs")
            refresh_potentials(self.nodes, self.stack, self.m)
            paying = self._price(priced, bounds, noise)
            if paying:
                self._pivot_on(self.every)
            elif self._artificial() > 0:
                self._raise_slack()
            else:
                return

    def result(self) -> Optimum:
        """Read the plan off the tree."""
        parent, flow = self.nodes["parent"], self.nodes["flow"]
        above, cells = parent[: self.m], slice(self.m + 1, None)
        split = np.flatnonzero(above > self.m)  # reference points that hang on a cell
        rows = np.concatenate([parent[cells], split])
        columns = np.concatenate([self.every, above[split] - self.m - 1])
        units = np.concatenate([flow[cells], flow[split]])
        used = units > 0
        g = np.minimum(self.lowest + self.square, self._cell_potentials(slice(0, self.n)))
        masses = units[used] * self.masses.unit
        return Optimum(rows[used], columns[used], masses, self.potentials, g, self.pivots, self.passes)

    def _price(self, priced: Priced, bounds: Bounds, noise: float, *, part: tuple[int, int] = (0, 1)) -> int:
        """Look at all arcs that may pay, block by block; return how many cells have one that does."""
        room = _room(self.arcs.shape[1], priced.scores.dtype)
        potentials, count = self.nodes["potential"][: self.m], 0
        errors = (self.square, self.extent, noise, self.tolerance)
        first, step = part
        for begin in range(BLOCK * first, self.n, BLOCK * step):
            stop_if(self.cancel)
            end = min(begin + BLOCK, self.n)
            known = (bounds.floors, bounds.at[begin // BLOCK])
            size = may_pay(self.nodes, self.m, begin, end, *known, *errors, *room[:3])
            if not size:
                continue
            cells, own, limits, lowest, found, values, floors = (each[:size] for each in room)
            priced.set_potentials(potentials)
            scores = priced.score(begin, end) if size == end - begin else priced.score_of(cells)
            select(scores, priced.stripes, limits, lowest, found, values, floors)
            self.lowest[cells] = lowest
            if noise:  # the certificate looks at every arc in its last pass
                bounds.floors[cells] = floors
            paying = renew(self.x, self.y, potentials, own, self.tolerance, cells, found, self.arcs, self.costs)
            if len(paying):
                count += len(paying)
                self._pivot_on(paying, _LOOK_AT_RENEWED)
        return count

    def _pivot_on(self, cells: NDArray[np.int64], look: int = _LOOK) -> None:
        state = np.zeros(2, np.int64)
        done = _PIVOTS_AT_ONCE if len(cells) else 0
        while done == _PIVOTS_AT_ONCE:
            stop_if(self.cancel)
            tree, candidates = (self.nodes, self.stack, self.m), (self.arcs, self.costs, cells)
            done = pivot_on(*tree, *candidates, self.tolerance, look, _PIVOTS_AT_ONCE, state)
            self.pivots += done

    def _raise_slack(self) -> None:
        raise_slack(self.nodes, self.stack, self.m, self.slack * (_RAISE - 1))
        self.slack *= _RAISE
        self._pivot_on(self.every)

    def _artificial(self) -> int:
        return int(artificial_flow(self.nodes, self.m))

    def _cell_potentials(self, cells: slice) -> NDArray[np.float64]:
        """Return what makes the arc of each of some cells to its parent tight, (cells,)."""
        nodes = self.nodes[self.m + 1 :][cells]
        return nodes["cost"] - self.nodes["potential"][nodes["parent"]]
