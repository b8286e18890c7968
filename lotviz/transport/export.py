"""The embedding in the form other tools of the field read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import anndata as ad

    from lotviz.transport.embedding import LOTEmbedding


def to_anndata(embedding: LOTEmbedding) -> ad.AnnData:
    """Return samples x (reference point, marker).

    Parameters
    ----------
    embedding
        The embedding, N samples, m reference points, d markers.

    Returns
    -------
        `X` the vectors (N, m * d), whose distances are LOT distances; layer "maps" the maps in scaled marker
        units; `obs` the sample table; `var` point, marker and mass; `uns["lotviz"]` how it was made.
    """
    import anndata as ad  # about a second

    points, markers = embedding.reference.n_points, embedding.markers
    point = np.repeat(np.arange(points), len(markers))
    marker = np.tile(np.array(markers, dtype=object), points)
    var = pd.DataFrame(
        {"point": point, "marker": marker, "mass": np.repeat(embedding.masses, len(markers))},
        index=[f"{name} at point {i}" for i, name in zip(point, marker, strict=True)],
    )
    made = {
        "transform": embedding.transform.describe(),
        "reference": embedding.reference.kind,
        "residuals": embedding.residuals,
        "residual_shares": embedding.residual_shares,
        "versions": dict(embedding.versions),
        "warnings": list(embedding.warnings),
    }
    return ad.AnnData(
        embedding.vectors,
        obs=embedding.samples.copy(),
        var=var,
        layers={"maps": embedding.maps.reshape(len(embedding.maps), -1)},
        uns={"lotviz": made},
    )
