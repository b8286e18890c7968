"""A small cohort of counts whose answer is planted: some genes are higher in one group."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

GENES = 60
PLANTED = ("g3", "g17", "g41")
NAMES = tuple(f"g{number}" for number in range(GENES))


def write_counts(
    path: Path, *, samples: int = 8, cells: int = 60, seed: int = 0, genes: tuple[str, ...] = NAMES, prefix: str = "P"
) -> Path:
    """Write Poisson counts of two kinds of cells as h5ad; the planted genes are four times as high in the cases."""
    rng = np.random.default_rng(seed)
    kinds = np.random.default_rng(99).gamma(4.0, 5.0, (2, GENES))  # the same kinds of cells in every cohort
    raised = np.where(np.isin(NAMES, PLANTED), 4.0, 1.0)
    blocks, rows = [], []
    for number in range(samples):
        case = number % 2 == 1
        rates = kinds[rng.integers(0, 2, cells)] * (raised if case else 1.0)
        blocks.append(rng.poisson(rates))
        rows += [(f"{prefix}{number}", "case" if case else "control")] * cells
    obs = pd.DataFrame(rows, columns=["sample", "condition"], index=[f"c{number}" for number in range(len(rows))])
    counts = pd.DataFrame(np.vstack(blocks), columns=list(NAMES))[list(genes)]
    data = anndata.AnnData(sparse.csr_matrix(counts.to_numpy(np.float32)), obs=obs, var=pd.DataFrame(index=list(genes)))
    data.write_h5ad(path)
    return path
