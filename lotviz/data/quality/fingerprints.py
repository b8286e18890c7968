"""Which samples hold the same cells: a short fingerprint of each, so that no two need to be in memory at once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from lotviz.data.problems import Problem, listed

KEPT_HASHES = 512  # of each sample: an overlap of a tenth then shows in about 50 of them
MANY_SHARED = 0.05  # of the cells of the smaller sample
_FEWEST_SHARED = 5
_COMMON = 8  # samples; a row in more of them, such as all zeros, is no cell anybody could recognise
_ROWS_AT_ONCE = 65_536
_FEW_MARKERS = 3  # whole numbers of two markers agree by chance
_DISTINCT = 0.5  # of the cells; where fewer differ, values are too coarse to recognise a cell
_FEW_PAIRS = 10
_EVERY = 10**9

Hashes = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """What is kept of a sample to recognise its cells elsewhere.

    Parameters
    ----------
    in_order, any_order
        Equal for two samples only if they hold the same cells: in the same order, in any order.
    lowest
        The lowest hashes of its different cells, ascending, at most `KEPT_HASHES`: the same rule for every sample, so
        that cells two samples share are kept of both (bottom-k sketch, Broder 1997).
    complete
        Whether `lowest` holds the hash of every cell.
    distinct
        Share of the cells looked at that differ from each other.
    """

    in_order: str
    any_order: int
    lowest: Hashes
    complete: bool
    distinct: float


def fingerprint(raw: NDArray[np.float32]) -> Fingerprint:
    """Return the fingerprint of a sample, (n, d) with n > 0."""
    hashes = _row_hashes(np.ascontiguousarray(raw, dtype=np.float32))
    some = np.partition(hashes, 2 * KEPT_HASHES)[: 2 * KEPT_HASHES] if len(hashes) > 2 * KEPT_HASHES else hashes
    lowest = np.unique(some)
    return Fingerprint(
        in_order=hashlib.blake2b(hashes.tobytes(), digest_size=16).hexdigest(),
        any_order=int(np.add.reduce(hashes)),
        lowest=lowest[:KEPT_HASHES],
        complete=len(some) == len(hashes) and len(lowest) <= KEPT_HASHES,
        distinct=len(lowest) / len(some),
    )


@lru_cache(maxsize=8)
def _factors(n_markers: int) -> Hashes:
    """Odd numbers, one for each marker, the same for every sample."""
    drawn = np.random.default_rng(0).integers(0, 2**63, n_markers, dtype=np.uint64)
    return drawn * np.uint64(2) + np.uint64(1)


def _row_hashes(raw: NDArray[np.float32]) -> Hashes:
    """One number for each cell, (n, d) -> (n,): equal bits, equal number; others agree about once in 2^64."""
    factors = _factors(raw.shape[1])
    hashes = np.empty(len(raw), dtype=np.uint64)
    for start in range(0, len(raw), _ROWS_AT_ONCE):
        bits = raw[start : start + _ROWS_AT_ONCE].view(np.uint32).astype(np.uint64)
        hashes[start : start + _ROWS_AT_ONCE] = bits @ factors
    # The sum over markers is linear; without mixing, the sum over cells would only know the sums of the markers.
    for shift, factor in ((33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53), (33, 1)):
        hashes ^= hashes >> np.uint64(shift)
        hashes *= np.uint64(factor)
    return hashes


def copied(found: Mapping[str, Fingerprint], *, n_markers: int, where: str) -> list[Problem]:
    """Return the problem of samples with the same cells, and that of samples that share many."""
    same = _same(found)
    first = {name: group[0] for group, _ in same for name in group}
    others = {
        name: mark for name, mark in found.items() if first.get(name, name) == name and mark.distinct >= _DISTINCT
    }
    return [*_same_cells(same, where), *(_shared_cells(others, where) if n_markers >= _FEW_MARKERS else ())]


def _same(found: Mapping[str, Fingerprint]) -> list[tuple[list[str], bool]]:
    """Group samples with the same cells, and say whether also in the same order."""
    groups: dict[int, list[str]] = {}
    for name, mark in found.items():
        groups.setdefault(mark.any_order, []).append(name)
    return [(names, len({found[name].in_order for name in names}) == 1) for names in groups.values() if len(names) > 1]


def _same_cells(same: Sequence[tuple[list[str], bool]], where: str) -> list[Problem]:
    if not same:
        return []
    parts = [
        f"The samples {listed(names, _EVERY)} have exactly the same cells{'' if in_order else ', in another order'}."
        for names, in_order in same
    ]
    fix = "Keep one of them: copies make every comparison look surer than it is."
    names = tuple(name for group, _ in same for name in group)
    return [Problem(where, " ".join(parts), fix, "warning", names)]


def _shared_cells(found: Mapping[str, Fingerprint], where: str) -> list[Problem]:
    pairs = [(a, b, share) for a, b in _suspects(found) if (share := _share(found[a], found[b])) >= MANY_SHARED]
    n_pairs = len(found) * (len(found) - 1) / 2
    if not pairs or (n_pairs > _FEW_PAIRS and len(pairs) > n_pairs / 2):
        return []  # coarse values: everybody seems to share with everybody
    pairs.sort(key=lambda pair: -pair[2])
    text = listed((f"{a} and {b} (about {share:.0%} of the smaller)" for a, b, share in pairs), _EVERY)
    what = f"Expected every cell in one sample, found cells that two samples share: {text}."
    fix = "Check whether one file was made from the other, or whether both hold a common control; keep one of them."
    names = tuple(dict.fromkeys(name for a, b, _ in pairs for name in (a, b)))
    return [Problem(where, what, fix, "warning", names)]


def _suspects(found: Mapping[str, Fingerprint]) -> list[tuple[str, str]]:
    """Pairs of samples with several kept hashes in common, found by sorting instead of trying all pairs."""
    names = list(found)
    if len(names) < 2:
        return []
    hashes = np.concatenate([found[name].lowest for name in names])
    owners = np.repeat(np.arange(len(names)), [len(found[name].lowest) for name in names])
    order = np.argsort(hashes, kind="stable")
    hashes, owners = hashes[order], owners[order]
    starts = np.flatnonzero(np.r_[True, hashes[1:] != hashes[:-1]])
    counts: Counter[tuple[int, int]] = Counter()
    # Almost every hash stands alone: only those of two samples or more are looked at.
    sizes = np.diff(np.r_[starts, len(hashes)])
    for start, size in zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
        if size <= _COMMON:
            counts.update(combinations(owners[start : start + size].tolist(), 2))
    return [(names[a], names[b]) for (a, b), count in counts.items() if count >= _FEWEST_SHARED]


def _share(a: Fingerprint, b: Fingerprint) -> float:
    """Estimate the share of the cells of the sample with fewer that are in the other, too."""
    reach = min([int(mark.lowest[-1]) for mark in (a, b) if not mark.complete], default=2**64 - 1)
    first, second = (mark.lowest[mark.lowest <= np.uint64(reach)] for mark in (a, b))
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / max(min(len(first), len(second)), 1) if shared >= _FEWEST_SHARED else 0.0
