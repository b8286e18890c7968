"""How fast and how exact one transport problem is solved, beside the loop one would write with POT.

`python tests/benchmark/transport.py` prints the tables and keeps them, with the figures as JSON, in the folder
`tests/benchmark/out`; `--readme` also writes them into README.md; `--quick` takes small sizes, to see that it works.

Both solve the same problems alternately, in one run, on one thread, and both to the optimum. What is compiled on first
use is compiled before. The ratio is the median over clouds of the ratio for each cloud. The large problems are solved
in fresh processes; the memory is what the solve took beyond the data.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from measure import (
    by_turns,
    in_fresh_process,
    markdown,
    one_thread,
    pot_loop,
    rounded,
    saved,
    versions,
    with_peak,
    write_between,
)
from mixture import mixture, patient, reference

from lotviz.transport import solve

# (m, n, d), clouds, times each
SIDE_BY_SIDE = [((200, 2000, 30), 5, 5), ((1000, 10_000, 30), 3, 1), ((2000, 20_000, 30), 1, 1)]
ALONE = [(5000, 50_000, 30), (256, 1_000_000, 30)]
QUICK_SIDE_BY_SIDE = [((50, 500, 5), 3, 2), ((100, 1000, 10), 2, 1)]
QUICK_ALONE = [(100, 2000, 10)]


def beside_pot(size: tuple[int, int, int], clouds: int, repeats: int, *, equal: bool) -> dict:
    """Solve some clouds with both, alternately."""
    m, n, d = size
    shared = mixture(d)
    x, a = reference(shared, m, equal=equal)
    b = np.full(n, 1 / n)
    found = [compared(x, a, patient(shared, n, seed=k)[0], b, repeats) for k in range(clouds)]
    figures = {name: float(np.median([one[name] for one in found])) for name in ("lotviz_s", "pot_s", "ratio")}
    worst = {name: max(one[name] for one in found) for name in ("cost_error", "map_error")}
    masses = "equal" if equal else "k-means"
    return {"m": m, "n": n, "d": d, "masses": masses, "clouds": clouds} | figures | worst


def compared(x: np.ndarray, a: np.ndarray, y: np.ndarray, b: np.ndarray, repeats: int) -> dict[str, float]:
    works = {"lotviz": lambda: solve(x, y, a, b), "pot": lambda: pot_loop(x, a, y, b)}
    seconds, made = by_turns(works, repeats)
    coupling, (plan, maps) = made["lotviz"], made["pot"]
    row, column = np.nonzero(plan)
    cost = float(plan[row, column] @ np.square(x[row] - y[column]).sum(axis=1))
    return {
        "lotviz_s": seconds["lotviz"],
        "pot_s": seconds["pot"],
        "ratio": seconds["pot"] / seconds["lotviz"],
        "cost_error": abs(coupling.cost - cost) / cost,
        "map_error": float(np.abs(coupling.maps - maps).max() / np.sqrt(y.var(axis=0).mean())),
    }


def alone(m: int, n: int, d: int) -> dict:
    """Solve one problem; its peak memory is that of this process."""
    shared = mixture(d)
    (x, a), (y, _) = reference(shared, m, equal=False), patient(shared, n, seed=0)
    solve(x[:20], y[:4000])  # compiles
    figures, coupling = with_peak(lambda: solve(x, y, a))
    return {"m": m, "n": n, "d": d} | figures | {"relative_gap": coupling.dual_gap / coupling.cost}


def side_by_side_table(rows: list[dict]) -> str:
    return markdown(
        [
            {
                "m × n × d": f"{row['m']} × {row['n']:,} × {row['d']}",
                "masses": row["masses"],
                "lotviz": f"{rounded(row['lotviz_s'])} s",
                "POT": f"{rounded(row['pot_s'])} s",
                "ratio": f"**{rounded(row['ratio'], 2)}**",
                "clouds": row["clouds"],
                "cost differs by": f"{row['cost_error']:.0e}",
                "maps differ by": f"{row['map_error']:.0e}",
            }
            for row in rows
        ]
    )


def alone_table(rows: list[dict]) -> str:
    return markdown(
        [
            {
                "m × n × d": f"{row['m']} × {row['n']:,} × {row['d']}",
                "lotviz": f"{rounded(row['seconds'])} s",
                "memory beyond the data": f"{row['added_mb']:,.0f} MB",
                "dense cost and plan would be": f"{16 * row['m'] * row['n'] / 2**20:,.0f} MB",
                "proven within": f"{row['relative_gap']:.0e} of the optimum",
            }
            for row in rows
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    parser.add_argument("--readme", action="store_true", help="write the tables into README.md")
    parser.add_argument(
        "--skip-large", action="store_true", help="leave the problems out that POT is not asked to solve"
    )
    parser.add_argument("--task", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    with one_thread():
        if chosen.task:
            print(json.dumps(alone(*json.loads(chosen.task)["size"])))
            return
        solve(*(np.random.default_rng(k).normal(size=(size, 3)) for k, size in enumerate((20, 5000))))  # compiles
        sizes = QUICK_SIDE_BY_SIDE if chosen.quick else SIDE_BY_SIDE
        compare = [beside_pot(*each, equal=equal) for each in sizes for equal in (True, False)]
    large = QUICK_ALONE if chosen.quick else ALONE
    lonely = [in_fresh_process(__file__, {"size": size}) for size in ([] if chosen.skip_large else large)]
    text = (
        f"{side_by_side_table(compare)}\n"
        "Seconds of one problem on one thread; POT is `ot.emd(a, b, ot.dist(x, y), numItermax=10**9)` and the product "
        "with the cells, run to its optimum. Ratio: POT over lotviz, median over clouds, in turns. Differences "
        f"of maps are the largest of any coordinate, in standard deviations of the cells. {versions()}.\n"
    )
    if lonely:
        text += f"\n{alone_table(lonely)}\nPOT was not run at these sizes.\n"
    saved("transport", {"side_by_side": compare, "alone": lonely, "versions": versions()}, text)
    if chosen.readme:
        write_between("transport benchmark", text)


if __name__ == "__main__":
    main()
