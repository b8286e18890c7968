"""The basis of the transportation simplex: a spanning tree with integer flows, and the pivot that changes it.

Nodes are numbered: reference points 0 .. m-1, the root m, cells m+1 .. m+n. A real arc leads from a reference point to
a cell. An artificial arc leads from a reference point to the root (mass the point has not given away yet: `upward`) or
from the root to a reference point (mass it has promised beyond its own). Every node but the root has one arc, to its
parent; `flow` and `cost` of that arc are kept at the node.

Few of the many cells are split between reference points. A cell that is not is a leaf: it has a parent, but stands in
no list of children, and its potential follows from its parent's. Pivots among leaves thus touch no list at all, and the
tree that is walked has about 2 m nodes, not m + n.

The basis stays strongly feasible: an arc without flow points towards the root. The leaving arc is the last blocking one
met when the cycle is walked from its apex in the direction of the entering arc, which keeps it so and excludes
cycling.

Source: Cunningham 1976, A network simplex method, Math. Programming 11; Ahuja, Magnanti and Orlin 1993, Network Flows,
sections 11.5 and 11.6. We differ in that leaves are implicit.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_NONE = -1
_UNBOUNDED = np.int64(1) << 62

# What is kept of a node, side by side in memory, as a pivot needs all of it.
NODE = np.dtype(
    [
        ("flow", np.int64),  # units of mass on the arc to the parent
        ("cost", np.float64),  # of one unit on that arc
        ("potential", np.float64),  # dual potential of a reference point; zero at the root, unused for cells
        ("parent", np.int32),
        ("first", np.int32),  # children are a doubly linked list; leaves that are cells stand in none
        ("following", np.int32),
        ("previous", np.int32),
        ("depth", np.int32),  # arcs up to the root; of a cell only valid while it has children
        ("upward", np.int32),  # whether an artificial arc leads to the root
    ]
)


def empty_tree(m: int, n: int) -> NDArray[np.void]:
    """Return room for the nodes of m reference points, the root and n cells, (m + 1 + n,) of type `NODE`."""
    nodes = np.zeros(m + 1 + n, NODE)
    for name in ("parent", "first", "following", "previous"):
        nodes[name] = _NONE
    return nodes


@njit(cache=True, nogil=True)
def plant(nodes, a, b, owner, owner_cost, start, slack):
    """Make the first basis: each cell under its owner, what is over or missing on artificial arcs.

    Parameters
    ----------
    nodes
        Room for the tree; filled in.
    a, b
        Integer masses of the reference points, (m,), and of the cells, (n,); equal sums.
    owner, owner_cost
        The reference point each cell is given to, (n,), and the cost of that arc.
    start
        Potentials to start from, (m,).
    slack
        How far a potential may move from its start before artificial flow is cheaper.
    """
    m, n = len(a), len(b)
    given = np.zeros(m, np.int64)
    for k in range(n):
        node = m + 1 + k
        nodes[node].parent = owner[k]
        nodes[node].flow = b[k]
        nodes[node].cost = owner_cost[k]
        given[owner[k]] += b[k]
    for i in range(m):
        nodes[i].parent = m
        nodes[i].depth = 1
        over = a[i] - given[i]
        nodes[i].upward = over >= 0  # an arc without flow points to the root: strongly feasible
        nodes[i].flow = abs(over)
        sign = 1.0 if nodes[i].upward else -1.0
        nodes[i].potential = start[i] + sign * slack
        nodes[i].cost = sign * nodes[i].potential
        _link(nodes, m, i)


@njit(cache=True, nogil=True)
def pivot_on(nodes, stack, m, arcs, costs, cells, tolerance, look, most, state):
    """Pivot until no candidate arc of the cells has a negative reduced cost, or `most` pivots are done.

    Parameters
    ----------
    nodes, stack
        The tree, and room for walking it, (2 m + 8,).
    m
        How many reference points.
    arcs, costs
        Candidate arcs of every cell as reference points, (n, K), and their costs.
    cells
        The cells to look at, in a circle.
    tolerance
        A reduced cost above minus this counts as zero.
    look
        The best arc of this many cells enters.
    most
        How many pivots at the most.
    state
        Where in the circle to go on, and how many cells were looked at since the last pivot, (2,); written back.

    Returns
    -------
        How many pivots were done.
    """
    position, looked = state
    size = len(cells)
    for done in range(most):
        lowest, best_cell, best_arc, seen = -tolerance, -1, -1, 0
        while looked < size + look and not (seen >= look and best_cell >= 0):
            k = cells[position]
            g = cell_potential(nodes, m + 1 + k)
            for c in range(arcs.shape[1]):
                reduced = costs[k, c] - nodes[arcs[k, c]].potential - g
                if reduced < lowest:
                    lowest, best_cell, best_arc = reduced, k, c
            position = position + 1 if position + 1 < size else 0
            looked += 1
            seen += 1
        if best_cell < 0:
            state[:] = position, looked
            return done
        _pivot(nodes, stack, m, arcs[best_cell, best_arc], best_cell, costs[best_cell, best_arc])
        looked = 0
    state[:] = position, looked
    return most


@njit(cache=True, nogil=True)
def _pivot(nodes, stack, m, i, k, arc_cost):
    """Let the arc from reference point i to cell k enter the basis; its reduced cost is negative."""
    cell = m + 1 + k
    reduced = arc_cost - nodes[i].potential - cell_potential(nodes, cell)
    apex, blocking, amount, below_i = _leaving_arc(nodes, m, i, cell)
    if amount > 0:
        _push(nodes, m, i, apex, amount, 1)
        _push(nodes, m, cell, apex, amount, -1)
    if blocking == cell and nodes[cell].first == _NONE:  # a leaf changes its parent
        nodes[cell].parent = i
        nodes[cell].flow = amount
        nodes[cell].cost = arc_cost
        return
    if below_i:
        _rehang(nodes, m, i, cell, blocking, amount, arc_cost)
        _settle(nodes, stack, m, i, reduced)
    else:
        _rehang(nodes, m, cell, i, blocking, amount, arc_cost)
        _settle(nodes, stack, m, cell, -reduced)


@njit(cache=True, nogil=True)
def cell_potential(nodes, cell):
    """Return the dual potential of a cell: the arc to its parent has no reduced cost."""
    return nodes[cell].cost - nodes[nodes[cell].parent].potential


@njit(cache=True, nogil=True)
def raise_slack(nodes, stack, m, amount):
    """Make artificial arcs dearer by `amount` and move the potentials of what hangs on them."""
    child = nodes[m].first
    while child != _NONE:
        nodes[child].cost += amount
        change = amount if nodes[child].upward else -amount
        nodes[child].potential += change
        _settle_below(nodes, stack, m, child, change)
        child = nodes[child].following


@njit(cache=True, nogil=True)
def artificial_flow(nodes, m):
    """Return how many units still run over artificial arcs."""
    total = np.int64(0)
    child = nodes[m].first
    while child != _NONE:
        total += nodes[child].flow
        child = nodes[child].following
    return total


@njit(cache=True, nogil=True)
def refresh_potentials(nodes, stack, m):
    """Compute all potentials anew from the costs of the tree: thousands of small changes leave round-off behind."""
    stack[0] = m
    height = 1
    while height > 0:
        height -= 1
        node = stack[height]
        child = nodes[node].first
        while child != _NONE:
            if node == m:
                nodes[child].potential = nodes[child].cost if nodes[child].upward else -nodes[child].cost
            elif child < m:
                nodes[child].potential = nodes[child].cost - cell_potential(nodes, node)
            if nodes[child].first != _NONE:
                stack[height] = child
                height += 1
            child = nodes[child].following


@njit(cache=True, nogil=True)
def _link(nodes, parent, child):
    head = nodes[parent].first
    nodes[child].following = head
    nodes[child].previous = _NONE
    if head != _NONE:
        nodes[head].previous = child
    nodes[parent].first = child


@njit(cache=True, nogil=True)
def _unlink(nodes, parent, child):
    before, after = nodes[child].previous, nodes[child].following
    if before != _NONE:
        nodes[before].following = after
    else:
        nodes[parent].first = after
    if after != _NONE:
        nodes[after].previous = before


@njit(cache=True, nogil=True)
def _leads_down(nodes, m, node):
    """Whether the arc of a node leads from its parent to it."""
    if node > m:
        return True
    return nodes[node].parent == m and not nodes[node].upward


@njit(cache=True, nogil=True)
def _leaving_arc(nodes, m, i, cell):
    """Walk both ends of the entering arc up to where they meet.

    Returns
    -------
        The apex; the node whose arc blocks first; how many units may run round the cycle; and whether that node is on
        the side of reference point i. The cycle runs from i along the entering arc to the cell, up to the apex and
        down again to i: arcs that lead down lose flow on the cell's side, arcs that lead up on the side of i.
    """
    u, v = np.int32(i), np.int32(cell)
    du, dv = nodes[u].depth, nodes[nodes[v].parent].depth + 1
    least_u, least_v = _UNBOUNDED, _UNBOUNDED
    out_u, out_v = np.int32(_NONE), np.int32(_NONE)
    while u != v:
        if du >= dv:
            # On the side of i the walk upwards runs against the cycle: the first of equals is the last on the cycle.
            if not _leads_down(nodes, m, u) and nodes[u].flow < least_u:
                least_u, out_u = nodes[u].flow, u
            u = nodes[u].parent
            du -= 1
        else:
            if _leads_down(nodes, m, v) and nodes[v].flow <= least_v:
                least_v, out_v = nodes[v].flow, v
            v = nodes[v].parent
            dv -= 1
    if least_v <= least_u:
        return u, out_v, least_v, False
    return u, out_u, least_u, True


@njit(cache=True, nogil=True)
def _push(nodes, m, node, apex, amount, down):
    """Add `down` times `amount` to arcs that lead down on the way up to the apex, and take it from the others."""
    while node != apex:
        if _leads_down(nodes, m, node):
            nodes[node].flow += down * amount
        else:
            nodes[node].flow -= down * amount
        node = nodes[node].parent


@njit(cache=True, nogil=True)
def _rehang(nodes, m, inner, outer, cut, amount, arc_cost):
    """Cut the arc of `cut` and hang what was below it, turned over so that `inner` is on top, under `outer`."""
    old = nodes[cut].parent
    was_leaf = inner > m and nodes[inner].first == _NONE
    if not (cut == inner and was_leaf):
        _unlink(nodes, old, cut)
    if old > m and nodes[old].first == _NONE:  # the cell lost its last child: from now on a leaf
        _unlink(nodes, nodes[old].parent, old)
    if outer > m and nodes[outer].first == _NONE:  # the leaf gets a child
        _link(nodes, nodes[outer].parent, outer)
        nodes[outer].depth = nodes[nodes[outer].parent].depth + 1
    node, parent, flow, cost = inner, outer, amount, arc_cost
    while True:
        above, above_flow, above_cost = nodes[node].parent, nodes[node].flow, nodes[node].cost
        last = node == cut
        if not last and not (node == inner and was_leaf):
            _unlink(nodes, above, node)
        nodes[node].parent = parent
        nodes[node].flow = flow
        nodes[node].cost = cost
        if not last or node < m or nodes[node].first != _NONE:
            _link(nodes, parent, node)
        if last:
            break
        node, parent, flow, cost = above, node, above_flow, above_cost


@njit(cache=True, nogil=True)
def _settle(nodes, stack, m, top, change):
    """Give a subtree that was hung elsewhere its depths and potentials."""
    nodes[top].depth = nodes[nodes[top].parent].depth + 1
    if top < m:
        nodes[top].potential += change
    _settle_below(nodes, stack, m, top, change)


@njit(cache=True, nogil=True)
def _settle_below(nodes, stack, m, top, change):
    stack[0] = top
    height = 1
    while height > 0:
        height -= 1
        node = stack[height]
        below = nodes[node].depth + 1
        child = nodes[node].first
        while child != _NONE:
            nodes[child].depth = below
            if child < m:
                nodes[child].potential += change
            if nodes[child].first != _NONE:
                stack[height] = child
                height += 1
            child = nodes[child].following
